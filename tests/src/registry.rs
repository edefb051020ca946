//! Cases of converters with a schema registry: each runs against a registry of our own, over
//! HTTP, on subjects of its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use gantry_converters::JsonConverter;
use gantry_log::MemoryLog;
use gantry_model::plugin::{Converter, Props};
use gantry_model::{Datum, Error, Kind, MapValue, Result, Schema, Struct, Value};
use gantry_schema_registry::{Registry, Settings, rocketmq_router, router};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value as Json, json};
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};

/// Magic byte and id.
const PREFIX_BYTES: usize = 5;

/// What of a case must keep the order of its members: parameters of schemas have one.
#[derive(Deserialize)]
struct Input<'a> {
    #[serde(borrow)]
    connect: Option<&'a RawValue>,
}

/// Runs cases, one after the other.
#[derive(Debug)]
pub struct Adapter {
    url: String,
    requests: Arc<AtomicUsize>,
    /// The registry lives as long as this.
    _runtime: Runtime,
    count: usize,
}

type Outcome<T> = std::result::Result<T, Box<dyn std::error::Error>>;

impl Adapter {
    /// With an empty registry.
    pub fn start() -> Outcome<Self> {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0"))?;
        let url = format!("http://{}", listener.local_addr()?);
        let log = Arc::new(MemoryLog::new());
        let registry = runtime.block_on(Registry::open(log, Settings::default()))?;
        let both = rocketmq_router(Arc::clone(&registry)).fallback_service(router(registry));
        let requests = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&requests);
        let counting = axum::middleware::from_fn(move |request, next: axum::middleware::Next| {
            counted.fetch_add(1, Ordering::Relaxed);
            next.run(request)
        });
        runtime.spawn(async move { axum::serve(listener, both.layer(counting)).await });
        Ok(Self { url, requests, _runtime: runtime, count: 0 })
    }

    /// What became of a case, which is given as JSON. The error is one of the harness, not of the
    /// converter.
    pub fn run(&mut self, text: &str) -> Outcome<Json> {
        self.count += 1;
        let topic = format!("t{}", self.count);
        let case: Json = serde_json::from_str(text)?;
        match case.get("format") {
            Some(_) => self.wire(&case, &topic),
            None => self.connect(&case, serde_json::from_str::<Input<'_>>(text)?.connect, &topic),
        }
    }

    /// A fact of Connect's converters: data to bytes and back.
    fn connect(&self, case: &Json, data: Option<&RawValue>, topic: &str) -> Outcome<Json> {
        let schema_type = text(case, "converter")?;
        let mut converter = self.converter(schema_type, config(case))?;
        let mut result = Map::new();
        let data = if text(case, "direction")? == "toConnect" {
            let registered = text(case, "registered")?;
            let id = self.register(topic, schema_type, registered)?;
            let mut data = vec![0];
            data.extend_from_slice(&id.to_be_bytes());
            data.extend_from_slice(&unhex(text(case, "bytes_after_id")?)?);
            Bytes::from(data)
        } else {
            let datum = match data {
                Some(envelope) => from_envelope(envelope)?,
                None => Datum::NULL,
            };
            match converter.from_connect(topic, &mut Vec::new(), &datum) {
                Err(error) => return Ok(json!({ "error": java(&error) })),
                Ok(None) => return Ok(json!({ "bytes": null })),
                Ok(Some(data)) => data,
            }
        };
        let latest = self.get(&format!("/subjects/{topic}-value/versions/latest"))?;
        result.insert("registered".to_owned(), latest["schema"].clone());
        result.insert("bytes_after_id".to_owned(), hex(&data[PREFIX_BYTES..]).into());
        match converter.to_connect(topic, &[], Some(data)) {
            Ok(datum) => result.insert("back".to_owned(), to_envelope(&datum)?),
            Err(error) => result.insert("backError".to_owned(), java(&error).into()),
        };
        Ok(result.into())
    }

    /// Bytes of another client: what they say, and the same value written.
    fn wire(&self, case: &Json, topic: &str) -> Outcome<Json> {
        let schema_type = text(case, "format")?;
        let schema = match text(case, "schema")? {
            "wire.proto" => include_str!("../../schema-registry/converters/tests/data/wire.proto"),
            schema => schema,
        };
        let id = self.register(topic, schema_type, schema)?;
        let given = unhex(text(case, "bytes_after_id")?)?;
        let mut data = vec![0];
        data.extend_from_slice(&id.to_be_bytes());
        data.extend_from_slice(&given);
        let pinned = [
            ("auto.register.schemas", "false".to_owned()),
            ("use.schema.id", id.to_string()),
            ("id.compatibility.strict", "false".to_owned()),
            // Messages are told apart by their full names.
            ("enhanced.protobuf.schema.support", "true".to_owned()),
        ];
        let mut props = config(case);
        props.extend(pinned.map(|(key, value)| (key.to_owned(), value)));
        let mut converter = self.converter(schema_type, props)?;
        let read = converter.to_connect(topic, &[], Some(Bytes::from(data)));
        let read = match read {
            Ok(read) => read,
            Err(error) => return Ok(json!({ "backError": java(&error) })),
        };
        let hints = Hints { is_base64: schema_type == "PROTOBUF", avro: schema };
        let datum = match &read.schema {
            Some(schema) => {
                let value = hints.value(schema, &case["value"])?;
                Datum::new(schema.clone(), value)
            }
            None => read.clone(),
        };
        Ok(match converter.from_connect(topic, &mut Vec::new(), &datum) {
            Ok(written) => json!({
                "prefix": "00<id:u32be>",
                "bytes_after_id": written.map(|data| hex(&data[PREFIX_BYTES..])),
                "back": to_envelope(&read)?,
            }),
            Err(error) => json!({ "error": java(&error) }),
        })
    }

    /// How many requests the registry had.
    pub fn requests(&self) -> usize {
        self.requests.load(Ordering::Relaxed)
    }

    /// Where the registry listens.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// A converter for values of `AVRO`, `PROTOBUF` or `JSON` that knows the registry.
    pub fn converter(&self, schema_type: &str, mut props: Props) -> Outcome<Box<dyn Converter>> {
        let class = match schema_type {
            "AVRO" => "io.confluent.connect.avro.AvroConverter",
            "PROTOBUF" => "io.confluent.connect.protobuf.ProtobufConverter",
            "JSON" => "io.confluent.connect.json.JsonSchemaConverter",
            other => return Err(format!("there is no converter for {other}").into()),
        };
        props.entry("schema.registry.url".to_owned()).or_insert_with(|| self.url.clone());
        let plugins = gantry_schema_converters::converters();
        let plugin = plugins.into_iter().find(|plugin| plugin.info.answers_to(class));
        Ok(plugin.ok_or(class)?.create(&props)?)
    }

    /// Adds a schema of a topic's values; gives its id.
    pub fn register(&self, topic: &str, schema_type: &str, schema: &str) -> Outcome<i32> {
        let body = json!({ "schema": schema, "schemaType": schema_type });
        let answer: Json = ureq::post(format!("{}/subjects/{topic}-value/versions", self.url))
            .content_type("application/json")
            .send(body.to_string())?
            .body_mut()
            .read_to_string()?
            .parse()?;
        let id = answer["id"].as_i64().ok_or("the registry gave no id")?;
        Ok(i32::try_from(id)?)
    }

    /// What the registry answers.
    pub fn get(&self, path: &str) -> Outcome<Json> {
        let answer =
            ureq::get(format!("{}{path}", self.url)).call()?.body_mut().read_to_string()?;
        Ok(answer.parse()?)
    }
}

