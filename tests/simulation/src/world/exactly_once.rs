//! Exactly-once tasks: they write lines to one queue that all of them share and commit how far the
//! lines go that count. Somebody reads the queue, who knows the offset log only up to somewhere.

use std::collections::BTreeMap;

use gantry_cluster::{Epoch, Fate, OffsetFold, OffsetRecord, OffsetVerdict, Unit};

use super::{Event, World};
use crate::broker::Written;
use crate::faults::Mutation;
use crate::worker::{TOPIC, partition};

/// Lines that a task writes at once, at most.
pub(super) const LINES_MAX: u64 = 4;

/// Reads what was committed.
#[derive(Debug, Default)]
pub(super) struct Reader {
    /// The next record of the queue.
    position: usize,
    /// The records of the offset log that it knows.
    known: usize,
    fold: OffsetFold,
    /// Up to where it must know the offset log before it can say of the next record that its
    /// session committed nothing.
    needs: Option<usize>,
    /// The last line that it was given, by connector and partition.
    given: BTreeMap<(gantry_model::Str, String), u64>,
}

impl World {
    /// A task writes lines.
    pub(super) fn write(&mut self, worker: usize, unit: &Unit, epoch: u64) {
        self.read_committed();
        let count = self.random.u64(1..=LINES_MAX);
        let Some(own) = self.workers.get(worker) else { return };
        let Some(running) = own.running.get(unit) else { return };
        let Some(mark) = running.transaction else { return };
        let line = |nth| Written { mark, unit: unit.clone(), line: running.position + nth };
        let records = (1..=count).map(line).collect();
        let session = running.session();
        self.check_epoch(unit, epoch);
        self.check_owners(worker, unit);
        let wait = self.delay();
        self.after(worker, wait, Event::Data { unit: unit.clone(), session, records });
    }

    /// Lines arrive. It may be that nobody is told, or that they come to be stored only later.
    pub(super) fn data(
        &mut self,
        worker: usize,
        life: u32,
        unit: Unit,
        session: Epoch,
        records: Vec<Written>,
    ) {
        let count = records.len() as u64;
        let fails = self.broker.down || !self.healed && self.random.u8(0..20) == 0;
        let mut end = None;
        if !fails {
            self.broker.data.extend(records);
            end = Some(self.broker.data.len() as u64);
        } else {
            match self.random.u8(0..4) {
                // Lost on the way.
                0 => {}
                1 if !self.broker.down => self.broker.data.extend(records.clone()),
                _ => {
                    let late = self.random.u64(0..=self.plan.session_ms);
                    self.after(worker, late, Event::DataLate(records.clone()));
                }
            }
            if self.plan.mutation == Mutation::Resend {
                let wait = self.delay() + self.plan.heartbeat_ms / 2;
                return self.answer(worker, life, wait, Event::Data { unit, session, records });
            }
        }
        let wait = self.delay();
        self.answer(worker, life, wait, Event::Wrote { unit, session, count, end });
    }

    /// A task hears what came of its lines, and commits them or begins a new session.
    pub(super) fn wrote(
        &mut self,
        worker: usize,
        unit: Unit,
        session: Epoch,
        count: u64,
        end: Option<u64>,
    ) {
        let lease = self.workers.get(worker).is_some_and(|own| own.has_lease(&unit, self.now_ms));
        let Some(own) = self.workers.get_mut(worker) else { return };
        let Some(running) = own.running.get_mut(&unit).filter(|r| r.session() == session) else {
            return;
        };
        if !lease && self.plan.mutation != Mutation::NoLease {
            let wait = self.plan.heartbeat_ms / 2;
            return self.after(worker, wait, Event::Wrote { unit, session, count, end });
        }
        let record = if end.is_some() {
            running.commit(&unit, count, end)
        } else {
            running.next_session(&mut self.random);
            running.committing = false;
            running.barrier(&unit)
        };
        let (epoch, wait) = (session.claim, self.delay());
        self.after(worker, wait, Event::Commit { unit, epoch, record });
    }

