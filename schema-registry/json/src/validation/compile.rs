//! From keywords to checks.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use gantry_model::regex::JavaPattern;
use gantry_schema_model::{Dependency, Node};
use serde_json::Value;

use super::format::Format;
use super::number::{Number, canonical};
use super::{Bound, Check, Id, Properties, Range, Type, Validator};
use crate::load::{self, Library, Place};
use crate::model::Draft;

/// How many schemas there may be.
const SCHEMAS_MAX: usize = 500_000;

pub(super) fn compile(root: &Node, dependencies: &[Dependency]) -> Result<Validator, String> {
    let (entries, draft) = load::entries(root, dependencies)?;
    let library = Library::new(&entries);
    let place = library.root().ok_or("there is no schema")?;
    let mut compiler = Compiler {
        library: &library,
        schemas: Vec::new(),
        links: Vec::new(),
        known: HashMap::new(),
        tracks: false,
    };
    let root = compiler.schema(&place)?;
    compiler.known.insert(std::ptr::from_ref(place.node), root);
    let mut next = 0;
    let mut targets = Vec::new();
    while let Some(place) = compiler.links.get(next).cloned() {
        let key = std::ptr::from_ref(place.node);
        let target = match compiler.known.get(&key) {
            Some(target) => *target,
            None => compiler.schema(&place)?,
        };
        compiler.known.insert(key, target);
        targets.push(target);
        next += 1;
    }
    for check in compiler.schemas.iter_mut().flatten() {
        if let Check::Reference(link) = check {
            *link = *targets.get(*link).ok_or("a reference leads nowhere")?;
        }
    }
    Ok(Validator { schemas: compiler.schemas, root, draft, tracks: compiler.tracks })
}

struct Compiler<'l, 'a> {
    library: &'l Library<'a>,
    schemas: Vec<Vec<Check>>,
    /// Where references lead. Until all are followed, a check has the number of its link.
    links: Vec<Place<'a>>,
    known: HashMap<*const Node, Id>,
    tracks: bool,
}

/// The keywords of one schema.
struct Scope<'p, 'a> {
    place: &'p Place<'a>,
    base: Rc<str>,
    keys: HashMap<&'a str, &'a Node>,
}

impl<'a> Scope<'_, 'a> {
    fn get(&self, key: &str) -> Option<&'a Node> {
        self.keys.get(key).copied()
    }

    fn text(&self, key: &str) -> Option<&'a str> {
        self.get(key).and_then(Node::as_text)
    }

    fn number(&self, key: &str) -> Option<Number> {
        match self.get(key) {
            Some(Node::Number(text)) => Some(Number::parse(text)),
            _ => None,
        }
    }

    fn list(&self, key: &str) -> Option<&'a [Node]> {
        match self.get(key) {
            Some(Node::List(items)) => Some(items),
            _ => None,
        }
    }

    fn map(&self, key: &str) -> Option<&'a [(String, Node)]> {
        match self.get(key) {
            Some(Node::Map(map)) => Some(map),
            _ => None,
        }
    }

    fn count(&self, key: &str) -> Option<u64> {
        match self.number(key)? {
            Number::Whole(whole) => Some(u64::try_from(whole).unwrap_or(0)),
            // A count that is no whole number is cut off, as everywhere.
            Number::Decimal(decimal, _) => format!("{:.0}", decimal.trunc()).parse().ok(),
        }
    }

    fn range(&self, least: &str, most: &str) -> Option<Range> {
        let range = Range { least: self.count(least), most: self.count(most) };
        (range.least.is_some() || range.most.is_some()).then_some(range)
    }

    fn draft(&self) -> Draft {
        self.place.draft
    }
}

