//! A sink that writes each record once, whatever is killed: how far it has come stands in the
//! database that it writes to, in the same transaction as the records. Its epoch stands there too,
//! so that a former owner of a queue, which does not know yet that it is one, cannot write.

use std::collections::BTreeMap;
use std::time::Duration;

use gantry_api::model::text::java_string;
use gantry_api::{
    ConfigDef, ConfigKey, Connector, ConnectorContext, ConnectorPlugin, Error, Importance,
    PluginInfo, Props, Result, SinkOffset, SinkRecord, SinkTask, SinkTaskContext, TaskEpoch,
    TopicPartition, Type, Validator, async_trait,
};
use rusqlite::{Connection, ErrorCode, OptionalExtension, Transaction, TransactionBehavior};

const FILE: &str = "file";
const OWN_OFFSETS: &str = "own.offsets";
/// How long it waits for another task that writes.
const BUSY: Duration = Duration::from_secs(1);

const TABLES: &str = "
    PRAGMA journal_mode = WAL;
    CREATE TABLE IF NOT EXISTS records (topic TEXT, queue INTEGER, offset INTEGER, value TEXT);
    CREATE TABLE IF NOT EXISTS positions (
        topic TEXT, queue INTEGER, next INTEGER, generation INTEGER, claim INTEGER,
        PRIMARY KEY (topic, queue)
    );";

fn definition() -> ConfigDef {
    let file = ConfigKey::required(FILE, Type::String, Importance::High, "The database file.")
        .validator(Validator::NonEmptyString);
    let doc = "Whether offsets are kept in the database too; else each record comes at least once.";
    let own = ConfigKey::new(OWN_OFFSETS, Type::Boolean, true, Importance::Medium, doc);
    ConfigDef::new().define(file).define(own)
}

/// How Gantry finds and makes it.
pub(crate) fn plugin() -> ConnectorPlugin {
    let info = PluginInfo::new("org.example.SqliteSink", "Sink", definition);
    ConnectorPlugin::sink(info, SqliteConnector::default, SqliteTask::default)
}

/// Gives its configuration to all of its tasks.
#[derive(Debug, Default)]
struct SqliteConnector {
    props: Props,
}

#[async_trait]
impl Connector for SqliteConnector {
    async fn start(&mut self, _: ConnectorContext, props: &Props) -> Result<()> {
        self.props = props.clone();
        Ok(())
    }

    async fn task_configs(&mut self, max_tasks: u32) -> Result<Vec<Props>> {
        Ok((0..max_tasks).map(|_| self.props.clone()).collect())
    }
}

/// Writes.
#[derive(Debug, Default)]
struct SqliteTask {
    context: Option<SinkTaskContext>,
    connection: Option<Connection>,
    own_offsets: bool,
}

/// What it writes of a record.
struct Row {
    queue: TopicPartition,
    offset: u64,
    value: String,
}

#[async_trait]
impl SinkTask for SqliteTask {
    async fn start(&mut self, ctx: SinkTaskContext, props: &Props) -> Result<()> {
        let config = definition().parse(props)?;
        self.own_offsets = config.boolean(OWN_OFFSETS);
        self.context = Some(ctx);
        let file = config.string(FILE).unwrap_or_default().to_owned();
        let connection = blocking(move || {
            let connection = Connection::open(&file)?;
            connection.busy_timeout(BUSY)?;
            connection.execute_batch(TABLES)?;
            Ok(connection)
        });
        self.connection = Some(connection.await?);
        Ok(())
    }

    /// From here on no former task writes to these queues.
    async fn open(&mut self, queues: &[(TopicPartition, Option<SinkOffset>)]) -> Result<()> {
        if !self.own_offsets {
            return Ok(());
        }
        let (queues, epoch) = (queues.to_vec(), self.epoch());
        let positions = self.write(move |transaction| take(transaction, queues, epoch)).await?;
        if let Some(context) = &self.context {
            context.rewind(positions);
        }
        Ok(())
    }

    async fn put(&mut self, records: &[SinkRecord]) -> Result<()> {
        if records.is_empty() {
            return Ok(());
        }
        let row = |record: &SinkRecord| Row {
            queue: record.origin.clone(),
            offset: record.offset,
            value: java_string(&record.record.value.value),
        };
        let rows: Vec<Row> = records.iter().map(row).collect();
        let epoch = self.own_offsets.then(|| self.epoch());
        self.write(move |transaction| add(transaction, &rows, epoch)).await
    }
}

impl SqliteTask {
    fn epoch(&self) -> TaskEpoch {
        self.context.as_ref().map(|context| context.epoch).unwrap_or_default()
    }

