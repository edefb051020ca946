use gantry_converters::JsonConverter;
use gantry_model::plugin::Converter;
use proptest::prelude::any;

use super::*;
use crate::tests::{Change, error_text, make, map, record};

const NAME: &str = "ExtractNewRecordState";
const MODE: &str = "delete.tombstone.handling.mode";
const ANN: &str = r#"{"id": 1, "name": "Ann", "mail": null, "shard": "s1"}"#;
const SALLY: &str = r#"{"id": 1, "name": "Sally", "mail": "s@x", "shard": " "}"#;
const SOURCE: &str = r#"{"version": "3.3.0.Final", "connector": "mysql", "name": "dbserver1",
    "ts_ms": 1486500577000, "snapshot": "false", "db": "inventory", "table": "customers",
    "server_id": 223344, "file": "mysql-bin.000003", "pos": 484, "row": 0}"#;
const TRANSACTION: &str = r#"{"id": "571", "total_order": 42, "data_collection_order": 7}"#;

/// The schema of events as Debezium's MySQL connector writes them, in JSON.
fn schema() -> String {
    let field = |of: &str, name: &str, optional: bool, more: &str| {
        format!(r#"{{"type": "{of}", "optional": {optional}, "field": "{name}"{more}}}"#)
    };
    let row = |name: &str| {
        let fields = [
            field("int32", "id", false, ""),
            field("string", "name", false, ""),
            field("string", "mail", true, r#", "default": "none""#),
            field("string", "shard", true, ""),
        ];
        let more = format!(
            r#", "name": "dbserver1.inventory.customers.Value", "fields": [{}]"#,
            fields.join(",")
        );
        field("struct", name, true, &more)
    };
    let of = |types: &[(&str, &str, bool)]| {
        let fields: Vec<_> =
            types.iter().map(|(of, name, optional)| field(of, name, *optional, "")).collect();
        format!(r#", "fields": [{}]"#, fields.join(","))
    };
    let source = of(&[
        ("string", "version", false),
        ("string", "connector", false),
        ("string", "name", false),
        ("int64", "ts_ms", false),
        ("string", "snapshot", true),
        ("string", "db", false),
        ("string", "table", true),
        ("int64", "server_id", false),
        ("string", "file", false),
        ("int64", "pos", false),
        ("int32", "row", false),
    ]);
    let transaction = of(&[
        ("string", "id", false),
        ("int64", "total_order", false),
        ("int64", "data_collection_order", false),
    ]);
    let more = r#", "name": "io.debezium.connector.mysql.Source""#.to_owned() + &source;
    let fields = [
        row("before"),
        row("after"),
        field("struct", "source", false, &more),
        field("struct", "transaction", true, &transaction),
        field("string", "op", false, ""),
        field("int64", "ts_ms", true, ""),
    ];
    format!(
        r#"{{"type": "struct", "optional": false, "version": 2,
            "name": "dbserver1.inventory.customers.Envelope", "fields": [{}]}}"#,
        fields.join(",")
    )
}

fn read(schema: &str, payload: &str) -> Datum {
    let props = [("converter.type", "value"), ("replace.null.with.default", "false")];
    let props = props.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    let mut converter = JsonConverter::new(&props).expect("a converter");
    let json = format!(r#"{{"schema": {schema}, "payload": {payload}}}"#);
    converter.to_connect("t", &[], Some(json.into())).expect("an event")
}

fn event(op: &str, before: &str, after: &str) -> ConnectRecord {
    let transaction = if op == "u" { TRANSACTION } else { "null" };
    let payload = format!(
        r#"{{"before": {before}, "after": {after}, "source": {SOURCE},
            "transaction": {transaction}, "op": "{op}", "ts_ms": 1486500577691}}"#
    );
    let mut record = record(Value::Null);
    record.value = read(&schema(), &payload);
    record
}

fn delete() -> ConnectRecord {
    event("d", ANN, "null")
}

