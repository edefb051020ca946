//! `\p{…}`: properties by the names that Java gives them.

use super::ast::{Case, Set};
use super::parse::{Parsed, Parser, code};

impl Parser {
    /// The property whose name begins behind the cursor.
    pub(super) fn property(&mut self, one_letter: bool, negated: bool) -> Parsed<Set> {
        self.next();
        let name = if one_letter {
            let letter = self.at(self.cursor);
            self.read();
            char::from_u32(letter).map(String::from).unwrap_or_default()
        } else {
            let start = self.cursor;
            while self.cursor <= self.length && self.read() != code('}') {}
            let end = self.cursor;
            if end > self.length {
                return Err(self.fault("Unclosed character family"));
            }
            if start + 1 >= end {
                return Err(self.fault("Empty character family"));
            }
            let codes = self.codes.get(start..end - 1).unwrap_or_default();
            codes.iter().filter_map(|code| char::from_u32(*code)).collect()
        };
        self.named(&name).map(|set| set.negated(negated))
    }

    fn named(&self, name: &str) -> Parsed<Set> {
        let any_case = self.flags.case_insensitive;
        if let Some((key, value)) = name.split_once('=') {
            let key = key.to_lowercase();
            let found = match key.as_str() {
                "sc" | "script" => script(value),
                "blk" | "block" => block(value),
                "gc" | "general_category" => plain(value, any_case),
                _ => None,
            };
            return found.ok_or_else(|| {
                self.fault(format!("Unknown Unicode property {{name=<{key}>, value=<{value}>}}"))
            });
        }
        let found = if let Some(name) = name.strip_prefix("In") {
            block(name)
        } else if let Some(short) = name.strip_prefix("Is") {
            unicode(short, any_case).or_else(|| plain(short, any_case)).or_else(|| script(short))
        } else {
            let posix = self.flags.unicode_class.then(|| posix_unicode(name, any_case)).flatten();
            posix.or_else(|| plain(name, any_case))
        };
        found.ok_or_else(|| self.fault(format!("Unknown character property name {{{name}}}")))
    }
}

fn script(name: &str) -> Option<Set> {
    let text = format!("\\p{{sc={name}}}");
    let known = regex_name(name) && fancy_regex::Regex::new(&text).is_ok();
    known.then(|| Set::Members(text.into()))
}

fn block(name: &str) -> Option<Set> {
    super::blocks::find(name).map(|(first, last)| Set::Range(first, last, Case::Exact))
}

fn regex_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// Letters of either case, where case does not matter.
const CASED: &str = r"\p{Lu}\p{Ll}\p{Lt}";

/// General categories, POSIX classes (ASCII only) and `Character`'s methods.
fn plain(name: &str, any_case: bool) -> Option<Set> {
    let members = match name {
        "Lu" | "Ll" | "Lt" if any_case => CASED,
        "Cn" => r"\p{Cn}",
        "Lu" => r"\p{Lu}",
        "Ll" => r"\p{Ll}",
        "Lt" => r"\p{Lt}",
        "Lm" => r"\p{Lm}",
        "Lo" => r"\p{Lo}",
        "Mn" => r"\p{Mn}",
        "Me" => r"\p{Me}",
        "Mc" => r"\p{Mc}",
        "Nd" => r"\p{Nd}",
        "Nl" => r"\p{Nl}",
        "No" => r"\p{No}",
        "Zs" => r"\p{Zs}",
        "Zl" => r"\p{Zl}",
        "Zp" => r"\p{Zp}",
        "Cc" => r"\p{Cc}",
        "Cf" => r"\p{Cf}",
        "Co" => r"\p{Co}",
        // Surrogates do not stand alone in text.
        "Cs" => "",
        "Pd" => r"\p{Pd}",
        "Ps" => r"\p{Ps}",
        "Pe" => r"\p{Pe}",
        "Pc" => r"\p{Pc}",
        "Po" => r"\p{Po}",
        "Sm" => r"\p{Sm}",
        "Sc" => r"\p{Sc}",
        "Sk" => r"\p{Sk}",
        "So" => r"\p{So}",
        "Pi" => r"\p{Pi}",
        "Pf" => r"\p{Pf}",
        "L" => r"\p{L}",
        "M" => r"\p{M}",
        "N" => r"\p{N}",
        "Z" => r"\p{Z}",
        "C" => r"\p{C}",
        "P" => r"\p{P}",
        "S" => r"\p{S}",
        "LC" => CASED,
        "LD" => r"\p{L}\p{Nd}",
        "L1" => r"\x00-\x{FF}",
        "all" => r"\x00-\x{10FFFF}",
        "ASCII" => r"\x00-\x7F",
        "Alnum" => "a-zA-Z0-9",
        "Alpha" => "a-zA-Z",
        "Lower" | "Upper" if any_case => "a-zA-Z",
        "Lower" => "a-z",
        "Upper" => "A-Z",
        "Blank" => r" \t",
        "Cntrl" => r"\x00-\x1F\x7F",
        "Digit" => "0-9",
        "Graph" => "!-~",
        "Print" => " -~",
        "Punct" => r"!-/:-@\[-`{-~",
        "Space" => r" \t\n\x0B\x0C\r",
        "XDigit" => "0-9a-fA-F",
        _ => return java(name, any_case),
    };
    Some(set_of(members))
}

