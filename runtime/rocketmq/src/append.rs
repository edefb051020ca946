//! Appending: one line per queue, of which one batch at a time is on its way.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::{Arc, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use gantry_log::{Durable, LogError, QueueBatch, Session, TopicPartition};
use rocketmq_protocol::code::request_code::RequestCode;
use tokio::sync::{Notify, OwnedSemaphorePermit, oneshot};
use tokio::time::Instant;

use crate::log::Inner;
use crate::message::{Encoded, encode, parts};
use crate::names::encode_topic;
use crate::remoting::{CallError, command};

/// Bytes that go out at once, unless one message has more.
const BATCH_BYTES: usize = 1 << 20;
/// What one that waits takes beside its bytes.
const ITEM_BYTES: usize = 256;
/// Messages that go out at once.
const BATCH_MESSAGES: usize = 10_000;
/// The first wait before a batch is tried again; doubled each time …
const RETRY_MIN: Duration = Duration::from_millis(50);
/// … up to this: who waits for a broker that is back shall not wait long.
const RETRY_MAX: Duration = Duration::from_secs(1);
/// A line in which nothing has stood for so long is forgotten.
const IDLE: Duration = Duration::from_secs(60);
/// Brokers make readable within this time what they have acknowledged.
const LATELY: Duration = Duration::from_secs(2);
/// What the broker would make a topic of that is not there: we never send to such.
const DEFAULT_TOPIC: &str = "TBW102";

/// A batch that was accepted.
struct Item {
    session: Session,
    encoded: Encoded,
    reply: oneshot::Sender<Result<Range<u64>, LogError>>,
    _room: OwnedSemaphorePermit,
}

impl Item {
    fn answer(self, result: Result<Range<u64>, LogError>) {
        if result.is_err() {
            self.session.set_broken();
        }
        // Whoever appended may not want to know.
        let _ = self.reply.send(result);
    }
}

/// What waits to be sent to one queue.
pub(crate) struct Line {
    /// As many as there is room for.
    waiting: VecDeque<Item>,
    /// Told when there is something.
    more: Arc<Notify>,
    /// The offset behind the last that was acknowledged, and when it was.
    acknowledged: Option<(u64, Instant)>,
}

impl Inner {
    fn lines(&self) -> MutexGuard<'_, std::collections::HashMap<TopicPartition, Line>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Accepts batches, in the order given for each queue.
    pub(crate) async fn append(
        self: &Arc<Self>,
        session: &Session,
        batches: Vec<QueueBatch>,
    ) -> Result<Durable, LogError> {
        if session.is_broken() {
            return Err(LogError::SessionBroken);
        }
        let limit = self.config.message_bytes_max;
        let mut encoded = Vec::with_capacity(batches.len());
        for QueueBatch { to, records } in batches {
            self.must_have(session, &to).await?;
            let messages = encode(&records);
            // What has no place in properties makes a message longer than its record.
            let largest = records.iter().map(gantry_log::LogRecord::size).max();
            let bytes = largest.unwrap_or(0).max(messages.longest);
            if bytes > limit {
                return Err(LogError::TooLarge { bytes, limit });
            }
            encoded.push((to, messages));
        }
        let mut replies = Vec::with_capacity(encoded.len());
        for (to, messages) in encoded {
            // Also one without records has to stand in line: what is in front of it counts.
            let (reply, answered) = oneshot::channel();
            let item = self.item(session, messages, reply).await?;
            self.push(&to, item);
            replies.push(answered);
        }
        Ok(Box::pin(async move {
            let (mut offsets, mut broken) = (Vec::with_capacity(replies.len()), false);
            for reply in replies {
                match reply.await.unwrap_or(Err(LogError::Closed)) {
                    Ok(range) => offsets.push(range),
                    // The batch that broke it says why, and may stand behind this one.
                    Err(LogError::SessionBroken) => broken = true,
                    Err(error) => return Err(error),
                }
            }
            if broken { Err(LogError::SessionBroken) } else { Ok(offsets) }
        }))
    }

