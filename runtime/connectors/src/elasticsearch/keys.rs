//! Keys that the connectors have in common.

use std::time::Duration;

use gantry_api::model::config::{ConfigData, ParsedConfig};
use gantry_api::{Error, Importance, Props, Type, Validator};
use gantry_tls::{ClientAuth, ServerProof, TlsSettings};
use hyper::header::HeaderValue;

use super::config::{Bulk, OnConflict, OnMalformed, OnNull, Retry, Write};
use crate::keys::Keys;
use crate::web::keys::{Fault, basic, given, millis, number, parse_url, secret_value, store};

pub(super) const URL: &str = "connection.url";
pub(super) const USER: &str = "connection.username";
pub(super) const PASSWORD: &str = "connection.password";
pub(super) const BATCH: &str = "batch.size";
pub(super) const IN_FLIGHT: &str = "max.in.flight.requests";
pub(super) const BUFFERED: &str = "max.buffered.records";
pub(super) const LINGER: &str = "linger.ms";
pub(super) const FLUSH_TIMEOUT: &str = "flush.timeout.ms";
pub(super) const RETRIES: &str = "max.retries";
pub(super) const BACKOFF: &str = "retry.backoff.ms";
pub(super) const CONNECT_TIMEOUT: &str = "connection.timeout.ms";
pub(super) const READ_TIMEOUT: &str = "read.timeout.ms";
pub(super) const KEY_IGNORE: &str = "key.ignore";
pub(super) const KEY_IGNORE_TOPICS: &str = "topic.key.ignore";
pub(super) const SCHEMA_IGNORE: &str = "schema.ignore";
pub(super) const SCHEMA_IGNORE_TOPICS: &str = "topic.schema.ignore";
pub(super) const COMPACT: &str = "compact.map.entries";
pub(super) const DROP_INVALID: &str = "drop.invalid.message";
pub(super) const ON_NULL: &str = "behavior.on.null.values";
pub(super) const ON_MALFORMED: &str = "behavior.on.malformed.documents";
const API_KEY: &str = "gantry.elasticsearch.api.key";
const BACKOFF_MAX: &str = "gantry.elasticsearch.retry.backoff.max.ms";
/// What all keys of our own begin with.
const OWN: &str = "gantry.elasticsearch.";

/// So long is "for ever" where 0 or -1 says so.
const NEVER: Duration = Duration::from_secs(24 * 60 * 60);
/// The most bytes of a request where `bulk.size.bytes` sets no limit: servers take 100 MB by default.
const BYTES_MAX: usize = 64 << 20;

pub(super) const HOUR_MS: i64 = 3_600_000;
pub(super) const DAY_MS: i64 = 24 * HOUR_MS;

/// One of these words, in any case of letters; `says` stands in front of them in the error.
pub(super) fn words(words: &[&str], says: &'static str) -> Validator {
    let words: Vec<String> = words.iter().map(|&word| word.to_owned()).collect();
    Validator::custom(move |name, value| {
        let ConfigData::String(text) = value else { return Ok(()) };
        if words.iter().any(|word| word.eq_ignore_ascii_case(text)) {
            return Ok(());
        }
        Err(Error::config(format!(
            "Invalid value {text} for configuration {name}: {says}{}",
            words.join(", ")
        )))
    })
}

/// A whole number, in a range if there is one.
fn whole(
    keys: &mut Keys,
    name: &str,
    of: Type,
    default: i64,
    doc: &str,
    range: Option<(i64, i64)>,
) {
    let how = if [BATCH, IN_FLIGHT].contains(&name) { Importance::Medium } else { Importance::Low };
    let default = match of {
        Type::Int => ConfigData::from(i32::try_from(default).unwrap_or(i32::MAX)),
        _ => ConfigData::from(default),
    };
    match range {
        Some((min, max)) => {
            keys.add_valid(name, of, default, how, doc, Validator::between(min, max));
        }
        None => keys.add(name, of, default, how, doc),
    }
}

