//! Who asks.

use std::time::Duration;

use super::server::{Asked, Reply, Server, reply};
use super::*;
use Flavour::{Aiven, Confluent};

async fn asked(flavour: Flavour, keys: &[(&str, &str)]) -> Asked {
    let server = Server::fine().await;
    let props = match flavour {
        Aiven => aiven(&server.url("/a?b=c"), keys),
        Confluent => confluent(&server.url("/a?b=c"), keys),
    };
    let mut task = Task::new(flavour, &props).await;
    task.put(&[record(0, "k", "x")]).await.unwrap();
    assert!(task.errant().is_empty());
    server.asked().remove(0)
}

#[tokio::test]
async fn headers_say_who_asks() {
    let none = asked(Aiven, &[]).await;
    assert_eq!(none.header("authorization"), None);
    assert_eq!(none.header("content-type"), None);
    let keys = [("http.authorization.type", "static"), ("http.headers.authorization", "Token abc")];
    assert_eq!(asked(Aiven, &keys).await.header("authorization"), Some("Token abc"));
    let keys = [("auth.type", "basic"), ("connection.user", "u"), ("connection.password", "pä")];
    assert_eq!(asked(Confluent, &keys).await.header("authorization"), Some("Basic dTpww6Q="));
    let keys = [("sensitive.headers", "Authorization: Bearer x;X-B:1"), ("header.separator", ";")];
    let found = asked(Confluent, &keys).await;
    assert_eq!(found.header("authorization"), Some("Bearer x"));
    assert_eq!(found.header("x-b"), Some("1"));
    let keys = [("gantry.http.bearer.token", "t0"), ("gantry.http.api.key.value", "k&0")];
    let found = asked(Confluent, &keys).await;
    assert_eq!(found.header("authorization"), Some("Bearer t0"));
    assert_eq!(found.header("x-api-key"), Some("k&0"));
    let keys = [
        ("gantry.http.api.key.value", "k&0"),
        ("gantry.http.api.key.in", "query"),
        ("gantry.http.api.key.name", "key"),
    ];
    assert_eq!(asked(Aiven, &keys).await.path, "/a?b=c&key=k%260");
}

#[tokio::test]
async fn requests_are_signed() {
    let keys = [
        ("gantry.http.hmac.secret", "s"),
        ("gantry.http.hmac.header", "X-Hub"),
        ("gantry.http.hmac.prefix", "sha256="),
    ];
    let found = asked(Aiven, &keys).await;
    assert!(found.header("x-timestamp").unwrap().parse::<u64>().unwrap() > 1_600_000_000);
    let signature = found.header("x-hub").unwrap();
    assert!(signature.starts_with("sha256=") && signature.len() == 71, "{signature}");
}

fn token(number: usize, expires_in: &str) -> Reply {
    let more =
        if expires_in.is_empty() { String::new() } else { format!(",\"expires_in\":{expires_in}") };
    reply(200, &format!("{{\"access_token\":\"t{number}\"{more}}}"))
}

#[tokio::test]
async fn aivens_token_is_kept_and_renewed_when_it_is_refused() {
    let server = Server::new(|number, asked| match asked.path.as_str() {
        "/token" => token(number, ""),
        // The first token is refused at the third record.
        _ if number == 3 => reply(401, ""),
        _ => reply(200, ""),
    })
    .await;
    let url = server.url("/token");
    let keys = [
        ("http.authorization.type", "oauth2"),
        ("oauth2.access.token.url", &url),
        ("oauth2.client.id", "me"),
        ("oauth2.client.secret", "a b"),
        ("oauth2.client.scope", "write all"),
        ("http.headers.additional", "x:1"),
        ("max.retries", "0"),
        ("gantry.http.max.in.flight", "1"),
    ];
    let mut task = Task::new(Aiven, &aiven(&server.url("/in"), &keys)).await;
    for n in 0..4 {
        task.put(&[record(n, "k", &n.to_string())]).await.unwrap();
    }
    assert!(task.errant().is_empty());
    let all: Vec<_> = server
        .asked()
        .iter()
        .map(|asked| format!("{} {}", asked.body, asked.header("authorization").unwrap()))
        .collect();
    let ask = "grant_type=client_credentials&scope=write%20all Basic bWU6YSBi";
    assert_eq!(
        all,
        [ask, "0 Bearer t0", "1 Bearer t0", "2 Bearer t0", ask, "2 Bearer t4", "3 Bearer t4"]
    );
    assert_eq!(server.asked()[0].header("x"), None);
    assert_eq!(server.asked()[0].header("content-type"), Some("application/x-www-form-urlencoded"));
}

