//! The keys that only the converter for JSON Schema has.

use gantry_model::config::{ConfigDef, ConfigKey, Importance, ParsedConfig, Type, Validator};
use gantry_model::{Error, Result};

const ADDITIONAL_PROPERTIES: &str = "object.additional.properties";
const OPTIONAL_FOR_NON_REQUIRED: &str = "use.optional.for.nonrequired";
const IGNORE_MODERN_DIALECTS: &str = "ignore.modern.dialects";
const DECIMAL_FORMAT: &str = "decimal.format";
const FLATTEN_SINGLETON_UNIONS: &str = "flatten.singleton.unions";
const PRESERVE_ADDITIONAL_PROPERTIES: &str = "preserve.additional.properties";
const GENERALIZED_SUMS: &str = "generalized.sum.type.support";
const IGNORE_DEFAULT_FOR_NULLABLES: &str = "ignore.default.for.nullables";
const SCHEMAS_CACHE: &str = "schemas.cache.config";
const FAIL_INVALID: &str = "json.fail.invalid.schema";
const INDENT: &str = "json.indent.output";
const SPEC_VERSION: &str = "json.schema.spec.version";

const NUMERIC: &str = "NUMERIC";
const BASE64: &str = "BASE64";
const SPEC_VERSIONS: [&str; 5] =
    ["draft_4", "draft_6", "draft_7", "draft_2019_09", "draft_2020_12"];

/// The settings of one converter.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings {
    pub(crate) additional_properties: bool,
    pub(crate) optional_for_non_required: bool,
    pub(crate) ignore_modern_dialects: bool,
    /// Decimals are numbers, not base64.
    pub(crate) numeric_decimals: bool,
    pub(crate) flatten_singleton_unions: bool,
    pub(crate) preserve_additional_properties: bool,
    pub(crate) generalized_sums: bool,
    pub(crate) ignore_default_for_nullables: bool,
    pub(crate) fail_invalid: bool,
    pub(crate) indent: bool,
}

impl Settings {
    /// From the converter's keys.
    pub(crate) fn new(config: &ParsedConfig) -> Result<Self> {
        let spec = config.string(SPEC_VERSION).unwrap_or_default();
        if !SPEC_VERSIONS.iter().any(|known| known.eq_ignore_ascii_case(spec)) {
            return Err(Error::config(format!(
                "Invalid value {spec} for configuration {SPEC_VERSION}: it must be one of {}",
                SPEC_VERSIONS.join(", ")
            )));
        }
        Ok(Self {
            additional_properties: config.boolean(ADDITIONAL_PROPERTIES),
            optional_for_non_required: config.boolean(OPTIONAL_FOR_NON_REQUIRED),
            ignore_modern_dialects: config.boolean(IGNORE_MODERN_DIALECTS),
            numeric_decimals: config
                .string(DECIMAL_FORMAT)
                .is_some_and(|format| format.eq_ignore_ascii_case(NUMERIC)),
            flatten_singleton_unions: config.boolean(FLATTEN_SINGLETON_UNIONS),
            preserve_additional_properties: config.boolean(PRESERVE_ADDITIONAL_PROPERTIES),
            generalized_sums: config.boolean(GENERALIZED_SUMS),
            ignore_default_for_nullables: config.boolean(IGNORE_DEFAULT_FOR_NULLABLES),
            fail_invalid: config.boolean(FAIL_INVALID),
            indent: config.boolean(INDENT),
        })
    }
}

/// Adds the keys.
pub(crate) fn define(def: ConfigDef) -> ConfigDef {
    without_effect(payloads(schemas(def)))
}

fn boolean(name: &str, default: bool, importance: Importance, doc: &str) -> ConfigKey {
    ConfigKey::new(name, Type::Boolean, default, importance, doc)
}

/// How schemas are translated.
fn schemas(def: ConfigDef) -> ConfigDef {
    use Importance::{Low, Medium};
    def.define(boolean(
        GENERALIZED_SUMS,
        false,
        Medium,
        "Whether enums and unions get the names and parameters that the converters of all schema \
         formats share, so that a schema of one format can be written as another.",
    ))
    .define(boolean(
        IGNORE_DEFAULT_FOR_NULLABLES,
        false,
        Medium,
        "Whether a null stays null where its schema has a default. Otherwise the default is \
         written in its place.",
    ))
    .define(ConfigKey::new(
        SCHEMAS_CACHE,
        Type::Int,
        1000,
        Low,
        "How many translated schemas the converter keeps, for writing and for reading each.",
    ))
    .define(boolean(
        ADDITIONAL_PROPERTIES,
        true,
        Medium,
        "Whether the schema of a struct admits properties that it does not name.",
    ))
    .define(boolean(
        OPTIONAL_FOR_NON_REQUIRED,
        false,
        Medium,
        "Whether a property that its schema does not list as required becomes an optional field.",
    ))
    .define(boolean(
        IGNORE_MODERN_DIALECTS,
        false,
        Low,
        "Whether schemas of JSON Schema 2019-09 and later are read as if they were of draft 7.",
    ))
    .define(boolean(
        FLATTEN_SINGLETON_UNIONS,
        true,
        Low,
        "Whether a union of a single schema is that schema, not a struct of one field.",
    ))
    .define(boolean(
        PRESERVE_ADDITIONAL_PROPERTIES,
        false,
        Medium,
        "Whether properties that a schema admits but does not name are kept when data are read, in \
         a field of their own, and written again. Otherwise they are left out.",
    ))
}

