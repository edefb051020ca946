//! How messages are read, worked out beforehand: nothing is looked up by name for a record.

use std::sync::Arc;

use gantry_model::logical::Logical;
use gantry_model::{Schema, Text, Value};
use gantry_schema_protobuf::Scalar;

/// Fields with smaller numbers are found in a table by their number, others by search.
const TABLE: usize = 128;

/// How a message is read into a number of slots, one for each field of a struct.
#[derive(Debug, Default)]
pub(super) struct MessagePlan {
    /// Its full name.
    pub(super) name: String,
    /// The struct that it becomes, if it becomes one, whatever it is a field of.
    pub(super) schema: Option<Schema>,
    pub(super) slots: usize,
    /// By number.
    fields: Vec<FieldPlan>,
    /// By number, the place in `fields`, counted from 1; 0 is none.
    table: Vec<u16>,
    pub(super) oneofs: Vec<OneofPlan>,
    /// The slot of each list.
    pub(super) lists: Vec<usize>,
    /// The slot of each map.
    pub(super) maps: Vec<usize>,
    /// What stands in a slot that nothing was read for, where it is not null.
    pub(super) fills: Vec<(usize, Fill)>,
    /// Slots for which something must have been read, with their names.
    pub(super) required: Vec<(usize, String)>,
}

/// How a field is read.
#[derive(Debug)]
pub(super) struct FieldPlan {
    pub(super) name: String,
    /// Its number and how its values are written.
    pub(super) tag: u32,
    /// The same for several values at once; 0 if they never are.
    pub(super) packed_tag: u32,
    pub(super) target: Target,
    pub(super) kind: FieldKind,
}

/// Where a value goes.
#[derive(Clone, Copy, Debug)]
pub(super) enum Target {
    Slot(usize),
    /// The place of a oneof, and that of the field in it.
    Member(usize, usize),
    List(usize),
    Map(usize),
}

/// What a value becomes.
#[derive(Debug)]
pub(super) enum FieldKind {
    Scalar(Scalar, Narrow),
    /// A text that may not be valid UTF-8: what is not is replaced, as Java does for `proto2`.
    LossyText,
    Enum(EnumPlan),
    Message(Inner),
    /// A message that contains itself, so deep that the schema has no place for it.
    TooDeep,
}

/// A message where it is used.
#[derive(Clone, Debug)]
pub(super) struct Inner {
    pub(super) shape: Shape,
    /// The schema of the value that it becomes.
    pub(super) schema: Schema,
    pub(super) plan: Arc<MessagePlan>,
}

/// An integer that becomes a smaller one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Narrow {
    Not,
    Int8,
    Int16,
}

/// What a message becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    Struct,
    /// The entry of a map: key and value.
    Entry,
    /// The value in its only slot.
    Wrapped,
    Logical(Logical),
}

/// A oneof: a struct of its own in a slot, or as many slots as it has fields.
#[derive(Debug)]
pub(super) struct OneofPlan {
    pub(super) slot: usize,
    pub(super) members: usize,
    /// None if its fields have slots of their own.
    pub(super) schema: Option<Schema>,
}

/// What stands for a value that was not read.
#[derive(Debug)]
pub(super) enum Fill {
    Value(Value),
    Message(Inner),
}

/// The values of an enum.
#[derive(Debug)]
pub(super) struct EnumPlan {
    pub(super) name: String,
    /// Whether numbers without a name are no values of it.
    pub(super) is_closed: bool,
    /// Whether values are numbers rather than names.
    pub(super) is_number: bool,
    /// By number.
    names: Vec<(i32, Text)>,
}

impl EnumPlan {
    /// `values` in the order of the text: of several names for a number the first counts.
    pub(super) fn new<'a>(
        name: &str,
        is_closed: bool,
        is_number: bool,
        values: impl Iterator<Item = (i32, &'a str)>,
    ) -> Self {
        let mut names: Vec<(i32, Text)> =
            values.map(|(number, name)| (number, Text::from(name))).collect();
        names.sort_by_key(|(number, _)| *number);
        names.dedup_by_key(|(number, _)| *number);
        Self { name: name.to_owned(), is_closed, is_number, names }
    }

    /// The value with a number; none if the enum has no such value.
    pub(super) fn value(&self, number: i32) -> Option<Value> {
        let place = self.names.binary_search_by_key(&number, |(number, _)| *number).ok();
        let name = place.and_then(|place| self.names.get(place));
        if name.is_none() && self.is_closed {
            return None;
        }
        if self.is_number {
            return Some(Value::Int32(number));
        }
        Some(Value::String(match name {
            Some((_, name)) => name.clone(),
            None => format!("UNKNOWN_ENUM_VALUE_{}_{number}", self.name).into(),
        }))
    }
}

impl MessagePlan {
    pub(super) fn new(name: &str, slots: usize) -> Self {
        Self { name: name.to_owned(), slots, ..Self::default() }
    }

    /// Sets the fields, in any order.
    pub(super) fn set_fields(&mut self, mut fields: Vec<FieldPlan>) {
        fields.sort_by_key(|field| field.tag);
        let number = |field: &FieldPlan| usize::try_from(field.tag >> 3).unwrap_or(usize::MAX);
        let last = fields.iter().map(number).filter(|number| *number < TABLE).max();
        self.table = vec![0; last.map_or(0, |last| last + 1)];
        for (at, field) in fields.iter().enumerate() {
            if let Some(place) = self.table.get_mut(number(field)) {
                *place = u16::try_from(at + 1).unwrap_or(0);
            }
        }
        self.fields = fields;
    }

    pub(super) fn field(&self, at: usize) -> Option<&FieldPlan> {
        self.fields.get(at)
    }

    /// The field of a tag, and whether the tag says that several values are behind it. `next` is
    /// the field that is likely: fields mostly come in the order of their numbers.
    #[inline]
    pub(super) fn find(&self, tag: u32, next: usize) -> Option<(usize, &FieldPlan, bool)> {
        if let Some(field) = self.fields.get(next)
            && field.tag == tag
        {
            return Some((next, field, false));
        }
        let number = usize::try_from(tag >> 3).ok()?;
        let at = match self.table.get(number) {
            Some(0) => return None,
            Some(place) => usize::from(*place) - 1,
            None => self.fields.binary_search_by_key(&(tag >> 3), |field| field.tag >> 3).ok()?,
        };
        let field = self.fields.get(at)?;
        match tag {
            _ if tag == field.tag => Some((at, field, false)),
            _ if tag == field.packed_tag => Some((at, field, true)),
            // Another way of writing than that of its type: Java passes over it, too.
            _ => None,
        }
    }
}
