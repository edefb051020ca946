//! Statements that change tables.

use super::charset::charset_of_collation;
use super::column::{Definition, charset, default_value, definition, unquoted_raw, word_or_text};
use super::cursor::{Cursor, Parsed};
use super::lexer::SqlMode;
#[cfg(test)]
use super::model::Column;
use super::model::TableName;

/// A statement, as far as it matters.
#[derive(Clone, Debug)]
pub(crate) enum Statement {
    CreateTable(Box<CreateTable>),
    AlterTable {
        table: TableName,
        specs: Vec<Spec>,
    },
    /// `prefix` and `suffix`: what stands around the names.
    DropTables {
        tables: Vec<TableName>,
        prefix: String,
        suffix: String,
        is_temporary: bool,
    },
    /// Each with the text of a statement that renames it alone.
    RenameTables(Vec<(TableName, TableName, String)>),
    Truncate(TableName),
    UniqueIndex {
        table: TableName,
        columns: Vec<String>,
    },
    /// Also when it is altered.
    Database {
        name: String,
        charset: Option<String>,
    },
    DropDatabase(String),
    /// Nothing that matters for tables.
    Other,
}

/// CREATE TABLE.
#[derive(Clone, Debug)]
pub(crate) struct CreateTable {
    pub(crate) table: TableName,
    pub(crate) is_temporary: bool,
    pub(crate) if_not_exists: bool,
    pub(crate) body: Body,
    pub(crate) charset: Option<String>,
    pub(crate) comment: Option<String>,
}

/// Where a new table's columns come from.
#[derive(Clone, Debug)]
pub(crate) enum Body {
    Parts { parts: Vec<Part>, has_select: bool },
    Like(TableName),
}

/// A part of a table's definition.
#[derive(Clone, Debug)]
pub(crate) enum Part {
    Column(Box<Definition>),
    Primary(Vec<String>),
    Unique(Vec<String>),
}

/// Where a column goes.
#[derive(Clone, Debug)]
pub(crate) enum Place {
    Last,
    First,
    After(String),
}

/// One change of ALTER TABLE.
#[derive(Clone, Debug)]
pub(crate) enum Spec {
    Add { column: Box<Definition>, place: Place, if_not_exists: bool },
    AddParts(Vec<Part>),
    Change { old: String, column: Box<Definition>, place: Place },
    Modify { column: Box<Definition>, place: Place },
    Drop(String),
    RenameColumn { old: String, new: String },
    Rename(TableName),
    Default { column: String, default: Option<String> },
    Primary(Vec<String>),
    DropPrimary,
    Unique(Vec<String>),
    Convert(String),
    Charset(String),
    Comment(String),
}

/// Reads a statement, and gives its text without what ends it.
pub(crate) fn parse<'a>(
    sql: &'a str,
    database: &'a str,
    mode: SqlMode,
) -> (Result<Statement, String>, &'a str) {
    let mut cursor = Cursor::new(sql, database, mode);
    let whole = cursor.whole();
    (statement(&mut cursor), whole)
}

/// The table that a statement is about which cannot be read as a whole.
pub(crate) fn table_of(sql: &str, database: &str, mode: SqlMode) -> Option<TableName> {
    let mut cursor = Cursor::new(sql, database, mode);
    while !cursor.is_end() && !cursor.eat("TABLE") {
        cursor.skip();
    }
    let _ = cursor.eat("IF NOT EXISTS") || cursor.eat("IF EXISTS");
    cursor.table().ok()
}

fn statement(cursor: &mut Cursor<'_>) -> Parsed<Statement> {
    if cursor.eat("SET STATEMENT") {
        while !cursor.is_end() && !cursor.eat("FOR") {
            cursor.skip();
        }
    }
    let begin = cursor.position();
    if cursor.eat("CREATE") {
        return create(cursor);
    }
    if cursor.eat("ALTER") {
        return alter(cursor);
    }
    if cursor.eat("DROP") {
        return drop(cursor, begin);
    }
    if cursor.eat("RENAME TABLE") || cursor.eat("RENAME TABLES") {
        return rename(cursor, begin);
    }
    if cursor.eat("TRUNCATE") {
        cursor.eat("TABLE");
        return Ok(Statement::Truncate(cursor.table()?));
    }
    Ok(Statement::Other)
}

