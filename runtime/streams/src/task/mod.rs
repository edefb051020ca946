//! One task: the operators of a sub-topology for one queue. It knows no log: records come in, and
//! at a checkpoint out comes what is to be written.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use gantry_log::{LogRecord, Str};

use crate::aside::SideTopics;
use crate::context::{
    CheckPoint, Context, NewSplit, Output, RemoveSplit, SystemMessage, WallClock, Watermark,
};
use crate::error::{DataError, StreamsError};
use crate::metrics::{Meter, OperatorStatus};
use crate::query::{self, Answer, Fault, Question};
use crate::settings::BadRecords;
use crate::store::{Batch, Flush};
use crate::topology::assembly::{Entry, Operator, Operators, Storage, assemble};
use crate::topology::graph::{Graph, SubTopology};

/// How far a task came, with its state.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Progress {
    /// Counts its checkpoints.
    pub(crate) number: u64,
    /// The latest event time of any record.
    pub(crate) stream_time_ms: i64,
    /// No record before this time is waited for.
    pub(crate) watermark_ms: i64,
    /// The latest time that the wall clock had.
    #[serde(default = "never")]
    pub(crate) processing_ms: i64,
    /// Where it goes on, by topic.
    pub(crate) inputs: BTreeMap<Str, u64>,
}

fn never() -> i64 {
    i64::MIN
}

impl Default for Progress {
    fn default() -> Self {
        let (stream_time_ms, watermark_ms, processing_ms) = (never(), never(), never());
        Self { number: 0, stream_time_ms, watermark_ms, processing_ms, inputs: BTreeMap::new() }
    }
}

/// What a checkpoint writes.
#[derive(Default)]
pub(crate) struct Written {
    /// Topic, queue, records.
    pub(crate) outputs: Vec<(Str, u32, Vec<LogRecord>)>,
    /// By store.
    pub(crate) changes: Vec<(Str, Vec<LogRecord>)>,
    /// To disk, once the rest is durable; none where that can wait.
    pub(crate) batch: Option<Batch>,
    pub(crate) progress: Progress,
}

/// What a task is made of.
pub(crate) struct TaskSpec<'a> {
    pub(crate) graph: &'a Graph,
    pub(crate) sub: &'a SubTopology,
    pub(crate) queue: u32,
    pub(crate) storage: &'a Storage,
    /// How many queues each topic has that it writes.
    pub(crate) queues: &'a BTreeMap<Str, u32>,
    /// Where records go that do not go through the topology.
    pub(crate) aside: &'a SideTopics,
    pub(crate) allowed_lateness_ms: i64,
    /// Whether changes of state are told.
    pub(crate) changes: bool,
    pub(crate) wall_clock_ms: i64,
}

/// One task.
pub(crate) struct Task {
    operators: Operators,
    context: Context,
    progress: Progress,
    changes: bool,
    meter: Meter,
    /// Records that it took of each topic.
    taken: BTreeMap<Str, u64>,
    /// When the last record came, and the watermark that the wall clock gave since.
    last_record_ms: i64,
    dirty: bool,
}

/// So many bytes of output make a checkpoint due.
const OUTPUT_BYTES_MAX: usize = 8 << 20;

impl Task {
    /// A task that goes on where one came to; its stores are there.
    pub(crate) fn new(spec: &TaskSpec<'_>, progress: Progress) -> Result<Self, StreamsError> {
        let operators = assemble(spec.graph, spec.sub, spec.queue, spec.storage)?;
        let queues = |topic: &Str| spec.queues.get(topic).copied().unwrap_or(1);
        let outputs = spec.sub.outputs.iter().map(|topic| (Str::clone(topic), queues(topic)));
        let mut context = Context::new(spec.queue, outputs);
        let side = |topic: &Str, context: &mut Context| context.output_to(topic, queues(topic));
        let SideTopics { late, dead_letters } = spec.aside;
        context.aside.late = late.as_ref().map(|topic| side(topic, &mut context));
        context.aside.dead_letters = dead_letters.as_ref().map(|topic| side(topic, &mut context));
        context.allowed_lateness_ms = spec.allowed_lateness_ms;
        context.stream_time_ms = progress.stream_time_ms;
        context.watermark_ms = progress.watermark_ms;
        context.wall_clock_ms = spec.wall_clock_ms;
        context.processing_ms = progress.processing_ms;
        let (changes, last_record_ms) = (spec.changes, spec.wall_clock_ms);
        let meter = Meter::new(spec.graph, spec.sub, &operators.given);
        let mut task = Self {
            operators,
            context,
            progress,
            changes,
            meter,
            taken: BTreeMap::new(),
            last_record_ms,
            dirty: false,
        };
        task.tell(SystemMessage::NewSplit(NewSplit { queue: spec.queue }))?;
        // Operators were told the time as of the last checkpoint: what was open then is open still.
        task.records_come_at(spec.wall_clock_ms);
        Ok(task)
    }

