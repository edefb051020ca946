//! Splits text at `: , { } [ ] "`; a backslash takes the delimiter after it into the token.

use crate::text::{is_blank, trim};

/// Walks over the tokens of a text, with one token of look-ahead.
pub(super) struct Tokens<'a> {
    text: &'a str,
    position: usize,
    next: Option<&'a str>,
    previous: Option<&'a str>,
}

impl<'a> Tokens<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, position: 0, next: None, previous: None }
    }
    /// The whole text.
    pub(super) fn original(&self) -> &'a str {
        self.text
    }
    /// The token last taken.
    pub(super) fn previous(&self) -> Option<&'a str> {
        self.previous
    }
    fn has_text(&self) -> bool {
        self.position < self.text.len()
    }
    pub(super) fn has_next(&self) -> bool {
        self.next.is_some() || self.has_text()
    }
    /// Where the next token begins.
    pub(super) fn mark(&self) -> usize {
        self.position - self.next.map_or(0, str::len)
    }
    /// Goes back to a mark.
    pub(super) fn rewind(&mut self, mark: usize) {
        self.position = mark;
        self.next = None;
        self.previous = None;
    }
    /// Takes the next token; empty at the end.
    pub(super) fn take(&mut self) -> &'a str {
        let token = match self.next.take() {
            Some(token) => token,
            None => self.scan(),
        };
        self.previous = Some(token);
        token
    }
    /// Takes that many tokens, as one text. Takes none if there are fewer.
    pub(super) fn take_many(&mut self, count: usize) -> Option<&'a str> {
        let start = self.mark();
        for _ in 0..count {
            if !self.has_next() {
                self.rewind(start);
                return None;
            }
            self.take();
        }
        self.text.get(start..self.position)
    }
    /// Takes the next token if it is `expected`, white space around it aside. A token that is
    /// white space alone is skipped even if what follows is something else.
    pub(super) fn accept(&mut self, expected: &str) -> bool {
        let mut token = match self.next {
            Some(token) => token,
            None if self.has_text() => self.scan(),
            None => return false,
        };
        while is_blank(token) && self.has_text() {
            token = self.scan();
        }
        let is_next = trim(token) == expected;
        self.next = (!is_next).then_some(token);
        is_next
    }
    fn scan(&mut self) -> &'a str {
        let start = self.position;
        let bytes = self.text.as_bytes();
        let mut escaped = false;
        let mut end = start;
        while let Some(byte) = bytes.get(end) {
            let delimiter = matches!(byte, b':' | b',' | b'{' | b'}' | b'[' | b']' | b'"');
            if delimiter && !escaped {
                // A delimiter ends the token before it, or is one of its own.
                end = end.max(start + 1);
                break;
            }
            escaped = *byte == b'\\' && !escaped;
            end += 1;
        }
        self.position = end;
        self.text.get(start..end).unwrap_or_default()
    }
}
