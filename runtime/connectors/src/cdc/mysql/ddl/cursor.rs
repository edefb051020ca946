//! Reads a statement token by token.

use super::lexer::{Kind, SqlMode, Token, tokens};
use super::model::TableName;

/// Where a statement is being read. Words are compared without regard to case.
pub(super) struct Cursor<'a> {
    sql: &'a str,
    tokens: Vec<Token>,
    at: usize,
    /// Of names that say none.
    database: &'a str,
}

/// Why a statement could not be read.
pub(super) type Parsed<T> = Result<T, String>;

impl<'a> Cursor<'a> {
    pub(super) fn new(sql: &'a str, database: &'a str, mode: SqlMode) -> Self {
        Self { sql, tokens: tokens(sql, mode), at: 0, database }
    }

    fn token(&self, ahead: usize) -> Option<&Token> {
        self.tokens.get(self.at + ahead)
    }
    fn text_at(&self, ahead: usize) -> &'a str {
        let range = self.token(ahead).map(|token| token.range.clone());
        range.and_then(|range| self.sql.get(range)).unwrap_or_default()
    }
    /// The next token's text; nothing at the end.
    pub(super) fn peek(&self) -> &'a str {
        self.text_at(0)
    }
    pub(super) fn kind(&self) -> Option<Kind> {
        self.token(0).map(|token| token.kind)
    }
    /// Whether nothing follows but a semicolon.
    pub(super) fn is_end(&self) -> bool {
        matches!(self.peek(), "" | ";")
    }
    pub(super) fn skip(&mut self) {
        self.at += 1;
    }
    pub(super) fn position(&self) -> usize {
        self.at
    }
    pub(super) fn back_to(&mut self, position: usize) {
        self.at = position;
    }
    pub(super) fn database(&self) -> &'a str {
        self.database
    }

    /// Whether these words or symbols follow, none of them in quotes.
    pub(super) fn is(&self, words: &str) -> bool {
        words.split(' ').enumerate().all(|(ahead, word)| {
            self.token(ahead).is_some_and(|token| matches!(token.kind, Kind::Word | Kind::Symbol))
                && self.text_at(ahead).eq_ignore_ascii_case(word)
        })
    }
    /// Behind these words, if they follow.
    pub(super) fn eat(&mut self, words: &str) -> bool {
        let found = self.is(words);
        if found {
            self.at += words.split(' ').count();
        }
        found
    }
    pub(super) fn expect(&mut self, words: &str) -> Parsed<()> {
        if self.eat(words) { Ok(()) } else { Err(self.unexpected(words)) }
    }
    pub(super) fn unexpected(&self, wanted: &str) -> String {
        let place = self.token(0).map_or(self.sql.len(), |token| token.range.start);
        let rest: String = self.sql.get(place..).unwrap_or_default().chars().take(40).collect();
        format!("{wanted} expected at character {place}, where it says: {rest}")
    }

    /// A name, with or without quotes.
    pub(super) fn name(&mut self) -> Parsed<String> {
        let text = self.peek();
        let name = match self.kind() {
            Some(Kind::Word) => text.to_owned(),
            Some(Kind::Name) => unquoted(text),
            // As MySQL takes it for aliases, and Debezium for names of columns in keys.
            Some(Kind::Text) => unquoted(text),
            _ => return Err(self.unexpected("a name")),
        };
        self.skip();
        Ok(name)
    }
    /// A table's name, with or without its database.
    pub(super) fn table(&mut self) -> Parsed<TableName> {
        let first = self.name()?;
        if self.eat(".") {
            let table = self.name()?;
            return Ok(TableName::new(&first, &table));
        }
        // A word and what follows its point may be one token only if it begins with a digit.
        Ok(TableName::new(self.database, &first))
    }
    /// A whole number.
    pub(super) fn number(&mut self) -> Parsed<i64> {
        let number = self.peek().parse().map_err(|_| self.unexpected("a number"))?;
        self.skip();
        Ok(number)
    }
    /// Behind what stands in parentheses, and in those within. The next token opens them.
    pub(super) fn skip_parentheses(&mut self) {
        let mut depth = 0_usize;
        while self.kind().is_some() {
            if self.is("(") {
                depth += 1;
            } else if self.is(")") {
                depth = depth.saturating_sub(1);
            }
            self.skip();
            if depth == 0 {
                return;
            }
        }
    }
    /// To the comma or parenthesis that ends what is being read, or to the end.
    pub(super) fn skip_part(&mut self) {
        while !self.is_end() && !self.is(",") && !self.is(")") {
            if self.is("(") {
                self.skip_parentheses();
            } else {
                self.skip();
            }
        }
    }
    /// The text from a token to the one before the next.
    pub(super) fn text_from(&self, position: usize) -> &'a str {
        let from = self.tokens.get(position).map_or(self.sql.len(), |token| token.range.start);
        let to = self.at.checked_sub(1).and_then(|last| self.tokens.get(last));
        let to = to.map_or(from, |token| token.range.end);
        self.sql.get(from..to.max(from)).unwrap_or_default()
    }
    /// The text in front of a token, from another one on, with the space between.
    pub(super) fn text_before(&self, from: usize, to: usize) -> &'a str {
        let start = |at: usize| self.tokens.get(at).map_or(self.sql.len(), |t| t.range.start);
        self.sql.get(start(from)..start(to)).unwrap_or_default()
    }
    /// All tokens' text, without what ends the statement.
    pub(super) fn whole(&self) -> &'a str {
        let mut tokens = self.tokens.iter();
        let Some(first) = tokens.next() else { return "" };
        let is_semicolon = |token: &&Token| self.sql.get(token.range.clone()) != Some(";");
        let last = self.tokens.iter().rev().find(is_semicolon).unwrap_or(first);
        self.sql.get(first.range.start..last.range.end).unwrap_or_default()
    }
}

/// A name or a text without its quotes; doubled ones are one.
pub(super) fn unquoted(text: &str) -> String {
    let Some(quote) = text.chars().next().filter(|c| matches!(c, '`' | '"' | '\'')) else {
        return text.to_owned();
    };
    let inner = text.get(1..text.len().max(2) - 1).unwrap_or_default();
    inner.replace(&format!("{quote}{quote}"), &quote.to_string())
}
