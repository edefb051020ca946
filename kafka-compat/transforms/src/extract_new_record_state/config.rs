//! The keys.

use gantry_model::config::{
    ConfigData, ConfigDef, ConfigKey, Importance, ParsedConfig, Type, Width,
};
use gantry_model::plugin::Props;
use gantry_model::text::is_blank;
use gantry_model::{Error, Result};

use super::drop_fields::FieldDrops;
use super::reference::Reference;
use crate::debezium::{is, one_of};
use crate::support::{replace_null, replace_null_key};

const MODE: &str = "delete.tombstone.handling.mode";
const ROUTE: &str = "route.by.field";
const FIELDS: &str = "add.fields";
const FIELDS_PREFIX: &str = "add.fields.prefix";
const HEADERS: &str = "add.headers";
const HEADERS_PREFIX: &str = "add.headers.prefix";
const DROP_HEADER: &str = "drop.fields.header.name";
const DROP_FROM_KEY: &str = "drop.fields.from.key";
const DROP_COMPATIBLE: &str = "drop.fields.keep.schema.compatible";
const OLD_TOMBSTONES: &str = "drop.tombstones";
const OLD_DELETES: &str = "delete.handling.mode";
const PREFIX: &str = "__";

const MODES: [(&str, Deletes, bool); 5] = [
    ("drop", Deletes::Drop, false),
    ("tombstone", Deletes::Tombstone, false),
    ("rewrite", Deletes::Rewrite, false),
    ("rewrite-with-tombstone", Deletes::Rewrite, true),
    ("delete-to-tombstone", Deletes::ToTombstone, false),
];
const OLD_MODES: [(&str, Deletes); 3] =
    [("drop", Deletes::Drop), ("rewrite", Deletes::Rewrite), ("none", Deletes::Tombstone)];

/// Keys of Debezium 1, with what is to be written instead. Debezium no longer heeds them, and the
/// records would lack what the configuration asks for.
const GONE: [(&str, &str); 2] =
    [("operation.header", "add.headers=op"), ("add.source.fields", "add.fields=source.…")];

/// What becomes of deletes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Deletes {
    /// They are left out.
    Drop,
    /// The value is null, its schema stays.
    Tombstone,
    /// The value is null, without a schema.
    ToTombstone,
    /// The row as it was, marked as deleted; other rows are marked, too.
    Rewrite,
}

pub(super) struct Settings {
    pub(super) deletes: Deletes,
    pub(super) keeps_tombstones: bool,
    /// The field of the row that names the topic.
    pub(super) route: Option<String>,
    pub(super) fields: Vec<Reference>,
    pub(super) headers: Vec<Reference>,
    pub(super) replace_null: bool,
}

pub(super) fn definition() -> ConfigDef {
    let list_doc = |to: &str| {
        format!(
            "Fields of the event to add to the {to}: op, ts_ms, fields of `source` such as table, \
             or struct.field; `:name` behind one gives it another name. What the event does not \
             have is left out."
        )
    };
    let prefix_doc =
        |to: &str| format!("What stands before the names of fields that are added to the {to}.");
    let def = ConfigDef::new()
        .define(mode_key())
        .define(key(
            ROUTE,
            Type::String,
            "",
            "Route by field name",
            "Field of the row that names the topic. Where it is blank the topic stays.",
        ))
        .define(key(FIELDS_PREFIX, Type::String, PREFIX, "Field prefix", &prefix_doc("row")))
        .define(key(FIELDS, Type::List, "", "Fields to add", &list_doc("row")))
        .define(key(HEADERS_PREFIX, Type::String, PREFIX, "Header prefix", &prefix_doc("headers")))
        .define(key(HEADERS, Type::List, "", "Headers to add", &list_doc("headers")));
    let def = def
        .define(key(
            DROP_HEADER,
            Type::String,
            ConfigData::Null,
            "Header with fields to drop",
            "Name of a header that lists fields to drop from the row.",
        ))
        .define(key(
            DROP_FROM_KEY,
            Type::Boolean,
            false,
            "Drop fields from the key",
            "Whether the listed fields are dropped from the key, too.",
        ))
        .define(key(
            DROP_COMPATIBLE,
            Type::Boolean,
            true,
            "Drop optional fields only",
            "If true, only optional fields are dropped. If false, all that are listed.",
        ));
    old_keys(def.define(replace_null_key()))
}

