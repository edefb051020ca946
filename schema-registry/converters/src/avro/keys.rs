//! The keys that only `AvroConverter` has.

use gantry_model::config::{ConfigDef, ConfigKey, Importance, ParsedConfig, Type};

const GENERALIZED_SUM_TYPES: &str = "generalized.sum.type.support";
const IGNORE_DEFAULT: &str = "ignore.default.for.nullables";
const CACHE_SIZE: &str = "schemas.cache.config";
const ENHANCED: &str = "enhanced.avro.schema.support";
const SCRUB_NAMES: &str = "scrub.invalid.names";
const META_DATA: &str = "connect.meta.data";
const DISCARD_DOC: &str = "discard.type.doc.default";
const OPTIONAL_MAP_KEYS: &str = "allow.optional.map.keys";
const FLATTEN_SINGLETONS: &str = "flatten.singleton.unions";
const TRAILING_DATA: &str = "avro.fail.on.trailing.data";

const CACHE_SIZE_DEFAULT: i32 = 1000;

/// How schemas and values are translated.
#[derive(Clone, Copy, Debug)]
pub(super) struct Settings {
    /// Enums and unions in the form that all of Confluent's formats share.
    pub(super) generalized: bool,
    /// A null of an optional field stays null where the field has a default.
    pub(super) ignore_default: bool,
    /// Enums stay enums, and branches of unions have their full names.
    pub(super) enhanced: bool,
    pub(super) scrub_names: bool,
    /// Whether schemas carry what only Connect knows.
    pub(super) meta_data: bool,
    /// Documentation as the first versions of the converter kept it.
    pub(super) discard_doc: bool,
    pub(super) optional_map_keys: bool,
    pub(super) flatten_singletons: bool,
    /// Whether bytes behind a value are an error.
    pub(super) fail_on_trailing: bool,
}

impl Settings {
    pub(super) fn new(config: &ParsedConfig) -> Self {
        Self {
            generalized: config.boolean(GENERALIZED_SUM_TYPES),
            ignore_default: config.boolean(IGNORE_DEFAULT),
            enhanced: config.boolean(ENHANCED),
            scrub_names: config.boolean(SCRUB_NAMES),
            meta_data: config.boolean(META_DATA),
            discard_doc: config.boolean(DISCARD_DOC),
            optional_map_keys: config.boolean(OPTIONAL_MAP_KEYS),
            flatten_singletons: config.boolean(FLATTEN_SINGLETONS),
            fail_on_trailing: config.boolean(TRAILING_DATA),
        }
    }
}

/// Keys that are true or false: name, default, importance, what it does.
const SWITCHES: [(&str, bool, Importance, &str); 9] = [
    (
        GENERALIZED_SUM_TYPES,
        false,
        Importance::Medium,
        "Describe enums and unions the way that all formats understand, so that they survive \
         a change of the format.",
    ),
    (
        IGNORE_DEFAULT,
        false,
        Importance::Medium,
        "Write null for a nullable field that has no value, even if the field has a default.",
    ),
    (
        ENHANCED,
        false,
        Importance::Medium,
        "Keep enums as enums, and tell the branches of a union apart by their full names.",
    ),
    (
        SCRUB_NAMES,
        false,
        Importance::Medium,
        "Change names that Avro does not allow into ones that it allows: each character that \
         is wrong becomes an underscore or its code.",
    ),
    (
        META_DATA,
        true,
        Importance::Low,
        "Put what only Connect knows (names, versions, parameters, defaults) into the schema \
         as properties, so that reading gives the same schema again.",
    ),
    (
        DISCARD_DOC,
        false,
        Importance::Low,
        "Keep only the documentation and defaults of fields. For schemas that were registered \
         by old versions.",
    ),
    (
        OPTIONAL_MAP_KEYS,
        false,
        Importance::Low,
        "Write maps whose keys are optional texts as maps of Avro. A null key is an error \
         then.",
    ),
    (
        FLATTEN_SINGLETONS,
        true,
        Importance::Low,
        "Read a union of a single type as that type, not as a struct with one field.",
    ),
    (
        TRAILING_DATA,
        false,
        Importance::Low,
        "Refuse a record in which bytes follow the value, instead of ignoring them.",
    ),
];

/// Adds the keys.
pub(super) fn define(def: ConfigDef) -> ConfigDef {
    let cache = ConfigKey::new(
        CACHE_SIZE,
        Type::Int,
        CACHE_SIZE_DEFAULT,
        Importance::Low,
        "How many translated schemas are remembered, for writing and for reading each.",
    );
    SWITCHES.into_iter().fold(def.define(cache), |def, (name, default, importance, doc)| {
        def.define(ConfigKey::new(name, Type::Boolean, default, importance, doc))
    })
}
