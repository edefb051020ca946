//! Reads changes from the binary log.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TryRecvError, sync_channel};
use std::thread;
use std::time::Duration;

use gantry_api::model::Retry;
use gantry_api::model::text::sort_as_hash_map;
use gantry_api::{Error, Result, SourceOffset, Value};

use super::binlog::{
    Binlog, Broken, Event, GtidSet, Header, QueryEvent, Raw, Rows, RowsKind, Start, StreamError,
    TableMap, decode,
};
use super::changes::SchemaChanges;
use super::config::{Config, stopped};
use super::ddl::{Change, ChangeKind, SqlMode, TableName};
use super::position::Position;
use super::server::{Server, code, connect_for_events, failure};
use super::source::Source;
use super::statements;
use super::tables::{Known, Tables};
use crate::cdc::config::OnFault;
use crate::cdc::emit::{self, Emitter, Op, Transaction};
use crate::cdc::incremental::Incremental;
use crate::cdc::signal::sign;

/// Events that wait to be looked at.
const EVENTS: usize = 32;
/// It is looked so often whether the reader is to stop, or a heartbeat is due.
const TICK: Duration = Duration::from_millis(100);

/// What streaming works with.
pub(super) struct Streaming<'a> {
    pub(super) config: &'a Config,
    pub(super) emitter: &'a mut Emitter,
    pub(super) source: &'a Source,
    pub(super) changes: &'a SchemaChanges,
    pub(super) tables: &'a mut Tables,
    pub(super) position: &'a mut Position,
    pub(super) server: &'a mut Server,
    pub(super) incremental: &'a mut Incremental,
    numbers: HashMap<u64, Mapped>,
    /// How many events of the first transaction were read before, and rows of the one behind these.
    events_read: u64,
    rows_read: usize,
    is_passing_over: bool,
    /// Whether the transaction is by a source that does not count.
    is_left_out: bool,
    is_standalone: bool,
}

/// A table as events number it.
struct Mapped {
    map: TableMap,
    known: Option<Arc<Known>>,
}

/// A row before and after.
type Pair = (Option<Vec<Value>>, Option<Vec<Value>>);

/// What the reading thread gives.
type Given = std::result::Result<Raw, StreamError>;

impl<'a> Streaming<'a> {
    #[allow(clippy::too_many_arguments, reason = "the parts of one reader")]
    pub(super) fn new(
        config: &'a Config,
        emitter: &'a mut Emitter,
        source: &'a Source,
        changes: &'a SchemaChanges,
        tables: &'a mut Tables,
        position: &'a mut Position,
        server: &'a mut Server,
        incremental: &'a mut Incremental,
    ) -> Self {
        let (events_read, rows_read) = (position.resume().events, position.resume().rows);
        Self {
            config,
            emitter,
            source,
            changes,
            tables,
            position,
            server,
            incremental,
            numbers: HashMap::new(),
            events_read,
            rows_read,
            is_passing_over: false,
            is_left_out: false,
            is_standalone: false,
        }
    }

    /// Reads until it is stopped, or the stream breaks.
    pub(super) fn run(&mut self) -> Result<()> {
        let start = self.start()?;
        tracing::info!(position = %self.position.resume(), "reading changes");
        let events = self.open(&start)?;
        self.go_on()?;
        self.emitter.out.is_manual = true;
        let done = self.read(&events);
        self.emitter.out.is_manual = false;
        done
    }

