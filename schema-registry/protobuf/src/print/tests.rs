use crate::ProtobufSchema;
use gantry_schema_model::{Dependency, ParsedSchema};

fn canonical(text: &str) -> String {
    ProtobufSchema::read(text, &[]).unwrap().canonical().to_owned()
}

fn normalized(text: &str) -> String {
    ProtobufSchema::read(text, &[]).unwrap().try_normalized().unwrap()
}

#[test]
fn comments_and_white_space_go() {
    let text = "// c\nsyntax = \"proto3\";\npackage t.r;\n/* x */\nmessage P {\n  // f\n  string a = 1;\n  int32 b = 2; // t\n}\n";
    let expected =
        "syntax = \"proto3\";\npackage t.r;\n\nmessage P {\n  string a = 1;\n  int32 b = 2;\n}\n";
    assert_eq!(canonical(text), expected);
    assert_eq!(normalized(text), expected);
    assert_eq!(canonical(expected), expected);
    assert_eq!(canonical("syntax = \"proto3\";"), "syntax = \"proto3\";\n");
    assert_eq!(
        canonical("syntax = \"proto3\"; import \"nope.proto\"; message M { int32 a = 1; }"),
        "syntax = \"proto3\";\n\nimport \"nope.proto\";\n\nmessage M {\n  int32 a = 1;\n}\n"
    );
    assert_eq!(
        canonical("syntax = \"proto3\"; message M { reserved 1; int32 a = 1; }"),
        "syntax = \"proto3\";\n\nmessage M {\n  reserved 1;\n\n  int32 a = 1;\n}\n"
    );
}

#[test]
fn parts_of_a_message_have_their_order() {
    let text = "syntax = \"proto2\";\nmessage Q {\n  required string a = 1;\n  optional int32 b = 2 [default = 5];\n  repeated int64 c = 3 [packed = true];\n  oneof o { string d = 4; bool e = 5; }\n  map<string, Q> m = 6;\n  enum E { A = 0; B = 1; }\n  optional E en = 7;\n  message N { optional bytes z = 1; }\n  optional N n = 8;\n  reserved 20, 30 to 40;\n  reserved \"old\";\n  extensions 100 to 199;\n}\n";
    let expected = "syntax = \"proto2\";\n\nmessage Q {\n  reserved 20, 30 to 40;\n  reserved \"old\";\n\n  required string a = 1;\n  optional int32 b = 2 [default = 5];\n  repeated int64 c = 3 [packed = true];\n  map<string, Q> m = 6;\n  optional E en = 7;\n  optional N n = 8;\n\n  oneof o {\n    string d = 4;\n    bool e = 5;\n  }\n\n  extensions 100 to 199;\n\n  message N {\n    optional bytes z = 1;\n  }\n  enum E {\n    A = 0;\n    B = 1;\n  }\n}\n";
    assert_eq!(canonical(text), expected);
    let schema = ProtobufSchema::read(text, &[]).unwrap();
    assert_eq!(
        schema.formatted("serialized").unwrap(),
        "CgdkZWZhdWx0IuABCgFREgsKAWQYBCABKAlIABILCgFlGAUgASgISAASCQoBYRgBIAIoCRIMCgFiGAIgASgFOgE1Eg0KAWMYAyADKANCAhABEg8KAW0YBiADMgZtRW50cnkSDQoCZW4YByABKA4yAUUSDAoBbhgIIAEoCzIBThoOCgFOEgkKAXoYASABKAwaJwoGbUVudHJ5EgkKA2tleRgBKAkSDgoFdmFsdWUYAigLMgFROgI4ASIRCgFFEgUKAUEQABIFCgFCEAEqBwhkEMgBGgBCBQoBbxIASgQIFBAVSgQIHhApUgNvbGRiBnByb3RvMg=="
    );
}

