//! The task: what its thread has read.

use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use gantry_api::{Error, Props, Result, SourceRecord, SourceTask, SourceTaskContext, async_trait};
use tokio::sync::mpsc::{self, Receiver};

use super::config::{Kind, Paths, Work, format};
use super::format::Format;
use super::keeper::{BATCHES, Batch, Keeper, Shared};
use super::local::Local;
use super::place::Place;

/// A thread that is told to end does so within this time, unless a file is being copied to another file
/// system.
const END: Duration = Duration::from_secs(10);
const END_LOOK: Duration = Duration::from_millis(5);

/// A thread that keeps the files of a place.
#[derive(Debug)]
struct Running {
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
    fn start(
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
    async fn next(&mut self) -> Batch {
        match self.batches.recv().await {
            Some(batch) => {
                self.shared.wake();
                batch
            }
            None => Err(Error::connect("the thread that reads files has ended without a word")),
        }
    }

    fn acknowledge(&self, count: u64) {
        self.shared.acknowledge(count);
    }

    /// Waits until what was acknowledged is taken away.
    async fn end(mut self) {
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

/// What a task reads files of.
pub(crate) struct Opened {
    pub(crate) place: Box<dyn Place>,
    pub(crate) work: Work,
    pub(crate) format: Box<dyn Format>,
}

/// Opens the place that a configuration names.
#[async_trait]
pub(crate) trait Opens: Send + Sync + 'static {
    /// What threads are named after.
    const NAME: &'static str;
    async fn open(&self, ctx: &SourceTaskContext, props: &Props) -> Result<Opened>;
}

/// Reads the files of a place, wherever that is.
#[derive(Debug)]
pub(crate) struct FilesTask<O> {
    opens: O,
    running: Option<Running>,
}

impl<O> FilesTask<O> {
    pub(crate) fn new(opens: O) -> Self {
        Self { opens, running: None }
    }
}

#[async_trait]
impl<O: Opens> SourceTask for FilesTask<O> {
    async fn start(&mut self, ctx: SourceTaskContext, props: &Props) -> Result<()> {
        let Opened { place, work, format } = self.opens.open(&ctx, props).await?;
        let name = format!("{}-{}-{}", O::NAME, ctx.connector, ctx.task);
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

/// Opens a directory of this machine.
#[async_trait]
impl Opens for Kind {
    const NAME: &'static str = "spooldir";

    async fn open(&self, ctx: &SourceTaskContext, props: &Props) -> Result<Opened> {
        let parsed = self.definition().parse(props)?;
        let paths = Paths::new(&parsed)?;
        paths.check()?;
        let (format, stamps) = format(*self, &parsed)?;
        let work = Work::new(&parsed, stamps);
        Ok(Opened { place: Box::new(Local::new(paths, &ctx.connector)), work, format })
    }
}
