//! Expressions as texts: where one ends, and whether it is small enough to be parsed. Both the
//! parser and the interpreter call themselves once for each level, so the levels are counted first,
//! in the tokens that the parser itself sees.

use cel::parser::pratt_parser::{Lexer, Token, TokenKind};

use super::show::cut;

/// Most bytes of one expression.
pub(super) const EXPRESSION_BYTES_MAX: usize = 4096;
/// How deep brackets may stand in each other.
const BRACKETS_MAX: usize = 16;
/// How deep operators and brackets together may stand in each other: the interpreter takes up to
/// 30 KiB of a thread's 2 MiB for each when it is built without optimising.
const LEVELS_MAX: usize = 32;
/// A level in the unit they are counted in.
const LEVEL: usize = 4;
/// A selection, which the binder alone goes through level by level.
const SELECTION: usize = 1;

/// The tokens of a text, as the parser will see them.
fn tokens(text: &str) -> impl Iterator<Item = Token> {
    let mut lexer = Lexer::new(text);
    std::iter::from_fn(move || Some(lexer.lex()).filter(|token| token.kind != TokenKind::TokEnd))
}

/// `name = expression` or `name: TYPE = expression`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Definition<'a> {
    pub(super) name: &'a str,
    pub(super) declared: Option<&'a str>,
    pub(super) expression: &'a str,
}

/// The definitions in a text, divided by semicolons.
pub(super) fn definitions(text: &str) -> Result<Vec<Definition<'_>>, String> {
    let mut all = Vec::new();
    let mut start = 0;
    // No token of CEL's, and so an error of the lexer, that goes on behind it.
    let ends = tokens(text)
        .filter(|token| text.get(token.start..token.end) == Some(";"))
        .map(|token| token.start);
    for end in ends.chain([text.len()]) {
        let piece = text.get(start..end).unwrap_or_default();
        start = end + 1;
        if !piece.trim().is_empty() {
            all.push(definition(piece.trim())?);
        }
    }
    Ok(all)
}

fn definition(text: &str) -> Result<Definition<'_>, String> {
    let mut colon = None;
    let mut assign = None;
    for token in tokens(text) {
        match token.kind {
            TokenKind::TokColon if colon.is_none() => colon = Some(token.start),
            TokenKind::TokEqual => {
                assign = Some(token.start);
                break;
            }
            _ => {}
        }
    }
    let Some(assign) = assign else {
        return Err(format!("`{}` has no name: write name = expression", cut(text)));
    };
    let cut = |from: usize, to: usize| text.get(from..to).unwrap_or_default().trim();
    let name_end = colon.unwrap_or(assign);
    Ok(Definition {
        name: name(cut(0, name_end), text)?,
        declared: colon.map(|colon| cut(colon + 1, assign)),
        expression: cut(assign + 1, text.len()),
    })
}

/// A name as it is, or in backticks.
fn name<'a>(name: &'a str, definition: &str) -> Result<&'a str, String> {
    if let Some(inner) = name.strip_prefix('`').and_then(|rest| rest.strip_suffix('`'))
        && !inner.is_empty()
        && !inner.contains('`')
    {
        return Ok(inner);
    }
    let is_plain = |c: char| c.is_alphanumeric() || c == '_';
    if !name.is_empty() && name.chars().all(is_plain) {
        return Ok(name);
    }
    Err(format!(
        "`{}` must begin with the name of a field and =; a name of other characters than letters, digits and _ \
         stands in backticks",
        cut(definition)
    ))
}

/// What stands between two brackets, as far as it was gone through. The parser puts `a && b && c`
/// into as few levels as it can; `?` stands in the last part of the one before it; all else joins
/// what stands beside it.
#[derive(Default)]
struct Level {
    /// What closes it; `None` for the whole expression.
    close: Option<TokenKind>,
    ands: usize,
    ors: usize,
    questions: usize,
    term: usize,
    longest_term: usize,
    /// The deepest of the brackets in it.
    inner: usize,
    /// The deepest of the parts between commas that are over.
    deepest: usize,
}

impl Level {
    fn end_of_term(&mut self, counted: impl FnOnce(&mut Self)) {
        counted(self);
        self.longest_term = self.longest_term.max(self.term);
        self.term = 0;
    }

    fn depth(&self) -> usize {
        let joined = |count: usize| (usize::BITS - count.leading_zeros()) as usize;
        let levels = self.questions + joined(self.ands) + joined(self.ors);
        self.deepest.max(levels * LEVEL + self.longest_term.max(self.term) + self.inner)
    }

    fn end_of_part(&mut self) {
        *self = Self { close: self.close, deepest: self.depth(), ..Self::default() };
    }
}

/// Checks that an expression is small enough for all that works on it level by level.
pub(super) fn check_size(text: &str) -> Result<(), String> {
    if text.len() > EXPRESSION_BYTES_MAX {
        return Err(format!(
            "it has {} bytes, and {EXPRESSION_BYTES_MAX} are the most: divide it into several fields",
            text.len()
        ));
    }
    let mut levels = vec![Level::default()];
    let mut lexer = Lexer::new(text);
    loop {
        let token = lexer.lex();
        match token.kind {
            TokenKind::TokEnd if levels.len() > 1 => {
                return Err("a bracket is not closed".to_owned());
            }
            TokenKind::TokEnd => return Ok(()),
            TokenKind::TokError => {
                let what = lexer.get_error().map_or("", |error| &error.message);
                return Err(format!("at column {}: {what}", column(text, token.start)));
            }
            TokenKind::TokEqual => {
                return Err("= compares nothing: write == to compare, and ; before the next field"
                    .to_owned());
            }
            kind if count(kind, &mut levels) => {}
            _ => {
                let at = column(text, token.start);
                return Err(format!("at column {at}: the bracket closes none that is open"));
            }
        }
        let too_deep = levels.iter().any(|level| level.depth() > LEVELS_MAX * LEVEL);
        if too_deep || levels.len() > BRACKETS_MAX + 1 {
            return Err(format!(
                "it is too deep: at most {BRACKETS_MAX} brackets and {LEVELS_MAX} operators may stand in each \
                 other; divide it into several fields"
            ));
        }
    }
}

