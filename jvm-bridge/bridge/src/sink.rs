//! A Java sink task, on a thread of its own.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use gantry_api::{
    Error, Props, Result, SinkOffset, SinkOffsets, SinkRecord, SinkTask, SinkTaskContext,
    TopicPartition, async_trait,
};

use crate::caller::Caller;
use crate::plugins::PluginClass;
use crate::targets::{Registered, Target};
use crate::wire::{END, Encoder, Operation, Reader, Writer};

/// The task cannot report records that it could not deliver.
const NO_REPORTER: u8 = 2;

/// A sink task that lives in a JVM.
#[derive(Debug)]
pub(crate) struct JavaSinkTask {
    class: PluginClass,
    running: Option<Running>,
}

#[derive(Debug)]
struct Running {
    caller: Caller,
    handle: i64,
    encoder: Encoder,
    /// So long the last batch was.
    room: usize,
    /// Who answers its context.
    target: Registered,
}

impl JavaSinkTask {
    pub(crate) fn new(class: PluginClass) -> Self {
        Self { class, running: None }
    }

    async fn call(&mut self, operation: Operation, request: Writer) -> Result<Bytes> {
        let running = self.running()?;
        let reply = running.caller.call(operation, running.handle, request).await;
        if reply.is_err() {
            // Java has forgotten what crossed before.
            running.encoder.forget();
        }
        reply
    }

    fn running(&mut self) -> Result<&mut Running> {
        self.running.as_mut().ok_or_else(|| Error::connect("The task is not started"))
    }

    /// Changes the queues that its context tells of.
    fn assign(&mut self, change: impl FnOnce(&mut Vec<TopicPartition>)) -> Result<()> {
        if let Target::Sink { assigned, .. } = &*self.running()?.target.target {
            change(&mut assigned.lock().unwrap_or_else(PoisonError::into_inner));
        }
        Ok(())
    }
}

#[async_trait]
impl SinkTask for JavaSinkTask {
    async fn start(&mut self, ctx: SinkTaskContext, props: &Props) -> Result<()> {
        let (class, isolation) = (self.class.clone(), ctx.isolation.clone());
        let flags = if ctx.takes_errant { 0 } else { NO_REPORTER };
        let (connector, task) = (ctx.connector.clone(), ctx.task);
        let (name, of) = (format!("task-thread-{connector}-{task}"), connector.clone());
        let mut caller = Caller::start(&name, move || class.home_of(&of, &isolation))?;
        let target = Registered::new(Target::Sink {
            context: ctx,
            runtime: tokio::runtime::Handle::current(),
            assigned: Mutex::default(),
        });
        let mut out = Writer::new();
        self.class.write(&mut out);
        out.i64(target.number).str(&connector).i32(i32::try_from(task).unwrap_or(i32::MAX));
        let handle = Reader::new(caller.call(Operation::NewTask, 0, out).await?).i64()?;
        caller.ends_with(handle, Some(Operation::StopTask));
        let mut out = Writer::new();
        out.props(props).u8(flags);
        // Kept before it is started: what `start` has begun, `stop` ends.
        self.running =
            Some(Running { caller, handle, encoder: Encoder::default(), room: 0, target });
        self.call(Operation::StartTask, out).await?;
        Ok(())
    }

    async fn open(&mut self, queues: &[(TopicPartition, Option<SinkOffset>)]) -> Result<()> {
        let new: Vec<TopicPartition> = queues.iter().map(|(queue, _)| queue.clone()).collect();
        self.assign(|assigned| assigned.extend_from_slice(&new))?;
        let mut out = Writer::new();
        out.queues(new.iter());
        self.call(Operation::Open, out).await?;
        Ok(())
    }

    async fn put(&mut self, records: &[SinkRecord]) -> Result<()> {
        let running = self.running()?;
        let mut out = Writer::with_capacity(running.room);
        let encoder = &mut running.encoder;
        encoder.begin(&mut out);
        for record in records {
            encoder.sink_record(record, &mut out);
        }
        out.u8(END);
        running.room = out.as_bytes().len().next_multiple_of(4096);
        self.call(Operation::Put, out).await?;
        Ok(())
    }

    async fn pre_commit(&mut self, written: &SinkOffsets) -> Result<SinkOffsets> {
        let offsets: BTreeMap<TopicPartition, u64> =
            written.iter().map(|(queue, at)| (queue.clone(), at.offset)).collect();
        let mut out = Writer::new();
        out.offsets(&offsets);
        let reply = self.call(Operation::PreCommit, out).await?;
        let safe = Reader::new(reply).offsets()?;
        Ok(safe.into_iter().map(|(queue, offset)| (queue, SinkOffset::new(offset))).collect())
    }

    async fn close(&mut self, queues: &[TopicPartition]) -> Result<()> {
        let mut out = Writer::new();
        out.queues(queues.iter());
        let closed = self.call(Operation::Close, out).await;
        self.assign(|assigned| assigned.retain(|queue| !queues.contains(queue)))?;
        closed.map(|_| ())
    }

    async fn stop(&mut self) -> Result<()> {
        let Some(Running { caller, handle, target: _target, .. }) = self.running.take() else {
            return Ok(());
        };
        caller.stop(Operation::StopTask, handle).await
    }
}
