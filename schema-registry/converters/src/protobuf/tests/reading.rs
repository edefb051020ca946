use super::*;

#[test]
fn scalars_of_all_kinds() {
    let text = proto3(
        "int32 a = 1; sint32 b = 2; sfixed32 c = 3; uint32 d = 4; fixed32 e = 5; int64 f = 6;
         sint64 g = 7; uint64 h = 8; fixed64 i = 9; sfixed64 j = 10; bool k = 11; float l = 12;
         double m = 13; string n = 14; bytes o = 15; int32 far = 500000;",
    );
    let hex = "08ffffffffffffffffff01 1001 1dfeffffff 20ffffffff0f 2dffffffff 30808080808020
        3803 40ffffffffffffffffff01 49feffffffffffffff 510100000000000000 5802 650000c03f
        690000000000000240 7202c3a9 7a0200ff 8092f40105";
    let (schema, value) = shown(&read(&format(&[]), &text, hex).unwrap());
    assert_eq!(
        value,
        json!({"a": -1, "b": -1, "c": -2, "d": 4_294_967_295_u32, "e": 4_294_967_295_u32,
               "f": 1_099_511_627_776_i64, "g": -2, "h": -1, "i": -2, "j": 1, "k": true, "l": 1.5,
               "m": 2.25, "n": "é", "o": "AP8=", "far": 5})
    );
    let kinds: Vec<_> = schema["fields"].as_array().unwrap().iter().collect();
    assert_eq!(kinds[3]["type"], "int64");
    assert_eq!(kinds[3]["parameters"]["io.confluent.connect.protobuf.Type"], "uint32");
    // The same bytes come of the same value.
    let datum = read(&format(&[]), &text, hex).unwrap();
    let expected: String = hex.replace("5802", "5801").split_whitespace().collect();
    assert_eq!(write(&format(&[]), &datum, Some(&text)).unwrap(), expected);
}

#[test]
fn what_is_not_known_is_passed_over() {
    let text = proto3("int32 a = 1; M m = 3; repeated string l = 4;");
    // A varint, 8 bytes, a text, a group with a group in it, 4 bytes; then `a`.
    let unknown = "1001 110000000000000000 120100 53 5b 0805 5c 54 7d00000000 0805";
    assert_eq!(payload(&[], &text, unknown)["a"], 5);
    // Fields that are written in another way than their type says.
    assert_eq!(payload(&[], &text, "0a0161 0802 2005")["a"], 2);
}

#[test]
fn lists_packed_and_not() {
    let text = proto3("repeated int32 a = 1; repeated double b = 2 [packed = false];");
    let value = payload(&[], &text, "0801 0a020203 0804 11000000000000f03f 1208 0000000000000040");
    assert_eq!(value, json!({"a": [1, 2, 3, 4], "b": [1.0, 2.0]}));
    let text = proto2("repeated int32 a = 1; repeated E e = 2; enum E { X = 0; Y = 5; }");
    let value = payload(&[], &text, "0801 0a0102 1205 00050705 00 1009");
    assert_eq!(value, json!({"a": [1, 2], "e": ["X", "Y", "Y", "X"]}));
}

#[test]
fn a_message_in_several_parts_is_one() {
    let text = "syntax = \"proto3\"; import \"google/protobuf/timestamp.proto\";
        message M { N n = 1; int32 a = 2; google.protobuf.Timestamp t = 3; }
        message N { int32 x = 1; string y = 2; repeated int32 l = 3; N n = 4; }";
    let first = "0a07 0801 1a0101 2200  1a02 0803  1001";
    let second = "0a0c 120161 1a0102 220408051803  1a04 10c0843d";
    let value = payload(&[], text, &format!("{first} {second}"));
    assert_eq!(value["n"]["x"], 1);
    assert_eq!(value["n"]["y"], "a");
    assert_eq!(value["n"]["l"], json!([1, 2]));
    assert_eq!(value["n"]["n"]["x"], 5);
    assert_eq!(value["n"]["n"]["l"], json!([3]));
    assert_eq!((&value["a"], &value["t"]), (&json!(1), &json!(3001)));
}

const ONEOF: &str = "oneof o { N n = 1; int32 i = 2; N k = 3; string s = 4; } int32 x = 5;
    message N { int32 a = 1; int32 b = 2; }";

