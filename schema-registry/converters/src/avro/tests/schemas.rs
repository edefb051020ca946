//! Schemas of Connect and of Avro, where the recorded facts say nothing.

use gantry_model::{Kind, SchemaBuilder, Struct};
use gantry_schema_model::Format as _;

use super::*;
use crate::avro::names;

fn record(name: &str, fields: Vec<(&str, Schema)>) -> SchemaBuilder {
    let fields = fields.into_iter().map(|(name, schema)| (name.into(), schema)).collect();
    SchemaBuilder::structure(fields).unwrap().name(Some(name.into()))
}

fn schema_of(format: &AvroFormat, text: &str) -> Schema {
    // Without bytes the schema is there all the same: the reader has it.
    let mut reader = format.reader(&avro(text), None, &[]).unwrap();
    let datum = format.read(&mut reader, &Bytes::from_static(&[0; 64])).unwrap();
    datum.schema.unwrap()
}

#[test]
fn the_first_definition_of_a_name_counts() {
    let inner = |field: &str| record("I", vec![(field, Schema::int32())]).build_plain();
    let schema = record("R", vec![("a", inner("x")), ("b", inner("y"))]).build_plain();
    let text = format(&[]).translate(Some(&schema)).unwrap();
    assert!(text.contains(r#"{"name":"b","type":"I"}"#), "{text}");
    let inner = |schema: Schema| Struct::from_values(schema, vec![Value::Int32(1)]);
    let values = ["x", "y"].map(|name| {
        let schema = record("I", vec![(name, Schema::int32())]).build_plain();
        Value::Struct(inner(schema).into())
    });
    let value = Value::Struct(Struct::from_values(schema.clone(), values.to_vec()).into());
    let error = message(write(&format(&[]), Some(&schema), &text, &value));
    assert!(
        error.starts_with("Value of field b.x: the registered schema has this field"),
        "{error}"
    );
}

#[test]
fn structs_without_a_name_are_numbered() {
    let unnamed = |field: &str| {
        let fields = vec![(field.into(), Schema::int32())];
        SchemaBuilder::structure(fields).unwrap().build_plain()
    };
    let fields =
        vec![("a".into(), unnamed("x")), ("b".into(), unnamed("y")), ("c".into(), unnamed("x"))];
    let schema = SchemaBuilder::structure(fields).unwrap().build_plain();
    let text = format(&[]).translate(Some(&schema)).unwrap();
    for part in [
        r#"{"type":"record","name":"ConnectDefault","namespace":"io.confluent.connect.avro","fields":[{"name":"a""#,
        r#"{"name":"a","type":{"type":"record","name":"ConnectDefault2","#,
        r#"{"name":"b","type":{"type":"record","name":"ConnectDefault3","#,
        r#"{"name":"c","type":"ConnectDefault2"}"#,
    ] {
        assert!(text.contains(part), "{text}");
    }
    assert_eq!(schema_of(&format(&[]), &text), schema);
}

#[test]
fn a_type_outside_the_namespace_around_it_stays_outside() {
    let inner = record("I", vec![("x", Schema::int32())]).build_plain();
    let again = SchemaBuilder::new(Kind::Array(inner.clone())).build_plain();
    let schema = record("a.b.R", vec![("i", inner), ("again", again)]).build_plain();
    let text = format(&[]).translate(Some(&schema)).unwrap();
    assert!(text.contains(r#""name":"I","namespace":"""#), "{text}");
    assert_eq!(schema_of(&format(&[]), &text), schema);
}

#[test]
fn parameters_of_a_field_stay_where_its_type_is_defined_elsewhere() {
    let inner =
        |value: &str| record("I", vec![("x", Schema::int32())]).parameter("p", value).build_plain();
    let schema = record("R", vec![("a", inner("1")), ("b", inner("2"))]).build_plain();
    let text = format(&[]).translate(Some(&schema)).unwrap();
    let expected = r#"{"name":"b","type":"I","connect.parameters":{"p":"2"}}"#;
    assert!(text.contains(expected), "{text}");
    assert_eq!(schema_of(&format(&[]), &text), schema);
}

#[test]
fn documentation_is_kept_in_parameters() {
    let text = r#"{"type":"record","name":"R","doc":"rd","fields":[{"name":"f","type":
        {"type":"enum","name":"E","doc":"ed","symbols":["A","B"],"default":"B"},"doc":"fd"}]}"#;
    let enhanced = format(&[("enhanced.avro.schema.support", "true")]);
    let schema = schema_of(&enhanced, text);
    let parameter = |schema: &Schema, key: &str| {
        schema.parameters().and_then(|all| all.get(key)).map(|value| value.to_string())
    };
    assert_eq!(parameter(&schema, names::RECORD_DOC).as_deref(), Some("rd"));
    assert_eq!(parameter(&schema, &format!("{}f", names::FIELD_DOC)).as_deref(), Some("fd"));
    let field = &schema.field("f").unwrap().schema;
    assert_eq!(parameter(field, &format!("{}E", names::ENUM_DOC)).as_deref(), Some("ed"));
    assert_eq!(parameter(field, &format!("{}E", names::ENUM_DEFAULT)).as_deref(), Some("B"));
    let again = enhanced.translate(Some(&schema)).unwrap();
    for part in [r#""doc":"rd""#, r#""doc":"ed""#, r#""doc":"fd""#, r#""default":"B""#] {
        assert!(again.contains(part), "{again}");
    }
    assert_eq!(schema_of(&enhanced, &again), schema);
    let old = schema_of(&format(&[("discard.type.doc.default", "true")]), text);
    assert_eq!(old.doc().map(|doc| &**doc), Some("rd"));
    let field = &old.field("f").unwrap().schema;
    assert_eq!(field.doc().map(|doc| &**doc), Some("fd"));
    assert_eq!(parameter(field, names::OLD_RECORD_DOC).as_deref(), Some("ed"));
}

#[test]
fn defaults_of_avro_are_read_and_wrong_ones_ignored() {
    let text = r#"{"type":"record","name":"R","fields":[
        {"name":"a","type":{"type":"int","logicalType":"date"},"default":2},
        {"name":"b","type":{"type":"record","name":"I","fields":[{"name":"x","type":"int"},
            {"name":"y","type":["null","string"],"default":null}]},"default":{"x":1}},
        {"name":"c","type":"string","default":5},
        {"name":"d","type":{"type":"map","values":"bytes"},"default":{"k":"\u00ff"}},
        {"name":"e","type":["string","int","null"],"default":"s"},
        {"name":"f","type":"float","default":1},
        {"name":"g","type":{"type":"enum","name":"E","symbols":["A"]},"default":"A"},
        {"name":"h","type":{"type":"fixed","name":"F","size":1},"default":"ab"}]}"#;
    let schema = Avro::parse(text, &[], false).unwrap();
    let schema = super::super::to_connect::translate(&format(&[]).settings, &schema, None).unwrap();
    let default = |name: &str| schema.field(name).unwrap().schema.default_value().cloned();
    assert_eq!(default("a"), Some(Value::Date(2 * gantry_model::logical::DAY_MS)));
    let Some(Value::Struct(inner)) = default("b") else { panic!("{:?}", default("b")) };
    assert_eq!(inner.values(), [Value::Int32(1), Value::Null]);
    assert_eq!(default("c"), None);
    let Some(Value::Map(map)) = default("d") else { panic!("{:?}", default("d")) };
    assert_eq!(map.get("k"), Some(&Value::Bytes(Bytes::from_static(&[0xff]))));
    let Some(Value::Struct(union)) = default("e") else { panic!("{:?}", default("e")) };
    assert_eq!(union.values(), [Value::str("s"), Value::Null]);
    assert_eq!(default("f"), Some(Value::Float32(1.0)));
    assert_eq!(default("g"), Some(Value::str("A")));
    assert_eq!(default("h"), None);
}

