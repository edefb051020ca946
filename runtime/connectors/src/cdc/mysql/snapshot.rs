//! Reads the rows that are there, as they were at one position of the binary log.

use std::sync::Arc;

use gantry_api::{CancellationToken, Error, Result, Value};
use mysql::prelude::Queryable;

use super::changes::SchemaChanges;
use super::config::{Config, Locking, stopped};
use super::ddl::{Change, ChangeKind, SqlMode, TableName, quoted};
use super::position::{Position, Resume};
use super::server::{Server, failure, is_builtin};
use super::source::Source;
use super::tables::{Known, Tables};
use crate::cdc::emit::{self, Emitter, Op};
use crate::jdbc::db::wait;

/// What a snapshot works with.
pub(super) struct Snapshot<'a> {
    pub(super) config: &'a Config,
    pub(super) cancel: &'a CancellationToken,
    pub(super) emitter: &'a mut Emitter,
    pub(super) source: &'a Source,
    pub(super) changes: &'a SchemaChanges,
    pub(super) tables: &'a mut Tables,
    /// Whether rows are read, or structures alone.
    pub(super) reads_rows: bool,
    /// Where changes go on, if that is not where the snapshot is.
    pub(super) keeps: Option<Resume>,
}

/// Which locks are held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lock {
    None,
    Global,
    Tables,
}

/// What is said of tables in topics.
struct Seen {
    name: TableName,
    sql: String,
}

