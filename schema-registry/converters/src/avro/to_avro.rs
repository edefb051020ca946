//! The Avro schema that values of a Connect schema are written by.

use std::collections::{HashMap, HashSet};
use std::hash::{Hash, Hasher};

use gantry_model::logical::{DATE, DECIMAL, SCALE_PARAMETER, TIME, TIMESTAMP};
use gantry_model::{Error, Field, Kind, Result, Schema};
use gantry_schema_avro::{Avro, AvroSchema};
use gantry_schema_model::{Format, Node};

use super::keys::Settings;
use super::{anything, defaults, names, shape};

/// Schemas within each other, and all of one schema, have these limits.
pub(super) const MAX_DEPTH: usize = 100;
pub(super) const MAX_TYPES: usize = 250_000;

/// The Avro schema for a Connect schema, or for values without one.
pub(super) fn translate(settings: &Settings, schema: Option<&Schema>) -> Result<AvroSchema> {
    let text = match schema {
        None => anything::SCHEMA.to_owned(),
        Some(schema) => Translation::new(settings).schema(schema)?.node.to_string(),
    };
    Avro::parse(&text, &[], false).map_err(|error| Error::data(error.0))
}

/// A schema by all its parts, found by its hash.
struct Whole(Schema);

impl PartialEq for Whole {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl Eq for Whole {}

impl Hash for Whole {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.0.fingerprint());
    }
}

struct Translation<'a> {
    settings: &'a Settings,
    /// Full names that are defined: the first definition of a name counts.
    known: HashSet<String>,
    /// What names stand for: a struct without a name has one each time it is met but that.
    defined: HashMap<Whole, Node>,
    /// Names of the schemas of fields that were met.
    met: HashSet<String>,
    unnamed: u32,
    depth: usize,
    count: usize,
}

struct Translated {
    node: Node,
    /// Whether it, or a branch of it, is a type with a name.
    is_named: bool,
}

/// What a logical type stands on.
#[derive(Clone, Copy, PartialEq)]
enum Base {
    Int,
    Long,
    Bytes,
    Fixed(i32),
    Other,
}

/// A schema without what is beside it.
struct Bare {
    /// What makes the type.
    parts: Vec<(&'static str, Node)>,
    /// The full name.
    name: Option<String>,
    base: Base,
    properties: Properties,
}

/// What is beside a type, each name once.
#[derive(Default)]
struct Properties(Vec<(String, Node)>);

impl Properties {
    fn put(&mut self, name: &str, value: Node) -> Result<()> {
        match self.0.iter().find(|(known, _)| known == name) {
            Some((_, known)) if *known == value => Ok(()),
            Some(_) => Err(Error::data(format!("Can't overwrite property: {name}"))),
            None => {
                self.0.push((name.to_owned(), value));
                Ok(())
            }
        }
    }
    fn text(&mut self, name: &str, value: &str) -> Result<()> {
        self.put(name, text(value))
    }
    fn number(&mut self, name: &str, value: i32) -> Result<()> {
        self.put(name, Node::Number(value.to_string()))
    }
}

impl Bare {
    fn primitive(name: &'static str) -> Self {
        let base = match name {
            "int" => Base::Int,
            "long" => Base::Long,
            "bytes" => Base::Bytes,
            _ => Base::Other,
        };
        let parts = vec![("type", text(name))];
        Self { parts, name: None, base, properties: Properties::default() }
    }

    fn named(kind: &str, space: Option<&str>, simple: &str, base: Base) -> Self {
        let parts = vec![
            ("type", text(kind)),
            ("name", text(simple)),
            // Also where there is none, lest that of the record around it be taken.
            ("namespace", text(space.unwrap_or_default())),
        ];
        let name = Some(full(space, simple));
        Self { parts, name, base, properties: Properties::default() }
    }

    fn with(mut self, part: &'static str, node: Option<Node>) -> Self {
        self.parts.extend(node.map(|node| (part, node)));
        self
    }

