//! The durable log: one shared, segmented commit log for all queues, in one directory.
//!
//! An append is encoded on the caller's thread as one frame and handed to the one
//! writer, which gathers what waits, writes it with one call, syncs, and only then
//! shows it to readers and acknowledges it. A frame holds records of one or more queues, grouped
//! by queue, or a change of the catalog (topics and committed offsets); it is there as a whole or
//! not at all. Each segment begins with a snapshot of the catalog, so any older one can be
//! deleted. A sparse index finds a queue's records; that of a closed segment is a file,
//! which is rebuilt if damaged. The housekeeper deletes what retention lets go,
//! compacts (`compact`), and keeps (`keep`) what little is wanted of segments that can go.
//!
//! Files: `<number>.log` are the segments, `compacted-<queue>-<end>.log` what compaction left of
//! a queue below an offset, `kept-<queue>-<first>-<end>.log` what was kept of one when its
//! segments went, `*.idx` their indexes, `lock` holds the id of the process.

mod catalog;
mod compact;
mod config;
mod disk;
mod frame;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod housekeeper;
mod inbox;
mod index;
mod keep;
mod last;
mod lock;
mod log;
mod private;
mod read;
mod record;
mod recovery;
mod rewrite;
mod scan;
mod segment;
mod state;
#[cfg(test)]
mod tests;
mod wire;
mod writer;

pub use config::EmbeddedConfig;
pub use log::EmbeddedLog;
