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

/// The text of a schema and the message in it for values of a Connect schema that is no struct.
/// Lists and maps have none.
///
/// Confluent's converter takes the schema of the number or the bytes below for a value of a logical
/// type, writes the message of the logical type all the same, and leaves out which message it is:
/// nobody can read that. Here the schema is that of the message.
pub(super) fn root(schema: &Schema) -> Result<(&'static str, &'static str)> {
    if let Some(kind) = Logical::of(schema) {
        let text = match kind {
            Logical::Decimal => DECIMAL,
            Logical::Date => DATE,
            Logical::Time => TIME,
            Logical::Timestamp => TIMESTAMP,
        };
        return Ok((text, logical::message_of(kind)));
    }
    let unsupported = || {
        let kind = schema.kind().type_name();
        Error::data(format!(
            "Unsupported root schema of type {kind}: a Protobuf schema is a message; put the \
             value into a field of a struct (HoistField)"
        ))
    };
    names::wrapper_of(schema.kind()).map(|name| (WRAPPERS, name)).ok_or_else(unsupported)
}

/// Whether values of a schema are messages of their own rather than wrapped.
pub(super) fn is_struct(schema: &Schema) -> bool {
    matches!(schema.kind(), Kind::Struct(_))
}
