//! Runs records through the stages of a configuration.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use gantry_api::model::config::provider::substitute;
use gantry_api::{ConnectRecord, PluginRegistry, Props};

use super::types::{
    ErrorHandling, Preview, PreviewCondition, PreviewError, PreviewOutcome, PreviewRecord,
    PreviewSamples, PreviewStep, PreviewedRecord, RawRecord, StepOutcome,
};
use crate::config::WorkerConfig;
use crate::connector_config::{CONNECTOR_CLASS, ConnectorConfig, NAME};
use crate::entities::TaskId;
use crate::error::HerderError;
use crate::task::{
    Consumed, Failure, Stage, Stages, Watch, add_context, panicked, tolerance_exceeded,
};
use crate::validation::{check_blocking, find_connector, pinned_plugins};

/// The name of a connector whose configuration has none.
const UNNAMED: &str = "preview";
/// After this no further record is begun.
const TIME_MAX: Duration = Duration::from_secs(10);

/// Shows what a configuration makes of records. Works without a herder and without a log.
#[derive(Clone, Debug)]
pub struct Previewer {
    plugins: Arc<PluginRegistry>,
    worker: Arc<WorkerConfig>,
}

impl Previewer {
    /// With these plugins, and the worker's defaults of converters.
    pub fn new(plugins: Arc<PluginRegistry>, worker: Arc<WorkerConfig>) -> Self {
        Self { plugins, worker }
    }

    /// Whether a connector class is a source: it says which form of samples fits.
    pub fn is_source(&self, class: &str) -> Result<bool, HerderError> {
        Ok(find_connector(&self.plugins, class)?.is_source())
    }

    /// Runs samples through a configuration. The configuration is validated first; what is wrong
    /// with it is a bad request in Kafka Connect's words. Blocks: CPU only, for a bounded time as
    /// long as each plugin returns.
    pub fn run(&self, mut config: Props, samples: PreviewSamples) -> Result<Preview, HerderError> {
        config.entry(NAME.to_owned()).or_insert_with(|| UNNAMED.to_owned());
        check_blocking(&self.plugins, &self.worker, &config)?;
        let plugins = pinned_plugins(&self.plugins, &config);
        let plugin =
            find_connector(&plugins, config.get(CONNECTOR_CLASS).map_or("", String::as_str))?;
        let refused = |error: gantry_api::Error| HerderError::bad_request(error.to_string());
        let resolved = substitute(&config, &self.worker.config_providers).map_err(refused)?;
        let common =
            ConnectorConfig::parse(&resolved, plugin.is_source(), &self.worker).map_err(refused)?;
        let stages = Stages::dry(&plugins, &resolved, &self.worker.props).map_err(refused)?;
        let name = config.remove(NAME).unwrap_or_default();
        let mut run =
            Run { id: TaskId { connector: name.clone(), task: 0 }, config: common, stages };
        let (records, cut) = match (samples, plugin.is_source()) {
            (PreviewSamples::Source(samples), true) => run.all(samples, Run::source),
            (PreviewSamples::Sink(samples), false) => run.all(samples, Run::sink),
            (_, true) => return Err(HerderError::bad_request(NOT_FOR_SOURCES)),
            (_, false) => return Err(HerderError::bad_request(NOT_FOR_SINKS)),
        };
        let class = plugin.info.class.to_string();
        Ok(Preview { name, class, type_: plugin.type_name(), records, cut })
    }
}

const NOT_FOR_SOURCES: &str = "a source makes records and reads none from a topic: give sample \
    records as its task would make them";
const NOT_FOR_SINKS: &str = "a sink reads records from topics: give sample records as they stand in \
    a topic, or name a topic";

/// What one preview works with.
struct Run {
    id: TaskId,
    config: ConnectorConfig,
    stages: Stages,
}

/// Notes what the stages make of one record.
#[derive(Default)]
struct Noted {
    converted: Option<ConnectRecord>,
    outcomes: Vec<StepOutcome>,
}

impl Watch for Noted {
    fn converted(&mut self, record: &ConnectRecord) {
        self.converted = Some(record.clone());
    }
    fn skipped(&mut self) {
        self.outcomes.push(StepOutcome::Skipped);
    }
    fn applied(&mut self, record: Option<&ConnectRecord>) {
        self.outcomes.push(record.cloned().map_or(StepOutcome::Dropped, StepOutcome::Applied));
    }
}

