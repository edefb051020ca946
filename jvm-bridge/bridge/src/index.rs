//! The index of Kafka Connect plugins: which classes on `plugin.path` are plugins.
//!
//! It reads archives and class files itself, without a JVM, and finds what Kafka 4.3.1 finds. What
//! it found is kept in a cache, so that a worker that starts again need not inflate anything. What
//! takes a JVM to know (versions, and whether a plugin can be instantiated) is not guessed: the
//! caller asks a JVM and [tells the index](Index::learn).
//!
//! Three things that Kafka does are left out: archives that another one's manifest names in its
//! `Class-Path` are not followed, classes for newer versions of Java (`META-INF/versions`) are not
//! read, and nothing besides Kafka's own jars is assumed on the worker's class path.

mod cache;
mod class_file;
mod discover;
mod element;
mod found;
mod graph;
mod inflate;
mod isolation;
mod kind;
mod locate;
mod parent;
mod scan;
mod services;
mod zip;

#[cfg(test)]
mod tests;

use std::path::PathBuf;

pub use cache::CacheError;
pub use found::{Found, Location, MissingManifests, Plugin};
pub use kind::{DiscoveryMode, PluginKind, UnknownMode};

use cache::{Cache, Facts};
use found::Problem;
use locate::Place;

/// What a JVM found out about a class.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Learned {
    /// The binary name of the class.
    pub class: String,
    /// Its version, if it tells one.
    pub version: Option<String>,
    /// Why it can't be instantiated, if it can't.
    pub fault: Option<String>,
}

/// Finds plugins, and remembers them in files.
#[derive(Clone, Debug)]
pub struct Index {
    cache: Cache,
}

impl Index {
    /// An index with its cache in that directory, which is made when it is needed.
    #[must_use]
    pub fn open(cache: impl Into<PathBuf>) -> Self {
        Self { cache: Cache::new(cache.into()) }
    }

    /// What is on the plugin path now. Blocks while it reads files.
    #[must_use]
    pub fn look(&self, plugin_path: &[PathBuf], mode: DiscoveryMode) -> Found {
        let mut warnings = Vec::new();
        let places = locate::places(plugin_path, &mut warnings);
        let look = |place| self.look_at(place, mode, &mut warnings);
        let locations = places.into_iter().map(look).collect();
        Found { locations, warnings }
    }

    fn look_at(&self, place: Place, mode: DiscoveryMode, warnings: &mut Vec<String>) -> Location {
        let (elements, errors) = element::open(&place);
        for (path, error) in errors {
            let problem = Problem::unread(&place.path, &path, "", &error.to_string());
            warnings.push(problem.text(&place.path));
        }
        let hash = element::hash(&place, &elements);
        let facts = self.cache.load(&hash).unwrap_or_else(|| {
            let found = scan::scan(&place.path, &elements);
            let facts = Facts { plugins: found.plugins, problems: found.problems };
            let saved = if found.is_partial { Ok(()) } else { self.cache.save(&hash, &facts) };
            warnings.extend(saved.err().map(|error| error.to_string()));
            facts
        });
        let problems = facts.problems.iter().filter(|problem| problem.matters_in(mode));
        warnings.extend(problems.map(|problem| problem.text(&place.path)));
        let plugins = facts.plugins.iter().filter(|plugin| plugin.is_found_by(mode));
        let plugins = plugins.cloned().collect();
        let url = locate::url(&place.path);
        let urls = place.elements.iter().map(|path| locate::url(path)).collect();
        Location { hash, path: place.path, url, urls, plugins, facts }
    }

    /// Takes over what a JVM found out about classes of a location, and keeps it.
    ///
    /// # Errors
    /// If the cache can't be written. The location has it all the same.
    pub fn learn(&self, location: &mut Location, learned: &[Learned]) -> Result<(), CacheError> {
        for Learned { class, version, fault } in learned {
            let all = location.plugins.iter_mut().chain(&mut location.facts.plugins);
            for plugin in all.filter(|plugin| plugin.class == *class) {
                plugin.version.clone_from(version);
                plugin.fault.clone_from(fault);
            }
        }
        self.cache.save(&location.hash, &location.facts)
    }
}
