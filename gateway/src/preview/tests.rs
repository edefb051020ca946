use std::sync::Arc;

use gantry_api::{Datum, Props, Schema, Struct, Value};
use gantry_engine::{PreviewSamples, Previewer, StartAt, WorkerConfig};
use gantry_model::{Fields, Kind, SchemaBuilder, logical};
use serde_json::value::RawValue;

use super::data::{DataReader, DataWriter, bytes};
use super::request::Encoding;
use super::*;
use crate::Gantry;

fn raw(json: &str) -> Box<RawValue> {
    RawValue::from_string(json.to_owned()).unwrap()
}

fn props(pairs: &[(&str, &str)]) -> Props {
    pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
}

/// The answer for samples, without a worker.
fn preview(config: &[(&str, &str)], records: &[&str]) -> PreviewAnswer {
    let previewer =
        Previewer::new(Arc::new(Gantry::new().plugins()), Arc::new(WorkerConfig::new("")));
    let config = props(config);
    let is_source = previewer.is_source(&config["connector.class"]).unwrap();
    let request = SampleRequest {
        records: Some(records.iter().map(|record| raw(record)).collect()),
        ..SampleRequest::default()
    };
    let Plan::Samples(samples) = request.plan(is_source, &config).unwrap() else { panic!() };
    PreviewAnswer::new(previewer.run(config, samples).unwrap()).unwrap()
}