#[test]
fn options_are_written_in_several_lines() {
    let text = "syntax = \"proto3\";\nimport \"google/protobuf/timestamp.proto\";\nimport \"google/protobuf/any.proto\";\nimport \"google/protobuf/wrappers.proto\";\nimport \"google/type/date.proto\";\nimport \"confluent/meta.proto\";\nimport \"confluent/type/decimal.proto\";\nmessage W {\n  google.protobuf.Timestamp ts = 1;\n  google.protobuf.Any any = 2;\n  google.protobuf.StringValue sv = 3;\n  google.type.Date d = 4;\n  confluent.type.Decimal dec = 5 [(confluent.field_meta) = {params: [{key: \"precision\", value: \"8\"}, {key: \"scale\", value: \"3\"}]}];\n}\n";
    let expected = "syntax = \"proto3\";\n\nimport \"google/protobuf/timestamp.proto\";\nimport \"google/protobuf/any.proto\";\nimport \"google/protobuf/wrappers.proto\";\nimport \"google/type/date.proto\";\nimport \"confluent/meta.proto\";\nimport \"confluent/type/decimal.proto\";\n\nmessage W {\n  google.protobuf.Timestamp ts = 1;\n  google.protobuf.Any any = 2;\n  google.protobuf.StringValue sv = 3;\n  google.type.Date d = 4;\n  confluent.type.Decimal dec = 5 [(confluent.field_meta) = {\n    params: [\n      {\n        key: \"precision\",\n        value: \"8\"\n      },\n      {\n        key: \"scale\",\n        value: \"3\"\n      }\n    ]\n  }];\n}\n";
    assert_eq!(canonical(text), expected);
    assert_eq!(
        canonical(
            "syntax = \"proto3\"; option (a).b = { c: [true], d { e: \"'\\n\" } }; message M { int32 a = 1 [deprecated = true, x = [1, 2]]; enum E { option allow_alias = true; A = 0 [y = Z]; } }"
        ),
        "syntax = \"proto3\";\n\noption (a).b = {\n  c: [\n    true\n  ],\n  d: {\n    e: \"\\'\\n\"\n  }\n};\n\nmessage M {\n  int32 a = 1 [\n    deprecated = true,\n    x = [\n      1,\n      2\n    ]\n  ];\n\n  enum E {\n    option allow_alias = true;\n    A = 0 [y = Z];\n  }\n}\n"
    );
}

#[test]
fn empty_lines_in_nested_messages_are_indented() {
    assert_eq!(
        canonical("syntax = \"proto3\"; message M { message N { reserved 1; int32 a = 2; } }"),
        "syntax = \"proto3\";\n\nmessage M {\n  message N {\n    reserved 1;\n  \n    int32 a = 2;\n  }\n}\n"
    );
}

#[test]
fn services_groups_and_extensions() {
    let text =
        "message M { optional group G = 1 { optional int32 a = 2; } oneof o { group H = 3 {} }
        extensions 5, 6 to max [verification = UNVERIFIED]; extend M { optional int32 x = 5; } }
        extend M { optional string y = 6; } extend Z {}
        service S { option deprecated = true; rpc A (M) returns (stream M);
            rpc B (stream M) returns (M) { option deprecated = true; } }
        enum E { reserved 2, \"C\"; A = 0; }";
    assert_eq!(
        canonical(text),
        "\nmessage M {\n  oneof o {\n    group H = 3 {}\n  }\n\n  optional group G = 1 {\n    optional int32 a = 2;\n  }\n\n  extensions 5, 6 to max [verification = UNVERIFIED];\n\n  extend M {\n    optional int32 x = 5;\n  }\n}\nenum E {\n  reserved 2, \"C\";\n  A = 0;\n}\n\nextend M {\n  optional string y = 6;\n}\nextend Z {}\n\nservice S {\n  option deprecated = true;\n\n  rpc A (M) returns (stream M);\n  rpc B (stream M) returns (M) {\n    option deprecated = true;\n  };\n}\n"
    );
}

