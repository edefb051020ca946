//! Topics with what came of requests.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use gantry_api::{Destination, QueueRange, SinkLog, TopicRead, TopicRecord, async_trait};

use super::server::{Reply, Server, reply};
use super::*;
use Flavour::Confluent;

/// Remembers what is written; or refuses it.
#[derive(Debug, Default)]
struct Log {
    written: Mutex<Vec<(Destination, TopicRecord)>>,
    refuses: bool,
}

#[async_trait]
impl SinkLog for Log {
    async fn write(
        &self,
        mut records: Vec<(Destination, TopicRecord)>,
        offsets: BTreeMap<TopicPartition, u64>,
    ) -> Result<()> {
        assert!(offsets.is_empty());
        if self.refuses {
            return Err(Error::retriable("down"));
        }
        self.written.lock().unwrap().append(&mut records);
        Ok(())
    }
    async fn read(&self, _: &[(TopicPartition, u64)], _: Duration) -> Result<Vec<TopicRead>> {
        Ok(Vec::new())
    }
    async fn queues(&self, _: &str) -> Result<u32> {
        Ok(1)
    }
    async fn range(&self, _: &TopicPartition) -> Result<QueueRange> {
        Ok(QueueRange { earliest: 0, next: 0 })
    }
    fn group(&self) -> &str {
        "g"
    }
    async fn members(&self) -> Result<Vec<Vec<TopicPartition>>> {
        Ok(Vec::new())
    }
    async fn committed(
        &self,
        _: &str,
        _: &[TopicPartition],
    ) -> Result<BTreeMap<TopicPartition, u64>> {
        Ok(BTreeMap::new())
    }
    async fn commit(&self, _: &str, _: &BTreeMap<TopicPartition, u64>) -> Result<()> {
        Ok(())
    }
}

async fn task(props: &Props, log: &Arc<Log>) -> HttpSinkTask {
    let context = SinkTaskContext::new("web".into(), 0, CancellationToken::new())
        .with_log(Arc::clone(log) as Arc<dyn SinkLog>);
    let mut task = HttpSinkTask::new(Confluent);
    task.start(context, props).await.unwrap();
    task
}

/// Topic, value and headers of each report.
fn reports(log: &Log) -> Vec<(String, String, String)> {
    let text = |bytes: &gantry_api::Bytes| String::from_utf8(bytes.to_vec()).unwrap();
    let all = log.written.lock().unwrap();
    all.iter()
        .map(|(to, record)| {
            let headers: Vec<_> = record
                .headers
                .iter()
                .map(|(name, value)| format!("{name}:{}", text(value.as_ref().unwrap())))
                .collect();
            assert!(record.key.is_none());
            (to.topic.to_string(), text(record.value.as_ref().unwrap()), headers.join(","))
        })
        .collect()
}

async fn server() -> Server {
    Server::new(|_, asked| match asked.body.as_str() {
        "bad" => reply(404, "no \"x\""),
        "slow" => Reply { after: Duration::from_secs(60), ..reply(200, "") },
        _ => reply(200, "{\"id\":1}"),
    })
    .await
}

#[tokio::test]
async fn answers_and_errors_are_reported_as_recorded() {
    let server = server().await;
    let keys = [
        ("reporter.bootstrap.servers", "broker:9092"),
        ("gantry.http.max.in.flight", "1"),
        ("max.retries", "0"),
        ("http.request.timeout.ms", "50"),
    ];
    let log = Arc::new(Log::default());
    let mut task = task(&confluent(&server.url("/"), &keys), &log).await;
    let mut good = record(7, "k", "good");
    good.record.timestamp_ms = Some(1_654_161_389_868);
    task.put(&[good, record(8, "k", "bad"), record(9, "k", "slow")]).await.unwrap();
    let url = server.url("/");
    let found = reports(&log);
    let position = "input_record_partition:0,input_record_topic:t";
    assert_eq!(
        found[0],
        (
            "success-responses".to_owned(),
            r#""{\"id\":1}""#.to_owned(),
            format!("input_record_offset:7,input_record_timestamp:1654161389868,{position}")
        )
    );
    let sentence = format!(
        "\"Retry time lapsed, unable to process HTTP request. HTTP Response code: 404, Reason \
         phrase: Not Found, Url: {url}, Response content: no \\\"x\\\", Exception: null, Error \
         message: null\""
    );
    let headers = format!(
        "input_record_offset:8,input_record_timestamp:null,{position},error_message:null,\
         exception:null,response_content:no \"x\",status_code:404,payload:bad,reason_phrase:Not \
         Found,url:{url}"
    );
    assert_eq!(found[1], ("error-responses".to_owned(), sentence, headers));
    assert!(found[2].1.contains("HTTP Response code: -1"), "{:?}", found[2]);
    assert!(found[2].1.contains("no answer within 50 ms"), "{:?}", found[2]);
    assert_eq!(found.len(), 3);
}

#[tokio::test]
async fn reports_are_written_as_asked_for() {
    let server = server().await;
    let keys = [
        ("reporter.result.topic.name", "fine"),
        ("reporter.error.topic.name", "wrong"),
        ("reporter.result.topic.value.format", "string"),
        ("reporter.error.topic.value.format", "string"),
        ("report.errors.as", "http_response"),
        ("retry.on.status.codes", "500-"),
    ];
    let log = Arc::new(Log::default());
    let mut one = task(&confluent(&server.url("/"), &keys), &log).await;
    one.put(&[record(0, "k", "good"), record(1, "k", "bad")]).await.unwrap();
    let found: Vec<_> = reports(&log).into_iter().map(|(to, value, _)| (to, value)).collect();
    let expected = [("fine", "{\"id\":1}"), ("wrong", "no \"x\"")];
    assert_eq!(found, expected.map(|(to, value)| (to.to_owned(), value.to_owned())));
    // One for each request, however many there are.
    let log = Arc::new(Log::default());
    let mut many = task(&confluent(&server.url("/"), &keys), &log).await;
    let records: Vec<_> = (0..600).map(|n| record(n, &n.to_string(), "x")).collect();
    many.put(&records).await.unwrap();
    assert_eq!(reports(&log).len(), 600);
    // Nothing unless it is asked for.
    let log = Arc::new(Log::default());
    let mut silent = task(&confluent(&server.url("/"), &[]), &log).await;
    silent.put(&[record(0, "k", "good")]).await.unwrap();
    assert!(reports(&log).is_empty());
}

#[tokio::test]
async fn reports_that_cannot_be_written_fail_the_task() {
    let server = server().await;
    let log = Arc::new(Log { refuses: true, ..Log::default() });
    let keys = [("reporter.bootstrap.servers", "broker:9092")];
    let mut task = task(&confluent(&server.url("/"), &keys), &log).await;
    let error = task.put(&[record(0, "k", "good")]).await.unwrap_err();
    assert!(!error.is_retriable());
    assert_eq!(error.message(), "Reports of requests could not be written");
}
