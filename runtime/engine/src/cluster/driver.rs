//! This worker's topics opened, and its part in the cluster driven.

use std::collections::BTreeSet;
use std::sync::{Arc, MutexGuard, Weak};
use std::time::Duration;

use gantry_api::Str;
use gantry_cluster::{Member, Refusal, State, TargetState, Unit};
use gantry_coordination::{
    Asked, Driver, DriverConfig, FencedOffsets, Host, Keeps, follow_offsets, open_topic,
};
use gantry_log::{FullLog, TopicPartition};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::units::Command;
use super::{Cluster, Undriven};
use crate::herder::Herder;

/// The wait after the log could not be asked.
const RETRY_MIN: Duration = Duration::from_millis(100);
/// The longest of these waits.
const RETRY_MAX: Duration = Duration::from_secs(5);
/// How often copies of the topics are brought up to date.
const COPY_INTERVAL: Duration = Duration::from_secs(60);

/// What carries out what the protocol decides.
struct Worker {
    cluster: Arc<Cluster>,
    herder: Weak<Herder>,
}

/// Opens the topics and takes part, until told to leave.
pub(crate) async fn drive(
    undriven: Undriven,
    herder: Weak<Herder>,
    offsets: Arc<FencedOffsets>,
    offset_topic: String,
) {
    let Undriven { cluster, asked, control } = undriven;
    let opened = tokio::select! {
        () = cluster.stopping.cancelled() => None,
        opened = open(&cluster, &*control, &offset_topic) => Some(opened),
    };
    let Some([queue, statuses]) = opened else {
        cluster.copied.cancel();
        cluster.left.cancel();
        return;
    };
    let stop = cluster.left.child_token();
    let of = |cluster: &Arc<Cluster>| {
        (Arc::clone(cluster), Arc::clone(&control), statuses.clone(), stop.clone())
    };
    let (me, log, topic, token) = of(&cluster);
    tokio::spawn(super::Statuses::write(me, log, topic, token));
    let (me, log, topic, token) = of(&cluster);
    tokio::spawn(super::Statuses::follow(me, log, topic, token));
    tokio::spawn(keep_copies(Arc::clone(&cluster), Arc::clone(&offsets), stop.clone()));
    let session_ms = cluster.settings.session_timeout_ms;
    let config = DriverConfig {
        control,
        queue,
        copies: cluster.copies.clone(),
        heartbeat_ms: cluster.settings.heartbeat_interval_ms,
        stopping: cluster.stopping.clone(),
        left: cluster.left.clone(),
    };
    let worker = Arc::new(Worker { cluster, herder });
    tokio::spawn(follow_offsets(Arc::clone(&worker), offsets, session_ms, stop));
    Driver::new(worker, config).run(asked).await;
}

/// The cluster topic and the status topic, and the offset topic too; tried until they are there.
async fn open(cluster: &Cluster, log: &dyn FullLog, offset_topic: &str) -> [TopicPartition; 2] {
    let settings = &cluster.settings;
    let mut wait = RETRY_MIN;
    loop {
        let opened = async {
            let of = |key, topic| open_topic(log, key, topic, Keeps::EachRecord);
            let cluster = of("config.storage.topic", &settings.cluster_topic).await?;
            of("offset.storage.topic", offset_topic).await?;
            let status = of("status.storage.topic", &settings.status_topic).await?;
            Ok::<_, crate::error::HerderError>([cluster, status])
        };
        match opened.await {
            Ok(opened) => return opened,
            Err(error) => cluster.set_waiting_for(Some(error.message)),
        }
        tokio::time::sleep(wait).await;
        wait = (wait * 2).min(RETRY_MAX);
    }
}

/// Keeps copies of what this worker knows on its disk, now and then and when it leaves.
async fn keep_copies(cluster: Arc<Cluster>, offsets: Arc<FencedOffsets>, stop: CancellationToken) {
    let _done = cluster.copied.clone().drop_guard();
    if !cluster.copies.are_kept() {
        return;
    }
    let topic = cluster.settings.cluster_topic.clone();
    let mut kept: Option<State> = None;
    loop {
        let ends = tokio::select! {
            () = stop.cancelled() => true,
            () = tokio::time::sleep(COPY_INTERVAL) => false,
        };
        // Of a topic that could not be read yet nothing is known.
        if cluster.took_part() {
            let state = cluster.read(State::clone);
            // What must not be forgotten; the rest changes with each heartbeat.
            let same =
                |kept: &State| kept.stamp == state.stamp && kept.connectors == state.connectors;
            if !kept.as_ref().is_some_and(same) {
                cluster.copies.write(&topic, &state).await;
                kept = Some(state);
            }
            offsets.copy().await;
        }
        if ends {
            return;
        }
    }
}

impl Host for Worker {
    fn member(&self) -> MutexGuard<'_, Member> {
        self.cluster.member()
    }
    fn asked(&self) -> &mpsc::Sender<Asked> {
        &self.cluster.asked
    }
    fn start(&self, unit: Unit, epoch: u64, generation: u64) {
        self.cluster.start_unit(&self.herder, unit, epoch, generation);
    }
    fn stop(&self, unit: &Unit, epoch: u64) {
        let units = self.cluster.units();
        if let Some(own) = units.get(unit).filter(|own| own.epoch == epoch) {
            own.stop.cancel();
        }
    }
    fn restart(&self, unit: &Unit, only_failed: bool) {
        self.cluster.command(|other| other == unit, || Command::Restart { only_failed });
    }
    fn target(&self, name: &Str, state: TargetState) {
        self.cluster.command(|unit| unit.connector == *name, || Command::Target(state));
    }
    fn refused(&self, refusal: Refusal) -> String {
        self.cluster.why_refused(refusal)
    }
    fn set_waiting_for(&self, reason: Option<String>) {
        self.cluster.set_waiting_for(reason);
    }
    fn stepped(&self) {
        self.cluster.extend_leases();
    }
}

impl Cluster {
    /// Why this worker may not take part, and what to do.
    fn why_refused(&self, refusal: Refusal) -> String {
        let reason = format!("the cluster refuses it: {refusal}");
        if refusal != Refusal::Group {
            return reason;
        }
        let groups: BTreeSet<String> = self.read(|state| {
            state.alive().map(|(_, worker)| format!("{:?}", &*worker.group)).collect()
        });
        format!(
            "{reason}: {} is shared by workers whose group.id is {}, and this one has {:?}; give \
             it the same group.id, or topics of its own (config.storage.topic, \
             offset.storage.topic, status.storage.topic)",
            self.settings.cluster_topic,
            groups.into_iter().collect::<Vec<_>>().join(" and "),
            self.settings.group,
        )
    }
}
