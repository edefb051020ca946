//! What a set of rules must be like, and how two become one.

use std::collections::BTreeSet;

use crate::error::RegistryError;
use crate::model::{Rule, RuleMode, RuleSet};

/// Longest name of a rule.
const NAME_CHARS_MAX: usize = 64;

impl RuleSet {
    /// Whether each rule is one, and stands where it may.
    pub(crate) fn validate(&self) -> Result<(), RegistryError> {
        let mut names = BTreeSet::new();
        let lists = [
            (&self.migration_rules, "Migration rules can only be UPGRADE, DOWNGRADE, UPDOWN", true),
            (&self.domain_rules, "Domain rules can only be WRITE, READ, WRITEREAD", false),
            (&self.encoding_rules, "Encoding rules can only be WRITE, READ, WRITEREAD", false),
        ];
        for (rules, wrong_mode, are_migrations) in lists {
            for rule in rules {
                let name = rule.name.as_deref().unwrap_or("null");
                if !names.insert(name) {
                    return Err(refused(format!("Found rule with duplicate name '{name}'")));
                }
                check(rule)?;
                let is_migration = matches!(
                    rule.mode,
                    Some(RuleMode::Upgrade | RuleMode::Downgrade | RuleMode::UpDown)
                );
                if rule.mode.is_none() || is_migration != are_migrations {
                    return Err(refused(wrong_mode));
                }
            }
        }
        Ok(())
    }

    /// Both, where the newer one wins.
    pub(crate) fn merged(old: Option<Self>, new: Option<Self>) -> Option<Self> {
        match (old, new) {
            (Some(old), Some(new)) => Some(Self {
                migration_rules: both(old.migration_rules, new.migration_rules),
                domain_rules: both(old.domain_rules, new.domain_rules),
                encoding_rules: both(old.encoding_rules, new.encoding_rules),
                enable_at: new.enable_at.or(old.enable_at),
            }),
            (old, new) => new.or(old),
        }
    }

    /// Without the rules of these names.
    pub(crate) fn without(mut self, names: &[String]) -> Self {
        let lists = [&mut self.migration_rules, &mut self.domain_rules, &mut self.encoding_rules];
        for rules in lists {
            rules.retain(|rule| rule.name.as_ref().is_none_or(|name| !names.contains(name)));
        }
        self
    }

    /// Whether one of its rules is executed by an executor of this type.
    pub(crate) fn has_type(&self, type_: &str) -> bool {
        let lists = [&self.migration_rules, &self.domain_rules, &self.encoding_rules];
        lists.into_iter().flatten().any(|rule| rule.type_.as_deref() == Some(type_))
    }
}

fn both(mut old: Vec<Rule>, new: Vec<Rule>) -> Vec<Rule> {
    old.retain(|rule| new.iter().all(|other| other.name != rule.name));
    old.extend(new);
    old
}

fn refused(message: impl Into<String>) -> RegistryError {
    RegistryError::invalid_rule_set(message)
}

fn check(rule: &Rule) -> Result<(), RegistryError> {
    let name = rule.name.as_deref().ok_or_else(|| refused("Missing rule name"))?;
    let first = name.chars().next().ok_or_else(|| refused("Empty rule name"))?;
    if name.chars().count() > NAME_CHARS_MAX {
        return Err(refused("Rule name too long"));
    }
    if !(first.is_alphabetic() || first == '_') {
        return Err(refused(format!("Illegal initial character in rule name: {name}")));
    }
    if !name.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '-') {
        return Err(refused(format!("Illegal character in rule name: {name}")));
    }
    if rule.type_.is_none() {
        return Err(refused("Missing rule type"));
    }
    let takes_two = matches!(rule.mode, None | Some(RuleMode::WriteRead | RuleMode::UpDown));
    let has_two = |action: &Option<String>| action.as_ref().is_some_and(|text| text.contains(','));
    if !takes_two && (has_two(&rule.on_success) || has_two(&rule.on_failure)) {
        return Err(refused("Multiple actions only valid with WRITEREAD and UPDOWN"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(json: &str) -> RuleSet {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn rules_are_checked() {
        let good = r#"{"domainRules":[{"name":"a","type":"CEL","mode":"WRITE","expr":"x"}]}"#;
        set(good).validate().unwrap();
        for (bad, reason) in [
            (good.replace("\"a\"", "\"1\""), "Illegal initial"),
            (good.replace("WRITE", "UPGRADE"), "Domain rules can only"),
            (good.replace(r#","type":"CEL""#, ""), "Missing rule type"),
            (good.replace(r#""expr":"x""#, r#""onFailure":"A,B""#), "Multiple actions"),
        ] {
            let refused = set(&bad).validate().unwrap_err();
            assert!(refused.code == 42210 && refused.message.contains(reason), "{refused}");
        }
    }

    #[test]
    fn the_newer_rule_wins() {
        let old = set(r#"{"domainRules":[{"name":"a","doc":"1"},{"name":"b"}]}"#);
        let new = set(r#"{"domainRules":[{"name":"a","doc":"2"}],"enableAt":"CLIENT"}"#);
        let both = RuleSet::merged(Some(old), Some(new)).unwrap();
        let names: Vec<_> = both.domain_rules.iter().map(|r| r.name.as_deref().unwrap()).collect();
        assert_eq!(names, ["b", "a"]);
        assert_eq!(both.domain_rules[1].doc.as_deref(), Some("2"));
        assert!(both.without(&["a".to_owned()]).domain_rules.len() == 1);
    }
}
