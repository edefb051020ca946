//! Flattening of maps. Names and order are worked out once for each shape that a map has at its
//! level, as records of one kind mostly have maps of one shape.

use std::sync::Arc;

use gantry_model::map::ShapeCache;
use gantry_model::names::Name;
use gantry_model::{Error, MapValue, Result, Value};

use super::{MAX_DEPTH, joined, too_deep};
use crate::support::no_text_key;

/// Levels that are remembered in all; deeper and more varied maps are flattened without.
const MAX_LEVELS: usize = 64;

/// Flattens maps.
#[derive(Default)]
pub(super) struct MapFlattener {
    top: Level,
    /// Levels below it that are remembered.
    below: usize,
    /// The names of the last flat map that had none of them twice.
    distinct: Vec<Value>,
}

/// What is known of the maps that stand below one name.
#[derive(Default)]
struct Level {
    shapes: ShapeCache<Vec<Step>>,
}

/// One entry of a map.
struct Step {
    /// Its place as it was put.
    place: usize,
    /// The names of the levels above it and its own, joined.
    name: Name,
    below: Option<Box<Level>>,
}

impl MapFlattener {
    /// The flat form of a map, which may lose its values.
    pub(super) fn flatten(&mut self, map: &mut Arc<MapValue>, delimiter: &str) -> Result<MapValue> {
        let mut flat = Vec::with_capacity(self.distinct.len().max(map.len()));
        let mut work = Work { delimiter, below: &mut self.below, flat: &mut flat };
        work.add(&mut self.top, Source::of(map), "", 0)?;
        let known = self.distinct.len() == flat.len()
            && self.distinct.iter().zip(&flat).all(|(known, (name, _))| is_same(known, name));
        if known {
            if let (Some(known), Some((name, _))) = (self.distinct.last(), flat.last())
                && !is_lasting(known)
                && is_lasting(name)
            {
                self.distinct = flat.iter().map(|(name, _)| name.clone()).collect();
            }
            return Ok(MapValue::from_distinct(flat));
        }
        let names: Vec<Value> = flat.iter().map(|(name, _)| name.clone()).collect();
        let flat = MapValue::from_entries(flat);
        if flat.len() == names.len() {
            self.distinct = names;
        }
        Ok(flat)
    }
}

/// Whether two names are the same text.
fn is_same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::String(one), Value::String(other)) => one.is_same(other),
        _ => false,
    }
}

fn is_lasting(name: &Value) -> bool {
    matches!(name, Value::String(name) if name.is_lasting())
}

/// A map to be flattened: one that nobody else has gives its values away.
enum Source<'a> {
    Own(&'a mut MapValue),
    Shared(&'a MapValue),
}

impl<'a> Source<'a> {
    fn of(map: &'a mut Arc<MapValue>) -> Self {
        if Arc::get_mut(map).is_some() {
            // Which copies nothing then.
            Self::Own(Arc::make_mut(map))
        } else {
            Self::Shared(map)
        }
    }
    fn map(&self) -> &MapValue {
        match self {
            Self::Own(map) => map,
            Self::Shared(map) => map,
        }
    }
    /// The map at a place.
    fn inner(&mut self, place: usize) -> Option<Source<'_>> {
        match self {
            Self::Own(map) => match map.value_mut(place)? {
                Value::Map(inner) => Some(Source::of(inner)),
                _ => None,
            },
            Self::Shared(map) => match map.entries().get(place)? {
                (_, Value::Map(inner)) => Some(Source::Shared(inner)),
                _ => None,
            },
        }
    }
    /// The value at a place, taken or copied.
    fn take(&mut self, place: usize) -> Option<Value> {
        match self {
            Self::Own(map) => map.value_mut(place).map(std::mem::take),
            Self::Shared(map) => map.entries().get(place).map(|(_, value)| value.clone()),
        }
    }
}

/// One map that is being flattened.
struct Work<'a> {
    delimiter: &'a str,
    below: &'a mut usize,
    flat: &'a mut Vec<(Value, Value)>,
}

