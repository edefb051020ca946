//! Transformations and predicates: listed, defined, used, able to be made.

use std::collections::BTreeSet;

use gantry_api::Props;

use super::context::{Context, Stage, behind};
use super::report::Report;
use super::rule::{Base, Level, Rule};
use crate::nearest::nearest;

const NOT_DEFINED: Rule = Rule {
    code: "GL301",
    level: Level::Error,
    title: "Listed but not defined",
    explanation: "`transforms` or `predicates` names what has no `type`. The configuration is \
        refused. Names are compared letter by letter.",
    base: Base::Source,
    bad: "transforms=hoist\ntransforms.hoits.type=\
          org.apache.kafka.connect.transforms.HoistField$Value\ntransforms.hoits.field=line\n",
    good: "transforms=hoist\ntransforms.hoist.type=\
           org.apache.kafka.connect.transforms.HoistField$Value\ntransforms.hoist.field=line\n",
};

const NOT_LISTED: Rule = Rule {
    code: "GL302",
    level: Level::Warning,
    title: "Defined but not listed",
    explanation: "A transformation takes part only where `transforms` names it, a predicate only \
        where `predicates` does. This one is passed over without a word.",
    base: Base::Source,
    bad: "transforms.hoist.type=org.apache.kafka.connect.transforms.HoistField$Value\n\
          transforms.hoist.field=line\n",
    good: "transforms=hoist\ntransforms.hoist.type=\
           org.apache.kafka.connect.transforms.HoistField$Value\ntransforms.hoist.field=line\n",
};

const NO_SUCH_PREDICATE: Rule = Rule {
    code: "GL303",
    level: Level::Error,
    title: "Predicate that is not defined",
    explanation: "A transformation refers to a predicate that `predicates` does not name or that \
        has no `type`. The task fails when it starts.",
    base: Base::Source,
    bad: "transforms=drop\ntransforms.drop.type=org.apache.kafka.connect.transforms.Filter\n\
          transforms.drop.predicate=tombstone\n",
    good: "transforms=drop\ntransforms.drop.type=org.apache.kafka.connect.transforms.Filter\n\
           transforms.drop.predicate=tombstone\npredicates=tombstone\npredicates.tombstone.type=\
           org.apache.kafka.connect.transforms.predicates.RecordIsTombstone\n",
};

const UNUSED_PREDICATE: Rule = Rule {
    code: "GL304",
    level: Level::Warning,
    title: "Predicate that nothing uses",
    explanation: "No transformation refers to the predicate, so that it changes nothing.",
    base: Base::Source,
    bad: "predicates=tombstone\npredicates.tombstone.type=\
          org.apache.kafka.connect.transforms.predicates.RecordIsTombstone\n",
    good: "",
};

const NOT_MADE: Rule = Rule {
    code: "GL305",
    level: Level::Error,
    title: "Settings that do not fit each other",
    explanation: "Each setting is valid, all together are not: the transformation, predicate or \
        converter cannot be made, and the task fails when it starts. A validation by a worker does \
        not find this.",
    base: Base::Source,
    bad: "transforms=hoist,stamp\ntransforms.hoist.type=\
          org.apache.kafka.connect.transforms.HoistField$Value\ntransforms.hoist.field=line\n\
          transforms.stamp.type=org.apache.kafka.connect.transforms.InsertField$Value\n",
    good: "transforms=hoist,stamp\ntransforms.hoist.type=\
           org.apache.kafka.connect.transforms.HoistField$Value\ntransforms.hoist.field=line\n\
           transforms.stamp.type=org.apache.kafka.connect.transforms.InsertField$Value\n\
           transforms.stamp.topic.field=topic\n",
};

const DROPS_ALL: Rule = Rule {
    code: "GL306",
    level: Level::Warning,
    title: "Filter without predicate",
    explanation: "Filter drops each record that it is applied to, and without a predicate that is \
        every record.",
    base: Base::Source,
    bad: "transforms=drop\ntransforms.drop.type=org.apache.kafka.connect.transforms.Filter\n",
    good: "transforms=drop\ntransforms.drop.type=org.apache.kafka.connect.transforms.Filter\n\
           transforms.drop.predicate=tombstone\npredicates=tombstone\npredicates.tombstone.type=\
           org.apache.kafka.connect.transforms.predicates.RecordIsTombstone\n",
};

pub(super) const RULES: &[&Rule] =
    &[&NOT_DEFINED, &NOT_LISTED, &NO_SUCH_PREDICATE, &UNUSED_PREDICATE, &NOT_MADE, &DROPS_ALL];

/// The two lists of stages.
pub(super) struct List {
    pub(super) name: &'static str,
    one: &'static str,
}

pub(super) const LISTS: [List; 2] = [
    List { name: "transforms", one: "transformation" },
    List { name: "predicates", one: "predicate" },
];

pub(super) fn check(context: &Context<'_>, report: &mut Report) {
    for (list, stages) in LISTS.iter().zip([&context.transforms, &context.predicates]) {
        let defined = defined(context, list, stages);
        for stage in stages {
            if stage.class.is_empty() {
                not_defined(context, list, stage, &defined, report);
            }
        }
        for name in &defined {
            if !stages.iter().any(|stage| stage.name == *name) {
                not_listed(context, list, stages, name, report);
            }
        }
    }
    predicates(context, report);
    for stage in context.transforms.iter().chain(&context.predicates) {
        made(context, stage, report);
    }
}

