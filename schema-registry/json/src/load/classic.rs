//! Drafts 4 to 7. Each group of keywords makes a schema of its own; several of them in one object
//! make an `allOf`.

use std::collections::HashMap;
use std::rc::Rc;

use gantry_schema_model::Node;

use super::keys::{self, Keys};
use super::library::{Library, Place};
use super::{Arena, keys::pattern};
use crate::model::{
    ArrayRules, Combined, Conditional, Criterion, Draft, Kind, NumberRules, ObjectRules, Reference,
    Schema, SchemaId, StringRules,
};

const ARRAY: [&str; 5] = ["items", "additionalItems", "minItems", "maxItems", "uniqueItems"];
const OBJECT: [&str; 7] = [
    "properties",
    "required",
    "minProperties",
    "maxProperties",
    "dependencies",
    "patternProperties",
    "additionalProperties",
];
const NUMBER: [&str; 5] =
    ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"];
const STRING: [&str; 4] = ["minLength", "maxLength", "pattern", "format"];
const CONDITIONAL: [&str; 3] = ["if", "then", "else"];

/// Where a schema stands: its place, and what URIs in it are relative to.
struct Scope<'p, 'a> {
    place: &'p Place<'a>,
    base: Rc<str>,
}

impl<'a> Scope<'_, 'a> {
    fn draft(&self) -> Draft {
        self.place.draft
    }
    fn child(&self, node: &'a Node) -> Place<'a> {
        self.place.child(&self.base, node)
    }
    /// Places two levels down, with their names, behind an object that may change what URIs are
    /// relative to.
    fn grandchildren(
        &self,
        key: &str,
        parent: &'a Node,
    ) -> Result<impl Iterator<Item = (&'a String, Place<'a>)>, String> {
        let place = self.child(parent);
        let base = place.inner_base();
        let nodes = keys::map(key, parent)?.iter();
        Ok(nodes.map(move |(name, node)| (name, place.child(&base, node))))
    }
}

pub(super) struct Loader<'l, 'a> {
    library: &'l Library<'a>,
    arena: Arena<'a>,
    /// What was loaded because something refers to it.
    targets: HashMap<*const Node, SchemaId>,
}

impl<'l, 'a> Loader<'l, 'a> {
    pub(super) fn new(library: &'l Library<'a>) -> Self {
        Self { library, arena: Arena::default(), targets: HashMap::new() }
    }

