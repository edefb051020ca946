//! Properties of messages: names and values of text, with separators that neither may hold.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use gantry_log::{LogRecord, RecordHeader, Str};
use serde_json::Value as Json;

/// Between a name and its value.
pub(super) const BEHIND_NAME: u8 = 1;
/// Behind a value.
pub(super) const BEHIND_VALUE: u8 = 2;

pub(super) const KEYS: &str = "KEYS";
pub(super) const TIMESTAMP: &str = "connect.timestamp";
pub(super) const TIME: &str = "gantry.time";
pub(super) const STORE: &str = "store";
pub(super) const VALUE: &str = "gantry.value";
pub(super) const NULL: &str = "null";
pub(super) const EMPTY: &str = "empty";
pub(super) const KEY: &str = "gantry.key";
pub(super) const HEADERS: &str = "gantry.headers";
pub(super) const VALUE_BYTES: &str = "gantry.value.bytes";

/// Names that mean something to RocketMQ: no header is written there, and none is read from there.
/// `TAGS` is not among them, so that a record can have some.
const RESERVED: [&str; 62] = [
    KEYS,
    TIMESTAMP,
    TIME,
    VALUE,
    KEY,
    HEADERS,
    VALUE_BYTES,
    "WAIT",
    "DELAY",
    "RETRY_TOPIC",
    "REAL_TOPIC",
    "REAL_QID",
    "TRAN_MSG",
    "PGROUP",
    "MIN_OFFSET",
    "MAX_OFFSET",
    "BUYER_ID",
    "ORIGIN_MESSAGE_ID",
    "TRANSFER_FLAG",
    "CORRECTION_FLAG",
    "MQ2_FLAG",
    "RECONSUME_TIME",
    "MSG_REGION",
    "TRACE_ON",
    "UNIQ_KEY",
    "EXTEND_UNIQ_INFO",
    "MAX_RECONSUME_TIMES",
    "CONSUME_START_TIME",
    "INNER_NUM",
    "INNER_BASE",
    "DUP_INFO",
    "CHECK_IMMUNITY_TIME_IN_SECONDS",
    "TRAN_PREPARED_QUEUE_OFFSET",
    "__transactionId__",
    "TRANSACTION_CHECK_TIMES",
    "INSTANCE_ID",
    "CORRELATION_ID",
    "REPLY_TO_CLIENT",
    "TTL",
    "ARRIVE_TIME",
    "PUSH_REPLY_TIME",
    "CLUSTER",
    "MSG_TYPE",
    "POP_CK",
    "POP_CK_OFFSET",
    "1ST_POP_TIME",
    "__SHARDINGKEY",
    "FORWARD_QUEUE_ID",
    "REDIRECT",
    "INNER_MULTI_DISPATCH",
    "INNER_MULTI_QUEUE_OFFSET",
    "TRACE_CONTEXT",
    "TIMER_DELAY_SEC",
    "TIMER_DELIVER_MS",
    "TIMER_IN_MS",
    "TIMER_OUT_MS",
    "TIMER_ENQUEUE_MS",
    "TIMER_DEQUEUE_MS",
    "TIMER_ROLL_TIMES",
    "TIMER_DEL_UNIQKEY",
    "TIMER_DELAY_MS",
    "BORN_TIMESTAMP",
];

fn is_reserved(name: &str) -> bool {
    RESERVED.contains(&name) || name.starts_with("__BROKER_") || name.starts_with("DLQ_ORIGIN_")
}

/// Text that a property can hold.
pub(super) fn plain(bytes: &[u8]) -> Option<&str> {
    let fits = !bytes.is_empty() && !bytes.iter().any(|byte| matches!(byte, 0..=2));
    std::str::from_utf8(bytes).ok().filter(|_| fits)
}

/// The value of a header that can be a property of its name.
fn as_property(header: &RecordHeader) -> Option<(&str, &str)> {
    let value = plain(header.value.as_ref()?)?;
    let name = plain(header.key.as_bytes()).filter(|name| !is_reserved(name))?;
    Some((name, value))
}

/// Writes properties behind each other.
pub(super) struct Writer<'a>(pub(super) &'a mut Vec<u8>);

impl Writer<'_> {
    pub(super) fn put(&mut self, name: &str, value: &str) {
        self.0.extend_from_slice(name.as_bytes());
        self.0.push(BEHIND_NAME);
        self.0.extend_from_slice(value.as_bytes());
        self.0.push(BEHIND_VALUE);
    }

    pub(super) fn key(&mut self, key: &[u8]) {
        match plain(key) {
            Some(text) => self.put(KEYS, text),
            None => {
                let text = BASE64_STANDARD.encode(key);
                // Brokers ask for keys in compacted topics.
                self.put(KEYS, if text.is_empty() { "empty" } else { &text });
                self.put(KEY, if text.is_empty() { "=" } else { &text });
            }
        }
    }

    pub(super) fn headers(&mut self, headers: &[RecordHeader]) {
        // In the order of their names they are found without a list, as are those of other clients.
        let in_order = headers.windows(2).all(|two| match two {
            [one, next] => one.key < next.key,
            _ => true,
        });
        if in_order && headers.iter().all(|header| as_property(header).is_some()) {
            let properties = headers.iter().filter_map(as_property);
            properties.for_each(|(name, value)| self.put(name, value));
            return;
        }
        let mut list = Vec::with_capacity(headers.len());
        for (at, header) in headers.iter().enumerate() {
            let again = headers.iter().take(at).any(|other| other.key == header.key);
            match as_property(header).filter(|_| !again) {
                Some((name, value)) => {
                    self.put(name, value);
                    list.push(Json::from(name));
                }
                None => {
                    let value = header.value.as_ref().map(|value| BASE64_STANDARD.encode(value));
                    list.push(Json::from(vec![Json::from(&*header.key), Json::from(value)]));
                }
            }
        }
        self.put(HEADERS, &Json::from(list).to_string());
    }
}

