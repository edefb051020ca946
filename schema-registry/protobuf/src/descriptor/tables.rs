//! All options that there are, as `google/protobuf/descriptor.proto` defines them.

use super::options::{Definition, Names, Shape, Table};

const fn text(name: &'static str, number: u32) -> Definition {
    Definition { name, number, shape: Shape::Text, is_list: false }
}

const fn bool(name: &'static str, number: u32) -> Definition {
    Definition { name, number, shape: Shape::Bool, is_list: false }
}

const fn names(name: &'static str, number: u32, names: &'static Names) -> Definition {
    Definition { name, number, shape: Shape::Enum(names), is_list: false }
}

const fn message(
    name: &'static str,
    number: u32,
    definitions: &'static [Definition],
) -> Definition {
    Definition { name, number, shape: Shape::Message(definitions), is_list: false }
}

const fn list(of: Definition) -> Definition {
    Definition { is_list: true, ..of }
}

/// An enum of which a name that is not known is an error.
const fn strict(java: &'static str, values: &'static [(&'static str, i64)]) -> Names {
    Names { java: Some(java), unknown: None, values }
}

/// An enum of which a name that is not known stands for the value 0.
const fn lenient(values: &'static [(&'static str, i64)]) -> Names {
    Names { java: None, unknown: Some(0), values }
}

static OPTIMIZE_MODE: Names =
    strict("FileOptions.OptimizeMode", &[("SPEED", 1), ("CODE_SIZE", 2), ("LITE_RUNTIME", 3)]);
static C_TYPE: Names =
    strict("FieldOptions.CType", &[("STRING", 0), ("CORD", 1), ("STRING_PIECE", 2)]);
static JS_TYPE: Names =
    strict("FieldOptions.JSType", &[("JS_NORMAL", 0), ("JS_STRING", 1), ("JS_NUMBER", 2)]);
static RETENTION: Names =
    lenient(&[("RETENTION_UNKNOWN", 0), ("RETENTION_RUNTIME", 1), ("RETENTION_SOURCE", 2)]);
static TARGET_TYPE: Names = strict(
    "FieldOptions.OptionTargetType",
    &[
        ("TARGET_TYPE_UNKNOWN", 0),
        ("TARGET_TYPE_FILE", 1),
        ("TARGET_TYPE_EXTENSION_RANGE", 2),
        ("TARGET_TYPE_MESSAGE", 3),
        ("TARGET_TYPE_FIELD", 4),
        ("TARGET_TYPE_ONEOF", 5),
        ("TARGET_TYPE_ENUM", 6),
        ("TARGET_TYPE_ENUM_ENTRY", 7),
        ("TARGET_TYPE_SERVICE", 8),
        ("TARGET_TYPE_METHOD", 9),
    ],
);
static IDEMPOTENCY: Names = strict(
    "MethodOptions.IdempotencyLevel",
    &[("IDEMPOTENCY_UNKNOWN", 0), ("NO_SIDE_EFFECTS", 1), ("IDEMPOTENT", 2)],
);
static VERIFICATION: Names =
    Names { java: None, unknown: None, values: &[("DECLARATION", 0), ("UNVERIFIED", 1)] };
static FIELD_PRESENCE: Names = lenient(&[
    ("FIELD_PRESENCE_UNKNOWN", 0),
    ("EXPLICIT", 1),
    ("IMPLICIT", 2),
    ("LEGACY_REQUIRED", 3),
]);
static ENUM_TYPE: Names = lenient(&[("ENUM_TYPE_UNKNOWN", 0), ("OPEN", 1), ("CLOSED", 2)]);
static REPEATED_FIELD_ENCODING: Names =
    lenient(&[("REPEATED_FIELD_ENCODING_UNKNOWN", 0), ("PACKED", 1), ("EXPANDED", 2)]);
static UTF8_VALIDATION: Names =
    lenient(&[("UTF8_VALIDATION_UNKNOWN", 0), ("VERIFY", 2), ("NONE", 3)]);
static MESSAGE_ENCODING: Names =
    lenient(&[("MESSAGE_ENCODING_UNKNOWN", 0), ("LENGTH_PREFIXED", 1), ("DELIMITED", 2)]);
static JSON_FORMAT: Names =
    lenient(&[("JSON_FORMAT_UNKNOWN", 0), ("ALLOW", 1), ("LEGACY_BEST_EFFORT", 2)]);
static EDITION: Names = lenient(&[
    ("EDITION_UNKNOWN", 0),
    ("EDITION_LEGACY", 900),
    ("EDITION_PROTO2", 998),
    ("EDITION_PROTO3", 999),
    ("EDITION_2023", 1000),
    ("EDITION_2024", 1001),
    ("EDITION_1_TEST_ONLY", 1),
    ("EDITION_2_TEST_ONLY", 2),
    ("EDITION_99997_TEST_ONLY", 99997),
    ("EDITION_99998_TEST_ONLY", 99998),
    ("EDITION_99999_TEST_ONLY", 99999),
    ("EDITION_MAX", 0x7fff_ffff),
    // The last name of a number is not written.
    ("2023", 1000),
]);

