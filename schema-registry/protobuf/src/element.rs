//! What a `.proto` file says, in the order in which it says it, with names as they were written.

use std::fmt;

use crate::option::ProtoOption;

/// The largest number of a field.
pub const MAX_FIELD_NUMBER: i32 = (1 << 29) - 1;

/// A place in a text; lines and columns count from 1, columns in units of UTF-16.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The column.
    pub column: usize,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, ":{}:{}", self.line, self.column)
    }
}

/// The language version that a file declares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Syntax {
    /// `proto2`
    Proto2,
    /// `proto3`
    Proto3,
}

impl Syntax {
    /// As it is written.
    pub fn name(self) -> &'static str {
        match self {
            Self::Proto2 => "proto2",
            Self::Proto3 => "proto3",
        }
    }

    /// The one with this name.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "proto2" => Some(Self::Proto2),
            "proto3" => Some(Self::Proto3),
            _ => None,
        }
    }
}

/// A `.proto` file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ProtoFile {
    /// The syntax, if the file names one.
    pub syntax: Option<Syntax>,
    /// The package, if there is one.
    pub package: Option<String>,
    /// Imports without a modifier.
    pub imports: Vec<String>,
    /// Imports that are passed on to whoever imports this file.
    pub public_imports: Vec<String>,
    /// Imports that may be missing.
    pub weak_imports: Vec<String>,
    /// Options of the file.
    pub options: Vec<ProtoOption>,
    /// Messages and enums.
    pub types: Vec<Type>,
    /// Extensions of messages.
    pub extends: Vec<Extend>,
    /// Services.
    pub services: Vec<Service>,
}

impl ProtoFile {
    /// The package; empty if there is none.
    pub fn package_name(&self) -> &str {
        self.package.as_deref().unwrap_or_default()
    }
}

/// A message or an enum.
#[derive(Clone, Debug, PartialEq)]
pub enum Type {
    /// A message.
    Message(Message),
    /// An enum.
    Enum(Enum),
}

impl Type {
    /// Its simple name.
    pub fn name(&self) -> &str {
        match self {
            Self::Message(message) => &message.name,
            Self::Enum(of) => &of.name,
        }
    }

    /// Where it begins.
    pub fn position(&self) -> Position {
        match self {
            Self::Message(message) => message.position,
            Self::Enum(of) => of.position,
        }
    }

    /// The message, if it is one.
    pub fn as_message(&self) -> Option<&Message> {
        match self {
            Self::Message(message) => Some(message),
            Self::Enum(_) => None,
        }
    }

    /// The enum, if it is one.
    pub fn as_enum(&self) -> Option<&Enum> {
        match self {
            Self::Message(_) => None,
            Self::Enum(of) => Some(of),
        }
    }

    /// The types in it.
    pub fn nested(&self) -> &[Self] {
        match self {
            Self::Message(message) => &message.types,
            Self::Enum(_) => &[],
        }
    }
}

/// A message.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Message {
    /// Where it begins.
    pub position: Position,
    /// The comment before it.
    pub documentation: String,
    /// Its simple name.
    pub name: String,
    /// Messages and enums in it.
    pub types: Vec<Type>,
    /// Options.
    pub options: Vec<ProtoOption>,
    /// What may not be used.
    pub reserved: Vec<Reserved>,
    /// Fields that are in no oneof.
    pub fields: Vec<Field>,
    /// Oneofs with their fields.
    pub oneofs: Vec<Oneof>,
    /// Numbers that others may use.
    pub extensions: Vec<Extensions>,
    /// Groups that are in no oneof.
    pub groups: Vec<Group>,
    /// Extensions of messages that are declared in this one.
    pub extends: Vec<Extend>,
}

impl Message {
    /// Whether it is the entry of a map: an option says so.
    pub fn is_map_entry(&self) -> bool {
        crate::option::find(&self.options, "map_entry").is_some_and(|found| found.value.is_true())
    }

