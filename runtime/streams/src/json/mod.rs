//! Streams of JSON by field names, as RocketMQ Streams has them: a program of its documentation is
//! written line by line.

mod totals;
mod window;

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use gantry_log::{FullLog, LogError};
use serde_json::Value;

pub use window::{DataWindow, Fields};

use crate::builder::{Serde, Stream, StreamBuilder, Topology, json, text};
use crate::error::StreamsError;
use crate::runtime::Streams;
use crate::settings::Settings;
use crate::window::Kind;

/// Opens a log: given the addresses of name servers, and the group.
type Opener = dyn Fn(&str, &str) -> Result<Arc<dyn FullLog>, LogError>;

/// Where the log is.
enum Origin {
    /// With the caller of [`DataStream::start_on`].
    Caller,
    Log(Arc<dyn FullLog>),
    Rocketmq {
        opener: Option<Rc<Opener>>,
        name_servers: String,
        group: String,
    },
}

/// Of all streams of one pipeline.
struct Job {
    builder: StreamBuilder,
    origin: Origin,
    settings: RefCell<Settings>,
}

/// Where a pipeline reads.
#[derive(Clone)]
pub struct DataStreamSource {
    name: String,
    opener: Option<Rc<Opener>>,
    settings: Settings,
}

impl std::fmt::Debug for DataStreamSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "DataStreamSource({})", self.name)
    }
}

/// So long after the last record windows are closed by the wall clock, as in RocketMQ Streams.
const IDLE: Duration = Duration::from_secs(2);

impl StreamBuilder {
    /// A pipeline of JSON by field names. Its job has the name `namespace-pipeline`, or that of its
    /// group in RocketMQ.
    ///
    /// ```
    /// use std::time::Duration;
    /// use gantry_streams::{StreamBuilder, TestDriver, Tumbling};
    ///
    /// let stream = StreamBuilder::data_stream("shop", "sales")
    ///     .from_topic("orders", true)
    ///     .filter(|order| order["paid"] == true)
    ///     .window(Tumbling::of(Duration::from_secs(10)))
    ///     .group_by("city")
    ///     .sum("price", "turnover")
    ///     .count("total")
    ///     .water_mark(5)
    ///     .to_data_stream()
    ///     .to_topic("sales");
    /// let mut driver = TestDriver::new(stream.topology()).unwrap();
    /// for (price, time) in [(5, 0), (7, 9_999), (1, 15_000)] {
    ///     let order = format!(r#"{{"city":"Bonn","price":{price},"paid":true}}"#);
    ///     driver.send("orders", None, &order, time).unwrap();
    /// }
    /// assert_eq!(
    ///     driver.texts("sales"),
    ///     [r#"{"city":"Bonn","end_time":"1970-01-01 00:00:10","start_time":"1970-01-01 00:00:00","total":2,"turnover":12}"#],
    /// );
    /// ```
    pub fn data_stream(namespace: &str, pipeline: &str) -> DataStreamSource {
        let name = format!("{namespace}-{pipeline}");
        let mut settings = Settings::new(format!("streams-state/{name}"));
        settings.idle_time = Some(IDLE);
        DataStreamSource { name, opener: None, settings }
    }
}

#[expect(clippy::wrong_self_convention, reason = "the names are those of RocketMQ Streams")]
impl DataStreamSource {
    /// How the log is opened that [`DataStreamSource::from_rocketmq`] names: the function is given the
    /// addresses of the name servers, and the group.
    #[must_use]
    pub fn open_with(
        mut self,
        opener: impl Fn(&str, &str) -> Result<Arc<dyn FullLog>, LogError> + 'static,
    ) -> Self {
        self.opener = Some(Rc::new(opener));
        self
    }

    /// How the job runs. Unless told, its state is in `streams-state/namespace-pipeline`, and windows
    /// are closed by the wall clock where nothing came for 2 s.
    #[must_use]
    pub fn settings(self, settings: Settings) -> Self {
        Self { settings, ..self }
    }

    /// A topic of RocketMQ, read as a consumer group, whose name the job has too. Its messages are
    /// JSON, or texts that a function makes JSON of.
    pub fn from_rocketmq(
        &self,
        topic: &str,
        group: &str,
        is_json: bool,
        name_servers: &str,
    ) -> DataStream {
        let opener = self.opener.clone();
        let (name_servers, group) = (name_servers.to_owned(), group.to_owned());
        let job = group.clone();
        self.read(&job, Origin::Rocketmq { opener, name_servers, group }, topic, is_json)
    }

    /// A topic of a log. Its records are JSON, or texts that a function makes JSON of.
    pub fn from_log(&self, log: Arc<dyn FullLog>, topic: &str, is_json: bool) -> DataStream {
        self.read(&self.name, Origin::Log(log), topic, is_json)
    }

