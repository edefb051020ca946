//! What Debezium's transformations share.

use gantry_model::config::{ConfigData, Validator};
use gantry_model::text::hash_set_order;
use gantry_model::{Error, Schema};

/// The names of change events' schemas end so.
const ENVELOPE: &str = ".Envelope";

/// Whether it is the schema of change events.
pub(crate) fn is_envelope(schema: &Schema) -> bool {
    schema.name().is_some_and(|name| name.ends_with(ENVELOPE))
}

/// One of these texts in any case of letters, with Debezium's text if it is another.
pub(crate) fn one_of<const N: usize>(allowed: [&'static str; N]) -> Validator {
    Validator::custom(move |name, value| match value {
        ConfigData::String(text) if !allowed.iter().any(|one| is(text, one)) => {
            let all = hash_set_order(allowed.map(str::to_owned).to_vec()).join(", ");
            Err(Error::config(format!(
                "Invalid value {text} for configuration {name}: Value must be one of {all}"
            )))
        }
        _ => Ok(()),
    })
}

/// Whether a text is one of those that [`one_of`] lets pass.
pub(crate) fn is(text: &str, one: &str) -> bool {
    text.trim().eq_ignore_ascii_case(one)
}
