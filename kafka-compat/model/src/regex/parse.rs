//! Reads a pattern as `java.util.regex.Pattern` does, faults included: which one is found first,
//! and where, is part of the message.

use std::collections::HashMap;

use super::ast::{Anchor, Case, Node, Repetition, Set};
use super::study::has_limit;

/// How deep groups and classes may stand in each other. Java has no limit but its stack.
const MAX_DEPTH: usize = 250;

/// What is wrong with a pattern, and near which code point.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) what: String,
    /// `None`: nowhere.
    pub(super) at: Option<usize>,
}

pub(super) type Parsed<T> = Result<T, Fault>;

/// Flags in force.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Flags {
    pub(super) case_insensitive: bool,
    pub(super) multiline: bool,
    pub(super) dot_all: bool,
    pub(super) unix_lines: bool,
    pub(super) unicode_case: bool,
    pub(super) comments: bool,
    pub(super) unicode_class: bool,
}

impl Flags {
    pub(super) fn case(self) -> Case {
        match (self.case_insensitive, self.unicode_case) {
            (false, _) => Case::Exact,
            (true, false) => Case::Ascii,
            (true, true) => Case::Unicode,
        }
    }
    fn set(&mut self, letter: u32, on: bool) -> bool {
        let flag = match char::from_u32(letter) {
            Some('i') => &mut self.case_insensitive,
            Some('m') => &mut self.multiline,
            Some('s') => &mut self.dot_all,
            Some('d') => &mut self.unix_lines,
            Some('u') => &mut self.unicode_case,
            Some('x') => &mut self.comments,
            Some('U') => {
                self.unicode_case = on;
                &mut self.unicode_class
            }
            // Canonical equivalence, which Java lets nobody set here, is passed over.
            Some('c') => return true,
            _ => return false,
        };
        *flag = on;
        true
    }
}

/// A pattern that was read.
#[derive(Debug)]
pub(super) struct Pattern {
    pub(super) root: Node,
    /// How many groups there are, the whole match among them.
    pub(super) groups: usize,
    /// Groups by name.
    pub(super) names: HashMap<String, usize>,
}

/// The place in a pattern. Behind its end stand zeros.
pub(super) struct Parser {
    pub(super) codes: Vec<u32>,
    /// How many code points there are without the zeros.
    pub(super) length: usize,
    pub(super) cursor: usize,
    pub(super) flags: Flags,
    /// The whole match is group 0.
    pub(super) groups: usize,
    pub(super) names: HashMap<String, usize>,
    depth: usize,
}

pub(super) const fn code(c: char) -> u32 {
    c as u32
}

/// Reads a pattern.
pub(super) fn parse(pattern: &str) -> Parsed<Pattern> {
    let mut codes = unquote(pattern);
    let length = codes.len();
    codes.extend([0, 0]);
    let mut parser = Parser {
        codes,
        length,
        cursor: 0,
        flags: Flags::default(),
        groups: 1,
        names: HashMap::new(),
        depth: 0,
    };
    let root = parser.expression()?;
    if parser.cursor != parser.length {
        let what = if parser.peek() == code(')') {
            "Unmatched closing ')'"
        } else {
            "Unexpected internal error"
        };
        return Err(parser.fault(what));
    }
    Ok(Pattern { root, groups: parser.groups, names: parser.names })
}

/// The code points with what stands between `\Q` and `\E` escaped.
fn unquote(pattern: &str) -> Vec<u32> {
    let codes: Vec<u32> = pattern.chars().map(code).collect();
    let is = |at: usize, c: char| codes.get(at) == Some(&code(c));
    let quoted = (0..codes.len()).find(|&at| {
        // An escaped backslash begins nothing.
        is(at, '\\')
            && is(at + 1, 'Q')
            && codes.iter().take(at).rev().take_while(|&&b| b == code('\\')).count() % 2 == 0
    });
    let Some(start) = quoted else { return codes };
    let mut out: Vec<u32> = codes.iter().take(start).copied().collect();
    let mut at = start;
    let mut in_quote = false;
    let mut begins = false;
    while let Some(&c) = codes.get(at) {
        at += 1;
        if c > 0x7F || char::from_u32(c).is_some_and(|c| c.is_ascii_alphabetic()) {
            out.push(c);
        } else if char::from_u32(c).is_some_and(|c| c.is_ascii_digit()) {
            if begins {
                // As the digits of an escape before the quote it must not be read.
                out.extend("\\x3".chars().map(code));
            }
            out.push(c);
        } else if c != code('\\') {
            if in_quote {
                out.push(code('\\'));
            }
            out.push(c);
        } else if in_quote {
            if is(at, 'E') {
                at += 1;
                in_quote = false;
            } else {
                out.extend([c, c]);
            }
        } else if is(at, 'Q') {
            at += 1;
            in_quote = true;
            begins = true;
            continue;
        } else {
            out.push(c);
            if let Some(&next) = codes.get(at) {
                out.push(next);
                at += 1;
            }
        }
        begins = false;
    }
    out
}

