//! Cursors: what was read of a queue and not yet asked for. A reader that asks for one queue again
//! and again goes on where it was, so the next records are pulled before it asks.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use bytes::Bytes;
use gantry_log::share::Share;
use gantry_log::{LogError, LogRecord, OffsetRange, TopicPartition};
use rocketmq_protocol::RemotingCommand;
use rocketmq_protocol::code::request_code::RequestCode;
use rocketmq_protocol::code::response_code::ResponseCode;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::log::Inner;
use crate::message::messages;
use crate::names::encode_topic;
use crate::remoting::{CallError, command, refused};

/// Bytes that one cursor reads ahead.
const AHEAD_BYTES: usize = 1 << 20;
/// Messages asked for at once; brokers give fewer.
const PULL_MESSAGES: usize = 4096;
/// Pulls of one queue that are on their way at a time: unless told otherwise, a broker gives 32
/// messages to each, and 8 if it has to read them from its disk.
const PULLS: u64 = 8;
/// How long a broker holds a pull when there is nothing new.
const HOLD: Duration = Duration::from_secs(15);
/// A cursor that nobody has asked for so long stops.
const IDLE: Duration = Duration::from_secs(30);
/// How long readers wait for the first answer of a new cursor, which no broker holds.
const FIRST_ANSWER: Duration = Duration::from_secs(1);
/// The first wait after a failed pull; doubled each time …
const RETRY_MIN: Duration = Duration::from_millis(50);
/// … up to this.
const RETRY_MAX: Duration = Duration::from_secs(1);
/// A broker may say that it has nothing at an offset, and go on behind it: what it is about to store
/// in a compacted topic is in the index a moment before it can be read. Only what is missing for so
/// long was taken by compaction …
const GAP_LASTS: Duration = Duration::from_secs(5);
/// … and meanwhile it is asked for this often.
const GAP_RETRY: Duration = Duration::from_millis(10);
/// In the flags of a pull: hold it while there is nothing new …
const PULL_HELD: u32 = 1 << 1;
/// … and a subscription comes along.
const PULL_SUBSCRIBED: u32 = 1 << 2;

/// What a cursor has.
struct State {
    records: VecDeque<(u64, LogRecord)>,
    bytes: usize,
    /// The offset of the next record that is given.
    position: u64,
    /// Where it pulls on.
    next: u64,
    end: u64,
    /// Where there was nothing though there is more behind it, and since when.
    gap: Option<(u64, Instant)>,
    /// What one pull gave when there was more: messages, and their bytes.
    pulled: (u64, usize),
    /// The last pull failed; cleared when it is told.
    error: Option<LogError>,
    /// It pulls no more.
    ended: bool,
    waiting: Option<Arc<Notify>>,
    asked: Instant,
    /// Until when readers wait for its first answer, also if other queues have records: each
    /// queue shall have its turn.
    new_until: Option<Instant>,
}

/// One cursor.
pub(crate) struct Cursor {
    of: TopicPartition,
    state: Mutex<State>,
    room: Notify,
}

impl State {
    /// Of a cursor that stands at an offset.
    fn new(at: u64) -> Self {
        Self {
            records: VecDeque::new(),
            bytes: 0,
            position: at,
            next: at,
            end: at,
            gap: None,
            pulled: (0, 0),
            error: None,
            ended: false,
            waiting: None,
            asked: Instant::now(),
            new_until: Some(Instant::now() + FIRST_ANSWER),
        }
    }

    /// Whether there has been nothing at the next offset for so long that nothing will come.
    fn is_gap(&mut self, now: Instant) -> bool {
        match self.gap {
            Some((at, since)) if at == self.next => now.duration_since(since) >= GAP_LASTS,
            _ => {
                self.gap = Some((self.next, now));
                false
            }
        }
    }

    /// How many pulls are worth to be on their way: as many as there are messages and room for.
    fn pulls(&self) -> u64 {
        let (messages, bytes) = self.pulled;
        if messages == 0 {
            return 1;
        }
        let there = self.end.saturating_sub(self.next).div_ceil(messages);
        let room = AHEAD_BYTES.saturating_sub(self.bytes) / bytes.max(1);
        there.min(room as u64).clamp(1, PULLS)
    }
}

