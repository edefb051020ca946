//! How far a file was read, as it stands in the offsets: what Java's connector writes, and what tells
//! the file from another of its name.

use bytes::Bytes;
use gantry_api::{Error, OffsetMap, OffsetReader, Result, SourceOffset, SourcePartition};
use serde_json::Value as Json;

use super::place::{Entry, Stat};

pub(crate) const FILE_NAME: &str = "fileName";
pub(crate) const OFFSET: &str = "offset";
const POSITION: &str = "position";
const END: &str = "end";
const LENGTH: &str = "length";
const MODIFIED: &str = "modified";
const HEAD: &str = "head";
const INODE: &str = "inode";
const OWN: [&str; 6] = [POSITION, END, LENGTH, MODIFIED, HEAD, INODE];

/// So many bytes at the beginning of a file count for its checksum.
pub(crate) const HEAD_BYTES: u64 = 4096;

/// What tells a file from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) stat: Stat,
    /// A checksum of its beginning.
    pub(crate) head: u32,
}

/// Behind which record to go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Resume {
    /// As Java's connector counts.
    pub(crate) offset: i64,
    /// Where the next record begins; none if Java's connector wrote it, or a user.
    pub(crate) position: Option<u64>,
    /// Nothing follows.
    pub(crate) is_end: bool,
    pub(crate) identity: Option<Identity>,
}

/// The partition of a file.
pub(crate) fn partition(entry: &Entry) -> SourcePartition {
    SourcePartition::of(FILE_NAME, &entry.path())
}

/// What is stored for a file. Java's connector knows files in folders by their names alone.
pub(crate) fn find(offsets: &dyn OffsetReader, entry: &Entry) -> Option<Resume> {
    if let Some(map) = offsets.offset(&partition(entry)) {
        return Resume::read(&map);
    }
    entry.folder.as_ref()?;
    let map = offsets.offset(&SourcePartition::of(FILE_NAME, &entry.name))?;
    Resume::read(&map).filter(|resume| resume.identity.is_none())
}

impl Resume {
    fn read(map: &OffsetMap) -> Option<Self> {
        let unsigned = |name: &str| map.get(name).and_then(Json::as_u64);
        let offset = map.get(OFFSET).and_then(Json::as_i64)?;
        let identity =
            match (unsigned(LENGTH), map.get(MODIFIED).and_then(Json::as_i64), unsigned(HEAD)) {
                (Some(length), Some(modified_ms), Some(head)) => {
                    u32::try_from(head).ok().map(|head| {
                        let stat = Stat { length, modified_ms, inode: unsigned(INODE) };
                        Identity { stat, head }
                    })
                }
                _ => None,
            };
        // Without a file that it is of, a position says nothing.
        let position = identity.and_then(|_| unsigned(POSITION));
        let is_end = identity.is_some() && map.get(END).and_then(Json::as_bool) == Some(true);
        Some(Self { offset, position, is_end, identity })
    }

    fn to_map(self) -> OffsetMap {
        let mut map = OffsetMap::new();
        map.insert(OFFSET.to_owned(), Json::from(self.offset));
        if let Some(position) = self.position {
            map.insert(POSITION.to_owned(), Json::from(position));
        }
        if self.is_end {
            map.insert(END.to_owned(), Json::from(true));
        }
        if let Some(Identity { stat, head }) = self.identity {
            map.insert(LENGTH.to_owned(), Json::from(stat.length));
            map.insert(MODIFIED.to_owned(), Json::from(stat.modified_ms));
            map.insert(HEAD.to_owned(), Json::from(head));
            if let Some(inode) = stat.inode {
                map.insert(INODE.to_owned(), Json::from(inode));
            }
        }
        map
    }
}

/// Offset, position, length, time, inode: 8 bytes each. Checksum: 4. Which of them are there: 1.
const ENCODED_BYTES: usize = 45;
const HAS_POSITION: u8 = 1;
const HAS_END: u8 = 2;
const HAS_IDENTITY: u8 = 4;
const HAS_INODE: u8 = 8;

/// Offsets of a batch: of many, only the last one is ever looked at.
#[derive(Debug, Default)]
pub(crate) struct Encoder {
    bytes: Vec<u8>,
}

