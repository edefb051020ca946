//! Committed offsets of consumer groups. Brokers keep them in memory and write them down every
//! few seconds: they are for tools; what a task goes on from stands in a topic.

use std::collections::{BTreeMap, HashMap};

use bytes::Bytes;
use gantry_log::{LogError, Str, TopicPartition};
use rocketmq_protocol::code::request_code::RequestCode;
use rocketmq_protocol::code::response_code::ResponseCode;
use serde::Deserialize;

use crate::json;
use crate::log::Inner;
use crate::names::{decode_topic, encode_group, encode_topic, is_internal};
use crate::remoting::{CallError, command};

/// What an offset is set to that is no more: brokers cannot forget one.
const NONE: &str = "-1";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AllOffsets {
    #[serde(default)]
    offset_table: HashMap<String, HashMap<u32, i64>>,
}

impl Inner {
    /// Makes a group: brokers take no commit of one they do not know.
    pub(crate) async fn create_group(&self, group: &str, addr: &str) -> Result<(), CallError> {
        let body = serde_json::json!({
            "groupName": group,
            "consumeEnable": true,
            "consumeFromMinEnable": true,
            "consumeBroadcastEnable": true,
            "retryQueueNums": 1,
            "retryMaxTimes": 16,
            "brokerId": 0,
            "whichBrokerWhenConsumeSlowly": 1,
            "notifyConsumerIdsChangedEnable": true,
        });
        let body = Bytes::from(body.to_string());
        let request = command(RequestCode::UpdateAndCreateSubscriptionGroup, [], body);
        self.remoting.call(addr, request, self.timeout).await.map(|_| ())
    }

    pub(crate) async fn committed(
        &self,
        group: &str,
        of: &[TopicPartition],
    ) -> Result<BTreeMap<TopicPartition, u64>, LogError> {
        let group = encode_group(group);
        let mut committed = BTreeMap::new();
        for queue in of {
            let at = match self.queue(queue).await {
                Ok(at) => at,
                Err(LogError::Unknown(_)) => continue,
                Err(error) => return Err(error),
            };
            let fields = [
                ("consumerGroup", group.clone()),
                ("topic", encode_topic(&queue.topic)),
                ("queueId", at.queue_id.to_string()),
                ("setZeroIfNotFound", "false".to_owned()),
            ];
            let request = command(RequestCode::QueryConsumerOffset, fields, Bytes::new());
            match self.remoting.call(&at.addr, request, self.timeout).await {
                Ok(answer) => {
                    let offset = answer.ext_fields().and_then(|fields| fields.get("offset"));
                    let offset = offset.and_then(|text| text.as_str().parse::<i64>().ok());
                    if let Some(offset) = offset.and_then(|offset| u64::try_from(offset).ok()) {
                        committed.insert(queue.clone(), offset);
                    }
                }
                Err(error)
                    if error.is(ResponseCode::QueryNotFound)
                        || error.is(ResponseCode::SubscriptionGroupNotExist) => {}
                Err(error) => return Err(self.failed(queue, error)),
            }
        }
        Ok(committed)
    }

    /// One after the other: brokers can lose one of several first commits of a group that come
    /// at once.
    pub(crate) async fn commit(
        &self,
        group: &str,
        offsets: &BTreeMap<TopicPartition, Option<u64>>,
    ) -> Result<(), LogError> {
        let group = encode_group(group);
        let mut places = Vec::with_capacity(offsets.len());
        for (queue, offset) in offsets {
            places.push((queue, self.queue(queue).await?, offset));
        }
        for (queue, at, offset) in places {
            let commit = async || {
                let fields = [
                    ("consumerGroup", group.clone()),
                    ("topic", encode_topic(&queue.topic)),
                    ("queueId", at.queue_id.to_string()),
                    ("commitOffset", offset.map_or_else(|| NONE.to_owned(), |at| at.to_string())),
                ];
                let request = command(RequestCode::UpdateConsumerOffset, fields, Bytes::new());
                self.remoting.call(&at.addr, request, self.timeout).await
            };
            let mut done = commit().await;
            // Made only where it is missing: a group that is there may have settings of its own.
            if done.as_ref().is_err_and(|error| error.is(ResponseCode::SubscriptionGroupNotExist)) {
                self.create_group(&group, &at.addr).await?;
                done = commit().await;
            }
            done.map_err(|error| self.failed(queue, error))?;
        }
        Ok(())
    }

    pub(crate) async fn committed_by_group(
        &self,
    ) -> Result<BTreeMap<Str, BTreeMap<TopicPartition, u64>>, LogError> {
        let mut groups: BTreeMap<Str, BTreeMap<TopicPartition, u64>> = BTreeMap::new();
        for (_, addr) in self.routes.brokers().await? {
            let request = command(RequestCode::GetAllConsumerOffset, [], Bytes::new());
            let answer = self.remoting.call(&addr, request, self.timeout).await?;
            let all: AllOffsets = json::read(&addr, &answer)?;
            for (key, offsets) in all.offset_table {
                let Some((topic, group)) = key.split_once('@') else { continue };
                if is_internal(topic) {
                    continue;
                }
                let topic = Str::from(decode_topic(topic));
                let Some(route) = self.routes.get(&topic).await? else { continue };
                for (partition, queue_id) in route.of_broker(&addr) {
                    let offset = offsets.get(&queue_id).copied();
                    if let Some(offset) = offset.and_then(|offset| u64::try_from(offset).ok()) {
                        let queue = TopicPartition::new(Str::clone(&topic), partition);
                        groups.entry(group.into()).or_default().insert(queue, offset);
                    }
                }
            }
        }
        Ok(groups)
    }

    pub(crate) async fn delete_group(&self, group: &str) -> Result<(), LogError> {
        let group = encode_group(group);
        for (_, addr) in self.routes.brokers().await? {
            let fields = [("groupName", group.clone()), ("cleanOffset", "true".to_owned())];
            let request = command(RequestCode::DeleteSubscriptionGroup, fields, Bytes::new());
            match self.remoting.call(&addr, request, self.timeout).await {
                Err(error) if !error.is(ResponseCode::SubscriptionGroupNotExist) => {
                    return Err(error.into());
                }
                _ => {}
            }
        }
        Ok(())
    }
}
