//! The records of the topic, in the form that Confluent's registry gives its own.
//!
//! A key is JSON with a `keytype`, a value is JSON or nothing. Records that this registry writes
//! have two things more: a header that names the condition under which they count, and a `claim`
//! in the key that no other record has. The claim keeps compaction from putting one record in the
//! place of another one: whether a record counts depends on those in front of it, so that all of
//! them must stay for a node that starts to come to the same end as those that saw them arrive.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json, json};

use crate::formats::DEFAULT_TYPE;
use crate::model::{Metadata, Reference, RuleSet, Schema, Shape, Stored};

/// The header with the condition.
pub(crate) const EXPECT: &str = "gantry.expect";
/// The one tenant.
const TENANT: &str = "default";

/// What a record is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Key {
    /// A version of a subject.
    Schema { subject: String, version: i32 },
    /// A config; an empty name is that of the default context.
    Config(String),
    /// A mode; `recursive`: with those of all subjects of the context.
    Mode { subject: String, recursive: bool },
    /// All versions of a subject.
    DeleteSubject(String),
    /// All deleted versions of what is named; no name names all.
    ClearSubject(Option<String>),
    /// A context.
    Context(String),
    /// Nothing that matters here.
    Other,
}

/// What a record of this registry says to a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Draft {
    /// The key without the claim.
    pub(crate) key: Json,
    /// The value; null removes.
    pub(crate) value: Json,
}

fn text(map: &Map<String, Json>, name: &str) -> Option<String> {
    map.get(name)?.as_str().map(str::to_owned)
}

impl Key {
    /// Reads a key and its claim; `None` if it is none.
    pub(crate) fn parse(bytes: &[u8]) -> Option<(Self, Option<String>)> {
        let Json::Object(map) = serde_json::from_slice(bytes).ok()? else { return None };
        let subject = || text(&map, "subject").unwrap_or_default();
        let key = match map.get("keytype")?.as_str()? {
            "SCHEMA" => {
                let version = i32::try_from(map.get("version")?.as_i64()?).ok()?;
                Self::Schema { subject: text(&map, "subject")?, version }
            }
            "CONFIG" => Self::Config(subject()),
            "MODE" => {
                let recursive = map.get("recursive").and_then(Json::as_bool).unwrap_or(false);
                Self::Mode { subject: subject(), recursive }
            }
            "DELETE_SUBJECT" => Self::DeleteSubject(text(&map, "subject")?),
            "CLEAR_SUBJECT" => Self::ClearSubject(text(&map, "subject")),
            "CONTEXT" => Self::Context(text(&map, "context")?),
            _ => Self::Other,
        };
        Some((key, text(&map, "claim")))
    }
}

/// The value of a schema.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SchemaValue {
    #[serde(default)]
    pub(crate) subject: Option<String>,
    #[serde(default)]
    pub(crate) version: i32,
    #[serde(default)]
    pub(crate) id: i32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) schema_type: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) references: Option<Vec<Reference>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) metadata: Option<Metadata>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) rule_set: Option<RuleSet>,
    #[serde(default)]
    pub(crate) schema: Option<String>,
    #[serde(default)]
    pub(crate) deleted: bool,
}

impl SchemaValue {
    /// What it says, under the subject and version of its key.
    pub(crate) fn into_stored(self, subject: &str, version: i32, ts: i64) -> Stored {
        let schema = Schema {
            subject: subject.to_owned(),
            version,
            id: self.id,
            schema_type: self.schema_type.unwrap_or_else(|| DEFAULT_TYPE.to_owned()),
            references: self.references.unwrap_or_default(),
            metadata: self.metadata,
            rule_set: self.rule_set,
            text: Some(self.schema.unwrap_or_default()),
        };
        let hash = crate::guid::hash(&schema);
        Stored { schema, deleted: self.deleted, ts, hash, shape: Shape::default() }
    }
}

/// The value of a mode; `clear`: deleted versions of what it names go.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct ModeValue {
    #[serde(default)]
    pub(crate) mode: Option<String>,
    #[serde(default)]
    pub(crate) clear: bool,
}

/// The value of a deletion; `permanent`: nothing of the subject stays.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct DeleteSubjectValue {
    #[serde(default)]
    pub(crate) version: i32,
    #[serde(default)]
    pub(crate) permanent: bool,
}

/// A key without the member that names the default context by its absence.
fn key(keytype: &str, subject: &str) -> Json {
    if subject.is_empty() {
        json!({"keytype": keytype, "magic": 0})
    } else {
        json!({"keytype": keytype, "subject": subject, "magic": 0})
    }
}

impl Draft {
    /// A version of a subject.
    pub(crate) fn schema(schema: &Schema, deleted: bool) -> Self {
        let is_default = schema.schema_type == DEFAULT_TYPE;
        let value = SchemaValue {
            subject: Some(schema.subject.clone()),
            version: schema.version,
            id: schema.id,
            schema_type: (!is_default).then(|| schema.schema_type.clone()),
            references: (!schema.references.is_empty()).then(|| schema.references.clone()),
            metadata: schema.metadata.clone(),
            rule_set: schema.rule_set.clone(),
            schema: schema.text.clone(),
            deleted,
        };
        let key = Self::schema_key(&schema.subject, schema.version);
        Self { key, value: serde_json::to_value(value).unwrap_or_default() }
    }

    fn schema_key(subject: &str, version: i32) -> Json {
        json!({"keytype": "SCHEMA", "subject": subject, "version": version, "magic": 1})
    }

    /// The end of a version of a subject.
    pub(crate) fn without_schema(subject: &str, version: i32) -> Self {
        Self { key: Self::schema_key(subject, version), value: Json::Null }
    }

    /// The end of all versions of a subject, up to one.
    pub(crate) fn without_subject(subject: &str, version: i32, permanent: bool) -> Self {
        let mut value = json!({"subject": subject, "version": version});
        if permanent {
            value["permanent"] = Json::Bool(true);
        }
        Self { key: key("DELETE_SUBJECT", subject), value }
    }

    /// A config, or the end of one.
    pub(crate) fn config(subject: &str, value: Json) -> Self {
        Self { key: key("CONFIG", subject), value }
    }

    /// A mode, or the end of one.
    pub(crate) fn mode(subject: &str, mode: Option<&str>, clear: bool, recursive: bool) -> Self {
        let mut key = key("MODE", subject);
        if recursive {
            key["recursive"] = Json::Bool(true);
        }
        let value = match mode {
            None if !clear => Json::Null,
            mode => {
                let mut value = json!({"subject": subject, "mode": mode});
                if clear {
                    value["clear"] = Json::Bool(true);
                }
                value
            }
        };
        Self { key, value }
    }

    /// The end of a context.
    pub(crate) fn without_context(context: &str) -> Self {
        let key = json!({"keytype": "CONTEXT", "tenant": TENANT, "context": context, "magic": 0});
        Self { key, value: Json::Null }
    }

    /// The bytes of its key.
    pub(crate) fn key_bytes(&self, claim: &str) -> Vec<u8> {
        let mut key = self.key.clone();
        key["claim"] = Json::String(claim.to_owned());
        key.to_string().into_bytes()
    }
}
