//! Avro schemas: any text is read soon, what was read is kept in one form only, and any two are compared.
#![no_main]

use gantry_fuzz::schemas;
use gantry_schema_avro::Avro;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| schemas::<Avro>(bytes));
