//! How far the connector is, and how offsets say it.

use gantry_api::{Bytes, OffsetMap, SourceOffset};

use super::super::emit::Transaction;

/// The last message that was read, in Debezium's words.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Kind {
    #[default]
    None,
    Begin,
    Commit,
    Insert,
    Update,
    Delete,
    Truncate,
    Message,
}

const KINDS: [(Kind, &str); 7] = [
    (Kind::Begin, "BEGIN"),
    (Kind::Commit, "COMMIT"),
    (Kind::Insert, "INSERT"),
    (Kind::Update, "UPDATE"),
    (Kind::Delete, "DELETE"),
    (Kind::Truncate, "TRUNCATE"),
    (Kind::Message, "MESSAGE"),
];

/// A position in the log. Transactions come whole, in the order of their commits; of one that is half read, changes up
/// to a position of their own are read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Position {
    /// The time that records show, in microseconds.
    pub(super) ts_us: Option<i64>,
    pub(super) tx_id: Option<i64>,
    pub(super) lsn: Option<u64>,
    /// The last change that is done with.
    pub(super) lsn_proc: Option<u64>,
    /// The end of the last transaction that is done with.
    pub(super) lsn_commit: Option<u64>,
    pub(super) kind: Kind,
    /// How many changes at `lsn` are done with: several can stand there.
    pub(super) events: u64,
    /// Where the transaction commits that `lsn` is in; of Debezium's own offsets it is not known.
    pub(super) tx_lsn: Option<u64>,
    /// Rows that are there are being read, or were until just now.
    pub(super) snapshot: Option<Snapshot>,
}

/// How far a snapshot is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Snapshot {
    Running,
    Completed,
}

/// The key of our own in which the transaction's position stands.
const TX_LSN: &str = "gantry_tx_lsn";

impl Position {
    pub(super) fn load(map: &OffsetMap) -> Self {
        let number = |key: &str| map.get(key).and_then(serde_json::Value::as_i64);
        let lsn = |key: &str| number(key).map(i64::cast_unsigned);
        let flag = |key: &str| map.get(key).is_some_and(|flag| flag.as_bool() == Some(true));
        let is_snapshot = map.get("snapshot").is_some_and(|word| {
            word.as_bool() == Some(true)
                || word.as_str().is_some_and(|word| word != "INCREMENTAL" && word != "false")
        });
        let is_done = flag("last_snapshot_record") || flag("snapshot_completed");
        let word = map.get("messageType").and_then(|word| word.as_str());
        Self {
            ts_us: number("ts_usec"),
            tx_id: number("txId"),
            lsn: lsn("lsn"),
            lsn_proc: lsn("lsn_proc"),
            lsn_commit: lsn("lsn_commit").or_else(|| lsn("lsn_proc")),
            kind: KINDS
                .iter()
                .find(|(_, name)| Some(*name) == word)
                .map(|(kind, _)| *kind)
                .unwrap_or_default(),
            events: number("lsn_events_processed").and_then(|n| u64::try_from(n).ok()).unwrap_or(0),
            tx_lsn: lsn(TX_LSN),
            snapshot: (is_snapshot && !is_done).then_some(Snapshot::Running),
        }
    }

    /// Up to where the server may forget its log once this is stored.
    pub(super) fn safe(&self) -> u64 {
        match (self.snapshot, self.lsn_commit, self.lsn_proc) {
            (Some(Snapshot::Running), ..) => 0,
            (_, Some(commit), _) => commit,
            // Where the snapshot was.
            (_, None, None) => self.lsn.unwrap_or(0),
            (_, None, Some(_)) => 0,
        }
    }

