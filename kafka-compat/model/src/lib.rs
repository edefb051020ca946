//! Kafka Connect's data model: schemas, values, records, configuration definitions and the
//! traits of pure plugins (converters, transformations, predicates). No async, and no I/O but
//! for the files that [`config::provider`] reads.

pub mod calendar;
pub mod config;
pub mod date_number;
mod decimal;
pub mod error;
pub mod files;
pub mod logical;
pub mod map;
pub mod names;
pub mod plugin;
pub mod project;
pub mod record;
pub mod regex;
pub mod schema;
pub mod text;
mod validate;
pub mod value;
pub mod values;

pub use error::{Domain, Error, ErrorKind, Result, Retry};
pub use logical::Decimal;
pub use record::{ConnectRecord, Header, Headers, RecordHeader, Str, TopicPartition};
pub use schema::{Field, Fields, Kind, Parameters, Schema, SchemaBuilder};
pub use value::{Datum, MapValue, Struct, Text, Value};
