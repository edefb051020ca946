//! Previews over REST.

use super::*;

const SINK: &str = "/connector-plugins/FileStreamSink/preview";
const SOURCE: &str = "/connector-plugins/FileStreamSource/preview";

const JSON_VALUES: &str = r#""value.converter":"org.apache.kafka.connect.json.JsonConverter",
    "value.converter.schemas.enable":"false""#;

/// Three lines of JSON in a topic of two queues.
async fn loaded() -> Bench {
    let bench = Bench::new().await;
    bench.call("POST", "/gantry/topics", r#"{"name":"t","queues":2}"#).await;
    let record = |value: &str, partition: u32| {
        format!(
            "{{\"partition\":{partition},\"value\":\"{}\"}}\n",
            crate::hex::encode(value.as_bytes())
        )
    };
    let lines = record(r#"{"n":1}"#, 0) + &record("{bad", 1) + &record(r#"{"n":3}"#, 1);
    let written = bench.call("POST", "/gantry/topics/t/records", &lines).await;
    assert_eq!(written.text, r#"{"records":3}"#);
    bench
}

#[tokio::test]
async fn records_of_a_topic_go_through_a_sinks_stages() {
    let bench = loaded().await;
    let before = bench.get("/gantry/topics").await.text;
    let body = format!(
        r#"{{"topic":"t","config":{{"topics":"t",{JSON_VALUES},"transforms":"i,d",
            "transforms.i.type":"org.apache.kafka.connect.transforms.InsertField$Value",
            "transforms.i.offset.field":"at","transforms.i.predicate":"p",
            "transforms.d.type":"org.apache.kafka.connect.transforms.ExtractField$Value",
            "transforms.d.field":"n","predicates":"p","predicates.p.type":
            "org.apache.kafka.connect.transforms.predicates.RecordIsTombstone",
            "transforms.i.negate":true,"errors.tolerance":"all",
            "errors.deadletterqueue.topic.name":"dead"}}}}"#
    );
    let answer = bench.call("POST", SINK, &body).await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    let shown = answer.json();
    assert_eq!(shown["connector_class"], "org.apache.kafka.connect.file.FileStreamSinkConnector");
    assert_eq!((&shown["name"], &shown["type"]), (&"preview".into(), &"sink".into()));
    let outcomes: Vec<_> =
        shown["records"].as_array().unwrap().iter().map(|record| &record["outcome"]).collect();
    assert_eq!(outcomes, ["delivered", "failed", "delivered"]);

    let first = &shown["records"][0];
    assert_eq!(first["input"]["value"], serde_json::json!({"text": "{\"n\":1}"}));
    assert_eq!(first["converted"]["value"]["payload"], serde_json::json!({"n": 1}));
    assert_eq!(first["steps"][0]["record"]["value"]["payload"]["at"], 0);
    assert_eq!(first["steps"][0]["predicate"], "p");
    assert_eq!(first["steps"][0]["negate"], true);
    assert_eq!(first["output"]["value"], serde_json::json!({"schema": null, "payload": 1}));
    let failed = &shown["records"][1]["error"];
    assert_eq!(failed["stage"], "VALUE_CONVERTER");
    assert_eq!(failed["class"], "org.apache.kafka.connect.json.JsonConverter");
    assert_eq!(failed["exception"], "org.apache.kafka.connect.errors.DataException");
    assert_eq!(failed["handling"]["dead_letter"]["topic"], "dead");
    assert_eq!(failed["handling"]["dead_letter"]["value"]["text"], "{bad");
    assert_eq!(failed["handling"]["task_fails"], Json::Null);
    assert_eq!(shown["records"][1]["steps"][1]["outcome"], "not_reached");

    assert_eq!(bench.get("/gantry/topics").await.text, before, "nothing was written or created");
    assert_eq!(bench.get("/connectors").await.text, "[]");
}