impl Cursor {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on `waiting` is told when there is something.
    pub(crate) fn wake(&self, waiting: &Arc<Notify>) {
        let mut state = self.lock();
        state.waiting = Some(Arc::clone(waiting));
        state.asked = Instant::now();
    }

    /// Until when it is worth to wait for its first answer.
    pub(crate) fn new_until(&self) -> Option<Instant> {
        self.lock().new_until
    }

    /// Whether it has records.
    pub(crate) fn has_records(&self) -> bool {
        !self.lock().records.is_empty()
    }

    /// Why it has none, once.
    pub(crate) fn take_error(&self) -> Option<LogError> {
        let mut state = self.lock();
        if state.records.is_empty() { state.error.take() } else { None }
    }

    /// Takes what the share allows: records, where to read on, and the end.
    pub(crate) fn take(&self, share: &mut Share) -> (Vec<(u64, LogRecord)>, u64, u64) {
        let mut state = self.lock();
        let mut taken = Vec::new();
        while let Some((_, record)) = state.records.front()
            && share.take(record.size())
        {
            let Some((offset, record)) = state.records.pop_front() else { break };
            state.bytes = state.bytes.saturating_sub(record.size());
            taken.push((offset, record));
        }
        state.position = match state.records.front() {
            Some((offset, _)) => *offset,
            None => state.next,
        };
        let answer = (taken, state.position, state.end.max(state.position));
        drop(state);
        self.room.notify_one();
        answer
    }
}

/// Cursors that nobody reads from at the moment.
#[derive(Default)]
pub(crate) struct Cursors(Mutex<HashMap<TopicPartition, Vec<Arc<Cursor>>>>);

impl Cursors {
    fn lock(&self) -> MutexGuard<'_, HashMap<TopicPartition, Vec<Arc<Cursor>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The cursor that stands there, or a new one.
    pub(crate) fn take(&self, inner: &Arc<Inner>, of: &TopicPartition, at: u64) -> Arc<Cursor> {
        if let Some(idle) = self.lock().get_mut(of) {
            idle.retain(|cursor| !cursor.lock().ended);
            let found = idle.iter().position(|cursor| cursor.lock().position == at);
            if let Some(found) = found {
                return idle.swap_remove(found);
            }
        }
        let state = State::new(at);
        let cursor =
            Arc::new(Cursor { of: of.clone(), state: Mutex::new(state), room: Notify::new() });
        let puller = Puller { inner: Arc::downgrade(inner), cursor: Arc::clone(&cursor) };
        inner.runtime.spawn(puller.run());
        cursor
    }

    /// Gives a cursor back.
    pub(crate) fn put(&self, cursor: Arc<Cursor>) {
        let ended = {
            let mut state = cursor.lock();
            state.waiting = None;
            state.asked = Instant::now();
            state.ended
        };
        if !ended {
            self.lock().entry(cursor.of.clone()).or_default().push(cursor);
        }
    }

    /// A cursor has ended.
    fn remove(&self, cursor: &Arc<Cursor>) {
        let mut all = self.lock();
        if let Some(idle) = all.get_mut(&cursor.of) {
            idle.retain(|other| !Arc::ptr_eq(other, cursor));
            if idle.is_empty() {
                all.remove(&cursor.of);
            }
        }
    }

    /// Lets all cursors look again whether their topic is there.
    pub(crate) fn topic_deleted(&self, topic: &str) {
        self.lock().retain(|of, _| &*of.topic != topic);
    }
}

/// What a pull came to.
enum Pulled {
    Records {
        records: Vec<(u64, LogRecord)>,
        next: u64,
        end: u64,
    },
    /// Nothing now, but more from `next` on.
    Gap {
        next: u64,
        end: u64,
    },
    Error(LogError),
    /// It makes no sense to go on.
    End(LogError),
}

