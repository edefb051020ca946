//! Aiven's sink: what its keys say.

mod content;
mod keys;
mod task;
mod template;

use std::path::PathBuf;
use std::time::Duration;

use gantry_api::model::config::ParsedConfig;
use gantry_api::{Props, Result};
use gantry_schema_converters::AvroEncoding;
use gantry_tls::Secret;

pub(super) use keys::definition;
use keys::*;
pub(super) use task::AivenTask;

use super::format::{AvroCodec, Compression, ParquetCodec, avro_codec};
use super::own::{self, Fault, given};
use super::partition::Zone;
use super::places::{directory, provider};
use super::store::{Credentials, Encryption, Role, S3Settings, StoreSettings};
use template::{Grouping, Template};

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Csv,
    Json,
    JsonLines,
    Avro,
    Parquet,
}

/// One part of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    Key,
    Value,
    Offset,
    Timestamp,
    Headers,
}

/// The time in names.
#[derive(Clone, Debug)]
struct Clock {
    zone: Zone,
    /// The record's, and not the worker's.
    is_event: bool,
}

/// How files are named.
#[derive(Debug)]
struct Naming {
    template: Template,
    grouping: Grouping,
    clock: Clock,
    /// With a prefix names are made in the older way.
    prefix: Option<(Template, Clock)>,
    suffix: &'static str,
}

/// What the keys say.
#[derive(Debug)]
struct Config {
    store: StoreSettings,
    part_bytes: usize,
    naming: Naming,
    format: Format,
    fields: Vec<Field>,
    is_base64: bool,
    has_envelope: bool,
    compression: Compression,
    parquet: ParquetCodec,
    avro: AvroEncoding,
    avro_codec: AvroCodec,
    /// Zero: any number.
    records_max: u64,
    bytes_max: usize,
    backoff: Option<Duration>,
}

impl Config {
    fn parse(props: &Props) -> Result<Self> {
        let parsed = definition().parse(props)?;
        match check(&parsed, props).into_iter().next() {
            Some(fault) => Err(fault.into()),
            None => Ok(read(&parsed, props)?),
        }
    }
}

impl Field {
    fn name(self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::Value => "value",
            Self::Offset => "offset",
            Self::Timestamp => "timestamp",
            Self::Headers => "headers",
        }
    }

    fn by_name(name: &str) -> Self {
        match name.to_ascii_lowercase().as_str() {
            "key" => Self::Key,
            "offset" => Self::Offset,
            "timestamp" => Self::Timestamp,
            "headers" => Self::Headers,
            _ => Self::Value,
        }
    }
}

fn word(parsed: &ParsedConfig, key: &str) -> String {
    parsed.string(key).unwrap_or_default().to_ascii_lowercase()
}

fn either<'a>(parsed: &'a ParsedConfig, key: &str, old: &str) -> Option<&'a str> {
    given(parsed, key).or_else(|| given(parsed, old))
}

fn fields(parsed: &ParsedConfig) -> Vec<Field> {
    let list = match parsed.list(FIELDS) {
        [] => parsed.list(OLD_FIELDS),
        list => list,
    };
    match list {
        [] => vec![Field::Value],
        list => list.iter().map(|name| Field::by_name(name)).collect(),
    }
}

/// Faults of single keys and across keys.
pub(super) fn check(parsed: &ParsedConfig, props: &Props) -> Vec<Fault> {
    let mut faults: Vec<Fault> = own::unknown(&definition(), props).collect();
    if either(parsed, BUCKET, OLD_BUCKET).is_none() {
        let what = format!("Neither {BUCKET} nor {OLD_BUCKET} properties have been set");
        faults.push(Fault::new(BUCKET, what));
    }
    if !parsed.boolean(ENVELOPE) && parsed.list(FIELDS).len() != 1 {
        let what = format!("When {ENVELOPE} is false, {FIELDS} must contain only one field");
        faults.push(Fault::new(ENVELOPE, what));
    }
    match naming(parsed) {
        Err(fault) => faults.push(fault),
        Ok(naming)
            if naming.grouping == Grouping::Key && parsed.long(MAX_RECORDS).unwrap_or(0) > 1 =>
        {
            let name = parsed.string(NAME).unwrap_or_default();
            let what = format!("When {NAME} is {name}, {MAX_RECORDS} must be either 1 or not set");
            faults.push(Fault::new(MAX_RECORDS, what));
        }
        Ok(_) => {}
    }
    let endpoint = parsed.string(STS_ENDPOINT).unwrap_or_default();
    if given(parsed, ROLE_ARN).is_some()
        && endpoint != STS_GLOBAL
        && given(parsed, REGION).is_none()
    {
        let what = format!("{REGION} should be specified together with {STS_ENDPOINT}");
        faults.push(Fault::new(STS_ENDPOINT, what));
    }
    if let Some(algorithm) = given(parsed, SSE)
        && !["AES256", "aws:kms"].contains(&algorithm)
    {
        faults.push(Fault::of(parsed, SSE, "it is not supported: use AES256 or aws:kms"));
    }
    let is_s3 = either(parsed, ENDPOINT, OLD_ENDPOINT).and_then(directory).is_none();
    if is_s3 && parsed.long(PART_SIZE).is_some_and(|bytes| bytes < 5 << 20) {
        faults.push(Fault::of(parsed, PART_SIZE, "S3 takes no parts of less than 5 MiB (5242880)"));
    }
    faults.extend(codec(props).err());
    faults.extend(credentials(parsed).err());
    faults
}

