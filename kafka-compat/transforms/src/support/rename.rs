//! Giving all fields of a struct or map other names.

use std::collections::HashMap;
use std::sync::Arc;

use gantry_model::{ConnectRecord, Datum, Error, MapValue, Result, Schema, Str, Struct, Value};

use super::cache::SchemaCache;
use super::require::{map_of, no_text_key, struct_of, unique_map};
use super::side::Side;
use super::structs::{fields_of, struct_values, with_fields};

/// Renames fields, and remembers what that makes of a schema. A null stays as it is.
pub(crate) struct FieldRenamer {
    side: Side,
    purpose: &'static str,
    /// `None` where no name changes.
    schemas: SchemaCache<Option<Schema>>,
}

impl FieldRenamer {
    pub(crate) fn new(side: Side, purpose: &'static str) -> Self {
        Self { side, purpose, schemas: SchemaCache::new() }
    }

    /// Renames by `rename`, which gives nothing for a name that stays. Two fields that would get
    /// one name are a `DataException`: one of them would be lost.
    pub(crate) fn apply(
        &mut self,
        record: &mut ConnectRecord,
        rename: impl Fn(&str) -> Result<Option<String>>,
    ) -> Result<()> {
        let Datum { schema, value } = self.side.datum_mut(record);
        match (schema, &*value) {
            (_, Value::Null) => {}
            (None, _) | (Some(_), Value::Map(_)) => rename_keys(value, self.purpose, rename)?,
            (Some(schema), _) => {
                let inner = struct_of(value, self.purpose)?;
                let renamed = self
                    .schemas
                    .get(inner.schema(), |source| renamed_schema(source, self.purpose, rename))?;
                *value = match renamed {
                    None => Value::Struct(inner),
                    Some(renamed) => {
                        *schema = renamed.clone();
                        let values = struct_values(inner);
                        Value::Struct(Arc::new(Struct::from_values(renamed.clone(), values)))
                    }
                };
            }
        }
        Ok(())
    }
}

fn renamed_schema(
    source: &Schema,
    purpose: &str,
    rename: impl Fn(&str) -> Result<Option<String>>,
) -> Result<Option<Schema>> {
    let old = fields_of(source)?.list();
    let mut changed = false;
    let mut fields: Vec<(Str, Schema)> = Vec::with_capacity(old.len());
    for field in old {
        let new = rename(&field.name)?;
        changed |= new.is_some();
        let name = new.map_or_else(|| Str::clone(&field.name), Str::from);
        fields.push((name, field.schema.clone()));
    }
    if !changed {
        return Ok(None);
    }
    distinct(old.iter().map(|f| &*f.name).zip(fields.iter().map(|(name, _)| &**name)), purpose)?;
    with_fields(source, fields).map(Some)
}

fn rename_keys(
    value: &mut Value,
    purpose: &str,
    rename: impl Fn(&str) -> Result<Option<String>>,
) -> Result<()> {
    let map: &MapValue = map_of(value, purpose)?;
    let mut changed = Vec::new();
    let mut names = Vec::with_capacity(map.len());
    for (position, (key, _)) in map.entries().iter().enumerate() {
        let old = key.as_str().ok_or_else(|| no_text_key(key))?;
        let new = rename(old)?;
        names.push((old, new.clone()));
        changed.extend(new.map(|new| (position, new)));
    }
    if changed.is_empty() {
        return Ok(());
    }
    distinct(names.iter().map(|(old, new)| (*old, new.as_deref().unwrap_or(old))), purpose)?;
    let map = unique_map(value, purpose)?;
    let is_hashed = map.is_hashed();
    let mut entries = std::mem::take(map).into_entries();
    for (position, new) in changed {
        if let Some((key, _)) = entries.get_mut(position) {
            *key = Value::str(&new);
        }
    }
    let renamed = MapValue::from_distinct(entries);
    *map = if is_hashed { renamed.into_hash_map() } else { renamed };
    Ok(())
}

/// Fails when two fields get one name. Takes old names with new ones.
fn distinct<'a>(names: impl Iterator<Item = (&'a str, &'a str)>, purpose: &str) -> Result<()> {
    let mut taken = HashMap::new();
    for (old, new) in names {
        if let Some(first) = taken.insert(new, old) {
            return Err(Error::data(format!(
                "Fields \"{first}\" and \"{old}\" would both be called \"{new}\" for [{purpose}]"
            )));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::tests::record;

    /// A record with these fields, numbered: as a map, or as a struct.
    fn numbered(names: &BTreeSet<String>, with_schema: bool) -> ConnectRecord {
        let numbers = (0..names.len()).map(|n| Value::Int64(n as i64));
        if !with_schema {
            let entries = names.iter().map(|name| Value::str(name)).zip(numbers);
            return record(Value::map(MapValue::from_distinct(entries.collect())));
        }
        let fields = names.iter().map(|name| (name.as_str().into(), Schema::int64()));
        let builder = gantry_model::SchemaBuilder::structure(fields.collect()).expect("distinct");
        let schema = builder.build_plain();
        let inner = Struct::from_values(schema.clone(), numbers.collect());
        let mut record = record(Value::Struct(Arc::new(inner)));
        record.value.schema = Some(schema);
        record
    }

    /// Names and values in order.
    fn fields(record: &ConnectRecord) -> Vec<(String, Value)> {
        match &record.value.value {
            Value::Map(map) => map
                .entries()
                .iter()
                .map(|(key, value)| (key.as_str().expect("a text").to_owned(), value.clone()))
                .collect(),
            Value::Struct(inner) => {
                inner.validate().expect("fits");
                assert!(record.value.schema.as_ref().expect("one").same(inner.schema()));
                let list = inner.schema().fields().expect("fields").list();
                let names = list.iter().map(|field| field.name.to_string());
                names.zip(inner.values().iter().cloned()).collect()
            }
            _ => panic!("no fields"),
        }
    }

    proptest::proptest! {
        #[test]
        fn structs_and_maps_are_renamed_alike_and_no_value_is_lost_or_moved(
            names in proptest::collection::btree_set("[abc]{1,3}", 0..6),
            cut in "[abc]",
        ) {
            let rename = |name: &str| {
                let new = name.replace(&cut, "_");
                Ok((new != name).then_some(new))
            };
            let results = [false, true].map(|with_schema| {
                let mut renamer = FieldRenamer::new(Side::Value, "test");
                let mut record = numbered(&names, with_schema);
                renamer.apply(&mut record, rename).map(|()| record)
            });
            let expected: Vec<_> = names
                .iter()
                .enumerate()
                .map(|(n, name)| (name.replace(&cut, "_"), Value::Int64(n as i64)))
                .collect();
            let different: BTreeSet<_> = expected.iter().map(|(name, _)| name).collect();
            for result in results {
                match result {
                    Ok(renamed) => proptest::prop_assert_eq!(&fields(&renamed), &expected),
                    Err(error) => {
                        proptest::prop_assert!(different.len() < names.len(), "{error}");
                    }
                }
            }
        }
    }
}
