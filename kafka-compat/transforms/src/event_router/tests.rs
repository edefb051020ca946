use std::sync::Arc;

use gantry_model::{Kind, Struct};

use super::*;
use crate::tests::{Change, error_text, make, map, record};

const NAME: &str = "io.debezium.transforms.outbox.EventRouter";
const EXTRAS: &str = "table.fields.additional.placement";
const EXPAND: (&str, &str) = ("table.expand.json.payload", "true");
const CAME_MS: i64 = 1_553_460_205_000;

fn structure(name: Option<&str>, fields: &[(&str, Schema, Value)]) -> Datum {
    let list = fields.iter().map(|(name, schema, _)| ((*name).into(), schema.clone()));
    let builder = SchemaBuilder::structure(list.collect()).expect("distinct names");
    let schema = builder.name(name.map(Str::from)).optional().build_plain();
    let values = fields.iter().map(|(.., value)| value.clone()).collect();
    Datum::new(schema.clone(), Value::Struct(Arc::new(Struct::from_values(schema, values))))
}

fn time(of: &str) -> Schema {
    Schema::optional_int64().to_builder().name(Some(of.into())).build_plain()
}

/// A change of an outbox table, with further fields.
fn event(op: &str, payload: Value, more: &[(&str, Schema, Value)]) -> ConnectRecord {
    let text = |name, value| (name, Schema::string(), Value::str(value));
    let mut fields = vec![
        text("id", "da8d6de6"),
        text("aggregatetype", "User"),
        text("aggregateid", "10711fa5"),
        text("type", "UserCreated"),
        ("payload", Schema::optional_string(), payload),
    ];
    fields.extend_from_slice(more);
    envelope(op, structure(Some("db.outbox.Value"), &fields), "io.debezium.connector.mysql.Source")
}

fn envelope(op: &str, row: Datum, source: &str) -> ConnectRecord {
    let source = structure(Some(source), &[("db", Schema::string(), Value::str("shop"))]);
    let schema = row.schema.expect("a schema");
    let mut record = record(Value::Null);
    record.partition = Some(7);
    record.value = structure(
        Some("db.outbox.Envelope"),
        &[
            ("before", schema.clone(), Value::Null),
            ("after", schema, row.value),
            ("source", source.schema.expect("a schema"), source.value),
            ("op", Schema::string(), Value::str(op)),
            ("ts_ms", Schema::optional_int64(), Value::Int64(CAME_MS)),
        ],
    );
    record
}

fn user(more: &[(&str, Schema, Value)]) -> ConnectRecord {
    event("c", Value::str("{}"), more)
}

fn changed(config: &[(&str, &str)], input: ConnectRecord) -> Option<ConnectRecord> {
    make(NAME, config).expect("valid").change(input).expect("applies")
}

fn kept(config: &[(&str, &str)], input: ConnectRecord) -> ConnectRecord {
    changed(config, input).expect("kept")
}

fn failed(config: &[(&str, &str)], input: ConnectRecord) -> String {
    error_text(make(NAME, config).expect("valid").change(input))
}

fn fields(datum: &Datum) -> Vec<(String, Value)> {
    let Value::Struct(inner) = &datum.value else { panic!("a struct, not {:?}", datum.value) };
    inner.validate().expect("fits");
    assert_eq!(datum.schema.as_ref(), Some(inner.schema()));
    let names = inner.schema().fields().expect("fields").list().iter();
    names.map(|field| field.name.to_string()).zip(inner.values().iter().cloned()).collect()
}

fn of(list: &[(&str, Value)]) -> Vec<(String, Value)> {
    list.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
}

