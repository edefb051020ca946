//! A JVM in a process of its own: a plugin that leaks, hangs or crashes takes nobody with it. The
//! same frames as within the process, over a Unix socket that Java connects to.

use std::collections::VecDeque;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use gantry_api::{Error, Result};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::jvm::{
    Java, NO_PERF_DATA, SMALL_COLLECTOR, class_path_option, says_collector, says_heap,
};
use crate::targets;
use crate::wire::{Failure, Operation, Writer};

/// The class that runs in the child.
const MAIN: &str = "gantry.bridge.Child";
/// How long a child may take to connect.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(60);
/// How long a child may take to end by itself.
const END_TIMEOUT: Duration = Duration::from_secs(5);
/// Between two looks at whether it has ended.
const END_POLL: Duration = Duration::from_millis(20);
/// The heap of a child whose options do not say.
const HEAP: &str = "-Xmx512m";
/// The last lines that it printed are kept, for whoever asks why it ended.
const LINES_KEPT: usize = 20;
/// Connections that Java has made and nobody has taken.
const CONNECTIONS_MAX: usize = 16;

/// The socket's name in its directory.
const SOCKET: &str = "socket";
/// As much of a line as is logged.
const LINE_BYTES_MAX: u64 = 64 << 10;

/// What a connection is for, by its first byte.
const CONTROL: u8 = 0;
const CHANNEL: u8 = 1;
const UPCALLS: u8 = 2;
/// Orders over the control connection.
const OPEN: u8 = 1;
const INTERRUPT: u8 = 2;

/// In place of the length of an answer.
const NOTHING: i32 = -1;
const REFUSED: i32 = -2;
/// What stands in front of a request.
const HEAD_BYTES: usize = 16;

type Lines = Arc<Mutex<VecDeque<String>>>;

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Told why a process has ended.
type Watcher = Box<dyn FnOnce(Error) + Send>;

/// What becomes of a process.
#[derive(Default)]
struct Fate {
    /// How it ended, once it has.
    status: Option<String>,
    watchers: Vec<Watcher>,
}

impl std::fmt::Debug for Fate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Fate({:?})", self.status)
    }
}

/// A child process with a JVM in it. Ends when this is dropped, and when this process ends.
#[derive(Debug)]
pub(crate) struct ChildJvm {
    connector: String,
    pid: u32,
    fate: Arc<Mutex<Fate>>,
    control: Arc<Mutex<UnixStream>>,
    opening: Mutex<Opening>,
    lines: Lines,
    /// Has the socket.
    dir: TempDir,
    /// Whether connections are taken no more.
    closing: Arc<AtomicBool>,
}

#[derive(Debug)]
struct Opening {
    channels: Receiver<UnixStream>,
    opened: i64,
}

impl ChildJvm {
    /// Starts one for a connector. Blocks until it has connected.
    pub(crate) fn start(
        java: &Java,
        jars: &[PathBuf],
        options: &[String],
        connector: &str,
    ) -> Result<Self> {
        let failed = |error: std::io::Error| {
            Error::io(format!("The JVM process of connector {connector} cannot be started"), &error)
        };
        let dir = socket_dir().map_err(failed)?;
        let socket = dir.path().join(SOCKET);
        let listener = UnixListener::bind(&socket).map_err(failed)?;
        let mut process = Command::new(java.launcher())
            .args(child_options(options))
            .arg(class_path_option(jars)?)
            .arg(MAIN)
            .arg(&socket)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // Ctrl-C is for this process, which stops its tasks first.
            .process_group(0)
            .spawn()
            .map_err(failed)?;
        let lines = Lines::default();
        follow(process.stdout.take(), connector, &lines).map_err(failed)?;
        follow(process.stderr.take(), connector, &lines).map_err(failed)?;
        let closing = Arc::<AtomicBool>::default();
        let until = Arc::clone(&closing);
        let (controls, control) = sync_channel(1);
        let (channels, opened) = sync_channel(CONNECTIONS_MAX);
        std::thread::Builder::new()
            .name("java-connections".to_owned())
            .spawn(move || accept(&listener, &controls, &channels, &until))
            .map_err(failed)?;
        let Some(control) = first(&control, &mut process) else {
            let _ = process.kill();
            let _ = process.wait();
            close(dir.path(), &closing);
            return Err(Error::connect(format!(
                "The JVM process of connector {connector} did not start: {}",
                said(&lines)
            )));
        };
        let (pid, fate) = (process.id(), Arc::<Mutex<Fate>>::default());
        tracing::info!(connector, pid, "JVM process started");
        let (of, seen, printed) = (connector.to_owned(), Arc::clone(&fate), Arc::clone(&lines));
        std::thread::Builder::new()
            .name("java-process".to_owned())
            .spawn(move || wait(process, &of, &seen, &printed))
            .map_err(failed)?;
        Ok(Self {
            connector: connector.to_owned(),
            pid,
            fate,
            control: Arc::new(Mutex::new(control)),
            opening: Mutex::new(Opening { channels: opened, opened: 0 }),
            lines,
            dir,
            closing,
        })
    }

