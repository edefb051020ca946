//! Tables as the database's catalog has them.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use gantry_api::{Result, Value};

use super::super::columns::Column;
use super::super::table::{Table, TableName};
use super::config::{Config, error};
use super::default;
use super::pgoutput::Relation;
use super::types::{PgType, Types};
use super::wire::Wire;
use crate::jdbc::db::{SqlError, SqlResult};

/// A name as SQL has it.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A text as SQL has it.
pub(super) fn literal(text: &str) -> String {
    // Backslashes are themselves: the session says so.
    format!("'{}'", text.replace('\'', "''"))
}

/// A table with what its texts are.
#[derive(Debug)]
pub(super) struct PgTable {
    pub(super) table: Arc<Table>,
    pub(super) types: Vec<PgType>,
    pub(super) names: (Value, Value),
}

impl PgTable {
    /// As SQL has it.
    pub(super) fn sql(&self) -> String {
        sql_of(&self.table.name)
    }
}

pub(super) fn sql_of(name: &TableName) -> String {
    match name.schema.as_deref() {
        Some(schema) => format!("{}.{}", quoted(schema), quoted(&name.table)),
        None => quoted(&name.table),
    }
}

/// A column as the catalog has it.
struct Found {
    name: String,
    oid: u32,
    modifier: i32,
    is_required: bool,
    default: Option<String>,
    is_generated: bool,
}

/// Knows tables and types.
#[derive(Debug)]
pub(super) struct Catalog {
    pub(super) types: Types,
}

impl Catalog {
    pub(super) fn load(wire: &mut Wire) -> SqlResult<Self> {
        Ok(Self { types: Types::load(wire)? })
    }

    /// All tables whose changes are read, in the order in which they are listed.
    pub(super) fn tables(&self, wire: &mut Wire, config: &Config) -> Result<Vec<(TableName, u32)>> {
        let sql = "SELECT n.nspname, c.relname, c.oid FROM pg_catalog.pg_class c \
                   JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
                   WHERE c.relkind IN ('r', 'p') AND n.nspname NOT IN ('pg_catalog', 'information_schema') \
                   AND n.nspname !~ '^pg_(toast|temp)'";
        let rows = wire.rows(sql).map_err(|cause| error("tables could not be read", cause))?;
        let mut tables = Vec::new();
        for row in rows {
            let [Some(schema), Some(table), Some(oid)] = row.as_slice() else { continue };
            let name =
                TableName { database: None, schema: Some(schema.clone()), table: table.clone() };
            if config.common.ignore_builtin && table == "spatial_ref_sys" {
                continue;
            }
            if config.common.takes(&name) {
                tables.push((name.to_string(), (name, oid.parse().unwrap_or(0))));
            }
        }
        config.common.check_count(tables.len())?;
        Ok(config.common.in_order(tables).into_iter().map(|(_, table)| table).collect())
    }

    fn columns(wire: &mut Wire, oid: u32) -> SqlResult<Vec<Found>> {
        let sql = format!(
            "SELECT a.attname, a.atttypid, a.atttypmod, a.attnotnull OR (t.typtype = 'd' AND t.typnotnull), \
             pg_catalog.pg_get_expr(d.adbin, d.adrelid), a.attgenerated <> '' \
             FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type t ON t.oid = a.atttypid \
             LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum \
             WHERE a.attrelid = {oid} AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum"
        );
        let mut columns = Vec::new();
        for row in wire.rows(&sql)? {
            let mut row = row.into_iter();
            let mut next = || row.next().flatten();
            let name = next().unwrap_or_default();
            let oid = next().and_then(|text| text.parse().ok()).unwrap_or(0);
            let modifier = next().and_then(|text| text.parse().ok()).unwrap_or(-1);
            let is_required = next().as_deref() == Some("t");
            let default = next();
            let is_generated = next().as_deref() == Some("t");
            columns.push(Found { name, oid, modifier, is_required, default, is_generated });
        }
        Ok(columns)
    }

    /// The columns of the primary key, or of the first unique index in place of it.
    fn key(wire: &mut Wire, oid: u32) -> SqlResult<Vec<String>> {
        let sql = format!(
            "SELECT i.indexrelid, a.attname FROM pg_catalog.pg_index i \
             JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid \
             CROSS JOIN LATERAL unnest(i.indkey) WITH ORDINALITY k(attnum, at) \
             LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum AND k.attnum > 0 \
             WHERE i.indrelid = {oid} AND i.indisunique AND i.indisvalid AND i.indpred IS NULL AND k.at <= i.indnkeyatts \
             AND i.indexprs IS NULL ORDER BY i.indisprimary DESC, c.relname, k.at"
        );
        let mut key = Vec::new();
        let mut index = None;
        for row in wire.rows(&sql)? {
            let [of, Some(column)] = row.as_slice() else { break };
            if *index.get_or_insert_with(|| of.clone()) != *of {
                break;
            }
            key.push(column.clone());
        }
        Ok(key)
    }

