//! The bytes of a file: watched for changes, and unpacked.

use std::io::{self, BufReader, Read};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::fault::Mark;
use super::place::{OpenFile, Stat};

/// A file that is being written to is looked at again after so long.
const LOOK_AGAIN_MS: u64 = 100;
/// A file that was written to while it was read has ended when it was left alone for so long, or for
/// `file.minimum.age.ms` if that is longer.
const SETTLE_MS_MIN: u64 = 1000;
/// Blocks in which bytes are passed over.
const SKIP_BYTES: usize = 64 * 1024;

/// Fires when the task is stopped.
pub(crate) type Stop = Arc<AtomicBool>;
/// The file as it was when its end was reached.
pub(crate) type End = Arc<Mutex<Option<Stat>>>;

/// How a file is packed, by the end of its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Packing {
    Plain,
    Gzip,
    Bzip2,
    /// What Java's connector unpacks and this one does not.
    Unsupported(&'static str),
}

impl Packing {
    pub(crate) fn of(extension: &str) -> Self {
        match extension {
            "gz" => Self::Gzip,
            "bz2" => Self::Bzip2,
            "snappy" => Self::Unsupported("snappy"),
            "lz4" => Self::Unsupported("lz4"),
            "z" => Self::Unsupported("z"),
            _ => Self::Plain,
        }
    }
}

/// Reads a file up to the end that it has at last: what is appended while it is read is read, too;
/// what is done to it otherwise is an error.
struct Watched {
    file: Box<dyn OpenFile>,
    opened: Stat,
    at: u64,
    /// Whether more may be appended.
    grows: bool,
    settle_ms: u64,
    stop: Stop,
    end: End,
}

impl Watched {
    /// Whether there is more behind what seems to be the end.
    fn has_grown(&mut self) -> io::Result<bool> {
        let mut now = self.file.stat()?;
        while !self.has_settled(now)? {
            if now.length > self.at {
                return Ok(true);
            }
            std::thread::sleep(Duration::from_millis(LOOK_AGAIN_MS));
            now = self.file.stat()?;
        }
        *self.end.lock().unwrap_or_else(PoisonError::into_inner) = Some(now);
        Ok(false)
    }

    /// Whether the file ends here.
    fn has_settled(&self, now: Stat) -> io::Result<bool> {
        let changed = |how: String| Err(Mark::Changed(how).into_error());
        if now.length < self.at {
            return changed(format!(
                "{} bytes of it were read, and now it has only {}",
                self.at, now.length
            ));
        }
        if now.length > self.at {
            if self.grows {
                return Ok(false);
            }
            return changed(format!(
                "it had {} bytes, and now it has {}",
                self.opened.length, now.length
            ));
        }
        if now.modified_ms <= self.opened.modified_ms {
            // Times that go back are those of tools that copy a file together with its time.
            return Ok(true);
        }
        if now.length == self.opened.length {
            return changed(
                "it was written to, and is as long as before; let files have another name until they are \
                 whole, or set file.minimum.age.ms"
                    .to_owned(),
            );
        }
        if self.stop.load(Ordering::Relaxed) {
            return Err(Mark::Stopped.into_error());
        }
        let age_ms = gantry_api::now_ms().saturating_sub(now.modified_ms);
        Ok(u64::try_from(age_ms).unwrap_or(0) >= self.settle_ms)
    }
}

impl Read for Watched {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if into.is_empty() {
            return Ok(0);
        }
        loop {
            if self.stop.load(Ordering::Relaxed) {
                return Err(Mark::Stopped.into_error());
            }
            match self.file.read(into) {
                Ok(0) => {
                    if !self.has_grown()? {
                        return Ok(0);
                    }
                }
                Ok(count) => {
                    self.at += count as u64;
                    return Ok(count);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}

enum Source {
    Plain(Watched),
    Gzip(Box<flate2::bufread::MultiGzDecoder<BufReader<Watched>>>),
    Bzip2(Box<bzip2::bufread::MultiBzDecoder<BufReader<Watched>>>),
}

/// The bytes of a file, unpacked.
pub(crate) struct Input {
    source: Source,
    /// How many bytes were read, or passed over.
    at: u64,
}

impl std::fmt::Debug for Input {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Input(at {})", self.at)
    }
}

/// How a file is read.
#[derive(Clone, Debug)]
pub(crate) struct Reading {
    /// The size of buffers (`file.buffer.size.bytes`).
    pub(crate) buffer_bytes: usize,
    /// `file.minimum.age.ms`
    pub(crate) minimum_age_ms: u64,
    pub(crate) stop: Stop,
}

impl Input {
    /// From the beginning of a file.
    pub(crate) fn new(
        file: Box<dyn OpenFile>,
        opened: Stat,
        packing: Packing,
        how: &Reading,
        end: End,
    ) -> io::Result<Self> {
        let watched = Watched {
            file,
            opened,
            at: 0,
            grows: packing == Packing::Plain,
            settle_ms: how.minimum_age_ms.max(SETTLE_MS_MIN),
            stop: Arc::clone(&how.stop),
            end,
        };
        let buffered = |watched| BufReader::with_capacity(how.buffer_bytes, watched);
        let source = match packing {
            Packing::Plain => Source::Plain(watched),
            Packing::Gzip => {
                Source::Gzip(Box::new(flate2::bufread::MultiGzDecoder::new(buffered(watched))))
            }
            Packing::Bzip2 => {
                Source::Bzip2(Box::new(bzip2::bufread::MultiBzDecoder::new(buffered(watched))))
            }
            Packing::Unsupported(name) => {
                return Err(io::Error::new(
                    io::ErrorKind::Unsupported,
                    format!(
                        "files packed as .{name} are not read; pack it as .gz or .bz2, or leave it unpacked"
                    ),
                ));
            }
        };
        Ok(Self { source, at: 0 })
    }

    /// How many bytes the file has, when nobody writes to it any more; nothing of one that is packed.
    pub(crate) fn settled_length(&mut self) -> io::Result<Option<u64>> {
        let Source::Plain(watched) = &mut self.source else { return Ok(None) };
        loop {
            let length = watched.file.stat()?.length;
            watched.file.seek(length)?;
            watched.at = length;
            if watched.read(&mut [0])? == 0 {
                return Ok(Some(length));
            }
        }
    }

    /// Goes on at a position: forward only, unless the file is not packed.
    pub(crate) fn skip_to(&mut self, to: u64) -> io::Result<()> {
        if let Source::Plain(watched) = &mut self.source {
            watched.file.seek(to)?;
            (watched.at, self.at) = (to, to);
            return Ok(());
        }
        let mut block = vec![0; SKIP_BYTES];
        while self.at < to {
            let want = usize::try_from(to - self.at).unwrap_or(SKIP_BYTES).min(SKIP_BYTES);
            let Some(part) = block.get_mut(..want) else { break };
            if self.read(part)? == 0 {
                return Err(Mark::Changed(format!(
                    "it was read up to byte {to} before, and now it has only {}",
                    self.at
                ))
                .into_error());
            }
        }
        Ok(())
    }
}

impl Read for Input {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = match &mut self.source {
            Source::Plain(watched) => watched.read(into),
            Source::Gzip(decoder) => decoder.read(into),
            Source::Bzip2(decoder) => decoder.read(into),
        }?;
        self.at += count as u64;
        Ok(count)
    }
}
