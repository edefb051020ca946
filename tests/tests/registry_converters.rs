//! Converters with a schema registry: what Confluent's converters and clients did, and what the
//! recorded cases do not show.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::sync::Arc;

use bytes::Bytes;
use gantry_model::plugin::{Converter, Props};
use gantry_model::{
    Datum, Error, Kind, RecordHeader, Result, Schema, SchemaBuilder, Struct, Value,
};
use gantry_tests::registry::Adapter;
use serde::Deserialize;
use serde_json::Value as Json;
use serde_json::value::RawValue;

const CONNECT: &str = include_str!("../../schema-registry/converters/tests/data/connect.json");
const WIRE: &str = include_str!("../../schema-registry/converters/tests/data/wire.json");

#[derive(Deserialize)]
struct Document<'a> {
    #[serde(borrow)]
    fixtures: Vec<&'a RawValue>,
}

/// Each as it is written, and read.
fn cases(document: &str) -> Vec<(&str, Json)> {
    let document: Document<'_> = serde_json::from_str(document).unwrap();
    let texts = document.fixtures.iter().map(|case| case.get());
    texts.map(|text| (text, serde_json::from_str(text).unwrap())).collect()
}

/// The same schema: as a tree where it is JSON.
fn same_schema(a: &Json, b: &Json) -> bool {
    let tree = |text: &Json| serde_json::from_str::<Json>(text.as_str()?).ok();
    a == b || tree(a).is_some_and(|a| tree(b) == Some(a))
}

fn difference(case: &Json, result: &Json) -> Option<String> {
    if case.get("error").is_some() {
        return result.get("error").is_none().then(|| "it is written".to_owned());
    }
    if case.get("bytes").is_some_and(Json::is_null) {
        return (!result["bytes"].is_null() || result.get("bytes").is_none())
            .then(|| format!("it is not null: {result}"));
    }
    if !same_schema(&case["registered"], &result["registered"]) {
        return Some(format!("registered {}", result));
    }
    if case["bytes_after_id"] != result["bytes_after_id"] {
        return Some(format!("bytes {}", result["bytes_after_id"]));
    }
    match case.get("backError") {
        Some(_) => result.get("backError").is_none().then(|| "it is read".to_owned()),
        None => (case["back"] != result["back"]).then(|| format!("back {result}")),
    }
}

#[test]
fn converters_do_what_confluents_do() {
    let mut adapter = Adapter::start().unwrap();
    let cases = cases(CONNECT);
    let mut differ = Vec::new();
    for (text, case) in &cases {
        let result = adapter.run(text).unwrap();
        if let Some(what) = difference(case, &result) {
            differ.push(format!("{}: {what}", case["id"]));
        }
    }
    assert!(differ.is_empty(), "{} differ:\n{}", differ.len(), differ.join("\n"));
}

#[test]
fn bytes_are_those_of_other_clients() {
    let mut adapter = Adapter::start().unwrap();
    for (text, case) in cases(WIRE) {
        let result = adapter.run(text).unwrap();
        assert_eq!(result["bytes_after_id"], case["bytes_after_id"], "{}: {result}", case["id"]);
    }
}

