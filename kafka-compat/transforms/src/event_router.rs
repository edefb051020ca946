//! Debezium's outbox EventRouter: rows of an outbox table become the messages they hold.

mod config;
mod expand;
mod plan;
#[cfg(test)]
mod tests;

use std::collections::HashMap;

use gantry_model::plugin::{Fate, Plugin, PluginInfo, Transformation};
use gantry_model::regex::JavaPattern;
use gantry_model::text::{is_blank, java_string};
use gantry_model::{
    ConnectRecord, Datum, Error, Header, Result, Schema, SchemaBuilder, Str, Value,
};

use self::config::{OnUpdate, Placement, Settings};
use self::expand::Expansion;
use self::plan::Plan;
use crate::debezium::is_envelope;
use crate::support::{SchemaCache, put_all, struct_of};

const CLASS: &str = "io.debezium.transforms.outbox.EventRouter";
const ID: &str = "id";
const PAYLOAD: &str = "payload";
/// Most topics that are remembered.
const TOPICS_MAX: usize = 1024;
/// Most schemas of values that are remembered.
const SHAPES_MAX: usize = 64;

struct EventRouter {
    settings: Settings,
    expansion: Option<Expansion>,
    plans: SchemaCache<Plan>,
    topics: Topics,
    shapes: Shapes,
}

/// Topics by what the rows name.
struct Topics {
    pattern: JavaPattern,
    replacement: String,
    known: HashMap<Str, Str>,
}

/// Schemas of values that have more than the payload, the latest first.
#[derive(Default)]
struct Shapes(Vec<Shape>);

struct Shape {
    row: Schema,
    payload: Schema,
    version: Option<i32>,
    route: Str,
    schema: Schema,
}

pub(crate) fn plugin() -> Plugin<dyn Transformation> {
    let info = PluginInfo::new(CLASS, "", config::definition);
    Plugin::new(info, |props| {
        let (settings, expansion, pattern, replacement) = config::parse(props)?;
        let topics = Topics { pattern, replacement, known: HashMap::new() };
        let (plans, shapes) = (SchemaCache::new(), Shapes::default());
        let made = EventRouter { settings, expansion, plans, topics, shapes };
        Ok(Box::new(made) as Box<dyn Transformation>)
    })
}

impl Transformation for EventRouter {
    fn apply(&mut self, record: &mut ConnectRecord) -> Result<Fate> {
        if record.value.value.is_null() {
            return Ok(Fate::Drop);
        }
        if !record.value.schema.as_ref().is_some_and(is_envelope) {
            return Ok(Fate::Keep);
        }
        let Self { settings, expansion, plans, topics, shapes } = self;
        let event = struct_of(&mut record.value.value, "Detect Debezium Operation")?;
        match event.raw("op")?.as_str() {
            // The table is emptied as it likes: the messages were sent.
            Some("d") => return Ok(Fate::Drop),
            Some("u") => return settings.on_update.meet(record),
            _ => {}
        }
        plan::check_row(&event)?;
        let plan = plans.get(event.schema(), |schema| Plan::of(settings, schema))?;
        let came_ms = plan.came_ms(event.values())?;
        let mut row = plan.row(event);
        record.timestamp_ms = plan.timestamp_ms(&row).or(came_ms);
        let id = plan.id.datum(&row);
        record.headers.push(Header::new(ID.into(), id)?);
        record.partition = None;
        let mut fields = Vec::new();
        if !settings.is_payload_only {
            // The payload's place.
            fields.push(Value::Null);
        }
        for (placement, alias, slot) in &plan.extras {
            match placement {
                Placement::Header => {
                    record.headers.push(Header::new(Str::clone(alias), slot.datum(&row))?);
                }
                Placement::Envelope => fields.push(slot.value(&row)),
                Placement::Partition => record.partition = slot.int32(&row),
            }
        }
        record.key = plan.key.datum(&row);
        let (route, topic) = topics.get(plan.route.text(&row).ok_or_else(no_route)?)?;
        record.topic = topic;
        let version = plan.version.as_ref().and_then(|slot| slot.int32(&row));
        let mut payload = plan.payload.take(&mut row);
        if let Some(expansion) = expansion {
            expansion.expand(&mut payload);
        }
        record.value = match payload {
            empty if settings.tombstones && is_empty(&empty.value) => Datum::NULL,
            payload if settings.is_payload_only => payload,
            Datum { schema, value } => {
                let schema = schema.unwrap_or_else(|| plan.payload.schema.clone());
                let shape = shapes.get(plan, schema, version, route)?;
                if let Some(first) = fields.first_mut() {
                    *first = value;
                }
                Datum::new(shape.clone(), put_all(shape, fields)?)
            }
        };
        Ok(Fate::Keep)
    }
}

