//! Keys of the REST API: headers, cross-origin requests, TLS, admin listeners, authentication.

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use axum::http::{HeaderMap, HeaderValue, Method, header};

use super::*;
use crate::worker_config::{Admin, AuthSource, Cors, HeaderRules};
use gantry_tls::ClientAuth;

const BASIC: &str =
    "org.apache.kafka.connect.rest.basic.auth.extension.BasicAuthSecurityRestExtension";

fn applied(rules: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert("x-a", HeaderValue::from_static("0"));
    headers.insert("content-type", HeaderValue::from_static("application/json"));
    HeaderRules::parse(rules).unwrap().apply(&mut headers);
    headers
}

fn all<'a>(headers: &'a HeaderMap, name: &str) -> Vec<&'a str> {
    headers.get_all(name).iter().map(|value| value.to_str().unwrap()).collect()
}

#[test]
fn header_rules_are_applied() {
    let headers = applied("set X-A:1, \"add X-B:a,b\", add x-b: c ,  SET X-C : d e,");
    assert_eq!(all(&headers, "x-a"), ["1"]);
    assert_eq!(all(&headers, "x-b"), ["a,b", "c"]);
    assert_eq!(all(&headers, "x-c"), ["d e"]);
    assert_eq!(all(&applied("set X-A:1:::"), "x-a"), ["1:::"]);
    assert_eq!(all(&applied("set X-A:\"a b\""), "x-a"), ["\"a b\""]);
    assert_eq!(
        all(&applied("set Content-Type:x,set Content-Length:7"), "content-type"),
        ["application/json"]
    );
    // An action of other letters passes Kafka Connect's check and then does something else.
    assert_eq!(all(&applied("Add X-A:1,setdate X-D:5"), "x-a"), ["1"]);
    assert_eq!(all(&applied("setdate X-D:5,adddate X-D:6"), "x-d"), ["5", "6"]);
}

#[test]
fn header_rules_give_dates() {
    let headers = applied("addDate X-D:86400000, addDate X-D:-86400000, setDate X-E:0");
    let dates: Vec<SystemTime> =
        all(&headers, "x-d").iter().map(|date| httpdate::parse_http_date(date).unwrap()).collect();
    assert_eq!(dates.len(), 2);
    let apart = dates[0].duration_since(dates[1]).unwrap();
    assert!(apart.as_secs().abs_diff(2 * 86_400) <= 1, "{apart:?}");
    let now = httpdate::parse_http_date(all(&headers, "x-e")[0]).unwrap();
    assert!(now.elapsed().unwrap_or_default() < Duration::from_secs(60));
    assert!(all(&applied("setDate X-D:9223372036854775807"), "x-d").is_empty());
}

#[test]
fn wrong_header_rules_are_refused_in_kafka_connects_words() {
    for (rule, message) in [
        (
            "X-A:1",
            "Invalid format of header config 'X-A:1'. Expected: '[action] [header name]:[header value]'",
        ),
        (
            "set X-A:1,,set X-B:2",
            "Invalid format of header config ''. Expected: '[action] [header name]:[header value]'",
        ),
        (
            "set \"X-A:a,b\"",
            "Invalid format of header config 'b\"'. Expected: '[action] [header name]:[header value]'",
        ),
        (
            "put X-A:1",
            "Invalid header config action: 'put'. Expected one of [set, add, setDate, addDate]",
        ),
        (
            "set X-A",
            "Invalid format of header name and header value pair 'X-A'. Expected: '[header name]:[header value]'",
        ),
        (
            "set X-A:",
            "Invalid format of header name and header value pair 'X-A:'. Expected: '[header name]:[header value]'",
        ),
        (
            "set X-A:http://x",
            "Invalid format of header name and header value pair 'X-A:http://x'. Expected: '[header name]:[header value]'",
        ),
        ("set X A:1", "Invalid header name 'X A'. The '[header name]' cannot contain whitespace"),
        ("set :1", "Invalid header name ''. The '[header name]' cannot contain whitespace"),
        (
            "setDate X-D:soon",
            "'soon' is no number; write the milliseconds from now on: setDate x-d:5000",
        ),
        ("set X(A:1", "'X(A' cannot be a header's name; write letters, digits and -"),
    ] {
        let key = "response.http.headers.config";
        let expected = format!("Invalid value for configuration {key}: {message}");
        assert_eq!(refusal(&[(key, rule)]), expected);
    }
}

