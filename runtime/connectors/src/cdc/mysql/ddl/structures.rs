//! Structures of all known tables, as statements change them.

use std::collections::HashMap;
use std::sync::Arc;

use super::{
    Body, Column, CreateTable, Definition, Part, Place, Spec, SqlMode, Statement, Structure,
    TableName, parse, table_of,
};

/// What a statement did, as records of schema changes say it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ChangeKind {
    Create,
    Alter,
    Drop,
    Truncate,
    /// Of a database, or nothing that is known.
    Database,
}

/// One change.
#[derive(Clone, Debug)]
pub(crate) struct Change {
    pub(crate) kind: ChangeKind,
    pub(crate) database: String,
    pub(crate) table: Option<TableName>,
    /// What the table looks like now.
    pub(crate) structure: Option<Arc<Structure>>,
    pub(crate) ddl: String,
}

/// What came of a statement.
#[derive(Debug, Default)]
pub(crate) struct Applied {
    pub(crate) changes: Vec<Change>,
    /// Tables that look different now, or are gone.
    pub(crate) touched: Vec<TableName>,
    /// Tables whose structure the statement does not say.
    pub(crate) unknown: Vec<TableName>,
    /// Why the statement could not be read.
    pub(crate) error: Option<String>,
}

/// Structures by table.
#[derive(Debug, Default)]
pub(crate) struct Structures {
    tables: HashMap<TableName, Arc<Structure>>,
    database_charsets: HashMap<String, String>,
    server_charset: Option<String>,
    /// Whether names of tables are compared in small letters.
    ignores_case: bool,
}

impl Structures {
    pub(crate) fn new(server_charset: Option<String>, ignores_case: bool) -> Self {
        Self { server_charset, ignores_case, ..Self::default() }
    }

    fn key(&self, table: &TableName) -> TableName {
        match self.ignores_case {
            true => TableName::new(&table.database.to_lowercase(), &table.table.to_lowercase()),
            false => table.clone(),
        }
    }
    pub(crate) fn get(&self, table: &TableName) -> Option<&Arc<Structure>> {
        self.tables.get(&self.key(table))
    }
    pub(crate) fn put(&mut self, table: &TableName, structure: Arc<Structure>) {
        self.tables.insert(self.key(table), structure);
    }
    pub(crate) fn remove(&mut self, table: &TableName) -> Option<Arc<Structure>> {
        self.tables.remove(&self.key(table))
    }
    pub(crate) fn set_database_charset(&mut self, database: &str, charset: &str) {
        self.database_charsets.insert(database.to_owned(), charset.to_owned());
    }
    fn charset_of(&self, table: &TableName) -> Option<String> {
        self.database_charsets.get(&*table.database).or(self.server_charset.as_ref()).cloned()
    }

    /// Applies a statement that was given while a database was the current one.
    pub(crate) fn apply(&mut self, sql: &str, database: &str, mode: SqlMode) -> Applied {
        let (statement, text) = parse(sql, database, mode);
        let mut applied = Applied::default();
        match statement {
            Ok(statement) => self.apply_statement(statement, text, &mut applied),
            Err(error) => {
                applied.error = Some(error);
                if let Some(table) = table_of(sql, database, mode) {
                    applied.unknown.push(table.clone());
                    applied.touched.push(table);
                }
            }
        }
        if applied.changes.is_empty() {
            applied.changes.push(Change {
                kind: ChangeKind::Database,
                database: database.to_owned(),
                table: None,
                structure: None,
                ddl: sql.to_owned(),
            });
        }
        applied
    }

    fn note(&self, applied: &mut Applied, kind: ChangeKind, table: TableName, ddl: &str) {
        applied.changes.push(Change {
            kind,
            database: table.database.to_string(),
            structure: self.get(&table).cloned(),
            table: Some(table.clone()),
            ddl: ddl.to_owned(),
        });
        if !applied.touched.contains(&table) {
            applied.touched.push(table);
        }
    }

