//! Regular expressions with Java's syntax and replacement texts.
//!
//! A pattern is read as Java reads it (`parse`), and written in the engine's syntax with every
//! meaning spelled out (`emit`): the engine's own defaults and flags play no part.

mod ast;
mod blocks;
mod class;
mod emit;
mod escape;
mod fold;
mod message;
mod parse;
mod property;
mod study;

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use fancy_regex::{Captures, Regex};

use crate::error::{Error, Result};

/// How many steps a match with look-around or back-references may take before it is an error.
const BACKTRACK_LIMIT: usize = 1_000_000;
/// How many groups of the form `(?…)` a pattern may have in the engine's syntax: each that looks
/// around is an automaton of its own and takes tens of kilobytes.
const SPECIAL_GROUPS_MAX: usize = 2000;

/// A compiled pattern, as `java.util.regex.Pattern`. Matching needs no allocation.
#[derive(Clone)]
pub struct JavaPattern {
    source: String,
    whole: Regex,
    find: Regex,
    /// Groups by name.
    names: Arc<HashMap<String, usize>>,
}

impl fmt::Debug for JavaPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.source)
    }
}

impl JavaPattern {
    /// Compiles a pattern. `java.util.regex.PatternSyntaxException` if it is not one.
    pub fn compile(pattern: &str) -> Result<Self> {
        let parsed =
            parse::parse(pattern).map_err(|fault| bad_syntax(message::message(pattern, &fault)))?;
        let build = |text: &str| {
            fancy_regex::RegexBuilder::new(text)
                .backtrack_limit(BACKTRACK_LIMIT)
                .build()
                .map_err(|error| bad_syntax(format!("{error} in pattern {pattern}")))
        };
        let translated = emit::emit(&parsed.root, parsed.groups);
        if translated.matches("(?").count() > SPECIAL_GROUPS_MAX {
            return Err(bad_syntax(format!(
                "Pattern is too large: more than {SPECIAL_GROUPS_MAX} groups that look around or \
                 capture nothing"
            )));
        }
        Ok(Self {
            source: pattern.to_owned(),
            whole: build(&format!(r"\A(?:{translated})\z"))?,
            find: build(&translated)?,
            names: Arc::new(parsed.names),
        })
    }
    /// Whether Java would take a pattern, without making one ready, which takes far longer:
    /// `java.util.regex.PatternSyntaxException` if not.
    pub fn check(pattern: &str) -> Result<()> {
        let parsed = parse::parse(pattern);
        parsed.map(drop).map_err(|fault| bad_syntax(message::message(pattern, &fault)))
    }
    /// The pattern as it was given.
    pub fn as_str(&self) -> &str {
        &self.source
    }
    /// Whether the whole text matches (`Matcher.matches`). A match that takes too many steps
    /// counts as none.
    pub fn matches(&self, text: &str) -> bool {
        self.whole.is_match(text).unwrap_or(false)
    }
    /// Whether the pattern is found anywhere (`Matcher.find`).
    pub fn is_found(&self, text: &str) -> bool {
        self.find.is_match(text).unwrap_or(false)
    }
    /// What a group has found where the pattern is found first (`Matcher.find`, `Matcher.group`); none if it found nothing, or there
    /// is no such group.
    pub fn group(&self, text: &str, number: usize) -> Option<String> {
        let captures = self.find.captures(text).ok()??;
        captures.get(number).map(|found| found.as_str().to_owned())
    }
    /// The text with the first match replaced (`Matcher.replaceFirst`): `$1` and `${name}` stand
    /// for groups, `\` takes the next character as it is. `IllegalArgumentException` or
    /// `IndexOutOfBoundsException` for a replacement that names groups wrongly.
    pub fn replace_first(&self, text: &str, replacement: &str) -> Result<String> {
        let Some(captures) = self.find.captures(text).map_err(too_hard)? else {
            return Ok(text.to_owned());
        };
        let mut out = String::with_capacity(text.len() + replacement.len());
        let end = self.append_replaced(&captures, (text, 0), replacement, &mut out)?;
        out.push_str(text.get(end..).unwrap_or_default());
        Ok(out)
    }
    /// The text with every match replaced (`Matcher.replaceAll`); otherwise as
    /// [`JavaPattern::replace_first`].
    pub fn replace_all(&self, text: &str, replacement: &str) -> Result<String> {
        let mut out = String::with_capacity(text.len() + replacement.len());
        let (mut copied, mut from) = (0, 0);
        while from <= text.len() {
            let Some(captures) = self.find.captures_from_pos(text, from).map_err(too_hard)? else {
                break;
            };
            let empty = captures.get(0).is_some_and(|whole| whole.start() == whole.end());
            copied = self.append_replaced(&captures, (text, copied), replacement, &mut out)?;
            // Behind an empty match Java goes on one character later, elsewhere at its end.
            let skipped = text.get(copied..).and_then(|rest| rest.chars().next());
            from = if empty { copied + skipped.map_or(1, char::len_utf8) } else { copied };
        }
        out.push_str(text.get(copied..).unwrap_or_default());
        Ok(out)
    }
    /// Adds what stands before a match, from a position on, and its replacement; where the match
    /// ends.
    fn append_replaced(
        &self,
        captures: &Captures<'_, str>,
        (text, copied): (&str, usize),
        replacement: &str,
        out: &mut String,
    ) -> Result<usize> {
        let (start, end) = captures.get(0).map_or((0, 0), |whole| (whole.start(), whole.end()));
        out.push_str(text.get(copied..start).unwrap_or_default());
        Expansion { names: &self.names, captures, out }.append(replacement)?;
        Ok(end)
    }
}

