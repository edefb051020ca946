//! Keys of other dialects and of other times.

use gantry_engine::retired_keys;

use super::context::Context;
use super::document::{Document, Kind};
use super::report::Report;
use super::rule::{Base, Level, Rule};
use crate::rocketmq_connect::translate;
use crate::worker_config::retired_worker_key;

const ROCKETMQ: Rule = Rule {
    code: "GL801",
    level: Level::Warning,
    title: "Key of RocketMQ Connect",
    explanation: "RocketMQ Connect has other names for what Kafka Connect calls `tasks.max`, \
        `topics` and `transforms.NAME.type`, and separates topics by semicolons. `gantry` \
        translates them in files that it is given and on RocketMQ Connect's own port; Kafka \
        Connect's REST API does not read them.",
    base: Base::Sink,
    bad: "max.tasks=2\nconnect.topicnames=lines;words\n",
    good: "tasks.max=1\n",
};

const CONTRADICTION: Rule = Rule {
    code: "GL804",
    level: Level::Error,
    title: "RocketMQ Connect's keys cannot be translated",
    explanation: "A key of RocketMQ Connect and the key of Kafka Connect that means the same have \
        different values, or a value has no counterpart here: the file is refused.",
    base: Base::Sink,
    bad: "max.tasks=2\ntasks.max=1\n",
    good: "tasks.max=1\n",
};

const RENAMED: Rule = Rule {
    code: "GL802",
    level: Level::Warning,
    title: "Key that is no longer read",
    explanation: "Earlier versions of Kafka Connect read the key; version 4 does not, and does not \
        refuse it either. The key that took its place is named.",
    base: Base::Sink,
    bad: "transforms=r\ntransforms.r.type=org.apache.kafka.connect.transforms.ReplaceField$Value\n\
          transforms.r.blacklist=secret\n",
    good: "transforms=r\ntransforms.r.type=org.apache.kafka.connect.transforms.ReplaceField$Value\n\
           transforms.r.exclude=secret\n",
};

const DEPRECATED: Rule = Rule {
    code: "GL803",
    level: Level::Info,
    title: "Key that will go",
    explanation: "The key is read today. Kafka Connect has announced that a later version will \
        not.",
    base: Base::Source,
    bad: "tasks.max.enforce=false\n",
    good: "",
};

pub(super) const RULES: &[&Rule] = &[&ROCKETMQ, &RENAMED, &DEPRECATED, &CONTRADICTION];

/// RocketMQ Connect's keys with what to write instead.
const ROCKETMQ_KEYS: &[(&str, &str)] = &[
    ("max.tasks", "write tasks.max"),
    ("connect.topicname", "write the connector's own key for its topic"),
    ("connect.topicnames", "write topics, with commas between the names"),
    ("connect.timestamp", "take it out"),
    ("connect.schema", "take it out"),
    ("connector.direct.enable", "take it out"),
    ("source.task.class", "take it out: the connector knows its tasks"),
    ("sink.task.class", "take it out: the connector knows its tasks"),
    ("ordering.msg.enable", "take it out: the records of a queue keep their order"),
    ("consume.from.where", "write consumer.override.auto.offset.reset=earliest or latest"),
    ("task.group.id", "write consumer.override.group.id"),
    ("task-group-id", "write consumer.override.group.id"),
    ("errors.deadletterqueue.read.queue.nums", "take it out"),
    ("errors.deadletterqueue.write.queue.nums", "take it out"),
    (
        "errors.deadletterqueue.context.properties.enable",
        "write errors.deadletterqueue.context.headers.enable",
    ),
];

const DEPRECATED_KEYS: &[(&str, &str)] =
    &[("tasks.max.enforce", "raise tasks.max to what the connector makes, and take this out")];

/// Whether a key is found by a rule of this module, and so is not merely unknown.
pub(super) fn judges(context: &Context<'_>, key: &str) -> bool {
    let is_retired = || retired(context).into_iter().any(|(retired, _)| retired == key);
    rocketmq_remedy(context, key).is_some() || is_retired()
}

/// Settings of transformations that version 4 does not read, with what to write instead.
fn retired(context: &Context<'_>) -> Vec<(String, String)> {
    retired_keys(context.plugins, &context.document.props)
}

fn rocketmq_remedy(context: &Context<'_>, key: &str) -> Option<String> {
    if let Some((_, remedy)) = ROCKETMQ_KEYS.iter().find(|(name, _)| *name == key) {
        return Some((*remedy).to_owned());
    }
    let name = key.strip_prefix("transforms.")?.strip_suffix(".class")?;
    let stage = context.transforms.iter().find(|stage| stage.name == name)?;
    // A transformation that has a key of that name may have it.
    let has = stage.info.is_some_and(|info| info.config_def().key("class").is_some());
    (!has).then(|| format!("write {}", stage.key("type")))
}

pub(super) fn check(context: &Context<'_>, report: &mut Report) {
    let document = context.document;
    for key in document.keys() {
        if let Some(remedy) = rocketmq_remedy(context, key) {
            let text = format!("{key} is a key of RocketMQ Connect");
            report.about(document, &ROCKETMQ, key, text, remedy);
        }
    }
    for (key, new) in retired(context) {
        let text = format!("{key} is no longer read: the fields are not filtered by it");
        report.about(document, &RENAMED, &key, text, format!("write {new}"));
    }
    if let Err(why) = translate(&document.props, context.plugins) {
        report.at(&CONTRADICTION, None, None, why, "keep one of the dialects");
    }
    check_keys(document, report);
}

/// Looks at keys by their names alone, of files of both kinds.
pub(super) fn check_keys(document: &Document, report: &mut Report) {
    for key in document.keys().into_iter().filter(|_| document.kind == Kind::Worker) {
        if let Some(remedy) = retired_worker_key(key) {
            report.about(document, &RENAMED, key, format!("{key} is no longer read"), remedy);
        }
    }
    for (key, remedy) in DEPRECATED_KEYS {
        if document.kind == Kind::Connector && document.props.contains_key(*key) {
            let text = format!("{key} is deprecated since Kafka Connect 4.0");
            report.about(document, &DEPRECATED, key, text, *remedy);
        }
    }
}
