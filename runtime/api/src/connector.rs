//! What the author of a connector implements.

use std::ops::Range;

use async_trait::async_trait;
use gantry_model::Result;
use gantry_model::config::ConfigValue;
use gantry_model::plugin::Props;

use crate::context::{ConnectorContext, SinkTaskContext, SourceTaskContext};
use crate::offset::{OffsetMap, SinkOffset, SinkOffsets};
use crate::record::{SinkRecord, SourceRecord};
use gantry_model::TopicPartition;

/// Whether a source connector can be exactly-once with a given configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExactlyOnceSupport {
    /// It gives each record a position from which it goes on.
    Supported,
    /// It does not.
    Unsupported,
    /// The connector does not say.
    Unknown,
}

/// A connector: checks its configuration and splits the work into tasks.
///
/// Life cycle: `validate`* → `start` → `task_configs`* → `stop`. `validate` may be called on an
/// instance that is never started.
#[async_trait]
pub trait Connector: Send {
    /// Checks across keys that the definition cannot express: adds errors to the findings. Called
    /// on a thread that may be held up. An error says that nothing can be found out.
    fn validate(&self, _props: &Props, _findings: &mut Vec<ConfigValue>) -> Result<()> {
        Ok(())
    }

    /// The same where nothing may be asked of other systems, and values may still be variables.
    fn validate_offline(&self, props: &Props, findings: &mut Vec<ConfigValue>) -> Result<()> {
        self.validate(props, findings)
    }

    /// Takes the configuration. May do I/O; what it spawns ends when `ctx.cancel` fires.
    async fn start(&mut self, ctx: ConnectorContext, props: &Props) -> Result<()>;

    /// One configuration for each task, at most `max_tasks`. Called again after
    /// [`ConnectorContext::request_task_reconfiguration`].
    async fn task_configs(&mut self, max_tasks: u32) -> Result<Vec<Props>>;

    /// Ends what `start` began.
    async fn stop(&mut self) -> Result<()> {
        Ok(())
    }

    /// Whether a source is exactly-once with this configuration. May block.
    fn exactly_once_support(&self, _props: &Props) -> Result<ExactlyOnceSupport> {
        Ok(ExactlyOnceSupport::Unknown)
    }

    /// Whether a source says by itself, with this configuration, where its transactions end
    /// (`transaction.boundary=connector`): by [`SourceRecord::boundary`]. May block.
    fn defines_transactions(&self, _props: &Props) -> Result<bool> {
        Ok(false)
    }

    /// Asked before a user's offsets are written; `None` resets a partition. An error refuses
    /// the change. True: the connector knows these offsets and has none elsewhere. False: it has
    /// not looked at them, and the user is told so.
    ///
    /// The maps are those of the REST API; a sink's have `kafka_topic`, `kafka_partition` and
    /// `kafka_offset`.
    async fn alter_offsets(
        &mut self,
        _props: &Props,
        _changes: &[(OffsetMap, Option<OffsetMap>)],
    ) -> Result<bool> {
        Ok(false)
    }
}

/// A source task. Owned by the runtime and called from one place: `&mut self` needs no lock.
#[async_trait]
pub trait SourceTask: Send {
    /// Takes the task's configuration and finds where to go on through `ctx.offsets`.
    async fn start(&mut self, ctx: SourceTaskContext, props: &Props) -> Result<()>;

    /// Waits for data and gives a batch; empty means nothing for now and the runtime asks again
    /// after a moment. A source that has ended waits for ever.
    ///
    /// Cancel safe: the runtime drops this future to pause or stop. Records not yet given must
    /// be found again by the next call. Not called while too many bytes are unacknowledged:
    /// that is the back-pressure.
    async fn poll(&mut self) -> Result<Vec<SourceRecord>>;

    /// Whether [`SourceTask::acknowledge`] is to be called; asked once after `start`.
    fn wants_acknowledgements(&self) -> bool {
        false
    }

    /// How many further records, in the order polled, are durable in the log, were filtered
    /// out, or were tolerated as errors. For sources that confirm upstream.
    async fn acknowledge(&mut self, _count: u64) -> Result<()> {
        Ok(())
    }

    /// Called after offsets were committed.
    async fn commit(&mut self) -> Result<()> {
        Ok(())
    }

    /// Whether [`SourceTask::placed`] is to be called; asked once after `start`.
    fn wants_places(&self) -> bool {
        false
    }

    /// Which offsets in the log records got, in the order polled, once they are durable there;
    /// those of an exactly-once source may not be committed yet. Never while a poll waits.
    async fn placed(&mut self, _writes: Vec<Placed>) -> Result<()> {
        Ok(())
    }

    /// How many records the source has, as far as the task knows, that were not polled.
    fn lag(&self) -> Option<u64> {
        None
    }

    /// Ends what `start` began. Also called after a failure.
    async fn stop(&mut self) -> Result<()> {
        Ok(())
    }
}

/// One write of a source task that is durable.
#[derive(Clone, Debug, Default)]
pub struct Placed {
    /// How many further records polled it covers, those among them that were dropped.
    pub polled: u64,
    /// Each queue with how many records went there, and the offsets from the first of them to behind
    /// the last: others may have written between.
    pub queues: Vec<(TopicPartition, u64, Range<u64>)>,
}

/// A sink task. Owned by the runtime and called from one place: `&mut self` needs no lock.
#[async_trait]
pub trait SinkTask: Send {
    /// Takes the task's configuration.
    async fn start(&mut self, ctx: SinkTaskContext, props: &Props) -> Result<()>;

    /// Queues gained, with what was committed for them. Before the first record of any.
    async fn open(&mut self, _queues: &[(TopicPartition, Option<SinkOffset>)]) -> Result<()> {
        Ok(())
    }

    /// Takes a batch. Borrowed, so that a retry passes the same batch again: an error that
    /// [is retriable](gantry_model::Error::is_retriable) asks for it. Empty when there is
    /// nothing to read for now.
    async fn put(&mut self, records: &[SinkRecord]) -> Result<()>;

    /// Makes durable what was put and says what is safe to commit: by default all of
    /// `written`, the offset after the last record put of each queue.
    async fn pre_commit(&mut self, written: &SinkOffsets) -> Result<SinkOffsets> {
        self.flush(written).await?;
        Ok(written.clone())
    }

    /// Makes durable what was put. Called by the default `pre_commit`.
    async fn flush(&mut self, _written: &SinkOffsets) -> Result<()> {
        Ok(())
    }

    /// Queues lost, after their last `pre_commit`.
    async fn close(&mut self, _queues: &[TopicPartition]) -> Result<()> {
        Ok(())
    }

    /// Ends what `start` began. Also called after a failure.
    async fn stop(&mut self) -> Result<()> {
        Ok(())
    }
}
