//! What the embedded log reads from its files: headers, records, changes of the catalog, indexes.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| gantry_log::fuzzing::read(bytes));
