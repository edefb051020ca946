//! Writing: which part of a value goes where in the registered schema is worked out once.

use gantry_model::logical;
use gantry_model::{Decimal, MapValue, Result, Schema, Struct, Value, text};

use super::anything;
use super::binary::{put_long, put_sized};
use super::fault::{self, Fault};

/// How values of one Connect schema are written by one schema of the registry.
#[derive(Debug)]
pub(crate) struct Writer {
    /// None for values without one.
    pub(super) schema: Option<Schema>,
    pub(super) root: Root,
}

#[derive(Debug)]
pub(super) enum Root {
    Anything,
    /// Bytes that are the whole payload, without a length.
    Raw(Step),
    Value(Step),
}

#[derive(Debug)]
pub(super) struct Step {
    pub(super) null: Null,
    /// The number of the branch, where a union is written.
    pub(super) branch: Option<u32>,
    pub(super) op: Op,
}

/// How null is written.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Null {
    /// It is none of the Connect schema's values.
    Required,
    /// The registered schema has no place for it.
    Unfit,
    /// By no bytes.
    Empty,
    /// By the number of its branch.
    Branch(u32),
}

#[derive(Debug)]
pub(super) enum Op {
    Boolean,
    Int,
    Long,
    Float,
    Double,
    String,
    Bytes,
    Fixed(usize),
    Enum(Box<Symbols>),
    Date,
    /// As so many units for a millisecond.
    Time(i64),
    Timestamp(i64),
    Decimal {
        scale: i32,
        size: Option<usize>,
    },
    Array(Box<Step>),
    Map(Box<Step>),
    Entries(Box<Entries>),
    Struct(Box<Record>),
    /// A struct whose first field that is set is written.
    Union(Box<Record>),
    /// No value fits, for this reason.
    Unfit(Box<str>),
}

/// The symbols of an enum in the order of their texts, with their numbers.
#[derive(Debug)]
pub(super) struct Symbols(pub(super) Vec<(String, i32)>);

#[derive(Debug)]
pub(super) struct Entries {
    pub(super) key: Step,
    pub(super) value: Step,
    pub(super) value_first: bool,
}

#[derive(Debug)]
pub(super) struct Record {
    pub(super) schema: Schema,
    /// The same without its default, which is the schema of the default itself.
    pub(super) bare: Option<Schema>,
    /// Of the registered record, or of the union's struct.
    pub(super) fields: Box<[Source]>,
}

/// Where a field comes from.
#[derive(Debug)]
pub(super) enum Source {
    /// A field of the struct, which has a value in place of null, perhaps.
    Field { at: usize, default: Option<Value>, step: Step },
    /// It is not in the struct: the default of the registered field.
    Constant(Box<[u8]>),
    /// It is not in the struct, and there is no default.
    Missing(Box<str>),
}

impl Writer {
    /// Appends a value. False, with nothing appended, for null.
    pub(super) fn write(&self, value: &Value, out: &mut Vec<u8>) -> Result<bool> {
        let begin = out.len();
        let written = self.append(value, out);
        if !matches!(written, Ok(true)) {
            out.truncate(begin);
        }
        written.map_err(|fault| fault.into_error("Value"))
    }

    fn append(&self, value: &Value, out: &mut Vec<u8>) -> fault::Result<bool> {
        let (Root::Raw(step) | Root::Value(step)) = &self.root else {
            if !value.is_null() {
                anything::write(value, out)?;
            }
            return Ok(!value.is_null());
        };
        if is_null(step, value) {
            return match &self.schema {
                Some(schema) if !schema.is_optional() => Err(null_of(Null::Required)),
                _ => Ok(false),
            };
        }
        match (&self.root, &step.op, value) {
            (Root::Raw(_), Op::Bytes, Value::Bytes(bytes)) => out.extend_from_slice(bytes),
            (Root::Raw(_), Op::Decimal { scale, .. }, Value::Decimal(decimal)) => {
                out.extend_from_slice(&unscaled(decimal, *scale)?);
            }
            (Root::Raw(_), Op::Union(_), _) => {
                return Err(Fault::new("a union does not fit bytes of the registered schema"));
            }
            _ => self::value(step, value, out)?,
        }
        Ok(true)
    }
}

