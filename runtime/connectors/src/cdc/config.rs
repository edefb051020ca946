//! What the keys that all connectors of this folder have in common mean.

use std::time::Duration;

use gantry_api::model::Schema;
use gantry_api::model::config::ParsedConfig;
use gantry_api::{Error, Props, Result};

use super::columns::{KeyColumns, Rules};
use super::emit::Op;
use super::names::{Adjustment, Naming, Strategy};
use super::patterns::{Filter, Patterns};
use super::table::Shaping;

/// What decimal numbers become.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decimals {
    Precise,
    Double,
    Text,
}

/// What bytes become.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Binaries {
    Bytes,
    Base64,
    Base64Url,
    Hex,
}

/// What times become.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Times {
    Adaptive,
    AdaptiveMicros,
    Connect,
    IsoText,
    Micros,
    Nanos,
}

/// What is done with what cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OnFault {
    Fail,
    Warn,
    Skip,
}

/// Kinds of changes that are left out.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Skipped(u8);

impl Skipped {
    fn parse(list: &[String]) -> Result<Self> {
        let mut bits = 0;
        for word in list.iter().map(|word| word.trim()) {
            bits |= match word {
                "c" => 1 << Op::Create as u8,
                "u" => 1 << Op::Update as u8,
                "d" => 1 << Op::Delete as u8,
                "t" => 1 << Op::Truncate as u8,
                "r" => 0,
                "none" if list.len() == 1 => 0,
                "none" => {
                    return Err(fault(
                        "skipped.operations",
                        "'none' cannot be specified with other skipped operation types",
                    ));
                }
                other => {
                    let text =
                        format!("Invalid operation {other}: it must be one of c, u, d, t, none");
                    return Err(fault("skipped.operations", &text));
                }
            };
        }
        Ok(Self(bits))
    }

    pub(crate) fn contains(self, op: Op) -> bool {
        self.0 & (1 << op as u8) != 0
    }
}

/// When rows that are there are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SnapshotMode {
    Always,
    Initial,
    InitialOnly,
    NoData,
    WhenNeeded,
    Recovery,
    Configured { data: bool, stream: bool, on_data_error: bool },
}

impl SnapshotMode {
    /// Whether rows are read. `is_done`: they were before.
    pub(crate) fn reads_rows(self, is_done: bool) -> bool {
        match self {
            Self::Always => true,
            Self::Initial | Self::InitialOnly | Self::WhenNeeded => !is_done,
            Self::NoData | Self::Recovery => false,
            Self::Configured { data, .. } => data,
        }
    }
    /// Whether changes are read.
    pub(crate) fn streams(self) -> bool {
        match self {
            Self::InitialOnly => false,
            Self::Configured { stream, .. } => stream,
            _ => true,
        }
    }
    /// Whether rows are read when the position is lost.
    pub(crate) fn begins_again(self) -> bool {
        match self {
            Self::WhenNeeded => true,
            Self::Configured { on_data_error, .. } => on_data_error,
            _ => false,
        }
    }
}

/// Where it is told how snapshots go.
#[derive(Clone, Debug, Default)]
pub(crate) struct Notifications {
    pub(crate) log: bool,
    pub(crate) topic: Option<String>,
}

/// All of it.
#[derive(Clone, Debug)]
pub(crate) struct Common {
    /// The connector's name in records.
    pub(crate) connector: &'static str,
    pub(crate) shaping: Shaping,
    pub(crate) databases: Filter,
    pub(crate) schemas: Filter,
    pub(crate) tables: Filter,
    /// The patterns of the tables in the order in which they are listed.
    pub(crate) table_order: Vec<Patterns>,
    pub(crate) ignore_builtin: bool,
    pub(crate) decimals: Decimals,
    pub(crate) binaries: Binaries,
    pub(crate) times: Times,
    pub(crate) placeholder: Vec<u8>,
    pub(crate) comments: bool,
    pub(crate) on_value: OnFault,
    pub(crate) on_event: OnFault,
    pub(crate) tombstones: bool,
    pub(crate) skipped: Skipped,
    pub(crate) skip_unchanged: bool,
    pub(crate) heartbeat: Option<Duration>,
    pub(crate) heartbeat_query: Option<String>,
    pub(crate) transactions: bool,
    pub(crate) extended_headers: bool,
    pub(crate) snapshot_mode: SnapshotMode,
    pub(crate) snapshot_tables: Patterns,
    /// Tables with the SQL that asks for their rows.
    pub(crate) snapshot_queries: Vec<(String, String)>,
    pub(crate) snapshot_delay: Duration,
    pub(crate) streaming_delay: Duration,
    pub(crate) lock_timeout: Duration,
    pub(crate) signal_table: Option<String>,
    pub(crate) chunk_rows: usize,
    /// Whether the mark that opened a window is deleted in place of a second one.
    pub(crate) deletes_marks: bool,
    pub(crate) notifications: Notifications,
    pub(crate) retries: Option<u64>,
    pub(crate) retry_wait: Duration,
    pub(crate) batch_max: usize,
    pub(crate) query_timeout: Option<Duration>,
    pub(crate) initial_statements: Vec<String>,
    pub(crate) tables_max: usize,
    pub(crate) tables_max_fails: bool,
}

