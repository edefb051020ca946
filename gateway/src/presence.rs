//! Workers as members of the consumer group that `group.id` names: RocketMQ's tools show them
//! there, and two clusters that were given one name by mistake find each other.

use std::collections::BTreeSet;

use gantry_engine::ClusterSettings;
use gantry_rocketmq::RocketmqLog;
use tokio_util::sync::CancellationToken;

/// Between a worker and its cluster topic in the id of a member.
const OF: char = '@';

/// Shows a worker in its group until the token fires, and looks who else is there.
pub(crate) fn show(
    log: &RocketmqLog,
    worker_id: &str,
    cluster: &ClusterSettings,
    stopping: CancellationToken,
) {
    let id = format!("{worker_id}{OF}{}", cluster.cluster_topic);
    let mut members = log.be_present(&cluster.group, &id);
    let (group, topic) = (cluster.group.clone(), cluster.cluster_topic.clone());
    tokio::spawn(async move {
        let mut told = None;
        loop {
            tokio::select! {
                () = stopping.cancelled() => return,
                changed = members.changed() => if changed.is_err() { return },
            }
            let now = members.borrow_and_update().clone();
            tracing::debug!(group, members = ?now, "who is in the group");
            let strangers = strangers(&now, &topic);
            if strangers.is_some() && strangers != told {
                tracing::warn!("{}", warning(&group, &topic, strangers.as_deref().unwrap_or("")));
            }
            told = strangers;
        }
    });
}

/// The members that have another cluster topic.
fn strangers(members: &BTreeSet<String>, topic: &str) -> Option<String> {
    let of_others = members.iter().filter_map(|member| {
        let (worker, other) = member.rsplit_once(OF)?;
        (other != topic).then(|| format!("{worker} with {other}"))
    });
    let of_others: Vec<String> = of_others.collect();
    (!of_others.is_empty()).then(|| of_others.join(", "))
}

fn warning(group: &str, topic: &str, strangers: &str) -> String {
    format!(
        "group.id={group} is that of another cluster too: here config.storage.topic is {topic}, \
         and there are {strangers}. They are two clusters, each with its connectors. If they \
         are to be one, give all workers the same topics; else give each cluster a group.id of its \
         own"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_who_has_another_topic_is_a_stranger() {
        let members = |all: &[&str]| all.iter().map(|id| (*id).to_owned()).collect();
        assert_eq!(strangers(&members(&["a:1@t", "b:2@t", "somebody"]), "t"), None);
        let found = strangers(&members(&["a:1@t", "b:2@u", "c:3@v@w"]), "t");
        assert_eq!(found.as_deref(), Some("b:2 with u, c:3@v with w"));
        let text = warning("g", "t", "b:2 with u");
        assert!(text.contains("group.id=g") && text.contains("b:2 with u"), "{text}");
    }
}