/// Appends a value as it stands within others: null as the branch of its union, bytes with their length.
pub(super) fn put_value(step: &Step, value: &Value, out: &mut Vec<u8>) -> fault::Result<()> {
    self::value(step, value, out)
}

/// Whether a value is null, or a struct that stands for it.
fn is_null(step: &Step, value: &Value) -> bool {
    match (&step.op, value) {
        (_, Value::Null) => true,
        (Op::Union(union), Value::Struct(inner)) => union.fields.iter().all(|field| match field {
            Source::Field { at, default, .. } => set_value(inner, *at, default).is_null(),
            _ => true,
        }),
        _ => false,
    }
}

fn set_value<'a>(inner: &'a Struct, at: usize, default: &'a Option<Value>) -> &'a Value {
    match inner.values().get(at) {
        None | Some(Value::Null) => default.as_ref().unwrap_or(&Value::Null),
        Some(value) => value,
    }
}

#[cold]
fn null_of(null: Null) -> Fault {
    Fault::new(match null {
        Null::Required => "Found null value for non-optional schema",
        _ => "it is null, which the registered schema does not allow",
    })
}

#[inline]
fn put_null(null: Null, out: &mut Vec<u8>) -> fault::Result<()> {
    match null {
        Null::Branch(at) => put_long(out, i64::from(at)),
        Null::Empty => {}
        other => return Err(null_of(other)),
    }
    Ok(())
}

#[inline]
fn value(step: &Step, value: &Value, out: &mut Vec<u8>) -> fault::Result<()> {
    if value.is_null() {
        return put_null(step.null, out);
    }
    if let Some(branch) = step.branch {
        put_long(out, i64::from(branch));
    }
    match (&step.op, value) {
        (Op::Boolean, Value::Boolean(flag)) => out.push(u8::from(*flag)),
        (Op::Int | Op::Long, Value::Int32(n)) => put_long(out, i64::from(*n)),
        (Op::Long, Value::Int64(n)) => put_long(out, *n),
        (Op::Double, Value::Float64(n)) => out.extend_from_slice(&n.to_le_bytes()),
        (Op::Float, Value::Float32(n)) => out.extend_from_slice(&n.to_le_bytes()),
        (Op::String, Value::String(text)) => put_sized(out, text.as_bytes()),
        (Op::Bytes, Value::Bytes(bytes)) => put_sized(out, bytes),
        (Op::Timestamp(1), Value::Date(ms)) => put_long(out, *ms),
        (Op::Struct(record), Value::Struct(inner)) => return structure(record, inner, out),
        (op, value) => return rarer(op, step.null, value, out),
    }
    Ok(())
}

/// What most records have none of.
fn rarer(op: &Op, null: Null, value: &Value, out: &mut Vec<u8>) -> fault::Result<()> {
    match (op, value) {
        (Op::Int | Op::Long | Op::Float | Op::Double, value) => return number(op, value, out),
        (Op::Fixed(size), Value::Bytes(bytes)) if bytes.len() == *size => {
            out.extend_from_slice(bytes);
        }
        (Op::Fixed(size), Value::Bytes(bytes)) => {
            return Err(Fault::new(format!("{} bytes are no fixed of {size}", bytes.len())));
        }
        (Op::Enum(symbols), Value::String(text)) => put_long(out, symbols.number(text)?),
        (Op::Date, Value::Date(ms)) => put_long(out, days(*ms)?),
        (Op::Time(units), Value::Date(ms)) => match (0..=logical::DAY_MS).contains(ms) {
            true => put_long(out, ms * units),
            false => return Err(Fault::new(format!("{ms} milliseconds are no time of a day"))),
        },
        (Op::Timestamp(units), Value::Date(ms)) => match ms.checked_mul(*units) {
            Some(count) => put_long(out, count),
            None => return Err(Fault::new(format!("{ms} milliseconds are too many for a long"))),
        },
        (Op::Decimal { scale, size }, Value::Decimal(decimal)) => {
            let bytes = unscaled(decimal, *scale)?;
            match size {
                None => put_sized(out, &bytes),
                Some(size) => put_padded(out, &bytes, *size)?,
            }
        }
        (Op::Array(items), Value::Array(list)) => {
            put_count(out, list.len());
            for (at, item) in list.iter().enumerate() {
                self::value(items, item, out).map_err(|fault| fault.in_item(at))?;
            }
            put_long(out, 0);
        }
        (Op::Map(values), Value::Map(map)) => return put_map(values, map, out),
        (Op::Entries(entries), Value::Map(map)) => return put_entries(entries, map, out),
        (Op::Union(union), Value::Struct(inner)) => return put_union(union, null, inner, out),
        (Op::Unfit(reason), value) => {
            return Err(Fault::new(format!("{} {reason}", shown(value))));
        }
        (op, value) => return Err(wrong_value(op, value)),
    }
    Ok(())
}

