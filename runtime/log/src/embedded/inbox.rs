//! What waits for the writer. Bounded by the permits that each append holds and by
//! [`CHANGES_MAX`] for the rest.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Instant;

use tokio::sync::{OwnedSemaphorePermit, oneshot};

use super::frame::FrameBuilder;
use crate::api::{LogError, Session, TopicSpec};
use crate::sync::lock;
use crate::{Str, TopicPartition};

/// Most changes of the catalog that may wait for the writer before callers wait.
pub(crate) const CHANGES_MAX: usize = 1024;

/// Gets the result once it is durable.
pub(crate) type Reply<T> = oneshot::Sender<Result<T, LogError>>;

/// A change of the catalog as it was asked for.
#[derive(Debug)]
pub(crate) enum Ask {
    /// Create a topic whose queues begin at these offsets.
    Create(Str, TopicSpec, Vec<u64>),
    /// Give a topic so many queues in all, which begin at these offsets by their number in it.
    Grow(Str, u32, Vec<u64>),
    /// Delete a topic.
    Delete(Str),
    /// Commit offsets of a group.
    Commit(Str, BTreeMap<TopicPartition, Option<u64>>),
    /// Delete a group.
    DeleteGroup(Str),
}

/// Records of one queue in an append, in the order of the caller.
#[derive(Debug)]
pub(crate) struct Batch {
    pub(crate) to: TopicPartition,
    pub(crate) queue: u32,
    /// How many sections of the frame are its; none if it has no records.
    pub(crate) sections: usize,
}

/// What the writer shall do.
#[derive(Debug)]
pub(crate) enum Command {
    /// Write a frame of records.
    Append {
        frame: FrameBuilder,
        batches: Vec<Batch>,
        session: Session,
        reply: Reply<Vec<Range<u64>>>,
        permit: OwnedSemaphorePermit,
    },
    /// Change the catalog.
    Change { ask: Ask, reply: Reply<()>, permit: OwnedSemaphorePermit },
    /// Begin a new segment, so that the active one can age.
    Roll,
}

#[derive(Debug, Default)]
struct Waiting {
    commands: Vec<Command>,
    closed: bool,
}

/// The queue in front of the writer.
#[derive(Debug, Default)]
pub(crate) struct Inbox {
    waiting: Mutex<Waiting>,
    arrived: Condvar,
}

impl Inbox {
    /// Fails with [`LogError::Closed`] once the log is closing.
    pub(crate) fn push(&self, command: Command) -> Result<(), LogError> {
        let mut waiting = lock(&self.waiting);
        if waiting.closed {
            return Err(LogError::Closed);
        }
        waiting.commands.push(command);
        let first = waiting.commands.len() == 1;
        drop(waiting);
        if first {
            self.arrived.notify_one();
        }
        Ok(())
    }

    pub(crate) fn is_empty(&self) -> bool {
        lock(&self.waiting).commands.is_empty()
    }

    /// Takes all that waits into `commands`, waiting for something until `deadline`. False once
    /// the log is closing and all was taken.
    pub(crate) fn take(&self, commands: &mut Vec<Command>, deadline: Option<Instant>) -> bool {
        let mut waiting = lock(&self.waiting);
        while waiting.commands.is_empty() && !waiting.closed {
            waiting = match deadline {
                None => self.arrived.wait(waiting).unwrap_or_else(PoisonError::into_inner),
                Some(deadline) => {
                    let left = deadline.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        return true;
                    }
                    let waited = self.arrived.wait_timeout(waiting, left);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
        std::mem::swap(&mut waiting.commands, commands);
        !(commands.is_empty() && waiting.closed)
    }

    /// Takes nothing more in; the writer ends when it has done what waits.
    pub(crate) fn close(&self) {
        lock(&self.waiting).closed = true;
        self.arrived.notify_all();
    }

    /// Drops what waits; who waits for it learns that the log is closed.
    pub(crate) fn abandon(&self) {
        self.close();
        let commands = std::mem::take(&mut lock(&self.waiting).commands);
        drop(commands);
    }
}
