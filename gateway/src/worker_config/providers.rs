//! `config.providers`: made from the registry, and applied to the worker file itself.

use std::sync::Arc;

use gantry_api::{PluginRegistry, Props};
use gantry_model::config::provider::{Providers, substitute};

/// Makes the providers that `config.providers` names. The error names key and remedy.
pub(super) fn create(props: &Props, plugins: &PluginRegistry) -> Result<Providers, String> {
    let names = props.get("config.providers").map(String::as_str).unwrap_or_default();
    let mut providers = Providers::new();
    for name in names.split(',').map(str::trim).filter(|name| !name.is_empty()) {
        let key = format!("config.providers.{name}.class");
        let Some(class) = props.get(&key).map(|class| class.trim()) else {
            return Err(format!(
                "config.providers names {name}, and {key} is missing; add it, or take {name} out"
            ));
        };
        let plugin = plugins.config_providers.iter().find(|plugin| plugin.info.answers_to(class));
        let Some(plugin) = plugin else {
            let known: Vec<&str> =
                plugins.config_providers.iter().map(|plugin| &*plugin.info.class).collect();
            return Err(format!(
                "Invalid value {class} for configuration {key}: there is no such config provider. \
                 Take one of {}",
                known.join(", ")
            ));
        };
        let prefix = format!("config.providers.{name}.param.");
        let params = props
            .iter()
            .filter_map(|(key, value)| Some((key.strip_prefix(&prefix)?.to_owned(), value.clone())))
            .collect();
        let provider = plugin.create(&params).map_err(|error| {
            format!("the config provider {name} ({class}): {}", error.message())
        })?;
        providers.insert(name.to_owned(), Arc::from(provider));
    }
    Ok(providers)
}

/// Replaces `${name:path:key}` in the worker file's own values.
pub(super) fn resolve(props: &mut Props, providers: &Providers) -> Result<(), String> {
    *props = substitute(props, providers)
        .map_err(|error| format!("a config provider failed: {}", error.message()))?;
    Ok(())
}
