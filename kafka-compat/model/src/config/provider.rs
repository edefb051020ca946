//! Variables in configurations: `${provider:path:key}` or `${provider:key}`, filled in by
//! providers that read files, directories or the environment.

mod file;
mod paths;
mod properties;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use indexmap::IndexMap;

pub use file::{DirectoryProvider, FileProvider};
pub use properties::{Property, property_list, read_properties};

use crate::error::{Error, Result};
use crate::plugin::{ConfigProvider, Props};
use crate::regex::JavaPattern;
use crate::text::sort_as_hash_map;

/// Class of [`FileProvider`].
pub const FILE_CLASS: &str = "org.apache.kafka.common.config.provider.FileConfigProvider";
/// Class of [`DirectoryProvider`].
pub const DIRECTORY_CLASS: &str = "org.apache.kafka.common.config.provider.DirectoryConfigProvider";
/// Class of [`EnvProvider`].
pub const ENV_CLASS: &str = "org.apache.kafka.common.config.provider.EnvVarConfigProvider";
/// Key of the folders that files may be read from, comma-separated; all, if not set.
pub const ALLOWED_PATHS: &str = "allowed.paths";
/// Key of the pattern that names of environment variables must match as a whole.
pub const ALLOWLIST_PATTERN: &str = "allowlist.pattern";

/// Providers by the name that variables use.
pub type Providers = BTreeMap<String, Arc<dyn ConfigProvider>>;

/// A variable in a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Variable<'a> {
    /// All of it, from `${` to `}`.
    pub text: &'a str,
    /// Where it begins, in bytes.
    pub start: usize,
    /// The provider's name.
    pub provider: &'a str,
    /// The path, empty without one.
    pub path: &'a str,
    /// The key.
    pub key: &'a str,
}

/// All variables of a text, whether or not such a provider exists.
pub fn variables(text: &str) -> Vec<Variable<'_>> {
    let mut out = Vec::new();
    let mut from = 0;
    // Many beginnings may have one end: each sign is looked for once.
    let next = |sign: char, from: usize| text[from..].find(sign).map(|at| from + at);
    let (mut end, mut colon) = (next('}', 0), next(':', 0));
    while let Some(start) = text[from..].find("${").map(|at| from + at) {
        let inside = start + 2;
        if end.is_some_and(|at| at < inside) {
            end = next('}', inside);
        }
        if colon.is_some_and(|at| at < inside) {
            colon = next(':', inside);
        }
        let (Some(end), Some(colon)) = (end, colon) else { break };
        if colon > end {
            from = inside;
            continue;
        }
        let (provider, rest) = (&text[inside..colon], &text[colon + 1..end]);
        let (path, key) = rest.split_once(':').unwrap_or(("", rest));
        out.push(Variable { text: &text[start..=end], start, provider, path, key });
        from = end + 1;
    }
    out
}

/// Fills in all variables of a configuration. What a provider does not know, and variables of
/// providers that do not exist, stay as they are; replacements are not looked at again. Each
/// provider is asked once per path. Fails as the provider does (`ConfigException`).
pub fn substitute(props: &Props, providers: &Providers) -> Result<Props> {
    // Providers and their paths, each in the order in which it is met.
    let mut wanted: Wanted<'_> = IndexMap::new();
    let mut seen = HashSet::new();
    for value in props.values() {
        for variable in variables(value) {
            if providers.contains_key(variable.provider) {
                let paths = wanted.entry(variable.provider).or_default();
                let keys = paths.entry(variable.path).or_default();
                if seen.insert((variable.provider, variable.path, variable.key)) {
                    keys.push(variable.key);
                }
            }
        }
    }
    if wanted.is_empty() {
        return Ok(props.clone());
    }
    let mut known = BTreeMap::new();
    for (name, paths) in as_hash_map(wanted) {
        let Some(provider) = providers.get(name) else { continue };
        for (path, keys) in as_hash_map(paths) {
            known.insert((name, path), provider.get(path, &keys)?);
        }
    }
    let fill = |value: &str| {
        let mut out = String::with_capacity(value.len());
        let mut from = 0;
        for variable in variables(value) {
            let found = known.get(&(variable.provider, variable.path));
            if let Some(replacement) = found.and_then(|values| values.get(variable.key)) {
                out.push_str(&value[from..variable.start]);
                out.push_str(replacement);
                from = variable.start + variable.text.len();
            }
        }
        out.push_str(&value[from..]);
        out
    };
    Ok(props.iter().map(|(key, value)| (key.clone(), fill(value))).collect())
}

/// Keys by path, by provider.
type Wanted<'a> = IndexMap<&'a str, IndexMap<&'a str, Vec<&'a str>>>;

/// Entries in the order in which Java asks: the first failure is the one that is reported.
fn as_hash_map<T>(map: IndexMap<&str, T>) -> Vec<(&str, T)> {
    // `computeIfAbsent` puts a new entry before those of the same bucket.
    let mut entries: Vec<(&str, T)> = map.into_iter().rev().collect();
    sort_as_hash_map(&mut entries, |(key, _)| key);
    entries
}

/// A provider by its class. `env` is the environment as [`EnvProvider`] shall see it; `config`
/// has the provider's own keys. `ConfigException` for a class that is not known.
pub fn create(
    class: &str,
    config: &Props,
    env: &BTreeMap<String, String>,
) -> Result<Arc<dyn ConfigProvider>> {
    Ok(match class {
        FILE_CLASS => Arc::new(FileProvider::new(config)?),
        DIRECTORY_CLASS => Arc::new(DirectoryProvider::new(config)?),
        ENV_CLASS => Arc::new(EnvProvider::new(env, config)?),
        _ => {
            return Err(Error::config(format!(
                "Invalid value {class} for configuration config.providers: Class {class} could \
                 not be found."
            )));
        }
    })
}

/// Gives the values of environment variables (`EnvVarConfigProvider`). Takes no path.
#[derive(Clone)]
pub struct EnvProvider {
    allowed: BTreeMap<String, String>,
}

impl std::fmt::Debug for EnvProvider {
    /// The names only: values may be secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.allowed.keys()).finish()
    }
}

impl EnvProvider {
    /// A provider of those variables whose names match [`ALLOWLIST_PATTERN`], all if it is not
    /// set. `PatternSyntaxException` for a bad pattern.
    pub fn new(env: &BTreeMap<String, String>, config: &Props) -> Result<Self> {
        let mut allowed = env.clone();
        if let Some(pattern) = config.get(ALLOWLIST_PATTERN) {
            let pattern = JavaPattern::compile(pattern)?;
            allowed.retain(|name, _| pattern.matches(name));
        }
        Ok(Self { allowed })
    }
}

impl ConfigProvider for EnvProvider {
    fn get(&self, path: &str, keys: &[&str]) -> Result<BTreeMap<String, String>> {
        if !path.is_empty() {
            return Err(Error::config(format!(
                "Path is not supported for EnvVarConfigProvider, invalid value '{path}'"
            )));
        }
        let value = |key: &&str| self.allowed.get_key_value(*key);
        Ok(keys.iter().filter_map(value).map(|(k, v)| (k.clone(), v.clone())).collect())
    }
}
