//! Offsets in Redis, in the form of the Java connectors.

use std::collections::BTreeMap;

use gantry_api::TopicPartition;
use redis::{Cmd, Value};
use serde_json::json;

use super::super::client::{Fault, Link};

/// What is known of one queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Known {
    /// What the runtime has committed when the queue was gained.
    committed: u64,
    /// What of the topic there is, then.
    end: Option<u64>,
    /// What stood in Redis when it was last looked, or was written since; none before the first look.
    stored: Option<Option<u64>>,
}

/// The offsets of a task's queues.
#[derive(Debug)]
pub(super) struct Offsets {
    names: Names,
    queues: BTreeMap<TopicPartition, Known>,
}

/// Under which keys they are.
#[derive(Debug)]
pub(super) enum Names {
    /// Those of the Java connectors, which all connectors of a topic share: for whoever looks at them.
    Shared(&'static str),
    /// Of a connector with this name alone.
    Own(String),
}

/// Where the records of a batch begin to count.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Standing {
    /// Of these queues nothing in front of it is written again.
    pub(super) from: BTreeMap<TopicPartition, u64>,
    /// These are to be read again from there: Redis has lost what came behind.
    pub(super) rewind: BTreeMap<TopicPartition, u64>,
}

impl Offsets {
    pub(super) fn new(names: Names) -> Self {
        Self { names, queues: BTreeMap::new() }
    }

    pub(super) fn key(&self, queue: &TopicPartition) -> String {
        let TopicPartition { topic, partition } = queue;
        match &self.names {
            Names::Shared(prefix) => format!("{prefix}{topic}.{partition}"),
            // No topic has a slash in its name.
            Names::Own(connector) => format!("gantry.offset.{connector}/{topic}/{partition}"),
        }
    }

    /// Takes a queue; `end` is the next offset that the topic will have.
    pub(super) fn add(&mut self, queue: TopicPartition, committed: u64, end: Option<u64>) {
        self.queues.insert(queue, Known { committed, end, stored: None });
    }

    pub(super) fn remove(&mut self, queues: &[TopicPartition]) {
        self.queues.retain(|queue, _| !queues.contains(queue));
    }

    /// Looks at what stands in Redis of these queues, and watches it: who writes it before the transaction that
    /// follows is found out.
    pub(super) async fn watch(
        &mut self,
        link: &mut Link,
        queues: &[TopicPartition],
    ) -> Result<Standing, Fault> {
        let mut standing = Standing::default();
        if queues.is_empty() {
            return Ok(standing);
        }
        let (mut watch, mut get) = (redis::cmd("WATCH"), redis::cmd("MGET"));
        for queue in queues {
            let key = self.key(queue);
            watch.arg(&key);
            get.arg(&key);
        }
        let mut answers = link.run(vec![watch, get]).await?.into_iter();
        let values = match (answers.next(), answers.next()) {
            (Some(Value::Okay), Some(Value::Array(values))) => values,
            (Some(Value::ServerError(error)), _) | (_, Some(Value::ServerError(error))) => {
                return Err(Fault::of_answer(&error));
            }
            other => return Err(Fault::Passing(format!("WATCH was answered by {other:?}"))),
        };
        for (queue, value) in queues.iter().zip(values) {
            let key = self.key(queue);
            let stored = offset(&key, value)?;
            self.judge(queue, stored, &mut standing);
        }
        Ok(standing)
    }

    fn judge(&mut self, queue: &TopicPartition, stored: Option<u64>, standing: &mut Standing) {
        let Some(known) = self.queues.get_mut(queue) else { return };
        let before = known.stored;
        let is_of_other = |next: u64| before.is_none() && known.end.is_some_and(|end| next > end);
        // A topic that was made anew ends before what was written of the old one.
        let stored = stored.filter(|next| !is_of_other(*next));
        known.stored = Some(stored);
        let expected = before.flatten().unwrap_or(known.committed);
        match stored {
            Some(next) if next < expected => {
                standing.rewind.insert(queue.clone(), next);
            }
            Some(next) => {
                standing.from.insert(queue.clone(), next);
            }
            // Whoever emptied the database may have meant it: only what comes is written.
            None if before.flatten().is_some() => {
                tracing::warn!(%queue, "the offset is no more in Redis; records go on from where they are");
            }
            None => {}
        }
    }

