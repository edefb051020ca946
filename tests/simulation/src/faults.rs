//! What goes wrong, and how often.

use gantry_cluster::Allocation;

/// A deliberate mistake, to show that the checks find it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mutation {
    /// None.
    #[default]
    None,
    /// Tasks go on without a lease.
    NoLease,
    /// Commits count whoever makes them.
    NoFence,
    /// A new owner writes no barrier to the offset log.
    NoBarrier,
    /// An append is acknowledged before it is durable, and then lost.
    EarlyAcknowledgement,
    /// The broker loses what it acknowledged, and the checks hold it for one that never does.
    Forgetful,
    /// One worker reads records in another order.
    OtherOrder,
    /// Workers never release what they stopped.
    NoRelease,
    /// Units are dealt anew whenever a worker comes.
    Restless,
    /// An exactly-once task appends again, in the same session, what may have been stored.
    Resend,
    /// Nobody ends the sessions of exactly-once tasks that died and shall not run again.
    Orphans,
    /// A reader of committed records passes over those of a session that it does not know.
    Hasty,
}

/// How a world is made from its seed.
#[derive(Clone, Debug)]
pub struct Plan {
    /// How many workers there may be.
    pub workers: usize,
    /// For how long things go wrong.
    pub faults_ms: u64,
    /// Session time-out of all workers.
    pub session_ms: u64,
    /// Heartbeat interval of all workers.
    pub heartbeat_ms: u64,
    /// A fault every so often, on average.
    pub fault_every_ms: u64,
    /// A request of a user every so often, on average.
    pub request_every_ms: u64,
    /// How units are spread.
    pub allocation: Allocation,
    /// The broker may lose what it had acknowledged.
    pub cuts: bool,
    /// Readers look whether what they read last is still there, after the broker was away.
    pub looks_back: bool,
    /// Tasks write records that count only once they are committed, and somebody reads them.
    pub exactly_once: bool,
    /// The deliberate mistake.
    pub mutation: Mutation,
}

impl Plan {
    /// The plan of a seed.
    pub fn from_seed(seed: u64, mutation: Mutation) -> Self {
        let mut random = fastrand::Rng::with_seed(seed ^ 0x5EED);
        let session_ms = *random.choice(&[1_000, 3_000, 10_000]).unwrap_or(&3_000);
        let allocation = if session_ms == 1_000 || mutation == Mutation::Restless {
            Allocation::SimpleHash
        } else {
            Allocation::ConsistentHash
        };
        Self {
            workers: random.usize(2..=5),
            faults_ms: session_ms * random.u64(8..=20),
            session_ms,
            heartbeat_ms: session_ms * 3 / 10,
            fault_every_ms: session_ms * random.u64(1..=6) / 4,
            request_every_ms: session_ms * random.u64(1..=8) / 4,
            allocation,
            cuts: mutation == Mutation::None && random.u8(0..10) == 0,
            looks_back: random.u8(0..4) > 0,
            exactly_once: matches!(
                mutation,
                Mutation::Resend | Mutation::Hasty | Mutation::Orphans
            ),
            mutation,
        }
    }
}
