//! From Connect's data to bytes.

use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::time::Instant;

use gantry_converters::Output;
use gantry_model::{Schema, Value};

use super::settings::Choice;
use super::*;
use crate::id::{Placed, Stamp};
use crate::slots::Slots;

/// How the data of topics are written, by topic and Connect schema.
pub(super) struct Writers<F: DataFormat> {
    slots: Slots<Key, Entry<F>>,
    last: Option<usize>,
    /// The last schema whose null is no bytes at all.
    null_is_nothing: Option<Schema>,
    output: Output,
}

#[derive(PartialEq)]
struct Key {
    topic: Box<str>,
    schema: Option<Schema>,
}

impl Eq for Key {}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.topic.hash(state);
        state.write_u64(self.schema.as_ref().map_or(0, Schema::fingerprint));
    }
}

struct Entry<F: DataFormat> {
    topic: Box<str>,
    schema: Option<Schema>,
    stamp: Stamp,
    writer: F::Writer,
    /// When the registry is to be asked again.
    until: Option<Instant>,
}

impl<F: DataFormat> Entry<F> {
    fn is_for(&self, topic: &str, schema: Option<&Schema>) -> bool {
        *self.topic == *topic
            && self.schema.as_ref() == schema
            && self.until.is_none_or(|until| Instant::now() < until)
    }
}

impl<F: DataFormat> Writers<F> {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            slots: Slots::new(capacity),
            last: None,
            null_is_nothing: None,
            output: Output::default(),
        }
    }

    fn place(&mut self, topic: &str, schema: Option<&Schema>) -> Option<usize> {
        if let Some(last) = self.last
            && self.slots.at(last).is_some_and(|entry| entry.is_for(topic, schema))
        {
            return Some(last);
        }
        let key = Key { topic: topic.into(), schema: schema.cloned() };
        let place = self.slots.place(&key)?;
        self.last = Some(place);
        self.slots.at(place).is_some_and(|entry| entry.is_for(topic, schema)).then_some(place)
    }
}

impl<F: DataFormat> SchemaConverter<F> {
    pub(super) fn write(
        &mut self,
        topic: &str,
        headers: &mut Vec<RecordHeader>,
        datum: &Datum,
    ) -> Result<Option<Bytes>> {
        let schema = datum.schema.as_ref();
        let place = match self.writers.place(topic, schema) {
            Some(place) => place,
            // A deletion needs no schema.
            None if datum.value.is_null() && self.null_is_nothing(schema)? => return Ok(None),
            None => {
                let entry = self.entry(topic, schema)?;
                let key = Key { topic: topic.into(), schema: schema.cloned() };
                let place = self.writers.slots.insert(key, entry);
                self.writers.last = Some(place);
                place
            }
        };
        let Some(entry) = self.writers.slots.at(place) else { return Ok(None) };
        let out = self.writers.output.begin();
        if let Stamp::Bytes(bytes) = &entry.stamp {
            out.extend_from_slice(bytes);
        }
        if !self.format.write(&mut entry.writer, &datum.value, out)? {
            return Ok(None);
        }
        // An id that came along belongs to what was written before.
        headers.retain(|header| *header.key != *self.ids.header_name());
        if let Stamp::Header(header) = &entry.stamp {
            headers.push(header.clone());
        }
        Ok(Some(self.writers.output.finish()))
    }

    fn null_is_nothing(&mut self, schema: Option<&Schema>) -> Result<bool> {
        let Some(schema) = schema else { return Ok(true) };
        if self.writers.null_is_nothing.as_ref() == Some(schema) {
            return Ok(true);
        }
        let own = Arc::new(parse::<F>(&self.format.translate(Some(schema))?, &[], true)?);
        let mut writer = self.format.writer(Some(schema), &own)?;
        let is_nothing = !self.format.write(&mut writer, &Value::Null, &mut Vec::new())?;
        if is_nothing {
            self.writers.null_is_nothing = Some(schema.clone());
        }
        Ok(is_nothing)
    }