fn text<'a>(case: &'a Json, key: &str) -> Outcome<&'a str> {
    case[key].as_str().ok_or_else(|| format!("the case has no {key}").into())
}

fn config(case: &Json) -> Props {
    let shown = |value: &Json| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let given = case.get("config").and_then(Json::as_object);
    given.into_iter().flatten().map(|(key, value)| (key.clone(), shown(value))).collect()
}

/// Class and message, the outermost and the causes.
fn java(error: &Error) -> String {
    let mut shown = String::new();
    let mut next = Some(error);
    while let Some(error) = next {
        let class = error.kind().java_class();
        let class = class.rsplit('.').next().unwrap_or(class);
        let separator = if shown.is_empty() { "" } else { " <- " };
        shown.push_str(&format!("{separator}{class}: {}", error.message()));
        next = error.cause();
    }
    shown
}

fn envelopes() -> Result<JsonConverter> {
    JsonConverter::new(&Props::new())
}

fn from_envelope(envelope: &RawValue) -> Outcome<Datum> {
    let bytes = Bytes::copy_from_slice(envelope.get().as_bytes());
    let mut datum = envelopes()?.to_connect("t", &[], Some(bytes))?;
    if datum.schema.is_none() {
        datum.value = with_ints(&datum.value);
    }
    Ok(datum)
}

