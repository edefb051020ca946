//! Regular expressions with Java's syntax and replacement texts.

mod diagnose;
mod translate;

use std::fmt;

use fancy_regex::{Captures, Regex};

use self::diagnose::diagnose;
use self::translate::translate;
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
}

impl fmt::Debug for JavaPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.source)
    }
}

impl JavaPattern {
    /// Compiles a pattern. `java.util.regex.PatternSyntaxException` if it is not one.
    pub fn compile(pattern: &str) -> Result<Self> {
        let build = |text: &str| {
            fancy_regex::RegexBuilder::new(text)
                .backtrack_limit(BACKTRACK_LIMIT)
                .build()
                .map_err(|error| bad_syntax(format!("{error} in pattern {pattern}")))
        };
        // The engine lets some pass that Java refuses.
        if let Some(fault) = diagnose(pattern) {
            return Err(bad_syntax(fault));
        }
        let translated = translate(pattern);
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
        })
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
        Expansion { pattern: &self.find, captures, out }.append(replacement)?;
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
    pattern: &'a Regex,
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
        if !self.pattern.capture_names().flatten().any(|known| known == name) {
            return Err(illegal(&format!("No group with name {{{name}}}")));
        }
        // A group that took no part in the match stands for nothing.
        self.out.push_str(self.captures.name(&name).map_or("", |group| group.as_str()));
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
mod tests {
    use super::*;

    #[test]
    fn matches_are_whole() {
        let pattern = JavaPattern::compile("a|ab").unwrap();
        assert!(pattern.matches("ab") && !pattern.matches("abc") && pattern.is_found("xaby"));
        let backwards = JavaPattern::compile(r"(\w+)-\1").unwrap();
        assert!(backwards.matches("ab-ab") && !backwards.matches("ab-ac"));
        assert!(JavaPattern::compile("[").is_err());
    }

    #[test]
    fn classes_are_ascii() {
        for (pattern, yes, no) in [
            (r"\d", "7", "\u{661}"),
            (r"[\d.]+", "1.2", "\u{661}"),
            (r"\w", "a", "\u{e9}"),
            (r"[^\W_]", "a", "_"),
            (r"\s", " ", "\u{a0}"),
            (r"\h", "\u{a0}", "f"),
            (r"\p{Alpha}+", "ab", "\u{e9}"),
            (r"\p{IsAlphabetic}", "\u{e9}", "1"),
            (".", "a", "\r"),
            (r"(?s).", "\n", ""),
            (r"\Qa.b\E+", "a.bb", "axb"),
            (r"\u0041\x42\0103", "ABC", "abc"),
            (r"a{2}[a-z&&[^b]]", "aac", "aab"),
            (r"x*+y", "xxy", "xx"),
        ] {
            let compiled = JavaPattern::compile(pattern).unwrap();
            assert!(compiled.matches(yes), "{pattern} on {yes}");
            assert!(!compiled.matches(no), "{pattern} on {no}");
        }
    }

    #[test]
    fn a_pattern_of_endless_looks_is_refused() {
        assert!(JavaPattern::compile(&"(?!a)".repeat(SPECIAL_GROUPS_MAX / 2)).is_ok());
        let error = JavaPattern::compile(&"(?!a)".repeat(SPECIAL_GROUPS_MAX + 1)).unwrap_err();
        assert!(error.message().starts_with("Pattern is too large"), "{error}");
        let names: Vec<String> = (0..5000).map(|n| format!("topic-{n}")).collect();
        assert!(JavaPattern::compile(&names.join("|")).unwrap().matches("topic-4999"));
    }

    #[test]
    fn replacements_name_groups() {
        let pattern = JavaPattern::compile("(?<a>x)(y)?").unwrap();
        let replace = |with: &str| pattern.replace_first("-x-x-", with);
        assert_eq!(replace("[$1]").unwrap(), "-[x]-x-");
        assert_eq!(replace("${a}$10$2").unwrap(), "-xx0-x-");
        assert_eq!(replace(r"\$1\\").unwrap(), r"-$1\-x-");
        for bad in ["$", "$x", "$3", "${b}", "${", "${1a}", r"\"] {
            assert!(replace(bad).is_err(), "{bad}");
        }
        assert_eq!(pattern.replace_first("none", "$9").unwrap(), "none");
    }

    #[test]
    fn all_matches_are_replaced_as_java_finds_them() {
        for (pattern, text, with, expected) in [
            ("a", "banana", "<$0>", "b<a>n<a>n<a>"),
            ("an", "banana", "", "ba"),
            ("x*", "axb", "-", "-a--b-"),
            ("x*", "\u{e9}x", "-", "-\u{e9}--"),
            ("^", "ab", ">", ">ab"),
            ("(?<=a)", "aab", "|", "a|a|b"),
            ("b", "", "-", ""),
            ("$", "ab", "!", "ab!"),
            ("(.)(.)", "abcde", "$2$1", "badce"),
        ] {
            let compiled = JavaPattern::compile(pattern).unwrap();
            assert_eq!(compiled.replace_all(text, with).unwrap(), expected, "{pattern} in {text}");
        }
        assert!(JavaPattern::compile("a").unwrap().replace_all("a", "$1").is_err());
    }

    #[test]
    fn unix_lines_end_at_line_feeds_only() {
        for (pattern, text, found) in
            [("(?d)a.", "a\r", true), ("(?d)a.", "a\n", false), ("a.", "a\r", false)]
        {
            assert_eq!(JavaPattern::compile(pattern).unwrap().matches(text), found, "{pattern}");
        }
    }
}
