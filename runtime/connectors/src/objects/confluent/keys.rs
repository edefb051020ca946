//! The keys of Confluent's connector.

use gantry_api::model::config::ConfigData;
use gantry_api::{ConfigDef, Importance, Type, Validator};

use super::super::own;
use super::super::partition::Zone;
use crate::keys::{Keys, invalid, list_of, text_of};

use Importance::{High, Low, Medium};

pub(super) const FORMAT: &str = "format.class";
pub(super) const FLUSH_SIZE: &str = "flush.size";
pub(super) const ROTATE: &str = "rotate.interval.ms";
pub(super) const ROTATE_SCHEDULE: &str = "rotate.schedule.interval.ms";
pub(super) const BACKOFF: &str = "retry.backoff.ms";
pub(super) const PAD_WIDTH: &str = "filename.offset.zero.pad.width";
pub(super) const AVRO_CODEC: &str = "avro.codec";
pub(super) const PARQUET_CODEC: &str = "parquet.codec";
pub(super) const COMPATIBILITY: &str = "schema.compatibility";
pub(super) const BUCKET: &str = "s3.bucket.name";
pub(super) const TAGGING: &str = "s3.object.tagging";
pub(super) const TAGS: &str = "s3.object.tagging.key.value.pairs";
pub(super) const ON_TAGGING_ERROR: &str = "s3.object.behavior.on.tagging.error";
pub(super) const REGION: &str = "s3.region";
pub(super) const PART_SIZE: &str = "s3.part.size";
pub(super) const PROVIDER: &str = "s3.credentials.provider.class";
pub(super) const ACCESS_KEY: &str = "aws.access.key.id";
pub(super) const SECRET_KEY: &str = "aws.secret.access.key";
pub(super) const SSE: &str = "s3.ssea.name";
pub(super) const SSE_CUSTOMER_KEY: &str = "s3.sse.customer.key";
pub(super) const SSE_KMS_KEY: &str = "s3.sse.kms.key.id";
pub(super) const ACL: &str = "s3.acl.canned";
pub(super) const WAN_MODE: &str = "s3.wan.mode";
pub(super) const COMPRESSION: &str = "s3.compression.type";
pub(super) const COMPRESSION_LEVEL: &str = "s3.compression.level";
pub(super) const DECIMALS: &str = "json.decimal.format";
pub(super) const PART_RETRIES: &str = "s3.part.retries";
pub(super) const S3_BACKOFF: &str = "s3.retry.backoff.ms";
pub(super) const BYTES_EXTENSION: &str = "format.bytearray.extension";
pub(super) const BYTES_SEPARATOR: &str = "format.bytearray.separator";
pub(super) const PROXY_URL: &str = "s3.proxy.url";
pub(super) const PROXY_USER: &str = "s3.proxy.user";
pub(super) const PROXY_PASSWORD: &str = "s3.proxy.password";
pub(super) const ON_NULL: &str = "behavior.on.null.values";
pub(super) const REPORT_NULLS: &str = "report.null.values.to.dlq";
pub(super) const ROTATE_ON_CHANGE: &str = "rotate.file.on.partition.change";
pub(super) const TOMBSTONES: &str = "tombstone.encoded.partition";
pub(super) const AFFIX: &str = "s3.schema.partition.affix.type";
pub(super) const DIGEST: &str = "s3.send.digest";
pub(super) const STORE_KEYS: &str = "store.kafka.keys";
pub(super) const STORE_HEADERS: &str = "store.kafka.headers";
pub(super) const KEYS_FORMAT: &str = "keys.format.class";
pub(super) const HEADERS_FORMAT: &str = "headers.format.class";
pub(super) const PATH_STYLE: &str = "s3.path.style.access.enabled";
pub(super) const MAX_OPEN: &str = "partitioner.max.open.files";
pub(super) const STORAGE: &str = "storage.class";
pub(super) const TOPICS_DIR: &str = "topics.dir";
pub(super) const STORE_URL: &str = "store.url";
pub(super) const DIR_DELIMITER: &str = "directory.delim";
pub(super) const FILE_DELIMITER: &str = "file.delim";
pub(super) const PARTITIONER: &str = "partitioner.class";
pub(super) const FIELDS: &str = "partition.field.name";
pub(super) const DURATION: &str = "partition.duration.ms";
pub(super) const PATH_FORMAT: &str = "path.format";
pub(super) const LOCALE: &str = "locale";
pub(super) const TIMEZONE: &str = "timezone";
pub(super) const EXTRACTOR: &str = "timestamp.extractor";
pub(super) const TIMESTAMP_FIELD: &str = "timestamp.field";

