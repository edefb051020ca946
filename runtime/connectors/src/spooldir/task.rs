//! The task: what its thread has read.

use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use gantry_api::{Error, Props, Result, SourceRecord, SourceTask, SourceTaskContext, async_trait};
use tokio::sync::mpsc::{self, Receiver};

use super::config::{Kind, Paths, Work, format};
use super::keeper::{BATCHES, Batch, Keeper, Shared};
use super::local::Local;

/// A thread that is told to end does so within this time, unless a file is being copied to another file
/// system.
const END: Duration = Duration::from_secs(10);
const END_LOOK: Duration = Duration::from_millis(5);

/// A thread that keeps the files of a place.
#[derive(Debug)]
pub(crate) struct Running {
    shared: Arc<Shared>,
    batches: Receiver<Batch>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.shared.end();
    }
}

impl Running {
    /// Starts it.
    pub(crate) fn start(
        name: String,
        make: impl FnOnce(Arc<Shared>, mpsc::Sender<Batch>) -> Keeper,
    ) -> Result<Self> {
        let shared = Arc::new(Shared::default());
        let (sender, batches) = mpsc::channel(BATCHES);
        let keeper = make(Arc::clone(&shared), sender);
        let thread = thread::Builder::new()
            .name(name)
            .spawn(move || keeper.run())
            .map_err(|error| Error::io("no thread to read files", &error))?;
        Ok(Self { shared, batches, thread: Some(thread) })
    }

    /// The next batch. Cancel safe.
    pub(crate) async fn next(&mut self) -> Batch {
        match self.batches.recv().await {
            Some(batch) => {
                self.shared.wake();
                batch
            }
            None => Err(Error::connect("the thread that reads files has ended without a word")),
        }
    }

    pub(crate) fn acknowledge(&self, count: u64) {
        self.shared.acknowledge(count);
    }

    /// Waits until what was acknowledged is taken away.
    pub(crate) async fn end(mut self) {
        self.shared.end();
        let Some(thread) = self.thread.take() else { return };
        let ended = tokio::time::timeout(END, async {
            while !thread.is_finished() {
                tokio::time::sleep(END_LOOK).await;
            }
        });
        if ended.await.is_err() {
            tracing::warn!("a file is still being moved; going on without waiting for it");
        }
    }
}

/// Reads the files of a directory.
#[derive(Debug)]
pub(crate) struct SpoolDirTask {
    kind: Kind,
    running: Option<Running>,
}

impl SpoolDirTask {
    pub(crate) fn new(kind: Kind) -> Self {
        Self { kind, running: None }
    }
}

#[async_trait]
impl SourceTask for SpoolDirTask {
    async fn start(&mut self, ctx: SourceTaskContext, props: &Props) -> Result<()> {
        let parsed = self.kind.definition().parse(props)?;
        let paths = Paths::new(&parsed)?;
        paths.check()?;
        let (format, stamps) = format(self.kind, &parsed)?;
        let work = Work::new(&parsed, stamps);
        let place = Box::new(Local::new(paths, &ctx.connector));
        let name = format!("spooldir-{}-{}", ctx.connector, ctx.task);
        let offsets = Arc::clone(&ctx.offsets);
        self.running = Some(Running::start(name, |shared, sender| {
            Keeper::new(place, work, format, offsets, shared, sender)
        })?);
        Ok(())
    }

    async fn poll(&mut self) -> Result<Vec<SourceRecord>> {
        match &mut self.running {
            Some(running) => running.next().await,
            None => Err(Error::connect("Not started")),
        }
    }

    fn wants_acknowledgements(&self) -> bool {
        true
    }

    async fn acknowledge(&mut self, count: u64) -> Result<()> {
        if let Some(running) = &self.running {
            running.acknowledge(count);
        }
        Ok(())
    }

    async fn stop(&mut self) -> Result<()> {
        if let Some(running) = self.running.take() {
            running.end().await;
        }
        Ok(())
    }
}
