//! Where records come from the log, and where they go to it.

use std::sync::Arc;

use bytes::Bytes;
use gantry_log::LogRecord;

use crate::context::Context;
use crate::data::{Data, Key};
use crate::error::{DataError, StreamsError};
use crate::record::Record;
use crate::topology::assembly::{Children, Entry, Operator, Receive};

/// What a record of the log is read as: nothing, where it is passed over. The inner error says that
/// it cannot be read.
pub(crate) type Taken<K, V> = Result<Result<Option<(K, V)>, DataError>, StreamsError>;

/// Takes records of the log in, read by a function.
pub(crate) fn source<K: Clone + 'static, V: Clone + 'static>(
    children: Children<K, V>,
    sets_time: bool,
    mut read: impl FnMut(&LogRecord) -> Taken<K, V> + 'static,
) -> Entry {
    Box::new(move |record: &LogRecord, context: &mut Context| {
        let (key, value) = match read(record)? {
            Ok(Some(found)) => found,
            Ok(None) => return Ok(Ok(())),
            Err(error) => return Ok(Err(error)),
        };
        let (timestamp_ms, headers) = (record.timestamp_ms, record.headers.clone());
        if sets_time {
            context.advance_to(timestamp_ms);
        }
        children.forward(Record { key, value, timestamp_ms, headers }, context)?;
        Ok(Ok(()))
    })
}

/// Puts records into a topic, written by a function.
pub(crate) struct SinkBytes<F> {
    pub(crate) output: usize,
    pub(crate) function: Arc<F>,
}

impl<F> Operator for SinkBytes<F> {}

impl<K, V, F> Receive<K, V> for SinkBytes<F>
where
    F: Fn(&Record<K, V>) -> (Option<Bytes>, Option<Bytes>),
{
    fn receive(&mut self, record: Record<K, V>, context: &mut Context) -> Result<(), StreamsError> {
        let (key, value) = (self.function)(&record);
        let Record { timestamp_ms, headers, .. } = record;
        context.send(self.output, LogRecord { key, value, headers, timestamp_ms });
        Ok(())
    }
}

/// Puts records into a topic as the job's own stores have them: a shuffle.
pub(crate) struct Sink {
    pub(crate) output: usize,
    buffer: Vec<u8>,
}

impl Sink {
    pub(crate) fn new(output: usize) -> Self {
        Self { output, buffer: Vec::new() }
    }
}

impl Operator for Sink {}

impl<K: Key, V: Data> Receive<K, V> for Sink {
    fn receive(&mut self, record: Record<K, V>, context: &mut Context) -> Result<(), StreamsError> {
        self.buffer.clear();
        record.key.encode(&mut self.buffer);
        let key = self.buffer.len();
        record.value.encode(&mut self.buffer);
        let all = Bytes::copy_from_slice(&self.buffer);
        let (key, value) = (Some(all.slice(..key)), Some(all.slice(key..)));
        let Record { timestamp_ms, headers, .. } = record;
        context.send(self.output, LogRecord { key, value, headers, timestamp_ms });
        Ok(())
    }
}
