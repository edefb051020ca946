//! The keys of the sources, and what they mean.

use std::time::Duration;

use gantry_api::{ConfigDef, Error, Importance, Props, Result, Type, Validator};

use super::columns::{Granularity, NumericMapping};
use super::filter::{Filter, Mapping};
use crate::jdbc::Flavour;
use crate::jdbc::db::{Access, Connecting, Quoting};
use crate::jdbc::keys::{self, Keys};
use crate::jdbc::zone::Zone;

pub(super) const TABLES: &str = "tables";
pub(super) const TABLES_FETCHED: &str = "tables.fetched";
pub(super) const MODE: &str = "mode";
pub(super) const WHITELIST: &str = "table.whitelist";
pub(super) const BLACKLIST: &str = "table.blacklist";
pub(super) const INCLUDE: &str = "table.include.list";
pub(super) const EXCLUDE: &str = "table.exclude.list";
pub(super) const INCREMENTING: &str = "incrementing.column.name";
pub(super) const INCREMENTING_MAPPING: &str = "incrementing.column.mapping";
pub(super) const TIMESTAMP: &str = "timestamp.column.name";
pub(super) const TIMESTAMP_MAPPING: &str = "timestamp.columns.mapping";
pub(super) const QUERY: &str = "query";
pub(super) const QUERY_MASKED: &str = "query.masked";
pub(super) const ISOLATION: &str = "transaction.isolation.mode";
pub(super) const TOPIC_PREFIX: &str = "topic.prefix";

const DATABASE_GROUP: &str = "Database";
const MODE_GROUP: &str = "Mode";
const CONNECTOR_GROUP: &str = "Connector";
/// Longest name of a topic.
const TOPIC_MAX: usize = 249;
const MODES: [&str; 5] = ["", "bulk", "timestamp", "incrementing", "timestamp+incrementing"];
const MAPPINGS: [&str; 4] = ["none", "precision_only", "best_fit", "best_fit_eager_double"];
const ISOLATIONS: [&str; 5] =
    ["DEFAULT", "READ_UNCOMMITTED", "READ_COMMITTED", "REPEATABLE_READ", "SERIALIZABLE"];

/// The keys of Confluent's source.
pub(crate) fn confluent() -> ConfigDef {
    definition(Flavour::Confluent)
}

/// The keys of Aiven's source.
pub(crate) fn aiven() -> ConfigDef {
    definition(Flavour::Aiven)
}

fn definition(flavour: Flavour) -> ConfigDef {
    let mut keys = Keys::new(DATABASE_GROUP);
    database(&mut keys, flavour);
    keys.group(MODE_GROUP);
    mode(&mut keys, flavour);
    keys.group(CONNECTOR_GROUP);
    connector(&mut keys, flavour);
    keys.done()
}

fn database(keys: &mut Keys, flavour: Flavour) {
    let (high, medium, low) = (Importance::High, Importance::Medium, Importance::Low);
    keys::connection(keys, flavour, &[WHITELIST, BLACKLIST]);
    let list = "Names of tables, in full or without their schema, divided by commas.";
    keys.add(WHITELIST, Type::List, "", medium, &format!("Only these tables are read. {list}"));
    keys.add(BLACKLIST, Type::List, "", medium, &format!("These tables are not read. {list}"));
    if flavour == Flavour::Confluent {
        let regexes = Validator::custom(super::filter::check_regexes);
        let text = "Regular expressions that a table's full name matches which is read.";
        keys.add_valid(INCLUDE, Type::List, "", medium, text, regexes.clone());
        let text = "Of those included, regular expressions that the full name of a table matches which is not read.";
        keys.add_valid(EXCLUDE, Type::List, "", medium, text, regexes);
    }
    let text = "The catalog of the tables; an empty one: those without; not set: any.";
    keys.null("catalog.pattern", Type::String, medium, text);
    let importance = if flavour == Flavour::Confluent { high } else { medium };
    let text = "A pattern of SQL for the schemas of the tables; not set: any.";
    keys.null("schema.pattern", Type::String, importance, text);
    let text = "Deprecated: true is numeric.mapping=precision_only.";
    keys.add("numeric.precision.mapping", Type::Boolean, false, low, text);
    let mappings = if flavour == Flavour::Confluent { &MAPPINGS[..] } else { &MAPPINGS[..3] };
    let text = "What becomes of NUMERIC columns. none: decimals. precision_only: whole numbers by \
                their precision, if they have no fraction. best_fit: also numbers with a fraction, \
                as doubles, up to 18 digits. best_fit_eager_double: these whatever their digits.";
    keys.null_valid("numeric.mapping", Type::String, low, text, keys::enumeration(mappings));
    keys::dialect(keys, low);
    match flavour {
        Flavour::Confluent => {
            keys::calendar(keys, low);
        }
        Flavour::Aiven => {
            let text = "Whether tables are known by their full names.";
            keys.add("table.names.qualify", Type::Boolean, true, low, text);
            keys::zone(keys, medium);
            keys::quoting(keys, flavour, low);
        }
    }
}

