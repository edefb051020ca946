//! Reports: what came of each request, in topics of the log.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use gantry_api::{
    Bytes, Destination, Error, Result, SinkLog, SinkRecord, Str, TopicRecord, now_ms,
};
use hyper::StatusCode;

/// So many wait at most to be written together.
const PENDING_MAX: usize = 256;

/// Where reports go and how they are written.
#[derive(Clone, Debug)]
pub(super) struct ReportConfig {
    pub(super) results: Str,
    pub(super) errors: Str,
    /// Whether texts are written as JSON.
    pub(super) results_json: bool,
    pub(super) errors_json: bool,
    /// Whether an error is reported by the server's answer alone.
    pub(super) answers_only: bool,
}

/// What was seen of a request.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub(super) url: Option<Arc<str>>,
    pub(super) status: Option<StatusCode>,
    pub(super) body: String,
}

/// Collects reports and writes them.
#[derive(Debug)]
pub(super) struct Reports {
    config: ReportConfig,
    log: Arc<dyn SinkLog>,
    pending: Mutex<Vec<(Destination, TopicRecord)>>,
}

impl Reports {
    pub(super) fn new(config: ReportConfig, log: Arc<dyn SinkLog>) -> Self {
        Self { config, log, pending: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<(Destination, TopicRecord)>> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether it is time to write.
    pub(super) fn is_full(&self) -> bool {
        self.lock().len() >= PENDING_MAX
    }

    /// A request that succeeded, of which this is the first record.
    pub(super) fn success(&self, record: &SinkRecord, seen: &Seen) {
        let (topic, json) = (&self.config.results, self.config.results_json);
        self.add(topic, position(record), written(&seen.body, json));
    }

    /// A request that failed for good.
    pub(super) fn failure(&self, record: &SinkRecord, seen: &Seen, payload: &[u8], error: &Error) {
        let status = seen.status.map_or(-1, |status| i32::from(status.as_u16()));
        let reason = seen.status.and_then(|status| status.canonical_reason()).unwrap_or_default();
        let url = seen.url.as_deref().unwrap_or_default();
        // An answer says itself what is wrong.
        let message = if seen.status.is_some() { "null" } else { error.message() };
        let body = &seen.body;
        let text = match self.config.answers_only {
            true => body.clone(),
            false => format!(
                "Retry time lapsed, unable to process HTTP request. HTTP Response code: {status}, \
                 Reason phrase: {reason}, Url: {url}, Response content: {body}, Exception: null, \
                 Error message: {message}"
            ),
        };
        let mut headers = position(record);
        for (name, value) in [
            ("error_message", message),
            ("exception", "null"),
            ("response_content", body),
            ("status_code", &status.to_string()),
            ("payload", &String::from_utf8_lossy(payload)),
            ("reason_phrase", reason),
            ("url", url),
        ] {
            headers.push(header(name, value));
        }
        self.add(&self.config.errors, headers, written(&text, self.config.errors_json));
    }

    fn add(&self, topic: &Str, headers: Vec<(Str, Option<Bytes>)>, value: Bytes) {
        let record = TopicRecord { key: None, value: Some(value), headers, timestamp_ms: now_ms() };
        self.lock().push((Destination { topic: Str::clone(topic), queue: None }, record));
    }

    /// Writes what was collected. The error is not one to put the records again for, as their
    /// requests would be sent again.
    pub(super) async fn write(&self) -> Result<()> {
        let pending = std::mem::take(&mut *self.lock());
        if pending.is_empty() {
            return Ok(());
        }
        self.log.write(pending, BTreeMap::new()).await.map_err(|error| {
            Error::connect("Reports of requests could not be written").caused_by(error)
        })
    }
}

fn header(name: &str, value: &str) -> (Str, Option<Bytes>) {
    (name.into(), Some(Bytes::copy_from_slice(value.as_bytes())))
}

/// Where the record stands, by whose request the report is.
fn position(record: &SinkRecord) -> Vec<(Str, Option<Bytes>)> {
    let time = record.record.timestamp_ms.map_or_else(|| "null".to_owned(), |ms| ms.to_string());
    vec![
        header("input_record_offset", &record.offset.to_string()),
        header("input_record_timestamp", &time),
        header("input_record_partition", &record.origin.partition.to_string()),
        header("input_record_topic", &record.origin.topic),
    ]
}

fn written(text: &str, json: bool) -> Bytes {
    match json {
        true => serde_json::Value::from(text).to_string().into(),
        false => Bytes::copy_from_slice(text.as_bytes()),
    }
}
