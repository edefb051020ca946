//! Rewrites what Java's patterns spell or mean differently.

use std::borrow::Cow;

/// White space along a line: Java's `\h`.
const HORIZONTAL: &str = r" \t\x{A0}\x{1680}\x{180E}\x{2000}-\x{200A}\x{202F}\x{205F}\x{3000}";
/// Ends of lines: Java's `\v`.
const VERTICAL: &str = r"\n\x0B\x0C\r\x{85}\x{2028}\x{2029}";
/// What `.` does not match.
const LINE_ENDS: &str = r"\n\r\x{85}\x{2028}\x{2029}";

/// A pattern in the engine's syntax. Java's `\d`, `\w`, `\s` and POSIX classes are ASCII;
/// `.` stops at more line ends; `\h`, `\v`, `\R`, `\Q…\E` and octal escapes are Java's own.
pub(super) fn translate(pattern: &str) -> Cow<'_, str> {
    if !pattern.contains(['\\', '.', '(']) {
        return Cow::Borrowed(pattern);
    }
    let mut out = Translation {
        rest: pattern,
        out: String::with_capacity(pattern.len() + 16),
        depth: 0,
        groups: Vec::new(),
        dot_all: false,
        line_ends: LINE_ENDS,
    };
    out.run();
    Cow::Owned(out.out)
}

struct Translation<'a> {
    rest: &'a str,
    out: String,
    /// How many character classes are open.
    depth: usize,
    /// The open groups: whether each was wrapped in another.
    groups: Vec<bool>,
    /// Whether a flag made `.` match everything; it is taken to hold from there on.
    dot_all: bool,
    /// What `.` does not match; fewer under Java's flag `d`, from there on too.
    line_ends: &'static str,
}

