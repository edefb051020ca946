//! Answers become records.

use std::sync::{Arc, LazyLock};

use gantry_api::{
    ConnectRecord, Datum, Error, Kind, OffsetMap, Result, Schema, SchemaBuilder, SourceOffset,
    SourcePartition, SourceRecord, Str, Struct, Value, now_ms,
};
use jiff::Timestamp;

use super::config::{Order, Places, Seen};
use super::json::{Node, Pointer};
use super::times::Times;
use crate::name_uuid::name_uuid;

const KEY: &str = "key";
const TIMESTAMP: &str = "timestamp";

/// An item of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Item {
    pub(super) key: String,
    pub(super) value: String,
    /// Milliseconds since the epoch: its own, or when it came.
    pub(super) timestamp_ms: i64,
    pub(super) offset: OffsetMap,
}

/// The items of an answer; an error says what is missing where.
pub(super) fn items(places: &Places, body: &str) -> Result<Vec<Item>> {
    let node = Node::parse(body)
        .map_err(|error| Error::connect(format!("the answer is no JSON: {error}")))?;
    let list = required(node, &places.list)?;
    let all = match list.items() {
        Some(items) => items,
        None if list.is_null() => Vec::new(),
        None => vec![list],
    };
    all.into_iter().map(|node| item(places, node)).collect()
}

fn required<'a>(node: Node<'a>, pointer: &Pointer) -> Result<Node<'a>> {
    node.at(pointer)
        .ok_or_else(|| Error::connect(format!("the answer has nothing at {}", pointer.text())))
}

fn item(places: &Places, node: Node<'_>) -> Result<Item> {
    let value = required(node, &places.record)?.compact();
    let mut offset = OffsetMap::new();
    for (name, pointer) in &places.offset {
        offset.insert(name.clone(), required(node, pointer)?.text().into());
    }
    let mut keys = Vec::new();
    for pointer in &places.keys {
        keys.push(required(node, pointer)?.text());
    }
    keys.retain(|key| !key.is_empty());
    let of_offset = |name: &str| offset.get(name).and_then(|text| text.as_str()).map(str::to_owned);
    let key = match keys.is_empty() {
        false => keys.join("+"),
        true => of_offset(KEY).unwrap_or_else(|| name_uuid(value.as_bytes())),
    };
    let time = match &places.timestamp {
        Some(pointer) => Some(required(node, pointer)?.text()),
        None => of_offset(TIMESTAMP),
    };
    let time = time.map(|text| instant(&places.times, &text)).transpose()?;
    offset.insert(KEY.to_owned(), key.clone().into());
    if let Some(time) = time {
        offset.insert(TIMESTAMP.to_owned(), java_text(time).into());
    }
    let timestamp_ms = time.map_or_else(now_ms, Timestamp::as_millisecond);
    Ok(Item { key, value, timestamp_ms, offset })
}

fn instant(times: &Times, text: &str) -> Result<Timestamp> {
    times
        .parse(text)
        .map_err(|what| Error::connect(format!("the time of a record, {text:?}, is {what}")))
}

/// As Java's `Instant` says it: three, six or nine digits behind the point, or none.
fn java_text(time: Timestamp) -> String {
    let nanos = time.subsec_nanosecond();
    let digits = match nanos {
        0 => 0,
        _ if nanos % 1_000_000 == 0 => 3,
        _ if nanos % 1_000 == 0 => 6,
        _ => 9,
    };
    format!("{time:.digits$}")
}

/// The time of an offset, in milliseconds since the epoch.
pub(super) fn time_of(offset: &OffsetMap) -> Option<i64> {
    let time: Timestamp = offset.get(TIMESTAMP)?.as_str()?.parse().ok()?;
    Some(time.as_millisecond())
}

/// In the order of time, as far as it is known.
pub(super) fn sort(order: Order, items: &mut [Item]) {
    let is_descending = match order {
        Order::Ascending => false,
        Order::Descending => true,
        Order::Implicit => match (items.first(), items.last()) {
            (Some(first), Some(last)) => first.timestamp_ms > last.timestamp_ms,
            _ => false,
        },
    };
    if is_descending {
        items.reverse();
    }
}

/// Where the items of an answer are among others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// There are no others.
    Alone,
    /// Behind older ones; whether the record of the offset was among those.
    Behind(bool),
    /// Behind newer ones, likewise.
    Before(bool),
}

/// Leaves out what was seen before an offset. Whether its record was among these, or in front.
pub(super) fn unseen(seen: Seen, offset: &OffsetMap, items: &mut Vec<Item>, place: Place) -> bool {
    let time = time_of(offset).unwrap_or(0);
    let is_here = items.iter().any(|item| item.offset == *offset);
    let mut reached = place == Place::Behind(true);
    // The record of the offset is older than these.
    let all_behind = place == Place::Before(false) && !is_here;
    items.retain(|item| {
        if seen == Seen::None || item.timestamp_ms > time {
            return true;
        }
        let is_behind = reached || (all_behind && item.timestamp_ms == time);
        reached = reached || (item.offset == *offset && place != Place::Before(true));
        is_behind && seen == Seen::Offset
    });
    is_here || matches!(place, Place::Behind(true) | Place::Before(true))
}

/// The schemas of keys and values.
static SCHEMAS: LazyLock<Option<(Schema, Schema)>> = LazyLock::new(|| {
    let text = |doc: &str| SchemaBuilder::new(Kind::String).doc(Some(doc.into()));
    let key = || text("HTTP Record Key").optional().build_plain();
    let time = SchemaBuilder::new(Kind::Int64).doc(Some("HTTP Record Timestamp".into())).optional();
    let structure = |name: &str, doc: &str, fields| {
        let builder = SchemaBuilder::structure(fields).ok()?;
        Some(builder.name(Some(name.into())).doc(Some(doc.into())).build_plain())
    };
    let values = vec![
        ("value".into(), text("HTTP Record Value").build_plain()),
        (KEY.into(), key()),
        (TIMESTAMP.into(), time.build_plain()),
    ];
    Some((
        structure(
            "com.github.castorm.kafka.connect.http.Key",
            "Message Key",
            vec![(KEY.into(), key())],
        )?,
        structure("com.github.castorm.kafka.connect.http.Value", "Message Value", values)?,
    ))
});

/// Makes records of items.
#[derive(Clone, Debug)]
pub(super) struct Recorder {
    pub(super) topic: Str,
    pub(super) partition: SourcePartition,
    pub(super) has_schema: bool,
}

impl Recorder {
    /// A record; the offset is what the source goes on from behind it.
    pub(super) fn record(&self, item: Item, offset: OffsetMap) -> SourceRecord {
        let (key, value) = self.data(&item);
        let mut record = ConnectRecord::new(self.topic.clone(), value);
        record.key = key;
        record.timestamp_ms = Some(item.timestamp_ms);
        SourceRecord::new(record, self.partition.clone(), SourceOffset::Map(Arc::new(offset)))
    }

    fn data(&self, item: &Item) -> (Datum, Datum) {
        let (key, value) = (Value::str(&item.key), Value::str(&item.value));
        let Some((key_schema, value_schema)) = SCHEMAS.as_ref().filter(|_| self.has_schema) else {
            return (Datum::new(Schema::string(), key), Datum::new(Schema::string(), value));
        };
        let whole = |schema: &Schema, values| {
            let data = Struct::from_values(schema.clone(), values);
            Datum::new(schema.clone(), Value::Struct(data.into()))
        };
        let values = vec![value, key.clone(), Value::Int64(item.timestamp_ms)];
        (whole(key_schema, vec![key]), whole(value_schema, values))
    }
}
