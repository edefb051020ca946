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
#[cfg(feature = "fuzzing")]
pub(crate) mod fuzzing;
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
use std::sync::atomic::{AtomicUsize, Ordering};

pub use cache::CacheError;
pub use found::{Found, Location, MissingManifests, Plugin};
pub use kind::{DiscoveryMode, PluginKind, UnknownMode};

use cache::{Cache, Facts};
use found::Problem;
use locate::Place;
use scan::Extent;

/// Locations that are read, or asked the JVM about, at the same time at most.
const THREADS_MAX: usize = 4;
/// Behind the hash of a location of which the listed classes alone were read.
const LISTED: &str = "-listed";

/// Does the same with each of these, some at the same time; the results are in their order.
pub(crate) fn side_by_side<T: Sync, R: Send>(all: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(THREADS_MAX);
    let next = AtomicUsize::new(0);
    let some = || {
        let number = || Some(next.fetch_add(1, Ordering::Relaxed));
        let numbers = std::iter::from_fn(number).map_while(|at| Some((at, all.get(at)?)));
        numbers.map(|(at, one)| (at, work(one))).collect::<Vec<_>>()
    };
    let mut done = std::thread::scope(|scope| {
        let others: Vec<_> = (1..threads.min(all.len())).map(|_| scope.spawn(some)).collect();
        let mut done = some();
        for other in others {
            done.extend(other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        }
        done
    });
    done.sort_unstable_by_key(|(at, _)| *at);
    done.into_iter().map(|(_, result)| result).collect()
}

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
        let looked = side_by_side(&places, |place| self.look_at(place, mode));
        let mut locations = Vec::with_capacity(looked.len());
        for (location, said) in looked {
            locations.push(location);
            warnings.extend(said);
        }
        Found { locations, warnings }
    }

    /// One location, and what is to be said of it.
    fn look_at(&self, place: &Place, mode: DiscoveryMode) -> (Location, Vec<String>) {
        let mut warnings = Vec::new();
        let (elements, errors) = element::open(place);
        for (path, error) in errors {
            let problem = Problem::unread(&place.path, &path, "", &error.to_string());
            warnings.push(problem.text(&place.path));
        }
        let all = element::hash(place, &elements);
        let listed = || (mode == DiscoveryMode::ServiceLoad).then(|| format!("{all}{LISTED}"));
        let known = |hash: String| self.cache.load(&hash).map(|facts| (hash, facts));
        let known = known(all.clone()).or_else(|| known(listed()?));
        let (hash, facts) = known.unwrap_or_else(|| {
            let (extent, hash) = match listed() {
                Some(hash) => (Extent::Listed, hash),
                None => (Extent::All, all.clone()),
            };
            let found = scan::scan(&place.path, &elements, extent);
            let facts = Facts { plugins: found.plugins, problems: found.problems };
            let saved = if found.is_partial { Ok(()) } else { self.cache.save(&hash, &facts) };
            warnings.extend(saved.err().map(|error| error.to_string()));
            (hash, facts)
        });
        let problems = facts.problems.iter().filter(|problem| problem.matters_in(mode));
        warnings.extend(problems.map(|problem| problem.text(&place.path)));
        let plugins = facts.plugins.iter().filter(|plugin| plugin.is_found_by(mode));
        let plugins = plugins.cloned().collect();
        let url = locate::url(&place.path);
        let urls = place.elements.iter().map(|path| locate::url(path)).collect();
        (Location { hash, path: place.path.clone(), url, urls, plugins, facts }, warnings)
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
