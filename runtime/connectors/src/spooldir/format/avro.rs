//! Avro's container files: blocks of values behind a header that holds their schema.

use std::io::Read;

use bytes::{Buf, Bytes, BytesMut};
use gantry_api::{Datum, Error, Result};
use gantry_schema_converters::AvroDecoder;

use super::{Format, Item, Nothing, Records, Resume};
use crate::spooldir::fault::{At, Fault};
use crate::spooldir::input::Input;
use crate::spooldir::lines::RECORD_BYTES_MAX;

const MAGIC: &[u8] = b"Obj\x01";
const SYNC_BYTES: usize = 16;
/// No more bytes make a number.
const LONG_BYTES_MAX: usize = 10;
/// What stands in a header is no longer than this: a schema, above all.
const HEADER_BYTES_MAX: usize = 16 << 20;

/// Values by the schema of their file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AvroFormat {
    pub(crate) buffer_bytes: usize,
    /// Also of a block, which is read at once.
    pub(crate) bytes_max: usize,
}

#[derive(Clone, Copy, Debug)]
enum Codec {
    Null,
    Deflate,
    Snappy,
    Bzip2,
    Zstandard,
}

/// The bytes of a file, some of them read ahead.
#[derive(Debug)]
struct Ahead {
    input: Input,
    buffer: BytesMut,
    buffer_bytes: usize,
    at: u64,
}

#[derive(Debug)]
struct AvroRecords {
    ahead: Ahead,
    codec: Codec,
    sync: Bytes,
    decoder: AvroDecoder,
    bytes_max: usize,
    /// The values of a block that are not given out.
    block: Bytes,
    left: u64,
    /// The number of the next value.
    number: u64,
}

fn cut_short(what: &str) -> Fault {
    Fault::data(At::File, format!("not an Avro container file: it ends within {what}"))
}

