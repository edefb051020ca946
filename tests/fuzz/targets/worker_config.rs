//! A worker file, of a standalone or a distributed worker: any of its keys may hold any text, and the error names what is wrong.
#![no_main]

use std::sync::LazyLock;

use gantry::fuzzing;
use gantry_api::PluginRegistry;
use libfuzzer_sys::fuzz_target;

/// No provider that reads files: what is fuzzed must not depend on this computer.
static PLUGINS: LazyLock<PluginRegistry> = LazyLock::new(|| PluginRegistry {
    config_providers: gantry::Gantry::new()
        .plugins()
        .config_providers
        .into_iter()
        .filter(|plugin| plugin.info.class.contains("EnvVar"))
        .collect(),
    ..gantry::Gantry::new().plugins()
});

fuzz_target!(|bytes: &[u8]| {
    let distributed = bytes.len() % 2 == 1;
    if let Err(message) = fuzzing::worker_file(bytes, distributed, &PLUGINS) {
        assert!(!message.is_empty());
    }
});
