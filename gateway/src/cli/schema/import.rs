//! `gantry schema import`

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use gantry_schema_registry::names::prefix_of;
use serde_json::{Map, Value as Json};

use super::args::ImportArgs;
use super::dump;
use super::import_mode::{Modes, left_open, set};
use super::interrupt::Interrupt;
use super::model::{Contents, Version};
use super::parallel::{Progress, in_parallel, lock};
use super::registry::{Registry, Rule, VERSION_SOFT_DELETED, subject_path, version_path};
use super::survey::{Survey, place_text};
use crate::cli::args::WorkerUrl;
use crate::cli::client::Failure;
use crate::cli::output::{complain, say};

/// More refusals than these mean that something is wrong with all of it.
const REFUSALS_MAX: usize = 100;

/// Runs an import.
pub(super) fn run(target: &WorkerUrl, args: &ImportArgs) -> Result<(), String> {
    let target = Registry::new(target)?;
    let source = match args.source() {
        Some(from) => {
            let from = Registry::source(&from)?;
            if from.client.base() == target.client.base() {
                return Err(format!("--from and --to are both {}", from.client.base()));
            }
            from.contents().map_err(|why| format!("--from: {why}"))?
        }
        None => dump::read(Path::new(&args.from))?,
    };
    for note in &source.notes {
        complain(format!("note: {note}"));
    }
    let before = Survey::of(&target, &source)?;
    before.check(args.force)?;
    let interrupt = Interrupt::watch()?;
    let import = Import {
        target: &target,
        source: &source,
        before: &before,
        interrupt: &interrupt,
        refusals: Mutex::default(),
        registered: AtomicUsize::new(0),
        deleted: AtomicUsize::new(0),
    };
    import.schemas()?;
    let kept = import.rules()?;
    import.summary(&kept)
}

/// An import under way.
struct Import<'a> {
    target: &'a Registry,
    source: &'a Contents,
    /// What was there before.
    before: &'a Survey,
    interrupt: &'a Interrupt,
    /// What the target did not take.
    refusals: Mutex<Vec<String>>,
    registered: AtomicUsize,
    deleted: AtomicUsize,
}

