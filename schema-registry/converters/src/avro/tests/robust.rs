//! Bytes that are none of the schema's, and schemas that ask for too much.

use gantry_model::SchemaBuilder;

use super::*;

#[test]
fn wrong_bytes_are_refused_with_their_place() {
    let format = format(&[]);
    let fails = |registered: &str, bytes: &[u8]| message(read(&format, registered, bytes));
    let record = r#"{"type":"record","name":"R","fields":[{"name":"a","type":{"type":"array","items":
        {"type":"record","name":"I","fields":[{"name":"s","type":"string"}]}}}]}"#;
    assert_eq!(
        fails(record, &[4, 2, b'x', 2, 0xff, 0]),
        "Avro data of field a[1].s: a string of 1 bytes is no UTF-8 at byte 0"
    );
    assert_eq!(fails(record, &[2, 3]), "Avro data of field a[0].s: a string has the length -2");
    assert_eq!(
        fails(record, &[2, 20, b'x']),
        "Avro data of field a[0].s: the bytes end within a string"
    );
    let long = [&[2, 80][..], &[0xff; 40]].concat();
    assert!(fails(record, &long).ends_with("a string of 40 bytes is no UTF-8 at byte 0"));
    let map = r#"{"type":"map","values":["null","int"]}"#;
    assert_eq!(fails(map, &[2, 2, b'k', 4, 0]), "Avro data[\"k\"]: a union of 2 has no branch 2");
    assert_eq!(fails(map, &[2, 2, b'k', 1, 0]), "Avro data[\"k\"]: a union of 2 has no branch -1");
    assert_eq!(
        fails(r#"["null","int","string"]"#, &[6]),
        "Avro data: a union of 3 has no branch 3"
    );
    assert_eq!(fails(r#"["int"]"#, &[2, 2]), "Avro data: a union of 1 has no branch 1");
    let symbols = r#"{"type":"enum","name":"E","symbols":["A"]}"#;
    assert_eq!(fails(symbols, &[2]), "Avro data: an enum of 1 has no symbol 1");
    assert_eq!(fails(symbols, &[1]), "Avro data: an enum of 1 has no symbol -1");
    let time = r#"{"type":"int","logicalType":"time-millis"}"#;
    assert_eq!(fails(time, &[1]), "Avro data: -1 milliseconds are no time of a day");
    let decimal = r#"["null",{"type":"bytes","logicalType":"decimal","precision":4}]"#;
    assert_eq!(fails(decimal, &[2, 0]), "Avro data: a decimal has no bytes");
}

#[test]
fn blocks_may_have_a_size_and_be_many() {
    let ints = r#"{"type":"array","items":"int"}"#;
    let list = |bytes: &[u8]| read(&format(&[]), ints, bytes).unwrap().value;
    let expected = Value::array(vec![Value::Int32(1), Value::Int32(2), Value::Int32(3)]);
    assert_eq!(list(&[6, 2, 4, 6, 0]), expected);
    assert_eq!(list(&[3, 4, 2, 4, 2, 6, 0]), expected);
    assert_eq!(list(&[0]), Value::array(Vec::new()));
}

#[test]
fn counts_that_no_bytes_bear_out_cost_nothing() {
    let format = format(&[]);
    let huge = {
        let mut out = Vec::new();
        super::super::binary::put_long(&mut out, 1 << 60);
        out
    };
    for items in [
        "\"int\"",
        r#"{"type":"record","name":"E","fields":[]}"#,
        r#"{"type":"fixed","name":"F","size":0}"#,
        r#"{"type":"array","items":{"type":"record","name":"E","fields":[]}}"#,
    ] {
        let registered = format!(r#"{{"type":"array","items":{items}}}"#);
        assert!(read(&format, &registered, &huge).is_err(), "{items}");
        let many: Vec<u8> = std::iter::repeat_n(&huge, 100).flatten().copied().collect();
        assert!(read(&format, &registered, &many).is_err(), "{items}");
    }
    let wide: Vec<String> = (0..500).map(|n| format!(r#"{{"name":"f{n}","type":"E"}}"#)).collect();
    let wide = format!(
        r#"["null",{{"type":"record","name":"E","fields":[]}},{{"type":"array","items":
            {{"type":"record","name":"W","fields":[{}]}}}}]"#,
        wide.join(",")
    );
    let mut bytes = vec![4];
    super::super::binary::put_long(&mut bytes, 100_000);
    assert!(message(read(&format, &wide, &bytes)).contains("more than 100000 values"));
}

#[test]
fn what_is_behind_a_value_is_ignored_unless_a_key_says_otherwise() {
    assert_eq!(read(&format(&[]), "\"int\"", &[2, 9]).unwrap().value, Value::Int32(1));
    let strict = format(&[("avro.fail.on.trailing.data", "true")]);
    assert_eq!(
        message(read(&strict, "\"int\"", &[2, 9])),
        "Avro data: 1 of 2 bytes are left behind the value"
    );
    assert_eq!(read(&strict, "\"bytes\"", &[2, 9]).unwrap().value, Value::Bytes(vec![2, 9].into()));
}

#[test]
fn data_that_nest_without_an_end_are_refused() {
    let format = format(&[]);
    let anything = format.translate(None).unwrap();
    // A list of one item, again and again.
    let bytes: Vec<u8> = [0, 0, 0, 0, 0, 0, 0, 2, 2].repeat(10_000);
    assert!(message(read(&format, &anything, &bytes)).contains("250 levels deep"));
    let deep = |levels| (0..levels).fold(Value::Null, |inner, _| Value::array(vec![inner]));
    assert!(message(write(&format, None, &anything, &deep(1000))).contains("250 levels deep"));
    let bytes = write(&format, None, &anything, &deep(249)).unwrap().unwrap();
    assert_eq!(read(&format, &anything, &bytes).unwrap().value, deep(249));
}

#[test]
fn schemas_that_hold_too_much_are_refused() {
    let format = format(&[]);
    let nested = (0..1000).fold(Schema::int32(), |inner, _| {
        SchemaBuilder::new(gantry_model::Kind::Array(inner)).build_plain()
    });
    assert!(message(format.translate(Some(&nested))).contains("100 levels"));
    // Each record holds the one before it twice.
    let mut chain = r#"["null",{"type":"record","name":"R0","fields":[]}"#.to_owned();
    for n in 1..60 {
        let below = n - 1;
        chain += &format!(
            r#",{{"type":"record","name":"R{n}","fields":[{{"name":"a","type":"R{below}"}},{{"name":"b","type":"R{below}"}}]}}"#
        );
    }
    chain.push(']');
    assert!(message(format.reader(&avro(&chain), None, &[])).contains("250000 types"));
    let long: String = (1..1000)
        .map(|n| {
            format!(
                r#",{{"type":"record","name":"R{n}","fields":[{{"name":"a","type":"R{}"}}]}}"#,
                n - 1
            )
        })
        .collect();
    let long = format!(r#"[{{"type":"record","name":"R0","fields":[]}}{long}]"#);
    assert!(message(format.reader(&avro(&long), None, &[])).contains("100 levels"));
}

#[test]
fn records_that_hold_themselves_are_refused() {
    let format = format(&[]);
    for registered in [
        r#"{"type":"record","name":"L","fields":[{"name":"n","type":["null","L"]}]}"#,
        r#"{"type":"record","name":"L","fields":[{"name":"n","type":{"type":"array","items":"L"}}]}"#,
        r#"{"type":"record","name":"L","fields":[{"name":"n","type":{"type":"array","items":
            {"type":"record","name":"M","fields":[{"name":"key","type":"L"},{"name":"value","type":"int"}],
             "connect.internal.type":"MapEntry"}}}]}"#,
    ] {
        let error = message(format.reader(&avro(registered), None, &[]));
        assert_eq!(error, "Record L holds itself, which no Connect schema can");
    }
}
