//! What a preview takes and gives.

use gantry_api::{ConnectRecord, Error, Str, TopicPartition};
use gantry_log::LogRecord;

/// The records to show the way of.
#[derive(Clone, Debug)]
pub enum PreviewSamples {
    /// Records as a source's task would give them.
    Source(Vec<ConnectRecord>),
    /// Records as they stand in a topic, for a sink.
    Sink(Vec<RawRecord>),
}

/// Records of a topic that is there.
#[derive(Clone, Debug)]
pub struct TopicSample {
    /// The topic.
    pub topic: String,
    /// Only this queue.
    pub partition: Option<u32>,
    /// Where to begin in each queue.
    pub start: StartAt,
    /// How many at most.
    pub max: usize,
}

/// Where to begin in a queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StartAt {
    /// With the oldest records.
    Earliest,
    /// With the newest records that are there.
    Latest,
    /// With the record of this offset, or the nearest that is there.
    Offset(u64),
}

/// A record as bytes, with its place.
#[derive(Clone, Debug, PartialEq)]
pub struct RawRecord {
    /// The topic.
    pub topic: Str,
    /// The queue; `None`: chosen when it is written. Kafka's type is a signed `Integer`, and a
    /// transformation may have set any; a source's task refuses one that is not there.
    pub partition: Option<i32>,
    /// The offset; `None`: not written.
    pub offset: Option<u64>,
    /// Key, value, headers, timestamp.
    pub record: LogRecord,
}

impl RawRecord {
    /// The queue that it was read from; the first one if it does not say.
    pub(super) fn queue(&self) -> TopicPartition {
        let queue = self.partition.and_then(|queue| u32::try_from(queue).ok());
        TopicPartition::new(Str::clone(&self.topic), queue.unwrap_or_default())
    }
}

/// A record in one of its two forms.
#[derive(Clone, Debug, PartialEq)]
pub enum PreviewRecord {
    /// Connect's data, as connectors and transformations see it.
    Connect(ConnectRecord),
    /// Bytes, as they stand in a topic.
    Raw(RawRecord),
}

/// What becomes of all records.
#[derive(Clone, Debug)]
pub struct Preview {
    /// The connector's name.
    pub name: String,
    /// The full name of its class.
    pub class: String,
    /// `source` or `sink`.
    pub type_: &'static str,
    /// In the order given.
    pub records: Vec<PreviewedRecord>,
    /// Why the last records are missing, if they are.
    pub cut: Option<String>,
}

/// What becomes of one record.
#[derive(Clone, Debug)]
pub struct PreviewedRecord {
    /// As it was given or read.
    pub input: PreviewRecord,
    /// What the converters made of it, for a sink.
    pub converted: Option<ConnectRecord>,
    /// All transformations in order.
    pub steps: Vec<PreviewStep>,
    /// What it comes to.
    pub outcome: PreviewOutcome,
}

/// One transformation.
#[derive(Clone, Debug)]
pub struct PreviewStep {
    /// Its name in the list of transformations.
    pub name: String,
    /// The full name of its class.
    pub class: String,
    /// To which records it applies; `None`: to all.
    pub condition: Option<PreviewCondition>,
    /// What it did.
    pub outcome: StepOutcome,
}

/// The predicate of a transformation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PreviewCondition {
    /// Its name.
    pub predicate: String,
    /// Whether the transformation applies where it does not hold.
    pub negate: bool,
}

/// What a transformation did.
#[derive(Clone, Debug, PartialEq)]
pub enum StepOutcome {
    /// It made this of the record, which may be the same.
    Applied(ConnectRecord),
    /// The predicate says that it does not apply.
    Skipped,
    /// It dropped the record.
    Dropped,
    /// It, or its predicate, failed.
    Failed,
    /// The record did not come so far.
    NotReached,
}

/// What a record comes to.
#[derive(Clone, Debug)]
pub enum PreviewOutcome {
    /// A source would write this to the log.
    Written(RawRecord),
    /// A sink's task would get this.
    Delivered(ConnectRecord),
    /// The transformation at this index of the steps dropped it.
    Dropped(usize),
    /// A stage failed.
    Failed(Box<PreviewError>),
}

/// A failure, as the task would have it.
#[derive(Clone, Debug)]
pub struct PreviewError {
    /// Kafka Connect's name of the stage; `None` for a panic.
    pub stage: Option<&'static str>,
    /// The index of the step, if a transformation failed.
    pub step: Option<usize>,
    /// The class that failed; empty for a panic.
    pub class: String,
    /// Why.
    pub error: Error,
    /// What `errors.*` would make of it.
    pub handling: ErrorHandling,
}

/// What `errors.*` make of a record that failed.
#[derive(Clone, Debug)]
pub struct ErrorHandling {
    /// How long the stage would be tried again first, in milliseconds; 0: not at all, `None`: for
    /// ever.
    pub retry_ms: Option<u64>,
    /// Whether it would be logged.
    pub logged: bool,
    /// What would be written to the dead letter queue.
    pub dead_letter: Option<RawRecord>,
    /// What would end the task; `None`: it goes on with the next record.
    pub fails_with: Option<Error>,
}