impl Encoder {
    pub(crate) fn push(&mut self, resume: &Resume) {
        let identity = resume.identity;
        let stat = identity.map(|identity| identity.stat);
        let inode = stat.and_then(|stat| stat.inode);
        let flags = [
            (HAS_POSITION, resume.position.is_some()),
            (HAS_END, resume.is_end),
            (HAS_IDENTITY, identity.is_some()),
            (HAS_INODE, inode.is_some()),
        ];
        let flags = flags.iter().filter(|(_, is)| *is).fold(0, |all, (flag, _)| all | flag);
        self.bytes.push(flags);
        self.bytes.extend_from_slice(&resume.offset.to_le_bytes());
        self.bytes.extend_from_slice(&resume.position.unwrap_or(0).to_le_bytes());
        self.bytes.extend_from_slice(&stat.map_or(0, |stat| stat.length).to_le_bytes());
        self.bytes.extend_from_slice(&stat.map_or(0, |stat| stat.modified_ms).to_le_bytes());
        self.bytes.extend_from_slice(&inode.unwrap_or(0).to_le_bytes());
        self.bytes.extend_from_slice(&identity.map_or(0, |identity| identity.head).to_le_bytes());
    }

    /// All of them, in order.
    pub(crate) fn finish(self) -> impl Iterator<Item = SourceOffset> {
        let bytes = Bytes::from(self.bytes);
        let count = bytes.len() / ENCODED_BYTES;
        (0..count).map(move |at| SourceOffset::Encoded {
            bytes: bytes.slice(at * ENCODED_BYTES..(at + 1) * ENCODED_BYTES),
            decode,
        })
    }
}

fn decode(bytes: &Bytes) -> OffsetMap {
    let flags = bytes.first().copied().unwrap_or(0);
    let eight = |at: usize| -> [u8; 8] {
        bytes.get(1 + at * 8..9 + at * 8).and_then(|part| part.try_into().ok()).unwrap_or_default()
    };
    let head = bytes.get(41..45).and_then(|part| part.try_into().ok()).unwrap_or_default();
    let unsigned = |at: usize| u64::from_le_bytes(eight(at));
    let stat = Stat {
        length: unsigned(2),
        modified_ms: i64::from_le_bytes(eight(3)),
        inode: (flags & HAS_INODE != 0).then(|| unsigned(4)),
    };
    let resume = Resume {
        offset: i64::from_le_bytes(eight(0)),
        position: (flags & HAS_POSITION != 0).then(|| unsigned(1)),
        is_end: flags & HAS_END != 0,
        identity: (flags & HAS_IDENTITY != 0)
            .then(|| Identity { stat, head: u32::from_le_bytes(head) }),
    };
    resume.to_map()
}

/// Checks what a user wants to write.
pub(crate) fn check(changes: &[(OffsetMap, Option<OffsetMap>)]) -> Result<bool> {
    for (partition, offset) in changes {
        if partition.len() != 1 || !partition.get(FILE_NAME).is_some_and(Json::is_string) {
            return Err(Error::connect(format!(
                "A source partition is a file of input.path: it has the key '{FILE_NAME}' alone, with the \
                 file's name, or its path below input.path"
            )));
        }
        let Some(offset) = offset else { continue };
        if offset.get(OFFSET).and_then(Json::as_i64).is_none() {
            return Err(Error::connect(format!(
                "An offset has the key '{OFFSET}', a whole number: how many lines, or which record, the \
                 connector is to go on behind"
            )));
        }
        let unknown = offset.keys().find(|name| *name != OFFSET && !OWN.contains(&name.as_str()));
        if let Some(name) = unknown {
            return Err(Error::connect(format!(
                "'{name}' is no part of an offset: write '{OFFSET}' alone, or what the connector wrote itself"
            )));
        }
    }
    Ok(true)
}

/// What to do with a file of a name of which something is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Known {
    /// It is read from here.
    From(Resume),
    /// It is another file.
    Other,
}

/// Whether a file is the one of which something is stored. `head`: the checksum of as much of its
/// beginning as counted then. `trusts_end`: what was read to its end may have grown since, as it was not taken
/// away; else it is another file if it has changed.
pub(crate) fn recognise(stored: Resume, now: Stat, head: Option<u32>, trusts_end: bool) -> Known {
    let Some(Identity { stat: then, head: then_head }) = stored.identity else {
        return Known::From(stored);
    };
    if head != Some(then_head) {
        return Known::Other;
    }
    let unchanged = then.length == now.length && then.modified_ms == now.modified_ms;
    if unchanged {
        return Known::From(stored);
    }
    // It has grown, or was repaired in its place.
    let is_same = match (then.inode, now.inode) {
        (Some(then), Some(now)) => then == now,
        _ => true,
    };
    let may_go_on = is_same && now.length >= then.length && (trusts_end || !stored.is_end);
    if may_go_on { Known::From(stored) } else { Known::Other }
}
