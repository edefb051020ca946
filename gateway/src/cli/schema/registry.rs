//! A schema registry, as its REST API shows it.

use std::collections::{BTreeMap, HashSet};
use std::thread;
use std::time::Duration;

use gantry_schema_registry::names::{DEFAULT_CONTEXT, GLOBAL_CONTEXT, prefix_of};
use serde::de::DeserializeOwned;
use serde_json::Value as Json;

use super::model::{Contents, Place, Version};
use super::parallel::{Progress, in_parallel};
use crate::cli::args::WorkerUrl;
use crate::cli::client::{Client, Failure, Refusal};
use crate::rest::encode_segment;

/// So many schemas are asked for at once: Confluent gives no more.
const PAGE: usize = 1_000;
/// All contexts, in front of a prefix of subjects.
const ALL_CONTEXTS: &str = ":*:";
/// So often a request is repeated, each time after twice as long.
const RETRIES: u32 = 5;
const RETRY_PAUSE: Duration = Duration::from_millis(250);
/// A version that is not there was deleted softly.
pub(super) const VERSION_SOFT_DELETED: u64 = 40406;
pub(super) const SUBJECT_SOFT_DELETED: u64 = 40404;
/// Something refers to what is to be deleted.
pub(super) const REFERENCE_EXISTS: u64 = 42206;

/// A registry.
pub(super) struct Registry {
    pub(super) client: Client,
}

/// Configs and modes are read and written alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rule {
    Config,
    Mode,
}

impl Rule {
    /// The path of what holds for a name; an empty name is the default context.
    pub(super) fn path(self, name: &str) -> String {
        let kind = match self {
            Self::Config => "config",
            Self::Mode => "mode",
        };
        if name.is_empty() {
            format!("/{kind}")
        } else {
            format!("/{kind}/{}", encode_segment(name))
        }
    }

    /// What holds where nothing is set, as far as a registry can be asked.
    fn is_default(self, value: &Json) -> bool {
        match self {
            Self::Config => *value == serde_json::json!({"compatibilityLevel": "BACKWARD"}),
            Self::Mode => mode_of(value) == "READWRITE",
        }
    }
}

/// The mode that an answer names.
pub(super) fn mode_of(answer: &Json) -> &str {
    answer.get("mode").and_then(Json::as_str).unwrap_or_default()
}

/// The path of a subject.
pub(super) fn subject_path(subject: &str) -> String {
    format!("/subjects/{}", encode_segment(subject))
}

/// The path of a version of a subject.
pub(super) fn version_path(subject: &str, version: &str) -> String {
    format!("{}/versions/{version}", subject_path(subject))
}

/// Whether the other side does not have what was asked for.
pub(super) fn is_missing(refusal: &Refusal) -> bool {
    matches!(refusal.status, 404 | 405)
}

impl Registry {
    /// The registry that the command line names.
    pub(super) fn new(at: &WorkerUrl) -> Result<Self, String> {
        Ok(Self { client: Client::of_registry(at)? })
    }

    /// The registry that the command line names as the one to import from.
    pub(super) fn source(at: &WorkerUrl) -> Result<Self, String> {
        Ok(Self { client: Client::of_source(at)? })
    }

    /// What an answer holds.
    pub(super) fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Failure> {
        read(path, self.client.json("GET", path, None)?)
    }

    /// The same, where a failure that may pass is not the end.
    fn get_patiently<T: DeserializeOwned>(&self, path: &str) -> Result<T, Failure> {
        read(path, self.patiently("GET", path, None)?)
    }

    /// A request that does no harm when it is repeated: it is, while nobody answers or the
    /// registry has a trouble that may pass.
    pub(super) fn patiently(
        &self,
        method: &str,
        path: &str,
        body: Option<&Json>,
    ) -> Result<Json, Failure> {
        let mut pause = RETRY_PAUSE;
        for _ in 0..RETRIES {
            match self.client.json(method, path, body) {
                Err(Failure::Lost(_)) => {}
                Err(Failure::Refused(refusal)) if matches!(refusal.status, 429 | 500..) => {}
                outcome => return outcome,
            }
            thread::sleep(pause);
            pause *= 2;
        }
        self.client.json(method, path, body)
    }

