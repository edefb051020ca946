//! Whether Java can look behind with a pattern: it counts how long a match can be, in 32 bits
//! that overflow, and refuses where it loses count.

use super::ast::{Node, Repetition};

/// Java's number for "any number of times".
const MAX_REPETITIONS: i32 = i32::MAX;

/// What Java knows of a part of a pattern.
#[derive(Clone, Copy, Debug)]
struct Study {
    max_length: i32,
    max_valid: bool,
    /// Whether there is only one way to match.
    deterministic: bool,
}

const START: Study = Study { max_length: 0, max_valid: true, deterministic: true };

/// Whether the longest match has a length that Java finds.
pub(super) fn has_limit(node: &Node) -> bool {
    let mut study = START;
    study.follow(std::slice::from_ref(node));
    study.max_valid
}

impl Study {
    fn longer(&mut self, length: i32) {
        self.max_length = self.max_length.wrapping_add(length);
    }

    /// Goes on over parts that follow one another.
    fn follow(&mut self, nodes: &[Node]) {
        let Some((node, rest)) = nodes.split_first() else { return };
        match node {
            Node::Sequence(inner) if rest.is_empty() => self.follow(inner),
            Node::Sequence(inner) => {
                let all: Vec<Node> = inner.iter().chain(rest).cloned().collect();
                self.follow(&all);
            }
            Node::Capture(inner) | Node::Group(inner) => match &**inner {
                Node::Alternatives(alternatives) => self.branch(alternatives.iter(), rest),
                inner => {
                    self.follow(std::slice::from_ref(inner));
                    self.follow(rest);
                }
            },
            Node::Alternatives(alternatives) => self.branch(alternatives.iter(), rest),
            Node::Repeat { inner, min, max, kind } => self.repeat(inner, *min, *max, *kind, rest),
            _ => {
                self.one(node);
                self.follow(rest);
            }
        }
    }

    fn one(&mut self, node: &Node) {
        match node {
            Node::Literal(codes, _) => self.longer(i32::try_from(codes.len()).unwrap_or(i32::MAX)),
            Node::Set(_) => self.longer(1),
            Node::LineBreak => self.longer(2),
            Node::Reference(..) => self.max_valid = false,
            Node::Grapheme => self.deterministic = false,
            Node::Atomic(inner) => self.follow(std::slice::from_ref(inner)),
            _ => {}
        }
    }

    /// What follows alternatives is counted from the start again.
    fn branch<'a>(&mut self, alternatives: impl Iterator<Item = &'a Node>, rest: &[Node]) {
        let mut longest = -1;
        let mut valid = self.max_valid;
        for alternative in alternatives {
            let mut study = START;
            study.follow(std::slice::from_ref(alternative));
            longest = longest.max(study.max_length);
            valid &= study.max_valid;
        }
        let before = self.max_length.wrapping_add(longest);
        *self = START;
        self.follow(rest);
        self.longer(before);
        self.max_valid &= valid;
        self.deterministic = false;
    }

    fn repeat(
        &mut self,
        inner: &Node,
        min: u32,
        max: Option<u32>,
        kind: Repetition,
        rest: &[Node],
    ) {
        let group = matches!(inner, Node::Capture(_) | Node::Group(_));
        match (group, kind, min, max) {
            (true, Repetition::Greedy | Repetition::Lazy, 0, Some(1)) => {
                return self.branch([inner, &Node::EMPTY].into_iter(), rest);
            }
            (_, _, 0, Some(1)) => {
                self.follow(std::slice::from_ref(inner));
                self.deterministic = false;
            }
            (false, Repetition::Greedy, _, None)
                if matches!(inner, Node::Set(_)) || one_character(inner) =>
            {
                self.longer(MAX_REPETITIONS);
                self.deterministic = false;
            }
            (true, Repetition::Greedy | Repetition::Lazy, ..) if !is_deterministic(inner) => {
                self.max_valid = false;
                self.deterministic = false;
                return;
            }
            _ => self.times(inner, min, max),
        }
        self.follow(rest);
    }

    fn times(&mut self, inner: &Node, min: u32, max: Option<u32>) {
        let mut study = START;
        study.follow(std::slice::from_ref(inner));
        let most = max.and_then(|max| i32::try_from(max).ok()).unwrap_or(MAX_REPETITIONS);
        let length = study.max_length.wrapping_mul(most).wrapping_add(self.max_length);
        self.max_valid &= study.max_valid && length >= self.max_length;
        self.max_length = length;
        self.deterministic &= study.deterministic && Some(min) == max;
    }
}

fn is_deterministic(node: &Node) -> bool {
    let mut study = START;
    study.follow(std::slice::from_ref(node));
    study.deterministic
}

fn one_character(node: &Node) -> bool {
    matches!(node, Node::Literal(codes, _) if codes.len() == 1)
}
