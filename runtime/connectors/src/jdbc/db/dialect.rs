//! How databases differ in what they are told.

use super::identifier;
use super::types::TableId;
use gantry_api::{Error, Result};

/// A kind of database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    MySql,
    /// MySQL's dialect; the driver of that name gives some types another way.
    MariaDb,
    PostgreSql,
    Sqlite,
}

impl Dialect {
    /// The class that Kafka's connectors name it by.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::MySql | Self::MariaDb => "MySqlDatabaseDialect",
            Self::PostgreSql => "PostgreSqlDatabaseDialect",
            Self::Sqlite => "SqliteDatabaseDialect",
        }
    }

    pub(crate) fn is_mysql(self) -> bool {
        matches!(self, Self::MySql | Self::MariaDb)
    }

    pub(crate) fn quote(self) -> char {
        if self.is_mysql() { '`' } else { '"' }
    }

    /// A statement with its places of parameters as the database writes them.
    pub(crate) fn numbered(self, sql: &str) -> String {
        if self != Self::PostgreSql {
            return sql.to_owned();
        }
        let mut parts = sql.split('?');
        let mut text = parts.next().unwrap_or_default().to_owned();
        for (number, part) in (1..).zip(parts) {
            text.push_str(&format!("${number}{part}"));
        }
        text
    }

    /// The most parameters of a statement.
    pub(crate) fn params_max(self) -> usize {
        if self == Self::Sqlite { 32_766 } else { 65_535 }
    }
}

/// Whether names stand in quotes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Quoting {
    pub(crate) dialect: Dialect,
    pub(crate) always: bool,
}

impl Quoting {
    /// From the key's value.
    pub(crate) fn parse(dialect: Dialect, value: &str) -> Result<Self> {
        let always = match value.to_ascii_lowercase().as_str() {
            "always" => true,
            "never" => false,
            _ => return Err(Error::config(format!("No matching QuoteMethod found for '{value}'"))),
        };
        Ok(Self { dialect, always })
    }

    /// One name.
    pub(crate) fn name(self, name: &str) -> String {
        if !self.always {
            return name.to_owned();
        }
        let quote = self.dialect.quote();
        // Names come with the data, too: a quote in one must not end it.
        format!("{quote}{}{quote}", name.replace(quote, &format!("{quote}{quote}")))
    }

    /// Whether a name can stand in a statement: any in quotes, else only plain ones.
    pub(crate) fn takes(self, name: &str) -> bool {
        let plain = |c: char| c.is_alphanumeric() || c == '_' || c == '$';
        self.always || (!name.is_empty() && name.chars().all(plain))
    }

    /// A table with all parts that its name has.
    pub(crate) fn table(self, id: &TableId) -> String {
        let parts: Vec<String> = id.parts().map(|part| self.name(part)).collect();
        parts.join(".")
    }

    /// A column with its table in front.
    pub(crate) fn column(self, of: Option<&TableId>, name: &str) -> String {
        match of {
            Some(table) => format!("{}.{}", self.table(table), self.name(name)),
            None => self.name(name),
        }
    }

    /// Reads a table's name.
    pub(crate) fn parse_table(self, text: &str) -> Result<TableId> {
        identifier::parse(text, self.dialect.quote())
    }
}
