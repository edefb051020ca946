//! Reading: what a schema needs is worked out once, so that a value takes no more than its own
//! bytes do.

use std::sync::Arc;

use bytes::Bytes;
use gantry_model::logical::{self, Logical};
use gantry_model::{Datum, Decimal, Error, Kind, MapValue, Result, Schema, Struct, Text, Value};
use gantry_schema_avro::{AvroSchema, Kind as Named, Primitive, Type, Types};
use num_bigint::BigInt;

use super::binary::{Input, Size, room};
use super::fault::{self, Fault};
use super::keys::Settings;
use super::to_connect::{self, Branches};
use super::{anything, names};

/// How values that one schema wrote are read.
#[derive(Debug)]
pub(crate) struct Reader {
    /// None where values have none.
    schema: Option<Schema>,
    root: Root,
    fail_on_trailing: bool,
}

#[derive(Debug)]
enum Root {
    Anything,
    /// Bytes that are the whole payload, without a length.
    Raw(Op),
    Value(Step),
}

#[derive(Debug)]
struct Step {
    choice: Choice,
    op: Op,
}

/// What the number of a branch says before a value.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Choice {
    /// There is none.
    No,
    /// Nothing: there is one branch.
    One,
    /// Whether it is null, which is the first of two.
    NullFirst,
    /// Whether it is null, which is the second of two.
    NullLast,
}

#[derive(Debug)]
enum Op {
    Boolean,
    Int8,
    Int16,
    Int32,
    Int64,
    Float32,
    Float64,
    String,
    Bytes,
    Fixed(usize),
    Date,
    Time,
    Timestamp,
    Decimal { scale: i32, size: Option<usize> },
    Enum(Box<[Text]>),
    Array(Box<Items>),
    Map(Box<Items>),
    Entries(Box<Entries>),
    Struct(Box<Record>),
    Union(Box<Union>),
    Variant { schema: Schema, value_first: bool },
}

#[derive(Debug)]
struct Items {
    step: Step,
    /// Of an item, or of a key and its value.
    size: Size,
}

#[derive(Debug)]
struct Entries {
    key: Step,
    value: Step,
    value_first: bool,
    size: Size,
}

#[derive(Debug)]
struct Record {
    schema: Schema,
    steps: Box<[Step]>,
}

#[derive(Debug)]
struct Union {
    schema: Schema,
    /// How many fields the struct has.
    width: usize,
    /// The field of each branch; none for null.
    branches: Box<[Option<(usize, Step)>]>,
}

impl Reader {
    /// For values that `avro` wrote, which is the `version`th schema of its subject.
    pub(super) fn new(
        settings: &Settings,
        avro: &AvroSchema,
        version: Option<i32>,
    ) -> Result<Self> {
        let fail_on_trailing = settings.fail_on_trailing;
        if anything::is_schema(avro) {
            return Ok(Self { schema: None, root: Root::Anything, fail_on_trailing });
        }
        let schema = to_connect::translate(settings, avro, version)?;
        let step = Planner { settings, types: avro.types() }.step(avro.root(), &schema)?;
        let root = match avro.root() {
            Type::Primitive(Primitive::Bytes, _) => Root::Raw(step.op),
            _ => Root::Value(step),
        };
        Ok(Self { schema: Some(schema), root, fail_on_trailing })
    }

    /// The schema of what it reads; none where values have none.
    pub(super) fn schema(&self) -> Option<&Schema> {
        self.schema.as_ref()
    }

