//! Offsets beside the rows, in one transaction with them: what makes each record count once.

use std::collections::BTreeMap;

use gantry_api::{Error, Result, SinkRecord, TaskEpoch, TopicPartition};

use super::config::Config;
use crate::jdbc::db::{
    Cell, Column, Dialect, Param, Row, Rows, Session, SqlError, SqlResult, TableId,
};

/// Longest name of a connector or topic.
const NAME_MAX: usize = 255;

/// Who writes, and where it is written down.
#[derive(Debug)]
pub(super) struct Offsets {
    table: TableId,
    connector: String,
    epoch: TaskEpoch,
    /// The queues of the task, and where one goes on that nothing is known of: behind what was committed,
    /// and not behind the end of the queue.
    queues: BTreeMap<TopicPartition, Begin>,
    /// The next offset of each queue, as the database has it. Empty: it must be asked again.
    next: BTreeMap<TopicPartition, u64>,
}

/// Where a queue may go on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Begin {
    pub(super) committed: u64,
    /// Where the queue ends, if it is known.
    pub(super) end: Option<u64>,
}

impl Offsets {
    pub(super) fn new(config: &Config, connector: &str, epoch: TaskEpoch) -> Result<Option<Self>> {
        let Some(name) = &config.offsets_table else { return Ok(None) };
        let table = config.quoting.parse_table(name)?;
        let connector = connector.to_owned();
        Ok(Some(Self { table, connector, epoch, queues: BTreeMap::new(), next: BTreeMap::new() }))
    }

    /// The task has these queues, too.
    pub(super) fn add(&mut self, queues: &[(TopicPartition, Begin)]) {
        self.queues.extend(queues.iter().cloned());
        self.next.clear();
    }

    /// And these no more.
    pub(super) fn remove(&mut self, queues: &[TopicPartition]) {
        for queue in queues {
            self.queues.remove(queue);
            self.next.remove(queue);
        }
    }

    /// What the database has is not known any more: a transaction may have counted or not.
    pub(super) fn forget(&mut self) {
        self.next.clear();
    }

    /// The next offset of each queue.
    pub(super) fn known(&self) -> BTreeMap<TopicPartition, u64> {
        self.next.clone()
    }

    pub(super) fn is_known(&self) -> bool {
        self.next.len() == self.queues.len()
    }

    /// Takes the queues over, so that a former task of them writes nothing more, and finds out where to go
    /// on in each.
    pub(super) fn open(&mut self, config: &Config, session: &mut dyn Session) -> SqlResult<()> {
        self.make(config, session)?;
        for (queue, begin) in self.queues.clone() {
            self.check(&queue)?;
            let dialect = config.quoting.dialect;
            let table = config.quoting.table(&self.table);
            let (insert, tail) = match dialect {
                Dialect::MySql | Dialect::MariaDb => ("INSERT IGNORE INTO", ""),
                Dialect::PostgreSql => ("INSERT INTO", " ON CONFLICT DO NOTHING"),
                Dialect::Sqlite => ("INSERT OR IGNORE INTO", ""),
            };
            let columns = "(connector, topic, queue, next_offset, generation, claim)";
            let sql = format!("{insert} {table} {columns} VALUES (?, ?, ?, ?, ?, ?){tail}");
            let mut params = self.place(&queue);
            params.push(number(begin.committed));
            params.extend(self.right());
            session.write(&dialect.numbered(&sql), &params)?;
            self.update(config, session, &queue, None)?;
            let mut next = self.stored(config, session, &queue)?;
            if let Some(end) = begin.end.filter(|end| *end < next) {
                tracing::warn!(
                    connector = self.connector,
                    "{queue} ends at {end}, and {} says that it was written up to {next}: the topic was made \
                     anew or has lost its end; it goes on at {end}",
                    self.table
                );
                self.update(config, session, &queue, Some((next, end)))?;
                next = end;
            }
            self.next.insert(queue, next);
        }
        Ok(())
    }

    /// Makes the table, unless somebody has.
    fn make(&self, config: &Config, session: &mut dyn Session) -> SqlResult<()> {
        let kinds = ["TABLE".to_owned(), "PARTITIONED TABLE".to_owned()];
        if session.table(&self.table, &kinds)?.is_some() {
            return Ok(());
        }
        // Names that differ only in the case of letters are others.
        let text = match config.quoting.dialect {
            Dialect::MySql | Dialect::MariaDb => {
                "VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"
            }
            _ => "VARCHAR(255)",
        };
        let made = session.execute(&format!(
            "CREATE TABLE IF NOT EXISTS {} (connector {text} NOT NULL, topic {text} NOT NULL, \
             queue INTEGER NOT NULL, next_offset BIGINT NOT NULL, generation BIGINT NOT NULL, \
             claim BIGINT NOT NULL, PRIMARY KEY (connector, topic, queue))",
            config.quoting.table(&self.table)
        ));
        match made {
            // Another task may have made it at the same moment.
            Err(error) if session.table(&self.table, &kinds)?.is_none() => Err(error),
            _ => Ok(()),
        }
    }