    fn apply_statement(&mut self, statement: Statement, text: &str, applied: &mut Applied) {
        match statement {
            Statement::CreateTable(created) => self.create(*created, text, applied),
            Statement::AlterTable { table, specs } => self.alter(table, specs, text, applied),
            Statement::DropTables { is_temporary: true, .. } | Statement::Other => {}
            Statement::DropTables { tables, prefix, suffix, .. } => {
                for table in tables {
                    self.remove(&table);
                    let ddl = format!("{prefix}{}{suffix}", table.quoted());
                    self.note(applied, ChangeKind::Drop, table, &ddl);
                }
            }
            Statement::RenameTables(renames) => {
                for (old, new, ddl) in renames {
                    self.rename(&old, &new);
                    applied.touched.push(old);
                    if self.get(&new).is_none() {
                        applied.unknown.push(new.clone());
                    }
                    self.note(applied, ChangeKind::Alter, new, &ddl);
                }
            }
            Statement::Truncate(table) => applied.changes.push(Change {
                kind: ChangeKind::Truncate,
                database: table.database.to_string(),
                structure: self.get(&table).cloned(),
                table: Some(table),
                ddl: text.to_owned(),
            }),
            Statement::UniqueIndex { table, columns } => {
                let Some(structure) = self.get(&table) else { return };
                let is_known = columns.iter().all(|name| structure.position(name).is_some());
                if structure.key.is_empty() && is_known {
                    let mut structure = Structure::clone(structure);
                    unique(&mut structure, &columns);
                    self.put(&table, Arc::new(structure));
                    self.note(applied, ChangeKind::Alter, table, text);
                }
            }
            Statement::Database { name, charset } => {
                if let Some(charset) = charset {
                    self.database_charsets.insert(name.clone(), charset);
                }
                applied.changes.push(database(name, text));
            }
            Statement::DropDatabase(name) => {
                self.database_charsets.remove(&name);
                let gone = self.tables.keys().filter(|table| *table.database == *name);
                applied.touched.extend(gone.cloned());
                self.tables.retain(|table, _| *table.database != *name);
                applied.changes.push(database(name, text));
            }
        }
    }

    fn create(&mut self, created: CreateTable, text: &str, applied: &mut Applied) {
        let CreateTable { table, is_temporary, if_not_exists, body, charset, comment } = created;
        if is_temporary || if_not_exists && self.get(&table).is_some() {
            return;
        }
        let structure = match body {
            Body::Like(original) => match self.get(&original) {
                Some(original) => Structure { comment: None, ..Structure::clone(original) },
                None => {
                    applied.unknown.push(table.clone());
                    applied.touched.push(table);
                    return;
                }
            },
            Body::Parts { parts, has_select } => {
                if has_select {
                    // Its columns come from elsewhere.
                    applied.unknown.push(table.clone());
                }
                let charset = charset.or_else(|| self.charset_of(&table));
                let mut structure = Structure { charset, comment, ..Structure::default() };
                add_parts(&mut structure, parts);
                structure.settle();
                structure
            }
        };
        self.put(&table, Arc::new(structure));
        self.note(applied, ChangeKind::Create, table, text);
    }

    fn rename(&mut self, old: &TableName, new: &TableName) {
        if let Some(structure) = self.remove(old) {
            self.put(new, structure);
        } else {
            self.remove(new);
        }
    }

    fn alter(&mut self, table: TableName, specs: Vec<Spec>, text: &str, applied: &mut Applied) {
        let Some(structure) = self.get(&table) else {
            // A table that is not known may get the name of one that is.
            for spec in specs {
                if let Spec::Rename(new) = spec {
                    self.remove(&new);
                    applied.unknown.push(new.clone());
                    applied.touched.push(new);
                }
            }
            return;
        };
        let mut structure = Structure::clone(structure);
        let mut name = table.clone();
        for spec in specs {
            match spec {
                Spec::Rename(new) => name = new,
                other => change(&mut structure, other),
            }
        }
        structure.settle();
        if name != table {
            self.remove(&table);
            applied.touched.push(table);
        }
        self.put(&name, Arc::new(structure));
        self.note(applied, ChangeKind::Alter, name, text);
    }
}

fn database(name: String, text: &str) -> Change {
    Change {
        kind: ChangeKind::Database,
        database: name,
        table: None,
        structure: None,
        ddl: text.to_owned(),
    }
}

