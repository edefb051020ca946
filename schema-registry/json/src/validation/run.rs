//! A value on its way through the checks.

use std::collections::HashSet;

use serde_json::{Map, Value};

use super::number::{Number, canonical};
use super::{Bound, Check, Id, Properties, Range, Type, Validator};

/// How deep checks may be nested: references may go round in a circle.
const DEPTH_MAX: usize = 256;
/// How many schemas a value may be held against, counting each time.
const STEPS_MAX: usize = 2_000_000;
/// How many errors are told.
const ERRORS_MAX: usize = 100;
/// Up to here a reader keeps whole numbers exact, and tells them from those with a fraction of zero.
const EXACT_MAX: f64 = 9e18;
/// How much of a value is told.
const SHOWN_MAX: usize = 100;

pub(super) fn run(validator: &Validator, value: &Value) -> Result<(), Vec<String>> {
    let mut run = Run {
        validator,
        path: Vec::new(),
        quiet: 0,
        errors: Vec::new(),
        steps: 0,
        depth: 0,
        followed: Vec::new(),
    };
    let is_valid = run.holds(validator.root, value, &mut Seen::default());
    if run.steps > STEPS_MAX {
        run.errors.push("#: the value is held against too many schemas".to_owned());
    }
    if run.errors.is_empty() && is_valid { Ok(()) } else { Err(run.errors) }
}

#[derive(Clone, Copy)]
enum Step<'v> {
    Key(&'v str),
    Index(usize),
}

/// What of an object or an array some schema has looked at.
#[derive(Default)]
struct Seen<'v> {
    properties: HashSet<&'v str>,
    items: HashSet<usize>,
}

impl Seen<'_> {
    fn add(&mut self, other: Self) {
        self.properties.extend(other.properties);
        self.items.extend(other.items);
    }
}

struct Run<'v> {
    validator: &'v Validator,
    path: Vec<Step<'v>>,
    /// Above zero, what does not fit is no error yet.
    quiet: usize,
    errors: Vec<String>,
    steps: usize,
    depth: usize,
    /// The references that are being followed, each with the value that is checked.
    followed: Vec<(Id, &'v Value)>,
}

impl<'v> Run<'v> {
    fn fail(&mut self, reason: impl FnOnce() -> String) -> bool {
        if self.quiet == 0 && self.errors.len() < ERRORS_MAX {
            let mut pointer = "#".to_owned();
            for step in &self.path {
                pointer.push('/');
                match step {
                    Step::Key(key) => {
                        pointer.push_str(&key.replace('~', "~0").replace('/', "~1"));
                    }
                    Step::Index(at) => pointer.push_str(&at.to_string()),
                }
            }
            self.errors.push(format!("{pointer}: {}", reason()));
        }
        false
    }

    /// Whether a value fits a schema. What the schema has looked at is added to what was seen, if
    /// it does.
    fn holds(&mut self, schema: Id, value: &'v Value, seen: &mut Seen<'v>) -> bool {
        self.steps += 1;
        if self.steps > STEPS_MAX {
            return false;
        }
        if self.depth >= DEPTH_MAX {
            return self.fail(|| format!("schemas are nested more than {DEPTH_MAX} levels deep"));
        }
        self.depth += 1;
        let validator = self.validator;
        let mut own = Seen::default();
        let mut is_valid = true;
        for check in validator.schemas.get(schema).map(Vec::as_slice).unwrap_or_default() {
            is_valid &= self.check(check, value, &mut own);
            if !is_valid && self.quiet > 0 {
                break;
            }
        }
        self.depth -= 1;
        if is_valid && validator.tracks {
            seen.add(own);
        }
        is_valid
    }

    /// Follows a reference, unless it leads back to itself with nothing in between.
    fn follow(&mut self, schema: Id, value: &'v Value, seen: &mut Seen<'v>) -> bool {
        let of_value = self.followed.iter().rev().take_while(|(_, of)| std::ptr::eq(*of, value));
        if of_value.into_iter().any(|(followed, _)| *followed == schema) {
            return self.fail(|| "a reference leads back to itself".to_owned());
        }
        self.followed.push((schema, value));
        let holds = self.holds(schema, value, seen);
        self.followed.pop();
        holds
    }

