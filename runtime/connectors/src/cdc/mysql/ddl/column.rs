//! Definitions of columns.

use super::charset::charset_of_collation;
use super::cursor::{Cursor, Parsed, unquoted};
use super::lexer::Kind;
use super::model::{Column, jdbc};

/// A column's definition with what it says of keys.
#[derive(Clone, Debug, Default)]
pub(crate) struct Definition {
    pub(crate) column: Column,
    pub(crate) is_primary: bool,
    pub(crate) is_unique: bool,
}

/// What stands for the present time in defaults.
const EPOCH: &str = "1970-01-01 00:00:00";
const TIME_WORDS: [&str; 5] =
    ["CURRENT_TIMESTAMP", "LOCALTIME", "LOCALTIMESTAMP", "CURDATE", "CURTIME"];

/// Reads what follows a column's name.
pub(super) fn definition(cursor: &mut Cursor<'_>, name: String) -> Parsed<Definition> {
    let mut column = Column { name, ..Column::default() };
    let is_serial = data_type(cursor, &mut column)?;
    let mut found = Definition { column, ..Definition::default() };
    let mut optional = None;
    if is_serial {
        serial(&mut found, &mut optional);
    }
    while !cursor.is_end() && !cursor.is(",") && !cursor.is(")") {
        if cursor.is("FIRST") || cursor.is("AFTER") {
            break;
        }
        constraint(cursor, &mut found, &mut optional)?;
    }
    found.column.optional = optional.unwrap_or(true);
    Ok(found)
}

fn serial(found: &mut Definition, optional: &mut Option<bool>) {
    optional.get_or_insert(false);
    found.is_unique = true;
    found.column.auto_increment = true;
}

fn constraint(
    cursor: &mut Cursor<'_>,
    found: &mut Definition,
    optional: &mut Option<bool>,
) -> Parsed<()> {
    if cursor.eat("NOT NULL") {
        *optional = Some(false);
    } else if cursor.eat("NULL") {
        *optional = Some(true);
    } else if cursor.eat("DEFAULT") {
        found.column.default = default_value(cursor)?;
    } else if cursor.eat("AUTO_INCREMENT") {
        found.column.auto_increment = true;
    } else if cursor.eat("ON UPDATE") {
        skip_time(cursor);
        // Debezium takes it so.
        found.column.auto_increment = true;
    } else if cursor.eat("PRIMARY KEY") || cursor.eat("KEY") {
        *optional = Some(false);
        found.is_primary = true;
    } else if cursor.eat("UNIQUE") {
        cursor.eat("KEY");
        found.is_unique = true;
    } else if cursor.eat("COMMENT") {
        found.column.comment = Some(unquoted_raw(cursor.peek()));
        cursor.skip();
    } else if cursor.eat("SERIAL DEFAULT VALUE") {
        serial(found, optional);
    } else if cursor.eat("REFERENCES") {
        references(cursor)?;
    } else if cursor.eat("COLLATE") {
        cursor.eat("=");
        cursor.skip();
    } else if cursor.is("(") {
        cursor.skip_parentheses();
    } else {
        // Of VISIBLE, STORAGE DISK, GENERATED ALWAYS AS (…) STORED, CHECK (…) and others nothing is kept.
        cursor.skip();
    }
    Ok(())
}

fn references(cursor: &mut Cursor<'_>) -> Parsed<()> {
    cursor.table()?;
    if cursor.is("(") {
        cursor.skip_parentheses();
    }
    loop {
        if cursor.eat("MATCH") {
            cursor.skip();
        } else if cursor.is("ON DELETE") || cursor.is("ON UPDATE") {
            cursor.skip();
            cursor.skip();
            if !(cursor.eat("SET NULL") || cursor.eat("SET DEFAULT") || cursor.eat("NO ACTION")) {
                cursor.skip();
            }
        } else {
            return Ok(());
        }
    }
}

/// Behind `CURRENT_TIMESTAMP(6)`.
fn skip_time(cursor: &mut Cursor<'_>) {
    cursor.skip();
    if cursor.is("(") {
        cursor.skip_parentheses();
    }
}

/// Reads what follows DEFAULT: the expression as it is kept, if it is a constant.
pub(super) fn default_value(cursor: &mut Cursor<'_>) -> Parsed<Option<String>> {
    if cursor.eat("NULL") {
        return Ok(None);
    }
    let sign = if cursor.eat("-") { "-" } else { "" };
    cursor.eat("+");
    let text = cursor.peek();
    match cursor.kind() {
        Some(Kind::Number) => {
            cursor.skip();
            Ok(Some(format!("{sign}{text}")))
        }
        Some(Kind::Text) => {
            cursor.skip();
            // Texts that follow each other are one.
            while cursor.kind() == Some(Kind::Text) {
                cursor.skip();
            }
            Ok(text_default(text).map(|text| format!("{sign}{text}")))
        }
        Some(Kind::Word) if cursor.is("TRUE") || cursor.is("FALSE") => {
            cursor.skip();
            Ok(Some(text.to_owned()))
        }
        Some(Kind::Word) => Ok(time_or_call(cursor, text)),
        _ if cursor.is("(") => {
            cursor.skip_parentheses();
            Ok(None)
        }
        _ => Err(cursor.unexpected("a default value")),
    }
}

