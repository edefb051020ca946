//! Connect schemas, as Confluent's converters make them of Avro's.

use gantry_api::{Kind, Schema, SchemaBuilder, Value};

use super::super::{avro, connect};
use super::{fields, records, schema, values};

fn of(type_: &str) -> Result<Schema, String> {
    connect::schema(&*avro::parse(type_)?)
}

fn parameter<'a>(schema: &'a Schema, key: &str) -> Option<&'a str> {
    schema.parameters()?.get(key).map(|value| &**value)
}

#[test]
fn primitives_and_logical_types() {
    use gantry_api::model::logical;
    for (type_, expected) in [
        (r#""int""#, Schema::int32()),
        (r#""long""#, Schema::int64()),
        (r#""float""#, Schema::float32()),
        (r#""double""#, Schema::float64()),
        (r#""boolean""#, Schema::boolean()),
        (r#""bytes""#, Schema::bytes()),
        (r#"{"type":"string"}"#, Schema::string()),
        (r#"["null","int"]"#, Schema::optional_int32()),
        (r#"["string","null"]"#, Schema::optional_string()),
        (r#"["string"]"#, Schema::string()),
        (r#"{"type":"int","logicalType":"date"}"#, logical::date().build_plain()),
        (r#"{"type":"int","logicalType":"time-millis"}"#, logical::time().build_plain()),
        (r#"{"type":"long","logicalType":"timestamp-millis"}"#, logical::timestamp().build_plain()),
        (r#"{"type":"long","logicalType":"timestamp-micros"}"#, Schema::int64()),
        (r#"{"type":"int","connect.type":"int16"}"#, Schema::int16()),
        (
            r#"{"type":"bytes","logicalType":"decimal","precision":4,"scale":2}"#,
            logical::decimal(2).parameter("connect.decimal.precision", "4").build_plain(),
        ),
        (
            r#"{"type":"array","items":"int"}"#,
            SchemaBuilder::new(Kind::Array(Schema::int32())).build_plain(),
        ),
    ] {
        assert_eq!(of(type_).unwrap(), expected, "{type_}");
    }
}

#[test]
fn named_types_docs_and_defaults() {
    let record = of(r#"{"type":"record","name":"R","namespace":"a.b","doc":"D","fields":[
        {"name":"e","type":{"type":"enum","name":"E","symbols":["X","Y"]},"doc":"of e"},
        {"name":"again","type":"E"},
        {"name":"fixed","type":{"type":"fixed","name":"F","size":3}},
        {"name":"int","type":"int","default":5},
        {"name":"none","type":["null","string"],"default":null},
        {"name":"inner","type":{"type":"record","name":"other.I","fields":[]}}]}"#)
    .unwrap();
    assert_eq!(record.name().map(|name| &**name), Some("a.b.R"));
    assert_eq!(parameter(&record, "io.confluent.connect.avro.record.doc"), Some("D"));
    assert_eq!(parameter(&record, "io.confluent.connect.avro.field.doc.e"), Some("of e"));
    let field = |name: &str| record.field(name).unwrap().schema.clone();
    let e = field("e");
    assert_eq!((e.kind(), e.name()), (&Kind::String, None));
    assert_eq!(parameter(&e, "io.confluent.connect.avro.Enum"), Some("a.b.E"));
    assert_eq!(parameter(&e, "io.confluent.connect.avro.Enum.Y"), Some("Y"));
    assert_eq!(field("again"), e);
    assert_eq!(parameter(&field("fixed"), "connect.fixed.size"), Some("3"));
    assert_eq!(field("int").default_value(), Some(&Value::Int32(5)));
    assert_eq!(field("none"), Schema::optional_string());
    assert_eq!(field("inner").name().map(|name| &**name), Some("other.I"));
}

#[tokio::test]
async fn unions_of_several_types_are_structs() {
    let all = values(r#"["null","int",{"type":"string","arg.properties":{"length":1}}]"#, 200);
    let (mut nulls, mut ints, mut texts) = (0, 0, 0);
    for value in all.await.unwrap() {
        let Value::Struct(inner) = value else {
            nulls += 1;
            continue;
        };
        let name = inner.schema().name().map(ToString::to_string);
        assert_eq!(name.as_deref(), Some("io.confluent.connect.avro.Union"));
        match (inner.get("int").unwrap(), inner.get("string").unwrap()) {
            (Value::Int32(_), Value::Null) => ints += 1,
            (Value::Null, Value::String(_)) => texts += 1,
            other => panic!("{other:?}"),
        }
    }
    assert!(nulls > 30 && ints > 30 && texts > 30, "{nulls} {ints} {texts}");
}

#[tokio::test]
async fn a_type_that_is_used_twice_counts_for_both() {
    let text = r#"{"type":"record","name":"R","fields":[
        {"name":"a","type":{"type":"record","name":"N","fields":[{"name":"n","type":
            {"type":"int","arg.properties":{"iteration":{"start":0}}}}]}},
        {"name":"b","type":["null","N"]}, // half of the time
        {"name":"c","type":{"type":"int","arg.properties":{"iteration":{"start":0}}}}]}"#;
    let all = records(&[("schema.string", text)], 20).await.unwrap();
    let mut next = 0;
    for (at, record) in all.iter().enumerate() {
        for name in ["a", "b"] {
            let Value::Struct(inner) = fields(record).raw(name).unwrap() else { continue };
            assert_eq!(inner.get("n").unwrap(), &Value::Int32(next));
            next += 1;
        }
        assert_eq!(fields(record).get("c").unwrap(), &Value::Int32(at as i32));
        fields(record).validate().unwrap();
    }
    assert!((22..40).contains(&next), "{next}");
}

#[test]
fn what_is_no_schema() {
    for (text, error) in [
        ("{", "EOF"),
        (r#"{"type":"record","name":"R"}"#, "Record has no fields"),
        (r#"{"type":"enum","name":"E","symbols":[]}"#, "Enum has no symbols"),
        (r#"{"type":"enum","name":"E","symbols":["a","a"]}"#, "Duplicate enum symbol"),
        (r#"{"type":"fixed","name":"F","size":-1}"#, "Invalid or no size"),
        (r#"{"type":"array"}"#, "No items of array"),
        (r#"["int","int"]"#, "Duplicate in union: int"),
        (r#"["int",["null"]]"#, "A union stands in a union"),
        (r#""Other""#, "Undefined name: \"Other\""),
        (r#"{"name":"R"}"#, "No type"),
        (r#"{"type":"record","name":"1","fields":[]}"#, "is not allowed as a name"),
        ("3", "No type: 3"),
    ] {
        let found = of(text).unwrap_err();
        assert!(found.contains(error), "{text}: {found}");
    }
    for (field, error) in [
        (r#""R""#, "Record n.R holds itself"),
        (r#"{"type":"record","name":"R","fields":[]}"#, "Can't redefine: n.R"),
        (r#""null""#, "Standalone null schemas are not supported"),
        (r#"{"type":"int"},"default":"x""#, "Invalid default \"x\""),
        (r#""int"},{"name":"f","type":"int""#, "Duplicate field f"),
    ] {
        let found = of(&schema(field)).unwrap_err();
        assert!(found.contains(error), "{field}: {found}");
    }
}
