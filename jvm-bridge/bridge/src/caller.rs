//! Callers of Java. Each has its own channel and makes one call at a time.
//!
//! A task's calls may take for ever, so they have a thread of their own, with a stack as large as
//! Java code is used to; the async side waits for the reply. What belongs to no thread
//! (converters, transformations, definitions) is called from wherever it is needed.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use gantry_api::{Error, Result};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use crate::home::{Channel, Home, Interrupter};
use crate::wire::{Failure, Operation, Reader, Writer};

/// As much as Java's own threads have by far: deep recursions of parsers have been seen.
const STACK_BYTES: usize = 8 << 20;
/// How long a call that nobody waits for any more may go on before its thread is interrupted.
const PATIENCE: Duration = Duration::from_secs(1);

/// After so long, and then after twice that and so on, a call that has not come back is told of.
const SLOW: Duration = Duration::from_secs(60);

/// A call in a home's JVM, from this thread.
pub(crate) struct SyncCaller {
    home: Arc<Home>,
    channel: Channel,
    /// When the home was last found sound.
    generation: u64,
}

impl SyncCaller {
    pub(crate) fn open(home: &Arc<Home>) -> Result<Self> {
        Ok(Self::over(home, home.channel()?))
    }
    pub(crate) fn over(home: &Arc<Home>, channel: Channel) -> Self {
        Self { channel, generation: home.generation(), home: Arc::clone(home) }
    }
    pub(crate) fn into_channel(self) -> Channel {
        self.channel
    }
    fn found(&self) -> Found {
        Found { home: Arc::clone(&self.home), interrupter: self.channel.interrupter() }
    }
    /// One call; what Java throws is the error.
    pub(crate) fn call(
        &mut self,
        operation: Operation,
        handle: i64,
        request: &[u8],
    ) -> Result<Bytes> {
        if operation.moves_records() {
            self.home.check(self.generation)?;
        }
        match self.channel.call(operation, handle, request)? {
            Ok(reply) => Ok(reply),
            Err(failure) => Err(self.failed(failure)),
        }
    }
    fn failed(&self, failure: Failure) -> Error {
        if failure.is_out_of_memory() {
            self.home.ran_out_of_memory();
        }
        failure.into_error()
    }
}

impl std::fmt::Debug for SyncCaller {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SyncCaller")
    }
}

/// What a thread does when nobody calls it any more.
#[derive(Clone, Copy, Debug)]
struct Ending {
    handle: i64,
    /// How the plugin is stopped, unless it was.
    stop: Option<Operation>,
}

/// A call under way.
#[derive(Clone, Copy, Debug)]
struct Calling {
    operation: Operation,
    handle: i64,
    begun: Instant,
    /// When it is told of, if it has not come back.
    slow_at: Instant,
}

impl Calling {
    fn begin(operation: Operation, handle: i64) -> Self {
        let begun = Instant::now();
        Self { operation, handle, begun, slow_at: begun + SLOW }
    }
}

struct Job {
    operation: Operation,
    handle: i64,
    request: Vec<u8>,
    reply: oneshot::Sender<Result<Bytes>>,
}

/// Where a caller's thread calls, and what interrupts it.
struct Found {
    home: Arc<Home>,
    interrupter: Interrupter,
}

/// A thread that calls Java.
pub(crate) struct Caller {
    name: String,
    jobs: mpsc::Sender<Job>,
    /// Known once its thread has found its home.
    found: Arc<OnceLock<Found>>,
    /// The reply to the last call, if nobody has waited for it to its end.
    pending: Option<oneshot::Receiver<Result<Bytes>>>,
    /// The call that was begun last.
    calling: Calling,
    /// A reply that has come and nobody has taken.
    ready: Option<Result<Bytes>>,
    ending: Arc<Mutex<Option<Ending>>>,
}

impl std::fmt::Debug for Caller {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Caller({})", self.name)
    }
}

impl Caller {
    /// Starts a thread of that name; `home` is asked for there, as a JVM may have to start.
    pub(crate) fn start(
        name: &str,
        home: impl FnOnce() -> Result<Arc<Home>> + Send + 'static,
    ) -> Result<Self> {
        // One call at a time.
        let (jobs, queue) = mpsc::channel(1);
        let found = Arc::new(OnceLock::new());
        let tell = Arc::clone(&found);
        let ending = Arc::new(Mutex::new(None));
        let at_end = Arc::clone(&ending);
        std::thread::Builder::new()
            .name(name.to_owned())
            .stack_size(STACK_BYTES)
            .spawn(move || {
                let mut caller = home().and_then(|home| SyncCaller::open(&home));
                serve(&mut caller, &tell, queue);
                end(caller, &at_end);
            })
            .map_err(|error| Error::io(format!("The thread {name} cannot be started"), &error))?;
        let calling = Calling::begin(Operation::Release, 0);
        Ok(Self { name: name.to_owned(), jobs, found, pending: None, calling, ready: None, ending })
    }

    /// Where it calls. An error before its first call has come back.
    pub(crate) fn home(&self) -> Result<Arc<Home>> {
        self.found.get().map(|found| Arc::clone(&found.home)).ok_or_else(|| self.gone())
    }

    /// Calls and waits for the reply. Cancel safe: a call that was begun goes on, and the next one
    /// waits for its end.
    pub(crate) async fn call(
        &mut self,
        operation: Operation,
        handle: i64,
        request: Writer,
    ) -> Result<Bytes> {
        self.begin(operation, handle, request).await?;
        self.settle().await
    }