    /// Whether a value would fit a schema. That it does not is no error.
    fn would_hold(&mut self, schema: Id, value: &'v Value, seen: &mut Seen<'v>) -> bool {
        self.quiet += 1;
        let holds = self.holds(schema, value, seen);
        self.quiet -= 1;
        holds
    }

    /// Whether a part of a value fits a schema.
    fn part_holds(&mut self, schema: Id, step: Step<'v>, value: &'v Value) -> bool {
        self.path.push(step);
        let holds = self.holds(schema, value, &mut Seen::default());
        self.path.pop();
        holds
    }

    fn check(&mut self, check: &'v Check, value: &'v Value, seen: &mut Seen<'v>) -> bool {
        match check {
            Check::Never => self.fail(|| "false schema always fails".to_owned()),
            Check::Types(types) => self.has_type(types, value),
            Check::Among(values) => {
                values.contains(&canonical(value))
                    || self.fail(|| format!("{} is not a valid enum value", shown(value)))
            }
            Check::Reference(schema) => self.follow(*schema, value, seen),
            Check::All(_) | Check::Any(_) | Check::One(_) | Check::Not(_) | Check::If(..) => {
                self.check_combined(check, value, seen)
            }
            _ => match value {
                Value::Object(map) => self.check_object(check, map, value, seen),
                Value::Array(items) => self.check_array(check, items, seen),
                Value::String(text) => self.check_string(check, text),
                Value::Number(number) => self.check_number(check, &Number::of(number)),
                Value::Null | Value::Bool(_) => true,
            },
        }
    }

    fn has_type(&mut self, types: &[Type], value: &Value) -> bool {
        let modern = self.validator.draft.is_modern();
        let is_of = |wanted: Type| match (wanted, value) {
            (Type::Null, Value::Null)
            | (Type::Boolean, Value::Bool(_))
            | (Type::Number, Value::Number(_))
            | (Type::String, Value::String(_))
            | (Type::Array, Value::Array(_))
            | (Type::Object, Value::Object(_)) => true,
            // Up to draft 7 the registry's library wants integers written as such.
            (Type::Integer, Value::Number(number)) => match Number::of(number) {
                Number::Whole(_) => true,
                Number::Decimal(decimal, _) => {
                    decimal.fract() == 0.0 && (modern || decimal.abs() > EXACT_MAX)
                }
            },
            _ => false,
        };
        if types.iter().any(|wanted| is_of(*wanted)) {
            return true;
        }
        self.fail(|| {
            let expected: Vec<&str> = types.iter().map(|wanted| wanted.name()).collect();
            format!("expected type: {}, found: {}", expected.join(" or "), name_of(value))
        })
    }

    fn check_combined(&mut self, check: &'v Check, value: &'v Value, seen: &mut Seen<'v>) -> bool {
        match check {
            Check::All(schemas) => {
                let mut all = true;
                for schema in schemas {
                    all &= self.holds(*schema, value, seen);
                    if !all && self.quiet > 0 {
                        break;
                    }
                }
                all
            }
            Check::Any(schemas) => {
                let mut fitting = 0;
                for schema in schemas {
                    fitting += usize::from(self.would_hold(*schema, value, seen));
                    // All that fit count for what was seen; otherwise one is enough.
                    if fitting > 0 && !self.validator.tracks {
                        break;
                    }
                }
                let count = schemas.len();
                fitting > 0
                    || self.fail(|| {
                        format!("no subschema matched out of the total {count} subschemas")
                    })
            }
            Check::One(schemas) => {
                let mut fitting = 0;
                for schema in schemas {
                    fitting += usize::from(self.would_hold(*schema, value, seen));
                }
                fitting == 1 || self.fail(|| format!("{fitting} subschemas matched instead of one"))
            }
            Check::Not(schema) => {
                !self.would_hold(*schema, value, &mut Seen::default())
                    || self.fail(|| "subject must not be valid against a schema".to_owned())
            }
            Check::If(condition, then, otherwise) => {
                let branch =
                    if self.would_hold(*condition, value, seen) { then } else { otherwise };
                branch.is_none_or(|schema| self.holds(schema, value, seen))
            }
            _ => true,
        }
    }

