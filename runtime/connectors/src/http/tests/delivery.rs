//! Retries, errors, order and limits.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::server::{Reply, Server, reply};
use super::*;
use Flavour::{Aiven, Confluent};

#[tokio::test]
async fn aiven_tries_again_and_then_reports() {
    let server = Server::new(|number, asked| match (asked.body.as_str(), number) {
        ("bad", _) => reply(400, "no"),
        (_, 0) => reply(503, ""),
        (_, 1) => Reply { cut: true, ..reply(200, "") },
        _ => reply(302, ""),
    })
    .await;
    let keys = [("max.retries", "2")];
    let mut task = Task::new(Aiven, &aiven(&server.url("/"), &keys)).await;
    task.put(&[record(0, "k", "good"), record(1, "k", "bad"), record(2, "k", "last")])
        .await
        .unwrap();
    assert_eq!(server.bodies(), ["good", "good", "good", "bad", "bad", "bad", "last"]);
    let errant = task.errant();
    assert_eq!(errant.len(), 1);
    assert_eq!(errant[0].0, 1);
    let text = &errant[0].1;
    assert!(
        text.contains("ConnectException: Sending failed and no retries remain, stopping"),
        "{text}"
    );
    assert!(text.contains("Server replied with status code 400 and body no"), "{text}");
}

#[tokio::test]
async fn without_a_dead_letter_queue_the_task_fails() {
    let server = Server::new(|_, _| reply(500, "")).await;
    let keys = [("max.retries", "0")];
    let mut task = Task::with(Aiven, &aiven(&server.url("/"), &keys), false).await.unwrap();
    let error = task.put(&[record(0, "k", "x"), record(1, "k", "y")]).await.unwrap_err();
    assert_eq!(error.message(), "Sending failed and no retries remain, stopping");
    assert!(!error.is_retriable());
    assert_eq!(server.bodies(), ["x"]);
    // Batches never go to the dead letter queue.
    let keys = [("max.retries", "0"), ("batching.enabled", "true")];
    let mut task = Task::new(Aiven, &aiven(&server.url("/"), &keys)).await;
    assert!(task.put(&[record(0, "k", "x")]).await.is_err());
    assert!(task.errant().is_empty());
}

#[tokio::test]
async fn confluents_errors_go_where_behavior_on_error_says() {
    let server = Server::new(|_, asked| match asked.body.contains("bad") {
        true => reply(404, "gone"),
        false => reply(200, ""),
    })
    .await;
    let url = server.url("/").replace("127", "u:p@127");
    let records = [record(0, "k", "bad"), record(1, "k", "good")];
    for how in ["fail", "ignore", "log"] {
        let keys = [("behavior.on.error", how), ("retry.on.status.codes", "500-")];
        let mut task = Task::new(Confluent, &confluent(&url, &keys)).await;
        task.put(&records).await.unwrap();
        let errant = task.errant();
        assert_eq!(errant.len(), usize::from(how == "fail"), "{how}: {errant:?}");
        for (offset, text) in errant {
            assert_eq!(offset, 0);
            let expected = format!(
                "Error while processing HTTP request with Url : {}, Status code : 404, Reason \
                 Phrase : Not Found, Response Content : gone, ",
                server.url("/").replace("127", "***@127")
            );
            assert!(text.contains(&expected), "{text}");
        }
    }
    // No attempt is made again, and user and password of the URL are told to the server.
    assert_eq!(server.bodies(), ["bad", "good", "bad", "good", "bad", "good"]);
    assert_eq!(server.asked()[0].header("authorization"), Some("Basic dTpw"));
    let mut task =
        Task::with(Confluent, &confluent(&url, &[("max.retries", "0")]), false).await.unwrap();
    assert!(task.put(&records).await.is_err());
    // All records of a request that failed.
    let keys = [("batch.max.size", "9"), ("max.retries", "1")];
    let mut task = Task::new(Confluent, &confluent(&url, &keys)).await;
    task.put(&records).await.unwrap();
    assert_eq!(task.errant().len(), 2);
}

#[tokio::test]
async fn retry_after_is_waited_for_within_its_limit() {
    for (limit, least, most) in [("60000", 900, 10_000), ("50", 50, 900)] {
        let server = Server::new(|number, _| match number {
            0 => Reply { headers: vec![("retry-after", "1".to_owned())], ..reply(429, "") },
            _ => reply(200, ""),
        })
        .await;
        let keys = [("gantry.http.retry.after.max.ms", limit)];
        let mut task = Task::new(Aiven, &aiven(&server.url("/"), &keys)).await;
        let begun = Instant::now();
        task.put(&[record(0, "k", "x")]).await.unwrap();
        let took = begun.elapsed().as_millis();
        assert!((least..most).contains(&took), "{took}");
        assert!(task.errant().is_empty());
    }
}