    /// A topic of the log on which the job will be started. Its records are JSON, or texts that a
    /// function makes JSON of.
    pub fn from_topic(&self, topic: &str, is_json: bool) -> DataStream {
        self.read(&self.name, Origin::Caller, topic, is_json)
    }

    fn read(&self, job: &str, origin: Origin, topic: &str, is_json: bool) -> DataStream {
        let builder = StreamBuilder::new(job);
        let stream = builder.source(topic, if is_json { json() } else { texts() });
        let settings = RefCell::new(self.settings.clone());
        DataStream { job: Rc::new(Job { builder, origin, settings }), stream }
    }
}

/// Each record a text, as JSON has it.
fn texts() -> Serde<Value> {
    Serde::new(
        |bytes| text().read(bytes).map(Value::String),
        |value| value.to_string().into_bytes().into(),
    )
}

/// JSON values, one after the other.
#[derive(Clone)]
pub struct DataStream {
    job: Rc<Job>,
    stream: Stream<Option<Bytes>, Value>,
}

impl std::fmt::Debug for DataStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.stream.fmt(f)
    }
}

impl DataStream {
    fn with(&self, stream: Stream<Option<Bytes>, Value>) -> Self {
        Self { job: Rc::clone(&self.job), stream }
    }

    /// Another value for each.
    #[must_use]
    pub fn map(&self, function: impl Fn(Value) -> Value + Send + Sync + 'static) -> Self {
        self.with(self.stream.map_values(move |_, value| function(value)))
    }

    /// Those of which a function says so.
    #[must_use]
    pub fn filter(&self, keep: impl Fn(&Value) -> bool + Send + Sync + 'static) -> Self {
        self.with(self.stream.filter(move |_, value| keep(value)))
    }

    /// Any number of values of each.
    #[must_use]
    pub fn flat_map(
        &self,
        function: impl Fn(&Value) -> Vec<Value> + Send + Sync + 'static,
    ) -> Self {
        self.with(self.stream.flat_map_values(function))
    }

    /// In windows, to be grouped by fields.
    pub fn window(&self, windows: impl Into<Kind>) -> DataWindow {
        DataWindow::new(self.clone(), Some(windows.into()))
    }

    /// By fields, over all time: each change of a group's totals is told.
    pub fn group_by(&self, fields: impl Fields) -> DataWindow {
        DataWindow::new(self.clone(), None).group_by(fields)
    }

    /// Tells a function each value, and gives it on.
    #[must_use]
    pub fn for_each(&self, function: impl Fn(&Value) + Send + Sync + 'static) -> Self {
        self.with(self.stream.peek(move |record| function(&record.value)))
    }

    /// Writes each value to standard output, one a line, and gives it on. So many threads work for the
    /// job, as far as there are queues.
    #[must_use]
    #[expect(clippy::print_stdout, reason = "that is what it is for")]
    pub fn to_print(&self, parallelism: usize) -> Self {
        self.job.settings.borrow_mut().threads = parallelism;
        self.for_each(|value| match value {
            Value::String(text) => println!("{text}"),
            value => println!("{value}"),
        })
    }

    /// Writes each value to a topic, and gives it on.
    #[must_use]
    pub fn to_topic(&self, topic: &str) -> Self {
        self.stream.sink(topic, json());
        self.clone()
    }

    /// All of the pipeline, to be tried in a [`TestDriver`](crate::TestDriver) or described.
    pub fn topology(&self) -> Topology {
        self.job.builder.topology()
    }

    /// Starts the pipeline on the log that its source named; see [`Streams::start`].
    pub fn start(&self) -> Result<Streams, StreamsError> {
        let topology = self.topology();
        let fault = |reason: &str| {
            let job = topology.job.to_string();
            Err(StreamsError::Topology { job, reason: reason.to_owned() })
        };
        match &self.job.origin {
            Origin::Log(log) => self.start_on(Arc::clone(log)),
            Origin::Rocketmq { opener: Some(opener), name_servers, group } => {
                self.start_on(opener(name_servers, group)?)
            }
            Origin::Rocketmq { name_servers, .. } => fault(&format!(
                "nothing says how RocketMQ at {name_servers} is reached: give the source a function by open_with, or a log by from_log"
            )),
            Origin::Caller => fault("from_topic does not name a log: start it with start_on"),
        }
    }

    /// Starts the pipeline on a log; see [`Streams::start`].
    pub fn start_on(&self, log: Arc<dyn FullLog>) -> Result<Streams, StreamsError> {
        Streams::start(self.topology(), log, self.job.settings.borrow().clone())
    }
}
