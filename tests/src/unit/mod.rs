//! Replays recorded cases of the data model, converters and transformations: one JSON case per
//! line, with what Kafka Connect answered.

mod compare;
mod configs;
mod decode;
mod encode;
mod input;
mod models;
mod plugins;
mod run;

pub use compare::{Level, same};
pub use input::Input;
pub use run::{Failure, Report, Tally, answer, replay};
