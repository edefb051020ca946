//! What fuzzing calls.

use std::sync::Arc;

use bytes::Bytes;
use gantry_schema_model::Format;
use gantry_schema_protobuf::Protobuf;

use super::ProtobufFormat;
use super::config::Settings;
use crate::format::DataFormat;

/// Bytes as a message of any schema: read, and what was read is written and read again. Nothing may
/// come of it but an error.
pub(crate) fn decode(text: &str, bytes: &[u8]) {
    let Ok(schema) = Protobuf::parse(text, &[], false) else { return };
    let schema = Arc::new(schema);
    let with = Settings { wrapper_for_nullables: true, enhanced: true, ..Settings::default() };
    let flat = Settings { flatten_unions: true, struct_for_nulls: true, ..Settings::default() };
    for settings in [Settings::default(), with, flat] {
        let format = ProtobufFormat { settings };
        let Ok(mut reader) = format.reader(&schema, Some(1), &[0]) else { return };
        let Ok(datum) = format.read(&mut reader, &Bytes::copy_from_slice(bytes)) else { continue };
        let connect = datum.schema.as_ref();
        let mut out = Vec::new();
        if let Ok(mut writer) = format.writer(connect, &schema)
            && format.write(&mut writer, &datum.value, &mut out).is_ok()
        {
            drop(format.read(&mut reader, &Bytes::from(out)));
        }
        drop(format.translate(connect));
    }
}
