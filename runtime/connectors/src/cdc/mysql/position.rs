//! How far the reader is, and what offsets say of it: as Debezium's, so that either can go on from the other's.

use std::fmt::Write;

use gantry_api::{Bytes, OffsetMap, SourceOffset, Value};
use serde_json::Value as Json;

use super::binlog::{GtidSet, Header};
use super::source::Place;
use crate::cdc::emit::Transaction;

/// Where a reader goes on: at the begin of a transaction, passing over what of it was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Resume {
    pub(crate) file: String,
    pub(crate) position: u64,
    /// All transactions that are done.
    pub(crate) gtids: Option<String>,
    pub(crate) events: u64,
    pub(crate) rows: usize,
    /// Which structures of tables are those of this place.
    pub(crate) structures: Option<u64>,
}

const STRUCTURES: &str = "gantry.structures";

impl Resume {
    /// What an offset says; `None`: nothing that can be used.
    pub(crate) fn load(offset: &OffsetMap) -> Option<Self> {
        let number = |key: &str| -> u64 {
            match offset.get(key) {
                Some(Json::String(text)) => text.parse().unwrap_or_default(),
                Some(other) => other.as_u64().unwrap_or_default(),
                None => 0,
            }
        };
        Some(Self {
            file: offset.get("file")?.as_str()?.to_owned(),
            position: number("pos"),
            gtids: offset.get("gtids").and_then(Json::as_str).map(str::to_owned),
            events: number("event"),
            rows: usize::try_from(number("row")).unwrap_or_default(),
            structures: offset.get(STRUCTURES).and_then(Json::as_u64),
        })
    }

    /// Whether an offset says that a snapshot was being taken.
    pub(crate) fn is_snapshot(offset: &OffsetMap) -> bool {
        offset.get("snapshot").is_some_and(|value| *value != Json::Bool(false))
            && offset.get("snapshot_completed") != Some(&Json::Bool(true))
    }
}

impl std::fmt::Display for Resume {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.file, self.position)?;
        match &self.gtids {
            Some(gtids) => write!(f, " (GTIDs {gtids})"),
            None => Ok(()),
        }
    }
}

/// How far the reader is.
#[derive(Clone, Debug)]
pub(crate) struct Position {
    pub(crate) place: Place,
    resume: Resume,
    file: String,
    /// All transactions up to this one.
    set: Option<GtidSet>,
    set_text: Option<String>,
    event_size: u64,
    in_transaction: bool,
    /// Whether the transaction has said its time, which is that of all its events.
    has_time: bool,
    /// The part of offsets that is one for all rows of a transaction.
    head: String,
    /// What offsets say of incremental snapshots.
    more: String,
}

impl Position {
    pub(crate) fn new(resume: Resume, is_maria: bool) -> Self {
        let gtids = resume.gtids.as_deref().and_then(|text| GtidSet::parse(text, is_maria).ok());
        let mut position = Self {
            place: Place {
                micros: 0,
                server_id: 0,
                gtid: Value::Null,
                file: Value::str(&resume.file),
                position: i64::try_from(resume.position).unwrap_or_default(),
                row: 0,
                thread: Value::Null,
                query: Value::Null,
            },
            file: resume.file.clone(),
            set_text: resume.gtids.clone(),
            set: gtids,
            resume,
            event_size: 0,
            in_transaction: false,
            has_time: false,
            head: String::new(),
            more: String::new(),
        };
        position.write_head();
        position
    }

    /// Where a reader that begins now goes on.
    pub(crate) fn resume(&self) -> &Resume {
        &self.resume
    }
    pub(crate) fn file(&self) -> &str {
        &self.file
    }
    pub(crate) fn is_in_transaction(&self) -> bool {
        self.in_transaction
    }
    pub(crate) fn structures(&self) -> Option<u64> {
        self.resume.structures
    }
    pub(crate) fn set_structures(&mut self, number: u64) {
        self.resume.structures = Some(number);
    }
    /// The reader asked the server for what follows these.
    pub(crate) fn set_gtids(&mut self, set: GtidSet) {
        let text = set.to_string();
        self.set = Some(set);
        self.set_text = Some(text).filter(|text| !text.is_empty());
        self.resume.gtids.clone_from(&self.set_text);
        self.write_head();
    }
    pub(crate) fn forget_gtids(&mut self) {
        (self.set, self.set_text, self.resume.gtids) = (None, None, None);
        self.write_head();
    }

