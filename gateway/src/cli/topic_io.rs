//! Records in and out: `read`, `write`, `load`, `dump`.

use std::fmt::Write as _;
use std::io::{self, BufRead, BufReader, Read};
use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::{Value as Json, json};
use ureq::{Body, SendBody};

use super::client::{Client, Failure, topic_path};
use super::output::{complain, say, say_bytes};
use crate::hex;

/// How often a missing topic is looked for again.
const TOPIC_POLL: Duration = Duration::from_millis(100);
/// Output is gathered up to this size while more input is at hand.
const OUTPUT_BYTES: usize = 64 << 10;
/// A longer line of input is refused by the worker.
const LINE_BYTES_MAX: u64 = 64 << 20;

const NOT_FOUND: u16 = 404;

/// What to read and how to show it.
#[derive(Debug)]
pub(super) struct Reading {
    pub(super) topic: String,
    pub(super) from_beginning: bool,
    pub(super) follow: bool,
    pub(super) max: Option<u64>,
    pub(super) partition: Option<u32>,
    pub(super) verbose: bool,
}

/// A record as the worker gives it.
#[derive(Debug, Deserialize)]
struct Record {
    partition: u32,
    offset: u64,
    timestamp: i64,
    key: Option<String>,
    value: Option<String>,
    headers: Vec<(String, Option<String>)>,
}

/// Prints records as text.
pub(super) fn read(client: &Client, reading: &Reading) -> Result<(), String> {
    let from = if reading.from_beginning { "earliest" } else { "latest" };
    let mut path = format!("{}/records?from={from}", topic_path(&reading.topic));
    if reading.follow {
        path.push_str("&follow=true");
    }
    if let Some(max) = reading.max {
        let _ = write!(path, "&max={max}");
    }
    if let Some(partition) = reading.partition {
        let _ = write!(path, "&partition={partition}");
    }
    let mut head = true;
    lines(client.send("GET", &path, SendBody::none())?, |out, line| {
        if std::mem::take(&mut head) {
            return Ok(());
        }
        let record: Record = serde_json::from_slice(line)
            .map_err(|error| format!("the worker's line is not a record: {error}"))?;
        show(out, &record, reading.verbose);
        Ok(())
    })
}

/// Gives key and value of each record of a topic that is there now, as texts; what is not UTF-8 is
/// left out.
pub(super) fn texts(
    client: &Client,
    topic: &str,
    mut take: impl FnMut(Option<String>, Option<String>),
) -> Result<(), Failure> {
    let path = format!("{}/records?from=earliest", topic_path(topic));
    let answer = client.send("GET", &path, SendBody::none())?;
    let text = |digits: Option<String>| String::from_utf8(hex::decode(&digits?)?).ok();
    let read = lines(answer, |_, line| {
        // The first line says which queues there are.
        if let Ok(record) = serde_json::from_slice::<Record>(line) {
            take(text(record.key), text(record.value));
        }
        Ok(())
    });
    read.map_err(Failure::Lost)
}

/// Gives each line of an answer to `take`, and prints what it leaves whenever no further line
/// is at hand.
fn lines(
    body: Body,
    mut take: impl FnMut(&mut Vec<u8>, &[u8]) -> Result<(), String>,
) -> Result<(), String> {
    let broke_off = |error: io::Error| format!("the worker broke off: {error}");
    let mut reader = BufReader::with_capacity(OUTPUT_BYTES, body.into_reader());
    let (mut line, mut out) = (Vec::new(), Vec::new());
    loop {
        line.clear();
        if reader.read_until(b'\n', &mut line).map_err(broke_off)? == 0 {
            return say_bytes(&out);
        }
        take(&mut out, &line)?;
        if !reader.buffer().contains(&b'\n') || out.len() > OUTPUT_BYTES {
            say_bytes(&out)?;
            out.clear();
        }
    }
}

/// Bytes as text; what is not UTF-8 stays hexadecimal behind `0x`.
fn shown(digits: Option<&str>) -> String {
    let Some(digits) = digits else { return "null".to_owned() };
    let text = hex::decode(digits).and_then(|bytes| String::from_utf8(bytes).ok());
    text.unwrap_or_else(|| format!("0x{digits}"))
}

fn show(out: &mut Vec<u8>, record: &Record, verbose: bool) {
    if verbose {
        let mut line = format!(
            "queue {} offset {} time {} key {}",
            record.partition,
            record.offset,
            record.timestamp,
            shown(record.key.as_deref())
        );
        for (name, value) in &record.headers {
            let _ = write!(line, " {name}={}", shown(value.as_deref()));
        }
        out.extend_from_slice(line.as_bytes());
        out.push(b'\t');
    }
    out.extend_from_slice(shown(record.value.as_deref()).as_bytes());
    out.push(b'\n');
}

/// What records are made of, besides the lines.
#[derive(Debug)]
pub(super) struct Writing {
    pub(super) key: Option<String>,
    pub(super) key_separator: Option<String>,
    pub(super) headers: Vec<(String, String)>,
}

