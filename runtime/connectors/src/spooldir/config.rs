//! What the keys mean.

use std::path::PathBuf;
use std::time::Duration;

use gantry_api::model::config::{ConfigDef, ConfigValue, ParsedConfig};
use gantry_api::model::regex::JavaPattern;
use gantry_api::{Error, Props, Result, Schema, Str};
use gantry_converters::Charset;

use super::format::Format;
use super::format::avro::AvroFormat;
use super::format::binary::BinaryFormat;
use super::format::csv::{Csv, CsvFormat, NullFields, Signs};
use super::format::json::{Json, JsonFormat, SchemalessFormat};
use super::format::line::LineFormat;
use super::format::parquet::ParquetFormat;
use super::keys;
use super::lines::{RECORD_BYTES_MAX, Text};
use super::local::check_directory;
use super::value::{Dates, Schemas, Values, is_timestamp, schema_json};

/// What files are read as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Csv,
    Json,
    Line,
    SchemalessJson,
    Avro,
    Parquet,
    Binary,
}

impl Kind {
    pub(crate) fn definition(self) -> ConfigDef {
        match self {
            Self::Csv => keys::csv(),
            Self::Json => keys::json(),
            Self::Line | Self::SchemalessJson => keys::text(),
            Self::Avro | Self::Parquet | Self::Binary => keys::bytes(),
        }
    }
    /// Whether records have the schemas of the configuration.
    pub(crate) fn has_schemas(self) -> bool {
        matches!(self, Self::Csv | Self::Json)
    }
}

/// What becomes of a file that was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cleanup {
    None,
    Delete,
    Move,
    MoveByDate,
}

/// Where timestamps come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Stamps {
    /// A field of the value, by its place.
    Field(usize),
    FileTime,
    ProcessTime,
}

/// By what files are sorted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum By {
    Name,
    Length,
    Modified,
}

/// What a task does, wherever its files are.
#[derive(Clone, Debug)]
pub(crate) struct Work {
    pub(crate) topic: Str,
    pub(crate) batch_size: usize,
    pub(crate) empty_wait: Duration,
    pub(crate) cleanup: Cleanup,
    pub(crate) halts: bool,
    pub(crate) minimum_age_ms: u64,
    pub(crate) stamps: Stamps,
    /// And whether the other way round.
    pub(crate) sort: Vec<(By, bool)>,
    pub(crate) task_index: u32,
    pub(crate) task_count: u32,
    pub(crate) buffer_bytes: usize,
}

/// The keys that say where files are: paths of this machine, or texts, which only a server knows as paths.
#[derive(Clone, Debug)]
pub(crate) struct Paths<P = PathBuf> {
    pub(crate) input: P,
    pub(crate) finished: Option<P>,
    pub(crate) error: P,
    pub(crate) pattern: JavaPattern,
    pub(crate) is_recursive: bool,
    pub(crate) keeps_folders: bool,
    pub(crate) extension: String,
}

fn text<'a>(parsed: &'a ParsedConfig, name: &str) -> &'a str {
    parsed.string(name).unwrap_or_default()
}

fn size(parsed: &ParsedConfig, name: &str) -> usize {
    parsed.long(name).and_then(|n| usize::try_from(n).ok()).unwrap_or(1).max(1)
}

fn unsigned(parsed: &ParsedConfig, name: &str) -> u64 {
    parsed.long(name).unwrap_or(0).max(0).unsigned_abs()
}

impl<P: for<'a> From<&'a str>> Paths<P> {
    pub(crate) fn new(parsed: &ParsedConfig) -> Result<Self> {
        let moves = matches!(cleanup(parsed), Cleanup::Move | Cleanup::MoveByDate);
        Ok(Self {
            input: text(parsed, keys::INPUT).into(),
            finished: moves.then(|| text(parsed, keys::FINISHED).into()),
            error: text(parsed, keys::ERROR).into(),
            pattern: JavaPattern::compile(text(parsed, keys::PATTERN))?,
            is_recursive: parsed.boolean(keys::RECURSIVE),
            keeps_folders: parsed.boolean(keys::KEEP_FOLDERS),
            extension: text(parsed, keys::EXTENSION).to_owned(),
        })
    }

