//! Writes batches: in parts, through one connection, each part's commands in one go.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use gantry_api::{Error, Result, SinkOffsets, SinkRecord, TopicPartition};
use redis::{Cmd, Value};

use super::super::client::{Client, Executed, Fault, Mode};
use super::config::{Config, Shape};
use super::offsets::{Offsets, Standing};
use super::plan::Planner;

/// A part has at most so many commands, but for those of its last record.
const COMMANDS_MAX: usize = 1000;
/// And as soon as it has so many bytes it is complete.
const BYTES_MAX: usize = 1 << 20;
/// So often other writers of the same offsets may come between before the batch is tried again.
const OVERTAKEN_MAX: u32 = 5;

/// A task's connection, and what it knows.
pub(super) struct Writer {
    config: Config,
    client: Client,
    planner: Planner,
    offsets: Option<Offsets>,
    progress: Progress,
}

/// How far a batch is that is tried again.
#[derive(Debug, Default)]
struct Progress {
    /// Its first record's place, and how many there are.
    batch: Option<(TopicPartition, u64, usize)>,
    /// So many of them are done.
    done: usize,
    /// Those that are reported.
    refused: BTreeSet<usize>,
    /// Queues to be read again from there.
    rewind: BTreeMap<TopicPartition, u64>,
}

/// What a put has found besides.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    /// Records that Redis does not take, and why.
    pub(super) errant: Vec<(usize, Error)>,
    /// Queues to be read again from there.
    pub(super) rewind: BTreeMap<TopicPartition, u64>,
}

/// Commands of one part of a batch.
#[derive(Debug, Default)]
struct Part {
    commands: Vec<Cmd>,
    /// Which record each command is of.
    owners: Vec<usize>,
    /// The first record that is not in it.
    end: usize,
    /// The offset behind the last record of each queue.
    next: BTreeMap<TopicPartition, u64>,
}

impl Writer {
    pub(super) fn new(config: Config, connector: &str) -> Result<Self> {
        Ok(Self {
            planner: Planner::new(&config)?,
            client: Client::new(Arc::clone(&config.place), Duration::ZERO),
            offsets: config.names(connector).map(Offsets::new),
            config,
            progress: Progress::default(),
        })
    }

    /// Whether offsets stand in the transactions of their records.
    pub(super) fn is_exact(&self) -> bool {
        self.config.is_exact
    }

    /// Takes a queue; `end` is the next offset that the topic will have.
    pub(super) fn gain(&mut self, queue: TopicPartition, committed: u64, end: Option<u64>) {
        self.offsets.iter_mut().for_each(|offsets| offsets.add(queue.clone(), committed, end));
    }

    pub(super) fn lose(&mut self, queues: &[TopicPartition]) {
        self.offsets.iter_mut().for_each(|offsets| offsets.remove(queues));
    }

    /// Connects, if it is not.
    pub(super) async fn connect(&mut self) -> Result<(), Fault> {
        self.client.link().await.map(|_| ())
    }

    /// An error as a task reports it. What may pass gets another connection: the server may be another by then.
    pub(super) fn error(&mut self, fault: &Fault) -> Error {
        if matches!(fault, Fault::Passing(_)) {
            self.client.close();
        }
        fault.error(&self.client.place().shown())
    }

    /// Where to go on in queues that were gained, where that is not what is committed.
    pub(super) async fn ask(
        &mut self,
        queues: &[TopicPartition],
    ) -> Result<BTreeMap<TopicPartition, u64>, Fault> {
        let Some(offsets) = self.offsets.as_mut().filter(|_| self.config.is_exact) else {
            return Ok(BTreeMap::new());
        };
        let link = self.client.link().await?;
        let standing = offsets.watch(link, queues).await?;
        link.one(redis::cmd("UNWATCH")).await?;
        Ok(offsets.begins(&standing))
    }

