//! Lines as Java's `BufferedReader` has them: they end with `\n`, `\r` or `\r\n`.

use std::io::Read;

use bytes::{Buf, Bytes, BytesMut};
use gantry_api::{ByteString, Error};
use gantry_converters::Charset;

use super::fault::{At, Fault};
use super::input::Input;

/// The key that bounds a record.
pub(crate) const RECORD_BYTES_MAX: &str = "gantry.record.max.bytes";

/// How a character set writes the ends of lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Unit {
    bytes: usize,
    is_little: bool,
}

/// How text is divided.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Text {
    pub(crate) charset: Charset,
    /// `\r` is a part of the line.
    pub(crate) keeps_returns: bool,
    /// How long a line may be.
    pub(crate) bytes_max: usize,
    /// How many bytes are read at once.
    pub(crate) buffer_bytes: usize,
}

/// Reads lines.
#[derive(Debug)]
pub(crate) struct Lines {
    input: Input,
    how: Text,
    /// What was read and not given out.
    buffer: BytesMut,
    /// How much of the buffer was searched.
    searched: usize,
    /// Where the buffer begins in the file.
    at: u64,
    line: u64,
    has_ended: bool,
    unit: Unit,
}

impl Lines {
    /// From the beginning of a file, behind its byte order mark.
    pub(crate) fn new(input: Input, how: Text) -> Result<Self, Fault> {
        let unit = match how.charset {
            Charset::Utf16 | Charset::Utf16Be => Unit { bytes: 2, is_little: false },
            Charset::Utf16Le => Unit { bytes: 2, is_little: true },
            Charset::Utf32 | Charset::Utf32Be => Unit { bytes: 4, is_little: false },
            Charset::Utf32Le => Unit { bytes: 4, is_little: true },
            _ => Unit { bytes: 1, is_little: false },
        };
        let buffer = BytesMut::new();
        let mut lines =
            Self { input, how, buffer, searched: 0, at: 0, line: 0, has_ended: false, unit };
        lines.pass_mark()?;
        Ok(lines)
    }

    fn pass_mark(&mut self) -> Result<(), Fault> {
        const LONGEST: usize = 4;
        while self.buffer.len() < LONGEST && self.fill()? {}
        let (length, charset) = match (self.how.charset, &*self.buffer) {
            (Charset::Utf8, [0xEF, 0xBB, 0xBF, ..]) => (3, Charset::Utf8),
            (Charset::Utf16, [0xFF, 0xFE, ..]) => (2, Charset::Utf16Le),
            (Charset::Utf16, [0xFE, 0xFF, ..]) => (2, Charset::Utf16Be),
            (Charset::Utf16, _) => (0, Charset::Utf16Be),
            (Charset::Utf32, [0xFF, 0xFE, 0, 0, ..]) => (4, Charset::Utf32Le),
            (Charset::Utf32, [0, 0, 0xFE, 0xFF, ..]) => (4, Charset::Utf32Be),
            (Charset::Utf32, _) => (0, Charset::Utf32Be),
            (charset, _) => (0, charset),
        };
        self.how.charset = charset;
        self.unit.is_little |= matches!(charset, Charset::Utf16Le | Charset::Utf32Le);
        self.take(length);
        Ok(())
    }

    /// Goes on at a position, which is the beginning of this line.
    pub(crate) fn skip_to(&mut self, at: u64, line: u64) -> Result<(), Fault> {
        if at < self.at {
            return Ok(());
        }
        let ahead = usize::try_from(at - self.at).unwrap_or(usize::MAX);
        if ahead <= self.buffer.len() {
            self.take(ahead);
        } else {
            self.input.skip_to(at)?;
            self.buffer.clear();
            self.at = at;
            self.has_ended = false;
        }
        self.searched = 0;
        self.line = line;
        Ok(())
    }

    fn take(&mut self, length: usize) {
        self.buffer.advance(length);
        self.at += length as u64;
        self.searched = self.searched.saturating_sub(length);
    }

    /// Where the next line begins.
    pub(crate) fn at(&self) -> u64 {
        self.at
    }
    /// How many lines were given out.
    pub(crate) fn line(&self) -> u64 {
        self.line
    }

