//! What is written comes back.

use bytes::{BufMut, Bytes, BytesMut};
use gantry_log::{LogRecord, RecordHeader};
use proptest::prelude::*;

use super::{encode, messages, parts};

const BORN_MS: i64 = 1_000;
const STORE_MS: i64 = 2_000;

/// What a broker makes of a batch.
fn stored(encoded: &super::Encoded) -> Bytes {
    let mut bytes = BytesMut::new();
    let mut start = 0;
    for (offset, end) in (0_i64..).zip(&encoded.ends) {
        let (body, properties) = parts(&encoded.bytes.slice(start..*end)).unwrap();
        start = *end;
        let mut message = BytesMut::new();
        message.put_i32(-626_843_481);
        message.put_slice(&[0; 4 + 4 + 4]);
        message.put_i64(offset);
        message.put_slice(&[0; 8 + 4]);
        message.put_i64(encoded.born_ms.unwrap_or(BORN_MS));
        message.put_slice(&[0; 8]);
        message.put_i64(STORE_MS);
        message.put_slice(&[0; 8 + 4 + 8]);
        message.put_u32(u32::try_from(body.len()).unwrap());
        message.put_slice(&body);
        message.put_slice(b"\x05topic");
        message.put_u16(u16::try_from(properties.len()).unwrap());
        message.put_slice(&properties);
        bytes.put_u32(u32::try_from(message.len() + 4).unwrap());
        bytes.put_slice(&message);
    }
    bytes.freeze()
}

fn came_back(records: &[LogRecord]) -> Vec<LogRecord> {
    let found = messages(&stored(&encode(records))).unwrap();
    found.into_iter().map(|(_, record)| record).collect()
}

fn bytes() -> impl Strategy<Value = Option<Bytes>> {
    prop_oneof![
        Just(None),
        "[a-z \u{1}\u{2}ä]{0,8}".prop_map(|text| Some(Bytes::from(text))),
        proptest::collection::vec(any::<u8>(), 0..8).prop_map(|bytes| Some(Bytes::from(bytes))),
    ]
}

fn header() -> impl Strategy<Value = RecordHeader> {
    let name = prop_oneof![Just("KEYS".to_owned()), Just("TAGS".to_owned()), "[a-c\u{1}]{0,3}"];
    (name, bytes()).prop_map(|(name, value)| RecordHeader { key: name.into(), value })
}

fn record() -> impl Strategy<Value = LogRecord> {
    (bytes(), bytes(), proptest::collection::vec(header(), 0..4), 0_i64..3).prop_map(
        |(key, value, headers, timestamp_ms)| LogRecord { key, value, headers, timestamp_ms },
    )
}

proptest! {
    #[test]
    fn any_record_comes_back(records in proptest::collection::vec(record(), 1..8)) {
        prop_assert_eq!(came_back(&records), records);
    }
}

#[test]
fn long_headers_go_into_the_body() {
    let header = RecordHeader { key: "trace".into(), value: Some(vec![b'x'; 100_000].into()) };
    let records =
        [LogRecord { value: Some("v".into()), headers: vec![header], ..LogRecord::default() }];
    assert_eq!(came_back(&records), records);
}

#[test]
fn the_time_of_storing_is_told_where_it_was_asked_for() {
    let records = [LogRecord { timestamp_ms: LogRecord::AT_STORE, ..LogRecord::default() }];
    assert_eq!(came_back(&records)[0].timestamp_ms, STORE_MS);
}

#[test]
fn plain_records_are_plain_messages() {
    let header = RecordHeader { key: "TAGS".into(), value: Some("t".into()) };
    let record = LogRecord {
        key: Some("k".into()),
        value: Some("v".into()),
        headers: vec![header],
        timestamp_ms: 7,
    };
    let encoded = encode(&vec![record; 9]);
    let (body, properties) = parts(&encoded.bytes.slice(..encoded.ends[0])).unwrap();
    assert_eq!((&*body, &*properties), (&b"v"[..], &b"KEYS\x01k\x02TAGS\x01t\x02"[..]));
    assert_eq!(encoded.born_ms, Some(7));
}

#[test]
fn messages_of_other_clients_are_copied_as_they_are() {
    let header = |name: &str| RecordHeader { key: name.into(), value: Some("x".into()) };
    let record = LogRecord {
        key: Some("k1 k2".into()),
        value: Some("v".into()),
        headers: vec![header("TAGS"), header("a"), header("b")],
        timestamp_ms: 7,
    };
    let encoded = encode(&vec![record.clone(); 9]);
    let (_, properties) = parts(&encoded.bytes.slice(..encoded.ends[0])).unwrap();
    assert_eq!(&*properties, b"KEYS\x01k1 k2\x02TAGS\x01x\x02a\x01x\x02b\x01x\x02");
    assert_eq!(came_back(&vec![record.clone(); 9]), vec![record; 9]);
}

#[test]
fn what_is_cut_off_or_foreign_is_an_error() {
    let whole = stored(&encode(&[LogRecord { value: Some("v".into()), ..LogRecord::default() }]));
    let mut wrong = BytesMut::from(&whole[..]);
    wrong[4] = 0;
    assert!(messages(&wrong.freeze()).unwrap_err().contains("magic"));
    for end in 5..whole.len() {
        assert!(messages(&whole.slice(..end)).is_err(), "cut at {end}");
        let mut short = BytesMut::from(&whole[..end]);
        short[..4].copy_from_slice(&u32::try_from(end).unwrap().to_be_bytes());
        assert!(messages(&short.freeze()).is_err(), "shortened to {end}");
    }
}
