//! Tests against a server in this process, which answers as the real ones do; those against a real OpenSearch are in
//! `tests/native`.

mod delivery;
mod validation;

use gantry_api::Props;

use super::Flavour;

/// The keys that each connector needs, and more.
pub(super) fn props(flavour: Flavour, more: &[(&str, &str)]) -> Props {
    let url = [("connection.url", "http://127.0.0.1:1"), ("topics", "T")];
    let own: &[(&str, &str)] = match flavour {
        Flavour::Aiven => &[("type.name", "_doc")],
        _ => &[],
    };
    let all = url.iter().chain(own).chain(more);
    all.map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}
