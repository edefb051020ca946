//! What a registry has of what another one has.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use gantry_schema_registry::names::{GLOBAL_CONTEXT, context_of, prefix_of};

use super::model::{Contents, Likeness, Place, Version};
use super::registry::Registry;

/// So many are named at most, of each kind.
const NAMED_MAX: usize = 20;

/// A version, as messages call it.
pub(super) fn place_text(subject: &str, version: i32) -> String {
    format!("{subject} version {version}")
}

/// What a registry has of a source, and what else.
#[derive(Debug, Default)]
pub(super) struct Survey {
    /// What it has under the same id, and whether it is deleted there.
    pub(super) there: HashMap<Place, bool>,
    /// What contradicts the source.
    conflicts: Vec<String>,
    /// What the source does not have: how many versions by subjects.
    others: BTreeMap<String, usize>,
    /// Contexts with something that the source does not have.
    contexts_of_others: BTreeSet<String>,
    /// What is to be known, but no contradiction.
    pub(super) notes: Vec<String>,
}

impl Survey {
    /// Looks through a registry.
    pub(super) fn of(target: &Registry, source: &Contents) -> Result<Self, String> {
        let ids =
            source.versions.values().map(|version| ((version.context(), version.id), version));
        let ids: HashMap<(&str, i32), &Version> = ids.collect();
        let mut survey = Self::default();
        let mut forms = 0;
        target.each_version(&mut |found| {
            let place = found.place();
            if let Some(wanted) = source.versions.get(&place) {
                match conflict(wanted, &found) {
                    Some(conflict) => survey.conflicts.push(conflict),
                    None => {
                        forms += usize::from(wanted.likeness(&found) == Likeness::OtherForm);
                        survey.there.insert(place, found.is_deleted());
                    }
                }
                return Ok(());
            }
            let same_id = ids.get(&(found.context(), found.id));
            if let Some(wanted) = same_id.filter(|wanted| is_other(wanted, &found)) {
                survey.conflicts.push(format!(
                    "id {}: {} in the source, another schema in the target, {}",
                    found.id,
                    place_text(&wanted.subject, wanted.version),
                    place_text(&found.subject, found.version),
                ));
            }
            survey.contexts_of_others.insert(found.context().to_owned());
            *survey.others.entry(found.subject).or_insert(0) += 1;
            Ok(())
        })?;
        if forms > 0 {
            survey.notes.push(format!(
                "{forms} schema(s) have the same JSON, but the target writes it in another form: \
                 their guids differ"
            ));
        }
        Ok(survey)
    }

    /// Whether the registry has nothing at all.
    pub(super) fn is_empty(&self) -> bool {
        self.there.is_empty() && self.others.is_empty() && self.conflicts.is_empty()
    }

    /// Whether the registry has what the source does not have.
    pub(super) fn is_shared(&self) -> bool {
        !self.others.is_empty()
    }

    /// How many versions it has that the source does not have.
    pub(super) fn others(&self) -> usize {
        self.others.values().sum()
    }

    /// Whether a config or mode is about schemas that the source does not have.
    pub(super) fn is_of_others(&self, name: &str) -> bool {
        match context_of(name) {
            GLOBAL_CONTEXT => self.is_shared(),
            context if name == prefix_of(context) => self.contexts_of_others.contains(context),
            _ => self.others.contains_key(name),
        }
    }

    /// Whether the source can come into the registry.
    pub(super) fn check(&self, force: bool) -> Result<(), String> {
        if !self.conflicts.is_empty() {
            return Err(format!(
                "nothing was imported, {} version(s) of the target contradict the source:\n  {}\n\
                 Delete them in the target for good, or import into another registry",
                self.conflicts.len(),
                some(&self.conflicts),
            ));
        }
        if self.is_shared() && !force {
            let count = self.others();
            let names: Vec<String> = self.others.keys().cloned().collect();
            return Err(format!(
                "nothing was imported: the target has {count} version(s) that the source does not \
                 have, of these subjects:\n  {}\nImport into an empty registry, or beside them with \
                 --force. The subjects that are imported are then in IMPORT mode for a while",
                some(&names)
            ));
        }
        Ok(())
    }

    /// What the registry does not have as the source has it, after an import.
    pub(super) fn differences(&self, source: &Contents) -> Vec<String> {
        let mut differences = self.conflicts.clone();
        let mut counts = BTreeMap::<&str, (usize, usize)>::new();
        for (place, version) in &source.versions {
            let count = counts.entry(&place.0).or_default();
            count.0 += 1;
            match self.there.get(place) {
                None => differences.push(format!(
                    "{} (id {}) is missing",
                    place_text(&place.0, place.1),
                    version.id
                )),
                Some(deleted) => {
                    count.1 += 1;
                    if *deleted != version.is_deleted() {
                        let state = |deleted| if deleted { "deleted" } else { "not deleted" };
                        differences.push(format!(
                            "{} is {} in the source and {} in the target",
                            place_text(&place.0, place.1),
                            state(version.is_deleted()),
                            state(*deleted)
                        ));
                    }
                }
            }
        }
        for (subject, (wanted, found)) in counts.into_iter().filter(|(_, (w, f))| w != f) {
            differences.push(format!("{subject} has {found} of {wanted} version(s)"));
        }
        if differences.len() > NAMED_MAX { vec![some(&differences)] } else { differences }
    }
}

/// The first ones, and how many more there are.
fn some(all: &[String]) -> String {
    let mut named = all.iter().take(NAMED_MAX).cloned().collect::<Vec<_>>();
    if all.len() > NAMED_MAX {
        named.push(format!("and {} more", all.len() - NAMED_MAX));
    }
    named.join("\n  ")
}

fn is_other(wanted: &Version, found: &Version) -> bool {
    matches!(wanted.likeness(found), Likeness::Different(_))
}

/// What keeps a version of the target from being that of the source.
fn conflict(wanted: &Version, found: &Version) -> Option<String> {
    let place = place_text(&wanted.subject, wanted.version);
    if wanted.id != found.id {
        let (ours, theirs) = (wanted.id, found.id);
        return Some(format!("{place}: id {ours} in the source, id {theirs} in the target"));
    }
    match wanted.likeness(found) {
        Likeness::Different(what) => Some(format!(
            "{place}: id {} in both, but the {what} of the schema is not the same",
            wanted.id
        )),
        _ => None,
    }
}
