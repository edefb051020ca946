//! One benchmark case: `transform-bench <cases.json> <transformations|chains> <name> <schemas>
//! <seconds>`. Prints the nanoseconds per record of each of several windows, once the loop has
//! run warm, and sums of what it read and made. `TransformBench.java` does the same in Java.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::io::Write;
use std::time::{Duration, Instant};

use bytes::Bytes;
use gantry_model::plugin::{Converter, Fate, Plugin, Predicate, Props, Transformation};
use gantry_model::record::{ConnectRecord, Header, Headers, Str};
use gantry_model::schema::Schema;
use gantry_model::value::{Datum, Value};
use serde_json::Value as Json;
use serde_json::value::RawValue;

/// As in the program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const WINDOWS: u32 = 7;

type Failure = Box<dyn std::error::Error>;

struct Step {
    transformation: Box<dyn Transformation>,
    predicate: Option<Box<dyn Predicate>>,
}

struct Bench {
    chain: bool,
    steps: Vec<Step>,
    converter: Box<dyn Converter>,
    topic: Str,
    partition: Option<i32>,
    timestamp_ms: Option<i64>,
    headers: Headers,
    keys: Vec<Bytes>,
    values: Vec<Bytes>,
    written: usize,
}

impl Bench {
    fn new(file: &str, kind: &str, name: &str, schemas: bool) -> Result<Self, Failure> {
        let cases: Json = serde_json::from_str(file)?;
        let documents: Objects<'_> = serde_json::from_str(file)?;
        let steps =
            cases[kind][name].as_array().ok_or_else(|| format!("no case {kind} {name:?}"))?;
        let props = Props::from([("schemas.enable".to_owned(), schemas.to_string())]);
        let batch = cases["batch"].as_u64().ok_or("batch is missing")?;
        let json = |part: &str| -> Result<Vec<Bytes>, Failure> {
            let text = document(&documents, part, schemas)?;
            let numbered =
                |n: u64| text.replace("\"#\"", &n.to_string()).replace('#', &n.to_string());
            Ok((0..batch).map(|n| Bytes::from(numbered(n))).collect())
        };
        let headers = cases["headers"].as_object().ok_or("headers are missing")?.iter();
        Ok(Self {
            chain: kind == "chains",
            steps: steps.iter().map(step).collect::<Result<_, _>>()?,
            converter: make(
                &gantry_converters::converters(),
                "org.apache.kafka.connect.json.JsonConverter",
                &props,
            )?,
            topic: cases["topic"].as_str().ok_or("topic is missing")?.into(),
            partition: cases["partition"].as_i64().map(i32::try_from).transpose()?,
            timestamp_ms: cases["timestamp_ms"].as_i64(),
            headers: headers.map(|(key, value)| header(key, value)).collect(),
            keys: json("key")?,
            values: json("value")?,
            written: 0,
        })
    }

    /// With the room that a task gives them.
    fn headers_of_one(&self) -> Headers {
        let mut headers = Vec::with_capacity(self.headers.len() + self.steps.len());
        headers.extend_from_slice(&self.headers);
        headers
    }

    /// Fresh records, which nobody else holds, as a task has them. `values` is false where the
    /// value is yet to be converted.
    fn records(&mut self, values: bool) -> Result<Vec<ConnectRecord>, Failure> {
        let mut records = Vec::with_capacity(self.keys.len());
        for (n, (key, value)) in self.keys.iter().zip(&self.values).enumerate() {
            records.push(ConnectRecord {
                topic: self.topic.clone(),
                partition: self.partition,
                key: self.converter.to_connect(&self.topic, &[], Some(key.clone()))?,
                value: match values {
                    true => self.converter.to_connect(&self.topic, &[], Some(value.clone()))?,
                    false => Datum::NULL,
                },
                timestamp_ms: self.timestamp_ms,
                headers: self.headers_of_one(),
                sink_offset: Some(n as u64),
            });
        }
        Ok(records)
    }

    /// One batch through the transformations; the time that counts. Without `apply` the records
    /// are only released: what that takes is no work of a transformation.
    fn transform_once(&mut self, apply: bool) -> Result<Duration, Failure> {
        let records = self.records(true)?;
        let mut made = Vec::with_capacity(records.len());
        let began = Instant::now();
        for mut record in records {
            if !apply || transform(&mut self.steps, &mut record)? == Fate::Keep {
                made.push(record);
            }
        }
        drop(black_box(made));
        Ok(began.elapsed())
    }

