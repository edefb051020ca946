//! Data by any schema, for `tests/fuzz`: any text and any bytes, without a panic, soon.

use std::sync::Arc;

use bytes::Bytes;
use gantry_model::config::ConfigDef;
use gantry_model::plugin::Props;
use gantry_model::{Datum, Error, Result};
use gantry_schema_model::Format;

use crate::avro::AvroFormat;
use crate::format::DataFormat;
use crate::json::JsonSchemaFormat;
use crate::protobuf::ProtobufFormat;

/// Keys that change what is read and written, for each format one list after the other.
const AVRO: &[&[&str]] =
    &[&[], &["enhanced.avro.schema.support"], &["generalized.sum.type.support"]];
const PROTOBUF: &[&[&str]] = &[
    &[],
    &["wrapper.for.nullables", "enhanced.protobuf.schema.support"],
    &["flatten.unions", "generate.struct.for.nulls"],
];
const JSON: &[&[&str]] =
    &[&[], &["generalized.sum.type.support"], &["use.optional.for.nonrequired"]];

/// Reads bytes by a schema of `AVRO`, `PROTOBUF` or `JSON`, and writes what was read by the same
/// schema and by the one that would be made for it.
pub fn data(schema_type: &str, schema: &str, payload: &[u8]) {
    let run = |keys: &[&[&str]], there_and_back: fn(&Props, &str, &[u8]) -> Result<Datum>| {
        for keys in keys {
            let on = |key: &&str| ((*key).to_owned(), "true".to_owned());
            // What is refused is as good as what is not.
            drop(there_and_back(&keys.iter().map(on).collect(), schema, payload));
        }
    };
    match schema_type {
        "PROTOBUF" => run(PROTOBUF, there_and_back::<ProtobufFormat>),
        "JSON" => run(JSON, there_and_back::<JsonSchemaFormat>),
        _ => run(AVRO, there_and_back::<AvroFormat>),
    }
}

/// What was read; what is wrong with writing it is no matter.
pub(crate) fn there_and_back<F: DataFormat>(
    props: &Props,
    schema: &str,
    payload: &[u8],
) -> Result<Datum> {
    let format = F::new(&F::define(ConfigDef::new()).parse(props)?)?;
    let parse = |text: &str| {
        F::Format::parse(text, &[], false).map(Arc::new).map_err(|error| Error::data(error.0))
    };
    let indexes: &[i32] = if F::NAMES.has_message_indexes { &[0] } else { &[] };
    let registered = parse(schema)?;
    let mut reader = format.reader(&registered, Some(1), indexes)?;
    let datum = format.read(&mut reader, &Bytes::copy_from_slice(payload))?;
    let connect = datum.schema.as_ref();
    let own = format.translate(connect).and_then(|text| parse(&text));
    for registered in own.into_iter().chain([registered]) {
        let mut out = Vec::new();
        if let Ok(mut writer) = format.writer(connect, &registered)
            && let Ok(true) = format.write(&mut writer, &datum.value, &mut out)
            && let Ok(mut reader) = format.reader(&registered, Some(1), indexes)
        {
            drop(format.read(&mut reader, &Bytes::from(out)));
        }
    }
    Ok(datum)
}
