//! Configs and modes.

use serde_json::json;

use super::body;
use super::request::{Asked, not_there};
use super::router::{Answer, Outcome};
use crate::config::Mode;
use crate::error::RegistryError;
use crate::names::normalize;
use crate::registry::Registry;
use crate::rules::modes;

/// Shows, changes and removes a config; without a name that of the default context.
pub(super) async fn config(
    registry: &Registry,
    asked: &Asked,
    name: Option<&str>,
    body: &[u8],
) -> Outcome {
    let name = normalize(name.unwrap_or_default());
    match asked.method.as_str() {
        "GET" if asked.is("defaultToGlobal") => {
            Answer::json(&registry.shared.config_in_scope(&name))
        }
        "GET" => {
            let config = registry.shared.config(&name);
            Answer::json(&config.ok_or_else(|| RegistryError::no_config(&name))?)
        }
        "PUT" => {
            let parameter = if name.is_empty() {
                "updateTopLevelConfig.request"
            } else {
                "updateSubjectLevelConfig.request"
            };
            let update = body::config(body, parameter)?;
            Answer::json(&registry.update_config(&name, update).await?)
        }
        "DELETE" => Answer::json(&registry.delete_config(&name).await?),
        _ => Err(not_there()),
    }
}

/// Shows, changes and removes a mode; without a name that of the default context.
pub(super) async fn mode(
    registry: &Registry,
    asked: &Asked,
    name: Option<&str>,
    body: &[u8],
) -> Outcome {
    let name = normalize(name.unwrap_or_default());
    let shown = |mode: Option<Mode>| Answer::json(&json!({"mode": mode.map(Mode::name)}));
    match asked.method.as_str() {
        "GET" if asked.is("defaultToGlobal") => {
            shown(Some(registry.shared.state().mode_in_scope(&name)))
        }
        "GET" => {
            let mode = modes::of(&registry.shared, &name);
            shown(Some(mode.ok_or_else(|| RegistryError::no_mode(&name))?))
        }
        "PUT" => {
            let parameter =
                if name.is_empty() { "updateTopLevelMode.request" } else { "updateMode.request" };
            let mode = body::mode(body, parameter)?;
            registry.set_mode(&name, mode.as_deref(), asked.is("force")).await?;
            Answer::json(&json!({"mode": mode}))
        }
        "DELETE" => shown(registry.delete_mode(&name, asked.is("recursive")).await?),
        _ => Err(not_there()),
    }
}
