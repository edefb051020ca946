//! The text of a value: short ones in place, long ones shared.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::Deref;

use arrayvec::ArrayString;
use bytes::Bytes;
use bytestring::ByteString;

/// As much as fits without making a value larger.
const SHORT_BYTES: usize = Text::SHORT_BYTES;

/// Immutable text. Up to 32 bytes stand in place, as most texts of records do: sharing them would
/// mean to count their users, which costs more than a copy. Longer ones are shared, often as a
/// slice of the batch they came in.
#[derive(Clone)]
pub struct Text(Form);

#[derive(Clone)]
enum Form {
    Short(ArrayString<SHORT_BYTES>),
    Lasting(&'static str),
    Shared(ByteString),
}

impl Text {
    /// Texts of up to so many bytes stand in place.
    pub const SHORT_BYTES: usize = 32;

    /// Without characters.
    pub const fn new() -> Self {
        Self(Form::Lasting(""))
    }
    /// Text that lasts as long as the program.
    pub const fn from_static(text: &'static str) -> Self {
        Self(Form::Lasting(text))
    }
    /// Becomes this text, in place where it is short.
    #[inline]
    pub(super) fn set(&mut self, text: &str) {
        self.0 = Form::Short(ArrayString::new());
        if let Form::Short(own) = &mut self.0
            && own.try_push_str(text).is_err()
        {
            *self = Self::from(text);
        }
    }
    /// A part of `source`, which `part` must be: a copy if it is short, else a slice.
    #[inline]
    pub fn slice(source: &ByteString, part: &str) -> Self {
        match ArrayString::from(part) {
            Ok(short) => Self(Form::Short(short)),
            Err(_) => Self(Form::Shared(source.slice_ref(part))),
        }
    }
    /// Whether it was made of text that lasts.
    pub fn is_lasting(&self) -> bool {
        matches!(self.0, Form::Lasting(_))
    }
    /// Whether both are the same text; quick where both are one lasting text.
    #[inline]
    pub fn is_same(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Form::Lasting(one), Form::Lasting(other)) if std::ptr::eq(*one, *other) => true,
            _ => self == other,
        }
    }
    /// The bytes, copied only if the text is short.
    pub fn to_bytes(&self) -> Bytes {
        match &self.0 {
            Form::Short(text) => Bytes::copy_from_slice(text.as_bytes()),
            Form::Lasting(text) => Bytes::from_static(text.as_bytes()),
            Form::Shared(text) => text.as_bytes().clone(),
        }
    }
}

impl Deref for Text {
    type Target = str;

    #[inline]
    fn deref(&self) -> &str {
        match &self.0 {
            Form::Short(text) => text,
            Form::Lasting(text) => text,
            Form::Shared(text) => text,
        }
    }
}

impl From<&str> for Text {
    #[inline]
    fn from(text: &str) -> Self {
        match ArrayString::from(text) {
            Ok(short) => Self(Form::Short(short)),
            Err(_) => Self(Form::Shared(ByteString::from(text))),
        }
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        match ArrayString::from(&text) {
            Ok(short) => Self(Form::Short(short)),
            Err(_) => Self(Form::Shared(ByteString::from(text))),
        }
    }
}

impl From<ByteString> for Text {
    /// Shared whatever its length, so that its bytes can be taken back without a copy.
    fn from(text: ByteString) -> Self {
        Self(Form::Shared(text))
    }
}

impl Default for Text {
    fn default() -> Self {
        Self::new()
    }
}

impl AsRef<str> for Text {
    fn as_ref(&self) -> &str {
        self
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&**self, f)
    }
}

impl PartialEq for Text {
    #[inline]
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for Text {}

impl PartialEq<str> for Text {
    fn eq(&self, other: &str) -> bool {
        **self == *other
    }
}

impl PartialEq<&str> for Text {
    fn eq(&self, other: &&str) -> bool {
        **self == **other
    }
}

impl PartialOrd for Text {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Text {
    fn cmp(&self, other: &Self) -> Ordering {
        (**self).cmp(other)
    }
}

impl Hash for Text {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (**self).hash(state);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_slices_are_copies_and_long_ones_share() {
        let source = ByteString::from("x".repeat(100));
        let within = |text: &Text| source.as_bytes().as_ptr_range().contains(&text.as_ptr());
        for (length, shared) in [(0, false), (SHORT_BYTES, false), (SHORT_BYTES + 1, true)] {
            let text = Text::slice(&source, &source[..length]);
            assert_eq!((&*text, within(&text)), (&source[..length], shared));
            assert_eq!(text.to_bytes(), source.as_bytes()[..length]);
        }
    }

    #[test]
    fn a_text_becomes_another_of_any_length() {
        let long = "x".repeat(SHORT_BYTES + 1);
        for before in ["", "before", long.as_str()] {
            for after in ["", "after", &long[..SHORT_BYTES], long.as_str()] {
                let mut text = Text::from(before);
                text.set(after);
                assert_eq!(text, after);
            }
        }
    }

    #[test]
    fn equal_texts_are_equal_in_all_forms() {
        let forms = |text: &'static str| {
            [
                Text::from(text),
                Text::from_static(text),
                Text::from(text.to_owned()),
                Text::from(ByteString::from_static(text)),
            ]
        };
        let long = "more than thirty-two bytes of text, no less";
        for (own, other) in [("", "a"), ("a", ""), (long, "a")] {
            for a in forms(own) {
                assert!(forms(own).iter().all(|b| a == *b && a.cmp(b) == Ordering::Equal));
                assert!(forms(other).iter().all(|b| a != *b));
                assert_eq!((format!("{a}"), format!("{a:?}")), (own.into(), format!("{own:?}")));
            }
        }
    }
}
