//! Values as lines of JSON.

use gantry_api::{Bytes, Converter, Props, Result};
use gantry_converters::JsonConverter;

use super::{Compression, FileEncoder, Item, Output};

/// A converter that writes JSON without schemas.
pub(in crate::objects) fn json_converter(kind: &str, decimals: &str) -> Result<JsonConverter> {
    let props: Props =
        [("schemas.enable", "false"), ("converter.type", kind), ("decimal.format", decimals)]
            .into_iter()
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .collect();
    JsonConverter::new(&props)
}

/// One value a line.
pub(in crate::objects) struct JsonFile {
    converter: JsonConverter,
    staged: Bytes,
    output: Output,
}

impl std::fmt::Debug for JsonFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "JsonFile({:?})", self.output)
    }
}

impl JsonFile {
    pub(in crate::objects) fn new(decimals: &str, compression: Compression) -> Result<Self> {
        Ok(Self {
            converter: json_converter("value", decimals)?,
            staged: Bytes::new(),
            output: Output::new(compression)?,
        })
    }
}

impl FileEncoder for JsonFile {
    fn stage(&mut self, item: Item<'_>) -> Result<()> {
        let found = self.converter.from_connect(item.topic, &mut Vec::new(), item.datum)?;
        self.staged = found.unwrap_or_else(|| Bytes::from_static(b"null"));
        Ok(())
    }

    fn keep(&mut self) -> Result<()> {
        self.output.write(&std::mem::take(&mut self.staged))?;
        self.output.write(b"\n")
    }

    fn forget(&mut self) {
        self.staged.clear();
    }

    fn held(&self) -> usize {
        self.output.held()
    }

    fn take(&mut self, bytes: usize) -> Option<Bytes> {
        self.output.take(bytes)
    }

    fn finish(&mut self) -> Result<Bytes> {
        self.output.finish()
    }
}