fn codec(props: &Props) -> Result<AvroCodec, Fault> {
    let name = props.get("avro.codec").map_or("null", |name| name.trim());
    avro_codec(name).map_err(|error| Fault::new("avro.codec", error.message()))
}

fn clock(parsed: &ParsedConfig, zone: &str, source: &str) -> Result<Clock, Fault> {
    let id = parsed.string(zone).unwrap_or("Z");
    let parsed_zone = Zone::parse(id).map_err(|what| Fault::of(parsed, zone, &what))?;
    Ok(Clock { zone: parsed_zone, is_event: word(parsed, source) == "event" })
}

/// The compression that names and contents have; they differ where none is set, as in Java.
fn compression(parsed: &ParsedConfig) -> (Compression, Compression) {
    let of = |name: &str| match name {
        "none" => Compression::None,
        "snappy" => Compression::Snappy,
        "zstd" => Compression::Zstd,
        _ => Compression::Gzip(None),
    };
    let set = given(parsed, COMPRESSION).map(str::to_ascii_lowercase);
    let named = set.as_deref().map_or(Compression::None, of);
    let old = given(parsed, OLD_COMPRESSION).map(str::to_ascii_lowercase);
    let content = set.as_deref().or(old.as_deref()).map_or(Compression::Gzip(None), of);
    (named, content)
}

fn naming(parsed: &ParsedConfig) -> Result<Naming, Fault> {
    const USUAL: &str = "{{topic}}-{{partition}}-{{start_offset}}";
    let (named, content) = compression(parsed);
    let is_avro = word(parsed, FORMAT) == "avro";
    let text = match given(parsed, NAME) {
        Some(text) => text.to_owned(),
        None => format!("{USUAL}{}{}", if is_avro { ".avro" } else { "" }, named.extension()),
    };
    let template = Template::parse(&text).map_err(|what| Fault::of(parsed, NAME, &what))?;
    let grouping = template.grouping().map_err(|what| Fault::of(parsed, NAME, &what))?;
    let prefix = match either(parsed, PREFIX, OLD_PREFIX) {
        None => None,
        Some(text) => {
            // Java's older patterns have YYYY.
            let text = text.replace("unit=YYYY", "unit=yyyy");
            let template =
                Template::parse(&text).map_err(|what| Fault::of(parsed, PREFIX, &what))?;
            Some((template, clock(parsed, OLD_TIMEZONE, OLD_TIME_SOURCE)?))
        }
    };
    let suffix = match (is_avro, content) {
        (false, content) => content.extension(),
        (true, Compression::None) => ".avro",
        (true, Compression::Gzip(_)) => ".avro.gz",
        (true, Compression::Snappy) => ".avro.snappy",
        (true, Compression::Zstd) => ".avro.zst",
    };
    Ok(Naming { template, grouping, clock: clock(parsed, TIMEZONE, TIME_SOURCE)?, prefix, suffix })
}

