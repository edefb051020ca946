//! What a JSON Schema says, after its keywords were sorted into rules for each type.
//!
//! Keywords for several types side by side make an `allOf` of a schema for each
//! ([`Combined::synthetic`]), a list of types an `anyOf`.

use gantry_schema_model::Node;

/// Which version of JSON Schema a text is read as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Draft {
    /// Draft 4.
    Draft4,
    /// Draft 6.
    Draft6,
    /// Draft 7, also where a text does not say which.
    Draft7,
    /// 2019-09.
    Draft201909,
    /// 2020-12.
    Draft202012,
}

impl Draft {
    /// The draft that a `$schema` names.
    #[must_use]
    pub fn of_url(url: &str) -> Option<Self> {
        let url = url.strip_suffix('#').unwrap_or(url);
        let path = url.strip_prefix("http://").or_else(|| url.strip_prefix("https://"))?;
        match path.strip_prefix("json-schema.org/")? {
            "draft-04/schema" | "schema" => Some(Self::Draft4),
            "draft-06/schema" => Some(Self::Draft6),
            "draft-07/schema" => Some(Self::Draft7),
            "draft/2019-09/schema" => Some(Self::Draft201909),
            "draft/2020-12/schema" => Some(Self::Draft202012),
            _ => None,
        }
    }

    /// The keyword that gives a schema its URI.
    #[must_use]
    pub fn id_keyword(self) -> &'static str {
        if self == Self::Draft4 { "id" } else { "$id" }
    }

    /// Whether the rules of 2019-09 and later apply.
    pub(crate) fn is_modern(self) -> bool {
        self >= Self::Draft201909
    }
}

/// Where a schema is in its [`Document`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SchemaId(pub(crate) u32);

/// A schema with all that it contains and refers to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    pub(crate) draft: Draft,
    pub(crate) root: SchemaId,
    pub(crate) schemas: Vec<Schema>,
}

static EMPTY: Schema = Schema::new(Kind::Empty);

impl Document {
    /// How it was read.
    #[must_use]
    pub fn draft(&self) -> Draft {
        self.draft
    }

    /// The schema that stands outermost.
    #[must_use]
    pub fn root(&self) -> &Schema {
        self.get(self.root)
    }

    /// Where the outermost schema is.
    #[must_use]
    pub fn root_id(&self) -> SchemaId {
        self.root
    }

    /// A schema of this document.
    #[must_use]
    pub fn get(&self, id: SchemaId) -> &Schema {
        usize::try_from(id.0).ok().and_then(|at| self.schemas.get(at)).unwrap_or(&EMPTY)
    }

    /// A schema, or the one behind it if it refers to another. `None` if references go round in a
    /// circle.
    #[must_use]
    pub fn resolved(&self, id: SchemaId) -> Option<&Schema> {
        let mut schema = self.get(id);
        for _ in 0..self.schemas.len() {
            match &schema.kind {
                Kind::Reference(reference) => schema = self.get(reference.schema),
                _ => return Some(schema),
            }
        }
        None
    }
}

/// A schema: what is said of every kind, and its own rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schema {
    /// `$id` (`id` in draft 4). Not known from 2019-09 on.
    pub id: Option<String>,
    /// `title`
    pub title: Option<String>,
    /// `description`
    pub description: Option<String>,
    /// `default`
    pub default: Option<Node>,
    /// `readOnly`, from draft 7 to 2019-09.
    pub read_only: Option<bool>,
    /// `writeOnly`, from draft 7 to 2019-09.
    pub write_only: Option<bool>,
    /// The keywords that no rule knows, such as `connect.type`, in their order.
    pub extensions: Vec<(String, Node)>,
    /// What it demands.
    pub kind: Kind,
}

impl Schema {
    pub(crate) const fn new(kind: Kind) -> Self {
        Self {
            id: None,
            title: None,
            description: None,
            default: None,
            read_only: None,
            write_only: None,
            extensions: Vec::new(),
            kind,
        }
    }

