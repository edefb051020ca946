//! Changes as records: envelopes, tombstones, changed keys, transactions, heartbeats.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use gantry_api::model::map::MapValue;
use gantry_api::model::{Header, Kind, Schema, SchemaBuilder, Struct};
use gantry_api::{
    ConnectRecord, Datum, OffsetMap, Result, SourceOffset, SourcePartition, SourceRecord, Str,
    Value,
};

use super::config::Common;
use super::incremental::Told;
use super::table::{Table, transaction_block};
use crate::out::Out;

/// What happened to a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Op {
    Read,
    Create,
    Update,
    Delete,
    Truncate,
}

impl Op {
    pub(crate) const fn letter(self) -> &'static str {
        match self {
            Self::Read => "r",
            Self::Create => "c",
            Self::Update => "u",
            Self::Delete => "d",
            Self::Truncate => "t",
        }
    }
}

/// One change. `before` and `after`: a value for each column of the table.
#[derive(Debug)]
pub(crate) struct Change {
    pub(crate) op: Op,
    pub(crate) before: Option<Vec<Value>>,
    pub(crate) after: Option<Vec<Value>>,
    /// The struct of the connector's `source`.
    pub(crate) source: Value,
    /// About how many bytes it has.
    pub(crate) bytes: usize,
}

/// Now, in the three units that envelopes have.
pub(crate) fn now() -> [Value; 3] {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let nanos = i64::try_from(since.as_nanos()).unwrap_or(i64::MAX);
    [Value::Int64(nanos / 1_000_000), Value::Int64(nanos / 1_000), Value::Int64(nanos)]
}

/// How far a transaction is. Its counts go into offsets.
#[derive(Clone, Debug, Default)]
pub(crate) struct Transaction {
    /// As offsets have it.
    pub(crate) id: Option<String>,
    /// As records show it, where that is something else.
    pub(crate) shown: Option<String>,
    total: i64,
    /// In the order in which tables came first, and found by their names.
    tables: Vec<(Str, i64)>,
    places: HashMap<Str, usize>,
}

const ID: &str = "transaction_id";
const ORDER: &str = "transaction_data_collection_order_";

impl Transaction {
    /// What an offset says.
    pub(crate) fn load(offset: &OffsetMap) -> Self {
        let mut transaction = Self {
            id: offset.get(ID).and_then(|id| id.as_str()).map(str::to_owned),
            ..Self::default()
        };
        for (key, count) in offset {
            if let (Some(table), Some(count)) = (key.strip_prefix(ORDER), count.as_i64()) {
                transaction.places.insert(table.into(), transaction.tables.len());
                transaction.tables.push((table.into(), count));
                transaction.total += count;
            }
        }
        transaction
    }

    /// Adds it to an offset.
    pub(crate) fn store(&self, offset: &mut OffsetMap) {
        let Some(id) = &self.id else { return };
        offset.insert(ID.to_owned(), id.as_str().into());
        for (table, count) in &self.tables {
            offset.insert(format!("{ORDER}{table}"), (*count).into());
        }
    }

    fn shown(&self) -> Value {
        Value::str(self.shown.as_deref().or(self.id.as_deref()).unwrap_or_default())
    }

    fn count(&mut self, table: &Str) -> (i64, i64) {
        let at = *self.places.entry(Str::clone(table)).or_insert(self.tables.len());
        if at == self.tables.len() {
            self.tables.push((Str::clone(table), 0));
        }
        self.total += 1;
        let order = match self.tables.get_mut(at) {
            Some((_, count)) => {
                *count += 1;
                *count
            }
            None => 0,
        };
        (self.total, order)
    }
}

/// The schemas of records that are no changes of rows.
#[derive(Debug)]
struct Schemas {
    heartbeat_key: Schema,
    heartbeat: Schema,
    transaction_key: Schema,
    transaction: Schema,
    collection: Schema,
    notification_key: Schema,
    notification: Schema,
}

