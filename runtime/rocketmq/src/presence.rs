//! Members of a consumer group: who is there, as brokers and their tools see it. A broker knows
//! within milliseconds that a client is gone, and says so to the others. It is a hint: nothing is
//! decided by it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use gantry_log::LogError;
use rocketmq_protocol::code::request_code::RequestCode;
use rocketmq_protocol::code::response_code::ResponseCode;
use serde::Deserialize;
use tokio::sync::watch;

use crate::json;
use crate::log::{Inner, RocketmqLog};
use crate::names::encode_group;
use crate::remoting::{CallError, command};

/// How often brokers are told that a member is there: they forget one after two minutes.
const INTERVAL: Duration = Duration::from_secs(30);

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Members {
    #[serde(default)]
    consumer_id_list: Vec<String>,
}

impl RocketmqLog {
    /// Is a member of a group from now on, until the receiver is dropped; gives the ids of all
    /// members, this one among them, as they come and go. Brokers that are down are passed over.
    pub fn be_present(&self, group: &str, id: &str) -> watch::Receiver<BTreeSet<String>> {
        let (members, seen) = watch::channel(BTreeSet::new());
        // Not the log itself: it ends when nobody else has it.
        let (inner, group, id) = (Arc::clone(&self.inner), encode_group(group), id.to_owned());
        self.inner.runtime.spawn(async move {
            let mut notices = inner.remoting.notices();
            loop {
                match inner.present(&group, &id).await {
                    Ok(now) => {
                        members.send_if_modified(|known| {
                            let changed = *known != now;
                            *known = now;
                            changed
                        });
                    }
                    Err(error) => tracing::debug!(%error, "brokers cannot be told of this member"),
                }
                tokio::select! {
                    () = members.closed() => break,
                    () = inner.stopped.cancelled() => break,
                    _ = notices.changed() => {}
                    () = tokio::time::sleep(INTERVAL) => {}
                }
            }
            inner.absent(&group, &id).await;
        });
        seen
    }
}

impl Inner {
    /// Tells all brokers that a member is there; gives all that they know.
    async fn present(&self, group: &str, id: &str) -> Result<BTreeSet<String>, LogError> {
        let mut all = BTreeSet::new();
        for (_, addr) in self.routes.brokers().await? {
            match self.present_at(&addr, group, id).await {
                Ok(members) => all.extend(members),
                Err(error) => tracing::debug!(%error, "a broker cannot be told of this member"),
            }
        }
        Ok(all)
    }

    async fn present_at(
        &self,
        addr: &str,
        group: &str,
        id: &str,
    ) -> Result<Vec<String>, CallError> {
        let body = serde_json::json!({
            "clientID": id,
            "producerDataSet": [],
            "consumerDataSet": [{
                "groupName": group,
                "consumeType": "CONSUME_ACTIVELY",
                "messageModel": "CLUSTERING",
                "consumeFromWhere": "CONSUME_FROM_LAST_OFFSET",
                "subscriptionDataSet": [],
                "unitMode": false,
            }],
        });
        let body = Bytes::from(body.to_string());
        let meet = async || {
            let heartbeat = command(RequestCode::HeartBeat, [], body.clone());
            self.remoting.call(addr, heartbeat, self.timeout).await?;
            let fields = [("consumerGroup", group.to_owned())];
            let list = command(RequestCode::GetConsumerListByGroup, fields, Bytes::new());
            self.remoting.call(addr, list, self.timeout).await
        };
        let mut answer = meet().await;
        // Brokers take no member of a group that they do not know, and so have nobody to list. One
        // that did not answer may know it: a group that is there may have settings of its own.
        if answer.as_ref().is_err_and(|error| error.is(ResponseCode::SystemError)) {
            self.create_group(group, addr).await?;
            answer = meet().await;
        }
        Ok(json::read::<Members>(addr, &answer?)?.consumer_id_list)
    }

    /// Whether any broker has consumers of a group.
    pub(crate) async fn has_members(&self, group: &str) -> Result<bool, LogError> {
        let group = encode_group(group);
        for (_, addr) in self.routes.brokers().await? {
            let fields = [("consumerGroup", group.clone())];
            let list = command(RequestCode::GetConsumerListByGroup, fields, Bytes::new());
            match self.remoting.call(&addr, list, self.timeout).await {
                Ok(answer) => {
                    if !json::read::<Members>(&addr, &answer)?.consumer_id_list.is_empty() {
                        return Ok(true);
                    }
                }
                // Nobody is there, or the group is not.
                Err(error) if error.is(ResponseCode::SystemError) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(false)
    }

    /// Tells all brokers that a member is gone.
    async fn absent(&self, group: &str, id: &str) {
        let Ok(brokers) = self.routes.brokers().await else { return };
        for (_, addr) in brokers {
            let fields = [("clientID", id.to_owned()), ("consumerGroup", group.to_owned())];
            let request = command(RequestCode::UnregisterClient, fields, Bytes::new());
            // Brokers notice by themselves, too.
            let _ = self.remoting.call(&addr, request, self.timeout).await;
        }
    }
}
