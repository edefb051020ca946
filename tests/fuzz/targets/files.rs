//! Properties files and connector files: any bytes are read without a fault, and a properties file that is written again with
//! every character escaped says the same.
#![no_main]

use std::fmt::Write as _;

use gantry::fuzzing;
use gantry_fuzz::{GROWN_BYTES, grown};
use gantry_model::config::provider::read_properties;
use libfuzzer_sys::fuzz_target;

fn escaped(text: &str) -> String {
    text.encode_utf16().fold(String::new(), |mut out, unit| {
        let _ = write!(out, "\\u{unit:04x}");
        out
    })
}

fuzz_target!(|bytes: &[u8]| {
    let bytes = &*grown(bytes, GROWN_BYTES);
    fuzzing::connector_file(bytes);
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Ok(props) = read_properties(text) else { return };
    let again: String =
        props.iter().map(|(key, value)| format!("{}={}\n", escaped(key), escaped(value))).collect();
    assert_eq!(read_properties(&again).expect("well-formed"), props);
});
