//! One lock for each connector: changes of one connector come one after the other, and hold up
//! no other connector. And the starts that a change may have to wait for.

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use gantry_api::CancellationToken;
use tokio::sync::{OwnedMutexGuard, OwnedRwLockReadGuard, OwnedRwLockWriteGuard, RwLock};

use crate::error::HerderError;

/// Held while one connector is changed.
pub(super) struct Changing {
    _name: OwnedMutexGuard<()>,
    _open: OwnedRwLockReadGuard<bool>,
}

/// Starts of connectors under way. A connector's own code may never come back: whoever wants the
/// connector gone or different does not wait for it.
#[derive(Default)]
pub(super) struct Starts(Mutex<HashMap<String, CancellationToken>>);

impl Starts {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, CancellationToken>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
    /// Waits for the start of a connector, unless it is given up: then `None`.
    pub(super) async fn run<T>(&self, name: &str, start: impl Future<Output = T>) -> Option<T> {
        let given_up = CancellationToken::new();
        self.lock().insert(name.to_owned(), given_up.clone());
        let _done = Done { starts: self, name };
        tokio::select! {
            () = given_up.cancelled() => None,
            started = start => Some(started),
        }
    }
    /// Gives up the start of a connector.
    pub(super) fn give_up(&self, name: &str) {
        if let Some(start) = self.lock().get(name) {
            start.cancel();
        }
    }
    /// Gives up all of them.
    pub(super) fn give_all_up(&self) {
        self.lock().values().for_each(CancellationToken::cancel);
    }
}

/// Forgets a start, however it ends.
struct Done<'a> {
    starts: &'a Starts,
    name: &'a str,
}

impl Drop for Done<'_> {
    fn drop(&mut self) {
        self.starts.lock().remove(self.name);
    }
}

/// The locks of the connectors that are being changed.
pub(super) struct NameLocks {
    names: Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>,
    /// Whether changes are still taken.
    open: Arc<RwLock<bool>>,
}

impl Default for NameLocks {
    fn default() -> Self {
        Self { names: Mutex::default(), open: Arc::new(RwLock::new(true)) }
    }
}

impl NameLocks {
    /// Waits until nobody else changes this connector. Refused once the worker stops.
    pub(super) async fn lock(&self, name: &str) -> Result<Changing, HerderError> {
        let open = Arc::clone(&self.open).read_owned().await;
        if !*open {
            return Err(HerderError::conflict("The worker is stopping and takes no more changes"));
        }
        let lock = {
            let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
            // What nobody holds or waits for is forgotten: the map stays as small as the work.
            names.retain(|_, lock| Arc::strong_count(lock) > 1);
            Arc::clone(names.entry(name.to_owned()).or_default())
        };
        Ok(Changing { _name: lock.lock_owned().await, _open: open })
    }

    /// Waits until all changes are done and takes no more.
    pub(super) async fn close(&self) -> OwnedRwLockWriteGuard<bool> {
        let mut open = Arc::clone(&self.open).write_owned().await;
        *open = false;
        open
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::NameLocks;

    #[tokio::test]
    async fn one_name_waits_and_another_does_not() {
        let locks = NameLocks::default();
        let first = locks.lock("a").await.unwrap();
        let waits = tokio::time::timeout(Duration::from_millis(20), locks.lock("a")).await;
        assert!(waits.is_err());
        let other = locks.lock("b").await.unwrap();
        drop((first, other));
        drop(locks.lock("a").await.unwrap());
        assert_eq!(locks.names.lock().unwrap().len(), 1, "what nobody holds is forgotten");
        drop(locks.close().await);
        assert!(locks.lock("a").await.is_err());
    }
}
