//! Answers to bulk requests: which documents were refused, and what that means.

use serde_json::Value as Json;

/// What stands in the error of a document that is refused for its own sake.
const MALFORMED: [&str; 5] = [
    "strict_dynamic_mapping_exception",
    "mapper_parsing_exception",
    "illegal_argument_exception",
    "action_request_validation_exception",
    "document_parsing_exception",
];
const CONFLICT: &str = "version_conflict_engine_exception";

/// What a refusal means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    /// The document is at fault.
    Malformed,
    /// The server has another version.
    Conflict,
    /// The server has too much to do; later it may be taken.
    Busy,
    Other,
}

/// A document that was not written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) class: Class,
    /// Type and reason.
    pub(super) reason: String,
}

/// The documents that were refused, by their places in the request. The error says that the answer is
/// none.
pub(super) fn refusals(body: &[u8], count: usize) -> Result<Vec<(usize, Refusal)>, String> {
    // What most answers are.
    if body.starts_with(b"{\"errors\":false") {
        return Ok(Vec::new());
    }
    let wrong = |what: &str| format!("the answer to the bulk request is wrong: {what}");
    let json: Json = serde_json::from_slice(body).map_err(|error| wrong(&error.to_string()))?;
    let errors = json.get("errors").and_then(Json::as_bool);
    if !errors.ok_or_else(|| wrong("it does not say whether there are errors"))? {
        return Ok(Vec::new());
    }
    let items = json.get("items").and_then(Json::as_array).map_or(&[][..], Vec::as_slice);
    if items.len() != count {
        return Err(wrong(&format!("it has {} items, and the request {count}", items.len())));
    }
    let refused = items.iter().enumerate().filter_map(|(place, item)| {
        let item = item.as_object()?.values().next()?;
        let status = item.get("status").and_then(Json::as_u64).unwrap_or(0);
        Some((place, refusal(status, item.get("error")?)))
    });
    Ok(refused.collect())
}

/// What an error means.
pub(super) fn refusal(status: u64, error: &Json) -> Refusal {
    let text = error.to_string();
    let class = if MALFORMED.iter().any(|kind| text.contains(kind)) {
        Class::Malformed
    } else if status == 409 || text.contains(CONFLICT) {
        Class::Conflict
    } else if status == 429 || status >= 500 {
        Class::Busy
    } else {
        Class::Other
    };
    Refusal { class, reason: reason(error) }
}

/// Type and reason of an error, with those below it.
pub(super) fn reason(error: &Json) -> String {
    let text = |name: &str| error.get(name).and_then(Json::as_str);
    let mut said = match (text("type"), text("reason")) {
        (Some(kind), Some(reason)) => format!("{kind}: {reason}"),
        _ => error.as_str().map_or_else(|| error.to_string(), str::to_owned),
    };
    if let Some(cause) = error.get("caused_by") {
        said.push_str("; caused by ");
        said.push_str(&reason(cause));
    }
    said
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_that_were_refused_are_found() {
        assert_eq!(refusals(br#"{"errors":false}"#, 3), Ok(Vec::new()));
        let body = br#"{"errors":true,"items":[
            {"index":{"status":201}},
            {"index":{"status":400,"error":{"type":"mapper_parsing_exception","reason":"no",
                "caused_by":{"type":"x","reason":"y"}}}},
            {"delete":{"status":409,"error":{"type":"version_conflict_engine_exception","reason":"v"}}},
            {"index":{"status":429,"error":{"type":"es_rejected_execution_exception","reason":"r"}}},
            {"create":{"status":404,"error":{"type":"index_not_found_exception","reason":"i"}}}]}"#;
        let found = refusals(body, 5).unwrap();
        let classes: Vec<_> =
            found.iter().map(|(place, refusal)| (*place, refusal.class)).collect();
        assert_eq!(
            classes,
            [(1, Class::Malformed), (2, Class::Conflict), (3, Class::Busy), (4, Class::Other)]
        );
        assert_eq!(found[0].1.reason, "mapper_parsing_exception: no; caused by x: y");
        assert!(refusals(body, 4).unwrap_err().contains("5 items"));
        refusals(b"{}", 1).unwrap_err();
        refusals(b"<html>", 1).unwrap_err();
    }
}
