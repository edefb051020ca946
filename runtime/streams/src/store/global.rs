//! Tables that each instance has whole: the bytes of a topic by the bytes of its keys.

use std::sync::Arc;

use bytes::Bytes;
use gantry_log::LogRecord;

use super::{Backend, Batch, PREFIX_BYTES, prefix};
use crate::error::StreamsError;

/// Where global tables stand, one after the other: no store of a task has this number.
pub(crate) const GLOBALS: u16 = u16::MAX - 1;

/// A global table, to those that look into it.
pub(crate) struct GlobalStore {
    pub(crate) backend: Arc<dyn Backend>,
    pub(crate) number: u32,
}

impl GlobalStore {
    pub(crate) fn get(&self, key: &[u8]) -> Result<Option<Bytes>, StreamsError> {
        let found = self.backend.get(&place(self.number, key))?;
        Ok(found.map(Bytes::from))
    }
}

fn place(number: u32, key: &[u8]) -> Vec<u8> {
    let mut place = Vec::with_capacity(PREFIX_BYTES + key.len());
    place.extend_from_slice(&prefix(GLOBALS, number));
    place.extend_from_slice(key);
    place
}

/// What a record of the topic changes. One without a key changes nothing.
pub(crate) fn put(number: u32, record: &LogRecord, batch: &mut Batch) {
    if let Some(key) = &record.key {
        let value = record.value.as_ref().map(|value| value.to_vec());
        batch.entries.push((place(number, key), value));
    }
}

/// Takes all of a table away.
pub(crate) fn clear(number: u32, batch: &mut Batch) {
    let all = prefix(GLOBALS, number);
    batch.ranges.push((all.to_vec(), super::after(&all)));
}