    /// An event begins.
    pub(crate) fn event(&mut self, header: &Header) {
        self.place.server_id = i64::from(header.server_id);
        if header.seconds != 0 && !self.has_time {
            self.place.micros = i64::from(header.seconds) * 1_000_000;
        }
        let Some(position) = header.position() else { return };
        self.place.position = i64::try_from(position).unwrap_or_default();
        self.event_size = u64::from(header.size);
        if !self.in_transaction {
            self.resume.position = position + self.event_size;
            (self.resume.rows, self.resume.events) = (0, 0);
            self.write_head();
        }
    }
    /// An event was done.
    pub(crate) fn event_done(&mut self) {
        self.resume.events += 1;
    }
    /// What follows stands in another file.
    pub(crate) fn rotate(&mut self, file: &str, position: u64) {
        if self.file != file {
            file.clone_into(&mut self.file);
            self.place.file = Value::str(file);
        }
        self.place.position = i64::try_from(position).unwrap_or_default();
        self.place.row = 0;
        file.clone_into(&mut self.resume.file);
        self.resume.position = position;
        (self.resume.rows, self.resume.events) = (0, 0);
        self.write_head();
    }
    /// When a transaction was committed at its origin.
    pub(crate) fn set_time(&mut self, micros: u64) {
        self.place.micros = i64::try_from(micros).unwrap_or(i64::MAX);
        self.has_time = true;
    }
    /// A transaction has a name.
    pub(crate) fn gtid(&mut self, text: &str) {
        self.place.gtid = Value::str(text);
        // Of a reader that began at a place in a file it is not known which transactions lie before that.
        let Some(set) = &mut self.set else { return };
        // What is none was refused when the event was read.
        let _ = set.add(text);
        let now = set.to_string();
        // Until it is done, a reader asks for it again.
        self.resume.gtids = self.set_text.replace(now);
    }
    /// A transaction begins.
    pub(crate) fn begin(&mut self) {
        (self.resume.rows, self.resume.events) = (0, 0);
        self.resume.file.clone_from(&self.file);
        self.resume.position = u64::try_from(self.place.position).unwrap_or_default();
        self.in_transaction = true;
        self.write_head();
    }
    /// Its name where it has no GTID.
    pub(crate) fn transaction_id(&self) -> String {
        match self.place.gtid.as_str() {
            Some(gtid) => gtid.to_owned(),
            None => format!("file={},pos={}", self.resume.file, self.resume.position),
        }
    }
    /// A transaction, or a statement that is one, is done.
    pub(crate) fn commit(&mut self) {
        self.resume.gtids.clone_from(&self.set_text);
        self.resume.file.clone_from(&self.file);
        let end = u64::try_from(self.place.position).unwrap_or_default() + self.event_size;
        self.resume.position = end;
        (self.resume.rows, self.resume.events) = (0, 0);
        (self.in_transaction, self.has_time) = (false, false);
        self.place.query = Value::Null;
        self.place.thread = Value::Null;
        self.write_head();
    }
    /// A row of an event was read.
    pub(crate) fn row(&mut self, at: usize) {
        self.place.row = at;
        self.resume.rows = at + 1;
    }
    pub(crate) fn rows_done(&mut self) {
        self.resume.rows = 0;
    }

    /// What offsets say of incremental snapshots from now on.
    pub(crate) fn set_more(&mut self, more: &OffsetMap) {
        self.more = inner(more);
    }

    fn write_head(&mut self) {
        let quoted = |text: &str| Json::from(text).to_string();
        self.head.clear();
        let _ = write!(
            self.head,
            "{{\"file\":{},\"pos\":{}",
            quoted(&self.resume.file),
            self.resume.position
        );
        if let Some(gtids) = &self.resume.gtids {
            let _ = write!(self.head, ",\"gtids\":{}", quoted(gtids));
        }
    }

    /// What a record's offset says. `snapshot`: while one is taken.
    pub(crate) fn offset(&self, transaction: Option<&Transaction>, snapshot: bool) -> SourceOffset {
        let mut text = String::with_capacity(self.head.len() + 96);
        text.push_str(&self.head);
        if self.place.server_id != 0 {
            let _ = write!(text, ",\"server_id\":{}", self.place.server_id);
        }
        for (key, number) in [("event", self.resume.events), ("row", self.resume.rows as u64)] {
            if number != 0 {
                let _ = write!(text, ",\"{key}\":{number}");
            }
        }
        if self.place.micros != 0 {
            let _ = write!(text, ",\"ts_sec\":{}", self.place.micros.div_euclid(1_000_000));
        }
        if let Some(number) = self.resume.structures {
            let _ = write!(text, ",\"{STRUCTURES}\":{number}");
        }
        if snapshot {
            text.push_str(",\"snapshot\":\"INITIAL\"");
        }
        if let Some(transaction) = transaction.filter(|transaction| transaction.id.is_some()) {
            let mut map = OffsetMap::new();
            transaction.store(&mut map);
            text.push_str(&inner(&map));
        }
        text.push_str(&self.more);
        text.push('}');
        SourceOffset::Encoded { bytes: Bytes::from(text), decode }
    }
}

/// A map as a part of another one's text.
fn inner(map: &OffsetMap) -> String {
    if map.is_empty() {
        return String::new();
    }
    let text = Json::Object(map.clone()).to_string();
    format!(",{}", text.get(1..text.len() - 1).unwrap_or_default())
}

fn decode(bytes: &Bytes) -> OffsetMap {
    serde_json::from_slice(bytes).unwrap_or_default()
}
