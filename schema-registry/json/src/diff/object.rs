//! Differences of objects.

use std::collections::{HashMap, HashSet};
use std::time::Instant;

use gantry_model::regex::JavaPattern;

use super::difference::DifferenceKind;
use super::scalar::Limit;
use super::{Found, Part, Side, Walk};
use crate::hash_order;
use crate::model::{Kind, ObjectRules, SchemaId};

type Rules<'a> = (Side, &'a ObjectRules);

impl<'a> Walk<'a> {
    pub(super) fn compare_objects(&mut self, old: Rules<'a>, new: Rules<'a>, found: &mut Found) {
        if !self.spend(old.1.properties.len() + new.1.properties.len()) {
            return;
        }
        let required: HashSet<&str> = new.1.required.iter().map(String::as_str).collect();
        self.compare_required(old, new, &required, found);
        self.compare_properties(old, new, &required, found);
        self.within("dependencies", |walk| {
            walk.compare_property_dependencies(old.1, new.1, found);
            walk.compare_schema_dependencies(old, new, found);
        });
        self.compare_additional(old, new, found);
        self.compare_unevaluated_properties(old, new, found);
        self.compare_counts(old.1, new.1, found);
    }

    fn compare_required(
        &mut self,
        old: Rules<'a>,
        new: Rules<'a>,
        required: &HashSet<&str>,
        found: &mut Found,
    ) {
        let was_required: HashSet<&str> = old.1.required.iter().map(String::as_str).collect();
        let schemas = by_name(&new.1.properties);
        for name in hash_order::keys_in_map(&old.1.properties) {
            let Some(schema) = schemas.get(name) else { continue };
            let has_default = self.document(new.0).get(*schema).default.is_some();
            if required.contains(name) && !was_required.contains(name) && !has_default {
                self.within("required", |walk| {
                    walk.within(name, |walk| {
                        walk.note(DifferenceKind::RequiredAttributeAdded, found);
                    });
                });
            }
        }
    }

    fn compare_properties(
        &mut self,
        old: Rules<'a>,
        new: Rules<'a>,
        required: &HashSet<&str>,
        found: &mut Found,
    ) {
        let (olds, news) = (by_name(&old.1.properties), by_name(&new.1.properties));
        self.path.push("properties".into());
        for name in hash_order::in_union(&old.1.properties, &new.1.properties) {
            let part = |schemas: &HashMap<&str, SchemaId>, side| {
                schemas.get(name).map(|id| Part { side, id: *id })
            };
            self.path.push(name.into());
            match (part(&olds, old.0), part(&news, new.0)) {
                (Some(old), Some(new)) => self.compare(old, new, found),
                (Some(schema), None) => self.compare_removed(name, schema, new, found),
                (None, Some(schema)) => {
                    self.compare_added(name, schema, old, required.contains(name), found);
                }
                (None, None) => (),
            }
            self.path.pop();
        }
        self.path.pop();
    }

    fn compare_removed(&mut self, name: &str, schema: Part, new: Rules<'a>, found: &mut Found) {
        if self.is_open(new) {
            return;
        }
        if let Some(partial) = self.partially_open(new, name) {
            if !self.compare_for(schema, partial, found) {
                self.note(
                    DifferenceKind::PropertyRemovedNotCoveredByPartiallyOpenContentModel,
                    found,
                );
            }
        } else if self.schema(schema).kind != Kind::False {
            self.note(DifferenceKind::PropertyRemovedFromClosedContentModel, found);
        }
    }

    fn compare_added(
        &mut self,
        name: &str,
        schema: Part,
        old: Rules<'a>,
        required: bool,
        found: &mut Found,
    ) {
        let has_default = self.schema(schema).default.is_some();
        if self.is_open(old) {
            if !self.schema(schema).is_open() {
                let kind = match (required, has_default) {
                    (true, true) => {
                        DifferenceKind::RequiredPropertyWithDefaultAddedToOpenContentModel
                    }
                    (true, false) => DifferenceKind::RequiredPropertyAddedToOpenContentModel,
                    (false, _) => DifferenceKind::OptionalPropertyAddedToOpenContentModel,
                };
                self.note(kind, found);
            }
            return;
        }
        if let Some(partial) = self.partially_open(old, name)
            && !self.compare_for(partial, schema, found)
        {
            self.note(DifferenceKind::PropertyAddedNotCoveredByPartiallyOpenContentModel, found);
        }
        if required && !has_default {
            self.note(DifferenceKind::RequiredPropertyAddedToUnopenContentModel, found);
        }
    }

