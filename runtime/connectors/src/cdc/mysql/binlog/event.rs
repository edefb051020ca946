//! Events, as far as they are looked into.

use std::io::Read;

use flate2::read::ZlibDecoder;

use super::bytes::Bytes;
use super::rows::{Rows, TableMap};
use super::{Broken, Decoded};

/// The most bytes that an event may have when it is no longer compressed: the most that servers make.
const EVENT_MAX: u64 = 1 << 30;
/// Marks groups of MariaDB that are one event alone.
const STANDALONE: u8 = 1;

/// What all events have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) seconds: u32,
    pub(crate) kind: u8,
    pub(crate) server_id: u32,
    pub(crate) size: u32,
    /// Where the next one begins; 0 if it stands in no file.
    pub(crate) next: u32,
    pub(crate) flags: u16,
}

impl Header {
    /// Where it begins, if it stands in a file.
    pub(crate) fn position(&self) -> Option<u64> {
        self.next.checked_sub(self.size).filter(|at| *at > 0).map(u64::from)
    }
    /// Whether the server made it for this reader alone.
    pub(crate) fn is_artificial(&self) -> bool {
        const ARTIFICIAL: u16 = 0x20;
        self.flags & ARTIFICIAL != 0
    }
}

/// What happens to rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RowsKind {
    Insert,
    Update,
    Delete,
}

/// A statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct QueryEvent {
    pub(crate) thread: u32,
    pub(crate) error: u16,
    pub(crate) database: String,
    pub(crate) sql: String,
    pub(crate) sql_mode: u64,
}

/// An event.
#[derive(Debug)]
pub(crate) enum Event<'a> {
    Rotate {
        file: String,
        position: u64,
    },
    Query(QueryEvent),
    Xid,
    TableMap(TableMap),
    Rows(Rows<'a>),
    /// `text` is what the set takes; `is_standalone`: no end of a transaction follows.
    Gtid {
        text: String,
        domain: String,
        is_standalone: bool,
        commit_micros: Option<u64>,
    },
    /// The statement that changes the rows that follow.
    RowsQuery(String),
    /// Events in one, compressed: each with its header in front of it.
    Payload,
    /// Rows that only say which parts of a document changed.
    PartialRows,
    Heartbeat,
    Incident(String),
    Other,
}

/// Reads an event behind its header, without its checksum.
pub(crate) fn decode<'a>(header: &Header, data: &'a [u8]) -> Decoded<Event<'a>> {
    let mut bytes = Bytes(data);
    Ok(match header.kind {
        2 => Event::Query(query(&mut bytes, false)?),
        165 => Event::Query(query(&mut bytes, true)?),
        4 => {
            let position = bytes.low(8)?;
            Event::Rotate { file: String::from_utf8_lossy(bytes.rest()).into_owned(), position }
        }
        16 => Event::Xid,
        19 => Event::TableMap(TableMap::read(&mut bytes)?),
        23 => Event::Rows(Rows::read(&mut bytes, RowsKind::Insert, false)?),
        24 => Event::Rows(Rows::read(&mut bytes, RowsKind::Update, false)?),
        25 => Event::Rows(Rows::read(&mut bytes, RowsKind::Delete, false)?),
        30 => Event::Rows(Rows::read(&mut bytes, RowsKind::Insert, true)?),
        31 => Event::Rows(Rows::read(&mut bytes, RowsKind::Update, true)?),
        32 => Event::Rows(Rows::read(&mut bytes, RowsKind::Delete, true)?),
        // Of MariaDB, with rows that are compressed.
        166 => Event::Rows(Rows::read_compressed(&mut bytes, RowsKind::Insert, false)?),
        167 => Event::Rows(Rows::read_compressed(&mut bytes, RowsKind::Update, false)?),
        168 => Event::Rows(Rows::read_compressed(&mut bytes, RowsKind::Delete, false)?),
        169 => Event::Rows(Rows::read_compressed(&mut bytes, RowsKind::Insert, true)?),
        170 => Event::Rows(Rows::read_compressed(&mut bytes, RowsKind::Update, true)?),
        171 => Event::Rows(Rows::read_compressed(&mut bytes, RowsKind::Delete, true)?),
        26 => incident(&mut bytes)?,
        27 | 41 => Event::Heartbeat,
        29 => {
            bytes.byte()?;
            Event::RowsQuery(String::from_utf8_lossy(bytes.rest()).into_owned())
        }
        160 => Event::RowsQuery(String::from_utf8_lossy(bytes.rest()).into_owned()),
        33 => gtid(&mut bytes)?,
        42 => tagged(&mut bytes)?,
        39 => Event::PartialRows,
        40 => Event::Payload,
        162 => maria_gtid(header, &mut bytes)?,
        _ => Event::Other,
    })
}

fn query(bytes: &mut Bytes<'_>, is_compressed: bool) -> Decoded<QueryEvent> {
    let thread = bytes.low(4)? as u32;
    bytes.low(4)?;
    let database_size = usize::from(bytes.byte()?);
    let error = bytes.low(2)? as u16;
    let variables = bytes.low(2)? as usize;
    let sql_mode = sql_mode(Bytes(bytes.take(variables)?));
    let database = bytes.text(database_size)?;
    bytes.byte()?;
    let sql = match is_compressed {
        true => uncompressed(bytes)?,
        false => bytes.rest().to_vec(),
    };
    let sql = String::from_utf8_lossy(&sql).into_owned();
    Ok(QueryEvent { thread, error, database, sql, sql_mode })
}

