//! Records of the schema topic, whoever wrote them: all nodes come to the same end, and no id stands for two schemas.
#![no_main]

use gantry_fuzz::{GROWN_BYTES, grown};
use gantry_schema_registry::fuzzing;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| fuzzing::fold(&grown(bytes, GROWN_BYTES)));
