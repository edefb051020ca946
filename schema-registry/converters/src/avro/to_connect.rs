//! The Connect schema of values that were written by an Avro schema.

use gantry_model::logical;
use gantry_model::{Error, Kind, Result, Schema, SchemaBuilder, Str, Struct, Value};
use gantry_schema_avro::{
    AvroSchema, Definition, Field, Kind as Named, Logical, Primitive, Properties, Type, TypeId,
    Types,
};
use gantry_schema_model::Node;

use super::keys::Settings;
use super::to_avro::{MAX_DEPTH, MAX_TYPES};
use super::{defaults, names};

/// The Connect schema of an Avro schema, which is the `version`th of its subject.
pub(super) fn translate(
    settings: &Settings,
    avro: &AvroSchema,
    version: Option<i32>,
) -> Result<Schema> {
    let types = avro.types();
    let mut translation = Translation { settings, types, open: Vec::new(), unions: 0, count: 0 };
    translation.schema(avro.root(), Place { version, ..Place::default() }, 0)
}

struct Translation<'a> {
    settings: &'a Settings,
    types: &'a Types,
    /// The records around what is being translated.
    open: Vec<TypeId>,
    unions: usize,
    count: usize,
}

/// What the place of a schema adds to it.
#[derive(Clone, Copy, Default)]
struct Place<'a> {
    optional: bool,
    /// That of a field; it counts more than that of Connect.
    default: Option<&'a Node>,
    doc: Option<&'a str>,
    version: Option<i32>,
}

impl Place<'_> {
    const BRANCH: Place<'static> =
        Place { optional: true, default: None, doc: None, version: None };
}

/// Whether it is null with nothing beside it, which makes the other of two types optional.
pub(super) fn is_plain_null(schema: &Type) -> bool {
    matches!(schema, Type::Primitive(Primitive::Null, beside) if beside.properties.is_empty())
}

pub(super) fn is_null(schema: &Type) -> bool {
    matches!(schema, Type::Primitive(Primitive::Null, _))
}

/// What a union is in Connect.
pub(super) enum Branches<'a> {
    /// The only type.
    Only(&'a Type),
    /// The type at that place, or null, which is the other one.
    Optional(usize, &'a Type),
    /// A struct.
    Several,
}

/// How a union is seen.
pub(super) fn branches<'a>(settings: &Settings, all: &'a [Type]) -> Branches<'a> {
    match all {
        [only] if settings.flatten_singletons => Branches::Only(only),
        [null, other] if is_plain_null(null) && !is_plain_null(other) => {
            Branches::Optional(1, other)
        }
        [other, null] if is_plain_null(null) && !is_plain_null(other) => {
            Branches::Optional(0, other)
        }
        _ => Branches::Several,
    }
}

/// The name of the field of a union's `at`th branch.
pub(super) fn branch_name(settings: &Settings, types: &Types, branch: &Type, at: usize) -> String {
    match branch {
        _ if settings.generalized => format!("{}{at}", names::GENERAL_UNION_FIELD),
        Type::Named(id) => {
            let name = &types.get(*id).name;
            match settings.enhanced {
                true => name.full().to_owned(),
                false => names::split(name.simple(), settings.scrub_names).1,
            }
        }
        other => types.kind_of(other).to_owned(),
    }
}

/// The fields of a record of a key and a value, if a list of such is a map.
pub(super) fn map_entry<'a>(
    types: &'a Types,
    items: &Type,
) -> Result<Option<(&'a Field, &'a Field)>> {
    let Type::Named(id) = items else { return Ok(None) };
    let definition = types.get(*id);
    let Named::Record { fields, .. } = &definition.kind else { return Ok(None) };
    let name = &definition.name;
    let is_entry = name.space() == Some(names::NAMESPACE) && name.simple() == names::MAP_ENTRY
        || definition.attributes.properties.text(names::CONNECT_INTERNAL_TYPE)
            == Some(names::MAP_ENTRY);
    if !is_entry {
        return Ok(None);
    }
    let of = |name: &str| fields.iter().find(|field| field.name == name);
    match (fields.len(), of(names::KEY), of(names::VALUE)) {
        (2, Some(key), Some(value)) => Ok(Some((key, value))),
        _ => Err(Error::data(
            "Found map encoded as array of key-value pairs, but array elements do not match the \
             expected format.",
        )),
    }
}

