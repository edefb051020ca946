//! Records as JSON lines: keys, values and header values in hexadecimal digits, or null.

use std::io::Write as _;

use bytes::Bytes;
use gantry_log::{LogRecord, RecordHeader};
use serde::Deserialize;

/// A line of a load. What is missing is null, or chosen by the worker.
#[derive(Debug, Deserialize)]
struct Line {
    #[serde(default)]
    partition: Option<u32>,
    #[serde(default)]
    timestamp: Option<i64>,
    #[serde(default)]
    key: Option<String>,
    #[serde(default)]
    value: Option<String>,
    #[serde(default)]
    headers: Vec<(String, Option<String>)>,
    /// Only in the first line of a dump, which is no record.
    #[serde(default)]
    partitions: Option<u32>,
}

/// A record and the queue it was given, if any.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Loaded {
    pub(super) partition: Option<u32>,
    pub(super) record: LogRecord,
}

/// Parses a line; `now_ms` is the timestamp of a record that has none. `None` is the first line
/// of a dump. The error says what is wrong with the line.
pub(super) fn parse(line: &[u8], now_ms: i64) -> Result<Option<Loaded>, String> {
    if line.trim_ascii_start().first() != Some(&b'{') {
        return Err("it is not a JSON object".to_owned());
    }
    let line: Line = serde_json::from_slice(line).map_err(|error| error.to_string())?;
    if line.partitions.is_some() {
        return Ok(None);
    }
    let headers = line
        .headers
        .into_iter()
        .map(|(name, value)| {
            let value = unhex("a header", value)?;
            Ok(RecordHeader { key: name.into(), value })
        })
        .collect::<Result<_, String>>()?;
    Ok(Some(Loaded {
        partition: line.partition,
        record: LogRecord {
            key: unhex("key", line.key)?,
            value: unhex("value", line.value)?,
            headers,
            timestamp_ms: line.timestamp.unwrap_or(now_ms),
        },
    }))
}

fn unhex(what: &str, digits: Option<String>) -> Result<Option<Bytes>, String> {
    let Some(digits) = digits else { return Ok(None) };
    let bytes = crate::hex::decode(&digits)
        .ok_or_else(|| format!("{what} is not in hexadecimal digits, two for each byte"))?;
    Ok(Some(bytes.into()))
}

/// Appends a record as a line.
pub(super) fn write(out: &mut Vec<u8>, partition: u32, offset: u64, record: &LogRecord) {
    // Writing to memory cannot fail.
    let _ = write!(
        out,
        "{{\"partition\":{partition},\"offset\":{offset},\"timestamp\":{},\"key\":",
        record.timestamp_ms
    );
    hex(out, record.key.as_ref());
    out.extend_from_slice(b",\"value\":");
    hex(out, record.value.as_ref());
    out.extend_from_slice(b",\"headers\":[");
    for (i, header) in record.headers.iter().enumerate() {
        if i > 0 {
            out.push(b',');
        }
        out.push(b'[');
        let _ = serde_json::to_writer(&mut *out, &*header.key);
        out.push(b',');
        hex(out, header.value.as_ref());
        out.push(b']');
    }
    out.extend_from_slice(b"]}\n");
}

fn hex(out: &mut Vec<u8>, bytes: Option<&Bytes>) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let Some(bytes) = bytes else {
        out.extend_from_slice(b"null");
        return;
    };
    out.push(b'"');
    out.reserve(bytes.len() * 2);
    for byte in bytes {
        out.push(DIGITS[usize::from(byte >> 4)]);
        out.push(DIGITS[usize::from(byte & 15)]);
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_comes_back_as_it_went() {
        let line = br#"{"partition":2,"timestamp":7,"key":null,"value":"00Ff","headers":[["h\"1","61"],["h",null]]}"#;
        let loaded = parse(line, 0).unwrap().unwrap();
        assert_eq!(loaded.partition, Some(2));
        assert_eq!(loaded.record.value.as_deref(), Some(&[0, 255][..]));
        let mut out = Vec::new();
        write(&mut out, 2, 5, &loaded.record);
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "{\"partition\":2,\"offset\":5,\"timestamp\":7,\"key\":null,\"value\":\"00ff\",\
             \"headers\":[[\"h\\\"1\",\"61\"],[\"h\",null]]}\n"
        );
    }

    #[test]
    fn what_is_missing_is_null_and_now() {
        assert_eq!(parse(b"{\"partitions\":1}", 0), Ok(None), "the first line of a dump");
        let loaded = parse(b"{}", 42).unwrap().unwrap();
        let record = LogRecord { timestamp_ms: 42, ..LogRecord::default() };
        assert_eq!(loaded, Loaded { partition: None, record });
    }

    #[test]
    fn wrong_digits_are_named() {
        assert!(parse(br#"{"key":"abc"}"#, 0).unwrap_err().contains("key is not in hex"));
        assert!(parse(br#"{"value":"zz"}"#, 0).unwrap_err().contains("value is not in hex"));
        assert!(parse(b"[]", 0).is_err());
    }
}
