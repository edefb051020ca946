//! Avro data: what Confluent's `AvroData` makes of schemas, and Avro's binary form of values.
//!
//! [`to_avro`] and [`to_connect`] translate schemas. [`fit`] plans how values are written by a
//! registered schema and [`read`] how they are read; both give a tree of steps that is walked for
//! each value. Values without a schema go their own way: [`anything`].

mod anything;
mod binary;
mod decoder;
mod defaults;
mod encoder;
mod fault;
mod fit;
mod keys;
mod names;
mod read;
mod shape;
#[cfg(test)]
mod tests;
mod to_avro;
mod to_connect;
mod write;

use std::sync::Arc;

use bytes::Bytes;
use gantry_model::config::{ConfigDef, ParsedConfig};
use gantry_model::{Datum, Result, Schema, Value};
use gantry_schema_avro::{Avro, AvroSchema};
use gantry_schema_model::ParsedSchema;

use crate::format::{DataFormat, Names};
use keys::Settings;

pub use decoder::AvroDecoder;
pub use encoder::{AvroEncoder, AvroEncoding};

/// Avro for one converter.
#[derive(Debug)]
pub(crate) struct AvroFormat {
    settings: Settings,
}

impl DataFormat for AvroFormat {
    type Format = Avro;
    type Schema = AvroSchema;
    type Writer = write::Writer;
    type Reader = read::Reader;

    const NAMES: &'static Names = &Names {
        schema_type: "AVRO",
        label: "Avro",
        has_message_indexes: false,
        write_failed: ("Failed to serialize Avro data from topic ", ":"),
        read_failed: ("Failed to deserialize data for topic ", " to Avro:"),
    };

    fn define(def: ConfigDef) -> ConfigDef {
        keys::define(def)
    }

    fn new(config: &ParsedConfig) -> Result<Self> {
        Ok(Self { settings: Settings::new(config) })
    }

    fn translate(&self, schema: Option<&Schema>) -> Result<String> {
        Ok(to_avro::translate(&self.settings, schema)?.canonical().to_owned())
    }

    fn writer(
        &self,
        connect: Option<&Schema>,
        registered: &Arc<AvroSchema>,
    ) -> Result<Self::Writer> {
        fit::writer(&self.settings, connect, registered)
    }

    fn write(&self, writer: &mut Self::Writer, value: &Value, out: &mut Vec<u8>) -> Result<bool> {
        writer.write(value, out)
    }

    fn reader(
        &self,
        schema: &Arc<AvroSchema>,
        version: Option<i32>,
        _message_indexes: &[i32],
    ) -> Result<Self::Reader> {
        read::Reader::new(&self.settings, schema, version)
    }

    fn read(&self, reader: &mut Self::Reader, payload: &Bytes) -> Result<Datum> {
        reader.read(payload)
    }
}
