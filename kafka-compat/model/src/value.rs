//! Values: a small enum. Short texts stand in it, larger payloads are shared: a clone copies none.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use bytes::Bytes;
use num_bigint::BigInt;

use crate::error::{Error, Result};
use crate::logical::Decimal;
pub use crate::map::MapValue;
use crate::record::Str;
use crate::schema::{Field, Schema};
pub use text::Text;

mod text;

/// A value with or without a schema. The variants are Java's classes in Connect, so that a
/// schemaless value keeps its type: an `i8` is a `Byte`, a `Date` a `java.util.Date`.
///
/// Equality is that of Java's `equals`: NaN is NaN, 0.0 is not -0.0, an `i8` is never an `i16`.
#[derive(Clone, Debug, Default)]
pub enum Value {
    /// null
    #[default]
    Null,
    /// `Boolean`
    Boolean(bool),
    /// `Byte`
    Int8(i8),
    /// `Short`
    Int16(i16),
    /// `Integer`
    Int32(i32),
    /// `Long`
    Int64(i64),
    /// `Float`
    Float32(f32),
    /// `Double`
    Float64(f64),
    /// `String`
    String(Text),
    /// `byte[]` or `ByteBuffer`, often a slice of the batch it came in
    Bytes(Bytes),
    /// `List`
    Array(Arc<Vec<Value>>),
    /// `Map`
    Map(Arc<MapValue>),
    /// `Struct`
    Struct(Arc<Struct>),
    /// `java.math.BigDecimal`: the value of logical type Decimal
    Decimal(Arc<Decimal>),
    /// `java.math.BigInteger`: only ever schemaless
    BigInteger(Arc<BigInt>),
    /// `java.util.Date`, milliseconds since the epoch: the value of Date, Time and Timestamp
    Date(i64),
}

const _: () = assert!(size_of::<Value>() <= 40, "Value grew; every record pays for it");

impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Null, Self::Null) => true,
            (Self::Boolean(a), Self::Boolean(b)) => a == b,
            (Self::Int8(a), Self::Int8(b)) => a == b,
            (Self::Int16(a), Self::Int16(b)) => a == b,
            (Self::Int32(a), Self::Int32(b)) => a == b,
            (Self::Int64(a), Self::Int64(b)) | (Self::Date(a), Self::Date(b)) => a == b,
            (Self::Float32(a), Self::Float32(b)) => float_bits(*a) == float_bits(*b),
            (Self::Float64(a), Self::Float64(b)) => double_bits(*a) == double_bits(*b),
            (Self::String(a), Self::String(b)) => a == b,
            (Self::Bytes(a), Self::Bytes(b)) => a == b,
            (Self::Array(a), Self::Array(b)) => Arc::ptr_eq(a, b) || a == b,
            (Self::Map(a), Self::Map(b)) => Arc::ptr_eq(a, b) || a == b,
            (Self::Struct(a), Self::Struct(b)) => Arc::ptr_eq(a, b) || a == b,
            (Self::Decimal(a), Self::Decimal(b)) => a == b,
            (Self::BigInteger(a), Self::BigInteger(b)) => a == b,
            _ => false,
        }
    }
}

impl Eq for Value {}

impl Hash for Value {
    fn hash<H: Hasher>(&self, state: &mut H) {
        std::mem::discriminant(self).hash(state);
        match self {
            Self::Null => {}
            Self::Boolean(flag) => flag.hash(state),
            Self::Int8(n) => n.hash(state),
            Self::Int16(n) => n.hash(state),
            Self::Int32(n) => n.hash(state),
            Self::Int64(n) | Self::Date(n) => n.hash(state),
            Self::Float32(n) => float_bits(*n).hash(state),
            Self::Float64(n) => double_bits(*n).hash(state),
            Self::String(text) => text.hash(state),
            Self::Bytes(bytes) => bytes.hash(state),
            Self::Array(list) => list.hash(state),
            // The order of a map does not matter: its length must do.
            Self::Map(map) => map.len().hash(state),
            Self::Struct(inner) => inner.values.hash(state),
            Self::Decimal(n) => n.hash(state),
            Self::BigInteger(n) => n.hash(state),
        }
    }
}

/// One form of NaN, as Java's `floatToIntBits`.
fn float_bits(n: f32) -> u32 {
    if n.is_nan() { f32::NAN } else { n }.to_bits()
}

fn double_bits(n: f64) -> u64 {
    if n.is_nan() { f64::NAN } else { n }.to_bits()
}