    /// The latest version of each subject that begins so.
    pub(super) fn latest(&self, prefix: &str, deleted: bool) -> Result<Vec<Version>, Failure> {
        let query = if deleted { "latestOnly=true&deleted=true" } else { "latestOnly=true" };
        let mut found = BTreeMap::new();
        self.pages(prefix, query, &mut |version| {
            found.insert(version.subject.clone(), version);
            Ok(())
        })?;
        Ok(found.into_values().collect())
    }

    /// Gives each version of all contexts to `take`, deleted ones as well.
    pub(super) fn each_version(
        &self,
        take: &mut dyn FnMut(Version) -> Result<(), String>,
    ) -> Result<(), String> {
        let mut live: Option<HashSet<Place>> = None;
        self.pages(ALL_CONTEXTS, "deleted=true", &mut |mut version| {
            if version.deleted.is_none() {
                // Older registries do not say which are deleted: those that are not listed else.
                if live.is_none() {
                    live = Some(self.live()?);
                }
                version.deleted = live.as_ref().map(|live| !live.contains(&version.place()));
            }
            take(version).map_err(Failure::Lost)
        })?;
        Ok(())
    }

    fn live(&self) -> Result<HashSet<Place>, Failure> {
        let mut live = HashSet::new();
        self.pages(ALL_CONTEXTS, "", &mut |version| {
            live.insert(version.place());
            Ok(())
        })?;
        Ok(live)
    }

    /// Gives each schema of a listing to `take`, once.
    fn pages(
        &self,
        prefix: &str,
        query: &str,
        take: &mut dyn FnMut(Version) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let prefix_query = encode_segment(prefix);
        let mut seen = HashSet::new();
        let mut offset = 0;
        loop {
            let path = format!(
                "/schemas?subjectPrefix={prefix_query}&{query}&offset={offset}&limit={PAGE}"
            );
            let page = match self.page(&path, offset) {
                Err(Failure::Refused(refusal)) if offset == 0 && is_missing(&refusal) => Vec::new(),
                page => page?,
            };
            // Apicurio lists texts alone, older registries of Confluent know no contexts.
            if offset == 0 && page.first().is_none_or(|first| first.get("subject").is_none()) {
                return self.one_by_one(prefix, query, take);
            }
            let (count, before) = (page.len(), seen.len());
            for version in page {
                let version = read::<Version>(&path, version)?.settled();
                if seen.insert(version.place()) {
                    take(version)?;
                }
            }
            // Registries that know no pages give all of it, again and again.
            if seen.len() == before || count > PAGE {
                return Ok(());
            }
            offset += count;
        }
    }

    /// The first page tells whether there is a registry at all.
    fn page(&self, path: &str, offset: usize) -> Result<Vec<Json>, Failure> {
        if offset == 0 { self.get(path) } else { self.get_patiently(path) }
    }

    /// The listing of a registry that has none.
    fn one_by_one(
        &self,
        prefix: &str,
        query: &str,
        take: &mut dyn FnMut(Version) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let deleted = if query.contains("deleted=true") { "?deleted=true" } else { "" };
        let latest_only = query.contains("latestOnly");
        let mut subjects: Vec<String> = self.get_patiently(&format!("/subjects{deleted}"))?;
        // Not all of them know prefixes.
        let prefix = prefix.strip_prefix(ALL_CONTEXTS).unwrap_or(prefix);
        subjects.retain(|subject| subject.starts_with(prefix));
        for part in subjects.chunks(PAGE) {
            let found =
                in_parallel(part, |subject| Ok(self.versions_of(subject, deleted, latest_only)?));
            for version in found.map_err(Failure::Lost)?.into_iter().flatten() {
                take(version)?;
            }
        }
        Ok(())
    }

