//! What the log knows besides records: topics and the offsets that groups committed.
//!
//! The catalog changes only by [`Change`]s, each written as a frame of the same log; every
//! segment begins with a snapshot of all of it, so that any older segment can go.

use std::collections::BTreeMap;
use std::ops::Range;

use super::wire::{Malformed, Reader, put_bytes, put_varint};
use crate::api::{Cleanup, LogError, TopicInfo, TopicSpec};
use crate::{Str, TopicPartition};

/// A topic: its queues have numbers that are never used again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Topic {
    pub(crate) spec: TopicSpec,
    /// The numbers of its queues, in order: those it was made with, then those added.
    numbers: Vec<Range<u32>>,
}

impl Topic {
    /// The numbers of its queues.
    pub(crate) fn queues(&self) -> impl Iterator<Item = u32> + Clone + '_ {
        self.numbers.iter().flat_map(Range::clone)
    }

    /// Whether one of its queues has that number.
    pub(crate) fn has(&self, number: u32) -> bool {
        self.partition(number).is_some()
    }

    /// The number of one of its queues.
    fn number(&self, partition: u32) -> Option<u32> {
        let mut at = partition;
        for numbers in &self.numbers {
            if at < numbers.end - numbers.start {
                return Some(numbers.start + at);
            }
            at -= numbers.end - numbers.start;
        }
        None
    }

    /// Which of its queues has that number.
    fn partition(&self, number: u32) -> Option<u32> {
        let mut before = 0;
        for numbers in &self.numbers {
            if numbers.contains(&number) {
                return Some(before + number - numbers.start);
            }
            before += numbers.end - numbers.start;
        }
        None
    }
}

/// A change of the catalog.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// A topic came. Its queues begin at the offsets of the list, those behind its end at 0.
    Create { name: Str, first_queue: u32, spec: TopicSpec, first_offsets: Vec<u64> },
    /// A topic got so many queues more, which begin alike.
    Grow { name: Str, first_queue: u32, more: u32, first_offsets: Vec<u64> },
    /// A topic went, with its records and the offsets committed for it.
    Delete { name: Str },
    /// A group committed (or removed) offsets, by queue number.
    Commit { group: Str, offsets: Vec<(u32, Option<u64>)> },
    /// A group went, with all that it committed.
    DeleteGroup { group: Str },
}

/// Topics and committed offsets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Catalog {
    pub(crate) topics: BTreeMap<Str, Topic>,
    /// Topic by the number of its first queue.
    by_queue: BTreeMap<u32, Str>,
    groups: BTreeMap<Str, BTreeMap<u32, u64>>,
    next_queue: u32,
}

impl Catalog {
    pub(crate) fn info(topic: &Topic) -> TopicInfo {
        TopicInfo { spec: topic.spec }
    }

    /// The number of that queue.
    pub(crate) fn queue(&self, name: &TopicPartition) -> Result<u32, LogError> {
        let topic = self.topics.get(&name.topic);
        let found = topic.and_then(|topic| topic.number(name.partition));
        found.ok_or_else(|| LogError::Unknown(name.clone()))
    }

    /// The topic that has the queue of that number, and which of its queues it is.
    pub(crate) fn topic_of(&self, queue: u32) -> Option<(&Str, &Topic, u32)> {
        let (_, name) = self.by_queue.range(..=queue).next_back()?;
        let topic = self.topics.get(name)?;
        Some((name, topic, topic.partition(queue)?))
    }

    pub(crate) fn name_of(&self, queue: u32) -> Option<TopicPartition> {
        let (name, _, partition) = self.topic_of(queue)?;
        Some(TopicPartition::new(Str::clone(name), partition))
    }