fn is_empty(payload: &Value) -> bool {
    payload.is_null() || payload.as_str().is_some_and(is_blank)
}

#[cold]
fn no_route() -> Error {
    Error::data("The field that names the topic is null")
}

impl OnUpdate {
    /// What becomes of an update, which an outbox table should not see.
    fn meet(self, record: &ConnectRecord) -> Result<Fate> {
        let key = || java_string(&record.key.value);
        match self {
            Self::Warn => tracing::warn!("Unexpected update message received and ignored"),
            Self::Error => tracing::error!("Unexpected update message received and ignored"),
            Self::Fatal => {
                return Err(Error::java(
                    "java.lang.IllegalStateException",
                    format!("Unexpected update message received {}, fail.", key()),
                ));
            }
        }
        Ok(Fate::Drop)
    }
}

impl Topics {
    /// What a row names, and the topic that is made of it.
    fn get(&mut self, route: &str) -> Result<(Str, Str)> {
        if let Some((route, topic)) = self.known.get_key_value(route) {
            return Ok((Str::clone(route), Str::clone(topic)));
        }
        let topic: Str = match self.pattern.matches(route) {
            true => self.pattern.replace_first(route, &self.replacement)?.into(),
            false => route.into(),
        };
        if self.known.len() >= TOPICS_MAX {
            self.known.clear();
        }
        let route = Str::from(route);
        self.known.insert(Str::clone(&route), Str::clone(&topic));
        Ok((route, topic))
    }
}

impl Shapes {
    /// The schema of a value that has a payload of that schema and more fields of its row.
    fn get(
        &mut self,
        plan: &Plan,
        payload: Schema,
        version: Option<i32>,
        route: Str,
    ) -> Result<&Schema> {
        let known = self.0.iter().position(|shape| {
            shape.version == version
                && shape.route == route
                && shape.row == plan.row
                && shape.payload == payload
        });
        match known {
            Some(0) => {}
            Some(place) => self.0[..=place].rotate_right(1),
            None => {
                let mut fields = vec![(Str::from(PAYLOAD), payload.clone())];
                let extras = plan.extras.iter().filter(|(to, ..)| *to == Placement::Envelope);
                fields.extend(extras.map(|(_, alias, s)| (Str::clone(alias), s.schema.clone())));
                let schema = SchemaBuilder::structure(fields)?
                    .name(Some(name_of(&plan.row, &route).into()))
                    .version(version)
                    .build_plain();
                let row = plan.row.clone();
                self.0.truncate(SHAPES_MAX - 1);
                self.0.insert(0, Shape { row, payload, version, route, schema });
            }
        }
        Ok(&self.0[0].schema)
    }
}

/// The name of the row's schema, with what the row names before its last part.
fn name_of(row: &Schema, route: &str) -> String {
    let Some(name) = row.name() else { return route.to_owned() };
    match name.rsplit_once('.') {
        Some((first, last)) => format!("{first}.{route}.{last}"),
        None => format!("{route}.{name}"),
    }
}
