//! What keeps one schema from reading what was written with another.
//!
//! Two schemas are walked side by side, each part of the writer's (the original) against the same
//! part of the reader's (the update). Only what makes them incompatible is noted.
//!
//! A part that is being compared is not entered again, so circles end. Schemas that refer to each
//! other in many ways have far more paths than parts: a pair of parts that was found compatible is
//! not compared again, and there is a limit on steps. Long paths are walked in stretches, so that
//! the stack does not grow with them.

mod array;
mod classes;
mod combined;
mod difference;
mod object;
mod scalar;

use std::borrow::Cow;
use std::collections::{HashMap, HashSet, VecDeque};

use gantry_model::regex::JavaPattern;
use gantry_schema_model::Node;

pub use difference::{Difference, DifferenceKind, Policy};

use crate::model::{Combined, Criterion, Document, Kind, Schema, SchemaId};
use classes::Classes;

/// How many steps a comparison may take, each of about a microsecond. Most take some thousands.
const STEPS_MAX: usize = 300_000;
/// How long all paths that are told may be together.
const PATHS_MAX: usize = 1 << 20;
/// How far down a comparison goes before the rest is put off.
const REACH: usize = 64;
/// How deep comparisons may be nested whose result is needed at once.
const DEPTH_MAX: usize = 256;

/// Compares two documents.
pub(crate) fn differences(reader: &Document, writer: &Document, policy: Policy) -> Vec<Difference> {
    let mut walk = Walk::new(reader, writer, policy);
    let mut found = Found::default();
    let original = Part { side: Side::Writer, id: writer.root_id() };
    let update = Part { side: Side::Reader, id: reader.root_id() };
    walk.compare_all(original, update, &mut found);
    if walk.is_exhausted() || walk.gave_up && !found.told.is_empty() {
        found.told.push(Difference::new(DifferenceKind::SchemaTooComplex, &[]));
    }
    found.told
}

/// What a comparison found.
#[derive(Default)]
struct Found {
    told: Vec<Difference>,
    /// How many there are, told or not.
    count: usize,
    /// It only matters whether there are any.
    quiet: bool,
    /// How deep the comparison began.
    base: usize,
    /// What is to be compared later, with its path.
    later: VecDeque<(Pair, String)>,
    put_off: HashSet<Pair>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Side {
    Reader,
    Writer,
}

/// A schema of one of the two documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Part {
    side: Side,
    id: SchemaId,
}

/// Two parts: the original and the update.
type Pair = (Part, Part);

/// A part that is being compared.
#[derive(Clone, Copy)]
struct Entered {
    level: usize,
    update: Part,
}

struct Walk<'a> {
    reader: &'a Document,
    writer: &'a Document,
    policy: Policy,
    path: Vec<Cow<'a, str>>,
    steps: usize,
    /// How long all paths that were told are.
    told: usize,
    depth: usize,
    /// A comparison would have been nested too deep; it counts as one that failed.
    gave_up: bool,
    /// Originals that are being compared.
    entered: HashMap<Part, Entered>,
    /// Pairs that are being compared, also if neither part was entered yet.
    active: HashSet<Pair>,
    memory: Memory,
    classes: Classes,
    patterns: HashMap<&'a str, Option<JavaPattern>>,
}

/// The pairs that were found compatible.
#[derive(Default)]
struct Memory {
    /// Each with the level of the outermost part that it was taken for granted to be compatible;
    /// `usize::MAX` where nothing was.
    compatible: HashMap<Pair, usize>,
    /// Those that depend on what is still being compared, in the order in which they came.
    provisional: Vec<Pair>,
    /// The outermost level on which what is being compared now depends.
    depends_on: usize,
    /// The outermost level that cut a comparison with another part than its own: what is inside of
    /// it would come out otherwise elsewhere.
    cut_by: usize,
}

impl<'a> Walk<'a> {
    fn new(reader: &'a Document, writer: &'a Document, policy: Policy) -> Self {
        let memory = Memory { depends_on: usize::MAX, cut_by: usize::MAX, ..Memory::default() };
        Self {
            reader,
            writer,
            policy,
            path: Vec::new(),
            steps: 0,
            told: 0,
            depth: 0,
            gave_up: false,
            entered: HashMap::new(),
            active: HashSet::new(),
            memory,
            classes: Classes::default(),
            patterns: HashMap::new(),
        }
    }

