//! Records inside a section's payload.
//!
//! A record is `length, flags, age, [offset step], [written], [key], [headers], [value]`: length
//! is a varint of the bytes after it; age is how much older its timestamp is than the newest of
//! the section; the offset step from the record before stands in sparse sections only, and so
//! does when it was written, for tombstones; the value is what is left, so that it needs no
//! length.

use std::ops::Range;

use bytes::Bytes;

use super::wire::{Malformed, Reader, VARINT_BYTES_MAX, put_bytes, put_varint, varint_len};
use crate::Str;
use crate::api::{LogRecord, RecordHeader};

const HAS_KEY: u8 = 1;
const HAS_VALUE: u8 = 2;
const HAS_HEADERS: u8 = 4;
const HAS_WRITTEN: u8 = 8;

/// Most bytes that encoding adds to [`LogRecord::size`] for a record without headers.
pub(crate) const RECORD_OVERHEAD_MAX: usize = 4 * VARINT_BYTES_MAX + 1;

/// Most bytes that encoding adds for each header.
pub(crate) const HEADER_OVERHEAD_MAX: usize = 2 * VARINT_BYTES_MAX;

/// Most header names kept while decoding, so that equal names share one allocation.
const NAMES_MAX: usize = 16;

/// The newest timestamp; ages count back from it.
pub(crate) fn newest(records: &[LogRecord]) -> i64 {
    records.iter().map(|r| r.timestamp_ms).max().unwrap_or(0)
}

/// What a record of a sparse section has besides.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sparse {
    /// Distance from the offset of the record before; 0 for the first.
    pub(crate) step: u64,
    /// When it was written, by the wall clock, if that matters.
    pub(crate) written_ms: Option<u64>,
}

/// Appends one record.
pub(crate) fn put_record(
    out: &mut Vec<u8>,
    record: &LogRecord,
    newest_ms: i64,
    sparse: Option<Sparse>,
) {
    let step = sparse.map(|sparse| sparse.step);
    let written_ms = sparse.and_then(|sparse| sparse.written_ms);
    let mut flags = 0;
    // Wrapping: any two timestamps have an age of 64 bits, and it comes back the same way.
    let age = newest_ms.wrapping_sub(record.timestamp_ms) as u64;
    let mut length = 1 + varint_len(age) + step.map_or(0, varint_len);
    if let Some(written_ms) = written_ms {
        flags |= HAS_WRITTEN;
        length += varint_len(written_ms);
    }
    if let Some(key) = &record.key {
        flags |= HAS_KEY;
        length += varint_len(key.len() as u64) + key.len();
    }
    if let Some(value) = &record.value {
        flags |= HAS_VALUE;
        length += value.len();
    }
    if !record.headers.is_empty() {
        flags |= HAS_HEADERS;
        length += headers_len(&record.headers);
    }
    put_varint(out, length as u64);
    out.push(flags);
    put_varint(out, age);
    if let Some(step) = step {
        put_varint(out, step);
    }
    if let Some(written_ms) = written_ms {
        put_varint(out, written_ms);
    }
    if let Some(key) = &record.key {
        put_bytes(out, key);
    }
    if !record.headers.is_empty() {
        put_headers(out, &record.headers);
    }
    if let Some(value) = &record.value {
        out.extend_from_slice(value);
    }
}

fn headers_len(headers: &[RecordHeader]) -> usize {
    let each = headers.iter().map(|header| {
        let key = varint_len(header.key.len() as u64) + header.key.len();
        let value = match &header.value {
            None => 1,
            Some(value) => varint_len(value.len() as u64 + 1) + value.len(),
        };
        key + value
    });
    varint_len(headers.len() as u64) + each.sum::<usize>()
}

fn put_headers(out: &mut Vec<u8>, headers: &[RecordHeader]) {
    put_varint(out, headers.len() as u64);
    for header in headers {
        put_bytes(out, header.key.as_bytes());
        match &header.value {
            None => put_varint(out, 0),
            Some(value) => {
                put_varint(out, value.len() as u64 + 1);
                out.extend_from_slice(value);
            }
        }
    }
}

/// A record found in a block, not yet taken out of it.
#[derive(Debug)]
pub(crate) struct RawRecord {
    pub(crate) timestamp_ms: i64,
    pub(crate) key: Option<Range<usize>>,
    pub(crate) value: Option<Range<usize>>,
    headers: Option<(usize, usize)>,
    /// When it was written, by the wall clock, if it says so.
    pub(crate) written_ms: Option<u64>,
    /// Bytes of key, value and headers.
    pub(crate) size: usize,
}

/// Walks over the records of one payload.
#[derive(Debug)]
pub(crate) struct Records<'a> {
    block: &'a [u8],
    reader: Reader<'a>,
    left: u32,
    newest_ms: i64,
    sparse: bool,
    offset: u64,
    first: bool,
}