    /// Asks the registry.
    fn entry(&mut self, topic: &str, schema: Option<&Schema>) -> Result<Entry<F>> {
        let own = parse::<F>(&self.format.translate(schema)?, &[], true)?;
        let name = own.name();
        let subject = self.asking.subject(topic, name.as_deref())?;
        let candidate = Candidate {
            subject: &subject,
            schema_type: F::NAMES.schema_type,
            name: name.as_deref(),
            text: own.canonical(),
            references: &[],
            normalize: self.settings.normalize,
        };
        let (label, choice) = (F::NAMES.label, &self.settings.choice);
        let what = match choice {
            Choice::Register => format!("Error registering {label} schema{}", own.canonical()),
            Choice::Pinned(id) => format!("Error retrieving {label} schema for id {id}"),
            Choice::LatestWith(key, value) => {
                format!("Error retrieving latest with metadata '{key}={value}' of {subject}")
            }
            Choice::Latest => format!("Error retrieving latest version of {subject}"),
            Choice::Lookup | Choice::Show => {
                format!("Error retrieving {label} schema{}", own.canonical())
            }
        };
        let registry = &mut self.asking.registry;
        let found = match choice {
            Choice::Register => registry.register(candidate),
            Choice::Pinned(id) => registry.by_id(*id, &subject),
            Choice::LatestWith(key, value) => registry.latest_with(&subject, (key, value)),
            Choice::Latest => registry.latest(&subject),
            Choice::Lookup | Choice::Show => registry.lookup(candidate, false),
        };
        let found = match found {
            Err(error) if *choice == Choice::Show && error.is_missing() => {
                Registered { id: Some(0), guid: Some([0; 16]), ..Registered::default() }
            }
            found => found.map_err(|error| error.into_error(&what))?,
        };
        let is_chosen = !matches!(choice, Choice::Register | Choice::Lookup | Choice::Show);
        let id = self.asking.id(&found, self.ids.placed(), &subject, &what)?;
        let registered = match &found.text {
            Some(text) if is_chosen || text != own.canonical() => {
                self.asking.parse::<F>(&found, &what)?
            }
            _ => parse::<F>(own.canonical(), &[], true)?,
        };
        if is_chosen && self.settings.is_strict {
            self.check_strict(&registered, &own, &what)?;
        }
        let writer = self.format.writer(schema, &Arc::new(registered))?;
        let holds = |ttl| Instant::now().checked_add(ttl);
        Ok(Entry {
            topic: topic.into(),
            schema: schema.cloned(),
            stamp: self.ids.stamp(id, F::message_indexes(&writer)),
            writer,
            until: match self.settings.choice {
                Choice::Latest | Choice::LatestWith(..) => self.settings.latest_ttl.and_then(holds),
                _ => None,
            },
        })
    }

    /// Whether what is written by the data's own schema can be read by the one chosen.
    fn check_strict(&self, chosen: &F::Schema, own: &F::Schema, what: &str) -> Result<()> {
        let reasons = F::Format::incompatibilities(chosen, own);
        if reasons.is_empty() {
            return Ok(());
        }
        let key = match self.settings.choice {
            Choice::Pinned(_) => keys::ID_STRICT,
            _ => keys::LATEST_STRICT,
        };
        let reasons: Vec<String> = reasons
            .iter()
            .map(|reason| reason.replacen("%s", "chosen", 1).replacen("%s", "data's", 1))
            .collect();
        let why = format!(
            "Incompatible schema of type '{}'. Set {key}=false to disable this check. {}",
            F::NAMES.schema_type,
            reasons.join("; ")
        );
        Err(serialization(what, why))
    }
}

impl Asking {
    /// The id in the form in which it is to be written.
    fn id(
        &mut self,
        found: &Registered,
        placed: Placed,
        subject: &str,
        what: &str,
    ) -> Result<SchemaId> {
        if let Some(record) = found.record {
            return Ok(SchemaId::Record(record));
        }
        let no = |which: &str| {
            let why = format!("the registry does not say which {which} the schema has");
            serialization(what, why)
        };
        if placed != Placed::Header {
            if let Some(id) = found.id {
                return Ok(SchemaId::Id(id));
            }
            // Found by its GUID: its text says the rest.
            let candidate = Candidate {
                subject,
                schema_type: "",
                name: None,
                text: found.text.as_deref().unwrap_or_default(),
                references: &found.references,
                normalize: false,
            };
            let schema_type = found.schema_type.as_deref();
            let candidate = Candidate { schema_type: known_type(schema_type), ..candidate };
            let found = self.registry.lookup(candidate, true).map_err(|e| e.into_error(what))?;
            return found.id.map(SchemaId::Id).ok_or_else(|| no("id"));
        }
        if let Some(guid) = found.guid {
            return Ok(SchemaId::Guid(guid));
        }
        let id = found.id.map(SchemaId::Id).ok_or_else(|| no("id"))?;
        let found = self.registry.by_id(id, subject).map_err(|error| error.into_error(what))?;
        found.guid.map(SchemaId::Guid).ok_or_else(|| no("GUID"))
    }
}

fn known_type(text: Option<&str>) -> &'static str {
    match text {
        Some("PROTOBUF") => "PROTOBUF",
        Some("JSON") => "JSON",
        _ => "AVRO",
    }
}
