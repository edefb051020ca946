//! The descriptor of a file that was read as a text.

use std::collections::HashSet;

use gantry_schema_model::InvalidSchema;

use super::options::Options;
use super::proto::{
    EnumProto, EnumValueProto, ExtensionRangeProto, FieldProto, FileProto, MessageProto,
    MethodProto, OneofProto, ServiceProto, TYPE_ENUM, TYPE_MESSAGE,
};
use super::tables;
use crate::element::{
    Enum, Extend, Extensions, Field, Label, Message, Numbers, Oneof, ProtoFile, Reserved,
    ReservedValue, Service, Syntax, Type,
};
use crate::scope::Types;
use crate::type_name::{Scalar, TypeName};

type Result<T> = std::result::Result<T, InvalidSchema>;

/// The descriptor of a file. `imports` tells of a path whether there is a file for it; others are
/// left out.
pub(crate) fn file_descriptor(
    name: &str,
    file: &ProtoFile,
    types: &Types<'_>,
    imports: impl Fn(&str) -> bool,
) -> Result<FileProto> {
    let mut builder =
        Builder { types, package: file.package_name(), syntax: file.syntax, scope: Vec::new() };
    let mut proto = FileProto {
        name: name.to_owned(),
        package: file.package.clone(),
        syntax: file.syntax.map(|syntax| syntax.name().to_owned()),
        ..FileProto::default()
    };
    for of in &file.types {
        builder.add_type(of, &mut proto.messages, &mut proto.enums)?;
    }
    for service in &file.services {
        proto.services.push(service_descriptor(service)?);
    }
    builder.add_extensions(&file.extends, &mut proto.extensions)?;
    for path in file.imports.iter().filter(|path| imports(path)) {
        place_of(path, &mut proto.dependencies);
    }
    for path in file.public_imports.iter().filter(|path| imports(path)) {
        let place = place_of(path, &mut proto.dependencies);
        proto.public_dependencies.push(place);
    }
    proto.options = tables::FILE.read(&file.options)?;
    Ok(proto)
}

/// The place of a path, which is added if it is new.
fn place_of(path: &str, paths: &mut Vec<String>) -> i32 {
    let known = paths.iter().position(|known| known == path);
    let place = known.unwrap_or_else(|| {
        paths.push(path.to_owned());
        paths.len() - 1
    });
    i32::try_from(place).unwrap_or(i32::MAX)
}

struct Builder<'a> {
    types: &'a Types<'a>,
    package: &'a str,
    syntax: Option<Syntax>,
    /// The messages around what is described.
    scope: Vec<String>,
}

/// What a field is besides what is written in its own statement.
#[derive(Default)]
struct Place<'a> {
    /// The message that is extended.
    extendee: Option<&'a str>,
    oneof: Option<usize>,
    proto3_optional: bool,
}

impl Builder<'_> {
    fn add_type(
        &mut self,
        of: &Type,
        messages: &mut Vec<MessageProto>,
        enums: &mut Vec<EnumProto>,
    ) -> Result<()> {
        match of {
            Type::Message(message) => {
                self.scope.push(message.name.clone());
                let proto = self.message(message)?;
                self.scope.pop();
                messages.push(proto);
            }
            Type::Enum(of) => enums.push(enum_descriptor(of)?),
        }
        Ok(())
    }

    /// Groups are left out, as Confluent's registry leaves them out.
    fn message(&mut self, message: &Message) -> Result<MessageProto> {
        let mut proto = MessageProto { name: message.name.clone(), ..MessageProto::default() };
        for nested in &message.types {
            self.add_type(nested, &mut proto.nested, &mut proto.enums)?;
        }
        let mut in_oneofs = HashSet::new();
        for oneof in &message.oneofs {
            let place = Place { oneof: Some(proto.oneofs.len()), ..Place::default() };
            proto.oneofs.push(oneof_descriptor(oneof)?);
            for field in &oneof.fields {
                let label = Some(Label::Optional);
                proto.fields.push(self.field(field, &field.type_name, label, &place)?);
                in_oneofs.insert(field.name.as_str());
            }
        }
        // The entries of maps come behind all other messages.
        for field in &message.fields {
            if !in_oneofs.contains(field.name.as_str()) {
                self.add_field(field, &mut proto)?;
            }
        }
        add_reserved(&message.reserved, &mut proto);
        for extensions in &message.extensions {
            add_extension_ranges(extensions, &mut proto.extension_ranges)?;
        }
        self.add_extensions(&message.extends, &mut proto.extensions)?;
        proto.options = tables::MESSAGE.read(&message.options)?;
        Ok(proto)
    }

    fn add_field(&self, field: &Field, message: &mut MessageProto) -> Result<()> {
        if let TypeName::Map(key, value) = TypeName::of(&field.type_name) {
            let entry = map_entry_name(&field.name);
            message.nested.push(MessageProto {
                name: entry.clone(),
                fields: vec![self.entry_field("key", 1, key), self.entry_field("value", 2, value)],
                options: Options::of_map_entry(),
                ..MessageProto::default()
            });
            let label = Some(Label::Repeated);
            message.fields.push(self.field(field, &entry, label, &Place::default())?);
            return Ok(());
        }
        let is_proto3 = self.syntax == Some(Syntax::Proto3);
        let place = if is_proto3 && field.label == Some(Label::Optional) {
            let place = Place {
                oneof: Some(message.oneofs.len()),
                proto3_optional: true,
                ..Place::default()
            };
            message.oneofs.push(OneofProto {
                name: format!("_{}", field.name),
                options: Options { present: true, ..Options::default() },
            });
            place
        } else {
            Place::default()
        };
        message.fields.push(self.field(field, &field.type_name, field.label, &place)?);
        Ok(())
    }

    fn add_extensions(&self, extends: &[Extend], extensions: &mut Vec<FieldProto>) -> Result<()> {
        for extend in extends {
            let place = Place { extendee: Some(&extend.name), ..Place::default() };
            for field in &extend.fields {
                extensions.push(self.field(field, &field.type_name, field.label, &place)?);
            }
        }
        Ok(())
    }

    fn entry_field(&self, name: &str, number: i32, type_name: &str) -> FieldProto {
        let (type_number, type_name) = self.field_type(type_name);
        FieldProto {
            name: name.to_owned(),
            number,
            type_number,
            type_name,
            ..FieldProto::default()
        }
    }

    fn field(
        &self,
        field: &Field,
        type_name: &str,
        label: Option<Label>,
        place: &Place<'_>,
    ) -> Result<FieldProto> {
        let (type_number, type_name) = self.field_type(type_name);
        Ok(FieldProto {
            name: field.name.clone(),
            extendee: place.extendee.map(str::to_owned),
            number: field.number,
            label,
            type_number,
            type_name,
            default: field.default.clone(),
            options: tables::FIELD.read(&field.options)?,
            oneof: place.oneof.map(|place| i32::try_from(place).unwrap_or(i32::MAX)),
            json_name: field.json_name.clone(),
            proto3_optional: place.proto3_optional,
        })
    }

    /// The number of a type, if it is known, and its name, if it is no scalar.
    fn field_type(&self, name: &str) -> (Option<i32>, Option<String>) {
        if let Some(scalar) = Scalar::named(name) {
            return (Some(scalar.number()), None);
        }
        let found = self.types.resolve(self.package, &self.scope, name);
        let number = found.map(|(_, info)| match info.element {
            Type::Message(_) => TYPE_MESSAGE,
            Type::Enum(_) => TYPE_ENUM,
        });
        (number, Some(name.to_owned()))
    }
}

