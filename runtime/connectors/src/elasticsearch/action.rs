//! Records as the lines of a bulk request.

use std::hash::{DefaultHasher, Hash, Hasher};

use gantry_api::{Error, HeaderConverter, Result, Schema, SinkRecord, Value};
use gantry_converters::SimpleHeaderConverter;
use gantry_converters::jackson::write;

use super::config::{Documents, Errors, Id, OnNull, Routing, Timestamp, Write};
use super::document::{Style, Time, document};

/// Servers refuse longer ids, and with one all of the request.
const ID_BYTES_MAX: usize = 512;

/// Makes lines of records.
#[derive(Debug)]
pub(super) struct Actions {
    documents: Documents,
    on_null: OnNull,
    is_stream: bool,
    headers: SimpleHeaderConverter,
    /// The id of the record at hand.
    id: String,
}

/// What a record has become.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Made {
    /// Lines that were added.
    Lines {
        /// Whether a conflict can only mean that this record or a newer one of its id was written.
        is_own: bool,
        /// Tells documents apart whose order counts.
        hash: u64,
    },
    /// Nothing, as it has no value.
    Nothing,
    /// Nothing, as it deletes a document that has no key.
    Keyless,
}

impl Actions {
    pub(super) fn new(documents: Documents, errors: &Errors, is_stream: bool) -> Self {
        let (on_null, headers) = (errors.on_null, SimpleHeaderConverter);
        Self { documents, on_null, is_stream, headers, id: String::new() }
    }

    /// Appends the lines of a record for an index. After an error `out` is as it was.
    pub(super) fn make(
        &mut self,
        out: &mut Vec<u8>,
        index: &str,
        record: &SinkRecord,
    ) -> Result<Made> {
        let start = out.len();
        let made = self.lines(out, index, record);
        if made.is_err() {
            out.truncate(start);
        }
        made
    }

    fn lines(&mut self, out: &mut Vec<u8>, index: &str, record: &SinkRecord) -> Result<Made> {
        let is_null = record.record.value.value.is_null();
        let from = self.documents.id(&record.record.topic);
        if is_null {
            match self.on_null {
                OnNull::Ignore => return Ok(Made::Nothing),
                OnNull::Fail => return Err(null_error(record)),
                // Of other ids there is no document.
                OnNull::Delete if record.record.key.value.is_null() || from != Id::Key => {
                    return Ok(Made::Keyless);
                }
                OnNull::Delete => {}
            }
        }
        self.set_id(from, record)?;
        let upserts = self.documents.write == Write::Upsert && !is_null;
        let operation = match (is_null, upserts) {
            (true, _) => "delete",
            (false, true) => "update",
            (false, false) if self.is_stream => "create",
            (false, false) => "index",
        };
        let versioned = from == Id::Key && !upserts && !self.is_stream;
        out.push(b'{');
        write::string(out, operation);
        out.extend_from_slice(b":{\"_index\":");
        write::string(out, index);
        if from != Id::Generated {
            out.extend_from_slice(b",\"_id\":");
            write::string(out, &self.id);
        }
        if versioned {
            out.extend_from_slice(b",\"version\":");
            let version = self.version(record)?;
            write::integer(out, version);
            out.extend_from_slice(b",\"version_type\":\"external\"");
        }
        if upserts && self.documents.retry_on_conflict > 0 {
            out.extend_from_slice(b",\"retry_on_conflict\":");
            write::integer(out, self.documents.retry_on_conflict);
        }
        let hole = out.len();
        out.extend_from_slice(b"}}\n");
        let body = out.len();
        if !is_null {
            self.body(out, record, upserts)?;
        }
        self.route(out, hole, body, record)?;
        // A data stream has each place once.
        let is_own = versioned || (self.is_stream && from == Id::Place);
        Ok(Made::Lines { is_own, hash: self.hash(index) })
    }

