//! A cache with a limit that forgets what was used least recently.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::Hash;

/// At most `capacity` entries. When full, the older half goes at once, so that an entry costs
/// constant time on average.
#[derive(Debug)]
pub(crate) struct Cache<K, V> {
    entries: HashMap<K, (V, u64)>,
    capacity: usize,
    clock: u64,
}

impl<K: Hash + Eq, V> Cache<K, V> {
    /// An empty cache; capacity 0 keeps nothing.
    pub(crate) fn new(capacity: usize) -> Self {
        Self { entries: HashMap::new(), capacity, clock: 0 }
    }
    /// Looks up an entry and marks it as used.
    pub(crate) fn get<Q: Hash + Eq + ?Sized>(&mut self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        self.clock += 1;
        let (value, used) = self.entries.get_mut(key)?;
        *used = self.clock;
        Some(value)
    }
    /// Adds an entry.
    pub(crate) fn insert(&mut self, key: K, value: V) {
        if self.capacity == 0 {
            return;
        }
        if self.entries.len() >= self.capacity {
            self.forget_half();
        }
        self.clock += 1;
        self.entries.insert(key, (value, self.clock));
    }
    fn forget_half(&mut self) {
        let mut uses: Vec<u64> = self.entries.values().map(|(_, used)| *used).collect();
        let middle = uses.len() / 2;
        let (_, limit, _) = uses.select_nth_unstable(middle);
        let limit = *limit;
        self.entries.retain(|_, (_, used)| *used > limit);
    }
    #[cfg(test)]
    fn len(&self) -> usize {
        self.entries.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_used_stays_and_the_limit_holds() {
        let mut cache = Cache::new(4);
        for n in 0..100 {
            cache.insert(n, n);
            cache.get(&0);
            assert!(cache.len() <= 4);
        }
        assert_eq!(cache.get(&0), Some(&0));
        assert_eq!(cache.get(&50), None);
    }

    #[test]
    fn tiny_capacities_work() {
        for capacity in [0, 1, 2] {
            let mut cache = Cache::new(capacity);
            for n in 0..5 {
                cache.insert(n, n);
                assert!(cache.len() <= capacity);
                assert_eq!(cache.get(&n).is_some(), capacity > 0);
            }
        }
    }
}
