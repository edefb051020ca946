//! Gantry's test harness: what the tests below `tests/` share.

pub mod registry;
pub mod unit;
