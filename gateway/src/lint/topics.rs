//! Topics, and how many tasks share them.

use super::context::Context;
use super::report::Report;
use super::rule::{Base, Level, Rule};

const BOTH: Rule = Rule {
    code: "GL601",
    level: Level::Error,
    title: "topics and topics.regex",
    explanation: "A sink names its topics one by one, or by a pattern. With both, a worker refuses \
        the configuration.",
    base: Base::Sink,
    bad: "topics.regex=lines-.*\n",
    good: "",
};

const DLQ_IN_TOPICS: Rule = Rule {
    code: "GL602",
    level: Level::Error,
    title: "Dead letter queue among the topics",
    explanation: "A sink that reads its own dead letter queue would fail on the same records for \
        ever. A worker refuses the configuration.",
    base: Base::Sink,
    bad: "errors.tolerance=all\nerrors.deadletterqueue.topic.name=lines\n",
    good: "errors.tolerance=all\nerrors.deadletterqueue.topic.name=dead-lines\n",
};

const ONE_TASK: Rule = Rule {
    code: "GL603",
    level: Level::Warning,
    title: "More tasks than the connector makes",
    explanation: "The connector reads one stream in one order and makes one task whatever \
        `tasks.max` says. More tasks do not make it faster.",
    base: Base::Source,
    bad: "tasks.max=4\n",
    good: "tasks.max=1\n",
};

const ONE_FILE: Rule = Rule {
    code: "GL604",
    level: Level::Info,
    title: "Several tasks write one file",
    explanation: "All tasks of a FileStreamSink append to the same file. Lines of different queues \
        mix, and after a crash lines may come twice; with one task each line stands in the file \
        once.",
    base: Base::Sink,
    bad: "tasks.max=2\n",
    good: "tasks.max=1\n",
};

pub(super) const RULES: &[&Rule] = &[&BOTH, &DLQ_IN_TOPICS, &ONE_TASK, &ONE_FILE];

/// Connectors that make one task, as their documentation says.
const ONE_TASK_CLASSES: &[&str] = &[
    "org.apache.kafka.connect.file.FileStreamSourceConnector",
    "io.debezium.connector.db2.Db2Connector",
    "io.debezium.connector.informix.InformixConnector",
    "io.debezium.connector.mariadb.MariaDbConnector",
    "io.debezium.connector.mysql.MySqlConnector",
    "io.debezium.connector.oracle.OracleConnector",
    "io.debezium.connector.postgresql.PostgresConnector",
];

const FILE_SINK: &str = "org.apache.kafka.connect.file.FileStreamSinkConnector";

/// Whether an error of a validation has a rule here.
pub(super) fn judges(error: &str) -> bool {
    error.contains("mutually exclusive") || error.starts_with("The DLQ topic")
}

pub(super) fn check(context: &Context<'_>, report: &mut Report) {
    let document = context.document;
    let values = context.infos.configs.iter().filter_map(|config| config.value.as_ref());
    for value in values {
        for error in value.errors.iter().filter(|error| judges(error)) {
            if error.starts_with("The DLQ topic") {
                let remedy = "take it out of the topics, or write failed records to another one";
                report.about(document, &DLQ_IN_TOPICS, &value.name, error, remedy);
            } else if value.name == "topics" {
                report.about(document, &BOTH, "topics", error, "keep one of both");
            }
        }
    }
    tasks(context, report);
}

fn tasks(context: &Context<'_>, report: &mut Report) {
    let document = context.document;
    let tasks = document.text("tasks.max").parse::<u32>().unwrap_or(1);
    if tasks <= 1 {
        return;
    }
    let class = document.text("connector.class");
    let class = context.connector.map_or(class, |plugin| &plugin.info.class);
    if ONE_TASK_CLASSES.contains(&class) {
        let text = format!("tasks.max is {tasks}, and the connector makes one task");
        report.about(document, &ONE_TASK, "tasks.max", text, "write tasks.max=1");
    }
    if class == FILE_SINK {
        let text = format!("{tasks} tasks append to one file");
        report.about(document, &ONE_FILE, "tasks.max", text, "write tasks.max=1");
    }
}
