//! Expressions of `DeriveField`: any text is refused, or evaluated for a record in bounded time and on a bounded stack.
#![no_main]

use std::sync::LazyLock;

use gantry_fuzz::{GROWN_BYTES, grown, texts};
use gantry_model::plugin::{Plugin, Props, Transformation};
use gantry_model::{ConnectRecord, Datum, MapValue, Value};
use libfuzzer_sys::fuzz_target;

static DERIVE: LazyLock<Plugin<dyn Transformation>> = LazyLock::new(|| {
    gantry_transforms::transformations()
        .into_iter()
        .find(|plugin| plugin.info.class.ends_with("DeriveField$Value"))
        .expect("there")
});

/// `{a: 7, b: 2.5, s: TEXT, n: null, l: [1, 2, TEXT]}`
fn record(text: &str) -> ConnectRecord {
    let list = Value::array(vec![Value::Int32(1), Value::Int64(2), Value::str(text)]);
    let entries = [
        ("a", Value::Int64(7)),
        ("b", Value::Float64(2.5)),
        ("s", Value::str(text)),
        ("n", Value::Null),
        ("l", list),
    ];
    let entries = entries.into_iter().map(|(name, value)| (Value::str(name), value)).collect();
    ConnectRecord::new("topic".into(), Datum::schemaless(Value::map(MapValue::from_distinct(entries))))
}

fuzz_target!(|bytes: &[u8]| {
    let bytes = grown(bytes, GROWN_BYTES);
    // Not NUL, which divides the parts of a grown input.
    let Some([expressions, condition, text]) = texts(&bytes, '\u{1e}') else { return };
    let mut props = Props::new();
    props.insert("expressions".to_owned(), expressions.to_owned());
    if !condition.is_empty() {
        props.insert("condition".to_owned(), condition.to_owned());
    }
    let Ok(mut derive) = DERIVE.create(&props) else { return };
    // What it gives is a record again.
    let mut record = record(text);
    if derive.apply(&mut record).is_ok() {
        let _ = derive.apply(&mut record);
    }
});
