//! Keys and values as bytes: in state stores, change logs and shuffle topics.

use std::hash::Hash;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::{Value, json};

use crate::error::DataError;
use crate::window::{Window, Windowed};

/// For [`json_data!`](crate::json_data).
#[doc(hidden)]
pub use serde_json::Value as Json;

/// A type whose values can be kept. [`json_data!`](crate::json_data) makes any serde type one.
pub trait Data: Clone + Send + 'static {
    /// Appends its bytes.
    fn encode(&self, to: &mut Vec<u8>);
    /// Reads them again. Fails if they are not what [`Data::encode`] writes.
    fn decode(bytes: &[u8]) -> Result<Self, DataError>;

    /// Its bytes.
    fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.encode(&mut bytes);
        bytes
    }

    /// As answers over HTTP have it. Unless told: its bytes, as text where they are UTF-8, else as
    /// an object with `base64`.
    fn to_json(&self) -> Value {
        bytes_json(&self.to_bytes())
    }

    /// What stands for it in the address of a question over HTTP. Unless told: its bytes as text.
    fn from_text(text: &str) -> Result<Self, DataError> {
        Self::decode(text.as_bytes())
    }
}

fn bytes_json(bytes: &[u8]) -> Value {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.into(),
        Err(_) => json!({ "base64": STANDARD.encode(bytes) }),
    }
}

fn parse<T: std::str::FromStr>(text: &str, what: &str) -> Result<T, DataError> {
    text.parse().map_err(|_| DataError(format!("{text:?} is no {what}")))
}

/// The parts of something that is made of several: a JSON array, in which a part may stand as JSON
/// or as its text.
fn parts_from_text(text: &str) -> Result<Vec<String>, DataError> {
    let parts: Vec<Value> = decode_json(text.as_bytes())
        .map_err(|error| DataError(format!("{text:?} is no JSON array: {error}")))?;
    let texts = parts.into_iter().map(|part| match part {
        Value::String(text) => text,
        part => part.to_string(),
    });
    Ok(texts.collect())
}

fn parts_of<const N: usize>(text: &str) -> Result<[String; N], DataError> {
    let parts = parts_from_text(text)?;
    parts.try_into().map_err(|_| DataError(format!("{text:?} does not have {N} parts")))
}

/// Data by which records can be grouped and joined. Equal keys have equal bytes: by these, queues
/// are chosen and stores are ordered.
pub trait Key: Data + Eq + Hash + Ord + std::fmt::Debug {}
impl<T: Data + Eq + Hash + Ord + std::fmt::Debug> Key for T {}

fn fixed<const N: usize>(bytes: &[u8], what: &str) -> Result<[u8; N], DataError> {
    bytes
        .try_into()
        .map_err(|_| DataError(format!("{what} has {N} bytes, here are {}", bytes.len())))
}

macro_rules! integers {
    ($($signed:ty, $unsigned:ty;)*) => {$(
        /// Big-endian with the sign turned round, so that bytes are ordered as the numbers are.
        impl Data for $signed {
            fn encode(&self, to: &mut Vec<u8>) {
                let bits = self.cast_unsigned() ^ (1 << (<$unsigned>::BITS - 1));
                to.extend_from_slice(&bits.to_be_bytes());
            }
            fn decode(bytes: &[u8]) -> Result<Self, DataError> {
                let bits = <$unsigned>::from_be_bytes(fixed(bytes, stringify!($signed))?);
                Ok((bits ^ (1 << (<$unsigned>::BITS - 1))).cast_signed())
            }
            fn to_json(&self) -> Value {
                (*self).into()
            }
            fn from_text(text: &str) -> Result<Self, DataError> {
                parse(text, stringify!($signed))
            }
        }
        impl Data for $unsigned {
            fn encode(&self, to: &mut Vec<u8>) {
                to.extend_from_slice(&self.to_be_bytes());
            }
            fn decode(bytes: &[u8]) -> Result<Self, DataError> {
                Ok(<$unsigned>::from_be_bytes(fixed(bytes, stringify!($unsigned))?))
            }
            fn to_json(&self) -> Value {
                (*self).into()
            }
            fn from_text(text: &str) -> Result<Self, DataError> {
                parse(text, stringify!($unsigned))
            }
        }
    )*};
}
integers! { i16, u16; i32, u32; i64, u64; }

