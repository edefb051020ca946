//! Data by any schema: any bytes are read soon or refused, and what was read is written. The first byte is the format, the schema
//! ends at a record separator, the rest are the data.
#![no_main]

use gantry_schema_converters::fuzzing::data;
use libfuzzer_sys::fuzz_target;

const END_OF_SCHEMA: u8 = 0x1e;

fuzz_target!(|bytes: &[u8]| {
    let Some((format, rest)) = bytes.split_first() else { return };
    let mut parts = rest.splitn(2, |byte| *byte == END_OF_SCHEMA);
    let schema = String::from_utf8_lossy(parts.next().unwrap_or_default());
    let format = match format % 3 {
        0 => "AVRO",
        1 => "PROTOBUF",
        _ => "JSON",
    };
    data(format, &schema, parts.next().unwrap_or_default());
});
