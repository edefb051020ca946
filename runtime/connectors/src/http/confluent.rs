//! The keys of Confluent's connector.

mod keys;
mod reports;

use gantry_api::Props;
use gantry_api::model::config::ParsedConfig;
use gantry_api::model::regex::JavaPattern;
use gantry_tls::{ClientAuth, Secret, ServerProof, TlsSettings};
use hyper::header::{AUTHORIZATION, HeaderName, HeaderValue};
use hyper::{HeaderMap, Method};

pub(super) use keys::definition;
pub(super) use reports::unsupported;

use super::Flavour;
use super::config::{Batching, Body, Config, Format, OnError, OnNull, Retry};
use super::keys::{self as values, Fault, given, number, store};
use super::oauth2::OAuth2Config;
use super::own;
use super::status::Statuses;
use super::template::Template;
use crate::web::connect::Proxy;
use keys::*;

/// The word of a key in small letters.
fn word(parsed: &ParsedConfig, key: &str) -> String {
    parsed.string(key).unwrap_or_default().to_ascii_lowercase()
}

/// Faults across keys.
pub(super) fn check(parsed: &ParsedConfig, faults: &mut Vec<Fault>) {
    let mut need = |key: &str, because: &str| {
        if given(parsed, key).is_none() {
            faults.push(Fault::of(parsed, key, &format!("must be set when {because}")));
        }
    };
    match word(parsed, AUTH_TYPE).as_str() {
        "basic" => need(USER, "auth.type is BASIC"),
        "oauth2" => {
            for key in [TOKEN_URL, CLIENT_ID, CLIENT_SECRET] {
                need(key, "auth.type is OAUTH2");
            }
        }
        "ssl" if given(parsed, "https.ssl.keystore.key").is_none() => {
            need("https.ssl.keystore.location", "auth.type is SSL");
        }
        _ => {}
    }
    let is_json = word(parsed, FORMAT) == "json";
    if is_json && !parsed.boolean(AS_ARRAY) && number(parsed, BATCH_MAX) > 1 {
        let what = "can only be false when batch.max.size is 1";
        faults.push(Fault::of(parsed, AS_ARRAY, what));
    }
    if is_json && given(parsed, PATTERNS).is_some() {
        let what = "patterns work on text only, request.body.format=string";
        faults.push(Fault::of(parsed, PATTERNS, what));
    }
    if given(parsed, PROXY_HOST).is_some() != (number(parsed, PROXY_PORT) > 0) {
        let what = "http.proxy.host and http.proxy.port must be set together";
        faults.push(Fault::of(parsed, PROXY_HOST, what));
    }
}

/// Reads the keys.
pub(super) fn read(parsed: &ParsedConfig, props: &Props) -> Result<Config, Fault> {
    let (mut headers, templates) = all_headers(parsed)?;
    if word(parsed, AUTH_TYPE) == "basic" {
        let user = parsed.string(USER).unwrap_or_default();
        let password = parsed.string(PASSWORD).unwrap_or_default();
        if let Some(value) = values::basic(user, password) {
            headers.insert(AUTHORIZATION, value);
        }
    }
    let own = own::read(parsed, &mut headers)?;
    let own = own::Own { in_flight: in_flight(parsed, props, own.in_flight), ..own };
    let template = |key: &str| {
        Template::parse(parsed.string(key).unwrap_or_default())
            .map_err(|what| Fault::of(parsed, key, &what))
    };
    let statuses = Statuses::parse(parsed.string(RETRY_STATUSES).unwrap_or_default());
    let method = parsed.string(METHOD).unwrap_or_default().to_ascii_uppercase();
    let verifies = parsed.boolean(VERIFIES_HOST)
        && parsed.string(IDENTIFICATION).is_none_or(|how| !how.trim().is_empty());
    Ok(Config {
        flavour: Flavour::Confluent,
        url: template(URL)?,
        method: Method::from_bytes(method.as_bytes())
            .map_err(|_| Fault::of(parsed, METHOD, "it is no method"))?,
        headers,
        templates,
        forwards: true,
        oauth2: match word(parsed, AUTH_TYPE).as_str() {
            "oauth2" => Some(oauth2(parsed)?),
            _ => None,
        },
        body: body(parsed)?,
        batching: batching(parsed, props, template(BATCH_KEY)?),
        on_null: match word(parsed, ON_NULL).as_str() {
            "fail" => OnNull::Fail,
            "log" => OnNull::Log,
            "delete" => OnNull::Delete,
            _ => OnNull::Ignore,
        },
        on_error: match word(parsed, ON_ERROR).as_str() {
            "ignore" => OnError::Ignore,
            "log" => OnError::Log,
            _ => OnError::Report,
        },
        retry: Retry {
            max: u32::try_from(number(parsed, "max.retries")).unwrap_or(u32::MAX),
            backoff: values::millis(parsed, "retry.backoff.ms"),
            exponential: word(parsed, BACKOFF_POLICY) != "constant_value",
            statuses: statuses.map_err(|what| Fault::of(parsed, RETRY_STATUSES, &what))?,
        },
        connect_timeout: values::millis(parsed, "http.connect.timeout.ms"),
        request_timeout: values::millis(parsed, "http.request.timeout.ms"),
        proxy: proxy(parsed),
        tls: tls(parsed),
        proof: if verifies { ServerProof::Host } else { ServerProof::Authority },
        put_timeout_ms: None,
        own,
        reports: reports::read(parsed, props),
    })
}

