//! Messages that programs write into the log (`pg_logical_emit_message`).

use std::sync::Arc;

use gantry_api::model::{Schema, SchemaBuilder, Struct};
use gantry_api::{ConnectRecord, Datum, Result, Str, Value};

use super::super::emit::now;
use super::super::table::transaction_block;
use super::config::Config;

/// The schemas of messages that programs write into the log.
pub(super) struct Messages {
    topic: Str,
    key: Schema,
    value: Schema,
    message: Schema,
}

impl Messages {
    pub(super) fn new(config: &Config) -> Result<Self> {
        let shaping = &config.common.shaping;
        let name = |tail: &str| -> Option<Str> {
            Some(
                shaping
                    .schema_names
                    .schema(&format!("io.debezium.connector.postgresql.{tail}"))
                    .into(),
            )
        };
        let of = |tail: &str, fields: Vec<(Str, Schema)>| -> Result<Schema> {
            Ok(SchemaBuilder::structure(fields)?.name(name(tail)).version(Some(1)).build_plain())
        };
        let content = super::types::bytes_schema(config.modes.binaries).optional().build_plain();
        let message = of(
            "Message",
            vec![("prefix".into(), Schema::optional_string()), ("content".into(), content)],
        )?;
        let value = of(
            "MessageValue",
            vec![
                ("op".into(), Schema::string()),
                ("ts_ms".into(), Schema::optional_int64()),
                ("source".into(), shaping.source.clone()),
                ("transaction".into(), transaction_block()),
                ("message".into(), message.clone()),
            ],
        )?;
        let key = of("MessageKey", vec![("prefix".into(), Schema::optional_string())])?;
        // With a dot, whatever divides the parts of other topics.
        let topic = format!("{}.message", shaping.naming.prefix).into();
        Ok(Self { topic, key, value, message })
    }

    pub(super) fn record(
        &self,
        prefix: &str,
        content: Value,
        source: Value,
        transaction: Value,
    ) -> ConnectRecord {
        let of = |schema: &Schema, values| {
            Value::Struct(Arc::new(Struct::from_values(schema.clone(), values)))
        };
        let [ms, ..] = now();
        let message = of(&self.message, vec![Value::str(prefix), content]);
        let value = of(&self.value, vec![Value::str("m"), ms, source, transaction, message]);
        let datum = Datum { schema: Some(self.value.clone()), value };
        let mut record = ConnectRecord::new(Str::clone(&self.topic), datum);
        let key = of(&self.key, vec![Value::str(prefix)]);
        record.key = Datum { schema: Some(self.key.clone()), value: key };
        record
    }
}
