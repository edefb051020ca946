//! ContentRouter: chooses topic or queue by what a field holds, for sharding.

use std::collections::HashMap;

use gantry_model::config::{ConfigDef, ConfigKey, Importance, ParsedConfig, Type, Validator};
use gantry_model::plugin::{Fate, Plugin, Transformation};
use gantry_model::text::java_string;
use gantry_model::{ConnectRecord, Error, Result, Str, Value};

use crate::field_path::FieldPath;
use crate::support::{Side, gantry_keyed, map_or_null, struct_or_null, value_list};

const PURPOSE: &str = "content routing";
const FIELD: &str = "field";
const BY: &str = "by";
const TO: &str = "to";
const FORMAT: &str = "topic.format";
const TABLE: &str = "table";
const RANGES: &str = "ranges";
const TARGETS: &str = "targets";
const DEFAULT: &str = "default";
/// Most texts whose topic is remembered.
const REMEMBERED_MAX: usize = 1000;

struct ContentRouter {
    side: Side,
    field: FieldPath,
    rule: Rule,
    /// Where a record goes that no rule is for; `None`: where it goes anyway.
    default: Option<Target>,
}

/// How the field says where to.
enum Rule {
    /// The topic is made of its text.
    Value {
        format: String,
        remembered: HashMap<(Str, String), Str>,
    },
    Table(HashMap<String, Target>),
    /// From, below, and where to; in the order given.
    Ranges(Vec<(f64, f64, Target)>),
    Hash(Vec<Target>),
}

#[derive(Clone)]
enum Target {
    Topic(Str),
    Queue(i32),
}

pub(crate) fn plugins() -> [Plugin<dyn Transformation>; 2] {
    gantry_keyed("ContentRouter", config, make)
}

fn config() -> ConfigDef {
    let (high, medium) = (Importance::High, Importance::Medium);
    let field = "The field that decides: a name, or names with dots between them; a name in backticks may \
                 hold dots.";
    let by = "How it decides. value: its text is the topic (topic.format). table: by `table`. range: by \
              `ranges`, a number. hash: one of `targets` by a hash of its text, always the same.";
    let targets = "Topics, or numbers of queues, that hash divides the records among.";
    let key = |name: &str, of: Type, default: &str, doc: &str| {
        ConfigKey::new(name, of, default, medium, doc)
    };
    ConfigDef::new()
        .define(ConfigKey::required(FIELD, Type::String, high, field).validator(Validator::NonEmptyString))
        .define(
            ConfigKey::new(BY, Type::String, "value", high, by)
                .validator(Validator::one_of(&["value", "table", "range", "hash"])),
        )
        .define(
            ConfigKey::new(TO, Type::String, "topic", high, "What is chosen: topic or queue.")
                .validator(Validator::one_of(&["topic", "queue"])),
        )
        .define(key(FORMAT, Type::String, "${value}", "The topic of `by=value`: ${value} and ${topic} stand for the field's text and the topic so far."))
        .define(key(TABLE, Type::List, "", "text:target, divided by commas.").validator(value_list(true)))
        .define(key(RANGES, Type::List, "", "from..below:target, divided by commas; either end may be left out.").validator(value_list(true)))
        .define(key(TARGETS, Type::List, "", targets))
        .define(ConfigKey::nullable(DEFAULT, Type::String, medium, "Where a record goes whose field is missing, null or in no rule; not set: where it goes without this."))
}

