use super::*;

fn error(text: &str) -> String {
    parse(text).unwrap_err().0
}

#[test]
fn all_kinds_of_declarations() {
    let text = r#"
        // about the file
        syntax = "proto2";
        package a.b;
        import "x.proto"; import public './/y.proto'; import weak "z\\w.proto";
        option java_package = "j";
        // about M
        message M {
          option deprecated = true;
          reserved 1, 3 to 5, "old", 100 to max;
          required string s = 6 [default = "x", json_name = "S", (o) = 1]; // behind s
          map<string, .a.b.M> m = 7;
          oneof choice { option (x) = 1; int32 i = 8; group G = 9 { optional bool b = 1; } }
          optional group H = 10 { repeated int32 r = 1; }
          extensions 200, 300 to 399 [verification = UNVERIFIED];
          extend M { optional int32 e = 200; }
          message N {};
          enum E { option allow_alias = true; A = 0; B = -1 [deprecated = true]; reserved 5; }
        }
        extend M { optional int32 f = 300; }
        service S {
          option deprecated = true;
          rpc Call (M) returns (stream .a.b.M) { option deprecated = true; }
          rpc Other (stream M) returns (M);
        }
    "#;
    let file = parse(text).unwrap();
    assert_eq!((file.syntax, file.package_name()), (Some(Syntax::Proto2), "a.b"));
    assert_eq!(file.imports, ["x.proto"]);
    assert_eq!(file.public_imports, ["y.proto"]);
    assert_eq!(file.weak_imports, ["z/w.proto"]);
    assert_eq!(file.options.len(), 1);
    let message = file.types.first().and_then(Type::as_message).unwrap();
    assert_eq!(message.documentation, "about M");
    assert_eq!(message.position, Position { line: 8, column: 9 });
    assert_eq!(message.options.len(), 1);
    assert_eq!(
        message.reserved.first().unwrap().values,
        [
            ReservedValue::Numbers(Numbers::One(1)),
            ReservedValue::Numbers(Numbers::Range(3, 5)),
            ReservedValue::Name("old".to_owned()),
            ReservedValue::Numbers(Numbers::Range(100, MAX_FIELD_NUMBER)),
        ]
    );
    let s = message.field("s").unwrap();
    assert_eq!((s.label, s.default.as_deref()), (Some(Label::Required), Some("x")));
    assert_eq!((s.json_name.as_deref(), s.options.len()), (Some("S"), 1));
    assert_eq!(s.documentation, "behind s");
    assert_eq!(message.field("m").unwrap().type_name, "map<string, .a.b.M>");
    let oneof = message.oneofs.first().unwrap();
    assert_eq!((oneof.fields.len(), oneof.groups.len(), oneof.options.len()), (1, 1, 1));
    assert_eq!(message.groups.first().unwrap().fields.len(), 1);
    let extensions = message.extensions.first().unwrap();
    assert_eq!(extensions.values, [Numbers::One(200), Numbers::Range(300, 399)]);
    assert_eq!((message.extends.len(), file.extends.len(), message.types.len()), (1, 1, 2));
    let values = &message.types.last().and_then(Type::as_enum).unwrap().values;
    assert_eq!(values.iter().map(|value| value.number).collect::<Vec<_>>(), [0, -1]);
    let service = file.services.first().unwrap();
    let method = service.methods.first().unwrap();
    assert_eq!((method.request.as_str(), method.response.as_str()), ("M", ".a.b.M"));
    assert!(!method.streams_requests && method.streams_responses);
    assert!(service.methods.last().unwrap().streams_requests);
}

#[test]
fn messages_of_errors() {
    assert_eq!(error("message {"), "Syntax error in :1:9: expected a word");
    assert_eq!(error("{\"type\":\"string\"}"), "Syntax error in :1:1: expected a word");
    assert_eq!(
        error("syntax = \"proto9\"; message M {}"),
        "Syntax error in :1:1: unexpected syntax: proto9"
    );
    assert_eq!(
        error("syntax = \"proto3\"; message M { required int32 a = 1; }"),
        "Syntax error in :1:32: 'required' label forbidden in proto3 field declarations"
    );
    assert_eq!(
        error("syntax = \"proto3\"; message M {} message M {}"),
        "M (:1:33) is already defined at :1:20"
    );
    assert_eq!(
        error("message M {}\nsyntax = \"proto3\";"),
        "Syntax error in :2:1: 'syntax' element must be the first declaration in a file"
    );
    assert_eq!(
        error("edition = \"2023\";"),
        "Syntax error in :1:8: edition is not currently supported"
    );
    assert_eq!(error("foo bar"), "Syntax error in :1:1: unexpected label: foo");
    assert_eq!(
        error("message M { int32 a = 1; }"),
        "Syntax error in :1:13: unexpected label: int32"
    );
    assert_eq!(
        error("message M { optional map<string, M> a = 1; }"),
        "Syntax error in :1:13: 'map' type cannot have label"
    );
    assert_eq!(
        error("enum E { 1A = 0; }"),
        "Syntax error in :1:9: field and constant names cannot start with a digit"
    );
    assert_eq!(error("message M { reserved 1 to x; }"), "For input string: \"x\"");
    assert_eq!(error("message M {"), "Syntax error in :1:12: unexpected end of file");
    assert_eq!(error("syntax = proto3;"), "Check failed.");
}

#[test]
fn messages_do_not_nest_without_end() {
    assert!(parse(&format!("{}{}", "message M {".repeat(90), "}".repeat(90))).is_ok());
    assert!(error(&"message M {".repeat(10_000)).contains("nested more than 100 levels deep"));
}

#[test]
fn paths_of_imports() {
    assert_eq!(path("a//b/./c.proto"), "a/b/c.proto");
    assert_eq!(path("../a\\b"), "../a/b");
    assert_eq!(path("/../a"), "/a");
    assert_eq!(path("./"), ".");
}