fn changed(config: &[(&str, &str)], input: ConnectRecord) -> Option<ConnectRecord> {
    make(NAME, config).expect("valid").change(input).expect("applies")
}

fn kept(config: &[(&str, &str)], input: ConnectRecord) -> ConnectRecord {
    changed(config, input).expect("kept")
}

/// The fields of a row, which its schema fits.
fn row(datum: &Datum) -> Vec<(String, Value)> {
    let Value::Struct(inner) = &datum.value else { panic!("a struct, not {:?}", datum.value) };
    inner.validate().expect("fits");
    assert!(datum.schema.as_ref().expect("a schema").same(inner.schema()));
    let names = inner.schema().fields().expect("fields").list().iter();
    names.map(|field| field.name.to_string()).zip(inner.values().iter().cloned()).collect()
}

fn of(list: &[(&str, Value)]) -> Vec<(String, Value)> {
    list.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
}

fn ann() -> Vec<(String, Value)> {
    let texts = [Value::str("Ann"), Value::Null, Value::str("s1")];
    let [name, mail, shard] = texts;
    of(&[("id", Value::Int32(1)), ("name", name), ("mail", mail), ("shard", shard)])
}

fn with(mut fields: Vec<(String, Value)>, more: &[(&str, Value)]) -> Vec<(String, Value)> {
    fields.extend(of(more));
    fields
}

fn set(mut fields: Vec<(String, Value)>, name: &str, value: Value) -> Vec<(String, Value)> {
    fields.iter_mut().find(|(field, _)| field == name).expect("a field").1 = value;
    fields
}

#[test]
fn of_creates_reads_and_updates_the_row_after_is_left() {
    for (op, before) in [("c", "null"), ("r", "null"), ("u", SALLY)] {
        let out = kept(&[], event(op, before, ANN));
        assert_eq!(row(&out.value), ann(), "{op}");
        let schema = out.value.schema.expect("one");
        assert_eq!(schema.name().map(|n| &**n), Some("dbserver1.inventory.customers.Value"));
        assert!(!schema.is_optional(), "the row itself is there");
        assert!(out.headers.is_empty());
        assert_eq!(&*out.topic, "topic");
    }
}

#[test]
fn a_row_nobody_else_holds_is_not_copied_and_its_schema_is_built_once() {
    let mut t = make(NAME, &[(MODE, "tombstone")]).expect("valid");
    let mut first = None;
    for shared in [false, true, false] {
        let input = event("c", "null", ANN);
        let other = shared.then(|| input.clone());
        let Value::Struct(envelope) = &input.value.value else { panic!("a struct") };
        let Value::Struct(after) = envelope.get("after").expect("a field") else { panic!("a row") };
        let place = after.values().as_ptr();
        let out = t.change(input).expect("applies").expect("kept");
        let Value::Struct(inner) = &out.value.value else { panic!("a struct") };
        assert_eq!(inner.values().as_ptr() == place, !shared);
        let schema = inner.schema().clone();
        assert!(first.get_or_insert_with(|| schema.clone()).same(&schema));
        if let Some(other) = other {
            assert_eq!(other.value, event("c", "null", ANN).value, "left as it was");
        }
    }
}

#[test]
fn deletes_and_tombstones_in_each_mode() {
    let mut with_mark = with(ann(), &[("__deleted", Value::str("true"))]);
    with_mark = set(with_mark, "mail", Value::str("none"));
    for (mode, deletes, stays) in [
        ("drop", None, false),
        ("tombstone", Some(true), false),
        ("delete-to-tombstone", Some(false), false),
        (" Rewrite", Some(true), false),
        ("rewrite-with-tombstone", Some(true), true),
    ] {
        let config = [(MODE, mode)];
        let out = changed(&config, delete());
        assert_eq!(out.as_ref().map(|out| out.value.schema.is_some()), deletes, "{mode}");
        match out {
            Some(out) if mode.to_lowercase().contains("rewrite") => {
                assert_eq!(row(&out.value), with_mark);
            }
            Some(out) => assert_eq!(out.value.value, Value::Null),
            None => {}
        }
        assert_eq!(changed(&config, record(Value::Null)).is_some(), stays, "{mode}");
        assert_eq!(changed(&config, event("t", "null", "null")), None, "a truncated table");
    }
    assert_eq!(kept(&[], delete()).value.value, Value::Null);
    assert_eq!(changed(&[], record(Value::Null)), None);
}