#[test]
fn of_a_oneof_the_last_counts() {
    let text = proto3(ONEOF);
    let set = |hex: &str| {
        let value = payload(&[], &text, hex);
        let union = value["o_0"].as_object().cloned().unwrap_or_default();
        union.into_iter().find(|(_, value)| !value.is_null())
    };
    let n = |name: &str, a: i32, b: i32| Some((name.to_owned(), json!({"a": a, "b": b})));
    assert_eq!(set("2801"), None);
    assert_eq!(set("0a020801 0a021002"), n("n", 1, 2));
    assert_eq!(set("0a020801 1005 0a021002"), n("n", 0, 2));
    assert_eq!(set("0a020801 1a020801 0a021002"), n("n", 0, 2));
    assert_eq!(set("0a020801 1a020801 1a021002"), n("k", 1, 2));
    assert_eq!(set("0a020801 1005"), Some(("i".to_owned(), json!(5))));
    assert_eq!(set("1005 220161 1000"), Some(("i".to_owned(), json!(0))));
    let flat = [("flatten.unions", "true")];
    let value = payload(&flat, &text, "1005 0a020801 220161");
    assert_eq!(value, json!({"n": null, "i": null, "k": null, "s": "a", "x": 0}));
    let value = payload(&flat, &text, "220161 0a020801 1005 1a020801 2801");
    assert_eq!(value, json!({"n": null, "i": null, "k": {"a": 1, "b": 0}, "s": null, "x": 1}));
}

#[test]
fn schemas_of_oneofs() {
    let text = proto3("oneof a { string s = 1; } optional int32 p = 2; oneof b { bytes c = 3; }");
    let schema = |settings: &[(&str, &str)]| shown(&read(&format(settings), &text, "").unwrap()).0;
    let names = |schema: &Json| -> Vec<String> {
        let fields = schema["fields"].as_array().unwrap();
        fields.iter().map(|field| field["field"].as_str().unwrap().to_owned()).collect()
    };
    let plain = schema(&[]);
    assert_eq!(names(&plain), ["a_0", "b_1", "p"]);
    assert_eq!(plain["fields"][0]["name"], "io.confluent.connect.protobuf.Union.a");
    let enhanced = schema(&[("enhanced.protobuf.schema.support", "true")]);
    assert_eq!(enhanced["fields"][1]["name"], "io.confluent.connect.protobuf.Union.M.b");
    let general =
        schema(&[("generalized.sum.type.support", "true"), ("generate.index.for.unions", "false")]);
    assert_eq!(names(&general), ["a", "b", "p"]);
    assert_eq!(general["fields"][0]["name"], "a");
    let parameters = &general["fields"][0]["parameters"];
    assert_eq!(parameters["org.apache.kafka.connect.data.Union"], "a");
    // Whatever else is optional, a member of a oneof is.
    let optional = schema(&[("optional.for.nullables", "true")]);
    assert_eq!(optional["fields"][0]["fields"][0]["optional"], true);
    assert_eq!(names(&schema(&[("flatten.unions", "true")])), ["s", "c", "p"]);
}

#[test]
fn enums() {
    let fields = "E e = 1; repeated E l = 2; enum E { A = 0; B = 2; }";
    let text = proto3(fields);
    let value = payload(&[], &text, "0802 1203020007");
    assert_eq!(value, json!({"e": "B", "l": ["B", "A", "UNKNOWN_ENUM_VALUE_E_7"]}));
    assert_eq!(payload(&[], &text, ""), json!({"e": "A", "l": []}));
    let value = payload(&[("int.for.enums", "true")], &text, "0803 120100");
    assert_eq!(value, json!({"e": 3, "l": [0]}));
    // Those of proto2 have no other values.
    let closed = proto2("optional E e = 1; repeated E l = 2; enum E { A = 1; B = 2; }");
    let value = payload(&[], &closed, "0803 1203020701 0800");
    assert_eq!(value, json!({"e": null, "l": ["B", "A"]}));
    let (schema, _) = shown(&read(&format(&[]), &text, "").unwrap());
    assert_eq!(
        schema["fields"][0],
        json!({"field": "e", "type": "string", "optional": true, "name": "E", "parameters": {
            "io.confluent.connect.protobuf.Enum": "E",
            "io.confluent.connect.protobuf.Enum.A": "0",
            "io.confluent.connect.protobuf.Enum.B": "2",
            "io.confluent.connect.protobuf.Tag": "1"}})
    );
}