    fn tell(&mut self, message: SystemMessage) -> Result<(), StreamsError> {
        for operator in &self.operators.operators {
            operator.borrow_mut().message(message, &mut self.context)?;
        }
        Ok(())
    }

    /// Where it goes on in each topic.
    pub(crate) fn inputs(&self) -> &BTreeMap<Str, u64> {
        &self.progress.inputs
    }

    /// The wall clock when records are taken.
    pub(crate) fn records_come_at(&mut self, now_ms: i64) {
        self.context.processing_ms = self.context.processing_ms.max(now_ms);
    }

    /// Takes records of a topic, of which the next one will have that offset. Stops at one that
    /// cannot be read and gives its place: what is behind it is to be given again.
    pub(crate) fn process<'a>(
        &mut self,
        topic: &Str,
        records: impl Iterator<Item = &'a (u64, LogRecord)>,
    ) -> Result<Option<(u64, DataError)>, StreamsError> {
        let Some(entries) = self.operators.entries.get_mut(topic) else { return Ok(None) };
        let Some(position) = self.progress.inputs.get_mut(topic) else { return Ok(None) };
        let taken = self.taken.entry(Str::clone(topic)).or_default();
        self.dirty = true;
        self.last_record_ms = self.context.wall_clock_ms;
        for (offset, record) in records {
            *position = offset + 1;
            *taken += 1;
            let fault = take(entries, record, &mut self.context)?;
            self.context.taken(topic, *offset, record);
            if let Some(fault) = fault {
                return Ok(Some((*offset, fault)));
            }
            if self.context.stream_time_ms >= self.context.punctuate_at_ms {
                punctuate(&self.operators.operators, &mut self.context)?;
            }
        }
        Ok(None)
    }

    /// Does with a record that [`process`](Self::process) gave back what the settings say.
    pub(crate) fn bad_record(
        &mut self,
        how: (&BadRecords, &str),
        (topic, offset): (&str, u64),
        record: &LogRecord,
        reason: DataError,
    ) -> Result<(), StreamsError> {
        self.context.bad_record(how, (topic, offset), record, reason)
    }

    /// All up to there was taken, also where there was no record.
    pub(crate) fn advance_to(&mut self, topic: &Str, next: u64) {
        if let Some(position) = self.progress.inputs.get_mut(topic)
            && *position < next
        {
            *position = next;
            self.dirty = true;
        }
    }

    /// The wall clock went on. Where nothing came for `idle_ms`, event time goes on with it.
    pub(crate) fn wall_clock(
        &mut self,
        now_ms: i64,
        idle_ms: Option<i64>,
    ) -> Result<(), StreamsError> {
        let passed = now_ms.saturating_sub(self.context.wall_clock_ms).max(0);
        self.context.wall_clock_ms = now_ms;
        self.records_come_at(now_ms);
        let idle = idle_ms.is_some_and(|idle| now_ms.saturating_sub(self.last_record_ms) >= idle);
        if idle && self.context.watermark_ms != i64::MIN && passed > 0 {
            self.context.watermark_ms = self.context.watermark_ms.saturating_add(passed);
            let time_ms = self.context.watermark_ms;
            self.dirty = true;
            self.tell(SystemMessage::Watermark(Watermark { time_ms }))?;
        }
        self.tell(SystemMessage::WallClock(WallClock { time_ms: now_ms }))
    }

    /// Whether there is something that a checkpoint would write.
    pub(crate) fn is_dirty(&self) -> bool {
        self.dirty || self.context.worked
    }

    /// Whether so much is held that a checkpoint is due.
    pub(crate) fn is_full(&self) -> bool {
        self.context.output_bytes > OUTPUT_BYTES_MAX || self.holds_much()
    }

    fn holds_much(&self) -> bool {
        self.operators.stores.values().any(|store| store.borrow().is_full())
    }

    /// Records that came too late.
    pub(crate) fn late(&self) -> u64 {
        self.context.late.values().sum()
    }

    /// What each of its operators did.
    pub(crate) fn operators(&self) -> Vec<OperatorStatus> {
        let entries = |store: &Str| {
            self.operators.stores.get(store).map_or(0, |store| store.borrow().cached())
        };
        self.meter.read(&self.taken, &self.context.late, entries)
    }

    /// Answers a question about a store from what it holds now. `None`: it has no such store.
    pub(crate) fn answer(
        &self,
        store: &str,
        question: &Question,
        mut answer: Answer,
    ) -> Option<Result<Vec<query::Entry>, Fault>> {
        let view = self.operators.views.get(store)?.borrow();
        Some(view.answer(question, &mut answer).map(|()| answer.entries))
    }

    /// The latest event time of any record.
    pub(crate) fn stream_time_ms(&self) -> i64 {
        self.context.stream_time_ms
    }

    pub(crate) fn watermark_ms(&self) -> i64 {
        self.context.watermark_ms
    }

    /// Entries of state that are in memory.
    pub(crate) fn cached(&self) -> usize {
        self.operators.stores.values().map(|store| store.borrow().cached()).sum()
    }

    /// The queue leaves: what operators hold back is given out by the checkpoint behind this.
    pub(crate) fn remove(&mut self) -> Result<(), StreamsError> {
        self.tell(SystemMessage::RemoveSplit(RemoveSplit { queue: self.context.queue }))
    }

    /// Tells all operators, and takes out what is to be written; to disk too, if that is asked for or
    /// so much is held that it must be.
    pub(crate) fn checkpoint(&mut self, save: bool) -> Result<Written, StreamsError> {
        self.progress.number += 1;
        if self.context.watermark_ms != i64::MIN {
            let time_ms = self.context.watermark_ms;
            self.tell(SystemMessage::Watermark(Watermark { time_ms }))?;
        }
        self.tell(SystemMessage::CheckPoint(CheckPoint { number: self.progress.number }))?;
        self.progress.stream_time_ms = self.context.stream_time_ms;
        self.progress.watermark_ms = self.context.watermark_ms;
        self.progress.processing_ms = self.context.processing_ms;
        let mut written = Written { progress: self.progress.clone(), ..Written::default() };
        // Without a change log the disk is all there is.
        let save = save || !self.changes || self.holds_much();
        written.batch = save.then(Batch::default);
        for (name, store) in &self.operators.stores {
            let mut changes = Vec::new();
            let batch = written.batch.as_mut();
            let to_log = self.changes.then_some(&mut changes);
            let mut flush = Flush { batch, changes: to_log, ..Flush::default() };
            store.borrow_mut().flush(&mut flush)?;
            if !changes.is_empty() {
                written.changes.push((Str::clone(name), changes));
            }
        }
        for Output { topic, queues, .. } in &mut self.context.outputs {
            for (queue, records) in (0..).zip(queues) {
                if !records.is_empty() {
                    let records = std::mem::take(records);
                    written.outputs.push((Str::clone(topic), queue, records));
                }
            }
        }
        self.context.output_bytes = 0;
        self.dirty = false;
        self.context.worked = false;
        Ok(written)
    }
}

/// Gives a record to all that read its topic, until one cannot.
fn take(
    entries: &mut [Entry],
    record: &LogRecord,
    context: &mut Context,
) -> Result<Option<DataError>, StreamsError> {
    context.aside.taking = true;
    let taken = entries.iter_mut().find_map(|entry| match entry(record, context) {
        Ok(Ok(())) => None,
        Ok(Err(fault)) => Some(Ok(fault)),
        Err(error) => Some(Err(error)),
    });
    context.aside.taking = false;
    taken.transpose()
}

/// Tells what has punctuators that event time came to one of them.
fn punctuate(
    operators: &[Rc<RefCell<dyn Operator>>],
    context: &mut Context,
) -> Result<(), StreamsError> {
    context.punctuate_at_ms = i64::MAX;
    operators.iter().try_for_each(|operator| operator.borrow_mut().stream_time(context))
}
