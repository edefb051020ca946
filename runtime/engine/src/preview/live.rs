//! Previews of a running worker: records of a topic, bounded previews at a time.

use std::time::Duration;

use gantry_api::{Props, Str, TopicPartition};
use gantry_coordination::take_mark;
use gantry_log::{LogError, ReadLimits};
use tokio::sync::Semaphore;

use super::run::Previewer;
use super::types::{Preview, PreviewSamples, RawRecord, StartAt, TopicSample};
use super::{PREVIEW_BYTES_MAX, PREVIEW_RECORDS_MAX};
use crate::error::HerderError;
use crate::herder::Herder;

/// Previews that run at the same time; a plugin that never returns keeps its place.
const PREVIEWS_MAX: usize = 4;
/// A preview that takes longer is given up.
const PREVIEW_TIMEOUT: Duration = Duration::from_secs(30);
/// Queues of a topic that a preview looks into.
const QUEUES_MAX: u32 = 1_000;

static PLACES: Semaphore = Semaphore::const_new(PREVIEWS_MAX);

impl Herder {
    /// Previews with this worker's plugins, defaults and config providers.
    pub fn previewer(&self) -> Previewer {
        Previewer::new(self.plugin_registry(), self.worker_config_shared())
    }

    /// Runs samples through a configuration, beside the worker's own work.
    pub async fn preview(
        &self,
        config: Props,
        samples: PreviewSamples,
    ) -> Result<Preview, HerderError> {
        let previewer = self.previewer();
        let running = async move {
            let place = PLACES.acquire().await;
            let place = place.map_err(|_| HerderError::internal("no previews are taken"))?;
            let run = move || {
                let _place = place;
                previewer.run(config, samples)
            };
            let outcome = tokio::task::spawn_blocking(run).await;
            outcome
                .map_err(|error| HerderError::internal(format!("the preview broke off: {error}")))?
        };
        match tokio::time::timeout(PREVIEW_TIMEOUT, running).await {
            Ok(outcome) => outcome,
            Err(_) => Err(HerderError::timeout(format!(
                "the preview took more than {} s: take fewer records, or look for a stage that \
                 does not return",
                PREVIEW_TIMEOUT.as_secs()
            ))),
        }
    }

    /// Reads records of a topic as a sink would, without committing an offset. Not found if the
    /// topic is not there.
    pub async fn read_samples(&self, wanted: &TopicSample) -> Result<Vec<RawRecord>, HerderError> {
        self.refuse_secrets(&wanted.topic)?;
        let topic: Str = wanted.topic.as_str().into();
        let info = self.log().topic(&topic).await?;
        let info = info
            .ok_or_else(|| HerderError::not_found(format!("there is no topic {}", wanted.topic)))?;
        let queues = info.spec.queues;
        if let Some(partition) = wanted.partition.filter(|&partition| partition >= queues) {
            return Err(HerderError::bad_request(format!(
                "there is no queue {partition}: topic {topic} has {queues}, numbered from 0"
            )));
        }
        let chosen: Vec<u32> = match wanted.partition {
            Some(partition) => vec![partition],
            None => (0..queues.min(QUEUES_MAX)).collect(),
        };
        let max = wanted.max.min(PREVIEW_RECORDS_MAX);
        let share = max.div_ceil(chosen.len().max(1)) as u64;
        let mut positions = Vec::with_capacity(chosen.len());
        let mut ends = Vec::with_capacity(chosen.len());
        for partition in chosen {
            let queue = TopicPartition::new(Str::clone(&topic), partition);
            let range = self.log().range(&queue).await?;
            let start = match wanted.start {
                StartAt::Earliest => range.earliest,
                StartAt::Latest => range.next.saturating_sub(share).max(range.earliest),
                StartAt::Offset(offset) => offset.clamp(range.earliest, range.next),
            };
            ends.push(range.next);
            positions.push((queue, start));
        }
        self.read_up_to(positions, &ends, max).await
    }

    async fn read_up_to(
        &self,
        mut positions: Vec<(TopicPartition, u64)>,
        ends: &[u64],
        max: usize,
    ) -> Result<Vec<RawRecord>, HerderError> {
        let mut records: Vec<RawRecord> = Vec::new();
        let mut bytes = 0;
        loop {
            let more: Vec<(TopicPartition, u64)> = positions
                .iter()
                .zip(ends)
                .filter(|((_, at), end)| at < end)
                .map(|(position, _)| position.clone())
                .collect();
            if more.is_empty() || records.len() >= max || bytes >= PREVIEW_BYTES_MAX {
                break;
            }
            let limits = ReadLimits {
                max_bytes: PREVIEW_BYTES_MAX - bytes,
                max_records: max - records.len(),
                wait: Duration::ZERO,
            };
            let read = match self.log().read(&more, limits).await {
                Ok(read) => read,
                // Retention was faster: what was read before is shown.
                Err(LogError::OutOfRange { .. }) => break,
                Err(error) => return Err(error.into()),
            };
            if read.is_empty() {
                break;
            }
            for batch in read {
                if let Some((_, at)) = positions.iter_mut().find(|(queue, _)| *queue == batch.from)
                {
                    *at = batch.next;
                }
                for (offset, mut record) in batch.records {
                    take_mark(&mut record);
                    bytes += record.size();
                    records.push(RawRecord {
                        topic: Str::clone(&batch.from.topic),
                        partition: i32::try_from(batch.from.partition).ok(),
                        offset: Some(offset),
                        record,
                    });
                }
            }
        }
        records.truncate(max);
        records.sort_by_key(|raw| (raw.partition, raw.offset));
        Ok(records)
    }
}
