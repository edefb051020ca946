//! Incremental snapshots: the rows of tables are read piece by piece while changes are read, too. Each piece is read
//! between two marks that are written into the table of signals and come again in the log. A row that changes between
//! the marks is left out of the piece, as its change says more than the piece does.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use gantry_api::{OffsetMap, Result, Value};
use serde_json::json;

use super::config::Common;
use super::patterns::pattern;
use super::signal::{CLOSE, OPEN, Received, Signal};
use super::table::Table;

/// A row of a piece counts as so many bytes.
pub(crate) const ROW_BYTES: usize = 256;

/// The texts of a key's values.
type Key = Vec<Option<String>>;

/// Rows with their keys.
type Rows = Vec<(Key, Vec<Value>)>;

/// What is asked of a database for it.
pub(crate) trait Asking {
    /// A name as SQL has it.
    fn quote(&self, name: &str) -> String;
    /// A text as SQL has it.
    fn literal(&self, text: &str) -> String;
    /// The full name of a table, as SQL has it.
    fn sql_name(&self, text: &str) -> String;
    /// Executes a statement that gives nothing, in a transaction of its own.
    fn execute(&mut self, sql: &str) -> Result<()>;
    /// The full names of all tables that are read.
    fn names(&mut self) -> Result<Vec<String>>;
    /// The table as it is now; `None` if there is none.
    fn table(&mut self, text: &str) -> Result<Option<Arc<Table>>>;
    /// Gives the rows that a query finds of the table that was asked for last: the texts of those columns, and
    /// all values.
    fn rows(
        &mut self,
        sql: &str,
        keys: &[usize],
        each: &mut dyn FnMut(Key, Vec<Value>),
    ) -> Result<()>;
}

/// A table that is to be read.
#[derive(Clone, Debug, PartialEq)]
struct Collection {
    id: String,
    condition: Option<String>,
    surrogate: Option<String>,
    correlation: Option<String>,
}

/// What became of it, to be told.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Told {
    pub(crate) kind: &'static str,
    pub(crate) id: Option<String>,
    pub(crate) data: Vec<(&'static str, String)>,
}

/// A piece of a table.
#[derive(Debug, Default)]
struct Window {
    rows: Vec<Option<(Key, Vec<Value>)>>,
    places: HashMap<Value, usize>,
    is_open: bool,
}

/// How far the snapshots are that were asked for.
#[derive(Debug, Default)]
pub(crate) struct Incremental {
    queue: VecDeque<Collection>,
    /// The key of the last row that was given on, and of the last row that there was at the beginning.
    done: Option<Key>,
    maximum: Option<Key>,
    /// The last row that was read.
    read: Option<Key>,
    chunk: String,
    table: Option<Arc<Table>>,
    window: Window,
    is_paused: bool,
    /// The current table's rows so far.
    count: u64,
    pub(crate) told: Vec<Told>,
}

const PRIMARY: &str = "incremental_snapshot_primary_key";
const MAXIMUM: &str = "incremental_snapshot_maximum_key";
const COLLECTIONS: &str = "incremental_snapshot_collections";
const CORRELATION: &str = "incremental_snapshot_correlation_id";

impl Incremental {
    /// What an offset says.
    pub(crate) fn load(offset: &OffsetMap) -> Self {
        let text = |key: &str| offset.get(key).and_then(|text| text.as_str());
        let list: Vec<OffsetMap> =
            text(COLLECTIONS).and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
        let of = |map: &OffsetMap, what: &str| {
            let value = map.get(&format!("{COLLECTIONS}_{what}"));
            value.and_then(|value| value.as_str()).map(str::to_owned)
        };
        let queue = list.iter().filter_map(|map| {
            Some(Collection {
                id: of(map, "id")?,
                condition: of(map, "additional_condition"),
                surrogate: of(map, "surrogate_key"),
                correlation: of(map, "correlation_id"),
            })
        });
        // Keys of Java's own form cannot be read: the table is read from its beginning again.
        let key = |name: &str| text(name).and_then(|text| serde_json::from_str::<Key>(text).ok());
        let done = key(PRIMARY);
        Self {
            queue: queue.collect(),
            maximum: key(MAXIMUM),
            read: done.clone(),
            done,
            ..Self::default()
        }
    }

