//! From bytes to Connect's data.

use std::sync::Arc;

use bytes::Buf;

use super::*;
use crate::slots::Slots;

/// How the data of topics are read, by topic and what stands beside the data.
pub(super) struct Readers<F: DataFormat> {
    slots: Slots<Key, Entry<F>>,
    last: Option<usize>,
}

#[derive(PartialEq, Eq, Hash)]
struct Key {
    topic: Box<str>,
    /// What stands beside the data, and whether in a header.
    stamp: Box<[u8]>,
    is_in_header: bool,
}

struct Entry<F: DataFormat> {
    topic: Box<str>,
    /// What stood beside the data, as it was written: in a header or in front.
    stamp: Box<[u8]>,
    is_in_header: bool,
    reader: F::Reader,
}

impl<F: DataFormat> Entry<F> {
    /// Whether data that begin so are read by this.
    fn is_for(&self, topic: &str, header: Option<&Bytes>, data: &[u8]) -> bool {
        let beside = match header {
            Some(header) => Some(&header[..]),
            None => data.get(..self.stamp.len()),
        };
        self.is_in_header == header.is_some()
            && beside == Some(&self.stamp)
            && *self.topic == *topic
    }
}

impl<F: DataFormat> Readers<F> {
    pub(super) fn new(capacity: usize) -> Self {
        Self { slots: Slots::new(capacity), last: None }
    }
}

impl<F: DataFormat> SchemaConverter<F> {
    pub(super) fn read(
        &mut self,
        topic: &str,
        headers: &[RecordHeader],
        mut data: Bytes,
    ) -> Result<Datum> {
        let header = self.ids.header(headers);
        let last = self.readers.last.filter(|&last| {
            self.readers.slots.at(last).is_some_and(|entry| entry.is_for(topic, header, &data))
        });
        let place = match last {
            Some(place) => place,
            None => self.reader(topic, header, &data)?,
        };
        self.readers.last = Some(place);
        let Some(entry) = self.readers.slots.at(place) else { return Ok(Datum::NULL) };
        if header.is_none() {
            data.advance(entry.stamp.len());
        }
        self.format.read(&mut entry.reader, &data)
    }

    /// The place of the reader, which is made where it is not there.
    fn reader(&mut self, topic: &str, header: Option<&Bytes>, data: &Bytes) -> Result<usize> {
        let found = self.ids.find(header, data)?;
        let stamp: Box<[u8]> = header.map_or(&data[..found.length], |header| &header[..]).into();
        let is_in_header = header.is_some();
        let key = Key { topic: topic.into(), stamp: stamp.clone(), is_in_header };
        if let Some(place) = self.readers.slots.place(&key) {
            return Ok(place);
        }
        let (schema, version) = self.asking.schema::<F>(topic, found.id)?;
        let reader = self.format.reader(&Arc::new(schema), version, &found.message_indexes)?;
        let entry = Entry { topic: topic.into(), stamp, is_in_header, reader };
        Ok(self.readers.slots.insert(key, entry))
    }
}

impl Asking {
    /// The schema of an id, and its version in the topic's subject where it is one there.
    fn schema<F: DataFormat>(
        &mut self,
        topic: &str,
        id: SchemaId,
    ) -> Result<(F::Schema, Option<i32>)> {
        let part = if self.is_key { "key" } else { "value" };
        let what = match F::NAMES.schema_type {
            "AVRO" => format!("Error retrieving Avro {part} schema for id {id}"),
            _ => format!("Error retrieving {} schema for id {id}", F::NAMES.label),
        };
        let failed = |error: RegistryError| error.into_error(&what);
        // A subject that is named after what the schema describes is known only with the schema.
        let asked = match self.strategy.needs_record() {
            true => String::new(),
            false => self.subject(topic, None)?,
        };
        let found = self.registry.by_id(id, &asked).map_err(failed)?;
        let schema = self.parse::<F>(&found, &what)?;
        if found.version.is_some() {
            return Ok((schema, found.version));
        }
        let name = schema.name();
        let subject = match self.strategy.needs_record() {
            true => self.subject(topic, name.as_deref())?,
            false => asked,
        };
        let candidate = Candidate {
            subject: &subject,
            schema_type: F::NAMES.schema_type,
            name: name.as_deref(),
            text: found.text.as_deref().unwrap_or_default(),
            references: &found.references,
            normalize: false,
        };
        match self.registry.lookup(candidate, true) {
            Ok(found) => Ok((schema, found.version)),
            // Records may have come from elsewhere, with their schema in another subject.
            Err(error) if error.is_missing() => Ok((schema, None)),
            Err(error) => Err(error.into_error(&what)),
        }
    }
}
