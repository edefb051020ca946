//! What a chain of transformations does to records, as far as the configuration alone tells: which
//! topics they are in, whether keys and values have fields, whether they have schemas.

use std::collections::BTreeSet;

use gantry_model::regex::JavaPattern;

use super::context::{Context, Stage};
use super::converters::JSON;
use super::report::Report;
use super::rule::{Base, Level, Rule};

const NO_FIELDS: Rule = Rule {
    code: "GL401",
    level: Level::Error,
    title: "Transformation of fields on what has none",
    explanation: "The transformation works on the fields of a struct or map, and what comes to it \
        is a plain text, number or bytes: StringConverter gives texts, FileStreamSource lines. \
        Each record that is not null fails. HoistField makes a field of it first; JsonConverter \
        gives fields where the topic holds JSON.",
    base: Base::Source,
    bad: "transforms=stamp\ntransforms.stamp.type=\
          org.apache.kafka.connect.transforms.InsertField$Value\ntransforms.stamp.topic.field=topic\n",
    good: "transforms=hoist,stamp\ntransforms.hoist.type=\
           org.apache.kafka.connect.transforms.HoistField$Value\ntransforms.hoist.field=line\n\
           transforms.stamp.type=org.apache.kafka.connect.transforms.InsertField$Value\n\
           transforms.stamp.topic.field=topic\n",
};

const NO_SCHEMA: Rule = Rule {
    code: "GL402",
    level: Level::Error,
    title: "Transformation of schemas on what has none",
    explanation: "SetSchemaMetadata changes the schema of keys or values, and JsonConverter with \
        `schemas.enable=false` gives none. Each record fails.",
    base: Base::Sink,
    bad: "value.converter=org.apache.kafka.connect.json.JsonConverter\n\
          value.converter.schemas.enable=false\ntransforms=name\ntransforms.name.type=\
          org.apache.kafka.connect.transforms.SetSchemaMetadata$Value\n\
          transforms.name.schema.name=line\n",
    good: "value.converter=org.apache.kafka.connect.json.JsonConverter\n\
           value.converter.schemas.enable=true\ntransforms=name\ntransforms.name.type=\
           org.apache.kafka.connect.transforms.SetSchemaMetadata$Value\n\
           transforms.name.schema.name=line\n",
};

const SINK_NEEDS_SCHEMA: Rule = Rule {
    code: "GL404",
    level: Level::Warning,
    title: "Sink that needs schemas behind a converter without",
    explanation: "The sink makes columns of the fields of structs with schemas. StringConverter \
        gives texts and JsonConverter with `schemas.enable=false` gives maps without schema: the \
        task fails with the first record.",
    base: Base::Properties,
    bad: "name=example\nconnector.class=io.confluent.connect.jdbc.JdbcSinkConnector\n\
          connection.url=jdbc:postgresql://db/shop\ntopics=orders\n\
          value.converter=org.apache.kafka.connect.json.JsonConverter\n\
          value.converter.schemas.enable=false\n",
    good: "name=example\nconnector.class=io.confluent.connect.jdbc.JdbcSinkConnector\n\
           connection.url=jdbc:postgresql://db/shop\ntopics=orders\n\
           value.converter=org.apache.kafka.connect.json.JsonConverter\n\
           value.converter.schemas.enable=true\n",
};

const FIELDS_AS_TEXT: Rule = Rule {
    code: "GL405",
    level: Level::Warning,
    title: "Fields written as Java's text",
    explanation: "StringConverter writes a struct or map as Java prints it, `Struct{a=1}`, which \
        nothing reads again. JsonConverter writes JSON.",
    base: Base::Source,
    bad: "value.converter=org.apache.kafka.connect.storage.StringConverter\ntransforms=hoist\n\
          transforms.hoist.type=org.apache.kafka.connect.transforms.HoistField$Value\n\
          transforms.hoist.field=line\n",
    good: "value.converter=org.apache.kafka.connect.json.JsonConverter\n\
           value.converter.schemas.enable=false\ntransforms=hoist\n\
           transforms.hoist.type=org.apache.kafka.connect.transforms.HoistField$Value\n\
           transforms.hoist.field=line\n",
};

const CANNOT_WRITE: Rule = Rule {
    code: "GL406",
    level: Level::Error,
    title: "Converter that cannot write these values",
    explanation: "ByteArrayConverter takes bytes alone, and the converters of numbers and booleans \
        take their own type alone. What the connector and the transformations give here is a text \
        or has fields: each record fails.",
    base: Base::Source,
    bad: "value.converter=org.apache.kafka.connect.converters.ByteArrayConverter\n",
    good: "value.converter=org.apache.kafka.connect.storage.StringConverter\n",
};

