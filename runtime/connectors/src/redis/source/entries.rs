//! Entries of streams, and the records that they become.

use std::sync::{Arc, LazyLock};

use gantry_api::model::MapValue;
use gantry_api::{
    ConnectRecord, Datum, Kind, OffsetMap, Schema, SchemaBuilder, SourceOffset, SourcePartition,
    SourceRecord, Str, Struct, Value, now_ms,
};
use redis::Value as Answer;

const OFFSET: &str = "offset";

/// The id of an entry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Id {
    ms: u64,
    number: u64,
}

impl Id {
    /// `1700000000000-0`, or without the number.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (ms, number) = text.split_once('-').unwrap_or((text, "0"));
        Some(Self { ms: ms.parse().ok()?, number: number.parse().ok()? })
    }
}

impl std::fmt::Display for Id {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}-{}", self.ms, self.number)
    }
}

/// An entry; without fields if it was deleted since it was handed out.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) id: Id,
    pub(super) fields: Option<Vec<(String, String)>>,
}

/// The entries of the one stream that was asked for.
pub(super) fn read(answer: Answer) -> Result<Vec<Entry>, String> {
    let streams = match answer {
        Answer::Nil => return Ok(Vec::new()),
        Answer::Array(streams) => streams,
        other => return Err(format!("XREADGROUP was answered by {other:?}")),
    };
    let strange = || "XREADGROUP was answered in another form than it should be".to_owned();
    let mut entries = Vec::new();
    for stream in streams {
        let Answer::Array(parts) = stream else { return Err(strange()) };
        let Some(Answer::Array(list)) = parts.into_iter().nth(1) else { return Err(strange()) };
        for entry in list {
            entries.push(one(entry).ok_or_else(strange)?);
        }
    }
    Ok(entries)
}

fn one(entry: Answer) -> Option<Entry> {
    let Answer::Array(parts) = entry else { return None };
    let mut parts = parts.into_iter();
    let id = Id::parse(&text(parts.next()?)?)?;
    let fields = match parts.next()? {
        Answer::Nil => None,
        Answer::Array(list) => {
            let mut fields = Vec::with_capacity(list.len() / 2);
            let mut list = list.into_iter();
            while let (Some(name), Some(value)) = (list.next(), list.next()) {
                fields.push((text(name)?, text(value)?));
            }
            Some(fields)
        }
        _ => return None,
    };
    Some(Entry { id, fields })
}

/// Text as the Java connector reads it: UTF-8, and a sign in place of what is none.
pub(super) fn text(answer: Answer) -> Option<String> {
    match answer {
        Answer::BulkString(bytes) => Some(match String::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
        }),
        Answer::SimpleString(text) => Some(text),
        Answer::Int(number) => Some(number.to_string()),
        _ => None,
    }
}

static SCHEMA: LazyLock<Option<Schema>> = LazyLock::new(|| {
    let body = SchemaBuilder::new(Kind::Map { key: Schema::string(), value: Schema::string() });
    let fields = vec![
        ("id".into(), Schema::string()),
        ("body".into(), body.build_plain()),
        ("stream".into(), Schema::string()),
    ];
    let name = Some("com.redis.kafka.connect.stream.Value".into());
    Some(SchemaBuilder::structure(fields).ok()?.name(name).build_plain())
});

/// Makes records of entries.
#[derive(Debug)]
pub(super) struct Recorder {
    pub(super) topic: Str,
    pub(super) stream: Value,
    pub(super) partition: SourcePartition,
}

impl Recorder {
    /// The partition of a task: Kafka Connect's has no name, and where several tasks read each needs its own.
    pub(super) fn partition(is_alone: bool, group: &str, consumer: &str) -> SourcePartition {
        let mut map = OffsetMap::new();
        if !is_alone {
            map.insert("group".to_owned(), group.into());
            map.insert("consumer".to_owned(), consumer.into());
        }
        SourcePartition::new(map)
    }

    pub(super) fn record(&self, id: Id, fields: Vec<(String, String)>) -> Option<SourceRecord> {
        let schema = SCHEMA.clone()?;
        let id = id.to_string();
        let mut body = Vec::with_capacity(fields.len());
        for (name, value) in fields {
            body.push((Value::String(name.into()), Value::String(value.into())));
        }
        let body = Value::map(MapValue::from_entries(body));
        let values = vec![Value::str(&id), body, self.stream.clone()];
        let inner = Struct::from_values(schema.clone(), values);
        let value = Datum::new(schema, Value::Struct(Arc::new(inner)));
        let mut record = ConnectRecord::new(Str::clone(&self.topic), value);
        record.key = Datum::new(Schema::string(), Value::str(&id));
        record.timestamp_ms = Some(now_ms());
        Some(SourceRecord::new(record, self.partition.clone(), offset(id)))
    }
}

fn offset(id: String) -> SourceOffset {
    SourceOffset::Encoded {
        bytes: id.into_bytes().into(),
        decode: |bytes| {
            let mut map = OffsetMap::new();
            map.insert(OFFSET.to_owned(), String::from_utf8_lossy(bytes).into_owned().into());
            map
        },
    }
}

/// What an offset says.
pub(super) fn stored(map: &OffsetMap) -> Option<Id> {
    map.get(OFFSET)?.as_str().and_then(Id::parse)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_in_order_of_time_and_number() {
        let id = |text| Id::parse(text).unwrap();
        assert!(id("9-0") < id("10-0") && id("10-2") < id("10-10"));
        assert_eq!(id("7").to_string(), "7-0");
        for text in ["", "-", "x-0", "1-x", "$", "-1-0"] {
            assert_eq!(Id::parse(text), None, "{text}");
        }
    }

    #[test]
    fn answers_become_entries_and_records() {
        let bulk = |text: &str| Answer::BulkString(text.as_bytes().to_vec());
        let entries = Answer::Array(vec![
            Answer::Array(vec![bulk("5-1"), Answer::Array(vec![bulk("a"), bulk("1")])]),
            Answer::Array(vec![bulk("6-0"), Answer::Nil]),
        ]);
        let answer = Answer::Array(vec![Answer::Array(vec![bulk("s"), entries])]);
        let found = read(answer).unwrap();
        assert_eq!(found[0].fields, Some(vec![("a".to_owned(), "1".to_owned())]));
        assert_eq!(found[1], Entry { id: Id { ms: 6, number: 0 }, fields: None });
        assert_eq!(read(Answer::Nil), Ok(Vec::new()));
        assert!(read(Answer::Okay).is_err());
        let recorder = Recorder {
            topic: "t".into(),
            stream: Value::str("s"),
            partition: Recorder::partition(true, "g", "c"),
        };
        let record = recorder.record(found[0].id, vec![]).unwrap();
        assert_eq!(stored(&record.offset.to_map()), Some(found[0].id));
        assert_eq!(&**record.partition.canonical(), "{}");
        let named = Recorder::partition(false, "g", "c-1");
        assert_eq!(&**named.canonical(), r#"{"consumer":"c-1","group":"g"}"#);
    }
}
