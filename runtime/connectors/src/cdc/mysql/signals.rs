//! Signals, and the incremental snapshots that they ask for.

use std::sync::Arc;

use gantry_api::{Result, Value};
use mysql::prelude::Queryable;

use super::config::Config;
use super::ddl::{TableName, jdbc, quoted};
use super::position::Position;
use super::server::{Server, failure};
use super::stream::Streaming;
use super::tables::{Known, Tables};
use crate::cdc::config::Common;
use crate::cdc::emit::{self, Op};
use crate::cdc::incremental::{Asking, Incremental, ROW_BYTES};
use crate::cdc::signal::Sign;
use crate::cdc::table::Table;

/// Stands in front of keys that are bytes, as hexadecimal digits.
const BYTES: char = '\u{1}';

/// What asks the server beside the stream.
struct Beside<'a> {
    server: &'a mut Server,
    tables: &'a mut Tables,
    config: &'a Config,
    known: Option<Arc<Known>>,
}

fn named(text: &str) -> TableName {
    let (database, table) = text.split_once('.').unwrap_or(("", text));
    TableName::new(database, table)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Asking for Beside<'_> {
    fn quote(&self, name: &str) -> String {
        quoted(name)
    }

    fn literal(&self, text: &str) -> String {
        if let Some(digits) = text.strip_prefix(BYTES) {
            return format!("x'{digits}'");
        }
        // Whether a backslash is one is a matter of the server's mode.
        match text.contains('\\') {
            true => format!("_utf8mb4 x'{}'", hex(text.as_bytes())),
            false => format!("'{}'", text.replace('\'', "''")),
        }
    }

    fn sql_name(&self, text: &str) -> String {
        named(text).quoted()
    }

    fn execute(&mut self, sql: &str) -> Result<()> {
        self.server.execute(sql)
    }

    fn names(&mut self) -> Result<Vec<String>> {
        let all = self.server.tables(!self.config.common.ignore_builtin)?;
        Ok(all.iter().filter(|name| self.tables.takes(name)).map(ToString::to_string).collect())
    }

    fn table(&mut self, text: &str) -> Result<Option<Arc<Table>>> {
        self.known = self.tables.known(&named(text))?;
        Ok(self.known.as_ref().map(|known| Arc::clone(&known.table)))
    }

    fn rows(
        &mut self,
        sql: &str,
        keys: &[usize],
        each: &mut dyn FnMut(Vec<Option<String>>, Vec<Value>),
    ) -> Result<()> {
        let Some(known) = self.known.clone() else { return Ok(()) };
        let on_value = self.config.common.on_value;
        let what = "rows of an incremental snapshot could not be read";
        let rows: Vec<mysql::Row> =
            self.server.connection().query(sql).map_err(|error| failure(what, &error))?;
        for row in rows {
            let raw = |at: usize| match row.as_ref(at) {
                Some(mysql::Value::Bytes(raw)) => Some(raw.as_slice()),
                _ => None,
            };
            let mut values = Vec::with_capacity(row.len());
            for at in 0..row.len() {
                values.push(match raw(at) {
                    Some(bytes) => known.queried(at, bytes, on_value)?,
                    None => Value::Null,
                });
            }
            let text = |&at: &usize| {
                let bytes = raw(at)?;
                let column = known.structure.columns.get(at)?;
                Some(match column.jdbc_type {
                    jdbc::BINARY | jdbc::VARBINARY | jdbc::BLOB | jdbc::BIT => {
                        format!("{BYTES}{}", hex(bytes))
                    }
                    _ => String::from_utf8_lossy(bytes).into_owned(),
                })
            };
            each(keys.iter().map(text).collect(), values);
        }
        Ok(())
    }
}

impl Streaming<'_> {
    /// Whether it is the table of signals.
    pub(super) fn is_signals(&self, known: &Known) -> bool {
        self.config.common.signal_table.as_deref() == Some(&*known.table.text)
    }

    /// Does what a signal says. `was`: the position before it.
    pub(super) fn signal(&mut self, sign: &Sign, was: &Position) -> Result<()> {
        let closes = match sign {
            Sign::Received(received) => self.asked(|incremental, common, asking| {
                incremental.signal(received, common, asking)
            })?,
            Sign::Deleted(id) => self.incremental.closes(id),
        };
        if closes {
            self.window(was)?;
            self.next_piece()?;
        }
        self.tell()
    }

    fn next_piece(&mut self) -> Result<()> {
        self.asked(|incremental, common, asking| incremental.next(common, asking).map(|()| false))?;
        Ok(())
    }

    /// Lets the incremental snapshot ask the server. What is wrong with it never ends the stream.
    fn asked(
        &mut self,
        ask: impl FnOnce(&mut Incremental, &Common, &mut dyn Asking) -> Result<bool>,
    ) -> Result<bool> {
        let mut beside = Beside {
            server: &mut *self.server,
            tables: &mut *self.tables,
            config: self.config,
            known: None,
        };
        let answer = ask(self.incremental, &self.config.common, &mut beside);
        let answer = self.incremental.guarded(answer)?;
        self.position.set_more(&self.incremental.store());
        Ok(answer)
    }

    /// Gives on the rows of a piece that have not changed since it was read: from before the mark that closes it, which
    /// comes again if they were not all given on.
    fn window(&mut self, was: &Position) -> Result<()> {
        let Some((table, rows)) = self.incremental.take() else { return Ok(()) };
        let name =
            TableName::new(table.name.database.as_deref().unwrap_or_default(), &table.name.table);
        let mut at = was.clone();
        for (key, values) in rows {
            self.incremental.given(key);
            at.set_more(&self.incremental.store());
            let [_, Value::Int64(micros), _] = emit::now() else { continue };
            at.place.micros = micros;
            let source = self.source.of_table(&at.place, Some("incremental"), &name);
            let offset = at.offset(Some(&self.emitter.transaction), false);
            let change = emit::Change {
                op: Op::Read,
                before: None,
                after: Some(values),
                source,
                bytes: ROW_BYTES,
            };
            self.emitter.change(&table, change, &mut |_| offset.clone())?;
            if self.emitter.out.is_full() {
                self.emitter.out.flush()?;
            }
        }
        self.position.set_more(&self.incremental.store());
        Ok(())
    }

    /// Tells how incremental snapshots go.
    fn tell(&mut self) -> Result<()> {
        for told in std::mem::take(&mut self.incremental.told) {
            let offset = self.position.offset(Some(&self.emitter.transaction), false);
            self.emitter.notify("Incremental Snapshot", &told, offset)?;
        }
        Ok(())
    }

    /// Goes on with incremental snapshots of a former connection.
    pub(super) fn go_on(&mut self) -> Result<()> {
        self.incremental.restart();
        self.position.set_more(&self.incremental.store());
        if self.incremental.is_running() && self.config.common.signal_table.is_some() {
            self.next_piece()?;
            self.tell()?;
        }
        Ok(())
    }
}