#[test]
fn the_keys_of_before_count_where_only_they_are_set() {
    let rewritten = |out: &ConnectRecord| !out.value.value.is_null();
    for (config, expected, stays) in [
        (&[("drop.tombstones", "false")][..], None, true),
        (&[("delete.handling.mode", "none")], Some(false), false),
        (&[("delete.handling.mode", "REWRITE")], Some(true), false),
        (&[("delete.handling.mode", "rewrite"), ("drop.tombstones", "false")], Some(true), true),
        (&[("delete.handling.mode", "rewrite"), (MODE, "tombstone")], Some(false), false),
    ] {
        assert_eq!(changed(config, delete()).as_ref().map(rewritten), expected, "{config:?}");
        assert_eq!(changed(config, record(Value::Null)).is_some(), stays, "{config:?}");
    }
}

#[test]
fn rewritten_rows_are_marked_and_get_defaults_on_request() {
    let mark = [("__deleted", Value::str("false"))];
    let input = || event("c", "null", ANN);
    let marked = set(with(ann(), &mark), "mail", Value::str("none"));
    assert_eq!(row(&kept(&[(MODE, "rewrite")], input()).value), marked);
    let config = [(MODE, "rewrite"), ("replace.null.with.default", "false")];
    assert_eq!(row(&kept(&config, input()).value), with(ann(), &mark));
}

#[test]
fn fields_are_added_as_optional_ones_under_their_names() {
    let list = "op, table,lsn,source.ts_ms,transaction.id,total_order,ts_ms:at,db:DB,,";
    let out = kept(&[("add.fields", list)], event("c", "null", ANN));
    let added = [
        ("__op", Value::str("c")),
        ("__table", Value::str("customers")),
        ("__source_ts_ms", Value::Int64(1_486_500_577_000)),
        ("__transaction_id", Value::Null),
        ("__total_order", Value::Null),
        ("__at", Value::Int64(1_486_500_577_691)),
        ("__DB", Value::str("inventory")),
    ];
    assert_eq!(row(&out.value), with(ann(), &added));
    let schema = out.value.schema.expect("one");
    for (name, _) in added {
        assert!(schema.field(name).expect("a field").schema.is_optional(), "{name}");
    }
    let config = [("add.fields", "transaction.id,total_order"), ("add.fields.prefix", "")];
    let out = kept(&config, event("u", SALLY, ANN));
    let added = [("transaction_id", Value::str("571")), ("total_order", Value::Int64(42))];
    assert_eq!(row(&out.value), with(ann(), &added));
}

#[test]
fn deletes_that_are_rewritten_have_the_added_fields_and_others_do_not() {
    let config =
        [(MODE, "rewrite"), ("add.fields", "op,pos"), ("replace.null.with.default", "false")];
    let added = [
        ("__deleted", Value::str("true")),
        ("__op", Value::str("d")),
        ("__pos", Value::Int64(484)),
    ];
    assert_eq!(row(&kept(&config, delete()).value), with(ann(), &added));
    assert_eq!(kept(&[("add.fields", "op")], delete()).value.value, Value::Null);
}

