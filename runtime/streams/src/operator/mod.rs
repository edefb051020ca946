//! What is done with records.

mod aggregate;
mod basic;
mod ends;
mod join;
mod materialized;
mod processing;
mod session;
mod sliding;
mod stamped;
mod suppress;
mod windowed;

pub(crate) use aggregate::Aggregation;
pub(crate) use basic::{FlatMap, Out, SelectTimestamp, Watch};
pub(crate) use ends::{Sink, SinkBytes, Taken, source};
pub(crate) use join::{
    IsThere, Joiner, LeftPort, LeftTable, RightPort, RightTable, StreamJoin, StreamTable,
    TableJoin, TablePort, Tells,
};
pub(crate) use materialized::Materialized;
pub(crate) use processing::Processing;
pub(crate) use session::SessionAggregation;
pub(crate) use sliding::SlidingAggregation;
pub(crate) use suppress::{TimeSuppression, WindowSuppression};
pub(crate) use windowed::WindowedAggregation;
