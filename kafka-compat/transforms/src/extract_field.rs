//! ExtractField: replaces the whole key or value by one of its fields.

use gantry_model::config::{ConfigDef, ConfigKey, Importance, ParsedConfig, Type, Validator};
use gantry_model::plugin::{Fate, Plugin, Transformation};
use gantry_model::{ConnectRecord, Datum, Error, Result};

use crate::field_path::FieldPath;
use crate::support::{Side, keyed, map_or_null, replace_null, replace_null_key, struct_or_null};

const PURPOSE: &str = "field extraction";
const FIELD: &str = "field";
const SYNTAX: &str = "field.syntax.version";

struct ExtractField {
    side: Side,
    path: FieldPath,
    replace_null: bool,
}

pub(crate) fn plugins() -> [Plugin<dyn Transformation>; 2] {
    keyed("ExtractField", config, |config: &ParsedConfig, side| {
        let text = config.string(FIELD).unwrap_or_default();
        let nested = config.string(SYNTAX).is_some_and(|v| v.eq_ignore_ascii_case("V2"));
        let path = if nested { FieldPath::nested(text)? } else { FieldPath::plain(text) };
        Ok(Box::new(ExtractField { side, path, replace_null: replace_null(config) }))
    })
}

fn config() -> ConfigDef {
    let versions = ["V1", "V2"].map(str::to_owned).to_vec();
    ConfigDef::new()
        .define(ConfigKey::required(
            FIELD,
            Type::String,
            Importance::Medium,
            "Name of the field that stays.",
        ))
        .define(replace_null_key())
        .define(
            ConfigKey::new(
                SYNTAX,
                Type::String,
                "V1",
                Importance::High,
                "How `field` is read. V1: as the name of a field. V2: as a path into nested \
                 fields, with dots between the names and backticks around a name that holds dots.",
            )
            .validator(Validator::CaseInsensitiveValidString(versions)),
        )
}

impl Transformation for ExtractField {
    fn apply(&mut self, record: &mut ConnectRecord) -> Result<Fate> {
        let datum = self.side.datum_mut(record);
        let extracted = match &datum.schema {
            None => match map_or_null(&datum.value, PURPOSE)? {
                None => Datum::NULL,
                Some(map) => Datum::schemaless(self.path.in_map(map)?),
            },
            Some(schema) => {
                let inner = struct_or_null(&datum.value, PURPOSE)?;
                let field = self.path.field_of(schema)?.ok_or_else(|| {
                    Error::java(
                        "java.lang.IllegalArgumentException",
                        format!("Unknown field: {}", self.path.as_str()),
                    )
                })?;
                let value = match inner {
                    None => gantry_model::Value::Null,
                    Some(inner) => self.path.in_struct(inner, self.replace_null)?,
                };
                Datum::new(field.schema.clone(), value)
            }
        };
        *datum = extracted;
        Ok(Fate::Keep)
    }
}
