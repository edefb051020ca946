//! What `PatternSyntaxException` says.

use super::parse::Fault;

/// The fault, the pattern, and a mark below the place.
pub(super) fn message(pattern: &str, fault: &Fault) -> String {
    let Some(at) = fault.at else { return format!("{}\n{pattern}", fault.what) };
    let mut message = format!("{} near index {at}\n{pattern}", fault.what);
    if at < pattern.encode_utf16().count() {
        message.push('\n');
        // Tabs stay, so that the mark stands below its place.
        let units: Vec<u16> = pattern.encode_utf16().take(at).collect();
        message.extend(units.iter().map(|unit| if *unit == 9 { '\t' } else { ' ' }));
        message.push('^');
    }
    message
}

#[cfg(test)]
mod tests {
    use super::message;
    use crate::regex::parse::parse;

    #[test]
    fn faults_are_named_as_java_does() {
        for (pattern, text) in [
            ("*", "Dangling meta character '*' near index 0\n*\n^"),
            ("a|+", "Dangling meta character '+' near index 2\na|+\n  ^"),
            ("[", "Unclosed character class near index 0\n[\n^"),
            ("x[a", "Unclosed character class near index 2\nx[a\n  ^"),
            ("(a", "Unclosed group near index 2\n(a"),
            (")", "Unmatched closing ')'\n)"),
            ("\\", "Unexpected internal error near index 1\n\\"),
            ("a)", "Unmatched closing ')' near index 0\na)\n^"),
        ] {
            let fault = parse(pattern).expect_err(pattern);
            assert_eq!(message(pattern, &fault), text);
        }
        for good in
            [r"(?:a*?|b++)[a]]?", r"\p{L}+\Qa*(\E{2,}?x{3}+", "(?i)a", r"\x{41}|(?<n>)\k<n>"]
        {
            assert!(parse(good).is_ok(), "{good}");
        }
    }
}