const JSON_TO_FILE: Rule = Rule {
    code: "GL407",
    level: Level::Info,
    title: "JSON becomes Java's text in a file",
    explanation: "FileStreamSink writes what Java prints for a value: behind JsonConverter an \
        object becomes `{a=1}`. StringConverter takes the JSON as text, and the file gets it as it \
        is.",
    base: Base::Sink,
    bad: "value.converter=org.apache.kafka.connect.json.JsonConverter\n\
          value.converter.schemas.enable=false\n",
    good: "value.converter=org.apache.kafka.connect.storage.StringConverter\n",
};

const NEVER_ROUTES: Rule = Rule {
    code: "GL307",
    level: Level::Warning,
    title: "RegexRouter that never matches",
    explanation: "The pattern must match the whole name of the topic, and it matches none of those \
        that come to it: records keep their topic.",
    base: Base::Source,
    bad: "transforms=route\ntransforms.route.type=org.apache.kafka.connect.transforms.RegexRouter\n\
          transforms.route.regex=line\ntransforms.route.replacement=clean\n",
    good: "transforms=route\ntransforms.route.type=org.apache.kafka.connect.transforms.RegexRouter\n\
           transforms.route.regex=line.*\ntransforms.route.replacement=clean\n",
};

const NEVER_HOLDS: Rule = Rule {
    code: "GL308",
    level: Level::Warning,
    title: "TopicNameMatches that never matches",
    explanation: "The pattern must match the whole name of the topic, and it matches none of those \
        that come to it: the predicate never holds.",
    base: Base::Source,
    bad: "transforms=drop\ntransforms.drop.type=org.apache.kafka.connect.transforms.Filter\n\
          transforms.drop.predicate=tests\npredicates=tests\npredicates.tests.type=\
          org.apache.kafka.connect.transforms.predicates.TopicNameMatches\n\
          predicates.tests.pattern=test\n",
    good: "transforms=drop\ntransforms.drop.type=org.apache.kafka.connect.transforms.Filter\n\
           transforms.drop.predicate=tests\npredicates=tests\npredicates.tests.type=\
           org.apache.kafka.connect.transforms.predicates.TopicNameMatches\n\
           predicates.tests.pattern=li.*\n",
};

pub(super) const RULES: &[&Rule] = &[
    &NO_FIELDS,
    &NO_SCHEMA,
    &SINK_NEEDS_SCHEMA,
    &FIELDS_AS_TEXT,
    &CANNOT_WRITE,
    &JSON_TO_FILE,
    &NEVER_ROUTES,
    &NEVER_HOLDS,
];

const STRING: &str = "org.apache.kafka.connect.storage.StringConverter";
const BYTES: &str = "org.apache.kafka.connect.converters.ByteArrayConverter";
/// Package of the converters of one type each.
const PLAIN: &str = "org.apache.kafka.connect.converters.";
const FILE_SOURCE: &str = "org.apache.kafka.connect.file.FileStreamSourceConnector";
const FILE_SINK: &str = "org.apache.kafka.connect.file.FileStreamSinkConnector";
const DATAGEN: &str = "org.gantry.connect.datagen.DatagenSourceConnector";
const CONFLUENT_DATAGEN: &str = "io.confluent.kafka.connect.datagen.DatagenConnector";

/// Sinks that want structs with schemas, as their documentation says.
const NEED_SCHEMAS: &[&str] = &[
    "io.confluent.connect.jdbc.JdbcSinkConnector",
    "io.aiven.connect.jdbc.JdbcSinkConnector",
    "io.debezium.connector.jdbc.JdbcSinkConnector",
];

/// What keys or values are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Unknown,
    Text,
    /// Bytes, a number or a boolean.
    Plain,
    /// A struct or map.
    Fields,
}

#[derive(Clone, Copy, Debug)]
struct Side {
    form: Form,
    /// Whether it surely has no schema.
    schemaless: bool,
}

const UNKNOWN: Side = Side { form: Form::Unknown, schemaless: false };

/// Records at one point of the chain.
#[derive(Clone, Debug)]
struct Flow {
    key: Side,
    value: Side,
    /// The topics that they can be in; `None`: any.
    topics: Option<BTreeSet<String>>,
}

pub(super) fn check(context: &Context<'_>, report: &mut Report) {
    let mut flow = Flow {
        key: begin(context, "key.converter", Form::Unknown),
        value: begin(context, "value.converter", source_form(context)),
        topics: topics(context),
    };
    if !context.is_source {
        sink(context, flow.value, report);
    }
    for stage in &context.transforms {
        predicate(context, stage, &flow, report);
        let before = flow.clone();
        step(context, stage, &mut flow, report);
        if context.document.props.contains_key(&stage.key("predicate")) {
            flow = either(before, flow);
        }
    }
    if context.is_source {
        source(context, flow.value, report);
    }
}

