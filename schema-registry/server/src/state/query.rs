//! What can be asked of the state.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::State;
use crate::config::{Config, Mode};
use crate::model::Stored;
use crate::names::{
    DEFAULT_CONTEXT, GLOBAL_CONTEXT, Qualified, begins_with, context_of, context_prefix_of,
    is_named_by, prefix_of, qualify_with,
};
use crate::rights::Rights;

/// Which versions are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Deleted {
    /// Those that are not deleted.
    Without,
    /// All.
    With,
    /// Those that are.
    Only,
}

impl Deleted {
    /// Whether a version is meant.
    pub(crate) fn includes(self, deleted: bool) -> bool {
        match self {
            Self::Without => !deleted,
            Self::With => true,
            Self::Only => deleted,
        }
    }

    /// All, or those that are not deleted.
    pub(crate) fn with_if(with: bool) -> Self {
        if with { Self::With } else { Self::Without }
    }
}

impl State {
    /// How often something was removed.
    pub(crate) fn removals(&self) -> u64 {
        self.removals
    }

    /// A version of a subject, deleted or not.
    pub(crate) fn version(&self, subject: &str, version: i32) -> Option<&Arc<Stored>> {
        self.subjects.get(subject)?.get(&version)
    }

    /// A version of a subject: -1 is the latest that is not deleted.
    pub(crate) fn get(&self, subject: &str, version: i32, deleted: bool) -> Option<&Arc<Stored>> {
        if version == -1 {
            return self.latest(subject);
        }
        self.version(subject, version).filter(|stored| deleted || !stored.deleted)
    }

    /// The same, also in other contexts that may be seen, if the name has none.
    pub(crate) fn get_anywhere(
        &self,
        subject: &str,
        version: i32,
        deleted: bool,
        rights: &Rights,
    ) -> Option<Arc<Stored>> {
        if let Some(found) = self.get(subject, version, deleted) {
            return Some(Arc::clone(found));
        }
        let names = self.names_in_other_contexts(subject);
        let mut names = names.iter().filter(|name| rights.may_read(name));
        names.find_map(|name| self.get(name, version, deleted)).cloned()
    }

    /// What a name without a context is in each of the other contexts.
    pub(crate) fn names_in_other_contexts(&self, name: &str) -> Vec<String> {
        let Qualified { context, subject, .. } = Qualified::of(name);
        if context != DEFAULT_CONTEXT {
            return Vec::new();
        }
        self.contexts.iter().map(|context| prefix_of(context) + subject).collect()
    }

    /// The latest version that is not deleted.
    pub(crate) fn latest(&self, subject: &str) -> Option<&Arc<Stored>> {
        self.subjects.get(subject)?.values().rev().find(|stored| !stored.deleted)
    }

    /// All versions of a subject, oldest first.
    pub(crate) fn versions(&self, subject: &str, deleted: Deleted) -> Vec<Arc<Stored>> {
        let versions = self.subjects.get(subject).into_iter().flat_map(BTreeMap::values);
        versions.filter(|stored| deleted.includes(stored.deleted)).cloned().collect()
    }

    /// Whether something is named by a name: a subject, or the subjects of a context.
    pub(crate) fn has_subjects(&self, name: Option<&str>, deleted: bool) -> bool {
        let has = |versions: &super::Versions| deleted || versions.values().any(|v| !v.deleted);
        let exact = name.filter(|name| !Qualified::of(name).subject.is_empty());
        match exact {
            Some(name) => self.subjects.get(name).is_some_and(has),
            None => self
                .subjects
                .iter()
                .any(|(subject, versions)| is_named_by(subject, name) && has(versions)),
        }
    }

    /// Subjects whose versions are named by a name.
    pub(crate) fn subjects_named(&self, name: Option<&str>) -> Vec<String> {
        self.subjects.keys().filter(|subject| is_named_by(subject, name)).cloned().collect()
    }

    /// Subjects that begin so, in order; one is deleted if all its versions are.
    pub(crate) fn subjects(&self, prefix: &str, deleted: Deleted) -> Vec<String> {
        let is_deleted =
            |versions: &super::Versions| versions.values().all(|stored| stored.deleted);
        let found = self.subjects.iter().filter(|(subject, versions)| {
            begins_with(subject, prefix) && deleted.includes(is_deleted(versions))
        });
        found.map(|(subject, _)| subject.clone()).collect()
    }

    /// The contexts, the default one first.
    pub(crate) fn contexts(&self) -> Vec<String> {
        let others = self.contexts.iter().cloned();
        std::iter::once(DEFAULT_CONTEXT.to_owned()).chain(others).collect()
    }

    /// The config of exactly this name; an empty one is that of the default context.
    pub(crate) fn config(&self, name: &str) -> Option<&Arc<Config>> {
        self.configs.get(name)
    }

    /// The config that holds for a name.
    pub(crate) fn config_in_scope(&self, name: &str) -> Option<&Arc<Config>> {
        let chain = [name, &context_prefix_of(name), &prefix_of(GLOBAL_CONTEXT)];
        chain.into_iter().find_map(|name| self.configs.get(name))
    }

    /// The mode of exactly this name.
    pub(crate) fn mode(&self, name: &str) -> Option<Mode> {
        self.modes.get(name).copied()
    }

