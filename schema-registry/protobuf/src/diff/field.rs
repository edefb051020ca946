//! Comparing fields.

use super::context::{Context, Pair};
use super::difference::DifferenceKind;
use super::message::compare_messages;
use crate::element::{Field, Label, Type};
use crate::scope::TypeInfo;
use crate::type_name::{Scalar, TypeName};

/// What values of a field are made of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Scalar,
    Map,
    Message,
}

/// Scalars that can be read as each other.
#[derive(Clone, Copy, PartialEq, Eq)]
enum ScalarKind {
    GeneralNumber,
    SignedNumber,
    StringOrBytes,
    Fixed32,
    Fixed64,
    Float,
    Double,
}

/// The type of a field of one schema: its name, or that of the map whose entry it is.
struct FieldType<'a> {
    name: String,
    info: Option<&'a TypeInfo<'a>>,
}

impl<'a> FieldType<'a> {
    fn of(name: &str, found: impl Fn(&str) -> Option<(String, &'a TypeInfo<'a>)>) -> Self {
        let info = found(name).map(|(_, info)| info);
        match info.and_then(|info| info.map.as_ref()) {
            Some(map) => Self { name: map.clone(), info: found(map).map(|(_, info)| info) },
            None => Self { name: name.to_owned(), info },
        }
    }

    fn is_enum(&self) -> bool {
        self.info.is_some_and(|info| info.element.as_enum().is_some())
    }

    fn kind(&self) -> Kind {
        match TypeName::of(&self.name) {
            TypeName::Scalar(_) => Kind::Scalar,
            TypeName::Map(..) => Kind::Map,
            TypeName::Named(_) if self.is_enum() => Kind::Scalar,
            TypeName::Named(_) => Kind::Message,
        }
    }

    fn scalar_kind(&self) -> ScalarKind {
        match TypeName::of(&self.name) {
            TypeName::Scalar(scalar) if !self.is_enum() => match scalar {
                Scalar::Sint32 | Scalar::Sint64 => ScalarKind::SignedNumber,
                Scalar::String | Scalar::Bytes => ScalarKind::StringOrBytes,
                Scalar::Fixed32 | Scalar::Sfixed32 => ScalarKind::Fixed32,
                Scalar::Fixed64 | Scalar::Sfixed64 => ScalarKind::Fixed64,
                Scalar::Float => ScalarKind::Float,
                Scalar::Double => ScalarKind::Double,
                Scalar::Int32 | Scalar::Int64 | Scalar::Uint32 | Scalar::Uint64 | Scalar::Bool => {
                    ScalarKind::GeneralNumber
                }
            },
            _ => ScalarKind::GeneralNumber,
        }
    }
}

pub(super) fn compare_fields(context: &mut Context<'_>, original: &Field, update: &Field) {
    compare_named(
        context,
        (original.label, update.label),
        (&original.type_name, &update.type_name),
    );
}

fn compare_named(
    context: &mut Context<'_>,
    labels: (Option<Label>, Option<Label>),
    (original, update): (&str, &str),
) {
    let original = FieldType::of(original, |name| context.original_type(name));
    let update = FieldType::of(update, |name| context.update_type(name));
    if original.kind() != update.kind() {
        context.add(DifferenceKind::FieldKindChanged);
        return;
    }
    match original.kind() {
        Kind::Scalar => compare_scalars(context, labels, &original, &update),
        Kind::Message => compare_message_types(context, &original.name, &update.name),
        Kind::Map => compare_maps(context, &original.name, &update.name),
    }
}

fn compare_scalars(
    context: &mut Context<'_>,
    labels: (Option<Label>, Option<Label>),
    original: &FieldType<'_>,
    update: &FieldType<'_>,
) {
    let kind = original.scalar_kind();
    if kind != update.scalar_kind() {
        context.add(DifferenceKind::FieldScalarKindChanged);
    } else if let (Some(old), Some(new)) = labels
        && old != new
        && kind != ScalarKind::StringOrBytes
    {
        context.add(DifferenceKind::FieldNumericLabelChanged);
    }
}

fn compare_maps(context: &mut Context<'_>, original: &str, update: &str) {
    if let (TypeName::Map(old_key, old_value), TypeName::Map(new_key, new_value)) =
        (TypeName::of(original), TypeName::of(update))
    {
        compare_named(context, (None, None), (old_key, new_key));
        compare_named(context, (None, None), (old_value, new_value));
    }
}

fn compare_message_types(context: &mut Context<'_>, original: &str, update: &str) {
    let old = context.original_type(original);
    let new = context.update_type(update);
    let (Some((old_name, _)), Some((new_name, _))) = (old, new) else {
        // What cannot be found is compared by name.
        if original != update {
            context.add(DifferenceKind::FieldNamedTypeChanged);
        }
        return;
    };
    // The full name is looked up as a relative one again, as Confluent's registry does.
    let old = context.original_type(&old_name).map(|(_, info)| info);
    let new = context.update_type(&new_name).map(|(_, info)| info);
    let (Some(old), Some(new)) = (old, new) else { return };
    let local = local_name(&old_name, old);
    if local != local_name(&new_name, new) {
        context.add(DifferenceKind::FieldNamedTypeChanged);
        return;
    }
    let are_same = match (old.file, new.file) {
        // What both declare themselves is compared anyway.
        (None, None) => true,
        (Some(old), Some(new)) => context.same_files && old == new,
        _ => false,
    };
    if are_same {
        return;
    }
    if let (Type::Message(original), Type::Message(update)) = (old.element, new.element) {
        let packages = (old.package, new.package);
        let pair = Pair { name: local.to_owned(), packages, original, update };
        if !context.elsewhere(pair, compare_messages) {
            context.add(DifferenceKind::FieldNamedTypeChanged);
        }
    }
}

/// The name of a type in its package.
fn local_name<'a>(full: &'a str, info: &TypeInfo<'_>) -> &'a str {
    full.strip_prefix(info.package).and_then(|rest| rest.strip_prefix('.')).unwrap_or(full)
}
