//! Records as Kafka Connect's converters read and write them: what a source connector wrote is read
//! by a job with the converters of that connector, and what a job writes by a sink connector with
//! its own. Keys and values are Connect's data with their schemas, JSON, or types of the program.
//!
//! ```no_run
//! use gantry_streams::StreamBuilder;
//! use gantry_streams::connect::{Connect, Converter, Error};
//!
//! # fn made() -> Result<Box<dyn Converter>, Error> { Err(Error::config("none")) }
//! #[derive(Clone, serde::Deserialize)]
//! struct Order {
//!     customer: String,
//!     cents: u64,
//! }
//!
//! // A converter for keys and one for values, each made again for each task: of a list of plugins,
//! // `|| plugin.create(&props)`.
//! let connect = Connect::new(made, made);
//! let builder = StreamBuilder::new("orders");
//! builder
//!     .connect_source_as::<serde_json::Value, Order>("orders", &connect)
//!     .key_by(|_, order| order.customer.clone());
//! ```

mod from_json;
mod sink;
mod source;
#[cfg(test)]
mod tests;
mod to_json;

use std::sync::Arc;
use std::time::Duration;

pub use gantry_model::plugin::{Converter, Plugin, Props};
pub use gantry_model::{Datum, Error, Schema, SchemaBuilder, Value};

pub use from_json::{from, from_json};
pub use to_json::{to, to_json};

use crate::error::StreamsError;

type Make = Arc<dyn Fn() -> Result<Box<dyn Converter>, Error> + Send + Sync>;

/// Which converters the keys and values of a topic have.
#[derive(Clone)]
pub struct Connect {
    key: Make,
    value: Make,
}

impl std::fmt::Debug for Connect {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Connect")
    }
}

impl Connect {
    /// With converters that the functions make: one of each for each task, as they may keep schemas.
    pub fn new(
        key: impl Fn() -> Result<Box<dyn Converter>, Error> + Send + Sync + 'static,
        value: impl Fn() -> Result<Box<dyn Converter>, Error> + Send + Sync + 'static,
    ) -> Self {
        Self { key: Arc::new(key), value: Arc::new(value) }
    }

    /// The converters of one task.
    fn make(&self, node: &str) -> Result<Pair, StreamsError> {
        let fault = |error: Error| StreamsError::Operator {
            operator: node.to_owned(),
            reason: format!("its converters cannot be made: {}", chain(&error)),
        };
        let (key, value) = ((self.key)().map_err(fault)?, (self.value)().map_err(fault)?);
        Ok(Pair { node: node.to_owned(), key, value })
    }
}

/// The converters of one task.
struct Pair {
    node: String,
    key: Box<dyn Converter>,
    value: Box<dyn Converter>,
}

/// How often a converter is asked again that waits for something, and how long after the first time;
/// then twice as long each time.
const ATTEMPTS: u32 = 8;
const PAUSE: Duration = Duration::from_millis(25);

/// Asks again while a converter says that it may work later, as when its schema registry is away;
/// in the end the job stops, and no record is taken for a bad one because of it. The inner error is
/// that of the data.
fn insist<T>(
    node: &str,
    mut convert: impl FnMut() -> Result<T, Error>,
) -> Result<Result<T, Error>, StreamsError> {
    let mut pause = PAUSE;
    for _ in 1..ATTEMPTS {
        match convert() {
            Err(error) if error.is_retriable() => {
                tracing::warn!(node, error = %chain(&error), "a converter cannot work now");
                std::thread::sleep(pause);
                pause *= 2;
            }
            made => return Ok(made),
        }
    }
    match convert() {
        Err(error) if error.is_retriable() => {
            Err(StreamsError::Operator { operator: node.to_owned(), reason: chain(&error) })
        }
        made => Ok(made),
    }
}

/// An error with its causes, in one line.
fn chain(error: &Error) -> String {
    let mut text = error.to_string();
    let mut next = error.cause();
    while let Some(cause) = next {
        text.push_str(", because of ");
        text.push_str(&cause.to_string());
        next = cause.cause();
    }
    text
}
