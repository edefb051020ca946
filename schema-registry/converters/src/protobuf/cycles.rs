//! Which messages contain themselves, and how deep such a message is spelled out.

use std::collections::HashMap;

use gantry_schema_protobuf::{Descriptors, FieldKind, MessageId};

/// A message that contains itself is spelled out so many times at most, one in the other.
const MAX_LEVELS: usize = 16;
/// Levels up to this one are worth a large schema.
const FEW_LEVELS: usize = 3;
/// How many fields there may be then, all levels together.
const MANY_FIELDS: u64 = 100_000;
/// And how many with more levels.
const SOME_FIELDS: u64 = 5_000;
/// Messages may be so deep in each other: Java's reader refuses what is deeper.
pub(super) const MAX_DEPTH: usize = 100;

/// The cycles among the messages that a message contains, directly or not.
#[derive(Debug)]
pub(super) struct Cycles {
    /// Messages with the same number contain each other.
    components: HashMap<MessageId, usize>,
    /// How many steps within cycles are spelled out.
    pub(super) levels: usize,
    /// How many fields there are then, all in all.
    pub(super) size: u64,
}

impl Cycles {
    pub(super) fn of(pool: &Descriptors, root: MessageId) -> Self {
        let mut cycles = Self { components: components(pool, root), levels: 0, size: 0 };
        for levels in (0..=MAX_LEVELS).rev() {
            cycles.levels = levels;
            cycles.size = cycles.size(pool, (root, levels), 0, &mut HashMap::new());
            let most = if levels <= FEW_LEVELS { MANY_FIELDS } else { SOME_FIELDS };
            if cycles.size <= most || cycles.components.is_empty() {
                break;
            }
        }
        cycles
    }

    /// How many levels are left in `to`, which is the type of a field of `from`, where `from` has
    /// `levels`; none if there is no place for it any more.
    pub(super) fn step(&self, from: MessageId, to: MessageId, levels: usize) -> Option<usize> {
        let component = self.components.get(&from);
        match component.is_some() && component == self.components.get(&to) {
            true => levels.checked_sub(1),
            false => Some(levels),
        }
    }

    /// How many fields a message has, with those of all messages in it.
    fn size(
        &self,
        pool: &Descriptors,
        (id, levels): (MessageId, usize),
        depth: usize,
        known: &mut HashMap<(MessageId, usize), u64>,
    ) -> u64 {
        if let Some(size) = known.get(&(id, levels)) {
            return *size;
        }
        if depth > MAX_DEPTH {
            return u64::MAX;
        }
        let mut size: u64 = 1;
        for field in pool.message(id).map(|of| of.fields.as_slice()).unwrap_or_default() {
            let inner = match field.kind {
                FieldKind::Message(to) => {
                    let inner = self.step(id, to, levels);
                    inner.map_or(0, |levels| self.size(pool, (to, levels), depth + 1, known))
                }
                FieldKind::Scalar(_) | FieldKind::Enum(_) => 1,
            };
            size = size.saturating_add(inner);
        }
        known.insert((id, levels), size);
        size
    }
}

/// The strongly connected components that have a cycle, by Tarjan's algorithm.
fn components(pool: &Descriptors, root: MessageId) -> HashMap<MessageId, usize> {
    let mut search = Search::default();
    // Each message that is being looked at, with the place of its next field.
    let mut way: Vec<(MessageId, usize)> = vec![(root, 0)];
    search.enter(root);
    while let Some((id, next)) = way.last_mut() {
        let (id, at) = (*id, *next);
        *next += 1;
        let fields = pool.message(id).map(|of| of.fields.as_slice()).unwrap_or_default();
        let Some(field) = fields.get(at) else {
            way.pop();
            search.leave(id, way.last().map(|(id, _)| *id));
            continue;
        };
        let FieldKind::Message(to) = field.kind else { continue };
        if search.sees(id, to) {
            search.enter(to);
            way.push((to, 0));
        }
    }
    search.found
}

#[derive(Default)]
struct Search {
    states: HashMap<MessageId, State>,
    stack: Vec<MessageId>,
    found: HashMap<MessageId, usize>,
}

#[derive(Clone, Copy)]
struct State {
    order: usize,
    lowest: usize,
    is_on_stack: bool,
    is_own_field: bool,
}

impl Search {
    fn enter(&mut self, id: MessageId) {
        let order = self.states.len();
        let state = State { order, lowest: order, is_on_stack: true, is_own_field: false };
        self.states.insert(id, state);
        self.stack.push(id);
    }

    /// Whether a message that a field leads to is new.
    fn sees(&mut self, from: MessageId, to: MessageId) -> bool {
        let Some(target) = self.states.get(&to).copied() else { return true };
        if let Some(state) = self.states.get_mut(&from).filter(|_| target.is_on_stack) {
            state.lowest = state.lowest.min(target.order);
            state.is_own_field |= from == to;
        }
        false
    }

    fn leave(&mut self, id: MessageId, outer: Option<MessageId>) {
        let Some(state) = self.states.get(&id).copied() else { return };
        if let Some(outer) = outer.and_then(|outer| self.states.get_mut(&outer)) {
            outer.lowest = outer.lowest.min(state.lowest);
        }
        if state.lowest != state.order {
            return;
        }
        let start = self.stack.iter().rposition(|of| *of == id).unwrap_or_default();
        let members = self.stack.split_off(start);
        let is_cycle = members.len() > 1 || state.is_own_field;
        for member in members {
            if let Some(state) = self.states.get_mut(&member) {
                state.is_on_stack = false;
            }
            if is_cycle {
                self.found.insert(member, state.order);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gantry_schema_protobuf::ProtobufSchema;

    fn pool(text: &str) -> Descriptors {
        let text = format!("syntax = \"proto3\"; {text}");
        ProtobufSchema::read(&text, &[]).unwrap().descriptors().unwrap()
    }

    #[test]
    fn only_steps_within_a_cycle_count() {
        let pool = pool(
            "message R { A a = 1; A b = 2; } message A { B b = 1; repeated A s = 2; }
            message B { map<string, A> m = 1; C c = 2; } message C { int32 x = 1; }",
        );
        let id = |name| pool.message_named(name).unwrap().id;
        let (r, a, b, c) = (id("R"), id("A"), id("B"), id("C"));
        let cycles = Cycles::of(&pool, r);
        assert!((1..MAX_LEVELS).contains(&cycles.levels), "{}", cycles.levels);
        assert_eq!(cycles.step(r, a, 3), Some(3));
        assert_eq!(cycles.step(a, b, 3), Some(2));
        assert_eq!(cycles.step(a, a, 0), None);
        assert_eq!(cycles.step(b, c, 0), Some(0));
    }

    #[test]
    fn a_list_is_spelled_out_as_far_as_can_be() {
        let pool = pool("message L { L next = 1; int32 x = 2; } message P { int32 x = 1; }");
        let id = |name| pool.message_named(name).unwrap().id;
        assert_eq!(Cycles::of(&pool, id("L")).levels, MAX_LEVELS);
        assert!(Cycles::of(&pool, id("P")).components.is_empty());
    }

    #[test]
    fn a_long_chain_ends() {
        let mut text = String::new();
        for at in 0..20_000 {
            text.push_str(&format!("message M{at} {{ M{} m = 1; }} ", (at + 1) % 20_000));
        }
        let pool = pool(&text);
        let cycles = Cycles::of(&pool, pool.message_named("M0").unwrap().id);
        assert_eq!(cycles.components.len(), 20_000);
    }
}