/// How data are written and read.
fn payloads(def: ConfigDef) -> ConfigDef {
    use Importance::{Low, Medium};
    let formats = [BASE64, NUMERIC].map(str::to_owned).to_vec();
    def.define(
        ConfigKey::new(
            DECIMAL_FORMAT,
            Type::String,
            BASE64,
            Low,
            "How decimals are written, in any case of letters: BASE64 (exact, as text) or NUMERIC \
             (a JSON number).",
        )
        .validator(Validator::CaseInsensitiveValidString(formats)),
    )
    .define(boolean(
        FAIL_INVALID,
        false,
        Medium,
        "Whether data are checked against their schema when they are written and read, and refused \
         where they do not fit it. Each record is parsed once more for this.",
    ))
    .define(boolean(
        INDENT,
        false,
        Low,
        "Whether the JSON that is written has line breaks and indentation.",
    ))
}

/// Keys of the serializers below Confluent's converter that change nothing where data come from
/// Kafka Connect. They are accepted so that a configuration moves over as it is.
fn without_effect(def: ConfigDef) -> ConfigDef {
    use Importance::{Low, Medium};
    def.define(boolean(
        "json.fail.unknown.properties",
        true,
        Low,
        "Concerns Java classes that data are read into; no effect in Kafka Connect.",
    ))
    .define(boolean(
        "json.validate.before.domain.rules",
        false,
        Low,
        "Whether data are checked before rules of the schema change them, not after. There are no \
         such rules here, so that it makes no difference.",
    ))
    .define(boolean(
        "json.write.dates.iso8601",
        false,
        Medium,
        "How dates of Java classes are written; those of Kafka Connect are numbers in any case.",
    ))
    .define(ConfigKey::new(
        SPEC_VERSION,
        Type::String,
        "draft_7",
        Medium,
        "The version of JSON Schema for schemas that are made from Java classes: draft_4, draft_6, \
         draft_7, draft_2019_09 or draft_2020_12. Schemas made from Kafka Connect's name none.",
    ))
    .define(ConfigKey::new(
        "json.schema.scan.packages",
        Type::List,
        "",
        Low,
        "Java packages with annotations for schemas made from classes; no effect in Kafka Connect.",
    ))
    .define(boolean(
        "json.envelope.detection",
        true,
        Low,
        "Concerns objects that carry their schema; no effect in Kafka Connect.",
    ))
    .define(boolean(
        "json.oneof.for.nullables",
        true,
        Medium,
        "Concerns schemas made from Java classes. An optional field of Kafka Connect is a oneOf in \
         any case.",
    ))
    .define(ConfigKey::nullable(
        "json.default.property.inclusion",
        Type::String,
        Medium,
        "Which properties of Java classes are written; no effect in Kafka Connect.",
    ))
}

#[cfg(test)]
mod tests {
    use gantry_model::plugin::Props;

    use super::*;

    fn settings(pairs: &[(&str, &str)]) -> Result<Settings> {
        let props: Props =
            pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        Settings::new(&define(ConfigDef::new()).parse(&props)?)
    }

    #[test]
    fn defaults_are_confluents() {
        let settings = settings(&[]).unwrap();
        assert!(settings.additional_properties && settings.flatten_singleton_unions);
        assert!(!settings.optional_for_non_required && !settings.numeric_decimals);
        assert!(!settings.fail_invalid && !settings.indent && !settings.generalized_sums);
        assert_eq!(define(ConfigDef::new()).keys().count(), 19);
    }

    #[test]
    fn values_are_checked() {
        assert!(settings(&[(DECIMAL_FORMAT, "numeric")]).unwrap().numeric_decimals);
        assert!(settings(&[(DECIMAL_FORMAT, "text")]).is_err());
        let error = settings(&[(SPEC_VERSION, "draft_8")]).unwrap_err().to_string();
        assert!(error.contains("draft_8") && error.contains("draft_2020_12"), "{error}");
    }
}
