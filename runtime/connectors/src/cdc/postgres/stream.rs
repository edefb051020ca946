//! Reads changes as they come.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use gantry_api::{Bytes, CancellationToken, Error, OffsetMap, Result, SourceOffset, Value};

use super::super::config::OnFault;
use super::super::emit::{Change, Emitter, Op, Transaction, now};
use super::super::incremental::{Asking, Incremental, ROW_BYTES};
use super::super::signal::{Sign, sign};
use super::asking::Beside;
use super::catalog::{Catalog, PgTable, literal, quoted};
use super::config::{Config, error};
use super::messages::Messages;
use super::offset::{self, Kind, Position, Resume};
use super::pgoutput::{Cell, Frame, Message, Relation, status};
use super::slot::lsn_text;
use super::snapshot::cell;
use super::source::{Mark, Source};
use super::types::PgType;
use super::value;
use super::wire::Wire;
use crate::jdbc::db::SqlError;

/// How long it is waited for the next change before other things are looked at.
const IDLE: Duration = Duration::from_millis(100);
/// How long it is waited for the task to take a batch, at a time.
const FULL: Duration = Duration::from_millis(2);

/// A relation of the stream; those that are not read have no table.
struct Known {
    relation: Relation,
    table: Option<PgTable>,
}

/// The transaction that is being read.
struct Running {
    xid: u32,
    time_us: i64,
    lsn: u64,
    /// Whether all of it was read before.
    was_read: bool,
}

/// What reads changes.
pub(super) struct Streaming<'a> {
    pub(super) config: &'a Config,
    pub(super) cancel: &'a CancellationToken,
    pub(super) wire: &'a mut Wire,
    /// For questions beside the stream.
    pub(super) beside: &'a mut Wire,
    pub(super) catalog: &'a mut Catalog,
    pub(super) emitter: &'a mut Emitter,
    pub(super) source: &'a mut Source,
    /// Kept for the next connection.
    pub(super) position: &'a mut Position,
    /// What of the log is safe with the task.
    pub(super) confirmed: &'a AtomicU64,
    incremental: &'a mut Incremental,
    state: State,
}

struct State {
    relations: HashMap<u32, Known>,
    running: Option<Running>,
    resume: Resume,
    /// The furthest position that the server has said, and what it was told last.
    seen: u64,
    told: Instant,
    flushed: u64,
    messages: Messages,
    /// What offsets say of incremental snapshots.
    more: OffsetMap,
}