/// Batches, retries and time-outs; Aiven's connectors have no ranges for them.
pub(super) fn bulk_keys(keys: &mut Keys, flush_timeout_ms: i64, ranged: bool) {
    let range = |min: i64, max: i64| ranged.then_some((min, max));
    let int = i64::from(i32::MAX);
    let text = "How many records a request carries at most.";
    whole(keys, BATCH, Type::Int, 2000, text, range(1, 1_000_000));
    let text = "How many requests are under way at once, of one task.";
    whole(keys, IN_FLIGHT, Type::Int, 5, text, range(1, 1000));
    let text = "How many records a task holds at most that are not yet written; more are not taken until there is room.";
    whole(keys, BUFFERED, Type::Int, 20_000, text, range(1, int));
    let text = "How long a request that is not full waits for more records.";
    whole(keys, LINGER, Type::Long, 1, text, range(0, 7 * DAY_MS));
    let text = "How long it is waited for room for more records, and for requests when the task is to write all; the \
                task fails if it takes longer.";
    whole(keys, FLUSH_TIMEOUT, Type::Long, flush_timeout_ms, text, range(1000, 7 * DAY_MS));
    let text = "How often a request that failed is sent again before the task fails.";
    whole(keys, RETRIES, Type::Int, 5, text, range(0, int));
    let text = "The wait before a failed request is sent again: chance chooses it below a limit, which is this and \
                doubles each time.";
    whole(keys, BACKOFF, Type::Long, 100, text, range(0, DAY_MS));
    let text = "How long a connection may take to be opened; 0: no limit.";
    whole(keys, CONNECT_TIMEOUT, Type::Int, 1000, text, range(0, 12 * HOUR_MS));
    let text = "How long the server may take to answer, besides one second for each 256 KiB that are sent; 0: no \
                limit.";
    whole(keys, READ_TIMEOUT, Type::Int, 3000, text, range(0, 7 * DAY_MS));
}

/// Where the servers are and who asks.
pub(super) fn connection_keys(keys: &mut Keys) {
    let text = "URLs of servers of one cluster, such as http://a:9200,http://b:9200. They are used in turn; one that \
                does not answer is passed over for a while.";
    keys.required(URL, Type::List, Importance::High, text);
}

/// Basic authentication.
pub(super) fn user_keys(keys: &mut Keys) {
    let text = "The user's name; it is used together with connection.password only.";
    keys.null(USER, Type::String, Importance::Medium, text);
    keys.null(PASSWORD, Type::Password, Importance::Medium, "The user's password.");
}

/// What records become.
pub(super) fn conversion_keys(keys: &mut Keys) {
    use Importance::{High, Low};
    let text = "Whether the record's key is ignored: the document's id is then topic+queue+offset.";
    keys.add(KEY_IGNORE, Type::Boolean, false, High, text);
    let text = "Whether no mapping is made by the record's schema: the server then makes one by the documents.";
    keys.add(SCHEMA_IGNORE, Type::Boolean, false, Low, text);
    let text = "How entries of maps with text keys are written: true as fields of an object, false as \
                {\"key\": ..., \"value\": ...}, as those with other keys always are.";
    keys.add(COMPACT, Type::Boolean, true, Low, text);
    let text = "Topics whose keys are ignored, if key.ignore is false.";
    keys.add(KEY_IGNORE_TOPICS, Type::List, "", Low, text);
    let text = "Topics whose schemas are ignored, if schema.ignore is false.";
    keys.add(SCHEMA_IGNORE_TOPICS, Type::List, "", Low, text);
    let text =
        "Whether records that cannot become a document are left out; else they fail the task.";
    keys.add(DROP_INVALID, Type::Boolean, false, Low, text);
}