    pub(super) fn load(mut self, root: &Place<'a>) -> Result<Arena<'a>, String> {
        self.arena.root = Some(self.schema(root)?);
        let mut next = 0;
        // References are followed one after the other, not one inside of the other: a chain of
        // them may be long.
        while let Some(link) = self.arena.links.get(next) {
            let place = link.place.clone();
            let target = std::ptr::from_ref(place.node);
            let schema = match self.targets.get(&target) {
                Some(schema) => *schema,
                None => self.schema(&place)?,
            };
            self.targets.insert(target, schema);
            if let Some(link) = self.arena.links.get_mut(next) {
                link.schema = Some(schema);
            }
            next += 1;
        }
        Ok(self.arena)
    }

    fn schema(&mut self, place: &Place<'a>) -> Result<SchemaId, String> {
        let schema = match place.node {
            Node::Bool(true) => Schema::new(Kind::True),
            Node::Bool(false) => Schema::new(Kind::False),
            Node::Map(map) => self.object(map, place)?,
            other => return Err(format!("{other} is no schema")),
        };
        self.arena.push(schema)
    }

    fn child(&mut self, scope: &Scope<'_, 'a>, node: &'a Node) -> Result<SchemaId, String> {
        self.schema(&scope.child(node))
    }

    fn object(&mut self, map: &'a [(String, Node)], place: &Place<'a>) -> Result<Schema, String> {
        place.check_id()?;
        let scope = Scope { place, base: place.inner_base() };
        let mut keys = Keys::new(map);
        if let Some(target) = keys.take("$ref") {
            let target = keys::text("$ref", target)?;
            let found = self.library.resolve(place, &scope.base, target)?;
            let schema = self.arena.link(found)?;
            let kind = Kind::Reference(Reference { target: target.to_owned(), schema });
            return common(keys, Schema::new(kind), scope.draft());
        }
        let mut found = Vec::new();
        if let Some(values) = keys.take("enum") {
            found.push(Kind::Enum(keys::list("enum", values)?.to_vec()));
        }
        self.combined(&mut keys, &scope, &mut found)?;
        if let Some(node) = keys.take("not") {
            found.push(Kind::Not(self.child(&scope, node)?));
        }
        if scope.draft() > Draft::Draft4
            && let Some(value) = keys.take("const")
        {
            found.push(Kind::Const(value.clone()));
        }
        if let Some(types) = keys.take("type") {
            found.push(self.typed(types, &mut keys, &scope)?);
        }
        self.sniffed(&mut keys, &scope, &mut found)?;
        let kind = match found.len() {
            0 => Kind::Empty,
            1 => found.pop().unwrap_or(Kind::Empty),
            _ => Kind::Combined(Combined {
                criterion: Criterion::All,
                schemas: self.push_all(found)?,
                synthetic: true,
            }),
        };
        common(keys, Schema::new(kind), scope.draft())
    }

    fn push_all(&mut self, kinds: Vec<Kind>) -> Result<Vec<SchemaId>, String> {
        kinds.into_iter().map(|kind| self.arena.push(Schema::new(kind))).collect()
    }

    fn combined(
        &mut self,
        keys: &mut Keys<'a>,
        scope: &Scope<'_, 'a>,
        found: &mut Vec<Kind>,
    ) -> Result<(), String> {
        for criterion in [Criterion::All, Criterion::Any, Criterion::One] {
            let keyword = criterion.keyword();
            let Some(nodes) = keys.take(keyword) else { continue };
            let schemas = keys::list(keyword, nodes)?
                .iter()
                .map(|node| self.child(scope, node))
                .collect::<Result<_, _>>()?;
            found.push(Kind::Combined(Combined { criterion, schemas, synthetic: false }));
        }
        Ok(())
    }

    fn typed(
        &mut self,
        types: &'a Node,
        keys: &mut Keys<'a>,
        scope: &Scope<'_, 'a>,
    ) -> Result<Kind, String> {
        let Node::List(types) = types else {
            return self.of_type(keys::text("type", types)?, keys, scope);
        };
        let mut kinds = Vec::new();
        for name in types {
            kinds.push(self.of_type(keys::text("type", name)?, keys, scope)?);
        }
        let schemas = self.push_all(kinds)?;
        Ok(Kind::Combined(Combined { criterion: Criterion::Any, schemas, synthetic: false }))
    }

    fn of_type(
        &mut self,
        name: &str,
        keys: &mut Keys<'a>,
        scope: &Scope<'_, 'a>,
    ) -> Result<Kind, String> {
        match name {
            "string" => string(keys, true),
            "integer" => number(keys, scope.draft(), (true, true)),
            "number" => number(keys, scope.draft(), (true, false)),
            "boolean" => Ok(Kind::Boolean),
            "null" => Ok(Kind::Null),
            "array" => self.array(keys, scope, true),
            "object" => self.properties(keys, scope, true),
            _ => Err(format!("unknown type: [{name}]")),
        }
    }

    /// Schemas for keywords that the type, if one is given, has no use for.
    fn sniffed(
        &mut self,
        keys: &mut Keys<'a>,
        scope: &Scope<'_, 'a>,
        found: &mut Vec<Kind>,
    ) -> Result<(), String> {
        let later = scope.draft() > Draft::Draft4;
        if keys.has_any(&ARRAY) || later && keys.has("contains") {
            found.push(self.array(keys, scope, false)?);
        }
        if keys.has_any(&OBJECT) || later && keys.has("propertyNames") {
            found.push(self.properties(keys, scope, false)?);
        }
        if keys.has_any(&NUMBER) {
            found.push(number(keys, scope.draft(), (false, false))?);
        }
        if keys.has_any(&STRING) {
            found.push(string(keys, false)?);
        }
        if scope.draft() >= Draft::Draft7 && keys.has_any(&CONDITIONAL) {
            let mut part = |key| keys.take(key).map(|node| self.child(scope, node)).transpose();
            found.push(Kind::Conditional(Conditional {
                condition: part("if")?,
                then: part("then")?,
                otherwise: part("else")?,
            }));
        }
        Ok(())
    }

    fn array(
        &mut self,
        keys: &mut Keys<'a>,
        scope: &Scope<'_, 'a>,
        only: bool,
    ) -> Result<Kind, String> {
        let mut rules = ArrayRules {
            only,
            min_items: keys.integer("minItems")?,
            max_items: keys.integer("maxItems")?,
            unique: keys.boolean("uniqueItems")?.unwrap_or(false),
            ..ArrayRules::default()
        };
        match keys.take("additionalItems") {
            None => (),
            Some(Node::Bool(admits)) => rules.admits_additional = *admits,
            Some(node @ Node::Map(_)) => rules.additional = Some(self.child(scope, node)?),
            Some(_) => return Err("'additionalItems' is no object and no boolean".to_owned()),
        }
        match keys.take("items") {
            None => (),
            Some(Node::List(nodes)) if nodes.is_empty() => (),
            Some(Node::List(nodes)) => {
                let tuple = nodes.iter().map(|node| self.child(scope, node));
                rules.tuple = Some(tuple.collect::<Result<_, _>>()?);
            }
            Some(node) => rules.items = Some(self.strict_child(scope, "items", node)?),
        }
        // Where all items have one schema there are none behind a tuple.
        rules.admits_additional |= rules.items.is_some();
        if scope.draft() > Draft::Draft4
            && let Some(node) = keys.take("contains")
        {
            rules.contains = Some(self.child(scope, node)?);
        }
        Ok(Kind::Array(Box::new(rules)))
    }

    /// A schema where draft 4 admits no boolean.
    fn strict_child(
        &mut self,
        scope: &Scope<'_, 'a>,
        key: &str,
        node: &'a Node,
    ) -> Result<SchemaId, String> {
        if scope.draft() == Draft::Draft4 && matches!(node, Node::Bool(_)) {
            return Err(format!("'{key}' is a boolean, not an object"));
        }
        self.child(scope, node)
    }

    fn properties(
        &mut self,
        keys: &mut Keys<'a>,
        scope: &Scope<'_, 'a>,
        only: bool,
    ) -> Result<Kind, String> {
        let mut rules = ObjectRules {
            only,
            min_properties: keys.integer("minProperties")?,
            max_properties: keys.integer("maxProperties")?,
            ..ObjectRules::default()
        };
        if let Some(properties) = keys.take("properties") {
            for (name, place) in scope.grandchildren("properties", properties)? {
                // What looks like an identifier of the object is none of its properties.
                if name != scope.draft().id_keyword() || matches!(place.node, Node::Map(_)) {
                    let schema = self.schema(&place)?;
                    rules.properties.push((name.clone(), schema));
                }
            }
        }
        match keys.take("additionalProperties") {
            None => (),
            Some(Node::Bool(admits)) => rules.admits_additional = *admits,
            Some(node @ Node::Map(_)) => rules.additional = Some(self.child(scope, node)?),
            Some(_) => return Err("'additionalProperties' is no object and no boolean".to_owned()),
        }
        if let Some(names) = keys.take("required") {
            rules.required = keys::texts("required", names)?;
        }
        if let Some(patterns) = keys.take("patternProperties") {
            for (name, place) in scope.grandchildren("patternProperties", patterns)? {
                let schema = self.schema(&place)?;
                rules.patterns.push((pattern(name)?, schema));
            }
        }
        if let Some(dependencies) = keys.take("dependencies") {
            self.dependencies(dependencies, scope, &mut rules)?;
        }
        if scope.draft() > Draft::Draft4
            && let Some(node) = keys.take("propertyNames")
        {
            rules.names = Some(self.child(scope, node)?);
        }
        Ok(Kind::Object(Box::new(rules)))
    }

    fn dependencies(
        &mut self,
        dependencies: &'a Node,
        scope: &Scope<'_, 'a>,
        rules: &mut ObjectRules,
    ) -> Result<(), String> {
        for (name, node) in keys::map("dependencies", dependencies)? {
            match node {
                // An empty list demands nothing and leaves no trace.
                Node::List(names) if names.is_empty() => (),
                Node::List(_) => {
                    let names = keys::texts("dependencies", node)?;
                    rules.property_dependencies.push((name.clone(), names));
                }
                _ => {
                    let schema = self.strict_child(scope, "dependencies", node)?;
                    rules.schema_dependencies.push((name.clone(), schema));
                }
            }
        }
        Ok(())
    }
}

fn string(keys: &mut Keys<'_>, only: bool) -> Result<Kind, String> {
    Ok(Kind::String(StringRules {
        only,
        min_length: keys.integer("minLength")?,
        max_length: keys.integer("maxLength")?,
        pattern: keys.text("pattern")?.as_deref().map(pattern).transpose()?,
        format: keys.text("format")?,
    }))
}

fn number(
    keys: &mut Keys<'_>,
    draft: Draft,
    (only, integer): (bool, bool),
) -> Result<Kind, String> {
    let mut rules = NumberRules {
        only,
        integer,
        minimum: keys.number("minimum")?,
        maximum: keys.number("maximum")?,
        multiple_of: keys.number("multipleOf")?,
        ..NumberRules::default()
    };
    let factor = rules.multiple_of.as_deref().map(str::parse::<f64>);
    if factor == Some(Ok(0.0)) {
        return Err("multipleOf should not be 0".to_owned());
    }
    if draft == Draft::Draft4 {
        rules.minimum_is_exclusive = keys.boolean("exclusiveMinimum")?.unwrap_or(false);
        rules.maximum_is_exclusive = keys.boolean("exclusiveMaximum")?.unwrap_or(false);
    } else {
        rules.exclusive_minimum = keys.number("exclusiveMinimum")?;
        rules.exclusive_maximum = keys.number("exclusiveMaximum")?;
    }
    Ok(Kind::Number(Box::new(rules)))
}

/// Adds what schemas of every kind have. A reference has a title and a description at most.
fn common(mut keys: Keys<'_>, mut schema: Schema, draft: Draft) -> Result<Schema, String> {
    let id = keys.text(draft.id_keyword())?;
    schema.title = keys.text("title")?;
    schema.description = keys.text("description")?;
    let (mut read_only, mut write_only) = (None, None);
    if draft == Draft::Draft7 {
        read_only = keys.boolean("readOnly")?;
        write_only = keys.boolean("writeOnly")?;
    }
    let default = keys.take("default").cloned();
    if !matches!(schema.kind, Kind::Reference(_)) {
        schema.id = id;
        schema.default = default;
        schema.read_only = read_only;
        schema.write_only = write_only;
    }
    keys.take("definitions");
    keys.take("$defs");
    schema.extensions = keys.rest();
    Ok(schema)
}
