//! Their definition.

use gantry_api::{ConfigDef, Importance, Type, Validator};

use crate::http::keys::{self, Keys};
use crate::http::{Flavour, own};

pub(super) const URL: &str = "http.api.url";
pub(super) const METHOD: &str = "request.method";
pub(super) const HEADERS: &str = "headers";
pub(super) const HEADER_SEPARATOR: &str = "header.separator";
pub(super) const SENSITIVE_HEADERS: &str = "sensitive.headers";
pub(super) const ON_NULL: &str = "behavior.on.null.values";
pub(super) const ON_ERROR: &str = "behavior.on.error";
pub(super) const PROXY_HOST: &str = "http.proxy.host";
pub(super) const PROXY_PORT: &str = "http.proxy.port";
pub(super) const PROXY_USER: &str = "http.proxy.user";
pub(super) const PROXY_PASSWORD: &str = "http.proxy.password";
pub(super) const AUTH_TYPE: &str = "auth.type";
pub(super) const USER: &str = "connection.user";
pub(super) const PASSWORD: &str = "connection.password";
pub(super) const TOKEN_URL: &str = "oauth2.token.url";
pub(super) const CLIENT_ID: &str = "oauth2.client.id";
pub(super) const CLIENT_SECRET: &str = "oauth2.client.secret";
pub(super) const TOKEN_PROPERTY: &str = "oauth2.token.property";
pub(super) const AUTH_MODE: &str = "oauth2.client.auth.mode";
pub(super) const SCOPE: &str = "oauth2.client.scope";
pub(super) const CLIENT_HEADERS: &str = "oauth2.client.headers";
pub(super) const CLIENT_SEPARATOR: &str = "oauth2.client.header.separator";
pub(super) const FORMAT: &str = "request.body.format";
pub(super) const BATCH_MAX: &str = "batch.max.size";
pub(super) const BATCH_PREFIX: &str = "batch.prefix";
pub(super) const BATCH_SUFFIX: &str = "batch.suffix";
pub(super) const BATCH_SEPARATOR: &str = "batch.separator";
pub(super) const BATCH_KEY: &str = "batch.key.pattern";
pub(super) const AS_ARRAY: &str = "batch.json.as.array";
pub(super) const PATTERNS: &str = "regex.patterns";
pub(super) const REPLACEMENTS: &str = "regex.replacements";
pub(super) const REGEX_SEPARATOR: &str = "regex.separator";
pub(super) const BACKOFF_POLICY: &str = "retry.backoff.policy";
pub(super) const RETRY_STATUSES: &str = "retry.on.status.codes";
pub(super) const CONCURRENCY: &str = "concurrency.limit";
pub(super) const VERIFIES_HOST: &str = "https.host.verifier.enabled";
pub(super) const IDENTIFICATION: &str = "https.ssl.endpoint.identification.algorithm";

/// The keys.
pub(crate) fn definition() -> ConfigDef {
    let mut keys = Keys::new();
    connection(&mut keys);
    authentication(&mut keys);
    requests(&mut keys);
    delivery(&mut keys);
    tls(&mut keys);
    super::reports::define(&mut keys);
    own::define(&mut keys, Flavour::Confluent);
    keys.done()
}

fn connection(keys: &mut Keys) {
    keys.group("Connection", Importance::High);
    let text = "Where records are sent to. ${topic}, ${key}, ${field} and ${field.of.field} of the value, \
                ${key.field} and ${header.name} stand for what the record holds.";
    keys.required(URL, Type::String, text, url_rule());
    let text = "POST, PUT or PATCH.";
    keys.add(METHOD, Type::String, "POST", text, keys::words(&["POST", "PUT", "PATCH"]));
    let text = "Headers: Name:value|Name:value. Values may hold ${…} as http.api.url does.";
    keys.add(HEADERS, Type::String, "", text, None);
    keys.add(HEADER_SEPARATOR, Type::String, "|", "What stands between two headers.", None);
    let text = "Headers that are never shown, in the same form.";
    keys.null(SENSITIVE_HEADERS, Type::Password, text, None);
    let text = "After how many milliseconds without a connection a request has failed.";
    keys.add("http.connect.timeout.ms", Type::Int, 30_000, text, Validator::at_least(1));
    let text = "After how many milliseconds without the whole answer a request has failed.";
    keys.add("http.request.timeout.ms", Type::Int, 30_000, text, Validator::at_least(1));
    keys.add(PROXY_HOST, Type::String, "", "The host of a proxy.", None);
    keys.add(PROXY_PORT, Type::Int, 0, "The port of the proxy.", Validator::between(0, 65535));
    keys.add(PROXY_USER, Type::String, "", "Who asks the proxy.", None);
    keys.add(PROXY_PASSWORD, Type::Password, "", "The password of http.proxy.user.", None);
}

