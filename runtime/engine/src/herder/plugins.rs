//! The plugins that are there now: loaded at the start, and again when somebody asks.

use std::sync::{Arc, PoisonError, RwLock};

use gantry_api::{ConnectorPlugin, PluginInfo, PluginRegistry, Props};

use super::Herder;
use crate::connector_config::CONNECTOR_CLASS;
use crate::entities::PluginDescription;
use crate::error::HerderError;
use crate::validation::{find_connector, newest_first, pinned_plugins};

/// Gives the plugins that are there when it is called.
#[derive(Clone)]
pub struct PluginLoader(Arc<dyn Fn() -> PluginRegistry + Send + Sync>);

impl PluginLoader {
    /// From a function that looks for plugins anew at each call.
    pub fn new(load: impl Fn() -> PluginRegistry + Send + Sync + 'static) -> Self {
        Self(Arc::new(load))
    }
    /// The plugins now.
    pub fn load(&self) -> PluginRegistry {
        (self.0)()
    }
}

impl std::fmt::Debug for PluginLoader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PluginLoader")
    }
}

/// What was loaded last. Tasks keep the plugins they were started with.
pub(super) struct Plugins {
    loader: PluginLoader,
    loaded: RwLock<Arc<PluginRegistry>>,
}

/// What is there now, of several versions the newest first.
fn newest(loader: &PluginLoader) -> PluginRegistry {
    let mut found = loader.load();
    newest_first(&mut found);
    found
}

impl Plugins {
    pub(super) fn load(loader: PluginLoader) -> Self {
        let loaded = RwLock::new(Arc::new(newest(&loader)));
        Self { loader, loaded }
    }
    fn current(&self) -> Arc<PluginRegistry> {
        Arc::clone(&self.loaded.read().unwrap_or_else(PoisonError::into_inner))
    }
    async fn reload(&self) -> Result<(), HerderError> {
        let loader = self.loader.clone();
        // Looking may read files.
        let found =
            tokio::task::spawn_blocking(move || newest(&loader)).await.map_err(|error| {
                HerderError::internal(format!("looking for plugins broke off: {error}"))
            })?;
        *self.loaded.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(found);
        Ok(())
    }
}

impl Herder {
    /// The plugins that are there now.
    pub fn plugin_registry(&self) -> Arc<PluginRegistry> {
        self.plugins.current()
    }

    /// Looks for plugins again. What runs goes on with the plugins it has, until it is
    /// restarted or changed; a connector whose class was missing can then be restarted.
    pub async fn reload_plugins(&self) -> Result<(), HerderError> {
        self.plugins.reload().await
    }

    /// The plugins of which a connector with this configuration gets its own.
    pub(crate) fn plugins_for(&self, config: &Props) -> Arc<PluginRegistry> {
        pinned_plugins(&self.plugin_registry(), config)
    }

    /// The connector plugin of a configuration.
    pub(crate) fn plugin_for(&self, config: &Props) -> Result<ConnectorPlugin, HerderError> {
        let class = config.get(CONNECTOR_CLASS).map_or("", |class| class.trim());
        find_connector(&self.plugins_for(config), class).cloned()
    }

    /// `source` or `sink`: what a connector of that class is.
    pub fn type_of_class(&self, class: &str) -> Result<&'static str, HerderError> {
        Ok(find_connector(&self.plugin_registry(), class.trim())?.type_name())
    }

    /// All plugins: connectors, or those of every kind; in Kafka Connect's order, by class within
    /// each kind.
    pub fn plugins(&self, connectors_only: bool) -> Vec<PluginDescription> {
        let plugins = self.plugin_registry();
        let connectors = |wanted: &'static str| {
            let found = plugins.connectors.iter().filter(|plugin| plugin.type_name() == wanted);
            described(found.map(|plugin| &plugin.info), wanted)
        };
        let mut all = connectors("sink");
        all.extend(connectors("source"));
        if !connectors_only {
            let others = [
                described(plugins.transformations.iter().map(|p| &p.info), "transformation"),
                described(plugins.predicates.iter().map(|p| &p.info), "predicate"),
                described(plugins.converters.iter().map(|p| &p.info), "converter"),
                described(plugins.header_converters.iter().map(|p| &p.info), "header_converter"),
            ];
            all.extend(others.into_iter().flatten());
        }
        all
    }
}

/// Plugins of one type, by class.
fn described<'a>(
    infos: impl Iterator<Item = &'a PluginInfo>,
    type_: &'static str,
) -> Vec<PluginDescription> {
    let describe = |info: &PluginInfo| PluginDescription {
        class: info.class.to_string(),
        type_,
        version: Some(info.version.to_string()),
    };
    let mut found: Vec<_> = infos.map(describe).collect();
    // Oldest first, as Kafka Connect lists them.
    found.reverse();
    found.sort_by(|a, b| a.class.cmp(&b.class));
    found
}