fn column(text: &str, at: usize) -> usize {
    text.get(..at).map_or(0, |before| before.chars().count()) + 1
}

/// Counts a token. False for a bracket that closes what is not open: the parser would go on in its
/// own way, and deeper than what is counted here.
fn count(kind: TokenKind, levels: &mut Vec<Level>) -> bool {
    use TokenKind as Kind;
    let Some(level) = levels.last_mut() else { return false };
    match kind {
        Kind::TokLogicalAnd => level.end_of_term(|level| level.ands += 1),
        Kind::TokLogicalOr => level.end_of_term(|level| level.ors += 1),
        Kind::TokQuestion => level.end_of_term(|level| level.questions += 1),
        Kind::TokColon => level.end_of_term(|_| {}),
        Kind::TokComma => level.end_of_part(),
        Kind::TokDot => level.term += SELECTION,
        Kind::TokLeftBracket | Kind::TokLeftBrace | Kind::TokLeftParen => {
            level.term += LEVEL;
            levels.push(Level {
                close: Some(match kind {
                    Kind::TokLeftBracket => Kind::TokRightBracket,
                    Kind::TokLeftBrace => Kind::TokRightBrace,
                    _ => Kind::TokRightParen,
                }),
                ..Level::default()
            });
        }
        Kind::TokRightBracket | Kind::TokRightBrace | Kind::TokRightParen => {
            if level.close != Some(kind) {
                return false;
            }
            let inner = level.depth();
            levels.pop();
            if let Some(outer) = levels.last_mut() {
                outer.inner = outer.inner.max(inner);
            }
        }
        Kind::TokIn
        | Kind::TokMinus
        | Kind::TokPlus
        | Kind::TokAsterisk
        | Kind::TokSlash
        | Kind::TokPercent
        | Kind::TokExclamation
        | Kind::TokEqualEqual
        | Kind::TokExclamationEqual
        | Kind::TokLess
        | Kind::TokLessEqual
        | Kind::TokGreater
        | Kind::TokGreaterEqual => level.term += LEVEL,
        _ => {}
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(text: &str) -> (String, Option<String>, String) {
        let all = definitions(text).expect("definitions");
        let [definition] = all.as_slice() else { panic!("one: {all:?}") };
        let own = str::to_owned;
        (own(definition.name), definition.declared.map(own), own(definition.expression))
    }

    #[test]
    fn definitions_are_divided_outside_of_quotes() {
        let all = definitions(
            "a = 'x;y' + r'\\' ; b: INT32 = value.x == 1 ? 2 : 3;\n `c-d`= \"\"\"a\";\"\"\";",
        )
        .expect("three");
        let names: Vec<_> = all.iter().map(|d| (d.name, d.declared, d.expression)).collect();
        assert_eq!(
            names,
            [
                ("a", None, "'x;y' + r'\\'"),
                ("b", Some("INT32"), "value.x == 1 ? 2 : 3"),
                ("c-d", None, "\"\"\"a\";\"\"\""),
            ]
        );
        assert_eq!(one("a = 'it\\'s; ' // ; no\n + 'b'").2, "'it\\'s; ' // ; no\n + 'b'");
        assert_eq!(definitions(" ; \n").expect("none"), []);
    }

    #[test]
    fn what_is_no_definition_is_said() {
        for text in ["value.a * 2", "a == 1", "", "a b = 1", "= 1", "`` = 1", "value.x = 3"] {
            let found = definitions(text);
            assert!(found.is_err() || text.is_empty(), "{text}: {found:?}");
        }
    }

    #[test]
    fn deep_and_long_expressions_are_refused() {
        let refused = |text: &str| check_size(text).is_err();
        assert!(refused(&"a".repeat(EXPRESSION_BYTES_MAX + 1)));
        assert!(refused(&"(".repeat(17)));
        assert!(!refused(&format!("{}1{}", "(".repeat(16), ")".repeat(16))));
        for unit in ["!", "-", "1+", "a?b:", "a.a.a.a.", "x in ", "[0]", "f(1).", "1<"] {
            assert!(refused(&format!("{}a", unit.repeat(33))), "{unit}");
            assert!(!refused(&format!("{}a", unit.repeat(25))), "{unit}");
        }
        assert!(!refused(&format!("{}a", "value.a == 1 && value.b + 2 > 3 || ".repeat(100))));
        assert!(!refused(&format!("{}'z'", "value.a == 1 ? 'x' : ".repeat(30))));
        assert!(!refused(&format!("f({}1)", "1,".repeat(500))));
        for text in ["(1]", "1)", "f((1)", "[1, {2: 3]}"] {
            assert!(refused(text), "{text}");
        }
        assert!(refused("'abc"));
        assert!(refused("a = 1"));
    }
}
