//! Connectors through the interface that the runtime calls them by.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests fail that way")]
#![expect(
    clippy::disallowed_methods,
    reason = "where the servers of tests are stands in the environment"
)]

mod cdc;
mod jdbc;
mod redis;