fn either(a: Flow, b: Flow) -> Flow {
    let side = |a: Side, b: Side| Side {
        form: if a.form == b.form { a.form } else { Form::Unknown },
        schemaless: a.schemaless && b.schemaless,
    };
    let topics = match (a.topics, b.topics) {
        (Some(a), Some(b)) => Some(a.into_iter().chain(b).collect()),
        _ => None,
    };
    Flow { key: side(a.key, b.key), value: side(a.value, b.value), topics }
}

fn class<'a>(context: &'a Context<'_>) -> &'a str {
    let named = context.document.text("connector.class");
    context.connector.map_or(named, |plugin| &plugin.info.class)
}

/// What a source's task gives.
fn source_form(context: &Context<'_>) -> Form {
    match (class(context), context.document.text("format")) {
        (FILE_SOURCE, _) | (DATAGEN, "" | "text") => Form::Text,
        (DATAGEN, "json") | (CONFLUENT_DATAGEN, _) => Form::Fields,
        _ => Form::Unknown,
    }
}

fn begin(context: &Context<'_>, key: &str, from_source: Form) -> Side {
    if context.is_source {
        return Side { form: from_source, schemaless: false };
    }
    let Some(class) = context.converter_class(key) else { return UNKNOWN };
    let schemas = context
        .converter(key)
        .and_then(|(_, settings)| settings.get("schemas.enable").cloned())
        .is_none_or(|text| text.trim().eq_ignore_ascii_case("true"));
    match class.as_str() {
        STRING => Side { form: Form::Text, schemaless: false },
        JSON => Side { form: Form::Unknown, schemaless: !schemas },
        class if class.starts_with(PLAIN) => Side { form: Form::Plain, schemaless: false },
        _ => UNKNOWN,
    }
}

fn topics(context: &Context<'_>) -> Option<BTreeSet<String>> {
    let document = context.document;
    let key = match class(context) {
        FILE_SOURCE | DATAGEN => "topic",
        CONFLUENT_DATAGEN => "kafka.topic",
        _ if context.is_source => return None,
        _ => "topics",
    };
    let names: BTreeSet<String> = document.list(key).into_iter().map(str::to_owned).collect();
    (!names.is_empty() && !document.is_variable(key)).then_some(names)
}

fn sink(context: &Context<'_>, value: Side, report: &mut Report) {
    let document = context.document;
    let key = "value.converter";
    if NEED_SCHEMAS.contains(&class(context))
        && (value.schemaless || matches!(value.form, Form::Text | Form::Plain))
    {
        let text = "this sink needs structs with schemas, and the converter gives none";
        let remedy = "set value.converter to one with schemas, and schemas.enable=true for JSON";
        report.about(document, &SINK_NEEDS_SCHEMA, key, text, remedy);
    }
    let is_json = context.converter_class(key).is_some_and(|class| class == JSON);
    if class(context) == FILE_SINK && is_json && document.props.contains_key(key) {
        let text = "objects are written to the file as {a=1}, not as JSON";
        let remedy = format!("set {key}={STRING} for JSON as it is in the topic");
        report.about(document, &JSON_TO_FILE, key, text, remedy);
    }
}

fn source(context: &Context<'_>, value: Side, report: &mut Report) {
    let document = context.document;
    let key = "value.converter";
    let Some(class) = context.converter_class(key) else { return };
    if class == STRING && value.form == Form::Fields {
        let text = "values have fields here, and StringConverter writes them as Struct{…}";
        report.about(document, &FIELDS_AS_TEXT, key, text, format!("set {key}={JSON}"));
    }
    if class.starts_with(PLAIN) && matches!(value.form, Form::Fields | Form::Text) {
        let what = if value.form == Form::Text { "are texts" } else { "have fields" };
        let simple = class.rsplit('.').next().unwrap_or_default();
        let text = format!("values {what} here, and {simple} cannot write them");
        let remedy = match (value.form, class.as_str()) {
            (Form::Text, BYTES) => format!("set {key}={STRING}"),
            _ => format!("set {key}={JSON}"),
        };
        report.about(document, &CANNOT_WRITE, key, text, remedy);
    }
}