    /// What is stored. Only the last one of many is ever looked at, so that a text is not made of each.
    pub(super) fn offset(&self, more: &Bytes) -> SourceOffset {
        let mut bytes = Vec::with_capacity(88 + more.len());
        let mut flags = 0_u8;
        for (at, number) in self.numbers().iter().enumerate() {
            if number.is_some() {
                flags |= 1 << at;
            }
        }
        bytes.push(flags);
        bytes.push(self.kind as u8);
        bytes.push(match self.snapshot {
            None => 0,
            Some(Snapshot::Running) => 1,
            Some(Snapshot::Completed) => 2,
        });
        bytes.extend(self.events.to_le_bytes());
        for number in self.numbers().into_iter().flatten() {
            bytes.extend(number.to_le_bytes());
        }
        bytes.extend_from_slice(more);
        SourceOffset::Encoded { bytes: bytes.into(), decode }
    }

    fn numbers(&self) -> [Option<i64>; 6] {
        let signed = |lsn: Option<u64>| lsn.map(u64::cast_signed);
        [
            self.ts_us,
            self.tx_id,
            signed(self.lsn),
            signed(self.lsn_proc),
            signed(self.lsn_commit),
            signed(self.tx_lsn),
        ]
    }
}

const NUMBERS: [&str; 6] = ["ts_usec", "txId", "lsn", "lsn_proc", "lsn_commit", TX_LSN];

/// What goes into offsets besides the position: the counts of a transaction, and the state of an incremental snapshot.
pub(super) fn more(transaction: &Transaction, incremental: &OffsetMap) -> Bytes {
    let mut map = incremental.clone();
    transaction.store(&mut map);
    if map.is_empty() {
        return Bytes::new();
    }
    serde_json::to_vec(&map).unwrap_or_default().into()
}

fn decode(bytes: &Bytes) -> OffsetMap {
    let mut map = OffsetMap::new();
    let mut rest = bytes.as_ref();
    let mut take = |length: usize| -> &[u8] {
        let (head, tail) = rest.split_at(length.min(rest.len()));
        rest = tail;
        head
    };
    let (flags, kind, snapshot) = match take(3) {
        [flags, kind, snapshot] => (*flags, *kind, *snapshot),
        _ => return map,
    };
    let number = |bytes: &[u8]| i64::from_le_bytes(bytes.try_into().unwrap_or_default());
    let events = number(take(8));
    for (at, name) in NUMBERS.iter().enumerate() {
        if flags & (1 << at) != 0 {
            map.insert((*name).to_owned(), number(take(8)).into());
        }
    }
    if let Some((_, name)) = KINDS.iter().find(|(known, _)| *known as u8 == kind) {
        map.insert("messageType".to_owned(), (*name).into());
    }
    if events > 0 {
        map.insert("lsn_events_processed".to_owned(), events.into());
    }
    if snapshot > 0 {
        map.insert("snapshot".to_owned(), "INITIAL".into());
        map.insert("last_snapshot_record".to_owned(), (snapshot == 2).into());
        map.insert("snapshot_completed".to_owned(), (snapshot == 2).into());
    }
    if let Ok(more) = serde_json::from_slice::<OffsetMap>(rest) {
        map.extend(more);
    }
    map
}

/// Which messages were read before, when the log is read again from a position.
#[derive(Debug, Default)]
pub(super) struct Resume {
    /// Where to go on; `None`: all is new.
    from: Option<Position>,
    /// Whether the transaction that is being read is the one that was half read.
    is_half: bool,
    lsn: u64,
    /// How many changes came at that position.
    at_lsn: u64,
}

impl Resume {
    pub(super) fn new(from: &Position) -> Self {
        let is_new = from.lsn_proc.is_none() && from.tx_lsn.is_none();
        Self { from: (!is_new).then(|| from.clone()), ..Self::default() }
    }

    /// A transaction begins: whether all of it was read before.
    pub(super) fn begin(&mut self, tx_lsn: u64, xid: u32) -> bool {
        (self.is_half, self.lsn, self.at_lsn) = (false, 0, 0);
        let Some(from) = &self.from else { return false };
        let is_whole = from.kind == Kind::Commit;
        match (from.tx_lsn, from.lsn_commit) {
            (Some(known), _) => {
                self.is_half = known == tx_lsn && !is_whole;
                tx_lsn < known || (tx_lsn == known && is_whole)
            }
            (None, Some(commit)) if tx_lsn < commit => true,
            (None, _) => {
                self.is_half = !is_whole && from.tx_id == Some(i64::from(xid));
                false
            }
        }
    }

