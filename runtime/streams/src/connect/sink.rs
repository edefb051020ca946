//! Topics that are written with Connect's converters.

use gantry_log::{LogRecord, Str};
use gantry_model::{Datum, Schema};
use serde::Serialize;

use super::{Connect, Pair, chain, from, insist};
use crate::builder::Stream;
use crate::context::Context;
use crate::error::{DataError, StreamsError};
use crate::record::Record;
use crate::topology::assembly::{Operator, Receive};

/// Makes Connect's data of a key and a value.
type Make<K, V> = dyn Fn(&Record<K, V>) -> Result<(Datum, Datum), DataError>;

/// Puts records into a topic by converters.
struct ConnectSink<K, V> {
    output: usize,
    topic: Str,
    pair: Pair,
    make: Box<Make<K, V>>,
}

impl<K, V> Operator for ConnectSink<K, V> {}

impl<K, V> Receive<K, V> for ConnectSink<K, V> {
    fn receive(&mut self, record: Record<K, V>, context: &mut Context) -> Result<(), StreamsError> {
        let Self { output, topic, pair: Pair { node, key, value }, make } = self;
        let fault = |what: &str, reason: String| StreamsError::Operator {
            operator: node.clone(),
            reason: format!("a {what} cannot be written to {topic}: {reason}"),
        };
        let (keys, values) = make(&record).map_err(|error| fault("record", error.to_string()))?;
        let Record { timestamp_ms, mut headers, .. } = record;
        let made = insist(node, || key.from_connect(topic, &mut headers, &keys))?;
        let key = made.map_err(|error| fault("key", chain(&error)))?;
        let made = insist(node, || value.from_connect(topic, &mut headers, &values))?;
        let value = made.map_err(|error| fault("value", chain(&error)))?;
        context.send(*output, LogRecord { key, value, headers, timestamp_ms });
        Ok(())
    }
}

/// Sinks that sink connectors read.
impl Stream<Datum, Datum> {
    /// Writes keys and values to a topic by converters; equal keys into the same queue.
    pub fn connect_sink(&self, topic: &str, connect: &Connect) {
        self.convert(topic, connect, |record| Ok((record.key.clone(), record.value.clone())));
    }
}

/// Sinks that sink connectors read.
impl<K: Serialize + Clone + 'static, V: Serialize + Clone + 'static> Stream<K, V> {
    /// Writes keys and values of the program's types to a topic by converters, with schemas or
    /// without. A value that does not fit its schema stops the job.
    pub fn connect_sink_as(
        &self,
        topic: &str,
        connect: &Connect,
        (key, value): (Option<Schema>, Option<Schema>),
    ) {
        self.convert(topic, connect, move |record| {
            Ok((from(key.as_ref(), &record.key)?, from(value.as_ref(), &record.value)?))
        });
    }
}

impl<K: Clone + 'static, V: Clone + 'static> Stream<K, V> {
    fn convert(
        &self,
        topic: &str,
        connect: &Connect,
        make: impl Fn(&Record<K, V>) -> Result<(Datum, Datum), DataError>
        + Clone
        + Send
        + Sync
        + 'static,
    ) {
        let (connect, topic) = (connect.clone(), Str::from(topic));
        self.end_in(&Str::clone(&topic), move |assembly| {
            let pair = connect.make(&assembly.node_name())?;
            let (output, topic) = (assembly.output(&topic)?, Str::clone(&topic));
            let make = Box::new(make.clone());
            assembly.operator::<K, V, _>(ConnectSink { output, topic, pair, make });
            Ok(())
        });
    }
}
