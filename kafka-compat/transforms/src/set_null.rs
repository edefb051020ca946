//! RocketMQ Connect's SetNull: makes the key or value null, or some fields of it.

use std::sync::Arc;

use gantry_model::config::{ConfigDef, ConfigKey, Importance, ParsedConfig, Type};
use gantry_model::plugin::{Fate, Plugin, Transformation};
use gantry_model::{ConnectRecord, Datum, Result, Schema, Str, Struct, Value};

use crate::support::{
    SchemaCache, Side, fields_of, map_of, rocketmq_keyed, struct_of, struct_values, unique_map,
    value_list, with_fields,
};

const PURPOSE: &str = "set fields to null";
const FIELDS: &str = "fields";

struct SetNull {
    side: Side,
    /// None: all of it.
    fields: Vec<String>,
    schemas: SchemaCache<Plan>,
}

/// What is done to the structs of one schema.
struct Plan {
    nulled: Vec<usize>,
    schema: Schema,
}

pub(crate) fn plugins() -> [Plugin<dyn Transformation>; 2] {
    rocketmq_keyed("SetNull", config, |config: &ParsedConfig, side| {
        let fields = config.list(FIELDS).to_vec();
        Ok(Box::new(SetNull { side, fields, schemas: SchemaCache::new() }))
    })
}

fn config() -> ConfigDef {
    ConfigDef::new().define(
        ConfigKey::new(
            FIELDS,
            Type::List,
            "",
            Importance::High,
            "Names of fields to set to null; their schemas become optional and lose their \
             defaults. Without any, the whole key or value becomes null, without a schema.",
        )
        .validator(value_list(true)),
    )
}

impl SetNull {
    fn plan(fields: &[String], source: &Schema) -> Result<Plan> {
        let old = fields_of(source)?.list();
        let wanted = |name: &str| fields.iter().any(|field| field == name);
        let nulled: Vec<usize> =
            old.iter().filter(|field| wanted(&field.name)).map(|field| field.index).collect();
        let takes_null = |schema: &Schema| schema.is_optional() && schema.default_value().is_none();
        if old.iter().filter(|field| wanted(&field.name)).all(|field| takes_null(&field.schema)) {
            return Ok(Plan { nulled, schema: source.clone() });
        }
        let changed = old.iter().map(|field| {
            let schema = if wanted(&field.name) && !takes_null(&field.schema) {
                // With a default, null would be read as that.
                field.schema.to_builder().optional().default_value(None).build_plain()
            } else {
                field.schema.clone()
            };
            (Str::clone(&field.name), schema)
        });
        let schema = with_fields(source, changed.collect())?;
        Ok(Plan { nulled, schema })
    }
}

impl Transformation for SetNull {
    fn apply(&mut self, record: &mut ConnectRecord) -> Result<Fate> {
        let Self { side, fields, schemas } = self;
        let datum = side.datum_mut(record);
        if fields.is_empty() {
            *datum = Datum::NULL;
            return Ok(Fate::Keep);
        }
        let Datum { schema, value } = datum;
        match (schema, &*value) {
            (_, Value::Null) => {}
            (None, _) => {
                let map = map_of(value, PURPOSE)?;
                let is_set = |name: &&String| map.get(name).is_some_and(|value| !value.is_null());
                let set: Vec<&String> = fields.iter().filter(is_set).collect();
                if !set.is_empty() {
                    let map = unique_map(value, PURPOSE)?;
                    for name in set {
                        map.insert(Value::str(name), Value::Null);
                    }
                }
            }
            (Some(schema), _) => {
                let inner = struct_of(value, PURPOSE)?;
                let plan = schemas.get(inner.schema(), |source| Self::plan(fields, source))?;
                let mut values = struct_values(inner);
                for &index in &plan.nulled {
                    if let Some(slot) = values.get_mut(index) {
                        *slot = Value::Null;
                    }
                }
                *schema = plan.schema.clone();
                *value = Value::Struct(Arc::new(Struct::from_values(plan.schema.clone(), values)));
            }
        }
        Ok(Fate::Keep)
    }
}

#[cfg(test)]
mod tests {
    use gantry_model::{Header, Kind, SchemaBuilder};

    use super::*;
    use crate::tests::{Change, error_text, make, map, record, struct_record};

    #[test]
    fn without_fields_all_becomes_null_and_the_rest_stays() {
        for side in ["Key", "Value"] {
            let mut t = make(&format!("SetNull${side}"), &[]).expect("valid");
            let mut input = struct_record();
            input.key = input.value.clone();
            input.headers = vec![Header { key: "h".into(), datum: Datum::NULL }];
            let mut expected = input.clone();
            let nulled = if side == "Key" { &mut expected.key } else { &mut expected.value };
            *nulled = Datum::NULL;
            let out = t.change(input).expect("applies").expect("kept");
            assert_eq!((out.key, out.value), (expected.key, expected.value));
            assert_eq!(out.headers.len(), 1);
        }
    }

    #[test]
    fn a_required_field_and_one_with_a_default_become_null_for_all_who_read() {
        let mut t = make("SetNull$Value", &[("fields", "id, d, nope")]).expect("valid");
        let mut first = None;
        for _ in 0..2 {
            let out = t.change(struct_record()).expect("applies").expect("kept");
            let schema = out.value.schema.expect("a schema");
            let Value::Struct(inner) = &out.value.value else { panic!("a struct") };
            inner.validate().expect("fits");
            assert!(inner.schema().same(&schema));
            assert_eq!(inner.get("id").expect("a field"), &Value::Null);
            assert_eq!(inner.get("d").expect("a field"), &Value::Null);
            // Built once.
            assert!(first.get_or_insert_with(|| schema.clone()).same(&schema));
        }
    }

    #[test]
    fn a_field_that_takes_null_leaves_the_schema_as_it_is() {
        let optional = SchemaBuilder::new(Kind::Int8).optional().build_plain();
        let schema = SchemaBuilder::structure(vec![("a".into(), optional)]).expect("distinct");
        let schema = schema.build_plain();
        let mut input = record(Value::Struct(Arc::new(Struct::from_values(
            schema.clone(),
            vec![Value::Int8(1)],
        ))));
        input.value.schema = Some(schema.clone());
        let mut t = make("SetNull$Value", &[("fields", "a")]).expect("valid");
        let out = t.change(input).expect("applies").expect("kept");
        assert!(out.value.schema.expect("a schema").same(&schema));
        let Value::Struct(inner) = &out.value.value else { panic!("a struct") };
        assert_eq!(inner.values(), [Value::Null]);
    }

    #[test]
    fn fields_of_maps_become_null_where_they_are() {
        let mut t = make("SetNull$Value", &[("fields", "a,x")]).expect("valid");
        let input = record(map(&[("a", Value::Int8(1)), ("b", Value::Int8(2))]));
        let out = t.change(input.clone()).expect("applies").expect("kept");
        assert_eq!(out.value.value, map(&[("a", Value::Null), ("b", Value::Int8(2))]));
        assert_eq!(input.value.value, map(&[("a", Value::Int8(1)), ("b", Value::Int8(2))]));
        let out = t.change(record(Value::Null)).expect("applies").expect("kept");
        assert_eq!(out.value, Datum::NULL);
        let text = error_text(t.change(record(Value::str("a"))));
        assert!(text.contains("[set fields to null], found: java.lang.String"), "{text}");
        assert_eq!(
            error_text(make("SetNull$Value", &[("fields", "a,")])),
            "Configuration 'fields' values must not be empty."
        );
    }
}
