//! The thread that reads the files of a place, and takes away those that are done with.
//!
//! A file is taken away when the log has all of its records, which the runtime says by their number.
//! So a worker that is killed finds each file that it has not finished, and goes on behind the last record
//! whose offset is stored.

mod choose;
mod shared;
mod tidy;

use std::collections::{HashSet, VecDeque};
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use gantry_api::{
    ConnectRecord, Error, OffsetReader, Result, SourceOffset, SourcePartition, SourceRecord, Value,
};
use tokio::sync::mpsc::Sender;

use super::config::{Stamps, Work};
use super::fault::{At, Fault};
use super::format::{Format, Item, Records};
use super::headers::FileHeaders;
use super::input::{End, Input, Packing, Reading};
use super::offset::{self, Encoder, HEAD_BYTES, Identity, Known, Resume};
use super::place::{Entry, OpenFile, Place, Stat};
use choose::Memory;
pub(crate) use shared::Shared;
use tidy::{Done, Outcome};

/// Batches that wait to be taken.
pub(crate) const BATCHES: usize = 2;
/// A batch is given on with so many bytes, however few records there are.
const BATCH_BYTES: usize = 1 << 20;
/// So many files may wait for their records to be written.
const DONE_MAX: usize = 10_000;
/// How long to wait for a place that does not answer, at first and at most.
const AWAY_WAIT_MIN: Duration = Duration::from_secs(1);
const AWAY_WAIT_MAX: Duration = Duration::from_secs(30);
/// So long at most nothing is looked at that somebody should have woken the thread for.
const IDLE: Duration = Duration::from_secs(1);

/// What the task gets.
pub(crate) type Batch = Result<Vec<SourceRecord>>;

/// A file that is being read.
struct Current {
    entry: Entry,
    path: String,
    records: Box<dyn Records>,
    /// A record is held until it is known whether another one follows.
    held: Option<Item>,
    identity: Identity,
    /// Behind what was given out.
    resume: Option<Resume>,
    end: End,
    partition: SourcePartition,
    headers: FileHeaders,
    count: u64,
    begun: Instant,
}

/// What reading has come to.
enum Step {
    Batch(Vec<SourceRecord>),
    Again,
    Wait(Duration),
    Failed(Error),
}

/// Reads the files of a place.
pub(crate) struct Keeper {
    place: Box<dyn Place>,
    work: Work,
    format: Box<dyn Format>,
    offsets: Arc<dyn OffsetReader>,
    shared: Arc<Shared>,
    sender: Sender<Batch>,
    reading: Reading,
    queue: VecDeque<Entry>,
    current: Option<Current>,
    done: VecDeque<Done>,
    memory: Memory,
    /// Files of others, of which was said that they are passed over.
    foreign: HashSet<String>,
    /// How many records were given out.
    given: u64,
    /// What the task fails with, behind what was read before.
    failure: Option<Error>,
    away_wait: Duration,
    /// Whether it was said that there is nothing, so that it is said once.
    says_empty: bool,
}

impl Keeper {
    pub(crate) fn new(
        place: Box<dyn Place>,
        work: Work,
        format: Box<dyn Format>,
        offsets: Arc<dyn OffsetReader>,
        shared: Arc<Shared>,
        sender: Sender<Batch>,
    ) -> Self {
        let reading = Reading {
            buffer_bytes: work.buffer_bytes,
            minimum_age_ms: work.minimum_age_ms,
            stop: shared.stop(),
        };
        Self {
            place,
            work,
            format,
            offsets,
            shared,
            sender,
            reading,
            queue: VecDeque::new(),
            current: None,
            done: VecDeque::new(),
            memory: Memory::default(),
            foreign: HashSet::new(),
            given: 0,
            failure: None,
            away_wait: AWAY_WAIT_MIN,
            says_empty: true,
        }
    }

    /// Reads until it is stopped.
    pub(crate) fn run(mut self) {
        let mut has_failed = false;
        loop {
            self.tidy();
            if self.shared.is_stopped() {
                break;
            }
            if has_failed || self.sender.capacity() == 0 {
                self.shared.wait(IDLE);
                continue;
            }
            match self.step() {
                Step::Again => {}
                Step::Wait(time) => self.shared.wait(time),
                Step::Batch(records) => self.give(Ok(records)),
                Step::Failed(error) => {
                    has_failed = true;
                    self.give(Err(error));
                }
            }
        }
        // What was acknowledged last, and what others may read now.
        self.tidy();
        let open = self.current.take().map(|current| current.entry);
        for entry in self.done.drain(..).map(|done| done.entry).chain(open) {
            if let Err(error) = self.place.release(&entry) {
                tracing::warn!(file = %self.place.full_path(&entry), %error, "its flag could not be removed");
            }
        }
    }

    fn give(&mut self, batch: Batch) {
        // There is room, as nobody else sends; the task may be gone, which ends this thread, too.
        drop(self.sender.try_send(batch));
    }

