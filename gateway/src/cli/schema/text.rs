//! Schemas as people read them.

use serde::de::IgnoredAny;
use similar::TextDiff;

const INDENT: &str = "  ";
/// Lines around a difference.
const CONTEXT: usize = 3;

/// JSON with line breaks and indentation, members and numbers as they were written; another text
/// as it is.
pub(super) fn pretty(text: &str) -> String {
    let text = text.trim();
    if serde_json::from_str::<IgnoredAny>(text).is_err() {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len() * 2);
    let mut depth = 0_usize;
    let (mut in_string, mut is_escaped, mut is_opened) = (false, false, false);
    for c in text.chars() {
        if in_string {
            out.push(c);
            in_string = is_escaped || c != '"';
            is_escaped = c == '\\' && !is_escaped;
            continue;
        }
        if c.is_ascii_whitespace() {
            continue;
        }
        let closes = matches!(c, '}' | ']');
        if closes {
            depth = depth.saturating_sub(1);
        }
        if closes != is_opened {
            // Behind what opens, unless it closes at once, and before what closes.
            new_line(&mut out, depth);
        }
        is_opened = matches!(c, '{' | '[');
        out.push(c);
        match c {
            '{' | '[' => depth += 1,
            ',' => new_line(&mut out, depth),
            ':' => out.push(' '),
            '"' => in_string = true,
            _ => {}
        }
    }
    out
}

fn new_line(out: &mut String, depth: usize) {
    out.push('\n');
    (0..depth).for_each(|_| out.push_str(INDENT));
}

/// How two texts differ, line by line; empty if they do not.
pub(super) fn diff((old_name, old): (&str, &str), (new_name, new): (&str, &str)) -> String {
    let (old, new) = (format!("{old}\n"), format!("{new}\n"));
    let diff = TextDiff::from_lines(&old, &new);
    let mut unified = diff.unified_diff();
    unified.context_radius(CONTEXT).header(old_name, new_name).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_pretty_and_stays_what_it_is() {
        let text = r#" {"z":[1.50,"a\"}{\\",{}, [ ] ],"a" : {"b":null,"é":-1e400}}"#;
        let expected = "{\n  \"z\": [\n    1.50,\n    \"a\\\"}{\\\\\",\n    {},\n    []\n  ],\n  \
                        \"a\": {\n    \"b\": null,\n    \"é\": -1e400\n  }\n}";
        assert_eq!(pretty(text), expected);
        assert_eq!(pretty(expected), expected);
        assert_eq!(pretty("\"string\"\n"), "\"string\"");
        assert_eq!(pretty("[]"), "[]");
        let proto = "syntax = \"proto3\";\nmessage A { }";
        assert_eq!(pretty(proto), proto);
    }

    #[test]
    fn differences_are_shown_line_by_line() {
        assert_eq!(diff(("a", "x\ny"), ("b", "x\ny")), "");
        let shown = diff(("a", "x\ny"), ("b", "x\nz"));
        assert_eq!(shown, "--- a\n+++ b\n@@ -1,2 +1,2 @@\n x\n-y\n+z\n");
    }
}