fn make(config: &ParsedConfig, side: Side) -> Result<Box<dyn Transformation>> {
    let to_queue = config.string(TO) == Some("queue");
    let target = |key: &str, text: &str| target(key, text.trim(), to_queue);
    let rule = match config.string(BY) {
        Some("table") => {
            let pairs = list(config, TABLE)?.iter().map(|item| {
                let (text, to) = pair(TABLE, item)?;
                Ok((text.trim().to_owned(), target(TABLE, to)?))
            });
            Rule::Table(pairs.collect::<Result<_>>()?)
        }
        Some("range") => {
            let ranges = list(config, RANGES)?.iter().map(|item| {
                let (range, to) = pair(RANGES, item)?;
                let (from, below) = range
                    .split_once("..")
                    .ok_or_else(|| invalid(RANGES, item, "it must be from..below:target"))?;
                let end = |text: &str, open: f64| match text.trim() {
                    "" => Ok(open),
                    text => {
                        text.parse().map_err(|_| invalid(RANGES, item, "its ends must be numbers"))
                    }
                };
                Ok((end(from, f64::NEG_INFINITY)?, end(below, f64::INFINITY)?, target(RANGES, to)?))
            });
            Rule::Ranges(ranges.collect::<Result<_>>()?)
        }
        Some("hash") => {
            let targets = list(config, TARGETS)?.iter().map(|text| target(TARGETS, text));
            Rule::Hash(targets.collect::<Result<_>>()?)
        }
        _ if to_queue => {
            return Err(invalid(
                TO,
                "queue",
                "by=value chooses topics; use table, range or hash for queues",
            ));
        }
        _ => {
            let format = config.string(FORMAT).unwrap_or_default().to_owned();
            if !format.contains("${value}") {
                return Err(invalid(FORMAT, &format, "it must contain ${value}"));
            }
            Rule::Value { format, remembered: HashMap::new() }
        }
    };
    let default = config.string(DEFAULT).filter(|text| !text.is_empty());
    Ok(Box::new(ContentRouter {
        side,
        field: FieldPath::nested(config.string(FIELD).unwrap_or_default())?,
        rule,
        default: default.map(|text| target(DEFAULT, text)).transpose()?,
    }))
}

fn invalid(key: &str, value: &str, what: &str) -> Error {
    Error::config(format!("Invalid value {value} for configuration {key}: {what}"))
}

/// A list that the rule cannot do without.
fn list<'a>(config: &'a ParsedConfig, key: &str) -> Result<&'a [String]> {
    match config.list(key) {
        [] => Err(invalid(key, "", "by needs at least one")),
        list => Ok(list),
    }
}

/// What stands before the last colon and behind it.
fn pair<'a>(key: &str, item: &'a str) -> Result<(&'a str, &'a str)> {
    item.rsplit_once(':').ok_or_else(|| invalid(key, item, "it must have a target behind a colon"))
}

fn target(key: &str, text: &str, to_queue: bool) -> Result<Target> {
    if text.is_empty() {
        return Err(invalid(key, text, "a target must be named"));
    }
    if !to_queue {
        return Ok(Target::Topic(text.into()));
    }
    let queue = text.parse().ok().filter(|queue| *queue >= 0);
    queue.map(Target::Queue).ok_or_else(|| invalid(key, text, "a queue is a number, 0 or more"))
}

impl ContentRouter {
    fn value(&self, record: &mut ConnectRecord) -> Result<Value> {
        let datum = self.side.datum_mut(record);
        if datum.value.is_null() {
            return Ok(Value::Null);
        }
        match datum.schema {
            Some(_) => match struct_or_null(&datum.value, PURPOSE)? {
                Some(inner) => self.field.in_struct(inner, true),
                None => Ok(Value::Null),
            },
            None => match map_or_null(&datum.value, PURPOSE)? {
                Some(map) => self.field.in_map(map),
                None => Ok(Value::Null),
            },
        }
    }
}

impl Transformation for ContentRouter {
    fn apply(&mut self, record: &mut ConnectRecord) -> Result<Fate> {
        let value = self.value(record)?;
        let found = match value.is_null() {
            true => None,
            false => self.rule.target(&value, &record.topic),
        };
        match found.or_else(|| self.default.clone()) {
            Some(Target::Topic(topic)) => record.topic = topic,
            Some(Target::Queue(queue)) => record.partition = Some(queue),
            None => {}
        }
        Ok(Fate::Keep)
    }
}

impl Rule {
    fn target(&mut self, value: &Value, topic: &Str) -> Option<Target> {
        match self {
            Self::Value { format, remembered } => {
                let place = (Str::clone(topic), java_string(value));
                if let Some(topic) = remembered.get(&place) {
                    return Some(Target::Topic(Str::clone(topic)));
                }
                let made: Str =
                    format.replace("${topic}", topic).replace("${value}", &place.1).into();
                if remembered.len() >= REMEMBERED_MAX {
                    remembered.clear();
                }
                remembered.insert(place, Str::clone(&made));
                Some(Target::Topic(made))
            }
            Self::Table(table) => match value.as_str() {
                Some(text) => table.get(text).cloned(),
                None => table.get(&java_string(value)).cloned(),
            },
            Self::Ranges(ranges) => {
                let number: f64 = java_string(value).parse().ok()?;
                let found =
                    ranges.iter().find(|(from, below, _)| *from <= number && number < *below);
                found.map(|(_, _, target)| target.clone())
            }
            Self::Hash(targets) => {
                let hash = match value.as_str() {
                    Some(text) => hash(text),
                    None => hash(&java_string(value)),
                };
                targets.get((hash % targets.len().max(1) as u64) as usize).cloned()
            }
        }
    }
}