pub(crate) fn fault(key: &str, what: &str) -> Error {
    Error::config(format!("The '{key}' value is invalid: {what}"))
}

fn at<T>(key: &str, read: Result<T>) -> Result<T> {
    read.map_err(|error| fault(key, error.message()))
}

/// A key that the definition may not have.
pub(crate) fn text<'a>(props: &'a Props, key: &str) -> Option<&'a str> {
    props.get(key).map(|value| value.trim()).filter(|value| !value.is_empty())
}

fn millis(parsed: &ParsedConfig, key: &str) -> Duration {
    Duration::from_millis(parsed.long(key).and_then(|ms| u64::try_from(ms).ok()).unwrap_or(0))
}

fn word(parsed: &ParsedConfig, key: &str) -> String {
    parsed.string(key).unwrap_or_default().to_ascii_lowercase()
}

/// Include and exclude lists of one kind of thing.
fn filter(props: &Props, what: &str) -> Result<Filter> {
    let (include, exclude) = (format!("{what}.include.list"), format!("{what}.exclude.list"));
    at(&include, Patterns::parse(text(props, &include).unwrap_or_default()).map(|_| ()))?;
    at(&exclude, Filter::parse(text(props, &include), text(props, &exclude)))
}

/// How tables become schemas.
fn shaping(
    prefix: String,
    source: Schema,
    parsed: &ParsedConfig,
    props: &Props,
) -> Result<Shaping> {
    let field_names = match Adjustment::parse(&word(parsed, "field.name.adjustment.mode")) {
        Adjustment::None if writes_avro(props) => Adjustment::Avro,
        mode => mode,
    };
    let key_columns = parsed.string("message.key.columns").unwrap_or_default();
    Ok(Shaping {
        naming: naming(prefix, parsed, props)?,
        schema_names: Adjustment::parse(&word(parsed, "schema.name.adjustment.mode")),
        field_names,
        rules: Rules::parse(props)?,
        key_columns: at("message.key.columns", KeyColumns::parse(key_columns))?,
        columns: filter(props, "column")?,
        source,
    })
}

