//! What expressions take from a record.

use std::any::Any;

use cel::common::types;
use cel::common::value::{StaticVal, Val};
use gantry_model::regex::JavaPattern;
use gantry_model::{Schema, Str};

use super::types::{Known, Type};

/// Where a slot begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Root {
    Value,
    Key,
    Topic,
    Partition,
    Offset,
    Timestamp,
    Headers,
    /// A field that was derived before, by its place.
    Derived(usize),
}

impl Root {
    pub(super) fn has_fields(self) -> bool {
        matches!(self, Self::Value | Self::Key | Self::Headers | Self::Derived(_))
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Value => "value",
            Self::Key => "key",
            Self::Topic => "topic",
            Self::Partition => "partition",
            Self::Offset => "offset",
            Self::Timestamp => "timestamp",
            Self::Headers => "headers",
            Self::Derived(_) => "the field",
        }
    }
}

/// A part of a record that an expression names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Slot {
    pub(super) root: Root,
    /// Names of fields, from the root on; of what was derived, its own name comes first.
    pub(super) path: Vec<Str>,
    /// Whether only its presence is asked for.
    pub(super) test: bool,
}

impl Slot {
    pub(super) fn new(root: Root) -> Self {
        Self { root, path: Vec::new(), test: false }
    }

    /// As it could stand in an expression; `own` is the side that derived fields are on.
    pub(super) fn show(&self, own: Root) -> String {
        let root = match self.root {
            Root::Derived(_) => own,
            root => root,
        };
        let path = show_path(root, &self.path);
        if self.test { format!("has({path})") } else { path }
    }
}

/// A root and names of fields as they could stand in an expression.
pub(super) fn show_path(root: Root, path: &[Str]) -> String {
    let mut text = root.name().to_owned();
    for name in path {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if name.chars().all(is_plain) && !name.starts_with(|c: char| c.is_ascii_digit()) {
            text.push('.');
            text.push_str(name);
        } else {
            text.push_str(&format!(".`{name}`"));
        }
    }
    text
}

/// All that the expressions of one transformation take from a record: each part stands here once.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) own: Root,
    pub(super) slots: Vec<Slot>,
    pub(super) patterns: Vec<Pattern>,
}

/// What a name that no expression can hold stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Name {
    Slot(usize),
    Pattern(usize),
    /// Whether a loop may go on, and what its round costs.
    Go(u32),
}

impl Table {
    pub(super) fn new(own: Root) -> Self {
        Self { own, slots: Vec::new(), patterns: Vec::new() }
    }

    /// The name of a slot, which is put here unless it is here.
    pub(super) fn name(&mut self, slot: Slot) -> String {
        let place = self.slots.iter().position(|own| *own == slot);
        let place = place.unwrap_or_else(|| {
            self.slots.push(slot);
            self.slots.len() - 1
        });
        format!("@{place}")
    }

    pub(super) fn pattern(&mut self, pattern: Pattern) -> String {
        self.patterns.push(pattern);
        format!("@r{}", self.patterns.len() - 1)
    }

    pub(super) fn go(cost: usize) -> String {
        format!("@g{cost}")
    }

    pub(super) fn read(name: &str) -> Option<Name> {
        let rest = name.strip_prefix('@')?;
        if let Some(number) = rest.strip_prefix('r') {
            return number.parse().ok().map(Name::Pattern);
        }
        // Not `@result`, which is the loops' own.
        if let Some(number) = rest.strip_prefix('g') {
            return number.parse().ok().map(Name::Go);
        }
        rest.parse().ok().map(Name::Slot)
    }

    /// The types of all slots in records of these schemas; `None`: schemaless, or not yet known.
    pub(super) fn types(&self, own_schema: Option<&Schema>, derived: &[Known]) -> Vec<Known> {
        self.slots.iter().map(|slot| self.type_of(slot, own_schema, derived)).collect()
    }

    fn type_of(&self, slot: &Slot, own_schema: Option<&Schema>, derived: &[Known]) -> Known {
        match slot.root {
            _ if slot.test => Known::never_null(Type::Bool),
            Root::Topic => Known::never_null(Type::Text),
            Root::Partition | Root::Offset => Known::nullable(Type::Int),
            Root::Timestamp => Known::nullable(Type::Timestamp),
            Root::Derived(place) if slot.path.len() == 1 => {
                derived.get(place).cloned().unwrap_or(Known::DYN)
            }
            root if root == self.own => {
                own_schema.map_or(Known::DYN, |schema| of_path(schema, &slot.path))
            }
            Root::Value | Root::Key | Root::Headers | Root::Derived(_) => Known::DYN,
        }
    }
}

/// The type of what is at a path. A field that the schema does not have is an error only when a
/// record's is asked for.
fn of_path(schema: &Schema, path: &[Str]) -> Known {
    let Some((name, rest)) = path.split_first() else { return Known::of_schema(schema) };
    match (schema.field(name), schema.kind()) {
        (Some(field), _) => of_path(&field.schema, rest),
        (None, gantry_model::Kind::Map { value, .. }) => {
            let inner = of_path(value, rest);
            // What is not there is an error, what is null is not.
            Known { nullable: inner.nullable || rest.is_empty() && value.is_optional(), ..inner }
        }
        _ => Known::DYN,
    }
}

static PATTERN: types::Type = types::Type::new_unspecified_type("pattern");

/// A compiled regular expression as a value.
#[derive(Clone, Debug)]
pub(super) struct Pattern(JavaPattern);

impl Pattern {
    pub(super) fn new(pattern: JavaPattern) -> Self {
        Self(pattern)
    }

    pub(super) fn is_found(&self, text: &str) -> bool {
        self.0.is_found(text)
    }

    pub(super) fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl Val for Pattern {
    fn get_type(&self) -> &types::Type {
        &PATTERN
    }
    fn cel_type() -> &'static types::Type {
        &PATTERN
    }
    fn clone_as_boxed<'v>(&self) -> Box<dyn Val + 'v> {
        Box::new(self.clone())
    }
    fn as_any(&self) -> Option<&dyn Any> {
        Some(self)
    }
}

impl StaticVal for Pattern {}
