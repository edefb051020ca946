//! Paths: which are refused before any endpoint is looked for, and how names are written in
//! them.

/// What is to be done with a request's path.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Path {
    /// Look for an endpoint under this path, still percent-encoded.
    Clean(String),
    /// 400 with this reason.
    Bad(&'static str),
}

/// The reason where an encoding is broken.
pub(crate) const UNREADABLE: &str = "Bad Request";

/// Cleans a raw path: one trailing slash and path parameters (`;…`) are dropped; what could be
/// read in two ways is refused, as Kafka Connect's server refuses it.
pub(crate) fn clean(raw: &str) -> Path {
    let Some(rest) = raw.strip_prefix('/') else { return Path::Bad("Bad URI path") };
    if raw.contains("//") {
        return Path::Bad("Ambiguous URI empty segment");
    }
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    let mut path = String::with_capacity(raw.len());
    let mut was_empty = false;
    for segment in rest.split('/') {
        if was_empty {
            // Without its parameters nothing is left of `/;a/`.
            return Path::Bad("Ambiguous URI empty segment");
        }
        let segment = segment.split(';').next().unwrap_or_default();
        was_empty = segment.is_empty();
        if let Some(reason) = fault(segment) {
            return Path::Bad(reason);
        }
        path.push('/');
        path.push_str(segment);
    }
    if was_empty && path.len() > 1 {
        path.pop();
    }
    Path::Clean(path)
}

/// Why a segment is refused. `.` and `..` as written are names like others.
fn fault(segment: &str) -> Option<&'static str> {
    if segment.bytes().any(|byte| {
        matches!(
            byte,
            b'{' | b'}' | b'[' | b']' | b'|' | b'^' | b'`' | b'"' | b'<' | b'>' | b'\\' | b' '
        )
    }) {
        return Some("Illegal Path Character");
    }
    let Some(decoded) = decode(segment) else { return Some(UNREADABLE) };
    let encoded = |byte: u8| decoded.iter().any(|&(b, was_encoded)| was_encoded && b == byte);
    if encoded(0) {
        return Some(UNREADABLE);
    }
    if encoded(b'/') {
        return Some("Ambiguous URI path separator");
    }
    if encoded(b'%') {
        return Some("Ambiguous URI path encoding");
    }
    if encoded(b'\\') || decoded.iter().any(|&(byte, _)| byte.is_ascii_control()) {
        return Some("Suspicious Path Character");
    }
    let bytes: Vec<u8> = decoded.iter().map(|&(byte, _)| byte).collect();
    match std::str::from_utf8(&bytes) {
        Err(_) => Some("Bad UTF-8 encoding"),
        Ok("." | "..") if segment.contains('%') => Some("Ambiguous URI path segment"),
        Ok(_) => None,
    }
}

/// The bytes of a segment, each with whether it was percent-encoded; `None` if an encoding is
/// broken.
fn decode(segment: &str) -> Option<Vec<(u8, bool)>> {
    let mut decoded = Vec::with_capacity(segment.len());
    let mut bytes = segment.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            decoded.push((byte, false));
            continue;
        }
        let high = char::from(bytes.next()?).to_digit(16)?;
        let low = char::from(bytes.next()?).to_digit(16)?;
        decoded.push((u8::try_from(high * 16 + low).ok()?, true));
    }
    Some(decoded)
}

/// Encodes a name for a path as Kafka Connect does in `Location`: letters, digits and
/// `-._~!$&'()*+,;=:@/` stay as they are, and so does what looks encoded. (A name with `%` cannot
/// be addressed in any way.)
pub(crate) fn encode_name(name: &str) -> String {
    let mut encoded = String::with_capacity(name.len());
    let mut rest = name;
    while let Some(at) = rest.find('%') {
        let (before, after) = rest.split_at(at);
        encoded.push_str(&encode(before, KEPT_IN_LOCATION));
        let looks_encoded =
            after.as_bytes().get(1..3).is_some_and(|hex| hex.iter().all(u8::is_ascii_hexdigit));
        encoded.push_str(if looks_encoded { "%" } else { "%25" });
        rest = &after[1..];
    }
    encoded.push_str(&encode(rest, KEPT_IN_LOCATION));
    encoded
}

