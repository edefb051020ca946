//! The list of all transformations.

use gantry_model::plugin::{Plugin, Transformation};

/// All transformations: Kafka Connect's under its class names, with `$Key` and `$Value` where
/// Kafka has them, then RocketMQ Connect's under its own, Gantry's and Debezium's. A short name
/// that both have is Kafka's.
pub fn transformations() -> Vec<Plugin<dyn Transformation>> {
    let mut all = Vec::new();
    all.extend(crate::cast::plugins());
    all.push(crate::drop_headers::plugin());
    all.extend(crate::extract_field::plugins());
    all.push(crate::filter::plugin());
    all.extend(crate::flatten::plugins());
    all.extend(crate::header_from::plugins());
    all.extend(crate::hoist_field::plugins());
    all.extend(crate::insert_field::plugins());
    all.push(crate::insert_header::plugin());
    all.extend(crate::mask_field::plugins());
    all.push(crate::regex_router::plugin());
    all.extend(crate::replace_field::plugins());
    all.extend(crate::set_schema_metadata::plugins());
    all.extend(crate::timestamp_converter::plugins());
    all.push(crate::timestamp_router::plugin());
    all.push(crate::value_to_key::plugin());
    all.extend(crate::change_case::plugins());
    all.extend(crate::extract_nested_field::plugins());
    all.extend(crate::pattern_filter::plugins());
    all.extend(crate::pattern_rename::plugins());
    all.push(crate::regex_router::rocketmq_plugin());
    all.extend(crate::set_maximum_precision::plugins());
    all.extend(crate::set_null::plugins());
    all.extend(crate::content_router::plugins());
    all.extend(crate::derive_field::plugins());
    all.push(crate::extract_new_record_state::plugin());
    all.push(crate::event_router::plugin());
    all
}