    /// The value of a keyword that no rule knows.
    #[must_use]
    pub fn extension(&self, key: &str) -> Option<&Node> {
        self.extensions.iter().find(|(known, _)| known == key).map(|(_, value)| value)
    }

    /// Whether it admits everything.
    pub(crate) fn is_open(&self) -> bool {
        matches!(self.kind, Kind::Empty | Kind::True)
    }
}

/// What a schema demands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `{}`
    Empty,
    /// `true`
    True,
    /// `false`
    False,
    /// `"type":"null"`
    Null,
    /// `"type":"boolean"`
    Boolean,
    /// Rules for texts.
    String(StringRules),
    /// Rules for numbers.
    Number(Box<NumberRules>),
    /// Rules for objects.
    Object(Box<ObjectRules>),
    /// Rules for arrays and tuples.
    Array(Box<ArrayRules>),
    /// `enum`
    Enum(Vec<Node>),
    /// `const`
    Const(Node),
    /// `not`
    Not(SchemaId),
    /// `allOf`, `anyOf`, `oneOf`
    Combined(Combined),
    /// `if`, `then`, `else`
    Conditional(Conditional),
    /// `$ref`
    Reference(Reference),
}

impl Kind {
    /// Whether two are of the same kind, whatever their rules.
    pub(crate) fn is_like(&self, other: &Self) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
    }
}

/// Rules for texts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StringRules {
    /// Only texts are admitted; otherwise the rules apply to texts, and all else is admitted.
    pub only: bool,
    /// `minLength`
    pub min_length: Option<i32>,
    /// `maxLength`
    pub max_length: Option<i32>,
    /// `pattern`, in Java's syntax.
    pub pattern: Option<String>,
    /// `format`
    pub format: Option<String>,
}

/// Rules for numbers. Limits are numbers in Java's notation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NumberRules {
    /// Only numbers are admitted.
    pub only: bool,
    /// Numbers must be whole.
    pub integer: bool,
    /// `minimum`
    pub minimum: Option<String>,
    /// `maximum`
    pub maximum: Option<String>,
    /// `exclusiveMinimum`, from draft 6 on.
    pub exclusive_minimum: Option<String>,
    /// `exclusiveMaximum`, from draft 6 on.
    pub exclusive_maximum: Option<String>,
    /// `exclusiveMinimum` of draft 4: `minimum` itself is not admitted.
    pub minimum_is_exclusive: bool,
    /// `exclusiveMaximum` of draft 4.
    pub maximum_is_exclusive: bool,
    /// `multipleOf`
    pub multiple_of: Option<String>,
}

/// Rules for objects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectRules {
    /// Only objects are admitted.
    pub only: bool,
    /// `properties`, in their order.
    pub properties: Vec<(String, SchemaId)>,
    /// `required`
    pub required: Vec<String>,
    /// `additionalProperties` is not `false`.
    pub admits_additional: bool,
    /// The schema in `additionalProperties`.
    pub additional: Option<SchemaId>,
    /// `patternProperties`; the patterns are in Java's syntax.
    pub patterns: Vec<(String, SchemaId)>,
    /// `minProperties`
    pub min_properties: Option<i32>,
    /// `maxProperties`
    pub max_properties: Option<i32>,
    /// `dependentRequired`, and `dependencies` on properties.
    pub property_dependencies: Vec<(String, Vec<String>)>,
    /// `dependentSchemas`, and `dependencies` on schemas.
    pub schema_dependencies: Vec<(String, SchemaId)>,
    /// `propertyNames`
    pub names: Option<SchemaId>,
    /// `unevaluatedProperties`
    pub unevaluated: Option<SchemaId>,
}

impl Default for ObjectRules {
    fn default() -> Self {
        Self {
            only: false,
            properties: Vec::new(),
            required: Vec::new(),
            admits_additional: true,
            additional: None,
            patterns: Vec::new(),
            min_properties: None,
            max_properties: None,
            property_dependencies: Vec::new(),
            schema_dependencies: Vec::new(),
            names: None,
            unevaluated: None,
        }
    }
}

