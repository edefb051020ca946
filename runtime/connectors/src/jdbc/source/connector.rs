//! The source connectors: find tables, divide them into tasks, and look for new ones.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use gantry_api::model::config::ConfigValue;
use gantry_api::{
    CancellationToken, Connector, ConnectorContext, Error, ExactlyOnceSupport, OffsetMap, Props,
    Result, async_trait,
};

use super::config::{Config, Mode, TABLES, TABLES_FETCHED};
use super::validate;
use crate::jdbc::Flavour;
use crate::jdbc::db::TableId;

/// Reads tables.
pub(crate) struct JdbcSource {
    flavour: Flavour,
    props: Props,
    config: Option<Config>,
    /// The tables as they were last found.
    tables: Arc<Mutex<Vec<TableId>>>,
}

impl JdbcSource {
    pub(in crate::jdbc) fn new(flavour: Flavour) -> Self {
        Self { flavour, props: Props::new(), config: None, tables: Arc::default() }
    }
}

#[async_trait]
impl Connector for JdbcSource {
    fn validate(&self, props: &Props, findings: &mut Vec<ConfigValue>) -> Result<()> {
        validate::validate(self.flavour, props, findings, true);
        Ok(())
    }

    fn validate_offline(&self, props: &Props, findings: &mut Vec<ConfigValue>) -> Result<()> {
        validate::validate(self.flavour, props, findings, false);
        Ok(())
    }

    async fn start(&mut self, ctx: ConnectorContext, props: &Props) -> Result<()> {
        let config = Config::parse(self.flavour, props)?;
        if config.query.is_some() && config.filter.is_set() {
            return Err(Error::config(
                "query may not be combined with whole-table copying settings.",
            ));
        }
        if self.flavour == Flavour::Aiven && config.filter.is_both() {
            return Err(Error::config("table.whitelist and table.blacklist are exclusive."));
        }
        self.props = props.clone();
        self.config = Some(config.clone());
        let found = find(config.clone(), ctx.cancel.clone()).await?;
        if config.query.is_some() {
            return Ok(());
        }
        *self.tables.lock().unwrap_or_else(PoisonError::into_inner) = found;
        tokio::spawn(watch(config, Arc::clone(&self.tables), ctx));
        Ok(())
    }

    async fn task_configs(&mut self, max_tasks: u32) -> Result<Vec<Props>> {
        let Some(config) = &self.config else { return Ok(Vec::new()) };
        let with = |tables: String| {
            let mut props = self.props.clone();
            props.insert(TABLES.to_owned(), tables);
            props.insert(TABLES_FETCHED.to_owned(), "true".to_owned());
            props
        };
        let tables = self.tables.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if config.query.is_some() || tables.is_empty() {
            return Ok(vec![with(String::new())]);
        }
        check_doubles(&tables, config)?;
        let groups = groups(&tables, max_tasks as usize);
        let names = groups.iter().map(|group| {
            let names: Vec<String> = group.iter().map(|table| name(table, config)).collect();
            with(names.join(","))
        });
        Ok(names.collect())
    }

    fn exactly_once_support(&self, props: &Props) -> Result<ExactlyOnceSupport> {
        let config = Config::parse(self.flavour, props)?;
        Ok(match config.mode {
            Mode::Incrementing | Mode::Both => ExactlyOnceSupport::Supported,
            Mode::Timestamp | Mode::Bulk => ExactlyOnceSupport::Unsupported,
        })
    }

    async fn alter_offsets(
        &mut self,
        _props: &Props,
        changes: &[(OffsetMap, Option<OffsetMap>)],
    ) -> Result<bool> {
        for (partition, offset) in changes {
            if !partition.contains_key("table") && !partition.contains_key("query") {
                return Err(Error::connect(
                    "A source partition must contain the key 'table', with 'protocol' \"1\" and the \
                     table's full name, or the key 'query'",
                ));
            }
            for (name, value) in offset.iter().flatten() {
                let is_known =
                    ["incrementing", "timestamp", "timestamp_nanos"].contains(&name.as_str());
                if !is_known || value.as_i64().is_none() {
                    return Err(Error::connect(format!(
                        "{name}={value} is no part of an offset: it has 'incrementing', 'timestamp' (milliseconds) \
                         and 'timestamp_nanos', each a whole number"
                    )));
                }
            }
        }
        Ok(true)
    }
}

/// A table's name as tasks read it.
fn name(table: &TableId, config: &Config) -> String {
    match config.qualify {
        true => config.quoting.table(table),
        false => config.quoting.name(&table.name),
    }
}

/// In as many groups as there are tasks, in order; the first ones have one more.
fn groups(tables: &[TableId], max: usize) -> Vec<&[TableId]> {
    let count = tables.len().min(max.max(1));
    let (each, more) = (tables.len() / count, tables.len() % count);
    let mut rest = tables;
    (0..count)
        .map(|at| {
            let (group, others) = rest.split_at(each + usize::from(at < more));
            rest = others;
            group
        })
        .collect()
}

/// Tables of one name would share a topic.
fn check_doubles(tables: &[TableId], config: &Config) -> Result<()> {
    let mut by_name: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for table in tables {
        by_name.entry(&table.name).or_default().push(table.to_string());
    }
    let doubles: Vec<String> = by_name
        .into_values()
        .filter(|all| all.len() > 1)
        .map(|all| format!("[{}]", all.join(", ")))
        .collect();
    if doubles.is_empty() || !config.qualify {
        return Ok(());
    }
    Err(Error::connect(format!(
        "The connector uses the unqualified table name as the topic name and has detected duplicate \
         unqualified table names. This could lead to mixed data types in the topic and downstream \
         processing errors. To prevent such processing errors, the JDBC Source connector fails to start \
         when it detects duplicate table name configurations. Update the connector's 'table.whitelist' or \
         'table.blacklist' config to include exactly one table in each of the tables listed below.\n\t{}",
        doubles.join("\n\t")
    )))
}

/// The tables to be read.
async fn find(config: Config, cancel: CancellationToken) -> Result<Vec<TableId>> {
    let found = tokio::task::spawn_blocking(move || {
        let mut session = config
            .connecting
            .open(&cancel)
            .map_err(|error| Error::connect(error.to_string()).caused_by(error.into()))?;
        if config.query.is_some() {
            return Ok(Vec::new());
        }
        let all =
            session.tables(config.catalog.as_deref(), config.schema.as_deref(), &config.types)?;
        let mut all: Vec<TableId> =
            all.into_iter().filter(|table| config.filter.takes(table, config.quoting)).collect();
        if !config.qualify {
            all.sort_by(|a, b| a.name.cmp(&b.name));
            all.dedup_by(|a, b| a.name == b.name);
        }
        Ok(all)
    });
    found
        .await
        .unwrap_or_else(|error| Err(Error::connect(format!("looking for tables failed: {error}"))))
}

/// Asks for other tasks when there are other tables.
async fn watch(config: Config, known: Arc<Mutex<Vec<TableId>>>, ctx: ConnectorContext) {
    loop {
        tokio::select! {
            () = ctx.cancel.cancelled() => return,
            () = tokio::time::sleep(config.table_poll_interval.max(std::time::Duration::from_millis(1))) => {}
        }
        match find(config.clone(), ctx.cancel.clone()).await {
            Ok(found) => {
                let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
                if *known != found {
                    *known = found;
                    ctx.request_task_reconfiguration();
                }
            }
            Err(error) => tracing::warn!(
                connector = %ctx.name,
                %error,
                "Error while trying to get updated table list, ignoring and waiting for next table poll interval"
            ),
        }
    }
}
