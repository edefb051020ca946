//! What readers know of transactions. Each record of an exactly-once source is marked with its
//! session and with the offset topic that decides about it: this cluster's, or another's, which is
//! then followed too.

use std::collections::HashMap;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use gantry_cluster::{Fate, TransactionId};
use gantry_log::{FullLog, LogError, LogRecord, RecordHeader, Str, TopicPartition};
use tokio::sync::watch;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::offsets::FencedOffsets;

/// The header that marks a record: `<id in hexadecimal>@<offset topic>`, always the last one.
const MARK: &str = "gantry.transaction";
/// The wait after another cluster's offset topic could not be read.
const RETRY: Duration = Duration::from_millis(500);
/// An offset topic that is not there for so long is gone.
const GONE_AFTER: Duration = Duration::from_secs(60);

/// The mark of a session's records.
pub(crate) fn mark(id: TransactionId, topic: &str) -> RecordHeader {
    let value = Bytes::from(format!("{:016x}@{topic}", id.0));
    RecordHeader { key: MARK.into(), value: Some(value) }
}

/// The mark of a record, if it has one.
pub fn mark_of(record: &LogRecord) -> Option<&Bytes> {
    record.headers.last().filter(|last| &*last.key == MARK)?.value.as_ref()
}

/// Takes the mark off a record: nobody but the runtime is to see it.
pub fn take_mark(record: &mut LogRecord) {
    record.headers.pop_if(|last| &*last.key == MARK);
}

/// The session and the offset topic that a mark names.
fn parse(mark: &[u8]) -> Option<(TransactionId, &str)> {
    let (id, topic) = std::str::from_utf8(mark).ok()?.split_once('@')?;
    Some((TransactionId(u64::from_str_radix(id, 16).ok()?), topic))
}

/// The offset topics that are followed.
pub struct Transactions {
    log: Arc<dyn FullLog>,
    /// The offset topic that somebody else follows already.
    own: Option<Arc<FencedOffsets>>,
    known: Mutex<HashMap<Str, Arc<TransactionLog>>>,
    /// Since when topics are not there.
    missing: Mutex<HashMap<Str, Instant>>,
    gone_after: Duration,
}

/// One offset topic, as readers look at it.
pub struct TransactionLog {
    /// `None`: the topic is not there, and nobody can say what counts.
    offsets: Option<Arc<FencedOffsets>>,
    /// Ends what follows it; `None` for the own one, which the cluster follows.
    _follower: Option<DropGuard>,
}

impl Transactions {
    /// Of a log. `own` is an offset topic that is followed anyway.
    pub fn new(log: Arc<dyn FullLog>, own: Option<Arc<FencedOffsets>>) -> Self {
        let (known, missing) = (Mutex::default(), Mutex::default());
        Self { log, own, known, missing, gone_after: GONE_AFTER }
    }

    /// The same, but an offset topic that is not there for so long is gone; usually a minute.
    #[must_use]
    pub fn with_gone_after(self, gone_after: Duration) -> Self {
        Self { gone_after, ..self }
    }

    /// Who decides about records with this mark, and their session; `None`: it is no mark of ours.
    pub async fn of(
        &self,
        mark: &[u8],
    ) -> Result<Option<(TransactionId, Arc<TransactionLog>)>, LogError> {
        let Some((id, topic)) = parse(mark) else { return Ok(None) };
        let known = self.lock().get(topic).map(Arc::clone);
        if let Some(known) = known {
            return Ok(Some((id, known)));
        }
        let log = match &self.own {
            Some(own) if **own.topic() == *topic => {
                TransactionLog { offsets: Some(Arc::clone(own)), _follower: None }
            }
            _ if self.log.topic(topic).await?.is_none() => {
                // Looked for again with each batch: it may come back.
                return self.gone(topic).map(|log| Some((id, log)));
            }
            _ => self.follow(topic),
        };
        let log = Arc::clone(self.lock().entry(topic.into()).or_insert_with(|| Arc::new(log)));
        Ok(Some((id, log)))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Str, Arc<TransactionLog>>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What to do about records of a cluster whose offset topic is not there.
    fn gone(&self, topic: &str) -> Result<Arc<TransactionLog>, LogError> {
        let mut missing = self.missing.lock().unwrap_or_else(PoisonError::into_inner);
        let since = *missing.entry(topic.into()).or_insert_with(Instant::now);
        if since.elapsed() < self.gone_after {
            let reason = format!("{topic}, which decides which records count, is not there");
            return Err(LogError::Unavailable(reason.into()));
        }
        tracing::debug!(
            topic,
            "records are marked by a cluster whose offset topic is gone: whether they were \
             committed cannot be known, and all of them are taken"
        );
        Ok(Arc::new(TransactionLog { offsets: None, _follower: None }))
    }

    /// Follows the offset topic of another cluster.
    fn follow(&self, topic: &str) -> TransactionLog {
        self.missing.lock().unwrap_or_else(PoisonError::into_inner).remove(topic);
        let queue = TopicPartition::new(topic, 0);
        let offsets = Arc::new(FencedOffsets::new(Arc::clone(&self.log), queue));
        let stop = CancellationToken::new();
        let (followed, stopped) = (Arc::clone(&offsets), stop.clone());
        tokio::spawn(async move {
            let mut pruning = pin!(followed.prune());
            loop {
                let done = tokio::select! {
                    () = stopped.cancelled() => return,
                    never = &mut pruning => match never {},
                    done = followed.follow() => done,
                };
                if let Err(error) = done {
                    tracing::warn!(topic = %followed.topic(), %error, "could not read another cluster's offset topic; trying again");
                    tokio::time::sleep(RETRY).await;
                }
            }
        });
        TransactionLog { offsets: Some(offsets), _follower: Some(stop.drop_guard()) }
    }
}

impl TransactionLog {
    /// What becomes of the records of a session in one queue, `None`: it is not known; and up to
    /// where the topic was read for that.
    pub fn fate(&self, id: TransactionId, of: &TopicPartition) -> (Option<Fate>, Option<u64>) {
        match &self.offsets {
            Some(offsets) => offsets.fate(id, of),
            None => (Some(Fate { end: u64::MAX, open: false }), None),
        }
    }

    /// Where the topic ends now. Who has read up to there and does not know a session whose
    /// records were there before knows that it committed nothing.
    pub async fn end(&self) -> Result<u64, LogError> {
        match &self.offsets {
            Some(offsets) => offsets.end().await,
            None => Ok(0),
        }
    }

    /// Up to where it is read; `None`: nothing can change.
    pub fn folded(&self) -> Option<watch::Receiver<Option<u64>>> {
        self.offsets.as_ref().map(|offsets| offsets.folded())
    }
}

impl std::fmt::Debug for Transactions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Transactions({:?})", self.lock().keys())
    }
}

impl std::fmt::Debug for TransactionLog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "TransactionLog({:?})", self.offsets)
    }
}
