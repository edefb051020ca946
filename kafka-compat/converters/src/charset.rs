//! Character sets by their Java names.

use bytes::Bytes;
use bytestring::ByteString;
use encoding_rs::{EncoderResult, Encoding};
use gantry_model::Text;

const REPLACEMENT: char = char::REPLACEMENT_CHARACTER;
const REPLACEMENT_TEXT: &str = "\u{FFFD}";
/// What Java writes for a character that a character set does not have.
const UNMAPPABLE: u8 = b'?';

/// A character set. Decoding replaces what is malformed by U+FFFD; encoding writes `?` for what
/// the set does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Charset {
    Utf8,
    Ascii,
    Latin1,
    /// Byte order by mark, else big-endian; written big-endian with a mark.
    Utf16,
    Utf16Be,
    Utf16Le,
    /// Byte order by mark, else big-endian; written big-endian without a mark.
    Utf32,
    Utf32Be,
    Utf32Le,
    /// The older sets of the world's scripts.
    Legacy(&'static Encoding, Controls),
}

/// What the bytes from 0x80 to 0x9F are that a set has no letter or sign for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Controls {
    /// What the Web standard says.
    Web,
    /// Nothing: Java's tables for Windows have no control signs there, where the Web's have.
    Missing,
    /// All of them are control signs, none is a letter: the Web takes such a set for the one of
    /// Windows.
    Only,
}

impl Charset {
    /// The character set of that name or alias, in any case of letters.
    pub fn for_name(name: &str) -> Option<Self> {
        let legal = |b: u8| b.is_ascii_alphanumeric() || b"-+.:_".contains(&b);
        if !name.starts_with(|c: char| c.is_ascii_alphanumeric()) || !name.bytes().all(legal) {
            return None;
        }
        let lower = name.to_ascii_lowercase();
        Some(match lower.as_str() {
            "utf-8" | "utf8" | "unicode-1-1-utf-8" => Self::Utf8,
            "us-ascii" | "ascii" | "iso-ir-6" | "ansi_x3.4-1986" | "ansi_x3.4-1968"
            | "iso_646.irv:1991" | "iso_646.irv:1983" | "iso646-us" | "us" | "ibm367" | "cp367"
            | "csascii" | "default" | "646" | "ascii7" => Self::Ascii,
            "iso-8859-1" | "iso8859-1" | "iso8859_1" | "iso_8859-1" | "iso_8859_1" | "8859_1"
            | "iso_8859-1:1987" | "iso-ir-100" | "latin1" | "l1" | "ibm819" | "ibm-819"
            | "cp819" | "819" | "csisolatin1" => Self::Latin1,
            "utf-16" | "utf_16" | "utf16" | "unicode" | "unicodebig" => Self::Utf16,
            "utf-16be" | "utf_16be" | "x-utf-16be" | "iso-10646-ucs-2" | "unicodebigunmarked" => {
                Self::Utf16Be
            }
            "utf-16le" | "utf_16le" | "x-utf-16le" | "unicodelittleunmarked" => Self::Utf16Le,
            "utf-32" | "utf_32" | "utf32" | "iso-10646-ucs-4" => Self::Utf32,
            "utf-32be" | "utf_32be" | "x-utf-32be" => Self::Utf32Be,
            "utf-32le" | "utf_32le" | "x-utf-32le" => Self::Utf32Le,
            _ => {
                let encoding = legacy(&lower)?;
                Self::Legacy(encoding, controls(encoding, &lower))
            }
        })
    }

    /// Text from bytes; shared where the bytes are text already.
    pub fn decode(self, bytes: Bytes) -> ByteString {
        match self {
            Self::Utf8 => crate::utf8::decode(bytes),
            Self::Ascii | Self::Latin1 if bytes.is_ascii() => crate::utf8::decode(bytes),
            Self::Ascii => each(&bytes, |b| if b < 0x80 { char::from(b) } else { REPLACEMENT }),
            Self::Latin1 => each(&bytes, char::from),
            Self::Utf16 => match *bytes {
                [0xFF, 0xFE, ref rest @ ..] => utf16(rest, u16::from_le_bytes),
                [0xFE, 0xFF, ref rest @ ..] => utf16(rest, u16::from_be_bytes),
                _ => utf16(&bytes, u16::from_be_bytes),
            },
            Self::Utf16Be => utf16(&bytes, u16::from_be_bytes),
            Self::Utf16Le => utf16(&bytes, u16::from_le_bytes),
            Self::Utf32 => match *bytes {
                [0xFF, 0xFE, 0, 0, ref rest @ ..] => utf32(rest, u32::from_le_bytes),
                [0, 0, 0xFE, 0xFF, ref rest @ ..] => utf32(rest, u32::from_be_bytes),
                _ => utf32(&bytes, u32::from_be_bytes),
            },
            Self::Utf32Be => utf32(&bytes, u32::from_be_bytes),
            Self::Utf32Le => utf32(&bytes, u32::from_le_bytes),
            Self::Legacy(encoding, controls) => {
                let text = encoding.decode_without_bom_handling(&bytes).0;
                match controls {
                    Controls::Web => text.into_owned().into(),
                    Controls::Missing => text.replace(is_control, REPLACEMENT_TEXT).into(),
                    // One character for each byte.
                    Controls::Only => {
                        let pairs = text.chars().zip(bytes.iter().map(|b| char::from(*b)));
                        let text = pairs.map(|(c, own)| if is_control(own) { own } else { c });
                        text.collect::<String>().into()
                    }
                }
            }
        }
    }