impl Schemas {
    fn new(common: &Common) -> Result<Self> {
        let adjust = |name: &str| -> Option<Str> {
            let full = format!("io.debezium.connector.common.{name}");
            Some(common.shaping.schema_names.schema(&full).into())
        };
        let of = |name: &str, fields: Vec<(Str, Schema)>| -> Result<Schema> {
            Ok(SchemaBuilder::structure(fields)?.name(adjust(name)).version(Some(1)).build_plain())
        };
        // Notifications' names are as they are, whatever is done with others.
        let plain = |name: &str, fields: Vec<(Str, Schema)>| -> Result<Schema> {
            let name = format!("io.debezium.connector.common.{name}");
            Ok(SchemaBuilder::structure(fields)?
                .name(Some(name.into()))
                .version(Some(1))
                .build_plain())
        };
        let data = SchemaBuilder::new(Kind::Map { key: Schema::string(), value: Schema::string() })
            .optional()
            .build_plain();
        let collection = SchemaBuilder::structure(vec![
            ("data_collection".into(), Schema::string()),
            ("event_count".into(), Schema::int64()),
        ])?
        .optional()
        .name(Some("event.collection".into()))
        .version(Some(1))
        .build_plain();
        let collections =
            SchemaBuilder::new(Kind::Array(collection.clone())).optional().build_plain();
        Ok(Self {
            heartbeat_key: of("ServerNameKey", vec![("serverName".into(), Schema::string())])?,
            heartbeat: of("Heartbeat", vec![("ts_ms".into(), Schema::int64())])?,
            transaction_key: of("TransactionMetadataKey", vec![("id".into(), Schema::string())])?,
            transaction: of(
                "TransactionMetadataValue",
                vec![
                    ("status".into(), Schema::string()),
                    ("id".into(), Schema::string()),
                    ("event_count".into(), Schema::optional_int64()),
                    ("data_collections".into(), collections),
                    ("ts_ms".into(), Schema::int64()),
                ],
            )?,
            collection,
            notification_key: plain("NotificationKey", vec![("id".into(), Schema::string())])?,
            notification: plain(
                "Notification",
                vec![
                    ("id".into(), Schema::string()),
                    ("type".into(), Schema::string()),
                    ("aggregate_type".into(), Schema::string()),
                    ("additional_data".into(), data),
                    ("timestamp".into(), Schema::int64()),
                ],
            )?,
        })
    }
}

/// Makes records and gives them on.
pub(crate) struct Emitter {
    common: Arc<Common>,
    partition: SourcePartition,
    schemas: Schemas,
    headers: Vec<Header>,
    topic_heartbeat: Str,
    topic_transactions: Str,
    pub(crate) transaction: Transaction,
    pub(crate) out: Out,
    beat: Instant,
}

fn datum(schema: &Schema, values: Vec<Value>) -> Datum {
    let value = Value::Struct(Arc::new(Struct::from_values(schema.clone(), values)));
    Datum { schema: Some(schema.clone()), value }
}

impl Emitter {
    pub(crate) fn new(common: Arc<Common>, partition: SourcePartition, out: Out) -> Result<Self> {
        let header = |name: &str, text: &str| {
            let datum = Datum { schema: Some(Schema::string()), value: Value::str(text) };
            Header { key: format!("__debezium.context.{name}").into(), datum }
        };
        let headers = match common.extended_headers {
            true => vec![
                header("connectorLogicalName", &common.shaping.naming.prefix),
                header("taskId", "0"),
                header("connectorName", common.connector),
                header("runId", &run_id()),
            ],
            false => Vec::new(),
        };
        Ok(Self {
            schemas: Schemas::new(&common)?,
            topic_heartbeat: common.shaping.naming.heartbeat(),
            topic_transactions: common.shaping.naming.transactions(),
            transaction: Transaction::default(),
            beat: Instant::now(),
            common,
            partition,
            headers,
            out,
        })
    }

