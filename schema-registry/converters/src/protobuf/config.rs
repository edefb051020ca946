//! The keys of the converter that are about Protobuf.

use gantry_model::config::{ConfigDef, ConfigKey, Importance, ParsedConfig, Type};

const GENERALIZED_SUM_TYPES: &str = "generalized.sum.type.support";
const IGNORE_DEFAULT: &str = "ignore.default.for.nullables";
const CACHE_SIZE: &str = "schemas.cache.config";
const ENHANCED: &str = "enhanced.protobuf.schema.support";
const SCRUB_NAMES: &str = "scrub.invalid.names";
const INT_FOR_ENUMS: &str = "int.for.enums";
const OPTIONAL_FOR_NULLABLES: &str = "optional.for.nullables";
const OPTIONAL_FOR_PROTO2: &str = "optional.for.proto2";
const WRAPPER_FOR_NULLABLES: &str = "wrapper.for.nullables";
const WRAPPER_FOR_PRIMITIVES: &str = "wrapper.for.raw.primitives";
const STRUCT_FOR_NULLS: &str = "generate.struct.for.nulls";
const INDEX_FOR_UNIONS: &str = "generate.index.for.unions";
const FLATTEN_UNIONS: &str = "flatten.unions";

/// How many schemas a converter keeps unless its configuration says another number.
const DEFAULT_CACHE_SIZE: i32 = 1000;

/// Each key that is true or false: name, default, importance, what it does.
const SWITCHES: [(&str, bool, Importance, &str); 12] = [
    (
        GENERALIZED_SUM_TYPES,
        false,
        Importance::Medium,
        "Whether enums and unions are marked in the way that the converters of all formats \
         understand, so that they pass from one format to another.",
    ),
    (
        IGNORE_DEFAULT,
        false,
        Importance::Medium,
        "Whether a null stays null where the schema of its field has a default.",
    ),
    (
        ENHANCED,
        false,
        Importance::Medium,
        "Whether the names of schemas keep packages and outer messages: com.example.Order rather \
         than Order.",
    ),
    (
        SCRUB_NAMES,
        false,
        Importance::Medium,
        "Whether names that Protobuf does not allow are changed into some that it allows: ship-to \
         becomes ship_to. Without it a schema with such a name is an error.",
    ),
    (
        INT_FOR_ENUMS,
        false,
        Importance::Medium,
        "Whether values of enums are read as their numbers rather than as their names.",
    ),
    (
        OPTIONAL_FOR_NULLABLES,
        false,
        Importance::Medium,
        "Whether fields that may be null are written as optional, and only those that are \
         optional are read as such. Without it a null becomes 0, an empty text or the like.",
    ),
    (
        OPTIONAL_FOR_PROTO2,
        true,
        Importance::Medium,
        "Whether an optional field of proto2 that is not set is read as null. Without it the \
         default of its type stands there.",
    ),
    (
        WRAPPER_FOR_NULLABLES,
        false,
        Importance::Medium,
        "Whether fields that may be null are written as messages around a single value \
         (google.protobuf.StringValue and the like), and only these are read as optional.",
    ),
    (
        WRAPPER_FOR_PRIMITIVES,
        true,
        Importance::Medium,
        "Whether a message that does nothing but wrap a value (google.protobuf.StringValue and \
         the like) is read as that value. Without it, it is read as a struct.",
    ),
    (
        STRUCT_FOR_NULLS,
        false,
        Importance::Medium,
        "Whether what is not set is read as a struct or a value of defaults rather than as null.",
    ),
    (
        INDEX_FOR_UNIONS,
        true,
        Importance::Low,
        "Whether the field for a oneof has the oneof's place in the message behind its name: \
         kind_0 rather than kind.",
    ),
    (
        FLATTEN_UNIONS,
        false,
        Importance::Low,
        "Whether the fields of a oneof stand beside the others rather than in a struct of their \
         own.",
    ),
];

/// How a converter was configured.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Settings {
    pub(super) generalized_sum_types: bool,
    pub(super) ignore_default: bool,
    pub(super) enhanced: bool,
    pub(super) scrub_names: bool,
    pub(super) int_for_enums: bool,
    pub(super) optional_for_nullables: bool,
    pub(super) optional_for_proto2: bool,
    pub(super) wrapper_for_nullables: bool,
    pub(super) wrapper_for_primitives: bool,
    pub(super) struct_for_nulls: bool,
    pub(super) index_for_unions: bool,
    pub(super) flatten_unions: bool,
}

impl Settings {
    pub(super) fn new(config: &ParsedConfig) -> Self {
        Self {
            generalized_sum_types: config.boolean(GENERALIZED_SUM_TYPES),
            ignore_default: config.boolean(IGNORE_DEFAULT),
            enhanced: config.boolean(ENHANCED),
            scrub_names: config.boolean(SCRUB_NAMES),
            int_for_enums: config.boolean(INT_FOR_ENUMS),
            optional_for_nullables: config.boolean(OPTIONAL_FOR_NULLABLES),
            optional_for_proto2: config.boolean(OPTIONAL_FOR_PROTO2),
            wrapper_for_nullables: config.boolean(WRAPPER_FOR_NULLABLES),
            wrapper_for_primitives: config.boolean(WRAPPER_FOR_PRIMITIVES),
            struct_for_nulls: config.boolean(STRUCT_FOR_NULLS),
            index_for_unions: config.boolean(INDEX_FOR_UNIONS),
            flatten_unions: config.boolean(FLATTEN_UNIONS),
        }
    }
}

pub(super) fn define(mut def: ConfigDef) -> ConfigDef {
    for (name, default, importance, doc) in SWITCHES {
        def = def.define(ConfigKey::new(name, Type::Boolean, default, importance, doc));
    }
    def.define(ConfigKey::new(
        CACHE_SIZE,
        Type::Int,
        DEFAULT_CACHE_SIZE,
        Importance::Low,
        "How many schemas the converter keeps with what it worked out for them.",
    ))
}
