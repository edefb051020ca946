//! Starting on a file that may already hold what is delivered again.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::time::Duration;

use gantry_api::{Error, Result, SinkOffset, SinkOffsets, SinkRecord, Str, TopicPartition};
use tokio::time::Instant;
use tracing::{info, warn};

use super::super::mark::Mark;
use super::super::output::blocking;
use super::super::surplus::{Batch, Surplus};
use super::{Phase, Running, write_line};

/// Without a record found for so long the comparison ends.
pub(super) const COMPARE_WAIT: Duration = Duration::from_secs(30);

impl Running {
    /// Decides how the first lines are appended, from what was committed.
    pub(super) async fn begin(&mut self) -> Result<()> {
        let Phase::Opening(opened) = &self.phase else { return Ok(()) };
        let Some(file) = self.output.target().markable().filter(|_| !self.shared) else {
            self.phase = Phase::Writing;
            return Ok(());
        };
        let file = Arc::clone(file);
        let text = |offset: &SinkOffset| offset.metadata.clone();
        let texts: Vec<Str> =
            opened.iter().filter_map(|(_, offset)| offset.as_ref().and_then(text)).collect();
        let queues: Vec<TopicPartition> = opened.iter().map(|(queue, _)| queue.clone()).collect();
        let known = !texts.is_empty();
        let count = queues.len();
        let outcome = blocking(move || look(&file, &texts, count)).await?;
        let surplus = outcome.map_err(|error| {
            Error::connect(format!(
                "Could not read back the file of key 'file': {error}. Check its disk, then restart \
             the task"
            ))
        })?;
        for queue in &queues {
            self.queue(queue);
        }
        let now = Instant::now();
        self.phase = match surplus {
            Found::Nothing { unended } => {
                if known && unended {
                    self.buffer.push(b'\n');
                }
                Phase::Anchoring { first: SinkOffsets::new(), since: None, marked: false }
            }
            Found::Clean => Phase::Writing,
            Found::Surplus(surplus) => {
                info!(
                    connector = %self.ctx.connector,
                    bytes = surplus.bytes(),
                    "file holds more than was committed: comparing it with what is delivered \
                     again"
                );
                Phase::Comparing { surplus: Some(surplus), progress: now, quiet_puts: 0, last: now }
            }
        };
        Ok(())
    }

    pub(super) async fn compare(&mut self, records: &[SinkRecord]) -> Result<()> {
        let mut batch = Batch::default();
        for record in records {
            self.took(record);
            write_line(&mut batch.text, &record.record.value.value);
            batch.items.push((self.last, batch.text.len()));
        }
        self.taken += records.len();
        let Phase::Comparing { surplus, progress, quiet_puts, last } = &mut self.phase else {
            return Ok(());
        };
        let Some(mut taken) = surplus.take() else {
            return Err(Error::connect(
                "Comparing the file with the records was broken off: restart the task",
            ));
        };
        let found = taken.found;
        let (taken, append) = blocking(move || {
            let append = taken.judge(&batch);
            (taken, append)
        })
        .await?;
        let now = Instant::now();
        *quiet_puts = 0;
        *last = now;
        if taken.found > found {
            *progress = now;
        }
        let over = taken.is_over() || progress.elapsed() >= COMPARE_WAIT;
        *surplus = Some(taken);
        self.buffer.extend_from_slice(&append);
        if over {
            self.end_comparing();
            self.ctx.request_commit();
        }
        Ok(())
    }

    pub(super) fn end_comparing(&mut self) {
        let phase = std::mem::replace(&mut self.phase, Phase::Writing);
        if let Phase::Comparing { surplus: Some(surplus), .. } = phase {
            info!(
                connector = %self.ctx.connector,
                found = surplus.found,
                "records that the file already held were skipped"
            );
            self.buffer.extend_from_slice(&surplus.finish());
        }
    }
}

/// What is in the file after the last commit.
enum Found {
    /// No mark fits the file; whether its last line has no end.
    Nothing {
        unended: bool,
    },
    /// Nothing was written after it.
    Clean,
    Surplus(Box<Surplus>),
}

fn look(file: &Arc<File>, texts: &[Str], queues: usize) -> io::Result<Found> {
    let mut start: Option<u64> = None;
    let mut reason = "what was committed is not of this version";
    for text in texts {
        let Some(mark) = Mark::parse(text) else { continue };
        match mark.mismatch(file)? {
            // Queues may have been committed at different times: the last one counts.
            None => start = start.max(Some(mark.length)),
            Some(why) => reason = why,
        }
    }
    let length = file.metadata()?.len();
    let Some(start) = start else {
        if !texts.is_empty() {
            warn!(
                reason,
                "cannot tell what was written to the file after the last commit: appending, some \
                 lines may stand twice"
            );
        }
        let mut last = [b'\n'];
        if length > 0 {
            file.read_exact_at(&mut last, length - 1)?;
        }
        return Ok(Found::Nothing { unended: last != [b'\n'] });
    };
    if start == length {
        return Ok(Found::Clean);
    }
    Ok(Found::Surplus(Box::new(Surplus::read(Arc::clone(file), start, queues)?)))
}