    /// Waits until it is known whether a queue is there: nobody may be able to say so now.
    async fn must_have(&self, session: &Session, of: &TopicPartition) -> Result<(), LogError> {
        let mut tries = Tries::new(self);
        loop {
            let error = match self.queue(of).await {
                Err(error) if error.is_retriable() => error,
                found => return found.map(|_| ()),
            };
            if session.is_broken() {
                return Err(LogError::SessionBroken);
            }
            tries.again(self, of, error).await?;
        }
    }

    /// Waits for room. What is larger than all of it takes all of it.
    async fn item(
        &self,
        session: &Session,
        encoded: Encoded,
        reply: oneshot::Sender<Result<Range<u64>, LogError>>,
    ) -> Result<Item, LogError> {
        let wanted = (encoded.bytes.len() + ITEM_BYTES).min(self.config.in_flight_bytes_max);
        let wanted = u32::try_from(wanted).unwrap_or(u32::MAX);
        let room = Arc::clone(&self.room).acquire_many_owned(wanted).await;
        let room = room.map_err(|_| LogError::Closed)?;
        Ok(Item { session: session.clone(), encoded, reply, _room: room })
    }

    /// The offset behind the last that was acknowledged lately to this process: brokers tell it
    /// only some milliseconds later.
    pub(crate) fn acknowledged(&self, of: &TopicPartition) -> Option<u64> {
        let (next, at) = self.lines().get(of)?.acknowledged?;
        // Not for long: a broker that was killed may have lost it.
        (at.elapsed() < LATELY).then_some(next)
    }

    /// Forgets what was acknowledged to a topic that is no more.
    pub(crate) fn forget_acknowledged(&self, topic: &str) {
        let mut lines = self.lines();
        let of_topic = lines.iter_mut().filter(|(of, _)| &*of.topic == topic);
        of_topic.for_each(|(_, line)| line.acknowledged = None);
    }

    fn push(self: &Arc<Self>, to: &TopicPartition, item: Item) {
        let mut lines = self.lines();
        if let Some(line) = lines.get_mut(to) {
            line.waiting.push_back(item);
            line.more.notify_one();
            return;
        }
        let more = Arc::new(Notify::new());
        let waiting = VecDeque::from([item]);
        lines.insert(to.clone(), Line { waiting, more: Arc::clone(&more), acknowledged: None });
        self.runtime.spawn(Sender { inner: Arc::downgrade(self), to: to.clone(), more }.run());
    }
}

/// Sends what stands in one line.
struct Sender {
    inner: Weak<Inner>,
    to: TopicPartition,
    more: Arc<Notify>,
}

/// Why a batch was not taken.
enum Failure {
    /// It is tried again.
    Passing(CallError),
    /// It never will be.
    Final(LogError),
}

/// Tries of an append while a broker cannot take it.
struct Tries {
    begun: Instant,
    limit: Duration,
    wait: Duration,
}

impl Tries {
    fn new(inner: &Inner) -> Self {
        let limit = Duration::from_millis(inner.config.delivery_timeout_ms);
        Self { begun: Instant::now(), limit, wait: RETRY_MIN }
    }

    /// Waits before the next one; the error itself once it was tried for long enough.
    async fn again(
        &mut self,
        inner: &Inner,
        queue: &TopicPartition,
        error: LogError,
    ) -> Result<(), LogError> {
        if self.begun.elapsed() + self.wait > self.limit {
            return Err(error);
        }
        // Once for each outage.
        if self.wait == RETRY_MIN {
            tracing::warn!(%queue, %error, "could not append; trying again");
        } else {
            tracing::debug!(%queue, %error, "could not append; trying again");
        }
        tokio::select! {
            () = inner.stopped.cancelled() => return Err(LogError::Closed),
            () = tokio::time::sleep(self.wait) => {}
        }
        self.wait = (self.wait * 2).min(RETRY_MAX);
        Ok(())
    }
}

