//! Reading messages by their plans.
//!
//! A message may come in several parts: all of them together say what it is. So a message in a
//! field that holds one is read only when all of the message around it was looked at, and the
//! parts are known. Until then it is noted where they are.

use std::ops::Range;

use bytes::Bytes;
use bytestring::ByteString;
use gantry_model::{MapValue, Struct, Text, Value};
use gantry_schema_protobuf::Scalar;

use super::defaults::int_value;
use super::fault::{Fault, Outcome};
use super::logical::{self, MAX_PARTS};
use super::read_plan::{FieldKind, FieldPlan, Fill, Inner, MessagePlan, OneofPlan, Shape, Target};
use super::wire::{Input, low_32, unzigzag};

/// A record may have so many fields, set or not: a few bytes can ask for a large struct.
const MAX_VALUES: usize = 4_000_000;

/// What reading a record needs besides its result; kept from record to record.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    parts: Vec<Part>,
    lists: Vec<Vec<Value>>,
    maps: Vec<Vec<(Value, Value)>>,
}

/// A part of a message that was not read yet.
#[derive(Clone, Debug)]
struct Part {
    /// Parts with the same slot belong together, or exclude each other.
    slot: usize,
    /// The field, by its place in the plan.
    field: usize,
    at: Range<usize>,
}

/// Reads a record.
pub(super) fn read(root: &Inner, payload: &Bytes, scratch: &mut Scratch) -> Outcome<Value> {
    // Errors leave things behind.
    scratch.parts.clear();
    scratch.lists.clear();
    scratch.maps.clear();
    scratch.parts.push(Part { slot: 0, field: 0, at: 0..payload.len() });
    let mut reader = Reader { payload, scratch, left: MAX_VALUES };
    reader.value(root, 0..1)
}

struct Reader<'a> {
    payload: &'a Bytes,
    scratch: &'a mut Scratch,
    /// How many values may still be made.
    left: usize,
}

/// Where in the scratch the things of a message begin.
#[derive(Clone, Copy)]
struct Base {
    parts: usize,
    lists: usize,
    maps: usize,
}

