//! The answer of a preview.

use gantry_api::ConnectRecord;
use gantry_engine::{
    Preview, PreviewError, PreviewOutcome, PreviewRecord, PreviewStep, PreviewedRecord, RawRecord,
    StepOutcome,
};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::data::{DataWriter, shown_bytes};

/// No further record is shown once an answer is longer than this, in bytes.
const ANSWER_BYTES_MAX: usize = 32 << 20;

/// What becomes of all records.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct PreviewAnswer {
    /// The connector's name.
    pub(crate) name: String,
    /// The full name of its class.
    pub(crate) connector_class: String,
    /// `source` or `sink`
    #[serde(rename = "type")]
    pub(crate) type_: String,
    /// In the order given.
    pub(crate) records: Vec<RecordAnswer>,
    /// Why the last records are missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) cut: Option<String>,
}

/// What becomes of one record.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct RecordAnswer {
    /// As it was given or read.
    pub(crate) input: ShownRecord,
    /// What a sink's converters made of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) converted: Option<ShownRecord>,
    /// All transformations in order.
    pub(crate) steps: Vec<StepAnswer>,
    /// `written`, `delivered`, `dropped` or `failed`
    pub(crate) outcome: String,
    /// The transformation that dropped it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) dropped_by: Option<String>,
    /// What would be written or delivered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) output: Option<ShownRecord>,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<ErrorAnswer>,
}

/// A record. Connect's data is `{"schema","payload"}`, bytes are `{"text"}` or `{"hex"}` or null.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct ShownRecord {
    pub(crate) topic: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) partition: Option<i32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) offset: Option<u64>,
    /// Milliseconds since the epoch; null: when it is written.
    pub(crate) timestamp: Option<i64>,
    pub(crate) key: Box<RawValue>,
    pub(crate) value: Box<RawValue>,
    pub(crate) headers: Vec<ShownHeader>,
}

/// A header.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct ShownHeader {
    pub(crate) name: String,
    pub(crate) value: Box<RawValue>,
}

/// One transformation.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct StepAnswer {
    /// Its name in `transforms`.
    pub(crate) name: String,
    /// The full name of its class.
    pub(crate) class: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) predicate: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) negate: Option<bool>,
    /// `applied`, `skipped`, `dropped`, `failed` or `not_reached`
    pub(crate) outcome: String,
    /// The record after it, if it was applied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) record: Option<ShownRecord>,
}

/// A failure, as the task would have it.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct ErrorAnswer {
    /// Kafka Connect's name of the stage; null for a panic.
    pub(crate) stage: Option<String>,
    /// The transformation that failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) step: Option<String>,
    /// The class that failed.
    pub(crate) class: String,
    /// The Java class of the error.
    pub(crate) exception: String,
    /// Its message.
    pub(crate) message: String,
    /// It and its causes.
    pub(crate) trace: String,
    /// What `errors.*` would make of it.
    pub(crate) handling: HandlingAnswer,
}

/// What `errors.*` make of a record that failed.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct HandlingAnswer {
    /// Milliseconds that the stage is tried again first; null: for ever.
    pub(crate) retry_ms: Option<u64>,
    /// Whether it is logged.
    pub(crate) logged: bool,
    /// What is written to the dead letter queue.
    pub(crate) dead_letter: Option<ShownRecord>,
    /// The trace of the failed task; null: the record is skipped and the task goes on.
    pub(crate) task_fails: Option<String>,
}

impl PreviewAnswer {
    /// Shows what the engine found. The error is a sentence for the user.
    pub(crate) fn new(preview: Preview) -> Result<Self, String> {
        let mut view = View { json: DataWriter::new()?, bytes: 0 };
        let mut records = Vec::with_capacity(preview.records.len());
        let mut cut = preview.cut;
        for record in preview.records {
            if view.bytes > ANSWER_BYTES_MAX {
                cut = Some(format!("the answer is longer than {ANSWER_BYTES_MAX} bytes"));
                break;
            }
            records.push(view.record(record)?);
        }
        Ok(Self {
            name: preview.name,
            connector_class: preview.class,
            type_: preview.type_.to_owned(),
            records,
            cut,
        })
    }

    /// Whether any record fails.
    pub(crate) fn has_failures(&self) -> bool {
        self.records.iter().any(|record| record.error.is_some())
    }
}

/// Turns data into what is shown, and counts it.
struct View {
    json: DataWriter,
    bytes: usize,
}

