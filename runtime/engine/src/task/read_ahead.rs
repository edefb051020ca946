//! Reads what comes next for a sink task while the task works on what it has, on another thread
//! of the worker's if one is free.

use std::sync::Arc;
use std::time::Duration;

use gantry_api::SinkRecord;
use gantry_log::{FullLog, LogError, QueueRecords, ReadLimits, TopicPartition};
use tokio::task::JoinHandle;

/// Where to read on in each queue.
pub(super) type Positions = Vec<(TopicPartition, u64)>;

type Read = Result<Vec<QueueRecords>, LogError>;

/// At most one read ahead of the task.
pub(super) struct ReadAhead {
    log: Arc<dyn FullLog>,
    under_way: Option<(Positions, JoinHandle<Read>)>,
    /// The records that were put last: freeing them is work, too.
    used: Vec<SinkRecord>,
}

impl ReadAhead {
    pub(super) fn new(log: Arc<dyn FullLog>) -> Self {
        Self { log, under_way: None, used: Vec::new() }
    }

    /// Begins to read from there. It does not wait: there must be something to read.
    pub(super) fn begin(&mut self, from: Positions, limits: ReadLimits) {
        let (log, used) = (Arc::clone(&self.log), std::mem::take(&mut self.used));
        let limits = ReadLimits { wait: Duration::ZERO, ..limits };
        let wanted = from.clone();
        let read = tokio::spawn(async move {
            let read = log.read(&wanted, limits).await;
            drop(used);
            read
        });
        self.under_way = Some((from, read));
    }

    /// Keeps records that are done with until somebody else has the time to free them.
    pub(super) fn leave(&mut self, used: Vec<SinkRecord>) {
        self.used = if self.under_way.is_some() { used } else { Vec::new() };
    }

    /// Reads from there: what was read ahead, if it is that. Without any queue it waits, so that
    /// the task gets its empty puts. Cancel safe.
    pub(super) async fn read(&mut self, from: &Positions, limits: ReadLimits) -> Read {
        if let Some((ahead, read)) = &mut self.under_way {
            let is_wanted = ahead == from;
            let read = if is_wanted { Some(read.await) } else { None };
            self.under_way = None;
            match read {
                Some(Ok(Ok(batches))) if batches.is_empty() => {}
                Some(Ok(read)) => return read,
                // It was wanted no more, or has ended with the runtime.
                None | Some(Err(_)) => {}
            }
        }
        if from.is_empty() {
            tokio::time::sleep(limits.wait).await;
            return Ok(Vec::new());
        }
        self.log.read(from, limits).await
    }
}
