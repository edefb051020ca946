//! `gantry connector …`

use std::path::Path;

use gantry_api::PluginRegistry;
use gantry_engine::TargetState;
use serde_json::{Map, Value as Json, json};

use super::args::{ConnectorArgs, ConnectorCommand};
use super::client::{Client, connector_path};
use super::output::{complain, say, table};
use crate::files::{ConnectorFile, read_connector};
use crate::rest::encode_segment;
use crate::rocketmq_connect::translate_file;

/// Runs a connector command.
pub(super) fn run(args: ConnectorArgs, registry: &PluginRegistry) -> Result<(), String> {
    let client = Client::new(&args.worker)?;
    match args.command {
        ConnectorCommand::List => list(&client),
        ConnectorCommand::Status { name } => status(&client, &name),
        ConnectorCommand::Create { file } => create(&client, &read(&file, registry)?),
        ConnectorCommand::Put { file } => put(&client, &read(&file, registry)?),
        ConnectorCommand::Validate { file } => validate(&client, &read(&file, registry)?),
        ConnectorCommand::Config { name, set, unset } => config(&client, &name, set, unset),
        ConnectorCommand::Pause { name } => change(&client, &name, "PUT", "pause", "paused"),
        ConnectorCommand::Resume { name } => change(&client, &name, "PUT", "resume", "resumed"),
        ConnectorCommand::Stop { name } => change(&client, &name, "PUT", "stop", "stopped"),
        ConnectorCommand::Restart { name, task: Some(task), .. } => {
            let what = format!("tasks/{task}/restart");
            change(&client, &name, "POST", &what, &format!("task {task} restarted:"))
        }
        ConnectorCommand::Restart { name, include_tasks, only_failed, .. } => {
            let what = format!("restart?includeTasks={include_tasks}&onlyFailed={only_failed}");
            change(&client, &name, "POST", &what, "restarted")
        }
        ConnectorCommand::Delete { name } => {
            client.json("DELETE", &connector_path(&name), None)?;
            say(format!("deleted {name}"))
        }
        ConnectorCommand::Offsets { name, reset } => {
            let method = if reset { "DELETE" } else { "GET" };
            let path = format!("{}/offsets", connector_path(&name));
            pretty(&client.json(method, &path, None)?)
        }
        ConnectorCommand::Topics { name } => topics(&client, &name),
        ConnectorCommand::Plugins { all } => plugins(&client, all),
    }
}

/// Reads a connector file, in RocketMQ Connect's keys or Kafka Connect's.
fn read(file: &Path, registry: &PluginRegistry) -> Result<ConnectorFile, String> {
    let mut connector = read_connector(file)?;
    let translated = translate_file(&connector.config, registry)
        .map_err(|why| format!("{}: {why}", file.display()))?;
    if let Some(translation) = translated {
        for warning in &translation.warnings {
            complain(format!("warning: {warning}"));
        }
        connector.config = translation.config;
    }
    Ok(connector)
}

fn pretty(json: &Json) -> Result<(), String> {
    say(serde_json::to_string_pretty(json).map_err(|error| error.to_string())?)
}

fn text<'a>(json: &'a Json, field: &str) -> &'a str {
    json.get(field).and_then(Json::as_str).unwrap_or_default()
}

fn change(client: &Client, name: &str, method: &str, what: &str, done: &str) -> Result<(), String> {
    client.json(method, &format!("{}/{what}", connector_path(name)), None)?;
    say(format!("{done} {name}"))
}

fn tasks_of(status: &Json) -> &[Json] {
    status.get("tasks").and_then(Json::as_array).map_or(&[], Vec::as_slice)
}

fn list(client: &Client) -> Result<(), String> {
    let answer = client.json("GET", "/connectors?expand=status", None)?;
    let mut rows = Vec::new();
    for (name, connector) in answer.as_object().into_iter().flatten() {
        let Some(status) = connector.get("status") else { continue };
        let tasks = tasks_of(status);
        let running = tasks.iter().filter(|task| text(task, "state") == "RUNNING").count();
        rows.push(vec![
            name.clone(),
            text(status, "type").to_owned(),
            status.get("connector").map_or("", |state| text(state, "state")).to_owned(),
            format!("{running}/{} running", tasks.len()),
        ]);
    }
    say(table(&["CONNECTOR", "TYPE", "STATE", "TASKS"], &rows))
}

