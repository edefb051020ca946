//! Schemas: immutable, shared, cheap to compare.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, LazyLock};

use indexmap::IndexMap;

use crate::error::{Error, ErrorKind, Result};
use crate::record::Str;
use crate::value::Value;

/// Parameters of a schema in the order they were set; equal whatever their order.
pub type Parameters = IndexMap<Str, Str>;

/// A schema. `Clone` is one atomic increment; equality tries pointer, fingerprint, then all.
#[derive(Clone)]
pub struct Schema(Arc<Inner>);

struct Inner {
    kind: Kind,
    optional: bool,
    default: Option<Value>,
    name: Option<Str>,
    version: Option<i32>,
    doc: Option<Str>,
    /// `None` and empty are different in Kafka Connect's equality.
    parameters: Option<Parameters>,
    fingerprint: u64,
}

/// What a schema describes.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    /// 8-bit signed integer.
    Int8,
    /// 16-bit signed integer.
    Int16,
    /// 32-bit signed integer.
    Int32,
    /// 64-bit signed integer.
    Int64,
    /// 32-bit IEEE 754.
    Float32,
    /// 64-bit IEEE 754.
    Float64,
    /// true or false.
    Boolean,
    /// UTF-8 text.
    String,
    /// Bytes.
    Bytes,
    /// A list with the schema of its elements.
    Array(Schema),
    /// A map with the schemas of keys and values.
    Map {
        /// Schema of the keys.
        key: Schema,
        /// Schema of the values.
        value: Schema,
    },
    /// A struct with its fields.
    Struct(Arc<Fields>),
}

impl Kind {
    /// The name as Java's `Schema.Type` prints it (`INT8`, `STRUCT`, …).
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::Int8 => "INT8",
            Self::Int16 => "INT16",
            Self::Int32 => "INT32",
            Self::Int64 => "INT64",
            Self::Float32 => "FLOAT32",
            Self::Float64 => "FLOAT64",
            Self::Boolean => "BOOLEAN",
            Self::String => "STRING",
            Self::Bytes => "BYTES",
            Self::Array(_) => "ARRAY",
            Self::Map { .. } => "MAP",
            Self::Struct(_) => "STRUCT",
        }
    }
    /// Whether it is neither array, map nor struct.
    pub fn is_primitive(&self) -> bool {
        !matches!(self, Self::Array(_) | Self::Map { .. } | Self::Struct(_))
    }
}

/// The ordered fields of a struct, with an index by name.
#[derive(Clone, Debug, Default)]
pub struct Fields {
    list: Vec<Field>,
    index: HashMap<Str, usize>,
}

impl PartialEq for Fields {
    fn eq(&self, other: &Self) -> bool {
        self.list == other.list
    }
}

impl Fields {
    /// Fields in order. Fails on a name that stands twice or is empty.
    pub fn new(list: Vec<(Str, Schema)>) -> Result<Self> {
        let mut fields = Vec::with_capacity(list.len());
        let mut index = HashMap::with_capacity(list.len());
        for (position, (name, schema)) in list.into_iter().enumerate() {
            if name.is_empty() {
                return Err(Error::new(ErrorKind::SchemaBuilder, "fieldName cannot be null."));
            }
            if index.insert(Str::clone(&name), position).is_some() {
                return Err(Error::new(
                    ErrorKind::SchemaBuilder,
                    format!("Cannot create field because of field name duplication {name}"),
                ));
            }
            fields.push(Field { name, index: position, schema });
        }
        Ok(Self { list: fields, index })
    }
    /// All fields in order.
    pub fn list(&self) -> &[Field] {
        &self.list
    }
    /// The field of that name.
    pub fn get(&self, name: &str) -> Option<&Field> {
        // Most structs are small: a scan, which mostly compares lengths only, beats hashing.
        if self.list.len() <= 16 {
            return self.list.iter().find(|field| &*field.name == name);
        }
        self.index.get(name).and_then(|&position| self.list.get(position))
    }
    /// How many.
    pub fn len(&self) -> usize {
        self.list.len()
    }
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }
}

/// One field of a struct.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    /// Its name.
    pub name: Str,
    /// Its position in the struct.
    pub index: usize,
    /// Its schema.
    pub schema: Schema,
}