#[tokio::test]
async fn records_of_one_key_stay_in_order_while_others_pass() {
    let under_way = Arc::new((AtomicUsize::new(0), AtomicUsize::new(0)));
    let seen = Arc::new(Mutex::new(Vec::new()));
    let (counts, order) = (Arc::clone(&under_way), Arc::clone(&seen));
    let server = Server::new(move |number, asked| {
        order.lock().unwrap().push(asked.body.clone());
        counts.1.fetch_add(1, Ordering::SeqCst);
        // Each answer takes another time, and some requests have to come again.
        let after = Duration::from_millis((number as u64 * 7) % 5);
        Reply { after, ..reply(if number % 10 == 3 { 500 } else { 200 }, "") }
    })
    .await;
    let keys = [("gantry.http.max.in.flight", "4"), ("max.retries", "5")];
    let mut task = Task::new(Aiven, &aiven(&server.url("/"), &keys)).await;
    let records: Vec<_> = (0..200u64)
        .map(|n| record(n, &format!("k{}", n % 10), &format!("{}:{}", n % 10, n / 10)))
        .collect();
    task.put(&records).await.unwrap();
    assert!(task.errant().is_empty());
    let connections = server.connections.load(Ordering::SeqCst);
    assert!((2..=4).contains(&connections), "{connections}");
    let mut last = [0; 10];
    for text in seen.lock().unwrap().iter() {
        let (key, turn) = text.split_once(':').unwrap();
        let (key, turn): (usize, usize) = (key.parse().unwrap(), turn.parse().unwrap());
        assert!(turn == last[key] || turn == last[key] + 1, "{text} behind {}", last[key]);
        last[key] = turn;
    }
    assert_eq!(last, [19; 10]);
}

#[tokio::test]
async fn records_without_a_key_and_one_lane_are_in_order() {
    for (key, lanes) in [("", "4"), ("k", "1")] {
        let server = Server::fine().await;
        let keys = [("gantry.http.max.in.flight", lanes)];
        let mut task = Task::new(Confluent, &confluent(&server.url("/"), &keys)).await;
        let name = |n: u64| if key.is_empty() { String::new() } else { format!("k{n}") };
        let records: Vec<_> = (0..50).map(|n| record(n, &name(n), &n.to_string())).collect();
        task.put(&records).await.unwrap();
        let expected: Vec<_> = (0..50).map(|n| n.to_string()).collect();
        assert_eq!(server.bodies(), expected);
    }
}

#[tokio::test]
async fn a_server_that_does_not_answer_or_is_gone_is_an_error() {
    let server =
        Server::new(|_, _| Reply { after: Duration::from_secs(60), ..reply(200, "") }).await;
    let keys = [("http.request.timeout.ms", "50"), ("max.retries", "1")];
    let mut task = Task::new(Confluent, &confluent(&server.url("/"), &keys)).await;
    task.put(&[record(0, "k", "x")]).await.unwrap();
    let [(0, text)] = &task.errant()[..] else { panic!() };
    assert!(text.contains("/: no answer within 50 ms"), "{text}");
    assert_eq!(server.asked().len(), 2);
    // Nobody listens.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let url = format!("http://127.0.0.1:{free}/");
    let mut task = Task::new(Confluent, &confluent(&url, &keys)).await;
    task.put(&[record(0, "k", "x")]).await.unwrap();
    let [(0, text)] = &task.errant()[..] else { panic!() };
    assert!(text.contains("connection to 127.0.0.1"), "{text}");
}

#[tokio::test]
async fn connections_that_the_server_closed_cost_no_attempt() {
    let server = Server::new(|_, _| Reply {
        headers: vec![("connection", "close".to_owned())],
        ..reply(200, "")
    })
    .await;
    let keys = [("max.retries", "0")];
    let mut task = Task::new(Aiven, &aiven(&server.url("/"), &keys)).await;
    for n in 0..20 {
        task.put(&[record(n, "k", "x")]).await.unwrap();
    }
    assert!(task.errant().is_empty());
    assert_eq!(server.connections.load(Ordering::SeqCst), 20);
}

#[tokio::test]
async fn a_stopped_task_waits_for_no_retry() {
    let server = Server::new(|_, _| reply(500, "")).await;
    let keys = [("retry.backoff.ms", "60000"), ("max.retries", "9")];
    let mut task = Task::new(Confluent, &confluent(&server.url("/"), &keys)).await;
    let cancel = task.context.cancel.clone();
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(50)).await;
        cancel.cancel();
    });
    let begun = Instant::now();
    task.put(&[record(0, "k", "x")]).await.unwrap();
    assert!(begun.elapsed() < Duration::from_secs(2));
    assert!(task.errant().is_empty());
    // It was not sent: no offset passes it.
    assert_eq!(task.safe(1).await, 0);
}