fn mode(keys: &mut Keys, flavour: Flavour) {
    let (high, medium, low) = (Importance::High, Importance::Medium, Importance::Low);
    let text = "bulk: all of a table each time. incrementing: rows with a larger number than the last \
                ones. timestamp: rows with a later time. timestamp+incrementing: by both, so that \
                changed rows are found and none is passed over.";
    match flavour {
        Flavour::Confluent => {
            keys.add_valid(MODE, Type::String, "", high, text, Validator::one_of(&MODES))
        }
        Flavour::Aiven => {
            keys.required_valid(MODE, Type::String, high, text, Validator::one_of(&MODES[1..]))
        }
    }
    let text = "The column whose number grows with each row; not set: the one that the database counts up.";
    keys.add(INCREMENTING, Type::String, "", medium, text);
    let text = "Columns with the time of a row's last change; of several the first that is not null counts.";
    keys.add(TIMESTAMP, Type::List, "", medium, text);
    if flavour == Flavour::Confluent {
        let check = Validator::custom(super::filter::check_timestamp_mapping);
        let text = "Such columns by table: regular expression of its full name, a colon, and names in \
                    brackets: shop\\.orders:[changed|made].";
        keys.add_valid(TIMESTAMP_MAPPING, Type::List, "", medium, text, check);
        let check = Validator::custom(super::filter::check_incrementing_mapping);
        let text =
            "Such a column by table: regular expression of its full name, a colon, and a name.";
        keys.add_valid(INCREMENTING_MAPPING, Type::List, "", medium, text, check);
        let text = "Where a table without offset begins, in milliseconds since the epoch; -1: now.";
        keys.null("timestamp.initial", Type::Long, low, text);
    }
    let text = "Whether it is an error if a column that rows are found by may be null.";
    keys.add("validate.non.null", Type::Boolean, true, low, text);
    let text = "A query to be read instead of tables. What the mode needs is appended to it.";
    keys.add(QUERY, Type::String, "", medium, text);
    if flavour == Flavour::Aiven {
        let text = "Where a table without offset begins, in milliseconds since the epoch.";
        keys.add("timestamp.initial.ms", Type::Long, 0_i64, medium, text);
        let text = "The number behind which a table without offset begins.";
        keys.add("incrementing.initial", Type::Long, -1_i64, medium, text);
        return;
    }
    keys.add(QUERY_MASKED, Type::Password, "", medium, "The same as query, and shown nowhere.");
    keys::quoting(keys, flavour, medium);
    let text = "Appended to each query: a LIMIT for instance.";
    keys.add("query.suffix", Type::String, "", low, text);
    let text = "The isolation level of what is read.";
    keys.add_valid(ISOLATION, Type::String, "DEFAULT", low, text, Validator::one_of(&ISOLATIONS));
    let text = "How often a query that fails is tried again; -1: for ever.";
    keys.add("query.retry.attempts", Type::Int, -1, low, text);
}

