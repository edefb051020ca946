//! Jackson's errors, which name the place where reading stopped.

use gantry_schema_model::InvalidSchema;

use super::{Reader, Scope};

const SOURCE: &str = "[Source: REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled)";
const PARSE: &str = "com.fasterxml.jackson.core.JsonParseException";
const CUT: &str = "com.fasterxml.jackson.core.io.JsonEOFException";

/// What stands next in a text.
pub(super) enum Piece {
    /// A character as it is.
    Char(char),
    /// A UTF-16 unit of an escape.
    Unit(u16),
}

/// What a scope is called.
pub(super) fn description(is_object: bool) -> &'static str {
    if is_object { "Object" } else { "Array" }
}

/// A character as errors show it.
pub(super) fn name_of(c: char) -> String {
    let mut units = [0; 2];
    // Java takes the first half of a pair for a character, which it cannot show.
    let code = c.encode_utf16(&mut units).first().copied().unwrap_or_default();
    let c = if c as u32 > u32::from(u16::MAX) { '?' } else { c };
    if c.is_control() {
        format!("(CTRL-CHAR, code {code})")
    } else if code > 255 {
        format!("'{c}' (code {code} / 0x{code:x})")
    } else {
        format!("'{c}' (code {code})")
    }
}

/// A text that passes a limit.
pub(super) fn constraint(message: &str) -> InvalidSchema {
    InvalidSchema(format!("com.fasterxml.jackson.core.exc.StreamConstraintsException: {message}"))
}

fn location(row: usize, column: usize) -> String {
    format!("{SOURCE}; line: {row}, column: {column}]")
}

impl Reader<'_> {
    /// The column behind `at`, from 1 on, in UTF-16 units.
    fn column(&self, at: usize) -> usize {
        self.units(self.row_start, at) + 1
    }

    fn units(&self, from: usize, to: usize) -> usize {
        self.text.get(from..to).unwrap_or_default().encode_utf16().count()
    }

    fn begin(&self, scope: &Scope) -> String {
        location(scope.row, self.units(scope.row_start, scope.at))
    }

    fn failed(&self, class: &str, message: &str, column: usize) -> InvalidSchema {
        InvalidSchema(format!("{class}: {message}\n at {}", location(self.row, column)))
    }

    /// An error behind what was read.
    pub(super) fn error(&self, message: &str) -> InvalidSchema {
        self.failed(PARSE, message, self.column(self.at))
    }

    /// An error at the character that was read last.
    pub(super) fn at_last(&self, message: &str) -> InvalidSchema {
        let read = self.text.get(..self.at).unwrap_or_default();
        let last = read.chars().next_back().map_or(0, char::len_utf8);
        self.failed(PARSE, message, self.column(self.at - last))
    }

    pub(super) fn unexpected(&self, c: char, comment: &str) -> InvalidSchema {
        self.at_last(&format!("Unexpected character ({}): {comment}", name_of(c)))
    }

    pub(super) fn unexpected_in_number(&self, c: char, comment: &str) -> InvalidSchema {
        let message = format!("Unexpected character ({}) in numeric value: {comment}", name_of(c));
        self.at_last(&message)
    }

    pub(super) fn invalid_space(&self, c: char) -> InvalidSchema {
        let mut message = format!(
            "Illegal character ({}): only regular white space (\\r, \\n, \\t) is allowed between \
             tokens",
            name_of(c)
        );
        if c == '\u{1e}' {
            message.push_str(
                " (consider enabling `JsonReadFeature.ALLOW_RS_CONTROL_CHAR` to allow use of \
                 Record Separators (\\u001E))",
            );
        }
        self.error(&message)
    }

    /// The text ends too early.
    pub(super) fn end(&self, message: &str) -> InvalidSchema {
        self.failed(CUT, &format!("Unexpected end-of-input{message}"), self.column(self.at))
    }

    /// The text ends within an object or a list.
    pub(super) fn unclosed(&self) -> InvalidSchema {
        let Some(scope) = self.scopes.last() else { return self.end("") };
        self.end(&format!(
            ": expected close marker for {} (start marker at {})",
            description(scope.is_object),
            self.begin(scope)
        ))
    }

    /// A bracket that closes what is not open; it was read last.
    pub(super) fn mismatched_end(&self) -> InvalidSchema {
        let before = self.at.saturating_sub(1);
        let found = self.text.get(before..self.at).unwrap_or_default();
        let message = match self.scopes.last() {
            Some(scope) => format!(
                "Unexpected close marker '{found}': expected '{}' (for {} starting at {})",
                if scope.is_object { '}' } else { ']' },
                description(scope.is_object),
                self.begin(scope)
            ),
            None => format!(
                "Unexpected close marker '{found}': no open {} to close",
                description(found == "}")
            ),
        };
        self.failed(PARSE, &message, self.column(before))
    }
}
