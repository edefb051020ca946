//! Bodies, paths and lines of records as they come over REST.
#![no_main]

use gantry::fuzzing;
use gantry_fuzz::{GROWN_BYTES, grown};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Some((kind, bytes)) = bytes.split_first() else { return };
    let bytes = &*grown(bytes, GROWN_BYTES);
    match kind % 3 {
        0 => fuzzing::rest_body(bytes),
        1 => fuzzing::record_line(bytes),
        _ => {
            if let Ok(text) = std::str::from_utf8(bytes) {
                fuzzing::path(text);
            }
        }
    }
});
