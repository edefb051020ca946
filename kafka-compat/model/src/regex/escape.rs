//! What stands behind a backslash.

use super::ast::{Anchor, Node, Set};
use super::parse::{Escaped, Parsed, Parser, code, is_digit};

/// White space along a line: `\h`.
const HORIZONTAL: &str = r" \t\x{A0}\x{1680}\x{180E}\x{2000}-\x{200A}\x{202F}\x{205F}\x{3000}";
/// Ends of lines: `\v`.
const VERTICAL: &str = r"\n\x0B\x0C\r\x{85}\x{2028}\x{2029}";

impl Parser {
    /// The escape whose backslash is at the cursor. `in_class`: between brackets; `create`:
    /// places and groups may stand here; `in_range`: as an end of a range.
    pub(super) fn escape(
        &mut self,
        in_class: bool,
        create: bool,
        in_range: bool,
    ) -> Parsed<Escaped> {
        let c = self.skip();
        let letter = char::from_u32(c).unwrap_or_default();
        if let Some(set) = self.shorthand(letter, in_range) {
            return Ok(Escaped::Node(Node::Set(set)));
        }
        if !in_class && let Some(node) = self.place(letter, create)? {
            return Ok(Escaped::Node(node));
        }
        Ok(Escaped::Code(match letter {
            '0' => self.octal()?,
            'a' => 0x07,
            'c' if self.cursor < self.length => self.read() ^ 64,
            'c' => return Err(self.fault("Illegal control escape sequence")),
            'e' => 0x1B,
            'f' => 0x0C,
            'n' => 0x0A,
            'r' => 0x0D,
            't' => 0x09,
            'u' => self.unicode()?,
            'v' => 0x0B,
            'x' => self.hexadecimal()?,
            'N' => return Err(self.character_name()),
            '1'..='9' | 'a'..='z' | 'A'..='Z' => {
                return Err(self.fault("Illegal/unsupported escape sequence"));
            }
            _ => c,
        }))
    }

    /// `\d` and the like.
    fn shorthand(&self, letter: char, in_range: bool) -> Option<Set> {
        let unicode = self.flags.unicode_class;
        let members = match letter.to_ascii_lowercase() {
            'd' if unicode => r"\p{Nd}",
            'd' => "0-9",
            'w' if unicode => r"\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}",
            'w' => "a-zA-Z0-9_",
            's' if unicode => r"\p{White_Space}",
            's' => r" \t\n\x0B\x0C\r",
            'h' => HORIZONTAL,
            'v' if letter == 'v' && in_range => return None,
            'v' => VERTICAL,
            _ => return None,
        };
        Some(Set::members(members).negated(letter.is_ascii_uppercase()))
    }

    /// A place or a group's text.
    fn place(&mut self, letter: char, create: bool) -> Parsed<Option<Node>> {
        let anchor = match letter {
            'A' | 'G' => Anchor::Begin,
            'B' => Anchor::NoWordBoundary,
            'Z' if self.flags.unix_lines => Anchor::UnixLastLineEnd,
            'Z' => Anchor::LastLineEnd,
            'z' => Anchor::End,
            'b' => {
                if create && self.peek() == code('{') && self.at(self.cursor + 1) == code('g') {
                    self.cursor += 2;
                    if self.read() != code('}') {
                        return Err(self.fault("Illegal/unsupported escape sequence"));
                    }
                    Anchor::GraphemeBoundary
                } else {
                    Anchor::WordBoundary
                }
            }
            'R' => return Ok(Some(Node::LineBreak)),
            'X' => return Ok(Some(Node::Grapheme)),
            '1'..='9' => {
                let number = u32::from(letter) - code('0');
                return Ok(Some(if create { self.reference(number) } else { Node::EMPTY }));
            }
            'k' => {
                if self.read() != code('<') {
                    return Err(self.fault("\\k is not followed by '<' for named capturing group"));
                }
                let first = self.read();
                let name = self.group_name(first)?;
                let Some(&group) = self.names.get(&name) else {
                    return Err(
                        self.fault(format!("named capturing group <{name}> does not exist"))
                    );
                };
                return Ok(Some(Node::Reference(group, self.flags.case())));
            }
            _ => return Ok(None),
        };
        Ok(Some(Node::Anchor(anchor)))
    }

    /// A reference takes further digits as long as such a group has begun.
    fn reference(&mut self, first: u32) -> Node {
        let mut number = first as usize;
        loop {
            let c = self.peek();
            if !is_digit(c) {
                break;
            }
            let longer = number * 10 + (c - code('0')) as usize;
            if longer >= self.groups {
                break;
            }
            number = longer;
            self.read();
        }
        Node::Reference(number, self.flags.case())
    }

    fn octal(&mut self) -> Parsed<u32> {
        let digit = |c: u32| (code('0')..=code('7')).contains(&c).then(|| c - code('0'));
        let c = self.read();
        let Some(first) = digit(c) else {
            return Err(self.fault("Illegal octal escape sequence"));
        };
        let c = self.read();
        let Some(second) = digit(c) else {
            self.unread();
            return Ok(first);
        };
        let c = self.read();
        match digit(c) {
            Some(third) if first <= 3 => Ok(first * 64 + second * 8 + third),
            _ => {
                self.unread();
                Ok(first * 8 + second)
            }
        }
    }

    fn hexadecimal(&mut self) -> Parsed<u32> {
        let first = self.read();
        if let Some(high) = hex(first) {
            let c = self.read();
            if let Some(low) = hex(c) {
                return Ok(high * 16 + low);
            }
        } else if first == code('{') && hex(self.peek()).is_some() {
            let mut value = 0;
            loop {
                let c = self.read();
                let Some(digit) = hex(c) else {
                    return if c == code('}') {
                        Ok(value)
                    } else {
                        Err(self.fault("Unclosed hexadecimal escape sequence"))
                    };
                };
                value = value * 16 + digit;
                if value > u32::from(char::MAX) {
                    return Err(self.fault("Hexadecimal codepoint is too big"));
                }
            }
        }
        Err(self.fault("Illegal hexadecimal escape sequence"))
    }

    /// Four digits; two escapes of surrogates are one character.
    fn unicode(&mut self) -> Parsed<u32> {
        let high = self.unicode_unit()?;
        if (0xD800..0xDC00).contains(&high) {
            let before = self.cursor;
            if self.read() == code('\\') && self.read() == code('u') {
                let low = self.unicode_unit()?;
                if (0xDC00..0xE000).contains(&low) {
                    return Ok(0x1_0000 + ((high - 0xD800) << 10) + (low - 0xDC00));
                }
            }
            self.cursor = before;
        }
        Ok(high)
    }

    fn unicode_unit(&mut self) -> Parsed<u32> {
        let mut unit = 0;
        for _ in 0..4 {
            let c = self.read();
            let digit = hex(c).ok_or_else(|| self.fault("Illegal Unicode escape sequence"))?;
            unit = unit * 16 + digit;
        }
        Ok(unit)
    }

    /// Names of characters are not known here.
    fn character_name(&mut self) -> super::parse::Fault {
        if self.read() != code('{') {
            return self.fault("Illegal character name escape sequence");
        }
        let mut name = String::new();
        loop {
            let c = self.read();
            if c == code('}') {
                return self.fault(format!("Unknown character name [{name}]"));
            }
            if self.cursor >= self.length {
                return self.fault("Unclosed character name escape sequence");
            }
            name.extend(char::from_u32(c));
        }
    }
}

fn hex(c: u32) -> Option<u32> {
    char::from_u32(c).filter(char::is_ascii_hexdigit).and_then(|c| c.to_digit(16))
}