    /// The field with this name that is in no oneof.
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.name == name)
    }
}

/// How often a field may occur.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Label {
    /// Once or not at all.
    Optional,
    /// Once.
    Required,
    /// Any number of times.
    Repeated,
}

impl Label {
    /// As it is written.
    pub fn name(self) -> &'static str {
        match self {
            Self::Optional => "optional",
            Self::Required => "required",
            Self::Repeated => "repeated",
        }
    }
}

/// A field.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Field {
    /// Where it begins.
    pub position: Position,
    /// The comments before and behind it.
    pub documentation: String,
    /// The label, if one is written.
    pub label: Option<Label>,
    /// The type as it was written: of a map `map<key, value>`.
    pub type_name: String,
    /// Its name.
    pub name: String,
    /// Its number.
    pub number: i32,
    /// The default, without quotes.
    pub default: Option<String>,
    /// The name in JSON, if one is given.
    pub json_name: Option<String>,
    /// Other options.
    pub options: Vec<ProtoOption>,
}

/// Fields of which one at most is set.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Oneof {
    /// The comment before it.
    pub documentation: String,
    /// Its name.
    pub name: String,
    /// Its fields.
    pub fields: Vec<Field>,
    /// Its groups.
    pub groups: Vec<Group>,
    /// Options.
    pub options: Vec<ProtoOption>,
}

/// A field and its message in one.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Group {
    /// The comment before it.
    pub documentation: String,
    /// The label, if one is written.
    pub label: Option<Label>,
    /// Its name.
    pub name: String,
    /// The number of the field.
    pub number: i32,
    /// The fields of the message.
    pub fields: Vec<Field>,
}

/// Numbers: one or a range of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Numbers {
    /// One number.
    One(i32),
    /// From the first to the last, both included.
    Range(i32, i32),
}

/// What a `reserved` statement lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReservedValue {
    /// A name.
    Name(String),
    /// Numbers.
    Numbers(Numbers),
}

/// Names and numbers that may not be used.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reserved {
    /// The comments before and behind it.
    pub documentation: String,
    /// What is reserved.
    pub values: Vec<ReservedValue>,
}

/// Numbers that are left to extensions.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Extensions {
    /// The comment before it.
    pub documentation: String,
    /// The numbers.
    pub values: Vec<Numbers>,
    /// Options.
    pub options: Vec<ProtoOption>,
}

/// Fields that are added to a message.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Extend {
    /// The comment before it.
    pub documentation: String,
    /// The message.
    pub name: String,
    /// The fields.
    pub fields: Vec<Field>,
}

/// An enum.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Enum {
    /// Where it begins.
    pub position: Position,
    /// The comment before it.
    pub documentation: String,
    /// Its simple name.
    pub name: String,
    /// Options.
    pub options: Vec<ProtoOption>,
    /// Its values.
    pub values: Vec<EnumValue>,
    /// What may not be used.
    pub reserved: Vec<Reserved>,
}

/// A value of an enum.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EnumValue {
    /// The comments before and behind it.
    pub documentation: String,
    /// Its name.
    pub name: String,
    /// Its number.
    pub number: i32,
    /// Options.
    pub options: Vec<ProtoOption>,
}

/// A service.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Service {
    /// Where it begins.
    pub position: Position,
    /// The comment before it.
    pub documentation: String,
    /// Its name.
    pub name: String,
    /// Its methods.
    pub methods: Vec<Method>,
    /// Options.
    pub options: Vec<ProtoOption>,
}

/// A method of a service.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Method {
    /// The comment before it.
    pub documentation: String,
    /// Its name.
    pub name: String,
    /// The message it takes.
    pub request: String,
    /// The message it gives.
    pub response: String,
    /// Whether it takes many.
    pub streams_requests: bool,
    /// Whether it gives many.
    pub streams_responses: bool,
    /// Options.
    pub options: Vec<ProtoOption>,
}
