//! Validation of a whole configuration: every key with all its faults.

use std::collections::BTreeMap;

use indexmap::IndexMap;

use super::data::ConfigData;
use super::def::{ConfigDef, Given, NullableProps};
use super::parsed::ParsedConfig;
use crate::plugin::Props;

/// How long a chain of dependents may be: a longer one runs in a circle.
const MAX_CHAIN: usize = 64;

/// The outcome of validating one key.
#[derive(Clone, Debug, PartialEq)]
pub struct ConfigValue {
    /// The key.
    pub name: String,
    /// The parsed value as text; a password as `[hidden]`.
    pub value: Option<String>,
    /// The parsed value; null where the text could not be parsed.
    pub data: ConfigData,
    /// Values that fit.
    pub recommended_values: Vec<String>,
    /// What is wrong.
    pub errors: Vec<String>,
    /// Whether the key matters in this configuration.
    pub visible: bool,
}

impl ConfigValue {
    /// No value, no errors, visible.
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            value: None,
            data: ConfigData::Null,
            recommended_values: Vec::new(),
            errors: Vec::new(),
            visible: true,
        }
    }
    /// Sets the value, and the text that shows it.
    pub fn set(&mut self, data: ConfigData) {
        self.value = data.to_display();
        self.data = data;
    }
}

type Results = IndexMap<String, ConfigValue>;

impl ConfigDef {
    /// Every key with its value, its errors and its recommended values, in the order defined;
    /// then dependents that nobody defined.
    pub fn validate(&self, props: &Props) -> Vec<ConfigValue> {
        self.validate_given(&|name| props.get(name).map(|text| Some(text.as_str())))
    }
    /// The same for properties that may be null: null is then the value, not the default.
    pub fn validate_nullable(&self, props: &NullableProps) -> Vec<ConfigValue> {
        self.validate_given(&|name| props.get(name).map(Option::as_deref))
    }
    fn validate_given<'a>(&self, given: &dyn Fn(&str) -> Given<'a>) -> Vec<ConfigValue> {
        let mut results: Results =
            self.keys.keys().map(|name| (name.clone(), ConfigValue::new(name))).collect();
        for name in self.undefined_dependents() {
            let mut value = ConfigValue::new(name);
            value.errors.push(format!("{name} is referred in the dependents, but not defined."));
            value.visible = false;
            results.insert(name.to_owned(), value);
        }
        let roots: Vec<&str> = self
            .keys
            .keys()
            .filter(|name| !self.keys.values().any(|key| key.dependents.contains(name)))
            .map(String::as_str)
            .collect();
        let mut parsed = ParsedConfig { values: BTreeMap::new() };
        for root in &roots {
            self.parse_chain(root, given, &mut parsed, &mut results, 0);
        }
        for root in &roots {
            self.recommend_chain(root, &parsed, &mut results, 0);
        }
        results.into_values().collect()
    }
    /// Parses a key, then what hangs on it: a key with two parents is judged twice, as in Kafka.
    fn parse_chain<'a>(
        &self,
        name: &str,
        given: &dyn Fn(&str) -> Given<'a>,
        parsed: &mut ParsedConfig,
        results: &mut Results,
        depth: usize,
    ) {
        let (Some(key), Some(result)) = (self.keys.get(name), results.get_mut(name)) else {
            return;
        };
        let value = match self.read(key, given(name)) {
            Ok(value) => value,
            Err(error) => {
                result.errors.push(error.message().to_owned());
                ConfigData::Null
            }
        };
        // Also what could not be parsed: a range then says once more that there is no number.
        if let Some(validator) = &key.validator
            && let Err(error) = validator.check(name, &value)
        {
            result.errors.push(error.message().to_owned());
        }
        result.set(value.clone());
        parsed.values.insert(name.to_owned(), value);
        if depth < MAX_CHAIN {
            for dependent in &key.dependents {
                self.parse_chain(dependent, given, parsed, results, depth + 1);
            }
        }
    }
    fn recommend_chain(
        &self,
        name: &str,
        parsed: &ParsedConfig,
        results: &mut Results,
        depth: usize,
    ) {
        let (Some(key), Some(result)) = (self.keys.get(name), results.get_mut(name)) else {
            return;
        };
        if let Some(recommender) = &key.recommender {
            let mut values = recommender.valid_values(name, parsed);
            let before = &result.recommended_values;
            values.retain(|value| before.is_empty() || before.contains(value));
            result.recommended_values = values;
            result.visible = recommender.visible(name, parsed);
        }
        if depth < MAX_CHAIN {
            for dependent in &key.dependents {
                self.recommend_chain(dependent, parsed, results, depth + 1);
            }
        }
    }
}
