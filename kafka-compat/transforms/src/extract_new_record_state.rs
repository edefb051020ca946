//! Debezium's ExtractNewRecordState: of a change event only the row is left, as it is after the
//! change, and what becomes of deletes is configured.
//!
//! A change event is a struct whose schema's name ends in `.Envelope`. Anything else that has a
//! value goes on as it is, also a schemaless map that looks like an event: so does Debezium.

mod config;
mod drop_fields;
mod plan;
mod reference;
#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::sync::Arc;

use gantry_model::plugin::{Fate, Plugin, PluginInfo, Transformation};
use gantry_model::{ConnectRecord, Datum, Error, Header, Result, Schema, Str, Struct, Value};

use self::config::{Deletes, Settings};
use self::drop_fields::FieldDrops;
use self::plan::{Image, Plan};
use crate::debezium::is_envelope;
use crate::support::{SchemaCache, struct_of};

const CLASS: &str = "io.debezium.transforms.ExtractNewRecordState";
const PURPOSE: &str = "field extraction";
const OPERATION: &str = "op";
/// The operation of a delete, which its tombstone has, too.
const DELETE: &str = "d";
/// Most topics whose names are kept.
const TOPICS_MAX: usize = 1024;

struct ExtractNewRecordState {
    settings: Settings,
    drops: Option<FieldDrops>,
    plans: SchemaCache<Plan>,
    topics: Topics,
}

/// Names of topics that rows gave: they come again.
#[derive(Default)]
struct Topics(HashSet<Str>);

pub(crate) fn plugin() -> Plugin<dyn Transformation> {
    let info = PluginInfo::new(CLASS, "", config::definition);
    Plugin::new(info, |props| {
        let (settings, drops) = config::parse(props)?;
        let (plans, topics) = (SchemaCache::new(), Topics::default());
        let made = ExtractNewRecordState { settings, drops, plans, topics };
        Ok(Box::new(made) as Box<dyn Transformation>)
    })
}

impl Transformation for ExtractNewRecordState {
    fn apply(&mut self, record: &mut ConnectRecord) -> Result<Fate> {
        if record.value.value.is_null() {
            return self.settings.tombstone(record);
        }
        if !record.value.schema.as_ref().is_some_and(is_envelope) {
            return Ok(Fate::Keep);
        }
        let Self { settings, drops, plans, topics } = self;
        let envelope = struct_of(&mut record.value.value, PURPOSE)?;
        let plan = plans.get(envelope.schema(), |schema| Ok(Plan::of(settings, schema)))?;
        for header in plan.headers()? {
            let datum = Datum::new(header.schema.clone(), header.value(envelope.values()));
            record.headers.push(Header::new(Str::clone(&header.name), datum)?);
        }
        let after = known(plan.after.as_ref(), "after")?;
        if !after.value(&envelope).is_null() {
            let topic = &mut record.topic;
            record.value = settings.row(plan, after, envelope, false, |name| {
                topics.change(topic, name);
            })?;
            if let Some(drops) = drops {
                drops.apply(record, &[])?;
            }
            return Ok(Fate::Keep);
        }
        let before = known(plan.before.as_ref(), "before")?;
        // Neither: the table was truncated.
        if before.value(&envelope).is_null() || settings.deletes == Deletes::Drop {
            return Ok(Fate::Drop);
        }
        if let Some(name) = before.topic(&envelope)? {
            topics.change(&mut record.topic, name);
        }
        record.value = match settings.deletes {
            Deletes::Drop | Deletes::ToTombstone => Datum::NULL,
            Deletes::Tombstone => Datum::new(after.schema.clone(), Value::Null),
            Deletes::Rewrite => settings.row(plan, before, envelope, true, |_| {})?,
        };
        if let Some(drops) = drops {
            drops.apply(record, &settings.fields)?;
        }
        Ok(Fate::Keep)
    }
}

fn known<'a>(image: Option<&'a Image>, name: &str) -> Result<&'a Image> {
    image.ok_or_else(|| {
        Error::java("java.lang.IllegalArgumentException", format!("Unknown field: {name}"))
    })
}

impl Settings {
    /// What becomes of a record without a value. Of its event nothing is known but that it was a
    /// delete.
    fn tombstone(&self, record: &mut ConnectRecord) -> Result<Fate> {
        if !self.keeps_tombstones {
            return Ok(Fate::Drop);
        }
        for header in self.headers.iter().filter(|header| header.field == OPERATION) {
            let datum = Datum::new(Schema::string(), Value::str(DELETE));
            record.headers.push(Header::new(Str::clone(&header.name), datum)?);
        }
        Ok(Fate::Keep)
    }

    /// The row of an event, with what is added to it; `route` gets the topic it names.
    fn row(
        &self,
        plan: &Plan,
        image: &Image,
        envelope: Arc<Struct>,
        deleted: bool,
        route: impl FnOnce(&str),
    ) -> Result<Datum> {
        // The row is taken out of an event that nobody else holds.
        let (row, owned, shared);
        let others = match Arc::try_unwrap(envelope) {
            Ok(envelope) => {
                let mut values = envelope.into_values();
                row = image.take(&mut values);
                owned = values;
                owned.as_slice()
            }
            Err(envelope) => {
                row = image.value(&envelope).clone();
                shared = envelope;
                shared.values()
            }
        };
        image.finish(plan, row, others, self.deleted_mark(deleted), route)
    }

    /// What the field `__deleted` holds, if there is one. With it, null fields get their defaults
    /// on request.
    fn deleted_mark(&self, deleted: bool) -> Option<(&'static str, bool)> {
        let mark = if deleted { "true" } else { "false" };
        (self.deletes == Deletes::Rewrite).then_some((mark, self.replace_null))
    }
}

impl Topics {
    /// Sets a topic; a blank name changes nothing.
    fn change(&mut self, topic: &mut Str, name: &str) {
        if gantry_model::text::is_blank(name) || **topic == *name {
            return;
        }
        if let Some(known) = self.0.get(name) {
            *topic = Str::clone(known);
            return;
        }
        if self.0.len() >= TOPICS_MAX {
            self.0.clear();
        }
        *topic = name.into();
        self.0.insert(Str::clone(topic));
    }
}
