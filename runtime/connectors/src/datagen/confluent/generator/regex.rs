//! Regular expressions in the dialect of the automaton library that Confluent's generator uses.
//! They are rewritten in the dialect of `regex-syntax`, which reads them.

use regex_syntax::ParserBuilder;
use regex_syntax::hir::{Hir, HirKind};

use super::super::random::Random;
use super::automaton::{Automaton, Builder};

type Result<T> = std::result::Result<T, String>;

/// How deep groups may be nested, so that no walk over them runs out of stack.
const MAX_DEPTH: u32 = 100;
/// Where `length` does not say how long a text may be.
const CHARACTERS_MAX: usize = 64 * 1024;

const DIGITS: &str = "0-9";
const SPACES: &str = r" \t\n\x0C\r";
const WORD: &str = "a-zA-Z0-9_";

/// Gives texts that match.
#[derive(Debug)]
pub(super) struct Pattern {
    automaton: Automaton,
    min: usize,
    max: usize,
}

impl Pattern {
    /// Texts of at least `min` and at most `max` characters, if the expression has such.
    pub(super) fn new(text: &str, min: usize, max: Option<usize>) -> Result<Self> {
        let invalid = |reason: String| format!("Cannot use the regex {text:?}: {reason}");
        let automaton = translate(text).and_then(|text| compile(&text)).map_err(invalid)?;
        Ok(Self { automaton, min, max: max.unwrap_or_else(|| CHARACTERS_MAX.max(min)) })
    }

    pub(super) fn write(&self, random: &mut Random, out: &mut String) {
        self.automaton.walk(random, self.min, self.max, out);
    }
}

fn compile(text: &str) -> Result<Automaton> {
    let mut parser = ParserBuilder::new().dot_matches_new_line(true).nest_limit(MAX_DEPTH).build();
    let hir = parser.parse(text).map_err(|error| match error {
        regex_syntax::Error::Parse(error) => error.kind().to_string(),
        regex_syntax::Error::Translate(error) => error.kind().to_string(),
        other => other.to_string(),
    })?;
    let mut builder = Builder::default();
    let start = builder.state()?;
    let end = add(&mut builder, &hir, start)?;
    builder.build(start, end)
}

/// Adds what matches `hir` behind the state `from`; the state behind it.
fn add(builder: &mut Builder, hir: &Hir, from: usize) -> Result<usize> {
    match hir.kind() {
        HirKind::Empty => Ok(from),
        HirKind::Literal(literal) => {
            let text = std::str::from_utf8(&literal.0).map_err(|error| error.to_string())?;
            text.chars().try_fold(from, |from, c| builder.step(from, &[(c, c)]))
        }
        HirKind::Class(class) => {
            let ranges: Vec<(char, char)> = match class {
                regex_syntax::hir::Class::Unicode(class) => {
                    class.ranges().iter().map(|range| (range.start(), range.end())).collect()
                }
                regex_syntax::hir::Class::Bytes(class) => class
                    .ranges()
                    .iter()
                    .map(|range| (char::from(range.start()), char::from(range.end())))
                    .collect(),
            };
            if ranges.is_empty() {
                return Err("a class has no characters".to_owned());
            }
            builder.step(from, &ranges)
        }
        HirKind::Look(_) => Err("places between characters are not supported".to_owned()),
        HirKind::Capture(capture) => add(builder, &capture.sub, from),
        HirKind::Concat(list) => list.iter().try_fold(from, |from, hir| add(builder, hir, from)),
        HirKind::Alternation(list) => {
            let end = builder.state()?;
            for hir in list {
                // A state of its own: a loop at the begin of one must not lead into the others.
                let begin = builder.state()?;
                builder.link(from, begin);
                let last = add(builder, hir, begin)?;
                builder.link(last, end);
            }
            Ok(end)
        }
        HirKind::Repetition(repetition) => {
            let mut at = from;
            for _ in 0..repetition.min {
                at = add(builder, &repetition.sub, at)?;
            }
            let end = builder.state()?;
            match repetition.max {
                None => {
                    let begin = builder.state()?;
                    builder.link(at, begin);
                    let last = add(builder, &repetition.sub, begin)?;
                    builder.link(last, begin);
                    builder.link(begin, end);
                }
                Some(max) => {
                    for _ in repetition.min..max {
                        builder.link(at, end);
                        at = add(builder, &repetition.sub, at)?;
                    }
                    builder.link(at, end);
                }
            }
            Ok(end)
        }
    }
}

