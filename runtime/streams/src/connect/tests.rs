use std::sync::Arc;

use gantry_model::logical;
use gantry_model::{Datum, Decimal, Kind, MapValue, Schema, SchemaBuilder, Struct, Value};
use proptest::prelude::*;

use super::{from_json, to_json};

/// A schema, and values of it.
fn leaf() -> impl Strategy<Value = (Schema, Value)> {
    let digits = ("-?[1-9][0-9]{0,30}", 0..8_usize).prop_map(|(digits, scale)| {
        let text = format!("{digits}.{}", "7".repeat(scale.max(1)));
        let schema = logical::decimal(i32::try_from(scale.max(1)).unwrap_or(1)).build_plain();
        (schema, text.parse::<Decimal>().map_or(Value::Null, |n| Value::Decimal(Arc::new(n))))
    });
    prop_oneof![
        any::<bool>().prop_map(|flag| (Schema::boolean(), Value::Boolean(flag))),
        any::<i8>().prop_map(|number| (Schema::int8(), Value::Int8(number))),
        any::<i16>().prop_map(|number| (Schema::int16(), Value::Int16(number))),
        any::<i32>().prop_map(|number| (Schema::int32(), Value::Int32(number))),
        any::<i64>().prop_map(|number| (Schema::int64(), Value::Int64(number))),
        prop::num::f32::NORMAL.prop_map(|number| (Schema::float32(), Value::Float32(number))),
        prop::num::f64::NORMAL.prop_map(|number| (Schema::float64(), Value::Float64(number))),
        any::<String>().prop_map(|text| (Schema::string(), Value::str(&text))),
        any::<Vec<u8>>().prop_map(|bytes| (Schema::bytes(), Value::Bytes(bytes.into()))),
        (-40_000..40_000_i64).prop_map(|days| {
            (logical::date().build_plain(), Value::Date(days * logical::DAY_MS))
        }),
        (0..logical::DAY_MS).prop_map(|ms| (logical::time().build_plain(), Value::Date(ms))),
        any::<i64>().prop_map(|ms| (logical::timestamp().build_plain(), Value::Date(ms))),
        digits,
        Just((Schema::optional_string(), Value::Null)),
    ]
}

fn structure(parts: Vec<(Schema, Value)>) -> (Schema, Value) {
    let fields =
        parts.iter().enumerate().map(|(at, part)| (format!("f{at}").into(), part.0.clone()));
    let schema = SchemaBuilder::structure(fields.collect());
    let schema = schema.map_or_else(|_| Schema::string(), SchemaBuilder::build_plain);
    let values = parts.into_iter().map(|part| part.1).collect();
    (schema.clone(), Value::Struct(Arc::new(Struct::from_values(schema, values))))
}

fn data() -> impl Strategy<Value = (Schema, Value)> {
    leaf().prop_recursive(3, 20, 4, |inner| {
        let list = (inner.clone(), 0..4_usize).prop_map(|((schema, value), times)| {
            let list = vec![value; times];
            (SchemaBuilder::new(Kind::Array(schema)).build_plain(), Value::array(list))
        });
        let map = (inner.clone(), leaf(), 0..2_usize).prop_map(|(value, key, times)| {
            let entries = vec![(key.1, value.1); times];
            let kind = Kind::Map { key: key.0, value: value.0 };
            (SchemaBuilder::new(kind).build_plain(), Value::map(MapValue::from_entries(entries)))
        });
        prop_oneof![list, map, prop::collection::vec(inner, 0..4).prop_map(structure)]
    })
}

proptest! {
    #[test]
    fn what_becomes_json_comes_back_by_its_schema((schema, value) in data()) {
        let datum = Datum::new(schema.clone(), value);
        let json = to_json(&datum).map_err(|error| TestCaseError::fail(error.to_string()))?;
        prop_assert_eq!(from_json(Some(&schema), &json), Ok(datum), "{}", json);
    }

    #[test]
    fn a_number_that_does_not_fit_is_an_error(number in any::<i64>()) {
        let json = serde_json::Value::from(number);
        let fits = |schema: Schema| from_json(Some(&schema), &json).is_ok();
        prop_assert_eq!(fits(Schema::int8()), i8::try_from(number).is_ok());
        prop_assert_eq!(fits(Schema::int16()), i16::try_from(number).is_ok());
        prop_assert_eq!(fits(Schema::int32()), i32::try_from(number).is_ok());
    }
}

#[test]
fn forms_are_those_that_the_documentation_says() -> Result<(), crate::DataError> {
    let json = |schema: Schema, value| to_json(&Datum::new(schema, value));
    let decimal = |text: &str| text.parse().map(|n| Value::Decimal(Arc::new(n)));
    let price = decimal("12.30").unwrap_or_default();
    assert_eq!(json(logical::decimal(2).build_plain(), price.clone())?, "12.30");
    assert_eq!(json(Schema::bytes(), Value::Bytes("hi".into()))?, "aGk=");
    assert_eq!(json(Schema::float32(), Value::Float32(0.1))?.to_string(), "0.1");
    assert_eq!(json(logical::date().build_plain(), Value::Date(-1))?, -1);
    let with_default = Schema::int32().to_builder().default_value(Some(Value::Int32(7)));
    let with_default = with_default.build().map_err(|e| crate::DataError(e.to_string()))?;
    let (_, Value::Struct(inner)) = structure(vec![(with_default, Value::Null)]) else {
        return Err(crate::DataError::new("no struct"));
    };
    let schemaless = Datum::schemaless(Value::Struct(inner));
    assert_eq!(to_json(&schemaless)?.to_string(), r#"{"f0":7}"#);
    let error = to_json(&Datum::schemaless(Value::Float64(f64::NAN)));
    assert_eq!(error.map_err(|error| error.0), Err("NaN is no number of JSON".to_owned()));
    // A decimal is text or a number; zeros are put behind it, and no digit is cut off.
    let schema = logical::decimal(2).build_plain();
    let read = |text: &str| {
        let json = serde_json::from_str(text).unwrap_or_default();
        from_json(Some(&schema), &json).map(|datum| datum.value).map_err(|error| error.0)
    };
    for text in ["\"12.3\"", "12.3", "1.23e1"] {
        assert_eq!(read(text), Ok(price.clone()), "{text}");
    }
    assert_eq!(read("12"), Ok(decimal("12.00").unwrap_or_default()));
    assert_eq!(read("\"12.345\""), Err("\"12.345\" is no decimal of scale 2".to_owned()));
    assert_eq!(read("\"x\""), Err("\"x\" is no decimal".to_owned()));
    Ok(())
}
