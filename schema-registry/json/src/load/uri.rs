//! URIs and references relative to them, as `java.net.URI` resolves them.

/// Whether `java.net.URI` reads a text.
pub(crate) fn is_valid(text: &str) -> bool {
    let (before, fragment) = text.split_once('#').unwrap_or((text, ""));
    let (path, query) = before.split_once('?').unwrap_or((before, ""));
    let colon =
        path.find(':').filter(|colon| !path.get(..*colon).unwrap_or_default().contains('/'));
    if colon.is_some() && after_scheme(path) == 0 {
        return false;
    }
    let path = path.get(after_scheme(path)..).unwrap_or_default();
    let authority = path.strip_prefix("//").map_or("", |rest| rest.split('/').next().unwrap_or(""));
    let path =
        path.strip_prefix("//").and_then(|rest| rest.strip_prefix(authority)).unwrap_or(path);
    // Brackets are for addresses, and have no meaning in a query and in a fragment.
    !path.contains(['[', ']'])
        && !fragment.contains('#')
        && [path, authority, query, fragment].into_iter().all(has_uri_characters)
}

fn has_uri_characters(text: &str) -> bool {
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        let is_fine = match c {
            '%' => {
                let mut is_digit = || chars.next().is_some_and(|c| c.is_ascii_hexdigit());
                is_digit() && is_digit()
            }
            '"' | '<' | '>' | '\\' | '^' | '`' | '{' | '|' | '}' => false,
            c => !c.is_control() && !c.is_whitespace(),
        };
        if !is_fine {
            return false;
        }
    }
    true
}

/// The part before the fragment, and the fragment without its mark.
pub(crate) fn split_fragment(uri: &str) -> (&str, &str) {
    uri.split_once('#').unwrap_or((uri, ""))
}

/// Where the part behind the scheme begins: `0` if there is no scheme.
fn after_scheme(uri: &str) -> usize {
    let Some(colon) = uri.find(':') else { return 0 };
    let scheme = uri.get(..colon).unwrap_or_default();
    let is_scheme = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c));
    if is_scheme { colon + 1 } else { 0 }
}

/// Resolves a reference against a URI. The result has no `.` segments and no `..` that another
/// segment pays for.
pub(crate) fn join(base: &str, reference: &str) -> String {
    let (base, _) = split_fragment(base);
    if reference.is_empty() || reference.starts_with('#') {
        return format!("{base}{reference}");
    }
    let opaque = after_scheme(base) > 0
        && !base.get(after_scheme(base)..).unwrap_or_default().starts_with('/');
    if after_scheme(reference) > 0 || opaque {
        return reference.to_owned();
    }
    let (scheme, rest) = base.split_at_checked(after_scheme(base)).unwrap_or(("", base));
    if reference.starts_with("//") {
        return format!("{scheme}{reference}");
    }
    let authority = match rest.strip_prefix("//") {
        Some(after) => after.find('/').map_or(rest.len(), |slash| slash + 2),
        None => 0,
    };
    let (authority, path) = rest.split_at_checked(authority).unwrap_or(("", rest));
    let (path, _) = path.split_once('?').unwrap_or((path, ""));
    let tail = reference.find(['?', '#']).unwrap_or(reference.len());
    let (target, tail) = reference.split_at_checked(tail).unwrap_or((reference, ""));
    let merged = if target.is_empty() {
        path.to_owned()
    } else if target.starts_with('/') {
        without_dots(target)
    } else {
        let folder = path.rfind('/').map_or("", |slash| path.get(..=slash).unwrap_or_default());
        let slash = if folder.is_empty() && !authority.is_empty() { "/" } else { "" };
        without_dots(&format!("{slash}{folder}{target}"))
    };
    format!("{scheme}{authority}{merged}{tail}")
}

fn without_dots(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    for segment in path.split('/') {
        match segment {
            "." => (),
            ".." if kept.last().is_some_and(|last| !last.is_empty() && *last != "..") => {
                kept.pop();
            }
            segment => kept.push(segment),
        }
    }
    if path.ends_with("/.") || path.ends_with("/..") {
        kept.push("");
    }
    kept.join("/")
}

/// A segment of a JSON pointer in a fragment, without its escapes.
pub(crate) fn unescape(token: &str) -> String {
    let mut bytes = Vec::with_capacity(token.len());
    let mut rest = token.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let code = after
            .get(..2)
            .filter(|_| byte == b'%')
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match code {
            Some(code) => {
                bytes.push(code);
                rest = after.get(2..).unwrap_or_default();
            }
            None => {
                bytes.push(byte);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).replace("~1", "/").replace("~0", "~")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_resolved() {
        for (base, reference, joined) in [
            ("", "other.json", "other.json"),
            ("", "./other.json", "other.json"),
            ("", "#/definitions/a", "#/definitions/a"),
            ("root.json", "other.json#/a", "other.json#/a"),
            ("root.json#x", "#y", "root.json#y"),
            ("root.json", "", "root.json"),
            ("http://x.org/a/b.json", "c.json", "http://x.org/a/c.json"),
            ("http://x.org/a/b.json", "../c.json#d", "http://x.org/c.json#d"),
            ("http://x.org/a/b.json", "/c.json", "http://x.org/c.json"),
            ("http://x.org", "c.json", "http://x.org/c.json"),
            ("http://x.org/a?q=1", "#f", "http://x.org/a?q=1#f"),
            ("http://x.org/a", "//y.org/b", "http://y.org/b"),
            ("http://x.org/a", "urn:b", "urn:b"),
            ("urn:a", "b", "b"),
            ("urn:a", "#b", "urn:a#b"),
            ("a/b", "../../c", "../c"),
            ("http://x.org/a/b/", "..", "http://x.org/a/"),
            ("a:b:c", "?q", "?q"),
        ] {
            assert_eq!(join(base, reference), joined, "{base} {reference}");
        }
    }

    #[test]
    fn texts_are_uris_or_not() {
        for text in [
            "",
            "a/b.json#/c~1d",
            "http://[::1]:80/a?b[]#c[0]",
            "urn:a:b",
            "#/definitions/R\u{ab}T\u{bb}",
            "a/b:c",
            "#/a%20b",
        ] {
            assert!(is_valid(text), "{text}");
        }
        for text in [
            "a b", "#/Map<K>", "#a#b", "a[0]", ":a", "1a:b", "100%", "%2", "a\\b", "#/{x}",
            "a\u{a0}b",
        ] {
            assert!(!is_valid(text), "{text}");
        }
    }

    #[test]
    fn pointers_are_unescaped() {
        assert_eq!(unescape("a~1b~0c"), "a/b~c");
        assert_eq!(unescape("%25%C3%A9"), "%é");
        assert_eq!(unescape("100%"), "100%");
        assert_eq!(unescape("%zz"), "%zz");
        assert_eq!(unescape("a+b"), "a+b");
    }
}
