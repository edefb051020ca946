//! Cases of the data model itself: values, schemas, projection.

use gantry_model::{Datum, Result, Schema, Value, project, values};
use serde_json::{Value as Json, json};

use super::decode::{broken, decode_schema, decode_value};
use super::encode::{encode_datum, encode_schema, encode_value};
use super::input::Input;

/// Runs a case; `None` if the operation is unknown.
pub(super) fn run(op: &str, case: &Input) -> Option<Result<Json>> {
    Some(match op {
        "values_parse" => Ok(parse(case)),
        "values_infer" => infer(case),
        "values_string" => string(case),
        "values_convert" => convert(case),
        "project" => project_value(case),
        "schema_build" => {
            decode_schema(case.get("schema")).map(|s| json!({"schema": encode_schema(s.as_ref())}))
        }
        "validate_value" => validate(case),
        "struct_validate" => validate_struct(case),
        _ => return None,
    })
}

fn text<'a>(case: &'a Input, key: &str) -> Option<&'a str> {
    case.get(key).and_then(Input::as_str)
}

fn input(case: &Input) -> Result<(Option<Schema>, Value)> {
    let schema = decode_schema(case.get("schema"))?;
    let value = decode_value(case.get("value"), schema.as_ref())?;
    Ok((schema, value))
}

fn required(case: &Input, key: &str) -> Result<Schema> {
    decode_schema(case.get(key))?.ok_or_else(|| broken("no schema", case))
}

fn parse(case: &Input) -> Json {
    match text(case, "text") {
        Some(text) => {
            let datum = values::parse_string(text);
            // Java has no datum at all for the text `null`.
            if datum == Datum::NULL {
                return json!({"schemaAndValue": null});
            }
            encode_datum(&datum)
        }
        None => json!({"schema": null, "value": null}),
    }
}

fn infer(case: &Input) -> Result<Json> {
    let value = decode_value(case.get("value"), None)?;
    Ok(json!({"schema": encode_schema(values::infer_schema(&value)?.as_ref())}))
}

fn string(case: &Input) -> Result<Json> {
    let (schema, value) = input(case)?;
    Ok(json!({"text": values::convert_to_string(schema.as_ref(), &value)?}))
}

fn convert(case: &Input) -> Result<Json> {
    let (schema, value) = input(case)?;
    let schema = schema.as_ref();
    let scale = case.get("scale").and_then(Input::as_i64).unwrap_or(0) as i32;
    let out = match text(case, "to").unwrap_or_default() {
        "Boolean" => values::convert_to_boolean(schema, &value)?.map(Value::Boolean),
        "Byte" => values::convert_to_byte(schema, &value)?.map(Value::Int8),
        "Short" => values::convert_to_short(schema, &value)?.map(Value::Int16),
        "Integer" => values::convert_to_int(schema, &value)?.map(Value::Int32),
        "Long" => values::convert_to_long(schema, &value)?.map(Value::Int64),
        "Float" => values::convert_to_float(schema, &value)?.map(Value::Float32),
        "Double" => values::convert_to_double(schema, &value)?.map(Value::Float64),
        "String" => values::convert_to_string(schema, &value)?.map(|text| Value::str(&text)),
        "List" => values::convert_to_list(schema, &value)?.map(Value::Array),
        "Map" => values::convert_to_map(schema, &value)?.map(Value::Map),
        "Struct" => values::convert_to_struct(schema, &value)?.map(Value::Struct),
        "Date" => values::convert_to_date(schema, &value)?.map(Value::Date),
        "Time" => values::convert_to_time(schema, &value)?.map(Value::Date),
        "Timestamp" => values::convert_to_timestamp(schema, &value)?.map(Value::Date),
        "Decimal" => values::convert_to_decimal(schema, &value, scale)?
            .map(|decimal| Value::Decimal(decimal.into())),
        _ => return Err(broken("unknown target", case)),
    };
    Ok(json!({"value": encode_value(&out.unwrap_or_default(), None)}))
}

fn project_value(case: &Input) -> Result<Json> {
    let (source, target) = (required(case, "source")?, required(case, "target")?);
    let value = decode_value(case.get("value"), Some(&source))?;
    let out = project::project(&source, &value, &target)?;
    Ok(json!({"value": encode_value(&out, Some(&target))}))
}

fn validate(case: &Input) -> Result<Json> {
    let schema = required(case, "schema")?;
    let context = case.get("ctx").and_then(Input::as_bool).unwrap_or(true);
    let value = decode_value(case.get("value"), context.then_some(&schema))?;
    schema.validate(&value)?;
    Ok(json!({"ok": true}))
}

fn validate_struct(case: &Input) -> Result<Json> {
    match input(case)?.1 {
        Value::Struct(inner) => inner.validate()?,
        _ => return Err(broken("no struct", case)),
    }
    Ok(json!({"ok": true}))
}
