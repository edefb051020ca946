//! How a file is written: JSON and properties.

use std::collections::BTreeMap;

use super::document::{Document, Entry, Kind, Shape};
use super::keys::UNKNOWN_KEY;
use super::report::Report;
use super::rule::{Base, Level, Rule};
use super::values::INVALID;

pub(super) const UNREADABLE: Rule = Rule {
    code: "GL001",
    level: Level::Error,
    title: "The file cannot be read",
    explanation: "The file is not there, or is neither JSON nor properties. A worker refuses it \
        whole. The place says where reading ended.",
    base: Base::Json,
    bad: "{\n  \"name\": \"example\",\n  \"connector.class\": \"FileStreamSource\",\n  \
          \"topic\": \"lines\",\n}\n",
    good: "{\n  \"name\": \"example\",\n  \"connector.class\": \"FileStreamSource\",\n  \
           \"topic\": \"lines\"\n}\n",
};

pub(super) const COMMENT: Rule = Rule {
    code: "GL002",
    level: Level::Error,
    title: "Comment in JSON",
    explanation: "JSON has no comments: neither a worker nor `curl` takes the file. Properties \
        files have them, behind `#` at the beginning of a line.",
    base: Base::Json,
    bad: "{\n  // the lines of the log\n  \"name\": \"example\",\n  \"connector.class\": \
          \"FileStreamSource\",\n  \"topic\": \"lines\"\n}\n",
    good: "{\n  \"name\": \"example\",\n  \"connector.class\": \"FileStreamSource\",\n  \
           \"topic\": \"lines\"\n}\n",
};

const REPEATED: Rule = Rule {
    code: "GL003",
    level: Level::Warning,
    title: "Key stands twice",
    explanation: "Only the last value of a key counts, without a word about the others. Whoever \
        reads or changes the first one is misled.",
    base: Base::Source,
    bad: "batch.size=100\nbatch.size=200\n",
    good: "batch.size=200\n",
};

const NOT_A_TEXT: Rule = Rule {
    code: "GL004",
    level: Level::Error,
    title: "Value that is no text",
    explanation: "Values of a configuration are texts. A list is one text with commas \
        (`\"a,b\"`), an object is spread over keys with dots. A null is refused as well: leave the \
        key out.",
    base: Base::Json,
    bad: "{\n  \"name\": \"example\",\n  \"connector.class\": \"FileStreamSink\",\n  \
          \"topics\": [\"a\", \"b\"]\n}\n",
    good: "{\n  \"name\": \"example\",\n  \"connector.class\": \"FileStreamSink\",\n  \
           \"topics\": \"a,b\"\n}\n",
};

const SCALAR: Rule = Rule {
    code: "GL005",
    level: Level::Info,
    title: "Number or boolean in place of a text",
    explanation: "A worker takes it and keeps the text as it is written. Other tools that expect \
        texts may not.",
    base: Base::Json,
    bad: "{\n  \"name\": \"example\",\n  \"connector.class\": \"FileStreamSource\",\n  \
          \"topic\": \"lines\",\n  \"tasks.max\": 1\n}\n",
    good: "{\n  \"name\": \"example\",\n  \"connector.class\": \"FileStreamSource\",\n  \
           \"topic\": \"lines\",\n  \"tasks.max\": \"1\"\n}\n",
};

const BLANKS_KEPT: Rule = Rule {
    code: "GL006",
    level: Level::Error,
    title: "Blanks around a name that keeps them",
    explanation: "Kafka Connect looks up `connector.class`, and calls the connector, by the very \
        text: with a blank at the end the class is not found. In a properties file nobody sees \
        such a blank.",
    base: Base::Properties,
    bad: "name=example\nconnector.class=FileStreamSource \ntopic=lines\n",
    good: "name=example\nconnector.class=FileStreamSource\ntopic=lines\n",
};

const BLANKS: Rule = Rule {
    code: "GL007",
    level: Level::Info,
    title: "Blanks around a value",
    explanation: "The keys that Kafka Connect knows are read without the blanks. A connector that \
        reads its settings as they come keeps them, such as a blank at the end of a path.",
    base: Base::Source,
    bad: "batch.size=100 \n",
    good: "batch.size=100\n",
};

const NO_CLASS: Rule = Rule {
    code: "GL008",
    level: Level::Error,
    title: "No connector.class",
    explanation: "A JSON file configures a connector, and each connector needs its class. Without \
        it the worker refuses the file. (A properties file without `connector.class` is taken for \
        a worker file.)",
    base: Base::Json,
    bad: "{\n  \"name\": \"example\",\n  \"config\": { \"topic\": \"lines\" }\n}\n",
    good: "{\n  \"name\": \"example\",\n  \"config\": { \"connector.class\": \
           \"FileStreamSource\", \"topic\": \"lines\" }\n}\n",
};