impl Import<'_> {
    /// Registers and deletes what is missing. The target's modes are afterwards what they were.
    fn schemas(&self) -> Result<(), String> {
        let levels = self.source.levels()?;
        // What was deleted there, but is not in the source, is registered once more.
        let is_missing = |version: &&Version| {
            let deleted = self.before.there.get(&version.place());
            deleted.is_none_or(|deleted| *deleted && !version.is_deleted())
        };
        let is_live = |version: &&Version| {
            version.is_deleted() && self.before.there.get(&version.place()) != Some(&true)
        };
        let missing: Vec<Vec<&Version>> =
            levels.iter().map(|level| level.iter().copied().filter(is_missing).collect()).collect();
        let live: Vec<Vec<&Version>> =
            levels.iter().map(|level| level.iter().copied().filter(is_live).collect()).collect();
        self.check_aliases(missing.iter().flatten())?;
        let mut modes = Modes::default();
        let names = self.names_to_open(missing.iter().flatten().copied());
        let outcome = modes
            .open(self.target, &names, !self.before.is_empty(), self.interrupt)
            .and_then(|()| self.register(&missing))
            .and_then(|()| self.delete(&live));
        match (outcome, modes.restore(self.target)) {
            (Ok(()), restored) => restored,
            (Err(error), Ok(())) => Err(format!("{error}. Run it again to go on")),
            (Err(error), Err(mode)) => Err(format!("{error}. Run it again to go on. {mode}")),
        }
    }

    /// Whose mode must be IMPORT: contexts, or only the subjects where others use the target.
    fn names_to_open<'v>(&self, versions: impl Iterator<Item = &'v Version>) -> Vec<String> {
        let is_shared = self.before.is_shared();
        let name = |version: &Version| {
            if is_shared { version.subject.clone() } else { prefix_of(version.context()) }
        };
        versions.map(name).collect::<BTreeSet<String>>().into_iter().collect()
    }

    /// What is registered under a subject with an alias goes to another subject.
    fn check_aliases<'v>(
        &self,
        missing: impl Iterator<Item = &'v &'v Version>,
    ) -> Result<(), String> {
        let alias_of = |config: &Json| {
            let alias = config.get("alias").and_then(Json::as_str).filter(|name| !name.is_empty());
            alias.map(str::to_owned)
        };
        let may_have_one = |subject: &&str| {
            self.before.is_shared()
                || self.source.configs.get(*subject).is_some_and(|c| alias_of(c).is_some())
        };
        let subjects: BTreeSet<&str> = missing.map(|version| version.subject.as_str()).collect();
        let subjects: Vec<&str> = subjects.into_iter().filter(may_have_one).collect();
        in_parallel(&subjects, |subject| {
            let config = self.target.set_for(Rule::Config, subject)?;
            match config.as_ref().and_then(alias_of) {
                None => Ok(()),
                Some(alias) => Err(format!(
                    "in the target {subject} is an alias of {alias}, so that nothing can be \
                     registered under it: DELETE {} there, and run it again",
                    Rule::Config.path(subject)
                )),
            }
        })?;
        Ok(())
    }

    fn register(&self, levels: &[Vec<&Version>]) -> Result<(), String> {
        let count = levels.iter().map(Vec::len).sum();
        let progress = Progress::new("versions registered", count);
        for level in levels {
            in_parallel(&by_subject(level), |versions| {
                for version in versions {
                    self.interrupt.check()?;
                    let path = format!("{}/versions", subject_path(&version.subject));
                    let answer = self.target.patiently("POST", &path, Some(&body(version)));
                    let answer = self.unless_refused(version, answer)?;
                    if let Some(answer) = answer {
                        check_id(version, &answer)?;
                        self.registered.fetch_add(1, Ordering::Relaxed);
                    }
                    progress.step();
                }
                Ok(())
            })?;
        }
        Ok(())
    }

    /// What refers to something is deleted before it.
    fn delete(&self, levels: &[Vec<&Version>]) -> Result<(), String> {
        let count = levels.iter().map(Vec::len).sum();
        let progress = Progress::new("versions deleted", count);
        for level in levels.iter().rev() {
            in_parallel(&by_subject(level), |versions| {
                for version in versions {
                    self.interrupt.check()?;
                    let path = version_path(&version.subject, &version.version.to_string());
                    let answer = match self.target.patiently("DELETE", &path, None) {
                        // A request that was repeated had come through.
                        Err(Failure::Refused(refusal)) if refusal.code == VERSION_SOFT_DELETED => {
                            Ok(Json::Null)
                        }
                        answer => answer,
                    };
                    if self.unless_refused(version, answer)?.is_some() {
                        self.deleted.fetch_add(1, Ordering::Relaxed);
                    }
                    progress.step();
                }
                Ok(())
            })?;
        }
        Ok(())
    }

    /// The answer; a refusal is noted, and the others are gone on with.
    fn unless_refused(
        &self,
        version: &Version,
        answer: Result<Json, Failure>,
    ) -> Result<Option<Json>, String> {
        match answer {
            Ok(answer) => Ok(Some(answer)),
            // Who is not known is not for any version, and a registry in trouble is not either.
            Err(Failure::Refused(refusal)) if matches!(refusal.status, 400 | 402 | 404..=499) => {
                self.refuse(version, &refusal.message)?;
                Ok(None)
            }
            Err(failure) => Err(format!(
                "{}: {}",
                place_text(&version.subject, version.version),
                String::from(failure)
            )),
        }
    }

    fn refuse(&self, version: &Version, why: &str) -> Result<(), String> {
        let mut refusals = lock(&self.refusals);
        let refusal =
            format!("{} (id {}): {why}", place_text(&version.subject, version.version), version.id);
        complain(&refusal);
        refusals.push(refusal);
        if refusals.len() < REFUSALS_MAX {
            return Ok(());
        }
        Err(format!("the target refuses more than {REFUSALS_MAX} versions, as shown above"))
    }

    /// Sets configs, then modes: one that forbids writing forbids a config as well. Gives those
    /// that were left as they were.
    fn rules(&self) -> Result<Vec<String>, String> {
        let mut kept = Vec::new();
        let configs = self.source.configs.iter().map(|(name, value)| (name, config_body(value)));
        self.set_all(Rule::Config, configs.collect(), &mut kept)?;
        let mode = |mode: &String| serde_json::json!({ "mode": mode });
        let modes = self.source.modes.iter().map(|(name, value)| (name, mode(value)));
        self.set_all(Rule::Mode, modes.collect(), &mut kept)?;
        Ok(kept)
    }

    fn set_all(
        &self,
        rule: Rule,
        wanted: Vec<(&String, Json)>,
        kept: &mut Vec<String>,
    ) -> Result<(), String> {
        let outcomes = in_parallel(&wanted, |(name, body)| {
            self.interrupt.check()?;
            let found: Json = match self.target.patiently("GET", &rule.path(name), None) {
                Ok(found) => found,
                Err(Failure::Refused(refusal)) if refusal.status == 404 => Json::Null,
                Err(failure) => return Err(failure.into()),
            };
            if config_body(&found) == *body {
                return Ok(None);
            }
            if self.before.is_of_others(name) {
                return Ok(Some(format!("{} stays as it is: others use it", rule.path(name))));
            }
            set(self.target, rule, name, body)?;
            Ok(None)
        })?;
        kept.extend(outcomes.into_iter().flatten());
        Ok(())
    }

    /// Compares once more, and says what came of it.
    fn summary(&self, kept: &[String]) -> Result<(), String> {
        let after = Survey::of(self.target, self.source)?;
        let count = self.source.versions.len();
        let deleted = self.source.versions.values().filter(|version| version.is_deleted()).count();
        let (registered, newly_deleted) =
            (self.registered.load(Ordering::Relaxed), self.deleted.load(Ordering::Relaxed));
        say(format!(
            "source: {count} version(s) of {} subject(s) in {} context(s), {deleted} of them deleted",
            self.source.subjects().len(),
            self.source.contexts.len() + 1,
        ))?;
        say(format!(
            "target: {registered} registered, {newly_deleted} deleted, {} were there; {} \
             config(s) and {} mode(s) of the source",
            self.before.there.len(),
            self.source.configs.len(),
            self.source.modes.len(),
        ))?;
        for (name, mode) in self.source.modes.iter().filter(|(_, mode)| *mode != "READWRITE") {
            say(format!("note: {} is {mode}, as in the source", Rule::Mode.path(name)))?;
        }
        let mut names = self.names_to_open(self.source.versions.values());
        names.retain(|name| !self.source.modes.contains_key(name));
        let open = left_open(self.target, &names)?;
        for note in kept.iter().chain(&after.notes).chain(&open) {
            say(format!("note: {note}"))?;
        }
        if after.is_shared() {
            say(format!("note: the target has {} other version(s)", after.others()))?;
        }
        let differences = after.differences(self.source);
        if differences.is_empty() {
            return say(format!(
                "compared: subjects, versions, ids, deleted states and schemas of all {count} \
                 version(s) are the same"
            ));
        }
        Err(format!(
            "the target is not the same as the source, {} refusal(s) were shown above:\n  {}",
            lock(&self.refusals).len(),
            differences.join("\n  ")
        ))
    }
}

