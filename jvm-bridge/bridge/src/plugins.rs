//! The plugins of `plugin.path` as plugins of Gantry.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};

use gantry_api::{
    ConfigDef, ConfigProvider, ConnectorPlugin, Converter, Error, HeaderConverter, Isolation,
    OverridePolicy, Plugin, PluginInfo, PluginRegistry, Predicate, Result, Str, TaskFactory,
    Transformation,
};

use crate::connector::JavaConnector;
use crate::home::{Home, Homes, JavaSettings};
use crate::index::{self, DiscoveryMode, Found, Index, Learned, PluginKind};
use crate::objects::{
    JavaConfigProvider, JavaConverter, JavaHeaderConverter, JavaOverridePolicy, JavaPredicate,
    JavaTransformation,
};
use crate::sink::JavaSinkTask;
use crate::source::JavaSourceTask;
use crate::wire::{Operation, Reader, Writer, definition};

/// What a plugin without a version has, as Kafka Connect writes it.
const UNDEFINED_VERSION: &str = "undefined";

/// The number of the location that is the class path of our own Java side.
pub(crate) const OURS: u32 = 0;

/// A directory or jar of `plugin.path`; it has a class loader of its own.
#[derive(Debug)]
pub(crate) struct Location {
    /// Its number in this process. What is found changed gets another one, so that what runs
    /// keeps its classes.
    pub(crate) id: u32,
    pub(crate) hash: String,
    pub(crate) path: PathBuf,
    pub(crate) urls: Vec<String>,
    homes: Weak<Homes>,
}

#[cfg(test)]
impl Location {
    /// The class path of our own Java side.
    pub(crate) fn of_ours(homes: Weak<Homes>) -> Self {
        let (hash, path) = (String::new(), PathBuf::new());
        Self { id: OURS, hash, path, urls: Vec::new(), homes }
    }
}

impl Drop for Location {
    /// Nobody can name its classes any more.
    fn drop(&mut self) {
        if let Some(homes) = self.homes.upgrade() {
            homes.forget(self.id);
        }
    }
}

/// A class of a location.
#[derive(Clone, Debug)]
pub(crate) struct PluginClass {
    pub(crate) homes: Arc<Homes>,
    pub(crate) location: Arc<Location>,
    pub(crate) class: Str,
}

impl PluginClass {
    /// The JVM of this process, with the location known to it.
    pub(crate) fn home(&self) -> Result<Arc<Home>> {
        let home = self.homes.shared()?;
        home.tell(&self.location)?;
        Ok(home)
    }
    /// Where a connector of this class is to live, with the location known there.
    pub(crate) fn home_of(&self, connector: &Str, isolation: &Isolation) -> Result<Arc<Home>> {
        let home = self.homes.of(connector, isolation)?;
        home.tell(&self.location)?;
        Ok(home)
    }
    /// Names it in a request.
    pub(crate) fn write(&self, out: &mut Writer) {
        out.varint(self.location.id as usize).str(&self.class);
    }
    /// Its keys.
    fn definition(&self, kind: PluginKind) -> Result<ConfigDef> {
        let mut out = Writer::new();
        self.write(&mut out);
        out.str(kind.name());
        let reply = self.home()?.call(Operation::Definition, 0, &out)?;
        Ok(definition(&mut Reader::new(reply))?)
    }
}

/// Where plugins are looked for, and what was found last.
#[derive(Debug)]
pub struct JavaPlugins {
    homes: Arc<Homes>,
    index: Index,
    paths: Vec<PathBuf>,
    mode: DiscoveryMode,
    known: Mutex<Vec<Arc<Location>>>,
    next: AtomicU32,
}

impl JavaPlugins {
    /// `paths` are those of `plugin.path`, `mode` is `plugin.discovery`. Nothing is read yet.
    pub fn new(settings: JavaSettings, paths: Vec<PathBuf>, mode: DiscoveryMode) -> Self {
        let index = Index::open(settings.dir.join("plugins"));
        Self {
            homes: Arc::new(Homes::new(settings)),
            index,
            paths,
            mode,
            known: Mutex::default(),
            next: AtomicU32::new(1),
        }
    }

