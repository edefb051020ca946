//! Plans how values of a Connect schema are written as a message.
//!
//! A field is found by its name, and if there is none of that name, by the number that a parameter
//! of its schema says. What the message has no field for, or one of another type, is an error only
//! once there is a value.

use std::collections::HashSet;

use gantry_model::logical::Logical;
use gantry_model::{Error, Kind, Result, Schema, Text};
use gantry_schema_protobuf::{
    Descriptors, EnumDescriptor, FieldDescriptor, FieldKind, MessageDescriptor, Scalar,
};

use super::config::Settings;
use super::cycles::MAX_DEPTH;
use super::logical::{MAX_PARTS, message_of, parts};
use super::read_builder::wire_of;
use super::translate::{number, scrub};
use super::write_plan::{Encoder, EnumEncoder, Source, Step, StructPlan, Tag};
use super::{names, wire};

#[derive(Clone, Copy)]
pub(super) struct Planner<'a> {
    pub(super) settings: Settings,
    pub(super) pool: &'a Descriptors,
}

impl Planner<'_> {
    /// How a value is written as a message of its own.
    pub(super) fn root(&self, schema: &Schema, message: &MessageDescriptor) -> Result<Encoder> {
        let encoder = self.message(schema, message, 0)?;
        match encoder {
            Encoder::Unfit(reason) => {
                let name = &message.full_name;
                Err(Error::data(format!("Values cannot be Protobuf message {name}: {reason}")))
            }
            encoder => Ok(encoder),
        }
    }

    fn structure(
        &self,
        schema: &Schema,
        message: &MessageDescriptor,
        depth: usize,
    ) -> Result<StructPlan> {
        if depth > MAX_DEPTH {
            return Err(Error::data(format!(
                "Protobuf message {}: its schema in Connect is deeper than {MAX_DEPTH} structs",
                message.full_name
            )));
        }
        let fields = schema.fields().map(|fields| fields.list()).unwrap_or_default();
        let mut wanted: Vec<(Source, &str, &Schema)> = Vec::with_capacity(fields.len());
        for field in fields {
            if !names::is_union(&field.schema) || message.field_named(&field.name).is_some() {
                wanted.push((Source::Field(field.index), &field.name, &field.schema));
                continue;
            }
            let members = field.schema.fields().map(|fields| fields.list()).unwrap_or_default();
            for member in members {
                let source = Source::Member(field.index, member.index);
                wanted.push((source, &member.name, &member.schema));
            }
        }
        let scrubbed: Vec<String> =
            wanted.iter().map(|(_, name, _)| scrub(self.settings, name)).collect();
        let named: HashSet<&str> = scrubbed.iter().map(String::as_str).collect();
        let mut steps = Vec::with_capacity(wanted.len());
        for ((source, name, schema), scrubbed) in wanted.into_iter().zip(&scrubbed) {
            let field = message.field_named(scrubbed).or_else(|| {
                let by_number = message.field_numbered(number(schema).ok()??)?;
                // A field of that number with a name that another one has is not meant.
                (!named.contains(by_number.name.as_str())).then_some(by_number)
            });
            let step = match field {
                Some(field) => self.step(source, name, schema, field, depth)?,
                None => unknown(source, name, message),
            };
            steps.push((field.map_or(i32::MAX, |field| field.number), step));
        }
        steps.sort_by_key(|(number, _)| *number);
        let steps = steps.into_iter().map(|(_, step)| step).collect();
        Ok(StructPlan { schema: schema.clone(), steps })
    }

    fn step(
        &self,
        source: Source,
        name: &str,
        schema: &Schema,
        field: &FieldDescriptor,
        depth: usize,
    ) -> Result<Step> {
        let encoder = self.field(schema, field, depth)?;
        let wire = match (&encoder, field.kind) {
            (Encoder::List { is_packed: true, .. }, _) | (_, FieldKind::Message(_)) => wire::LENGTH,
            (_, FieldKind::Enum(_)) => wire::VARINT,
            (_, FieldKind::Scalar(scalar)) => wire_of(scalar),
        };
        let default = schema.default_value().filter(|_| !self.settings.ignore_default).cloned();
        let default = match source {
            Source::Field(_) => default,
            // That of a member would be set always, whichever is.
            Source::Member(..) => None,
        };
        Ok(Step {
            name: name.to_owned(),
            source,
            default,
            is_implicit: !field.has_presence,
            tag: Tag::new(field.number, wire),
            encoder,
        })
    }

    fn field(&self, schema: &Schema, field: &FieldDescriptor, depth: usize) -> Result<Encoder> {
        if !field.is_repeated() {
            return self.single(schema, field, depth);
        }
        if Logical::of(schema).is_some() {
            return Ok(unfit(schema, "a list"));
        }
        match schema.kind() {
            Kind::Array(element) => {
                let element = Box::new(self.single(element, field, depth)?);
                Ok(Encoder::List { is_packed: field.is_packed, element })
            }
            Kind::Map { key, value } => {
                let entry = match field.kind {
                    FieldKind::Message(id) => self.pool.message(id),
                    _ => None,
                };
                let parts = entry.and_then(|entry| {
                    Some((entry.field_named(names::KEY)?, entry.field_named(names::VALUE)?))
                });
                let Some((key_field, value_field)) = parts else {
                    return Ok(unfit(schema, "a list"));
                };
                let source = Source::Field(0);
                let key = self.step(source, names::KEY, key, key_field, depth + 1)?;
                let value = self.step(source, names::VALUE, value, value_field, depth + 1)?;
                Ok(Encoder::Map { key: Box::new(key), value: Box::new(value) })
            }
            _ => Ok(unfit(schema, "a list")),
        }
    }

    fn single(&self, schema: &Schema, field: &FieldDescriptor, depth: usize) -> Result<Encoder> {
        Ok(match field.kind {
            FieldKind::Scalar(scalar) => scalar_encoder(schema, scalar),
            FieldKind::Enum(id) => match self.pool.enumeration(id) {
                Some(of) => enum_encoder(schema, of),
                None => unfit(schema, "an enum"),
            },
            FieldKind::Message(id) => match self.pool.message(id) {
                Some(message) => return self.message(schema, message, depth + 1),
                None => unfit(schema, "a message"),
            },
        })
    }

    fn message(
        &self,
        schema: &Schema,
        message: &MessageDescriptor,
        depth: usize,
    ) -> Result<Encoder> {
        let name = message.full_name.as_str();
        if let Some(logical) = Logical::of(schema) {
            let tags = match message_of(logical) == name {
                true => logical_tags(logical, message),
                false => None,
            };
            return Ok(match tags {
                Some(tags) => Encoder::Logical(logical, tags),
                None => unfit(schema, &format!("the message {name}")),
            });
        }
        if names::wrapped_kind(name).is_some()
            && schema.kind().is_primitive()
            && let Some(field) = message.field_named(names::VALUE)
            && let FieldKind::Scalar(scalar) = field.kind
        {
            let tag = Tag::new(field.number, wire_of(scalar));
            return Ok(match scalar_encoder(schema, scalar) {
                Encoder::Unfit(reason) => Encoder::Unfit(reason),
                // Nothing in the schema tells any more that what was read had no sign.
                Encoder::Int(scalar @ Scalar::Uint64, ..) => {
                    Encoder::Wrapped(tag, Box::new(Encoder::Int(scalar, i64::MIN, i64::MAX)))
                }
                inner => Encoder::Wrapped(tag, Box::new(inner)),
            });
        }
        match schema.kind() {
            Kind::Struct(_) => {
                Ok(Encoder::Struct(Box::new(self.structure(schema, message, depth)?)))
            }
            _ => Ok(unfit(schema, &format!("the message {name}"))),
        }
    }
}