impl Drop for Sender {
    /// Where it ends before its time, the runtime of the log has ended: nobody sends any more.
    fn drop(&mut self) {
        let Some(inner) = self.inner.upgrade() else { return };
        let mut lines = inner.lines();
        if lines.get(&self.to).is_some_and(|line| Arc::ptr_eq(&line.more, &self.more)) {
            let line = lines.remove(&self.to);
            drop(lines);
            let waiting = line.into_iter().flat_map(|line| line.waiting);
            waiting.for_each(|item| item.answer(Err(LogError::Closed)));
        }
    }
}

impl Sender {
    async fn run(self) {
        let mut ready = VecDeque::new();
        loop {
            let Some(inner) = self.inner.upgrade() else { return };
            if let Some(line) = inner.lines().get_mut(&self.to) {
                ready.append(&mut line.waiting);
            }
            if !ready.is_empty() {
                self.send_first(&inner, &mut ready).await;
                continue;
            }
            drop(inner);
            if tokio::time::timeout(IDLE, self.more.notified()).await.is_err() {
                let Some(inner) = self.inner.upgrade() else { return };
                let mut lines = inner.lines();
                // Under the lock nobody adds to it.
                if lines.get(&self.to).is_none_or(|line| line.waiting.is_empty()) {
                    lines.remove(&self.to);
                    break;
                }
            }
        }
    }

    /// Sends as many of the first items as go out at once, or the first one in pieces.
    async fn send_first(&self, inner: &Inner, ready: &mut VecDeque<Item>) {
        let mut together: Vec<Item> = Vec::new();
        let (mut bytes, mut messages) = (0, 0);
        while let Some(item) = ready.front() {
            let Encoded { bytes: own, ends, born_ms, .. } = &item.encoded;
            let fits = bytes + own.len() <= BATCH_BYTES && messages + ends.len() <= BATCH_MESSAGES;
            // What may not be tried again is not held up by what may, and the other way round.
            let kind = |item: &Item| (item.encoded.born_ms, item.session.is_exact());
            let like = |first| kind(first) == (*born_ms, item.session.is_exact());
            if !together.is_empty() && (!fits || !together.first().is_some_and(like)) {
                break;
            }
            let Some(item) = ready.pop_front() else { break };
            if item.session.is_broken() {
                item.answer(Err(LogError::SessionBroken));
                continue;
            }
            bytes += item.encoded.bytes.len();
            messages += item.encoded.ends.len();
            together.push(item);
        }
        match together.as_slice() {
            [] => {}
            _ if messages == 0 => {
                let next = inner.range(&self.to).await.map(|range| range.next..range.next);
                together.into_iter().for_each(|item| item.answer(next.clone()));
            }
            [one] if bytes > BATCH_BYTES || messages > BATCH_MESSAGES => {
                let result = self.send_in_pieces(inner, one).await;
                together.into_iter().for_each(|item| item.answer(result.clone()));
            }
            items => {
                let born_ms = items.first().and_then(|item| item.encoded.born_ms);
                let (body, ends) = joined(items);
                let sessions: Vec<&Session> = items.iter().map(|item| &item.session).collect();
                let sent = self.send(inner, &sessions, &body, &ends, born_ms).await;
                let mut behind = 0;
                for item in together {
                    let count = item.encoded.ends.len() as u64;
                    item.answer(sent.clone().map(|first| first + behind..first + behind + count));
                    behind += count;
                }
            }
        }
    }

    async fn send_in_pieces(&self, inner: &Inner, item: &Item) -> Result<Range<u64>, LogError> {
        let Encoded { bytes, ends, born_ms, .. } = &item.encoded;
        let mut offsets: Option<Range<u64>> = None;
        let (mut start, mut from) = (0, 0);
        while from < ends.len() {
            let mut to = from + 1;
            let fits = |to: usize| ends.get(to).is_some_and(|end| end - start <= BATCH_BYTES);
            while fits(to) && to - from < BATCH_MESSAGES {
                to += 1;
            }
            let own: Vec<usize> =
                ends.get(from..to).unwrap_or_default().iter().map(|end| end - start).collect();
            let end = start + own.last().copied().unwrap_or_default();
            let body = bytes.slice(start..end);
            let at = self.send(inner, &[&item.session], &body, &own, *born_ms).await?;
            let behind = at + own.len() as u64;
            offsets = Some(offsets.map_or(at, |known| known.start)..behind);
            (start, from) = (end, to);
        }
        Ok(offsets.unwrap_or_default())
    }