impl<'a> Records<'a> {
    /// `payload` is a range of `block`; positions in the results count from the block's start.
    pub(crate) fn new(
        block: &'a [u8],
        payload: Range<usize>,
        count: u32,
        base_offset: u64,
        newest_ms: i64,
        sparse: bool,
    ) -> Self {
        let upto = block.get(..payload.end).unwrap_or(block);
        let reader = Reader::at(upto, payload.start);
        Self { block, reader, left: count, newest_ms, sparse, offset: base_offset, first: true }
    }

    /// The next record with an offset of at least `from`, with that offset.
    pub(crate) fn next_from(&mut self, from: u64) -> Result<Option<(u64, RawRecord)>, Malformed> {
        while self.left > 0 {
            self.left -= 1;
            let body = self.reader.sized_range()?;
            if !self.sparse {
                let offset = self.offset;
                self.offset = offset.wrapping_add(1);
                if offset < from {
                    continue;
                }
                return Ok(Some((offset, self.parse(body)?.0)));
            }
            let (raw, step) = self.parse(body)?;
            self.offset = self.offset.wrapping_add(step);
            if !std::mem::take(&mut self.first) && step == 0 {
                return Err(Malformed("two records have the same offset"));
            }
            if self.offset >= from {
                return Ok(Some((self.offset, raw)));
            }
        }
        if self.reader.remaining() > 0 {
            return Err(Malformed("bytes follow the last record"));
        }
        Ok(None)
    }

    #[inline]
    fn parse(&self, body: Range<usize>) -> Result<(RawRecord, u64), Malformed> {
        let end = body.end;
        let mut reader = Reader::at(self.block.get(..end).unwrap_or_default(), body.start);
        let flags = reader.u8()?;
        if flags & !(HAS_KEY | HAS_VALUE | HAS_HEADERS | HAS_WRITTEN) != 0 {
            return Err(Malformed("a record has unknown flags"));
        }
        let age = reader.varint()?;
        let step = if self.sparse { reader.varint()? } else { 0 };
        let written_ms = if flags & HAS_WRITTEN != 0 { Some(reader.varint()?) } else { None };
        let key = if flags & HAS_KEY != 0 { Some(reader.sized_range()?) } else { None };
        let mut size = key.as_ref().map_or(0, Range::len);
        let mut headers = None;
        if flags & HAS_HEADERS != 0 {
            let count = reader.count(2)?;
            headers = Some((reader.pos(), count));
            for _ in 0..count {
                let (key, value) = header(&mut reader)?;
                size += key.len() + value.map_or(0, |v| v.len());
            }
        }
        let has_value = flags & HAS_VALUE != 0;
        let value = has_value.then(|| reader.pos()..end);
        if !has_value && reader.pos() != end {
            return Err(Malformed("bytes follow a record without value"));
        }
        size += value.as_ref().map_or(0, Range::len);
        let timestamp_ms = self.newest_ms.wrapping_sub(age as i64);
        Ok((RawRecord { timestamp_ms, key, value, headers, written_ms, size }, step))
    }
}

fn header(reader: &mut Reader<'_>) -> Result<(Range<usize>, Option<Range<usize>>), Malformed> {
    let key = reader.sized_range()?;
    let value_len = reader.varint()?;
    let Some(value_len) = value_len.checked_sub(1) else { return Ok((key, None)) };
    let len = usize::try_from(value_len).map_err(|_| Malformed("a length is too large"))?;
    Ok((key, Some(reader.range(len)?)))
}

/// Header names seen while decoding: a topic has few of them.
#[derive(Debug, Default)]
pub(crate) struct Names(Vec<Str>);

impl Names {
    fn get(&mut self, name: &[u8]) -> Result<Str, Malformed> {
        if let Some(known) = self.0.iter().find(|known| known.as_bytes() == name) {
            return Ok(Str::clone(known));
        }
        let name = std::str::from_utf8(name).map_err(|_| Malformed("a name is not UTF-8"))?;
        let name = Str::from(name);
        if self.0.len() < NAMES_MAX {
            self.0.push(Str::clone(&name));
        }
        Ok(name)
    }
}

impl RawRecord {
    /// The record, as slices that share the block.
    pub(crate) fn take(self, block: &Bytes, names: &mut Names) -> Result<LogRecord, Malformed> {
        let mut headers = Vec::new();
        if let Some((start, count)) = self.headers {
            headers.reserve_exact(count);
            let mut reader = Reader::at(block, start);
            for _ in 0..count {
                let (key, value) = header(&mut reader)?;
                let key = names.get(block.get(key).unwrap_or_default())?;
                headers.push(RecordHeader { key, value: value.map(|v| block.slice(v)) });
            }
        }
        Ok(LogRecord {
            key: self.key.map(|range| block.slice(range)),
            value: self.value.map(|range| block.slice(range)),
            headers,
            timestamp_ms: self.timestamp_ms,
        })
    }
}
