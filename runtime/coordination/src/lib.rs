//! What joins the cluster protocol of `gantry-cluster` with the log: the loop that drives a member,
//! the offset log in which only owners commit, and which of the records count that are marked with
//! a transaction. The Connect runtime and streams share it.
//!
//! ```text
//! cluster topic ─▶ Driver ─▶ Member (the protocol) ─▶ Driver ─▶ cluster topic, Host (starts, stops)
//! offset topic  ─▶ FencedOffsets ─▶ Transactions ─▶ Isolation ─▶ records that count
//! ```

mod clock;
mod committed;
mod copies;
mod driver;
mod follow;
mod isolation;
mod lease;
mod offsets;
mod reader;
mod topics;
mod transactions;

pub use clock::now_ms;
pub use committed::CommittedReader;
pub use copies::Copies;
pub use driver::{Asked, Driver, DriverConfig, Host};
pub use follow::follow_offsets;
pub use isolation::Isolation;
pub use lease::Lease;
pub use offsets::{CommitError, Ends, Fence, FencedOffsets, Texts, Transaction};
pub use topics::{Keeps, LIMITS, TopicFault, fold, open_topic, record_of_all, scan};
pub use transactions::{TransactionLog, Transactions, mark_of, take_mark};

/// The wait after the log could not be asked.
const RETRY_MIN: std::time::Duration = std::time::Duration::from_millis(100);