    /// Whether changes of this kind are left out.
    fn skips(&self, op: Op) -> bool {
        self.common.skipped.contains(op)
    }

    /// Gives on a change of a row. `offset`: where to go on after it, asked for only when it is given on.
    pub(crate) fn change(
        &mut self,
        table: &Arc<Table>,
        change: Change,
        offset: &mut dyn FnMut(&Transaction) -> SourceOffset,
    ) -> Result<()> {
        let is_snapshot = change.op == Op::Read;
        if change.op == Op::Update
            && let (Some(before), Some(after)) = (&change.before, &change.after)
        {
            let (old, new) = (table.key(before), table.key(after));
            if table.key.is_some() && old.value != new.value {
                return self.changed_key(table, change, [old, new], offset);
            }
        }
        if !is_snapshot && self.skips(change.op) {
            return Ok(());
        }
        let Change { op, before, after, source, bytes } = change;
        let key = match (op, &after, &before) {
            (Op::Truncate, ..) => Datum::NULL,
            (_, Some(after), _) => table.key(after),
            (_, None, Some(before)) => table.key(before),
            (_, None, None) => Datum::NULL,
        };
        let before = before.map(|row| table.row(row)).transpose()?.unwrap_or_default();
        let after = after.map(|row| table.row(row)).transpose()?.unwrap_or_default();
        if op == Op::Update && self.common.skip_unchanged && !before.is_null() && before == after {
            return Ok(());
        }
        let is_delete = op == Op::Delete;
        let parts = Parts { op, before, after, source };
        self.envelope(table, key, parts, None, is_delete, bytes, offset)
    }

    /// A change of a key is a delete under the old one and a create under the new one.
    fn changed_key(
        &mut self,
        table: &Arc<Table>,
        change: Change,
        [old, new]: [Datum; 2],
        offset: &mut dyn FnMut(&Transaction) -> SourceOffset,
    ) -> Result<()> {
        let Change { before, after, source, bytes, .. } = change;
        let header = |name: &str, key: &Datum| Header { key: name.into(), datum: key.clone() };
        if !self.skips(Op::Delete) {
            let before = before.map(|row| table.row(row)).transpose()?.unwrap_or_default();
            let parts =
                Parts { op: Op::Delete, before, after: Value::Null, source: source.clone() };
            let link = header("__debezium.newkey", &new);
            self.envelope(table, old.clone(), parts, Some(link), true, bytes, offset)?;
        }
        if !self.skips(Op::Create) {
            let after = after.map(|row| table.row(row)).transpose()?.unwrap_or_default();
            let parts = Parts { op: Op::Create, before: Value::Null, after, source };
            let link = header("__debezium.oldkey", &old);
            self.envelope(table, new, parts, Some(link), false, bytes, offset)?;
        }
        Ok(())
    }

    #[allow(clippy::too_many_arguments, reason = "the parts of one record")]
    fn envelope(
        &mut self,
        table: &Arc<Table>,
        key: Datum,
        parts: Parts,
        link: Option<Header>,
        is_delete: bool,
        bytes: usize,
        offset: &mut dyn FnMut(&Transaction) -> SourceOffset,
    ) -> Result<()> {
        let Parts { op, before, after, source } = parts;
        let block = self.block(op, table);
        let [ms, us, ns] = now();
        let op = Value::str(op.letter());
        let values = vec![before, after, source, block, op, ms, us, ns];
        let mut headers = Vec::with_capacity(self.headers.len() + usize::from(link.is_some()));
        headers.extend(link);
        headers.extend(self.headers.iter().cloned());
        let mut record =
            ConnectRecord::new(Str::clone(&table.topic), datum(&table.envelope, values));
        record.key = key;
        record.headers = headers;
        let offset = offset(&self.transaction);
        let tombstone = (is_delete && self.common.tombstones).then(|| {
            let mut tombstone = ConnectRecord::new(Str::clone(&table.topic), Datum::NULL);
            tombstone.key = record.key.clone();
            tombstone.headers = record.headers.clone();
            SourceRecord::new(tombstone, self.partition.clone(), offset.clone())
        });
        self.out.push(SourceRecord::new(record, self.partition.clone(), offset), bytes)?;
        match tombstone {
            Some(tombstone) => self.out.push(tombstone, 0),
            None => Ok(()),
        }
    }

