//! Brings the state of a task to this machine while the task already runs.

use std::sync::{Arc, Weak};

use super::view::View;
use crate::error::StreamsError;
use crate::runtime::outage::{Outage, RETRY};

/// How many rows are fetched at once: few first, then as many as have about so many bytes.
const ROWS_FIRST: usize = 64;
const ROWS: std::ops::RangeInclusive<usize> = 16..=2_000;
const BYTES: usize = 1 << 20;

/// Loads all. Blocks until it is there, the task has ended, or it cannot be had.
pub(crate) fn load(view: &Weak<View>) {
    let (mut most, mut outage) = (ROWS_FIRST, Outage::default());
    while let Some(view) = view.upgrade() {
        match load_some(&view, most) {
            Ok(Some(next)) => {
                most = next;
                outage.over();
            }
            Ok(None) => return,
            Err(error) if error.is_retriable() => {
                if outage.tells() {
                    tracing::warn!(%error, "state cannot be loaded now; trying again");
                }
                drop(view);
                std::thread::sleep(RETRY);
            }
            Err(error) => view.fail(error),
        }
    }
}

/// Loads a page, and says how many rows the next one shall have; none: there is no more.
fn load_some(view: &Arc<View>, most: usize) -> Result<Option<usize>, StreamsError> {
    let Some(next) = view.next() else { return Ok(None) };
    // The rows of another store may be much larger.
    let most = if next.begins_store() { ROWS_FIRST } else { most };
    let rows = view.fetch(&next, most)?;
    let bytes = |(key, value, _): &super::Row| key.len() + value.as_ref().map_or(0, Vec::len);
    let average = rows.iter().map(bytes).sum::<usize>() / rows.len().max(1);
    view.take(next, rows, most)?;
    Ok(Some((BYTES / average.max(1)).clamp(*ROWS.start(), *ROWS.end())))
}
