//! Bytes of topics as values, and back.

use std::sync::Arc;

use bytes::Bytes;

use crate::data::{Data, decode_json, encode_json};
use crate::error::DataError;

type Read<T> = dyn Fn(&Bytes) -> Result<T, DataError> + Send + Sync;
type Write<T> = dyn Fn(&T) -> Bytes + Send + Sync;

/// How keys or values of a topic are read and written.
pub struct Serde<T> {
    read: Arc<Read<T>>,
    write: Arc<Write<T>>,
}

impl<T> Clone for Serde<T> {
    fn clone(&self) -> Self {
        Self { read: Arc::clone(&self.read), write: Arc::clone(&self.write) }
    }
}

impl<T> std::fmt::Debug for Serde<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Serde")
    }
}

impl<T> Serde<T> {
    /// By two functions.
    pub fn new(
        read: impl Fn(&Bytes) -> Result<T, DataError> + Send + Sync + 'static,
        write: impl Fn(&T) -> Bytes + Send + Sync + 'static,
    ) -> Self {
        Self { read: Arc::new(read), write: Arc::new(write) }
    }

    pub(crate) fn read(&self, bytes: &Bytes) -> Result<T, DataError> {
        (self.read)(bytes)
    }

    pub(crate) fn write(&self, value: &T) -> Bytes {
        (self.write)(value)
    }
}

/// UTF-8 texts.
pub fn text() -> Serde<String> {
    data()
}

/// Bytes as they are.
pub fn bytes() -> Serde<Bytes> {
    Serde::new(|bytes| Ok(bytes.clone()), Bytes::clone)
}

/// JSON.
pub fn json<T: serde::Serialize + serde::de::DeserializeOwned + 'static>() -> Serde<T> {
    Serde::new(
        |bytes| decode_json(bytes),
        |value| {
            let mut bytes = Vec::new();
            encode_json(value, &mut bytes);
            bytes.into()
        },
    )
}

/// As the job's own stores have them.
pub fn data<T: Data>() -> Serde<T> {
    Serde::new(|bytes| T::decode(bytes), |value| value.to_bytes().into())
}