    fn check_object(
        &mut self,
        check: &'v Check,
        map: &'v Map<String, Value>,
        value: &'v Value,
        seen: &mut Seen<'v>,
    ) -> bool {
        match check {
            Check::Properties(rules) => self.check_properties(rules, map, seen),
            Check::Required(names) => self.has_all(names, map),
            Check::RequiredWith(name, names) => !map.contains_key(name) || self.has_all(names, map),
            Check::SchemaWith(name, schema) => {
                !map.contains_key(name) || self.holds(*schema, value, seen)
            }
            Check::PropertyCount(range) => self.is_within(range, map.len(), "size"),
            Check::Names(schema) => map.keys().fold(true, |all, key| {
                // A name is no part of the value; it is checked as a value of its own.
                let holds = self.name_holds(*schema, key);
                all & holds
            }),
            Check::UnevaluatedProperties(schema) => {
                let mut all = true;
                for (key, value) in map {
                    if !seen.properties.contains(key.as_str()) {
                        all &= self.part_holds(*schema, Step::Key(key), value);
                        seen.properties.insert(key);
                    }
                }
                all
            }
            _ => true,
        }
    }

    fn name_holds(&mut self, schema: Id, name: &str) -> bool {
        let value = Value::String(name.to_owned());
        let mut run = Run {
            validator: self.validator,
            path: Vec::new(),
            quiet: 1,
            errors: Vec::new(),
            steps: self.steps,
            depth: self.depth,
            followed: Vec::new(),
        };
        let holds = run.holds(schema, &value, &mut Seen::default());
        self.steps = run.steps;
        holds || self.fail(|| format!("property name [{}] is not valid", cut(name)))
    }

    fn has_all(&mut self, names: &[String], map: &Map<String, Value>) -> bool {
        let mut all = true;
        for name in names {
            if !map.contains_key(name) {
                all = self.fail(|| format!("required key [{name}] not found"));
            }
        }
        all
    }

    fn check_properties(
        &mut self,
        rules: &'v Properties,
        map: &'v Map<String, Value>,
        seen: &mut Seen<'v>,
    ) -> bool {
        let mut all = true;
        for (key, value) in map {
            let named = rules.named.get(key).copied();
            let mut schemas: Vec<Id> = named.into_iter().collect();
            let patterns = rules.patterns.iter().filter(|(pattern, _)| pattern.is_found(key));
            schemas.extend(patterns.map(|(_, schema)| *schema));
            if schemas.is_empty() {
                let Some(additional) = rules.additional else { continue };
                if matches!(
                    self.validator.schemas.get(additional).map(Vec::as_slice),
                    Some([Check::Never])
                ) {
                    all = self.fail(|| format!("extraneous key [{}] is not permitted", cut(key)));
                    continue;
                }
                schemas.push(additional);
            }
            for schema in schemas {
                all &= self.part_holds(schema, Step::Key(key), value);
            }
            if self.validator.tracks {
                seen.properties.insert(key);
            }
            if !all && self.quiet > 0 {
                break;
            }
        }
        all
    }

    fn check_array(&mut self, check: &'v Check, items: &'v [Value], seen: &mut Seen<'v>) -> bool {
        match check {
            Check::Items(tuple, rest) => {
                let mut all = true;
                for (at, item) in items.iter().enumerate() {
                    let Some(schema) = tuple.get(at).copied().or(*rest) else { break };
                    all &= self.part_holds(schema, Step::Index(at), item);
                    if self.validator.tracks {
                        seen.items.insert(at);
                    }
                    if !all && self.quiet > 0 {
                        break;
                    }
                }
                all
            }
            Check::Contains(schema, range) => self.check_contained(*schema, range, items, seen),
            Check::ItemCount(range) => self.is_within(range, items.len(), "item count"),
            Check::Unique => {
                let mut known = HashSet::new();
                items.iter().all(|item| known.insert(canonical(item)))
                    || self.fail(|| "array items are not unique".to_owned())
            }
            Check::UnevaluatedItems(schema) => {
                let mut all = true;
                for (at, item) in items.iter().enumerate() {
                    if seen.items.insert(at) {
                        all &= self.part_holds(*schema, Step::Index(at), item);
                    }
                }
                all
            }
            _ => true,
        }
    }

