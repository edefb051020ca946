//! RocketMQ Connect's ExtractNestedField: copies a field of a struct within the key or value to
//! the top.

use std::sync::Arc;

use gantry_model::config::{ConfigDef, ConfigKey, Importance, ParsedConfig, Type, Validator};
use gantry_model::plugin::{Fate, Plugin, Transformation};
use gantry_model::{ConnectRecord, Datum, Error, Result, Schema, Str, Struct, Value};

use crate::support::{
    SchemaCache, Side, fields_of, map_of, map_or_null, rocketmq_keyed, struct_of, struct_or_null,
    struct_values, unique_map, with_fields,
};

const PURPOSE: &str = "extract nested field";
const OUTER: &str = "input.outer.field.name";
const INNER: &str = "input.inner.field.name";
const OUTPUT: &str = "output.field.name";

struct ExtractNestedField {
    side: Side,
    names: Names,
    schemas: SchemaCache<Plan>,
}

struct Names {
    outer: String,
    inner: String,
    output: Str,
    /// The key of the new field in maps.
    output_key: Value,
}

/// Where the value is found in structs of one schema, and what becomes of them.
struct Plan {
    outer: usize,
    inner: usize,
    schema: Schema,
}

pub(crate) fn plugins() -> [Plugin<dyn Transformation>; 2] {
    rocketmq_keyed("ExtractNestedField", config, |config: &ParsedConfig, side| {
        let text = |key: &str| config.string(key).unwrap_or_default().to_owned();
        let inner = text(INNER);
        let output = config.string(OUTPUT).unwrap_or(&inner);
        let names = Names {
            outer: text(OUTER),
            output: output.into(),
            output_key: Value::str(output),
            inner,
        };
        Ok(Box::new(ExtractNestedField { side, names, schemas: SchemaCache::new() }))
    })
}

fn config() -> ConfigDef {
    let high = Importance::High;
    ConfigDef::new()
        .define(
            ConfigKey::required(
                OUTER,
                Type::String,
                high,
                "Name of the field that holds the inner struct or map.",
            )
            .validator(Validator::NonEmptyString),
        )
        .define(
            ConfigKey::required(
                INNER,
                Type::String,
                high,
                "Name of the field in the inner struct or map whose value is copied.",
            )
            .validator(Validator::NonEmptyString),
        )
        .define(
            ConfigKey::nullable(
                OUTPUT,
                Type::String,
                high,
                "Name of the new field that gets the value. Without it, the name of the inner \
                 field.",
            )
            .validator(Validator::NonEmptyString),
        )
}

impl Names {
    fn plan(&self, source: &Schema) -> Result<Plan> {
        let fields = fields_of(source)?;
        let missing = |name: &str, place: &str| {
            Error::data(format!("Unknown field \"{name}\" in {place} for [{PURPOSE}]"))
        };
        let outer = fields.get(&self.outer).ok_or_else(|| missing(&self.outer, "the record"))?;
        let inner_fields = outer.schema.fields().ok_or_else(|| {
            Error::data(format!(
                "Only Struct objects supported for [{PURPOSE}], field \"{}\" is: {}",
                self.outer,
                outer.schema.kind().type_name()
            ))
        })?;
        let inner = inner_fields
            .get(&self.inner)
            .ok_or_else(|| missing(&self.inner, &format!("field \"{}\"", self.outer)))?;
        if fields.get(&self.output).is_some() {
            return Err(self.taken());
        }
        // Without an outer struct there is no value.
        let optional = outer.schema.is_optional() && !inner.schema.is_optional();
        let copied = if optional {
            inner.schema.to_builder().optional().build_plain()
        } else {
            inner.schema.clone()
        };
        let all = fields.list().iter().map(|field| (Str::clone(&field.name), field.schema.clone()));
        let all = all.chain([(Str::clone(&self.output), copied)]).collect();
        Ok(Plan { outer: outer.index, inner: inner.index, schema: with_fields(source, all)? })
    }

