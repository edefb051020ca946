//! One record after the other.

use std::collections::BTreeMap;
use std::sync::Arc;

use gantry_log::LogRecord;
use serde::de::DeserializeOwned;

use super::{Expect, State};
use crate::config::{Config, Mode};
use crate::model::{Schema, Stored};
use crate::names::{DEFAULT_CONTEXT, context_of, is_named_by, normalize, qualify_with};
use crate::records::{DeleteSubjectValue, EXPECT, Key, ModeValue, SchemaValue};
use crate::rights::Rights;

/// What became of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Applied {
    /// Whose record it was, if one of this registry.
    pub(crate) claim: Option<String>,
    /// Whether it counts.
    pub(crate) counts: bool,
}

/// A value; an error is one that cannot be read, nothing is one that removes.
fn value<T: DeserializeOwned>(record: &LogRecord) -> Result<Option<T>, serde_json::Error> {
    record.value.as_deref().map_or(Ok(None), serde_json::from_slice)
}

impl State {
    /// Takes the record at an offset. The same records in the same order give the same state.
    pub(crate) fn apply(&mut self, offset: u64, record: &LogRecord) -> Applied {
        let Some((key, claim)) = record.key.as_deref().and_then(Key::parse) else {
            tracing::warn!(offset, "a record of the schema topic has a key that is none; ignored");
            return Applied { claim: None, counts: false };
        };
        let condition = record.headers.iter().find(|header| *header.key == *EXPECT);
        let counts = match condition {
            None => self.take(key, record, None),
            Some(condition) => {
                let expect = condition.value.as_deref().and_then(Expect::parse);
                match expect {
                    Some(expect) if self.meets(&expect) => {
                        self.take(key, record, Some((&expect, offset + 1)))
                    }
                    Some(_) => Ok(false),
                    None => {
                        tracing::error!(
                            offset,
                            "a record of the schema topic was written by a newer version, with a \
                             condition that this one cannot judge: update this node"
                        );
                        Ok(false)
                    }
                }
            }
        };
        let counts = counts.unwrap_or_else(|error| {
            tracing::warn!(offset, %error, "a record of the schema topic has no value; ignored");
            false
        });
        Applied { claim, counts }
    }

    /// Takes what a record says, if its condition holds: `own` is the condition and the revision
    /// that the record makes.
    fn take(
        &mut self,
        key: Key,
        record: &LogRecord,
        own: Option<(&Expect, u64)>,
    ) -> Result<bool, serde_json::Error> {
        let revision = own.map(|(_, revision)| revision);
        match key {
            Key::Schema { subject, version } => {
                let stored = value::<SchemaValue>(record)?
                    .map(|value| value.into_stored(&subject, version, record.timestamp_ms));
                match stored {
                    Some(stored) => {
                        if !self.is_id_free(&stored, own.and_then(|(expect, _)| expect.id())) {
                            return Ok(false);
                        }
                        self.put(stored, own.is_some());
                    }
                    None => {
                        self.remove(&subject, version);
                        self.forget_rules_if_gone(&subject, revision);
                    }
                }
                self.touch(&subject, own);
            }
            Key::DeleteSubject(subject) => {
                if let Some(value) = value::<DeleteSubjectValue>(record)? {
                    self.delete_subject(&subject, &value);
                    self.forget_rules_if_gone(&subject, revision);
                }
                self.touch(&subject, own);
            }
            Key::Config(subject) => {
                let subject = normalize(&subject);
                match value::<Config>(record)? {
                    Some(config) => self.configs.insert(subject.clone(), Arc::new(config)),
                    None => self.configs.remove(&subject),
                };
                self.touch_own_rules(&subject, revision);
            }
            Key::Mode { subject, recursive } => {
                self.take_mode(&normalize(&subject), recursive, value(record)?, revision);
            }
            Key::ClearSubject(subject) => self.clear(subject.as_deref(), revision),
            Key::Context(context) => match &record.value {
                Some(bytes) if **bytes != *b"null" => {
                    self.contexts.insert(context);
                }
                _ => {
                    self.contexts.remove(&context);
                }
            },
            Key::Other => {}
        }
        Ok(true)
    }

