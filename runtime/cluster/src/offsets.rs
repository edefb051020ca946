//! Whose offset commits count. They stand in the offset log, a topic of its own; who owns what is
//! decided in the cluster log. A barrier joins the two: a new owner writes one, and reads up to it.
//!
//! The same log decides which records of exactly-once sources count: see [`TransactionId`].

mod transactions;

use std::collections::BTreeMap;

use gantry_model::Str;
use serde::{Deserialize, Serialize};

use crate::fold::pairs;
use crate::record::{Incarnation, Unit};
use crate::snapshot::{Pieces, pieces};
use transactions::Transactions;
pub use transactions::{Fate, TransactionId};

/// In what a commit was made: one generation of the tasks of one connector.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Scope {
    /// The connector's name.
    pub connector: Str,
    /// A stamp of the cluster log: the generation of its tasks, or of an edit by the user.
    pub generation: u64,
}

/// A claim of a unit and the sessions of its owner, which are over when the next one begins.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Epoch {
    /// The epoch of the claim.
    #[serde(rename = "epoch")]
    pub claim: u64,
    /// From 0: an exactly-once source begins a new one each time it starts.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub session: u64,
}

impl Epoch {
    /// The first session of a claim.
    pub fn of(claim: u64) -> Self {
        Self { claim, session: 0 }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// One record of the offset log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OffsetRecord {
    /// From here on no commit counts of an older generation, or of the unit in an older epoch.
    Barrier {
        /// The generation.
        scope: Scope,
        /// Who begins.
        unit: Unit,
        /// The epoch of its claim, and which of its sessions begins.
        #[serde(flatten)]
        epoch: Epoch,
        /// What the records of this session are marked with, if they count only once committed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        transaction: Option<TransactionId>,
    },
    /// Where a task goes on.
    Commit {
        /// The generation.
        scope: Scope,
        /// Who commits.
        unit: Unit,
        /// In which session.
        #[serde(flatten)]
        epoch: Epoch,
        /// Counts the commits of the owner: one that comes late, after a later one, is void.
        #[serde(default)]
        sequence: u64,
        /// Offsets by partition, both as JSON text; `None` forgets one.
        offsets: Vec<(String, Option<String>)>,
        /// Topic, queue and the offset behind the last record of the session that counts.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        ends: Vec<(Str, u32, u64)>,
    },
    /// The user changes offsets of a connector that has no tasks. Nothing older counts any more.
    Edit {
        /// The connector, and a stamp above all generations it had.
        scope: Scope,
        /// A random number, to know it again: two may be made at once.
        #[serde(default)]
        id: u64,
        /// As in a commit.
        offsets: Vec<(String, Option<String>)>,
    },
    /// The connector is gone, and its offsets with it.
    Forget {
        /// The connector, and a stamp above all generations it had.
        scope: Scope,
    },
    /// A part of what came of all records up to an offset, so that old ones may go.
    Snapshot {
        /// Whose snapshot it is.
        by: Incarnation,
        /// The last record that counts.
        upto: u64,
        /// This part, from 0.
        part: u32,
        /// How many there are.
        parts: u32,
        /// A piece of JSON text.
        text: String,
    },
}

impl OffsetRecord {
    /// Ends a session: what it has not committed never counts, and nobody commits in it any more.
    pub fn end(scope: &Scope, unit: &Unit, epoch: Epoch) -> Self {
        let epoch = Epoch { session: u64::MAX, ..epoch };
        Self::Barrier { scope: scope.clone(), unit: unit.clone(), epoch, transaction: None }
    }

    /// What it is about; a snapshot is about all.
    pub fn scope(&self) -> Option<&Scope> {
        match self {
            Self::Barrier { scope, .. }
            | Self::Commit { scope, .. }
            | Self::Edit { scope, .. }
            | Self::Forget { scope } => Some(scope),
            Self::Snapshot { .. } => None,
        }
    }
}

/// What became of a record of the offset log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OffsetVerdict {
    /// It counts.
    Applied,
    /// An owner, a generation or an edit came before it that is newer.
    Fenced,
    /// It is a commit that the owner has left behind.
    Stale,
}

