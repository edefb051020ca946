//! Keys that have no effect here, and those that are refused because somebody would miss theirs.

use gantry_api::{Importance, Props, Type};

use crate::http::keys::{Fault, Keys};

/// Keys with the only value that is taken; null: only when they are not set.
const REFUSED: [(&str, Option<&str>, &str); 14] = [
    ("reporter.result.topic.name", Some("success-responses"), REPORTS),
    ("reporter.error.topic.name", Some("error-responses"), REPORTS),
    ("reporter.result.topic.key.format", Some("json"), REPORTS),
    ("reporter.result.topic.value.format", Some("json"), REPORTS),
    ("reporter.error.topic.key.format", Some("json"), REPORTS),
    ("reporter.error.topic.value.format", Some("json"), REPORTS),
    ("report.errors.as", Some("error_string"), REPORTS),
    ("oauth2.jwt.enabled", Some("false"), JWT),
    ("oauth2.jwt.claimset", None, JWT),
    ("oauth2.jwt.keystore.path", None, JWT),
    ("https.ssl.provider", None, JAVA),
    ("https.ssl.keymanager.algorithm", Some("SunX509"), JAVA),
    ("https.ssl.trustmanager.algorithm", Some("PKIX"), JAVA),
    ("https.ssl.secure.random.implementation", None, JAVA),
];
const REPORTS: &str = "topics with answers and errors are not written here; leave it out, and use \
                       errors.deadletterqueue.topic.name for what failed";
const JWT: &str = "tokens by JWT are not supported here; use oauth2.client.secret";
const JAVA: &str = "it is of Java's TLS, which is not used here; leave it out";

/// Defines keys that have no effect. Those of `REFUSED` are defined where they have a default, so
/// that it is shown.
pub(super) fn define(keys: &mut Keys) {
    keys.group("Reporter", Importance::Low);
    let text = "Has no effect: topics with answers and errors are not written here.";
    keys.null("reporter.bootstrap.servers", Type::String, text, None);
    for topic in ["result", "error"] {
        let count = |what: &str| format!("reporter.{topic}.topic.{what}");
        keys.add(&count("partitions"), Type::Int, 1, text, None);
        keys.add(&count("replication.factor"), Type::Int, 3, text, None);
    }
    let refused = "Has no effect; anything but the default is refused.";
    for (name, default, why) in REFUSED {
        match default {
            Some("false") => keys.add(name, Type::Boolean, false, refused, None),
            Some(default) if why != JAVA => keys.add(name, Type::String, default, refused, None),
            None if why == JWT => keys.null(name, Type::String, refused, None),
            _ => {}
        }
    }
    keys.group("Licence", Importance::Low);
    let text = "Has no effect: there is no licence.";
    keys.add("confluent.license", Type::Password, "", text, None);
    keys.add("confluent.topic", Type::String, "_confluent-command", text, None);
    keys.null("confluent.topic.bootstrap.servers", Type::String, text, None);
    keys.add("confluent.topic.replication.factor", Type::Int, 3, text, None);
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

/// Whether reports are asked for, which nobody will find.
pub(in crate::http) fn has_reports(props: &Props) -> bool {
    props.keys().any(|name| name.starts_with("reporter.") || name == "report.errors.as")
}