impl<'a> Translation<'a> {
    fn run(&mut self) {
        while let Some(c) = self.next() {
            match c {
                '\\' => self.escape(),
                '[' => {
                    self.depth += 1;
                    self.out.push(c);
                }
                ']' => {
                    self.depth = self.depth.saturating_sub(1);
                    self.out.push(c);
                }
                '.' if self.depth == 0 && !self.dot_all => self.class(self.line_ends, true),
                '(' if self.depth == 0 && self.rest.starts_with('?') => self.group(),
                '(' if self.depth == 0 => {
                    self.groups.push(false);
                    self.out.push(c);
                }
                ')' if self.depth == 0 => {
                    self.out.push(c);
                    if self.groups.pop() == Some(true) {
                        self.end_of_look();
                    }
                }
                _ => self.out.push(c),
            }
        }
    }
    fn next(&mut self) -> Option<char> {
        let c = self.rest.chars().next()?;
        self.rest = self.rest.get(c.len_utf8()..)?;
        Some(c)
    }
    /// Takes a prefix as long as `accept` says, at most `limit` bytes.
    fn take(&mut self, limit: usize, accept: impl Fn(u8) -> bool) -> &'a str {
        let length = self.rest.bytes().take(limit).take_while(|byte| accept(*byte)).count();
        let (taken, rest) = self.rest.split_at(length);
        self.rest = rest;
        taken
    }
    /// Characters as a class of their own, or as part of the open one.
    fn class(&mut self, members: &str, negated: bool) {
        match (self.depth, negated) {
            (0, false) => self.out.extend(["[", members, "]"]),
            (_, true) => self.out.extend(["[^", members, "]"]),
            (_, false) => self.out.push_str(members),
        }
    }
    fn code(&mut self, digits: &str, radix: u32) {
        let code = u32::from_str_radix(digits, radix).unwrap_or(0);
        self.out.push_str(&format!("\\x{{{code:X}}}"));
    }
    fn escape(&mut self) {
        let Some(c) = self.next() else {
            self.out.push('\\');
            return;
        };
        match c {
            'd' | 'D' => self.class("0-9", c == 'D'),
            'w' | 'W' => self.class("a-zA-Z0-9_", c == 'W'),
            's' | 'S' => self.class(r" \t\n\x0B\x0C\r", c == 'S'),
            'h' | 'H' => self.class(HORIZONTAL, c == 'H'),
            'v' | 'V' => self.class(VERTICAL, c == 'V'),
            'R' if self.depth == 0 => self.out.extend(["(?:\\r\\n|[", VERTICAL, "])"]),
            'e' => self.out.push_str("\\x1B"),
            '0' => {
                let digits = self.take(3, |byte| matches!(byte, b'0'..=b'7'));
                self.code(digits, 8);
            }
            'u' => {
                let digits = self.take(4, |byte| byte.is_ascii_hexdigit());
                self.code(digits, 16);
            }
            'c' => {
                let code = self.next().map_or(0, |letter| u32::from(letter) ^ 64);
                self.out.push_str(&format!("\\x{{{code:X}}}"));
            }
            'Q' => self.quoted(),
            'p' | 'P' => self.property(c == 'P'),
            other => {
                self.out.push('\\');
                self.out.push(other);
            }
        }
    }
    /// Text up to `\E` as it is.
    fn quoted(&mut self) {
        let (literal, rest) = self.rest.split_once("\\E").unwrap_or((self.rest, ""));
        self.rest = rest;
        for c in literal.chars() {
            if c.is_ascii_punctuation() {
                self.out.push('\\');
            }
            self.out.push(c);
        }
    }
    fn property(&mut self, negated: bool) {
        let inner = self.rest.strip_prefix('{').and_then(|rest| rest.split_once('}'));
        let Some((name, rest)) = inner else {
            self.out.push_str(if negated { "\\P" } else { "\\p" });
            return;
        };
        self.rest = rest;
        match posix(name) {
            Some(members) => self.class(members, negated),
            None => {
                let name = name.strip_prefix("Is").unwrap_or(name);
                self.out.push_str(if negated { "\\P{" } else { "\\p{" });
                self.out.push_str(name);
                self.out.push('}');
            }
        }
    }
    /// What looks around may be repeated in Java, which means nothing but whether it must hold.
    fn end_of_look(&mut self) {
        let optional = match self.rest.as_bytes() {
            [b'*' | b'?', ..] => Some((1, true)),
            [b'+', ..] => Some((1, false)),
            [b'{', digit, ..] => self.rest.find('}').map(|end| (end + 1, *digit == b'0')),
            _ => None,
        };
        if let Some((length, optional)) = optional {
            self.rest = self.rest.get(length..).unwrap_or_default();
            self.rest = self.rest.strip_prefix(['?', '+']).unwrap_or(self.rest);
            if optional {
                self.out.push('|');
            }
        }
        self.out.push(')');
    }
    /// A group with a question mark. What looks around gets another group around it. Of the
    /// flags, Java's `d`, `u` and `U` mean nothing or something else to the engine.
    fn group(&mut self) {
        self.rest = self.rest.strip_prefix('?').unwrap_or(self.rest);
        let looks = ["=", "!", "<=", "<!"].iter().any(|sign| self.rest.starts_with(sign));
        self.out.push_str(if looks { "(?:(?" } else { "(?" });
        let flags = self.take(usize::MAX, |byte| byte.is_ascii_alphabetic() || byte == b'-');
        if !self.rest.starts_with([')', ':']) {
            self.groups.push(looks);
            self.out.push_str(flags);
            return;
        }
        if self.rest.starts_with(':') {
            self.groups.push(false);
        }
        let on = flags.split('-').next().unwrap_or_default();
        self.dot_all |= on.contains('s');
        if on.contains('d') {
            self.line_ends = r"\n";
        }
        let kept: String = flags.chars().filter(|c| !matches!(c, 'd' | 'U' | 'u')).collect();
        let kept = kept.trim_end_matches('-');
        if kept.is_empty() && self.rest.starts_with(')') {
            // Nothing is left: an empty group stands for it.
            self.out.push(':');
        }
        self.out.push_str(kept);
    }
}

/// The members of a POSIX class, ASCII only.
fn posix(name: &str) -> Option<&'static str> {
    Some(match name {
        "Lower" => "a-z",
        "Upper" => "A-Z",
        "ASCII" => r"\x00-\x7F",
        "Alpha" => "a-zA-Z",
        "Digit" => "0-9",
        "Alnum" => "a-zA-Z0-9",
        "Punct" => r"!-/:-@\[-`{-~",
        "Graph" => "!-~",
        "Print" => " -~",
        "Blank" => r" \t",
        "Cntrl" => r"\x00-\x1F\x7F",
        "XDigit" => "0-9a-fA-F",
        "Space" => r" \t\n\x0B\x0C\r",
        "javaLowerCase" => r"\p{Lowercase}",
        "javaUpperCase" => r"\p{Uppercase}",
        _ => return None,
    })
}
