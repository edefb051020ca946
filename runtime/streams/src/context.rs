//! What operators share while a task works.

use std::collections::BTreeMap;

use gantry_log::{LogRecord, Str};

use crate::aside::Aside;
use crate::record::Record;
use crate::window::Clock;

/// What passes through the topology in band, between records, from source to sink.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SystemMessage {
    /// A queue came to this task, with its state.
    NewSplit(NewSplit),
    /// The queue leaves this instance: nothing comes behind this.
    RemoveSplit(RemoveSplit),
    /// What came before counts as done once the checkpoint is written: tell what is held back.
    CheckPoint(CheckPoint),
    /// No record before this time is waited for any more.
    Watermark(Watermark),
    /// The wall clock went on.
    WallClock(WallClock),
}

/// A queue came to this task, with its state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewSplit {
    /// The queue's number in each topic that the task reads.
    pub queue: u32,
}

/// The queue leaves this instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RemoveSplit {
    /// The queue's number in each topic that the task reads.
    pub queue: u32,
}

/// A checkpoint is about to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CheckPoint {
    /// Counts the checkpoints of the task, over restarts too.
    pub number: u64,
}

/// Event time went on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Watermark {
    /// Milliseconds since the epoch.
    pub time_ms: i64,
}

/// The wall clock went on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WallClock {
    /// Milliseconds since the epoch.
    pub time_ms: i64,
}

/// Records on their way to one topic.
pub(crate) struct Output {
    pub(crate) topic: Str,
    pub(crate) queues: Vec<Vec<LogRecord>>,
    /// Where the next record without a key goes.
    next: usize,
}

impl Output {
    fn new(topic: Str, queues: u32, first: u32) -> Self {
        let queues = (0..queues.max(1)).map(|_| Vec::new()).collect();
        Self { topic, queues, next: first as usize }
    }
}

/// One task's time, and what it sends.
pub(crate) struct Context {
    pub(crate) queue: u32,
    /// The latest event time of any record.
    pub(crate) stream_time_ms: i64,
    /// No record before this time is waited for.
    pub(crate) watermark_ms: i64,
    /// So much the watermark is behind the stream time.
    pub(crate) allowed_lateness_ms: i64,
    pub(crate) wall_clock_ms: i64,
    /// The latest time that the wall clock ever had: of what is closed by it nothing is opened again.
    pub(crate) processing_ms: i64,
    pub(crate) outputs: Vec<Output>,
    pub(crate) output_bytes: usize,
    /// By operator, records that came too late for its windows.
    pub(crate) late: BTreeMap<Str, u64>,
    /// Where they go, and others that go another way.
    pub(crate) aside: Aside,
    /// When the first punctuator is due that goes by the stream time.
    pub(crate) punctuate_at_ms: i64,
    /// Something was done since the last checkpoint that no record may have been the cause of: a
    /// processor gave a record on or had a store, the wall clock closed a window.
    pub(crate) worked: bool,
}

impl Context {
    pub(crate) fn new(queue: u32, outputs: impl Iterator<Item = (Str, u32)>) -> Self {
        Self {
            queue,
            stream_time_ms: i64::MIN,
            watermark_ms: i64::MIN,
            allowed_lateness_ms: 0,
            wall_clock_ms: 0,
            processing_ms: i64::MIN,
            outputs: outputs.map(|(topic, queues)| Output::new(topic, queues, queue)).collect(),
            output_bytes: 0,
            late: BTreeMap::new(),
            aside: Aside::default(),
            punctuate_at_ms: i64::MAX,
            worked: false,
        }
    }

    /// The output to a topic: one that is there, or a new one.
    pub(crate) fn output_to(&mut self, topic: &Str, queues: u32) -> usize {
        let known = self.outputs.iter().position(|output| output.topic == *topic);
        known.unwrap_or_else(|| {
            self.outputs.push(Output::new(Str::clone(topic), queues, self.queue));
            self.outputs.len() - 1
        })
    }

    /// A record of that time came.
    pub(crate) fn advance_to(&mut self, time_ms: i64) {
        if time_ms > self.stream_time_ms {
            self.stream_time_ms = time_ms;
            let watermark = time_ms.saturating_sub(self.allowed_lateness_ms);
            self.watermark_ms = self.watermark_ms.max(watermark);
        }
    }

    /// Sends a record to an output; by its key, or to one queue after the other.
    pub(crate) fn send(&mut self, output: usize, record: LogRecord) {
        self.output_bytes += record.size() + RECORD_OVERHEAD;
        let output = &mut self.outputs[output];
        let queues = output.queues.len();
        let queue = match &record.key {
            Some(key) => {
                let queues = u32::try_from(queues).unwrap_or(u32::MAX);
                gantry_log::queue_of_key(key, queues) as usize
            }
            None => {
                output.next = (output.next + 1) % queues;
                output.next
            }
        };
        output.queues[queue].push(record);
    }
}

impl Clock {
    /// No record before this time is waited for.
    pub(crate) fn watermark_ms(self, context: &Context) -> i64 {
        match self {
            Self::Event => context.watermark_ms,
            Self::Processing => context.processing_ms,
        }
    }

    /// Whether a message says that it went on.
    pub(crate) fn went_on(self, message: SystemMessage) -> bool {
        match self {
            Self::Event => matches!(message, SystemMessage::Watermark(_)),
            Self::Processing => matches!(message, SystemMessage::WallClock(_)),
        }
    }

    /// The record with its time by this clock.
    pub(crate) fn stamp<K, V>(self, mut record: Record<K, V>, context: &Context) -> Record<K, V> {
        if self == Self::Processing {
            record.timestamp_ms = context.processing_ms;
        }
        record
    }

    /// Something was closed: it is to be written, also where no record came.
    pub(crate) fn closed(self, context: &mut Context) {
        context.worked |= self == Self::Processing;
    }
}

/// What a waiting record takes besides its bytes.
const RECORD_OVERHEAD: usize = 64;