impl View {
    fn record(&mut self, record: PreviewedRecord) -> Result<RecordAnswer, String> {
        let PreviewedRecord { input, converted, steps, outcome } = record;
        let name_of = |step: usize| steps.get(step).map(|step| step.name.clone());
        let mut answer = RecordAnswer {
            input: match &input {
                PreviewRecord::Connect(record) => self.connect(record)?,
                PreviewRecord::Raw(raw) => self.raw(raw)?,
            },
            converted: converted.as_ref().map(|record| self.connect(record)).transpose()?,
            steps: Vec::with_capacity(steps.len()),
            outcome: String::new(),
            dropped_by: None,
            output: None,
            error: None,
        };
        let what = match &outcome {
            PreviewOutcome::Written(raw) => {
                answer.output = Some(self.raw(raw)?);
                "written"
            }
            PreviewOutcome::Delivered(record) => {
                answer.output = Some(self.connect(record)?);
                "delivered"
            }
            PreviewOutcome::Dropped(step) => {
                answer.dropped_by = name_of(*step);
                "dropped"
            }
            PreviewOutcome::Failed(error) => {
                answer.error = Some(self.error(error, error.step.and_then(name_of))?);
                "failed"
            }
        };
        what.clone_into(&mut answer.outcome);
        for step in steps {
            answer.steps.push(self.step(step)?);
        }
        Ok(answer)
    }

    fn step(&mut self, step: PreviewStep) -> Result<StepAnswer, String> {
        let (outcome, record) = match step.outcome {
            StepOutcome::Applied(record) => ("applied", Some(self.connect(&record)?)),
            StepOutcome::Skipped => ("skipped", None),
            StepOutcome::Dropped => ("dropped", None),
            StepOutcome::Failed => ("failed", None),
            StepOutcome::NotReached => ("not_reached", None),
        };
        Ok(StepAnswer {
            name: step.name,
            class: step.class,
            negate: step.condition.as_ref().map(|condition| condition.negate),
            predicate: step.condition.map(|condition| condition.predicate),
            outcome: outcome.to_owned(),
            record,
        })
    }

    fn error(
        &mut self,
        failed: &PreviewError,
        step: Option<String>,
    ) -> Result<ErrorAnswer, String> {
        let handling = &failed.handling;
        Ok(ErrorAnswer {
            stage: failed.stage.map(str::to_owned),
            step,
            class: failed.class.clone(),
            exception: failed.error.kind().java_class().to_owned(),
            message: failed.error.message().to_owned(),
            trace: failed.error.trace(),
            handling: HandlingAnswer {
                retry_ms: handling.retry_ms,
                logged: handling.logged,
                dead_letter: handling.dead_letter.as_ref().map(|raw| self.raw(raw)).transpose()?,
                task_fails: handling.fails_with.as_ref().map(gantry_api::Error::trace),
            },
        })
    }

    fn connect(&mut self, record: &ConnectRecord) -> Result<ShownRecord, String> {
        let mut headers = Vec::with_capacity(record.headers.len());
        for header in &record.headers {
            let value = self.json.datum(&header.datum)?;
            headers.push(ShownHeader { name: header.key.to_string(), value });
        }
        let shown = ShownRecord {
            topic: record.topic.to_string(),
            partition: record.partition,
            offset: record.sink_offset,
            timestamp: record.timestamp_ms,
            key: self.json.datum(&record.key)?,
            value: self.json.datum(&record.value)?,
            headers,
        };
        Ok(self.counted(shown))
    }

    fn raw(&mut self, raw: &RawRecord) -> Result<ShownRecord, String> {
        let record = &raw.record;
        let mut headers = Vec::with_capacity(record.headers.len());
        for header in &record.headers {
            let value = shown_bytes(header.value.as_ref())?;
            headers.push(ShownHeader { name: header.key.to_string(), value });
        }
        let shown = ShownRecord {
            topic: raw.topic.to_string(),
            partition: raw.partition,
            offset: raw.offset,
            timestamp: Some(record.timestamp_ms),
            key: shown_bytes(record.key.as_ref())?,
            value: shown_bytes(record.value.as_ref())?,
            headers,
        };
        Ok(self.counted(shown))
    }

    fn counted(&mut self, shown: ShownRecord) -> ShownRecord {
        let headers: usize = shown.headers.iter().map(|header| header.value.get().len()).sum();
        self.bytes += shown.key.get().len() + shown.value.get().len() + headers;
        shown
    }
}
