//! Entries of a properties file.

use gantry_model::config::provider::property_list;

use super::{Entry, Place, Shape};
use crate::lint::report::Report;
use crate::lint::syntax::UNREADABLE;

/// Reads a text; what cannot be read is reported.
pub(super) fn read(text: &str, report: &mut Report) -> Option<Vec<Entry>> {
    let entries = match property_list(text) {
        Ok(entries) => entries,
        Err(error) => {
            // Only an escape can be wrong, and that within one line.
            let line = text.lines().position(|line| property_list(line).is_err());
            let place = line.map(|line| Place { line: line + 1, column: 1 });
            report.at(
                &UNREADABLE,
                place,
                None,
                format!("not in properties syntax: {}", error.message()),
                "write four hexadecimal digits behind \\u, and \\\\ for a backslash",
            );
            return None;
        }
    };
    let entry = |entry: gantry_model::config::provider::Property| Entry {
        key: entry.key,
        value: entry.value,
        shape: Shape::Text,
        place: Place { line: entry.line, column: entry.column },
    };
    Some(entries.into_iter().map(entry).collect())
}
