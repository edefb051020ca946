use proptest::prelude::*;

use super::*;
use crate::decimal::Decimal;
use crate::logical;
use crate::schema::{Kind, Schema, SchemaBuilder};
use crate::value::{MapValue, Value};

fn read(text: &str) -> Value {
    parse_string(text).value
}

#[test]
fn what_is_written_reads_back() {
    let map = MapValue::from_distinct(vec![
        (Value::str("quo\"te\\"), Value::Int8(1)),
        (Value::str("b"), Value::Int8(2)),
    ]);
    for value in [
        Value::Int8(-7),
        Value::Int64(i64::MIN),
        Value::Float32(1.5e-3),
        Value::Boolean(true),
        Value::Date(45_296_789),
        Value::Date(1_577_923_200_000),
        Value::Date(1_577_934_245_678),
        Value::array(vec![Value::str("a,b"), Value::str("[c]:{}")]),
    ] {
        let text = convert_to_string(None, &value).unwrap().unwrap();
        assert_eq!(read(&text), value, "{text}");
    }
    let text = convert_to_string(None, &Value::map(map)).unwrap().unwrap();
    // A quote in a key stays escaped when read: only delimiters are looked for.
    assert_eq!(text, r#"{"quo\"te\\":1,"b":2}"#);
}

#[test]
fn numbers_take_the_smallest_type() {
    for (text, value) in [
        ("128", Value::Int16(128)),
        ("1.0", Value::Int8(1)),
        ("1e3", Value::Int16(1000)),
        ("1.5", Value::Float32(1.5)),
        ("1e39", Value::Float64(1e39)),
        ("1f", Value::str("1f")),
        ("-.5", Value::Float32(-0.5)),
    ] {
        assert_eq!(read(text), value, "{text}");
    }
    assert!(matches!(read("1e2147483647"), Value::Decimal(_)));
}

#[test]
fn elements_share_a_type() {
    let datum = parse_string("[1,300]");
    assert_eq!(datum.value, Value::array(vec![Value::Int16(1), Value::Int16(300)]));
    let schema = datum.schema.unwrap();
    assert_eq!(schema.kind(), &Kind::Array(Schema::int16()));
    let Kind::Array(mixed) = parse_string("[1,\"a\"]").schema.unwrap().kind().clone() else {
        panic!("not a list")
    };
    assert!(mixed.is_absent());
    let late = read("{\"a\":\"x\",\"b\":false,\"c\":false}");
    assert!(matches!(late, Value::Map(_)), "what comes later must not bring a type back");
}

#[test]
fn what_is_not_whole_stays_text() {
    for text in ["[1", "[,1]", "{a:1}", "{\"a\"}", "{\"a\":1", "[\"a\",null]", "\"a\""] {
        assert_eq!(read(text), Value::str(text));
    }
    let deep = "[".repeat(100_000);
    assert_eq!(read(&deep), Value::str(&deep));
}

#[test]
fn dates_may_have_numbers_with_exponents() {
    assert_eq!(read("2E3-01-1E0"), read("2000-01-01"));
    assert_eq!(read("2E3-1E0-1T1:1:1.1Z-xxxxx"), read("2000-01-01T01:01:01.001Z"));
}

#[test]
fn dates_convert_through_their_schema() {
    let date = logical::date().build_plain();
    let timestamp = logical::timestamp().build_plain();
    let noon = Value::Date(1_577_923_200_000 + 12 * 3_600_000);
    assert_eq!(convert_to_date(Some(&timestamp), &noon).unwrap(), Some(1_577_923_200_000));
    assert_eq!(convert_to_time(Some(&timestamp), &noon).unwrap(), Some(12 * 3_600_000));
    assert!(convert_to_long(Some(&date), &noon).is_err());
    let error =
        convert_to_long(Some(&SchemaBuilder::new(Kind::String).build_plain()), &Value::str("x"));
    assert_eq!(
        error.unwrap_err().message(),
        "Unable to convert x (class java.lang.String) to Schema{STRING}"
    );
}

/// Values whose text has one meaning: no text that looks like a number or a date.
fn plain_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        any::<bool>().prop_map(Value::Boolean),
        "[a-z ]{0,3}[x-z][,:{}\\[\\]]{0,3}[x-z]".prop_map(|text| Value::str(&text)),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 1..4).prop_map(Value::array),
            prop::collection::vec(("[a-z]{1,3}", inner), 1..4).prop_map(|entries| {
                let entries = entries.into_iter().map(|(key, value)| (Value::str(&key), value));
                Value::map(MapValue::from_entries(entries.collect()))
            }),
        ]
    })
}

proptest! {
    #[test]
    fn nested_values_read_back(value in plain_value()) {
        let text = convert_to_string(None, &value).unwrap().unwrap();
        if !matches!(value, Value::String(_)) {
            prop_assert_eq!(read(&text), value);
        }
    }

    #[test]
    fn any_text_is_read(text in "[\\[\\]{}:,\"\\\\ a1.e+nulltrue\u{e9}-]{0,40}") {
        let datum = parse_string(&text);
        prop_assert!(datum.value.is_null() || datum.schema.is_some());
    }

    #[test]
    fn whole_numbers_read_back(n in any::<i64>()) {
        prop_assert_eq!(convert_to_long(None, &read(&n.to_string())).unwrap(), Some(n));
    }

    #[test]
    fn decimals_read_back(digits in any::<i128>(), scale in -40i32..40) {
        let decimal = Decimal { unscaled: digits.into(), scale };
        let shown: Decimal = decimal.to_string().parse().unwrap();
        // 0E+3 and the like keep their scale too.
        prop_assert_eq!(&shown, &decimal);
        let plain: Decimal = decimal.to_plain_string().parse().unwrap();
        prop_assert_eq!(plain.double_value(), decimal.double_value());
        prop_assert_eq!(plain.long_value(), decimal.long_value());
    }
}