    /// The table as it is now; `None` if it is gone.
    pub(super) fn table(
        &mut self,
        wire: &mut Wire,
        config: &Config,
        name: TableName,
        oid: u32,
    ) -> Result<Option<PgTable>> {
        let failed = |cause| error(&format!("table {name} could not be looked at"), cause);
        let found = Self::columns(wire, oid).map_err(failed)?;
        if found.is_empty() {
            return Ok(None);
        }
        self.refresh(wire, found.iter().map(|column| column.oid)).map_err(failed)?;
        let key = Self::key(wire, oid).map_err(failed)?;
        let columns: Vec<(Found, PgType)> = found
            .into_iter()
            .map(|column| {
                let of = self.types.resolve(column.oid, column.modifier);
                (column, of)
            })
            .collect();
        self.build(config, name, columns, &key).map(Some)
    }

    /// Waits until what a transaction has committed can be seen: the log has it a moment earlier.
    pub(super) fn await_commit(wire: &mut Wire, xid: u32) -> SqlResult<()> {
        let until = Instant::now() + VISIBLE_LIMIT;
        loop {
            let text = wire.value("SELECT pg_current_snapshot()::text")?.unwrap_or_default();
            if is_visible(&text, xid) || Instant::now() >= until {
                return Ok(());
            }
            std::thread::sleep(VISIBLE_PART);
        }
    }

    /// The table as a message of the log says it is. Whether columns may be null, and defaults, are those of now.
    pub(super) fn relation(
        &mut self,
        wire: &mut Wire,
        config: &Config,
        relation: &Relation,
    ) -> Result<PgTable> {
        let name = TableName {
            database: None,
            schema: Some(relation.schema.clone()),
            table: relation.name.clone(),
        };
        let failed = |cause| error(&format!("table {name} could not be looked at"), cause);
        let mut now: HashMap<String, Found> = Self::columns(wire, relation.oid)
            .map_err(failed)?
            .into_iter()
            .map(|column| (column.name.clone(), column))
            .collect();
        self.refresh(wire, relation.columns.iter().map(|column| column.type_oid))
            .map_err(failed)?;
        let key = Self::key(wire, relation.oid).map_err(failed)?;
        let columns = relation
            .columns
            .iter()
            .map(|column| {
                let of = self.types.resolve(column.type_oid, column.modifier);
                let known = now.remove(&column.name);
                if known.is_none() {
                    tracing::warn!(
                        table = %name,
                        "Column '{}' optionality could not be determined, defaulting to true",
                        column.name
                    );
                }
                let found = Found {
                    name: column.name.clone(),
                    oid: column.type_oid,
                    modifier: column.modifier,
                    is_required: known.as_ref().is_some_and(|known| known.is_required),
                    default: known.and_then(|known| known.default),
                    is_generated: false,
                };
                (found, of)
            })
            .collect();
        self.build(config, name.clone(), columns, &key)
    }

    /// Types that are new since they were last looked at.
    fn refresh(&mut self, wire: &mut Wire, mut oids: impl Iterator<Item = u32>) -> SqlResult<()> {
        if oids.any(|oid| !self.types.knows(oid)) {
            self.types = Types::load(wire)?;
        }
        Ok(())
    }

    /// Types with what they have become, as an enum that has a new word.
    pub(super) fn reload(&mut self, wire: &mut Wire) -> SqlResult<()> {
        self.types = Types::load(wire)?;
        Ok(())
    }

    fn build(
        &self,
        config: &Config,
        name: TableName,
        found: Vec<(Found, PgType)>,
        key: &[String],
    ) -> Result<PgTable> {
        let key: Vec<usize> = key
            .iter()
            .filter_map(|column| found.iter().position(|(found, _)| found.name == *column))
            .collect();
        let names =
            (Value::str(name.schema.as_deref().unwrap_or_default()), Value::str(&name.table));
        let (columns, types): (Vec<Column>, Vec<PgType>) =
            found.into_iter().map(|(found, of)| (self.column(config, &found, &of), of)).unzip();
        for (column, of) in columns.iter().zip(&types) {
            if column.schema.is_none() && *of == PgType::Unknown {
                tracing::warn!(
                    table = %name,
                    "Unexpected type '{}' for column '{}' that will be ignored",
                    column.type_name,
                    column.name
                );
            }
        }
        let table = Table::new(name, columns, &key, &config.common.shaping)?;
        Ok(PgTable { table, types, names })
    }

