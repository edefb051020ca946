//! Reads JSON as Jackson does for Avro: comments may stand between tokens, the first value is
//! taken and what follows it is given back, and errors are in Jackson's words.
//!
//! Numbers come out as Jackson would write them again: `-0` as `0`, `1e3` as `1000.0`.

mod number;
mod place;

use std::collections::HashMap;

use gantry_schema_model::{InvalidSchema, Node};

pub(crate) use number::{double, float};
use place::{Piece, description};

/// Deeper texts are refused, so that no walk over them runs out of stack.
pub(crate) const MAX_DEPTH: usize = 500;

/// Tokens longer than this are shortened in an error.
const MAX_TOKEN_IN_ERROR: usize = 256;

const VALUES: &str = "(JSON String, Number, Array, Object or token 'null', 'true' or 'false')";

type Result<T> = std::result::Result<T, InvalidSchema>;

/// The first value of `text`, none if there is none, and what follows it without white space.
pub(crate) fn read(text: &str) -> Result<(Option<Node>, &str)> {
    let mut reader = Reader { text, at: 0, row: 1, row_start: 0, scopes: Vec::new() };
    let value = match reader.significant()? {
        Some(']' | '}') => return Err(reader.mismatched_end()),
        Some(first) => Some(reader.value(first)?),
        None => None,
    };
    let rest = text.get(reader.at..).unwrap_or_default();
    Ok((value, gantry_model::text::trim(rest)))
}

