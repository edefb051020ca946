//! One connection: requests go out in the order given, answers come back in any.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::BytesMut;
use gantry_log::Str;
use rocketmq_protocol::{EncodedFrame, RemotingCommand};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufWriter};
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::error::CallError;

/// The largest answer that is taken: a pull gives some hundred KiB, a list of all topics some MiB.
const FRAME_BYTES_MAX: usize = 64 << 20;
/// Bytes that are read at once.
const READ_BYTES: usize = 64 << 10;
/// Requests that wait to be written.
const QUEUED_MAX: usize = 256;

type Answer = oneshot::Sender<RemotingCommand>;

/// What was asked, and why the connection is no more.
#[derive(Default)]
struct Pending {
    asked: HashMap<i32, Answer>,
    lost: Option<Str>,
}

fn lock(pending: &Mutex<Pending>) -> MutexGuard<'_, Pending> {
    pending.lock().unwrap_or_else(PoisonError::into_inner)
}

/// An open connection. Dropping it closes it.
pub(super) struct Connection {
    addr: Str,
    frames: mpsc::Sender<EncodedFrame>,
    pending: Arc<Mutex<Pending>>,
    closed: CancellationToken,
    _close: DropGuard,
}

impl Connection {
    /// Takes an open stream. Requests of the other side's are counted in `notices`. `mute` is a
    /// guess why the other side closes it without an answer to anything.
    pub(super) fn new<S>(
        addr: Str,
        stream: S,
        notices: watch::Sender<u64>,
        mute: &'static str,
    ) -> Self
    where
        S: AsyncRead + AsyncWrite + Send + 'static,
    {
        let (read, write) = tokio::io::split(stream);
        let (frames, queue) = mpsc::channel(QUEUED_MAX);
        let pending = Arc::new(Mutex::new(Pending::default()));
        let closed = CancellationToken::new();
        let of_reader = Arc::clone(&pending);
        let token = closed.clone();
        tokio::spawn(async move {
            let reason = tokio::select! {
                () = token.cancelled() => Str::from("closed"),
                reason = read_answers(read, &of_reader, &notices, mute) => reason,
                reason = write_requests(write, queue) => reason,
            };
            let mut pending = lock(&of_reader);
            pending.lost = Some(reason);
            // Whoever waits learns it at once.
            pending.asked.clear();
            token.cancel();
        });
        let close = closed.clone().drop_guard();
        Self { addr, frames, pending, closed, _close: close }
    }

    /// Whether it is still there.
    pub(super) fn is_open(&self) -> bool {
        !self.closed.is_cancelled()
    }

    /// Sends a request and waits for the answer.
    pub(super) async fn call(
        &self,
        request: RemotingCommand,
        timeout: Duration,
    ) -> Result<RemotingCommand, CallError> {
        let id = request.opaque();
        let frame = EncodedFrame::from_command(request).map_err(|error| CallError::Answer {
            addr: Str::clone(&self.addr),
            reason: format!("the request cannot be written: {error}").into(),
        })?;
        let (answer, answered) = oneshot::channel();
        {
            let mut pending = lock(&self.pending);
            if pending.lost.is_some() {
                drop(pending);
                return Err(self.lost());
            }
            pending.asked.insert(id, answer);
        }
        let _forget = Forget { pending: &self.pending, id };
        let exchange = async {
            self.frames.send(frame).await.map_err(|_| self.lost())?;
            answered.await.map_err(|_| self.lost())
        };
        match tokio::time::timeout(timeout, exchange).await {
            Ok(answer) => answer,
            Err(_) => Err(CallError::Timeout {
                addr: Str::clone(&self.addr),
                timeout_ms: u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX),
            }),
        }
    }

    fn lost(&self) -> CallError {
        let reason = lock(&self.pending).lost.clone();
        let reason = reason.unwrap_or_else(|| "it closes".into());
        CallError::Lost { addr: Str::clone(&self.addr), reason }
    }
}

/// Forgets a request that nobody waits for any more.
struct Forget<'a> {
    pending: &'a Mutex<Pending>,
    id: i32,
}

impl Drop for Forget<'_> {
    fn drop(&mut self) {
        lock(self.pending).asked.remove(&self.id);
    }
}

/// Gives each answer to who asked, until the connection ends; gives the reason.
async fn read_answers(
    mut read: impl AsyncRead + Unpin,
    pending: &Mutex<Pending>,
    notices: &watch::Sender<u64>,
    mute: &str,
) -> Str {
    let mut answered = false;
    let mut buffer = BytesMut::with_capacity(READ_BYTES);
    loop {
        loop {
            match RemotingCommand::decode_with_max_frame_bytes(&mut buffer, FRAME_BYTES_MAX) {
                Ok(Some(command)) if command.is_response_type() => {
                    answered = true;
                    if let Some(answer) = lock(pending).asked.remove(&command.opaque()) {
                        // Whoever asked may have gone.
                        let _ = answer.send(command);
                    }
                }
                Ok(Some(_)) => notices.send_modify(|count| *count += 1),
                Ok(None) => break,
                Err(error) => return format!("a frame cannot be read: {error}").into(),
            }
        }
        buffer.reserve(READ_BYTES);
        match read.read_buf(&mut buffer).await {
            Ok(0) if answered => return "closed by the other side".into(),
            Ok(0) => return format!("closed by the other side without an answer{mute}").into(),
            Ok(_) => {}
            Err(error) => return error.to_string().into(),
        }
    }
}

/// Writes requests until the connection ends; gives the reason.
async fn write_requests(
    write: impl AsyncWrite + Unpin,
    mut queue: mpsc::Receiver<EncodedFrame>,
) -> Str {
    let mut write = BufWriter::with_capacity(READ_BYTES, write);
    while let Some(frame) = queue.recv().await {
        for segment in frame.segments() {
            if let Err(error) = write.write_all(segment).await {
                return error.to_string().into();
            }
        }
        if queue.is_empty()
            && let Err(error) = write.flush().await
        {
            return error.to_string().into();
        }
    }
    "closed".into()
}
