//! Reading the source: queues found at their offsets, records that count, and those that came from
//! the target left out.

use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use gantry_api::{Error, Result};
use gantry_coordination::{Isolation, Transactions, mark_of};
use gantry_log::{
    FullLog, LogError, LogRecord, OffsetRange, QueueRecords, ReadLimits, RecordHeader, Str,
    TopicPartition,
};

use super::config::{Begin, Config};
use super::queue::Queue;
use crate::clusters::failed;

/// Bytes read at once over all queues.
const READ_BYTES: usize = 4 << 20;
/// Records read at once.
const READ_RECORDS: usize = 10_000;
/// The header of copies that tells through which clusters they came, in order and with commas.
pub(super) const PROVENANCE: &str = "gantry.replicated.from";
/// Records that are looked at to know whether all were copied.
const LOOKED_AT_MAX: u64 = 200_000;
/// How often it is looked whether more may be read, where that is limited.
const PACE: Duration = Duration::from_millis(50);
/// How often a topic that is not there is looked for again.
const GONE_PAUSE: Duration = Duration::from_secs(5);

/// What of the source is read, and how.
pub(super) struct Reader {
    source: Arc<dyn FullLog>,
    isolation: Isolation,
    read_committed: bool,
    /// Records were read and not given: they are read again.
    is_giving: bool,
    poll_timeout: Duration,
    begin: Begin,
    /// Records that may be read in this second, and since when it counts.
    rate: Option<(u64, u64, Instant)>,
    /// The topics that were not there, and when.
    gone: Vec<(Str, Instant)>,
}

impl std::fmt::Debug for Reader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reader").field("isolation", &self.isolation).finish_non_exhaustive()
    }
}

fn isolation(source: &Arc<dyn FullLog>, read_committed: bool) -> Isolation {
    let transactions = || Arc::new(Transactions::new(Arc::clone(source), None));
    Isolation::new(read_committed.then(transactions))
}

impl Reader {
    pub(super) fn new(source: Arc<dyn FullLog>, config: &Config) -> Self {
        Self {
            isolation: isolation(&source, config.read_committed),
            source,
            read_committed: config.read_committed,
            is_giving: false,
            poll_timeout: config.poll_timeout,
            begin: config.begin,
            rate: config.rate.map(|rate| (rate, rate, Instant::now())),
            gone: Vec::new(),
        }
    }

    /// Where a queue begins of which nothing was copied. `fresh`: where its empty copy begins.
    pub(super) async fn begin(
        &self,
        queue: &TopicPartition,
        fresh: Option<u64>,
    ) -> Result<u64, LogError> {
        let range = self.source.range(queue).await?;
        // The copy was made to begin there a moment ago: what came since is copied, too.
        let begins = self.begin != Begin::Earliest;
        if let Some(at) = fresh.filter(|at| *at > 0 && begins && in_range(&range, *at)) {
            return Ok(at);
        }
        begin(&*self.source, self.begin, queue, &range).await
    }

    /// Whether each offset of a stretch has a record that counts and that is taken. False also where
    /// it cannot be said, or would take long.
    pub(super) async fn has_all(
        &self,
        queue: &TopicPartition,
        of: Range<u64>,
        takes: impl Fn(&LogRecord) -> bool,
    ) -> bool {
        let mut next = of.start;
        if of.end - of.start > LOOKED_AT_MAX {
            return false;
        }
        while next < of.end {
            let limits = ReadLimits {
                max_bytes: READ_BYTES,
                max_records: READ_RECORDS,
                wait: self.poll_timeout,
            };
            let read = self.source.read(&[(queue.clone(), next)], limits).await;
            let Some(batch) = read.ok().and_then(|read| read.into_iter().next()) else {
                return false;
            };
            for (offset, record) in batch.records {
                if offset >= of.end {
                    break;
                }
                if offset != next || mark_of(&record).is_some() || !takes(&record) {
                    return false;
                }
                next += 1;
            }
            if batch.next != next && next < of.end {
                return false;
            }
        }
        true
    }

    /// Where the queues of a topic are, if that can change.
    pub(super) async fn places(&self, topic: &str) -> Result<Vec<Str>> {
        let places = self.source.queue_places(topic).await;
        places.map_err(|error| failed(&format!("Could not ask where {topic} is"), &error))
    }

    /// Records of the queues that are ready; empty after a while, which is short if `soon`. What is not
    /// said to be [given](Self::given) before the next call is read again: so a call may be dropped.
    pub(super) async fn read(
        &mut self,
        queues: &mut [Queue],
        soon: Option<Duration>,
    ) -> Result<Vec<QueueRecords>> {
        if std::mem::take(&mut self.is_giving) {
            self.isolation = isolation(&self.source, self.read_committed);
            queues.iter_mut().filter(|queue| queue.next.is_some()).for_each(|queue| {
                queue.next = Some(queue.given);
            });
        }
        self.gone.retain(|(_, since)| since.elapsed() < GONE_PAUSE);
        let is_gone =
            |queue: &Queue| self.gone.iter().any(|(topic, _)| *topic == queue.source.topic);
        let ready =
            queues.iter().filter(|queue| !self.isolation.holds(&queue.source) && !is_gone(queue));
        let from = ready.filter_map(|queue| Some((queue.source.clone(), queue.next?)));
        let from: Vec<(TopicPartition, u64)> = from.collect();
        let wait = soon.map_or(self.poll_timeout, |soon| soon.min(self.poll_timeout));
        let max_records = self.allowed();
        if max_records == 0 {
            tokio::time::sleep(PACE).await;
            return Ok(Vec::new());
        }
        let limits = ReadLimits { max_bytes: READ_BYTES, max_records, wait };
        let batches = tokio::select! {
            read = async {
                match from.is_empty() {
                    true => {
                        tokio::time::sleep(wait).await;
                        Ok(Vec::new())
                    }
                    false => self.source.read(&from, limits).await,
                }
            } => match read {
                Ok(batches) => batches,
                Err(error) => return self.recover(error, queues).map(|()| Vec::new()),
            },
            () = self.isolation.changed(), if self.isolation.waits() => {
                self.is_giving = true;
                return Ok(self.isolation.look_again(&Default::default()).await);
            }
        };
        if let Some((_, left, _)) = &mut self.rate {
            let read: u64 = batches.iter().map(|batch| batch.records.len() as u64).sum();
            *left = left.saturating_sub(read);
        }
        for batch in &batches {
            if let Some(queue) = queues.iter_mut().find(|queue| queue.source == batch.from) {
                queue.next = Some(batch.next);
                queue.end = batch.end;
            }
        }
        self.is_giving = true;
        Ok(self.isolation.sift(batches).await)
    }