impl Run {
    /// Runs one record after the other, until the time is up or a plugin panics.
    fn all<T>(
        &mut self,
        samples: Vec<T>,
        one: fn(&mut Self, T, &mut Noted) -> PreviewOutcome,
    ) -> (Vec<PreviewedRecord>, Option<String>)
    where
        T: Clone + Into<PreviewRecord>,
    {
        let end = Instant::now() + TIME_MAX;
        let mut records = Vec::with_capacity(samples.len());
        for sample in samples {
            if Instant::now() > end {
                let cut = format!("the records before took more than {} s", TIME_MAX.as_secs());
                return (records, Some(cut));
            }
            let input = sample.clone().into();
            let mut noted = Noted::default();
            let outcome = catch_unwind(AssertUnwindSafe(|| one(self, sample, &mut noted)));
            match outcome {
                Ok(outcome) => records.push(self.finish(input, noted, outcome)),
                Err(panic) => {
                    let outcome = PreviewOutcome::Failed(Box::new(broken(panic.as_ref())));
                    records.push(self.finish(input, noted, outcome));
                    // What a plugin is worth after a panic nobody knows.
                    let cut = "a plugin panicked, which ends the task".to_owned();
                    return (records, Some(cut));
                }
            }
        }
        (records, None)
    }

    fn source(&mut self, record: ConnectRecord, noted: &mut Noted) -> PreviewOutcome {
        match self.stages.encode(record.clone(), noted) {
            Ok(None) => PreviewOutcome::Dropped(noted.outcomes.len().saturating_sub(1)),
            Ok(Some(encoded)) => PreviewOutcome::Written(RawRecord {
                topic: encoded.topic,
                partition: encoded.partition,
                offset: None,
                record: encoded.record,
            }),
            Err(failure) => {
                let original =
                    self.config.dlq_topic.is_some().then(|| self.stages.encode_plain(record));
                self.failed(failure, None, original, noted)
            }
        }
    }

    fn sink(&mut self, raw: RawRecord, noted: &mut Noted) -> PreviewOutcome {
        let (queue, offset) = (raw.queue(), raw.offset.unwrap_or_default());
        match self.stages.decode(&queue, offset, &raw.record, noted) {
            Ok(None) => PreviewOutcome::Dropped(noted.outcomes.len().saturating_sub(1)),
            Ok(Some(record)) => PreviewOutcome::Delivered(record),
            Err(failure) => {
                let consumed = Consumed { queue: &queue, offset };
                self.failed(failure, Some(&consumed), Some(raw.record), noted)
            }
        }
    }

    /// What a task's error handler would make of a failure.
    fn failed(
        &self,
        failure: Failure,
        consumed: Option<&Consumed<'_>>,
        original: Option<gantry_log::LogRecord>,
        noted: &mut Noted,
    ) -> PreviewOutcome {
        let dead_letter = match (&self.config.dlq_topic, original) {
            (Some(topic), Some(mut record)) => {
                if self.config.dlq_headers {
                    add_context(&mut record, &self.id, &failure, consumed);
                }
                let topic = topic.as_str().into();
                Some(RawRecord { topic, partition: Some(0), offset: None, record })
            }
            _ => None,
        };
        let Failure { stage, class, error } = failure;
        let step = (stage == Stage::Transformation).then_some(noted.outcomes.len());
        if step.is_some() {
            noted.outcomes.push(StepOutcome::Failed);
        }
        let handling = ErrorHandling {
            retry_ms: if error.is_retriable() { self.config.retry_timeout_ms } else { Some(0) },
            logged: self.config.log_errors,
            dead_letter,
            fails_with: (!self.config.tolerate_all).then(|| tolerance_exceeded(error.clone())),
        };
        PreviewOutcome::Failed(Box::new(PreviewError {
            stage: Some(stage.name()),
            step,
            class,
            error,
            handling,
        }))
    }

    fn finish(
        &self,
        input: PreviewRecord,
        noted: Noted,
        outcome: PreviewOutcome,
    ) -> PreviewedRecord {
        let mut outcomes = noted.outcomes.into_iter();
        let steps = self.stages.steps().iter().map(|step| PreviewStep {
            name: step.name.clone(),
            class: step.class.clone(),
            condition: step.condition.as_ref().map(|condition| PreviewCondition {
                predicate: condition.predicate.clone(),
                negate: condition.negate,
            }),
            outcome: outcomes.next().unwrap_or(StepOutcome::NotReached),
        });
        PreviewedRecord { input, converted: noted.converted, steps: steps.collect(), outcome }
    }
}

impl From<ConnectRecord> for PreviewRecord {
    fn from(record: ConnectRecord) -> Self {
        Self::Connect(record)
    }
}

impl From<RawRecord> for PreviewRecord {
    fn from(record: RawRecord) -> Self {
        Self::Raw(record)
    }
}

/// A panic ends a task whatever `errors.tolerance` says.
fn broken(panic: &(dyn std::any::Any + Send)) -> PreviewError {
    let error = panicked(panic);
    PreviewError {
        stage: None,
        step: None,
        class: String::new(),
        error: error.clone(),
        handling: ErrorHandling {
            retry_ms: Some(0),
            logged: false,
            dead_letter: None,
            fails_with: Some(error),
        },
    }
}
