//! How the schemas that keywords make one by one become one schema, from 2019-09 on.

use super::Arena;
use crate::model::{
    ArrayRules, Combined, Criterion, Kind, NumberRules, ObjectRules, Schema, SchemaId, StringRules,
};

/// Joins the schemas of two keywords of one object: rules for the same type are merged, others
/// stand in an `allOf`.
pub(super) fn join(arena: &mut Arena<'_>, one: Schema, other: Schema) -> Result<Schema, String> {
    let (one, other) = match merged(one, other) {
        Ok(schema) => return Ok(schema),
        Err(both) => *both,
    };
    if let Some(types) = types_with(arena, &one, &other) {
        return one_of_types(arena, types, other);
    }
    if let Some(types) = types_with(arena, &other, &one) {
        return one_of_types(arena, types, one);
    }
    let mut schemas = Vec::new();
    for schema in [one, other] {
        for part in parts(arena, schema)? {
            accumulate(arena, &mut schemas, part)?;
        }
    }
    Ok(synthetic(Criterion::All, schemas))
}

/// An `allOf` or `anyOf` that nobody wrote.
pub(super) fn synthetic(criterion: Criterion, schemas: Vec<SchemaId>) -> Schema {
    Schema::new(Kind::Combined(Combined { criterion, schemas, synthetic: true }))
}

/// The schemas that a schema stands for: what is in it, if it is an `allOf` that nobody wrote.
pub(super) fn parts(arena: &mut Arena<'_>, schema: Schema) -> Result<Vec<SchemaId>, String> {
    match schema.kind {
        Kind::Combined(Combined { criterion: Criterion::All, schemas, synthetic: true }) => {
            Ok(schemas)
        }
        _ => Ok(vec![arena.push(schema)?]),
    }
}

/// The schemas of a list of types, if one of them is of the kind of another schema.
fn types_with(arena: &Arena<'_>, types: &Schema, other: &Schema) -> Option<Vec<SchemaId>> {
    match &types.kind {
        Kind::Combined(Combined { criterion: Criterion::Any, schemas, synthetic: true })
            if schemas.iter().any(|id| {
                arena.get(*id).is_some_and(|schema| schema.kind.is_like(&other.kind))
            }) =>
        {
            Some(schemas.clone())
        }
        _ => None,
    }
}

fn one_of_types(
    arena: &mut Arena<'_>,
    mut types: Vec<SchemaId>,
    schema: Schema,
) -> Result<Schema, String> {
    let schema = arena.push(schema)?;
    accumulate(arena, &mut types, schema)?;
    Ok(synthetic(Criterion::Any, types))
}

/// Adds a schema to a list: merged with one of the same type, or at its end.
fn accumulate(
    arena: &mut Arena<'_>,
    schemas: &mut Vec<SchemaId>,
    added: SchemaId,
) -> Result<(), String> {
    let Some(addition) = arena.get(added).cloned() else { return Ok(()) };
    for known in schemas.iter_mut() {
        let Some(schema) = arena.get(*known) else { continue };
        if !is_mergeable(&schema.kind) || !schema.kind.is_like(&addition.kind) {
            continue;
        }
        if let Ok(schema) = merged(schema.clone(), addition.clone()) {
            *known = arena.push(schema)?;
            return Ok(());
        }
    }
    schemas.push(added);
    Ok(())
}

fn is_mergeable(kind: &Kind) -> bool {
    matches!(kind, Kind::Array(_) | Kind::Number(_) | Kind::Object(_) | Kind::String(_))
}

/// One schema with the rules of two of the same type; both, if they are not.
fn merged(mut one: Schema, mut other: Schema) -> Result<Schema, Box<(Schema, Schema)>> {
    match (&mut one.kind, &mut other.kind) {
        (Kind::Array(into), Kind::Array(from)) => merge_arrays(into, std::mem::take(&mut **from)),
        (Kind::Number(into), Kind::Number(from)) => {
            merge_numbers(into, std::mem::take(&mut **from))
        }
        (Kind::Object(into), Kind::Object(from)) => {
            merge_objects(into, std::mem::take(&mut **from))
        }
        (Kind::String(into), Kind::String(from)) => merge_strings(into, std::mem::take(from)),
        _ => return Err(Box::new((one, other))),
    }
    Ok(one)
}

fn set<T>(into: &mut Option<T>, from: Option<T>) {
    if from.is_some() {
        *into = from;
    }
}

fn merge_arrays(into: &mut ArrayRules, from: ArrayRules) {
    into.only |= from.only;
    set(&mut into.items, from.items);
    if let Some(tuple) = from.tuple {
        into.tuple.get_or_insert_default().extend(tuple);
    }
    into.admits_additional &= from.admits_additional;
    set(&mut into.additional, from.additional);
    set(&mut into.min_items, from.min_items);
    set(&mut into.max_items, from.max_items);
    into.unique |= from.unique;
    set(&mut into.contains, from.contains);
    set(&mut into.min_contains, from.min_contains);
    set(&mut into.max_contains, from.max_contains);
    set(&mut into.unevaluated, from.unevaluated);
}

fn merge_numbers(into: &mut NumberRules, from: NumberRules) {
    into.only |= from.only;
    into.integer |= from.integer;
    set(&mut into.minimum, from.minimum);
    set(&mut into.maximum, from.maximum);
    set(&mut into.exclusive_minimum, from.exclusive_minimum);
    set(&mut into.exclusive_maximum, from.exclusive_maximum);
    set(&mut into.multiple_of, from.multiple_of);
}

fn merge_objects(into: &mut ObjectRules, from: ObjectRules) {
    into.only |= from.only;
    into.properties.extend(from.properties);
    into.required.extend(from.required);
    into.admits_additional &= from.admits_additional;
    set(&mut into.additional, from.additional);
    into.patterns.extend(from.patterns);
    set(&mut into.min_properties, from.min_properties);
    set(&mut into.max_properties, from.max_properties);
    into.property_dependencies.extend(from.property_dependencies);
    into.schema_dependencies.extend(from.schema_dependencies);
    set(&mut into.names, from.names);
    set(&mut into.unevaluated, from.unevaluated);
}

fn merge_strings(into: &mut StringRules, from: StringRules) {
    into.only |= from.only;
    set(&mut into.min_length, from.min_length);
    set(&mut into.max_length, from.max_length);
    set(&mut into.pattern, from.pattern);
    set(&mut into.format, from.format);
}
