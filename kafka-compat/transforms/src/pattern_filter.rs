//! RocketMQ Connect's PatternFilter: drops records in which one of some text fields matches.

use gantry_model::config::{ConfigDef, ConfigKey, Importance, ParsedConfig, Type};
use gantry_model::plugin::{Fate, Plugin, Transformation};
use gantry_model::regex::JavaPattern;
use gantry_model::{ConnectRecord, Kind, Result, Value};

use crate::support::{SchemaCache, Side, fields_of, regex_validator, rocketmq_keyed, value_list};

const PATTERN: &str = "pattern";
const FIELDS: &str = "fields";

struct PatternFilter {
    side: Side,
    pattern: JavaPattern,
    fields: Vec<String>,
    /// Positions of the text fields to look at.
    schemas: SchemaCache<Vec<usize>>,
}

pub(crate) fn plugins() -> [Plugin<dyn Transformation>; 2] {
    rocketmq_keyed("PatternFilter", config, |config: &ParsedConfig, side| {
        Ok(Box::new(PatternFilter {
            side,
            pattern: JavaPattern::compile(config.string(PATTERN).unwrap_or_default())?,
            fields: config.list(FIELDS).to_vec(),
            schemas: SchemaCache::new(),
        }))
    })
}

fn config() -> ConfigDef {
    ConfigDef::new()
        .define(
            ConfigKey::required(
                PATTERN,
                Type::String,
                Importance::High,
                "Java regular expression. A record is dropped when the whole text of one of the \
                 fields matches it.",
            )
            .validator(regex_validator()),
        )
        .define(
            ConfigKey::required(
                FIELDS,
                Type::List,
                Importance::High,
                "Names of the text fields to look at. Fields of other types, and those that are \
                 not there, match nothing.",
            )
            .validator(value_list(false)),
        )
}

impl Transformation for PatternFilter {
    fn apply(&mut self, record: &mut ConnectRecord) -> Result<Fate> {
        let Self { side, pattern, fields, schemas } = self;
        let matches = |value: &Value| value.as_str().is_some_and(|text| pattern.matches(text));
        let dropped = match &side.datum_mut(record).value {
            Value::Struct(inner) => {
                let looked_at = schemas.get(inner.schema(), |schema| {
                    let texts = fields_of(schema)?
                        .list()
                        .iter()
                        .filter(|f| *f.schema.kind() == Kind::String);
                    let wanted = texts.filter(|field| fields.iter().any(|n| **n == *field.name));
                    Ok(wanted.map(|field| field.index).collect())
                })?;
                looked_at.iter().any(|&index| inner.values().get(index).is_some_and(matches))
            }
            Value::Map(map) => fields.iter().any(|name| map.get(name).is_some_and(matches)),
            _ => false,
        };
        Ok(if dropped { Fate::Drop } else { Fate::Keep })
    }

    fn changes_records(&self) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use gantry_model::{Schema, SchemaBuilder, Struct};

    use super::*;
    use crate::tests::{Change, error_text, make, map, record, struct_record};

    const CLASS: &str = "PatternFilter$Value";

    fn kept(fields: &str, record: ConnectRecord) -> bool {
        let mut t = make(CLASS, &[("pattern", "a.*"), ("fields", fields)]).expect("valid");
        let out = t.change(record.clone()).expect("applies");
        if let Some(out) = &out {
            assert_eq!(out.value, record.value, "it changes nothing");
        }
        out.is_some()
    }

    fn text_struct(a: Value) -> ConnectRecord {
        let optional = SchemaBuilder::new(Kind::String).optional().build_plain();
        let fields = vec![("a".into(), optional), ("n".into(), Schema::int32())];
        let schema = SchemaBuilder::structure(fields).expect("distinct").build_plain();
        let inner = Struct::from_values(schema.clone(), vec![a, Value::Int32(1)]);
        let mut record = record(Value::Struct(Arc::new(inner)));
        record.value.schema = Some(schema);
        record
    }

    #[test]
    fn a_text_that_matches_as_a_whole_drops_the_record() {
        assert!(!kept("a", text_struct(Value::str("abc"))));
        assert!(!kept("x, a", text_struct(Value::str("a"))));
        assert!(kept("a", text_struct(Value::str("xabc"))));
        assert!(kept("a", text_struct(Value::Null)));
        assert!(kept("n,other", text_struct(Value::str("abc"))), "no text, or not there");
        let entries = [("a", Value::str("abc")), ("b", Value::Int8(1))];
        assert!(!kept("a", record(map(&entries))));
        assert!(kept("b,c", record(map(&entries))));
    }

    #[test]
    fn what_has_no_fields_passes() {
        let mut tombstone = struct_record();
        tombstone.value.value = Value::Null;
        for other in [tombstone, record(Value::Null), record(Value::str("abc"))] {
            assert!(kept("a", other));
        }
    }

    #[test]
    fn the_key_has_a_filter_of_its_own() {
        let config = [("pattern", "a"), ("fields", "f")];
        let mut t = make("PatternFilter$Key", &config).expect("valid");
        let mut input = record(Value::Null);
        input.key.value = map(&[("f", Value::str("a"))]);
        assert!(t.change(input).expect("applies").is_none());
        assert!(!t.changes_records());
    }

    #[test]
    fn the_configuration_is_checked() {
        let text = error_text(make(CLASS, &[("pattern", "("), ("fields", "a")]));
        assert!(text.starts_with("Invalid value ( for configuration pattern: Invalid regex: "));
        for (config, key) in [([("pattern", "a")], "fields"), ([("fields", "a")], "pattern")] {
            let text = error_text(make(CLASS, &config));
            assert!(text.contains(&format!("configuration \"{key}\"")), "{text}");
        }
        let text = error_text(make(CLASS, &[("pattern", "a"), ("fields", "")]));
        assert!(text.starts_with("Configuration 'fields' must not be empty."), "{text}");
    }
}
