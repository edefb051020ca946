//! Rates from totals: what was counted since the last look, per second.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use gantry_engine::{TaskId, TaskSnapshot};

/// Looks that follow each other faster than this get the same rates.
const INTERVAL_MIN: Duration = Duration::from_secs(1);

/// Per second.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Rate {
    pub(super) records_in: f64,
    pub(super) records_out: f64,
    pub(super) bytes: f64,
}

/// Remembers the last look.
#[derive(Debug, Default)]
pub(super) struct Rates(Mutex<Option<Look>>);

#[derive(Debug)]
struct Look {
    at: Instant,
    totals: HashMap<TaskId, TaskSnapshot>,
    rates: HashMap<TaskId, Rate>,
}

impl Rates {
    /// The rates of tasks whose totals are these now. A task seen for the first time has none.
    pub(super) fn update(
        &self,
        now: Instant,
        tasks: impl Iterator<Item = (TaskId, TaskSnapshot)>,
    ) -> HashMap<TaskId, Rate> {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(last) = &*last
            && now.duration_since(last.at) < INTERVAL_MIN
        {
            return last.rates.clone();
        }
        let totals: HashMap<TaskId, TaskSnapshot> = tasks.collect();
        let mut rates = HashMap::new();
        if let Some(last) = &*last {
            let seconds = now.duration_since(last.at).as_secs_f64();
            for (task, total) in &totals {
                if let Some(before) = last.totals.get(task) {
                    rates.insert(task.clone(), rate(before, total, seconds));
                }
            }
        }
        *last = Some(Look { at: now, totals, rates: rates.clone() });
        rates
    }
}

fn rate(before: &TaskSnapshot, now: &TaskSnapshot, seconds: f64) -> Rate {
    // A connector made anew under the same name counts from 0 again.
    let per_second = |before: u64, now: u64| now.saturating_sub(before) as f64 / seconds;
    Rate {
        records_in: per_second(before.records_in, now.records_in),
        records_out: per_second(before.records_out, now.records_out),
        bytes: per_second(before.bytes, now.bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_what_came_since_the_last_look() {
        let task = TaskId { connector: "c".to_owned(), task: 0 };
        let total = |records_in| TaskSnapshot { records_in, ..TaskSnapshot::default() };
        let rates = Rates::default();
        let start = Instant::now();
        let look = |after_ms: u64, records: u64| {
            let at = start + Duration::from_millis(after_ms);
            rates.update(at, [(task.clone(), total(records))].into_iter())
        };
        assert_eq!(look(0, 10), HashMap::new());
        assert_eq!(look(2_000, 110)[&task].records_in, 50.0);
        assert_eq!(look(2_100, 500)[&task].records_in, 50.0, "too soon for a new rate");
        assert_eq!(look(4_000, 50)[&task].records_in, 0.0, "counted from 0 again");
    }
}