    fn block(&mut self, op: Op, table: &Table) -> Value {
        if op == Op::Read { Value::Null } else { self.count(&table.text) }
    }

    /// Counts a record of what stands for a table in the transaction that is being read, if that is told at all.
    pub(crate) fn count(&mut self, of: &Str) -> Value {
        if self.transaction.id.is_none() {
            return Value::Null;
        }
        let (total, order) = self.transaction.count(of);
        let values = vec![self.transaction.shown(), Value::Int64(total), Value::Int64(order)];
        Value::Struct(Arc::new(Struct::from_values(transaction_block(), values)))
    }

    /// A transaction begins, unless it is the one that an offset says has begun.
    pub(crate) fn begin(
        &mut self,
        id: &str,
        shown: Option<String>,
        ts_ms: i64,
        offset: &mut dyn FnMut(&Transaction) -> SourceOffset,
    ) -> Result<()> {
        if !self.common.transactions || self.transaction.id.as_deref() == Some(id) {
            return Ok(());
        }
        self.transaction = Transaction { id: Some(id.to_owned()), shown, ..Transaction::default() };
        let shown = self.transaction.shown();
        let values =
            vec![Value::str("BEGIN"), shown.clone(), Value::Null, Value::Null, Value::Int64(ts_ms)];
        self.transaction_record(shown, values, offset)
    }

    /// The transaction that has begun ends.
    pub(crate) fn end(
        &mut self,
        ts_ms: i64,
        offset: &mut dyn FnMut(&Transaction) -> SourceOffset,
    ) -> Result<()> {
        if self.transaction.id.is_none() {
            return Ok(());
        }
        let shown = self.transaction.shown();
        let collections = self.transaction.tables.iter().map(|(table, count)| {
            let values = vec![Value::str(table), Value::Int64(*count)];
            Value::Struct(Arc::new(Struct::from_values(self.schemas.collection.clone(), values)))
        });
        let values = vec![
            Value::str("END"),
            shown.clone(),
            Value::Int64(self.transaction.total),
            Value::array(collections.collect()),
            Value::Int64(ts_ms),
        ];
        self.transaction_record(shown, values, offset)?;
        self.transaction = Transaction::default();
        Ok(())
    }

    fn transaction_record(
        &mut self,
        id: Value,
        values: Vec<Value>,
        offset: &mut dyn FnMut(&Transaction) -> SourceOffset,
    ) -> Result<()> {
        let value = datum(&self.schemas.transaction, values);
        let mut record = ConnectRecord::new(Str::clone(&self.topic_transactions), value);
        record.key = datum(&self.schemas.transaction_key, vec![id]);
        let offset = offset(&self.transaction);
        self.out.push(SourceRecord::new(record, self.partition.clone(), offset), 0)
    }

    /// A record of the connector's own.
    pub(crate) fn message(
        &mut self,
        record: ConnectRecord,
        offset: SourceOffset,
        bytes: usize,
    ) -> Result<()> {
        self.out.push(SourceRecord::new(record, self.partition.clone(), offset), bytes)
    }

    /// What a statement did to tables: with the headers that say which connector it is from.
    pub(crate) fn schema_change(
        &mut self,
        mut record: ConnectRecord,
        offset: SourceOffset,
        bytes: usize,
    ) -> Result<()> {
        record.headers.extend(self.headers.iter().cloned());
        self.message(record, offset, bytes)
    }

