//! ReplaceField: drops, keeps or renames fields.

mod maps;

use std::sync::Arc;

use gantry_model::config::{
    ConfigData, ConfigDef, ConfigKey, Importance, ParsedConfig, Type, Validator,
};
use gantry_model::map::ShapeCache;
use gantry_model::plugin::{Fate, Plugin, Transformation};
use gantry_model::text::sort_as_hash_map;
use gantry_model::{ConnectRecord, Datum, Error, Fields, Kind, Result, Schema, Str, Struct, Value};

use crate::support::{
    SchemaCache, Side, copy_basics, fields_of, first_fault, has_defaults, keyed, put_all,
    replace_null, replace_null_key, struct_of, struct_values, unique_map, value_list,
};

const PURPOSE: &str = "field replacement";
const EXCLUDE: &str = "exclude";
const INCLUDE: &str = "include";
const RENAMES: &str = "renames";

pub(crate) struct ReplaceField {
    side: Side,
    rules: Rules,
    replace_null: bool,
    schemas: SchemaCache<Plan>,
    maps: ShapeCache<maps::Plan>,
}

/// Which fields stay, and under which name. The lists are short: a scan beats hashing.
struct Rules {
    exclude: Vec<String>,
    include: Vec<String>,
    renames: Vec<Rename>,
}

struct Rename {
    from: String,
    to: Str,
    /// The new name as a key of schemaless maps.
    key: Value,
}

impl Rules {
    fn keeps(&self, name: &str) -> bool {
        !self.exclude.iter().any(|excluded| excluded == name)
            && (self.include.is_empty() || self.include.iter().any(|included| included == name))
    }
    fn rename(&self, name: &str) -> Option<&Rename> {
        self.renames.iter().find(|rename| rename.from == name)
    }
}

/// What becomes of the structs of one schema.
struct Plan {
    schema: Schema,
    /// For each field of the new schema, the index of its value in the old struct.
    sources: Vec<usize>,
    /// The first field that has no value in the old struct: an error once there is a struct, after
    /// those of the fields before it.
    missing: Option<Error>,
    /// Whether every field stands where it stood.
    in_place: bool,
    has_defaults: bool,
    /// Whether a value may not fit its new field and must be checked.
    checked: bool,
}

pub(crate) fn plugins() -> [Plugin<dyn Transformation>; 2] {
    keyed("ReplaceField", config, |config, side| {
        Ok(Box::new(ReplaceField {
            side,
            rules: Rules {
                exclude: config.list(EXCLUDE).to_vec(),
                include: config.list(INCLUDE).to_vec(),
                renames: parse_renames(config)?,
            },
            replace_null: replace_null(config),
            schemas: SchemaCache::new(),
            maps: ShapeCache::default(),
        }))
    })
}

impl ReplaceField {
    /// One that drops these fields, for other transformations to use.
    pub(crate) fn excluding(side: Side, exclude: Vec<String>) -> Self {
        Self {
            side,
            rules: Rules { exclude, include: Vec::new(), renames: Vec::new() },
            replace_null: true,
            schemas: SchemaCache::new(),
            maps: ShapeCache::default(),
        }
    }
}

fn config() -> ConfigDef {
    let list = |name, doc| {
        ConfigKey::new(name, Type::List, ConfigData::EMPTY_LIST, Importance::Medium, doc)
    };
    ConfigDef::new()
        .define(list(EXCLUDE, "Fields to drop. Wins over `include`.").validator(value_list(true)))
        .define(
            list(INCLUDE, "Fields to keep; all others are dropped. Empty keeps all.")
                .validator(value_list(true)),
        )
        .define(list(RENAMES, "New names of fields, as old:new pairs.").validator(
            Validator::custom(|_, value| match value {
                ConfigData::List(list) => {
                    list.iter().try_for_each(|pair| split_rename(list, pair).map(|_| ()))
                }
                _ => Ok(()),
            }),
        ))
        .define(replace_null_key())
}

fn parse_renames(config: &ParsedConfig) -> Result<Vec<Rename>> {
    let list = config.list(RENAMES);
    let mut renames: Vec<Rename> = Vec::with_capacity(list.len());
    for pair in list {
        let (from, to) = split_rename(list, pair)?;
        // The last one counts where a field is renamed twice.
        renames.retain(|rename| rename.from != from);
        renames.push(Rename { from: from.to_owned(), to: to.into(), key: Value::str(to) });
    }
    // Where two fields get the same new name, the last of them in this order stands for it.
    sort_as_hash_map(&mut renames, |rename| &rename.from);
    Ok(renames)
}

/// `old:new`; as in Java, empty parts at the end do not count.
fn split_rename<'a>(list: &[String], pair: &'a str) -> Result<(&'a str, &'a str)> {
    match pair.trim_end_matches(':').split_once(':') {
        Some((from, to)) if !to.contains(':') => Ok((from, to)),
        _ => Err(Error::config(format!(
            "Invalid value [{}] for configuration {RENAMES}: Invalid rename mapping: {pair}",
            list.join(", ")
        ))),
    }
}

