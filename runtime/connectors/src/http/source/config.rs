//! What the keys say.

use std::sync::Arc;
use std::time::Duration;

use gantry_api::model::config::{ConfigValue, ParsedConfig};
use gantry_api::model::regex::JavaPattern;
use gantry_api::{ConfigDef, OffsetMap, Props, Result};
use gantry_tls::{ClientAuth, Secret, ServerProof, TlsSettings, connection_config};
use hyper::header::{AUTHORIZATION, HeaderValue};
use hyper::{HeaderMap, Method};

use super::super::keys::{self, Fault, basic, given, millis, number, parse_url, store};
use super::super::oauth2::OAuth2Config;
use super::super::own::{self, Own};
use super::super::status::Statuses;
use super::json::Pointer;
use super::keys as names;
use super::template::Template;
use super::times::{ISO, Pattern, Times};
use crate::web::connect::{Opener, Proxy};

/// In which order an answer has its records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    Ascending,
    Descending,
    /// As the times of the first and the last say.
    Implicit,
}

/// Which records are left out as seen before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seen {
    /// Those before the time of the offset, and up to the offset those of the same time.
    Offset,
    /// Those up to the time of the offset.
    Time,
    None,
}

/// Where an answer names the page that comes next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Paging {
    None,
    /// The header Link.
    Link,
    /// In the answer: a URL, or the value of a parameter.
    Body(Pointer, Option<String>),
}

/// What a request is made of.
#[derive(Clone, Debug)]
pub(super) struct Asking {
    pub(super) method: Method,
    pub(super) url: Template,
    pub(super) headers: Template,
    pub(super) params: Template,
    pub(super) body: Template,
}

/// Where in an answer what is.
#[derive(Clone, Debug)]
pub(super) struct Places {
    pub(super) list: Pointer,
    pub(super) record: Pointer,
    pub(super) keys: Vec<Pointer>,
    pub(super) timestamp: Option<Pointer>,
    pub(super) offset: Vec<(String, Pointer)>,
    pub(super) times: Times,
    /// Whether keys and values are structs.
    pub(super) has_schema: bool,
}

/// What the keys say.
#[derive(Clone, Debug)]
pub(super) struct Config {
    pub(super) topic: String,
    pub(super) asking: Asking,
    pub(super) fixed: HeaderMap,
    pub(super) initial: OffsetMap,
    pub(super) interval: Duration,
    /// While there are old records; nothing with a fixed interval.
    pub(super) catchup: Option<Duration>,
    pub(super) opener: Opener,
    pub(super) read_timeout: Duration,
    pub(super) idle: Duration,
    pub(super) idle_max: usize,
    pub(super) process: Vec<(u16, u16)>,
    pub(super) skip: Vec<(u16, u16)>,
    pub(super) places: Places,
    pub(super) order: Order,
    pub(super) seen: Seen,
    pub(super) etag: bool,
    pub(super) paging: Paging,
    /// Nothing: until it succeeds.
    pub(super) retries: Option<u64>,
    pub(super) backoff: Duration,
    pub(super) retry_on: Statuses,
    pub(super) bytes_max: usize,
    pub(super) oauth2: Option<OAuth2Config>,
    pub(super) own: Own,
}

/// Adds what is wrong across keys to what was found for each.
pub(super) fn validate(props: &Props, findings: &mut Vec<ConfigValue>, opens_files: bool) {
    let definition = names::definition();
    let mut faults = unknown(&definition, props);
    if let Ok(parsed) = definition.parse(props) {
        faults.append(&mut check(&parsed));
        if faults.is_empty()
            && opens_files
            && let Err(fault) = Config::read(&parsed)
        {
            faults.push(fault);
        }
    }
    keys::add_faults(faults, findings);
}

/// Keys of castorm's classes that are not here, of one's own classes, and those that are misspelt.
fn unknown(definition: &ConfigDef, props: &Props) -> Vec<Fault> {
    let mut faults = own::unknown(definition, props);
    faults.append(&mut own::unknown_of("http.", definition, props));
    faults
}