    /// Adds it to an offset.
    pub(crate) fn store(&self) -> OffsetMap {
        let mut offset = OffsetMap::new();
        let Some(first) = self.queue.front() else { return offset };
        let key = |key: &Option<Key>| json!(key).to_string();
        let list: Vec<serde_json::Value> = self
            .queue
            .iter()
            .map(|one| {
                json!({
                    format!("{COLLECTIONS}_id"): one.id,
                    format!("{COLLECTIONS}_additional_condition"): one.condition,
                    format!("{COLLECTIONS}_surrogate_key"): one.surrogate,
                    format!("{COLLECTIONS}_correlation_id"): one.correlation,
                })
            })
            .collect();
        offset.insert(PRIMARY.to_owned(), key(&self.done).into());
        offset.insert(MAXIMUM.to_owned(), key(&self.maximum).into());
        offset.insert(COLLECTIONS.to_owned(), serde_json::Value::from(list).to_string().into());
        offset.insert(CORRELATION.to_owned(), json!(first.correlation));
        offset
    }

    /// The connection is another one: the piece that was not given on in full is read again.
    pub(crate) fn restart(&mut self) {
        self.read = self.done.clone();
        self.window = Window::default();
        self.chunk.clear();
    }

    /// Nothing more is read: the marks cannot be written.
    fn abandon(&mut self) {
        self.tell("ABORTED", vec![("data_collections", self.list())]);
        self.queue.clear();
        self.begin_table();
    }

    /// What asking the database gave. What is wrong with an incremental snapshot never ends the stream, unless it may
    /// go away by itself.
    pub(crate) fn guarded(&mut self, answer: Result<bool>) -> Result<bool> {
        match answer {
            Err(error) if !error.is_retriable() => {
                tracing::warn!(%error, "an incremental snapshot cannot go on");
                self.abandon();
                Ok(false)
            }
            answer => answer,
        }
    }

    pub(crate) fn is_running(&self) -> bool {
        !self.queue.is_empty()
    }