    fn touch(&mut self, subject: &str, own: Option<(&Expect, u64)>) {
        let Some((expect, revision)) = own else { return };
        for other in expect.subjects() {
            self.touch_subject(other, revision);
        }
        self.touch_subject(subject, revision);
    }

    fn touch_own_rules(&mut self, name: &str, revision: Option<u64>) {
        if let Some(revision) = revision {
            self.touch_rules(name, revision);
        }
    }

    /// Whether a schema may have its id: the id is nobody else's and, if the condition names it,
    /// the schema has no other.
    fn is_id_free(&self, stored: &Stored, expected: Option<i32>) -> bool {
        let context = context_of(&stored.schema.subject);
        let id = stored.schema.id;
        let holder = self.place_of(context, id, None, &Rights::ALL);
        if holder.is_some_and(|holder| holder.schema.text != stored.schema.text) {
            return false;
        }
        match expected {
            None => true,
            Some(expected) => match self.id_of(context, &stored.hash) {
                Some(known) => known == id,
                None => expected == id && self.places(context, id).next().is_none(),
            },
        }
    }

    fn put(&mut self, stored: Stored, is_own: bool) {
        let stored = Arc::new(stored);
        let schema = &stored.schema;
        let context = context_of(&schema.subject).to_owned();
        if is_own && !stored.deleted {
            if context != DEFAULT_CONTEXT {
                self.contexts.insert(context.clone());
            }
            self.remove_older(schema.subject.as_str(), schema.version, schema.id);
        }
        let ids = self.ids.entry(context.clone()).or_default();
        ids.max = Some(ids.max.unwrap_or(1).max(schema.id));
        ids.by_hash.insert(stored.hash, schema.id);
        ids.places.insert((schema.id, schema.subject.clone()), schema.version);
        if !stored.deleted {
            for reference in self.references(&stored) {
                let referrer = (context.clone(), schema.id);
                self.referrers.entry(reference).or_default().insert(referrer);
            }
        }
        let versions = self.subjects.entry(schema.subject.clone()).or_default();
        let old = versions.insert(schema.version, Arc::clone(&stored));
        let Some(Schema { id, text, .. }) = old.as_ref().map(|old| &old.schema) else { return };
        if *text != schema.text {
            self.removals += 1;
        }
        // An id whose only version is written over leads to what is there now, as in Confluent's
        // registry; one that has another version leads to that.
        let elsewhere = versions.values().rev().find(|other| other.schema.id == *id);
        if let Some(other) = elsewhere.filter(|_| *id != schema.id) {
            let ids = self.ids.entry(context).or_default();
            ids.places.insert((*id, schema.subject.clone()), other.schema.version);
        }
    }

    /// Deleted versions that a new one with the same id takes the place of.
    fn remove_older(&mut self, subject: &str, below: i32, id: i32) {
        let Some(versions) = self.subjects.get(subject) else { return };
        let replaced = |stored: &&Arc<Stored>| stored.deleted && stored.schema.id == id;
        let older = versions.range(..below).map(|(_, stored)| stored).filter(replaced);
        let older: Vec<i32> = older.map(|stored| stored.schema.version).collect();
        for version in older {
            if !self.referrers.contains_key(&(subject.to_owned(), version)) {
                self.remove(subject, version);
            }
        }
    }

    fn references(&self, stored: &Stored) -> Vec<(String, i32)> {
        let of = |name: &str| qualify_with(&stored.schema.subject, name);
        let references = stored.schema.references.iter();
        references.filter_map(|r| Some((of(r.subject.as_deref()?), r.version?))).collect()
    }

