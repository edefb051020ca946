//! One queue that a task copies.

use std::collections::VecDeque;
use std::ops::Range;

use gantry_api::{Placed, SourcePartition};
use gantry_log::{Str, TopicPartition};

use crate::mapping::Mapping;

/// A queue of the source, and where its copies are.
#[derive(Debug)]
pub(super) struct Queue {
    pub(super) source: TopicPartition,
    pub(super) target: TopicPartition,
    pub(super) partition: SourcePartition,
    /// The last offset copied that was committed before this task began.
    pub(super) committed: Option<u64>,
    /// Where to read on; `None`: not yet known.
    pub(super) next: Option<u64>,
    /// Behind the last record that was given to the runtime, or left out.
    pub(super) given: u64,
    /// The end of the queue when it was last read.
    pub(super) end: u64,
    pub(super) mapping: Mapping,
    /// Where the queue is, where its number may come to mean another.
    pub(super) place: Option<Str>,
    /// Whether the mapping has not been written down as it is.
    pub(super) is_unsaid: bool,
}

/// Records of one poll that are on their way into the log.
#[derive(Debug, Default)]
pub(super) struct Polled {
    pub(super) count: u64,
    /// By queue: the offsets of its records, each with how many follow each other.
    pub(super) runs: Vec<(usize, Vec<(u64, u64)>)>,
}

impl Polled {
    /// A record of a queue, behind those that were added before.
    pub(super) fn add(&mut self, queue: usize, offset: u64) {
        self.count += 1;
        if self.runs.last().is_none_or(|(last, _)| *last != queue) {
            self.runs.push((queue, Vec::new()));
        }
        let Some((_, runs)) = self.runs.last_mut() else { return };
        match runs.last_mut() {
            Some((first, count)) if *first + *count == offset => *count += 1,
            _ => runs.push((offset, 1)),
        }
    }
}

/// Matches what was polled with where it was put.
#[derive(Debug, Default)]
pub(super) struct InFlight {
    polls: VecDeque<Polled>,
    /// Records of the first that are told already.
    told: u64,
}

impl InFlight {
    pub(super) fn push(&mut self, polled: Polled) {
        if polled.count > 0 {
            self.polls.push_back(polled);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.polls.is_empty()
    }

    /// Notes in the mappings where the records of a write are. One that does not hold just one poll,
    /// or of which records were dropped or sent elsewhere, says nothing: the next that does begins a
    /// stretch of its own.
    pub(super) fn placed(&mut self, write: &Placed, queues: &mut [Queue]) {
        let whole = self.told == 0 && self.polls.front().is_some_and(|p| p.count == write.polled);
        if whole && let Some(polled) = self.polls.pop_front() {
            for (at, runs) in polled.runs {
                let Some(queue) = queues.get_mut(at) else { continue };
                let mut there = write.queues.iter().filter(|(to, ..)| *to == queue.target);
                if let (Some((_, count, range)), None) = (there.next(), there.next()) {
                    queue.copied(&runs, *count, range.clone());
                }
            }
            return;
        }
        let mut left = self.told + write.polled;
        while let Some(first) = self.polls.front()
            && first.count <= left
        {
            left -= first.count;
            self.polls.pop_front();
        }
        self.told = left;
    }
}

impl Queue {
    fn copied(&mut self, runs: &[(u64, u64)], written: u64, range: Range<u64>) {
        let polled: u64 = runs.iter().map(|(_, count)| count).sum();
        // Fewer in a range of just so many: some were dropped, and records of others stand there.
        if polled == written || range.end.saturating_sub(range.start) != polled {
            self.mapping.copied(runs, range);
            self.is_unsaid = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queue(number: u32) -> Queue {
        let source = TopicPartition::new("t", number);
        Queue {
            target: TopicPartition::new("a.t", number),
            partition: crate::offsets::of_queue("a", &source),
            source,
            committed: None,
            next: Some(0),
            given: 0,
            end: 0,
            mapping: Mapping::default(),
            place: None,
            is_unsaid: false,
        }
    }

    fn polled(records: &[(usize, u64)]) -> Polled {
        let mut polled = Polled::default();
        records.iter().for_each(|(queue, offset)| polled.add(*queue, *offset));
        polled
    }

    fn write(polled: u64, places: &[(u32, u64, Range<u64>)]) -> Placed {
        let place = |(queue, count, range): &(u32, u64, Range<u64>)| {
            (TopicPartition::new("a.t", *queue), *count, range.clone())
        };
        Placed { polled, queues: places.iter().map(place).collect() }
    }

    #[test]
    fn writes_are_matched_with_polls() {
        let mut queues = [queue(0), queue(1)];
        let mut flight = InFlight::default();
        flight.push(polled(&[(0, 5), (0, 6), (1, 9)]));
        flight.push(polled(&[]));
        flight.push(polled(&[(1, 10), (1, 11)]));
        flight.placed(&write(3, &[(0, 2, 0..2), (1, 1, 7..8)]), &mut queues);
        flight.placed(&write(2, &[(1, 2, 8..10)]), &mut queues);
        assert!(flight.is_empty());
        assert_eq!([5, 6, 7].map(|at| queues[0].mapping.translate(at).unwrap()), [0, 1, 2]);
        assert_eq!([9, 11, 12].map(|at| queues[1].mapping.translate(at).unwrap()), [7, 9, 10]);
        assert_eq!(queues[1].mapping.stretches().len(), 1);
    }

    #[test]
    fn what_was_dropped_or_split_is_not_relied_on() {
        let mut queues = [queue(0)];
        let mut flight = InFlight::default();
        // Two of three were dropped.
        flight.push(polled(&[(0, 0), (0, 1), (0, 2)]));
        flight.placed(&write(3, &[(0, 1, 0..1)]), &mut queues);
        assert_eq!([0, 1, 2, 3].map(|at| queues[0].mapping.translate(at).unwrap()), [0, 0, 0, 1]);
        // All were.
        flight.push(polled(&[(0, 3)]));
        flight.placed(&write(1, &[]), &mut queues);
        // In two writes.
        flight.push(polled(&[(0, 4), (0, 5)]));
        flight.placed(&write(1, &[(0, 1, 1..2)]), &mut queues);
        flight.placed(&write(1, &[(0, 1, 2..3)]), &mut queues);
        assert!(flight.is_empty());
        assert_eq!(queues[0].mapping.translate(6), Some(1));
        flight.push(polled(&[(0, 6)]));
        flight.placed(&write(1, &[(0, 1, 3..4)]), &mut queues);
        assert_eq!(queues[0].mapping.translate(7), Some(4));
    }
}