    fn schema(&self, part: Part) -> &'a Schema {
        self.document(part.side).get(part.id)
    }

    fn document(&self, side: Side) -> &'a Document {
        match side {
            Side::Reader => self.reader,
            Side::Writer => self.writer,
        }
    }

    /// Counts steps; `false` if there were too many.
    fn spend(&mut self, steps: usize) -> bool {
        self.steps = self.steps.saturating_add(steps);
        !self.is_exhausted()
    }

    fn is_exhausted(&self) -> bool {
        self.steps > STEPS_MAX || self.told > PATHS_MAX
    }

    fn note(&mut self, kind: DifferenceKind, found: &mut Found) {
        if kind.is_compatible(self.policy) {
            return;
        }
        found.count += 1;
        if !found.quiet && self.told <= PATHS_MAX {
            let difference = Difference::new(kind, &self.path);
            self.told += difference.path.len();
            found.told.push(difference);
        }
    }

    /// Notes a difference in a keyword.
    fn note_at(&mut self, keyword: &'static str, kind: DifferenceKind, found: &mut Found) {
        self.path.push(keyword.into());
        self.note(kind, found);
        self.path.pop();
    }

    /// Does something one step further down.
    fn within<R>(&mut self, step: impl Into<Cow<'a, str>>, run: impl FnOnce(&mut Self) -> R) -> R {
        self.path.push(step.into());
        let result = run(self);
        self.path.pop();
        result
    }

    /// Compares two parts; whether they are compatible.
    fn compare_for(&mut self, original: Part, update: Part, found: &mut Found) -> bool {
        let before = found.count;
        self.compare(original, update, found);
        found.count == before
    }

    /// Whether two parts are compatible. What is found if they are not counts for nothing.
    fn are_compatible(&mut self, original: Part, update: Part) -> bool {
        if self.depth >= DEPTH_MAX {
            self.gave_up = true;
            return false;
        }
        let mut found = Found { quiet: true, base: self.depth, ..Found::default() };
        self.compare_all(original, update, &mut found);
        found.count == 0
    }

    /// Compares two parts, and all that was put off meanwhile.
    fn compare_all(&mut self, original: Part, update: Part, found: &mut Found) {
        self.compare(original, update, found);
        if found.later.is_empty() {
            return;
        }
        let path = std::mem::take(&mut self.path);
        while let Some(((original, update), at)) = found.later.pop_front() {
            self.path.push(at.into());
            self.compare(original, update, found);
            self.path.clear();
        }
        self.path = path;
        if found.count > 0 {
            // Meanwhile it was taken for granted that what was put off is compatible.
            self.memory.forget();
        }
    }

    /// Compares schemas that may be missing.
    fn compare_some(&mut self, original: Option<Part>, update: Option<Part>, found: &mut Found) {
        match (original, update) {
            (Some(original), Some(update)) => self.compare(original, update, found),
            (None, Some(_)) => self.note(DifferenceKind::SchemaAdded, found),
            (_, None) => (),
        }
    }

    fn compare(&mut self, original: Part, update: Part, found: &mut Found) {
        if !self.spend(1) || found.quiet && found.count > 0 {
            return;
        }
        let (original, update) = (self.target(original), self.target(update));
        let pair = (original, update);
        if let Some(depends_on) = self.memory.compatible.get(&pair) {
            self.memory.depends_on = self.memory.depends_on.min(*depends_on);
            return;
        }
        let (old, new) = (self.schema(original), self.schema(update));
        let is_entered = self.entered.contains_key(&original) && old.kind.is_like(&new.kind);
        if !is_entered && self.active.contains(&pair) {
            // It leads to itself without anything in between, and so to nothing.
            self.note(DifferenceKind::TypeChanged, found);
            return;
        }
        if !is_entered && self.depth.saturating_sub(found.base) >= REACH {
            self.put_off(pair, found);
            return;
        }
        let is_new = self.active.insert(pair);
        self.depth += 1;
        let level = self.entered.len();
        let outer = (self.memory.depends_on, self.memory.cut_by, self.memory.provisional.len());
        (self.memory.depends_on, self.memory.cut_by) = (usize::MAX, usize::MAX);
        let before = found.count;
        self.compare_parts(original, update, found);
        self.depth -= 1;
        if is_new {
            self.active.remove(&pair);
        }
        let compatible = found.count == before && !self.is_exhausted();
        self.memory.settle(pair, level, outer, compatible);
    }

    fn put_off(&mut self, pair: Pair, found: &mut Found) {
        if found.put_off.insert(pair) {
            let path = if found.quiet { String::new() } else { self.path.join("/") };
            self.told += path.len();
            found.later.push_back((pair, path));
        }
    }

    /// The schema itself, or what it refers to.
    fn target(&self, part: Part) -> Part {
        match &self.schema(part).kind {
            Kind::Reference(reference) => Part { side: part.side, id: reference.schema },
            _ => part,
        }
    }

    fn compare_parts(&mut self, original: Part, update: Part, found: &mut Found) {
        let (old, new) = (self.schema(original), self.schema(update));
        if self.fits_in_combined(original, update) {
            return;
        }
        if !old.kind.is_like(&new.kind) {
            if old.kind != Kind::False && !new.is_open() && !(is_bytes(old) && is_bytes(new)) {
                self.note(DifferenceKind::TypeChanged, found);
            }
            return;
        }
        if let Some(entered) = self.entered.get(&original) {
            let level = entered.level;
            self.memory.depends_on = self.memory.depends_on.min(level);
            if entered.update != update {
                self.memory.cut_by = self.memory.cut_by.min(level);
            }
            return;
        }
        let level = self.entered.len();
        self.entered.insert(original, Entered { level, update });
        self.compare_rules(original, update, found);
        self.entered.remove(&original);
    }

    /// Whether one of the two is a combination, the other is not, and one of the schemas in the
    /// first fits the second by itself.
    fn fits_in_combined(&mut self, original: Part, update: Part) -> bool {
        match (&self.schema(original).kind, &self.schema(update).kind) {
            (Kind::Combined(_), Kind::Combined(_)) => false,
            (_, Kind::Combined(Combined { criterion, schemas, .. }))
                if schemas.len() == 1 || *criterion != Criterion::All =>
            {
                schemas
                    .iter()
                    .any(|id| self.are_compatible(original, Part { side: update.side, id: *id }))
            }
            (Kind::Combined(Combined { criterion, schemas, .. }), _)
                if schemas.len() == 1 || *criterion == Criterion::All =>
            {
                schemas
                    .iter()
                    .any(|id| self.are_compatible(Part { side: original.side, id: *id }, update))
            }
            _ => false,
        }
    }

    fn compare_rules(&mut self, original: Part, update: Part, found: &mut Found) {
        match (&self.schema(original).kind, &self.schema(update).kind) {
            (Kind::String(old), Kind::String(new)) => self.compare_strings(old, new, found),
            (Kind::Number(old), Kind::Number(new)) => self.compare_numbers(old, new, found),
            (Kind::Const(old), Kind::Const(new)) => self.compare_constants(old, new, found),
            (Kind::Enum(old), Kind::Enum(new)) => self.compare_enums(old, new, found),
            (Kind::Combined(old), Kind::Combined(new)) => {
                self.compare_combined((original.side, old), (update.side, new), found);
            }
            (Kind::Not(old), Kind::Not(new)) => {
                let old = Part { side: original.side, id: *old };
                let new = Part { side: update.side, id: *new };
                self.within("not", |walk| {
                    // What the writer refuses the reader must refuse: they change places.
                    if !walk.are_compatible(new, old) {
                        walk.note(DifferenceKind::NotTypeExtended, found);
                    }
                });
            }
            (Kind::Object(old), Kind::Object(new)) => {
                self.compare_objects((original.side, old), (update.side, new), found);
            }
            (Kind::Array(old), Kind::Array(new)) => {
                self.compare_arrays((original, old), (update, new), found);
            }
            _ => (),
        }
    }
}

