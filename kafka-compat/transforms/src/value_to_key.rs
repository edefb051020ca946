//! ValueToKey: makes a key of some fields of the value.

use gantry_model::config::{ConfigDef, ConfigKey, Importance, ParsedConfig, Type};
use gantry_model::plugin::{Fate, Plugin, Transformation};
use gantry_model::{
    ConnectRecord, Datum, Error, MapValue, Result, Schema, SchemaBuilder, Str, Value,
};

use crate::support::{
    SchemaCache, map_of, put_all, replace_null, replace_null_key, single, struct_ref, value_list,
};

const PURPOSE: &str = "copying fields from value to key";
const FIELDS: &str = "fields";

struct ValueToKey {
    /// Names of the fields, each with its key in schemaless maps.
    fields: Vec<(Str, Value)>,
    /// How many fields the configuration names.
    capacity: usize,
    replace_null: bool,
    schemas: SchemaCache<Plan>,
}

/// The key's schema and the indices of its fields in the value.
struct Plan {
    schema: Schema,
    sources: Vec<usize>,
}

pub(crate) fn plugin() -> Plugin<dyn Transformation> {
    single("ValueToKey", config, |config: &ParsedConfig| {
        let mut fields: Vec<(Str, Value)> = Vec::new();
        for name in config.list(FIELDS) {
            // A field named twice would make a struct with two fields of one name.
            if !fields.iter().any(|(known, _)| **known == **name) {
                fields.push((name.as_str().into(), Value::str(name)));
            }
        }
        Ok(Box::new(ValueToKey {
            fields,
            capacity: config.list(FIELDS).len(),
            replace_null: replace_null(config),
            schemas: SchemaCache::new(),
        }))
    })
}

fn config() -> ConfigDef {
    ConfigDef::new()
        .define(
            ConfigKey::required(
                FIELDS,
                Type::List,
                Importance::High,
                "Names of the value's fields that make up the key, in this order.",
            )
            .validator(value_list(false)),
        )
        .define(replace_null_key())
}

impl ValueToKey {
    fn plan(source: &Schema, names: &[(Str, Value)]) -> Result<Plan> {
        let mut fields = Vec::with_capacity(names.len());
        let mut sources = Vec::with_capacity(names.len());
        for (name, _) in names {
            let field = source
                .field(name)
                .ok_or_else(|| Error::data(format!("Field does not exist: {name}")))?;
            fields.push((Str::clone(name), field.schema.clone()));
            sources.push(field.index);
        }
        Ok(Plan { schema: SchemaBuilder::structure(fields)?.build_plain(), sources })
    }
}

impl Transformation for ValueToKey {
    fn apply(&mut self, record: &mut ConnectRecord) -> Result<Fate> {
        if record.value.schema.is_none() {
            let map = map_of(&record.value.value, PURPOSE)?;
            let picked = self
                .fields
                .iter()
                .map(|(name, key)| (key.clone(), map.get(name).cloned().unwrap_or_default()));
            let key = MapValue::from_distinct(picked.collect()).into_hash_map_for(self.capacity);
            record.key = Datum::schemaless(Value::map(key));
            return Ok(Fate::Keep);
        }
        let inner = struct_ref(&record.value.value, PURPOSE)?;
        let plan = self.schemas.get(inner.schema(), |source| Self::plan(source, &self.fields))?;
        let fields = inner.schema().fields().map_or(&[][..], |fields| fields.list());
        let picked = plan.sources.iter().map(|&index| match fields.get(index) {
            Some(field) if self.replace_null => inner.get_at(field).clone(),
            _ => inner.values().get(index).cloned().unwrap_or_default(),
        });
        let key = put_all(&plan.schema, picked.collect())?;
        record.key = Datum::new(plan.schema.clone(), key);
        Ok(Fate::Keep)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::{Change, error_text, make, struct_record};

    #[test]
    fn an_unknown_field_is_an_error() {
        let mut t = make("ValueToKey", &[("fields", "id,zz")]).expect("valid");
        assert_eq!(error_text(t.change(struct_record())), "Field does not exist: zz");
    }

    #[test]
    fn fields_are_copied_in_the_order_given() {
        let mut t = make("ValueToKey", &[("fields", "d,id,d")]).expect("valid");
        let out = t.change(struct_record()).expect("applies").expect("kept");
        let Value::Struct(key) = &out.key.value else { panic!("a struct") };
        assert_eq!(key.values(), &[Value::Int32(9), Value::Int32(1)]);
        assert_eq!(out.value, struct_record().value);
    }
}
