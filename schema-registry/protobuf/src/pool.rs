//! Descriptors: messages, fields and enums of a schema and of all that it imports, with every
//! name resolved.

mod build;
mod defaults;
mod features;
mod link;
mod symbols;

use std::collections::HashMap;

use gantry_schema_model::InvalidSchema;

use crate::descriptor::FileProto;
use crate::element::Label;
use crate::meta::Meta;
use crate::type_name::Scalar;

/// Messages and enums that know each other.
#[derive(Clone, Debug, Default)]
pub struct Descriptors {
    files: Vec<FileDescriptor>,
    messages: Vec<MessageDescriptor>,
    enums: Vec<EnumDescriptor>,
    by_name: HashMap<String, TypeId>,
}

/// A file of a pool of descriptors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FileId(usize);

/// A message of a pool of descriptors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct MessageId(usize);

/// An enum of a pool of descriptors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct EnumId(usize);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum TypeId {
    Message(MessageId),
    Enum(EnumId),
}

/// A file.
#[derive(Clone, Debug)]
pub struct FileDescriptor {
    /// Its path; that of the schema itself is `default`.
    pub name: String,
    /// Its package; may be empty.
    pub package: String,
    /// Whether it is written in `proto3`.
    pub is_proto3: bool,
    /// The messages at its top.
    pub messages: Vec<MessageId>,
    /// The enums at its top.
    pub enums: Vec<EnumId>,
    /// Annotations.
    pub meta: Option<Meta>,
}

/// A message.
#[derive(Clone, Debug)]
pub struct MessageDescriptor {
    /// Its place in the pool.
    pub id: MessageId,
    /// Its simple name.
    pub name: String,
    /// Its name with package and outer messages.
    pub full_name: String,
    /// Its file.
    pub file: FileId,
    /// The message around it.
    pub parent: Option<MessageId>,
    /// Its fields: first those of oneofs, then the others, each in the order of the text.
    pub fields: Vec<FieldDescriptor>,
    /// Its oneofs, with those that stand for a single optional field behind the others.
    pub oneofs: Vec<OneofDescriptor>,
    /// Messages in it; those that are entries of maps come last.
    pub messages: Vec<MessageId>,
    /// Enums in it.
    pub enums: Vec<EnumId>,
    /// Whether it is the entry of a map, with a field `key` and a field `value`.
    pub is_map_entry: bool,
    /// Annotations.
    pub meta: Option<Meta>,
    by_number: HashMap<i32, usize>,
    by_name: HashMap<String, usize>,
    extension_ranges: Vec<(i32, i32)>,
}

/// A field.
#[derive(Clone, Debug)]
pub struct FieldDescriptor {
    /// Its name.
    pub name: String,
    /// Its name in JSON.
    pub json_name: String,
    /// Its number.
    pub number: i32,
    /// How often it may occur.
    pub label: Label,
    /// Its type.
    pub kind: FieldKind,
    /// The place of its oneof in those of the message.
    pub oneof: Option<usize>,
    /// Whether it is an optional field of `proto3`, which has a oneof of its own.
    pub is_proto3_optional: bool,
    /// Whether it can be told whether it is set.
    pub has_presence: bool,
    /// Whether its values are written behind one tag.
    pub is_packed: bool,
    /// The default as it was written, without quotes.
    pub default: Option<String>,
    /// Annotations.
    pub meta: Option<Meta>,
}

impl FieldDescriptor {
    /// Whether it may occur any number of times; maps are of this kind too.
    pub fn is_repeated(&self) -> bool {
        self.label == Label::Repeated
    }
}

/// The type of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldKind {
    /// A type without parts.
    Scalar(Scalar),
    /// A message.
    Message(MessageId),
    /// An enum.
    Enum(EnumId),
}

/// Fields of which one at most is set.
#[derive(Clone, Debug)]
pub struct OneofDescriptor {
    /// Its name.
    pub name: String,
    /// Whether it stands for a single optional field of `proto3`.
    pub is_synthetic: bool,
    /// Places of its fields in those of the message.
    pub fields: Vec<usize>,
}

