//! What a thread reads, and gives to its tasks.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use gantry_log::{LogError, LogRecord, QueueRecords, ReadLimits, Str, TopicPartition};

use super::answering::answer;
use super::job::{Job, Place};
use super::merge::next_run;
use super::outage::RETRY;
use super::worker::{Running, Work, Worker, wall_clock_ms};
use crate::error::StreamsError;

/// Records that are read at once.
const RECORDS_AT_ONCE: usize = 20_000;

/// Of so many reads one is of all queues, also of those that are ahead of others: one whose records
/// have old times may have some for long.
const READ_ALL_EVERY: u64 = 32;

/// The tasks without those that are further in event time than another one of their sub-topology
/// that has records waiting.
fn not_ahead(tasks: &[Running]) -> Vec<&Running> {
    let mut least = BTreeMap::new();
    for running in tasks.iter().filter(|running| running.lag() > 0) {
        let time = running.task.stream_time_ms();
        let least = least.entry(running.place.0).or_insert(time);
        *least = time.min(*least);
    }
    let keep = |running: &&Running| {
        let least = least.get(&running.place.0);
        least.is_none_or(|least| running.task.stream_time_ms() <= *least)
    };
    tasks.iter().filter(keep).collect()
}

impl Worker {
    /// Reads what is next of the queues of all tasks; by task.
    pub(super) async fn read(
        &mut self,
        wait: Duration,
    ) -> Result<BTreeMap<Place, Vec<QueueRecords>>, StreamsError> {
        let tasks = self.work.tasks.iter();
        // Which topics share a task is decided by their queue's number, so there is one.
        let places: HashMap<TopicPartition, Place> = tasks
            .flat_map(|running| running.positions().map(|(queue, _)| (queue, running.place)))
            .collect();
        let mut read: BTreeMap<Place, Vec<QueueRecords>> = BTreeMap::new();
        for batch in self.read_first(wait).await?.unwrap_or_default() {
            if let Some(place) = places.get(&batch.from) {
                read.entry(*place).or_default().push(batch);
            }
        }
        // A read may leave queues out. Of a task with several inputs each is asked for by itself
        // then: which record is the earliest is known only if none is missing.
        for (place, batches) in &mut read {
            let task = self.work.tasks.iter().find(|running| running.place == *place);
            let missing = task.into_iter().flat_map(Running::positions);
            let missing =
                missing.filter(|(queue, _)| batches.iter().all(|batch| batch.from != *queue));
            for queue in missing.collect::<Vec<_>>() {
                let from = queue.0.clone();
                let Some(more) = self.read_queues(&[queue], Duration::ZERO).await? else {
                    // What was given is asked for once more.
                    for batch in batches.drain(..) {
                        self.work.reader.forget(&batch.from);
                    }
                    break;
                };
                // What other queues waited for may come with it: they ask again.
                batches.extend(more.into_iter().filter(|batch| batch.from == from));
            }
        }
        Ok(read)
    }

    /// Tasks that are behind others in event time are read alone, as long as they have something: the
    /// log is fair by bytes, so that a queue with small records would run ahead, and what others
    /// shuffle would come late.
    async fn read_first(
        &mut self,
        wait: Duration,
    ) -> Result<Option<Vec<QueueRecords>>, StreamsError> {
        self.work.reads += 1;
        let tasks = &self.work.tasks;
        let behind = not_ahead(tasks);
        if behind.len() < tasks.len() && !self.work.reads.is_multiple_of(READ_ALL_EVERY) {
            let from: Vec<_> = behind.into_iter().flat_map(Running::positions).collect();
            let read = self.read_queues(&from, Duration::ZERO).await?;
            if read.as_ref().is_none_or(|read| !read.is_empty()) {
                return Ok(read);
            }
        }
        let from: Vec<_> = self.work.tasks.iter().flat_map(Running::positions).collect();
        self.read_queues(&from, wait).await
    }