    /// The change that creates this topic, unless it exists or no queue numbers are left.
    pub(crate) fn create(
        &self,
        name: &Str,
        spec: TopicSpec,
        first_offsets: &[u64],
    ) -> Result<Change, LogError> {
        if self.topics.contains_key(name) {
            return Err(LogError::TopicExists(Str::clone(name)));
        }
        let first_queue = self.numbers_for(name, spec.queues)?;
        // Compaction leaves records from offset 0 on.
        let chosen = if spec.cleanup == Cleanup::Compact { &[] } else { first_offsets };
        let first_offsets = chosen.iter().copied().take(spec.queues as usize).collect();
        Ok(Change::Create { name: Str::clone(name), first_queue, spec, first_offsets })
    }

    /// The change that gives this topic more queues; `None` if it has so many.
    pub(crate) fn grow(
        &self,
        name: &Str,
        queues: u32,
        first_offsets: &[u64],
    ) -> Result<Option<Change>, LogError> {
        let topic = self.topics.get(name);
        let topic =
            topic.ok_or_else(|| LogError::Unknown(TopicPartition::new(Str::clone(name), 0)))?;
        let before = topic.spec.queues;
        let Some(more) = queues.checked_sub(before).filter(|more| *more > 0) else {
            return Ok(None);
        };
        let first_queue = self.numbers_for(name, more)?;
        let chosen = if topic.spec.cleanup == Cleanup::Compact { &[] } else { first_offsets };
        let new = chosen.iter().copied().skip(before as usize);
        let first_offsets = new.take(more as usize).collect();
        Ok(Some(Change::Grow { name: Str::clone(name), first_queue, more, first_offsets }))
    }

    /// The first of so many queue numbers that nobody has had.
    fn numbers_for(&self, name: &Str, queues: u32) -> Result<u32, LogError> {
        let last = self.next_queue.checked_add(queues);
        if last.is_none_or(|last| last == super::frame::CATALOG_QUEUE) {
            let reason = "this log has no queue numbers left".to_owned();
            return Err(LogError::InvalidTopic { topic: Str::clone(name), reason });
        }
        Ok(self.next_queue)
    }

    /// The change that deletes this topic, unless there is none.
    pub(crate) fn delete(&self, name: &Str) -> Result<Change, LogError> {
        if self.topics.contains_key(name) {
            return Ok(Change::Delete { name: Str::clone(name) });
        }
        Err(LogError::Unknown(TopicPartition::new(Str::clone(name), 0)))
    }

    /// The change that commits these offsets, unless a queue is unknown.
    pub(crate) fn commit(
        &self,
        group: &Str,
        offsets: &BTreeMap<TopicPartition, Option<u64>>,
    ) -> Result<Change, LogError> {
        let by_number = offsets.iter().map(|(name, offset)| Ok((self.queue(name)?, *offset)));
        let offsets = by_number.collect::<Result<Vec<_>, LogError>>()?;
        Ok(Change::Commit { group: Str::clone(group), offsets })
    }

    pub(crate) fn apply(&mut self, change: &Change) {
        match change {
            Change::Create { name, first_queue, spec, .. } => {
                let end = first_queue.saturating_add(spec.queues);
                let topic =
                    Topic { spec: *spec, numbers: std::iter::once(*first_queue..end).collect() };
                self.next_queue = self.next_queue.max(end);
                self.by_queue.insert(*first_queue, Str::clone(name));
                self.topics.insert(Str::clone(name), topic);
            }
            Change::Grow { name, first_queue, more, .. } => {
                let Some(topic) = self.topics.get_mut(name) else { return };
                let end = first_queue.saturating_add(*more);
                topic.spec.queues = topic.spec.queues.saturating_add(*more);
                topic.numbers.push(*first_queue..end);
                self.next_queue = self.next_queue.max(end);
                self.by_queue.insert(*first_queue, Str::clone(name));
            }
            Change::Delete { name } => {
                let Some(topic) = self.topics.remove(name) else { return };
                for numbers in &topic.numbers {
                    self.by_queue.remove(&numbers.start);
                }
                for offsets in self.groups.values_mut() {
                    offsets.retain(|queue, _| !topic.has(*queue));
                }
                self.groups.retain(|_, offsets| !offsets.is_empty());
            }
            Change::Commit { group, offsets } => {
                let committed = self.groups.entry(Str::clone(group)).or_default();
                for (queue, offset) in offsets {
                    match offset {
                        Some(offset) => committed.insert(*queue, *offset),
                        None => committed.remove(queue),
                    };
                }
                if committed.is_empty() {
                    self.groups.remove(group);
                }
            }
            Change::DeleteGroup { group } => {
                self.groups.remove(group);
            }
        }
    }