fn bad_syntax(message: String) -> Error {
    Error::java("java.util.regex.PatternSyntaxException", message)
}

fn too_hard(error: fancy_regex::Error) -> Error {
    Error::java("java.lang.StackOverflowError", error.to_string())
}

fn illegal(message: &str) -> Error {
    Error::java("java.lang.IllegalArgumentException", message)
}

/// A replacement text on its way into the result.
struct Expansion<'a> {
    names: &'a HashMap<String, usize>,
    captures: &'a Captures<'a, str>,
    out: &'a mut String,
}

type Chars<'a> = std::iter::Peekable<std::str::Chars<'a>>;

impl Expansion<'_> {
    fn append(&mut self, replacement: &str) -> Result<()> {
        let mut rest = replacement.chars().peekable();
        while let Some(next) = rest.next() {
            match next {
                '\\' => match rest.next() {
                    Some(escaped) => self.out.push(escaped),
                    None => return Err(illegal("character to be escaped is missing")),
                },
                '$' => match rest.peek() {
                    Some('{') => self.append_named(&mut rest)?,
                    Some(digit) if digit.is_ascii_digit() => self.append_numbered(&mut rest)?,
                    Some(_) => return Err(illegal("Illegal group reference")),
                    None => {
                        return Err(illegal("Illegal group reference: group index is missing"));
                    }
                },
                plain => self.out.push(plain),
            }
        }
        Ok(())
    }
    fn append_named(&mut self, rest: &mut Chars<'_>) -> Result<()> {
        let unfinished = || illegal("named capturing group is missing trailing '}'");
        rest.next();
        let mut name = String::new();
        loop {
            match rest.next() {
                Some('}') => break,
                Some(c) if c.is_ascii_alphanumeric() => name.push(c),
                _ => return Err(unfinished()),
            }
        }
        if name.is_empty() {
            return Err(unfinished());
        }
        if name.starts_with(|c: char| c.is_ascii_digit()) {
            return Err(illegal(&format!(
                "capturing group name {{{name}}} starts with digit character"
            )));
        }
        let Some(&group) = self.names.get(&name) else {
            return Err(illegal(&format!("No group with name {{{name}}}")));
        };
        // A group that took no part in the match stands for nothing.
        self.out.push_str(self.captures.get(group).map_or("", |found| found.as_str()));
        Ok(())
    }
    fn append_numbered(&mut self, rest: &mut Chars<'_>) -> Result<()> {
        let mut group = 0usize;
        let mut first = true;
        // Further digits belong to the number only while such a group exists.
        while let Some(digit) = rest.peek().and_then(|c| c.to_digit(10)) {
            let longer = group * 10 + digit as usize;
            if !first && longer >= self.captures.len() {
                break;
            }
            group = longer;
            first = false;
            rest.next();
        }
        if group >= self.captures.len() {
            return Err(Error::java(
                "java.lang.IndexOutOfBoundsException",
                format!("No group {group}"),
            ));
        }
        self.out.push_str(self.captures.get(group).map_or("", |found| found.as_str()));
        Ok(())
    }
}

#[cfg(test)]
mod tests;
