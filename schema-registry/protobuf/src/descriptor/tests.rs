use super::*;
use crate::scope::Types;
use crate::text::parse;

fn proto(text: &str) -> FileProto {
    let file = parse(text).unwrap();
    let types = Types::of(&file, &[]);
    file_descriptor("f", &file, &types, |_| true).unwrap()
}

#[test]
fn what_is_encoded_can_be_decoded() {
    let file = proto(
        r#"syntax = "proto3"; package a.b;
        import "x.proto"; import public "y.proto"; import public "x.proto";
        option java_package = "j"; option optimize_for = CODE_SIZE;
        option (confluent.file_meta) = { doc: "d", params: { key: "k", value: "v" }, tags: "T",
            rules: { name: "r", sql: "s" } };
        message M {
            option deprecated = true;
            option (confluent.message_meta).doc = "m";
            reserved 100, 200 to max, "old";
            optional int32 i = 1 [deprecated = true, json_name = "I", targets = TARGET_TYPE_FIELD,
                targets = TARGET_TYPE_FILE, features = { field_presence: EXPLICIT }];
            map<string, M> m = 2;
            oneof o { E e = 3; string s = 4; }
            enum E { option allow_alias = true; A = 0; B = -5 [debug_redact = true]; reserved 7, 8 to 9; }
        }
        extend M { string ext = 50; }
        service S { option deprecated = true; rpc R (M) returns (stream M) {
            option idempotency_level = IDEMPOTENT; } }"#,
    );
    assert_eq!(decode(&encode(&file)).unwrap(), file);
    assert_eq!((file.dependencies.len(), file.public_dependencies.as_slice()), (2, &[1, 0][..]));
    let message = file.messages.first().unwrap();
    let names: Vec<&str> = message.fields.iter().map(|field| field.name.as_str()).collect();
    assert_eq!(names, ["e", "s", "i", "m"]);
    let oneofs: Vec<&str> = message.oneofs.iter().map(|oneof| oneof.name.as_str()).collect();
    assert_eq!(oneofs, ["o", "_i"]);
    assert_eq!(message.nested.first().unwrap().name, "mEntry");
}

#[test]
fn names_of_options_that_are_not_known() {
    let read = |options: &str| {
        let file = parse(&format!("syntax = \"proto3\"; {options}")).unwrap();
        file_descriptor("f", &file, &Types::of(&file, &[]), |_| true)
    };
    assert_eq!(
        read("option optimize_for = X;").unwrap_err().0,
        "No enum constant com.google.protobuf.DescriptorProtos.FileOptions.OptimizeMode.X"
    );
    assert_eq!(read("option features = X;").unwrap_err().0, "Expected option of kind MAP");
    assert!(read("option features = { enum_type: X }; option unknown = 1;").is_ok());
}

#[test]
fn bytes_that_are_no_descriptor() {
    assert_eq!(decode(&[0x0a, 9, 1]), None);
    assert_eq!(decode(&[]), Some(FileProto::default()));
    // A message in a message in a message …
    let mut deep = vec![0x1a, 0];
    for _ in 0..60 {
        let mut outer = vec![0x1a, u8::try_from(deep.len()).unwrap()];
        outer.extend(&deep);
        deep = outer;
    }
    let mut file = vec![0x22, u8::try_from(deep.len()).unwrap()];
    file.extend(&deep);
    assert!(decode(&file).is_some());
}
