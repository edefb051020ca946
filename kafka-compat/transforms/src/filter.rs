//! Filter: drops every record it sees. Which it sees is the `predicate`'s choice.

use gantry_model::config::ConfigDef;
use gantry_model::plugin::{Fate, Plugin, Transformation};
use gantry_model::{ConnectRecord, Result};

use crate::support::single;

struct Filter;

pub(crate) fn plugin() -> Plugin<dyn Transformation> {
    single("Filter", ConfigDef::new, |_| Ok(Box::new(Filter)))
}

impl Transformation for Filter {
    fn apply(&mut self, _record: &mut ConnectRecord) -> Result<Fate> {
        Ok(Fate::Drop)
    }
    fn changes_records(&self) -> bool {
        false
    }
}
