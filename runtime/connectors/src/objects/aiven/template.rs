//! Names with variables: `{{topic}}-{{partition:padding=true}}`.

use std::collections::BTreeSet;

/// What stands between `{{` and `}}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Variable {
    pub(super) name: String,
    /// Its parameter's name and value.
    pub(super) parameter: Option<(String, String)>,
}

#[derive(Clone, Debug)]
enum Part {
    Text(String),
    Variable(Variable, String),
}

/// A template, read once.
#[derive(Clone, Debug)]
pub(super) struct Template(Vec<Part>);

/// How records are grouped, which the variables of the name say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Grouping {
    TopicPartition,
    TopicPartitionKey,
    /// One record for each key, the last.
    Key,
}

const SETS: &str = "topic,partition,start_offset,timestamp; topic,partition,key,start_offset,timestamp; key; key,topic,partition";

impl Variable {
    /// Whether numbers are filled with zeros.
    pub(super) fn pads(&self) -> bool {
        self.parameter.as_ref().is_some_and(|(_, value)| value.eq_ignore_ascii_case("true"))
    }
}

impl Template {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("{{") {
            let Some((inner, behind)) = after.split_once("}}") else { break };
            match variable(inner, text)? {
                Some(variable) => {
                    parts.push(Part::Text(before.to_owned()));
                    parts.push(Part::Variable(variable, format!("{{{{{inner}}}}}")));
                }
                // No variable: text as it is.
                None => parts.push(Part::Text(format!("{before}{{{{{inner}}}}}"))),
            }
            rest = behind;
        }
        parts.push(Part::Text(rest.to_owned()));
        Ok(Self(parts))
    }

    pub(super) fn variables(&self) -> impl Iterator<Item = &Variable> {
        self.0.iter().filter_map(|part| match part {
            Part::Variable(variable, _) => Some(variable),
            Part::Text(_) => None,
        })
    }

    /// The text with values in place of variables; of none those stay as they are.
    pub(super) fn render(&self, value: impl Fn(&Variable) -> Option<String>) -> String {
        let mut out = String::new();
        for part in &self.0 {
            match part {
                Part::Text(text) => out.push_str(text),
                Part::Variable(variable, placeholder) => match value(variable) {
                    Some(value) => out.push_str(&value),
                    None => out.push_str(placeholder),
                },
            }
        }
        out
    }

    /// How the variables of a file's name group records.
    pub(super) fn grouping(&self) -> Result<Grouping, String> {
        let names: BTreeSet<&str> =
            self.variables().map(|variable| variable.name.as_str()).collect();
        for variable in self.variables() {
            check(variable)?;
        }
        let has = |wanted: &[&str]| wanted.iter().all(|name| names.contains(name));
        let only = |allowed: &[&str]| names.iter().all(|name| allowed.contains(name));
        let queue = ["topic", "partition", "start_offset"];
        if has(&queue)
            && names.contains("key")
            && only(&["topic", "partition", "start_offset", "key", "timestamp"])
        {
            Ok(Grouping::TopicPartitionKey)
        } else if has(&queue) && only(&["topic", "partition", "start_offset", "timestamp"]) {
            Ok(Grouping::TopicPartition)
        } else if names.contains("key") && only(&["key", "topic", "partition"]) {
            Ok(Grouping::Key)
        } else {
            Err(format!("unsupported set of template variables, supported sets are: {SETS}"))
        }
    }
}

fn check(variable: &Variable) -> Result<(), String> {
    let Variable { name, parameter } = variable;
    let fits = match (name.as_str(), parameter) {
        ("timestamp", None) => {
            return Err("parameter unit is required for the the variable timestamp, supported values are: yyyy|MM|dd|HH".into());
        }
        ("timestamp", Some((name, value))) => {
            name == "unit" && ["yyyy", "MM", "dd", "HH"].contains(&value.as_str())
        }
        ("partition" | "start_offset", Some((name, value))) => {
            name == "padding" && ["true", "false"].contains(&value.as_str())
        }
        _ => true,
    };
    match fits {
        true => Ok(()),
        false => Err("unsupported set of template variables parameters, supported sets are: \
                      partition:padding=true|false,start_offset:padding=true|false,timestamp:unit=yyyy|MM|dd|HH"
            .into()),
    }
}

fn variable(inner: &str, template: &str) -> Result<Option<Variable>, String> {
    let is_word = |text: &str| text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    let inner = inner.trim();
    let (name, parameter) = match inner.split_once(':') {
        Some((name, parameter)) => (name, Some(parameter)),
        None => (inner, None),
    };
    if !is_word(name) || !parameter.unwrap_or_default().split('=').all(is_word) {
        return Ok(None);
    }
    if name.is_empty() {
        return Err(format!("Variable name hasn't been set for template: {template}"));
    }
    let parameter = match parameter {
        None => None,
        Some("") => return Err("Wrong variable with parameter definition".to_owned()),
        Some(text) => match text.split_once('=') {
            Some((key, value)) if !key.is_empty() && !value.is_empty() => {
                Some((key.to_owned(), value.to_owned()))
            }
            _ => return Err(format!("Parameter value for variable `{name}` has not been set")),
        },
    };
    Ok(Some(Variable { name: name.to_owned(), parameter }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_group_records() {
        let of = |text: &str| Template::parse(text).and_then(|template| template.grouping());
        assert_eq!(
            of("{{topic}}-{{ partition }}-{{start_offset:padding=true}}"),
            Ok(Grouping::TopicPartition)
        );
        assert_eq!(
            of("{{topic}}/{{timestamp:unit=yyyy}}/{{partition}}-{{start_offset}}"),
            Ok(Grouping::TopicPartition)
        );
        assert_eq!(
            of("{{topic}}{{partition}}{{key}}{{start_offset}}"),
            Ok(Grouping::TopicPartitionKey)
        );
        assert_eq!(of("k{{key}}"), Ok(Grouping::Key));
        assert_eq!(of("{{key}}/{{topic}}"), Ok(Grouping::Key));
        for wrong in [
            "plain",
            "{{topic}}",
            "{{topic}}-{{partition}}-{{start_offset}}-{{day}}",
            "{{key:}}",
            "{{}}",
        ] {
            assert!(of(wrong).is_err(), "{wrong}");
        }
        assert!(of("{{topic}}{{partition}}{{start_offset}}{{timestamp}}").is_err());
        assert!(of("{{topic}}{{partition:padding=x}}{{start_offset}}").is_err());
        let template = Template::parse("a/{{topic}}+{{partition:padding=true}}{{x}}").unwrap();
        let text = template.render(|variable| match variable.name.as_str() {
            "topic" => Some("t".into()),
            "partition" if variable.pads() => Some("0000000003".into()),
            _ => None,
        });
        assert_eq!(text, "a/t+0000000003{{x}}");
    }
}