    fn body(&self, out: &mut Vec<u8>, record: &SinkRecord, upserts: bool) -> Result<()> {
        let documents = &self.documents;
        let datum = &record.record.value;
        let by_schema = documents.uses_schema(&record.record.topic);
        let style = Style { by_schema, compact: documents.compact };
        let time = match &documents.timestamp {
            Timestamp::Document => Time::Value,
            Timestamp::Record => Time::Set(record.record.timestamp_ms),
            Timestamp::RecordIfMissing => Time::Default(record.record.timestamp_ms),
            Timestamp::Fields(fields) => Time::Fields(fields),
        };
        if upserts {
            out.extend_from_slice(b"{\"doc_as_upsert\":true,\"doc\":");
        }
        let start = out.len();
        document(out, style, datum.schema.as_ref(), &datum.value, time)?;
        if upserts {
            // With anything else the server refuses all of the request.
            if out.get(start) != Some(&b'{') {
                return Err(Error::data(format!(
                    "{}: only a JSON object can be an update, and its value is none",
                    place(record)
                )));
            }
            out.push(b'}');
        }
        out.push(b'\n');
        Ok(())
    }

    /// Puts what chooses the shard into the first line, which ends at `hole`.
    fn route(
        &self,
        out: &mut Vec<u8>,
        hole: usize,
        body: usize,
        record: &SinkRecord,
    ) -> Result<()> {
        let mut routing = b",\"routing\":".to_vec();
        match &self.documents.routing {
            Routing::Id => return Ok(()),
            Routing::Key => write::string(&mut routing, &key_text(record)?),
            Routing::Value(path) => {
                let line = out.get(body..).unwrap_or_default();
                write::string(&mut routing, &value_at(line, path, record)?);
            }
        }
        out.splice(hole..hole, routing);
        Ok(())
    }

    fn set_id(&mut self, from: Id, record: &SinkRecord) -> Result<()> {
        self.id.clear();
        match from {
            Id::Generated => {}
            Id::Place => {
                use std::fmt::Write;
                let origin = &record.origin;
                // Writing to a text never fails.
                let _ = write!(self.id, "{}+{}+{}", origin.topic, origin.partition, record.offset);
            }
            Id::Key => {
                self.id = key_text(record)?;
                if self.id.is_empty() {
                    return Err(Error::data("Key is used as document id and can not be empty."));
                }
                if self.id.len() > ID_BYTES_MAX {
                    return Err(Error::data(format!(
                        "Key is used as document id and has {} bytes, more than {ID_BYTES_MAX}",
                        self.id.len()
                    )));
                }
            }
        }
        Ok(())
    }

    fn version(&mut self, record: &SinkRecord) -> Result<i64> {
        let Some(name) = &self.documents.version_header else {
            return Ok(i64::try_from(record.offset).unwrap_or(i64::MAX));
        };
        let fault = |what: &str| {
            let place = place(record);
            Error::data(format!("{place}: the header {name} (external.version.header) {what}"))
        };
        let header = record.record.headers.iter().rev().find(|header| *header.key == **name);
        let header = header.ok_or_else(|| fault("is not there"))?;
        let bytes = self.headers.from_connect_header(&record.record.topic, name, &header.datum)?;
        let text = bytes.as_deref().and_then(|bytes| std::str::from_utf8(bytes).ok());
        let version: Option<i64> = text.and_then(|text| text.parse().ok());
        version.filter(|version| *version >= 0).ok_or_else(|| fault("is no whole number from 0 on"))
    }

    /// Where the order counts: documents that have no version.
    fn hash(&self, index: &str) -> u64 {
        if self.documents.write == Write::Insert {
            return 0;
        }
        let mut hasher = DefaultHasher::new();
        (index, &self.id).hash(&mut hasher);
        hasher.finish()
    }
}

/// How a record is called in messages.
pub(super) fn place(record: &SinkRecord) -> String {
    format!("record {}@{}", record.origin, record.offset)
}

fn null_error(record: &SinkRecord) -> Error {
    Error::data(format!(
        "{} has a null value (to ignore future records like this change the configuration property \
         'behavior.on.null.values' from 'FAIL' to 'IGNORE')",
        place(record)
    ))
}