#[test]
fn proto2_has_defaults_and_required_fields() {
    let text = proto2(
        "optional int32 a = 1 [default = 7]; optional string s = 2 [default = \"d\"];
         optional E e = 3 [default = B]; required bool r = 4; optional group G = 5 { optional int32 x = 1; }
         extensions 100 to 200; enum E { A = 0; B = 1; }",
    );
    assert_eq!(payload(&[], &text, "2001"), json!({"a": null, "s": null, "e": null, "r": true}));
    let all = payload(&[("optional.for.proto2", "false")], &text, "2000");
    assert_eq!(all, json!({"a": 7, "s": "d", "e": "B", "r": false}));
    // A group, and an extension.
    let value = payload(&[], &text, "2b 0801 2c a00601 2001 0801");
    assert_eq!(value["a"], 1);
    assert_eq!(
        fault(&[], &text, "0801"),
        "Protobuf message M, field r: it is required, and is not there"
    );
    // What is no UTF-8 is replaced, as Java does.
    assert_eq!(payload(&[], &text, "2001 1203 61ff62")["s"], "a\u{fffd}b");
}

#[test]
fn what_is_not_set() {
    let imports = "import \"google/protobuf/wrappers.proto\"; message M";
    let text = proto3(
        "optional int32 a = 1; N n = 2; google.protobuf.StringValue w = 3;
        bytes b = 4; map<string, N> m = 5; message N { int32 x = 1; optional string y = 2; }",
    );
    let text = text.replacen("message M", imports, 1);
    let none = json!({"a": null, "n": null, "w": null, "b": "", "m": {}});
    assert_eq!(payload(&[], &text, ""), none);
    let all = json!({"a": 0, "n": {"x": 0, "y": ""}, "w": "", "b": "", "m": {}});
    assert_eq!(payload(&[("generate.struct.for.nulls", "true")], &text, ""), all);
    // The value of an entry is always there.
    assert_eq!(payload(&[], &text, "2a00")["m"], json!({"": {"x": 0, "y": null}}));
    assert_eq!(payload(&[], &text, "1a00 1200")["w"], "");
    let raw = [("wrapper.for.raw.primitives", "false")];
    assert_eq!(payload(&raw, &text, "1a030a0161")["w"], json!({"value": "a"}));
}

#[test]
fn maps() {
    let text = proto3(
        "map<int32, string> a = 1; map<string, E> b = 2; enum E { X = 0; Y = 1; }
        map<bool, M> c = 3;",
    );
    let value = payload(
        &[],
        &text,
        "0a050801120161 0a050802120162 0a050801120163 12050a016b1001 1a06080112020a00 1a00",
    );
    assert_eq!(value["a"], json!([[1, "c"], [2, "b"]]));
    assert_eq!(value["b"], json!({"k": "Y"}));
    assert_eq!(value["c"].as_array().unwrap().len(), 2);
    let (schema, _) = shown(&read(&format(&[]), &text, "").unwrap());
    assert_eq!(schema["fields"][0]["name"], "a");
}

#[test]
fn messages_of_other_files() {
    let text = "syntax = \"proto3\"; package p; import \"other.proto\";
        message M { q.Other o = 1; google.protobuf.Any any = 2; }";
    let other = "syntax = \"proto3\"; package q; import public \"google/protobuf/any.proto\";
        message Other { sint32 x = 1; }";
    let dependencies = [Dependency { name: "other.proto".to_owned(), text: other.to_owned() }];
    let schema = Arc::new(Protobuf::parse(text, &dependencies, true).unwrap());
    let format = format(&[("enhanced.protobuf.schema.support", "true")]);
    let mut reader = format.reader(&schema, Some(7), &[0]).unwrap();
    let datum = format.read(&mut reader, &from_hex("0a020803 12050a0161 1200")).unwrap();
    let (schema, value) = shown(&datum);
    assert_eq!(value, json!({"o": {"x": -2}, "any": {"type_url": "a", "value": ""}}));
    assert_eq!((&schema["name"], &schema["version"]), (&json!("p.M"), &json!(7)));
    assert_eq!(schema["fields"][0]["name"], "q.Other");
    assert_eq!(schema["fields"][0]["version"], Json::Null);
}

#[test]
fn messages_around_themselves_are_spelled_out() {
    let text = proto3("int32 x = 1; M m = 2;");
    let mut hex = "0801".to_owned();
    for _ in 0..16 {
        hex = format!("0801 12{:02x} {hex}", hex.replace(' ', "").len() / 2);
    }
    let datum = read(&format(&[]), &text, &hex).unwrap();
    let (_, mut value) = shown(&datum);
    for _ in 0..16 {
        assert_eq!(value["x"], 1);
        value = value["m"].take();
    }
    assert_eq!(value, json!({"x": 1}));
    // Written back, it is one message in itself again.
    let format = format(&[]);
    let translated = format.translate(datum.schema.as_ref()).unwrap();
    assert_eq!(translated.matches("message").count(), 1, "{translated}");
    let expected: String = hex.split_whitespace().collect();
    assert_eq!(write(&format, &datum, None).unwrap(), expected);
    let deeper = format!("12{:02x} {hex}", hex.replace(' ', "").len() / 2);
    let fault = fault(&[], &text, &deeper);
    assert!(fault.contains("m.m.m: a message that contains itself is deeper here"), "{fault}");
}

