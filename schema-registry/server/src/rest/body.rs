//! Bodies of requests.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value as Json};

use super::request::member;
use crate::error::RegistryError;
use crate::registry::TagRequest;
use crate::rules::configs::ConfigUpdate;
use crate::rules::request::SchemaRequest;

/// The members of a body. `name` is how messages call the parameter, `type_` what it should be.
pub(super) fn members(
    bytes: &[u8],
    name: &str,
    type_: &str,
) -> Result<Map<String, Json>, RegistryError> {
    let missing = || RegistryError::new(422, format!("{name} must not be null (was null)"));
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Err(missing());
    }
    let json: Json = serde_json::from_slice(bytes).map_err(|error| {
        let message = if !error.is_eof() {
            format!("The body is no JSON: {error}")
        } else if bytes.trim_ascii_end().ends_with(b":") {
            "Unexpected end-of-input within/between Object entries".to_owned()
        } else {
            "Unexpected end-of-input: expected close marker for Object (start marker at [Source: \
             REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled); line: 1, column: \
             1])"
            .to_owned()
        };
        RegistryError::new(400, message)
    })?;
    let wrong = |what: &str, token: &str| {
        let message = format!(
            "Cannot deserialize value of type `{type_}` from {what} value (token \
             `JsonToken.{token}`)"
        );
        RegistryError::new(400, message)
    };
    match json {
        Json::Object(members) => Ok(members),
        Json::Null => Err(missing()),
        Json::Array(_) => Err(wrong("Array", "START_ARRAY")),
        Json::String(text) => Err(RegistryError::new(
            400,
            format!(
                "Cannot construct instance of `{type_}` (although at least one Creator exists): \
                 no String-argument constructor/factory method to deserialize from String value \
                 ('{text}')"
            ),
        )),
        Json::Bool(_) => Err(wrong("Boolean", "VALUE_TRUE")),
        Json::Number(_) => Err(wrong("Integer", "VALUE_NUMBER_INT")),
    }
}

/// A text; scalars are taken as texts.
fn text(body: &Map<String, Json>, name: &str) -> Result<Option<String>, RegistryError> {
    let wrong = |what: &str, token: &str| {
        let message = format!(
            "Cannot deserialize value of type `String` from {what} value (token \
             `JsonToken.{token}`)"
        );
        Err(RegistryError::new(400, message))
    };
    match body.get(name) {
        None | Some(Json::Null) => Ok(None),
        Some(Json::String(text)) => Ok(Some(text.clone())),
        Some(Json::Object(_)) => wrong("Object", "START_OBJECT"),
        Some(Json::Array(_)) => wrong("Array", "START_ARRAY"),
        Some(scalar) => Ok(Some(scalar.to_string())),
    }
}

/// A whole number; texts of digits are taken as such.
fn number(body: &Map<String, Json>, name: &str) -> Result<Option<i32>, RegistryError> {
    let value = match body.get(name) {
        None | Some(Json::Null) => return Ok(None),
        Some(Json::String(text)) if text.trim().is_empty() => return Ok(None),
        Some(Json::String(text)) => text.trim().parse::<i64>().ok(),
        Some(Json::Number(number)) => number.as_i64().or_else(|| {
            // A fraction is cut off.
            number.as_f64().filter(|value| value.abs() < 1e9).map(|value| value.trunc() as i64)
        }),
        Some(_) => None,
    };
    let value = value.and_then(|value| i32::try_from(value).ok());
    value.map(Some).ok_or_else(|| {
        let message =
            format!("Member {name} of the body must be a number between -2^31 and 2^31-1");
        RegistryError::new(400, message)
    })
}

fn list(body: &Map<String, Json>, name: &str) -> Result<Vec<Json>, RegistryError> {
    Ok(member::<Vec<Json>>(body, name)?.unwrap_or_default())
}

