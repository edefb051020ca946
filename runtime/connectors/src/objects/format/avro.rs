//! Avro container files.

use std::io::Write;

use flate2::write::DeflateEncoder;
use gantry_api::{Bytes, Error, Result};
use gantry_schema_converters::AvroEncoder;

use super::output::failed;
use super::{Compression, FileEncoder, Item, Output};

/// A block is closed when it has so many bytes, as Java's writer does.
const BLOCK_BYTES: usize = 64_000;

/// How blocks are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::objects) enum AvroCodec {
    Null,
    Deflate,
    Snappy,
    Zstandard,
}

impl AvroCodec {
    /// As the header of a file has it.
    fn name(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Deflate => "deflate",
            Self::Snappy => "snappy",
            Self::Zstandard => "zstandard",
        }
    }

    fn pack(self, block: &[u8]) -> Result<Vec<u8>> {
        let packed = match self {
            Self::Null => Ok(block.to_vec()),
            Self::Deflate => {
                let mut encoder = DeflateEncoder::new(Vec::new(), flate2::Compression::default());
                encoder.write_all(block).and_then(|()| encoder.finish())
            }
            Self::Snappy => {
                let packed = snap::raw::Encoder::new().compress_vec(block);
                packed.map_err(std::io::Error::other).map(|mut packed| {
                    let mut sum = flate2::Crc::new();
                    sum.update(block);
                    packed.extend_from_slice(&sum.sum().to_be_bytes());
                    packed
                })
            }
            Self::Zstandard => zstd::bulk::compress(block, 3),
        };
        packed.map_err(|error| failed(&error))
    }
}

/// A container file of values of one schema.
#[derive(Debug)]
pub(in crate::objects) struct AvroFile {
    encoder: AvroEncoder,
    codec: AvroCodec,
    /// What stands between blocks.
    marker: [u8; 16],
    block: Vec<u8>,
    count: i64,
    staged: Vec<u8>,
    output: Output,
}

impl AvroFile {
    /// `seed` makes the marker: the same for the same file, so that what is written again is the same.
    pub(in crate::objects) fn new(
        encoder: AvroEncoder,
        codec: AvroCodec,
        compression: Compression,
        seed: &str,
    ) -> Result<Self> {
        let marker: [u8; 16] = {
            use md5::Digest;
            md5::Md5::digest(seed.as_bytes()).into()
        };
        let mut head = Vec::from(*b"Obj\x01");
        let entries = [("avro.schema", encoder.schema()), ("avro.codec", codec.name())];
        put_long(&mut head, entries.len() as i64);
        for (name, value) in entries {
            put_sized(&mut head, name.as_bytes());
            put_sized(&mut head, value.as_bytes());
        }
        put_long(&mut head, 0);
        head.extend_from_slice(&marker);
        let mut output = Output::new(compression)?;
        output.write(&head)?;
        let (block, staged) = (Vec::new(), Vec::new());
        Ok(Self { encoder, codec, marker, block, count: 0, staged, output })
    }

    fn end_block(&mut self) -> Result<()> {
        if self.count == 0 {
            return Ok(());
        }
        let packed = self.codec.pack(&self.block)?;
        let mut head = Vec::with_capacity(20);
        put_long(&mut head, self.count);
        put_long(&mut head, packed.len() as i64);
        self.output.write(&head)?;
        self.output.write(&packed)?;
        self.output.write(&self.marker)?;
        self.block.clear();
        self.count = 0;
        Ok(())
    }
}

impl FileEncoder for AvroFile {
    fn stage(&mut self, item: Item<'_>) -> Result<()> {
        self.staged.clear();
        self.encoder.write(&item.datum.value, &mut self.staged)
    }

    fn keep(&mut self) -> Result<()> {
        self.block.extend_from_slice(&self.staged);
        self.staged.clear();
        self.count += 1;
        if self.block.len() >= BLOCK_BYTES {
            self.end_block()?;
        }
        if self.staged.capacity() > BLOCK_BYTES {
            self.staged = Vec::new();
        }
        Ok(())
    }

    fn forget(&mut self) {
        self.staged.clear();
    }

    fn held(&self) -> usize {
        self.output.held() + self.block.len()
    }

    fn take(&mut self, bytes: usize) -> Option<Bytes> {
        self.output.take(bytes)
    }

    fn finish(&mut self) -> Result<Bytes> {
        self.end_block()?;
        self.output.finish()
    }
}

/// Avro's whole numbers: the sign last, seven bits a byte.
fn put_long(out: &mut Vec<u8>, value: i64) {
    let mut rest = ((value << 1) ^ (value >> 63)) as u64;
    while rest >= 0x80 {
        out.push((rest & 0x7f) as u8 | 0x80);
        rest >>= 7;
    }
    out.push(rest as u8);
}

fn put_sized(out: &mut Vec<u8>, bytes: &[u8]) {
    put_long(out, bytes.len() as i64);
    out.extend_from_slice(bytes);
}

/// A codec by the name that configurations have.
pub(in crate::objects) fn codec(name: &str) -> Result<AvroCodec> {
    Ok(match name {
        "null" => AvroCodec::Null,
        "deflate" => AvroCodec::Deflate,
        "snappy" => AvroCodec::Snappy,
        "zstandard" => AvroCodec::Zstandard,
        other => {
            return Err(Error::config(format!(
                "Invalid value {other} for configuration avro.codec: it is not supported here; use null, deflate or snappy"
            )));
        }
    })
}
