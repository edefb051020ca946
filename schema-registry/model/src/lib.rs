//! What schemas of all formats have in common: a schema that was read, what it refers to, and what
//! makes two of them incompatible.

mod node;

pub use node::Node;

/// A schema that another one refers to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dependency {
    /// The name under which it is referred to.
    pub name: String,
    /// Its text.
    pub text: String,
}

/// Why a text is no schema.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidSchema(pub String);

/// A schema that was read.
pub trait ParsedSchema: std::fmt::Debug + Send + Sync {
    /// The text that a registry keeps and gives back.
    fn canonical(&self) -> &str;

    /// The text that a registry keeps where it is asked to normalize.
    fn normalized(&self) -> String;

    /// The text in one of the forms that a request may ask for by name (`resolved`,
    /// `serialized`, …). An unknown name gives the canonical text.
    fn formatted(&self, form: &str) -> Result<String, InvalidSchema>;

    /// The full name of what it describes, where the format has names.
    fn name(&self) -> Option<String>;
}

/// A format of schemas.
pub trait Format {
    /// What reading gives.
    type Schema: ParsedSchema;

    /// Reads a schema. `dependencies` are all that it refers to, directly or not, each behind
    /// those that it refers to itself. `is_new`: it is about to be registered, and is held to
    /// stricter rules than one that was registered before.
    fn parse(
        text: &str,
        dependencies: &[Dependency],
        is_new: bool,
    ) -> Result<Self::Schema, InvalidSchema>;

    /// What keeps `reader` from reading what was written with `writer`: a sentence for each
    /// difference, as Confluent's registry says it in the `messages` of a verbose answer; none if
    /// they are compatible.
    fn incompatibilities(reader: &Self::Schema, writer: &Self::Schema) -> Vec<String>;
}
