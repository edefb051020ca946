//! Reads the JSON of a schema.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use serde_json::{Map, Value as Json};

use super::text::without_comments;
use super::{Avro, Field, Kind, Named, Properties, Symbols};

type Result<T> = std::result::Result<T, String>;
type Object = Map<String, Json>;

/// Keys with a meaning of their own beside a type.
const OF_TYPES: &[&str] = &[
    "doc",
    "fields",
    "items",
    "name",
    "namespace",
    "size",
    "symbols",
    "values",
    "type",
    "aliases",
];
const OF_FIELDS: &[&str] = &["default", "doc", "name", "order", "type", "aliases"];

/// More than this is no field of a made-up record, but a mistake.
const FIXED_MAX: u64 = 16 * 1024 * 1024;

/// The schema in a text, in which Java's comments may stand. The error is a reason.
pub(in super::super) fn parse(text: &str) -> Result<Arc<Avro>> {
    parse_json(&json(text)?)
}

/// What a text is as JSON.
pub(in super::super) fn json(text: &str) -> Result<Json> {
    serde_json::from_str(&without_comments(text)).map_err(|error| error.to_string())
}

/// The schema in JSON.
pub(in super::super) fn parse_json(json: &Json) -> Result<Arc<Avro>> {
    Parser::default().schema(json, None)
}

#[derive(Default)]
struct Parser {
    names: HashMap<String, Arc<Avro>>,
    /// Names of records whose fields are being read.
    open: Vec<String>,
}

fn text<'a>(object: &'a Object, key: &str) -> Option<&'a str> {
    object.get(key).and_then(Json::as_str)
}

fn required<'a>(object: &'a Object, key: &str, what: &str) -> Result<&'a str> {
    text(object, key).ok_or_else(|| format!("No {what}: {}", Json::from(object.clone())))
}

fn properties(object: &Object, reserved: &[&str]) -> Properties {
    let others = object.iter().filter(|(key, _)| !reserved.contains(&key.as_str()));
    others.map(|(key, value)| (key.clone(), value.clone())).collect()
}

fn primitive(name: &str) -> Option<Kind> {
    Some(match name {
        "null" => Kind::Null,
        "boolean" => Kind::Boolean,
        "int" => Kind::Int,
        "long" => Kind::Long,
        "float" => Kind::Float,
        "double" => Kind::Double,
        "bytes" => Kind::Bytes,
        "string" => Kind::String,
        _ => return None,
    })
}

fn check_name(name: &str) -> Result<()> {
    let mut chars = name.chars();
    let is_letter = |c: char| c.is_alphabetic() || c == '_';
    if chars.next().is_some_and(is_letter) && chars.all(|c| is_letter(c) || c.is_numeric()) {
        return Ok(());
    }
    Err(format!("{name:?} is not allowed as a name: letters, digits and _ are"))
}

impl Parser {
    fn schema(&mut self, json: &Json, space: Option<&str>) -> Result<Arc<Avro>> {
        match json {
            Json::String(name) => self.find(name, space),
            Json::Array(branches) => self.union(branches, space),
            Json::Object(object) => self.object(object, space),
            other => Err(format!("No type: {other}")),
        }
    }

    fn find(&self, name: &str, space: Option<&str>) -> Result<Arc<Avro>> {
        if let Some(kind) = primitive(name) {
            return Ok(Arc::new(Avro { kind, properties: Properties::new() }));
        }
        let full = match space {
            Some(space) if !name.contains('.') => format!("{space}.{name}"),
            _ => name.to_owned(),
        };
        if self.open.contains(&full) {
            return Err(format!("Record {full} holds itself, which no Connect schema can"));
        }
        let known = self.names.get(&full).or_else(|| self.names.get(name));
        known.map(Arc::clone).ok_or_else(|| format!("Undefined name: {name:?}"))
    }

    fn object(&mut self, object: &Object, space: Option<&str>) -> Result<Arc<Avro>> {
        let type_ = required(object, "type", "type")?;
        let mut part = |key: &str| match object.get(key) {
            Some(json) => self.schema(json, space),
            None => Err(format!("No {key} of {type_}: {}", Json::from(object.clone()))),
        };
        let kind = match type_ {
            "array" => Kind::Array(part("items")?),
            "map" => Kind::Map(part("values")?),
            "record" | "error" | "enum" | "fixed" => return self.named(type_, object, space),
            other => match primitive(other) {
                Some(kind) => kind,
                None => return self.find(other, space),
            },
        };
        Ok(Arc::new(Avro { kind, properties: properties(object, OF_TYPES) }))
    }