fn credentials(parsed: &ParsedConfig) -> Result<Credentials, Fault> {
    let own = match (given(parsed, ACCESS_KEY), given(parsed, SECRET_KEY), given(parsed, PROVIDER))
    {
        (Some(key), Some(secret), _) => Credentials::Keys(key.to_owned(), Secret::new(secret)),
        (_, _, None) => Credentials::Chain,
        (_, _, Some(class)) => {
            provider(class).map_err(|what| Fault::of(parsed, PROVIDER, &what))?
        }
    };
    let (Some(arn), Some(session)) = (given(parsed, ROLE_ARN), given(parsed, ROLE_SESSION)) else {
        return Ok(own);
    };
    let endpoint = given(parsed, STS_ENDPOINT).filter(|endpoint| *endpoint != STS_GLOBAL);
    let role = Role {
        arn: arn.to_owned(),
        session: session.to_owned(),
        external_id: given(parsed, ROLE_EXTERNAL_ID).map(str::to_owned),
        duration_s: parsed.long(ROLE_DURATION).and_then(|seconds| u32::try_from(seconds).ok()),
        region: region(parsed).to_owned(),
        endpoint: given(parsed, own::STS_ENDPOINT).or(endpoint).map(str::to_owned),
    };
    Ok(Credentials::Role(role, Box::new(own)))
}

fn region(parsed: &ParsedConfig) -> &str {
    either(parsed, REGION, OLD_REGION).unwrap_or("us-east-1")
}

fn store(parsed: &ParsedConfig) -> Result<StoreSettings, Fault> {
    let bucket = either(parsed, BUCKET, OLD_BUCKET).unwrap_or_default().to_owned();
    let endpoint = either(parsed, ENDPOINT, OLD_ENDPOINT);
    if let Some(directory) = endpoint.and_then(directory) {
        return Ok(StoreSettings::Directory(PathBuf::from(directory), bucket));
    }
    let millis = |key: &str| {
        Duration::from_millis(parsed.long(key).and_then(|ms| u64::try_from(ms).ok()).unwrap_or(100))
    };
    Ok(StoreSettings::S3(Box::new(S3Settings {
        bucket,
        region: region(parsed).to_owned(),
        endpoint: endpoint.map(str::to_owned),
        path_style: endpoint.is_some(),
        accelerated: false,
        credentials: credentials(parsed)?,
        encryption: match given(parsed, SSE) {
            Some("AES256") => Encryption::Aes256,
            Some(_) => Encryption::Kms(None),
            None => Encryption::None,
        },
        digests: false,
        acl: None,
        proxy: None,
        retries: parsed.long(RETRIES).and_then(|count| usize::try_from(count).ok()).unwrap_or(3),
        backoff: millis(BACKOFF),
        backoff_max: millis(BACKOFF_MAX),
        trust_file: given(parsed, own::TRUST_FILE).map(str::to_owned),
    })))
}

fn read(parsed: &ParsedConfig, props: &Props) -> Result<Config, Fault> {
    let format = match word(parsed, FORMAT).as_str() {
        "json" => Format::Json,
        "jsonl" => Format::JsonLines,
        "avro" => Format::Avro,
        "parquet" => Format::Parquet,
        _ => Format::Csv,
    };
    // Java reads this one key only.
    let parquet =
        given(parsed, COMPRESSION).map_or_else(|| "none".to_owned(), str::to_ascii_lowercase);
    let whole = |key: &str| parsed.long(key).and_then(|number| u64::try_from(number).ok());
    Ok(Config {
        store: store(parsed)?,
        part_bytes: whole(PART_SIZE)
            .and_then(|bytes| usize::try_from(bytes).ok())
            .unwrap_or(usize::MAX),
        naming: naming(parsed)?,
        format,
        fields: fields(parsed),
        is_base64: word(parsed, ENCODING) != "none",
        has_envelope: parsed.boolean(ENVELOPE),
        compression: compression(parsed).1,
        parquet: ParquetCodec::by_name(&parquet).unwrap_or(ParquetCodec::None),
        avro: AvroEncoding::new(&avro_props(props))
            .map_err(|error| Fault::new(FORMAT, error.message()))?,
        avro_codec: codec(props)?,
        records_max: whole(MAX_RECORDS).unwrap_or(0),
        bytes_max: own::buffer_bytes(parsed),
        backoff: whole(RETRY_BACKOFF).map(Duration::from_millis),
    })
}

/// Keys of `AvroDataConfig` may stand among the connector's.
fn avro_props(props: &Props) -> Props {
    const NAMES: [&str; 6] = [
        "enhanced.avro.schema.support",
        "connect.meta.data",
        "allow.optional.map.keys",
        "generalized.sum.type.support",
        "scrub.invalid.names",
        "discard.type.doc.default",
    ];
    let found = props.iter().filter(|(name, _)| NAMES.contains(&name.as_str()));
    found.map(|(name, value)| (name.clone(), value.clone())).collect()
}