    pub(crate) fn committed(
        &self,
        group: &str,
        of: &[TopicPartition],
    ) -> BTreeMap<TopicPartition, u64> {
        let Some(offsets) = self.groups.get(group) else { return BTreeMap::new() };
        let one = |name: &TopicPartition| {
            let queue = self.queue(name).ok()?;
            Some((name.clone(), *offsets.get(&queue)?))
        };
        of.iter().filter_map(one).collect()
    }

    pub(crate) fn groups(&self) -> BTreeMap<Str, BTreeMap<TopicPartition, u64>> {
        let named = |offsets: &BTreeMap<u32, u64>| {
            offsets.iter().filter_map(|(q, offset)| Some((self.name_of(*q)?, *offset))).collect()
        };
        self.groups.iter().map(|(group, offsets)| (Str::clone(group), named(offsets))).collect()
    }

    /// Appends all of the catalog, and the next offset of each queue as `next_of` tells it.
    pub(crate) fn encode(&self, out: &mut Vec<u8>, next_of: impl Fn(u32) -> u64) {
        put_varint(out, u64::from(self.next_queue));
        put_varint(out, self.topics.len() as u64);
        for (name, topic) in &self.topics {
            put_bytes(out, name.as_bytes());
            put_topic(out, topic);
            for queue in topic.queues() {
                put_varint(out, next_of(queue));
            }
        }
        put_varint(out, self.groups.len() as u64);
        for (group, offsets) in &self.groups {
            put_bytes(out, group.as_bytes());
            put_varint(out, offsets.len() as u64);
            for (queue, offset) in offsets {
                put_varint(out, u64::from(*queue));
                put_varint(out, *offset);
            }
        }
    }

    /// Reads what [`Catalog::encode`] wrote; `next` gets each queue's next offset.
    pub(crate) fn decode(bytes: &[u8], mut next: impl FnMut(u32, u64)) -> Result<Self, Malformed> {
        let mut reader = Reader::new(bytes);
        let mut catalog = Self { next_queue: queue_number(&mut reader)?, ..Self::default() };
        for _ in 0..reader.count(4)? {
            let name = Str::from(reader.str()?);
            let topic = topic(&mut reader)?;
            for queue in topic.queues() {
                next(queue, reader.varint()?);
            }
            for numbers in &topic.numbers {
                catalog.by_queue.insert(numbers.start, Str::clone(&name));
            }
            catalog.topics.insert(name, topic);
        }
        for _ in 0..reader.count(2)? {
            let group = Str::from(reader.str()?);
            let mut offsets = BTreeMap::new();
            for _ in 0..reader.count(2)? {
                offsets.insert(queue_number(&mut reader)?, reader.varint()?);
            }
            catalog.groups.insert(group, offsets);
        }
        end(&reader)?;
        Ok(catalog)
    }
}

fn end(reader: &Reader<'_>) -> Result<(), Malformed> {
    if reader.remaining() == 0 { Ok(()) } else { Err(Malformed("bytes follow the end")) }
}

fn queue_number(reader: &mut Reader<'_>) -> Result<u32, Malformed> {
    u32::try_from(reader.varint()?).map_err(|_| Malformed("a queue number is too large"))
}

/// Zero is none, others are one more than the value.
fn put_option(out: &mut Vec<u8>, value: Option<u64>) {
    // The largest value stands for itself minus one: a limit of 2^64-1 is no limit either way.
    put_varint(out, value.map_or(0, |value| value.saturating_add(1)));
}

fn option(reader: &mut Reader<'_>) -> Result<Option<u64>, Malformed> {
    Ok(reader.varint()?.checked_sub(1))
}