impl Data for f64 {
    fn encode(&self, to: &mut Vec<u8>) {
        to.extend_from_slice(&self.to_bits().to_be_bytes());
    }
    fn decode(bytes: &[u8]) -> Result<Self, DataError> {
        Ok(Self::from_bits(u64::from_be_bytes(fixed(bytes, "f64")?)))
    }
    /// What is no number in JSON is a text: `NaN`, `inf`.
    fn to_json(&self) -> Value {
        serde_json::Number::from_f64(*self).map_or_else(|| self.to_string().into(), Value::Number)
    }
    fn from_text(text: &str) -> Result<Self, DataError> {
        parse(text, "number")
    }
}

impl Data for bool {
    fn encode(&self, to: &mut Vec<u8>) {
        to.push(u8::from(*self));
    }
    fn decode(bytes: &[u8]) -> Result<Self, DataError> {
        match bytes {
            [0] => Ok(false),
            [1] => Ok(true),
            _ => Err(DataError::new("a bool is one byte, 0 or 1")),
        }
    }
    fn to_json(&self) -> Value {
        (*self).into()
    }
    fn from_text(text: &str) -> Result<Self, DataError> {
        parse(text, "bool")
    }
}

impl Data for () {
    fn encode(&self, _: &mut Vec<u8>) {}
    fn decode(bytes: &[u8]) -> Result<Self, DataError> {
        fixed::<0>(bytes, "()").map(|_| ())
    }
    fn to_json(&self) -> Value {
        Value::Null
    }
}

impl Data for String {
    fn encode(&self, to: &mut Vec<u8>) {
        to.extend_from_slice(self.as_bytes());
    }
    fn decode(bytes: &[u8]) -> Result<Self, DataError> {
        let text = std::str::from_utf8(bytes);
        text.map(str::to_owned).map_err(|error| DataError(format!("no UTF-8 text: {error}")))
    }
    fn to_json(&self) -> Value {
        self.as_str().into()
    }
}

impl Data for Bytes {
    fn encode(&self, to: &mut Vec<u8>) {
        to.extend_from_slice(self);
    }
    fn decode(bytes: &[u8]) -> Result<Self, DataError> {
        Ok(Self::copy_from_slice(bytes))
    }
}

impl Data for Value {
    fn encode(&self, to: &mut Vec<u8>) {
        encode_json(self, to);
    }
    fn decode(bytes: &[u8]) -> Result<Self, DataError> {
        decode_json(bytes)
    }
    fn to_json(&self) -> Value {
        self.clone()
    }
    fn from_text(text: &str) -> Result<Self, DataError> {
        json_from_text(text)
    }
}

/// None is no byte more than nothing: a 0 or a 1 stands in front.
impl<T: Data> Data for Option<T> {
    fn encode(&self, to: &mut Vec<u8>) {
        to.push(u8::from(self.is_some()));
        if let Some(value) = self {
            value.encode(to);
        }
    }
    fn decode(bytes: &[u8]) -> Result<Self, DataError> {
        match bytes.split_first() {
            Some((0, [])) => Ok(None),
            Some((1, rest)) => T::decode(rest).map(Some),
            _ => Err(DataError::new("an option begins with 0 or 1")),
        }
    }
    fn to_json(&self) -> Value {
        self.as_ref().map_or(Value::Null, Data::to_json)
    }
    fn from_text(text: &str) -> Result<Self, DataError> {
        T::from_text(text).map(Some)
    }
}

/// Each part with its length in front.
fn encode_part(part: &impl Data, to: &mut Vec<u8>) {
    let at = to.len();
    to.extend_from_slice(&[0; 4]);
    part.encode(to);
    let length = u32::try_from(to.len() - at - 4).unwrap_or(u32::MAX);
    to[at..at + 4].copy_from_slice(&length.to_be_bytes());
}

