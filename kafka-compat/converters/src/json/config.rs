//! The keys of `JsonConverter`.

use gantry_model::Result;
use gantry_model::config::{ConfigDef, ConfigKey, Importance, Type, Validator, Width};
use gantry_model::plugin::Props;

const SCHEMAS_ENABLE: &str = "schemas.enable";
const SCHEMAS_CACHE_SIZE: &str = "schemas.cache.size";
const SCHEMA_CONTENT: &str = "schema.content";
const DECIMAL_FORMAT: &str = "decimal.format";
const REPLACE_NULL: &str = "replace.null.with.default";

const NUMERIC: &str = "NUMERIC";
const BASE64: &str = "BASE64";

const CACHE_SIZE_DEFAULT: i32 = 1000;

const SCHEMAS_GROUP: &str = "Schemas";
const SERIALIZATION_GROUP: &str = "Serialization";

/// How a Decimal is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DecimalFormat {
    /// The two's complement of its digits, as base64 text.
    Base64,
    /// A JSON number.
    Numeric,
}

/// The settings of one converter.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) schemas_enable: bool,
    /// How many schemas each direction keeps.
    pub(crate) cache_size: usize,
    /// The JSON of the schema that all messages have.
    pub(crate) schema_content: Option<String>,
    pub(crate) decimal_format: DecimalFormat,
    pub(crate) replace_null_with_default: bool,
}

impl Settings {
    /// From properties; `ConfigException` for what is not allowed.
    pub(crate) fn new(props: &Props) -> Result<Self> {
        let config = crate::plugins::parse(&config_def(), props)?;
        let numeric =
            config.string(DECIMAL_FORMAT).is_some_and(|f| f.eq_ignore_ascii_case(NUMERIC));
        Ok(Self {
            schemas_enable: config.boolean(SCHEMAS_ENABLE),
            // Kafka takes a negative size and then keeps nothing.
            cache_size: config
                .long(SCHEMAS_CACHE_SIZE)
                .and_then(|size| usize::try_from(size).ok())
                .unwrap_or(0),
            schema_content: config
                .string(SCHEMA_CONTENT)
                .filter(|text| !text.trim().is_empty())
                .map(str::to_owned),
            decimal_format: if numeric { DecimalFormat::Numeric } else { DecimalFormat::Base64 },
            replace_null_with_default: config.boolean(REPLACE_NULL),
        })
    }
}

/// The keys of `JsonConverter`.
pub(crate) fn config_def() -> ConfigDef {
    use Importance::{High, Low};
    let (boolean, string) = (Type::Boolean, Type::String);
    crate::plugins::base_config_def()
        .define(
            ConfigKey::new(
                SCHEMAS_ENABLE,
                boolean,
                true,
                High,
                "Whether each JSON document is an envelope of a schema and a payload. Without it \
                 a document is the payload alone and has no schema.",
            )
            .group(SCHEMAS_GROUP, 0, Width::Medium, "Enable Schemas"),
        )
        .define(
            ConfigKey::new(
                SCHEMAS_CACHE_SIZE,
                Type::Int,
                CACHE_SIZE_DEFAULT,
                High,
                "How many schemas the converter remembers, for writing and for reading each.",
            )
            .group(SCHEMAS_GROUP, 1, Width::Medium, "Schema Cache Size"),
        )
        .define(
            ConfigKey::nullable(
                SCHEMA_CONTENT,
                string,
                High,
                "The schema, as JSON, of every document that is read; documents are then payloads \
                 alone. Counts only where schemas.enable is true, and only for sink connectors.",
            )
            .group(SCHEMAS_GROUP, 2, Width::Medium, "Schema Content"),
        )
        .define(
            ConfigKey::new(
                DECIMAL_FORMAT,
                string,
                BASE64,
                Low,
                "How decimals are written, in any case of letters: BASE64 (exact, as text) or \
                 NUMERIC (a JSON number).",
            )
            .validator(Validator::CaseInsensitiveValidString(
                [NUMERIC, BASE64].map(str::to_owned).to_vec(),
            ))
            .group(SERIALIZATION_GROUP, 0, Width::Medium, "Decimal Format"),
        )
        .define(
            ConfigKey::new(
                REPLACE_NULL,
                boolean,
                true,
                Low,
                "Whether a null becomes the default value of its schema, where there is one.",
            )
            .group(SERIALIZATION_GROUP, 1, Width::Medium, "Replace null with default"),
        )
}
