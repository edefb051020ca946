//! The task of the sinks.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use gantry_api::{
    Error, Props, Result, SinkOffset, SinkOffsets, SinkRecord, SinkTask, SinkTaskContext, Str,
    TopicPartition, async_trait,
};

use super::Flavour;
use super::action::{Actions, Made, place};
use super::admin::template_of;
use super::bulk::Batches;
use super::cluster::{Cluster, Halt};
use super::config::{Config, Documents, Errors, Targets};
use super::mapping::mapping;

/// So long requests go on when the task is stopped, so that few records are sent again.
const GRACE: Duration = Duration::from_secs(2);
/// How long a task waits at its start for the server to say what it is.
const GREETING: Duration = Duration::from_secs(5);
/// Of so many topics it is remembered where they go.
const TOPICS_MAX: usize = 10_000;

/// Writes records as documents.
#[derive(Debug)]
pub struct ElasticsearchSinkTask {
    flavour: Flavour,
    running: Option<Running>,
}

#[derive(Debug)]
struct Running {
    flavour: Flavour,
    context: SinkTaskContext,
    cluster: Arc<Cluster>,
    targets: Targets,
    documents: Documents,
    errors: Errors,
    actions: Actions,
    batches: Batches,
    /// By topic.
    places: HashMap<Str, Place>,
}

/// Where a topic goes.
#[derive(Clone, Debug)]
struct Place {
    index: Arc<str>,
    /// Whether it is there.
    is_ready: bool,
    /// Whether nothing is to be done for its mapping.
    is_mapped: bool,
}

impl ElasticsearchSinkTask {
    /// A task with these keys.
    pub fn new(flavour: Flavour) -> Self {
        Self { flavour, running: None }
    }
}

fn not_started() -> Error {
    Error::connect("Not started")
}

impl Running {
    async fn add(&mut self, record: &SinkRecord) -> Result<(), Halt> {
        let is_null = record.record.value.value.is_null();
        if is_null && self.errors.on_null == super::config::OnNull::Ignore {
            if self.errors.reports && self.context.takes_errant {
                let error = Error::connect("Cannot write null valued record.");
                self.context.report(record.clone(), error);
            }
            return Ok(());
        }
        let index = match self.ready(record, is_null).await {
            Ok(index) => index,
            // A record without a schema, where the mapping comes with the index.
            Err(Halt::Failed(error)) if is_data(&error) && self.targets.maps_at_creation => {
                return self.invalid(record, error);
            }
            Err(halt) => return Err(halt),
        };
        let lines = self.batches.lines();
        let start = lines.len();
        match self.actions.make(lines, &index, record) {
            Ok(Made::Lines { is_own, hash }) => self.batches.add(record, start, is_own, hash).await,
            Ok(Made::Nothing | Made::Keyless) => Ok(()),
            Err(error) => self.invalid(record, error),
        }
    }

    /// What becomes of a record that cannot be a document.
    fn invalid(&self, record: &SinkRecord, error: Error) -> Result<(), Halt> {
        if self.errors.reports && self.context.takes_errant {
            self.context.report(record.clone(), error.clone());
        }
        if !self.errors.drops_invalid {
            return Err(error.into());
        }
        tracing::error!(
            connector = %self.context.connector,
            error = error.message(),
            "{} left out (drop.invalid.message)", place(record)
        );
        Ok(())
    }

    /// The index of a record, which is there and has its mapping.
    async fn ready(&mut self, record: &SinkRecord, is_null: bool) -> Result<Arc<str>, Halt> {
        let topic = &record.record.topic;
        let known = match self.places.get(topic) {
            Some(place) if place.is_ready && (place.is_mapped || is_null) => {
                return Ok(Arc::clone(&place.index));
            }
            known => known.cloned(),
        };
        let mut place = match known {
            Some(place) => place,
            None => self.place(topic)?,
        };
        if !place.is_ready {
            place.is_mapped |= self.create(&place.index, record, is_null).await?;
            place.is_ready = true;
        }
        if !place.is_mapped && !is_null {
            self.map(&place.index, record).await?;
            place.is_mapped = true;
        }
        if self.places.len() >= TOPICS_MAX {
            self.places.clear();
        }
        let index = Arc::clone(&place.index);
        self.places.insert(Str::clone(topic), place);
        Ok(index)
    }

    fn place(&self, topic: &Str) -> Result<Place, Halt> {
        let index = self.targets.of(topic).ok_or_else(|| {
            let key = match self.flavour {
                Flavour::OpenSearch => "topic.to.existing.resource.mapping",
                _ => "topic.to.external.resource.mapping",
            };
            Error::connect(format!(
                "Topic '{topic}' is not mapped to any resource. All topics must be mapped when \
                 using topic-to-resource mapping configuration. Please check the '{key}' \
                 configuration to ensure all topics are properly mapped."
            ))
        })?;
        Ok(Place {
            index: index.into(),
            is_ready: self.targets.only_given,
            is_mapped: !self.documents.uses_schema(topic),
        })
    }

