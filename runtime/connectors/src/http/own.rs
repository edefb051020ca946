//! Keys of Gantry's own: `gantry.http.*`, the same for both connectors.

use std::time::Duration;

use gantry_api::Importance::Low;
use gantry_api::model::config::ParsedConfig;
use gantry_api::{ConfigDef, Props, Type, Validator};
use gantry_tls::Secret;
use hyper::HeaderMap;
use hyper::header::{AUTHORIZATION, HeaderName};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::Flavour;
use super::keys::{self, Fault, Keys, given, number};

const PREFIX: &str = "gantry.http.";
pub(super) const IN_FLIGHT: &str = "gantry.http.max.in.flight";
const REQUESTS: &str = "gantry.http.requests.per.second";
const BYTES: &str = "gantry.http.bytes.per.second";
const IDEMPOTENCY: &str = "gantry.http.idempotency.header";
const RETRY_AFTER: &str = "gantry.http.retry.after.max.ms";
pub(super) const RETRY_STATUSES: &str = "gantry.http.retry.on.status.codes";
const IDLE: &str = "gantry.http.connection.idle.ms";
const BEARER: &str = "gantry.http.bearer.token";
const API_KEY: &str = "gantry.http.api.key.value";
const API_KEY_NAME: &str = "gantry.http.api.key.name";
const API_KEY_IN: &str = "gantry.http.api.key.in";
const HMAC_SECRET: &str = "gantry.http.hmac.secret";
const HMAC_ALGORITHM: &str = "gantry.http.hmac.algorithm";
const HMAC_HEADER: &str = "gantry.http.hmac.header";
const HMAC_TIME_HEADER: &str = "gantry.http.hmac.timestamp.header";
const HMAC_ENCODING: &str = "gantry.http.hmac.encoding";
const HMAC_PREFIX: &str = "gantry.http.hmac.prefix";

/// How requests are signed.
#[derive(Clone, Debug)]
pub(super) struct Signing {
    pub(super) secret: Secret,
    pub(super) header: HeaderName,
    pub(super) time_header: HeaderName,
    pub(super) base64: bool,
    pub(super) prefix: String,
}

/// What these keys say.
#[derive(Clone, Debug)]
pub(super) struct Own {
    pub(super) in_flight: usize,
    /// Zero: no limit.
    pub(super) requests_per_second: u64,
    /// Zero: no limit.
    pub(super) bytes_per_second: u64,
    pub(super) idempotency: Option<HeaderName>,
    pub(super) retry_after_max: Duration,
    pub(super) idle: Duration,
    pub(super) signing: Option<Signing>,
    /// What is added to the query of each URL: an API key.
    pub(super) query: Option<Secret>,
}

fn header_rule() -> Validator {
    keys::text_rule(|text| match text.is_empty() {
        true => Ok(()),
        false => keys::header_name(text).map(drop),
    })
}

/// Defines the keys.
pub(super) fn define(keys: &mut Keys, flavour: Flavour) {
    keys.group("Gantry");
    let text = "How many requests are under way at once. Records of one key are sent one after the other, as are \
                records without a key of one queue. Has no effect where records share requests: then one \
                request is under way.";
    keys.add_valid(IN_FLIGHT, Type::Int, 4, Low, text, Validator::between(1, 256));
    limit_key(keys);
    let text = "How many bytes of bodies each task sends in a second at most; 0: no limit.";
    keys.add_valid(BYTES, Type::Long, 0i64, Low, text, Validator::at_least(0));
    let text = "A header that gets topic-queue-offset of the record, the same each time it is sent; of records \
                that share a request the first and the last.";
    keys.null_valid(IDEMPOTENCY, Type::String, Low, text, header_rule());
    retry_after_key(keys);
    if flavour == Flavour::Aiven {
        let text = "Status codes after which a request is tried again: 429,500-502,503-. Other codes from 400 on \
                    are errors at once.";
        keys.add_valid(RETRY_STATUSES, Type::String, "400-", Low, text, statuses_rule());
    }
    let text = "How long a connection that is not used is kept.";
    keys.add_valid(IDLE, Type::Long, 30_000i64, Low, text, Validator::at_least(0));
    who_keys(keys);
    signing_keys(keys);
    if flavour == Flavour::Aiven {
        store_keys(keys);
    }
}