#[tokio::test]
async fn what_was_sent_before_a_stop_is_not_sent_again() {
    let server = Server::new(|number, _| reply(if number < 5 { 200 } else { 500 }, "")).await;
    let keys =
        [("retry.backoff.ms", "60000"), ("max.retries", "9"), ("gantry.http.max.in.flight", "1")];
    let mut task = Task::new(Confluent, &confluent(&server.url("/"), &keys)).await;
    let cancel = task.context.cancel.clone();
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(300)).await;
        cancel.cancel();
    });
    let records: Vec<_> = (0..20).map(|at| record(at, &at.to_string(), "x")).collect();
    task.put(&records).await.unwrap();
    assert_eq!(task.safe(20).await, 5);
}

#[tokio::test]
async fn a_stopped_task_gives_up_requests_after_a_while() {
    let server =
        Server::new(|_, _| Reply { after: Duration::from_secs(60), ..reply(200, "") }).await;
    let mut task = Task::new(Aiven, &aiven(&server.url("/"), &[])).await;
    let cancel = task.context.cancel.clone();
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(50)).await;
        cancel.cancel();
    });
    let begun = Instant::now();
    task.put(&[record(0, "k", "x")]).await.unwrap();
    assert_eq!(task.safe(1).await, 0);
    let took = begun.elapsed();
    assert!(took > Duration::from_secs(1) && took < Duration::from_secs(10), "{took:?}");
}

#[tokio::test]
async fn requests_and_bytes_are_limited() {
    for (key, rate) in
        [("gantry.http.requests.per.second", "100"), ("gantry.http.bytes.per.second", "1000")]
    {
        let server = Server::fine().await;
        let mut task = Task::new(Aiven, &aiven(&server.url("/"), &[(key, rate)])).await;
        let begun = Instant::now();
        let records: Vec<_> = (0..41).map(|n| record(n, &n.to_string(), "0123456789")).collect();
        task.put(&records).await.unwrap();
        let took = begun.elapsed().as_millis();
        // Forty intervals of ten milliseconds, less what may be made up for.
        assert!((290..3000).contains(&took), "{key}: {took}");
    }
}

#[tokio::test]
async fn idempotency_keys_are_positions() {
    let server = Server::new(|number, _| reply(if number == 0 { 500 } else { 200 }, "")).await;
    let keys = [("gantry.http.idempotency.header", "Idempotency-Key"), ("batch.max.size", "2")];
    let mut task = Task::new(Confluent, &confluent(&server.url("/"), &keys)).await;
    task.put(&[record(4, "k", "x"), record(5, "k", "y"), record(6, "k", "z")]).await.unwrap();
    let all: Vec<_> = server
        .asked()
        .iter()
        .map(|asked| asked.header("idempotency-key").unwrap().to_owned())
        .collect();
    assert_eq!(all[0], all[1]);
    assert!(all[0].starts_with("t-0-4+1-"), "{all:?}");
    assert_eq!(all[2], "t-0-6");
}

#[tokio::test]
async fn requests_go_through_a_proxy() {
    let proxy = Server::fine().await;
    let keys = [
        ("http.proxy.host", "127.0.0.1"),
        ("http.proxy.port", &proxy.port.to_string()),
        ("http.proxy.user", "u"),
        ("http.proxy.password", "p"),
    ];
    let mut task = Task::new(Confluent, &confluent("http://nowhere.test:81/a?b=c", &keys)).await;
    task.put(&[record(0, "k", "x")]).await.unwrap();
    let asked = &proxy.asked()[0];
    assert_eq!(asked.path, "http://nowhere.test:81/a?b=c");
    assert_eq!(asked.header("host"), Some("nowhere.test:81"));
    assert_eq!(asked.header("proxy-authorization"), Some("Basic dTpw"));
}

#[tokio::test]
async fn a_success_whose_body_breaks_off_is_one() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/a", listener.local_addr().unwrap());
    let count = tokio::spawn(async move {
        let mut count = 0;
        let wait = std::time::Duration::from_millis(500);
        while let Ok(Ok((mut stream, _))) = tokio::time::timeout(wait, listener.accept()).await {
            count += 1;
            let mut head = [0; 4096];
            assert!(stream.read(&mut head).await.unwrap() > 0);
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc").await.unwrap();
        }
        count
    });
    let mut task = Task::new(Flavour::Confluent, &confluent(&url, &[])).await;
    task.put(&[record(0, "k", "x")]).await.unwrap();
    assert!(task.errant().is_empty());
    assert_eq!(count.await.unwrap(), 1);
}