fn connector(keys: &mut Keys, flavour: Flavour) {
    let (high, medium, low) = (Importance::High, Importance::Medium, Importance::Low);
    let is_confluent = flavour == Flavour::Confluent;
    let text = "Kinds of tables that are read: TABLE, VIEW and what else the database has.";
    keys.add("table.types", Type::List, "TABLE", low, text);
    keys.add("poll.interval.ms", Type::Int, 5000, high, "How often each table is looked at.");
    let rows = if is_confluent { 1000 } else { 100 };
    let text = "Most rows of a batch, and of what is fetched at once.";
    keys.add_valid("batch.max.rows", Type::Int, rows, low, text, Validator::at_least(1));
    if is_confluent {
        let text = "No effect: two batches wait at most.";
        keys.add("max.buffer.size", Type::Int, 0, low, text);
        let text = "No effect: no empty batches are given.";
        keys.add("poll.linger.ms", Type::Long, 5000_i64, low, text);
    }
    let text = "How often it is looked for tables that are new or gone.";
    keys.add("table.poll.interval.ms", Type::Long, 60_000_i64, low, text);
    let text = "The topic of a table is this and its name; the topic of a query is this.";
    match flavour {
        Flavour::Confluent => {
            let check = Validator::custom(|name, value| check_prefix(name, keys::text_of(value)));
            keys.add_valid(TOPIC_PREFIX, Type::String, "", high, text, check);
        }
        Flavour::Aiven => keys.required(TOPIC_PREFIX, Type::String, high, text),
    }
    let text = "Rows are read so long after their time, so that transactions of that time can end.";
    keys.add("timestamp.delay.interval.ms", Type::Long, 0_i64, high, text);
    if is_confluent {
        keys::zone(keys, medium);
        let text = "What becomes of timestamps: Connect's type in milliseconds, or numbers, texts or ISO \
                    8601 texts in microseconds or nanoseconds.";
        let check = Validator::custom(|name, value| {
            Granularity::parse(keys::text_of(value)).map(|_| ()).ok_or_else(|| {
                keys::invalid(
                    name,
                    value,
                    &format!("must be one of {}", Granularity::NAMES.join(", ")),
                )
            })
        });
        keys.add_valid(
            "timestamp.granularity",
            Type::String,
            Granularity::NAMES[0],
            low,
            text,
            check,
        );
    }
}

fn check_prefix(name: &str, value: &str) -> Result<()> {
    let value = value.trim();
    let allowed = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    let what = match value {
        _ if value.len() > TOPIC_MAX => {
            "Topic prefix length must not exceed max topic name length, 249 chars"
        }
        _ if !value.chars().all(allowed) => {
            "Topic prefix must not contain any character other than ASCII alphanumerics, '.', '_' and '-'."
        }
        _ => return Ok(()),
    };
    Err(Error::config(format!("Invalid value {value} for configuration {name}: {what}")))
}

/// How rows are found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    Bulk,
    Timestamp,
    Incrementing,
    Both,
}

impl Mode {
    pub(super) fn has_timestamp(self) -> bool {
        matches!(self, Self::Timestamp | Self::Both)
    }
    pub(super) fn has_number(self) -> bool {
        matches!(self, Self::Incrementing | Self::Both)
    }
}

/// What the keys say.
#[derive(Clone)]
pub(super) struct Config {
    pub(super) connecting: Connecting,
    pub(super) quoting: Quoting,
    pub(super) mode: Mode,
    pub(super) filter: Filter,
    pub(super) qualify: bool,
    /// The column of a table that counts, if it is named.
    pub(super) incrementing: Mapping,
    /// The columns of a table with its times.
    pub(super) timestamps: Mapping,
    pub(super) timestamp_initial_ms: Option<i64>,
    /// Whether -1 there is now.
    pub(super) begins_now: bool,
    pub(super) incrementing_initial: i64,
    pub(super) validate_non_null: bool,
    pub(super) query: Option<String>,
    pub(super) suffix: String,
    pub(super) isolation: Option<String>,
    /// `None`: for ever.
    pub(super) retries: Option<u32>,
    pub(super) catalog: Option<String>,
    pub(super) schema: Option<String>,
    pub(super) types: Vec<String>,
    pub(super) poll_interval: Duration,
    pub(super) batch_rows: usize,
    pub(super) table_poll_interval: Duration,
    pub(super) topic_prefix: String,
    pub(super) delay_ms: i64,
    pub(super) zone: Zone,
    pub(super) numeric: NumericMapping,
    pub(super) has_precision: bool,
    pub(super) granularity: Granularity,
}

