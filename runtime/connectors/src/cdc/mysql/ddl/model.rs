//! What a table looks like.

use std::fmt;
use std::sync::Arc;

use serde_json::{Map, Value as Json, json};

/// Numbers of types in `java.sql.Types`.
pub(crate) mod jdbc {
    pub(crate) const BIT: i32 = -7;
    pub(crate) const BIGINT: i32 = -5;
    pub(crate) const VARBINARY: i32 = -3;
    pub(crate) const BINARY: i32 = -2;
    pub(crate) const NCHAR: i32 = -15;
    pub(crate) const NVARCHAR: i32 = -9;
    pub(crate) const CHAR: i32 = 1;
    pub(crate) const NUMERIC: i32 = 2;
    pub(crate) const DECIMAL: i32 = 3;
    pub(crate) const INTEGER: i32 = 4;
    pub(crate) const SMALLINT: i32 = 5;
    pub(crate) const FLOAT: i32 = 6;
    pub(crate) const REAL: i32 = 7;
    pub(crate) const DOUBLE: i32 = 8;
    pub(crate) const VARCHAR: i32 = 12;
    pub(crate) const BOOLEAN: i32 = 16;
    pub(crate) const DATE: i32 = 91;
    pub(crate) const TIME: i32 = 92;
    pub(crate) const TIMESTAMP: i32 = 93;
    pub(crate) const OTHER: i32 = 1111;
    pub(crate) const BLOB: i32 = 2004;
    pub(crate) const TIMESTAMP_WITH_TIMEZONE: i32 = 2014;
}

/// A table's name.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct TableName {
    pub(crate) database: Arc<str>,
    pub(crate) table: Arc<str>,
}

impl TableName {
    pub(crate) fn new(database: &str, table: &str) -> Self {
        Self { database: database.into(), table: table.into() }
    }
    /// As SQL has it.
    pub(crate) fn quoted(&self) -> String {
        format!("{}.{}", quoted(&self.database), quoted(&self.table))
    }
    /// As records of schema changes have it.
    pub(crate) fn double_quoted(&self) -> String {
        let quoted = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
        format!("{}.{}", quoted(&self.database), quoted(&self.table))
    }
}

impl fmt::Display for TableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.database, self.table)
    }
}

/// A name in backquotes.
pub(crate) fn quoted(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

/// A column.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Column {
    pub(crate) name: String,
    /// Of [`jdbc`].
    pub(crate) jdbc_type: i32,
    /// In capitals, with `UNSIGNED` and `ZEROFILL`.
    pub(crate) type_name: String,
    pub(crate) length: Option<i32>,
    pub(crate) scale: Option<i32>,
    pub(crate) charset: Option<String>,
    pub(crate) optional: bool,
    pub(crate) auto_increment: bool,
    pub(crate) comment: Option<String>,
    /// As it stands in the statement, without quotes.
    pub(crate) default: Option<String>,
    /// Of ENUM and SET, as they stand in the statement, with quotes.
    pub(crate) values: Vec<String>,
}

impl Column {
    /// Whether its values are texts in a character set.
    pub(crate) fn has_charset(&self) -> bool {
        matches!(self.jdbc_type, jdbc::CHAR | jdbc::VARCHAR | jdbc::NCHAR | jdbc::NVARCHAR)
    }
    /// Whether its type is this one, with or without what follows it.
    pub(crate) fn is_type(&self, name: &str) -> bool {
        self.type_name
            .strip_prefix(name)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
    }
    pub(crate) fn is_unsigned(&self) -> bool {
        self.type_name.split(' ').any(|word| word == "UNSIGNED" || word == "ZEROFILL")
    }
    /// What may stand in it, of ENUM and SET.
    pub(crate) fn options(&self) -> Vec<String> {
        let plain = |text: &String| {
            let inner = text.get(1..text.len().saturating_sub(1)).unwrap_or_default();
            inner.replace("\\'", "'").replace("''", "'")
        };
        self.values.iter().map(plain).collect()
    }

