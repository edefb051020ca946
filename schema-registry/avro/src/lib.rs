//! Avro schemas: parsing, canonical texts, compatibility.
//!
//! Rules, texts and messages are those of Avro's Java library and of Confluent's registry, which
//! uses it.

mod compatibility;
mod default;
mod equal;
mod json;
mod logical;
mod model;
mod name;
mod normalize;
mod parse;
mod resolve;
mod walk;
mod write;

use gantry_schema_model::{Dependency, Format, InvalidSchema, ParsedSchema};

pub use logical::Logical;
pub use model::{
    Attributes, Definition, Field, Kind, Order, Primitive, Properties, Type, TypeId, Types,
};
pub use name::Name;

use compatibility::Side;
use parse::Parser;

/// The format.
#[derive(Clone, Copy, Debug)]
pub struct Avro;

/// A schema that was read.
#[derive(Clone, Debug)]
pub struct AvroSchema {
    types: Types,
    root: Type,
    canonical: String,
    dependencies: Vec<Dependency>,
    /// Full names of what the dependencies describe: they are not defined again.
    known: Vec<String>,
    is_new: bool,
}

impl AvroSchema {
    /// What it describes.
    pub fn root(&self) -> &Type {
        &self.root
    }
    /// The definitions of all named types in it.
    pub fn types(&self) -> &Types {
        &self.types
    }

    fn read(text: &str, dependencies: &[Dependency], is_new: bool) -> Result<Self, InvalidSchema> {
        let mut parser = Parser::new(is_new);
        let mut known = Vec::new();
        for dependency in dependencies {
            let root = parser.parse(&dependency.text)?;
            known.push(parser.types.name_of(&root).to_owned());
        }
        let root = parser.parse(text)?;
        if !is_new {
            walk::check_names(&parser.types, &root)?;
        }
        let (types, root) = walk::reachable(parser.types, root);
        let canonical = write::referring(&types, &root, &known)?;
        // Names that stood before their definition make it deeper than what was read, and it is
        // to be read again.
        if json::depth(&canonical) > json::MAX_DEPTH {
            return Err(resolve::too_deep());
        }
        let dependencies = dependencies.to_vec();
        Ok(Self { types, root, canonical, dependencies, known, is_new })
    }
}

impl ParsedSchema for AvroSchema {
    fn canonical(&self) -> &str {
        &self.canonical
    }

    /// Where the Java library fails on a default, this is the canonical text.
    fn normalized(&self) -> String {
        normalize::text(&self.types, &self.root, &self.known)
            .and_then(|text| Self::read(&text, &self.dependencies, self.is_new).ok())
            .map_or_else(|| self.canonical.clone(), |schema| schema.canonical)
    }

    /// `resolved`: with the definitions of the dependencies in it.
    fn formatted(&self, form: &str) -> Result<String, InvalidSchema> {
        if form.eq_ignore_ascii_case("resolved") {
            write::resolved(&self.types, &self.root)
        } else {
            Ok(self.canonical.clone())
        }
    }

    /// Of records only.
    fn name(&self) -> Option<String> {
        self.types.fields(&self.root)?;
        Some(self.types.name_of(&self.root).to_owned())
    }
}

impl Format for Avro {
    type Schema = AvroSchema;

    fn parse(
        text: &str,
        dependencies: &[Dependency],
        is_new: bool,
    ) -> Result<AvroSchema, InvalidSchema> {
        AvroSchema::read(text, dependencies, is_new)
    }

    /// The first `%s` of a sentence stands for the word that tells the reader (`new`, `old`), the
    /// second for that of the writer.
    fn incompatibilities(reader: &AvroSchema, writer: &AvroSchema) -> Vec<String> {
        compatibility::incompatibilities(
            Side { types: &reader.types, root: &reader.root },
            Side { types: &writer.types, root: &writer.root },
        )
    }
}
