//! The reference page of the keys of native connectors, written from their definitions.

use std::fmt::Write as _;

use gantry_api::model::config::ConfigKey;
use gantry_api::{ConnectorPlugin, Importance};

const HEAD: &str = "\
# Native connectors

Every key of each connector that is built in, as `validate` checks it, besides those that all
connectors have. This page is written from the definitions; a test fails when the two differ
(`gantry connector-keys > docs/native-connectors.md` writes it anew).

";

/// The whole page.
pub(crate) fn markdown() -> String {
    let mut page = HEAD.to_owned();
    for plugin in crate::gantry::connectors() {
        connector(&mut page, &plugin);
    }
    page
}

fn connector(page: &mut String, plugin: &ConnectorPlugin) {
    let definition = plugin.info.config_def();
    let _ = writeln!(page, "## {}\n\nA {}.\n", plugin.info.class, plugin.type_name());
    page.push_str("| Key | Type | Default | Importance | What it does |\n");
    page.push_str("| --- | --- | --- | --- | --- |\n");
    for key in definition.keys() {
        row(page, key);
    }
    page.push('\n');
}

fn row(page: &mut String, key: &ConfigKey) {
    let default = match &key.default {
        None => "required".to_owned(),
        Some(value) => match value.to_display() {
            None => "none".to_owned(),
            Some(text) if text.is_empty() => "empty".to_owned(),
            Some(text) => format!("`{text}`"),
        },
    };
    let importance = match key.importance {
        Importance::High => "high",
        Importance::Medium => "medium",
        Importance::Low => "low",
    };
    let doc = key.doc.replace('|', "\\|").replace('\n', " ");
    let kind = key.type_.as_str().to_lowercase();
    let _ = writeln!(page, "| `{}` | {kind} | {default} | {importance} | {doc} |", key.name);
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_reference_page_is_what_the_definitions_say() {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/native-connectors.md");
        let page = std::fs::read_to_string(file).unwrap_or_default();
        assert!(
            page == super::markdown(),
            "stale: write it anew with `gantry connector-keys > docs/native-connectors.md`"
        );
    }
}