    /// Says how far it is without a record.
    pub(crate) fn position(&mut self, offset: SourceOffset) -> Result<()> {
        self.out.push(SourceRecord::position(self.partition.clone(), offset), 0)
    }

    /// Tells how a snapshot goes, where that is to be told.
    pub(crate) fn notify(&mut self, about: &str, told: &Told, offset: SourceOffset) -> Result<()> {
        let notifications = &self.common.notifications;
        let id = told.id.clone().unwrap_or_else(run_id);
        if notifications.log {
            let Told { kind, data, .. } = told;
            tracing::info!(id, "[Notification Service] {about}: {kind} {data:?}");
        }
        let Some(topic) = &notifications.topic else { return Ok(()) };
        let name = Value::str(&self.common.shaping.naming.prefix);
        let mut data = vec![(Value::str("connector_name"), name)];
        data.extend(told.data.iter().map(|(key, text)| (Value::str(key), Value::str(text))));
        let [ms, ..] = now();
        let data = Value::map(MapValue::from_distinct(data).into_hash_map());
        let values = vec![Value::str(&id), Value::str(told.kind), Value::str(about), data, ms];
        let mut record =
            ConnectRecord::new(topic.as_str().into(), datum(&self.schemas.notification, values));
        record.key = datum(&self.schemas.notification_key, vec![Value::str(&id)]);
        self.out.push(SourceRecord::new(record, self.partition.clone(), offset), 0)
    }

    /// Gives the record of a snapshot that stays back another mark, and another offset. False: there is none.
    pub(crate) fn mark_last(&mut self, mark: &str, offset: Option<SourceOffset>) -> bool {
        let Some(record) = self.out.last().filter(|record| !record.is_position) else {
            return false;
        };
        if let Value::Struct(outer) = &record.record.value.value {
            record.record.value.value = with(outer, "source", |source| match source {
                Value::Struct(source) => with(source, "snapshot", |_| Value::str(mark)),
                other => other.clone(),
            });
        }
        if let Some(offset) = offset {
            record.offset = offset;
        }
        true
    }

    /// Whether a heartbeat is due.
    pub(crate) fn is_beat_due(&self) -> bool {
        self.common.heartbeat.is_some_and(|interval| self.beat.elapsed() >= interval)
    }

    /// Says that the connector is there, and how far it is.
    pub(crate) fn heartbeat(&mut self, offset: SourceOffset) -> Result<()> {
        self.beat = Instant::now();
        let [ms, ..] = now();
        let mut record = ConnectRecord::new(
            Str::clone(&self.topic_heartbeat),
            datum(&self.schemas.heartbeat, vec![ms]),
        );
        let name = Value::str(&self.common.shaping.naming.prefix);
        record.key = datum(&self.schemas.heartbeat_key, vec![name]);
        record.partition = Some(0);
        self.out.push(SourceRecord::new(record, self.partition.clone(), offset), 0)
    }
}

/// The same with another value of that field.
fn with(of: &Struct, name: &str, value: impl FnOnce(&Value) -> Value) -> Value {
    let mut values = of.values().to_vec();
    let at = of.schema().field(name).map(|field| field.index);
    if let Some(slot) = at.and_then(|at| values.get_mut(at)) {
        *slot = value(slot);
    }
    Value::Struct(Arc::new(Struct::from_values(of.schema().clone(), values)))
}

struct Parts {
    op: Op,
    before: Value,
    after: Value,
    source: Value,
}

/// A name of this run that sorts by its time: a UUID of version 7.
pub(crate) fn run_id() -> String {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let ms = u64::try_from(since.as_millis()).unwrap_or_default();
    let high = (ms << 16) | 0x7000 | u64::from(fastrand::u16(..0x1000));
    let low = (fastrand::u64(..) >> 2) | (1 << 63);
    format!(
        "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
        high >> 32,
        (high >> 16) & 0xffff,
        high & 0xffff,
        low >> 48,
        low & 0xffff_ffff_ffff
    )
}
