//! Records that go another way than through the topology: they came too late, or cannot be read.
//! They are outputs of the task like others, so that a checkpoint has them or has not taken them.

use gantry_log::{LogRecord, RecordHeader, Str};

use crate::context::Context;
use crate::data::Data;
use crate::error::{DataError, StreamsError};
use crate::record::Record;
use crate::settings::{BadRecords, Settings};

/// The topics of such records.
#[derive(Clone, Debug, Default)]
pub(crate) struct SideTopics {
    pub(crate) late: Option<Str>,
    pub(crate) dead_letters: Option<Str>,
}

impl SideTopics {
    pub(crate) fn new(settings: &Settings) -> Self {
        let dead_letters = match &settings.bad_records {
            BadRecords::DeadLetter(topic) => Some(Str::from(&**topic)),
            BadRecords::Stop | BadRecords::Skip => None,
        };
        Self { late: settings.late_records.as_deref().map(Str::from), dead_letters }
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = &Str> {
        self.late.iter().chain(&self.dead_letters)
    }
}

/// Where such records go in one task.
#[derive(Debug, Default)]
pub(crate) struct Aside {
    pub(crate) late: Option<usize>,
    pub(crate) dead_letters: Option<usize>,
    /// What passes the operators was made of the record that is being taken.
    pub(crate) taking: bool,
    /// For what that record came too late: the headers of each.
    waiting: Vec<Vec<RecordHeader>>,
}

fn header(key: &str, value: impl ToString) -> RecordHeader {
    RecordHeader {
        key: format!("gantry.streams.{key}").into(),
        value: Some(value.to_string().into_bytes().into()),
    }
}

impl Context {
    /// Does something that has to do with other records than the one that is being taken.
    pub(crate) fn aside<T>(&mut self, with: impl FnOnce(&mut Self) -> T) -> T {
        let taking = std::mem::replace(&mut self.aside.taking, false);
        let made = with(self);
        self.aside.taking = taking;
        made
    }

    /// A record came when the last window was closed that it could be in: it is counted, and goes to
    /// the topic of such if there is one. The record of the log that it was made of is sent as it
    /// was read; where it was made of several, it is sent as the job's own stores have it.
    pub(crate) fn too_late<K: Data, V: Data>(
        &mut self,
        operator: &Str,
        record: &Record<K, V>,
        end_ms: i64,
    ) {
        *self.late.entry(Str::clone(operator)).or_default() += 1;
        let Some(output) = self.aside.late else { return };
        let why = vec![
            header("operator", operator),
            header("time", record.timestamp_ms),
            header("window.end", end_ms),
            header("watermark", self.watermark_ms),
        ];
        if self.aside.taking {
            self.aside.waiting.push(why);
            return;
        }
        let sent = LogRecord {
            key: Some(record.key.to_bytes().into()),
            value: Some(record.value.to_bytes().into()),
            headers: record.headers.iter().cloned().chain(why).collect(),
            timestamp_ms: record.timestamp_ms,
        };
        self.send(output, sent);
    }

    /// The headers of a record of the log, with its place.
    fn placed(&self, topic: &str, offset: u64, record: &LogRecord) -> Vec<RecordHeader> {
        let place = [header("topic", topic), header("queue", self.queue), header("offset", offset)];
        record.headers.iter().cloned().chain(place).collect()
    }

    /// A record of the log was taken: it is sent once for each operator that it came too late for.
    pub(crate) fn taken(&mut self, topic: &str, offset: u64, record: &LogRecord) {
        if self.aside.waiting.is_empty() {
            return;
        }
        let Some(output) = self.aside.late else { return };
        for why in std::mem::take(&mut self.aside.waiting) {
            let mut headers = self.placed(topic, offset, record);
            headers.extend(why);
            self.send(output, LogRecord { headers, ..record.clone() });
        }
    }

    /// A record of the log cannot be read: an error where the job shall stop at such.
    pub(crate) fn bad_record(
        &mut self,
        (how, job): (&BadRecords, &str),
        (topic, offset): (&str, u64),
        record: &LogRecord,
        reason: DataError,
    ) -> Result<(), StreamsError> {
        let (name, queue) = (topic.to_owned(), self.queue);
        let fault = StreamsError::BadRecord { topic: name, queue, offset, reason };
        match (how, self.aside.dead_letters) {
            (BadRecords::Skip, _) => {
                tracing::warn!(job, %fault, "a record is passed over");
                Ok(())
            }
            (BadRecords::DeadLetter(_), Some(output)) => {
                let mut headers = self.placed(topic, offset, record);
                headers.push(header("error", &fault));
                self.send(output, LogRecord { headers, ..record.clone() });
                Ok(())
            }
            _ => Err(fault),
        }
    }
}
