//! Which records share a request.

use std::collections::HashMap;

use gantry_api::{Error, Result, SinkRecord};

use super::config::{Batching, OnNull};
use super::request::Heads;
use super::template::Form;

/// Records that share a request, by their places in what was put.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Batch {
    pub(super) places: Vec<usize>,
    /// What tells its request from others.
    head: String,
    /// Whether it is a record without a value, which deletes.
    pub(super) deletes: bool,
}

/// Divides records into requests, in the order of their first records. Records of one group stay
/// in order. What cannot be placed is told to `fault`, which says whether to go on.
pub(super) fn divide(
    records: &[SinkRecord],
    how: &Batching,
    on_null: OnNull,
    heads: &Heads,
    mut fault: impl FnMut(usize, Error) -> Result<()>,
) -> Result<Vec<Batch>> {
    let mut batches: Vec<Batch> = Vec::new();
    // The batch of each group that is not full.
    let mut open: HashMap<String, usize> = HashMap::new();
    for (place, record) in records.iter().enumerate() {
        let is_null = record.record.value.value.is_null();
        if is_null && matches!(on_null, OnNull::Ignore | OnNull::Log) {
            continue;
        }
        if is_null && on_null == OnNull::Fail {
            fault(place, null_error(record))?;
            continue;
        }
        let (mut group, mut head) = (String::new(), String::new());
        let mut name = || {
            if let Some(template) = &how.group {
                template.render(record, Form::Plain, &mut group)?;
            }
            heads.tell(record, &mut head)
        };
        if let Err(error) = name() {
            fault(place, error)?;
            continue;
        }
        if is_null && on_null == OnNull::Delete {
            open.remove(&group);
            batches.push(Batch { places: vec![place], head, deletes: true });
            continue;
        }
        let fits = |batch: &Batch| {
            let first = batch.places.first().and_then(|first| records.get(*first));
            batch.places.len() < how.max
                && batch.head == head
                && first.is_some_and(|first| heads.same_headers(first, record))
        };
        let found = open.get(&group).and_then(|at| batches.get_mut(*at)).filter(|b| fits(b));
        if let Some(batch) = found {
            batch.places.push(place);
            continue;
        }
        open.insert(group, batches.len());
        batches.push(Batch { places: vec![place], head, deletes: false });
    }
    Ok(batches)
}

/// What is said of a record without a value where it is an error.
pub(super) fn null_error(record: &SinkRecord) -> Error {
    Error::connect(format!(
        "Record {}@{} has no value, and behavior.on.null.values is fail",
        record.origin, record.offset
    ))
}