    /// The mode that holds for a name.
    pub(crate) fn mode_in_scope(&self, name: &str) -> Mode {
        let chain = [name, &context_prefix_of(name), &prefix_of(GLOBAL_CONTEXT)];
        let set = chain.into_iter().find_map(|name| self.modes.get(name));
        set.copied().unwrap_or(Mode::ReadWrite)
    }

    /// Subjects by their aliases, of the subjects that begin so.
    pub(crate) fn aliases(&self, prefix: &str) -> BTreeMap<String, Vec<String>> {
        let mut aliases = BTreeMap::<String, Vec<String>>::new();
        for (subject, config) in &self.configs {
            if let Some(alias) = &config.alias
                && begins_with(subject, prefix)
            {
                let name = qualify_with(subject, alias);
                aliases.entry(name).or_default().push(subject.clone());
            }
        }
        aliases
    }

    /// The highest id of a context.
    pub(crate) fn max_id(&self, context: &str) -> Option<i32> {
        self.ids.get(context)?.max
    }

    /// The id of a schema in a context.
    pub(crate) fn id_of(&self, context: &str, hash: &[u8; 16]) -> Option<i32> {
        let ids = self.ids.get(context)?;
        ids.by_hash.get(hash).copied().filter(|id| ids.places(*id).next().is_some())
    }

    /// In which subjects a schema is, as which version.
    pub(crate) fn places(&self, context: &str, id: i32) -> impl Iterator<Item = (&String, i32)> {
        self.ids.get(context).into_iter().flat_map(move |ids| ids.places(id))
    }

    /// Which version of a subject a schema is, if it is there.
    pub(crate) fn version_of_id(&self, context: &str, id: i32, subject: &str) -> Option<i32> {
        self.ids.get(context)?.places.get(&(id, subject.to_owned())).copied()
    }

    /// One place where a schema is that may be seen: in `subject`, if it is named.
    pub(crate) fn place_of(
        &self,
        context: &str,
        id: i32,
        subject: Option<&str>,
        rights: &Rights,
    ) -> Option<&Arc<Stored>> {
        let (subject, version) = match subject {
            Some(subject) if !rights.may_read(subject) => return None,
            Some(subject) => (subject, self.version_of_id(context, id, subject)?),
            None => self
                .places(context, id)
                .find(|(subject, _)| rights.may_read(subject))
                .map(|(subject, version)| (subject.as_str(), version))?,
        };
        self.version(subject, version)
    }

    /// A schema by its id: in the subject or context that a name names, or else in any that may
    /// be seen.
    pub(crate) fn by_id(&self, id: i32, name: &str, rights: &Rights) -> Option<Arc<Stored>> {
        let context = context_of(name);
        let subject = Qualified::of(name).subject;
        let in_subject = (!subject.is_empty()).then_some(name);
        let found = self.place_of(context, id, in_subject, rights).or_else(|| {
            in_subject.filter(|_| context == DEFAULT_CONTEXT)?;
            let others = self.names_in_other_contexts(name);
            let elsewhere = others
                .iter()
                .find_map(|name| self.place_of(context_of(name), id, Some(name), rights));
            elsewhere.or_else(|| self.place_of(context, id, None, rights))
        });
        found.cloned()
    }

    /// Where the schema of an id is that may be seen: subjects and versions.
    pub(crate) fn versions_of_id(
        &self,
        id: i32,
        name: &str,
        deleted: bool,
        rights: &Rights,
    ) -> Option<Vec<(String, i32)>> {
        let found = self.by_id(id, name, rights)?;
        let context = context_of(&found.schema.subject);
        let id = self.id_of(context, &found.hash)?;
        let is_meant = |subject: &String, version: i32| {
            let stored = self.version(subject, version);
            stored.is_some_and(|stored| deleted || !stored.deleted) && rights.may_read(subject)
        };
        let meant =
            self.places(context, id).filter(|(subject, version)| is_meant(subject, *version));
        Some(meant.map(|(subject, version)| (subject.clone(), version)).collect())
    }

    /// Contexts and ids of a schema by its guid.
    pub(crate) fn ids_of_guid(&self, hash: &[u8; 16]) -> Vec<(String, i32)> {
        let contexts = self.contexts().into_iter();
        let id = |context: String| Some((context.clone(), self.id_of(&context, hash)?));
        contexts.filter_map(id).collect()
    }

    /// Contexts and ids of the schemas that refer to a version.
    pub(crate) fn referrers(
        &self,
        subject: &str,
        version: i32,
        deleted: bool,
    ) -> BTreeSet<(String, i32)> {
        let all = self.referrers.get(&(subject.to_owned(), version));
        let mut all = all.cloned().unwrap_or_default();
        if !deleted {
            all.retain(|(context, id)| {
                let live = self.versions_of_id(*id, &prefix_of(context), false, &Rights::ALL);
                live.is_some_and(|live| !live.is_empty())
            });
        }
        all
    }

    /// Subjects with a version that refers to a version.
    pub(crate) fn referring_subjects(
        &self,
        subject: &str,
        version: i32,
        deleted: bool,
    ) -> BTreeSet<String> {
        let all = self.referrers(subject, version, true);
        let versions = all.iter().filter_map(|(context, id)| {
            self.versions_of_id(*id, &prefix_of(context), deleted, &Rights::ALL)
        });
        versions.flatten().map(|(subject, _)| subject).collect()
    }
}
