//! HasHeaderKey: true for records with a header of a given name.

use gantry_model::config::{ConfigDef, ConfigKey, Importance, ParsedConfig, Type, Validator};
use gantry_model::plugin::{Plugin, Predicate};
use gantry_model::{ConnectRecord, Result};

use crate::support::predicate;

const NAME: &str = "name";

struct HasHeaderKey {
    name: String,
}

pub(super) fn plugin() -> Plugin<dyn Predicate> {
    predicate("HasHeaderKey", config, |config: &ParsedConfig| {
        Ok(Box::new(HasHeaderKey { name: config.string(NAME).unwrap_or_default().to_owned() }))
    })
}

fn config() -> ConfigDef {
    ConfigDef::new().define(
        ConfigKey::required(NAME, Type::String, Importance::Medium, "Name of the header.")
            .validator(Validator::NonEmptyString),
    )
}

impl Predicate for HasHeaderKey {
    fn test(&mut self, record: &ConnectRecord) -> Result<bool> {
        Ok(record.headers.iter().any(|header| *header.key == *self.name))
    }
}
