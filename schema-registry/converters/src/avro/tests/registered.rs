//! Writing by a schema that is another than the translated one.

use gantry_model::logical;
use gantry_model::{Decimal, Kind, MapValue, SchemaBuilder, Struct};

use super::*;
use crate::avro::names;

fn structure(fields: Vec<(&str, Schema, Value)>) -> (Schema, Value) {
    let (list, values) =
        fields.into_iter().map(|(name, schema, value)| ((name.into(), schema), value)).unzip();
    let schema = SchemaBuilder::structure(list).unwrap().name(Some("R".into())).build_plain();
    let value = Value::Struct(Arc::new(Struct::from_values(schema.clone(), values)));
    (schema, value)
}

fn bytes(schema: &Schema, registered: &str, value: &Value) -> Result<Vec<u8>> {
    Ok(write(&format(&[]), Some(schema), registered, value)?.unwrap())
}

/// A record with one field.
fn field(schema: Schema, registered: &str, value: Value) -> Result<Vec<u8>> {
    let (schema, value) = structure(vec![("f", schema, value)]);
    let registered =
        format!(r#"{{"type":"record","name":"R","fields":[{{"name":"f","type":{registered}}}]}}"#);
    bytes(&schema, &registered, &value)
}

#[test]
fn fields_are_found_by_name() {
    let (schema, value) = structure(vec![
        ("extra", Schema::string(), Value::str("x")),
        ("b", Schema::int32(), Value::Int32(2)),
        ("a", Schema::int32(), Value::Int32(1)),
    ]);
    let registered = r#"{"type":"record","name":"R","fields":[{"name":"a","type":"int"},
        {"name":"new","type":["int","null"],"default":7},{"name":"b","type":"int"},
        {"name":"i","type":{"type":"record","name":"I","fields":[{"name":"x","type":"string"},
            {"name":"y","type":{"type":"array","items":"double"},"default":[1.5]}]},
         "default":{"x":"d"}}]}"#;
    let expected = [&[2, 0, 14, 4, 2, b'd', 2][..], &1.5_f64.to_le_bytes(), &[0]].concat();
    assert_eq!(bytes(&schema, registered, &value).unwrap(), expected);
    let registered = r#"{"type":"record","name":"R","fields":[{"name":"c","type":"int"}]}"#;
    assert_eq!(
        message(bytes(&schema, registered, &value)),
        "Value of field c: the registered schema has this field without a default, and the value \
         has none"
    );
}

#[test]
fn numbers_are_widened_and_never_cut() {
    for (registered, expected) in [
        ("\"long\"", vec![10]),
        ("\"float\"", 5_f32.to_le_bytes().to_vec()),
        ("\"double\"", 5_f64.to_le_bytes().to_vec()),
        ("[\"null\",\"string\",\"double\",\"long\"]", vec![6, 10]),
    ] {
        let written = field(Schema::int32(), registered, Value::Int32(5)).unwrap();
        assert_eq!(written, expected, "{registered}");
    }
    let long = |n| field(Schema::int64(), "\"int\"", Value::Int64(n));
    assert_eq!(long(5).unwrap(), [10]);
    assert_eq!(message(long(1 << 31)), "Value of field f: 2147483648 is too large for an int");
    let double = |n| field(Schema::float64(), "\"float\"", Value::Float64(n));
    assert_eq!(double(0.5).unwrap(), 0.5_f32.to_le_bytes());
    assert!(double(f64::NAN).is_ok() && double(f64::INFINITY).is_ok());
    assert_eq!(message(double(0.1)), "Value of field f: 0.1 is not exact as a float");
    let wrong = field(Schema::float64(), "\"long\"", Value::Float64(1.0));
    assert_eq!(
        message(wrong),
        "Value of field f: java.lang.Double of Schema{FLOAT64} does not fit long of the \
         registered schema"
    );
}

#[test]
fn what_does_not_fit_matters_only_where_there_is_a_value() {
    let registered = "[\"null\",\"string\"]";
    assert_eq!(field(Schema::optional_int32(), registered, Value::Null).unwrap(), [0]);
    assert_eq!(
        message(field(Schema::optional_int32(), registered, Value::Int32(1))),
        "Value of field f: java.lang.Integer of INT32 fits no branch of the registered union of \
         null, string"
    );
    assert_eq!(
        message(field(Schema::optional_string(), "\"string\"", Value::Null)),
        "Value of field f: it is null, which the registered schema does not allow"
    );
    assert_eq!(
        message(field(Schema::string(), registered, Value::Null)),
        "Value of field f: Found null value for non-optional schema"
    );
    assert_eq!(
        message(field(Schema::int32(), "\"int\"", Value::str("x"))),
        "Value of field f: java.lang.String is no int"
    );
}