/// Of a source: how often it asks, who asks, signatures, and certificates.
pub(super) fn define_source(keys: &mut Keys) {
    limit_key(keys);
    retry_after_key(keys);
    who_keys(keys);
    signing_keys(keys);
    let text = "A file with the certificates that are trusted; the system's if not set.";
    keys.null("gantry.http.ssl.truststore.location", Type::String, Low, text);
    let text = "The password of the trust store.";
    keys.null("gantry.http.ssl.truststore.password", Type::Password, Low, text);
    store_keys(keys);
}

fn limit_key(keys: &mut Keys) {
    let text = "How many requests each task sends in a second at most; 0: no limit.";
    keys.add_valid(REQUESTS, Type::Int, 0, Low, text, Validator::at_least(0));
}

fn retry_after_key(keys: &mut Keys) {
    let text = "How long it is waited at most because an answer says Retry-After; 0: Retry-After is not looked at.";
    let rule = Validator::between(0i64, 3_600_000i64);
    keys.add_valid(RETRY_AFTER, Type::Long, 60_000i64, Low, text, rule);
}

fn who_keys(keys: &mut Keys) {
    let text = "A token that is sent as Authorization: Bearer.";
    keys.null(BEARER, Type::Password, Low, text);
    keys.null(API_KEY, Type::Password, Low, "An API key.");
    let text = "The header or the parameter of the URL in which the API key stands.";
    keys.add_valid(API_KEY_NAME, Type::String, "X-API-Key", Low, text, Validator::NonEmptyString);
    let text = "Where the API key stands: header or query.";
    keys.add_valid(
        API_KEY_IN,
        Type::String,
        "header",
        Low,
        text,
        keys::words(&["header", "query"]),
    );
}

fn signing_keys(keys: &mut Keys) {
    let text = "A secret with which each request is signed: over the time in seconds since the epoch, a dot and \
                the body.";
    keys.null(HMAC_SECRET, Type::Password, Low, text);
    let text = "How it is signed.";
    let algorithms = keys::words(&["HMAC-SHA256"]);
    keys.add_valid(HMAC_ALGORITHM, Type::String, "HMAC-SHA256", Low, text, algorithms);
    keys.add_valid(
        HMAC_HEADER,
        Type::String,
        "X-Signature",
        Low,
        "The header of the signature.",
        header_rule(),
    );
    let text = "The header of the time that was signed.";
    keys.add_valid(HMAC_TIME_HEADER, Type::String, "X-Timestamp", Low, text, header_rule());
    let text = "How the signature is written: hex or base64.";
    keys.add_valid(HMAC_ENCODING, Type::String, "hex", Low, text, keys::words(&["hex", "base64"]));
    let text = "What stands before the signature, such as sha256=.";
    keys.add(HMAC_PREFIX, Type::String, "", Low, text);
}

/// Aiven's connector has no keys for a certificate of its own.
fn store_keys(keys: &mut Keys) {
    let kinds = || keys::words(&["JKS", "PKCS12", "PEM"]);
    let text = "The format of the trust store: JKS, PKCS12 or PEM.";
    keys.add_valid("gantry.http.ssl.truststore.type", Type::String, "JKS", Low, text, kinds());
    let text = "A key store with the certificate that is shown to the server (mutual TLS).";
    keys.null("gantry.http.ssl.keystore.location", Type::String, Low, text);
    let text = "Its format: JKS, PKCS12 or PEM.";
    keys.add_valid("gantry.http.ssl.keystore.type", Type::String, "JKS", Low, text, kinds());
    let text = "The password of the key store.";
    keys.null("gantry.http.ssl.keystore.password", Type::Password, Low, text);
    let text = "The password of the private key in it.";
    keys.null("gantry.http.ssl.key.password", Type::Password, Low, text);
}

