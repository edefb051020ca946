//! SchemaSource: structs with one schema, or with two by turns.

use std::sync::Arc;

use gantry_api::model::Fields;
use gantry_api::{
    ConnectRecord, Datum, Error, Kind, OffsetMap, Props, Result, Schema, SchemaBuilder,
    SourceOffset, SourcePartition, SourceRecord, SourceTask, SourceTaskContext, Str, Struct, Value,
    async_trait,
};
use serde_json::Value as Json;

use super::config::{ID, NAME, SEQNO, THROUGHPUT, next_seqno, number, topic};
use super::pace::Pace;
use super::printer::Printer;

const NUM_MESSAGES: &str = "num.messages";
const MULTIPLE_SCHEMA: &str = "multiple.schema";
const PARTITION_COUNT: &str = "partition.count";

/// Gives `num.messages` structs, all into the queue of the task's number.
#[derive(Debug, Default)]
pub struct SchemaSourceTask {
    running: Option<Running>,
    pub(super) printer: Printer,
}

#[derive(Debug)]
struct Running {
    id: i32,
    topic: Str,
    partition: SourcePartition,
    seqno_key: Str,
    key: Datum,
    schema: Schema,
    /// The schema of every other record.
    second: Option<Schema>,
    partition_count: i64,
    pace: Pace,
    next: i64,
    /// Records given since the start.
    count: i64,
    max: i64,
    /// Made, and perhaps not printed yet.
    ready: Vec<SourceRecord>,
}

#[async_trait]
impl SourceTask for SchemaSourceTask {
    async fn start(&mut self, ctx: SourceTaskContext, props: &Props) -> Result<()> {
        self.running = Some(Running::new(&ctx, props)?);
        Ok(())
    }

    async fn poll(&mut self) -> Result<Vec<SourceRecord>> {
        let running = self.running.as_mut().ok_or_else(|| Error::connect("Not started"))?;
        if running.ready.is_empty() {
            if running.count >= running.max {
                return std::future::pending().await;
            }
            let due = running.pace.due().await;
            running.make(due.min(running.max - running.count), &mut self.printer);
        }
        self.printer.flush().await?;
        Ok(std::mem::take(&mut running.ready))
    }

    async fn stop(&mut self) -> Result<()> {
        self.running = None;
        Ok(())
    }
}

impl Running {
    fn new(ctx: &SourceTaskContext, props: &Props) -> Result<Self> {
        let invalid = |error: Error| {
            Error::connect("Invalid SchemaSourceTask configuration").caused_by(error)
        };
        let id: i32 = number(props, ID).map_err(invalid)?;
        let max: i64 = number(props, NUM_MESSAGES).map_err(invalid)?;
        let throughput: i64 = number(props, THROUGHPUT).map_err(invalid)?;
        let partition_count: i32 = match props.get(PARTITION_COUNT) {
            None => 1,
            Some(_) => number(props, PARTITION_COUNT).map_err(invalid)?,
        };
        if partition_count == 0 {
            return Err(invalid(Error::config(format!(
                "Invalid value 0 for configuration {PARTITION_COUNT}: numbers are taken modulo \
                 it, so it must not be 0"
            ))));
        }
        let topic = topic(props).map_err(invalid)?;
        let multiple =
            props.get(MULTIPLE_SCHEMA).is_some_and(|text| text.eq_ignore_ascii_case("true"));
        let partition =
            SourcePartition::new(OffsetMap::from_iter([(ID.to_owned(), Json::from(id))]));
        let next = next_seqno(ctx.offsets.offset(&partition).as_ref())?;
        let name = props.get(NAME).map_or("", String::as_str);
        tracing::info!(connector = name, task = id, topic, seqno = next, "schema source begins");
        Ok(Self {
            id,
            topic: topic.into(),
            partition,
            seqno_key: SEQNO.into(),
            key: Datum::new(Schema::string(), Value::str("key")),
            schema: record_schema(1)?,
            second: if multiple { Some(record_schema(2)?) } else { None },
            partition_count: i64::from(partition_count),
            pace: Pace::new(throughput),
            next,
            count: 0,
            max,
            ready: Vec::new(),
        })
    }

    /// Makes the next records and their lines.
    fn make(&mut self, count: i64, printer: &mut Printer) {
        for _ in 0..count {
            let seqno = self.next;
            self.next = seqno.wrapping_add(1);
            printer.line(&format!("{{\"task\": {}, \"seqno\": {seqno}}}", self.id));
            let mut record = ConnectRecord::new(Str::clone(&self.topic), self.value(seqno));
            record.partition = Some(self.id);
            record.key = self.key.clone();
            self.ready.push(SourceRecord::new(
                record,
                SourcePartition::clone(&self.partition),
                SourceOffset::Number(Str::clone(&self.seqno_key), seqno),
            ));
            self.count += 1;
        }
        self.pace.given(count);
    }

    fn value(&self, seqno: i64) -> Datum {
        let second = self.second.as_ref().filter(|_| self.count % 2 == 1);
        let schema = second.unwrap_or(&self.schema);
        // The remainder is smaller than the count, which is a Java int.
        let partitioning = i32::try_from(seqno % self.partition_count).unwrap_or(0);
        let mut values = vec![
            Value::Boolean(true),
            Value::Int32(12),
            Value::Int64(12),
            Value::Float32(12.2),
            Value::Float64(12.2),
            Value::Int32(partitioning),
        ];
        if second.is_some() {
            values.push(Value::str("def"));
        }
        values.extend([Value::Int32(self.id), Value::Int64(seqno)]);
        let inner = Struct::from_values(Schema::clone(schema), values);
        Datum::new(Schema::clone(schema), Value::Struct(Arc::new(inner)))
    }
}

/// Schema `record` in version 1, or in version 2, which has one field more.
fn record_schema(version: i32) -> Result<Schema> {
    let mut fields = vec![
        ("boolean".into(), Schema::boolean()),
        ("int".into(), Schema::int32()),
        ("long".into(), Schema::int64()),
        ("float".into(), Schema::float32()),
        ("double".into(), Schema::float64()),
        ("partitioning".into(), Schema::int32()),
    ];
    if version > 1 {
        let text = SchemaBuilder::new(Kind::String).default_value(Some(Value::str("abc")));
        fields.push(("string".into(), text.build()?));
    }
    fields.extend([(ID.into(), Schema::int32()), (SEQNO.into(), Schema::int64())]);
    SchemaBuilder::new(Kind::Struct(Arc::new(Fields::new(fields)?)))
        .name(Some("record".into()))
        .version(Some(version))
        .build()
}
