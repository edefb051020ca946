//! Offsets beside the rows, in one transaction with them: what makes each record count once.

use std::collections::BTreeMap;

use gantry_api::{Error, Result, SinkRecord, TaskEpoch, TopicPartition};

use super::config::Config;
use crate::jdbc::db::{Cell, Column, Dialect, Param, Row, Rows, Session, SqlResult, TableId};

/// Who writes, and where it is written down.
#[derive(Debug)]
pub(super) struct Offsets {
    table: TableId,
    connector: String,
    epoch: TaskEpoch,
    is_made: bool,
    /// The next offset of each queue.
    next: BTreeMap<TopicPartition, u64>,
}

impl Offsets {
    pub(super) fn new(config: &Config, connector: &str, epoch: TaskEpoch) -> Result<Option<Self>> {
        let Some(name) = &config.offsets_table else { return Ok(None) };
        let table = config.quoting.parse_table(name)?;
        let (connector, next) = (connector.to_owned(), BTreeMap::new());
        Ok(Some(Self { table, connector, epoch, is_made: false, next }))
    }

    /// Takes queues over: a former task of them writes nothing more. Where to go on in each; `committed` is
    /// where one goes on that nothing is known of here.
    pub(super) fn open(
        &mut self,
        config: &Config,
        session: &mut dyn Session,
        queues: &[(TopicPartition, Option<u64>)],
    ) -> SqlResult<BTreeMap<TopicPartition, u64>> {
        let table = config.quoting.table(&self.table);
        if !self.is_made {
            session.execute(&format!(
                "CREATE TABLE IF NOT EXISTS {table} (connector VARCHAR(255) NOT NULL, topic VARCHAR(255) NOT NULL, \
                 queue INTEGER NOT NULL, next_offset BIGINT NOT NULL, generation BIGINT NOT NULL, \
                 claim BIGINT NOT NULL, PRIMARY KEY (connector, topic, queue))"
            ))?;
            self.is_made = true;
        }
        let mut found = BTreeMap::new();
        for (queue, committed) in queues {
            let dialect = config.quoting.dialect;
            let (insert, tail) = match dialect {
                Dialect::MySql | Dialect::MariaDb => ("INSERT IGNORE INTO", ""),
                Dialect::PostgreSql => ("INSERT INTO", " ON CONFLICT DO NOTHING"),
                Dialect::Sqlite => ("INSERT OR IGNORE INTO", ""),
            };
            let columns = "(connector, topic, queue, next_offset, generation, claim)";
            let sql = format!("{insert} {table} {columns} VALUES (?, ?, ?, ?, ?, ?){tail}");
            let mut params = self.place(queue);
            params.push(number(committed.unwrap_or(0)));
            params.extend(self.right());
            session.write(&dialect.numbered(&sql), &params)?;
            self.claim(config, session, queue)?;
            let sql = format!(
                "SELECT next_offset FROM {table} WHERE connector = ? AND topic = ? AND queue = ?"
            );
            let mut one = One(None);
            session.select(&dialect.numbered(&sql), &self.place(queue), 1, &mut one)?;
            let next = one.0.unwrap_or(0);
            self.next.insert(queue.clone(), next);
            found.insert(queue.clone(), next);
        }
        Ok(found)
    }

    /// Forgets queues.
    pub(super) fn close(&mut self, queues: &[TopicPartition]) {
        queues.iter().for_each(|queue| {
            self.next.remove(queue);
        });
    }

    /// Whether a record was written before.
    pub(super) fn is_written(&self, record: &SinkRecord) -> bool {
        self.next.get(&record.origin).is_some_and(|next| record.offset < *next)
    }

    /// What follows the last of these records, by queue.
    pub(super) fn after(records: &[SinkRecord]) -> BTreeMap<TopicPartition, u64> {
        let mut next = BTreeMap::new();
        for record in records {
            let entry = next.entry(record.origin.clone()).or_insert(0);
            *entry = record.offset.saturating_add(1).max(*entry);
        }
        next
    }

    /// Writes offsets down, in the transaction of the rows before them.
    pub(super) fn write(
        &self,
        config: &Config,
        session: &mut dyn Session,
        next: &BTreeMap<TopicPartition, u64>,
    ) -> SqlResult<()> {
        for (queue, next) in next {
            self.update(config, session, queue, Some(*next))?;
        }
        Ok(())
    }

    /// The transaction counts.
    pub(super) fn written(&mut self, next: BTreeMap<TopicPartition, u64>) {
        self.next.extend(next);
    }

    fn claim(
        &self,
        config: &Config,
        session: &mut dyn Session,
        queue: &TopicPartition,
    ) -> SqlResult<()> {
        self.update(config, session, queue, None)
    }

    fn update(
        &self,
        config: &Config,
        session: &mut dyn Session,
        queue: &TopicPartition,
        next: Option<u64>,
    ) -> SqlResult<()> {
        let table = config.quoting.table(&self.table);
        let set = if next.is_some() { "next_offset = ?, " } else { "" };
        let sql = format!(
            "UPDATE {table} SET {set}generation = ?, claim = ? WHERE connector = ? AND topic = ? AND queue = ? \
             AND (generation < ? OR (generation = ? AND claim <= ?))"
        );
        let mut params: Vec<Param> = next.map(number).into_iter().collect();
        params.extend(self.right());
        params.extend(self.place(queue));
        params.push(number(self.epoch.generation));
        params.extend(self.right());
        if session.write(&config.quoting.dialect.numbered(&sql), &params)? == 0 {
            return Err(Error::connect(format!(
                "Another task of connector {} has {queue} by now: this one writes nothing more",
                self.connector
            ))
            .into());
        }
        Ok(())
    }

    fn right(&self) -> [Param; 2] {
        [number(self.epoch.generation), number(self.epoch.claim)]
    }

    fn place(&self, queue: &TopicPartition) -> Vec<Param> {
        let text = |text: &str| Param::Text(text.into());
        vec![text(&self.connector), text(&queue.topic), Param::Int(i64::from(queue.partition))]
    }
}

fn number(number: u64) -> Param {
    Param::Int(i64::try_from(number).unwrap_or(i64::MAX))
}

/// The one number of a result.
struct One(Option<u64>);

impl Rows for One {
    fn columns(&mut self, _: Vec<Column>) -> Result<()> {
        Ok(())
    }
    fn row(&mut self, row: &dyn Row) -> Result<bool> {
        if let Cell::Int(number) = row.cell(0)? {
            self.0 = u64::try_from(number).ok();
        }
        Ok(true)
    }
}
