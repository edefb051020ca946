use gantry_model::SchemaBuilder;

use super::*;

/// The fields and what else is in the only message of the schema for a Connect schema, as lines.
fn body(settings: &[(&str, &str)], schema: &Json) -> Vec<String> {
    let datum = datum(schema, &Json::Null);
    let text = format(settings).translate(datum.schema.as_ref()).unwrap();
    text.lines().map(|line| line.trim().to_owned()).filter(|line| !line.is_empty()).collect()
}

fn refused(schema: &Json) -> String {
    let datum = datum(schema, &Json::Null);
    format(&[]).translate(datum.schema.as_ref()).unwrap_err().message().to_owned()
}

fn structure(name: &str, fields: &Json) -> Json {
    json!({"type": "struct", "name": name, "fields": fields, "optional": true})
}

fn tagged(field: &str, kind: &str, tag: u32) -> Json {
    json!({"field": field, "type": kind, "optional": true,
           "parameters": {"io.confluent.connect.protobuf.Tag": tag.to_string()}})
}

#[test]
fn fields_without_a_number_take_what_is_left() {
    let fields = json!([
        {"field": "a", "type": "int32"}, tagged("b", "int32", 1), {"field": "c", "type": "int32"},
        tagged("d", "int32", 3),
    ]);
    let lines = body(&[], &structure("M", &fields));
    assert_eq!(lines[2..6], ["int32 a = 2;", "int32 b = 1;", "int32 c = 4;", "int32 d = 3;"]);
    let wrong = json!([{"field": "a", "type": "int32",
        "parameters": {"io.confluent.connect.protobuf.Tag": "x"}}]);
    assert!(refused(&structure("M", &wrong)).contains("is no number of a field: x"));
    let twice = json!([tagged("a", "int32", 1), tagged("b", "int32", 1)]);
    assert!(refused(&structure("M", &twice)).contains("Field number 1 has already been used"));
}

#[test]
fn unions_become_oneofs() {
    let union = json!([
        {"field": "u_0", "type": "struct", "optional": true,
         "name": "io.confluent.connect.protobuf.Union.u",
         "fields": [tagged("i", "int32", 3), tagged("s", "string", 4)]},
        tagged("x", "string", 1),
        {"field": "v", "type": "struct", "optional": true, "name": "any",
         "parameters": {"org.apache.kafka.connect.data.Union": "w"},
         "fields": [{"field": "b", "type": "boolean", "optional": true}]},
    ]);
    let schema = structure("M", &union);
    let lines = body(&[], &schema);
    assert_eq!(lines[2], "string x = 1;");
    assert_eq!(lines[3..7], ["oneof u {", "int32 i = 3;", "string s = 4;", "}"]);
    assert_eq!(lines[7..9], ["oneof w {", "bool b = 6;"]);
    let payload = json!({"u_0": {"i": null, "s": ""}, "x": null, "v": {"b": false}});
    // What is in a oneof is written even if it is what stands for nothing.
    assert_eq!(write(&format(&[]), &datum(&schema, &payload), None).unwrap(), "22003000");
}

#[test]
fn types_do_not_get_into_each_others_way() {
    let inner = |kind: &str| structure("a.In", &json!([{"field": "x", "type": kind}]));
    let with = |field: &str, mut schema: Json| {
        schema["field"] = json!(field);
        schema
    };
    let fields = json!([
        with("one", inner("int32")), with("two", inner("int32")), with("three", inner("string")),
        with("In2", inner("int64")), with("same", structure("same", &json!([]))),
        with("outer", structure("M", &json!([{"field": "other", "type": "int8"}]))),
        {"field": "m", "type": "map", "keys": {"type": "string"}, "values": {"type": "int32"}},
        {"field": "n", "type": "map", "keys": {"type": "string"}, "values": {"type": "int32"},
         "name": "connect_default1"},
    ]);
    let lines = body(&[], &structure("M", &fields));
    assert_eq!(
        lines[2..10],
        [
            "In one = 1;",
            "In two = 2;",
            "In3 three = 3;",
            "In4 In2 = 4;",
            "sameMessage same = 5;",
            "M2 outer = 6;",
            "repeated ConnectDefault1Entry m = 7;",
            "repeated ConnectDefault1Entry2 n = 8;",
        ]
    );
}