fn status(client: &Client, name: &str) -> Result<(), String> {
    let status = client.json("GET", &format!("{}/status", connector_path(name)), None)?;
    let connector = status.get("connector").cloned().unwrap_or_default();
    say(format!("{name} ({}): {}", text(&status, "type"), text(&connector, "state")))?;
    trace(&connector)?;
    for task in tasks_of(&status) {
        let number = task.get("id").and_then(Json::as_u64).unwrap_or_default();
        say(format!("  task {number}: {}", text(task, "state")))?;
        trace(task)?;
    }
    Ok(())
}

fn trace(unit: &Json) -> Result<(), String> {
    for line in text(unit, "trace").lines() {
        say(format!("    {line}"))?;
    }
    Ok(())
}

fn create(client: &Client, file: &ConnectorFile) -> Result<(), String> {
    let mut body = json!({ "name": file.name, "config": file.config });
    if let (Some(state), Some(body)) = (file.initial_state, body.as_object_mut()) {
        let state = match state {
            TargetState::Started => "RUNNING",
            TargetState::Paused => "PAUSED",
            TargetState::Stopped => "STOPPED",
        };
        body.insert("initial_state".to_owned(), state.into());
    }
    client.json("POST", "/connectors", Some(&body))?;
    say(format!("created {}", file.name))
}

fn put(client: &Client, file: &ConnectorFile) -> Result<(), String> {
    let path = format!("{}/config", connector_path(&file.name));
    client.json("PUT", &path, Some(&json!(file.config)))?;
    say(format!("configured {}", file.name))
}

fn validate(client: &Client, file: &ConnectorFile) -> Result<(), String> {
    let Some(class) = file.config.get("connector.class") else {
        return Err(format!("{} has no connector.class; add it", file.name));
    };
    let path = format!("/connector-plugins/{}/config/validate", encode_segment(class));
    let infos = client.json("PUT", &path, Some(&json!(file.config)))?;
    let mut errors = Vec::new();
    for config in infos.get("configs").and_then(Json::as_array).into_iter().flatten() {
        let Some(value) = config.get("value") else { continue };
        for error in value.get("errors").and_then(Json::as_array).into_iter().flatten() {
            errors.push(format!("{}: {}", text(value, "name"), error.as_str().unwrap_or_default()));
        }
    }
    if errors.is_empty() {
        return say(format!("{} is valid", file.name));
    }
    Err(format!("{} has {} error(s):\n  {}", file.name, errors.len(), errors.join("\n  ")))
}

fn config(
    client: &Client,
    name: &str,
    set: Vec<(String, String)>,
    unset: Vec<String>,
) -> Result<(), String> {
    let path = format!("{}/config", connector_path(name));
    if set.is_empty() && unset.is_empty() {
        return pretty(&client.json("GET", &path, None)?);
    }
    let mut patch: Map<String, Json> =
        set.into_iter().map(|(key, value)| (key, Json::from(value))).collect();
    patch.extend(unset.into_iter().map(|key| (key, Json::Null)));
    client.json("PATCH", &path, Some(&Json::Object(patch)))?;
    say(format!("configured {name}"))
}

fn topics(client: &Client, name: &str) -> Result<(), String> {
    let answer = client.json("GET", &format!("{}/topics", connector_path(name)), None)?;
    let topics = answer.get(name).and_then(|topics| topics.get("topics")).and_then(Json::as_array);
    for topic in topics.into_iter().flatten() {
        say(topic.as_str().unwrap_or_default())?;
    }
    Ok(())
}

fn plugins(client: &Client, all: bool) -> Result<(), String> {
    let path = format!("/connector-plugins?connectorsOnly={}", !all);
    let answer = client.json("GET", &path, None)?;
    let rows: Vec<Vec<String>> = answer
        .as_array()
        .into_iter()
        .flatten()
        .map(|plugin| ["type", "class", "version"].map(|f| text(plugin, f).to_owned()).to_vec())
        .collect();
    say(table(&["TYPE", "CLASS", "VERSION"], &rows))
}
