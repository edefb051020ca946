//! A pattern as Java reads it.

/// Which letters are taken for one another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Case {
    /// None.
    Exact,
    /// `a` and `A`.
    Ascii,
    /// Those of all scripts.
    Unicode,
}

/// Part of a pattern.
#[derive(Clone, Debug)]
pub(super) enum Node {
    /// Code points one after the other.
    Literal(Vec<u32>, Case),
    /// One character.
    Set(Set),
    /// One after the other; none matches everywhere.
    Sequence(Vec<Node>),
    /// One of these, the first that fits.
    Alternatives(Vec<Node>),
    /// A group that is remembered.
    Capture(Box<Node>),
    /// A group that is not.
    Group(Box<Node>),
    /// A group that gives nothing back.
    Atomic(Box<Node>),
    /// `(?=…)` and its relatives.
    Look { behind: bool, negative: bool, inner: Box<Node> },
    /// The text of a group.
    Reference(usize, Case),
    /// A place.
    Anchor(Anchor),
    /// `\R`
    LineBreak,
    /// `\X`
    Grapheme,
    /// Some of the same.
    Repeat {
        inner: Box<Node>,
        min: u32,
        /// `None`: any number.
        max: Option<u32>,
        kind: Repetition,
    },
}

/// How a repetition tries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Repetition {
    Greedy,
    Lazy,
    Possessive,
}

/// A place in the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Anchor {
    /// `\A`, `\G`, and `^` without flags.
    Begin,
    /// `\z`
    End,
    /// `^` in lines.
    LineBegin,
    /// The same where only `\n` ends lines.
    UnixLineBegin,
    /// `\Z`, and `$` without flags.
    LastLineEnd,
    /// The same where only `\n` ends lines.
    UnixLastLineEnd,
    /// `$` in lines.
    LineEnd,
    /// The same where only `\n` ends lines.
    UnixLineEnd,
    /// `\b`
    WordBoundary,
    /// `\B`
    NoWordBoundary,
    /// `\b{g}`
    GraphemeBoundary,
}

/// A set of characters.
#[derive(Clone, Debug)]
pub(super) enum Set {
    /// From one code point to another, both in it.
    Range(u32, u32, Case),
    /// Members in the engine's syntax, as they stand within brackets.
    Members(std::borrow::Cow<'static, str>),
    /// Any of these; none is the empty set.
    Union(Vec<Set>),
    /// Both.
    Both(Box<Set>, Box<Set>),
    /// All others.
    Not(Box<Set>),
}

impl Set {
    pub(super) fn members(members: &'static str) -> Self {
        Self::Members(std::borrow::Cow::Borrowed(members))
    }
    pub(super) fn single(code: u32, case: Case) -> Self {
        Self::Range(code, code, case)
    }
    pub(super) fn negated(self, negated: bool) -> Self {
        if negated { Self::Not(Box::new(self)) } else { self }
    }
    /// Adds the members of another set.
    pub(super) fn or(self, other: Self) -> Self {
        match self {
            Self::Union(mut all) => {
                all.push(other);
                Self::Union(all)
            }
            one => Self::Union(vec![one, other]),
        }
    }
}

impl Node {
    pub(super) const EMPTY: Self = Self::Sequence(Vec::new());

    /// Whether it never takes a character.
    pub(super) fn is_empty(&self) -> bool {
        match self {
            Self::Literal(codes, _) => codes.is_empty(),
            Self::Sequence(nodes) | Self::Alternatives(nodes) => nodes.iter().all(Self::is_empty),
            Self::Capture(inner) | Self::Group(inner) | Self::Atomic(inner) => inner.is_empty(),
            Self::Look { .. } | Self::Anchor(_) => true,
            Self::Repeat { inner, max, .. } => *max == Some(0) || inner.is_empty(),
            Self::Set(_) | Self::Reference(..) | Self::LineBreak | Self::Grapheme => false,
        }
    }
}