impl Work<'_> {
    fn add(
        &mut self,
        level: &mut Level,
        mut source: Source<'_>,
        prefix: &str,
        depth: usize,
    ) -> Result<()> {
        if depth > MAX_DEPTH {
            return Err(too_deep());
        }
        let steps = |map: &MapValue| steps(map, prefix, self.delimiter);
        let place = level.shapes.place(source.map(), false, steps);
        let Some(steps) = place.and_then(|place| level.shapes.get_mut(place)) else {
            return self.add_plainly(source.map(), Some(prefix), depth);
        };
        for step in steps {
            if let Some(inner) = source.inner(step.place) {
                self.add_inner(step, inner, depth)?;
            } else if let Some(value) = source.take(step.place) {
                check(&value, Some(step.name.as_str()))?;
                self.flat.push((Value::String(step.name.used()), value));
            }
        }
        Ok(())
    }

    fn add_inner(&mut self, step: &mut Step, inner: Source<'_>, depth: usize) -> Result<()> {
        if step.below.is_none() && *self.below < MAX_LEVELS {
            *self.below += 1;
            step.below = Some(Box::default());
        }
        let name = step.name.as_str();
        match &mut step.below {
            Some(level) => self.add(level, inner, name, depth + 1),
            None => self.add_plainly(inner.map(), Some(name), depth + 1),
        }
    }

    /// The same without what is known. A null key has no name, which only matters where something
    /// would have to be joined to it.
    fn add_plainly(&mut self, map: &MapValue, prefix: Option<&str>, depth: usize) -> Result<()> {
        if depth > MAX_DEPTH {
            return Err(too_deep());
        }
        for (key, value) in map.ordered() {
            let prefix = prefix.ok_or_else(unnamed)?;
            let name = match key {
                Value::String(name) => Some(joined(prefix, self.delimiter, name)),
                Value::Null if prefix.is_empty() => None,
                // As Java joins a null to a text.
                Value::Null => Some(joined(prefix, self.delimiter, "null")),
                other => return Err(no_text_key(other)),
            };
            if let Value::Map(inner) = value {
                self.add_plainly(inner, name.as_deref(), depth + 1)?;
            } else {
                check(value, name.as_deref())?;
                self.flat.push((name.as_deref().map_or(Value::Null, Value::str), value.clone()));
            }
        }
        Ok(())
    }
}

/// The entries of a map of text keys, in Java's order.
fn steps(map: &MapValue, prefix: &str, delimiter: &str) -> Vec<Step> {
    let entries = map.entries();
    let order = map.order().unwrap_or_else(|| (0..entries.len()).collect());
    let name = |place: usize| entries.get(place).and_then(|(key, _)| key.as_str());
    order
        .into_iter()
        .filter_map(|place| {
            let name = Name::new(joined(prefix, delimiter, name(place)?).into());
            Some(Step { place, name, below: None })
        })
        .collect()
}

/// Whether a value that is no map can stand in a flat one.
fn check(value: &Value, name: Option<&str>) -> Result<()> {
    match value {
        Value::Struct(_) => Err(Error::data(format!(
            "Flatten transformation does not support STRUCT for record without schemas (for field \
             {}).",
            name.unwrap_or("null")
        ))),
        Value::Decimal(_) | Value::BigInteger(_) | Value::Date(_) => Err(Error::data(format!(
            "Flatten transformation was passed a value of type class {} which is not supported by \
             Connect's data API",
            value.java_class().unwrap_or("null")
        ))),
        _ => Ok(()),
    }
}

fn unnamed() -> Error {
    Error::java(
        "java.lang.NullPointerException",
        "a map below a null key cannot be flattened: its fields have no name",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::map;

    /// A map whose keys are numbers, in which every third value is a map of the same kind.
    fn nested(depth: usize, width: usize, first: usize) -> Value {
        let entries = (first..first + width).map(|n| {
            let value = match n % 3 {
                0 if depth > 0 => nested(depth - 1, width, n),
                _ => Value::Int64(n as i64),
            };
            (Value::str(&n.to_string()), value)
        });
        Value::map(MapValue::from_distinct(entries.collect()).into_hash_map())
    }

    fn plainly(map: &MapValue) -> MapValue {
        let (mut flat, mut below) = (Vec::new(), 0);
        let mut work = Work { delimiter: ".", below: &mut below, flat: &mut flat };
        work.add_plainly(map, Some(""), 0).unwrap();
        MapValue::from_entries(flat)
    }

    #[test]
    fn what_is_remembered_changes_nothing() {
        let mut flattener = MapFlattener::default();
        for round in 0..3 {
            // More shapes and levels than are remembered, each of them twice.
            for n in 0..40 {
                let Value::Map(mut map) = nested(3, 3 + n % 5, n / 2) else { panic!("a map") };
                let expected = plainly(&map);
                let mut shared = Arc::clone(&map);
                let flat = flattener.flatten(&mut shared, ".").unwrap();
                assert_eq!(flat.entries(), expected.entries(), "{round} {n}");
                drop(shared);
                let flat = flattener.flatten(&mut map, ".").unwrap();
                assert_eq!(flat.entries(), expected.entries(), "{round} {n}");
            }
        }
        assert_eq!(flattener.below, MAX_LEVELS);
    }

    #[test]
    fn of_two_values_with_one_name_the_last_counts_each_time() {
        let mut flattener = MapFlattener::default();
        let twice = |n: i64| {
            let inner = map(&[("b", Value::Int64(n))]);
            map(&[("a.b", Value::Int64(0)), ("a", inner)])
        };
        for n in 1..4 {
            let Value::Map(mut map) = twice(n) else { panic!("a map") };
            let flat = flattener.flatten(&mut map, ".").unwrap();
            assert_eq!(flat.entries(), [(Value::str("a.b"), Value::Int64(n))]);
        }
    }
}