impl Pulled {
    /// What a broker gave for a pull from an offset.
    fn found(mut records: Vec<(u64, LogRecord)>, from: u64, next: u64, end: u64) -> Self {
        // A broker may begin a little earlier, at the start of a batch.
        records.retain(|(offset, _)| *offset >= from);
        // Not where the broker would go on: see `GAP_LASTS`.
        let behind = records.last().map(|(offset, _)| offset + 1);
        Self::Records { records, next: behind.unwrap_or_else(|| next.max(from)), end }
    }

    /// Takes in what another pull gave that began at `from`; whether that goes on where this one
    /// ends.
    fn extend(&mut self, from: u64, other: Self) -> bool {
        let (
            Self::Records { records, next, end },
            Self::Records { records: more, next: on, end: last },
        ) = (self, other)
        else {
            return false;
        };
        if from > *next || on <= *next {
            return false;
        }
        records.extend(more.into_iter().filter(|(offset, _)| *offset >= *next));
        (*next, *end) = (on, last.max(*end));
        true
    }
}

/// Pulls for a cursor.
struct Puller {
    inner: Weak<Inner>,
    cursor: Arc<Cursor>,
}

impl Drop for Puller {
    /// Also where it ends before its time, as the runtime of the log has ended.
    fn drop(&mut self) {
        let mut state = self.cursor.lock();
        if !state.ended {
            state.ended = true;
            state.error = Some(LogError::Closed);
        }
        let waiting = state.waiting.clone();
        drop(state);
        waiting.iter().for_each(|waiting| waiting.notify_one());
        if let Some(inner) = self.inner.upgrade() {
            inner.cursors.remove(&self.cursor);
        }
    }
}

impl Puller {
    /// Pulls while there is room, until nobody asks any more or the queue is not there.
    async fn run(self) {
        let cursor = &self.cursor;
        let mut wait = RETRY_MIN;
        loop {
            let Some(inner) = self.inner.upgrade() else { break };
            let from = {
                let mut state = cursor.lock();
                if state.asked.elapsed() > IDLE && state.waiting.is_none() {
                    // From here on nobody takes it from those that wait to be asked.
                    state.ended = true;
                    break;
                }
                let hold = state.new_until.is_none();
                (state.bytes < AHEAD_BYTES)
                    .then(|| (state.next, hold, state.pulls(), state.pulled.0))
            };
            let Some((from, hold, pulls, step)) = from else {
                drop(inner);
                // Looks now and then whether anybody still asks.
                let _ = tokio::time::timeout(IDLE, cursor.room.notified()).await;
                continue;
            };
            let stopped = inner.stopped.clone();
            let mut changes = inner.topics_changed.subscribe();
            let pulled = tokio::select! {
                () = stopped.cancelled() => break,
                // Its topic may be gone: a broker would hold the pull.
                _ = changes.changed() => continue,
                pulled = inner.pull_several(cursor, from, hold, pulls, step) => pulled,
            };
            let (failed, gap) =
                (matches!(pulled, Pulled::Error(_)), matches!(pulled, Pulled::Gap { .. }));
            let ended = take_in(cursor, pulled);
            if ended {
                break;
            }
            if gap {
                tokio::time::sleep(GAP_RETRY).await;
            } else if failed {
                tokio::time::sleep(wait).await;
                wait = (wait * 2).min(RETRY_MAX);
            } else {
                wait = RETRY_MIN;
            }
        }
    }
}

/// Whether the cursor has ended.
fn take_in(cursor: &Cursor, pulled: Pulled) -> bool {
    let mut state = cursor.lock();
    let first = state.new_until.take().is_some();
    let tell = match pulled {
        Pulled::Records { records, next, end } => {
            let any = !records.is_empty();
            state.bytes += records.iter().map(|(_, record)| record.size()).sum::<usize>();
            state.records.extend(records);
            if state.records.is_empty() {
                state.position = next;
            }
            (state.next, state.end, state.gap) = (next, end, None);
            if any {
                state.error = None;
            }
            any
        }
        Pulled::Gap { next, end } => {
            state.end = end;
            if state.is_gap(Instant::now()) {
                if state.records.is_empty() {
                    state.position = next;
                }
                (state.next, state.gap) = (next, None);
            }
            false
        }
        Pulled::Error(error) => {
            state.error = Some(error);
            true
        }
        Pulled::End(error) => {
            state.error = Some(error);
            state.ended = true;
            true
        }
    };
    if (tell || first)
        && let Some(waiting) = &state.waiting
    {
        waiting.notify_one();
    }
    state.ended
}