/// Http or https, and all that is not of a record must be right.
fn url_rule() -> Validator {
    keys::text_rule(|text| {
        let template = crate::http::template::Template::parse(text)?;
        let host = text
            .split_once("://")
            .map_or("", |(_, rest)| rest.split(['/', '?']).next().unwrap_or(""));
        if host.contains("${") {
            return Err("host and port must not be parts of the record: the credentials go there"
                .to_owned());
        }
        match keys::parse_url(&template.sample()) {
            Some(_) => Ok(()),
            None => Err("it must be a URL that begins with http:// or https://".to_owned()),
        }
    })
}

fn authentication(keys: &mut Keys) {
    keys.group("Authentication", Importance::High);
    let text = "Who asks. BASIC: connection.user. OAUTH2: oauth2.*. SSL: the certificate in \
                https.ssl.keystore.location.";
    let types = keys::words(&["NONE", "BASIC", "OAUTH2", "SSL"]);
    keys.add(AUTH_TYPE, Type::String, "NONE", text, types);
    keys.add(USER, Type::String, "", "Who asks, of BASIC.", None);
    keys.add(PASSWORD, Type::Password, "", "The password of connection.user.", None);
    let text = "Where tokens are asked for, of OAUTH2.";
    let rule = keys::text_rule(|text| match text.is_empty() || keys::parse_url(text).is_some() {
        true => Ok(()),
        false => Err("it must be a URL that begins with http:// or https://".to_owned()),
    });
    keys.add(TOKEN_URL, Type::String, "", text, rule);
    keys.add(CLIENT_ID, Type::String, "", "The client's id.", None);
    keys.add(CLIENT_SECRET, Type::Password, "", "The client's secret.", None);
    let text = "The field of the answer that holds the token.";
    keys.add(TOKEN_PROPERTY, Type::String, "access_token", text, None);
    let text = "Where id and secret stand: header (basic authentication) or url (in the form).";
    keys.add(AUTH_MODE, Type::String, "header", text, keys::words(&["header", "url"]));
    keys.add(SCOPE, Type::String, "any", "What the token is asked for.", None);
    let text = "Headers of the request for a token: Name:value|Name:value.";
    keys.null(CLIENT_HEADERS, Type::Password, text, None);
    keys.add(CLIENT_SEPARATOR, Type::String, "|", "What stands between two of them.", None);
}

fn requests(keys: &mut Keys) {
    keys.group("Requests", Importance::Medium);
    let text = "What a value becomes. string: texts and bytes as they are, all else as Java's toString. json: JSON.";
    keys.add(FORMAT, Type::String, "string", text, keys::words(&["string", "json"]));
    let text = "How many records share a request at most. Records of one put only, and of the same URL and \
                headers.";
    keys.add(BATCH_MAX, Type::Int, 1, text, Validator::at_least(1));
    let text = "Whether JSON is sent as an array, also of one record; false only where batch.max.size is 1.";
    keys.add(AS_ARRAY, Type::Boolean, true, text, None);
    keys.add(BATCH_PREFIX, Type::String, "", "What stands before the first record.", None);
    keys.add(BATCH_SUFFIX, Type::String, "", "What stands behind the last record.", None);
    let text = "What stands between two records; in an array always a comma.";
    keys.add(BATCH_SEPARATOR, Type::String, ",", text, None);
    let text = "Records of which this gives the same text share requests.";
    let rule = keys::text_rule(|text| crate::http::template::Template::parse(text).map(drop));
    keys.add(BATCH_KEY, Type::String, "someKey", text, rule);
    let text = "Patterns, divided by regex.separator: what they find in a text is replaced.";
    keys.add(PATTERNS, Type::String, "", text, None);
    let text = "What stands for what the patterns find, as many as there are patterns.";
    keys.add(REPLACEMENTS, Type::String, "", text, None);
    keys.add(REGEX_SEPARATOR, Type::String, "~", "What stands between two patterns.", None);
}

