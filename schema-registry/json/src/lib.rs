//! JSON Schemas: parsing, canonical texts, compatibility, validation of values.
//!
//! What a text means, what is refused and what makes two schemas incompatible follows Confluent's
//! registry 8.3: drafts 4, 6 and 7 (which is also the rule where a text names no draft), 2019-09
//! and 2020-12.

mod diff;
mod hash_order;
mod load;
pub mod model;
mod text;
mod validation;

use std::sync::OnceLock;

use gantry_schema_model::{Dependency, Format, InvalidSchema, Node, ParsedSchema};

pub use diff::{Difference, DifferenceKind, Policy};
pub use model::{Document, Draft};

use model::Kind;
use validation::Validator;

/// A JSON Schema that was read.
#[derive(Debug)]
pub struct JsonSchema {
    node: Node,
    canonical: String,
    /// What it says, or why it says nothing that is known.
    document: Result<Document, String>,
    dependencies: Vec<Dependency>,
    /// Made when the first value is checked.
    validator: OnceLock<Result<Validator, String>>,
}

/// Why a text is no JSON Schema, with the reason that Confluent's registry keeps to itself.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LoadError {
    /// The text is no JSON.
    #[error("Invalid JSON schema: {0}")]
    NotJson(String),
    /// The JSON is no schema, or refers to what is not there.
    #[error("Invalid JSON: {0}")]
    NotSchema(String),
}

impl LoadError {
    /// The text in Confluent's answers.
    #[must_use]
    pub fn short(&self) -> &'static str {
        match self {
            Self::NotJson(_) => "Invalid JSON schema",
            Self::NotSchema(_) => "Invalid JSON",
        }
    }
}

impl JsonSchema {
    /// Reads a schema, as [`Format::parse`] does, with an error that says what is wrong.
    ///
    /// JSON that is no schema is refused if it is new. A registry may hold such texts that came by
    /// import; they can be read and given out, but are compatible with nothing.
    pub fn load(text: &str, dependencies: &[Dependency], is_new: bool) -> Result<Self, LoadError> {
        let node = text::read(text).map_err(LoadError::NotJson)?;
        let document = load::load(&node, dependencies);
        if let (Err(reason), true) = (&document, is_new) {
            return Err(LoadError::NotSchema(reason.clone()));
        }
        Ok(Self {
            canonical: node.to_string(),
            node,
            document,
            dependencies: dependencies.to_vec(),
            validator: OnceLock::new(),
        })
    }

    /// What it says. The error is why it is no schema.
    pub fn document(&self) -> Result<&Document, &str> {
        self.document.as_ref().map_err(String::as_str)
    }

    /// What it says if drafts behind 7 do not count: a text of such a draft is read as draft 7.
    pub fn classic_document(&self) -> Result<Document, String> {
        load::load_classic(&self.node, &self.dependencies)
    }

    /// Its JSON.
    #[must_use]
    pub fn node(&self) -> &Node {
        &self.node
    }

    /// Whether an object that it describes has a property by this name.
    #[must_use]
    pub fn has_top_level_field(&self, name: &str) -> bool {
        self.node.get("properties").is_some_and(|properties| properties.get(name).is_some())
    }

    /// The rule for names that a registry applies where it is asked to look at fields: none begins
    /// with `$$`.
    pub fn validate_fields(&self) -> Result<(), InvalidSchema> {
        let reserved = match self.document.as_ref().map(|document| &document.root().kind) {
            Ok(Kind::Object(rules)) => {
                rules.properties.iter().any(|(name, _)| name.starts_with("$$"))
            }
            _ => false,
        };
        if reserved {
            return Err(InvalidSchema("#: Field names cannot start with $$ prefix".to_owned()));
        }
        Ok(())
    }

    /// Checks a value. The errors say where it does not fit, and why.
    pub fn validate(&self, value: &serde_json::Value) -> Result<(), Vec<String>> {
        let validator =
            self.validator.get_or_init(|| Validator::new(&self.node, &self.dependencies));
        match validator {
            Ok(validator) => validator.validate(value),
            Err(reason) => Err(vec![format!("#: the schema is not valid: {reason}")]),
        }
    }

    /// What keeps a reader with this schema from reading what was written with another, under a
    /// policy.
    pub fn differences(&self, writer: &Self, policy: Policy) -> Result<Vec<Difference>, String> {
        match (&self.document, &writer.document) {
            (Ok(reader), Ok(writer)) => Ok(diff::differences(reader, writer, policy)),
            (Err(reason), _) | (_, Err(reason)) => Err(reason.clone()),
        }
    }

    /// [`JsonSchema::differences`] as sentences, with names for the two schemas: a registry calls
    /// the one `new` and the other `old`.
    #[must_use]
    pub fn sentences(
        &self,
        writer: &Self,
        policy: Policy,
        (reader_name, writer_name): (&str, &str),
    ) -> Vec<String> {
        match self.differences(writer, policy) {
            Ok(found) => found
                .iter()
                .map(|difference| difference.sentence(reader_name, writer_name))
                .collect(),
            Err(reason) => vec![format!("Invalid JSON: {reason}")],
        }
    }
}

impl ParsedSchema for JsonSchema {
    fn canonical(&self) -> &str {
        &self.canonical
    }

    fn normalized(&self) -> String {
        text::sorted(&self.node).to_string()
    }

    fn formatted(&self, _form: &str) -> Result<String, InvalidSchema> {
        // There is but one form. References stay what they are.
        Ok(self.canonical.clone())
    }

    fn name(&self) -> Option<String> {
        self.node.get("title").map(text::as_text)
    }
}

/// The format of JSON Schemas.
#[derive(Clone, Copy, Debug)]
pub struct Json;

impl Format for Json {
    type Schema = JsonSchema;

    fn parse(
        text: &str,
        dependencies: &[Dependency],
        is_new: bool,
    ) -> Result<JsonSchema, InvalidSchema> {
        JsonSchema::load(text, dependencies, is_new)
            .map_err(|error| InvalidSchema(error.short().to_owned()))
    }

    /// The first `%s` of a sentence stands for the word that tells the reader (`new`, `old`), the
    /// second for that of the writer.
    fn incompatibilities(reader: &JsonSchema, writer: &JsonSchema) -> Vec<String> {
        reader.sentences(writer, Policy::Strict, ("%s", "%s"))
    }
}

#[cfg(test)]
mod tests;
