//! Checks of values against a schema.
//!
//! A schema is made ready once: every keyword becomes a check, every reference is followed. This
//! is done from the keywords themselves, not from what the comparison of schemas makes of them,
//! since that is coarser. It admits what the registry admits: crates for this hold schemas to
//! their meta-schema and patterns to another syntax than Java's, and refuse some that are
//! registered.

mod compile;
mod format;
mod number;
mod run;

use std::collections::{HashMap, HashSet};

use gantry_model::regex::JavaPattern;
use gantry_schema_model::{Dependency, Node};
use serde_json::Value;

use crate::model::Draft;
use format::Format;
use number::Number;

/// Where the checks of a schema are.
type Id = usize;

/// A schema that is ready to check values.
#[derive(Debug)]
pub(crate) struct Validator {
    schemas: Vec<Vec<Check>>,
    root: Id,
    draft: Draft,
    /// What is checked against depends on what other schemas have seen.
    tracks: bool,
}

/// What a keyword demands, or a few that belong together.
#[derive(Debug)]
enum Check {
    Never,
    Types(Vec<Type>),
    /// The values that are admitted, as [`number::canonical`] writes them.
    Among(HashSet<String>),
    Reference(Id),
    All(Vec<Id>),
    Any(Vec<Id>),
    One(Vec<Id>),
    Not(Id),
    If(Id, Option<Id>, Option<Id>),
    Properties(Box<Properties>),
    Names(Id),
    Required(Vec<String>),
    PropertyCount(Range),
    RequiredWith(String, Vec<String>),
    SchemaWith(String, Id),
    Items(Vec<Id>, Option<Id>),
    Contains(Id, Range),
    ItemCount(Range),
    Unique,
    Length(Range),
    Pattern(Box<JavaPattern>),
    Format(Format),
    /// A limit, whether it is an upper one, and whether it is admitted itself.
    Limit(Number, Bound, bool),
    MultipleOf(Number),
    UnevaluatedProperties(Id),
    UnevaluatedItems(Id),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Bound {
    Lower,
    Upper,
}

/// How many there may be.
#[derive(Clone, Copy, Debug, Default)]
struct Range {
    least: Option<u64>,
    most: Option<u64>,
}

#[derive(Debug, Default)]
struct Properties {
    named: HashMap<String, Id>,
    patterns: Vec<(JavaPattern, Id)>,
    additional: Option<Id>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Type {
    Null,
    Boolean,
    Integer,
    Number,
    String,
    Array,
    Object,
}

impl Validator {
    /// Makes a schema ready.
    pub(crate) fn new(root: &Node, dependencies: &[Dependency]) -> Result<Self, String> {
        compile::compile(root, dependencies)
    }

    /// Checks a value. The errors say where it does not fit, and why.
    pub(crate) fn validate(&self, value: &Value) -> Result<(), Vec<String>> {
        run::run(self, value)
    }
}

#[cfg(test)]
mod tests;
