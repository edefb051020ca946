//! Keys of reports, keys that have no effect here, and those that are refused because somebody would
//! miss theirs.

use gantry_api::Importance::Low;
use gantry_api::model::config::ParsedConfig;
use gantry_api::{Props, Type, Validator};

use crate::http::keys::{Fault, Keys, words};
use crate::http::report::ReportConfig;

/// Keys with the only value that is taken; null: only when they are not set.
const REFUSED: [(&str, Option<&str>, &str); 8] = [
    (RESULTS_SCHEMAS, Some("false"), SCHEMAS),
    (ERRORS_SCHEMAS, Some("false"), SCHEMAS),
    ("oauth2.jwt.enabled", Some("false"), JWT),
    ("oauth2.jwt.claimset", None, JWT),
    ("https.ssl.provider", None, JAVA),
    ("https.ssl.keymanager.algorithm", Some("SunX509"), JAVA),
    ("https.ssl.trustmanager.algorithm", Some("PKIX"), JAVA),
    ("https.ssl.secure.random.implementation", None, JAVA),
];
const RESULTS_SCHEMAS: &str = "reporter.result.topic.value.format.schemas.enable";
const ERRORS_SCHEMAS: &str = "reporter.error.topic.value.format.schemas.enable";
const SCHEMAS: &str = "reports are written without a schema; leave it out";
const JWT: &str = "tokens by JWT are not supported here; use oauth2.client.secret";
const JAVA: &str = "it is of Java's TLS, which is not used here; leave it out";

const BOOTSTRAP: &str = "reporter.bootstrap.servers";
const RESULTS: &str = "reporter.result.topic.name";
const ERRORS: &str = "reporter.error.topic.name";
const RESULTS_FORMAT: &str = "reporter.result.topic.value.format";
const ERRORS_FORMAT: &str = "reporter.error.topic.value.format";
const ERRORS_AS: &str = "report.errors.as";

/// Defines the keys of reports, and keys that have no effect.
pub(super) fn define(keys: &mut Keys) {
    keys.group("Reporter");
    let text = "Turns reports on, as the names of their topics do: what came of each request. The topics are \
                those of the log; the brokers are not contacted.";
    keys.null(BOOTSTRAP, Type::String, Low, text);
    let text = "The topic with the answers to requests that succeeded.";
    keys.add_valid(
        RESULTS,
        Type::String,
        "success-responses",
        Low,
        text,
        Validator::NonEmptyString,
    );
    let text = "The topic with requests that failed for good.";
    keys.add_valid(ERRORS, Type::String, "error-responses", Low, text, Validator::NonEmptyString);
    let formats = || words(&["json", "string"]);
    let text = "How reports are written: json (a JSON text) or string.";
    keys.add_valid(RESULTS_FORMAT, Type::String, "json", Low, text, formats());
    keys.add_valid(ERRORS_FORMAT, Type::String, "json", Low, text, formats());
    let text =
        "error_string: a failure is reported by a sentence; http_response: by the answer alone.";
    let how = words(&["error_string", "http_response"]);
    keys.add_valid(ERRORS_AS, Type::String, "error_string", Low, text, how);
    for topic in ["result", "error"] {
        let name = |what: &str| format!("reporter.{topic}.topic.{what}");
        let text = "Has no effect: reports have no key.";
        keys.add_valid(&name("key.format"), Type::String, "json", Low, text, formats());
        let text = "Has no effect: the topic is made with one queue if it is not there.";
        keys.add(&name("partitions"), Type::Int, 1, Low, text);
        keys.add(&name("replication.factor"), Type::Int, 3, Low, text);
    }
    let refused = "Has no effect; anything but the default is refused.";
    for name in [RESULTS_SCHEMAS, ERRORS_SCHEMAS, "oauth2.jwt.enabled"] {
        keys.add(name, Type::Boolean, false, Low, refused);
    }
    keys.null("oauth2.jwt.claimset", Type::String, Low, refused);
    keys.group("Licence");
    let text = "Has no effect: there is no licence.";
    keys.add("confluent.license", Type::Password, "", Low, text);
    keys.add("confluent.topic", Type::String, "_confluent-command", Low, text);
    keys.null("confluent.topic.bootstrap.servers", Type::String, Low, text);
    keys.add("confluent.topic.replication.factor", Type::Int, 3, Low, text);
}

/// What is reported; nothing unless it is asked for.
pub(super) fn read(parsed: &ParsedConfig, props: &Props) -> Option<ReportConfig> {
    let asked = |name: &&str| props.get(*name).is_some_and(|text| !text.trim().is_empty());
    [BOOTSTRAP, RESULTS, ERRORS].iter().find(|name| asked(name))?;
    let is = |name: &str, word: &str| {
        parsed.string(name).is_some_and(|text| text.eq_ignore_ascii_case(word))
    };
    Some(ReportConfig {
        results: parsed.string(RESULTS).unwrap_or_default().into(),
        errors: parsed.string(ERRORS).unwrap_or_default().into(),
        results_json: is(RESULTS_FORMAT, "json"),
        errors_json: is(ERRORS_FORMAT, "json"),
        answers_only: is(ERRORS_AS, "http_response"),
    })
}

/// Adds faults of keys that are not supported.
pub(in crate::http) fn unsupported(props: &Props, faults: &mut Vec<Fault>) {
    for (name, default, why) in REFUSED {
        if let Some(value) = props.get(name).map(|value| value.trim())
            && !value.is_empty()
            && default.is_none_or(|default| !default.eq_ignore_ascii_case(value))
        {
            faults.push(refused(name, why));
        }
    }
    let jwt = props.keys().filter(|name| {
        name.starts_with("oauth2.jwt.") && !REFUSED.iter().any(|(known, ..)| known == name)
    });
    faults.extend(jwt.map(|name| refused(name, JWT)));
}

fn refused(name: &str, why: &str) -> Fault {
    Fault::plain(name, format!("Configuration {name} is not supported: {why}"))
}
