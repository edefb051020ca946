//! The statements that write rows.

use std::sync::OnceLock;

use super::config::{Config, InsertMode};
use super::fields::{Field, Fields};
use crate::jdbc::db::{Dialect, TableId};

/// What is done with rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    Write,
    Delete,
}

/// The parts of a statement that takes any number of rows.
#[derive(Debug)]
pub(super) struct Statement {
    head: String,
    /// What stands before each place of a row, and behind the last one.
    row: Vec<String>,
    close: &'static str,
    /// What stands between rows.
    between: &'static str,
    tail: String,
    /// Most rows at once.
    pub(super) rows_max: usize,
    dialect: Dialect,
    /// The texts for one row, two, four and so on, as they were first asked for.
    texts: [OnceLock<String>; SIZES],
}

/// Most rows of one statement: more gain nothing.
const ROWS_MAX: usize = 512;
/// Powers of two up to that.
const SIZES: usize = 10;

impl Statement {
    pub(super) fn new(config: &Config, table: &TableId, fields: &Fields, action: Action) -> Self {
        let name = |field: &Field| config.quoting.name(&field.name);
        let keys: Vec<String> = fields.keys.iter().map(name).collect();
        let others: Vec<String> = fields.others.iter().map(name).collect();
        let table = config.quoting.table(table);
        match (action, config.insert_mode) {
            (Action::Delete, _) => {
                let head = format!("DELETE FROM {table} WHERE ");
                Self::rows(config, head, found(&keys), (")", " OR "), String::new())
            }
            (Action::Write, InsertMode::Update) => {
                let set: Vec<String> = others
                    .iter()
                    .enumerate()
                    .map(|(at, name)| format!("{}{name} = ", if at > 0 { ", " } else { "" }))
                    .collect();
                let find = keys.iter().enumerate().map(|(at, name)| {
                    format!("{}{name} = ", if at > 0 { " AND " } else { " WHERE " })
                });
                let row: Vec<String> = set.into_iter().chain(find).collect();
                let one = Self::rows(
                    config,
                    format!("UPDATE {table} SET "),
                    row,
                    ("", ""),
                    String::new(),
                );
                Self { rows_max: 1, ..one }
            }
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
                let row =
                    (0..all.len()).map(|at| if at > 0 { "," } else { "(" }.to_owned()).collect();
                Self::rows(config, head, row, (")", ","), tail)
            }
        }
    }

    fn rows(
        config: &Config,
        head: String,
        row: Vec<String>,
        (close, between): (&'static str, &'static str),
        tail: String,
    ) -> Self {
        let dialect = config.quoting.dialect;
        // In a process of its own, a statement for each row costs no more than one for all.
        let most = if dialect == Dialect::Sqlite { 1 } else { ROWS_MAX };
        let rows_max =
            most.min(dialect.params_max() / row.len().max(1)).min(config.batch_size).max(1);
        Self { head, row, close, between, tail, rows_max, dialect, texts: Default::default() }
    }

    /// The text for so many rows.
    pub(super) fn text(&self, rows: usize) -> std::borrow::Cow<'_, str> {
        match self.texts.get(rows.ilog2() as usize).filter(|_| rows.is_power_of_two()) {
            Some(text) => text.get_or_init(|| self.made(rows)).into(),
            None => self.made(rows).into(),
        }
    }

    fn made(&self, rows: usize) -> String {
        use std::fmt::Write as _;
        let mut text = self.head.clone();
        let mut number = 0;
        for row in 0..rows {
            if row > 0 {
                text.push_str(self.between);
            }
            for before in &self.row {
                text.push_str(before);
                number += 1;
                match self.dialect {
                    // Writing to a text cannot fail.
                    Dialect::PostgreSql => drop(write!(text, "${number}")),
                    _ => text.push('?'),
                }
            }
            text.push_str(self.close);
        }
        text.push_str(&self.tail);
        text
    }
}

/// `(a = ? AND b = ?)`, which every database finds by its index.
fn found(keys: &[String]) -> Vec<String> {
    let one =
        |(at, name): (usize, &String)| format!("{}{name} = ", if at > 0 { " AND " } else { "(" });
    keys.iter().enumerate().map(one).collect()
}

/// What to do about a row that is there.
fn conflict(dialect: Dialect, keys: &[String], others: &[String]) -> String {
    let set = |names: &[String], of: &dyn Fn(&String) -> String| {
        names.iter().map(of).collect::<Vec<_>>().join(",")
    };
    match dialect {
        Dialect::MySql | Dialect::MariaDb => {
            let names = if others.is_empty() { keys } else { others };
            let assign = |name: &String| format!("{name}=values({name})");
            format!(" on duplicate key update {}", set(names, &assign))
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
