//! Java's `.properties` files.

use std::collections::BTreeMap;

use crate::error::{Error, Result};

/// One entry of a `.properties` file, and where its key begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Property {
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// The key.
    pub key: String,
    /// The value.
    pub value: String,
}

/// Reads the text of a `.properties` file as `java.util.Properties` does: `key=value`,
/// `key: value` or `key value`; comments begin with `#` or `!`; a backslash at the end joins
/// lines and escapes characters before. The last value of a key counts.
/// `IllegalArgumentException` for a bad `\u` escape.
pub fn read_properties(text: &str) -> Result<BTreeMap<String, String>> {
    let entries = property_list(text)?.into_iter();
    Ok(entries.map(|Property { key, value, .. }| (key, value)).collect())
}

/// The same, every entry in its place: a key that stands twice is there twice.
pub fn property_list(text: &str) -> Result<Vec<Property>> {
    let mut out = Vec::new();
    let two_signs_end = text.ends_with("\r\n");
    // The end of the last line begins no further one.
    let text = text.strip_suffix('\n').unwrap_or(text);
    let text = text.strip_suffix('\r').unwrap_or(text);
    let lines =
        text.split('\n').flat_map(|line| line.strip_suffix('\r').unwrap_or(line).split('\r'));
    let mut lines = lines.map(|line| (line, line.trim_start_matches(BLANKS))).zip(1..).peekable();
    'lines: while let Some(((whole, line), number)) = lines.next() {
        if line.is_empty() || line.starts_with(['#', '!']) {
            continue;
        }
        // Blanks are one byte each.
        let column = whole.len() - line.len() + 1;
        let mut logical = line.to_owned();
        // The last line taken decides: what stands before it ends with pairs of backslashes.
        let mut open = ends_open(line);
        while open {
            logical.pop();
            if logical.is_empty() && (lines.peek().is_some() || two_signs_end) {
                // Nothing was said yet: what follows may still be a comment. Java looks for what
                // follows even at the end, unless the line's one sign is the last.
                continue 'lines;
            }
            match lines.next() {
                Some(((_, next), _)) => {
                    logical.push_str(next);
                    open = ends_open(next);
                }
                None => break,
            }
        }
        let (key, value) = split(&logical);
        let (key, value) = (unescape(key)?, unescape(value)?);
        out.push(Property { line: number, column, key, value });
    }
    Ok(out)
}

const BLANKS: [char; 3] = [' ', '\t', '\x0c'];

/// Whether an odd number of backslashes ends the line.
fn ends_open(line: &str) -> bool {
    (line.len() - line.trim_end_matches('\\').len()) % 2 == 1
}

/// At the first `=`, `:` or blank that is not escaped; of `key = value` all three go.
fn split(line: &str) -> (&str, &str) {
    let mut escaped = false;
    for (at, c) in line.char_indices() {
        if !escaped && (matches!(c, '=' | ':') || BLANKS.contains(&c)) {
            let rest = line[at..].trim_start_matches(BLANKS);
            let rest = rest.strip_prefix(['=', ':']).unwrap_or(rest);
            return (&line[..at], rest.trim_start_matches(BLANKS));
        }
        escaped = c == '\\' && !escaped;
    }
    (line, "")
}

fn unescape(text: &str) -> Result<String> {
    if !text.contains('\\') {
        return Ok(text.to_owned());
    }
    let malformed =
        || Error::java("java.lang.IllegalArgumentException", "Malformed \\uxxxx encoding.");
    // As UTF-16: a character beyond 65535 is written as two escapes.
    let mut units: Vec<u16> = Vec::with_capacity(text.len());
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        let plain = match c {
            '\\' => match rest.next() {
                Some('t') => '\t',
                Some('n') => '\n',
                Some('r') => '\r',
                Some('f') => '\x0c',
                Some('u') => {
                    let digits = rest.as_str().get(..4).ok_or_else(malformed)?;
                    let all_hex = digits.bytes().all(|b| b.is_ascii_hexdigit());
                    let unit = u16::from_str_radix(digits, 16).ok().filter(|_| all_hex);
                    units.push(unit.ok_or_else(malformed)?);
                    rest = rest.as_str()[4..].chars();
                    continue;
                }
                Some(other) => other,
                None => break,
            },
            other => other,
        };
        units.extend_from_slice(plain.encode_utf16(&mut [0; 2]));
    }
    // Half of a pair becomes what Java writes for one.
    Ok(char::decode_utf16(units).map(|c| c.unwrap_or('?')).collect())
}
