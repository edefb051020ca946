//! The folded state as all requests of a node see it, and the schemas that were read last.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use crate::config::{Config, Level};
use crate::error::RegistryError;
use crate::formats::Parsed;
use crate::names::{GLOBAL_CONTEXT, context_of, qualify_with};
use crate::reserved::{Lease, Reserved};
use crate::settings::Settings;
use crate::state::State;

/// So many schemas are kept as they were read; when there are more, all are forgotten.
const CACHED_MAX: usize = 1_000;

/// By context, kind and what the guid is made of.
type Cached = HashMap<(String, String, [u8; 16]), Arc<Parsed>>;

/// What all requests of a node share.
#[derive(Debug)]
pub(crate) struct Shared {
    state: RwLock<State>,
    /// With the count of removals at which it was filled: what a schema refers to may be gone
    /// since.
    cached: Mutex<(u64, Cached)>,
    /// Ids of writes that are under way.
    pub(crate) reserved: Reserved,
    /// What the registry was opened with.
    pub(crate) settings: Settings,
}

impl Shared {
    pub(crate) fn new(settings: Settings) -> Self {
        Self {
            state: RwLock::default(),
            cached: Mutex::default(),
            reserved: Reserved::default(),
            settings,
        }
    }

    /// To look something up; not to be held while a schema is read or compared.
    pub(crate) fn state(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// To take a record.
    pub(crate) fn state_mut(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// An id for a new schema, which nothing has that is folded or under way; `hash` where others
    /// that write the same schema may have it too.
    pub(crate) fn new_id(
        &self,
        context: &str,
        hash: Option<[u8; 16]>,
    ) -> Result<Lease, RegistryError> {
        let lease = self.reserved.take(context, hash, || self.state().max_id(context));
        lease.ok_or_else(|| RegistryError::store(format!("context {context} has no id left")))
    }

    /// The config that holds for a name, with its level filled in.
    pub(crate) fn config_in_scope(&self, name: &str) -> Config {
        let config = self.state().config_in_scope(name).cloned();
        self.with_level(config.as_deref().cloned().unwrap_or_default())
    }

    /// The config of exactly this name.
    pub(crate) fn config(&self, name: &str) -> Option<Config> {
        let config = self.state().config(name).cloned();
        let has_default = name.is_empty() || context_of(name) == GLOBAL_CONTEXT;
        match config {
            Some(config) => Some(self.with_level((*config).clone())),
            None => has_default.then(|| self.with_level(Config::default())),
        }
    }

    /// The subject that a name is an alias of.
    pub(crate) fn aliased(&self, name: &str) -> Option<String> {
        if name.is_empty() {
            return None;
        }
        let config = self.state().config(name).cloned()?;
        let alias = config.alias.as_ref().filter(|alias| !alias.is_empty())?;
        Some(qualify_with(name, alias))
    }

    fn with_level(&self, mut config: Config) -> Config {
        if config.compatibility_level.is_none() {
            let level = Level::named(&self.settings.compatibility_level);
            let level = level.map_or("BACKWARD", |level| level.name);
            config.compatibility_level = Config::of_level(level).compatibility_level;
        }
        config
    }

    /// A schema that was read before.
    pub(crate) fn cached(
        &self,
        context: &str,
        schema_type: &str,
        hash: [u8; 16],
    ) -> Option<Arc<Parsed>> {
        let removals = self.state().removals();
        let mut cached = self.cached.lock().unwrap_or_else(PoisonError::into_inner);
        if cached.0 != removals {
            *cached = (removals, Cached::new());
        }
        cached.1.get(&(context.to_owned(), schema_type.to_owned(), hash)).cloned()
    }

    /// Keeps a schema that was read.
    pub(crate) fn cache(
        &self,
        context: &str,
        schema_type: &str,
        hash: [u8; 16],
        parsed: Arc<Parsed>,
    ) {
        let mut cached = self.cached.lock().unwrap_or_else(PoisonError::into_inner);
        if cached.1.len() >= CACHED_MAX {
            cached.1.clear();
        }
        cached.1.insert((context.to_owned(), schema_type.to_owned(), hash), parsed);
    }
}
