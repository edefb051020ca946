//! Why a pattern is none, in the words of `PatternSyntaxException`.

/// The letters that mean something behind a backslash; all others are faults. The engine gives some
/// of them a meaning of its own, such as a call of a group, which can go on without end.
const ESCAPES: &str = "ABDGHNPQRSVWXZabcdefhknprstuvwxz";
/// The same within a character class.
const CLASS_ESCAPES: &str = "DHNPQSVWacdefhnprstuvwx";
/// The letters of `(?i)`, and what turns them off.
const FLAGS: &str = "idmsucxU-";

/// A fault, and its place in characters.
type Fault = (String, usize);

/// What Java would say of a pattern with one of the usual faults, `None` for any other.
pub(super) fn diagnose(pattern: &str) -> Option<String> {
    let (what, at) = faults(pattern).err()?;
    let mut message = format!("{what} near index {at}\n{pattern}");
    if at < pattern.chars().count() {
        message.push('\n');
        message.extend(std::iter::repeat_n(' ', at));
        message.push('^');
    }
    Some(message)
}

/// The first fault.
fn faults(pattern: &str) -> Result<(), Fault> {
    let chars: Vec<char> = pattern.chars().collect();
    let named = |what: &str, at: usize| Err((what.to_owned(), at));
    let mut groups = 0usize;
    let mut repeatable = false;
    let mut at = 0;
    while let Some(&c) = chars.get(at) {
        let next = chars.get(at + 1).copied();
        match c {
            '\\' => {
                at = end_of_escape(&chars, at, ESCAPES)?;
                repeatable = true;
            }
            '[' => {
                at = end_of_class(&chars, at)?;
                repeatable = true;
            }
            '(' => {
                repeatable = false;
                match end_of_flags(&chars, at)? {
                    // Flags alone: nothing that could be repeated.
                    Some(end) => at = end,
                    None => {
                        groups += 1;
                        // The question mark of (?…) repeats nothing.
                        at += usize::from(next == Some('?'));
                    }
                }
            }
            ')' if groups == 0 => return named("Unmatched closing ')'", at.saturating_sub(1)),
            ')' => {
                groups -= 1;
                repeatable = true;
            }
            '|' => repeatable = false,
            '*' | '+' | '?' if !repeatable => {
                return Err((format!("Dangling meta character '{c}'"), at));
            }
            '{' if !repeatable => return named("Illegal repetition", at + 1),
            '*' | '+' | '?' | '{' => {
                if c == '{' {
                    at = end_of_count(&chars, at)?;
                }
                // A second sign makes it lazy or possessive.
                at += usize::from(matches!(chars.get(at + 1), Some('?' | '+')));
                repeatable = false;
            }
            _ => repeatable = true,
        }
        at += 1;
    }
    if groups > 0 { named("Unclosed group", chars.len()) } else { Ok(()) }
}

/// The last character of an escape that begins at `start`, its name or quoted text included; `known`
/// are the letters that may follow.
fn end_of_escape(chars: &[char], start: usize, known: &str) -> Result<usize, Fault> {
    let named = |what: &str, at: usize| Err((what.to_owned(), at));
    let find = |from: usize, end: &[char]| {
        (from..chars.len()).find(|&at| chars.get(at..).is_some_and(|rest| rest.starts_with(end)))
    };
    let Some(&letter) = chars.get(start + 1) else {
        return named("Unescaped trailing backslash", chars.len());
    };
    if letter.is_ascii_alphabetic() && !known.contains(letter) {
        return named("Illegal/unsupported escape sequence", start + 1);
    }
    Ok(match (letter, chars.get(start + 2)) {
        // What is not closed is refused here: who goes on would look for the end again and again.
        ('p' | 'P', Some('{')) => match find(start + 3, &['}']) {
            Some(end) => end,
            None => return named("Unclosed character family", chars.len()),
        },
        ('x', Some('{')) => match find(start + 3, &['}']) {
            Some(end) => end,
            None => return named("Unclosed hexadecimal escape sequence", chars.len()),
        },
        ('k', Some('<')) => match find(start + 3, &['>']) {
            Some(end) => end,
            None => {
                return named("named capturing group is missing trailing '>'", chars.len());
            }
        },
        ('Q', _) => find(start + 2, &['\\', 'E']).map_or(chars.len(), |at| at + 1),
        ('c', _) => start + 2,
        _ => start + 1,
    })
}

