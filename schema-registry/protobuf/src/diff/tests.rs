use super::*;
use crate::text::parse;

/// Kinds and paths of what was found.
fn differences(original: (&str, &[(&str, &str)]), update: (&str, &[(&str, &str)])) -> Vec<String> {
    let read = |(text, others): (&str, &[(&str, &str)])| {
        let others = others.iter().map(|(name, text)| ((*name).to_owned(), parse(text).unwrap()));
        (parse(text).unwrap(), others.collect::<Vec<_>>())
    };
    let (original, update) = (read(original), read(update));
    let found = compare((&original.0, &original.1), (&update.0, &update.1));
    found.iter().map(|of| format!("{} {}", of.kind.name(), of.path)).collect()
}

fn in_message(original: &str, update: &str) -> Vec<String> {
    let file = |body: &str| {
        format!(
            "syntax = \"proto3\"; package t; message M {{ {body} }} message I {{}} enum E {{ A = 0; }}"
        )
    };
    differences((&file(original), &[]), (&file(update), &[]))
}

#[test]
fn fields() {
    assert_eq!(in_message("int32 a = 1;", "bool a = 1;"), [""; 0]);
    assert_eq!(in_message("int32 a = 1;", "E a = 1;"), [""; 0]);
    assert_eq!(in_message("string a = 1;", "bytes b = 1;"), [""; 0]);
    assert_eq!(in_message("int32 a = 1;", "sint32 a = 1;"), ["FIELD_SCALAR_KIND_CHANGED #/M/1"]);
    assert_eq!(in_message("int32 a = 1;", "I a = 1;"), ["FIELD_KIND_CHANGED #/M/1"]);
    assert_eq!(in_message("I a = 1;", "M a = 1;"), ["FIELD_NAMED_TYPE_CHANGED #/M/1"]);
    assert_eq!(
        in_message(
            "optional int32 a = 1; optional string b = 2;",
            "repeated int32 a = 1; repeated string b = 2;"
        ),
        ["FIELD_NUMERIC_LABEL_CHANGED #/M/1"]
    );
    assert_eq!(
        in_message("map<string, I> a = 1;", "map<int32, string> a = 1;"),
        ["FIELD_SCALAR_KIND_CHANGED #/M/1", "FIELD_KIND_CHANGED #/M/1"]
    );
}

#[test]
fn messages_and_oneofs() {
    assert_eq!(in_message("message N {} message O {}", "message N {}"), ["MESSAGE_REMOVED #/M/O"]);
    assert_eq!(in_message("string a = 1;", "oneof o { string a = 1; int32 b = 2; }"), [""; 0]);
    assert_eq!(
        in_message("string a = 1; int32 b = 2;", "oneof o { string a = 1; int32 b = 2; }"),
        ["MULTIPLE_FIELDS_MOVED_TO_ONEOF #/M/o"]
    );
    assert_eq!(
        in_message(
            "string a = 1; oneof o { int32 b = 2; }",
            "oneof o { string a = 1; int32 b = 2; }"
        ),
        ["FIELD_MOVED_TO_EXISTING_ONEOF #/M/o"]
    );
    assert_eq!(
        in_message("oneof o { int32 b = 2; int32 c = 3; }", "oneof o { string b = 2; }"),
        ["FIELD_SCALAR_KIND_CHANGED #/M/o/2", "ONEOF_FIELD_REMOVED #/M/o/3"]
    );
}

#[test]
fn entries_of_maps_are_maps() {
    let entry = "message AEntry { option map_entry = true; string key = 1; int32 value = 2; }";
    let written_out = format!("{entry} repeated AEntry a = 1;");
    assert_eq!(in_message(&written_out, "map<string, int32> a = 1;"), [""; 0]);
    assert_eq!(
        in_message("map<string, string> a = 1;", &written_out),
        ["FIELD_SCALAR_KIND_CHANGED #/M/1"]
    );
}

#[test]
fn messages_of_other_files_are_compared() {
    let file = "syntax = \"proto3\"; package t; import \"d.proto\"; message M { d.D d = 1; }";
    let other =
        |body: &str| format!("syntax = \"proto3\"; package d; message D {{ {body} D again = 9; }}");
    let (one, two) = (other("int32 a = 1;"), other("string a = 1;"));
    let (one, two) = ([("d.proto", one.as_str())], [("d.proto", two.as_str())]);
    assert_eq!(differences((file, &one), (file, &one)), [""; 0]);
    assert_eq!(
        differences((file, &one), (file, &two)),
        ["FIELD_SCALAR_KIND_CHANGED #/D/1", "FIELD_NAMED_TYPE_CHANGED #/M/1"]
    );
    let own = "syntax = \"proto3\"; package t; message M { D d = 1; } message D { int32 a = 1; }";
    let found = differences((file, &one), (own, &[]));
    assert_eq!(found, [""; 0]);
}

#[test]
fn messages_that_refer_to_each_other_end() {
    let many = |first: &str| {
        let mut text = "syntax = \"proto3\"; package d;".to_owned();
        for message in 0..50 {
            text.push_str(&format!("message M{message} {{ {first} f0 = 1000;"));
            for field in 0..50 {
                text.push_str(&format!(" M{field} f{field} = {};", field + 1));
            }
            text.push_str(" }\n");
        }
        text
    };
    let file = "syntax = \"proto3\"; package t; import \"d.proto\"; message M { d.M0 d = 1; }";
    let (one, two) = (many("int32"), many("string"));
    let found = differences((file, &[("d.proto", &one)]), (file, &[("d.proto", &two)]));
    assert!(found.iter().any(|of| of == "FIELD_SCALAR_KIND_CHANGED #/M0/1000"));
    let (one, two) = (many("int32"), many("int64"));
    let found = differences((file, &[("d.proto", &one)]), (file, &[("d.proto", &two)]));
    assert!(found.len() < 1_000_000);
}
