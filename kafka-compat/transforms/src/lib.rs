//! Kafka Connect's transformations and predicates, under its class names and with its keys,
//! defaults and messages.
//!
//! A transformation changes the record it gets in place wherever nobody else holds the data:
//! names of fields are made once at configuration, and updated schemas are remembered.

mod cast;
mod drop_headers;
mod extract_field;
mod field_path;
mod filter;
mod flatten;
mod header_from;
mod hoist_field;
mod insert_field;
mod insert_header;
mod java_number;
mod mask_field;
mod predicates;
mod regex_router;
mod registry;
mod replace_field;
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
