//! Manifests: the files below `META-INF/services` that list the classes of a kind.

use super::kind::PluginKind;

/// The kind of plugins that the file of this name lists.
pub(crate) fn kind_of(name: &str) -> Option<PluginKind> {
    let service = name.strip_prefix("META-INF/services/")?;
    PluginKind::ALL.into_iter().find(|kind| kind.base_type() == service)
}

/// The names in a manifest, or which line is wrong and why. Then Java takes none of them.
pub(crate) fn parse(bytes: &[u8]) -> Result<Vec<String>, (usize, String)> {
    let text = String::from_utf8_lossy(bytes);
    let mut names = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let name = line.split_once('#').map_or(line, |(name, _)| name);
        let name = name.trim_matches(|c| c <= ' ');
        if name.contains([' ', '\t']) {
            return Err((number + 1, "Illegal configuration-file syntax".to_owned()));
        }
        if !is_class_name(name) && !name.is_empty() {
            return Err((number + 1, format!("Illegal provider-class name: {name}")));
        }
        if !name.is_empty() {
            names.push(name.to_owned());
        }
    }
    Ok(names)
}

/// Java's letters and digits are those of Unicode, but for rarities.
fn is_class_name(name: &str) -> bool {
    let is_start = |c: char| c.is_alphabetic() || matches!(c, '_' | '$');
    let is_part = |c: char| c.is_alphanumeric() || matches!(c, '_' | '$' | '.');
    name.starts_with(is_start) && name.chars().all(is_part)
}
