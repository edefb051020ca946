//! Bodies, URLs and headers: byte by byte.

use super::server::Server;
use super::*;
use Flavour::{Aiven, Confluent};
use gantry_api::model::MapValue;

#[tokio::test]
async fn aiven_sends_texts_as_they_are_and_structs_as_json() {
    let server = Server::fine().await;
    let keys = [
        ("http.headers.content.type", "application/json"),
        ("http.headers.additional", "a:1,b: 2"),
    ];
    let mut task = Task::new(Aiven, &aiven(&server.url("/in?x=1"), &keys)).await;
    let map = MapValue::from_distinct(vec![(Value::str("a"), Value::Int8(1))]);
    let records = [
        record(0, "k", " text \n"),
        valued(1, "k", person()),
        valued(2, "k", Datum::schemaless(Value::map(map))),
        valued(3, "k", Datum::schemaless(Value::Int32(5))),
    ];
    task.put(&records).await.unwrap();
    let asked = server.asked();
    assert_eq!(
        server.bodies(),
        [" text \n", r#"{"id":7,"name":"Ann","in":{"city":"a/b c"}}"#, r#"{"a":1}"#]
    );
    assert_eq!((asked[0].method.as_str(), asked[0].path.as_str()), ("POST", "/in?x=1"));
    assert_eq!(asked[0].header("content-type"), Some("application/json"));
    assert_eq!((asked[0].header("a"), asked[0].header("b")), (Some("1"), Some("2")));
    assert_eq!(asked[0].header("host"), Some(format!("127.0.0.1:{}", server.port).as_str()));
    let [(3, error)] = &task.errant()[..] else { panic!() };
    assert!(error.contains("implement `java.util.Map`, but java.lang.Integer is given"), "{error}");
    // All over one connection, as all have one key.
    assert_eq!(server.connections.load(std::sync::atomic::Ordering::SeqCst), 1);
}

#[tokio::test]
async fn aiven_batches_each_put() {
    let server = Server::fine().await;
    let keys = [
        ("batching.enabled", "true"),
        ("batch.max.size", "2"),
        ("batch.prefix", "[ "),
        ("batch.suffix", " ]"),
        ("batch.separator", " , "),
    ];
    let mut task = Task::new(Aiven, &aiven(&server.url("/"), &keys)).await;
    task.put(&[record(0, "", "1"), record(1, "", "2"), record(2, "", "3")]).await.unwrap();
    task.put(&[record(3, "", "4")]).await.unwrap();
    assert_eq!(server.bodies(), ["[ 1 , 2 ]", "[ 3 ]", "[ 4 ]"]);
    // As it is without these keys.
    let server = Server::fine().await;
    let mut task =
        Task::new(Aiven, &aiven(&server.url("/"), &[("batching.enabled", "true")])).await;
    task.put(&[record(0, "", "1"), record(1, "", "2")]).await.unwrap();
    assert_eq!(server.bodies(), ["1\n2\n"]);
    // A record without a value fails all, and nothing is sent.
    let error = task.put(&[record(2, "", "3"), null(3, "")]).await.unwrap_err();
    assert_eq!(error.message(), "Record value must not be null");
    assert_eq!(server.asked().len(), 1);
    assert!(task.errant().is_empty());
}

#[tokio::test]
async fn confluent_fills_urls_and_headers() {
    let server = Server::fine().await;
    let url = server.url("/${topic}/${key}/${in.city}?n=${value.name}&o=${header.trace}");
    let keys = [
        ("request.method", "put"),
        ("headers", "Content-Type:application/json|X-Who: ${name}|X-When:10:30"),
        ("request.body.format", "json"),
        ("batch.json.as.array", "false"),
    ];
    let mut task = Task::new(Confluent, &confluent(&url, &keys)).await;
    let first = with_header(valued(0, "k 1/?#", person()), "trace", "t1");
    task.put(&[first, valued(1, "k", person())]).await.unwrap();
    let asked = server.asked();
    assert_eq!(asked.len(), 1);
    assert_eq!(asked[0].path, "/t/k%201%2F%3F%23/a%2Fb%20c?n=Ann&o=t1");
    assert_eq!(asked[0].method, "PUT");
    assert_eq!(asked[0].header("x-who"), Some("Ann"));
    assert_eq!(asked[0].header("x-when"), Some("10:30"));
    // Headers of the record go along.
    assert_eq!(asked[0].header("trace"), Some("t1"));
    assert_eq!(asked[0].body, r#"{"id":7,"name":"Ann","in":{"city":"a/b c"}}"#);
    let [(1, error)] = &task.errant()[..] else { panic!() };
    assert!(error.contains("Record t-0@1 has no header for the template"), "{error}");
}

#[tokio::test]
async fn confluent_batches_by_pattern_url_and_headers() {
    let server = Server::fine().await;
    let keys = [
        ("batch.max.size", "3"),
        ("batch.prefix", "<"),
        ("batch.suffix", ">"),
        ("batch.separator", ";"),
        ("batch.key.pattern", "${key}"),
        ("behavior.on.null.values", "delete"),
    ];
    let mut task = Task::new(Confluent, &confluent(&server.url("/${key}"), &keys)).await;
    let records = [
        record(0, "a", "1"),
        record(1, "b", "2"),
        record(2, "a", "3"),
        record(3, "a", "4"),
        record(4, "a", "5"),
        with_header(record(5, "a", "6"), "h", "x"),
        null(6, "a"),
        record(7, "a", "7"),
    ];
    task.put(&records).await.unwrap();
    let asked: Vec<_> = server
        .asked()
        .iter()
        .map(|asked| format!("{} {} {}", asked.method, asked.path, asked.body))
        .collect();
    assert_eq!(
        asked,
        [
            "POST /a <1;3;4>",
            "POST /b <2>",
            "POST /a <5>",
            "POST /a <6>",
            "DELETE /a ",
            "POST /a <7>"
        ]
    );
}

#[tokio::test]
async fn confluent_writes_arrays_texts_and_replacements() {
    let server = Server::fine().await;
    let keys = [("request.body.format", "json"), ("batch.max.size", "2")];
    let mut task = Task::new(Confluent, &confluent(&server.url("/"), &keys)).await;
    let number = |offset, number| valued(offset, "k", Datum::schemaless(Value::Int32(number)));
    task.put(&[number(0, 1), number(1, 2), record(2, "k", "x")]).await.unwrap();
    let keys = [
        ("regex.patterns", "^(.*)=(.*)$~secret"),
        ("regex.replacements", "$2=$1~***"),
        ("regex.separator", "~"),
    ];
    let mut task = Task::new(Confluent, &confluent(&server.url("/"), &keys)).await;
    let bytes = Datum::schemaless(Value::Bytes("x=secret".into()));
    task.put(&[record(3, "k", "a=b"), valued(4, "k", bytes)]).await.unwrap();
    let mut task = Task::new(Confluent, &confluent(&server.url("/"), &[])).await;
    task.put(&[valued(5, "k", person())]).await.unwrap();
    assert_eq!(
        server.bodies(),
        ["[1,2]", "[\"x\"]", "b=a", "***=x", "Struct{id=7,name=Ann,in=Struct{city=a/b c}}"]
    );
}

#[tokio::test]
async fn confluent_leaves_out_records_without_a_value() {
    let server = Server::fine().await;
    for how in ["ignore", "log", "fail"] {
        for size in ["1", "9"] {
            let keys = [("behavior.on.null.values", how), ("batch.max.size", size)];
            let mut task = Task::new(Confluent, &confluent(&server.url("/"), &keys)).await;
            task.put(&[null(0, "k"), record(1, "k", "x")]).await.unwrap();
            assert_eq!(task.errant().len(), usize::from(how == "fail"), "{how}");
        }
    }
    assert_eq!(server.bodies(), ["x"; 6]);
}