#[test]
fn a_row_becomes_its_message() {
    for shared in [false, true] {
        let input = user(&[]);
        let other = shared.then(|| input.clone());
        let out = kept(&[], input);
        assert_eq!(&*out.topic, "outbox.event.User");
        assert_eq!(out.key, Datum::new(Schema::string(), Value::str("10711fa5")));
        assert_eq!(out.value, Datum::new(Schema::optional_string(), Value::str("{}")));
        assert_eq!((out.timestamp_ms, out.partition), (Some(CAME_MS), None));
        let [id] = out.headers.as_slice() else { panic!("{:?}", out.headers) };
        assert_eq!((&*id.key, &id.datum.value), ("id", &Value::str("da8d6de6")));
        assert!(other.is_none_or(|other| other == user(&[])), "left as it was");
    }
}

#[test]
fn only_new_rows_are_messages() {
    assert_eq!(changed(&[], record(Value::Null)), None);
    for (op, is_kept) in [("c", true), ("r", true), ("d", false), ("u", false)] {
        assert_eq!(changed(&[], event(op, Value::Null, &[])).is_some(), is_kept, "{op}");
    }
    let config = [("table.op.invalid.behavior", "Fatal")];
    let mut update = event("u", Value::Null, &[]);
    update.key = Datum::schemaless(Value::Int32(5));
    assert_eq!(failed(&config, update), "Unexpected update message received 5, fail.");
    for other in [record(map(&[("op", Value::str("c"))])), crate::tests::struct_record()] {
        assert_eq!(kept(&config, other.clone()), other);
    }
    let row = user(&[]).value.schema.expect("one").field("after").expect("one").schema.clone();
    let text = failed(&[], envelope("t", Datum::new(row, Value::Null), "x"));
    assert_eq!(text, "Only Struct objects supported for [Read Outbox Event], found: null");
}

#[test]
fn names_of_fields_and_topics_are_configured() {
    let more = [
        ("uuid", Schema::int64(), Value::Int64(9)),
        ("who", Schema::int32(), Value::Int32(3)),
        ("what", Schema::bytes(), Value::Bytes(vec![1].into())),
        ("area", Schema::string(), Value::str("b2b-Order")),
    ];
    let config = [
        ("table.field.event.id", "uuid"),
        ("table.field.event.key", "who"),
        ("table.field.event.payload", "what"),
        ("route.by.field", "area"),
        ("route.topic.regex", "(\\w+)-(?<routedByValue>.*)"),
        ("route.topic.replacement", "$1.${routedByValue}"),
    ];
    let mut t = make(NAME, &config).expect("valid");
    for _ in 0..2 {
        let out = t.change(user(&more)).expect("applies").expect("kept");
        assert_eq!(&*out.topic, "b2b.Order");
        assert_eq!(out.headers[0].datum, Datum::new(Schema::int64(), Value::Int64(9)));
        assert_eq!(out.key, Datum::new(Schema::int32(), Value::Int32(3)));
        assert_eq!(out.value.value, Value::Bytes(vec![1].into()));
    }
    let config = [("route.topic.regex", "Order"), ("route.topic.replacement", "x")];
    assert_eq!(&*kept(&config, user(&[])).topic, "User", "does not match");
}

#[test]
fn further_fields_go_where_they_are_placed() {
    let flag = Schema::boolean().to_builder().default_value(Some(Value::Boolean(true)));
    let flag = flag.optional().build_plain();
    let more = [
        ("version", Schema::int32(), Value::Int32(2)),
        ("flag", flag.clone(), Value::Null),
        ("queue", Schema::optional_int32(), Value::Int32(4)),
    ];
    let config = [
        (EXTRAS, "type:header:kind, type:Envelope , flag:envelope:is_on,queue:partition"),
        ("table.field.event.schema.version", "version"),
    ];
    let mut t = make(NAME, &config).expect("valid");
    let mut first = None;
    for _ in 0..2 {
        let out = t.change(user(&more)).expect("applies").expect("kept");
        assert_eq!(out.partition, Some(4));
        let headers: Vec<_> = out.headers.iter().map(|h| (&*h.key, &h.datum.value)).collect();
        let kind = Value::str("UserCreated");
        assert_eq!(headers, [("id", &Value::str("da8d6de6")), ("kind", &kind)]);
        let expected =
            [("payload", Value::str("{}")), ("type", kind), ("is_on", Value::Boolean(true))];
        assert_eq!(fields(&out.value), of(&expected));
        let schema = out.value.schema.expect("one");
        assert_eq!(schema.name().map(|name| &**name), Some("db.outbox.User.Value"));
        assert_eq!((schema.version(), schema.is_optional()), (Some(2), false));
        assert_eq!(schema.field("is_on").expect("a field").schema, flag);
        // Built once.
        assert!(first.get_or_insert_with(|| schema.clone()).same(&schema));
    }
}