/// Faults across keys.
fn check(parsed: &ParsedConfig) -> Vec<Fault> {
    let mut faults = own::check(parsed);
    let mut add = |key: &str, what: &str| faults.push(Fault::of(parsed, key, what));
    if parsed.boolean(names::NEXT_LINK) && given(parsed, names::NEXT).is_some() {
        add(
            names::NEXT_LINK,
            "either it or gantry.http.next.page.pointer says where the next page is",
        );
    }
    let is_paged = parsed.boolean(names::NEXT_LINK) || given(parsed, names::NEXT).is_some();
    if is_paged
        && parsed.string(names::ORDER).is_some_and(|word| word.eq_ignore_ascii_case("IMPLICIT"))
    {
        add(names::ORDER, "with pages it must be ASC or DESC: one page does not tell it");
    }
    if given(parsed, names::KEY_STORE).is_some()
        && given(parsed, "gantry.http.ssl.keystore.location").is_some()
    {
        add(names::KEY_STORE, "gantry.http.ssl.keystore.location names another one: leave one out");
    }
    let oauth2 = [names::TOKEN_URL, names::CLIENT_ID, names::CLIENT_SECRET];
    if oauth2.iter().any(|key| given(parsed, key).is_some())
        && let Some(missing) = oauth2.iter().find(|key| given(parsed, key).is_none())
    {
        add(missing, "it is needed for OAuth 2");
    }
    let (process, skip) = (codes(parsed, names::PROCESS), codes(parsed, names::SKIP));
    if process.iter().any(|one| skip.iter().any(|two| one.0 <= two.1 && two.0 <= one.1)) {
        add(names::SKIP, "it has codes of http.response.policy.codes.process");
    }
    faults
}

fn codes(parsed: &ParsedConfig, key: &str) -> Vec<(u16, u16)> {
    names::codes(parsed.string(key).unwrap_or_default()).unwrap_or_default()
}

impl Config {
    /// Reads the keys; the first fault is the error.
    pub(super) fn parse(props: &Props) -> Result<Self> {
        let definition = names::definition();
        let parsed = definition.parse(props)?;
        let mut faults = unknown(&definition, props);
        faults.append(&mut check(&parsed));
        match faults.into_iter().next() {
            Some(fault) => Err(fault.into()),
            None => Ok(Self::read(&parsed)?),
        }
    }

    fn read(parsed: &ParsedConfig) -> Result<Self, Fault> {
        let text = |key: &str| parsed.string(key).unwrap_or_default();
        let asking = asking(parsed)?;
        let mut fixed = HeaderMap::new();
        let own = own::read(parsed, &mut fixed)?;
        let is_basic = match names::simple(text(names::AUTH)) {
            "BasicHttpAuthenticator" => true,
            "NoneHttpAuthenticator" => false,
            _ => text(names::AUTH_TYPE).eq_ignore_ascii_case("Basic"),
        };
        if is_basic && let Some(value) = basic(text(names::USER), text(names::PASSWORD)) {
            fixed.insert(AUTHORIZATION, value);
        }
        let fixed_interval = names::simple(text(names::TIMER)) == "FixedIntervalTimer";
        let retry_on = Statuses::parse(text(names::RETRY_ON));
        Ok(Self {
            topic: text(names::TOPIC).to_owned(),
            fixed,
            initial: initial(text(names::INITIAL))
                .map_err(|what| Fault::of(parsed, names::INITIAL, &what))?,
            interval: or_old(parsed, names::INTERVAL, names::OLD_INTERVAL, names::INTERVAL_MS),
            catchup: (!fixed_interval)
                .then(|| or_old(parsed, names::CATCHUP, names::OLD_CATCHUP, names::CATCHUP_MS)),
            opener: opener(parsed, text(names::URL).to_ascii_lowercase().contains("https:"))?,
            asking,
            read_timeout: millis(parsed, names::READ_TIMEOUT),
            idle: millis(parsed, names::TTL),
            idle_max: usize::try_from(number(parsed, names::IDLE_MAX)).unwrap_or(usize::MAX),
            process: codes(parsed, names::PROCESS),
            skip: codes(parsed, names::SKIP),
            places: places(parsed)?,
            order: match text(names::ORDER).to_ascii_uppercase().as_str() {
                "ASC" => Order::Ascending,
                "DESC" => Order::Descending,
                _ => Order::Implicit,
            },
            seen: match names::simple(text(names::FILTER)) {
                "OffsetTimestampRecordFilterFactory" => Seen::Time,
                "PassthroughRecordFilterFactory" => Seen::None,
                _ => Seen::Offset,
            },
            etag: parsed.boolean(names::ETAG),
            paging: match given(parsed, names::NEXT) {
                Some(_) => Paging::Body(
                    pointer(parsed, names::NEXT)?,
                    given(parsed, names::NEXT_PARAM).map(str::to_owned),
                ),
                None if parsed.boolean(names::NEXT_LINK) => Paging::Link,
                None => Paging::None,
            },
            retries: parsed.long(names::RETRIES).and_then(|count| u64::try_from(count).ok()),
            backoff: millis(parsed, names::BACKOFF),
            retry_on: retry_on.map_err(|what| Fault::of(parsed, names::RETRY_ON, &what))?,
            bytes_max: usize::try_from(number(parsed, names::BYTES_MAX)).unwrap_or(usize::MAX),
            oauth2: oauth2(parsed),
            own,
        })
    }
}

