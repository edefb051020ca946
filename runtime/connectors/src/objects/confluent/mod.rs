//! Confluent's sink: what its keys say.

mod file;
mod keys;
mod places;
mod queue;
mod task;

use std::time::Duration;

use gantry_api::model::config::ParsedConfig;
use gantry_api::{Bytes, Props, Result};
use gantry_schema_converters::AvroEncoding;

pub(super) use keys::definition;
use keys::*;
pub(super) use task::ConfluentTask;

use super::compatibility::Compatibility;
use super::format::{AvroCodec, Compression, ParquetCodec, avro_codec};
use super::own::{self, Fault, given};
use super::partition::{
    Affix, Extractor, Partitioner, Partitioning, Pattern, TimePartitioner, Zone,
};
use super::store::StoreSettings;

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Json,
    Avro,
    Parquet,
    Bytes,
}

/// What is done with records without a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OnNull {
    Ignore,
    Fail,
    Write,
}

/// What names of files are made of.
#[derive(Debug)]
pub(super) struct Layout {
    pub(super) root: String,
    pub(super) directory: String,
    pub(super) file: String,
    pub(super) width: usize,
}

/// How files are written.
#[derive(Debug)]
pub(super) struct Writing {
    pub(super) value: Format,
    pub(super) keys: Option<Format>,
    pub(super) headers: Option<Format>,
    pub(super) compression: Compression,
    pub(super) decimals: String,
    pub(super) avro: AvroEncoding,
    pub(super) avro_codec: AvroCodec,
    pub(super) parquet: ParquetCodec,
    pub(super) separator: Bytes,
    pub(super) bytes_extension: String,
}

/// When files are ended.
#[derive(Debug)]
pub(super) struct Rotation {
    pub(super) records: i64,
    /// By the times of records; zero or less: never.
    pub(super) interval_ms: i64,
    /// By the clock, in this zone.
    pub(super) schedule: Option<(i64, Zone)>,
    pub(super) on_partition_change: bool,
    pub(super) files_max: Option<usize>,
    pub(super) bytes_max: usize,
}

/// The tags of objects besides those of the connector.
#[derive(Debug)]
pub(super) struct Tagging {
    pub(super) more: Vec<(String, String)>,
    pub(super) ignores_errors: bool,
}

/// What the keys say.
#[derive(Debug)]
pub(super) struct Config {
    pub(super) store: StoreSettings,
    pub(super) part_bytes: usize,
    pub(super) layout: Layout,
    pub(super) writing: Writing,
    pub(super) partitioning: Partitioning,
    pub(super) rotation: Rotation,
    pub(super) compatibility: Compatibility,
    pub(super) on_null: OnNull,
    pub(super) reports_nulls: bool,
    pub(super) tagging: Option<Tagging>,
    pub(super) backoff: Duration,
}

impl Config {
    /// Reads the keys; the first fault is the error.
    pub(super) fn parse(props: &Props) -> Result<Self> {
        let parsed = definition().parse(props)?;
        match check(&parsed, props).into_iter().next() {
            Some(fault) => Err(fault.into()),
            None => Ok(read(&parsed, props)?),
        }
    }
}

impl Format {
    fn by_class(class: &str) -> Option<Self> {
        let name = class.strip_prefix("io.confluent.connect.s3.format.")?;
        Some(match name {
            "json.JsonFormat" => Self::Json,
            "avro.AvroFormat" => Self::Avro,
            "parquet.ParquetFormat" => Self::Parquet,
            "bytearray.ByteArrayFormat" => Self::Bytes,
            _ => return None,
        })
    }

    /// Whether files of it are compressed as a whole.
    fn compresses(self) -> bool {
        matches!(self, Self::Json | Self::Bytes)
    }
}

fn word(parsed: &ParsedConfig, key: &str) -> String {
    parsed.string(key).unwrap_or_default().to_ascii_lowercase()
}

fn number(parsed: &ParsedConfig, key: &str) -> i64 {
    parsed.long(key).unwrap_or_default()
}

fn millis(parsed: &ParsedConfig, key: &str) -> Duration {
    Duration::from_millis(u64::try_from(number(parsed, key)).unwrap_or_default())
}

/// The class that a key names, if it is one that is here.
fn format(parsed: &ParsedConfig, key: &str) -> Result<Format, Fault> {
    let class = parsed.string(key).unwrap_or_default();
    Format::by_class(class).ok_or_else(|| {
        Fault::of(
            parsed,
            key,
            "only JsonFormat, AvroFormat, ParquetFormat and ByteArrayFormat of io.confluent.connect.s3.format are here; \
             formats of your own run as Java plugins, with the Java connector on plugin.path",
        )
    })
}

