//! How far a commit reaches into the file: the text stored with the sink's offsets, from which a
//! restarted task finds what it wrote after that commit.

use std::fs::File;
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};

use gantry_api::Str;
use serde_json::{Value as Json, json};

/// The version of the text.
const VERSION: u64 = 1;
/// How much before the end is checked, in bytes.
const TAIL_BYTES: u64 = 4096;

/// A length of one file, with what stood before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    device: u64,
    inode: u64,
    /// The file's length in bytes at the commit.
    pub(super) length: u64,
    /// The CRC-32C of the last [`TAIL_BYTES`] before it.
    tail: u32,
}

impl Mark {
    /// Marks `length` of a file; `None` if it was truncated meanwhile.
    pub(super) fn of(file: &File, length: u64) -> io::Result<Option<Self>> {
        let found = file.metadata()?;
        let tail = match tail(file, length) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
            tail => tail?,
        };
        Ok(Some(Self { device: found.dev(), inode: found.ino(), length, tail }))
    }

    /// Why the file is not the one that was marked; `None` if it is.
    pub(super) fn mismatch(&self, file: &File) -> io::Result<Option<&'static str>> {
        let found = file.metadata()?;
        Ok(if (found.dev(), found.ino()) != (self.device, self.inode) {
            Some("it is another file than at the last commit")
        } else if found.len() < self.length {
            Some("it is shorter than at the last commit")
        } else if tail(file, self.length)? != self.tail {
            Some("it was changed before the place of the last commit")
        } else {
            None
        })
    }

    /// The text to store.
    pub(super) fn to_text(&self) -> Str {
        json!({
            "v": VERSION,
            "device": self.device,
            "inode": self.inode,
            "length": self.length,
            "crc": self.tail,
        })
        .to_string()
        .into()
    }

    /// From stored text; `None` for what is not a mark of this version.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let json: Json = serde_json::from_str(text).ok()?;
        let number = |key: &str| json.get(key).and_then(Json::as_u64);
        (number("v")? == VERSION).then_some(())?;
        Some(Self {
            device: number("device")?,
            inode: number("inode")?,
            length: number("length")?,
            tail: u32::try_from(number("crc")?).ok()?,
        })
    }
}

fn tail(file: &File, length: u64) -> io::Result<u32> {
    let start = length.saturating_sub(TAIL_BYTES);
    let mut bytes = vec![0; usize::try_from(length - start).unwrap_or_default()];
    file.read_exact_at(&mut bytes, start)?;
    Ok(crc32c::crc32c(&bytes))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn text_and_back() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&[b'x'; 5000]).unwrap();
        let mark = Mark::of(&file, 4999).unwrap().unwrap();
        assert_eq!(Mark::parse(&mark.to_text()), Some(mark.clone()));
        assert_eq!(mark.mismatch(&file).unwrap(), None);
        for text in ["", "{}", "x", r#"{"v":2,"device":1,"inode":1,"length":1,"crc":1}"#] {
            assert_eq!(Mark::parse(text), None, "{text}");
        }
    }

    #[test]
    fn tells_another_file() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"one\ntwo\n").unwrap();
        let mark = Mark::of(&file, 8).unwrap().unwrap();
        let other = tempfile::tempfile().unwrap();
        assert!(mark.mismatch(&other).unwrap().unwrap().contains("another file"));
        file.write_at(b"ONE", 0).unwrap();
        assert!(mark.mismatch(&file).unwrap().unwrap().contains("changed"));
        file.set_len(7).unwrap();
        assert_eq!(Mark::of(&file, 8).unwrap(), None);
        assert!(mark.mismatch(&file).unwrap().unwrap().contains("shorter"));
    }
}
