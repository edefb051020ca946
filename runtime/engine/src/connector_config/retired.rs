//! Keys of connectors that Kafka Connect once had. As in Kafka Connect they do nothing; a line says
//! what to write instead.

use gantry_api::{PluginRegistry, Props};

use super::{TRANSFORMS, stages};

/// Key of a transformation, and the key that took its place.
const REPLACE_FIELD: [(&str, &str); 2] = [("blacklist", "exclude"), ("whitelist", "include")];
const REPLACE_FIELD_CLASS: &str = "org.apache.kafka.connect.transforms.ReplaceField$";

/// Retired keys of a configuration, each with the key to write instead.
pub fn retired_keys(plugins: &PluginRegistry, config: &Props) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for name in stages(config, TRANSFORMS) {
        let prefix = format!("{TRANSFORMS}.{name}.");
        let class = config.get(&format!("{prefix}type")).map_or("", |class| class.trim());
        let plugin = plugins.find_transformation(class);
        if !plugin.is_some_and(|plugin| plugin.info.class.starts_with(REPLACE_FIELD_CLASS)) {
            continue;
        }
        for (retired, instead) in REPLACE_FIELD {
            let key = format!("{prefix}{retired}");
            if config.contains_key(&key) {
                found.push((key, format!("{prefix}{instead}")));
            }
        }
    }
    found
}
