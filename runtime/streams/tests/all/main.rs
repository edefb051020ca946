//! Jobs as programs run them.
#![expect(clippy::unwrap_used, reason = "tests")]

mod model;
mod on_log;
mod windows;