fn shown(value: &Value) -> &'static str {
    value.java_class().unwrap_or("null")
}

#[cold]
fn wrong_value(op: &Op, value: &Value) -> Fault {
    let wanted = match op {
        Op::Boolean => "boolean",
        Op::Int => "int",
        Op::Long => "long",
        Op::Float => "float",
        Op::Double => "double",
        Op::String => "string",
        Op::Bytes => "bytes",
        Op::Fixed(_) => "fixed",
        Op::Enum(_) => "enum",
        Op::Date => "date",
        Op::Time(_) => "time",
        Op::Timestamp(_) => "timestamp",
        Op::Decimal { .. } => "decimal",
        Op::Array(_) => "array",
        Op::Map(_) => "map",
        Op::Entries(_) => "array of keys and values",
        Op::Struct(_) => "record",
        Op::Union(_) => "union",
        Op::Unfit(_) => "value",
    };
    Fault::new(format!("{} is no {wanted}", shown(value)))
}

/// A number that may have to be widened, or that is narrow enough.
fn number(op: &Op, value: &Value, out: &mut Vec<u8>) -> fault::Result<()> {
    let whole = match value {
        Value::Int8(n) => Some(i64::from(*n)),
        Value::Int16(n) => Some(i64::from(*n)),
        Value::Int32(n) => Some(i64::from(*n)),
        Value::Int64(n) => Some(*n),
        _ => None,
    };
    match (op, whole, value) {
        (Op::Int, Some(n), _) if i32::try_from(n).is_err() => {
            return Err(Fault::new(format!("{n} is too large for an int")));
        }
        (Op::Int | Op::Long, Some(n), _) => put_long(out, n),
        (Op::Float, Some(n), _) => out.extend_from_slice(&(n as f32).to_le_bytes()),
        (Op::Double, Some(n), _) => out.extend_from_slice(&(n as f64).to_le_bytes()),
        (Op::Double, _, Value::Float32(n)) => out.extend_from_slice(&f64::from(*n).to_le_bytes()),
        (Op::Float, _, Value::Float64(n)) => {
            let narrow = *n as f32;
            if f64::from(narrow) != *n && !n.is_nan() {
                return Err(Fault::new(format!("{n} is not exact as a float")));
            }
            out.extend_from_slice(&narrow.to_le_bytes());
        }
        _ => return Err(wrong_value(op, value)),
    }
    Ok(())
}

impl Symbols {
    fn number(&self, text: &str) -> fault::Result<i64> {
        let found = self.0.binary_search_by(|(symbol, _)| symbol.as_str().cmp(text));
        match found.ok().and_then(|at| self.0.get(at)) {
            Some((_, number)) => Ok(i64::from(*number)),
            None => Err(Fault::new(format!(
                "{text:?} is none of the {} symbols of the enum",
                self.0.len()
            ))),
        }
    }
}

fn days(ms: i64) -> fault::Result<i64> {
    let days = ms / logical::DAY_MS;
    if ms % logical::DAY_MS != 0 {
        return Err(Fault::new(
            "Kafka Connect Date type should not have any time fields set to non-zero values.",
        ));
    }
    match i32::try_from(days) {
        Ok(days) => Ok(i64::from(days)),
        Err(_) => Err(Fault::new(format!("{days} days are too many for an int"))),
    }
}

fn unscaled(decimal: &Decimal, scale: i32) -> fault::Result<Vec<u8>> {
    if decimal.scale != scale {
        return Err(Fault::new(format!(
            "Decimal value has mismatching scale for given Decimal schema. Schema has scale \
             {scale}, value has scale {}.",
            decimal.scale
        )));
    }
    Ok(decimal.unscaled.to_signed_bytes_be())
}