macro_rules! constant_schemas {
    ($($(#[$doc:meta])* $name:ident, $kind:expr, $optional:expr;)*) => {
        $($(#[$doc])* pub fn $name() -> Schema {
            static SCHEMA: LazyLock<Schema> = LazyLock::new(|| {
                let builder = SchemaBuilder::new($kind);
                if $optional { builder.optional().build_plain() } else { builder.build_plain() }
            });
            Schema::clone(&SCHEMA)
        })*
    };
}

impl Schema {
    constant_schemas! {
        /// Required INT8.
        int8, Kind::Int8, false;
        /// Required INT16.
        int16, Kind::Int16, false;
        /// Required INT32.
        int32, Kind::Int32, false;
        /// Required INT64.
        int64, Kind::Int64, false;
        /// Required FLOAT32.
        float32, Kind::Float32, false;
        /// Required FLOAT64.
        float64, Kind::Float64, false;
        /// Required BOOLEAN.
        boolean, Kind::Boolean, false;
        /// Required STRING.
        string, Kind::String, false;
        /// Required BYTES.
        bytes, Kind::Bytes, false;
        /// Optional INT8.
        optional_int8, Kind::Int8, true;
        /// Optional INT16.
        optional_int16, Kind::Int16, true;
        /// Optional INT32.
        optional_int32, Kind::Int32, true;
        /// Optional INT64.
        optional_int64, Kind::Int64, true;
        /// Optional FLOAT32.
        optional_float32, Kind::Float32, true;
        /// Optional FLOAT64.
        optional_float64, Kind::Float64, true;
        /// Optional BOOLEAN.
        optional_boolean, Kind::Boolean, true;
        /// Optional STRING.
        optional_string, Kind::String, true;
        /// Optional BYTES.
        optional_bytes, Kind::Bytes, true;
    }

    /// Stands where Kafka Connect has no schema at all: for the elements of a list that was
    /// parsed from text and whose elements have no type in common. Any value fits it.
    pub fn absent() -> Self {
        static SCHEMA: LazyLock<Schema> = LazyLock::new(|| {
            SchemaBuilder::new(Kind::String).optional().name(Some("absent".into())).build_plain()
        });
        Self::clone(&SCHEMA)
    }
    /// Whether it is [`Schema::absent`].
    pub fn is_absent(&self) -> bool {
        self.same(&Self::absent())
    }
    /// What it describes.
    pub fn kind(&self) -> &Kind {
        &self.0.kind
    }
    /// Whether null is a value.
    pub fn is_optional(&self) -> bool {
        self.0.optional
    }
    /// What a missing value becomes.
    pub fn default_value(&self) -> Option<&Value> {
        self.0.default.as_ref()
    }
    /// The name, for logical types their class.
    pub fn name(&self) -> Option<&Str> {
        self.0.name.as_ref()
    }
    /// The version of the name.
    pub fn version(&self) -> Option<i32> {
        self.0.version
    }
    /// What it means.
    pub fn doc(&self) -> Option<&Str> {
        self.0.doc.as_ref()
    }
    /// Parameters, as `Decimal` keeps its scale. `None` when none were ever set.
    pub fn parameters(&self) -> Option<&Parameters> {
        self.0.parameters.as_ref()
    }
    /// The fields, if it is a struct.
    pub fn fields(&self) -> Option<&Arc<Fields>> {
        match &self.0.kind {
            Kind::Struct(fields) => Some(fields),
            _ => None,
        }
    }
    /// A field by name; `None` also when this is no struct.
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.fields().and_then(|fields| fields.get(name))
    }
    /// A 64-bit hash of all parts, computed when built.
    pub fn fingerprint(&self) -> u64 {
        self.0.fingerprint
    }
    /// Whether both are the very same object.
    pub fn same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
    /// A builder that starts with all parts of this schema.
    pub fn to_builder(&self) -> SchemaBuilder {
        SchemaBuilder {
            kind: self.0.kind.clone(),
            optional: self.0.optional,
            default: self.0.default.clone(),
            name: self.0.name.clone(),
            version: self.0.version,
            doc: self.0.doc.clone(),
            parameters: self.0.parameters.clone(),
        }
    }
}

impl PartialEq for Schema {
    fn eq(&self, other: &Self) -> bool {
        if Arc::ptr_eq(&self.0, &other.0) {
            return true;
        }
        let (a, b) = (&*self.0, &*other.0);
        a.fingerprint == b.fingerprint
            && a.optional == b.optional
            && a.version == b.version
            && a.name == b.name
            && a.doc == b.doc
            && a.parameters == b.parameters
            && a.default == b.default
            && a.kind == b.kind
    }
}

impl fmt::Debug for Schema {
    /// As Java prints it: `Schema{STRING}`, `Schema{name:STRUCT}`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0.name {
            Some(name) => write!(f, "Schema{{{name}:{}}}", self.0.kind.type_name()),
            None => write!(f, "Schema{{{}}}", self.0.kind.type_name()),
        }
    }
}

