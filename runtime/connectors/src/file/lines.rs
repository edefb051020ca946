//! Cutting blocks of bytes into lines, as Kafka's task does: `\n`, `\r\n` and a lone `\r` end a
//! line. Lines are slices of their block: nothing is copied unless bytes are no UTF-8.

use bytes::Bytes;
use bytestring::ByteString;
use memchr::{memchr, memchr_iter, memchr2_iter, memrchr2};

const REPLACEMENT: &str = "\u{FFFD}";

/// The text of a block.
#[derive(Debug)]
enum Text {
    /// All of it is UTF-8.
    Valid(ByteString),
    /// Some line is not: each is looked at by itself.
    Raw(Bytes),
}

/// Some whole lines, given out from the first on.
#[derive(Debug)]
pub(super) struct Block {
    text: Text,
    /// The position of the block's first byte in its file.
    base: u64,
    /// Bytes already given out.
    at: usize,
    /// Whether a `\r` stands anywhere.
    returns: bool,
    /// Whether the text ends with a line that nothing ends.
    unterminated: bool,
}

impl Block {
    /// Whole lines that begin at position `base`.
    pub(super) fn new(bytes: Vec<u8>, base: u64) -> Self {
        let returns = memchr(b'\r', &bytes).is_some();
        let bytes = Bytes::from(bytes);
        let text = match ByteString::try_from(bytes.clone()) {
            Ok(text) => Text::Valid(text),
            Err(_) => Text::Raw(bytes),
        };
        Self { text, base, at: 0, returns, unterminated: false }
    }

    /// The last line of an input that has ended without a line end.
    pub(super) fn last_line(mut bytes: Vec<u8>, base: u64) -> Self {
        // Only the second half of a pair is missing.
        if bytes.last() == Some(&b'\r') {
            bytes.pop();
        }
        Self { unterminated: true, ..Self::new(bytes, base) }
    }

    fn bytes(&self) -> &[u8] {
        match &self.text {
            Text::Valid(text) => text.as_bytes(),
            Text::Raw(bytes) => bytes,
        }
    }

    /// Whether all lines were given.
    pub(super) fn is_empty(&self) -> bool {
        self.at >= self.bytes().len() && !self.unterminated
    }

    /// How many lines of about this length the rest holds, for reserving room.
    pub(super) fn estimate(&self, max: usize) -> usize {
        const SAMPLE: usize = 4096;
        let rest = self.bytes().get(self.at..).unwrap_or_default();
        let sample = rest.get(..SAMPLE).unwrap_or(rest);
        let ends = memchr_iter(b'\n', sample).count();
        (rest.len() * (ends + 1) / sample.len().max(1)).saturating_add(1).min(max)
    }

    /// Gives at most `max` lines, each with the position after it.
    #[inline(always)]
    pub(super) fn drain(&mut self, max: usize, mut give: impl FnMut(ByteString, u64)) {
        let mut given = 0;
        let mut start = self.at;
        let bytes = self.bytes();
        let rest = bytes.get(start..).unwrap_or_default();
        let first = start;
        if self.returns {
            for end in memchr2_iter(b'\n', b'\r', rest).map(|end| first + end) {
                // The second half of a pair, or as many as asked.
                if end < start {
                    continue;
                }
                if given == max {
                    break;
                }
                let pair = bytes.get(end..end + 2) == Some(b"\r\n");
                let line = self.line(start, end);
                start = end + if pair { 2 } else { 1 };
                give(line, self.base + start as u64);
                given += 1;
            }
        } else {
            for end in memchr_iter(b'\n', rest).take(max).map(|end| first + end) {
                let line = self.line(start, end);
                start = end + 1;
                give(line, self.base + start as u64);
                given += 1;
            }
        }
        if self.unterminated && given < max {
            let end = bytes.len();
            give(self.line(start, end), self.base + end as u64);
            start = end;
            self.unterminated = false;
        }
        self.at = start;
    }

    #[inline]
    fn line(&self, start: usize, end: usize) -> ByteString {
        match &self.text {
            Text::Valid(text) => text.slice_ref(text.get(start..end).unwrap_or_default()),
            Text::Raw(bytes) => {
                let line = bytes.slice(start..end);
                ByteString::try_from(line.clone()).unwrap_or_else(|_| decode(&line).into())
            }
        }
    }
}

/// How many bytes belong to whole lines. Bytes before `scanned` were looked at before and end no
/// line, but for a `\r` that stood last: only what follows it says whether it is half of a pair.
pub(super) fn complete(bytes: &[u8], scanned: usize) -> usize {
    let from = scanned.saturating_sub(1);
    let tail = bytes.get(from..).unwrap_or_default();
    let Some(mut last) = memrchr2(b'\n', b'\r', tail) else { return 0 };
    if last + 1 == tail.len() && tail.get(last) == Some(&b'\r') {
        match memrchr2(b'\n', b'\r', tail.get(..last).unwrap_or_default()) {
            Some(before) => last = before,
            None => return 0,
        }
    }
    from + last + 1
}

