//! The keys of Aiven's connector.

use std::time::Duration;

use gantry_api::Importance::{High, Medium};
use gantry_api::model::config::{ConfigData, ParsedConfig};
use gantry_api::{ConfigDef, Props, Type, Validator};
use gantry_tls::{ClientAuth, Secret, ServerProof, TlsSettings};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use hyper::{HeaderMap, Method};

use super::Flavour;
use super::config::{Batching, Body, Config, Format, OnError, OnNull, Retry};
use super::keys::{self, Fault, Keys, given, invalid, number, store};
use super::oauth2::OAuth2Config;
use super::own;
use super::status::Statuses;
use super::template::Template;
use crate::web::connect::Proxy;

const URL: &str = "http.url";
const AUTH_TYPE: &str = "http.authorization.type";
const AUTH_HEADER: &str = "http.headers.authorization";
const CONTENT: &str = "http.headers.content.type";
const ADDITIONAL: &str = "http.headers.additional";
const PROXY_HOST: &str = "http.proxy.host";
const PROXY_PORT: &str = "http.proxy.port";
const TRUST_ALL: &str = "http.ssl.trust.all.certs";
const TRUST_STORE: &str = "http.ssl.truststore.location";
const TOKEN_URL: &str = "oauth2.access.token.url";
const GRANT_PROPERTY: &str = "oauth2.request.grant.type.property";
const GRANT: &str = "oauth2.grant.type";
const ID_PROPERTY: &str = "oauth2.request.client.id.property";
const ID: &str = "oauth2.client.id";
const SECRET_PROPERTY: &str = "oauth2.request.client.secret.property";
const SECRET: &str = "oauth2.client.secret";
const AUTH_MODE: &str = "oauth2.client.authorization.mode";
const SCOPE: &str = "oauth2.client.scope";
const TOKEN_PROPERTY: &str = "oauth2.response.token.property";
const RENEW: &str = "oauth2.token.renew.on.status.codes";
const BATCHING: &str = "batching.enabled";
const BATCH_MAX: &str = "batch.max.size";
const RETRY_TIMEOUT: &str = "kafka.retry.backoff.ms";
const TOLERANCE: &str = "errors.tolerance";
const DECIMALS: &str = "decimal.format";

fn url_rule(required: bool) -> Validator {
    Validator::custom(move |name, value| match value {
        ConfigData::Null if required => Err(invalid(name, value, "can't be null")),
        ConfigData::String(text) if keys::parse_url(text).is_none() => {
            Err(invalid(name, &ConfigData::String(keys::mask_url(text)), "malformed URL"))
        }
        _ => Ok(()),
    })
}

fn not_blank() -> Validator {
    keys::text_rule(|text| match text.trim().is_empty() {
        true => Err("String must be non-blank".to_owned()),
        false => Ok(()),
    })
}

fn one_of(words: &'static [&'static str], ignore_case: bool) -> Validator {
    keys::text_rule(move |text| {
        let fits = |word: &&&str| match ignore_case {
            true => word.eq_ignore_ascii_case(text),
            false => **word == text,
        };
        match words.iter().find(fits) {
            Some(_) => Ok(()),
            None => Err(format!("supported values are: [{}]", words.join(", "))),
        }
    })
}