    fn compare_property_dependencies(
        &mut self,
        old: &'a ObjectRules,
        new: &'a ObjectRules,
        found: &mut Found,
    ) {
        let names = |rules: &'a ObjectRules| -> HashMap<&'a str, HashSet<&'a str>> {
            let mut all: HashMap<&str, HashSet<&str>> = HashMap::new();
            for (name, required) in &rules.property_dependencies {
                all.entry(name).or_default().extend(required.iter().map(String::as_str));
            }
            all
        };
        let (olds, news) = (names(old), names(new));
        for name in hash_order::in_union(&old.property_dependencies, &new.property_dependencies) {
            let Some(new) = news.get(name) else { continue };
            let kind = match olds.get(name) {
                None => DifferenceKind::DependencyArrayAdded,
                Some(old) if old.is_superset(new) => continue,
                Some(old) if new.is_superset(old) => DifferenceKind::DependencyArrayExtended,
                Some(_) => DifferenceKind::DependencyArrayChanged,
            };
            self.within(name, |walk| walk.note(kind, found));
        }
    }

    fn compare_schema_dependencies(&mut self, old: Rules<'a>, new: Rules<'a>, found: &mut Found) {
        let olds = by_name(&old.1.schema_dependencies);
        let news = by_name(&new.1.schema_dependencies);
        let names = hash_order::in_union(&old.1.schema_dependencies, &new.1.schema_dependencies);
        for name in names {
            let Some(update) = news.get(name) else { continue };
            self.within(name, |walk| match olds.get(name) {
                None => walk.note(DifferenceKind::DependencySchemaAdded, found),
                Some(original) => walk.compare(
                    Part { side: old.0, id: *original },
                    Part { side: new.0, id: *update },
                    found,
                ),
            });
        }
    }

    fn compare_additional(&mut self, old: Rules<'a>, new: Rules<'a>, found: &mut Found) {
        self.within("additionalProperties", |walk| {
            match (old.1.admits_additional, new.1.admits_additional) {
                (true, false) => {
                    walk.note(DifferenceKind::AdditionalPropertiesRemoved, found);
                    return;
                }
                (false, true) => return,
                _ => (),
            }
            match (old.1.additional, new.1.additional) {
                (None, Some(_)) => walk.note(DifferenceKind::AdditionalPropertiesNarrowed, found),
                (Some(original), Some(update)) => walk.compare(
                    Part { side: old.0, id: original },
                    Part { side: new.0, id: update },
                    found,
                ),
                (_, None) => (),
            }
        });
    }

    fn compare_unevaluated_properties(
        &mut self,
        old: Rules<'a>,
        new: Rules<'a>,
        found: &mut Found,
    ) {
        let part = |(side, rules): Rules<'a>| rules.unevaluated.map(|id| Part { side, id });
        let kinds = (
            DifferenceKind::UnevaluatedPropertiesRemoved,
            DifferenceKind::UnevaluatedPropertiesNarrowed,
        );
        self.within("unevaluatedProperties", |walk| {
            walk.compare_unevaluated(part(old), part(new), kinds, found);
        });
    }

    /// Compares schemas for what no other schema has seen. `kinds`: it is no longer admitted, it
    /// has to fit a schema.
    pub(super) fn compare_unevaluated(
        &mut self,
        old: Option<Part>,
        new: Option<Part>,
        (removed, narrowed): (DifferenceKind, DifferenceKind),
        found: &mut Found,
    ) {
        let Some(new) = new else { return };
        let is_false = |walk: &Self, part| walk.schema(part).kind == Kind::False;
        let Some(old) = old else {
            let kind = if is_false(self, new) { removed } else { narrowed };
            self.note(kind, found);
            return;
        };
        match (is_false(self, old), is_false(self, new)) {
            (true, false) => return,
            (false, true) => return self.note(removed, found),
            _ => (),
        }
        match (self.schema(old).is_open(), self.schema(new).is_open()) {
            (true, false) => self.note(narrowed, found),
            (false, true) => (),
            _ => self.compare(old, new, found),
        }
    }

    fn compare_counts(&mut self, old: &ObjectRules, new: &ObjectRules, found: &mut Found) {
        let most = Limit {
            keyword: "maxProperties",
            old: old.max_properties,
            new: new.max_properties,
            added: DifferenceKind::MaxPropertiesAdded,
            tightened: DifferenceKind::MaxPropertiesDecreased,
        };
        self.compare_maximum(&most, found);
        let least = Limit {
            keyword: "minProperties",
            old: old.min_properties,
            new: new.min_properties,
            added: DifferenceKind::MinPropertiesAdded,
            tightened: DifferenceKind::MinPropertiesIncreased,
        };
        self.compare_minimum(&least, found);
    }

    /// Whether an object may have any property that is not named.
    fn is_open(&self, (side, rules): Rules<'a>) -> bool {
        rules.admits_additional
            && rules.additional.is_none()
            && rules.patterns.is_empty()
            && rules.unevaluated.is_none_or(|id| self.document(side).get(id).is_open())
    }

    /// The schema that a property must fit that is not named.
    fn partially_open(&mut self, (side, rules): Rules<'a>, name: &str) -> Option<Part> {
        for (pattern, schema) in &rules.patterns {
            // What a pattern takes says only the clock: a microsecond counts as a step.
            let begun = Instant::now();
            let compiled = self
                .patterns
                .entry(pattern.as_str())
                .or_insert_with(|| JavaPattern::compile(pattern).ok());
            let is_found = compiled.as_ref().is_some_and(|pattern| pattern.is_found(name));
            let took = usize::try_from(begun.elapsed().as_micros()).unwrap_or(usize::MAX);
            if !self.spend(took.saturating_add(1)) {
                return None;
            }
            if is_found {
                return Some(Part { side, id: *schema });
            }
        }
        let admitted = match rules.additional {
            Some(schema) => Some(schema),
            None if rules.admits_additional => rules.unevaluated.filter(|id| {
                let schema = self.document(side).get(*id);
                schema.kind != Kind::False && !schema.is_open()
            }),
            None => None,
        };
        admitted.map(|id| Part { side, id })
    }
}

fn by_name(schemas: &[(String, SchemaId)]) -> HashMap<&str, SchemaId> {
    schemas.iter().map(|(name, schema)| (name.as_str(), *schema)).collect()
}