/// Faults of single keys and across keys.
pub(super) fn check(parsed: &ParsedConfig, props: &Props) -> Vec<Fault> {
    let mut faults: Vec<Fault> = own::unknown(&definition(), props).collect();
    if parsed.string(STORAGE) != Some(S3_STORAGE) {
        faults.push(Fault::of(parsed, STORAGE, &format!("it must be {S3_STORAGE}")));
    }
    check_formats(parsed, &mut faults);
    if word(parsed, ON_NULL) == "write" && !parsed.boolean(STORE_KEYS) {
        let what =
            "Writing Kafka record keys to storage is mandatory when tombstone writing is enabled.";
        faults.extend([STORE_KEYS, ON_NULL].map(|key| Fault::new(key, what)));
    }
    if number(parsed, ROTATE_SCHEDULE) > 0 && given(parsed, TIMEZONE).is_none() {
        let what = format!("{TIMEZONE} configuration must be set when using {ROTATE_SCHEDULE}");
        faults.push(Fault::new(TIMEZONE, what));
    }
    if given(parsed, TOMBSTONES).is_none() {
        faults.push(Fault::of(parsed, TOMBSTONES, "it must not be empty"));
    }
    for (key, name) in [
        (AVRO_CODEC, "bzip2"),
        (PARQUET_CODEC, "lzo"),
        (PARQUET_CODEC, "brotli"),
        (PARQUET_CODEC, "lz4"),
    ] {
        if parsed.string(key) == Some(name) {
            let what =
                "it is not supported here; zstd for Parquet, and deflate for Avro, are small, too";
            faults.push(Fault::of(parsed, key, what));
        }
    }
    faults.extend(partitioner(parsed).err());
    places::check(parsed, props, &mut faults);
    faults
}

fn check_formats(parsed: &ParsedConfig, faults: &mut Vec<Fault>) {
    let mut wanted = vec![("data", FORMAT)];
    wanted.extend(parsed.boolean(STORE_KEYS).then_some(("keys", KEYS_FORMAT)));
    wanted.extend(parsed.boolean(STORE_HEADERS).then_some(("headers", HEADERS_FORMAT)));
    for (what, key) in wanted {
        match format(parsed, key) {
            Err(fault) => faults.push(fault),
            Ok(Format::Bytes) if key == HEADERS_FORMAT => {
                faults.push(Fault::of(parsed, key, "headers are no bytes: use another format"));
            }
            Ok(format) if word(parsed, COMPRESSION) != "none" && !format.compresses() => {
                let class = parsed.string(key).unwrap_or_default();
                let text = format!(
                    "Compression Type gzip not valid for {what} format class: ( {class} )."
                );
                faults.extend([key, COMPRESSION].map(|key| Fault::new(key, text.clone())));
            }
            Ok(_) => {}
        }
    }
}

/// Reads the keys, in which no fault was found.
fn read(parsed: &ParsedConfig, props: &Props) -> Result<Config, Fault> {
    let text = |key: &str| parsed.string(key).unwrap_or_default().to_owned();
    let usize_of = |key: &str| usize::try_from(number(parsed, key)).ok();
    let on_null = match word(parsed, ON_NULL).as_str() {
        "ignore" => OnNull::Ignore,
        "write" => OnNull::Write,
        _ => OnNull::Fail,
    };
    let affix = match parsed.string(AFFIX) {
        Some("PREFIX") => Affix::Prefix,
        Some("SUFFIX") => Affix::Suffix,
        _ => Affix::None,
    };
    let schedule_ms = number(parsed, ROTATE_SCHEDULE);
    let schedule = match schedule_ms > 0 {
        true => Some((schedule_ms, zone(parsed)?)),
        false => None,
    };
    Ok(Config {
        store: places::store(parsed, props)?,
        part_bytes: usize_of(PART_SIZE).unwrap_or(usize::MAX),
        layout: Layout {
            root: text(TOPICS_DIR),
            directory: text(DIR_DELIMITER),
            file: text(FILE_DELIMITER),
            width: usize_of(PAD_WIDTH).unwrap_or_default(),
        },
        writing: writing(parsed, props)?,
        partitioning: Partitioning {
            how: partitioner(parsed)?,
            delimiter: text(DIR_DELIMITER),
            affix,
            tombstones: (on_null == OnNull::Write).then(|| text(TOMBSTONES)),
        },
        rotation: Rotation {
            records: number(parsed, FLUSH_SIZE),
            interval_ms: number(parsed, ROTATE),
            schedule,
            on_partition_change: parsed.boolean(ROTATE_ON_CHANGE),
            files_max: usize_of(MAX_OPEN),
            bytes_max: own::buffer_bytes(parsed),
        },
        compatibility: Compatibility::by_name(parsed.string(COMPATIBILITY).unwrap_or_default()),
        on_null,
        reports_nulls: parsed.boolean(REPORT_NULLS),
        tagging: parsed.boolean(TAGGING).then(|| Tagging {
            more: places::tags(parsed.list(TAGS)),
            ignores_errors: word(parsed, ON_TAGGING_ERROR) == "ignore",
        }),
        backoff: millis(parsed, BACKOFF),
    })
}