/// The keys.
pub(super) fn definition() -> ConfigDef {
    let mut keys = Keys::new("Connection");
    connection(&mut keys);
    oauth2(&mut keys);
    keys.group("Batching");
    let text = "Whether records of one put share requests.";
    keys.add(BATCHING, Type::Boolean, false, Medium, text);
    let text = "How many records share a request at most.";
    keys.add_valid(BATCH_MAX, Type::Int, 500, Medium, text, Validator::between(1, 1_000_000));
    let text = "What stands before the first record of a request; blanks count.";
    keys.add("batch.prefix", Type::String, "", Medium, text);
    let text = "What stands behind the last one; a line feed if not set. Blanks count.";
    keys.null("batch.suffix", Type::String, Medium, text);
    let text = "What stands between two; a line feed if not set. Blanks count.";
    keys.null("batch.separator", Type::String, Medium, text);
    keys.group("Delivery");
    let text = "How long it is waited before the first batch is put again.";
    let day = Validator::custom(|name, value| match value {
        ConfigData::Null => Ok(()),
        value => Validator::between(0i64, 86_400_000i64).check(name, value),
    });
    keys.null_valid(RETRY_TIMEOUT, Type::Long, Medium, text, day);
    let text = "How often a request that fails is tried again.";
    keys.add_valid("max.retries", Type::Int, 1, Medium, text, Validator::at_least(0));
    let text = "How long it is waited after a request that failed.";
    keys.add_valid("retry.backoff.ms", Type::Int, 3000, Medium, text, Validator::at_least(0));
    let text = "After how many seconds without the whole answer a request has failed.";
    keys.add_valid("http.timeout", Type::Int, 30, Medium, text, Validator::at_least(1));
    let text = "Kafka Connect's; all cannot be used when records share requests.";
    keys.null(TOLERANCE, Type::String, Medium, text);
    let text = "How decimals stand in JSON: BASE64 or NUMERIC.";
    keys.add_valid(
        DECIMALS,
        Type::String,
        "BASE64",
        Medium,
        text,
        Validator::one_of(&["BASE64", "NUMERIC"]),
    );
    own::define(&mut keys, Flavour::Aiven);
    keys.done()
}

fn connection(keys: &mut Keys) {
    keys.group("Connection");
    keys.required_valid(
        URL,
        Type::String,
        High,
        "Where records are sent to, by POST.",
        url_rule(true),
    );
    let text = "Who asks. none; static: http.headers.authorization; oauth2: oauth2.*.";
    keys.required_valid(
        AUTH_TYPE,
        Type::String,
        High,
        text,
        one_of(&["none", "oauth2", "static"], false),
    );
    let text = "The header Authorization, of http.authorization.type=static.";
    keys.null(AUTH_HEADER, Type::Password, High, text);
    let text = "The header Content-Type; none is sent if not set.";
    keys.null_valid(CONTENT, Type::String, High, text, not_blank());
    let text = "Further headers: name:value, divided by commas.";
    let rule = Validator::custom(|name, value| {
        let ConfigData::List(list) = value else { return Ok(()) };
        additional(list).map(drop).map_err(|what| invalid(name, value, &what))
    });
    keys.add_valid(ADDITIONAL, Type::List, "", High, text, rule);
    keys.null_valid(PROXY_HOST, Type::String, High, "The host of a proxy.", not_blank());
    keys.add_valid(
        PROXY_PORT,
        Type::Int,
        -1,
        High,
        "The port of the proxy.",
        Validator::between(-1, 65535),
    );
    let text = "Whether any certificate of the server is taken, also of another host.";
    keys.add(TRUST_ALL, Type::Boolean, false, High, text);
    let text = "A file with the certificates that are trusted; the system's if not set.";
    keys.null(TRUST_STORE, Type::String, High, text);
    let text = "The password of the trust store.";
    keys.null("http.ssl.truststore.password", Type::Password, High, text);
}

fn oauth2(keys: &mut Keys) {
    keys.group("OAuth2");
    let full = || Validator::NonEmptyString;
    keys.null_valid(TOKEN_URL, Type::String, High, "Where tokens are asked for.", url_rule(false));
    let text = "The field of the request that says which kind of grant it is.";
    keys.add_valid(GRANT_PROPERTY, Type::String, "grant_type", High, text, full());
    keys.add_valid(GRANT, Type::String, "client_credentials", High, "The kind of grant.", full());
    let text = "The field of the request with the client's id.";
    keys.add_valid(ID_PROPERTY, Type::String, "client_id", High, text, full());
    keys.null(ID, Type::String, High, "The client's id.");
    let text = "The field of the request with the client's secret.";
    keys.add_valid(SECRET_PROPERTY, Type::String, "client_secret", High, text, full());
    keys.null(SECRET, Type::Password, High, "The client's secret.");
    let text = "Where id and secret stand: header (basic authentication) or url (in the form).";
    keys.add_valid(AUTH_MODE, Type::String, "HEADER", High, text, one_of(&["header", "url"], true));
    keys.null(SCOPE, Type::String, High, "What the token is asked for.");
    let text = "The field of the answer that holds the token.";
    keys.add_valid(TOKEN_PROPERTY, Type::String, "access_token", High, text, full());
    let text = "Status codes after which a new token is asked for.";
    let numbers = Validator::custom(|name, value| {
        let ConfigData::List(list) = value else { return Ok(()) };
        match list.iter().all(|code| code.parse::<u16>().is_ok()) {
            true => Ok(()),
            false => Err(invalid(name, value, "must be a list of numbers")),
        }
    });
    keys.add_valid(RENEW, Type::List, "401", High, text, numbers);
}

