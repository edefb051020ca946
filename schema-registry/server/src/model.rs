//! What is kept of a schema, as JSON has it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use serde::de::Deserializer;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

/// The property that holds the version that a schema was registered as.
const CONFLUENT_VERSION: &str = "confluent:version";
/// The property that lists fields that must stay unused.
const RESERVED: &str = "confluent:reserved";

/// Null is nothing, as what is not there.
fn nullable<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(d: D) -> Result<T, D::Error> {
    Ok(Option::deserialize(d)?.unwrap_or_default())
}

/// Scalars are taken as texts.
fn texts<'de, D: Deserializer<'de>>(d: D) -> Result<BTreeMap<String, String>, D::Error> {
    let map: Option<BTreeMap<String, Json>> = Option::deserialize(d)?;
    let text = |value| match value {
        Json::String(text) => text,
        other => other.to_string(),
    };
    Ok(map.unwrap_or_default().into_iter().map(|(key, value)| (key, text(value))).collect())
}

/// A reference to a schema that is registered.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Reference {
    /// The name that it has in the text that refers to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) name: Option<String>,
    /// The subject that it is in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) subject: Option<String>,
    /// Its version; -1 for the latest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) version: Option<i32>,
}

impl std::fmt::Display for Reference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text = |text: &Option<String>| text.clone().unwrap_or_else(|| "null".to_owned());
        let version = self.version.map_or_else(|| "null".to_owned(), |version| version.to_string());
        let (name, subject) = (text(&self.name), text(&self.subject));
        write!(f, "{{name='{name}', subject='{subject}', version={version}}}")
    }
}

/// What users say of a schema.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Metadata {
    /// Tags of paths.
    #[serde(default, deserialize_with = "nullable", skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) tags: BTreeMap<String, BTreeSet<String>>,
    /// Keys and values.
    #[serde(default, deserialize_with = "texts", skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) properties: BTreeMap<String, String>,
    /// Which of the properties are not for everybody's eyes.
    #[serde(default, deserialize_with = "nullable", skip_serializing_if = "BTreeSet::is_empty")]
    pub(crate) sensitive: BTreeSet<String>,
}

impl Metadata {
    /// Both, where the newer one wins.
    pub(crate) fn merged(old: Option<Self>, new: Option<Self>) -> Option<Self> {
        match (old, new) {
            (Some(mut old), Some(new)) => {
                old.tags.extend(new.tags);
                old.properties.extend(new.properties);
                old.sensitive.extend(new.sensitive);
                Some(old)
            }
            (old, new) => new.or(old),
        }
    }

    /// The version that it was registered as, if it says so.
    pub(crate) fn confluent_version(of: Option<&Self>) -> Option<&str> {
        of?.properties.get(CONFLUENT_VERSION).map(String::as_str)
    }

    /// With the version that it is registered as.
    pub(crate) fn with_version(of: Option<Self>, version: i32) -> Self {
        let mut metadata = of.unwrap_or_default();
        metadata.properties.insert(CONFLUENT_VERSION.to_owned(), version.to_string());
        metadata
    }

    /// Without the version that it was registered as.
    pub(crate) fn without_version(mut self) -> Self {
        self.properties.remove(CONFLUENT_VERSION);
        self
    }

    /// Fields that must stay unused.
    pub(crate) fn reserved(of: Option<&Self>) -> BTreeSet<&str> {
        let listed = of.and_then(|metadata| metadata.properties.get(RESERVED));
        let fields = listed.map_or("", String::as_str).split(',').map(str::trim);
        fields.filter(|field| !field.is_empty()).collect()
    }
}

/// One rule of a data contract.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Rule {
    /// Its name, once in a set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) name: Option<String>,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) doc: Option<String>,
    /// `TRANSFORM` or `CONDITION`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) kind: Option<RuleKind>,
    /// When it applies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) mode: Option<RuleMode>,
    /// Who executes it.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub(crate) type_: Option<String>,
    /// To what it applies.
    #[serde(default, deserialize_with = "nullable", skip_serializing_if = "BTreeSet::is_empty")]
    pub(crate) tags: BTreeSet<String>,
    /// What its executor wants to know.
    #[serde(default, deserialize_with = "texts", skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) params: BTreeMap<String, String>,
    /// Its body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) expr: Option<String>,
    /// What is done if it holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) on_success: Option<String>,
    /// What is done if it does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) on_failure: Option<String>,
    /// Whether it is passed over.
    #[serde(default, deserialize_with = "nullable")]
    pub(crate) disabled: bool,
}

