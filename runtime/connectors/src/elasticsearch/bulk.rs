//! Batches: filled, sent, several at once, and settled when they are written.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use gantry_api::{Error, Result, SinkOffsets, SinkRecord, SinkTaskContext, TopicPartition};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::action::place;
use super::answer::{Class, Refusal};
use super::cluster::{Cluster, Halt};
use super::config::{Bulk, Errors, OnConflict, OnMalformed};
use super::job::{Batch, Item, Outcome, run};
use super::keys::{BUFFERED, FLUSH_TIMEOUT};
use super::ledger::{Firsts, Ledger, note};

/// The batch that is being filled.
#[derive(Debug, Default)]
struct Open {
    body: Vec<u8>,
    items: Vec<Item>,
    firsts: Firsts,
    since: Option<Instant>,
    /// Of documents whose order counts.
    hashes: HashSet<u64>,
}

/// All batches of a task.
#[derive(Debug)]
pub(super) struct Batches {
    cluster: Arc<Cluster>,
    limits: Bulk,
    errors: Errors,
    context: SinkTaskContext,
    open: Open,
    /// What is being sent; ends with the task.
    jobs: JoinSet<Outcome>,
    ledger: Ledger,
    number: u64,
    /// Records that are being sent.
    sending: usize,
    /// Documents whose order counts, by the batches that are being sent.
    hashes: HashMap<u64, HashSet<u64>>,
    /// Why the task cannot go on.
    failed: Option<Error>,
}

impl Batches {
    pub(super) fn new(
        cluster: Arc<Cluster>,
        limits: Bulk,
        errors: Errors,
        context: SinkTaskContext,
    ) -> Self {
        Self {
            cluster,
            limits,
            errors,
            context,
            open: Open::default(),
            jobs: JoinSet::new(),
            ledger: Ledger::default(),
            number: 0,
            sending: 0,
            hashes: HashMap::new(),
            failed: None,
        }
    }

    /// The lines of the batch that is being filled: those of a record are added before it is.
    pub(super) fn lines(&mut self) -> &mut Vec<u8> {
        &mut self.open.body
    }

    /// Adds a record whose lines begin at `start`; sends the batch if it is full.
    pub(super) async fn add(
        &mut self,
        record: &SinkRecord,
        start: usize,
        is_own: bool,
        hash: u64,
    ) -> Result<(), Halt> {
        note(&mut self.open.firsts, record);
        self.open.since.get_or_insert_with(Instant::now);
        if hash != 0 {
            self.open.hashes.insert(hash);
        }
        self.open.items.push(Item { record: record.clone(), start, is_own, hash });
        let is_full = self.open.items.len() >= self.limits.records
            || self.open.body.len() >= self.limits.bytes;
        if is_full || self.sending + self.open.items.len() >= self.limits.buffered {
            self.send().await?;
        }
        Ok(())
    }

    /// Sends the batch that is being filled, once there is room for it.
    async fn send(&mut self) -> Result<(), Halt> {
        if self.open.items.is_empty() {
            return Ok(());
        }
        let until = Instant::now() + self.limits.flush_timeout;
        while !self.has_room() {
            let cancel = self.context.cancel.clone();
            tokio::select! {
                biased;
                () = cancel.cancelled() => return Err(Halt::Stopped),
                done = self.jobs.join_next() => self.settle(done)?,
                () = tokio::time::sleep_until(until) => {
                    return Err(Error::connect(format!(
                        "Could not make space in the internal buffer fast enough. Consider \
                         increasing {FLUSH_TIMEOUT} or {BUFFERED}."
                    ))
                    .into());
                }
            }
        }
        self.begin();
        Ok(())
    }

    fn has_room(&self) -> bool {
        let buffered = self.sending + self.open.items.len();
        let fits = self.jobs.is_empty()
            || (self.jobs.len() < self.limits.in_flight && buffered <= self.limits.buffered);
        // An update must not overtake another of the same document.
        fits && self.hashes.values().all(|sent| sent.is_disjoint(&self.open.hashes))
    }

    fn begin(&mut self) {
        let size = self.open.body.len();
        let next = Open { body: Vec::with_capacity(size), ..Open::default() };
        let Open { body, items, firsts, hashes, .. } = std::mem::replace(&mut self.open, next);
        self.number += 1;
        self.ledger.begin(self.number, firsts);
        self.sending += items.len();
        if !hashes.is_empty() {
            self.hashes.insert(self.number, hashes);
        }
        let batch = Batch { number: self.number, body: body.into(), items };
        self.jobs.spawn(run(Arc::clone(&self.cluster), batch));
    }

    /// Takes what has been answered. Fails as the task is to fail.
    pub(super) fn reap(&mut self) -> Result<()> {
        while let Some(done) = self.jobs.try_join_next() {
            match self.settle(Some(done)) {
                Ok(()) | Err(Halt::Stopped) => {}
                Err(Halt::Failed(error)) => return Err(error),
            }
        }
        match &self.failed {
            Some(error) => Err(error.clone()),
            None => Ok(()),
        }
    }