/// How deep objects and lists are nested in a text of JSON.
pub(crate) fn depth(text: &str) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    let (mut in_text, mut is_escaped) = (false, false);
    for b in text.bytes() {
        match b {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = true,
            b'"' => in_text = !in_text,
            b'[' | b'{' if !in_text => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b']' | b'}' if !in_text => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

/// Where an object or a list that is not closed yet began.
struct Scope {
    is_object: bool,
    row: usize,
    row_start: usize,
    /// Behind the bracket.
    at: usize,
}

/// A position in a text.
struct Reader<'a> {
    text: &'a str,
    /// In bytes, behind what was read.
    at: usize,
    row: usize,
    row_start: usize,
    scopes: Vec<Scope>,
}

impl Reader<'_> {
    fn peek(&self) -> Option<char> {
        self.text.get(self.at..)?.chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += c.len_utf8();
        Some(c)
    }

    /// The next character that is neither white space nor in a comment.
    fn significant(&mut self) -> Result<Option<char>> {
        while let Some(c) = self.next() {
            match c {
                '/' => self.comment()?,
                c if c > ' ' => return Ok(Some(c)),
                c => self.white_space(c)?,
            }
        }
        Ok(None)
    }

    fn white_space(&mut self, c: char) -> Result<()> {
        match c {
            ' ' | '\t' => {}
            '\n' => self.new_row(),
            '\r' => {
                if self.peek() == Some('\n') {
                    self.at += 1;
                }
                self.new_row();
            }
            c => return Err(self.invalid_space(c)),
        }
        Ok(())
    }

    fn new_row(&mut self) {
        self.row += 1;
        self.row_start = self.at;
    }

    fn comment(&mut self) -> Result<()> {
        let in_line = match self.next() {
            Some('/') => true,
            Some('*') => false,
            Some(c) => {
                return Err(self.unexpected(c, "was expecting either '*' or '/' for a comment"));
            }
            None => return Err(self.end(" in a comment")),
        };
        while let Some(c) = self.next() {
            match c {
                '\n' | '\r' if in_line => return self.white_space(c),
                '*' if !in_line && self.peek() == Some('/') => {
                    self.at += 1;
                    return Ok(());
                }
                c if c < ' ' => self.white_space(c)?,
                _ => {}
            }
        }
        if in_line { Ok(()) } else { Err(self.end(" in a comment")) }
    }

    /// The value that begins with `first`, which was read.
    fn value(&mut self, first: char) -> Result<Node> {
        match first {
            '"' => self.string(false).map(Node::Text),
            '[' => self.list(),
            '{' => self.object(),
            '}' if !self.in_object() => Err(self.unexpected('}', "expected a value")),
            't' => self.word("true", 1).map(|()| Node::Bool(true)),
            'f' => self.word("false", 1).map(|()| Node::Bool(false)),
            'n' => self.word("null", 1).map(|()| Node::Null),
            '-' | '0'..='9' => self.number(first),
            c => Err(self.odd_value(c)),
        }
    }

    fn odd_value(&mut self, c: char) -> InvalidSchema {
        match c {
            'N' => self.no_number("NaN", 1),
            'I' => self.no_number("Infinity", 1),
            '+' => match self.next() {
                None => self.end(" in a Number value"),
                Some(_) => self.unexpected_in_number(
                    '+',
                    "JSON spec does not allow numbers to have plus signs: enable \
                     `JsonReadFeature.ALLOW_LEADING_PLUS_SIGN_FOR_NUMBERS` to allow",
                ),
            },
            c if c.is_alphabetic() || matches!(c, '_' | '$') => self.unknown_token(&c.to_string()),
            c => self.unexpected(c, &format!("expected a valid value {VALUES}")),
        }
    }

    /// A word for what is no number of JSON, of which `done` letters were read.
    fn no_number(&mut self, word: &'static str, done: usize) -> InvalidSchema {
        self.word(word, done).err().unwrap_or_else(|| {
            self.error(&format!(
                "Non-standard token '{word}': enable \
                 `JsonReadFeature.ALLOW_NON_NUMERIC_NUMBERS` to allow"
            ))
        })
    }

    /// The rest of a word of which `done` letters were read.
    fn word(&mut self, word: &'static str, done: usize) -> Result<()> {
        for (at, expected) in word.char_indices().skip(done) {
            if self.peek() != Some(expected) {
                return Err(self.unknown_token(word.get(..at).unwrap_or_default()));
            }
            self.at += 1;
        }
        match self.peek() {
            Some(c) if c >= '0' && in_word(c) => Err(self.unknown_token(word)),
            _ => Ok(()),
        }
    }

    fn unknown_token(&mut self, begin: &str) -> InvalidSchema {
        let mut token = begin.to_owned();
        let mut length = token.chars().count();
        while let Some(c) = self.peek().filter(|c| in_word(*c)) {
            self.at += c.len_utf8();
            token.push(c);
            length += 1;
            if length >= MAX_TOKEN_IN_ERROR {
                token.push_str("...");
                break;
            }
        }
        self.error(&format!("Unrecognized token '{token}': was expecting {VALUES}"))
    }

    fn open(&mut self, is_object: bool) -> Result<()> {
        let Self { row, row_start, at, .. } = *self;
        self.scopes.push(Scope { is_object, row, row_start, at });
        if self.scopes.len() > MAX_DEPTH {
            return Err(place::constraint(&format!(
                "Document nesting depth ({}) exceeds the maximum allowed ({MAX_DEPTH}, from \
                 `StreamReadConstraints.getMaxNestingDepth()`)",
                self.scopes.len()
            )));
        }
        Ok(())
    }

    fn in_object(&self) -> bool {
        self.scopes.last().is_some_and(|scope| scope.is_object)
    }

    /// The first significant character of the next entry; none behind the last one, which is
    /// closed with that.
    fn entry(&mut self, is_first: bool) -> Result<Option<char>> {
        let is_object = self.in_object();
        match self.significant()? {
            None => Err(self.unclosed()),
            Some('}') if is_object => Ok(None),
            Some(']') if !is_object => Ok(None),
            Some('}' | ']') => Err(self.mismatched_end()),
            Some(c) if is_first => Ok(Some(c)),
            Some(',') => match self.significant()? {
                Some(c) => Ok(Some(c)),
                None => Err(self.error(&format!(
                    "Unexpected end-of-input within/between {} entries",
                    description(is_object)
                ))),
            },
            Some(c) => Err(self.unexpected(
                c,
                &format!("was expecting comma to separate {} entries", description(is_object)),
            )),
        }
    }

    fn list(&mut self) -> Result<Node> {
        self.open(false)?;
        let mut items = Vec::new();
        while let Some(first) = self.entry(items.is_empty())? {
            items.push(self.value(first)?);
        }
        self.scopes.pop();
        Ok(Node::List(items))
    }

    fn object(&mut self) -> Result<Node> {
        self.open(true)?;
        let mut pairs: Vec<(String, Node)> = Vec::new();
        let mut places: HashMap<String, usize> = HashMap::new();
        while let Some(first) = self.entry(pairs.is_empty())? {
            if first != '"' {
                let comment = "was expecting double-quote to start field name";
                return Err(self.unexpected(first, comment));
            }
            let key = self.string(true)?;
            let first = self.behind_colon()?;
            let value = self.value(first)?;
            match places.get(&key).and_then(|place| pairs.get_mut(*place)) {
                Some((_, known)) => *known = value,
                None => {
                    places.insert(key.clone(), pairs.len());
                    pairs.push((key, value));
                }
            }
        }
        self.scopes.pop();
        Ok(Node::Map(pairs))
    }

    fn behind_colon(&mut self) -> Result<char> {
        let between = " within/between Object entries";
        match self.significant()? {
            Some(':') => self.significant()?.ok_or_else(|| self.end(between)),
            Some(c) => {
                let comment = "was expecting a colon to separate field name and value";
                Err(self.unexpected(c, comment))
            }
            None => Err(self.end(between)),
        }
    }

    /// The rest of a text or name whose quote was read.
    fn string(&mut self, is_name: bool) -> Result<String> {
        let mut out = String::new();
        let mut pending: Option<u16> = None;
        loop {
            let Some(c) = self.next() else {
                return Err(self.end(if is_name {
                    " in field name"
                } else {
                    ": was expecting closing quote for a string value"
                }));
            };
            let unit = match c {
                '\\' => self.escape()?,
                c => Piece::Char(c),
            };
            if pending.is_some() && !matches!(unit, Piece::Unit(0xDC00..=0xDFFF)) {
                // Half of a pair is no character.
                pending = None;
                out.push(char::REPLACEMENT_CHARACTER);
            }
            match unit {
                Piece::Char('"') => return Ok(out),
                Piece::Char(c) if c < ' ' => {
                    return Err(self.at_last(&format!(
                        "Illegal unquoted character ({}): has to be escaped using backslash to be \
                         included in {}",
                        place::name_of(c),
                        if is_name { "name" } else { "string value" }
                    )));
                }
                Piece::Char(c) => out.push(c),
                Piece::Unit(high @ 0xD800..=0xDBFF) => pending = Some(high),
                Piece::Unit(unit) => {
                    let units = pending.take().into_iter().chain([unit]);
                    let decoded = char::decode_utf16(units);
                    out.extend(decoded.map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)));
                }
            }
        }
    }

    fn escape(&mut self) -> Result<Piece> {
        let cut = " in character escape sequence";
        let c = self.next().ok_or_else(|| self.end(cut))?;
        let plain = match c {
            'b' => '\u{8}',
            't' => '\t',
            'n' => '\n',
            'f' => '\u{c}',
            'r' => '\r',
            '"' | '/' | '\\' => c,
            'u' => {
                let mut unit = 0u16;
                for _ in 0..4 {
                    let c = self.next().ok_or_else(|| self.end(cut))?;
                    let Some(digit) = c.to_digit(16) else {
                        let comment = "expected a hex-digit for character escape sequence";
                        return Err(self.unexpected(c, comment));
                    };
                    unit = unit << 4 | digit as u16;
                }
                return Ok(Piece::Unit(unit));
            }
            c => {
                let message = format!("Unrecognized character escape {}", place::name_of(c));
                return Err(self.at_last(&message));
            }
        };
        // An escaped character is content, whatever it is.
        Ok(Piece::Unit(plain as u16))
    }
}

/// Whether Java takes it as a part of a name.
fn in_word(c: char) -> bool {
    let is_ignored = matches!(c, '\0'..='\u{8}' | '\u{e}'..='\u{1b}' | '\u{7f}'..='\u{9f}');
    c.is_alphanumeric() || matches!(c, '_' | '$') || is_ignored
}

#[cfg(test)]
mod tests;