pub(super) const AVRO_FORMAT: &str = "io.confluent.connect.s3.format.avro.AvroFormat";
const PARTITIONERS: &str = "io.confluent.connect.storage.partitioner.";
/// The only one.
pub(super) const S3_STORAGE: &str = "io.confluent.connect.s3.storage.S3Storage";
/// Parts must be that large, but for the last.
const PART_SIZE_MIN: i64 = 5 * 1024 * 1024;

/// All keys.
pub(in crate::objects) fn definition() -> ConfigDef {
    let mut keys = Keys::new("Connector");
    connector_keys(&mut keys);
    keys.group("Schema");
    let text = "What is done when the schema of records changes: NONE begins a new file, BACKWARD, FORWARD and FULL do so \
                where one cannot be read as the other, and change records to the schema of the file else.";
    keys.add(COMPATIBILITY, Type::String, "NONE", High, text);
    keys.group("S3");
    bucket_keys(&mut keys);
    access_keys(&mut keys);
    writing_keys(&mut keys);
    record_keys(&mut keys);
    keys.group("Keys and Headers");
    key_and_header_keys(&mut keys);
    keys.group("Storage");
    storage_keys(&mut keys);
    keys.group("Partitioner");
    partitioner_keys(&mut keys);
    own::define(&mut keys);
    keys.done()
}

fn connector_keys(keys: &mut Keys) {
    let text = "What files are: io.confluent.connect.s3.format.json.JsonFormat, ….avro.AvroFormat, ….parquet.ParquetFormat or \
                ….bytearray.ByteArrayFormat.";
    keys.required(FORMAT, Type::Class, High, text);
    let text = "After how many records of one queue its files are ended.";
    keys.required(FLUSH_SIZE, Type::Int, High, text);
    let text = "Files of a queue are ended when the time of a record, as timestamp.extractor finds it, is so much later than \
                that of their first. Only with a partitioner by time; -1: never.";
    keys.add(ROTATE, Type::Long, -1i64, High, text);
    let text = "Files are ended at multiples of this time after midnight in timezone, by the clock of the worker; -1: never.";
    keys.add(ROTATE_SCHEDULE, Type::Long, -1i64, Medium, text);
    keys.add(
        "schemas.cache.config",
        Type::Int,
        1000,
        Low,
        "Has no effect: schemas are compared at no cost.",
    );
    let text = "Whether Avro schemas keep the symbols of enums, and packages of names.";
    keys.add("enhanced.avro.schema.support", Type::Boolean, true, Low, text);
    let text = "Whether Avro schemas have what only Connect knows as properties.";
    keys.add("connect.meta.data", Type::Boolean, true, Low, text);
    let text = "The wait before an object is tried again when the store was away.";
    keys.add(BACKOFF, Type::Long, 5000i64, Low, text);
    let text = "To how many digits offsets are filled with zeros in names of files.";
    keys.add_valid(PAD_WIDTH, Type::Int, 10, Low, text, Validator::at_least(0));
    let text = "How blocks of Avro files are compressed: null, deflate or snappy.";
    let codecs = Validator::one_of(&["null", "deflate", "snappy", "bzip2"]);
    keys.add_valid(AVRO_CODEC, Type::String, "null", Low, text, codecs);
    let text = "Whether maps with optional texts as keys are maps in Avro.";
    keys.add("allow.optional.map.keys", Type::Boolean, false, Low, text);
    let text = "How pages of Parquet files are compressed: none, snappy, gzip, zstd or lz4_raw.";
    let codecs = ["none", "gzip", "snappy", "lzo", "brotli", "lz4", "zstd", "lz4_raw"];
    keys.add_valid(PARQUET_CODEC, Type::String, "snappy", Low, text, Validator::one_of(&codecs));
}

