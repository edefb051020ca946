//! Bounded caches of what depends on a schema or a topic name only.

use std::collections::HashMap;
use std::sync::Arc;

use gantry_model::{Result, Schema, Str};

/// How many schemas one transformation remembers, as in Kafka Connect.
const MAX_SCHEMAS: usize = 16;
/// How many topics one transformation remembers.
const MAX_TOPICS: usize = 1024;

/// What was worked out for the last few schemas, the latest first.
pub(crate) struct SchemaCache<T> {
    entries: Vec<(Schema, T)>,
}

impl<T> SchemaCache<T> {
    pub(crate) fn new() -> Self {
        Self { entries: Vec::new() }
    }

    /// What belongs to a schema, worked out when it is not yet known.
    pub(crate) fn get(
        &mut self,
        schema: &Schema,
        build: impl FnOnce(&Schema) -> Result<T>,
    ) -> Result<&T> {
        // Nearly always the schema of the record before: nothing to move then.
        let position = match self.entries.first() {
            Some((known, _)) if known.same(schema) => Some(0),
            _ => self.entries.iter().position(|(known, _)| known == schema),
        };
        match position {
            Some(0) => {}
            Some(position) => self.entries[..=position].rotate_right(1),
            None => {
                let built = build(schema)?;
                self.entries.truncate(MAX_SCHEMAS - 1);
                self.entries.insert(0, (schema.clone(), built));
            }
        }
        Ok(&self.entries[0].1)
    }
}

/// What was worked out for topic names. Topics repeat, most often as the very same object.
pub(crate) struct TopicCache<T> {
    last: Option<(Str, T)>,
    known: HashMap<Str, T>,
}

impl<T: Clone> TopicCache<T> {
    pub(crate) fn new() -> Self {
        Self { last: None, known: HashMap::new() }
    }

    /// What belongs to a topic, worked out when it is not yet known.
    pub(crate) fn get(&mut self, topic: &Str, build: impl FnOnce(&str) -> Result<T>) -> Result<T> {
        if let Some((last, found)) = &self.last
            && Arc::ptr_eq(last, topic)
        {
            return Ok(found.clone());
        }
        let found = match self.known.get(topic) {
            Some(found) => found.clone(),
            None => {
                let built = build(topic)?;
                if self.known.len() >= MAX_TOPICS {
                    self.known.clear();
                }
                self.known.insert(Str::clone(topic), built.clone());
                built
            }
        };
        self.last = Some((Str::clone(topic), found.clone()));
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schemas_are_built_once_and_the_oldest_is_forgotten() {
        let mut cache = SchemaCache::new();
        let schemas: Vec<Schema> = (0..=MAX_SCHEMAS as i32)
            .map(|n| gantry_model::SchemaBuilder::new(gantry_model::Kind::Int8).version(Some(n)))
            .map(gantry_model::SchemaBuilder::build_plain)
            .collect();
        let mut built = 0;
        let mut get = |schema| {
            let count = |_: &Schema| {
                built += 1;
                Ok(())
            };
            cache.get(schema, count).expect("builds");
            built
        };
        for (n, schema) in schemas.iter().enumerate() {
            assert_eq!((get(schema), get(schema)), (n + 1, n + 1));
        }
        assert_eq!(get(&schemas[1]), MAX_SCHEMAS + 1, "still known");
        assert_eq!(get(&schemas[0]), MAX_SCHEMAS + 2, "the oldest was dropped");
        assert_eq!(cache.entries.len(), MAX_SCHEMAS);
    }

    #[test]
    fn an_equal_schema_hits() {
        let mut cache = SchemaCache::new();
        let schema = || gantry_model::SchemaBuilder::new(gantry_model::Kind::Int8).build_plain();
        cache.get(&schema(), |_| Ok(1)).expect("builds");
        assert_eq!(*cache.get(&schema(), |_| Ok(2)).expect("known"), 1);
    }

    #[test]
    fn topics_are_bounded_and_errors_are_not_kept() {
        let mut cache = TopicCache::new();
        for n in 0..=MAX_TOPICS {
            let topic: Str = format!("t{n}").into();
            assert_eq!(cache.get(&topic, |t| Ok(t.len())).expect("builds"), topic.len());
        }
        assert!(cache.known.len() <= MAX_TOPICS);
        let topic: Str = "new".into();
        assert!(cache.get(&topic, |_| Err(gantry_model::Error::data("x"))).is_err());
        assert_eq!(cache.get(&topic, |_| Ok(9)).expect("builds"), 9);
        let equal: Str = "new".into();
        assert_eq!(cache.get(&equal, |_| Ok(1)).expect("known"), 9);
    }
}
