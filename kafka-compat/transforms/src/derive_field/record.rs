//! A record as expressions see it: each part is looked up and converted when it is first asked
//! for, and how much is done for one record has a limit.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use cel::common::types::{CelBool, CelInt, CelMap, CelMapKey, CelNull, CelString};
use cel::common::value::{CowVal, Val};
use cel::context::VariableResolver;
use gantry_model::{ConnectRecord, Datum, Kind, Schema, Str, Value};

use super::convert::{Boxed, timestamp, to_cel};
use super::slot::{Name, Root, Slot, Table, show_path};

/// How many nodes, items and pieces of texts the loops of one record's expressions may go through:
/// under a second.
const STEPS_MAX: u64 = 1_000_000;

static TRUE: CelBool = CelBool::TRUE;
static FALSE: CelBool = CelBool::FALSE;

/// What a slot holds for this record.
enum Content<'r> {
    Value(Boxed<'r>, usize),
    /// Why there is nothing.
    Missing(String),
}

/// The values of one record.
pub(super) struct Values<'r> {
    table: &'r Table,
    record: &'r ConnectRecord,
    derived: &'r [OnceLock<Datum>],
    contents: Vec<OnceLock<Content<'r>>>,
    steps: AtomicU64,
    in_loop: AtomicBool,
}

impl<'r> Values<'r> {
    /// `derived` takes the fields that are derived before others are.
    pub(super) fn new(
        table: &'r Table,
        record: &'r ConnectRecord,
        derived: &'r [OnceLock<Datum>],
    ) -> Self {
        let contents = std::iter::repeat_with(OnceLock::new).take(table.slots.len()).collect();
        let (steps, in_loop) = (AtomicU64::new(0), AtomicBool::new(false));
        Self { table, record, derived, contents, steps, in_loop }
    }

    /// Whether loops were broken off: then what came out of an expression means nothing.
    pub(super) fn is_exhausted(&self) -> bool {
        self.steps.load(Ordering::Relaxed) > STEPS_MAX
    }

    /// Why a name that no expression can hold has no value.
    pub(super) fn why_missing(&self, name: &str) -> Option<&str> {
        let Some(Name::Slot(place)) = Table::read(name) else { return None };
        match self.contents.get(place)?.get()? {
            Content::Missing(why) => Some(why),
            Content::Value(..) => None,
        }
    }

    fn count(&self, steps: u64) -> bool {
        self.steps.fetch_add(steps, Ordering::Relaxed).saturating_add(steps) <= STEPS_MAX
    }

    fn slot(&self, place: usize) -> Option<&(dyn Val + 'r)> {
        let slot = self.table.slots.get(place)?;
        match self.contents.get(place)?.get_or_init(|| self.load(slot)) {
            Content::Value(value, size) => {
                // Outside of loops the length of the expression is the limit.
                if self.in_loop.load(Ordering::Relaxed) {
                    self.count(*size as u64);
                }
                Some(&**value)
            }
            Content::Missing(_) => None,
        }
    }

