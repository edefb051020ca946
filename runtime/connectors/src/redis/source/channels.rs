//! The task of the source of channels.

use std::sync::{Arc, LazyLock};

use gantry_api::{
    CancellationToken, ConnectRecord, Datum, Error, OffsetMap, Props, Result, Schema,
    SchemaBuilder, SourceOffset, SourcePartition, SourceRecord, SourceTask, SourceTaskContext, Str,
    Struct, Value, async_trait, now_ms,
};
use tokio::sync::mpsc::Receiver;

use super::super::client::Message;
use super::config::ChannelConfig;
use super::listener::{Heard, listen};

/// A poll gives so many records at most.
const POLL_MAX: usize = 10_000;

/// Gives the messages of channels.
#[derive(Debug, Default)]
pub(crate) struct ChannelTask {
    running: Option<Running>,
    cancel: CancellationToken,
}

#[derive(Debug)]
struct Running {
    messages: Receiver<Heard>,
    topic: Str,
    partition: SourcePartition,
    offset: SourceOffset,
}

impl Drop for ChannelTask {
    fn drop(&mut self) {
        self.cancel.cancel();
    }
}

struct Schemas {
    key: Schema,
    value: Schema,
}

static SCHEMAS: LazyLock<Option<Schemas>> = LazyLock::new(|| {
    let named = |name: &str, fields: Vec<(Str, Schema)>| {
        let name = format!("io.github.jaredpetersen.kafkaconnectredis.{name}");
        let builder = SchemaBuilder::structure(fields).ok()?;
        Some(builder.name(Some(name.into())).build_plain())
    };
    let key =
        vec![("channel".into(), Schema::string()), ("pattern".into(), Schema::optional_string())];
    Some(Schemas {
        key: named("RedisSubscriptionEventKey", key)?,
        value: named("RedisSubscriptionEventValue", vec![("message".into(), Schema::string())])?,
    })
});

/// A struct with its schema.
fn datum(schema: &Schema, values: Vec<Value>) -> Datum {
    let inner = Struct::from_values(schema.clone(), values);
    Datum::new(schema.clone(), Value::Struct(Arc::new(inner)))
}

impl Running {
    fn record(&self, message: Message) -> Option<SourceRecord> {
        let schemas = SCHEMAS.as_ref()?;
        let pattern = message.pattern.map_or(Value::Null, |text| Value::String(text.into()));
        let channel = Value::String(message.channel.into());
        let value = datum(&schemas.value, vec![Value::String(message.text.into())]);
        let mut record = ConnectRecord::new(Str::clone(&self.topic), value);
        record.key = datum(&schemas.key, vec![channel, pattern]);
        record.timestamp_ms = Some(now_ms());
        Some(SourceRecord::new(record, self.partition.clone(), self.offset.clone()))
    }
}

#[async_trait]
impl SourceTask for ChannelTask {
    async fn start(&mut self, ctx: SourceTaskContext, props: &Props) -> Result<()> {
        let config = ChannelConfig::read(props)??;
        self.cancel = ctx.cancel.child_token();
        let messages = listen(Arc::clone(&config.place), config.channels, self.cancel.clone());
        self.running = Some(Running {
            messages,
            topic: config.topic.into(),
            partition: SourcePartition::new(OffsetMap::new()),
            offset: SourceOffset::Map(Arc::new(OffsetMap::new())),
        });
        Ok(())
    }

    async fn poll(&mut self) -> Result<Vec<SourceRecord>> {
        let running = self.running.as_mut().ok_or_else(|| Error::connect("Not started"))?;
        let mut heard = Vec::new();
        if running.messages.recv_many(&mut heard, POLL_MAX).await == 0 {
            // It ended as it was told to.
            std::future::pending::<()>().await;
        }
        let mut records = Vec::with_capacity(heard.len());
        for heard in heard {
            match heard {
                Heard::Message(message) => records.extend(running.record(message)),
                Heard::Begun => {}
                Heard::Failed(error) => return Err(error),
            }
        }
        Ok(records)
    }

    async fn stop(&mut self) -> Result<()> {
        self.cancel.cancel();
        self.running = None;
        Ok(())
    }
}