fn old_keys(def: ConfigDef) -> ConfigDef {
    let old = "Of Debezium before 3.2; counts where delete.tombstone.handling.mode is not set.";
    let deletes = format!("drop (the default), rewrite or none. {old}");
    let tombstones = format!("Whether records without a value are dropped: yes by default. {old}");
    let (text, null) = (Type::String, ConfigData::Null);
    let deletes = key(OLD_DELETES, text, null.clone(), "Handle deletes (deprecated)", &deletes);
    def.define(deletes.validator(one_of(OLD_MODES.map(|(name, _)| name)))).define(key(
        OLD_TOMBSTONES,
        Type::Boolean,
        null,
        "Drop tombstones (deprecated)",
        &tombstones,
    ))
}

fn mode_key() -> ConfigKey {
    let doc = "What becomes of deletes and of records without a value, their tombstones. drop: both \
               are dropped. tombstone: a delete gets a null value, tombstones are dropped. \
               delete-to-tombstone: the same, and the value has no schema. rewrite: a delete \
               becomes the row as it was; a field __deleted tells it from others; tombstones are \
               dropped. rewrite-with-tombstone: the same, and tombstones stay.";
    let mut mode = key(MODE, Type::String, "tombstone", "Handle delete and tombstone records", doc)
        .validator(one_of(MODES.map(|(name, ..)| name)));
    mode.importance = Importance::Medium;
    mode
}

fn key(
    name: &str,
    of: Type,
    default: impl Into<ConfigData>,
    display_name: &str,
    doc: &str,
) -> ConfigKey {
    let mut key = ConfigKey::new(name, of, default, Importance::Low, doc);
    key.width = Width::Medium;
    key.display_name = Some(display_name.to_owned());
    key
}

pub(super) fn parse(props: &Props) -> Result<(Settings, Option<FieldDrops>)> {
    if let Some((name, instead)) = GONE.iter().find(|(name, _)| props.contains_key(*name)) {
        return Err(Error::config(format!(
            "Debezium has no key {name} any more: write {instead} in its place"
        )));
    }
    let config = definition().parse(props)?;
    let (deletes, keeps_tombstones) = handling(&config, props.contains_key(MODE))?;
    let references =
        |prefix, list| Reference::all(config.string(prefix).unwrap_or_default(), config.list(list));
    let filled = |name| config.string(name).filter(|text| !text.is_empty());
    let settings = Settings {
        deletes,
        keeps_tombstones,
        route: filled(ROUTE).map(str::to_owned),
        fields: references(FIELDS_PREFIX, FIELDS)?,
        headers: references(HEADERS_PREFIX, HEADERS)?,
        replace_null: replace_null(&config),
    };
    let header = filled(DROP_HEADER).filter(|name| !is_blank(name));
    let drops = header.map(|name| {
        FieldDrops::new(name, config.boolean(DROP_FROM_KEY), config.boolean(DROP_COMPATIBLE))
    });
    Ok((settings, drops))
}

/// What becomes of deletes, and whether tombstones stay. The keys of before 3.2 count where only
/// they are set, with the defaults of then.
fn handling(config: &ParsedConfig, is_mode_set: bool) -> Result<(Deletes, bool)> {
    let unknown = || Error::config(format!("Unknown value of {MODE} or {OLD_DELETES}"));
    let old_mode = config.string(OLD_DELETES);
    let old_tombstones = match config.get(OLD_TOMBSTONES) {
        ConfigData::Boolean(drop) => Some(!drop),
        _ => None,
    };
    if !is_mode_set && (old_mode.is_some() || old_tombstones.is_some()) {
        let text = old_mode.unwrap_or("drop");
        let (_, deletes) = OLD_MODES.iter().find(|(one, _)| is(text, one)).ok_or_else(unknown)?;
        return Ok((*deletes, old_tombstones.unwrap_or(false)));
    }
    let text = config.string(MODE).unwrap_or("tombstone");
    let (_, deletes, keeps) = MODES.iter().find(|(one, ..)| is(text, one)).ok_or_else(unknown)?;
    Ok((*deletes, *keeps))
}