impl Reader<'_> {
    /// What a message becomes whose parts are in these places of the scratch.
    fn value(&mut self, message: &Inner, parts: Range<usize>) -> Outcome<Value> {
        let plan = &*message.plan;
        match message.shape {
            Shape::Struct | Shape::Entry => {
                let left = self.left.checked_sub(plan.slots.max(1));
                self.left = left.ok_or_else(too_many)?;
                let mut values = Vec::new();
                values.resize_with(plan.slots, Value::default);
                self.message(plan, parts, &mut values)?;
                let schema = message.schema.clone();
                Ok(Value::Struct(Struct::from_values(schema, values).into()))
            }
            Shape::Wrapped => {
                let mut values = [Value::Null];
                self.message(plan, parts, &mut values)?;
                let [value] = values;
                Ok(value)
            }
            Shape::Logical(kind) => {
                let mut values = [const { Value::Null }; MAX_PARTS];
                self.message(plan, parts, &mut values)?;
                logical::from_parts(kind, &values)
            }
        }
    }

    /// Reads a message into slots.
    fn message(
        &mut self,
        plan: &MessagePlan,
        parts: Range<usize>,
        values: &mut [Value],
    ) -> Outcome<()> {
        let base = Base {
            parts: self.scratch.parts.len(),
            lists: self.scratch.lists.len(),
            maps: self.scratch.maps.len(),
        };
        if !plan.lists.is_empty() {
            self.scratch.lists.resize_with(base.lists + plan.lists.len(), Vec::new);
        }
        if !plan.maps.is_empty() {
            self.scratch.maps.resize_with(base.maps + plan.maps.len(), Vec::new);
        }
        let is_there = !parts.is_empty();
        for at in parts {
            let part = self.scratch.parts.get(at).map(|part| part.at.clone()).unwrap_or_default();
            self.scan(plan, part, base, values)?;
        }
        if self.scratch.parts.len() > base.parts {
            self.noted(plan, base, values)?;
            self.scratch.parts.truncate(base.parts);
        }
        self.finish(plan, base, values, is_there)
    }

    /// Goes through the fields of a part.
    fn scan(
        &mut self,
        plan: &MessagePlan,
        part: Range<usize>,
        base: Base,
        values: &mut [Value],
    ) -> Outcome<()> {
        let payload: &[u8] = self.payload;
        let mut input = Input::new(payload, part);
        let mut next = 0;
        while !input.is_empty() {
            let tag = input.tag()?;
            let Some((at, field, is_packed)) = plan.find(tag, next) else {
                input.skip(tag)?;
                continue;
            };
            next = if let Target::Slot(_) = field.target { at + 1 } else { at };
            let outcome = match is_packed {
                true => self.packed(field, base, &mut input),
                false => self.field(plan, (at, field), base, &mut input, values),
            };
            outcome.map_err(|fault| fault.in_field(&field.name))?;
        }
        Ok(())
    }

    #[inline]
    fn field(
        &mut self,
        plan: &MessagePlan,
        (at, field): (usize, &FieldPlan),
        base: Base,
        input: &mut Input<'_>,
        values: &mut [Value],
    ) -> Outcome<()> {
        if let FieldKind::Message(inner) = &field.kind {
            let part = input.delimited()?;
            return self.message_field(plan, (at, field), inner, base, part);
        }
        let mut value = Value::Null;
        if let Target::Slot(slot) = field.target
            && let Some(place) = values.get_mut(slot)
        {
            self.scalar(&field.kind, input, place)?;
            return Ok(());
        }
        if !self.scalar(&field.kind, input, &mut value)? {
            return Ok(());
        }
        match field.target {
            Target::List(list) => self.push(base, list, value),
            Target::Member(oneof, member) => {
                let Some(oneof) = plan.oneofs.get(oneof) else { return Ok(()) };
                if self.scratch.parts.len() > base.parts {
                    // A message of this oneof may be waiting, which counts no more.
                    self.scratch.parts.push(Part { slot: oneof.slot, field: at, at: 0..0 });
                }
                self.set_member(oneof, member, value, values)?;
            }
            Target::Slot(_) | Target::Map(_) => {}
        }
        Ok(())
    }

    fn message_field(
        &mut self,
        plan: &MessagePlan,
        (at, field): (usize, &FieldPlan),
        inner: &Inner,
        base: Base,
        part: Range<usize>,
    ) -> Outcome<()> {
        let slot = match field.target {
            Target::Slot(slot) => slot,
            Target::Member(oneof, _) => plan.oneofs.get(oneof).map_or(0, |oneof| oneof.slot),
            Target::List(list) => {
                let value = self.only(part, |reader, parts| reader.value(inner, parts));
                let count = self.scratch.lists.get(base.lists + list).map_or(0, Vec::len);
                let value = value.map_err(|fault| fault.in_element(count))?;
                self.push(base, list, value);
                return Ok(());
            }
            Target::Map(map) => {
                self.left = self.left.checked_sub(2).ok_or_else(too_many)?;
                let mut entry = [Value::Null, Value::Null];
                self.only(part, |reader, parts| reader.message(&inner.plan, parts, &mut entry))?;
                let [key, value] = entry;
                if let Some(map) = self.scratch.maps.get_mut(base.maps + map) {
                    map.push((key, value));
                }
                return Ok(());
            }
        };
        self.scratch.parts.push(Part { slot, field: at, at: part });
        Ok(())
    }

    /// Reads a message that has one part.
    fn only<T>(
        &mut self,
        part: Range<usize>,
        read: impl FnOnce(&mut Self, Range<usize>) -> Outcome<T>,
    ) -> Outcome<T> {
        let place = self.scratch.parts.len();
        self.scratch.parts.push(Part { slot: 0, field: 0, at: part });
        let value = read(self, place..place + 1)?;
        self.scratch.parts.truncate(place);
        Ok(value)
    }

    /// Reads the messages of which the parts are known now.
    fn noted(&mut self, plan: &MessagePlan, base: Base, values: &mut [Value]) -> Outcome<()> {
        let end = self.scratch.parts.len();
        let Some(noted) = self.scratch.parts.get_mut(base.parts..) else { return Ok(()) };
        if !noted.is_sorted_by_key(|part| part.slot) {
            noted.sort_by_key(|part| part.slot);
        }
        let key = |parts: &[Part], at: usize| parts.get(at).map(|part| (part.slot, part.field));
        let mut start = base.parts;
        while let Some((slot, _)) = key(&self.scratch.parts, start) {
            let mut stop = start + 1;
            // The last field of a oneof counts, and only what came of it since another one.
            while stop < end
                && let Some((next, field)) = key(&self.scratch.parts, stop)
            {
                if next != slot {
                    break;
                }
                if key(&self.scratch.parts, start).is_some_and(|(_, first)| first != field) {
                    start = stop;
                }
                stop += 1;
            }
            let field = key(&self.scratch.parts, start).and_then(|(_, field)| plan.field(field));
            if let Some(field) = field {
                self.inner_field(plan, field, start..stop, values)
                    .map_err(|fault| fault.in_field(&field.name))?;
            }
            start = stop;
            if start >= end {
                break;
            }
        }
        Ok(())
    }

    fn inner_field(
        &mut self,
        plan: &MessagePlan,
        field: &FieldPlan,
        parts: Range<usize>,
        values: &mut [Value],
    ) -> Outcome<()> {
        let FieldKind::Message(inner) = &field.kind else { return Ok(()) };
        let value = self.value(inner, parts)?;
        match field.target {
            Target::Slot(slot) => set(values, slot, value),
            Target::Member(oneof, member) => {
                if let Some(oneof) = plan.oneofs.get(oneof) {
                    self.set_member(oneof, member, value, values)?;
                }
            }
            Target::List(_) | Target::Map(_) => {}
        }
        Ok(())
    }

    fn set_member(
        &mut self,
        oneof: &OneofPlan,
        member: usize,
        value: Value,
        values: &mut [Value],
    ) -> Outcome<()> {
        let Some(schema) = &oneof.schema else {
            let members = values.get_mut(oneof.slot..oneof.slot + oneof.members);
            let members = members.unwrap_or_default();
            members.fill(Value::Null);
            set(members, member, value);
            return Ok(());
        };
        self.left = self.left.checked_sub(oneof.members).ok_or_else(too_many)?;
        let mut members = vec![Value::Null; oneof.members];
        set(&mut members, member, value);
        let union = Struct::from_values(schema.clone(), members);
        set(values, oneof.slot, Value::Struct(union.into()));
        Ok(())
    }

    fn push(&mut self, base: Base, list: usize, value: Value) {
        if let Some(list) = self.scratch.lists.get_mut(base.lists + list) {
            list.push(value);
        }
    }

    fn packed(&mut self, field: &FieldPlan, base: Base, input: &mut Input<'_>) -> Outcome<()> {
        let Target::List(list) = field.target else { return Ok(()) };
        let payload: &[u8] = self.payload;
        let mut input = Input::new(payload, input.delimited()?);
        while !input.is_empty() {
            let mut value = Value::Null;
            if self.scalar(&field.kind, &mut input, &mut value)? {
                self.push(base, list, value);
            }
        }
        Ok(())
    }

    /// Puts lists, maps and what stands for what is not there into their slots.
    fn finish(
        &mut self,
        plan: &MessagePlan,
        base: Base,
        values: &mut [Value],
        is_there: bool,
    ) -> Outcome<()> {
        if is_there {
            for (slot, name) in &plan.required {
                if values.get(*slot).is_none_or(Value::is_null) {
                    return Err(Fault::new("it is required, and is not there").in_field(name));
                }
            }
        }
        if !plan.lists.is_empty() {
            let lists = self.scratch.lists.drain(base.lists..);
            for (slot, list) in plan.lists.iter().zip(lists) {
                set(values, *slot, Value::array(list));
            }
        }
        if !plan.maps.is_empty() {
            let maps = self.scratch.maps.drain(base.maps..);
            for (slot, entries) in plan.maps.iter().zip(maps) {
                let map = MapValue::from_entries(entries).into_hash_map();
                set(values, *slot, Value::map(map));
            }
        }
        for (slot, fill) in &plan.fills {
            if values.get(*slot).is_some_and(Value::is_null) {
                let value = match fill {
                    Fill::Value(value) => value.clone(),
                    Fill::Message(inner) => self.value(inner, 0..0)?,
                };
                set(values, *slot, value);
            }
        }
        Ok(())
    }

    /// Reads a value without parts into its place: to make it elsewhere and to move it there
    /// costs more. False, with nothing put there, if an enum has no such value.
    #[inline]
    fn scalar(&self, kind: &FieldKind, input: &mut Input<'_>, place: &mut Value) -> Outcome<bool> {
        let (scalar, narrow) = match kind {
            FieldKind::Scalar(scalar, narrow) => (*scalar, *narrow),
            FieldKind::Enum(plan) => {
                let value = plan.value(low_32(input.varint()?).cast_signed());
                return Ok(value.map(|value| *place = value).is_some());
            }
            FieldKind::LossyText => {
                *place = self.lossy_text(input)?;
                return Ok(true);
            }
            FieldKind::TooDeep => return Err(too_deep()),
            FieldKind::Message(..) => return Ok(false),
        };
        match scalar {
            Scalar::Int32 => *place = int_value(low_32(input.varint()?).cast_signed(), narrow),
            Scalar::Sint32 => *place = int_value(signed_32(input.varint()?), narrow),
            Scalar::Sfixed32 => *place = int_value(input.fixed32()?.cast_signed(), narrow),
            Scalar::Uint32 => *place = Value::Int64(i64::from(low_32(input.varint()?))),
            Scalar::Fixed32 => *place = Value::Int64(i64::from(input.fixed32()?)),
            Scalar::Int64 | Scalar::Uint64 => {
                *place = Value::Int64(input.varint()?.cast_signed());
            }
            Scalar::Sint64 => *place = Value::Int64(unzigzag(input.varint()?)),
            Scalar::Fixed64 | Scalar::Sfixed64 => {
                *place = Value::Int64(input.fixed64()?.cast_signed());
            }
            Scalar::Double => *place = Value::Float64(f64::from_bits(input.fixed64()?)),
            Scalar::Float => *place = Value::Float32(f32::from_bits(input.fixed32()?)),
            Scalar::Bool => *place = Value::Boolean(input.varint()? != 0),
            Scalar::String => self.text(input, place)?,
            Scalar::Bytes => *place = Value::Bytes(self.payload.slice(input.delimited()?)),
        }
        Ok(true)
    }

    fn text(&self, input: &mut Input<'_>, place: &mut Value) -> Outcome<()> {
        let at = input.delimited()?;
        if at.len() <= Text::SHORT_BYTES {
            let bytes = self.payload.get(at).unwrap_or_default();
            place.set_str(std::str::from_utf8(bytes).map_err(|_| not_utf8())?);
            return Ok(());
        }
        let text = ByteString::try_from(self.payload.slice(at)).map_err(|_| not_utf8())?;
        *place = Value::String(Text::from(text));
        Ok(())
    }

    fn lossy_text(&self, input: &mut Input<'_>) -> Outcome<Value> {
        let at = input.delimited()?;
        let bytes = self.payload.slice(at);
        Ok(Value::String(match ByteString::try_from(bytes.clone()) {
            Ok(text) if text.len() > Text::SHORT_BYTES => Text::from(text),
            Ok(text) => Text::from(&*text),
            Err(_) => Text::from(String::from_utf8_lossy(&bytes).into_owned()),
        }))
    }
}

#[inline]
fn set(values: &mut [Value], slot: usize, value: Value) {
    if let Some(place) = values.get_mut(slot) {
        *place = value;
    }
}

#[inline]
fn signed_32(value: u64) -> i32 {
    let value = low_32(value);
    (value >> 1).cast_signed() ^ -(value & 1).cast_signed()
}

#[cold]
fn too_many() -> Fault {
    Fault::new(format!("the record would take more than {MAX_VALUES} values"))
}

#[cold]
fn too_deep() -> Fault {
    Fault::new(
        "a message that contains itself is deeper here than its schema in Connect, which is \
         spelled out to a few levels only",
    )
}

#[cold]
fn not_utf8() -> Fault {
    Fault::new("the text is not valid UTF-8")
}