/// `Character.isLowerCase` and the like.
fn java(name: &str, any_case: bool) -> Option<Set> {
    Some(set_of(match name {
        "javaLowerCase" | "javaUpperCase" | "javaTitleCase" if any_case => {
            r"\p{Lowercase}\p{Uppercase}\p{Lt}"
        }
        "javaLowerCase" => r"\p{Lowercase}",
        "javaUpperCase" => r"\p{Uppercase}",
        "javaTitleCase" => r"\p{Lt}",
        "javaAlphabetic" => r"\p{Alphabetic}",
        "javaIdeographic" => r"\p{Ideographic}",
        "javaDigit" => r"\p{Nd}",
        "javaDefined" => r"\P{Cn}",
        "javaLetter" => r"\p{L}",
        "javaLetterOrDigit" => r"\p{L}\p{Nd}",
        "javaJavaIdentifierStart" => r"\p{L}\p{Nl}\p{Sc}\p{Pc}",
        "javaJavaIdentifierPart" => {
            r"\p{L}\p{Nl}\p{Sc}\p{Pc}\p{Nd}\p{Mc}\p{Mn}\p{Cf}\x00-\x08\x0E-\x1B\x7F-\x{9F}"
        }
        "javaUnicodeIdentifierStart" => r"\p{L}\p{Nl}\p{Other_ID_Start}",
        "javaUnicodeIdentifierPart" => {
            r"\p{L}\p{Nl}\p{Pc}\p{Nd}\p{Mc}\p{Mn}\p{Cf}\x00-\x08\x0E-\x1B\x7F-\x{9F}"
        }
        "javaIdentifierIgnorable" => r"\p{Cf}\x00-\x08\x0E-\x1B\x7F-\x{9F}",
        "javaSpaceChar" => r"\p{Z}",
        "javaWhitespace" => {
            r"\t\n\x0B\x0C\r\x1C-\x20\x{1680}\x{2000}-\x{2006}\x{2008}-\x{200A}\x{2028}\x{2029}\x{205F}\x{3000}"
        }
        "javaISOControl" => r"\x00-\x1F\x7F-\x{9F}",
        "javaMirrored" => r"\p{Bidi_Mirrored}",
        _ => return None,
    }))
}

/// Binary properties of Unicode, in any case of letters.
fn unicode(name: &str, any_case: bool) -> Option<Set> {
    let upper = name.to_uppercase();
    Some(set_of(match upper.as_str() {
        "LOWERCASE" | "UPPERCASE" | "TITLECASE" if any_case => r"\p{Lowercase}\p{Uppercase}\p{Lt}",
        "ALPHABETIC" => r"\p{Alphabetic}",
        "LETTER" => r"\p{L}",
        "IDEOGRAPHIC" => r"\p{Ideographic}",
        "EMOJI" | "EMOJI_PRESENTATION" | "EMOJI_MODIFIER" => return None,
        "LOWERCASE" => r"\p{Lowercase}",
        "UPPERCASE" => r"\p{Uppercase}",
        "TITLECASE" => r"\p{Lt}",
        "WHITE_SPACE" | "WHITESPACE" => r"\p{White_Space}",
        "CONTROL" => r"\p{Cc}",
        "PUNCTUATION" => r"\p{P}",
        "HEX_DIGIT" | "HEXDIGIT" => {
            r"\p{Nd}\x{FF10}-\x{FF19}A-Fa-f\x{FF21}-\x{FF26}\x{FF41}-\x{FF46}"
        }
        "ASSIGNED" => r"\P{Cn}",
        "NONCHARACTER_CODE_POINT" | "NONCHARACTERCODEPOINT" => r"\p{Noncharacter_Code_Point}",
        "DIGIT" => r"\p{Nd}",
        "ALNUM" => r"\p{Alphabetic}\p{Nd}",
        "BLANK" => r"\p{Zs}\t",
        "GRAPH" => return Some(graph()),
        "PRINT" => return Some(graph().or(set_of(r"\p{Zs}"))),
        "WORD" => r"\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}",
        "JOIN_CONTROL" | "JOINCONTROL" => r"\p{Join_Control}",
        _ => return None,
    }))
}

fn graph() -> Set {
    Set::Not(Box::new(set_of(r"\p{White_Space}\p{Cc}\p{Cn}")))
}

/// POSIX classes where the flag `U` is set.
fn posix_unicode(name: &str, any_case: bool) -> Option<Set> {
    let same = match name.to_uppercase().as_str() {
        "ALPHA" => "ALPHABETIC",
        "LOWER" => "LOWERCASE",
        "UPPER" => "UPPERCASE",
        "SPACE" => "WHITE_SPACE",
        "PUNCT" => "PUNCTUATION",
        "XDIGIT" => "HEX_DIGIT",
        "ALNUM" => "ALNUM",
        "CNTRL" => "CONTROL",
        "DIGIT" => "DIGIT",
        "BLANK" => "BLANK",
        "GRAPH" => "GRAPH",
        "PRINT" => "PRINT",
        _ => return None,
    };
    unicode(same, any_case)
}

fn set_of(members: &'static str) -> Set {
    if members.is_empty() { Set::Union(Vec::new()) } else { Set::members(members) }
}
