//! RecordIsTombstone: true for records whose value is null.

use gantry_model::config::ConfigDef;
use gantry_model::plugin::{Plugin, Predicate};
use gantry_model::{ConnectRecord, Result};

use crate::support::predicate;

struct RecordIsTombstone;

pub(super) fn plugin() -> Plugin<dyn Predicate> {
    predicate("RecordIsTombstone", ConfigDef::new, |_| Ok(Box::new(RecordIsTombstone)))
}

impl Predicate for RecordIsTombstone {
    fn test(&mut self, record: &ConnectRecord) -> Result<bool> {
        Ok(record.value.value.is_null())
    }
}
