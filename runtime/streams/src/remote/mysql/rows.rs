//! What is kept of a task, read.

use std::sync::Arc;

use mysql::prelude::Queryable;
use mysql::{Params, Value};

use super::super::{Row, Rows, Task, parts};
use super::client::Client;
use super::schema::Tables;
use crate::error::StreamsError;
use crate::store::prefix;

/// The rows of one task.
pub(super) struct TaskRows {
    client: Arc<Client>,
    task: Task,
    get: String,
    page: String,
    page_to: String,
    changed: String,
}

impl TaskRows {
    pub(super) fn new(client: Arc<Client>, tables: &Tables, task: Task) -> Self {
        let table = &tables.state;
        let of_task = "sub_topology = ? AND queue = ?";
        let select = "SELECT entry_key, entry_value, number";
        // The indexes are named: a server that knows little of a table as yet guesses wrong.
        let page = |to: &str| {
            format!(
                "{select} FROM `{table}` FORCE INDEX (PRIMARY) WHERE {of_task} AND store = ? AND entry_key >= ?{to} AND gone = 0 ORDER BY entry_key LIMIT ?"
            )
        };
        Self {
            client,
            task,
            get: format!(
                "SELECT entry_value FROM `{table}` WHERE {of_task} AND store = ? AND entry_key = ?"
            ),
            page: page(""),
            page_to: page(" AND entry_key < ?"),
            changed: format!(
                "SELECT store, entry_key, entry_value, number FROM `{table}` FORCE INDEX (by_number) WHERE {of_task} AND gone = ? AND number BETWEEN ? AND ? AND (number > ? OR (number = ? AND (store > ? OR (store = ? AND entry_key > ?)))) ORDER BY number, store, entry_key LIMIT ?"
            ),
        }
    }

    fn params(&self, rest: impl IntoIterator<Item = Value>) -> Params {
        let (sub, queue) = self.task;
        let task = [Value::UInt(sub as u64), Value::UInt(queue.into())];
        Params::Positional(task.into_iter().chain(rest).collect())
    }
}

impl Rows for TaskRows {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StreamsError> {
        let (store, key) = parts(key);
        self.client.with(|connection| {
            let params = self.params([Value::UInt(store.into()), Value::Bytes(key.to_vec())]);
            let found: Option<Option<Vec<u8>>> = connection.conn.exec_first(&self.get, params)?;
            Ok(found.flatten())
        })
    }

    fn page(&self, from: &[u8], to: &[u8], most: usize) -> Result<Vec<Row>, StreamsError> {
        let ((store, from), (to_store, to)) = (parts(from), parts(to));
        let head = prefix(store, self.task.1);
        let mut values = vec![Value::UInt(store.into()), Value::Bytes(from.to_vec())];
        // A range ends in its store, or with it.
        let statement = if to_store == store && !to.is_empty() {
            values.push(Value::Bytes(to.to_vec()));
            &self.page_to
        } else {
            &self.page
        };
        values.push(Value::UInt(most as u64));
        self.client.with(|connection| {
            let row = |(key, value, number): (Vec<u8>, Option<Vec<u8>>, u64)| {
                ([&head[..], &key].concat(), value, number)
            };
            Ok(connection.conn.exec_map(statement, self.params(values), row)?)
        })
    }

    fn changed(&self, behind: &Row, upto: u64, most: usize) -> Result<Vec<Row>, StreamsError> {
        let (key, value, number) = behind;
        let (store, key) = parts(key);
        let values = [
            Value::UInt(value.is_none().into()),
            Value::UInt(*number),
            Value::UInt(upto),
            Value::UInt(*number),
            Value::UInt(*number),
            Value::UInt(store.into()),
            Value::UInt(store.into()),
            Value::Bytes(key.to_vec()),
            Value::UInt(most as u64),
        ];
        self.client.with(|connection| {
            let row = |(store, key, value, number): (u16, Vec<u8>, Option<Vec<u8>>, u64)| {
                ([&prefix(store, self.task.1)[..], &key].concat(), value, number)
            };
            Ok(connection.conn.exec_map(&self.changed, self.params(values), row)?)
        })
    }
}