/// What came of the records of the offset log.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct OffsetFold {
    connectors: BTreeMap<Str, Offsets>,
    #[serde(default)]
    transactions: Transactions,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Offsets {
    generation: u64,
    #[serde(with = "pairs")]
    owners: BTreeMap<Option<u32>, Owner>,
    /// The last edit that counted.
    #[serde(default)]
    edit: u64,
    offsets: BTreeMap<String, String>,
}

/// Whose commits count.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Owner {
    epoch: Epoch,
    /// Of its last commit.
    sequence: u64,
    transaction: Option<TransactionId>,
}

impl OffsetFold {
    /// Takes one record.
    pub fn apply(&mut self, record: &OffsetRecord) -> OffsetVerdict {
        let Some(scope) = record.scope() else { return OffsetVerdict::Applied };
        let known = self.connectors.entry(Str::clone(&scope.connector)).or_default();
        let transactions = &mut self.transactions;
        match record {
            OffsetRecord::Barrier { unit, epoch, transaction, .. } => {
                if !known.begin(scope.generation, transactions) {
                    return OffsetVerdict::Fenced;
                }
                let owner = known.owners.entry(unit.task).or_default();
                if *epoch <= owner.epoch {
                    return OffsetVerdict::Fenced;
                }
                transactions.close(owner.transaction);
                transactions.open(*transaction);
                // Commits are counted over all sessions of a claim.
                let same = owner.epoch.claim == epoch.claim;
                let sequence = if same { owner.sequence } else { 0 };
                *owner = Owner { epoch: *epoch, sequence, transaction: *transaction };
            }
            OffsetRecord::Commit { unit, epoch, sequence, offsets, ends, .. } => {
                let current = known.generation == scope.generation;
                let owner = known.owners.get_mut(&unit.task).filter(|o| o.epoch == *epoch);
                let Some(owner) = owner.filter(|_| current) else {
                    return OffsetVerdict::Fenced;
                };
                if *sequence <= owner.sequence {
                    return OffsetVerdict::Stale;
                }
                owner.sequence = *sequence;
                transactions.commit(owner.transaction, ends);
                known.set(offsets);
            }
            OffsetRecord::Edit { offsets, id, .. } => {
                if scope.generation <= known.generation {
                    return OffsetVerdict::Fenced;
                }
                known.begin(scope.generation, transactions);
                known.edit = *id;
                known.set(offsets);
            }
            OffsetRecord::Forget { .. } => {
                if scope.generation <= known.generation {
                    return OffsetVerdict::Fenced;
                }
                known.begin(scope.generation, transactions);
                known.offsets.clear();
            }
            OffsetRecord::Snapshot { .. } => {}
        }
        OffsetVerdict::Applied
    }

    /// Where a partition goes on.
    pub fn get(&self, connector: &str, partition: &str) -> Option<&str> {
        self.connectors.get(connector)?.offsets.get(partition).map(String::as_str)
    }

    /// All offsets of a connector by partition.
    pub fn of(&self, connector: &str) -> impl Iterator<Item = (&str, &str)> {
        let offsets = self.connectors.get(connector).map(|known| &known.offsets);
        offsets.into_iter().flatten().map(|(partition, offset)| (&**partition, &**offset))
    }

    /// The connectors of which there is something.
    pub fn names(&self) -> impl Iterator<Item = &Str> {
        self.connectors.keys()
    }

    /// Whether a commit of this owner would count now.
    pub fn holds(&self, scope: &Scope, unit: &Unit, epoch: Epoch) -> bool {
        self.connectors.get(&scope.connector).is_some_and(|known| {
            let owner = known.owners.get(&unit.task);
            known.generation == scope.generation && owner.is_some_and(|o| o.epoch == epoch)
        })
    }

    /// What becomes of the records that are marked with a transaction, in one queue; `None`: it is
    /// not known here, as it never began, or nothing of it counts any more.
    pub fn fate(&self, transaction: TransactionId, topic: &str, queue: u32) -> Option<Fate> {
        self.transactions.fate(transaction, topic, queue)
    }

    /// The sessions of exactly-once sources that are not over.
    pub fn open_sessions(&self) -> impl Iterator<Item = (Scope, Unit, Epoch)> {
        self.connectors.iter().flat_map(|(name, known)| {
            let scope = Scope { connector: Str::clone(name), generation: known.generation };
            let open = known.owners.iter().filter(|(_, owner)| owner.transaction.is_some());
            open.map(move |(task, owner)| {
                let unit = Unit { connector: Str::clone(name), task: *task };
                (scope.clone(), unit, owner.epoch)
            })
        })
    }