/// Whether a record is a value of any type.
pub(super) fn is_variant(definition: &Definition) -> bool {
    definition.attributes.logical == Some(Logical::Variant)
}

impl Translation<'_> {
    fn schema(&mut self, avro: &Type, place: Place<'_>, depth: usize) -> Result<Schema> {
        self.count += 1;
        if depth > MAX_DEPTH || self.count > MAX_TYPES {
            return Err(Error::data(format!(
                "The Avro schema has more than {MAX_DEPTH} levels or {MAX_TYPES} types"
            )));
        }
        let builder = match avro {
            Type::Union(all) => match branches(self.settings, all) {
                Branches::Only(only) => {
                    let place = Place { doc: place.doc, ..Place::default() };
                    return self.schema(only, place, depth + 1);
                }
                Branches::Optional(_, other) => {
                    let place = Place { doc: place.doc, ..Place::BRANCH };
                    return self.schema(other, place, depth + 1);
                }
                Branches::Several => self.union(all, depth)?,
            },
            Type::Primitive(primitive, beside) => primitive_builder(*primitive, beside)?,
            Type::Array(items, _) => match map_entry(self.types, items)? {
                Some((key, value)) => {
                    self.enter(items)?;
                    let key = self.schema(&key.schema, Place::default(), depth + 1)?;
                    let value = self.schema(&value.schema, Place::default(), depth + 1)?;
                    self.open.pop();
                    SchemaBuilder::new(Kind::Map { key, value })
                }
                None => {
                    let element = self.schema(items, Place::default(), depth + 1)?;
                    SchemaBuilder::new(Kind::Array(element))
                }
            },
            Type::Map(values, _) => {
                let value = self.schema(values, Place::default(), depth + 1)?;
                SchemaBuilder::new(Kind::Map { key: Schema::string(), value })
            }
            Type::Named(id) => self.named(avro, self.types.get(*id), depth)?,
        };
        self.describe(avro, builder, place)
    }

    /// Notes a record around what comes next.
    fn enter(&mut self, record: &Type) -> Result<()> {
        let Type::Named(id) = record else { return Ok(()) };
        if self.open.contains(id) {
            return Err(Error::data(format!(
                "Record {} holds itself, which no Connect schema can",
                self.types.name_of(record)
            )));
        }
        self.open.push(*id);
        Ok(())
    }

    fn named(&mut self, avro: &Type, of: &Definition, depth: usize) -> Result<SchemaBuilder> {
        match &of.kind {
            Named::Record { .. } if is_variant(of) => {
                let fields = names::VARIANT_FIELDS.map(|name| (Str::from(name), Schema::bytes()));
                Ok(SchemaBuilder::structure(fields.to_vec())?.name(Some(names::VARIANT.into())))
            }
            Named::Record { fields, .. } => {
                self.enter(avro)?;
                let builder = self.record(of, fields, depth);
                self.open.pop();
                builder
            }
            Named::Enum { symbols, default } => {
                Ok(self.enumeration(of, symbols, default.as_deref()))
            }
            Named::Fixed { size } => {
                let builder = match &of.attributes.properties {
                    properties if is_logical(properties, "decimal") => decimal(properties)?,
                    _ => SchemaBuilder::new(Kind::Bytes),
                };
                Ok(builder.parameter(names::FIXED_SIZE, &size.to_string()))
            }
        }
    }

    fn record(&mut self, of: &Definition, fields: &[Field], depth: usize) -> Result<SchemaBuilder> {
        let keeps_docs = !self.settings.discard_doc && self.settings.meta_data;
        let mut parameters = Vec::new();
        if keeps_docs && let Some(doc) = &of.doc {
            parameters.push((names::RECORD_DOC.to_owned(), doc));
        }
        let mut list = Vec::with_capacity(fields.len());
        for field in fields {
            if keeps_docs && let Some(doc) = &field.doc {
                parameters.push((format!("{}{}", names::FIELD_DOC, field.name), doc));
            }
            let default = field
                .default
                .as_ref()
                .filter(|node| defaults::is_readable(self.types, &field.schema, node));
            let place = Place { default, doc: field.doc.as_deref(), ..Place::default() };
            let mut schema = self.schema(&field.schema, place, depth + 1)?;
            if self.settings.meta_data
                && let Some(Node::Map(pairs)) = field.properties.get(names::CONNECT_PARAMETERS)
            {
                schema = with_parameters(schema, pairs);
            }
            list.push((Str::from(field.name.as_str()), schema));
        }
        let builder = SchemaBuilder::structure(list)?;
        Ok(parameters.iter().fold(builder, |builder, (key, doc)| builder.parameter(key, doc)))
    }

    fn enumeration(
        &self,
        of: &Definition,
        symbols: &[String],
        default: Option<&str>,
    ) -> SchemaBuilder {
        let simple = of.name.simple();
        let mut builder = SchemaBuilder::new(Kind::String);
        if self.settings.meta_data {
            if let Some(doc) = &of.doc {
                let key = match self.settings.discard_doc {
                    true => names::OLD_ENUM_DOC.to_owned(),
                    false => format!("{}{simple}", names::ENUM_DOC),
                };
                builder = builder.parameter(&key, doc);
            }
            if let Some(default) = default
                && !self.settings.discard_doc
            {
                builder = builder.parameter(&format!("{}{simple}", names::ENUM_DEFAULT), default);
            }
        }
        let generalized = self.settings.generalized;
        let key = if generalized { names::GENERAL_ENUM } else { names::ENUM };
        builder = builder.parameter(key, of.name.full());
        for (at, symbol) in symbols.iter().enumerate() {
            let value = if generalized { at.to_string() } else { symbol.clone() };
            builder = builder.parameter(&format!("{key}.{symbol}"), &value);
        }
        builder
    }

    fn union(&mut self, all: &[Type], depth: usize) -> Result<SchemaBuilder> {
        let name = match self.settings.generalized {
            true => format!("{}{}", names::GENERAL_UNION_NAME, self.unions),
            false => names::UNION.to_owned(),
        };
        self.unions += 1;
        let mut fields: Vec<(Str, Schema)> = Vec::with_capacity(all.len());
        for (at, branch) in all.iter().enumerate().filter(|(_, branch)| !is_null(branch)) {
            let name = Str::from(branch_name(self.settings, self.types, branch, at));
            if fields.iter().any(|(known, _)| *known == name) {
                return Err(Error::data(format!(
                    "Multiple union schemas map to the Connect union field name {name}"
                )));
            }
            fields.push((name, self.schema(branch, Place::BRANCH, depth + 1)?));
        }
        let mut builder = SchemaBuilder::structure(fields)?.set_optional(all.iter().any(is_null));
        if self.settings.generalized {
            builder = builder.parameter(names::GENERAL_UNION, &name);
        }
        Ok(builder.name(Some(name.into())))
    }

    /// Adds what is beside the type.
    fn describe(&self, avro: &Type, builder: SchemaBuilder, place: Place<'_>) -> Result<Schema> {
        let none = Properties::default();
        let beside = self.types.attributes(avro).map_or(&none, |beside| &beside.properties);
        let definition = match avro {
            Type::Named(id) => Some(self.types.get(*id)),
            _ => None,
        };
        let mut builder = self.with_docs(builder, definition, beside, place.doc);
        // What is there so far: unions and logical types have names, logical types a version.
        let own = builder.clone().build_plain();
        builder = builder.version(version(beside, &own, place.version)?);
        builder = self.with_properties(builder, beside)?;
        let connect_default = beside.get(names::CONNECT_DEFAULT);
        if place.default.is_some()
            && connect_default.is_none()
            && !self.settings.discard_doc
            && self.settings.meta_data
        {
            builder = builder.parameter(names::FIELD_DEFAULT, "true");
        }
        builder = builder.name(name(beside, &own, definition)?);
        if place.optional {
            builder = builder.optional();
        }
        let schema = builder.clone().build_plain();
        let from_json = defaults::FromJson { settings: self.settings, types: self.types };
        let default = place
            .default
            .or(connect_default)
            .and_then(|node| from_json.value(avro, &schema, node))
            .filter(|value| !value.is_null() && schema.validate(value).is_ok());
        Ok(match default {
            Some(_) => builder.default_value(default).build_plain(),
            None => schema,
        })
    }

    fn with_docs(
        &self,
        builder: SchemaBuilder,
        definition: Option<&Definition>,
        beside: &Properties,
        of_field: Option<&str>,
    ) -> SchemaBuilder {
        let of_connect = beside.text(names::CONNECT_DOC);
        if !self.settings.discard_doc {
            let doc = of_connect.filter(|_| self.settings.meta_data);
            return builder.doc(doc.map(Str::from));
        }
        let own = definition.and_then(|definition| definition.doc.as_deref());
        let builder = builder.doc(of_field.or(own).or(of_connect).map(Str::from));
        match own.filter(|_| self.settings.meta_data) {
            Some(own) => builder.parameter(names::OLD_RECORD_DOC, own),
            None => builder,
        }
    }

    fn with_properties(
        &self,
        mut builder: SchemaBuilder,
        beside: &Properties,
    ) -> Result<SchemaBuilder> {
        match beside.get(names::CONNECT_PARAMETERS).filter(|_| self.settings.meta_data) {
            None => {}
            Some(Node::Map(pairs)) => {
                for (key, value) in pairs {
                    let Some(value) = value.as_text() else {
                        return Err(Error::data(format!(
                            "Expected schema parameter values to be strings but found: {value}"
                        )));
                    };
                    builder = builder.parameter(key, value);
                }
            }
            Some(other) => {
                return Err(Error::data(format!(
                    "Expected JSON object for schema parameters but found: {other}"
                )));
            }
        }
        let kept = beside.iter().filter(|(key, _)| key.starts_with(names::AVRO_PREFIX));
        Ok(kept.fold(builder, |builder, (key, value)| builder.parameter(key, &shown(value))))
    }
}

