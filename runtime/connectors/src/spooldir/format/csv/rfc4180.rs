//! Lines as `RFC4180Parser` of opencsv 4.6 divides them: quotes are doubled, nothing is escaped.

use super::row::{NullFields, Row};

/// Divides lines.
#[derive(Debug)]
pub(crate) struct Parser {
    separator: char,
    quote: char,
    nulls: NullFields,
    /// A quoted field that goes on in the next line, with its quotes.
    pending: Option<String>,
}

impl Parser {
    pub(crate) fn new(separator: char, quote: char, nulls: NullFields) -> Self {
        Self { separator, quote, nulls, pending: None }
    }

    /// The beginning of what is not closed.
    pub(crate) fn pending(&self) -> &str {
        self.pending.as_deref().unwrap_or_default()
    }

    /// Adds the fields of a line; whether the last one goes on in the next line.
    pub(crate) fn line(&mut self, line: &str, row: &mut Row) -> bool {
        let joined = self.pending.take().map(|pending| pending + line);
        let line = joined.as_deref().unwrap_or(line);
        if !line.contains(self.quote) {
            for field in line.split(self.separator) {
                self.plain(field, row);
            }
            return false;
        }
        self.split(line, row)
    }

    fn split(&mut self, line: &str, row: &mut Row) -> bool {
        let mut rest = line;
        let mut last = "";
        let mut is_first = true;
        while !rest.is_empty() {
            if !std::mem::take(&mut is_first) {
                self.field(last, row);
            }
            let end = match rest.find(self.separator) {
                None => rest.len(),
                Some(separator) if !rest.starts_with(self.quote) => separator,
                Some(_) => self.end_of_quoted(rest),
            };
            let (field, behind) = rest.split_at(end);
            last = field;
            rest = behind.strip_prefix(self.separator).unwrap_or_default();
        }
        if self.goes_on(last) {
            self.pending = Some(format!("{last}\n"));
            return true;
        }
        self.field(last, row);
        if line.ends_with(self.separator) {
            self.plain("", row);
        }
        false
    }

    /// Where a field ends that begins with a quote.
    fn end_of_quoted(&self, text: &str) -> usize {
        let quote = self.quote;
        let width = quote.len_utf8();
        let find = |from: usize| -> Option<usize> {
            let rest = text.get(from..)?;
            let found = from + rest.find(quote)?;
            // The last sign of the line ends it.
            (found + width < text.len()).then_some(found)
        };
        let behind = |at: usize| text.get(at + width..).unwrap_or_default();
        let mut next = find(width);
        let mut in_quote = false;
        while let Some(at) = next {
            if !in_quote && behind(at).starts_with(self.separator) {
                return at + width;
            }
            let mut from = at;
            loop {
                next = find(from + width);
                in_quote = !in_quote;
                match next {
                    Some(at) if behind(at).starts_with(quote) => from = at,
                    _ => break,
                }
            }
        }
        text.len()
    }

    fn goes_on(&self, last: &str) -> bool {
        let quotes = last.matches(self.quote).count();
        let is_open = last.starts_with(self.quote) && !last.ends_with(self.quote);
        is_open || !quotes.is_multiple_of(2)
    }

    fn plain(&self, field: &str, row: &mut Row) {
        row.push(field);
        row.close(field.is_empty() && self.nulls.takes(false));
    }

    fn field(&self, field: &str, row: &mut Row) {
        if !field.contains(self.quote) {
            return self.plain(field, row);
        }
        let mut inner = field;
        let has_one = field.matches(self.quote).nth(1).is_none();
        if !has_one && let Some(begun) = field.strip_prefix(self.quote) {
            inner = begun.strip_suffix(self.quote).unwrap_or(begun);
        }
        let mut is_empty = true;
        let mut rest = inner;
        while let Some(at) = rest.find(self.quote) {
            let end = at + self.quote.len_utf8();
            let (part, behind) = rest.split_at(end);
            row.push(part);
            is_empty = false;
            // Of two quotes one stays.
            rest = behind.strip_prefix(self.quote).unwrap_or(behind);
        }
        row.push(rest);
        is_empty &= rest.is_empty();
        row.close(is_empty && self.nulls.takes(true));
    }
}
