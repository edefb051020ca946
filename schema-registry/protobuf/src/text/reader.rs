//! The characters of a text one after the other: words, numbers, quoted texts, comments.

use crate::element::Position;

/// How deep messages, option values and types of maps may nest.
const MAX_DEPTH: usize = 100;

/// What is wrong with a text, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SyntaxError(pub(crate) String);

impl SyntaxError {
    pub(crate) fn at(position: Position, message: &str) -> Self {
        Self(format!("Syntax error in {position}: {message}"))
    }
}

pub(crate) type Result<T> = std::result::Result<T, SyntaxError>;

/// A text and a place in it.
#[derive(Debug)]
pub(crate) struct Reader {
    text: Vec<char>,
    at: usize,
    /// Lines before this one.
    line: usize,
    /// Units of UTF-16 before this place in its line.
    column: usize,
    depth: usize,
}

fn is_of_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.')
}

impl Reader {
    pub(crate) fn new(text: &str) -> Self {
        Self { text: text.chars().collect(), at: 0, line: 0, column: 0, depth: 0 }
    }

    /// Whether nothing is left.
    pub(crate) fn exhausted(&self) -> bool {
        self.at >= self.text.len()
    }

    pub(crate) fn position(&self) -> Position {
        Position { line: self.line + 1, column: self.column + 1 }
    }

    pub(crate) fn error(&self, message: &str) -> SyntaxError {
        SyntaxError::at(self.position(), message)
    }