fn cors(origins: &str, methods: &str) -> Option<Cors> {
    let keys =
        [("access.control.allow.origin", origins), ("access.control.allow.methods", methods)];
    read(&keys).unwrap().rest.cors
}

fn answer(cors: &Cors, method: Method, request: &[(header::HeaderName, &str)]) -> HeaderMap {
    let request = request
        .iter()
        .map(|(name, value)| (name.clone(), HeaderValue::from_str(value).unwrap()))
        .collect();
    let mut headers = HeaderMap::new();
    cors.apply(cors.grant(&method, &request), &mut headers);
    headers
}

#[test]
fn origins_are_allowed_as_kafka_connects_server_does() {
    let allowed = |origins: &str, origin: &str| {
        let headers = answer(&cors(origins, "").unwrap(), Method::GET, &[(header::ORIGIN, origin)]);
        assert_eq!(all(&headers, "vary"), ["Origin"]);
        let allowed = headers.contains_key(header::ACCESS_CONTROL_ALLOW_ORIGIN);
        assert_eq!(headers.len(), 1 + usize::from(allowed), "{headers:?}");
        allowed
    };
    for (origins, origin) in [
        ("http://a.com", "HTTP://A.com"),
        ("http://b.com , http://a.com", "http://a.com"),
        ("http://a.com", "http://b.com http://a.com"),
        ("http://a.c.m", "http://a.com"),
        ("http://.*\\.w\\.com", "http://sub.w.com"),
        ("*", "null"),
        ("http://a.com,*", ""),
    ] {
        assert!(allowed(origins, origin), "{origins} {origin}");
    }
    for (origins, origin) in [
        ("http://a.com", "http://sub.a.com"),
        ("http://a.com", ""),
        ("http://*.w.com", "http://sub.w.com"),
        ("http://a.com,", "null"),
    ] {
        assert!(!allowed(origins, origin), "{origins} {origin}");
    }
    assert!(cors("", "GET").is_none() && cors(" ", "").is_none());
    let wrong = refusal(&[("access.control.allow.origin", "*.a.com")]);
    assert!(wrong.contains("access.control.allow.origin: *.a.com is no regular"), "{wrong}");
}

#[test]
fn a_preflight_is_told_what_is_allowed() {
    let asks = [
        (header::ORIGIN, "http://a.com"),
        (header::ACCESS_CONTROL_REQUEST_METHOD, ""),
        (header::ACCESS_CONTROL_REQUEST_HEADERS, "x-foo"),
    ];
    let headers = answer(&cors("*", "").unwrap(), Method::OPTIONS, &asks);
    assert_eq!(all(&headers, "access-control-allow-origin"), ["http://a.com"]);
    assert_eq!(all(&headers, "access-control-allow-methods"), ["GET,POST,HEAD"]);
    assert_eq!(all(&headers, "access-control-allow-headers"), ["Content-Type"]);
    assert_eq!(all(&headers, "access-control-max-age"), ["60"]);
    assert!(!headers.contains_key("access-control-allow-credentials"));
    let own = answer(&cors("*", "GET, PUT").unwrap(), Method::OPTIONS, &asks);
    assert_eq!(all(&own, "access-control-allow-methods"), ["GET,PUT"]);
    let get = answer(&cors("*", "").unwrap(), Method::GET, &asks);
    assert_eq!(get.len(), 2, "{get:?}");
    let refused = answer(&cors("http://b.com", "").unwrap(), Method::OPTIONS, &asks);
    assert_eq!(refused.len(), 1, "{refused:?}");
}