    fn to_json(&self) -> Json {
        let mut map = Map::new();
        map.insert("n".to_owned(), json!(self.name));
        map.insert("j".to_owned(), json!(self.jdbc_type));
        map.insert("t".to_owned(), json!(self.type_name));
        let mut put = |key: &str, value: Option<Json>| {
            if let Some(value) = value {
                map.insert(key.to_owned(), value);
            }
        };
        put("l", self.length.map(Json::from));
        put("s", self.scale.map(Json::from));
        put("c", self.charset.clone().map(Json::from));
        put("o", self.optional.then_some(Json::from(1)));
        put("a", self.auto_increment.then_some(Json::from(1)));
        put("m", self.comment.clone().map(Json::from));
        put("d", self.default.clone().map(Json::from));
        put("v", (!self.values.is_empty()).then(|| json!(self.values)));
        Json::Object(map)
    }

    fn from_json(json: &Json) -> Option<Self> {
        let text = |key: &str| json.get(key).and_then(Json::as_str).map(str::to_owned);
        let number = |key: &str| json.get(key).and_then(Json::as_i64).map(|n| n as i32);
        Some(Self {
            name: text("n")?,
            jdbc_type: number("j")?,
            type_name: text("t")?,
            length: number("l"),
            scale: number("s"),
            charset: text("c"),
            optional: json.get("o").is_some(),
            auto_increment: json.get("a").is_some(),
            comment: text("m"),
            default: text("d"),
            values: texts(json.get("v")),
        })
    }
}

fn texts(json: Option<&Json>) -> Vec<String> {
    let list = json.and_then(Json::as_array);
    list.into_iter().flatten().filter_map(|one| one.as_str().map(str::to_owned)).collect()
}

/// A table's columns and key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Structure {
    pub(crate) columns: Vec<Column>,
    pub(crate) key: Vec<String>,
    pub(crate) charset: Option<String>,
    pub(crate) comment: Option<String>,
}

impl Structure {
    /// A column's place, whatever the case of its name.
    pub(crate) fn position(&self, name: &str) -> Option<usize> {
        let lower = name.to_lowercase();
        self.columns.iter().position(|column| column.name.to_lowercase() == lower)
    }
    /// Adds a column or puts it into the place of the one with its name.
    pub(crate) fn add(&mut self, column: Column) {
        match self.position(&column.name) {
            Some(at) => {
                if let Some(old) = self.columns.get_mut(at) {
                    *old = column;
                }
            }
            None => self.columns.push(column),
        }
    }
    /// Moves a column to the front, or behind another one.
    pub(crate) fn reorder(&mut self, name: &str, after: Option<&str>) {
        let Some(from) = self.position(name) else { return };
        let column = self.columns.remove(from);
        let to = match after {
            None => 0,
            Some(after) => self.position(after).map_or(self.columns.len(), |at| at + 1),
        };
        self.columns.insert(to, column);
    }
    pub(crate) fn remove(&mut self, name: &str) {
        if let Some(at) = self.position(name) {
            let column = self.columns.remove(at);
            self.key.retain(|key| *key != column.name);
        }
    }
    pub(crate) fn rename(&mut self, name: &str, new: &str) {
        let Some(column) = self.position(name).and_then(|at| self.columns.get_mut(at)) else {
            return;
        };
        let old = std::mem::replace(&mut column.name, new.to_owned());
        for key in self.key.iter_mut().filter(|key| **key == old) {
            new.clone_into(key);
        }
    }
    /// Columns that say no character set have the table's.
    pub(crate) fn settle(&mut self) {
        for column in &mut self.columns {
            let says_none =
                column.charset.as_deref().is_none_or(|name| name.eq_ignore_ascii_case("DEFAULT"));
            if column.has_charset() && says_none {
                column.charset.clone_from(&self.charset);
            }
        }
    }

    /// As it is stored.
    pub(crate) fn to_json(&self) -> Json {
        let columns: Vec<Json> = self.columns.iter().map(Column::to_json).collect();
        json!({"columns": columns, "key": self.key, "charset": self.charset, "comment": self.comment})
    }
    /// What was stored, if it is one.
    pub(crate) fn from_json(json: &Json) -> Option<Self> {
        let text = |key: &str| json.get(key).and_then(Json::as_str).map(str::to_owned);
        let columns = json.get("columns")?.as_array()?;
        Some(Self {
            columns: columns.iter().map(Column::from_json).collect::<Option<_>>()?,
            key: texts(json.get("key")),
            charset: text("charset"),
            comment: text("comment"),
        })
    }
}