fn props(pairs: &[(&str, &str)]) -> Props {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

fn avro(adapter: &Adapter, pairs: &[(&str, &str)]) -> Box<dyn Converter> {
    adapter.converter("AVRO", props(pairs)).unwrap()
}

/// A struct `R` of these fields.
fn row(fields: &[(&str, Schema, Value)]) -> Datum {
    let list = fields.iter().map(|(name, schema, _)| ((*name).into(), schema.clone())).collect();
    let schema = SchemaBuilder::structure(list).unwrap().name(Some("R".into())).build().unwrap();
    let values = fields.iter().map(|(.., value)| value.clone()).collect();
    Datum::new(schema.clone(), Value::Struct(Arc::new(Struct::from_values(schema, values))))
}

fn write(converter: &mut dyn Converter, topic: &str, datum: &Datum) -> Result<Option<Bytes>> {
    converter.from_connect(topic, &mut Vec::new(), datum)
}

/// The messages, the outermost first.
fn told(error: &Error) -> String {
    let cause = error.cause().map(told);
    format!("{} <- {}", error.message(), cause.unwrap_or_default())
}

const ONLY_KNOWN: (&str, &str) = ("auto.register.schemas", "false");

#[test]
fn an_id_that_is_not_known_is_named() {
    let adapter = Adapter::start().unwrap();
    let data = |bytes: &[u8]| Some(Bytes::copy_from_slice(bytes));
    let mut converter = avro(&adapter, &[]);
    let error = converter.to_connect("t", &[], data(&[0, 0, 0, 0, 77, 2])).unwrap_err();
    let text = told(&error);
    for part in [
        "Failed to deserialize data for topic t to Avro:",
        "Error retrieving Avro value schema for id 77",
        "Schema 77 not found; error code: 40403",
    ] {
        assert!(text.contains(part), "{text}");
    }
    assert!(!error.is_retriable());
    let error = converter.to_connect("t", &[], data(b"{}")).unwrap_err();
    assert!(told(&error).contains("Unknown magic byte!"), "{}", told(&error));
    // Of another format.
    let id = adapter.register("t", "JSON", "{\"type\":\"string\"}").unwrap();
    let error = converter.to_connect("t", &[], data(&[&[0][..], &id.to_be_bytes()].concat()));
    let text = told(&error.unwrap_err());
    assert!(text.contains("it is of type JSON, and this converter is for AVRO"), "{text}");
}

#[test]
fn without_registering_only_what_is_there_is_written() {
    let adapter = Adapter::start().unwrap();
    let mut converter = avro(&adapter, &[ONLY_KNOWN]);
    let datum = row(&[("a", Schema::int32(), Value::Int32(1))]);
    let error = write(&mut *converter, "t", &datum).unwrap_err();
    let text = told(&error);
    assert!(text.contains("Error retrieving Avro schema{\"type\":\"record\""), "{text}");
    assert!(text.contains("Subject 't-value' not found.; error code: 40401"), "{text}");
    let written = write(&mut *avro(&adapter, &[]), "t", &datum).unwrap();
    assert_eq!(write(&mut *converter, "t", &datum).unwrap(), written);
}

#[test]
fn the_latest_version_decides_what_is_written() {
    let adapter = Adapter::start().unwrap();
    let schema = r#"{"type":"record","name":"R","fields":[
        {"name":"more","type":"string","default":"d"},{"name":"a","type":"long"}]}"#;
    let id = adapter.register("t", "AVRO", schema).unwrap();
    let latest = [ONLY_KNOWN, ("use.latest.version", "true")];
    let mut converter = avro(&adapter, &latest);
    let datum = row(&[("a", Schema::int32(), Value::Int32(7))]);
    let written = write(&mut *converter, "t", &datum).unwrap().unwrap();
    // Fields by their names, the default of the one that is missing, an int as a long.
    assert_eq!(written[..], [&[0][..], &id.to_be_bytes(), &[2, b'd', 14]].concat());
    let other = row(&[("a", Schema::string(), Value::str("x"))]);
    let error = told(&write(&mut *converter, "t", &other).unwrap_err());
    assert!(error.contains("Set latest.compatibility.strict=false to disable"), "{error}");
    assert!(error.contains("TYPE_MISMATCH"), "{error}");
    let lenient = [latest[0], latest[1], ("latest.compatibility.strict", "false")];
    let error = write(&mut *avro(&adapter, &lenient), "t", &other).unwrap_err();
    assert!(told(&error).contains("field a") || told(&error).contains(".a"), "{}", told(&error));
}

#[test]
fn a_pinned_schema_is_the_one_for_all() {
    let adapter = Adapter::start().unwrap();
    let schema = r#"{"type":"record","name":"R","fields":[{"name":"a","type":["null","int"]}]}"#;
    let id = adapter.register("t", "AVRO", schema).unwrap();
    let guid = adapter.get(&format!("/schemas/ids/{id}")).unwrap()["guid"].clone();
    let datum = row(&[("a", Schema::int32(), Value::Int32(7))]);
    for pinned in
        [("use.schema.id", id.to_string()), ("use.schema.guid", guid.as_str().unwrap().to_owned())]
    {
        let mut converter = avro(&adapter, &[ONLY_KNOWN, (pinned.0, &pinned.1)]);
        let written = write(&mut *converter, "t", &datum).unwrap().unwrap();
        assert_eq!(written[..], [&[0][..], &id.to_be_bytes(), &[2, 14]].concat());
    }
    let id = id.to_string();
    let other = row(&[("b", Schema::int32(), Value::Int32(7))]);
    let strict = [ONLY_KNOWN, ("use.schema.id", &id)];
    let error = told(&write(&mut *avro(&adapter, &strict), "t", &other).unwrap_err());
    assert!(error.contains("Set id.compatibility.strict=false"), "{error}");
}

#[test]
fn ids_may_stand_in_headers() {
    let adapter = Adapter::start().unwrap();
    let datum = row(&[("a", Schema::int32(), Value::Int32(7))]);
    for class in [
        "io.confluent.kafka.serializers.schema.id.HeaderSchemaIdSerializer",
        "gantry.schema.id.TextHeaderSchemaIdSerializer",
    ] {
        let mut converter = avro(&adapter, &[("value.schema.id.serializer", class)]);
        let mut headers = vec![RecordHeader { key: "h".into(), value: None }];
        let written = converter.from_connect("t", &mut headers, &datum).unwrap().unwrap();
        assert_eq!(written[..], [14]);
        assert_eq!((headers.len(), &*headers[1].key), (2, "__value_schema_id"));
        let back = avro(&adapter, &[]).to_connect("t", &headers, Some(written)).unwrap();
        assert_eq!(back.value, datum_with_version(&datum).value);
    }
}

