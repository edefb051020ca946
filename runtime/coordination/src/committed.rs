//! Reading what counts.

use std::collections::BTreeSet;
use std::sync::Arc;

use gantry_log::{FullLog, LogError, QueueRecords, ReadLimits, TopicPartition};

use crate::isolation::Isolation;
use crate::transactions::Transactions;

/// Reads queues of a log as they are with `isolation.level=read_committed`: records that are marked
/// with a transaction come once it is committed, and never if it was given up.
#[derive(Debug)]
pub struct CommittedReader {
    log: DynLog,
    isolation: Isolation,
}

struct DynLog(Arc<dyn FullLog>);

impl std::fmt::Debug for DynLog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a log")
    }
}

impl CommittedReader {
    /// A reader that shares what is known of transactions with others.
    pub fn new(log: Arc<dyn FullLog>, transactions: Arc<Transactions>) -> Self {
        Self { log: DynLog(log), isolation: Isolation::new(Some(transactions)) }
    }

    /// A reader of its own.
    pub fn of(log: Arc<dyn FullLog>) -> Self {
        let transactions = Arc::new(Transactions::new(Arc::clone(&log), None));
        Self::new(log, transactions)
    }

    /// Reads as [`Log::read`](gantry_log::Log::read), but for what does not count, and for what it
    /// is not known of yet: that comes with a later call, which may ask for the same queues, each
    /// from where the last answer said. Cancel safe, but for what a queue waited for.
    pub async fn read(
        &mut self,
        from: &[(TopicPartition, u64)],
        limits: ReadLimits,
    ) -> Result<Vec<QueueRecords>, LogError> {
        self.read_seeing(from, limits, |_| {}).await
    }

    /// The same; shows what came from the log before it is known what of it counts.
    pub async fn read_seeing(
        &mut self,
        from: &[(TopicPartition, u64)],
        limits: ReadLimits,
        mut see: impl FnMut(&[QueueRecords]),
    ) -> Result<Vec<QueueRecords>, LogError> {
        let isolation = &mut self.isolation;
        let from = from.iter().filter(|(queue, _)| !isolation.holds(queue));
        let from: Vec<_> = from.cloned().collect();
        if isolation.waits() && (!limits.wait.is_zero() || from.is_empty()) {
            // What is committed meanwhile is as good as what comes.
            let read = async {
                match from.is_empty() {
                    true => std::future::pending().await,
                    false => self.log.0.read(&from, limits).await,
                }
            };
            tokio::select! {
                () = isolation.changed() => {}
                () = tokio::time::sleep(limits.wait) => {}
                read = read => {
                    let read = read?;
                    see(&read);
                    return Ok(isolation.sift(read).await);
                }
            }
            return Ok(isolation.look_again(&BTreeSet::new()).await);
        }
        if from.is_empty() {
            return Ok(Vec::new());
        }
        let read = self.log.0.read(&from, limits).await?;
        see(&read);
        Ok(isolation.sift(read).await)
    }

    /// Forgets what waits of a queue: it is read from elsewhere, or by somebody else.
    pub fn forget(&mut self, queue: &TopicPartition) {
        self.isolation.forget(queue);
    }
}
