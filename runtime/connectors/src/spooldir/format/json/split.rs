//! Where one JSON value of a file ends and the next one begins, without reading what stands in it.

use std::io::Read;

use bytes::{Buf, Bytes, BytesMut};
use gantry_api::Error;

use crate::spooldir::fault::{At, Fault};
use crate::spooldir::input::Input;
use crate::spooldir::lines::RECORD_BYTES_MAX;

/// How far the value was searched whose beginning is in the buffer.
#[derive(Clone, Copy, Debug, Default)]
struct Scan {
    searched: usize,
    depth: usize,
    in_string: bool,
    is_escaped: bool,
}

/// Cuts a stream of values into values.
#[derive(Debug)]
pub(crate) struct Values {
    input: Input,
    buffer: BytesMut,
    buffer_bytes: usize,
    bytes_max: usize,
    /// Where the buffer begins in the file, and in which line.
    at: u64,
    line: u64,
    has_ended: bool,
}

impl Values {
    pub(crate) fn new(input: Input, buffer_bytes: usize, bytes_max: usize) -> Self {
        let buffer = BytesMut::new();
        Self { input, buffer, buffer_bytes, bytes_max, at: 0, line: 1, has_ended: false }
    }

    /// Goes on at a position. Lines are counted from there.
    pub(crate) fn skip_to(&mut self, at: u64) -> Result<(), Fault> {
        self.input.skip_to(at)?;
        self.at = at;
        Ok(())
    }

    /// Where the next value begins, or the blanks before it.
    pub(crate) fn at(&self) -> u64 {
        self.at
    }

    fn fill(&mut self) -> Result<bool, Fault> {
        if self.has_ended {
            return Ok(false);
        }
        let held = self.buffer.len();
        self.buffer.resize(held + self.buffer_bytes, 0);
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

    fn take(&mut self, length: usize) -> Bytes {
        let taken = self.buffer.split_to(length).freeze();
        self.line += memchr::memchr_iter(b'\n', &taken).count() as u64;
        self.at += length as u64;
        taken
    }

    /// The text of the next value, and the line it begins in.
    pub(crate) fn next(&mut self) -> Result<Option<(Bytes, u64)>, Fault> {
        const MARK: &[u8] = b"\xEF\xBB\xBF";
        if self.at == 0 {
            while self.buffer.len() < MARK.len() && self.fill()? {}
            if self.buffer.starts_with(MARK) {
                self.buffer.advance(MARK.len());
                self.at = MARK.len() as u64;
            }
        }
        loop {
            let blanks = self.buffer.iter().take_while(|byte| b" \t\r\n".contains(byte)).count();
            self.take(blanks);
            if !self.buffer.is_empty() {
                break;
            }
            if !self.fill()? {
                return Ok(None);
            }
        }
        let first_line = self.line;
        let mut scan = Scan::default();
        loop {
            if let Some(length) = scan.end(&self.buffer) {
                self.check(length, first_line)?;
                return Ok(Some((self.take(length), first_line)));
            }
            self.check(self.buffer.len(), first_line)?;
            if !self.fill()? {
                // A number or a word, or what is not closed: whoever reads it will say.
                return Ok(Some((self.take(self.buffer.len()), first_line)));
            }
        }
    }

    fn check(&self, length: usize, line: u64) -> Result<(), Fault> {
        if length <= self.bytes_max {
            return Ok(());
        }
        Err(Fault::Data {
            at: At::Line(line),
            error: Error::data(format!(
                "the JSON value that begins here is longer than {RECORD_BYTES_MAX}={}; set it higher if \
                 records may be so large (a file that is one array is one record)",
                self.bytes_max
            )),
        })
    }
}

impl Scan {
    /// The length of the value at the beginning of the buffer, as soon as it is known.
    fn end(&mut self, buffer: &[u8]) -> Option<usize> {
        let rest = buffer.get(self.searched..)?;
        for (at, &byte) in (self.searched..).zip(rest) {
            if self.in_string {
                if self.is_escaped {
                    self.is_escaped = false;
                } else if byte == b'\\' {
                    self.is_escaped = true;
                } else if byte == b'"' {
                    self.in_string = false;
                    if self.depth == 0 {
                        return Some(at + 1);
                    }
                }
                continue;
            }
            match byte {
                b'"' | b'{' | b'[' if self.depth == 0 && at > 0 => return Some(at),
                b'"' => self.in_string = true,
                b'{' | b'[' => self.depth += 1,
                b'}' | b']' => {
                    self.depth = self.depth.saturating_sub(1);
                    if self.depth == 0 {
                        return Some(at + 1);
                    }
                }
                b' ' | b'\t' | b'\r' | b'\n' if self.depth == 0 => return Some(at),
                _ => {}
            }
        }
        self.searched = buffer.len();
        None
    }
}