impl Config {
    pub(super) fn parse(flavour: Flavour, props: &Props) -> Result<Self> {
        let config = definition(flavour).parse(props)?;
        let string =
            |name: &str| config.string(name).filter(|text| !text.is_empty()).map(str::to_owned);
        let number = |name: &str, default: i64| config.long(name).unwrap_or(default);
        let millis =
            |name: &str| Duration::from_millis(u64::try_from(number(name, 0)).unwrap_or(0));
        let connecting = keys::connecting(flavour, &config, props)?;
        let confluent = flavour == Flavour::Confluent;
        let mode = match config.string(MODE) {
            Some("bulk") => Mode::Bulk,
            Some("timestamp") => Mode::Timestamp,
            Some("incrementing") => Mode::Incrementing,
            Some("timestamp+incrementing") => Mode::Both,
            _ => return Err(Error::config("Query mode must be specified")),
        };
        let initial =
            config.long("timestamp.initial").or_else(|| config.long("timestamp.initial.ms"));
        let query = string(QUERY_MASKED).or_else(|| string(QUERY));
        let retries = number("query.retry.attempts", -1);
        Ok(Self {
            quoting: keys::read_quoting(flavour, &config, connecting.access.target.dialect)?,
            connecting,
            mode,
            filter: Filter::new(&config)?,
            qualify: confluent || config.boolean("table.names.qualify"),
            incrementing: Mapping::new(
                config.string(INCREMENTING).into_iter().map(str::to_owned).collect(),
                config.list(INCREMENTING_MAPPING),
            )?,
            timestamps: Mapping::new(
                config.list(TIMESTAMP).to_vec(),
                config.list(TIMESTAMP_MAPPING),
            )?,
            begins_now: confluent,
            timestamp_initial_ms: initial.filter(|ms| *ms != 0),
            incrementing_initial: number("incrementing.initial", -1),
            validate_non_null: config.boolean("validate.non.null"),
            query,
            suffix: string("query.suffix").unwrap_or_default().trim().to_owned(),
            isolation: string(ISOLATION).filter(|mode| mode != "DEFAULT"),
            retries: u32::try_from(retries).ok().filter(|count| *count > 0),
            catalog: config.string("catalog.pattern").map(str::to_owned),
            schema: config.string("schema.pattern").map(str::to_owned),
            types: config.list("table.types").to_vec(),
            poll_interval: millis("poll.interval.ms"),
            batch_rows: usize::try_from(number("batch.max.rows", 100)).unwrap_or(1),
            table_poll_interval: millis("table.poll.interval.ms"),
            topic_prefix: config.string(TOPIC_PREFIX).unwrap_or_default().trim().to_owned(),
            delay_ms: number("timestamp.delay.interval.ms", 0),
            zone: Zone::parse(config.string(keys::ZONE).unwrap_or("UTC"))?,
            numeric: NumericMapping::parse(
                config.string("numeric.mapping"),
                config.boolean("numeric.precision.mapping"),
            ),
            has_precision: confluent,
            granularity: config
                .string("timestamp.granularity")
                .and_then(Granularity::parse)
                .unwrap_or_default(),
        })
    }
}

/// Where the database is, of keys that may be wrong elsewhere.
pub(super) fn access(flavour: Flavour, props: &Props) -> Result<Access> {
    let config = definition(flavour).parse(props)?;
    Ok(keys::connecting(flavour, &config, props)?.access)
}