#[tokio::test]
async fn samples_go_through_a_sources_stages() {
    let bench = Bench::new().await;
    let body = format!(
        r#"{{"config":{{"name":"c","connector.class":"FileStreamSource","topic":"lines",{JSON_VALUES},
            "transforms":"t","transforms.t.type":
            "org.apache.kafka.connect.transforms.TimestampConverter$Value",
            "transforms.t.field":"at","transforms.t.target.type":"Timestamp"}},
            "records":[{{"value":{{"at":0}},"headers":{{"h":true}}}},{{"value":"x","topic":"other"}}]}}"#
    );
    let shown = bench.call("POST", SOURCE, &body).await.json();
    let record = &shown["records"][0];
    let at = &record["steps"][0]["record"]["value"];
    assert_eq!(at["payload"]["at"], "1970-01-01T00:00:00.000Z", "{shown}");
    assert!(at["note"].as_str().unwrap().contains("java.util.Date"), "{shown}");
    // JsonConverter cannot write it either: that is what the task would say.
    assert_eq!(record["error"]["stage"], "VALUE_CONVERTER");
    let trace = record["error"]["handling"]["task_fails"].as_str().unwrap();
    assert!(trace.contains("ConnectException: Tolerance exceeded in error handler"), "{trace}");
    let other = &shown["records"][1];
    assert_eq!(other["error"]["step"], "t");
    assert_eq!(other["steps"][0]["outcome"], "failed");
    assert_eq!(other["input"]["topic"], "other");
}

#[tokio::test]
async fn where_to_begin_and_how_many() {
    let bench = loaded().await;
    let ask = |what: &str| {
        let body = format!(r#"{{"topic":"t","config":{{"topics":"t"}},{what}}}"#);
        let bench = &bench;
        async move {
            let shown = bench.call("POST", SINK, &body).await.json();
            let value =
                |record: &Json| record["input"]["value"]["text"].as_str().unwrap().to_owned();
            shown["records"].as_array().unwrap().iter().map(value).collect::<Vec<_>>()
        }
    };
    assert_eq!(ask(r#""max":1"#).await.len(), 1);
    assert_eq!(ask(r#""from":"latest","partition":1,"max":1"#).await, [r#"{"n":3}"#]);
    assert_eq!(ask(r#""from":1"#).await, [r#"{"n":3}"#]);
}

#[tokio::test]
async fn wrong_requests_say_what_is_wrong() {
    let bench = Bench::new().await;
    for (path, body, status, wrong) in [
        (SINK, "{", 400, "the body is wrong"),
        (SINK, r#"{"config":{"topics":"t"},"topic":"no"}"#, 404, "there is no topic no"),
        (SINK, r#"{"config":{"topics":"t"}}"#, 400, "neither records nor a topic"),
        (
            SINK,
            r#"{"config":{},"records":[{"topic":"t"}]}"#,
            400,
            "Connector configuration is invalid and contains the following 2 error(s):\nMust \
             configure one of topics or topics.regex",
        ),
        (
            SINK,
            r#"{"config":{"connector.class":"FileStreamSource"},"topic":"t"}"#,
            400,
            "Included connector type FileStreamSource does not match request type FileStreamSink",
        ),
        (
            "/connector-plugins/Nope/preview",
            r#"{"config":{},"topic":"t"}"#,
            400,
            "Failed to find any class that implements Connector and which name matches Nope",
        ),
        (SOURCE, r#"{"config":{"topic":"t"},"topic":"t"}"#, 400, "a source makes records"),
        (
            SOURCE,
            r#"{"config":{"topic":"t","zz":null},"records":[{}]}"#,
            400,
            "Null value can not be supplied as the configuration value.",
        ),
    ] {
        let answer = bench.call("POST", path, body).await;
        assert_eq!(answer.status.as_u16(), status, "{body}: {answer:?}");
        assert!(answer.message().contains(wrong), "{body}: {answer:?}");
    }
    assert_eq!(bench.get(SINK).await.status, StatusCode::METHOD_NOT_ALLOWED);
}