/// `concurrency.limit` where Gantry's own key is not set.
fn in_flight(parsed: &ParsedConfig, props: &Props, own: usize) -> usize {
    if props.contains_key(own::IN_FLIGHT) {
        return own;
    }
    parsed.long(CONCURRENCY).and_then(|limit| usize::try_from(limit).ok()).unwrap_or(own)
}

fn body(parsed: &ParsedConfig) -> Result<Body, Fault> {
    let separator = parsed.string(REGEX_SEPARATOR).filter(|text| !text.is_empty()).unwrap_or("~");
    let list = |key: &str| -> Vec<&str> {
        given(parsed, key).map_or_else(Vec::new, |text| text.split(separator).collect())
    };
    let (patterns, mut replacements) = (list(PATTERNS), list(REPLACEMENTS));
    if patterns.len() == 1 && replacements.is_empty() {
        // What is found is taken out.
        replacements.push("");
    }
    if patterns.len() != replacements.len() {
        let what = format!(
            "{} patterns need as many replacements, there are {}",
            patterns.len(),
            replacements.len()
        );
        return Err(Fault::of(parsed, REPLACEMENTS, &what));
    }
    let compile = |(pattern, replacement): (&str, &str)| {
        let pattern = JavaPattern::compile(pattern)
            .map_err(|error| Fault::of(parsed, PATTERNS, error.message()))?;
        Ok((pattern, replacement.to_owned()))
    };
    let regexes: Result<_, Fault> = patterns.into_iter().zip(replacements).map(compile).collect();
    Ok(Body {
        format: if word(parsed, FORMAT) == "json" { Format::Json } else { Format::Text },
        decimals: "BASE64".to_owned(),
        regexes: regexes?,
    })
}

fn batching(parsed: &ParsedConfig, props: &Props, group: Template) -> Batching {
    // As written: blanks and line feeds are what separators are made of.
    let raw = |key: &str, default: &str| props.get(key).map_or(default, String::as_str).to_owned();
    let (mut prefix, mut suffix) = (raw(BATCH_PREFIX, ""), raw(BATCH_SUFFIX, ""));
    let mut separator = raw(BATCH_SEPARATOR, ",");
    if word(parsed, FORMAT) == "json" && parsed.boolean(AS_ARRAY) {
        prefix.push('[');
        suffix.insert(0, ']');
        ",".clone_into(&mut separator);
    }
    Batching {
        max: usize::try_from(number(parsed, BATCH_MAX)).unwrap_or(1).max(1),
        prefix,
        suffix,
        separator,
        group: group.fixed().is_none().then_some(group),
        wraps: true,
    }
}