fn create(cursor: &mut Cursor<'_>) -> Parsed<Statement> {
    cursor.eat("OR REPLACE");
    let is_temporary = cursor.eat("TEMPORARY");
    if cursor.eat("TABLE") {
        return create_table(cursor, is_temporary);
    }
    if cursor.eat("DATABASE") || cursor.eat("SCHEMA") {
        cursor.eat("IF NOT EXISTS");
        let name = cursor.name()?;
        return Ok(Statement::Database { name, charset: database_charset(cursor) });
    }
    if cursor.eat("UNIQUE") {
        cursor.eat("INDEX");
        cursor.eat("IF NOT EXISTS");
        cursor.name()?;
        skip_index_type(cursor);
        cursor.expect("ON")?;
        let table = cursor.table()?;
        return Ok(Statement::UniqueIndex { table, columns: key_columns(cursor)? });
    }
    Ok(Statement::Other)
}

fn database_charset(cursor: &mut Cursor<'_>) -> Option<String> {
    let (mut named, mut collated) = (None, None);
    while !cursor.is_end() {
        if cursor.eat("CHARACTER SET") || cursor.eat("CHARSET") {
            cursor.eat("=");
            named = Some(word_or_text(cursor));
        } else if cursor.eat("COLLATE") {
            cursor.eat("=");
            collated = charset_of_collation(&word_or_text(cursor)).map(str::to_owned);
        } else {
            cursor.skip();
        }
    }
    named.or(collated)
}

fn create_table(cursor: &mut Cursor<'_>, is_temporary: bool) -> Parsed<Statement> {
    let if_not_exists = cursor.eat("IF NOT EXISTS");
    let table = cursor.table()?;
    let like = |cursor: &mut Cursor<'_>| -> Parsed<Option<TableName>> {
        let from = cursor.position();
        let has_parenthesis = cursor.eat("(");
        if cursor.eat("LIKE") {
            let table = cursor.table()?;
            if has_parenthesis {
                cursor.expect(")")?;
            }
            return Ok(Some(table));
        }
        cursor.back_to(from);
        Ok(None)
    };
    let mut created = CreateTable {
        table,
        is_temporary,
        if_not_exists,
        body: Body::Parts { parts: Vec::new(), has_select: false },
        charset: None,
        comment: None,
    };
    if let Some(original) = like(cursor)? {
        created.body = Body::Like(original);
        return Ok(Statement::CreateTable(Box::new(created)));
    }
    let is_definition = cursor.is("(") && !cursor.is("( SELECT") && !cursor.is("( WITH");
    let parts = if is_definition { parts(cursor)? } else { Vec::new() };
    let has_select = table_options(cursor, &mut created);
    created.body = Body::Parts { parts, has_select };
    Ok(Statement::CreateTable(Box::new(created)))
}

/// Reads what follows the columns: whether rows are selected into the table.
fn table_options(cursor: &mut Cursor<'_>, created: &mut CreateTable) -> bool {
    while !cursor.is_end() {
        if cursor.is("SELECT")
            || cursor.is("WITH SELECT")
            || cursor.is("AS")
            || cursor.is("( SELECT")
        {
            return true;
        }
        if cursor.eat("PARTITION BY") {
            while !cursor.is_end() && !cursor.is("SELECT") && !cursor.is("AS SELECT") {
                if cursor.is("(") {
                    cursor.skip_parentheses();
                } else {
                    cursor.skip();
                }
            }
        } else if cursor.eat("CHARACTER SET") || cursor.eat("CHARSET") {
            cursor.eat("=");
            created.charset = Some(word_or_text(cursor)).filter(|name| !is_default(name));
        } else if cursor.eat("COLLATE") {
            cursor.eat("=");
            let collation = word_or_text(cursor);
            if created.charset.is_none() {
                created.charset = charset_of_collation(&collation).map(str::to_owned);
            }
        } else if cursor.eat("COMMENT") {
            cursor.eat("=");
            created.comment = Some(unquoted_raw(cursor.peek()));
            cursor.skip();
        } else if cursor.is("(") {
            cursor.skip_parentheses();
        } else {
            cursor.skip();
        }
    }
    false
}