/// What had no schema had Java's `Integer`s, which the envelope does not say.
fn with_ints(value: &Value) -> Value {
    match value {
        Value::Int64(n) => i32::try_from(*n).map_or(Value::Int64(*n), Value::Int32),
        Value::Array(list) => Value::array(list.iter().map(with_ints).collect()),
        Value::Map(map) => {
            let entries = map.entries().iter().map(|(k, v)| (with_ints(k), with_ints(v)));
            Value::map(MapValue::from_distinct(entries.collect()))
        }
        other => other.clone(),
    }
}

fn to_envelope(datum: &Datum) -> Outcome<Json> {
    let bytes = envelopes()?.from_connect("t", &mut Vec::new(), datum)?;
    match bytes {
        Some(bytes) => Ok(serde_json::from_slice(&bytes)?),
        None => Ok(json!({ "schema": null, "payload": null })),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Outcome<Vec<u8>> {
    let pair = |at| text.get(at..at + 2).ok_or("an odd number of digits");
    (0..text.len()).step_by(2).map(|at| Ok(u8::from_str_radix(pair(at)?, 16)?)).collect()
}

/// What JSON values of another client mean.
struct Hints<'a> {
    /// Bytes are in base64; else each character is a byte.
    is_base64: bool,
    avro: &'a str,
}

impl Hints<'_> {
    fn value(&self, schema: &Schema, json: &Json) -> Outcome<Value> {
        let wrong = || format!("{json} is no {}", schema.kind().type_name());
        let long = || json.as_i64().ok_or_else(wrong);
        Ok(match (schema.kind(), json) {
            (_, Json::Null) => Value::Null,
            (Kind::Int64, Json::String(text)) => self.instant(schema, text)?,
            (Kind::Int8, _) => Value::Int8(i8::try_from(long()?)?),
            (Kind::Int16, _) => Value::Int16(i16::try_from(long()?)?),
            (Kind::Int32, _) => Value::Int32(i32::try_from(long()?)?),
            (Kind::Int64, _) => Value::Int64(long()?),
            (Kind::Float32, _) => Value::Float32(json.as_f64().ok_or_else(wrong)? as f32),
            (Kind::Float64, _) => Value::Float64(json.as_f64().ok_or_else(wrong)?),
            (Kind::Boolean, _) => Value::Boolean(json.as_bool().ok_or_else(wrong)?),
            (Kind::String, _) => Value::str(json.as_str().ok_or_else(wrong)?),
            (Kind::Bytes, _) => {
                let text = json.as_str().ok_or_else(wrong)?;
                let bytes: Vec<u8> = match self.is_base64 {
                    true => base64(text)?,
                    false => text
                        .chars()
                        .map(|c| u8::try_from(u32::from(c)))
                        .collect::<Result<_, _>>()?,
                };
                Value::Bytes(Bytes::from(bytes))
            }
            (Kind::Array(items), _) => {
                let list = json.as_array().ok_or_else(wrong)?.iter();
                Value::array(list.map(|item| self.value(items, item)).collect::<Outcome<_>>()?)
            }
            (Kind::Map { value, .. }, _) => {
                let mut map = MapValue::default();
                for (key, item) in json.as_object().ok_or_else(wrong)? {
                    map.insert(Value::str(key), self.value(value, item)?);
                }
                Value::map(map)
            }
            (Kind::Struct(fields), _) => {
                let given = json.as_object().ok_or_else(wrong)?;
                let mut built = Struct::new(schema.clone())?;
                for field in fields.list() {
                    let name = field.schema.name().map(|name| &**name).unwrap_or_default();
                    // The members of a union stand in the message itself.
                    let is_union = name.starts_with("io.confluent.connect.protobuf.Union");
                    let is_member = |name: &str| is_union && field.schema.field(name).is_some();
                    let value = match given.get(&*field.name) {
                        None if given.keys().any(|name| is_member(name)) => Some(json),
                        value => value,
                    };
                    if let Some(value) = value {
                        built.put(&field.name, self.value(&field.schema, value)?)?;
                    }
                }
                Value::Struct(Arc::new(built))
            }
        })
    }

    fn instant(&self, schema: &Schema, text: &str) -> Outcome<Value> {
        let at = chrono::DateTime::parse_from_rfc3339(text)?;
        Ok(match schema.name() {
            Some(_) => Value::Date(at.timestamp_millis()),
            None if self.avro.contains("-micros") => Value::Int64(at.timestamp_micros()),
            None => Value::Int64(at.timestamp_millis()),
        })
    }
}

fn base64(text: &str) -> Outcome<Vec<u8>> {
    use base64::Engine;
    Ok(base64::engine::general_purpose::STANDARD.decode(text)?)
}