/// What properties say of a record.
#[derive(Default)]
pub(super) struct Read<'a> {
    keys: Option<&'a [u8]>,
    key: Option<&'a str>,
    pub(super) timestamp: Option<i64>,
    pub(super) at_store: bool,
    pub(super) value: Option<&'a str>,
    pub(super) value_bytes: Option<usize>,
    headers: Option<&'a str>,
    others: Vec<(&'a str, &'a [u8])>,
}

impl<'a> Read<'a> {
    /// Reads properties. A name that is no text is passed over: nobody could ask for it.
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        let mut read = Self::default();
        for entry in bytes.split(|byte| *byte == BEHIND_VALUE) {
            let Some(at) = memchr(BEHIND_NAME, entry) else { continue };
            let (name, value) = entry.split_at(at);
            let value = value.get(1..).unwrap_or_default();
            let Ok(name) = std::str::from_utf8(name) else { continue };
            let text = std::str::from_utf8(value).ok();
            match name {
                KEYS => read.keys = Some(value),
                KEY => read.key = text,
                TIMESTAMP => read.timestamp = text.and_then(|text| text.parse().ok()),
                TIME => read.at_store = text == Some(STORE),
                VALUE => read.value = text,
                VALUE_BYTES => read.value_bytes = text.and_then(|text| text.parse().ok()),
                HEADERS => read.headers = text,
                name if is_reserved(name) => {}
                name => read.others.push((name, value)),
            }
        }
        read
    }

    /// The key: its exact bytes where they are told, else the text of `KEYS`.
    pub(super) fn key(&self, source: &Bytes) -> Option<Bytes> {
        match self.key {
            Some("=") => Some(Bytes::new()),
            Some(text) => BASE64_STANDARD.decode(text).ok().map(Bytes::from),
            None => self.keys.map(|keys| source.slice_ref(keys)),
        }
    }

    /// Headers in the order written; those of a foreign message in the order of their names.
    pub(super) fn headers(&mut self, source: &Bytes) -> Vec<RecordHeader> {
        let listed = self.headers.and_then(|text| serde_json::from_str::<Vec<Json>>(text).ok());
        let slice = |value: &[u8]| Some(source.slice_ref(value));
        match listed {
            Some(list) => list
                .iter()
                .filter_map(|entry| match entry {
                    Json::String(name) => {
                        let (_, value) = self.others.iter().find(|(other, _)| other == name)?;
                        Some(RecordHeader { key: name.as_str().into(), value: slice(value) })
                    }
                    Json::Array(pair) => {
                        let name = pair.first()?.as_str()?;
                        let value = pair.get(1).and_then(Json::as_str);
                        let value = value.and_then(|text| BASE64_STANDARD.decode(text).ok());
                        Some(RecordHeader { key: name.into(), value: value.map(Bytes::from) })
                    }
                    _ => None,
                })
                .collect(),
            None => {
                self.others.sort_unstable();
                let header = |(name, value): &(&str, &[u8])| RecordHeader {
                    key: Str::from(*name),
                    value: slice(value),
                };
                self.others.iter().map(header).collect()
            }
        }
    }
}

fn memchr(wanted: u8, bytes: &[u8]) -> Option<usize> {
    bytes.iter().position(|byte| *byte == wanted)
}

/// All of a record that properties have no room for, to stand behind the value in the body.
#[derive(serde::Serialize, serde::Deserialize)]
pub(super) struct Rest {
    #[serde(rename = "k")]
    key: Option<String>,
    #[serde(rename = "h")]
    headers: Vec<(String, Option<String>)>,
}

impl Rest {
    pub(super) fn of(record: &LogRecord) -> Self {
        let base64 = |bytes: &Bytes| BASE64_STANDARD.encode(bytes);
        let headers = record.headers.iter();
        Self {
            key: record.key.as_ref().map(base64),
            headers: headers.map(|h| (h.key.to_string(), h.value.as_ref().map(base64))).collect(),
        }
    }

    pub(super) fn into_parts(self) -> (Option<Bytes>, Vec<RecordHeader>) {
        let bytes = |text: String| BASE64_STANDARD.decode(text).ok().map(Bytes::from);
        let header = |(key, value): (String, Option<String>)| RecordHeader {
            key: key.into(),
            value: value.and_then(bytes),
        };
        (self.key.and_then(bytes), self.headers.into_iter().map(header).collect())
    }
}
