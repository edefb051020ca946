//! Their definition.

use gantry_api::Importance::{High, Low, Medium};
use gantry_api::{ConfigDef, Type, Validator};

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
    let mut keys = Keys::new("Connection");
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
    keys.group("Connection");
    let text = "Where records are sent to. ${topic}, ${key}, ${field} and ${field.of.field} of the value, \
                ${key.field} and ${header.name} stand for what the record holds.";
    keys.required_valid(URL, Type::String, High, text, url_rule());
    let text = "POST, PUT or PATCH.";
    keys.add_valid(
        METHOD,
        Type::String,
        "POST",
        High,
        text,
        keys::words(&["POST", "PUT", "PATCH"]),
    );
    let text = "Headers: Name:value|Name:value. Values may hold ${…} as http.api.url does.";
    keys.add(HEADERS, Type::String, "", High, text);
    keys.add(HEADER_SEPARATOR, Type::String, "|", High, "What stands between two headers.");
    let text = "Headers that are never shown, in the same form.";
    keys.null(SENSITIVE_HEADERS, Type::Password, High, text);
    let text = "After how many milliseconds without a connection a request has failed.";
    keys.add_valid(
        "http.connect.timeout.ms",
        Type::Int,
        30_000,
        High,
        text,
        Validator::at_least(1),
    );
    let text = "After how many milliseconds without the whole answer a request has failed.";
    keys.add_valid(
        "http.request.timeout.ms",
        Type::Int,
        30_000,
        High,
        text,
        Validator::at_least(1),
    );
    keys.add(PROXY_HOST, Type::String, "", High, "The host of a proxy.");
    keys.add_valid(
        PROXY_PORT,
        Type::Int,
        0,
        High,
        "The port of the proxy.",
        Validator::between(0, 65535),
    );
    keys.add(PROXY_USER, Type::String, "", High, "Who asks the proxy.");
    keys.add(PROXY_PASSWORD, Type::Password, "", High, "The password of http.proxy.user.");
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
    keys.group("Authentication");
    let text = "Who asks. BASIC: connection.user. OAUTH2: oauth2.*. SSL: the certificate in \
                https.ssl.keystore.location.";
    let types = keys::words(&["NONE", "BASIC", "OAUTH2", "SSL"]);
    keys.add_valid(AUTH_TYPE, Type::String, "NONE", High, text, types);
    keys.add(USER, Type::String, "", High, "Who asks, of BASIC.");
    keys.add(PASSWORD, Type::Password, "", High, "The password of connection.user.");
    let text = "Where tokens are asked for, of OAUTH2.";
    let rule = keys::text_rule(|text| match text.is_empty() || keys::parse_url(text).is_some() {
        true => Ok(()),
        false => Err("it must be a URL that begins with http:// or https://".to_owned()),
    });
    keys.add_valid(TOKEN_URL, Type::String, "", High, text, rule);
    keys.add(CLIENT_ID, Type::String, "", High, "The client's id.");
    keys.add(CLIENT_SECRET, Type::Password, "", High, "The client's secret.");
    let text = "The field of the answer that holds the token.";
    keys.add(TOKEN_PROPERTY, Type::String, "access_token", High, text);
    let text = "Where id and secret stand: header (basic authentication) or url (in the form).";
    keys.add_valid(AUTH_MODE, Type::String, "header", High, text, keys::words(&["header", "url"]));
    keys.add(SCOPE, Type::String, "any", High, "What the token is asked for.");
    let text = "Headers of the request for a token: Name:value|Name:value.";
    keys.null(CLIENT_HEADERS, Type::Password, High, text);
    keys.add(CLIENT_SEPARATOR, Type::String, "|", High, "What stands between two of them.");
}

fn requests(keys: &mut Keys) {
    keys.group("Requests");
    let text = "What a value becomes. string: texts and bytes as they are, all else as Java's toString. json: JSON.";
    keys.add_valid(FORMAT, Type::String, "string", Medium, text, keys::words(&["string", "json"]));
    let text = "How many records share a request at most. Records of one put only, and of the same URL and \
                headers.";
    keys.add_valid(BATCH_MAX, Type::Int, 1, Medium, text, Validator::at_least(1));
    let text = "Whether JSON is sent as an array, also of one record; false only where batch.max.size is 1.";
    keys.add(AS_ARRAY, Type::Boolean, true, Medium, text);
    keys.add(BATCH_PREFIX, Type::String, "", Medium, "What stands before the first record.");
    keys.add(BATCH_SUFFIX, Type::String, "", Medium, "What stands behind the last record.");
    let text = "What stands between two records; in an array always a comma.";
    keys.add(BATCH_SEPARATOR, Type::String, ",", Medium, text);
    let text = "Records of which this gives the same text share requests.";
    let rule = keys::text_rule(|text| crate::http::template::Template::parse(text).map(drop));
    keys.add_valid(BATCH_KEY, Type::String, "someKey", Medium, text, rule);
    let text = "Patterns, divided by regex.separator: what they find in a text is replaced.";
    keys.add(PATTERNS, Type::String, "", Medium, text);
    let text = "What stands for what the patterns find, as many as there are patterns.";
    keys.add(REPLACEMENTS, Type::String, "", Medium, text);
    keys.add(REGEX_SEPARATOR, Type::String, "~", Medium, "What stands between two patterns.");
}

