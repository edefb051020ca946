//! The keys.

use gantry_model::config::{
    ConfigData, ConfigDef, ConfigKey, Importance, ParsedConfig, Type, Validator, Width,
};
use gantry_model::plugin::Props;
use gantry_model::regex::JavaPattern;
use gantry_model::{Error, Result, Str};

use super::expand::Expansion;
use crate::debezium::{is, one_of};
use crate::support::regex_validator;

const ID: &str = "table.field.event.id";
const KEY: &str = "table.field.event.key";
const TYPE: &str = "table.field.event.type";
const PAYLOAD: &str = "table.field.event.payload";
const TIMESTAMP: &str = "table.field.event.timestamp";
const EXTRAS: &str = "table.fields.additional.placement";
const MISSING: &str = "table.field.additional.missing";
const VERSION: &str = "table.field.event.schema.version";
const ON_UPDATE: &str = "table.op.invalid.behavior";
const EXPAND: &str = "table.expand.json.payload";
const EXPAND_NULL: &str = "table.json.payload.null.behavior";
const EXPAND_EMPTY: &str = "table.json.payload.empty.array.behavior";
const ROUTE: &str = "route.by.field";
const REGEX: &str = "route.topic.regex";
const REPLACEMENT: &str = "route.topic.replacement";
const TOMBSTONES: &str = "route.tombstone.on.empty.payload";

/// Keys of Debezium that Gantry has no part for.
const REFUSED: [&str; 4] = [
    "tracing.span.context.field",
    "tracing.operation.name",
    "tracing.with.context.field.only",
    "field.name.adjustment.mode",
];

/// What becomes of updates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OnUpdate {
    Warn,
    Error,
    Fatal,
}

/// Where a further field of the row goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Placement {
    Header,
    Envelope,
    Partition,
}

pub(super) struct Extra {
    pub(super) placement: Placement,
    pub(super) field: String,
    pub(super) alias: Str,
}

/// Names of fields of the rows.
pub(super) struct Names {
    pub(super) id: String,
    pub(super) key: String,
    pub(super) payload: String,
    pub(super) timestamp: Option<String>,
    pub(super) route: String,
}

pub(super) struct Settings {
    pub(super) on_update: OnUpdate,
    pub(super) names: Names,
    /// For Oracle: names that are not set are in capitals.
    pub(super) oracle_names: Names,
    pub(super) extras: Vec<Extra>,
    pub(super) skips_missing: bool,
    pub(super) version: Option<String>,
    pub(super) tombstones: bool,
    /// Whether the value is the payload and nothing else.
    pub(super) is_payload_only: bool,
}