    fn check(&self, queue: &TopicPartition) -> Result<()> {
        for name in [self.connector.as_str(), &*queue.topic] {
            if name.chars().count() > NAME_MAX {
                return Err(Error::config(format!(
                    "{name} is too long for gantry.offsets.table: at most {NAME_MAX} characters"
                )));
            }
        }
        Ok(())
    }

    /// Whether a record was written before.
    pub(super) fn is_written(&self, record: &SinkRecord) -> bool {
        self.next.get(&record.origin).is_some_and(|next| record.offset < *next)
    }

    /// What follows the last of these records, by queue.
    pub(super) fn after(records: &[SinkRecord]) -> BTreeMap<TopicPartition, u64> {
        let mut next: BTreeMap<TopicPartition, u64> = BTreeMap::new();
        for record in records {
            let end = record.offset.saturating_add(1);
            match next.get_mut(&record.origin) {
                Some(next) => *next = end.max(*next),
                None => {
                    next.insert(record.origin.clone(), end);
                }
            }
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
            let before = self.next.get(queue).copied().unwrap_or(0);
            self.update(config, session, queue, Some((before, *next)))?;
        }
        Ok(())
    }

    /// The transaction counts.
    pub(super) fn written(&mut self, next: BTreeMap<TopicPartition, u64>) {
        self.next.extend(next);
    }

    /// Writes down that it is this task that writes, and with `next` the step from one offset to another.
    /// Who has a smaller right, or believes another offset, is refused.
    fn update(
        &self,
        config: &Config,
        session: &mut dyn Session,
        queue: &TopicPartition,
        next: Option<(u64, u64)>,
    ) -> SqlResult<()> {
        let table = config.quoting.table(&self.table);
        let (set, from) = match next {
            Some(_) => ("next_offset = ?, ", " AND next_offset = ?"),
            None => ("", ""),
        };
        let sql = format!(
            "UPDATE {table} SET {set}generation = ?, claim = ? WHERE connector = ? AND topic = ? AND queue = ? \
             AND (generation < ? OR (generation = ? AND claim <= ?)){from}"
        );
        let mut params: Vec<Param> = next.iter().map(|(_, to)| number(*to)).collect();
        params.extend(self.right());
        params.extend(self.place(queue));
        params.push(number(self.epoch.generation));
        params.extend(self.right());
        params.extend(next.iter().map(|(from, _)| number(*from)));
        if session.write(&config.quoting.dialect.numbered(&sql), &params)? == 0 {
            let TaskEpoch { generation, claim } = self.epoch;
            return Err(SqlError::Reader(Error::connect(format!(
                "Another task of connector {} has {queue} by now: this one (generation {generation}, claim {claim}) \
                 writes nothing more. If there is no other, as the connector has moved to another cluster, delete \
                 its rows from table {}",
                self.connector, self.table
            ))));
        }
        Ok(())
    }

    fn stored(
        &self,
        config: &Config,
        session: &mut dyn Session,
        queue: &TopicPartition,
    ) -> SqlResult<u64> {
        let table = config.quoting.table(&self.table);
        let sql = format!(
            "SELECT next_offset FROM {table} WHERE connector = ? AND topic = ? AND queue = ?"
        );
        let mut one = One(None);
        session.select(&config.quoting.dialect.numbered(&sql), &self.place(queue), 1, &mut one)?;
        Ok(one.0.unwrap_or(0))
    }

    /// Writes what a user has set; `None` forgets a queue.
    pub(super) fn alter(
        &self,
        config: &Config,
        session: &mut dyn Session,
        changes: &[(TopicPartition, Option<u64>)],
    ) -> SqlResult<()> {
        self.make(config, session)?;
        let table = config.quoting.table(&self.table);
        let at = "WHERE connector = ? AND topic = ? AND queue = ?";
        for (queue, next) in changes {
            let (sql, mut params) = match next {
                Some(next) => {
                    (format!("UPDATE {table} SET next_offset = ? {at}"), vec![number(*next)])
                }
                None => (format!("DELETE FROM {table} {at}"), Vec::new()),
            };
            params.extend(self.place(queue));
            session.write(&config.quoting.dialect.numbered(&sql), &params)?;
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
