//! All that the author of a native Gantry plugin sees: the traits of connectors and tasks, what
//! they are given, and how they are registered. Data, configuration definitions, converters and
//! transformations come from `gantry_model` and are re-exported here.

mod clock;
mod connector;
mod context;
mod offset;
mod policy;
mod record;
mod registry;
mod sink_log;

pub use async_trait::async_trait;
pub use bytes::Bytes;
pub use bytestring::ByteString;
pub use clock::now_ms;
pub use connector::{Connector, ExactlyOnceSupport, Placed, SinkTask, SourceTask};
pub use context::{
    ConnectorContext, ConnectorRequest, ConnectorRequests, ErrantRecord, Isolation, OffsetReader,
    SinkRequests, SinkTaskContext, SourceTaskContext, TaskEpoch,
};
pub use gantry_model as model;
pub use gantry_model::config::{ConfigDef, ConfigKey, Importance, Type, Validator, Width};
pub use gantry_model::plugin::{
    ConfigProvider, Converter, Fate, HeaderConverter, Plugin, PluginInfo, Predicate, Props,
    Transformation,
};
pub use gantry_model::{
    ConnectRecord, Datum, Domain, Error, ErrorKind, Header, Headers, Kind, RecordHeader, Result,
    Retry, Schema, SchemaBuilder, Str, Struct, Text, TopicPartition, Value,
};
pub use offset::{OffsetMap, SinkOffset, SinkOffsets, SourceOffset, SourcePartition};
pub use policy::{ClientKind, OverridePolicy, OverrideRequest};
pub use record::{Boundary, SinkRecord, SourceRecord, TimestampType};
pub use registry::{ConnectorPlugin, PluginRegistry, TaskFactory};
pub use sink_log::{Destination, QueueRange, SinkLog, TopicRead, TopicRecord};
pub use tokio_util::sync::CancellationToken;