    fn into_node(self) -> Node {
        match (self.parts.as_slice(), self.properties.0.is_empty()) {
            ([(_, primitive)], true) => primitive.clone(),
            _ => {
                let parts = self.parts.into_iter().map(|(name, node)| (name.to_owned(), node));
                Node::Map(parts.chain(self.properties.0).collect())
            }
        }
    }
}

fn text(text: &str) -> Node {
    Node::Text(text.to_owned())
}

fn full(space: Option<&str>, simple: &str) -> String {
    match space.filter(|space| !space.is_empty()) {
        Some(space) => format!("{space}.{simple}"),
        None => simple.to_owned(),
    }
}

impl<'a> Translation<'a> {
    fn new(settings: &'a Settings) -> Self {
        Self {
            settings,
            known: HashSet::new(),
            defined: HashMap::new(),
            met: HashSet::new(),
            unnamed: 0,
            depth: 0,
            count: 0,
        }
    }

    fn schema(&mut self, schema: &Schema) -> Result<Translated> {
        self.depth += 1;
        self.count += 1;
        if self.depth > MAX_DEPTH || self.count > MAX_TYPES {
            return Err(Error::data(format!(
                "The schema has more than {MAX_DEPTH} levels or {MAX_TYPES} types"
            )));
        }
        let translated = self.any(schema);
        self.depth -= 1;
        translated
    }

    fn any(&mut self, schema: &Schema) -> Result<Translated> {
        if schema.is_absent() {
            return Err(Error::data(
                "A list or map without a schema of what it holds has no Avro \
                 schema",
            ));
        }
        if matches!(schema.kind(), Kind::Struct(_)) && !shape::is_variant(schema) {
            if shape::is_union(schema) {
                return self.union(schema);
            }
            if schema.is_optional() {
                let node = self.schema(&shape::required(schema))?.node;
                let node = Node::List(vec![text("null"), node]);
                return Ok(Translated { node, is_named: true });
            }
        }
        if !schema.is_optional()
            && let Some(reference) = self.defined.get(&Whole(schema.clone()))
        {
            return Ok(Translated { node: reference.clone(), is_named: true });
        }
        let (node, is_named) = match self.bare(schema)? {
            Ok(mut bare) => {
                let (base, name) = (bare.base, bare.name.clone());
                self.describe(schema, base, &mut bare.properties)?;
                if let Some(name) = &name
                    && !schema.is_optional()
                {
                    self.defined.insert(Whole(schema.clone()), text(name));
                }
                (bare.into_node(), name.is_some())
            }
            Err(known) => (known, true),
        };
        let node = match (schema.is_optional(), schema.default_value().is_some()) {
            (false, _) => node,
            // The type of the default comes first.
            (true, true) => Node::List(vec![node, text("null")]),
            (true, false) => Node::List(vec![text("null"), node]),
        };
        Ok(Translated { node, is_named })
    }

    /// The type alone; or the name of one that is defined.
    fn bare(&mut self, schema: &Schema) -> Result<Result<Bare, Node>> {
        Ok(Ok(match schema.kind() {
            Kind::Int8 | Kind::Int16 | Kind::Int32 => Bare::primitive("int"),
            Kind::Int64 => Bare::primitive("long"),
            Kind::Float32 => Bare::primitive("float"),
            Kind::Float64 => Bare::primitive("double"),
            Kind::Boolean => Bare::primitive("boolean"),
            Kind::String => match shape::enumeration(self.settings, schema) {
                Some((key, name)) => return self.enumeration(schema, key, name),
                None => Bare::primitive("string"),
            },
            Kind::Bytes => return self.bytes(schema),
            Kind::Array(element) => {
                let items = self.schema(element)?.node;
                Bare::primitive("array").with("items", Some(items))
            }
            Kind::Map { key, value } if shape::is_text_key(self.settings, key) => {
                let values = self.schema(value)?.node;
                Bare::primitive("map").with("values", Some(values))
            }
            Kind::Map { key, value } => {
                let entry = self.entry(schema, key, value)?;
                Bare::primitive("array").with("items", Some(entry))
            }
            Kind::Struct(_) if shape::is_variant(schema) => {
                let (space, simple) = (Some(names::VARIANT_SPACE), names::VARIANT_SIMPLE);
                let mut bare = Bare::named("record", space, simple, Base::Other);
                if let Some(known) = self.define(&bare) {
                    return Ok(Err(known));
                }
                let field = |name| {
                    Node::Map(vec![
                        ("name".to_owned(), text(name)),
                        ("type".to_owned(), text("bytes")),
                    ])
                };
                bare.properties.text(names::LOGICAL_TYPE, "variant")?;
                let fields = names::VARIANT_FIELDS.map(field).to_vec();
                bare.with("fields", Some(Node::List(fields)))
            }
            Kind::Struct(fields) => return self.record(schema, fields.list()),
        }))
    }