/// The tags of the parts of a logical type; none if the message is not as it should be.
fn logical_tags(logical: Logical, message: &MessageDescriptor) -> Option<[Tag; MAX_PARTS]> {
    let mut tags = [const { None }; MAX_PARTS];
    let parts = parts(logical);
    for (part, tag) in parts.iter().zip(&mut tags) {
        let field = message.field_named(part).filter(|field| !field.is_repeated())?;
        let FieldKind::Scalar(scalar) = field.kind else { return None };
        let wire = match scalar {
            Scalar::Bytes if *part == names::VALUE => wire::LENGTH,
            Scalar::Int32 | Scalar::Int64 | Scalar::Uint32 => wire::VARINT,
            _ => return None,
        };
        *tag = Some(Tag::new(field.number, wire));
    }
    Some(tags.map(Option::unwrap_or_default))
}

fn scalar_encoder(schema: &Schema, scalar: Scalar) -> Encoder {
    if Logical::of(schema).is_some() {
        return unfit(schema, scalar.name());
    }
    match (schema.kind(), scalar) {
        (Kind::Float32 | Kind::Float64, Scalar::Float) => Encoder::Float,
        (Kind::Float32 | Kind::Float64, Scalar::Double) => Encoder::Double,
        (Kind::Boolean, Scalar::Bool) => Encoder::Bool,
        (Kind::String, Scalar::String) => Encoder::Text,
        (Kind::Bytes, Scalar::Bytes) => Encoder::Bytes,
        (Kind::Int8 | Kind::Int16 | Kind::Int32 | Kind::Int64, scalar) => {
            int_encoder(schema, scalar).unwrap_or_else(|| unfit(schema, scalar.name()))
        }
        _ => unfit(schema, scalar.name()),
    }
}

