//! Protobuf schemas: parsing, canonical texts, compatibility.
//!
//! A text is read into elements that say what it says (`element`). From these come the canonical
//! and the normalized text, the comparison of two schemas, and descriptors with every name
//! resolved (`Descriptors`), as converters of data need them.

mod descriptor;
mod diff;
pub mod element;
mod hash_order;
mod indexes;
mod known;
mod meta;
mod option;
mod ordered;
mod pool;
mod print;
mod schema;
mod scope;
mod text;
mod type_name;

use gantry_schema_model::{Dependency, Format, InvalidSchema};

pub use descriptor::map_entry_name;
pub use diff::{Difference, DifferenceKind};
pub use indexes::MessageIndexes;
pub use meta::{Meta, Rule};
pub use option::{OptionValue, ProtoOption};
pub use pool::{
    Descriptors, EnumDescriptor, EnumId, EnumValueDescriptor, FieldDescriptor, FieldKind,
    FileDescriptor, FileId, MessageDescriptor, MessageId, OneofDescriptor,
};
pub use schema::ProtobufSchema;
pub use type_name::Scalar;

/// The format of Protobuf schemas.
#[derive(Clone, Copy, Debug)]
pub struct Protobuf;

impl Format for Protobuf {
    type Schema = ProtobufSchema;

    /// Of a new schema, all names of types must be known. An error that begins with
    /// `Could not parse Protobuf` is about the text alone, any other about what it means.
    fn parse(
        text: &str,
        dependencies: &[Dependency],
        is_new: bool,
    ) -> Result<ProtobufSchema, InvalidSchema> {
        let schema = ProtobufSchema::read(text, dependencies)?;
        if is_new {
            schema.validate(false)?;
        }
        Ok(schema)
    }

    /// The first `%s` of a sentence stands for the word that tells the reader (`new`, `old`), the
    /// second for that of the writer.
    fn incompatibilities(reader: &ProtobufSchema, writer: &ProtobufSchema) -> Vec<String> {
        let sentence = |difference: &Difference| difference.sentence("%s", "%s");
        reader.differences_from(writer).iter().map(sentence).collect()
    }
}
