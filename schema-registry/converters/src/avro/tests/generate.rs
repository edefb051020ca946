//! Schemas and values of all kinds, from a seed.

use std::sync::Arc;

use bytes::Bytes;
use fastrand::Rng;
use gantry_model::{Decimal, Kind, MapValue, Schema, SchemaBuilder, Str, Struct, Value, logical};

use crate::avro::{names, shape};

pub(super) struct Generator {
    pub(super) rng: Rng,
    /// Named types so far: each has a name of its own.
    named: usize,
    /// Whether texts may be enums.
    pub(super) enums: bool,
}

impl Generator {
    pub(super) fn new(seed: u64) -> Self {
        Self { rng: Rng::with_seed(seed), named: 0, enums: false }
    }

    fn name(&mut self) -> Str {
        self.named += 1;
        let space = self.rng.choice(["", "a.", "a.b."]).unwrap();
        format!("{space}N{}", self.named).into()
    }

    pub(super) fn schema(&mut self, depth: usize) -> Schema {
        if depth > 0 && self.rng.u8(..8) == 0 {
            return self.union(depth);
        }
        let kinds = if depth == 0 { 16 } else { 22 };
        let mut builder = self.builder(kinds, depth);
        if self.rng.bool() {
            builder = builder.optional();
        }
        if self.rng.u8(..4) == 0 {
            builder = builder.doc(Some("a \"doc\"".into()));
        }
        let schema = builder.clone().build_plain();
        let is_fixed = shape::fixed_size(&schema).unwrap().is_some();
        if self.rng.u8(..4) == 0 && schema.name().is_none() && !is_fixed {
            builder = builder.version(Some(self.rng.i32(1..9)));
            builder = builder.parameter("p", "1").parameter("a", "two");
        }
        let schema = builder.clone().build_plain();
        if self.rng.u8(..4) == 0 && !has_union(&schema) {
            let value = self.value(&shape::required(&schema));
            let value = rehomed(value, &schema);
            return builder.default_value(Some(value)).build().unwrap();
        }
        schema
    }

    fn builder(&mut self, kinds: usize, depth: usize) -> SchemaBuilder {
        match self.rng.usize(..kinds) {
            0 => SchemaBuilder::new(Kind::Int8),
            1 => SchemaBuilder::new(Kind::Int16),
            2 => SchemaBuilder::new(Kind::Int32),
            3 => SchemaBuilder::new(Kind::Int64),
            4 => SchemaBuilder::new(Kind::Float32),
            5 => SchemaBuilder::new(Kind::Float64),
            6 => SchemaBuilder::new(Kind::Boolean),
            7 => SchemaBuilder::new(Kind::String),
            8 => SchemaBuilder::new(Kind::Bytes),
            9 => logical::date(),
            10 => logical::time(),
            11 => logical::timestamp(),
            12 => {
                let builder = logical::decimal(self.rng.i32(-2..9));
                match self.rng.bool() {
                    true => builder.parameter(names::DECIMAL_PRECISION, "12"),
                    false => builder,
                }
            }
            13 => {
                let name = self.name();
                SchemaBuilder::new(Kind::Bytes)
                    .parameter(names::FIXED_SIZE, &self.rng.usize(..20).to_string())
                    .name(Some(name))
            }
            14 if self.enums => {
                let name = self.name();
                let builder = SchemaBuilder::new(Kind::String).parameter(names::ENUM, &name);
                ["Z", "B", "A"]
                    .iter()
                    .fold(builder, |builder, symbol| {
                        builder.parameter(&format!("{}.{symbol}", names::ENUM), symbol)
                    })
                    .name(Some(name))
            }
            14 | 15 => SchemaBuilder::new(Kind::String).name(Some("io.some.Text".into())),
            16 => SchemaBuilder::new(Kind::Array(self.schema(depth - 1))),
            17 => SchemaBuilder::new(Kind::Map {
                key: Schema::string(),
                value: self.schema(depth - 1),
            }),
            18 => {
                let key = match self.rng.bool() {
                    true => Schema::optional_string(),
                    false => self.schema(0),
                };
                let name = self.name();
                let value = self.schema(depth - 1);
                let key = match shape::is_union(&key) || key.default_value().is_some() {
                    true => Schema::int32(),
                    false => key,
                };
                let is_plain = *key.kind() == Kind::String && !key.is_optional();
                let key = if is_plain { Schema::optional_string() } else { key };
                SchemaBuilder::new(Kind::Map { key, value }).name(Some(name))
            }
            _ => {
                let name = match self.rng.u8(..4) {
                    0 => None,
                    _ => Some(self.name()),
                };
                let count = self.rng.usize(..5);
                let fields = (0..count).map(|at| (format!("f{at}").into(), self.field(depth - 1)));
                SchemaBuilder::structure(fields.collect()).unwrap().name(name)
            }
        }
    }

    /// The schema of a field. Reading an optional union gives it a mark, as its default is null.
    fn field(&mut self, depth: usize) -> Schema {
        let schema = self.schema(depth);
        match shape::is_union(&schema) && schema.is_optional() {
            true => schema.to_builder().parameter(names::FIELD_DEFAULT, "true").build_plain(),
            false => schema,
        }
    }

