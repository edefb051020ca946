//! Differences of texts, numbers and fixed values.

use std::collections::HashSet;

use gantry_schema_model::Node;

use super::difference::DifferenceKind;
use super::{Found, Walk};
use crate::model::{NumberRules, StringRules};
use crate::text::sorted;

/// The limits that only grow tighter if they grow.
pub(super) struct Limit<T> {
    pub(super) keyword: &'static str,
    pub(super) old: Option<T>,
    pub(super) new: Option<T>,
    pub(super) added: DifferenceKind,
    pub(super) tightened: DifferenceKind,
}

impl Walk<'_> {
    /// Compares a lower limit.
    pub(super) fn compare_minimum<T: PartialOrd>(&mut self, limit: &Limit<T>, found: &mut Found) {
        match (&limit.old, &limit.new) {
            (None, Some(_)) => self.note_at(limit.keyword, limit.added, found),
            (Some(old), Some(new)) if old < new => {
                self.note_at(limit.keyword, limit.tightened, found);
            }
            _ => (),
        }
    }

    /// Compares an upper limit.
    pub(super) fn compare_maximum<T: PartialOrd>(&mut self, limit: &Limit<T>, found: &mut Found) {
        match (&limit.old, &limit.new) {
            (None, Some(_)) => self.note_at(limit.keyword, limit.added, found),
            (Some(old), Some(new)) if old > new => {
                self.note_at(limit.keyword, limit.tightened, found);
            }
            _ => (),
        }
    }

    pub(super) fn compare_strings(
        &mut self,
        old: &StringRules,
        new: &StringRules,
        found: &mut Found,
    ) {
        let longest = Limit {
            keyword: "maxLength",
            old: old.max_length,
            new: new.max_length,
            added: DifferenceKind::MaxLengthAdded,
            tightened: DifferenceKind::MaxLengthDecreased,
        };
        self.compare_maximum(&longest, found);
        let shortest = Limit {
            keyword: "minLength",
            old: old.min_length,
            new: new.min_length,
            added: DifferenceKind::MinLengthAdded,
            tightened: DifferenceKind::MinLengthIncreased,
        };
        self.compare_minimum(&shortest, found);
        match (&old.pattern, &new.pattern) {
            (None, Some(_)) => self.note_at("pattern", DifferenceKind::PatternAdded, found),
            (Some(old), Some(new)) if old != new => {
                self.note_at("pattern", DifferenceKind::PatternChanged, found);
            }
            _ => (),
        }
    }

    pub(super) fn compare_numbers(
        &mut self,
        old: &NumberRules,
        new: &NumberRules,
        found: &mut Found,
    ) {
        let mut limit = Limit {
            keyword: "maximum",
            old: number(&old.maximum),
            new: number(&new.maximum),
            added: DifferenceKind::MaximumAdded,
            tightened: DifferenceKind::MaximumDecreased,
        };
        self.compare_maximum(&limit, found);
        limit = Limit {
            keyword: "minimum",
            old: number(&old.minimum),
            new: number(&new.minimum),
            added: DifferenceKind::MinimumAdded,
            tightened: DifferenceKind::MinimumIncreased,
        };
        self.compare_minimum(&limit, found);
        limit = Limit {
            keyword: "exclusiveMaximum",
            old: number(&old.exclusive_maximum),
            new: number(&new.exclusive_maximum),
            added: DifferenceKind::ExclusiveMaximumAdded,
            tightened: DifferenceKind::ExclusiveMaximumDecreased,
        };
        self.compare_maximum(&limit, found);
        limit = Limit {
            keyword: "exclusiveMinimum",
            old: number(&old.exclusive_minimum),
            new: number(&new.exclusive_minimum),
            added: DifferenceKind::ExclusiveMinimumAdded,
            tightened: DifferenceKind::ExclusiveMinimumIncreased,
        };
        self.compare_minimum(&limit, found);
        if let Some(kind) = multiples(old.multiple_of.as_deref(), new.multiple_of.as_deref()) {
            self.note_at("multipleOf", kind, found);
        }
        if !old.integer && new.integer {
            self.note(DifferenceKind::TypeNarrowed, found);
        }
    }

    pub(super) fn compare_constants(&mut self, old: &Node, new: &Node, found: &mut Found) {
        if sorted(old) != sorted(new) {
            self.note_at("const", DifferenceKind::EnumArrayChanged, found);
        }
    }

    pub(super) fn compare_enums(&mut self, old: &[Node], new: &[Node], found: &mut Found) {
        if !self.spend(old.len() + new.len()) {
            return;
        }
        let texts = |values: &[Node]| -> HashSet<String> {
            values.iter().map(|value| sorted(value).to_string()).collect()
        };
        let (old, new) = (texts(old), texts(new));
        if new.is_superset(&old) {
            return;
        }
        let kind = if old.is_superset(&new) {
            DifferenceKind::EnumArrayNarrowed
        } else {
            DifferenceKind::EnumArrayChanged
        };
        self.note_at("enum", kind, found);
    }
}

/// A number as `Number.doubleValue` gives it.
pub(super) fn number(text: &Option<String>) -> Option<f64> {
    text.as_deref().and_then(|text| text.parse().ok())
}

fn multiples(old: Option<&str>, new: Option<&str>) -> Option<DifferenceKind> {
    let (old, new) = match (old, new) {
        (None, Some(_)) => return Some(DifferenceKind::MultipleOfAdded),
        (Some(old), Some(new)) if old != new => {
            (old.parse::<f64>().ok()?, new.parse::<f64>().ok()?)
        }
        _ => return None,
    };
    // Whole parts count, but where one has none.
    let whole = old.trunc() != 0.0 && new.trunc() != 0.0;
    let (old, new) = if whole { (old.trunc(), new.trunc()) } else { (old, new) };
    let is_multiple = |of: f64, factor: f64| {
        let ratio = of / factor;
        ratio.is_finite() && (ratio - ratio.round()).abs() <= 1e-9 * ratio.abs().max(1.0)
    };
    if is_multiple(new, old) {
        Some(DifferenceKind::MultipleOfExpanded)
    } else if is_multiple(old, new) {
        None
    } else {
        Some(DifferenceKind::MultipleOfChanged)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn multiples_are_found() {
        assert_eq!(multiples(None, Some("2")), Some(DifferenceKind::MultipleOfAdded));
        assert_eq!(multiples(Some("2"), None), None);
        assert_eq!(multiples(Some("2"), Some("2")), None);
        assert_eq!(multiples(Some("2"), Some("4")), Some(DifferenceKind::MultipleOfExpanded));
        assert_eq!(multiples(Some("4"), Some("2")), None);
        assert_eq!(multiples(Some("2"), Some("3")), Some(DifferenceKind::MultipleOfChanged));
        assert_eq!(multiples(Some("0.1"), Some("0.3")), Some(DifferenceKind::MultipleOfExpanded));
        assert_eq!(multiples(Some("0.5"), Some("0.25")), None);
    }
}
