//! What is asked to be registered, looked up or compared.

use serde_json::Value as Json;

use crate::formats::DEFAULT_TYPE;
use crate::model::{Metadata, Reference, RuleSet, Schema};

/// The body of a request about a schema.
#[derive(Clone, Debug, Default)]
pub(crate) struct SchemaRequest {
    pub(crate) version: Option<i32>,
    pub(crate) id: Option<i32>,
    pub(crate) schema_type: Option<String>,
    pub(crate) references: Vec<Reference>,
    pub(crate) metadata: Option<Metadata>,
    pub(crate) rule_set: Option<RuleSet>,
    pub(crate) schema: Option<String>,
    pub(crate) tags_to_add: Vec<Json>,
    pub(crate) tags_to_remove: Vec<Json>,
    pub(crate) propagate_tags: bool,
}

impl SchemaRequest {
    /// The schema that it asks for.
    pub(crate) fn to_schema(&self, subject: &str) -> Schema {
        Schema {
            subject: subject.to_owned(),
            version: self.version.unwrap_or(0),
            id: self.id.unwrap_or(-1),
            schema_type: self.schema_type.clone().unwrap_or_else(|| DEFAULT_TYPE.to_owned()),
            references: self.references.clone(),
            metadata: self.metadata.clone(),
            rule_set: self.rule_set.clone(),
            text: self.schema.clone(),
        }
    }

    /// Whether it asks for tags to be written into the text.
    pub(crate) fn has_tags(&self) -> bool {
        !self.tags_to_add.is_empty() || !self.tags_to_remove.is_empty()
    }
}