    /// Reads a value that others follow, and says how many bytes it takes. Unlike in a payload, bytes
    /// have their length before them.
    pub(super) fn read_one(&self, bytes: &Bytes) -> Result<(Datum, usize)> {
        let mut input = Input::new(bytes);
        let mut datum = Datum { schema: self.schema.clone(), value: Value::Null };
        match &self.root {
            Root::Value(step) => read(step, &mut input, &mut datum.value),
            Root::Anything => anything::read(&mut input).map(|value| datum.value = value),
            Root::Raw(op) => input.sized("bytes").and_then(|raw| {
                datum.value = match op {
                    Op::Decimal { scale, .. } => decimal(raw, *scale)?,
                    _ => Value::Bytes(input.share(raw)),
                };
                Ok(())
            }),
        }
        .map_err(|fault| fault.into_error("Avro data"))?;
        Ok((datum, bytes.len() - input.remaining()))
    }

    /// Reads a payload.
    pub(super) fn read(&self, payload: &Bytes) -> Result<Datum> {
        let mut input = Input::new(payload);
        let mut datum = Datum { schema: self.schema.clone(), value: Value::Null };
        match &self.root {
            Root::Value(step) => read(step, &mut input, &mut datum.value),
            Root::Anything => anything::read(&mut input).map(|value| datum.value = value),
            Root::Raw(op) => input.raw(payload.len(), "bytes").and_then(|raw| {
                datum.value = match op {
                    Op::Decimal { scale, .. } => decimal(raw, *scale)?,
                    _ => Value::Bytes(payload.clone()),
                };
                Ok(())
            }),
        }
        .map_err(|fault| fault.into_error("Avro data"))?;
        if self.fail_on_trailing && input.remaining() > 0 {
            let (behind, length) = (input.remaining(), payload.len());
            return Err(Error::data(format!(
                "Avro data: {behind} of {length} bytes are left behind the value"
            )));
        }
        Ok(datum)
    }
}

/// Reads a value into its place, which is null. A value that is made elsewhere and moved costs
/// twice what its bytes do: its parts are on their way to memory when the move wants them whole.
#[inline]
fn read(step: &Step, input: &mut Input<'_>, place: &mut Value) -> fault::Result<()> {
    if step.choice != Choice::No {
        match (step.choice, input.int()?) {
            (Choice::NullFirst, 0) | (Choice::NullLast, 1) => return Ok(()),
            (Choice::NullFirst, 1) | (Choice::NullLast | Choice::One, 0) => {}
            (Choice::One, other) => return no_branch(other, 1),
            (_, other) => return no_branch(other, 2),
        }
    }
    match &step.op {
        Op::Boolean => *place = Value::Boolean(input.boolean()?),
        Op::Int8 => *place = Value::Int8(input.int()? as i8),
        Op::Int16 => *place = Value::Int16(input.int()? as i16),
        Op::Int32 => *place = Value::Int32(input.int()?),
        Op::Int64 => *place = Value::Int64(input.long()?),
        Op::Float32 => *place = Value::Float32(input.float()?),
        Op::Float64 => *place = Value::Float64(input.double()?),
        Op::String => input.text(place)?,
        Op::Timestamp => *place = Value::Date(input.long()?),
        Op::Date => *place = Value::Date(i64::from(input.int()?) * logical::DAY_MS),
        Op::Bytes => {
            let bytes = input.sized("bytes")?;
            *place = Value::Bytes(input.share(bytes));
        }
        Op::Struct(record) => *place = structure(record, input)?,
        other => *place = rarer(other, input)?,
    }
    Ok(())
}

fn value(step: &Step, input: &mut Input<'_>) -> fault::Result<Value> {
    let mut value = Value::Null;
    read(step, input, &mut value)?;
    Ok(value)
}

