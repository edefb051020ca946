//! PostgreSQL.

mod column;
mod encrypted;
mod param;
mod value;

use std::collections::HashMap;
use std::path::PathBuf;
use std::time::Duration;

use gantry_api::{Error, Result};
use gantry_tls::ServerProof;
use postgres::config::{SslMode, TargetSessionAttrs};
use postgres::fallible_iterator::FallibleIterator;
use postgres::types::ToSql;
use postgres::{Client, Config, NoTls, Statement};

use self::column::Described;
use self::encrypted::Encrypted;
use self::param::Bound;
use self::value::Raw;
use super::Session;
use super::connect::Access;
use super::error::{SqlError, SqlResult};
use super::tls::Tls;
use super::types::{Cell, Param, Row, Rows, Table, TableColumn, TableId, Wall};
use super::url::Target;
use crate::jdbc::zone::Zone;

const CONNECT_TIMEOUT_S: u64 = 10;
const KEEPALIVE_S: u64 = 60;
/// Most statements that are kept prepared.
const STATEMENTS_MAX: usize = 256;

/// A connection.
pub(super) struct Postgres {
    client: Client,
    statements: HashMap<String, Statement>,
}

impl Postgres {
    pub(super) fn open(access: &Access) -> SqlResult<Self> {
        let target = &access.target;
        let mut config = Config::new();
        for (host, port) in &target.hosts {
            config.host(host).port(*port);
        }
        let user = access.user().unwrap_or("postgres");
        config.user(user);
        if let Some(password) = access.password() {
            config.password(password);
        }
        config.dbname(target.database.as_deref().unwrap_or(user));
        config.application_name(target.param("applicationname").unwrap_or("gantry"));
        if let Some(options) = options(target) {
            config.options(&options);
        }
        let kind = target.param("targetservertype").unwrap_or_default().to_ascii_lowercase();
        if ["primary", "master", "preferprimary"].contains(&kind.as_str()) {
            config.target_session_attrs(TargetSessionAttrs::ReadWrite);
        }
        let seconds = |name: &str| target.param(name).and_then(|text| text.parse::<u64>().ok());
        let timeout = seconds("connecttimeout").filter(|s| *s > 0).unwrap_or(CONNECT_TIMEOUT_S);
        config.connect_timeout(Duration::from_secs(timeout));
        config.keepalives(true).keepalives_idle(Duration::from_secs(KEEPALIVE_S));
        if let Some(timeout) = seconds("sockettimeout").filter(|s| *s > 0) {
            config.tcp_user_timeout(Duration::from_secs(timeout));
        }
        let client = match tls(target)? {
            (SslMode::Disable, _) => config.ssl_mode(SslMode::Disable).connect(NoTls)?,
            (mode, tls) => {
                let client = tls.client().map_err(SqlError::Connection)?;
                config.ssl_mode(mode).connect(Encrypted::new(client))?
            }
        };
        Ok(Self { client, statements: HashMap::new() })
    }

    fn prepared(&mut self, sql: &str) -> SqlResult<Statement> {
        if let Some(statement) = self.statements.get(sql) {
            return Ok(statement.clone());
        }
        let statement = self.client.prepare(sql)?;
        if self.statements.len() >= STATEMENTS_MAX {
            self.statements.clear();
        }
        self.statements.insert(sql.to_owned(), statement.clone());
        Ok(statement)
    }
}

/// Options of the session.
fn options(target: &Target) -> Option<String> {
    let mut all: Vec<String> = target.param("options").map(str::to_owned).into_iter().collect();
    if let Some(path) = target.param("currentschema") {
        all.push(format!("-c search_path={}", path.replace('\\', "\\\\").replace(' ', "\\ ")));
    }
    (!all.is_empty()).then(|| all.join(" "))
}