    /// What was read is given.
    pub(super) fn given(&mut self) {
        self.is_giving = false;
    }

    /// How many records may be read now.
    fn allowed(&mut self) -> usize {
        let Some((rate, left, since)) = &mut self.rate else { return READ_RECORDS };
        if since.elapsed() >= Duration::from_secs(1) {
            (*left, *since) = (*rate, Instant::now());
        }
        usize::try_from(*left).unwrap_or(READ_RECORDS).min(READ_RECORDS)
    }

    /// Goes on where the source can be read, if it can be: records that are gone before they were
    /// copied are lost to the copy, and that is said.
    fn recover(&mut self, error: LogError, queues: &mut [Queue]) -> Result<()> {
        match error {
            LogError::OutOfRange { queue: name, wanted, range } => {
                let Some(queue) = queues.iter_mut().find(|queue| queue.source == name) else {
                    return Ok(());
                };
                if wanted < range.earliest {
                    tracing::error!(
                        queue = %name, lost = range.earliest - wanted, from = wanted,
                        to = range.earliest,
                        "records are gone from the source before they were copied (its retention \
                         is over); going on behind them"
                    );
                } else {
                    tracing::error!(
                        queue = %name, copied = wanted, end = range.next,
                        "the source ends before what was copied of it: it was made anew, or lost \
                         its end; copying all of it that is there"
                    );
                }
                queue.next = Some(range.earliest);
                queue.given = range.earliest;
                self.isolation.forget(&name);
                Ok(())
            }
            // The connector takes it off the tasks.
            LogError::Unknown(queue) => {
                tracing::warn!(topic = &*queue.topic, "the source has this topic no more");
                self.gone.push((queue.topic, Instant::now()));
                Ok(())
            }
            error => Err(failed("Could not read the source", &error)),
        }
    }
}

/// Where copying of a queue begins if it begins now.
pub(super) async fn begin(
    source: &dyn FullLog,
    begin: Begin,
    queue: &TopicPartition,
    range: &OffsetRange,
) -> Result<u64, LogError> {
    Ok(match begin {
        Begin::Earliest => range.earliest,
        Begin::Latest => range.next,
        Begin::At(timestamp_ms) => {
            let found = source.offset_for_time(queue, timestamp_ms).await?;
            found.map_or(range.next, |at| at.clamp(range.earliest, range.next))
        }
    })
}

fn in_range(range: &OffsetRange, at: u64) -> bool {
    (range.earliest..=range.next).contains(&at)
}

/// Whether a record came through a cluster.
pub(super) fn came_through(record: &LogRecord, cluster: &str) -> bool {
    record.headers.iter().any(|header| {
        &*header.key == PROVENANCE
            && header.value.as_ref().is_some_and(|value| {
                value.split(|byte| *byte == b',').any(|name| name == cluster.as_bytes())
            })
    })
}

/// Notes that a record came through one more.
pub(super) fn note_provenance(record: &mut LogRecord, cluster: &str) {
    let known = record.headers.iter_mut().find(|header| &*header.key == PROVENANCE);
    match known {
        Some(header) => {
            let mut names = header.value.as_deref().unwrap_or_default().to_vec();
            if !names.is_empty() {
                names.push(b',');
            }
            names.extend_from_slice(cluster.as_bytes());
            header.value = Some(names.into());
        }
        None => {
            let value = Some(bytes::Bytes::copy_from_slice(cluster.as_bytes()));
            record.headers.push(RecordHeader { key: PROVENANCE.into(), value });
        }
    }
}

/// The error of a queue whose number means another queue than it did.
pub(super) fn moved(queue: &TopicPartition, before: &str, now: Option<&Str>) -> Error {
    Error::connect(format!(
        "Queue {queue} of the source was {before} when it was copied, and is {} now: a broker \
         that is not the last one by name got queues of {}, which changes the numbers of those \
         behind. Nothing of it is copied any more, so that no records are mixed. Delete the copy \
         and reset the connector's offsets to copy the topic anew, or take the new queues away",
        now.map_or("nowhere", |now| &**now),
        queue.topic
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_know_where_they_came_through() {
        let mut record = LogRecord::default();
        assert!(!came_through(&record, "a"));
        note_provenance(&mut record, "a");
        note_provenance(&mut record, "bb");
        assert_eq!(record.headers.len(), 1);
        assert_eq!(record.headers[0].value.as_deref(), Some(&b"a,bb"[..]));
        assert!(came_through(&record, "a") && came_through(&record, "bb"));
        assert!(!came_through(&record, "b"));
    }
}
