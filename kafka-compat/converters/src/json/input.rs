//! From a record's bytes to text that can be sliced.
//!
//! Jackson guesses the encoding from the first four bytes and takes UTF-8 less strictly than Rust:
//! overlong forms and encoded surrogates are characters to it. Both cost nothing where the input
//! is plain UTF-8.

use bytes::Bytes;
use bytestring::ByteString;

use crate::charset::Charset;

/// The text of a document.
#[derive(Debug)]
pub struct Input {
    pub text: ByteString,
    /// Behind the text stand bytes that are no UTF-8: an error for whoever reads that far.
    pub broken: bool,
}

impl Input {
    /// The text of these bytes, shared if they are valid UTF-8.
    pub fn new(bytes: Bytes) -> Self {
        let (charset, mark) = encoding(&bytes);
        if charset != Charset::Utf8 {
            return Self { text: charset.decode(bytes.slice(mark..)), broken: false };
        }
        let bytes = if mark == 0 { bytes } else { bytes.slice(mark..) };
        match ByteString::try_from(bytes.clone()) {
            Ok(text) => Self { text, broken: false },
            Err(_) => lenient(&bytes),
        }
    }
}

/// The encoding and the length of the byte order mark.
fn encoding(bytes: &[u8]) -> (Charset, usize) {
    match *bytes {
        // Nearly every document: `{"`, `[1`, digits.
        [a @ 1..0xEF, b, ..] if b != 0 && a != 0 => (Charset::Utf8, 0),
        [0, 0, 0xFE, 0xFF, ..] => (Charset::Utf32Be, 4),
        [0xFF, 0xFE, 0, 0, ..] => (Charset::Utf32Le, 4),
        [0xFE, 0xFF, _, _, ..] => (Charset::Utf16Be, 2),
        [0xFF, 0xFE, _, _, ..] => (Charset::Utf16Le, 2),
        [0xEF, 0xBB, 0xBF, _, ..] => (Charset::Utf8, 3),
        [0, 0, 0, _, ..] => (Charset::Utf32Be, 0),
        [_, 0, 0, 0, ..] => (Charset::Utf32Le, 0),
        [0, _, _, _, ..] | [0, _] | [0, _, _] => (Charset::Utf16Be, 0),
        [_, 0, _, _, ..] | [_, 0] | [_, 0, _] => (Charset::Utf16Le, 0),
        _ => (Charset::Utf8, 0),
    }
}

/// Rewrites what Jackson accepts but Rust does not as `\u` escapes, which mean the same within
/// strings and are errors elsewhere. Stops where Jackson fails.
fn lenient(bytes: &[u8]) -> Input {
    let mut text = String::with_capacity(bytes.len() + 16);
    let mut rest = bytes;
    loop {
        match std::str::from_utf8(rest) {
            Ok(valid) => {
                text.push_str(valid);
                return Input { text: ByteString::from(text), broken: false };
            }
            Err(error) => {
                let (valid, broken) = rest.split_at(error.valid_up_to());
                text.push_str(&String::from_utf8_lossy(valid));
                let Some((units, length)) = loose_character(broken) else {
                    return Input { text: ByteString::from(text), broken: true };
                };
                for unit in units {
                    text.push_str(&format!("\\u{unit:04x}"));
                }
                rest = broken.get(length..).unwrap_or_default();
            }
        }
    }
}

/// The UTF-16 units of a character in loose UTF-8, and its length in bytes.
fn loose_character(bytes: &[u8]) -> Option<(Vec<u16>, usize)> {
    let first = u32::from(*bytes.first()?);
    let (start, length) = match first {
        0xC0..=0xDF => (first & 0x1F, 2),
        0xE0..=0xEF => (first & 0x0F, 3),
        0xF0..=0xF7 => (first & 0x07, 4),
        _ => return None,
    };
    let mut code = start;
    for at in 1..length {
        let next = u32::from(*bytes.get(at)?);
        if next & 0xC0 != 0x80 {
            return None;
        }
        code = code << 6 | (next & 0x3F);
    }
    if length < 4 {
        return Some((vec![(code & 0xFFFF) as u16], length));
    }
    let above = code.wrapping_sub(0x1_0000);
    let high = 0xD800 | (above.cast_signed() >> 10).cast_unsigned();
    let low = 0xDC00 | (above & 0x3FF);
    Some((vec![(high & 0xFFFF) as u16, (low & 0xFFFF) as u16], length))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &'static [u8]) -> (String, bool) {
        let input = Input::new(Bytes::from_static(bytes));
        (input.text.to_string(), input.broken)
    }
    fn fine(text: &str) -> (String, bool) {
        (text.to_owned(), false)
    }

    #[test]
    fn plain_utf_8_is_shared() {
        let bytes = Bytes::from_static("{\"é\":1}".as_bytes());
        assert_eq!(Input::new(bytes.clone()).text.as_bytes().as_ptr(), bytes.as_ptr());
    }

    #[test]
    fn encodings_are_guessed_as_jackson_does() {
        assert_eq!(read(b"\xef\xbb\xbf1"), fine("1"));
        assert_eq!(read(b"\x001"), fine("1"));
        assert_eq!(read(b"1\x00"), fine("1"));
        assert_eq!(read(b"\xfe\xff\x001"), fine("1"));
        assert_eq!(read(b"\xff\xfe1\x00"), fine("1"));
        assert_eq!(read(b"\0\0\x001"), fine("1"));
        assert_eq!(read(b"1\0\0\0"), fine("1"));
        assert_eq!(read(b"\0\0\xfe\xff\0\0\x001"), fine("1"));
        assert_eq!(read(b""), fine(""));
        assert_eq!(read(b"1"), fine("1"));
    }

    #[test]
    fn loose_utf_8_becomes_escapes() {
        assert_eq!(read(b"\"\xc0\xa2\""), fine("\"\\u0022\""));
        assert_eq!(read(b"\"\xed\xa0\xbd\xed\xb8\x80\""), fine("\"\\ud83d\\ude00\""));
        assert_eq!(read(b"\"\xc3\""), ("\"".to_owned(), true));
        assert_eq!(read(b"\"\xff\xfe\""), ("\"".to_owned(), true));
    }
}
