//! Cast: changes the type of the whole key or value, or of some of its fields.

mod convert;

use std::sync::Arc;

use gantry_model::config::{
    ConfigData, ConfigDef, ConfigKey, Importance, ParsedConfig, Type, Validator,
};
use gantry_model::plugin::{Fate, Plugin, Transformation};
use gantry_model::text::sort_as_hash_map;
use gantry_model::{ConnectRecord, Datum, Error, Fields, Kind, Result, Schema, Str, Value};

use crate::support::{
    SchemaCache, Side, apply_defaults, copy_basics, fields_of, first_fault, has_defaults, keyed,
    put_all, replace_null, replace_null_key, struct_of, struct_values, unique_map,
};
use convert::{Target, cast, parse_target};

const PURPOSE: &str = "cast types";
const SPEC: &str = "spec";

struct Cast {
    side: Side,
    rules: Rules,
    replace_null: bool,
    schemas: SchemaCache<Plan>,
}

enum Rules {
    Whole(Target),
    Fields(Vec<FieldCast>),
}

struct FieldCast {
    name: String,
    /// The name as a key of schemaless maps.
    key: Value,
    target: Target,
}

/// What becomes of the values of one schema.
struct Plan {
    schema: Schema,
    /// Index of a field and what it is cast to.
    casts: Vec<(usize, Target)>,
    has_defaults: bool,
}

pub(crate) fn plugins() -> [Plugin<dyn Transformation>; 2] {
    keyed("Cast", config, |config: &ParsedConfig, side| {
        Ok(Box::new(Cast {
            side,
            rules: parse_spec(config.list(SPEC))?,
            replace_null: replace_null(config),
            schemas: SchemaCache::new(),
        }))
    })
}

fn config() -> ConfigDef {
    ConfigDef::new()
        .define(
            ConfigKey::required(
                SPEC,
                Type::List,
                Importance::High,
                "Fields and their new types, as field:type pairs, or one type alone for the \
                 whole key or value. Types: int8, int16, int32, int64, float32, float64, boolean, \
                 string. From bytes only string (as base64) is possible.",
            )
            .validator(Validator::custom(|_, value| match value {
                ConfigData::List(list) => parse_spec(list).map(|_| ()),
                _ => parse_spec(&[]).map(|_| ()),
            })),
        )
        .define(replace_null_key())
}

fn parse_spec(list: &[String]) -> Result<Rules> {
    if list.is_empty() {
        return Err(Error::config("Must specify at least one field to cast."));
    }
    let mut whole = None;
    let mut fields: Vec<FieldCast> = Vec::with_capacity(list.len());
    for spec in list {
        // As in Java, empty parts at the end do not count.
        match spec.trim_end_matches(':').split_once(':') {
            None => whole = Some(parse_target(spec.trim_end_matches(':'))?),
            Some((name, target)) if !target.contains(':') => {
                let (name, target) = (name.trim(), parse_target(target)?);
                // The last one counts where a field is cast twice.
                fields.retain(|field| field.name != name);
                fields.push(FieldCast { name: name.to_owned(), key: Value::str(name), target });
            }
            Some(_) => {
                return Err(Error::config(format!(
                    "Invalid value [{}] for configuration renames: Invalid rename mapping: {spec}",
                    list.join(", ")
                )));
            }
        }
    }
    match whole {
        None => {
            // In this order: of several that cannot be cast the first is reported.
            sort_as_hash_map(&mut fields, |field| &field.name);
            Ok(Rules::Fields(fields))
        }
        Some(target) if list.len() == 1 => Ok(Rules::Whole(target)),
        Some(_) => Err(Error::config(
            "Cast transformations that specify a type to cast the entire value to may only \
             specify a single cast in their spec",
        )),
    }
}

impl Rules {
    fn plan(&self, source: &Schema) -> Result<Plan> {
        let mut casts = Vec::new();
        let kind = match self {
            Self::Whole(target) => target.kind(),
            Self::Fields(rules) => {
                let mut fields = Vec::new();
                for field in fields_of(source)?.list() {
                    let rule = rules.iter().find(|rule| *rule.name == *field.name);
                    let schema = match rule {
                        None => field.schema.clone(),
                        Some(rule) => {
                            casts.push((field.index, rule.target));
                            cast_schema(&field.schema, rule.target)?
                        }
                    };
                    fields.push((Str::clone(&field.name), schema));
                }
                Kind::Struct(Arc::new(Fields::new(fields)?))
            }
        };
        let default = match (source.default_value(), self) {
            (None, _) => None,
            (Some(default), Self::Whole(target)) => Some(cast(Some(source), default, *target)?),
            // A default of a struct would have to be cast to a struct, which is refused.
            (Some(default), Self::Fields(_)) => Some(cast(Some(source), default, Target::String)?),
        };
        let builder = copy_basics(source, kind).set_optional(source.is_optional());
        Ok(Plan {
            // A logical type's name stays, and then the default may not fit it any more.
            schema: builder.default_value(default).build()?,
            casts,
            has_defaults: has_defaults(source),
        })
    }
}