/// Headers of `name:value`.
fn additional(list: &[String]) -> Result<HeaderMap, String> {
    let mut headers = HeaderMap::new();
    for item in list {
        let mut parts = item.split(':');
        let (Some(name), Some(value), None) = (parts.next(), parts.next(), parts.next()) else {
            return Err("Header field should use format header:value".to_owned());
        };
        let name = keys::header_name(name)?;
        let value = HeaderValue::from_bytes(value.trim().as_bytes())
            .map_err(|_| format!("the value of {name} has characters that no header can hold"))?;
        if super::request::is_framing(&name) {
            return Err(format!("restricted header name: \"{name}\""));
        }
        if headers.insert(name, value).is_some() {
            return Err("Duplicate keys are not allowed (case-insensitive)".to_owned());
        }
    }
    Ok(headers)
}

/// Faults across keys.
pub(super) fn check(parsed: &ParsedConfig, faults: &mut Vec<Fault>) {
    let is = |key: &str| !matches!(parsed.get(key), ConfigData::Null);
    let auth = parsed.string(AUTH_TYPE).unwrap_or_default();
    let mut add = |key: &str, what: &str| faults.push(Fault::of(parsed, key, what));
    match auth {
        "static" if !is(AUTH_HEADER) => {
            add(AUTH_HEADER, "Must be present when http.authorization.type = STATIC");
        }
        "none" | "oauth2" if is(AUTH_HEADER) => {
            add(AUTH_HEADER, "Must not be present when http.authorization.type != STATIC");
        }
        _ => {}
    }
    let needed = [TOKEN_URL, GRANT_PROPERTY, GRANT, ID_PROPERTY, ID, SECRET_PROPERTY, SECRET];
    if auth == "oauth2"
        && let Some(missing) = needed.iter().find(|key| !is(key))
    {
        add(missing, "Must be present when http.headers.authorization = OAUTH2");
    }
    if is(PROXY_HOST) != (parsed.long(PROXY_PORT).unwrap_or(-1) >= 0) {
        add(PROXY_HOST, "Proxy host and port must be defined together");
    }
    let tolerant = parsed.string(TOLERANCE).is_some_and(|word| word.eq_ignore_ascii_case("all"));
    if parsed.boolean(BATCHING) && tolerant {
        add(TOLERANCE, "Cannot use errors.tolerance when batching is enabled");
    }
    if let Some(file) = given(parsed, TRUST_STORE).filter(|_| !parsed.boolean(TRUST_ALL))
        && !std::path::Path::new(file).exists()
    {
        let text = format!(
            "TrustStore file not found: {file}. Tried classpath and file system locations."
        );
        faults.push(Fault::plain(TRUST_STORE, text));
    }
}