    /// Notes a definition; if there is one of that name, gives the name.
    fn define(&mut self, bare: &Bare) -> Option<Node> {
        let name = bare.name.as_ref()?;
        (!self.known.insert(name.clone())).then(|| text(name))
    }

    /// The namespace and the simple name of a named type.
    fn name(&mut self, name: Option<&str>) -> (Option<String>, String) {
        if let Some(name) = name {
            return names::split(name, self.settings.scrub_names);
        }
        self.unnamed += 1;
        let simple = match self.unnamed {
            1 => names::DEFAULT_NAME.to_owned(),
            nth => format!("{}{nth}", names::DEFAULT_NAME),
        };
        (Some(names::NAMESPACE.to_owned()), simple)
    }

    fn enumeration(
        &mut self,
        schema: &Schema,
        key: &str,
        name: Option<&str>,
    ) -> Result<Result<Bare, Node>> {
        let (_, own) = self.name(schema.name().map(|name| &**name));
        let Some(name) = name else {
            return Err(Error::data(format!("{schema:?} is an enum without parameter {key}")));
        };
        let (space, simple) = names::split(name, false);
        let bare = Bare::named("enum", space.as_deref(), &simple, Base::Other);
        if let Some(known) = self.define(&bare) {
            return Ok(Err(known));
        }
        let symbols =
            schema.parameters().into_iter().flatten().filter_map(|(parameter, _)| {
                parameter.strip_prefix(key)?.strip_prefix('.').map(text)
            });
        let (doc, default) = if self.settings.discard_doc {
            (shape::parameter(schema, names::OLD_ENUM_DOC), None)
        } else {
            let of = |prefix: &str| shape::parameter(schema, &format!("{prefix}{own}"));
            (of(names::ENUM_DOC), of(names::ENUM_DEFAULT))
        };
        Ok(Ok(bare
            .with("doc", doc.map(text))
            .with("symbols", Some(Node::List(symbols.collect())))
            .with("default", default.map(text))))
    }

    fn bytes(&mut self, schema: &Schema) -> Result<Result<Bare, Node>> {
        let mut bare = match shape::fixed_size(schema)? {
            None => Bare::primitive("bytes"),
            Some(size) => {
                let (space, simple) = self.name(schema.name().map(|name| &**name));
                let bare = Bare::named("fixed", space.as_deref(), &simple, Base::Fixed(size));
                if let Some(known) = self.define(&bare) {
                    return Ok(Err(known));
                }
                bare.with("size", Some(Node::Number(size.to_string())))
            }
        };
        if is_logical(schema, DECIMAL) {
            let Some(scale) = shape::number(schema, SCALE_PARAMETER)? else {
                return Err(Error::data("Invalid Decimal schema: scale parameter not found."));
            };
            bare.properties.number(names::SCALE, scale)?;
            let precision = shape::number(schema, names::DECIMAL_PRECISION)?;
            let precision = precision.unwrap_or(names::PRECISION_DEFAULT);
            bare.properties.number(names::PRECISION, precision)?;
        }
        Ok(Ok(bare))
    }