fn decode_part<'a>(bytes: &mut &'a [u8]) -> Result<&'a [u8], DataError> {
    let cut = || DataError::new("it ends too early");
    let (length, rest) = bytes.split_at_checked(4).ok_or_else(cut)?;
    let length = u32::from_be_bytes(fixed(length, "a length")?) as usize;
    let (part, rest) = rest.split_at_checked(length).ok_or_else(cut)?;
    *bytes = rest;
    Ok(part)
}

impl<T: Data> Data for Vec<T> {
    fn encode(&self, to: &mut Vec<u8>) {
        self.iter().for_each(|one| encode_part(one, to));
    }
    fn decode(mut bytes: &[u8]) -> Result<Self, DataError> {
        let mut all = Self::new();
        while !bytes.is_empty() {
            all.push(T::decode(decode_part(&mut bytes)?)?);
        }
        Ok(all)
    }
    fn to_json(&self) -> Value {
        self.iter().map(Data::to_json).collect()
    }
    fn from_text(text: &str) -> Result<Self, DataError> {
        parts_from_text(text)?.iter().map(|part| T::from_text(part)).collect()
    }
}

impl<A: Data, B: Data> Data for (A, B) {
    fn encode(&self, to: &mut Vec<u8>) {
        encode_part(&self.0, to);
        self.1.encode(to);
    }
    fn decode(mut bytes: &[u8]) -> Result<Self, DataError> {
        Ok((A::decode(decode_part(&mut bytes)?)?, B::decode(bytes)?))
    }
    fn to_json(&self) -> Value {
        json!([self.0.to_json(), self.1.to_json()])
    }
    fn from_text(text: &str) -> Result<Self, DataError> {
        let [a, b] = parts_of(text)?;
        Ok((A::from_text(&a)?, B::from_text(&b)?))
    }
}

impl<A: Data, B: Data, C: Data> Data for (A, B, C) {
    fn encode(&self, to: &mut Vec<u8>) {
        encode_part(&self.0, to);
        encode_part(&self.1, to);
        self.2.encode(to);
    }
    fn decode(mut bytes: &[u8]) -> Result<Self, DataError> {
        let (a, b) = (decode_part(&mut bytes)?, decode_part(&mut bytes)?);
        Ok((A::decode(a)?, B::decode(b)?, C::decode(bytes)?))
    }
    fn to_json(&self) -> Value {
        json!([self.0.to_json(), self.1.to_json(), self.2.to_json()])
    }
    fn from_text(text: &str) -> Result<Self, DataError> {
        let [a, b, c] = parts_of(text)?;
        Ok((A::from_text(&a)?, B::from_text(&b)?, C::from_text(&c)?))
    }
}

/// The window first, so that the windows of one time stand together.
impl<K: Data> Data for Windowed<K> {
    fn encode(&self, to: &mut Vec<u8>) {
        self.window.start_ms.encode(to);
        self.window.end_ms.encode(to);
        self.key.encode(to);
    }
    fn decode(bytes: &[u8]) -> Result<Self, DataError> {
        let (window, key) =
            bytes.split_at_checked(16).ok_or_else(|| DataError::new("it ends too early"))?;
        let window =
            Window { start_ms: i64::decode(&window[..8])?, end_ms: i64::decode(&window[8..])? };
        Ok(Self { key: K::decode(key)?, window })
    }
    fn to_json(&self) -> Value {
        let Window { start_ms, end_ms } = self.window;
        json!({ "key": self.key.to_json(), "start_ms": start_ms, "end_ms": end_ms })
    }
    /// Start, end and key, as a JSON array.
    fn from_text(text: &str) -> Result<Self, DataError> {
        let (start_ms, end_ms, key) = Data::from_text(text)?;
        Ok(Self { window: Window { start_ms, end_ms }, key })
    }
}

/// For [`json_data!`](crate::json_data).
#[doc(hidden)]
pub fn encode_json(value: &impl serde::Serialize, to: &mut Vec<u8>) {
    // Only a map whose keys are no texts cannot be written: it reads as null.
    if serde_json::to_writer(&mut *to, value).is_err() {
        to.extend_from_slice(b"null");
    }
}

/// For [`json_data!`](crate::json_data).
#[doc(hidden)]
pub fn decode_json<T: serde::de::DeserializeOwned>(bytes: &[u8]) -> Result<T, DataError> {
    serde_json::from_slice(bytes).map_err(|error| DataError(format!("JSON: {error}")))
}