impl Value {
    /// Text, copied.
    pub fn str(text: &str) -> Self {
        Self::String(Text::from(text))
    }
    /// Becomes text, copied. Text that is put into its place at once costs half of what a value
    /// costs that is made and then moved there.
    #[inline]
    pub fn set_str(&mut self, text: &str) {
        *self = Self::String(Text::new());
        if let Self::String(own) = self {
            own.set(text);
        }
    }
    /// A list.
    pub fn array(list: Vec<Self>) -> Self {
        Self::Array(Arc::new(list))
    }
    /// A map.
    pub fn map(map: MapValue) -> Self {
        Self::Map(Arc::new(map))
    }
    /// Whether it is null.
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }
    /// The text, if it is a string.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }
    /// The Java class of the value, as error texts name it. `None` for null.
    pub fn java_class(&self) -> Option<&'static str> {
        Some(match self {
            Self::Null => return None,
            Self::Boolean(_) => "java.lang.Boolean",
            Self::Int8(_) => "java.lang.Byte",
            Self::Int16(_) => "java.lang.Short",
            Self::Int32(_) => "java.lang.Integer",
            Self::Int64(_) => "java.lang.Long",
            Self::Float32(_) => "java.lang.Float",
            Self::Float64(_) => "java.lang.Double",
            Self::String(_) => "java.lang.String",
            Self::Bytes(_) => "[B",
            Self::Array(_) => "java.util.ArrayList",
            Self::Map(map) if map.is_hashed() => "java.util.HashMap",
            Self::Map(_) => "java.util.LinkedHashMap",
            Self::Struct(_) => "org.apache.kafka.connect.data.Struct",
            Self::Decimal(_) => "java.math.BigDecimal",
            Self::BigInteger(_) => "java.math.BigInteger",
            Self::Date(_) => "java.util.Date",
        })
    }
}

/// A struct: its schema and one value per field, in the order of the fields. A null here may
/// stand for the field's default: [`Struct::get`] applies it, [`Struct::raw`] does not.
#[derive(Clone, Debug, PartialEq)]
pub struct Struct {
    schema: Schema,
    values: Vec<Value>,
}

impl Struct {
    /// A struct with all fields null. `schema` must be a struct schema.
    pub fn new(schema: Schema) -> Result<Self> {
        let Some(fields) = schema.fields() else {
            return Err(Error::data(format!("Not a struct schema: {schema:?}")));
        };
        let values = vec![Value::Null; fields.len()];
        Ok(Self { schema, values })
    }
    /// A struct from one value per field, which the caller knows to fit.
    pub fn from_values(schema: Schema, values: Vec<Value>) -> Self {
        debug_assert_eq!(schema.fields().map(|f| f.len()), Some(values.len()));
        Self { schema, values }
    }
    /// The schema.
    pub fn schema(&self) -> &Schema {
        &self.schema
    }
    /// The value at a field's index, the default in place of null.
    pub fn get_at<'a>(&'a self, field: &'a Field) -> &'a Value {
        match self.values.get(field.index) {
            Some(Value::Null) | None => field.schema.default_value().unwrap_or(&Value::Null),
            Some(value) => value,
        }
    }
    /// The value of a field, the default in place of null; `DataException` for an unknown name.
    pub fn get(&self, name: &str) -> Result<&Value> {
        Ok(self.get_at(self.lookup(name)?))
    }
    /// The value of a field as it was put, without default.
    pub fn raw(&self, name: &str) -> Result<&Value> {
        let field = self.lookup(name)?;
        Ok(self.values.get(field.index).unwrap_or(&Value::Null))
    }
    /// All values as they were put, in the order of the fields.
    pub fn values(&self) -> &[Value] {
        &self.values
    }
    /// All values, taken.
    pub fn into_values(self) -> Vec<Value> {
        self.values
    }
    /// Sets a field after checking the value against its schema.
    pub fn put(&mut self, name: &str, value: Value) -> Result<()> {
        let field = self.lookup(name)?;
        crate::schema::Schema::validate_field(Some(name), &field.schema, &value)?;
        let index = field.index;
        if let Some(slot) = self.values.get_mut(index) {
            *slot = value;
        }
        Ok(())
    }
    /// Checks every field: what is required has a value.
    pub fn validate(&self) -> Result<()> {
        if let Some(fields) = self.schema.fields() {
            for (field, value) in fields.list().iter().zip(&self.values) {
                let schema = &field.schema;
                if value.is_null() && (schema.is_optional() || schema.default_value().is_some()) {
                    continue;
                }
                Schema::validate_field(Some(&field.name), schema, value)?;
            }
        }
        Ok(())
    }
    fn lookup(&self, name: &str) -> Result<&Field> {
        self.schema
            .field(name)
            .ok_or_else(|| Error::data(format!("{name} is not a valid field name")))
    }
}

/// A value with its schema: `None` is Connect's schemaless mode.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Datum {
    /// Its schema, if any.
    pub schema: Option<Schema>,
    /// The value.
    pub value: Value,
}

impl Datum {
    /// Null without schema.
    pub const NULL: Self = Self { schema: None, value: Value::Null };

    /// A value with a schema.
    pub fn new(schema: Schema, value: Value) -> Self {
        Self { schema: Some(schema), value }
    }
    /// A value without a schema.
    pub fn schemaless(value: Value) -> Self {
        Self { schema: None, value }
    }
}

/// A map of text keys, as connectors use for source partitions and offsets.
pub type NamedValues = std::collections::BTreeMap<Str, Value>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equality_is_javas() {
        assert_eq!(Value::Float64(f64::NAN), Value::Float64(-f64::NAN));
        assert_ne!(Value::Float32(0.0), Value::Float32(-0.0));
        assert_ne!(Value::Int8(1), Value::Int16(1));
    }
}