    fn taken(&self) -> Error {
        Error::data(format!(
            "Field \"{}\" exists already for [{PURPOSE}]: set {OUTPUT} to another name",
            self.output
        ))
    }

    fn in_map(&self, value: &mut Value) -> Result<()> {
        let map = map_of(value, PURPOSE)?;
        if map.get(&self.output).is_some() {
            return Err(self.taken());
        }
        let outer = map.get(&self.outer).unwrap_or(&Value::Null);
        let found = map_or_null(outer, PURPOSE)?.and_then(|outer| outer.get(&self.inner)).cloned();
        unique_map(value, PURPOSE)?.insert(self.output_key.clone(), found.unwrap_or_default());
        Ok(())
    }
}

impl Transformation for ExtractNestedField {
    fn apply(&mut self, record: &mut ConnectRecord) -> Result<Fate> {
        let Self { side, names, schemas } = self;
        let Datum { schema, value } = side.datum_mut(record);
        match (schema, &*value) {
            (_, Value::Null) => {}
            (None, _) => names.in_map(value)?,
            (Some(schema), _) => {
                let source = struct_of(value, PURPOSE)?;
                let plan = schemas.get(source.schema(), |schema| names.plan(schema))?;
                let outer = source.values().get(plan.outer).unwrap_or(&Value::Null);
                let found = struct_or_null(outer, PURPOSE)?
                    .and_then(|outer| outer.values().get(plan.inner))
                    .cloned();
                let mut values = struct_values(source);
                values.push(found.unwrap_or_default());
                *schema = plan.schema.clone();
                *value = Value::Struct(Arc::new(Struct::from_values(plan.schema.clone(), values)));
            }
        }
        Ok(Fate::Keep)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::{Change, error_text, make, map, record, struct_record};
    use gantry_model::SchemaBuilder;

    const CLASS: &str = "ExtractNestedField$Value";
    const BASIC: [(&str, &str); 2] = [(OUTER, "address"), (INNER, "state")];

    fn structure(fields: &[(&str, Schema)], optional: bool) -> Schema {
        let fields = fields.iter().map(|(name, schema)| ((*name).into(), schema.clone()));
        let builder = SchemaBuilder::structure(fields.collect()).expect("distinct");
        builder.set_optional(optional).build_plain()
    }

    /// `{id, address: {city, state}}`; no address where it is null.
    fn customer(optional: bool, state: Option<Value>) -> ConnectRecord {
        let address =
            structure(&[("city", Schema::string()), ("state", Schema::string())], optional);
        let schema = structure(&[("id", Schema::int32()), ("address", address.clone())], false);
        let schema = schema.to_builder().name(Some("customer".into())).build_plain();
        let inner = state.map_or(Value::Null, |state| {
            Value::Struct(Arc::new(Struct::from_values(address, vec![Value::str("Austin"), state])))
        });
        let values = vec![Value::Int32(1), inner];
        let mut record =
            record(Value::Struct(Arc::new(Struct::from_values(schema.clone(), values))));
        record.value.schema = Some(schema);
        record
    }

    fn extracted(config: &[(&str, &str)], input: ConnectRecord) -> Result<ConnectRecord> {
        Ok(make(CLASS, config)?.change(input)?.expect("kept"))
    }

    #[test]
    fn the_value_is_copied_under_the_output_name() {
        let config = [BASIC[0], BASIC[1], (OUTPUT, "region")];
        let input = customer(false, Some(Value::str("tx")));
        let mut t = make(CLASS, &config).expect("valid");
        let mut first = None;
        for _ in 0..2 {
            let out = t.change(input.clone()).expect("applies").expect("kept");
            let schema = out.value.schema.expect("a schema");
            assert_eq!(schema.name().map(|name| &**name), Some("customer"));
            let names: Vec<_> =
                schema.fields().expect("fields").list().iter().map(|f| &*f.name).collect();
            assert_eq!(names, ["id", "address", "region"]);
            assert_eq!(schema.field("region").expect("new").schema, Schema::string());
            let Value::Struct(inner) = &out.value.value else { panic!("a struct") };
            inner.validate().expect("fits");
            assert_eq!(inner.get("region").expect("new"), &Value::str("tx"));
            assert!(first.get_or_insert_with(|| schema.clone()).same(&schema), "built once");
        }
    }

    #[test]
    fn without_an_output_name_it_is_that_of_the_inner_field() {
        let out = extracted(&BASIC, customer(false, Some(Value::str("tx")))).expect("extracts");
        let Value::Struct(inner) = &out.value.value else { panic!("a struct") };
        assert_eq!(inner.get("state").expect("new"), &Value::str("tx"));
    }

    #[test]
    fn without_the_outer_struct_the_new_field_is_null() {
        let out = extracted(&BASIC, customer(true, None)).expect("extracts");
        let Value::Struct(inner) = &out.value.value else { panic!("a struct") };
        inner.validate().expect("fits");
        assert_eq!(inner.get("state").expect("new"), &Value::Null);
        assert!(inner.schema().field("state").expect("new").schema.is_optional());
    }

    #[test]
    fn maps_within_maps_are_looked_into() {
        let address = map(&[("state", Value::str("tx"))]);
        let input = map(&[("address", address.clone())]);
        let out = extracted(&BASIC, record(input)).expect("extracts");
        assert_eq!(out.value.value, map(&[("address", address), ("state", Value::str("tx"))]));
        for (input, what) in [
            (map(&[("address", Value::Null)]), "a null"),
            (map(&[]), "nothing"),
            (map(&[("address", map(&[]))]), "an empty map"),
        ] {
            let out = extracted(&BASIC, record(input)).expect("extracts");
            let Value::Map(out) = out.value.value else { panic!("a map") };
            assert_eq!(out.get("state"), Some(&Value::Null), "{what}");
        }
        let text = error_text(extracted(&BASIC, record(map(&[("address", Value::Int8(1))]))));
        assert!(text.contains("[extract nested field], found: java.lang.Byte"), "{text}");
    }

    #[test]
    fn what_is_there_already_is_not_overwritten() {
        let taken = "Field \"id\" exists already for [extract nested field]: set \
                     output.field.name to another name";
        let config = [BASIC[0], BASIC[1], (OUTPUT, "id")];
        assert_eq!(error_text(extracted(&config, customer(true, None))), taken);
        assert_eq!(error_text(extracted(&config, record(map(&[("id", Value::Null)])))), taken);
    }

    #[test]
    fn names_that_are_not_there_are_told() {
        let told =
            |outer, inner, input| error_text(extracted(&[(OUTER, outer), (INNER, inner)], input));
        let given = || customer(false, Some(Value::str("tx")));
        assert_eq!(
            told("nope", "state", given()),
            "Unknown field \"nope\" in the record for [extract nested field]"
        );
        assert_eq!(
            told("address", "nope", given()),
            "Unknown field \"nope\" in field \"address\" for [extract nested field]"
        );
        assert_eq!(
            told("id", "state", given()),
            "Only Struct objects supported for [extract nested field], field \"id\" is: INT32"
        );
        let mut text = record(Value::str("a"));
        text.value.schema = Some(Schema::string());
        assert!(told("a", "b", text).contains("found: java.lang.String"));
    }

    #[test]
    fn nulls_pass_and_the_configuration_is_checked() {
        let mut tombstone = struct_record();
        tombstone.value.value = Value::Null;
        for null in [tombstone, record(Value::Null)] {
            assert_eq!(extracted(&BASIC, null.clone()).expect("passes").value, null.value);
        }
        assert!(error_text(make(CLASS, &[BASIC[0]])).contains(INNER));
        assert!(error_text(make(CLASS, &[BASIC[1]])).contains(OUTER));
        let text = error_text(make(CLASS, &[BASIC[0], BASIC[1], (OUTPUT, "")]));
        assert_eq!(
            text,
            "Invalid value  for configuration output.field.name: String must be non-empty"
        );
    }
}
