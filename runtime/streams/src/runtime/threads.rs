//! Which thread has which task.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::mpsc;

use super::begin::Claim;
use super::job::Place;

/// What a thread is told.
#[derive(Debug)]
pub(super) enum Command {
    /// A task is this instance's.
    Start(Claim),
    /// It is no more: after a last checkpoint, if it may still write one.
    Stop(Place),
}

/// The threads of an instance.
pub(super) struct Threads {
    /// `None`: the thread is no more.
    commands: Mutex<Vec<Option<mpsc::Sender<Command>>>>,
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
    pub(super) fn new(threads: usize, tasks: usize) -> (Self, Vec<mpsc::Receiver<Command>>) {
        let channels = (0..threads).map(|_| mpsc::channel(2 * tasks + 1));
        let (senders, receivers) =
            channels.map(|(sender, receiver)| (Some(sender), receiver)).unzip();
        (Self { commands: Mutex::new(senders), assigned: Mutex::default() }, receivers)
    }

    /// Gives a task to the thread that has the fewest; false: there is none.
    pub(super) fn start(&self, claim: Claim) -> bool {
        let commands = lock(&self.commands);
        let mut assigned = lock(&self.assigned);
        let living = commands.iter().enumerate().filter_map(|(thread, sender)| {
            let tasks = assigned.values().filter(|task| task.thread == thread).count();
            Some((tasks, thread, sender.as_ref()?))
        });
        let Some((_, thread, sender)) = living.min_by_key(|(tasks, thread, _)| (*tasks, *thread))
        else {
            return false;
        };
        if sender.try_send(Command::Start(claim.clone())).is_err() {
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
        let commands = lock(&self.commands);
        let sender = commands.get(thread).and_then(Option::as_ref);
        sender.is_some_and(|sender| sender.try_send(Command::Stop(place)).is_ok())
    }

    /// A thread let go of a task; gives by what right it had it.
    pub(super) fn stopped(&self, place: Place) -> Option<Claim> {
        lock(&self.assigned).remove(&place).map(|assigned| assigned.claim)
    }

    /// A thread is no more; gives what it had.
    pub(super) fn ended(&self, thread: usize) -> Vec<Claim> {
        if let Some(sender) = lock(&self.commands).get_mut(thread) {
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
