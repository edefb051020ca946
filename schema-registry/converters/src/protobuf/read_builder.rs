//! From the descriptor of a message to its Connect schema, and the plan by which it is read.

use std::collections::HashMap;
use std::sync::Arc;

use gantry_model::logical::{self, Logical};
use gantry_model::record::Str;
use gantry_model::{Error, Kind, Result, Schema, SchemaBuilder};
use gantry_schema_protobuf::{
    Descriptors, FieldDescriptor, FieldKind as ProtoKind, MessageDescriptor, MessageId,
    OneofDescriptor, Scalar,
};

use super::config::Settings;
use super::cycles::{Cycles, MAX_DEPTH};
use super::element_tags::ElementTags;
use super::logical::{of_message, parts};
use super::read_plan::{
    EnumPlan, FieldKind, FieldPlan, Fill, Inner, MessagePlan, Narrow, OneofPlan, Shape, Target,
};
use super::{defaults, names, wire};

/// A message may have so many fields, with those of all messages in it.
const MAX_FIELDS: u64 = 1_000_000;

/// Plans how a message is read.
pub(super) fn plan(
    settings: Settings,
    pool: &Descriptors,
    message: &MessageDescriptor,
    version: Option<i32>,
) -> Result<Inner> {
    let mut planner = Planner {
        settings,
        pool,
        cycles: Cycles::of(pool, message.id),
        element_tags: ElementTags::of(settings, pool, message),
        known: HashMap::new(),
        version,
    };
    if planner.cycles.size > MAX_FIELDS && planner.cycles.size < u64::MAX {
        return Err(Error::data(format!(
            "Protobuf message {} has more than {MAX_FIELDS} fields with those of all messages in \
             it, which is too much for a schema",
            message.full_name
        )));
    }
    if settings.wrapper_for_primitives
        && let Some((kind, plan)) = planner.wrapped(message)
    {
        let schema = SchemaBuilder::new(kind).version(version).build_plain();
        return Ok(Inner { shape: Shape::Wrapped, schema, plan });
    }
    let levels = planner.cycles.levels;
    let plan = planner.message(message, levels, 0)?;
    let schema = plan.schema.clone().unwrap_or_else(Schema::absent);
    Ok(Inner { shape: Shape::Struct, schema, plan })
}

/// Whether a field is read as a map: its entries need not be marked as such.
pub(super) fn is_map(field: &FieldDescriptor, entry: &MessageDescriptor) -> bool {
    let is = |at: usize, name| {
        entry
            .fields
            .get(at)
            .is_some_and(|of: &FieldDescriptor| of.name == name && !of.is_repeated())
    };
    field.is_repeated()
        && entry.name.ends_with(names::ENTRY)
        && entry.fields.len() == 2
        && is(0, names::KEY)
        && is(1, names::VALUE)
}

pub(super) struct Planner<'a> {
    settings: Settings,
    pool: &'a Descriptors,
    cycles: Cycles,
    element_tags: ElementTags,
    known: HashMap<(MessageId, usize), Arc<MessagePlan>>,
    /// Of the schema of the outermost message.
    version: Option<i32>,
}

/// Where a field stands while its plan is made.
#[derive(Clone, Copy)]
struct Place<'a> {
    message: &'a MessageDescriptor,
    /// In the fields of the message.
    at: usize,
    levels: usize,
    depth: usize,
    in_oneof: bool,
}

/// A plan that is being made.
#[derive(Default)]
struct Draft {
    plan: MessagePlan,
    fields: Vec<FieldPlan>,
    schemas: Vec<(Str, Schema)>,
}

impl<'a> Planner<'a> {
    fn message(
        &mut self,
        message: &'a MessageDescriptor,
        levels: usize,
        depth: usize,
    ) -> Result<Arc<MessagePlan>> {
        if let Some(plan) = self.known.get(&(message.id, levels)) {
            return Ok(Arc::clone(plan));
        }
        if depth > MAX_DEPTH {
            return Err(Error::data(format!(
                "Protobuf message {} is deeper than {MAX_DEPTH} messages in the schema, which \
                 no reader of Protobuf takes",
                message.full_name
            )));
        }
        let mut draft = Draft::default();
        draft.plan.name.clone_from(&message.full_name);
        for (index, oneof) in message.oneofs.iter().enumerate() {
            if !oneof.is_synthetic {
                self.oneof(
                    &mut draft,
                    (index, oneof),
                    Place { message, at: 0, levels, depth, in_oneof: true },
                )?;
            }
        }
        for (at, field) in message.fields.iter().enumerate() {
            if message.oneof_of(field).is_none() {
                self.plain(
                    &mut draft,
                    Place { message, at, levels, depth, in_oneof: false },
                    field,
                )?;
            }
        }
        let Draft { mut plan, fields, schemas } = draft;
        plan.slots = schemas.len();
        plan.set_fields(fields);
        let name = match self.settings.enhanced {
            true => message.full_name.as_str(),
            false => message.name.as_str(),
        };
        let schema = SchemaBuilder::structure(schemas)?.name(Some(name.into()));
        let version = self.version.filter(|_| depth == 0);
        plan.schema = Some(schema.version(version).build_plain());
        let plan = Arc::new(plan);
        self.known.insert((message.id, levels), Arc::clone(&plan));
        Ok(plan)
    }