fn oneof_descriptor(oneof: &Oneof) -> Result<OneofProto> {
    let options = tables::ONEOF.read(&oneof.options)?;
    Ok(OneofProto { name: oneof.name.clone(), options: Options { present: true, ..options } })
}

fn add_reserved(all: &[Reserved], message: &mut MessageProto) {
    for value in all.iter().flat_map(|reserved| &reserved.values) {
        match value {
            ReservedValue::Name(name) => message.reserved_names.push(name.clone()),
            ReservedValue::Numbers(numbers) => message.reserved_ranges.push(half_open(*numbers)),
        }
    }
}

fn add_extension_ranges(
    extensions: &Extensions,
    ranges: &mut Vec<ExtensionRangeProto>,
) -> Result<()> {
    let options = tables::EXTENSION_RANGE.read(&extensions.options)?;
    let options = Options { present: true, ..options };
    for numbers in &extensions.values {
        let (start, end) = half_open(*numbers);
        ranges.push(ExtensionRangeProto { start, end, options: options.clone() });
    }
    Ok(())
}

/// From a number up to another, which does not belong to it.
fn half_open(numbers: Numbers) -> (i32, i32) {
    match numbers {
        Numbers::One(number) => (number, number.wrapping_add(1)),
        Numbers::Range(first, last) => (first, last.wrapping_add(1)),
    }
}

fn enum_descriptor(of: &Enum) -> Result<EnumProto> {
    let mut proto = EnumProto {
        name: of.name.clone(),
        options: tables::ENUM.read(&of.options)?,
        ..EnumProto::default()
    };
    for value in of.reserved.iter().flat_map(|reserved| &reserved.values) {
        match value {
            ReservedValue::Name(name) => proto.reserved_names.push(name.clone()),
            ReservedValue::Numbers(Numbers::One(number)) => {
                proto.reserved_ranges.push((*number, *number));
            }
            ReservedValue::Numbers(Numbers::Range(first, last)) => {
                proto.reserved_ranges.push((*first, *last));
            }
        }
    }
    for value in &of.values {
        proto.values.push(EnumValueProto {
            name: value.name.clone(),
            number: value.number,
            options: tables::ENUM_VALUE.read(&value.options)?,
        });
    }
    Ok(proto)
}

fn service_descriptor(service: &Service) -> Result<ServiceProto> {
    let mut proto = ServiceProto {
        name: service.name.clone(),
        options: tables::SERVICE.read(&service.options)?,
        methods: Vec::new(),
    };
    for method in &service.methods {
        proto.methods.push(MethodProto {
            name: method.name.clone(),
            request: method.request.clone(),
            response: method.response.clone(),
            streams_requests: method.streams_requests,
            streams_responses: method.streams_responses,
            options: tables::METHOD.read(&method.options)?,
        });
    }
    Ok(proto)
}

/// The name of the message of the entries of a map. A name without `_` stays as it is.
pub fn map_entry_name(field: &str) -> String {
    if !field.contains('_') {
        return format!("{field}Entry");
    }
    let mut name = String::with_capacity(field.len() + 5);
    for word in field.split('_') {
        let mut chars = word.chars();
        name.extend(chars.next().map(|c| c.to_ascii_uppercase()));
        name.extend(chars.map(|c| c.to_ascii_lowercase()));
    }
    name.push_str("Entry");
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_entries() {
        assert_eq!(map_entry_name("m"), "mEntry");
        assert_eq!(map_entry_name("aB"), "aBEntry");
        assert_eq!(map_entry_name("my_BIG_map"), "MyBigMapEntry");
        assert_eq!(map_entry_name("_a"), "AEntry");
    }
}