/// A request about a schema; `name` is how messages call it.
pub(super) fn schema(bytes: &[u8], name: &str) -> Result<SchemaRequest, RegistryError> {
    let body = members(bytes, name, "RegisterSchemaRequest")?;
    Ok(SchemaRequest {
        version: number(&body, "version")?,
        id: number(&body, "id")?,
        schema_type: text(&body, "schemaType")?,
        references: member(&body, "references")?.unwrap_or_default(),
        metadata: member(&body, "metadata")?,
        rule_set: member(&body, "ruleSet")?,
        schema: text(&body, "schema")?,
        tags_to_add: list(&body, "schemaTagsToAdd")?,
        tags_to_remove: list(&body, "schemaTagsToRemove")?,
        propagate_tags: member(&body, "propagateSchemaTags")?.unwrap_or(false),
    })
}

/// A change of tags.
pub(super) fn tags(bytes: &[u8]) -> Result<TagRequest, RegistryError> {
    let body = members(bytes, "modifyTags.request", "TagSchemaRequest")?;
    Ok(TagRequest {
        new_version: number(&body, "newVersion")?,
        to_add: list(&body, "tagsToAdd")?,
        to_remove: list(&body, "tagsToRemove")?,
        metadata: member(&body, "metadata")?,
        rule_set: member(&body, "ruleSet")?,
        rules_to_merge: member(&body, "rulesToMerge")?,
        rules_to_remove: member(&body, "rulesToRemove")?,
    })
}

/// A change of a member: `None` if the body does not name it.
fn change<T: DeserializeOwned>(
    body: &Map<String, Json>,
    name: &str,
) -> Result<Option<Option<T>>, RegistryError> {
    if body.contains_key(name) { member(body, name).map(Some) } else { Ok(None) }
}

fn flag(body: &Map<String, Json>, name: &str) -> Result<Option<Option<bool>>, RegistryError> {
    match body.get(name) {
        Some(Json::String(text)) if text.eq_ignore_ascii_case("true") => Ok(Some(Some(true))),
        Some(Json::String(text)) if text.eq_ignore_ascii_case("false") => Ok(Some(Some(false))),
        _ => change(body, name),
    }
}

fn word(body: &Map<String, Json>, name: &str) -> Result<Option<Option<String>>, RegistryError> {
    if body.contains_key(name) { text(body, name).map(Some) } else { Ok(None) }
}

/// A change of a config; `name` is how messages call it.
pub(super) fn config(bytes: &[u8], name: &str) -> Result<ConfigUpdate, RegistryError> {
    let body = members(bytes, name, "ConfigUpdateRequest")?;
    Ok(ConfigUpdate {
        alias: word(&body, "alias")?,
        alias_for_deks: word(&body, "aliasForDeks")?,
        normalize: flag(&body, "normalize")?,
        validate_fields: flag(&body, "validateFields")?,
        validate_new_schemas: flag(&body, "validateNewSchemas")?,
        validate_rules: flag(&body, "validateRules")?,
        compatibility: word(&body, "compatibility")?,
        compatibility_policy: word(&body, "compatibilityPolicy")?,
        compatibility_group: word(&body, "compatibilityGroup")?,
        default_metadata: change(&body, "defaultMetadata")?,
        override_metadata: change(&body, "overrideMetadata")?,
        default_rule_set: change(&body, "defaultRuleSet")?,
        override_rule_set: change(&body, "overrideRuleSet")?,
    })
}

/// The mode that a body names.
pub(super) fn mode(bytes: &[u8], name: &str) -> Result<Option<String>, RegistryError> {
    text(&members(bytes, name, "ModeUpdateRequest")?, "mode")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_that_are_none() {
        let code = |body: &str| schema(body.as_bytes(), "register.request").unwrap_err().code;
        assert_eq!(
            [code(""), code("null"), code("[]"), code("{"), code("\"x\"")],
            [422, 422, 400, 400, 400]
        );
        assert_eq!(code(r#"{"schema":{"type":"string"}}"#), 400);
    }

    #[test]
    fn scalars_are_texts() {
        let request = schema(br#"{"schema":1,"id":"7","unknown":{}}"#, "x").unwrap();
        assert_eq!((request.schema.as_deref(), request.id), (Some("1"), Some(7)));
    }

    #[test]
    fn null_and_nothing_differ() {
        let update = config(br#"{"alias":null,"normalize":true}"#, "x").unwrap();
        assert_eq!(update.alias, Some(None));
        assert_eq!(update.normalize, Some(Some(true)));
        assert_eq!(update.compatibility, None);
    }
}