#[test]
fn whole_structs_and_parts_of_the_row_are_added_too() {
    for shared in [false, true] {
        let input = event("c", "null", ANN);
        let other = shared.then(|| input.clone());
        let out = kept(&[("add.fields", "source,after.name,before.name")], input);
        let fields = row(&out.value);
        assert_eq!(fields[..4], ann());
        let Value::Struct(source) = &fields[4].1 else { panic!("{fields:?}") };
        assert_eq!(source.get("db").expect("a field"), &Value::str("inventory"));
        assert_eq!(fields[5], ("__after_name".to_owned(), Value::str("Ann")));
        assert_eq!(fields[6], ("__before_name".to_owned(), Value::Null));
        drop(other);
    }
}

#[test]
fn headers_are_added_to_events_and_tombstones_and_to_nothing_else() {
    let config = [
        ("add.headers", "op,source.ts_ms,db:from,lsn"),
        ("add.headers.prefix", "x-"),
        (MODE, "rewrite-with-tombstone"),
    ];
    let mut input = event("c", "null", ANN);
    input.headers.push(Header { key: "mine".into(), datum: Datum::NULL });
    let out = kept(&config, input);
    let headers: Vec<_> =
        out.headers.iter().map(|h| (h.key.to_string(), h.datum.value.clone())).collect();
    let expected = [
        ("mine", Value::Null),
        ("x-op", Value::str("c")),
        ("x-source_ts_ms", Value::Int64(1_486_500_577_000)),
        ("x-from", Value::str("inventory")),
    ];
    assert_eq!(headers, of(&expected));
    assert_eq!(out.headers[2].datum.schema, Some(Schema::optional_int64()));
    let out = kept(&config, record(Value::Null));
    let [one] = out.headers.as_slice() else { panic!("{:?}", out.headers) };
    assert_eq!((&*one.key, &one.datum.value), ("x-op", &Value::str("d")));
    assert_eq!(one.datum.schema, Some(Schema::string()));
    let other = record(Value::str("heartbeat"));
    assert_eq!(kept(&config, other.clone()), other);
}

#[test]
fn a_field_of_the_row_names_the_topic_unless_it_is_blank() {
    let config = [("route.by.field", "shard"), (MODE, "delete-to-tombstone")];
    assert_eq!(&*kept(&config, event("u", SALLY, ANN)).topic, "s1");
    assert_eq!(&*kept(&config, event("u", ANN, SALLY)).topic, "topic");
    let out = kept(&config, delete());
    assert_eq!((&*out.topic, out.value), ("s1", Datum::NULL));
    let error = |field| {
        let mut t = make(NAME, &[("route.by.field", field)]).expect("valid");
        error_text(t.change(event("c", "null", ANN)))
    };
    assert_eq!(error("nope"), "nope is not a valid field name");
    assert_eq!(error("id"), "Field 'id' is not of type STRING");
}

fn listing(mut record: ConnectRecord, names: &[&str]) -> ConnectRecord {
    let list = names.iter().map(|name| Value::str(name)).collect();
    let datum = Datum::schemaless(Value::array(list));
    record.headers.push(Header { key: "gone".into(), datum });
    record
}

#[test]
fn fields_that_a_header_lists_are_dropped() {
    let mut input = event("c", "null", ANN);
    input.key = crate::tests::struct_record().value;
    let input = listing(input, &["id", "name", "shard", "__op"]);
    let names = |datum: &Datum| -> Vec<String> { row(datum).into_iter().map(|(n, _)| n).collect() };
    for (compatible, from_key, value, key) in [
        ("true", "false", &["id", "name", "mail", "__pos"][..], &["id", "d"][..]),
        ("true", "true", &["id", "name", "mail", "__pos"], &["id", "d"]),
        ("false", "true", &["mail", "__pos"], &["d"]),
    ] {
        let config = [
            ("drop.fields.header.name", "gone"),
            ("drop.fields.keep.schema.compatible", compatible),
            ("drop.fields.from.key", from_key),
            ("add.fields", "op,pos"),
        ];
        let mut t = make(NAME, &config).expect("valid");
        // The second time it is known what to drop.
        for _ in 0..2 {
            let out = t.change(input.clone()).expect("applies").expect("kept");
            assert_eq!((names(&out.value), names(&out.key)), (owned(value), owned(key)));
        }
    }
    let config = [("drop.fields.header.name", "gone"), (MODE, "rewrite"), ("add.fields", "op")];
    let out = kept(&config, listing(delete(), &["shard", "__op"]));
    assert_eq!(names(&out.value), owned(&["id", "name", "mail", "__deleted", "__op"]));
    for mode in ["tombstone", "delete-to-tombstone"] {
        let config = [("drop.fields.header.name", "gone"), (MODE, mode)];
        assert_eq!(kept(&config, listing(delete(), &["shard"])).value.value, Value::Null);
    }
    assert_eq!(row(&kept(&config[..1], event("c", "null", ANN)).value), ann(), "no header");
}

