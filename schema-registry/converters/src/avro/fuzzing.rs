//! Reading by any schema, for `tests/fuzz`: any text and any bytes, without a panic, soon.

use std::sync::Arc;

use bytes::Bytes;
use gantry_model::config::ConfigDef;
use gantry_model::plugin::Props;
use gantry_model::{Error, Result};
use gantry_schema_avro::Avro;
use gantry_schema_model::Format;

use super::AvroFormat;
use crate::format::DataFormat;

/// Reads bytes by a schema, and writes what was read by the same schema and by the one that
/// would be made for it.
pub fn avro(schema: &str, bytes: &[u8]) {
    let flags = ["enhanced.avro.schema.support", "generalized.sum.type.support"];
    for flag in std::iter::once(None).chain(flags.map(Some)) {
        // What is refused is as good as what is not.
        drop(there_and_back(flag, schema, bytes));
    }
}

fn there_and_back(flag: Option<&str>, schema: &str, bytes: &[u8]) -> Result<()> {
    let props: Props = flag.map(|flag| (flag.to_owned(), "true".to_owned())).into_iter().collect();
    let format = AvroFormat::new(&AvroFormat::define(ConfigDef::new()).parse(&props)?)?;
    let parse = |text: &str| {
        Avro::parse(text, &[], false).map(Arc::new).map_err(|error| Error::data(error.0))
    };
    let registered = parse(schema)?;
    let mut reader = format.reader(&registered, Some(1), &[])?;
    let datum = format.read(&mut reader, &Bytes::copy_from_slice(bytes))?;
    let own = format.translate(datum.schema.as_ref()).and_then(|text| parse(&text));
    for registered in own.into_iter().chain([registered]) {
        let mut writer = format.writer(datum.schema.as_ref(), &registered)?;
        let mut out = Vec::new();
        if let Ok(true) = format.write(&mut writer, &datum.value, &mut out) {
            let mut reader = format.reader(&registered, Some(1), &[])?;
            format.read(&mut reader, &Bytes::from(out))?;
        }
    }
    Ok(())
}
