//! The registry as its clients see it, and as its nodes are.

mod bounds;
mod features;
mod impact;
mod nodes;
mod rights;
mod stuck;
mod transcripts;
