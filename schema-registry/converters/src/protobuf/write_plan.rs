//! How values are written, worked out beforehand: nothing is looked up by name for a record.

use gantry_model::logical::Logical;
use gantry_model::{Schema, Text, Value};
use gantry_schema_protobuf::Scalar;

use super::wire;

/// How a struct is written as a message.
#[derive(Debug)]
pub(super) struct StructPlan {
    /// The schema that its values must have; another object that is equal takes its place once it
    /// was met.
    pub(super) schema: Schema,
    /// By the numbers of the fields.
    pub(super) steps: Vec<Step>,
}

/// How a field is written.
#[derive(Debug)]
pub(super) struct Step {
    /// The name in Connect.
    pub(super) name: String,
    pub(super) source: Source,
    /// What a null stands for.
    pub(super) default: Option<Value>,
    /// Whether the default of its type is not written.
    pub(super) is_implicit: bool,
    pub(super) tag: Tag,
    pub(super) encoder: Encoder,
}

/// Where the value of a field stands in a struct.
#[derive(Clone, Copy, Debug)]
pub(super) enum Source {
    Field(usize),
    /// The place of a union, and that of the field in it.
    Member(usize, usize),
}

/// A tag as it is written.
#[derive(Clone, Debug, Default)]
pub(super) struct Tag(Vec<u8>);

impl Tag {
    pub(super) fn new(number: i32, wire: u32) -> Self {
        let mut bytes = Vec::with_capacity(5);
        wire::put_varint(u64::from(wire::tag(number, wire)), &mut bytes);
        Self(bytes)
    }

    #[inline]
    pub(super) fn put(&self, out: &mut Vec<u8>) {
        match self.0.as_slice() {
            [one] => out.push(*one),
            more => out.extend_from_slice(more),
        }
    }
}

/// How a value is written.
#[derive(Debug)]
pub(super) enum Encoder {
    /// An integer of any size: as what, and the smallest and the largest that are allowed.
    Int(Scalar, i64, i64),
    Float,
    Double,
    Bool,
    Text,
    Bytes,
    Enum(EnumEncoder),
    Struct(Box<StructPlan>),
    /// A message around a value.
    Wrapped(Tag, Box<Encoder>),
    Logical(Logical, [Tag; super::logical::MAX_PARTS]),
    /// A list; the tag is that of one value, or of all if they are packed.
    List {
        is_packed: bool,
        element: Box<Encoder>,
    },
    Map {
        key: Box<Step>,
        value: Box<Step>,
    },
    /// Nothing fits, for this reason. Null does.
    Unfit(String),
}

/// The values of an enum that can be written.
#[derive(Debug)]
pub(super) struct EnumEncoder {
    pub(super) name: String,
    /// By name.
    pub(super) names: Vec<(Text, i32)>,
    /// All numbers, in order, if others are not allowed.
    pub(super) numbers: Option<Vec<i32>>,
    /// What is not written where it cannot be told from nothing.
    pub(super) first: i32,
}

impl EnumEncoder {
    pub(super) fn number(&self, value: &Value) -> Option<i32> {
        let number = match value {
            Value::String(text) => {
                let place = self.names.binary_search_by(|(name, _)| (**name).cmp(text)).ok()?;
                return self.names.get(place).map(|(_, number)| *number);
            }
            Value::Int8(number) => i32::from(*number),
            Value::Int16(number) => i32::from(*number),
            Value::Int32(number) => *number,
            Value::Int64(number) => i32::try_from(*number).ok()?,
            _ => return None,
        };
        let is_known = self.numbers.as_ref().is_none_or(|all| all.binary_search(&number).is_ok());
        is_known.then_some(number)
    }
}