#[test]
fn a_logical_type_keeps_its_version() {
    let date = avro(r#"{"type":"int","logicalType":"date"}"#);
    let reader = format(&[]).reader(&date, Some(7), &[]);
    let mut reader = reader.unwrap();
    let datum = format(&[]).read(&mut reader, &Bytes::from_static(&[2])).unwrap();
    assert_eq!(datum.schema.unwrap().version(), Some(1));
    let plain = avro("\"int\"");
    let mut reader = format(&[]).reader(&plain, Some(7), &[]).unwrap();
    let datum = format(&[]).read(&mut reader, &Bytes::from_static(&[2])).unwrap();
    assert_eq!(datum.schema.unwrap().version(), Some(7));
}

#[test]
fn wrong_properties_are_refused_with_what_they_are() {
    for (text, expected) in [
        (r#"{"type":"int","connect.name":5}"#, "Invalid schema name: 5"),
        (r#"{"type":"int","connect.version":"x"}"#, "Invalid Connect version found: \"x\""),
        (
            r#"{"type":"int","connect.parameters":[]}"#,
            "Expected JSON object for schema parameters but found: []",
        ),
        (
            r#"{"type":"int","connect.parameters":{"a":1}}"#,
            "Expected schema parameter values to be strings but found: 1",
        ),
        (
            r#"{"type":"int","connect.type":"int64"}"#,
            "connect.type of an int is int64, not int8 or int16",
        ),
        ("\"null\"", "Standalone null schemas are not supported by this converter"),
        (
            r#"["int",{"type":"record","name":"a.R","fields":[]},{"type":"record","name":"b.R","fields":[]}]"#,
            "Multiple union schemas map to the Connect union field name R",
        ),
        (
            r#"{"type":"int","logicalType":"date","connect.name":"x"}"#,
            "Mismatched names: name already added to SchemaBuilder \
             (org.apache.kafka.connect.data.Date) differs from name in source schema (x)",
        ),
    ] {
        assert_eq!(message(format(&[]).reader(&avro(text), None, &[])), expected, "{text}");
    }
}

#[test]
fn schemas_that_avro_cannot_have_are_refused() {
    let named = |kind: Kind, name: &str| SchemaBuilder::new(kind).name(Some(name.into()));
    let date = named(Kind::Int64, gantry_model::logical::DATE).build_plain();
    let fails = |schema: Schema| message(format(&[]).translate(Some(&schema)));
    assert!(fails(date).contains("Logical type date stands on INT32"));
    let decimal = named(Kind::Bytes, gantry_model::logical::DECIMAL).build_plain();
    assert!(fails(decimal).contains("scale parameter not found"));
    let absent = SchemaBuilder::new(Kind::Array(Schema::absent())).build_plain();
    assert!(fails(absent).contains("without a schema of what it holds"));
    let size = gantry_model::logical::decimal(1)
        .parameter(names::FIXED_SIZE, "2")
        .parameter(names::DECIMAL_PRECISION, "5");
    assert!(fails(size.build_plain()).contains("2 bytes hold only 4"));
    let size = named(Kind::Bytes, "F").parameter(names::FIXED_SIZE, "many").build_plain();
    assert!(fails(size).contains("no whole number"));
}

#[test]
fn a_value_of_any_type_is_a_record() {
    let fields = ["metadata", "value"].map(|name| (name.into(), Schema::bytes())).to_vec();
    let schema = SchemaBuilder::structure(fields).unwrap().name(Some(names::VARIANT.into()));
    let schema = schema.build_plain();
    let text = format(&[]).translate(Some(&schema)).unwrap();
    assert!(text.starts_with(
        r#"{"type":"record","name":"Variant","namespace":"confluent.type","fields":[{"name":"metadata","type":"bytes"},{"name":"value","type":"bytes"}],"logicalType":"variant""#
    ));
    let values = ["m", "vv"].map(|text| Value::Bytes(Bytes::from_static(text.as_bytes())));
    let value = Value::Struct(Struct::from_values(schema.clone(), values.to_vec()).into());
    let bytes = write(&format(&[]), Some(&schema), &text, &value).unwrap().unwrap();
    let back = read(&format(&[]), &text, &bytes).unwrap();
    assert_eq!(back, Datum::new(schema.clone(), value.clone()));
    // The fields may stand in the other order.
    let swapped = r#"{"type":"record","name":"V","logicalType":"variant","connect.name":
        "org.apache.kafka.connect.data.Variant","fields":[{"name":"value","type":"bytes"},
        {"name":"metadata","type":"bytes"}]}"#;
    let bytes = write(&format(&[]), Some(&schema), swapped, &value).unwrap().unwrap();
    assert_eq!(bytes, [4, b'v', b'v', 2, b'm']);
    assert_eq!(read(&format(&[]), swapped, &bytes).unwrap().value, value);
}

#[test]
fn unions_and_enums_in_the_form_of_all_formats() {
    let generalized = format(&[("generalized.sum.type.support", "true")]);
    let text = r#"["null","int",{"type":"enum","name":"E","symbols":["A","B"]}]"#;
    let schema = schema_of(&generalized, text);
    assert_eq!(schema.name().map(|name| &**name), Some("connect_union_0"));
    let names: Vec<&str> =
        schema.fields().unwrap().list().iter().map(|field| &*field.name).collect();
    assert_eq!(names, ["connect_union_field_1", "connect_union_field_2"]);
    let datum = read(&generalized, text, &[4, 2]).unwrap();
    let again = generalized.translate(Some(&schema)).unwrap();
    let bytes = write(&generalized, Some(&schema), &again, &datum.value).unwrap().unwrap();
    assert_eq!(bytes, [4, 2], "{again}");
}