    fn tell(&mut self, kind: &'static str, data: Vec<(&'static str, String)>) {
        let id = self.queue.front().and_then(|first| first.correlation.clone());
        self.told.push(Told { kind, id, data });
    }

    fn list(&self) -> String {
        let ids: Vec<&str> = self.queue.iter().map(|one| one.id.as_str()).collect();
        ids.join(",")
    }

    /// Takes a signal. True: the rows of the window are to be given on now ([`Incremental::take`]), and the next piece
    /// is to be read after that ([`Incremental::next`]).
    pub(crate) fn signal(
        &mut self,
        received: &Received,
        common: &Common,
        asking: &mut dyn Asking,
    ) -> Result<bool> {
        match &received.signal {
            Signal::Open => {
                self.window.is_open |= self.is_mine(&received.id, "-open");
                Ok(false)
            }
            Signal::Close => Ok(self.window.is_open && self.is_mine(&received.id, "-close")),
            Signal::Execute { collections, conditions, surrogate } => {
                let names = asking.names()?;
                let was_running = self.is_running();
                for wanted in collections {
                    let fits = pattern(wanted).ok();
                    let mut found: Vec<String> = names
                        .iter()
                        .filter(|name| fits.as_ref().is_some_and(|fits| fits.matches(name)))
                        .cloned()
                        .collect();
                    if found.is_empty() {
                        found.push(wanted.clone());
                    }
                    for id in found {
                        let condition = conditions
                            .iter()
                            .find(|(of, _)| pattern(of).is_ok_and(|of| of.matches(&id)));
                        let collection = Collection {
                            condition: condition.map(|(_, filter)| filter.clone()),
                            surrogate: surrogate.clone(),
                            correlation: Some(received.id.clone()),
                            id,
                        };
                        if !self.queue.iter().any(|one| one.id == collection.id) {
                            self.queue.push_back(collection);
                        }
                    }
                }
                if !was_running && self.is_running() {
                    self.tell("STARTED", vec![("data_collections", self.list())]);
                    self.next(common, asking)?;
                }
                Ok(false)
            }
            Signal::Stop { collections } => {
                self.stop(collections);
                Ok(false)
            }
            Signal::Pause => {
                self.is_paused = true;
                self.tell("PAUSED", vec![("data_collections", self.list())]);
                Ok(false)
            }
            Signal::Resume => {
                if std::mem::take(&mut self.is_paused) {
                    self.tell("RESUMED", vec![("data_collections", self.list())]);
                    self.next(common, asking)?;
                }
                Ok(false)
            }
            Signal::Log { message } => {
                tracing::info!(signal = received.id, "{message}");
                Ok(false)
            }
        }
    }

    fn is_mine(&self, id: &str, tail: &str) -> bool {
        !self.chunk.is_empty() && id.strip_suffix(tail) == Some(self.chunk.as_str())
    }

    /// Whether the mark that was deleted closes the window, where marks are deleted.
    pub(crate) fn closes(&self, id: &str) -> bool {
        self.window.is_open && self.is_mine(id, "-open")
    }

    fn stop(&mut self, collections: &[String]) {
        let patterns: Vec<_> = collections.iter().filter_map(|one| pattern(one).ok()).collect();
        let stops = |one: &Collection| {
            collections.is_empty() || patterns.iter().any(|pattern| pattern.matches(&one.id))
        };
        let gone: Vec<String> =
            self.queue.iter().filter(|one| stops(one)).map(|one| one.id.clone()).collect();
        if gone.is_empty() {
            return;
        }
        self.tell("ABORTED", vec![("data_collections", gone.join(","))]);
        let is_current = self.queue.front().is_some_and(&stops);
        self.queue.retain(|one| !stops(one));
        if is_current {
            self.begin_table();
        }
    }

    fn begin_table(&mut self) {
        (self.done, self.maximum, self.read, self.table) = (None, None, None, None);
        self.window = Window::default();
        self.chunk.clear();
        self.count = 0;
    }

    /// A row of this table changes: what the window has of it is old.
    pub(crate) fn changes(&mut self, table: &Arc<Table>, rows: [Option<&[Value]>; 2]) {
        if !self.window.is_open || self.queue.front().is_none_or(|one| *one.id != *table.text) {
            return;
        }
        for row in rows.into_iter().flatten() {
            let key = table.key(row).value;
            if let Some(at) = self.window.places.remove(&key)
                && let Some(slot) = self.window.rows.get_mut(at)
            {
                *slot = None;
            }
        }
    }

    /// The rows of the window that are still as they were, with the table that they are of. After each of them
    /// [`Incremental::given`] is to be called.
    pub(crate) fn take(&mut self) -> Option<(Arc<Table>, Rows)> {
        let window = std::mem::take(&mut self.window);
        let rows = window.rows.into_iter().flatten().collect();
        Some((self.table.clone()?, rows))
    }

    /// A row was given on.
    pub(crate) fn given(&mut self, key: Key) {
        self.done = Some(key);
    }

    /// Reads the next piece, between two marks.
    pub(crate) fn next(&mut self, common: &Common, asking: &mut dyn Asking) -> Result<()> {
        // All before the piece's last row was given on, or changed.
        self.done = self.read.clone().or_else(|| self.done.take());
        if self.is_paused {
            return Ok(());
        }
        while let Some(current) = self.queue.front().cloned() {
            self.mark(common, asking, OPEN)?;
            let read = self.piece(common, asking, &current);
            let status = match read {
                Ok(Ok(0)) => "SUCCEEDED",
                Ok(Ok(rows)) => {
                    self.count += rows;
                    let text = |key: &Option<Key>| key.as_ref().map(shown).unwrap_or_default();
                    let data = vec![
                        ("data_collections", self.list()),
                        ("current_collection_in_progress", current.id.clone()),
                        ("maximum_key", text(&self.maximum)),
                        ("last_processed_key", text(&self.read)),
                    ];
                    self.tell("IN_PROGRESS", data);
                    return self.mark(common, asking, CLOSE);
                }
                Ok(Err(status)) => status,
                Err(error) if error.is_retriable() => return Err(error),
                Err(error) => {
                    tracing::warn!(table = current.id, %error, "an incremental snapshot leaves a table out");
                    "SQL_EXCEPTION"
                }
            };
            self.mark(common, asking, CLOSE)?;
            let data = vec![
                ("data_collections", self.list()),
                ("scanned_collection", current.id.clone()),
                ("total_rows_scanned", self.count.to_string()),
                ("status", status.to_owned()),
            ];
            self.tell("TABLE_SCAN_COMPLETED", data);
            if self.queue.len() == 1 {
                self.tell("COMPLETED", Vec::new());
            }
            self.queue.pop_front();
            self.begin_table();
        }
        Ok(())
    }

    /// Reads a piece into the window: how many rows, or why the table is left out.
    fn piece(
        &mut self,
        common: &Common,
        asking: &mut dyn Asking,
        current: &Collection,
    ) -> Result<std::result::Result<u64, &'static str>> {
        let Some(table) = asking.table(&current.id)? else { return Ok(Err("UNKNOWN_SCHEMA")) };
        let keys: Vec<usize> = match &current.surrogate {
            Some(name) => match table.columns.iter().position(|column| column.name == *name) {
                Some(at) => vec![at],
                None => {
                    tracing::warn!(
                        "Surrogate key \"{name}\" doesn't exist in table \"{}\"",
                        current.id
                    );
                    return Ok(Err("SQL_EXCEPTION"));
                }
            },
            None => table.key.as_ref().map(|(_, keys)| keys.clone()).unwrap_or_default(),
        };
        if keys.is_empty() || table.key.is_none() {
            tracing::warn!(
                "Incremental snapshot for table '{}' skipped because the table has no primary keys",
                current.id
            );
            return Ok(Err("NO_PRIMARY_KEY"));
        }
        let columns: Vec<_> = keys.iter().filter_map(|&at| table.columns.get(at)).collect();
        if let Some(column) = columns.iter().find(|column| column.optional) {
            tracing::warn!(
                "Incremental snapshot for table '{}' skipped because {} of its key may be null: name another column as surrogate-key",
                current.id,
                column.name
            );
            return Ok(Err("NO_PRIMARY_KEY"));
        }
        let names: Vec<String> = columns.iter().map(|column| asking.quote(&column.name)).collect();
        let condition = current.condition.as_deref();
        let sql = Select { asking, table: &table, names: &names, condition };
        if self.maximum.is_none() {
            let query = sql.last();
            sql.asking.rows(&query, &keys, &mut |key, _| self.maximum = Some(key))?;
            if self.maximum.is_none() {
                return Ok(Err("EMPTY"));
            }
        }
        let query = sql.piece(self.read.as_ref(), self.maximum.as_ref(), common.chunk_rows);
        let mut window = Window::default();
        let mut last = None;
        sql.asking.rows(&query, &keys, &mut |key, values| {
            window.places.insert(table.key(&values).value, window.rows.len());
            last = Some(key.clone());
            window.rows.push(Some((key, values)));
        })?;
        let count = window.rows.len() as u64;
        self.window = window;
        self.table = Some(table);
        self.read = last.or_else(|| self.read.take());
        Ok(Ok(count))
    }

    /// Writes a mark into the table of signals.
    fn mark(&mut self, common: &Common, asking: &mut dyn Asking, kind: &str) -> Result<()> {
        let Some(signals) = &common.signal_table else { return Ok(()) };
        let (name, is_open) = (asking.sql_name(signals), kind == OPEN);
        if is_open {
            self.chunk = super::emit::run_id();
            self.window = Window::default();
        }
        let id = format!("{}-{}", self.chunk, if is_open { "open" } else { "close" });
        if !is_open && common.deletes_marks {
            let id = asking.literal(&format!("{}-open", self.chunk));
            let column = asking.table(signals)?;
            let column =
                column.and_then(|table| table.columns.first().map(|column| column.name.clone()));
            let column = asking.quote(column.as_deref().unwrap_or("id"));
            return asking.execute(&format!("DELETE FROM {name} WHERE {column} = {id}"));
        }
        let what = if is_open { "openWindowTimestamp" } else { "closeWindowTimestamp" };
        let data = format!("{{\"{what}\": \"{}\"}}", super::times::now_text());
        let values = [&id, kind, &data].map(|text| asking.literal(text)).join(", ");
        asking.execute(&format!("INSERT INTO {name} VALUES ({values})"))
    }
}