impl<'a> Compiler<'_, 'a> {
    fn schema(&mut self, place: &Place<'a>) -> Result<Id, String> {
        if self.schemas.len() >= SCHEMAS_MAX {
            return Err(format!("it stands for more than {SCHEMAS_MAX} schemas"));
        }
        let id = self.schemas.len();
        self.schemas.push(Vec::new());
        let checks = match place.node {
            Node::Bool(true) => Vec::new(),
            Node::Bool(false) => vec![Check::Never],
            Node::Map(map) => self.checks(map, place)?,
            other => return Err(format!("{other} is no schema")),
        };
        if let Some(known) = self.schemas.get_mut(id) {
            *known = checks;
        }
        Ok(id)
    }

    fn inner(&mut self, scope: &Scope<'_, 'a>, node: &'a Node) -> Result<Id, String> {
        self.schema(&scope.place.child(&scope.base, node))
    }

    fn some(&mut self, scope: &Scope<'_, 'a>, key: &str) -> Result<Option<Id>, String> {
        scope.get(key).map(|node| self.inner(scope, node)).transpose()
    }

    fn all(&mut self, scope: &Scope<'_, 'a>, nodes: &'a [Node]) -> Result<Vec<Id>, String> {
        nodes.iter().map(|node| self.inner(scope, node)).collect()
    }

    fn checks(
        &mut self,
        map: &'a [(String, Node)],
        place: &Place<'a>,
    ) -> Result<Vec<Check>, String> {
        let keys = map.iter().map(|(key, value)| (key.as_str(), value)).collect();
        let scope = Scope { place, base: place.inner_base(), keys };
        let mut checks = Vec::new();
        for keyword in ["$ref", "$dynamicRef"] {
            let Some(target) = scope.text(keyword) else { continue };
            if keyword == "$dynamicRef" && !scope.draft().is_modern() {
                continue;
            }
            let target = self.library.resolve(place, &scope.base, target)?;
            checks.push(Check::Reference(self.links.len()));
            self.links.push(target);
            if !scope.draft().is_modern() {
                // Up to draft 7 nothing counts beside a reference.
                return Ok(checks);
            }
        }
        plain(&scope, &mut checks)?;
        self.combined(&scope, &mut checks)?;
        self.of_objects(&scope, &mut checks)?;
        self.of_arrays(&scope, &mut checks)?;
        if scope.draft().is_modern() {
            if let Some(schema) = self.some(&scope, "unevaluatedProperties")? {
                checks.push(Check::UnevaluatedProperties(schema));
                self.tracks = true;
            }
            if let Some(schema) = self.some(&scope, "unevaluatedItems")? {
                checks.push(Check::UnevaluatedItems(schema));
                self.tracks = true;
            }
        }
        Ok(checks)
    }

    fn combined(&mut self, scope: &Scope<'_, 'a>, checks: &mut Vec<Check>) -> Result<(), String> {
        if let Some(nodes) = scope.list("allOf") {
            checks.push(Check::All(self.all(scope, nodes)?));
        }
        if let Some(nodes) = scope.list("anyOf") {
            checks.push(Check::Any(self.all(scope, nodes)?));
        }
        if let Some(nodes) = scope.list("oneOf") {
            checks.push(Check::One(self.all(scope, nodes)?));
        }
        if let Some(schema) = self.some(scope, "not")? {
            checks.push(Check::Not(schema));
        }
        if scope.draft() >= Draft::Draft7
            && let Some(condition) = self.some(scope, "if")?
        {
            let (then, otherwise) = (self.some(scope, "then")?, self.some(scope, "else")?);
            checks.push(Check::If(condition, then, otherwise));
        }
        Ok(())
    }

    fn of_objects(&mut self, scope: &Scope<'_, 'a>, checks: &mut Vec<Check>) -> Result<(), String> {
        let mut properties = Properties::default();
        for (name, node) in scope.map("properties").unwrap_or_default() {
            if name != scope.draft().id_keyword() || !matches!(node, Node::Text(_)) {
                properties.named.insert(name.clone(), self.inner(scope, node)?);
            }
        }
        for (text, node) in scope.map("patternProperties").unwrap_or_default() {
            properties.patterns.push((pattern(text)?, self.inner(scope, node)?));
        }
        properties.additional = self.some(scope, "additionalProperties")?;
        let is_empty = properties.named.is_empty() && properties.patterns.is_empty();
        if !is_empty || properties.additional.is_some() {
            checks.push(Check::Properties(Box::new(properties)));
        }
        if let Some(names) = scope.list("required") {
            checks.push(Check::Required(texts(names)));
        }
        checks.extend(scope.range("minProperties", "maxProperties").map(Check::PropertyCount));
        if scope.draft() > Draft::Draft4
            && let Some(schema) = self.some(scope, "propertyNames")?
        {
            checks.push(Check::Names(schema));
        }
        let dependencies: &[&str] = if scope.draft().is_modern() {
            &["dependentRequired", "dependentSchemas"]
        } else {
            &["dependencies"]
        };
        for keyword in dependencies {
            for (name, node) in scope.map(keyword).unwrap_or_default() {
                checks.push(match node {
                    Node::List(names) => Check::RequiredWith(name.clone(), texts(names)),
                    node => Check::SchemaWith(name.clone(), self.inner(scope, node)?),
                });
            }
        }
        Ok(())
    }

    fn of_arrays(&mut self, scope: &Scope<'_, 'a>, checks: &mut Vec<Check>) -> Result<(), String> {
        let modern = scope.draft().is_modern();
        let (tuple, rest) = match (scope.get("items"), scope.list("prefixItems")) {
            (Some(Node::List(items)), _) => {
                (Some(items.as_slice()), self.some(scope, "additionalItems")?)
            }
            (items, prefix) => {
                let rest = items.map(|node| self.inner(scope, node)).transpose()?;
                (prefix.filter(|_| modern), rest)
            }
        };
        let tuple = self.all(scope, tuple.unwrap_or_default())?;
        if !tuple.is_empty() || rest.is_some() {
            checks.push(Check::Items(tuple, rest));
        }
        checks.extend(scope.range("minItems", "maxItems").map(Check::ItemCount));
        if scope.get("uniqueItems") == Some(&Node::Bool(true)) {
            checks.push(Check::Unique);
        }
        if scope.draft() > Draft::Draft4
            && let Some(schema) = self.some(scope, "contains")?
        {
            let limits = scope.range("minContains", "maxContains").filter(|_| modern);
            let limits = limits.unwrap_or_default();
            let least = limits.least.or(Some(1));
            checks.push(Check::Contains(schema, Range { least, ..limits }));
        }
        Ok(())
    }
}

