//! Which broker has which queue. Name servers say so; what they said is believed for a while.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use gantry_log::Str;
use rocketmq_protocol::RemotingCommand;
use rocketmq_protocol::code::request_code::RequestCode;
use rocketmq_protocol::code::response_code::ResponseCode;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::time::Instant;

use crate::names::encode_topic;
use crate::remoting::{CallError, Remoting, command, refused};

/// How long a route is believed.
const FRESH: Duration = Duration::from_secs(30);
/// Routes that are kept at most.
const ROUTES_MAX: usize = 100_000;
/// The number of a broker that takes writes.
const MASTER: &str = "0";

/// Where the queues of a topic are. Queues are numbered through: those of the broker whose name
/// sorts first come first.
#[derive(Debug)]
pub(crate) struct Route {
    pub(crate) queues: Vec<QueueAt>,
    /// Each broker that has the topic: name and address.
    pub(crate) brokers: Vec<(Str, Str)>,
}

/// Where one queue is.
#[derive(Clone, Debug)]
pub(crate) struct QueueAt {
    /// The broker's address.
    pub(crate) addr: Str,
    /// The queue's number there.
    pub(crate) queue_id: u32,
}

/// A route as a name server told it.
#[derive(Clone)]
struct Known {
    route: Arc<Route>,
    /// When; `None`: it is in doubt.
    at: Option<Instant>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RouteData {
    #[serde(default)]
    queue_datas: Vec<QueueData>,
    #[serde(default)]
    broker_datas: Vec<BrokerData>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct QueueData {
    broker_name: String,
    read_queue_nums: u32,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct BrokerData {
    broker_name: String,
    broker_addrs: HashMap<String, String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ClusterData {
    #[serde(default)]
    broker_addr_table: HashMap<String, BrokerData>,
}

impl BrokerData {
    /// The address of the one that takes writes, else of any other.
    fn addr(&self) -> Option<&str> {
        let master = self.broker_addrs.get(MASTER);
        master.or_else(|| self.broker_addrs.values().min()).map(String::as_str)
    }
}

/// Asks name servers, one that answered last first.
pub(crate) struct Routes {
    remoting: Arc<Remoting>,
    name_servers: Vec<Str>,
    answered: AtomicUsize,
    timeout: Duration,
    known: Mutex<HashMap<Str, Known>>,
}

impl Routes {
    pub(crate) fn new(remoting: Arc<Remoting>, name_servers: Vec<Str>, timeout: Duration) -> Self {
        let answered = AtomicUsize::new(0);
        Self { remoting, name_servers, answered, timeout, known: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Str, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn ask(
        &self,
        request: impl Fn() -> RemotingCommand,
    ) -> Result<RemotingCommand, CallError> {
        let first = self.answered.load(Ordering::Relaxed);
        let count = self.name_servers.len();
        let mut last = Str::from("none is configured");
        for at in (0..count).map(|i| (first + i) % count) {
            let Some(addr) = self.name_servers.get(at) else { continue };
            match self.remoting.ask(addr, request(), self.timeout).await {
                Ok(answer) => {
                    self.answered.store(at, Ordering::Relaxed);
                    return Ok(answer);
                }
                Err(error) => last = error.to_string().into(),
            }
        }
        Err(CallError::NoNameServer(last))
    }

    /// What a name server answers with success, read as JSON; `None` where there is no topic.
    async fn ask_json<T: DeserializeOwned>(
        &self,
        request: impl Fn() -> RemotingCommand,
    ) -> Result<Option<T>, CallError> {
        let answer = self.ask(request).await?;
        if answer.code() == i32::from(ResponseCode::TopicNotExist) {
            return Ok(None);
        }
        let name_server = self.name_servers.get(self.answered.load(Ordering::Relaxed));
        let addr = name_server.map_or_else(|| Str::from("name server"), Str::clone);
        if answer.code() != i32::from(ResponseCode::Success) {
            return Err(refused(&addr, &answer));
        }
        let body = answer.body().map_or(&[][..], |body| body.as_ref());
        let read = crate::json::read(body);
        read.map(Some).map_err(|error| CallError::Answer { addr, reason: error.to_string().into() })
    }

    /// The brokers of the cluster, by name.
    pub(crate) async fn brokers(&self) -> Result<Vec<(Str, Str)>, CallError> {
        let request = || command(RequestCode::GetBrokerClusterInfo, [], Bytes::new());
        let data: Option<ClusterData> = self.ask_json(request).await?;
        let table = data.map(|data| data.broker_addr_table).unwrap_or_default();
        let brokers = table.values().filter_map(|broker| {
            let master = broker.broker_addrs.get(MASTER)?;
            Some((Str::from(broker.broker_name.as_str()), Str::from(master.as_str())))
        });
        let mut brokers: Vec<(Str, Str)> = brokers.collect();
        brokers.sort();
        if brokers.is_empty() {
            return Err(CallError::NoBroker("the name server knows no broker".into()));
        }
        Ok(brokers)
    }

    /// The route of a topic as it was known lately; `None` if there is no such topic.
    pub(crate) async fn get(&self, topic: &str) -> Result<Option<Arc<Route>>, CallError> {
        let known = self.lock().get(topic).cloned();
        match known {
            Some(Known { route, at: Some(at) }) if at.elapsed() < FRESH => Ok(Some(route)),
            Some(Known { route, .. }) => match self.fetch(topic).await {
                // What is known is better than nothing while no name server answers.
                Err(CallError::NoNameServer(_)) => Ok(Some(route)),
                fetched => fetched,
            },
            None => self.fetch(topic).await,
        }
    }

    /// The route of a topic as it is now.
    pub(crate) async fn fetch(&self, topic: &str) -> Result<Option<Arc<Route>>, CallError> {
        let request = || {
            let fields =
                [("topic", encode_topic(topic)), ("acceptStandardJsonOnly", "true".to_owned())];
            command(RequestCode::GetRouteinfoByTopic, fields, Bytes::new())
        };
        let data: Option<RouteData> = self.ask_json(request).await?;
        let route = data.map(numbered).filter(|route| !route.queues.is_empty()).map(Arc::new);
        let Some(route) = route else {
            self.must_be_gone(topic).await?;
            self.lock().remove(topic);
            return Ok(None);
        };
        let mut known = self.lock();
        if known.len() >= ROUTES_MAX {
            known.clear();
        }
        known.insert(topic.into(), Known { route: Arc::clone(&route), at: Some(Instant::now()) });
        Ok(Some(route))
    }

    /// A name server forgets the topics of a broker that ends: one that we knew is gone only if
    /// its brokers are there without it.
    async fn must_be_gone(&self, topic: &str) -> Result<(), CallError> {
        let known = self.lock().get(topic).map(|known| Arc::clone(&known.route));
        let Some(route) = known else { return Ok(()) };
        let there = self.brokers().await?;
        let down = route.brokers.iter().find(|(name, _)| there.iter().all(|(is, _)| is != name));
        match down {
            Some((name, _)) => Err(CallError::NoBroker(
                format!("{name}, which has topic {topic}, is down: no name server knows it").into(),
            )),
            None => Ok(()),
        }
    }

    /// What is known of a topic is asked for again before it is used: a broker does not answer.
    pub(crate) fn doubt(&self, topic: &str) {
        if let Some(known) = self.lock().get_mut(topic) {
            known.at = None;
        }
    }
}

fn numbered(data: RouteData) -> Route {
    let addrs: HashMap<&str, &str> = data
        .broker_datas
        .iter()
        .filter_map(|broker| Some((broker.broker_name.as_str(), broker.addr()?)))
        .collect();
    let mut of: Vec<(&str, u32)> = data
        .queue_datas
        .iter()
        .map(|queues| (queues.broker_name.as_str(), queues.read_queue_nums))
        .collect();
    of.sort_unstable();
    let mut queues = Vec::new();
    let mut brokers = Vec::new();
    for (name, count) in of {
        let Some(addr) = addrs.get(name) else { continue };
        let addr = Str::from(*addr);
        queues.extend((0..count).map(|queue_id| QueueAt { addr: Str::clone(&addr), queue_id }));
        brokers.push((Str::from(name), addr));
    }
    Route { queues, brokers }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queues_are_numbered_through_by_the_names_of_brokers() {
        let json = r#"{"queueDatas":[
            {"brokerName":"b","readQueueNums":2},{"brokerName":"a","readQueueNums":1}],
            "brokerDatas":[
            {"brokerName":"a","brokerAddrs":{"1":"a-replica:1","0":"a:1"}},
            {"brokerName":"b","brokerAddrs":{"0":"b:1"}}]}"#;
        let route = numbered(serde_json::from_str(json).unwrap());
        let found: Vec<(&str, u32)> =
            route.queues.iter().map(|queue| (&*queue.addr, queue.queue_id)).collect();
        assert_eq!(found, [("a:1", 0), ("b:1", 0), ("b:1", 1)]);
    }
}