impl Memory {
    fn forget(&mut self) {
        self.compatible.clear();
        self.provisional.clear();
    }

    /// Ends the comparison of a pair at a level. `outer`: what the comparison around it depends
    /// on, is cut by, and how many provisional pairs there were before this one.
    fn settle(
        &mut self,
        pair: Pair,
        level: usize,
        (depends_on, cut_by, before): (usize, usize, usize),
        compatible: bool,
    ) {
        let is_settled = self.depends_on >= level;
        let is_cut = self.cut_by < level;
        let inner = self.provisional.split_off(before.min(self.provisional.len()));
        if !compatible || is_cut {
            // What took this pair for granted may be mistaken, here or elsewhere.
            for pair in inner {
                self.compatible.remove(&pair);
            }
        } else if is_settled {
            for pair in inner.into_iter().chain([pair]) {
                self.compatible.insert(pair, usize::MAX);
            }
        } else {
            self.compatible.insert(pair, self.depends_on);
            self.provisional.extend(inner.into_iter().chain([pair]));
        }
        if is_settled {
            self.depends_on = usize::MAX;
        }
        if !is_cut {
            self.cut_by = usize::MAX;
        }
        self.depends_on = self.depends_on.min(depends_on);
        self.cut_by = self.cut_by.min(cut_by);
    }
}

/// Whether a schema is for Connect's bytes, which come as texts or as numbers.
fn is_bytes(schema: &Schema) -> bool {
    schema.extension("connect.type").and_then(Node::as_text) == Some("bytes")
}

#[cfg(test)]
mod tests;