    /// Makes an index or a data stream if it is not there; whether nothing is left to do for its mapping.
    async fn create(&self, index: &str, record: &SinkRecord, is_null: bool) -> Result<bool, Halt> {
        let cluster = &self.cluster;
        if cluster.exists(index).await? {
            return Ok(self.targets.maps_at_creation && !self.targets.is_stream);
        }
        tracing::info!(connector = %self.context.connector, index, "making it");
        if !self.targets.is_stream {
            let by_schema = self.documents.uses_schema(&record.record.topic);
            let mapping = match self.targets.maps_at_creation && by_schema && !is_null {
                true => Some(mapping(record.record.value.schema.as_ref())?),
                false => None,
            };
            let maps = mapping.is_some();
            let made = cluster.create_index(index, mapping).await?;
            // Another may have made it by the same schema.
            return Ok(maps && (made || self.targets.maps_at_creation));
        }
        if self.flavour == Flavour::OpenSearch {
            let own = || template_of(index);
            let template = self.targets.template.clone().unwrap_or_else(own);
            cluster.create_template(&template, index, &self.targets.time_field).await?;
            cluster.create_stream(index, false).await?;
            return Ok(false);
        }
        let makes_template = cluster.server().await.is_ok_and(|server| server.is_opensearch);
        cluster.create_stream(index, makes_template).await?;
        Ok(false)
    }

    /// Gives an index its mapping, if it has none.
    async fn map(&self, index: &str, record: &SinkRecord) -> Result<(), Halt> {
        if !self.cluster.has_mapping(index).await? {
            let mapping = mapping(record.record.value.schema.as_ref())?;
            self.cluster.put_mapping(index, mapping).await?;
        }
        Ok(())
    }

    async fn put(&mut self, records: &[SinkRecord]) -> Result<()> {
        self.batches.reap()?;
        for (at, record) in records.iter().enumerate() {
            match self.add(record).await {
                Ok(()) => {}
                Err(Halt::Failed(error)) => {
                    self.batches.fail(error.clone());
                    return Err(error);
                }
                // The last commit ends before them. This record may be in a batch: that is no harm.
                Err(Halt::Stopped) => {
                    self.batches.hold(records.get(at..).unwrap_or_default());
                    return Ok(());
                }
            }
        }
        match self.batches.linger().await {
            Ok(()) | Err(Halt::Stopped) => Ok(()),
            Err(Halt::Failed(error)) => {
                self.batches.fail(error.clone());
                Err(error)
            }
        }
    }

    async fn pre_commit(&mut self, written: &SinkOffsets) -> SinkOffsets {
        if self.context.cancel.is_cancelled() {
            self.batches.drain(GRACE).await;
        } else if let Some(limit) = self.batches.waits() {
            if !self.batches.drain(limit).await {
                self.batches.fail(Error::connect(format!(
                    "Flush timeout expired with unflushed records: nothing more was written \
                     within flush.timeout.ms ({} ms)",
                    limit.as_millis()
                )));
            }
        } else {
            self.batches.flush();
            // The next put fails by it.
            drop(self.batches.reap());
        }
        self.batches.safe(written)
    }
}

fn is_data(error: &Error) -> bool {
    *error.kind() == gantry_api::ErrorKind::Data
}

#[async_trait]
impl SinkTask for ElasticsearchSinkTask {
    async fn start(&mut self, context: SinkTaskContext, props: &Props) -> Result<()> {
        let (flavour, props, shared) = (self.flavour, props.clone(), context.clone());
        // Key stores are files, which may be slow.
        let made = tokio::task::spawn_blocking(move || {
            let config = Config::parse(flavour, &props)?;
            let cluster = Cluster::new(
                &config.connection,
                config.retry.clone(),
                config.bulk.in_flight,
                shared.cancel.clone(),
                &shared.connector,
            )?;
            Ok::<_, Error>((config, cluster))
        });
        let (config, cluster) = made.await.map_err(|error| Error::connect(error.to_string()))??;
        let asked = tokio::select! {
            () = context.cancel.cancelled() => Err("stopped".to_owned()),
            asked = tokio::time::timeout(GREETING, cluster.server()) => {
                asked.unwrap_or_else(|_| Err("no answer".to_owned()))
            }
        };
        match asked {
            Ok(server) => tracing::info!(
                connector = %context.connector, version = server.version,
                opensearch = server.is_opensearch, "writes to it"
            ),
            Err(why) => {
                tracing::warn!(connector = %context.connector, "the server does not answer: {why}")
            }
        }
        let cluster = Arc::new(cluster);
        let Config { bulk, targets, documents, errors, .. } = config;
        let shared = Arc::clone(&cluster);
        self.running = Some(Running {
            flavour,
            actions: Actions::new(documents.clone(), &errors, targets.is_stream),
            batches: Batches::new(shared, bulk, errors, context.clone()),
            context,
            cluster,
            targets,
            documents,
            errors,
            places: HashMap::new(),
        });
        Ok(())
    }

    async fn open(&mut self, queues: &[(TopicPartition, Option<SinkOffset>)]) -> Result<()> {
        let running = self.running.as_mut().ok_or_else(not_started)?;
        running.batches.forget(queues.iter().map(|(queue, _)| queue));
        Ok(())
    }

    async fn put(&mut self, records: &[SinkRecord]) -> Result<()> {
        self.running.as_mut().ok_or_else(not_started)?.put(records).await
    }

    async fn pre_commit(&mut self, written: &SinkOffsets) -> Result<SinkOffsets> {
        let running = self.running.as_mut().ok_or_else(not_started)?;
        Ok(running.pre_commit(written).await)
    }

    async fn close(&mut self, _queues: &[TopicPartition]) -> Result<()> {
        // What is still being sent must not come behind what another task sends.
        if let Some(running) = &mut self.running
            && !running.context.cancel.is_cancelled()
        {
            let limit = running.batches.flush_timeout();
            running.batches.drain(limit).await;
        }
        Ok(())
    }

    async fn stop(&mut self) -> Result<()> {
        // Ends what is being sent, and closes the connections.
        self.running = None;
        Ok(())
    }
}
