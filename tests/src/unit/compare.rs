//! Whether an answer equals the recorded one. JVM texts need not match.

use std::sync::LazyLock;

use fancy_regex::Regex;
use serde_json::{Map, Value as Json};

/// How exactly errors must match.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// An error where an error was.
    Outcome,
    /// And of the same Kafka class.
    Class,
    /// And with the same message, unless it holds text of the JVM.
    Message,
}

#[expect(clippy::unwrap_used, reason = "the patterns are constants")]
static JVM_TEXT: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(concat!(
        r#"@<hash>|java\.|class [a-z]+\.[a-z]|Cannot invoke|because "|com\.fasterxml|REDACTED"#,
        r"|For input string"
    ))
    .unwrap()
});
#[expect(clippy::unwrap_used, reason = "the patterns are constants")]
static HASH: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"@[0-9a-f]{4,8}\b").unwrap());

const JVM: &str = "<jvm>";

/// Whether both are the same at that level.
pub fn same(expected: &Json, actual: &Json, level: Level) -> bool {
    let expected = canonical(&strip_errors(expected, level));
    let actual = canonical(&strip_errors(actual, level));
    expected == align(&expected, &actual)
}

fn is_jvm_class(class: &str) -> bool {
    ["java.", "javax.", "com.", "jakarta."].iter().any(|prefix| class.starts_with(prefix))
}

fn strip_errors(json: &Json, level: Level) -> Json {
    match json {
        Json::Array(list) => list.iter().map(|item| strip_errors(item, level)).collect(),
        Json::Object(object) => {
            let mut out = Map::new();
            for (key, value) in object {
                let class = value.get("class").and_then(Json::as_str);
                match class {
                    Some(class) if key == "error" => {
                        out.insert(key.clone(), strip_error(class, value, level));
                    }
                    _ => {
                        out.insert(key.clone(), strip_errors(value, level));
                    }
                }
            }
            Json::Object(out)
        }
        other => other.clone(),
    }
}

fn strip_error(class: &str, error: &Json, level: Level) -> Json {
    let mut out = Map::new();
    let jvm = is_jvm_class(class);
    if level >= Level::Class {
        out.insert("class".to_owned(), if jvm { JVM } else { class }.into());
    }
    if level >= Level::Message && !jvm {
        let message = error.get("message").and_then(Json::as_str).unwrap_or_default();
        let message = HASH.replace_all(message, "@<hash>");
        let jvm_text = JVM_TEXT.is_match(&*message).unwrap_or(false);
        out.insert("message".to_owned(), if jvm_text { JVM } else { &*message }.into());
    }
    out.into()
}

/// The answer, with what the record holds of the JVM's texts put in place of its own.
fn align(expected: &Json, actual: &Json) -> Json {
    match (expected, actual) {
        (Json::Object(expected), Json::Object(actual)) => actual
            .iter()
            .map(|(key, mine)| {
                let theirs = expected.get(key).unwrap_or(&Json::Null);
                let out = if key == "error" && mine.is_object() && theirs.is_object() {
                    align_error(theirs, mine)
                } else {
                    align(theirs, mine)
                };
                (key.clone(), out)
            })
            .collect(),
        (Json::Array(expected), Json::Array(actual)) if expected.len() == actual.len() => {
            expected.iter().zip(actual).map(|(e, a)| align(e, a)).collect()
        }
        _ => actual.clone(),
    }
}

fn align_error(expected: &Json, actual: &Json) -> Json {
    let is_jvm = |key: &str| expected.get(key).and_then(Json::as_str) == Some(JVM);
    if is_jvm("class") {
        return expected.clone();
    }
    let mut out = actual.clone();
    if is_jvm("message")
        && let Some(message) = out.get_mut("message")
    {
        *message = JVM.into();
    }
    out
}

/// One form for what may be written in several: map order, numbers as text, float text.
fn canonical(json: &Json) -> Json {
    match json {
        Json::Array(list) => list.iter().map(canonical).collect(),
        Json::Object(object) => {
            if let [(tag, inner)] = object.iter().collect::<Vec<_>>()[..] {
                match (tag.as_str(), inner) {
                    ("map", Json::Array(entries)) => {
                        let mut entries: Vec<Json> = entries.iter().map(canonical).collect();
                        entries.sort_by_cached_key(Json::to_string);
                        return serde_json::json!({ "map": entries });
                    }
                    ("f32", _) => {
                        let bits = float(inner).map(|n| canonical_nan(n).to_bits() as u64);
                        return serde_json::json!({ "f32": bits });
                    }
                    ("f64", _) => {
                        let n: Option<f64> = plain(inner).parse().ok();
                        let bits = n.map(|n| if n.is_nan() { f64::NAN } else { n }.to_bits());
                        return serde_json::json!({ "f64": bits });
                    }
                    ("bytebuf", _) => return serde_json::json!({ "bytes": inner }),
                    ("i64" | "date", _) => return serde_json::json!({ tag: plain(inner) }),
                    _ => {}
                }
            }
            let bytes = object.contains_key("bytes");
            object
                .iter()
                .filter(|(key, _)| *key != "cause" && !(bytes && *key == "text"))
                .map(|(key, value)| (key.clone(), canonical(value)))
                .collect()
        }
        other => other.clone(),
    }
}

fn plain(json: &Json) -> String {
    match json {
        Json::String(text) => text.replace("Infinity", "inf"),
        other => other.to_string(),
    }
}

fn float(json: &Json) -> Option<f32> {
    plain(json).parse().ok()
}

fn canonical_nan(n: f32) -> f32 {
    if n.is_nan() { f32::NAN } else { n }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn is_same(expected: Json, actual: Json) -> bool {
        same(&expected, &actual, Level::Message)
    }
    fn error(class: &str, message: &str) -> Json {
        json!({"error": {"class": class, "message": message}})
    }

    #[test]
    fn differences_are_seen() {
        let schema = json!({"schema": {"type": "INT8"}});
        assert!(!is_same(schema.clone(), json!({"schema": {"type": "INT8", "optional": true}})));
        assert!(!is_same(json!({"schema": {"type": "INT8", "doc": "d"}}), schema.clone()));
        assert!(!is_same(schema.clone(), error("org.apache.kafka.x.Y", "m")));
        assert!(!is_same(json!({"f64": "0.0"}), json!({"f64": "-0.0"})));
        assert!(!is_same(json!({"list": [1, 2]}), json!({"list": [2, 1]})));
        assert!(!is_same(error("org.apache.kafka.A", "m"), error("org.apache.kafka.B", "m")));
        assert!(!is_same(error("org.apache.kafka.A", "m"), error("org.apache.kafka.A", "n")));
        assert!(!is_same(error("java.lang.A", "m"), schema));
    }

    #[test]
    fn forms_and_jvm_texts_do_not_matter() {
        let map = |entries: Json| json!({ "map": entries });
        assert!(is_same(map(json!([[1, 2], [3, 4]])), map(json!([[3, 4], [1, 2]]))));
        assert!(is_same(json!({"f32": "1.0E10"}), json!({"f32": "1e10"})));
        assert!(is_same(error("java.lang.A", "m"), error("java.lang.B", "n")));
        let at = |place: &str| error("org.apache.kafka.A", &format!("at [B@{place}"));
        assert!(is_same(at("12ab34cd"), at("0")));
    }
}
