//! Topics: made on brokers, listed from brokers, found by name servers.

use std::collections::{BTreeMap, HashMap};
use std::sync::Weak;
use std::time::Duration;

use bytes::Bytes;
use gantry_log::{
    Cleanup, LogError, Str, TopicInfo, TopicLikeness, TopicPartition, TopicSpec, check_topic,
};
use rocketmq_protocol::RemotingCommand;
use rocketmq_protocol::code::request_code::RequestCode;
use rocketmq_protocol::code::response_code::ResponseCode;
use serde::Deserialize;
use tokio::time::Instant;

use crate::json;
use crate::log::Inner;
use crate::names::{TOPIC_BYTES_MAX, decode_topic, encode_topic, is_internal};
use crate::remoting::command;
use crate::route::Share;

/// How long name servers may take to learn of a topic.
const KNOWN_LIMIT: Duration = Duration::from_secs(15);
/// How long a broker may take to make readable what it has stored.
const READABLE_LIMIT: Duration = Duration::from_secs(2);
/// How often to ask them meanwhile.
const KNOWN_PAUSE: Duration = Duration::from_millis(10);
/// How often to look whether topics came or went.
const LOOK_INTERVAL: Duration = Duration::from_secs(10);
/// Reading and writing.
const PERMISSION: u32 = 6;
const CLEANUP: &str = "cleanup.policy";
const COMPACTION: &str = "COMPACTION";
/// Of what a topic is told to be like: whether its messages have an order over all queues.
const ORDER: &str = "order";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AllTopics {
    #[serde(default)]
    topic_config_table: HashMap<String, TopicData>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct TopicData {
    #[serde(default)]
    read_queue_nums: u32,
    #[serde(default)]
    order: bool,
    #[serde(default)]
    perm: u32,
    #[serde(default)]
    attributes: HashMap<String, String>,
}

impl TopicData {
    /// What another topic needs to be like this one, beside what its specification says.
    fn own_attributes(&self) -> BTreeMap<Str, Str> {
        let own = self.attributes.iter().filter(|(name, _)| *name != CLEANUP);
        let mut own: BTreeMap<Str, Str> =
            own.map(|(name, value)| (name.as_str().into(), value.as_str().into())).collect();
        if self.order {
            own.insert(ORDER.into(), "true".into());
        }
        own
    }

    fn cleanup(&self) -> Cleanup {
        match self.attributes.get(CLEANUP).is_some_and(|policy| policy == COMPACTION) {
            true => Cleanup::Compact,
            false => Cleanup::Delete { retention_ms: None, retention_bytes: None },
        }
    }
}

/// Looks now and then whether others made or deleted topics.
pub(crate) async fn watch_topics(inner: Weak<Inner>) {
    let mut known: Option<Vec<(Str, u32)>> = None;
    loop {
        tokio::time::sleep(LOOK_INTERVAL).await;
        let Some(inner) = inner.upgrade() else { return };
        if inner.stopped.is_cancelled() {
            return;
        }
        // Nobody waits for a change.
        if inner.topics_changed.receiver_count() == 0 {
            known = None;
            continue;
        }
        let Ok(topics) = inner.topics().await else { continue };
        let now: Vec<(Str, u32)> =
            topics.into_iter().map(|(name, info)| (name, info.spec.queues)).collect();
        if known.as_ref().is_some_and(|known| *known != now) {
            inner.topics_changed.send_modify(|count| *count += 1);
        }
        known = Some(now);
    }
}

impl Inner {
    pub(crate) async fn topics(&self) -> Result<BTreeMap<Str, TopicInfo>, LogError> {
        let mut topics: BTreeMap<Str, TopicInfo> = BTreeMap::new();
        let brokers = self.routes.brokers().await?;
        for (broker, addr) in &brokers {
            let request = command(RequestCode::GetAllTopicConfig, [], Bytes::new());
            let answer = self.remoting.call(addr, request, self.timeout).await?;
            let all: AllTopics = json::read(addr, &answer)?;
            let cluster = |name: &str| brokers.iter().any(|(other, _)| &**other == name);
            for (name, data) in all.topic_config_table {
                let own = **broker == *name || cluster(&name) || name == "DefaultCluster";
                if own || is_internal(&name) || data.read_queue_nums == 0 {
                    continue;
                }
                let spec = TopicSpec { queues: data.read_queue_nums, cleanup: data.cleanup() };
                topics
                    .entry(decode_topic(&name).into())
                    .and_modify(|info| info.spec.queues += spec.queues)
                    .or_insert(TopicInfo { spec });
            }
        }
        // What is on brokers that are down, as far as it was written down.
        for (name, shares) in self.routes.all_recorded().await? {
            let away = |share: &&Share| brokers.iter().all(|(broker, _)| *broker != share.broker);
            let queues: u32 = shares.iter().filter(away).map(|share| share.queues).sum();
            if queues > 0 {
                topics
                    .entry(decode_topic(&name).into())
                    .and_modify(|info| info.spec.queues += queues)
                    .or_insert_with(|| TopicInfo { spec: TopicSpec::with_queues(queues) });
            }
        }
        Ok(topics)
    }

    pub(crate) async fn topic(&self, name: &str) -> Result<Option<TopicInfo>, LogError> {
        if is_internal(name) || encode_topic(name).len() > TOPIC_BYTES_MAX {
            return Ok(None);
        }
        let Some(route) = self.routes.fetch(name).await? else { return Ok(None) };
        let queues = route.queues();
        let Some(share) = route.shares.first() else { return Ok(None) };
        let addr = share.addr(name)?;
        let answer = match self.routes.topic_config(addr, name).await {
            Ok(answer) => answer,
            Err(error) if error.is(ResponseCode::TopicNotExist) => {
                self.routes.doubt(name);
                return Ok(None);
            }
            Err(error) => return Err(error.into()),
        };
        let data: TopicData = json::read(addr, &answer)?;
        Ok(Some(TopicInfo { spec: TopicSpec { queues, cleanup: data.cleanup() } }))
    }

    /// What only RocketMQ has of a topic, as its first broker says; empty where there is none.
    pub(crate) async fn topic_attributes(
        &self,
        name: &str,
    ) -> Result<BTreeMap<Str, Str>, LogError> {
        let Some(route) = self.routes.get(name).await? else { return Ok(BTreeMap::new()) };
        let Some(share) = route.shares.first() else { return Ok(BTreeMap::new()) };
        let addr = share.addr(name)?;
        let answer = self.routes.topic_config(addr, name).await?;
        Ok(json::read::<TopicData>(addr, &answer)?.own_attributes())
    }

    /// The broker and its number there, for each queue.
    pub(crate) async fn queue_places(&self, name: &str) -> Result<Vec<Str>, LogError> {
        let Some(route) = self.routes.get(name).await? else { return Ok(Vec::new()) };
        let of_share = |share: &Share| {
            let broker = Str::clone(&share.broker);
            (0..share.queues).map(move |queue_id| format!("{broker}:{queue_id}").into())
        };
        Ok(route.shares.iter().flat_map(of_share).collect())
    }

    /// The new queues are put on the broker whose name sorts last: no queue changes its number.
    pub(crate) async fn add_queues(&self, name: &str, queues: u32) -> Result<(), LogError> {
        let _changing = self.changing.lock().await;
        let unknown = || LogError::Unknown(TopicPartition::new(name, 0));
        if is_internal(name) {
            return Err(unknown());
        }
        let route = self.routes.fetch(name).await?.ok_or_else(unknown)?;
        let Some(more) = queues.checked_sub(route.queues()).filter(|more| *more > 0) else {
            return Ok(());
        };
        let mut shares = route.shares.clone();
        let last = shares.last_mut().ok_or_else(unknown)?;
        let addr = Str::clone(last.addr(name)?);
        let answer = self.routes.topic_config(&addr, name).await?;
        let data: TopicData = json::read(&addr, &answer)?;
        last.queues += more;
        let settings = Settings { order: data.order, perm: data.perm, attributes: String::new() };
        let request = settings.request(name, last.queues);
        self.remoting.call(&addr, request, self.timeout).await?;
        self.routes.record(name, Some(&shares)).await;
        self.until(name, |now| now.is_some_and(|now| now >= queues)).await?;
        self.topics_changed.send_modify(|count| *count += 1);
        Ok(())
    }

    pub(crate) async fn create_topic(
        &self,
        name: &str,
        spec: TopicSpec,
        likeness: Option<&TopicLikeness>,
    ) -> Result<(), LogError> {
        // A copy keeps its name: other clients' topics may have more characters than ours.
        match likeness {
            None => check_topic(name, &spec)?,
            Some(_) => check_topic(&name.replace(['%', '|'], "_"), &spec)?,
        }
        let encoded = encode_topic(name);
        if encoded.len() > TOPIC_BYTES_MAX {
            return Err(LogError::InvalidTopic {
                topic: name.into(),
                reason: format!(
                    "RocketMQ takes names of at most {TOPIC_BYTES_MAX} characters, and this one \
                     has {} (a dot counts as the three of %2E)",
                    encoded.len()
                ),
            });
        }
        let _changing = self.changing.lock().await;
        if self.topic(name).await?.is_some() {
            return Err(LogError::TopicExists(name.into()));
        }
        let brokers = self.routes.brokers().await?;
        let plain = TopicLikeness::default();
        let settings = Settings::of(&spec, likeness.unwrap_or(&plain));
        let shares = spread(&brokers, name, spec.queues);
        self.routes.record(name, Some(&shares)).await;
        let mut taken = false;
        for share in &shares {
            let request = settings.request(name, share.queues);
            let addr = share.addr(name)?;
            if let Err(error) = self.remoting.call(addr, request, self.timeout).await {
                // Brokers refuse to change how a topic is kept, also if nothing changes: somebody
                // else may have made it just now.
                if self.routes.topic_config(addr, name).await.is_err() {
                    return Err(error.into());
                }
                taken = true;
            }
        }
        let wanted = spec.queues;
        self.until(name, |queues| queues == Some(wanted)).await?;
        self.topics_changed.send_modify(|count| *count += 1);
        if taken { Err(LogError::TopicExists(name.into())) } else { Ok(()) }
    }

    pub(crate) async fn delete_topic(&self, name: &str) -> Result<(), LogError> {
        let _changing = self.changing.lock().await;
        let unknown = || LogError::Unknown(TopicPartition::new(name, 0));
        if is_internal(name) {
            return Err(unknown());
        }
        let route = self.routes.fetch(name).await?.ok_or_else(unknown)?;
        self.until_readable(name, route.queues()).await?;
        let fields = || [("topic", encode_topic(name))];
        for share in &route.shares {
            let request = command(RequestCode::DeleteTopicInBroker, fields(), Bytes::new());
            self.remoting.call(share.addr(name)?, request, self.timeout).await?;
        }
        self.routes.record(name, None).await;
        for addr in &self.config.name_servers {
            let request = command(RequestCode::DeleteTopicInNamesrv, fields(), Bytes::new());
            // One that is down learns it from the brokers.
            if let Err(error) = self.remoting.call(addr, request, self.timeout).await {
                tracing::debug!(topic = name, %error, "name server not told of a deleted topic");
            }
        }
        self.until(name, |queues| queues.is_none()).await?;
        self.cursors.topic_deleted(name);
        self.forget_acknowledged(name);
        self.topics_changed.send_modify(|count| *count += 1);
        Ok(())
    }

    /// Waits until all that was acknowledged can be read: brokers make a queue again for a record
    /// that they have stored and not yet made readable when its topic is deleted.
    async fn until_readable(&self, name: &str, queues: u32) -> Result<(), LogError> {
        let begun = Instant::now();
        for partition in 0..queues {
            let queue = TopicPartition::new(name, partition);
            while self.readable(&queue).await? < self.range(&queue).await?.next
                && begun.elapsed() < READABLE_LIMIT
            {
                tokio::time::sleep(KNOWN_PAUSE).await;
            }
        }
        Ok(())
    }

    /// Waits until name servers say of a topic what brokers do.
    async fn until(&self, name: &str, is: impl Fn(Option<u32>) -> bool) -> Result<(), LogError> {
        let begun = Instant::now();
        loop {
            let route = self.routes.fetch(name).await?;
            if is(route.map(|route| route.queues())) {
                return Ok(());
            }
            if begun.elapsed() > KNOWN_LIMIT {
                return Err(LogError::Unavailable(
                    format!(
                        "topic {name} was changed on its brokers, and the name server did not \
                         learn it within {} s",
                        KNOWN_LIMIT.as_secs()
                    )
                    .into(),
                ));
            }
            tokio::time::sleep(KNOWN_PAUSE).await;
        }
    }
}

/// What a broker is told of a topic besides its queues.
struct Settings {
    order: bool,
    perm: u32,
    /// `+name=value` with commas; only what is new may be named.
    attributes: String,
}

impl Settings {
    fn of(spec: &TopicSpec, likeness: &TopicLikeness) -> Self {
        let own = likeness.attributes.iter().filter(|(name, _)| &***name != ORDER);
        let mut attributes: Vec<String> =
            own.map(|(name, value)| format!("+{name}={value}")).collect();
        if spec.cleanup == Cleanup::Compact {
            attributes.push(format!("+{CLEANUP}={COMPACTION}"));
        }
        let order = likeness.attributes.get(ORDER).is_some_and(|order| &**order == "true");
        Self { order, perm: PERMISSION, attributes: attributes.join(",") }
    }

    fn request(&self, topic: &str, queues: u32) -> RemotingCommand {
        let fields = [
            ("topic", encode_topic(topic)),
            ("defaultTopic", "TBW102".to_owned()),
            ("readQueueNums", queues.to_string()),
            ("writeQueueNums", queues.to_string()),
            ("perm", self.perm.to_string()),
            ("topicFilterType", "SINGLE_TAG".to_owned()),
            ("topicSysFlag", "0".to_owned()),
            ("order", self.order.to_string()),
            ("attributes", self.attributes.clone()),
        ];
        command(RequestCode::UpdateAndCreateTopic, fields, Bytes::new())
    }
}

/// How many queues each broker gets. Topics of one queue are spread by their names.
fn spread(brokers: &[(Str, Str)], topic: &str, queues: u32) -> Vec<Share> {
    let count = u32::try_from(brokers.len()).unwrap_or(u32::MAX).max(1);
    let first = topic.bytes().fold(0_u32, |sum, byte| sum.wrapping_mul(31) + u32::from(byte));
    let of = |at: u32| queues / count + u32::from(at < queues % count);
    let turn = |i: usize| (u32::try_from(i).unwrap_or(0) + count - first % count) % count;
    let spread = brokers.iter().enumerate().map(|(i, (broker, addr))| Share {
        broker: Str::clone(broker),
        queues: of(turn(i)),
        addr: Some(Str::clone(addr)),
    });
    spread.filter(|share| share.queues > 0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queues_are_spread_over_brokers() {
        let brokers: Vec<(Str, Str)> =
            ["a", "b", "c"].map(|name| (name.into(), name.into())).to_vec();
        for (queues, used) in [(1, 1), (2, 2), (7, 3)] {
            let given = spread(&brokers, "topic", queues);
            assert_eq!(given.iter().map(|share| share.queues).sum::<u32>(), queues);
            assert_eq!(given.len(), used);
        }
    }
}
