//! Databases behind one trait: MySQL and MariaDB, PostgreSQL, SQLite. All of it blocks, and belongs on
//! a thread of its own.

mod connect;
mod dialect;
mod error;
mod identifier;
mod mysql;
mod postgres;
mod sqlite;
mod tls;
mod types;
mod url;

pub(crate) use connect::wait;
pub(super) use connect::{Access, Connecting, Kept};
pub(super) use dialect::{Dialect, Quoting};
pub(crate) use error::{SqlError, SqlResult};
pub(crate) use tls::Tls;
pub(super) use types::{Cell, Column, Param, Row, Rows, SqlType, Table, TableId, Wall, civil};
pub(super) use url::Target;

/// A connection.
pub(super) trait Session: Send {
    /// The tables of these types; `%` and `_` in a pattern stand for any characters, as in SQL. No
    /// pattern is any name.
    fn tables(
        &mut self,
        catalog: Option<&str>,
        schema: Option<&str>,
        types: &[String],
    ) -> SqlResult<Vec<TableId>>;

    /// What a table looks like; `None` if there is none of these types.
    fn table(&mut self, id: &TableId, types: &[String]) -> SqlResult<Option<Table>>;

    /// Catalog and schema of names that say none.
    fn place(&mut self) -> SqlResult<(Option<String>, Option<String>)>;

    /// What time it is by the database's clock, in UTC. Clocks without a zone are in this one.
    fn now(&mut self, zone: &super::zone::Zone) -> SqlResult<Wall>;

    /// Whether the database takes this query.
    fn check(&mut self, sql: &str) -> SqlResult<()>;

    /// Reads rows, about so many at a time, until there are no more or the reader has enough.
    fn select(
        &mut self,
        sql: &str,
        params: &[Param],
        fetch: usize,
        rows: &mut dyn Rows,
    ) -> SqlResult<()>;

    /// Executes statements without parameters: DDL, and what begins and ends transactions.
    fn execute(&mut self, sql: &str) -> SqlResult<()>;

    /// Executes a statement with parameters, which is likely to come again: how many rows it met.
    fn write(&mut self, sql: &str, params: &[Param]) -> SqlResult<u64>;

    /// Begins a transaction.
    fn begin(&mut self) -> SqlResult<()> {
        self.execute("BEGIN")
    }

    /// Ends it: all of it counts.
    fn commit(&mut self) -> SqlResult<()> {
        self.execute("COMMIT")
    }

    /// Ends it: none of it counts.
    fn rollback(&mut self) -> SqlResult<()> {
        self.execute("ROLLBACK")
    }

    /// Whether the connection is of no more use.
    fn is_broken(&mut self) -> bool;
}