    /// The record of a key and its value.
    fn entry(&mut self, schema: &Schema, key: &Schema, value: &Schema) -> Result<Node> {
        let mut bare = match schema.name() {
            None => Bare::named("record", Some(names::NAMESPACE), names::MAP_ENTRY, Base::Other),
            Some(name) => {
                let (space, simple) = self.name(Some(name));
                let mut bare = Bare::named("record", space.as_deref(), &simple, Base::Other);
                bare.properties.text(names::CONNECT_INTERNAL_TYPE, names::MAP_ENTRY)?;
                bare
            }
        };
        if let Some(known) = self.define(&bare) {
            return Ok(known);
        }
        let key = self.field(names::KEY, key, None)?;
        let value = self.field(names::VALUE, value, None)?;
        bare = bare.with("fields", Some(Node::List(vec![key, value])));
        Ok(bare.into_node())
    }

    fn union(&mut self, schema: &Schema) -> Result<Translated> {
        let mut branches = Vec::new();
        let mut is_named = false;
        if schema.is_optional() {
            branches.push(text("null"));
        }
        for field in schema.fields().map_or(&[][..], |fields| fields.list()) {
            let branch = self.schema(&shape::required(&field.schema))?;
            is_named |= branch.is_named;
            branches.push(branch.node);
        }
        Ok(Translated { node: Node::List(branches), is_named })
    }

    fn record(&mut self, schema: &Schema, fields: &[Field]) -> Result<Result<Bare, Node>> {
        let (space, simple) = self.name(schema.name().map(|name| &**name));
        let bare = Bare::named("record", space.as_deref(), &simple, Base::Other);
        if let Some(known) = self.define(&bare) {
            return Ok(Err(known));
        }
        let doc_key = match self.settings.discard_doc {
            true => names::OLD_RECORD_DOC,
            false => names::RECORD_DOC,
        };
        let mut nodes = Vec::with_capacity(fields.len());
        for field in fields {
            let doc = shape::parameter(schema, &format!("{}{}", names::FIELD_DOC, field.name));
            let name = names::scrub(&field.name, self.settings.scrub_names);
            nodes.push(self.field(&name, &field.schema, doc)?);
        }
        Ok(Ok(bare
            .with("doc", shape::parameter(schema, doc_key).map(text))
            .with("fields", Some(Node::List(nodes)))))
    }

    /// A field of a record, which has `doc` unless the schema's own counts.
    fn field(&mut self, name: &str, schema: &Schema, doc: Option<&str>) -> Result<Node> {
        let doc = if self.settings.discard_doc { schema.doc().map(|doc| &**doc) } else { doc };
        let default = match schema.default_value().filter(|default| !default.is_null()) {
            Some(default) => defaults::to_field(self.settings, schema, default)?,
            None => schema.is_optional().then_some(Node::Null),
        };
        let is_met = schema.name().is_some_and(|name| {
            let name = names::scrub_full(name, self.settings.scrub_names);
            !self.met.insert(name.into_owned())
        });
        let translated = self.schema(schema)?;
        let mut parts = vec![("name".to_owned(), text(name)), ("type".to_owned(), translated.node)];
        parts.extend(doc.map(|doc| ("doc".to_owned(), text(doc))));
        parts.extend(default.map(|default| ("default".to_owned(), default)));
        // The definition stands elsewhere, and may have other parameters.
        if self.settings.meta_data && is_met && translated.is_named {
            let parameters = self.parameters(schema);
            parts.extend(parameters.map(|node| (names::CONNECT_PARAMETERS.to_owned(), node)));
        }
        Ok(Node::Map(parts))
    }

    fn parameters(&self, schema: &Schema) -> Option<Node> {
        let keeps = |key: &str| self.settings.discard_doc || key != names::FIELD_DEFAULT;
        let pairs = schema.parameters()?.iter().filter(|(key, _)| keeps(key));
        let pairs: Vec<_> = pairs.map(|(key, value)| (key.to_string(), text(value))).collect();
        (!pairs.is_empty()).then_some(Node::Map(pairs))
    }

