//! UTF-8 as Java decodes it.

use bytes::Bytes;
use bytestring::ByteString;

const REPLACEMENT: char = char::REPLACEMENT_CHARACTER;

/// Text from UTF-8, sharing the bytes if they are valid. What is not is replaced by U+FFFD, as
/// often as Java does it.
pub(crate) fn decode(bytes: Bytes) -> ByteString {
    match ByteString::try_from(bytes.clone()) {
        Ok(text) => text,
        Err(_) => ByteString::from(replace(&bytes)),
    }
}

/// Java replaces each maximal part of a valid sequence once, as Rust does, but an encoded
/// surrogate (`ED A0..BF xx`), which Rust takes for three mistakes, is one mistake in Java.
fn replace(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() + bytes.len() / 2);
    let mut rest = bytes;
    while !rest.is_empty() {
        match std::str::from_utf8(rest) {
            Ok(valid) => {
                text.push_str(valid);
                break;
            }
            Err(error) => {
                let (valid, broken) = rest.split_at(error.valid_up_to());
                // Valid as just found out: nothing is replaced here.
                text.push_str(&String::from_utf8_lossy(valid));
                text.push(REPLACEMENT);
                let skip =
                    surrogate(broken).unwrap_or_else(|| error.error_len().unwrap_or(broken.len()));
                rest = broken.get(skip..).unwrap_or_default();
            }
        }
    }
    text
}

/// How many bytes one mistake takes if an encoded surrogate begins here.
fn surrogate(bytes: &[u8]) -> Option<usize> {
    let continues = |at: usize| bytes.get(at).is_some_and(|b| b & 0xC0 == 0x80);
    match bytes {
        [0xED, second, ..] if *second >= 0xA0 && continues(1) => {
            Some(if continues(2) { 3 } else { 2 })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(bytes: &'static [u8]) -> String {
        decode(Bytes::from_static(bytes)).to_string()
    }

    #[test]
    fn valid_text_is_shared() {
        let bytes = Bytes::from_static("héllo".as_bytes());
        assert_eq!(decode(bytes.clone()).as_bytes().as_ptr(), bytes.as_ptr());
    }

    #[test]
    fn mistakes_are_counted_as_java_counts_them() {
        assert_eq!(text(b"a\xffb"), "a\u{fffd}b");
        assert_eq!(text(b"\xc0\x80"), "\u{fffd}\u{fffd}");
        assert_eq!(text(b"\xf0\x9f"), "\u{fffd}");
        assert_eq!(text(b"\xed\xa0\x80x"), "\u{fffd}x");
        assert_eq!(text(b"\xed\xa0x"), "\u{fffd}x");
        assert_eq!(text(b"\xed\xbf"), "\u{fffd}");
        assert_eq!(text(b"\xed\xa0\x80\xed\xb0\x80"), "\u{fffd}\u{fffd}");
        assert_eq!(text(b"\xf5\x80\x80\x80"), "\u{fffd}\u{fffd}\u{fffd}\u{fffd}");
        assert_eq!(text(b"\xe1\x80"), "\u{fffd}");
        assert_eq!(text(b"\xe1x"), "\u{fffd}x");
    }
}