fn bucket_keys(keys: &mut Keys) {
    keys.required(BUCKET, Type::String, High, "The bucket.");
    let text =
        "Whether objects get tags with their first and last offset and their number of records.";
    keys.add(TAGGING, Type::Boolean, false, Low, text);
    keys.add(TAGS, Type::List, "", Low, "More tags of objects: name:value,name:value.");
    let text = "What happens when an object cannot be tagged: ignore or fail.";
    let words = insensitive(&["ignore", "fail"]);
    keys.add_valid(ON_TAGGING_ERROR, Type::String, "ignore", Low, text, words);
    keys.add(REGION, Type::String, "us-west-2", Medium, "The region of the bucket.");
    let text = "How many bytes of an object are sent at once; smaller objects are sent as a whole.";
    let range = Validator::between(PART_SIZE_MIN, i64::from(i32::MAX));
    keys.add_valid(PART_SIZE, Type::Int, 26_214_400, High, text, range);
}

fn access_keys(keys: &mut Keys) {
    let text = "Where credentials come from: a class of Amazon's SDK, or \
                io.confluent.connect.s3.auth.AwsAssumeRoleCredentialsProvider with s3.credentials.provider.sts.role.arn, \
                .sts.role.session.name, .sts.role.external.id and .sts.region.";
    let default = "software.amazon.awssdk.auth.credentials.DefaultCredentialsProvider";
    keys.add(PROVIDER, Type::Class, default, Low, text);
    let text = "The access key, if credentials do not come from elsewhere.";
    keys.add(ACCESS_KEY, Type::String, "", High, text);
    keys.null(SECRET_KEY, Type::Password, High, "Its secret.");
    let text = "How objects are encrypted where they lie: AES256 or aws:kms.";
    let names = ["", "AES256", "aws:fsx", "aws:kms", "aws:kms:dsse"];
    keys.add_valid(SSE, Type::String, "", Low, text, Validator::one_of(&names));
    let text =
        "With AES256: a key of your own, 32 bytes in base 64, which the store does not keep.";
    keys.null(SSE_CUSTOMER_KEY, Type::Password, Low, text);
    let text = "With aws:kms: the key's id. Without it nothing is encrypted, as in Java.";
    keys.add(SSE_KMS_KEY, Type::String, "", Low, text);
    let names = [
        "private",
        "public-read",
        "public-read-write",
        "authenticated-read",
        "aws-exec-read",
        "bucket-owner-read",
        "bucket-owner-full-control",
    ];
    let text = "The canned ACL of objects.";
    keys.null_valid(ACL, Type::String, Low, text, null_or(Validator::one_of(&names)));
    keys.add(
        WAN_MODE,
        Type::Boolean,
        false,
        Medium,
        "Whether Amazon's accelerated endpoint is used.",
    );
}

