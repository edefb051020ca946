//! Writes a pattern in the engine's syntax, every meaning spelled out: no flags, no shorthands.

use std::fmt::Write;

use super::ast::{Anchor, Case, Node, Repetition, Set};
use super::fold;

/// Matches nowhere.
const NEVER: &str = "[a&&b]";

/// A character as people see it, by Unicode's rules: a line break of two, a control sign, or what
/// goes in front, a syllable, a flag, a picture or any other sign, and what is put on it.
const GRAPHEME: &str = concat!(
    r"(?>\r\n|[\p{gcb=CR}\p{gcb=LF}\p{gcb=Control}]|\p{gcb=Prepend}*(?:",
    r"\p{gcb=L}*(?:\p{gcb=V}+|\p{gcb=LV}\p{gcb=V}*|\p{gcb=LVT})\p{gcb=T}*|\p{gcb=L}+|\p{gcb=T}+|",
    r"\p{gcb=RI}\p{gcb=RI}|",
    r"\p{Extended_Pictographic}(?:\p{gcb=Extend}*\p{gcb=ZWJ}\p{Extended_Pictographic})*|",
    r"[^\p{gcb=CR}\p{gcb=LF}\p{gcb=Control}])",
    r"[\p{gcb=Extend}\p{gcb=ZWJ}\p{gcb=SpacingMark}]*|\p{gcb=Prepend}+)",
);

/// The engine's text of a pattern that has so many groups.
pub(super) fn emit(root: &Node, groups: usize) -> String {
    let mut out = Emitter { out: String::new(), groups };
    out.node(root);
    out.out
}

struct Emitter {
    out: String,
    groups: usize,
}

impl Emitter {
    fn push(&mut self, text: &str) {
        self.out.push_str(text);
    }

    fn node(&mut self, node: &Node) {
        match node {
            Node::Literal(codes, case) => {
                for code in codes {
                    self.literal(*code, *case, codes.len() == 1);
                }
            }
            Node::Set(set) => self.set(set),
            Node::Sequence(nodes) => {
                for node in nodes {
                    match node {
                        Node::Alternatives(_) => self.grouped("(?:", node),
                        _ => self.node(node),
                    }
                }
            }
            Node::Alternatives(nodes) => {
                for (at, node) in nodes.iter().enumerate() {
                    if at > 0 {
                        self.push("|");
                    }
                    self.node(node);
                }
            }
            Node::Capture(inner) => self.grouped("(", inner),
            Node::Group(inner) => self.grouped("(?:", inner),
            Node::Atomic(inner) => self.grouped("(?>", inner),
            Node::Look { behind, negative, inner } => self.grouped(
                match (behind, negative) {
                    (false, false) => "(?=",
                    (false, true) => "(?!",
                    (true, false) => "(?<=",
                    (true, true) => "(?<!",
                },
                inner,
            ),
            Node::Reference(group, case) => self.reference(*group, *case),
            Node::Anchor(anchor) => self.push(place(*anchor)),
            Node::LineBreak => self.push(r"(?:\r\n|[\n\x0B\x0C\r\x{85}\x{2028}\x{2029}])"),
            Node::Grapheme => self.push(GRAPHEME),
            Node::Repeat { inner, min, max, kind } => self.repeat(inner, *min, *max, *kind),
        }
    }

    fn grouped(&mut self, open: &str, inner: &Node) {
        self.push(open);
        self.node(inner);
        self.push(")");
    }

    fn literal(&mut self, code: u32, case: Case, alone: bool) {
        match (char::from_u32(code), case) {
            (Some(c), Case::Unicode) if !alone => {
                self.push("[");
                fold::same_in_text(c).into_iter().for_each(|c| escaped(&mut self.out, c));
                self.push("]");
            }
            (Some(c), Case::Exact) => escaped(&mut self.out, c),
            (Some(c), Case::Ascii) if !c.is_ascii_alphabetic() => escaped(&mut self.out, c),
            _ => self.set(&Set::single(code, case)),
        }
    }

    fn set(&mut self, set: &Set) {
        if is_empty(set) {
            self.push(NEVER);
        } else {
            self.out.push_str(&class(set));
        }
    }

    /// A group that is not there never matches.
    fn reference(&mut self, group: usize, case: Case) {
        if group >= self.groups {
            self.push(NEVER);
        } else {
            // Writing to a String does not fail.
            let _ = match case {
                Case::Exact => write!(self.out, "(?:\\{group})"),
                _ => write!(self.out, "(?i:\\{group})"),
            };
        }
    }