    /// Does something in one transaction.
    async fn write<T: Send + 'static>(
        &mut self,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T> {
        let connection = self.connection.take();
        let mut connection = connection.ok_or_else(|| Error::connect("the task is not started"))?;
        let (connection, done) = blocking(move || {
            let done = in_transaction(&mut connection, work);
            Ok((connection, done))
        })
        .await?;
        self.connection = Some(connection);
        done.map_err(Error::from)
    }
}

fn in_transaction<T>(
    connection: &mut Connection,
    work: impl FnOnce(&Transaction<'_>) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let done = work(&transaction)?;
    transaction.commit()?;
    Ok(done)
}

/// Takes queues over; gives where to go on in those that the database knows.
fn take(
    transaction: &Transaction<'_>,
    queues: Vec<(TopicPartition, Option<SinkOffset>)>,
    epoch: TaskEpoch,
) -> Result<BTreeMap<TopicPartition, u64>, Failure> {
    let mut positions = BTreeMap::new();
    for (queue, committed) in queues {
        match position(transaction, &queue)? {
            Some((_, other)) if other > epoch => return Err(fenced(&queue)),
            Some((next, _)) => {
                set_position(transaction, &queue, next, epoch)?;
                positions.insert(queue, next);
            }
            None => {
                let next = committed.map_or(0, |committed| committed.offset);
                set_position(transaction, &queue, next, epoch)?;
            }
        }
    }
    Ok(positions)
}

/// Adds rows. With an epoch only those that are not there yet, to queues that are this task's.
fn add(
    transaction: &Transaction<'_>,
    rows: &[Row],
    epoch: Option<TaskEpoch>,
) -> Result<(), Failure> {
    let mut nexts: BTreeMap<&TopicPartition, u64> = BTreeMap::new();
    for row in rows {
        let next = match (nexts.get(&row.queue), epoch) {
            (_, None) => 0,
            (Some(next), _) => *next,
            (None, Some(epoch)) => match position(transaction, &row.queue)? {
                Some((next, owner)) if owner == epoch => next,
                _ => return Err(fenced(&row.queue)),
            },
        };
        if row.offset >= next {
            insert(transaction, row)?;
        }
        nexts.insert(&row.queue, next.max(row.offset + 1));
    }
    for (queue, next) in nexts {
        if let Some(epoch) = epoch {
            set_position(transaction, queue, next, epoch)?;
        }
    }
    Ok(())
}

/// Where to go on in a queue, and who has it.
fn position(
    transaction: &Transaction<'_>,
    queue: &TopicPartition,
) -> Result<Option<(u64, TaskEpoch)>, Failure> {
    let text = "SELECT next, generation, claim FROM positions WHERE topic = ? AND queue = ?";
    let mut statement = transaction.prepare_cached(text)?;
    let found = statement.query_row((&*queue.topic, queue.partition), |row| {
        let number = |at| row.get::<_, i64>(at).map(i64::cast_unsigned);
        Ok((number(0)?, TaskEpoch { generation: number(1)?, claim: number(2)? }))
    });
    Ok(found.optional()?)
}

fn set_position(
    transaction: &Transaction<'_>,
    queue: &TopicPartition,
    next: u64,
    epoch: TaskEpoch,
) -> Result<(), Failure> {
    let text = "INSERT OR REPLACE INTO positions VALUES (?, ?, ?, ?, ?)";
    let TaskEpoch { generation, claim } = epoch;
    let [next, generation, claim] = [next, generation, claim].map(u64::cast_signed);
    transaction.prepare_cached(text)?.execute((
        &*queue.topic,
        queue.partition,
        next,
        generation,
        claim,
    ))?;
    Ok(())
}

fn insert(transaction: &Transaction<'_>, row: &Row) -> Result<(), Failure> {
    let text = "INSERT INTO records VALUES (?, ?, ?, ?)";
    let Row { queue, offset, value } = row;
    let offset = offset.cast_signed();
    transaction.prepare_cached(text)?.execute((&*queue.topic, queue.partition, offset, value))?;
    Ok(())
}

/// Why a transaction was given up.
enum Failure {
    Database(rusqlite::Error),
    Fenced(Error),
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Self::Database(error)
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Fenced(error) => error,
            Failure::Database(error) => {
                let text = format!("the database: {error}");
                match error.sqlite_error_code() {
                    Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
                        Self::retriable(text)
                    }
                    _ => Self::connect(text),
                }
            }
        }
    }
}

fn fenced(queue: &TopicPartition) -> Failure {
    Failure::Fenced(Error::retriable(format!("{queue} is another task's by now")))
}

/// Runs what waits for the disk. It goes on when nobody waits for it any more, which its epoch
/// makes harmless.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Failure> + Send + 'static,
) -> Result<T> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| Error::connect(error.to_string()))?.map_err(Error::from)
}