#[test]
fn tls_keys_count_with_a_prefix_or_without_it() {
    let tls = |lines: &[(&str, &str)]| {
        let mut lines = lines.to_vec();
        lines.push(("listeners", "http://a:1,https://a:2"));
        read(&lines).unwrap().rest.tls.unwrap()
    };
    let plain = tls(&[
        ("ssl.keystore.location", "/k"),
        ("ssl.keystore.password", " secret "),
        ("ssl.client.auth", "required"),
        ("ssl.cipher.suites", "A, B"),
    ]);
    assert_eq!(plain.prefix, "");
    assert_eq!(plain.key_store.location.as_deref(), Some("/k"));
    assert_eq!(plain.key_store.password.as_ref().unwrap().expose(), "secret");
    assert!(!format!("{plain:?}").contains("secret"));
    assert_eq!((plain.key_store.kind.as_str(), plain.client_auth), ("JKS", ClientAuth::Required));
    assert_eq!(plain.protocols, ["TLSv1.2", "TLSv1.3"]);
    assert_eq!(plain.cipher_suites, ["A", "B"]);
    let own = tls(&[
        ("ssl.keystore.location", "/k"),
        ("ssl.client.auth", "required"),
        ("listeners.https.ssl.truststore.location", "/t"),
    ]);
    assert_eq!(own.prefix, "listeners.https.");
    assert_eq!((own.key_store.location, own.client_auth), (None, ClientAuth::None));
    assert_eq!(own.trust_store.location.as_deref(), Some("/t"));
    let wrong =
        refusal(&[("listeners", "https://a:1"), ("listeners.https.ssl.client.auth", "Required")]);
    let key =
        "Invalid value Required for configuration listeners.https.ssl.client.auth: String must";
    assert!(wrong.starts_with(key), "{wrong}");
    assert!(read(&[("listeners", "http://a:1")]).unwrap().rest.tls.is_none());
}

#[test]
fn a_misspelt_key_of_tls_is_warned_of() {
    let warnings = read(&[("listeners.https.ssl.keystore.loction", "/k")]).unwrap().warnings;
    assert_eq!(
        warnings,
        ["unknown worker key listeners.https.ssl.keystore.loction is ignored; did you mean \
          listeners.https.ssl.keystore.location?"]
    );
    assert!(is_known("admin.listeners.https.ssl.key.password"));
}

#[test]
fn admin_listeners_are_with_the_others_nowhere_or_on_their_own() {
    assert!(matches!(read(&[]).unwrap().rest.admin, Admin::WithOthers));
    assert!(matches!(read(&[("admin.listeners", " ")]).unwrap().rest.admin, Admin::Nowhere));
    let own = read(&[
        ("admin.listeners", "https://a:1,http://a:2,http://a:2"),
        ("admin.listeners.https.ssl.keystore.location", "/k"),
        ("listeners.https.ssl.keystore.location", "/other"),
    ]);
    let Admin::Own(listeners, Some(tls)) = own.unwrap().rest.admin else { panic!() };
    assert_eq!(listeners.len(), 2);
    assert_eq!(tls.key_store.location.as_deref(), Some("/k"));
}

#[test]
fn the_advertised_listener_is_the_first_of_its_protocol() {
    let advertised = |lines: &[(&str, &str)]| {
        let mut all = vec![("listeners", "https://a:1,http://a:2,http://a:3")];
        all.extend(lines);
        let settings = read(&all).unwrap();
        (settings.rest.advertised.listener, settings.warnings.len())
    };
    assert_eq!(advertised(&[]), (1, 0));
    assert_eq!(advertised(&[("rest.advertised.listener", "HTTPS")]), (0, 0));
    assert_eq!(advertised(&[("rest.advertised.listener", "")]), (1, 0));
    assert_eq!(advertised(&[("rest.advertised.listener", "ftp")]), (0, 1));
    let https = read(&[("listeners", "https://a:1")]).unwrap();
    assert_eq!(https.rest.advertised.listener, 0);
}

