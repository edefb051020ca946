//! InsertField: adds the record's own attributes, or a fixed text, as fields.

use gantry_model::config::{ConfigDef, ConfigKey, Importance, ParsedConfig, Type};
use gantry_model::plugin::{Fate, Plugin, Transformation};
use gantry_model::{
    ConnectRecord, Datum, Error, Fields, Kind, Result, Schema, SchemaBuilder, Str, Struct, Text,
    Value, logical,
};
use std::sync::Arc;

use crate::support::{
    SchemaCache, Side, TopicCache, apply_defaults, check_put, copy_basics, fields_of, has_defaults,
    keyed, replace_null, replace_null_key, struct_of, struct_values, unique_map,
};

const PURPOSE: &str = "field insertion";
const STATIC_VALUE: &str = "static.value";

/// What can be inserted, with the keys that name the field, in Kafka's order.
const SOURCES: [(&str, Source, &str); 5] = [
    ("topic.field", Source::Topic, "the topic of the record"),
    ("partition.field", Source::Partition, "the partition of the record"),
    ("offset.field", Source::Offset, "the offset of the record (sink connectors only)"),
    ("timestamp.field", Source::Timestamp, "the timestamp of the record"),
    ("static.field", Source::Static, "the text that `static.value` gives"),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Source {
    Topic,
    Partition,
    Offset,
    Timestamp,
    Static,
}

impl Source {
    fn schema(self, optional: bool) -> Schema {
        match (self, optional) {
            (Self::Topic | Self::Static, true) => Schema::optional_string(),
            (Self::Topic | Self::Static, false) => Schema::string(),
            (Self::Partition, true) => Schema::optional_int32(),
            (Self::Partition, false) => Schema::int32(),
            (Self::Offset, true) => Schema::optional_int64(),
            (Self::Offset, false) => Schema::int64(),
            (Self::Timestamp, optional) => {
                logical::timestamp().set_optional(optional).build_plain()
            }
        }
    }
}

/// One field to insert.
struct Insertion {
    source: Source,
    name: Str,
    /// The name as a key of schemaless maps.
    key: Value,
    schema: Schema,
}

impl Insertion {
    /// From the text of a key: `name`, `name?` (optional, the default) or `name!` (required).
    fn parse(source: Source, text: &str) -> Self {
        let (name, optional) = match (text.strip_suffix('?'), text.strip_suffix('!')) {
            (Some(name), _) => (name, true),
            (_, Some(name)) => (name, false),
            _ => (text, true),
        };
        Self { source, name: name.into(), key: Value::str(name), schema: source.schema(optional) }
    }
}

struct InsertField {
    side: Side,
    insertions: Vec<Insertion>,
    static_value: Value,
    replace_null: bool,
    topics: TopicCache<Text>,
    schemas: SchemaCache<Updated>,
}

struct Updated {
    schema: Schema,
    has_defaults: bool,
}

pub(crate) fn plugins() -> [Plugin<dyn Transformation>; 2] {
    keyed("InsertField", config, InsertField::create)
}

fn config() -> ConfigDef {
    let mut def = ConfigDef::new();
    for (key, _, what) in SOURCES {
        let doc = format!(
            "Name of a field to add that holds {what}. End the name with ! to make the field \
             required, or with ? to keep it optional (the default)."
        );
        def = def.define(ConfigKey::nullable(key, Type::String, Importance::Medium, &doc));
    }
    def.define(ConfigKey::nullable(
        STATIC_VALUE,
        Type::String,
        Importance::Medium,
        "The text for the field that `static.field` names.",
    ))
    .define(replace_null_key())
}

impl InsertField {
    fn create(config: &ParsedConfig, side: Side) -> Result<Box<dyn Transformation>> {
        let insertions: Vec<Insertion> = SOURCES
            .into_iter()
            .filter_map(|(key, source, _)| Some(Insertion::parse(source, config.string(key)?)))
            .collect();
        if insertions.is_empty() {
            return Err(Error::config("No field insertion configured"));
        }
        let static_value = match config.string(STATIC_VALUE) {
            Some(text) => Value::str(text),
            None => match insertions.iter().find(|i| i.source == Source::Static) {
                None => Value::Null,
                Some(field) => {
                    return Err(Error::config(format!(
                        "Invalid value null for configuration {STATIC_VALUE}: No value specified \
                         for static field: {}",
                        field.name
                    )));
                }
            },
        };
        Ok(Box::new(Self {
            side,
            insertions,
            static_value,
            replace_null: replace_null(config),
            topics: TopicCache::new(),
            schemas: SchemaCache::new(),
        }))
    }
}

/// What the insertions of one record draw from.
struct Attributes<'a> {
    topic: Value,
    static_value: &'a Value,
    partition: Option<i32>,
    timestamp_ms: Option<i64>,
    offset: Option<u64>,
}