    /// Bytes of a text; shared where the text is those bytes already and is not short.
    pub(crate) fn encode(self, text: &Text) -> Bytes {
        let narrow = |limit: u32| {
            let byte = |c: char| u8::try_from(c).ok().filter(|b| u32::from(*b) < limit);
            text.chars().map(|c| byte(c).unwrap_or(UNMAPPABLE)).collect::<Vec<u8>>()
        };
        match self {
            Self::Utf8 => text.to_bytes(),
            Self::Ascii | Self::Latin1 if text.is_ascii() => text.to_bytes(),
            Self::Ascii => narrow(0x80).into(),
            Self::Latin1 => narrow(0x100).into(),
            Self::Utf16 if text.is_empty() => Bytes::new(),
            Self::Utf16 => {
                let mark = std::iter::once(0xFEFF);
                mark.chain(text.encode_utf16()).flat_map(u16::to_be_bytes).collect()
            }
            Self::Utf16Be => text.encode_utf16().flat_map(u16::to_be_bytes).collect(),
            Self::Utf16Le => text.encode_utf16().flat_map(u16::to_le_bytes).collect(),
            Self::Utf32 | Self::Utf32Be => {
                text.chars().flat_map(|c| u32::from(c).to_be_bytes()).collect()
            }
            Self::Utf32Le => text.chars().flat_map(|c| u32::from(c).to_le_bytes()).collect(),
            Self::Legacy(encoding, Controls::Web) => legacy_encode(encoding, text).into(),
            Self::Legacy(encoding, controls) => {
                let mut bytes = legacy_encode(encoding, &text.replace(is_control, "?"));
                if controls == Controls::Only {
                    for (byte, c) in bytes.iter_mut().zip(text.chars()) {
                        if is_control(c) {
                            *byte = u8::try_from(c).unwrap_or(UNMAPPABLE);
                        } else if is_control(char::from(*byte)) {
                            *byte = UNMAPPABLE;
                        }
                    }
                }
                bytes.into()
            }
        }
    }
}

/// Sets that the Web standard knows. It writes some Java names with another separator, and its
/// `replacement` and `x-user-defined` are no character sets to Java, which lacks some others too.
fn legacy(lower: &str) -> Option<&'static Encoding> {
    let found = Encoding::for_label(lower.as_bytes())
        .or_else(|| Encoding::for_label(lower.replace('_', "-").as_bytes()))
        .or_else(|| {
            // Java's older names: Cp1251, MS936, EUC_KR, …
            let number = lower.strip_prefix("cp").or_else(|| lower.strip_prefix("ms"))?;
            let label = match number {
                "936" => "gbk".to_owned(),
                "949" => "euc-kr".to_owned(),
                "950" => "big5".to_owned(),
                "932" => "shift_jis".to_owned(),
                _ => format!("windows-{number}"),
            };
            Encoding::for_label(label.as_bytes())
        })?;
    let foreign = [
        encoding_rs::REPLACEMENT,
        encoding_rs::X_USER_DEFINED,
        encoding_rs::ISO_8859_10,
        encoding_rs::ISO_8859_14,
        encoding_rs::MACINTOSH,
    ];
    (!foreign.contains(&found) && found.output_encoding() == found).then_some(found)
}

/// A control sign of the upper half.
fn is_control(c: char) -> bool {
    matches!(c, '\u{80}'..='\u{9F}')
}

fn controls(encoding: &'static Encoding, lower: &str) -> Controls {
    if !encoding.name().starts_with("windows-") {
        Controls::Web
    } else if lower.starts_with("iso") || lower.contains("latin") || lower == "l5" {
        Controls::Only
    } else {
        Controls::Missing
    }
}

fn legacy_encode(encoding: &'static Encoding, text: &str) -> Vec<u8> {
    let mut encoder = encoding.new_encoder();
    let mut out = Vec::new();
    let mut rest = text;
    loop {
        let room = encoder
            .max_buffer_length_from_utf8_without_replacement(rest.len())
            .unwrap_or(rest.len());
        out.reserve(room);
        let (result, read) =
            encoder.encode_from_utf8_to_vec_without_replacement(rest, &mut out, true);
        rest = rest.get(read..).unwrap_or_default();
        match result {
            EncoderResult::InputEmpty => return out,
            EncoderResult::OutputFull => {}
            EncoderResult::Unmappable(_) => out.push(UNMAPPABLE),
        }
    }
}

fn each(bytes: &[u8], of: impl Fn(u8) -> char) -> ByteString {
    ByteString::from(bytes.iter().map(|&b| of(b)).collect::<String>())
}