#[test]
fn normalized_texts_have_full_names_and_an_order() {
    let text = "syntax = \"proto3\"; package t; import \"z.proto\"; import \"a.proto\"; import \"a.proto\";
        option java_package = \"x\"; option go_package = \"y\";
        message M {
          M m = 3; map<string, N> n = 1; repeated FEntry f = 2; E e = 4; google.protobuf.Any any = 5;
          message N {} message FEntry { option map_entry = true; string key = 1; int32 value = 2; }
          enum E { B = 1; A = 0; C = 1; }
          oneof late { string q = 9; string p = 8; } oneof early { string o = 7; }
          reserved 20 to 30, 11 to 11, \"b\", \"a\";
        }";
    assert_eq!(
        normalized(text),
        "syntax = \"proto3\";\npackage t;\n\nimport \"a.proto\";\nimport \"z.proto\";\n\noption go_package = \"y\";\noption java_package = \"x\";\n\nmessage M {\n  reserved 11;\n  reserved 20 to 30;\n  reserved \"a\";\n  reserved \"b\";\n\n  map<string, .t.M.N> n = 1;\n  map<string, int32> f = 2;\n  .t.M m = 3;\n  .t.M.E e = 4;\n  .google.protobuf.Any any = 5;\n\n  oneof early {\n    string o = 7;\n  }\n  oneof late {\n    string p = 8;\n    string q = 9;\n  }\n\n  message N {}\n  enum E {\n    A = 0;\n    B = 1;\n    C = 1;\n  }\n}\n"
    );
    assert_eq!(normalized("syntax = \"proto2\"; message M {}"), "\nmessage M {}\n");
}

#[test]
fn normalized_options_are_taken_together() {
    let text = "syntax = \"proto3\"; package t; import \"google/protobuf/descriptor.proto\";
        extend google.protobuf.FieldOptions { O o = 50000; repeated string l = 50001; }
        extend .google.protobuf.FieldOptions { float f = 50002; }
        message O { string z = 1; repeated int32 y = 2; O x = 3; extensions 4; }
        message M { string a = 1 [(o).z = \"1\", (t.o).y = 2, (.t.o).y = 0x3, (o).x = { y: [], z: '2' },
            (l) = 'b', (l) = 'a', deprecated = true, (f) = 1.50, json_name = 'A',
            (confluent.field_meta).tags = 'T', (confluent.field_meta) = { tags: ['T', 'U'] }]; }";
    assert_eq!(
        normalized(text),
        "syntax = \"proto3\";\npackage t;\n\nimport \"google/protobuf/descriptor.proto\";\n\nmessage O {\n  string z = 1;\n  repeated int32 y = 2;\n  .t.O x = 3;\n\n  extensions 4;\n}\nmessage M {\n  string a = 1 [\n    (confluent.field_meta) = {\n      tags: [\n        \"T\",\n        \"U\"\n      ]\n    },\n    deprecated = true,\n    json_name = \"A\",\n    (t.f) = 1.5,\n    (t.l) = \"b\",\n    (t.l) = \"a\",\n    (t.o) = {\n      x: {\n        z: \"2\"\n      },\n      y: [\n        2,\n        3\n      ],\n      z: \"1\"\n    }\n  ];\n}\n\nextend .google.protobuf.FieldOptions {\n  .t.O o = 50000;\n  repeated string l = 50001;\n  float f = 50002;\n}\n"
    );
}

#[test]
fn names_of_other_files() {
    let other = Dependency {
        name: "o.proto".to_owned(),
        text: "syntax = \"proto3\"; package o; message O {}".to_owned(),
    };
    let text = "syntax = \"proto3\"; package t; import \"o.proto\"; message M { o.O o = 1; }
        service S { rpc R (M) returns (.o.O); }";
    let schema = ProtobufSchema::read(text, &[other]).unwrap();
    let normal = schema.try_normalized().unwrap();
    assert!(normal.contains("  .o.O o = 1;\n"), "{normal}");
    assert!(normal.contains("rpc R (.t.M) returns (.o.O);"), "{normal}");
}
