//! Which broker has which queue. Name servers say so; what they said is believed for a while.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use gantry_log::{Str, TopicPartition};
use rocketmq_protocol::RemotingCommand;
use rocketmq_protocol::code::request_code::RequestCode;
use rocketmq_protocol::code::response_code::ResponseCode;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::time::Instant;

use crate::json;
use crate::names::encode_topic;
use crate::remoting::{CallError, Remoting, command, refused};

/// How long a route is believed.
const FRESH: Duration = Duration::from_secs(30);
/// Routes that are kept at most.
const ROUTES_MAX: usize = 100_000;
/// The namespace of what is written down of topics.
const RECORDS: &str = "ORDER_TOPIC_CONFIG";
/// The number of a broker that takes writes.
const MASTER: &str = "0";

/// Where the queues of a topic are. Queues are numbered through: those of the broker whose name
/// sorts first come first.
#[derive(Debug, Default)]
pub(crate) struct Route {
    pub(crate) shares: Vec<Share>,
}

/// The queues that one broker has of a topic.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Share {
    /// The broker's name.
    pub(crate) broker: Str,
    /// How many queues; they are numbered from 0 there.
    pub(crate) queues: u32,
    /// Its address; `None` if it has not registered since this process asks.
    pub(crate) addr: Option<Str>,
}

/// Where one queue is.
#[derive(Clone, Debug)]
pub(crate) struct QueueAt {
    /// The broker's address.
    pub(crate) addr: Str,
    /// The queue's number there.
    pub(crate) queue_id: u32,
}

impl Share {
    /// The broker's address, if it has told one.
    pub(crate) fn addr(&self, topic: &str) -> Result<&Str, CallError> {
        self.addr.as_ref().ok_or_else(|| {
            let text = format!(
                "{}, which has {} of the queues of {topic}, is not registered with the name \
                 server: start it, or wait until it is back",
                self.broker, self.queues
            );
            CallError::NoBroker(text.into())
        })
    }
}

impl Route {
    fn new(mut shares: Vec<Share>) -> Option<Arc<Self>> {
        shares.retain(|share| share.queues > 0);
        shares.sort();
        (!shares.is_empty()).then(|| Arc::new(Self { shares }))
    }

    /// How many queues there are.
    pub(crate) fn queues(&self) -> u32 {
        self.shares.iter().map(|share| share.queues).sum()
    }

    /// Where a queue is; `None` if there are not so many.
    pub(crate) fn queue(&self, of: &TopicPartition) -> Result<Option<QueueAt>, CallError> {
        let mut queue_id = of.partition;
        for share in &self.shares {
            if queue_id < share.queues {
                let addr = Str::clone(share.addr(&of.topic)?);
                return Ok(Some(QueueAt { addr, queue_id }));
            }
            queue_id -= share.queues;
        }
        Ok(None)
    }

    /// The queues of the broker with this address: their numbers in the topic, and there.
    pub(crate) fn of_broker(&self, addr: &str) -> impl Iterator<Item = (u32, u32)> {
        let mut first = 0;
        let mut own = 0..0;
        for share in &self.shares {
            if share.addr.as_deref() == Some(addr) {
                own = 0..share.queues;
                break;
            }
            first += share.queues;
        }
        own.map(move |queue_id| (first + queue_id, queue_id))
    }
}

/// What is known of a topic, and for how long it is believed.
#[derive(Clone)]
struct Known {
    route: Arc<Route>,
    until: Instant,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RouteData {
    #[serde(default)]
    queue_datas: Vec<QueueData>,
    #[serde(default)]
    broker_datas: Vec<BrokerData>,
}

#[derive(Default, Deserialize)]
struct RecordedData {
    #[serde(default)]
    table: HashMap<String, String>,
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

#[derive(Default, Deserialize)]
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

    pub(crate) async fn ask(
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
        json::read(&addr, &answer).map(Some)
    }

    /// The brokers that are registered, by name.
    async fn registered(&self) -> Result<Vec<(Str, Str)>, CallError> {
        let request = || command(RequestCode::GetBrokerClusterInfo, [], Bytes::new());
        let data: Option<ClusterData> = self.ask_json(request).await?;
        let table = data.unwrap_or_default().broker_addr_table;
        let brokers = table.values().filter_map(|broker| {
            let master = broker.broker_addrs.get(MASTER)?;
            Some((Str::from(broker.broker_name.as_str()), Str::from(master.as_str())))
        });
        let mut brokers: Vec<(Str, Str)> = brokers.collect();
        brokers.sort();
        Ok(brokers)
    }