    /// A change of the transaction: whether it was read before.
    pub(super) fn change(&mut self, lsn: u64) -> bool {
        if !self.is_half {
            return false;
        }
        self.at_lsn = if lsn == self.lsn { self.at_lsn + 1 } else { 1 };
        self.lsn = lsn;
        let Some(from) = &self.from else { return false };
        let done = from.lsn_proc.or(from.lsn).unwrap_or(0);
        lsn < done || (lsn == done && self.at_lsn <= from.events.max(1))
    }

    /// Whether the transaction that is being read was half read before.
    pub(super) fn is_half(&self) -> bool {
        self.is_half
    }

    /// A message that is in no transaction: whether it was read before.
    pub(super) fn message(&self, lsn: u64) -> bool {
        let Some(from) = &self.from else { return false };
        match from.tx_lsn {
            Some(known) => lsn < known || (lsn == known && from.kind == Kind::Message),
            None => from.lsn_proc.is_some_and(|done| lsn <= done),
        }
    }

    /// A transaction has ended that was not read before: all that follows is new.
    pub(super) fn ended(&mut self, was_read: bool) {
        if !was_read {
            self.from = None;
        }
        self.is_half = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn position() -> Position {
        Position {
            ts_us: Some(1),
            tx_id: Some(7),
            lsn: Some(110),
            lsn_proc: Some(110),
            lsn_commit: Some(100),
            kind: Kind::Insert,
            events: 2,
            tx_lsn: Some(150),
            snapshot: None,
        }
    }

    #[test]
    fn what_is_stored_is_read_again() {
        let mut all = vec![position(), Position::default()];
        all.push(Position {
            snapshot: Some(Snapshot::Running),
            events: 0,
            kind: Kind::None,
            ..position()
        });
        for stored in all {
            let map = stored.offset(&Bytes::new()).to_map();
            let mut expected = stored.clone();
            expected.lsn_commit = expected.lsn_commit.or(expected.lsn_proc);
            assert_eq!(Position::load(&map), expected, "{map:?}");
        }
        let done = Position { snapshot: Some(Snapshot::Completed), ..position() };
        let map = done.offset(&Bytes::from_static(br#"{"transaction_id":"7"}"#)).to_map();
        assert_eq!(map["snapshot"], "INITIAL");
        assert_eq!(map["last_snapshot_record"], true);
        assert_eq!(map["transaction_id"], "7");
        assert_eq!(Position::load(&map).snapshot, None);
    }

    #[test]
    fn a_half_read_transaction_goes_on_behind_its_last_change() {
        let mut resume = Resume::new(&position());
        assert!(resume.begin(120, 6), "committed before");
        resume.ended(true);
        assert!(!resume.begin(150, 7));
        assert!(resume.change(105));
        assert!(resume.change(110) && resume.change(110), "two changes at one position were read");
        assert!(!resume.change(110) && !resume.change(111));
        resume.ended(false);
        assert!(!resume.begin(151, 8) && !resume.change(1));
    }

    #[test]
    fn a_whole_one_does_not_come_again() {
        let mut resume = Resume::new(&Position { kind: Kind::Commit, ..position() });
        assert!(resume.begin(150, 7));
        resume.ended(true);
        assert!(!resume.begin(160, 8) && !resume.change(105), "its changes may be older");
    }

    #[test]
    fn debeziums_own_offsets_name_the_transaction() {
        let mut resume = Resume::new(&Position { tx_lsn: None, ..position() });
        assert!(resume.begin(99, 5));
        resume.ended(true);
        assert!(!resume.begin(100, 6) && !resume.change(90), "another one");
        resume.ended(false);
        let mut resume = Resume::new(&Position { tx_lsn: None, ..position() });
        assert!(!resume.begin(150, 7) && resume.change(105) && !resume.change(120));
    }
}