/// What identifies rows if the table has no key yet, and none of these columns can be null.
fn unique(structure: &mut Structure, columns: &[String]) {
    if !structure.key.is_empty() {
        return;
    }
    let found: Option<Vec<&Column>> = columns
        .iter()
        .map(|name| structure.position(name).and_then(|at| structure.columns.get(at)))
        .collect();
    if let Some(found) = found.filter(|all| all.iter().all(|column| !column.optional)) {
        let key = found.into_iter().map(|column| column.name.clone()).collect();
        structure.key = key;
    }
}

fn primary(structure: &mut Structure, columns: &[String]) {
    let mut key = Vec::with_capacity(columns.len());
    for name in columns {
        let column = structure.position(name).and_then(|at| structure.columns.get_mut(at));
        key.push(column.map_or_else(
            || name.clone(),
            |column| {
                column.optional = false;
                column.name.clone()
            },
        ));
    }
    structure.key = key;
}

fn add_parts(structure: &mut Structure, parts: Vec<Part>) {
    for part in parts {
        match part {
            Part::Column(definition) => {
                define(structure, *definition, &Place::Last);
            }
            Part::Primary(columns) => primary(structure, &columns),
            Part::Unique(columns) => unique(structure, &columns),
        }
    }
}

fn define(structure: &mut Structure, definition: Definition, place: &Place) {
    let Definition { column, is_primary, is_unique } = definition;
    let name = column.name.clone();
    structure.add(column);
    if is_primary || is_unique && structure.key.is_empty() {
        structure.key = vec![name.clone()];
    }
    match place {
        Place::Last => {}
        Place::First => structure.reorder(&name, None),
        Place::After(after) => structure.reorder(&name, Some(after)),
    }
}

fn change(structure: &mut Structure, spec: Spec) {
    match spec {
        Spec::Add { column, place, if_not_exists } => {
            if !(if_not_exists && structure.position(&column.column.name).is_some()) {
                define(structure, *column, &place);
            }
        }
        Spec::AddParts(parts) => add_parts(structure, parts),
        Spec::Change { old, mut column, place } => {
            let new = std::mem::replace(&mut column.column.name, old.clone());
            if structure.position(&old).is_some() {
                replace(structure, *column);
                structure.rename(&old, &new);
                move_to(structure, &new, &place);
            }
        }
        Spec::Modify { column, place } => {
            if structure.position(&column.column.name).is_some() {
                let name = column.column.name.clone();
                replace(structure, *column);
                move_to(structure, &name, &place);
            }
        }
        Spec::Drop(name) => structure.remove(&name),
        Spec::RenameColumn { old, new } => structure.rename(&old, &new),
        Spec::Default { column, default } => {
            let column = structure.position(&column).and_then(|at| structure.columns.get_mut(at));
            if let Some(column) = column {
                column.default = default;
            }
        }
        Spec::Primary(columns) => primary(structure, &columns),
        Spec::DropPrimary => structure.key.clear(),
        Spec::Unique(columns) => {
            unique(structure, &columns);
        }
        Spec::Convert(charset) => {
            for column in structure.columns.iter_mut().filter(|column| column.charset.is_some()) {
                column.charset = Some(charset.clone());
            }
            structure.charset = Some(charset);
        }
        Spec::Charset(charset) => structure.charset = Some(charset),
        Spec::Comment(comment) => structure.comment = Some(comment),
        Spec::Rename(_) => {}
    }
}

/// Puts another definition into the place of a column, which keeps its part in the key.
fn replace(structure: &mut Structure, definition: Definition) {
    let Definition { mut column, is_primary, is_unique } = definition;
    let Some(at) = structure.position(&column.name) else { return };
    let Some(old) = structure.columns.get_mut(at) else { return };
    column.name.clone_from(&old.name);
    // Columns of the primary key are never null, whether the statement says so or not.
    if structure.key.contains(&column.name) && !old.optional {
        column.optional = false;
    }
    let name = column.name.clone();
    *old = column;
    if is_primary || is_unique && structure.key.is_empty() {
        structure.key = vec![name];
    }
}

fn move_to(structure: &mut Structure, name: &str, place: &Place) {
    match place {
        Place::Last => {}
        Place::First => structure.reorder(name, None),
        Place::After(after) => structure.reorder(name, Some(after)),
    }
}