    /// Adds the plugins that are there now. Needs no JVM where all is in the index, but for the
    /// versions of new ones. Blocks.
    ///
    /// # Errors
    /// With `plugin.discovery=hybrid_fail`, as Kafka Connect refuses plugins without manifest.
    pub fn register(&self, registry: &mut PluginRegistry) -> Result<()> {
        let mut found = self.index.look(&self.paths, self.mode);
        let locations = self.locations(&found);
        self.describe(&mut found, &locations);
        for warning in &found.warnings {
            tracing::warn!("{warning}");
        }
        match found.manifests(self.mode) {
            Ok(Some(said)) => tracing::info!("{said}"),
            Ok(None) => {}
            Err(missing) => return Err(Error::connect(missing.to_string())),
        }
        for (place, location) in found.locations.iter().zip(&locations) {
            for plugin in &place.plugins {
                if let Some(fault) = &plugin.fault {
                    tracing::warn!(
                        class = plugin.class, location = %place.path.display(),
                        "plugin left out: {fault}"
                    );
                    continue;
                }
                let class = PluginClass {
                    homes: Arc::clone(&self.homes),
                    location: Arc::clone(location),
                    class: plugin.class.as_str().into(),
                };
                let version = plugin.version.as_deref().unwrap_or(UNDEFINED_VERSION);
                add(registry, plugin.kind, version, class);
            }
        }
        Ok(())
    }

    /// The locations found, each under the number that it has had if it is unchanged.
    fn locations(&self, found: &Found) -> Vec<Arc<Location>> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let number = |place: &index::Location| {
            let same = known.iter().find(|old| old.path == place.path && old.hash == place.hash);
            same.cloned().unwrap_or_else(|| {
                Arc::new(Location {
                    id: self.next.fetch_add(1, Ordering::Relaxed),
                    hash: place.hash.clone(),
                    path: place.path.clone(),
                    urls: place.urls.clone(),
                    homes: Arc::downgrade(&self.homes),
                })
            })
        };
        let now: Vec<Arc<Location>> = found.locations.iter().map(number).collect();
        known.clone_from(&now);
        now
    }

    /// Asks the JVM for what only it can tell, once for each location: versions, and whether
    /// classes load. Without Java all stays as it is, and nothing is said: perhaps nobody wants
    /// any of them.
    fn describe(&self, found: &mut Found, locations: &[Arc<Location>]) {
        let unknown = |plugin: &index::Plugin| plugin.version.is_none() && plugin.fault.is_none();
        let asked = found.locations.iter().zip(locations).enumerate();
        let asked: Vec<_> =
            asked.filter(|(_, (place, _))| place.plugins.iter().any(unknown)).collect();
        // What is learned stands in the order of what was asked.
        let learned =
            index::side_by_side(&asked, |(_, (place, location))| self.ask(place, location));
        let numbers: Vec<usize> = asked.iter().map(|(number, _)| *number).collect();
        for (number, learned) in numbers.into_iter().zip(learned) {
            let Some(place) = found.locations.get_mut(number) else { continue };
            let kept = match learned {
                Ok(learned) => self.index.learn(place, &learned),
                Err(error) => {
                    tracing::debug!(location = %place.path.display(), %error, "versions are not known");
                    continue;
                }
            };
            if let Err(error) = kept {
                tracing::warn!(location = %place.path.display(), %error, "the index is not kept");
            }
        }
    }

    fn ask(&self, place: &index::Location, location: &Arc<Location>) -> Result<Vec<Learned>> {
        let home = self.homes.shared()?;
        home.tell(location)?;
        let mut out = Writer::new();
        out.varint(place.plugins.len());
        for plugin in &place.plugins {
            out.varint(location.id as usize).str(&plugin.class);
        }
        let from = &mut Reader::new(home.call(Operation::Describe, 0, &out)?);
        from.count()?;
        let learn = |plugin: &index::Plugin| {
            let loads = from.bool()?;
            let version = from.optional_str()?.or_else(|| Some(UNDEFINED_VERSION.to_owned()));
            let fault = from.optional_str()?.filter(|_| !loads);
            Ok(Learned { class: plugin.class.clone(), version, fault })
        };
        place.plugins.iter().map(learn).collect()
    }

    /// Sets the levels of Java's loggers by name, the root's empty: none 0, ERROR 1 … TRACE 5.
    /// Replaces all that was set before.
    pub fn set_log_levels(&self, levels: Vec<(String, u8)>) {
        self.homes.set_log_levels(levels);
    }
}