impl Snapshot<'_> {
    /// Reads it all, and says where changes go on.
    pub(super) fn run(&mut self) -> Result<Position> {
        wait(self.config.common.snapshot_delay, self.cancel);
        let mut server = Server::connect(self.config)?;
        let is_maria = self.config.flavour.is_maria();
        let common = Arc::clone(&self.config.common);
        let all = server.tables(!common.ignore_builtin)?;
        let captured: Vec<(String, TableName)> = all
            .iter()
            .filter(|name| self.tables.takes(name))
            .map(|name| (name.to_string(), name.clone()))
            .collect();
        let captured = common.in_order(captured);
        common.check_count(captured.len())?;
        let lock = self.lock(&mut server, &captured)?;
        let mut beside = None;
        if lock == Lock::Tables {
            // A transaction would end these locks, and who holds them sees no other tables.
            beside = Some(Server::connect(self.config)?);
        } else {
            server.execute("START TRANSACTION WITH CONSISTENT SNAPSHOT")?;
        }
        let asked = beside.as_mut().unwrap_or(&mut server);
        let end = asked.end()?;
        let resume = Resume {
            file: end.file,
            position: end.position,
            gtids: end.gtids,
            ..Resume::default()
        };
        tracing::info!(position = %resume, tables = captured.len(), "snapshot begins");
        let mut position = Position::new(resume, is_maria);
        self.tables.begin(asked)?;
        let mode = asked.sql_mode()?;
        let seen = self.structures(asked, mode, &all, &captured)?;
        position.set_structures(self.tables.history.number());
        let micros = asked.now_micros()?;
        position.place.micros = micros;
        self.emitter.out.holds_last = true;
        if self.config.schema_changes {
            self.say(asked, &position, &seen, mode)?;
        }
        let is_short = matches!(self.config.locking, Locking::Minimal | Locking::Percona { .. });
        if lock == Lock::Global && is_short {
            unlock(&mut server, self.config.locking)?;
        }
        let mut rows = 0;
        if self.reads_rows {
            rows = self.rows(&mut server, &mut position, &captured)?;
        }
        if lock != Lock::None && !(lock == Lock::Global && is_short) {
            unlock(&mut server, self.config.locking)?;
        }
        if lock != Lock::Tables {
            server.execute("COMMIT")?;
        }
        if let Some(keeps) = self.keeps.take() {
            let structures = position.structures();
            position = Position::new(keeps, is_maria);
            if let Some(number) = structures {
                position.set_structures(number);
            }
        }
        self.close(&position)?;
        tracing::info!(rows, "snapshot is read");
        Ok(position)
    }

    fn lock(&self, server: &mut Server, captured: &[(String, TableName)]) -> Result<Lock> {
        server.execute("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ")?;
        let seconds = self.config.common.lock_timeout.as_secs().max(1);
        server.execute(&format!("SET SESSION lock_wait_timeout={seconds}"))?;
        if let Err(error) =
            server.try_execute(&format!("SET SESSION innodb_lock_wait_timeout={seconds}"))
        {
            tracing::debug!(%error, "innodb_lock_wait_timeout is not set");
        }
        let statement = match self.config.locking {
            Locking::None => return Ok(Lock::None),
            Locking::Minimal | Locking::Extended => "FLUSH TABLES WITH READ LOCK",
            Locking::Percona { .. } => "LOCK TABLES FOR BACKUP",
        };
        match server.try_execute(statement) {
            Ok(()) => return Ok(Lock::Global),
            Err(error) if self.config.locking == (Locking::Percona { tables: false }) => {
                return Err(failure(
                    "Cannot perform two-phase schema snapshot because global read lock was not acquired and \
                     table locks are not allowed in *_no_table_locks mode",
                    &error,
                ));
            }
            Err(error) => tracing::info!(
                %error,
                "Unable to flush and acquire global read lock, will use table read locks after reading table names"
            ),
        }
        if captured.is_empty() {
            return Ok(Lock::None);
        }
        if !server.may("LOCK TABLES")? {
            return Err(Error::connect(
                "User does not have the 'LOCK TABLES' privilege required to obtain a consistent snapshot by \
                 preventing concurrent writes to tables. Grant RELOAD, or LOCK TABLES, or set \
                 snapshot.locking.mode=none and see to it that no table is altered while the snapshot is taken.",
            ));
        }
        let names: Vec<String> = captured.iter().map(|(_, name)| name.quoted()).collect();
        server.execute(&format!("LOCK TABLES {}", names.join(" READ, ") + " READ"))?;
        Ok(Lock::Tables)
    }

    /// Reads the structures of tables, those of the captured ones to be kept.
    fn structures(
        &mut self,
        server: &mut Server,
        mode: SqlMode,
        all: &[TableName],
        captured: &[(String, TableName)],
    ) -> Result<Vec<Seen>> {
        self.tables.history.next();
        self.tables.history.reset();
        let says_all = self.config.schema_changes && !self.config.captured_tables_only;
        let mut seen = Vec::new();
        let mut list: Vec<(String, &TableName)> = match says_all {
            true => all.iter().map(|name| (name.to_string(), name)).collect(),
            false => captured.iter().map(|(text, name)| (text.clone(), name)).collect(),
        };
        if says_all {
            list.sort();
        }
        for (_, name) in list {
            let is_captured = self.tables.takes(name);
            if !is_captured && is_builtin(&name.database) {
                continue;
            }
            if self.cancel.is_cancelled() {
                return Err(stopped());
            }
            let Some(sql) = server.statement_of(name)? else {
                tracing::warn!(table = %name, "its structure may not be seen, or it is gone: it is left out");
                continue;
            };
            if is_captured {
                let structure = self.tables.read(&sql, mode, name)?;
                self.tables.history.put(name, structure);
            }
            seen.push(Seen { name: name.clone(), sql });
        }
        for record in self.tables.stored() {
            self.emitter.out.push(record, 0)?;
        }
        tracing::debug!(tables = captured.len(), "structures are read");
        Ok(seen)
    }

    /// Says what tables there are, as statements that make them.
    fn say(
        &mut self,
        server: &mut Server,
        position: &Position,
        seen: &[Seen],
        mode: SqlMode,
    ) -> Result<()> {
        let charset = server.server_charset()?.unwrap_or_default();
        let collation = server.variable("collation_server")?.unwrap_or_default();
        let set = format!("SET character_set_server={charset}, collation_server={collation}");
        self.statement(position, ChangeKind::Database, "", None, &set, mode)?;
        for Seen { name, .. } in seen {
            let ddl = format!("DROP TABLE IF EXISTS {}", name.quoted());
            self.statement(position, ChangeKind::Drop, &name.database, Some(name), &ddl, mode)?;
        }
        let charsets = server.database_charsets()?;
        let mut databases: Vec<&str> = Vec::new();
        for Seen { name, .. } in seen {
            if !databases.contains(&&*name.database) {
                databases.push(&name.database);
            }
        }
        for database in databases {
            let own = quoted(database);
            let mut create = format!("CREATE DATABASE {own}");
            if let Some((_, charset, collation)) =
                charsets.iter().find(|(known, ..)| known == database)
            {
                create.push_str(&format!(" CHARSET {charset} COLLATE {collation}"));
            }
            for sql in [format!("DROP DATABASE IF EXISTS {own}"), create, format!("USE {own}")] {
                self.statement(position, ChangeKind::Database, database, None, &sql, mode)?;
            }
            for Seen { name, sql } in seen.iter().filter(|seen| *seen.name.database == *database) {
                self.statement(position, ChangeKind::Create, database, Some(name), sql, mode)?;
            }
        }
        Ok(())
    }

    fn statement(
        &mut self,
        position: &Position,
        kind: ChangeKind,
        database: &str,
        table: Option<&TableName>,
        ddl: &str,
        mode: SqlMode,
    ) -> Result<()> {
        let structure = match (kind, table) {
            (ChangeKind::Create, Some(name)) => {
                let is_captured = self.tables.takes(name);
                let known = self.tables.structures.get(name).cloned();
                match known {
                    Some(structure) => Some(structure),
                    // Only for this record.
                    None => {
                        let structure = self.tables.read(ddl, mode, name)?;
                        if !is_captured {
                            self.tables.structures.remove(name);
                        }
                        structure
                    }
                }
            }
            _ => None,
        };
        let is_left_out = self.config.captured_databases_only
            && !database.is_empty()
            && !self.config.common.databases.takes(database);
        if is_left_out {
            return Ok(());
        }
        let change = Change {
            kind,
            database: database.to_owned(),
            table: table.cloned(),
            structure,
            ddl: ddl.to_owned(),
        };
        let source = self.source.value(
            &position.place,
            Some("true"),
            database,
            table.map(|table| &*table.table),
        );
        let ts = emit::now()[0].clone();
        let Value::Int64(ts_ms) = ts else { return Ok(()) };
        let record = self.changes.record(&change, source, ts_ms);
        self.emitter.schema_change(record, position.offset(None, true), ddl.len())
    }

    fn rows(
        &mut self,
        server: &mut Server,
        position: &mut Position,
        captured: &[(String, TableName)],
    ) -> Result<u64> {
        let common = Arc::clone(&self.config.common);
        let wanted: Vec<&(String, TableName)> = captured
            .iter()
            .filter(|(text, _)| {
                common.signal_table.as_deref() != Some(text)
                    && (common.snapshot_tables.is_empty() || common.snapshot_tables.fit(text))
            })
            .collect();
        let mut rows = 0;
        for (at, (text, name)) in wanted.iter().enumerate() {
            let Some(known) = self.tables.known(name)? else { continue };
            position.place.micros = server.now_micros()?;
            let is_last = at + 1 == wanted.len();
            let read = self.table(server, position, &known, at == 0, is_last)?;
            tracing::info!(table = %text, rows = read, "snapshot of a table is read");
            rows += read;
        }
        Ok(rows)
    }

    /// Reads one table: how many rows it has.
    fn table(
        &mut self,
        server: &mut Server,
        position: &Position,
        known: &Arc<Known>,
        is_first: bool,
        is_last: bool,
    ) -> Result<u64> {
        let text = known.name.to_string();
        let query = self.config.common.snapshot_queries.iter().find(|(of, _)| *of == text);
        let columns: Vec<String> =
            known.structure.columns.iter().map(|column| quoted(&column.name)).collect();
        let sql = match query {
            Some((_, sql)) => sql.clone(),
            None => format!("SELECT {} FROM {}", columns.join(", "), known.name.quoted()),
        };
        let place = |mark| self.source.of_table(&position.place, Some(mark), &known.name);
        let (first, plain) =
            (place(if is_first { "first" } else { "first_in_data_collection" }), place("true"));
        let offset = position.offset(None, true);
        let failed =
            |error: mysql::Error| failure(&format!("rows of {text} could not be read"), &error);
        let mut result = server.connection().query_iter(sql).map_err(failed)?;
        // Where each column of the table stands in what is read.
        let names: Vec<String> =
            result.columns().as_ref().iter().map(|column| column.name_str().into_owned()).collect();
        let places: Vec<Option<usize>> = known
            .structure
            .columns
            .iter()
            .map(|column| names.iter().position(|name| name.eq_ignore_ascii_case(&column.name)))
            .collect();
        let on_value = self.config.common.on_value;
        let mut count = 0_u64;
        let emitter = &mut *self.emitter;
        let mut each = |row: mysql::Row| -> Result<()> {
            let mut values = Vec::with_capacity(places.len());
            let mut bytes = 0;
            for (at, place) in places.iter().enumerate() {
                let value = place.and_then(|place| row.as_ref(place));
                values.push(match value {
                    Some(mysql::Value::Bytes(raw)) => {
                        bytes += raw.len();
                        known.queried(at, raw, on_value)?
                    }
                    _ => Value::Null,
                });
            }
            let source = if count == 0 { first.clone() } else { plain.clone() };
            count += 1;
            let change =
                emit::Change { op: Op::Read, before: None, after: Some(values), source, bytes };
            emitter.change(&known.table, change, &mut |_| offset.clone())
        };
        let mut done = Ok(());
        for row in &mut result {
            done = row.map_err(failed).and_then(&mut each);
            if done.is_err() {
                break;
            }
        }
        if done.is_err() {
            // Ended early, it would read all that is left: with the connection that goes away.
            std::mem::forget(result);
            return done.map(|()| count);
        }
        drop(result);
        if count > 0 {
            // The last row of a table says so, unless it is the first of all.
            match (is_last, count, is_first) {
                (true, ..) => self.emitter.mark_last("last", None),
                (false, 1, true) => false,
                (false, ..) => self.emitter.mark_last("last_in_data_collection", None),
            };
        }
        Ok(count)
    }

    /// The last record of all says that the snapshot is complete.
    fn close(&mut self, position: &Position) -> Result<()> {
        let is_marked = self.emitter.mark_last("last", Some(position.offset(None, false)));
        self.emitter.out.holds_last = false;
        if !is_marked {
            // There was nothing to read, which is not to be found out again.
            self.emitter.position(position.offset(None, false))?;
        }
        if self.config.common.heartbeat.is_some() {
            self.emitter.heartbeat(position.offset(None, false))?;
        }
        self.emitter.out.flush()
    }
}

fn unlock(server: &mut Server, locking: Locking) -> Result<()> {
    let is_percona = matches!(locking, Locking::Percona { .. });
    if is_percona && let Err(error) = server.try_execute("UNLOCK BINLOG") {
        tracing::debug!(%error, "there is no lock of the binary log");
    }
    server.execute("UNLOCK TABLES")
}
