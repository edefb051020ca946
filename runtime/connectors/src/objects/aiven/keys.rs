//! The keys of Aiven's connector.

use gantry_api::model::config::ConfigData;
use gantry_api::{ConfigDef, Importance, Type, Validator};

use super::super::own;
use super::super::partition::Zone;
use super::super::places::check_endpoint;
use crate::keys::{Keys, invalid, list_of, text_of};

use Importance::{Low, Medium};

pub(super) const ACCESS_KEY: &str = "aws.access.key.id";
pub(super) const SECRET_KEY: &str = "aws.secret.access.key";
pub(super) const PROVIDER: &str = "aws.credentials.provider";
pub(super) const BUCKET: &str = "aws.s3.bucket.name";
pub(super) const SSE: &str = "aws.s3.sse.algorithm";
pub(super) const ENDPOINT: &str = "aws.s3.endpoint";
pub(super) const REGION: &str = "aws.s3.region";
pub(super) const PREFIX: &str = "aws.s3.prefix";
pub(super) const PART_SIZE: &str = "aws.s3.part.size.bytes";
pub(super) const ROLE_ARN: &str = "aws.sts.role.arn";
pub(super) const ROLE_SESSION: &str = "aws.sts.role.session.name";
pub(super) const ROLE_DURATION: &str = "aws.sts.role.session.duration";
pub(super) const ROLE_EXTERNAL_ID: &str = "aws.sts.role.external.id";
pub(super) const STS_ENDPOINT: &str = "aws.sts.config.endpoint";
pub(super) const BACKOFF: &str = "aws.s3.backoff.delay.ms";
pub(super) const BACKOFF_MAX: &str = "aws.s3.backoff.max.delay.ms";
pub(super) const RETRIES: &str = "aws.s3.backoff.max.retries";
pub(super) const NAME: &str = "file.name.template";
pub(super) const NAME_PREFIX: &str = "file.prefix.template";
pub(super) const COMPRESSION: &str = "file.compression.type";
pub(super) const MAX_RECORDS: &str = "file.max.records";
pub(super) const TIMEZONE: &str = "file.name.timestamp.timezone";
pub(super) const TIME_SOURCE: &str = "file.name.timestamp.source";
pub(super) const FORMAT: &str = "format.output.type";
pub(super) const FIELDS: &str = "format.output.fields";
pub(super) const ENCODING: &str = "format.output.fields.value.encoding";
pub(super) const ENVELOPE: &str = "format.output.envelope";
pub(super) const OLD_TIMEZONE: &str = "timestamp.timezone";
pub(super) const OLD_TIME_SOURCE: &str = "timestamp.source";
pub(super) const RETRY_BACKOFF: &str = "kafka.retry.backoff.ms";
pub(super) const OLD_BUCKET: &str = "aws_s3_bucket";
pub(super) const OLD_ENDPOINT: &str = "aws_s3_endpoint";
pub(super) const OLD_REGION: &str = "aws_s3_region";
pub(super) const OLD_PREFIX: &str = "aws_s3_prefix";
pub(super) const OLD_FIELDS: &str = "output_fields";
pub(super) const OLD_COMPRESSION: &str = "output_compression";

/// Amazon's service for all regions.
pub(super) const STS_GLOBAL: &str = "https://sts.amazonaws.com";
const FIELD_NAMES: [&str; 5] = ["key", "value", "offset", "timestamp", "headers"];
const COMPRESSIONS: [&str; 4] = ["none", "gzip", "snappy", "zstd"];
const DAY_MS: i64 = 86_400_000;

/// All keys.
pub(in crate::objects) fn definition() -> ConfigDef {
    let mut keys = Keys::new("AWS");
    store_keys(&mut keys);
    keys.group("AWS STS");
    role_keys(&mut keys);
    keys.group("Deprecated");
    old_keys(&mut keys);
    keys.group("S3 retry backoff policy");
    let text = "The wait before a request is tried again; it doubles each time.";
    keys.add_valid(BACKOFF, Type::Long, 100i64, Medium, text, Validator::at_least(1i64));
    keys.add_valid(
        BACKOFF_MAX,
        Type::Long,
        20_000i64,
        Medium,
        "The longest of these waits.",
        Validator::at_least(1i64),
    );
    let text = "How often a request is tried again at once.";
    keys.add_valid(RETRIES, Type::Int, 3, Medium, text, Validator::between(1, 30));
    keys.group("File");
    file_keys(&mut keys);
    keys.group("Format");
    format_keys(&mut keys);
    keys.group("Retry backoff policy");
    let text = "The wait before a batch is put again when the store was away.";
    let range = null_or(Validator::between(0i64, DAY_MS));
    keys.null_valid(RETRY_BACKOFF, Type::Long, Medium, text, range);
    own::define(&mut keys);
    keys.done()
}