fn predicate(context: &Context<'_>, stage: &Stage<'_>, flow: &Flow, report: &mut Report) {
    let name = context.document.text(&stage.key("predicate"));
    let predicate = context.predicates.iter().find(|predicate| predicate.name == name);
    let Some(predicate) = predicate.filter(|p| p.simple() == "TopicNameMatches") else { return };
    never_matches(context, &NEVER_HOLDS, &predicate.key("pattern"), flow, report);
}

fn never_matches(
    context: &Context<'_>,
    rule: &'static Rule,
    key: &str,
    flow: &Flow,
    report: &mut Report,
) {
    let text = context.document.text(key);
    let (Some(topics), Ok(pattern)) = (&flow.topics, JavaPattern::compile(text)) else { return };
    if text.is_empty() || context.document.is_variable(key) {
        return;
    }
    if !topics.iter().any(|topic| pattern.matches(topic)) {
        let names: Vec<&str> = topics.iter().map(String::as_str).collect();
        let message = format!("{text} matches none of the topics here: {}", names.join(", "));
        let remedy = "the whole name must match: .* stands for any text";
        report.about(context.document, rule, key, message, remedy);
    }
}

/// Applies one transformation.
fn step(context: &Context<'_>, stage: &Stage<'_>, flow: &mut Flow, report: &mut Report) {
    let document = context.document;
    let of_key = stage.info.is_some_and(|info| info.class.ends_with("$Key"));
    let own = |key: &str| document.text(&stage.key(key)).to_owned();
    let whole_cast = !own("spec").contains(':');
    match stage.simple() {
        "" | "EventRouter" => *flow = Flow { key: UNKNOWN, value: UNKNOWN, topics: None },
        "ExtractNewRecordState" => {
            flow.value = UNKNOWN;
            if !own("route.by.field").is_empty() {
                flow.topics = None;
            }
        }
        "RegexRouter" => {
            never_matches(context, &NEVER_ROUTES, &stage.key("regex"), flow, report);
            flow.topics = routed(&own("regex"), &own("replacement"), flow.topics.take());
        }
        "ContentRouter" | "TimestampRouter" => flow.topics = None,
        "ValueToKey" => {
            needs_fields(context, stage, flow.value, report);
            flow.key = Side { form: Form::Fields, schemaless: flow.value.schemaless };
        }
        "DropHeaders" | "InsertHeader" | "Filter" => {}
        simple => {
            let side = if of_key { &mut flow.key } else { &mut flow.value };
            let before = *side;
            match simple {
                "HoistField" => side.form = Form::Fields,
                "ExtractField" => {
                    needs_fields(context, stage, before, report);
                    side.form = Form::Unknown;
                }
                "SetSchemaMetadata" if before.schemaless => {
                    no_schema(context, stage, report);
                }
                "SetSchemaMetadata" => {}
                "Cast" if whole_cast => side.form = Form::Unknown,
                "TimestampConverter" if own("field").is_empty() => side.form = Form::Unknown,
                "Cast" | "DeriveField" | "TimestampConverter" | "Flatten" | "HeaderFrom"
                | "InsertField" | "MaskField" | "ReplaceField" => {
                    needs_fields(context, stage, before, report);
                }
                _ => *side = UNKNOWN,
            }
        }
    }
}

/// The topics behind a RegexRouter.
fn routed(
    regex: &str,
    replacement: &str,
    topics: Option<BTreeSet<String>>,
) -> Option<BTreeSet<String>> {
    let pattern = JavaPattern::compile(regex).ok()?;
    let route = |topic: String| match pattern.matches(&topic) {
        true => pattern.replace_first(&topic, replacement).ok(),
        false => Some(topic),
    };
    topics?.into_iter().map(route).collect()
}

fn needs_fields(context: &Context<'_>, stage: &Stage<'_>, side: Side, report: &mut Report) {
    let what = match side.form {
        Form::Text => "a text",
        Form::Plain => "no struct or map",
        Form::Unknown | Form::Fields => return,
    };
    // A predicate may keep from it what has no fields.
    if context.document.props.contains_key(&stage.key("predicate")) {
        return;
    }
    let text =
        format!("{} works on fields, and what comes to {} is {what}", stage.simple(), stage.name);
    let remedy = "put a HoistField before it, or take a converter that gives fields";
    report.about(context.document, &NO_FIELDS, &stage.key("type"), text, remedy);
}

fn no_schema(context: &Context<'_>, stage: &Stage<'_>, report: &mut Report) {
    if context.document.props.contains_key(&stage.key("predicate")) {
        return;
    }
    let text = format!("{} changes schemas, and the converter gives none", stage.name);
    let remedy = "set schemas.enable=true of the converter, or take the transformation out";
    report.about(context.document, &NO_SCHEMA, &stage.key("type"), text, remedy);
}
