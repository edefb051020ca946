//! Jobs as programs run them.
#![expect(clippy::unwrap_used, reason = "tests")]

mod describe;
mod joins;
mod json;
mod killed;
mod model;
mod nexmark;
mod on_log;
mod processor;
mod suppress;
mod tables;
mod windows;