fn store_keys(keys: &mut Keys) {
    keys.null_valid(ACCESS_KEY, Type::Password, Medium, "The access key.", not_blank());
    keys.null_valid(SECRET_KEY, Type::Password, Medium, "Its secret.", not_blank());
    let text = "Where credentials come from, if no keys are set: a class of Amazon's SDK.";
    keys.null(PROVIDER, Type::Class, Medium, text);
    keys.null_valid(BUCKET, Type::String, Medium, "The bucket.", bucket_rule());
    let text = "How objects are encrypted where they lie: AES256 or aws:kms.";
    keys.null_valid(SSE, Type::String, Medium, text, not_blank());
    let text = "Where the store is, if not at Amazon: https://host:port, or file:///directory for files below \
                directory/bucket.";
    keys.null_valid(ENDPOINT, Type::String, Low, text, url_rule());
    keys.null_valid(
        REGION,
        Type::String,
        Medium,
        "The region of the bucket; us-east-1 if it is not set.",
        not_blank(),
    );
    let text = "What names begin with. With it they end in topic-partition-offset, and file.name.template has no effect.";
    keys.null_valid(PREFIX, Type::String, Medium, text, not_blank());
    let at_least = || Validator::at_least(1);
    keys.add_valid(
        "aws.s3.fetch.page.size",
        Type::Int,
        10,
        Medium,
        "Has no effect on a sink.",
        at_least(),
    );
    keys.add_valid(
        "aws.s3.fetch.buffer.size",
        Type::Int,
        1000,
        Medium,
        "Has no effect on a sink.",
        at_least(),
    );
    let text = "How many bytes of an object are sent at once, at least 5 MiB but for the last; smaller objects are sent as a whole.";
    let range = Validator::between(1, 2_000_000_000);
    keys.add_valid(PART_SIZE, Type::Int, 5_242_880, Medium, text, range);
}

fn role_keys(keys: &mut Keys) {
    keys.null_valid(ROLE_ARN, Type::String, Medium, "A role that is assumed.", not_blank());
    keys.null_valid(ROLE_SESSION, Type::String, Medium, "The name of its sessions.", not_blank());
    let text = "How many seconds its credentials count.";
    keys.add_valid(ROLE_DURATION, Type::Int, 3600, Medium, text, Validator::between(900, 43_200));
    keys.null_valid(
        ROLE_EXTERNAL_ID,
        Type::String,
        Medium,
        "The external id that the role asks for.",
        not_blank(),
    );
    let text = "Where roles are assumed; another than Amazon's needs aws.s3.region.";
    keys.add_valid(STS_ENDPOINT, Type::String, STS_GLOBAL, Medium, text, not_blank());
}

fn old_keys(keys: &mut Keys) {
    let text = "Has no effect, as in Java: use aws.access.key.id.";
    keys.null_valid("aws_access_key_id", Type::Password, Medium, text, not_blank());
    let text = "Has no effect, as in Java: use aws.secret.access.key.";
    keys.null_valid("aws_secret_access_key", Type::Password, Medium, text, not_blank());
    keys.null_valid(
        OLD_BUCKET,
        Type::String,
        Medium,
        "The older name of aws.s3.bucket.name.",
        bucket_rule(),
    );
    keys.null_valid(
        OLD_ENDPOINT,
        Type::String,
        Low,
        "The older name of aws.s3.endpoint.",
        url_rule(),
    );
    keys.null_valid(
        OLD_REGION,
        Type::String,
        Medium,
        "The older name of aws.s3.region.",
        not_blank(),
    );
    keys.null_valid(
        OLD_PREFIX,
        Type::String,
        Medium,
        "The older name of aws.s3.prefix.",
        not_blank(),
    );
    keys.null_valid(
        OLD_FIELDS,
        Type::List,
        Medium,
        "The older name of format.output.fields.",
        fields_rule(),
    );
    keys.null_valid(
        OLD_COMPRESSION,
        Type::String,
        Medium,
        "The older name of file.compression.type.",
        words(&COMPRESSIONS),
    );
    let text = "The time zone of timestamps in aws.s3.prefix.";
    keys.add_valid(OLD_TIMEZONE, Type::String, "Z", Low, text, zone_rule());
    let text = "Which time that is: wallclock or event.";
    keys.add_valid(
        OLD_TIME_SOURCE,
        Type::String,
        "WALLCLOCK",
        Low,
        text,
        words(&["wallclock", "event"]),
    );
}

