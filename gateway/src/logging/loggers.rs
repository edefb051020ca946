//! The levels of all loggers, changed as Kafka Connect changes them.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use serde::Serialize;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::{Registry, reload};

use super::level::Level;
use super::names::{KNOWN, ROOT, is_within, parent, target};

/// Loggers that requests may add; each stays for the life of the process.
const LOGGERS_MAX: usize = 1_000;

/// The target of events of Java's loggers.
const JAVA_TARGET: &str = "java";

/// What is said of one logger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct LoggerLevel {
    /// The level that counts for it, its own or that of the nearest logger above.
    pub(crate) level: &'static str,
    /// When a request changed it, in milliseconds since 1970.
    pub(crate) last_modified: Option<i64>,
}

/// There can be no further logger.
#[derive(Debug, thiserror::Error)]
#[error("there are {LOGGERS_MAX} loggers and no more can be added; set one that is there")]
pub(crate) struct TooManyLoggers;

/// Told of levels by the names of loggers, the root's empty: none 0, ERROR 1 … TRACE 5.
type Watcher = Box<dyn Fn(Vec<(String, u8)>) + Send + Sync>;

/// All loggers of this process.
pub(crate) struct Loggers {
    state: Mutex<State>,
    handle: Option<reload::Handle<Targets, Registry>>,
    /// Who has loggers of its own, as Java has.
    watcher: OnceLock<Watcher>,
}

impl std::fmt::Debug for Loggers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.state.fmt(f)
    }
}

/// The empty name is the root's.
#[derive(Debug)]
struct State {
    configured: BTreeMap<String, Level>,
    known: BTreeSet<String>,
    modified: HashMap<String, i64>,
}

/// The filter that logging begins with.
pub(super) fn targets(root: Level, some: &[(String, Level)]) -> Targets {
    State::new(root, some).targets()
}

impl Loggers {
    /// Loggers at a level, some at others. Changes go to `handle`.
    pub(crate) fn new(
        root: Level,
        some: &[(String, Level)],
        handle: Option<reload::Handle<Targets, Registry>>,
    ) -> Self {
        Self { state: Mutex::new(State::new(root, some)), handle, watcher: OnceLock::new() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells somebody the levels now, and whenever they change. There can be one who is told.
    pub(crate) fn watch(&self, watcher: impl Fn(Vec<(String, u8)>) + Send + Sync + 'static) {
        let state = self.state();
        watcher(state.numbers());
        let _ = self.watcher.set(Box::new(watcher));
    }

    /// All loggers that are not off, by name.
    pub(crate) fn levels(&self) -> BTreeMap<String, LoggerLevel> {
        let state = self.state();
        let named = state.known.iter().map(|name| (shown(name), state.level(name)));
        named.filter(|(_, level)| level.level != Level::Off.as_str()).collect()
    }

    /// One logger; `None` if it is not known.
    pub(crate) fn level(&self, name: &str) -> Option<LoggerLevel> {
        let (name, state) = (internal(name), self.state());
        state.known.contains(name).then(|| state.level(name))
    }

    /// Sets a logger and all below it, at once; gives the sorted names of those that changed.
    pub(crate) fn set(&self, name: &str, level: Level) -> Result<Vec<String>, TooManyLoggers> {
        let mut state = self.state();
        let name = internal(name);
        if !state.known.contains(name) && state.known.len() >= LOGGERS_MAX {
            return Err(TooManyLoggers);
        }
        let changed = state.set(name, level, gantry_api::now_ms());
        if let Some(handle) = &self.handle
            && let Err(error) = handle.reload(state.targets())
        {
            tracing::warn!(%error, "levels of loggers were not changed");
        }
        if let Some(watcher) = self.watcher.get() {
            watcher(state.numbers());
        }
        Ok(changed)
    }
}

impl State {
    fn new(root: Level, some: &[(String, Level)]) -> Self {
        let kafka = KNOWN.iter().flat_map(|known| known.kafka);
        let names = KNOWN.iter().map(|known| &known.native).chain(kafka);
        let known = names.map(|name| (*name).to_owned()).chain([String::new()]).collect();
        let configured = BTreeMap::from([(String::new(), root)]);
        let mut state = Self { configured, known, modified: HashMap::new() };
        for (name, level) in some {
            state.set(internal(name), *level, 0);
        }
        // Only requests count as changes.
        state.modified.clear();
        state
    }

    fn effective(&self, name: &str) -> Level {
        let mut at = Some(name);
        while let Some(name) = at {
            if let Some(level) = self.configured.get(name) {
                return *level;
            }
            at = parent(name);
        }
        self.configured.get("").copied().unwrap_or(Level::Info)
    }

    fn level(&self, name: &str) -> LoggerLevel {
        LoggerLevel {
            level: self.effective(name).as_str(),
            last_modified: self.modified.get(name).copied(),
        }
    }

    /// Kafka Connect's rule: the logger and every one whose name begins with its name is set
    /// where it had a level of its own; loggers without one follow those above them. A logger
    /// that is off counts as changed whatever it is set to.
    fn set(&mut self, name: &str, level: Level, time_ms: i64) -> Vec<String> {
        self.known.insert(name.to_owned());
        let before: Vec<Level> = self.known.iter().map(|name| self.effective(name)).collect();
        for (configured, own) in &mut self.configured {
            if configured.starts_with(name) {
                *own = level;
            }
        }
        self.configured.insert(name.to_owned(), level);
        self.set_twins(name, level);
        let mut changed = Vec::new();
        for (known, before) in self.known.iter().zip(before) {
            if before != Level::Off && before == self.effective(known) {
                continue;
            }
            if known.starts_with(name) {
                changed.push(shown(known));
                self.modified.insert(known.clone(), time_ms);
            } else if before != self.effective(known) {
                self.modified.insert(known.clone(), time_ms);
            }
        }
        changed.sort_unstable();
        changed
    }

    /// A logger has one level under all its names.
    fn set_twins(&mut self, name: &str, level: Level) {
        if name.is_empty() {
            return;
        }
        for known in KNOWN {
            let mut names = known.kafka.iter().chain([&known.native]);
            if names.any(|twin| is_within(twin, name)) {
                for twin in known.kafka.iter().chain([&known.native]) {
                    self.configured.insert((*twin).to_owned(), level);
                }
            }
        }
    }

    /// The filter. Every known logger is in it, so that none is taken for another whose name
    /// it begins with.
    fn targets(&self) -> Targets {
        let named = self.known.iter().filter(|name| !name.is_empty());
        let targets = named.map(|name| (target(name), self.effective(name).filter()));
        // Java's loggers look at their levels themselves, before a message is even made.
        Targets::new()
            .with_default(self.effective("").filter())
            .with_targets(targets)
            .with_target(JAVA_TARGET, Level::All.filter())
    }

    /// Levels as numbers.
    fn numbers(&self) -> Vec<(String, u8)> {
        self.configured.iter().map(|(name, level)| (name.clone(), level.number())).collect()
    }
}

fn internal(name: &str) -> &str {
    if name.eq_ignore_ascii_case(ROOT) { "" } else { name }
}

fn shown(name: &str) -> String {
    if name.is_empty() { ROOT.to_owned() } else { name.to_owned() }
}
