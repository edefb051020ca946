//! Preview: records go through the converters and transformations of a configuration, in the very
//! stages that tasks use, and each step shows what it made of them. Nothing is started and nothing
//! is written: no task, no topic, no record, no offset.

mod live;
mod run;
mod types;

pub use run::Previewer;
pub use types::{
    ErrorHandling, Preview, PreviewCondition, PreviewError, PreviewOutcome, PreviewRecord,
    PreviewSamples, PreviewStep, PreviewedRecord, RawRecord, StartAt, StepOutcome, TopicSample,
};

/// Records that one preview takes at most.
pub const PREVIEW_RECORDS_MAX: usize = 200;
/// Records of a topic that a preview takes when it is not told how many.
pub const PREVIEW_RECORDS_DEFAULT: usize = 10;
/// Bytes of records of a topic that one preview takes at most; a single larger one still comes.
pub const PREVIEW_BYTES_MAX: usize = 1 << 20;
