//! How many rows a second the JDBC source and sink move, beside a bare client of the same database on the same
//! table: what the client alone reads and writes is the most that any connector can.
//!
//! `cargo run --release -p gantry-connectors --example jdbc_bench -- mysql://user:password@host:port/database 500000`
//! or `postgresql://…`, or a file for SQLite.
#![expect(clippy::print_stdout, reason = "its result is what it prints")]

use std::error::Error;
use std::sync::Arc;
use std::time::Instant;

use gantry_api::{
    CancellationToken, ConnectRecord, Datum, Isolation, OffsetMap, OffsetReader, PluginRegistry,
    Props, Schema, SchemaBuilder, SinkRecord, SinkTask, SinkTaskContext, SourcePartition,
    SourceTask, SourceTaskContext, Struct, TaskFactory, TimestampType, TopicPartition, Value,
};
use mysql::prelude::Queryable;

const SOURCE: &str = "io.confluent.connect.jdbc.JdbcSourceConnector";
const SINK: &str = "io.confluent.connect.jdbc.JdbcSinkConnector";
/// Rows of one statement of the bare client, and records of one put.
const ROWS: usize = 512;
const PUT: usize = 2000;
const COLUMNS: &str = "id, name, city, amount, price";

type Fallible<T> = Result<T, Box<dyn Error>>;

enum Bare {
    MySql(mysql::Conn),
    /// With the statement of 512 rows, once it is prepared.
    Postgres(postgres::Client, Option<postgres::Statement>),
    Sqlite(rusqlite::Connection),
}

struct Nothing;

impl OffsetReader for Nothing {
    fn offset(&self, _: &SourcePartition) -> Option<OffsetMap> {
        None
    }
}

fn main() -> Fallible<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [url, rows] = &args[..] else { return Err("it is URL ROWS".into()) };
    let rows: usize = rows.parse()?;
    let mut bare = open(url)?;
    let mut figures = vec![
        ("client_upserts", bare.write_all(rows, true)?),
        ("client_writes", bare.write_all(rows, false)?),
        ("client_reads", bare.read_all(rows)?),
    ];
    drop(bare);
    let props = props(url)?;
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    figures.push(("source_reads", runtime.block_on(source(&props, rows))?));
    figures.push(("sink_writes", runtime.block_on(sink(&props, rows))?));
    let mut bare = open(url)?;
    let there = bare.count("bench_copy")?;
    if there != rows {
        return Err(format!("the sink wrote {there} rows of {rows}").into());
    }
    let text: Vec<String> =
        figures.iter().map(|(name, rate)| format!("\"{name}\":{rate:.0}")).collect();
    println!("{{\"rows\":{rows},{}}}", text.join(","));
    Ok(())
}

fn open(url: &str) -> Fallible<Bare> {
    Ok(match url.split_once("://") {
        Some(("mysql", _)) => Bare::MySql(mysql::Conn::new(mysql::Opts::from_url(url)?)?),
        Some(("postgresql", _)) => {
            Bare::Postgres(postgres::Client::connect(url, postgres::NoTls)?, None)
        }
        _ => Bare::Sqlite(rusqlite::Connection::open(url)?),
    })
}

fn props(url: &str) -> Fallible<Props> {
    let mut props = Props::new();
    let mut set = |key: &str, value: &str| {
        props.insert(key.to_owned(), value.to_owned());
    };
    match url.split_once("://") {
        Some((kind, rest)) => {
            let (login, place) = rest.split_once('@').ok_or("no login in the URL")?;
            let (user, password) = login.split_once(':').ok_or("no password in the URL")?;
            let kind = if kind == "mysql" { "mariadb" } else { kind };
            set("connection.url", &format!("jdbc:{kind}://{place}?nullCatalogMeansCurrent=true"));
            set("connection.user", user);
            set("connection.password", password);
        }
        None => set("connection.url", &format!("jdbc:sqlite:{url}")),
    }
    for (key, value) in [
        ("mode", "incrementing"),
        ("incrementing.column.name", "id"),
        ("tables", "bench"),
        ("topic.prefix", "t-"),
        ("batch.max.rows", "2000"),
        ("auto.create", "true"),
        ("table.name.format", "bench_copy"),
        ("pk.mode", "record_value"),
        ("pk.fields", "id"),
    ] {
        set(key, value);
    }
    Ok(props)
}

fn row(id: usize) -> (i64, String, String, i64, f64) {
    let number = i64::try_from(id).unwrap_or(0);
    (number, format!("name of {id}"), format!("city {}", id % 1000), number * 7, id as f64 / 3.0)
}