/// A key as text.
fn key_text(record: &SinkRecord) -> Result<String> {
    let key = &record.record.key;
    let kind = key.schema.as_ref().map(Schema::kind);
    Ok(match &key.value {
        Value::Null => {
            return Err(Error::data("Key is used as document id and can not be null."));
        }
        Value::Int8(n) => n.to_string(),
        Value::Int16(n) => n.to_string(),
        Value::Int32(n) => n.to_string(),
        Value::Int64(n) => n.to_string(),
        Value::String(text) => text.to_string(),
        other => {
            let kind = kind.map_or_else(
                || other.java_class().unwrap_or("null").to_owned(),
                |kind| kind.type_name().to_owned(),
            );
            return Err(Error::data(format!("{kind} is not supported as the document id.")));
        }
    })
}

/// The text or number at a JSON pointer of a document.
fn value_at(line: &[u8], path: &str, record: &SinkRecord) -> Result<String> {
    let fault = |what: &str| {
        Error::data(format!("{}: {what} at {path} (routing.type.record.value.path)", place(record)))
    };
    let mut document: serde_json::Value =
        serde_json::from_slice(line).map_err(|error| fault(&error.to_string()))?;
    // An update's document stands within.
    if let Some(inner) = document.get_mut("doc").filter(|_| line.starts_with(b"{\"doc_as_upsert\""))
    {
        document = inner.take();
    }
    match document.pointer(path) {
        Some(serde_json::Value::String(text)) if !text.is_empty() => Ok(text.clone()),
        Some(serde_json::Value::Number(number)) => Ok(number.to_string()),
        Some(serde_json::Value::String(_)) | None => Err(fault("there is no value")),
        Some(_) => Err(fault("there is neither a text nor a number")),
    }
}

#[cfg(test)]
mod tests {
    use gantry_api::model::MapValue;
    use gantry_api::{ConnectRecord, Datum, Header, TimestampType, TopicPartition};

    use super::*;
    use crate::elasticsearch::config::Config;
    use crate::elasticsearch::{Flavour, tests};

    fn record(key: Value, value: Option<i64>) -> SinkRecord {
        let value = value.map_or(Value::Null, |n| {
            Value::map(MapValue::from_entries(vec![(Value::str("n"), Value::Int64(n))]))
        });
        let mut record = ConnectRecord::new("T".into(), Datum::schemaless(value));
        record.key = Datum::schemaless(key);
        let (origin, timestamp_type) = (TopicPartition::new("T", 2), TimestampType::CreateTime);
        SinkRecord { record, origin, offset: 5, timestamp_type }
    }

    fn lines(flavour: Flavour, keys: &[(&str, &str)], record: &SinkRecord) -> Result<String> {
        let config = Config::parse(flavour, &tests::props(flavour, keys)).unwrap();
        let is_stream = config.targets.is_stream;
        let mut actions = Actions::new(config.documents, &config.errors, is_stream);
        let mut out = Vec::new();
        actions.make(&mut out, "t", record)?;
        Ok(String::from_utf8(out).unwrap())
    }