    /// Reads more; false at the end.
    fn fill(&mut self) -> Result<bool, Fault> {
        if self.has_ended {
            return Ok(false);
        }
        let held = self.buffer.len();
        self.buffer.resize(held + self.how.buffer_bytes, 0);
        let read = match self.buffer.get_mut(held..) {
            Some(free) => self.input.read(free),
            None => Ok(0),
        };
        let count = *read.as_ref().unwrap_or(&0);
        self.buffer.truncate(held + count);
        read?;
        self.has_ended = count == 0;
        Ok(count > 0)
    }

    /// The next line without its end.
    pub(crate) fn next(&mut self) -> Result<Option<Bytes>, Fault> {
        loop {
            if let Some((length, end)) = self.find() {
                self.check(length)?;
                let line = self.buffer.split_to(length).freeze();
                self.at += length as u64;
                self.searched = 0;
                self.take(end);
                self.line += 1;
                return Ok(Some(line));
            }
            self.check(self.buffer.len())?;
            if !self.fill()? {
                if self.buffer.is_empty() {
                    return Ok(None);
                }
                if let Some(found) = self.find() {
                    // The last byte was half of an end.
                    debug_assert!(found.1 > 0, "an end has a length");
                    continue;
                }
                let line = self.buffer.split().freeze();
                self.at += line.len() as u64;
                self.searched = 0;
                self.line += 1;
                return Ok(Some(line));
            }
        }
    }

    /// The same as text.
    pub(crate) fn next_text(&mut self) -> Result<Option<ByteString>, Fault> {
        let charset = self.how.charset;
        Ok(self.next()?.map(|line| charset.decode(line)))
    }

    fn check(&self, length: usize) -> Result<(), Fault> {
        let max = self.how.bytes_max;
        if length <= max {
            return Ok(());
        }
        Err(Fault::Data {
            at: At::Line(self.line + 1),
            error: Error::data(format!(
                "the line is longer than {RECORD_BYTES_MAX}={max}; set it higher if lines may be so long"
            )),
        })
    }

    /// How long the line is that begins here, and its end.
    fn find(&mut self) -> Option<(usize, usize)> {
        let found = match self.unit.bytes {
            1 => self.find_narrow(),
            bytes => self.find_wide(bytes),
        };
        if found.is_none() {
            // A `\r` at the end is looked at again, as a `\n` may follow.
            let back = self.unit.bytes * 2;
            self.searched = self.buffer.len().saturating_sub(back);
            self.searched -= self.searched % self.unit.bytes;
        }
        found
    }

    fn find_narrow(&self) -> Option<(usize, usize)> {
        let rest = self.buffer.get(self.searched..)?;
        let found = match self.how.keeps_returns {
            true => memchr::memchr(b'\n', rest),
            false => memchr::memchr2(b'\n', b'\r', rest),
        }?;
        let at = self.searched + found;
        if self.buffer.get(at) == Some(&b'\n') {
            return Some((at, 1));
        }
        match self.buffer.get(at + 1) {
            Some(b'\n') => Some((at, 2)),
            Some(_) => Some((at, 1)),
            None => self.has_ended.then_some((at, 1)),
        }
    }

    fn find_wide(&self, bytes: usize) -> Option<(usize, usize)> {
        let unit = |at: usize| -> Option<u32> {
            let raw = self.buffer.get(at..at + bytes)?;
            let join = |value: u32, byte: &u8| value << 8 | u32::from(*byte);
            Some(match self.unit.is_little {
                true => raw.iter().rev().fold(0, join),
                false => raw.iter().fold(0, join),
            })
        };
        let mut at = self.searched;
        while let Some(value) = unit(at) {
            if value == u32::from(b'\n') {
                return Some((at, bytes));
            }
            if value == u32::from(b'\r') && !self.how.keeps_returns {
                return match unit(at + bytes) {
                    Some(next) if next == u32::from(b'\n') => Some((at, bytes * 2)),
                    Some(_) => Some((at, bytes)),
                    None => self.has_ended.then_some((at, bytes)),
                };
            }
            at += bytes;
        }
        None
    }
}