/// A time under its name, or under its name of old if that is left at its default, as in Java.
fn or_old(parsed: &ParsedConfig, key: &str, old: &str, default_ms: i64) -> Duration {
    match parsed.long(key) == Some(default_ms) {
        true => millis(parsed, old),
        false => millis(parsed, key),
    }
}

fn asking(parsed: &ParsedConfig) -> Result<Asking, Fault> {
    let text = |key: &str| parsed.string(key).unwrap_or_default();
    let is_literal = names::simple(text(names::TEMPLATES)) == "NoTemplateFactory";
    let template = |key: &'static str| match is_literal {
        true => Ok(Template::literal(key, text(key))),
        false => Template::parse(key, text(key)).map_err(|what| Fault::of(parsed, key, &what)),
    };
    if !text(names::URL).contains("${") && parse_url(text(names::URL)).is_none() {
        return Err(Fault::plain(
            names::URL,
            format!(
                "Invalid value {} for configuration {}: it is no URL of HTTP",
                keys::mask_url(text(names::URL)),
                names::URL
            ),
        ));
    }
    Ok(Asking {
        method: text(names::METHOD).parse().unwrap_or(Method::GET),
        url: template(names::URL)?,
        headers: template(names::HEADERS)?,
        params: template(names::PARAMS)?,
        body: template(names::BODY)?,
    })
}

fn pointer(parsed: &ParsedConfig, key: &str) -> Result<Pointer, Fault> {
    Pointer::parse(parsed.string(key).unwrap_or_default())
        .map_err(|what| Fault::of(parsed, key, &what))
}

fn places(parsed: &ParsedConfig) -> Result<Places, Fault> {
    let text = |key: &str| parsed.string(key).unwrap_or_default();
    let unfit = |key: &str, what: String| Fault::of(parsed, key, &what);
    let keys: Result<Vec<_>, _> = names::texts(text(names::KEY)).map(Pointer::parse).collect();
    let offset = names::pairs(text(names::OFFSET)).and_then(|pairs| {
        pairs.into_iter().map(|(name, to)| Ok((name, Pointer::parse(&to)?))).collect()
    });
    Ok(Places {
        list: pointer(parsed, names::LIST)?,
        record: pointer(parsed, names::RECORD)?,
        keys: keys.map_err(|what| unfit(names::KEY, what))?,
        timestamp: match given(parsed, names::TIMESTAMP) {
            Some(_) => Some(pointer(parsed, names::TIMESTAMP)?),
            None => None,
        },
        offset: offset.map_err(|what| unfit(names::OFFSET, what))?,
        times: times(parsed, names::PARSER)?,
        has_schema: names::simple(text(names::MAPPER)) != "StringKvSourceRecordMapper",
    })
}

/// How times are written that a key's class reads. What it leads to never leads back: `names` sees to that.
fn times(parsed: &ParsedConfig, key: &str) -> Result<Times, Fault> {
    let text = |key: &str| parsed.string(key).unwrap_or_default();
    Ok(match names::simple(text(key)) {
        "EpochMillisTimestampParser" => Times::Epoch,
        "RegexTimestampParser" => {
            let pattern = JavaPattern::compile(text(names::PARSER_REGEX))
                .map_err(|error| Fault::of(parsed, names::PARSER_REGEX, error.message()))?;
            Times::Found(Box::new(pattern), Box::new(times(parsed, names::PARSER_REGEX_DELEGATE)?))
        }
        "EpochMillisOrDelegateTimestampParser" => {
            Times::Either(Box::new(times(parsed, names::PARSER_DELEGATE)?))
        }
        _ if text(names::PARSER_PATTERN) == ISO => Times::Iso,
        _ => Times::Pattern(
            Pattern::parse_text(text(names::PARSER_PATTERN), text(names::PARSER_ZONE))
                .map_err(|what| Fault::of(parsed, names::PARSER_PATTERN, &what))?,
        ),
    })
}

