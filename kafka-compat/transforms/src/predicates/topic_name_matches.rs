//! TopicNameMatches: true for records whose whole topic name matches a regular expression.

use gantry_model::config::{ConfigDef, ConfigKey, Importance, ParsedConfig, Type, Validator};
use gantry_model::plugin::{Plugin, Predicate};
use gantry_model::regex::JavaPattern;
use gantry_model::{ConnectRecord, Result};

use crate::support::{TopicCache, predicate, regex_validator};

const PATTERN: &str = "pattern";

struct TopicNameMatches {
    pattern: JavaPattern,
    topics: TopicCache<bool>,
}

pub(super) fn plugin() -> Plugin<dyn Predicate> {
    predicate("TopicNameMatches", config, |config: &ParsedConfig| {
        Ok(Box::new(TopicNameMatches {
            pattern: JavaPattern::compile(config.string(PATTERN).unwrap_or_default())?,
            topics: TopicCache::new(),
        }))
    })
}

fn config() -> ConfigDef {
    ConfigDef::new().define(
        ConfigKey::required(
            PATTERN,
            Type::String,
            Importance::Medium,
            "Java regular expression that must match the whole topic name.",
        )
        .validator(Validator::All(vec![Validator::NonEmptyString, regex_validator()])),
    )
}

impl Predicate for TopicNameMatches {
    fn test(&mut self, record: &ConnectRecord) -> Result<bool> {
        let pattern = &self.pattern;
        self.topics.get(&record.topic, |topic| Ok(pattern.matches(topic)))
    }
}

#[cfg(test)]
mod tests {
    use gantry_model::plugin::Props;
    use gantry_model::{ConnectRecord, Datum};

    use super::*;
    use crate::tests::error_text;

    #[test]
    fn an_empty_pattern_is_refused() {
        let props: Props = [(PATTERN.to_owned(), String::new())].into();
        assert_eq!(
            error_text(plugin().create(&props)),
            "Invalid value  for configuration pattern: String must be non-empty"
        );
    }

    #[test]
    fn the_whole_name_must_match() {
        let props: Props = [(PATTERN.to_owned(), "a.c".to_owned())].into();
        let mut matches = plugin().create(&props).expect("valid");
        for (topic, expected) in [("abc", true), ("abcd", false), ("abc", true)] {
            let record = ConnectRecord::new(topic.into(), Datum::NULL);
            assert_eq!(matches.test(&record).expect("tests"), expected, "{topic}");
        }
    }
}