/// Names that have a `type`, of those in no list the text before the last dot.
fn defined<'a>(context: &Context<'a>, list: &List, stages: &[Stage<'_>]) -> BTreeSet<&'a str> {
    let prefix = format!("{}.", list.name);
    let keys = context.document.props.keys();
    let names = keys.filter_map(|key| key.strip_prefix(&prefix)?.strip_suffix(".type"));
    // `transforms.a.b.type` is a setting of `a`, if only `a` is listed and has such a key.
    let belongs = |name: &str| {
        stages.iter().any(|stage| {
            let own = name.strip_prefix(stage.name).and_then(|rest| rest.strip_prefix('.'));
            own.is_some_and(|own| {
                let key = format!("{own}.type");
                stage.info.is_none_or(|info| info.config_def().key(&key).is_some())
            })
        })
    };
    names.filter(|name| stages.iter().any(|s| s.name == *name) || !belongs(name)).collect()
}

fn not_defined(
    context: &Context<'_>,
    list: &List,
    stage: &Stage<'_>,
    defined: &BTreeSet<&str>,
    report: &mut Report,
) {
    let text = format!("the {} {} has no {}", list.one, stage.name, stage.key("type"));
    let remedy = match nearest(stage.name, defined.iter().copied()) {
        Some(name) => format!("did you mean {name}, which is defined?"),
        None => format!("add {}, or take {} out of {}", stage.key("type"), stage.name, list.name),
    };
    report.about(context.document, &NOT_DEFINED, list.name, text, remedy);
}

fn not_listed(
    context: &Context<'_>,
    list: &List,
    stages: &[Stage<'_>],
    name: &str,
    report: &mut Report,
) {
    let key = format!("{}.{name}.type", list.name);
    let text = format!("the {} {name} is defined, and {} does not name it", list.one, list.name);
    let open = stages.iter().filter(|stage| stage.class.is_empty()).map(|stage| stage.name);
    let remedy = match nearest(name, open) {
        Some(other) => format!("did you mean {other}, which is listed?"),
        None => format!("add {name} to {}, or take its settings out", list.name),
    };
    report.about(context.document, &NOT_LISTED, &key, text, remedy);
}

fn predicates(context: &Context<'_>, report: &mut Report) {
    let document = context.document;
    let mut used = BTreeSet::new();
    for stage in &context.transforms {
        let key = stage.key("predicate");
        if !document.props.contains_key(&key) {
            if stage.simple() == "Filter" {
                let text = format!("{} drops every record", stage.name);
                let remedy = format!("add {key} that says which records to drop");
                report.about(document, &DROPS_ALL, &stage.key("type"), text, remedy);
            }
            continue;
        }
        let name = document.text(&key);
        used.insert(name);
        // Kafka and we look at the type alone; a name in no list is a slip all the same.
        let found = context.predicates.iter().any(|other| other.name == name);
        if !found && !document.is_variable(&key) {
            let known = context.predicates.iter().map(|other| other.name);
            let remedy = match nearest(name, known) {
                Some(other) => format!("did you mean {other}?"),
                None => format!("add {name} to predicates, and predicates.{name}.type"),
            };
            let text = format!("{key} names {name}, which predicates does not");
            report.about(document, &NO_SUCH_PREDICATE, &key, text, remedy);
        }
    }
    for predicate in context.predicates.iter().filter(|predicate| !used.contains(predicate.name)) {
        let text = format!("no transformation refers to the predicate {}", predicate.name);
        let remedy = format!("set transforms.NAME.predicate={}, or take it out", predicate.name);
        report.about(document, &UNUSED_PREDICATE, "predicates", text, remedy);
    }
}

/// Makes a stage, which shows whether its settings fit each other.
fn made(context: &Context<'_>, stage: &Stage<'_>, report: &mut Report) {
    let own = behind(&context.document.props, &stage.prefix);
    if !context.is_valid(&stage.prefix) || is_open(&own) {
        return;
    }
    let outcome = if stage.list == "transforms" {
        context.plugins.find_transformation(stage.class).map(|plugin| plugin.create(&own).err())
    } else {
        context.plugins.find_predicate(stage.class).map(|plugin| plugin.create(&own).err())
    };
    if let Some(Some(error)) = outcome {
        cannot_be_made(context, &stage.key("type"), error.message(), report);
    }
}

/// Reports what cannot be made.
pub(super) fn cannot_be_made(context: &Context<'_>, key: &str, why: &str, report: &mut Report) {
    let text = format!("{} cannot be made: {why}", context.document.text(key));
    let remedy = "see the keys of its class: GET /connector-plugins/CLASS/config lists them";
    report.about(context.document, &NOT_MADE, key, text, remedy);
}

/// Whether a setting is not known here.
pub(super) fn is_open(props: &Props) -> bool {
    props.values().any(|value| value.contains("${"))
}
