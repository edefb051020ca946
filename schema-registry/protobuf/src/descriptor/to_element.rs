//! A file as its descriptor tells it: types by their full names, and no comments.
//!
//! Oneofs with the same name are one, and the places that fields name are those of what is left:
//! so Confluent's registry reads them.

use super::proto::{
    EnumProto, ExtensionRangeProto, FieldProto, FileProto, MessageProto, MethodProto, OneofProto,
    ServiceProto,
};
use super::tables;
use crate::element::{
    Enum, EnumValue, Extend, Extensions, Field, Label, Message, Method, Numbers, Oneof, ProtoFile,
    Reserved, ReservedValue, Service, Syntax, Type,
};
use crate::ordered::Ordered;
use crate::type_name::Scalar;

/// Nothing if a field names a oneof that is not there.
pub(crate) fn file_element(file: &FileProto) -> Option<ProtoFile> {
    let is_proto3 = file.syntax.as_deref() == Some(Syntax::Proto3.name());
    let mut element = ProtoFile {
        syntax: file.syntax.as_deref().and_then(Syntax::named),
        package: file.package.clone().filter(|package| !package.is_empty()),
        options: tables::FILE.written(&file.options),
        extends: extends(&file.extensions, is_proto3),
        ..ProtoFile::default()
    };
    for (place, path) in file.dependencies.iter().enumerate() {
        let is_in = |places: &[i32]| places.iter().any(|of| usize::try_from(*of) == Ok(place));
        let paths = if is_in(&file.public_dependencies) {
            &mut element.public_imports
        } else if is_in(&file.weak_dependencies) {
            &mut element.weak_imports
        } else {
            &mut element.imports
        };
        paths.push(path.clone());
    }
    element.types = types(&file.messages, &file.enums, is_proto3)?;
    element.services = file.services.iter().map(service_element).collect();
    Some(element)
}

fn types(messages: &[MessageProto], enums: &[EnumProto], is_proto3: bool) -> Option<Vec<Type>> {
    let messages = messages.iter().map(|of| message_element(of, is_proto3).map(Type::Message));
    messages.chain(enums.iter().map(|of| Some(Type::Enum(enum_element(of))))).collect()
}

fn message_element(message: &MessageProto, is_proto3: bool) -> Option<Message> {
    let new = |oneof: &OneofProto| {
        let options = tables::ONEOF.written(&oneof.options);
        (oneof.name.clone(), Oneof { name: oneof.name.clone(), options, ..Oneof::default() })
    };
    let oneofs: Ordered<Oneof> = message.oneofs.iter().map(new).collect();
    let mut oneofs: Vec<Oneof> = oneofs.into_entries().into_iter().map(|(_, of)| of).collect();
    let mut fields = Vec::new();
    for field in &message.fields {
        let element = field_element(field, is_proto3);
        match field.oneof.filter(|_| !field.proto3_optional) {
            Some(place) => {
                let oneof = oneofs.get_mut(usize::try_from(place).ok()?)?;
                oneof.fields.push(Field { label: None, ..element });
            }
            None => fields.push(element),
        }
    }
    oneofs.retain(|oneof| !oneof.fields.is_empty());
    // A range ends before its last number.
    let ranges = message.reserved_ranges.iter();
    let numbers = ranges.map(|(start, end)| closed(*start, end.wrapping_sub(1)));
    Some(Message {
        name: message.name.clone(),
        types: types(&message.nested, &message.enums, is_proto3)?,
        options: tables::MESSAGE.written(&message.options),
        reserved: all_reserved(numbers, &message.reserved_names),
        fields,
        oneofs,
        extensions: message.extension_ranges.iter().map(extensions).collect(),
        extends: extends(&message.extensions, is_proto3),
        ..Message::default()
    })
}

fn closed(first: i32, last: i32) -> Numbers {
    if first == last { Numbers::One(first) } else { Numbers::Range(first, last) }
}

fn all_reserved(numbers: impl Iterator<Item = Numbers>, names: &[String]) -> Vec<Reserved> {
    let numbers = numbers.map(ReservedValue::Numbers);
    let values = numbers.chain(names.iter().cloned().map(ReservedValue::Name));
    values.map(|value| Reserved { values: vec![value], ..Reserved::default() }).collect()
}

fn extensions(range: &ExtensionRangeProto) -> Extensions {
    Extensions {
        values: vec![closed(range.start, range.end.wrapping_sub(1))],
        options: tables::EXTENSION_RANGE.written(&range.options),
        ..Extensions::default()
    }
}

/// Extensions, those of one message together.
fn extends(fields: &[FieldProto], is_proto3: bool) -> Vec<Extend> {
    let mut extends: Ordered<Vec<Field>> = Ordered::default();
    for field in fields {
        let name = field.extendee.clone().unwrap_or_default();
        let new = vec![field_element(field, is_proto3)];
        extends.add(name, new, |known, new| known.extend(new));
    }
    let extends = extends.into_entries().into_iter();
    extends.map(|(name, fields)| Extend { name, fields, ..Extend::default() }).collect()
}

fn field_element(field: &FieldProto, is_proto3: bool) -> Field {
    let label = match field.label.unwrap_or(Label::Optional) {
        _ if field.proto3_optional => Some(Label::Optional),
        Label::Repeated => Some(Label::Repeated),
        label => (!is_proto3).then_some(label),
    };
    Field {
        label,
        type_name: type_name(field),
        name: field.name.clone(),
        number: field.number,
        default: field.default.clone().filter(|_| !is_proto3),
        json_name: field.json_name.clone(),
        options: tables::FIELD.written(&field.options),
        ..Field::default()
    }
}

fn type_name(field: &FieldProto) -> String {
    if let Some(name) = &field.type_name {
        return name.clone();
    }
    let number = field.type_number.unwrap_or_else(|| Scalar::Double.number());
    let name = match number {
        10 => "group",
        11 => "message",
        14 => "enum",
        number => Scalar::numbered(number).unwrap_or(Scalar::Double).name(),
    };
    name.to_owned()
}

fn enum_element(of: &EnumProto) -> Enum {
    let numbers = of.reserved_ranges.iter().map(|(first, last)| closed(*first, *last));
    let mut values = Vec::with_capacity(of.values.len());
    for value in &of.values {
        values.push(EnumValue {
            name: value.name.clone(),
            number: value.number,
            options: tables::ENUM_VALUE.written(&value.options),
            ..EnumValue::default()
        });
    }
    Enum {
        name: of.name.clone(),
        options: tables::ENUM.written(&of.options),
        values,
        reserved: all_reserved(numbers, &of.reserved_names),
        ..Enum::default()
    }
}

fn service_element(service: &ServiceProto) -> Service {
    let method = |method: &MethodProto| Method {
        name: method.name.clone(),
        request: method.request.clone(),
        response: method.response.clone(),
        streams_requests: method.streams_requests,
        streams_responses: method.streams_responses,
        options: tables::METHOD.written(&method.options),
        ..Method::default()
    };
    Service {
        name: service.name.clone(),
        methods: service.methods.iter().map(method).collect(),
        options: tables::SERVICE.written(&service.options),
        ..Service::default()
    }
}