fn is_default(name: &str) -> bool {
    name.eq_ignore_ascii_case("DEFAULT")
}

/// What stands in the parentheses of CREATE TABLE.
fn parts(cursor: &mut Cursor<'_>) -> Parsed<Vec<Part>> {
    cursor.expect("(")?;
    let mut all = Vec::new();
    loop {
        all.extend(part(cursor)?);
        cursor.skip_part();
        if !cursor.eat(",") {
            break;
        }
    }
    cursor.expect(")")?;
    Ok(all)
}

fn part(cursor: &mut Cursor<'_>) -> Parsed<Option<Part>> {
    let from = cursor.position();
    if cursor.eat("CONSTRAINT")
        && !["PRIMARY", "UNIQUE", "FOREIGN", "CHECK"].iter().any(|word| cursor.is(word))
    {
        cursor.name()?;
    }
    if cursor.eat("PRIMARY KEY") {
        return Ok(Some(Part::Primary(named_key(cursor)?)));
    }
    if cursor.eat("UNIQUE") {
        let _ = cursor.eat("INDEX") || cursor.eat("KEY");
        cursor.eat("IF NOT EXISTS");
        return Ok(Some(Part::Unique(named_key(cursor)?)));
    }
    let others = [
        "FOREIGN KEY",
        "CHECK (",
        "INDEX",
        "KEY",
        "FULLTEXT",
        "SPATIAL",
        "PERIOD FOR",
        "VECTOR INDEX",
        "VECTOR KEY",
    ];
    if others.iter().any(|words| cursor.is(words)) {
        return Ok(None);
    }
    cursor.back_to(from);
    let name = cursor.name()?;
    Ok(Some(Part::Column(Box::new(definition(cursor, name)?))))
}

fn skip_index_type(cursor: &mut Cursor<'_>) {
    if cursor.eat("USING") || cursor.eat("TYPE") {
        cursor.skip();
    }
}

/// A key's columns, behind its name and type if it has them.
fn named_key(cursor: &mut Cursor<'_>) -> Parsed<Vec<String>> {
    if !cursor.is("(") && !cursor.is("USING") {
        cursor.name()?;
    }
    skip_index_type(cursor);
    key_columns(cursor)
}

fn key_columns(cursor: &mut Cursor<'_>) -> Parsed<Vec<String>> {
    cursor.expect("(")?;
    let mut columns = Vec::new();
    loop {
        if cursor.is("(") {
            let from = cursor.position();
            cursor.skip_parentheses();
            columns.push(cursor.text_from(from).to_owned());
        } else {
            columns.push(cursor.name()?);
        }
        cursor.skip_part();
        if !cursor.eat(",") {
            break;
        }
    }
    cursor.expect(")")?;
    Ok(columns)
}

fn drop(cursor: &mut Cursor<'_>, begin: usize) -> Parsed<Statement> {
    if cursor.eat("DATABASE") || cursor.eat("SCHEMA") {
        cursor.eat("IF EXISTS");
        return Ok(Statement::DropDatabase(cursor.name()?));
    }
    let is_temporary = cursor.eat("TEMPORARY");
    if !(cursor.eat("TABLE") || cursor.eat("TABLES")) {
        return Ok(Statement::Other);
    }
    cursor.eat("IF EXISTS");
    let prefix = cursor.text_before(begin, cursor.position()).to_owned();
    let mut tables = vec![cursor.table()?];
    while cursor.eat(",") {
        tables.push(cursor.table()?);
    }
    let suffix = ["RESTRICT", "CASCADE"].into_iter().find(|word| cursor.is(word));
    let suffix = suffix.map(|_| format!(" {}", cursor.peek())).unwrap_or_default();
    Ok(Statement::DropTables { tables, prefix, suffix, is_temporary })
}

