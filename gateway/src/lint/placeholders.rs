//! Variables of config providers.

use std::collections::BTreeSet;

use gantry_model::config::provider::variables;

use super::document::Document;
use super::report::Report;
use super::rule::{Base, Level, Rule};
use super::run::Worker;
use crate::nearest::nearest;

const NO_PROVIDER: Rule = Rule {
    code: "GL702",
    level: Level::Error,
    title: "Variable of a provider that is not configured",
    explanation: "`config.providers` of the worker file does not name the provider, so that the \
        variable stays as it is: the connector gets the text `${…}` for a password.",
    base: Base::Worker,
    bad: "listeners=http://127.0.0.1:${env:PORT}\n",
    good: "listeners=http://127.0.0.1:${env:PORT}\nconfig.providers=env\n\
           config.providers.env.class=\
           org.apache.kafka.common.config.provider.EnvVarConfigProvider\n",
};

const UNCHECKED: Rule = Rule {
    code: "GL703",
    level: Level::Info,
    title: "Variable of a provider that nobody looked for",
    explanation: "No worker file was given, so that it is not known whether the worker has this \
        config provider. Give it with `--worker`.",
    base: Base::Source,
    bad: "batch.size=${file:/etc/gantry/sizes.properties:lines}\n",
    good: "batch.size=100\n",
};

const NOT_CLOSED: Rule = Rule {
    code: "GL704",
    level: Level::Warning,
    title: "Variable without its closing brace",
    explanation: "A variable is `${provider:path:key}` with a brace at its end. Without it the \
        text stays as it is.",
    base: Base::Source,
    bad: "batch.size=${file:/etc/gantry/sizes.properties:lines\n",
    good: "batch.size=100\n",
};

pub(super) const RULES: &[&Rule] = &[&NO_PROVIDER, &UNCHECKED, &NOT_CLOSED];

pub(super) fn check(document: &Document, worker: &Worker, report: &mut Report) {
    let names = worker.props.get("config.providers").map(String::as_str).unwrap_or_default();
    let known: BTreeSet<&str> =
        names.split(',').map(str::trim).filter(|name| !name.is_empty()).collect();
    for entry in &document.entries {
        let (place, key) = (Some(entry.place), Some(entry.key.as_str()));
        for variable in variables(&entry.value) {
            let provider = variable.provider;
            if known.contains(provider) {
                continue;
            }
            if worker.given {
                let text = format!("there is no config provider {provider}");
                let remedy = match nearest(provider, known.iter().copied()) {
                    Some(name) => format!("did you mean {name}?"),
                    None => format!(
                        "add {provider} to config.providers of the worker file, and \
                         config.providers.{provider}.class"
                    ),
                };
                report.at(&NO_PROVIDER, place, key, text, remedy);
            } else {
                let text = format!("the worker needs a config provider {provider}");
                report.at(&UNCHECKED, place, key, text, "give the worker file with --worker");
            }
        }
        if is_open(&entry.value) {
            let text = "a variable begins here and does not end";
            report.at(&NOT_CLOSED, place, key, text, "write ${provider:path:key}");
        }
    }
}

/// Whether a text ends inside of a variable.
fn is_open(value: &str) -> bool {
    let Some((_, rest)) = value.rsplit_once("${") else { return false };
    let name = rest.split(':').next().unwrap_or_default();
    let is_name = !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_');
    is_name && rest.contains(':') && !rest.contains('}')
}