fn delivery(keys: &mut Keys) {
    keys.group("Delivery");
    let text = "What becomes of a record without a value. ignore, log: it is left out. delete: DELETE is sent. \
                fail: as behavior.on.error says.";
    let nulls = keys::words(&["fail", "log", "ignore", "delete"]);
    keys.add_valid(ON_NULL, Type::String, "ignore", Medium, text, nulls);
    let text = "What becomes of a request that failed for good. fail: its records go to the dead letter queue, \
                and without one the task fails. ignore, log: it is left out.";
    keys.add_valid(
        ON_ERROR,
        Type::String,
        "fail",
        Medium,
        text,
        keys::words(&["fail", "ignore", "log"]),
    );
    let text = "How often a request that fails is tried again.";
    keys.add_valid("max.retries", Type::Int, 10, Medium, text, Validator::at_least(0));
    let text = "How long it is waited before it is tried again.";
    keys.add_valid("retry.backoff.ms", Type::Int, 3000, Medium, text, Validator::at_least(0));
    let text = "EXPONENTIAL_WITH_JITTER: the wait doubles each time, up to five minutes, and chance shortens it \
                by up to a half. CONSTANT_VALUE: always the same.";
    let policies = keys::words(&["EXPONENTIAL_WITH_JITTER", "CONSTANT_VALUE"]);
    keys.add_valid(BACKOFF_POLICY, Type::String, "EXPONENTIAL_WITH_JITTER", Medium, text, policies);
    let text = "Status codes after which a request is tried again: 429,500-502,503-.";
    keys.add_valid(RETRY_STATUSES, Type::String, "400-", Medium, text, own::statuses_rule());
    let text = "The same as gantry.http.max.in.flight, which counts where both are set.";
    let rule = Validator::custom(|name, value| match value {
        gantry_api::model::config::ConfigData::Null => Ok(()),
        value => Validator::between(1, 256).check(name, value),
    });
    keys.null_valid(CONCURRENCY, Type::Int, Medium, text, rule);
}

fn tls(keys: &mut Keys) {
    keys.group("HTTPS");
    let kinds = || keys::words(&["JKS", "PKCS12", "PEM"]);
    let text = "A key store with the certificate that is shown to the server.";
    keys.null("https.ssl.keystore.location", Type::String, Medium, text);
    let text = "The password of the key store.";
    keys.null("https.ssl.keystore.password", Type::Password, Medium, text);
    let text = "JKS, PKCS12 or PEM.";
    keys.add_valid("https.ssl.keystore.type", Type::String, "JKS", Medium, text, kinds());
    let text = "The private key itself, as PEM, with https.ssl.keystore.type=PEM.";
    keys.null("https.ssl.keystore.key", Type::Password, Medium, text);
    let text = "Its certificates themselves, as PEM.";
    keys.null("https.ssl.keystore.certificate.chain", Type::Password, Medium, text);
    let text = "The password of the private key.";
    keys.null("https.ssl.key.password", Type::Password, Medium, text);
    let text = "A file with the certificates that are trusted; the system's if not set.";
    keys.null("https.ssl.truststore.location", Type::String, Medium, text);
    let text = "The password of the trust store.";
    keys.null("https.ssl.truststore.password", Type::Password, Medium, text);
    let text = "Certificates that are trusted, as PEM, with https.ssl.truststore.type=PEM.";
    keys.null("https.ssl.truststore.certificates", Type::Password, Medium, text);
    keys.add_valid(
        "https.ssl.truststore.type",
        Type::String,
        "JKS",
        Medium,
        "JKS, PKCS12 or PEM.",
        kinds(),
    );
    let text = "The newest version of TLS.";
    keys.add("https.ssl.protocol", Type::String, "TLSv1.3", Medium, text);
    let text = "The versions of TLS: TLSv1.3, TLSv1.2.";
    keys.add("https.ssl.enabled.protocols", Type::List, "TLSv1.2,TLSv1.3", Medium, text);
    let text = "The cipher suites; all that there are if not set.";
    keys.null("https.ssl.cipher.suites", Type::List, Medium, text);
    let text = "https: the certificate must be the host's; empty: it must only be trusted.";
    keys.add(IDENTIFICATION, Type::String, "https", Medium, text);
    let text = "false: the certificate of the server must only be trusted, whosever it is.";
    keys.add(VERIFIES_HOST, Type::Boolean, true, Medium, text);
    keys.group("HTTPS");
    let text = "Java's only: the default has no effect, anything else is refused.";
    keys.null("https.ssl.provider", Type::String, Low, text);
    keys.add("https.ssl.keymanager.algorithm", Type::String, "SunX509", Low, text);
    keys.add("https.ssl.trustmanager.algorithm", Type::String, "PKIX", Low, text);
    keys.null("https.ssl.secure.random.implementation", Type::String, Low, text);
    let text = "Of old versions; has no effect, as the URL says whether it is HTTPS.";
    keys.add("ssl.enabled", Type::Boolean, false, Low, text);
}