    /// The queues in which committed records of transactions that are over may stand.
    pub fn queues_of_the_past(&self) -> Vec<(Str, u32)> {
        self.transactions.queues_of_the_past()
    }

    /// Forgets what is known of records before an offset of a queue: they are no more.
    pub fn forget_before(&mut self, topic: &str, queue: u32, offset: u64) {
        self.transactions.forget_before(topic, queue, offset);
    }

    /// Whether an edit was the last thing that happened to a connector.
    pub fn is_edited(&self, scope: &Scope, id: u64) -> bool {
        let known = self.connectors.get(&scope.connector);
        known.is_some_and(|known| known.generation == scope.generation && known.edit == id)
    }

    /// The generation in which commits count.
    pub fn generation(&self, connector: &str) -> u64 {
        self.connectors.get(connector).map_or(0, |known| known.generation)
    }

    /// The largest stamp that stands here for a connector: new ones must be above it, also when
    /// the cluster log lost its end.
    pub fn last_stamp(&self, connector: &str) -> u64 {
        let known = self.connectors.get(connector);
        let owners = known.into_iter().flat_map(|known| known.owners.values());
        let epochs = owners.map(|owner| owner.epoch.claim);
        epochs.chain(known.map(|known| known.generation)).max().unwrap_or(0)
    }
}

impl OffsetFold {
    /// What came of all records up to an offset, as the records of a snapshot.
    pub fn chunks(&self, by: Incarnation, upto: u64) -> Vec<OffsetRecord> {
        let pieces = pieces(&serde_json::to_string(self).unwrap_or_default());
        let parts = u32::try_from(pieces.len()).unwrap_or(u32::MAX);
        let piece = |(part, text)| OffsetRecord::Snapshot { by, upto, part, parts, text };
        (0..).zip(pieces).map(piece).collect()
    }
}

/// Puts snapshots of the offset log together while records pass by.
#[derive(Debug, Default)]
pub struct OffsetCollector {
    pieces: Pieces,
    /// What the best snapshot counts.
    best: Option<u64>,
}

impl OffsetCollector {
    /// The last record that counts and what came of all, once a snapshot is whole. One that counts
    /// no more than one before it is passed over, so that everybody takes the same.
    pub fn take(&mut self, record: &OffsetRecord) -> Option<(u64, OffsetFold)> {
        let OffsetRecord::Snapshot { by, upto, part, parts, text } = record else { return None };
        let whole = self.pieces.take(*by, *upto, *part, *parts, text)?;
        if self.best.is_some_and(|best| best >= *upto) {
            return None;
        }
        let fold = serde_json::from_str(&whole).ok()?;
        self.best = Some(*upto);
        Some((*upto, fold))
    }
}

impl Offsets {
    /// Begins a generation, or goes on with it; false if it is an old one.
    fn begin(&mut self, generation: u64, transactions: &mut Transactions) -> bool {
        if generation > self.generation {
            self.generation = generation;
            let owners = std::mem::take(&mut self.owners);
            owners.values().for_each(|owner| transactions.close(owner.transaction));
        }
        generation == self.generation
    }