#[test]
fn fields_that_are_missing_are_errors_unless_they_may_be() {
    for (config, text) in [
        (("table.field.event.payload", "x"), "Unable to find payload field x in event"),
        (("table.field.event.timestamp", "x"), "Unable to find timestamp field x in event"),
        (("table.field.event.id", "x"), "x is not a valid field name"),
        (("table.field.event.key", "x"), "x is not a valid field name"),
        (("route.by.field", "x"), "x is not a valid field name"),
        ((EXTRAS, "x:envelope"), "Unable to find field x in event"),
        ((EXTRAS, "x:header"), "x is not a valid field name"),
        ((EXTRAS, "type:partition"), "Field 'type' is not of type INT32"),
    ] {
        assert_eq!(failed(&[config], user(&[])), text);
    }
    let config = [(EXTRAS, "x:header,x:partition"), ("table.field.additional.missing", "ignore")];
    assert_eq!(kept(&config, user(&[])).headers.len(), 1);
}

#[test]
fn times_of_rows_are_milliseconds() {
    let config = [("table.field.event.timestamp", "at")];
    let at = |schema, value| kept(&config, user(&[("at", schema, value)])).timestamp_ms;
    let value = || Value::Int64(1_553_460_779_123_456_789);
    let millis = Some(1_553_460_779_123);
    assert_eq!(at(time("io.debezium.time.Timestamp"), Value::Int64(5)), Some(5));
    assert_eq!(at(time("io.debezium.time.MicroTimestamp"), Value::Int64(5999)), Some(5));
    assert_eq!(at(time("io.debezium.time.NanoTimestamp"), value()), millis);
    assert_eq!(at(time("io.debezium.time.Timestamp"), Value::Null), Some(CAME_MS));
    for (schema, text) in [
        (time("x"), "Unsupported field type x for event timestamp"),
        (
            Schema::int64(),
            "Unsupported field type INT64 (without logical schema name) for event timestamp",
        ),
        (Schema::int32(), "Field 'at' is not of type INT64"),
    ] {
        let value = if *schema.kind() == Kind::Int32 { Value::Int32(1) } else { value() };
        assert_eq!(failed(&config, user(&[("at", schema, value)])), text);
    }
}

#[test]
fn messages_without_payload_become_tombstones_on_request() {
    let config = [("route.tombstone.on.empty.payload", "true"), (EXTRAS, "type:envelope")];
    for payload in [Value::Null, Value::str(" ")] {
        let out = kept(&config, event("c", payload.clone(), &[]));
        assert_eq!((out.value, &*out.topic), (Datum::NULL, "outbox.event.User"));
        assert_eq!(kept(&[], event("c", payload.clone(), &[])).value.value, payload);
    }
    assert!(!kept(&config, user(&[])).value.value.is_null());
}

#[test]
fn names_for_oracle_are_in_capitals_unless_they_are_set() {
    let text = |name, value| (name, Schema::string(), Value::str(value));
    let row = structure(
        None,
        &[
            text("ID", "1"),
            text("AGGREGATETYPE", "User"),
            text("key", "k"),
            text("PAYLOAD", "{}"),
            text("TYPE", "t"),
        ],
    );
    let input = envelope("c", row, "io.debezium.connector.oracle.Source");
    let out = kept(&[("table.field.event.key", "key"), (EXTRAS, "TYPE:envelope")], input);
    assert_eq!((&*out.topic, out.key.value), ("outbox.event.User", Value::str("k")));
    let schema = out.value.schema.expect("one");
    assert_eq!(schema.name().map(|name| &**name), Some("User"));
}

