//! The tasks as an engine drives them, and what they print.

mod mock;
mod printing;
mod schema;
mod verifiable;

use std::collections::BTreeMap;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use gantry_api::{
    CancellationToken, OffsetMap, OffsetReader, Props, Result, SourcePartition, SourceRecord,
    SourceTask, SourceTaskContext,
};
use serde_json::json;
use tokio::io::AsyncWrite;

use super::printer::Printer;

struct Offsets(BTreeMap<String, OffsetMap>);
impl OffsetReader for Offsets {
    fn offset(&self, partition: &SourcePartition) -> Option<OffsetMap> {
        self.0.get(&**partition.canonical()).cloned()
    }
}

fn props(pairs: &[(&str, &str)]) -> Props {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

/// A context with one stored offset for task 3.
fn context(seqno: Option<serde_json::Value>) -> SourceTaskContext {
    let offset = |seqno| OffsetMap::from_iter([("seqno".to_owned(), seqno)]);
    let stored = seqno.into_iter().map(|seqno| (r#"{"id":3}"#.to_owned(), offset(seqno)));
    SourceTaskContext {
        connector: "c".into(),
        task: 3,
        cancel: CancellationToken::new(),
        offsets: Arc::new(Offsets(stored.collect())),
        defines_transactions: false,
        isolation: gantry_api::Isolation::Shared,
    }
}

/// What was printed. Takes a few bytes at a time and makes the writer wait in between.
#[derive(Clone, Default)]
struct Paper {
    bytes: Arc<Mutex<Vec<u8>>>,
    ready: bool,
}

impl Paper {
    const BYTES_AT_ONCE: usize = 5;

    fn printer(&self) -> Printer {
        Printer::to(Box::new(self.clone()))
    }
    fn text(&self) -> String {
        String::from_utf8(self.bytes.lock().unwrap().clone()).unwrap()
    }
    /// Whole lines, each a JSON object, with its time set to 0.
    fn lines(&self) -> Vec<String> {
        let text = self.text();
        assert!(text.is_empty() || text.ends_with('\n'), "{text}");
        let timeless = |line: &str| match line.split_once("\"time_ms\":") {
            None => line.to_owned(),
            Some((before, after)) => {
                let digits = after.trim_start_matches(|c: char| c.is_ascii_digit());
                assert!(after.len() - digits.len() >= 13, "{line}");
                format!("{before}\"time_ms\":0{digits}")
            }
        };
        text.lines().map(timeless).collect()
    }
}

impl AsyncWrite for Paper {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.ready = !self.ready;
        if self.ready {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let count = bytes.len().min(Self::BYTES_AT_ONCE);
        self.bytes.lock().unwrap().extend_from_slice(&bytes[..count]);
        Poll::Ready(Ok(count))
    }
    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// Polls until so many records are there.
async fn poll_records(task: &mut dyn SourceTask, count: usize) -> Vec<SourceRecord> {
    let mut all = Vec::new();
    while all.len() < count {
        all.extend(task.poll().await.unwrap());
    }
    all
}

/// The message of a failed start, with its causes.
fn trace(result: Result<()>) -> String {
    result.unwrap_err().trace()
}

fn seqnos(records: &[SourceRecord]) -> Vec<serde_json::Value> {
    records.iter().map(|record| json!(record.offset.to_map()["seqno"])).collect()
}
