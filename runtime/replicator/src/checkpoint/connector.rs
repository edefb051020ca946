//! The connector: which groups there are, and which task has which.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use gantry_api::model::config::ConfigValue;
use gantry_api::{
    Connector, ConnectorContext, ExactlyOnceSupport, OffsetMap, Props, Result, async_trait,
};
use gantry_log::FullLog;

use super::config::{ASSIGNED, Config, validate};
use crate::clusters::Clusters;
use crate::source::ensure_own;
use crate::{keys, offsets};

/// The wait after the source could not be asked.
const RETRY: Duration = Duration::from_secs(2);

pub(crate) struct MirrorCheckpoint {
    clusters: Arc<Clusters>,
    props: Props,
    known: Arc<Mutex<BTreeSet<String>>>,
}

impl MirrorCheckpoint {
    pub(crate) fn new(clusters: Arc<Clusters>) -> Self {
        Self { clusters, props: Props::new(), known: Arc::default() }
    }
}

#[async_trait]
impl Connector for MirrorCheckpoint {
    fn validate(&self, props: &Props, findings: &mut Vec<ConfigValue>) -> Result<()> {
        validate(&self.clusters, props, findings);
        Ok(())
    }

    async fn start(&mut self, ctx: ConnectorContext, props: &Props) -> Result<()> {
        let config = Config::of(props)?;
        self.props = props.clone();
        if !config.common.enabled {
            return Ok(());
        }
        let watch = Watch {
            source: self.clusters.open(&keys::source_cluster(props), &ctx.name)?,
            target: self.clusters.target()?,
            config,
            known: Arc::clone(&self.known),
            ctx,
        };
        let failed = match watch.look().await {
            Ok(_) => false,
            Err(error) if error.is_retriable() => {
                tracing::warn!(connector = &*watch.ctx.name, %error, "trying again");
                true
            }
            Err(error) => return Err(error),
        };
        let cancel = watch.ctx.cancel.clone();
        tokio::spawn(async move { cancel.run_until_cancelled(watch.run(failed)).await });
        Ok(())
    }

    async fn task_configs(&mut self, max_tasks: u32) -> Result<Vec<Props>> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let config = Config::of(&self.props)?;
        if !config.common.enabled || config.emit.is_none() || known.is_empty() {
            return Ok(Vec::new());
        }
        let tasks = known.len().min(max_tasks.max(1) as usize);
        let task = |number: usize| {
            let own = known.iter().skip(number).step_by(tasks);
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

    fn exactly_once_support(&self, _props: &Props) -> Result<ExactlyOnceSupport> {
        Ok(ExactlyOnceSupport::Supported)
    }

    async fn alter_offsets(
        &mut self,
        _props: &Props,
        changes: &[(OffsetMap, Option<OffsetMap>)],
    ) -> Result<bool> {
        offsets::check(changes, &["group", offsets::TOPIC], true, true)?;
        Ok(true)
    }
}

/// Looks for groups that came or went.
struct Watch {
    config: Config,
    source: Arc<dyn FullLog>,
    target: Arc<dyn FullLog>,
    known: Arc<Mutex<BTreeSet<String>>>,
    ctx: ConnectorContext,
}

impl Watch {
    /// True if there are others than before.
    async fn look(&self) -> Result<bool> {
        let topic = self.config.common.policy.checkpoints(&self.config.common.source);
        ensure_own(&*self.target, &topic).await?;
        let found = self.config.groups(&*self.source, None).await?;
        let found: BTreeSet<String> = found.keys().map(|group| group.to_string()).collect();
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let changed = *known != found;
        *known = found;
        Ok(changed)
    }

    async fn run(self, mut failed: bool) {
        loop {
            match self.config.refresh {
                _ if failed => tokio::time::sleep(RETRY).await,
                None => return,
                Some(interval) => tokio::time::sleep(interval).await,
            }
            match self.look().await {
                Ok(changed) => {
                    failed = false;
                    if changed {
                        self.ctx.request_task_reconfiguration();
                    }
                }
                Err(error) => {
                    failed = true;
                    tracing::warn!(connector = &*self.ctx.name, %error, "cannot look for groups; trying again");
                }
            }
        }
    }
}
