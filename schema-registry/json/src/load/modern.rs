//! 2019-09 and 2020-12. Each keyword makes a schema; those of one object are joined one after the
//! other, in the order in which Java's hash map gives the keywords.

use std::collections::HashMap;
use std::rc::Rc;

use gantry_schema_model::Node;

use super::Arena;
use super::keys::{self, Keys, pattern};
use super::library::{Library, Place};
use super::merge::{join, parts, synthetic};
use crate::hash_order;
use crate::model::{
    ArrayRules, Combined, Conditional, Criterion, Kind, NumberRules, ObjectRules, Reference,
    Schema, SchemaId, StringRules,
};

/// All keywords that the readers of these drafts know. Others are kept.
const KNOWN: [&str; 55] = [
    "$id",
    "$anchor",
    "$dynamicRef",
    "$dynamicAnchor",
    "$ref",
    "$defs",
    "$schema",
    "$vocabulary",
    "minLength",
    "maxLength",
    "allOf",
    "anyOf",
    "oneOf",
    "additionalProperties",
    "properties",
    "patternProperties",
    "title",
    "description",
    "readOnly",
    "writeOnly",
    "deprecated",
    "default",
    "enum",
    "const",
    "false",
    "true",
    "type",
    "not",
    "required",
    "maximum",
    "minimum",
    "exclusiveMaximum",
    "exclusiveMinimum",
    "multipleOf",
    "uniqueItems",
    "items",
    "prefixItems",
    "contains",
    "minContains",
    "maxContains",
    "if",
    "then",
    "else",
    "dependentSchemas",
    "dependentRequired",
    "unevaluatedItems",
    "unevaluatedProperties",
    "minItems",
    "maxItems",
    "minProperties",
    "maxProperties",
    "propertyNames",
    "pattern",
    "format",
    // Not a keyword of these drafts, but where schemas stand that others refer to.
    "definitions",
];

/// What is loaded because something refers to it. Java builds it once for the first reference and
/// once for all others; in a circle, differences are reported for both.
#[derive(Debug)]
struct Target {
    first: SchemaId,
    others: Option<SchemaId>,
}

/// An object with keywords, and what URIs in it are relative to.
struct Scope<'p, 'a> {
    place: &'p Place<'a>,
    base: Rc<str>,
    map: &'a [(String, Node)],
}

impl<'a> Scope<'_, 'a> {
    fn get(&self, key: &str) -> Option<&'a Node> {
        self.map.iter().find(|(known, _)| known == key).map(|(_, value)| value)
    }
}

pub(super) struct Loader<'l, 'a> {
    library: &'l Library<'a>,
    arena: Arena<'a>,
    targets: HashMap<*const Node, Target>,
}

impl<'l, 'a> Loader<'l, 'a> {
    pub(super) fn new(library: &'l Library<'a>) -> Self {
        Self { library, arena: Arena::default(), targets: HashMap::new() }
    }