    /// All of them, by their keys.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&'static str, &P)> {
        let all = [
            (keys::INPUT, Some(&self.input)),
            (keys::ERROR, Some(&self.error)),
            (keys::FINISHED, self.finished.as_ref()),
        ];
        all.into_iter().filter_map(|(key, path)| Some((key, path?)))
    }
}

impl Paths {
    /// Whether all directories are there and can be written to.
    pub(crate) fn check(&self) -> Result<()> {
        for (key, path) in self.all() {
            check_directory(path)
                .map_err(|what| Error::connect(format!("Directory for '{key}': {what}")))?;
        }
        Ok(())
    }
}

fn cleanup(parsed: &ParsedConfig) -> Cleanup {
    match text(parsed, keys::CLEANUP) {
        "NONE" => Cleanup::None,
        "DELETE" => Cleanup::Delete,
        "MOVEBYDATE" => Cleanup::MoveByDate,
        _ => Cleanup::Move,
    }
}

impl Work {
    pub(crate) fn new(parsed: &ParsedConfig, stamps: Stamps) -> Self {
        let number =
            |name: &str| parsed.long(name).and_then(|n| u32::try_from(n).ok()).unwrap_or(0);
        let sort = parsed.list(keys::SORT).iter().map(|attribute| {
            let by = match attribute.trim_end_matches("Asc").trim_end_matches("Desc") {
                "Length" => By::Length,
                "LastModified" => By::Modified,
                _ => By::Name,
            };
            (by, attribute.ends_with("Desc"))
        });
        Self {
            topic: text(parsed, keys::TOPIC).into(),
            batch_size: size(parsed, keys::BATCH_SIZE),
            empty_wait: Duration::from_millis(unsigned(parsed, keys::EMPTY_WAIT)),
            cleanup: cleanup(parsed),
            halts: parsed.boolean(keys::HALT),
            minimum_age_ms: unsigned(parsed, keys::MINIMUM_AGE),
            stamps,
            sort: sort.collect(),
            task_index: number(keys::TASK_INDEX),
            task_count: number(keys::TASK_COUNT).max(1),
            buffer_bytes: size(parsed, keys::BUFFER),
        }
    }
}

/// The schemas that the configuration has; `None` where it has none of them, as they are to be made.
pub(crate) fn schemas(parsed: &ParsedConfig) -> Result<Option<Schemas>> {
    let read = |key: &str| match text(parsed, key) {
        "" => Ok(None),
        json => schema_json::read(key, json).map(Some),
    };
    let (key, value) = (read(keys::KEY_SCHEMA)?, read(keys::VALUE_SCHEMA)?);
    if !parsed.boolean(keys::GENERATE) {
        for (name, schema) in [(keys::KEY_SCHEMA, &key), (keys::VALUE_SCHEMA, &value)] {
            if schema.is_none() {
                return Err(Error::config(format!(
                    "'{name}' must be set if '{}' = false.",
                    keys::GENERATE
                )));
            }
        }
    }
    for (name, schema) in [(keys::KEY_SCHEMA, &key), (keys::VALUE_SCHEMA, &value)] {
        if schema.as_ref().is_some_and(|schema| schema.fields().is_none()) {
            return Err(Error::config(format!("'{name}' has to be the schema of a STRUCT.")));
        }
    }
    Ok(key.zip(value).map(|(key, value)| Schemas { key, value }))
}

