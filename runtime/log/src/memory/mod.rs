//! A log in memory, for tests and for workers that need not survive. Its "durable" is
//! "accepted": nothing outlives the process.

mod log;
mod queue;

pub use log::MemoryLog;
