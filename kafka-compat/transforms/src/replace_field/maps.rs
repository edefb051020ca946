//! Dropping and renaming in schemaless maps. What becomes of a map hangs on its keys alone: it
//! is worked out once for maps of one shape.

use gantry_model::map::ShapeCache;
use gantry_model::{MapValue, Result, Value};

use super::Rules;
use crate::support::no_text_key;

/// What becomes of the maps of one shape.
#[derive(Debug)]
pub(super) struct Plan {
    /// For each entry as it was put: whether it stays, and its new key.
    actions: Vec<Action>,
    /// The entries that stay in the order in which Java puts them into the new map; empty where
    /// they can stay as they are, because that makes no difference.
    puts: Vec<(usize, Value)>,
}

#[derive(Debug)]
enum Action {
    Drop,
    Keep,
    Rename(Value),
}

impl Rules {
    /// Drops and renames entries.
    pub(super) fn change_map(
        &self,
        map: &mut MapValue,
        plans: &mut ShapeCache<Plan>,
    ) -> Result<()> {
        if let Some(place) = plans.place(map, false, |map| self.plan_map(map))
            && let Some(plan) = plans.get(place)
        {
            plan.apply(map);
            return Ok(());
        }
        let odd = |key: &Value| !matches!(key, Value::String(_) | Value::Null);
        match map.entries().iter().find(|(key, _)| odd(key)) {
            Some((key, _)) => Err(no_text_key(key)),
            None => {
                self.plan_map(map).apply(map);
                Ok(())
            }
        }
    }

    fn plan_map(&self, map: &MapValue) -> Plan {
        let actions: Vec<Action> = map.entries().iter().map(|(key, _)| self.action(key)).collect();
        let capacity = map.len();
        let new_key = |place: usize| match (actions.get(place)?, map.entries().get(place)?) {
            (Action::Drop, _) => None,
            (Action::Keep, (key, _)) => Some(key.clone()),
            (Action::Rename(key), _) => Some(key.clone()),
        };
        // As Java does it: from the old map, in its order, into a new one.
        let order = map.order().unwrap_or_else(|| (0..capacity).collect());
        let place_of = |place: usize| Value::Int64(i64::try_from(place).unwrap_or(0));
        let put = |order: &[usize]| {
            let entries = order.iter().filter_map(|&at| Some((new_key(at)?, place_of(at))));
            MapValue::from_entries(entries.collect()).into_hash_map_for(capacity)
        };
        let exact = put(&order);
        let physical: Vec<usize> = (0..capacity).collect();
        let simple = put(&physical);
        let kept = actions.iter().filter(|action| !matches!(action, Action::Drop)).count();
        let same = kept == exact.len() && exact.ordered().eq(simple.ordered());
        let puts = match same {
            true => Vec::new(),
            false => exact
                .into_entries()
                .into_iter()
                .filter_map(|(key, place)| match place {
                    Value::Int64(place) => Some((usize::try_from(place).ok()?, key)),
                    _ => None,
                })
                .collect(),
        };
        Plan { actions, puts }
    }

    fn action(&self, key: &Value) -> Action {
        match key.as_str() {
            // A null is a name that no list holds.
            None if self.include.is_empty() => Action::Keep,
            None => Action::Drop,
            Some(name) if !self.keeps(name) => Action::Drop,
            Some(name) => match self.rename(name) {
                Some(rename) => Action::Rename(rename.key.clone()),
                None => Action::Keep,
            },
        }
    }
}

impl Plan {
    fn apply(&self, map: &mut MapValue) {
        let capacity = map.len();
        let mut entries = std::mem::take(map).into_entries();
        if self.puts.is_empty() {
            let mut actions = self.actions.iter();
            entries.retain_mut(|(key, _)| match actions.next() {
                Some(Action::Drop) => false,
                Some(Action::Rename(new)) => {
                    *key = new.clone();
                    true
                }
                Some(Action::Keep) | None => true,
            });
        } else {
            let mut value =
                |place: &usize| entries.get_mut(*place).map(|(_, value)| std::mem::take(value));
            entries = self
                .puts
                .iter()
                .filter_map(|(place, key)| Some((key.clone(), value(place)?)))
                .collect();
        }
        *map = MapValue::from_distinct(entries).into_hash_map_for(capacity);
    }
}
