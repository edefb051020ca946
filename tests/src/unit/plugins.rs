//! Cases that run a plugin by its class name. `None`: the class is not there yet.

use gantry_api::{SinkRecord, SourceOffset, SourcePartition, SourceRecord, TimestampType};
use gantry_converters::JsonConverter;
use gantry_model::plugin::{
    CONVERTER_TYPE, Converter, Fate, HeaderConverter, Plugin, Predicate, Props, Transformation,
};
use gantry_model::text::java_string;
use gantry_model::{ConnectRecord, Datum, Result, TopicPartition};
use serde_json::{Map, Value as Json, json};

use super::decode::{broken, decode_record, decode_schema, decode_value, unhex};
use super::encode::{encode_datum, encode_error, encode_record, hex};
use super::input::Input;

fn text<'a>(case: &'a Input, key: &str) -> Option<&'a str> {
    case.get(key).and_then(Input::as_str)
}

/// Runs a case on the plugin it names.
pub(super) fn run(op: &str, case: &Input) -> Option<Result<Json>> {
    let class = case.get("class").and_then(Input::as_str).unwrap_or_default();
    let mut props = config(case);
    match op {
        "smt" => {
            let plugin = find(gantry_transforms::transformations(), class)?;
            Some(staged(plugin.create(&props), |made| transform(made, case)))
        }
        "chain" => Some(chain(case, &props)),
        "predicate" => {
            let plugin = find(gantry_transforms::predicates(), class)?;
            Some(staged(plugin.create(&props), |made| test(made, case)))
        }
        "conv_from" | "conv_to" => {
            let plugin = find(gantry_converters::converters(), class)?;
            let key = case.get("isKey").and_then(Input::as_bool).unwrap_or(false);
            let kind = if key { "key" } else { "value" };
            props.insert(CONVERTER_TYPE.to_owned(), kind.to_owned());
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

fn config(case: &Input) -> Props {
    let given = case.get("config").and_then(Input::as_object);
    given
        .into_iter()
        .flatten()
        .filter(|(_, value)| !value.is_null())
        .map(|(key, value)| (key.clone(), value.to_string()))
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

fn records(case: &Input) -> &[Input] {
    case.get("records").and_then(Input::as_array).map(Vec::as_slice).unwrap_or_default()
}

fn transform(plugin: &mut dyn Transformation, case: &Input) -> Result<Json> {
    let results: Vec<Json> = records(case)
        .iter()
        .map(|json| match decode_record(json).and_then(|record| transformed(plugin, record)) {
            Ok(Some(record)) => json!({"record": encode_record(&record)}),
            Ok(None) => json!({"dropped": true}),
            Err(mut error) => {
                error.locate(|| position(json));
                encode_error(&error)
            }
        })
        .collect();
    Ok(json!({ "results": results }))
}

fn transformed(
    plugin: &mut dyn Transformation,
    mut record: ConnectRecord,
) -> Result<Option<ConnectRecord>> {
    let fate = plugin.apply(&mut record)?;
    Ok((fate == Fate::Keep).then_some(record))
}

/// JSON documents through transformations and back to JSON: what people see in topics.
fn chain(case: &Input, props: &Props) -> Result<Json> {
    let mut props = props.clone();
    props.insert(CONVERTER_TYPE.to_owned(), "value".to_owned());
    let mut converter = JsonConverter::new(&props)?;
    let mut steps = Vec::new();
    for step in case.get("transforms").and_then(Input::as_array).into_iter().flatten() {
        let class = text(step, "class").unwrap_or_default();
        let plugin = find(gantry_transforms::transformations(), class)
            .ok_or_else(|| broken("no such class", step))?;
        steps.push(plugin.create(&config(step))?);
    }
    let documents = case.get("documents").and_then(Input::as_array).into_iter().flatten();
    let results: Vec<Json> = documents
        .map(|document| {
            let text = document.as_str().unwrap_or_default();
            through(&mut converter, &mut steps, text).unwrap_or_else(|error| encode_error(&error))
        })
        .collect();
    Ok(json!({ "results": results }))
}

fn through(
    converter: &mut JsonConverter,
    steps: &mut [Box<dyn Transformation>],
    document: &str,
) -> Result<Json> {
    let bytes = bytes::Bytes::copy_from_slice(document.as_bytes());
    let value = converter.to_connect("t", &Vec::new(), Some(bytes))?;
    let mut record =
        ConnectRecord { timestamp_ms: Some(5), ..ConnectRecord::new("t".into(), value) };
    record.partition = Some(0);
    for step in steps {
        if step.apply(&mut record)? == Fate::Drop {
            return Ok(json!({ "dropped": true }));
        }
    }
    let json = converter.from_connect("t", &mut Vec::new(), &record.value)?;
    let json = json.map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    Ok(json!({ "json": json, "shown": java_string(&record.value.value) }))
}

/// Where the recorded records come from.
fn position(record: &Input) -> String {
    if text(record, "kind") == Some("sink") {
        let partition = record.get("partition").and_then(Input::as_i64).unwrap_or(0);
        let queue =
            TopicPartition::new(text(record, "topic").unwrap_or_default(), partition as u32);
        let offset = text(record, "offset").and_then(|text| text.parse().ok()).unwrap_or(0);
        let timed = text(record, "timestamp").map(|_| TimestampType::CreateTime);
        return SinkRecord::position_text(&queue, offset, timed);
    }
    let offset = SourceOffset::Number("so".into(), 2);
    SourceRecord::position_text(&SourcePartition::of("sp", "1"), &offset)
}

/// The recorder puts down an empty answer before it asks, which stays there in front of an error.
fn test(plugin: &mut dyn Predicate, case: &Input) -> Result<Json> {
    let results: Vec<Json> = records(case)
        .iter()
        .flat_map(|json| match decode_record(json).and_then(|record| plugin.test(&record)) {
            Ok(answer) => vec![json!({ "test": answer })],
            Err(error) => vec![json!({}), encode_error(&error)],
        })
        .collect();
    Ok(json!({ "results": results }))
}

fn input(case: &Input) -> Result<Datum> {
    let schema = decode_schema(case.get("schema"))?;
    let value = decode_value(case.get("value"), schema.as_ref())?;
    Ok(Datum { schema, value })
}

fn input_bytes(case: &Input) -> Result<Option<bytes::Bytes>> {
    match case.get("bytes").and_then(Input::as_str) {
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

fn convert(plugin: &mut dyn Converter, from: bool, case: &Input) -> Result<Json> {
    let topic = case.get("topic").and_then(Input::as_str).unwrap_or("t");
    if from {
        plugin.from_connect(topic, &mut Vec::new(), &input(case)?).map(shown)
    } else {
        plugin.to_connect(topic, &[], input_bytes(case)?).map(|datum| answered(&datum, case))
    }
}

fn convert_header(plugin: &mut dyn HeaderConverter, from: bool, case: &Input) -> Result<Json> {
    if from {
        plugin.from_connect_header("t", "h", &input(case)?).map(shown)
    } else {
        let datum = plugin.to_connect_header("t", "h", input_bytes(case)?)?;
        Ok(answered(&datum, case))
    }
}

/// For the text `null` Java's SimpleHeaderConverter has no datum at all; here that is a datum of
/// null without schema, which is what Java has for no bytes.
fn answered(datum: &Datum, case: &Input) -> Json {
    let class = text(case, "class").unwrap_or_default();
    let none = class.ends_with(".SimpleHeaderConverter") && text(case, "bytes").is_some();
    if none && *datum == Datum::NULL {
        return json!({ "schemaAndValue": null });
    }
    encode_datum(datum)
}
