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
    let mut groups = 0usize;
    let mut repeatable = false;
    let mut at = 0;
    while let Some(&c) = chars.get(at) {
        let next = chars.get(at + 1).copied();
        match c {
            '\\' if next.is_none() => {
                return Some(("Unescaped trailing backslash".to_owned(), chars.len()));
            }
            '\\' => {
                at += 1;
                repeatable = true;
            }
            '[' => match end_of_class(&chars, at) {
                Some(end) => {
                    at = end;
                    repeatable = true;
                }
                None => {
                    let last = chars.len() - 1;
                    return Some(("Unclosed character class".to_owned(), last));
                }
            },
            '(' => {
                groups += 1;
                repeatable = false;
                // The question mark of (?…) repeats nothing.
                at += usize::from(next == Some('?'));
            }
            ')' if groups == 0 => {
                return Some(("Unmatched closing ')'".to_owned(), at.saturating_sub(1)));
            }
            ')' => {
                groups -= 1;
                repeatable = true;
            }
            '|' => repeatable = false,
            '*' | '+' | '?' if !repeatable => {
                return Some((format!("Dangling meta character '{c}'"), at));
            }
            '*' | '+' | '?' => {
                // A second sign makes it lazy or possessive.
                at += usize::from(matches!(next, Some('?' | '+')));
                repeatable = false;
            }
            '{' if !repeatable => return Some(("Illegal repetition".to_owned(), at)),
            _ => repeatable = true,
        }
        at += 1;
    }
    (groups > 0).then(|| ("Unclosed group".to_owned(), chars.len()))
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
        assert_eq!(diagnose("(?:a*?|b++)[]]?"), None);
    }
}