fn int_encoder(schema: &Schema, scalar: Scalar) -> Option<Encoder> {
    let (low, high) = match scalar {
        Scalar::Int32 | Scalar::Sint32 | Scalar::Sfixed32 => {
            (i64::from(i32::MIN), i64::from(i32::MAX))
        }
        Scalar::Uint32 | Scalar::Fixed32 => (0, i64::from(u32::MAX)),
        Scalar::Int64 | Scalar::Sint64 | Scalar::Sfixed64 => (i64::MIN, i64::MAX),
        Scalar::Uint64 | Scalar::Fixed64 => {
            // What was read from such a field is negative where it is too large for Connect.
            let was_unsigned =
                matches!(names::parameter(schema, names::TYPE), Some("uint64" | "fixed64"));
            (if was_unsigned { i64::MIN } else { 0 }, i64::MAX)
        }
        _ => return None,
    };
    Some(Encoder::Int(scalar, low, high))
}

fn enum_encoder(schema: &Schema, of: &EnumDescriptor) -> Encoder {
    let is_fit = match schema.kind() {
        Kind::Int8 | Kind::Int16 | Kind::Int32 | Kind::Int64 | Kind::String => {
            Logical::of(schema).is_none()
        }
        _ => false,
    };
    if !is_fit {
        return unfit(schema, &format!("the enum {}", of.full_name));
    }
    let mut known: Vec<(Text, i32)> =
        of.values.iter().map(|value| (Text::from(value.name.as_str()), value.number)).collect();
    if let Some((key, _)) = names::enum_of(schema) {
        // What Connect calls by another name has the same number.
        let others = names::enum_values(schema, key).filter(|(name, number)| {
            of.value_named(name).is_none() && of.value_numbered(*number).is_some()
        });
        known.extend(others.map(|(name, number)| (Text::from(name), number)));
    }
    known.sort();
    known.dedup_by(|second, first| second.0 == first.0);
    let mut numbers: Vec<i32> = of.values.iter().map(|value| value.number).collect();
    numbers.sort_unstable();
    Encoder::Enum(EnumEncoder {
        name: of.full_name.clone(),
        names: known,
        numbers: of.is_closed.then_some(numbers),
        first: of.values.first().map_or(0, |value| value.number),
    })
}

/// A field that the message does not have.
fn unknown(source: Source, name: &str, message: &MessageDescriptor) -> Step {
    let full_name = &message.full_name;
    Step {
        name: name.to_owned(),
        source,
        default: None,
        is_implicit: false,
        tag: Tag::default(),
        encoder: Encoder::Unfit(format!(
            "Cannot find field with name {name} in the registered message {full_name}"
        )),
    }
}

fn unfit(schema: &Schema, what: &str) -> Encoder {
    let kind = schema.kind().type_name();
    let name = schema.name().map(|name| format!(" ({name})")).unwrap_or_default();
    Encoder::Unfit(format!(
        "a value of type {kind}{name} does not fit the registered field, which is {what}"
    ))
}