fn rename(cursor: &mut Cursor<'_>, begin: usize) -> Parsed<Statement> {
    cursor.eat("IF EXISTS");
    let prefix = cursor.text_before(begin, cursor.position());
    let mut all = Vec::new();
    loop {
        let from = cursor.position();
        let old = cursor.table()?;
        if cursor.eat("WAIT") {
            cursor.skip();
        }
        cursor.eat("NOWAIT");
        cursor.expect("TO")?;
        let new = cursor.table()?;
        all.push((old, new, format!("{prefix}{}", cursor.text_from(from))));
        if !cursor.eat(",") {
            return Ok(Statement::RenameTables(all));
        }
    }
}

fn alter(cursor: &mut Cursor<'_>) -> Parsed<Statement> {
    if cursor.eat("DATABASE") || cursor.eat("SCHEMA") {
        let options = ["DEFAULT", "CHARACTER", "CHARSET", "COLLATE", "COMMENT", "UPGRADE", "READ"];
        let name = match options.iter().any(|word| cursor.is(word)) {
            true => cursor.database().to_owned(),
            false => cursor.name()?,
        };
        return Ok(Statement::Database { name, charset: database_charset(cursor) });
    }
    for word in ["ONLINE", "OFFLINE", "IGNORE"] {
        cursor.eat(word);
    }
    if !cursor.eat("TABLE") {
        return Ok(Statement::Other);
    }
    cursor.eat("IF EXISTS");
    let table = cursor.table()?;
    if cursor.eat("WAIT") {
        cursor.skip();
    }
    cursor.eat("NOWAIT");
    let mut specs = Vec::new();
    while !cursor.is_end() {
        if let Some(spec) = spec(cursor)? {
            specs.push(spec);
        }
        // Options of the table may follow each other without commas.
        if !cursor.eat(",") && cursor.is(")") {
            return Err(cursor.unexpected("a change"));
        }
    }
    Ok(Statement::AlterTable { table, specs })
}

fn place(cursor: &mut Cursor<'_>) -> Parsed<Place> {
    if cursor.eat("FIRST") {
        return Ok(Place::First);
    }
    if cursor.eat("AFTER") {
        return Ok(Place::After(cursor.name()?));
    }
    Ok(Place::Last)
}

fn spec(cursor: &mut Cursor<'_>) -> Parsed<Option<Spec>> {
    if cursor.eat("ADD") {
        return add(cursor);
    }
    if cursor.eat("CHANGE") {
        cursor.eat("COLUMN");
        cursor.eat("IF EXISTS");
        let old = cursor.name()?;
        let new = cursor.name()?;
        let column = Box::new(definition(cursor, new)?);
        return Ok(Some(Spec::Change { old, column, place: place(cursor)? }));
    }
    if cursor.eat("MODIFY") {
        cursor.eat("COLUMN");
        cursor.eat("IF EXISTS");
        let name = cursor.name()?;
        let column = Box::new(definition(cursor, name)?);
        return Ok(Some(Spec::Modify { column, place: place(cursor)? }));
    }
    if cursor.eat("DROP") {
        return drop_part(cursor);
    }
    if cursor.eat("RENAME") {
        return rename_part(cursor);
    }
    if cursor.eat("ALTER") {
        return alter_part(cursor);
    }
    option(cursor)
}

