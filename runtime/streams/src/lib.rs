//! Streams as a library: a program says what shall be done with the records of topics, and runs it
//! inside itself, on Gantry's log.

pub mod aggregate;
mod aside;
mod builder;
pub mod connect;
mod context;
pub mod data;
mod driver;
mod error;
#[cfg(feature = "http")]
mod http;
mod json;
mod metrics;
mod operator;
mod processor;
mod query;
mod record;
mod remote;
mod runtime;
mod settings;
mod store;
mod task;
mod topology;
mod window;

pub use aggregate::Aggregate;
pub use builder::{
    GlobalTable, Grouped, Predicate, Serde, Stream, StreamBuilder, Suppressed, Table, Topology,
    UntilTimeLimit, UntilWindowCloses, WindowedStream, bytes, data as data_serde, json, text,
};
pub use context::{CheckPoint, NewSplit, RemoveSplit, SystemMessage, WallClock, Watermark};
pub use data::{Data, Key};
pub use driver::TestDriver;
pub use error::{DataError, StreamsError};
pub use gantry_coordination::CommittedReader;
pub use json::{DataStream, DataStreamSource, DataWindow, Fields};
pub use metrics::OperatorStatus;
pub use processor::{Processor, ProcessorContext, PunctuationType, Punctuator, Store};
pub use query::{QueryError, StoreInfo, StoreKind};
pub use record::Record;
pub use runtime::{Instance, StandbyStatus, StoreQuery, Streams, TaskPlace, TaskStatus};
pub use settings::{BadRecords, Guarantee, Instances, MySqlStore, Settings, Start, StateStore};
pub use store::{KeyedStore, WindowStore};
pub use window::{
    Emit, Hopping, JoinWindows, Kind, Session, Sliding, Tumbling, Window, Windowed, Windows,
};