    fn versions_of(
        &self,
        subject: &str,
        deleted: &str,
        latest_only: bool,
    ) -> Result<Vec<Version>, Failure> {
        let path = format!("{}/versions{deleted}", subject_path(subject));
        let mut versions: Vec<i32> = self.get_patiently(&path)?;
        if latest_only {
            versions = versions.into_iter().max().into_iter().collect();
        }
        let get = |version: i32| {
            let path = version_path(subject, &version.to_string()) + deleted;
            self.get_patiently(&path).map(Version::settled)
        };
        versions.into_iter().map(get).collect()
    }

    /// What is set for a name itself: not what holds for it because of another one.
    pub(super) fn set_for(&self, rule: Rule, name: &str) -> Result<Option<Json>, String> {
        let path = rule.path(name);
        let found = match self.patiently("GET", &path, None) {
            Ok(found) => found,
            Err(Failure::Refused(refusal)) if matches!(refusal.status, 404 | 405 | 422) => {
                return Ok(None);
            }
            Err(failure) => return Err(failure.into()),
        };
        // These two always have an answer.
        if name == prefix_of(GLOBAL_CONTEXT) && rule.is_default(&found) {
            return Ok(None);
        }
        if name.is_empty() {
            let path = format!("{path}?defaultToGlobal=true");
            if self.patiently("GET", &path, None)? != found {
                return Ok(None);
            }
        }
        Ok(Some(found))
    }

    /// What holds for a name.
    pub(super) fn level(&self, subject: &str) -> Result<String, Failure> {
        let path = format!("{}?defaultToGlobal=true", Rule::Config.path(subject));
        let config: Json = match self.get(&path) {
            // Not all registries know the parameter.
            Err(Failure::Refused(refusal)) if is_missing(&refusal) => {
                self.get(&Rule::Config.path(""))?
            }
            config => config?,
        };
        let level = config.get("compatibilityLevel").or_else(|| config.get("compatibility"));
        Ok(level.and_then(Json::as_str).unwrap_or_default().to_owned())
    }

    /// All that the registry knows.
    pub(super) fn contents(&self) -> Result<Contents, String> {
        let mut contents = Contents::default();
        self.each_version(&mut |version| {
            contents.versions.insert(version.place(), version);
            Ok(())
        })?;
        let contexts = contents.versions.values().map(|version| version.context().to_owned());
        contents.contexts = contexts.collect();
        match self.get_patiently::<Vec<String>>("/contexts") {
            // Apicurio writes them with colons.
            Ok(contexts) => {
                let bare = contexts.iter().map(|context| context.trim_matches(':').to_owned());
                contents.contexts.extend(bare);
            }
            Err(Failure::Refused(refusal)) if is_missing(&refusal) => {}
            Err(failure) => return Err(failure.into()),
        }
        contents.contexts.retain(|context| context != DEFAULT_CONTEXT);
        let mut names = vec![String::new(), prefix_of(GLOBAL_CONTEXT)];
        names.extend(contents.contexts.iter().map(|context| prefix_of(context)));
        names.extend(contents.subjects().into_iter().map(str::to_owned));
        let progress = Progress::new("configs and modes read", names.len());
        let rules = in_parallel(&names, |name| {
            let config = self.set_for(Rule::Config, name)?;
            let mode = self.set_for(Rule::Mode, name)?;
            progress.step();
            Ok((config, mode))
        })?;
        for (name, (config, mode)) in names.into_iter().zip(rules) {
            if let Some(mode) = mode {
                contents.modes.insert(name.clone(), mode_of(&mode).to_owned());
            }
            if let Some(config) = config {
                contents.configs.insert(name, config);
            }
        }
        Ok(contents)
    }
}

fn read<T: DeserializeOwned>(path: &str, answer: Json) -> Result<T, Failure> {
    serde_json::from_value(answer).map_err(|error| {
        Failure::Lost(format!(
            "the answer to GET {path} is not what a schema registry gives: {error}"
        ))
    })
}