/// Where timestamps come from; `value` is the schema of values, if it is known.
pub(crate) fn stamps(parsed: &ParsedConfig, value: Option<&Schema>) -> Result<Stamps> {
    match text(parsed, keys::TIMESTAMP_MODE) {
        "FILE_TIME" => return Ok(Stamps::FileTime),
        "FIELD" => {}
        _ => return Ok(Stamps::ProcessTime),
    }
    let name = text(parsed, keys::TIMESTAMP_FIELD);
    if name.is_empty() {
        return Err(Error::config(format!(
            "When `{}` is set to `FIELD`, `{}` must be set to a timestamp field. Cannot be null or empty.",
            keys::TIMESTAMP_MODE,
            keys::TIMESTAMP_FIELD
        )));
    }
    let field = value.and_then(|schema| schema.field(name));
    match field.filter(|field| is_timestamp(&field.schema) && !field.schema.is_optional()) {
        Some(field) => Ok(Stamps::Field(field.index)),
        None => Err(Error::config(format!(
            "Field '{name}' must be present and set to a timestamp and cannot be optional. Example \
             {{\"name\":\"org.apache.kafka.connect.data.Timestamp\",\"type\":\"INT64\",\"version\":1,\"isOptional\":false}}"
        ))),
    }
}

fn charset(parsed: &ParsedConfig, name: &str) -> Result<Charset> {
    let text = text(parsed, name);
    Charset::for_name(text)
        .ok_or_else(|| Error::config(format!("{name}={text} is no character set that is known")))
}

pub(crate) fn text_of(parsed: &ParsedConfig, name: &str) -> Result<Text> {
    Ok(Text {
        charset: charset(parsed, name)?,
        keeps_returns: false,
        bytes_max: size(parsed, RECORD_BYTES_MAX),
        buffer_bytes: size(parsed, keys::BUFFER),
    })
}

pub(crate) fn json_of(parsed: &ParsedConfig) -> Json {
    Json { buffer_bytes: size(parsed, keys::BUFFER), bytes_max: size(parsed, RECORD_BYTES_MAX) }
}

/// The keys `csv.*`.
pub(crate) fn csv_of(parsed: &ParsedConfig) -> Result<Csv> {
    let sign = |name: &str| -> Result<char> {
        let number = parsed.long(name).unwrap_or(0);
        u32::try_from(number)
            .ok()
            .filter(|number| *number <= 0xFFFF)
            .and_then(char::from_u32)
            .ok_or_else(|| {
                Error::config(format!("{name}={number} is not the number of a character"))
            })
    };
    let signs = Signs {
        separator: sign(keys::CSV_SEPARATOR)?,
        quote: sign(keys::CSV_QUOTE)?,
        escape: sign(keys::CSV_ESCAPE)?,
        strict_quotes: parsed.boolean(keys::CSV_STRICT),
        ignores_leading_blanks: parsed.boolean(keys::CSV_BLANKS),
        ignores_quotations: parsed.boolean(keys::CSV_NO_QUOTES),
        nulls: NullFields::parse(text(parsed, keys::CSV_NULLS)),
    };
    let is_rfc4180 = parsed.boolean(keys::CSV_RFC) || signs.separator == '\0';
    let same = |a: char, b: char| a == b && a != '\0';
    let clash = same(signs.separator, signs.quote)
        || (!is_rfc4180
            && (same(signs.separator, signs.escape) || same(signs.quote, signs.escape)));
    if clash {
        return Err(Error::config(format!(
            "The separator, quote, and escape characters must be different! ({}, {}, {})",
            keys::CSV_SEPARATOR,
            keys::CSV_QUOTE,
            keys::CSV_ESCAPE
        )));
    }
    let mut text = text_of(parsed, keys::CSV_CHARSET)?;
    text.keeps_returns = parsed.boolean(keys::CSV_RETURNS);
    Ok(Csv {
        skip_lines: unsigned(parsed, keys::CSV_SKIP),
        has_header: parsed.boolean(keys::CSV_HEADER),
        is_rfc4180,
        signs,
        text,
    })
}