fn initial(text: &str) -> Result<OffsetMap, String> {
    let pairs = names::pairs(text)?;
    Ok(pairs.into_iter().map(|(name, value)| (name, value.into())).collect())
}

fn opener(parsed: &ParsedConfig, is_https: bool) -> Result<Opener, Fault> {
    let text = |key: &str| parsed.string(key).unwrap_or_default();
    let is_https = is_https
        || given(parsed, names::TOKEN_URL).is_some_and(|url| url.to_ascii_lowercase().starts_with("https:"))
        // Where it leads is known only with an offset.
        || !text(names::URL).to_ascii_lowercase().starts_with("http:");
    let tls = match is_https {
        false => None,
        true => Some(tls(parsed)?),
    };
    let proxy = given(parsed, names::PROXY_HOST).map(|host| Proxy {
        host: host.to_owned(),
        port: u16::try_from(number(parsed, names::PROXY_PORT)).unwrap_or(0),
        authorization: given(parsed, names::PROXY_USER)
            .and_then(|user| basic(user, text(names::PROXY_PASSWORD))),
    });
    Ok(Opener { tls, proxy, timeout: millis(parsed, names::CONNECT_TIMEOUT) })
}

fn tls(parsed: &ParsedConfig) -> Result<Arc<tokio_rustls::rustls::ClientConfig>, Fault> {
    let trust_store = store(parsed, "gantry.http.ssl.truststore.", "");
    let mut key_store = store(parsed, "gantry.http.ssl.keystore.", "gantry.http.ssl.key.password");
    if let Some(location) = given(parsed, names::KEY_STORE) {
        let password = given(parsed, names::KEY_STORE_PASSWORD).map(Secret::new);
        key_store.kind = "PKCS12".to_owned();
        key_store.location = Some(location.to_owned());
        key_store.password = password;
    }
    let settings = TlsSettings {
        prefix: "gantry.http.".to_owned(),
        key_store,
        trust_store,
        client_auth: ClientAuth::None,
        protocol: "TLSv1.3".to_owned(),
        protocols: vec!["TLSv1.3".to_owned(), "TLSv1.2".to_owned()],
        cipher_suites: Vec::new(),
    };
    let mut warnings = Vec::new();
    let config =
        connection_config(&settings, ServerProof::Host, &mut warnings).map_err(|text| {
            let key = text.split(['=', ':', ' ']).next().unwrap_or_default();
            let key =
                if key.contains(".ssl.") { key } else { "gantry.http.ssl.truststore.location" };
            Fault::plain(key, text.clone())
        })?;
    for warning in warnings {
        tracing::warn!("{warning}");
    }
    Ok(config)
}

fn oauth2(parsed: &ParsedConfig) -> Option<OAuth2Config> {
    let text = |key: &str| parsed.string(key).unwrap_or_default().to_owned();
    Some(OAuth2Config {
        url: given(parsed, names::TOKEN_URL)?.to_owned(),
        grant_property: "grant_type".to_owned(),
        grant: "client_credentials".to_owned(),
        id_property: "client_id".to_owned(),
        id: text(names::CLIENT_ID),
        secret_property: "client_secret".to_owned(),
        secret: Secret::new(text(names::CLIENT_SECRET)),
        in_header: true,
        scope: given(parsed, names::SCOPE).map(str::to_owned),
        token_property: "access_token".to_owned(),
        headers: HeaderMap::new(),
        renew: Statuses::of(401),
    })
}

/// Headers of `Name: Value`, divided by commas.
pub(super) fn header_list(
    text: &str,
) -> Result<Vec<(hyper::header::HeaderName, HeaderValue)>, String> {
    let mut all: Vec<String> = Vec::new();
    for part in text.split(',') {
        match all.last_mut() {
            // A comma behind a backslash is one of the value.
            Some(before) if before.ends_with('\\') => {
                before.pop();
                before.push(',');
                before.push_str(part);
            }
            _ => all.push(part.to_owned()),
        }
    }
    all.iter()
        .filter(|one| !one.trim().is_empty())
        .map(|one| {
            let (name, value) = one.split_once(':').ok_or_else(|| format!("{one} has no :"))?;
            let name = keys::header_name(name.trim())?;
            let value = HeaderValue::from_bytes(value.trim().as_bytes()).map_err(|_| {
                format!("the value of {name} has characters that no header can hold")
            })?;
            Ok((name, value))
        })
        .collect()
}