    fn remove(&mut self, subject: &str, version: i32) {
        let Some(versions) = self.subjects.get_mut(subject) else { return };
        let Some(stored) = versions.remove(&version) else { return };
        let context = context_of(subject);
        let id = stored.schema.id;
        let place = (id, subject.to_owned());
        if let Some(ids) = self.ids.get_mut(context)
            && ids.places.get(&place) == Some(&version)
        {
            // What was imported may be there once more, as another version.
            match versions.values().rev().find(|other| other.schema.id == id) {
                Some(other) => ids.places.insert(place, other.schema.version),
                None => ids.places.remove(&place),
            };
        }
        if versions.is_empty() {
            self.subjects.remove(subject);
        }
        self.removals += 1;
        for reference in self.references(&stored) {
            if let Some(referrers) = self.referrers.get_mut(&reference) {
                referrers.remove(&(context.to_owned(), id));
                if referrers.is_empty() {
                    self.referrers.remove(&reference);
                }
            }
        }
    }

    /// A subject of which nothing is left has neither config nor mode. Confluent's registry says
    /// so by records of their own.
    fn forget_rules_if_gone(&mut self, subject: &str, revision: Option<u64>) {
        if revision.is_some() && !self.subjects.contains_key(subject) {
            self.configs.remove(subject);
            self.modes.remove(subject);
            self.touch_own_rules(subject, revision);
        }
    }

    fn delete_subject(&mut self, subject: &str, value: &DeleteSubjectValue) {
        let Some(versions) = self.subjects.get_mut(subject) else { return };
        if value.permanent {
            let all: Vec<i32> = versions.range(..=value.version).map(|(v, _)| *v).collect();
            for version in all.into_iter().rev() {
                self.remove(subject, version);
            }
            return;
        }
        for (version, stored) in versions.range_mut(..=value.version) {
            if stored.deleted {
                continue;
            }
            Arc::make_mut(stored).deleted = true;
            let schema = &stored.schema;
            let ids = self.ids.entry(context_of(subject).to_owned()).or_default();
            ids.by_hash.insert(stored.hash, schema.id);
            ids.places.insert((schema.id, subject.to_owned()), *version);
        }
    }

    fn take_mode(
        &mut self,
        subject: &str,
        recursive: bool,
        value: Option<ModeValue>,
        revision: Option<u64>,
    ) {
        if value.as_ref().is_some_and(|value| value.clear) {
            let name = (!subject.is_empty()).then_some(subject);
            self.clear(name, revision);
        }
        match value.and_then(|value| Mode::named(value.mode.as_deref()?)) {
            Some(mode) => self.modes.insert(subject.to_owned(), mode),
            None => self.modes.remove(subject),
        };
        self.touch_own_rules(subject, revision);
        if recursive {
            let below: Vec<String> = self
                .modes
                .keys()
                .filter(|name| is_named_by(name, Some(subject)))
                .cloned()
                .collect();
            for name in below {
                self.modes.remove(&name);
                self.touch_own_rules(&name, revision);
            }
        }
    }

    /// Deleted versions of what is named go for good.
    fn clear(&mut self, name: Option<&str>, revision: Option<u64>) {
        let mut gone = BTreeMap::<String, Vec<i32>>::new();
        for (subject, versions) in &self.subjects {
            if is_named_by(subject, name) {
                let deleted = versions.values().filter(|stored| stored.deleted);
                let deleted: Vec<i32> = deleted.map(|stored| stored.schema.version).collect();
                if !deleted.is_empty() {
                    gone.insert(subject.clone(), deleted);
                }
            }
        }
        for (subject, versions) in gone {
            for version in versions {
                self.remove(&subject, version);
            }
            if let Some(revision) = revision {
                self.touch_subject(&subject, revision);
            }
        }
        let Self { ids, subjects, .. } = self;
        for ids in ids.values_mut() {
            ids.places.retain(|(_, subject), version| {
                !is_named_by(subject, name)
                    || subjects.get(subject).is_some_and(|known| known.contains_key(version))
            });
        }
    }
}
