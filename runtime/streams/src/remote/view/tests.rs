//! A view of a database that is a map.

use gantry_cluster::Epoch;
use proptest::prelude::*;

use super::*;
use crate::remote::trial::{run, steps};
use crate::remote::{Checkpoint, Found, Remote, Task};
use crate::store::prefix;

/// What the tables have of one task, and what the statements do with them.
#[derive(Default)]
struct Table {
    by: Epoch,
    rows: BTreeMap<Vec<u8>, Stored>,
    number: u64,
    forgotten: u64,
}

#[derive(Clone, Debug)]
struct Stored {
    value: Option<Vec<u8>>,
    number: u64,
    former: Option<(Option<Vec<u8>>, u64)>,
}

#[derive(Default)]
struct Fake(Mutex<Table>);

impl Fake {
    fn table(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap()
    }
}

/// Of one task, whichever that is.
struct FakeRemote(Arc<Fake>);

impl Remote for FakeRemote {
    fn begin(&self, _: Task, by: Epoch, logged: u64) -> Result<Found, StreamsError> {
        let mut table = self.0.table();
        assert!((logged..=logged + 1).contains(&table.number));
        let rows = std::mem::take(&mut table.rows).into_iter();
        let rows = rows.filter_map(|(key, row)| match row.former.clone() {
            _ if row.number <= logged => Some((key, row)),
            Some((value, number)) => Some((key, Stored { value, number, former: row.former })),
            None => None,
        });
        table.rows = rows.collect();
        (table.number, table.by) = (logged, by);
        Ok(Found::State { forgotten: table.forgotten })
    }

    fn write(&self, checkpoints: Vec<Checkpoint>) -> Result<Vec<Task>, StreamsError> {
        let mut table = self.0.table();
        let mut lost = Vec::new();
        for Checkpoint { task, by, number, changes, forget } in checkpoints {
            if table.by > by {
                lost.push(task);
                continue;
            }
            assert_eq!(table.number + 1, number);
            for (store, record) in changes
                .into_iter()
                .flat_map(|(store, records)| records.into_iter().map(move |record| (store, record)))
            {
                let key = [&prefix(store, task.1)[..], &record.key.unwrap()].concat();
                let value = record.value.map(|value| value.to_vec());
                let former = match table.rows.get(&key) {
                    Some(known) if known.number < number => {
                        Some((known.value.clone(), known.number))
                    }
                    Some(known) => known.former.clone(),
                    None => None,
                };
                table.rows.insert(key, Stored { value, number, former });
            }
            (table.number, table.forgotten) = (number, table.forgotten.max(forget));
            let forgotten = table.forgotten;
            table.rows.retain(|_, row| row.value.is_some() || row.number > forgotten);
        }
        Ok(lost)
    }

    fn rows(&self, _: Task) -> Arc<dyn Rows> {
        Arc::<Fake>::clone(&self.0)
    }

    fn place(&self) -> String {
        "a test".to_owned()
    }
}

impl Rows for Fake {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StreamsError> {
        Ok(self.table().rows.get(key).and_then(|row| row.value.clone()))
    }

    fn page(&self, from: &[u8], to: &[u8], most: usize) -> Result<Vec<Row>, StreamsError> {
        let table = self.table();
        let rows = table.rows.range(from.to_vec()..to.to_vec());
        let rows = rows.filter(|(_, row)| row.value.is_some());
        Ok(rows.take(most).map(|(key, row)| (key.clone(), row.value.clone(), row.number)).collect())
    }

    fn changed(&self, behind: &Row, upto: u64, most: usize) -> Result<Vec<Row>, StreamsError> {
        let (key, value, number) = behind;
        let table = self.table();
        let mut rows: Vec<Row> = table
            .rows
            .iter()
            .filter(|(_, row)| row.value.is_none() == value.is_none() && row.number <= upto)
            .filter(|(at, row)| (row.number, *at) > (*number, key))
            .map(|(key, row)| (key.clone(), row.value.clone(), row.number))
            .collect();
        rows.sort_by(|a, b| (a.2, &a.0).cmp(&(b.2, &b.0)));
        rows.truncate(most);
        Ok(rows)
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn state_is_the_same_however_much_of_it_is_loaded(steps in steps()) {
        run(Arc::new(FakeRemote(Arc::default())), 1, steps)?;
    }
}
