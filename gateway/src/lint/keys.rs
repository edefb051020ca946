//! Keys that nobody reads.

use std::collections::BTreeSet;

use super::context::{Context, Stage};
use super::dialects;
use super::report::Report;
use super::rule::{Base, Level, Rule};
use super::stages::LISTS;
use crate::nearest::nearest;
use crate::worker_config;

pub(super) const UNKNOWN_KEY: Rule = Rule {
    code: "GL101",
    level: Level::Warning,
    title: "Unknown key",
    explanation: "Nothing reads the key: not the connector, not its converters, transformations \
        and predicates, not the worker. It is not refused, it is without effect, which is how a \
        misspelt key hides. The nearest known key is named. The keys of a class that is not there \
        are not judged.",
    base: Base::Source,
    bad: "batch.sise=100\n",
    good: "batch.size=100\n",
};

pub(super) const UNKNOWN_CLASS: Rule = Rule {
    code: "GL102",
    level: Level::Info,
    title: "Class that is not there",
    explanation: "The class is none of the native plugins, so that neither its keys nor what it \
        does to records can be judged. The rest of the file is.",
    base: Base::Properties,
    bad: "name=example\nconnector.class=com.example.MyLinesConnector\nanything=goes\n",
    good: "name=example\nconnector.class=FileStreamSource\ntopic=lines\n",
};

const WORKER_KEY: Rule = Rule {
    code: "GL103",
    level: Level::Warning,
    title: "Key of the worker in a connector",
    explanation: "The key belongs into the worker file. In a connector's configuration nothing \
        reads it.",
    base: Base::Source,
    bad: "offset.flush.interval.ms=1000\n",
    good: "",
};

const CLIENT_KEY: Rule = Rule {
    code: "GL104",
    level: Level::Warning,
    title: "Client setting without override",
    explanation: "In a connector, settings of its clients stand behind `producer.override.`, \
        `consumer.override.` or `admin.override.`. Without `override` they are the worker's, and a \
        connector's configuration is not looked into for them.",
    base: Base::Sink,
    bad: "consumer.max.poll.records=100\n",
    good: "consumer.override.max.poll.records=100\n",
};

const IDLE_CONVERTER_KEY: Rule = Rule {
    code: "GL105",
    level: Level::Warning,
    title: "Converter setting without its converter",
    explanation: "Settings behind `key.converter.` hold for the converter that `key.converter` of \
        the same file names; the same is so for values and headers. A connector that leaves the \
        class to the worker gets the worker's settings too, and its own are passed over.",
    base: Base::Source,
    bad: "value.converter.schemas.enable=false\n",
    good: "value.converter=org.apache.kafka.connect.json.JsonConverter\n\
           value.converter.schemas.enable=false\n",
};

pub(super) const RULES: &[&Rule] =
    &[&UNKNOWN_KEY, &UNKNOWN_CLASS, &WORKER_KEY, &CLIENT_KEY, &IDLE_CONVERTER_KEY];

const CONVERTERS: [&str; 3] = ["key.converter", "value.converter", "header.converter"];
const OVERRIDES: [&str; 3] = ["producer.override.", "consumer.override.", "admin.override."];
const CLIENTS: [&str; 3] = ["producer.", "consumer.", "admin."];
/// Keys that are read and are in no definition.
const OURS: [&str; 5] = [
    "gantry.restart.max",
    "gantry.restart.backoff.ms",
    "gantry.restart.backoff.max.ms",
    "gantry.tasks.auto",
    "gantry.tasks.auto.interval.ms",
];
/// Sources have a dead letter queue here, which Kafka's definition does not know.
const DEAD_LETTERS: [&str; 3] = [
    "errors.deadletterqueue.topic.name",
    "errors.deadletterqueue.topic.replication.factor",
    "errors.deadletterqueue.context.headers.enable",
];
/// What a group of topics to create may have, besides settings of the topic.
const CREATION: &str = "topic.creation.";

pub(super) fn check(context: &Context<'_>, report: &mut Report) {
    unknown_connector(context, report);
    let known = known_keys(context);
    for key in context.document.keys() {
        if known.contains(key) || dialects::judges(context, key) {
            continue;
        }
        judge(context, &known, key, report);
    }
}

fn unknown_connector(context: &Context<'_>, report: &mut Report) {
    let class = context.document.text("connector.class");
    if class.is_empty() || context.connector.is_some() {
        return;
    }
    let plugins = context.plugins.connectors.iter();
    let names = plugins.flat_map(|plugin| {
        std::iter::once(&*plugin.info.class).chain(plugin.info.aliases.iter().map(|name| &**name))
    });
    let remedy = match nearest(class, names) {
        Some(name) => format!("if {name} was meant, write that; else nothing is to be done here"),
        None => "nothing is to be done if the worker has this connector".to_owned(),
    };
    let text = format!("the connector {class} is not known here: its keys are not judged");
    report.about(context.document, &UNKNOWN_CLASS, "connector.class", text, remedy);
}