#[test]
fn data_comes_back_as_it_went() {
    let mut reader = DataReader::new().unwrap();
    let mut writer = DataWriter::new().unwrap();
    for json in [
        r#"{"schema":null,"payload":{"a":[1,2.5,"x",null,true]}}"#,
        r#"{"schema":{"type":"struct","fields":[{"type":"int32","optional":true,"field":"a"}],"optional":false,"name":"n","version":2},"payload":{"a":7}}"#,
        r#"{"schema":{"type":"bytes","optional":false,"name":"org.apache.kafka.connect.data.Decimal","version":1,"parameters":{"scale":"25"}},"payload":0.1234567890123456789012345}"#,
    ] {
        let datum = reader.datum(&raw(json)).unwrap();
        assert_eq!(writer.datum(&datum).unwrap().get(), json);
    }
    let plain = reader.datum(&raw(r#"{"schema":1,"payload":2,"more":3}"#)).unwrap();
    assert!(plain.schema.is_none(), "three members are no envelope");
    let wrong = reader.datum(&raw(r#"{"schema":{"type":"int99"},"payload":1}"#)).unwrap_err();
    assert_eq!(wrong, "Unknown schema type: int99");
}

#[test]
fn what_json_has_no_form_for_is_shown_as_text_with_a_note() {
    let mut writer = DataWriter::new().unwrap();
    let date = writer.datum(&Datum::schemaless(Value::Date(0))).unwrap();
    assert!(date.get().contains(r#""payload":"1970-01-01T00:00:00.000Z""#), "{date}");
    assert!(date.get().contains("does not have corresponding schema type"), "{date}");
    // A struct under a schema that is not its own.
    let fields = Fields::new(vec![("at".into(), logical::timestamp().build_plain())]).unwrap();
    let schema = SchemaBuilder::new(Kind::Struct(Arc::new(fields))).build_plain();
    let inner = Struct::from_values(schema, vec![Value::Date(1)]);
    let odd = Datum::new(Schema::string(), Value::Struct(Arc::new(inner)));
    let shown = writer.datum(&odd).unwrap();
    assert!(shown.get().starts_with(r#"{"schema":{"type":"string","optional":false},"#), "{shown}");
    assert!(shown.get().contains(r#"{"at":"1970-01-01T00:00:00.001Z"}"#), "{shown}");
}

#[test]
fn bytes_are_text_hex_or_json_as_it_is_written() {
    let read = |json: &str, encoding| bytes(&raw(json), encoding).map(|b| b.map(|b| b.to_vec()));
    let text = |text: &str| Ok(Some(text.as_bytes().to_vec()));
    assert_eq!(read(r#""6869""#, Encoding::Text), text("6869"));
    assert_eq!(read(r#""6869""#, Encoding::Hex), text("hi"));
    assert_eq!(read(r#"{"hex":"6869"}"#, Encoding::Text), text("hi"));
    assert_eq!(read(r#"{"text":"6869"}"#, Encoding::Hex), text("6869"));
    assert_eq!(read(r#"{ "a": 1.50 }"#, Encoding::Text), text(r#"{ "a": 1.50 }"#));
    assert_eq!(read(r#"{"text":1}"#, Encoding::Text), text(r#"{"text":1}"#));
    assert_eq!(read("null", Encoding::Hex), Ok(None));
    assert!(read(r#""6""#, Encoding::Hex).unwrap_err().contains("hexadecimal"));
}

#[test]
fn requests_are_read_and_refused_with_the_remedy() {
    let plan = |body: &str, is_source: bool| {
        let body = Body::parse(body.as_bytes())?;
        body.samples()?.plan(is_source, &props(&[("topics", "first, second")]))
    };
    let Plan::Topic(topic) =
        plan(r#"{"config":{},"topic":"t","from":"7","partition":1,"max":3}"#, false).unwrap()
    else {
        panic!()
    };
    assert_eq!((topic.topic.as_str(), topic.start), ("t", StartAt::Offset(7)));
    assert_eq!((topic.partition, topic.max), (Some(1), 3));
    let Plan::Topic(topic) = plan(r#"{"config":{},"topic":"t","from":7}"#, false).unwrap() else {
        panic!()
    };
    assert_eq!((topic.start, topic.max), (StartAt::Offset(7), 10));
    let records = r#"{"config":{},"records":[{"value":"a","headers":{"h":"1"}},
        {"key":"k","value":null,"headers":[["h",null],["h","2"]],"timestamp":5}]}"#;
    let Plan::Samples(PreviewSamples::Sink(records)) = plan(records, false).unwrap() else {
        panic!()
    };
    assert_eq!((&*records[0].topic, records[1].offset), ("first", Some(1)));
    assert_eq!(records[1].record.headers.len(), 2);
    assert_eq!((records[1].record.timestamp_ms, &records[1].record.value), (5, &None));
    for (body, is_source, wrong) in [
        ("{}", false, "missing field `config`"),
        (r#"{"config":{},"records":[],"bogus":1}"#, false, "unknown field `bogus`"),
        (r#"{"config":{}}"#, false, "neither records nor a topic"),
        (r#"{"config":{},"topic":"t"}"#, true, "a source makes records"),
        (r#"{"config":{},"topic":"t","from":"now"}"#, false, "earliest, latest or an offset"),
        (r#"{"config":{},"topic":"t","max":0}"#, false, "from 1 to 200"),
        (r#"{"config":{},"records":[1]}"#, false, "record 0: "),
        (r#"{"config":{},"records":[{"value":1}]}"#, true, "record 0: it names no topic"),
        (r#"{"config":{},"records":[{"topic":"t","offset":1}]}"#, true, "has no offset"),
        (r#"{"config":{},"records":[{"partition":-1}]}"#, false, "partition is -1"),
        (r#"{"config":{},"records":[{"headers":1}]}"#, false, "headers are"),
        (r#"{"config":{},"records":[],"from":"latest"}"#, false, "leave them out"),
        (
            r#"{"config":{},"records":[{"topic":"t","value":{"schema":{"type":"x"},"payload":1}}]}"#,
            true,
            "record 0: value: Unknown schema type: x",
        ),
    ] {
        let error = plan(body, is_source).unwrap_err();
        assert!(error.contains(wrong), "{body}: {error}");
    }
}

#[test]
fn the_text_shows_what_each_step_changes() {
    let answer = preview(
        &[
            ("connector.class", "FileStreamSource"),
            ("topic", "lines"),
            ("key.converter", "org.apache.kafka.connect.storage.StringConverter"),
            ("value.converter", "org.apache.kafka.connect.json.JsonConverter"),
            ("value.converter.schemas.enable", "false"),
            ("transforms", "hoist,mask,skip,route"),
            ("transforms.hoist.type", "org.apache.kafka.connect.transforms.HoistField$Value"),
            ("transforms.hoist.field", "line"),
            ("transforms.mask.type", "org.apache.kafka.connect.transforms.MaskField$Value"),
            ("transforms.mask.fields", "absent"),
            ("transforms.skip.type", "org.apache.kafka.connect.transforms.Filter"),
            ("transforms.skip.predicate", "dead"),
            ("transforms.route.type", "org.apache.kafka.connect.transforms.RegexRouter"),
            ("transforms.route.regex", "lines"),
            ("transforms.route.replacement", "clean"),
            ("predicates", "dead"),
            (
                "predicates.dead.type",
                "org.apache.kafka.connect.transforms.predicates.RecordIsTombstone",
            ),
        ],
        &[
            r#"{"value":{"schema":{"type":"string","optional":false},"payload":"hi"},"timestamp":5}"#,
        ],
    );
    assert!(!answer.has_failures());
    let text = write_text(&answer);
    let expected = "\
preview (source FileStreamSourceConnector): 1 record(s)

record 0: lines
      topic      lines
      timestamp  5
      key        null
      value      \"hi\"  string
  1 hoist (HoistField$Value)
    - value       \"hi\"  string
    + value       struct
    + value.line  \"hi\"  string
  2 mask (MaskField$Value): no change
  3 skip (Filter) when dead: skipped, it does not apply
  4 route (RegexRouter)
    - topic  lines
    + topic  clean
  => written to clean
      topic      clean
      timestamp  5
      key        null
      value      {\"line\":\"hi\"}
";
    assert_eq!(text, expected, "{text}");
}

#[test]
fn the_text_tells_of_drops_and_failures() {
    let answer = preview(
        &[
            ("connector.class", "FileStreamSink"),
            ("topics", "lines"),
            ("key.converter", "org.apache.kafka.connect.storage.StringConverter"),
            ("value.converter", "org.apache.kafka.connect.json.JsonConverter"),
            ("value.converter.schemas.enable", "false"),
            ("transforms", "drop"),
            ("transforms.drop.type", "org.apache.kafka.connect.transforms.Filter"),
            ("transforms.drop.predicate", "dead"),
            ("predicates", "dead"),
            (
                "predicates.dead.type",
                "org.apache.kafka.connect.transforms.predicates.RecordIsTombstone",
            ),
            ("errors.tolerance", "all"),
            ("errors.log.enable", "true"),
            ("errors.deadletterqueue.topic.name", "dead"),
        ],
        &[r#"{"value":null}"#, r#"{"value":"{bad"}"#, r#"{"value":{"hex":"ff"},"offset":9}"#],
    );
    assert!(answer.has_failures());
    let text = write_text(&answer);
    for part in [
        "record 0: lines-0 offset 0",
        "  1 drop (Filter) when dead: DROPPED\n  => dropped by drop",
        "  1 drop (Filter) when dead: not reached\n  => FAILED in VALUE_CONVERTER (JsonConverter)",
        "Caused by: org.apache.kafka.common.errors.SerializationException",
        "     it is logged (errors.log.enable)\n     it goes to the dead letter queue dead\n     \
         the record is skipped (errors.tolerance=all)",
        "record 2: lines-0 offset 9",
        "value      0xff",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
}