    /// Adds what is beside the type.
    fn describe(&self, schema: &Schema, base: Base, out: &mut Properties) -> Result<()> {
        if self.settings.meta_data {
            if let Some(doc) = schema.doc() {
                out.text(names::CONNECT_DOC, doc)?;
            }
            if let Some(version) = schema.version() {
                out.number(names::CONNECT_VERSION, version)?;
            }
            if let Some(parameters) = self.parameters(schema) {
                out.put(names::CONNECT_PARAMETERS, parameters)?;
            }
            let is_avros = !self.settings.discard_doc
                && shape::parameter(schema, names::FIELD_DEFAULT).is_some();
            if let Some(default) = schema.default_value().filter(|default| !default.is_null())
                && !is_avros
            {
                let default = defaults::to_property(self.settings, schema, default)?;
                out.put(names::CONNECT_DEFAULT, default)?;
            }
            if let Some(name) = schema.name() {
                out.text(names::CONNECT_NAME, name)?;
            }
            match schema.kind() {
                Kind::Int8 => out.text(names::CONNECT_TYPE, names::INT8)?,
                Kind::Int16 => out.text(names::CONNECT_TYPE, names::INT16)?,
                _ => {}
            }
        }
        logical(schema, base, out)?;
        for (key, value) in schema.parameters().into_iter().flatten() {
            if key.starts_with(names::AVRO_PREFIX) {
                out.text(key, value)?;
            }
        }
        Ok(())
    }
}

/// Whether a schema has the name of a logical type, in whatever case.
fn is_logical(schema: &Schema, logical: &str) -> bool {
    schema.name().is_some_and(|name| name.eq_ignore_ascii_case(logical))
}

/// Adds the logical type that a schema is named after.
fn logical(schema: &Schema, base: Base, out: &mut Properties) -> Result<()> {
    let wrong_base = |logical: &str, kind: &str| {
        let own = schema.kind().type_name();
        Error::data(format!("Logical type {logical} stands on {kind}, but {schema:?} is {own}"))
    };
    if is_logical(schema, DECIMAL) {
        let scale = shape::number(schema, SCALE_PARAMETER)?.unwrap_or_default();
        let precision = shape::number(schema, names::DECIMAL_PRECISION)?;
        let precision = precision.unwrap_or(names::PRECISION_DEFAULT);
        match base {
            Base::Bytes | Base::Fixed(_) => {}
            _ => return Err(wrong_base("decimal", "BYTES")),
        }
        // Avro has no name for these; the properties say all the same.
        let is_odd = scale < 0 || scale > precision;
        if !is_odd && precision <= 0 {
            return Err(Error::data(format!("{schema:?} has no digits: precision {precision}")));
        }
        if let Base::Fixed(size) = base
            && !is_odd
            && i64::from(precision) > digits_of(size)
        {
            return Err(Error::data(format!(
                "{schema:?} has {precision} digits, but {size} bytes hold only {}",
                digits_of(size)
            )));
        }
        out.text(names::LOGICAL_TYPE, "decimal")?;
    }
    for (name, logical, wanted, kind) in [
        (TIME, "time-millis", Base::Int, "INT32"),
        (TIMESTAMP, "timestamp-millis", Base::Long, "INT64"),
        (DATE, "date", Base::Int, "INT32"),
    ] {
        if is_logical(schema, name) {
            if base != wanted {
                return Err(wrong_base(logical, kind));
            }
            out.text(names::LOGICAL_TYPE, logical)?;
        }
    }
    Ok(())
}

/// How many decimal digits fit into so many bytes.
fn digits_of(size: i32) -> i64 {
    let bits = i64::from(size) * 8 - 1;
    (std::f64::consts::LOG10_2 * bits as f64).floor() as i64
}