impl<'a> Streaming<'a> {
    #[allow(clippy::too_many_arguments, reason = "all that a stream works with")]
    pub(super) fn new(
        config: &'a Config,
        cancel: &'a CancellationToken,
        [wire, beside]: [&'a mut Wire; 2],
        catalog: &'a mut Catalog,
        emitter: &'a mut Emitter,
        source: &'a mut Source,
        position: &'a mut Position,
        confirmed: &'a AtomicU64,
        incremental: &'a mut Incremental,
    ) -> Result<Self> {
        let state = State {
            relations: HashMap::new(),
            running: None,
            resume: Resume::new(position),
            seen: 0,
            told: Instant::now(),
            flushed: 0,
            messages: Messages::new(config)?,
            more: incremental.store(),
        };
        Ok(Self {
            config,
            cancel,
            wire,
            beside,
            catalog,
            emitter,
            source,
            position,
            confirmed,
            incremental,
            state,
        })
    }

    /// Asks the server for changes. `from`: of all that the slot has, if not given.
    pub(super) fn begin(&mut self) -> Result<()> {
        let config = self.config;
        let from =
            self.position.tx_lsn.or(self.position.lsn_commit).or(self.position.lsn).unwrap_or(0);
        let version = self.beside.value("SHOW server_version_num").ok().flatten();
        let version = version.and_then(|text| text.parse::<u32>().ok()).unwrap_or(0);
        let mut options: Vec<String> = config
            .stream_params
            .iter()
            .map(|(name, value)| format!("{} {}", quoted(name), literal(value)))
            .collect();
        options.push("\"proto_version\" '1'".to_owned());
        options.push(format!("\"publication_names\" {}", literal(&quoted(&config.publication))));
        if version >= 140_000 {
            options.push("\"messages\" 'true'".to_owned());
        }
        let command = format!(
            "START_REPLICATION SLOT {} LOGICAL {} ({})",
            quoted(&config.slot),
            lsn_text(from),
            options.join(", ")
        );
        let mut attempt = 0;
        loop {
            let cause = match self.wire.begin_stream(&command) {
                Ok(()) => break,
                Err(cause) => cause,
            };
            // Another reader has it, which may be a former connection of this task.
            let is_held = matches!(&cause, SqlError::Database { state, .. } if state == "55006");
            if !is_held || attempt >= config.slot_retries || self.cancel.is_cancelled() {
                return Err(refused(config, from, cause));
            }
            attempt += 1;
            tracing::warn!(
                %cause,
                "Failed to start replication stream at LSN{{{}}}, waiting for {} ms and retrying, attempt number \
                 {attempt} over {}",
                lsn_text(from),
                config.slot_wait.as_millis(),
                config.slot_retries
            );
            crate::jdbc::db::wait(config.slot_wait, self.cancel);
        }
        tracing::info!(slot = %config.slot, from = %lsn_text(from), "changes are read");
        self.emitter.out.is_manual = true;
        self.state.told = Instant::now() - self.config.status_interval;
        self.go_on()
    }

    /// Reads until it is stopped or the connection breaks.
    pub(super) fn run(&mut self) -> Result<()> {
        while !self.emitter.out.is_closed() {
            self.say()?;
            let is_quiet = !self.has_next()?;
            if is_quiet || self.emitter.out.is_full() {
                self.give()?;
            }
            let Some(bytes) = self.wire.next(IDLE).map_err(broken)? else {
                self.idle()?;
                continue;
            };
            match Frame::read(bytes)? {
                Frame::Data { start, message } => self.message(start, message)?,
                Frame::Alive { end, wants_answer } => {
                    if self.state.running.is_none() {
                        self.state.seen = self.state.seen.max(end);
                    }
                    if wants_answer {
                        self.state.told = Instant::now() - self.config.status_interval;
                    }
                    self.idle()?;
                }
            }
        }
        Ok(())
    }

    fn has_next(&mut self) -> Result<bool> {
        self.wire.has_next().map_err(broken)
    }

    /// Gives on what was read. The server is told that the connector is there while the task is busy.
    fn give(&mut self) -> Result<()> {
        self.emitter.out.mark = self.position.safe();
        while !self.emitter.out.try_flush()? {
            if self.emitter.out.is_closed() {
                return Ok(());
            }
            self.say()?;
            std::thread::sleep(FULL);
        }
        Ok(())
    }

    /// Tells the server how far all is safe, when it is time.
    fn say(&mut self) -> Result<()> {
        let safe = self.safe();
        let is_due = self.state.told.elapsed() >= self.config.status_interval;
        if !is_due && safe <= self.state.flushed {
            return Ok(());
        }
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let now_us = i64::try_from(since.as_micros()).unwrap_or(i64::MAX);
        self.state.flushed = self.state.flushed.max(safe);
        self.state.told = Instant::now();
        self.wire.say(&status(self.state.flushed, now_us)).map_err(broken)
    }

    /// Up to where the server may forget its log.
    fn safe(&self) -> u64 {
        if !self.config.flushes {
            return 0;
        }
        let confirmed = self.confirmed.load(Ordering::Acquire);
        let all = self.position.safe();
        // Nothing is on its way: what the server has beyond that is of no interest here.
        let is_idle = self.state.running.is_none() && self.emitter.out.is_empty();
        if is_idle && confirmed >= all && confirmed > 0 {
            confirmed.max(self.state.seen)
        } else {
            confirmed
        }
    }

    /// Nothing changes: time for what must be said all the same.
    fn idle(&mut self) -> Result<()> {
        if self.state.running.is_none() {
            self.beat()?;
        }
        Ok(())
    }

    fn beat(&mut self) -> Result<()> {
        if !self.emitter.is_beat_due() {
            return Ok(());
        }
        let offset = self.offset();
        self.emitter.heartbeat(offset)?;
        if let Some(sql) = &self.config.common.heartbeat_query {
            let done = self.beside.execute(sql);
            match done {
                Ok(()) => {}
                Err(cause) if cause.is_passing() => {
                    return Err(error("heartbeat.action.query could not be executed", cause));
                }
                Err(cause) => tracing::warn!(%cause, "Could not execute heartbeat action"),
            }
        }
        Ok(())
    }

    fn offset(&self) -> SourceOffset {
        self.position.offset(&offset::more(&self.emitter.transaction, &self.state.more))
    }

    fn message(&mut self, start: u64, bytes: Bytes) -> Result<()> {
        match Message::read(bytes)? {
            Message::Begin { lsn, time_us, xid } => {
                self.begin_transaction(lsn, time_us, xid, start)
            }
            Message::Commit { time_us, end, .. } => self.end_transaction(start.max(end), time_us),
            Message::Origin(name) => {
                if let Some(running) = &self.state.running {
                    self.source.origin = Some((name, running.lsn));
                }
                Ok(())
            }
            Message::Relation(relation) => self.relation(relation),
            Message::Type => Ok(()),
            Message::Insert { relation, new } => {
                self.change(start, relation, Kind::Insert, None, Some(new))
            }
            Message::Update { relation, old, new, .. } => {
                self.change(start, relation, Kind::Update, old, Some(new))
            }
            Message::Delete { relation, old, .. } => {
                self.change(start, relation, Kind::Delete, Some(old), None)
            }
            Message::Truncate { relations } => self.truncate(start, &relations),
            Message::Logical { is_transactional, lsn, prefix, content } => {
                self.logical(is_transactional, lsn, &prefix, &content)
            }
        }
    }

    fn begin_transaction(&mut self, lsn: u64, time_us: i64, xid: u32, start: u64) -> Result<()> {
        let was_read = self.state.resume.begin(lsn, xid);
        self.state.running = Some(Running { xid, time_us, lsn, was_read });
        self.source.origin = None;
        if was_read {
            return Ok(());
        }
        let is_half = self.state.resume.is_half();
        if !is_half {
            let position = &mut *self.position;
            position.tx_lsn = Some(lsn);
            position.tx_id = Some(i64::from(xid));
            position.ts_us = Some(time_us);
            position.kind = Kind::Begin;
            position.events = 0;
            position.lsn = Some(start);
        }
        let shown = Some(format!("{xid}:{start}"));
        let (position, more) = (&*self.position, &self.state.more);
        self.emitter.begin(&xid.to_string(), shown, time_us.div_euclid(1000), &mut |transaction| {
            of(position, transaction, more)
        })
    }

    fn end_transaction(&mut self, end: u64, time_us: i64) -> Result<()> {
        let Some(running) = self.state.running.take() else { return Ok(()) };
        self.state.resume.ended(running.was_read);
        self.state.seen = self.state.seen.max(end);
        if running.was_read {
            return Ok(());
        }
        let position = &mut *self.position;
        position.lsn = Some(end);
        position.lsn_proc = Some(end);
        position.lsn_commit = Some(end);
        position.tx_lsn = Some(running.lsn);
        position.kind = Kind::Commit;
        position.events = 0;
        self.emitter.transaction.shown = Some(format!("{}:{end}", running.xid));
        let (position, more) = (&*self.position, &self.state.more);
        self.emitter
            .end(time_us.div_euclid(1000), &mut |transaction| of(position, transaction, more))?;
        self.beat()
    }

    /// The table of a relation, as it is from here on.
    fn relation(&mut self, relation: Relation) -> Result<()> {
        let name = super::super::table::TableName {
            database: None,
            schema: Some(relation.schema.clone()),
            table: relation.name.clone(),
        };
        let table = match self.config.common.takes(&name) {
            true => {
                if let Some(running) = &self.state.running {
                    Catalog::await_commit(self.beside, running.xid)
                        .map_err(|cause| error("a transaction could not be waited for", cause))?;
                }
                Some(self.catalog.relation(self.beside, self.config, &relation)?)
            }
            false => None,
        };
        self.state.relations.insert(relation.oid, Known { relation, table });
        Ok(())
    }

    /// Notes a change as read, and says whether it was read before.
    fn note(&mut self, lsn: u64, kind: Kind) -> bool {
        let Some(running) = &self.state.running else { return false };
        if running.was_read || self.state.resume.change(lsn) {
            return true;
        }
        let position = &mut *self.position;
        position.events = if position.lsn == Some(lsn) && is_change(position.kind) {
            position.events + 1
        } else {
            1
        };
        position.lsn = Some(lsn);
        position.lsn_proc = Some(lsn);
        position.tx_lsn = Some(running.lsn);
        position.tx_id = Some(i64::from(running.xid));
        position.ts_us = Some(running.time_us);
        position.kind = kind;
        if self.emitter.transaction.id.is_some() {
            self.emitter.transaction.shown = Some(format!("{}:{lsn}", running.xid));
        }
        false
    }

    fn change(
        &mut self,
        lsn: u64,
        oid: u32,
        kind: Kind,
        old: Option<Vec<Cell>>,
        new: Option<Vec<Cell>>,
    ) -> Result<()> {
        let was = self.config.common.signal_table.is_some().then(|| self.position.clone());
        if self.note(lsn, kind) {
            return Ok(());
        }
        let known = self.state.relations.get(&oid);
        let Some(Known { table: Some(_), .. }) = known else {
            return Ok(());
        };
        if self.has_new_word(oid, new.as_deref().unwrap_or_default()) {
            self.words(oid)?;
        }
        let Some(Known { table: Some(table), .. }) = self.state.relations.get(&oid) else {
            return Ok(());
        };
        let read = row(self.config, table, old.as_deref(), None).and_then(|before| {
            Ok((before, row(self.config, table, new.as_deref(), old.as_deref())?))
        });
        let (before, after) = match (read, self.config.common.on_event) {
            (Ok(rows), _) => rows,
            (Err(cause), OnFault::Fail) => {
                let text = format!(
                    "Error while processing event at offset {:?}",
                    self.position.offset(&Bytes::new()).to_map()
                );
                return Err(Error::connect(text).caused_by(cause));
            }
            (Err(cause), _) => {
                tracing::warn!(table = %table.table.text, %cause, "a change is left out");
                return Ok(());
            }
        };
        let op = match kind {
            Kind::Insert => Op::Create,
            Kind::Update => Op::Update,
            _ => Op::Delete,
        };
        let source =
            self.source.make(self.position, Some((&table.names.0, &table.names.1)), Mark::None);
        let bytes = size(old.as_deref()) + size(new.as_deref());
        if self.incremental.is_running() {
            let rows = [before.as_deref(), after.as_deref()];
            self.incremental.changes(&table.table, rows);
        }
        let is_signals = self.config.common.signal_table.as_deref() == Some(&*table.table.text);
        let deletes_marks = self.config.common.deletes_marks;
        let signal = match is_signals {
            true => sign(op, before.as_deref(), after.as_deref(), deletes_marks),
            false => None,
        };
        let change = Change { op, before, after, source, bytes };
        if let Some(signal) = signal {
            let table = Arc::clone(&table.table);
            // Rows of a piece are given on before the mark that closes it, and from before its position: it comes
            // again if they were not all given on.
            self.signal(signal, was)?;
            let (position, more) = (&*self.position, &self.state.more);
            self.emitter
                .change(&table, change, &mut |transaction| of(position, transaction, more))?;
            return self.beat();
        }
        let (position, more) = (&*self.position, &self.state.more);
        self.emitter
            .change(&table.table, change, &mut |transaction| of(position, transaction, more))?;
        self.beat()
    }

    /// Does what a signal says. `was`: the position before it.
    fn signal(&mut self, signal: Sign, was: Option<Position>) -> Result<()> {
        let closes = match &signal {
            Sign::Received(received) => self.asked(|incremental, common, asking| {
                incremental.signal(received, common, asking)
            })?,
            Sign::Deleted(id) => self.incremental.closes(id),
        };
        if closes {
            self.window(was.unwrap_or_else(|| self.position.clone()))?;
            self.asked(|incremental, common, asking| {
                incremental.next(common, asking).map(|()| false)
            })?;
        }
        self.tell()
    }

    /// Lets the incremental snapshot ask the database. What is wrong with it never ends the stream.
    fn asked(
        &mut self,
        ask: impl FnOnce(
            &mut Incremental,
            &super::super::config::Common,
            &mut dyn Asking,
        ) -> Result<bool>,
    ) -> Result<bool> {
        let mut beside = Beside {
            wire: &mut *self.beside,
            catalog: &mut *self.catalog,
            config: self.config,
            table: None,
        };
        let answer = ask(self.incremental, &self.config.common, &mut beside);
        let answer = self.incremental.guarded(answer)?;
        self.state.more = self.incremental.store();
        Ok(answer)
    }

    /// Gives on the rows of a piece that have not changed since it was read.
    fn window(&mut self, was: Position) -> Result<()> {
        let Some((table, rows)) = self.incremental.take() else { return Ok(()) };
        let names = (
            Value::str(table.name.schema.as_deref().unwrap_or_default()),
            Value::str(&table.name.table),
        );
        let was = Position { snapshot: None, ..was };
        let mut shown = was.clone();
        for (key, values) in rows {
            self.incremental.given(key);
            self.state.more = self.incremental.store();
            let [_, Value::Int64(us), _] = now() else { continue };
            shown.ts_us = Some(us);
            let source = self.source.make(&shown, Some((&names.0, &names.1)), Mark::Incremental);
            let offset = of(&was, &self.emitter.transaction, &self.state.more);
            let change = Change {
                op: Op::Read,
                before: None,
                after: Some(values),
                source,
                bytes: ROW_BYTES,
            };
            self.emitter.change(&table, change, &mut |_| offset.clone())?;
            if self.emitter.out.is_full() {
                self.give()?;
            }
        }
        Ok(())
    }

    /// Tells how incremental snapshots go.
    fn tell(&mut self) -> Result<()> {
        for told in std::mem::take(&mut self.incremental.told) {
            let offset = self.offset();
            self.emitter.notify("Incremental Snapshot", &told, offset)?;
        }
        Ok(())
    }

    /// Goes on with incremental snapshots of a former connection.
    fn go_on(&mut self) -> Result<()> {
        self.incremental.restart();
        if self.incremental.is_running() && self.config.common.signal_table.is_some() {
            self.asked(|incremental, common, asking| {
                incremental.next(common, asking).map(|()| false)
            })?;
            self.tell()?;
        }
        Ok(())
    }

    /// Whether a value is a word of an enum that was not there when the table was looked at.
    fn has_new_word(&self, oid: u32, cells: &[Cell]) -> bool {
        let Some(Known { table: Some(table), .. }) = self.state.relations.get(&oid) else {
            return false;
        };
        table.types.iter().zip(cells).any(|(of, cell)| match (of, cell) {
            (PgType::Enum(labels), Cell::Text(text)) => {
                !labels.iter().any(|label| label.as_bytes() == text.as_ref())
            }
            _ => false,
        })
    }

    fn words(&mut self, oid: u32) -> Result<()> {
        let failed = |cause| error("types could not be read", cause);
        self.catalog.reload(self.beside).map_err(failed)?;
        match self.state.relations.get(&oid) {
            Some(known) => {
                let relation = known.relation.clone();
                self.relation(relation)
            }
            None => Ok(()),
        }
    }

    fn truncate(&mut self, lsn: u64, relations: &[u32]) -> Result<()> {
        if self.note(lsn, Kind::Truncate) || self.config.common.skipped.contains(Op::Truncate) {
            return Ok(());
        }
        for oid in relations {
            let Some(Known { table: Some(table), .. }) = self.state.relations.get(oid) else {
                continue;
            };
            let names = Some((&table.names.0, &table.names.1));
            let source = self.source.make(self.position, names, Mark::None);
            let change = Change { op: Op::Truncate, before: None, after: None, source, bytes: 0 };
            let (position, more) = (&*self.position, &self.state.more);
            self.emitter
                .change(&table.table, change, &mut |transaction| of(position, transaction, more))?;
        }
        Ok(())
    }

    /// What a program has written into the log.
    fn logical(
        &mut self,
        is_transactional: bool,
        lsn: u64,
        prefix: &str,
        content: &Bytes,
    ) -> Result<()> {
        let is_taken = self.config.messages.takes(prefix);
        if is_transactional {
            if self.note(lsn, Kind::Message) || !is_taken {
                return Ok(());
            }
        } else {
            if self.state.resume.message(lsn) {
                return Ok(());
            }
            let position = &mut *self.position;
            (position.lsn, position.lsn_proc, position.lsn_commit) =
                (Some(lsn), Some(lsn), Some(lsn));
            (position.tx_lsn, position.tx_id, position.kind) = (Some(lsn), None, Kind::Message);
            position.events = 0;
            if !is_taken {
                return Ok(());
            }
        }
        let source = self.source.make(self.position, None, Mark::None);
        let block = match is_transactional {
            true => self.emitter.count(&LOGICAL.into()),
            false => Value::Null,
        };
        let content = value::binary(content.clone(), self.config.modes.binaries);
        let record = self.state.messages.record(prefix, content, source, block);
        let offset = self.offset();
        self.emitter.message(record, offset, prefix.len())
    }
}

/// What messages of programs are counted as in a transaction, beside tables.
const LOGICAL: &str = "LOGICAL_DECODING_MESSAGE";

fn is_change(kind: Kind) -> bool {
    matches!(kind, Kind::Insert | Kind::Update | Kind::Delete | Kind::Truncate | Kind::Message)
}

fn of(position: &Position, transaction: &Transaction, more: &OffsetMap) -> SourceOffset {
    match (&transaction.id, more.is_empty()) {
        (None, true) => position.offset(&Bytes::new()),
        _ => position.offset(&offset::more(transaction, more)),
    }
}

fn size(cells: Option<&[Cell]>) -> usize {
    let of = |cell: &Cell| if let Cell::Text(text) = cell { text.len() } else { 0 };
    cells.unwrap_or_default().iter().map(of).sum()
}

/// The values of a row. What the server did not send of it is as it was before, if that is known.
fn row(
    config: &Config,
    table: &PgTable,
    cells: Option<&[Cell]>,
    before: Option<&[Cell]>,
) -> Result<Option<Vec<Value>>> {
    let Some(cells) = cells else { return Ok(None) };
    if cells.len() != table.types.len() {
        return Err(Error::data(format!(
            "table {}: a row has {} values for {} columns",
            table.table.text,
            cells.len(),
            table.types.len()
        )));
    }
    let mut values = Vec::with_capacity(cells.len());
    for (at, value) in cells.iter().enumerate() {
        let value = match (value, before.and_then(|before| before.get(at))) {
            (Cell::Unchanged, Some(old @ Cell::Text(_))) => old,
            (value, _) => value,
        };
        values.push(match value {
            Cell::Null => Value::Null,
            Cell::Text(text) => cell(config, table, at, text)?,
            Cell::Unchanged => {
                let of = table.types.get(at).unwrap_or(&PgType::Unknown);
                value::placeholder(of, &config.common.placeholder, &config.modes)
            }
        });
    }
    Ok(Some(values))
}

fn broken(cause: SqlError) -> Error {
    error("the stream of changes broke", cause)
}

/// Why the server gives no changes.
fn refused(config: &Config, from: u64, cause: SqlError) -> Error {
    let text = cause.to_string();
    if text.contains("requested WAL segment") && text.contains("has already been removed") {
        return Error::connect(format!(
            "The offset to start reading from has been removed from the database write-ahead log (LSN {}). Create a new \
             snapshot: set snapshot.mode=when_needed, or reset the connector's offsets, after dropping the slot {}. \
             Raise wal_keep_size or max_slot_wal_keep_size so that it does not come again.",
            lsn_text(from),
            config.slot
        ))
        .caused_by(cause.into());
    }
    let held = matches!(&cause, SqlError::Database { state, .. } if state == "55006");
    let hint = match held {
        true => {
            "; when setting up multiple connectors for the same database host, please make sure to use a distinct \
             replication slot name for each."
        }
        false => "",
    };
    error(&format!("Failed to start replication stream at LSN{{{}}}{hint}", lsn_text(from)), cause)
}
