//! The reference page of all rules, and the explanation of one.

use std::fmt::Write as _;

use super::rule::{Base, Rule};
use super::rules::{all, find};

const HEAD: &str = "\
# What `gantry lint` finds

`gantry lint FILE…` looks at connector files and worker files without a worker. Each finding has a
code that stays the same, a level, a place, and a remedy. This page is written from the rules in
`gateway/src/lint`, whose tests are the examples below; a test fails when the two differ
(`gantry lint --explain > docs/lint.md` writes it anew).

| exit status | |
| --- | --- |
| 0 | nothing above info |
| 1 | at least one error |
| 2 | the command line is wrong |
| 3 | warnings, and no error |

Configurations are judged with the defaults of a worker without a worker file; `--worker
worker.properties`, or a worker file among the files, says otherwise. Nothing is resolved: values
with `${provider:path:key}` are not judged. `--json` prints the findings as JSON.

";

const EXAMPLES: &str = "\
## About the examples

Most show only the lines that matter. For a source the lines `name=example`,
`connector.class=FileStreamSource`, `file=in.txt` and `topic=lines` go before them, for a sink
`name=example`, `connector.class=FileStreamSink`, `file=out.txt` and `topics=lines`, for a worker
file JsonConverter for keys and values, without schemas.

";

/// The whole page.
pub(crate) fn markdown() -> String {
    let mut page = HEAD.to_owned();
    page.push_str("| Code | Level | What |\n| --- | --- | --- |\n");
    for rule in all() {
        let (code, level) = (rule.code, rule.level.as_str());
        let anchor = anchor(rule);
        let _ = writeln!(page, "| [{code}](#{anchor}) | {level} | {} |", rule.title);
    }
    page.push('\n');
    page.push_str(EXAMPLES);
    for rule in all() {
        page.push_str(&section(rule));
        page.push('\n');
    }
    page.truncate(page.trim_end().len());
    page.push('\n');
    page
}

/// One rule by its code. The error is a sentence for the user.
pub(crate) fn explain(code: &str) -> Result<String, String> {
    match find(code) {
        Some(rule) => Ok(section(rule)),
        None => Err(format!("there is no code {code}; `gantry lint --explain` lists all of them")),
    }
}

/// The anchor that Markdown makes of a heading.
fn anchor(rule: &Rule) -> String {
    let heading = format!("{} {}", rule.code, rule.title);
    let kept = heading.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.collect::<String>().to_lowercase().replace(' ', "-")
}

fn section(rule: &Rule) -> String {
    let language = if rule.base == Base::Json { "json" } else { "properties" };
    let of = match rule.base {
        Base::Source => " of a source",
        Base::Sink => " of a sink",
        Base::Worker => " of a worker file",
        Base::Properties | Base::Json => "",
    };
    let mut out = format!("## {} {}\n\n", rule.code, rule.title);
    let _ = writeln!(out, "Level: {}. {}\n", rule.level.as_str(), rule.explanation);
    let _ = writeln!(out, "Found in these lines{of}:\n\n```{language}\n{}```", rule.bad);
    if !rule.good.is_empty() {
        let _ = writeln!(out, "\nNot found in these:\n\n```{language}\n{}```", rule.good);
    }
    out
}
