//! `producer.override.*`, `consumer.override.*`, `admin.override.*`: settings of Kafka's clients
//! that a connector brings. They are judged as Kafka Connect judges them; what the log has a
//! notion of is used, and the others have no effect.

use std::fmt;
use std::sync::Arc;

use gantry_api::model::config::infos::ConfigInfos;
use gantry_api::model::config::{ConfigData, ConfigValue, NullableProps, parse_type};
use gantry_api::model::text::{sort_as_copied_hash_map, sort_as_hash_map};
use gantry_api::{ClientKind, ConfigDef, Error, OverridePolicy, OverrideRequest, Props};

use super::converters::prefixed_infos;
use super::given;
use crate::connector_config::{DLQ_TOPIC, NAME};
use crate::error::HerderError;

/// `consumer.override.*` that a sink follows.
const USED: [&str; 3] = ["auto.offset.reset", "group.id", "max.poll.records"];

/// Topics of a source that are created with settings of their own are made by an admin client.
const TOPIC_CREATION: &str = "topic.creation.";

/// A client of Kafka's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Client {
    Producer,
    Consumer,
    Admin,
}

impl Client {
    const ALL: [Self; 3] = [Self::Producer, Self::Consumer, Self::Admin];

    fn kind(self) -> ClientKind {
        match self {
            Self::Producer => ClientKind::Producer,
            Self::Consumer => ClientKind::Consumer,
            Self::Admin => ClientKind::Admin,
        }
    }

    fn prefix(self) -> &'static str {
        match self {
            Self::Producer => "producer.override.",
            Self::Consumer => "consumer.override.",
            Self::Admin => "admin.override.",
        }
    }

    /// Whether a connector has this client: only then its settings are judged.
    fn is_used_by(self, is_source: bool, config: &NullableProps) -> bool {
        let dead_letters =
            || given(config, DLQ_TOPIC).is_some_and(|topic| !topic.trim().is_empty());
        match (self, is_source) {
            (Self::Producer, true) | (Self::Consumer, false) => true,
            (Self::Consumer, true) => false,
            (Self::Admin, true) => config.keys().any(|key| key.starts_with(TOPIC_CREATION)),
            (Self::Producer | Self::Admin, false) => dead_letters(),
        }
    }
}

/// Which settings of Kafka's clients connectors may bring
/// (`connector.client.config.override.policy`).
#[derive(Clone, Default)]
pub enum ClientOverridePolicy {
    /// All.
    #[default]
    All,
    /// None.
    None,
    /// Those that say who the client is.
    Principal,
    /// These.
    Allowlist(Vec<String>),
    /// What a plugin allows.
    Plugin(Arc<dyn OverridePolicy>),
}

impl fmt::Debug for ClientOverridePolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl ClientOverridePolicy {
    fn name(&self) -> &'static str {
        match self {
            Self::Plugin(_) => "Plugin",
            Self::All => "All",
            Self::None => "None",
            Self::Principal => "Principal",
            Self::Allowlist(_) => "Allowlist",
        }
    }

    fn allows(&self, setting: &str) -> bool {
        match self {
            // A plugin is asked for all at once.
            Self::All | Self::Plugin(_) => true,
            Self::None => false,
            Self::Principal => {
                matches!(setting, "sasl.jaas.config" | "sasl.mechanism" | "security.protocol")
            }
            Self::Allowlist(allowed) => allowed.iter().any(|name| name == setting),
        }
    }
}

/// The settings of Kafka's clients, and which of them connectors may bring.
#[derive(Clone, Debug, Default)]
pub struct ClientOverrides {
    /// Which may be brought.
    pub policy: ClientOverridePolicy,
    /// The keys of a producer.
    pub producer: ConfigDef,
    /// The keys of a consumer.
    pub consumer: ConfigDef,
    /// The keys of an admin client.
    pub admin: ConfigDef,
}

impl ClientOverrides {
    fn definition(&self, client: Client) -> &ConfigDef {
        match client {
            Client::Producer => &self.producer,
            Client::Consumer => &self.consumer,
            Client::Admin => &self.admin,
        }
    }

    /// The definition of the client and the name of the setting that a connector's key means.
    pub(crate) fn setting<'a>(&self, key: &'a str) -> Option<(&ConfigDef, &'a str)> {
        Client::ALL
            .into_iter()
            .find_map(|client| Some((self.definition(client), key.strip_prefix(client.prefix())?)))
    }

    /// Judges what a connector brings. A value that is not of its setting's type ends the
    /// validation, as in Kafka Connect.
    pub(super) fn check(
        &self,
        is_source: bool,
        class: &str,
        resolved: &NullableProps,
        as_given: &NullableProps,
    ) -> Result<Vec<ConfigInfos>, HerderError> {
        // As Java meets them: in the order of the whole map, then in that of the settings.
        let mut keys: Vec<&String> = resolved.keys().collect();
        sort_as_copied_hash_map(&mut keys, |key| key);
        let used = Client::ALL.into_iter().filter(|client| client.is_used_by(is_source, resolved));
        used.map(|client| {
            let definition = self.definition(client);
            let overrides = keys.iter().filter_map(|key| {
                let setting = key.strip_prefix(client.prefix()).filter(|name| !name.is_empty())?;
                Some((setting, given(resolved, key)))
            });
            let values = match &self.policy {
                ClientOverridePolicy::Plugin(policy) => {
                    let connector = given(resolved, NAME).unwrap_or_default();
                    let (client, overrides) = (client.kind(), overrides.collect());
                    let request =
                        OverrideRequest { connector, class, is_source, client, overrides };
                    policy.validate(&request).map_err(refused)?
                }
                _ => {
                    let judged = overrides.map(|(name, text)| self.judge(definition, name, text));
                    let mut values = judged.collect::<Result<Vec<_>, _>>()?;
                    sort_as_hash_map(&mut values, |value| &value.name);
                    values
                }
            };
            Ok(prefixed_infos(definition, values, client.prefix(), as_given))
        })
        .collect()
    }

    fn judge(
        &self,
        definition: &ConfigDef,
        setting: &str,
        text: Option<&str>,
    ) -> Result<ConfigValue, HerderError> {
        let mut value = ConfigValue::new(setting);
        value.set(match (definition.key(setting), text) {
            (Some(key), text) => parse_type(setting, text, key.type_)
                .map_err(|error| HerderError::config(error.message()))?,
            (None, Some(text)) => ConfigData::String(text.to_owned()),
            (None, None) => ConfigData::Null,
        });
        if !self.policy.allows(setting) {
            value.errors.push(format!(
                "The '{}' policy does not allow '{setting}' to be overridden in the connector \
                 configuration.",
                self.policy.name()
            ));
        }
        Ok(value)
    }
}

