//! Configuration definitions: one table of keys feeds parsing, `/validate`, forms and the
//! reference page. Behaves as Kafka's `ConfigDef`.

mod data;
mod def;
pub mod infos;
mod key;
mod parse;
mod parsed;
pub mod provider;
#[cfg(test)]
mod tests;
mod validate;
mod validator;

pub use data::{ConfigData, HIDDEN};
pub use def::{ConfigDef, NullableProps};
pub use key::{ConfigKey, Importance, Recommender, Type, Width};
pub use parse::{ClassLookup, parse_type, parse_type_with};
pub use parsed::ParsedConfig;
pub use validate::ConfigValue;
pub use validator::{Bound, Validator};