/// The columns beside the key, each as the new row has it.
fn new_values(before: &str, behind: &str) -> String {
    let columns = COLUMNS.split(", ").skip(1);
    columns.map(|column| format!("{column}={before}{column}{behind}")).collect::<Vec<_>>().join(",")
}

impl Bare {
    fn run(&mut self, sql: &str) -> Fallible<()> {
        match self {
            Self::MySql(connection) => connection.query_drop(sql)?,
            Self::Postgres(client, _) => client.batch_execute(sql)?,
            Self::Sqlite(connection) => connection.execute_batch(sql)?,
        }
        Ok(())
    }

    fn count(&mut self, table: &str) -> Fallible<usize> {
        let sql = format!("SELECT count(*) FROM {table}");
        let count: i64 = match self {
            Self::MySql(connection) => connection.query_first(sql)?.unwrap_or(0),
            Self::Postgres(client, _) => client.query_one(&sql, &[])?.get(0),
            Self::Sqlite(connection) => connection.query_row(&sql, [], |row| row.get(0))?,
        };
        Ok(usize::try_from(count)?)
    }

    /// Fills the table in transactions of as many rows as a put has, by statements that change rows
    /// which are there or that only insert: rows a second.
    fn write_all(&mut self, rows: usize, upsert: bool) -> Fallible<f64> {
        if let Self::Postgres(_, prepared) = self {
            *prepared = None;
        }
        let more = match self {
            _ if !upsert => String::new(),
            Self::MySql(_) => format!("ON DUPLICATE KEY UPDATE {}", new_values("VALUES(", ")")),
            _ => format!("ON CONFLICT (id) DO UPDATE SET {}", new_values("excluded.", "")),
        };
        for table in ["bench", "bench_copy"] {
            self.run(&format!("DROP TABLE IF EXISTS {table}"))?;
        }
        let double = if matches!(self, Self::Sqlite(_)) { "REAL" } else { "DOUBLE PRECISION" };
        self.run(&format!(
            "CREATE TABLE bench (id BIGINT NOT NULL PRIMARY KEY, name VARCHAR(40), city VARCHAR(40), amount BIGINT, price {double})"
        ))?;
        let began = Instant::now();
        let mut at = 0;
        while at < rows {
            self.run("BEGIN")?;
            let end = rows.min(at + PUT);
            while at < end {
                let now = ROWS.min(end - at);
                self.write(at, now, &more)?;
                at += now;
            }
            self.run("COMMIT")?;
        }
        Ok(rows as f64 / began.elapsed().as_secs_f64())
    }

    fn write(&mut self, from: usize, count: usize, more: &str) -> Fallible<()> {
        let all: Vec<_> = (from..from + count).map(row).collect();
        match self {
            Self::MySql(connection) => {
                let places = vec!["(?,?,?,?,?)"; count].join(",");
                let params: Vec<mysql::Value> = all
                    .into_iter()
                    .flat_map(|(id, name, city, amount, price)| {
                        [id.into(), name.into(), city.into(), amount.into(), price.into()]
                    })
                    .collect();
                let sql = format!("INSERT INTO bench ({COLUMNS}) VALUES {places} {more}");
                connection.exec_drop(sql, params)?;
            }
            Self::Postgres(client, prepared) => {
                let place = |at: usize| {
                    let all: Vec<String> =
                        (1..=5).map(|column| format!("${}", at * 5 + column)).collect();
                    format!("({})", all.join(","))
                };
                let places: Vec<String> = (0..count).map(place).collect();
                let places = places.join(",");
                let sql = format!("INSERT INTO bench ({COLUMNS}) VALUES {places} {more}");
                let statement = match prepared {
                    Some(statement) if count == ROWS => statement.clone(),
                    _ => client.prepare(&sql)?,
                };
                if count == ROWS {
                    *prepared = Some(statement.clone());
                }
                let params: Vec<&(dyn postgres::types::ToSql + Sync)> = all
                    .iter()
                    .flat_map(|(id, name, city, amount, price)| {
                        let all: [&(dyn postgres::types::ToSql + Sync); 5] =
                            [id, name, city, amount, price];
                        all
                    })
                    .collect();
                client.execute(&statement, &params)?;
            }
            Self::Sqlite(connection) => {
                let sql = format!("INSERT INTO bench ({COLUMNS}) VALUES (?,?,?,?,?) {more}");
                let mut statement = connection.prepare_cached(&sql)?;
                for row in &all {
                    statement.execute(rusqlite::params![row.0, row.1, row.2, row.3, row.4])?;
                }
            }
        }
        Ok(())
    }

