//! MockSource and MockSink: they move nothing, and fail when they are told to.

use std::time::Duration;

use gantry_api::{
    Connector, ConnectorContext, Error, Props, Result, SinkRecord, SinkTask, SinkTaskContext,
    SourceRecord, SourceTask, SourceTaskContext, async_trait,
};
use tokio::time::{Instant, sleep, sleep_until};

use super::config::number;

const MOCK_MODE: &str = "mock_mode";
const DELAY_MS: &str = "delay_ms";
const CONNECTOR_FAILURE: &str = "connector-failure";
const TASK_FAILURE: &str = "task-failure";
/// Kafka's default of [`DELAY_MS`].
const DELAY_MS_DEFAULT: i64 = 15_000;
/// How often a sink without records wants to be asked whether it has failed.
const SINK_WAKE_MS: u64 = 250;

/// When to fail, if `mock_mode` is `mode`. A negative delay is none.
fn failure_delay(props: &Props, mode: &str) -> Result<Option<Duration>> {
    if props.get(MOCK_MODE).map(String::as_str) != Some(mode) {
        return Ok(None);
    }
    let delay_ms =
        if props.contains_key(DELAY_MS) { number(props, DELAY_MS)? } else { DELAY_MS_DEFAULT };
    Ok(Some(Duration::from_millis(u64::try_from(delay_ms).unwrap_or(0))))
}

/// What Kafka's mocks throw: nothing but the class.
fn failure() -> Error {
    Error::java("java.lang.RuntimeException", "")
}

/// One task with the connector's configuration; with `mock_mode` `connector-failure` the
/// connector fails after `delay_ms`.
#[derive(Debug, Default)]
pub struct MockConnector {
    props: Props,
}

#[async_trait]
impl Connector for MockConnector {
    async fn start(&mut self, ctx: ConnectorContext, props: &Props) -> Result<()> {
        self.props = props.clone();
        if let Some(delay) = failure_delay(props, CONNECTOR_FAILURE)? {
            tokio::spawn(async move {
                tokio::select! {
                    () = ctx.cancel.cancelled() => {}
                    () = sleep(delay) => ctx.raise_error(failure()),
                }
            });
        }
        Ok(())
    }

    async fn task_configs(&mut self, _max_tasks: u32) -> Result<Vec<Props>> {
        Ok(vec![self.props.clone()])
    }
}

/// Gives nothing; with `mock_mode` `task-failure` it fails after `delay_ms`.
#[derive(Debug, Default)]
pub struct MockSourceTask {
    fails_at: Option<Instant>,
}

#[async_trait]
impl SourceTask for MockSourceTask {
    async fn start(&mut self, _ctx: SourceTaskContext, props: &Props) -> Result<()> {
        self.fails_at = failure_delay(props, TASK_FAILURE)?.map(|delay| Instant::now() + delay);
        Ok(())
    }

    async fn poll(&mut self) -> Result<Vec<SourceRecord>> {
        match self.fails_at {
            Some(at) => sleep_until(at).await,
            None => std::future::pending().await,
        }
        Err(failure())
    }
}

/// Takes everything; with `mock_mode` `task-failure` it fails after `delay_ms`.
#[derive(Debug, Default)]
pub struct MockSinkTask {
    fails: Option<(SinkTaskContext, Instant)>,
}

impl MockSinkTask {
    /// There may be no records to put: the runtime is to ask in time.
    fn ask_for_put(&self) {
        if let Some((ctx, at)) = &self.fails {
            let left = at.saturating_duration_since(Instant::now()).as_millis();
            let left_ms = u64::try_from(left).unwrap_or(u64::MAX).saturating_add(1);
            ctx.timeout(left_ms.min(SINK_WAKE_MS));
        }
    }
}

#[async_trait]
impl SinkTask for MockSinkTask {
    async fn start(&mut self, ctx: SinkTaskContext, props: &Props) -> Result<()> {
        let delay = failure_delay(props, TASK_FAILURE)?;
        self.fails = delay.map(|delay| (ctx, Instant::now() + delay));
        self.ask_for_put();
        Ok(())
    }

    async fn put(&mut self, _records: &[SinkRecord]) -> Result<()> {
        if self.fails.as_ref().is_some_and(|(_, at)| Instant::now() >= *at) {
            return Err(failure());
        }
        self.ask_for_put();
        Ok(())
    }
}
