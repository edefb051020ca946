//! Cases that run a plugin by its class name. `None`: the class is not there yet.

use gantry_model::plugin::{
    CONVERTER_TYPE, Converter, HeaderConverter, Plugin, Predicate, Props, Transformation,
};
use gantry_model::{Datum, Result};
use serde_json::{Map, Value as Json, json};

use super::codec::{
    broken, decode_record, decode_schema, decode_value, encode_datum, encode_error, encode_record,
    hex, unhex,
};

/// Runs a case on the plugin it names.
pub(super) fn run(op: &str, case: &Json) -> Option<Result<Json>> {
    let class = case.get("class").and_then(Json::as_str).unwrap_or_default();
    let mut props = config(case);
    match op {
        "smt" => {
            let plugin = find(gantry_transforms::transformations(), class)?;
            Some(staged(plugin.create(&props), |made| transform(made, case)))
        }
        "predicate" => {
            let plugin = find(gantry_transforms::predicates(), class)?;
            Some(staged(plugin.create(&props), |made| test(made, case)))
        }
        "conv_from" | "conv_to" => {
            let plugin = find(gantry_converters::converters(), class)?;
            let key = case.get("isKey").and_then(Json::as_bool).unwrap_or(false);
            let kind = if key { "key" } else { "value" };
            props.entry(CONVERTER_TYPE.to_owned()).or_insert_with(|| kind.to_owned());
            Some(staged(plugin.create(&props), |made| convert(made, op == "conv_from", case)))
        }
        "hconv_from" | "hconv_to" => {
            let plugin = find(gantry_converters::header_converters(), class)?;
            props.entry(CONVERTER_TYPE.to_owned()).or_insert_with(|| "header".to_owned());
            Some(
                plugin
                    .create(&props)
                    .and_then(|mut made| convert_header(made.as_mut(), op == "hconv_from", case)),
            )
        }
        _ => None,
    }
}

fn find<T: ?Sized>(plugins: Vec<Plugin<T>>, class: &str) -> Option<Plugin<T>> {
    plugins.into_iter().find(|plugin| plugin.info.answers_to(class))
}

fn config(case: &Json) -> Props {
    let given = case.get("config").and_then(Json::as_object);
    given
        .into_iter()
        .flatten()
        .filter_map(|(key, value)| {
            let text = match value {
                Json::Null => return None,
                Json::String(text) => text.clone(),
                other => other.to_string(),
            };
            Some((key.clone(), text))
        })
        .collect()
}

/// A failure to configure is an answer of its own.
fn staged<T: ?Sized>(
    made: Result<Box<T>>,
    then: impl FnOnce(&mut T) -> Result<Json>,
) -> Result<Json> {
    match made {
        Ok(mut plugin) => then(&mut plugin),
        Err(error) => {
            let mut out = encode_error(&error);
            if let Some(object) = out.as_object_mut() {
                object.insert("stage".to_owned(), "configure".into());
            }
            Ok(out)
        }
    }
}

fn records(case: &Json) -> &[Json] {
    case.get("records").and_then(Json::as_array).map(Vec::as_slice).unwrap_or_default()
}

fn transform(plugin: &mut dyn Transformation, case: &Json) -> Result<Json> {
    let results: Vec<Json> = records(case)
        .iter()
        .map(|json| match decode_record(json).and_then(|record| plugin.apply(record)) {
            Ok(Some(record)) => json!({"record": encode_record(&record)}),
            Ok(None) => json!({"dropped": true}),
            Err(error) => encode_error(&error),
        })
        .collect();
    Ok(json!({ "results": results }))
}

fn test(plugin: &mut dyn Predicate, case: &Json) -> Result<Json> {
    let results: Vec<Json> = records(case)
        .iter()
        .map(|json| match decode_record(json).and_then(|record| plugin.test(&record)) {
            Ok(answer) => json!({ "test": answer }),
            Err(error) => encode_error(&error),
        })
        .collect();
    Ok(json!({ "results": results }))
}

fn input(case: &Json) -> Result<Datum> {
    let schema = decode_schema(case.get("schema"))?;
    let value = decode_value(case.get("value"), schema.as_ref())?;
    Ok(Datum { schema, value })
}

fn input_bytes(case: &Json) -> Result<Option<bytes::Bytes>> {
    match case.get("bytes").and_then(Json::as_str) {
        None => Ok(None),
        Some(text) => unhex(text).map(Some).ok_or_else(|| broken("bytes", case)),
    }
}

fn shown(bytes: Option<bytes::Bytes>) -> Json {
    let mut out = Map::new();
    if let Some(Ok(text)) = bytes.as_deref().map(std::str::from_utf8) {
        out.insert("text".to_owned(), text.into());
    }
    out.insert("bytes".to_owned(), bytes.map_or(Json::Null, |bytes| hex(&bytes).into()));
    out.into()
}

fn convert(plugin: &mut dyn Converter, from: bool, case: &Json) -> Result<Json> {
    let topic = case.get("topic").and_then(Json::as_str).unwrap_or("t");
    let mut headers = Vec::new();
    if from {
        plugin.from_connect(topic, &mut headers, &input(case)?).map(shown)
    } else {
        plugin.to_connect(topic, &headers, input_bytes(case)?).map(|datum| answered(&datum, case))
    }
}

fn convert_header(plugin: &mut dyn HeaderConverter, from: bool, case: &Json) -> Result<Json> {
    if from {
        plugin.from_connect_header("t", "h", &input(case)?).map(shown)
    } else {
        let datum = plugin.to_connect_header("t", "h", input_bytes(case)?)?;
        Ok(answered(&datum, case))
    }
}

/// Java tells "no datum" from "a datum of null without schema"; here they are one.
fn answered(datum: &Datum, case: &Json) -> Json {
    let none = case.get("result").is_some_and(|result| result.get("schemaAndValue").is_some());
    if none && *datum == Datum::NULL {
        return json!({ "schemaAndValue": null });
    }
    encode_datum(datum)
}
