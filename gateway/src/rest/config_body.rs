//! Bodies that hold a connector's configuration.

use gantry_engine::TargetState;
use gantry_model::config::NullableProps;

use super::offsets::AlterOffset;
use crate::json;

/// A configuration as it came: numbers and booleans as texts.
pub(crate) type ConfigBody = NullableProps;

/// The body of `POST /connectors`.
#[derive(Debug)]
pub(crate) struct CreateRequest {
    pub(crate) name: Option<String>,
    pub(crate) config: ConfigBody,
    pub(crate) initial_state: Option<TargetState>,
    /// Where it begins, in the form of a change of offsets.
    pub(crate) initial_offsets: Option<Vec<AlterOffset>>,
}

/// Sets `name`; one of another name in the configuration is an error.
pub(crate) fn set_name(config: &mut ConfigBody, name: &str) -> Result<(), String> {
    match config.get("name") {
        Some(Some(inner)) if inner != name => Err(format!(
            "Connector name configuration ({inner}) doesn't match connector name in the URL \
             ({name})"
        )),
        _ => {
            config.insert("name".to_owned(), Some(name.to_owned()));
            Ok(())
        }
    }
}

/// Parses an object of configuration values.
pub(crate) fn parse_config(body: &[u8]) -> Result<ConfigBody, String> {
    config_of(&json::object(body).map_err(|why| format!("the body is wrong: {why}"))?)
}

fn config_of(object: &json::RawObject) -> Result<ConfigBody, String> {
    object.iter().map(|(key, raw)| Ok((key.clone(), json::text(key, raw)?))).collect()
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
