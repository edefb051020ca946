//! Values that are bytes, each with a separator behind it.

use gantry_api::{Bytes, Error, Kind, Result, Value};

use super::{Compression, FileEncoder, Item, Output};

/// Bytes as they are.
#[derive(Debug)]
pub(in crate::objects) struct BytesFile {
    separator: Bytes,
    staged: Bytes,
    output: Output,
}

impl BytesFile {
    pub(in crate::objects) fn new(separator: &Bytes, compression: Compression) -> Result<Self> {
        let output = Output::new(compression)?;
        Ok(Self { separator: separator.clone(), staged: Bytes::new(), output })
    }
}

impl FileEncoder for BytesFile {
    fn stage(&mut self, item: Item<'_>) -> Result<()> {
        let datum = item.datum;
        if let Some(schema) = &datum.schema
            && !matches!(schema.kind(), Kind::Bytes)
        {
            return Err(Error::data(format!(
                "Invalid schema type for ByteArrayConverter: {}",
                schema.kind().type_name()
            )));
        }
        self.staged = match &datum.value {
            Value::Bytes(bytes) => bytes.clone(),
            other => {
                return Err(Error::data(format!(
                    "ByteArrayConverter is not compatible with objects of type class {}",
                    other.java_class().unwrap_or("null")
                )));
            }
        };
        Ok(())
    }

    fn keep(&mut self) -> Result<()> {
        self.output.write(&std::mem::take(&mut self.staged))?;
        self.output.write(&self.separator)
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
