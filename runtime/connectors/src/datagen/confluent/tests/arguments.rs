//! Each form of `arg.properties`.

use std::collections::BTreeSet;

use gantry_api::Value;

use super::{texts, values};

/// A type with `arg.properties`.
fn with(type_: &str, arguments: &str) -> String {
    format!(r#"{{"type":"{type_}","arg.properties":{arguments}}}"#)
}

fn ints(values: &[Value]) -> Vec<i64> {
    let int = |value: &Value| match value {
        Value::Int32(n) => i64::from(*n),
        Value::Int64(n) => *n,
        other => panic!("{other:?}"),
    };
    values.iter().map(int).collect()
}

fn doubles(values: &[Value]) -> Vec<f64> {
    let double = |value: &Value| match value {
        Value::Float32(n) => f64::from(*n),
        Value::Float64(n) => *n,
        other => panic!("{other:?}"),
    };
    values.iter().map(double).collect()
}

#[tokio::test]
async fn options() {
    let all = texts(&with("string", r#"{"options":["a","b","c"]}"#), 200).await;
    let seen: BTreeSet<&str> = all.iter().map(String::as_str).collect();
    assert_eq!(seen, BTreeSet::from(["a", "b", "c"]));
    for (type_, option, expected) in [
        ("int", "5", Value::Int32(5)),
        ("long", "5", Value::Int64(5)),
        ("long", "6011000990139424", Value::Int64(6_011_000_990_139_424)),
        ("float", "1.5", Value::Float32(1.5)),
        ("double", "2.0", Value::Float64(2.0)),
        ("boolean", "true", Value::Boolean(true)),
        ("bytes", r#""é""#, Value::Bytes("é".into())),
    ] {
        let one = values(&with(type_, &format!(r#"{{"options":[{option}]}}"#)), 1).await;
        assert_eq!(one.unwrap(), [expected], "{type_}");
    }
    for (type_, options, error) in [
        ("string", "[]", "options property cannot be empty"),
        ("string", "3", "options prop must be an array or an object, was java.lang.Integer"),
        ("string", "[1]", "Invalid option for string schema: type java.lang.Integer, value '1'"),
        ("double", "[1]", "Invalid option for double schema: type java.lang.Integer, value '1'"),
        ("int", "[3000000000]", "Invalid option for int schema: type java.lang.Long"),
        ("string", r#"{"encoding":"json"}"#, "options property must contain 'file' field"),
        ("string", r#"{"file":"x"}"#, "options property must contain 'encoding' field"),
        ("string", r#"{"file":"x","encoding":"xml"}"#, "only supports two formats"),
        (
            "string",
            r#"{"file":"/no/x","encoding":"json"}"#,
            "Unable to locate options file '/no/x'",
        ),
    ] {
        let found = values(&with(type_, &format!(r#"{{"options":{options}}}"#)), 1).await;
        let found = found.unwrap_err();
        assert!(found.contains(error), "{found}");
    }
}

#[tokio::test]
async fn options_of_types_with_parts() {
    let list = r#"{"type":"array","items":"string","arg.properties":{"options":[["a","b"]]}}"#;
    assert_eq!(
        values(list, 1).await.unwrap(),
        [Value::array(vec![Value::str("a"), Value::str("b")])]
    );
    let map = r#"{"type":"map","values":"long","arg.properties":{"options":[{"k":1}]}}"#;
    let Value::Map(map) = &values(map, 1).await.unwrap()[0] else { panic!() };
    assert_eq!(map.get("k"), Some(&Value::Int64(1)));
    let record = r#"{"type":"record","name":"Q","fields":[
        {"name":"a","type":"int"},{"name":"b","type":["null","string"]},
        {"name":"c","type":"string","default":"d"},
        {"name":"e","type":{"type":"enum","name":"E","symbols":["X","Y"]}},
        {"name":"g","type":{"type":"fixed","name":"F","size":2}}],
        "arg.properties":{"options":[{"a":1,"b":"x","e":"Y","g":"ab"}]}}"#;
    let Value::Struct(inner) = &values(record, 1).await.unwrap()[0] else { panic!() };
    let expected = [
        Value::Int32(1),
        Value::str("x"),
        Value::str("d"),
        Value::str("Y"),
        Value::Bytes("ab".into()),
    ];
    assert_eq!(inner.values(), expected);
    let missing = record.replace(r#""a":1,"#, "");
    assert!(values(&missing, 1).await.unwrap_err().contains("Field a: it has neither"));
}

#[tokio::test]
async fn options_of_a_file() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("options.json");
    std::fs::write(&file, "{\"a\":{\"string\":\"x\"},\"b\":1}\n{\"a\":null,\"b\":2}").unwrap();
    let record = format!(
        r#"{{"type":"record","name":"Q","fields":[{{"name":"a","type":["null","string"]}},
        {{"name":"b","type":"double"}}],
        "arg.properties":{{"options":{{"file":"{}","encoding":"json"}}}}}}"#,
        file.display()
    );
    let all: Vec<Vec<Value>> = values(&record, 50)
        .await
        .unwrap()
        .iter()
        .map(|value| match value {
            Value::Struct(inner) => inner.values().to_vec(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert!(all.contains(&vec![Value::str("x"), Value::Float64(1.0)]));
    assert!(all.contains(&vec![Value::Null, Value::Float64(2.0)]));
    std::fs::write(&file, "\0\0\0\0\0\0\0\x14\x40").unwrap();
    let binary = record.replace("\"json\"", "\"binary\"");
    let Value::Struct(inner) = &values(&binary, 1).await.unwrap()[0] else { panic!() };
    assert_eq!(inner.values(), [Value::Null, Value::Float64(5.0)]);
    std::fs::write(&file, "{\"a\":").unwrap();
    assert!(values(&record, 1).await.unwrap_err().contains("Unable to read options file"));
}

#[tokio::test]
async fn iterations() {
    for (type_, iteration, expected) in [
        ("int", r#"{"start":1}"#, [1, 2, 3, 4]),
        ("int", r#"{"start":1,"restart":4}"#, [1, 2, 3, 1]),
        ("int", r#"{"start":4,"restart":1}"#, [4, 3, 2, 4]),
        ("int", r#"{"start":0,"restart":10,"step":4}"#, [0, 4, 8, 2]),
        ("int", r#"{"start":0,"restart":10,"step":4,"initial":5}"#, [5, 9, 3, 7]),
        ("int", r#"{"start":0,"step":-5}"#, [0, -5, -10, -15]),
        (
            "long",
            r#"{"start":1609459200000,"step":100}"#,
            [1_609_459_200_000, 1_609_459_200_100, 1_609_459_200_200, 1_609_459_200_300],
        ),
    ] {
        let all = values(&with(type_, &format!(r#"{{"iteration":{iteration}}}"#)), 4).await;
        assert_eq!(ints(&all.unwrap()), expected, "{iteration}");
    }
    let all = values(&with("double", r#"{"iteration":{"start":0,"step":0.1}}"#), 7).await.unwrap();
    assert_eq!(doubles(&all), [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6]);
    let round = r#"{"iteration":{"start":0.5,"restart":2,"step":0.5}}"#;
    let all = values(&with("float", round), 4).await.unwrap();
    assert_eq!(doubles(&all), [0.5, 1.0, 1.5, 0.5]);
    let all = values(&with("boolean", r#"{"iteration":{"start":true}}"#), 3).await.unwrap();
    assert_eq!(all, [true, false, true].map(Value::Boolean));
    let named = r#"{"iteration":{"start":8},"prefix":"n-","suffix":"."}"#;
    assert_eq!(texts(&with("string", named), 3).await, ["n-8.", "n-9.", "n-10."]);
}

#[tokio::test]
async fn wrong_iterations() {
    for (type_, iteration, error) in [
        ("int", "{}", "iteration property must contain start field"),
        ("int", "1", "iteration property must be an object"),
        ("int", r#"{"start":1,"step":0}"#, "step field of iteration property cannot be zero"),
        (
            "int",
            r#"{"start":1,"restart":1}"#,
            "start and restart fields of iteration property cannot be equal",
        ),
        (
            "int",
            r#"{"start":1,"restart":5,"step":-1}"#,
            "step field of iteration property must be positive when restart field is greater than \
             start field",
        ),
        (
            "int",
            r#"{"start":5,"restart":1,"step":1}"#,
            "step field of iteration property must be negative when restart field is less than \
             start field",
        ),
        ("int", r#"{"start":1.5}"#, "start field of iteration property must be an integral number"),
        ("double", r#"{"start":1e300}"#, "more digits than an iteration counts with"),
        (
            "boolean",
            r#"{"start":true,"restart":false}"#,
            "iteration property cannot contain restart field for a boolean schema",
        ),
        (
            "bytes",
            r#"{"start":1}"#,
            "iteration property can only be specified on numeric, boolean or string schemas, not \
             bytes schema",
        ),
    ] {
        let found = values(&with(type_, &format!(r#"{{"iteration":{iteration}}}"#)), 1).await;
        let found = found.unwrap_err();
        assert!(found.contains(error), "{found}");
    }
}

#[tokio::test]
async fn ranges() {
    let all = ints(&values(&with("int", r#"{"range":{"min":-2,"max":3}}"#), 300).await.unwrap());
    assert_eq!(all.iter().copied().collect::<BTreeSet<_>>(), (-2..3).collect());
    for (type_, range, min, max) in [
        ("int", r#"{"min":10}"#, 10.0, f64::from(i32::MAX)),
        ("int", r#"{"max":-10}"#, f64::from(i32::MIN), -10.0),
        ("long", r#"{"min":0}"#, 0.0, i64::MAX as f64),
        ("long", r#"{"min":5,"max":1000000000000}"#, 5.0, 1e12),
    ] {
        let all = values(&with(type_, &format!(r#"{{"range":{range}}}"#)), 100).await.unwrap();
        assert!(ints(&all).iter().all(|n| (min..=max).contains(&(*n as f64))), "{range}");
    }
    for (type_, arguments, min, max) in [
        ("double", r#"{"range":{"min":0.5,"max":2}}"#, 0.5, 2.0),
        ("double", r#"{"range":{"max":-1}}"#, f64::MIN, -1.0),
        ("float", r#"{"range":{"min":-3,"max":-2}}"#, -3.0, -2.0),
        ("float", "{}", 0.0, 1.0),
        ("double", "{}", 0.0, 1.0),
    ] {
        let all = values(&with(type_, arguments), 100).await.unwrap();
        assert!(doubles(&all).iter().all(|n| (min..=max).contains(n)), "{type_} {arguments}");
    }
    for (type_, range, error) in [
        (
            "int",
            r#"{"min":3,"max":3}"#,
            "'min' field must be strictly less than 'max' field in range property",
        ),
        (
            "int",
            r#"{"min":1.5}"#,
            "'min' field of range property must be an integral number, was java.lang.Double",
        ),
        (
            "int",
            r#"{"max":3000000000}"#,
            "'max' field of range property must be a valid int for int schemas",
        ),
        ("double", "3", "range property must be an object"),
    ] {
        let found = values(&with(type_, &format!(r#"{{"range":{range}}}"#)), 1).await;
        let found = found.unwrap_err();
        assert!(found.contains(error), "{found}");
    }
}

#[tokio::test]
async fn lengths() {
    for (arguments, min, max) in [
        ("{}", 8, 15),
        (r#"{"length":0}"#, 0, 0),
        (r#"{"length":5}"#, 5, 5),
        (r#"{"length":{"min":2,"max":4}}"#, 2, 3),
        (r#"{"length":{"max":3}}"#, 0, 2),
    ] {
        let lengths: BTreeSet<usize> =
            texts(&with("string", arguments), 200).await.iter().map(String::len).collect();
        assert_eq!(lengths, (min..=max).collect(), "{arguments}");
        let bytes = values(&with("bytes", arguments), 50).await.unwrap();
        assert!(bytes.iter().all(|value| {
            matches!(value, Value::Bytes(bytes) if (min..=max).contains(&bytes.len()))
        }));
        let list = format!(r#"{{"type":"array","items":"int","arg.properties":{arguments}}}"#);
        let lists = values(&list, 50).await.unwrap();
        assert!(lists.iter().all(|value| {
            matches!(value, Value::Array(list) if (min..=max).contains(&list.len()))
        }));
    }
    for (length, error) in [
        ("-1", "when given as integral number, length property cannot be negative"),
        ("{}", "length property must contain at least one of 'min' or 'max' fields when given as"),
        (
            r#"{"min":3,"max":3}"#,
            "max field must be strictly greater than min field for length property",
        ),
        ("\"x\"", "length property must either be an integral number or an object, was java.lang"),
        (r#"{"min":3}"#, "length property must have a max field of at most"),
    ] {
        let found = values(&with("string", &format!(r#"{{"length":{length}}}"#)), 1).await;
        let found = found.unwrap_err();
        assert!(found.contains(error), "{found}");
    }
}

#[tokio::test]
async fn patterns() {
    let is = |text: &str, check: &dyn Fn(char) -> bool| text.chars().all(check);
    for (regex, length, check) in [
        ("[a-c]{2,4}", (2, 4), (|c| ('a'..='c').contains(&c)) as fn(char) -> bool),
        (r"\\d{3}", (3, 3), |c| c.is_ascii_digit()),
        ("[^a-z]{5}", (5, 5), |c| !c.is_ascii_lowercase()),
        ("(foo|bar)", (3, 3), |c| "fobar".contains(c)),
        ("x?", (0, 1), |c| c == 'x'),
        ("", (0, 0), |_| false),
    ] {
        let all = texts(&with("string", &format!(r#"{{"regex":"{regex}"}}"#)), 100).await;
        for text in &all {
            let count = text.chars().count();
            assert!((length.0..=length.1).contains(&count) && is(text, &check), "{regex}: {text}");
        }
        let counts: BTreeSet<usize> = all.iter().map(|text| text.chars().count()).collect();
        assert!(counts.contains(&length.0) && counts.contains(&length.1), "{regex}: {counts:?}");
    }
    let all = texts(&with("string", r#"{"regex":"a*b","length":{"min":4,"max":7}}"#), 100).await;
    assert!(all.iter().all(|text| (4..=6).contains(&text.len()) && text.ends_with('b')), "{all:?}");
    let all = texts(&with("string", r#"{"regex":"a|bcd","length":3}"#), 20).await;
    assert!(all.iter().all(|text| text == "bcd"), "{all:?}");
    // Nothing is as long as that: what comes nearest.
    let all = texts(&with("string", r#"{"regex":"ab","length":5}"#), 2).await;
    assert_eq!(all, ["ab", "ab"]);
    let affixed = r#"{"regex":"x{2}","prefix":"<","suffix":">"}"#;
    assert_eq!(texts(&with("string", affixed), 1).await, ["<xx>"]);
    // A range of characters is as likely as another, however many are in it.
    let all = texts(&with("string", r#"{"regex":"[a-z ]{1000}"}"#), 10).await;
    let blanks = all.iter().flat_map(|text| text.chars()).filter(|c| *c == ' ').count();
    assert!((4500..5500).contains(&blanks), "{blanks}");
    for (arguments, error) in [
        (r#"{"regex":"a#"}"#, "# is an operator that is not supported"),
        (r#"{"regex":"(a"}"#, "Cannot use the regex \"(a\""),
        (r#"{"regex":"(.{900}){900}"}"#, "it is too large"),
        (r#"{"regex":"(a?){6000}"}"#, "it is too large"),
        (r#"{"regex":"(a|b)*a(a|b){30}"}"#, "it is too large"),
        (r#"{"regex":1}"#, "regex property must be a string"),
        (r#"{"prefix":1}"#, "prefix property must be a string"),
    ] {
        let found = values(&with("string", arguments), 1).await.unwrap_err();
        assert!(found.contains(error), "{found}");
    }
}

#[tokio::test]
async fn flags_maps_and_what_excludes_what() {
    let count = |all: Vec<Value>| all.iter().filter(|flag| **flag == Value::Boolean(true)).count();
    let rare = values(&with("boolean", r#"{"odds":0.1}"#), 1000).await.unwrap();
    assert!((50..200).contains(&count(rare)));
    assert_eq!(count(values(&with("boolean", r#"{"odds":1}"#), 50).await.unwrap()), 50);
    let found = values(&with("boolean", r#"{"odds":1.5}"#), 1).await.unwrap_err();
    assert!(found.contains("odds property must be in the range [0.0, 1.0]"), "{found}");
    let map = |arguments: &str| {
        format!(r#"{{"type":"map","values":"int","arg.properties":{arguments}}}"#)
    };
    let keyed = r#"{"length":3,"keys":{"iteration":{"start":1},"prefix":"k"}}"#;
    let all = values(&map(keyed), 2).await.unwrap();
    let Value::Map(second) = &all[1] else { panic!() };
    assert!(["k4", "k5", "k6"].iter().all(|key| second.get(key).is_some()), "{second:?}");
    // Of keys that are the same one is left.
    let all = values(&map(r#"{"length":3,"keys":{"options":["a"]}}"#), 1).await.unwrap();
    assert!(matches!(&all[0], Value::Map(map) if map.len() == 1));
    let all = values(&map(r#"{"length":1}"#), 20).await.unwrap();
    assert!(all.iter().all(|value| matches!(value, Value::Map(map) if map.len() == 1)));
    let found = values(&map(r#"{"keys":1}"#), 1).await.unwrap_err();
    assert!(found.contains("keys prop must be an object"), "{found}");
    for (arguments, error) in [
        (
            r#"{"options":["a"],"length":1}"#,
            "Cannot specify length prop when options prop is given",
        ),
        (
            r#"{"iteration":{"start":1},"regex":"a"}"#,
            "Cannot specify regex prop when iteration prop is given",
        ),
        (
            r#"{"iteration":{"start":1},"options":["a"]}"#,
            "Cannot specify iteration prop when options prop is given",
        ),
    ] {
        let found = values(&with("string", arguments), 1).await.unwrap_err();
        assert!(found.contains(error), "{found}");
    }
    let found = values(r#"{"type":"int","arg.properties":[]}"#, 1).await.unwrap_err();
    let text = "arg.properties property must be given as object, was java.util.ArrayList instead";
    assert!(found.contains(text), "{found}");
}
