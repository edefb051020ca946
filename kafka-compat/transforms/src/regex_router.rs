//! RegexRouter: renames the topic by a regular expression.

use gantry_model::config::{ConfigDef, ConfigKey, Importance, ParsedConfig, Type};
use gantry_model::plugin::{Fate, Plugin, Transformation};
use gantry_model::regex::JavaPattern;
use gantry_model::{ConnectRecord, Result, Str};

use crate::support::{TopicCache, regex_validator, rocketmq_single, single};

const REGEX: &str = "regex";
const REPLACEMENT: &str = "replacement";

struct RegexRouter {
    pattern: JavaPattern,
    replacement: String,
    topics: TopicCache<Str>,
}

pub(crate) fn plugin() -> Plugin<dyn Transformation> {
    single("RegexRouter", config, make)
}

/// The same under RocketMQ Connect's class name.
pub(crate) fn rocketmq_plugin() -> Plugin<dyn Transformation> {
    rocketmq_single("RegexRouter", config, make)
}

fn make(config: &ParsedConfig) -> Result<Box<dyn Transformation>> {
    Ok(Box::new(RegexRouter {
        pattern: JavaPattern::compile(config.string(REGEX).unwrap_or_default())?,
        replacement: config.string(REPLACEMENT).unwrap_or_default().to_owned(),
        topics: TopicCache::new(),
    }))
}

fn config() -> ConfigDef {
    ConfigDef::new()
        .define(
            ConfigKey::required(
                REGEX,
                Type::String,
                Importance::High,
                "Java regular expression that must match the whole topic name.",
            )
            .validator(regex_validator()),
        )
        .define(ConfigKey::required(
            REPLACEMENT,
            Type::String,
            Importance::High,
            "What the first match becomes; $1 and ${name} stand for groups.",
        ))
}

impl Transformation for RegexRouter {
    fn apply(&mut self, record: &mut ConnectRecord) -> Result<Fate> {
        // The whole name must match, but what is replaced is the first find: for `t|topic` and
        // the topic `topic` that is only the `t`, as in Kafka Connect.
        let Self { pattern, replacement, topics } = self;
        record.topic = topics.get(&record.topic, |topic| {
            if pattern.matches(topic) {
                Ok(pattern.replace_first(topic, replacement)?.into())
            } else {
                Ok(topic.into())
            }
        })?;
        Ok(Fate::Keep)
    }
}

#[cfg(test)]
mod tests {
    use gantry_model::Value;

    use crate::tests::{Change, error_text, make, record};

    #[test]
    fn the_pattern_is_checked() {
        let text = error_text(make("RegexRouter", &[("regex", "("), ("replacement", "x")]));
        assert!(text.starts_with("Invalid value ( for configuration regex: Invalid regex: "));
    }

    #[test]
    fn the_first_find_is_replaced_once_the_whole_name_matches() {
        let config = [("regex", "t|topic"), ("replacement", "x")];
        for class in ["RegexRouter", "org.apache.rocketmq.connect.transforms.RegexRouter"] {
            let mut t = make(class, &config).expect("valid");
            for _ in 0..2 {
                let out = t.change(record(Value::Null)).expect("applies").expect("kept");
                assert_eq!(&*out.topic, "xopic");
            }
        }
    }
}
