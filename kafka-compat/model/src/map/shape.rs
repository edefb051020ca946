//! What was worked out for maps with the same keys.

use super::MapValue;
use super::table::Table;
use crate::names::with_lasting;
use crate::value::{Text, Value};

/// How many shapes are remembered.
const MAX_SHAPES: usize = 16;
/// Maps with more keys are not.
const MAX_KEYS: usize = 256;
/// When all places are taken, so many misses make room for one new shape: maps whose keys never
/// come again must not cost more than a look.
const MISSES_TO_REPLACE: usize = 64;
/// After so many maps of a shape its names may have become lasting ones, which are compared faster.
const MAPS_TO_LAST: u32 = 64;

/// Remembers something for each shape of a map: its text keys in the order they were put, and
/// its kind. Records of one kind mostly have maps of one shape.
#[derive(Debug)]
pub struct ShapeCache<T> {
    shapes: Vec<Shape<T>>,
    latest: usize,
    misses: usize,
}

#[derive(Debug)]
struct Shape<T> {
    keys: Vec<Text>,
    table: Table,
    found: T,
    /// How many maps had it, up to a limit.
    maps: u32,
    /// The shape that was looked for after this one.
    next: usize,
}

impl<T> Default for ShapeCache<T> {
    fn default() -> Self {
        Self { shapes: Vec::new(), latest: 0, misses: 0 }
    }
}

impl<T> ShapeCache<T> {
    /// The place of what belongs to a map's shape, worked out by `make` where it is not known;
    /// `None` if it is not remembered. `keep`: places handed out before are still in use, so
    /// that nothing may be forgotten.
    pub fn place(
        &mut self,
        map: &MapValue,
        keep: bool,
        make: impl FnOnce(&MapValue) -> T,
    ) -> Option<usize> {
        let guess = self.shapes.get(self.latest).map_or(0, |shape| shape.next);
        let place = match self.shapes.get(guess) {
            Some(shape) if shape.fits(map) => guess,
            _ => match self.shapes.iter().position(|shape| shape.fits(map)) {
                Some(place) => place,
                None => self.add(map, keep, make)?,
            },
        };
        if let Some(latest) = self.shapes.get_mut(self.latest) {
            latest.next = place;
        }
        self.latest = place;
        if let Some(shape) = self.shapes.get_mut(place)
            && shape.maps < MAPS_TO_LAST
        {
            shape.maps += 1;
            if shape.maps == MAPS_TO_LAST {
                shape.keys = with_lasting(std::mem::take(&mut shape.keys));
            }
        }
        Some(place)
    }

    /// What stands at a place.
    pub fn get(&self, place: usize) -> Option<&T> {
        self.shapes.get(place).map(|shape| &shape.found)
    }

    /// The same, to be changed.
    pub fn get_mut(&mut self, place: usize) -> Option<&mut T> {
        self.shapes.get_mut(place).map(|shape| &mut shape.found)
    }

    fn add(
        &mut self,
        map: &MapValue,
        keep: bool,
        make: impl FnOnce(&MapValue) -> T,
    ) -> Option<usize> {
        let place = if self.shapes.len() < MAX_SHAPES {
            self.shapes.len()
        } else {
            self.misses += 1;
            if keep || !self.misses.is_multiple_of(MISSES_TO_REPLACE) {
                return None;
            }
            self.misses / MISSES_TO_REPLACE % MAX_SHAPES
        };
        let keys = keys_of(map)?;
        let shape = Shape { keys, table: map.table, found: make(map), maps: 0, next: place };
        match self.shapes.get_mut(place) {
            Some(slot) => *slot = shape,
            None => self.shapes.push(shape),
        }
        Some(place)
    }
}

/// All keys, if they are text and not too many. A slice would keep a whole batch.
fn keys_of(map: &MapValue) -> Option<Vec<Text>> {
    if map.len() > MAX_KEYS {
        return None;
    }
    let text = |(key, _): &(Value, Value)| key.as_str().map(Text::from);
    let keys: Option<Vec<Text>> = map.entries.iter().map(text).collect();
    keys.map(with_lasting)
}

impl<T> Shape<T> {
    fn fits(&self, map: &MapValue) -> bool {
        self.table == map.table
            && self.keys.len() == map.entries.len()
            && self.keys.iter().zip(&map.entries).all(|(known, (key, _))| match key {
                Value::String(key) => key.is_same(known),
                _ => false,
            })
    }
}
