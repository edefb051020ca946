//! Values in Avro's binary encoding, as a file of options may have them.

use std::sync::Arc;

use gantry_api::{Kind as ConnectKind, Schema, Struct, Value};

use crate::datagen::confluent::avro::{Avro, Kind};
use crate::datagen::confluent::connect::{Branches, branch_name, branches};
use crate::datagen::confluent::literal::{Form, hash_map, in_union};

type Result<T> = std::result::Result<T, String>;

/// Items of one block of a list or map, which may take no bytes at all.
const ITEMS_MAX: u64 = 16 * 1024 * 1024;

/// All values in these bytes, one behind the other. The error is a reason.
pub(super) fn all(avro: &Avro, schema: &Schema, bytes: &[u8]) -> Result<Vec<Value>> {
    let mut input = Input(bytes);
    let mut values = Vec::new();
    while !input.0.is_empty() {
        let before = input.0.len();
        values.push(input.value(avro, schema)?);
        if input.0.len() == before {
            return Err("its values take no bytes".to_owned());
        }
    }
    Ok(values)
}

/// What is not read yet.
struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or("it ends within a value")?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        self.take(N)?.try_into().map_err(|_| "it ends within a value".to_owned())
    }

    /// Seven bits in each byte, the lowest first; the lowest of all is the sign.
    fn long(&mut self) -> Result<i64> {
        let mut number = 0_u64;
        for shift in (0..64).step_by(7) {
            let [byte] = self.array()?;
            number |= u64::from(byte & 0x7F) << shift;
            if byte & 0x80 == 0 {
                return Ok((number >> 1) as i64 ^ -((number & 1) as i64));
            }
        }
        Err("a number is too long".to_owned())
    }

    fn sized(&mut self) -> Result<&'a [u8]> {
        let size = self.long()?;
        self.take(usize::try_from(size).map_err(|_| format!("a length is {size}"))?)
    }

    fn text(&mut self) -> Result<&'a str> {
        std::str::from_utf8(self.sized()?).map_err(|error| error.to_string())
    }

    fn value(&mut self, avro: &Avro, schema: &Schema) -> Result<Value> {
        Ok(match &avro.kind {
            Kind::Null => Value::Null,
            Kind::Boolean => Value::Boolean(self.array::<1>()? != [0]),
            Kind::Int => {
                let number = self.long()?;
                let number = i32::try_from(number).map_err(|_| format!("no int: {number}"))?;
                Form::of(schema)?.int(number)?
            }
            Kind::Long => Form::of(schema)?.long(self.long()?),
            Kind::Float => Value::Float32(f32::from_le_bytes(self.array()?)),
            Kind::Double => Value::Float64(f64::from_le_bytes(self.array()?)),
            Kind::Bytes => Form::of(schema)?.bytes(self.sized()?.to_vec())?,
            Kind::Fixed(_, size) => Form::of(schema)?.bytes(self.take(*size)?.to_vec())?,
            Kind::String => Value::str(self.text()?),
            Kind::Enum(_, symbols) => {
                let place = usize::try_from(self.long()?).ok();
                let symbol = place.and_then(|place| symbols.list.get(place));
                Value::str(symbol.ok_or("an enum has no such symbol")?)
            }
            Kind::Array(items) => {
                let ConnectKind::Array(element) = schema.kind() else { return Err(unfit(avro)) };
                Value::array(self.blocks(|input| input.value(items, element))?)
            }
            Kind::Map(values) => {
                let ConnectKind::Map { value, .. } = schema.kind() else { return Err(unfit(avro)) };
                let entry =
                    |input: &mut Self| Ok((Value::str(input.text()?), input.value(values, value)?));
                hash_map(self.blocks(entry)?)
            }
            Kind::Union(all) => self.union(all, schema)?,
            Kind::Record(_, fields) => {
                let own = schema.fields().ok_or_else(|| unfit(avro))?;
                let values = fields.iter().zip(own.list());
                let values = values.map(|(field, own)| self.value(&field.schema, &own.schema));
                let values = values.collect::<Result<_>>()?;
                Value::Struct(Arc::new(Struct::from_values(Schema::clone(schema), values)))
            }
        })
    }

    /// The items of blocks, up to the empty one.
    fn blocks<T>(&mut self, item: impl Fn(&mut Self) -> Result<T>) -> Result<Vec<T>> {
        let mut items = Vec::new();
        loop {
            let count = self.long()?;
            if count == 0 {
                return Ok(items);
            }
            if count < 0 {
                // How many bytes the block takes.
                self.long()?;
            }
            let count = count.unsigned_abs();
            if count > ITEMS_MAX {
                return Err(format!("a block of {count} items is larger than {ITEMS_MAX}"));
            }
            for _ in 0..count {
                items.push(item(self)?);
            }
        }
    }

    fn union(&mut self, all: &[Arc<Avro>], schema: &Schema) -> Result<Value> {
        let place = usize::try_from(self.long()?).ok();
        let branch = place.and_then(|place| all.get(place)).ok_or("a union has no such type")?;
        if branch.is_null() {
            return Ok(Value::Null);
        }
        if let Branches::One(only) = branches(all) {
            return self.value(only, schema);
        }
        let field = schema.field(branch_name(branch)).ok_or_else(|| unfit(branch))?;
        Ok(in_union(schema, field.index, self.value(branch, &field.schema)?))
    }
}

