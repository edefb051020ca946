//! What PostgreSQL's plugin `pgoutput` sends: PostgreSQL's documentation, "Logical Replication Message Formats",
//! version 1 of the protocol, with values as texts.

use bytes::{Buf, Bytes};
use gantry_api::{Error, Result};

/// Microseconds from 1970 to 2000, where PostgreSQL's clock begins.
const EPOCH_US: i64 = 946_684_800_000_000;

/// What stands in the stream of a replication connection.
#[derive(Debug)]
pub(super) enum Frame {
    /// A change, or what belongs to one.
    Data { start: u64, message: Bytes },
    /// The server is there; up to here there is nothing more to send.
    Alive { end: u64, wants_answer: bool },
}

impl Frame {
    pub(super) fn read(mut bytes: Bytes) -> Result<Self> {
        match take_u8(&mut bytes)? {
            b'w' => {
                let start = take_u64(&mut bytes)?;
                // The end of the log as it is now, and the server's clock.
                take_u64(&mut bytes)?;
                take_u64(&mut bytes)?;
                Ok(Self::Data { start, message: bytes })
            }
            b'k' => {
                let end = take_u64(&mut bytes)?;
                take_u64(&mut bytes)?;
                Ok(Self::Alive { end, wants_answer: take_u8(&mut bytes)? == 1 })
            }
            other => Err(strange(other)),
        }
    }
}

/// How far this side is: all positions are of what is safe.
pub(super) fn status(lsn: u64, now_us: i64) -> [u8; 34] {
    let mut out = [0; 34];
    out[0] = b'r';
    for at in [1, 9, 17] {
        out[at..at + 8].copy_from_slice(&lsn.to_be_bytes());
    }
    out[25..33].copy_from_slice(&(now_us - EPOCH_US).to_be_bytes());
    out
}

/// Which rows identify a change's row before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Identity {
    Default,
    Nothing,
    Full,
    Index,
}

/// A column of a relation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RelationColumn {
    pub(super) is_key: bool,
    pub(super) name: String,
    pub(super) type_oid: u32,
    pub(super) modifier: i32,
}

/// A table as it is for the changes that follow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Relation {
    pub(super) oid: u32,
    pub(super) schema: String,
    pub(super) name: String,
    pub(super) identity: Identity,
    pub(super) columns: Vec<RelationColumn>,
}

/// A value of a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Cell {
    Null,
    /// It is stored elsewhere, and has not changed: the server does not say it.
    Unchanged,
    Text(Bytes),
}

/// One message.
#[derive(Debug)]
pub(super) enum Message {
    /// `lsn`: of the commit that will follow.
    Begin {
        lsn: u64,
        time_us: i64,
        xid: u32,
    },
    Commit {
        end: u64,
        time_us: i64,
    },
    Origin(String),
    Relation(Relation),
    /// A type that is no built-in one: what is needed of it is asked from the catalog.
    Type,
    Insert {
        relation: u32,
        new: Vec<Cell>,
    },
    Update {
        relation: u32,
        old: Option<Vec<Cell>>,
        new: Vec<Cell>,
    },
    Delete {
        relation: u32,
        old: Vec<Cell>,
    },
    Truncate {
        relations: Vec<u32>,
    },
    Logical {
        is_transactional: bool,
        lsn: u64,
        prefix: String,
        content: Bytes,
    },
}

impl Message {
    pub(super) fn read(mut bytes: Bytes) -> Result<Self> {
        let bytes = &mut bytes;
        Ok(match take_u8(bytes)? {
            b'B' => Self::Begin {
                lsn: take_u64(bytes)?,
                time_us: take_time(bytes)?,
                xid: take_u32(bytes)?,
            },
            b'C' => {
                take_u8(bytes)?;
                take_u64(bytes)?;
                Self::Commit { end: take_u64(bytes)?, time_us: take_time(bytes)? }
            }
            b'O' => {
                take_u64(bytes)?;
                Self::Origin(take_text(bytes)?)
            }
            b'R' => Self::Relation(relation(bytes)?),
            b'Y' => Self::Type,
            b'I' => {
                let relation = take_u32(bytes)?;
                expect(bytes, b'N')?;
                Self::Insert { relation, new: tuple(bytes)? }
            }
            b'U' => {
                let relation = take_u32(bytes)?;
                let kind = take_u8(bytes)?;
                let old = match kind {
                    b'K' | b'O' => {
                        let old = tuple(bytes)?;
                        expect(bytes, b'N')?;
                        Some(old)
                    }
                    b'N' => None,
                    other => return Err(strange(other)),
                };
                Self::Update { relation, old, new: tuple(bytes)? }
            }
            b'D' => {
                let relation = take_u32(bytes)?;
                let kind = take_u8(bytes)?;
                if !matches!(kind, b'K' | b'O') {
                    return Err(strange(kind));
                }
                Self::Delete { relation, old: tuple(bytes)? }
            }
            b'T' => {
                let count = take_u32(bytes)?;
                take_u8(bytes)?;
                let relations = (0..count).map(|_| take_u32(bytes)).collect::<Result<_>>()?;
                Self::Truncate { relations }
            }
            b'M' => {
                let is_transactional = take_u8(bytes)? & 1 == 1;
                let lsn = take_u64(bytes)?;
                let prefix = take_text(bytes)?;
                let length = take_u32(bytes)? as usize;
                Self::Logical { is_transactional, lsn, prefix, content: take(bytes, length)? }
            }
            other => return Err(strange(other)),
        })
    }
}

