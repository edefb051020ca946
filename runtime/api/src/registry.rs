//! The plugins that a Gantry knows.

use std::fmt;
use std::sync::Arc;

use gantry_model::Result;
use gantry_model::plugin::{
    ConfigProvider, Converter, HeaderConverter, Plugin, PluginInfo, Predicate, Transformation,
};

use crate::connector::{Connector, SinkTask, SourceTask};
use crate::policy::OverridePolicy;

type Make<T> = Arc<dyn Fn() -> Result<Box<T>> + Send + Sync>;

/// Makes the tasks of a connector, and so says whether it is a source or a sink.
#[derive(Clone)]
pub enum TaskFactory {
    /// A source.
    Source(Make<dyn SourceTask>),
    /// A sink.
    Sink(Make<dyn SinkTask>),
}

impl fmt::Debug for TaskFactory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if matches!(self, Self::Source(_)) { "source" } else { "sink" })
    }
}

/// A connector plugin.
#[derive(Clone)]
pub struct ConnectorPlugin {
    /// Names, version and keys.
    pub info: PluginInfo,
    connector: Make<dyn Connector>,
    /// Makes its tasks.
    pub tasks: TaskFactory,
}

impl ConnectorPlugin {
    /// A source connector.
    pub fn source<C, T>(info: PluginInfo, connector: fn() -> C, task: fn() -> T) -> Self
    where
        C: Connector + 'static,
        T: SourceTask + 'static,
    {
        Self {
            info,
            connector: Arc::new(move || Ok(Box::new(connector()))),
            tasks: TaskFactory::Source(Arc::new(move || Ok(Box::new(task())))),
        }
    }
    /// A sink connector.
    pub fn sink<C, T>(info: PluginInfo, connector: fn() -> C, task: fn() -> T) -> Self
    where
        C: Connector + 'static,
        T: SinkTask + 'static,
    {
        Self {
            info,
            connector: Arc::new(move || Ok(Box::new(connector()))),
            tasks: TaskFactory::Sink(Arc::new(move || Ok(Box::new(task())))),
        }
    }
    /// A connector from factories that may fail.
    pub fn new(info: PluginInfo, connector: Make<dyn Connector>, tasks: TaskFactory) -> Self {
        Self { info, connector, tasks }
    }
    /// An instance of the connector.
    pub fn create(&self) -> Result<Box<dyn Connector>> {
        (self.connector)()
    }
    /// Whether it is a source.
    pub fn is_source(&self) -> bool {
        matches!(self.tasks, TaskFactory::Source(_))
    }
    /// `source` or `sink`.
    pub fn type_name(&self) -> &'static str {
        if self.is_source() { "source" } else { "sink" }
    }
}

impl fmt::Debug for ConnectorPlugin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.info.fmt(f)
    }
}

/// All plugins by kind. The first that answers to a name is taken.
#[derive(Clone, Debug, Default)]
pub struct PluginRegistry {
    /// Connectors.
    pub connectors: Vec<ConnectorPlugin>,
    /// Converters of keys and values.
    pub converters: Vec<Plugin<dyn Converter>>,
    /// Converters of headers.
    pub header_converters: Vec<Plugin<dyn HeaderConverter>>,
    /// Transformations.
    pub transformations: Vec<Plugin<dyn Transformation>>,
    /// Predicates.
    pub predicates: Vec<Plugin<dyn Predicate>>,
    /// Providers of config values.
    pub config_providers: Vec<Plugin<dyn ConfigProvider>>,
    /// Policies on what connectors may set of Kafka's clients, besides Kafka's own.
    pub override_policies: Vec<Plugin<dyn OverridePolicy>>,
}

fn find<'a, T: ?Sized>(plugins: &'a [Plugin<T>], name: &str) -> Option<&'a Plugin<T>> {
    plugins.iter().find(|plugin| plugin.info.answers_to(name))
}

impl PluginRegistry {
    /// Adds a connector.
    pub fn connector(&mut self, plugin: ConnectorPlugin) -> &mut Self {
        self.connectors.push(plugin);
        self
    }
    /// Adds a converter.
    pub fn converter(&mut self, plugin: Plugin<dyn Converter>) -> &mut Self {
        self.converters.push(plugin);
        self
    }
    /// Adds a header converter.
    pub fn header_converter(&mut self, plugin: Plugin<dyn HeaderConverter>) -> &mut Self {
        self.header_converters.push(plugin);
        self
    }
    /// Adds a transformation.
    pub fn transformation(&mut self, plugin: Plugin<dyn Transformation>) -> &mut Self {
        self.transformations.push(plugin);
        self
    }
    /// Adds a predicate.
    pub fn predicate(&mut self, plugin: Plugin<dyn Predicate>) -> &mut Self {
        self.predicates.push(plugin);
        self
    }
    /// The connector that a config's `connector.class` names.
    pub fn find_connector(&self, name: &str) -> Option<&ConnectorPlugin> {
        self.connectors.iter().find(|plugin| plugin.info.answers_to(name))
    }
    /// The converter of that name.
    pub fn find_converter(&self, name: &str) -> Option<&Plugin<dyn Converter>> {
        find(&self.converters, name)
    }
    /// The header converter of that name.
    pub fn find_header_converter(&self, name: &str) -> Option<&Plugin<dyn HeaderConverter>> {
        find(&self.header_converters, name)
    }
    /// The transformation of that name.
    pub fn find_transformation(&self, name: &str) -> Option<&Plugin<dyn Transformation>> {
        find(&self.transformations, name)
    }
    /// The override policy of that name.
    pub fn find_override_policy(&self, name: &str) -> Option<&Plugin<dyn OverridePolicy>> {
        find(&self.override_policies, name)
    }
    /// The predicate of that name.
    pub fn find_predicate(&self, name: &str) -> Option<&Plugin<dyn Predicate>> {
        find(&self.predicates, name)
    }
}