#[tokio::test]
async fn confluents_token_is_renewed_before_it_ends() {
    let server = Server::new(|number, asked| match asked.path.as_str() {
        "/token" => Reply {
            body: format!("{{\"tok\":\"t{number}\",\"token_type\":\"MAC\",\"expires_in\":\"2\"}}"),
            ..reply(200, "")
        },
        _ => reply(200, ""),
    })
    .await;
    let url = server.url("/token");
    let keys = [
        ("auth.type", "oauth2"),
        ("oauth2.token.url", url.as_str()),
        ("oauth2.client.id", "me"),
        ("oauth2.client.secret", "s&"),
        ("oauth2.client.auth.mode", "url"),
        ("oauth2.token.property", "tok"),
        ("oauth2.client.headers", "X-T:1"),
    ];
    let mut task = Task::new(Confluent, &confluent(&server.url("/in"), &keys)).await;
    task.put(&[record(0, "k", "a"), record(1, "k", "b")]).await.unwrap();
    tokio::time::sleep(Duration::from_millis(1100)).await;
    task.put(&[record(2, "k", "c")]).await.unwrap();
    let all: Vec<_> = server
        .asked()
        .iter()
        .map(|asked| format!("{} {}", asked.body, asked.header("authorization").unwrap_or("-")))
        .collect();
    let ask = "grant_type=client_credentials&scope=any&client_id=me&client_secret=s%26 -";
    assert_eq!(all, [ask, "a MAC t0", "b MAC t0", ask, "c MAC t3"]);
    assert_eq!(server.asked()[0].header("x-t"), Some("1"));
}

#[tokio::test]
async fn many_lanes_ask_for_one_token() {
    let server = Server::new(|number, asked| match asked.path.as_str() {
        "/token" => Reply { after: Duration::from_millis(30), ..token(number, "3600") },
        _ => reply(200, ""),
    })
    .await;
    let url = server.url("/token");
    let keys = [
        ("http.authorization.type", "oauth2"),
        ("oauth2.access.token.url", &url),
        ("oauth2.client.id", "me"),
        ("oauth2.client.secret", "s"),
        ("gantry.http.max.in.flight", "8"),
    ];
    let mut task = Task::new(Aiven, &aiven(&server.url("/in"), &keys)).await;
    let records: Vec<_> = (0..40).map(|n| record(n, &n.to_string(), "x")).collect();
    task.put(&records).await.unwrap();
    assert_eq!(server.paths().iter().filter(|path| *path == "/token").count(), 1);
}

#[tokio::test]
async fn a_token_that_does_not_come_is_an_error_like_others() {
    let server = Server::new(|number, asked| match asked.path.as_str() {
        "/token" if number < 1 => reply(500, "down"),
        "/token" => reply(200, r#"{"a":"x","b":"secret"}"#),
        _ => reply(200, ""),
    })
    .await;
    let url = server.url("/token");
    let keys = [
        ("http.authorization.type", "oauth2"),
        ("oauth2.access.token.url", &url),
        ("oauth2.client.id", "me"),
        ("oauth2.client.secret", "s"),
    ];
    let mut task = Task::new(Aiven, &aiven(&server.url("/in"), &keys)).await;
    task.put(&[record(0, "k", "x")]).await.unwrap();
    let [(0, text)] = &task.errant()[..] else { panic!() };
    assert!(text.contains("Couldn't get OAuth2 access token"), "{text}");
    let expected =
        "Couldn't find access token property access_token in response properties: [a, b]";
    assert!(text.contains(expected), "{text}");
    assert!(!text.contains("secret"), "{text}");
    assert_eq!(server.paths(), ["/token", "/token"]);
}

#[tokio::test]
async fn all_lanes_wait_once_for_a_token_that_does_not_come() {
    let server = Server::new(|_, asked| match asked.path.as_str() {
        "/token" => Reply { after: Duration::from_secs(60), ..reply(200, "") },
        _ => reply(200, ""),
    })
    .await;
    let url = server.url("/token");
    let keys = [
        ("auth.type", "oauth2"),
        ("oauth2.token.url", url.as_str()),
        ("oauth2.client.id", "me"),
        ("oauth2.client.secret", "s"),
        ("http.request.timeout.ms", "300"),
        ("max.retries", "0"),
        ("gantry.http.max.in.flight", "8"),
    ];
    let mut task = Task::new(Confluent, &confluent(&server.url("/a"), &keys)).await;
    let all: Vec<_> = (0..8).map(|n| record(n, &format!("k{n}"), "x")).collect();
    let begun = std::time::Instant::now();
    task.put(&all).await.unwrap();
    assert_eq!(task.errant().len(), 8);
    // Some share a lane, which asks again for its next record.
    let asked = server.paths().iter().filter(|path| *path == "/token").count();
    assert!(asked < 8 && begun.elapsed() < Duration::from_millis(8 * 300), "{asked}");
}

#[tokio::test]
async fn a_second_refusal_waits_as_long_as_it_is_told() {
    let server = Server::new(|number, asked| match asked.path.as_str() {
        "/token" => token(number, ""),
        _ if number < 4 => {
            Reply { headers: vec![("retry-after", "1".to_owned())], ..reply(401, "") }
        }
        _ => reply(200, ""),
    })
    .await;
    let url = server.url("/token");
    let keys = [
        ("auth.type", "oauth2"),
        ("oauth2.token.url", url.as_str()),
        ("oauth2.client.id", "me"),
        ("oauth2.client.secret", "s"),
        ("max.retries", "1"),
    ];
    let mut task = Task::new(Confluent, &confluent(&server.url("/a"), &keys)).await;
    let begun = std::time::Instant::now();
    task.put(&[record(0, "k", "x")]).await.unwrap();
    assert!(task.errant().is_empty());
    assert!(begun.elapsed() >= Duration::from_millis(900), "{:?}", begun.elapsed());
}