    /// What is stored at once when queues are gained, for those that begin elsewhere than at what was committed.
    pub(super) fn begins(&self, standing: &Standing) -> BTreeMap<TopicPartition, u64> {
        let from = standing.from.iter().chain(&standing.rewind);
        let is_other = |queue: &TopicPartition, next: u64| {
            self.queues.get(queue).is_some_and(|known| known.committed != next)
        };
        from.filter(|(queue, next)| is_other(queue, **next))
            .map(|(queue, next)| (queue.clone(), *next))
            .collect()
    }

    /// A transaction with these offsets counts.
    pub(super) fn written(&mut self, next: &BTreeMap<TopicPartition, u64>) {
        for (queue, next) in next {
            if let Some(known) = self.queues.get_mut(queue) {
                known.stored = Some(Some(*next));
            }
        }
    }

    /// What writes offsets.
    pub(super) fn commands(&self, next: &BTreeMap<TopicPartition, u64>) -> Vec<Cmd> {
        next.iter().map(|(queue, next)| self.set(queue, *next)).collect()
    }

    fn set(&self, queue: &TopicPartition, next: u64) -> Cmd {
        let value = json!({"topic": &*queue.topic, "partition": queue.partition, "offset": next});
        let mut cmd = redis::cmd("SET");
        cmd.arg(self.key(queue)).arg(value.to_string());
        cmd
    }

    /// What writes what a user has set; `None` forgets a queue.
    pub(super) fn alter(&self, changes: &[(TopicPartition, Option<u64>)]) -> Vec<Cmd> {
        let one = |(queue, next): &(TopicPartition, Option<u64>)| match next {
            Some(next) => self.set(queue, *next),
            None => {
                let mut cmd = redis::cmd("DEL");
                cmd.arg(self.key(queue));
                cmd
            }
        };
        changes.iter().map(one).collect()
    }
}

fn offset(key: &str, value: Value) -> Result<Option<u64>, Fault> {
    let bytes = match value {
        Value::Nil => return Ok(None),
        Value::BulkString(bytes) => bytes,
        other => return Err(Fault::Lasting(format!("{key} holds {other:?}, which is no offset"))),
    };
    let parsed: Option<serde_json::Value> = serde_json::from_slice(&bytes).ok();
    let offset = parsed.as_ref().and_then(|map| map.get("offset")).and_then(|next| next.as_u64());
    match offset {
        Some(next) => Ok(Some(next)),
        None => Err(Fault::Lasting(format!(
            "key {key} holds {}, which is no offset; delete it",
            String::from_utf8_lossy(&bytes)
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(steps: &[Option<u64>], end: Option<u64>) -> Standing {
        let queue = TopicPartition::new("t", 1);
        let mut offsets = Offsets::new(Names::Own("c".to_owned()));
        offsets.add(queue.clone(), 5, end);
        let mut standing = Standing::default();
        for stored in steps {
            standing = Standing::default();
            offsets.judge(&queue, *stored, &mut standing);
        }
        standing
    }

    #[test]
    fn what_redis_holds_decides_where_to_go_on() {
        let queue = || TopicPartition::new("t", 1);
        let from = |next| Standing { from: [(queue(), next)].into(), ..Standing::default() };
        let rewind = |next| Standing { rewind: [(queue(), next)].into(), ..Standing::default() };
        assert_eq!(judged(&[None], None), Standing::default());
        // Written, and not committed before the task died.
        assert_eq!(judged(&[Some(9)], None), from(9));
        // Redis lost its end.
        assert_eq!(judged(&[Some(3)], None), rewind(3));
        assert_eq!(judged(&[Some(9), Some(7)], None), rewind(7));
        // Another task was there.
        assert_eq!(judged(&[Some(9), Some(12)], None), from(12));
        // The topic is another one by now.
        assert_eq!(judged(&[Some(9)], Some(8)), Standing::default());
        assert_eq!(judged(&[Some(9), None], None), Standing::default());
    }

    #[test]
    fn offsets_have_javas_form() {
        let offsets = Offsets::new(Names::Shared("__kafka.offset."));
        let next = [(TopicPartition::new("t", 3), 7)].into();
        let packed = offsets.commands(&next).remove(0).get_packed_command();
        let text = String::from_utf8(packed).unwrap();
        assert!(text.contains("__kafka.offset.t.3"), "{text}");
        let json = text.split("\r\n").nth(6).unwrap();
        let value = Value::BulkString(json.as_bytes().to_vec());
        assert_eq!(offset("k", value), Ok(Some(7)));
        assert_eq!(
            offset("k", Value::BulkString(br#"{"topic":"t","partition":3,"offset":9}"#.to_vec())),
            Ok(Some(9))
        );
        assert!(offset("k", Value::BulkString(b"x".to_vec())).is_err());
    }
}