    fn repeat(&mut self, inner: &Node, min: u32, max: Option<u32>, kind: Repetition) {
        // The engine repeats no places: whether they are tried at all is what counts.
        if inner.is_empty() {
            match (min, kind) {
                (1.., _) => self.grouped("(?:", inner),
                (0, Repetition::Lazy) => {
                    self.push("(?:|");
                    self.node(inner);
                    self.push(")");
                }
                // Its groups are still groups.
                (0, _) if max == Some(0) => {
                    self.push("(?:|[a&&b]");
                    self.node(inner);
                    self.push(")");
                }
                (0, _) => {
                    self.push("(?:");
                    self.node(inner);
                    self.push("|)");
                }
            }
            return;
        }
        if kind == Repetition::Possessive {
            self.push("(?>");
        }
        match inner {
            Node::Set(set) if !is_empty(set) => self.set(set),
            Node::Capture(_) | Node::Group(_) | Node::Atomic(_) => self.node(inner),
            _ => self.grouped("(?:", inner),
        }
        match (min, max) {
            (0, None) => self.push("*"),
            (1, None) => self.push("+"),
            (0, Some(1)) => self.push("?"),
            (min, None) => _ = write!(self.out, "{{{min},}}"),
            (min, Some(max)) => _ = write!(self.out, "{{{min},{max}}}"),
        }
        match kind {
            Repetition::Greedy => {}
            Repetition::Lazy => self.push("?"),
            Repetition::Possessive => self.push(")"),
        }
    }
}

fn place(anchor: Anchor) -> &'static str {
    match anchor {
        Anchor::Begin => r"\A",
        Anchor::End => r"\z",
        // Never at the very end.
        Anchor::LineBegin => r"(?:(?!\z)(?:\A|(?<=[\n\x{85}\x{2028}\x{2029}])|(?<=\r)(?!\n)))",
        Anchor::UnixLineBegin => r"(?:(?!\z)(?:\A|(?<=\n)))",
        Anchor::LastLineEnd => {
            r"(?:\z|(?=\r\n\z)|(?<!\r)(?=\n\z)|(?=[\r\x{85}\x{2028}\x{2029}]\z))"
        }
        Anchor::UnixLastLineEnd => r"(?:\z|(?=\n\z))",
        Anchor::LineEnd => r"(?:\z|(?<!\r)(?=\n)|(?=[\r\x{85}\x{2028}\x{2029}]))",
        Anchor::UnixLineEnd => r"(?:\z|(?=\n))",
        Anchor::WordBoundary => r"\b",
        Anchor::NoWordBoundary => r"\B",
        Anchor::GraphemeBoundary => r"(?:(?![\p{M}\x{200D}\x{FE0F}])(?!(?<=\r)\n))",
    }
}

fn escaped(out: &mut String, c: char) {
    if c.is_ascii_alphanumeric() || c == '_' {
        out.push(c);
    } else {
        let _ = write!(out, "\\x{{{:X}}}", u32::from(c));
    }
}

/// Whether no character can be in a set.
fn is_empty(set: &Set) -> bool {
    match set {
        Set::Union(sets) => sets.iter().all(is_empty),
        Set::Range(first, last, _) => scalars(*first, *last).next().is_none(),
        Set::Both(left, right) => is_empty(left) || is_empty(right),
        Set::Members(_) | Set::Not(_) => false,
    }
}

/// A set in brackets.
fn class(set: &Set) -> String {
    match set {
        Set::Not(inner) if is_empty(inner) => r"[\x00-\x{10FFFF}]".to_owned(),
        Set::Not(inner) => format!("[^{}]", class(inner)),
        Set::Both(left, right) => format!("[{}&&{}]", class(left), class(right)),
        Set::Members(members) => format!("[{members}]"),
        Set::Union(sets) => {
            let parts: String = sets.iter().filter(|set| !is_empty(set)).map(class).collect();
            // Empty, but still a class: what cannot be.
            if parts.is_empty() { NEVER.to_owned() } else { format!("[{parts}]") }
        }
        Set::Range(first, last, case) => range(*first, *last, *case),
    }
}

/// The parts of a range that characters can have: surrogates are none.
fn scalars(first: u32, last: u32) -> impl Iterator<Item = (char, char)> {
    const LOW: u32 = 0xD7FF;
    const HIGH: u32 = 0xE000;
    [(first, last.min(LOW)), (first.max(HIGH), last)].into_iter().filter_map(|(first, last)| {
        (first <= last).then_some(())?;
        Some((char::from_u32(first)?, char::from_u32(last)?))
    })
}

fn range(first: u32, last: u32, case: Case) -> String {
    let mut out = String::from("[");
    for (first, last) in scalars(first, last) {
        span(&mut out, first, last);
    }
    let contains = |c: char| (first..=last).contains(&u32::from(c));
    if case != Case::Exact {
        for letter in 'a'..='z' {
            let upper = letter.to_ascii_uppercase();
            if contains(letter) || contains(upper) {
                out.extend([letter, upper]);
            }
        }
    }
    if case == Case::Unicode {
        let others: Vec<char> = match char::from_u32(first) {
            Some(c) if first == last => fold::same_as(c),
            _ => fold::beside(first, last).collect(),
        };
        others.into_iter().for_each(|c| span(&mut out, c, c));
    }
    out.push(']');
    out
}

fn span(out: &mut String, first: char, last: char) {
    escaped(out, first);
    if last > first {
        out.push('-');
        escaped(out, last);
    }
}