/// What a policy has thrown.
fn refused(error: Error) -> HerderError {
    match error.kind().java_class().ends_with(".ConfigException") {
        true => HerderError::config(error.message()),
        false => HerderError::internal(error.message()),
    }
}

/// The overrides of a configuration that change nothing here.
pub(crate) fn idle_overrides(is_source: bool, config: &Props) -> Vec<&str> {
    let is_idle = |key: &&str| {
        let client = Client::ALL.into_iter().find(|client| key.starts_with(client.prefix()));
        client.is_some_and(|client| {
            let setting = &key[client.prefix().len()..];
            is_source || client != Client::Consumer || !USED.contains(&setting)
        })
    };
    config.keys().map(String::as_str).filter(is_idle).collect()
}

#[cfg(test)]
mod tests {
    use gantry_api::{ConfigKey, Importance, Type};

    use super::*;

    fn overrides(policy: ClientOverridePolicy) -> ClientOverrides {
        let number = ConfigKey::new("max.poll.records", Type::Int, 500, Importance::Medium, "n");
        let secret = ConfigKey::nullable("sasl.jaas.config", Type::Password, Importance::Low, "s");
        let consumer = ConfigDef::new().define(number).define(secret.clone());
        let producer = ConfigDef::new().define(secret);
        ClientOverrides { policy, producer, consumer, admin: ConfigDef::new() }
    }

    fn props(pairs: &[(&str, &str)]) -> NullableProps {
        pairs.iter().map(|(k, v)| ((*k).to_owned(), Some((*v).to_owned()))).collect()
    }

    fn judged(policy: ClientOverridePolicy, pairs: &[(&str, &str)]) -> ConfigInfos {
        let config = props(pairs);
        let infos = overrides(policy).check(false, "C", &config, &config).unwrap();
        infos.into_iter().reduce(|all, infos| all.merge([infos])).unwrap()
    }

    #[test]
    fn only_what_is_set_shows_and_secrets_do_not() {
        let infos = judged(
            ClientOverridePolicy::All,
            &[
                ("consumer.override.max.poll.records", " 7 "),
                ("consumer.override.sasl.jaas.config", "s3cret"),
                ("consumer.override.my.own", "x"),
                ("producer.override.acks", "all"),
            ],
        );
        let shown: Vec<(&str, Option<&str>, bool)> = infos
            .configs
            .iter()
            .filter_map(|info| {
                let value = info.value.as_ref()?;
                Some((value.name.as_str(), value.value.as_deref(), info.definition.is_some()))
            })
            .collect();
        // The producer of a sink without a dead letter queue is none.
        assert_eq!(
            shown,
            [
                ("consumer.override.max.poll.records", Some("7"), true),
                ("consumer.override.sasl.jaas.config", Some("[hidden]"), true),
                ("consumer.override.my.own", Some("x"), false),
            ]
        );
        assert_eq!(infos.error_count, 0);
    }

    #[test]
    fn the_policy_has_the_last_word() {
        let set = [
            ("consumer.override.max.poll.records", "7"),
            ("consumer.override.sasl.jaas.config", "x"),
        ];
        let refused = |policy| {
            let infos = judged(policy, &set);
            let values = infos.configs.into_iter().filter_map(|info| info.value);
            values.flat_map(|value| value.errors).collect::<Vec<_>>()
        };
        assert_eq!(refused(ClientOverridePolicy::None).len(), 2);
        assert_eq!(
            refused(ClientOverridePolicy::Principal),
            ["The 'Principal' policy does not allow 'max.poll.records' to be overridden in the \
              connector configuration."]
        );
        let allowed = vec!["max.poll.records".to_owned()];
        assert!(
            refused(ClientOverridePolicy::Allowlist(allowed))[0].contains("'sasl.jaas.config'")
        );
    }

    #[test]
    fn a_value_of_another_type_ends_the_validation() {
        let config = props(&[("consumer.override.max.poll.records", "x")]);
        let error =
            overrides(ClientOverridePolicy::None).check(false, "C", &config, &config).unwrap_err();
        assert_eq!(
            error.message,
            "Invalid value x for configuration max.poll.records: Not a number of type INT"
        );
    }

    #[test]
    fn what_changes_nothing_is_told() {
        let config = Props::from(
            [
                "consumer.override.group.id",
                "consumer.override.x",
                "producer.override.acks",
                "topic",
            ]
            .map(|key| (key.to_owned(), String::new())),
        );
        assert_eq!(
            idle_overrides(false, &config),
            ["consumer.override.x", "producer.override.acks"]
        );
        assert_eq!(idle_overrides(true, &config).len(), 3);
    }
}
