//! The keys of the connectors for directories.

use gantry_api::model::config::ConfigData;
use gantry_api::model::regex::JavaPattern;
use gantry_api::{ConfigDef, Importance, Type, Validator};
use gantry_converters::Charset;

use super::format::csv::NullFields;
use super::lines::RECORD_BYTES_MAX;
use super::value::dates;
use crate::keys::{Keys, invalid, list_of, text_of};

pub(crate) const TOPIC: &str = "topic";
pub(crate) const BATCH_SIZE: &str = "batch.size";
pub(crate) const EMPTY_WAIT: &str = "empty.poll.wait.ms";
pub(crate) const CLEANUP: &str = "cleanup.policy";
pub(crate) const INPUT: &str = "input.path";
pub(crate) const FINISHED: &str = "finished.path";
pub(crate) const ERROR: &str = "error.path";
pub(crate) const PATTERN: &str = "input.file.pattern";
pub(crate) const HALT: &str = "halt.on.error";
pub(crate) const MINIMUM_AGE: &str = "file.minimum.age.ms";
pub(crate) const EXTENSION: &str = "processing.file.extension";
pub(crate) const TIMESTAMP_MODE: &str = "timestamp.mode";
pub(crate) const SORT: &str = "files.sort.attributes";
pub(crate) const TASK_INDEX: &str = "task.index";
pub(crate) const TASK_COUNT: &str = "task.count";
pub(crate) const PARTITIONER: &str = "task.partitioner";
pub(crate) const RECURSIVE: &str = "input.path.walk.recursively";
pub(crate) const KEEP_FOLDERS: &str = "cleanup.policy.maintain.relative.path";
pub(crate) const BUFFER: &str = "file.buffer.size.bytes";

pub(crate) const KEY_SCHEMA: &str = "key.schema";
pub(crate) const VALUE_SCHEMA: &str = "value.schema";
pub(crate) const GENERATE: &str = "schema.generation.enabled";
pub(crate) const GENERATE_KEYS: &str = "schema.generation.key.fields";
pub(crate) const GENERATE_KEY_NAME: &str = "schema.generation.key.name";
pub(crate) const GENERATE_VALUE_NAME: &str = "schema.generation.value.name";
pub(crate) const ZONE: &str = "parser.timestamp.timezone";
pub(crate) const DATE_FORMATS: &str = "parser.timestamp.date.formats";
pub(crate) const TIMESTAMP_FIELD: &str = "timestamp.field";

pub(crate) const CHARSET: &str = "file.charset";
pub(crate) const CSV_CHARSET: &str = "csv.file.charset";
pub(crate) const CSV_SKIP: &str = "csv.skip.lines";
pub(crate) const CSV_SEPARATOR: &str = "csv.separator.char";
pub(crate) const CSV_QUOTE: &str = "csv.quote.char";
pub(crate) const CSV_ESCAPE: &str = "csv.escape.char";
pub(crate) const CSV_STRICT: &str = "csv.strict.quotes";
pub(crate) const CSV_BLANKS: &str = "csv.ignore.leading.whitespace";
pub(crate) const CSV_NO_QUOTES: &str = "csv.ignore.quotations";
pub(crate) const CSV_RETURNS: &str = "csv.keep.carriage.return";
pub(crate) const CSV_NULLS: &str = "csv.null.field.indicator";
pub(crate) const CSV_HEADER: &str = "csv.first.row.as.header";
pub(crate) const CSV_RFC: &str = "csv.rfc.4180.parser.enabled";
const CSV_VERIFY: &str = "csv.verify.reader";
const CSV_CASE: &str = "csv.case.sensitive.field.names";

pub(crate) const CLEANUPS: [&str; 4] = ["NONE", "DELETE", "MOVE", "MOVEBYDATE"];
const TIMESTAMP_MODES: [&str; 3] = ["FIELD", "FILE_TIME", "PROCESS_TIME"];
const SORTS: [&str; 6] =
    ["NameAsc", "NameDesc", "LengthAsc", "LengthDesc", "LastModifiedAsc", "LastModifiedDesc"];

const GENERAL_GROUP: &str = "General";
const FILES_GROUP: &str = "File System";
const TIMESTAMP_GROUP: &str = "Timestamps";
const SCHEMA_GROUP: &str = "Schema";
const GENERATION_GROUP: &str = "Schema Generation";
const CSV_GROUP: &str = "CSV Parsing";
const OWN_GROUP: &str = "Gantry";

