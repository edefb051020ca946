//! Why a pattern is none, in the words of `PatternSyntaxException`.

/// What Java would say of a pattern with one of the usual faults, `None` for any other.
pub(super) fn diagnose(pattern: &str) -> Option<String> {
    let (what, at) = fault(pattern)?;
    let mut message = format!("{what} near index {at}\n{pattern}");
    if at < pattern.chars().count() {
        message.push('\n');
        message.extend(std::iter::repeat_n(' ', at));
        message.push('^');
    }
    Some(message)
}

/// The first fault and its place in characters.
fn fault(pattern: &str) -> Option<(String, usize)> {
    let chars: Vec<char> = pattern.chars().collect();
    let named = |what: &str, at: usize| Some((what.to_owned(), at));
    let mut groups = 0usize;
    let mut repeatable = false;
    let mut at = 0;
    while let Some(&c) = chars.get(at) {
        let next = chars.get(at + 1).copied();
        match c {
            '\\' => match end_of_escape(&chars, at) {
                Some(end) => {
                    at = end;
                    repeatable = true;
                }
                None => return named("Unescaped trailing backslash", chars.len()),
            },
            '[' => match end_of_class(&chars, at) {
                Some(end) => {
                    at = end;
                    repeatable = true;
                }
                None => return named("Unclosed character class", chars.len() - 1),
            },
            '(' => match end_of_flags(&chars, at) {
                // Flags alone: nothing that could be repeated.
                Some(end) => {
                    at = end;
                    repeatable = false;
                }
                None => {
                    groups += 1;
                    repeatable = false;
                    // The question mark of (?…) repeats nothing.
                    at += usize::from(next == Some('?'));
                }
            },
            ')' if groups == 0 => return named("Unmatched closing ')'", at.saturating_sub(1)),
            ')' => {
                groups -= 1;
                repeatable = true;
            }
            '|' => repeatable = false,
            '*' | '+' | '?' if !repeatable => {
                return Some((format!("Dangling meta character '{c}'"), at));
            }
            '{' if !repeatable => return named("Illegal repetition", at + 1),
            '*' | '+' | '?' | '{' => {
                if c == '{' {
                    at = match end_of_count(&chars, at) {
                        Ok(end) => end,
                        Err((what, at)) => return named(what, at),
                    };
                }
                // A second sign makes it lazy or possessive.
                at += usize::from(matches!(chars.get(at + 1), Some('?' | '+')));
                repeatable = false;
            }
            _ => repeatable = true,
        }
        at += 1;
    }
    (groups > 0).then(|| ("Unclosed group".to_owned(), chars.len()))
}

/// The last character of an escape that begins at `start`, its name or quoted text included.
fn end_of_escape(chars: &[char], start: usize) -> Option<usize> {
    let find = |from: usize, end: &[char]| {
        (from..chars.len()).find(|&at| chars.get(at..).is_some_and(|rest| rest.starts_with(end)))
    };
    Some(match chars.get(start + 1)? {
        'p' | 'P' | 'x' | 'k' if matches!(chars.get(start + 2), Some('{' | '<')) => {
            let close = if chars.get(start + 2) == Some(&'{') { '}' } else { '>' };
            find(start + 3, &[close]).unwrap_or(start + 1)
        }
        'Q' => find(start + 2, &['\\', 'E']).map_or(chars.len(), |at| at + 1),
        'c' => start + 2,
        _ => start + 1,
    })
}

/// The end of `(?i)`, if that is what begins at `start`.
fn end_of_flags(chars: &[char], start: usize) -> Option<usize> {
    if chars.get(start + 1) != Some(&'?') {
        return None;
    }
    let flags = chars.get(start + 2..)?;
    let length = flags.iter().take_while(|c| c.is_ascii_alphabetic() || **c == '-').count();
    (length > 0 && flags.get(length) == Some(&')')).then(|| start + 2 + length)
}

/// The end of `{1}`, `{1,}` or `{1,2}`; else what Java says of it, and where.
fn end_of_count(chars: &[char], start: usize) -> Result<usize, (&'static str, usize)> {
    let digits = |from: usize| {
        let rest = chars.get(from..).unwrap_or_default();
        from + rest.iter().take_while(|c| c.is_ascii_digit()).count()
    };
    let mut at = digits(start + 1);
    if at == start + 1 {
        return Err(("Illegal repetition", start + 1));
    }
    if chars.get(at) == Some(&',') {
        at = digits(at + 1);
    }
    if chars.get(at) == Some(&'}') { Ok(at) } else { Err(("Unclosed counted closure", at)) }
}

/// The bracket that ends the class which begins at `start`.
fn end_of_class(chars: &[char], start: usize) -> Option<usize> {
    let mut depth = 0usize;
    let mut at = start;
    loop {
        match chars.get(at)? {
            '\\' => at += 1,
            '[' => depth += 1,
            ']' if depth == 1 => return Some(at),
            ']' => depth -= 1,
            _ => {}
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
        ] {
            assert_eq!(diagnose(pattern).as_deref(), Some(message));
        }
        for good in [r"(?:a*?|b++)[a]]?", r"\p{L}+\Qa*(\E{2,}?x{3}+", "(?i)a", r"\x{41}|\k<n>"] {
            assert_eq!(diagnose(good), None, "{good}");
        }
    }
}