    /// Where to begin, and whether the server still has that.
    fn start(&mut self) -> Result<Start> {
        let resume = self.position.resume().clone();
        let is_maria = self.config.flavour.is_maria();
        let by_file = Start::File { file: resume.file.clone(), position: resume.position.max(4) };
        let gtids = resume.gtids.clone().filter(|_| !self.config.ignores_gtids);
        let has_gtids = self.server.has_gtids()?;
        let Some(text) = gtids.filter(|_| has_gtids) else {
            if self.config.ignores_gtids {
                self.position.forget_gtids();
            }
            if self.config.checks_position && !self.server.files()?.contains(&resume.file) {
                return Err(self.lost(&format!("the server has no file {} any more", resume.file)));
            }
            if resume.position > u64::from(u32::MAX) {
                return Err(Error::connect(format!(
                    "the position {resume} lies behind 4 GiB of a file, which cannot be asked for: use GTIDs, \
                     or begin anew with a snapshot"
                )));
            }
            return Ok(by_file);
        };
        let mut set = GtidSet::parse(&text, is_maria).map_err(|part| {
            Error::connect(format!(
                "the offset's gtids are none: {part} (in {text}); reset the offsets"
            ))
        })?;
        if self.config.sources.is_set() {
            set.retain(&self.config.sources);
        }
        let (mut known, mut purged) = self.server.gtids()?;
        known.retain(&self.config.sources);
        purged.retain(&self.config.sources);
        if self.config.checks_position {
            if !set.is_within(&known) {
                return Err(self.lost(&format!("the server knows the GTIDs {known} only")));
            }
            if !purged.is_within(&set) {
                return Err(self.lost(&format!("the server has purged the GTIDs {purged}")));
            }
        }
        set.merge(&purged);
        self.position.set_gtids(set.clone());
        Ok(Start::Gtids(set))
    }

    /// The error of a position that the server does not have any more.
    fn lost(&self, why: &str) -> Error {
        super::lost(&self.position.resume().to_string(), why)
    }

    /// Opens the stream on a thread of its own, which ends at the next word of the server when nobody listens.
    fn open(&self, start: &Start) -> Result<Receiver<Given>> {
        let connection = connect_for_events(self.config)?;
        let (config, is_maria) = (self.config, self.config.flavour.is_maria());
        let mut binlog =
            Binlog::open(connection, start, config.server_id, is_maria, config.heartbeat())
                .map_err(|error| self.refused(&error))?;
        let (sender, receiver): (SyncSender<Given>, _) = sync_channel(EVENTS);
        let name = format!("{}-events", config.flavour.name());
        thread::Builder::new()
            .name(name)
            .spawn(move || {
                loop {
                    let given = binlog.next();
                    let is_last = given.is_err();
                    if sender.send(given).is_err() || is_last {
                        return;
                    }
                }
            })
            .map_err(|error| Error::io("no thread to read the binary log", &error))?;
        Ok(receiver)
    }

    /// What the server says instead of events.
    fn refused(&self, error: &mysql::Error) -> Error {
        let text = match error {
            mysql::Error::MySqlError(error) => error.message.clone(),
            _ => String::new(),
        };
        let place = format!("the binary log at {}", self.position.resume());
        match code(error) {
            // Two readers with one number end each other's connections.
            Some(1236 | 4052) if text.contains("same server_uuid/server_id") => {
                Error::connect(format!(
                    "another reader or replica has database.server.id={}: each needs its own ({text})",
                    self.config.server_id
                ))
            }
            Some(1236) => self.lost(&text),
            Some(1227 | 1045 | 1044) => failure(
                &format!(
                    "user '{}' may not read {place}: grant it REPLICATION SLAVE and REPLICATION CLIENT (MariaDB: \
                     BINLOG MONITOR) on *.*",
                    self.config.user
                ),
                error,
            ),
            _ => failure(&format!("{place} cannot be read"), error),
        }
    }

    fn read(&mut self, events: &Receiver<Given>) -> Result<()> {
        loop {
            if self.emitter.out.is_closed() {
                return Err(stopped());
            }
            let given = match events.try_recv() {
                Ok(given) => Some(given),
                Err(TryRecvError::Disconnected) => None,
                Err(TryRecvError::Empty) => {
                    // Nothing more is there for now: what is there is given on.
                    self.emitter.out.try_flush()?;
                    match events.recv_timeout(TICK) {
                        Ok(given) => Some(given),
                        Err(RecvTimeoutError::Timeout) => {
                            self.beat()?;
                            continue;
                        }
                        Err(RecvTimeoutError::Disconnected) => None,
                    }
                }
            };
            let raw = match given {
                Some(Ok(raw)) => raw,
                Some(Err(StreamError::Server(error))) => return Err(self.refused(&error)),
                Some(Err(StreamError::Checksum(header))) => {
                    let text = format!(
                        "an event of kind {} at {}:{} came with a wrong checksum",
                        header.kind,
                        self.position.file(),
                        header.position().unwrap_or_default()
                    );
                    return Err(Error::connect(text).with_retry(Retry::Backoff));
                }
                Some(Err(StreamError::Ended)) | None => {
                    let text = "the server has ended the stream of its binary log";
                    return Err(Error::connect(text).with_retry(Retry::Backoff));
                }
            };
            self.raw(&raw)?;
            if self.emitter.out.is_full() {
                self.emitter.out.flush()?;
            }
        }
    }

