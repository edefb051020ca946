//! Records of several queues or tasks by their time, so that those which belong together find each
//! other, and none is late only because it was read or written later.

use gantry_log::LogRecord;

/// Of several inputs, the one whose next record is the earliest, and how many of its records come
/// before any of another one; `None` if there are no more. The order within an input stays, also
/// where its times go back.
pub(super) fn next_run(rests: &[&[(u64, LogRecord)]]) -> Option<(usize, usize)> {
    let heads = rests.iter().enumerate();
    let heads = heads.filter_map(|(at, rest)| Some((rest.first()?.1.timestamp_ms, at)));
    let (_, first) = heads.clone().min()?;
    let others = heads.filter(|(_, at)| *at != first).map(|(time, _)| time);
    let run = match others.min() {
        Some(until) => {
            let before = |(_, record): &&(u64, LogRecord)| record.timestamp_ms <= until;
            rests[first].iter().take_while(before).count()
        }
        None => rests[first].len(),
    };
    Some((first, run))
}

/// Adds what a task writes to a queue to what others write there with the same checkpoint: by time,
/// with the order of each one kept. One behind the other, all that the second task tells would seem
/// as late as the first one came far since the last checkpoint.
pub(super) fn add_by_time(all: &mut Vec<LogRecord>, more: Vec<LogRecord>) {
    if all.is_empty() {
        *all = more;
        return;
    }
    let mut merged = Vec::with_capacity(all.len() + more.len());
    let mut more = more.into_iter().peekable();
    for record in std::mem::take(all) {
        while let Some(earlier) = more.next_if(|next| next.timestamp_ms < record.timestamp_ms) {
            merged.push(earlier);
        }
        merged.push(record);
    }
    merged.extend(more);
    *all = merged;
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn whatever_goes_on_is_the_earliest(inputs in prop::collection::vec(prop::collection::vec(0..20_i64, 0..20), 0..4)) {
            let record = |time: &i64| (0, LogRecord { timestamp_ms: *time, ..LogRecord::default() });
            let inputs: Vec<Vec<_>> = inputs.iter().map(|all| all.iter().map(record).collect()).collect();
            let mut rests: Vec<&[_]> = inputs.iter().map(|all| &all[..]).collect();
            let mut taken = 0;
            while let Some((at, run)) = next_run(&rests) {
                prop_assert!(run > 0);
                for (_, record) in &rests[at][..run] {
                    let others = rests.iter().enumerate().filter(|(other, _)| *other != at);
                    let mut heads = others.filter_map(|(_, rest)| rest.first());
                    prop_assert!(heads.all(|(_, head)| record.timestamp_ms <= head.timestamp_ms));
                }
                rests[at] = &rests[at][run..];
                taken += run;
            }
            prop_assert_eq!(taken, inputs.iter().map(Vec::len).sum::<usize>());
        }

        #[test]
        fn of_what_tasks_write_the_earliest_comes_first(runs in prop::collection::vec(prop::collection::vec(0..20_i64, 0..20), 1..4)) {
            // Each record knows its run and its place there.
            let record = |run: usize, at: usize, time: i64| LogRecord {
                key: Some(vec![u8::try_from(run).unwrap(), u8::try_from(at).unwrap()].into()),
                timestamp_ms: time,
                ..LogRecord::default()
            };
            let mut all = Vec::new();
            for (run, times) in runs.iter().enumerate() {
                let more = times.iter().enumerate().map(|(at, time)| record(run, at, *time));
                add_by_time(&mut all, more.collect());
            }
            let mut taken = vec![0; runs.len()];
            for found in &all {
                let key = found.key.as_deref().unwrap();
                let (run, at) = (usize::from(key[0]), usize::from(key[1]));
                prop_assert_eq!((at, found.timestamp_ms), (taken[run], runs[run][at]));
                let heads = runs.iter().zip(&taken).filter_map(|(run, at)| run.get(*at));
                prop_assert_eq!(heads.min(), Some(&found.timestamp_ms));
                taken[run] += 1;
            }
            prop_assert_eq!(taken, runs.iter().map(Vec::len).collect::<Vec<_>>());
        }
    }
}
