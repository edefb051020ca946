//! The state of a task that is on this machine in part, while the rest is still fetched.
//!
//! The task works on from the start. Three things then happen in any order: it asks for entries, it
//! saves to disk what it changed, and the loader brings what it did not touch. Why none of it is lost
//! or comes back:
//!
//! - What a task changed is in its cache until it is saved. So what is asked here was not changed since
//!   the beginning, or was saved: of the first the database has the value, of the second the disk.
//! - What was saved since the beginning is remembered, taken away or not, also whole ranges: the loader
//!   leaves those alone, and questions about an entry that was saved are for the disk only. What was
//!   taken away with a range was taken away in the database, entry by entry, by the same checkpoint.
//! - Saving and loading hold the same lock while they write: none comes between the look of the other
//!   at what was saved and its write.
//! - The loader brings nothing of a checkpoint behind the beginning: that is in the task's cache, and
//!   saved from there. It may bring an entry that has changed since and is not saved yet, or one of a
//!   window that has expired and whose range is not yet taken away: the next save writes, or takes away,
//!   just those.
//! - What the disk is of, its marker, is written with the first save behind the end of the loading: that
//!   one writes all that changed and is not on disk, so that all there is as of one checkpoint. A kill
//!   before finds no marker, and begins with nothing; or, where the disk had one and only changes
//!   behind it are fetched, it finds that one. All changes behind it are then fetched once more, with
//!   what was saved meanwhile: that is kept in the database until a newer marker is on disk.
//! - A task that ends stops its loader under the lock: what begins next on the same disk is alone.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Row, Rows, behind};
use crate::error::StreamsError;
use crate::store::{Backend, Batch, Each, PREFIX_BYTES, after};

/// The first page of a scan; each next one is larger.
const PAGE_MIN: usize = 16;
const PAGE_MAX: usize = 1024;
const PAGE_GROWS: usize = 4;
/// So many scans that one page serves seem to go on.
const PAGE_SERVES: usize = 4;

/// The state of one task.
pub(crate) struct View {
    disk: Arc<dyn Backend>,
    rows: Arc<dyn Rows>,
    stores: Vec<[u8; PREFIX_BYTES]>,
    /// Its last checkpoint when it began.
    logged: u64,
    /// What the disk is of, as its marker says; 0: it has none.
    marked: AtomicU64,
    /// All is on disk.
    is_complete: AtomicBool,
    loading: Mutex<Loading>,
    /// What a scan read last: stores look for the times that they have one by one.
    ahead: Mutex<Page>,
}

/// What is in a range, of what is not on disk for sure.
#[derive(Default)]
struct Page {
    from: Vec<u8>,
    end: Vec<u8>,
    entries: Entries,
    /// How many rows were asked for, and how many scans it served.
    most: usize,
    served: usize,
}

/// Keys and values in order.
type Entries = BTreeMap<Vec<u8>, Vec<u8>>;

/// How far the loading is.
#[derive(Default)]
struct Loading {
    /// What was saved since the beginning.
    saved: BTreeSet<Vec<u8>>,
    /// Ranges that were taken away since then: from here to before there.
    gone: BTreeMap<Vec<u8>, Vec<u8>>,
    /// Where it goes on.
    next: Next,
    is_stopped: bool,
    failure: Option<StreamsError>,
}

/// What is fetched next.
#[derive(Clone, Debug)]
pub(super) enum Next {
    /// All of a store from a key on. What is before that is on disk, so it may be asked.
    All { store: usize, from: Vec<u8> },
    /// What changed behind this row.
    Changed(Row),
    /// Nothing.
    End,
}

impl Next {
    /// Whether it is the first of a store.
    pub(super) fn begins_store(&self) -> bool {
        matches!(self, Self::All { from, .. } if from.is_empty())
    }
}

impl Default for Next {
    fn default() -> Self {
        Self::All { store: 0, from: Vec::new() }
    }
}

/// Where an entry is to be asked for.
enum Where {
    Disk,
    Database,
}

impl Loading {
    fn is_gone(&self, key: &[u8]) -> bool {
        self.gone.iter().any(|(from, to)| from[..] <= *key && *key < to[..])
    }

    /// Whether it is on disk, or not there, whatever the loader does.
    fn is_saved(&self, key: &[u8]) -> bool {
        self.saved.contains(key) || self.is_gone(key)
    }

    fn place(&self, key: &[u8]) -> Where {
        match &self.next {
            Next::End => Where::Disk,
            Next::All { from, .. } if key < &from[..] => Where::Disk,
            _ if self.saved.contains(key) => Where::Disk,
            _ => Where::Database,
        }
    }