    /// Writes a batch. After an error the same batch is to be put again: it goes on where it was.
    pub(super) async fn put(
        &mut self,
        records: &[SinkRecord],
        out: &mut Outcome,
    ) -> Result<(), Fault> {
        let first = records.first();
        let batch = first.map(|first| (first.origin.clone(), first.offset, records.len()));
        if self.progress.batch != batch {
            self.progress = Progress { batch, ..Progress::default() };
        }
        let mut overtaken = 0;
        while self.progress.done < records.len() {
            let is_done = match self.config.is_exact {
                true => self.exact(records, out).await?,
                false if self.config.is_atomic => {
                    let part = self.plan(records, &Standing::default(), out);
                    let is_done = self.transaction(part, Vec::new(), out).await?;
                    self.replicated().await?;
                    is_done
                }
                false => {
                    self.piped(records, out).await?;
                    true
                }
            };
            overtaken = if is_done { 0 } else { overtaken + 1 };
            if overtaken > OVERTAKEN_MAX {
                return Err(Fault::Passing("another task writes the same offsets".to_owned()));
            }
        }
        out.rewind = std::mem::take(&mut self.progress.rewind);
        self.progress = Progress::default();
        Ok(())
    }

    /// The commands of the records that come next. Of those that are in no form for Redis it says so.
    fn plan(&mut self, records: &[SinkRecord], standing: &Standing, out: &mut Outcome) -> Part {
        let mut part = Part { end: self.progress.done, ..Part::default() };
        let mut bytes = 0;
        while let Some(record) = records.get(part.end) {
            if part.commands.len() >= COMMANDS_MAX || bytes >= BYTES_MAX {
                break;
            }
            let at = part.end;
            part.end += 1;
            let is_written =
                standing.from.get(&record.origin).is_some_and(|from| record.offset < *from);
            if is_written || self.progress.rewind.contains_key(&record.origin) {
                continue;
            }
            match part.next.get_mut(&record.origin) {
                Some(next) => *next = record.offset + 1,
                None => drop(part.next.insert(record.origin.clone(), record.offset + 1)),
            }
            if self.progress.refused.contains(&at) {
                continue;
            }
            let before = part.commands.len();
            if let Err(error) = self.planner.plan(record, &mut part.commands) {
                part.commands.truncate(before);
                self.refuse(at, error, out);
                continue;
            }
            for cmd in part.commands.iter().skip(before) {
                bytes += size(cmd);
                part.owners.push(at);
            }
        }
        part
    }

    fn refuse(&mut self, at: usize, error: Error, out: &mut Outcome) {
        if self.progress.refused.insert(at) {
            out.errant.push((at, error));
        }
    }

    /// Whether a command is refused for its own sake: one that the record itself named counts as such.
    fn kind(&self, fault: Fault) -> Fault {
        match fault {
            Fault::Lasting(text)
                if self.config.shape == Shape::Command && text.contains("unknown command") =>
            {
                Fault::Refused(text)
            }
            // In a cluster it has moved meanwhile; elsewhere this is a cluster, and was not called one.
            Fault::Passing(text)
                if self.client.place().mode != Mode::Cluster
                    && (text.starts_with("MOVED ") || text.starts_with("ASK ")) =>
            {
                Fault::Lasting(text)
            }
            other => other,
        }
    }

    async fn piped(&mut self, records: &[SinkRecord], out: &mut Outcome) -> Result<(), Fault> {
        let part = self.plan(records, &Standing::default(), out);
        let answers = self.client.link().await?.run(part.commands).await?;
        for (at, answer) in part.owners.into_iter().zip(answers) {
            let Value::ServerError(error) = answer else { continue };
            match self.kind(Fault::of_answer(&error)) {
                fault @ Fault::Refused(_) => {
                    let error = fault.error(&self.client.place().shown());
                    self.refuse(at, error, out);
                }
                // All from there on is written again, as what follows may be of the same key.
                fault => {
                    self.progress.done = at;
                    return Err(fault);
                }
            }
        }
        self.replicated().await?;
        self.progress.done = part.end;
        Ok(())
    }

