//! Several requests at a time, and how far they are.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::cli::output::complain;

/// So many connections are used at once.
const CONNECTIONS: usize = 8;
/// So often the user is told how far it is.
const TOLD_EVERY: Duration = Duration::from_secs(10);

/// A lock that does not mind what happened to others.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Does the job for all items, and gives what came of each, in their order. No further item is
/// begun after an error.
pub(super) fn in_parallel<T: Sync, R: Send>(
    items: &[T],
    job: impl Fn(&T) -> Result<R, String> + Sync,
) -> Result<Vec<R>, String> {
    let next = AtomicUsize::new(0);
    let has_failed = AtomicBool::new(false);
    let work = || {
        let mut done = Vec::new();
        while !has_failed.load(Ordering::Relaxed) {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(item) = items.get(at) else { break };
            match job(item) {
                Ok(result) => done.push((at, result)),
                Err(error) => {
                    has_failed.store(true, Ordering::Relaxed);
                    return Err(error);
                }
            }
        }
        Ok(done)
    };
    let outcomes: Vec<Result<Vec<(usize, R)>, String>> = thread::scope(|scope| {
        let count = CONNECTIONS.min(items.len());
        let workers: Vec<_> = (0..count).map(|_| scope.spawn(work)).collect();
        let joined = workers.into_iter().map(|worker| {
            worker.join().unwrap_or_else(|_| Err("a request failed unexpectedly".to_owned()))
        });
        joined.collect()
    });
    let mut all = Vec::with_capacity(items.len());
    for outcome in outcomes {
        all.extend(outcome?);
    }
    all.sort_by_key(|(at, _)| *at);
    Ok(all.into_iter().map(|(_, result)| result).collect())
}

/// How far something long is.
pub(super) struct Progress {
    what: &'static str,
    all: usize,
    done: AtomicUsize,
    told: Mutex<Instant>,
}

impl Progress {
    pub(super) fn new(what: &'static str, all: usize) -> Self {
        Self { what, all, done: AtomicUsize::new(0), told: Mutex::new(Instant::now()) }
    }

    /// One more is done.
    pub(super) fn step(&self) {
        let done = self.done.fetch_add(1, Ordering::Relaxed) + 1;
        let mut told = lock(&self.told);
        if told.elapsed() >= TOLD_EVERY {
            *told = Instant::now();
            complain(format!("{done} of {} {}", self.all, self.what));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_keep_their_order_and_errors_end_it() {
        let items: Vec<usize> = (0..1_000).collect();
        let doubled = in_parallel(&items, |item| Ok(item * 2)).unwrap();
        assert_eq!(doubled, (0..1_000).map(|item| item * 2).collect::<Vec<_>>());
        let begun = AtomicUsize::new(0);
        let failed = in_parallel(&items, |item| {
            begun.fetch_add(1, Ordering::Relaxed);
            if *item == 3 { Err("three".to_owned()) } else { Ok(()) }
        });
        assert_eq!(failed, Err("three".to_owned()));
        assert_eq!(in_parallel(&[] as &[u8], |_| Ok(())), Ok(Vec::new()));
    }
}
