//! VerifiableSource: counts, and prints each record when it is made and when it is in the log.

use std::collections::VecDeque;
use std::sync::Arc;

use gantry_api::model::Fields;
use gantry_api::{
    ConnectRecord, Datum, Error, Kind, OffsetMap, Props, Result, Schema, SchemaBuilder,
    SourceOffset, SourcePartition, SourceRecord, SourceTask, SourceTaskContext, Str, Struct, Value,
    async_trait,
};
use serde_json::Value as Json;

use super::config::{ID, NAME, SEQNO, THROUGHPUT, next_seqno, number, topic};
use super::json::{text_or_null, write_value};
use super::pace::Pace;
use super::printer::Printer;

const COMPLETE_RECORD_DATA: &str = "complete.record.data";

/// Gives one number after the other, keyed by the task's number.
#[derive(Debug, Default)]
pub struct VerifiableSourceTask {
    running: Option<Running>,
    pub(super) printer: Printer,
}

#[derive(Debug)]
struct Running {
    id: i32,
    name: Option<String>,
    topic: Str,
    partition: SourcePartition,
    seqno_key: Str,
    key_schema: Schema,
    value_schema: Schema,
    /// Whether the value is a struct of all that is printed.
    complete: bool,
    /// What a line says after its time.
    tail: String,
    pace: Pace,
    next: i64,
    /// Made, and perhaps not printed yet.
    ready: Vec<SourceRecord>,
    /// Values given, to be printed again once they are in the log; the runtime bounds how many.
    given: VecDeque<Value>,
}

#[async_trait]
impl SourceTask for VerifiableSourceTask {
    async fn start(&mut self, ctx: SourceTaskContext, props: &Props) -> Result<()> {
        self.running = Some(Running::new(&ctx, props)?);
        Ok(())
    }

    async fn poll(&mut self) -> Result<Vec<SourceRecord>> {
        let running = self.running.as_mut().ok_or_else(|| Error::connect("Not started"))?;
        if running.ready.is_empty() {
            let count = running.pace.due().await;
            running.make(count, &mut self.printer);
        }
        self.printer.flush().await?;
        let records = std::mem::take(&mut running.ready);
        running.given.extend(records.iter().map(|record| record.record.value.value.clone()));
        Ok(records)
    }

    fn wants_acknowledgements(&self) -> bool {
        true
    }

    async fn acknowledge(&mut self, count: u64) -> Result<()> {
        let Some(running) = &mut self.running else { return Ok(()) };
        let time_ms = gantry_api::now_ms();
        for _ in 0..count {
            let Some(value) = running.given.pop_front() else { break };
            self.printer.line(&running.committed(&value, time_ms));
            if self.printer.is_full() {
                self.printer.flush().await?;
            }
        }
        self.printer.flush().await
    }

    async fn stop(&mut self) -> Result<()> {
        self.running = None;
        Ok(())
    }
}

impl Running {
    fn new(ctx: &SourceTaskContext, props: &Props) -> Result<Self> {
        let invalid = |error: Error| {
            Error::connect("Invalid VerifiableSourceTask configuration").caused_by(error)
        };
        let id: i32 = number(props, ID).map_err(invalid)?;
        let throughput: i64 = number(props, THROUGHPUT).map_err(invalid)?;
        let topic = topic(props).map_err(invalid)?;
        let name = props.get(NAME).cloned();
        let complete =
            props.get(COMPLETE_RECORD_DATA).is_some_and(|text| text.eq_ignore_ascii_case("true"));
        let partition =
            SourcePartition::new(OffsetMap::from_iter([(ID.to_owned(), Json::from(id))]));
        let next = next_seqno(ctx.offsets.offset(&partition).as_ref())?;
        tracing::info!(task = id, topic, seqno = next, "verifiable source begins");
        Ok(Self {
            id,
            tail: format!(
                ",\"name\":{},\"topic\":{}}}",
                text_or_null(name.as_deref()),
                text_or_null(Some(&topic))
            ),
            name,
            topic: topic.into(),
            partition,
            seqno_key: SEQNO.into(),
            key_schema: Schema::int32(),
            value_schema: if complete { complete_schema()? } else { Schema::int64() },
            complete,
            pace: Pace::new(throughput),
            next,
            ready: Vec::new(),
            given: VecDeque::new(),
        })
    }

    /// Makes the next records and their lines.
    fn make(&mut self, count: i64, printer: &mut Printer) {
        let time_ms = gantry_api::now_ms();
        for _ in 0..count {
            let seqno = self.next;
            self.next = seqno.wrapping_add(1);
            printer.line(&format!(
                "{{\"task\":{},\"seqno\":{seqno},\"time_ms\":{time_ms}{}",
                self.id, self.tail
            ));
            let value = self.value(seqno, time_ms);
            let mut record = ConnectRecord::new(Str::clone(&self.topic), value);
            record.key = Datum::new(Schema::clone(&self.key_schema), Value::Int32(self.id));
            self.ready.push(SourceRecord::new(
                record,
                SourcePartition::clone(&self.partition),
                SourceOffset::Number(Str::clone(&self.seqno_key), seqno),
            ));
        }
        self.pace.given(count);
    }

    fn value(&self, seqno: i64, time_ms: i64) -> Datum {
        let schema = Schema::clone(&self.value_schema);
        if !self.complete {
            return Datum::new(schema, Value::Int64(seqno));
        }
        let values = vec![
            self.name.as_deref().map_or(Value::Null, Value::str),
            Value::Int32(self.id),
            Value::str(&self.topic),
            Value::Int64(time_ms),
            Value::Int64(seqno),
        ];
        let inner = Struct::from_values(Schema::clone(&schema), values);
        Datum::new(schema, Value::Struct(Arc::new(inner)))
    }

    /// The line of a record that is in the log.
    fn committed(&self, value: &Value, time_ms: i64) -> String {
        let mut line = format!("{{\"committed\":true,\"task\":{},\"seqno\":", self.id);
        // Numbers, and structs of them and of texts, always have a JSON form.
        let _ = write_value(value, &mut line);
        line.push_str(&format!(",\"time_ms\":{time_ms}{}", self.tail));
        line
    }
}

/// The struct of `complete.record.data`.
fn complete_schema() -> Result<Schema> {
    let fields = Fields::new(vec![
        (NAME.into(), Schema::string()),
        ("task".into(), Schema::int32()),
        ("topic".into(), Schema::string()),
        ("time_ms".into(), Schema::int64()),
        (SEQNO.into(), Schema::int64()),
    ])?;
    SchemaBuilder::new(Kind::Struct(Arc::new(fields))).build()
}
