//! What a batch of records comes to: statements with their rows, in order.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use gantry_api::{Error, Kind, Result, Schema, SinkRecord};

use super::config::{Config, InsertMode, PkMode};
use super::fields::{Field, Fields};
use super::statement::{Action, Statement};
use super::table::{self, Unfit};
use super::value::param;
use crate::jdbc::db::{Dialect, Param, Session, TableId};

/// A statement's parameters hold about so many bytes at most, one row aside.
const BYTES_MAX: usize = 1 << 20;

/// Most pairs of schemas that are known of a table.
const SHAPES_MAX: usize = 16;

/// What is known of a table's records of one pair of schemas.
#[derive(Debug)]
struct Shape {
    key: Option<Schema>,
    value: Option<Schema>,
    fields: Fields,
    write: Statement,
    delete: Statement,
}

/// Rows of one statement.
#[derive(Debug)]
pub(super) struct Rows {
    shape: Arc<Shape>,
    action: Action,
    rows: Vec<Vec<Param>>,
}

/// Where records of a topic go.
#[derive(Debug, Default)]
pub(super) struct Planner {
    place: Option<(Option<String>, Option<String>)>,
    tables: HashMap<Arc<str>, Arc<TableId>>,
    /// Those that were last seen, of each table.
    shapes: HashMap<Arc<TableId>, Vec<Arc<Shape>>>,
}

impl Planner {
    /// Checks and reads records, and makes and changes tables as they need.
    pub(super) fn plan(
        &mut self,
        config: &Config,
        connector: &str,
        session: &mut dyn Session,
        records: &[SinkRecord],
    ) -> std::result::Result<Vec<Rows>, Unfit> {
        let mut by_table: BTreeMap<Arc<TableId>, Vec<Rows>> = BTreeMap::new();
        for record in records {
            check(config, connector, record)?;
            let table = self.table(config, session, record)?;
            let shape = self.shape(config, session, &table, record)?;
            let is_delete = config.deletes && record.record.value.value.is_null();
            let action = if is_delete { Action::Delete } else { Action::Write };
            if is_delete && shape.fields.keys.is_empty() {
                return Err(Error::connect("Require primary keys to support delete").into());
            }
            let row = row(config, &shape.fields, action, record)?;
            let list = by_table.entry(table).or_default();
            match list.last_mut() {
                Some(last) if Arc::ptr_eq(&last.shape, &shape) && last.action == action => {
                    last.rows.push(row)
                }
                _ => list.push(Rows { shape, action, rows: vec![row] }),
            }
        }
        Ok(by_table.into_values().flatten().collect())
    }

    fn table(
        &mut self,
        config: &Config,
        session: &mut dyn Session,
        record: &SinkRecord,
    ) -> std::result::Result<Arc<TableId>, Unfit> {
        let topic = &record.record.topic;
        if let Some(table) = self.tables.get(topic) {
            return Ok(Arc::clone(table));
        }
        let place = match &self.place {
            Some(place) => place.clone(),
            None => self.place.insert(session.place()?).clone(),
        };
        let table = Arc::new(table::name(config, record, &place)?);
        self.tables.insert(Arc::clone(topic), Arc::clone(&table));
        Ok(table)
    }

    fn shape(
        &mut self,
        config: &Config,
        session: &mut dyn Session,
        table: &Arc<TableId>,
        record: &SinkRecord,
    ) -> std::result::Result<Arc<Shape>, Unfit> {
        let key = record.record.key.schema.as_ref();
        let value = record.record.value.schema.as_ref();
        // A record that deletes says nothing of the value.
        let fits = |shape: &&Arc<Shape>| {
            let same_key = config.pk_mode != PkMode::RecordKey || shape.key.as_ref() == key;
            same_key && (value.is_none() || shape.value.as_ref() == value)
        };
        if let Some(shape) = self.shapes.get(table).and_then(|shapes| shapes.iter().find(fits)) {
            return Ok(Arc::clone(shape));
        }
        let fields = Fields::new(config, &table.name, key, value)?;
        if config.insert_mode == InsertMode::Upsert && fields.keys.is_empty() {
            return Err(Error::connect(format!(
                "Write to table '{}' in UPSERT mode requires key field names to be known, check the primary key \
                 configuration",
                table::shown(table)
            ))
            .into());
        }
        let found = table::fit(config, session, table, &fields)?;
        let fields = spelled(fields, |name| {
            let exact = found.columns.iter().any(|column| column.name == name);
            let other = found.columns.iter().find(|column| column.name.eq_ignore_ascii_case(name));
            other.filter(|_| !exact).map(|column| column.name.as_str().into())
        });
        let shape = Arc::new(Shape {
            key: key.cloned(),
            value: value.cloned(),
            write: Statement::new(config, table, &fields, Action::Write),
            delete: Statement::new(config, table, &fields, Action::Delete),
            fields,
        });
        let known = self.shapes.entry(Arc::clone(table)).or_default();
        if known.len() >= SHAPES_MAX {
            known.remove(0);
        }
        known.push(Arc::clone(&shape));
        Ok(shape)
    }
}

/// The fields under the names that their columns have.
fn spelled(fields: Fields, name: impl Fn(&str) -> Option<Arc<str>>) -> Fields {
    let rename = |field: Field| match name(&field.name) {
        Some(name) => Field { name, ..field },
        None => field,
    };
    Fields {
        keys: fields.keys.into_iter().map(rename).collect(),
        others: fields.others.into_iter().map(rename).collect(),
    }
}

