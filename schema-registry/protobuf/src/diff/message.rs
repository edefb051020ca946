//! Comparing messages and what is in them.

use std::collections::{HashMap, HashSet};

use super::context::Context;
use super::difference::DifferenceKind;
use super::field::compare_fields;
use crate::element::{Field, Label, Message, Oneof, Type};
use crate::hash_order::union;

/// Fields by number; of several with one number the last counts.
type Fields<'a> = HashMap<i32, &'a Field>;

fn by_number(fields: &[Field]) -> Fields<'_> {
    fields.iter().map(|field| (field.number, field)).collect()
}

fn messages(types: &[Type]) -> impl Iterator<Item = &Message> + Clone {
    types.iter().filter_map(Type::as_message)
}

/// Compares messages that stand side by side. What enums have is no matter.
pub(super) fn compare_types<'a>(
    context: &mut Context<'a>,
    original: &'a [Type],
    update: &'a [Type],
) {
    let by_name = |types| messages(types).map(|message| (message.name.as_str(), message)).collect();
    let old: HashMap<&str, &Message> = by_name(original);
    let new: HashMap<&str, &Message> = by_name(update);
    let names = |types| messages(types).map(|message| message.name.as_str());
    for name in union(names(original), None, names(update)) {
        context.at_type(name, |context| match (old.get(name), new.get(name)) {
            (Some(_), None) => {
                let found = context.original_type(name);
                if found.is_some_and(|(_, info)| !info.is_map) {
                    context.add(DifferenceKind::MessageRemoved);
                }
            }
            (Some(old), Some(new)) => compare_messages(context, old, new),
            _ => {}
        });
    }
}

pub(super) fn compare_messages<'a>(
    context: &mut Context<'a>,
    original: &'a Message,
    update: &'a Message,
) {
    context.in_message(
        original,
        |context| compare_in_message(context, original, update),
        |context| compare_types(context, &original.types, &update.types),
    );
}

fn compare_in_message(context: &mut Context<'_>, original: &Message, update: &Message) {
    let mut old = by_number(&original.fields);
    let ever = old.len();
    let in_oneofs = original.oneofs.iter().flat_map(|oneof| &oneof.fields);
    let in_oneofs: HashSet<i32> = in_oneofs.map(|field| field.number).collect();
    for oneof in &update.oneofs {
        context.at(&oneof.name, |context| check_moved(context, &mut old, &in_oneofs, oneof));
    }
    compare_oneofs(context, &original.oneofs, &update.oneofs);
    // In the order in which they were put into the map.
    let left = original.fields.iter().map(|field| field.number);
    let left: Vec<i32> = left.filter(|number| old.contains_key(number)).collect();
    let new = by_number(&update.fields);
    let numbers = update.fields.iter().map(|field| field.number);
    for number in union(left, Some(ever), numbers) {
        context.at(&number.to_string(), |context| {
            compare_pair(context, old.get(&number).copied(), new.get(&number).copied());
        });
    }
}

/// Fields may move into a oneof if they are alone there. They are taken out of `old`.
fn check_moved(
    context: &mut Context<'_>,
    old: &mut Fields<'_>,
    in_oneofs: &HashSet<i32>,
    oneof: &Oneof,
) {
    let (mut moved, mut existing) = (0, 0);
    for field in &oneof.fields {
        if old.remove(&field.number).is_some() {
            moved += 1;
        } else if in_oneofs.contains(&field.number) {
            existing += 1;
        }
    }
    if moved > 1 {
        context.add(DifferenceKind::MultipleFieldsMovedToOneof);
    } else if moved == 1 && existing > 0 {
        context.add(DifferenceKind::FieldMovedToExistingOneof);
    }
}

fn compare_oneofs(context: &mut Context<'_>, original: &[Oneof], update: &[Oneof]) {
    let old: HashMap<&str, &Oneof> = original.iter().map(|of| (of.name.as_str(), of)).collect();
    let new: HashMap<&str, &Oneof> = update.iter().map(|of| (of.name.as_str(), of)).collect();
    let in_order = union(
        original.iter().map(|of| of.name.as_str()),
        None,
        update.iter().map(|of| of.name.as_str()),
    );
    for name in in_order {
        if let (Some(old), Some(new)) = (old.get(name), new.get(name)) {
            context.at(name, |context| compare_oneof(context, old, new));
        }
    }
}

fn compare_oneof(context: &mut Context<'_>, original: &Oneof, update: &Oneof) {
    let (old, new) = (by_number(&original.fields), by_number(&update.fields));
    let numbers = |fields: &[Field]| fields.iter().map(|field| field.number).collect::<Vec<_>>();
    for number in union(numbers(&original.fields), None, numbers(&update.fields)) {
        context.at(&number.to_string(), |context| match (old.get(&number), new.get(&number)) {
            (Some(_), None) => context.add(DifferenceKind::OneofFieldRemoved),
            (Some(old), Some(new)) => compare_fields(context, old, new),
            _ => {}
        });
    }
}

fn compare_pair(context: &mut Context<'_>, old: Option<&Field>, new: Option<&Field>) {
    let is_required = |field: &Field| field.label == Some(Label::Required);
    match (old, new) {
        (Some(old), None) if is_required(old) => {
            context.add(DifferenceKind::RequiredFieldRemoved);
        }
        (None, Some(new)) if is_required(new) => context.add(DifferenceKind::RequiredFieldAdded),
        (Some(old), Some(new)) => compare_fields(context, old, new),
        _ => {}
    }
}
