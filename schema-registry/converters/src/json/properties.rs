//! Properties that hold for any schema, value or text.

use gantry_model::plugin::Props;
use gantry_model::{Decimal, Fields, Kind, MapValue, SchemaBuilder, Struct, logical};
use proptest::prelude::*;

use super::*;
use crate::fuzzing::there_and_back;

/// A schema that Confluent's round trip keeps, and a value of it.
type Typed = (Schema, Value);

fn scalar() -> impl Strategy<Value = Typed> {
    let of = |kind: Kind, value: Value| (SchemaBuilder::new(kind).build_plain(), value);
    prop_oneof![
        any::<bool>().prop_map(move |v| of(Kind::Boolean, Value::Boolean(v))),
        any::<i8>().prop_map(move |v| of(Kind::Int8, Value::Int8(v))),
        any::<i16>().prop_map(move |v| of(Kind::Int16, Value::Int16(v))),
        any::<i32>().prop_map(move |v| of(Kind::Int32, Value::Int32(v))),
        any::<i64>().prop_map(move |v| of(Kind::Int64, Value::Int64(v))),
        // Java's decimals have no -0.
        any::<f32>().prop_map(move |v| of(Kind::Float32, Value::Float32(v + 0.0))),
        any::<f64>().prop_map(move |v| of(Kind::Float64, Value::Float64(v + 0.0))),
        any::<String>().prop_map(move |v| of(Kind::String, Value::str(&v))),
        any::<Vec<u8>>().prop_map(move |v| of(Kind::Bytes, Value::Bytes(v.into()))),
        (any::<i64>(), 0..5i32).prop_map(|(unscaled, scale)| {
            let decimal = Decimal { unscaled: unscaled.into(), scale };
            (logical::decimal(scale).build().unwrap(), Value::Decimal(decimal.into()))
        }),
        (-100_000..100_000i64)
            .prop_map(|d| (logical::date().build().unwrap(), Value::Date(d * 86_400_000))),
        (0..86_400_000i64).prop_map(|ms| (logical::time().build().unwrap(), Value::Date(ms))),
        any::<i64>().prop_map(|ms| (logical::timestamp().build().unwrap(), Value::Date(ms))),
    ]
}

fn typed() -> impl Strategy<Value = Typed> {
    scalar().prop_recursive(4, 24, 6, |inner| {
        let field = (inner.clone(), any::<bool>(), any::<bool>());
        prop_oneof![
            (inner.clone(), 0..4usize).prop_map(|((schema, value), count)| {
                let schema = SchemaBuilder::new(Kind::Array(schema)).build_plain();
                (schema, Value::array(vec![value; count]))
            }),
            (inner.clone(), proptest::collection::hash_set(any::<String>(), 0..4)).prop_map(
                |((schema, value), keys)| {
                    let keys = keys.into_iter().map(|key| (Value::str(&key), value.clone()));
                    let map = MapValue::from_entries(keys.collect());
                    let kind = Kind::Map { key: Schema::string(), value: schema };
                    (SchemaBuilder::new(kind).build_plain(), Value::map(map))
                }
            ),
            (inner, proptest::collection::hash_set(any::<i32>(), 0..4)).prop_map(
                |((schema, value), keys)| {
                    let keys = keys.into_iter().map(|key| (Value::Int32(key), value.clone()));
                    let map = MapValue::from_entries(keys.collect());
                    let kind = Kind::Map { key: Schema::int32(), value: schema };
                    (SchemaBuilder::new(kind).build_plain(), Value::map(map))
                }
            ),
            proptest::collection::btree_map("[a-zé\" ]{1,8}", field, 0..9)
                .prop_map(|fields| structure(fields.into_iter().collect())),
        ]
    })
}

fn structure(parts: Vec<(String, (Typed, bool, bool))>) -> Typed {
    let mut fields = Vec::new();
    let mut values = Vec::new();
    for (name, ((schema, value), optional, null)) in parts {
        let schema = schema.to_builder().set_optional(optional).build_plain();
        // A struct's value has the schema that it stands under.
        let value = match value {
            Value::Struct(inner) => {
                let inner = Arc::unwrap_or_clone(inner);
                Value::Struct(Struct::from_values(schema.clone(), inner.into_values()).into())
            }
            other => other,
        };
        values.push(if optional && null { Value::Null } else { value });
        fields.push((name.as_str().into(), schema));
    }
    let fields = Kind::Struct(Fields::new(fields).unwrap().into());
    let schema = SchemaBuilder::new(fields).doc(Some("a doc".into())).build_plain();
    (schema.clone(), Value::Struct(Struct::from_values(schema, values).into()))
}