    fn set(&mut self, offsets: &[(String, Option<String>)]) {
        for (partition, offset) in offsets {
            match offset {
                Some(offset) => self.offsets.insert(partition.clone(), offset.clone()),
                None => self.offsets.remove(partition),
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope(generation: u64) -> Scope {
        Scope { connector: "c".into(), generation }
    }
    fn unit(task: u32) -> Unit {
        Unit::task(&"c".into(), task)
    }
    fn barrier(generation: u64, task: u32, epoch: u64) -> OffsetRecord {
        let (scope, unit, epoch) = (scope(generation), unit(task), Epoch::of(epoch));
        OffsetRecord::Barrier { scope, unit, epoch, transaction: None }
    }
    fn commit(generation: u64, task: u32, epoch: u64, offset: &str) -> OffsetRecord {
        numbered(1, generation, task, epoch, offset)
    }
    fn numbered(
        sequence: u64,
        generation: u64,
        task: u32,
        epoch: u64,
        offset: &str,
    ) -> OffsetRecord {
        let offsets = vec![("p".to_owned(), Some(offset.to_owned()))];
        let (scope, unit, epoch) = (scope(generation), unit(task), Epoch::of(epoch));
        OffsetRecord::Commit { scope, unit, epoch, sequence, offsets, ends: Vec::new() }
    }

    #[test]
    fn a_snapshot_is_all_that_came_before() {
        let mut fold = OffsetFold::default();
        for record in [barrier(1, 0, 2), commit(1, 0, 2, "1"), barrier(1, 1, 3)] {
            fold.apply(&record);
        }
        let chunks = fold.chunks(Incarnation(7), 2);
        let mut collector = OffsetCollector::default();
        let found: Vec<_> = chunks.iter().filter_map(|chunk| collector.take(chunk)).collect();
        assert_eq!(found, [(2, fold.clone())]);
        let before = fold.clone();
        chunks.iter().for_each(|chunk| {
            fold.apply(chunk);
        });
        assert_eq!(fold, before);
    }

    #[test]
    fn only_the_latest_owner_commits() {
        use OffsetVerdict::{Applied, Fenced};
        let mut fold = OffsetFold::default();
        let edit = OffsetRecord::Edit {
            scope: scope(6),
            id: 1,
            offsets: vec![("p".to_owned(), Some("edited".to_owned()))],
        };
        for (record, verdict, after) in [
            (commit(1, 0, 2, "nobody's"), Fenced, None),
            (barrier(1, 0, 2), Applied, None),
            (commit(1, 0, 2, "1"), Applied, Some("1")),
            // Another owner of the same task.
            (barrier(1, 0, 3), Applied, Some("1")),
            (commit(1, 0, 2, "zombie's"), Fenced, Some("1")),
            (barrier(1, 0, 2), Fenced, Some("1")),
            (commit(1, 0, 3, "2"), Applied, Some("2")),
            // A new generation: the partition may be another task's now.
            (barrier(4, 1, 5), Applied, Some("2")),
            (commit(1, 0, 3, "zombie's"), Fenced, Some("2")),
            (commit(4, 1, 5, "3"), Applied, Some("3")),
            (edit, Applied, Some("edited")),
            (commit(4, 1, 5, "zombie's"), Fenced, Some("edited")),
            (barrier(4, 1, 7), Fenced, Some("edited")),
            (OffsetRecord::Forget { scope: scope(6) }, Fenced, Some("edited")),
            (OffsetRecord::Forget { scope: scope(8) }, Applied, None),
        ] {
            assert_eq!(fold.apply(&record), verdict, "{record:?}");
            assert_eq!(fold.get("c", "p"), after, "{record:?}");
        }
        assert_eq!(fold.last_stamp("c"), 8);
    }

    #[test]
    fn a_commit_that_comes_late_takes_nobody_back() {
        let mut fold = OffsetFold::default();
        fold.apply(&barrier(1, 0, 2));
        for (sequence, offset, verdict, after) in [
            (1, "1", OffsetVerdict::Applied, "1"),
            (1, "1", OffsetVerdict::Stale, "1"),
            (3, "3", OffsetVerdict::Applied, "3"),
            (2, "2", OffsetVerdict::Stale, "3"),
        ] {
            assert_eq!(fold.apply(&numbered(sequence, 1, 0, 2, offset)), verdict);
            assert_eq!(fold.get("c", "p"), Some(after));
        }
    }

    #[test]
    fn without_a_barrier_a_former_owner_moves_what_a_new_one_has_read() {
        use OffsetVerdict::{Applied, Fenced};
        for (begins, verdict) in [(true, Fenced), (false, Applied)] {
            let mut fold = OffsetFold::default();
            fold.apply(&barrier(1, 0, 2));
            fold.apply(&commit(1, 0, 2, "1"));
            let zombie = numbered(2, 1, 0, 2, "zombie's");
            if begins {
                fold.apply(&barrier(1, 0, 3));
            }
            let read = fold.get("c", "p").map(str::to_owned);
            assert_eq!(fold.apply(&zombie), verdict);
            assert_eq!(fold.get("c", "p") == read.as_deref(), begins);
        }
    }
}