fn tls(target: &Target) -> SqlResult<(SslMode, Tls)> {
    let mode = target.param("sslmode").map(str::to_ascii_lowercase);
    let always = target.flag("ssl") == Some(true);
    let mode = mode.as_deref().unwrap_or(if always { "verify-full" } else { "prefer" });
    let trusts_all = target.param("sslfactory").is_some_and(|name| name.contains("NonValidating"));
    let (mode, proof) = match mode {
        "disable" => (SslMode::Disable, ServerProof::None),
        "allow" | "prefer" => (SslMode::Prefer, ServerProof::None),
        "require" => (SslMode::Require, ServerProof::None),
        "verify-ca" => (SslMode::Require, ServerProof::Authority),
        "verify-full" => (SslMode::Require, ServerProof::Host),
        other => {
            return Err(SqlError::Connection(format!(
                "sslmode={other} is none of disable, allow, prefer, require, verify-ca and verify-full"
            )));
        }
    };
    let file = |name: &str| target.param(name).map(PathBuf::from);
    Ok((
        mode,
        Tls {
            proof: if trusts_all { ServerProof::None } else { proof },
            authorities: file("sslrootcert"),
            identity: file("sslcert").zip(file("sslkey")),
        },
    ))
}

impl From<postgres::Error> for SqlError {
    fn from(error: postgres::Error) -> Self {
        match error.as_db_error() {
            Some(said) => {
                let mut message = format!("{}: {}", said.severity(), said.message());
                for (what, text) in [("Detail", said.detail()), ("Hint", said.hint())] {
                    if let Some(text) = text {
                        message = format!("{message}\n  {what}: {text}");
                    }
                }
                Self::Database {
                    message,
                    is_permanent: Self::is_permanent_state(said.code().code()),
                    state: said.code().code().to_owned(),
                    code: 0,
                }
            }
            None => {
                // The library names the cause only as a source.
                let cause = std::error::Error::source(&error);
                let cause = cause.map(|cause| format!(": {cause}")).unwrap_or_default();
                let text = error.to_string();
                Self::Connection(if text.ends_with(&cause) { text } else { text + &cause })
            }
        }
    }
}

impl Session for Postgres {
    fn tables(
        &mut self,
        catalog: Option<&str>,
        schema: Option<&str>,
        types: &[String],
    ) -> SqlResult<Vec<TableId>> {
        let kinds: Vec<String> = types
            .iter()
            .filter_map(|kind| KINDS.iter().find(|(name, _)| kind.eq_ignore_ascii_case(name)))
            .map(|(_, kind)| (*kind).to_owned())
            .collect();
        let sql = "SELECT n.nspname::text, c.relname::text FROM pg_catalog.pg_class c \
                   JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
                   WHERE c.relkind::text = ANY($1) AND n.nspname NOT IN ('pg_catalog', 'information_schema') \
                   AND n.nspname !~ '^pg_(toast|temp)' AND ($2::text IS NULL OR n.nspname LIKE $2) \
                   AND ($3::text IS NULL OR $3 = '' OR current_database() LIKE $3) \
                   ORDER BY c.relkind, n.nspname, c.relname";
        let found = self.client.query(sql, &[&kinds, &schema, &catalog])?;
        found
            .iter()
            .map(|row| {
                Ok(TableId { catalog: None, schema: row.try_get(0)?, name: row.try_get(1)? })
            })
            .collect()
    }

    fn table(&mut self, id: &TableId, types: &[String]) -> SqlResult<Option<Table>> {
        let sql = "SELECT c.oid, c.relkind::text FROM pg_catalog.pg_class c \
                   JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.relname = $1 \
                   AND ($2::text IS NULL AND n.nspname = current_schema() OR n.nspname = $2)";
        let found = self.client.query_opt(sql, &[&id.name, &id.schema])?;
        let Some(found) = found else { return Ok(None) };
        let (oid, kind): (u32, String) = (found.try_get(0)?, found.try_get(1)?);
        let kind = KINDS.iter().find(|(_, letter)| *letter == kind).map(|(name, _)| *name);
        let Some(kind) = kind.filter(|kind| types.iter().any(|t| t.eq_ignore_ascii_case(kind)))
        else {
            return Ok(None);
        };
        let sql = "SELECT a.attname::text, a.attnotnull OR (t.typtype = 'd' AND t.typnotnull), \
                   COALESCE(i.indisprimary, false), \
                   a.attidentity <> '' OR COALESCE(pg_get_expr(d.adbin, d.adrelid) LIKE '%nextval(%', false) \
                   FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type t ON t.oid = a.atttypid \
                   LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum \
                   LEFT JOIN pg_catalog.pg_index i ON i.indrelid = a.attrelid AND i.indisprimary AND a.attnum = ANY(i.indkey) \
                   WHERE a.attrelid = $1 AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum";
        let columns: SqlResult<Vec<TableColumn>> = self
            .client
            .query(sql, &[&oid])?
            .iter()
            .map(|row| {
                Ok(TableColumn {
                    name: row.try_get(0)?,
                    is_nullable: !row.try_get::<_, bool>(1)?,
                    is_key: row.try_get(2)?,
                    is_auto_increment: row.try_get(3)?,
                })
            })
            .collect();
        Ok(Some(Table { kind: kind.to_owned(), columns: columns? }))
    }

