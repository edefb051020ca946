//! Topics that are read with Connect's converters.

use gantry_log::{LogRecord, Str};
use gantry_model::Datum;
use serde::de::DeserializeOwned;

use super::{Connect, Pair, chain, insist, to};
use crate::builder::{Stream, StreamBuilder, Table};
use crate::data::Key;
use crate::error::{DataError, StreamsError};
use crate::operator::Taken;

/// Makes of the key and value of a record what is given on.
type Make<K, V> = fn(Datum, Datum, &LogRecord) -> Result<Option<(K, V)>, DataError>;

impl Pair {
    /// The key and value of a record of a topic. The inner error says that they cannot be read.
    fn read(
        &mut self,
        topic: &str,
        record: &LogRecord,
    ) -> Result<Result<(Datum, Datum), DataError>, StreamsError> {
        let Self { node, key, value } = self;
        let headers = &record.headers;
        let found = insist(node, || key.to_connect(topic, headers, record.key.clone()))?;
        let key = match found {
            Ok(key) => key,
            Err(error) => return Ok(Err(DataError(format!("its key: {}", chain(&error))))),
        };
        let found = insist(node, || value.to_connect(topic, headers, record.value.clone()))?;
        Ok(match found {
            Ok(value) => Ok((key, value)),
            Err(error) => Err(DataError(format!("its value: {}", chain(&error)))),
        })
    }
}

/// Sources that read what source connectors wrote.
impl StreamBuilder {
    /// The records of a topic as its converters read them, also those whose value is null. What wrote
    /// them must have put equal keys into the same queue, as connectors do.
    pub fn connect_source(&self, topic: &str, connect: &Connect) -> Stream<Datum, Datum> {
        self.converted(topic, connect, |key, value, _| Ok(Some((key, value))))
    }

    /// The same with keys and values as types of the program. A record without a value is passed over;
    /// one that is not of these types cannot be read. Where the key does not matter, its type is
    /// `serde_json::Value`.
    pub fn connect_source_as<K, V>(&self, topic: &str, connect: &Connect) -> Stream<K, V>
    where
        K: DeserializeOwned + Clone + 'static,
        V: DeserializeOwned + Clone + 'static,
    {
        self.converted(topic, connect, |key, value, record| {
            if record.value.is_none() { Ok(None) } else { Ok(Some((to(&key)?, to(&value)?))) }
        })
    }

    /// The last value of each key of a topic; a record without a value takes its key away. A record
    /// without a key is passed over.
    pub fn connect_table_as<K, V>(&self, topic: &str, connect: &Connect) -> Table<K, V>
    where
        K: Key + DeserializeOwned,
        V: DeserializeOwned + Clone + 'static,
    {
        let changes = self.converted(topic, connect, |key, value, record| {
            if record.key.is_none() {
                return Ok(None);
            }
            let value = if record.value.is_none() { None } else { Some(to(&value)?) };
            Ok(Some((to(&key)?, value)))
        });
        changes.into()
    }

    fn converted<K: Clone + 'static, V: Clone + 'static>(
        &self,
        topic: &str,
        connect: &Connect,
        make: Make<K, V>,
    ) -> Stream<K, V> {
        let (connect, topic) = (connect.clone(), Str::from(topic));
        let named = Str::clone(&topic);
        self.read_by(&topic, move |node| {
            let (mut pair, topic) = (connect.make(node)?, Str::clone(&named));
            Ok(move |record: &LogRecord| -> Taken<K, V> {
                let read = pair.read(&topic, record)?;
                Ok(read.and_then(|(key, value)| make(key, value, record)))
            })
        })
    }
}