    /// One batch from bytes to bytes: value converter, the chain, value converter. Without `apply`
    /// the records are only released, with what they had before the chain.
    fn chain_once(&mut self, apply: bool) -> Result<Duration, Failure> {
        let mut records = self.records(false)?;
        let mut written = Vec::with_capacity(records.len());
        let began = Instant::now();
        for (record, value) in records.iter_mut().zip(&self.values).filter(|_| apply) {
            record.value = self.converter.to_connect(&record.topic, &[], Some(value.clone()))?;
            if transform(&mut self.steps, record)? == Fate::Keep {
                let ConnectRecord { topic, value, .. } = record;
                written.push(self.converter.from_connect(topic, &mut Vec::new(), value)?);
            }
        }
        let spent = began.elapsed();
        if apply {
            self.written = written.iter().flatten().map(Bytes::len).sum();
        }
        let began = Instant::now();
        drop(black_box((records, written)));
        Ok(spent + began.elapsed())
    }

    /// Nanoseconds per record over that time, in which the records are made, too. What takes less
    /// than the loop varies by counts as one.
    fn window(&mut self, time: Duration) -> Result<f64, Failure> {
        let began = Instant::now();
        let (mut spent, mut idle, mut batches) = (Duration::ZERO, Duration::ZERO, 0.0);
        let once = if self.chain { Self::chain_once } else { Self::transform_once };
        while began.elapsed() < time {
            spent += once(self, true)?;
            idle += once(self, false)?;
            batches += 1.0;
        }
        let ns = (spent.as_secs_f64() - idle.as_secs_f64()) * 1e9;
        Ok((ns / batches / self.keys.len() as f64).max(1.0))
    }
}

type Objects<'a> = BTreeMap<String, &'a RawValue>;

/// A document as the converter writes it: nothing sorted, no blanks.
fn document(cases: &Objects<'_>, part: &str, schemas: bool) -> Result<String, Failure> {
    let raw = |objects: &Objects<'_>, name: &str| -> Result<String, Failure> {
        let raw = objects.get(name).ok_or_else(|| format!("{name} is missing"))?;
        Ok(raw.get().to_owned())
    };
    let whole = raw(cases, part)?;
    let parts: Objects<'_> = serde_json::from_str(&whole)?;
    let payload = raw(&parts, "payload")?;
    Ok(without_blanks(&match schemas {
        true => format!("{{\"schema\":{},\"payload\":{payload}}}", raw(&parts, "schema")?),
        false => payload,
    }))
}

/// JSON without the blanks outside of its texts, in which no quote may stand.
fn without_blanks(json: &str) -> String {
    let parts = json.split('"').enumerate();
    let parts = parts.map(|(n, part)| match n % 2 {
        0 => part.split_whitespace().collect(),
        _ => part.to_owned(),
    });
    parts.collect::<Vec<String>>().join("\"")
}

fn transform(steps: &mut [Step], record: &mut ConnectRecord) -> Result<Fate, Failure> {
    for step in steps {
        if let Some(predicate) = &mut step.predicate
            && !predicate.test(record)?
        {
            continue;
        }
        if step.transformation.apply(record)? == Fate::Drop {
            return Ok(Fate::Drop);
        }
    }
    Ok(Fate::Keep)
}

fn header(key: &str, value: &Json) -> Header {
    let text = value.as_str().unwrap_or_default();
    Header { key: key.into(), datum: Datum::new(Schema::string(), Value::String(text.into())) }
}

fn step(json: &Json) -> Result<Step, Failure> {
    let predicates = gantry_transforms::predicates();
    Ok(Step {
        transformation: named(&gantry_transforms::transformations(), json)?,
        predicate: json.get("predicate").map(|own| named(&predicates, own)).transpose()?,
    })
}

fn named<T: ?Sized>(plugins: &[Plugin<T>], json: &Json) -> Result<Box<T>, Failure> {
    let fields = json.as_object().ok_or("a step is an object")?;
    let text = |(key, value): (&String, &Json)| Some((key.clone(), value.as_str()?.to_owned()));
    let mut props: Props = fields.iter().filter_map(text).collect();
    let class = props.remove("type").ok_or("a step needs a type")?;
    make(plugins, &class, &props)
}

fn make<T: ?Sized>(plugins: &[Plugin<T>], class: &str, props: &Props) -> Result<Box<T>, Failure> {
    let plugin = plugins.iter().find(|p| *p.info.class == *class);
    Ok(plugin.ok_or_else(|| format!("no plugin {class}"))?.create(props)?)
}

fn main() -> Result<(), Failure> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [file, kind, name, schemas, seconds] = args.as_slice() else {
        return Err("usage: transform-bench CASES KIND NAME SCHEMAS SECONDS".into());
    };
    let cases = std::fs::read_to_string(file)?;
    let mut bench = Bench::new(&cases, kind, name, schemas.parse()?)?;
    let time = Duration::from_secs_f64(seconds.parse()?);
    bench.window(time / WINDOWS)?; // warm: code needs no more
    let mut ns = Vec::new();
    for _ in 0..WINDOWS {
        ns.push((bench.window(time / WINDOWS)? * 100.0).round() / 100.0);
    }
    let read: usize = bench.values.iter().map(Bytes::len).sum();
    let result = serde_json::json!({"ns": ns, "read": read, "bytes": bench.written});
    writeln!(std::io::stdout(), "{result}")?;
    Ok(())
}
