//! Character sets by their names in Java, of those that texts are written in.

use std::borrow::Cow;

/// A character set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Charset {
    Utf8,
    Ascii,
    Latin1,
    /// In this order of bytes, with or without a mark of it in front.
    Utf16 {
        is_little: bool,
        has_mark: bool,
    },
}

impl Charset {
    /// The error says which there are.
    pub(super) fn parse(name: &str) -> Result<Self, String> {
        Ok(match name.to_ascii_uppercase().as_str() {
            "UTF-8" | "UTF8" => Self::Utf8,
            "US-ASCII" | "ASCII" | "ISO646-US" => Self::Ascii,
            "ISO-8859-1" | "ISO8859_1" | "LATIN1" | "ISO_8859-1" => Self::Latin1,
            "UTF-16" | "UTF_16" => Self::Utf16 { is_little: false, has_mark: true },
            "UTF-16BE" => Self::Utf16 { is_little: false, has_mark: false },
            "UTF-16LE" => Self::Utf16 { is_little: true, has_mark: false },
            _ => {
                return Err("this character set is not supported; use UTF-8, US-ASCII, ISO-8859-1, UTF-16, UTF-16BE or UTF-16LE".to_owned());
            }
        })
    }

    /// The bytes of a text; `?` for what the set has not, as Java does.
    pub(super) fn encode(self, text: &str) -> Cow<'_, [u8]> {
        let narrow = |limit: u32| {
            text.chars()
                .map(|c| {
                    u8::try_from(u32::from(c)).ok().filter(|_| u32::from(c) < limit).unwrap_or(b'?')
                })
                .collect()
        };
        match self {
            Self::Utf8 => Cow::Borrowed(text.as_bytes()),
            Self::Ascii if text.is_ascii() => Cow::Borrowed(text.as_bytes()),
            Self::Ascii => Cow::Owned(narrow(0x80)),
            Self::Latin1 => Cow::Owned(narrow(0x100)),
            Self::Utf16 { is_little, has_mark } => {
                let mark = has_mark.then_some(0xfeff);
                let units = mark.into_iter().chain(text.encode_utf16());
                let bytes = units.flat_map(|unit| match is_little {
                    true => unit.to_le_bytes(),
                    false => unit.to_be_bytes(),
                });
                Cow::Owned(bytes.collect())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_encoded_as_java_does() {
        for (name, want) in [
            ("UTF-8", "aé€".as_bytes()),
            ("us-ascii", b"a??"),
            ("ISO-8859-1", b"a\xe9?"),
            ("UTF-16", b"\xfe\xff\0a\0\xe9\x20\xac"),
            ("UTF-16LE", b"a\0\xe9\0\xac\x20"),
        ] {
            assert_eq!(&*Charset::parse(name).unwrap().encode("aé€"), want, "{name}");
        }
        assert!(Charset::parse("Big5").unwrap_err().contains("UTF-8"));
    }
}