    /// Writes a part with its offsets. False: nothing was written, and it is to be tried again.
    async fn exact(&mut self, records: &[SinkRecord], out: &mut Outcome) -> Result<bool, Fault> {
        let Some(offsets) = &mut self.offsets else { return Ok(true) };
        let rest = records.get(self.progress.done..).unwrap_or_default();
        let queues: BTreeSet<TopicPartition> =
            rest.iter().map(|record| record.origin.clone()).collect();
        let queues: Vec<TopicPartition> = queues.into_iter().collect();
        let standing = offsets.watch(self.client.link().await?, &queues).await?;
        self.progress.rewind.extend(standing.rewind.iter().map(|(queue, at)| (queue.clone(), *at)));
        let part = self.plan(records, &standing, out);
        if part.next.is_empty() {
            self.client.link().await?.one(redis::cmd("UNWATCH")).await?;
            self.progress.done = part.end;
            return Ok(true);
        }
        let next = part.next.clone();
        let more = self.offsets.iter().flat_map(|offsets| offsets.commands(&next)).collect();
        let is_done = self.transaction(part, more, out).await?;
        if is_done {
            self.offsets.iter_mut().for_each(|offsets| offsets.written(&next));
            self.replicated().await?;
        }
        Ok(is_done)
    }

    async fn transaction(
        &mut self,
        part: Part,
        more: Vec<Cmd>,
        out: &mut Outcome,
    ) -> Result<bool, Fault> {
        let Part { mut commands, owners, end, .. } = part;
        commands.extend(more);
        if commands.is_empty() {
            self.progress.done = end;
            return Ok(true);
        }
        let shown = self.client.place().shown();
        let answers = match self.client.link().await?.transaction(commands).await? {
            Executed::Done(answers) => answers,
            Executed::Overtaken => return Ok(false),
            Executed::Refused(faults) => {
                for (at, fault) in faults {
                    match (self.kind(fault), owners.get(at)) {
                        (fault @ Fault::Refused(_), Some(owner)) => {
                            self.refuse(*owner, fault.error(&shown), out);
                        }
                        (fault, _) => return Err(fault),
                    }
                }
                return Ok(false);
            }
        };
        for (at, answer) in owners.into_iter().zip(answers) {
            if let Value::ServerError(error) = answer {
                // All others of the transaction count: there is no way back.
                let fault = Fault::Refused(Fault::of_answer(&error).text().to_owned());
                self.refuse(at, fault.error(&shown), out);
            }
        }
        self.progress.done = end;
        Ok(true)
    }

    /// Waits for replicas, if that is asked for.
    async fn replicated(&mut self) -> Result<(), Fault> {
        let Some((wanted, timeout_ms)) = self.config.replicas else { return Ok(()) };
        let mut wait = redis::cmd("WAIT");
        wait.arg(wanted).arg(timeout_ms);
        match self.client.link().await?.one(wait).await? {
            Value::Int(have) if have >= wanted => Ok(()),
            Value::Int(have) => Err(Fault::Passing(format!(
                "{have} replicas of redis.wait.replicas={wanted} have the batch after redis.wait.timeout={timeout_ms} ms"
            ))),
            other => Err(Fault::Passing(format!("WAIT was answered by {other:?}"))),
        }
    }

    /// Writes down what is to be committed, for whoever looks at it.
    pub(super) async fn flush(&mut self, written: &SinkOffsets) -> Result<(), Fault> {
        let Some(offsets) = self.offsets.as_ref().filter(|_| !self.config.is_exact) else {
            return Ok(());
        };
        let next = written.iter().map(|(queue, at)| (queue.clone(), at.offset)).collect();
        let commands = offsets.commands(&next);
        let answers = self.client.link().await?.run(commands).await?;
        let refused = answers.into_iter().find_map(|answer| match answer {
            Value::ServerError(error) => Some(Fault::of_answer(&error)),
            _ => None,
        });
        refused.map_or(Ok(()), Err)
    }
}

fn size(cmd: &Cmd) -> usize {
    cmd.args_iter()
        .map(|arg| match arg {
            redis::Arg::Simple(bytes) => bytes.len(),
            _ => 0,
        })
        .sum()
}
