//! Records on their way from the thread that reads a database to the task.

use gantry_api::{CancellationToken, Error, Result, SourceRecord};
use tokio::sync::mpsc::{Receiver, Sender};

/// Batches that wait to be taken.
pub(crate) const BATCHES: usize = 2;
/// A batch is given on with so many bytes, however few records there are.
const BYTES: usize = 1 << 20;

/// Records, and how far the database may forget what it keeps for this connector once they are safe: a number of the
/// connector's own.
#[derive(Debug)]
pub(crate) struct Batch {
    pub(crate) records: Vec<SourceRecord>,
    pub(crate) mark: u64,
}

/// Collects records into batches.
#[derive(Debug)]
pub(crate) struct Out {
    sender: Sender<Result<Batch>>,
    cancel: CancellationToken,
    records: Vec<SourceRecord>,
    bytes: usize,
    records_max: usize,
    /// The last record stays back, as it may have to say that it is the last.
    pub(crate) holds_last: bool,
    /// Goes with the next batch.
    pub(crate) mark: u64,
    /// What went with the last one.
    marked: u64,
    /// Whether batches are given on only when that is asked for: all records of a change have one offset, and are to
    /// be written together.
    pub(crate) is_manual: bool,
}

impl Out {
    pub(crate) fn new(
        sender: Sender<Result<Batch>>,
        cancel: CancellationToken,
        records_max: usize,
    ) -> Self {
        Self {
            sender,
            cancel,
            records: Vec::new(),
            bytes: 0,
            records_max: records_max.max(1),
            holds_last: false,
            mark: 0,
            marked: 0,
            is_manual: false,
        }
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.cancel.is_cancelled() || self.sender.is_closed()
    }

    pub(crate) fn push(&mut self, record: SourceRecord, bytes: usize) -> Result<()> {
        self.records.push(record);
        self.bytes += bytes;
        if !self.is_manual && self.is_full() {
            return self.flush();
        }
        Ok(())
    }

    /// Whether there is enough for a batch.
    pub(crate) fn is_full(&self) -> bool {
        self.records.len() >= self.records_max || self.bytes >= BYTES
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// Gives the batch on if there is room for it. False: the task has not taken those before. What ends a change may
    /// come behind its last record: then the mark goes without any.
    pub(crate) fn try_flush(&mut self) -> Result<bool> {
        if self.records.is_empty() && self.mark <= self.marked {
            return Ok(true);
        }
        match self.sender.try_reserve() {
            Ok(permit) => {
                self.bytes = 0;
                self.marked = self.mark;
                let records = std::mem::take(&mut self.records);
                permit.send(Ok(Batch { records, mark: self.mark }));
                Ok(true)
            }
            Err(tokio::sync::mpsc::error::TrySendError::Full(())) => Ok(false),
            Err(tokio::sync::mpsc::error::TrySendError::Closed(())) => Err(stopped()),
        }
    }

    /// The last record that was not given on yet.
    pub(crate) fn last(&mut self) -> Option<&mut SourceRecord> {
        self.records.last_mut()
    }

    /// Waits for the task to take it, which is the back-pressure.
    pub(crate) fn flush(&mut self) -> Result<()> {
        let held = if self.holds_last { self.records.pop() } else { None };
        self.bytes = 0;
        let batch = std::mem::take(&mut self.records);
        self.records.extend(held);
        if batch.is_empty() {
            return Ok(());
        }
        let batch = Batch { records: batch, mark: self.mark };
        self.sender.blocking_send(Ok(batch)).map_err(|_| stopped())
    }

    /// What goes wrong for good is the last that the task gets.
    pub(crate) fn fail(&self, error: Error) {
        if !self.is_closed() {
            // Nobody to tell it: the task was stopped meanwhile.
            drop(self.sender.blocking_send(Err(error)));
        }
    }

    /// Records that were not given on are forgotten.
    pub(crate) fn forget(&mut self) {
        self.records.clear();
        self.bytes = 0;
        self.holds_last = false;
    }
}

/// The next batch, for a task's poll. A task that was stopped waits for ever.
pub(crate) async fn next(
    batches: &mut Option<Receiver<Result<Batch>>>,
    cancel: &CancellationToken,
) -> Result<Batch> {
    let batches = batches.as_mut().ok_or_else(|| Error::connect("Not started"))?;
    match batches.recv().await {
        Some(batch) => batch,
        None if cancel.is_cancelled() => std::future::pending().await,
        None => Err(Error::connect("the thread that reads the database has ended without a word")),
    }
}

fn stopped() -> Error {
    Error::connect("the task was stopped")
}
