//! Avro schemas, as far as data are made by them.

mod parse;
mod text;

use std::sync::Arc;

use serde_json::{Map, Value as Json};

pub(super) use parse::{json, parse, parse_json};

/// What stands beside a type besides what makes it one: `arg.properties`, `logicalType` and the
/// like.
pub(super) type Properties = Map<String, Json>;

/// A type. Those with a name are shared by all places that refer to them: what a type counts, as
/// `iteration` does, it counts for all of them.
#[derive(Debug)]
pub(super) struct Avro {
    pub(super) kind: Kind,
    pub(super) properties: Properties,
}

/// What a type is.
#[derive(Debug)]
pub(super) enum Kind {
    Null,
    Boolean,
    Int,
    Long,
    Float,
    Double,
    Bytes,
    String,
    Array(Arc<Avro>),
    /// From texts to values of that type.
    Map(Arc<Avro>),
    Union(Vec<Arc<Avro>>),
    Record(Named, Vec<Field>),
    Enum(Named, Symbols),
    Fixed(Named, usize),
}

/// Of a type with a name.
#[derive(Debug)]
pub(super) struct Named {
    /// With the namespace.
    pub(super) full: String,
    pub(super) doc: Option<String>,
}

impl Named {
    /// The name without the namespace.
    pub(super) fn simple(&self) -> &str {
        self.full.rsplit('.').next().unwrap_or(&self.full)
    }
}

/// A field of a record.
#[derive(Debug)]
pub(super) struct Field {
    pub(super) name: String,
    pub(super) doc: Option<String>,
    pub(super) default: Option<Json>,
    pub(super) schema: Arc<Avro>,
    /// What stands beside the field, not its type.
    pub(super) properties: Properties,
}

/// Of an enum.
#[derive(Debug)]
pub(super) struct Symbols {
    pub(super) list: Vec<String>,
    pub(super) default: Option<String>,
}

impl Avro {
    /// As a schema writes it: `record`, `int`, …
    pub(super) fn kind_name(&self) -> &'static str {
        match self.kind {
            Kind::Null => "null",
            Kind::Boolean => "boolean",
            Kind::Int => "int",
            Kind::Long => "long",
            Kind::Float => "float",
            Kind::Double => "double",
            Kind::Bytes => "bytes",
            Kind::String => "string",
            Kind::Array(_) => "array",
            Kind::Map(_) => "map",
            Kind::Union(_) => "union",
            Kind::Record(..) => "record",
            Kind::Enum(..) => "enum",
            Kind::Fixed(..) => "fixed",
        }
    }
    /// What tells a branch of a union from the others.
    pub(super) fn name(&self) -> &str {
        match &self.kind {
            Kind::Record(named, _) | Kind::Enum(named, _) | Kind::Fixed(named, _) => &named.full,
            _ => self.kind_name(),
        }
    }
    pub(super) fn is_null(&self) -> bool {
        matches!(self.kind, Kind::Null)
    }
    /// Whether that logical type is named beside it, in whatever case.
    pub(super) fn is_logical(&self, logical: &str) -> bool {
        let own = self.properties.get("logicalType").and_then(Json::as_str);
        own.is_some_and(|own| own.eq_ignore_ascii_case(logical))
    }
    /// A whole number beside it.
    pub(super) fn whole(&self, key: &str) -> Option<i64> {
        self.properties.get(key).and_then(Json::as_i64)
    }
}