/// A key: name, type, default, importance, name in a form and what it does.
type Key = (&'static str, Type, Default, Importance, &'static str, &'static str);

#[derive(Clone, Copy)]
enum Default {
    Null,
    No,
    Text(&'static str),
}

const TABLE: [Key; 12] = [
    (
        ID,
        Type::String,
        Default::Text("id"),
        Importance::Low,
        "Event ID Field",
        "Field of the row with the message's id, which becomes the header `id`.",
    ),
    (
        KEY,
        Type::String,
        Default::Text("aggregateid"),
        Importance::Low,
        "Event Key Field",
        "Field of the row with the message's key.",
    ),
    (
        TYPE,
        Type::String,
        Default::Text("type"),
        Importance::Low,
        "Event Type Field",
        "Field of the row with the message's type. Nothing reads this key: what places further \
         fields places the type, too.",
    ),
    (
        PAYLOAD,
        Type::String,
        Default::Text("payload"),
        Importance::Low,
        "Event Payload Field",
        "Field of the row with the message itself.",
    ),
    (
        TIMESTAMP,
        Type::String,
        Default::Null,
        Importance::Medium,
        "Event Timestamp Field",
        "Field of the row with the message's time. Not set, or null in a row: when Debezium \
         handled the change.",
    ),
    (
        EXTRAS,
        Type::List,
        Default::Null,
        Importance::High,
        "Further fields",
        "Further fields of the row, as field:placement or field:placement:name. The placement is \
         header, envelope (a field beside the payload) or partition.",
    ),
    (
        MISSING,
        Type::String,
        Default::Text("error"),
        Importance::Medium,
        "Further fields that are missing",
        "What happens where the row lacks such a field: error, or ignore.",
    ),
    (
        VERSION,
        Type::String,
        Default::Null,
        Importance::Low,
        "Event Schema Version Field",
        "Field of the row with the version of the value's schema, where further fields stand \
         beside the payload.",
    ),
    (
        ON_UPDATE,
        Type::String,
        Default::Text("warn"),
        Importance::Medium,
        "Updates",
        "What happens where a row is updated: warn and error write a line and drop the event, \
         fatal fails.",
    ),
    (
        EXPAND,
        Type::Boolean,
        Default::No,
        Importance::Medium,
        "Expand JSON",
        "Whether a payload of JSON text becomes a struct, with a schema worked out from it. What \
         is no JSON object stays as it is.",
    ),
    (
        EXPAND_NULL,
        Type::String,
        Default::Text("ignore"),
        Importance::Medium,
        "Nulls in JSON",
        "What becomes of fields that are null there: ignore, or optional_bytes.",
    ),
    (
        EXPAND_EMPTY,
        Type::String,
        Default::Text("ignore"),
        Importance::Medium,
        "Empty lists in JSON",
        "What becomes of lists without elements there: ignore, or optional_string.",
    ),
];

const ROUTER: [Key; 4] = [
    (
        ROUTE,
        Type::String,
        Default::Text("aggregatetype"),
        Importance::High,
        "Field to route by",
        "Field of the row of which the topic is made.",
    ),
    (
        REGEX,
        Type::String,
        Default::Text("(?<routedByValue>.*)"),
        Importance::Low,
        "Topic pattern",
        "Java regular expression that must match what that field holds; else that is the topic.",
    ),
    (
        REPLACEMENT,
        Type::String,
        Default::Text("outbox.event.${routedByValue}"),
        Importance::High,
        "Topic",
        "What the match becomes: the topic. $1 and ${name} stand for groups.",
    ),
    (
        TOMBSTONES,
        Type::Boolean,
        Default::No,
        Importance::High,
        "Tombstones",
        "Whether a message without payload becomes a tombstone.",
    ),
];

pub(super) fn definition() -> ConfigDef {
    let mut def = ConfigDef::new();
    for (group, keys) in [("Table", &TABLE[..]), ("Router", &ROUTER)] {
        for ((name, of, default, importance, display, doc), order) in keys.iter().zip(1..) {
            let default = match default {
                Default::Null => ConfigData::Null,
                Default::No => ConfigData::Boolean(false),
                Default::Text(text) => ConfigData::from(*text),
            };
            let key = ConfigKey::new(name, *of, default, *importance, doc);
            let mut key = key.group(group, order, Width::Medium, display);
            key.validator = validator(name);
            def = def.define(key);
        }
    }
    def
}

fn validator(name: &str) -> Option<Validator> {
    Some(match name {
        EXTRAS => Validator::custom(check_extras),
        MISSING => one_of(["error", "ignore"]),
        ON_UPDATE => one_of(["warn", "error", "fatal"]),
        EXPAND_NULL => one_of(["ignore", "optional_bytes"]),
        EXPAND_EMPTY => one_of(["ignore", "optional_string"]),
        REGEX => regex_validator(),
        _ => return None,
    })
}

fn check_extras(_: &str, value: &ConfigData) -> Result<()> {
    match value {
        ConfigData::List(list) => list.iter().try_for_each(|text| extra(list, text).map(drop)),
        _ => Ok(()),
    }
}

/// `field:placement` or `field:placement:name`.
fn extra(all: &[String], text: &str) -> Result<Extra> {
    let invalid = |what: &str| {
        let all = all.join(", ");
        Error::config(format!("Invalid value [{all}] for configuration {EXTRAS}: {what}"))
    };
    let parts: Vec<&str> = text.trim_end_matches(':').split(':').map(str::trim).collect();
    let (field, placement, alias) = match parts.as_slice() {
        [field, placement] => (*field, *placement, *field),
        [field, placement, alias] => (*field, *placement, *alias),
        _ => {
            let all = all.join(", ");
            return Err(invalid(&format!(
                "A comma-separated list of valid String pairs or trios is expected but got: [{all}]"
            )));
        }
    };
    let placement = match placement.to_ascii_lowercase().as_str() {
        "header" => Placement::Header,
        "envelope" => Placement::Envelope,
        "partition" => Placement::Partition,
        _ => return Err(invalid("Placement must be one of header, envelope, partition")),
    };
    Ok(Extra { placement, field: field.to_owned(), alias: alias.into() })
}

pub(super) type Parsed = (Settings, Option<Expansion>, JavaPattern, String);

pub(super) fn parse(props: &Props) -> Result<Parsed> {
    if let Some(name) = REFUSED.iter().find(|name| props.contains_key(**name)) {
        return Err(Error::config(format!("{name} is not supported by the native EventRouter")));
    }
    let config = definition().parse(props)?;
    let string = |name| config.string(name).unwrap_or_default();
    let list = config.list(EXTRAS);
    let extras = list.iter().map(|text| extra(list, text)).collect::<Result<Vec<_>>>()?;
    let expansion = config.boolean(EXPAND).then(|| Expansion {
        name: string(PAYLOAD).to_owned(),
        keeps_nulls: is(string(EXPAND_NULL), "optional_bytes"),
        keeps_empty: is(string(EXPAND_EMPTY), "optional_string"),
    });
    let settings = Settings {
        on_update: match string(ON_UPDATE) {
            text if is(text, "fatal") => OnUpdate::Fatal,
            text if is(text, "error") => OnUpdate::Error,
            _ => OnUpdate::Warn,
        },
        names: names(&config, |_, name| name.to_owned()),
        oracle_names: names(&config, |key, name| match props.contains_key(key) {
            true => name.to_owned(),
            false => name.to_uppercase(),
        }),
        is_payload_only: !extras.iter().any(|extra| extra.placement == Placement::Envelope),
        extras,
        skips_missing: is(string(MISSING), "ignore"),
        version: config.string(VERSION).map(str::to_owned),
        tombstones: config.boolean(TOMBSTONES),
    };
    let pattern = JavaPattern::compile(string(REGEX))?;
    Ok((settings, expansion, pattern, string(REPLACEMENT).to_owned()))
}

fn names(config: &ParsedConfig, change: impl Fn(&str, &str) -> String) -> Names {
    let name = |key| change(key, config.string(key).unwrap_or_default());
    Names {
        id: name(ID),
        key: name(KEY),
        payload: name(PAYLOAD),
        timestamp: config.string(TIMESTAMP).map(str::to_owned),
        route: name(ROUTE),
    }
}
