//! Keys that Kafka Connect once had and old worker files still carry. As in Kafka Connect they do
//! nothing; here a line says what to write instead.

use gantry_api::Props;

/// Prefixes of retired keys, and what to do about them.
const RETIRED: [(&str, &str); 4] = [
    ("rest.port", "write listeners=http://:PORT"),
    ("rest.host.name", "write listeners=http://HOST:PORT"),
    ("internal.key.converter", "take it out: the worker's own topics are always plain JSON"),
    ("internal.value.converter", "take it out: the worker's own topics are always plain JSON"),
];

/// What to do about a key, if it is retired: the key itself, or a setting below it.
pub(crate) fn advice(key: &str) -> Option<&'static str> {
    let is = |retired: &str| {
        key.strip_prefix(retired).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    RETIRED.iter().find(|(retired, _)| is(retired)).map(|(_, advice)| *advice)
}

/// One line for each retired key.
pub(super) fn warnings(props: &Props) -> impl Iterator<Item = String> {
    props.keys().filter_map(|key| {
        let advice = advice(key)?;
        Some(format!("worker key {key} has no effect since Kafka Connect 3.0: {advice}"))
    })
}

#[cfg(test)]
mod tests {
    use super::advice;

    #[test]
    fn settings_of_a_retired_key_are_retired() {
        assert_eq!(advice("rest.port"), Some("write listeners=http://:PORT"));
        assert!(advice("internal.key.converter.schemas.enable").is_some());
        assert_eq!(advice("rest.portal"), None);
        assert_eq!(advice("rest"), None);
    }
}
