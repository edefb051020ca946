//! Properties that hold for all values, all documents and all bytes.

use std::sync::Arc;

use bytes::Bytes;
use bytestring::ByteString;
use gantry_model::logical::{self, DAY_MS};
use gantry_model::{Datum, Decimal, Kind, MapValue, Schema, SchemaBuilder, Struct, Value};
use proptest::collection::vec;
use proptest::prelude::*;

use super::{converter, read, write};
use crate::json::convert::Convert;
use crate::json::direct::Direct;
use crate::json::node::Nodes;
use crate::json::reader::Reader;

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z]{0,12}",
        vec(any::<char>(), 0..40).prop_map(|chars| chars.into_iter().collect()),
    ]
}

fn optional(schema: SchemaBuilder, optional: bool) -> Schema {
    schema.set_optional(optional).build().unwrap()
}

/// A schema without structure, and a value of it.
fn scalar() -> impl Strategy<Value = (SchemaBuilder, Value)> {
    let plain = |kind: Kind| move |value: Value| (SchemaBuilder::new(kind.clone()), value);
    prop_oneof![
        any::<bool>().prop_map(Value::Boolean).prop_map(plain(Kind::Boolean)),
        any::<i8>().prop_map(Value::Int8).prop_map(plain(Kind::Int8)),
        any::<i16>().prop_map(Value::Int16).prop_map(plain(Kind::Int16)),
        any::<i32>().prop_map(Value::Int32).prop_map(plain(Kind::Int32)),
        any::<i64>().prop_map(Value::Int64).prop_map(plain(Kind::Int64)),
        // Adding 0.0 makes -0.0 positive: Jackson reads no negative zero.
        proptest::num::f32::NORMAL
            .prop_map(|n| Value::Float32(n + 0.0))
            .prop_map(plain(Kind::Float32)),
        any::<f64>()
            .prop_filter("JSON has only finite numbers", |n| n.is_finite())
            .prop_map(|n| Value::Float64(n + 0.0))
            .prop_map(plain(Kind::Float64)),
        text().prop_map(|t| Value::str(&t)).prop_map(plain(Kind::String)),
        vec(any::<u8>(), 0..40)
            .prop_map(|bytes| Value::Bytes(bytes.into()))
            .prop_map(plain(Kind::Bytes)),
        (any::<i128>(), -5i32..40).prop_map(|(unscaled, scale)| {
            let decimal = Decimal { unscaled: unscaled.into(), scale };
            (logical::decimal(scale), Value::Decimal(Arc::new(decimal)))
        }),
        (-1_000_000i64..1_000_000).prop_map(|days| (logical::date(), Value::Date(days * DAY_MS))),
        (0..DAY_MS).prop_map(|ms| (logical::time(), Value::Date(ms))),
        any::<i64>().prop_map(|ms| (logical::timestamp(), Value::Date(ms))),
    ]
}

/// A schema, and two values of it.
fn data() -> impl Strategy<Value = (Schema, Vec<Value>)> {
    let leaf = (scalar(), any::<bool>()).prop_map(|((schema, value), is_optional)| {
        let other = if is_optional { Value::Null } else { value.clone() };
        (optional(schema, is_optional), vec![value, other])
    });
    leaf.prop_recursive(4, 48, 6, |inner| {
        prop_oneof![
            (inner.clone(), 0usize..4, any::<bool>()).prop_map(|((element, values), n, null)| {
                let schema = optional(SchemaBuilder::new(Kind::Array(element)), null);
                let list = values.into_iter().cycle().take(n).collect();
                (schema, vec![Value::array(list), Value::array(vec![])])
            }),
            (vec(text(), 0..20), inner.clone()).prop_map(|(keys, (schema, values))| {
                let mut map = MapValue::default();
                for (key, value) in keys.iter().zip(values.into_iter().cycle()) {
                    map.insert(Value::str(key), value);
                }
                let kind = Kind::Map { key: Schema::string(), value: schema };
                (optional(SchemaBuilder::new(kind), false), vec![Value::map(map)])
            }),
            (vec(any::<i32>(), 0..20), inner.clone()).prop_map(|(keys, (schema, values))| {
                let mut map = MapValue::default();
                for (key, value) in keys.iter().zip(values.into_iter().cycle()) {
                    map.insert(Value::Int32(*key), value);
                }
                let kind = Kind::Map { key: Schema::int32(), value: schema };
                (optional(SchemaBuilder::new(kind), false), vec![Value::map(map)])
            }),
            (vec(inner, 0..5), text(), any::<bool>()).prop_map(|(fields, name, null)| {
                let named = |at: usize| format!("f{at}{name}").into();
                let schemas =
                    fields.iter().enumerate().map(|(at, (s, _))| (named(at), s.clone())).collect();
                let builder = SchemaBuilder::structure(schemas).unwrap();
                let schema = optional(builder.name(Some(name.as_str().into())), null);
                let values = |last: bool| {
                    let pick = |values: &Vec<Value>| {
                        if last { values.last() } else { values.first() }.cloned().unwrap()
                    };
                    let values = fields.iter().map(|(_, values)| pick(values)).collect();
                    Value::Struct(Arc::new(Struct::from_values(schema.clone(), values)))
                };
                (schema.clone(), vec![values(false), values(true)])
            }),
        ]
    })
}