impl Parser {
    pub(super) fn fault(&self, what: impl Into<String>) -> Fault {
        Fault { what: what.into(), at: self.cursor.checked_sub(1) }
    }
    pub(super) fn at(&self, index: usize) -> u32 {
        self.codes.get(index).copied().unwrap_or(0)
    }
    /// The next code point; blanks and comments before it are passed over where they mean
    /// nothing.
    pub(super) fn peek(&mut self) -> u32 {
        if self.flags.comments {
            self.skip_comments();
        }
        self.at(self.cursor)
    }
    pub(super) fn read(&mut self) -> u32 {
        if self.flags.comments {
            self.skip_comments();
        }
        let c = self.at(self.cursor);
        self.cursor += 1;
        c
    }
    /// Goes one on, and looks.
    pub(super) fn next(&mut self) -> u32 {
        self.cursor += 1;
        self.peek()
    }
    /// The same, blanks and comments being nothing special.
    pub(super) fn next_escaped(&mut self) -> u32 {
        self.cursor += 1;
        self.at(self.cursor)
    }
    /// Takes the code point behind the next one.
    pub(super) fn skip(&mut self) -> u32 {
        let c = self.at(self.cursor + 1);
        self.cursor += 2;
        c
    }
    pub(super) fn unread(&mut self) {
        self.cursor -= 1;
    }
    fn skip_comments(&mut self) {
        loop {
            match char::from_u32(self.at(self.cursor)) {
                Some(' ' | '\t' | '\n' | '\x0b' | '\x0c' | '\r') => self.cursor += 1,
                Some('#') => {
                    while self.cursor < self.length && !self.ends_line(self.at(self.cursor)) {
                        self.cursor += 1;
                    }
                }
                _ => return,
            }
        }
    }
    fn ends_line(&self, c: u32) -> bool {
        c == code('\n') || !self.flags.unix_lines && matches!(c, 0x0D | 0x85 | 0x2028 | 0x2029)
    }
    pub(super) fn deeper<T>(&mut self, read: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(self.fault(format!("More than {MAX_DEPTH} groups within each other")));
        }
        let out = read(self);
        self.depth -= 1;
        out
    }

    fn expression(&mut self) -> Parsed<Node> {
        let mut alternatives = vec![self.sequence()?];
        while self.peek() == code('|') {
            self.next();
            alternatives.push(self.sequence()?);
        }
        Ok(match (alternatives.pop(), alternatives.is_empty()) {
            (Some(only), true) => only,
            (Some(last), false) => {
                alternatives.push(last);
                Node::Alternatives(alternatives)
            }
            (None, _) => Node::EMPTY,
        })
    }

    fn sequence(&mut self) -> Parsed<Node> {
        let mut nodes = Vec::new();
        loop {
            let c = self.peek();
            let node = match char::from_u32(c).unwrap_or_default() {
                '(' => {
                    // A group looks for its repetition itself; flags alone are no node.
                    nodes.extend(self.deeper(Self::group)?);
                    continue;
                }
                '[' => Node::Set(self.deeper(|parser| parser.class(true))?),
                '\\' => match char::from_u32(self.next_escaped()) {
                    Some('p' | 'P') => Node::Set(self.property_here()?),
                    _ => {
                        self.unread();
                        self.atom()?
                    }
                },
                '^' => {
                    self.next();
                    Node::Anchor(match (self.flags.multiline, self.flags.unix_lines) {
                        (false, _) => Anchor::Begin,
                        (true, false) => Anchor::LineBegin,
                        (true, true) => Anchor::UnixLineBegin,
                    })
                }
                '$' => {
                    self.next();
                    Node::Anchor(match (self.flags.multiline, self.flags.unix_lines) {
                        (false, false) => Anchor::LastLineEnd,
                        (false, true) => Anchor::UnixLastLineEnd,
                        (true, false) => Anchor::LineEnd,
                        (true, true) => Anchor::UnixLineEnd,
                    })
                }
                '.' => {
                    self.next();
                    Node::Set(self.any())
                }
                '|' | ')' => break,
                sign @ ('?' | '*' | '+') => {
                    self.next();
                    return Err(self.fault(format!("Dangling meta character '{sign}'")));
                }
                '\0' if self.cursor >= self.length => break,
                _ => self.atom()?,
            };
            nodes.push(self.repeated(node)?);
        }
        Ok(match (nodes.pop(), nodes.is_empty()) {
            (Some(only), true) => only,
            (Some(last), false) => {
                nodes.push(last);
                Node::Sequence(nodes)
            }
            (None, _) => Node::EMPTY,
        })
    }

    fn any(&self) -> Set {
        match (self.flags.dot_all, self.flags.unix_lines) {
            (true, _) => Set::Not(Box::new(Set::Union(Vec::new()))),
            (false, true) => Set::Not(Box::new(Set::members(r"\n"))),
            (false, false) => Set::Not(Box::new(Set::members(r"\n\r\x{85}\x{2028}\x{2029}"))),
        }
    }

    /// The property that a `p` or `P` at the cursor begins.
    pub(super) fn property_here(&mut self) -> Parsed<Set> {
        let negated = self.at(self.cursor) == code('P');
        let one_letter = self.next() != code('{');
        if one_letter {
            self.unread();
        }
        self.property(one_letter, negated)
    }

    /// As many plain characters as stand here; a repetition belongs to the last of them alone.
    fn atom(&mut self) -> Parsed<Node> {
        let mut codes = Vec::new();
        let mut previous = None;
        let mut c = self.peek();
        loop {
            match char::from_u32(c).unwrap_or_default() {
                '*' | '+' | '?' | '{' => {
                    if codes.len() > 1
                        && let Some(previous) = previous
                    {
                        self.cursor = previous;
                        codes.pop();
                    }
                    break;
                }
                '$' | '.' | '^' | '(' | '[' | '|' | ')' => break,
                '\\' => {
                    c = self.next_escaped();
                    if c == code('p') || c == code('P') {
                        if codes.is_empty() {
                            return Ok(Node::Set(self.property_here()?));
                        }
                        self.unread();
                        break;
                    }
                    self.unread();
                    let before = self.cursor;
                    match self.escape(false, codes.is_empty(), false)? {
                        Escaped::Code(code) => {
                            previous = Some(before);
                            codes.push(code);
                            c = self.peek();
                        }
                        Escaped::Node(node) if codes.is_empty() => return Ok(node),
                        Escaped::Node(_) => {
                            self.cursor = before;
                            break;
                        }
                    }
                }
                '\0' if self.cursor >= self.length => break,
                _ => {
                    previous = Some(self.cursor);
                    codes.push(c);
                    c = self.next();
                }
            }
        }
        Ok(Node::Literal(codes, self.flags.case()))
    }

    /// A group with its repetition; `None` for flags alone.
    fn group(&mut self) -> Parsed<Option<Node>> {
        let saved = self.flags;
        let node = if self.next() == code('?') {
            match char::from_u32(self.skip()).unwrap_or_default() {
                ':' => Node::Group(Box::new(self.expression()?)),
                sign @ ('=' | '!') => {
                    let inner = Box::new(self.expression()?);
                    Node::Look { behind: false, negative: sign == '!', inner }
                }
                '>' => Node::Atomic(Box::new(self.expression()?)),
                '<' => self.named_or_behind()?,
                '$' | '@' => return Err(self.fault("Unknown group type")),
                _ => {
                    self.unread();
                    self.change_flags();
                    match char::from_u32(self.read()) {
                        Some(')') => return Ok(None),
                        Some(':') => Node::Group(Box::new(self.expression()?)),
                        _ => return Err(self.fault("Unknown inline modifier")),
                    }
                }
            }
        } else {
            self.groups += 1;
            Node::Capture(Box::new(self.expression()?))
        };
        if self.read() != code(')') {
            return Err(self.fault("Unclosed group"));
        }
        self.flags = saved;
        self.repeated(node).map(Some)
    }

    fn named_or_behind(&mut self) -> Parsed<Node> {
        let c = self.read();
        if c != code('=') && c != code('!') {
            let name = self.group_name(c)?;
            if self.names.contains_key(&name) {
                return Err(
                    self.fault(format!("Named capturing group <{name}> is already defined"))
                );
            }
            self.names.insert(name, self.groups);
            self.groups += 1;
            return Ok(Node::Capture(Box::new(self.expression()?)));
        }
        let inner = Box::new(self.expression()?);
        if !has_limit(&inner) {
            return Err(self.fault("Look-behind group does not have an obvious maximum length"));
        }
        Ok(Node::Look { behind: true, negative: c == code('!'), inner })
    }

    /// The name that begins with `first`, up to its `>`.
    pub(super) fn group_name(&mut self, first: u32) -> Parsed<String> {
        let letter = |c: u32| char::from_u32(c).filter(char::is_ascii_alphanumeric);
        let mut name = String::new();
        let mut c = first;
        if !letter(c).is_some_and(|c| c.is_ascii_alphabetic()) {
            return Err(self.fault("capturing group name does not start with a Latin letter"));
        }
        while let Some(letter) = letter(c) {
            name.push(letter);
            c = self.read();
        }
        if c != code('>') {
            return Err(self.fault("named capturing group is missing trailing '>'"));
        }
        Ok(name)
    }

    fn change_flags(&mut self) {
        let mut on = true;
        let mut c = self.peek();
        loop {
            if on && c == code('-') {
                on = false;
            } else if !self.flags.set(c, on) {
                return;
            }
            c = self.next();
        }
    }

    /// The repetition behind a node, if one stands there.
    fn repeated(&mut self, node: Node) -> Parsed<Node> {
        let (min, max) = match char::from_u32(self.peek()).unwrap_or_default() {
            '?' => (0, Some(1)),
            '*' => (0, None),
            '+' => (1, None),
            '{' => self.count()?,
            _ => return Ok(node),
        };
        let kind = match char::from_u32(self.next()).unwrap_or_default() {
            '?' => {
                self.next();
                Repetition::Lazy
            }
            '+' => {
                self.next();
                Repetition::Possessive
            }
            _ => Repetition::Greedy,
        };
        Ok(Node::Repeat { inner: Box::new(node), min, max, kind })
    }

    /// `{1}`, `{1,}` or `{1,2}`; the cursor stops at its end.
    fn count(&mut self) -> Parsed<(u32, Option<u32>)> {
        let mut c = self.skip();
        if !is_digit(c) {
            return Err(self.fault("Illegal repetition"));
        }
        let min = self.count_number(&mut c)?;
        let mut max = Some(min);
        if c == code(',') {
            c = self.read();
            max = None;
            if is_digit(c) {
                max = Some(self.count_number(&mut c)?);
            }
        }
        if c != code('}') {
            return Err(self.fault("Unclosed counted closure"));
        }
        if max.is_some_and(|max| max < min) {
            return Err(self.fault("Illegal repetition range"));
        }
        self.unread();
        Ok((min, max))
    }

    fn count_number(&mut self, c: &mut u32) -> Parsed<u32> {
        let mut number = 0i32;
        while is_digit(*c) {
            let digit = (*c - code('0')) as i32;
            number = number
                .checked_mul(10)
                .and_then(|number| number.checked_add(digit))
                .ok_or_else(|| self.fault("Illegal repetition range"))?;
            *c = self.read();
        }
        Ok(number.unsigned_abs())
    }
}

/// What an escape is.
pub(super) enum Escaped {
    /// A character.
    Code(u32),
    /// Something else.
    Node(Node),
}

pub(super) fn is_digit(c: u32) -> bool {
    char::from_u32(c).is_some_and(|c| c.is_ascii_digit())
}
