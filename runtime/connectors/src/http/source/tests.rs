//! Tests against a real server in this process.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use gantry_api::{
    CancellationToken, Connector, Isolation, OffsetMap, OffsetReader, Props, SourcePartition,
    SourceRecord, SourceTask, SourceTaskContext, Value,
};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::json;
use sha2::Sha256;

use super::{HttpSource, HttpSourceTask};
use crate::http::tests::{props, tls};
use crate::web::server::{Asked, Reply, Server, reply};

/// What was committed: the offset of records, and the mark.
#[derive(Clone, Default)]
struct Committed(Vec<(SourcePartition, OffsetMap)>);

impl OffsetReader for Committed {
    fn offset(&self, partition: &SourcePartition) -> Option<OffsetMap> {
        self.0.iter().rev().find(|(of, _)| of == partition).map(|(_, offset)| offset.clone())
    }
}

impl Committed {
    fn commit(&mut self, records: &[SourceRecord]) {
        for record in records {
            self.0.push((record.partition.clone(), record.offset.to_map()));
        }
    }
}

fn config(server: &Server, more: &[(&str, &str)]) -> Props {
    let mut all = props(&[
        ("kafka.topic", "t"),
        ("http.request.url", &server.url("/items")),
        ("http.response.list.pointer", "/items"),
        ("http.response.record.offset.pointer", "key=/id, timestamp=/at"),
        ("http.timer.interval.millis", "10"),
        ("http.timer.catchup.interval.millis", "10"),
        ("gantry.http.retry.backoff.ms", "1"),
    ]);
    all.extend(props(more));
    all
}

async fn task(props: &Props, committed: &Committed) -> HttpSourceTask {
    let mut task = HttpSourceTask::default();
    let context = SourceTaskContext {
        connector: "web".into(),
        task: 0,
        cancel: CancellationToken::new(),
        offsets: Arc::new(committed.clone()),
        defines_transactions: false,
        isolation: Isolation::Shared,
    };
    task.start(context, props).await.unwrap();
    task
}

async fn poll(task: &mut HttpSourceTask) -> Vec<SourceRecord> {
    tokio::time::timeout(Duration::from_secs(10), task.poll()).await.expect("in time").unwrap()
}

async fn fails(props: &Props) -> String {
    let mut task = task(props, &Committed::default()).await;
    let polled = tokio::time::timeout(Duration::from_secs(10), task.poll()).await.expect("in time");
    polled.unwrap_err().message().to_owned()
}

/// Whether it has nothing to give, though it asks.
async fn is_idle(task: &mut HttpSourceTask) -> bool {
    tokio::time::timeout(Duration::from_millis(150), task.poll()).await.is_err()
}

/// Keys of records; the values of their `id`.
fn ids(records: &[SourceRecord]) -> Vec<String> {
    let key = |record: &SourceRecord| match &record.record.key.value {
        Value::Struct(key) => key.values()[0].clone(),
        other => other.clone(),
    };
    let all = records.iter().filter(|record| !record.is_position);
    all.map(|record| format!("{:?}", key(record)).replace(|c: char| !c.is_ascii_digit(), ""))
        .collect()
}

fn item(id: usize, second: usize) -> serde_json::Value {
    json!({"id": id, "at": format!("2020-01-01T00:00:{second:02}Z")})
}

fn answer(items: &[serde_json::Value]) -> Reply {
    reply(200, &json!({"items": items}).to_string())
}

