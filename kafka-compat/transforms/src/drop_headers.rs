//! DropHeaders: removes headers by name.

use gantry_model::config::{ConfigDef, ConfigKey, Importance, ParsedConfig, Type};
use gantry_model::plugin::{Fate, Plugin, Transformation};
use gantry_model::{ConnectRecord, Result};

use crate::support::{single, value_list};

const HEADERS: &str = "headers";

struct DropHeaders {
    names: Vec<String>,
}

pub(crate) fn plugin() -> Plugin<dyn Transformation> {
    single("DropHeaders", config, |config: &ParsedConfig| {
        Ok(Box::new(DropHeaders { names: config.list(HEADERS).to_vec() }))
    })
}

fn config() -> ConfigDef {
    ConfigDef::new().define(
        ConfigKey::required(
            HEADERS,
            Type::List,
            Importance::High,
            "Names of the headers to remove; every header of such a name goes.",
        )
        .validator(value_list(false)),
    )
}

impl Transformation for DropHeaders {
    fn apply(&mut self, record: &mut ConnectRecord) -> Result<Fate> {
        record.headers.retain(|header| !self.names.iter().any(|name| **name == *header.key));
        Ok(Fate::Keep)
    }
}

#[cfg(test)]
mod tests {
    use crate::tests::{error_text, make};

    #[test]
    fn names_must_be_given_and_not_empty() {
        let text = |headers| error_text(make("DropHeaders", &[("headers", headers)]));
        assert_eq!(
            text(""),
            "Configuration 'headers' must not be empty. Valid values include: any non-empty value"
        );
        assert_eq!(text("a,,b"), "Configuration 'headers' values must not be empty.");
    }
}
