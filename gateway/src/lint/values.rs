//! What a validation by a worker would find, at its place in the file.

use super::context::Context;
use super::keys::UNKNOWN_CLASS;
use super::report::Report;
use super::rule::{Base, Level, Rule};
use super::topics;
use crate::nearest::nearest;

pub(super) const INVALID: Rule = Rule {
    code: "GL201",
    level: Level::Error,
    title: "Value that is not allowed",
    explanation: "The value is of another type than the key's, or outside of what the key allows. \
        The words are those of a worker, which refuses the configuration with them. Values with \
        variables of config providers are not judged.",
    base: Base::Source,
    bad: "tasks.max=many\n",
    good: "tasks.max=1\n",
};

pub(super) const MISSING: Rule = Rule {
    code: "GL202",
    level: Level::Error,
    title: "Key that must be set",
    explanation: "The key has no default. A worker refuses the configuration without it.",
    base: Base::Properties,
    bad: "name=example\nconnector.class=FileStreamSource\n",
    good: "name=example\nconnector.class=FileStreamSource\ntopic=lines\n",
};

pub(super) const NO_SUCH_CLASS: Rule = Rule {
    code: "GL203",
    level: Level::Error,
    title: "Class that does not exist",
    explanation: "A converter, transformation or predicate of that name does not exist, or the \
        class is of another kind. Transformations of keys and values have two classes each, with \
        `$Key` and `$Value` at the end.",
    base: Base::Source,
    bad: "transforms=hoist\ntransforms.hoist.type=org.apache.kafka.connect.transforms.HoistField\n\
          transforms.hoist.field=line\n",
    good: "transforms=hoist\ntransforms.hoist.type=\
           org.apache.kafka.connect.transforms.HoistField$Value\ntransforms.hoist.field=line\n",
};

pub(super) const RULES: &[&Rule] = &[&INVALID, &MISSING, &NO_SUCH_CLASS];

/// Packages whose classes are all known here.
const KAFKAS: [&str; 4] = [
    "org.apache.kafka.connect.transforms.",
    "org.apache.kafka.connect.converters.",
    "org.apache.kafka.connect.storage.",
    "org.apache.kafka.connect.json.",
];

const MISSING_TEXT: &str = "Missing required configuration";

pub(super) fn check(context: &Context<'_>, report: &mut Report) {
    let values = context.infos.configs.iter().filter_map(|config| config.value.as_ref());
    for value in values {
        for error in &value.errors {
            judge(context, &value.name, error, report);
        }
    }
}

fn judge(context: &Context<'_>, key: &str, error: &str, report: &mut Report) {
    let document = context.document;
    let is_stage_type = |key: &str| {
        let mut stages = context.transforms.iter().chain(&context.predicates);
        stages.any(|stage| stage.key("type") == key)
    };
    // What other rules say better.
    if document.is_variable(key)
        || key == "connector.class"
        || (is_stage_type(key) && document.text(key).is_empty())
        || topics::judges(error)
    {
        return;
    }
    let is_class = context.types().get(key) == Some(&"CLASS");
    if is_class && !document.text(key).is_empty() {
        return class(context, key, error, report);
    }
    if error.starts_with(MISSING_TEXT) || error.starts_with("Must configure one of") {
        let remedy = match documentation(context, key) {
            Some(doc) => format!("add {key}: {doc}"),
            None => format!("add {key}"),
        };
        return report.about(document, &MISSING, key, error, remedy);
    }
    // A required list says so twice.
    if !report.has(&MISSING, key) {
        report.about(document, &INVALID, key, error, remedy(context, key));
    }
}

fn documentation<'a>(context: &'a Context<'_>, key: &str) -> Option<&'a str> {
    let mut definitions = context.infos.configs.iter().filter_map(|c| c.definition.as_ref());
    definitions.find(|definition| definition.name == key).map(|d| d.documentation.as_str())
}

fn remedy(context: &Context<'_>, key: &str) -> String {
    let mut definitions = context.infos.configs.iter().filter_map(|c| c.definition.as_ref());
    let Some(definition) = definitions.find(|definition| definition.name == key) else {
        return "correct the value".to_owned();
    };
    let kind = match definition.type_.as_str() {
        "BOOLEAN" => "true or false",
        "INT" | "SHORT" | "LONG" => "a whole number",
        "DOUBLE" => "a number",
        "LIST" => "texts with commas between them",
        _ => "a text that fits",
    };
    match definition.default_value.as_deref() {
        Some(default) if !default.is_empty() => {
            format!("write {kind}, or leave {key} out for the default {default}")
        }
        _ => format!("write {kind}: {}", definition.documentation),
    }
}

/// A class that is not there: an error where it can only be ours, else worth knowing.
fn class(context: &Context<'_>, key: &str, error: &str, report: &mut Report) {
    let document = context.document;
    let class = document.text(key);
    let is_ours = !class.contains('.') || KAFKAS.iter().any(|package| class.starts_with(package));
    let is_there = error.contains("does not implement") || error.contains("is abstract");
    let mut known: Vec<&str> = Vec::new();
    let plugins = context.plugins;
    if key.ends_with("converter") {
        known.extend(plugins.converters.iter().map(|plugin| &*plugin.info.class));
        known.extend(plugins.header_converters.iter().map(|plugin| &*plugin.info.class));
    } else {
        known.extend(plugins.transformations.iter().map(|plugin| &*plugin.info.class));
        known.extend(plugins.predicates.iter().map(|plugin| &*plugin.info.class));
    }
    let simple = known.iter().copied().filter_map(|name| name.rsplit('.').next());
    // A nested class has its full name only.
    let full = |simple| match known.iter().find(|name| name.rsplit('.').next() == Some(simple)) {
        Some(full) if simple.contains('$') => full,
        _ => simple,
    };
    let near = nearest(class, known.iter().copied()).or_else(|| nearest(class, simple).map(full));
    if is_ours || is_there {
        let remedy = match near {
            Some(name) => format!("did you mean {name}?"),
            None => "`gantry connector plugins --all` lists the classes of a worker".to_owned(),
        };
        return report.about(document, &NO_SUCH_CLASS, key, error, remedy);
    }
    let text = format!("the class {class} is not known here: its keys are not judged");
    let remedy = "nothing is to be done if the worker has this class";
    report.about(document, &UNKNOWN_CLASS, key, text, remedy);
}