/// Builds a [`Schema`].
#[derive(Clone, Debug)]
pub struct SchemaBuilder {
    kind: Kind,
    optional: bool,
    default: Option<Value>,
    name: Option<Str>,
    version: Option<i32>,
    doc: Option<Str>,
    parameters: Option<Parameters>,
}

impl SchemaBuilder {
    /// A required schema of that kind.
    pub fn new(kind: Kind) -> Self {
        Self {
            kind,
            optional: false,
            default: None,
            name: None,
            version: None,
            doc: None,
            parameters: None,
        }
    }
    /// A struct with these fields.
    pub fn structure(fields: Vec<(Str, Schema)>) -> Result<Self> {
        Ok(Self::new(Kind::Struct(Arc::new(Fields::new(fields)?))))
    }
    /// Null becomes a value.
    #[must_use]
    pub fn optional(mut self) -> Self {
        self.optional = true;
        self
    }
    /// Sets whether null is a value.
    #[must_use]
    pub fn set_optional(mut self, optional: bool) -> Self {
        self.optional = optional;
        self
    }
    /// Sets the default, checked by [`SchemaBuilder::build`].
    #[must_use]
    pub fn default_value(mut self, value: Option<Value>) -> Self {
        self.default = value;
        self
    }
    /// Sets the name.
    #[must_use]
    pub fn name(mut self, name: Option<Str>) -> Self {
        self.name = name;
        self
    }
    /// Sets the version.
    #[must_use]
    pub fn version(mut self, version: Option<i32>) -> Self {
        self.version = version;
        self
    }
    /// Sets the documentation.
    #[must_use]
    pub fn doc(mut self, doc: Option<Str>) -> Self {
        self.doc = doc;
        self
    }
    /// Sets all parameters.
    #[must_use]
    pub fn parameters(mut self, parameters: Option<Parameters>) -> Self {
        self.parameters = parameters;
        self
    }
    /// Adds one parameter.
    #[must_use]
    pub fn parameter(mut self, key: &str, value: &str) -> Self {
        self.parameters.get_or_insert_default().insert(key.into(), value.into());
        self
    }
    /// The schema, its default checked against it (`SchemaBuilderException`, "Invalid default
    /// value").
    pub fn build(mut self) -> Result<Schema> {
        let default = self.default.take();
        let schema = self.clone().build_plain();
        let Some(value) = default else { return Ok(schema) };
        schema.validate(&value).map_err(|cause| {
            Error::new(ErrorKind::SchemaBuilder, "Invalid default value").caused_by(cause)
        })?;
        self.default = Some(value);
        Ok(self.build_plain())
    }
    /// The schema, nothing checked: for parts that come from a valid schema.
    pub fn build_plain(self) -> Schema {
        let mut hasher = DefaultHasher::new();
        hash_kind(&self.kind, &mut hasher);
        self.optional.hash(&mut hasher);
        self.name.hash(&mut hasher);
        self.version.hash(&mut hasher);
        self.doc.hash(&mut hasher);
        hash_parameters(self.parameters.as_ref(), &mut hasher);
        self.default.is_some().hash(&mut hasher);
        Schema(Arc::new(Inner {
            kind: self.kind,
            optional: self.optional,
            default: self.default,
            name: self.name,
            version: self.version,
            doc: self.doc,
            parameters: self.parameters,
            fingerprint: hasher.finish(),
        }))
    }
}

/// Schemas whose parameters differ in order alone are equal, so the order must not count.
fn hash_parameters(parameters: Option<&Parameters>, hasher: &mut DefaultHasher) {
    let Some(parameters) = parameters else { return };
    parameters.iter().collect::<BTreeMap<&Str, &Str>>().hash(hasher);
}

fn hash_kind(kind: &Kind, hasher: &mut DefaultHasher) {
    kind.type_name().hash(hasher);
    match kind {
        Kind::Array(element) => element.fingerprint().hash(hasher),
        Kind::Map { key, value } => {
            key.fingerprint().hash(hasher);
            value.fingerprint().hash(hasher);
        }
        Kind::Struct(fields) => {
            for field in fields.list() {
                field.name.hash(hasher);
                field.schema.fingerprint().hash(hasher);
            }
        }
        _ => {}
    }
}