fn proxy(parsed: &ParsedConfig) -> Option<Proxy> {
    let host = given(parsed, PROXY_HOST)?.to_owned();
    let port = u16::try_from(number(parsed, PROXY_PORT)).unwrap_or(0);
    let password = parsed.string(PROXY_PASSWORD).unwrap_or_default();
    let authorization = given(parsed, PROXY_USER).and_then(|user| values::basic(user, password));
    Some(Proxy { host, port, authorization })
}

type Headers = (HeaderMap, Vec<(HeaderName, Template)>);

/// `headers` and `sensitive.headers`, which are never shown.
fn all_headers(parsed: &ParsedConfig) -> Result<Headers, Fault> {
    let separator = parsed.string(HEADER_SEPARATOR).filter(|text| !text.is_empty()).unwrap_or("|");
    let (mut fixed, mut templates) = list_headers(parsed, HEADERS, separator, false)?;
    let (more, mut other) = list_headers(parsed, SENSITIVE_HEADERS, separator, true)?;
    fixed.extend(more);
    templates.append(&mut other);
    Ok((fixed, templates))
}

fn list_headers(
    parsed: &ParsedConfig,
    key: &str,
    separator: &str,
    secret: bool,
) -> Result<Headers, Fault> {
    // Without the value, in which secrets may stand.
    let fault =
        |what: &str| Fault::plain(key, format!("Invalid value for configuration {key}: {what}"));
    let (mut fixed, mut templates) = (HeaderMap::new(), Vec::new());
    let text = parsed.string(key).unwrap_or_default();
    for item in text.split(separator).filter(|item| !item.trim().is_empty()) {
        let (name, value) = item
            .split_once(':')
            .ok_or_else(|| fault("headers have the form Name:value|Name:value"))?;
        let name = values::header_name(name.trim()).map_err(|what| fault(&what))?;
        if super::request::is_framing(&name) {
            return Err(fault(&format!("{name} is set by the connector itself")));
        }
        let template = Template::parse(value.trim()).map_err(|what| fault(&what))?;
        match template.fixed() {
            None => templates.push((name, template)),
            Some(value) => {
                let mut value = HeaderValue::from_bytes(value.as_bytes())
                    .map_err(|_| fault(&format!("the value of {name} is no header's")))?;
                value.set_sensitive(secret || name == AUTHORIZATION);
                fixed.append(name, value);
            }
        }
    }
    Ok((fixed, templates))
}

fn oauth2(parsed: &ParsedConfig) -> Result<OAuth2Config, Fault> {
    let text = |key: &str| parsed.string(key).unwrap_or_default().to_owned();
    let separator = parsed.string(CLIENT_SEPARATOR).filter(|text| !text.is_empty()).unwrap_or("|");
    let (headers, templates) = list_headers(parsed, CLIENT_HEADERS, separator, true)?;
    if !templates.is_empty() {
        return Err(Fault::of(parsed, CLIENT_HEADERS, "a token is of no record: no ${…} here"));
    }
    Ok(OAuth2Config {
        url: text(TOKEN_URL),
        grant_property: "grant_type".to_owned(),
        grant: "client_credentials".to_owned(),
        id_property: "client_id".to_owned(),
        id: text(CLIENT_ID),
        secret_property: "client_secret".to_owned(),
        secret: Secret::new(text(CLIENT_SECRET)),
        in_header: word(parsed, AUTH_MODE) != "url",
        scope: given(parsed, SCOPE).map(str::to_owned),
        token_property: text(TOKEN_PROPERTY),
        headers,
        renew: Statuses::of(401),
    })
}

fn tls(parsed: &ParsedConfig) -> TlsSettings {
    TlsSettings {
        prefix: "https.".to_owned(),
        key_store: store(parsed, "https.ssl.keystore.", "https.ssl.key.password"),
        trust_store: store(parsed, "https.ssl.truststore.", ""),
        client_auth: ClientAuth::None,
        protocol: parsed.string("https.ssl.protocol").unwrap_or("TLSv1.3").to_owned(),
        protocols: parsed.list("https.ssl.enabled.protocols").to_vec(),
        cipher_suites: parsed.list("https.ssl.cipher.suites").to_vec(),
    }
}