    /// Remembers what is saved.
    fn save(&mut self, batch: &Batch) {
        for (from, to) in &batch.ranges {
            let known = self.gone.entry(from.clone()).or_default();
            if *known < *to {
                known.clone_from(to);
            }
        }
        self.saved.extend(batch.entries.iter().map(|(key, _)| key.clone()));
    }
}

impl View {
    /// The state of a task at a checkpoint, of which the disk has that of an earlier one; none: it has
    /// nothing.
    pub(crate) fn new(
        disk: Arc<dyn Backend>,
        rows: Arc<dyn Rows>,
        stores: Vec<[u8; PREFIX_BYTES]>,
        logged: u64,
        marked: Option<u64>,
    ) -> Self {
        let next = match marked {
            Some(marked) if marked == logged => Next::End,
            // Behind all keys of that checkpoint.
            Some(marked) => {
                Next::Changed((vec![u8::MAX; PREFIX_BYTES + 1], Some(Vec::new()), marked))
            }
            None if stores.is_empty() => Next::End,
            None => Next::All { store: 0, from: stores[0].to_vec() },
        };
        let is_complete = AtomicBool::new(matches!(next, Next::End));
        let loading = Mutex::new(Loading { next, ..Loading::default() });
        let marked = AtomicU64::new(marked.unwrap_or(0));
        let ahead = Mutex::default();
        Self { disk, rows, stores, logged, marked, is_complete, loading, ahead }
    }

    /// Whether all is on disk.
    pub(crate) fn is_complete(&self) -> bool {
        self.is_complete.load(Ordering::Acquire)
    }

    /// What the marker on disk says.
    pub(crate) fn marked(&self) -> u64 {
        self.marked.load(Ordering::Acquire)
    }

