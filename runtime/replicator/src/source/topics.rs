//! The topics that are copied, and their copies in the target: made when they are missing, with as
//! many queues and beginning where the originals do.

use std::collections::BTreeMap;

use gantry_api::{Error, Result};
use gantry_log::{
    Cleanup, FullLog, LogError, Str, TopicInfo, TopicLikeness, TopicPartition, TopicSpec,
};

use super::config::Config;
use super::reading::begin;
use crate::clusters::failed;

/// Topics of the source that are copied, with how many queues each has.
pub(super) type Copied = BTreeMap<Str, TopicInfo>;

/// The topics to copy, as they are now.
pub(super) async fn find(config: &Config, source: &dyn FullLog) -> Result<Copied> {
    let all = source.topics().await;
    let all = all.map_err(|error| failed("Could not list the topics of the source", &error))?;
    Ok(all.into_iter().filter(|(name, _)| config.copies(name)).collect())
}

/// Makes what is missing of a copy. `name`: the original's; `found`: the copy, as far as it is there.
pub(super) async fn ensure(
    config: &Config,
    source: &dyn FullLog,
    target: &dyn FullLog,
    name: &Str,
    info: &TopicInfo,
    found: Option<&TopicInfo>,
) -> Result<()> {
    let copy = config.common.policy.remote(&config.common.source, name);
    let wrong = |error: LogError| failed(&format!("Could not make topic {copy}"), &error);
    let queues = info.spec.queues;
    if found.is_some_and(|found| found.spec.queues >= queues) {
        let compacts = |info: &TopicInfo| info.spec.cleanup == Cleanup::Compact;
        if config.sync_configs && found.is_some_and(|found| compacts(found) != compacts(info)) {
            tracing::warn!(
                topic = &*copy,
                "the copy and its topic are not both compacted: a log cannot change that of a \
                 topic that is there"
            );
        }
        return Ok(());
    }
    let first = first_offsets(config, source, name, queues).await?;
    if found.is_some() {
        target.add_queues(&copy, queues, &first).await.map_err(wrong)?;
        tracing::info!(topic = &*copy, queues, "queues added, as the source has them");
        return Ok(());
    }
    let attributes = attributes(config, source, name).await?;
    // Where there is nothing to be like, names follow the target's own rules.
    let likeness = TopicLikeness { first_offsets: first, attributes };
    let cleanup = match config.sync_configs {
        true => info.spec.cleanup,
        false => TopicSpec::with_queues(queues).cleanup,
    };
    match target.create_topic_like(&copy, TopicSpec { queues, cleanup }, &likeness).await {
        Ok(()) => tracing::info!(topic = &*copy, queues, "topic made for copies"),
        Err(LogError::TopicExists(_)) => {
            target.add_queues(&copy, queues, &likeness.first_offsets).await.map_err(wrong)?;
        }
        Err(error) => return Err(wrong(error)),
    }
    Ok(())
}

/// Where copying of each queue begins if it begins now.
async fn first_offsets(
    config: &Config,
    source: &dyn FullLog,
    name: &Str,
    queues: u32,
) -> Result<Vec<u64>> {
    if config.common.policy.merges() {
        return Ok(Vec::new());
    }
    let mut first = Vec::with_capacity(queues as usize);
    for at in 0..queues {
        let queue = TopicPartition::new(Str::clone(name), at);
        let range = source.range(&queue).await;
        let wrong = |error: LogError| failed("Could not ask for offsets", &error);
        let range = range.map_err(wrong)?;
        first.push(begin(source, config.begin, &queue, &range).await.map_err(wrong)?);
    }
    Ok(first)
}

async fn attributes(
    config: &Config,
    source: &dyn FullLog,
    name: &str,
) -> Result<BTreeMap<Str, Str>> {
    let Some(wanted) = &config.attributes else { return Ok(BTreeMap::new()) };
    let all = source.topic_attributes(name).await;
    let all = all.map_err(|error: LogError| -> Error {
        failed(&format!("Could not ask for the settings of topic {name}"), &error)
    })?;
    Ok(all.into_iter().filter(|(name, _)| wanted.takes(name)).collect())
}

/// Makes a topic of the replicator's own: one queue, the last record of each key.
pub(crate) async fn ensure_own(target: &dyn FullLog, name: &str) -> Result<()> {
    let wrong = |error: LogError| failed(&format!("Could not make topic {name}"), &error);
    if target.topic(name).await.map_err(wrong)?.is_some() {
        return Ok(());
    }
    match target.create_topic(name, TopicSpec::compacted()).await {
        Ok(()) | Err(LogError::TopicExists(_)) => Ok(()),
        Err(error) => Err(wrong(error)),
    }
}
