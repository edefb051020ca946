//! The connectors that Kafka Connect is tested with, under Kafka's class names: MockSource and
//! MockSink, VerifiableSource and VerifiableSink, SchemaSource; see this folder's README.

mod config;
mod json;
mod mock;
mod numbered;
mod pace;
mod printer;
mod schema_source;
mod verifiable_sink;
mod verifiable_source;

#[cfg(test)]
mod tests;

pub use config::{
    MOCK_SINK_CLASS, MOCK_SOURCE_CLASS, SCHEMA_SOURCE_CLASS, VERIFIABLE_SINK_CLASS,
    VERIFIABLE_SOURCE_CLASS, plugins,
};
pub use mock::{MockConnector, MockSinkTask, MockSourceTask};
pub use numbered::NumberedConnector;
pub use schema_source::SchemaSourceTask;
pub use verifiable_sink::VerifiableSinkTask;
pub use verifiable_source::VerifiableSourceTask;