impl Inner {
    /// Pulls from one queue, at several places `step` apart. Where the broker gave less than was
    /// thought, the rest is pulled again.
    async fn pull_several(
        self: &Arc<Self>,
        cursor: &Arc<Cursor>,
        from: u64,
        hold: bool,
        pulls: u64,
        step: u64,
    ) -> Pulled {
        let mut more = JoinSet::new();
        for at in (1..pulls).map(|i| from + i * step) {
            let (inner, cursor) = (Arc::clone(self), Arc::clone(cursor));
            more.spawn(async move { (at, inner.pull(&cursor.of, at, false).await) });
        }
        let mut pulled = self.pull(&cursor.of, from, hold).await;
        if let Pulled::Records { records, next, end } = &pulled
            && next < end
        {
            let bytes = records.iter().map(|(_, record)| record.size()).sum();
            cursor.lock().pulled = (next.saturating_sub(from), bytes);
        }
        let mut others = BTreeMap::new();
        while let Some(Ok((at, other))) = more.join_next().await {
            others.insert(at, other);
        }
        for (at, other) in others {
            if !pulled.extend(at, other) {
                break;
            }
        }
        pulled
    }

    /// Pulls from one queue; the broker may hold the request while there is nothing new.
    async fn pull(&self, of: &TopicPartition, from: u64, hold: bool) -> Pulled {
        let at = match self.queue(of).await {
            Ok(at) => at,
            Err(error) if error.is_retriable() => return Pulled::Error(error),
            Err(error) => return Pulled::End(error),
        };
        let fields = [
            ("consumerGroup", self.config.group.clone()),
            ("topic", encode_topic(&of.topic)),
            ("queueId", at.queue_id.to_string()),
            ("queueOffset", from.to_string()),
            ("maxMsgNums", PULL_MESSAGES.to_string()),
            ("sysFlag", (PULL_SUBSCRIBED | if hold { PULL_HELD } else { 0 }).to_string()),
            ("commitOffset", "0".to_owned()),
            ("suspendTimeoutMillis", HOLD.as_millis().to_string()),
            ("subscription", "*".to_owned()),
            ("subVersion", "0".to_owned()),
            ("expressionType", "TAG".to_owned()),
        ];
        let request = command(RequestCode::PullMessage, fields, Bytes::new());
        let answer = match self.remoting.ask(&at.addr, request, HOLD + self.timeout).await {
            Ok(answer) => answer,
            Err(error) => return Pulled::Error(self.failed(of, error)),
        };
        let number = |name: &str| -> Option<u64> {
            answer.ext_fields()?.get(name)?.as_str().parse::<i64>().ok()?.try_into().ok()
        };
        let next = number("nextBeginOffset").unwrap_or(from);
        let end = number("maxOffset").unwrap_or(next);
        let is = |code: ResponseCode| answer.code() == i32::from(code);
        if is(ResponseCode::Success) {
            let body = answer.body().cloned().unwrap_or_default();
            return match messages(&body) {
                Ok(records) => Pulled::found(records, from, next, end),
                Err(reason) => Pulled::End(LogError::Corrupt(format!("{of} at {from}: {reason}"))),
            };
        }
        if is(ResponseCode::PullNotFound) || is(ResponseCode::PullRetryImmediately) {
            return self.nothing_new(of, from, next).await;
        }
        if is(ResponseCode::PullOffsetMoved) {
            return self.moved(of, from, next).await;
        }
        if is(ResponseCode::SubscriptionGroupNotExist) {
            return match self.create_group(&self.config.group, &at.addr).await {
                Ok(()) => Pulled::Records { records: Vec::new(), next: from, end: from },
                Err(error) => Pulled::Error(error.into()),
            };
        }
        self.pull_refused(of, refused(&at.addr, &answer), &answer)
    }

