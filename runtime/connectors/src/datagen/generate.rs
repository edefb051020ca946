//! Records from numbers: the same number gives the same record, always.

use std::io::Write;
use std::sync::Arc;

use gantry_api::{
    ByteString, Bytes, ConnectRecord, Datum, OffsetMap, Result, Schema, SchemaBuilder,
    SourceOffset, SourcePartition, SourceRecord, Str, Struct, Value,
};
use gantry_api::{Kind, model::Fields};
use serde_json::Value as Json;

use super::config::{Config, Format, KeyMode};

pub(super) const TASK: &str = "task";
pub(super) const SEQUENCE: &str = "sequence";

/// Random letters that texts are cut from.
const POOL_BYTES: usize = 64 * 1024;
const LETTERS: &[u8; 64] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";

/// Makes the records of one task.
#[derive(Debug)]
pub(super) struct Generator {
    config: Config,
    topic: Str,
    partition: SourcePartition,
    sequence_key: Str,
    text_schema: Schema,
    key_schema: Schema,
    struct_schema: Schema,
    pool: Vec<u8>,
}

/// The splitmix64 generator: spreads a number over 64 bits.
fn mix(mut state: u64) -> u64 {
    state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    state = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    state = (state ^ (state >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    state ^ (state >> 31)
}

impl Generator {
    pub(super) fn new(config: Config) -> Result<Self> {
        let seed = mix(config.seed as u64);
        let size = POOL_BYTES + config.bytes;
        let letter = |n: usize| LETTERS.get((mix(seed ^ n as u64) & 63) as usize).copied();
        let fields = Fields::new(vec![
            (TASK.into(), Schema::int32()),
            (SEQUENCE.into(), Schema::int64()),
            ("text".into(), Schema::string()),
        ])?;
        Ok(Self {
            topic: config.topic.as_str().into(),
            partition: partition(config.task),
            sequence_key: SEQUENCE.into(),
            text_schema: Schema::string(),
            key_schema: Schema::int64(),
            struct_schema: SchemaBuilder::new(Kind::Struct(Arc::new(fields))).build()?,
            pool: (0..size).filter_map(letter).collect(),
            config,
        })
    }

    pub(super) fn config(&self) -> &Config {
        &self.config
    }

    pub(super) fn partition(&self) -> &SourcePartition {
        &self.partition
    }

    /// The records with these numbers. Their texts share one buffer.
    pub(super) fn records(&self, first: i64, count: usize) -> Vec<SourceRecord> {
        let mut bytes = Vec::with_capacity(count * (self.config.bytes + 24));
        let mut ends = Vec::with_capacity(count);
        for sequence in (first..).take(count) {
            self.write_text(sequence, &mut bytes);
            ends.push(bytes.len());
        }
        // Digits, spaces and letters: always text.
        let all = ByteString::try_from(Bytes::from(bytes)).unwrap_or_default();
        let mut start = 0;
        let record = |(sequence, end): (i64, usize)| {
            let text = all.slice_ref(all.get(start..end).unwrap_or_default());
            start = end;
            self.record(sequence, text)
        };
        (first..).zip(ends).map(record).collect()
    }

    fn write_text(&self, sequence: i64, bytes: &mut Vec<u8>) {
        let start = bytes.len();
        // Writing to memory cannot fail.
        let _ = write!(bytes, "{}-{sequence}", self.config.task);
        let left = self.config.bytes.saturating_sub(bytes.len() - start);
        if left > 0 {
            bytes.push(b' ');
            let task = mix(self.config.task as u64);
            let at = mix(sequence as u64 ^ task) as usize % POOL_BYTES;
            bytes.extend_from_slice(self.pool.get(at..at + left - 1).unwrap_or_default());
        }
    }

    fn record(&self, sequence: i64, text: ByteString) -> SourceRecord {
        let text = Value::String(text.into());
        let value = match self.config.format {
            Format::Text => Datum::new(Schema::clone(&self.text_schema), text),
            Format::Json => {
                let task = i32::try_from(self.config.task).unwrap_or(i32::MAX);
                let values = vec![Value::Int32(task), Value::Int64(sequence), text];
                let schema = Schema::clone(&self.struct_schema);
                let value = Struct::from_values(Schema::clone(&schema), values);
                Datum::new(schema, Value::Struct(Arc::new(value)))
            }
        };
        let mut record = ConnectRecord::new(Str::clone(&self.topic), value);
        let key = match self.config.key_mode {
            KeyMode::None => None,
            KeyMode::Sequence => Some(sequence),
            KeyMode::Mod(keys) => Some(sequence % keys),
        };
        if let Some(key) = key {
            record.key = Datum::new(Schema::clone(&self.key_schema), Value::Int64(key));
        }
        SourceRecord::new(
            record,
            SourcePartition::clone(&self.partition),
            SourceOffset::Number(Str::clone(&self.sequence_key), sequence + 1),
        )
    }
}

/// The source partition of a task.
fn partition(task: i64) -> SourcePartition {
    let mut map = OffsetMap::new();
    map.insert(TASK.to_owned(), Json::from(task));
    SourcePartition::new(map)
}