    fn union(&mut self, depth: usize) -> Schema {
        let mut fields: Vec<(Str, Schema)> = vec![
            ("int".into(), Schema::optional_int32()),
            ("string".into(), Schema::optional_string()),
        ];
        let count = self.rng.usize(..3);
        for _ in 0..count {
            let name = self.name();
            let simple = names::split(&name, false).1;
            let inner = vec![("x".into(), self.field(depth - 1))];
            let record = SchemaBuilder::structure(inner).unwrap().name(Some(name)).optional();
            fields.push((simple.into(), record.build_plain()));
        }
        self.rng.shuffle(&mut fields);
        SchemaBuilder::structure(fields)
            .unwrap()
            .name(Some(names::UNION.into()))
            .set_optional(self.rng.bool())
            .build_plain()
    }

    pub(super) fn value(&mut self, schema: &Schema) -> Value {
        // A default would stand in the place of null.
        if schema.is_optional() && schema.default_value().is_none() && self.rng.u8(..4) == 0 {
            return Value::Null;
        }
        if shape::is_union(schema) {
            let fields = schema.fields().unwrap().list();
            let mut values = vec![Value::Null; fields.len()];
            let at = self.rng.usize(..fields.len());
            values[at] = self.value(&shape::required(&fields[at].schema));
            values[at] = rehomed(values[at].clone(), &fields[at].schema);
            return Value::Struct(Arc::new(Struct::from_values(schema.clone(), values)));
        }
        if let Some(logical) = logical::Logical::of(schema) {
            return self.logical(logical, schema);
        }
        match schema.kind() {
            Kind::Int8 => Value::Int8(self.rng.i8(..)),
            Kind::Int16 => Value::Int16(self.rng.i16(..)),
            Kind::Int32 => Value::Int32(self.rng.i32(..) >> self.rng.u8(..32)),
            Kind::Int64 => Value::Int64(self.rng.i64(..) >> self.rng.u8(..64)),
            Kind::Float32 => Value::Float32(f32::from_bits(self.rng.u32(..))),
            Kind::Float64 => Value::Float64(f64::from_bits(self.rng.u64(..))),
            Kind::Boolean => Value::Boolean(self.rng.bool()),
            Kind::String => match shape::parameter(schema, names::ENUM) {
                Some(_) => Value::str(self.rng.choice(["Z", "B", "A"]).unwrap()),
                None => self.text(),
            },
            Kind::Bytes => {
                let size = shape::fixed_size(schema).unwrap();
                let size = size.map_or_else(|| self.rng.usize(..50), |size| size as usize);
                let bytes = (0..size).map(|_| self.rng.u8(..));
                Value::Bytes(Bytes::from(bytes.collect::<Vec<_>>()))
            }
            Kind::Array(element) => {
                let count = self.rng.usize(..4);
                Value::array((0..count).map(|_| self.value(element)).collect())
            }
            Kind::Map { key, value } => {
                let mut map = MapValue::default();
                for _ in 0..self.rng.usize(..4) {
                    map.insert(self.value(key), self.value(value));
                }
                Value::map(map)
            }
            Kind::Struct(fields) => {
                let values = fields.list().iter().map(|field| self.value(&field.schema));
                let values = values.collect();
                Value::Struct(Arc::new(Struct::from_values(schema.clone(), values)))
            }
        }
    }

    fn text(&mut self) -> Value {
        let count = self.rng.usize(..45);
        let text: String = (0..count).map(|_| self.rng.char('\0'..'\u{1000}')).collect();
        Value::str(&text)
    }

    fn logical(&mut self, logical: logical::Logical, schema: &Schema) -> Value {
        use logical::Logical;
        match logical {
            Logical::Decimal => {
                let unscaled = (self.rng.i64(..) >> self.rng.u8(..64)).into();
                Value::Decimal(Decimal { unscaled, scale: logical::scale(schema).unwrap() }.into())
            }
            Logical::Date => Value::Date(i64::from(self.rng.i32(..)) * logical::DAY_MS),
            Logical::Time => Value::Date(self.rng.i64(0..logical::DAY_MS)),
            Logical::Timestamp => Value::Date(self.rng.i64(..)),
        }
    }
}

/// The same value of a schema that differs in what is beside it.
fn rehomed(value: Value, schema: &Schema) -> Value {
    match value {
        Value::Struct(inner) => {
            let values = inner.values().to_vec();
            Value::Struct(Arc::new(Struct::from_values(schema.clone(), values)))
        }
        other => other,
    }
}

/// Whether there is a union in it, of whose defaults Confluent writes the first field alone.
fn has_union(schema: &Schema) -> bool {
    shape::is_union(schema)
        || match schema.kind() {
            Kind::Array(element) => has_union(element),
            Kind::Map { key, value } => has_union(key) || has_union(value),
            Kind::Struct(fields) => fields.list().iter().any(|field| has_union(&field.schema)),
            _ => false,
        }
}
