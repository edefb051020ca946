//! The JSON shapes in which the REST API shows definitions and the outcome of a validation.

use serde::{Deserialize, Serialize};

use super::def::ConfigDef;
use super::key::ConfigKey;
use super::validate::ConfigValue;

/// The answer of `PUT /connector-plugins/{plugin}/config/validate`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ConfigInfos {
    /// The connector's class as the configuration names it.
    pub name: String,
    /// All errors of all keys.
    pub error_count: usize,
    /// Groups in the order of a form.
    pub groups: Vec<String>,
    /// One entry per key.
    pub configs: Vec<ConfigInfo>,
}

/// A key's definition and value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ConfigInfo {
    /// `None` for a key that no definition has.
    pub definition: Option<ConfigKeyInfo>,
    /// `None` if the key was not judged.
    pub value: Option<ConfigValueInfo>,
}

/// A key's definition; also an entry of `GET /connector-plugins/{plugin}/config`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ConfigKeyInfo {
    /// The key.
    pub name: String,
    /// `STRING`, `INT`, …
    #[serde(rename = "type")]
    pub type_: String,
    /// Whether it has no default.
    pub required: bool,
    /// The default as text.
    pub default_value: Option<String>,
    /// `HIGH`, `MEDIUM` or `LOW`
    pub importance: String,
    /// What it does.
    pub documentation: String,
    /// The group in a form.
    pub group: Option<String>,
    /// The place in the group, -1 without one.
    pub order_in_group: i32,
    /// `NONE`, `SHORT`, `MEDIUM` or `LONG`
    pub width: String,
    /// The name in a form.
    pub display_name: Option<String>,
    /// Keys that hang on this one.
    pub dependents: Vec<String>,
}

/// A key's value and what is wrong with it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ConfigValueInfo {
    /// The key.
    pub name: String,
    /// The value as text; a password as `[hidden]`.
    pub value: Option<String>,
    /// Values that fit.
    pub recommended_values: Vec<String>,
    /// What is wrong.
    pub errors: Vec<String>,
    /// Whether the key matters in this configuration.
    pub visible: bool,
}

impl From<&ConfigKey> for ConfigKeyInfo {
    fn from(key: &ConfigKey) -> Self {
        Self {
            name: key.name.clone(),
            type_: key.type_.as_str().to_owned(),
            required: key.default.is_none(),
            default_value: key.default.as_ref().and_then(|default| default.to_display()),
            importance: key.importance.as_str().to_owned(),
            documentation: key.doc.clone(),
            group: key.group.clone(),
            order_in_group: key.order,
            width: key.width.as_str().to_owned(),
            display_name: key.display_name.clone(),
            dependents: key.dependents.clone(),
        }
    }
}

impl From<ConfigValue> for ConfigValueInfo {
    fn from(value: ConfigValue) -> Self {
        Self {
            name: value.name,
            value: value.value,
            recommended_values: value.recommended_values,
            errors: value.errors,
            visible: value.visible,
        }
    }
}

impl ConfigInfos {
    /// Brings definitions and values together: first values that no definition has, then all
    /// keys in the order defined. `groups` are those of the form.
    pub fn new(name: &str, def: &ConfigDef, values: Vec<ConfigValue>, groups: Vec<String>) -> Self {
        let error_count = values.iter().map(|value| value.errors.len()).sum();
        let (mut known, unknown): (Vec<_>, Vec<_>) =
            values.into_iter().partition(|value| def.key(&value.name).is_some());
        let mut configs: Vec<ConfigInfo> = unknown
            .into_iter()
            .map(|value| ConfigInfo { definition: None, value: Some(value.into()) })
            .collect();
        for key in def.keys() {
            let at = known.iter().position(|value| value.name == key.name);
            configs.push(ConfigInfo {
                definition: Some(key.into()),
                value: at.map(|at| known.swap_remove(at).into()),
            });
        }
        Self { name: name.to_owned(), error_count, groups, configs }
    }
    /// Several in one, as a connector's keys come from several definitions. The name is the
    /// first one's.
    #[must_use]
    pub fn merge(mut self, others: impl IntoIterator<Item = Self>) -> Self {
        for other in others {
            self.error_count += other.error_count;
            self.configs.extend(other.configs);
            for group in other.groups {
                if !self.groups.contains(&group) {
                    self.groups.push(group);
                }
            }
        }
        self
    }
}
