//! Records to messages.

use bytes::{BufMut, Bytes, BytesMut};
use gantry_log::LogRecord;

use super::properties::{EMPTY, NULL, Rest, STORE, TIME, TIMESTAMP, VALUE, VALUE_BYTES, Writer};

/// Brokers take a little less than 32 KiB of properties, and add some of their own.
const PROPERTIES_BYTES_MAX: usize = 30_000;
/// Bytes of a message in a batch that are neither body nor properties.
pub(crate) const HEAD_BYTES: usize = 22;
/// Where the length of the body stands in it.
const BODY_AT: usize = 20;
/// A batch of so few records says the time of each, so that it can go with others.
const FEW: usize = 4;

/// Records of one queue as messages, one behind the other.
#[derive(Debug)]
pub(crate) struct Encoded {
    /// As they stand in a batch.
    pub(crate) bytes: Bytes,
    /// Where each ends.
    pub(crate) ends: Vec<usize>,
    /// The time of all of them, unless each tells its own.
    pub(crate) born_ms: Option<i64>,
    /// Bytes of the longest body.
    pub(crate) longest: usize,
}

/// Body and properties of a message of a batch.
pub(crate) fn parts(message: &Bytes) -> Option<(Bytes, Bytes)> {
    let length = message.get(BODY_AT - 4..BODY_AT)?.try_into().ok()?;
    let body_end = BODY_AT + u32::from_be_bytes(length) as usize;
    let properties = message.get(body_end + 2..).map(|bytes| message.slice_ref(bytes))?;
    Some((message.slice(BODY_AT..body_end), properties))
}

/// Writes records as messages.
pub(crate) fn encode(records: &[LogRecord]) -> Encoded {
    let first = records.first().map_or(0, |record| record.timestamp_ms);
    let same = first != LogRecord::AT_STORE
        && records.len() > FEW
        && records.iter().all(|record| record.timestamp_ms == first);
    let size: usize = records.iter().map(|record| record.size() + 2 * HEAD_BYTES).sum();
    let mut bytes = BytesMut::with_capacity(size);
    let mut ends = Vec::with_capacity(records.len());
    let mut properties = Vec::new();
    let mut longest = 0;
    for record in records {
        properties.clear();
        longest = longest.max(put(&mut bytes, &mut properties, record, same));
        ends.push(bytes.len());
    }
    Encoded { bytes: bytes.freeze(), ends, born_ms: same.then_some(first), longest }
}

/// Gives the length of the body.
fn put(to: &mut BytesMut, properties: &mut Vec<u8>, record: &LogRecord, born: bool) -> usize {
    let body = match &record.value {
        Some(value) if !value.is_empty() => value.as_ref(),
        value => {
            Writer(properties).put(VALUE, if value.is_none() { NULL } else { EMPTY });
            b"\0"
        }
    };
    if record.timestamp_ms == LogRecord::AT_STORE {
        Writer(properties).put(TIME, STORE);
    } else if !born {
        Writer(properties).put(TIMESTAMP, &record.timestamp_ms.to_string());
    }
    let common = properties.len();
    if let Some(key) = &record.key {
        Writer(properties).key(key);
    }
    if !record.headers.is_empty() {
        Writer(properties).headers(&record.headers);
    }
    let mut rest = Vec::new();
    if properties.len() > PROPERTIES_BYTES_MAX {
        properties.truncate(common);
        Writer(properties).put(VALUE_BYTES, &body.len().to_string());
        // Texts, lists and maps of text: this cannot fail.
        rest = serde_json::to_vec(&Rest::of(record)).unwrap_or_default();
    }
    let body_len = body.len() + rest.len();
    let total = HEAD_BYTES + body_len + properties.len();
    to.reserve(total);
    to.put_u32(u32::try_from(total).unwrap_or(u32::MAX));
    to.put_u32(0); // magic
    to.put_u32(0); // body CRC: the broker works it out
    to.put_u32(0); // flag
    to.put_u32(u32::try_from(body_len).unwrap_or(u32::MAX));
    to.put_slice(body);
    to.put_slice(&rest);
    to.put_u16(u16::try_from(properties.len()).unwrap_or(u16::MAX));
    to.put_slice(properties);
    body_len
}