/// Optional or not, with a name, as the outermost.
fn document() -> impl Strategy<Value = Typed> {
    (typed(), any::<bool>(), proptest::option::of(1..9i32)).prop_map(
        |((schema, value), optional, version)| {
            let version = schema.version().or(version);
            let schema = schema.to_builder().set_optional(optional).version(version).build_plain();
            let value = match value {
                Value::Struct(inner) => {
                    let inner = Arc::unwrap_or_clone(inner);
                    Value::Struct(Struct::from_values(schema.clone(), inner.into_values()).into())
                }
                other => other,
            };
            (schema, value)
        },
    )
}

fn format(pairs: &[(&str, &str)]) -> JsonSchemaFormat {
    let props: Props =
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    let config = JsonSchemaFormat::define(ConfigDef::new()).parse(&props).unwrap();
    JsonSchemaFormat::new(&config).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn values_and_schemas_make_the_round_trip(
        (schema, value) in document(),
        numeric: bool,
        closed: bool,
        indent: bool,
    ) {
        let format = format(&[
            ("decimal.format", if numeric { "NUMERIC" } else { "BASE64" }),
            ("object.additional.properties", if closed { "false" } else { "true" }),
            ("json.indent.output", if indent { "true" } else { "false" }),
        ]);
        let text = format.translate(Some(&schema)).unwrap();
        let own = Arc::new(JsonSchema::load(&text, &[], true).unwrap());
        prop_assert_eq!(own.canonical(), &text);
        let mut writer = format.writer(Some(&schema), &own).unwrap();
        let mut out = Vec::new();
        prop_assert!(format.write(&mut writer, &value, &mut out).unwrap());
        let json: serde_json::Value = serde_json::from_slice(&out).unwrap();
        // What is written is valid, but for numbers that JSON has not and are texts.
        let finite = !String::from_utf8_lossy(&out).contains("NaN")
            && !String::from_utf8_lossy(&out).contains("Infinity");
        if finite {
            prop_assert_eq!(own.validate(&json), Ok(()));
        }
        let mut reader = format.reader(&own, schema.version(), &[]).unwrap();
        let back = format.read(&mut reader, &Bytes::from(out)).unwrap();
        prop_assert_eq!(back.schema.as_ref(), Some(&schema));
        prop_assert_eq!(back.value, value);
    }

    #[test]
    fn a_shape_fits_itself((schema, _) in document()) {
        let format = format(&[]);
        let text = format.translate(Some(&schema)).unwrap();
        // Another text for the same schema, so that it is looked at.
        let other = text.replacen('{', "{\"$comment\":\"another\",", 1);
        let other = Arc::new(JsonSchema::load(&other, &[], true).unwrap());
        prop_assert!(format.writer(Some(&schema), &other).is_ok());
    }

    #[test]
    fn reading_any_bytes_ends(
        (schema, _) in document(),
        bytes: Vec<u8>,
        text in "[\\[\\]{}\",:0-9a-z.eE+\\- nulltrue]{0,40}",
    ) {
        let format = format(&[("preserve.additional.properties", "true")]);
        let own = format.translate(Some(&schema)).unwrap();
        for payload in [bytes.as_slice(), text.as_bytes()] {
            drop(there_and_back::<JsonSchemaFormat>(&Props::new(), &own, payload));
            drop(there_and_back::<JsonSchemaFormat>(&Props::new(), &text, payload));
        }
    }

    #[test]
    fn reading_data_that_were_cut_or_changed_ends(
        (schema, value) in document(),
        cut: prop::sample::Index,
        byte: u8,
    ) {
        let format = format(&[]);
        let text = format.translate(Some(&schema)).unwrap();
        let own = Arc::new(JsonSchema::load(&text, &[], true).unwrap());
        let mut writer = format.writer(Some(&schema), &own).unwrap();
        let mut out = Vec::new();
        format.write(&mut writer, &value, &mut out).unwrap();
        let at = cut.index(out.len());
        let mut changed = out.clone();
        changed[at] = byte;
        out.truncate(at);
        let mut reader = format.reader(&own, None, &[]).unwrap();
        for payload in [out, changed] {
            if let Err(error) = format.read(&mut reader, &Bytes::from(payload)) {
                prop_assert!(!error.message().is_empty());
            }
        }
    }
}