    fn column(&self, config: &Config, found: &Found, of: &PgType) -> Column {
        let type_name = self.types.name(found.oid).to_owned();
        let default = match (&found.default, self.types.is_domain(found.oid)) {
            (Some(expression), false) if !found.is_generated => {
                default::value(of, &type_name, expression, &config.modes)
            }
            _ => None,
        };
        let is_serial =
            found.default.as_ref().is_some_and(|default| default.starts_with("nextval("));
        let type_name = match (is_serial, type_name.as_str()) {
            (true, "int4") => "serial".to_owned(),
            (true, "int8") => "bigserial".to_owned(),
            (true, "int2") => "smallserial".to_owned(),
            _ => type_name,
        };
        let (length, scale) = size(of);
        Column {
            name: found.name.clone(),
            schema: of.schema(&config.modes).map(|schema| match of {
                // Of shapes there is no value that stands for none.
                PgType::Geometry => schema.optional(),
                _ => schema,
            }),
            optional: !found.is_required || *of == PgType::Geometry,
            default,
            comment: None,
            fallback: of.fallback(&config.modes),
            type_name,
            length,
            scale,
            is_characters: of.is_characters(),
        }
    }
}

/// How long it is waited until a transaction can be seen, and how long at a time.
const VISIBLE_LIMIT: Duration = Duration::from_secs(5);
const VISIBLE_PART: Duration = Duration::from_millis(1);

/// Whether a snapshot (`xmin:xmax:running,…`, numbers of 64 bits) sees the transaction with these low bits of its number.
fn is_visible(snapshot: &str, xid: u32) -> bool {
    let mut parts = snapshot.splitn(3, ':');
    let mut number = || parts.next().and_then(|text| text.parse::<u64>().ok());
    let (Some(xmin), Some(xmax)) = (number(), number()) else { return true };
    let mut full = (xmax & !0xffff_ffff) | u64::from(xid);
    // It may be of the epoch before, or the one after.
    if full > xmax.saturating_add(1 << 31) {
        full = full.saturating_sub(1 << 32);
    }
    let running = parts.next().unwrap_or_default();
    let is_running = running.split(',').any(|text| text.parse() == Ok(full));
    full < xmin || (full < xmax && !is_running)
}

/// Length and scale as PostgreSQL's Java driver says them.
fn size(of: &PgType) -> (Option<u32>, Option<i32>) {
    const UNBOUNDED: u32 = i32::MAX.unsigned_abs();
    match of {
        PgType::Bool => (Some(1), Some(0)),
        PgType::Int16 => (Some(5), Some(0)),
        PgType::Int32 => (Some(10), Some(0)),
        PgType::Int64 => (Some(19), Some(0)),
        PgType::Float32 => (Some(8), Some(8)),
        PgType::Float64 => (Some(17), Some(17)),
        PgType::Numeric(Some((precision, scale))) => (Some(*precision), Some(*scale)),
        PgType::Numeric(None) => (Some(0), Some(0)),
        PgType::Characters(length) => (Some(length.unwrap_or(UNBOUNDED)), Some(0)),
        PgType::Bits(length) => (Some(length.unwrap_or(UNBOUNDED)), Some(0)),
        PgType::Date => (Some(13), Some(0)),
        PgType::Time(scale) => (Some(15), Some(*scale)),
        PgType::Timestamp(scale) => (Some(29), Some(*scale)),
        PgType::TimestampZoned(scale) => (Some(35), Some(*scale)),
        PgType::TimeZoned => (Some(21), Some(6)),
        PgType::Interval => (Some(49), Some(6)),
        _ => (Some(UNBOUNDED), Some(0)),
    }
}

/// Says of each table which rows identify changed ones, and sets that where it is to be another.
pub(super) fn identities(
    wire: &mut Wire,
    config: &Config,
    tables: &[(TableName, u32)],
) -> Result<()> {
    for (name, oid) in tables {
        let text = name.to_string();
        let Some((_, wanted)) = config.identities.iter().find(|(patterns, _)| patterns.fit(&text))
        else {
            continue;
        };
        let sql = format!("SELECT relreplident FROM pg_catalog.pg_class WHERE oid = {oid}");
        let failed = |cause: SqlError| {
            error(&format!("the replica identity of {text} could not be set"), cause)
        };
        let is = wire.value(&sql).map_err(failed)?.unwrap_or_default();
        let same = matches!(
            (is.as_str(), wanted.as_str()),
            ("d", "DEFAULT") | ("f", "FULL") | ("n", "NOTHING")
        );
        if !same {
            wire.execute(&format!("ALTER TABLE {} REPLICA IDENTITY {wanted}", sql_of(name)))
                .map_err(failed)?;
            tracing::info!(table = %text, "Replica identity set to {wanted}");
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::is_visible;

    #[test]
    fn transactions_are_seen_when_they_have_ended() {
        assert!(is_visible("10:20:12,15", 9) && is_visible("10:20:12,15", 13));
        assert!(!is_visible("10:20:12,15", 12) && !is_visible("10:20:12,15", 20));
        assert!(is_visible("4294967300:4294967310:", 3), "of the next epoch");
        assert!(is_visible("4294967300:4294967310:", 4_294_967_290), "of the epoch before");
    }
}
