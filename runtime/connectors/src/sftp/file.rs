//! A file of the server, read ahead: several parts are asked for at once, so that the way to the server and back
//! does not bound how fast it is read.

use std::collections::VecDeque;
use std::io::{self, Read};
use std::sync::PoisonError;

use bytes::{Buf, Bytes};

use super::link::Shared;
use super::wire::Attributes;
use crate::spooldir::fault::Mark;
use crate::spooldir::place::{OpenFile, Stat};

/// So much every server gives at once.
const PART_BYTES: u32 = 32 << 10;
/// So many parts are on their way at most: 2 MiB. From where a file is begun they double, as of many files only
/// the beginning is looked at before.
const PARTS: usize = 64;

/// As the trait has it.
pub(super) fn stat_of(attributes: Attributes) -> Stat {
    Stat {
        length: attributes.length.unwrap_or(0),
        modified_ms: i64::from(attributes.modified_s.unwrap_or(0)) * 1000,
        inode: None,
    }
}

/// A part that was asked for.
#[derive(Clone, Copy, Debug)]
struct Part {
    id: u32,
    at: u64,
    length: u32,
}

/// A file that is open.
#[derive(Debug)]
pub(super) struct File {
    link: Shared,
    generation: u64,
    handle: Bytes,
    /// As long as it was when it was last looked at.
    length: u64,
    /// What comes next of what was read, and where what is asked for next begins.
    read: Bytes,
    next: u64,
    parts: VecDeque<Part>,
    ahead: usize,
}

impl File {
    pub(super) fn new(link: Shared, generation: u64, handle: Bytes) -> Self {
        Self {
            link,
            generation,
            handle,
            length: 0,
            read: Bytes::new(),
            next: 0,
            parts: VecDeque::new(),
            ahead: 1,
        }
    }

    /// The connection, unless it is another one than that on which the file was opened.
    fn with<T>(&self, ask: impl FnOnce(&mut super::link::Link) -> io::Result<T>) -> io::Result<T> {
        let mut link = self.link.lock().unwrap_or_else(PoisonError::into_inner);
        if link.generation() != self.generation {
            return Err(Mark::Away("the connection broke off while the file was read".to_owned())
                .into_error());
        }
        ask(&mut link)
    }

    /// Asks for as many parts as may be on their way; behind the end for one.
    fn ask_ahead(&mut self) -> io::Result<()> {
        let mut wanted = Vec::new();
        while self.parts.len() + wanted.len() < self.ahead
            && (self.next < self.length || self.parts.len() + wanted.len() == 0)
        {
            wanted.push(self.next);
            self.next += u64::from(PART_BYTES);
        }
        if wanted.is_empty() {
            return Ok(());
        }
        let handle = self.handle.clone();
        let asked = self.with(|link| {
            link.go_on(|wire| {
                Box::pin(async move {
                    let mut parts = Vec::with_capacity(wanted.len());
                    for at in wanted {
                        let id = wire.begin_read(&handle, at, PART_BYTES).await?;
                        parts.push(Part { id, at, length: PART_BYTES });
                    }
                    Ok(parts)
                })
            })
        })?;
        self.parts.extend(asked);
        Ok(())
    }

    /// Nobody waits for the parts any more.
    fn drop_parts(&mut self) -> io::Result<()> {
        let ids: Vec<u32> = self.parts.drain(..).map(|part| part.id).collect();
        if ids.is_empty() {
            return Ok(());
        }
        self.with(|link| {
            link.go_on(|wire| {
                Box::pin(async move {
                    wire.forget_all(ids);
                    Ok(())
                })
            })
        })
    }
}

impl Read for File {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if into.is_empty() {
            return Ok(0);
        }
        if self.read.is_empty() {
            self.ask_ahead()?;
            let Some(part) = self.parts.pop_front() else { return Ok(0) };
            let read = self
                .with(|link| link.go_on(|wire| Box::pin(wire.end_read(part.id))))?
                .unwrap_or_default();
            let count = read.len() as u64;
            self.ahead = (self.ahead * 2).min(PARTS);
            if count < u64::from(part.length) {
                // A short part: what was asked for behind it leaves a hole, or is behind the end.
                self.drop_parts()?;
                self.next = part.at + count;
            }
            if count == 0 {
                return Ok(0);
            }
            self.read = read;
        }
        let count = self.read.len().min(into.len());
        if let Some(into) = into.get_mut(..count) {
            self.read.copy_to_slice(into);
        }
        Ok(count)
    }
}

impl OpenFile for File {
    fn stat(&mut self) -> io::Result<Stat> {
        let handle = self.handle.clone();
        let found = self.with(|link| {
            link.go_on(|wire| Box::pin(async move { wire.handle_stat(&handle).await }))
        })?;
        self.length = found.length.unwrap_or(self.length);
        Ok(stat_of(found))
    }

    fn seek(&mut self, to: u64) -> io::Result<()> {
        self.drop_parts()?;
        self.read.clear();
        self.next = to;
        self.ahead = 1;
        Ok(())
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let ids: Vec<u32> = self.parts.drain(..).map(|part| part.id).collect();
        let handle = self.handle.clone();
        // A connection that broke off has closed it.
        let closed = self.with(|link| {
            link.go_on(|wire| Box::pin(async move { wire.abandon(&handle, ids.into_iter()).await }))
        });
        if let Err(error) = closed {
            tracing::debug!(%error, "a file was not closed");
        }
    }
}