/// 32 MiB.
const RECORD_BYTES_DEFAULT: i32 = 32 << 20;
const BATCH_SIZE_DEFAULT: i32 = 1000;
const EMPTY_WAIT_MS_DEFAULT: i64 = 500;
const BUFFER_BYTES_DEFAULT: i32 = 128 << 10;

use Importance::{High, Low, Medium};

/// Exactly one of these words.
pub(crate) fn word(class: &'static str, words: &'static [&'static str]) -> Validator {
    Validator::custom(move |name, value| {
        let texts = match value {
            ConfigData::List(list) => list.iter().map(String::as_str).collect(),
            ConfigData::String(text) => vec![text.as_str()],
            _ => Vec::new(),
        };
        match texts.into_iter().find(|text| !words.contains(text)) {
            None => Ok(()),
            Some(text) => Err(gantry_api::Error::config(format!(
                "Invalid value '{text}' is not a valid value for {class}. Valid values are {}. for \
                 configuration {name}",
                words.join(", ")
            ))),
        }
    })
}

fn regex() -> Validator {
    Validator::custom(|name, value| {
        JavaPattern::check(text_of(value)).map_err(|error| {
            invalid(name, value, &format!("not a regular expression: {}", error.message()))
        })
    })
}

fn charset() -> Validator {
    Validator::custom(|name, value| match Charset::for_name(text_of(value)) {
        Some(_) => Ok(()),
        None => Err(invalid(name, value, "no character set of this name is known")),
    })
}

fn directory() -> Validator {
    Validator::custom(|name, value| {
        let text = text_of(value);
        if text.is_empty() {
            return Err(invalid(name, value, "Cannot be null or empty."));
        }
        match std::path::Path::new(text).is_absolute() {
            true => Ok(()),
            false => Err(invalid(name, value, &format!("File '{text}' is not an absolute path."))),
        }
    })
}

fn extension() -> Validator {
    Validator::custom(|name, value| {
        let text = text_of(value);
        let has_extension = text.split_once('.').is_some_and(|(_, rest)| !rest.is_empty());
        match has_extension && !text.contains(['/', '\n', '\r']) {
            true => Ok(()),
            false => Err(invalid(name, value, "does not match pattern '^.*\\..+$'.")),
        }
    })
}

fn zone() -> Validator {
    Validator::custom(|name, value| match dates::is_known(text_of(value)) {
        true => Ok(()),
        false => Err(invalid(name, value, "no time zone of this name is known")),
    })
}

fn date_formats() -> Validator {
    Validator::custom(|name, value| {
        dates::Dates::new(list_of(value), "UTC")
            .map(drop)
            .map_err(|error| invalid(name, value, error.message()))
    })
}

/// What all of them have in common.
pub(crate) fn common(keys: &mut Keys) {
    keys.group(GENERAL_GROUP);
    keys.required(TOPIC, Type::String, High, "The topic that records are written to.");
    let text = "How many records are handed on at once, at most.";
    keys.add(BATCH_SIZE, Type::Int, BATCH_SIZE_DEFAULT, Low, text);
    let text = "How long to wait before the directory is looked at again when there was nothing in it to read.";
    let positive = Validator::between(1i64, i64::MAX);
    keys.add_valid(EMPTY_WAIT, Type::Long, EMPTY_WAIT_MS_DEFAULT, Low, text, positive);
    let text = "Which of the files the task reads. The connector sets it.";
    keys.add_valid(TASK_INDEX, Type::Int, 0, Low, text, Validator::at_least(0));
    let text = "Among how many tasks the files are divided. The connector sets it.";
    keys.add_valid(TASK_COUNT, Type::Int, 1, Low, text, Validator::at_least(1));

    keys.group(FILES_GROUP);
    let text = "What becomes of a file that was read, once all of its records are written: NONE leaves it where it \
                is, DELETE deletes it, MOVE moves it to finished.path, MOVEBYDATE moves it to a folder there that \
                has the day of its last change as its name (UTC).";
    keys.add_valid(CLEANUP, Type::String, "MOVE", Medium, text, word("CleanupPolicy", &CLEANUPS));
    let text = "The directory whose files are read. It has to be there, and the worker has to be able to write to it.";
    keys.required_valid(INPUT, Type::String, High, text, directory());
    let text = "Where files go that were read: for cleanup.policy=MOVE and MOVEBYDATE. It has to be there, and \
                writable.";
    keys.add(FINISHED, Type::String, "", High, text);
    let text = "Where files go that cannot be read to their end. It has to be there, and writable.";
    keys.required_valid(ERROR, Type::String, High, text, directory());
    let text = "A regular expression. Files are read whose whole names match it.";
    keys.required_valid(PATTERN, Type::String, High, text, regex());
    let text = "Whether the task fails when a file cannot be read. The file goes to error.path in either case.";
    keys.add(HALT, Type::Boolean, true, High, text);
    let text = "How long a file must have been left alone before it is read.";
    keys.add_valid(MINIMUM_AGE, Type::Long, 0i64, Low, text, Validator::at_least(0i64));
    let text = "While a file is read there is another one beside it, with this behind its name, that shows so. \
                Files are passed over that others show to be reading.";
    keys.add_valid(EXTENSION, Type::String, ".PROCESSING", Low, text, extension());
    let text = "In which order files are read; the first of several attributes comes first.";
    keys.add_valid(SORT, Type::List, "NameAsc", Low, text, word("FileAttribute", &SORTS));
    let text = "How files are divided among several tasks: ByName, by a checksum of their names.";
    keys.add_valid(
        PARTITIONER,
        Type::String,
        "ByName",
        Medium,
        text,
        word("TaskPartitioner", &["ByName"]),
    );
    let text = "Whether files in folders of input.path are read, too, however deep. Their records have the header \
                file.relative.path.";
    keys.add(RECURSIVE, Type::Boolean, false, Low, text);
    let text = "Whether folders of input.path stay when their last file was taken away.";
    keys.add(KEEP_FOLDERS, Type::Boolean, false, Low, text);
    let text = "How many bytes of a file are read at once.";
    let positive = Validator::at_least(1);
    keys.add_valid(BUFFER, Type::Int, BUFFER_BYTES_DEFAULT, Low, text, positive);

    keys.group(TIMESTAMP_GROUP);
    let text = "Which timestamp records have, of CSV and JSON with schemas: FIELD, that of timestamp.field; \
                FILE_TIME, when the file was last changed; PROCESS_TIME, when they are written.";
    let modes = word("TimestampMode", &TIMESTAMP_MODES);
    keys.add_valid(TIMESTAMP_MODE, Type::String, "PROCESS_TIME", Medium, text, modes);
}

fn own(keys: &mut Keys) {
    keys.group(OWN_GROUP);
    let text = "How long a line, a quoted field, a JSON value, a block of an Avro file, or a file that is one record, may be. A file with a \
                longer one goes to error.path.";
    let positive = Validator::at_least(1);
    keys.add_valid(RECORD_BYTES_MAX, Type::Int, RECORD_BYTES_DEFAULT, Low, text, positive);
}

/// What those with schemas have in common.
pub(crate) fn schemas(keys: &mut Keys) {
    keys.group(SCHEMA_GROUP);
    let form = "a JSON object with type, name, isOptional, fieldSchemas and so on";
    let text =
        format!("The schema of keys: {form}. Required unless schema.generation.enabled=true.");
    keys.add(KEY_SCHEMA, Type::String, "", High, &text);
    let text =
        format!("The schema of values: {form}. Required unless schema.generation.enabled=true.");
    keys.add(VALUE_SCHEMA, Type::String, "", High, &text);

    keys.group(GENERATION_GROUP);
    let text = "Whether schemas are made from the files that are in input.path when the connector starts, of which \
                there has to be at least one. All fields are optional text then.";
    keys.add(GENERATE, Type::Boolean, false, Medium, text);
    let text = "The fields of a key whose schema is made.";
    keys.add(GENERATE_KEYS, Type::List, "", Medium, text);
    let text = "The name of a key's schema that is made.";
    let name = "com.github.jcustenborder.kafka.connect.model.Key";
    keys.add(GENERATE_KEY_NAME, Type::String, name, Medium, text);
    let text = "The name of a value's schema that is made.";
    let name = "com.github.jcustenborder.kafka.connect.model.Value";
    keys.add(GENERATE_VALUE_NAME, Type::String, name, Medium, text);

    keys.group(TIMESTAMP_GROUP);
    let text = "The time zone of dates that do not name one.";
    keys.add_valid(ZONE, Type::String, "UTC", Low, text, zone());
    let text = "Patterns of Java's SimpleDateFormat for fields of the types Timestamp, Date and Time. The first that \
                fits counts.";
    let default = "yyyy-MM-dd'T'HH:mm:ss,yyyy-MM-dd' 'HH:mm:ss";
    keys.add_valid(DATE_FORMATS, Type::List, default, Low, text, date_formats());
    let text = "For timestamp.mode=FIELD: the field of the value whose moment is the record's timestamp. It has to \
                be a required Timestamp.";
    keys.add(TIMESTAMP_FIELD, Type::String, "", Medium, text);
}

fn csv_keys(keys: &mut Keys) {
    keys.group(CSV_GROUP);
    let sign = |what: &str| format!("{what}, as the number of a character of Unicode.");
    keys.add(
        CSV_SKIP,
        Type::Int,
        0,
        Low,
        "How many lines at the beginning of a file are passed over.",
    );
    let text = sign("What divides fields")
        + " 44 is a comma, 9 a tabulator; 0 needs the parser of RFC 4180, and is \
                one field for each line.";
    keys.add(CSV_SEPARATOR, Type::Int, 44, Low, &text);
    keys.add(CSV_QUOTE, Type::Int, 34, Low, &sign("What stands around a quoted field"));
    let text = sign("What stands before a quote, or before itself, that belongs to a field");
    keys.add(CSV_ESCAPE, Type::Int, 92, Low, &text);
    let text = "Whether what stands outside of quotes is dropped.";
    keys.add(CSV_STRICT, Type::Boolean, false, Low, text);
    let text = "Whether blanks before a quote are dropped.";
    keys.add(CSV_BLANKS, Type::Boolean, true, Low, text);
    let text = "Whether quotes mean nothing.";
    keys.add(CSV_NO_QUOTES, Type::Boolean, false, Low, text);
    let text = "Whether a carriage return at the end of a line belongs to its last field.";
    keys.add(CSV_RETURNS, Type::Boolean, false, Low, text);
    let text = "Read and not used, as files are always checked when they are read.";
    keys.add(CSV_VERIFY, Type::Boolean, true, Low, text);
    let text = "Which empty fields are null: those between separators, those between quotes, both or neither.";
    let names = word("CSVReaderNullFieldIndicator", &NullFields::NAMES);
    keys.add_valid(CSV_NULLS, Type::String, "NEITHER", Low, text, names);
    let text = "Whether the first line has the names of the columns. Else they are the fields of value.schema, in \
                order.";
    keys.add(CSV_HEADER, Type::Boolean, false, Medium, text);
    let text = "The character set of the files.";
    keys.add_valid(CSV_CHARSET, Type::String, "UTF-8", Low, text, charset());
    let text = "Read and not used, as in Java's connector: the letters of names have to be as in the schema.";
    keys.add(CSV_CASE, Type::Boolean, false, Low, text);
    let text =
        "Whether fields are divided as RFC 4180 says: quotes are doubled, nothing is escaped.";
    keys.add(CSV_RFC, Type::Boolean, false, Low, text);
}

fn done(mut keys: Keys) -> ConfigDef {
    own(&mut keys);
    keys.done()
}

fn begin() -> Keys {
    let mut keys = Keys::new(GENERAL_GROUP);
    common(&mut keys);
    keys
}

/// Of `SpoolDirCsvSourceConnector`.
pub(crate) fn csv() -> ConfigDef {
    let mut keys = begin();
    schemas(&mut keys);
    csv_keys(&mut keys);
    done(keys)
}

/// Of `SpoolDirJsonSourceConnector`.
pub(crate) fn json() -> ConfigDef {
    let mut keys = begin();
    schemas(&mut keys);
    done(keys)
}

/// Of those that read text without a schema.
pub(crate) fn text() -> ConfigDef {
    let mut keys = begin();
    let text = "The character set of the files.";
    keys.add_valid(CHARSET, Type::String, "UTF-8", Low, text, charset());
    done(keys)
}

/// Of those that read bytes.
pub(crate) fn bytes() -> ConfigDef {
    done(begin())
}