    fn step(&mut self) -> Step {
        if let Some(error) = self.failure.take() {
            return Step::Failed(error);
        }
        if self.current.is_some() {
            return self.read();
        }
        if self.done.len() >= DONE_MAX {
            return Step::Wait(IDLE);
        }
        match self.next_entry() {
            Ok(Some(entry)) => self.begin(entry),
            Ok(None) => Step::Wait(self.work.empty_wait),
            Err(error) => self.away(&error, "could not look for files"),
        }
    }

    fn away(&mut self, error: &io::Error, what: &str) -> Step {
        tracing::warn!(%error, wait_ms = self.away_wait.as_millis(), "{what}; trying again");
        let wait = self.away_wait;
        self.away_wait = (wait * 2).min(AWAY_WAIT_MAX);
        Step::Wait(wait)
    }

    fn begin(&mut self, entry: Entry) -> Step {
        match self.place.claim(&entry) {
            Ok(true) => {}
            Ok(false) => {
                let path = self.place.full_path(&entry);
                if self.foreign.insert(path.clone()) {
                    tracing::warn!(
                        file = path,
                        "passed over: the file that stands beside it says that somebody else reads it. If \
                         nobody does, remove that one"
                    );
                }
                return Step::Again;
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Step::Again,
            Err(error) => return self.away(&error, "could not show that a file is being read"),
        }
        let path = self.place.full_path(&entry);
        self.foreign.remove(&path);
        match self.open(&entry, &path) {
            Ok(Some(current)) => {
                self.away_wait = AWAY_WAIT_MIN;
                self.current = Some(current);
            }
            Ok(None) => {}
            Err(Fault::Stopped) => self.release(&entry),
            Err(Fault::Away(what)) => {
                self.queue.push_front(entry);
                return self.away(&io::Error::other(what), "a file could not be opened");
            }
            Err(Fault::Io(error)) if error.kind() == io::ErrorKind::NotFound => {
                // Somebody took it away since it was listed.
                self.release(&entry);
            }
            Err(fault) => self.fault(entry, &path, &fault, 0),
        }
        Step::Again
    }

    fn release(&mut self, entry: &Entry) {
        if let Err(error) = self.place.release(entry) {
            tracing::warn!(file = %self.place.full_path(entry), %error, "its flag could not be removed");
        }
    }

    /// Opens a file to go on in it; `None` if there is nothing more in it.
    fn open(&mut self, entry: &Entry, path: &str) -> Result<Option<Current>, Fault> {
        let mut file = self.place.open(entry)?;
        let stat = file.stat()?;
        let resume = self.resume(entry, path, &mut *file, stat)?;
        let head = head(&mut *file, stat.length)?;
        let identity = Identity { stat, head };
        file.seek(0)?;
        let unchanged =
            resume.and_then(|resume| resume.identity).is_some_and(|known| known.stat == stat);
        if let Some(resume) = resume.filter(|resume| resume.is_end && unchanged) {
            tracing::info!(file = path, "all of it was read before");
            self.finish(entry.clone(), Outcome::Read { resume: Some(resume), stat });
            return Ok(None);
        }
        match resume {
            Some(Resume { offset, .. }) => tracing::info!(file = path, offset, "reading on"),
            None => tracing::info!(file = path, bytes = stat.length, "reading"),
        }
        let end = End::default();
        let packing = Packing::of(entry.extension());
        let input = Input::new(file, stat, packing, &self.reading, Arc::clone(&end))?;
        let records = self.format.open(input, resume.as_ref())?;
        let known = Entry { stat, ..entry.clone() };
        Ok(Some(Current {
            headers: FileHeaders::new(&known, path),
            partition: offset::partition(entry),
            entry: known,
            path: path.to_owned(),
            records,
            held: None,
            identity,
            resume,
            end,
            count: 0,
            begun: Instant::now(),
        }))
    }

    /// How far a file was read before.
    fn resume(
        &self,
        entry: &Entry,
        path: &str,
        file: &mut dyn OpenFile,
        stat: Stat,
    ) -> Result<Option<Resume>, Fault> {
        let (stored, trusts_end) = match self.memory.of(path) {
            Some(known) => (known, true),
            None => (offset::find(&*self.offsets, entry), self.keeps_files()),
        };
        let Some(stored) = stored else { return Ok(None) };
        let counted = stored.identity.map(|identity| identity.stat.length);
        let head = match counted {
            Some(length) if length <= stat.length => Some(head(file, length)?),
            _ => None,
        };
        match offset::recognise(stored, stat, head, trusts_end) {
            Known::From(resume) => Ok(Some(resume)),
            Known::Other => {
                tracing::info!(
                    file = path,
                    offset = stored.offset,
                    "a file of this name was read before, but this is another one: reading it from its beginning"
                );
                Ok(None)
            }
        }
    }

    /// Reads a batch of the current file.
    fn read(&mut self) -> Step {
        let Some(mut current) = self.current.take() else { return Step::Again };
        let mut batch = Collected::default();
        let outcome = loop {
            if batch.records.len() >= self.work.batch_size || batch.bytes >= BATCH_BYTES {
                break None;
            }
            match current.records.next() {
                Ok(Some(item)) => {
                    if let Err(fault) = self.check(&item) {
                        batch.flush(&mut current, &self.work, None);
                        break Some(Err(fault));
                    }
                    batch.flush(&mut current, &self.work, None);
                    current.held = Some(item);
                }
                Ok(None) => {
                    let stat = current.final_stat();
                    batch.flush(&mut current, &self.work, Some(stat));
                    break Some(Ok(stat));
                }
                Err(fault) => {
                    batch.flush(&mut current, &self.work, None);
                    break Some(Err(fault));
                }
            }
        };
        let records = batch.finish();
        let count = records.len() as u64;
        self.given += count;
        current.count += count;
        match outcome {
            None => self.current = Some(current),
            Some(Ok(stat)) => {
                let took_ms = current.begun.elapsed().as_millis();
                tracing::info!(
                    file = current.path,
                    records = current.count,
                    took_ms,
                    "read to its end"
                );
                let outcome = Outcome::Read { resume: current.resume, stat };
                self.finish(current.entry, outcome);
            }
            Some(Err(Fault::Stopped)) => self.current = Some(current),
            Some(Err(Fault::Away(what))) => {
                tracing::warn!(
                    file = current.path,
                    "{what}; going on in it when its place is there again"
                );
                // Behind what was given out, which is not stored yet.
                self.memory.keep(&current.path, current.resume);
                self.queue.push_front(current.entry);
            }
            Some(Err(fault)) => {
                let (entry, count) = (current.entry, current.count);
                self.fault(entry, &current.path, &fault, count);
            }
        }
        if records.is_empty() { Step::Again } else { Step::Batch(records) }
    }

    fn check(&self, item: &Item) -> Result<(), Fault> {
        if stamp(&self.work.stamps, item).is_some() || !matches!(self.work.stamps, Stamps::Field(_))
        {
            return Ok(());
        }
        Err(Fault::Data {
            at: At::File,
            error: Error::data(format!(
                "the record with file.offset {} has no value in the field that timestamp.field names",
                item.offset
            )),
        })
    }

    /// A file that cannot be read: it is moved when the log has what was read of it.
    fn fault(&mut self, entry: Entry, path: &str, fault: &Fault, count: u64) {
        tracing::error!(
            file = path,
            records_read = count,
            "{fault}; the file goes to error.path, and the records before stay"
        );
        if self.work.halts {
            self.failure = Some(Error::connect(format!(
                "{path} could not be read: {fault}. The file goes to error.path, and what was read before ({count} \
                 records) stays; restart the task to go on with the next file, or set halt.on.error=false"
            )));
        }
        self.finish(entry, Outcome::Faulty);
    }
}

/// A checksum of the beginning of a file of that length.
fn head(file: &mut dyn OpenFile, length: u64) -> Result<u32, Fault> {
    file.seek(0)?;
    let mut bytes = Vec::new();
    io::Read::read_to_end(&mut io::Read::take(file, length.min(HEAD_BYTES)), &mut bytes)?;
    Ok(crc32c::crc32c(&bytes))
}

impl Current {
    fn final_stat(&self) -> Stat {
        let end = *self.end.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        end.unwrap_or(self.identity.stat)
    }
}

fn stamp(stamps: &Stamps, item: &Item) -> Option<i64> {
    match (stamps, &item.value.value) {
        (Stamps::Field(at), Value::Struct(value)) => match value.values().get(*at) {
            Some(Value::Date(ms)) => Some(*ms),
            _ => None,
        },
        _ => None,
    }
}

/// A batch that is being made.
#[derive(Default)]
struct Collected {
    records: Vec<(ConnectRecord, SourcePartition)>,
    offsets: Encoder,
    bytes: usize,
}

impl Collected {
    /// Takes the record that is held. `end`: it is the last one of a file that is like this.
    fn flush(&mut self, current: &mut Current, work: &Work, end: Option<Stat>) {
        let Some(item) = current.held.take() else { return };
        let stat = end.unwrap_or(current.identity.stat);
        let resume = Resume {
            offset: item.offset,
            position: Some(item.position),
            is_end: end.is_some(),
            identity: Some(Identity { stat, ..current.identity }),
        };
        current.resume = Some(resume);
        self.offsets.push(&resume);
        self.bytes += item.bytes;
        let timestamp_ms = match &work.stamps {
            Stamps::Field(_) => stamp(&work.stamps, &item),
            Stamps::FileTime => Some(current.identity.stat.modified_ms),
            Stamps::ProcessTime => None,
        };
        let record = ConnectRecord {
            key: item.key,
            timestamp_ms,
            headers: current.headers.at(item.offset),
            ..ConnectRecord::new(work.topic.clone(), item.value)
        };
        self.records.push((record, current.partition.clone()));
    }

    fn finish(self) -> Vec<SourceRecord> {
        let offsets: Vec<SourceOffset> = self.offsets.finish().collect();
        let records = self.records.into_iter().zip(offsets);
        records
            .map(|((record, partition), offset)| SourceRecord::new(record, partition, offset))
            .collect()
    }
}
