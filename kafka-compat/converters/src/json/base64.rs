//! Base64 with the standard alphabet and padding, as Jackson reads and writes it.

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const PAD: u8 = b'=';
const INVALID: u8 = 0xFF;

const fn reverse() -> [u8; 256] {
    let mut table = [INVALID; 256];
    let mut at = 0;
    while at < ALPHABET.len() {
        table[ALPHABET[at] as usize] = at as u8;
        at += 1;
    }
    table
}
static REVERSE: [u8; 256] = reverse();

/// Appends the text of `bytes`, without quotes.
pub fn encode(out: &mut Vec<u8>, bytes: &[u8]) {
    out.reserve(bytes.len().div_ceil(3) * 4);
    let digit = |bits: u32, shift: u32| ALPHABET[(bits >> shift & 63) as usize];
    let (triples, rest) = bytes.as_chunks::<3>();
    for &[a, b, c] in triples {
        let bits = u32::from(a) << 16 | u32::from(b) << 8 | u32::from(c);
        out.extend_from_slice(&[digit(bits, 18), digit(bits, 12), digit(bits, 6), digit(bits, 0)]);
    }
    match *rest {
        [a] => {
            let bits = u32::from(a) << 16;
            out.extend_from_slice(&[digit(bits, 18), digit(bits, 12), PAD, PAD]);
        }
        [a, b] => {
            let bits = u32::from(a) << 16 | u32::from(b) << 8;
            out.extend_from_slice(&[digit(bits, 18), digit(bits, 12), digit(bits, 6), PAD]);
        }
        _ => {}
    }
}

/// The bytes of a text, or what is wrong with it. Blanks may stand between groups of four; padding
/// is required, and text may go on behind it.
pub fn decode(text: &str) -> Result<Vec<u8>, &'static str> {
    const CUT: &str =
        "the text ends within a group of four characters: padding with '=' is missing";
    const BAD: &str = "a character is no base64 digit, or padding stands where it cannot";
    let mut out = Vec::with_capacity(text.len() / 4 * 3);
    let mut rest = text.as_bytes();
    loop {
        while let [b, tail @ ..] = rest
            && *b <= b' '
        {
            rest = tail;
        }
        if rest.is_empty() {
            return Ok(out);
        }
        let Some((group, tail)) = rest.split_first_chunk::<4>() else {
            // A wrong character is named before the missing ones.
            let wrong = rest
                .iter()
                .enumerate()
                .any(|(at, &b)| REVERSE[usize::from(b)] == INVALID && !(at == 2 && b == PAD));
            return Err(if wrong { BAD } else { CUT });
        };
        rest = tail;
        let [a, b, c, d] = group.map(|b| REVERSE[usize::from(b)]);
        if a == INVALID || b == INVALID {
            return Err(BAD);
        }
        out.push(a << 2 | b >> 4);
        match (group[2], group[3]) {
            (PAD, PAD) => {}
            (PAD, _) => return Err(BAD),
            (_, PAD) if c != INVALID => out.push(b << 4 | c >> 2),
            _ if c != INVALID && d != INVALID => {
                out.extend_from_slice(&[b << 4 | c >> 2, c << 6 | d]);
            }
            _ => return Err(BAD),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_lengths_make_the_round_trip() {
        let bytes: Vec<u8> = (0..=255).collect();
        for length in [0, 1, 2, 3, 4, 5, 255, 256] {
            let mut text = Vec::new();
            encode(&mut text, &bytes[..length]);
            let text = String::from_utf8(text).unwrap();
            assert_eq!(decode(&text).unwrap(), &bytes[..length], "{length}");
        }
    }

    #[test]
    fn blanks_and_text_behind_padding_are_read_as_jackson_does() {
        assert_eq!(decode(" AAH/\n AQ== Ag==").unwrap(), [0, 1, 255, 1, 2]);
        for bad in ["1", "AQ", "AQ=", "A===", "AQ=x", "A A=", "AQ==x", "ÄÖÜß"] {
            assert!(decode(bad).is_err(), "{bad}");
        }
    }
}
