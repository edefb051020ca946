//! Worker keys from the environment, as container images of Kafka Connect take them:
//! `CONNECT_GROUP_ID` is `group.id`.

use std::collections::BTreeMap;

use gantry_api::Props;

const PREFIX: &str = "CONNECT_";

/// Variables of the images that are no worker keys: they set up logging.
const NOT_KEYS: [&str; 2] = ["CONNECT_LOG4J_", "CONNECT_LOG4J2_"];

/// Worker keys by the variable that sets them.
pub(super) fn worker_keys(
    environment: &BTreeMap<String, String>,
) -> BTreeMap<&str, (String, &str)> {
    let mut keys = BTreeMap::new();
    for (variable, value) in environment {
        let Some(name) = variable.strip_prefix(PREFIX) else { continue };
        if !name.is_empty() && !NOT_KEYS.iter().any(|prefix| variable.starts_with(prefix)) {
            keys.insert(variable.as_str(), (key_of(name), value.as_str()));
        }
    }
    keys
}

/// Lays the environment's keys over those of the file; gives the line that says so.
pub(super) fn apply(props: &mut Props, environment: &BTreeMap<String, String>) -> Option<String> {
    let keys = worker_keys(environment);
    if keys.is_empty() {
        return None;
    }
    let variables: Vec<&str> = keys.keys().copied().collect();
    let notice = format!("worker keys from the environment: {}", variables.join(", "));
    props.extend(keys.into_values().map(|(key, value)| (key, value.to_owned())));
    Some(notice)
}

/// `_` is a dot, `__` an underscore, `___` a dash; letters are small.
fn key_of(name: &str) -> String {
    let lower = name.to_ascii_lowercase();
    lower.replace("___", "-").replace("__", "\u{0}").replace('_', ".").replace('\u{0}', "_")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn names_become_keys() {
        assert_eq!(key_of("GROUP_ID"), "group.id");
        assert_eq!(key_of("CONFIG_PROVIDERS_MY__FILE_CLASS"), "config.providers.my_file.class");
        assert_eq!(key_of("A___B__C_D"), "a-b_c.d");
    }

    #[test]
    fn the_environment_lies_over_the_file() {
        let mut props = Props::from([("group.id".to_owned(), "file".to_owned())]);
        let set = environment(&[
            ("CONNECT_GROUP_ID", "env"),
            ("CONNECT_LOG4J_ROOT_LOGLEVEL", "DEBUG"),
            ("CONNECT_", "x"),
            ("PATH", "/bin"),
            ("CONNECT_LISTENERS", "http://:1"),
        ]);
        let notice = apply(&mut props, &set).unwrap();
        assert_eq!(notice, "worker keys from the environment: CONNECT_GROUP_ID, CONNECT_LISTENERS");
        assert_eq!(props["group.id"], "env");
        assert_eq!(props["listeners"], "http://:1");
        assert_eq!(props.len(), 2);
        assert_eq!(apply(&mut props, &environment(&[("PATH", "/bin")])), None);
    }
}
