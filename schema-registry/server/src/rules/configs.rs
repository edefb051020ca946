//! Changes configs.

use serde_json::{Map, Value as Json};

use super::Verdict;
use super::register::check_writable;
use crate::config::{Config, Level};
use crate::error::RegistryError;
use crate::model::{Metadata, RuleSet};
use crate::records::Draft;
use crate::shared::Shared;

/// What a request says of a member: nothing, that it goes, or what it becomes.
type Change<T> = Option<Option<T>>;

/// What a request changes.
#[derive(Clone, Debug, Default)]
pub(crate) struct ConfigUpdate {
    pub(crate) alias: Change<String>,
    pub(crate) alias_for_deks: Change<String>,
    pub(crate) normalize: Change<bool>,
    pub(crate) validate_fields: Change<bool>,
    pub(crate) validate_new_schemas: Change<bool>,
    pub(crate) validate_rules: Change<bool>,
    pub(crate) compatibility: Change<String>,
    pub(crate) compatibility_policy: Change<String>,
    pub(crate) compatibility_group: Change<String>,
    pub(crate) default_metadata: Change<Metadata>,
    pub(crate) override_metadata: Change<Metadata>,
    pub(crate) default_rule_set: Change<RuleSet>,
    pub(crate) override_rule_set: Change<RuleSet>,
}

const POLICIES: [&str; 2] = ["STRICT", "LENIENT"];

fn policy(name: &str) -> Option<String> {
    let known = POLICIES.into_iter().find(|policy| policy.eq_ignore_ascii_case(name));
    known.map(str::to_owned)
}

fn changed<T: Clone>(change: &Change<T>, old: Option<T>) -> Option<T> {
    change.clone().unwrap_or(old)
}

impl ConfigUpdate {
    /// Whether it says what can be.
    pub(crate) fn validate(&self) -> Result<(), RegistryError> {
        if let Some(Some(level)) = &self.compatibility
            && Level::named(level).is_none()
        {
            return Err(RegistryError::invalid_compatibility());
        }
        for rules in [&self.default_rule_set, &self.override_rule_set].into_iter().flatten() {
            rules.as_ref().map_or(Ok(()), RuleSet::validate)?;
        }
        Ok(())
    }

    fn applied_to(&self, old: Config) -> Config {
        let named = |change: &Change<String>, name: fn(&str) -> Option<String>| {
            change.as_ref().map(|change| change.as_deref().and_then(name))
        };
        let level = named(&self.compatibility, |name| Level::named(name).map(|l| l.name.into()));
        let policy = named(&self.compatibility_policy, policy);
        Config {
            alias: changed(&self.alias, old.alias),
            alias_for_deks: changed(&self.alias_for_deks, old.alias_for_deks),
            normalize: changed(&self.normalize, old.normalize),
            validate_fields: changed(&self.validate_fields, old.validate_fields),
            validate_new_schemas: changed(&self.validate_new_schemas, old.validate_new_schemas),
            validate_rules: changed(&self.validate_rules, old.validate_rules),
            compatibility_level: changed(&level, old.compatibility_level),
            compatibility_policy: changed(&policy, old.compatibility_policy),
            compatibility_group: changed(&self.compatibility_group, old.compatibility_group),
            default_metadata: changed(&self.default_metadata, old.default_metadata),
            override_metadata: changed(&self.override_metadata, old.override_metadata),
            default_rule_set: changed(&self.default_rule_set, old.default_rule_set),
            override_rule_set: changed(&self.override_rule_set, old.override_rule_set),
        }
    }
}

/// A config as the answer to a change shows it: the level has another name there.
pub(crate) fn shown(config: &Config) -> Json {
    let Ok(Json::Object(members)) = serde_json::to_value(config) else { return Json::Null };
    let renamed = members.into_iter().map(|(name, value)| {
        let is_level = name == "compatibilityLevel";
        (if is_level { "compatibility".to_owned() } else { name }, value)
    });
    Json::Object(renamed.collect::<Map<_, _>>())
}

/// Judges the change of a config; an empty name is that of the default context.
pub(crate) fn update(
    shared: &Shared,
    name: &str,
    update: &ConfigUpdate,
) -> Result<Verdict<Json>, RegistryError> {
    let expect = shared.state().expect_rules(name);
    check_writable(shared, name)?;
    let old = shared.state().config(name).cloned();
    let config = update.applied_to(old.as_deref().cloned().unwrap_or_default());
    let mut value = serde_json::to_value(&config).unwrap_or_default();
    if !name.is_empty() {
        value["subject"] = Json::from(name);
    }
    Ok(Verdict::write(Draft::config(name, value), expect, shown(&config)))
}

/// Judges the removal of a config; gives what it was.
pub(crate) fn delete(shared: &Shared, name: &str) -> Result<Verdict<Config>, RegistryError> {
    let expect = shared.state().expect_rules(name);
    let Some(old) = shared.config(name) else {
        return Err(RegistryError::subject_not_found(name));
    };
    check_writable(shared, name)?;
    if shared.state().config(name).is_none() {
        return Ok(Verdict::Answer(old));
    }
    Ok(Verdict::write(Draft::config(name, Json::Null), expect, old))
}
