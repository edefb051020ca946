//! The reference page of worker keys, written from the table.

use std::fmt::Write as _;

use super::row::{Effect, Row};
use super::table::{PREFIXES, SECTIONS};

const HEAD: &str = "\
# Worker configuration

Every key that a worker file may hold, as `gantry standalone worker.properties` reads it. This
page is written from the table in `gateway/src/worker_config`; a test fails when the two differ
(`gantry worker-keys > docs/worker-config.md` writes it anew).

*Effect*: **used** does what it says; *read* is accepted and checked so that a worker file of Kafka
Connect starts unchanged, and changes nothing. An unknown key is warned of, with the nearest
known name; a wrong value stops the start with a message that names key, value and remedy.

";

/// The whole page.
pub(crate) fn markdown() -> String {
    let mut page = HEAD.to_owned();
    for section in SECTIONS {
        section_markdown(&mut page, section.title, section.rows);
    }
    page.push_str("## Prefixes\n\nFurther keys may follow behind these:\n\n");
    page.push_str("| Prefix | What follows |\n| --- | --- |\n");
    for (prefix, what) in PREFIXES {
        let _ = writeln!(page, "| `{prefix}` | {what} |");
    }
    page
}

fn section_markdown(page: &mut String, title: &str, rows: &[Row]) {
    let _ = writeln!(page, "## {title}\n");
    page.push_str("| Key | Value | Default | Importance | Effect | What it does |\n");
    page.push_str("| --- | --- | --- | --- | --- | --- |\n");
    for row in rows {
        let effect = match row.effect {
            Effect::Used => "**used**",
            Effect::Accepted => "read",
        };
        let importance = format!("{:?}", row.importance).to_lowercase();
        let _ = writeln!(
            page,
            "| `{}` | {} | `{}` | {importance} | {effect} | {} |",
            row.name,
            row.allowed(),
            row.default_text(),
            row.doc.replace('|', "\\|"),
        );
    }
    page.push('\n');
}