    /// The brokers of the cluster, by name: at least one.
    pub(crate) async fn brokers(&self) -> Result<Vec<(Str, Str)>, CallError> {
        let brokers = self.registered().await?;
        if brokers.is_empty() {
            let text = format!(
                "the name server {} knows no broker: start one, or wait until it is back",
                self.name_servers.join(";")
            );
            return Err(CallError::NoBroker(text.into()));
        }
        Ok(brokers)
    }

    /// The route of a topic as it was known lately; `None` if there is no such topic.
    pub(crate) async fn get(&self, topic: &str) -> Result<Option<Arc<Route>>, CallError> {
        let known = self.lock().get(topic).cloned();
        let Some(known) = known else { return self.fetch(topic).await };
        if Instant::now() < known.until {
            return Ok(Some(known.route));
        }
        match self.fetch(topic).await {
            // What is known is better than nothing while no name server answers.
            Err(CallError::NoNameServer(_)) => {
                self.believe(topic, &known.route);
                Ok(Some(known.route))
            }
            fetched => fetched,
        }
    }

    /// The route of a topic as it is now. A name server forgets a broker that is down together
    /// with its queues: they are counted all the same, so that no queue changes its number and
    /// no topic seems to be gone, unless the broker says itself that it does not have the topic.
    pub(crate) async fn fetch(&self, topic: &str) -> Result<Option<Arc<Route>>, CallError> {
        let mut shares = self.told(topic).await?;
        let known = self.lock().get(topic).map(|known| known.route.shares.clone());
        let mut missing = match known {
            Some(known) => known,
            None => self.recorded(topic).await?,
        };
        missing.retain(|one| shares.iter().all(|share| share.broker != one.broker));
        if !missing.is_empty() {
            shares.extend(self.still_there(topic, missing).await?);
        }
        let route = Route::new(shares);
        match &route {
            Some(route) => self.believe(topic, route),
            None => {
                self.lock().remove(topic);
            }
        }
        Ok(route)
    }

    fn believe(&self, topic: &str, route: &Arc<Route>) {
        let mut known = self.lock();
        if known.len() >= ROUTES_MAX {
            known.clear();
        }
        let route = Arc::clone(route);
        known.insert(topic.into(), Known { route, until: Instant::now() + FRESH });
    }

    /// What the name server says of a topic.
    async fn told(&self, topic: &str) -> Result<Vec<Share>, CallError> {
        let request = || {
            let fields =
                [("topic", encode_topic(topic)), ("acceptStandardJsonOnly", "true".to_owned())];
            command(RequestCode::GetRouteinfoByTopic, fields, Bytes::new())
        };
        let data: Option<RouteData> = self.ask_json(request).await?;
        Ok(data.map(shares).unwrap_or_default())
    }

    /// What a broker has of a topic.
    pub(crate) async fn topic_config(
        &self,
        addr: &str,
        topic: &str,
    ) -> Result<RemotingCommand, CallError> {
        let fields = [("topic", encode_topic(topic))];
        let request = command(RequestCode::GetTopicConfig, fields, Bytes::new());
        self.remoting.call(addr, request, self.timeout).await
    }

    /// Those of the shares whose brokers are down, or have the topic.
    async fn still_there(&self, topic: &str, missing: Vec<Share>) -> Result<Vec<Share>, CallError> {
        let registered = self.registered().await?;
        let mut there = Vec::with_capacity(missing.len());
        for mut share in missing {
            let Some((_, addr)) = registered.iter().find(|(name, _)| *name == share.broker) else {
                there.push(share);
                continue;
            };
            let has = match self.topic_config(addr, topic).await {
                Err(error) if error.is(ResponseCode::TopicNotExist) => false,
                // It may not say. As it is registered, the name server knows what it has.
                Err(CallError::Refused { .. }) => {
                    let told = self.told(topic).await?;
                    told.iter().any(|other| other.broker == share.broker)
                }
                _ => true,
            };
            if has {
                share.addr = Some(Str::clone(addr));
                there.push(share);
            }
        }
        Ok(there)
    }

    /// What was written down when a topic was made: see `record`.
    async fn recorded(&self, topic: &str) -> Result<Vec<Share>, CallError> {
        let request = || command(RequestCode::GetKvConfig, record(topic), Bytes::new());
        let answer = self.ask(request).await?;
        let value = answer.ext_fields().and_then(|fields| fields.get("value"));
        Ok(value.map(|text| read_shares(text.as_str())).unwrap_or_default())
    }