#[test]
fn free_form_structs() {
    let text = "syntax = \"proto3\"; import \"google/protobuf/struct.proto\";
        message M { google.protobuf.Struct s = 1; }";
    // {"k": [1.0, "a"]}
    let hex = "0a1b 0a19 0a016b 1214 3212 0a09 11000000000000f03f 0a05 1a03 616263";
    let value = payload(&[], text, hex);
    let list = &value["s"]["fields"]["k"]["kind_0"]["list_value"]["values"];
    assert_eq!(list[0]["kind_0"]["number_value"], 1.0);
    assert_eq!(list[1]["kind_0"]["string_value"], "abc");
}

#[test]
fn elements_have_the_number_that_confluents_leaves_in_them() {
    let text = proto3(
        "N a = 1; repeated N b = 2; repeated K c = 3; repeated K d = 4;
        message N { int32 x = 1; } message K { int32 x = 1; }",
    );
    let (schema, _) = shown(&read(&format(&[]), &text, "").unwrap());
    let tag = |at: usize| schema["fields"][at]["items"]["parameters"].clone();
    assert_eq!(tag(1), json!({"io.confluent.connect.protobuf.Tag": "1"}));
    assert_eq!((tag(2), tag(3)), (Json::Null, Json::Null));
}

#[test]
fn what_is_broken_is_told() {
    let text = proto3(
        "int32 a = 1; string s = 2; repeated N n = 3; double d = 4; M m = 5;
        message N { int32 x = 1; }",
    );
    for (hex, reason) in [
        ("08", "Protobuf message M, field a: the data ends in the middle of a value"),
        ("0880", "Protobuf message M, field a: the data ends in the middle of a value"),
        (
            "08 ffffffffffffffffffff 01",
            "Protobuf message M, field a: the data is malformed: a number has more than 10 bytes",
        ),
        (
            "12ffffffff0f 61",
            "Protobuf message M, field s: the data is cut off or malformed: 4294967295 bytes are announced and 1 are left",
        ),
        ("1201ff", "Protobuf message M, field s: the text is not valid UTF-8"),
        ("1a00 1a0108", "Protobuf message M, field n[1].x: the data ends in the middle of a value"),
        ("2100", "Protobuf message M, field d: the data ends in the middle of a value"),
        (
            "2a02 1201",
            "Protobuf message M, field m.s: the data is cut off or malformed: 1 bytes are announced and 0 are left",
        ),
        ("00", "Protobuf message M: the data is malformed: a field has the number 0"),
        ("0c", "Protobuf message M: the data is malformed: a group ends that did not begin"),
        ("7b", "Protobuf message M: the data ends in the middle of a value"),
        ("0e", "Protobuf message M: the data is malformed: there is no wire type 6"),
    ] {
        assert_eq!(fault(&[], &text, hex), reason, "{hex}");
    }
    let long = format!("12{:02x}{}ff", 41, "61".repeat(40));
    assert!(fault(&[], &text, &long).ends_with("the text is not valid UTF-8"));
}

#[test]
fn a_few_bytes_do_not_become_a_large_record() {
    let fields: String = (1..=1000).map(|at| format!("int32 f{at} = {at};")).collect();
    let text = proto3(&format!("repeated N l = 1; message N {{ {fields} }}"));
    let fault = fault(&[], &text, &"0a00".repeat(20_000));
    assert!(fault.contains("more than 4000000 values"), "{fault}");
}

#[test]
fn schemas_that_are_too_large_are_refused() {
    // Each message has the next one twice.
    let mut text = "syntax = \"proto3\"; ".to_owned();
    for at in 0..40 {
        text.push_str(&format!("message M{at} {{ M{0} a = 1; M{0} b = 2; }} ", at + 1));
    }
    let text = format!("{text} message M40 {{ int32 x = 1; }}");
    let error = read(&format(&[]), &text, "").unwrap_err();
    assert!(error.message().contains("more than 1000000 fields"), "{error}");
    let mut text = "syntax = \"proto3\"; ".to_owned();
    for at in 0..200 {
        text.push_str(&format!("message M{at} {{ M{} a = 1; }} ", at + 1));
    }
    let text = format!("{text} message M200 {{ int32 x = 1; }}");
    let error = read(&format(&[]), &text, "").unwrap_err();
    assert!(error.message().contains("is deeper than 100 messages"), "{error}");
}