#[test]
fn json_is_expanded_in_its_own_order() {
    let json = r#"{"name": "Ann", "age": 7, "big": 5000000000, "size": 1.5, "ok": true, "no": null,
        "none": [], "tags": ["a", null], "pets": [{"type": "dog", "colors": []},
        {"type": "cat", "colors": [{"name": "white"}], "age": 3}], "name": "Bob"} and more"#;
    let out = kept(&[EXPAND], event("c", Value::str(json), &[]));
    let found = fields(&out.value);
    let plain = [
        ("name", Value::str("Bob")),
        ("age", Value::Int32(7)),
        ("big", Value::Int64(5_000_000_000)),
        ("size", Value::Float64(1.5)),
        ("ok", Value::Boolean(true)),
        ("tags", Value::array(vec![Value::str("a"), Value::Null])),
    ];
    assert_eq!(found[..6], of(&plain));
    let Value::Array(pets) = &found[6].1 else { panic!("{found:?}") };
    let Value::Struct(dog) = &pets[0] else { panic!("{pets:?}") };
    assert_eq!(dog.get("type").expect("a field"), &Value::str("dog"));
    assert_eq!(dog.get("age").expect("a field"), &Value::Null);
    let schema = out.value.schema.expect("one");
    assert_eq!(schema.name().map(|name| &**name), Some("payload"));
    assert_eq!(dog.schema().name().map(|name| &**name), Some("payload.pets"));
    let config = [
        EXPAND,
        ("table.json.payload.null.behavior", "optional_bytes"),
        ("table.json.payload.empty.array.behavior", "optional_string"),
        (EXTRAS, "type:envelope"),
    ];
    let out = kept(&config, event("c", Value::str(r#"{"no": null, "none": []}"#), &[]));
    let Value::Struct(inner) = &fields(&out.value)[0].1 else { panic!("a struct") };
    let schema = inner.schema();
    assert_eq!(schema.field("no").expect("a field").schema, Schema::optional_bytes());
    assert_eq!(inner.get("none").expect("a field"), &Value::array(Vec::new()));
}

#[test]
fn what_is_no_json_object_stays_as_it_is() {
    for text in ["", "x", "{", "[1]", "5", r#"{"a": [1, "b"]}"#, r#"{"a": [[], [1]]}"#] {
        let out = kept(&[EXPAND], event("c", Value::str(text), &[]));
        assert_eq!(out.value, Datum::new(Schema::optional_string(), Value::str(text)));
    }
    assert_eq!(kept(&[EXPAND], event("c", Value::Null, &[])).value.value, Value::Null);
    let bytes = [("raw", Schema::bytes(), Value::Bytes(vec![1].into()))];
    let out = kept(&[EXPAND, ("table.field.event.payload", "raw")], user(&bytes));
    assert_eq!(out.value, Datum::new(Schema::bytes(), bytes[0].2.clone()));
}

#[test]
fn what_cannot_be_is_said() {
    for (key, value, text) in [
        (EXTRAS, "a", "A comma-separated list of valid String pairs or trios is expected but got"),
        (EXTRAS, "a:nowhere", "Placement must be one of header, envelope, partition"),
        ("table.op.invalid.behavior", "x", "Value must be one of "),
        ("route.topic.regex", "(", "Invalid regex: "),
        ("tracing.operation.name", "x", "tracing.operation.name is not supported"),
        ("table.expand.json.payload", "x", "Expected value to be either true or false"),
    ] {
        let found = error_text(make(NAME, &[(key, value)]));
        assert!(found.contains(text), "{found}");
    }
}