/// An enum.
#[derive(Clone, Debug)]
pub struct EnumDescriptor {
    /// Its place in the pool.
    pub id: EnumId,
    /// Its simple name.
    pub name: String,
    /// Its name with package and outer messages.
    pub full_name: String,
    /// Its file.
    pub file: FileId,
    /// The message around it.
    pub parent: Option<MessageId>,
    /// Its values in the order of the text.
    pub values: Vec<EnumValueDescriptor>,
    /// Whether numbers that it does not name are no values of it.
    pub is_closed: bool,
    /// Annotations.
    pub meta: Option<Meta>,
}

/// A value of an enum.
#[derive(Clone, Debug)]
pub struct EnumValueDescriptor {
    /// Its name.
    pub name: String,
    /// Its number.
    pub number: i32,
    /// Annotations.
    pub meta: Option<Meta>,
}

impl Descriptors {
    /// Links files, each behind all that it imports.
    pub(crate) fn link(files: &[FileProto]) -> Result<Self, InvalidSchema> {
        let mut builder = build::Builder::default();
        for file in files {
            builder.add(file)?;
        }
        Ok(builder.finish())
    }

    /// The schema itself.
    pub fn file(&self) -> Option<&FileDescriptor> {
        self.files.last()
    }

    /// The schema itself behind all files that it imports, directly or not.
    pub fn files(&self) -> &[FileDescriptor] {
        &self.files
    }

    /// All messages.
    pub fn messages(&self) -> &[MessageDescriptor] {
        &self.messages
    }

    /// All enums.
    pub fn enums(&self) -> &[EnumDescriptor] {
        &self.enums
    }

    /// The file with this place.
    pub fn file_of(&self, id: FileId) -> Option<&FileDescriptor> {
        self.files.get(id.0)
    }

    /// The message with this place.
    pub fn message(&self, id: MessageId) -> Option<&MessageDescriptor> {
        self.messages.get(id.0)
    }

    /// The enum with this place.
    pub fn enumeration(&self, id: EnumId) -> Option<&EnumDescriptor> {
        self.enums.get(id.0)
    }

    /// The message with this full name.
    pub fn message_named(&self, full_name: &str) -> Option<&MessageDescriptor> {
        match self.by_name.get(full_name)? {
            TypeId::Message(id) => self.message(*id),
            TypeId::Enum(_) => None,
        }
    }

    /// The enum with this full name.
    pub fn enum_named(&self, full_name: &str) -> Option<&EnumDescriptor> {
        match self.by_name.get(full_name)? {
            TypeId::Message(_) => None,
            TypeId::Enum(id) => self.enumeration(*id),
        }
    }

    /// The fields for keys and values, if a field is a map.
    pub fn map_entry(
        &self,
        field: &FieldDescriptor,
    ) -> Option<(&FieldDescriptor, &FieldDescriptor)> {
        let FieldKind::Message(id) = field.kind else { return None };
        let entry = self.message(id).filter(|entry| field.is_repeated() && entry.is_map_entry)?;
        Some((entry.field_named("key")?, entry.field_named("value")?))
    }
}

impl MessageDescriptor {
    /// The field with this number.
    pub fn field_numbered(&self, number: i32) -> Option<&FieldDescriptor> {
        self.fields.get(*self.by_number.get(&number)?)
    }

    /// The field with this name.
    pub fn field_named(&self, name: &str) -> Option<&FieldDescriptor> {
        self.fields.get(*self.by_name.get(name)?)
    }

    /// The oneof of a field, unless it stands for this field only.
    pub fn oneof_of(&self, field: &FieldDescriptor) -> Option<&OneofDescriptor> {
        self.oneofs.get(field.oneof?).filter(|oneof| !oneof.is_synthetic)
    }
}

impl EnumDescriptor {
    /// The first value with this number.
    pub fn value_numbered(&self, number: i32) -> Option<&EnumValueDescriptor> {
        self.values.iter().find(|value| value.number == number)
    }

    /// The value with this name.
    pub fn value_named(&self, name: &str) -> Option<&EnumValueDescriptor> {
        self.values.iter().find(|value| value.name == name)
    }
}

#[cfg(test)]
mod tests;
