//! Descriptors in bytes: fields in the order of their numbers.

use super::proto::{
    EnumProto, EnumValueProto, ExtensionRangeProto, FieldProto, FileProto, MessageProto,
    MethodProto, OneofProto, ServiceProto,
};
use super::wire::Writer;
use crate::element::Label;

/// The number of a label.
pub(super) fn label_number(label: Label) -> i64 {
    match label {
        Label::Optional => 1,
        Label::Required => 2,
        Label::Repeated => 3,
    }
}

pub(crate) fn encode(file: &FileProto) -> Vec<u8> {
    let mut writer = Writer::default();
    writer.text(1, &file.name);
    if let Some(package) = &file.package {
        writer.text(2, package);
    }
    for dependency in &file.dependencies {
        writer.text(3, dependency);
    }
    for message in &file.messages {
        writer.message(4, |writer| encode_message(message, writer));
    }
    for of in &file.enums {
        writer.message(5, |writer| encode_enum(of, writer));
    }
    for service in &file.services {
        writer.message(6, |writer| encode_service(service, writer));
    }
    for field in &file.extensions {
        writer.message(7, |writer| encode_field(field, writer));
    }
    file.options.encode(8, &mut writer);
    for place in &file.public_dependencies {
        writer.number(10, i64::from(*place));
    }
    for place in &file.weak_dependencies {
        writer.number(11, i64::from(*place));
    }
    if let Some(syntax) = &file.syntax {
        writer.text(12, syntax);
    }
    writer.into_bytes()
}

fn encode_message(message: &MessageProto, writer: &mut Writer) {
    writer.text(1, &message.name);
    for field in &message.fields {
        writer.message(2, |writer| encode_field(field, writer));
    }
    for nested in &message.nested {
        writer.message(3, |writer| encode_message(nested, writer));
    }
    for of in &message.enums {
        writer.message(4, |writer| encode_enum(of, writer));
    }
    for ExtensionRangeProto { start, end, options } in &message.extension_ranges {
        writer.message(5, |writer| {
            encode_range((*start, *end), writer);
            options.encode(3, writer);
        });
    }
    for field in &message.extensions {
        writer.message(6, |writer| encode_field(field, writer));
    }
    message.options.encode(7, writer);
    for OneofProto { name, options } in &message.oneofs {
        writer.message(8, |writer| {
            writer.text(1, name);
            options.encode(2, writer);
        });
    }
    for range in &message.reserved_ranges {
        writer.message(9, |writer| encode_range(*range, writer));
    }
    for name in &message.reserved_names {
        writer.text(10, name);
    }
}

fn encode_range((start, end): (i32, i32), writer: &mut Writer) {
    writer.number(1, i64::from(start));
    writer.number(2, i64::from(end));
}

fn encode_field(field: &FieldProto, writer: &mut Writer) {
    writer.text(1, &field.name);
    if let Some(extendee) = &field.extendee {
        writer.text(2, extendee);
    }
    writer.number(3, i64::from(field.number));
    if let Some(label) = field.label {
        writer.number(4, label_number(label));
    }
    if let Some(number) = field.type_number {
        writer.number(5, i64::from(number));
    }
    if let Some(name) = &field.type_name {
        writer.text(6, name);
    }
    if let Some(default) = &field.default {
        writer.text(7, default);
    }
    field.options.encode(8, writer);
    if let Some(oneof) = field.oneof {
        writer.number(9, i64::from(oneof));
    }
    if let Some(name) = &field.json_name {
        writer.text(10, name);
    }
    if field.proto3_optional {
        writer.number(17, 1);
    }
}

fn encode_enum(of: &EnumProto, writer: &mut Writer) {
    writer.text(1, &of.name);
    for EnumValueProto { name, number, options } in &of.values {
        writer.message(2, |writer| {
            writer.text(1, name);
            writer.number(2, i64::from(*number));
            options.encode(3, writer);
        });
    }
    of.options.encode(3, writer);
    for range in &of.reserved_ranges {
        writer.message(4, |writer| encode_range(*range, writer));
    }
    for name in &of.reserved_names {
        writer.text(5, name);
    }
}

fn encode_service(service: &ServiceProto, writer: &mut Writer) {
    writer.text(1, &service.name);
    for method in &service.methods {
        writer.message(2, |writer| encode_method(method, writer));
    }
    service.options.encode(3, writer);
}

fn encode_method(method: &MethodProto, writer: &mut Writer) {
    writer.text(1, &method.name);
    writer.text(2, &method.request);
    writer.text(3, &method.response);
    method.options.encode(4, writer);
    writer.number(5, i64::from(method.streams_requests));
    writer.number(6, i64::from(method.streams_responses));
}