    /// Sends a batch that has waited long enough, or asks to be called again when it has.
    pub(super) async fn linger(&mut self) -> Result<(), Halt> {
        let Some(since) = self.open.since else { return Ok(()) };
        let left = self.limits.linger.saturating_sub(since.elapsed());
        if left.is_zero() {
            return self.send().await;
        }
        let ms = u64::try_from(left.as_millis()).unwrap_or(u64::MAX);
        self.context.timeout(ms.saturating_add(1));
        Ok(())
    }

    /// Sends a batch that is not full, if there is room.
    pub(super) fn flush(&mut self) {
        if !self.open.items.is_empty() && self.has_room() {
            self.begin();
        }
    }

    /// Waits until all is written, or has failed; whether so within this time.
    pub(super) async fn drain(&mut self, limit: Duration) -> bool {
        let until = Instant::now() + limit;
        let mut all = true;
        loop {
            if all {
                self.flush();
            }
            if self.jobs.is_empty() {
                return all && self.open.items.is_empty();
            }
            tokio::select! {
                biased;
                // An error is kept for the next put; the others may still succeed.
                done = self.jobs.join_next() => all &= self.settle(done).is_ok(),
                () = tokio::time::sleep_until(until) => return false,
            }
        }
    }

    /// Whether a commit waits for all, and how long.
    pub(super) fn waits(&self) -> Option<Duration> {
        self.limits.synchronous.then_some(self.limits.flush_timeout)
    }

    pub(super) fn flush_timeout(&self) -> Duration {
        self.limits.flush_timeout
    }

    /// The task cannot go on.
    pub(super) fn fail(&mut self, error: Error) {
        self.failed.get_or_insert(error);
    }

    pub(super) fn hold(&mut self, records: &[SinkRecord]) {
        self.ledger.hold(records);
    }

    pub(super) fn forget<'a>(&mut self, queues: impl IntoIterator<Item = &'a TopicPartition>) {
        self.ledger.forget(queues);
    }

    /// What may be committed of what was put.
    pub(super) fn safe(&self, written: &SinkOffsets) -> SinkOffsets {
        self.ledger.safe(written, &self.open.firsts)
    }

    fn settle(
        &mut self,
        done: Option<Result<Outcome, tokio::task::JoinError>>,
    ) -> Result<(), Halt> {
        let Some(done) = done else { return Ok(()) };
        let outcome = done.map_err(|error| {
            self.failed_by(Error::connect(format!("a bulk request ended without a word: {error}")))
        })?;
        let Outcome { batch, refused, end } = outcome;
        self.sending = self.sending.saturating_sub(batch.items.len());
        self.hashes.remove(&batch.number);
        let mut first = None;
        for (at, refusal) in refused {
            if let Some(item) = batch.items.get(at)
                && let Some(error) = self.refuse(item, refusal)
            {
                first.get_or_insert(error);
            }
        }
        match (first, end) {
            (Some(error), _) | (None, Err(Halt::Failed(error))) => Err(self.failed_by(error)),
            (None, Err(Halt::Stopped)) => Err(Halt::Stopped),
            (None, Ok(())) => {
                self.ledger.settle(batch.number);
                Ok(())
            }
        }
    }

    fn failed_by(&mut self, error: Error) -> Halt {
        self.failed.get_or_insert_with(|| error.clone());
        Halt::Failed(error)
    }

    /// What becomes of a record that was refused; an error fails the task.
    fn refuse(&self, item: &Item, refusal: Refusal) -> Option<Error> {
        let record = &item.record;
        let text = format!("Indexing failed: {}: {}", place(record), refusal.reason);
        let error = Error::connect(text);
        let errors = &self.errors;
        let on_conflict = if item.is_own { errors.on_conflict } else { errors.on_inner_conflict };
        let (reports, warns, fails) = match (refusal.class, errors.on_malformed, on_conflict) {
            (Class::Malformed, OnMalformed::Ignore, _) => (errors.reports, false, false),
            (Class::Malformed, OnMalformed::Warn, _) => (errors.reports, true, false),
            (Class::Malformed, OnMalformed::Report, _) => (true, false, false),
            (Class::Malformed, OnMalformed::Fail, _) => (errors.reports, false, true),
            (Class::Conflict, _, OnConflict::Ignore) => (false, false, false),
            (Class::Conflict, _, OnConflict::Warn) => (false, true, false),
            (Class::Conflict, _, OnConflict::Report) => (true, false, false),
            (Class::Conflict, _, OnConflict::Fail) => (false, false, true),
            // No fault of the record's.
            (Class::Busy, _, _) => (false, false, true),
            (Class::Other, _, _) => (errors.reports, false, true),
        };
        if warns {
            tracing::warn!(connector = %self.context.connector, "{}", error.message());
        } else if !fails {
            tracing::debug!(connector = %self.context.connector, "{}", error.message());
        }
        if reports && self.context.takes_errant {
            self.context.report(record.clone(), error.clone());
        }
        fails.then(|| match refusal.class {
            Class::Malformed => Error::connect(format!(
                "{}. To go on behind records like this set {} to warn or ignore",
                error.message(),
                super::keys::ON_MALFORMED
            )),
            _ => error,
        })
    }
}
