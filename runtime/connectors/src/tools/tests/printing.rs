use std::time::Duration;

use gantry_api::{
    Bytes, Error, Kind, Schema, SchemaBuilder, Struct, Text, Value,
    model::{Decimal, Fields, MapValue},
};

use super::*;
use crate::tools::json::write_value;

#[tokio::test]
async fn a_dropped_write_loses_doubles_and_cuts_nothing() {
    let paper = Paper::default();
    let mut printer = paper.printer();
    let mut expected = String::new();
    for n in 0..50 {
        let text = format!("line {n} of fifty");
        expected.push_str(&text);
        expected.push('\n');
        printer.line(&text);
        // A future that is polled once and dropped.
        tokio::select! {
            biased;
            done = printer.flush() => done.unwrap(),
            () = std::future::ready(()) => {}
        }
    }
    printer.flush().await.unwrap();
    assert_eq!(paper.text(), expected);
}

/// Takes all it is given, and keeps each piece.
#[derive(Clone, Default)]
struct Pieces(Arc<Mutex<Vec<Vec<u8>>>>);

impl AsyncWrite for Pieces {
    fn poll_write(
        self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.0.lock().unwrap().push(bytes.to_vec());
        Poll::Ready(Ok(bytes.len()))
    }
    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[tokio::test]
async fn each_write_holds_whole_lines_for_others_write_too() {
    let pieces = Pieces::default();
    let mut printer = Printer::to(Box::new(pieces.clone()));
    let mut expected = String::new();
    for length in [70, 1, 300_000, 0, 5].into_iter().chain(std::iter::repeat_n(97, 20_000)) {
        let text = "x".repeat(length);
        expected.push_str(&text);
        expected.push('\n');
        printer.line(&text);
    }
    assert!(printer.is_full());
    printer.flush().await.unwrap();
    assert!(!printer.is_full());
    let pieces = pieces.0.lock().unwrap();
    assert!(pieces.iter().all(|piece| piece.ends_with(b"\n")), "no line is cut");
    let longest = pieces.iter().map(Vec::len).max().unwrap();
    assert!(longest <= 300_001 && pieces.len() < 20, "{longest} {}", pieces.len());
    assert_eq!(String::from_utf8(pieces.concat()).unwrap(), expected);
}

#[tokio::test]
async fn a_closed_output_is_an_error_that_says_so() {
    let (near, far) = tokio::io::duplex(16);
    drop(far);
    let mut printer = Printer::to(Box::new(near));
    printer.line("x");
    let error = printer.flush().await.unwrap_err();
    assert!(error.message().starts_with("Could not write to standard output: "), "{error}");
    assert!(!error.is_retriable());
}

fn json_of(value: &Value) -> std::result::Result<String, String> {
    let mut out = String::new();
    write_value(value, &mut out).map(|()| out)
}

#[test]
fn values_are_what_kafkas_json_library_makes_of_them() {
    let decimal = Decimal { unscaled: 12_345.into(), scale: 2 };
    let fields = Fields::new(vec![("a".into(), Schema::int32()), ("b".into(), Schema::string())]);
    let schema = SchemaBuilder::new(Kind::Struct(Arc::new(fields.unwrap()))).build().unwrap();
    let inner = Struct::from_values(schema, vec![Value::Int32(1), Value::str("x\"y")]);
    for (value, expected) in [
        (Value::Null, "null"),
        (Value::Boolean(true), "true"),
        (Value::Int8(-1), "-1"),
        (Value::Int64(i64::MIN), "-9223372036854775808"),
        (Value::Float32(1.5), "1.5"),
        (Value::Float64(1e10), "1.0E10"),
        (Value::Float64(f64::NAN), "\"NaN\""),
        (Value::Float32(f32::NEG_INFINITY), "\"-Infinity\""),
        (Value::String(Text::from_static("ä\n")), "\"ä\\n\""),
        (Value::Bytes(Bytes::from_static(b"\xff\x00")), "\"/wA=\""),
        (Value::Decimal(Arc::new(decimal)), "123.45"),
        (Value::BigInteger(Arc::new(7.into())), "7"),
        (Value::Date(5), "5"),
        (Value::array(vec![Value::Null, Value::Int16(2)]), "[null,2]"),
        (Value::Struct(Arc::new(inner)), r#"{"a":1,"b":"x\"y"}"#),
    ] {
        assert_eq!(json_of(&value).unwrap(), expected);
    }
    let map = |key| Value::map(MapValue::from_distinct(vec![(key, Value::array(vec![]))]));
    assert_eq!(json_of(&map(Value::Int32(1))).unwrap(), r#"{"1":[]}"#);
    assert_eq!(json_of(&map(Value::Null)).unwrap_err(), "Null key for a Map not allowed in JSON");
}

#[tokio::test(start_paused = true)]
async fn the_pace_is_kept_on_average_and_nothing_is_ahead_of_it() {
    use crate::tools::pace::Pace;
    for rate in [1, 3, 1_000, 250_000] {
        let mut pace = Pace::new(rate);
        let begun = tokio::time::Instant::now();
        let mut given = 0;
        while begun.elapsed() < Duration::from_secs(4) {
            let due = pace.due().await;
            pace.given(due);
            given += due;
            // The first is due at once, each other one after its share of a second.
            let most = begun.elapsed().as_secs_f64() * rate as f64 + 1.0;
            assert!(given as f64 <= most + 1e-6, "{rate}: {given} of {most}");
        }
        assert!(given >= 4 * rate, "{rate}: {given}");
    }
    let mut nothing = Pace::new(0);
    assert_eq!(nothing.due().await, 1);
    nothing.given(1);
    assert!(tokio::time::timeout(Duration::from_secs(99), nothing.due()).await.is_err());
    assert!(Pace::new(-1).due().await > 1);
}

#[test]
fn an_error_of_a_key_names_it() {
    use crate::tools::config::number;
    let check = |text: Option<&str>| -> Error {
        let given = text.map(|text| ("k", text));
        number::<i32>(&props(given.as_slice()), "k").unwrap_err()
    };
    for (text, reason) in [
        (None, "Missing required configuration \"k\" which has no default value."),
        (Some("1 "), "Invalid value 1  for configuration k: it is not a whole number"),
        (Some("2147483648"), "Invalid value 2147483648 for configuration k: it is too large"),
        (Some("-2147483649"), "Invalid value -2147483649 for configuration k: it is too small"),
    ] {
        let error = check(text);
        assert_eq!(error.cause().unwrap().message(), reason);
        assert_eq!(error.kind().java_class(), "java.lang.NumberFormatException");
    }
}