/// The keywords that hold no schemas.
fn plain(scope: &Scope<'_, '_>, checks: &mut Vec<Check>) -> Result<(), String> {
    match scope.get("type") {
        Some(Node::Text(name)) => checks.push(Check::Types(vec![of_type(name)?])),
        Some(Node::List(names)) => {
            let names = names.iter().filter_map(Node::as_text);
            checks.push(Check::Types(names.map(of_type).collect::<Result<_, _>>()?));
        }
        _ => (),
    }
    if let Some(values) = scope.list("enum") {
        let values = values.iter().map(|value| value_of(value).map(|value| canonical(&value)));
        checks.push(Check::Among(values.collect::<Result<_, _>>()?));
    }
    if scope.draft() > Draft::Draft4
        && let Some(value) = scope.get("const")
    {
        checks.push(Check::Among(HashSet::from([canonical(&value_of(value)?)])));
    }
    checks.extend(scope.range("minLength", "maxLength").map(Check::Length));
    if let Some(text) = scope.text("pattern") {
        checks.push(Check::Pattern(Box::new(pattern(text)?)));
    }
    if let Some(format) = scope.text("format").and_then(|name| Format::of(name, scope.draft())) {
        checks.push(Check::Format(format));
    }
    for (keyword, exclusive, bound) in [
        ("minimum", "exclusiveMinimum", Bound::Lower),
        ("maximum", "exclusiveMaximum", Bound::Upper),
    ] {
        // In draft 4 it only says how the limit beside it is meant.
        let excludes = scope.get(exclusive) == Some(&Node::Bool(true));
        if let Some(limit) = scope.number(keyword) {
            checks.push(Check::Limit(limit, bound, !excludes));
        }
        if let Some(limit) = scope.number(exclusive) {
            checks.push(Check::Limit(limit, bound, false));
        }
    }
    checks.extend(scope.number("multipleOf").map(Check::MultipleOf));
    Ok(())
}

fn of_type(name: &str) -> Result<Type, String> {
    Ok(match name {
        "null" => Type::Null,
        "boolean" => Type::Boolean,
        "integer" => Type::Integer,
        "number" => Type::Number,
        "string" => Type::String,
        "array" => Type::Array,
        "object" => Type::Object,
        _ => return Err(format!("unknown type: [{name}]")),
    })
}

fn texts(nodes: &[Node]) -> Vec<String> {
    nodes.iter().filter_map(Node::as_text).map(str::to_owned).collect()
}

fn pattern(text: &str) -> Result<JavaPattern, String> {
    JavaPattern::compile(text).map_err(|error| error.to_string())
}

fn value_of(node: &Node) -> Result<Value, String> {
    serde_json::from_str(&node.to_string()).map_err(|error| error.to_string())
}
