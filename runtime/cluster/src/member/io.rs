//! What a worker is told, and what it wants.

use bytes::Bytes;
use gantry_model::Str;
use gantry_model::plugin::Props;

use crate::allocation::Allocation;
use crate::fold::{Refusal, State, Verdict};
use crate::record::{Incarnation, Record, TargetState, Unit};

/// Who a worker is and how it takes part.
#[derive(Clone, Debug)]
pub struct MemberConfig {
    /// Its life: random.
    pub incarnation: Incarnation,
    /// Its `host:port`.
    pub name: Str,
    /// Where its REST listens.
    pub url: Str,
    /// Which cluster it means.
    pub group: Str,
    /// Without a heartbeat for so long others take over what it runs; for half as long it goes
    /// on by itself.
    pub session_ms: u64,
    /// How often it sends one.
    pub heartbeat_ms: u64,
    /// How units are spread.
    pub allocation: Allocation,
    /// How long it waits before it tries an append again.
    pub retry_ms: u64,
    /// After so many records a snapshot is due.
    pub snapshot_records: u64,
}

/// What a user asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// Create or change a connector.
    Put {
        /// Its name.
        name: Str,
        /// Its configuration.
        config: Props,
        /// What it shall do, if that shall change.
        target: Option<TargetState>,
        /// Only if there is none of this name.
        create: bool,
        /// Only if it has this version.
        expected: Option<u64>,
    },
    /// Delete a connector.
    Delete(Str),
    /// Let a connector do something else.
    Target(Str, TargetState),
    /// Start units again.
    Restart {
        /// The connector's name.
        name: Str,
        /// One task only.
        task: Option<u32>,
        /// All of its tasks, too.
        include_tasks: bool,
        /// Only what has failed.
        only_failed: bool,
    },
}

/// What happened.
#[derive(Clone, Debug)]
pub enum Input {
    /// The worker's own clock in milliseconds. It never goes back, and counts the time for which
    /// the process or the machine was suspended.
    Clock(u64),
    /// Reading begins, or begins anew after [`Effect::Refold`]: behind what a snapshot counts, or
    /// with an empty state at the beginning of the log. All records that follow are of this
    /// reading.
    Restored(Box<State>),
    /// A record was read from the cluster log. Where the broker may lose the end of the log, a
    /// reader whose connection broke begins with the last record that it had read: if that is
    /// another now, all is read anew.
    Record {
        /// Its offset.
        offset: u64,
        /// When the broker stored it, by the broker's clock.
        store_ms: i64,
        /// What it holds.
        bytes: Bytes,
    },
    /// All that stands in the log was given. What comes again changes nothing. After
    /// [`Effect::Refold`] it is passed over until reading has begun anew.
    CaughtUp,
    /// What is to be read next is gone, or the log ends before it.
    Refold,
    /// The append in flight is durable.
    Appended,
    /// The append in flight failed, or nobody knows.
    AppendFailed,
    /// What was read from the offset log of a connector: to be told to each worker whenever it is
    /// more than before.
    Stamps {
        /// Its name.
        name: Str,
        /// The latest generation.
        generation: u64,
        /// The largest stamp.
        last: u64,
    },
    /// A unit that was to be stopped, or that gave up, runs no more; what it had to commit it did.
    Stopped {
        /// Which.
        unit: Unit,
        /// The epoch it ran in.
        epoch: u64,
        /// It kept failing and shall be tried elsewhere.
        failing: bool,
    },
    /// The configurations of a connector's tasks were worked out.
    Tasks {
        /// The connector's name.
        name: Str,
        /// The version of the configuration they come from.
        version: u64,
        /// The epoch the connector runs in.
        epoch: u64,
        /// One configuration for each task.
        configs: Vec<Props>,
    },
    /// A user asks for something.
    Request {
        /// What the answer will refer to.
        id: u64,
        /// What for.
        request: Request,
    },
    /// The worker shall stop all and go.
    Leave,
}

/// What the surroundings shall do.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Append these to the cluster log in one piece; then tell how it went. One at a time.
    Append(Vec<Record>),
    /// Run a unit: first write the barrier of this epoch to the offset log and read up to it.
    Start {
        /// Which.
        unit: Unit,
        /// Its epoch.
        epoch: u64,
        /// Of a task its generation, of a connector the version of its configuration.
        generation: u64,
    },
    /// Stop a unit, then tell.
    Stop {
        /// Which.
        unit: Unit,
        /// The epoch it runs in.
        epoch: u64,
    },
    /// Start a unit again that runs, if it has failed or anyway.
    Restart {
        /// Which.
        unit: Unit,
        /// Only if it has failed.
        only_failed: bool,
    },
    /// What a connector shall do has changed, or may have while the log was read anew. If it shall
    /// have tasks and the state has none, they are to be worked out.
    Target {
        /// Its name.
        name: Str,
        /// What it shall do.
        state: TargetState,
    },
    /// A request was decided.
    Answer {
        /// Which.
        id: u64,
        /// How.
        verdict: Verdict,
    },
    /// Read the log again from a snapshot or its beginning: it is not the one that was read. Until
    /// that begins with [`Input::Restored`], or with the record of offset 0, what is read is passed
    /// over; until all is read, units go on and [`Member::state`](crate::Member::state) is as before.
    Refold,
    /// A record cannot be read; it was passed over.
    PassedOver {
        /// Its offset.
        offset: u64,
        /// Why.
        reason: String,
    },
    /// The worker cannot take part.
    Refused(Refusal),
    /// All is stopped, and the others know.
    Left,
}
