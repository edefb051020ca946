//! Standard input, pipes and devices: no positions, read by a thread of their own.
//!
//! A thread that waits for input cannot be stopped, and what it has read must not be lost to a
//! restarted task. So an input belongs to the process, and a task borrows it.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::FileTypeExt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use gantry_api::{Error, Result};
use tokio::sync::mpsc;

use super::config::{FILE, file_error};
use super::follower::{CHUNK_BYTES, LINE_BYTES_MAX};
use super::lines::{Block, complete};

/// How many chunks wait for the task.
const CHUNKS_WAITING: usize = 4;

/// Inputs by path, standard input under no path; `None` while a task has it.
static INPUTS: Mutex<BTreeMap<Option<String>, Option<Input>>> = Mutex::new(BTreeMap::new());

fn inputs() -> MutexGuard<'static, BTreeMap<Option<String>, Option<Input>>> {
    INPUTS.lock().unwrap_or_else(PoisonError::into_inner)
}

#[derive(Debug)]
struct Input {
    chunks: mpsc::Receiver<io::Result<Vec<u8>>>,
    /// The beginning of a line.
    carry: Vec<u8>,
    /// Lines read and not given out.
    left: Option<Block>,
    ended: bool,
    /// Reading failed, and the thread that read has ended.
    broken: bool,
}

/// An input that one task has borrowed until this is dropped.
#[derive(Debug)]
pub(super) struct Stream {
    name: Option<String>,
    input: Option<Input>,
}

impl Drop for Stream {
    fn drop(&mut self) {
        let (name, input) = (self.name.take(), self.input.take());
        if input.as_ref().is_some_and(|input| input.broken) {
            // Its thread has ended with the error: the next task starts another.
            inputs().remove(&name);
        } else {
            inputs().insert(name, input);
        }
    }
}

impl Stream {
    /// Standard input, or the pipe or device at a path.
    pub(super) fn open(path: Option<&str>) -> Result<Self> {
        let name = path.map(str::to_owned);
        let mut inputs = inputs();
        let input = match inputs.get_mut(&name) {
            Some(free) => free.take().ok_or_else(|| in_use(path))?,
            None => start(path).map_err(|error| {
                Error::connect(format!("Could not start a thread to read input: {error}"))
            })?,
        };
        inputs.insert(name.clone(), None);
        Ok(Self { name, input: Some(input) })
    }

    /// Lines that the last borrower had left.
    pub(super) fn take_left(&mut self) -> Option<Block> {
        self.input.as_mut().and_then(|input| input.left.take())
    }

    /// Gives lines back, for the next borrower.
    pub(super) fn leave(&mut self, block: Option<Block>) {
        if let Some(input) = &mut self.input {
            input.left = block;
        }
    }

    /// Waits for whole lines; for ever once the input has ended. Cancel safe.
    pub(super) async fn next(&mut self) -> Result<Block> {
        loop {
            let Some(input) = self.input.as_mut().filter(|input| !input.ended) else {
                return std::future::pending().await;
            };
            match input.chunks.recv().await {
                Some(Ok(chunk)) => {
                    if let Some(block) = input.add(&chunk)? {
                        return Ok(block);
                    }
                }
                Some(Err(error)) => {
                    input.broken = true;
                    return Err(self.failed(&error));
                }
                None => {
                    input.ended = true;
                    if !input.carry.is_empty() {
                        return Ok(Block::last_line(std::mem::take(&mut input.carry), 0));
                    }
                }
            }
        }
    }

    fn failed(&self, error: &io::Error) -> Error {
        let path = self.name.as_deref().unwrap_or("stdin");
        file_error("Could not read", path, error, "Check what it is connected to")
    }
}

impl Input {
    fn add(&mut self, chunk: &[u8]) -> Result<Option<Block>> {
        let scanned = self.carry.len();
        self.carry.extend_from_slice(chunk);
        let whole = complete(&self.carry, scanned);
        if whole == 0 {
            if self.carry.len() > LINE_BYTES_MAX {
                return Err(Error::connect(format!(
                    "A line of the input is longer than {LINE_BYTES_MAX} bytes, the most that is \
                     read as one line. Check that the input is text in lines"
                )));
            }
            return Ok(None);
        }
        let rest = self.carry.split_off(whole);
        let mut lines = std::mem::replace(&mut self.carry, rest);
        lines.shrink_to_fit();
        Ok(Some(Block::new(lines, 0)))
    }
}

fn in_use(path: Option<&str>) -> Error {
    let what = path.unwrap_or("Standard input");
    Error::connect(format!(
        "{what} is already read by another task. Two connectors cannot share one input without \
         positions: set key '{FILE}' to different files"
    ))
}

fn start(path: Option<&str>) -> io::Result<Input> {
    let (sender, chunks) = mpsc::channel(CHUNKS_WAITING);
    let path = path.map(str::to_owned);
    std::thread::Builder::new()
        .name("file-input".to_owned())
        .spawn(move || run(path.as_deref(), &sender))?;
    Ok(Input { chunks, carry: Vec::new(), left: None, ended: false, broken: false })
}

fn run(path: Option<&str>, sender: &mpsc::Sender<io::Result<Vec<u8>>>) {
    let outcome = match path {
        None => pump(&mut io::stdin().lock(), sender),
        Some(path) => read_path(path, sender),
    };
    if let Err(error) = outcome {
        // The task may be gone, then nobody needs to know.
        let _ = sender.blocking_send(Err(error));
    }
}

/// A pipe is held open for writing too: its writers may come and go without ending it, and
/// nothing is lost between one and the next. A device ends once.
fn read_path(path: &str, sender: &mpsc::Sender<io::Result<Vec<u8>>>) -> io::Result<()> {
    let fifo = std::fs::metadata(path)?.file_type().is_fifo();
    let mut file = OpenOptions::new().read(true).write(fifo).open(path)?;
    pump(&mut file, sender)
}

fn pump(input: &mut dyn Read, sender: &mpsc::Sender<io::Result<Vec<u8>>>) -> io::Result<()> {
    let mut buffer = vec![0; CHUNK_BYTES];
    loop {
        match input.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(count) => {
                let chunk = buffer.get(..count).unwrap_or_default().to_vec();
                if sender.blocking_send(Ok(chunk)).is_err() {
                    return Ok(());
                }
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn last_line_needs_no_end() {
        let (sender, chunks) = mpsc::channel(CHUNKS_WAITING);
        let thread = std::thread::spawn(move || pump(&mut &b"one\ntwo\r\nthree"[..], &sender));
        let input = Input { chunks, carry: Vec::new(), left: None, ended: false, broken: false };
        let mut stream = Stream { name: Some("test".to_owned()), input: Some(input) };
        let mut lines = Vec::new();
        for _ in 0..2 {
            stream.next().await.unwrap().drain(9, |line, _| lines.push(line.to_string()));
        }
        assert_eq!(lines, ["one", "two", "three"]);
        thread.join().unwrap().unwrap();
        let more = tokio::time::timeout(std::time::Duration::from_millis(20), stream.next()).await;
        assert!(more.is_err(), "an input that has ended waits");
    }

    #[tokio::test]
    async fn an_input_that_could_not_be_read_is_opened_anew() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("late");
        let name = path.to_str().unwrap();
        assert!(Stream::open(Some(name)).unwrap().next().await.is_err());
        std::fs::write(&path, "there now\n").unwrap();
        let mut again = Stream::open(Some(name)).unwrap();
        let block = tokio::time::timeout(std::time::Duration::from_secs(10), again.next()).await;
        assert!(block.expect("it reads again").is_ok());
    }
}
