//! The connector and its tasks.

use std::time::Duration;

use gantry_api::{
    Connector, ConnectorContext, Error, ExactlyOnceSupport, OffsetMap, Props, Result, SourceRecord,
    SourceTask, SourceTaskContext, async_trait,
};
use tokio::time::{Instant, sleep_until};

use super::config::{Config, TASK, TASKS};
use super::generate::{Generator, SEQUENCE, TASK as TASK_FIELD};

/// Records and bytes of a poll.
const BATCH_RECORDS: usize = 4000;
const BATCH_BYTES: usize = 1024 * 1024;
/// With a rate, the time that a batch covers.
const TICK: Duration = Duration::from_millis(10);
/// How much of a standstill is made up for.
const CATCH_UP: Duration = Duration::from_secs(1);

/// Makes up records.
#[derive(Debug, Default)]
pub struct DatagenSource {
    props: Props,
}

#[async_trait]
impl Connector for DatagenSource {
    async fn start(&mut self, _ctx: ConnectorContext, props: &Props) -> Result<()> {
        Config::parse(props)?;
        self.props = props.clone();
        Ok(())
    }

    async fn task_configs(&mut self, max_tasks: u32) -> Result<Vec<Props>> {
        let config = |task: u32| {
            let mut props = self.props.clone();
            props.insert(TASK.to_owned(), task.to_string());
            props.insert(TASKS.to_owned(), max_tasks.to_string());
            props
        };
        Ok((0..max_tasks).map(config).collect())
    }

    fn exactly_once_support(&self, _props: &Props) -> Result<ExactlyOnceSupport> {
        Ok(ExactlyOnceSupport::Supported)
    }

    async fn alter_offsets(
        &mut self,
        _props: &Props,
        changes: &[(OffsetMap, Option<OffsetMap>)],
    ) -> Result<bool> {
        for (partition, offset) in changes {
            let Some(offset) = offset else { continue };
            if partition.get(TASK_FIELD).and_then(|task| task.as_u64()).is_none() {
                return Err(Error::connect(format!(
                    "A source partition must contain the key '{TASK_FIELD}' with a task's number"
                )));
            }
            stored(Some(offset))?;
        }
        Ok(true)
    }
}

fn stored(offset: Option<&OffsetMap>) -> Result<i64> {
    let Some(offset) = offset else { return Ok(0) };
    let sequence = offset.get(SEQUENCE).and_then(|sequence| sequence.as_i64());
    sequence.filter(|&sequence| sequence >= 0).ok_or_else(|| {
        Error::connect(format!(
            "An offset must contain the key '{SEQUENCE}' with the number of the next record, 0 \
             or more"
        ))
    })
}

/// Makes the records of one task.
#[derive(Debug, Default)]
pub struct DatagenSourceTask {
    running: Option<Running>,
}

#[derive(Debug)]
struct Running {
    generator: Generator,
    /// The number of the next record.
    next: i64,
    /// Up to when records were given, with a rate.
    paced: Instant,
}

#[async_trait]
impl SourceTask for DatagenSourceTask {
    async fn start(&mut self, ctx: SourceTaskContext, props: &Props) -> Result<()> {
        let generator = Generator::new(Config::parse(props)?)?;
        let next = stored(ctx.offsets.offset(generator.partition()).as_ref())?;
        self.running = Some(Running { generator, next, paced: Instant::now() });
        Ok(())
    }

    async fn poll(&mut self) -> Result<Vec<SourceRecord>> {
        let running = self.running.as_mut().ok_or_else(|| Error::connect("Not started"))?;
        Ok(running.poll().await)
    }

    async fn stop(&mut self) -> Result<()> {
        self.running = None;
        Ok(())
    }
}

impl Running {
    async fn poll(&mut self) -> Vec<SourceRecord> {
        let config = self.generator.config();
        let left = config.max.map_or(i64::MAX, |max| max - self.next);
        if left <= 0 {
            return std::future::pending().await;
        }
        let batch = (BATCH_BYTES / config.bytes.max(1)).clamp(1, BATCH_RECORDS);
        let mut count = batch.min(usize::try_from(left).unwrap_or(usize::MAX));
        if config.rate > 0.0 {
            count = count.min(self.due(config.rate).await);
        }
        let records = self.generator.records(self.next, count);
        self.next += count as i64;
        if self.generator.config().rate > 0.0 {
            let covered = count as f64 / self.generator.config().rate;
            self.paced += Duration::from_secs_f64(covered);
        }
        records
    }

    /// Waits until at least one record is due; how many are.
    async fn due(&mut self, rate: f64) -> usize {
        let one = Duration::from_secs_f64(1.0 / rate);
        sleep_until(self.paced + one.max(TICK)).await;
        let now = Instant::now();
        if now - self.paced > CATCH_UP.max(one * 2) {
            self.paced = now - CATCH_UP.max(one);
        }
        (((now - self.paced).as_secs_f64() * rate) as usize).max(1)
    }
}