    fn check_contained(
        &mut self,
        schema: Id,
        range: &Range,
        items: &'v [Value],
        seen: &mut Seen<'v>,
    ) -> bool {
        let mut count = 0;
        for (at, item) in items.iter().enumerate() {
            if self.would_hold(schema, item, &mut Seen::default()) {
                count += 1;
                // In 2019-09 an item that is contained still counts as not looked at.
                if self.validator.draft > crate::model::Draft::Draft201909 {
                    seen.items.insert(at);
                }
            }
        }
        range.has(count)
            || self.fail(|| {
                format!("{count} array items match the 'contains' schema, which is too few or many")
            })
    }

    fn check_string(&mut self, check: &Check, text: &str) -> bool {
        match check {
            Check::Length(range) => self.is_within(range, text.chars().count(), "length"),
            Check::Pattern(pattern) => {
                pattern.is_found(text)
                    || self.fail(|| {
                        format!(
                            "string [{}] does not match pattern {}",
                            cut(text),
                            pattern.as_str()
                        )
                    })
            }
            Check::Format(format) => {
                (format.is_met)(text)
                    || self.fail(|| format!("[{}] is not a valid {}", cut(text), format.name))
            }
            _ => true,
        }
    }

    fn check_number(&mut self, check: &Check, number: &Number) -> bool {
        match check {
            Check::Limit(limit, bound, admitted) => {
                let order = number.compare(limit);
                let is_within = match bound {
                    Bound::Lower => order.is_some_and(std::cmp::Ordering::is_gt),
                    Bound::Upper => order.is_some_and(std::cmp::Ordering::is_lt),
                };
                is_within
                    || *admitted && order.is_some_and(std::cmp::Ordering::is_eq)
                    || self.fail(|| {
                        let than = if *bound == Bound::Lower { "greater" } else { "less" };
                        let (or_equal, than_or_to) =
                            if *admitted { (" or equal", "to") } else { ("", "than") };
                        format!("{number} is not {than}{or_equal} {than_or_to} {limit}")
                    })
            }
            Check::MultipleOf(factor) => {
                number.is_multiple_of(factor)
                    || self.fail(|| format!("{number} is not a multiple of {factor}"))
            }
            _ => true,
        }
    }

    fn is_within(&mut self, range: &Range, count: usize, what: &str) -> bool {
        range.has(count)
            || self.fail(|| match (range.least, range.most) {
                (Some(least), _) if (count as u64) < least => {
                    format!("expected minimum {what}: {least}, found: {count}")
                }
                (_, most) => {
                    format!("expected maximum {what}: {}, found: {count}", most.unwrap_or_default())
                }
            })
    }
}

impl Range {
    fn has(&self, count: usize) -> bool {
        let count = count as u64;
        self.least.is_none_or(|least| count >= least) && self.most.is_none_or(|most| count <= most)
    }
}

impl Type {
    fn name(self) -> &'static str {
        match self {
            Self::Null => "Null",
            Self::Boolean => "Boolean",
            Self::Integer => "Integer",
            Self::Number => "Number",
            Self::String => "String",
            Self::Array => "JSONArray",
            Self::Object => "JSONObject",
        }
    }
}

fn name_of(value: &Value) -> &'static str {
    match value {
        Value::Null => Type::Null,
        Value::Bool(_) => Type::Boolean,
        Value::Number(number) if number.is_f64() => Type::Number,
        Value::Number(_) => Type::Integer,
        Value::String(_) => Type::String,
        Value::Array(_) => Type::Array,
        Value::Object(_) => Type::Object,
    }
    .name()
}

/// A value as it is told: the beginning of a long one.
fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => cut(text).to_owned(),
        Value::Array(_) => "the array".to_owned(),
        Value::Object(_) => "the object".to_owned(),
        plain => plain.to_string(),
    }
}

fn cut(text: &str) -> &str {
    let end = text.char_indices().nth(SHOWN_MAX).map_or(text.len(), |(at, _)| at);
    text.get(..end).unwrap_or(text)
}
