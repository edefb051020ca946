//! What a schema says: its types, and what is written beside them.

use gantry_schema_model::Node;

use crate::logical::Logical;
use crate::name::Name;

/// A type that has no parts and no name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Primitive {
    /// `null`
    Null,
    /// `boolean`
    Boolean,
    /// 32-bit signed integer.
    Int,
    /// 64-bit signed integer.
    Long,
    /// 32-bit IEEE 754.
    Float,
    /// 64-bit IEEE 754.
    Double,
    /// Bytes.
    Bytes,
    /// UTF-8 text.
    String,
}

impl Primitive {
    /// As a schema writes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Boolean => "boolean",
            Self::Int => "int",
            Self::Long => "long",
            Self::Float => "float",
            Self::Double => "double",
            Self::Bytes => "bytes",
            Self::String => "string",
        }
    }
    /// The type of that name.
    pub fn by_name(name: &str) -> Option<Self> {
        Some(match name {
            "null" => Self::Null,
            "boolean" => Self::Boolean,
            "int" => Self::Int,
            "long" => Self::Long,
            "float" => Self::Float,
            "double" => Self::Double,
            "bytes" => Self::Bytes,
            "string" => Self::String,
            _ => return None,
        })
    }
}

/// Properties that Avro does not define, in their order; each name once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Properties(pub(crate) Vec<(String, Node)>);

impl Properties {
    /// The property of that name.
    pub fn get(&self, name: &str) -> Option<&Node> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }
    /// The property of that name, if it is a text.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.get(name).and_then(Node::as_text)
    }
    /// All, in their order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &Node)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// What may be written beside a type.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attributes {
    /// What the values mean. None also where the properties name a logical type that does not
    /// fit: Avro ignores it.
    pub logical: Option<Logical>,
    /// All other properties, `logicalType` and what belongs to it among them.
    pub properties: Properties,
}

/// A type where it is used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Type {
    /// A type without parts.
    Primitive(Primitive, Attributes),
    /// A list with the type of its items.
    Array(Box<Type>, Attributes),
    /// A map from texts, with the type of its values.
    Map(Box<Type>, Attributes),
    /// One of several types.
    Union(Vec<Type>),
    /// A type that has a name; [`Types::get`] gives its definition.
    Named(TypeId),
}

impl Type {
    /// What is written beside it; nothing beside unions, and what is beside named types is in
    /// their definition.
    pub fn attributes(&self) -> Option<&Attributes> {
        match self {
            Self::Primitive(_, attributes)
            | Self::Array(_, attributes)
            | Self::Map(_, attributes) => Some(attributes),
            Self::Union(_) | Self::Named(_) => None,
        }
    }
}

/// Which of the named types of one schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TypeId(pub(crate) usize);

/// The definition of a type that has a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Definition {
    /// Its name.
    pub name: Name,
    /// What it is for.
    pub doc: Option<String>,
    /// Other names, each once.
    pub aliases: Vec<Name>,
    /// What else is written beside it.
    pub attributes: Attributes,
    /// What it is.
    pub kind: Kind,
}

/// What a named type is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Fields in their order.
    Record {
        /// Each name once.
        fields: Vec<Field>,
        /// Whether it was written as `error`.
        is_error: bool,
    },
    /// One of several symbols.
    Enum {
        /// Each once.
        symbols: Vec<String>,
        /// What stands for symbols that are not known.
        default: Option<String>,
    },
    /// So many bytes.
    Fixed {
        /// How many.
        size: u32,
    },
}

/// A field of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// Its name.
    pub name: String,
    /// Its type.
    pub schema: Type,
    /// What it is for.
    pub doc: Option<String>,
    /// What it is where it is missing. A float or double that is no number of JSON (`NaN`,
    /// `Infinity`, `-Infinity`) is a text.
    pub default: Option<Node>,
    /// How it counts where records are sorted.
    pub order: Order,
    /// Other names, each once.
    pub aliases: Vec<String>,
    /// What else is written beside it.
    pub properties: Properties,
}

/// How a field counts where records are sorted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// The smaller value first.
    #[default]
    Ascending,
    /// The larger value first.
    Descending,
    /// Not at all.
    Ignore,
}

impl Order {
    /// As a schema writes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ascending => "ascending",
            Self::Descending => "descending",
            Self::Ignore => "ignore",
        }
    }
}

/// The named types of one schema.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Types(pub(crate) Vec<Definition>);

impl Types {
    /// A definition.
    ///
    /// # Panics
    /// If `id` is of another schema.
    pub fn get(&self, id: TypeId) -> &Definition {
        &self.0[id.0]
    }
    /// The definition with that full name.
    pub fn by_name(&self, full: &str) -> Option<&Definition> {
        self.0.iter().find(|definition| definition.name.full() == full)
    }
    /// All definitions.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (TypeId, &Definition)> {
        self.0.iter().enumerate().map(|(at, definition)| (TypeId(at), definition))
    }
    /// The kind of a type as a schema writes it: `record`, `array`, `int`, …
    pub fn kind_of(&self, schema: &Type) -> &'static str {
        match schema {
            Type::Primitive(primitive, _) => primitive.name(),
            Type::Array(..) => "array",
            Type::Map(..) => "map",
            Type::Union(_) => "union",
            Type::Named(id) => match self.get(*id).kind {
                Kind::Record { .. } => "record",
                Kind::Enum { .. } => "enum",
                Kind::Fixed { .. } => "fixed",
            },
        }
    }
    /// What tells a type from others in a union: its full name or its kind.
    pub fn name_of(&self, schema: &Type) -> &str {
        match schema {
            Type::Named(id) => self.get(*id).name.full(),
            other => self.kind_of(other),
        }
    }
    /// The fields, if it is a record.
    pub fn fields(&self, schema: &Type) -> Option<&[Field]> {
        match schema {
            Type::Named(id) => match &self.get(*id).kind {
                Kind::Record { fields, .. } => Some(fields),
                _ => None,
            },
            _ => None,
        }
    }
    /// What is written beside a type, or beside its definition.
    pub fn attributes<'a>(&'a self, schema: &'a Type) -> Option<&'a Attributes> {
        match schema {
            Type::Named(id) => Some(&self.get(*id).attributes),
            other => other.attributes(),
        }
    }
}