    /// A field that is in no oneof.
    fn plain(
        &mut self,
        draft: &mut Draft,
        place: Place<'a>,
        field: &'a FieldDescriptor,
    ) -> Result<()> {
        let Some((schema, kind)) = self.field(place, field)? else {
            draft.fields.push(field_plan(field, Target::Slot(0), FieldKind::TooDeep));
            return Ok(());
        };
        let slot = draft.schemas.len();
        let target = match &kind {
            FieldKind::Message(Inner { shape: Shape::Entry, .. }) => {
                draft.plan.maps.push(slot);
                Target::Map(draft.plan.maps.len() - 1)
            }
            _ if field.is_repeated() => {
                draft.plan.lists.push(slot);
                Target::List(draft.plan.lists.len() - 1)
            }
            _ => Target::Slot(slot),
        };
        if let Target::Slot(_) = target {
            if field.label == gantry_schema_protobuf::element::Label::Required {
                draft.plan.required.push((slot, field.name.clone()));
            }
            let is_optional = field.is_proto3_optional
                || (self.settings.optional_for_proto2 && self.has_keyword(place.message, field));
            let is_message = matches!(kind, FieldKind::Message(_));
            if self.settings.struct_for_nulls || !(is_message || is_optional) {
                draft.plan.fills.extend(self.fill(field, &kind).map(|fill| (slot, fill)));
            }
        }
        draft.schemas.push((field.name.as_str().into(), schema));
        draft.fields.push(field_plan(field, target, kind));
        Ok(())
    }

