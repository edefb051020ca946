//! Converters: whether they can be made, and what their defaults mean.

use super::context::{Context, behind};
use super::report::Report;
use super::rule::{Base, Level, Rule};
use super::stages::{cannot_be_made, is_open};

const SCHEMAS_BY_DEFAULT: Rule = Rule {
    code: "GL403",
    level: Level::Info,
    title: "JsonConverter with schemas by default",
    explanation: "`schemas.enable` of JsonConverter is true where it is not set. A sink then takes \
        nothing but objects of `schema` and `payload`, and fails on plain JSON; a source writes \
        each record with its whole schema. Say which of both is meant.",
    base: Base::Sink,
    bad: "value.converter=org.apache.kafka.connect.json.JsonConverter\n",
    good: "value.converter=org.apache.kafka.connect.json.JsonConverter\n\
           value.converter.schemas.enable=false\n",
};

pub(super) const RULES: &[&Rule] = &[&SCHEMAS_BY_DEFAULT];

/// The class whose default surprises.
pub(super) const JSON: &str = "org.apache.kafka.connect.json.JsonConverter";
const SCHEMAS: &str = "schemas.enable";

pub(super) fn check(context: &Context<'_>, report: &mut Report) {
    let document = context.document;
    for key in ["key.converter", "value.converter", "header.converter"] {
        if !document.props.contains_key(key) {
            continue;
        }
        let own = behind(&document.props, &format!("{key}."));
        let class = document.text(key);
        let is_json =
            context.plugins.find_converter(class).is_some_and(|plugin| &*plugin.info.class == JSON);
        if is_json && key != "header.converter" && !own.contains_key(SCHEMAS) {
            let text = format!("{key} is JsonConverter with schemas, its default");
            let remedy = format!("set {key}.{SCHEMAS} to false for plain JSON, or to true");
            report.about(document, &SCHEMAS_BY_DEFAULT, key, text, remedy);
        }
        if is_open(&own) || !context.is_valid(&format!("{key}.")) {
            continue;
        }
        let outcome = if key == "header.converter" {
            let plugin = context.plugins.find_header_converter(class);
            plugin.map(|plugin| plugin.create(&own).err())
        } else {
            context.plugins.find_converter(class).map(|plugin| plugin.create(&own).err())
        };
        if let Some(Some(error)) = outcome {
            cannot_be_made(context, key, error.message(), report);
        }
    }
}
