//! Flatten: lifts the fields of nested structs and maps to the top, their names joined.

mod maps;

use std::sync::Arc;

use gantry_model::config::{ConfigDef, ConfigKey, Importance, ParsedConfig, Type};
use gantry_model::plugin::{Fate, Plugin, Transformation};
use gantry_model::schema::Field;
use gantry_model::{ConnectRecord, Datum, Error, Fields, Kind, Result, Schema, Str, Struct, Value};

use crate::support::{
    SchemaCache, Side, check_put_one, copy_basics, fields_of, keyed, shared_map, struct_of,
};
use maps::MapFlattener;

const PURPOSE: &str = "flattening";
const DELIMITER: &str = "delimiter";
/// How deep maps may be nested; a value that goes deeper is refused.
const MAX_DEPTH: usize = 128;

struct Flatten {
    side: Side,
    delimiter: String,
    schemas: SchemaCache<Schema>,
    maps: MapFlattener,
}

pub(crate) fn plugins() -> [Plugin<dyn Transformation>; 2] {
    keyed("Flatten", config, |config: &ParsedConfig, side| {
        Ok(Box::new(Flatten {
            side,
            delimiter: config.string(DELIMITER).unwrap_or_default().to_owned(),
            schemas: SchemaCache::new(),
            maps: MapFlattener::default(),
        }))
    })
}

fn config() -> ConfigDef {
    ConfigDef::new().define(ConfigKey::new(
        DELIMITER,
        Type::String,
        ".",
        Importance::Medium,
        "What stands between the names of the levels in a new name.",
    ))
}

fn joined(prefix: &str, delimiter: &str, name: &str) -> String {
    if prefix.is_empty() { name.to_owned() } else { format!("{prefix}{delimiter}{name}") }
}

fn too_deep() -> Error {
    Error::data(format!("Flatten transformation does not support more than {MAX_DEPTH} levels"))
}

/// Builds the flat schema.
struct Flattener<'a> {
    delimiter: &'a str,
    fields: Vec<(Str, Schema)>,
}

impl Flattener<'_> {
    /// Adds the fields of a struct schema. Fields of an optional struct are optional, and take
    /// their defaults from the struct's default where they have none.
    fn add(
        &mut self,
        schema: &Schema,
        prefix: &str,
        optional: bool,
        default: Option<&Struct>,
    ) -> Result<()> {
        for field in fields_of(schema)?.list() {
            let name = joined(prefix, self.delimiter, &field.name);
            let source = &field.schema;
            let optional = optional || source.is_optional();
            let own = source.default_value();
            let default = own.or_else(|| default.map(|parent| parent.get_at(field)));
            let default = default.filter(|value| !value.is_null());
            match source.kind() {
                Kind::Struct(_) => {
                    let default = match default {
                        Some(Value::Struct(inner)) => Some(&**inner),
                        _ => None,
                    };
                    self.add(source, &name, optional, default)?;
                }
                Kind::Map { .. } => return Err(no_maps(&name)),
                kind => {
                    let flat = copy_basics(source, kind.clone())
                        .set_optional(optional)
                        .default_value(default.cloned())
                        .build()?;
                    self.fields.push((name.into(), flat));
                }
            }
        }
        Ok(())
    }
}

fn no_maps(field: &str) -> Error {
    Error::data(format!(
        "Flatten transformation does not support MAP for record with schemas (for field {field})."
    ))
}

fn flat_schema(source: &Schema, delimiter: &str) -> Result<Schema> {
    let mut flattener = Flattener { delimiter, fields: Vec::new() };
    let default = match source.default_value() {
        Some(Value::Struct(inner)) => Some(&**inner),
        _ => None,
    };
    flattener.add(source, "", source.is_optional(), default)?;
    let kind = Kind::Struct(Arc::new(Fields::new(flattener.fields)?));
    Ok(copy_basics(source, kind).build_plain())
}

/// Appends the values of a struct in the order of the flat schema; of a null struct, nulls.
fn flat_values(
    schema: &Schema,
    value: Option<&Struct>,
    flat_fields: &[Field],
    flat: &mut Vec<Value>,
) -> Result<()> {
    for field in fields_of(schema)?.list() {
        let inner = value.map_or(&Value::Null, |value| value.get_at(field));
        if matches!(field.schema.kind(), Kind::Struct(_)) {
            let inner = match inner {
                Value::Struct(inner) => Some(&**inner),
                _ => None,
            };
            flat_values(&field.schema, inner, flat_fields, flat)?;
            continue;
        }
        // The fields of a null struct are null, required or not: Java never puts them.
        if value.is_some()
            && let Some(field) = flat_fields.get(flat.len())
        {
            check_put_one(field, inner)?;
        }
        flat.push(inner.clone());
    }
    Ok(())
}

impl Transformation for Flatten {
    fn apply(&mut self, record: &mut ConnectRecord) -> Result<Fate> {
        let Datum { schema, value } = self.side.datum_mut(record);
        if value.is_null() {
            return Ok(Fate::Keep);
        }
        let Some(source) = schema else {
            let flat = self.maps.flatten(shared_map(value, PURPOSE)?, &self.delimiter)?;
            *value = Value::map(flat);
            return Ok(Fate::Keep);
        };
        let inner = struct_of(value, PURPOSE)?;
        let flat = self.schemas.get(source, |source| flat_schema(source, &self.delimiter))?;
        let fields = fields_of(flat)?.list();
        let mut values = Vec::with_capacity(fields.len());
        flat_values(inner.schema(), Some(&inner), fields, &mut values)?;
        *value = Value::Struct(Arc::new(Struct::from_values(flat.clone(), values)));
        *schema = Some(flat.clone());
        Ok(Fate::Keep)
    }
}

#[cfg(test)]
mod tests {
    use gantry_model::SchemaBuilder;

    use super::*;
    use crate::tests::{Change, error_text, make, map, record, schema_of_struct, struct_record};

    const CLASS: &str = "Flatten$Value";

    #[test]
    fn a_null_struct_leaves_optional_nulls() {
        let schema = SchemaBuilder::structure(vec![("s".into(), schema_of_struct(true))])
            .expect("distinct names")
            .build_plain();
        let mut input =
            record(Value::Struct(Arc::new(Struct::from_values(schema.clone(), vec![Value::Null]))));
        input.value.schema = Some(schema);
        let mut t = make(CLASS, &[(DELIMITER, "_")]).expect("valid");
        let out = t.change(input).expect("applies").expect("kept").value;
        let Value::Struct(inner) = out.value else { panic!("a struct") };
        assert_eq!(inner.values(), &[Value::Null, Value::Null]);
        let id = inner.schema().field("s_id").expect("lifted");
        assert!(id.schema.is_optional());
    }

    #[test]
    fn nested_maps_are_lifted_and_empty_ones_vanish() {
        let inner = map(&[("b", Value::Int8(1)), ("e", map(&[]))]);
        let mut t = make(CLASS, &[]).expect("valid");
        let out = t.change(record(map(&[("a", inner)]))).expect("applies").expect("kept");
        assert_eq!(out.value.value, map(&[("a.b", Value::Int8(1))]));
    }

    #[test]
    fn a_struct_without_schema_and_endless_maps_are_refused() {
        let mut t = make(CLASS, &[]).expect("valid");
        let odd = map(&[("a", struct_record().value.value)]);
        assert!(error_text(t.change(record(odd))).contains("does not support"));
        let mut deep = map(&[]);
        for _ in 0..=MAX_DEPTH {
            deep = map(&[("a", deep)]);
        }
        assert!(error_text(t.change(record(deep))).contains("levels"));
    }
}