fn writing_keys(keys: &mut Keys) {
    let text = "How files of JsonFormat and ByteArrayFormat are compressed: none or gzip.";
    keys.add_valid(
        COMPRESSION,
        Type::String,
        "none",
        Low,
        text,
        Validator::one_of(&["none", "gzip"]),
    );
    let text = "How much gzip tries, from 0 to 9; -1: as usual.";
    keys.add_valid(COMPRESSION_LEVEL, Type::Int, -1, Low, text, Validator::between(-1, 9));
    let text = "How decimals are written in JSON: BASE64 or NUMERIC.";
    keys.add_valid(
        DECIMALS,
        Type::String,
        "BASE64",
        Medium,
        text,
        insensitive(&["BASE64", "NUMERIC"]),
    );
    let text = "How often a request is tried again at once. When that is over the task waits for retry.backoff.ms, and \
                goes on trying.";
    keys.add_valid(PART_RETRIES, Type::Int, 3, Medium, text, Validator::at_least(0));
    let text = "The wait before the first of these attempts; it doubles each time.";
    keys.add_valid(S3_BACKOFF, Type::Long, 200i64, Low, text, Validator::at_least(0i64));
    keys.add(
        BYTES_EXTENSION,
        Type::String,
        ".bin",
        Low,
        "What names of files of ByteArrayFormat end in.",
    );
    let text =
        "What is written behind each record of ByteArrayFormat; a line feed if it is not set.";
    keys.null(BYTES_SEPARATOR, Type::String, Low, text);
    let text = "The URL of a proxy, perhaps with user and password.";
    keys.add(PROXY_URL, Type::String, "", Low, text);
    keys.null(PROXY_USER, Type::String, Low, "The user of the proxy.");
    keys.null(PROXY_PASSWORD, Type::Password, Low, "The user's password.");
    let text = "Has no effect: parts are sent at once.";
    keys.add("s3.http.send.expect.continue", Type::Boolean, true, Low, text);
}

fn record_keys(keys: &mut Keys) {
    let text = "What happens with records without a value: ignore, fail, or write them below tombstone.encoded.partition, \
                with their keys only.";
    keys.add_valid(
        ON_NULL,
        Type::String,
        "fail",
        Low,
        text,
        insensitive(&["ignore", "fail", "write"]),
    );
    let text = "Whether ignored records without a value go to the dead letter queue.";
    keys.add(REPORT_NULLS, Type::Boolean, true, Low, text);
    let text = "Has no effect: a task is not shut out because a put takes long.";
    keys.add("max.write.duration.ms", Type::Long, i64::MAX, Low, text);
    let text = "With rotate.interval.ms and a partitioner by time: whether files are ended when a record goes to another \
                directory.";
    keys.add(ROTATE_ON_CHANGE, Type::Boolean, true, Low, text);
    let text = "The directory of records without a value, below that of their topic.";
    keys.add(TOMBSTONES, Type::String, "tombstone", Low, text);
    let text = "Whether the name of the value's schema stands in the path: NONE, PREFIX or SUFFIX.";
    let words = Validator::one_of(&["SUFFIX", "PREFIX", "NONE"]);
    keys.add_valid(AFFIX, Type::String, "NONE", Low, text, words);
    let text = "Whether the store checks a digest of what it gets: SHA-256 of each part.";
    keys.add(DIGEST, Type::Boolean, false, Low, text);
    let text =
        "Has no effect: an object that is there is written again, with the same records or more.";
    keys.add("enable.conditional.writes", Type::Boolean, true, Low, text);
}

fn key_and_header_keys(keys: &mut Keys) {
    let text = "Whether keys are written to files of their own, whose names end in .keys and the extension.";
    keys.add(STORE_KEYS, Type::Boolean, false, Low, text);
    let text = "Whether headers are written to files of their own, whose names end in .headers and the extension.";
    keys.add(STORE_HEADERS, Type::Boolean, false, Low, text);
    keys.add(KEYS_FORMAT, Type::Class, AVRO_FORMAT, Low, "The format of keys.");
    let text = "The format of headers: any but ByteArrayFormat.";
    keys.add(HEADERS_FORMAT, Type::Class, AVRO_FORMAT, Low, text);
    let text = "Whether the bucket stands in the path of URLs, and not in the name of the host.";
    keys.add(PATH_STYLE, Type::Boolean, true, Low, text);
    keys.add(
        "s3.elastic.buffer.enable",
        Type::Boolean,
        false,
        Low,
        "Has no effect: buffers grow as needed.",
    );
    let at_least = Validator::at_least(4096);
    keys.add_valid(
        "s3.elastic.buffer.init.capacity",
        Type::Int,
        131_072,
        Low,
        "Has no effect.",
        at_least,
    );
    let text = "How many files of a queue are open at most: before one more, all are ended; -1: any number.";
    keys.add(MAX_OPEN, Type::Int, -1, Low, text);
}