#[test]
fn basic_authentication_is_asked_for_by_kafkas_class() {
    let users = ("gantry.rest.basic.auth.file", "/u");
    let jaas = ("gantry.rest.jaas.config", "/j");
    let auth = |lines: &[(&str, &str)]| read(lines).unwrap().rest.auth;
    let class = |name| ("rest.extension.classes", name);
    assert_eq!(auth(&[]), None);
    assert_eq!(auth(&[class("")]), None);
    assert_eq!(auth(&[class(BASIC), users, jaas]), Some(AuthSource::Users(PathBuf::from("/u"))));
    let simple = class("BasicAuthSecurityRestExtension");
    assert_eq!(auth(&[simple, jaas]), Some(AuthSource::Jaas(PathBuf::from("/j"))));
    assert_eq!(auth(&[simple]), Some(AuthSource::Nowhere));
    let unknown = refusal(&[class("com.example.Nope")]);
    assert!(
        unknown.contains(
            "Failed to find any class that implements interface \
             org.apache.kafka.connect.rest.ConnectRestExtension and which name matches \
             com.example.Nope"
        ),
        "{unknown}"
    );
    let blank = refusal(&[class("BasicAuthSecurityRestExtension,")]);
    assert!(blank.starts_with("Configuration 'rest.extension.classes' values must not be empty."));
    assert!(refusal(&[users]).contains("add rest.extension.classes="));
    let twice = format!("{BASIC},{BASIC}");
    assert_eq!(auth(&[class(&twice), users]), auth(&[class(BASIC), users]));
    let admin = read(&[class(BASIC), users, ("admin.listeners", "http://a:1")]).unwrap();
    assert!(admin.warnings[0].contains("open to everybody"), "{:?}", admin.warnings);
}

#[test]
fn the_jaas_file_of_the_environment_counts_where_no_key_names_one() {
    let load = |overrides: &[(&str, &str)]| {
        let overrides: Vec<_> = [("rest.extension.classes", BASIC)]
            .iter()
            .chain(overrides)
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect();
        let options = "-Xmx1G -Djava.security.auth.login.config=/env".to_owned();
        let given = Given {
            mode: Mode::Standalone,
            file: None,
            environment: &[("KAFKA_OPTS".to_owned(), options)].into(),
            overrides: &overrides,
        };
        load(given, &Gantry::new().plugins()).unwrap().rest.auth.unwrap()
    };
    assert_eq!(load(&[]), AuthSource::Jaas(PathBuf::from("/env")));
    let key = ("gantry.rest.jaas.config", "/key");
    assert_eq!(load(&[key]), AuthSource::Jaas(PathBuf::from("/key")));
}

#[test]
fn the_port_of_rocketmq_connect_is_no_way_past_client_certificates() {
    let port = ("gantry.rocketmq.connect.port", "8082");
    let required = ("ssl.client.auth", "required");
    let listeners = |uris| ("listeners", uris);
    let refused = refusal(&[listeners("https://a:1"), required, port]);
    for part in [
        "gantry.rocketmq.connect.port=8082",
        "httpPort",
        " ssl.client.auth=required",
        "plain http",
        "Leave the port out",
    ] {
        assert!(refused.contains(part), "{part} in {refused}");
    }
    let own = ("listeners.https.ssl.client.auth", "required");
    let refused = refusal(&[listeners("https://a:1"), own, port]);
    assert!(refused.contains(" listeners.https.ssl.client.auth=required"), "{refused}");
    // Plain http on another host is another door.
    assert!(read(&[listeners("https://a:1,http://127.0.0.1:2"), required, port]).is_err());

    let taken = |lines: &[(&str, &str)]| {
        let settings = read(lines).unwrap();
        assert!(settings.rest.rocketmq_connect.is_some());
        settings.warnings
    };
    let plain = "this port is plain http though all listeners are https";
    for auth in ["none", "requested"] {
        let warnings = taken(&[listeners("https://a:1"), ("ssl.client.auth", auth), port]);
        assert!(warnings.iter().any(|warning| warning.contains(plain)), "{warnings:?}");
    }
    assert_eq!(taken(&[listeners("http://a:1"), port]), Vec::<String>::new());
    assert_eq!(taken(&[listeners("https://a:1,http://a:2"), required, port]), Vec::<String>::new());
    assert!(read(&[listeners("https://a:1"), required]).unwrap().rest.rocketmq_connect.is_none());
}
