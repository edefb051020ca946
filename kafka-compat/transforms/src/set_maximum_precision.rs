//! RocketMQ Connect's SetMaximumPrecision: limits the precision that schemas of decimals declare.

use std::sync::Arc;

use gantry_model::config::{ConfigDef, ConfigKey, Importance, ParsedConfig, Type, Validator};
use gantry_model::logical::DECIMAL;
use gantry_model::plugin::{Fate, Plugin, Transformation};
use gantry_model::{ConnectRecord, Datum, Error, Field, Result, Schema, Str, Struct, Value};

use crate::support::{
    SchemaCache, Side, fields_of, rocketmq_keyed, schema_of, struct_of, struct_values, with_fields,
};

const PURPOSE: &str = "set maximum precision";
const PRECISION_MAX: &str = "precision.max";
/// The parameter of a schema that declares the precision.
const PRECISION: &str = "connect.decimal.precision";
/// What counts where a schema declares none.
const PRECISION_DEFAULT: i32 = 64;

struct SetMaximumPrecision {
    side: Side,
    max: i32,
    /// `None` where no field declares more.
    schemas: SchemaCache<Option<Schema>>,
}

pub(crate) fn plugins() -> [Plugin<dyn Transformation>; 2] {
    rocketmq_keyed("SetMaximumPrecision", config, |config: &ParsedConfig, side| {
        let max = config.long(PRECISION_MAX).and_then(|max| i32::try_from(max).ok());
        let max = max.unwrap_or(PRECISION_DEFAULT);
        Ok(Box::new(SetMaximumPrecision { side, max, schemas: SchemaCache::new() }))
    })
}

fn config() -> ConfigDef {
    ConfigDef::new().define(
        ConfigKey::required(
            PRECISION_MAX,
            Type::Int,
            Importance::High,
            "The most digits that the schema of a decimal field may declare, in its parameter \
             connect.decimal.precision; 64 where it declares none. Values are not changed.",
        )
        .validator(Validator::at_least(1)),
    )
}

/// Whether a field is a decimal that declares more digits than allowed.
fn exceeds(field: &Field, max: i32) -> Result<bool> {
    if field.schema.name().is_none_or(|name| &**name != DECIMAL) {
        return Ok(false);
    }
    let declared = field.schema.parameters().and_then(|parameters| parameters.get(PRECISION));
    let digits = match declared {
        None => PRECISION_DEFAULT,
        Some(text) => text.parse().map_err(|_| {
            Error::data(format!(
                "Schema of field \"{}\" has parameter {PRECISION} \"{text}\", which is no whole \
                 number, for [{PURPOSE}]",
                field.name
            ))
        })?,
    };
    Ok(digits > max)
}

fn limited(source: &Schema, max: i32) -> Result<Option<Schema>> {
    let old = fields_of(source)?.list();
    let mut changed = false;
    let mut fields = Vec::with_capacity(old.len());
    for field in old {
        let schema = if exceeds(field, max)? {
            changed = true;
            field.schema.to_builder().parameter(PRECISION, &max.to_string()).build_plain()
        } else {
            field.schema.clone()
        };
        fields.push((Str::clone(&field.name), schema));
    }
    if changed { with_fields(source, fields).map(Some) } else { Ok(None) }
}

impl Transformation for SetMaximumPrecision {
    fn apply(&mut self, record: &mut ConnectRecord) -> Result<Fate> {
        let Self { side, max, schemas } = self;
        let Datum { schema, value } = side.datum_mut(record);
        if value.is_null() {
            return Ok(Fate::Keep);
        }
        schema_of(schema.as_ref(), PURPOSE)?;
        let inner = struct_of(value, PURPOSE)?;
        *value = match schemas.get(inner.schema(), |source| limited(source, *max))? {
            None => Value::Struct(inner),
            Some(limited) => {
                *schema = Some(limited.clone());
                let values = struct_values(inner);
                Value::Struct(Arc::new(Struct::from_values(limited.clone(), values)))
            }
        };
        Ok(Fate::Keep)
    }
}

#[cfg(test)]
mod tests {
    use gantry_model::{Decimal, Kind, SchemaBuilder};

    use super::*;
    use crate::tests::{Change, error_text, make, map, record, struct_record};

    const CLASS: &str = "SetMaximumPrecision$Value";