fn file_keys(keys: &mut Keys) {
    let text = "Names of files, with the variables {{topic}}, {{partition}}, {{start_offset}}, {{timestamp:unit=yyyy}} and {{key}}: \
                {{topic}}-{{partition}}-{{start_offset}} if it is not set.";
    keys.null(NAME, Type::String, Medium, text);
    keys.null(NAME_PREFIX, Type::String, Medium, "Has no effect on a sink, as in Java.");
    let text = "How files are compressed: none, gzip, snappy or zstd; gzip if it is not set (Parquet: none).";
    keys.null_valid(COMPRESSION, Type::String, Medium, text, words(&COMPRESSIONS));
    let text = "How many records a file has at most; 0: any number.";
    keys.add_valid(MAX_RECORDS, Type::Int, 0, Medium, text, Validator::at_least(0));
    keys.add_valid(
        TIMEZONE,
        Type::String,
        "Z",
        Low,
        "The time zone of timestamps in names.",
        zone_rule(),
    );
    let text = "Which time that is: wallclock or event (the record's).";
    keys.add_valid(
        TIME_SOURCE,
        Type::String,
        "WALLCLOCK",
        Low,
        text,
        words(&["wallclock", "event"]),
    );
}

fn format_keys(keys: &mut Keys) {
    let text = "What files are: csv, jsonl, json, avro or parquet.";
    let formats = words(&["avro", "csv", "json", "jsonl", "parquet"]);
    keys.add_valid(FORMAT, Type::String, "csv", Medium, text, formats);
    let text = "What of records is written: key, value, offset, timestamp, headers; the value if it is not set.";
    keys.null_valid(FIELDS, Type::List, Medium, text, fields_rule());
    let text = "How bytes are written in csv: none or base64.";
    keys.add_valid(ENCODING, Type::String, "base64", Medium, text, words(&["none", "base64"]));
    let text = "Whether a single field stands in an object with its name; false: it stands alone (not csv).";
    keys.add(ENVELOPE, Type::Boolean, true, Medium, text);
}

fn words(words: &[&str]) -> Validator {
    let words: Vec<String> = words.iter().map(|&word| word.to_owned()).collect();
    null_or(Validator::CaseInsensitiveValidString(words))
}

fn null_or(rule: Validator) -> Validator {
    Validator::custom(move |name, value| match value {
        ConfigData::Null => Ok(()),
        other => rule.check(name, other),
    })
}

fn not_blank() -> Validator {
    Validator::custom(|name, value| match value {
        ConfigData::String(text) | ConfigData::Password(text) if text.trim().is_empty() => {
            Err(invalid(name, value, "String must be non-empty"))
        }
        _ => Ok(()),
    })
}

fn zone_rule() -> Validator {
    Validator::custom(|name, value| {
        Zone::parse(text_of(value)).map(drop).map_err(|what| invalid(name, value, &what))
    })
}

fn url_rule() -> Validator {
    Validator::custom(|name, value| match value {
        ConfigData::String(text) => {
            check_endpoint(text).map_err(|what| invalid(name, value, &what))
        }
        _ => Ok(()),
    })
}

fn fields_rule() -> Validator {
    Validator::custom(|name, value| {
        if matches!(value, ConfigData::Null) {
            return Ok(());
        }
        let list = list_of(value);
        if list.is_empty() {
            return Err(invalid(name, value, "cannot be empty"));
        }
        let is_known = |field: &String| FIELD_NAMES.contains(&field.to_ascii_lowercase().as_str());
        match list.iter().all(is_known) {
            true => Ok(()),
            false => Err(invalid(
                name,
                value,
                "supported values are: 'key', 'value', 'offset', 'timestamp', 'headers'",
            )),
        }
    })
}

fn bucket_rule() -> Validator {
    Validator::custom(|name, value| {
        let ConfigData::String(text) = value else { return Ok(()) };
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '.';
        let at_ends = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        let fits = (3..=63).contains(&text.len())
            && text.chars().all(plain)
            && text.starts_with(at_ends)
            && text.ends_with(at_ends)
            && !["..", ".-", "-."].iter().any(|pair| text.contains(pair))
            && text.parse::<std::net::Ipv4Addr>().is_err();
        match fits {
            true => Ok(()),
            false => Err(invalid(
                name,
                value,
                "Illegal bucket name: 3 to 63 small letters, digits, - and ., no IP address",
            )),
        }
    })
}
