//! Lines on standard output, for the program that watches the test.

use std::fmt;

use gantry_api::{Error, Result};
use tokio::io::{AsyncWrite, AsyncWriteExt, stdout};

/// What is written at once, in bytes. Tasks share standard output: each write holds whole lines,
/// and is small enough to be taken in one piece.
const WRITE_BYTES: usize = 256 * 1024;

/// Writes whole lines in the order given. What is not written yet stays when a future of it is
/// dropped, and goes first the next time: no line is lost, doubled or cut.
pub(super) struct Printer {
    out: Box<dyn AsyncWrite + Send + Unpin>,
    waiting: Vec<u8>,
}

impl Default for Printer {
    fn default() -> Self {
        Self::to(Box::new(stdout()))
    }
}

impl fmt::Debug for Printer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Printer({} bytes wait)", self.waiting.len())
    }
}

impl Printer {
    pub(super) fn to(out: Box<dyn AsyncWrite + Send + Unpin>) -> Self {
        Self { out, waiting: Vec::new() }
    }

    /// Adds a line to what waits.
    pub(super) fn line(&mut self, text: &str) {
        self.waiting.extend_from_slice(text.as_bytes());
        self.waiting.push(b'\n');
    }

    /// Whether so much waits that it should be written before there is more.
    pub(super) fn is_full(&self) -> bool {
        self.waiting.len() >= WRITE_BYTES
    }

    /// Writes what waits. Cancel safe.
    pub(super) async fn flush(&mut self) -> Result<()> {
        let failed = |error: std::io::Error| {
            Error::connect(format!(
                "Could not write to standard output: {error}. Read it to its end, then restart \
                 the task"
            ))
            .caused_by(Error::io("standard output", &error))
        };
        while !self.waiting.is_empty() {
            let written = self.out.write(next_write(&self.waiting)).await.map_err(failed)?;
            if written == 0 {
                return Err(failed(std::io::ErrorKind::WriteZero.into()));
            }
            self.waiting.drain(..written);
        }
        self.out.flush().await.map_err(failed)
    }
}

/// The whole lines to write next: one at least.
fn next_write(waiting: &[u8]) -> &[u8] {
    let Some(fits) = waiting.get(..WRITE_BYTES) else { return waiting };
    let is_end = |byte: &u8| *byte == b'\n';
    let last = fits.iter().rposition(is_end).or_else(|| waiting.iter().position(is_end));
    last.and_then(|last| waiting.get(..=last)).unwrap_or(waiting)
}
