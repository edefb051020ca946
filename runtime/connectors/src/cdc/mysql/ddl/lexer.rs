//! Words of a statement, with their places in it.

use std::ops::Range;

/// Modes of the server that change what a statement means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct SqlMode {
    /// Double quotes stand around names, not texts.
    pub(crate) ansi_quotes: bool,
    /// A backslash in a text is itself.
    pub(crate) no_backslash_escapes: bool,
}

impl SqlMode {
    /// From the bits that a binlog event carries.
    pub(crate) fn from_bits(bits: u64) -> Self {
        const ANSI_QUOTES: u64 = 1 << 2;
        const NO_BACKSLASH_ESCAPES: u64 = 1 << 20;
        Self {
            ansi_quotes: bits & ANSI_QUOTES != 0,
            no_backslash_escapes: bits & NO_BACKSLASH_ESCAPES != 0,
        }
    }
    /// From the variable's text.
    pub(crate) fn from_names(names: &str) -> Self {
        let has = |name| names.split(',').any(|word| word.trim().eq_ignore_ascii_case(name));
        Self { ansi_quotes: has("ANSI_QUOTES"), no_backslash_escapes: has("NO_BACKSLASH_ESCAPES") }
    }
}

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A keyword or a name without quotes.
    Word,
    /// A name in quotes.
    Name,
    /// A text in quotes; what stands in front of it (`_utf8mb4`, `x`, `b`, `N`) is a part of it.
    Text,
    /// A number.
    Number,
    /// Any other character.
    Symbol,
}

/// One token.
#[derive(Clone, Debug)]
pub(crate) struct Token {
    pub(crate) kind: Kind,
    pub(crate) range: Range<usize>,
}

/// The tokens of a statement. Comments are left out, but for those that the server executes.
pub(crate) fn tokens(sql: &str, mode: SqlMode) -> Vec<Token> {
    let mut lexer = Lexer { sql: sql.as_bytes(), at: 0, mode, executed: 0 };
    let mut all = Vec::new();
    while let Some(token) = lexer.next() {
        all.push(token);
    }
    all
}

struct Lexer<'a> {
    sql: &'a [u8],
    at: usize,
    mode: SqlMode,
    /// How many executed comments are open.
    executed: usize,
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$' | b'@') || byte >= 0x80
}

impl Lexer<'_> {
    fn byte(&self, ahead: usize) -> u8 {
        self.sql.get(self.at + ahead).copied().unwrap_or_default()
    }
    fn starts(&self, text: &str) -> bool {
        self.sql.get(self.at..).is_some_and(|rest| rest.starts_with(text.as_bytes()))
    }
    /// Behind this text, or at the end.
    fn pass(&mut self, text: &str) {
        while self.at < self.sql.len() && !self.starts(text) {
            self.at += 1;
        }
        self.at = (self.at + text.len()).min(self.sql.len());
    }

    /// Behind white space and comments.
    fn skip(&mut self) {
        while self.at < self.sql.len() {
            if self.byte(0).is_ascii_whitespace() {
                self.at += 1;
            } else if self.starts("/*!") || self.starts("/*M!") {
                self.at += if self.starts("/*!") { 3 } else { 4 };
                while self.byte(0).is_ascii_digit() {
                    self.at += 1;
                }
                self.executed += 1;
            } else if self.executed > 0 && self.starts("*/") {
                self.at += 2;
                self.executed -= 1;
            } else if self.starts("/*") {
                self.at += 2;
                self.pass("*/");
            } else if self.byte(0) == b'#'
                || self.starts("--") && (self.byte(2) <= b' ' || self.at + 2 >= self.sql.len())
            {
                self.pass("\n");
            } else {
                return;
            }
        }
    }

    fn next(&mut self) -> Option<Token> {
        self.skip();
        let from = self.at;
        let first = *self.sql.get(from)?;
        let kind = match first {
            b'`' => {
                self.quoted(b'`', true);
                Kind::Name
            }
            b'"' if self.mode.ansi_quotes => {
                self.quoted(b'"', true);
                Kind::Name
            }
            b'\'' | b'"' => {
                self.quoted(first, self.mode.no_backslash_escapes);
                Kind::Text
            }
            b'0'..=b'9' => self.number(),
            b'.' if self.byte(1).is_ascii_digit() => self.number(),
            _ if is_word(first) => self.word(first),
            _ => {
                self.at += 1;
                Kind::Symbol
            }
        };
        Some(Token { kind, range: from..self.at })
    }

    /// Behind a quoted part. A doubled quote is one in it, as is one behind a backslash.
    fn quoted(&mut self, quote: u8, plain: bool) {
        self.at += 1;
        while self.at < self.sql.len() {
            let byte = self.byte(0);
            let is_escape = byte == b'\\' && !plain;
            if is_escape || byte == quote && self.byte(1) == quote {
                self.at += 2;
            } else {
                self.at += 1;
                if byte == quote {
                    break;
                }
            }
        }
        self.at = self.at.min(self.sql.len());
    }

    /// A number, or a name that begins with digits.
    fn number(&mut self) -> Kind {
        let from = self.at;
        while self.byte(0).is_ascii_digit() || self.byte(0) == b'.' {
            self.at += 1;
        }
        if matches!(self.byte(0), b'e' | b'E') {
            let sign = usize::from(matches!(self.byte(1), b'+' | b'-'));
            if self.byte(1 + sign).is_ascii_digit() {
                self.at += 1 + sign;
                while self.byte(0).is_ascii_digit() {
                    self.at += 1;
                }
            }
        }
        if !is_word(self.byte(0)) {
            return Kind::Number;
        }
        self.at = from;
        while is_word(self.byte(0)) {
            self.at += 1;
        }
        Kind::Word
    }

    fn word(&mut self, first: u8) -> Kind {
        let from = self.at;
        while is_word(self.byte(0)) {
            self.at += 1;
        }
        let introduces = first == b'_'
            || self.at - from == 1 && matches!(first, b'x' | b'X' | b'b' | b'B' | b'n' | b'N');
        if introduces && self.byte(0) == b'\'' {
            self.quoted(b'\'', self.mode.no_backslash_escapes);
            return Kind::Text;
        }
        Kind::Word
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(sql: &str) -> Vec<&str> {
        tokens(sql, SqlMode::default()).into_iter().map(|token| &sql[token.range]).collect()
    }

    #[test]
    fn comments_are_no_tokens_unless_they_are_executed() {
        assert_eq!(
            texts("a /* b */ c -- d\n e # f\n/*!40101 SET g */ /*M!100 h*/ i--j"),
            ["a", "c", "e", "SET", "g", "h", "i", "-", "-", "j"]
        );
    }

    #[test]
    fn quotes() {
        assert_eq!(
            texts(r"`a``b`.`c` 'it''s' 'x\'y' _utf8mb4'ä' b'01' 1.5e-3 2a"),
            ["`a``b`", ".", "`c`", "'it''s'", r"'x\'y'", "_utf8mb4'ä'", "b'01'", "1.5e-3", "2a"]
        );
        let ansi = SqlMode { ansi_quotes: true, no_backslash_escapes: true };
        let sql = r#""a" 'b\' c"#;
        let all = tokens(sql, ansi);
        assert_eq!(all[0].kind, Kind::Name);
        assert_eq!(&sql[all[1].range.clone()], r"'b\'");
    }
}