fn writing(parsed: &ParsedConfig, props: &Props) -> Result<Writing, Fault> {
    let text = |key: &str| parsed.string(key).unwrap_or_default().to_owned();
    let optional = |is_wanted: bool, key: &str| match is_wanted {
        true => format(parsed, key).map(Some),
        false => Ok(None),
    };
    // Blanks count here.
    let separator = props.get(BYTES_SEPARATOR).map_or("\n", String::as_str);
    Ok(Writing {
        value: format(parsed, FORMAT)?,
        keys: optional(parsed.boolean(STORE_KEYS), KEYS_FORMAT)?,
        headers: optional(parsed.boolean(STORE_HEADERS), HEADERS_FORMAT)?,
        compression: match word(parsed, COMPRESSION).as_str() {
            "gzip" => Compression::Gzip(u32::try_from(number(parsed, COMPRESSION_LEVEL)).ok()),
            _ => Compression::None,
        },
        decimals: text(DECIMALS),
        avro: avro(parsed).map_err(|error| Fault::new(FORMAT, error.message()))?,
        avro_codec: avro_codec(&text(AVRO_CODEC))
            .map_err(|error| Fault::new(AVRO_CODEC, error.message()))?,
        parquet: ParquetCodec::by_name(&text(PARQUET_CODEC))
            .ok_or_else(|| Fault::of(parsed, PARQUET_CODEC, "it is not supported here"))?,
        separator: Bytes::copy_from_slice(separator.as_bytes()),
        bytes_extension: text(BYTES_EXTENSION),
    })
}

fn avro(parsed: &ParsedConfig) -> Result<AvroEncoding> {
    let names = ["enhanced.avro.schema.support", "connect.meta.data", "allow.optional.map.keys"];
    let props: Props =
        names.iter().map(|name| ((*name).to_owned(), parsed.boolean(name).to_string())).collect();
    AvroEncoding::new(&props)
}

fn zone(parsed: &ParsedConfig) -> Result<Zone, Fault> {
    let id = given(parsed, TIMEZONE);
    let id = id.ok_or_else(|| Fault::of(parsed, TIMEZONE, "Timezone cannot be empty."))?;
    Zone::parse(id).map_err(|what| Fault::of(parsed, TIMEZONE, &what))
}

/// What `partitioner.class` and the keys beside it say.
fn partitioner(parsed: &ParsedConfig) -> Result<Partitioner, Fault> {
    const HOUR_MS: i64 = 3_600_000;
    let class = parsed.string(PARTITIONER).unwrap_or_default();
    let d = parsed.string(DIR_DELIMITER).unwrap_or_default();
    let day = format!("'year'=YYYY{d}'month'=MM{d}'day'=dd");
    Ok(match partitioner_name(class) {
        Some("DefaultPartitioner") => Partitioner::Default,
        Some("FieldPartitioner") => {
            let fields = parsed.list(FIELDS);
            if fields.is_empty() {
                let what =
                    "Partition field name cannot be null or empty when using FieldPartitioner.";
                return Err(Fault::new(FIELDS, what));
            }
            Partitioner::Field(fields.to_vec())
        }
        Some("DailyPartitioner") => by_time(parsed, 24 * HOUR_MS, &day)?,
        Some("HourlyPartitioner") => by_time(parsed, HOUR_MS, &format!("{day}{d}'hour'=HH"))?,
        Some("TimeBasedPartitioner") => {
            let span_ms = number(parsed, DURATION);
            if span_ms <= 0 {
                return Err(Fault::of(
                    parsed,
                    DURATION,
                    "Partition duration needs to be a positive.",
                ));
            }
            let format = parsed.string(PATH_FORMAT).unwrap_or_default();
            if format.trim().is_empty() || format == d {
                return Err(Fault::of(parsed, PATH_FORMAT, "Path format cannot be empty."));
            }
            let trimmed = if d.trim().is_empty() { None } else { format.strip_suffix(d) };
            by_time(parsed, span_ms, trimmed.unwrap_or(format))?
        }
        _ => {
            return Err(Fault::of(
                parsed,
                PARTITIONER,
                "only DefaultPartitioner, FieldPartitioner, TimeBasedPartitioner, HourlyPartitioner and DailyPartitioner of \
                 io.confluent.connect.storage.partitioner are here; partitioners of your own run with the Java connector \
                 on plugin.path",
            ));
        }
    })
}

fn by_time(parsed: &ParsedConfig, span_ms: i64, pattern: &str) -> Result<Partitioner, Fault> {
    let Some(locale) = given(parsed, LOCALE) else {
        return Err(Fault::of(parsed, LOCALE, "Locale cannot be empty."));
    };
    let pattern = Pattern::parse(pattern).map_err(|what| Fault::of(parsed, PATH_FORMAT, &what))?;
    if pattern.has_words() && !locale.to_ascii_lowercase().starts_with("en") {
        let what = "names of months, days and zones in path.format are in English only: use numbers, or locale=en";
        return Err(Fault::of(parsed, LOCALE, what));
    }
    let field = parsed.string(TIMESTAMP_FIELD).unwrap_or_default();
    let extractor = parsed.string(EXTRACTOR).unwrap_or_default();
    let extractor = Extractor::by_name(extractor, field).ok_or_else(|| {
        let what = "it must be Wallclock, Record or RecordField; a class of your own runs with the Java connector on \
                    plugin.path";
        Fault::of(parsed, EXTRACTOR, what)
    })?;
    Ok(Partitioner::Time(TimePartitioner { span_ms, pattern, zone: zone(parsed)?, extractor }))
}