/// The same expression in the dialect of `regex-syntax`.
fn translate(text: &str) -> Result<String> {
    let mut out = String::with_capacity(text.len() + 8);
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        match c {
            '\\' => match rest.next() {
                Some('Q') => {
                    let (quoted, behind) =
                        rest.as_str().split_once("\\E").unwrap_or((rest.as_str(), ""));
                    regex_syntax::escape_into(quoted, &mut out);
                    rest = behind.chars();
                }
                Some(c) => match shorthand(c) {
                    Some(class) => out.push_str(&class),
                    None => escape(c, &mut out),
                },
                None => return Err("it ends with a backslash".to_owned()),
            },
            '"' => {
                let Some((quoted, behind)) = rest.as_str().split_once('"') else {
                    return Err("a quote is not closed".to_owned());
                };
                regex_syntax::escape_into(quoted, &mut out);
                rest = behind.chars();
            }
            '[' => class(&mut rest, &mut out)?,
            '@' => out.push_str("(?:.*)"),
            '#' | '&' | '~' | '<' => {
                return Err(format!(
                    "{c} is an operator that is not supported; write \\{c} for the character"
                ));
            }
            '(' if rest.as_str().starts_with('?') => {
                return Err("groups that begin with (? are not supported".to_owned());
            }
            '.' | '(' | ')' | '|' | '*' | '+' | '?' | '{' | '}' => out.push(c),
            // Without a meaning here: also ^ and $.
            c => escape(c, &mut out),
        }
    }
    Ok(out)
}

fn escape(c: char, out: &mut String) {
    if regex_syntax::is_meta_character(c) {
        out.push('\\');
    }
    out.push(c);
}

/// The class that a letter behind a backslash stands for.
fn shorthand(c: char) -> Option<String> {
    let (set, not) = match c {
        'd' => (DIGITS, ""),
        'D' => (DIGITS, "^"),
        's' => (SPACES, ""),
        'S' => (SPACES, "^"),
        'w' => (WORD, ""),
        'W' => (WORD, "^"),
        _ => return None,
    };
    Some(format!("[{not}{set}]"))
}

/// A class of characters, behind its opening bracket.
fn class(rest: &mut std::str::Chars<'_>, out: &mut String) -> Result<()> {
    let unclosed = || "a class of characters is not closed".to_owned();
    out.push('[');
    if rest.as_str().starts_with('^') {
        rest.next();
        out.push('^');
    }
    let begin = out.len();
    loop {
        match rest.next().ok_or_else(unclosed)? {
            ']' => break,
            // Between two characters it stands for those between them, elsewhere for itself.
            '-' if out.len() > begin && !rest.as_str().starts_with(']') => out.push('-'),
            '\\' => {
                let c = rest.next().ok_or_else(unclosed)?;
                match shorthand(c) {
                    Some(class) => out.push_str(&class),
                    None => escape(c, out),
                }
            }
            c => escape(c, out),
        }
    }
    out.push(']');
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_dialect_is_translated() {
        for (text, expected) in [
            ("a.c|d*", "a.c|d*"),
            ("^a$", r"\^a\$"),
            (r"\d\D\w", "[0-9][^0-9][a-zA-Z0-9_]"),
            (r"\Qa.b\E+", r"a\.b+"),
            (r#"x"a.b"y"#, r"xa\.by"),
            (r"[a-z\]\-[-]", r"[a-z\]\-\[\-]"),
            ("[^&-]", r"[^\&\-]"),
            (r"[-\d]", r"[\-[0-9]]"),
            ("@", "(?:.*)"),
            (r"a\bc\#", r"abc\#"),
            ("https://www[.]acme", r"https://www[\.]acme"),
        ] {
            assert_eq!(translate(text).as_deref(), Ok(expected), "{text}");
        }
        for text in ["a#", "a&b", "~a", "<1-9>", "(?:a)", "[a", "a\\", "\"a"] {
            assert!(translate(text).is_err(), "{text}");
        }
    }
}