/// The end of `(?i)`, if that is what begins at `start`; a fault where Java knows no such group.
fn end_of_flags(chars: &[char], start: usize) -> Result<Option<usize>, Fault> {
    if chars.get(start + 1) != Some(&'?') {
        return Ok(None);
    }
    let rest = chars.get(start + 2..).unwrap_or_default();
    let length = rest.iter().take_while(|c| FLAGS.contains(**c)).count();
    match rest.get(length) {
        Some(')') if length > 0 => Ok(Some(start + 2 + length)),
        Some(':') => Ok(None),
        Some('=' | '!' | '>' | '<') if length == 0 => Ok(None),
        _ => Err(("Unknown inline modifier".to_owned(), start + 2 + length)),
    }
}

/// The end of `{1}`, `{1,}` or `{1,2}`; else what Java says of it, and where.
fn end_of_count(chars: &[char], start: usize) -> Result<usize, Fault> {
    let digits = |from: usize| {
        let rest = chars.get(from..).unwrap_or_default();
        from + rest.iter().take_while(|c| c.is_ascii_digit()).count()
    };
    let mut at = digits(start + 1);
    if at == start + 1 {
        return Err(("Illegal repetition".to_owned(), start + 1));
    }
    if chars.get(at) == Some(&',') {
        at = digits(at + 1);
    }
    match chars.get(at) {
        Some('}') => Ok(at),
        _ => Err(("Unclosed counted closure".to_owned(), at)),
    }
}

/// The bracket that ends the class which begins at `start`.
fn end_of_class(chars: &[char], start: usize) -> Result<usize, Fault> {
    let mut depth = 0usize;
    let mut at = start;
    loop {
        match chars.get(at) {
            None => return Err(("Unclosed character class".to_owned(), chars.len() - 1)),
            Some('\\') => at = end_of_escape(chars, at, CLASS_ESCAPES)?,
            Some('[') => depth += 1,
            Some(']') if depth == 1 => return Ok(at),
            Some(']') => depth -= 1,
            Some(_) => {}
        }
        at += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::diagnose;

    #[test]
    fn faults_are_named_as_java_does() {
        for (pattern, message) in [
            ("*", "Dangling meta character '*' near index 0\n*\n^"),
            ("a|+", "Dangling meta character '+' near index 2\na|+\n  ^"),
            ("[", "Unclosed character class near index 0\n[\n^"),
            ("x[a", "Unclosed character class near index 2\nx[a\n  ^"),
            ("(a", "Unclosed group near index 2\n(a"),
            ("a)", "Unmatched closing ')' near index 0\na)\n^"),
            (r"a\g0", "Illegal/unsupported escape sequence near index 2\na\\g0\n  ^"),
            (r"[\b]", "Illegal/unsupported escape sequence near index 2\n[\\b]\n  ^"),
            (r"\p{L", "Unclosed character family near index 4\n\\p{L"),
            (r"[\x{4", "Unclosed hexadecimal escape sequence near index 5\n[\\x{4"),
            (r"\k<a", "named capturing group is missing trailing '>' near index 4\n\\k<a"),
            ("(?R)", "Unknown inline modifier near index 2\n(?R)\n  ^"),
            ("(?~a)", "Unknown inline modifier near index 2\n(?~a)\n  ^"),
            ("(?i-", "Unknown inline modifier near index 4\n(?i-"),
        ] {
            assert_eq!(diagnose(pattern).as_deref(), Some(message));
        }
        for good in [
            r"(?:a*?|b++)[a]]?",
            r"\p{L}+\Qa*(\E{2,}?x{3}+",
            "(?i)a",
            r"\x{41}|\k<n>",
            r"[\Q\g\E]",
            r"(?-i:a)(?<!b)(?>c)",
        ] {
            assert_eq!(diagnose(good), None, "{good}");
        }
    }
}
