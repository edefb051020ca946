//! Reading: from cursors, and what is known of a queue.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use gantry_log::share::Budget;
use gantry_log::{LogError, OffsetRange, QueueRecords, ReadLimits, TopicPartition};
use rocketmq_protocol::code::request_code::RequestCode;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

use crate::cursor::Cursor;
use crate::log::Inner;
use crate::names::encode_topic;
use crate::remoting::{CallError, command};

/// Longest single wait of a read; a caller who asks for more waits this long.
const WAIT_MAX: Duration = Duration::from_secs(24 * 60 * 60);

/// The cursors of one read; dropping it gives them back.
struct Borrowed<'a> {
    inner: &'a Inner,
    cursors: Vec<Arc<Cursor>>,
}

impl Drop for Borrowed<'_> {
    fn drop(&mut self) {
        self.cursors.drain(..).for_each(|cursor| self.inner.cursors.put(cursor));
    }
}

impl Inner {
    pub(crate) async fn read(
        self: &Arc<Self>,
        from: &[(TopicPartition, u64)],
        limits: ReadLimits,
    ) -> Result<Vec<QueueRecords>, LogError> {
        let deadline = Instant::now() + limits.wait.min(WAIT_MAX);
        if from.is_empty() {
            tokio::time::sleep_until(deadline).await;
            return Ok(Vec::new());
        }
        let woken = Arc::new(Notify::new());
        let cursors = from.iter().map(|(of, at)| self.cursors.take(self, of, *at)).collect();
        let borrowed = Borrowed { inner: self, cursors };
        borrowed.cursors.iter().for_each(|cursor| cursor.wake(&woken));
        let new_until = borrowed.cursors.iter().filter_map(|cursor| cursor.new_until()).max();
        let deadline = new_until.map_or(deadline, |until| deadline.max(until));
        while let Some(until) = new_until
            && borrowed.cursors.iter().any(|cursor| cursor.new_until().is_some())
            && timeout_at(until, woken.notified()).await.is_ok()
        {}
        loop {
            let answer = self.give(from, &borrowed.cursors, &limits);
            if !answer.is_empty() {
                return Ok(answer);
            }
            if let Some(error) = borrowed.cursors.iter().find_map(|cursor| cursor.take_error()) {
                return Err(error);
            }
            if timeout_at(deadline, woken.notified()).await.is_err() {
                return Ok(self.give(from, &borrowed.cursors, &limits));
            }
        }
    }

    fn give(
        &self,
        from: &[(TopicPartition, u64)],
        cursors: &[Arc<Cursor>],
        limits: &ReadLimits,
    ) -> Vec<QueueRecords> {
        let ready: Vec<(&TopicPartition, &Arc<Cursor>)> = from
            .iter()
            .zip(cursors)
            .filter(|(_, cursor)| cursor.has_records())
            .map(|((of, _), cursor)| (of, cursor))
            .collect();
        let mut budget = Budget::new(limits, ready.len());
        let mut answer = Vec::with_capacity(ready.len());
        for i in self.rotation.order(ready.len()) {
            let Some((of, cursor)) = ready.get(i) else { continue };
            let Some(mut share) = budget.share() else { break };
            let (records, next, end) = cursor.take(&mut share);
            budget.spend(&share);
            if !records.is_empty() {
                answer.push(QueueRecords { from: (*of).clone(), records, next, end });
            }
        }
        answer
    }

    /// The offsets of a queue. `next` counts what was acknowledged to this process, also where the
    /// broker has not yet made it readable.
    pub(crate) async fn range(&self, of: &TopicPartition) -> Result<OffsetRange, LogError> {
        let earliest = self.offset(of, RequestCode::GetMinOffset, None).await?;
        let next = self.offset(of, RequestCode::GetMaxOffset, Some(("committed", "false"))).await?;
        let next = next.max(self.acknowledged(of).unwrap_or(0));
        Ok(OffsetRange { earliest, next: next.max(earliest) })
    }

    /// The first offset that cannot be read yet.
    pub(crate) async fn readable(&self, of: &TopicPartition) -> Result<u64, LogError> {
        self.offset(of, RequestCode::GetMaxOffset, Some(("committed", "true"))).await
    }

    async fn offset(
        &self,
        of: &TopicPartition,
        code: RequestCode,
        field: Option<(&'static str, &str)>,
    ) -> Result<u64, LogError> {
        let at = self.queue(of).await?;
        let fields = [("topic", encode_topic(&of.topic)), ("queueId", at.queue_id.to_string())];
        let mut request = command(code, fields, Bytes::new());
        if let Some((name, value)) = field {
            request.add_ext_field(name, value);
        }
        let answer = self.remoting.call(&at.addr, request, self.timeout).await;
        let answer = answer.map_err(|error| self.failed(of, error))?;
        let offset = answer.ext_fields().and_then(|fields| fields.get("offset"));
        match offset.and_then(|text| text.as_str().parse::<i64>().ok()) {
            // A queue in which nothing ever stood.
            Some(-1) => Ok(0),
            Some(offset) => Ok(u64::try_from(offset).unwrap_or(0)),
            None => {
                let reason = "an offset was asked for, and none is told".into();
                Err(CallError::Answer { addr: at.addr, reason }.into())
            }
        }
    }

    /// Brokers look up when a record was stored, which is when it was made or later: the search
    /// begins there.
    pub(crate) async fn offset_for_time(
        self: &Arc<Self>,
        of: &TopicPartition,
        timestamp_ms: i64,
    ) -> Result<Option<u64>, LogError> {
        let text = timestamp_ms.max(0).to_string();
        let found = self
            .offset(of, RequestCode::SearchOffsetByTimestamp, Some(("timestamp", &text)))
            .await?;
        let range = self.range(of).await?;
        let mut at = found.clamp(range.earliest, range.next);
        let limits = ReadLimits { max_bytes: 1 << 20, max_records: 1000, wait: self.timeout };
        while at < range.next {
            let read = self.read(&[(of.clone(), at)], limits).await?;
            let Some(batch) = read.into_iter().next() else { return Ok(None) };
            let new = batch.records.iter().find(|(_, record)| record.timestamp_ms >= timestamp_ms);
            if let Some((offset, _)) = new {
                return Ok(Some(*offset));
            }
            at = batch.next;
        }
        Ok(None)
    }
}