fn delivery(keys: &mut Keys) {
    keys.group("Delivery", Importance::Medium);
    let text = "What becomes of a record without a value. ignore, log: it is left out. delete: DELETE is sent. \
                fail: as behavior.on.error says.";
    let nulls = keys::words(&["fail", "log", "ignore", "delete"]);
    keys.add(ON_NULL, Type::String, "ignore", text, nulls);
    let text = "What becomes of a request that failed for good. fail: its records go to the dead letter queue, \
                and without one the task fails. ignore, log: it is left out.";
    keys.add(ON_ERROR, Type::String, "fail", text, keys::words(&["fail", "ignore", "log"]));
    let text = "How often a request that fails is tried again.";
    keys.add("max.retries", Type::Int, 10, text, Validator::at_least(0));
    let text = "How long it is waited before it is tried again.";
    keys.add("retry.backoff.ms", Type::Int, 3000, text, Validator::at_least(0));
    let text = "EXPONENTIAL_WITH_JITTER: the wait doubles each time, up to five minutes, and chance shortens it \
                by up to a half. CONSTANT_VALUE: always the same.";
    let policies = keys::words(&["EXPONENTIAL_WITH_JITTER", "CONSTANT_VALUE"]);
    keys.add(BACKOFF_POLICY, Type::String, "EXPONENTIAL_WITH_JITTER", text, policies);
    let text = "Status codes after which a request is tried again: 429,500-502,503-.";
    keys.add(RETRY_STATUSES, Type::String, "400-", text, own::statuses_rule());
    let text = "The same as gantry.http.max.in.flight, which counts where both are set.";
    let rule = Validator::custom(|name, value| match value {
        gantry_api::model::config::ConfigData::Null => Ok(()),
        value => Validator::between(1, 256).check(name, value),
    });
    keys.null(CONCURRENCY, Type::Int, text, rule);
}

fn tls(keys: &mut Keys) {
    keys.group("HTTPS", Importance::Medium);
    let kinds = || keys::words(&["JKS", "PKCS12", "PEM"]);
    let text = "A key store with the certificate that is shown to the server.";
    keys.null("https.ssl.keystore.location", Type::String, text, None);
    let text = "The password of the key store.";
    keys.null("https.ssl.keystore.password", Type::Password, text, None);
    let text = "JKS, PKCS12 or PEM.";
    keys.add("https.ssl.keystore.type", Type::String, "JKS", text, kinds());
    let text = "The private key itself, as PEM, with https.ssl.keystore.type=PEM.";
    keys.null("https.ssl.keystore.key", Type::Password, text, None);
    let text = "Its certificates themselves, as PEM.";
    keys.null("https.ssl.keystore.certificate.chain", Type::Password, text, None);
    let text = "The password of the private key.";
    keys.null("https.ssl.key.password", Type::Password, text, None);
    let text = "A file with the certificates that are trusted; the system's if not set.";
    keys.null("https.ssl.truststore.location", Type::String, text, None);
    let text = "The password of the trust store.";
    keys.null("https.ssl.truststore.password", Type::Password, text, None);
    let text = "Certificates that are trusted, as PEM, with https.ssl.truststore.type=PEM.";
    keys.null("https.ssl.truststore.certificates", Type::Password, text, None);
    keys.add("https.ssl.truststore.type", Type::String, "JKS", "JKS, PKCS12 or PEM.", kinds());
    let text = "The newest version of TLS.";
    keys.add("https.ssl.protocol", Type::String, "TLSv1.3", text, None);
    let text = "The versions of TLS: TLSv1.3, TLSv1.2.";
    keys.add("https.ssl.enabled.protocols", Type::List, "TLSv1.2,TLSv1.3", text, None);
    let text = "The cipher suites; all that there are if not set.";
    keys.null("https.ssl.cipher.suites", Type::List, text, None);
    let text = "https: the certificate must be the host's; empty: it must only be trusted.";
    keys.add(IDENTIFICATION, Type::String, "https", text, None);
    let text = "false: the certificate of the server must only be trusted, whosever it is.";
    keys.add(VERIFIES_HOST, Type::Boolean, true, text, None);
    keys.group("HTTPS", Importance::Low);
    let text = "Java's only: the default has no effect, anything else is refused.";
    keys.null("https.ssl.provider", Type::String, text, None);
    keys.add("https.ssl.keymanager.algorithm", Type::String, "SunX509", text, None);
    keys.add("https.ssl.trustmanager.algorithm", Type::String, "PKIX", text, None);
    keys.null("https.ssl.secure.random.implementation", Type::String, text, None);
    let text = "Of old versions; has no effect, as the URL says whether it is HTTPS.";
    keys.add("ssl.enabled", Type::Boolean, false, text, None);
}
