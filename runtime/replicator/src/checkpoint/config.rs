//! The keys of the checkpoint connector.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use gantry_api::model::config::ConfigValue;
use gantry_api::{ConfigDef, Props, Result, Type};
use gantry_log::{FullLog, Str, TopicPartition};

use crate::clusters::{Clusters, failed};
use crate::filter::Filter;
use crate::keys::{self, Common, TOPICS, TOPICS_EXCLUDE};

pub(super) const ASSIGNED: &str = "task.assigned.groups";
const EMIT: &str = "emit.checkpoints";
const SYNC: &str = "sync.group.offsets";
const REFRESH: &str = "refresh.groups";
const EMIT_SYNCS: &str = "emit.offset-syncs.enabled";
const GROUPS: &str = "groups";
const GROUPS_EXCLUDE: &str = "groups.exclude";

/// The keys, with names, types and defaults of MirrorMaker's.
pub(crate) fn definition() -> ConfigDef {
    let mut keys = keys::common(true);
    keys::topics(&mut keys);
    keys.group("Groups")
        .patterns(GROUPS, &[".*"], "Consumer groups whose offsets are copied: names and patterns (Java's), which match whole names.")
        .patterns(GROUPS_EXCLUDE, &["console-consumer-.*", "connect-.*", "__.*"], "Groups not to copy, in the same form; it wins over `groups`.")
        .class("group.filter.class", "org.apache.kafka.connect.mirror.DefaultGroupFilter", "Only the default is taken: it reads the two lists.")
        .repeated(REFRESH, true, 600, "new groups of the source are looked for")
        .repeated(EMIT, true, 60, "checkpoints are written: where each group goes on in the copies")
        .repeated(SYNC, false, 60, "offsets are committed in the target, for groups that have no consumers there; never backwards")
        .replication_factor("checkpoints.topic.replication.factor", Type::Short, 3);
    keys.done()
}

/// Adds what is wrong beyond single keys.
pub(super) fn validate(clusters: &Clusters, props: &Props, findings: &mut Vec<ConfigValue>) {
    keys::validate(clusters, true, &[EMIT_SYNCS], props, findings);
    let is_off = |key: &str| props.get(key).is_some_and(|text| text.trim() == "false");
    if is_off(keys::ENABLED) {
        return;
    }
    let emit = format!("{EMIT}.enabled");
    if is_off(&emit) {
        let text = format!("MirrorCheckpointConnector can't run with {emit} set to false");
        keys::add(findings, &emit, text);
    }
    if is_off(EMIT_SYNCS) {
        let text = "MirrorCheckpointConnector can't run without offset syncs".to_owned();
        keys::add(findings, EMIT_SYNCS, text);
    }
}

/// The values of the keys.
#[derive(Debug)]
pub(super) struct Config {
    pub(super) common: Common,
    topics: Filter,
    groups: Filter,
    pub(super) refresh: Option<Duration>,
    pub(super) emit: Option<Duration>,
    pub(super) sync: Option<Duration>,
}

impl Config {
    pub(super) fn of(props: &Props) -> Result<Self> {
        let config = definition().parse(props)?;
        Ok(Self {
            common: Common::of(&config)?,
            topics: Filter::new(config.list(TOPICS), config.list(TOPICS_EXCLUDE))?,
            groups: Filter::new(config.list(GROUPS), config.list(GROUPS_EXCLUDE))?,
            refresh: keys::interval(&config, REFRESH),
            emit: keys::interval(&config, EMIT),
            sync: keys::interval(&config, SYNC),
        })
    }

    /// The offsets that groups of the source have committed in topics that are copied.
    pub(super) async fn groups(
        &self,
        source: &dyn FullLog,
        only: Option<&BTreeSet<String>>,
    ) -> Result<BTreeMap<Str, BTreeMap<TopicPartition, u64>>> {
        let Common { policy, target, .. } = &self.common;
        let all = source.groups().await;
        let mut all =
            all.map_err(|error| failed("Could not ask for the groups of the source", &error))?;
        all.retain(|group, offsets| {
            offsets.retain(|queue, _| {
                self.topics.takes(&queue.topic)
                    && !policy.is_internal(&queue.topic)
                    && !policy.is_cycle(&queue.topic, target)
            });
            let wanted = only.is_none_or(|only| only.contains(&**group));
            wanted && !offsets.is_empty() && self.groups.takes(group)
        });
        Ok(all)
    }
}