/// Pairs of bytes; an odd byte at the end is one mistake, together with a high surrogate before it.
fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> ByteString {
    let mut text = String::with_capacity(bytes.len());
    let (pairs, odd) = bytes.as_chunks::<2>();
    let mut units = pairs.iter().map(|pair| unit(*pair)).peekable();
    let mut cut_short = !odd.is_empty();
    while let Some(first) = units.next() {
        match first {
            0xD800..=0xDBFF => match units.peek() {
                // Java takes both units for one mistake if the second is no low surrogate.
                Some(second) => {
                    let pair = [first, *second];
                    let char = char::decode_utf16(pair).next();
                    text.push(char.and_then(std::result::Result::ok).unwrap_or(REPLACEMENT));
                    units.next();
                }
                None => cut_short = true,
            },
            // A lone low surrogate is no character either.
            _ => text.push(char::from_u32(u32::from(first)).unwrap_or(REPLACEMENT)),
        }
    }
    if cut_short {
        text.push(REPLACEMENT);
    }
    ByteString::from(text)
}

/// Groups of four bytes; fewer at the end are one mistake.
fn utf32(bytes: &[u8], unit: fn([u8; 4]) -> u32) -> ByteString {
    let (quads, odd) = bytes.as_chunks::<4>();
    let mut text: String =
        quads.iter().map(|quad| char::from_u32(unit(*quad)).unwrap_or(REPLACEMENT)).collect();
    if !odd.is_empty() {
        text.push(REPLACEMENT);
    }
    ByteString::from(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn charset(name: &str) -> Charset {
        Charset::for_name(name).unwrap()
    }

    #[test]
    fn names_are_javas() {
        assert_eq!(charset("utf8"), Charset::Utf8);
        assert_eq!(charset("ISO8859_1"), Charset::Latin1);
        assert_eq!(charset("ASCII"), Charset::Ascii);
        assert_eq!(charset("GBK"), charset("MS936"));
        assert_eq!(charset("Cp1251"), charset("windows-1251"));
        assert_eq!(charset("EUC_JP"), charset("euc-jp"));
        for unknown in ["", "nope", "-utf8", "replacement", "x-user-defined", "utf 8", "ü"] {
            assert_eq!(Charset::for_name(unknown), None, "{unknown}");
        }
    }

    #[test]
    fn every_set_makes_the_round_trip() {
        for name in ["UTF-8", "UTF-16", "UTF-16BE", "UTF-16LE", "UTF-32", "UTF-32LE", "GB18030"] {
            let text = Text::from("aé中😀");
            let charset = charset(name);
            assert_eq!(&*charset.decode(charset.encode(&text)), &*text, "{name}");
        }
        let gbk = charset("GBK");
        assert_eq!(&*gbk.encode(&"中文".into()), b"\xd6\xd0\xce\xc4");
        assert_eq!(gbk.decode(Bytes::from_static(b"\xd6\xd0")), "中");
    }

    #[test]
    fn sets_of_windows_have_no_control_signs_and_others_no_letters_there() {
        let decode = |name: &str| charset(name).decode(Bytes::from_static(b"\x80\x81\xe9"));
        assert_eq!(decode("windows-1252"), "€\u{FFFD}é");
        assert_eq!(decode("Cp1254"), "€\u{FFFD}é");
        assert_eq!(decode("ISO-8859-9"), "\u{80}\u{81}é");
        let encode = |name: &str| charset(name).encode(&Text::from("€\u{81}éğ"));
        assert_eq!(&*encode("windows-1252"), b"\x80?\xe9?");
        assert_eq!(&*encode("latin5"), b"?\x81\xe9\xf0");
        assert_eq!(Charset::for_name("macintosh"), None);
    }

    #[test]
    fn what_a_set_does_not_have_becomes_a_question_mark() {
        let text = Text::from("é😀x");
        assert_eq!(&*charset("US-ASCII").encode(&text), b"??x");
        assert_eq!(&*charset("latin1").encode(&text), b"\xe9?x");
        assert_eq!(&*charset("windows-1251").encode(&text), b"??x");
    }

    #[test]
    fn malformed_input_is_replaced() {
        let le = charset("UTF-16LE");
        assert_eq!(le.decode(Bytes::from_static(b"\x68\xc3\xa9")), "\u{c368}\u{fffd}");
        assert_eq!(le.decode(Bytes::from_static(b"\x00\xd8a\x00")), "\u{fffd}");
        assert_eq!(le.decode(Bytes::from_static(b"\x00\xd8a")), "\u{fffd}");
        assert_eq!(le.decode(Bytes::from_static(b"\x00\xdca\x00")), "\u{fffd}a");
        assert_eq!(charset("ascii").decode(Bytes::from_static(b"a\xff")), "a\u{fffd}");
        assert_eq!(charset("utf-32").decode(Bytes::from_static(b"\0\0\0a\0")), "a\u{fffd}");
        let marked = charset("UTF-16").decode(Bytes::from_static(b"\xff\xfea\x00"));
        assert_eq!(marked, "a");
    }
}
