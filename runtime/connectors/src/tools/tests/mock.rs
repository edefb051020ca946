use std::time::Duration;

use gantry_api::{
    Connector, ConnectorContext, ConnectorRequest, SinkTask, SinkTaskContext, SourceTask,
};
use tokio::time::{Instant, timeout};

use super::*;
use crate::tools::{MockConnector, MockSinkTask, MockSourceTask};

fn connector_context() -> ConnectorContext {
    ConnectorContext {
        name: "c".into(),
        cancel: CancellationToken::new(),
        offsets: Arc::new(Offsets(BTreeMap::new())),
        requests: Arc::default(),
        isolation: gantry_api::Isolation::Shared,
    }
}

const CONNECTOR: (&str, &str) = ("mock_mode", "connector-failure");
const TASK: (&str, &str) = ("mock_mode", "task-failure");

#[tokio::test(start_paused = true)]
async fn the_connector_fails_after_its_delay() {
    for (given, delay_ms) in [(Some("700"), 700), (None, 15_000), (Some("-5"), 0)] {
        let mut config = vec![CONNECTOR];
        config.extend(given.map(|delay_ms| ("delay_ms", delay_ms)));
        let (ctx, begun) = (connector_context(), Instant::now());
        let mut connector = MockConnector::default();
        connector.start(ctx.clone(), &props(&config)).await.unwrap();
        assert_eq!(connector.task_configs(5).await.unwrap(), [props(&config)]);
        let ConnectorRequest::Fail(error) = ctx.requests.next().await else { panic!("no error") };
        assert_eq!(error.trace(), "java.lang.RuntimeException\n");
        // Timers have a resolution of a millisecond.
        let late = begun.elapsed() - Duration::from_millis(delay_ms);
        assert!(late <= Duration::from_millis(2), "{given:?}: {late:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_stopped_connector_does_not_fail() {
    let ctx = connector_context();
    let mut connector = MockConnector::default();
    connector.start(ctx.clone(), &props(&[CONNECTOR])).await.unwrap();
    ctx.cancel.cancel();
    assert!(timeout(Duration::from_secs(60), ctx.requests.next()).await.is_err());
}

#[tokio::test]
async fn a_delay_that_is_no_number_counts_only_where_it_is_needed() {
    let start = |pairs: &[(&str, &str)]| {
        let given = props(pairs);
        async move {
            let connector = MockConnector::default().start(connector_context(), &given).await;
            let task = MockSourceTask::default().start(context(None), &given).await;
            (connector, task)
        }
    };
    let expected = "java.lang.NumberFormatException: For input string: \"x\"\nCaused by: \
                    org.apache.kafka.common.config.ConfigException: Invalid value x for \
                    configuration delay_ms: it is not a whole number\n";
    let (connector, task) = start(&[CONNECTOR, ("delay_ms", "x")]).await;
    assert_eq!(trace(connector), expected);
    task.unwrap();
    let (connector, task) = start(&[TASK, ("delay_ms", "x")]).await;
    assert_eq!(trace(task), expected);
    connector.unwrap();
    let (connector, task) = start(&[("mock_mode", "other"), ("delay_ms", "x")]).await;
    connector.and(task).unwrap();
}

#[tokio::test(start_paused = true)]
async fn the_source_task_fails_after_its_delay_or_never() {
    let mut task = MockSourceTask::default();
    task.start(context(None), &props(&[TASK, ("delay_ms", "30")])).await.unwrap();
    // Polls that are left do not put the failure off.
    assert!(timeout(Duration::from_millis(20), task.poll()).await.is_err());
    let begun = Instant::now();
    assert_eq!(trace(task.poll().await.map(drop)), "java.lang.RuntimeException\n");
    assert!(begun.elapsed() <= Duration::from_millis(12));
    let mut calm = MockSourceTask::default();
    calm.start(context(None), &props(&[CONNECTOR])).await.unwrap();
    assert!(timeout(Duration::from_secs(60), calm.poll()).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn the_sink_task_asks_to_be_asked_until_it_fails() {
    let ctx = SinkTaskContext::new("c".into(), 0, CancellationToken::new());
    let mut task = MockSinkTask::default();
    task.start(ctx.clone(), &props(&[TASK, ("delay_ms", "600")])).await.unwrap();
    let mut waits = Vec::new();
    loop {
        let wait_ms = ctx.take_timeout_ms().unwrap();
        waits.push(wait_ms);
        tokio::time::advance(Duration::from_millis(wait_ms)).await;
        if let Err(error) = task.put(&[]).await {
            assert_eq!(error.trace(), "java.lang.RuntimeException\n");
            break;
        }
    }
    assert_eq!(waits, [250, 250, 101]);
}
