//! Which input of a task goes on: records of several topics are taken by their time, so that those
//! which belong together find each other, and none is late only because it was read later.

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
    }
}