impl Ahead {
    /// Reads until so many bytes are there; false if the file ends before.
    fn fill(&mut self, length: usize) -> Result<bool, Fault> {
        while self.buffer.len() < length {
            let held = self.buffer.len();
            self.buffer.resize(held + self.buffer_bytes, 0);
            let read = match self.buffer.get_mut(held..) {
                Some(free) => self.input.read(free),
                None => Ok(0),
            };
            let count = *read.as_ref().unwrap_or(&0);
            self.buffer.truncate(held + count);
            read?;
            if count == 0 {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn take(&mut self, length: usize, what: &str) -> Result<Bytes, Fault> {
        if !self.fill(length)? {
            return Err(cut_short(what));
        }
        self.at += length as u64;
        Ok(self.buffer.split_to(length).freeze())
    }

    fn skip(&mut self, length: u64) -> Result<(), Fault> {
        self.at += length;
        match usize::try_from(length) {
            Ok(length) if length <= self.buffer.len() => self.buffer.advance(length),
            _ => {
                self.buffer.clear();
                self.input.skip_to(self.at)?;
            }
        }
        Ok(())
    }

    fn long(&mut self, what: &str) -> Result<i64, Fault> {
        let mut value = 0_u64;
        for at in 0..LONG_BYTES_MAX {
            let byte = self.take(1, what)?.first().copied().unwrap_or(0);
            value |= u64::from(byte & 0x7f) << (7 * at);
            if byte < 0x80 {
                return Ok((value >> 1).cast_signed() ^ -((value & 1).cast_signed()));
            }
        }
        Err(Fault::data(At::File, format!("not an Avro container file: {what} is no number")))
    }

    fn size(&mut self, what: &str, max: usize) -> Result<usize, Fault> {
        let size = self.long(what)?;
        usize::try_from(size).ok().filter(|size| *size <= max).ok_or_else(|| {
            Fault::data(At::File, format!("{what} is {size}, and may be {max} at most"))
        })
    }

    fn sized(&mut self, what: &str) -> Result<Bytes, Fault> {
        let size = self.size(what, HEADER_BYTES_MAX)?;
        self.take(size, what)
    }
}

impl Format for AvroFormat {
    fn open(&self, input: Input, from: Option<&Resume>) -> Result<Box<dyn Records>, Fault> {
        let buffer = BytesMut::new();
        let mut ahead = Ahead { input, buffer, buffer_bytes: self.buffer_bytes, at: 0 };
        if !ahead.fill(1)? {
            return Ok(Box::new(Nothing));
        }
        if *ahead.take(MAGIC.len(), "its beginning")? != *MAGIC {
            return Err(Fault::data(
                At::File,
                "not an Avro container file: it does not begin with Obj1",
            ));
        }
        let (mut schema, mut codec) = (None, Codec::Null);
        loop {
            let mut entries = ahead.long("its header")?;
            if entries == 0 {
                break;
            }
            if entries < 0 {
                entries = -entries;
                ahead.long("its header")?;
            }
            for _ in 0..entries {
                let key = ahead.sized("its header")?;
                let value = ahead.sized("its header")?;
                match &*key {
                    b"avro.schema" => schema = Some(value),
                    b"avro.codec" => codec = codec_of(&value)?,
                    _ => {}
                }
            }
        }
        let sync = ahead.take(SYNC_BYTES, "its header")?;
        let schema =
            schema.ok_or_else(|| Fault::data(At::File, "its header has no avro.schema"))?;
        let decoder = AvroDecoder::new(&String::from_utf8_lossy(&schema))
            .map_err(|error| Fault::Data { at: At::File, error })?;
        let mut records = AvroRecords {
            ahead,
            codec,
            sync,
            decoder,
            bytes_max: self.bytes_max,
            block: Bytes::new(),
            left: 0,
            number: 0,
        };
        if let Some(from) = from {
            records.skip(from.offset.saturating_add(1).max(0).unsigned_abs())?;
        }
        Ok(Box::new(records))
    }
}

fn codec_of(name: &[u8]) -> Result<Codec, Fault> {
    Ok(match name {
        b"null" | b"" => Codec::Null,
        b"deflate" => Codec::Deflate,
        b"snappy" => Codec::Snappy,
        b"bzip2" => Codec::Bzip2,
        b"zstandard" => Codec::Zstandard,
        other => {
            return Err(Fault::data(
                At::File,
                format!(
                    "its codec is {}, and only null, deflate, snappy, bzip2 and zstandard are read",
                    String::from_utf8_lossy(other)
                ),
            ));
        }
    })
}

impl AvroRecords {
    /// Goes over values that were read before: whole blocks without looking into them.
    fn skip(&mut self, until: u64) -> Result<(), Fault> {
        while self.number < until {
            let Some((count, size)) = self.header()? else { return Ok(()) };
            if self.number + count <= until {
                self.ahead.skip(size as u64)?;
                self.sync()?;
                self.number += count;
                continue;
            }
            self.load(count, size)?;
            while self.number < until {
                self.value()?;
            }
        }
        Ok(())
    }

    /// How many values the next block has, and how many bytes.
    fn header(&mut self) -> Result<Option<(u64, usize)>, Fault> {
        if !self.ahead.fill(1)? {
            return Ok(None);
        }
        let count = self.ahead.long("a block")?;
        let count = u64::try_from(count).map_err(|_| {
            Fault::data(At::Record(self.number + 1), format!("a block has {count} values"))
        })?;
        let size =
            self.ahead.size("the size of a block", self.bytes_max).map_err(
                |fault| match fault {
                    Fault::Data { error, .. } => Fault::data(
                        At::Record(self.number + 1),
                        format!(
                            "{} ({RECORD_BYTES_MAX}); set it higher if blocks may be so large",
                            error.message()
                        ),
                    ),
                    other => other,
                },
            )?;
        Ok(Some((count, size)))
    }

    fn load(&mut self, count: u64, size: usize) -> Result<(), Fault> {
        let packed = self.ahead.take(size, "a block")?;
        self.sync()?;
        let at = At::Record(self.number + 1);
        self.block = unpack(self.codec, packed, self.bytes_max)
            .map_err(|error| Fault::Data { at, error })?;
        self.left = count;
        Ok(())
    }

    fn sync(&mut self) -> Result<(), Fault> {
        if self.ahead.take(SYNC_BYTES, "a block")? == self.sync {
            return Ok(());
        }
        Err(Fault::data(At::Record(self.number + 1), "the mark behind a block is missing"))
    }

    fn value(&mut self) -> Result<(Datum, usize), Fault> {
        let (datum, length) = self
            .decoder
            .read(&self.block)
            .map_err(|error| Fault::Data { at: At::Record(self.number + 1), error })?;
        self.block.advance(length);
        self.left -= 1;
        self.number += 1;
        Ok((datum, length))
    }
}

fn unpack(codec: Codec, packed: Bytes, max: usize) -> Result<Bytes> {
    let failed =
        |error: std::io::Error| Error::data(format!("a block cannot be unpacked: {error}"));
    let limited = |reader: &mut dyn Read| -> Result<Bytes> {
        let mut bytes = Vec::new();
        reader.take(max as u64 + 1).read_to_end(&mut bytes).map_err(failed)?;
        if bytes.len() > max {
            return Err(Error::data(format!(
                "a block is longer than {RECORD_BYTES_MAX}={max}, unpacked"
            )));
        }
        Ok(bytes.into())
    };
    match codec {
        Codec::Null => Ok(packed),
        Codec::Deflate => limited(&mut flate2::bufread::DeflateDecoder::new(&*packed)),
        Codec::Bzip2 => limited(&mut bzip2::bufread::BzDecoder::new(&*packed)),
        Codec::Zstandard => {
            limited(&mut zstd::stream::read::Decoder::with_buffer(&*packed).map_err(failed)?)
        }
        Codec::Snappy => {
            // A checksum of four bytes follows.
            let (data, sum) = packed
                .split_last_chunk::<4>()
                .ok_or_else(|| Error::data("a block cannot be unpacked: it is too short"))?;
            let failed =
                |error: snap::Error| Error::data(format!("a block cannot be unpacked: {error}"));
            if snap::raw::decompress_len(data).map_err(failed)? > max {
                return Err(Error::data(format!(
                    "a block is longer than {RECORD_BYTES_MAX}={max}, unpacked"
                )));
            }
            let bytes = snap::raw::Decoder::new().decompress_vec(data).map_err(failed)?;
            let mut crc = flate2::Crc::new();
            crc.update(&bytes);
            if crc.sum() != u32::from_be_bytes(*sum) {
                return Err(Error::data("a block cannot be unpacked: its checksum is another"));
            }
            Ok(bytes.into())
        }
    }
}

impl Records for AvroRecords {
    fn next(&mut self) -> Result<Option<Item>, Fault> {
        while self.left == 0 {
            if !self.block.is_empty() {
                return Err(Fault::data(
                    At::Record(self.number),
                    "bytes are left behind the values of a block",
                ));
            }
            let Some((count, size)) = self.header()? else { return Ok(None) };
            self.load(count, size)?;
        }
        let offset = i64::try_from(self.number).unwrap_or(i64::MAX);
        let (value, bytes) = self.value()?;
        Ok(Some(Item { key: Datum::NULL, value, offset, position: self.ahead.at, bytes }))
    }
}
