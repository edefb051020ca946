//! What subjects, contexts and the whole registry are set to.

use serde::{Deserialize, Serialize};

use crate::model::{Metadata, RuleSet};

/// Which versions a new one must go with, and in which direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Level {
    /// Its name.
    pub(crate) name: &'static str,
    /// The new version reads what was written with the old one.
    pub(crate) backward: bool,
    /// The old version reads what was written with the new one.
    pub(crate) forward: bool,
    /// All old versions are meant, not the latest only.
    pub(crate) transitive: bool,
}

const fn level(name: &'static str, backward: bool, forward: bool, transitive: bool) -> Level {
    Level { name, backward, forward, transitive }
}

const LEVELS: [Level; 7] = [
    level("NONE", false, false, false),
    level("BACKWARD", true, false, false),
    level("FORWARD", false, true, false),
    level("FULL", true, true, false),
    level("BACKWARD_TRANSITIVE", true, false, true),
    level("FORWARD_TRANSITIVE", false, true, true),
    level("FULL_TRANSITIVE", true, true, true),
];

impl Level {
    /// The level of a name, in any case.
    pub(crate) fn named(name: &str) -> Option<Self> {
        LEVELS.into_iter().find(|level| level.name.eq_ignore_ascii_case(name))
    }
}

/// What may be done to a subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    ReadWrite,
    ReadOnly,
    ReadOnlyOverride,
    Import,
    Forward,
}

impl Mode {
    const ALL: [(&'static str, Self); 5] = [
        ("READWRITE", Self::ReadWrite),
        ("READONLY", Self::ReadOnly),
        ("READONLY_OVERRIDE", Self::ReadOnlyOverride),
        ("IMPORT", Self::Import),
        ("FORWARD", Self::Forward),
    ];

    /// The mode of a name, in any case.
    pub(crate) fn named(name: &str) -> Option<Self> {
        let found = Self::ALL.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, mode)| *mode)
    }

    /// Its name.
    pub(crate) fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, mode)| *mode == self).map_or("READWRITE", |(name, _)| name)
    }

    /// Whether nothing may be written.
    pub(crate) fn is_read_only(self) -> bool {
        matches!(self, Self::ReadOnly | Self::ReadOnlyOverride)
    }

    /// Whether those who register say ids and versions themselves, and nothing is checked.
    pub(crate) fn is_import(self) -> bool {
        matches!(self, Self::Import | Self::Forward)
    }
}

/// A config, as it is kept and shown.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Config {
    #[serde(default, skip_serializing_if = "is_blank")]
    pub(crate) alias: Option<String>,
    #[serde(default, skip_serializing_if = "is_blank")]
    pub(crate) alias_for_deks: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) normalize: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) validate_fields: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) validate_new_schemas: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) validate_rules: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) compatibility_level: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) compatibility_policy: Option<String>,
    #[serde(default, skip_serializing_if = "is_blank")]
    pub(crate) compatibility_group: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) default_metadata: Option<Metadata>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) override_metadata: Option<Metadata>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) default_rule_set: Option<RuleSet>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) override_rule_set: Option<RuleSet>,
}

fn is_blank(text: &Option<String>) -> bool {
    text.as_ref().is_none_or(String::is_empty)
}

impl Config {
    /// One that says nothing but the level.
    pub(crate) fn of_level(level: &str) -> Self {
        Self { compatibility_level: Some(level.to_owned()), ..Self::default() }
    }

    /// Whether it adds something to what is registered.
    pub(crate) fn adds_to_schemas(&self) -> bool {
        self.default_metadata.is_some()
            || self.override_metadata.is_some()
            || self.default_rule_set.is_some()
            || self.override_rule_set.is_some()
    }

    /// Whether of JSON objects only the properties count that both schemas know.
    pub(crate) fn is_lenient(&self) -> bool {
        self.compatibility_policy.as_deref() == Some("LENIENT")
    }

    /// The level.
    pub(crate) fn level(&self) -> Level {
        let name = self.compatibility_level.as_deref().unwrap_or_default();
        Level::named(name).unwrap_or(LEVELS[1])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_in_any_case() {
        assert_eq!(Level::named("full_transitive").unwrap().name, "FULL_TRANSITIVE");
        assert!(Level::named("wrong").is_none());
        assert_eq!(Mode::named("readonly_override").unwrap().name(), "READONLY_OVERRIDE");
        assert!(Mode::named("READONLY_OVERRIDE").unwrap().is_read_only());
    }

    #[test]
    fn what_is_not_set_is_not_shown() {
        let config = Config { alias: Some(String::new()), ..Config::of_level("FULL") };
        let json = serde_json::to_string(&config).unwrap();
        assert_eq!(json, r#"{"compatibilityLevel":"FULL"}"#);
    }
}