    /// Sends a batch, again and again while the broker cannot take it; gives its first offset.
    async fn send(
        &self,
        inner: &Inner,
        sessions: &[&Session],
        body: &Bytes,
        ends: &[usize],
        born_ms: Option<i64>,
    ) -> Result<u64, LogError> {
        let mut tries = Tries::new(inner);
        loop {
            let error = match self.try_once(inner, body, ends, born_ms).await {
                Ok(offset) => {
                    if let Some(line) = inner.lines().get_mut(&self.to) {
                        line.acknowledged = Some((offset + ends.len() as u64, Instant::now()));
                    }
                    return Ok(offset);
                }
                Err(Failure::Final(error)) => return Err(error),
                Err(Failure::Passing(error)) => error,
            };
            inner.routes.doubt(&self.to.topic);
            if !error.is_sure() && sessions.iter().any(|session| session.is_exact()) {
                return Err(error.into());
            }
            if sessions.iter().all(|session| session.is_broken()) {
                return Err(error.into());
            }
            tries.again(inner, &self.to, error.into()).await?;
        }
    }

    async fn try_once(
        &self,
        inner: &Inner,
        body: &Bytes,
        ends: &[usize],
        born_ms: Option<i64>,
    ) -> Result<u64, Failure> {
        let at = inner.queue_at(&self.to).await.map_err(Failure::Passing)?;
        let at = at.ok_or_else(|| Failure::Final(LogError::Unknown(self.to.clone())))?;
        let one = if ends.len() == 1 { parts(body) } else { None };
        let batch = one.is_none();
        let (body, properties) = one.unwrap_or_else(|| (body.clone(), Bytes::new()));
        let properties = String::from_utf8(properties.to_vec()).unwrap_or_default();
        let now_ms = || std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        let born_ms = born_ms.unwrap_or_else(|| {
            now_ms().map_or(0, |now| i64::try_from(now.as_millis()).unwrap_or(i64::MAX))
        });
        let code = if batch { RequestCode::SendBatchMessage } else { RequestCode::SendMessageV2 };
        let fields = [
            ("a", inner.config.group.clone()),
            ("b", encode_topic(&self.to.topic)),
            ("c", DEFAULT_TOPIC.to_owned()),
            ("d", "1".to_owned()),
            ("e", at.queue_id.to_string()),
            ("f", "0".to_owned()),
            ("g", born_ms.to_string()),
            ("h", "0".to_owned()),
            ("i", properties),
            ("j", "0".to_owned()),
            ("k", "false".to_owned()),
            ("m", batch.to_string()),
        ];
        let answer =
            inner.remoting.call(&at.addr, command(code, fields, body), inner.timeout).await;
        let answer = answer.map_err(|error| match error.is_retriable() {
            true => Failure::Passing(error),
            false => Failure::Final(inner.failed(&self.to, error)),
        })?;
        let offset = answer.ext_fields().and_then(|fields| fields.get("queueOffset"));
        let offset = offset.and_then(|text| text.as_str().parse().ok());
        offset.ok_or_else(|| {
            let reason = "it does not say at which offset it stored a batch".into();
            Failure::Final(CallError::Answer { addr: at.addr, reason }.into())
        })
    }
}

/// Batches that go out as one.
fn joined(items: &[Item]) -> (Bytes, Vec<usize>) {
    if let [one] = items {
        return (one.encoded.bytes.clone(), one.encoded.ends.clone());
    }
    let size = items.iter().map(|item| item.encoded.bytes.len()).sum();
    let mut body = BytesMut::with_capacity(size);
    let mut ends = Vec::new();
    for Item { encoded, .. } in items {
        let start = body.len();
        body.extend_from_slice(&encoded.bytes);
        ends.extend(encoded.ends.iter().map(|end| start + end));
    }
    (body.freeze(), ends)
}
