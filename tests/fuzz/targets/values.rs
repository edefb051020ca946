//! `Values.parseString`, the header converter and the conversions of `Values`, over any text.
#![no_main]

use bytes::Bytes;
use gantry_converters::SimpleHeaderConverter;
use gantry_fuzz::grown;
use gantry_model::Value;
use gantry_model::plugin::HeaderConverter as _;
use gantry_model::values::{
    convert_to_boolean, convert_to_byte, convert_to_date, convert_to_decimal, convert_to_double,
    convert_to_float, convert_to_int, convert_to_list, convert_to_long, convert_to_map,
    convert_to_short, convert_to_string, convert_to_time, convert_to_timestamp, infer_schema,
    parse_string,
};
use libfuzzer_sys::fuzz_target;

/// Numbers of so many digits are exact, which takes the square of their length, as in Java.
const GROWN_BYTES: usize = 16 << 10;

fn convert(value: &Value) {
    let _ = convert_to_boolean(None, value);
    let _ = convert_to_byte(None, value);
    let _ = convert_to_short(None, value);
    let _ = convert_to_int(None, value);
    let _ = convert_to_long(None, value);
    let _ = convert_to_float(None, value);
    let _ = convert_to_double(None, value);
    let _ = convert_to_decimal(None, value, 2);
    let _ = convert_to_list(None, value);
    let _ = convert_to_map(None, value);
    let _ = convert_to_date(None, value);
    let _ = convert_to_time(None, value);
    let _ = convert_to_timestamp(None, value);
    let _ = infer_schema(value);
}

fuzz_target!(|bytes: &[u8]| {
    let bytes = &*grown(bytes, GROWN_BYTES);
    let mut headers = SimpleHeaderConverter;
    if let Ok(datum) =
        headers.to_connect_header("topic", "key", Some(Bytes::copy_from_slice(bytes)))
    {
        convert(&datum.value);
        if let Ok(Some(text)) = headers.from_connect_header("topic", "key", &datum) {
            let _ = headers.to_connect_header("topic", "key", Some(text));
        }
    }
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let datum = parse_string(text);
    let _ = convert_to_string(datum.schema.as_ref(), &datum.value);
    convert(&Value::String(text.into()));
});