/// Keys of our own.
pub(super) fn own_keys(keys: &mut Keys) {
    keys.group("Gantry");
    let text = "An API key as Elasticsearch gives it, encoded: it is sent as Authorization: ApiKey, in place of user \
                and password.";
    keys.null(API_KEY, Type::Password, Importance::Medium, text);
    let text = "The longest wait before a failed request is sent again, however often it failed.";
    let range = Validator::between(0i64, DAY_MS);
    keys.add_valid(BACKOFF_MAX, Type::Long, DAY_MS, Importance::Low, text, range);
}

/// Java's keys for key and trust stores, behind a prefix.
pub(super) fn ssl_keys(keys: &mut Keys, prefix: &str, all: bool) {
    use Importance::{High, Low, Medium};
    let name = |key: &str| format!("{prefix}ssl.{key}");
    let kinds = || words(&["JKS", "PKCS12", "PEM"], "String must be one of: ");
    let text = "The newest version of TLS.";
    keys.add(&name("protocol"), Type::String, "TLSv1.3", Medium, text);
    let text = "The cipher suites; all that there are if not set.";
    keys.null(&name("cipher.suites"), Type::List, Low, text);
    let text = "The versions of TLS: TLSv1.3, TLSv1.2.";
    keys.add(&name("enabled.protocols"), Type::List, "TLSv1.2,TLSv1.3", Medium, text);
    let text = "The format of the key store: JKS, PKCS12 or PEM.";
    keys.add_valid(&name("keystore.type"), Type::String, "JKS", Medium, text, kinds());
    let text = "A key store with the certificate that is shown to the server.";
    keys.null(&name("keystore.location"), Type::String, High, text);
    keys.null(&name("keystore.password"), Type::Password, High, "The password of the key store.");
    keys.null(&name("key.password"), Type::Password, High, "The password of the private key.");
    let text = "The format of the trust store: JKS, PKCS12 or PEM.";
    keys.add_valid(&name("truststore.type"), Type::String, "JKS", Medium, text, kinds());
    let text = "A file with the certificates that are trusted; the system's if not set.";
    keys.null(&name("truststore.location"), Type::String, High, text);
    let text = "The password of the trust store.";
    keys.null(&name("truststore.password"), Type::Password, High, text);
    let text = "https: the certificate must be the host's; empty: it must only be trusted.";
    keys.add(&name("endpoint.identification.algorithm"), Type::String, "https", Low, text);
    if !all {
        return;
    }
    let text = "The private key itself, as PEM, with the key store's type PEM.";
    keys.null(&name("keystore.key"), Type::Password, High, text);
    let text = "Its certificates themselves, as PEM.";
    keys.null(&name("keystore.certificate.chain"), Type::Password, High, text);
    let text = "Certificates that are trusted, as PEM, with the trust store's type PEM.";
    keys.null(&name("truststore.certificates"), Type::Password, High, text);
    let text = "Java's only: the default has no effect, anything else is refused.";
    keys.null(&name("provider"), Type::String, Medium, text);
    keys.add(&name("keymanager.algorithm"), Type::String, "SunX509", Low, text);
    keys.add(&name("trustmanager.algorithm"), Type::String, "PKIX", Low, text);
    keys.null(&name("secure.random.implementation"), Type::String, Low, text);
    keys.null(&name("engine.factory.class"), Type::Class, Low, text);
}

/// Keys of Java's TLS that mean nothing here.
pub(super) fn java_ssl(parsed: &ParsedConfig, prefix: &str, faults: &mut Vec<Fault>) {
    for (key, default) in [
        ("provider", ""),
        ("keymanager.algorithm", "SunX509"),
        ("trustmanager.algorithm", "PKIX"),
        ("secure.random.implementation", ""),
        ("engine.factory.class", ""),
    ] {
        let name = format!("{prefix}ssl.{key}");
        if given(parsed, &name).is_some_and(|text| text != default) {
            let what = "it names a part of Java, which is not here; leave it out";
            faults.push(Fault::of(parsed, &name, what));
        }
    }
}

