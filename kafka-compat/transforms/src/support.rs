//! What several transformations share: choosing key or value, checking what they hold, caching
//! updated schemas, and defining plugins.

mod cache;
mod define;
mod rename;
mod require;
mod side;
mod structs;

pub(crate) use cache::{SchemaCache, TopicCache};
pub(crate) use define::{
    gantry_keyed, gantry_sided, keyed, predicate, regex_validator, replace_null, replace_null_key,
    rocketmq_keyed, rocketmq_single, single, value_list,
};
pub(crate) use rename::FieldRenamer;
pub(crate) use require::{
    map_of, map_or_null, no_text_key, schema_of, shared_map, struct_of, struct_or_null, struct_ref,
    unique_map,
};
pub(crate) use side::Side;
pub(crate) use structs::{
    apply_defaults, check_put, check_put_one, copy_basics, fields_of, first_fault, has_defaults,
    put_all, struct_values, with_fields,
};
