//! `FileStreamSource` and `FileStreamSink` under Kafka's class names; see this folder's README.

mod config;
mod follower;
mod lines;
mod mark;
mod output;
mod sink;
mod sink_task;
mod source;
mod source_task;
mod stream;
mod surplus;

#[cfg(test)]
mod tests;

pub use config::{SINK_CLASS, SOURCE_CLASS, plugins, sink_config, source_config};
pub use sink::FileStreamSink;
pub use sink_task::FileStreamSinkTask;
pub use source::FileStreamSource;
pub use source_task::FileStreamSourceTask;
