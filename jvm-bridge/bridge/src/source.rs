//! A Java source task: one thread polls, another tells it what became durable.

use gantry_api::{Error, Props, Result, SourceRecord, SourceTask, SourceTaskContext, async_trait};

use crate::caller::Caller;
use crate::plugins::PluginClass;
use crate::targets::{Registered, Target};
use crate::wire::{Decoder, Operation, Polled, Reader, Writer};

/// Overrides `commitRecord`.
const COMMITS_RECORDS: u8 = 1;
/// Overrides `commit`.
const COMMITS: u8 = 2;

/// A source task that lives in a JVM.
#[derive(Debug)]
pub(crate) struct JavaSourceTask {
    class: PluginClass,
    running: Option<Running>,
}

#[derive(Debug)]
struct Running {
    poller: Caller,
    /// As Kafka Connect does, from another thread than that which polls: a poll may wait long.
    committer: Option<Caller>,
    name: String,
    handle: i64,
    overrides: u8,
    decoder: Decoder,
    /// Who answers its context.
    _target: Registered,
}

impl JavaSourceTask {
    pub(crate) fn new(class: PluginClass) -> Self {
        Self { class, running: None }
    }

    fn running(&mut self) -> Result<&mut Running> {
        self.running.as_mut().ok_or_else(|| Error::connect("The task is not started"))
    }

    async fn tell(&mut self, operation: Operation, request: Writer) -> Result<()> {
        let running = self.running()?;
        let committer = match &mut running.committer {
            Some(committer) => committer,
            empty => {
                let name = format!("commit-thread-{}", running.name);
                let home = running.poller.home()?;
                empty.insert(Caller::start(&name, move || Ok(home))?)
            }
        };
        committer.call(operation, running.handle, request).await?;
        Ok(())
    }
}

#[async_trait]
impl SourceTask for JavaSourceTask {
    async fn start(&mut self, ctx: SourceTaskContext, props: &Props) -> Result<()> {
        let (class, isolation) = (self.class.clone(), ctx.isolation.clone());
        let (connector, task) = (ctx.connector.clone(), ctx.task);
        let name = format!("{connector}-{task}");
        let of = connector.clone();
        let mut poller =
            Caller::start(&format!("task-thread-{name}"), move || class.home_of(&of, &isolation))?;
        let transactions = ctx.defines_transactions;
        let target = Registered::new(Target::Source(ctx));
        let mut out = Writer::new();
        self.class.write(&mut out);
        out.i64(target.number).str(&connector).i32(i32::try_from(task).unwrap_or(i32::MAX));
        let handle = Reader::new(poller.call(Operation::NewTask, 0, out).await?).i64()?;
        poller.ends_with(handle, Some(Operation::StopTask));
        let mut out = Writer::new();
        out.props(props).u8(u8::from(transactions));
        // Kept before it is started: what `start` has begun, `stop` ends.
        let running = self.running.insert(Running {
            poller,
            committer: None,
            name,
            handle,
            overrides: 0,
            decoder: Decoder::default(),
            _target: target,
        });
        let reply = running.poller.call(Operation::StartTask, handle, out).await?;
        running.overrides = Reader::new(reply).u8()?;
        Ok(())
    }

    /// A poll that the runtime leaves goes on; what it gives is the next call's.
    async fn poll(&mut self) -> Result<Vec<SourceRecord>> {
        let running = self.running()?;
        if !running.poller.is_pending() {
            running.poller.begin(Operation::Poll, running.handle, Writer::new()).await?;
        }
        let reply = running.poller.settle().await;
        if reply.is_err() {
            // Java has forgotten what crossed before.
            running.decoder = Decoder::default();
        }
        let frame = reply?;
        let Polled { mut records, boundary } = running.decoder.polled(frame)?;
        if let (Some(last), true) = (records.last_mut(), boundary.is_some()) {
            last.boundary = boundary;
        }
        Ok(records)
    }

    fn wants_acknowledgements(&self) -> bool {
        self.running.as_ref().is_some_and(|running| running.overrides & COMMITS_RECORDS != 0)
    }

    async fn acknowledge(&mut self, count: u64) -> Result<()> {
        let mut out = Writer::new();
        out.varint(usize::try_from(count).unwrap_or(usize::MAX));
        self.tell(Operation::Committed, out).await
    }

    async fn commit(&mut self) -> Result<()> {
        let Some(running) = &mut self.running else { return Ok(()) };
        // Of records that it has given and nobody has taken it must not think that they are
        // committed.
        if running.overrides & COMMITS == 0 || running.poller.has_reply() {
            return Ok(());
        }
        self.tell(Operation::Commit, Writer::new()).await
    }

    async fn stop(&mut self) -> Result<()> {
        let Some(Running { poller, handle, _target, .. }) = self.running.take() else {
            return Ok(());
        };
        poller.stop(Operation::StopTask, handle).await
    }
}