const TWO_NAMES: Rule = Rule {
    code: "GL009",
    level: Level::Error,
    title: "Two names",
    explanation: "`name` beside `config` and `name` inside it differ, and a worker refuses that. \
        The one inside may be left out.",
    base: Base::Json,
    bad: "{\n  \"name\": \"one\",\n  \"config\": { \"name\": \"two\", \"connector.class\": \
          \"FileStreamSource\", \"topic\": \"lines\" }\n}\n",
    good: "{\n  \"name\": \"one\",\n  \"config\": { \"connector.class\": \
           \"FileStreamSource\", \"topic\": \"lines\" }\n}\n",
};

pub(super) const RULES: &[&Rule] = &[
    &UNREADABLE,
    &COMMENT,
    &REPEATED,
    &NOT_A_TEXT,
    &SCALAR,
    &BLANKS_KEPT,
    &BLANKS,
    &NO_CLASS,
    &TWO_NAMES,
];

/// Keys whose text counts with its blanks.
const KEPT: [&str; 2] = ["connector.class", "name"];

pub(super) fn check(document: &Document, report: &mut Report) {
    repeated(document, report);
    for entry in &document.entries {
        shape(entry, report);
        blanks(entry, document.kind, report);
    }
    if document.kind == Kind::Connector && !document.props.contains_key("connector.class") {
        report.at(
            &NO_CLASS,
            None,
            Some("connector.class"),
            "there is no connector.class",
            "add the class of the connector; `gantry connector plugins` lists those of a worker",
        );
    }
    beside(document, report);
}

/// Looks at what stands beside `config`.
fn beside(document: &Document, report: &mut Report) {
    for entry in &document.outer {
        let (place, key) = (Some(entry.place), Some(entry.key.as_str()));
        match entry.key.as_str() {
            "name" => {}
            "initial_state" => {
                let state = entry.value.to_ascii_uppercase();
                if !["RUNNING", "PAUSED", "STOPPED"].contains(&state.as_str()) {
                    let text = format!("initial_state is {}", entry.value);
                    report.at(&INVALID, place, key, text, "write RUNNING, PAUSED or STOPPED");
                }
            }
            other => {
                let text = format!("{other} stands beside config and is not read there");
                report.at(&UNKNOWN_KEY, place, key, text, "move it into config");
            }
        }
    }
    let name = |entries: &[Entry]| entries.iter().find(|entry| entry.key == "name").cloned();
    if let (Some(outer), Some(inner)) = (name(&document.outer), name(&document.entries))
        && outer.value != inner.value
    {
        let text = format!("name is {} here, and {} beside config", inner.value, outer.value);
        report.at(&TWO_NAMES, Some(inner.place), Some("name"), text, "make them the same");
    }
}

fn repeated(document: &Document, report: &mut Report) {
    let mut last: BTreeMap<&str, &Entry> = BTreeMap::new();
    for entry in &document.entries {
        if let Some(before) = last.insert(&entry.key, entry) {
            let same = before.value == entry.value && before.shape == entry.shape;
            let text = format!(
                "{} stands in line {} already; {}",
                entry.key,
                before.place.line,
                if same { "with the same value" } else { "only this value counts" }
            );
            let remedy = "take one of them out";
            report.at(&REPEATED, Some(entry.place), Some(&entry.key), text, remedy);
        }
    }
}

fn shape(entry: &Entry, report: &mut Report) {
    let (key, place) = (Some(entry.key.as_str()), Some(entry.place));
    let text = format!("the value of {} is {}", entry.key, entry.shape.as_str());
    match entry.shape {
        Shape::Text => {}
        Shape::Number | Shape::Boolean => {
            report.at(&SCALAR, place, key, text, format!("write \"{}\"", entry.value));
        }
        Shape::Null => report.at(&NOT_A_TEXT, place, key, text, "leave the key out"),
        Shape::Array => {
            report.at(&NOT_A_TEXT, place, key, text, "write one text with commas: \"a,b\"");
        }
        Shape::Object => {
            report.at(&NOT_A_TEXT, place, key, text, "write a text, or one key for each member");
        }
    }
}

fn blanks(entry: &Entry, kind: Kind, report: &mut Report) {
    if entry.value.trim() == entry.value {
        return;
    }
    let where_ = match (entry.value.trim_start() == entry.value, entry.value.trim_end()) {
        (true, _) => "at the end",
        (false, end) if end == entry.value => "at the beginning",
        (false, _) => "around",
    };
    let kept = kind == Kind::Connector && KEPT.contains(&entry.key.as_str());
    let (rule, what) = if kept {
        (&BLANKS_KEPT, "they are part of the name")
    } else {
        (&BLANKS, "a plugin that reads the text itself keeps them")
    };
    let text = format!("there are blanks {where_} of the value of {}: {what}", entry.key);
    report.at(rule, Some(entry.place), Some(&entry.key), text, "take the blanks out");
}