    /// One level deeper; an error if it is one too many.
    pub(crate) fn enter(&mut self) -> Result<()> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(self.error(&format!("nested more than {MAX_DEPTH} levels deep")));
        }
        Ok(())
    }

    /// Back from a level that was entered.
    pub(crate) fn leave(&mut self) {
        self.depth = self.depth.saturating_sub(1);
    }

    fn current(&self) -> Option<char> {
        self.text.get(self.at).copied()
    }

    fn following(&self) -> Option<char> {
        self.text.get(self.at + 1).copied()
    }

    fn advance(&mut self) -> Option<char> {
        let c = self.current()?;
        self.at += 1;
        if c == '\n' {
            self.line += 1;
            self.column = 0;
        } else {
            self.column += c.len_utf16();
        }
        Some(c)
    }

    /// What was between a place and this one.
    fn since(&self, start: usize) -> String {
        self.text.get(start..self.at).unwrap_or_default().iter().collect()
    }

    /// The next character that is not white space.
    pub(crate) fn peek(&mut self) -> Result<char> {
        self.skip_white_space(true)?;
        self.current().ok_or_else(|| self.error("unexpected end of file"))
    }

    /// Takes the next character that is not white space.
    pub(crate) fn read_char(&mut self) -> Result<char> {
        let c = self.peek()?;
        self.advance();
        Ok(c)
    }

    /// Takes the next character if it is this one.
    pub(crate) fn take(&mut self, wanted: char) -> Result<bool> {
        let is = self.peek()? == wanted;
        if is {
            self.advance();
        }
        Ok(is)
    }

    /// Takes the next character, which must be this one.
    pub(crate) fn require(&mut self, wanted: char) -> Result<()> {
        let c = self.read_char()?;
        if c == wanted {
            return Ok(());
        }
        Err(self.error(&format!("expected '{wanted}' but was '{c}'")))
    }

    /// The next character must be this one; `message` says what is wrong otherwise.
    pub(crate) fn expect(&mut self, wanted: char, message: &str) -> Result<()> {
        if self.read_char()? == wanted { Ok(()) } else { Err(self.error(message)) }
    }

    /// Makes the character that was read last, one of ASCII in the same line, the next again.
    pub(crate) fn push_back(&mut self) {
        self.at = self.at.saturating_sub(1);
        self.column = self.column.saturating_sub(1);
    }

    /// A word, or a text in quotes.
    pub(crate) fn read_string(&mut self) -> Result<String> {
        match self.peek()? {
            '"' | '\'' => self.read_quoted(),
            _ => self.read_word(),
        }
    }

    /// A text in quotes; several behind each other are one.
    pub(crate) fn read_quoted(&mut self) -> Result<String> {
        let mut quote = self.read_char()?;
        if quote != '"' && quote != '\'' {
            return Err(SyntaxError("Check failed.".to_owned()));
        }
        let mut text = String::new();
        while let Some(c) = self.advance() {
            if c == quote {
                if !matches!(self.peek()?, '"' | '\'') {
                    return Ok(text);
                }
                quote = self.read_char()?;
            } else if c == '\\' {
                text.push(self.read_escape()?);
            } else {
                text.push(c);
            }
        }
        Err(self.error("unterminated string"))
    }

    fn read_escape(&mut self) -> Result<char> {
        let c = self.current().ok_or_else(|| self.error("unexpected end of file"))?;
        if matches!(c, '0'..='7') {
            return self.read_code(8, 3);
        }
        self.advance();
        Ok(match c {
            'a' => '\u{7}',
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'v' => '\u{b}',
            'x' | 'X' => return self.read_code(16, 2),
            other => other,
        })
    }

    fn read_code(&mut self, radix: u32, digits: usize) -> Result<char> {
        let mut code = None;
        for _ in 0..digits {
            let Some(digit) = self.current().and_then(|c| c.to_digit(radix)) else { break };
            code = Some(code.unwrap_or(0) * radix + digit);
            self.advance();
        }
        code.and_then(char::from_u32).ok_or_else(|| self.error("expected a digit after \\x or \\X"))
    }

    /// A name: a word, maybe in parentheses or brackets, which do not belong to it.
    pub(crate) fn read_name(&mut self) -> Result<String> {
        match self.peek()? {
            '(' => self.read_wrapped(')', Self::read_word),
            '[' => self.read_wrapped(']', Self::read_word),
            _ => self.read_word(),
        }
    }

    /// The name of a field, which must not begin with a digit.
    pub(crate) fn read_field_name(&mut self) -> Result<String> {
        match self.peek()? {
            '(' => self.read_wrapped(')', Self::read_word_without_leading_digit),
            '[' => self.read_wrapped(']', Self::read_word_without_leading_digit),
            _ => self.read_word_without_leading_digit(),
        }
    }

    fn read_wrapped(
        &mut self,
        end: char,
        read: impl FnOnce(&mut Self) -> Result<String>,
    ) -> Result<String> {
        self.advance();
        let word = read(self)?;
        self.expect(end, &format!("expected '{end}'"))?;
        Ok(word)
    }

    /// A type: a name or `map<key, value>`.
    pub(crate) fn read_type(&mut self) -> Result<String> {
        let word = self.read_word()?;
        self.read_type_after(word)
    }

    /// A type of which the first word was read.
    pub(crate) fn read_type_after(&mut self, word: String) -> Result<String> {
        if word != "map" {
            return Ok(word);
        }
        self.enter()?;
        self.expect('<', "expected '<'")?;
        let key = self.read_type()?;
        self.expect(',', "expected ','")?;
        let value = self.read_type()?;
        self.expect('>', "expected '>'")?;
        self.leave();
        Ok(format!("map<{key}, {value}>"))
    }

    /// Letters, digits, `_`, `-` and `.`: one at least.
    pub(crate) fn read_word(&mut self) -> Result<String> {
        self.skip_white_space(true)?;
        let start = self.at;
        while self.current().is_some_and(is_of_word) {
            self.advance();
        }
        if start == self.at {
            return Err(self.error("expected a word"));
        }
        Ok(self.since(start))
    }

    /// A word that does not begin with a digit.
    pub(crate) fn read_word_without_leading_digit(&mut self) -> Result<String> {
        let word = self.read_word()?;
        if word.starts_with(|c: char| c.is_ascii_digit()) {
            // Words are of ASCII. The column is the one before the word.
            let column = self.column.saturating_sub(word.len());
            return Err(SyntaxError::at(
                Position { line: self.line + 1, column },
                "field and constant names cannot start with a digit",
            ));
        }
        Ok(word)
    }

    /// A number of 32 bits.
    pub(crate) fn read_int(&mut self) -> Result<i32> {
        let word = self.read_word()?;
        let hex = word.strip_prefix("0x").or_else(|| word.strip_prefix("0X"));
        let (digits, radix) = hex.map_or((word.as_str(), 10), |digits| (digits, 16));
        i32::from_str_radix(digits, radix)
            .map_err(|_| self.error(&format!("expected an integer but was {digits}")))
    }

    /// The comments before a declaration.
    pub(crate) fn read_documentation(&mut self) -> Result<String> {
        let mut all: Option<String> = None;
        loop {
            self.skip_white_space(false)?;
            if self.current() != Some('/') {
                return Ok(all.unwrap_or_default());
            }
            let comment = self.read_comment()?;
            all = Some(match all {
                None => comment,
                Some(before) => format!("{before}\n{comment}"),
            });
        }
    }

    fn read_comment(&mut self) -> Result<String> {
        self.advance();
        match self.advance() {
            Some('*') => self.read_block_comment(),
            Some('/') => Ok(self.read_line_comment()),
            _ => Err(self.error("unexpected '/'")),
        }
    }

    fn read_line_comment(&mut self) -> String {
        if self.current() == Some(' ') {
            self.advance();
        }
        let start = self.at;
        while self.current().is_some_and(|c| c != '\n') {
            self.advance();
        }
        let comment = self.since(start);
        self.advance();
        comment
    }

    /// Up to the end of the comment; the `*` that begin its lines do not belong to it.
    fn read_block_comment(&mut self) -> Result<String> {
        let mut comment = String::new();
        let mut line_begins = true;
        while let (Some(c), Some(next)) = (self.current(), self.following()) {
            if c == '*' && next == '/' {
                self.advance();
                self.advance();
                return Ok(comment.trim().to_owned());
            }
            if c == '\n' {
                comment.push(c);
                line_begins = true;
            } else if !line_begins {
                comment.push(c);
            } else if c == '*' {
                if next == ' ' {
                    self.advance();
                }
                line_begins = false;
            } else if !c.is_whitespace() {
                comment.push(c);
                line_begins = false;
            }
            self.advance();
        }
        Err(self.error("unterminated comment"))
    }

    /// The comments before a declaration, and the one behind it in its line.
    pub(crate) fn with_trailing_comment(&mut self, before: String) -> Result<String> {
        while matches!(self.current(), Some(' ' | '\t')) {
            self.advance();
        }
        match self.current() {
            Some('/') => {}
            Some(_) => return Ok(before),
            None => return Err(self.error("expected '//' or '/*'")),
        }
        self.advance();
        let comment = match self.current() {
            Some('/') => {
                self.advance();
                self.read_line_comment()
            }
            Some('*') => {
                self.advance();
                self.read_trailing_block()?
            }
            _ => return Err(self.error("expected '//' or '/*'")),
        };
        let comment = comment.trim_end();
        Ok(match (before.is_empty(), comment.is_empty()) {
            (_, true) => before,
            (true, false) => comment.to_owned(),
            (false, false) => format!("{before}\n{comment}"),
        })
    }

    fn read_trailing_block(&mut self) -> Result<String> {
        if self.current() == Some(' ') {
            self.advance();
        }
        let start = self.at;
        while !(self.current() == Some('*') && self.following() == Some('/')) {
            if self.advance().is_none() {
                return Err(self.error("trailing comment must be closed"));
            }
        }
        let comment = self.since(start);
        self.advance();
        self.advance();
        while let Some(c) = self.advance() {
            match c {
                '\n' => break,
                ' ' | '\t' | '\r' => {}
                _ => return Err(self.error("no syntax may follow trailing comment")),
            }
        }
        Ok(comment)
    }

    fn skip_white_space(&mut self, comments_too: bool) -> Result<()> {
        while let Some(c) = self.current() {
            match c {
                ' ' | '\t' | '\r' | '\n' => {
                    self.advance();
                }
                '/' if comments_too => {
                    self.read_comment()?;
                }
                _ => break,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoted_texts() {
        let read = |text: &str| Reader::new(&format!("{text};")).read_quoted();
        assert_eq!(read(r#""a\n\x41\101\"'\q""#).unwrap(), "a\nAA\"'q");
        assert_eq!(read(r#""a" 'b"' "c""#).unwrap(), "ab\"c");
        assert_eq!(read("\"a").unwrap_err().0, "Syntax error in :1:4: unterminated string");
        assert_eq!(read("a").unwrap_err().0, "Check failed.");
        assert!(read(r#""\x""#).is_err());
    }

    #[test]
    fn comments() {
        let mut reader = Reader::new("// a\n/* b\n * c\n */ x // t\n y; /* z */\nw; /* z */ v");
        assert_eq!(reader.read_documentation().unwrap(), "a\nb\nc");
        assert_eq!(reader.read_word().unwrap(), "x");
        assert_eq!(reader.with_trailing_comment("d".to_owned()).unwrap(), "d\nt");
        assert_eq!(reader.read_word().unwrap(), "y");
        reader.require(';').unwrap();
        assert_eq!(reader.with_trailing_comment(String::new()).unwrap(), "z");
        assert_eq!(reader.read_word().unwrap(), "w");
        reader.require(';').unwrap();
        let error = reader.with_trailing_comment(String::new()).unwrap_err();
        assert_eq!(error.0, "Syntax error in :6:13: no syntax may follow trailing comment");
        assert_eq!(
            Reader::new("/x").read_word().unwrap_err().0,
            "Syntax error in :1:3: unexpected '/'"
        );
    }

    #[test]
    fn places_count_units_of_utf16() {
        let mut reader = Reader::new("\"\u{1f600}é\" ?");
        reader.read_quoted().unwrap();
        assert_eq!(reader.read_word().unwrap_err().0, "Syntax error in :1:7: expected a word");
    }

    #[test]
    fn numbers() {
        let read = |text: &str| Reader::new(text).read_int();
        assert_eq!(read("-12").unwrap(), -12);
        assert_eq!(read("0x1F").unwrap(), 31);
        assert_eq!(
            read("0xZ").unwrap_err().0,
            "Syntax error in :1:4: expected an integer but was Z"
        );
        assert!(read("4294967296").is_err());
    }

    #[test]
    fn types_of_maps_do_not_nest_without_end() {
        assert_eq!(Reader::new("map < string,M >").read_type().unwrap(), "map<string, M>");
        let deep = "map<string,".repeat(200);
        let error = Reader::new(&deep).read_type().unwrap_err();
        assert!(error.0.ends_with("nested more than 100 levels deep"), "{}", error.0);
    }
}
