//! Writing values by their plans.

use gantry_model::logical::Logical;
use gantry_model::{Struct, Value};
use gantry_schema_protobuf::Scalar;

use super::fault::{Fault, Outcome};
use super::logical::{self, Parts};
use super::wire::{put_bytes, put_delimited, put_varint, zigzag};
use super::write_plan::{Encoder, Source, Step, StructPlan, Tag};

impl StructPlan {
    /// Writes the fields of a struct.
    pub(super) fn put(&mut self, value: &Value, out: &mut Vec<u8>) -> Outcome<()> {
        let Value::Struct(inner) = value else { return Err(invalid("STRUCT", value)) };
        if !inner.schema().same(&self.schema) {
            if *inner.schema() != self.schema {
                return Err(Fault::new("Mismatching struct schema"));
            }
            // The next record mostly has this one, too, and need not be compared.
            self.schema = inner.schema().clone();
        }
        for step in &mut self.steps {
            step.put_from(inner, out)?;
        }
        Ok(())
    }
}

impl Step {
    fn put_from(&mut self, from: &Struct, out: &mut Vec<u8>) -> Outcome<()> {
        let value = match self.source {
            Source::Field(at) => from.values().get(at),
            Source::Member(union, at) => match from.values().get(union) {
                Some(Value::Struct(union)) => member(union, at),
                _ => None,
            },
        };
        let value = match value {
            Some(Value::Null) | None => match self.default.take() {
                Some(default) => {
                    let outcome = self.put(&default, out);
                    self.default = Some(default);
                    return outcome;
                }
                None => return Ok(()),
            },
            Some(value) => value,
        };
        self.put(value, out)
    }

    /// Writes a field.
    #[inline]
    pub(super) fn put(&mut self, value: &Value, out: &mut Vec<u8>) -> Outcome<()> {
        self.put_field(value, out).map_err(|fault| fault.in_field(&self.name))
    }

    fn put_field(&mut self, value: &Value, out: &mut Vec<u8>) -> Outcome<()> {
        match &mut self.encoder {
            Encoder::List { is_packed, element } => {
                let Value::Array(list) = value else { return Err(invalid("ARRAY", value)) };
                put_list(list, &self.tag, *is_packed, element, out)
            }
            Encoder::Map { key, value: inner } => {
                let Value::Map(map) = value else { return Err(invalid("MAP", value)) };
                for (at, (first, second)) in map.ordered().enumerate() {
                    self.tag.put(out);
                    let entry = put_delimited(out, |out| {
                        key.put_if(first, out)?;
                        inner.put_if(second, out)
                    });
                    entry.map_err(|fault| fault.in_element(at))?;
                }
                Ok(())
            }
            // An empty list is as good as none.
            Encoder::Unfit(_) if is_empty(value) => Ok(()),
            encoder => {
                if self.is_implicit && encoder.is_default(value) {
                    return Ok(());
                }
                self.tag.put(out);
                encoder.put(value, out)
            }
        }
    }

    fn put_if(&mut self, value: &Value, out: &mut Vec<u8>) -> Outcome<()> {
        if value.is_null() { Ok(()) } else { self.put(value, out) }
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Array(list) => list.is_empty(),
        Value::Map(map) => map.is_empty(),
        _ => false,
    }
}

/// The value of a field of a union, which is the first that has one.
fn member(union: &Struct, at: usize) -> Option<&Value> {
    let set = union.values().iter().position(|value| !value.is_null());
    union.values().get(at).filter(|_| set == Some(at))
}

fn put_list(
    list: &[Value],
    tag: &Tag,
    is_packed: bool,
    element: &mut Encoder,
    out: &mut Vec<u8>,
) -> Outcome<()> {
    if list.is_empty() {
        return Ok(());
    }
    if is_packed {
        tag.put(out);
        return put_delimited(out, |out| put_elements(list, None, element, out));
    }
    put_elements(list, Some(tag), element, out)
}

fn put_elements(
    list: &[Value],
    tag: Option<&Tag>,
    element: &mut Encoder,
    out: &mut Vec<u8>,
) -> Outcome<()> {
    for (at, value) in list.iter().enumerate() {
        if let Some(tag) = tag {
            tag.put(out);
        }
        let written = match value {
            Value::Null => Err(Fault::new("a list cannot hold null in Protobuf")),
            value => element.put(value, out),
        };
        written.map_err(|fault| fault.in_element(at))?;
    }
    Ok(())
}