    /// Reads all rows and looks at each value: rows a second.
    fn read_all(&mut self, rows: usize) -> Fallible<f64> {
        let sql = format!("SELECT {COLUMNS} FROM bench WHERE id > -1 ORDER BY id");
        let began = Instant::now();
        let mut bytes = 0;
        match self {
            Self::MySql(connection) => {
                for row in connection.exec_iter(sql, ())? {
                    let row: (i64, String, String, i64, f64) = mysql::from_row(row?);
                    bytes += row.1.len() + row.2.len();
                }
            }
            Self::Postgres(client, _) => {
                let mut transaction = client.transaction()?;
                let portal = transaction.bind(&sql, &[])?;
                loop {
                    let found = transaction.query_portal(&portal, i32::try_from(PUT)?)?;
                    for row in &found {
                        let _: (i64, i64, f64) = (row.get(0), row.get(3), row.get(4));
                        let (name, city): (String, String) = (row.get(1), row.get(2));
                        bytes += name.len() + city.len();
                    }
                    if found.is_empty() {
                        break;
                    }
                }
            }
            Self::Sqlite(connection) => {
                let mut statement = connection.prepare(&sql)?;
                let mut found = statement.query([])?;
                while let Some(row) = found.next()? {
                    let (name, city): (String, String) = (row.get(1)?, row.get(2)?);
                    bytes += name.len() + city.len();
                }
            }
        }
        let took = began.elapsed().as_secs_f64();
        if bytes == 0 {
            return Err("nothing was read".into());
        }
        Ok(rows as f64 / took)
    }
}

fn registry() -> PluginRegistry {
    let mut registry = PluginRegistry::default();
    gantry_connectors::plugins().into_iter().for_each(|plugin| {
        registry.connector(plugin);
    });
    registry
}

async fn source(props: &Props, rows: usize) -> Fallible<f64> {
    let registry = registry();
    let plugin = registry.find_connector(SOURCE).ok_or("no source")?;
    let TaskFactory::Source(make) = &plugin.tasks else { return Err("no source".into()) };
    let mut task: Box<dyn SourceTask> = make()?;
    let context = SourceTaskContext {
        connector: "bench".into(),
        task: 0,
        cancel: CancellationToken::new(),
        offsets: Arc::new(Nothing),
        defines_transactions: false,
        isolation: Isolation::Shared,
    };
    let began = Instant::now();
    task.start(context.clone(), props).await?;
    let mut read = 0;
    while read < rows {
        read += task.poll().await?.len();
    }
    let took = began.elapsed().as_secs_f64();
    context.cancel.cancel();
    task.stop().await?;
    Ok(rows as f64 / took)
}

fn records(schema: &Schema, from: usize, count: usize) -> Vec<SinkRecord> {
    let made = (from..from + count).map(|at| {
        let (id, name, city, amount, price) = row(at);
        let values = vec![
            Value::Int64(id),
            Value::str(&name),
            Value::str(&city),
            Value::Int64(amount),
            Value::Float64(price),
        ];
        let value = Struct::from_values(schema.clone(), values);
        let datum = Datum::new(schema.clone(), Value::Struct(Arc::new(value)));
        SinkRecord {
            record: ConnectRecord::new("t".into(), datum),
            origin: TopicPartition::new("t", 0),
            offset: at as u64,
            timestamp_type: TimestampType::CreateTime,
        }
    });
    made.collect()
}

async fn sink(props: &Props, rows: usize) -> Fallible<f64> {
    let registry = registry();
    let plugin = registry.find_connector(SINK).ok_or("no sink")?;
    let TaskFactory::Sink(make) = &plugin.tasks else { return Err("no sink".into()) };
    let mut task: Box<dyn SinkTask> = make()?;
    task.start(SinkTaskContext::new("bench".into(), 0, CancellationToken::new()), props).await?;
    let fields = vec![
        ("id".into(), Schema::int64()),
        ("name".into(), Schema::optional_string()),
        ("city".into(), Schema::optional_string()),
        ("amount".into(), Schema::optional_int64()),
        ("price".into(), Schema::optional_float64()),
    ];
    let schema = SchemaBuilder::structure(fields)?.build()?;
    let mut took = std::time::Duration::ZERO;
    for from in (0..rows).step_by(PUT) {
        let records = records(&schema, from, PUT.min(rows - from));
        let began = Instant::now();
        task.put(&records).await?;
        took += began.elapsed();
    }
    task.stop().await?;
    Ok(rows as f64 / took.as_secs_f64())
}
