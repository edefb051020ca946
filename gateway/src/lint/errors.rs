//! `errors.*`: settings that do not do what they look like together.

use super::context::Context;
use super::document::Document;
use super::report::Report;
use super::rule::{Base, Level, Rule};

const DLQ_WITHOUT_TOLERANCE: Rule = Rule {
    code: "GL501",
    level: Level::Warning,
    title: "Dead letter queue without tolerance",
    explanation: "With `errors.tolerance=none`, the default, the first record that fails ends the \
        task: the dead letter queue gets that one record and the connector stands still.",
    base: Base::Sink,
    bad: "errors.deadletterqueue.topic.name=dead-lines\n",
    good: "errors.deadletterqueue.topic.name=dead-lines\nerrors.tolerance=all\n",
};

const LOG_WITHOUT_TOLERANCE: Rule = Rule {
    code: "GL502",
    level: Level::Info,
    title: "Error log without tolerance",
    explanation: "With `errors.tolerance=none` the first record that fails ends the task, so that \
        the log tells of one record and the task's trace says the same.",
    base: Base::Sink,
    bad: "errors.log.enable=true\n",
    good: "errors.log.enable=true\nerrors.tolerance=all\n",
};

const IDLE: Rule = Rule {
    code: "GL503",
    level: Level::Warning,
    title: "Error setting without effect",
    explanation: "The setting changes how something is done that is switched off: headers of a \
        dead letter queue without its topic, details of a log that is not enabled, the wait between \
        tries where nothing is tried again.",
    base: Base::Sink,
    bad: "errors.deadletterqueue.context.headers.enable=true\n",
    good: "errors.deadletterqueue.context.headers.enable=true\n\
           errors.deadletterqueue.topic.name=dead-lines\nerrors.tolerance=all\n",
};

const SILENT: Rule = Rule {
    code: "GL504",
    level: Level::Warning,
    title: "Failed records vanish",
    explanation: "`errors.tolerance=all` skips each record that fails. Without a log and without a \
        dead letter queue nothing but a counter tells that it was there.",
    base: Base::Sink,
    bad: "errors.tolerance=all\n",
    good: "errors.tolerance=all\nerrors.log.enable=true\n",
};

pub(super) const RULES: &[&Rule] =
    &[&DLQ_WITHOUT_TOLERANCE, &LOG_WITHOUT_TOLERANCE, &IDLE, &SILENT];

const TOLERANCE: &str = "errors.tolerance";
const LOG: &str = "errors.log.enable";
const DLQ: &str = "errors.deadletterqueue.topic.name";
const RETRY: &str = "errors.retry.timeout";

/// A setting of what may be switched off.
struct Dependent {
    key: &'static str,
    is_on: fn(&Document) -> bool,
    remedy: &'static str,
}

fn has_dlq(document: &Document) -> bool {
    !document.text(DLQ).is_empty()
}

const NAME_A_DLQ: &str = "set errors.deadletterqueue.topic.name";

const DEPENDENTS: &[Dependent] = &[
    Dependent {
        key: "errors.log.include.messages",
        is_on: |document| document.is_true(LOG),
        remedy: "set errors.log.enable=true",
    },
    Dependent {
        key: "errors.deadletterqueue.context.headers.enable",
        is_on: has_dlq,
        remedy: NAME_A_DLQ,
    },
    Dependent {
        key: "errors.deadletterqueue.topic.replication.factor",
        is_on: has_dlq,
        remedy: NAME_A_DLQ,
    },
    Dependent {
        key: "errors.retry.delay.max.ms",
        is_on: |document| !matches!(document.text(RETRY), "" | "0"),
        remedy: "set errors.retry.timeout",
    },
];

pub(super) fn check(context: &Context<'_>, report: &mut Report) {
    let document = context.document;
    let tolerates = document.text(TOLERANCE) == "all";
    let open = document.is_variable(TOLERANCE);
    if has_dlq(document) && !tolerates && !open {
        let text = "errors.tolerance is none: the task fails with the first record that it writes \
                    to the dead letter queue";
        report.about(document, &DLQ_WITHOUT_TOLERANCE, DLQ, text, "set errors.tolerance=all");
    }
    if document.is_true(LOG) && !tolerates && !open {
        let text = "errors.tolerance is none: the task fails with the first record that it logs";
        let remedy = "set errors.tolerance=all, or take errors.log.enable out";
        report.about(document, &LOG_WITHOUT_TOLERANCE, LOG, text, remedy);
    }
    for Dependent { key, is_on, remedy } in DEPENDENTS {
        if document.props.contains_key(*key) && !is_on(document) {
            let text = format!("{key} has no effect here");
            report.about(document, &IDLE, key, text, *remedy);
        }
    }
    if tolerates && !has_dlq(document) && !document.is_true(LOG) && !document.is_variable(LOG) {
        let text = "records that fail are skipped and leave no trace";
        let remedy = "set errors.deadletterqueue.topic.name, or errors.log.enable=true";
        report.about(document, &SILENT, TOLERANCE, text, remedy);
    }
}
