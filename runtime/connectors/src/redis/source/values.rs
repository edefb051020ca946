//! Keys and what they hold, and the records that they become.

use std::sync::{Arc, LazyLock};

use gantry_api::model::MapValue;
use gantry_api::{
    ConnectRecord, Datum, Kind, OffsetMap, Schema, SchemaBuilder, SourceOffset, SourcePartition,
    SourceRecord, Str, Struct, Value, now_ms,
};
use redis::{Cmd, Value as Answer};

use super::super::client::{Fault, Link};
use super::entries::text;

static SCHEMA: LazyLock<Option<Schema>> = LazyLock::new(|| {
    let list = || SchemaBuilder::new(Kind::Array(Schema::string())).optional().build_plain();
    let map = |key: Schema| {
        SchemaBuilder::new(Kind::Map { key, value: Schema::string() }).optional().build_plain()
    };
    let fields = vec![
        ("key".into(), Schema::string()),
        ("ttl".into(), Schema::optional_int64()),
        ("type".into(), Schema::string()),
        ("hash".into(), map(Schema::string())),
        ("string".into(), Schema::optional_string()),
        ("json".into(), Schema::optional_string()),
        ("list".into(), list()),
        ("set".into(), list()),
        ("zset".into(), map(Schema::float64())),
    ];
    let name = Some("com.redis.kafka.connect.keys.Value".into());
    Some(SchemaBuilder::structure(fields).ok()?.name(name).build_plain())
});
/// The places of what differs by type.
const HASH: usize = 3;
const STRING: usize = 4;
const JSON: usize = 5;
const LIST: usize = 6;
const SET: usize = 7;
const SORTED: usize = 8;
const FIELDS: usize = 9;

/// Makes records of keys.
#[derive(Debug)]
pub(super) struct KeyRecorder {
    topic: Str,
    partition: SourcePartition,
    offset: SourceOffset,
}

/// What is known of a key before its value is read.
struct Seen {
    key: String,
    kind: String,
    /// When it ends, in milliseconds since the epoch; -1 never, -2 there is no key.
    ttl: i64,
}

impl KeyRecorder {
    pub(super) fn new(topic: &str) -> Self {
        Self {
            topic: topic.into(),
            partition: SourcePartition::new(OffsetMap::new()),
            offset: SourceOffset::Map(Arc::new(OffsetMap::new())),
        }
    }

    /// What keys hold now. One that changes its type meanwhile has no value: it is heard of again.
    pub(super) async fn read(
        &self,
        link: &mut Link,
        keys: Vec<String>,
    ) -> Result<Vec<SourceRecord>, Fault> {
        let mut commands = vec![redis::cmd("TIME")];
        for key in &keys {
            commands.push(of("TYPE", key));
            commands.push(of("PTTL", key));
        }
        let mut answers = link.run(commands).await?.into_iter();
        let now = answers.next().and_then(server_ms).unwrap_or_else(now_ms);
        let mut seen = Vec::with_capacity(keys.len());
        for key in keys {
            let (kind, ttl) = (answers.next(), answers.next());
            if let Some(Answer::ServerError(error)) = &kind {
                return Err(Fault::of_answer(error));
            }
            let kind = kind.and_then(text).unwrap_or_else(|| "none".to_owned());
            let ttl = match ttl {
                Some(Answer::Int(ms)) if ms >= 0 => now + ms,
                Some(Answer::Int(other)) => other,
                _ => -1,
            };
            seen.push(Seen { key, kind, ttl });
        }
        let commands: Vec<Option<Cmd>> =
            seen.iter().map(|seen| value(&seen.kind, &seen.key)).collect();
        let asked: Vec<Cmd> = commands.iter().flatten().cloned().collect();
        let mut answers = link.run(asked).await?.into_iter();
        let mut records = Vec::with_capacity(seen.len());
        for (seen, command) in seen.into_iter().zip(commands) {
            let answer = command.and_then(|_| answers.next());
            records.extend(self.record(seen, answer));
        }
        Ok(records)
    }

    fn record(&self, seen: Seen, answer: Option<Answer>) -> Option<SourceRecord> {
        let schema = SCHEMA.clone()?;
        let mut values = vec![Value::Null; FIELDS];
        let head = [Value::str(&seen.key), Value::Int64(seen.ttl), Value::str(&seen.kind)];
        values.iter_mut().zip(head).for_each(|(slot, value)| *slot = value);
        if let Some((place, value)) = answer.and_then(|answer| held(&seen.kind, answer))
            && let Some(slot) = values.get_mut(place)
        {
            *slot = value;
        }
        let inner = Struct::from_values(schema.clone(), values);
        let value = Datum::new(schema, Value::Struct(Arc::new(inner)));
        let mut record = ConnectRecord::new(Str::clone(&self.topic), value);
        record.key = Datum::new(Schema::string(), Value::String(seen.key.into()));
        record.timestamp_ms = Some(now_ms());
        Some(SourceRecord::new(record, self.partition.clone(), self.offset.clone()))
    }
}

fn of(name: &str, key: &str) -> Cmd {
    let mut cmd = redis::cmd(name);
    cmd.arg(key);
    cmd
}

/// What asks for a key's value.
fn value(kind: &str, key: &str) -> Option<Cmd> {
    Some(match kind {
        "hash" => of("HGETALL", key),
        "string" => of("GET", key),
        "ReJSON-RL" => of("JSON.GET", key),
        "set" => of("SMEMBERS", key),
        "list" => {
            let mut cmd = of("LRANGE", key);
            cmd.arg(0).arg(-1);
            cmd
        }
        "zset" => {
            let mut cmd = of("ZRANGE", key);
            cmd.arg(0).arg(-1).arg("WITHSCORES");
            cmd
        }
        _ => return None,
    })
}

/// The value of a field, and which.
fn held(kind: &str, answer: Answer) -> Option<(usize, Value)> {
    let string = |answer: Answer| text(answer).map(|text| Value::String(text.into()));
    let list = |answer: Answer| match answer {
        Answer::Array(list) | Answer::Set(list) => Some(list),
        _ => None,
    };
    Some(match kind {
        "string" => (STRING, string(answer)?),
        "ReJSON-RL" => (JSON, string(answer)?),
        "list" => (LIST, Value::array(list(answer)?.into_iter().filter_map(string).collect())),
        "set" => (SET, Value::array(list(answer)?.into_iter().filter_map(string).collect())),
        "hash" => {
            let mut entries = Vec::new();
            let mut list = list(answer)?.into_iter();
            while let (Some(name), Some(value)) = (list.next(), list.next()) {
                entries.push((string(name)?, string(value)?));
            }
            (HASH, Value::map(MapValue::from_entries(entries)))
        }
        "zset" => {
            let mut entries = Vec::new();
            let mut list = list(answer)?.into_iter();
            while let (Some(member), Some(score)) = (list.next(), list.next()) {
                let score: f64 = text(score)?.parse().ok()?;
                entries.push((Value::Float64(score), string(member)?));
            }
            (SORTED, Value::map(MapValue::from_entries(entries)))
        }
        _ => return None,
    })
}

/// The server's clock.
fn server_ms(answer: Answer) -> Option<i64> {
    let Answer::Array(parts) = answer else { return None };
    let mut parts = parts.into_iter().filter_map(text).filter_map(|part| part.parse::<i64>().ok());
    Some(parts.next()? * 1000 + parts.next()? / 1000)
}
