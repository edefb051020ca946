//! A program with its plugins.

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::Arc;

use gantry_api::{
    ConfigDef, ConfigProvider, ConnectorPlugin, Converter, Plugin, PluginInfo, PluginRegistry,
};
use gantry_engine::PluginLoader;
use gantry_model::config::provider::{
    DIRECTORY_CLASS, DirectoryProvider, ENV_CLASS, EnvProvider, FILE_CLASS, FileProvider,
};

use crate::metrics::MetricsReporter;

type Register = Arc<dyn Fn(&mut PluginRegistry) + Send + Sync>;

/// A Gantry: the native plugins, and those of a program's own.
pub struct Gantry {
    registers: Vec<Register>,
    reporters: Vec<Arc<dyn MetricsReporter>>,
}

impl std::fmt::Debug for Gantry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Gantry").field("plugins", &self.plugins()).finish()
    }
}

impl Default for Gantry {
    fn default() -> Self {
        Self::new()
    }
}

impl Gantry {
    /// With the native connectors, converters, transformations, predicates and config providers.
    pub fn new() -> Self {
        Self::empty().register(|registry| *registry = native())
    }

    /// Without any plugin.
    pub fn empty() -> Self {
        Self { registers: Vec::new(), reporters: Vec::new() }
    }

    /// Adds plugins. Of two with one name the first is taken, so a native plugin cannot be
    /// replaced this way; give yours a class name of its own. Called at the start, and again when
    /// a running worker is told to look for plugins anew.
    #[must_use]
    pub fn register(mut self, add: impl Fn(&mut PluginRegistry) + Send + Sync + 'static) -> Self {
        self.registers.push(Arc::new(add));
        self
    }

    /// Gives all metrics of a worker to somebody, every `gantry.metrics.interval.ms`.
    #[must_use]
    pub fn metrics_reporter(mut self, reporter: Arc<dyn MetricsReporter>) -> Self {
        self.reporters.push(reporter);
        self
    }

    /// The plugins that are there now.
    pub fn plugins(&self) -> PluginRegistry {
        let mut registry = PluginRegistry::default();
        for register in &self.registers {
            register(&mut registry);
        }
        registry
    }

    /// Runs the command line of this process to its end: `standalone` and `distributed` run a
    /// worker until it is told to stop, the other commands talk to a running one. Success is 0, a
    /// failure 1, a wrong command line 2.
    pub fn main(mut self) -> ExitCode {
        let reporters = std::mem::take(&mut self.reporters);
        crate::cli::run(std::env::args_os(), PluginLoader::new(move || self.plugins()), reporters)
    }
}

fn native() -> PluginRegistry {
    PluginRegistry {
        connectors: connectors(),
        converters: converters(),
        header_converters: gantry_converters::header_converters(),
        transformations: gantry_transforms::transformations(),
        predicates: gantry_transforms::predicates(),
        config_providers: config_providers(),
        override_policies: Vec::new(),
    }
}

/// All native connectors.
pub(crate) fn connectors() -> Vec<ConnectorPlugin> {
    let all = gantry_connectors::plugins().into_iter();
    #[cfg(feature = "replicator")]
    let all = all.chain(crate::replicator::plugins());
    all.collect()
}

fn converters() -> Vec<Plugin<dyn Converter>> {
    let mut all = gantry_converters::converters();
    all.extend(gantry_schema_converters::converters());
    all
}

fn config_providers() -> Vec<Plugin<dyn ConfigProvider>> {
    let info = |class: &str| PluginInfo::new(class, "ConfigProvider", ConfigDef::new);
    let boxed = |provider| -> Box<dyn ConfigProvider> { provider };
    vec![
        Plugin::new(info(FILE_CLASS), move |props| Ok(boxed(Box::new(FileProvider::new(props)?)))),
        Plugin::new(info(DIRECTORY_CLASS), move |props| {
            Ok(boxed(Box::new(DirectoryProvider::new(props)?)))
        }),
        Plugin::new(info(ENV_CLASS), move |props| {
            Ok(boxed(Box::new(EnvProvider::new(&environment(), props)?)))
        }),
    ]
}

/// The environment, without what is not text.
pub(crate) fn environment() -> BTreeMap<String, String> {
    let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
        Some((name.into_string().ok()?, value.into_string().ok()?))
    };
    std::env::vars_os().filter_map(text).collect()
}
