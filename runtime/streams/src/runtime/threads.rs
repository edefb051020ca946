//! Which thread has which task.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use gantry_log::Str;
use tokio::sync::{mpsc, oneshot};

use super::begin::Claim;
use super::job::Place;
use crate::query::{Entry, Fault, Question};

/// What a thread is told.
#[derive(Debug)]
pub(super) enum Command {
    /// A task is this instance's.
    Start(Claim),
    /// It is no more: after a last checkpoint, if it may still write one.
    Stop(Place),
}

/// A question to a task.
#[derive(Debug)]
pub(super) struct Asking {
    pub(super) place: Place,
    pub(super) store: Str,
    pub(super) question: Question,
    pub(super) entries_max: usize,
    pub(super) until: Instant,
    pub(super) answer: oneshot::Sender<Told>,
}

/// What a thread says to a question. `None`: the task does not run on it, or not yet.
pub(super) type Told = Option<Result<Vec<Entry>, Fault>>;

/// Why a question did not reach a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unasked {
    /// This instance does not have it.
    NotHere,
    /// Its thread has too many to answer.
    Busy,
    /// Its thread is no more.
    Ended,
}

/// So many questions may wait for one thread.
const QUESTIONS_MAX: usize = 256;

/// What a thread is told and asked by.
#[derive(Debug)]
struct Senders {
    commands: mpsc::Sender<Command>,
    questions: mpsc::Sender<Asking>,
}

/// Where a thread hears it.
#[derive(Debug)]
pub(super) struct Receivers {
    pub(super) commands: mpsc::Receiver<Command>,
    pub(super) questions: mpsc::Receiver<Asking>,
}

/// The threads of an instance.
pub(super) struct Threads {
    /// `None`: the thread is no more.
    senders: Mutex<Vec<Option<Senders>>>,
    assigned: Mutex<BTreeMap<Place, Assigned>>,
}

/// A task of this instance.
#[derive(Clone, Debug)]
pub(super) struct Assigned {
    thread: usize,
    pub(super) claim: Claim,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Threads {
    /// So many threads, and what each reads its commands from. Of each of so many tasks one start
    /// and one stop may wait at a time.
    pub(super) fn new(threads: usize, tasks: usize) -> (Self, Vec<Receivers>) {
        let channels = (0..threads).map(|_| {
            let (tell, commands) = mpsc::channel(2 * tasks + 1);
            let (ask, questions) = mpsc::channel(QUESTIONS_MAX);
            let senders = Senders { commands: tell, questions: ask };
            (Some(senders), Receivers { commands, questions })
        });
        let (senders, receivers) = channels.unzip();
        (Self { senders: Mutex::new(senders), assigned: Mutex::default() }, receivers)
    }

    /// Asks the thread of a task.
    pub(super) fn ask(&self, asking: Asking) -> Result<(), Unasked> {
        let thread = lock(&self.assigned).get(&asking.place).map(|task| task.thread);
        let thread = thread.ok_or(Unasked::NotHere)?;
        let senders = lock(&self.senders);
        let sender = senders.get(thread).and_then(Option::as_ref).ok_or(Unasked::Ended)?;
        sender.questions.try_send(asking).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => Unasked::Busy,
            mpsc::error::TrySendError::Closed(_) => Unasked::Ended,
        })
    }

    /// The tasks that this instance has.
    pub(super) fn places(&self) -> Vec<Place> {
        lock(&self.assigned).keys().copied().collect()
    }

    /// Gives a task to the thread that has the fewest; false: there is none.
    pub(super) fn start(&self, claim: Claim) -> bool {
        let senders = lock(&self.senders);
        let mut assigned = lock(&self.assigned);
        let living = senders.iter().enumerate().filter_map(|(thread, sender)| {
            let tasks = assigned.values().filter(|task| task.thread == thread).count();
            Some((tasks, thread, sender.as_ref()?))
        });
        let Some((_, thread, sender)) = living.min_by_key(|(tasks, thread, _)| (*tasks, *thread))
        else {
            return false;
        };
        if sender.commands.try_send(Command::Start(claim.clone())).is_err() {
            return false;
        }
        assigned.insert(claim.place, Assigned { thread, claim });
        true
    }

    /// Takes a task away; false: no thread has it.
    pub(super) fn stop(&self, place: Place) -> bool {
        let Some(Assigned { thread, claim }) = lock(&self.assigned).get(&place).cloned() else {
            return false;
        };
        claim.stop.cancel();
        let senders = lock(&self.senders);
        let sender = senders.get(thread).and_then(Option::as_ref);
        sender.is_some_and(|sender| sender.commands.try_send(Command::Stop(place)).is_ok())
    }

    /// A thread let go of a task; gives by what right it had it.
    pub(super) fn stopped(&self, place: Place) -> Option<Claim> {
        lock(&self.assigned).remove(&place).map(|assigned| assigned.claim)
    }

    /// A thread is no more; gives what it had.
    pub(super) fn ended(&self, thread: usize) -> Vec<Claim> {
        if let Some(sender) = lock(&self.senders).get_mut(thread) {
            *sender = None;
        }
        let mut assigned = lock(&self.assigned);
        let places: Vec<Place> = assigned
            .iter()
            .filter(|(_, task)| task.thread == thread)
            .map(|(place, _)| *place)
            .collect();
        places.iter().filter_map(|place| Some(assigned.remove(place)?.claim)).collect()
    }

    /// By what right each task runs.
    pub(super) fn claims(&self) -> Vec<Claim> {
        lock(&self.assigned).values().map(|task| task.claim.clone()).collect()
    }
}