impl ObjectRules {
    /// The schema of a property.
    #[must_use]
    pub fn property(&self, name: &str) -> Option<SchemaId> {
        self.properties.iter().find(|(known, _)| known == name).map(|(_, schema)| *schema)
    }
}

/// Rules for arrays and tuples.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArrayRules {
    /// Only arrays are admitted.
    pub only: bool,
    /// The schema of all items.
    pub items: Option<SchemaId>,
    /// The schemas of the first items, each for its place.
    pub tuple: Option<Vec<SchemaId>>,
    /// More items than the tuple has are admitted.
    pub admits_additional: bool,
    /// The schema of items behind the tuple.
    pub additional: Option<SchemaId>,
    /// `minItems`
    pub min_items: Option<i32>,
    /// `maxItems`
    pub max_items: Option<i32>,
    /// `uniqueItems`
    pub unique: bool,
    /// `contains`
    pub contains: Option<SchemaId>,
    /// `minContains`, from 2019-09 on.
    pub min_contains: Option<String>,
    /// `maxContains`, from 2019-09 on.
    pub max_contains: Option<String>,
    /// `unevaluatedItems`
    pub unevaluated: Option<SchemaId>,
}

impl Default for ArrayRules {
    fn default() -> Self {
        Self {
            only: false,
            items: None,
            tuple: None,
            admits_additional: true,
            additional: None,
            min_items: None,
            max_items: None,
            unique: false,
            contains: None,
            min_contains: None,
            max_contains: None,
            unevaluated: None,
        }
    }
}

/// How many of the schemas in a [`Combined`] must admit a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Criterion {
    /// `allOf`
    All,
    /// `anyOf`
    Any,
    /// `oneOf`
    One,
}

impl Criterion {
    /// The keyword.
    #[must_use]
    pub fn keyword(self) -> &'static str {
        match self {
            Self::All => "allOf",
            Self::Any => "anyOf",
            Self::One => "oneOf",
        }
    }
}

/// `allOf`, `anyOf` or `oneOf`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Combined {
    /// Which of them.
    pub criterion: Criterion,
    /// The schemas in it.
    pub schemas: Vec<SchemaId>,
    /// It was not written so, but stands for keywords side by side.
    pub synthetic: bool,
}

/// `if`, `then` and `else`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Conditional {
    /// `if`
    pub condition: Option<SchemaId>,
    /// `then`
    pub then: Option<SchemaId>,
    /// `else`
    pub otherwise: Option<SchemaId>,
}

/// A `$ref` that was followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// As it was written.
    pub target: String,
    /// What it leads to.
    pub schema: SchemaId,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drafts_by_url() {
        let draft = |url| Draft::of_url(url);
        assert_eq!(draft("http://json-schema.org/draft-04/schema#"), Some(Draft::Draft4));
        assert_eq!(draft("https://json-schema.org/schema"), Some(Draft::Draft4));
        assert_eq!(draft("https://json-schema.org/draft/2020-12/schema"), Some(Draft::Draft202012));
        assert_eq!(draft("http://example.com/draft-07/schema"), None);
        assert!(Draft::Draft201909.is_modern() && !Draft::Draft7.is_modern());
    }

    #[test]
    fn circles_of_references_end() {
        let round = |to| {
            Schema::new(Kind::Reference(Reference { target: "#".to_owned(), schema: SchemaId(to) }))
        };
        let document = Document {
            draft: Draft::Draft7,
            root: SchemaId(0),
            schemas: vec![round(1), round(0), round(3), Schema::new(Kind::Null)],
        };
        assert!(document.resolved(document.root_id()).is_none());
        assert_eq!(document.resolved(SchemaId(2)).map(|found| &found.kind), Some(&Kind::Null));
        assert_eq!(document.get(SchemaId(9)).kind, Kind::Empty);
    }
}
