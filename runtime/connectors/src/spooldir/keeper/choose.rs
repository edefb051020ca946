//! Which file is read next.

use std::cmp::Ordering;
use std::collections::{HashMap, HashSet, VecDeque};
use std::io;

use super::Keeper;
use crate::spooldir::config::{By, Cleanup};
use crate::spooldir::offset::Resume;
use crate::spooldir::place::Entry;

/// So many files are chosen at once; more are found when these are read.
const CHOSEN_MAX: usize = 10_000;
/// So many files are remembered that were taken away.
const GONE_MAX: usize = 10_000;

/// What this task knows of files beyond what is stored.
#[derive(Debug, Default)]
pub(super) struct Memory {
    /// How far a file was read; `None`: it was taken away, so that another of its name is new.
    known: HashMap<String, Option<Resume>>,
    gone: VecDeque<String>,
}

impl Memory {
    /// `None` if nothing is known, and what is stored counts.
    pub(super) fn of(&self, path: &str) -> Option<Option<Resume>> {
        self.known.get(path).copied()
    }
    /// A file was read so far.
    pub(super) fn keep(&mut self, path: &str, resume: Option<Resume>) {
        if resume.is_some() {
            self.known.insert(path.to_owned(), resume);
        }
    }
    /// A file was taken away.
    pub(super) fn forget(&mut self, path: String) {
        self.known.insert(path.clone(), None);
        self.gone.push_back(path);
        if self.gone.len() > GONE_MAX
            && let Some(oldest) = self.gone.pop_front()
            && self.known.get(&oldest) == Some(&None)
        {
            self.known.remove(&oldest);
        }
    }
    /// Files that are not there any more need not be remembered.
    fn retain(&mut self, there: &HashSet<String>) {
        self.known.retain(|path, resume| resume.is_none() || there.contains(path));
    }
}

impl Keeper {
    /// Whether files stay where they are.
    pub(super) fn keeps_files(&self) -> bool {
        self.work.cleanup == Cleanup::None
    }

    pub(super) fn next_entry(&mut self) -> io::Result<Option<Entry>> {
        if self.queue.is_empty() {
            self.list()?;
        }
        Ok(self.queue.pop_front())
    }

    fn list(&mut self) -> io::Result<()> {
        let (index, count) = (self.work.task_index, self.work.task_count);
        let mut found = Vec::new();
        self.place.list(&mut |entry| {
            if is_of_task(&entry.name, index, count) {
                found.push(entry);
            }
        })?;
        self.away_wait = super::AWAY_WAIT_MIN;
        let now_ms = gantry_api::now_ms();
        let waiting: HashSet<String> = self.done.iter().map(|done| done.entry.path()).collect();
        let paths: HashSet<String> =
            found.iter().map(|entry| self.place.full_path(entry)).collect();
        self.memory.retain(&paths);
        self.foreign.retain(|path| paths.contains(path));
        found.retain(|entry| {
            let age_ms = now_ms.saturating_sub(entry.stat.modified_ms);
            let path = self.place.full_path(entry);
            if age_ms < 0 {
                tracing::debug!(file = path, "it was changed in the future");
            }
            // A file without age is old enough where no age is asked for.
            let is_old = self.work.minimum_age_ms == 0
                || u64::try_from(age_ms).is_ok_and(|age_ms| age_ms >= self.work.minimum_age_ms);
            is_old && !waiting.contains(&entry.path()) && !self.is_read(&path, entry)
        });
        if found.is_empty() && std::mem::take(&mut self.says_empty) {
            tracing::info!("no files match input.file.pattern that are to be read");
        }
        self.says_empty |= !found.is_empty();
        let order = |a: &Entry, b: &Entry| compare(&self.work.sort, a, b);
        if found.len() > CHOSEN_MAX {
            found.select_nth_unstable_by(CHOSEN_MAX, order);
            found.truncate(CHOSEN_MAX);
        }
        found.sort_by(order);
        self.queue = found.into();
        Ok(())
    }

    /// Whether all of a file was read that stays where it is.
    fn is_read(&self, path: &str, entry: &Entry) -> bool {
        self.memory.of(path).flatten().is_some_and(|resume| {
            let stat = resume.identity.map(|identity| identity.stat);
            resume.is_end && stat == Some(entry.stat)
        })
    }
}

/// Whether a file is one of the task's: a checksum of its name as Java has it, two bytes for each
/// character.
fn is_of_task(name: &str, index: u32, count: u32) -> bool {
    if count <= 1 {
        return true;
    }
    let bytes: Vec<u8> = name.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let hash = adler2::adler32_slice(&bytes).cast_signed().wrapping_abs();
    i64::from(hash) % i64::from(count) == i64::from(index)
}

fn compare(sort: &[(By, bool)], a: &Entry, b: &Entry) -> Ordering {
    let by = |by: &By| match by {
        By::Name => a.name.cmp(&b.name),
        By::Length => a.stat.length.cmp(&b.stat.length),
        By::Modified => a.stat.modified_ms.cmp(&b.stat.modified_ms),
    };
    let first = sort.iter().find_map(|(attribute, is_reversed)| {
        let order = by(attribute);
        let order = if *is_reversed { order.reverse() } else { order };
        (order != Ordering::Equal).then_some(order)
    });
    // Two folders may have files of one name.
    first.unwrap_or_else(|| a.path().cmp(&b.path()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_divided_as_java_divides_them() {
        // What Guava's `Math.abs(Hashing.adler32().hashUnencodedChars(name).asInt())` gives.
        for (name, hash) in [
            ("a.csv", 172_884_444),
            ("b.csv", 173_539_805),
            ("input-2020-01-01.csv", 2_116_683_192),
            ("äöü😀.csv", 1_202_587_204),
        ] {
            for count in 2..9 {
                for index in 0..count {
                    assert_eq!(is_of_task(name, index, count), hash % count == index, "{name}");
                }
            }
        }
        for name in ["a.csv", "b.csv", "c.csv", "äöü.csv"] {
            let tasks = (0..3).filter(|index| is_of_task(name, *index, 3)).count();
            assert_eq!(tasks, 1, "{name}");
        }
    }
}
