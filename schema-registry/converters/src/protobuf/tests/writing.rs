use super::*;

fn order(payload: &Json) -> Datum {
    let schema = json!({"type": "struct", "name": "shop.Order", "fields": [
        {"field": "id", "type": "int64"},
        {"field": "note", "type": "string", "optional": true},
        {"field": "lines", "type": "array", "items": {"type": "struct", "name": "shop.Line",
            "fields": [{"field": "count", "type": "int32"}]}},
        {"field": "renamed", "type": "boolean", "optional": true,
         "parameters": {"io.confluent.connect.protobuf.Tag": "9"}},
    ]});
    datum(&schema, payload)
}

fn full() -> Datum {
    order(&json!({"id": 7, "note": "n", "lines": [{"count": 1}, {"count": 0}], "renamed": true}))
}

#[test]
fn another_schema_of_the_registry() {
    let format = format(&[]);
    // Other numbers, other names of messages, other types, fields that are not known here.
    let text = "syntax = \"proto3\"; package shop; import \"google/protobuf/wrappers.proto\";
        message First { int32 x = 1; }
        message Order { sint32 id = 3; google.protobuf.StringValue note = 1;
            repeated L lines = 2; int32 more = 4; bool other = 9; message L { fixed64 count = 1; } }";
    let written = write(&format, &full(), Some(text)).unwrap();
    let line = "1209 090100000000000000 1200".replace(' ', "");
    assert_eq!(written, format!("0202{}{line}180e4801", "0a030a016e"));
    // A name that is not there: the same without packages, then the first message.
    for text in [
        "syntax = \"proto3\"; package other; message A {} message Order { uint64 id = 1; }",
        "syntax = \"proto3\"; message Purchase { uint64 id = 1; }",
    ] {
        let datum = order(&json!({"id": 7, "note": null, "lines": [], "renamed": null}));
        let written = write(&format, &datum, Some(text)).unwrap();
        assert!(written.ends_with("0807"), "{written}");
    }
    let error =
        write(&format, &full(), Some("syntax = \"proto3\"; enum E { A = 0; }")).unwrap_err();
    assert_eq!(error.message(), "The registered Protobuf schema has no message, only E");
}

#[test]
fn what_does_not_fit_another_schema() {
    let format = format(&[]);
    let fault = |fields: &str, datum: &Datum| {
        let text = format!("syntax = \"proto3\"; package shop; message Order {{ {fields} }}");
        write(&format, datum, Some(&text)).unwrap_err().message().to_owned()
    };
    let all =
        "int64 id = 1; repeated L lines = 2; bool renamed = 3; message L { int32 count = 1; }";
    assert_eq!(
        fault(all, &full()),
        "Protobuf message shop.Order, field note: Cannot find field with name note in the \
         registered message shop.Order"
    );
    assert_eq!(
        fault("string id = 1;", &full()),
        "Protobuf message shop.Order, field id: a value of type INT64 does not fit the registered \
         field, which is string"
    );
    let note = "int64 id = 1; string note = 2; bool renamed = 4;";
    assert_eq!(
        fault(&format!("{note} L lines = 3; message L {{ int32 count = 1; }}"), &full()),
        "Protobuf message shop.Order, field lines: a value of type ARRAY does not fit the \
         registered field, which is the message shop.Order.L"
    );
    let lines = format!("{note} repeated L lines = 3; message L {{ string count = 1; }}");
    assert_eq!(
        fault(&lines, &full()),
        "Protobuf message shop.Order, field lines[0].count: a value of type INT32 does not fit \
         the registered field, which is string"
    );
    let large = order(&json!({"id": 4_294_967_296_i64, "note": null, "lines": [],
        "renamed": null}));
    assert_eq!(
        fault("int32 id = 1;", &large),
        "Protobuf message shop.Order, field id: 4294967296 does not fit the type int32, which \
         goes from -2147483648 to 2147483647"
    );
    let negative = order(&json!({"id": -1, "note": null, "lines": [], "renamed": null}));
    assert!(fault("uint64 id = 1;", &negative).contains("-1 does not fit the type uint64"));
}