fn relation(bytes: &mut Bytes) -> Result<Relation> {
    let oid = take_u32(bytes)?;
    let schema = take_text(bytes)?;
    let name = take_text(bytes)?;
    let identity = match take_u8(bytes)? {
        b'd' => Identity::Default,
        b'n' => Identity::Nothing,
        b'f' => Identity::Full,
        b'i' => Identity::Index,
        other => return Err(strange(other)),
    };
    let count = take_u16(bytes)?;
    let mut columns = Vec::with_capacity(usize::from(count));
    for _ in 0..count {
        columns.push(RelationColumn {
            is_key: take_u8(bytes)? & 1 == 1,
            name: take_text(bytes)?,
            type_oid: take_u32(bytes)?,
            modifier: take_u32(bytes)?.cast_signed(),
        });
    }
    // The catalog's own schema is sent without its name.
    let schema = if schema.is_empty() { "pg_catalog".to_owned() } else { schema };
    Ok(Relation { oid, schema, name, identity, columns })
}

fn tuple(bytes: &mut Bytes) -> Result<Vec<Cell>> {
    let count = take_u16(bytes)?;
    let mut cells = Vec::with_capacity(usize::from(count));
    for _ in 0..count {
        cells.push(match take_u8(bytes)? {
            b'n' => Cell::Null,
            b'u' => Cell::Unchanged,
            b't' => {
                let length = take_u32(bytes)? as usize;
                Cell::Text(take(bytes, length)?)
            }
            other => return Err(strange(other)),
        });
    }
    Ok(cells)
}

fn short() -> Error {
    Error::data("a message of pgoutput ends too early")
}

fn strange(kind: u8) -> Error {
    Error::data(format!("pgoutput sent what its protocol does not know: {:?}", char::from(kind)))
}

fn expect(bytes: &mut Bytes, kind: u8) -> Result<()> {
    let got = take_u8(bytes)?;
    if got == kind { Ok(()) } else { Err(strange(got)) }
}

fn take(bytes: &mut Bytes, length: usize) -> Result<Bytes> {
    if bytes.len() < length {
        return Err(short());
    }
    Ok(bytes.split_to(length))
}

fn take_u8(bytes: &mut Bytes) -> Result<u8> {
    bytes.try_get_u8().map_err(|_| short())
}

fn take_u16(bytes: &mut Bytes) -> Result<u16> {
    bytes.try_get_u16().map_err(|_| short())
}

fn take_u32(bytes: &mut Bytes) -> Result<u32> {
    bytes.try_get_u32().map_err(|_| short())
}

fn take_u64(bytes: &mut Bytes) -> Result<u64> {
    bytes.try_get_u64().map_err(|_| short())
}

/// Microseconds since 1970.
fn take_time(bytes: &mut Bytes) -> Result<i64> {
    Ok(take_u64(bytes)?.cast_signed().saturating_add(EPOCH_US))
}

fn take_text(bytes: &mut Bytes) -> Result<String> {
    let end = bytes.iter().position(|&byte| byte == 0).ok_or_else(short)?;
    let text = bytes.split_to(end);
    bytes.advance(1);
    Ok(String::from_utf8_lossy(&text).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(parts: &[&[u8]]) -> Result<Message> {
        Message::read(Bytes::from(parts.concat()))
    }

    #[test]
    fn an_update_has_its_key_before_and_says_what_has_not_changed() {
        let read = message(&[
            b"U\x00\x00\x40\x01",
            b"K\x00\x02t\x00\x00\x00\x017n",
            b"N\x00\x03t\x00\x00\x00\x018un",
        ]);
        let Ok(Message::Update { relation: 0x4001, old: Some(old), new }) = read else {
            panic!("{read:?}")
        };
        assert_eq!(old, [Cell::Text(Bytes::from_static(b"7")), Cell::Null]);
        assert_eq!(new, [Cell::Text(Bytes::from_static(b"8")), Cell::Unchanged, Cell::Null]);
    }

    #[test]
    fn a_relation_has_its_columns() {
        let read = message(&[
            b"R\x00\x00\x40\x01public\0t\0d\x00\x02",
            b"\x01id\0\x00\x00\x00\x17\xff\xff\xff\xff",
            b"\x00amount\0\x00\x00\x06\xa4\x00\x14\x00\x08",
        ]);
        let Ok(Message::Relation(relation)) = read else { panic!("{read:?}") };
        assert_eq!((relation.schema.as_str(), relation.name.as_str()), ("public", "t"));
        assert_eq!(relation.identity, Identity::Default);
        assert_eq!(relation.columns[0].modifier, -1);
        assert_eq!(relation.columns[1].type_oid, 1700);
        assert!(relation.columns[0].is_key && !relation.columns[1].is_key);
    }

    #[test]
    fn times_count_from_1970() {
        let read =
            message(&[b"B", &7_u64.to_be_bytes(), &0_u64.to_be_bytes(), &9_u32.to_be_bytes()]);
        assert!(matches!(read, Ok(Message::Begin { lsn: 7, time_us: EPOCH_US, xid: 9 })));
        let said = status(5, EPOCH_US + 3);
        assert_eq!(said[1..9], 5_u64.to_be_bytes());
        assert_eq!(said[25..33], 3_i64.to_be_bytes());
    }

    #[test]
    fn whatever_is_cut_or_strange_is_an_error() {
        let whole = [
            b"U\x00\x00\x40\x01".as_slice(),
            b"K\x00\x02t\x00\x00\x00\x017n",
            b"N\x00\x03t\x00\x00\x00\x018un",
        ]
        .concat();
        for end in 0..whole.len() {
            assert!(Message::read(Bytes::copy_from_slice(&whole[..end])).is_err(), "{end}");
        }
        assert!(message(&[b"?"]).is_err());
    }
}