fn row(
    config: &Config,
    fields: &Fields,
    action: Action,
    record: &SinkRecord,
) -> Result<Vec<Param>> {
    let one =
        |field: &Field| param(field, field.value(record, config.defaults_for_null).get(), config);
    match (action, config.insert_mode) {
        (Action::Delete, _) => fields.keys.iter().map(one).collect(),
        (Action::Write, InsertMode::Update) => {
            fields.others.iter().chain(&fields.keys).map(one).collect()
        }
        (Action::Write, _) => fields.all().map(one).collect(),
    }
}

/// Whether a record has what the keys ask for.
fn check(config: &Config, connector: &str, record: &SinkRecord) -> Result<()> {
    let (key, value) = (&record.record.key, &record.record.value);
    let is_tombstone = value.value.is_null() && config.deletes;
    let of_value = |schema: &Schema| schema.fields().is_some() || *schema.kind() == Kind::String;
    let has_value = !value.value.is_null() && value.schema.as_ref().is_some_and(of_value);
    let of_key = |schema: &Schema| schema.fields().is_some() || schema.kind().is_primitive();
    let has_key = !key.value.is_null() && key.schema.as_ref().is_some_and(of_key);
    let (what, found) = if !is_tombstone && !has_value {
        ("a non-null Struct or String value and non-null Struct or String schema", (value, "value"))
    } else if (config.pk_mode == PkMode::RecordKey || config.deletes) && !has_key {
        ("a non-null key and non-null Struct or primitive key schema", (key, "key"))
    } else {
        return Ok(());
    };
    let (datum, kind) = found;
    let class =
        datum.value.java_class().map_or("null", |class| class.rsplit('.').next().unwrap_or(class));
    let schema = datum.schema.as_ref().map_or_else(
        || "null".to_owned(),
        |schema| match schema.fields() {
            Some(_) => "Struct".to_owned(),
            None => schema.kind().type_name().to_lowercase(),
        },
    );
    Err(Error::connect(format!(
        "Sink connector '{connector}' is configured with 'delete.enabled={}' and 'pk.mode={}' and therefore requires \
         records with {what}, but found record at (topic='{}',partition={},offset={},timestamp={}) with a {class} \
         {kind} and {schema} {kind} schema.",
        config.deletes,
        config.pk_mode.name(),
        record.origin.topic,
        record.origin.partition,
        record.offset,
        record.record.timestamp_ms.map_or_else(|| "null".to_owned(), |ms| ms.to_string()),
    )))
}

impl Rows {
    /// Writes all rows, as many at once as the statement takes.
    pub(super) fn write(
        &self,
        config: &Config,
        session: &mut dyn Session,
        singly: bool,
    ) -> crate::jdbc::db::SqlResult<()> {
        let statement = match self.action {
            Action::Write => &self.shape.write,
            Action::Delete => &self.shape.delete,
        };
        // A row cannot be met twice by one statement there.
        let once = config.quoting.dialect == Dialect::PostgreSql
            && self.action == Action::Write
            && config.insert_mode == InsertMode::Upsert;
        let keys = if once { self.shape.fields.keys.len() } else { 0 };
        let mut rest = self.rows.as_slice();
        while !rest.is_empty() {
            let most = if singly { 1 } else { statement.rows_max };
            let count = fitting(rest, most, keys);
            let (now, later) = rest.split_at(count);
            let params: Vec<Param> = now.iter().flatten().cloned().collect();
            session.write(&statement.text(count), &params)?;
            rest = later;
        }
        Ok(())
    }
}

/// How many rows go at once: a power of two, so that few different statements are prepared, of not too
/// many bytes, and with `keys` columns of a key no two of one key.
fn fitting(rows: &[Vec<Param>], most: usize, keys: usize) -> usize {
    let (mut bytes, mut seen, mut count) = (0, HashSet::new(), 0);
    for row in rows.iter().take(most) {
        bytes += row.iter().map(size).sum::<usize>();
        let is_new = keys == 0 || seen.insert(hash(row.get(..keys).unwrap_or(row)));
        if count > 0 && (bytes > BYTES_MAX || !is_new) {
            break;
        }
        count += 1;
    }
    if count == most { most } else { 1 << count.max(1).ilog2() }
}

fn size(param: &Param) -> usize {
    match param {
        Param::Text(text) => text.len(),
        Param::Bytes(bytes) => bytes.len(),
        Param::List(list) => list.iter().map(size).sum(),
        _ => 8,
    }
}

/// Equal keys have equal hashes; of others it only ends a statement early if they have.
fn hash(key: &[Param]) -> u64 {
    let mut hasher = DefaultHasher::new();
    for param in key {
        match param {
            Param::Int(number) => number.hash(&mut hasher),
            Param::Text(text) => text.hash(&mut hasher),
            Param::Bytes(bytes) => bytes.hash(&mut hasher),
            other => format!("{other:?}").hash(&mut hasher),
        }
    }
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_go_in_powers_of_two_and_no_key_twice() {
        let rows = |keys: &[i64]| keys.iter().map(|key| vec![Param::Int(*key)]).collect::<Vec<_>>();
        assert_eq!(fitting(&rows(&[1, 2, 3, 4, 5]), 512, 1), 4);
        assert_eq!(fitting(&rows(&[1, 2, 3, 2, 5]), 512, 1), 2);
        assert_eq!(fitting(&rows(&[1, 1]), 512, 1), 1);
        assert_eq!(fitting(&rows(&[1, 1, 1, 1]), 512, 0), 4);
        assert_eq!(fitting(&rows(&[1, 2, 3, 4, 5]), 3, 1), 3);
        let large = vec![vec![Param::Bytes(vec![0; BYTES_MAX].into())]; 3];
        assert_eq!(fitting(&large, 512, 0), 1);
    }
}