impl Writing {
    /// A line of text as a line of a load.
    fn record(&self, line: &[u8]) -> Json {
        let (key, value) = match &self.key_separator {
            Some(separator) => match find(line, separator.as_bytes()) {
                Some(at) => (Some(&line[..at]), &line[at + separator.len()..]),
                None => (None, line),
            },
            None => (self.key.as_ref().map(String::as_bytes), line),
        };
        let headers: Vec<Json> = self
            .headers
            .iter()
            .map(|(name, value)| json!([name, hex::encode(value.as_bytes())]))
            .collect();
        json!({ "key": key.map(hex::encode), "value": hex::encode(value), "headers": headers })
    }
}

fn find(line: &[u8], separator: &[u8]) -> Option<usize> {
    if separator.is_empty() {
        return None;
    }
    line.windows(separator.len()).position(|window| window == separator)
}

/// Standard input, each line made a line of a load.
struct Records<R> {
    input: R,
    writing: Writing,
    pending: Vec<u8>,
    given: usize,
}

impl<R: BufRead> Read for Records<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.given == self.pending.len() {
            let mut line = Vec::new();
            if (&mut self.input).take(LINE_BYTES_MAX).read_until(b'\n', &mut line)? == 0 {
                return Ok(0);
            }
            if line.last() == Some(&b'\n') {
                line.pop();
            }
            self.pending = self.writing.record(&line).to_string().into_bytes();
            self.pending.push(b'\n');
            self.given = 0;
        }
        let count = buffer.len().min(self.pending.len() - self.given);
        buffer[..count].copy_from_slice(&self.pending[self.given..self.given + count]);
        self.given += count;
        Ok(count)
    }
}

/// Writes the lines of standard input.
pub(super) fn write(client: &Client, topic: &str, writing: Writing) -> Result<(), String> {
    let input = io::stdin().lock();
    let mut records = Records { input, writing, pending: Vec::new(), given: 0 };
    post(client, topic, &mut records)
}

/// Writes JSON lines of standard input as they are.
pub(super) fn load(client: &Client, topic: &str) -> Result<(), String> {
    post(client, topic, &mut io::stdin().lock())
}

fn post(client: &Client, topic: &str, input: &mut dyn Read) -> Result<(), String> {
    let path = format!("{}/records?create=true", topic_path(topic));
    let mut answer = client.send("POST", &path, SendBody::from_reader(input))?;
    let mut text = String::new();
    let read = answer.as_reader().read_to_string(&mut text);
    read.map_err(|error| format!("the worker broke off: {error}"))?;
    let json: Json = serde_json::from_str(&text).unwrap_or_default();
    let records = json.get("records").and_then(Json::as_u64).unwrap_or_default();
    complain(format!("{records} record(s) written to {topic}"));
    Ok(())
}

/// Prints a topic as JSON lines.
pub(super) fn dump(
    client: &Client,
    topic: &str,
    max: Option<u64>,
    timeout_ms: Option<u64>,
) -> Result<(), String> {
    let timeout = Duration::from_millis(timeout_ms.unwrap_or_default());
    let end = Instant::now() + timeout;
    loop {
        let left = end.saturating_duration_since(Instant::now());
        let mut path = format!("{}/records?from=earliest", topic_path(topic));
        if let Some(max) = max {
            let _ = write!(path, "&max={max}");
        }
        if timeout_ms.is_some() {
            let _ = write!(path, "&timeout_ms={}", left.as_millis());
        }
        match client.send("GET", &path, SendBody::none()) {
            Ok(answer) => {
                return lines(answer, |out, line| {
                    out.extend_from_slice(line);
                    Ok(())
                });
            }
            Err(Failure::Refused(refusal)) if refusal.status == NOT_FOUND => {
                if left.is_zero() {
                    return say("{\"missing\":true}");
                }
                std::thread::sleep(TOPIC_POLL.min(left));
            }
            Err(failure) => return Err(failure.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_become_records() {
        let writing = Writing {
            key: None,
            key_separator: Some("\t".to_owned()),
            headers: vec![("h".to_owned(), "x".to_owned())],
        };
        let mut records =
            Records { input: &b"k\tv\nno key\n\n"[..], writing, pending: Vec::new(), given: 0 };
        let mut text = String::new();
        records.read_to_string(&mut text).unwrap();
        let lines: Vec<Json> =
            text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines[0], json!({"key": "6b", "value": "76", "headers": [["h", "78"]]}));
        assert_eq!(lines[1]["key"], Json::Null);
        assert_eq!(lines[2]["value"], "");
        assert_eq!(lines.len(), 3);
    }

    #[test]
    fn records_are_shown_as_text_where_they_are_text() {
        let record = Record {
            partition: 1,
            offset: 2,
            timestamp: 3,
            key: None,
            value: Some("c3a9".to_owned()),
            headers: vec![("h".to_owned(), Some("ff".to_owned()))],
        };
        let mut out = Vec::new();
        show(&mut out, &record, false);
        show(&mut out, &record, true);
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "é\nqueue 1 offset 2 time 3 key null h=0xff\té\n"
        );
    }
}