    #[test]
    fn confluents_actions() {
        let of = |keys: &[(&str, &str)], key: Value, value| {
            lines(Flavour::Confluent, keys, &record(key, value)).unwrap()
        };
        let key = || Value::str("k\"");
        let versioned = r#","version":5,"version_type":"external""#;
        let (ignores, upserts) = (("key.ignore", "true"), ("write.method", "upsert"));
        let deletes = ("behavior.on.null.values", "delete");
        let stream = [("data.stream.type", "logs"), ("data.stream.dataset", "d"), ignores];
        let index = format!(
            "{{\"index\":{{\"_index\":\"t\",\"_id\":\"k\\\"\"{versioned}}}}}\n{{\"n\":1}}\n"
        );
        assert_eq!(of(&[], key(), Some(1)), index);
        let by_place = "{\"index\":{\"_index\":\"t\",\"_id\":\"T+2+5\"}}\n{\"n\":1}\n";
        assert_eq!(of(&[ignores], key(), Some(1)), by_place);
        let only = ("topic.key.ignore", "T");
        assert_eq!(of(&[only], Value::Null, Some(1)), by_place);
        let generated = "{\"index\":{\"_index\":\"t\"}}\n{\"n\":1}\n";
        assert_eq!(of(&[("use.autogenerated.ids", "true")], Value::Null, Some(1)), generated);
        let update = "{\"update\":{\"_index\":\"t\",\"_id\":\"7\",\"retry_on_conflict\":5}}\n{\"doc_as_upsert\":true,\"doc\":{\"n\":1}}\n";
        assert_eq!(of(&[upserts], Value::Int32(7), Some(1)), update);
        let delete = format!("{{\"delete\":{{\"_index\":\"t\",\"_id\":\"7\"{versioned}}}}}\n");
        assert_eq!(of(&[deletes], Value::Int8(7), None), delete);
        assert_eq!(of(&[deletes], Value::Null, None), "");
        assert_eq!(of(&[deletes, ignores], key(), None), "");
        assert_eq!(of(&[("behavior.on.null.values", "ignore")], key(), None), "");
        let create =
            "{\"create\":{\"_index\":\"t\",\"_id\":\"T+2+5\"}}\n{\"n\":1,\"@timestamp\":null}\n";
        assert_eq!(of(&stream, key(), Some(1)), create);
    }

    #[test]
    fn records_that_cannot_be_documents_are_errors() {
        let of = |keys: &[(&str, &str)], key: Value, value| {
            lines(Flavour::Confluent, keys, &record(key, value)).unwrap_err().message().to_owned()
        };
        assert_eq!(
            of(&[], Value::Null, Some(1)),
            "Key is used as document id and can not be null."
        );
        assert_eq!(
            of(&[], Value::str(""), Some(1)),
            "Key is used as document id and can not be empty."
        );
        assert!(of(&[], Value::str(&"k".repeat(513)), Some(1)).contains("513 bytes"));
        assert!(
            of(&[], Value::Boolean(true), Some(1)).contains("not supported as the document id")
        );
        assert!(of(&[], Value::str("k"), None).contains("has a null value"));
        let keys = [("external.version.header", "v")];
        assert!(of(&keys, Value::str("k"), Some(1)).contains("is not there"));
    }

    #[test]
    fn versions_come_from_headers() {
        let mut record = record(Value::str("k"), Some(1));
        let keys = [("external.version.header", "v")];
        let header = |value| Header::new("v".into(), Datum::schemaless(value)).unwrap();
        record.record.headers = vec![header(Value::Int64(1)), header(Value::str("42"))];
        let found = lines(Flavour::Confluent, &keys, &record).unwrap();
        assert!(found.contains(r#""version":42"#), "{found}");
        record.record.headers.push(header(Value::str("x")));
        let error = lines(Flavour::Confluent, &keys, &record).unwrap_err();
        assert!(error.message().contains("no whole number"), "{error}");
    }

    #[test]
    fn aivens_routing_and_ids() {
        let of = |keys: &[(&str, &str)]| {
            lines(Flavour::OpenSearch, keys, &record(Value::str("k"), Some(1))).unwrap()
        };
        let head = r#"{"index":{"_index":"t","_id":"k","version":5,"version_type":"external","#;
        assert_eq!(
            of(&[("routing.type", "key")]),
            format!("{head}\"routing\":\"k\"}}}}\n{{\"n\":1}}\n")
        );
        let by_value = [("routing.type", "value"), ("routing.type.record.value.path", "/n")];
        assert_eq!(of(&by_value), format!("{head}\"routing\":\"1\"}}}}\n{{\"n\":1}}\n"));
        let none = [("key.ignore", "true"), ("key.ignore.id.strategy", "none")];
        assert_eq!(of(&none), "{\"index\":{\"_index\":\"t\"}}\n{\"n\":1}\n");
    }
}