    /// Whether a call was begun whose reply nobody has taken.
    pub(crate) fn is_pending(&self) -> bool {
        self.pending.is_some() || self.ready.is_some()
    }

    /// Whether the reply is there, and nobody has taken it.
    pub(crate) fn has_reply(&mut self) -> bool {
        if let Some(Ok(reply)) = self.pending.as_mut().map(oneshot::Receiver::try_recv) {
            self.pending = None;
            self.ready = Some(reply);
        }
        self.ready.is_some()
    }

    /// Has a plugin stopped, if `stop` says how, and released when this caller is gone, whatever
    /// becomes of who has it.
    pub(crate) fn ends_with(&self, handle: i64, stop: Option<Operation>) {
        let mut ending = self.ending.lock().unwrap_or_else(PoisonError::into_inner);
        *ending = Some(Ending { handle, stop });
    }

    /// Stops the plugin that it ends with, and releases it.
    pub(crate) async fn stop(mut self, stop: Operation, handle: i64) -> Result<()> {
        // From here on it is stopped once, however long it takes.
        self.outwait().await;
        self.ends_with(handle, None);
        self.call(stop, handle, Writer::new()).await.map(|_| ())
    }

    /// Begins a call; [`Caller::settle`] waits for its reply.
    pub(crate) async fn begin(
        &mut self,
        operation: Operation,
        handle: i64,
        request: Writer,
    ) -> Result<()> {
        self.outwait().await;
        let (reply, pending) = oneshot::channel();
        let job = Job { operation, handle, request: request.into_bytes(), reply };
        self.jobs.send(job).await.map_err(|_| self.gone())?;
        self.calling = Calling::begin(operation, handle);
        self.pending = Some(pending);
        Ok(())
    }

    /// Waits for the reply to the call that was begun. Cancel safe.
    pub(crate) async fn settle(&mut self) -> Result<Bytes> {
        if let Some(reply) = self.ready.take() {
            return reply;
        }
        loop {
            let Some(pending) = &mut self.pending else {
                return Err(Error::connect("no call into Java was begun"));
            };
            match tokio::time::timeout_at(self.calling.slow_at, pending).await {
                Ok(reply) => {
                    self.pending = None;
                    return reply.unwrap_or_else(|_| Err(self.gone()));
                }
                Err(_) => self.tell_slow(),
            }
        }
    }

    /// Says where a call hangs; the next time after twice as long.
    fn tell_slow(&mut self) {
        let Calling { operation, handle, begun, .. } = self.calling;
        self.calling.slow_at = Instant::now() + begun.elapsed();
        // A source may wait for something to come for as long as it likes.
        let Some(found) = self.found.get().filter(|_| operation != Operation::Poll) else { return };
        let (home, thread) = (Arc::clone(&found.home), self.name.clone());
        let tell = move || {
            let stacks = home.call(Operation::Stacks, handle, &Writer::new());
            let stacks = stacks.and_then(|reply| Ok(Reader::new(reply).str()?));
            let stacks = stacks.unwrap_or_else(|error| error.message().to_owned());
            let seconds = begun.elapsed().as_secs();
            tracing::warn!(
                thread,
                ?operation,
                seconds,
                "a Java call has not come back; it is at\n{}",
                stacks.trim_end()
            );
        };
        // On a thread of its own, as the JVM may not answer either.
        let spawned = std::thread::Builder::new().name("java-stacks".to_owned()).spawn(tell);
        if let Err(error) = spawned {
            tracing::warn!(%error, "cannot look where a Java call hangs");
        }
    }

    /// Waits for a call that nobody waits for any more. One that takes too long is interrupted,
    /// as often as its thread sleeps again.
    async fn outwait(&mut self) {
        self.ready = None;
        while let Some(pending) = &mut self.pending {
            match tokio::time::timeout(PATIENCE, pending).await {
                Ok(_) => self.pending = None,
                Err(_) => self.interrupt(),
            }
        }
    }

    fn interrupt(&self) {
        if let Some(found) = self.found.get() {
            found.interrupter.interrupt();
        }
    }

    fn gone(&self) -> Error {
        Error::connect(format!("The Java thread {} has ended", self.name))
    }
}

impl Drop for Caller {
    /// What it may still be doing is not waited for; the thread ends when it comes back.
    fn drop(&mut self) {
        if self.is_pending() && !self.has_reply() {
            tracing::warn!(thread = %self.name, "a Java call has not come back; its thread is interrupted and left");
            self.interrupt();
            if let Some(found) = self.found.get() {
                found.home.retire();
            }
        }
    }
}

/// What the thread does last.
fn end(caller: Result<SyncCaller>, ending: &Mutex<Option<Ending>>) {
    let ending = ending.lock().unwrap_or_else(PoisonError::into_inner).take();
    let (Ok(mut caller), Some(Ending { handle, stop })) = (caller, ending) else { return };
    for operation in stop.into_iter().chain([Operation::Release]) {
        if let Err(error) = caller.call(operation, handle, &[]) {
            tracing::debug!(%error, ?operation, "a Java plugin did not end as it should");
        }
    }
}

/// The thread's loop.
fn serve(caller: &mut Result<SyncCaller>, tell: &OnceLock<Found>, mut queue: mpsc::Receiver<Job>) {
    if let Ok(caller) = &caller {
        let _ = tell.set(caller.found());
    }
    while let Some(Job { operation, handle, request, reply }) = queue.blocking_recv() {
        let outcome = match caller {
            Ok(caller) => caller.call(operation, handle, &request),
            Err(error) => Err(error.clone()),
        };
        // Whoever asked may have gone.
        let _ = reply.send(outcome);
    }
}