    fn raw(&mut self, raw: &Raw) -> Result<()> {
        self.event(&raw.header, raw.data())?;
        const PAYLOAD: u8 = 40;
        if raw.header.kind != PAYLOAD {
            return Ok(());
        }
        let events = match raw.payload() {
            Ok(events) => events,
            Err(broken) => return self.broken(&raw.header, broken),
        };
        for (header, data) in events {
            self.event(&header, &data)?;
        }
        Ok(())
    }

    fn event(&mut self, header: &Header, data: &[u8]) -> Result<()> {
        let event = match decode(header, data) {
            Ok(event) => event,
            Err(broken) => {
                self.position.event(header);
                self.broken(header, broken)?;
                Event::Other
            }
        };
        if !matches!(event, Event::Rotate { .. } | Event::Heartbeat) {
            self.position.event(header);
        }
        let is_heartbeat = matches!(event, Event::Heartbeat);
        self.handle(header, event)?;
        self.beat()?;
        if is_heartbeat {
            return Ok(());
        }
        self.position.event_done();
        if self.is_passing_over {
            self.events_read = self.events_read.saturating_sub(1);
            self.is_passing_over = self.events_read > 0;
        }
        Ok(())
    }

    fn handle(&mut self, header: &Header, event: Event<'_>) -> Result<()> {
        match event {
            Event::Rotate { file, position } => {
                if !header.is_artificial() || file != self.position.file() {
                    self.numbers.clear();
                }
                self.position.rotate(&file, position);
            }
            Event::Gtid { text, domain, is_standalone, commit_micros } => {
                self.position.gtid(&text);
                self.is_left_out =
                    self.config.filters_changes && !self.config.sources.takes(&domain);
                if self.config.flavour.is_maria() {
                    self.is_standalone = is_standalone;
                    self.begin(None)?;
                } else {
                    let seconds = u64::from(header.seconds) * 1_000_000;
                    self.position
                        .set_time(commit_micros.filter(|micros| *micros != 0).unwrap_or(seconds));
                }
            }
            Event::Query(query) => self.query(&query)?,
            Event::Xid => self.end()?,
            Event::TableMap(map) => self.map(header, map)?,
            Event::Rows(rows) => self.rows(header, &rows)?,
            Event::RowsQuery(text) if self.config.has_query => {
                self.position.place.query = Value::str(&text);
            }
            Event::PartialRows => {
                let text = "it says only which parts of JSON documents changed: set binlog_row_value_options=''";
                self.broken(header, Broken(text))?;
            }
            Event::Incident(text) => {
                tracing::error!(%text, "the server says that its binary log may lack changes");
            }
            Event::RowsQuery(_) | Event::Payload | Event::Heartbeat | Event::Other => {}
        }
        Ok(())
    }

    /// An event that cannot be read.
    fn broken(&self, header: &Header, broken: Broken) -> Result<()> {
        let (file, from) = (self.position.file(), header.position().unwrap_or_default());
        let text = format!(
            "Error while deserializing binlog event of kind {} at {file}:{from}: {broken}. Use the mysqlbinlog tool \
             to view the problematic event: mysqlbinlog --start-position={from} --stop-position={} --verbose {file}",
            header.kind, header.next
        );
        match self.config.on_broken {
            OnFault::Fail => Err(Error::connect(format!(
                "{text}. To pass over it set event.deserialization.failure.handling.mode=warn"
            ))),
            OnFault::Warn => {
                tracing::warn!("{text}. The event is skipped.");
                Ok(())
            }
            OnFault::Skip => Ok(()),
        }
    }

    /// A heartbeat, if one is due.
    fn beat(&mut self) -> Result<()> {
        if !self.emitter.is_beat_due() {
            return Ok(());
        }
        let offset = self.position.offset(Some(&self.emitter.transaction), false);
        self.emitter.heartbeat(offset)?;
        if let Some(sql) = &self.config.common.heartbeat_query
            && let Err(error) = self.server.try_execute(sql)
        {
            tracing::error!(%error, "Could not execute heartbeat action query");
        }
        Ok(())
    }