/// What most records have none of.
fn rarer(op: &Op, input: &mut Input<'_>) -> fault::Result<Value> {
    match op {
        Op::Fixed(size) => {
            let bytes = input.raw(*size, "a fixed")?;
            Ok(Value::Bytes(input.share(bytes)))
        }
        Op::Time => time(input.int()?),
        Op::Decimal { scale, size: Some(size) } => decimal(input.raw(*size, "a fixed")?, *scale),
        Op::Decimal { scale, size: None } => decimal(input.sized("a decimal")?, *scale),
        Op::Enum(symbols) => {
            let at = input.int()?;
            match usize::try_from(at).ok().and_then(|at| symbols.get(at)) {
                Some(symbol) => Ok(Value::String(symbol.clone())),
                None => Err(Fault::new(format!("an enum of {} has no symbol {at}", symbols.len()))),
            }
        }
        Op::Array(items) => array(items, input),
        Op::Map(items) => map(items, input),
        Op::Entries(pair) => entries(pair, input),
        Op::Union(union) => of_union(union, input),
        Op::Variant { schema, value_first } => {
            let (first, second) = (input.sized("bytes")?, input.sized("bytes")?);
            let mut values = vec![first, second];
            if *value_first {
                values.reverse();
            }
            let values = values.into_iter().map(|part| Value::Bytes(input.share(part)));
            Ok(Value::Struct(Struct::from_values(schema.clone(), values.collect()).into()))
        }
        other => Err(Fault::new(format!("{other:?} is read elsewhere"))),
    }
}

fn time(ms: i32) -> fault::Result<Value> {
    let ms = i64::from(ms);
    match (0..=logical::DAY_MS).contains(&ms) {
        true => Ok(Value::Date(ms)),
        false => Err(Fault::new(format!("{ms} milliseconds are no time of a day"))),
    }
}

fn decimal(bytes: &[u8], scale: i32) -> fault::Result<Value> {
    if bytes.is_empty() {
        return Err(Fault::new("a decimal has no bytes"));
    }
    let unscaled = BigInt::from_signed_bytes_be(bytes);
    Ok(Value::Decimal(Decimal { unscaled, scale }.into()))
}

#[cold]
fn no_branch<T>(branch: i32, count: usize) -> fault::Result<T> {
    Err(Fault::new(format!("a union of {count} has no branch {branch}")))
}

fn structure(record: &Record, input: &mut Input<'_>) -> fault::Result<Value> {
    let mut values = Vec::new();
    values.resize_with(record.steps.len(), Value::default);
    for (at, (step, place)) in record.steps.iter().zip(&mut values).enumerate() {
        if let Err(fault) = read(step, input, place) {
            return Err(in_field(fault, &record.schema, at));
        }
    }
    Ok(Value::Struct(Arc::new(Struct::from_values(record.schema.clone(), values))))
}

#[cold]
fn in_field(fault: Fault, schema: &Schema, at: usize) -> Fault {
    match schema.fields().and_then(|fields| fields.list().get(at)) {
        Some(field) => fault.in_field(&field.name),
        None => fault,
    }
}

fn array(items: &Items, input: &mut Input<'_>) -> fault::Result<Value> {
    let mut list = Vec::new();
    while let Some(count) = input.block(items.size)? {
        list.reserve(room(count));
        for _ in 0..count {
            match value(&items.step, input) {
                Ok(value) => list.push(value),
                Err(fault) => return Err(fault.in_item(list.len())),
            }
        }
    }
    Ok(Value::array(list))
}

fn map(items: &Items, input: &mut Input<'_>) -> fault::Result<Value> {
    let mut list = Vec::new();
    while let Some(count) = input.block(items.size)? {
        list.reserve(room(count));
        for _ in 0..count {
            let mut key = Value::Null;
            input.text(&mut key).map_err(Fault::in_key)?;
            match value(&items.step, input) {
                Ok(value) => list.push((key, value)),
                Err(fault) => return Err(fault.in_value_of(key.as_str().unwrap_or("…"))),
            }
        }
    }
    Ok(hash_map(list))
}

/// The map that Java makes of entries; the last one of a key counts.
pub(super) fn hash_map(list: Vec<(Value, Value)>) -> Value {
    let count = list.len();
    Value::map(MapValue::from_entries(list).into_hash_map_for(count))
}

