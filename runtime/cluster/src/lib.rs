//! The cluster protocol: who runs which connector and task.
//!
//! Workers share one log with one queue, the cluster log. Its order is the only authority: each
//! worker folds the same records into the same [`State`], by a pure function. A worker that wants
//! something appends a record and sees by the fold whether it came to be.
//!
//! Nothing here reads a clock, waits or talks to anybody. A [`Member`] is one worker: it takes an
//! [`Input`] and gives [`Effect`]s for its surroundings to carry out, which is the runtime in
//! production and a simulator in tests.

mod allocation;
mod fold;
mod member;
mod offsets;
mod orphans;
mod record;
mod snapshot;

pub use allocation::{Allocation, standbys, target};
pub use fold::{
    Connector, Refusal, SESSIONS_TO_FORGET, State, TaskSet, UnitState, Verdict, Worker,
};
pub use member::{Effect, Held, Input, Member, MemberConfig, Request};
pub use offsets::{
    Epoch, Fate, OffsetCollector, OffsetFold, OffsetRecord, OffsetVerdict, Scope, TransactionId,
};
pub use orphans::Orphans;
pub use record::{Body, FORMAT, Incarnation, ReadError, Record, TargetState, Unit};
pub use snapshot::{Collector, SnapshotError, chunks, restore};
