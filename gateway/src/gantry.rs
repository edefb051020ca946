//! A program with its plugins.

use std::collections::BTreeMap;
use std::process::ExitCode;

use gantry_api::{ConfigDef, ConfigProvider, Plugin, PluginInfo, PluginRegistry};
use gantry_model::config::provider::{
    DIRECTORY_CLASS, DirectoryProvider, ENV_CLASS, EnvProvider, FILE_CLASS, FileProvider,
};

/// A Gantry: the native plugins, and those of a program's own.
#[derive(Debug)]
pub struct Gantry {
    plugins: PluginRegistry,
}

impl Default for Gantry {
    fn default() -> Self {
        Self::new()
    }
}

impl Gantry {
    /// With the native connectors, converters, transformations, predicates and config providers.
    pub fn new() -> Self {
        Self {
            plugins: PluginRegistry {
                connectors: gantry_connectors::plugins(),
                converters: gantry_converters::converters(),
                header_converters: gantry_converters::header_converters(),
                transformations: gantry_transforms::transformations(),
                predicates: gantry_transforms::predicates(),
                config_providers: config_providers(),
            },
        }
    }

    /// Without any plugin.
    pub fn empty() -> Self {
        Self { plugins: PluginRegistry::default() }
    }

    /// Adds plugins. Of two with one name the first is taken, so a native plugin cannot be
    /// replaced this way; give yours a class name of its own.
    #[must_use]
    pub fn register(mut self, add: impl FnOnce(&mut PluginRegistry)) -> Self {
        add(&mut self.plugins);
        self
    }

    /// The plugins so far.
    pub fn plugins(&self) -> &PluginRegistry {
        &self.plugins
    }

    /// Runs the command line of this process to its end: `standalone` runs a worker until it is
    /// told to stop, the other commands talk to a running one. Success is 0, a failure 1, a
    /// wrong command line 2.
    pub fn main(self) -> ExitCode {
        crate::cli::run(std::env::args_os(), self.plugins)
    }
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
fn environment() -> BTreeMap<String, String> {
    let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
        Some((name.into_string().ok()?, value.into_string().ok()?))
    };
    std::env::vars_os().filter_map(text).collect()
}