    fn place(&mut self) -> SqlResult<(Option<String>, Option<String>)> {
        let row = self.client.query_one("SELECT current_schema()::text", &[])?;
        Ok((None, row.try_get(0)?))
    }

    fn now(&mut self, _zone: &Zone) -> SqlResult<Wall> {
        let row = self.client.query_one("SELECT CURRENT_TIMESTAMP", &[])?;
        let raw: Raw<'_> = row.try_get(0)?;
        match raw.cell()? {
            Cell::Instant(instant) => Ok(instant),
            other => Err(Error::connect(format!(
                "Unable to get current time from DB: it says {other:?}"
            ))
            .into()),
        }
    }

    fn check(&mut self, sql: &str) -> SqlResult<()> {
        self.client.prepare(sql)?;
        Ok(())
    }

    fn select(
        &mut self,
        sql: &str,
        params: &[Param],
        fetch: usize,
        rows: &mut dyn Rows,
    ) -> SqlResult<()> {
        // Described within the transaction: a table that is altered meanwhile would have other columns.
        let mut transaction = self.client.transaction()?;
        let statement = transaction.prepare(sql)?;
        let described = Described::of(&mut transaction, statement.columns())?;
        rows.columns(described.columns.clone())?;
        let bound: Vec<Bound<'_>> = params.iter().map(Bound).collect();
        let portal = transaction.bind(&statement, &all(&bound))?;
        let fetch = i32::try_from(fetch).unwrap_or(i32::MAX).max(1);
        loop {
            let mut found = transaction.query_portal_raw(&portal, fetch)?;
            let mut count = 0;
            while let Some(row) = found.next()? {
                count += 1;
                if !rows.row(&Found { row: &row, described: &described })? {
                    return Ok(());
                }
            }
            drop(found);
            if count < fetch {
                return Ok(transaction.commit()?);
            }
        }
    }

    fn execute(&mut self, sql: &str) -> SqlResult<()> {
        Ok(self.client.batch_execute(sql)?)
    }

    fn write(&mut self, sql: &str, params: &[Param]) -> SqlResult<u64> {
        let statement = self.prepared(sql)?;
        let bound: Vec<Bound<'_>> = params.iter().map(Bound).collect();
        Ok(self.client.execute(&statement, &all(&bound))?)
    }

    fn is_broken(&mut self) -> bool {
        self.client.is_closed() || self.client.is_valid(Duration::from_secs(5)).is_err()
    }
}

fn all<'a>(bound: &'a [Bound<'a>]) -> Vec<&'a (dyn ToSql + Sync)> {
    bound.iter().map(|one| one as &(dyn ToSql + Sync)).collect()
}

/// Kinds of tables, and the letters that the catalog has for them.
const KINDS: [(&str, &str); 5] = [
    ("TABLE", "r"),
    ("PARTITIONED TABLE", "p"),
    ("VIEW", "v"),
    ("MATERIALIZED VIEW", "m"),
    ("FOREIGN TABLE", "f"),
];

struct Found<'a> {
    row: &'a postgres::Row,
    described: &'a Described,
}

impl Row for Found<'_> {
    fn cell(&self, at: usize) -> Result<Cell<'_>> {
        let raw: Option<Raw<'_>> =
            self.row.try_get(at).map_err(|error| Error::data(error.to_string()))?;
        match raw {
            None => Ok(Cell::Null),
            Some(raw) => raw.cell(),
        }
        .map_err(|error| {
            let column = self.described.columns.get(at).map(|column| column.label.as_str());
            Error::data(format!("column {}: {}", column.unwrap_or_default(), error.message()))
        })
    }
}