/// What a rule does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum RuleKind {
    Transform,
    Condition,
}

/// When a rule applies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum RuleMode {
    Upgrade,
    Downgrade,
    UpDown,
    Write,
    Read,
    WriteRead,
}

/// The rules of a data contract.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RuleSet {
    /// Between versions.
    #[serde(default, deserialize_with = "nullable", skip_serializing_if = "Vec::is_empty")]
    pub(crate) migration_rules: Vec<Rule>,
    /// On values.
    #[serde(default, deserialize_with = "nullable", skip_serializing_if = "Vec::is_empty")]
    pub(crate) domain_rules: Vec<Rule>,
    /// On bytes.
    #[serde(default, deserialize_with = "nullable", skip_serializing_if = "Vec::is_empty")]
    pub(crate) encoding_rules: Vec<Rule>,
    /// Where they are executed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) enable_at: Option<String>,
}

/// A schema as it is asked for, or as it was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Schema {
    /// The subject, with its context.
    pub(crate) subject: String,
    /// The version; 0 if a request names none, -1 for the latest.
    pub(crate) version: i32,
    /// The id; -1 if a request names none.
    pub(crate) id: i32,
    /// `AVRO`, `JSON`, `PROTOBUF`, or what a request says.
    pub(crate) schema_type: String,
    /// What it refers to.
    pub(crate) references: Vec<Reference>,
    /// What is said of it.
    pub(crate) metadata: Option<Metadata>,
    /// The rules of its data contract.
    pub(crate) rule_set: Option<RuleSet>,
    /// Its text.
    pub(crate) text: Option<String>,
}

impl Schema {
    /// Whether there is no text.
    pub(crate) fn is_empty(&self) -> bool {
        self.text.as_ref().is_none_or(|text| text.trim().is_empty())
    }

    /// Whether two are the same but for where they stand.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.schema_type == other.schema_type
            && self.references == other.references
            && self.metadata == other.metadata
            && self.rule_set == other.rule_set
            && self.text == other.text
    }
}

/// A number that is the same for schemas that say the same in different words; worked out when it
/// is asked for first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shape(pub(crate) OnceLock<u64>);

impl PartialEq for Shape {
    /// It follows from the schema, known or not.
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Shape {}

/// A schema that counts, as the topic holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stored {
    /// What it is.
    pub(crate) schema: Schema,
    /// Whether it was deleted, and can still be found by its id.
    pub(crate) deleted: bool,
    /// When it was stored, in milliseconds.
    pub(crate) ts: i64,
    /// What its guid is made of.
    pub(crate) hash: [u8; 16],
    pub(crate) shape: Shape,
}

/// A schema in an answer.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SchemaBody {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) subject: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) version: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) id: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) guid: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) schema_type: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) references: Vec<Reference>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) metadata: Option<Metadata>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) rule_set: Option<RuleSet>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) schema: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) schema_tags: Vec<Json>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) max_id: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ts: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) deleted: Option<bool>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) aliases: Vec<String>,
}

impl SchemaBody {
    fn of(schema: &Schema, hash: &[u8; 16]) -> Self {
        Self {
            subject: Some(schema.subject.clone()),
            version: Some(schema.version),
            id: Some(schema.id),
            guid: Some(crate::guid::text(hash)),
            schema_type: Some(schema.schema_type.clone()),
            references: schema.references.clone(),
            metadata: schema.metadata.clone(),
            rule_set: schema.rule_set.clone(),
            schema: schema.text.clone(),
            ..Self::default()
        }
    }
}

impl From<&Schema> for SchemaBody {
    fn from(schema: &Schema) -> Self {
        Self::of(schema, &crate::guid::hash(schema))
    }
}

impl From<&Stored> for SchemaBody {
    fn from(stored: &Stored) -> Self {
        let body = Self::of(&stored.schema, &stored.hash);
        Self { ts: Some(stored.ts), deleted: Some(stored.deleted), ..body }
    }
}
