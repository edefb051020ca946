//! The task of the sources.

use std::thread;

use gantry_api::{
    CancellationToken, Error, Props, Result, SourceRecord, SourceTask, SourceTaskContext,
    async_trait,
};
use tokio::sync::mpsc::{self, Receiver};

use super::config::{Config, TABLES};
use super::offset::{self, Offset};
use super::querier::Querier;
use super::reader::Reader;
use crate::jdbc::Flavour;
use crate::jdbc::db::TableId;
use crate::out::{self, BATCHES, Batch, Out};

/// Gives the rows of its tables, or of a query.
#[derive(Debug)]
pub(crate) struct JdbcSourceTask {
    flavour: Flavour,
    batches: Option<Receiver<Result<Batch>>>,
    /// Ends the thread that reads.
    cancel: CancellationToken,
}

impl Drop for JdbcSourceTask {
    fn drop(&mut self) {
        self.cancel.cancel();
    }
}

impl JdbcSourceTask {
    pub(in crate::jdbc) fn new(flavour: Flavour) -> Self {
        Self { flavour, batches: None, cancel: CancellationToken::new() }
    }
}

#[async_trait]
impl SourceTask for JdbcSourceTask {
    async fn start(&mut self, ctx: SourceTaskContext, props: &Props) -> Result<()> {
        let config = Config::parse(self.flavour, props)?;
        let tables = tables(&config, props.get(TABLES).map(String::as_str).unwrap_or_default())?;
        let queriers = match (&config.query, tables.is_empty()) {
            (Some(_), true) => {
                let stored = ctx.offsets.offset(&offset::of_query());
                vec![Querier::of_query(&config, stored.map(|map| Offset::read(&map)))]
            }
            (Some(_), false) => {
                return Err(Error::config(
                    "Invalid configuration: a JdbcSourceTask cannot have both a table and a query assigned to it",
                ));
            }
            (None, true) => {
                return Err(Error::config(
                    "Task is being killed because it was not assigned a table nor a query to execute. If run \
                     in table mode please make sure that the tables exist on the database. If the table does \
                     exist on the database, we recommend using the fully qualified table name.",
                ));
            }
            (None, false) => tables
                .into_iter()
                .map(|table| {
                    let stored = offset::find(&*ctx.offsets, &table);
                    Querier::of_table(&config, table, stored)
                })
                .collect::<Result<_>>()?,
        };
        let (sender, receiver) = mpsc::channel(BATCHES);
        self.cancel = ctx.cancel.child_token();
        let out = Out::new(sender, self.cancel.clone(), config.batch_rows);
        let reader = Reader::new(config, queriers, self.cancel.clone(), out);
        thread::Builder::new()
            .name(format!("jdbc-{}-{}", ctx.connector, ctx.task))
            .spawn(move || reader.run())
            .map_err(|error| Error::io("no thread to read the database", &error))?;
        self.batches = Some(receiver);
        Ok(())
    }

    async fn poll(&mut self) -> Result<Vec<SourceRecord>> {
        Ok(out::next(&mut self.batches, &self.cancel).await?.records)
    }

    async fn stop(&mut self) -> Result<()> {
        self.cancel.cancel();
        self.batches = None;
        Ok(())
    }
}

/// The names of tables in a list that was written with quotes, in which commas may stand.
fn tables(config: &Config, list: &str) -> Result<Vec<TableId>> {
    let quote = config.quoting.dialect.quote();
    let mut names = Vec::new();
    let (mut name, mut is_quoted) = (String::new(), false);
    for c in list.chars() {
        is_quoted ^= c == quote;
        if c == ',' && !is_quoted {
            names.push(std::mem::take(&mut name));
        } else {
            name.push(c);
        }
    }
    names.push(name);
    let mut tables = Vec::new();
    for name in names.iter().map(|name| name.trim()).filter(|name| !name.is_empty()) {
        let mut table = config.quoting.parse_table(name)?;
        if config.quoting.dialect.is_mysql() && table.catalog.is_none() {
            table.catalog = table.schema.take();
        }
        tables.push(table);
    }
    Ok(tables)
}
