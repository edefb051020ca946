//! What a worker has to say, one append at a time.

use std::collections::{BTreeMap, VecDeque};

use crate::record::{Body, FORMAT, Incarnation, Record, Unit};

/// One append has so many records at most.
const MAX_RECORDS: usize = 256;

/// Records that wait, and those in flight.
#[derive(Debug)]
pub(super) struct Outbox {
    by: Incarnation,
    retry_ms: u64,
    seq: u64,
    /// What is yet to be said, and for which request.
    waiting: VecDeque<(Option<u64>, Body)>,
    in_flight: Option<InFlight>,
    /// Of an append that failed: to be said again with the same numbers.
    again: Vec<Record>,
    retry_at_ms: u64,
    failed: bool,
    /// What was sent and not read back, with its request, by the number of its record.
    sent: BTreeMap<u64, (Option<u64>, Body)>,
    /// The last number that is durable and was not read back yet, and since when.
    unread: Option<(u64, u64)>,
    leaving: bool,
    left: bool,
}

#[derive(Debug)]
struct InFlight {
    records: Vec<Record>,
    /// When it was sent, if it holds a heartbeat.
    heartbeat_sent_ms: Option<u64>,
}

impl Outbox {
    pub(super) fn new(by: Incarnation, retry_ms: u64) -> Self {
        Self {
            by,
            retry_ms,
            seq: 0,
            waiting: VecDeque::new(),
            in_flight: None,
            again: Vec::new(),
            retry_at_ms: 0,
            failed: false,
            sent: BTreeMap::new(),
            unread: None,
            leaving: false,
            left: false,
        }
    }

    pub(super) fn push(&mut self, body: Body) {
        self.waiting.push_back((None, body));
    }
    pub(super) fn push_first(&mut self, body: Body) {
        self.waiting.push_front((None, body));
    }
    pub(super) fn ask(&mut self, id: u64, body: Body) {
        self.waiting.push_back((Some(id), body));
    }
    /// The last word, said once.
    pub(super) fn push_leave(&mut self) {
        if !self.leaving {
            self.leaving = true;
            self.push(Body::Leave {});
        }
    }
    /// The number of the last record that was sent.
    pub(super) fn last_seq(&self) -> u64 {
        self.seq
    }
    /// Whether the last word is durable.
    pub(super) fn left(&self) -> bool {
        self.left
    }
    /// Whether a heartbeat waits or is in flight.
    pub(super) fn has_heartbeat(&self) -> bool {
        let waits = self.waiting.iter().any(|(_, body)| matches!(body, Body::Heartbeat { .. }));
        waits || self.in_flight.as_ref().is_some_and(|sent| sent.heartbeat_sent_ms.is_some())
    }
    /// Units whose claims wait.
    pub(super) fn claims(&self) -> impl Iterator<Item = &Unit> {
        self.waiting.iter().filter_map(|(_, body)| match body {
            Body::Claim { unit, .. } => Some(unit),
            _ => None,
        })
    }
    pub(super) fn drop_claim(&mut self, of: &Unit) {
        self.waiting.retain(|(_, body)| !matches!(body, Body::Claim { unit, .. } if unit == of));
    }

    /// The next append, if none is in flight.
    pub(super) fn send(&mut self, now_ms: u64) -> Option<Vec<Record>> {
        if self.in_flight.is_some() || self.failed && now_ms < self.retry_at_ms {
            return None;
        }
        let mut records = std::mem::take(&mut self.again);
        let room = MAX_RECORDS.saturating_sub(records.len()).min(self.waiting.len());
        for (id, body) in self.waiting.drain(..room) {
            self.seq += 1;
            if let Some(kept) = to_keep(&body) {
                self.sent.insert(self.seq, (id, kept));
            }
            records.push(Record { format: FORMAT, by: self.by, seq: self.seq, body });
        }
        if records.is_empty() {
            return None;
        }
        let heartbeat = records.iter().any(|r| matches!(r.body, Body::Heartbeat { .. }));
        let heartbeat_sent_ms = heartbeat.then_some(now_ms);
        self.in_flight = Some(InFlight { records: records.clone(), heartbeat_sent_ms });
        Some(records)
    }

    /// The append is durable: when its heartbeat was sent, and whether one had failed before it.
    pub(super) fn appended(&mut self, now_ms: u64) -> (Option<u64>, bool) {
        let Some(sent) = self.in_flight.take() else { return (None, false) };
        if let Some(last) = sent.records.last() {
            let since = self.unread.map_or(now_ms, |(_, since)| since);
            self.unread = Some((last.seq, since));
        }
        self.left |= sent.records.iter().any(|r| matches!(r.body, Body::Leave {}));
        (sent.heartbeat_sent_ms, std::mem::take(&mut self.failed))
    }

    /// The append failed, or nobody knows. Heartbeats and claims are dropped, as they were true
    /// only then; the units of the claims. Should they be stored after all, they count, unless
    /// something newer of this worker is stored before them.
    pub(super) fn failed(&mut self, now_ms: u64) -> Vec<Unit> {
        let Some(sent) = self.in_flight.take() else { return Vec::new() };
        self.failed = true;
        self.retry_at_ms = now_ms + self.retry_ms;
        let mut claims = Vec::new();
        for record in sent.records {
            match record.body {
                Body::Heartbeat { .. } => {}
                Body::Claim { unit, .. } => {
                    self.sent.remove(&record.seq);
                    claims.push(unit);
                }
                _ => self.again.push(record),
            }
        }
        claims
    }

    /// A record of this number was read: its request, if it was one, and what was sent before it
    /// and was not read, with its request. That is lost, as should it be stored after all, nobody
    /// counts it any more.
    pub(super) fn read_back(
        &mut self,
        seq: u64,
        now_ms: u64,
    ) -> (Option<u64>, Vec<(Option<u64>, Body)>) {
        self.unread = self.unread.filter(|(last, _)| seq < *last).map(|(last, _)| (last, now_ms));
        let later = self.sent.split_off(&(seq + 1));
        let own = self.sent.remove(&seq).and_then(|(id, _)| id);
        let lost = std::mem::replace(&mut self.sent, later);
        (own, lost.into_values().collect())
    }
    /// Whether what is durable was not read for so long: the log lost it. Said once.
    pub(super) fn is_lost(&mut self, now_ms: u64, limit_ms: u64) -> bool {
        self.unread.take_if(|(_, since)| now_ms.saturating_sub(*since) >= limit_ms).is_some()
    }
}

/// What must be known of a record to say it again, should the log lose it.
fn to_keep(body: &Body) -> Option<Body> {
    match body {
        Body::Heartbeat { .. } | Body::Leave {} => None,
        Body::Snapshot { upto, part, parts, .. } => {
            let (upto, part, parts) = (*upto, *part, *parts);
            Some(Body::Snapshot { upto, part, parts, text: String::new() })
        }
        // What a connector's tasks are, the member knows itself.
        Body::Tasks { name, version, epoch, above, .. } => Some(Body::Tasks {
            name: name.clone(),
            version: *version,
            epoch: *epoch,
            configs: Vec::new(),
            above: *above,
        }),
        other => Some(other.clone()),
    }
}
