//! Who uses the schemas of subjects: told by the program that runs the registry.

use std::pin::Pin;

/// What [`SubjectUsers::uses`] gives: all uses, or a sentence that says why they are not known.
pub type Uses<'a> = Pin<Box<dyn Future<Output = Result<Vec<SubjectUse>, String>> + Send + 'a>>;

/// Knows the connectors that read and write data with the schemas of this registry.
pub trait SubjectUsers: std::fmt::Debug + Send + Sync {
    /// All uses that are known, of any subject. Subjects may be named after what schemas describe:
    /// `records` are the names that are asked about.
    fn uses<'a>(&'a self, records: &'a [String]) -> Uses<'a>;
}

/// A connector that reads or writes the keys or values of a topic with schemas of a subject.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubjectUse {
    /// The connector.
    pub connector: String,
    /// The topic.
    pub topic: String,
    /// Whether it is about keys; else it is about values.
    pub is_key: bool,
    /// The subject, with its context if it is not in the default one. It may be an alias.
    pub subject: String,
    /// What schemas are used for.
    pub how: SchemaUse,
    /// What is not certain about it, as sentences.
    pub doubts: Vec<String>,
}

/// What a connector uses schemas for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SchemaUse {
    /// It reads data by the schema that they were written by.
    Reads,
    /// It reads all data by this schema.
    ReadsBy(SchemaId),
    /// It writes data by a schema that does not change when another is registered: its own, or a
    /// fixed one.
    Writes,
    /// It writes data by the latest version.
    WritesLatest {
        /// Only versions count whose metadata have this property.
        property: Option<(String, String)>,
        /// Whether it refuses a version that cannot read what the data's own schema writes.
        is_strict: bool,
    },
}

/// Which schema is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SchemaId {
    /// The one of this number, in the context of the subject.
    Id(i32),
    /// The one with this GUID.
    Guid([u8; 16]),
}

impl SchemaUse {
    /// Whether data are written; else they are read.
    pub(crate) fn is_writing(&self) -> bool {
        matches!(self, Self::Writes | Self::WritesLatest { .. })
    }
}
