//! Bodies that hold a connector's configuration.

use std::collections::BTreeMap;

use gantry_api::Props;
use gantry_engine::TargetState;
use gantry_model::config::infos::{ConfigInfo, ConfigInfos, ConfigValueInfo};

use super::offsets::AlterOffset;
use crate::json;

/// Kafka Connect's words for a null.
const NULL_VALUE: &str = "Null value can not be supplied as the configuration value.";

/// A configuration as it came: numbers and booleans as texts, nulls apart.
#[derive(Debug, Default)]
pub(crate) struct ConfigBody {
    /// Keys with a value.
    pub(crate) props: Props,
    /// Keys whose value is null, in order.
    pub(crate) nulls: Vec<String>,
}

/// The body of `POST /connectors`.
#[derive(Debug)]
pub(crate) struct CreateRequest {
    pub(crate) name: Option<String>,
    pub(crate) config: ConfigBody,
    pub(crate) initial_state: Option<TargetState>,
    /// Where it begins, in the form of a change of offsets.
    pub(crate) initial_offsets: Option<Vec<AlterOffset>>,
}

impl ConfigBody {
    /// Sets `name`; one of another name in the configuration is an error.
    pub(crate) fn set_name(&mut self, name: &str) -> Result<(), String> {
        match self.props.get("name") {
            Some(inner) if inner != name => Err(format!(
                "Connector name configuration ({inner}) doesn't match connector name in the URL \
                 ({name})"
            )),
            _ => {
                self.nulls.retain(|key| key != "name");
                self.props.insert("name".to_owned(), name.to_owned());
                Ok(())
            }
        }
    }

    /// As a patch: a null removes a key.
    pub(crate) fn into_patch(self) -> BTreeMap<String, Option<String>> {
        let values = self.props.into_iter().map(|(key, value)| (key, Some(value)));
        values.chain(self.nulls.into_iter().map(|key| (key, None))).collect()
    }

    /// The message that refuses a configuration with nulls: these and what else is wrong.
    pub(crate) fn refusal(&self, infos: ConfigInfos) -> String {
        let infos = self.mark_nulls(infos);
        let errors: Vec<&str> = errors(&infos).collect();
        format!(
            "Connector configuration is invalid and contains the following {} error(s):\n{}\n\
             You can also find the above list of errors at the endpoint \
             `/connector-plugins/{{connectorType}}/config/validate`",
            errors.len(),
            errors.join("\n")
        )
    }

    /// Adds the nulls, which a validation of the other keys cannot see, to its outcome.
    pub(crate) fn mark_nulls(&self, mut infos: ConfigInfos) -> ConfigInfos {
        for key in &self.nulls {
            mark_null(&mut infos.configs, key);
        }
        infos.error_count = errors(&infos).count();
        infos
    }
}

fn mark_null(configs: &mut Vec<ConfigInfo>, key: &str) {
    let mut values = configs.iter_mut().filter_map(|config| config.value.as_mut());
    if let Some(value) = values.find(|value| value.name == key) {
        // The key was given, though as null: it is not missing.
        value.errors.retain(|error| !error.starts_with("Missing required configuration"));
        value.errors.push(NULL_VALUE.to_owned());
        value.value = None;
        return;
    }
    let value = ConfigValueInfo {
        name: key.to_owned(),
        value: None,
        recommended_values: Vec::new(),
        errors: vec![NULL_VALUE.to_owned()],
        visible: true,
    };
    configs.insert(0, ConfigInfo { definition: None, value: Some(value) });
}

fn errors(infos: &ConfigInfos) -> impl Iterator<Item = &str> {
    let values = infos.configs.iter().filter_map(|config| config.value.as_ref());
    values.flat_map(|value| value.errors.iter().map(String::as_str))
}

/// Parses an object of configuration values.
pub(crate) fn parse_config(body: &[u8]) -> Result<ConfigBody, String> {
    config_of(&json::object(body).map_err(|why| format!("the body is wrong: {why}"))?)
}

fn config_of(object: &json::RawObject) -> Result<ConfigBody, String> {
    let mut config = ConfigBody::default();
    for (key, raw) in object {
        match json::text(key, raw)? {
            Some(text) => {
                config.props.insert(key.clone(), text);
            }
            None => config.nulls.push(key.clone()),
        }
    }
    Ok(config)
}

/// Parses `{"name", "config", "initial_state"?}`.
pub(crate) fn parse_create(body: &[u8]) -> Result<CreateRequest, String> {
    let object = json::object(body).map_err(|why| format!("the body is wrong: {why}"))?;
    for field in object.keys() {
        if !matches!(field.as_str(), "name" | "config" | "initial_state" | "initial_offsets") {
            return Err(format!(
                "the field `{field}` is not known; a new connector has name, config and \
                 perhaps initial_state and initial_offsets"
            ));
        }
    }
    let config = match object.get("config") {
        Some(raw) if raw.get() != "null" => json::object(raw.get().as_bytes())
            .map_err(|why| format!("the value of `config` is wrong: {why}"))?,
        _ => return Err("`config` is missing; add the connector's configuration".to_owned()),
    };
    Ok(CreateRequest {
        name: match object.get("name") {
            Some(raw) => json::text("name", raw)?,
            None => None,
        },
        config: config_of(&config)?,
        initial_state: match object.get("initial_state") {
            Some(raw) => json::initial_state(raw)?,
            None => None,
        },
        initial_offsets: match object.get("initial_offsets") {
            Some(raw) => serde_json::from_str(raw.get()).map_err(|error| {
                format!(
                    "the value of `initial_offsets` is wrong: {error}; write \
                     [{{\"partition\":{{…}},\"offset\":{{…}}}}]"
                )
            })?,
            None => None,
        },
    })
}