#[tokio::test]
async fn records_are_what_castorms_connector_makes_of_them() {
    let server = Server::new(|_, _| {
        reply(200, r#"{"items": [ {"z": 1.10, "id": "a b", "at": "2020-01-01T00:00:00.25Z"}, {"id": 2, "at": 1577836801000} ]}"#)
    })
    .await;
    let mut task = task(&config(&server, &[]), &Committed::default()).await;
    let records = poll(&mut task).await;
    let [first, second] = &records[..] else { panic!("{records:?}") };
    assert_eq!(
        first.offset.to_map(),
        *json!({"key": "a b", "timestamp": "2020-01-01T00:00:00.250Z"}).as_object().unwrap()
    );
    assert_eq!(
        second.offset.to_map(),
        *json!({"key": "2", "timestamp": "2020-01-01T00:00:01Z"}).as_object().unwrap()
    );
    assert!(first.partition.map().is_empty());
    assert_eq!(first.record.timestamp_ms, Some(1_577_836_800_250));
    let Value::Struct(value) = &first.record.value.value else { panic!() };
    let text = r#"{"z":1.10,"id":"a b","at":"2020-01-01T00:00:00.25Z"}"#;
    assert_eq!(
        value.values(),
        [Value::str(text), Value::str("a b"), Value::Int64(1_577_836_800_250)]
    );
    let schema = first.record.value.schema.as_ref().unwrap();
    assert_eq!(
        schema.name().map(|name| &**name),
        Some("com.github.castorm.kafka.connect.http.Value")
    );
}

#[tokio::test]
async fn what_was_seen_is_left_out_and_the_offset_is_asked_for() {
    let server = Server::new(|_, asked: &Asked| {
        // What is not older than asked for.
        let from = asked.path.split("from=").nth(1).unwrap().to_owned();
        let all = [item(1, 1), item(2, 2), item(3, 2), item(4, 3)];
        let left: Vec<_> =
            all.into_iter().filter(|one| one["at"].as_str().unwrap() >= &*from).collect();
        answer(&left)
    })
    .await;
    let more = [
        ("http.request.params", "from=${offset.timestamp}"),
        ("http.offset.initial", "timestamp=2019-01-01T00:00:00Z"),
    ];
    let props = config(&server, &more);
    let mut first = task(&props, &Committed::default()).await;
    let records = poll(&mut first).await;
    assert_eq!(ids(&records), ["1", "2", "3", "4"]);
    assert!(is_idle(&mut first).await, "nothing comes twice");
    assert_eq!(server.asked()[0].path, "/items?from=2019-01-01T00:00:00Z");
    assert_eq!(server.asked()[1].path, "/items?from=2020-01-01T00:00:03Z");
    // Behind each record: the rest, also where times are equal.
    for (at, expected) in [(0, &["2", "3", "4"][..]), (1, &["3", "4"]), (2, &["4"])] {
        let mut committed = Committed::default();
        committed.commit(&records[..=at]);
        assert_eq!(ids(&poll(&mut task(&props, &committed).await).await), expected);
    }
    let filter = (
        "http.record.filter.factory",
        "com.github.castorm.kafka.connect.http.record.OffsetTimestampRecordFilterFactory",
    );
    let mut committed = Committed::default();
    committed.commit(&records[..2]);
    let props = config(&server, &[more[0], more[1], filter]);
    assert_eq!(ids(&poll(&mut task(&props, &committed).await).await), ["4"]);
}

#[tokio::test]
async fn answers_with_the_newest_first_are_turned() {
    let server = Server::new(|_, _| answer(&[item(3, 3), item(2, 2), item(1, 1)])).await;
    let mut task = task(&config(&server, &[]), &Committed::default()).await;
    assert_eq!(ids(&poll(&mut task).await), ["1", "2", "3"]);
    assert!(is_idle(&mut task).await);
}

#[tokio::test]
async fn pages_are_followed_and_read_again_by_who_stops_within_them() {
    // The newest first, two on each page.
    let server = Server::new(|_, asked: &Asked| {
        let page: usize = asked.path.split("page=").nth(1).map_or(1, |page| page.parse().unwrap());
        let next = (page < 3).then(|| (page + 1).to_string());
        let newest = 8 - 2 * page;
        let items = [item(newest, newest), item(newest - 1, newest - 1)];
        reply(200, &json!({"items": items, "next": next}).to_string())
    })
    .await;
    let more = [
        ("gantry.http.next.page.pointer", "/next"),
        ("gantry.http.next.page.param", "page"),
        ("http.response.list.order.direction", "DESC"),
    ];
    let props = config(&server, &more);
    let mut first = task(&props, &Committed::default()).await;
    let mut committed = Committed::default();
    let mut found = Vec::new();
    for _ in 0..3 {
        let records = poll(&mut first).await;
        found.extend(ids(&records));
        // Whoever stops here reads all pages again.
        if found.len() < 6 {
            committed.commit(&records);
            let again = ids(&poll(&mut task(&props, &committed).await).await);
            assert_eq!(again, ["5", "6"]);
        } else {
            committed.commit(&records);
        }
    }
    assert_eq!(found, ["5", "6", "3", "4", "1", "2"]);
    assert!(is_idle(&mut first).await);
    let mut again = task(&props, &committed).await;
    assert!(is_idle(&mut again).await, "all pages were seen");
    let pages: Vec<_> = server
        .asked()
        .iter()
        .map(|asked| asked.path.clone())
        .filter(|path| path.contains("page"))
        .take(1)
        .collect();
    assert_eq!(pages, ["/items?page=2"]);
}

/// Records of the offset's time that are on other pages than the record of the offset.
#[tokio::test]
async fn a_time_may_go_over_pages() {
    for (order, pages, expected) in [
        ("ASC", [[1, 2], [3, 4]], [&["3", "4"][..], &[]]),
        ("DESC", [[4, 3], [2, 1]], [&["3", "4"][..], &[]]),
    ] {
        for seen in [2, 4] {
            let server = Server::new(move |_, asked: &Asked| {
                let page = usize::from(asked.path.contains("page="));
                let items = pages[page].map(|id| item(id, 7));
                let next = (page == 0).then_some(1);
                reply(200, &json!({"items": items, "next": next}).to_string())
            })
            .await;
            let props = config(
                &server,
                &[
                    ("gantry.http.next.page.pointer", "/next"),
                    ("gantry.http.next.page.param", "page"),
                    ("http.response.list.order.direction", order),
                    ("http.offset.initial", &format!("key={seen},timestamp=2020-01-01T00:00:07Z")),
                ],
            );
            let mut task = task(&props, &Committed::default()).await;
            let found = poll_for(&mut task, Duration::from_millis(200)).await;
            assert_eq!(found, expected[usize::from(seen == 4)], "{order} behind {seen}");
        }
    }
}

/// The newest first, all of one time, over several pages: none comes again when all were seen.
#[tokio::test]
async fn pages_of_one_time_come_once() {
    let server = Server::new(|_, asked: &Asked| {
        let page: usize = asked.path.split("page=").nth(1).map_or(1, |page| page.parse().unwrap());
        let newest = 8 - 2 * page;
        let items = [item(newest, 7), item(newest - 1, 7)];
        reply(200, &json!({"items": items, "next": (page < 3).then_some(page + 1)}).to_string())
    })
    .await;
    let more = [
        ("gantry.http.next.page.pointer", "/next"),
        ("gantry.http.next.page.param", "page"),
        ("http.response.list.order.direction", "DESC"),
    ];
    let mut task = task(&config(&server, &more), &Committed::default()).await;
    let mut found = Vec::new();
    for _ in 0..3 {
        found.extend(ids(&poll(&mut task).await));
    }
    assert_eq!(found, ["5", "6", "3", "4", "1", "2"]);
    let given = poll_for(&mut task, Duration::from_millis(150)).await;
    assert_eq!(given, [""; 0], "seen before");
}

/// What comes within a time.
async fn poll_for(task: &mut HttpSourceTask, time: Duration) -> Vec<String> {
    let mut found = Vec::new();
    let _ = tokio::time::timeout(time, async {
        loop {
            found.extend(ids(&task.poll().await.unwrap()));
        }
    })
    .await;
    found
}

#[tokio::test]
async fn links_are_followed_on_the_same_server_only() {
    let server = Server::new(|_, asked: &Asked| {
        let mut reply = answer(&[item(if asked.path.ends_with('2') { 2 } else { 1 }, 1)]);
        let link = if asked.path.ends_with('2') {
            "<http://127.0.0.1:1/3>; rel=next"
        } else {
            "</items?p=2>; rel=\"next\""
        };
        reply.headers.push(("link", link.to_owned()));
        reply
    })
    .await;
    let props = config(
        &server,
        &[("gantry.http.next.page.link", "true"), ("http.response.list.order.direction", "ASC")],
    );
    let mut task = task(&props, &Committed::default()).await;
    assert_eq!(ids(&poll(&mut task).await), ["1"]);
    let error = task.poll().await.unwrap_err();
    assert!(error.message().contains("http://127.0.0.1:1/3, another server than"), "{error:?}");
}

#[tokio::test]
async fn an_answer_that_has_not_changed_is_not_sent_again() {
    let server = Server::new(|_, asked: &Asked| {
        if asked.header("if-none-match") == Some("\"v1\"") {
            return reply(304, "");
        }
        let mut reply = answer(&[item(1, 1)]);
        reply.headers.push(("etag", "\"v1\"".to_owned()));
        reply
    })
    .await;
    let props = config(&server, &[("gantry.http.etag", "true")]);
    let mut first = task(&props, &Committed::default()).await;
    let records = poll(&mut first).await;
    assert_eq!(ids(&records), ["1"]);
    assert!(is_idle(&mut first).await);
    let mut committed = Committed::default();
    committed.commit(&records);
    let before = server.asked().len();
    assert!(is_idle(&mut task(&props, &committed).await).await);
    let marks: Vec<_> = server.asked()[before..]
        .iter()
        .map(|asked| asked.header("if-none-match").map(str::to_owned))
        .collect();
    assert!(
        !marks.is_empty() && marks.iter().all(|mark| mark.as_deref() == Some("\"v1\"")),
        "{marks:?}"
    );
}

#[tokio::test]
async fn what_passes_is_tried_again_and_the_rest_fails() {
    let server = Server::new(|number, _| match number {
        0 => Reply { cut: true, ..reply(200, "") },
        1 => {
            let mut reply = reply(429, "slow down");
            reply.headers.push(("retry-after", "0".to_owned()));
            reply
        }
        2 => reply(503, ""),
        3 => reply(302, "elsewhere"),
        4 => answer(&[item(1, 1)]),
        _ => reply(403, "who are you?"),
    })
    .await;
    let props = config(&server, &[]);
    let mut task = task(&props, &Committed::default()).await;
    assert_eq!(ids(&poll(&mut task).await), ["1"]);
    let error = task.poll().await.unwrap_err().message().to_owned();
    assert!(
        error.starts_with(
            "Policy failed for response code: 403, body: who are you? (http://127.0.0.1"
        ),
        "{error}"
    );
    let limited =
        config(&Server::new(|_, _| reply(503, "down")).await, &[("gantry.http.max.retries", "2")]);
    assert!(fails(&limited).await.contains("503, body: down"));
}

#[tokio::test]
async fn answers_that_are_not_as_said_are_errors_that_say_where() {
    for (body, more, expected) in [
        ("{", &[][..], "the answer is no JSON"),
        ("{\"other\":[]}", &[], "the answer has nothing at /items"),
        ("{\"items\":[{\"id\":1}]}", &[], "the answer has nothing at /at"),
        (
            "{\"items\":[{\"id\":1,\"at\":\"yesterday\"}]}",
            &[],
            "\"yesterday\", is neither milliseconds",
        ),
        (
            "{\"items\":[]}",
            &[("http.request.headers", "X: ${offset.none}")],
            "asks for ${offset.none}",
        ),
    ] {
        let server = Server::new(move |_, _| reply(200, body)).await;
        let error = fails(&config(&server, more)).await;
        assert!(error.contains(expected), "{error}");
    }
    let server =
        Server::new(|_, _| reply(200, &format!("{{\"items\":\"{}\"}}", "x".repeat(2000)))).await;
    let error = fails(&config(&server, &[("gantry.http.response.max.bytes", "1024")])).await;
    assert!(
        error.contains("more than 1024 bytes: ask for less at once, or raise gantry.http"),
        "{error}"
    );
}

#[tokio::test]
async fn it_is_said_who_asks() {
    let tokens = Arc::new(AtomicUsize::new(0));
    let given = Arc::clone(&tokens);
    let server = Server::new(move |_, asked: &Asked| match asked.path.as_str() {
        "/token" => {
            let number = given.fetch_add(1, Ordering::SeqCst) + 1;
            reply(200, &format!("{{\"access_token\":\"t{number}\",\"expires_in\":3600}}"))
        }
        _ if asked.header("authorization") == Some("Bearer t1") => reply(401, ""),
        _ => answer(&[item(1, 1)]),
    })
    .await;
    let basic =
        [("http.auth.type", "Basic"), ("http.auth.user", "ann"), ("http.auth.password", "pw")];
    poll(&mut task(&config(&server, &basic), &Committed::default()).await).await;
    assert_eq!(server.asked()[0].header("authorization"), Some("Basic YW5uOnB3"));
    let key = [
        ("gantry.http.api.key.value", "k"),
        ("gantry.http.hmac.secret", "s"),
        ("http.request.headers", "A: b, C: d"),
        ("http.request.method", "POST"),
        ("http.request.body", "{\"after\":\"${offset.key!''}\"}"),
    ];
    poll(&mut task(&config(&server, &key), &Committed::default()).await).await;
    let asked = server.asked().pop().unwrap();
    assert_eq!((asked.method.as_str(), asked.body.as_str()), ("POST", "{\"after\":\"\"}"));
    assert_eq!(
        (asked.header("x-api-key"), asked.header("a"), asked.header("c")),
        (Some("k"), Some("b"), Some("d"))
    );
    assert_eq!(asked.header("content-type"), Some("application/json"));
    let signed = format!("{}.{{\"after\":\"\"}}", asked.header("x-timestamp").unwrap());
    let mut hmac = Hmac::<Sha256>::new_from_slice(b"s").unwrap();
    hmac.update(signed.as_bytes());
    let expected: String =
        hmac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(asked.header("x-signature"), Some(expected.as_str()));
    let url = server.url("/token");
    let oauth2 = [
        ("gantry.http.oauth2.token.url", url.as_str()),
        ("gantry.http.oauth2.client.id", "id"),
        ("gantry.http.oauth2.client.secret", "secret"),
    ];
    poll(&mut task(&config(&server, &oauth2), &Committed::default()).await).await;
    assert_eq!(server.asked().pop().unwrap().header("authorization"), Some("Bearer t2"));
    assert_eq!(tokens.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn wrong_values_are_found_before_the_start() {
    let good = props(&[("kafka.topic", "t"), ("http.request.url", "https://x/${offset.key!'0'}")]);
    let errors = |more: &[(&str, &str)]| {
        let mut all = good.clone();
        all.extend(props(more));
        let mut findings = super::definition().validate(&all);
        HttpSource::default().validate(&all, &mut findings).unwrap();
        let wrong = findings.into_iter().filter(|value| !value.errors.is_empty());
        wrong.map(|value| format!("{}: {}", value.name, value.errors.join(";"))).collect::<Vec<_>>()
    };
    assert_eq!(errors(&[]), [""; 0]);
    for (key, value, expected) in [
        ("http.request.url", "ftp://x", "no URL of HTTP"),
        ("http.request.params", "a=${offset.x?upper_case}", "of FreeMarker there are"),
        ("http.response.list.pointer", "items", "a JSON pointer begins with /"),
        ("http.response.record.offset.pointer", "key", "key has no ="),
        (
            "http.response.record.timestamp.parser",
            "x.NattyTimestampParser",
            "it must be one of EpochMillisOrDelegate",
        ),
        ("http.response.policy.codes.skip", "x", "neither a status code"),
        (
            "http.response.policy.codes.skip",
            "299",
            "it has codes of http.response.policy.codes.process",
        ),
        ("http.response.list.order.direction", "UP", "ASC"),
        ("gantry.http.next.page.link", "true", "with pages it must be ASC or DESC"),
        ("gantry.http.oauth2.client.id", "i", "it is needed for OAuth 2"),
        ("gantry.http.etags", "true", "is no key of this connector"),
        ("http.client.cookies", "true", "is no key of this connector"),
        ("http.client", "org.shop.Client", "it must be OkHttpClient: for a class of one's own"),
        ("http.response.record.timestamp.parser.pattern", "yy-MM-dd", "yy is not supported"),
        ("http.response.record.timestamp.parser.zone", "Mars", "it is no time zone"),
        ("http.response.record.timestamp.parser.regex", "(", "Unclosed group"),
    ] {
        let found = errors(&[(key, value)]);
        assert!(found.len() == 1 && found[0].contains(expected), "{key}={value}: {found:?}");
    }
}

#[tokio::test]
async fn pages_that_lead_in_a_circle_are_an_error() {
    let server = Server::new(|_, asked: &Asked| {
        let page: usize = asked.path.split("page=").nth(1).map_or(1, |page| page.parse().unwrap());
        // 1, 2, 3, 4, 5, 3, 4, 5, …
        let next = if page == 5 { 3 } else { page + 1 };
        reply(200, &json!({"items": [item(page, page)], "next": next}).to_string())
    })
    .await;
    let more = [
        ("gantry.http.next.page.pointer", "/next"),
        ("gantry.http.next.page.param", "page"),
        ("http.response.list.order.direction", "ASC"),
    ];
    let mut task = task(&config(&server, &more), &Committed::default()).await;
    let error = loop {
        match tokio::time::timeout(Duration::from_secs(10), task.poll()).await.unwrap() {
            Ok(_) => assert!(server.asked().len() < 20, "it goes round and round"),
            Err(error) => break error,
        }
    };
    assert!(error.message().contains("the pages lead in a circle"), "{error:?}");
}

#[tokio::test]
async fn waits_are_as_long_as_said() {
    let started = std::time::Instant::now();
    let server = Server::new(|number, _| match number {
        0 => {
            let mut reply = reply(429, "slow down");
            reply.headers.push(("retry-after", "1".to_owned()));
            reply
        }
        _ => answer(&[item(1, 1)]),
    })
    .await;
    poll(&mut task(&config(&server, &[]), &Committed::default()).await).await;
    assert!(started.elapsed() >= Duration::from_secs(1), "{:?}", started.elapsed());
    let limit = config(&server, &[("gantry.http.requests.per.second", "20")]);
    let mut limited = task(&limit, &Committed::default()).await;
    poll(&mut limited).await;
    let before = server.asked().len();
    assert_eq!(poll_for(&mut limited, Duration::from_millis(500)).await, [""; 0]);
    let asked = server.asked().len() - before;
    assert!((5..=13).contains(&asked), "{asked} requests in half a second of 20 a second");
}

#[tokio::test]
async fn redirects_are_followed_and_credentials_stay_at_home() {
    let other = Server::new(|_, _| answer(&[item(1, 1)])).await;
    let elsewhere = other.url("/moved?x=1");
    let server = Server::new(move |_, asked: &Asked| {
        let (status, to) = match asked.path.as_str() {
            "/items" => (307, "/items/".to_owned()),
            "/items/" => (302, elsewhere.clone()),
            _ => (301, "/round".to_owned()),
        };
        let mut reply = reply(status, "");
        reply.headers.push(("location", to));
        reply
    })
    .await;
    let more = [
        ("gantry.http.bearer.token", "t"),
        ("http.request.headers", "Cookie: c, X-Trace: a\\, b"),
        ("http.request.method", "POST"),
        ("http.request.body", "{}"),
    ];
    let mut followed = task(&config(&server, &more), &Committed::default()).await;
    assert_eq!(ids(&poll(&mut followed).await), ["1"]);
    let told = |asked: &Asked| {
        let header = |name: &str| asked.header(name).map(str::to_owned);
        (asked.method.clone(), header("authorization"), header("cookie"), header("x-trace"))
    };
    let (token, cookie, trace) =
        (Some("Bearer t".to_owned()), Some("c".to_owned()), Some("a, b".to_owned()));
    let home = ("POST".to_owned(), token, cookie, trace.clone());
    let all: Vec<_> = server.asked().iter().map(told).collect();
    assert_eq!(all, [home.clone(), home]);
    assert_eq!(told(&other.asked()[0]), ("GET".to_owned(), None, None, trace));
    let url = server.url("/round");
    let error = fails(&config(&server, &[("http.request.url", url.as_str())])).await;
    assert!(error.contains("it redirects again after 20 redirects"), "{error}");
}

#[tokio::test]
async fn parameters_that_are_encoded_stay_so() {
    let server = Server::new(|_, _| answer(&[item(1, 1)])).await;
    let more = [("http.request.params", "q=a%20b + c:d & r=\"x\"é")];
    poll(&mut task(&config(&server, &more), &Committed::default()).await).await;
    assert_eq!(server.asked()[0].path, "/items?q=a%20b%20+%20c:d&r=%22x%22%C3%A9");
}

#[tokio::test]
async fn certificates_say_who_asks() {
    let folder = tempfile::tempdir().unwrap();
    tls::certificates(folder.path());
    let file = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (ca, p12) = (file("ca.pem"), file("client.p12"));
    let server = tls::server(folder.path(), "server", true).await;
    let url = server.url("/items").replace("http:", "https:");
    let trust = [
        ("http.request.url", url.as_str()),
        ("gantry.http.ssl.truststore.location", ca.as_str()),
        ("gantry.http.ssl.truststore.type", "PEM"),
        ("gantry.http.max.retries", "0"),
    ];
    let stranger = fails(&config(&server, &trust)).await;
    assert!(stranger.contains("https://127.0.0.1"), "{stranger}");
    assert_eq!(server.asked().len(), 0);
    let known =
        [("http.client.keystore", p12.as_str()), ("http.client.keystore.password", "changeit")];
    let mut fine =
        task(&config(&server, &[&trust[..], &known].concat()), &Committed::default()).await;
    assert!(is_idle(&mut fine).await);
    assert!(!server.asked().is_empty());
    let both = [known[0], known[1], ("gantry.http.ssl.keystore.location", p12.as_str())];
    let all = config(&server, &[&trust[..], &both].concat());
    let mut findings = super::definition().validate(&all);
    HttpSource::default().validate(&all, &mut findings).unwrap();
    let wrong: Vec<_> = findings.iter().filter(|value| !value.errors.is_empty()).collect();
    assert!(wrong.len() == 1 && wrong[0].name == "http.client.keystore", "{wrong:?}");
}