/// A topic that never got queues is as it was written before there were others.
fn put_topic(out: &mut Vec<u8>, topic: &Topic) {
    let (first, added) = match topic.numbers.split_first() {
        Some((first, added)) => (first.start, added),
        None => (0, Default::default()),
    };
    put_varint(out, u64::from(first));
    put_kind(out, &topic.spec, if added.is_empty() { 0 } else { GREW });
    if !added.is_empty() {
        put_varint(out, added.len() as u64);
        for numbers in added {
            put_varint(out, u64::from(numbers.start));
            put_varint(out, u64::from(numbers.end - numbers.start));
        }
    }
}

fn topic(reader: &mut Reader<'_>) -> Result<Topic, Malformed> {
    let first = queue_number(reader)?;
    let (spec, kind) = spec_of_kind(reader)?;
    let mut added = Vec::new();
    let mut first_queues = spec.queues;
    if kind & GREW != 0 {
        for _ in 0..reader.count(2)? {
            let start = queue_number(reader)?;
            let queues = queue_number(reader)?;
            let end = start.checked_add(queues).ok_or(Malformed("a queue number is too large"))?;
            added.push(start..end);
            let left = first_queues.checked_sub(queues);
            first_queues = left.ok_or(Malformed("a topic has too many queues"))?;
        }
    }
    let end = first.checked_add(first_queues).ok_or(Malformed("a queue number is too large"))?;
    let mut numbers: Vec<Range<u32>> = std::iter::once(first..end).collect();
    numbers.append(&mut added);
    Ok(Topic { spec, numbers })
}

/// Of the byte that tells the cleanup policy: records are compacted …
const COMPACT: u8 = 1;
/// … and the topic got queues later, whose numbers follow.
const GREW: u8 = 2;

fn put_spec(out: &mut Vec<u8>, spec: &TopicSpec) {
    put_kind(out, spec, 0);
}

fn put_kind(out: &mut Vec<u8>, spec: &TopicSpec, kind: u8) {
    put_varint(out, u64::from(spec.queues));
    match spec.cleanup {
        Cleanup::Delete { retention_ms, retention_bytes } => {
            out.push(kind);
            put_option(out, retention_ms);
            put_option(out, retention_bytes);
        }
        Cleanup::Compact => out.push(kind | COMPACT),
    }
}

fn spec(reader: &mut Reader<'_>) -> Result<TopicSpec, Malformed> {
    match spec_of_kind(reader)? {
        (spec, 0 | COMPACT) => Ok(spec),
        _ => Err(Malformed("a topic has an unknown cleanup policy")),
    }
}

fn spec_of_kind(reader: &mut Reader<'_>) -> Result<(TopicSpec, u8), Malformed> {
    let queues = queue_number(reader)?;
    if queues > crate::TOPIC_QUEUES_MAX {
        return Err(Malformed("a topic has too many queues"));
    }
    let kind = reader.u8()?;
    if kind & !(COMPACT | GREW) != 0 {
        return Err(Malformed("a topic has an unknown cleanup policy"));
    }
    let cleanup = match kind & COMPACT {
        0 => {
            let retention_ms = option(reader)?;
            Cleanup::Delete { retention_ms, retention_bytes: option(reader)? }
        }
        _ => Cleanup::Compact,
    };
    Ok((TopicSpec { queues, cleanup }, kind))
}

fn put_offsets(out: &mut Vec<u8>, offsets: &[u64]) {
    put_varint(out, offsets.len() as u64);
    offsets.iter().for_each(|offset| put_varint(out, *offset));
}

fn offsets(reader: &mut Reader<'_>) -> Result<Vec<u64>, Malformed> {
    (0..reader.count(1)?).map(|_| reader.varint()).collect()
}