fn entries(pair: &Entries, input: &mut Input<'_>) -> fault::Result<Value> {
    let mut list = Vec::new();
    while let Some(count) = input.block(pair.size)? {
        list.reserve(room(count));
        for _ in 0..count {
            let at = list.len();
            let key = |input: &mut Input<'_>| {
                value(&pair.key, input).map_err(|fault| fault.in_field(names::KEY).in_item(at))
            };
            let of = |input: &mut Input<'_>| {
                value(&pair.value, input).map_err(|fault| fault.in_field(names::VALUE).in_item(at))
            };
            list.push(if pair.value_first {
                let value = of(input)?;
                (key(input)?, value)
            } else {
                (key(input)?, of(input)?)
            });
        }
    }
    Ok(hash_map(list))
}

fn of_union(union: &Union, input: &mut Input<'_>) -> fault::Result<Value> {
    let at = input.int()?;
    let branch = usize::try_from(at).ok().and_then(|at| union.branches.get(at));
    let (place, step) = match branch {
        Some(Some((place, step))) => (*place, step),
        Some(None) => return Ok(Value::Null),
        None => return no_branch(at, union.branches.len()),
    };
    let value = value(step, input).map_err(|fault| in_field(fault, &union.schema, place))?;
    let mut values = vec![Value::Null; union.width];
    if let Some(slot) = values.get_mut(place) {
        *slot = value;
    }
    Ok(Value::Struct(Arc::new(Struct::from_values(union.schema.clone(), values))))
}

struct Planner<'a> {
    settings: &'a Settings,
    types: &'a Types,
}

impl Planner<'_> {
    /// How values of an Avro type become those of the Connect schema that was made of it.
    fn step(&self, avro: &Type, schema: &Schema) -> Result<Step> {
        let op = match avro {
            Type::Union(all) => match to_connect::branches(self.settings, all) {
                Branches::Only(only) => {
                    let step = self.step(only, schema)?;
                    return Ok(Step { choice: Choice::One, op: step.op });
                }
                Branches::Optional(at, other) => {
                    let step = self.step(other, schema)?;
                    let choice = if at == 0 { Choice::NullLast } else { Choice::NullFirst };
                    return Ok(Step { choice, op: step.op });
                }
                Branches::Several => self.union(all, schema)?,
            },
            Type::Primitive(primitive, _) => primitive_op(*primitive, schema)?,
            Type::Array(items, _) => self.array(items, schema)?,
            Type::Map(values, _) => match schema.kind() {
                Kind::Map { value, .. } => {
                    let step = self.step(values, value)?;
                    let size = Size { bytes: 1, values: 1 } + size(&step);
                    Op::Map(Box::new(Items { step, size }))
                }
                _ => return Err(unfit(avro, self.types, schema)),
            },
            Type::Named(id) => match &self.types.get(*id).kind {
                Named::Enum { symbols, .. } => {
                    Op::Enum(symbols.iter().map(|symbol| Text::from(symbol.as_str())).collect())
                }
                Named::Fixed { size } => {
                    let size = *size as usize;
                    match Logical::of(schema) {
                        None => Op::Fixed(size),
                        Some(Logical::Decimal) => {
                            Op::Decimal { scale: logical::scale(schema)?, size: Some(size) }
                        }
                        Some(_) => return Err(unfit(avro, self.types, schema)),
                    }
                }
                Named::Record { fields, .. } if to_connect::is_variant(self.types.get(*id)) => {
                    let value_first = fields.first().is_some_and(|f| f.name == names::VALUE);
                    Op::Variant { schema: schema.clone(), value_first }
                }
                Named::Record { fields, .. } => {
                    let of_connect = schema.fields().map_or(&[][..], |fields| fields.list());
                    let steps = fields
                        .iter()
                        .zip(of_connect)
                        .map(|(field, of_connect)| self.step(&field.schema, &of_connect.schema));
                    let steps = steps.collect::<Result<_>>()?;
                    Op::Struct(Box::new(Record { schema: schema.clone(), steps }))
                }
            },
        };
        Ok(Step { choice: Choice::No, op })
    }

    fn array(&self, items: &Type, schema: &Schema) -> Result<Op> {
        match schema.kind() {
            Kind::Array(element) => {
                let step = self.step(items, element)?;
                let size = size(&step);
                Ok(Op::Array(Box::new(Items { step, size })))
            }
            Kind::Map { key, value } => {
                let Some((key_field, value_field)) = to_connect::map_entry(self.types, items)?
                else {
                    return Err(unfit(items, self.types, schema));
                };
                let key = self.step(&key_field.schema, key)?;
                let value = self.step(&value_field.schema, value)?;
                let first = self.types.fields(items).and_then(|fields| fields.first());
                let value_first = first.is_some_and(|field| field.name == names::VALUE);
                let size = size(&key) + size(&value);
                Ok(Op::Entries(Box::new(Entries { key, value, value_first, size })))
            }
            _ => Err(unfit(items, self.types, schema)),
        }
    }

    fn union(&self, all: &[Type], schema: &Schema) -> Result<Op> {
        let fields = schema.fields().map_or(&[][..], |fields| fields.list());
        let mut fields_of_types = fields.iter();
        let mut branches = Vec::with_capacity(all.len());
        for branch in all {
            if to_connect::is_null(branch) {
                branches.push(None);
                continue;
            }
            let Some(field) = fields_of_types.next() else {
                return Err(unfit(branch, self.types, schema));
            };
            branches.push(Some((field.index, self.step(branch, &field.schema)?)));
        }
        let (schema, width) = (schema.clone(), fields.len());
        Ok(Op::Union(Box::new(Union { schema, width, branches: branches.into() })))
    }
}

