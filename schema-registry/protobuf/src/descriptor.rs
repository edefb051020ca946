//! Descriptors of files, as `google/protobuf/descriptor.proto` defines them.

mod annotations;
mod decode;
mod encode;
mod from_element;
mod options;
mod proto;
mod tables;
mod to_element;
mod wire;

pub(crate) use decode::decode;
pub(crate) use encode::encode;
pub(crate) use from_element::file_descriptor;
pub use from_element::map_entry_name;
pub(crate) use options::{OptionField, Options};
pub(crate) use proto::{
    EnumProto, FieldProto, FileProto, MessageProto, OneofProto, ServiceProto, TYPE_ENUM,
    TYPE_MESSAGE,
};
pub(crate) use tables::{
    FEATURES_OF_ENUM, FEATURES_OF_FIELD, FEATURES_OF_FILE, FEATURES_OF_MESSAGE, FEATURES_OF_ONEOF,
    feature,
};
pub(crate) use to_element::file_element;

/// The name of a file that has none of its own.
pub(crate) const DEFAULT_NAME: &str = "default";

#[cfg(test)]
mod tests;