fn owned(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn what_is_no_event_goes_on_as_it_is() {
    let row = map(&[("id", Value::Int32(1))]);
    let like_one = map(&[("before", Value::Null), ("after", row), ("op", Value::str("c"))]);
    let mut other = crate::tests::struct_record();
    for input in [record(like_one), other.clone()] {
        assert_eq!(kept(&[("add.fields", "op")], input.clone()), input);
    }
    other.value.schema = other
        .value
        .schema
        .map(|schema| schema.to_builder().name(Some("x.Envelope".into())).build_plain());
    let mut t = make(NAME, &[]).expect("valid");
    assert_eq!(error_text(t.change(other)), "Unknown field: after");
}

#[test]
fn a_row_that_is_no_struct_is_an_error() {
    let schema = r#"{"type": "struct", "name": "m.Envelope", "fields": [
        {"type": "string", "optional": true, "field": "before"},
        {"type": "string", "optional": true, "field": "after"}]}"#;
    let mut input = record(Value::Null);
    input.value = read(schema, r#"{"before": null, "after": "{}"}"#);
    let mut t = make(NAME, &[]).expect("valid");
    let text = error_text(t.change(input.clone()));
    assert_eq!(
        text,
        "Only Struct objects supported for [source field insertion], found: java.lang.String"
    );
    let mut t = make(NAME, &[("add.headers", "db")]).expect("valid");
    assert!(error_text(t.change(input)).contains("no field \"source\""));
}

#[test]
fn what_cannot_be_is_said() {
    for (config, text) in [
        (
            (MODE, "none"),
            "Invalid value none for configuration delete.tombstone.handling.mode: Value must be \
             one of ",
        ),
        (("delete.handling.mode", "tombstone"), "Value must be one of "),
        (("add.fields", "a:b:c"), "Unexpected field name: a:b:c"),
        (("add.headers", "."), "Unexpected field name: ."),
        (("drop.tombstones", "maybe"), "Expected value to be either true or false"),
        (("operation.header", "true"), "write add.headers=op in its place"),
        (("add.source.fields", "db"), "no key add.source.fields any more"),
    ] {
        let found = error_text(make(NAME, &[config]));
        assert!(found.contains(text), "{found}");
    }
    let twice = [("add.fields", "op,op")];
    let text = error_text(make(NAME, &twice).expect("valid").change(event("c", "null", ANN)));
    assert_eq!(text, "Cannot create field because of field name duplication __op");
}

proptest::proptest! {
    #[test]
    fn any_other_value_passes_unchanged(
        text in any::<String>(),
        name in proptest::option::of("[A-Za-z.]{0,12}(Envelope)?[a-z]"),
    ) {
        let mut input = record(Value::str(&text));
        input.value.schema = name.map(|name| {
            Schema::string().to_builder().name(Some(name.as_str().into())).build_plain()
        });
        let config = [("add.headers", "op"), (MODE, "rewrite"), ("route.by.field", "x")];
        proptest::prop_assert_eq!(kept(&config, input.clone()), input);
    }
}