    fn oneof(
        &mut self,
        draft: &mut Draft,
        (index, oneof): (usize, &'a OneofDescriptor),
        place: Place<'a>,
    ) -> Result<()> {
        let number = draft.plan.oneofs.len();
        let slot = draft.schemas.len();
        let mut members: Vec<(Str, Schema)> = Vec::with_capacity(oneof.fields.len());
        for &at in &oneof.fields {
            let Some(field) = place.message.fields.get(at) else { continue };
            match self.field(Place { at, ..place }, field)? {
                Some((schema, kind)) => {
                    let target = Target::Member(number, members.len());
                    draft.fields.push(field_plan(field, target, kind));
                    members.push((field.name.as_str().into(), schema));
                }
                None => {
                    draft.fields.push(field_plan(field, Target::Slot(0), FieldKind::TooDeep));
                }
            }
        }
        let count = members.len();
        let mut schema = None;
        if self.settings.flatten_unions {
            draft.schemas.append(&mut members);
        } else {
            let union = self.union(place.message, oneof, members)?;
            let name = match self.settings.index_for_unions {
                true => format!("{}_{index}", oneof.name),
                false => oneof.name.clone(),
            };
            draft.schemas.push((name.as_str().into(), union.clone()));
            schema = Some(union);
        }
        draft.plan.oneofs.push(OneofPlan { slot, members: count, schema });
        Ok(())
    }

    fn union(
        &self,
        message: &MessageDescriptor,
        oneof: &OneofDescriptor,
        members: Vec<(Str, Schema)>,
    ) -> Result<Schema> {
        let builder = SchemaBuilder::structure(members)?.optional();
        let name = oneof.name.as_str();
        let builder = if self.settings.generalized_sum_types {
            builder.name(Some(name.into())).parameter(names::ANY_UNION, name)
        } else if self.settings.enhanced {
            let name = format!("{}.{}.{name}", names::UNION, message.full_name);
            builder.name(Some(name.as_str().into()))
        } else {
            builder.name(Some(format!("{}.{name}", names::UNION).as_str().into()))
        };
        Ok(builder.build_plain())
    }

    /// The schema of a field, and how one of its values is read. Nothing if there is no place for
    /// it, as it is a message around itself.
    fn field(
        &mut self,
        place: Place<'a>,
        field: &'a FieldDescriptor,
    ) -> Result<Option<(Schema, FieldKind)>> {
        let Some((mut builder, mut kind)) = self.kind(place, field)? else { return Ok(None) };
        let shape = match &kind {
            FieldKind::Message(inner) => Some(inner.shape),
            _ => None,
        };
        let mut element = None;
        if field.is_repeated() && shape != Some(Shape::Entry) {
            if let Some(tag) = self.element_tags.get(place.message.id, place.at) {
                builder = builder.parameter(names::TAG, &tag.to_string());
            }
            let schema = builder.optional().build_plain();
            builder = SchemaBuilder::new(Kind::Array(schema.clone())).optional();
            element = Some(schema);
        }
        let settings = self.settings;
        if place.in_oneof {
            builder = builder.optional();
            if settings.wrapper_for_nullables && shape == Some(Shape::Wrapped) {
                builder = builder.parameter(names::WRAPPER, "true");
            }
        } else if settings.optional_for_nullables {
            if self.has_keyword(place.message, field) {
                builder = builder.optional();
            }
        } else if !settings.wrapper_for_nullables {
            builder = builder.optional();
        }
        let schema = builder.parameter(names::TAG, &field.number.to_string()).build_plain();
        if let FieldKind::Message(inner) = &mut kind {
            inner.schema = element.unwrap_or_else(|| schema.clone());
        }
        Ok(Some((schema, kind)))
    }

    /// Whether a field is written as `optional`.
    fn has_keyword(&self, message: &MessageDescriptor, field: &FieldDescriptor) -> bool {
        field.is_proto3_optional
            || (!self.is_proto3(message)
                && field.label == gantry_schema_protobuf::element::Label::Optional
                && field.oneof.is_none())
    }

    fn is_proto3(&self, message: &MessageDescriptor) -> bool {
        self.pool.file_of(message.file).is_some_and(|file| file.is_proto3)
    }

    fn kind(
        &mut self,
        place: Place<'a>,
        field: &'a FieldDescriptor,
    ) -> Result<Option<(SchemaBuilder, FieldKind)>> {
        match field.kind {
            ProtoKind::Scalar(Scalar::String) if !self.is_proto3(place.message) => {
                Ok(Some((SchemaBuilder::new(Kind::String), FieldKind::LossyText)))
            }
            ProtoKind::Scalar(scalar) => {
                let (builder, narrow) = scalar_schema(field, scalar);
                Ok(Some((builder, FieldKind::Scalar(scalar, narrow))))
            }
            ProtoKind::Enum(_) => Ok(self.enumeration(place, field)),
            ProtoKind::Message(id) => {
                let Some(message) = self.pool.message(id) else { return Ok(None) };
                if let Some(leaf) = self.leaf(message, field) {
                    return Ok(Some(leaf));
                }
                let Some(levels) = self.cycles.step(place.message.id, id, place.levels) else {
                    return Ok(None);
                };
                let depth = place.depth + 1;
                if is_map(field, message) {
                    return self.map(message, levels, depth);
                }
                let plan = self.message(message, levels, depth)?;
                let schema = plan.schema.clone().unwrap_or_else(Schema::absent);
                Ok(Some((schema.to_builder().optional(), message_kind(Shape::Struct, plan))))
            }
        }
    }

    fn enumeration(
        &self,
        place: Place<'a>,
        field: &FieldDescriptor,
    ) -> Option<(SchemaBuilder, FieldKind)> {
        let ProtoKind::Enum(id) = field.kind else { return None };
        let of = self.pool.enumeration(id)?;
        let settings = self.settings;
        let kind = if settings.int_for_enums { Kind::Int32 } else { Kind::String };
        let name = if settings.enhanced { &of.full_name } else { &of.name };
        let key = if settings.generalized_sum_types { names::ANY_ENUM } else { names::ENUM };
        let mut builder = SchemaBuilder::new(kind)
            .name(Some(name.as_str().into()))
            .parameter(key, &of.name)
            .optional();
        for value in &of.values {
            builder =
                builder.parameter(&format!("{key}.{}", value.name), &value.number.to_string());
        }
        // Java takes the enums of a file of `proto2` for closed, wherever they are from.
        let is_closed = of.is_closed || !self.is_proto3(place.message);
        let values = of.values.iter().map(|value| (value.number, value.name.as_str()));
        let plan = EnumPlan::new(&of.name, is_closed, settings.int_for_enums, values);
        Some((builder, FieldKind::Enum(plan)))
    }

    /// A message that becomes a value without parts, or has a struct of its own.
    fn leaf(
        &self,
        message: &MessageDescriptor,
        field: &FieldDescriptor,
    ) -> Option<(SchemaBuilder, FieldKind)> {
        if let Some(logical) = of_message(&message.full_name) {
            let plan = self.parts(message, parts(logical));
            let builder = match logical {
                Logical::Decimal => decimal_schema(field),
                Logical::Date => logical::date(),
                Logical::Time => logical::time(),
                Logical::Timestamp => logical::timestamp(),
            };
            let kind = message_kind(Shape::Logical(logical), Arc::new(plan));
            return Some((builder.optional(), kind));
        }
        if message.full_name == names::VARIANT {
            let part = |name: &str| (Str::from(name), Schema::bytes());
            let schema =
                SchemaBuilder::structure(vec![part("metadata"), part(names::VALUE)]).ok()?;
            let schema = schema.name(Some(names::VARIANT_STRUCT.into()));
            let mut plan = self.parts(message, &["metadata", names::VALUE]);
            plan.schema = Some(schema.clone().build_plain());
            let kind = message_kind(Shape::Struct, Arc::new(plan));
            return Some((schema.optional(), kind));
        }
        if !self.settings.wrapper_for_nullables && !self.settings.wrapper_for_primitives {
            return None;
        }
        let (kind, plan) = self.wrapped(message)?;
        let builder = SchemaBuilder::new(kind).optional();
        Some((builder, message_kind(Shape::Wrapped, plan)))
    }

    /// The kind of the value that a message wraps, if it is one of those that do nothing else.
    fn wrapped(&self, message: &MessageDescriptor) -> Option<(Kind, Arc<MessagePlan>)> {
        let kind = names::wrapped_kind(&message.full_name)?;
        let field = message.field_named(names::VALUE)?;
        let ProtoKind::Scalar(scalar) = field.kind else { return None };
        let own = scalar_schema(field, scalar).0.build_plain();
        let is_usual = *own.kind() == kind && !field.is_repeated();
        is_usual.then(|| (kind, Arc::new(self.parts(message, &[names::VALUE]))))
    }

    /// A plan that reads some scalars of a message, each into a slot.
    fn parts(&self, message: &MessageDescriptor, parts: &[&str]) -> MessagePlan {
        let mut plan = MessagePlan::new(&message.full_name, parts.len());
        let mut fields = Vec::new();
        for (slot, part) in parts.iter().enumerate() {
            let Some(field) = message.field_named(part).filter(|field| !field.is_repeated()) else {
                continue;
            };
            let ProtoKind::Scalar(scalar) = field.kind else { continue };
            let kind = FieldKind::Scalar(scalar, Narrow::Not);
            if of_message(&message.full_name).is_none() {
                plan.fills.extend(self.fill(field, &kind).map(|fill| (slot, fill)));
            }
            fields.push(field_plan(field, Target::Slot(slot), kind));
        }
        plan.set_fields(fields);
        plan
    }

    fn map(
        &mut self,
        entry: &'a MessageDescriptor,
        levels: usize,
        depth: usize,
    ) -> Result<Option<(SchemaBuilder, FieldKind)>> {
        let mut plan = MessagePlan::new(&entry.full_name, 2);
        let (mut fields, mut schemas) = (Vec::new(), Vec::new());
        for (slot, field) in entry.fields.iter().enumerate() {
            let place = Place { message: entry, at: slot, levels, depth, in_oneof: false };
            let Some((schema, kind)) = self.field(place, field)? else { return Ok(None) };
            plan.fills.extend(self.fill(field, &kind).map(|fill| (slot, fill)));
            fields.push(field_plan(field, Target::Slot(slot), kind));
            schemas.push(schema);
        }
        let (Some(value), Some(key)) = (schemas.pop(), schemas.pop()) else { return Ok(None) };
        plan.set_fields(fields);
        let name = if self.settings.enhanced { &entry.full_name } else { &entry.name };
        let builder = SchemaBuilder::new(Kind::Map { key, value })
            .name(Some(names::map_name(name).as_str().into()))
            .optional();
        Ok(Some((builder, message_kind(Shape::Entry, Arc::new(plan)))))
    }

    /// What stands for a field that is not set.
    fn fill(&self, field: &FieldDescriptor, kind: &FieldKind) -> Option<Fill> {
        let written = field.default.as_deref();
        Some(match kind {
            FieldKind::Scalar(scalar, narrow) => {
                Fill::Value(defaults::of_scalar(*scalar, *narrow, written))
            }
            FieldKind::LossyText => {
                Fill::Value(defaults::of_scalar(Scalar::String, Narrow::Not, written))
            }
            FieldKind::Enum(plan) => {
                let ProtoKind::Enum(id) = field.kind else { return None };
                Fill::Value(defaults::of_enum(self.pool.enumeration(id)?, plan, written))
            }
            FieldKind::Message(inner) => Fill::Message(inner.clone()),
            FieldKind::TooDeep => return None,
        })
    }
}

/// A message where it is used, of which the schema there is to be set yet.
fn message_kind(shape: Shape, plan: Arc<MessagePlan>) -> FieldKind {
    FieldKind::Message(Inner { shape, schema: Schema::absent(), plan })
}

fn field_plan(field: &FieldDescriptor, target: Target, kind: FieldKind) -> FieldPlan {
    let wire = match field.kind {
        ProtoKind::Message(_) => wire::LENGTH,
        ProtoKind::Enum(_) => wire::VARINT,
        ProtoKind::Scalar(scalar) => wire_of(scalar),
    };
    let packed_tag = match field.is_repeated() && wire != wire::LENGTH {
        true => wire::tag(field.number, wire::LENGTH),
        false => 0,
    };
    let tag = wire::tag(field.number, wire);
    FieldPlan { name: field.name.clone(), tag, packed_tag, target, kind }
}

/// How values of a scalar are written.
pub(super) fn wire_of(scalar: Scalar) -> u32 {
    match scalar {
        Scalar::Double | Scalar::Fixed64 | Scalar::Sfixed64 => wire::FIXED64,
        Scalar::Float | Scalar::Fixed32 | Scalar::Sfixed32 => wire::FIXED32,
        Scalar::String | Scalar::Bytes => wire::LENGTH,
        Scalar::Int32
        | Scalar::Sint32
        | Scalar::Uint32
        | Scalar::Int64
        | Scalar::Sint64
        | Scalar::Uint64
        | Scalar::Bool => wire::VARINT,
    }
}

fn scalar_schema(field: &FieldDescriptor, scalar: Scalar) -> (SchemaBuilder, Narrow) {
    let builder = match scalar {
        Scalar::Int32 | Scalar::Sint32 | Scalar::Sfixed32 => {
            let meta = field.meta.as_ref().and_then(|meta| meta.param(names::CONNECT_TYPE));
            match meta {
                Some(names::INT8) => return (SchemaBuilder::new(Kind::Int8), Narrow::Int8),
                Some(names::INT16) => return (SchemaBuilder::new(Kind::Int16), Narrow::Int16),
                _ => SchemaBuilder::new(Kind::Int32),
            }
        }
        Scalar::Double => SchemaBuilder::new(Kind::Float64),
        Scalar::Float => SchemaBuilder::new(Kind::Float32),
        Scalar::Bool => SchemaBuilder::new(Kind::Boolean),
        Scalar::String => SchemaBuilder::new(Kind::String),
        Scalar::Bytes => SchemaBuilder::new(Kind::Bytes),
        Scalar::Uint32
        | Scalar::Fixed32
        | Scalar::Int64
        | Scalar::Sint64
        | Scalar::Uint64
        | Scalar::Fixed64
        | Scalar::Sfixed64 => SchemaBuilder::new(Kind::Int64),
    };
    let builder = match scalar {
        Scalar::Sint32
        | Scalar::Sfixed32
        | Scalar::Uint32
        | Scalar::Fixed32
        | Scalar::Sint64
        | Scalar::Uint64
        | Scalar::Fixed64
        | Scalar::Sfixed64 => builder.parameter(names::TYPE, scalar.name()),
        _ => builder,
    };
    (builder, Narrow::Not)
}

fn decimal_schema(field: &FieldDescriptor) -> SchemaBuilder {
    let param = |name| {
        let text = field.meta.as_ref().and_then(|meta| meta.param(name));
        text.and_then(|text| text.parse::<i32>().ok())
    };
    let builder = logical::decimal(param(names::SCALE).unwrap_or(0));
    match param(names::PRECISION) {
        Some(precision) => builder.parameter(names::DECIMAL_PRECISION, &precision.to_string()),
        None => builder,
    }
}