const KEPT_IN_LOCATION: &[u8] = b"-._~!$&'()*+,;=:@/";

/// Encodes a name as one segment that no server misreads: only letters, digits and `-._~` stay.
pub(crate) fn encode_segment(name: &str) -> String {
    encode(name, b"-._~")
}

fn encode(text: &str, kept: &[u8]) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || kept.contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cleaned(path: &str) -> Path {
        Path::Clean(path.to_owned())
    }

    #[test]
    fn trailing_slashes_and_parameters_are_dropped() {
        assert_eq!(clean("/"), cleaned("/"));
        assert_eq!(clean("/connectors"), cleaned("/connectors"));
        assert_eq!(clean("/connectors/a/"), cleaned("/connectors/a"));
        assert_eq!(clean("/connectors/a;b=c/status"), cleaned("/connectors/a/status"));
        assert_eq!(clean("/connectors/a%20b"), cleaned("/connectors/a%20b"));
        assert_eq!(clean("/connectors/;a"), cleaned("/connectors"));
        assert_eq!(clean("/;a"), cleaned("/"));
    }

    #[test]
    fn what_can_be_read_in_two_ways_is_refused() {
        assert_eq!(clean("//"), Path::Bad("Ambiguous URI empty segment"));
        assert_eq!(clean("/connectors//x"), Path::Bad("Ambiguous URI empty segment"));
        assert_eq!(clean("/connectors/;a/x"), Path::Bad("Ambiguous URI empty segment"));
        assert_eq!(clean("/connectors/a%2Fb"), Path::Bad("Ambiguous URI path separator"));
        assert_eq!(clean("/connectors/100%25"), Path::Bad("Ambiguous URI path encoding"));
        assert_eq!(clean("/connectors/a%5Cb"), Path::Bad("Suspicious Path Character"));
        assert_eq!(clean("/connectors/a%09b"), Path::Bad("Suspicious Path Character"));
        assert_eq!(clean("/connectors/%2e%2e/x"), Path::Bad("Ambiguous URI path segment"));
        assert_eq!(clean("/connectors/a{b}"), Path::Bad("Illegal Path Character"));
        assert_eq!(clean("/connectors/%ff"), Path::Bad("Bad UTF-8 encoding"));
        assert_eq!(clean("/connectors/a%zz"), Path::Bad("Bad Request"));
        assert_eq!(clean("/connectors/a%2"), Path::Bad("Bad Request"));
        assert_eq!(clean("/connectors/a%00b"), Path::Bad("Bad Request"));
        assert_eq!(clean("/connectors/a[b]"), Path::Bad("Illegal Path Character"));
        assert_eq!(clean("/connectors/a%5Bb%5D"), cleaned("/connectors/a%5Bb%5D"));
        assert_eq!(clean("*"), Path::Bad("Bad URI path"));
    }

    #[test]
    fn dots_are_names() {
        assert_eq!(clean("/./connectors"), cleaned("/./connectors"));
        assert_eq!(clean("/connectors/../status"), cleaned("/connectors/../status"));
    }

    #[test]
    fn names_are_encoded_as_in_location() {
        assert_eq!(encode_name("héllo-日本"), "h%C3%A9llo-%E6%97%A5%E6%9C%AC");
        assert_eq!(encode_name("a+b&c='d\" 100%"), "a+b&c='d%22%20100%25");
        assert_eq!(encode_name("a%20b%c%"), "a%20b%25c%25");
        assert_eq!(encode_segment("a+b/c"), "a%2Bb%2Fc");
    }
}
