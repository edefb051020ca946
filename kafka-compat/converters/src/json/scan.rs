//! Finding the bytes that matter in text, sixteen at a time.

const STEP: usize = 16;
const WORD: usize = 8;

/// A byte in all places of a word.
const fn each(byte: u8) -> u64 {
    u64::from_ne_bytes([byte; WORD])
}
const HIGH: u64 = each(0x80);

/// The first `"`, `\` or control character from `from` on, or the length of `bytes`.
#[inline]
pub(crate) fn string_end(bytes: &[u8], from: usize) -> usize {
    find(bytes, from, |b| (b < b' ') | (b == b'"') | (b == b'\\'), special)
}

/// The first byte from `from` on that a JSON string must escape as Jackson does, or the length.
/// Besides quote, backslash and control characters that is each character above U+FFFF.
#[inline]
pub(crate) fn escape(bytes: &[u8], from: usize) -> usize {
    find(
        bytes,
        from,
        |b| (b < b' ') | (b == b'"') | (b == b'\\') | (b >= 0xF0),
        |word| special(word) | (word & word << 1 & word << 2 & word << 3 & HIGH),
    )
}

/// Marks the high bit of quotes, backslashes and control characters. A borrow can mark a byte
/// above such a one falsely, never below: the lowest mark is right.
#[inline]
fn special(word: u64) -> u64 {
    let below = |word: u64, limit: u8| word.wrapping_sub(each(limit)) & !word;
    let quote = below(word ^ each(b'"'), 1);
    let backslash = below(word ^ each(b'\\'), 1);
    (below(word, b' ') | quote | backslash) & HIGH
}

/// The first byte that `wanted` names; `marked` marks the same ones in a little-endian word.
#[inline]
fn find(
    bytes: &[u8],
    from: usize,
    wanted: impl Fn(u8) -> bool,
    marked: impl Fn(u64) -> u64,
) -> usize {
    let mut rest = bytes.get(from..).unwrap_or_default();
    let length = bytes.len();
    // Short strings first: their end mostly is near.
    while let Some((word, tail)) = rest.split_first_chunk::<WORD>() {
        let marks = marked(u64::from_le_bytes(*word));
        if marks != 0 {
            return length - rest.len() + marks.trailing_zeros() as usize / 8;
        }
        rest = tail;
        // The compiler turns this loop, which never stops early, into vector instructions.
        while let Some((chunk, tail)) = rest.split_first_chunk::<STEP>() {
            let mut any = 0u8;
            for &b in chunk {
                any |= u8::from(wanted(b));
            }
            if any != 0 {
                break;
            }
            rest = tail;
        }
    }
    if rest.is_empty() {
        return length;
    }
    // The last word again, without what was looked at already.
    if let Some(word) = bytes.get(from..).and_then(|all| all.last_chunk::<WORD>()) {
        let old = WORD - rest.len();
        let marks = marked(u64::from_le_bytes(*word)) >> (8 * old);
        let behind = (marks.trailing_zeros() as usize / 8).min(rest.len());
        return length - rest.len() + behind;
    }
    let behind = rest.iter().position(|&b| wanted(b)).unwrap_or(rest.len());
    length - rest.len() + behind
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_place_is_found() {
        for length in 0..70 {
            for at in 0..=length {
                let mut bytes = vec![b'x'; length];
                if let Some(b) = bytes.get_mut(at) {
                    *b = b'"';
                }
                assert_eq!(string_end(&bytes, 0), at);
                assert_eq!(escape(&bytes, at), at);
                assert_eq!(string_end(&bytes, at / 2), at);
                if let Some(b) = bytes.get_mut(at) {
                    *b = 0xF0;
                }
                assert_eq!(escape(&bytes, at / 3), at);
                assert_eq!(string_end(&bytes, 0), length);
            }
        }
    }
}

#[cfg(test)]
mod all_bytes {
    use super::*;

    #[test]
    fn words_and_bytes_agree() {
        for first in 0..=255u8 {
            for second in 0..=255u8 {
                let bytes = [b'a', first, second, b'z', 0x7F, 0x80, 0xEF, 0xC3];
                let end = bytes.iter().position(|b| *b < 0x20 || b"\"\\".contains(b)).unwrap_or(8);
                let high = bytes.iter().position(|b| *b >= 0xF0).unwrap_or(8);
                assert_eq!(string_end(&bytes, 0), end);
                assert_eq!(escape(&bytes, 0), end.min(high));
            }
        }
    }
}