fn storage_keys(keys: &mut Keys) {
    keys.required(STORAGE, Type::Class, High, "io.confluent.connect.s3.storage.S3Storage.");
    keys.add(TOPICS_DIR, Type::String, "topics", High, "What all names of objects begin with.");
    let text = "Where the store is, if not at Amazon: https://host:port, or file:///directory for files below \
                directory/bucket.";
    keys.null(STORE_URL, Type::String, High, text);
    keys.add(DIR_DELIMITER, Type::String, "/", Medium, "What stands between directories.");
    keys.add(
        FILE_DELIMITER,
        Type::String,
        "+",
        Medium,
        "What stands between the parts of a file's name.",
    );
}

fn partitioner_keys(keys: &mut Keys) {
    let text = "How records are divided among directories: DefaultPartitioner, FieldPartitioner, TimeBasedPartitioner, \
                HourlyPartitioner or DailyPartitioner of io.confluent.connect.storage.partitioner.";
    let default = format!("{PARTITIONERS}DefaultPartitioner");
    keys.add(PARTITIONER, Type::Class, default.as_str(), High, text);
    let text = "FieldPartitioner: fields, also within others (a.b).";
    keys.add_valid(FIELDS, Type::List, "", Medium, text, field_names());
    let text = "TimeBasedPartitioner: how much time a directory is for.";
    keys.add(DURATION, Type::Long, -1i64, Medium, text);
    let text = "TimeBasedPartitioner: the names of directories as a pattern of Joda, 'year'=YYYY/'month'=MM/'day'=dd.";
    keys.add(PATH_FORMAT, Type::String, "", Medium, text);
    let text = "Partitioners by time: the language of names of months and days; only English has any here.";
    keys.add(LOCALE, Type::String, "", Medium, text);
    let text = "Partitioners by time and rotate.schedule.interval.ms: the time zone, as Europe/Paris or +02:00.";
    keys.add_valid(TIMEZONE, Type::String, "", Medium, text, zone_rule());
    let text =
        "Partitioners by time: Wallclock, Record (its timestamp) or RecordField (timestamp.field).";
    keys.add(EXTRACTOR, Type::String, "Wallclock", Medium, text);
    let text = "The field for RecordField: a timestamp, milliseconds since 1970, or a text as 2026-01-31T12:00:00Z.";
    keys.add(TIMESTAMP_FIELD, Type::String, "timestamp", Medium, text);
}

fn insensitive(words: &[&str]) -> Validator {
    Validator::CaseInsensitiveValidString(words.iter().map(|&word| word.to_owned()).collect())
}

fn null_or(rule: Validator) -> Validator {
    Validator::custom(move |name, value| match value {
        ConfigData::Null => Ok(()),
        other => rule.check(name, other),
    })
}

fn zone_rule() -> Validator {
    Validator::custom(|name, value| match text_of(value).trim() {
        "" => Ok(()),
        text => Zone::parse(text).map(drop).map_err(|what| invalid(name, value, &what)),
    })
}

fn field_names() -> Validator {
    Validator::custom(|name, value| {
        let is_blank = |text: &str| text.trim().is_empty();
        match list_of(value).iter().find(|path| path.split('.').any(is_blank)) {
            None => Ok(()),
            Some(_) => {
                let what = "Field name cannot contain an empty or whitespace-only path segment";
                Err(invalid(name, value, what))
            }
        }
    })
}

/// The short name of a partitioner's class.
pub(super) fn partitioner_name(class: &str) -> Option<&str> {
    class.strip_prefix(PARTITIONERS)
}