fn known_keys<'a>(context: &'a Context<'_>) -> BTreeSet<&'a str> {
    let mut known: BTreeSet<&str> = context.types().into_keys().collect();
    known.extend(OURS);
    known.extend(DEAD_LETTERS);
    known
}

fn judge(context: &Context<'_>, known: &BTreeSet<&str>, key: &str, report: &mut Report) {
    let document = context.document;
    if OVERRIDES.iter().any(|prefix| key.len() > prefix.len() && key.starts_with(prefix)) {
        return;
    }
    if let Some(converter) = CONVERTERS.iter().find(|c| is_behind(key, &format!("{c}."))) {
        return converter_key(context, known, converter, key, report);
    }
    if let Some(list) = LISTS.iter().find(|list| is_behind(key, &format!("{}.", list.name))) {
        let stages =
            if list.name == "transforms" { &context.transforms } else { &context.predicates };
        return stage_key(context, known, list.name, stages, key, report);
    }
    if is_behind(key, CREATION) && context.is_source {
        return creation_key(context, known, key, report);
    }
    if let Some(prefix) = CLIENTS.iter().find(|prefix| is_behind(key, prefix)) {
        if context.connector.is_some() {
            let rest = &key[prefix.len()..];
            let text = format!("{key} has no effect in a connector");
            let remedy = format!("write {prefix}override.{rest}");
            report.about(document, &CLIENT_KEY, key, text, remedy);
        }
        return;
    }
    if context.connector.is_none() {
        return;
    }
    if worker_config::row(key).is_some() {
        let text = format!("{key} is a key of the worker, and has no effect in a connector");
        report.about(document, &WORKER_KEY, key, text, "set it in the worker file");
        return;
    }
    unknown(context, known.iter().copied(), key, report);
}

fn is_behind(key: &str, prefix: &str) -> bool {
    key.len() > prefix.len() && key.starts_with(prefix)
}

fn unknown<'k>(
    context: &Context<'_>,
    candidates: impl IntoIterator<Item = &'k str>,
    key: &str,
    report: &mut Report,
) {
    let remedy = match nearest(key, candidates) {
        Some(name) => format!("did you mean {name}?"),
        None => "take it out, or correct its name".to_owned(),
    };
    let text = format!("nothing reads the key {key}");
    report.about(context.document, &UNKNOWN_KEY, key, text, remedy);
}

fn converter_key(
    context: &Context<'_>,
    known: &BTreeSet<&str>,
    converter: &str,
    key: &str,
    report: &mut Report,
) {
    let document = context.document;
    if !document.props.contains_key(converter) {
        let text = format!("{key} has no effect, as {converter} is not set here");
        let remedy = format!("set {converter} in this file too, or take the setting out");
        report.about(document, &IDLE_CONVERTER_KEY, key, text, remedy);
        return;
    }
    let prefix = format!("{converter}.");
    let own: Vec<&str> = known.iter().copied().filter(|name| name.starts_with(&prefix)).collect();
    // The keys of a class that is not there are its own.
    let is_known = own.iter().any(|name| *name != format!("{converter}.plugin.version"));
    if is_known {
        unknown(context, own, key, report);
    }
}

fn stage_key(
    context: &Context<'_>,
    known: &BTreeSet<&str>,
    list: &str,
    stages: &[Stage<'_>],
    key: &str,
    report: &mut Report,
) {
    // Names may hold dots: the longest one is meant.
    let mut owners: Vec<&Stage<'_>> =
        stages.iter().filter(|stage| is_behind(key, &stage.prefix)).collect();
    owners.sort_by_key(|stage| stage.prefix.len());
    let Some(stage) = owners.pop() else {
        // What is defined and not listed has a rule of its own.
        let types = context.document.props.keys().filter(|key| key.starts_with(list));
        let mut defined = types.filter_map(|key| key.strip_suffix("type"));
        if !defined.any(|prefix| prefix.ends_with('.') && is_behind(key, prefix)) {
            let own = known.iter().copied().filter(|name| name.starts_with(list));
            unknown(context, own, key, report);
        }
        return;
    };
    if stage.info.is_some() {
        let own = known.iter().copied().filter(|name| name.starts_with(&stage.prefix));
        unknown(context, own, key, report);
    }
}

fn creation_key(context: &Context<'_>, known: &BTreeSet<&str>, key: &str, report: &mut Report) {
    let mut groups = context.document.list("topic.creation.groups");
    groups.push("default");
    if groups.iter().any(|group| is_behind(key, &format!("{CREATION}{group}."))) {
        return;
    }
    let of_groups = ["partitions", "replication.factor", "include", "exclude"];
    let names: Vec<String> = groups
        .iter()
        .flat_map(|group| of_groups.map(|own| format!("{CREATION}{group}.{own}")))
        .collect();
    let candidates = names.iter().map(String::as_str).chain(known.iter().copied());
    unknown(context, candidates, key, report);
}
