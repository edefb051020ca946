//! Where the copies of one queue's records are: stretches of offsets in which copies follow each
//! other as their originals do.

use std::ops::Range;

/// Stretches kept of a queue. Between those that are forgotten a group goes back to the end of the
/// one before them: it repeats records and misses none.
pub(crate) const STRETCHES_MAX: usize = 64;

/// The copies of `count` records that follow each other, from these offsets on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Stretch {
    pub(crate) source: u64,
    pub(crate) target: u64,
    pub(crate) count: u64,
}

impl Stretch {
    fn source_end(&self) -> u64 {
        self.source.saturating_add(self.count)
    }
    fn target_end(&self) -> u64 {
        self.target.saturating_add(self.count)
    }
}

/// All that is known of a queue's copies, in the order of their offsets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Mapping {
    stretches: Vec<Stretch>,
}

impl Mapping {
    pub(crate) fn new(stretches: Vec<Stretch>) -> Self {
        Self { stretches }
    }

    pub(crate) fn stretches(&self) -> &[Stretch] {
        &self.stretches
    }

    /// The offsets behind the last copy.
    pub(crate) fn end(&self) -> Option<(u64, u64)> {
        self.stretches.last().map(|last| (last.source_end(), last.target_end()))
    }

    /// Records were copied before. Where nothing is known of that, groups begin with the first copy
    /// there is.
    pub(crate) fn copied_before(&mut self, earliest: u64) {
        if self.stretches.is_empty() {
            self.push(Stretch { source: 0, target: earliest, count: 0 });
        }
    }

    /// Copying goes on (or begins) at `source`, and what is written next stands at `target` or
    /// behind it. `all`: each record between the last copy that is known and `source` was copied, so
    /// that they follow it, or stand further behind. True if that is news.
    pub(crate) fn go_on(&mut self, source: u64, target: u64, all: bool) -> bool {
        let before = self.stretches.clone();
        self.cut(source);
        if let Some(last) = self.stretches.last_mut().filter(|_| all) {
            let count = source - last.source;
            if target.checked_sub(last.target).is_some_and(|room| room >= count) {
                last.count = count;
            }
        }
        if self.end() != Some((source, target)) {
            self.push(Stretch { source, target, count: 0 });
        }
        self.stretches != before
    }

    /// What is copied again from `source` on counts from then on.
    fn cut(&mut self, source: u64) {
        self.stretches.retain(|stretch| stretch.source < source);
        if let Some(last) = self.stretches.last_mut() {
            last.count = last.count.min(source.saturating_sub(last.source));
        }
    }

    /// Copies of records were written: `runs` are their offsets, each with how many follow each
    /// other, and `target` where they are, of which others may have a part. True if that is news
    /// beside a stretch that became longer.
    pub(crate) fn copied(&mut self, runs: &[(u64, u64)], target: Range<u64>) -> bool {
        let count: u64 = runs.iter().map(|(_, count)| count).sum();
        // The source began anew.
        if let (Some((first, _)), Some((end, _))) = (runs.first(), self.end())
            && *first < end
        {
            self.cut(*first);
        }
        let before = self.stretches.len();
        if target.end.saturating_sub(target.start) != count {
            // Somewhere among them: before the first, and behind the last.
            if let (Some((first, _)), Some((last, run))) = (runs.first(), runs.last()) {
                self.push(Stretch { source: *first, target: target.start, count: 0 });
                self.push(Stretch { source: last + run, target: target.end, count: 0 });
            }
            return true;
        }
        let mut at = target.start;
        for (source, count) in runs.iter().copied() {
            match self.stretches.last_mut() {
                Some(last) if last.source_end() == source && last.target_end() == at => {
                    last.count += count;
                }
                _ => self.push(Stretch { source, target: at, count }),
            }
            at += count;
        }
        self.stretches.len() != before
    }

    fn push(&mut self, stretch: Stretch) {
        match self.stretches.last_mut() {
            // Nothing of it says more than the new one.
            Some(last) if last.source == stretch.source && last.count == 0 => *last = stretch,
            _ => self.stretches.push(stretch),
        }
        if self.stretches.len() > STRETCHES_MAX {
            // The first stays: who stands before it begins there. Of older ones every other goes.
            let mut at = 0;
            self.stretches.retain(|_| {
                at += 1;
                at == 1 || at > STRETCHES_MAX / 2 || at % 2 == 1
            });
        }
    }