impl Common {
    /// Reads the keys. `connector`: its name in records; `source`: the schema of its `source`.
    pub(crate) fn parse(
        connector: &'static str,
        source: Schema,
        parsed: &ParsedConfig,
        props: &Props,
    ) -> Result<Self> {
        let given = |key: &str| parsed.string(key).filter(|text| !text.trim().is_empty());
        let prefix = given("topic.prefix")
            .ok_or_else(|| fault("topic.prefix", "A value is required"))?
            .to_owned();
        let placeholder = given("unavailable.value.placeholder").unwrap_or_default();
        let limit = |key: &str| parsed.long(key).and_then(|n| usize::try_from(n).ok()).unwrap_or(0);
        let table_list = text(props, "table.include.list").unwrap_or_default();
        Ok(Self {
            connector,
            shaping: shaping(prefix, source, parsed, props)?,
            databases: filter(props, "database")?,
            schemas: filter(props, "schema")?,
            tables: filter(props, "table")?,
            table_order: super::patterns::split(table_list)
                .iter()
                .map(|one| Patterns::of(std::slice::from_ref(one)))
                .collect::<Result<_>>()?,
            ignore_builtin: parsed.boolean("table.ignore.builtin"),
            decimals: decimals(&word(parsed, "decimal.handling.mode")),
            binaries: binaries(&word(parsed, "binary.handling.mode")),
            times: times(&word(parsed, "time.precision.mode")),
            placeholder: at("unavailable.value.placeholder", bytes(placeholder))?,
            comments: parsed.boolean("include.schema.comments"),
            on_value: on_fault(&word(parsed, "event.converting.failure.handling.mode")),
            on_event: on_fault(&word(parsed, "event.processing.failure.handling.mode")),
            tombstones: parsed.boolean("tombstones.on.delete"),
            skipped: Skipped::parse(parsed.list("skipped.operations"))?,
            skip_unchanged: parsed.boolean("skip.messages.without.change"),
            heartbeat: Some(millis(parsed, "heartbeat.interval.ms")).filter(|time| !time.is_zero()),
            heartbeat_query: given("heartbeat.action.query").map(str::to_owned),
            transactions: parsed.boolean("provide.transaction.metadata"),
            extended_headers: parsed.boolean("extended.headers.enabled"),
            snapshot_mode: snapshot_mode(parsed)?,
            snapshot_tables: at(
                "snapshot.include.collection.list",
                Patterns::parse(
                    text(props, "snapshot.include.collection.list").unwrap_or_default(),
                ),
            )?,
            snapshot_queries: queries(props)?,
            snapshot_delay: millis(parsed, "snapshot.delay.ms"),
            streaming_delay: millis(parsed, "streaming.delay.ms"),
            lock_timeout: millis(parsed, "snapshot.lock.timeout.ms"),
            signal_table: signal_table(parsed)?,
            chunk_rows: limit("incremental.snapshot.chunk.size").max(1),
            deletes_marks: word(parsed, "incremental.snapshot.watermarking.strategy")
                == "insert_delete",
            notifications: notifications(parsed)?,
            retries: parsed.long("errors.max.retries").and_then(|n| u64::try_from(n).ok()),
            retry_wait: millis(parsed, "retriable.restart.connector.wait.ms"),
            batch_max: limit("max.batch.size").max(1),
            query_timeout: Some(millis(parsed, "database.query.timeout.ms"))
                .filter(|time| !time.is_zero()),
            initial_statements: statements(
                given("database.initial.statements").unwrap_or_default(),
            ),
            tables_max: limit("guardrail.collections.max"),
            tables_max_fails: word(parsed, "guardrail.collections.limit.action") == "fail",
        })
    }

    /// Whether this table's changes are read, which is always so for that of signals.
    pub(crate) fn takes(&self, table: &super::table::TableName) -> bool {
        let text = table.to_string();
        if self.signal_table.as_deref() == Some(text.as_str()) {
            return true;
        }
        let outer = |filter: &Filter, name: &Option<String>| {
            name.as_deref().is_none_or(|name| filter.takes(name))
        };
        outer(&self.databases, &table.database)
            && outer(&self.schemas, &table.schema)
            && self.tables.takes(&text)
    }

    /// Refuses more tables than there may be, if it is to.
    pub(crate) fn check_count(&self, tables: usize) -> Result<()> {
        if self.tables_max == 0 || tables <= self.tables_max {
            return Ok(());
        }
        let text = format!(
            "Guardrail limit exceeded: {tables} tables/collections configured for capture, but maximum \
             allowed is {}.",
            self.tables_max
        );
        if self.tables_max_fails {
            return Err(Error::connect(text));
        }
        tracing::warn!("{text}");
        Ok(())
    }

    /// Brings tables into the order in which they are listed.
    pub(crate) fn in_order<T>(&self, mut tables: Vec<(String, T)>) -> Vec<(String, T)> {
        let place = |name: &str| {
            let found = self.table_order.iter().position(|patterns| patterns.fit(name));
            found.unwrap_or(self.table_order.len())
        };
        tables.sort_by(|(a, _), (b, _)| place(a).cmp(&place(b)).then_with(|| a.cmp(b)));
        tables
    }
}