fn cast_schema(source: &Schema, target: Target) -> Result<Schema> {
    let default = source.default_value().map(|value| cast(Some(source), value, target));
    Ok(gantry_model::SchemaBuilder::new(target.kind())
        .set_optional(source.is_optional())
        .default_value(default.transpose()?)
        .build_plain())
}

impl Transformation for Cast {
    fn apply(&mut self, record: &mut ConnectRecord) -> Result<Fate> {
        let Datum { schema, value } = self.side.datum_mut(record);
        if value.is_null() {
            return Ok(Fate::Keep);
        }
        let Some(source) = schema else {
            match &self.rules {
                Rules::Whole(target) => *value = cast(None, value, *target)?,
                Rules::Fields(rules) => {
                    let map = unique_map(value, PURPOSE)?;
                    map.copy_as_hash_map();
                    for rule in rules {
                        map.update(&rule.key, |value| cast(None, value, rule.target))?;
                    }
                }
            }
            return Ok(Fate::Keep);
        };
        let plan = self.schemas.get(source, |source| self.rules.plan(source))?;
        if let Rules::Whole(target) = self.rules {
            *value = cast(Some(source), value, target)?;
        } else {
            let inner = struct_of(value, PURPOSE)?;
            let old = inner.schema().clone();
            let mut values = struct_values(inner);
            if self.replace_null && plan.has_defaults {
                apply_defaults(&old, &mut values);
            }
            let fields = fields_of(&old)?.list();
            for &(index, target) in &plan.casts {
                if let (Some(slot), Some(field)) = (values.get_mut(index), fields.get(index)) {
                    match cast(Some(&field.schema), slot, target) {
                        Ok(new) => *slot = new,
                        Err(error) => {
                            return Err(first_fault(&plan.schema, &values, index, error));
                        }
                    }
                }
            }
            *value = put_all(&plan.schema, values)?;
        }
        *schema = Some(plan.schema.clone());
        Ok(Fate::Keep)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::{Change, error_text, make, map, record, struct_record};

    const CLASS: &str = "Cast$Value";

    #[test]
    fn the_spec_is_checked() {
        let text = |spec| error_text(make(CLASS, &[(SPEC, spec)]));
        assert_eq!(text(""), "Must specify at least one field to cast.");
        assert!(text(":").contains("Schema.Type. for configuration Invalid type found"));
        assert!(text("a:decimal").ends_with("Invalid type found in casting spec: decimal"));
        assert!(text("a:int8,int8").contains("may only specify a single cast"));
        assert!(text("a:b:c").ends_with("Invalid rename mapping: a:b:c"));
        assert!(text("map").starts_with("Cast transformation does not support casting to MAP;"));
    }

    #[test]
    fn the_last_cast_of_a_field_counts() {
        let mut t = make(CLASS, &[(SPEC, "a:int8,a : string ")]).expect("valid");
        let out = t.change(record(map(&[("a", Value::Int64(300))]))).expect("applies");
        assert_eq!(out.expect("kept").value.value, map(&[("a", Value::str("300"))]));
    }

    #[test]
    fn defaults_are_cast_with_the_schema() {
        let mut t = make(CLASS, &[(SPEC, "d:string")]).expect("valid");
        let out = t.change(struct_record()).expect("applies").expect("kept").value;
        let field = out.schema.as_ref().and_then(|s| s.field("d")).expect("there").clone();
        assert_eq!(field.schema.default_value(), Some(&Value::str("9")));
        assert!(field.schema.is_optional());
        let Value::Struct(inner) = out.value else { panic!("a struct") };
        assert_eq!(inner.values(), &[Value::Int32(1), Value::str("9")]);
    }

    #[test]
    fn a_default_that_no_longer_fits_the_logical_name_is_refused() {
        let mut t = make(CLASS, &[(SPEC, "string")]).expect("valid");
        let schema = |default| gantry_model::logical::date().default_value(default).build_plain();
        for (default, fits) in [(None, true), (Some(Value::Date(0)), false)] {
            let mut input = record(Value::Date(0));
            input.value.schema = Some(schema(default));
            assert_eq!(t.change(input).is_ok(), fits);
        }
    }

    #[test]
    fn a_schema_that_is_no_struct_has_no_fields_to_cast() {
        let mut t = make(CLASS, &[(SPEC, "a:int8")]).expect("valid");
        let mut input = record(Value::Int8(1));
        input.value.schema = Some(Schema::int8());
        assert_eq!(error_text(t.change(input)), "Cannot list fields on non-struct type");
    }
}