/// What follows the name in a class of that kind, which configs may leave out.
fn suffix(kind: PluginKind) -> &'static str {
    match kind {
        PluginKind::Source | PluginKind::Sink => "Connector",
        PluginKind::Converter => "Converter",
        PluginKind::HeaderConverter => "HeaderConverter",
        PluginKind::ConfigProvider => "ConfigProvider",
        PluginKind::ConnectorClientConfigOverridePolicy => "ConnectorClientConfigOverridePolicy",
        PluginKind::RestExtension => "ConnectRestExtension",
        PluginKind::Transformation | PluginKind::Predicate => "",
    }
}

fn add(registry: &mut PluginRegistry, kind: PluginKind, version: &str, class: PluginClass) {
    let mut info = PluginInfo::new(&class.class, suffix(kind), ConfigDef::new);
    info = info.version(version).blocking();
    let (asked, known) = (class.clone(), OnceLock::new());
    info.config = Arc::new(move || {
        // A definition that cannot be had now is asked for again.
        if let Some(known) = known.get() {
            return ConfigDef::clone(known);
        }
        match asked.definition(kind) {
            Ok(def) => known.get_or_init(|| def).clone(),
            Err(error) => ConfigDef::new().with_fault(error),
        }
    });
    match kind {
        PluginKind::Source => registry.connectors.push(connector(info, class, true)),
        PluginKind::Sink => registry.connectors.push(connector(info, class, false)),
        PluginKind::Converter => registry.converters.push(Plugin::new(info, move |props| {
            let made: Box<dyn Converter> = Box::new(JavaConverter::new(&class, props)?);
            Ok(made)
        })),
        PluginKind::HeaderConverter => {
            registry.header_converters.push(Plugin::new(info, move |props| {
                let made: Box<dyn HeaderConverter> =
                    Box::new(JavaHeaderConverter::new(&class, props)?);
                Ok(made)
            }));
        }
        PluginKind::Transformation => {
            registry.transformations.push(Plugin::new(info, move |props| {
                let made: Box<dyn Transformation> =
                    Box::new(JavaTransformation::new(&class, props)?);
                Ok(made)
            }));
        }
        PluginKind::Predicate => registry.predicates.push(Plugin::new(info, move |props| {
            let made: Box<dyn Predicate> = Box::new(JavaPredicate::new(&class, props)?);
            Ok(made)
        })),
        PluginKind::ConfigProvider => {
            registry.config_providers.push(Plugin::new(info, move |props| {
                let made: Box<dyn ConfigProvider> =
                    Box::new(JavaConfigProvider::new(&class, props)?);
                Ok(made)
            }));
        }
        PluginKind::ConnectorClientConfigOverridePolicy => {
            registry.override_policies.push(Plugin::new(info, move |props| {
                let made: Box<dyn OverridePolicy> =
                    Box::new(JavaOverridePolicy::new(&class, props)?);
                Ok(made)
            }));
        }
        // Extensions of Kafka's REST server have nothing to extend here.
        PluginKind::RestExtension => {}
    }
}

fn connector(info: PluginInfo, class: PluginClass, is_source: bool) -> ConnectorPlugin {
    let of = class.clone();
    let make = Arc::new(move || -> Result<Box<dyn gantry_api::Connector>> {
        Ok(Box::new(JavaConnector::new(of.clone(), is_source)))
    });
    let tasks = match is_source {
        true => {
            TaskFactory::Source(Arc::new(move || Ok(Box::new(JavaSourceTask::new(class.clone())))))
        }
        false => {
            TaskFactory::Sink(Arc::new(move || Ok(Box::new(JavaSinkTask::new(class.clone())))))
        }
    };
    ConnectorPlugin::new(info, make, tasks)
}