    fn load(&self, slot: &Slot) -> Content<'r> {
        let record = self.record;
        let optional = |value: Option<Boxed<'r>>| value.unwrap_or_else(|| Box::new(CelNull));
        let one = |value: Boxed<'r>| Content::Value(value, 1);
        match slot.root {
            Root::Topic => one(Box::new(CelString::from(&*record.topic))),
            Root::Partition => {
                let number =
                    record.partition.map(|n| Box::new(CelInt::from(i64::from(n))) as Boxed<'r>);
                one(optional(number))
            }
            Root::Offset => {
                let offset = record.sink_offset.map(|n| i64::try_from(n).unwrap_or(i64::MAX));
                one(optional(offset.map(|n| Box::new(CelInt::from(n)) as Boxed<'r>)))
            }
            Root::Timestamp => match record.timestamp_ms.map(timestamp).transpose() {
                Ok(moment) => one(optional(moment.map(|moment| Box::new(moment) as Boxed<'r>))),
                Err(what) => Content::Missing(format!("the record's timestamp is {what}")),
            },
            Root::Value => found(&record.value, Root::Value, &slot.path, slot.test),
            Root::Key => found(&record.key, Root::Key, &slot.path, slot.test),
            Root::Headers => self.header(slot),
            Root::Derived(place) => match self.derived.get(place).and_then(OnceLock::get) {
                Some(datum) => {
                    let path = slot.path.get(1..).unwrap_or_default();
                    found(datum, slot.root, path, slot.test)
                }
                None => Content::Missing("the field is not derived yet".to_owned()),
            },
        }
    }

    fn header(&self, slot: &Slot) -> Content<'r> {
        let headers = &self.record.headers;
        let Some((name, path)) = slot.path.split_first() else {
            let mut all = std::collections::HashMap::with_capacity(headers.len());
            let mut size = 1;
            for header in headers {
                match to_cel(&header.datum.value, header.datum.schema.as_ref()) {
                    Ok((value, own)) => {
                        size += own;
                        all.insert(CelMapKey::from(header.key.to_string()), value);
                    }
                    Err(what) => {
                        return Content::Missing(format!("headers['{}'] is {what}", header.key));
                    }
                }
            }
            return Content::Value(Box::new(CelMap::from(all)), size);
        };
        // As Kafka Connect's `lastWithName`.
        match headers.iter().rev().find(|header| header.key == *name) {
            Some(header) => found(&header.datum, Root::Headers, path, slot.test),
            None if slot.test => presence(false),
            None => Content::Missing(format!(
                "there is no header {name}: ask has({}) first",
                slot.show(Root::Headers)
            )),
        }
    }
}

fn presence<'r>(flag: bool) -> Content<'r> {
    Content::Value(Box::new(CelBool::from(flag)), 1)
}

/// What is at a path.
fn found<'r>(datum: &'r Datum, root: Root, path: &[Str], test: bool) -> Content<'r> {
    match walk(&datum.value, datum.schema.as_ref(), path) {
        Ok((value, _)) if test => presence(!value.is_null()),
        Ok((value, schema)) => match to_cel(value, schema) {
            Ok((value, size)) => Content::Value(value, size),
            Err(what) => Content::Missing(format!("{} is {what}", show_path(root, path))),
        },
        Err(Gone { missing: true, .. }) if test => presence(false),
        Err(Gone { at, what, .. }) => {
            let before = show_path(root, path.get(..at).unwrap_or_default());
            let name = path.get(at).map_or("", |name| &**name);
            let whole = show_path(root, path);
            Content::Missing(format!("{before} {what}has no {name}: ask has({whole}) first"))
        }
    }
}

/// Why there is nothing at a path.
struct Gone {
    /// How many names led to something.
    at: usize,
    what: &'static str,
    /// Whether it is only missing or null, and nothing else is in its place.
    missing: bool,
}

fn walk<'a>(
    mut value: &'a Value,
    mut schema: Option<&'a Schema>,
    path: &[Str],
) -> Result<(&'a Value, Option<&'a Schema>), Gone> {
    for (at, name) in path.iter().enumerate() {
        let missing = |what| Gone { at, what, missing: true };
        match value {
            Value::Struct(inner) => {
                let field = inner.schema().field(name).ok_or_else(|| missing(""))?;
                (value, schema) = (inner.get_at(field), Some(&field.schema));
            }
            Value::Map(map) => {
                value = map.get(name).ok_or_else(|| missing(""))?;
                schema = match schema.map(Schema::kind) {
                    Some(Kind::Map { value, .. }) => Some(value),
                    _ => None,
                };
            }
            Value::Null => return Err(missing("is null and ")),
            _ => return Err(Gone { at, what: "is neither struct nor map and ", missing: false }),
        }
    }
    Ok((value, schema))
}

impl VariableResolver for Values<'_> {
    fn resolve<'b>(&'b self, variable: &str) -> Option<CowVal<'b, 'b>> {
        match Table::read(variable)? {
            Name::Slot(place) => {
                self.slot(place).map(|value| CowVal::Borrowed(value as &(dyn Val + 'b)))
            }
            Name::Pattern(place) => self
                .table
                .patterns
                .get(place)
                .map(|pattern| CowVal::Borrowed(pattern as &(dyn Val + 'b))),
            Name::Go(cost) => {
                self.in_loop.store(true, Ordering::Relaxed);
                Some(CowVal::Borrowed(if self.count(u64::from(cost)) { &TRUE } else { &FALSE }))
            }
        }
    }
}
