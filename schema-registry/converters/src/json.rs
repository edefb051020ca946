//! JSON Schema data: Confluent's `JsonSchemaConverter`.
//!
//! `translate` makes the JSON Schema of a Connect schema, `connect` the Connect schema of a JSON
//! Schema. Both directions of data follow a `plan`, which is made once for each schema.

mod all_of;
mod config;
mod connect;
mod fault;
mod plan;
mod read;
mod shape;
mod temporal;
mod translate;
mod union;
mod variant;
mod write;

use std::sync::Arc;

use bytes::Bytes;
use gantry_converters::jackson::Input;
use gantry_model::config::{ConfigDef, ParsedConfig};
use gantry_model::{Datum, Error, ErrorKind, Result, Schema, Value};
use gantry_schema_json::{Json, JsonSchema};
use gantry_schema_model::ParsedSchema;

use crate::format::{DataFormat, Names};
use config::Settings;
use fault::Fault;
use plan::Plan;

/// The format of JSON data with JSON Schemas.
#[derive(Debug)]
pub(crate) struct JsonSchemaFormat {
    settings: Settings,
}

/// How values of one Connect schema are written.
#[derive(Debug)]
pub(crate) struct Writer {
    plan: Plan,
    /// The schema that the data are checked against, if they are.
    checked: Option<Arc<JsonSchema>>,
}

/// How data of one JSON Schema are read.
#[derive(Debug)]
pub(crate) struct Reader {
    plan: Plan,
    /// The schema that the data are checked against, if they are.
    checked: Option<Arc<JsonSchema>>,
}

impl JsonSchemaFormat {
    fn checked(&self, schema: &Arc<JsonSchema>) -> Option<Arc<JsonSchema>> {
        self.settings.fail_invalid.then(|| Arc::clone(schema))
    }
}

impl DataFormat for JsonSchemaFormat {
    type Format = Json;
    type Schema = JsonSchema;
    type Writer = Writer;
    type Reader = Reader;

    const NAMES: &'static Names = &Names {
        schema_type: "JSON",
        label: "JSON",
        has_message_indexes: false,
        write_failed: (
            "Converting Kafka Connect data to byte[] failed due to serialization error of topic ",
            ": ",
        ),
        read_failed: (
            "Converting byte[] to Kafka Connect data failed due to serialization error of topic ",
            ": ",
        ),
    };

    fn define(def: ConfigDef) -> ConfigDef {
        config::define(def)
    }

    fn new(config: &ParsedConfig) -> Result<Self> {
        Ok(Self { settings: Settings::new(config)? })
    }

    fn translate(&self, schema: Option<&Schema>) -> Result<String> {
        match schema {
            Some(schema) => translate::translate(schema, &self.settings),
            None => Err(without_schema()),
        }
    }

    fn writer(&self, connect: Option<&Schema>, registered: &Arc<JsonSchema>) -> Result<Writer> {
        let connect = connect.ok_or_else(without_schema)?;
        let plan = Plan::new(connect, &self.settings)?;
        // What was translated from the very same schema needs no look.
        let own = translate::translate(connect, &self.settings);
        if own.is_ok_and(|text| text != registered.canonical())
            && let Ok(document) = registered.document()
        {
            shape::check(&plan, document, &self.settings)?;
        }
        Ok(Writer { plan, checked: self.checked(registered) })
    }

    fn write(&self, writer: &mut Writer, value: &Value, out: &mut Vec<u8>) -> Result<bool> {
        let start = out.len();
        let written = write::value(out, &writer.plan, value, &self.settings);
        let written = written.map_err(Fault::into_error).and_then(|written| {
            if written && let Some(schema) = &writer.checked {
                check(schema, out.get(start..).unwrap_or_default())?;
            }
            Ok(written)
        });
        if !matches!(written, Ok(true)) {
            out.truncate(start);
        } else if self.settings.indent {
            let compact = out.split_off(start);
            out.append(&mut write::indented(&compact));
        }
        written
    }

    fn reader(
        &self,
        schema: &Arc<JsonSchema>,
        version: Option<i32>,
        _message_indexes: &[i32],
    ) -> Result<Reader> {
        let connect = if self.settings.ignore_modern_dialects {
            let document = schema.classic_document().map_err(|reason| not_readable(&reason))?;
            connect::schema(&document, version, &self.settings)
        } else {
            let document = schema.document().map_err(not_readable)?;
            connect::schema(document, version, &self.settings)
        }?;
        Ok(Reader { plan: Plan::new(&connect, &self.settings)?, checked: self.checked(schema) })
    }

    fn read(&self, reader: &mut Reader, payload: &Bytes) -> Result<Datum> {
        if let Some(schema) = &reader.checked {
            check(schema, payload)?;
        }
        let input = Input::new(payload.clone());
        let value = read::value(&input.text, input.broken, &reader.plan);
        match value.map_err(Fault::into_error)? {
            Some(value) => Ok(Datum::new(reader.plan.schema.clone(), value)),
            None => Err(Error::new(
                ErrorKind::Serialization,
                "the record has no JSON value: there is nothing behind the schema's id",
            )),
        }
    }
}

fn without_schema() -> Error {
    Error::data(
        "The value has no schema, and JSON Schema data need one: use a converter without schemas, \
         or give the data a schema",
    )
}

fn not_readable(reason: &str) -> Error {
    Error::data(format!("The registered schema is no JSON Schema: {reason}"))
}

/// Holds data against their schema, as `json.fail.invalid.schema` demands it.
fn check(schema: &JsonSchema, json: &[u8]) -> Result<()> {
    let value: serde_json::Value = serde_json::from_slice(json).map_err(|error| {
        Error::new(ErrorKind::Serialization, format!("not valid JSON: {error}"))
    })?;
    schema.validate(&value).map_err(|reasons| {
        const SHOWN: usize = 10;
        let more = reasons.len().saturating_sub(SHOWN);
        let mut text =
            reasons.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join("; ");
        if more > 0 {
            text.push_str(&format!("; and {more} more"));
        }
        Error::new(
            ErrorKind::Serialization,
            format!("JSON does not match schema of type JSON (json.fail.invalid.schema): {text}"),
        )
    })
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