/// What the keys of [`ssl_keys`] say.
pub(super) fn tls(parsed: &ParsedConfig, prefix: &str) -> (TlsSettings, ServerProof) {
    let name = |key: &str| format!("{prefix}ssl.{key}");
    let checks = parsed
        .string(&name("endpoint.identification.algorithm"))
        .is_none_or(|how| !how.trim().is_empty());
    let settings = TlsSettings {
        prefix: prefix.to_owned(),
        key_store: store(parsed, &name("keystore."), &name("key.password")),
        trust_store: store(parsed, &name("truststore."), ""),
        client_auth: ClientAuth::None,
        protocol: parsed.string(&name("protocol")).unwrap_or("TLSv1.3").to_owned(),
        protocols: parsed.list(&name("enabled.protocols")).to_vec(),
        cipher_suites: parsed.list(&name("cipher.suites")).to_vec(),
    };
    (settings, if checks { ServerProof::Host } else { ServerProof::Authority })
}

/// TLS without keys for it: the system's certificates, the host's own name.
pub(super) fn plain_tls() -> (TlsSettings, ServerProof) {
    let empty = || gantry_tls::StoreSettings {
        prefix: URL.to_owned(),
        kind: "JKS".to_owned(),
        location: None,
        password: None,
        key_password: None,
        key_password_key: String::new(),
        key: None,
        certificates: None,
    };
    let settings = TlsSettings {
        prefix: String::new(),
        key_store: empty(),
        trust_store: empty(),
        client_auth: ClientAuth::None,
        protocol: "TLSv1.3".to_owned(),
        protocols: vec!["TLSv1.2".to_owned(), "TLSv1.3".to_owned()],
        cipher_suites: Vec::new(),
    };
    (settings, ServerProof::Host)
}

/// Faults that all connectors find.
pub(super) fn check(parsed: &ParsedConfig, props: &Props, faults: &mut Vec<Fault>) {
    if parsed.list(URL).is_empty() {
        faults.push(Fault::of(parsed, URL, "at least one URL is needed"));
    }
    for url in parsed.list(URL) {
        if parse_url(&with_scheme(url)).is_none() {
            // Without the value, in which a password may stand.
            faults.push(Fault::plain(
                URL,
                format!(
                    "Invalid value for configuration {URL}: {} is no URL of HTTP, such as \
                     http://host:9200",
                    crate::web::keys::mask_url(url)
                ),
            ));
        }
    }
    let user = parsed.string(USER).is_some();
    if user && basic("", parsed.string(PASSWORD).unwrap_or_default()).is_none() {
        faults.push(Fault::plain(PASSWORD, "Invalid value for configuration connection.password: it has characters that no header can hold"));
    }
    if user && given(parsed, API_KEY).is_some() {
        let what = "either it or connection.username can be set";
        faults.push(Fault::plain(
            API_KEY,
            format!("Invalid value for configuration {API_KEY}: {what}"),
        ));
    }
    if given(parsed, API_KEY).is_some_and(|key| secret_value(key).is_none()) {
        let what = "it has characters that no header can hold";
        faults.push(Fault::plain(
            API_KEY,
            format!("Invalid value for configuration {API_KEY}: {what}"),
        ));
    }
    for name in props
        .keys()
        .filter(|name| name.starts_with(OWN) && ![API_KEY, BACKOFF_MAX].contains(&name.as_str()))
    {
        faults.push(Fault::plain(name, format!("{name} is no key of this connector")));
    }
}

/// A URL without a scheme is one of HTTP.
pub(super) fn with_scheme(url: &str) -> String {
    let url = url.trim_end_matches('/');
    if url.contains("://") { url.to_owned() } else { format!("http://{url}") }
}

/// The header that says who asks.
pub(super) fn authorization(parsed: &ParsedConfig) -> Option<HeaderValue> {
    if let Some(key) = given(parsed, API_KEY) {
        return secret_value(&format!("ApiKey {key}"));
    }
    // Java takes them only together.
    basic(parsed.string(USER)?, parsed.string(PASSWORD)?)
}

