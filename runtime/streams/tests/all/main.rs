//! Jobs as programs run them.
#![expect(clippy::unwrap_used, reason = "tests")]

mod joins;
mod killed;
mod model;
mod on_log;
mod tables;
mod windows;