/// A registry that gives its own ids is told at once: nothing of the rest would be right.
fn check_id(version: &Version, answer: &Json) -> Result<(), String> {
    let given = answer.get("id").and_then(Json::as_i64).unwrap_or_default();
    if given == i64::from(version.id) {
        return Ok(());
    }
    Err(format!(
        "the target gave {} the id {given} instead of {}: it does not take ids as they are, so \
         that nothing can be imported there",
        place_text(&version.subject, version.version),
        version.id
    ))
}

/// The versions of one subject stay in their order.
fn by_subject<'v>(level: &[&'v Version]) -> Vec<Vec<&'v Version>> {
    let mut groups = std::collections::BTreeMap::<&str, Vec<&Version>>::new();
    for version in level {
        groups.entry(&version.subject).or_default().push(version);
    }
    let mut groups: Vec<Vec<&Version>> = groups.into_values().collect();
    groups.iter_mut().for_each(|group| group.sort_by_key(|version| version.version));
    groups
}

/// What registers a version with its id.
fn body(version: &Version) -> Json {
    let mut body = serde_json::json!({
        "id": version.id,
        "version": version.version,
        "schemaType": version.schema_type(),
        "schema": version.schema,
    });
    if !version.references.is_empty() {
        body["references"] = serde_json::json!(version.references);
    }
    if let Some(metadata) = &version.metadata {
        body["metadata"] = metadata.clone();
    }
    if let Some(rules) = &version.rule_set {
        body["ruleSet"] = rules.clone();
    }
    body
}

/// A config as it is set: the level has another name there than where it is shown.
fn config_body(config: &Json) -> Json {
    let members = config.as_object().into_iter().flatten();
    let renamed = members.map(|(name, value)| {
        let is_level = name == "compatibilityLevel";
        (if is_level { "compatibility" } else { name }.to_owned(), value.clone())
    });
    Json::Object(renamed.collect::<Map<_, _>>())
}