fn add(cursor: &mut Cursor<'_>) -> Parsed<Option<Spec>> {
    if cursor.is("PARTITION") {
        skip_spec(cursor);
        return Ok(None);
    }
    let is_column = cursor.eat("COLUMN");
    let if_not_exists = cursor.eat("IF NOT EXISTS");
    if cursor.is("(") {
        return Ok(Some(Spec::AddParts(parts(cursor)?)));
    }
    if !is_column {
        let from = cursor.position();
        match part(cursor)? {
            Some(Part::Primary(columns)) => {
                skip_spec(cursor);
                return Ok(Some(Spec::Primary(columns)));
            }
            Some(Part::Unique(columns)) => {
                skip_spec(cursor);
                return Ok(Some(Spec::Unique(columns)));
            }
            None => {
                skip_spec(cursor);
                return Ok(None);
            }
            Some(Part::Column(_)) => cursor.back_to(from),
        }
    }
    let name = cursor.name()?;
    let column = Box::new(definition(cursor, name)?);
    Ok(Some(Spec::Add { column, place: place(cursor)?, if_not_exists }))
}

/// To the next change.
fn skip_spec(cursor: &mut Cursor<'_>) {
    cursor.skip_part();
}

fn drop_part(cursor: &mut Cursor<'_>) -> Parsed<Option<Spec>> {
    if cursor.eat("PRIMARY KEY") {
        return Ok(Some(Spec::DropPrimary));
    }
    let others = [
        "INDEX",
        "KEY",
        "FOREIGN KEY",
        "CONSTRAINT",
        "CHECK",
        "PARTITION",
        "PERIOD",
        "SYSTEM VERSIONING",
    ];
    if others.iter().any(|word| cursor.is(word)) {
        skip_spec(cursor);
        return Ok(None);
    }
    cursor.eat("COLUMN");
    cursor.eat("IF EXISTS");
    let name = cursor.name()?;
    let _ = cursor.eat("RESTRICT") || cursor.eat("CASCADE");
    Ok(Some(Spec::Drop(name)))
}

fn rename_part(cursor: &mut Cursor<'_>) -> Parsed<Option<Spec>> {
    if cursor.eat("COLUMN") {
        cursor.eat("IF EXISTS");
        let old = cursor.name()?;
        cursor.expect("TO")?;
        return Ok(Some(Spec::RenameColumn { old, new: cursor.name()? }));
    }
    if cursor.is("INDEX") || cursor.is("KEY") {
        skip_spec(cursor);
        return Ok(None);
    }
    let _ = cursor.eat("TO") || cursor.eat("AS") || cursor.eat("=");
    Ok(Some(Spec::Rename(cursor.table()?)))
}

fn alter_part(cursor: &mut Cursor<'_>) -> Parsed<Option<Spec>> {
    if ["INDEX", "KEY", "CHECK", "CONSTRAINT"].iter().any(|word| cursor.is(word)) {
        skip_spec(cursor);
        return Ok(None);
    }
    cursor.eat("COLUMN");
    let column = cursor.name()?;
    if cursor.eat("SET DEFAULT") {
        return Ok(Some(Spec::Default { column, default: default_value(cursor)? }));
    }
    if cursor.eat("DROP DEFAULT") {
        return Ok(Some(Spec::Default { column, default: None }));
    }
    skip_spec(cursor);
    Ok(None)
}

/// An option of the table, or what else changes no column.
fn option(cursor: &mut Cursor<'_>) -> Parsed<Option<Spec>> {
    if cursor.eat("CONVERT TO") {
        let found = charset(cursor)?;
        return Ok(found.map(Spec::Convert));
    }
    if cursor.eat("COMMENT") {
        cursor.eat("=");
        let text = unquoted_raw(cursor.peek());
        cursor.skip();
        return Ok(Some(Spec::Comment(text)));
    }
    cursor.eat("DEFAULT");
    if cursor.is("CHARACTER SET") || cursor.is("CHARSET") || cursor.is("COLLATE") {
        return Ok(charset(cursor)?.filter(|name| !is_default(name)).map(Spec::Charset));
    }
    if cursor.is("(") {
        cursor.skip_parentheses();
    } else if !cursor.is_end() && !cursor.is(",") {
        cursor.skip();
    }
    Ok(None)
}

/// A column alone, for tests.
#[cfg(test)]
pub(crate) fn parse_column(sql: &str) -> Column {
    let mut cursor = Cursor::new(sql, "", SqlMode::default());
    let name = cursor.name().unwrap();
    definition(&mut cursor, name).unwrap().column
}