impl Change {
    /// The queues that it makes: their numbers, and where they begin.
    pub(crate) fn new_queues(&self) -> impl Iterator<Item = (u32, u64)> + '_ {
        let (first_queue, count, first_offsets) = match self {
            Self::Create { first_queue, spec, first_offsets, .. } => {
                (*first_queue, spec.queues, first_offsets.as_slice())
            }
            Self::Grow { first_queue, more, first_offsets, .. } => {
                (*first_queue, *more, first_offsets.as_slice())
            }
            _ => (0, 0, Default::default()),
        };
        let numbers = first_queue..first_queue.saturating_add(count);
        let given = first_offsets.iter().copied().chain(std::iter::repeat(0));
        numbers.zip(given)
    }

    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Create { name, first_queue, spec, first_offsets } => {
                let is_plain = first_offsets.is_empty();
                out.push(if is_plain { 1 } else { 5 });
                put_bytes(out, name.as_bytes());
                put_varint(out, u64::from(*first_queue));
                put_spec(out, spec);
                if !is_plain {
                    put_offsets(out, first_offsets);
                }
            }
            Self::Grow { name, first_queue, more, first_offsets } => {
                out.push(6);
                put_bytes(out, name.as_bytes());
                put_varint(out, u64::from(*first_queue));
                put_varint(out, u64::from(*more));
                put_offsets(out, first_offsets);
            }
            Self::Delete { name } => {
                out.push(2);
                put_bytes(out, name.as_bytes());
            }
            Self::Commit { group, offsets } => {
                out.push(3);
                put_bytes(out, group.as_bytes());
                put_varint(out, offsets.len() as u64);
                for (queue, offset) in offsets {
                    put_varint(out, u64::from(*queue));
                    out.push(u8::from(offset.is_some()));
                    if let Some(offset) = offset {
                        put_varint(out, *offset);
                    }
                }
            }
            Self::DeleteGroup { group } => {
                out.push(4);
                put_bytes(out, group.as_bytes());
            }
        }
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(bytes);
        let kind = reader.u8()?;
        let name = Str::from(reader.str()?);
        let change = match kind {
            1 | 5 => {
                let first_queue = queue_number(&mut reader)?;
                let spec = spec(&mut reader)?;
                let first_offsets = if kind == 5 { offsets(&mut reader)? } else { Vec::new() };
                Self::Create { name, first_queue, spec, first_offsets }
            }
            6 => {
                let first_queue = queue_number(&mut reader)?;
                let more = queue_number(&mut reader)?;
                if more > crate::TOPIC_QUEUES_MAX {
                    return Err(Malformed("a topic has too many queues"));
                }
                let first_offsets = offsets(&mut reader)?;
                Self::Grow { name, first_queue, more, first_offsets }
            }
            2 => Self::Delete { name },
            3 => {
                let mut offsets = Vec::new();
                for _ in 0..reader.count(2)? {
                    let queue = queue_number(&mut reader)?;
                    let offset = if reader.u8()? != 0 { Some(reader.varint()?) } else { None };
                    offsets.push((queue, offset));
                }
                Self::Commit { group: name, offsets }
            }
            4 => Self::DeleteGroup { group: name },
            _ => return Err(Malformed("a change of the catalog is of an unknown kind")),
        };
        end(&reader)?;
        Ok(change)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn catalog() -> Catalog {
        let mut catalog = Catalog::default();
        let specs = [
            ("a", TopicSpec::with_queues(3)),
            ("b", TopicSpec::compacted()),
            (
                "c",
                TopicSpec {
                    queues: 2,
                    cleanup: Cleanup::Delete { retention_ms: Some(0), retention_bytes: Some(7) },
                },
            ),
        ];
        for (name, spec) in specs {
            let change = catalog.create(&name.into(), spec, &[]).unwrap();
            catalog.apply(&change);
        }
        let offsets = [("a", 2, Some(5)), ("b", 0, Some(u64::MAX)), ("c", 1, Some(0))];
        let named = offsets.map(|(topic, queue, at)| (TopicPartition::new(topic, queue), at));
        let change = catalog.commit(&"g".into(), &BTreeMap::from(named)).unwrap();
        catalog.apply(&change);
        catalog
    }

    #[test]
    fn a_snapshot_restores_catalog_and_offsets() {
        let before = catalog();
        let mut bytes = Vec::new();
        before.encode(&mut bytes, |queue| u64::from(queue) * 10);
        let mut next: BTreeMap<u32, u64> = BTreeMap::new();
        let after = Catalog::decode(&bytes, |queue, at| next.extend([(queue, at)])).unwrap();
        assert_eq!(before, after);
        assert_eq!(next, (0..6).map(|queue| (queue, u64::from(queue) * 10)).collect());
        for cut in 0..bytes.len() {
            assert!(Catalog::decode(&bytes[..cut], |_, _| ()).is_err(), "cut at {cut}");
        }
    }

    #[test]
    fn changes_survive_encoding() {
        let changes = [
            Change::Create {
                name: "t".into(),
                first_queue: 9,
                spec: TopicSpec::with_queues(300),
                first_offsets: Vec::new(),
            },
            Change::Create {
                name: "t".into(),
                first_queue: 9,
                spec: TopicSpec::with_queues(2),
                first_offsets: vec![0, 1 << 40],
            },
            Change::Grow { name: "t".into(), first_queue: 400, more: 2, first_offsets: vec![7] },
            Change::Delete { name: "t".into() },
            Change::Commit { group: "g".into(), offsets: vec![(1, None), (2, Some(1 << 40))] },
            Change::DeleteGroup { group: "g".into() },
        ];
        for change in changes {
            let mut bytes = Vec::new();
            change.encode(&mut bytes);
            assert_eq!(Change::decode(&bytes), Ok(change));
            assert!(Change::decode(&bytes[..bytes.len() - 1]).is_err());
        }
    }

    #[test]
    fn queues_that_were_added_stand_behind_the_others() {
        let mut catalog = catalog();
        let change = catalog.grow(&"a".into(), 5, &[1, 2, 3, 40, 50, 60]).unwrap().unwrap();
        assert!(
            matches!(&change, Change::Grow { first_offsets, .. } if *first_offsets == [40, 50])
        );
        catalog.apply(&change);
        assert_eq!(catalog.grow(&"a".into(), 5, &[]).unwrap(), None, "it has five");
        for (partition, number) in [(0, 0), (2, 2), (3, 6), (4, 7)] {
            let queue = TopicPartition::new("a", partition);
            assert_eq!(catalog.queue(&queue).unwrap(), number);
            assert_eq!(catalog.name_of(number), Some(queue));
        }
        assert!(catalog.queue(&TopicPartition::new("a", 5)).is_err());
        let mut bytes = Vec::new();
        catalog.encode(&mut bytes, |queue| u64::from(queue) * 10);
        let mut next: BTreeMap<u32, u64> = BTreeMap::new();
        let after = Catalog::decode(&bytes, |queue, at| next.extend([(queue, at)])).unwrap();
        assert_eq!(catalog, after);
        assert_eq!(next, (0..8).map(|queue| (queue, u64::from(queue) * 10)).collect());
        let change = catalog.delete(&"a".into()).unwrap();
        catalog.apply(&change);
        assert_eq!((catalog.name_of(2), catalog.name_of(7)), (None, None));
    }

    #[test]
    fn queue_numbers_are_never_used_again() {
        let mut catalog = catalog();
        let change = catalog.delete(&"c".into()).unwrap();
        catalog.apply(&change);
        let change = catalog.create(&"c".into(), TopicSpec::with_queues(1), &[]).unwrap();
        catalog.apply(&change);
        assert_eq!(catalog.queue(&TopicPartition::new("c", 0)).unwrap(), 6);
        assert_eq!(catalog.name_of(6), Some(TopicPartition::new("c", 0)));
        assert_eq!(catalog.name_of(5), None);
        let left = catalog.committed("g", &[TopicPartition::new("c", 0)]);
        assert!(left.is_empty(), "offsets of a deleted topic are gone: {left:?}");
    }
}
