//! InsertHeader: adds one header with a fixed value to every record.

use gantry_model::config::{ConfigDef, ConfigKey, Importance, ParsedConfig, Type, Validator};
use gantry_model::plugin::{Fate, Plugin, Transformation};
use gantry_model::{ConnectRecord, Header, Result, values};

use crate::support::single;

const HEADER: &str = "header";
const VALUE_LITERAL: &str = "value.literal";

struct InsertHeader {
    header: Header,
}

pub(crate) fn plugin() -> Plugin<dyn Transformation> {
    single("InsertHeader", config, |config: &ParsedConfig| {
        let literal = config.string(VALUE_LITERAL).unwrap_or_default();
        Ok(Box::new(InsertHeader {
            header: Header {
                key: config.string(HEADER).unwrap_or_default().into(),
                datum: values::parse_string(literal),
            },
        }))
    })
}

fn config() -> ConfigDef {
    let required = |name, doc| {
        ConfigKey::required(name, Type::String, Importance::High, doc).validator(Validator::NonNull)
    };
    ConfigDef::new().define(required(HEADER, "Name of the header to add.")).define(required(
        VALUE_LITERAL,
        "Value of the header. Its type is inferred from the text: numbers, true and false, \
             dates, lists and maps are recognised, all else is text.",
    ))
}

impl Transformation for InsertHeader {
    fn apply(&mut self, record: &mut ConnectRecord) -> Result<Fate> {
        record.headers.push(self.header.clone());
        Ok(Fate::Keep)
    }
}