impl Encoder {
    /// Writes a value that is not null; what is a message, behind its length.
    #[inline]
    fn put(&mut self, value: &Value, out: &mut Vec<u8>) -> Outcome<()> {
        match self {
            Self::Int(scalar, low, high) => {
                let number = whole(value)?;
                if number < *low || number > *high {
                    let name = scalar.name();
                    return Err(Fault::new(format!(
                        "{number} does not fit the type {name}, which goes from {low} to {high}"
                    )));
                }
                put_int(*scalar, number, out);
            }
            Self::Float => out.extend_from_slice(&float(value)?.to_le_bytes()),
            Self::Double => match value {
                Value::Float64(number) => out.extend_from_slice(&number.to_le_bytes()),
                Value::Float32(number) => {
                    out.extend_from_slice(&f64::from(*number).to_le_bytes());
                }
                _ => return Err(invalid("FLOAT64", value)),
            },
            Self::Bool => match value {
                Value::Boolean(is) => out.push(u8::from(*is)),
                _ => return Err(invalid("BOOLEAN", value)),
            },
            Self::Text => match value {
                Value::String(text) => put_bytes(text.as_bytes(), out),
                _ => return Err(invalid("STRING", value)),
            },
            Self::Bytes => match value {
                Value::Bytes(bytes) => put_bytes(bytes, out),
                _ => return Err(invalid("BYTES", value)),
            },
            Self::Enum(of) => {
                let Some(number) = of.number(value) else {
                    let (name, text) = (&of.name, gantry_model::text::java_string(value));
                    return Err(Fault::new(format!("{text} is no value of the enum {name}")));
                };
                put_varint(i64::from(number).cast_unsigned(), out);
            }
            Self::Struct(_) | Self::Wrapped(..) | Self::Logical(..) => {
                return put_delimited(out, |out| self.put_content(value, out));
            }
            Self::Unfit(reason) => return Err(Fault::new(reason.as_str())),
            // These do not come alone.
            Self::List { .. } | Self::Map { .. } => return Err(Fault::new("a list in a list")),
        }
        Ok(())
    }

    /// Writes what is in a message.
    pub(super) fn put_content(&mut self, value: &Value, out: &mut Vec<u8>) -> Outcome<()> {
        match self {
            Self::Struct(plan) => plan.put(value, out),
            Self::Wrapped(tag, inner) => {
                if !inner.is_default(value) {
                    tag.put(out);
                    inner.put(value, out)?;
                }
                Ok(())
            }
            Self::Logical(kind, tags) => put_logical(*kind, tags, value, out),
            other => other.put(value, out),
        }
    }

    /// Whether a value is what stands for one that was not written.
    fn is_default(&self, value: &Value) -> bool {
        match value {
            Value::Int8(number) => self.is_default_number(i64::from(*number)),
            Value::Int16(number) => self.is_default_number(i64::from(*number)),
            Value::Int32(number) => self.is_default_number(i64::from(*number)),
            Value::Int64(number) => self.is_default_number(*number),
            // The negative zero is written.
            Value::Float32(number) => number.to_bits() == 0,
            Value::Float64(number) => number.to_bits() == 0,
            Value::Boolean(is) => !is,
            Value::String(text) => match self {
                Self::Enum(of) => of.number(value) == Some(of.first),
                _ => text.is_empty(),
            },
            Value::Bytes(bytes) => bytes.is_empty(),
            _ => false,
        }
    }

    fn is_default_number(&self, number: i64) -> bool {
        match self {
            Self::Enum(of) => number == i64::from(of.first),
            _ => number == 0,
        }
    }
}

fn put_int(scalar: Scalar, number: i64, out: &mut Vec<u8>) {
    let bits = number.cast_unsigned();
    match scalar {
        Scalar::Sint32 | Scalar::Sint64 => put_varint(zigzag(number), out),
        Scalar::Fixed32 | Scalar::Sfixed32 => {
            out.extend_from_slice(&super::wire::low_32(bits).to_le_bytes());
        }
        Scalar::Fixed64 | Scalar::Sfixed64 => out.extend_from_slice(&bits.to_le_bytes()),
        _ => put_varint(bits, out),
    }
}

fn put_logical(kind: Logical, tags: &[Tag], value: &Value, out: &mut Vec<u8>) -> Outcome<()> {
    let (numbers, tags) = match logical::to_parts(kind, value)? {
        Parts::Numbers(numbers) => (numbers, tags),
        Parts::Decimal { digits, precision, scale } => {
            let Some((first, others)) = tags.split_first() else { return Ok(()) };
            first.put(out);
            put_bytes(&digits, out);
            ([precision, scale, 0, 0], others)
        }
    };
    for (tag, number) in tags.iter().zip(numbers) {
        if number != 0 {
            tag.put(out);
            put_varint(number.cast_unsigned(), out);
        }
    }
    Ok(())
}

#[inline]
fn whole(value: &Value) -> Outcome<i64> {
    Ok(match value {
        Value::Int64(number) => *number,
        Value::Int32(number) => i64::from(*number),
        Value::Int16(number) => i64::from(*number),
        Value::Int8(number) => i64::from(*number),
        _ => return Err(invalid("INT64", value)),
    })
}

#[inline]
#[expect(clippy::cast_possible_truncation, reason = "it is looked at whether anything was lost")]
fn float(value: &Value) -> Outcome<f32> {
    match value {
        Value::Float32(number) => Ok(*number),
        Value::Float64(number) => {
            let float = *number as f32;
            match f64::from(float) == *number || number.is_nan() {
                true => Ok(float),
                false => Err(Fault::new(format!("{number} is not exact as the type float"))),
            }
        }
        _ => Err(invalid("FLOAT32", value)),
    }
}

#[cold]
fn invalid(kind: &str, value: &Value) -> Fault {
    let class = value.java_class().unwrap_or("null");
    Fault::new(format!("Invalid type for {kind}: class {class}"))
}