fn unfit(avro: &Avro) -> String {
    format!("the Connect schema of {} is of another type", avro.name())
}

#[cfg(test)]
mod tests {
    use super::super::super::{avro, connect};
    use super::*;

    fn read(type_: &str, bytes: &[u8]) -> Result<Vec<Value>> {
        let avro = avro::parse(type_)?;
        all(&avro, &connect::schema(&avro)?, bytes)
    }

    #[test]
    fn values_are_read() {
        for (type_, bytes, expected) in [
            (
                r#""int""#,
                &[2, 1, 0x80, 1][..],
                vec![1, -1, 64].into_iter().map(Value::Int32).collect(),
            ),
            (r#""string""#, b"\x04ab\x00", vec![Value::str("ab"), Value::str("")]),
            (r#"["null","boolean"]"#, &[0, 2, 1], vec![Value::Null, Value::Boolean(true)]),
            (r#""double""#, &2.5_f64.to_le_bytes(), vec![Value::Float64(2.5)]),
            (
                r#"{"type":"array","items":"long"}"#,
                &[2, 6, 1, 2, 8, 0],
                vec![Value::array(vec![Value::Int64(3), Value::Int64(4)])],
            ),
            (r#"{"type":"enum","name":"E","symbols":["X","Y"]}"#, &[2], vec![Value::str("Y")]),
        ] {
            assert_eq!(read(type_, bytes).as_deref(), Ok(&expected[..]), "{type_}");
        }
        let record = r#"{"type":"record","name":"R","fields":[{"name":"a","type":"float"},
            {"name":"b","type":{"type":"map","values":"bytes"}}]}"#;
        let mut bytes = 1.5_f32.to_le_bytes().to_vec();
        bytes.extend(b"\x02\x02k\x02v\x00");
        let found = read(record, &bytes).unwrap();
        let [Value::Struct(inner)] = found.as_slice() else { panic!("{found:?}") };
        assert_eq!(inner.get("a").unwrap(), &Value::Float32(1.5));
        assert!(matches!(inner.get("b").unwrap(), Value::Map(map)
            if map.get("k") == Some(&Value::Bytes("v".into()))));
    }

    #[test]
    fn what_is_no_value() {
        for (type_, bytes) in [
            (r#""string""#, &[4, b'a'][..]),
            (r#""string""#, &[1]),
            (r#""int""#, &[0xFF; 11]),
            (r#""int""#, &[0xFE, 0xFF, 0xFF, 0xFF, 0x7F]),
            (r#"["null","int"]"#, &[4]),
            (r#"{"type":"array","items":"int"}"#, &[0xFE, 0xFF, 0xFF, 0xFF, 0x7F]),
            (r#"{"type":"fixed","name":"F","size":0}"#, &[1]),
        ] {
            assert!(read(type_, bytes).is_err(), "{type_} {bytes:?}");
        }
    }
}
