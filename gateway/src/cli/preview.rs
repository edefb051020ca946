//! `gantry preview`: over REST, or in this process where samples are given.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use gantry_api::PluginRegistry;
use gantry_engine::{PREVIEW_RECORDS_MAX, Previewer};
use serde_json::value::RawValue;
use serde_json::{Value as Json, json};

use super::args::PreviewArgs;
use super::client::Client;
use super::output::{complain, say, say_bytes};
use crate::files::{ConnectorFile, read_connector};
use crate::gantry::environment;
use crate::preview::{Encoding, Plan, PreviewAnswer, SampleRequest, write_text};
use crate::rest::encode_segment;
use crate::worker_config::{Given, Mode, load};

const CLASS: &str = "connector.class";
/// Input that is read at most, in bytes: no record is larger than what the log takes.
const INPUT_BYTES_MAX: u64 = 64 << 20;

/// Runs a preview; 1 when a record fails.
pub(super) fn run(args: PreviewArgs, plugins: PluginRegistry) -> Result<ExitCode, String> {
    let connector = read_connector(&args.file)?;
    let records = args.records.as_deref().map(|file| read_records(file, &args)).transpose()?;
    let text = match (records, &args.connection.url) {
        (Some(records), None) => return offline(&args, connector, records, plugins),
        (records, _) => remote(&Client::new(&args.connection)?, &args, &connector, records)?,
    };
    let answer: PreviewAnswer = serde_json::from_slice(&text)
        .map_err(|error| format!("the worker's answer is no preview: {error}"))?;
    show(&answer, args.json)
}

fn show(answer: &PreviewAnswer, as_json: bool) -> Result<ExitCode, String> {
    if as_json {
        say(serde_json::to_string(answer).map_err(|error| error.to_string())?)?;
    } else {
        say_bytes(write_text(answer).as_bytes())?;
    }
    Ok(if answer.has_failures() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn class_of(connector: &ConnectorFile, file: &Path) -> Result<String, String> {
    let class = connector.config.get(CLASS).cloned();
    class.ok_or_else(|| format!("{} has no {CLASS}; add it", file.display()))
}

/// Asks a worker; gives the answer's text.
fn remote(
    client: &Client,
    args: &PreviewArgs,
    connector: &ConnectorFile,
    records: Option<Vec<Box<RawValue>>>,
) -> Result<Vec<u8>, String> {
    let class = class_of(connector, &args.file)?;
    let mut body = json!({ "config": connector.config });
    let mut set = |key: &str, value: Option<Json>| {
        if let (Some(value), Some(body)) = (value, body.as_object_mut()) {
            body.insert(key.to_owned(), value);
        }
    };
    set("topic", args.topic.clone().map(Json::from));
    set("partition", args.partition.map(Json::from));
    set("from", args.from.clone().map(Json::from));
    set("max", args.max.map(Json::from));
    set("encoding", args.hex.then(|| Json::from("hex")));
    let mut body = body.to_string();
    if let Some(records) = records {
        // As they were written: numbers keep their digits.
        let texts: Vec<&str> = records.iter().map(|record| record.get()).collect();
        body.pop();
        body.push_str(&format!(",\"records\":[{}]}}", texts.join(",")));
    }
    let path = format!("/connector-plugins/{}/preview", encode_segment(&class));
    Ok(client.bytes("POST", &path, body)?)
}

/// Runs samples in this process, with the plugins that it has.
fn offline(
    args: &PreviewArgs,
    connector: ConnectorFile,
    records: Vec<Box<RawValue>>,
    plugins: PluginRegistry,
) -> Result<ExitCode, String> {
    let given = Given {
        mode: Mode::Standalone,
        file: args.worker.as_deref(),
        environment: &environment(),
        overrides: &[],
    };
    let worker = load(given, &plugins).map_err(|error| error.to_string())?.engine;
    let previewer = Previewer::new(Arc::new(plugins), Arc::new(worker));
    let class = class_of(&connector, &args.file)?;
    let is_source = previewer.is_source(&class).map_err(|error| error.message)?;
    let request = SampleRequest {
        records: Some(records),
        topic: args.topic.clone(),
        max: args.max,
        encoding: if args.hex { Encoding::Hex } else { Encoding::Text },
        ..SampleRequest::default()
    };
    let Plan::Samples(samples) = request.plan(is_source, &connector.config)? else {
        return Err("there are no samples".to_owned());
    };
    let preview = previewer.run(connector.config, samples).map_err(|error| error.message)?;
    show(&PreviewAnswer::new(preview)?, args.json)
}

/// The samples of a file, a JSON object a line; the first line of a dump, which is no record, is
/// passed over.
fn read_records(file: &Path, args: &PreviewArgs) -> Result<Vec<Box<RawValue>>, String> {
    let max = args.max.unwrap_or(PREVIEW_RECORDS_MAX);
    let refuse = |error: &dyn std::fmt::Display| format!("cannot read {}: {error}", file.display());
    let input: Box<dyn io::Read> = if file == Path::new("-") {
        Box::new(io::stdin().lock())
    } else {
        Box::new(File::open(file).map_err(|error| refuse(&error))?)
    };
    let mut records = Vec::new();
    let lines = BufReader::new(io::Read::take(input, INPUT_BYTES_MAX)).lines();
    for (number, line) in lines.enumerate() {
        let line = line.map_err(|error| refuse(&error))?;
        let line = line.trim().trim_start_matches('\u{feff}');
        if line.is_empty() || (args.hex && is_head(line)) {
            continue;
        }
        if records.len() == max {
            complain(format!("{}: only the first {max} records are taken", file.display()));
            break;
        }
        let record = RawValue::from_string(line.to_owned()).map_err(|error| {
            format!("{}: line {} is not JSON: {error}", file.display(), number + 1)
        })?;
        records.push(record);
    }
    if records.is_empty() {
        return Err(format!("{} has no records", file.display()));
    }
    Ok(records)
}

/// Whether a line is the first of a dump.
fn is_head(line: &str) -> bool {
    serde_json::from_str::<Json>(line).is_ok_and(|json| json.get("partitions").is_some())
}
