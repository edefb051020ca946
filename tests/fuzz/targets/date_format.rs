//! Patterns of `SimpleDateFormat` by way of `TimestampConverter`: any pattern, any text, any moment.
#![no_main]

use std::sync::LazyLock;

use gantry_fuzz::texts;
use gantry_model::plugin::{Fate, Plugin, Props, Transformation};
use gantry_model::{ConnectRecord, Datum, Value};
use libfuzzer_sys::fuzz_target;

static CONVERTER: LazyLock<Plugin<dyn Transformation>> = LazyLock::new(|| {
    gantry_transforms::transformations()
        .into_iter()
        .find(|plugin| plugin.info.class.ends_with("TimestampConverter$Value"))
        .expect("there")
});

/// The value of a record after the transformation.
fn convert(format: &str, target: &str, value: Value) -> Option<Value> {
    let props = [("target.type", target), ("format", format), ("unix.precision", "milliseconds")];
    let props: Props =
        props.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    let mut record = ConnectRecord::new("topic".into(), Datum::schemaless(value));
    let fate = CONVERTER.create(&props).ok()?.apply(&mut record).ok()?;
    (fate == Fate::Keep).then_some(record.value.value)
}

fuzz_target!(|bytes: &[u8]| {
    let (moment, rest) = bytes.split_at(bytes.len().min(8));
    let Some([format, text]) = texts(rest, '\0') else { return };
    let mut ms = [0; 8];
    ms[..moment.len()].copy_from_slice(moment);
    let ms = i64::from_le_bytes(ms);
    let _ = convert(format, "Timestamp", Value::String(text.into()));
    if let Some(Value::String(text)) = convert(format, "string", Value::Int64(ms)) {
        let _ = convert(format, "unix", Value::String(text));
    }
});