    fn lock(&self) -> MutexGuard<'_, Loading> {
        self.loading.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The same, unless the loading has failed for good.
    fn look(&self) -> Result<MutexGuard<'_, Loading>, StreamsError> {
        let loading = self.lock();
        match &loading.failure {
            Some(failure) => Err(failure.clone()),
            None => Ok(loading),
        }
    }

    /// Writes what a checkpoint saves, and what the disk is of then, which counts only where all is
    /// on disk.
    pub(crate) fn save(
        &self,
        mut batch: Batch,
        number: u64,
        marker: (Vec<u8>, Option<Vec<u8>>),
    ) -> Result<(), StreamsError> {
        self.forget_page();
        let mut loading = self.look()?;
        if self.is_complete() {
            batch.entries.push(marker);
            self.disk.write(batch)?;
            self.marked.store(number, Ordering::Release);
            return Ok(());
        }
        loading.save(&batch);
        self.disk.write(batch)
    }

    /// What is fetched next; none: nothing more is.
    pub(super) fn next(&self) -> Option<Next> {
        let loading = self.lock();
        let ends = loading.is_stopped || loading.failure.is_some();
        Some(loading.next.clone()).filter(|next| !ends && !matches!(next, Next::End))
    }

    /// Fetches that.
    pub(super) fn fetch(&self, next: &Next, most: usize) -> Result<Vec<Row>, StreamsError> {
        match next {
            Next::All { store, from } => self.rows.page(from, &after(&self.stores[*store]), most),
            Next::Changed(row) => self.rows.changed(row, self.logged, most),
            Next::End => Ok(Vec::new()),
        }
    }

    /// Writes what was fetched to disk, apart from what was saved since.
    pub(super) fn take(&self, next: Next, rows: Vec<Row>, most: usize) -> Result<(), StreamsError> {
        let mut loading = self.lock();
        if loading.is_stopped {
            return Ok(());
        }
        let is_last = rows.len() < most;
        let then = match (next, rows.last()) {
            (Next::All { store, .. }, _) if is_last => match self.stores.get(store + 1) {
                Some(at) => Next::All { store: store + 1, from: at.to_vec() },
                None => Next::End,
            },
            (Next::All { store, .. }, Some((key, ..))) => Next::All { store, from: behind(key) },
            // Those that were taken away are behind those that are there.
            (Next::Changed((_, Some(_), _)), _) if is_last => {
                let marked = self.marked();
                Next::Changed((vec![u8::MAX; PREFIX_BYTES + 1], None, marked))
            }
            (Next::Changed(_), Some(row)) if !is_last => Next::Changed(row.clone()),
            _ => Next::End,
        };
        let is_wanted = |(key, _, number): &Row| *number <= self.logged && !loading.is_saved(key);
        let rows = rows.into_iter().filter(is_wanted);
        let entries = rows.map(|(key, value, _)| (key, value)).collect();
        self.disk.write(Batch { entries, ranges: Vec::new() })?;
        if matches!(then, Next::End) {
            (loading.saved, loading.gone) = (BTreeSet::new(), BTreeMap::new());
            self.is_complete.store(true, Ordering::Release);
        }
        loading.next = then;
        Ok(())
    }

    /// Nothing is fetched any more, and who asks is told why.
    pub(super) fn fail(&self, error: StreamsError) {
        self.lock().failure = Some(error);
    }

    fn stop(&self) {
        self.lock().is_stopped = true;
    }

    /// A page of what is in the database and was not saved since, and what was saved; and where that
    /// ends.
    fn merged(
        &self,
        from: &[u8],
        to: &[u8],
        most: usize,
    ) -> Result<(Entries, Vec<u8>), StreamsError> {
        let rows = self.rows.page(from, to, most)?;
        let end = match rows.last() {
            Some((key, ..)) if rows.len() == most => behind(key),
            _ => to.to_vec(),
        };
        let loading = self.look()?;
        if matches!(loading.next, Next::End) {
            // All came meanwhile.
            return Ok((Entries::new(), from.to_vec()));
        }
        let rows = rows.into_iter().filter(|(key, ..)| !loading.is_saved(key));
        let mut found: Entries = rows.filter_map(|(key, value, _)| Some((key, value?))).collect();
        for key in loading.saved.range(from.to_vec()..end.clone()) {
            found.extend(self.disk.get(key)?.map(|value| (key.clone(), value)));
        }
        Ok((found, end))
    }

    /// The page that has a key: the one that was read last, or the next one. What changed since it was
    /// read is in the caches of the stores; what is saved ends it.
    fn page(&self, at: &[u8], to: &[u8]) -> Result<Page, StreamsError> {
        let mut page = std::mem::take(&mut *self.ahead());
        if at < &page.from[..] || at >= &page.end[..] {
            // Who goes on where the last one ended gets more.
            let goes_on = page.end == at || page.served >= PAGE_SERVES;
            let most = if goes_on { page.most * PAGE_GROWS } else { PAGE_MIN };
            let most = most.clamp(PAGE_MIN, PAGE_MAX);
            let (entries, end) = self.merged(at, to, most)?;
            page = Page { from: at.to_vec(), end, entries, most, served: 0 };
        }
        page.served += 1;
        Ok(page)
    }

    fn ahead(&self) -> MutexGuard<'_, Page> {
        self.ahead.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn forget_page(&self) {
        *self.ahead() = Page::default();
    }

    /// Up to where all is on disk that is in this range.
    fn on_disk(&self, from: &[u8], to: &[u8]) -> Result<Option<Vec<u8>>, StreamsError> {
        match &self.look()?.next {
            Next::End => Ok(Some(to.to_vec())),
            Next::All { from: upto, .. } if from < &upto[..] => Ok(Some(to.min(upto).to_vec())),
            _ => Ok(None),
        }
    }
}

impl Backend for View {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StreamsError> {
        if self.is_complete() {
            return self.disk.get(key);
        }
        let place = self.look()?.place(key);
        match place {
            Where::Disk => self.disk.get(key),
            Where::Database => self.rows.get(key),
        }
    }

    fn scan(&self, from: &[u8], to: &[u8], each: &mut Each<'_>) -> Result<(), StreamsError> {
        let (mut at, mut goes_on) = (from.to_vec(), true);
        while goes_on && at[..] < *to {
            if self.is_complete() {
                return self.disk.scan(&at, to, each);
            }
            if let Some(end) = self.on_disk(&at, to)? {
                self.disk.scan(&at, &end, &mut |key, value| {
                    goes_on = each(key, value)?;
                    Ok(goes_on)
                })?;
                at = end;
                continue;
            }
            let page = self.page(&at, to)?;
            let end = to.min(&page.end).to_vec();
            for (key, value) in page.entries.range(at..end.clone()) {
                goes_on = each(key, value)?;
                if !goes_on {
                    break;
                }
            }
            *self.ahead() = page;
            at = end;
        }
        Ok(())
    }

    /// Stores do not write by themselves: what a checkpoint saves goes through [`View::save`].
    fn write(&self, batch: Batch) -> Result<(), StreamsError> {
        self.forget_page();
        let mut loading = self.look()?;
        if !self.is_complete() {
            loading.save(&batch);
        }
        self.disk.write(batch)
    }
}

/// Of the task that runs with the state: nothing is loaded for it once this is dropped.
pub(crate) struct Guard(pub(crate) Arc<View>);

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.stop();
    }
}

#[cfg(test)]
mod tests;
