//! From a JSON Schema to the Connect schema of its values.

use std::collections::{HashMap, HashSet};

use bytestring::ByteString;
use gantry_model::text::sort_as_hash_map;
use gantry_model::{Error, Kind, Result, Schema, SchemaBuilder, Value};
use gantry_schema_json::Document;
use gantry_schema_json::model::{Combined, Criterion, Kind as JsonKind, ObjectRules, SchemaId};
use gantry_schema_model::Node;

use super::all_of::{self, Merged};
use super::config::Settings;
use super::fault::{Checked, Fault};
use super::plan::{
    DEPTH_MAX, EXTRAS_FIELD, GENERAL_ENUM, JSON_ENUM, KEY, ONE_OF, Plan, UNION_PARAMETER, VALUE,
    VARIANT,
};
use super::read;
use super::translate::{ID, INDEX, NULL_SYMBOL, PARAMETERS, TYPE, VERSION};

/// How many schemas one may become: each reference makes a copy of what it refers to.
const SCHEMAS_MAX: usize = 100_000;
/// The prefixes of a union's name and of its fields, where all formats share them.
const GENERAL_UNION: &str = "connect_union_";
const GENERAL_UNION_FIELD: &str = "connect_union_field_";
/// What identifiers of structs begin with.
const ID_PREFIX: &str = "#id";

/// The Connect schema of a document. `version` is that of the schema in its subject.
pub(crate) fn schema(
    document: &Document,
    version: Option<i32>,
    settings: &Settings,
) -> Result<Schema> {
    let translate = |ids| -> Checked<(Schema, HashMap<SchemaId, usize>)> {
        let mut to = ToConnect {
            document,
            settings,
            ids,
            structs: HashMap::new(),
            references: Vec::new(),
            numbers: HashMap::new(),
            next_id: 0,
            unions: 0,
            schemas: 0,
            depth: 0,
        };
        let schema = to.schema(document.root_id(), version, false)?;
        Ok((schema, to.numbers))
    };
    let found = translate(HashMap::new()).and_then(|(schema, numbers)| {
        // All but the first use of a struct have the number of its last use, which is known now.
        let again = !numbers.is_empty();
        if again { translate(numbers).map(|(schema, _)| schema) } else { Ok(schema) }
    });
    found.map_err(Fault::into_error)
}

pub(crate) struct ToConnect<'d> {
    pub(crate) document: &'d Document,
    pub(crate) settings: &'d Settings,
    /// The numbers of structs that are referred to again, as they came out before.
    ids: HashMap<SchemaId, usize>,
    /// The structs that were made.
    structs: HashMap<SchemaId, Schema>,
    /// The references that are followed at the moment.
    references: Vec<SchemaId>,
    /// The numbers of structs that are referred to again, as they come out now.
    numbers: HashMap<SchemaId, usize>,
    next_id: usize,
    unions: usize,
    schemas: usize,
    depth: usize,
}