    fn offset(position: &Position) -> impl FnMut(&Transaction) -> SourceOffset + '_ {
        move |transaction: &Transaction| position.offset(Some(transaction), false)
    }

    fn ts_ms(&self) -> i64 {
        self.position.place.micros.div_euclid(1000)
    }

    fn begin(&mut self, thread: Option<u32>) -> Result<()> {
        self.position.begin();
        let id = self.position.transaction_id();
        let ts_ms = self.ts_ms();
        self.emitter.begin(&id, None, ts_ms, &mut Self::offset(self.position))?;
        if let Some(thread) = thread {
            self.position.place.thread = Value::Int64(i64::from(thread));
        }
        self.is_passing_over = self.events_read > 0;
        Ok(())
    }

    fn end(&mut self) -> Result<()> {
        let ts_ms = self.ts_ms();
        self.emitter.end(ts_ms, &mut Self::offset(self.position))?;
        self.done();
        Ok(())
    }

    /// Nothing of what began is open any more.
    fn done(&mut self) {
        self.position.commit();
        (self.is_passing_over, self.is_left_out, self.is_standalone) = (false, false, false);
        (self.events_read, self.rows_read) = (0, 0);
    }

    fn map(&mut self, header: &Header, map: TableMap) -> Result<()> {
        let name = TableName::new(&map.database, &map.table);
        let known = match self.tables.takes(&name) {
            true => self.fitting(header, &name, &map)?,
            false => None,
        };
        self.numbers.insert(map.number, Mapped { map, known });
        Ok(())
    }

    /// A table with the structure that its rows have.
    fn fitting(
        &mut self,
        header: &Header,
        name: &TableName,
        map: &TableMap,
    ) -> Result<Option<Arc<Known>>> {
        let known = self.tables.known(name)?;
        let misfit = match &known {
            Some(known) => match known.misfit(map) {
                None => return Ok(Some(Arc::clone(known))),
                Some(misfit) => misfit,
            },
            None => "its schema isn't known to this connector".to_owned(),
        };
        // The structure of now may be that of then.
        let mode = self.server.sql_mode()?;
        let before = self.tables.structures.get(name).cloned();
        let asked = self.tables.ask(self.server, mode, name)?;
        self.tables.forget(name);
        if asked.is_some()
            && let Some(known) = self.tables.known(name)?
            && known.misfit(map).is_none()
        {
            tracing::warn!(table = %name, %misfit, "the table's structure is taken from the server as it is now");
            self.keep(std::slice::from_ref(name))?;
            return Ok(Some(known));
        }
        self.tables.forget(name);
        match before {
            Some(before) => self.tables.structures.put(name, before),
            None => {
                self.tables.structures.remove(name);
            }
        }
        let now = match &asked {
            Some(now) => format!("now it has {} columns", now.columns.len()),
            None => "it is not there any more".to_owned(),
        };
        let text = format!(
            "Encountered change event for table {name} at {}:{} whose structure is not the one that is known ({misfit}; \
             rows have {} columns, {now}). Take a new snapshot: reset the connector's offsets, or start it once with \
             snapshot.mode=recovery and then set the former mode again; or leave such rows out with \
             inconsistent.schema.handling.mode=warn",
            self.position.file(),
            header.position().unwrap_or_default(),
            map.forms.len()
        );
        match self.config.on_schema {
            OnFault::Fail => Err(Error::connect(text)),
            OnFault::Warn => {
                tracing::warn!("{text}");
                Ok(None)
            }
            OnFault::Skip => Ok(None),
        }
    }

    fn rows(&mut self, header: &Header, rows: &Rows<'_>) -> Result<()> {
        let op = match rows.kind {
            RowsKind::Insert => Op::Create,
            RowsKind::Update => Op::Update,
            RowsKind::Delete => Op::Delete,
        };
        if self.is_passing_over || self.is_left_out {
            return Ok(());
        }
        let from = std::mem::take(&mut self.rows_read);
        let Some(Mapped { map, known: Some(known) }) = self.numbers.get(&rows.number) else {
            return Ok(());
        };
        let known = Arc::clone(known);
        let count = match rows.count(map) {
            Ok(count) => count,
            Err(broken) => return self.broken(header, broken),
        };
        let on_value = self.config.common.on_value;
        let bytes = rows.bytes() / count.max(1);
        if self.is_signals(&known) {
            let mut all = Vec::with_capacity(count);
            let done = rows.each(map, |_, before, after| -> std::result::Result<(), Fault> {
                let before = before.map(|cells| known.row(cells, on_value)).transpose()?;
                all.push((before, after.map(|cells| known.row(cells, on_value)).transpose()?));
                Ok(())
            });
            return match done {
                Ok(_) => self.signals(&known, op, all, from),
                Err(Fault::Broken(broken)) => self.broken(header, broken),
                Err(Fault::Error(error)) => Err(error),
            };
        }
        let (emitter, source, position) = (&mut *self.emitter, self.source, &mut *self.position);
        let incremental = &mut *self.incremental;
        let done = rows.each(map, |at, before, after| -> std::result::Result<(), Fault> {
            if at < from {
                return Ok(());
            }
            let before = before.map(|cells| known.row(cells, on_value)).transpose()?;
            let after = after.map(|cells| known.row(cells, on_value)).transpose()?;
            if incremental.is_running() {
                incremental.changes(&known.table, [before.as_deref(), after.as_deref()]);
            }
            position.row(at);
            let source = source.of_table(&position.place, None, &known.name);
            let change = emit::Change { op, before, after, source, bytes };
            emitter.change(&known.table, change, &mut Self::offset(position))?;
            if emitter.out.is_full() {
                emitter.out.flush()?;
            }
            Ok(())
        });
        self.position.rows_done();
        match done {
            Ok(_) => Ok(()),
            Err(Fault::Broken(broken)) => self.broken(header, broken),
            Err(Fault::Error(error)) => Err(error),
        }
    }

    /// Changes of the table of signals.
    fn signals(&mut self, known: &Arc<Known>, op: Op, rows: Vec<Pair>, from: usize) -> Result<()> {
        for (at, (before, after)) in rows.into_iter().enumerate().skip(from) {
            let deletes_marks = self.config.common.deletes_marks;
            let sign = sign(op, before.as_deref(), after.as_deref(), deletes_marks);
            if let Some(sign) = sign {
                let was = self.position.clone();
                self.signal(&sign, &was)?;
            }
            self.position.row(at);
            let source = self.source.of_table(&self.position.place, None, &known.name);
            let change = emit::Change { op, before, after, source, bytes: 0 };
            self.emitter.change(&known.table, change, &mut Self::offset(self.position))?;
        }
        self.position.rows_done();
        Ok(())
    }

    fn query(&mut self, query: &QueryEvent) -> Result<()> {
        let sql = query.sql.trim();
        match statements::kind(sql) {
            statements::Kind::Begin => self.begin(Some(query.thread)),
            statements::Kind::End => self.end(),
            statements::Kind::Savepoint => Ok(()),
            statements::Kind::Change => {
                tracing::warn!(
                    "Received DML for processing at {}:{}, binlog probably contains events generated with statement or \
                     mixed based replication format: set binlog_format=ROW for all sessions",
                    self.position.file(),
                    self.position.place.position
                );
                self.statement_done()
            }
            statements::Kind::Other => self.statement_done(),
            statements::Kind::Table => self.change_tables(query, sql),
        }
    }

    /// A statement that is no part of a transaction is one.
    fn statement_done(&mut self) -> Result<()> {
        if self.is_standalone || !self.position.is_in_transaction() {
            self.done();
        }
        Ok(())
    }

    /// A statement that may change tables.
    fn change_tables(&mut self, query: &QueryEvent, sql: &str) -> Result<()> {
        let mode = SqlMode::from_bits(query.sql_mode);
        let mut applied = self.tables.structures.apply(sql, &query.database, mode);
        if let Some(error) = &applied.error {
            tracing::warn!(
                %error,
                statement = sql,
                "a statement cannot be read: the server is asked what the table looks like now"
            );
        }
        for name in std::mem::take(&mut applied.unknown) {
            if self.tables.takes(&name) {
                let now = self.server.sql_mode()?;
                let structure = self.tables.ask(self.server, now, &name)?;
                for change in applied.changes.iter_mut().filter(|c| c.table.as_ref() == Some(&name))
                {
                    change.structure.clone_from(&structure);
                }
                if !applied.touched.contains(&name) {
                    applied.touched.push(name);
                }
            }
        }
        if !applied.touched.is_empty() {
            self.numbers.clear();
        }
        let before = self.position.clone();
        let is_kept = self.keep(&applied.touched)?;
        let is_said = self.say(&applied.changes, &before)?;
        if is_kept && !is_said {
            // No more than two structures of a table are ever needed: those of both sides of one statement.
            let offset = self.position.offset(Some(&self.emitter.transaction), false);
            self.emitter.position(offset)?;
        }
        Ok(())
    }

    /// Keeps structures, and stores them in front of any position that has passed this one: whether there are any.
    fn keep(&mut self, touched: &[TableName]) -> Result<bool> {
        let Some(number) = self.tables.keep(touched) else { return Ok(false) };
        for record in self.tables.stored() {
            self.emitter.out.push(record, 0)?;
        }
        self.position.set_structures(number);
        Ok(true)
    }

    /// Says what a statement did, if anything; the last record's offset is behind the statement.
    fn say(&mut self, changes: &[Change], before: &Position) -> Result<bool> {
        let wanted: Vec<&Change> = changes.iter().filter(|change| self.is_said(change)).collect();
        // They name all tables of their databases that the statement is about, as a set in Java has them.
        let tables = |database: &str| -> Option<String> {
            let of = changes.iter().filter(|change| change.database == database);
            let mut names: Vec<(String, &str)> = of
                .filter_map(|change| change.table.as_ref())
                .map(|table| (table.to_string(), &*table.table))
                .collect();
            sort_as_hash_map(&mut names, |(full, _)| full);
            let names: Vec<&str> = names.into_iter().map(|(_, table)| table).collect();
            (!names.is_empty()).then(|| names.join(","))
        };
        let place = before.place.clone();
        self.statement_done()?;
        let [ts, ..] = emit::now();
        let Value::Int64(ts_ms) = ts else { return Ok(false) };
        for (at, change) in wanted.iter().enumerate() {
            let is_last = at + 1 == wanted.len();
            let of = if is_last { &*self.position } else { before };
            let offset = of.offset(Some(&self.emitter.transaction), false);
            if change.kind == ChangeKind::Truncate {
                self.truncate(change, &place, offset)?;
                continue;
            }
            let names = tables(&change.database);
            // Of statements that nothing is known of, it names a table without a name.
            let names = names.or_else(|| is_unread(change).then(String::new));
            let source = self.source.value(&place, None, &change.database, names.as_deref());
            let record = self.changes.record(change, source, ts_ms);
            self.emitter.schema_change(record, offset, change.ddl.len())?;
        }
        Ok(!wanted.is_empty())
    }

    fn truncate(
        &mut self,
        change: &Change,
        place: &super::source::Place,
        offset: SourceOffset,
    ) -> Result<()> {
        let Some(name) = change.table.as_ref().filter(|name| self.tables.takes(name)) else {
            return Ok(());
        };
        let Some(known) = self.tables.known(name)? else { return Ok(()) };
        let source = self.source.of_table(place, None, name);
        let change = emit::Change { op: Op::Truncate, before: None, after: None, source, bytes: 0 };
        self.emitter.change(&known.table, change, &mut |_| offset.clone())
    }

    /// Whether a change is said in a record.
    fn is_said(&self, change: &Change) -> bool {
        let is_taken = change.table.as_ref().is_some_and(|table| self.tables.takes(table));
        if change.kind == ChangeKind::Truncate {
            return is_taken;
        }
        let database = &change.database;
        let takes_database = self.config.common.databases.takes(database);
        let is_other =
            self.config.captured_databases_only && !database.is_empty() && !takes_database;
        let is_wanted = match (self.config.captured_tables_only, &change.table) {
            (true, Some(_)) => is_taken,
            (true, None) => database.is_empty() || !is_unread(change) && takes_database,
            (false, _) => true,
        };
        self.config.schema_changes && is_wanted && !is_other
    }
}

/// Whether it is a statement that nothing is known of.
fn is_unread(change: &Change) -> bool {
    change.kind == ChangeKind::Database && !statements::is_of_database(&change.ddl)
}

/// Why rows are not all given on.
enum Fault {
    Broken(Broken),
    Error(Error),
}

impl From<Broken> for Fault {
    fn from(broken: Broken) -> Self {
        Self::Broken(broken)
    }
}
impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}
