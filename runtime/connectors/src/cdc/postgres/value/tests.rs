use super::*;
use crate::cdc::config::Times;

fn modes() -> Modes {
    Modes {
        decimals: Decimals::Precise,
        binaries: Binaries::Bytes,
        times: Times::Adaptive,
        intervals_as_text: false,
        hstore_as_map: false,
        money_digits: 2,
        unknown: false,
    }
}

fn of(of: &PgType, text: &str) -> Value {
    read(of, text.as_bytes(), &modes()).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn decimal(text: &str) -> Value {
    Value::Decimal(Arc::new(text.parse().unwrap()))
}

#[test]
fn bits_are_javas_bit_sets() {
    assert_eq!(of(&PgType::Bits(Some(10)), "1000000001"), Value::Bytes(vec![1, 2].into()));
    assert_eq!(of(&PgType::Bits(Some(9)), "000000001"), Value::Bytes(vec![1].into()));
    assert_eq!(of(&PgType::Bits(None), "000"), Value::Bytes(Bytes::new()));
    assert_eq!(of(&PgType::Bits(Some(1)), "1"), Value::Boolean(true));
}

#[test]
fn numbers_keep_their_scale_or_say_it() {
    let limited = PgType::Numeric(Some((10, 2)));
    assert_eq!(of(&limited, "12.30"), decimal("12.30"));
    assert_eq!(of(&limited, "-5"), decimal("-5.00"));
    let Value::Struct(free) = of(&PgType::Numeric(None), "1200.00") else { panic!() };
    assert_eq!(free.values(), [Value::Int32(0), Value::Bytes(vec![4, 0xb0].into())]);
    let Value::Struct(free) = of(&PgType::Numeric(None), "1.50") else { panic!() };
    assert_eq!(free.values(), [Value::Int32(1), Value::Bytes(vec![15].into())]);
    assert!(read(&limited, b"NaN", &modes()).is_err());
    let double = Modes { decimals: Decimals::Double, ..modes() };
    assert_eq!(read(&limited, b"NaN", &double).unwrap(), Value::Float64(f64::NAN));
    assert_eq!(of(&PgType::Money, "-$1,234.50"), decimal("-1234.50"));
    let whole = Modes { money_digits: 0, ..modes() };
    assert_eq!(read(&PgType::Money, b"$2.50", &whole).unwrap(), decimal("3"));
}

#[test]
fn times_are_numbers_by_their_precision() {
    assert_eq!(of(&PgType::Date, "2016-11-04"), Value::Int32(17_109));
    assert_eq!(of(&PgType::Date, "0044-03-15 BC"), of(&PgType::Date, "0044-03-15 BC"));
    assert_eq!(of(&PgType::Date, "infinity"), Value::Int32(-2_147_472_692));
    assert_eq!(of(&PgType::Time(6), "13:51:30.123456"), Value::Int64(49_890_123_456));
    assert_eq!(of(&PgType::Time(3), "24:00:00"), Value::Int32(86_400_000));
    assert_eq!(of(&PgType::Timestamp(6), "1970-01-02 00:00:00.5"), Value::Int64(86_400_500_000));
    assert_eq!(of(&PgType::Timestamp(3), "1969-12-31 23:59:59.999"), Value::Int64(-1));
    let bc = of(&PgType::Timestamp(6), "4713-12-31 23:59:59.999999 BC");
    assert_eq!(bc, Value::Int64(-210_831_897_600_000_001));
    assert_eq!(of(&PgType::Timestamp(6), "infinity"), Value::Int64(i64::MAX));
    let zoned = of(&PgType::TimestampZoned(6), "2016-11-04 13:51:30.1+02");
    assert_eq!(zoned, Value::str("2016-11-04T11:51:30.100000Z"));
    assert_eq!(
        of(&PgType::TimestampZoned(0), "2016-11-04 11:51:30+00"),
        Value::str("2016-11-04T11:51:30Z")
    );
    assert_eq!(of(&PgType::TimestampZoned(6), "-infinity"), Value::str("-infinity"));
    assert_eq!(of(&PgType::TimeZoned, "13:51:30.123789+02"), Value::str("11:51:30.123789Z"));
    assert_eq!(of(&PgType::TimeZoned, "01:00:00-03:30"), Value::str("04:30:00Z"));
}

#[test]
fn intervals_are_microseconds_or_texts() {
    assert_eq!(of(&PgType::Interval, "P1D"), Value::Int64(86_400_000_000));
    assert_eq!(of(&PgType::Interval, "PT-0.5S"), Value::Int64(-500_000));
    let as_text = Modes { intervals_as_text: true, ..modes() };
    let text = read(&PgType::Interval, b"P1Y2M-3DT4H5M6.78S", &as_text).unwrap();
    assert_eq!(text, Value::str("P1Y2M-3DT4H5M6.78S"));
    assert_eq!(read(&PgType::Interval, b"PT0S", &as_text).unwrap(), Value::str("P0Y0M0DT0H0M0S"));
}

#[test]
fn arrays_have_quotes_and_nulls() {
    let texts = PgType::Array(Box::new(PgType::Text(None)));
    let values = of(&texts, r#"{a,"b,\"c\"",NULL,"NULL",""}"#);
    let expected = vec![
        Value::str("a"),
        Value::str("b,\"c\""),
        Value::Null,
        Value::str("NULL"),
        Value::str(""),
    ];
    assert_eq!(values, Value::array(expected));
    let numbers = PgType::Array(Box::new(PgType::Int32));
    assert_eq!(of(&numbers, "[2:3]={1,2}"), Value::array(vec![Value::Int32(1), Value::Int32(2)]));
    assert_eq!(of(&numbers, "{}"), Value::array(Vec::new()));
    for wrong in ["{{1},{2}}", "{1", "1", "{1;2}"] {
        assert!(read(&numbers, wrong.as_bytes(), &modes()).is_err(), "{wrong}");
    }
}

#[test]
fn hstore_is_json_or_a_map() {
    let text = r#""a"=>"1", "b\"c"=>NULL"#;
    let Value::String(json) = of(&PgType::Hstore, text) else { panic!() };
    let read_again: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(read_again, serde_json::json!({"a": "1", "b\"c": null}));
    assert_eq!(of(&PgType::Hstore, ""), Value::str("{}"));
    let as_map = Modes { hstore_as_map: true, ..modes() };
    let Value::Map(map) = read(&PgType::Hstore, text.as_bytes(), &as_map).unwrap() else {
        panic!()
    };
    assert_eq!(map.get("a"), Some(&Value::str("1")));
    assert!(read(&PgType::Hstore, b"\"a\"=>", &modes()).is_err());
}

#[test]
fn bytes_have_forms() {
    assert_eq!(of(&PgType::Bytes, "\\x00ff"), Value::Bytes(vec![0, 255].into()));
    assert!(read(&PgType::Bytes, b"\\x0", &modes()).is_err());
    for (binaries, text) in [(Binaries::Base64, "AP8="), (Binaries::Hex, "00ff")] {
        let modes = Modes { binaries, ..modes() };
        assert_eq!(read(&PgType::Bytes, b"\\x00ff", &modes).unwrap(), Value::str(text));
    }
}

#[test]
fn what_is_not_sent_has_a_mark() {
    let mark = b"__debezium_unavailable_value";
    assert_eq!(
        placeholder(
            &PgType::Array(Box::new(PgType::Text(Some("io.debezium.data.Uuid")))),
            mark,
            &modes()
        ),
        Value::array(vec![Value::str("b68a35a7-17ad-35b3-af2a-ae46edb4545a")])
    );
    assert_eq!(placeholder(&PgType::Numeric(None), mark, &modes()), Value::Null);
    let point = of(&PgType::Point, "(1.5,-2)");
    let Value::Struct(point) = point else { panic!() };
    assert_eq!(point.values()[..2], [Value::Float64(1.5), Value::Float64(-2.0)]);
}
