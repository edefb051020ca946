//! HoistField: wraps the whole key or value into a map or struct with one field.

use std::sync::Arc;

use gantry_model::config::{ConfigDef, ConfigKey, Importance, ParsedConfig, Type};
use gantry_model::plugin::{Fate, Plugin, Transformation};
use gantry_model::{
    ConnectRecord, Datum, MapValue, Result, Schema, SchemaBuilder, Str, Struct, Value,
};

use crate::support::{SchemaCache, Side, keyed};

const FIELD: &str = "field";
/// Room in a new map: most chains add a few fields afterwards.
const ROOM: usize = 4;

struct HoistField {
    side: Side,
    name: Str,
    key: Value,
    schemas: SchemaCache<Schema>,
}

pub(crate) fn plugins() -> [Plugin<dyn Transformation>; 2] {
    keyed("HoistField", config, |config: &ParsedConfig, side| {
        let name = config.string(FIELD).unwrap_or_default();
        Ok(Box::new(HoistField {
            side,
            name: name.into(),
            key: Value::str(name),
            schemas: SchemaCache::new(),
        }))
    })
}

fn config() -> ConfigDef {
    ConfigDef::new().define(ConfigKey::required(
        FIELD,
        Type::String,
        Importance::Medium,
        "Name of the one field in the new map or struct.",
    ))
}

impl Transformation for HoistField {
    fn apply(&mut self, record: &mut ConnectRecord) -> Result<Fate> {
        let Datum { schema, value } = self.side.datum_mut(record);
        let Some(inner_schema) = schema else {
            let mut entries = Vec::with_capacity(ROOM);
            entries.push((self.key.clone(), std::mem::take(value)));
            *value = Value::map(MapValue::from_distinct(entries));
            return Ok(Fate::Keep);
        };
        let hoisted = self.schemas.get(inner_schema, |inner| {
            Ok(SchemaBuilder::structure(vec![(Str::clone(&self.name), inner.clone())])?
                .build_plain())
        })?;
        Schema::validate_field(Some(&self.name), inner_schema, value)?;
        let inner = std::mem::take(value);
        *value = Value::Struct(Arc::new(Struct::from_values(hoisted.clone(), vec![inner])));
        *schema = Some(hoisted.clone());
        Ok(Fate::Keep)
    }
}

#[cfg(test)]
mod tests {
    use gantry_model::Value;

    use super::*;
    use crate::tests::{Change, error_text, make, map, record};

    #[test]
    fn the_field_is_required() {
        assert_eq!(
            error_text(make("HoistField$Value", &[])),
            "Missing required configuration \"field\" which has no default value."
        );
    }

    #[test]
    fn an_empty_name_fits_a_map_only() {
        let mut t = make("HoistField$Value", &[("field", "")]).expect("valid");
        let out = t.change(record(Value::Int8(1))).expect("applies").expect("kept");
        assert_eq!(out.value.value, map(&[("", Value::Int8(1))]));
        let mut input = record(Value::Int8(1));
        input.value.schema = Some(Schema::int8());
        assert_eq!(error_text(t.change(input)), "fieldName cannot be null.");
    }

    #[test]
    fn a_value_that_does_not_fit_its_schema_is_refused() {
        let mut t = make("HoistField$Value", &[("field", "h")]).expect("valid");
        let mut input = record(Value::Null);
        input.value.schema = Some(Schema::int8());
        assert_eq!(
            error_text(t.change(input)),
            "Invalid value: null used for required field: \"h\", schema type: INT8"
        );
    }
}
