use super::*;

/// What Confluent's converter writes of logical types that are no fields can be read by nobody:
/// see `roots`.
const UNREADABLE: [&str; 15] = [
    "protobuf-date",
    "protobuf-date-scrub-invalid-names",
    "protobuf-decimal-optional-for-nullables",
    "protobuf-decimal-precision",
    "protobuf-decimal-precision-optional-for-nullables",
    "protobuf-decimal-precision-scrub-invalid-names",
    "protobuf-decimal-precision-wrapper-for-raw-primitives",
    "protobuf-time-optional-for-nullables",
    "protobuf-time-wrapper-for-raw-primitives",
    "protobuf-timestamp",
    "protobuf-timestamp-enhanced-protobuf-schema-support",
    "protobuf-timestamp-opt",
    "protobuf-timestamp-opt-scrub-invalid-names",
    "protobuf-timestamp-opt-wrapper-for-nullables",
    "protobuf-timestamp-opt-wrapper-for-raw-primitives",
];

#[test]
fn recorded_data() {
    crate::golden::run::<ProtobufFormat>(&UNREADABLE);
}