    /// Where a group goes on that would go on at `source`; `None` while nothing was copied. No copy
    /// of a record that it has not had is in front of it.
    pub(crate) fn translate(&self, source: u64) -> Option<u64> {
        let behind = self.stretches.partition_point(|stretch| stretch.source <= source);
        let Some(stretch) = behind.checked_sub(1).and_then(|at| self.stretches.get(at)) else {
            return self.stretches.first().map(|first| first.target);
        };
        Some(stretch.target + (source - stretch.source).min(stretch.count))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_stretch_says_all_while_offsets_go_on_alike() {
        let mut mapping = Mapping::default();
        assert_eq!(mapping.translate(5), None);
        assert!(mapping.go_on(100, 0, true));
        assert!(!mapping.copied(&[(100, 10)], 0..10));
        assert!(!mapping.copied(&[(110, 5), (115, 1)], 10..16));
        assert_eq!(mapping.stretches().len(), 1);
        for (source, target) in [(50, 0), (100, 0), (107, 7), (116, 16), (500, 16)] {
            assert_eq!(mapping.translate(source), Some(target), "{source}");
        }
    }

    #[test]
    fn copies_that_nobody_knows_of_are_in_front() {
        let mut mapping = Mapping::default();
        mapping.copied_before(3);
        assert!(mapping.go_on(50, 60, false));
        assert_eq!([0, 49, 50].map(|at| mapping.translate(at).unwrap()), [3, 3, 60]);
        mapping.copied_before(9);
        assert_eq!(mapping.translate(49), Some(3));
    }

    #[test]
    fn gaps_and_records_of_others_begin_stretches() {
        let mut mapping = Mapping::default();
        mapping.go_on(0, 0, true);
        assert!(mapping.copied(&[(0, 2), (5, 2)], 0..4), "2 to 4 are not there");
        assert_eq!([1, 2, 4, 5, 6, 7].map(|at| mapping.translate(at).unwrap()), [1, 2, 2, 2, 3, 4]);
        assert!(mapping.copied(&[(7, 3)], 10..13), "others wrote 4 to 9");
        assert_eq!([7, 8, 10].map(|at| mapping.translate(at).unwrap()), [10, 11, 13]);
        // Others wrote among them: in front of all, or behind all.
        assert!(mapping.copied(&[(10, 4)], 13..20));
        assert_eq!([10, 12, 13, 14].map(|at| mapping.translate(at).unwrap()), [13, 13, 13, 20]);
    }

    #[test]
    fn what_is_copied_again_counts_anew() {
        let mut mapping = Mapping::default();
        mapping.go_on(0, 0, true);
        mapping.copied(&[(0, 100)], 0..100);
        // Killed: 90 was committed, and 110 records are there.
        assert!(mapping.go_on(90, 110, true));
        mapping.copied(&[(90, 30)], 110..140);
        assert_eq!([80, 90, 95, 120].map(|at| mapping.translate(at).unwrap()), [80, 110, 115, 140]);
        // From the beginning.
        assert!(mapping.go_on(0, 140, true));
        assert_eq!(mapping.translate(95), Some(140));
        // The source was made anew while it was copied.
        mapping.copied(&[(0, 50)], 140..190);
        mapping.copied(&[(0, 5)], 190..195);
        assert_eq!([0, 3, 40].map(|at| mapping.translate(at).unwrap()), [190, 193, 195]);
    }

    #[test]
    fn copies_that_nobody_noted_follow_the_last_that_is_known() {
        let mut mapping = Mapping::default();
        mapping.go_on(1000, 0, true);
        mapping.copied(&[(1000, 10)], 0..10);
        // Of 60 that were written, 50 were committed.
        assert!(mapping.go_on(1050, 60, true));
        assert_eq!([1030, 1050].map(|at| mapping.translate(at).unwrap()), [30, 60]);
        // Where some may have been left out, nothing is said of those between.
        assert!(mapping.go_on(1090, 100, false));
        assert_eq!([1070, 1090].map(|at| mapping.translate(at).unwrap()), [60, 100]);
        // Nor where there is less than all of them.
        assert!(mapping.go_on(1190, 150, true));
        assert_eq!([1150, 1190].map(|at| mapping.translate(at).unwrap()), [100, 150]);
    }

    #[test]
    fn the_first_stretch_is_never_forgotten_and_no_record_missed() {
        let mut mapping = Mapping::default();
        mapping.go_on(10, 0, false);
        let mut copies = Vec::new();
        let (mut source, mut target) = (10_u64, 0_u64);
        for turn in 0..1_000_u64 {
            source += turn % 3;
            copies.push((source, target));
            mapping.copied(&[(source, 1)], target..target + 1);
            source += 1;
            target += 1 + turn % 2;
        }
        assert!(mapping.stretches().len() <= STRETCHES_MAX);
        for group in 0..source + 5 {
            let at = mapping.translate(group).unwrap();
            let missed = copies.iter().find(|(source, target)| *source >= group && *target < at);
            assert_eq!(missed, None, "a group at {group} goes on at {at}");
        }
    }
}
