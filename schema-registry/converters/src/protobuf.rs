//! Protobuf data.
//!
//! On the way out, `translate` makes a schema of a Connect schema, and `write_builder` works out
//! once how values of the one are written by the other, or by another one that the registry has.
//! On the way in, `read_builder` makes a Connect schema of a message, and the plan by which `read`
//! reads.

mod config;
mod covers;
mod cycles;
mod defaults;
mod element_tags;
mod fault;
mod logical;
mod names;
mod read;
mod read_builder;
mod read_plan;
mod roots;
mod translate;
mod wire;
mod write;
mod write_builder;
mod write_plan;

use std::sync::Arc;

use bytes::Bytes;
use gantry_model::config::{ConfigDef, ParsedConfig};
use gantry_model::logical::Logical;
use gantry_model::{Datum, Error, Result, Schema, Value};
use gantry_schema_model::{Format, ParsedSchema};
use gantry_schema_protobuf::{
    Descriptors, MessageDescriptor, MessageIndexes, Protobuf, ProtobufSchema,
};

use crate::format::{DataFormat, Names};
use config::Settings;

/// The format of Protobuf data.
#[derive(Debug)]
pub(crate) struct ProtobufFormat {
    settings: Settings,
}

/// How values of a Connect schema are written by a message of the registry.
#[derive(Debug)]
pub(crate) struct ProtobufWriter {
    /// As they stand behind the id.
    message_indexes: Vec<u8>,
    message: String,
    encoder: write_plan::Encoder,
}

/// How values are read that were written by a message of the registry.
#[derive(Debug)]
pub(crate) struct ProtobufReader {
    root: read_plan::Inner,
    scratch: read::Scratch,
}

impl DataFormat for ProtobufFormat {
    type Format = Protobuf;
    type Schema = ProtobufSchema;
    type Writer = ProtobufWriter;
    type Reader = ProtobufReader;

    const NAMES: &'static Names = &Names {
        schema_type: "PROTOBUF",
        label: "Protobuf",
        has_message_indexes: true,
        write_failed: ("Failed to serialize Protobuf data from topic ", ":"),
        read_failed: ("Failed to deserialize data for topic ", " to Protobuf:"),
    };

    fn define(def: ConfigDef) -> ConfigDef {
        config::define(def)
    }

    fn new(config: &ParsedConfig) -> Result<Self> {
        Ok(Self { settings: Settings::new(config) })
    }

    fn translate(&self, schema: Option<&Schema>) -> Result<String> {
        translate::translate(self.settings, schema.ok_or_else(schemaless)?)
    }

    fn writer(
        &self,
        connect: Option<&Schema>,
        registered: &Arc<ProtobufSchema>,
    ) -> Result<ProtobufWriter> {
        let connect = connect.ok_or_else(schemaless)?;
        let name = match roots::is_struct(connect) {
            true => translate::message_name(self.settings, connect),
            false => roots::message(connect)?.to_owned(),
        };
        let pool = descriptors(registered)?;
        if let Some(kind) = Logical::of(connect)
            && pool.message_named(&name).is_none()
        {
            return self.unreadable(connect, kind, &name);
        }
        let (indexes, message) = target(registered, &pool, &name)?;
        let planner = write_builder::Planner { settings: self.settings, pool: &pool };
        let encoder = planner.root(connect, message)?;
        let message = message.full_name.clone();
        Ok(ProtobufWriter { message_indexes: indexes.to_bytes(), message, encoder })
    }

    fn message_indexes(writer: &ProtobufWriter) -> &[u8] {
        &writer.message_indexes
    }

    fn write(&self, writer: &mut ProtobufWriter, value: &Value, out: &mut Vec<u8>) -> Result<bool> {
        if value.is_null() {
            return Ok(false);
        }
        let start = out.len();
        writer.encoder.put_content(value, out).map_err(|fault| {
            out.truncate(start);
            fault.into_error(&writer.message)
        })?;
        Ok(true)
    }

    fn reader(
        &self,
        schema: &Arc<ProtobufSchema>,
        version: Option<i32>,
        message_indexes: &[i32],
    ) -> Result<ProtobufReader> {
        let invalid = || Error::data(format!("Invalid message indexes: {message_indexes:?}"));
        let path: Option<Vec<usize>> =
            message_indexes.iter().map(|index| usize::try_from(*index).ok()).collect();
        let indexes = MessageIndexes::new(path.ok_or_else(invalid)?);
        let name = schema.message_name(&indexes).ok_or_else(invalid)?;
        let pool = descriptors(schema)?;
        let message = pool.message_named(&name).ok_or_else(invalid)?;
        let root = read_builder::plan(self.settings, &pool, message, version)?;
        Ok(ProtobufReader { root, scratch: read::Scratch::default() })
    }

    fn read(&self, reader: &mut ProtobufReader, payload: &Bytes) -> Result<Datum> {
        let root = &reader.root;
        let value = read::read(root, payload, &mut reader.scratch)
            .map_err(|fault| fault.into_error(&root.plan.name))?;
        Ok(Datum::new(root.schema.clone(), value))
    }
}

impl ProtobufFormat {
    /// Values of a logical type by a schema that does not have its message.
    fn unreadable(&self, connect: &Schema, kind: Logical, name: &str) -> Result<ProtobufWriter> {
        tracing::warn!(
            "{name} is written as Confluent's ProtobufConverter writes a logical type that is a \
             whole key or value: no reader can tell which message it is. Put the value into a \
             field of a struct, with HoistField for instance"
        );
        let schema = Protobuf::parse(roots::logical_root(kind), &[], false);
        let pool = descriptors(&schema.map_err(|error| Error::data(error.0))?)?;
        let message = pool
            .message_named(name)
            .ok_or_else(|| Error::data(format!("There is no Protobuf message {name}")))?;
        let planner = write_builder::Planner { settings: self.settings, pool: &pool };
        let encoder = planner.root(connect, message)?;
        Ok(ProtobufWriter { message_indexes: Vec::new(), message: name.to_owned(), encoder })
    }
}

fn schemaless() -> Error {
    Error::data(
        "Protobuf data needs a schema, and the record has none: take a source that gives \
         schemas, a converter that does, or another format for this topic",
    )
}

fn descriptors(schema: &ProtobufSchema) -> Result<Descriptors> {
    schema.descriptors().map_err(|error| Error::data(error.0))
}

/// The message of a schema that values are written as: that of the name, or one of the same simple
/// name, or the first one.
fn target<'a>(
    schema: &ProtobufSchema,
    pool: &'a Descriptors,
    name: &str,
) -> Result<(MessageIndexes, &'a MessageDescriptor)> {
    let first = schema.message_name(&MessageIndexes::new(vec![0]));
    let simple = first.as_deref().map(|first| {
        let package = &first[..first.len() - names::simple(first).len()];
        format!("{package}{}", names::simple(name))
    });
    let found = [Some(name.to_owned()), simple, first].into_iter().flatten().find_map(|name| {
        let indexes = schema.message_indexes(&name, false)?;
        let message = pool.message_named(&schema.message_name(&indexes)?)?;
        Some((indexes, message))
    });
    found.ok_or_else(|| {
        let name = schema.name().unwrap_or_default();
        Error::data(format!("The registered Protobuf schema has no message, only {name}"))
    })
}

#[cfg(test)]
mod tests;
