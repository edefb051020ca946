//! `JsonConverter`: any bytes are read without a fault, and what was read can be written and read again.
#![no_main]

use std::cell::RefCell;

use bytes::Bytes;
use gantry_converters::JsonConverter;
use gantry_fuzz::{GROWN_BYTES, grown};
use gantry_model::Datum;
use gantry_model::plugin::{Converter as _, Props};
use libfuzzer_sys::fuzz_target;

const SETTINGS: [[(&str, &str); 3]; 4] = [
    [
        ("schemas.enable", "true"),
        ("decimal.format", "BASE64"),
        ("replace.null.with.default", "true"),
    ],
    [
        ("schemas.enable", "true"),
        ("decimal.format", "NUMERIC"),
        ("replace.null.with.default", "false"),
    ],
    [
        ("schemas.enable", "false"),
        ("decimal.format", "BASE64"),
        ("replace.null.with.default", "true"),
    ],
    [
        ("schemas.enable", "false"),
        ("decimal.format", "NUMERIC"),
        ("replace.null.with.default", "true"),
    ],
];

fn converter(settings: &[(&str, &str)]) -> JsonConverter {
    let props: Props =
        settings.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    JsonConverter::new(&props).expect("valid settings")
}

fn read(json: &mut JsonConverter, bytes: Bytes) -> Option<Datum> {
    json.to_connect("topic", &[], Some(bytes)).ok()
}

fn write(json: &mut JsonConverter, datum: &Datum) -> Option<Bytes> {
    json.from_connect("topic", &mut Vec::new(), datum).ok().flatten()
}

fn has(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

thread_local! {
    // A converter remembers schemas and shapes: one for all inputs, as in a task.
    static CONVERTERS: RefCell<Vec<JsonConverter>> = RefCell::new(SETTINGS.iter().map(|s| converter(s)).collect());
}

fuzz_target!(|bytes: &[u8]| {
    let Some((first, document)) = bytes.split_first() else { return };
    let document = &*grown(document, GROWN_BYTES);
    let settings = usize::from(*first) % SETTINGS.len();
    CONVERTERS.with_borrow_mut(|converters| {
        let json = &mut converters[settings];
        let Some(datum) = read(json, Bytes::copy_from_slice(document)) else { return };
        let mut fresh = converter(&SETTINGS[settings]);
        assert_eq!(
            read(&mut fresh, Bytes::copy_from_slice(document)),
            Some(datum.clone()),
            "memory changes nothing"
        );
        // Some values that JSON can name cannot be written: a null without schema, a date far away.
        let Some(written) = write(json, &datum) else { return };
        let again = read(json, written.clone()).expect("what was written can be read");
        // The text of what is no finite number is read as 0, and -0.0 as a decimal, as Kafka Connect does.
        if ["Infinity", "NaN", "-0.0"].iter().any(|text| has(&written, text)) {
            return;
        }
        assert_eq!(write(json, &again), Some(written), "a second round changes nothing");
    });
});