/// For [`json_data!`](crate::json_data): what cannot be written is null, as its bytes are.
#[doc(hidden)]
pub fn json_value(value: &impl serde::Serialize) -> Value {
    serde_json::to_value(value).unwrap_or_default()
}

/// For [`json_data!`](crate::json_data): JSON, or a text that need not be in quotes.
#[doc(hidden)]
pub fn json_from_text<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, DataError> {
    let as_text = || serde_json::from_value(Value::from(text)).ok();
    decode_json(text.as_bytes()).or_else(|error| as_text().ok_or(error))
}

/// Makes serde types [`Data`], kept as JSON: `json_data!(Order, Payment);`
#[macro_export]
macro_rules! json_data {
    ($($name:ty),+ $(,)?) => {$(
        impl $crate::Data for $name {
            fn encode(&self, to: &mut Vec<u8>) {
                $crate::data::encode_json(self, to);
            }
            fn decode(bytes: &[u8]) -> Result<Self, $crate::DataError> {
                $crate::data::decode_json(bytes)
            }
            fn to_json(&self) -> $crate::data::Json {
                $crate::data::json_value(self)
            }
            fn from_text(text: &str) -> Result<Self, $crate::DataError> {
                $crate::data::json_from_text(text)
            }
        }
    )+};
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn same<T: Data + PartialEq + std::fmt::Debug>(value: &T) {
        assert_eq!(T::decode(&value.to_bytes()).as_ref(), Ok(value));
    }

    fn asked<T: Data + PartialEq + std::fmt::Debug>(value: &T, text: &str) {
        assert_eq!(T::from_text(text).as_ref(), Ok(value));
    }

    #[test]
    fn bytes_are_told_as_text_or_base64() {
        assert_eq!(Bytes::from_static(b"a\"b").to_json(), json!("a\"b"));
        assert_eq!(Bytes::from_static(&[0xff, 0]).to_json(), json!({ "base64": "/wA=" }));
        assert_eq!(f64::NAN.to_json(), json!("NaN"));
        assert_eq!(Value::from_text("{\"a\":1}"), Ok(json!({ "a": 1 })));
        assert_eq!(Value::from_text("a b"), Ok(json!("a b")));
        assert!(u64::from_text("-1").is_err_and(|error| error.0 == "\"-1\" is no u64"));
        assert!(<(u64, String)>::from_text("[1]").is_err());
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(a in any::<i64>(), b in any::<String>(), c in any::<Option<u32>>(), d in any::<Vec<String>>(), e in any::<bool>()) {
            same(&a);
            same(&(b.clone(), a));
            same(&(b.clone(), c, d.clone()));
            same(&d);
            same(&Some((e, b.clone())));
            same(&Windowed { key: b, window: Window { start_ms: a, end_ms: a.saturating_add(1) } });
        }

        #[test]
        fn what_is_told_in_json_can_be_asked_for(a in any::<i64>(), b in any::<String>(), c in any::<u32>(), d in any::<bool>()) {
            asked(&a, &a.to_string());
            asked(&b, &b);
            asked(&Some(c), &c.to_string());
            asked(&(b.clone(), a), &json!([b, a]).to_string());
            asked(&(a, d, vec![c, 7]), &json!([a, d, [c, 7]]).to_string());
            let window = Window { start_ms: a, end_ms: a.saturating_add(1) };
            let text = json!([a, window.end_ms, b]).to_string();
            asked(&Windowed { key: b.clone(), window }, &text);
            assert_eq!((b.clone(), Some(a), d).to_json(), json!([b, a, d]));
        }

        #[test]
        fn numbers_are_ordered_as_their_bytes(a in any::<i64>(), b in any::<i64>()) {
            assert_eq!(a.cmp(&b), a.to_bytes().cmp(&b.to_bytes()));
        }

        #[test]
        fn any_bytes_are_a_value_or_an_error(bytes in any::<Vec<u8>>()) {
            let _ = <(String, i64, Vec<bool>)>::decode(&bytes);
            let _ = Windowed::<String>::decode(&bytes);
            let _ = Vec::<Option<u64>>::decode(&bytes);
        }
    }
}