/// How files of a kind are read, and where timestamps come from.
pub(crate) fn format(kind: Kind, parsed: &ParsedConfig) -> Result<(Box<dyn Format>, Stamps)> {
    if kind.has_schemas() {
        let schemas = schemas(parsed)?.ok_or_else(|| {
            Error::data(format!("'{}' must be set to a valid schema.", keys::VALUE_SCHEMA))
        })?;
        let stamps = stamps(parsed, Some(&schemas.value))?;
        let dates = Dates::new(parsed.list(keys::DATE_FORMATS), text(parsed, keys::ZONE))?;
        let values = Values { dates };
        return Ok(match kind {
            Kind::Csv => (Box::new(CsvFormat { csv: csv_of(parsed)?, schemas, values }), stamps),
            _ => (Box::new(JsonFormat { json: json_of(parsed), schemas, values }), stamps),
        });
    }
    let format: Box<dyn Format> = match kind {
        Kind::Line => Box::new(LineFormat { text: text_of(parsed, keys::CHARSET)? }),
        Kind::Avro => Box::new(AvroFormat {
            buffer_bytes: size(parsed, keys::BUFFER),
            bytes_max: size(parsed, RECORD_BYTES_MAX),
        }),
        Kind::Parquet => Box::new(ParquetFormat { bytes_max: size(parsed, RECORD_BYTES_MAX) }),
        Kind::Binary => Box::new(BinaryFormat { bytes_max: size(parsed, RECORD_BYTES_MAX) }),
        _ => Box::new(SchemalessFormat { json: json_of(parsed) }),
    };
    Ok((format, Stamps::ProcessTime))
}

/// Adds what is wrong with several keys together.
pub(crate) fn validate(
    kind: Kind,
    definition: &ConfigDef,
    props: &Props,
    findings: &mut [ConfigValue],
) {
    if findings.iter().any(|value| !value.errors.is_empty()) {
        return;
    }
    let mut add = |name: &str, error: &Error| {
        if let Some(value) = findings.iter_mut().find(|value| value.name == name) {
            let mut text = error.message().to_owned();
            let mut cause = error.cause();
            while let Some(error) = cause {
                text = format!("{text}: {}", error.message());
                cause = error.cause();
            }
            value.errors.push(text);
        }
    };
    let Ok(parsed) = definition.parse(props) else { return };
    if kind == Kind::Csv
        && let Err(error) = csv_of(&parsed)
    {
        add(keys::CSV_SEPARATOR, &error);
    }
    if !kind.has_schemas() {
        return;
    }
    for name in [keys::GENERATE_KEY_NAME, keys::GENERATE_VALUE_NAME] {
        if parsed.boolean(keys::GENERATE) && text(&parsed, name).is_empty() {
            add(
                name,
                &Error::config(format!("'{name}' must be set if '{}' = true.", keys::GENERATE)),
            );
        }
    }
    match schemas(&parsed) {
        Err(error) => {
            let key = [keys::KEY_SCHEMA, keys::VALUE_SCHEMA]
                .into_iter()
                .find(|key| error.message().contains(&format!("'{key}'")));
            add(key.unwrap_or(keys::VALUE_SCHEMA), &error);
        }
        Ok(found) => {
            let value = found.as_ref().map(|schemas| &schemas.value);
            if let Err(error) = stamps(&parsed, value) {
                add(keys::TIMESTAMP_FIELD, &error);
            }
        }
    }
}

/// Adds what is wrong with the directories.
pub(crate) fn validate_paths(definition: &ConfigDef, props: &Props, findings: &mut [ConfigValue]) {
    let Ok(parsed) = definition.parse(props) else { return };
    let Ok(paths) = Paths::<PathBuf>::new(&parsed) else { return };
    for (key, path) in paths.all() {
        if let Err(what) = check_directory(path)
            && let Some(value) = findings.iter_mut().find(|value| value.name == key)
            && value.errors.is_empty()
        {
            value.errors.push(format!("{what} (configuration {key})"));
        }
    }
}
