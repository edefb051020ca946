//! The log against real clusters, which `tests/rocketmq/run.sh` starts, or a test itself.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "tests, told by their environment where the cluster is"
)]

mod contract;
mod faults;
mod java;
mod secured;
mod support;
