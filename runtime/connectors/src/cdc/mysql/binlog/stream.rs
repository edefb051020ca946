//! The server's stream of events.

use std::io::Read;
use std::time::Duration;

use mysql::binlog::BinlogChecksumAlg;
use mysql::binlog::events::TransactionPayloadEvent;
use mysql::prelude::Queryable;
use mysql::{BinlogRequest, BinlogStream, Conn};

use super::{Broken, GtidSet, Header};

/// The most bytes that a transaction may have when it is no longer compressed: the most that servers make.
const PAYLOAD_MAX: u64 = 1 << 30;
/// Bytes of an event's header.
const HEADER: usize = 19;
const CHECKSUM: usize = 4;
/// The kind of event that says how others are written.
const DESCRIPTION: u8 = 15;

/// MariaDB is told that its own kinds of events are understood, those that say where transactions begin among
/// them.
const MARIA_CAPABILITY: u32 = 4;

/// Where to begin.
#[derive(Clone, Debug)]
pub(crate) enum Start {
    File {
        file: String,
        position: u64,
    },
    /// Behind these transactions.
    Gtids(GtidSet),
}

/// An open stream.
pub(crate) struct Binlog {
    stream: BinlogStream,
    /// Whether the server has said how events are written.
    is_described: bool,
}

impl std::fmt::Debug for Binlog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Binlog")
    }
}

/// One event as it came, its checksum verified.
#[derive(Debug)]
pub(crate) struct Raw {
    pub(crate) header: Header,
    event: mysql::binlog::events::Event,
    /// Bytes behind the data.
    behind: usize,
}

impl Raw {
    pub(crate) fn data(&self) -> &[u8] {
        let data = self.event.data();
        data.get(..data.len().saturating_sub(self.behind)).unwrap_or_default()
    }

    /// The events of a transaction that MySQL has compressed as a whole, each with its header.
    pub(crate) fn payload(&self) -> Result<Vec<(Header, Vec<u8>)>, Broken> {
        let broken = |_| Broken("what is compressed in it is broken");
        let payload: TransactionPayloadEvent<'_> = self.event.read_event().map_err(broken)?;
        let mut plain = Vec::new();
        payload
            .decompressed()
            .and_then(|reader| reader.take(PAYLOAD_MAX).read_to_end(&mut plain))
            .map_err(broken)?;
        let (mut events, mut rest) = (Vec::new(), plain.as_slice());
        while !rest.is_empty() {
            let (header, data, behind) = split(rest).ok_or(Broken("it ends too early"))?;
            events.push((header, data.to_vec()));
            rest = behind;
        }
        Ok(events)
    }
}

/// Why there is no next event.
#[derive(Debug)]
pub(crate) enum StreamError {
    Server(mysql::Error),
    /// What came is not what was sent.
    Checksum(Header),
    /// The server has ended it.
    Ended,
}

impl From<mysql::Error> for StreamError {
    fn from(error: mysql::Error) -> Self {
        Self::Server(error)
    }
}

impl Binlog {
    /// Begins. Silence of the server is broken so often by a word that it is there.
    pub(crate) fn open(
        mut connection: Conn,
        start: &Start,
        server_id: u32,
        is_maria: bool,
        heartbeat: Duration,
    ) -> mysql::Result<Self> {
        let period = heartbeat.as_nanos();
        connection.query_drop(format!("SET @master_heartbeat_period={period}"))?;
        if !is_maria {
            connection.query_drop(format!("SET @source_heartbeat_period={period}"))?;
        }
        let mut request = BinlogRequest::new(server_id);
        if is_maria {
            connection.query_drop(format!("SET @mariadb_slave_capability={MARIA_CAPABILITY}"))?;
        }
        match start {
            Start::File { file, position } => {
                request = request.with_filename(file.as_bytes().to_vec()).with_pos(*position);
            }
            Start::Gtids(GtidSet::Maria(_)) => {
                let Start::Gtids(set) = start else { return Err(wrong("no GTIDs")) };
                connection.query_drop(format!("SET @slave_connect_state='{set}'"))?;
                connection.query_drop("SET @slave_gtid_strict_mode=0")?;
                connection.query_drop("SET @slave_gtid_ignore_duplicates=0")?;
            }
            Start::Gtids(set @ GtidSet::MySql(_)) => {
                let text = set.to_string();
                let sids = text.split(',').filter(|part| !part.is_empty()).map(str::parse);
                let sids: Result<Vec<_>, _> = sids.collect();
                let sids = sids.map_err(|error: std::io::Error| wrong(&error.to_string()))?;
                request = request.with_use_gtid(true).with_pos(4_u64).with_sids(sids);
            }
        }
        Ok(Self { stream: connection.get_binlog_stream(request)?, is_described: false })
    }

    /// The next event: waits for it.
    pub(crate) fn next(&mut self) -> Result<Raw, StreamError> {
        let event = self.stream.next().ok_or(StreamError::Ended)??;
        let raw = event.header();
        let header = Header {
            seconds: raw.timestamp(),
            kind: raw.event_type_raw(),
            server_id: raw.server_id(),
            size: raw.event_size(),
            next: raw.log_pos(),
            flags: raw.flags_raw(),
        };
        if let (Some(sent), Ok(Some(BinlogChecksumAlg::BINLOG_CHECKSUM_ALG_CRC32))) =
            (event.checksum(), event.footer().get_checksum_alg())
        {
            let found = event.calc_checksum(BinlogChecksumAlg::BINLOG_CHECKSUM_ALG_CRC32);
            if u32::from_le_bytes(sent) != found && !header.is_artificial() {
                return Err(StreamError::Checksum(header));
            }
        }
        self.is_described |= header.kind == DESCRIPTION;
        // What names the file comes before it is said whether there are checksums.
        let behind =
            if self.is_described || !is_checked(&header, event.data()) { 0 } else { CHECKSUM };
        Ok(Raw { header, event, behind })
    }
}

/// Whether an event has its checksum at its end.
fn is_checked(header: &Header, data: &[u8]) -> bool {
    let Some((data, sent)) = data.split_last_chunk::<CHECKSUM>() else { return false };
    let mut crc = flate2::Crc::new();
    crc.update(&header.seconds.to_le_bytes());
    crc.update(&[header.kind]);
    for number in [header.server_id, header.size, header.next] {
        crc.update(&number.to_le_bytes());
    }
    crc.update(&header.flags.to_le_bytes());
    crc.update(data);
    crc.sum() == u32::from_le_bytes(*sent)
}

/// An event in front of others: its header, what it holds, and the others.
fn split(bytes: &[u8]) -> Option<(Header, &[u8], &[u8])> {
    let (head, _) = bytes.split_at_checked(HEADER)?;
    let four = |at: usize| Some(u32::from_le_bytes(*head.get(at..)?.first_chunk::<4>()?));
    let header = Header {
        seconds: four(0)?,
        kind: *head.get(4)?,
        server_id: four(5)?,
        size: four(9)?,
        next: four(13)?,
        flags: u16::from_le_bytes(*head.get(17..)?.first_chunk::<2>()?),
    };
    let (event, behind) = bytes.split_at_checked(header.size as usize)?;
    Some((header, event.get(HEADER..)?, behind))
}

fn wrong(text: &str) -> mysql::Error {
    mysql::Error::IoError(std::io::Error::new(std::io::ErrorKind::InvalidInput, text))
}