#[test]
fn branches_are_chosen_by_type_and_name() {
    let record = |name: &str, field: &str| {
        format!(
            r#"{{"type":"record","name":"{name}","fields":[{{"name":"{field}","type":"int"}}]}}"#
        )
    };
    let named = |name: Option<&str>| {
        let fields = vec![("x".into(), Schema::int32())];
        SchemaBuilder::structure(fields).unwrap().name(name.map(Into::into)).build_plain()
    };
    let union = format!("[{},\"null\",{}]", record("A", "x"), record("n.B", "x"));
    let written = |name| {
        let schema = named(name);
        let value = Struct::from_values(schema.clone(), vec![Value::Int32(1)]);
        field(schema, &union, Value::Struct(value.into()))
    };
    assert_eq!(written(Some("n.B")).unwrap(), [4, 2]);
    assert_eq!(written(Some("A")).unwrap(), [0, 2]);
    assert!(message(written(Some("C"))).contains("fits several branches"));
    assert!(message(written(None)).contains("fits several branches"));
    let symbols = r#"["null","string",{"type":"enum","name":"E","symbols":["X","Y"]}]"#;
    assert_eq!(field(Schema::string(), symbols, Value::str("Y")).unwrap(), [2, 2, b'Y']);
    let symbols = r#"["null",{"type":"enum","name":"E","symbols":["Y","X"]}]"#;
    assert_eq!(field(Schema::string(), symbols, Value::str("X")).unwrap(), [2, 2]);
    assert_eq!(
        message(field(Schema::string(), symbols, Value::str("Z"))),
        "Value of field f: \"Z\" is none of the 2 symbols of the enum"
    );
}

#[test]
fn sizes_of_fixed_are_checked() {
    let fixed = r#"{"type":"fixed","name":"F","size":2}"#;
    let plain = |bytes: &'static [u8]| {
        field(Schema::bytes(), fixed, Value::Bytes(Bytes::from_static(bytes)))
    };
    assert_eq!(plain(b"ab").unwrap(), b"ab");
    assert_eq!(message(plain(b"abc")), "Value of field f: 3 bytes are no fixed of 2");
    let decimal = |unscaled: i64| {
        let value = Decimal { unscaled: unscaled.into(), scale: 1 };
        let fixed = r#"{"type":"fixed","name":"F","size":2,"logicalType":"decimal","precision":4,"scale":1}"#;
        field(logical::decimal(1).build_plain(), fixed, Value::Decimal(value.into()))
    };
    assert_eq!(decimal(1).unwrap(), [0, 1]);
    assert_eq!(decimal(-2).unwrap(), [0xff, 0xfe]);
    assert!(message(decimal(1 << 20)).contains("greater than fixed size 2"));
}

