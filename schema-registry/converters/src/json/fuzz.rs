//! What fuzz targets call.

use std::sync::Arc;

use bytes::Bytes;
use gantry_model::Datum;
use gantry_model::config::ConfigDef;
use gantry_model::plugin::Props;
use gantry_schema_json::JsonSchema;

use super::JsonSchemaFormat;
use crate::format::DataFormat;

/// Reads any bytes by any schema, and writes what came out again. `None` where something is refused.
pub fn read(schema: &str, payload: &[u8], props: &Props) -> Option<Datum> {
    let config = JsonSchemaFormat::define(ConfigDef::new()).parse(props).ok()?;
    let format = JsonSchemaFormat::new(&config).ok()?;
    let schema = Arc::new(JsonSchema::load(schema, &[], false).ok()?);
    let mut reader = format.reader(&schema, Some(1), &[]).ok()?;
    let datum = format.read(&mut reader, &Bytes::copy_from_slice(payload)).ok()?;
    if let Ok(text) = format.translate(datum.schema.as_ref())
        && let Ok(own) = JsonSchema::load(&text, &[], true)
        && let Ok(mut writer) = format.writer(datum.schema.as_ref(), &Arc::new(own))
    {
        let _ = format.write(&mut writer, &datum.value, &mut Vec::new());
    }
    Some(datum)
}
