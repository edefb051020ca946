//! Lines as `CSVParser` of opencsv 4.6 divides them, in all its habits: a quote in the middle of a
//! field, blanks before a quote, an escape sign that is dropped where it escapes nothing.

use gantry_api::model::text::is_blank;

use super::row::{NullFields, Row};

/// The signs that mean something, and what they mean.
#[derive(Clone, Debug)]
pub(crate) struct Signs {
    pub(crate) separator: char,
    pub(crate) quote: char,
    pub(crate) escape: char,
    pub(crate) strict_quotes: bool,
    pub(crate) ignores_leading_blanks: bool,
    pub(crate) ignores_quotations: bool,
    pub(crate) nulls: NullFields,
}

/// A quote so near to the beginning of a line is no quote in the middle of a field.
const NEAR_BEGINNING: usize = 3;

/// Divides lines.
#[derive(Debug)]
pub(crate) struct Parser {
    signs: Signs,
    in_field: bool,
    /// A quoted field goes on in the next line.
    is_pending: bool,
}

impl Parser {
    pub(crate) fn new(signs: Signs) -> Self {
        Self { signs, in_field: false, is_pending: false }
    }

    /// Adds the fields of a line; whether the last one goes on in the next line.
    pub(crate) fn line(&mut self, line: &str, row: &mut Row) -> bool {
        let Signs { separator, quote, escape, nulls, .. } = self.signs;
        let quotations = !self.signs.ignores_quotations;
        let mut in_quotes = std::mem::take(&mut self.is_pending) && quotations;
        let mut was_quoted = false;
        let mut rest = line;
        loop {
            // Up to the next sign all characters are alike.
            let plain = rest.find([separator, quote, escape]).unwrap_or(rest.len());
            let (part, behind) = rest.split_at(plain);
            if !part.is_empty() && (!self.signs.strict_quotes || (in_quotes && quotations)) {
                row.push(part);
                self.in_field = true;
                was_quoted = true;
            }
            let Some(sign) = behind.chars().next() else { break };
            rest = behind.get(sign.len_utf8()..).unwrap_or_default();
            let next = rest.chars().next();
            let is_inside = (in_quotes && quotations) || self.in_field;
            if sign == escape {
                if let Some(next) =
                    next.filter(|next| is_inside && (*next == quote || *next == escape))
                {
                    rest = take(rest, next, row);
                }
            } else if sign == quote {
                if let Some(next) = next.filter(|next| is_inside && *next == quote) {
                    rest = take(rest, next, row);
                } else {
                    in_quotes = !in_quotes;
                    was_quoted |= row.open_text().is_empty();
                    self.quote_inside(line, rest, row);
                }
                self.in_field = !self.in_field;
            } else if in_quotes && quotations {
                row.push(separator.encode_utf8(&mut [0; 4]));
                self.in_field = true;
                was_quoted = true;
            } else {
                close(row, nulls, was_quoted);
                was_quoted = false;
                self.in_field = false;
            }
        }
        if in_quotes && quotations {
            row.push("\n");
            self.is_pending = true;
            return true;
        }
        self.in_field = false;
        close(row, nulls, was_quoted);
        false
    }

    /// A quote that is neither behind a separator nor before one belongs to the field, unless only
    /// blanks stand before it.
    fn quote_inside(&self, line: &str, rest: &str, row: &mut Row) {
        let Signs { separator, quote, .. } = self.signs;
        let taken = line.len() - rest.len();
        let before = line.get(..taken - quote.len_utf8()).unwrap_or_default();
        let is_far = || {
            let units = line.get(..taken).unwrap_or_default().encode_utf16();
            units.take(NEAR_BEGINNING + 1).count() > NEAR_BEGINNING
        };
        if self.signs.strict_quotes
            || rest.is_empty()
            || rest.starts_with(separator)
            || before.ends_with(separator)
            || !is_far()
        {
            return;
        }
        let open = row.open_text();
        if self.signs.ignores_leading_blanks && !open.is_empty() && is_blank(open) {
            row.drop_open();
        } else {
            row.push(quote.encode_utf8(&mut [0; 4]));
        }
    }
}

fn take<'a>(rest: &'a str, next: char, row: &mut Row) -> &'a str {
    let (sign, behind) = rest.split_at(next.len_utf8());
    row.push(sign);
    behind
}

fn close(row: &mut Row, nulls: NullFields, was_quoted: bool) {
    let is_null = row.open_text().is_empty() && nulls.takes(was_quoted);
    row.close(is_null);
}
