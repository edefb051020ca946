//! All rules.

use super::rule::Rule;
use super::{converters, dialects, errors, flow, keys, placeholders, secrets, stages};
use super::{syntax, topics, values, worker};

/// All rules by code.
pub(super) fn all() -> Vec<&'static Rule> {
    let lists = [
        syntax::RULES,
        keys::RULES,
        values::RULES,
        stages::RULES,
        converters::RULES,
        flow::RULES,
        errors::RULES,
        topics::RULES,
        secrets::RULES,
        placeholders::RULES,
        dialects::RULES,
        worker::RULES,
    ];
    let mut rules: Vec<&Rule> = lists.concat();
    rules.sort_by_key(|rule| rule.code);
    rules
}

/// The rule of a code, in any case of letters.
pub(super) fn find(code: &str) -> Option<&'static Rule> {
    all().into_iter().find(|rule| rule.code.eq_ignore_ascii_case(code))
}