#[test]
fn nulls_and_defaults() {
    let schema = json!({"type": "struct", "name": "M", "fields": [
        {"field": "a", "type": "int32", "optional": true, "default": 5},
        {"field": "l", "type": "array", "items": {"type": "string", "optional": true}},
        {"field": "m", "type": "map", "keys": {"type": "string"},
         "values": {"type": "int32", "optional": true}},
    ]});
    let null = |list: Json| datum(&schema, &json!({"a": null, "l": list, "m": {"k": null, "": 0}}));
    let plain = format(&[]);
    let mut raw = null(json!([]));
    // The converter for JSON has put the default in already.
    if let Value::Struct(inner) = &raw.value {
        let mut values = inner.values().to_vec();
        values[0] = Value::Null;
        let inner = gantry_model::Struct::from_values(inner.schema().clone(), values);
        raw.value = Value::Struct(inner.into());
    }
    let map = "1a001a030a016b";
    let sorted = |written: String| written.replace("1a030a016b1a00", map);
    assert_eq!(sorted(write(&plain, &raw, None).unwrap()), format!("0805{map}"));
    let ignoring = format(&[("ignore.default.for.nullables", "true")]);
    assert_eq!(sorted(write(&ignoring, &raw, None).unwrap()), map);
    let error = write(&plain, &null(json!(["a", null])), None).unwrap_err();
    assert_eq!(
        error.message(),
        "Protobuf message M, field l[1]: a list cannot hold null in Protobuf"
    );
    let mut out = Vec::new();
    let text = plain.translate(raw.schema.as_ref()).unwrap();
    let mut writer = plain.writer(raw.schema.as_ref(), &parsed(&text)).unwrap();
    assert!(!plain.write(&mut writer, &Value::Null, &mut out).unwrap());
    assert!(out.is_empty());
}

#[test]
fn values_of_another_schema_are_refused() {
    let format = format(&[]);
    let one = full();
    let other = datum(
        &json!({"type": "struct", "name": "O", "fields": [{"field": "id", "type": "int64"}]}),
        &json!({"id": 1}),
    );
    let text = format.translate(one.schema.as_ref()).unwrap();
    let mut writer = format.writer(one.schema.as_ref(), &parsed(&text)).unwrap();
    let mut out = Vec::new();
    let error = format.write(&mut writer, &other.value, &mut out).unwrap_err();
    assert_eq!(error.message(), "Protobuf message shop.Order: Mismatching struct schema");
    let error = format.write(&mut writer, &Value::Int32(1), &mut out).unwrap_err();
    assert_eq!(
        error.message(),
        "Protobuf message shop.Order: Invalid type for STRUCT: class java.lang.Integer"
    );
    // An equal schema will do, whatever object it is.
    assert!(format.write(&mut writer, &full().value, &mut out).unwrap());
}

#[test]
fn what_is_read_is_written_again() {
    for (settings, text, hex) in [
        (
            &[][..],
            "syntax = \"proto3\"; package p; message M { oneof o { string s = 3; N n = 4; }
                N after = 5; map<int32, N> m = 6; message N { repeated sint64 x = 1; } }",
            "22050a0301017f 2a00 320408021200",
        ),
        (
            &[("wrapper.for.nullables", "true"), ("enhanced.protobuf.schema.support", "true")][..],
            "syntax = \"proto3\"; import \"google/protobuf/wrappers.proto\";
                import \"google/type/date.proto\"; import \"confluent/type/variant.proto\";
                message M { google.protobuf.UInt64Value a = 1; oneof o { google.protobuf.BoolValue b = 2;
                string c = 3; } google.type.Date d = 4; confluent.type.Variant v = 5; }",
            "0a0b 08ffffffffffffffffff01 1200 2207 08e80f1002181d 2a06 0a0101120102",
        ),
        (
            &[("optional.for.nullables", "true")][..],
            "syntax = \"proto3\"; message M { optional bytes a = 1; oneof o { E e = 2; }
                optional float f = 3; enum E { Z = 0; } }",
            "0a00 1000 1d00000080",
        ),
    ] {
        let hex: String = hex.split_whitespace().collect();
        let format = format(settings);
        let datum = read(&format, text, &hex).unwrap();
        let (schema, value) = shown(&datum);
        // By the schema it was read with, and by one that is made of what was read.
        assert_eq!(write(&format, &datum, Some(text)).unwrap(), hex);
        let translated = format.translate(datum.schema.as_ref()).unwrap();
        assert_eq!(write(&format, &datum, None).unwrap(), hex, "{translated}");
        assert_eq!(shown(&read(&format, &translated, &hex).unwrap()).1, value);
        assert_eq!(schema["version"], Json::Null);
    }
}
