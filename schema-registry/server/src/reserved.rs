//! Ids that writes of this node were given and whose records are not folded yet.
//!
//! They let writes be under way at the same time without asking for the same id. They decide
//! nothing: whether a schema may have its id is what the fold says, and another node may be first.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// After so many writes in a row that did not count, ids are not spread any further.
const LOST_MAX: u32 = 8;
/// How much further ids are spread for each of them.
const SPREAD: u32 = 16;

/// All of them.
#[derive(Debug, Default)]
pub(crate) struct Reserved(Arc<Mutex<Table>>);

#[derive(Debug, Default)]
struct Table {
    /// By context.
    held: HashMap<String, Vec<Held>>,
    /// Writes that did not count since the last one that did.
    lost: u32,
}

#[derive(Debug)]
struct Held {
    id: i32,
    /// What the id is for; another write of the same schema may have it too.
    hash: Option<[u8; 16]>,
    writes: usize,
}

/// An id, as long as its write is under way.
#[derive(Debug)]
pub(crate) struct Lease {
    table: Arc<Mutex<Table>>,
    context: String,
    pub(crate) id: i32,
}

fn lock(table: &Mutex<Table>) -> MutexGuard<'_, Table> {
    table.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Reserved {
    /// An id above all that are taken: `max` tells the highest one that is folded. `None` if there
    /// is none left.
    pub(crate) fn take(
        &self,
        context: &str,
        hash: Option<[u8; 16]>,
        max: impl FnOnce() -> Option<i32>,
    ) -> Option<Lease> {
        let lease = |id| Lease { table: Arc::clone(&self.0), context: context.to_owned(), id };
        let mut table = lock(&self.0);
        let lost = table.lost;
        let held = table.held.entry(context.to_owned()).or_default();
        if let Some(same) = held.iter_mut().find(|held| hash.is_some() && held.hash == hash) {
            same.writes += 1;
            return Some(lease(same.id));
        }
        // What is given back in between is folded by then: its id is below this one.
        let highest = held.iter().map(|held| held.id).chain(max()).max().unwrap_or(0);
        let id = highest.checked_add(1)?;
        // Where other nodes take the next ids again and again, further ones are free.
        let spread = i32::try_from(fastrand::u32(..=lost * SPREAD)).unwrap_or(0);
        let id = id.checked_add(spread).unwrap_or(id);
        held.push(Held { id, hash, writes: 1 });
        Some(lease(id))
    }

    /// Notes whether a write that had an id counted.
    pub(crate) fn note(&self, counts: bool) {
        let mut table = lock(&self.0);
        table.lost = if counts { 0 } else { (table.lost + 1).min(LOST_MAX) };
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let mut table = lock(&self.table);
        let Some(held) = table.held.get_mut(&self.context) else { return };
        if let Some(at) = held.iter().position(|held| held.id == self.id)
            && let Some(one) = held.get_mut(at)
        {
            one.writes -= 1;
            if one.writes == 0 {
                held.swap_remove(at);
            }
        }
        if held.is_empty() {
            table.held.remove(&self.context);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_at_once_have_ids_of_their_own() {
        let reserved = Reserved::default();
        let take = |hash: u8, max| reserved.take(".", Some([hash; 16]), || max).unwrap();
        let (one, two) = (take(1, None), take(2, None));
        assert_eq!((one.id, two.id), (1, 2));
        let same = take(1, None);
        assert_eq!(same.id, 1);
        drop((one, two));
        // What is under way still counts, as does what is folded.
        assert_eq!(take(3, None).id, 2);
        assert_eq!(take(3, Some(7)).id, 8);
        drop(same);
        assert!(lock(&reserved.0).held.is_empty());
        assert!(reserved.take(".", None, || Some(i32::MAX)).is_none());
    }

    #[test]
    fn who_loses_again_and_again_tries_further_ids() {
        let reserved = Reserved::default();
        (0..99).for_each(|_| reserved.note(false));
        let most = i32::try_from(1 + LOST_MAX * SPREAD).unwrap();
        let ids: Vec<i32> =
            (0..200).map(|_| reserved.take(".", None, || None).unwrap().id).collect();
        assert!(ids.iter().all(|id| (1..=most).contains(id)), "{ids:?}");
        assert!(ids.iter().any(|id| *id > 1), "{ids:?}");
        reserved.note(true);
        assert_eq!(reserved.take(".", None, || None).unwrap().id, 1);
    }
}