/// Bytes as Java decodes them. Java and Rust replace the same malformed parts, except that Java
/// takes an encoded surrogate (`ED A0..BF`, then one more) as one part, not as up to three.
fn decode(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() + REPLACEMENT.len());
    let mut skip = 0;
    let mut at = 0;
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        at += chunk.valid().len();
        if !chunk.valid().is_empty() {
            skip = 0;
        }
        let invalid = chunk.invalid();
        if skip > 0 {
            skip -= 1;
        } else if !invalid.is_empty() {
            text.push_str(REPLACEMENT);
            skip = match bytes.get(at..) {
                Some([0xED, 0xA0..=0xBF, 0x80..=0xBF, ..]) => 2,
                Some([0xED, 0xA0..=0xBF, ..]) => 1,
                _ => 0,
            };
        }
        at += invalid.len();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(block: &mut Block, max: usize) -> Vec<(String, u64)> {
        let mut lines = Vec::new();
        block.drain(max, |line, position| lines.push((line.to_string(), position)));
        lines
    }
    fn lines(bytes: &[u8]) -> Vec<(String, u64)> {
        all(&mut Block::new(bytes.to_vec(), 0), usize::MAX)
    }
    fn owned(list: &[(&str, u64)]) -> Vec<(String, u64)> {
        list.iter().map(|&(line, position)| (line.to_owned(), position)).collect()
    }

    #[test]
    fn all_line_ends() {
        assert_eq!(
            lines(b"a\nbc\r\nd\re\n\n\r\n\r"),
            owned(&[("a", 2), ("bc", 6), ("d", 8), ("e", 10), ("", 11), ("", 13), ("", 14)])
        );
        assert_eq!(lines(b"a\n\nb\n"), owned(&[("a", 2), ("", 3), ("b", 5)]));
    }

    #[test]
    fn complete_ends_at_the_last_line_end() {
        for (bytes, expected) in [
            (&b""[..], 0),
            (b"abc", 0),
            (b"abc\n", 4),
            (b"abc\nde", 4),
            (b"abc\r", 0),
            (b"a\nb\r", 2),
            (b"a\rb", 2),
            (b"a\r\r", 2),
            (b"a\r\n", 3),
            (b"a\nb\rc", 4),
            (b"\r", 0),
        ] {
            assert_eq!(complete(bytes, 0), expected, "{bytes:?}");
        }
        assert_eq!(complete(b"abc\rd", 4), 4);
        assert_eq!(complete(b"abc\r\n", 4), 5);
        assert_eq!(complete(b"abcd", 3), 0);
    }

    #[test]
    fn in_parts() {
        let mut block = Block::new(b"a\r\nb\nc\r".to_vec(), 100);
        assert!((1..=10).contains(&block.estimate(10)));
        assert_eq!(all(&mut block, 1), owned(&[("a", 103)]));
        assert!(!block.is_empty());
        assert_eq!(all(&mut block, 1), owned(&[("b", 105)]));
        assert_eq!(all(&mut block, 9), owned(&[("c", 107)]));
        assert!(block.is_empty());
    }

    #[test]
    fn last_line_without_end() {
        let mut block = Block::last_line(b"ab\r".to_vec(), 7);
        assert!(!block.is_empty());
        assert_eq!(all(&mut block, 5), owned(&[("ab", 9)]));
        assert!(block.is_empty());
    }

    #[test]
    fn bad_bytes_touch_only_their_line() {
        let text = "grün\n".as_bytes().iter().chain(b"a\xffb\n\xed\xa0\x80\n").copied();
        assert_eq!(
            lines(&text.collect::<Vec<_>>()),
            owned(&[("grün", 6), ("a\u{FFFD}b", 10), ("\u{FFFD}", 14)])
        );
    }

    #[test]
    fn decodes_as_java() {
        // What a JDK 17 InputStreamReader gave for these bytes.
        for (bytes, expected) in [
            (&b"\xed\xa0"[..], "\u{FFFD}"),
            (b"\xed\xa0A", "\u{FFFD}A"),
            (b"\xed\xa0\x80", "\u{FFFD}"),
            (b"\xed\xa0\x80\x80", "\u{FFFD}\u{FFFD}"),
            (b"\xed\xbf\xed\xa0", "\u{FFFD}\u{FFFD}"),
            (b"\xed\xed\xa0\x80", "\u{FFFD}\u{FFFD}"),
            (b"\xe1\x80A", "\u{FFFD}A"),
            (b"\xf0\x90\x80A", "\u{FFFD}A"),
            (b"\xf4\x90\x80\x80", "\u{FFFD}\u{FFFD}\u{FFFD}\u{FFFD}"),
            (b"\xc0\x80", "\u{FFFD}\u{FFFD}"),
            (b"\xe0\x80\x80", "\u{FFFD}\u{FFFD}\u{FFFD}"),
        ] {
            assert_eq!(decode(bytes), expected, "{bytes:x?}");
        }
    }
}