/// As it comes back: its schema has the version that the registry gave.
fn datum_with_version(datum: &Datum) -> Datum {
    let schema = datum.schema.as_ref().unwrap().to_builder().version(Some(1)).build().unwrap();
    let Value::Struct(inner) = &datum.value else { panic!("no struct") };
    let values = inner.values().to_vec();
    Datum::new(schema.clone(), Value::Struct(Arc::new(Struct::from_values(schema, values))))
}

#[test]
fn a_deletion_registers_nothing() {
    let adapter = Adapter::start().unwrap();
    let mut converter = avro(&adapter, &[]);
    let optional = SchemaBuilder::new(Kind::String).optional().build().unwrap();
    for datum in [Datum::NULL, Datum::new(optional, Value::Null)] {
        assert_eq!(write(&mut *converter, "t", &datum).unwrap(), None);
        assert_eq!(converter.to_connect("t", &[], None).unwrap(), Datum::NULL);
    }
    assert_eq!(adapter.get("/subjects").unwrap(), serde_json::json!([]));
}

#[test]
fn records_of_rocketmqs_registry_are_written_and_read() {
    let adapter = Adapter::start().unwrap();
    let mut converter = avro(
        &adapter,
        &[
            ("gantry.schema.registry.api", "rocketmq"),
            ("value.subject.name.strategy", "gantry.schema.subject.PlainTopicNameStrategy"),
        ],
    );
    let datum = row(&[("a", Schema::int32(), Value::Int32(7))]);
    let written = write(&mut *converter, "orders", &datum).unwrap().unwrap();
    let known = adapter.get("/schema-registry/v1/subject/orders/schema").unwrap();
    let record = known["recordId"].as_i64().unwrap();
    assert_eq!(written[..], [&[0x10][..], &record.to_be_bytes(), &[14]].concat());
    let back = converter.to_connect("orders", &[], Some(written.clone())).unwrap();
    assert_eq!(back, datum_with_version(&datum));
    // More of it is a new version of the same schema, and what was written before stays readable.
    let optional = Schema::optional_string();
    let more = row(&[("a", Schema::int32(), Value::Int32(8)), ("b", optional, Value::Null)]);
    let newer = write(&mut *converter, "orders", &more).unwrap().unwrap();
    let known = adapter.get("/schema-registry/v1/subject/orders/schema").unwrap();
    assert_eq!((&known["version"], known["recordId"].as_i64()), (&2.into(), Some(record + 1)));
    assert_eq!(newer[1..9], (record + 1).to_be_bytes());
    let back = converter.to_connect("orders", &[], Some(written)).unwrap();
    assert_eq!(back, datum_with_version(&datum));
}

#[test]
fn a_registry_that_is_not_there_is_told_and_may_come_back() {
    let adapter = Adapter::start().unwrap();
    // A port that nobody listens at: it was free a moment ago.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let dead = format!("http://127.0.0.1:{port}");
    let quick = [("max.retries", "1"), ("retries.wait.ms", "1")];
    let datum = row(&[("a", Schema::int32(), Value::Int32(7))]);
    let lost = [("schema.registry.url", dead.as_str()), quick[0], quick[1]];
    let error = write(&mut *avro(&adapter, &lost), "t", &datum).unwrap_err();
    assert!(error.is_retriable(), "{error:?}");
    assert!(told(&error).contains(&format!("no answer from {dead}")), "{}", told(&error));
    // The next address is asked.
    let both = format!("{dead},{}", adapter.url());
    let next = [("schema.registry.url", both.as_str()), quick[0], quick[1]];
    assert!(write(&mut *avro(&adapter, &next), "t", &datum).unwrap().is_some());
}

#[test]
fn subjects_follow_what_records_are_called() {
    let adapter = Adapter::start().unwrap();
    let strategy = "io.confluent.kafka.serializers.subject.TopicRecordNameStrategy";
    let mut converter = avro(&adapter, &[("value.subject.name.strategy", strategy)]);
    let datum = row(&[("a", Schema::int32(), Value::Int32(7))]);
    let written = write(&mut *converter, "t", &datum).unwrap();
    assert_eq!(adapter.get("/subjects").unwrap(), serde_json::json!(["t-R"]));
    assert_eq!(converter.to_connect("t", &[], written).unwrap(), datum_with_version(&datum));
}