    fn pull_refused(
        &self,
        of: &TopicPartition,
        error: CallError,
        answer: &RemotingCommand,
    ) -> Pulled {
        if answer.code() == i32::from(ResponseCode::TopicNotExist) {
            self.routes.doubt(&of.topic);
            return Pulled::End(LogError::Unknown(of.clone()));
        }
        match self.failed(of, error) {
            error if error.is_retriable() => Pulled::Error(error),
            error => Pulled::End(error),
        }
    }

    /// Nothing at this offset: it is the end, or what was there is gone.
    async fn nothing_new(&self, of: &TopicPartition, from: u64, next: u64) -> Pulled {
        if next == from {
            return Pulled::Records { records: Vec::new(), next: from, end: from };
        }
        self.moved(of, from, next).await
    }

    /// The broker does not have this offset.
    async fn moved(&self, of: &TopicPartition, from: u64, next: u64) -> Pulled {
        match self.range(of).await {
            Ok(range) if from < range.earliest || from > range.next => {
                Pulled::End(LogError::OutOfRange { queue: of.clone(), wanted: from, range })
            }
            Ok(OffsetRange { next: end, .. }) if next > from => {
                Pulled::Gap { next: next.min(end), end }
            }
            Ok(range) => Pulled::Error(LogError::Unavailable(
                format!("{of} has no record at {from}, within {range:?}").into(),
            )),
            Err(error) if error.is_retriable() => Pulled::Error(error),
            Err(error) => Pulled::End(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pulled(from: u64, to: u64) -> Pulled {
        let records = (from..to).map(|offset| (offset, LogRecord::default())).collect();
        Pulled::Records { records, next: to, end: 100 }
    }

    #[test]
    fn pulls_at_several_places_make_one_without_gap_or_double() {
        let mut all = pulled(0, 10);
        assert!(all.extend(10, pulled(10, 15)));
        assert!(all.extend(12, pulled(12, 20)), "what overlaps is taken once");
        assert!(!all.extend(10, pulled(10, 12)), "there is nothing new");
        assert!(!all.extend(21, pulled(21, 30)), "20 is not there");
        assert!(!all.extend(20, Pulled::Error(LogError::Closed)));
        let Pulled::Records { records, next, .. } = all else { panic!() };
        assert_eq!(next, 20);
        assert!(records.iter().map(|(offset, _)| *offset).eq(0..20));
    }

    fn cursor(next: u64) -> Cursor {
        let state = State::new(next);
        Cursor { of: TopicPartition::new("t", 0), state: Mutex::new(state), room: Notify::new() }
    }

    #[test]
    fn what_a_broker_goes_past_is_pulled_again() {
        let records = (3..7).map(|offset| (offset, LogRecord::default())).collect();
        let Pulled::Records { records, next, end } = Pulled::found(records, 5, 9, 9) else {
            panic!()
        };
        assert_eq!((records.len(), next, end), (2, 7, 9), "7 and 8 are still to come");
        let cursor = cursor(7);
        take_in(&cursor, Pulled::Gap { next: 9, end: 9 });
        assert_eq!(cursor.lock().next, 7);
        take_in(&cursor, pulled(7, 9));
        let state = cursor.lock();
        assert_eq!((state.next, state.records.len()), (9, 2));
    }

    #[test]
    fn what_stays_away_was_compacted() {
        let (mut state, at) = (State::new(7), Instant::now());
        assert!(!state.is_gap(at));
        assert!(!state.is_gap(at + GAP_LASTS - GAP_RETRY));
        assert!(state.is_gap(at + GAP_LASTS));
        state.next = 8;
        assert!(!state.is_gap(at + GAP_LASTS), "another place");
    }
}