    fn decimal(precision: Option<&str>) -> Schema {
        let builder = SchemaBuilder::new(Kind::Bytes).name(Some(DECIMAL.into())).version(Some(1));
        let builder = builder.parameter("scale", "2").optional();
        match precision {
            Some(digits) => builder.parameter(PRECISION, digits).build_plain(),
            None => builder.build_plain(),
        }
    }

    fn decimals(fields: &[(&str, Schema)]) -> ConnectRecord {
        let listed = fields.iter().map(|(name, schema)| ((*name).into(), schema.clone()));
        let builder = SchemaBuilder::structure(listed.collect()).expect("distinct");
        let schema = builder.name(Some("n".into())).version(Some(7)).optional().build_plain();
        let value = Value::Decimal(Arc::new(Decimal { unscaled: 125.into(), scale: 2 }));
        let values = vec![value; fields.len()];
        let inner = Struct::from_values(schema.clone(), values);
        let mut record = record(Value::Struct(Arc::new(inner)));
        record.value.schema = Some(schema);
        record
    }

    fn precisions(schema: &Schema) -> Vec<Option<String>> {
        let list = schema.fields().expect("fields").list();
        let of = |field: &Field| field.schema.parameters()?.get(PRECISION).map(|p| p.to_string());
        list.iter().map(of).collect()
    }

    #[test]
    fn only_what_is_declared_and_too_much_is_lowered() {
        let mut t = make(CLASS, &[("precision.max", "38")]).expect("valid");
        let fields = [
            ("none", decimal(None)),
            ("much", decimal(Some("50"))),
            ("just", decimal(Some("38"))),
            ("few", decimal(Some("5"))),
        ];
        let input = decimals(&fields);
        let out = t.change(input.clone()).expect("applies").expect("kept");
        let schema = out.value.schema.expect("a schema");
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(precisions(&schema), [some("38"), some("38"), some("38"), some("5")]);
        assert_eq!(schema.name().map(|name| &**name), Some("n"));
        assert_eq!((schema.version(), schema.is_optional()), (Some(7), true));
        let field = schema.field("much").expect("a field");
        assert_eq!(field.schema.parameters().expect("some").get("scale").map(|s| &**s), Some("2"));
        assert_eq!((field.schema.version(), field.schema.is_optional()), (Some(1), true));
        let (Value::Struct(old), Value::Struct(new)) = (&input.value.value, &out.value.value)
        else {
            panic!("structs")
        };
        assert_eq!(old.values(), new.values());
        assert!(new.schema().same(&schema));
        let again = t.change(input).expect("applies").expect("kept");
        assert!(again.value.schema.expect("a schema").same(&schema), "built once");
    }

    #[test]
    fn without_decimals_nothing_is_built() {
        let mut t = make(CLASS, &[("precision.max", "38")]).expect("valid");
        let input = struct_record();
        let out = t.change(input.clone()).expect("applies").expect("kept");
        assert_eq!(out.value, input.value);
        let mut tombstone = struct_record();
        tombstone.value.value = Value::Null;
        for null in [tombstone, record(Value::Null)] {
            let out = t.change(null.clone()).expect("applies").expect("kept");
            assert_eq!(out.value, null.value);
        }
    }

    #[test]
    fn what_cannot_be_limited_is_refused() {
        let mut t = make(CLASS, &[("precision.max", "38")]).expect("valid");
        assert_eq!(
            error_text(t.change(record(map(&[])))),
            "Schema required for [set maximum precision]"
        );
        let mut text = record(Value::str("a"));
        text.value.schema = Some(Schema::string());
        assert_eq!(
            error_text(t.change(text)),
            "Only Struct objects supported for [set maximum precision], found: java.lang.String"
        );
        let text = error_text(t.change(decimals(&[("d", decimal(Some("x")))])));
        assert!(text.starts_with("Schema of field \"d\" has parameter"), "{text}");
    }

    #[test]
    fn the_limit_is_a_number_of_digits() {
        assert!(error_text(make(CLASS, &[])).contains("\"precision.max\""));
        for bad in ["0", "x"] {
            let text = error_text(make(CLASS, &[("precision.max", bad)]));
            assert!(text.starts_with(&format!("Invalid value {bad} for ")), "{text}");
        }
    }
}