fn time_or_call(cursor: &mut Cursor<'_>, word: &str) -> Option<String> {
    let is_now = word.eq_ignore_ascii_case("NOW");
    let is_time = is_now || TIME_WORDS.iter().any(|known| known.eq_ignore_ascii_case(word));
    let from = cursor.position();
    cursor.skip();
    if cursor.is("(") {
        cursor.skip_parentheses();
    }
    if !is_time {
        return None;
    }
    let text = cursor.text_from(from).to_owned();
    if cursor.eat("ON UPDATE") {
        skip_time(cursor);
    }
    let is_stamp = is_now || word.eq_ignore_ascii_case("CURRENT_TIMESTAMP");
    Some(if is_stamp { EPOCH.to_owned() } else { text })
}

/// A text as a default: bits without `b'…'`, nothing of hexadecimal ones.
fn text_default(text: &str) -> Option<String> {
    match text.as_bytes().first() {
        Some(b'b' | b'B') => Some(text.get(2..text.len() - 1).unwrap_or_default().to_owned()),
        Some(b'x' | b'X') => None,
        Some(b'\'' | b'"') => Some(unquoted_raw(text)),
        _ => Some(text.to_owned()),
    }
}

/// Without the quotes around it, and with all that stands between them.
pub(super) fn unquoted_raw(text: &str) -> String {
    match text.len() {
        0 | 1 => text.to_owned(),
        length => text.get(1..length - 1).unwrap_or_default().to_owned(),
    }
}

/// Reads a type into the column: whether it is SERIAL.
fn data_type(cursor: &mut Cursor<'_>, column: &mut Column) -> Parsed<bool> {
    if cursor.kind() != Some(Kind::Word) {
        return Err(cursor.unexpected("a type"));
    }
    let word = cursor.peek().to_uppercase();
    cursor.skip();
    match word.as_str() {
        "NATIONAL" => national(cursor, column, &word)?,
        "CHAR" | "CHARACTER" | "VARCHAR" | "TINYTEXT" | "TEXT" | "MEDIUMTEXT" | "LONGTEXT"
        | "NCHAR" | "NVARCHAR" | "LONG" => string(cursor, column, &word)?,
        "ENUM" | "SET" => collection(cursor, column, &word)?,
        "SERIAL" => {
            column.type_name = "BIGINT UNSIGNED".to_owned();
            column.jdbc_type = jdbc::BIGINT;
            return Ok(true);
        }
        _ => plain(cursor, column, &word)?,
    }
    Ok(false)
}

/// The length, and what is behind a comma.
fn dimension(cursor: &mut Cursor<'_>, column: &mut Column) -> Parsed<()> {
    if !cursor.eat("(") {
        return Ok(());
    }
    let text = cursor.peek();
    let length = match text.split_once('.') {
        // What the server makes of DECIMAL(5.5).
        Some((whole, _)) => whole.parse().ok().filter(|n| *n != 0).unwrap_or(10),
        None => text.parse::<i64>().map_err(|_| cursor.unexpected("a length"))?,
    };
    cursor.skip();
    column.length = Some(i32::try_from(length).unwrap_or(i32::MAX));
    if cursor.eat(",") {
        column.scale = i32::try_from(cursor.number()?).ok();
    }
    cursor.expect(")")
}

fn plain(cursor: &mut Cursor<'_>, column: &mut Column, word: &str) -> Parsed<()> {
    let (number, length, scale) = match word {
        "TINYINT" | "INT1" | "SMALLINT" | "INT2" => (jdbc::SMALLINT, None, None),
        "MEDIUMINT" | "INT3" | "MIDDLEINT" | "INT" | "INTEGER" | "INT4" | "YEAR" => {
            (jdbc::INTEGER, None, None)
        }
        "BIGINT" | "INT8" => (jdbc::BIGINT, None, None),
        "REAL" => (jdbc::REAL, None, None),
        "DOUBLE" | "FLOAT8" => (jdbc::DOUBLE, None, None),
        "FLOAT" | "FLOAT4" => (jdbc::FLOAT, None, None),
        "DECIMAL" | "DEC" | "FIXED" => (jdbc::DECIMAL, Some(10), Some(0)),
        "NUMERIC" => (jdbc::NUMERIC, Some(10), Some(0)),
        "BIT" => (jdbc::BIT, Some(1), None),
        "VECTOR" => (jdbc::OTHER, Some(2048), None),
        "TIME" => (jdbc::TIME, None, None),
        "TIMESTAMP" => (jdbc::TIMESTAMP_WITH_TIMEZONE, None, None),
        "DATETIME" => (jdbc::TIMESTAMP, None, None),
        "DATE" => (jdbc::DATE, None, None),
        "BINARY" => (jdbc::BINARY, None, None),
        "VARBINARY" => (jdbc::VARBINARY, None, None),
        "TINYBLOB" | "BLOB" | "MEDIUMBLOB" | "LONGBLOB" => (jdbc::BLOB, None, None),
        "BOOL" | "BOOLEAN" => (jdbc::BOOLEAN, None, None),
        "GEOMETRYCOLLECTION" | "GEOMCOLLECTION" | "LINESTRING" | "MULTILINESTRING"
        | "MULTIPOINT" | "MULTIPOLYGON" | "POINT" | "POLYGON" | "JSON" | "GEOMETRY" | "UUID"
        | "INET4" | "INET6" | "XMLTYPE" => (jdbc::OTHER, None, None),
        _ => return Err(format!("the type {word} is not known")),
    };
    let mut name = word.to_owned();
    if word == "DOUBLE" && cursor.eat("PRECISION") {
        name.push_str(" PRECISION");
    }
    dimension(cursor, column)?;
    for suffix in ["SIGNED", "UNSIGNED", "ZEROFILL"] {
        // In any order; the name has them in this one.
        let from = cursor.position();
        while ["SIGNED", "UNSIGNED", "ZEROFILL"].iter().any(|word| cursor.is(word)) {
            if cursor.is(suffix) && !name.ends_with(suffix) {
                name = format!("{name} {suffix}");
            }
            cursor.skip();
        }
        if suffix != "ZEROFILL" {
            cursor.back_to(from);
        }
    }
    column.type_name = name;
    column.jdbc_type = number;
    column.length = column.length.or(length);
    column.scale = column.scale.or(scale);
    Ok(())
}