    /// All that was written down, by topic as RocketMQ knows it.
    pub(crate) async fn all_recorded(&self) -> Result<HashMap<String, Vec<Share>>, CallError> {
        let request = || {
            let fields = [("namespace", RECORDS.to_owned())];
            command(RequestCode::GetKvlistByNamespace, fields, Bytes::new())
        };
        let answer = self.ask(request).await?;
        // Nothing was ever written down.
        let all: RecordedData = json::read("name server", &answer).unwrap_or_default();
        Ok(all.table.iter().map(|(topic, text)| (topic.clone(), read_shares(text))).collect())
    }

    /// Writes down in the name servers which brokers have a topic, in the form and place in which
    /// RocketMQ's own tools do for topics with an order: who begins while a broker is down could
    /// not number the queues. `None` removes it.
    pub(crate) async fn record(&self, topic: &str, spread: Option<&[Share]>) {
        let text = spread.map(|shares| {
            let texts: Vec<String> =
                shares.iter().map(|share| format!("{}:{}", share.broker, share.queues)).collect();
            texts.join(";")
        });
        for addr in &self.name_servers {
            let request = match &text {
                None => command(RequestCode::DeleteKvConfig, record(topic), Bytes::new()),
                Some(text) => {
                    let mut request =
                        command(RequestCode::PutKvConfig, record(topic), Bytes::new());
                    request.add_ext_field("value", text.as_str());
                    request
                }
            };
            // One that is down, or allows no such writes: the routes of brokers that are up do.
            if let Err(error) = self.remoting.call(addr, request, self.timeout).await {
                tracing::debug!(topic, %error, "name server did not note where a topic is");
            }
        }
    }

    /// What was known of a topic is asked for again: a broker does not answer, or it has gone.
    pub(crate) fn doubt(&self, topic: &str) {
        if let Some(known) = self.lock().get_mut(topic) {
            known.until = Instant::now();
        }
    }
}

/// Where name servers keep what was written down of a topic.
fn record(topic: &str) -> [(&'static str, String); 2] {
    [("namespace", RECORDS.to_owned()), ("key", encode_topic(topic))]
}

/// Reads `broker-a:4;broker-b:4`.
fn read_shares(text: &str) -> Vec<Share> {
    let share = |part: &str| {
        let (broker, queues) = part.rsplit_once(':')?;
        Some(Share { broker: broker.into(), queues: queues.parse().ok()?, addr: None })
    };
    text.split(';').filter_map(share).collect()
}

fn shares(data: RouteData) -> Vec<Share> {
    let addrs: HashMap<&str, &str> = data
        .broker_datas
        .iter()
        .filter_map(|broker| Some((broker.broker_name.as_str(), broker.addr()?)))
        .collect();
    let share = |data: &QueueData| {
        let addr = *addrs.get(data.broker_name.as_str())?;
        let broker = data.broker_name.as_str().into();
        Some(Share { broker, queues: data.read_queue_nums, addr: Some(addr.into()) })
    };
    data.queue_datas.iter().filter_map(share).collect()
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
        let route = Route::new(shares(serde_json::from_str(json).unwrap())).unwrap();
        let found: Vec<(Str, u32)> = (0..3)
            .map(|partition| route.queue(&TopicPartition::new("t", partition)).unwrap().unwrap())
            .map(|queue| (queue.addr, queue.queue_id))
            .collect();
        assert_eq!(found, [("a:1".into(), 0), ("b:1".into(), 0), ("b:1".into(), 1)]);
        assert!(route.queue(&TopicPartition::new("t", 3)).unwrap().is_none());
        assert_eq!(route.of_broker("b:1").collect::<Vec<_>>(), [(1, 0), (2, 1)]);
    }

    #[test]
    fn a_broker_that_is_not_there_keeps_its_numbers() {
        let mut there = read_shares("b:2;a:1");
        there[0].addr = Some("b:1".into());
        let route = Route::new(there).unwrap();
        assert_eq!(route.queues(), 3);
        let error = route.queue(&TopicPartition::new("t", 0)).unwrap_err();
        assert!(error.is_retriable() && error.to_string().contains("a, which has 1"), "{error}");
        let queue = route.queue(&TopicPartition::new("t", 2)).unwrap().unwrap();
        assert_eq!((&*queue.addr, queue.queue_id), ("b:1", 1));
    }
}