impl ToConnect<'_> {
    /// `optional`: null is a value, whatever the schema says.
    pub(crate) fn schema(
        &mut self,
        id: SchemaId,
        version: Option<i32>,
        optional: bool,
    ) -> Checked<Schema> {
        self.schemas += 1;
        if self.schemas > SCHEMAS_MAX || self.depth >= DEPTH_MAX {
            return Err(Fault::data(format!(
                "the schema is too large: more than {DEPTH_MAX} levels, or {SCHEMAS_MAX} parts \
                 with all that it refers to"
            )));
        }
        self.depth += 1;
        let schema = self.kind(id, version, optional);
        self.depth -= 1;
        schema
    }

    fn kind(&mut self, id: SchemaId, version: Option<i32>, optional: bool) -> Checked<Schema> {
        let schema = self.document.get(id);
        let builder = match &schema.kind {
            JsonKind::Boolean => SchemaBuilder::new(Kind::Boolean),
            JsonKind::Number(rules) => self.number(id, rules.integer)?,
            JsonKind::String(_) => match self.connect_type(id)? {
                Some("bytes") => SchemaBuilder::new(Kind::Bytes),
                _ => SchemaBuilder::new(Kind::String),
            },
            JsonKind::Const(Node::Null) => {
                return Err(Fault::data("a const of null has no Connect schema"));
            }
            JsonKind::Const(value) => self.symbols(std::slice::from_ref(value)),
            JsonKind::Enum(values) => self.symbols(values),
            JsonKind::Combined(combined) => match self.combined(id, combined, version, optional)? {
                Made::Whole(schema) => return Ok(schema),
                Made::Part(builder) => builder,
            },
            JsonKind::Array(rules) => {
                let items = rules.items.ok_or_else(|| {
                    Fault::data("Array schema did not specify the items type: it needs 'items'")
                })?;
                self.array(id, items)?
            }
            JsonKind::Empty | JsonKind::True => variant(),
            JsonKind::Object(rules) => self.object(id, rules)?,
            JsonKind::Reference(reference) => {
                return self.reference(reference.schema, version, optional);
            }
            unsupported => {
                return Err(Fault::data(format!(
                    "Unsupported schema type: {} has no Connect schema",
                    kind_name(unsupported)
                )));
            }
        };
        let made = self.finish(id, builder, version, optional)?;
        if matches!(&schema.kind, JsonKind::Object(_)) && made.fields().is_some() {
            self.structs.insert(id, made.clone());
        }
        Ok(made)
    }

    /// Adds what schemas of all kinds have.
    fn finish(
        &mut self,
        id: SchemaId,
        mut builder: SchemaBuilder,
        version: Option<i32>,
        optional: bool,
    ) -> Checked<Schema> {
        let schema = self.document.get(id);
        // Unions and variants have names of their own.
        let named = matches!(schema.kind, JsonKind::Combined(_) | JsonKind::Empty | JsonKind::True);
        if let Some(title) = schema.title.as_deref().filter(|_| !named) {
            builder = builder.name(Some(title.into()));
        }
        let own = match schema.extension(VERSION) {
            None | Some(Node::Null) => None,
            Some(node) => Some(int(VERSION, node)?),
        };
        builder = builder.version(own.or(version));
        builder = builder.doc(schema.description.as_deref().map(Into::into));
        match schema.extension(PARAMETERS) {
            None | Some(Node::Null) => {}
            Some(Node::Map(parameters)) => {
                for (key, value) in parameters {
                    let Node::Text(value) = value else {
                        return Err(Fault::data(format!(
                            "'{PARAMETERS}' has {value} for '{key}', which is no text"
                        )));
                    };
                    builder = builder.parameter(key, value);
                }
            }
            Some(other) => {
                return Err(Fault::data(format!("'{PARAMETERS}' is {other}, not an object")));
            }
        }
        if let Some(default) = &schema.default {
            let value = self.default(&builder, default)?;
            builder = builder.default_value(Some(value));
        }
        if optional {
            builder = builder.optional();
        }
        Ok(builder.build()?)
    }

    fn default(&self, builder: &SchemaBuilder, default: &Node) -> Checked<Value> {
        let schema = builder.clone().build_plain();
        let plan = Plan::new(&schema, self.settings)?;
        let text = ByteString::from(default.to_string());
        read::value(&text, false, &plan).map(Option::unwrap_or_default).map_err(|fault| {
            let cause = fault.into_error();
            Fault::new(
                Error::data(format!("the default value {text} does not fit its schema"))
                    .caused_by(cause),
            )
        })
    }

    /// An extension that has to be a text.
    fn connect_type(&self, id: SchemaId) -> Checked<Option<&str>> {
        match self.document.get(id).extension(TYPE) {
            None | Some(Node::Null) => Ok(None),
            Some(Node::Text(text)) => Ok(Some(text)),
            Some(other) => Err(Fault::data(format!("'{TYPE}' is {other}, not a text"))),
        }
    }

    fn number(&self, id: SchemaId, integer: bool) -> Checked<SchemaBuilder> {
        Ok(SchemaBuilder::new(match self.connect_type(id)? {
            None if integer => Kind::Int64,
            None | Some("float64") => Kind::Float64,
            Some("int8") => Kind::Int8,
            Some("int16") => Kind::Int16,
            Some("int32") => Kind::Int32,
            Some("int64") => Kind::Int64,
            Some("float32") => Kind::Float32,
            Some("bytes") => Kind::Bytes,
            Some(other) => {
                return Err(Fault::data(format!(
                    "Unsupported type {other}: '{TYPE}' of a number is int8, int16, int32, int64, \
                     float32, float64 or bytes"
                )));
            }
        }))
    }

    fn symbols(&self, values: &[Node]) -> SchemaBuilder {
        let general = self.settings.generalized_sums;
        let parameter = if general { GENERAL_ENUM } else { JSON_ENUM };
        let mut builder = SchemaBuilder::new(Kind::String).parameter(parameter, "");
        for (index, value) in values.iter().enumerate() {
            let symbol = match value {
                Node::Null => NULL_SYMBOL.to_owned(),
                value => java_text(value),
            };
            let value = if general { index.to_string() } else { symbol.clone() };
            builder = builder.parameter(&format!("{parameter}.{symbol}"), &value);
        }
        builder
    }

    fn combined(
        &mut self,
        id: SchemaId,
        combined: &Combined,
        version: Option<i32>,
        optional: bool,
    ) -> Checked<Made> {
        let parts = combined.schemas.as_slice();
        if let ([only], true) = (parts, self.settings.flatten_singleton_unions) {
            return self.schema(*only, None, false).map(Made::Whole);
        }
        if combined.criterion == Criterion::All {
            return self.all_of(id, parts, version, optional).map(Made::Whole);
        }
        // A union of one schema and null takes a number, too.
        let number = self.unions;
        self.unions += 1;
        let is_null = |id: &SchemaId| matches!(self.document.get(*id).kind, JsonKind::Null);
        match parts {
            [null, other] | [other, null] if is_null(null) && !is_null(other) => {
                return self.schema(*other, version, true).map(Made::Whole);
            }
            [one, other] if is_null(one) && is_null(other) => {
                return Err(Fault::data("a union of nulls has no Connect schema"));
            }
            _ => {}
        }
        self.union(parts, number).map(Made::Part)
    }

    fn union(&mut self, parts: &[SchemaId], number: usize) -> Checked<SchemaBuilder> {
        let general = self.settings.generalized_sums;
        let (name, prefix) = if general {
            (format!("{GENERAL_UNION}{number}"), GENERAL_UNION_FIELD.to_owned())
        } else {
            (ONE_OF.to_owned(), format!("{ONE_OF}.field."))
        };
        let mut fields = Vec::new();
        let mut optional = false;
        for part in parts {
            if matches!(self.document.get(*part).kind, JsonKind::Null) {
                optional = true;
                continue;
            }
            let field = format!("{prefix}{}", fields.len());
            let schema = self.schema(*part, None, true).map_err(|f| f.in_field(&field))?;
            fields.push((field.as_str().into(), schema));
        }
        let mut builder = SchemaBuilder::structure(fields)?.name(Some(name.as_str().into()));
        if general {
            builder = builder.parameter(UNION_PARAMETER, &name);
        }
        Ok(builder.set_optional(optional))
    }

    fn array(&mut self, id: SchemaId, items: SchemaId) -> Checked<SchemaBuilder> {
        let document = self.document;
        if let (Some("map"), JsonKind::Object(entry)) =
            (self.connect_type(id)?, &document.get(items).kind)
        {
            let mut part = |name: &str| {
                let part = entry.property(name).ok_or_else(|| {
                    Fault::data(format!("the entries of a map have no property '{name}'"))
                })?;
                self.schema(part, None, false).map_err(|f| f.in_field(name))
            };
            return Ok(SchemaBuilder::new(Kind::Map { key: part(KEY)?, value: part(VALUE)? }));
        }
        let element = self.schema(items, None, false).map_err(|f| f.in_field("[]"))?;
        Ok(SchemaBuilder::new(Kind::Array(element)))
    }

    fn object(&mut self, id: SchemaId, rules: &ObjectRules) -> Checked<SchemaBuilder> {
        if self.connect_type(id)? == Some("map") {
            let values = rules.additional.ok_or_else(|| {
                Fault::data("a map has no schema of its values: it needs 'additionalProperties'")
            })?;
            let value = self.schema(values, None, false).map_err(|f| f.in_field("*"))?;
            return Ok(SchemaBuilder::new(Kind::Map { key: Schema::string(), value }));
        }
        let extras = self.settings.preserve_additional_properties && rules.admits_additional;
        if extras && rules.property(EXTRAS_FIELD).is_some() {
            return Err(Fault::data(format!(
                "JSON Schema property name '{EXTRAS_FIELD}' collides with the reserved field name \
                 for preserve.additional.properties=true: give the property another name, or set \
                 the key to false"
            )));
        }
        let required: HashSet<&str> = rules.required.iter().map(String::as_str).collect();
        let mut fields = Vec::with_capacity(rules.properties.len() + usize::from(extras));
        for (name, property) in self.in_order(rules)? {
            let optional =
                self.settings.optional_for_non_required && !required.contains(name.as_str());
            let schema = self.schema(property, None, optional).map_err(|f| f.in_field(&name))?;
            fields.push((name.as_str().into(), schema));
        }
        if extras {
            let value = variant().build_plain();
            let map = SchemaBuilder::new(Kind::Map { key: Schema::string(), value }).optional();
            fields.push((EXTRAS_FIELD.into(), map.build_plain()));
        }
        Ok(SchemaBuilder::structure(fields)?)
    }

    /// The properties of a struct: by the places that they name; one that names none comes in the
    /// order of Java's hash map. Where such a one comes upon the place of another (of which
    /// Confluent's converter then loses one), it comes behind it.
    fn in_order(&self, rules: &ObjectRules) -> Checked<Vec<(String, SchemaId)>> {
        let mut properties = rules.properties.clone();
        sort_as_hash_map(&mut properties, |(name, _)| name);
        let mut placed = Vec::with_capacity(properties.len());
        for (at, (name, property)) in properties.into_iter().enumerate() {
            let own = match self.document.get(property).extension(INDEX) {
                None | Some(Node::Null) => None,
                Some(node) => Some(int(INDEX, node).map_err(|f| f.in_field(&name))?),
            };
            let place = own.map_or_else(|| i64::try_from(at).unwrap_or(i64::MAX), i64::from);
            placed.push((place, own.is_none(), name, property));
        }
        placed.sort_by_key(|(place, implicit, ..)| (*place, *implicit));
        Ok(placed.into_iter().map(|(_, _, name, property)| (name, property)).collect())
    }

    /// What a reference leads to.
    pub(crate) fn reference(
        &mut self,
        target: SchemaId,
        version: Option<i32>,
        optional: bool,
    ) -> Checked<Schema> {
        if self.references.contains(&target) {
            return Err(Fault::data(
                "the schema contains itself by way of a $ref: a Connect schema cannot",
            ));
        }
        if let Some(known) = self.structs.get(&target) {
            self.next_id += 1;
            self.numbers.insert(target, self.next_id);
            let number = self.ids.get(&target).copied().unwrap_or(self.next_id);
            return Ok(known
                .to_builder()
                .set_optional(optional)
                .parameter(ID, &format!("{ID_PREFIX}{number}"))
                .build_plain());
        }
        self.references.push(target);
        let schema = self.schema(target, version, optional);
        self.references.pop();
        schema
    }

    /// `allOf`: a struct of all properties, if there are some.
    fn all_of(
        &mut self,
        id: SchemaId,
        parts: &[SchemaId],
        version: Option<i32>,
        optional: bool,
    ) -> Checked<Schema> {
        match all_of::merged(self.document, parts) {
            Merged::Struct(properties) => {
                let mut fields = Vec::with_capacity(properties.len());
                for (name, property, required) in properties {
                    let is_optional = self.settings.optional_for_non_required && !required;
                    let schema =
                        self.schema(property, None, is_optional).map_err(|f| f.in_field(&name))?;
                    fields.push((name.as_str().into(), schema));
                }
                let made = SchemaBuilder::structure(fields)?.set_optional(optional).build_plain();
                self.structs.insert(id, made.clone());
                Ok(made)
            }
            Merged::Part(part) => self.schema(part, version, optional),
            Merged::Reference(target) => self.reference(target, version, optional),
            Merged::Nothing => Err(Fault::data(
                "Unsupported criterion allOf: its parts have no properties, and no text, number, \
                 enum or union decides what its values are",
            )),
        }
    }
}