    /// Whether it has not ended.
    pub(crate) fn is_alive(&self) -> bool {
        lock(&self.fate).status.is_none()
    }

    /// Tells somebody when it has ended by itself.
    pub(crate) fn on_end(&self, watcher: impl FnOnce(Error) + Send + 'static) {
        let mut fate = lock(&self.fate);
        match fate.status.clone() {
            None => fate.watchers.push(Box::new(watcher)),
            Some(status) => watcher(ended(&self.connector, &status, &self.lines)),
        }
    }

    /// A channel to it.
    pub(crate) fn channel(self: &Arc<Self>) -> Result<ChildChannel> {
        let mut opening = lock(&self.opening);
        let ordered = lock(&self.control).write_all(&[OPEN]);
        let stream =
            ordered.ok().and_then(|()| opening.channels.recv_timeout(CONNECT_TIMEOUT).ok());
        let stream = stream.ok_or_else(|| self.ended())?;
        let number = opening.opened;
        opening.opened += 1;
        Ok(ChildChannel { child: Arc::clone(self), stream, number })
    }

    /// Ends it at once.
    pub(crate) fn kill(&self) {
        if self.is_alive()
            && let Some(pid) = i32::try_from(self.pid).ok().and_then(Pid::from_raw)
        {
            let _ = kill_process(pid, Signal::KILL);
        }
    }

    /// Waits until it has ended; how it did.
    fn outlive(&self, limit: Duration) -> Option<String> {
        let until = Instant::now() + limit;
        loop {
            let status = lock(&self.fate).status.clone();
            if status.is_some() || Instant::now() >= until {
                return status;
            }
            std::thread::sleep(END_POLL);
        }
    }

    /// Why nothing comes from it any more.
    fn ended(&self) -> Error {
        let status = self.outlive(END_TIMEOUT);
        ended(&self.connector, status.as_deref().unwrap_or("it does not answer"), &self.lines)
    }
}

impl Drop for ChildJvm {
    fn drop(&mut self) {
        // Nobody is to be told of an end that was wanted.
        lock(&self.fate).watchers.clear();
        // The end of the control connection is the child's.
        let _ = lock(&self.control).shutdown(std::net::Shutdown::Both);
        if self.outlive(END_TIMEOUT).is_none() {
            self.kill();
        }
        close(self.dir.path(), &self.closing);
    }
}

/// Takes no more connections: the thread that waits for one is given one, and sees that it is over.
fn close(dir: &Path, closing: &AtomicBool) {
    closing.store(true, Ordering::Release);
    let _ = UnixStream::connect(dir.join(SOCKET));
}

/// Reaps a process, and tells those who watch it.
fn wait(mut process: Child, connector: &str, fate: &Mutex<Fate>, lines: &Lines) {
    let status = process.wait().map_or_else(|error| error.to_string(), |status| status.to_string());
    let watchers = {
        let mut fate = lock(fate);
        fate.status = Some(status.clone());
        std::mem::take(&mut fate.watchers)
    };
    for watcher in watchers {
        watcher(ended(connector, &status, lines));
    }
}

fn ended(connector: &str, status: &str, lines: &Lines) -> Error {
    let said = said(lines);
    Error::connect(format!("The JVM process of connector {connector} has ended: {status}. {said}"))
}

/// One caller's connection.
#[derive(Debug)]
pub(crate) struct ChildChannel {
    child: Arc<ChildJvm>,
    stream: UnixStream,
    number: i64,
}

impl ChildChannel {
    /// One call with a request of this length. The outer error is ours, the inner one what Java
    /// has thrown.
    pub(crate) fn call(
        &mut self,
        operation: Operation,
        handle: i64,
        request: &[u8],
        length: i32,
    ) -> Result<Result<Bytes, Failure>> {
        let (failed, reply) = match self.exchange(operation, handle, length, request) {
            Ok(replied) => replied,
            Err(_) => return Err(self.child.ended()),
        };
        if failed { Ok(Err(Failure::read(reply)?)) } else { Ok(Ok(reply)) }
    }

    fn exchange(
        &mut self,
        operation: Operation,
        handle: i64,
        length: i32,
        request: &[u8],
    ) -> std::io::Result<(bool, Bytes)> {
        let mut out = Writer::with_capacity(HEAD_BYTES + request.len());
        out.i32(operation as i32).i64(handle).i32(length).raw(request);
        self.stream.write_all(out.as_bytes())?;
        let replied = read_i32(&mut self.stream)?;
        let mut reply = vec![0; replied.unsigned_abs() as usize];
        self.stream.read_exact(&mut reply)?;
        Ok((replied < 0, reply.into()))
    }

    /// What interrupts the thread that is in a call.
    pub(crate) fn interrupter(&self) -> ChildInterrupter {
        ChildInterrupter { control: Arc::clone(&self.child.control), number: self.number }
    }
}

/// Interrupts a call from another thread.
#[derive(Clone, Debug)]
pub(crate) struct ChildInterrupter {
    control: Arc<Mutex<UnixStream>>,
    number: i64,
}

