//! The number that the schema of a list's elements has as a parameter, where these are messages.
//!
//! Confluent's converter has one schema for a message, made where the message is met first. A
//! field that meets it there leaves its number in it. Fields that meet the message later have
//! numbers of their own, but for lists: theirs is that of the list, and the schema of the elements
//! still has the first one.

use std::collections::HashMap;

use gantry_schema_protobuf::{
    Descriptors, FieldDescriptor, FieldKind, MessageDescriptor, MessageId,
};

use super::config::Settings;
use super::cycles::MAX_DEPTH;
use super::read_builder::is_map;
use super::{logical, names};

#[derive(Debug)]
pub(super) struct ElementTags(HashMap<(MessageId, usize), i32>);

impl ElementTags {
    pub(super) fn of(settings: Settings, pool: &Descriptors, root: &MessageDescriptor) -> Self {
        let unwraps = settings.wrapper_for_nullables || settings.wrapper_for_primitives;
        let mut walk = Walk { pool, unwraps, first: HashMap::new(), tags: HashMap::new() };
        walk.first.insert(root.id, None);
        walk.message(root, 0);
        Self(walk.tags)
    }

    /// The parameter for the elements of a field, given by its message and its place in it.
    pub(super) fn get(&self, message: MessageId, at: usize) -> Option<i32> {
        self.0.get(&(message, at)).copied()
    }
}

struct Walk<'a> {
    pool: &'a Descriptors,
    /// Whether messages around a single value count as that value.
    unwraps: bool,
    /// Of each message that was met the number that is left in its schema.
    first: HashMap<MessageId, Option<i32>>,
    tags: HashMap<(MessageId, usize), i32>,
}

impl Walk<'_> {
    fn message(&mut self, message: &MessageDescriptor, depth: usize) {
        let fields = message.fields.iter().enumerate();
        // Those of oneofs come first.
        let (inner, outer): (Vec<_>, Vec<_>) =
            fields.partition(|(_, field)| message.oneof_of(field).is_some());
        for (at, field) in inner.into_iter().chain(outer) {
            self.field(message, at, field, depth);
        }
    }

    fn field(
        &mut self,
        message: &MessageDescriptor,
        at: usize,
        field: &FieldDescriptor,
        depth: usize,
    ) {
        let FieldKind::Message(id) = field.kind else { return };
        let Some(target) = self.pool.message(id).filter(|_| depth < MAX_DEPTH) else { return };
        let name = target.full_name.as_str();
        let has_own_schema = logical::of_message(name).is_some()
            || name == names::VARIANT
            || (self.unwraps && names::wrapped_kind(name).is_some());
        if has_own_schema {
            return;
        }
        if is_map(field, target) {
            self.message(target, depth + 1);
            return;
        }
        match self.first.get(&id) {
            Some(Some(number)) if field.is_repeated() => {
                self.tags.insert((message.id, at), *number);
            }
            Some(_) => {}
            None => {
                self.first.insert(id, (!field.is_repeated()).then_some(field.number));
                self.message(target, depth + 1);
            }
        }
    }
}
