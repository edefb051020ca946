//! `StringConverter`: a value's text. UTF-8 text is shared both ways, short text may be copied.

use bytes::Bytes;
use gantry_model::config::{ConfigDef, ConfigKey, Importance, Type, Width};
use gantry_model::plugin::{Converter, ConverterType, Props};
use gantry_model::{Datum, Error, ErrorKind, RecordHeader, Result, Schema, Value, text};

use crate::charset::Charset;

/// The key that names the character set.
const ENCODING: &str = "converter.encoding";
const ENCODING_DEFAULT: &str = "UTF-8";

/// The keys of [`StringConverter`].
pub(crate) fn config_def() -> ConfigDef {
    let mut key = ConfigKey::new(
        ENCODING,
        Type::String,
        ENCODING_DEFAULT,
        Importance::High,
        "The character set, by its Java name, in which text is written and read.",
    );
    key.width = Width::Medium;
    key.display_name = Some("Encoding".to_owned());
    crate::plugins::base_config_def().define(key)
}

/// Kafka Connect's `StringConverter`: writes any value as Java's `toString` does, reads text.
#[derive(Clone, Debug)]
pub struct StringConverter {
    encode: Charset,
    decode: Charset,
    /// Kept: the static's lock would cost more than the clone.
    schema: Schema,
}

impl StringConverter {
    /// A converter with these properties. Fails on an unknown character set.
    pub fn new(props: &Props) -> Result<Self> {
        let config = crate::plugins::parse(&config_def(), props)?;
        let encoding = config.string(ENCODING).unwrap_or(ENCODING_DEFAULT);
        let side = match ConverterType::of(props) {
            ConverterType::Key => "key",
            ConverterType::Value | ConverterType::Header => "value",
        };
        // Kafka hands all properties on to its serializer, which has keys of its own.
        let charset = |what: &str| {
            let own = props.get(&format!("{side}.{what}.encoding"));
            charset(own.map_or(encoding, String::as_str))
        };
        Ok(Self {
            encode: charset("serializer")?,
            decode: charset("deserializer")?,
            schema: Schema::optional_string(),
        })
    }
}

fn charset(name: &str) -> Result<Charset> {
    Charset::for_name(name).ok_or_else(|| {
        Error::new(ErrorKind::Serialization, format!("Unsupported encoding {name}"))
            .caused_by(Error::java("java.nio.charset.UnsupportedCharsetException", name))
    })
}

impl Converter for StringConverter {
    fn from_connect(
        &mut self,
        _topic: &str,
        _headers: &mut Vec<RecordHeader>,
        datum: &Datum,
    ) -> Result<Option<Bytes>> {
        Ok(match &datum.value {
            Value::Null => None,
            Value::String(text) => Some(self.encode.encode(text)),
            other => Some(self.encode.encode(&text::java_string(other).into())),
        })
    }

    fn to_connect(
        &mut self,
        _topic: &str,
        _headers: &[RecordHeader],
        bytes: Option<Bytes>,
    ) -> Result<Datum> {
        let value = match bytes {
            None => Value::Null,
            Some(bytes) => Value::String(self.decode.decode(bytes).into()),
        };
        Ok(Datum::new(self.schema.clone(), value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn converter(props: &[(&str, &str)]) -> Result<StringConverter> {
        StringConverter::new(
            &props.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect(),
        )
    }

    #[test]
    fn utf_8_is_shared_both_ways() {
        let mut converter = converter(&[]).unwrap();
        let bytes = Bytes::from(b"some text".to_vec());
        let datum = converter.to_connect("t", &[], Some(bytes.clone())).unwrap();
        let back = converter.from_connect("t", &mut Vec::new(), &datum).unwrap().unwrap();
        assert_eq!(back.as_ptr(), bytes.as_ptr());
    }

    #[test]
    fn the_character_set_of_the_serializer_wins() {
        let mut converter =
            converter(&[("converter.type", "key"), ("key.serializer.encoding", "ISO-8859-1")])
                .unwrap();
        let datum = Datum::schemaless(Value::str("é"));
        let bytes = converter.from_connect("t", &mut Vec::new(), &datum).unwrap().unwrap();
        assert_eq!(&*bytes, b"\xe9");
    }

    #[test]
    fn an_unknown_character_set_is_refused() {
        let error = converter(&[(ENCODING, "nope")]).unwrap_err();
        assert_eq!(error.message(), "Unsupported encoding nope");
        assert_eq!(*error.kind(), ErrorKind::Serialization);
    }
}