proptest! {
    #[test]
    fn values_with_schemas_make_the_round_trip((schema, values) in data(), numeric: bool) {
        let format = if numeric { "NUMERIC" } else { "BASE64" };
        let mut json = converter(&[("decimal.format", format)]);
        for value in values {
            let datum = Datum::new(schema.clone(), value);
            let bytes = write(&mut json, &datum).unwrap();
            // Whatever else it is, it is JSON.
            serde_json::from_slice::<serde_json::Value>(&bytes).unwrap();
            let back = read(&mut json, bytes).unwrap();
            if numeric {
                // A number does not keep zeros that stand before the point.
                prop_assert_eq!(back.schema, datum.schema);
            } else {
                prop_assert_eq!(back, datum);
            }
        }
    }

    #[test]
    fn both_ways_of_reading_agree((schema, values) in data()) {
        let mut json = converter(&[("schemas.enable", "false")]);
        for value in values {
            let bytes = write(&mut json, &Datum::new(schema.clone(), value)).unwrap();
            let source = ByteString::try_from(bytes).unwrap();
            let mut reader = Reader::new(&source, false);
            let direct = Direct {
                reader: &mut reader,
                source: &source,
                replace_null_with_default: true,
            }
            .value(&schema);
            let node = Reader::new(&source, false).root(&Nodes).unwrap().unwrap();
            let tree = Convert::new(&source, true).value(Some(&schema), Some(&node)).unwrap();
            prop_assert_eq!(direct, Some(tree));
        }
    }

    #[test]
    fn any_bytes_are_read_without_a_panic(bytes in vec(any::<u8>(), 0..200)) {
        for enable in ["true", "false"] {
            let _ = read(&mut converter(&[("schemas.enable", enable)]), bytes.clone());
        }
    }

    #[test]
    fn broken_documents_are_read_without_a_panic(
        (schema, values) in data(),
        changes in vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        length: prop::sample::Index,
    ) {
        let mut json = converter(&[]);
        for value in values {
            let mut bytes = write(&mut json, &Datum::new(schema.clone(), value)).unwrap().to_vec();
            for (at, byte) in &changes {
                let at = at.index(bytes.len());
                bytes[at] = *byte;
            }
            let _ = read(&mut json, bytes.clone());
            bytes.truncate(length.index(bytes.len()));
            let _ = read(&mut json, bytes);
        }
    }

    #[test]
    fn documents_are_read_as_serde_reads_them(text in documents()) {
        let expected: serde_json::Value = serde_json::from_str(&text).unwrap();
        let mut json = converter(&[("schemas.enable", "false")]);
        let datum = read(&mut json, Bytes::from(text)).unwrap();
        let again = write(&mut json, &datum);
        if let Ok(bytes) = again {
            prop_assert_eq!(serde_json::from_slice::<serde_json::Value>(&bytes).unwrap(), expected);
        } else {
            prop_assert!(expected.is_null());
        }
    }
}

/// JSON with whole numbers, blanks and all escapes.
fn documents() -> impl Strategy<Value = String> {
    let string = text().prop_map(|text| {
        text.encode_utf16().map(|unit| format!("\\u{unit:04X}")).collect::<String>()
    });
    let leaf = prop_oneof![
        Just("true".to_owned()),
        Just("[ ]".to_owned()),
        any::<i64>().prop_map(|n| n.to_string()),
        string.prop_map(|text| format!("\"{text}\"")),
        text().prop_map(|text| serde_json::to_string(&text).unwrap()),
    ];
    leaf.prop_recursive(4, 64, 20, |inner| {
        prop_oneof![
            vec(inner.clone(), 1..5).prop_map(|list| format!("[{}]", list.join(" ,\n"))),
            vec((text(), inner), 1..25).prop_map(|fields| {
                let fields: Vec<String> = fields
                    .into_iter()
                    .map(|(name, value)| {
                        format!("{} : {value}", serde_json::to_string(&name).unwrap())
                    })
                    .collect();
                format!("{{{}}}", fields.join(","))
            }),
        ]
    })
}
