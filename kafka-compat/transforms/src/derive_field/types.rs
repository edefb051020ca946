//! Types of expressions as far as they are known before a record comes.

use std::fmt;

use gantry_model::logical::{self, Logical};
use gantry_model::{Kind, Schema};

/// A type of CEL's, and what is added to them here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Type {
    /// What only a record can say.
    Dyn,
    Null,
    Bool,
    Int,
    Uint,
    Double,
    Text,
    Bytes,
    Timestamp,
    Duration,
    /// With its scale, where that is known.
    Decimal(Option<i32>),
    List(Box<Type>),
    /// With the type of its values.
    Map(Box<Type>),
    /// A compiled regular expression.
    Pattern,
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dyn => f.write_str("dyn"),
            Self::Null => f.write_str("null"),
            Self::Bool => f.write_str("bool"),
            Self::Int => f.write_str("int"),
            Self::Uint => f.write_str("uint"),
            Self::Double => f.write_str("double"),
            Self::Text => f.write_str("string"),
            Self::Bytes => f.write_str("bytes"),
            Self::Timestamp => f.write_str("timestamp"),
            Self::Duration => f.write_str("duration"),
            Self::Decimal(_) => f.write_str("decimal"),
            Self::List(item) => write!(f, "list({item})"),
            Self::Map(item) => write!(f, "map({item})"),
            Self::Pattern => f.write_str("pattern"),
        }
    }
}

impl Type {
    pub(super) fn list(item: Self) -> Self {
        Self::List(Box::new(item))
    }

    pub(super) fn map(item: Self) -> Self {
        Self::Map(Box::new(item))
    }

    pub(super) fn is_number(&self) -> bool {
        matches!(self, Self::Int | Self::Uint | Self::Double)
    }

    /// Whether a value of this type can be one of `other`.
    pub(super) fn can_be(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Dyn, _) | (_, Self::Dyn) => true,
            (Self::List(a), Self::List(b)) | (Self::Map(a), Self::Map(b)) => a.can_be(b),
            (Self::Decimal(_), Self::Decimal(_)) => true,
            (a, b) => a == b,
        }
    }

    /// Whether two values of these types can be equal at all.
    pub(super) fn can_equal(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Null, _) | (_, Self::Null) => true,
            (a, b) if a.is_number() && b.is_number() => true,
            (Self::Decimal(_), b) if b.is_number() => true,
            (Self::List(a), Self::List(b)) | (Self::Map(a), Self::Map(b)) => a.can_equal(b),
            (a, b) => a.can_be(b),
        }
    }
}

/// A type, and whether a null may stand in its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Known {
    pub(super) of: Type,
    pub(super) nullable: bool,
}

impl Known {
    /// What only a record can say.
    pub(super) const DYN: Self = Self { of: Type::Dyn, nullable: true };

    pub(super) fn never_null(of: Type) -> Self {
        Self { of, nullable: false }
    }

    pub(super) fn nullable(of: Type) -> Self {
        Self { of, nullable: true }
    }

    /// What values of a schema are in expressions.
    pub(super) fn of_schema(schema: &Schema) -> Self {
        let nullable = schema.is_optional() && schema.default_value().is_none();
        Self { of: type_of(schema), nullable }
    }
}

fn type_of(schema: &Schema) -> Type {
    if schema.is_absent() {
        return Type::Dyn;
    }
    match Logical::of(schema) {
        Some(Logical::Decimal) => return Type::Decimal(logical::scale(schema).ok()),
        Some(Logical::Date | Logical::Timestamp) => return Type::Timestamp,
        Some(Logical::Time) => return Type::Duration,
        None => {}
    }
    match schema.kind() {
        Kind::Int8 | Kind::Int16 | Kind::Int32 | Kind::Int64 => Type::Int,
        Kind::Float32 | Kind::Float64 => Type::Double,
        Kind::Boolean => Type::Bool,
        Kind::String => Type::Text,
        Kind::Bytes => Type::Bytes,
        // Whether items may be null does not matter: what they become may always be.
        Kind::Array(item) => Type::list(type_of(item)),
        Kind::Map { value, .. } => Type::map(type_of(value)),
        Kind::Struct(_) => Type::map(Type::Dyn),
    }
}
