//! Structures of tables at the position of an offset: kept beside it, so that a reader that goes on from there
//! reads rows by the structure that they were written with.
//!
//! Each structure has the number of the statement it is by, and offsets of the position say which number they have
//! passed. Of a table the last two structures are kept, as an offset may be of either side of a statement. Tables are
//! spread over partitions by their names, so that a statement writes one of them alone.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use gantry_api::{OffsetMap, OffsetReader, SourcePartition};
use serde_json::{Value as Json, json};

use super::ddl::{Structure, TableName};

/// Partitions that structures are spread over.
const BUCKETS: u64 = 64;
/// Structures of one table that are kept.
const KEPT: usize = 2;
const BUCKET: &str = "gantry.structures";

type Versions = Vec<(u64, Option<Arc<Structure>>)>;

/// What is kept.
#[derive(Debug, Default)]
pub(crate) struct History {
    prefix: String,
    tables: BTreeMap<TableName, Versions>,
    changed: BTreeSet<u64>,
    /// The number of the last statement.
    number: u64,
    is_empty: bool,
}

impl History {
    /// What was stored for a connector.
    pub(crate) fn load(prefix: &str, offsets: &dyn OffsetReader) -> Self {
        let mut history = Self { prefix: prefix.to_owned(), is_empty: true, ..Self::default() };
        for bucket in 0..BUCKETS {
            let Some(stored) = offsets.offset(&history.partition(bucket)) else { continue };
            history.is_empty = false;
            for (name, versions) in
                stored.get("tables").and_then(Json::as_object).into_iter().flatten()
            {
                let Some((database, table)) = split(name) else { continue };
                let versions: Versions =
                    versions.as_array().into_iter().flatten().filter_map(version).collect();
                let last = versions.last().map_or(0, |(number, _)| *number);
                history.number = history.number.max(last);
                history.tables.insert(TableName::new(&database, &table), versions);
            }
        }
        history
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.is_empty
    }
    pub(crate) fn number(&self) -> u64 {
        self.number
    }
    /// The statement that comes next has the next number.
    pub(crate) fn next(&mut self) -> u64 {
        self.number += 1;
        self.number
    }

    /// The structures at a number; the last ones without. Later ones are forgotten: their statements come again.
    pub(crate) fn at(&mut self, number: Option<u64>) -> Vec<(TableName, Arc<Structure>)> {
        if let Some(number) = number {
            for versions in self.tables.values_mut() {
                versions.retain(|(of, _)| *of <= number);
            }
            self.number = number;
        }
        let last = |(table, versions): (&TableName, &Versions)| {
            Some((table.clone(), Arc::clone(versions.last()?.1.as_ref()?)))
        };
        self.tables.iter().filter_map(last).collect()
    }

    /// Forgets all: the structures that are put then are all that there are.
    pub(crate) fn reset(&mut self) {
        let numbers: Vec<u64> = self.tables.keys().map(bucket).collect();
        self.changed.extend(numbers);
        self.tables.clear();
    }

    /// A table looks like this, or is gone, by the last statement.
    pub(crate) fn put(&mut self, table: &TableName, structure: Option<Arc<Structure>>) {
        let versions = self.tables.entry(table.clone()).or_default();
        if versions.last().is_some_and(|(_, last)| *last == structure) {
            return;
        }
        if structure.is_none() && versions.is_empty() {
            self.tables.remove(table);
            return;
        }
        versions.retain(|(number, _)| *number != self.number);
        versions.push((self.number, structure));
        let more = versions.len().saturating_sub(KEPT);
        versions.drain(..more);
        self.changed.insert(bucket(table));
    }

    /// What must be stored before any offset that has passed the last statement.
    pub(crate) fn changes(&mut self) -> Vec<(SourcePartition, OffsetMap)> {
        let changed = std::mem::take(&mut self.changed);
        // Tables that were gone before the last statement are gone for good.
        let number = self.number;
        self.tables.retain(|table, versions| {
            let is_gone =
                versions.iter().all(|(of, structure)| structure.is_none() && *of < number);
            !is_gone || !changed.contains(&bucket(table))
        });
        changed.into_iter().map(|number| (self.partition(number), self.stored(number))).collect()
    }

