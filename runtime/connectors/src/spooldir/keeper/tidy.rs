//! Files that are done with are taken away when the log has their records.

use std::io;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::Keeper;
use crate::spooldir::config::Cleanup;
use crate::spooldir::offset::Resume;
use crate::spooldir::place::{Entry, Goal, Stat};

/// A file that cannot be taken away is tried again after so long.
const RETRY: Duration = Duration::from_secs(5);

/// What a file has come to.
#[derive(Debug)]
pub(super) enum Outcome {
    /// It was read to its end, as which it was like this.
    Read { resume: Option<Resume>, stat: Stat },
    /// It cannot be read.
    Faulty,
}

/// A file that is done with.
#[derive(Debug)]
pub(super) struct Done {
    pub(super) entry: Entry,
    outcome: Outcome,
    /// When the log has so many records.
    until: u64,
    /// After a failure.
    not_before: Option<Instant>,
}

impl Keeper {
    /// A file is done with, whose last record was the last that was given out.
    pub(super) fn finish(&mut self, entry: Entry, outcome: Outcome) {
        self.done.push_back(Done { entry, outcome, until: self.given, not_before: None });
    }

    /// Takes away what can be taken away.
    pub(super) fn tidy(&mut self) {
        let acknowledged = self.shared.acknowledged();
        let ready = self.done.iter().take_while(|done| done.until <= acknowledged).count();
        let mut later = Vec::new();
        for mut done in self.done.drain(..ready).collect::<Vec<_>>() {
            if done.not_before.is_some_and(|time| Instant::now() < time) {
                later.push(done);
                continue;
            }
            if let Err(error) = self.take_away(&done) {
                let file = self.place.full_path(&done.entry);
                tracing::error!(file, %error, "it could not be taken away after it was read; trying again");
                done.not_before = Some(Instant::now() + RETRY);
                later.push(done);
            }
        }
        for done in later.into_iter().rev() {
            self.done.push_front(done);
        }
    }

    fn take_away(&mut self, done: &Done) -> io::Result<()> {
        let entry = &done.entry;
        let path = self.place.full_path(entry);
        let now = self.place.stat(entry)?;
        self.place.release(entry)?;
        let Some(now) = now else {
            tracing::warn!(file = path, "somebody took it away after it was read");
            self.memory.forget(path);
            return Ok(());
        };
        let goal = match &done.outcome {
            Outcome::Faulty if entry.stat.inode != now.inode => {
                tracing::warn!(file = path, "another file has taken its place; it stays");
                return Ok(());
            }
            Outcome::Faulty => Goal::Error,
            Outcome::Read { resume, stat } => {
                if has_changed(*stat, now) {
                    tracing::warn!(
                        file = path,
                        "it was changed after it was read; looking at it again"
                    );
                    self.memory.keep(&path, *resume);
                    return Ok(());
                }
                match self.work.cleanup {
                    Cleanup::None => {
                        self.memory.keep(&path, resume.or(Some(nothing(*stat))));
                        return Ok(());
                    }
                    Cleanup::Delete => {
                        self.place.delete(entry)?;
                        tracing::info!(file = path, "deleted");
                        self.memory.forget(path);
                        return Ok(());
                    }
                    Cleanup::Move => Goal::Finished(None),
                    Cleanup::MoveByDate => Goal::Finished(Some(day(now.modified_ms))),
                }
            }
        };
        let to = self.place.put_away(entry, &goal)?;
        tracing::info!(file = path, to, "moved");
        self.memory.forget(path);
        Ok(())
    }
}

/// A file without records was read to its end.
fn nothing(stat: Stat) -> Resume {
    let identity = crate::spooldir::offset::Identity { stat, head: 0 };
    Resume { offset: 0, position: None, is_end: true, identity: Some(identity) }
}

fn has_changed(read: Stat, now: Stat) -> bool {
    read.inode != now.inode || read.length != now.length || read.modified_ms < now.modified_ms
}

/// The day in UTC, as a folder's name.
fn day(ms: i64) -> String {
    let moment = Timestamp::from_millisecond(ms).unwrap_or(Timestamp::UNIX_EPOCH);
    TimeZone::UTC.to_datetime(moment).date().to_string()
}