#[test]
fn an_id_that_came_along_does_not_stay() {
    let adapter = Adapter::start().unwrap();
    let text = Datum::new(Schema::string(), Value::str("hello"));
    let number = Datum::new(Schema::int64(), Value::Int64(5));
    let class = "io.confluent.kafka.serializers.schema.id.HeaderSchemaIdSerializer";
    let mut in_header = avro(&adapter, &[("value.schema.id.serializer", class)]);
    let (mut of_text, mut of_number) = (Vec::new(), Vec::new());
    in_header.from_connect("a", &mut of_text, &text).unwrap();
    in_header.from_connect("b", &mut of_number, &number).unwrap();
    // From elsewhere, with that of another schema behind its own.
    let stale = [of_text[0].clone(), of_number[0].clone()];
    for pairs in [&[("value.schema.id.serializer", class)][..], &[]] {
        let mut headers = stale.to_vec();
        let mut converter = avro(&adapter, pairs);
        let written = converter.from_connect("c", &mut headers, &text).unwrap();
        assert_eq!(headers.len(), pairs.len());
        assert_eq!(converter.to_connect("c", &headers, written).unwrap().value, text.value);
    }
}

#[test]
fn what_only_shows_registers_nothing() {
    let adapter = Adapter::start().unwrap();
    let mut converter = avro(&adapter, &[("gantry.dry.run", "true")]);
    let datum = row(&[("a", Schema::int32(), Value::Int32(7))]);
    let written = write(&mut *converter, "t", &datum).unwrap().unwrap();
    assert_eq!(written[..], [0, 0, 0, 0, 0, 14]);
    assert_eq!(adapter.get("/subjects").unwrap(), serde_json::json!([]));
}

#[test]
fn keys_of_the_client_may_have_a_prefix() {
    let adapter = Adapter::start().unwrap();
    let lost = [
        ("schema.registry.basic.auth.credentials.source", "USER_INFO"),
        ("schema.registry.basic.auth.user.info", "me:secret"),
        ("schema.registry.max.retries", "0"),
    ];
    let datum = row(&[("a", Schema::int32(), Value::Int32(7))]);
    assert!(write(&mut *avro(&adapter, &lost), "t", &datum).unwrap().is_some());
    let Err(error) = adapter.converter("AVRO", props(&lost[..1])) else { panic!("taken") };
    assert!(error.to_string().contains("which needs basic.auth.user.info"), "{error}");
}

#[test]
fn a_key_that_is_not_that_of_its_certificate_is_told() {
    let adapter = Adapter::start().unwrap();
    let tls = concat!(env!("CARGO_MANIFEST_DIR"), "/../gateway/tests/tls/");
    let pem = |name: &str| std::fs::read_to_string(format!("{tls}{name}")).unwrap();
    let (client, stranger) = (pem("client.pem"), pem("stranger.pem"));
    let part = |text: &str, from: &str, to: &str| {
        let start = text.find(from).unwrap();
        text[start..start + text[start..].find(to).unwrap() + to.len()].to_owned()
    };
    let key = part(&client, "-----BEGIN PRIVATE KEY", "-----END PRIVATE KEY-----");
    let chain = part(&stranger, "-----BEGIN CERTIFICATE", "-----END CERTIFICATE-----");
    let keys = props(&[
        ("schema.registry.url", "https://localhost:1"),
        ("schema.registry.ssl.keystore.type", "PEM"),
        ("schema.registry.ssl.keystore.key", &key),
        ("schema.registry.ssl.keystore.certificate.chain", &chain),
        ("schema.registry.ssl.truststore.type", "PEM"),
        ("schema.registry.ssl.truststore.location", &format!("{tls}ca.pem")),
    ]);
    let Err(error) = adapter.converter("AVRO", keys) else { panic!("taken") };
    assert!(error.to_string().contains("its private key is"), "{error}");
}

#[test]
fn an_id_in_two_places_is_asked_for_twice() {
    let adapter = Adapter::start().unwrap();
    let datum = row(&[("a", Schema::int32(), Value::Int32(7))]);
    let class = "gantry.schema.id.TextHeaderSchemaIdSerializer";
    let mut in_header = avro(&adapter, &[("value.schema.id.serializer", class)]);
    let mut headers = Vec::new();
    let bare = in_header.from_connect("t", &mut headers, &datum).unwrap();
    let full = write(&mut *avro(&adapter, &[]), "t", &datum).unwrap();
    let mut reader = avro(&adapter, &[]);
    reader.to_connect("t", &headers, bare.clone()).unwrap();
    reader.to_connect("t", &[], full.clone()).unwrap();
    let asked = adapter.requests();
    for _ in 0..10 {
        assert_eq!(
            reader.to_connect("t", &headers, bare.clone()).unwrap(),
            reader.to_connect("t", &[], full.clone()).unwrap()
        );
    }
    assert_eq!(adapter.requests(), asked);
}
