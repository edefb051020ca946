//! SetSchemaMetadata: names and versions the schema of a struct.

use gantry_model::config::{ConfigDef, ConfigKey, Importance, ParsedConfig, Type};
use gantry_model::plugin::{Fate, Plugin, Transformation};
use gantry_model::{ConnectRecord, Datum, Error, Result, Schema, Str, Value};

use crate::support::{
    SchemaCache, Side, apply_defaults, fields_of, has_defaults, keyed, put_all, replace_null,
    replace_null_key, schema_of, struct_values,
};

const PURPOSE: &str = "updating schema metadata";
const SCHEMA_NAME: &str = "schema.name";
const SCHEMA_VERSION: &str = "schema.version";

struct SetSchemaMetadata {
    side: Side,
    name: Option<Str>,
    version: Option<i32>,
    replace_null: bool,
    schemas: SchemaCache<Updated>,
}

struct Updated {
    schema: Schema,
    has_defaults: bool,
}

pub(crate) fn plugins() -> [Plugin<dyn Transformation>; 2] {
    keyed("SetSchemaMetadata", config, |config: &ParsedConfig, side| {
        let name = config.string(SCHEMA_NAME).map(Str::from);
        let version = config.long(SCHEMA_VERSION).and_then(|version| version.try_into().ok());
        if name.is_none() && version.is_none() {
            return Err(Error::config("Neither schema name nor version configured"));
        }
        Ok(Box::new(SetSchemaMetadata {
            side,
            name,
            version,
            replace_null: replace_null(config),
            schemas: SchemaCache::new(),
        }))
    })
}

fn config() -> ConfigDef {
    ConfigDef::new()
        .define(ConfigKey::nullable(
            SCHEMA_NAME,
            Type::String,
            Importance::High,
            "The new name of the schema; without it the name stays.",
        ))
        .define(ConfigKey::nullable(
            SCHEMA_VERSION,
            Type::Int,
            Importance::High,
            "The new version of the schema; without it the version stays.",
        ))
        .define(replace_null_key())
}

impl Transformation for SetSchemaMetadata {
    fn apply(&mut self, record: &mut ConnectRecord) -> Result<Fate> {
        let Datum { schema, value } = self.side.datum_mut(record);
        if value.is_null() && schema.is_none() {
            return Ok(Fate::Keep);
        }
        let (name, version) = (&self.name, self.version);
        let updated = self.schemas.get(schema_of(schema.as_ref(), PURPOSE)?, |source| {
            // Kafka Connect asks for the fields, so that it takes structs only.
            fields_of(source)?;
            let builder = source.to_builder();
            let builder = if name.is_some() { builder.name(name.clone()) } else { builder };
            let builder = if version.is_some() { builder.version(version) } else { builder };
            Ok(Updated { schema: builder.build_plain(), has_defaults: has_defaults(source) })
        })?;
        if let Value::Struct(inner) = std::mem::take(value) {
            let mut values = struct_values(inner);
            if self.replace_null && updated.has_defaults {
                apply_defaults(&updated.schema, &mut values);
            }
            *value = put_all(&updated.schema, values)?;
        }
        *schema = Some(updated.schema.clone());
        Ok(Fate::Keep)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::{Change, error_text, make, record, struct_record};

    const CLASS: &str = "SetSchemaMetadata$Value";

    #[test]
    fn name_and_version_are_set_on_schema_and_struct() {
        let mut t = make(CLASS, &[(SCHEMA_NAME, "n"), (SCHEMA_VERSION, "7")]).expect("valid");
        let out = t.change(struct_record()).expect("applies").expect("kept").value;
        let schema = out.schema.expect("has one");
        assert_eq!((schema.name().map(|n| &**n), schema.version()), (Some("n"), Some(7)));
        let Value::Struct(inner) = out.value else { panic!("a struct") };
        assert_eq!(inner.schema(), &schema);
    }

    #[test]
    fn something_must_be_set() {
        assert_eq!(error_text(make(CLASS, &[])), "Neither schema name nor version configured");
    }

    #[test]
    fn only_structs_have_metadata_to_set() {
        let mut t = make(CLASS, &[(SCHEMA_NAME, "n")]).expect("valid");
        assert_eq!(
            error_text(t.change(record(Value::Int8(1)))),
            "Schema required for [updating schema metadata]"
        );
        let mut input = record(Value::Int8(1));
        input.value.schema = Some(Schema::int8());
        assert_eq!(error_text(t.change(input)), "Cannot list fields on non-struct type");
    }
}