/// A text as it is, anything else as JSON.
fn shown(node: &Node) -> String {
    match node {
        Node::Text(text) => text.clone(),
        other => other.to_string(),
    }
}

/// The version that a property says, or else that of the subject.
fn version(beside: &Properties, own: &Schema, of_subject: Option<i32>) -> Result<Option<i32>> {
    let Some(node) = beside.get(names::CONNECT_VERSION) else {
        // A logical type has a version of its own; that of the subject says nothing about it.
        return Ok(own.version().or_else(|| of_subject.filter(|version| *version >= 0)));
    };
    let Some(version) = whole(node) else {
        return Err(Error::data(format!("Invalid Connect version found: {node}")));
    };
    match own.version() {
        _ if version < 0 => Ok(own.version()),
        Some(known) if known != version => Err(Error::data(format!(
            "Mismatched versions: version already added to SchemaBuilder ({known}) differs from \
             version in source schema ({version})"
        ))),
        _ => Ok(Some(version)),
    }
}

/// The name that a property says, or else that of the type.
fn name(beside: &Properties, own: &Schema, definition: Option<&Definition>) -> Result<Option<Str>> {
    let known = own.name().cloned();
    let found = match (beside.get(names::CONNECT_NAME), definition) {
        (Some(node), _) => match node.as_text() {
            Some(name) => Some(name),
            None => return Err(Error::data(format!("Invalid schema name: {node}"))),
        },
        (None, Some(definition)) => {
            let is_named = match definition.kind {
                Named::Record { .. } => is_variant(definition),
                Named::Enum { .. } => false,
                // A decimal has the name of the logical type.
                Named::Fixed { .. } => known.is_some(),
            };
            (!is_named).then(|| definition.name.full())
        }
        (None, None) => None,
    };
    match (found.filter(|name| !name.starts_with(names::DEFAULT_FULL_NAME)), known) {
        (Some(name), Some(known)) if name != &*known => Err(Error::data(format!(
            "Mismatched names: name already added to SchemaBuilder ({known}) differs from name in \
             source schema ({name})"
        ))),
        (Some(name), _) => Ok(Some(name.into())),
        (None, known) => Ok(known),
    }
}

