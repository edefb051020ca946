//! What a converter does with a registry, told from its keys alone: nothing is asked.

use gantry_model::plugin::{CONVERTER_TYPE, ConverterType, Props};

use crate::converter::Settings;
use crate::id::{Ids, SchemaId};
use crate::keys;
use crate::plugins;
use crate::subject::Strategy;

pub use crate::converter::Choice;

/// What a converter with a schema registry does with schemas.
#[derive(Debug)]
pub struct Usage {
    /// The addresses of the registry, as they are written: one may have a password.
    pub addresses: Vec<String>,
    /// Whether the registry is spoken with as RocketMQ's own.
    pub is_rocketmq: bool,
    /// The schema by which all data are read; none: the one that they were written by.
    pub read_by: Option<SchemaId>,
    /// Which schema data are written by.
    pub choice: Choice,
    /// Whether that schema must be able to read what is written by the one of the data, where it
    /// is another.
    pub is_strict: bool,
    strategy: Strategy,
}

impl Usage {
    /// Of a converter of that class with these keys. None if it has no schema registry, or cannot
    /// be made of them.
    pub fn of(class: &str, props: &Props) -> Option<Self> {
        if !plugins::CLASSES.contains(&class) {
            return None;
        }
        let kind = ConverterType::of(props);
        let mut given = props.clone();
        given.insert(CONVERTER_TYPE.to_owned(), kind.as_str().to_owned());
        let config = keys::define().parse(&given).ok()?;
        let is_key = kind == ConverterType::Key;
        let settings = Settings::new(&config, false).ok()?;
        Some(Self {
            addresses: config.list(keys::URL).to_vec(),
            is_rocketmq: config.string(keys::REGISTRY_API) == Some(keys::API_ROCKETMQ),
            read_by: Ids::new(&config, is_key, false).ok()?.of_all_data(),
            choice: settings.choice,
            is_strict: settings.is_strict,
            strategy: Strategy::new(&config, is_key),
        })
    }

    /// The subject of a topic, where the registry associates no other with it; none if it has
    /// none. `record` is what the schema describes, where that has a name.
    pub fn subject(&self, topic: &str, record: Option<&str>) -> Option<String> {
        self.strategy.subject(topic, record).ok()
    }

    /// Whether subjects are named after what schemas describe alone, and so do not tell the topic.
    pub fn is_without_topic(&self) -> bool {
        self.strategy.is_without_topic()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AVRO: &str = "io.confluent.connect.avro.AvroConverter";
    const STRATEGIES: &str = "io.confluent.kafka.serializers.subject";

    fn usage(kind: &str, pairs: &[(&str, &str)]) -> Option<Usage> {
        let mut props = Props::from([
            (keys::URL.to_owned(), "http://a:8081,http://b".to_owned()),
            (CONVERTER_TYPE.to_owned(), kind.to_owned()),
        ]);
        props.extend(pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())));
        Usage::of(AVRO, &props)
    }

    #[test]
    fn subjects_are_those_of_the_converter() {
        let plain = usage("key", &[]).unwrap();
        assert_eq!(plain.addresses, ["http://a:8081", "http://b"]);
        assert_eq!(plain.subject("t", None).unwrap(), "t-key");
        assert!(!plain.is_without_topic() && !plain.is_rocketmq);
        let record = format!("{STRATEGIES}.RecordNameStrategy");
        let record = usage("value", &[(keys::VALUE_STRATEGY, &record)]).unwrap();
        assert_eq!(record.subject("t", Some("n.R")).unwrap(), "n.R");
        assert_eq!(record.subject("t", None), None);
        assert!(record.is_without_topic());
        let both = format!("{STRATEGIES}.TopicRecordNameStrategy");
        let both = usage("value", &[(keys::VALUE_STRATEGY, &both)]).unwrap();
        assert_eq!(both.subject("t", Some("n.R")).unwrap(), "t-n.R");
        assert!(!both.is_without_topic());
        let rocketmq = usage("value", &[(keys::REGISTRY_API, "rocketmq")]).unwrap();
        assert!(rocketmq.is_rocketmq);
    }

    #[test]
    fn schemas_are_chosen_as_the_keys_say() {
        let plain = usage("value", &[]).unwrap();
        assert_eq!((plain.choice, plain.read_by), (Choice::Register, None));
        let off = (keys::AUTO_REGISTER, "false");
        let latest = [off, (keys::USE_LATEST, "true"), (keys::LATEST_STRICT, "false")];
        let latest = usage("value", &latest).unwrap();
        assert_eq!((latest.choice, latest.is_strict), (Choice::Latest, false));
        // What is pinned for writing is no schema to read by.
        let pinned = usage("value", &[off, (keys::USE_SCHEMA_ID, "7")]).unwrap();
        let id = SchemaId::Id(7);
        assert_eq!((pinned.choice, pinned.read_by), (Choice::Pinned(id), None));
        let config = (keys::VALUE_ID_DESERIALIZER, crate::id::CONFIG);
        let read = usage("value", &[config, (keys::USE_SCHEMA_ID, "7")]).unwrap();
        assert_eq!((read.choice, read.read_by), (Choice::Register, Some(id)));
    }

    #[test]
    fn others_have_no_registry() {
        let props = Props::from([(keys::URL.to_owned(), "http://a".to_owned())]);
        assert!(Usage::of("org.apache.kafka.connect.json.JsonConverter", &props).is_none());
        assert!(Usage::of(AVRO, &Props::new()).is_none(), "no address");
        assert!(usage("value", &[(keys::USE_LATEST, "perhaps")]).is_none());
    }
}