    /// What counts of what is next. `None` if the log cannot be reached now. While it waits, questions
    /// are answered.
    async fn read_queues(
        &mut self,
        from: &[(TopicPartition, u64)],
        wait: Duration,
    ) -> Result<Option<Vec<QueueRecords>>, StreamsError> {
        match self.read_answering(from, wait).await {
            Err(error) if error.is_retriable() => {
                if self.work.outage.tells() {
                    tracing::warn!(job = %self.job.plan.job, %error, "records cannot be read now; trying again");
                }
                tokio::time::sleep(RETRY).await;
                Ok(None)
            }
            Err(LogError::OutOfRange { queue, wanted, range }) if wanted < range.earliest => {
                self.expired(&queue, wanted, range.earliest);
                Ok(Some(Vec::new()))
            }
            read => {
                let read = read?;
                // A log that is away may also just give nothing.
                if !read.is_empty() {
                    self.work.outage.over();
                }
                Ok(Some(read))
            }
        }
    }

    async fn read_answering(
        &mut self,
        from: &[(TopicPartition, u64)],
        wait: Duration,
    ) -> Result<Vec<QueueRecords>, LogError> {
        let Self { job, work: Work { reader, tasks, .. }, receivers, .. } = self;
        let max_bytes = job.settings.read_bytes;
        let limits = ReadLimits { max_bytes, max_records: RECORDS_AT_ONCE, wait };
        // A read that is broken off may lose records.
        let mut read = std::pin::pin!(reader.read(from, limits));
        loop {
            tokio::select! {
                read = &mut read => return read,
                Some(asking) = receivers.questions.recv() => answer(tasks, asking),
            }
        }
    }

    /// Records went before the job came to them: it goes on behind, as a consumer does.
    fn expired(&mut self, queue: &TopicPartition, wanted: u64, earliest: u64) {
        tracing::error!(
            job = %self.job.plan.job, %queue, wanted, earliest, lost = earliest - wanted,
            "records expired before the job came to them, and are not in its results: let the topic keep them for longer, or the job not be down or behind for so long"
        );
        self.work.reader.forget(queue);
        for running in &mut self.work.tasks {
            if running.place.1 == queue.partition {
                running.task.advance_to(&queue.topic, earliest);
            }
        }
    }

    /// Gives a task what was read of its queues, in the order of time.
    pub(super) fn process(
        &mut self,
        place: Place,
        mut batches: Vec<QueueRecords>,
    ) -> Result<(), StreamsError> {
        let Self { job, work, .. } = self;
        let Some(running) = work.tasks.iter_mut().find(|running| running.place == place) else {
            return Ok(());
        };
        running.task.records_come_at(wall_clock_ms());
        batches.sort_by(|one, other| one.from.cmp(&other.from));
        for batch in &batches {
            running.ends.insert(Str::clone(&batch.from.topic), batch.end);
        }
        let mut rests: Vec<_> = batches.iter().map(|batch| &batch.records[..]).collect();
        while let Some((at, run)) = next_run(&rests) {
            let (run, rest) = rests[at].split_at(run);
            rests[at] = rest;
            take(job, running, &batches[at].from, run)?;
            // The others wait for what this one has still in the log: they are read once more.
            if rest.is_empty() && batches[at].next < batches[at].end {
                break;
            }
        }
        for (batch, rest) in batches.iter().zip(rests) {
            if rest.is_empty() {
                running.task.advance_to(&batch.from.topic, batch.next);
            } else {
                // The rest is read once more, and what waits behind it with it.
                work.reader.forget(&batch.from);
            }
        }
        Ok(())
    }
}

/// Gives a task records of one queue.
fn take(
    job: &Job,
    running: &mut Running,
    from: &TopicPartition,
    mut rest: &[(u64, LogRecord)],
) -> Result<(), StreamsError> {
    running.records += rest.len() as u64;
    while let Some((offset, reason)) = running.task.process(&from.topic, rest.iter())? {
        let at = rest.partition_point(|(known, _)| *known <= offset);
        running.bad += 1;
        let (how, record) = ((&job.settings.bad_records, &*job.plan.job), &rest[at - 1].1);
        running.task.bad_record(how, (&*from.topic, offset), record, reason)?;
        rest = &rest[at..];
    }
    Ok(())
}