/// Reads the keys, which fit.
pub(super) fn read(parsed: &ParsedConfig, props: &Props) -> Result<Config, Fault> {
    let mut headers =
        additional(parsed.list(ADDITIONAL)).map_err(|what| Fault::of(parsed, ADDITIONAL, &what))?;
    let unfit = |key: &str| Fault::of(parsed, key, "it has characters that no header can hold");
    if let Some(content) = given(parsed, CONTENT) {
        let value = HeaderValue::from_bytes(content.as_bytes()).map_err(|_| unfit(CONTENT))?;
        headers.insert(CONTENT_TYPE, value);
    }
    if let Some(text) = given(parsed, AUTH_HEADER) {
        let value = keys::secret_value(text).ok_or_else(|| unfit(AUTH_HEADER))?;
        headers.insert(AUTHORIZATION, value);
    }
    let own = own::read(parsed, &mut headers)?;
    // As written: blanks and line feeds are what separators are made of.
    let raw = |key: &str, default: &str| props.get(key).map_or(default, String::as_str).to_owned();
    let batches = parsed.boolean(BATCHING);
    let timeout = Duration::from_secs(number(parsed, "http.timeout").max(1));
    let statuses = Statuses::parse(parsed.string(own::RETRY_STATUSES).unwrap_or_default());
    Ok(Config {
        flavour: Flavour::Aiven,
        url: Template::literal(parsed.string(URL).unwrap_or_default()),
        method: Method::POST,
        headers,
        templates: Vec::new(),
        forwards: false,
        oauth2: (parsed.string(AUTH_TYPE) == Some("oauth2")).then(|| oauth2_of(parsed)),
        body: Body {
            format: Format::TextOrJson,
            decimals: parsed.string(DECIMALS).unwrap_or_default().to_owned(),
            regexes: Vec::new(),
        },
        batching: Batching {
            max: if batches { usize::try_from(number(parsed, BATCH_MAX)).unwrap_or(1) } else { 1 },
            prefix: if batches { raw("batch.prefix", "") } else { String::new() },
            suffix: if batches { raw("batch.suffix", "\n") } else { String::new() },
            separator: raw("batch.separator", "\n"),
            group: None,
            wraps: batches,
        },
        on_null: OnNull::Refuse,
        on_error: if batches { OnError::Fail } else { OnError::Report },
        retry: Retry {
            max: u32::try_from(number(parsed, "max.retries")).unwrap_or(u32::MAX),
            backoff: keys::millis(parsed, "retry.backoff.ms"),
            exponential: false,
            statuses: statuses.map_err(|what| Fault::of(parsed, own::RETRY_STATUSES, &what))?,
        },
        connect_timeout: timeout,
        request_timeout: timeout,
        proxy: given(parsed, PROXY_HOST).map(|host| Proxy {
            host: host.to_owned(),
            port: u16::try_from(number(parsed, PROXY_PORT)).unwrap_or(0),
            authorization: None,
        }),
        tls: tls(parsed),
        proof: if parsed.boolean(TRUST_ALL) { ServerProof::None } else { ServerProof::Host },
        put_timeout_ms: parsed.long(RETRY_TIMEOUT).and_then(|ms| u64::try_from(ms).ok()),
        own,
        reports: None,
    })
}

fn oauth2_of(parsed: &ParsedConfig) -> OAuth2Config {
    let text = |key: &str| parsed.string(key).unwrap_or_default().to_owned();
    OAuth2Config {
        url: text(TOKEN_URL),
        grant_property: text(GRANT_PROPERTY),
        grant: text(GRANT),
        id_property: text(ID_PROPERTY),
        id: text(ID),
        secret_property: text(SECRET_PROPERTY),
        secret: Secret::new(text(SECRET)),
        in_header: parsed.string(AUTH_MODE).is_some_and(|mode| mode.eq_ignore_ascii_case("header")),
        scope: given(parsed, SCOPE).map(str::to_owned),
        token_property: text(TOKEN_PROPERTY),
        headers: HeaderMap::new(),
        renew: Statuses::parse(&parsed.list(RENEW).join(",")).unwrap_or_else(|_| Statuses::of(401)),
    }
}

fn tls(parsed: &ParsedConfig) -> TlsSettings {
    let mut trust_store = store(parsed, "http.ssl.truststore.", "");
    trust_store.kind = parsed.string("gantry.http.ssl.truststore.type").unwrap_or("JKS").to_owned();
    TlsSettings {
        prefix: "http.".to_owned(),
        key_store: store(parsed, "gantry.http.ssl.keystore.", "gantry.http.ssl.key.password"),
        trust_store,
        client_auth: ClientAuth::None,
        protocol: "TLSv1.3".to_owned(),
        protocols: vec!["TLSv1.3".to_owned(), "TLSv1.2".to_owned()],
        cipher_suites: Vec::new(),
    }
}
