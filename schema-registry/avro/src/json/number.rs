//! Numbers as Jackson reads and writes them.

use gantry_model::text;
use gantry_schema_model::{InvalidSchema, Node};

use super::place::constraint;
use super::{Reader, Result};

const MAX_DIGITS: usize = 1000;

/// A double as Jackson writes it: those that are no JSON numbers in quotes.
pub(crate) fn double(value: f64) -> Node {
    let text = text::double(value);
    if value.is_finite() { Node::Number(text) } else { Node::Text(text) }
}

/// As [`double`].
pub(crate) fn float(value: f32) -> Node {
    let text = text::float(value);
    if value.is_finite() { Node::Number(text) } else { Node::Text(text) }
}

/// Where a fault within a number is reported. Jackson first reads a number in one go, and
/// begins anew, character by character, where that cannot be done.
#[derive(Clone, Copy, PartialEq)]
enum Pace {
    /// At the character behind the whole part.
    Whole(usize),
    /// At the wrong character.
    Single,
}

impl Reader<'_> {
    /// The number that begins with `first`, which was read.
    pub(super) fn number(&mut self, first: char) -> Result<Node> {
        let begin = self.at - 1;
        let is_negative = first == '-';
        let zero = if is_negative {
            match self.next() {
                None => return Err(self.end("No digit following sign")),
                Some('.') => return Err(self.odd_value('.')),
                Some('I') if self.peek() == Some('N') => return Err(self.infinity("-INF")),
                Some('I') if self.peek() == Some('n') => return Err(self.infinity("-Infinity")),
                Some(c) if !c.is_ascii_digit() => {
                    let comment =
                        "expected digit (0-9) to follow minus sign, for valid numeric value";
                    return Err(self.unexpected_in_number(c, comment));
                }
                Some(c) => c == '0',
            }
        } else {
            first == '0'
        };
        if zero && self.peek().is_some_and(|c| c.is_ascii_digit()) {
            return Err(self.error("Invalid numeric value: Leading zeroes not allowed"));
        }
        let whole = 1 + self.digits();
        let pace =
            if zero || self.ends_with_text() { Pace::Single } else { Pace::Whole(self.at + 1) };
        let (fraction, exponent) = (self.fraction(pace)?, self.exponent(pace)?);
        let token = self.text.get(begin..self.at).unwrap_or_default();
        if self.scopes.is_empty() {
            self.behind_root()?;
        }
        let is_whole = fraction.is_none() && exponent.is_none();
        let length = whole + fraction.unwrap_or_default() + exponent.unwrap_or_default();
        if length > MAX_DIGITS {
            return Err(constraint(&format!(
                "Number value length ({length}) exceeds the maximum allowed ({MAX_DIGITS}, from \
                 `StreamReadConstraints.getMaxNumberLength()`)"
            )));
        }
        Ok(match token {
            "-0" => Node::Number("0".to_owned()),
            _ if is_whole => Node::Number(token.to_owned()),
            // The grammar was checked: this cannot fail.
            _ => double(token.parse().unwrap_or_default()),
        })
    }

    /// A word whose first two letters were read, and the third seen.
    fn infinity(&mut self, word: &'static str) -> InvalidSchema {
        self.at += 1;
        self.no_number(word, 3)
    }

    /// Takes digits, and says how many.
    fn digits(&mut self) -> usize {
        let begin = self.at;
        while self.peek().is_some_and(|c| c.is_ascii_digit()) {
            self.at += 1;
        }
        self.at - begin
    }

    /// Whether the number and the text end together.
    fn ends_with_text(&self) -> bool {
        let rest = self.text.get(self.at..).unwrap_or_default();
        rest.bytes().all(|b| matches!(b, b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-'))
    }

    fn fraction(&mut self, pace: Pace) -> Result<Option<usize>> {
        if self.peek() != Some('.') {
            return Ok(None);
        }
        self.at += 1;
        let digits = self.digits();
        if digits > 0 {
            return Ok(Some(digits));
        }
        let wrong = self.next().unwrap_or('.');
        self.go_to(pace);
        Err(self.unexpected_in_number(wrong, "Decimal point not followed by a digit"))
    }

    fn exponent(&mut self, pace: Pace) -> Result<Option<usize>> {
        if !matches!(self.peek(), Some('e' | 'E')) {
            return Ok(None);
        }
        self.at += 1;
        if matches!(self.peek(), Some('+' | '-')) {
            self.at += 1;
        }
        let digits = self.digits();
        if digits > 0 {
            return Ok(Some(digits));
        }
        let Some(wrong) = self.next() else {
            return Err(self.end("expected a digit for number exponent"));
        };
        self.go_to(pace);
        Err(self.unexpected_in_number(wrong, "Exponent indicator not followed by a digit"))
    }

    fn go_to(&mut self, pace: Pace) {
        if let Pace::Whole(at) = pace {
            self.at = at;
        }
    }

    /// A number that is all of a text needs white space behind it.
    fn behind_root(&mut self) -> Result<()> {
        match self.peek() {
            None | Some(' ' | '\t' | '\r' | '\n') => Ok(()),
            Some(c) => {
                self.at += c.len_utf8();
                Err(self.unexpected(c, "Expected space separating root-level values"))
            }
        }
    }
}