/// A number in two's complement, with its sign in front of it.
fn put_padded(out: &mut Vec<u8>, bytes: &[u8], size: usize) -> fault::Result<()> {
    let Some(missing) = size.checked_sub(bytes.len()) else {
        return Err(Fault::new(format!(
            "Unscaled value byte array length {} is greater than fixed size {size}",
            bytes.len()
        )));
    };
    let is_negative = bytes.first().is_some_and(|first| *first >= 0x80);
    out.resize(out.len() + missing, if is_negative { 0xff } else { 0 });
    out.extend_from_slice(bytes);
    Ok(())
}

fn structure(record: &Record, inner: &Struct, out: &mut Vec<u8>) -> fault::Result<()> {
    check_schema(record, inner)?;
    for source in &record.fields {
        match source {
            Source::Field { at, default, step } => {
                if let Err(fault) = value(step, set_value(inner, *at, default), out) {
                    return Err(in_field(fault, record, *at));
                }
            }
            Source::Constant(bytes) => out.extend_from_slice(bytes),
            Source::Missing(name) => {
                return Err(Fault::new(
                    "the registered schema has this field without a default, and the value has \
                     none",
                )
                .in_field(name));
            }
        }
    }
    Ok(())
}

#[inline]
fn check_schema(record: &Record, inner: &Struct) -> fault::Result<()> {
    let schema = inner.schema();
    if schema.same(&record.schema)
        || *schema == record.schema
        || record.bare.as_ref().is_some_and(|bare| schema == bare)
    {
        return Ok(());
    }
    Err(Fault::new(format!("Mismatching struct schema: {schema:?}, not {:?}", record.schema)))
}

#[cold]
fn in_field(fault: Fault, record: &Record, at: usize) -> Fault {
    match record.schema.fields().and_then(|fields| fields.list().get(at)) {
        Some(field) => fault.in_field(&field.name),
        None => fault,
    }
}

fn put_union(union: &Record, null: Null, inner: &Struct, out: &mut Vec<u8>) -> fault::Result<()> {
    check_schema(union, inner)?;
    for source in &union.fields {
        if let Source::Field { at, default, step } = source {
            let set = set_value(inner, *at, default);
            if !set.is_null() {
                return value(step, set, out).map_err(|fault| in_field(fault, union, *at));
            }
        }
    }
    put_null(null, out)
}

/// In the order in which Java's `HashMap` lists the keys: equal maps are equal bytes, mostly.
fn put_map(values: &Step, map: &MapValue, out: &mut Vec<u8>) -> fault::Result<()> {
    put_count(out, map.len());
    let mut put = |(key, of): &(Value, Value)| {
        let Some(key) = key.as_str() else {
            return Err(Fault::new(format!("{} is no string", shown(key))).in_key());
        };
        put_sized(out, key.as_bytes());
        value(values, of, out).map_err(|fault| fault.in_value_of(key))
    };
    if map.len() < 2 {
        map.entries().iter().try_for_each(put)?;
    } else {
        let mut entries: Vec<&(Value, Value)> = map.ordered().collect();
        text::sort_as_hash_map(&mut entries, |(key, _)| key.as_str().unwrap_or_default());
        entries.into_iter().try_for_each(&mut put)?;
    }
    put_long(out, 0);
    Ok(())
}

/// How many items follow, if any do.
fn put_count(out: &mut Vec<u8>, count: usize) {
    if count > 0 {
        put_long(out, count as i64);
    }
}

fn put_entries(entries: &Entries, map: &MapValue, out: &mut Vec<u8>) -> fault::Result<()> {
    put_count(out, map.len());
    for (at, (key, of)) in map.ordered().enumerate() {
        let put_key = |out: &mut Vec<u8>| {
            value(&entries.key, key, out).map_err(|fault| fault.in_key().in_item(at))
        };
        if !entries.value_first {
            put_key(out)?;
        }
        value(&entries.value, of, out).map_err(|fault| fault.in_item(at))?;
        if entries.value_first {
            put_key(out)?;
        }
    }
    put_long(out, 0);
    Ok(())
}