fn unfit(avro: &Type, types: &Types, schema: &Schema) -> Error {
    Error::data(format!("{} cannot be read as {schema:?}", types.name_of(avro)))
}

fn primitive_op(primitive: Primitive, schema: &Schema) -> Result<Op> {
    if let Some(logical) = Logical::of(schema) {
        return match (logical, primitive) {
            (Logical::Date, Primitive::Int) => Ok(Op::Date),
            (Logical::Time, Primitive::Int) => Ok(Op::Time),
            (Logical::Timestamp, Primitive::Long) => Ok(Op::Timestamp),
            (Logical::Decimal, Primitive::Bytes) => {
                Ok(Op::Decimal { scale: logical::scale(schema)?, size: None })
            }
            _ => Err(Error::data(format!(
                "Invalid type for {logical:?}: {} cannot be below it",
                primitive.name()
            ))),
        };
    }
    Ok(match (primitive, schema.kind()) {
        (Primitive::Boolean, _) => Op::Boolean,
        (Primitive::Int, Kind::Int8) => Op::Int8,
        (Primitive::Int, Kind::Int16) => Op::Int16,
        (Primitive::Int, _) => Op::Int32,
        (Primitive::Long, _) => Op::Int64,
        (Primitive::Float, _) => Op::Float32,
        (Primitive::Double, _) => Op::Float64,
        (Primitive::Bytes, _) => Op::Bytes,
        (Primitive::String, _) => Op::String,
        (Primitive::Null, _) => return Err(Error::data("A null alone cannot be read")),
    })
}

/// What a value takes at least.
fn size(step: &Step) -> Size {
    let one = |bytes| Size { bytes, values: 1 };
    if step.choice != Choice::No {
        return one(1);
    }
    match &step.op {
        Op::Float32 => one(4),
        Op::Float64 => one(8),
        Op::Fixed(size) | Op::Decimal { size: Some(size), .. } => one(*size),
        Op::Struct(record) => record.steps.iter().fold(one(0), |sum, step| sum + size(step)),
        Op::Variant { .. } => one(2),
        _ => one(1),
    }
}