impl Attributes<'_> {
    /// The value to insert; null where the record has none. A schemaless timestamp is a number.
    fn get(&self, source: Source, schemaless: bool) -> Result<Value> {
        Ok(match source {
            Source::Topic => self.topic.clone(),
            Source::Static => self.static_value.clone(),
            Source::Partition => self.partition.map_or(Value::Null, Value::Int32),
            Source::Timestamp if schemaless => self.timestamp_ms.map_or(Value::Null, Value::Int64),
            Source::Timestamp => self.timestamp_ms.map_or(Value::Null, Value::Date),
            Source::Offset => {
                let offset = self.offset.ok_or_else(|| {
                    Error::data(format!(
                        "Only SinkRecord supported for [{PURPOSE}], found: \
                         org.apache.kafka.connect.source.SourceRecord"
                    ))
                })?;
                Value::Int64(i64::try_from(offset).unwrap_or(i64::MAX))
            }
        })
    }
}

fn updated_schema(schema: &Schema, insertions: &[Insertion]) -> Result<Updated> {
    let mut fields: Vec<(Str, Schema)> = fields_of(schema)?
        .list()
        .iter()
        .map(|field| (Str::clone(&field.name), field.schema.clone()))
        .collect();
    fields.extend(insertions.iter().map(|i| (Str::clone(&i.name), i.schema.clone())));
    let kind = Kind::Struct(Arc::new(Fields::new(fields)?));
    let builder: SchemaBuilder = copy_basics(schema, kind);
    Ok(Updated { schema: builder.build_plain(), has_defaults: has_defaults(schema) })
}

impl Transformation for InsertField {
    fn apply(&mut self, record: &mut ConnectRecord) -> Result<Fate> {
        let wants_topic = self.insertions.iter().any(|i| i.source == Source::Topic);
        let topic = if wants_topic {
            let text = self.topics.get(&record.topic, |topic| Ok(Text::from(topic)))?;
            Value::String(text)
        } else {
            Value::Null
        };
        let attributes = Attributes {
            topic,
            static_value: &self.static_value,
            partition: record.partition,
            timestamp_ms: record.timestamp_ms,
            offset: record.sink_offset,
        };
        let Datum { schema, value } = self.side.datum_mut(record);
        if value.is_null() {
            return Ok(Fate::Keep);
        }
        if schema.is_none() {
            let map = unique_map(value, PURPOSE)?;
            map.copy_as_hash_map();
            map.reserve(self.insertions.len());
            for insertion in &self.insertions {
                let inserted = attributes.get(insertion.source, true)?;
                if !inserted.is_null() {
                    map.insert(insertion.key.clone(), inserted);
                }
            }
            return Ok(Fate::Keep);
        }
        let inner = struct_of(value, PURPOSE)?;
        let updated =
            self.schemas.get(inner.schema(), |source| updated_schema(source, &self.insertions))?;
        let source = inner.schema().clone();
        let mut values = struct_values(inner);
        if self.replace_null && updated.has_defaults {
            apply_defaults(&source, &mut values);
        }
        check_put(&source, &values)?;
        values.reserve_exact(self.insertions.len());
        for insertion in &self.insertions {
            values.push(attributes.get(insertion.source, false)?);
        }
        *value = Value::Struct(Arc::new(Struct::from_values(updated.schema.clone(), values)));
        *schema = Some(updated.schema.clone());
        Ok(Fate::Keep)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::{Change, error_text, make, map, record, schema_of_struct};

    const CLASS: &str = "InsertField$Value";

    #[test]
    fn nothing_to_insert_and_a_field_without_text_are_refused() {
        assert_eq!(error_text(make(CLASS, &[])), "No field insertion configured");
        assert_eq!(
            error_text(make(CLASS, &[("static.field", "f!")])),
            "Invalid value null for configuration static.value: No value specified for static \
             field: f"
        );
    }

    #[test]
    fn a_shared_map_is_left_alone() {
        let mut t = make(CLASS, &[("topic.field", "t")]).expect("valid");
        let shared = map(&[("a", Value::Int32(1))]);
        let out = t.change(record(shared.clone())).expect("applies").expect("kept");
        assert_eq!(shared, map(&[("a", Value::Int32(1))]));
        assert_eq!(out.value.value, map(&[("a", Value::Int32(1)), ("t", Value::str("topic"))]));
    }

    #[test]
    fn a_struct_keeps_its_nulls_on_request_and_loses_optional() {
        let schema = schema_of_struct(true);
        let inner = Struct::from_values(schema.clone(), vec![Value::Int32(1), Value::Null]);
        for (replace, expected) in [("true", Value::Int32(9)), ("false", Value::Null)] {
            let config = [("topic.field", "t!"), (REPLACE, replace)];
            let mut t = make(CLASS, &config).expect("valid");
            let mut input = record(Value::Struct(Arc::new(inner.clone())));
            input.value.schema = Some(schema.clone());
            let out = t.change(input).expect("applies").expect("kept").value;
            let Value::Struct(result) = &out.value else { panic!("a struct") };
            assert_eq!(result.values(), &[Value::Int32(1), expected, Value::str("topic")]);
            assert_eq!(out.schema.as_ref(), Some(result.schema()));
            assert!(!result.schema().is_optional());
            assert!(!result.schema().field("t").expect("inserted").schema.is_optional());
        }
    }
    const REPLACE: &str = "replace.null.with.default";
}