/// What no connector of this folder does, and would be wrong to pass over in silence.
pub(crate) fn unsupported(props: &Props) -> Vec<(&'static str, String)> {
    let mut faults = Vec::new();
    let mut refuse = |key: &'static str, is_wrong: &dyn Fn(&str) -> bool, why: &str| {
        if let Some(value) = text(props, key).filter(|value| is_wrong(value)) {
            let java = "or put Debezium's own connector on plugin.path";
            faults.push((key, format!("The '{key}' value is invalid: {value}: {why}; {java}")));
        }
    };
    let any = |_: &str| true;
    refuse("converters", &any, "converters in Java cannot run here: remove the key");
    refuse("post.processors", &any, "processors in Java cannot run here: remove the key");
    refuse(
        "snapshot.mode",
        &|word| word == "custom",
        "snapshotters in Java cannot run here: take another mode",
    );
    refuse(
        "snapshot.locking.mode",
        &|word| word == "custom",
        "locking in Java cannot run here: take another mode",
    );
    refuse(
        "snapshot.query.mode",
        &|word| word == "custom",
        "queries in Java cannot run here: use snapshot.select.statement.overrides",
    );
    refuse(
        "sourceinfo.struct.maker",
        &|class| !class.ends_with("SourceInfoStructMaker"),
        "classes in Java cannot run here: remove the key",
    );
    refuse(
        "transaction.metadata.factory",
        &|class| class != "io.debezium.pipeline.txmetadata.DefaultTransactionMetadataFactory",
        "classes in Java cannot run here: remove the key",
    );
    refuse(
        "openlineage.integration.enabled",
        &|flag| flag == "true",
        "OpenLineage is not told: set it to false",
    );
    refuse(
        "signal.enabled.channels",
        &|list| list.split(',').any(|one| one.trim() != "source"),
        "signals come by the table of signal.data.collection only: set it to source",
    );
    refuse(
        "time.precision.mode",
        &|word| word == "structured",
        "these schemas are not made here: take another mode",
    );
    faults
}

/// Whether records become Avro by a converter of these, which then changes names of fields itself.
fn writes_avro(props: &Props) -> bool {
    const CLASSES: [&str; 2] = [
        "io.confluent.connect.avro.AvroConverter",
        "io.apicurio.registry.utils.converter.AvroConverter",
    ];
    ["key.converter", "value.converter"]
        .iter()
        .any(|key| text(props, key).is_some_and(|class| CLASSES.contains(&class)))
}

fn naming(prefix: String, parsed: &ParsedConfig, props: &Props) -> Result<Naming> {
    let class = parsed.string("topic.naming.strategy").unwrap_or_default();
    let (strategy, is_unicode) = match class.strip_prefix("io.debezium.schema.") {
        Some("SchemaTopicNamingStrategy") => (Strategy::Schema, false),
        Some("DefaultTopicNamingStrategy") => (Strategy::Database, false),
        Some("SchemaUnicodeTopicNamingStrategy") => (Strategy::Schema, true),
        Some("DefaultUnicodeTopicNamingStrategy") => (Strategy::Database, true),
        _ => {
            let text = format!(
                "{class} cannot run here: take one of Debezium's strategies, and a transformation for other \
                 names (RegexRouter, ByLogicalTableRouter), or put Debezium's own connector on plugin.path"
            );
            return Err(fault("topic.naming.strategy", &text));
        }
    };
    let part = |key: &str, default: &str| -> Result<String> {
        let value = text(props, key).unwrap_or(default);
        match value.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-.".contains(&b)) {
            true => Ok(value.to_owned()),
            false => Err(fault(
                key,
                &format!(
                    "{value} has invalid format (only the underscore, hyphen, dot and alphanumeric characters \
                     are allowed)"
                ),
            )),
        }
    };
    let heartbeat_name = part("topic.heartbeat.name", "")?;
    Ok(Naming {
        strategy,
        is_unicode,
        delimiter: part("topic.delimiter", ".")?,
        heartbeat_prefix: part("topic.heartbeat.prefix", "__debezium-heartbeat")?,
        heartbeat_name: (!heartbeat_name.is_empty()).then_some(heartbeat_name),
        transaction: part("topic.transaction", "transaction")?,
        prefix,
    })
}

fn decimals(word: &str) -> Decimals {
    match word {
        "double" => Decimals::Double,
        "string" => Decimals::Text,
        _ => Decimals::Precise,
    }
}

fn binaries(word: &str) -> Binaries {
    match word {
        "base64" => Binaries::Base64,
        "base64-url-safe" => Binaries::Base64Url,
        "hex" => Binaries::Hex,
        _ => Binaries::Bytes,
    }
}

