//! Kafka Connect's transformations and predicates, under its class names and with its keys,
//! defaults and messages; those of RocketMQ Connect, under theirs; and of Debezium
//! those that most configurations have.
//!
//! | package | classes |
//! |---|---|
//! | `org.apache.kafka.connect.transforms` | Cast, DropHeaders, ExtractField, Filter, Flatten, HeaderFrom, HoistField, InsertField, InsertHeader, MaskField, RegexRouter, ReplaceField, SetSchemaMetadata, TimestampConverter, TimestampRouter, ValueToKey |
//! | `org.apache.kafka.connect.transforms.predicates` | HasHeaderKey, RecordIsTombstone, TopicNameMatches |
//! | `org.gantry.connect.transforms` | ContentRouter, DeriveField |
//! | `org.apache.rocketmq.connect.transforms` | ChangeCase, ExtractNestedField, PatternFilter, PatternRename, RegexRouter, SetMaximumPrecision, SetNull |
//! | `io.debezium.transforms` | ExtractNewRecordState, outbox.EventRouter |
//!
//! A transformation changes the record it gets in place wherever nobody else holds the data:
//! names of fields are made once at configuration, and updated schemas are remembered.

mod cast;
mod change_case;
mod content_router;
mod debezium;
mod derive_field;
mod drop_headers;
mod event_router;
mod extract_field;
mod extract_nested_field;
mod extract_new_record_state;
mod field_path;
mod filter;
mod flatten;
mod header_from;
mod hoist_field;
mod insert_field;
mod insert_header;
mod java_number;
mod mask_field;
mod pattern_filter;
mod pattern_rename;
mod predicates;
mod regex_router;
mod registry;
mod replace_field;
mod set_maximum_precision;
mod set_null;
mod set_schema_metadata;
mod simple_date_format;
mod support;
mod timestamp_converter;
mod timestamp_router;
mod value_to_key;

#[cfg(test)]
mod tests;

pub use predicates::predicates;
pub use registry::transformations;
pub use simple_date_format::SimpleDateFormat;