impl ChildInterrupter {
    pub(crate) fn interrupt(&self) {
        let mut order = Writer::new();
        order.u8(INTERRUPT).i64(self.number);
        // A child that has ended has no thread to interrupt.
        let _ = lock(&self.control).write_all(order.as_bytes());
    }
}

/// A directory that only this user can enter, short enough for a socket's path.
fn socket_dir() -> std::io::Result<TempDir> {
    let mine = fs::Permissions::from_mode(0o700);
    tempfile::Builder::new().prefix("gantry-").permissions(mine).tempdir()
}

fn child_options(given: &[String]) -> Vec<String> {
    // It looks after signals itself.
    let mut options = vec![NO_PERF_DATA.to_owned()];
    // What is half done after it would be wrong; the restart policy begins anew.
    options.push("-XX:+ExitOnOutOfMemoryError".to_owned());
    if !says_heap(given) {
        options.push(HEAP.to_owned());
    }
    if !says_collector(given) {
        options.push(SMALL_COLLECTOR.to_owned());
    }
    options.extend_from_slice(given);
    options
}

/// The control connection, once the child has made it; `None` if it ends before.
fn first(control: &Receiver<UnixStream>, process: &mut Child) -> Option<UnixStream> {
    let until = Instant::now() + CONNECT_TIMEOUT;
    while Instant::now() < until {
        if let Ok(stream) = control.recv_timeout(END_POLL) {
            return Some(stream);
        }
        if !matches!(process.try_wait(), Ok(None)) {
            return None;
        }
    }
    None
}

/// Takes connections until the socket's directory, and so the child, is gone.
fn accept(
    listener: &UnixListener,
    controls: &SyncSender<UnixStream>,
    channels: &SyncSender<UnixStream>,
    closing: &AtomicBool,
) {
    for stream in listener.incoming() {
        if closing.load(Ordering::Acquire) {
            return;
        }
        // Too many open files, for example: there may be room in a moment.
        let Ok(mut stream) = stream else {
            std::thread::sleep(END_POLL);
            continue;
        };
        let mut kind = [0];
        if stream.read_exact(&mut kind).is_err() {
            continue;
        }
        let taken = match kind[0] {
            CONTROL => controls.try_send(stream).is_ok(),
            CHANNEL => channels.send(stream).is_ok(),
            UPCALLS => std::thread::Builder::new()
                .name("java-upcalls".to_owned())
                .spawn(move || answer(stream))
                .is_ok(),
            _ => true,
        };
        if !taken {
            return;
        }
    }
}

/// Answers one Java thread until it ends.
fn answer(mut stream: UnixStream) {
    let mut one = || -> std::io::Result<()> {
        let operation = read_i32(&mut stream)?;
        let mut target = [0; 8];
        stream.read_exact(&mut target)?;
        let length = read_i32(&mut stream)?;
        let mut request = vec![0; usize::try_from(length).unwrap_or_default()];
        stream.read_exact(&mut request)?;
        let mut out = Writer::new();
        match targets::answer(operation, i64::from_le_bytes(target), request.into()) {
            Ok(None) => out.i32(NOTHING),
            Ok(Some(bytes)) => push(&mut out, &bytes),
            Err(error) => push(out.i32(REFUSED), error.message().as_bytes()),
        };
        stream.write_all(out.as_bytes())
    };
    while one().is_ok() {}
}

fn push<'a>(out: &'a mut Writer, bytes: &[u8]) -> &'a mut Writer {
    out.i32(i32::try_from(bytes.len()).unwrap_or(i32::MAX)).raw(bytes)
}

fn read_i32(from: &mut UnixStream) -> std::io::Result<i32> {
    let mut bytes = [0; 4];
    from.read_exact(&mut bytes)?;
    Ok(i32::from_le_bytes(bytes))
}

/// Logs what the child prints, and keeps the last of it: a JVM that crashes says so there.
fn follow(
    from: Option<impl Read + Send + 'static>,
    connector: &str,
    lines: &Lines,
) -> std::io::Result<()> {
    let Some(from) = from else { return Ok(()) };
    let (connector, lines) = (connector.to_owned(), Arc::clone(lines));
    let read = move || {
        let mut from = BufReader::new(from);
        let mut bytes = Vec::new();
        while let Ok(1..) = from.by_ref().take(LINE_BYTES_MAX).read_until(b'\n', &mut bytes) {
            let line = String::from_utf8_lossy(&bytes).trim_end().to_owned();
            bytes.clear();
            tracing::warn!(target: "java", connector, "{line}");
            let mut lines = lock(&lines);
            if lines.len() == LINES_KEPT {
                lines.pop_front();
            }
            lines.push_back(line);
        }
    };
    std::thread::Builder::new().name("java-output".to_owned()).spawn(read)?;
    Ok(())
}

fn said(lines: &Lines) -> String {
    let lines = lock(lines);
    match lines.is_empty() {
        true => "It printed nothing".to_owned(),
        false => format!("It printed: {}", lines.iter().cloned().collect::<Vec<_>>().join("\n")),
    }
}
