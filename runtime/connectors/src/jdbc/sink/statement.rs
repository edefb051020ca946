//! The statements that write rows.

use super::config::{Config, InsertMode};
use super::fields::Fields;
use crate::jdbc::db::{Dialect, TableId};

/// What is done with rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    Write,
    Delete,
}

/// The parts of a statement that takes any number of rows.
#[derive(Clone, Debug)]
pub(super) struct Statement {
    head: String,
    /// The places of one row.
    row: Vec<&'static str>,
    between: (&'static str, &'static str),
    tail: String,
    /// Most rows at once.
    pub(super) rows_max: usize,
    dialect: Dialect,
}

/// Most rows of one statement: more gain nothing.
const ROWS_MAX: usize = 512;

impl Statement {
    pub(super) fn new(config: &Config, table: &TableId, fields: &Fields, action: Action) -> Self {
        let name = |field: &super::fields::Field| config.quoting.name(&field.name);
        let keys: Vec<String> = fields.keys.iter().map(name).collect();
        let others: Vec<String> = fields.others.iter().map(name).collect();
        let table = config.quoting.table(table);
        match (action, config.insert_mode) {
            (Action::Delete, _) => delete(config, &table, &keys),
            (Action::Write, InsertMode::Update) => update(config, &table, &keys, &others),
            (Action::Write, mode) => {
                let all: Vec<String> = keys.iter().chain(&others).cloned().collect();
                let is_upsert = mode == InsertMode::Upsert;
                let into = match (is_upsert, config.quoting.dialect) {
                    (true, Dialect::Sqlite) => "INSERT OR REPLACE INTO",
                    _ => "INSERT INTO",
                };
                let tail = if is_upsert {
                    conflict(config.quoting.dialect, &keys, &others)
                } else {
                    String::new()
                };
                let head = format!("{into} {table} ({}) VALUES ", all.join(","));
                Self::rows(config, head, all.len(), ("(", ")"), tail)
            }
        }
    }

    fn rows(
        config: &Config,
        head: String,
        places: usize,
        between: (&'static str, &'static str),
        tail: String,
    ) -> Self {
        let dialect = config.quoting.dialect;
        // In a process of its own, a statement for each row costs no more than one for all.
        let most = if dialect == Dialect::Sqlite { 1 } else { ROWS_MAX };
        let rows_max = most.min(dialect.params_max() / places.max(1)).min(config.batch_size).max(1);
        Self { head, row: vec!["?"; places], between, tail, rows_max, dialect }
    }

    /// The text for so many rows.
    pub(super) fn text(&self, rows: usize) -> String {
        if self.row.is_empty() {
            return self.head.clone();
        }
        let mut text = self.head.clone();
        let mut number = 0;
        let (open, close) = self.between;
        for row in 0..rows {
            if row > 0 {
                text.push(',');
            }
            text.push_str(open);
            for (at, place) in self.row.iter().enumerate() {
                if at > 0 {
                    text.push(',');
                }
                number += 1;
                match self.dialect {
                    Dialect::PostgreSql => text.push_str(&format!("${number}")),
                    _ => text.push_str(place),
                }
            }
            text.push_str(close);
        }
        text.push_str(&self.tail);
        text
    }
}

/// What to do about a row that is there.
fn conflict(dialect: Dialect, keys: &[String], others: &[String]) -> String {
    let set = |names: &[String], of: &dyn Fn(&String) -> String| {
        names.iter().map(of).collect::<Vec<_>>().join(",")
    };
    match dialect {
        Dialect::MySql | Dialect::MariaDb => {
            let names = if others.is_empty() { keys } else { others };
            format!(
                " on duplicate key update {}",
                set(names, &|name| format!("{name}=values({name})"))
            )
        }
        Dialect::PostgreSql if others.is_empty() => {
            format!(" ON CONFLICT ({}) DO NOTHING", keys.join(","))
        }
        Dialect::PostgreSql => format!(
            " ON CONFLICT ({}) DO UPDATE SET {}",
            keys.join(","),
            set(others, &|name| format!("{name}=EXCLUDED.{name}"))
        ),
        Dialect::Sqlite => String::new(),
    }
}

/// One row at a time: its other columns, then its key.
fn update(config: &Config, table: &str, keys: &[String], others: &[String]) -> Statement {
    let mut number = 0;
    let mut place = |name: &String| {
        number += 1;
        match config.quoting.dialect {
            Dialect::PostgreSql => format!("{name} = ${number}"),
            _ => format!("{name} = ?"),
        }
    };
    let set: Vec<String> = others.iter().map(&mut place).collect();
    let find: Vec<String> = keys.iter().map(&mut place).collect();
    let mut head = format!("UPDATE {table} SET {}", set.join(", "));
    if !find.is_empty() {
        head = format!("{head} WHERE {}", find.join(" AND "));
    }
    Statement {
        head,
        row: Vec::new(),
        between: ("", ""),
        tail: String::new(),
        rows_max: 1,
        dialect: config.quoting.dialect,
    }
}

fn delete(config: &Config, table: &str, keys: &[String]) -> Statement {
    match keys {
        [key] => {
            let head = format!("DELETE FROM {table} WHERE {key} IN (");
            Statement::rows(config, head, 1, ("", ""), ")".to_owned())
        }
        _ => {
            let head = format!("DELETE FROM {table} WHERE ({}) IN (", keys.join(","));
            // SQLite has rows in a list only as rows of values.
            let (head, between) = match config.quoting.dialect {
                Dialect::Sqlite => (head + "VALUES ", ("(", ")")),
                _ => (head, ("(", ")")),
            };
            Statement::rows(config, head, keys.len(), between, ")".to_owned())
        }
    }
}