/// A number, cut to its whole part.
fn whole(node: &Node) -> Option<i32> {
    match node {
        Node::Number(text) => {
            text.parse().ok().or_else(|| text.parse::<f64>().ok().map(|number| number as i32))
        }
        _ => None,
    }
}

/// Whether the properties name that logical type, in whatever case.
fn is_logical(properties: &Properties, logical: &str) -> bool {
    properties.text(names::LOGICAL_TYPE).is_some_and(|own| own.eq_ignore_ascii_case(logical))
}

fn decimal(properties: &Properties) -> Result<SchemaBuilder> {
    let scale = properties.get(names::SCALE).and_then(whole).unwrap_or_default();
    let builder = logical::decimal(scale);
    let Some(precision) = properties.get(names::PRECISION) else { return Ok(builder) };
    match whole(precision) {
        Some(names::PRECISION_DEFAULT) => Ok(builder),
        Some(precision) => Ok(builder.parameter(names::DECIMAL_PRECISION, &precision.to_string())),
        None => Err(Error::data(format!("precision of a decimal is no number but {precision}"))),
    }
}

fn primitive_builder(
    primitive: Primitive,
    beside: &gantry_schema_avro::Attributes,
) -> Result<SchemaBuilder> {
    let properties = &beside.properties;
    let is = |logical| is_logical(properties, logical);
    Ok(match primitive {
        Primitive::Null => {
            return Err(Error::data("Standalone null schemas are not supported by this converter"));
        }
        Primitive::Boolean => SchemaBuilder::new(Kind::Boolean),
        Primitive::Int if is("date") => logical::date(),
        Primitive::Int if is("time-millis") => logical::time(),
        Primitive::Int if properties.text(names::LOGICAL_TYPE).is_some() => {
            SchemaBuilder::new(Kind::Int32)
        }
        Primitive::Int => SchemaBuilder::new(match properties.text(names::CONNECT_TYPE) {
            None => Kind::Int32,
            Some(names::INT8) => Kind::Int8,
            Some(names::INT16) => Kind::Int16,
            Some(other) => {
                return Err(Error::data(format!(
                    "{} of an int is {other}, not {} or {}",
                    names::CONNECT_TYPE,
                    names::INT8,
                    names::INT16
                )));
            }
        }),
        Primitive::Long if is("timestamp-millis") => logical::timestamp(),
        Primitive::Long => SchemaBuilder::new(Kind::Int64),
        Primitive::Float => SchemaBuilder::new(Kind::Float32),
        Primitive::Double => SchemaBuilder::new(Kind::Float64),
        Primitive::Bytes if is("decimal") => decimal(properties)?,
        Primitive::Bytes => SchemaBuilder::new(Kind::Bytes),
        Primitive::String => SchemaBuilder::new(Kind::String),
    })
}

/// A schema with the parameters of a field, where the type was described for another one.
fn with_parameters(schema: Schema, pairs: &[(String, Node)]) -> Schema {
    let is_same = pairs.iter().all(|(key, value)| {
        let own = schema.parameters().and_then(|all| all.get(key.as_str()));
        own.is_some_and(|own| **own == shown(value))
    });
    if is_same {
        return schema;
    }
    let builder = schema.to_builder().default_value(None);
    let builder =
        pairs.iter().fold(builder, |builder, (key, value)| builder.parameter(key, &shown(value)));
    let default = schema.default_value().map(|default| match default {
        Value::Struct(inner) => {
            let schema = builder.clone().build_plain();
            Value::Struct(Struct::from_values(schema, inner.values().to_vec()).into())
        }
        other => other.clone(),
    });
    builder.default_value(default).build_plain()
}
