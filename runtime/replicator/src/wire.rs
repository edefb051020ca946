//! The records of MirrorMaker's own topics, in Kafka's binary form: numbers big-endian, texts
//! behind their length in two bytes.

use bytes::{Buf, BufMut, Bytes};
use gantry_log::{Str, TopicPartition};

use crate::mapping::{Mapping, STRETCHES_MAX, Stretch};

/// The version that heartbeats and checkpoints begin with.
const VERSION: i16 = 0;
/// The form of what stands behind MirrorMaker's own part of an offset sync.
const SYNC_FORM: u8 = 1;
/// Three numbers.
const STRETCH_BYTES: usize = 24;

fn put_text(out: &mut Vec<u8>, text: &str) {
    let mut end = text.len().min(i16::MAX as usize);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    out.put_u16(u16::try_from(end).unwrap_or(u16::MAX));
    out.put_slice(text.as_bytes().get(..end).unwrap_or_default());
}

fn get_text(from: &mut &[u8]) -> Option<String> {
    let length = usize::from(from.try_get_u16().ok()?);
    let text = from.get(..length)?;
    *from = from.get(length..)?;
    String::from_utf8(text.to_vec()).ok()
}

/// An offset as Java has it.
fn signed(offset: u64) -> i64 {
    i64::try_from(offset).unwrap_or(i64::MAX)
}

/// What an offset sync says of a queue of the source.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sync {
    pub(crate) mapping: Mapping,
    /// The place of the queue, where the source tells one.
    pub(crate) place: Option<Str>,
}

/// Topic and queue: the key of an offset sync.
pub(crate) fn sync_key(queue: &TopicPartition) -> Bytes {
    let mut out = Vec::with_capacity(queue.topic.len() + 6);
    put_text(&mut out, &queue.topic);
    out.put_u32(queue.partition);
    out.into()
}

pub(crate) fn read_sync_key(mut bytes: &[u8]) -> Option<TopicPartition> {
    let topic = get_text(&mut bytes)?;
    Some(TopicPartition::new(topic, bytes.try_get_u32().ok()?))
}

/// The offsets behind the last copy, which any MirrorMaker reads, and behind it all stretches.
pub(crate) fn sync_value(sync: &Sync) -> Bytes {
    let stretches = sync.mapping.stretches();
    let mut out = Vec::with_capacity(32 + stretches.len() * STRETCH_BYTES);
    let (source, target) = sync.mapping.end().unwrap_or_default();
    out.put_i64(signed(source));
    out.put_i64(signed(target));
    out.put_u8(SYNC_FORM);
    put_text(&mut out, sync.place.as_deref().unwrap_or_default());
    out.put_u16(u16::try_from(stretches.len()).unwrap_or(u16::MAX));
    for stretch in stretches {
        out.put_u64(stretch.source);
        out.put_u64(stretch.target);
        out.put_u64(stretch.count);
    }
    out.into()
}

/// Also one that MirrorMaker wrote: it knows one point.
pub(crate) fn read_sync_value(mut bytes: &[u8]) -> Option<Sync> {
    let source = u64::try_from(bytes.try_get_i64().ok()?).ok()?;
    let target = u64::try_from(bytes.try_get_i64().ok()?).ok()?;
    if bytes.try_get_u8().ok() != Some(SYNC_FORM) {
        let point = Stretch { source, target, count: 0 };
        return Some(Sync { mapping: Mapping::new(vec![point]), place: None });
    }
    let place = get_text(&mut bytes)?;
    let count = usize::from(bytes.try_get_u16().ok()?);
    if count > STRETCHES_MAX || bytes.len() != count * STRETCH_BYTES {
        return None;
    }
    let stretches = (0..count).map(|_| {
        let mut next = || bytes.try_get_u64().ok();
        Some(Stretch { source: next()?, target: next()?, count: next()? })
    });
    let mapping = Mapping::new(stretches.collect::<Option<_>>()?);
    Some(Sync { mapping, place: (!place.is_empty()).then(|| place.into()) })
}

/// A heartbeat: key and value.
pub(crate) fn heartbeat(source: &str, target: &str, timestamp_ms: i64) -> (Bytes, Bytes) {
    let mut key = Vec::new();
    put_text(&mut key, source);
    put_text(&mut key, target);
    let mut value = Vec::with_capacity(10);
    value.put_i16(VERSION);
    value.put_i64(timestamp_ms);
    (key.into(), value.into())
}

/// A checkpoint of a group in a queue of the target: key and value.
pub(crate) fn checkpoint(
    group: &str,
    queue: &TopicPartition,
    upstream: u64,
    offset: u64,
) -> (Bytes, Bytes) {
    let mut key = Vec::new();
    put_text(&mut key, group);
    put_text(&mut key, &queue.topic);
    key.put_u32(queue.partition);
    let mut value = Vec::with_capacity(20);
    value.put_i16(VERSION);
    value.put_i64(signed(upstream));
    value.put_i64(signed(offset));
    put_text(&mut value, "");
    (key.into(), value.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn syncs_come_back_and_begin_as_mirrormakers_do() {
        let queue = TopicPartition::new("a.orders", 3);
        assert_eq!(&*sync_key(&queue), b"\0\x08a.orders\0\0\0\x03");
        assert_eq!(read_sync_key(&sync_key(&queue)), Some(queue));
        let mut mapping = Mapping::default();
        mapping.go_on(7, 2, true);
        mapping.copied(&[(7, 3), (20, 1)], 2..6);
        for place in [None, Some("broker-a:3".into())] {
            let sync = Sync { mapping: mapping.clone(), place };
            let bytes = sync_value(&sync);
            assert_eq!(&bytes[..16], b"\0\0\0\0\0\0\0\x15\0\0\0\0\0\0\0\x06");
            assert_eq!(read_sync_value(&bytes), Some(sync));
            for cut in 17..bytes.len() {
                assert_eq!(read_sync_value(&bytes[..cut]), None, "cut at {cut}");
            }
        }
        let foreign = read_sync_value(b"\0\0\0\0\0\0\0\x15\0\0\0\0\0\0\0\x06").unwrap();
        assert_eq!(foreign.mapping.translate(30), Some(6));
    }

    #[test]
    fn heartbeats_and_checkpoints_are_mirrormakers() {
        let (key, value) = heartbeat("a", "b", 258);
        assert_eq!((&*key, &*value), (&b"\0\x01a\0\x01b"[..], &b"\0\0\0\0\0\0\0\0\x01\x02"[..]));
        let (key, value) = checkpoint("g", &TopicPartition::new("a.t", 1), 5, 6);
        assert_eq!(&*key, b"\0\x01g\0\x03a.t\0\0\0\x01");
        assert_eq!(&*value, b"\0\0\0\0\0\0\0\0\0\x05\0\0\0\0\0\0\0\x06\0\0");
    }
}