#[test]
fn what_values_mean_stays_the_same() {
    let timestamp = || logical::timestamp().build_plain();
    let as_long = |logical: &str, value| {
        let registered = format!(r#"{{"type":"long","logicalType":"{logical}"}}"#);
        field(timestamp(), &registered, Value::Date(value))
    };
    assert_eq!(as_long("timestamp-millis", 3).unwrap(), [6]);
    assert_eq!(as_long("timestamp-micros", 1).unwrap(), [0xd0, 0x0f]);
    assert!(message(as_long("timestamp-nanos", i64::MAX)).contains("too many for a long"));
    assert!(as_long("time-micros", 1).is_err());
    assert_eq!(field(timestamp(), "\"long\"", Value::Date(3)).unwrap(), [6]);
    let micros = r#"{"type":"long","logicalType":"time-micros"}"#;
    let time = logical::time().build_plain();
    assert_eq!(field(time, micros, Value::Date(1)).unwrap(), [0xd0, 0x0f]);
    let date = || logical::date().build_plain();
    let days = r#"{"type":"int","logicalType":"date"}"#;
    assert_eq!(field(date(), days, Value::Date(2 * logical::DAY_MS)).unwrap(), [4]);
    assert!(message(field(date(), days, Value::Date(1))).contains("time fields"));
    assert!(
        field(date(), r#"{"type":"int","logicalType":"time-millis"}"#, Value::Date(0)).is_err()
    );
    let decimal = logical::decimal(2).build_plain();
    let value = Value::Decimal(Decimal { unscaled: 1.into(), scale: 2 }.into());
    let other = r#"{"type":"bytes","logicalType":"decimal","precision":9,"scale":3}"#;
    assert_eq!(
        message(field(decimal.clone(), other, value.clone())),
        "Value of field f: java.math.BigDecimal has the scale 2, the registered decimal 3"
    );
    assert_eq!(field(decimal.clone(), "\"bytes\"", value).unwrap(), [2, 1]);
    let value = Value::Decimal(Decimal { unscaled: 1.into(), scale: 1 }.into());
    assert!(message(field(decimal, "\"bytes\"", value)).contains("value has scale 1"));
}

#[test]
fn a_default_stands_in_the_place_of_null() {
    let schema = SchemaBuilder::new(Kind::Int32).optional().default_value(Some(Value::Int32(5)));
    let schema = schema.build().unwrap();
    let (schema, value) = structure(vec![("f", schema, Value::Null)]);
    let with = |keys: &[(&str, &str)]| {
        let format = format(keys);
        let registered = format.translate(Some(&schema)).unwrap();
        write(&format, Some(&schema), &registered, &value).unwrap().unwrap()
    };
    assert_eq!(with(&[]), [0, 10]);
    assert_eq!(with(&[("ignore.default.for.nullables", "true")]), [2]);
}

#[test]
fn a_default_that_is_a_struct_is_written() {
    let fields = vec![("x".into(), Schema::int32())];
    let builder = SchemaBuilder::structure(fields).unwrap().name(Some("I".into()));
    let inner = Struct::from_values(builder.clone().build_plain(), vec![Value::Int32(4)]);
    let schema = builder.default_value(Some(Value::Struct(inner.into()))).build().unwrap();
    let (schema, value) = structure(vec![("f", schema, Value::Null)]);
    let registered = format(&[]).translate(Some(&schema)).unwrap();
    assert_eq!(bytes(&schema, &registered, &value).unwrap(), [8]);
    let back = read(&format(&[]), &registered, &[8]).unwrap();
    assert_eq!(back.schema, Some(schema));
}

#[test]
fn a_struct_of_another_schema_is_refused() {
    let (schema, _) = structure(vec![("f", Schema::int32(), Value::Null)]);
    let (_, other) = structure(vec![("g", Schema::int32(), Value::Int32(1))]);
    let registered = format(&[]).translate(Some(&schema)).unwrap();
    assert!(message(bytes(&schema, &registered, &other)).contains("Mismatching struct schema"));
}

#[test]
fn maps_are_written_in_the_order_of_java() {
    let schema = SchemaBuilder::new(Kind::Map { key: Schema::string(), value: Schema::int32() });
    let schema = schema.build_plain();
    let map = |keys: &[&str]| {
        let entries = keys.iter().map(|key| (Value::str(key), Value::Int32(1)));
        Value::map(MapValue::from_distinct(entries.collect()))
    };
    let registered = format(&[]).translate(Some(&schema)).unwrap();
    let written = bytes(&schema, &registered, &map(&["r", "q", "b"])).unwrap();
    assert_eq!(written, bytes(&schema, &registered, &map(&["q", "r", "b"])).unwrap());
    assert_eq!(written, [6, 2, b'q', 2, 2, b'r', 2, 2, b'b', 2, 0]);
}

#[test]
fn roots_that_are_null_are_no_bytes() {
    let format = format(&[]);
    let registered = "[\"null\",\"int\"]";
    let none = write(&format, Some(&Schema::optional_int32()), registered, &Value::Null);
    assert_eq!(none.unwrap(), None);
    let required = write(&format, Some(&Schema::int32()), "\"int\"", &Value::Null);
    assert_eq!(message(required), "Value: Found null value for non-optional schema");
    let anything = format.translate(None).unwrap();
    assert_eq!(write(&format, None, &anything, &Value::Null).unwrap(), None);
    assert!(message(write(&format, None, "\"int\"", &Value::Int32(1))).contains("Anything"));
    let date = write(&format, None, &anything, &Value::Date(1));
    assert_eq!(message(date), "Value: java.util.Date cannot be written without a schema");
}

#[test]
fn bytes_alone_have_no_length() {
    let decimal = logical::decimal(0).build_plain();
    let value = Value::Decimal(Decimal { unscaled: 300.into(), scale: 0 }.into());
    assert_eq!(bytes(&decimal, "\"bytes\"", &value).unwrap(), [1, 44]);
    let raw = Value::Bytes(Bytes::from_static(b"abc"));
    assert_eq!(bytes(&Schema::bytes(), "\"bytes\"", &raw).unwrap(), b"abc");
    let fields = vec![("bytes".into(), Schema::optional_bytes())];
    let union = SchemaBuilder::structure(fields).unwrap().name(Some(names::UNION.into()));
    let union = union.build_plain();
    let value = Value::Struct(Struct::from_values(union.clone(), vec![raw.clone()]).into());
    assert!(message(bytes(&union, "\"bytes\"", &value)).contains("union does not fit bytes"));
    let optional = bytes(&Schema::optional_bytes(), "[\"null\",\"bytes\"]", &raw);
    assert_eq!(optional.unwrap(), [2, 6, b'a', b'b', b'c']);
}
