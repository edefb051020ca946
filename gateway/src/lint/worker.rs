//! Worker files.

use std::sync::Arc;

use gantry_api::{PluginRegistry, Props};

use super::dialects;
use super::document::Document;
use super::keys::UNKNOWN_KEY;
use super::report::Report;
use super::rule::{Base, Level, Rule};
use super::values::{INVALID, MISSING, NO_SUCH_CLASS};
use crate::rocketmq_connect::{translate_worker, with_defaults};
use crate::worker_config::{
    Effect, Mode, definition, is_known, nearest, retired_worker_key, row, settings,
};

const IDLE: Rule = Rule {
    code: "GL901",
    level: Level::Info,
    title: "Worker key without effect here",
    explanation: "The key is read and checked, so that a worker file of Kafka Connect starts \
        unchanged, and changes nothing: what it is for does not exist here. \
        [worker-config.md](worker-config.md) lists the effect of each key.",
    base: Base::Worker,
    bad: "metrics.num.samples=3\n",
    good: "offset.flush.interval.ms=1000\n",
};

pub(super) const RULES: &[&Rule] = &[&IDLE];

pub(super) fn check(document: &Document, plugins: &Arc<PluginRegistry>, report: &mut Report) {
    dialects::check_keys(document, report);
    let (config, theirs) = translated(document, report);
    for key in document.keys() {
        if theirs.iter().any(|their| their == key) {
            continue;
        }
        if !is_known(key) {
            unknown(document, key, report);
        } else if let Some(row) = row(key).filter(|row| row.effect == Effect::Accepted) {
            let text = format!("{key} has no effect here");
            report.about(document, &IDLE, key, text, row.doc);
        }
    }
    let mut found = false;
    for value in definition().validate(&config) {
        if document.is_variable(&value.name) {
            continue;
        }
        for error in &value.errors {
            found = true;
            let remedy = row(&value.name).map_or_else(String::new, |row| {
                format!("write {}, or leave it out for {}", row.allowed(), row.default_text())
            });
            report.about(document, &INVALID, &value.name, error, remedy);
        }
    }
    // The rest is found one by one, and only where all values are known.
    let open = config.values().any(|value| value.contains("${"));
    if !found
        && !open
        && let Err(error) = settings(mode_of(&config), config, plugins)
    {
        refused(document, &error, report);
    }
}

/// The configuration in our keys, and those of its keys that are RocketMQ Connect's.
fn translated(document: &Document, report: &mut Report) -> (Props, Vec<String>) {
    match translate_worker(&document.props) {
        Ok(translation) => {
            let translation = with_defaults(translation);
            let is_theirs = |key: &&str| !translation.config.contains_key(*key);
            let theirs = document.keys().into_iter().filter(is_theirs).map(str::to_owned).collect();
            (translation.config, theirs)
        }
        Err(why) => {
            report.at(&INVALID, None, None, why, "keep one of the dialects");
            (document.props.clone(), Vec::new())
        }
    }
}

/// A file that names the topic of the connectors is one of distributed mode.
fn mode_of(config: &Props) -> Mode {
    match config.contains_key("config.storage.topic") {
        true => Mode::Distributed,
        false => Mode::Standalone,
    }
}

fn unknown(document: &Document, key: &str, report: &mut Report) {
    if retired_worker_key(key).is_some() {
        return;
    }
    let remedy = match nearest(key) {
        Some(known) => format!("did you mean {known}?"),
        None => "take it out, or correct its name".to_owned(),
    };
    let text = format!("{key} is no worker key");
    report.about(document, &UNKNOWN_KEY, key, text, remedy);
}

/// A start that would fail, in the worker's words, at the key that they name.
fn refused(document: &Document, error: &str, report: &mut Report) {
    let named = |prefix: &str, end: char| {
        let rest = error.split_once(prefix)?.1;
        Some(rest.split(end).next().unwrap_or_default().to_owned())
    };
    let (message, remedy) = match error.split_once(". ") {
        Some((message, remedy)) => (message, remedy),
        None => (error, "the message says what to write"),
    };
    if let Some(key) = named("Missing required configuration \"", '"') {
        return report.about(document, &MISSING, &key, message, remedy);
    }
    let rule = if error.contains("could not be found") { &NO_SUCH_CLASS } else { &INVALID };
    let key = named("for configuration ", ':').or_else(|| {
        let is_named = |key: &&str| error.starts_with(&format!("{key} "));
        document.keys().into_iter().find(is_named).map(str::to_owned)
    });
    match key {
        Some(key) => report.about(document, rule, &key, message, remedy),
        None => report.at(rule, None, None, message, remedy),
    }
}
