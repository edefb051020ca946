//! The parsers of this crate for `tests/fuzz`. Each takes what a user can write, and must end
//! without a panic, soon, whatever it is.

use std::collections::BTreeMap;

use gantry_api::PluginRegistry;
use gantry_model::config::provider::read_properties;

use crate::files::{parse_connector, properties_text};
use crate::rest::fuzzing as rest;
use crate::worker_config::{Given, Mode, is_known, load};

pub use rest::{body as rest_body, path, record_line};

/// A connector file: JSON or properties.
pub fn connector_file(bytes: &[u8]) {
    if let Ok(file) = parse_connector(bytes) {
        assert_eq!(file.config.get("name"), Some(&file.name));
    }
}

/// So many unknown keys of a worker file are fuzzed: each is compared with all known ones, which
/// takes long under instruments.
const UNKNOWN_KEYS_MAX: usize = 2;

/// A worker file. Keys that look like variables of the environment come from there.
pub fn worker_file(
    bytes: &[u8],
    distributed: bool,
    plugins: &PluginRegistry,
) -> Result<(), String> {
    let mut props = read_properties(&properties_text(bytes)).map_err(|error| error.to_string())?;
    let mut unknown = 0;
    props.retain(|key, _| {
        unknown += usize::from(!is_known(key));
        is_known(key) || unknown <= UNKNOWN_KEYS_MAX
    });
    let (env, file): (BTreeMap<_, _>, BTreeMap<_, _>) =
        props.into_iter().partition(|(key, _)| key.starts_with("CONNECT_"));
    let overrides: Vec<_> = file.into_iter().collect();
    let mode = if distributed { Mode::Distributed } else { Mode::Standalone };
    let given = Given { mode, file: None, environment: &env, overrides: &overrides };
    load(given, plugins).map(drop).map_err(|error| error.to_string())
}
