//! Tables as they have to be: made and changed as the keys allow.

use gantry_api::{Error, SinkRecord};

use super::config::Config;
use super::ddl;
use super::fields::{Field, Fields};
use crate::jdbc::Flavour;
use crate::jdbc::db::{Dialect, Session, SqlError, Table, TableId};

/// Most characters of a name in PostgreSQL.
const NAME_MAX: usize = 63;

/// Why a table is not as it has to be: by the database, or by the keys.
pub(super) enum Unfit {
    Sql(SqlError),
    /// A record or a key is not as it has to be: the task fails.
    Keys(Error),
    /// A table is not as a record needs it, and may not be changed.
    Table(Error),
}

impl From<SqlError> for Unfit {
    fn from(error: SqlError) -> Self {
        match error {
            SqlError::Reader(error) => Self::Keys(error),
            other => Self::Sql(other),
        }
    }
}

impl From<Error> for Unfit {
    fn from(error: Error) -> Self {
        Self::Keys(error)
    }
}

/// The table of a record's topic.
pub(super) fn name(
    config: &Config,
    record: &SinkRecord,
    place: &(Option<String>, Option<String>),
) -> Result<TableId, Error> {
    let topic = &record.record.topic;
    let mut text = config.table_format.replace("${topic}", topic);
    if config.normalize {
        text = text
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() || c == '_' { c } else { '_' })
            .collect();
    }
    if !config.tables.is_empty() {
        let mapped = config.tables.iter().find(|(of, _)| **of == **topic);
        let Some((_, table)) = mapped else {
            let all: Vec<String> =
                config.tables.iter().map(|(topic, table)| format!("{topic}->{table}")).collect();
            return Err(Error::connect(format!(
                "Destination table for the topic: '{topic}' couldn't be found in the topics to tables mapping: \
                 '{}' and couldn't be generated for the format string '{}'",
                all.join(","),
                config.table_format
            )));
        };
        text.clone_from(table);
    }
    if text.trim().is_empty() {
        return Err(Error::connect(format!(
            "Destination table name for topic '{topic}' is empty using the format string '{}'",
            config.table_format
        )));
    }
    let mut id = config.quoting.parse_table(&text)?;
    if let Some(part) = id.parts().find(|part| !config.quoting.takes(part)) {
        return Err(Error::connect(format!(
            "Table {id}: {part} cannot stand in a statement without quotes; set quote.sql.identifiers=ALWAYS"
        )));
    }
    match config.quoting.dialect {
        Dialect::MySql | Dialect::MariaDb if id.schema.is_none() && id.catalog.is_none() => {
            id.catalog.clone_from(&place.0);
        }
        Dialect::PostgreSql => {
            if id.schema.is_none() {
                id.schema.clone_from(&place.1);
            }
            if !config.quoting.always {
                id.name = id.name.to_lowercase();
            }
            if id.name.len() > NAME_MAX {
                let end =
                    (0..=NAME_MAX).rev().find(|at| id.name.is_char_boundary(*at)).unwrap_or(0);
                id.name.truncate(end);
            }
        }
        _ => {}
    }
    Ok(id)
}

/// A table's name as errors show it.
pub(super) fn shown(table: &TableId) -> String {
    table.parts().map(|part| format!("\"{part}\"")).collect::<Vec<_>>().join(".")
}

/// Makes a table or adds its missing columns: how it is then.
pub(super) fn fit(
    config: &Config,
    session: &mut dyn Session,
    id: &TableId,
    fields: &Fields,
) -> Result<Table, Unfit> {
    let mut table = match session.table(id, &config.types)? {
        Some(table) => table,
        None => create(config, session, id, fields)?,
    };
    let mut left = config.retries;
    loop {
        let missing = missing(&table, fields);
        if missing.is_empty() {
            return Ok(table);
        }
        check_evolves(config, id, &table, &missing)?;
        let statements = ddl::alter(config, id, &missing).map_err(Unfit::Table)?;
        let (all, sql) = (list(&missing), statements.join("; "));
        tracing::info!(
            "Amending TABLE to add missing fields:{all} maxRetries:{left} with SQL: {sql}"
        );
        let done = statements.iter().try_for_each(|sql| session.execute(sql));
        table = session.table(id, &config.types)?.ok_or_else(|| Unfit::Table(gone(id)))?;
        if let Err(error) = done {
            // Another task may have done it meanwhile.
            if left == 0 {
                let text =
                    format!("Failed to amend TABLE '{}' to add missing fields: {all}", shown(id));
                return Err(Unfit::Table(Error::connect(text).caused_by(error.into())));
            }
            left -= 1;
        }
    }
}

fn gone(id: &TableId) -> Error {
    Error::connect(format!("Table {} is gone", shown(id)))
}

fn create(
    config: &Config,
    session: &mut dyn Session,
    id: &TableId,
    fields: &Fields,
) -> Result<Table, Unfit> {
    if !config.creates {
        let text = format!("Table {} is missing and auto-creation is disabled", shown(id));
        return Err(Unfit::Table(Error::connect(text)));
    }
    let sql = ddl::create(config, id, &fields.in_order()).map_err(Unfit::Table)?;
    tracing::info!("Creating table with sql: {sql}");
    let made = session.execute(&sql);
    match (session.table(id, &config.types)?, made) {
        // Also if another task has made it meanwhile.
        (Some(table), _) => Ok(table),
        (None, Err(error)) => Err(error.into()),
        (None, Ok(())) => Err(Unfit::Table(gone(id))),
    }
}

/// The fields that no column has, in any case of letters.
fn missing<'a>(table: &Table, fields: &'a Fields) -> Vec<&'a Field> {
    let has =
        |name: &str| table.columns.iter().any(|column| column.name.eq_ignore_ascii_case(name));
    fields.in_order().into_iter().filter(|field| !has(&field.name)).collect()
}

fn list(fields: &[&Field]) -> String {
    let all: Vec<String> = fields.iter().map(ToString::to_string).collect();
    format!("[{}]", all.join(", "))
}

fn check_evolves(
    config: &Config,
    id: &TableId,
    table: &Table,
    missing: &[&Field],
) -> Result<(), Unfit> {
    let shown = shown(id);
    let refuse = |text: String| Err(Unfit::Table(Error::connect(text)));
    if table.kind != "TABLE" {
        let kind = match table.kind.as_str() {
            "VIEW" => "View",
            _ => "Partitioned table",
        };
        return refuse(format!(
            "{kind} {shown} is missing fields ({}) and ALTER {} is unsupported",
            list(missing),
            table.kind
        ));
    }
    let has_default =
        |field: &Field| field.schema.default_value().is_some_and(|value| !value.is_null());
    if let Some(field) = missing.iter().find(|field| !field.is_optional() && !has_default(field)) {
        return refuse(match config.flavour {
            Flavour::Confluent => format!(
                "Cannot ALTER TABLE {shown} to add missing field {field}, as the field is not optional and does \
                 not have a default value"
            ),
            Flavour::Aiven => format!(
                "Cannot ALTER to add missing field {field}, as it is not optional and does not have a default value"
            ),
        });
    }
    if !config.evolves {
        return refuse(format!(
            "Table {shown} is missing fields ({}) and auto-evolution is disabled",
            list(missing)
        ));
    }
    Ok(())
}