/// A schema that is finished, or not yet.
enum Made {
    Whole(Schema),
    Part(SchemaBuilder),
}

fn variant() -> SchemaBuilder {
    let bytes = || Schema::bytes();
    let fields = vec![("metadata".into(), bytes()), ("value".into(), bytes())];
    // Two names that differ: this cannot fail.
    let empty = SchemaBuilder::new(Kind::Struct(std::sync::Arc::default()));
    SchemaBuilder::structure(fields).unwrap_or(empty).name(Some(VARIANT.into()))
}

fn int(key: &str, node: &Node) -> Checked<i32> {
    match node {
        Node::Number(number) => number.parse().ok(),
        _ => None,
    }
    .ok_or_else(|| Fault::data(format!("'{key}' is {node}, not a whole number of 32 bits")))
}

fn kind_name(kind: &JsonKind) -> &'static str {
    match kind {
        JsonKind::False => "false, which admits nothing,",
        JsonKind::Null => "the type null alone",
        JsonKind::Not(_) => "'not'",
        JsonKind::Conditional(_) => "'if'",
        _ => "this",
    }
}

/// A value as Java's `toString` writes it.
fn java_text(node: &Node) -> String {
    match node {
        Node::Text(text) => text.clone(),
        Node::List(items) => {
            let items: Vec<String> = items.iter().map(java_text).collect();
            format!("[{}]", items.join(", "))
        }
        Node::Map(map) => {
            let mut map: Vec<&(String, Node)> = map.iter().collect();
            sort_as_hash_map(&mut map, |(key, _)| key);
            let entries: Vec<String> =
                map.iter().map(|(key, value)| format!("{key}={}", java_text(value))).collect();
            format!("{{{}}}", entries.join(", "))
        }
        plain => plain.to_string(),
    }
}
