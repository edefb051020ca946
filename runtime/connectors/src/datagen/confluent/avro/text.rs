//! Text of JSON with Java's comments in it, which Avro's parser takes and `serde_json` does not.

/// The same text with blanks in place of comments, so that places in errors stay right. Line ends
/// stay.
pub(super) fn without_comments(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    let mut in_text = false;
    while let Some(c) = chars.next() {
        match (c, chars.peek()) {
            ('\\', Some(_)) if in_text => {
                out.push(c);
                out.extend(chars.next());
            }
            ('"', _) => {
                in_text = !in_text;
                out.push(c);
            }
            ('/', Some('/')) if !in_text => {
                out.push(' ');
                while chars.next_if(|c| *c != '\n').is_some() {
                    out.push(' ');
                }
            }
            ('/', Some('*')) if !in_text => {
                chars.next();
                out.push_str("  ");
                let mut last = ' ';
                for c in chars.by_ref() {
                    out.push(if c == '\n' { c } else { ' ' });
                    if last == '*' && c == '/' {
                        break;
                    }
                    last = c;
                }
            }
            _ => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_become_blanks() {
        for (text, expected) in [
            ("{} // end\n1", "{}       \n1"),
            ("[/* a\nb */1]", "[    \n    1]"),
            (r#"{"a":"// \" /* x"}"#, r#"{"a":"// \" /* x"}"#),
            ("1 /*/ 2 */ 3", "1          3"),
            ("1 /**/ 3", "1      3"),
            ("1 /** * **/ 3", "1           3"),
            ("/", "/"),
        ] {
            assert_eq!(without_comments(text), expected);
        }
    }
}