/// FNV-1a, which is the same everywhere and always.
fn hash(text: &str) -> u64 {
    let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    text.bytes().fold(0xcbf2_9ce4_8422_2325, step)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::{Change, error_text, make, map, record, struct_record};

    const CLASS: &str = "ContentRouter$Value";

    fn routed(config: &[(&str, &str)], value: Value) -> (String, Option<i32>) {
        let mut t = make(CLASS, config).expect("valid");
        let out = t.change(record(map(&[("f", value)]))).expect("applies").expect("kept");
        (out.topic.to_string(), out.partition)
    }

    fn topic(config: &[(&str, &str)], value: Value) -> String {
        routed(config, value).0
    }

    #[test]
    fn the_text_is_the_topic() {
        let config = [("field", "f"), ("topic.format", "${topic}-${value}")];
        assert_eq!(topic(&config, Value::str("eu")), "topic-eu");
        assert_eq!(topic(&config, Value::Int32(7)), "topic-7");
        assert_eq!(topic(&config, Value::Null), "topic");
        assert_eq!(topic(&[("field", "f"), ("default", "rest")], Value::Null), "rest");
        let mut t = make(CLASS, &[("field", "id"), ("topic.format", "n${value}")]).expect("valid");
        for _ in 0..2 {
            assert_eq!(&*t.change(struct_record()).expect("applies").expect("kept").topic, "n1");
        }
    }

    #[test]
    fn by_table_and_range() {
        let config = [("field", "f"), ("by", "table"), ("table", "a:x, b:c:y"), ("default", "z")];
        assert_eq!(topic(&config, Value::str("a")), "x");
        assert_eq!(topic(&config, Value::str("b:c")), "y");
        assert_eq!(topic(&config, Value::str("q")), "z");
        let config = [("field", "f"), ("by", "range"), ("ranges", "..0:low,0..10:mid,100..:high")];
        let at = |number| topic(&config, Value::Float64(number));
        assert_eq!(
            [at(-1.0), at(0.0), at(9.9), at(10.0), at(1e9)],
            ["low", "mid", "mid", "topic", "high"]
        );
        assert_eq!(topic(&config, Value::Int64(5)), "mid");
        assert_eq!(topic(&config, Value::str("x")), "topic");
    }

    #[test]
    fn a_hash_divides_and_stays() {
        let config = [("field", "f"), ("by", "hash"), ("to", "queue"), ("targets", "0,1,2,3")];
        let mut counts = [0; 4];
        for at in 0..400 {
            let text = Value::str(&format!("key {at}"));
            let (topic, queue) = routed(&config, text.clone());
            assert_eq!((&*topic, routed(&config, text).1), ("topic", queue));
            counts[usize::try_from(queue.expect("a queue")).expect("small")] += 1;
        }
        assert!(counts.iter().all(|count| (60..140).contains(count)), "{counts:?}");
        assert_eq!(
            routed(&config, Value::str("a")).1,
            Some(i32::try_from(hash("a") % 4).expect("small"))
        );
    }

    #[test]
    fn what_cannot_be_is_said() {
        for (config, text) in [
            (
                &[("field", "f"), ("by", "table")][..],
                "for configuration table: by needs at least one",
            ),
            (&[("field", "f"), ("by", "table"), ("table", "a")], "a target behind a colon"),
            (
                &[("field", "f"), ("by", "range"), ("ranges", "1:x")],
                "it must be from..below:target",
            ),
            (&[("field", "f"), ("by", "range"), ("ranges", "a..:x")], "its ends must be numbers"),
            (
                &[("field", "f"), ("by", "hash"), ("to", "queue"), ("targets", "x")],
                "a queue is a number",
            ),
            (&[("field", "f"), ("to", "queue")], "by=value chooses topics"),
            (&[("field", "f"), ("topic.format", "x")], "it must contain ${value}"),
            (&[], "Missing required configuration \"field\""),
        ] {
            let found = error_text(make(CLASS, config));
            assert!(found.contains(text), "{found}");
        }
    }
}