impl Rules {
    fn plan(&self, schema: &Schema) -> Result<Plan> {
        let old = fields_of(schema)?;
        let mut fields = Vec::with_capacity(old.len());
        for field in old.list().iter().filter(|field| self.keeps(&field.name)) {
            let name = self.rename(&field.name).map_or(&field.name, |rename| &rename.to);
            fields.push((Str::clone(name), field.schema.clone()));
        }
        let kind = Kind::Struct(Arc::new(Fields::new(fields)?));
        let updated = copy_basics(schema, kind).build_plain();
        // The value is looked up by the name that the new name stands for, which can be another
        // field than the one whose schema was taken: so does Kafka Connect.
        let mut sources = Vec::with_capacity(old.len());
        let mut checked = false;
        let mut missing = None;
        for field in fields_of(&updated)?.list() {
            let rename = self.renames.iter().rev().find(|rename| rename.to == field.name);
            let name = rename.map_or(&*field.name, |rename| &*rename.from);
            let Some(source) = old.get(name) else {
                missing = Some(Error::data(format!("{name} is not a valid field name")));
                break;
            };
            checked |= source.schema != field.schema;
            sources.push(source.index);
        }
        let in_place =
            sources.len() == old.len() && sources.iter().enumerate().all(|(i, &s)| i == s);
        let has_defaults = has_defaults(schema);
        Ok(Plan { schema: updated, sources, missing, in_place, has_defaults, checked })
    }
}

impl Transformation for ReplaceField {
    fn apply(&mut self, record: &mut ConnectRecord) -> Result<Fate> {
        let Datum { schema, value } = self.side.datum_mut(record);
        if value.is_null() {
            return Ok(Fate::Keep);
        }
        let Some(schema) = schema else {
            self.rules.change_map(unique_map(value, PURPOSE)?, &mut self.maps)?;
            return Ok(Fate::Keep);
        };
        let inner = struct_of(value, PURPOSE)?;
        let plan = self.schemas.get(inner.schema(), |source| self.rules.plan(source))?;
        let plain = plan.in_place && !(self.replace_null && plan.has_defaults);
        let values =
            if plain { struct_values(inner) } else { plan.pick(&inner, self.replace_null)? };
        *value = put_all(&plan.schema, values)?;
        *schema = plan.schema.clone();
        Ok(Fate::Keep)
    }
}

impl Plan {
    fn pick(&self, inner: &Struct, replace_null: bool) -> Result<Vec<Value>> {
        let old = fields_of(inner.schema())?.list();
        let new = fields_of(&self.schema)?.list();
        let mut values = Vec::with_capacity(new.len());
        for (field, &source) in new.iter().zip(&self.sources) {
            let picked = match old.get(source) {
                Some(from) if replace_null => inner.get_at(from),
                _ => inner.values().get(source).unwrap_or(&Value::Null),
            };
            if self.checked {
                Schema::validate_field(Some(&field.name), &field.schema, picked)?;
            }
            values.push(picked.clone());
        }
        if let Some(error) = &self.missing {
            return Err(first_fault(&self.schema, &values, values.len(), error.clone()));
        }
        Ok(values)
    }
}

#[cfg(test)]
mod tests {
    use gantry_model::MapValue;

    use super::*;
    use crate::tests::{Change, error_text, make, map, record, struct_record};

    const CLASS: &str = "ReplaceField$Value";

    fn applied(config: &[(&str, &str)], input: Value) -> Value {
        let mut t = make(CLASS, config).expect("valid");
        t.change(record(input)).expect("applies").expect("kept").value.value
    }

    #[test]
    fn renames_are_checked() {
        let text = |renames| error_text(make(CLASS, &[("renames", renames)]));
        assert_eq!(
            text("a:b,c"),
            "Invalid value [a:b, c] for configuration renames: Invalid rename mapping: c"
        );
        assert!(text(":").ends_with("Invalid rename mapping: :"));
        assert!(text("a:b:c").ends_with("Invalid rename mapping: a:b:c"));
        assert!(make(CLASS, &[("renames", "a:b:")]).is_ok());
        assert_eq!(
            error_text(make(CLASS, &[("exclude", "a,")])),
            "Configuration 'exclude' values must not be empty."
        );
    }

    #[test]
    fn a_swap_is_no_clash_and_a_clash_keeps_the_last() {
        let input = || map(&[("a", Value::Int8(1)), ("b", Value::Int8(2))]);
        assert_eq!(
            applied(&[("renames", "a:b,b:a")], input()),
            map(&[("b", Value::Int8(1)), ("a", Value::Int8(2))])
        );
        assert_eq!(applied(&[("renames", "a:b")], input()), map(&[("b", Value::Int8(2))]));
    }

    #[test]
    fn a_key_that_is_no_text_is_an_error() {
        let mut t = make(CLASS, &[]).expect("valid");
        let odd = MapValue::from_distinct(vec![(Value::Int32(1), Value::Null)]);
        assert!(error_text(t.change(record(Value::map(odd)))).contains("java.lang.Integer"));
    }

    #[test]
    fn the_value_follows_the_name_that_the_new_name_stands_for() {
        let config = [("renames", "id:d"), ("exclude", "id")];
        let mut t = make(CLASS, &config).expect("valid");
        let out = t.change(struct_record()).expect("applies").expect("kept");
        let Value::Struct(inner) = &out.value.value else { panic!("a struct") };
        assert_eq!(inner.values(), &[Value::Int32(1)]);
    }

    #[test]
    fn a_name_that_stands_for_no_field_is_an_error() {
        let mut t = make(CLASS, &[("renames", "zz:d")]).expect("valid");
        assert_eq!(error_text(t.change(struct_record())), "zz is not a valid field name");
    }
}
