//! The bytes of a file, compressed as a whole or not.

use std::io::{Error, Write};

use flate2::Compression as Level;
use flate2::write::GzEncoder;
use gantry_api::{Bytes, Result};

/// How a file is compressed as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::objects) enum Compression {
    None,
    /// With a level of 0 to 9; none is the usual one.
    Gzip(Option<u32>),
    /// As Java's `SnappyOutputStream` has it.
    Snappy,
    Zstd,
}

impl Compression {
    /// What it adds to a file's name.
    pub(in crate::objects) fn extension(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Gzip(_) => ".gz",
            Self::Snappy => ".snappy",
            Self::Zstd => ".zst",
        }
    }
}

/// Collects the bytes of a file.
pub(in crate::objects) struct Output(Form);

enum Form {
    Plain(Vec<u8>),
    Gzip(GzEncoder<Vec<u8>>),
    Snappy(Snappy),
    Zstd(zstd::stream::write::Encoder<'static, Vec<u8>>),
}

impl std::fmt::Debug for Output {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Output({} bytes)", self.held())
    }
}

pub(super) fn failed(error: &Error) -> gantry_api::Error {
    gantry_api::Error::io("Compressing a file failed", error)
}

impl Output {
    pub(in crate::objects) fn new(compression: Compression) -> Result<Self> {
        Ok(Self(match compression {
            Compression::None => Form::Plain(Vec::new()),
            Compression::Gzip(level) => {
                let level = level.map_or_else(Level::default, Level::new);
                Form::Gzip(GzEncoder::new(Vec::new(), level))
            }
            Compression::Snappy => Form::Snappy(Snappy::default()),
            Compression::Zstd => {
                let encoder = zstd::stream::write::Encoder::new(Vec::new(), ZSTD_LEVEL);
                Form::Zstd(encoder.map_err(|error| failed(&error))?)
            }
        }))
    }

    pub(in crate::objects) fn write(&mut self, bytes: &[u8]) -> Result<()> {
        let written = match &mut self.0 {
            Form::Plain(out) => {
                out.extend_from_slice(bytes);
                Ok(())
            }
            Form::Gzip(encoder) => encoder.write_all(bytes),
            Form::Snappy(snappy) => snappy.write(bytes),
            Form::Zstd(encoder) => encoder.write_all(bytes),
        };
        written.map_err(|error| failed(&error))
    }

    fn ready(&self) -> &Vec<u8> {
        match &self.0 {
            Form::Plain(out) => out,
            Form::Gzip(encoder) => encoder.get_ref(),
            Form::Snappy(snappy) => &snappy.out,
            Form::Zstd(encoder) => encoder.get_ref(),
        }
    }

    fn ready_mut(&mut self) -> &mut Vec<u8> {
        match &mut self.0 {
            Form::Plain(out) => out,
            Form::Gzip(encoder) => encoder.get_mut(),
            Form::Snappy(snappy) => &mut snappy.out,
            Form::Zstd(encoder) => encoder.get_mut(),
        }
    }

    /// Bytes in memory, with what compression needs for itself.
    pub(in crate::objects) fn held(&self) -> usize {
        let pending = match &self.0 {
            Form::Plain(_) => 0,
            Form::Gzip(_) => GZIP_BYTES,
            Form::Snappy(snappy) => snappy.block.len(),
            Form::Zstd(_) => ZSTD_BYTES,
        };
        self.ready().len() + pending
    }

    pub(in crate::objects) fn take(&mut self, bytes: usize) -> Option<Bytes> {
        let ready = self.ready_mut();
        if ready.len() < bytes {
            return None;
        }
        let rest = ready.split_off(bytes);
        Some(std::mem::replace(ready, rest).into())
    }

    /// What is left, with the end of the compressed form.
    pub(in crate::objects) fn finish(&mut self) -> Result<Bytes> {
        let finished = match &mut self.0 {
            Form::Plain(_) => Ok(()),
            Form::Gzip(encoder) => encoder.try_finish(),
            Form::Snappy(snappy) => snappy.finish(),
            Form::Zstd(encoder) => encoder.do_finish(),
        };
        finished.map_err(|error| failed(&error))?;
        Ok(std::mem::take(self.ready_mut()).into())
    }
}

/// What an encoder takes whatever it holds, about.
const GZIP_BYTES: usize = 256 << 10;
const ZSTD_BYTES: usize = 1 << 20;
/// Java's usual one.
const ZSTD_LEVEL: i32 = 3;

/// The blocks of `SnappyOutputStream`: a header, then each block with its length before it.
#[derive(Default)]
struct Snappy {
    block: Vec<u8>,
    out: Vec<u8>,
    begun: bool,
}

const SNAPPY_BLOCK: usize = 32 * 1024;
/// Its name, its version, and the oldest version that reads it.
const SNAPPY_HEAD: [u8; 16] = *b"\x82SNAPPY\0\0\0\0\x01\0\0\0\x01";

impl Snappy {
    fn write(&mut self, mut bytes: &[u8]) -> std::io::Result<()> {
        while !bytes.is_empty() {
            let (part, rest) = bytes.split_at(bytes.len().min(SNAPPY_BLOCK - self.block.len()));
            self.block.extend_from_slice(part);
            bytes = rest;
            if self.block.len() == SNAPPY_BLOCK {
                self.end_block()?;
            }
        }
        Ok(())
    }

    fn end_block(&mut self) -> std::io::Result<()> {
        self.begin();
        let packed = snap::raw::Encoder::new().compress_vec(&self.block).map_err(Error::other)?;
        let length = u32::try_from(packed.len()).map_err(Error::other)?;
        self.out.extend_from_slice(&length.to_be_bytes());
        self.out.extend_from_slice(&packed);
        self.block.clear();
        Ok(())
    }

    fn begin(&mut self) {
        if !self.begun {
            self.out.extend_from_slice(&SNAPPY_HEAD);
            self.begun = true;
        }
    }

    fn finish(&mut self) -> std::io::Result<()> {
        self.begin();
        if self.block.is_empty() { Ok(()) } else { self.end_block() }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    fn written(compression: Compression) -> Vec<u8> {
        let mut output = Output::new(compression).unwrap();
        let mut all = Vec::new();
        for round in 0..20_000 {
            output.write(format!("line {round}\n").as_bytes()).unwrap();
            while let Some(part) = output.take(1024) {
                assert_eq!(part.len(), 1024);
                all.extend_from_slice(&part);
            }
        }
        all.extend_from_slice(&output.finish().unwrap());
        all
    }

    #[test]
    fn parts_make_the_whole() {
        let plain = written(Compression::None);
        assert_eq!(plain.len(), (0..20_000).map(|n| format!("line {n}\n").len()).sum::<usize>());
        let mut text = Vec::new();
        let zipped = written(Compression::Gzip(Some(9)));
        flate2::read::GzDecoder::new(&zipped[..]).read_to_end(&mut text).unwrap();
        assert_eq!(text, plain);
        assert_eq!(zstd::stream::decode_all(&written(Compression::Zstd)[..]).unwrap(), plain);
        let snappy = written(Compression::Snappy);
        let (head, mut rest) = snappy.split_at(16);
        assert_eq!(head, SNAPPY_HEAD);
        text.clear();
        while let Some((length, more)) = rest.split_first_chunk::<4>() {
            let (block, more) = more.split_at(u32::from_be_bytes(*length) as usize);
            text.extend(snap::raw::Decoder::new().decompress_vec(block).unwrap());
            rest = more;
        }
        assert_eq!(text, plain);
    }
}
