//! Fields of an event that are added to its row or to the headers: `op`, `source.ts_ms`,
//! `table:origin`.

use gantry_model::{Error, Result, Schema, Str, Struct, Value};

/// A field to add, as the configuration names it.
pub(super) struct Reference {
    /// The struct of the event that has it; `None`: the event itself.
    parent: Option<String>,
    /// Its name there.
    pub(super) field: String,
    /// The name it gets.
    pub(super) name: Str,
}

/// The same for the events of one schema.
pub(super) struct Addition {
    pub(super) name: Str,
    pub(super) schema: Schema,
    place: Place,
    /// A struct that is added whole has another schema there than in the event.
    is_struct: bool,
}

/// Where the value stands in an event.
#[derive(Clone, Copy)]
enum Place {
    Own(usize),
    In {
        parent: usize,
        index: usize,
    },
    /// Not in the parent but in the event; null where there is no parent, as in Debezium.
    Beside {
        parent: usize,
        index: usize,
    },
}

impl Reference {
    /// All that a key lists.
    pub(super) fn all(prefix: &str, list: &[String]) -> Result<Vec<Self>> {
        // No event has a field without a name.
        let named = list.iter().filter(|text| !text.is_empty());
        named.map(|text| Self::parse(prefix, text)).collect()
    }

    /// `field`, `struct.field`, either with `:name` behind it. As in Java, empty parts at the end
    /// do not count, nor does what follows a second dot.
    fn parse(prefix: &str, text: &str) -> Result<Self> {
        let unexpected = || Error::config(format!("Unexpected field name: {text}"));
        let (path, new_name) = match text.trim_end_matches(':').split_once(':') {
            Some((_, new_name)) if new_name.contains(':') => return Err(unexpected()),
            Some((path, new_name)) => (path, Some(new_name)),
            None => (text.trim_end_matches(':'), None),
        };
        let trimmed = path.trim_end_matches('.');
        if trimmed.is_empty() {
            return Err(unexpected());
        }
        let mut parts = trimmed.split('.');
        let (parent, field) = match (parts.next(), parts.next()) {
            (Some(parent), Some(field)) => (Some(parent), field),
            _ => (None, trimmed),
        };
        let name = match (new_name, parent) {
            (Some(name), _) => format!("{prefix}{name}"),
            (None, Some(parent)) => format!("{prefix}{parent}_{field}"),
            (None, None) => format!("{prefix}{field}"),
        };
        Ok(Self {
            parent: parent.or_else(|| usual_parent(field)).map(str::to_owned),
            field: field.to_owned(),
            name: name.into(),
        })
    }

    /// The field in events of that schema; `None` if they do not have it.
    pub(super) fn resolve(&self, envelope: &Schema) -> Result<Option<Addition>> {
        let own = envelope.field(&self.field);
        let found = match &self.parent {
            None => own.map(|field| (field, Place::Own(field.index))),
            Some(name) => {
                let parent = envelope.field(name).ok_or_else(|| {
                    Error::data(format!("An event has no field \"{name}\" to take fields from"))
                })?;
                if parent.schema.fields().is_none() {
                    return Err(Error::data("Cannot look up fields on non-struct type"));
                }
                let (inner, parent) = (parent.schema.field(&self.field), parent.index);
                match (inner, own) {
                    (Some(field), _) => Some((field, Place::In { parent, index: field.index })),
                    (None, Some(field)) => {
                        Some((field, Place::Beside { parent, index: field.index }))
                    }
                    (None, None) => None,
                }
            }
        };
        Ok(found.map(|(field, place)| Addition {
            name: Str::clone(&self.name),
            schema: field.schema.to_builder().optional().default_value(None).build_plain(),
            place,
            is_struct: field.schema.fields().is_some(),
        }))
    }
}

/// The struct that has a field when the configuration names none.
fn usual_parent(field: &str) -> Option<&'static str> {
    match field {
        "id" | "data_collection_order" | "total_order" => Some("transaction"),
        "op" | "ts_ms" | "ts_us" | "ts_ns" => None,
        "updateDescription" => Some("updateDescription"),
        _ => Some("source"),
    }
}

impl Addition {
    /// Whether it is taken from that field of the event, or from within it.
    pub(super) fn is_from(&self, at: usize) -> bool {
        match self.place {
            Place::Own(index) => index == at,
            Place::In { parent, .. } => parent == at,
            Place::Beside { parent, index } => parent == at || index == at,
        }
    }

    /// Its value in an event; null also where its struct is null.
    pub(super) fn value(&self, event: &[Value]) -> Value {
        let found = match self.place {
            Place::Own(index) => event.get(index),
            Place::In { parent, index } => match event.get(parent) {
                Some(Value::Struct(inner)) => inner.values().get(index),
                _ => None,
            },
            Place::Beside { parent, index } => {
                let parent = event.get(parent).filter(|parent| !parent.is_null());
                parent.and_then(|_| event.get(index))
            }
        };
        match found {
            None => Value::Null,
            Some(Value::Struct(inner)) if self.is_struct => {
                let values = inner.values().to_vec();
                Value::Struct(Struct::from_values(self.schema.clone(), values).into())
            }
            Some(value) => value.clone(),
        }
    }
}