/// The mode among the variables of a statement: it is the second of them if it is there.
fn sql_mode(mut variables: Bytes<'_>) -> u64 {
    const FLAGS2: u8 = 0;
    const MODE: u8 = 1;
    loop {
        match variables.byte() {
            Ok(FLAGS2) if variables.take(4).is_ok() => {}
            Ok(MODE) => return variables.low(8).unwrap_or_default(),
            _ => return 0,
        }
    }
}

/// What MariaDB compresses: a byte says how and how long the length is that follows.
pub(super) fn uncompressed(bytes: &mut Bytes<'_>) -> Decoded<Vec<u8>> {
    let first = bytes.byte()?;
    if first & 0x80 == 0 || (first >> 4) & 7 != 0 {
        return Err(Broken("it is compressed in a way that is not known"));
    }
    let length = bytes.high(usize::from(first & 7))?;
    inflate(bytes.rest(), length)
}

fn inflate(data: &[u8], length: u64) -> Decoded<Vec<u8>> {
    if length > EVENT_MAX {
        return Err(Broken("it is larger than 1 GiB"));
    }
    let mut plain = Vec::with_capacity(length as usize);
    ZlibDecoder::new(data)
        .take(length)
        .read_to_end(&mut plain)
        .map_err(|_| Broken("what is compressed in it is broken"))?;
    if plain.len() as u64 != length {
        return Err(Broken("what is compressed in it ends too early"));
    }
    Ok(plain)
}

fn incident<'a>(bytes: &mut Bytes<'a>) -> Decoded<Event<'a>> {
    bytes.low(2)?;
    let length = usize::from(bytes.byte().unwrap_or_default());
    Ok(Event::Incident(bytes.text(length.min(bytes.len()))?))
}

fn uuid(raw: &[u8]) -> String {
    let mut text = String::with_capacity(36);
    for (at, byte) in raw.iter().enumerate() {
        if matches!(at, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        text.push_str(&format!("{byte:02x}"));
    }
    text
}

fn gtid<'a>(bytes: &mut Bytes<'a>) -> Decoded<Event<'a>> {
    bytes.byte()?;
    let domain = uuid(bytes.take(16)?);
    let number = bytes.low(8)?;
    Ok(Event::Gtid {
        text: format!("{domain}:{number}"),
        domain,
        is_standalone: false,
        commit_micros: commit_time(bytes),
    })
}

/// When the transaction was committed where it was made, in microseconds, from MySQL 8 on.
fn commit_time(bytes: &mut Bytes<'_>) -> Option<u64> {
    const ORIGINAL_FOLLOWS: u64 = 1 << 55;
    // Behind the logical clock's type and two numbers.
    bytes.take(1 + 8 + 8).ok()?;
    let immediate = bytes.low(7).ok()?;
    match immediate & ORIGINAL_FOLLOWS != 0 {
        true => bytes.low(7).ok(),
        false => Some(immediate),
    }
}

/// GTIDs with tags, of MySQL 8.3 on: fields with numbers, each behind its number.
fn tagged<'a>(bytes: &mut Bytes<'a>) -> Decoded<Event<'a>> {
    // Version, size, and the last field that must be understood.
    for _ in 0..3 {
        variable(bytes)?;
    }
    let (mut domain, mut number, mut tag) = (Vec::new(), 0_i64, String::new());
    let (mut immediate, mut original) = (None, None);
    while !bytes.is_empty() {
        match variable(bytes)? {
            0 => {
                variable(bytes)?;
            }
            1 => {
                domain.clear();
                for _ in 0..16 {
                    domain.push(variable(bytes)? as u8);
                }
            }
            2 => number = signed_variable(bytes)?,
            3 => {
                let length = variable(bytes)? as usize;
                tag = bytes.text(length)?;
            }
            4 | 5 => {
                signed_variable(bytes)?;
            }
            6 => immediate = Some(variable(bytes)?),
            7 => original = Some(variable(bytes)?),
            _ => {
                variable(bytes)?;
            }
        }
    }
    let mut domain = uuid(&domain);
    if !tag.is_empty() {
        domain = format!("{domain}:{tag}");
    }
    let text = format!("{domain}:{number}");
    Ok(Event::Gtid { text, domain, is_standalone: false, commit_micros: original.or(immediate) })
}

/// A number whose first byte says by its lowest bits how many follow.
fn variable(bytes: &mut Bytes<'_>) -> Decoded<u64> {
    let first = bytes.byte()?;
    let more = first.trailing_ones();
    if more == 8 {
        return bytes.low(8);
    }
    let low = u64::from(first) >> (more + 1);
    let high = bytes.low(more as usize)?;
    Ok(low | high.checked_shl(7 - more).unwrap_or_default())
}

fn signed_variable(bytes: &mut Bytes<'_>) -> Decoded<i64> {
    let raw = variable(bytes)?;
    let value = (raw >> 1).cast_signed();
    Ok(if raw & 1 == 1 { -(value + 1) } else { value })
}

fn maria_gtid<'a>(header: &Header, bytes: &mut Bytes<'a>) -> Decoded<Event<'a>> {
    let number = bytes.low(8)?;
    let domain = bytes.low(4)?;
    let flags = bytes.byte()?;
    Ok(Event::Gtid {
        text: format!("{domain}-{}-{number}", header.server_id),
        domain: format!("{domain}-{}", header.server_id),
        is_standalone: flags & STANDALONE != 0,
        commit_micros: None,
    })
}