/// A list of status codes.
pub(super) fn statuses_rule() -> Validator {
    keys::text_rule(|text| super::status::Statuses::parse(text).map(drop))
}

/// Keys that begin like these and are none: most likely misspelt.
pub(super) fn unknown(definition: &ConfigDef, props: &Props) -> Vec<Fault> {
    unknown_of(PREFIX, definition, props)
}

/// The same of any prefix.
pub(super) fn unknown_of(prefix: &str, definition: &ConfigDef, props: &Props) -> Vec<Fault> {
    let unknown = props.keys().filter(|name| name.starts_with(prefix));
    let unknown = unknown.filter(|name| definition.key(name).is_none());
    unknown.map(|name| Fault::plain(name, format!("{name} is no key of this connector"))).collect()
}

/// Faults across keys.
pub(super) fn check(parsed: &ParsedConfig) -> Vec<Fault> {
    let mut faults = Vec::new();
    let in_header =
        !parsed.string(API_KEY_IN).is_some_and(|word| word.eq_ignore_ascii_case("query"));
    if given(parsed, API_KEY).is_some() && in_header {
        let name = parsed.string(API_KEY_NAME).unwrap_or_default();
        if let Err(what) = keys::header_name(name) {
            faults.push(Fault::of(parsed, API_KEY_NAME, &what));
        }
    }
    for key in [BEARER, API_KEY] {
        if given(parsed, key).is_some_and(|text| keys::secret_value(text).is_none()) {
            faults.push(Fault::of(parsed, key, "it has characters that no header can hold"));
        }
    }
    faults
}

/// Reads the keys; adds the headers that they ask for.
pub(super) fn read(parsed: &ParsedConfig, headers: &mut HeaderMap) -> Result<Own, Fault> {
    let header = |name: &str| match given(parsed, name) {
        None => Ok(None),
        Some(text) => {
            keys::header_name(text).map(Some).map_err(|what| Fault::of(parsed, name, &what))
        }
    };
    let word = |name: &str| parsed.string(name).unwrap_or_default().to_ascii_lowercase();
    if let Some(value) =
        given(parsed, BEARER).and_then(|token| keys::secret_value(&format!("Bearer {token}")))
    {
        headers.insert(AUTHORIZATION, value);
    }
    let mut query = None;
    if let Some(secret) = given(parsed, API_KEY) {
        let name = parsed.string(API_KEY_NAME).unwrap_or_default();
        if word(API_KEY_IN) == "query" {
            let encoded = |text| utf8_percent_encode(text, NON_ALPHANUMERIC);
            query = Some(Secret::new(format!("{}={}", encoded(name), encoded(secret))));
        } else if let (Some(name), Some(value)) =
            (header(API_KEY_NAME)?, keys::secret_value(secret))
        {
            headers.insert(name, value);
        }
    }
    let signing = match given(parsed, HMAC_SECRET) {
        None => None,
        Some(secret) => {
            let missing = |name: &str| Fault::of(parsed, name, "a name of a header is needed");
            Some(Signing {
                secret: Secret::new(secret),
                header: header(HMAC_HEADER)?.ok_or_else(|| missing(HMAC_HEADER))?,
                time_header: header(HMAC_TIME_HEADER)?.ok_or_else(|| missing(HMAC_TIME_HEADER))?,
                base64: word(HMAC_ENCODING) == "base64",
                prefix: parsed.string(HMAC_PREFIX).unwrap_or_default().to_owned(),
            })
        }
    };
    Ok(Own {
        in_flight: usize::try_from(number(parsed, IN_FLIGHT)).unwrap_or(1).max(1),
        requests_per_second: number(parsed, REQUESTS),
        bytes_per_second: number(parsed, BYTES),
        idempotency: header(IDEMPOTENCY)?,
        retry_after_max: keys::millis(parsed, RETRY_AFTER),
        idle: keys::millis(parsed, IDLE),
        signing,
        query,
    })
}
