//! What a descriptor of a file has.

use super::options::Options;
use crate::element::Label;

/// The number of the type of a message in a descriptor of a field.
pub(crate) const TYPE_MESSAGE: i32 = 11;
/// The number of the type of an enum in a descriptor of a field.
pub(crate) const TYPE_ENUM: i32 = 14;

#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct FileProto {
    pub(crate) name: String,
    pub(crate) package: Option<String>,
    pub(crate) dependencies: Vec<String>,
    /// Places in `dependencies`.
    pub(crate) public_dependencies: Vec<i32>,
    /// Places in `dependencies`.
    pub(crate) weak_dependencies: Vec<i32>,
    pub(crate) messages: Vec<MessageProto>,
    pub(crate) enums: Vec<EnumProto>,
    pub(crate) services: Vec<ServiceProto>,
    pub(crate) extensions: Vec<FieldProto>,
    pub(crate) options: Options,
    pub(crate) syntax: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct MessageProto {
    pub(crate) name: String,
    pub(crate) fields: Vec<FieldProto>,
    pub(crate) nested: Vec<Self>,
    pub(crate) enums: Vec<EnumProto>,
    pub(crate) extension_ranges: Vec<ExtensionRangeProto>,
    pub(crate) extensions: Vec<FieldProto>,
    pub(crate) options: Options,
    pub(crate) oneofs: Vec<OneofProto>,
    /// From a number up to another, which does not belong to it.
    pub(crate) reserved_ranges: Vec<(i32, i32)>,
    pub(crate) reserved_names: Vec<String>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct ExtensionRangeProto {
    /// From this number.
    pub(crate) start: i32,
    /// Up to this number, which does not belong to it.
    pub(crate) end: i32,
    pub(crate) options: Options,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct FieldProto {
    pub(crate) name: String,
    /// The message that an extension extends.
    pub(crate) extendee: Option<String>,
    pub(crate) number: i32,
    pub(crate) label: Option<Label>,
    /// The number of the type, if it is known.
    pub(crate) type_number: Option<i32>,
    /// The name of a message or an enum.
    pub(crate) type_name: Option<String>,
    pub(crate) default: Option<String>,
    pub(crate) options: Options,
    pub(crate) oneof: Option<i32>,
    pub(crate) json_name: Option<String>,
    pub(crate) proto3_optional: bool,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct OneofProto {
    pub(crate) name: String,
    pub(crate) options: Options,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct EnumProto {
    pub(crate) name: String,
    pub(crate) values: Vec<EnumValueProto>,
    pub(crate) options: Options,
    /// From a number to another, which belongs to it.
    pub(crate) reserved_ranges: Vec<(i32, i32)>,
    pub(crate) reserved_names: Vec<String>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct EnumValueProto {
    pub(crate) name: String,
    pub(crate) number: i32,
    pub(crate) options: Options,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct ServiceProto {
    pub(crate) name: String,
    pub(crate) methods: Vec<MethodProto>,
    pub(crate) options: Options,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct MethodProto {
    pub(crate) name: String,
    pub(crate) request: String,
    pub(crate) response: String,
    pub(crate) streams_requests: bool,
    pub(crate) streams_responses: bool,
    pub(crate) options: Options,
}
