//! `gantry topic …`

use serde_json::{Value as Json, json};

use super::args::{TopicArgs, TopicCommand};
use super::client::{Client, topic_path};
use super::output::{say, table};
use super::topic_io::{self, Reading, Writing};

/// Runs a topic command.
pub(super) fn run(args: TopicArgs) -> Result<(), String> {
    let client = Client::new(&args.worker)?;
    match args.command {
        TopicCommand::List => list(&client),
        TopicCommand::Describe { topic } => describe(&client, &topic),
        TopicCommand::Create { topic, queues, compact, retention_ms, retention_bytes } => {
            let body = json!({
                "name": topic,
                "queues": queues,
                "compact": compact,
                "retention_ms": retention_ms,
                "retention_bytes": retention_bytes,
            });
            let created = client.json("POST", "/gantry/topics", Some(&body))?;
            say(format!("created {topic} with {} queue(s)", number(&created, "queues")))
        }
        TopicCommand::Delete { topic } => {
            client.json("DELETE", &topic_path(&topic), None)?;
            say(format!("deleted {topic}"))
        }
        TopicCommand::Read { topic, from_beginning, follow, max, partition, verbose } => {
            let follow = follow || !from_beginning;
            let reading = Reading { topic, from_beginning, follow, max, partition, verbose };
            topic_io::read(&client, &reading)
        }
        TopicCommand::Write { topic, key, key_separator, header } => {
            topic_io::write(&client, &topic, Writing { key, key_separator, headers: header })
        }
        TopicCommand::Load { topic } => topic_io::load(&client, &topic),
        TopicCommand::Dump { topic, max, timeout_ms } => {
            topic_io::dump(&client, &topic, max, timeout_ms)
        }
    }
}

fn number(json: &Json, field: &str) -> u64 {
    json.get(field).and_then(Json::as_u64).unwrap_or_default()
}

fn text(json: &Json, field: &str) -> String {
    json.get(field).and_then(Json::as_str).unwrap_or_default().to_owned()
}

fn retention(topic: &Json) -> String {
    let limit = |field: &str, unit: &str| {
        topic.get(field).and_then(Json::as_u64).map(|limit| format!("{limit} {unit}"))
    };
    let limits = [limit("retention_ms", "ms"), limit("retention_bytes", "bytes")];
    let limits: Vec<String> = limits.into_iter().flatten().collect();
    if limits.is_empty() { "default".to_owned() } else { limits.join(", ") }
}

fn list(client: &Client) -> Result<(), String> {
    let answer = client.json("GET", "/gantry/topics", None)?;
    let topics = answer.get("topics").and_then(Json::as_array).cloned().unwrap_or_default();
    let rows: Vec<Vec<String>> = topics
        .iter()
        .map(|topic| {
            vec![
                text(topic, "name"),
                number(topic, "queues").to_string(),
                number(topic, "records").to_string(),
                text(topic, "cleanup"),
                retention(topic),
            ]
        })
        .collect();
    say(table(&["TOPIC", "QUEUES", "RECORDS", "CLEANUP", "RETENTION"], &rows))
}

fn describe(client: &Client, topic: &str) -> Result<(), String> {
    let answer = client.json("GET", &topic_path(topic), None)?;
    say(format!(
        "{topic}: {} queue(s), {} record(s), cleanup {}, retention {}",
        number(&answer, "queues"),
        number(&answer, "records"),
        text(&answer, "cleanup"),
        retention(&answer),
    ))?;
    let queues = answer.get("offsets").and_then(Json::as_array).cloned().unwrap_or_default();
    let rows: Vec<Vec<String>> = queues
        .iter()
        .map(|queue| {
            ["partition", "earliest", "next"].map(|field| number(queue, field).to_string()).to_vec()
        })
        .collect();
    say(table(&["QUEUE", "EARLIEST", "NEXT"], &rows))
}
