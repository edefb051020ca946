//! What was found on the plugin path.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::cache::Facts;
use super::element::relative;
use super::kind::{DiscoveryMode, PluginKind};

/// A plugin: a class, as one kind. A class that is of two kinds is two plugins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Plugin {
    /// The binary name of the class, with `$` before the name of a nested class.
    pub class: String,
    /// Its kind.
    pub kind: PluginKind,
    /// Whether a manifest lists it as this kind.
    pub in_manifest: bool,
    /// Whether Kafka finds it without its manifest in mind, that is in the mode `only_scan`.
    pub in_scan: bool,
    /// The version that the class tells, once a JVM asked it.
    pub version: Option<String>,
    /// Why it can't be instantiated, once a JVM tried.
    pub fault: Option<String>,
}

impl Plugin {
    pub(crate) fn new(class: String, kind: PluginKind) -> Self {
        let (in_manifest, in_scan) = (false, false);
        Self { class, kind, in_manifest, in_scan, version: None, fault: None }
    }

    /// Whether this mode finds it.
    #[must_use]
    pub fn is_found_by(&self, mode: DiscoveryMode) -> bool {
        mode.scans() && self.in_scan || mode.loads_services() && self.in_manifest
    }
}

/// A location: plugins with a class loader of their own.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Location {
    /// Tells what is in it: SHA-256 of its archives' directories. Two locations that hold the same
    /// have the same.
    pub hash: String,
    /// A directory or an archive.
    pub path: PathBuf,
    /// The path as a URL, as Kafka's REST API shows it.
    pub url: String,
    /// The class path: URLs of archives, or of one directory of classes.
    pub urls: Vec<String>,
    /// The plugins that the mode finds, by class and kind.
    pub plugins: Vec<Plugin>,
    /// All that the cache knows, also what other modes find.
    pub(crate) facts: Facts,
}

/// What was found on the plugin path.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Found {
    /// All locations, also those without plugins.
    pub locations: Vec<Location>,
    /// What went wrong, in Kafka's words where it has some. None of it keeps the rest from working.
    pub warnings: Vec<String>,
}

/// Plugins without manifest in the mode `hybrid_fail`. The message is Kafka's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} To silence this error, set plugin.discovery=hybrid_warn in the worker config.")]
pub struct MissingManifests(String);

impl Found {
    /// All plugins with their locations.
    pub fn plugins(&self) -> impl Iterator<Item = (&Location, &Plugin)> {
        let all = self.locations.iter();
        all.flat_map(|location| location.plugins.iter().map(move |plugin| (location, plugin)))
    }

    /// What Kafka says of plugins without manifest: a warning in the mode `hybrid_warn`, a failure
    /// of the start in `hybrid_fail`. It names versions, so it is worth calling once they are known.
    ///
    /// # Errors
    /// In the mode `hybrid_fail` with plugins that no manifest lists.
    pub fn manifests(&self, mode: DiscoveryMode) -> Result<Option<String>, MissingManifests> {
        if !(mode.scans() && mode.loads_services()) {
            return Ok(None);
        }
        let usable = |plugin: &Plugin| !plugin.in_manifest && plugin.fault.is_none();
        let mut missing: Vec<_> = self.plugins().filter(|(_, plugin)| usable(plugin)).collect();
        if missing.is_empty() {
            let text = "All plugins have ServiceLoader manifests, consider reconfiguring \
                        plugin.discovery=service_load";
            return Ok(Some(text.to_owned()));
        }
        missing.sort_by_key(|(location, it)| (&it.class, &it.version, &location.url, it.kind));
        let lines = missing.iter().map(|(location, plugin)| {
            let version = plugin.version.as_deref().unwrap_or("undefined");
            format!("{}\t{}\t{}\t{version}", location.url, plugin.class, plugin.kind)
        });
        let lines = lines.collect::<Vec<_>>().join("\n");
        let message = format!(
            "One or more plugins are missing ServiceLoader manifests may not be usable with \
             plugin.discovery=service_load: [\n{lines}\n]\nRead the documentation at \
             https://kafka.apache.org/documentation.html#connect_plugindiscovery for instructions \
             on migrating your plugins to take advantage of the performance improvements of \
             service_load mode."
        );
        if mode == DiscoveryMode::HybridFail {
            return Err(MissingManifests(message));
        }
        let hint = "To silence this warning, set plugin.discovery=only_scan in the worker config.";
        Ok(Some(format!("{message} {hint}")))
    }
}

/// What is wrong with a location. It does not name the location's path: the same archives may be
/// found elsewhere another time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Problem {
    /// A class that a manifest lists is none that can be used.
    Manifest { kind: PluginKind, rest: String },
    /// A class of that kind can't be instantiated.
    Scan { kind: PluginKind, rest: String },
    /// Something can't be read.
    Unread { element: PathBuf, entry: String, reason: String },
}

/// Problems of a location that are told. A broken archive could have any number of them.
const PROBLEMS_MAX: usize = 200;
/// Characters of a text that comes from an archive.
const TEXT_MAX: usize = 1000;

/// The problems of a location, up to a limit.
#[derive(Debug, Default)]
pub(crate) struct Problems(Vec<Problem>);

impl Problems {
    pub(crate) fn push(&mut self, problem: Problem) {
        if self.0.len() < PROBLEMS_MAX {
            self.0.push(problem);
        }
    }

    pub(crate) fn into_vec(self) -> Vec<Problem> {
        self.0
    }
}

/// A text cut to a length fit for a log.
fn cut(text: &str) -> String {
    text.chars().take(TEXT_MAX).collect()
}

impl Problem {
    pub(crate) fn manifest(kind: PluginKind, rest: &str) -> Self {
        Self::Manifest { kind, rest: cut(rest) }
    }

    pub(crate) fn scan(kind: PluginKind, rest: &str) -> Self {
        Self::Scan { kind, rest: cut(rest) }
    }

    pub(crate) fn unread(location: &Path, element: &Path, entry: &str, reason: &str) -> Self {
        let element = relative(location, element).to_owned();
        Self::Unread { element, entry: cut(entry), reason: cut(reason) }
    }

    /// Whether it is one in this mode.
    pub(crate) fn matters_in(&self, mode: DiscoveryMode) -> bool {
        match self {
            Self::Manifest { kind, .. } => mode.loads_services() || !kind.is_scanned(),
            Self::Scan { .. } => mode.scans(),
            Self::Unread { .. } => true,
        }
    }

    /// The text, for the location at this path.
    pub(crate) fn text(&self, location: &Path) -> String {
        let shown = location.display();
        match self {
            Self::Manifest { kind, rest } | Self::Scan { kind, rest } => {
                format!("Failed to discover {} in {shown}{rest}", kind.simple_name())
            }
            Self::Unread { element, entry, reason } => {
                let is_itself = element.as_os_str().is_empty();
                let path = if is_itself { location.to_owned() } else { location.join(element) };
                let path = path.display();
                let of = if entry.is_empty() { String::new() } else { format!("{entry:?} of ") };
                format!("Could not read {of}{path}: {reason}. Ignoring.")
            }
        }
    }
}
