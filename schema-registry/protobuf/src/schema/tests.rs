use super::*;

fn read(text: &str) -> ProtobufSchema {
    ProtobufSchema::read(text, &[]).unwrap()
}

const NESTED: &str = "syntax = \"proto3\"; package a.b; enum E { X = 0; }
    message M { message N {} message AEntry { option map_entry = true; string key = 1; E value = 2; }
    repeated AEntry a = 1; message O { message P {} } string s = 2; oneof o { string t = 3; } }
    message Q {}";

#[test]
fn ways_to_messages() {
    let schema = read(NESTED);
    for (name, path) in [
        ("a.b.M", vec![0]),
        ("a.b.Q", vec![1]),
        ("a.b.M.AEntry", vec![0, 1]),
        ("a.b.M.O.P", vec![0, 2, 0]),
    ] {
        let way = MessageIndexes::new(path);
        assert_eq!(schema.message_indexes(name, false), Some(way.clone()), "{name}");
        assert_eq!(schema.message_name(&way).as_deref(), Some(name));
    }
    assert_eq!(schema.message_indexes("M.O", true), Some(MessageIndexes::new(vec![0, 1])));
    assert_eq!(schema.message_indexes("a.b.M.X", false), None);
    assert_eq!(schema.message_name(&MessageIndexes::new(vec![2])), None);
    assert_eq!(schema.message_name(&MessageIndexes::new(Vec::new())).as_deref(), Some("a.b.M"));
    assert_eq!(schema.name().as_deref(), Some("a.b.M"));
    assert_eq!(schema.top_level_fields().collect::<Vec<_>>(), ["a", "s"]);
}

#[test]
fn a_file_that_only_passes_on_another_is_the_other() {
    let other = Dependency { name: "o.proto".to_owned(), text: NESTED.to_owned() };
    let text = "syntax = \"proto3\"; import public \"o.proto\";";
    let schema = ProtobufSchema::read(text, std::slice::from_ref(&other)).unwrap();
    assert_eq!(schema.name().as_deref(), Some("a.b.M"));
    assert_eq!(schema.message_indexes("a.b.Q", false).unwrap().path(), [1]);
    let text = format!("{text} import \"google/protobuf/any.proto\";");
    assert_eq!(ProtobufSchema::read(&text, &[other]).unwrap().name(), None);
}

#[test]
fn descriptors_are_schemas_too() {
    let text = "syntax = \"proto2\";\nimport \"google/protobuf/any.proto\";\nmessage Q {
        required string a = 1; oneof o { string d = 4; bool e = 5; } map<string, Q> m = 6;
        enum E { A = 0; B = 1; } optional E en = 7 [default = B]; reserved 20, 30 to 40;
        extensions 100 to max; message N { optional bytes z = 1; } }";
    let schema = read(text);
    let serialized = schema.formatted("SERIALIZED").unwrap();
    let again = read(&serialized);
    let once_more = again.formatted("serialized").unwrap();
    assert_eq!(read(&once_more).canonical(), again.canonical());
    assert_eq!(read(&once_more).formatted("serialized").unwrap(), once_more);
    assert_eq!(again.try_normalized().unwrap(), schema.try_normalized().unwrap());
    assert_eq!(read(serialized.trim_end_matches('=')).canonical(), again.canonical());
    let error = ProtobufSchema::read("abcd", &[]).unwrap_err();
    assert_eq!(error.0, "Could not parse Protobuf - Syntax error in :1:1: unexpected label: abcd");
}

#[test]
fn forms() {
    let text = "syntax = \"proto3\"; import \"google/protobuf/descriptor.proto\";
        extend google.protobuf.FieldOptions { string o = 50000; }
        message M { string a = 1 [(o) = \"x\", (confluent.field_meta).doc = \"d\"]; }";
    let schema = read(text);
    assert_eq!(schema.formatted("").unwrap(), schema.canonical());
    assert_eq!(schema.formatted("default").unwrap(), schema.canonical());
    assert_eq!(schema.formatted("unknown").unwrap(), schema.canonical());
    assert_eq!(
        schema.formatted("ignore_extensions").unwrap(),
        "syntax = \"proto3\";\n\nimport \"google/protobuf/descriptor.proto\";\n\nmessage M {\n  \
         string a = 1 [(confluent.field_meta).doc = \"d\"];\n}\n"
    );
}

#[test]
fn validation() {
    let unknown = read("syntax = \"proto3\"; message M { Nope a = 1; }");
    assert_eq!(unknown.validate(false).unwrap_err().0, "Could not resolve type: Nope");
    assert_eq!(unknown.normalized(), unknown.canonical());
    let keys = read("syntax = \"proto3\"; message M { map<bytes, M> a = 1; }");
    assert_eq!(
        keys.validate(false).unwrap_err().0,
        "map key must be non-byte, non-floating point scalar: bytes"
    );
    let zero = read("syntax = \"proto3\"; message M { int32 a = 0; }");
    assert!(zero.validate(false).is_ok());
    assert_eq!(
        zero.validate(true).unwrap_err().0,
        "Invalid protobuf schema definition: M.a: Field numbers must be positive integers."
    );
    assert!(zero.formatted("serialized").is_err());
}

#[test]
fn imports_that_go_round_in_circles_end() {
    let file = |name: &str, import: &str| Dependency {
        name: name.to_owned(),
        text: format!("syntax = \"proto3\"; import \"{import}\"; message {import} {{}}"),
    };
    let dependencies = [file("A", "B"), file("B", "A")];
    let text = "syntax = \"proto3\"; import \"A\"; message M { B b = 1; }";
    let schema = ProtobufSchema::read(text, &dependencies).unwrap();
    assert_eq!(schema.descriptors().unwrap().files().len(), 3);
    let mut chain: Vec<Dependency> =
        (0..1000).map(|n| file(&format!("m{n}"), &format!("m{}", n + 1))).collect();
    chain.reverse();
    let text = "syntax = \"proto3\"; import \"m0\"; message M {}";
    let schema = ProtobufSchema::read(text, &chain).unwrap();
    assert_eq!(schema.descriptors().unwrap().files().len(), 1001);
}

#[test]
fn names_must_not_be_too_long() {
    let error = |text: &str| ProtobufSchema::read(text, &[]).unwrap_err().0;
    let package = format!("package {}a; message M {{}}", "a.".repeat(300));
    assert!(error(&package).starts_with("Could not parse Protobuf - name is too long: a.a.a."));
    let name = "a".repeat(600);
    let nested = format!("message {name} {{ message {name} {{}} }}");
    assert!(error(&nested).contains("name is too long"));
}

#[test]
fn what_nests_as_deep_as_it_may_is_read() {
    let options = format!("{}[1]{}", "{a: ".repeat(98), "}".repeat(98));
    let messages = format!("{}int32 a = 1;{}", "message M {".repeat(100), "}".repeat(100));
    let schema = read(&format!("syntax = \"proto3\"; option (o) = {options}; {messages}"));
    let changed = schema.canonical().replace("int32 a", "string a");
    assert_eq!(schema.differences_from(&read(&changed)).len(), 1);
    assert!(schema.try_normalized().is_ok());
    let descriptor = schema.formatted("serialized").unwrap();
    assert!(read(&descriptor).validate(true).is_ok());
}