pub(super) fn urls(parsed: &ParsedConfig) -> Vec<String> {
    let mut urls: Vec<String> = Vec::new();
    for url in parsed.list(URL) {
        let url = with_scheme(url);
        if !urls.contains(&url) {
            urls.push(url);
        }
    }
    urls
}

/// The two parts of `topic:resource`.
pub(super) fn pair(item: &str) -> Option<(&str, &str)> {
    let (topic, resource) = item.split_once(':')?;
    let (topic, resource) = (topic.trim(), resource.trim());
    let fits = !topic.is_empty() && !resource.is_empty() && !resource.contains(':');
    fits.then_some((topic, resource))
}

pub(super) fn in_flight(parsed: &ParsedConfig) -> usize {
    usize::try_from(number(parsed, IN_FLIGHT)).unwrap_or(usize::MAX).max(1)
}

fn limit(time: Duration) -> Duration {
    if time.is_zero() { NEVER } else { time }
}

pub(super) fn connect_timeout(parsed: &ParsedConfig) -> Duration {
    limit(millis(parsed, CONNECT_TIMEOUT))
}

pub(super) fn read_timeout(parsed: &ParsedConfig) -> Duration {
    limit(millis(parsed, READ_TIMEOUT))
}

/// How long an idle connection is kept; -1: as long as the server keeps it.
pub(super) fn idle(parsed: &ParsedConfig, key: &str) -> Duration {
    match parsed.long(key) {
        Some(ms) if ms < 0 => NEVER,
        _ => millis(parsed, key),
    }
}

pub(super) fn retry(parsed: &ParsedConfig, first_doubling: u32) -> Retry {
    Retry {
        max: u32::try_from(number(parsed, RETRIES)).unwrap_or(u32::MAX),
        backoff: millis(parsed, BACKOFF),
        backoff_max: millis(parsed, BACKOFF_MAX),
        first_doubling,
    }
}

pub(super) fn bulk(parsed: &ParsedConfig, bytes: Option<u64>, synchronous: bool) -> Bulk {
    let count = |key: &str| usize::try_from(number(parsed, key)).unwrap_or(usize::MAX).max(1);
    Bulk {
        records: count(BATCH),
        bytes: bytes.and_then(|n| usize::try_from(n).ok()).map_or(BYTES_MAX, |n| n.min(BYTES_MAX)),
        in_flight: in_flight(parsed),
        buffered: count(BUFFERED),
        linger: millis(parsed, LINGER),
        flush_timeout: millis(parsed, FLUSH_TIMEOUT),
        synchronous,
    }
}

fn word(parsed: &ParsedConfig, key: &str) -> String {
    parsed.string(key).unwrap_or_default().to_ascii_lowercase()
}

pub(super) fn on_null(parsed: &ParsedConfig) -> OnNull {
    match word(parsed, ON_NULL).as_str() {
        "ignore" => OnNull::Ignore,
        "delete" => OnNull::Delete,
        _ => OnNull::Fail,
    }
}

pub(super) fn on_malformed(parsed: &ParsedConfig) -> OnMalformed {
    match word(parsed, ON_MALFORMED).as_str() {
        "ignore" => OnMalformed::Ignore,
        "warn" => OnMalformed::Warn,
        "report" => OnMalformed::Report,
        _ => OnMalformed::Fail,
    }
}

pub(super) fn on_conflict(parsed: &ParsedConfig, key: &str) -> OnConflict {
    match word(parsed, key).as_str() {
        "ignore" => OnConflict::Ignore,
        "warn" => OnConflict::Warn,
        "report" => OnConflict::Report,
        _ => OnConflict::Fail,
    }
}

pub(super) fn write(parsed: &ParsedConfig, key: &str) -> Write {
    if word(parsed, key) == "upsert" { Write::Upsert } else { Write::Insert }
}
