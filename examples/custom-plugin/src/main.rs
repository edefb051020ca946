//! A Gantry with connectors and a transformation of one's own inside.
//!
//! `cargo run --release -p gantry-example-custom-plugin -- standalone tick.json` runs it with
//! this `tick.json`:
//!
//! ```json
//! {
//!   "name": "tick",
//!   "config": {
//!     "connector.class": "org.example.TickSource",
//!     "topic": "ticks",
//!     "interval.ms": "500",
//!     "transforms": "loud",
//!     "transforms.loud.type": "org.example.Uppercase"
//!   }
//! }
//! ```
//!
//! `org.example.SqliteSink` writes what it is given to a table, exactly once: see `sqlite.rs`.

mod sqlite;
mod tick;
mod uppercase;

use std::process::ExitCode;

fn main() -> ExitCode {
    gantry::Gantry::new()
        .register(|registry| {
            registry
                .connector(tick::plugin())
                .connector(sqlite::plugin())
                .transformation(uppercase::plugin());
        })
        .main()
}