fn shown(key: &Key) -> String {
    let parts: Vec<&str> = key.iter().map(|part| part.as_deref().unwrap_or("<null>")).collect();
    parts.join(",")
}

/// Queries of one table.
struct Select<'a> {
    asking: &'a mut dyn Asking,
    table: &'a Table,
    /// The columns of the key, as SQL has them.
    names: &'a [String],
    condition: Option<&'a str>,
}

impl Select<'_> {
    fn head(&self) -> String {
        let columns: Vec<String> =
            self.table.columns.iter().map(|column| self.asking.quote(&column.name)).collect();
        format!("SELECT {} FROM {}", columns.join(", "), self.asking.sql_name(&self.table.text))
    }

    /// Asks for the last row.
    fn last(&self) -> String {
        let order: Vec<String> = self.names.iter().map(|name| format!("{name} DESC")).collect();
        let condition = self.condition.map(|text| format!(" WHERE ({text})")).unwrap_or_default();
        format!("{}{condition} ORDER BY {} LIMIT 1", self.head(), order.join(", "))
    }

    /// Asks for the rows behind one, up to another.
    fn piece(&self, after: Option<&Key>, to: Option<&Key>, limit: usize) -> String {
        let names = self.names.join(", ");
        let row = |key: &Key| {
            let texts: Vec<String> = key
                .iter()
                .map(|text| {
                    text.as_deref()
                        .map_or_else(|| "NULL".to_owned(), |text| self.asking.literal(text))
                })
                .collect();
            texts.join(", ")
        };
        let mut conditions = Vec::new();
        if let Some(after) = after {
            conditions.push(format!("({names}) > ({})", row(after)));
        }
        if let Some(to) = to {
            conditions.push(format!("({names}) <= ({})", row(to)));
        }
        conditions.extend(self.condition.map(|text| format!("({text})")));
        let filter = match conditions.is_empty() {
            true => String::new(),
            false => format!(" WHERE {}", conditions.join(" AND ")),
        };
        format!("{}{filter} ORDER BY {names} LIMIT {limit}", self.head())
    }
}
