//! Under which subject the schema of a topic's keys or values is.

use gantry_model::config::ParsedConfig;
use gantry_model::{Error, ErrorKind, Result};

use crate::keys;

const TOPIC: &str = "io.confluent.kafka.serializers.subject.TopicNameStrategy";
const RECORD: &str = "io.confluent.kafka.serializers.subject.RecordNameStrategy";
const TOPIC_RECORD: &str = "io.confluent.kafka.serializers.subject.TopicRecordNameStrategy";
pub(crate) const ASSOCIATED: &str = "io.confluent.kafka.serializers.subject.AssociatedNameStrategy";
pub(crate) const NULL_CONTEXT: &str =
    "io.confluent.kafka.serializers.context.NullContextNameStrategy";

/// The topic's name and nothing else, as RocketMQ's own clients name subjects.
const PLAIN_TOPIC: &str = "gantry.schema.subject.PlainTopicNameStrategy";

/// All that are known.
pub(crate) const CLASSES: &[&str] =
    &[TOPIC, RECORD, TOPIC_RECORD, ASSOCIATED, PLAIN_TOPIC, NULL_CONTEXT];

/// What subjects are named after, as a key says it.
pub(crate) const TOPIC_KIND: &str = "TOPIC";
pub(crate) const KINDS: [&str; 4] = [TOPIC_KIND, "RECORD", "TOPIC_RECORD", "NONE"];

/// What subjects are named after.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Named {
    Topic,
    PlainTopic,
    Record,
    TopicRecord,
}

impl Named {
    fn class(self) -> &'static str {
        match self {
            Self::Topic => TOPIC,
            Self::PlainTopic => PLAIN_TOPIC,
            Self::Record => RECORD,
            Self::TopicRecord => TOPIC_RECORD,
        }
    }
}

/// How subjects are named.
#[derive(Debug)]
pub(crate) struct Strategy {
    is_key: bool,
    /// Whether the registry is asked first which subject belongs to the topic, and for which
    /// cluster.
    associated: Option<Option<String>>,
    named: Option<Named>,
}

impl Strategy {
    pub(crate) fn new(config: &ParsedConfig, is_key: bool) -> Self {
        let key = if is_key { keys::KEY_STRATEGY } else { keys::VALUE_STRATEGY };
        let fallback = match config.string(keys::STRATEGY_FALLBACK).map(str::to_uppercase) {
            Some(kind) if kind == KINDS[1] => Some(Named::Record),
            Some(kind) if kind == KINDS[2] => Some(Named::TopicRecord),
            Some(kind) if kind == KINDS[3] => None,
            _ => Some(Named::Topic),
        };
        let (associated, named) = match config.string(key) {
            Some(TOPIC) => (None, Some(Named::Topic)),
            Some(PLAIN_TOPIC) => (None, Some(Named::PlainTopic)),
            Some(RECORD) => (None, Some(Named::Record)),
            Some(TOPIC_RECORD) => (None, Some(Named::TopicRecord)),
            _ => (Some(config.string(keys::STRATEGY_CLUSTER).map(str::to_owned)), fallback),
        };
        Self { is_key, associated, named }
    }

    /// Whether the registry is to be asked which subject belongs to a topic; within, the cluster.
    pub(crate) fn associated(&self) -> Option<Option<&str>> {
        self.associated.as_ref().map(Option::as_deref)
    }

    /// Whether subjects are named after what schemas describe.
    pub(crate) fn needs_record(&self) -> bool {
        matches!(self.named, Some(Named::Record | Named::TopicRecord))
    }

    /// Whether subjects are named after that alone.
    pub(crate) fn is_without_topic(&self) -> bool {
        self.named == Some(Named::Record)
    }

    /// `key` or `value`.
    pub(crate) fn part(&self) -> &'static str {
        if self.is_key { "key" } else { "value" }
    }

    /// The subject, where no other is associated with the topic. `record` is what the schema
    /// describes, where that has a name.
    pub(crate) fn subject(&self, topic: &str, record: Option<&str>) -> Result<String> {
        let Some(named) = self.named else {
            let what = format!("No associated subject found for topic {topic}");
            return Err(Error::new(ErrorKind::Serialization, what));
        };
        let record = || {
            record.ok_or_else(|| {
                let key = if self.is_key { keys::KEY_STRATEGY } else { keys::VALUE_STRATEGY };
                let (class, part) = (named.class(), self.part());
                Error::new(
                    ErrorKind::Serialization,
                    format!(
                        "In configuration {key} = {class}, the message {part} must only be a \
                         record schema"
                    ),
                )
            })
        };
        Ok(match named {
            Named::Topic => format!("{topic}-{}", self.part()),
            Named::PlainTopic => topic.to_owned(),
            Named::Record => record()?.to_owned(),
            Named::TopicRecord => format!("{topic}-{}", record()?),
        })
    }
}

#[cfg(test)]
mod tests {
    use gantry_model::plugin::Props;

    use super::*;

    fn strategy(pairs: &[(&str, &str)], is_key: bool) -> Strategy {
        let mut props = Props::from([(keys::URL.to_owned(), "http://h".to_owned())]);
        props.insert("converter.type".to_owned(), "value".to_owned());
        props.extend(pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())));
        Strategy::new(&keys::define().parse(&props).unwrap(), is_key)
    }

    #[test]
    fn subjects_are_named_as_the_keys_say() {
        let default = strategy(&[], false);
        assert_eq!(default.associated(), Some(None));
        assert_eq!(default.subject("t", Some("R")).unwrap(), "t-value");
        let record = strategy(&[(keys::VALUE_STRATEGY, RECORD)], false);
        assert_eq!(record.associated(), None);
        assert_eq!(record.subject("t", Some("n.R")).unwrap(), "n.R");
        assert!(record.subject("t", None).unwrap_err().message().contains(RECORD));
        // The one for values says nothing of keys.
        assert_eq!(
            strategy(&[(keys::VALUE_STRATEGY, RECORD)], true).subject("t", None).unwrap(),
            "t-key"
        );
        let both = strategy(&[(keys::KEY_STRATEGY, TOPIC_RECORD)], true);
        assert_eq!(both.subject("t", Some("R")).unwrap(), "t-R");
        let none = strategy(&[(keys::STRATEGY_FALLBACK, "none")], true);
        assert!(none.subject("t", None).is_err());
        let fallback = strategy(&[(keys::STRATEGY_FALLBACK, "topic_record")], true);
        assert_eq!(fallback.subject("t", Some("R")).unwrap(), "t-R");
    }
}