    /// A commit was appended twice: the second one may come whenever it likes.
    pub(super) fn may_come_again(&mut self, worker: usize, record: &OffsetRecord) {
        if self.plan.exactly_once && self.random.u8(0..20) == 0 {
            let late = self.random.u64(0..=self.plan.session_ms * 2);
            self.after(worker, late, Event::CommitAgain(record.clone()));
        }
    }

    pub(super) fn commit_again(&mut self, record: OffsetRecord) {
        if self.broker.commit(record) == OffsetVerdict::Applied {
            self.violated("a commit counted twice");
        }
    }

    /// The first of those who live ends what nobody else does.
    pub(super) fn end_orphans(&mut self, worker: usize) {
        if !self.plan.exactly_once || self.plan.mutation == Mutation::Orphans {
            return;
        }
        let Some(own) = self.workers.get_mut(worker) else { return };
        let clock_ms = own.clock_ms(self.now_ms);
        let Some(member) = &own.member else { return };
        let mut ends = Vec::new();
        if member.state().is_first(member.incarnation()) {
            let fold = &self.broker.fold;
            ends = own.orphans.look(clock_ms, self.plan.session_ms, member.state(), fold);
        }
        for end in ends {
            let wait = self.delay();
            self.after(worker, wait, Event::End(end));
        }
    }

    /// The reader comes to know some more of the offset log, and reads on.
    pub(super) fn read_committed(&mut self) {
        let records = self.broker.offsets.len();
        let upto = match self.random.u8(0..3) {
            0 => records,
            _ => self.random.usize(self.reader.known..=records),
        };
        self.know(upto);
        while let Some(record) = self.broker.data.get(self.reader.position).cloned() {
            let offset = self.reader.position as u64;
            let Some(fate) = self.fate(&record) else { break };
            if offset >= fate.end && fate.open {
                break;
            }
            self.reader.needs = None;
            self.reader.position += 1;
            if offset < fate.end {
                self.give(&record);
            }
        }
    }

    fn know(&mut self, upto: usize) {
        for record in self.broker.offsets.get(self.reader.known..upto).unwrap_or_default() {
            self.reader.fold.apply(record);
        }
        self.reader.known = upto;
    }

    /// What becomes of a record, as far as the reader knows.
    fn fate(&mut self, record: &Written) -> Option<Fate> {
        let reader = &mut self.reader;
        if let Some(fate) = reader.fold.fate(record.mark, TOPIC, 0) {
            return Some(fate);
        }
        let needs = *reader.needs.get_or_insert(self.broker.offsets.len());
        let hasty = self.plan.mutation == Mutation::Hasty;
        (hasty || reader.known >= needs).then_some(Fate { end: 0, open: false })
    }

    fn give(&mut self, record: &Written) {
        let key = (record.unit.connector.clone(), partition(&record.unit));
        let last = self.reader.given.entry(key).or_default();
        let before = *last;
        *last = record.line;
        if record.line != before + 1 {
            let (unit, line) = (&record.unit, record.line);
            self.violated(&format!("line {line} of {unit} was given after line {before}"));
        }
    }

    /// Who knows all is given all that was committed.
    pub(super) fn check_read(&mut self) {
        if !self.plan.exactly_once || self.outcome.violation.is_some() {
            return;
        }
        self.know(self.broker.offsets.len());
        self.read_committed();
        let given = self.reader.given.clone();
        for ((connector, partition), line) in given {
            let offset = self.broker.fold.get(&connector, &partition);
            let committed: u64 = offset.and_then(|offset| offset.parse().ok()).unwrap_or(0);
            // A session that goes on may hold up what others have committed behind its records.
            if line > committed {
                let what = format!("line {line} of {connector} was given, {committed} committed");
                return self.violated(&what);
            }
        }
        self.check_nothing_is_held();
    }

    /// What the reader waits for is what somebody who lives has not committed yet.
    fn check_nothing_is_held(&mut self) {
        let Some(record) = self.broker.data.get(self.reader.position) else { return };
        let live = self.workers.iter().any(|own| {
            own.member.is_some()
                && own.running.get(&record.unit).is_some_and(|r| r.transaction == Some(record.mark))
        });
        if !live {
            let (unit, line) = (record.unit.clone(), record.line);
            self.violated(&format!("line {line} of {unit} is held for ever"));
        }
    }
}