    fn union(&mut self, branches: &[Json], space: Option<&str>) -> Result<Arc<Avro>> {
        let mut list: Vec<Arc<Avro>> = Vec::with_capacity(branches.len());
        for branch in branches {
            let branch = self.schema(branch, space)?;
            if matches!(branch.kind, Kind::Union(_)) {
                return Err("A union stands in a union".to_owned());
            }
            if list.iter().any(|known| known.name() == branch.name()) {
                return Err(format!("Duplicate in union: {}", branch.name()));
            }
            list.push(branch);
        }
        if list.is_empty() {
            return Err("A union has no types".to_owned());
        }
        Ok(Arc::new(Avro { kind: Kind::Union(list), properties: Properties::new() }))
    }

    fn named(&mut self, type_: &str, object: &Object, space: Option<&str>) -> Result<Arc<Avro>> {
        let written = required(object, "name", "name in schema")?;
        // A name with dots brings its namespace along.
        let (space, simple) = match written.rsplit_once('.') {
            Some((space, simple)) => (Some(space), simple),
            None => (text(object, "namespace").or(space), written),
        };
        let space = space.filter(|space| !space.is_empty());
        check_name(simple)?;
        let full = space.map_or_else(|| simple.to_owned(), |space| format!("{space}.{simple}"));
        if self.names.contains_key(&full) || self.open.contains(&full) || primitive(&full).is_some()
        {
            return Err(format!("Can't redefine: {full}"));
        }
        let doc = text(object, "doc").map(str::to_owned);
        let named = Named { full: full.clone(), doc };
        let kind = match type_ {
            "enum" => Kind::Enum(named, symbols(object)?),
            "fixed" => Kind::Fixed(named, size(object)?),
            _ => {
                self.open.push(full.clone());
                let fields = self.fields(object, space)?;
                self.open.pop();
                Kind::Record(named, fields)
            }
        };
        let mut properties = properties(object, OF_TYPES);
        if type_ == "enum" {
            properties.remove("default");
        }
        let avro = Arc::new(Avro { kind, properties });
        self.names.insert(full, Arc::clone(&avro));
        Ok(avro)
    }

    fn fields(&mut self, object: &Object, space: Option<&str>) -> Result<Vec<Field>> {
        let Some(Json::Array(list)) = object.get("fields") else {
            return Err(format!("Record has no fields: {}", Json::from(object.clone())));
        };
        let mut known = HashSet::with_capacity(list.len());
        let mut fields = Vec::with_capacity(list.len());
        for json in list {
            let Json::Object(object) = json else { return Err(format!("No field: {json}")) };
            let name = required(object, "name", "field name")?;
            check_name(name)?;
            if !known.insert(name) {
                return Err(format!("Duplicate field {name}"));
            }
            let Some(type_) = object.get("type") else {
                return Err(format!("No field type: {json}"));
            };
            fields.push(Field {
                name: name.to_owned(),
                doc: text(object, "doc").map(str::to_owned),
                default: object.get("default").cloned(),
                schema: self.schema(type_, space)?,
                properties: properties(object, OF_FIELDS),
            });
        }
        Ok(fields)
    }
}

fn symbols(object: &Object) -> Result<Symbols> {
    let Some(Json::Array(symbols)) = object.get("symbols") else {
        return Err(format!("Enum has no symbols: {}", Json::from(object.clone())));
    };
    let mut list: Vec<String> = Vec::with_capacity(symbols.len());
    let mut known = HashSet::with_capacity(symbols.len());
    for symbol in symbols {
        let Some(symbol) = symbol.as_str() else { return Err(format!("No symbol: {symbol}")) };
        check_name(symbol)?;
        if !known.insert(symbol) {
            return Err(format!("Duplicate enum symbol: {symbol}"));
        }
        list.push(symbol.to_owned());
    }
    if list.is_empty() {
        return Err("Enum has no symbols".to_owned());
    }
    let default = text(object, "default").map(str::to_owned);
    match &default {
        Some(default) if !list.contains(default) => {
            Err(format!("The default {default} of an enum is none of its symbols"))
        }
        _ => Ok(Symbols { list, default }),
    }
}

fn size(object: &Object) -> Result<usize> {
    let size = object.get("size").and_then(Json::as_u64).filter(|size| *size <= FIXED_MAX);
    size.and_then(|size| usize::try_from(size).ok()).ok_or_else(|| {
        format!(
            "Invalid or no size, which is {FIXED_MAX} bytes at most: {}",
            Json::from(object.clone())
        )
    })
}