fn string(cursor: &mut Cursor<'_>, column: &mut Column, word: &str) -> Parsed<()> {
    let mut name = word.to_owned();
    let mut number = match word {
        "CHAR" | "CHARACTER" => jdbc::CHAR,
        "NCHAR" => jdbc::NCHAR,
        "NVARCHAR" => jdbc::NVARCHAR,
        _ => jdbc::VARCHAR,
    };
    if word == "LONG" && cursor.eat("VARBINARY") {
        column.type_name = "LONG VARBINARY".to_owned();
        column.jdbc_type = jdbc::BLOB;
        return Ok(());
    }
    for more in ["VARYING", "VARCHAR"] {
        if cursor.eat(more) {
            name = format!("{name} {more}");
            number = if word == "NCHAR" { jdbc::NVARCHAR } else { jdbc::VARCHAR };
        }
    }
    dimension(cursor, column)?;
    if cursor.eat("BINARY") {
        name.push_str(" BINARY");
    }
    column.charset = charset(cursor)?;
    column.type_name = name;
    column.jdbc_type = number;
    settle_national(column);
    Ok(())
}

fn national(cursor: &mut Cursor<'_>, column: &mut Column, word: &str) -> Parsed<()> {
    let second = cursor.peek().to_uppercase();
    cursor.skip();
    let mut name = format!("{word} {second}");
    column.jdbc_type = if second == "VARCHAR" { jdbc::NVARCHAR } else { jdbc::NCHAR };
    if cursor.eat("VARYING") {
        name.push_str(" VARYING");
        column.jdbc_type = jdbc::NVARCHAR;
    }
    dimension(cursor, column)?;
    if cursor.eat("BINARY") {
        name.push_str(" BINARY");
    }
    column.type_name = name;
    settle_national(column);
    Ok(())
}

fn settle_national(column: &mut Column) {
    if matches!(column.jdbc_type, jdbc::NCHAR | jdbc::NVARCHAR) {
        column.charset = Some("utf8".to_owned());
        if column.jdbc_type == jdbc::NCHAR {
            column.length.get_or_insert(1);
        }
    }
}

/// The character set that a type or a table says, by its name or that of a collation.
pub(super) fn charset(cursor: &mut Cursor<'_>) -> Parsed<Option<String>> {
    let mut found = None;
    loop {
        if cursor.eat("CHARACTER SET") || cursor.eat("CHARSET") {
            cursor.eat("=");
            found = Some(word_or_text(cursor));
        } else if cursor.eat("COLLATE") {
            cursor.eat("=");
            let collation = word_or_text(cursor);
            if found.is_none() {
                found = charset_of_collation(&collation).map(str::to_owned);
            }
        } else if !(cursor.eat("BINARY") || cursor.eat("ASCII") || cursor.eat("UNICODE")) {
            return Ok(found);
        }
    }
}

pub(super) fn word_or_text(cursor: &mut Cursor<'_>) -> String {
    let text = unquoted(cursor.peek());
    cursor.skip();
    text
}

fn collection(cursor: &mut Cursor<'_>, column: &mut Column, word: &str) -> Parsed<()> {
    cursor.expect("(")?;
    while !cursor.eat(")") {
        if cursor.kind() != Some(Kind::Text) {
            return Err(cursor.unexpected("a value in quotes"));
        }
        column.values.push(cursor.peek().to_owned());
        cursor.skip();
        cursor.eat(",");
    }
    column.type_name = word.to_owned();
    column.jdbc_type = jdbc::CHAR;
    let count = i32::try_from(column.values.len()).unwrap_or(i32::MAX);
    column.length =
        Some(if word == "SET" { count.saturating_mul(2).saturating_sub(1).max(0) } else { 1 });
    column.charset = charset(cursor)?;
    Ok(())
}
