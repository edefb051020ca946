//! The traits of pure plugins, and how a plugin of any kind is described and made.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;

use crate::config::ConfigDef;
use crate::error::Result;
use crate::record::{ConnectRecord, RecordHeader, Str};
use crate::value::Datum;

/// Properties of a connector, task, converter or transformation, secrets resolved.
pub type Props = BTreeMap<String, String>;

/// What becomes of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Fate {
    /// It goes on.
    Keep,
    /// It is left out.
    Drop,
}

/// Changes or drops one record. Owned by one task, so `&mut self` needs no lock. CPU only, unless
/// its [`PluginInfo::may_block`] says otherwise.
pub trait Transformation: Send {
    /// Changes the record where it is: it is large, and a chain would move it at each step. After
    /// an error nobody looks at it again.
    fn apply(&mut self, record: &mut ConnectRecord) -> Result<Fate>;
    /// Whether [`Transformation::apply`] can give another record than it got. False for a
    /// filter: then a dead letter queue needs no copy.
    fn changes_records(&self) -> bool {
        true
    }
}

/// Says whether a transformation applies to a record.
pub trait Predicate: Send {
    /// Whether it does.
    fn test(&mut self, record: &ConnectRecord) -> Result<bool>;
}

/// Turns keys or values into bytes and back. Owned by one task.
#[expect(clippy::wrong_self_convention, reason = "Kafka's names: from and to Connect's data")]
pub trait Converter: Send {
    /// Connect's data to bytes; `None` is a null. `headers` are those of the record as they are
    /// written, and may be added to.
    fn from_connect(
        &mut self,
        topic: &str,
        headers: &mut Vec<RecordHeader>,
        datum: &Datum,
    ) -> Result<Option<Bytes>>;
    /// Bytes to Connect's data. The result may hold slices of `bytes`. `headers` are those of the
    /// record as they were read.
    fn to_connect(
        &mut self,
        topic: &str,
        headers: &[RecordHeader],
        bytes: Option<Bytes>,
    ) -> Result<Datum>;
}

/// Turns header values into bytes and back. Owned by one task.
#[expect(clippy::wrong_self_convention, reason = "Kafka's names: from and to Connect's data")]
pub trait HeaderConverter: Send {
    /// Connect's data to bytes; `None` is a null.
    fn from_connect_header(
        &mut self,
        topic: &str,
        key: &str,
        datum: &Datum,
    ) -> Result<Option<Bytes>>;
    /// Bytes to Connect's data.
    fn to_connect_header(&mut self, topic: &str, key: &str, bytes: Option<Bytes>) -> Result<Datum>;
}

/// Whether a converter is for keys, values or headers (Java: `isKey`, `converter.type`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConverterType {
    /// Record keys.
    Key,
    /// Record values.
    Value,
    /// Header values.
    Header,
}

/// Resolves `${provider:path:key}` in configs.
pub trait ConfigProvider: Send + Sync {
    /// The values of the keys at a path; keys that are not there are left out.
    fn get(&self, path: &str, keys: &[&str]) -> Result<BTreeMap<String, String>>;
}

/// The version of Kafka Connect whose behaviour this is: what the REST API says of itself, and
/// the version of plugins under Kafka's class names, so that tools and pinned versions
/// (`connector.plugin.version`) find what they know.
pub const KAFKA_VERSION: &str = "4.3.1";

/// Classes of Kafka's own begin so.
const KAFKA_PACKAGE: &str = "org.apache.kafka.";

/// What a plugin is called and which keys it takes.
#[derive(Clone)]
pub struct PluginInfo {
    /// The full class name that configs use.
    pub class: Str,
    /// Further names answered to.
    pub aliases: Vec<Str>,
    /// Its version.
    pub version: Str,
    /// Its keys.
    pub config: Arc<dyn Fn() -> ConfigDef + Send + Sync>,
    /// Whether calls of it may wait for something: then a task that has it runs on a thread that
    /// may be held up. Connectors are async, and do not count.
    pub may_block: bool,
}

impl PluginInfo {
    /// A plugin under its class name, with Kafka's aliases: the simple name, and the simple
    /// name without `suffix` (`FileStreamSource` for `FileStreamSourceConnector`). A nested class
    /// has none: of `Cast$Value` and its like all simple names would be `Value`.
    pub fn new(class: &str, suffix: &str, config: fn() -> ConfigDef) -> Self {
        let simple = class.rsplit('.').next().unwrap_or(class);
        let mut aliases: Vec<Str> = Vec::new();
        if !simple.contains('$') {
            aliases.push(simple.into());
            if let Some(short) = simple.strip_suffix(suffix)
                && !suffix.is_empty()
                && !short.is_empty()
            {
                aliases.push(short.into());
            }
        }
        let version = match class.starts_with(KAFKA_PACKAGE) {
            true => KAFKA_VERSION,
            false => env!("CARGO_PKG_VERSION"),
        };
        Self {
            class: class.into(),
            aliases,
            version: version.into(),
            config: Arc::new(config),
            may_block: false,
        }
    }
    /// Sets its version.
    #[must_use]
    pub fn version(mut self, version: &str) -> Self {
        self.version = version.into();
        self
    }
    /// Says that calls of it may wait for something.
    #[must_use]
    pub fn blocking(mut self) -> Self {
        self.may_block = true;
        self
    }
    /// The keys it takes.
    pub fn config_def(&self) -> ConfigDef {
        (self.config)()
    }
    /// Whether a config's class names this plugin.
    pub fn answers_to(&self, name: &str) -> bool {
        &*self.class == name || self.aliases.iter().any(|alias| &**alias == name)
    }
}

impl fmt::Debug for PluginInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.class, self.version)
    }
}

/// A plugin that is made from properties in one step. The properties come without prefix;
/// failures are `ConfigException`s.
pub struct Plugin<T: ?Sized> {
    /// Names, version and keys.
    pub info: PluginInfo,
    create: Create<T>,
}

type Create<T> = Arc<dyn Fn(&Props) -> Result<Box<T>> + Send + Sync>;

impl<T: ?Sized> Plugin<T> {
    /// A plugin that `create` makes.
    pub fn new(
        info: PluginInfo,
        create: impl Fn(&Props) -> Result<Box<T>> + Send + Sync + 'static,
    ) -> Self {
        Self { info, create: Arc::new(create) }
    }
    /// A configured instance.
    pub fn create(&self, props: &Props) -> Result<Box<T>> {
        (self.create)(props)
    }
}

impl<T: ?Sized> Clone for Plugin<T> {
    fn clone(&self) -> Self {
        Self { info: self.info.clone(), create: Arc::clone(&self.create) }
    }
}

impl<T: ?Sized> fmt::Debug for Plugin<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.info.fmt(f)
    }
}

/// The key that is `true` in the properties of converters that only show what would be written:
/// they change nothing anywhere, and do not wait for long.
pub const DRY_RUN: &str = "gantry.dry.run";

/// The key under which a converter's properties say what it is for: `key`, `value`, `header`.
pub const CONVERTER_TYPE: &str = "converter.type";

impl ConverterType {
    /// As the property [`CONVERTER_TYPE`] says it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::Value => "value",
            Self::Header => "header",
        }
    }
    /// From the property [`CONVERTER_TYPE`]; value when it is not set.
    pub fn of(props: &Props) -> Self {
        match props.get(CONVERTER_TYPE).map(String::as_str) {
            Some("key") => Self::Key,
            Some("header") => Self::Header,
            _ => Self::Value,
        }
    }
}
