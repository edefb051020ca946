//! Reads descriptors from bytes. What is not known is skipped.

use super::proto::{
    EnumProto, EnumValueProto, ExtensionRangeProto, FieldProto, FileProto, MessageProto,
    MethodProto, OneofProto, ServiceProto,
};
use super::tables;
use super::wire::{self, MAX_DEPTH, Value, fields};
use crate::element::Label;

/// Reads the descriptor of a file; nothing if the bytes are none.
pub(crate) fn decode(bytes: &[u8]) -> Option<FileProto> {
    let mut file = FileProto::default();
    for (number, value) in fields(bytes)? {
        match (number, value) {
            (1, _) => set(&mut file.name, value),
            (2, Value::Bytes(_)) => file.package = value.as_text(),
            (3, _) => file.dependencies.extend(value.as_text()),
            (4, Value::Bytes(bytes)) => file.messages.push(message(bytes, 0)?),
            (5, Value::Bytes(bytes)) => file.enums.push(enumeration(bytes)?),
            (6, Value::Bytes(bytes)) => file.services.push(service(bytes)?),
            (7, Value::Bytes(bytes)) => file.extensions.push(field(bytes)?),
            (8, Value::Bytes(bytes)) => tables::FILE.decode(bytes, &mut file.options)?,
            (10, _) => file.public_dependencies.extend(value.as_ints()?),
            (11, _) => file.weak_dependencies.extend(value.as_ints()?),
            (12, Value::Bytes(_)) => file.syntax = value.as_text(),
            _ => {}
        }
    }
    Some(file)
}

fn set(text: &mut String, value: Value<'_>) {
    if let Some(new) = value.as_text() {
        *text = new;
    }
}

fn set_number(number: &mut i32, value: Value<'_>) {
    if let Some(new) = value.as_int() {
        *number = new;
    }
}

fn message(bytes: &[u8], depth: usize) -> Option<MessageProto> {
    if depth >= MAX_DEPTH {
        return None;
    }
    let mut read = MessageProto::default();
    for (number, value) in fields(bytes)? {
        match (number, value) {
            (1, _) => set(&mut read.name, value),
            (2, Value::Bytes(bytes)) => read.fields.push(field(bytes)?),
            (3, Value::Bytes(bytes)) => read.nested.push(message(bytes, depth + 1)?),
            (4, Value::Bytes(bytes)) => read.enums.push(enumeration(bytes)?),
            (5, Value::Bytes(bytes)) => read.extension_ranges.push(extension_range(bytes)?),
            (6, Value::Bytes(bytes)) => read.extensions.push(field(bytes)?),
            (7, Value::Bytes(bytes)) => tables::MESSAGE.decode(bytes, &mut read.options)?,
            (8, Value::Bytes(bytes)) => read.oneofs.push(oneof(bytes)?),
            (9, Value::Bytes(bytes)) => read.reserved_ranges.push(range(bytes)?),
            (10, _) => read.reserved_names.extend(value.as_text()),
            _ => {}
        }
    }
    Some(read)
}

fn range(bytes: &[u8]) -> Option<(i32, i32)> {
    let (mut start, mut end) = (0, 0);
    for (number, value) in fields(bytes)? {
        match number {
            1 => set_number(&mut start, value),
            2 => set_number(&mut end, value),
            _ => {}
        }
    }
    Some((start, end))
}

fn extension_range(bytes: &[u8]) -> Option<ExtensionRangeProto> {
    let (start, end) = range(bytes)?;
    let mut read = ExtensionRangeProto { start, end, ..ExtensionRangeProto::default() };
    for (number, value) in fields(bytes)? {
        if let (3, Value::Bytes(bytes)) = (number, value) {
            tables::EXTENSION_RANGE.decode(bytes, &mut read.options)?;
        }
    }
    Some(read)
}

fn oneof(bytes: &[u8]) -> Option<OneofProto> {
    let mut read = OneofProto::default();
    for (number, value) in fields(bytes)? {
        match (number, value) {
            (1, _) => set(&mut read.name, value),
            (2, Value::Bytes(bytes)) => tables::ONEOF.decode(bytes, &mut read.options)?,
            _ => {}
        }
    }
    Some(read)
}

fn field(bytes: &[u8]) -> Option<FieldProto> {
    let mut read = FieldProto::default();
    for (number, value) in wire::fields(bytes)? {
        match (number, value) {
            (1, _) => set(&mut read.name, value),
            (2, Value::Bytes(_)) => read.extendee = value.as_text(),
            (3, _) => set_number(&mut read.number, value),
            (4, Value::Varint(_)) => {
                read.label = match value.as_int() {
                    Some(1) => Some(Label::Optional),
                    Some(2) => Some(Label::Required),
                    Some(3) => Some(Label::Repeated),
                    _ => read.label,
                }
            }
            (5, Value::Varint(_)) => {
                read.type_number = value.as_int().filter(|number| (1..=18).contains(number));
            }
            (6, Value::Bytes(_)) => read.type_name = value.as_text(),
            (7, Value::Bytes(_)) => read.default = value.as_text(),
            (8, Value::Bytes(bytes)) => tables::FIELD.decode(bytes, &mut read.options)?,
            (9, Value::Varint(_)) => read.oneof = value.as_int(),
            (10, Value::Bytes(_)) => read.json_name = value.as_text(),
            (17, Value::Varint(_)) => read.proto3_optional = value.as_bool()?,
            _ => {}
        }
    }
    Some(read)
}

fn enumeration(bytes: &[u8]) -> Option<EnumProto> {
    let mut read = EnumProto::default();
    for (number, value) in fields(bytes)? {
        match (number, value) {
            (1, _) => set(&mut read.name, value),
            (2, Value::Bytes(bytes)) => read.values.push(enum_value(bytes)?),
            (3, Value::Bytes(bytes)) => tables::ENUM.decode(bytes, &mut read.options)?,
            (4, Value::Bytes(bytes)) => read.reserved_ranges.push(range(bytes)?),
            (5, _) => read.reserved_names.extend(value.as_text()),
            _ => {}
        }
    }
    Some(read)
}

fn enum_value(bytes: &[u8]) -> Option<EnumValueProto> {
    let mut read = EnumValueProto::default();
    for (number, value) in fields(bytes)? {
        match (number, value) {
            (1, _) => set(&mut read.name, value),
            (2, _) => set_number(&mut read.number, value),
            (3, Value::Bytes(bytes)) => tables::ENUM_VALUE.decode(bytes, &mut read.options)?,
            _ => {}
        }
    }
    Some(read)
}

fn service(bytes: &[u8]) -> Option<ServiceProto> {
    let mut read = ServiceProto::default();
    for (number, value) in fields(bytes)? {
        match (number, value) {
            (1, _) => set(&mut read.name, value),
            (2, Value::Bytes(bytes)) => read.methods.push(method(bytes)?),
            (3, Value::Bytes(bytes)) => tables::SERVICE.decode(bytes, &mut read.options)?,
            _ => {}
        }
    }
    Some(read)
}

fn method(bytes: &[u8]) -> Option<MethodProto> {
    let mut read = MethodProto::default();
    for (number, value) in fields(bytes)? {
        match (number, value) {
            (1, _) => set(&mut read.name, value),
            (2, _) => set(&mut read.request, value),
            (3, _) => set(&mut read.response, value),
            (4, Value::Bytes(bytes)) => tables::METHOD.decode(bytes, &mut read.options)?,
            (5, Value::Varint(_)) => read.streams_requests = value.as_bool()?,
            (6, Value::Varint(_)) => read.streams_responses = value.as_bool()?,
            _ => {}
        }
    }
    Some(read)
}
