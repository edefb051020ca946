//! The keys of the sinks, and what they mean.

use std::time::Duration;

use gantry_api::{ConfigDef, Error, Importance, Props, Result, Type, Validator};

use crate::jdbc::Flavour;
use crate::jdbc::db::{Connecting, Quoting};
use crate::jdbc::keys::{self, Keys};
use crate::jdbc::zone::Zone;

pub(super) const DELETE: &str = "delete.enabled";
pub(super) const PK_MODE: &str = "pk.mode";
pub(super) const PK_FIELDS: &str = "pk.fields";
/// The table in which offsets are kept beside the rows; a key of Gantry's own.
pub(super) const OFFSETS_TABLE: &str = "gantry.offsets.table";

const KINDS: [&str; 3] = ["TABLE", "PARTITIONED TABLE", "VIEW"];

/// The keys of Confluent's sink.
pub(crate) fn confluent() -> ConfigDef {
    definition(Flavour::Confluent)
}

/// The keys of Aiven's sink.
pub(crate) fn aiven() -> ConfigDef {
    definition(Flavour::Aiven)
}

fn definition(flavour: Flavour) -> ConfigDef {
    let (medium, low) = (Importance::Medium, Importance::Low);
    let is_confluent = flavour == Flavour::Confluent;
    let mut keys = Keys::new(if is_confluent { "Connection" } else { "Database" });
    keys::connection(&mut keys, flavour, &[]);
    keys::dialect(&mut keys, low);
    if !is_confluent {
        keys::zone(&mut keys, medium);
        keys::quoting(&mut keys, flavour, low);
    }
    keys.group("Writes");
    writes(&mut keys, is_confluent);
    keys.group("Data Mapping");
    mapping(&mut keys, is_confluent);
    keys.group("DDL Support");
    let text = "Whether a table that is missing is made.";
    keys.add("auto.create", Type::Boolean, false, medium, text);
    let text = "Whether columns that are missing are added.";
    keys.add("auto.evolve", Type::Boolean, false, medium, text);
    if is_confluent {
        keys::quoting(&mut keys, flavour, medium);
    }
    keys.group("Retries");
    let text = "How often a batch that the database does not take is tried again.";
    keys.add_valid("max.retries", Type::Int, 10, medium, text, Validator::at_least(0));
    let text = "How long it is waited before a batch is tried again.";
    keys.add_valid("retry.backoff.ms", Type::Int, 3000, medium, text, Validator::at_least(0));
    if is_confluent {
        let text =
            "Whether errors are shown without what the database says, as rows may stand in it.";
        keys.add("trim.sensitive.log", Type::Boolean, false, low, text);
    }
    keys.done()
}

fn writes(keys: &mut Keys, is_confluent: bool) {
    let (high, medium, low) = (Importance::High, Importance::Medium, Importance::Low);
    let modes: &[&str] = match is_confluent {
        true => &["insert", "upsert", "update"],
        false => &["insert", "multi", "upsert", "update"],
    };
    let text = "insert: rows are added. upsert: rows are added, or replaced by their key. update: rows that \
                are there are changed.";
    keys.add_valid("insert.mode", Type::String, "insert", high, text, keys::enumeration(modes));
    let text = "Most rows that are written at once.";
    keys.add_valid("batch.size", Type::Int, 3000, medium, text, Validator::at_least(0));
    let text =
        "Whether a record without a value deletes the row of its key; pk.mode must be record_key.";
    keys.add(DELETE, Type::Boolean, false, medium, text);
    if is_confluent {
        let check = Validator::custom(|name, value| {
            let list = keys::list_of(value);
            match list
                .iter()
                .find(|kind| !KINDS.iter().any(|known| kind.eq_ignore_ascii_case(known)))
            {
                Some(_) => Err(keys::invalid(
                    name,
                    value,
                    &format!("Valid values are: {}", KINDS.join(", ")),
                )),
                None if list.is_empty() => Err(keys::invalid(
                    name,
                    value,
                    &format!(
                        "At least one value must be specified. Valid values are: {}",
                        KINDS.join(", ")
                    ),
                )),
                None => Ok(()),
            }
        });
        let text = "Kinds of tables that are written to: TABLE, PARTITIONED TABLE, VIEW.";
        keys.add_valid("table.types", Type::List, "TABLE", low, text, check);
        let text = "Whether a field that is null gets its schema's default.";
        keys.add("replace.null.with.default", Type::Boolean, true, low, text);
    }
    let text = "A table of the same database in which the offsets of what was written stand, in one transaction \
                with it: each record is written once, also when a task dies. It is made if it is missing.";
    keys.null(OFFSETS_TABLE, Type::String, low, text);
}

