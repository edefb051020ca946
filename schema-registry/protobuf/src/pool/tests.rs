use super::*;
use crate::ProtobufSchema;
use gantry_schema_model::Dependency;

fn link(text: &str) -> Result<Descriptors, String> {
    ProtobufSchema::read(text, &[]).unwrap().descriptors().map_err(|error| error.0)
}

/// What is wrong with the definitions of a file of `proto2` with the package `t`.
fn error(definitions: &str) -> String {
    let error = link(&format!("syntax = \"proto2\"; package t; {definitions}")).unwrap_err();
    let message = error.strip_prefix("Invalid protobuf schema definition: ");
    message.unwrap_or(&error).to_owned()
}

#[test]
fn fields_have_their_types() {
    let pool = link(
        r#"syntax = "proto3"; package a.b; import "google/protobuf/timestamp.proto";
        message M {
            int32 i = 1; optional int32 p = 2; repeated int32 r = 3;
            map<string, M.E> m = 4; google.protobuf.Timestamp t = 5;
            oneof o { N n = 6; string s_t = 7; }
            message N {} enum E { A = 0; B = 1; C = 1; }
            repeated string l = 8; repeated int32 u = 9 [packed = false];
            int32 w = 10 [(confluent.field_meta) = { params: { key: "precision", value: "3" } }];
        }"#,
    )
    .unwrap();
    let message = pool.message_named("a.b.M").unwrap();
    assert_eq!(pool.file().unwrap().messages, [message.id]);
    assert_eq!(pool.file_of(message.file).unwrap().package, "a.b");
    let field = |name| message.field_named(name).unwrap();
    assert_eq!(field("i").kind, FieldKind::Scalar(Scalar::Int32));
    assert!(!field("i").has_presence && field("p").has_presence && field("s_t").has_presence);
    assert!(field("r").is_packed && !field("l").is_packed && !field("u").is_packed);
    assert_eq!(field("s_t").json_name, "sT");
    assert_eq!(message.field_numbered(6).unwrap().name, "n");
    assert_eq!(message.oneof_of(field("n")).unwrap().name, "o");
    assert!(message.oneof_of(field("p")).is_none() && field("p").is_proto3_optional);
    assert_eq!(field("w").meta.as_ref().unwrap().param("precision"), Some("3"));
    let (key, value) = pool.map_entry(field("m")).unwrap();
    assert_eq!(key.kind, FieldKind::Scalar(Scalar::String));
    let FieldKind::Enum(id) = value.kind else { panic!("{:?}", value.kind) };
    let of = pool.enumeration(id).unwrap();
    assert_eq!((of.full_name.as_str(), of.is_closed), ("a.b.M.E", false));
    assert_eq!(of.value_numbered(1).unwrap().name, "B");
    assert_eq!(of.value_named("C").unwrap().number, 1);
    let FieldKind::Message(id) = field("t").kind else { panic!("{:?}", field("t").kind) };
    assert_eq!(pool.message(id).unwrap().full_name, "google.protobuf.Timestamp");
    assert!(pool.map_entry(field("t")).is_none());
    assert_eq!(pool.enum_named("a.b.M.E").unwrap().parent, Some(message.id));
    let names: Vec<&str> = message.fields.iter().map(|of| of.name.as_str()).collect();
    assert_eq!(names, ["n", "s_t", "i", "p", "r", "m", "t", "l", "u", "w"]);
}

#[test]
fn proto2_and_features() {
    let pool = link(
        "message M { required int32 a = 1; optional E e = 2; repeated int32 r = 3;
            optional int32 f = 4 [features = { field_presence: IMPLICIT }]; }
         enum E { A = 1; }",
    )
    .unwrap();
    let message = pool.message_named("M").unwrap();
    let field = |name| message.field_named(name).unwrap();
    assert!(field("a").has_presence && field("e").has_presence && !field("f").has_presence);
    assert!(!field("r").is_packed);
    assert!(pool.enum_named("E").unwrap().is_closed);
}

#[test]
fn everything_that_every_schema_sees_is_valid() {
    for path in ["google/protobuf/api.proto", "confluent/meta.proto", "google/type/datetime.proto"]
    {
        let text = format!("syntax = \"proto3\"; import \"{path}\"; message M {{}}");
        link(&text).unwrap();
    }
}

#[test]
fn messages_of_errors() {
    assert_eq!(
        error("message M { optional int32 a = 1; optional int32 b = 1; }"),
        "t.M.b: Field number 1 has already been used in \"t.M\" by field \"a\"."
    );
    assert_eq!(
        error("message M { optional int32 a = 1; optional int32 a = 2; }"),
        "t.M.a: \"a\" is already defined in \"t.M\"."
    );
    assert_eq!(error("message M { optional X a = 1; }"), "t.M.a: \"X\" is not defined.");
    assert_eq!(
        error(
            "message M { optional M.X a = 1; message X { } message N { message M {} optional M.X a = 1; } }"
        ),
        "t.M.N.a: \"M.X\" is not defined."
    );
    assert_eq!(error("enum E {}"), "t.E: Enums must contain at least one value.");
    assert_eq!(
        error("enum E { A = 0; } enum F { A-B = 0; }"),
        "t.F.A-B: \"A-B\" is not a valid identifier."
    );
    assert_eq!(
        error("message M { optional int32 a = 1 [default = x]; }"),
        "t.M.a: Could not parse default value: \"x\""
    );
    assert_eq!(
        error("message M { optional E a = 1 [default = X]; } enum E { A = 0; }"),
        "t.M.a: Unknown enum default value: \"X\""
    );
    assert_eq!(
        error("message M { repeated int32 a = 1 [default = 1]; }"),
        "t.M.a: Repeated fields cannot have default values."
    );
    assert_eq!(
        error("message M { repeated string a = 1 [packed = true]; }"),
        "t.M.a: [packed = true] can only be specified for repeated primitive fields."
    );
    assert_eq!(
        error("message M { extensions 5 to 6; } extend M { optional int32 a = 7; }"),
        "t.a: \"t.M\" does not declare 7 as an extension number."
    );
    assert_eq!(
        error("enum E { A = 0; } service S { rpc R (E) returns (E); }"),
        "t.S.R: \"E\" is not a message type."
    );
    let text = "import \"google/protobuf/any.proto\"; message google {}";
    assert!(
        link(text).unwrap_err().ends_with(
            "google: \"google\" is already defined in file \"google/protobuf/any.proto\"."
        )
    );
    let text = "package a.b; message M { message N {} } message M {}";
    assert!(ProtobufSchema::read(text, &[]).is_err());
}

#[test]
fn only_what_is_imported_can_be_used() {
    let file = |name: &str, text: &str| Dependency {
        name: name.to_owned(),
        text: format!("syntax = \"proto3\"; {text}"),
    };
    let dependencies = [
        file("c", "package c; message C {}"),
        file("b", "package b; import public \"c\"; message B {}"),
        file("a", "package a; import \"b\"; message A { c.C c = 1; }"),
    ];
    let link = |text: &str| {
        let text = format!("syntax = \"proto3\"; {text}");
        let schema = ProtobufSchema::read(&text, &dependencies).unwrap();
        schema.descriptors().map(|pool| pool.files().len()).map_err(|error| error.0)
    };
    assert_eq!(link("import \"a\"; message M { a.A a = 1; }"), Ok(4));
    assert_eq!(link("import \"b\"; message M { c.C c = 1; }"), Ok(3));
    let error = link("import \"a\"; message M { c.C c = 1; }").unwrap_err();
    assert!(error.ends_with("M.c: \"c.C\" is not defined."), "{error}");
}
