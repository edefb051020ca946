//! Differences of arrays and tuples.

use gantry_schema_model::Node;

use super::difference::DifferenceKind;
use super::scalar::{Limit, number};
use super::{Found, Part, Walk};
use crate::model::{ArrayRules, Kind, SchemaId};

/// An array's schema and its rules.
type Rules<'a> = (Part, &'a ArrayRules);

impl<'a> Walk<'a> {
    pub(super) fn compare_arrays(&mut self, old: Rules<'a>, new: Rules<'a>, found: &mut Found) {
        self.within("items", |walk| {
            walk.compare_some(part(old, old.1.items), part(new, new.1.items), found);
        });
        self.compare_tuples(old, new, found);
        self.compare_additional_items(old, new, found);
        let kinds =
            (DifferenceKind::UnevaluatedItemsRemoved, DifferenceKind::UnevaluatedItemsNarrowed);
        self.within("unevaluatedItems", |walk| {
            let (old, new) = (part(old, old.1.unevaluated), part(new, new.1.unevaluated));
            walk.compare_unevaluated(old, new, kinds, found);
        });
        self.compare_item_counts(old.1, new.1, found);
        self.compare_contained_counts(old, new, found);
    }

    fn compare_tuples(&mut self, old: Rules<'a>, new: Rules<'a>, found: &mut Found) {
        let olds = old.1.tuple.as_deref().unwrap_or_default();
        let news = new.1.tuple.as_deref().unwrap_or_default();
        for at in 0..olds.len().max(news.len()) {
            let original = part(old, olds.get(at).copied());
            let update = part(new, news.get(at).copied());
            self.path.push(format!("items/{at}").into());
            match (original, update) {
                (Some(original), Some(update)) => self.compare(original, update, found),
                (Some(original), None) => self.compare_removed_item(original, new, found),
                (None, Some(update)) => self.compare_added_item(update, old, found),
                (None, None) => (),
            }
            self.path.pop();
        }
    }

    fn compare_removed_item(&mut self, schema: Part, new: Rules<'a>, found: &mut Found) {
        if self.admits_all_items(new) {
            return;
        }
        if let Some(partial) = self.item_admitted(new) {
            if !self.compare_for(schema, partial, found) {
                self.note(DifferenceKind::ItemRemovedNotCoveredByPartiallyOpenContentModel, found);
            }
        } else if self.schema(schema).kind != Kind::False {
            self.note(DifferenceKind::ItemRemovedFromClosedContentModel, found);
        }
    }

    fn compare_added_item(&mut self, schema: Part, old: Rules<'a>, found: &mut Found) {
        if self.admits_all_items(old) {
            if !self.schema(schema).is_open() {
                self.note(DifferenceKind::ItemAddedToOpenContentModel, found);
            }
        } else if let Some(partial) = self.item_admitted(old)
            && !self.compare_for(partial, schema, found)
        {
            self.note(DifferenceKind::ItemAddedNotCoveredByPartiallyOpenContentModel, found);
        }
    }

    fn compare_additional_items(&mut self, old: Rules<'a>, new: Rules<'a>, found: &mut Found) {
        self.within("additionalItems", |walk| {
            match (admits_additional(old.1), admits_additional(new.1)) {
                (true, false) => walk.note(DifferenceKind::AdditionalItemsRemoved, found),
                (false, true) => (),
                _ => match (part(old, old.1.additional), part(new, new.1.additional)) {
                    (None, Some(_)) => walk.note(DifferenceKind::AdditionalItemsNarrowed, found),
                    (Some(original), Some(update)) => walk.compare(original, update, found),
                    (_, None) => (),
                },
            }
        });
    }

    fn compare_item_counts(&mut self, old: &ArrayRules, new: &ArrayRules, found: &mut Found) {
        let most = Limit {
            keyword: "maxItems",
            old: old.max_items,
            new: new.max_items,
            added: DifferenceKind::MaxItemsAdded,
            tightened: DifferenceKind::MaxItemsDecreased,
        };
        self.compare_maximum(&most, found);
        let least = Limit {
            keyword: "minItems",
            old: old.min_items,
            new: new.min_items,
            added: DifferenceKind::MinItemsAdded,
            tightened: DifferenceKind::MinItemsIncreased,
        };
        self.compare_minimum(&least, found);
        if !old.unique && new.unique {
            self.note_at("uniqueItems", DifferenceKind::UniqueItemsAdded, found);
        }
    }

    fn compare_contained_counts(&mut self, old: Rules<'a>, new: Rules<'a>, found: &mut Found) {
        let most = Limit {
            keyword: "maxContains",
            old: self.contained(old, "maxContains", &old.1.max_contains),
            new: self.contained(new, "maxContains", &new.1.max_contains),
            added: DifferenceKind::MaxContainsAdded,
            tightened: DifferenceKind::MaxContainsDecreased,
        };
        self.compare_maximum(&most, found);
        let least = Limit {
            keyword: "minContains",
            old: self.contained(old, "minContains", &old.1.min_contains),
            new: self.contained(new, "minContains", &new.1.min_contains),
            added: DifferenceKind::MinContainsAdded,
            tightened: DifferenceKind::MinContainsIncreased,
        };
        self.compare_minimum(&least, found);
    }

    /// A limit on what `contains` finds. Drafts that do not know it have it as it was written.
    fn contained(&self, (part, _): Rules<'a>, key: &str, known: &Option<String>) -> Option<f64> {
        let written = match self.schema(part).extension(key) {
            Some(Node::Number(text)) => Some(text.clone()),
            _ => None,
        };
        number(known).or_else(|| number(&written)).map(f64::trunc)
    }

    /// Whether an array may have any item behind its tuple.
    fn admits_all_items(&self, (at, rules): Rules<'a>) -> bool {
        admits_additional(rules)
            && rules.additional.is_none()
            && rules.unevaluated.is_none_or(|id| self.document(at.side).get(id).is_open())
    }

    /// The schema that items behind the tuple must fit.
    fn item_admitted(&self, (at, rules): Rules<'a>) -> Option<Part> {
        let admitted = match rules.additional {
            Some(schema) => Some(schema),
            None if admits_additional(rules) => rules.unevaluated.filter(|id| {
                let schema = self.document(at.side).get(*id);
                schema.kind != Kind::False && !schema.is_open()
            }),
            None => None,
        };
        admitted.map(|id| Part { side: at.side, id })
    }
}

fn part((at, _): Rules<'_>, id: Option<SchemaId>) -> Option<Part> {
    id.map(|id| Part { side: at.side, id })
}

/// Items of one schema, or a schema for those behind the tuple, admit more whatever is said of it.
fn admits_additional(rules: &ArrayRules) -> bool {
    rules.admits_additional || rules.items.is_some() || rules.additional.is_some()
}