    pub(super) fn load(mut self, root: &Place<'a>) -> Result<Arena<'a>, String> {
        let first = self.child(root)?;
        self.arena.root = Some(first);
        self.targets.insert(std::ptr::from_ref(root.node), Target { first, others: None });
        let mut next = 0;
        while let Some(link) = self.arena.links.get(next) {
            let place = link.place.clone();
            let schema = self.target(&place)?;
            if let Some(link) = self.arena.links.get_mut(next) {
                link.schema = Some(schema);
            }
            next += 1;
        }
        Ok(self.arena)
    }

    fn target(&mut self, place: &Place<'a>) -> Result<SchemaId, String> {
        let key = std::ptr::from_ref(place.node);
        let Some(target) = self.targets.get_mut(&key) else {
            let first = self.child(place)?;
            self.targets.insert(key, Target { first, others: None });
            return Ok(first);
        };
        if let Some(others) = target.others {
            return Ok(others);
        }
        let copy = self.arena.get(target.first).cloned().ok_or("a reference leads nowhere")?;
        let others = self.arena.push(copy)?;
        target.others = Some(others);
        Ok(others)
    }

    fn child(&mut self, place: &Place<'a>) -> Result<SchemaId, String> {
        let schema = self.schema(place)?;
        self.arena.push(schema)
    }

    fn schema(&mut self, place: &Place<'a>) -> Result<Schema, String> {
        match place.node {
            Node::Bool(true) => Ok(Schema::new(Kind::True)),
            Node::Bool(false) => Ok(Schema::new(Kind::False)),
            Node::Map(map) => self.object(map, place),
            other => Err(format!("{other} is no schema")),
        }
    }

    fn object(&mut self, map: &'a [(String, Node)], place: &Place<'a>) -> Result<Schema, String> {
        place.check_id()?;
        let scope = Scope { place, base: place.inner_base(), map };
        let mut schema: Option<Schema> = None;
        for (key, value) in hash_order::in_map(map) {
            if let Some(kind) = self.keyword(key, value, &scope)? {
                self.add(&mut schema, kind)?;
            }
        }
        let mut schema = schema.unwrap_or_else(|| synthetic(Criterion::All, Vec::new()));
        for kind in self.properties(&scope)? {
            schema = join(&mut self.arena, schema, Schema::new(kind))?;
        }
        let schema = self.unwrapped(schema)?;
        self.common(&scope, schema)
    }

    fn add(&mut self, to: &mut Option<Schema>, kind: Kind) -> Result<(), String> {
        let added = Schema::new(kind);
        *to = Some(match to.take() {
            Some(known) => join(&mut self.arena, known, added)?,
            None => added,
        });
        Ok(())
    }

    /// What a keyword demands, if it does.
    fn keyword(
        &mut self,
        key: &str,
        value: &'a Node,
        scope: &Scope<'_, 'a>,
    ) -> Result<Option<Kind>, String> {
        Ok(Some(match key {
            "$ref" | "$dynamicRef" => self.reference(keys::text(key, value)?, scope)?,
            "type" => self.types(value)?,
            "enum" => Kind::Enum(keys::list(key, value)?.to_vec()),
            "const" => Kind::Const(value.clone()),
            "not" => Kind::Not(self.inner(scope, value)?),
            "if" => self.conditional(value, scope)?,
            "allOf" => self.combined(Criterion::All, value, scope)?,
            "anyOf" => self.combined(Criterion::Any, value, scope)?,
            "oneOf" => self.combined(Criterion::One, value, scope)?,
            "format" => {
                keys::text(key, value)?;
                synthetic(Criterion::All, Vec::new()).kind
            }
            "readOnly" | "writeOnly" => {
                if !keys::boolean(key, value)? {
                    return Ok(None);
                }
                synthetic(Criterion::All, Vec::new()).kind
            }
            _ => {
                if let Some(kind) = text_or_number(key, value)? {
                    return Ok(Some(kind));
                }
                return match self.of_arrays(key, value, scope)? {
                    Some(kind) => Ok(Some(kind)),
                    None => self.of_objects(key, value, scope),
                };
            }
        }))
    }

    fn inner(&mut self, scope: &Scope<'_, 'a>, node: &'a Node) -> Result<SchemaId, String> {
        self.child(&scope.place.child(&scope.base, node))
    }

    fn reference(&mut self, target: &str, scope: &Scope<'_, 'a>) -> Result<Kind, String> {
        let place = self.library.resolve(scope.place, &scope.base, target)?;
        let schema = self.arena.link(place)?;
        Ok(Kind::Reference(Reference { target: target.to_owned(), schema }))
    }

    fn types(&mut self, value: &'a Node) -> Result<Kind, String> {
        let Node::List(names) = value else { return of_type(keys::text("type", value)?) };
        let mut schemas = Vec::new();
        for name in names {
            schemas.push(self.arena.push(Schema::new(of_type(keys::text("type", name)?)?))?);
        }
        Ok(synthetic(Criterion::Any, schemas).kind)
    }

    fn conditional(&mut self, value: &'a Node, scope: &Scope<'_, 'a>) -> Result<Kind, String> {
        let mut part = |key| scope.get(key).map(|node| self.inner(scope, node)).transpose();
        let (then, otherwise) = (part("then")?, part("else")?);
        let condition = Some(self.inner(scope, value)?);
        Ok(Kind::Conditional(Conditional { condition, then, otherwise }))
    }

    fn combined(
        &mut self,
        criterion: Criterion,
        value: &'a Node,
        scope: &Scope<'_, 'a>,
    ) -> Result<Kind, String> {
        let mut schemas = Vec::new();
        for node in keys::list(criterion.keyword(), value)? {
            let schema = self.schema(&scope.place.child(&scope.base, node))?;
            // The parts of a schema with several keywords stand here one by one, whatever the
            // criterion.
            schemas.extend(parts(&mut self.arena, schema)?);
        }
        Ok(Kind::Combined(Combined { criterion, schemas, synthetic: false }))
    }

    fn of_arrays(
        &mut self,
        key: &str,
        value: &'a Node,
        scope: &Scope<'_, 'a>,
    ) -> Result<Option<Kind>, String> {
        let mut rules = ArrayRules::default();
        match key {
            "minItems" => rules.min_items = Some(keys::truncated(key, value)?),
            "maxItems" => rules.max_items = Some(keys::truncated(key, value)?),
            "uniqueItems" => rules.unique = keys::boolean(key, value)?,
            "prefixItems" => {
                let nodes = keys::list(key, value)?.iter();
                let tuple: Vec<_> =
                    nodes.map(|node| self.inner(scope, node)).collect::<Result<_, _>>()?;
                rules.tuple = Some(tuple).filter(|tuple| !tuple.is_empty());
            }
            "items" => {
                let prefixed = matches!(scope.get("prefixItems"), Some(Node::List(items)) if !items.is_empty());
                match value {
                    Node::Bool(admits) => rules.admits_additional = *admits,
                    _ if prefixed => rules.additional = Some(self.inner(scope, value)?),
                    _ => rules.items = Some(self.inner(scope, value)?),
                }
            }
            "contains" => {
                rules.contains = Some(self.inner(scope, value)?);
                let limit = |key| match scope.get(key) {
                    Some(Node::Number(number)) => Some(number.clone()),
                    _ => None,
                };
                rules.min_contains = limit("minContains").or_else(|| Some("1".to_owned()));
                rules.max_contains = limit("maxContains");
            }
            _ => return Ok(None),
        }
        Ok(Some(Kind::Array(Box::new(rules))))
    }

    fn of_objects(
        &mut self,
        key: &str,
        value: &'a Node,
        scope: &Scope<'_, 'a>,
    ) -> Result<Option<Kind>, String> {
        let mut rules = ObjectRules::default();
        match key {
            "minProperties" => rules.min_properties = Some(keys::truncated(key, value)?),
            "maxProperties" => rules.max_properties = Some(keys::truncated(key, value)?),
            "required" => rules.required = keys::texts(key, value)?,
            "additionalProperties" => match value {
                Node::Bool(admits) => rules.admits_additional = *admits,
                _ => rules.additional = Some(self.inner(scope, value)?),
            },
            "propertyNames" => rules.names = Some(self.inner(scope, value)?),
            "dependentRequired" => {
                for (name, names) in keys::map(key, value)? {
                    let names = keys::texts(key, names)?;
                    // An empty list demands nothing and leaves no trace.
                    if !names.is_empty() {
                        rules.property_dependencies.push((name.clone(), names));
                    }
                }
            }
            "dependentSchemas" => {
                for (name, node) in keys::map(key, value)? {
                    let schema = self.inner(scope, node)?;
                    rules.schema_dependencies.push((name.clone(), schema));
                }
            }
            _ => return Ok(None),
        }
        Ok(Some(Kind::Object(Box::new(rules))))
    }

    /// Properties, and what follows all other keywords.
    fn properties(&mut self, scope: &Scope<'_, 'a>) -> Result<Vec<Kind>, String> {
        let mut rules = ObjectRules::default();
        if let Some(value) = scope.get("properties") {
            for (name, node) in keys::map("properties", value)? {
                rules.properties.push((name.clone(), self.inner(scope, node)?));
            }
        }
        if let Some(value) = scope.get("patternProperties") {
            for (name, node) in keys::map("patternProperties", value)? {
                rules.patterns.push((pattern(name)?, self.inner(scope, node)?));
            }
        }
        let mut kinds = Vec::new();
        let has_properties = !rules.properties.is_empty() || !rules.patterns.is_empty();
        if let Some(node) = scope.get("unevaluatedItems") {
            let unevaluated = Some(self.inner(scope, node)?);
            kinds.push(Kind::Array(Box::new(ArrayRules { unevaluated, ..ArrayRules::default() })));
        }
        if has_properties {
            kinds.insert(0, Kind::Object(Box::new(rules)));
        }
        if let Some(node) = scope.get("unevaluatedProperties") {
            let unevaluated = Some(self.inner(scope, node)?);
            let rules = ObjectRules { unevaluated, ..ObjectRules::default() };
            kinds.push(Kind::Object(Box::new(rules)));
        }
        Ok(kinds)
    }

    /// A schema without an `allOf` around it that nobody wrote and that holds one schema or none.
    fn unwrapped(&mut self, schema: Schema) -> Result<Schema, String> {
        let only = match &schema.kind {
            Kind::Combined(Combined { criterion: Criterion::All, schemas, synthetic: true }) => {
                match schemas.as_slice() {
                    [] => return Ok(Schema::new(Kind::Empty)),
                    [only] => *only,
                    _ => return Ok(schema),
                }
            }
            _ => return Ok(schema),
        };
        let mut schema = self.arena.get(only).cloned().ok_or("a part of it is missing")?;
        if let Kind::Reference(reference) = &mut schema.kind {
            // Another reference to the same place.
            let link = usize::try_from(reference.schema.0).unwrap_or(usize::MAX);
            let place = self.arena.links.get(link).map(|link| link.place.clone());
            reference.schema = self.arena.link(place.ok_or("a reference leads nowhere")?)?;
        }
        Ok(schema)
    }

    /// Adds what schemas of every kind have.
    fn common(&mut self, scope: &Scope<'_, 'a>, mut schema: Schema) -> Result<Schema, String> {
        let mut keys = Keys::new(scope.map);
        schema.title = keys.text("title")?;
        schema.description = keys.text("description")?;
        keys.boolean("deprecated")?;
        let default = keys.take("default").filter(|value| **value != Node::Null);
        if !matches!(schema.kind, Kind::Reference(_)) {
            schema.default = default.cloned();
        }
        if let (Kind::String(rules), Some(format)) = (&mut schema.kind, keys.get("format")) {
            rules.format = format.as_text().map(str::to_owned);
        }
        let mut replaces = keys.get("definitions").is_some();
        if let Some(definitions) = keys.get("$defs") {
            for (_, node) in keys::map("$defs", definitions)? {
                // Loaded to see whether it can be. What refers to it loads it again.
                let loaded = self.arena.schemas.len();
                self.inner(scope, node)?;
                self.arena.schemas.truncate(loaded);
                replaces = true;
            }
        }
        for known in KNOWN {
            keys.take(known);
        }
        schema.extensions = keys.rest();
        if replaces || !schema.extensions.is_empty() {
            forget_unevaluated(&mut schema.kind);
        }
        Ok(schema)
    }
}

/// In the registry that this one follows, unknown keywords and definitions take the place where a
/// schema keeps `unevaluated…` and the limits of `contains`: these count only in schemas without.
fn forget_unevaluated(kind: &mut Kind) {
    match kind {
        Kind::Array(rules) => {
            rules.unevaluated = None;
            rules.min_contains = None;
            rules.max_contains = None;
        }
        Kind::Object(rules) => rules.unevaluated = None,
        _ => (),
    }
}

fn of_type(name: &str) -> Result<Kind, String> {
    Ok(match name {
        "string" => Kind::String(StringRules { only: true, ..StringRules::default() }),
        "integer" => {
            let rules = NumberRules { only: true, integer: true, ..NumberRules::default() };
            Kind::Number(Box::new(rules))
        }
        "number" => Kind::Number(Box::new(NumberRules { only: true, ..NumberRules::default() })),
        "boolean" => Kind::Boolean,
        "null" => Kind::Null,
        "array" => Kind::Array(Box::new(ArrayRules { only: true, ..ArrayRules::default() })),
        "object" => Kind::Object(Box::new(ObjectRules { only: true, ..ObjectRules::default() })),
        _ => return Err(format!("unknown type: [{name}]")),
    })
}

fn text_or_number(key: &str, value: &Node) -> Result<Option<Kind>, String> {
    let mut texts = StringRules::default();
    let mut numbers = NumberRules::default();
    match key {
        "minLength" => texts.min_length = Some(keys::truncated(key, value)?),
        "maxLength" => texts.max_length = Some(keys::truncated(key, value)?),
        "pattern" => texts.pattern = Some(pattern(keys::text(key, value)?)?),
        _ => {
            let limit = match key {
                "minimum" => &mut numbers.minimum,
                "maximum" => &mut numbers.maximum,
                "exclusiveMinimum" => &mut numbers.exclusive_minimum,
                "exclusiveMaximum" => &mut numbers.exclusive_maximum,
                "multipleOf" => &mut numbers.multiple_of,
                _ => return Ok(None),
            };
            *limit = Some(keys::number(key, value)?.to_owned());
            return Ok(Some(Kind::Number(Box::new(numbers))));
        }
    }
    Ok(Some(Kind::String(texts)))
}
