//! What a format of schemas must be able to do for its converter.

use std::sync::Arc;

use bytes::Bytes;
use gantry_model::config::{ConfigDef, ParsedConfig};
use gantry_model::{Datum, Result, Schema, Value};
use gantry_schema_model::{Format, ParsedSchema};

/// A format's way between Connect's data and bytes. What costs (translating a schema, planning
/// how its values are written or read) is done once for each schema; the converter keeps what
/// [`DataFormat::writer`] and [`DataFormat::reader`] give.
pub(crate) trait DataFormat: Send + Sized + 'static {
    /// How schemas are read and compared.
    type Format: Format<Schema = Self::Schema>;
    /// A schema that was read.
    type Schema: ParsedSchema;
    /// How values of one Connect schema are written by one schema of the registry.
    type Writer: Send;
    /// How values that were written by one schema of the registry are read.
    type Reader: Send;

    /// What is particular to the format in names and messages.
    const NAMES: &'static Names;

    /// Adds the keys that only this format's converter has.
    fn define(def: ConfigDef) -> ConfigDef;

    /// From the converter's keys.
    fn new(config: &ParsedConfig) -> Result<Self>;

    /// The text of the schema that values of a Connect schema are written by; `None` is the lack
    /// of a schema. Fails as Confluent's converter does where the format has no such schema.
    fn translate(&self, schema: Option<&Schema>) -> Result<String>;

    /// Plans how values of a Connect schema are written by a schema of the registry. That one
    /// may be another than [`DataFormat::translate`] gives (a pinned id, the latest version): a
    /// value that does not fit it is an error then, which names the field.
    fn writer(
        &self,
        connect: Option<&Schema>,
        registered: &Arc<Self::Schema>,
    ) -> Result<Self::Writer>;

    /// Which message of the schema a writer writes, where the format has several: what stands
    /// between the schema's id and the data.
    fn message_indexes(_writer: &Self::Writer) -> &[u8] {
        &[]
    }

    /// Appends a value's bytes. False, with nothing appended: the record's bytes are null.
    fn write(&self, writer: &mut Self::Writer, value: &Value, out: &mut Vec<u8>) -> Result<bool>;

    /// Plans how values written by a schema are read. `version` is the schema's version in its
    /// subject, which becomes the Connect schema's where that has none of its own.
    fn reader(
        &self,
        schema: &Arc<Self::Schema>,
        version: Option<i32>,
        message_indexes: &[i32],
    ) -> Result<Self::Reader>;

    /// Reads a value. Texts and bytes of the result may be slices of `payload`.
    fn read(&self, reader: &mut Self::Reader, payload: &Bytes) -> Result<Datum>;
}

/// What is particular to a format in names and messages.
#[derive(Debug)]
pub(crate) struct Names {
    /// The registry's name: `AVRO`, `PROTOBUF`, `JSON`.
    pub(crate) schema_type: &'static str,
    /// As messages call it: `Avro`, `Protobuf`, `JSON`.
    pub(crate) label: &'static str,
    /// Whether [`DataFormat::message_indexes`] stand behind ids.
    pub(crate) has_message_indexes: bool,
    /// What failed when data could not be written; the topic follows, then `write_failed.1`.
    pub(crate) write_failed: (&'static str, &'static str),
    /// What failed when data could not be read.
    pub(crate) read_failed: (&'static str, &'static str),
}
