//! Classes: what stands between brackets.

use super::ast::{Case, Node, Set};
use super::parse::{Escaped, Parsed, Parser, code};

impl Parser {
    /// The class whose bracket is at the cursor. `consume`: the closing bracket belongs to it;
    /// behind `&&` it does not.
    pub(super) fn class(&mut self, consume: bool) -> Parsed<Set> {
        let mut known: Option<Set> = None;
        let mut latest: Option<Set> = None;
        // Single characters are kept apart: an intersection applies to what was read before it.
        let mut singles: Vec<Set> = Vec::new();
        let mut negated = false;
        let mut c = self.next();
        loop {
            match char::from_u32(c).unwrap_or_default() {
                '^' if self.at(self.cursor.wrapping_sub(1)) == code('[') && !negated => {
                    c = self.next();
                    negated = true;
                    continue;
                }
                '[' => {
                    let inner = self.deeper(|parser| parser.class(true))?;
                    latest = Some(inner.clone());
                    known = Some(joined(known, inner));
                    c = self.peek();
                    continue;
                }
                '&' => {
                    c = self.next();
                    if c == code('&') {
                        self.next();
                        let right = self.right_side()?;
                        if !singles.is_empty() {
                            let before = Set::Union(std::mem::take(&mut singles));
                            if known.is_none() {
                                latest = Some(before.clone());
                            }
                            known = Some(joined(known, before));
                        }
                        if let Some(right) = &right {
                            latest = Some(right.clone());
                        }
                        known = Some(match (known, right, &latest) {
                            (None, None, _) => return Err(self.fault("Bad class syntax")),
                            (None, Some(right), _) => right,
                            (Some(known), _, Some(latest)) => {
                                Set::Both(Box::new(known), Box::new(latest.clone()))
                            }
                            (Some(known), _, None) => known,
                        });
                        c = self.peek();
                        continue;
                    }
                    self.unread();
                }
                '\0' if self.cursor >= self.length => {
                    return Err(self.fault("Unclosed character class"));
                }
                ']' if known.is_some() || !singles.is_empty() => {
                    if consume {
                        self.next();
                    }
                    let all = known.unwrap_or(Set::Union(Vec::new()));
                    return Ok(singles.into_iter().fold(all, Set::or).negated(negated));
                }
                _ => {}
            }
            match self.range()? {
                Member::Single(set) => singles.push(set),
                Member::Set(set) => {
                    latest = Some(set.clone());
                    known = Some(joined(known, set));
                }
            }
            c = self.peek();
        }
    }

    /// What stands behind `&&`, up to the next one or the closing bracket.
    fn right_side(&mut self) -> Parsed<Option<Set>> {
        let mut right = None;
        loop {
            match char::from_u32(self.peek()).unwrap_or_default() {
                ']' | '&' => return Ok(right),
                '[' => {
                    let inner = self.deeper(|parser| parser.class(true))?;
                    right = Some(joined(right, inner));
                }
                _ => {
                    self.unread();
                    right = Some(self.deeper(|parser| parser.class(false))?);
                }
            }
        }
    }

    /// One member: a character, a range or a shorthand.
    fn range(&mut self) -> Parsed<Member> {
        let case = self.flags.case();
        let mut c = self.peek();
        if c == code('\\') {
            c = self.next_escaped();
            if c == code('p') || c == code('P') {
                return self.property_here().map(Member::Set);
            }
            let in_range = self.at(self.cursor + 1) == code('-');
            self.unread();
            match self.escape(true, true, in_range)? {
                Escaped::Code(escaped) => c = escaped,
                Escaped::Node(Node::Set(set)) => return Ok(Member::Set(set)),
                Escaped::Node(_) => return Err(self.fault("Illegal/unsupported escape sequence")),
            }
        } else {
            self.next();
        }
        if self.peek() != code('-') {
            return Ok(single(c, case));
        }
        let end = self.at(self.cursor + 1);
        if end == code('[') || end == code(']') {
            return Ok(single(c, case));
        }
        self.next();
        let last = self.peek();
        let last = if last == code('\\') {
            match self.escape(true, false, true)? {
                Escaped::Code(code) => Some(code),
                Escaped::Node(_) => None,
            }
        } else {
            self.next();
            Some(last)
        };
        match last.filter(|last| *last >= c) {
            Some(last) => Ok(Member::Set(Set::Range(c, last, case))),
            None => Err(self.fault("Illegal character range")),
        }
    }
}

enum Member {
    /// A single character of Latin 1.
    Single(Set),
    /// Anything else.
    Set(Set),
}

fn single(c: u32, case: Case) -> Member {
    let set = Set::single(c, case);
    if c < 256 { Member::Single(set) } else { Member::Set(set) }
}

fn joined(known: Option<Set>, set: Set) -> Set {
    match known {
        None => set,
        Some(known) => known.or(set),
    }
}