fn mapping(keys: &mut Keys, is_confluent: bool) {
    let (high, medium, low) = (Importance::High, Importance::Medium, Importance::Low);
    let text = "The name of a topic's table; ${topic} stands for the topic's.";
    keys.add_valid(
        "table.name.format",
        Type::String,
        "${topic}",
        medium,
        text,
        Validator::NonEmptyString,
    );
    if !is_confluent {
        let text = "Whether all but letters, digits and _ of a table's name become _.";
        keys.add("table.name.normalize", Type::Boolean, false, medium, text);
        let text = "Tables of topics: topic:table, divided by commas.";
        keys.null("topics.to.tables.mapping", Type::List, medium, text);
    }
    let modes = keys::enumeration(&["none", "kafka", "record_key", "record_value"]);
    let text = "What the primary key is. kafka: topic, queue and offset. record_key: the record's key or \
                fields of it. record_value: fields of its value.";
    keys.add_valid(PK_MODE, Type::String, "none", high, text, modes);
    let text = "The fields, or the names of the columns, of the primary key.";
    keys.add(PK_FIELDS, Type::List, "", medium, text);
    let text = "Only these fields of the value are written, and the primary key; empty: all.";
    keys.add("fields.whitelist", Type::List, "", medium, text);
    if is_confluent {
        keys::zone(keys, medium);
        let text = "The zone of dates: DB_TIMEZONE is db.timezone.";
        keys.add_valid(
            "date.timezone",
            Type::String,
            "DB_TIMEZONE",
            low,
            text,
            Validator::one_of(&["DB_TIMEZONE", "UTC"]),
        );
        let text = "Fields of 64 bits or text that are times since the epoch.";
        keys.add("timestamp.fields.list", Type::List, "", medium, text);
        let text = "What they are in.";
        let units = Validator::one_of(&["MICROSECONDS", "NANOSECONDS"]);
        keys.add_valid("timestamp.precision.mode", Type::String, "MICROSECONDS", low, text, units);
        keys::calendar(keys, low);
        let text = "The column of values that are only a text.";
        keys.add_valid(
            "string.output.value.column.name",
            Type::String,
            "record_value",
            low,
            text,
            Validator::NonEmptyString,
        );
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum InsertMode {
    Insert,
    Upsert,
    Update,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PkMode {
    None,
    Kafka,
    RecordKey,
    RecordValue,
}

impl InsertMode {
    fn parse(word: &str) -> Self {
        match word {
            "upsert" => Self::Upsert,
            "update" => Self::Update,
            _ => Self::Insert,
        }
    }
}

impl PkMode {
    fn parse(word: &str) -> Self {
        match word {
            "kafka" => Self::Kafka,
            "record_key" => Self::RecordKey,
            "record_value" => Self::RecordValue,
            _ => Self::None,
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Kafka => "kafka",
            Self::RecordKey => "record_key",
            Self::RecordValue => "record_value",
        }
    }
}

/// What the keys say.
#[derive(Clone, Debug)]
pub(super) struct Config {
    pub(super) flavour: Flavour,
    pub(super) connecting: Connecting,
    pub(super) quoting: Quoting,
    pub(super) insert_mode: InsertMode,
    pub(super) batch_size: usize,
    pub(super) deletes: bool,
    pub(super) types: Vec<String>,
    pub(super) defaults_for_null: bool,
    pub(super) offsets_table: Option<String>,
    pub(super) table_format: String,
    pub(super) normalize: bool,
    /// Topics and their tables.
    pub(super) tables: Vec<(String, String)>,
    pub(super) pk_mode: PkMode,
    pub(super) pk_fields: Vec<String>,
    pub(super) whitelist: Vec<String>,
    pub(super) zone: Zone,
    pub(super) date_zone: Zone,
    pub(super) timestamp_fields: Vec<String>,
    pub(super) timestamp_nanos: bool,
    pub(super) text_column: String,
    pub(super) creates: bool,
    pub(super) evolves: bool,
    pub(super) retries: u32,
    pub(super) backoff: Duration,
    pub(super) hides_errors: bool,
}

impl Config {
    pub(super) fn parse(flavour: Flavour, props: &Props) -> Result<Self> {
        let config = definition(flavour).parse(props)?;
        let number = |name: &str| config.long(name).unwrap_or(0);
        let word = |name: &str| config.string(name).unwrap_or_default().to_ascii_lowercase();
        let connecting = keys::connecting(flavour, &config, props)?;
        let dialect = connecting.access.target.dialect;
        let is_confluent = flavour == Flavour::Confluent;
        let zone = Zone::parse(config.string(keys::ZONE).unwrap_or("UTC"))?;
        let pk_mode = PkMode::parse(&word(PK_MODE));
        let deletes = config.boolean(DELETE);
        if deletes && pk_mode != PkMode::RecordKey {
            return Err(Error::config(
                "Primary key mode must be 'record_key' when delete support is enabled",
            ));
        }
        let list = |name: &str| -> Vec<String> {
            config
                .list(name)
                .iter()
                .map(|t| t.trim().to_owned())
                .filter(|t| !t.is_empty())
                .collect()
        };
        let types = if is_confluent {
            list("table.types")
        } else {
            vec!["TABLE".to_owned(), "PARTITIONED TABLE".to_owned()]
        };
        Ok(Self {
            flavour,
            quoting: keys::read_quoting(flavour, &config, dialect)?,
            connecting,
            insert_mode: InsertMode::parse(&word("insert.mode")),
            batch_size: usize::try_from(number("batch.size")).unwrap_or(0).max(1),
            deletes,
            types,
            defaults_for_null: !is_confluent || config.boolean("replace.null.with.default"),
            offsets_table: config
                .string(OFFSETS_TABLE)
                .filter(|name| !name.is_empty())
                .map(str::to_owned),
            table_format: config.string("table.name.format").unwrap_or_default().trim().to_owned(),
            normalize: config.boolean("table.name.normalize"),
            tables: tables(&list("topics.to.tables.mapping"))?,
            pk_mode,
            pk_fields: list(PK_FIELDS),
            whitelist: list("fields.whitelist"),
            date_zone: if config.string("date.timezone") == Some("UTC") {
                Zone::Utc
            } else {
                zone.clone()
            },
            zone,
            timestamp_fields: list("timestamp.fields.list"),
            timestamp_nanos: config.string("timestamp.precision.mode") == Some("NANOSECONDS"),
            text_column: config
                .string("string.output.value.column.name")
                .unwrap_or("record_value")
                .to_owned(),
            creates: config.boolean("auto.create"),
            evolves: config.boolean("auto.evolve"),
            retries: u32::try_from(number("max.retries")).unwrap_or(0),
            backoff: Duration::from_millis(u64::try_from(number("retry.backoff.ms")).unwrap_or(0)),
            hides_errors: config.boolean("trim.sensitive.log"),
        })
    }
}

fn tables(list: &[String]) -> Result<Vec<(String, String)>> {
    let pair = |item: &String| match item.split_once(':') {
        Some((topic, table)) if !topic.is_empty() && !table.is_empty() => {
            Ok((topic.to_owned(), table.to_owned()))
        }
        _ => Err(Error::config(format!(
            "Invalid value {item} for configuration topics.to.tables.mapping: Invalid topics to tables mapping; \
             it must be topic:table"
        ))),
    };
    list.iter().map(pair).collect()
}
