//! A file made of records that are taken out of others: of one queue, with their offsets.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use super::disk::{Disk, WriteFile};
use super::frame::{FrameBuilder, FrameKind, OldRecord, SECTION_BYTES_TARGET};
use super::housekeeper::{remove, rename_durably};
use super::index::{Placed, SegmentIndex};
use super::read::Fault;
use super::scan::file_header;
use super::segment::{FileName, Segment};
use super::state::Shared;
use crate::api::LogError;

/// The file being written, under another name until it is complete.
#[derive(Debug)]
pub(crate) struct Rewrite<'a> {
    shared: &'a Shared,
    disk: &'a dyn Disk,
    name: FileName,
    queue: u32,
    temporary: PathBuf,
    file: Option<Box<dyn WriteFile>>,
    len: u64,
    frames: u64,
    index: SegmentIndex,
    records: Vec<OldRecord>,
    bytes: usize,
    written_ms: u64,
}

impl<'a> Rewrite<'a> {
    pub(crate) fn begin(
        shared: &'a Shared,
        disk: &'a dyn Disk,
        name: FileName,
        queue: u32,
    ) -> Result<Self, LogError> {
        let temporary = name.path(&shared.config.dir).with_extension("log.tmp");
        let header = file_header(name.id());
        let mut rewrite = Self {
            shared,
            disk,
            name,
            queue,
            temporary,
            file: None,
            len: header.len() as u64,
            frames: 0,
            index: SegmentIndex::default(),
            records: Vec::new(),
            bytes: 0,
            written_ms: 0,
        };
        let created = disk.create(&rewrite.temporary).and_then(|mut file| {
            file.append(&[&header])?;
            Ok(file)
        });
        rewrite.file = Some(created.map_err(|error| rewrite.fault(&error))?);
        Ok(rewrite)
    }

    /// What the caller is told of a failed write.
    pub(crate) fn fault(&self, error: &io::Error) -> LogError {
        let path = self.temporary.display();
        LogError::Unavailable(format!("cannot write {path}: {error}; trying again later").into())
    }

    /// Records that follow count as written then, by the wall clock.
    pub(crate) fn written_at(&mut self, written_ms: u64) -> io::Result<()> {
        self.flush()?;
        self.written_ms = written_ms;
        Ok(())
    }

    /// Adds a record; offsets grow.
    pub(crate) fn push(&mut self, old: OldRecord) -> io::Result<()> {
        let size = old.record.size();
        if self.bytes + size > SECTION_BYTES_TARGET {
            self.flush()?;
        }
        self.bytes += size.max(1);
        self.records.push(old);
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        let (Some(first), Some(last)) = (self.records.first(), self.records.last()) else {
            return Ok(());
        };
        let (first, next) = (first.offset, last.offset + 1);
        let mut frame = FrameBuilder::new(FrameKind::Rewritten, self.bytes);
        frame.put_sparse(self.queue, &self.records);
        let section = frame.sections().first().copied();
        let bytes = frame.seal(self.frames, self.written_ms, self.len);
        if let Some(file) = &mut self.file {
            file.append(&[&bytes])?;
        }
        if let Some(section) = section {
            let placed = Placed {
                queue: self.queue,
                first,
                next,
                newest_ms: section.newest_ms,
                pos: self.len + section.at as u64,
                len: section.len as u32,
            };
            self.index.push(&placed, self.written_ms);
        }
        self.len += bytes.len() as u64;
        self.frames += 1;
        self.bytes = 0;
        self.records.clear();
        Ok(())
    }

    /// Makes the file durable and gives it its name.
    pub(crate) fn finish(mut self) -> Result<Arc<Segment>, LogError> {
        let dir = &self.shared.config.dir;
        let path = self.name.path(dir);
        let flushed = self.flush();
        let synced = flushed.and_then(|()| self.file.take().map_or(Ok(()), |mut f| f.sync()));
        let named = synced.and_then(|()| rename_durably(self.disk, &self.temporary, &path));
        named.map_err(|error| self.fault(&error))?;
        let index = std::mem::take(&mut self.index);
        let segment = Segment::completed(dir, self.name, self.len, index);
        segment.persist();
        Ok(Arc::new(segment))
    }
}

impl Drop for Rewrite<'_> {
    /// What was not finished is of no use; of what was, this name is gone already.
    fn drop(&mut self) {
        remove(&self.temporary);
    }
}

/// For callers that no other thread deletes files from under.
pub(crate) fn plain(fault: Fault) -> LogError {
    match fault {
        Fault::Gone => LogError::Unavailable("a file of the log was deleted by somebody".into()),
        Fault::Log(error) => error,
    }
}
