//! The schemas of values that are no structs.

use gantry_model::logical::Logical;
use gantry_model::{Error, Kind, Result, Schema};

use super::logical;
use super::names;

/// The file with the messages around single values, as Java has it.
const WRAPPERS: &str = include_str!("wrappers.proto");
const DECIMAL: &str = "syntax = \"proto3\";
package confluent.type;

message Decimal {
  bytes value = 1;
  uint32 precision = 2;
  int32 scale = 3;
}
";
const DATE: &str = "syntax = \"proto3\";
package google.type;

message Date {
  int32 year = 1;
  int32 month = 2;
  int32 day = 3;
}
";
const TIME: &str = "syntax = \"proto3\";
package google.type;

message TimeOfDay {
  int32 hours = 1;
  int32 minutes = 2;
  int32 seconds = 3;
  int32 nanos = 4;
}
";
const TIMESTAMP: &str = "syntax = \"proto3\";
package google.protobuf;

message Timestamp {
  int64 seconds = 1;
  int32 nanos = 2;
}
";

/// The text of the schema for values of a Connect schema that is no struct. Lists and maps have
/// none.
///
/// Values of logical types, too, get the schema of the number or the bytes below, as Confluent's
/// converter gives them: [`logical_root`] says what becomes of that.
pub(super) fn text(schema: &Schema) -> Result<&'static str> {
    wrapper(schema).map(|_| WRAPPERS)
}

/// The message of values of a Connect schema that is no struct.
pub(super) fn message(schema: &Schema) -> Result<&'static str> {
    match Logical::of(schema) {
        Some(kind) => Ok(logical::message_of(kind)),
        None => wrapper(schema),
    }
}

fn wrapper(schema: &Schema) -> Result<&'static str> {
    names::wrapper_of(schema.kind()).ok_or_else(|| {
        let kind = schema.kind().type_name();
        Error::data(format!(
            "Unsupported root schema of type {kind}: a Protobuf schema is a message; put the \
             value into a field of a struct (HoistField)"
        ))
    })
}

/// The schema of the message of a logical type.
///
/// Where such a value is no field, Confluent's converter writes its message by the schema of
/// [`text`], which does not have it, and leaves out which message it is. Nobody can read that. The
/// bytes are the same here, for whoever compares them, and the log says so.
pub(super) fn logical_root(kind: Logical) -> &'static str {
    match kind {
        Logical::Decimal => DECIMAL,
        Logical::Date => DATE,
        Logical::Time => TIME,
        Logical::Timestamp => TIMESTAMP,
    }
}

/// Whether values of a schema are messages of their own rather than wrapped.
pub(super) fn is_struct(schema: &Schema) -> bool {
    matches!(schema.kind(), Kind::Struct(_))
}
