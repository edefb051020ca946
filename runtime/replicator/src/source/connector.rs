//! The connector: which queues are copied, by which task; it looks for new ones.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use gantry_api::model::config::ConfigValue;
use gantry_api::{
    Connector, ConnectorContext, Error, ExactlyOnceSupport, OffsetMap, Props, Result, async_trait,
};
use gantry_log::{FullLog, Str};

use super::config::{ASSIGNED, Config, Dialect, reads_committed};
use super::topics::{self, Copied};
use crate::clusters::{Clusters, failed};
use crate::{keys, offsets};

/// The wait after the source or the target could not be asked.
const RETRY: Duration = Duration::from_secs(2);

pub(crate) struct MirrorSource {
    clusters: Arc<Clusters>,
    dialect: Dialect,
    props: Props,
    known: Arc<Mutex<Copied>>,
    is_enabled: bool,
}

impl MirrorSource {
    pub(crate) fn new(clusters: Arc<Clusters>) -> Self {
        Self::of(clusters, Dialect::MIRROR)
    }

    pub(crate) fn of_replicator(clusters: Arc<Clusters>) -> Self {
        Self::of(clusters, Dialect::REPLICATOR)
    }

    fn of(clusters: Arc<Clusters>, dialect: Dialect) -> Self {
        let (props, known) = (Props::new(), Arc::default());
        Self { clusters, dialect, props, known, is_enabled: false }
    }

    fn known(&self) -> Copied {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[async_trait]
impl Connector for MirrorSource {
    fn validate(&self, props: &Props, findings: &mut Vec<ConfigValue>) -> Result<()> {
        (self.dialect.validate)(&self.clusters, props, findings);
        Ok(())
    }

    async fn start(&mut self, ctx: ConnectorContext, props: &Props) -> Result<()> {
        let config = (self.dialect.config)(props)?;
        self.is_enabled = config.common.enabled;
        self.props = props.clone();
        if !self.is_enabled {
            return Ok(());
        }
        let watch = Watch {
            source: self.clusters.open(&(self.dialect.cluster)(props), &ctx.name)?,
            target: self.clusters.target()?,
            config,
            known: Arc::clone(&self.known),
            ctx,
        };
        match watch.look().await {
            Ok(_) => {}
            Err(error) if error.is_retriable() => {
                tracing::warn!(connector = &*watch.ctx.name, %error, "trying again");
            }
            Err(error) => return Err(error),
        }
        let cancel = watch.ctx.cancel.clone();
        tokio::spawn(async move { cancel.run_until_cancelled(watch.run()).await });
        Ok(())
    }

    /// Queues are dealt in turn, so that those of a busy topic come to all tasks.
    async fn task_configs(&mut self, max_tasks: u32) -> Result<Vec<Props>> {
        let known = self.known();
        if !self.is_enabled || known.is_empty() {
            return Ok(Vec::new());
        }
        let queues = known.iter().flat_map(|(topic, info)| {
            (0..info.spec.queues).map(move |queue| format!("{topic}-{queue}"))
        });
        let queues: Vec<String> = queues.collect();
        let tasks = queues.len().min(max_tasks.max(1) as usize);
        let task = |number: usize| {
            let own = queues.iter().skip(number).step_by(tasks);
            let own: Vec<&str> = own.map(String::as_str).collect();
            let mut task = Props::from([
                (ASSIGNED.to_owned(), own.join(",")),
                ("task.index".to_owned(), number.to_string()),
            ]);
            keys::with_byte_converters(&self.props, &mut task);
            task
        };
        Ok((0..tasks).map(task).collect())
    }

    fn exactly_once_support(&self, props: &Props) -> Result<ExactlyOnceSupport> {
        Ok(match reads_committed(|key| props.get(key).cloned()) {
            true => ExactlyOnceSupport::Supported,
            false => ExactlyOnceSupport::Unsupported,
        })
    }

    async fn alter_offsets(
        &mut self,
        _props: &Props,
        changes: &[(OffsetMap, Option<OffsetMap>)],
    ) -> Result<bool> {
        offsets::check(changes, &[offsets::CLUSTER, offsets::TOPIC], true, false)?;
        Ok(true)
    }
}

/// Looks for topics and queues that came.
struct Watch {
    config: Config,
    source: Arc<dyn FullLog>,
    target: Arc<dyn FullLog>,
    known: Arc<Mutex<Copied>>,
    ctx: ConnectorContext,
}

impl Watch {
    /// True if what is copied has changed.
    async fn look(&self) -> Result<bool> {
        if self.config.emit_syncs {
            let syncs = self.config.common.policy.offset_syncs(&self.config.common.source);
            topics::ensure_own(&*self.target, &syncs).await?;
        }
        let mut found = topics::find(&self.config, &*self.source).await?;
        let there = self.target.topics().await;
        let there = there.map_err(|error| failed("Could not list the copies", &error))?;
        let common = &self.config.common;
        let mut unmade: BTreeMap<Str, Error> = BTreeMap::new();
        for (name, info) in &found {
            let copy = there.get(&common.policy.remote(&common.source, name));
            let (source, target) = (&*self.source, &*self.target);
            let made = topics::ensure(&self.config, source, target, name, info, copy).await;
            match made {
                // The others are copied all the same.
                Err(error) if !error.is_retriable() => unmade.extend([(Str::clone(name), error)]),
                made => made?,
            }
        }
        for (name, error) in unmade {
            tracing::error!(connector = &*self.ctx.name, topic = &*name, %error, "topic is not copied");
            found.remove(&name);
        }
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        // The number of queues is all that tasks depend on.
        let shape = |topics: &Copied| -> Vec<(Str, u32)> {
            topics.iter().map(|(name, info)| (Str::clone(name), info.spec.queues)).collect()
        };
        let changed = shape(&known) != shape(&found);
        *known = found;
        Ok(changed)
    }

    async fn run(self) {
        let mut changes = self.source.topic_changes();
        changes.mark_unchanged();
        let mut unknown = self.known.lock().unwrap_or_else(PoisonError::into_inner).is_empty();
        loop {
            match self.config.refresh {
                _ if unknown => tokio::time::sleep(RETRY).await,
                None => return,
                Some(interval) => tokio::select! {
                    () = tokio::time::sleep(interval) => {}
                    changed = changes.changed() => if changed.is_err() { return },
                },
            }
            changes.mark_unchanged();
            match self.look().await {
                Ok(changed) => {
                    unknown = false;
                    if changed {
                        tracing::info!(connector = &*self.ctx.name, "topics of the source changed");
                        self.ctx.request_task_reconfiguration();
                    }
                }
                Err(error) => {
                    unknown = true;
                    tracing::warn!(connector = &*self.ctx.name, %error, "cannot look for new topics; trying again");
                }
            }
        }
    }
}