/// Numbers of features that change how fields are read.
pub(crate) mod feature {
    pub(crate) const FIELD_PRESENCE: u32 = 1;
    pub(crate) const ENUM_TYPE: u32 = 2;
    pub(crate) const REPEATED_FIELD_ENCODING: u32 = 3;
}

static FEATURES: [Definition; 6] = [
    names("field_presence", feature::FIELD_PRESENCE, &FIELD_PRESENCE),
    names("enum_type", feature::ENUM_TYPE, &ENUM_TYPE),
    names("repeated_field_encoding", feature::REPEATED_FIELD_ENCODING, &REPEATED_FIELD_ENCODING),
    names("utf8_validation", 4, &UTF8_VALIDATION),
    names("message_encoding", 5, &MESSAGE_ENCODING),
    names("json_format", 6, &JSON_FORMAT),
];
static FEATURE_SUPPORT: [Definition; 4] = [
    names("edition_introduced", 1, &EDITION),
    names("edition_deprecated", 2, &EDITION),
    text("deprecation_warning", 3),
    names("edition_removed", 4, &EDITION),
];
static EDITION_DEFAULT: [Definition; 2] = [names("edition", 3, &EDITION), text("value", 2)];
static DECLARATION: [Definition; 5] = [
    Definition { name: "number", number: 1, shape: Shape::Int, is_list: false },
    text("full_name", 2),
    text("type", 3),
    bool("reserved", 5),
    bool("repeated", 6),
];

pub(super) static FILE: Table = Table {
    definitions: &[
        text("java_package", 1),
        text("java_outer_classname", 8),
        bool("java_multiple_files", 10),
        bool("java_generate_equals_and_hash", 20),
        bool("java_string_check_utf8", 27),
        names("optimize_for", 9, &OPTIMIZE_MODE),
        text("go_package", 11),
        bool("cc_generic_services", 16),
        bool("java_generic_services", 17),
        bool("py_generic_services", 18),
        bool("deprecated", 23),
        bool("cc_enable_arenas", 31),
        text("objc_class_prefix", 36),
        text("csharp_namespace", 37),
        text("swift_prefix", 39),
        text("php_class_prefix", 40),
        text("php_namespace", 41),
        text("php_metadata_namespace", 44),
        text("ruby_package", 45),
        message("features", 50, &FEATURES),
    ],
    meta: Some("confluent.file_meta"),
};
pub(super) static MESSAGE: Table = Table {
    definitions: &[
        bool("no_standard_descriptor_accessor", 2),
        bool("deprecated", 3),
        bool("map_entry", MAP_ENTRY),
        message("features", 12, &FEATURES),
    ],
    meta: Some("confluent.message_meta"),
};
pub(super) static FIELD: Table = Table {
    definitions: &[
        names("ctype", 1, &C_TYPE),
        bool("packed", PACKED),
        names("jstype", 6, &JS_TYPE),
        bool("deprecated", 3),
        bool("debug_redact", 16),
        names("retention", 17, &RETENTION),
        list(names("targets", 19, &TARGET_TYPE)),
        list(message("edition_defaults", 20, &EDITION_DEFAULT)),
        message("features", 21, &FEATURES),
        message("feature_support", 22, &FEATURE_SUPPORT),
    ],
    meta: Some("confluent.field_meta"),
};
pub(super) static ONEOF: Table =
    Table { definitions: &[message("features", 1, &FEATURES)], meta: None };
pub(super) static EXTENSION_RANGE: Table = Table {
    definitions: &[
        list(message("declaration", 2, &DECLARATION)),
        message("features", 50, &FEATURES),
        names("verification", 3, &VERIFICATION),
    ],
    meta: None,
};
pub(super) static ENUM: Table = Table {
    definitions: &[
        bool("allow_alias", 2),
        bool("deprecated", 3),
        message("features", 7, &FEATURES),
    ],
    meta: Some("confluent.enum_meta"),
};
pub(super) static ENUM_VALUE: Table = Table {
    definitions: &[
        bool("deprecated", 1),
        bool("debug_redact", 3),
        message("features", 2, &FEATURES),
        message("feature_support", 4, &FEATURE_SUPPORT),
    ],
    meta: Some("confluent.enum_value_meta"),
};
pub(super) static SERVICE: Table = Table {
    definitions: &[bool("deprecated", 33), message("features", 34, &FEATURES)],
    meta: None,
};
pub(super) static METHOD: Table = Table {
    definitions: &[
        bool("deprecated", 33),
        names("idempotency_level", 34, &IDEMPOTENCY),
        message("features", 35, &FEATURES),
    ],
    meta: None,
};

/// The number of the option that makes a message the entry of a map.
pub(super) const MAP_ENTRY: u32 = 7;
/// The number of the option that packs a list.
pub(super) const PACKED: u32 = 2;
/// Numbers of `features` in options of files, messages, fields, oneofs and enums.
pub(crate) const FEATURES_OF_FILE: u32 = 50;
pub(crate) const FEATURES_OF_MESSAGE: u32 = 12;
pub(crate) const FEATURES_OF_FIELD: u32 = 21;
pub(crate) const FEATURES_OF_ONEOF: u32 = 1;
pub(crate) const FEATURES_OF_ENUM: u32 = 7;
