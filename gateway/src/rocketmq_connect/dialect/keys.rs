//! Keys that have another name here, and keys that have no use here.

use super::topics::Kind;
use crate::rocketmq_connect::translation::Translation;

/// Another name, the same value.
const RENAMED: &[(&str, &str)] = &[
    ("max.tasks", "tasks.max"),
    ("task.group.id", "consumer.override.group.id"),
    (
        "errors.deadletterqueue.context.properties.enable",
        "errors.deadletterqueue.context.headers.enable",
    ),
];

const CONSUME_FROM_WHERE: &str = "consume.from.where";
const OFFSET_RESET: &str = "consumer.override.auto.offset.reset";
const ERRORS_TOLERANCE: &str = "errors.tolerance";
const DIRECT: &str = "connector.direct.enable";
const ORDERING: &str = "ordering.msg.enable";

const SET_BY_WORKER: &str = "the worker sets it";
const ONE_QUEUE: &str = "a dead letter topic that is not there is made with one queue";
const EARLY: &str = "a key of early versions, which RocketMQ Connect does not read any more";

/// Keys without use, with why.
const WITHOUT_USE: &[(&str, &str)] = &[
    ("connector.id", "a connector is known by its name"),
    ("task.class", SET_BY_WORKER),
    ("task.id", SET_BY_WORKER),
    ("task.type", SET_BY_WORKER),
    ("source.task.class", SET_BY_WORKER),
    ("sink.task.class", SET_BY_WORKER),
    ("isKey", SET_BY_WORKER),
    ("connect.timestamp", SET_BY_WORKER),
    ("connect.schema", SET_BY_WORKER),
    ("errors.deadletterqueue.read.queue.nums", ONE_QUEUE),
    ("errors.deadletterqueue.write.queue.nums", ONE_QUEUE),
    ("connector-class", EARLY),
    ("task-class", EARLY),
    ("max-task", EARLY),
    ("source-record-converter", EARLY),
];

/// Keys that are renamed or left out, each with its name here, if it has one.
#[cfg(test)]
pub(in crate::rocketmq_connect) fn connector_key_names()
-> impl Iterator<Item = (&'static str, Option<&'static str>)> {
    let renamed = RENAMED.iter().map(|(theirs, ours)| (*theirs, Some(*ours)));
    let special = [(CONSUME_FROM_WHERE, Some(OFFSET_RESET)), (DIRECT, None), (ORDERING, None)];
    let without_use = WITHOUT_USE.iter().map(|(theirs, _)| (*theirs, None));
    renamed.chain(special).chain(without_use)
}

/// Keys that only have another name, and the tolerance, whose case of letters is free there.
pub(super) fn rename(translation: &mut Translation) -> Result<(), String> {
    for (theirs, ours) in RENAMED {
        translation.rename(theirs, ours, |value| Ok(value.to_owned()))?;
    }
    if let Some(tolerance) = translation.config.get_mut(ERRORS_TOLERANCE)
        && ["all", "none"].iter().any(|known| tolerance.trim().eq_ignore_ascii_case(known))
    {
        *tolerance = tolerance.trim().to_ascii_lowercase();
    }
    Ok(())
}

/// `consume.from.where` of a sink.
pub(super) fn translate_start(translation: &mut Translation, kind: Kind) -> Result<(), String> {
    if kind == Kind::Source {
        translation.leave_out(CONSUME_FROM_WHERE, "a source consumes no topic");
    }
    translation.rename(CONSUME_FROM_WHERE, OFFSET_RESET, |place| match place {
        "CONSUME_FROM_FIRST_OFFSET" => Ok("earliest".to_owned()),
        "CONSUME_FROM_LAST_OFFSET" => Ok("latest".to_owned()),
        _ => Err(format!(
            "Invalid value {place} for configuration {CONSUME_FROM_WHERE}: write \
             CONSUME_FROM_FIRST_OFFSET or CONSUME_FROM_LAST_OFFSET"
        )),
    })
}

/// Takes out what has no use here. A value that asks for nothing goes without a word.
pub(super) fn leave_out(translation: &mut Translation) -> Result<(), String> {
    let is_true = |value: Option<&str>| value.is_some_and(|v| v.eq_ignore_ascii_case("true"));
    if is_true(translation.get(DIRECT)) {
        return Err(format!(
            "{DIRECT}=true is not available: records always go through a topic. Create the \
             source and the sink as two connectors on one topic"
        ));
    }
    translation.config.remove(DIRECT);
    if is_true(translation.get(ORDERING)) {
        translation.warnings.push(format!(
            "{ORDERING} is left out: records with one key go to one queue; records without key \
             keep their order in a topic of one queue"
        ));
    }
    translation.config.remove(ORDERING);
    for (key, why) in WITHOUT_USE {
        translation.leave_out(key, why);
    }
    Ok(())
}
