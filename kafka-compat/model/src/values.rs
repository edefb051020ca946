//! Parsing and converting values, as the class `Values` of Kafka Connect.

mod convert;
mod infer;
mod parse;
mod temporal;
#[cfg(test)]
mod tests;
mod token;
mod write;

pub use convert::{
    convert_to_boolean, convert_to_byte, convert_to_date, convert_to_decimal, convert_to_double,
    convert_to_float, convert_to_int, convert_to_list, convert_to_long, convert_to_map,
    convert_to_short, convert_to_string, convert_to_struct, convert_to_time, convert_to_timestamp,
};
pub use infer::infer_schema;
pub use parse::parse_string;