    fn partition(&self, bucket: u64) -> SourcePartition {
        let mut map = OffsetMap::new();
        map.insert("server".to_owned(), Json::from(self.prefix.as_str()));
        map.insert(BUCKET.to_owned(), Json::from(bucket));
        SourcePartition::new(map)
    }

    fn stored(&self, number: u64) -> OffsetMap {
        let mut tables = OffsetMap::new();
        for (table, versions) in self.tables.iter().filter(|(table, _)| bucket(table) == number) {
            let versions: Vec<Json> = versions
                .iter()
                .map(|(number, structure)| {
                    let structure = structure.as_ref().map_or(Json::Null, |s| s.to_json());
                    json!([number, structure])
                })
                .collect();
            tables.insert(joined(table), Json::Array(versions));
        }
        let mut map = OffsetMap::new();
        map.insert("tables".to_owned(), Json::Object(tables));
        map
    }
}

fn version(stored: &Json) -> Option<(u64, Option<Arc<Structure>>)> {
    let number = stored.get(0)?.as_u64()?;
    let structure = match stored.get(1)? {
        Json::Null => None,
        some => Some(Arc::new(Structure::from_json(some)?)),
    };
    Some((number, structure))
}

/// Both names as JSON: whatever stands in them.
fn joined(table: &TableName) -> String {
    json!([&*table.database, &*table.table]).to_string()
}

fn split(name: &str) -> Option<(String, String)> {
    serde_json::from_str(name).ok()
}

/// FNV-1a, which is the same in every release.
fn bucket(table: &TableName) -> u64 {
    let bytes = table.database.bytes().chain([0]).chain(table.table.bytes());
    let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    hash % BUCKETS
}

#[cfg(test)]
mod tests {
    use super::super::ddl::{SqlMode, Structures};
    use super::*;

    struct Store(Vec<(SourcePartition, OffsetMap)>);

    impl OffsetReader for Store {
        fn offset(&self, partition: &SourcePartition) -> Option<OffsetMap> {
            self.0.iter().rev().find(|(known, _)| known == partition).map(|(_, map)| map.clone())
        }
    }

    fn structure(sql: &str) -> Arc<Structure> {
        let mut structures = Structures::new(None, false);
        structures.apply(&format!("CREATE TABLE t ({sql})"), "d", SqlMode::default());
        Arc::clone(structures.get(&TableName::new("d", "t")).unwrap())
    }

    #[test]
    fn structures_are_those_of_the_position() {
        let (one, two) = (structure("a int"), structure("a int, b int"));
        let (t, gone) = (TableName::new("d", "t.\"x"), TableName::new("d", "gone"));
        let mut history = History::load("p", &Store(Vec::new()));
        assert!(history.is_empty());
        let first = history.next();
        history.put(&t, Some(Arc::clone(&one)));
        history.put(&gone, Some(Arc::clone(&one)));
        let mut store = Store(history.changes());
        let second = history.next();
        history.put(&t, Some(Arc::clone(&two)));
        history.put(&gone, None);
        store.0.extend(history.changes());
        assert!(history.changes().is_empty());
        let at = |number: Option<u64>| History::load("p", &store).at(number);
        assert_eq!(at(Some(second)), [(t.clone(), Arc::clone(&two))]);
        assert_eq!(at(None), [(t.clone(), two)]);
        assert_eq!(at(Some(first)), [(gone.clone(), Arc::clone(&one)), (t.clone(), one)]);
        assert_eq!(History::load("p", &store).number(), second);
        history.next();
        history.put(&gone, Some(structure("c int")));
        history.next();
        history.put(&gone, None);
        history.next();
        history.put(&gone, None);
        store.0.extend(history.changes());
        assert_eq!(History::load("p", &store).at(None).len(), 1);
    }
}