fn times(word: &str) -> Times {
    match word {
        "adaptive_time_microseconds" => Times::AdaptiveMicros,
        "connect" => Times::Connect,
        "isostring" => Times::IsoText,
        "microseconds" => Times::Micros,
        "nanoseconds" => Times::Nanos,
        _ => Times::Adaptive,
    }
}

fn on_fault(word: &str) -> OnFault {
    match word {
        "fail" => OnFault::Fail,
        "warn" => OnFault::Warn,
        _ => OnFault::Skip,
    }
}

/// Text, or bytes behind `hex:`.
fn bytes(text: &str) -> Result<Vec<u8>> {
    let Some(hex) = text.strip_prefix("hex:") else { return Ok(text.as_bytes().to_vec()) };
    let wrong =
        || Error::config(format!("{text} has no even number of digits of hexadecimal numbers"));
    if hex.len() % 2 != 0 || !hex.is_ascii() {
        return Err(wrong());
    }
    (0..hex.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).map_err(|_| wrong()))
        .collect()
}

fn snapshot_mode(parsed: &ParsedConfig) -> Result<SnapshotMode> {
    let flag = |what: &str| parsed.boolean(&format!("snapshot.mode.configuration.based.{what}"));
    Ok(match word(parsed, "snapshot.mode").as_str() {
        "always" => SnapshotMode::Always,
        "initial" => SnapshotMode::Initial,
        "initial_only" => SnapshotMode::InitialOnly,
        "no_data" | "never" | "schema_only" => SnapshotMode::NoData,
        "when_needed" => SnapshotMode::WhenNeeded,
        "recovery" | "schema_only_recovery" => SnapshotMode::Recovery,
        "configuration_based" => SnapshotMode::Configured {
            data: flag("snapshot.data"),
            stream: flag("start.stream"),
            on_data_error: flag("snapshot.on.data.error"),
        },
        other => {
            return Err(fault(
                "snapshot.mode",
                &format!(
                    "Value must be one of always, initial, initial_only, no_data, when_needed, \
                     configuration_based; not {other}"
                ),
            ));
        }
    })
}

const OVERRIDES: &str = "snapshot.select.statement.overrides";

fn queries(props: &Props) -> Result<Vec<(String, String)>> {
    let tables = text(props, OVERRIDES).unwrap_or_default();
    tables
        .split(',')
        .map(str::trim)
        .filter(|table| !table.is_empty())
        .map(|table| {
            let key = format!("{OVERRIDES}.{table}");
            let sql = text(props, &key).ok_or_else(|| {
                fault(
                    OVERRIDES,
                    &format!(
                        "{table} is listed, and {key} is not set: set it, or do not list the table"
                    ),
                )
            })?;
            Ok((table.to_owned(), sql.to_owned()))
        })
        .collect()
}

fn signal_table(parsed: &ParsedConfig) -> Result<Option<String>> {
    match parsed.list("signal.data.collection") {
        [] => Ok(None),
        [one] => Ok(Some(one.trim().to_owned()).filter(|one| !one.is_empty())),
        _ => Err(fault(
            "signal.data.collection",
            "For single task connector only one signal data collection is permitted.",
        )),
    }
}

fn notifications(parsed: &ParsedConfig) -> Result<Notifications> {
    let mut notifications = Notifications::default();
    for channel in parsed.list("notification.enabled.channels") {
        match channel.trim() {
            "log" => notifications.log = true,
            "sink" => {
                let topic = parsed.string("notification.sink.topic.name");
                let topic = topic.filter(|topic| !topic.is_empty()).ok_or_else(|| {
                    fault(
                        "notification.sink.topic.name",
                        "Notification topic name must be provided when kafka notification channel is enabled",
                    )
                })?;
                notifications.topic = Some(topic.to_owned());
            }
            // Metrics are the worker's.
            "jmx" | "" => {}
            other => {
                let text = format!("{other} is none of the channels log, sink and jmx");
                return Err(fault("notification.enabled.channels", &text));
            }
        }
    }
    Ok(notifications)
}

/// Divided by semicolons, two of which stand for one.
fn statements(text: &str) -> Vec<String> {
    let whole = text.replace(";;", "\u{0}");
    let parts = whole.split(';').map(|part| part.replace('\u{0}', ";").trim().to_owned());
    parts.filter(|part| !part.is_empty()).collect()
}