#[test]
fn enums_keep_their_names_and_numbers() {
    let of = |key: &str| {
        json!({"field": key.rsplit('.').nth(1), "type": "string", "name": "p.Color", "parameters": {
            key: "Color", format!("{key}.RED"): "0", format!("{key}.BLUE"): "5"}})
    };
    let fields = json!([
        of("io.confluent.connect.protobuf.Enum"), of("org.apache.kafka.connect.data.Enum"),
        {"field": "n", "type": "int32", "parameters": {
            "io.confluent.connect.protobuf.Enum": "Color",
            "io.confluent.connect.protobuf.Enum.GREEN": "1"}},
    ]);
    let schema = structure("M", &fields);
    let lines = body(&[], &schema);
    assert_eq!(lines[2..5], ["Color protobuf = 1;", "Color data = 2;", "Color2 n = 3;"]);
    assert_eq!(lines[5..8], ["enum Color {", "BLUE = 5;", "RED = 0;"]);
    let payload = json!({"protobuf": "BLUE", "data": "RED", "n": 4});
    // What stands first is what stands for nothing.
    assert_eq!(write(&format(&[]), &datum(&schema, &payload), None).unwrap(), "10001804");
    let wrong = datum(&schema, &json!({"protobuf": "PINK", "data": "RED", "n": 4}));
    let error = write(&format(&[]), &wrong, None).unwrap_err();
    assert_eq!(
        error.message(),
        "Protobuf message M, field protobuf: PINK is no value of the enum M.Color"
    );
}

#[test]
fn nulls_in_the_way_that_is_wanted() {
    let fields = json!([
        {"field": "a", "type": "int32", "optional": true}, {"field": "b", "type": "bytes"},
        {"field": "c", "type": "int64", "optional": true,
         "parameters": {"io.confluent.connect.protobuf.Type": "fixed32"}},
        {"field": "d", "type": "array", "optional": true,
         "items": {"type": "int16", "optional": true}},
    ]);
    let schema = structure("M", &fields);
    let lines = body(&[("optional.for.nullables", "true")], &schema);
    assert_eq!(lines[2..5], ["optional int32 a = 1;", "bytes b = 2;", "optional fixed32 c = 3;"]);
    assert_eq!(lines[5], "repeated int32 d = 4 [(confluent.field_meta) = {");
    let lines = body(&[("wrapper.for.nullables", "true")], &schema);
    assert_eq!(
        lines[1..6],
        [
            "import \"google/protobuf/wrappers.proto\";",
            "message M {",
            "google.protobuf.Int32Value a = 1;",
            "bytes b = 2;",
            "google.protobuf.UInt32Value c = 3;",
        ]
    );
    // Zero in a message is something, as the message is there.
    let datum = datum(&schema, &json!({"a": 0, "b": "", "c": 5, "d": null}));
    let wrapped = format(&[("wrapper.for.nullables", "true")]);
    assert_eq!(write(&wrapped, &datum, None).unwrap(), "0a001a020805");
    let optional = format(&[("optional.for.nullables", "true")]);
    assert_eq!(write(&optional, &datum, None).unwrap(), "08001d05000000");
    assert_eq!(write(&format(&[]), &datum, None).unwrap(), "1d05000000");
}

#[test]
fn what_protobuf_has_no_type_for() {
    let field = |schema: Json| {
        let mut field = schema;
        field["field"] = json!("f");
        structure("M", &json!([field]))
    };
    let list = |items: Json| json!({"type": "array", "items": items, "optional": true});
    let map = |values: Json| json!({"type": "map", "keys": {"type": "string"}, "values": values});
    let union = structure("io.confluent.connect.protobuf.Union.u", &json!([]));
    let strings = list(json!({"type": "string"}));
    for (schema, what) in [
        (list(strings.clone()), "a list of lists"),
        (list(map(json!({"type": "string"}))), "a list of maps"),
        (list(union.clone()), "a list of unions"),
        (map(union), "a map whose values are unions"),
    ] {
        let reason = refused(&field(schema));
        assert_eq!(reason, format!("Field f of M: Protobuf has no type for {what}"));
    }
    assert!(refused(&strings).starts_with("Unsupported root schema of type ARRAY"));
    // Lists as the values of a map are lists of entries.
    let lines = body(&[], &field(map(strings)));
    assert_eq!(lines[2], "repeated ConnectDefault1Entry f = 1;");
    assert_eq!(lines[5], "repeated string value = 2;");
    let injected = json!([{"field": "a = 1; int32 b", "type": "int32"}]);
    let reason = refused(&structure("M", &injected));
    assert!(reason.contains("\"a = 1; int32 b\" is not a valid identifier"), "{reason}");
    assert!(refused(&structure("1.M", &json!([]))).contains("\"1\" is not a valid identifier"));
}

#[test]
fn deep_schemas_are_refused() {
    let mut schema = Schema::int32();
    for _ in 0..200 {
        let fields = vec![("f".into(), schema)];
        schema = SchemaBuilder::structure(fields).unwrap().build_plain();
    }
    let error = format(&[]).translate(Some(&schema)).unwrap_err();
    assert!(error.message().contains("deeper than 100 structs"), "{error}");
}
