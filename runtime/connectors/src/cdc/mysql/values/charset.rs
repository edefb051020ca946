//! Texts in the server's character sets.

use std::borrow::Cow;

use encoding_rs as rs;

/// How bytes become text.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Charset {
    Utf8,
    Ascii,
    /// Each byte is the character with its number.
    Latin,
    Utf32,
    Known(&'static rs::Encoding),
    /// Of texts in ASCII only: this set is not known here.
    Other,
}

impl Charset {
    pub(super) fn of(name: Option<&str>) -> Self {
        let Some(name) = name else { return Self::Utf8 };
        match name.to_ascii_lowercase().as_str() {
            "utf8" | "utf8mb3" | "utf8mb4" => Self::Utf8,
            "ascii" => Self::Ascii,
            "binary" => Self::Latin,
            "latin1" => Self::Known(rs::WINDOWS_1252),
            "latin2" => Self::Known(rs::ISO_8859_2),
            "latin5" => Self::Known(rs::WINDOWS_1254),
            "latin7" => Self::Known(rs::ISO_8859_13),
            "cp1250" => Self::Known(rs::WINDOWS_1250),
            "cp1251" => Self::Known(rs::WINDOWS_1251),
            "cp1256" => Self::Known(rs::WINDOWS_1256),
            "cp1257" => Self::Known(rs::WINDOWS_1257),
            "cp866" => Self::Known(rs::IBM866),
            "cp932" | "sjis" => Self::Known(rs::SHIFT_JIS),
            "ujis" | "eucjpms" => Self::Known(rs::EUC_JP),
            "euckr" => Self::Known(rs::EUC_KR),
            "gbk" | "gb2312" => Self::Known(rs::GBK),
            "gb18030" => Self::Known(rs::GB18030),
            "big5" => Self::Known(rs::BIG5),
            "greek" => Self::Known(rs::ISO_8859_7),
            "hebrew" => Self::Known(rs::ISO_8859_8),
            "koi8r" => Self::Known(rs::KOI8_R),
            "koi8u" => Self::Known(rs::KOI8_U),
            "macroman" => Self::Known(rs::MACINTOSH),
            "tis620" => Self::Known(rs::WINDOWS_874),
            "ucs2" | "utf16" => Self::Known(rs::UTF_16BE),
            "utf16le" => Self::Known(rs::UTF_16LE),
            "utf32" => Self::Utf32,
            _ => Self::Other,
        }
    }

    /// The text of bytes; `None` if they cannot be read.
    pub(super) fn decode<'a>(self, bytes: &'a [u8]) -> Option<Cow<'a, str>> {
        Some(match self {
            Self::Utf8 => String::from_utf8_lossy(bytes),
            Self::Ascii | Self::Other if bytes.is_ascii() => String::from_utf8_lossy(bytes),
            Self::Other => return None,
            Self::Ascii => {
                let char = |byte: &u8| match byte.is_ascii() {
                    true => char::from(*byte),
                    false => char::REPLACEMENT_CHARACTER,
                };
                Cow::Owned(bytes.iter().map(char).collect())
            }
            Self::Latin => Cow::Owned(bytes.iter().map(|byte| char::from(*byte)).collect()),
            Self::Utf32 => {
                let (characters, _) = bytes.as_chunks::<4>();
                let char = |four: &[u8; 4]| {
                    char::from_u32(u32::from_be_bytes(*four)).unwrap_or(char::REPLACEMENT_CHARACTER)
                };
                Cow::Owned(characters.iter().map(char).collect())
            }
            Self::Known(encoding) => encoding.decode_without_bom_handling(bytes).0,
        })
    }
}
