//! Names of schemas, and the properties and parameters in which Connect and Avro keep what the
//! other has no place for.

use std::borrow::Cow;
use std::fmt::Write as _;

/// The namespace of what is named here.
pub(super) const NAMESPACE: &str = "io.confluent.connect.avro";
/// What names of structs without a name begin with.
pub(super) const DEFAULT_NAME: &str = "ConnectDefault";
pub(super) const DEFAULT_FULL_NAME: &str = "io.confluent.connect.avro.ConnectDefault";
/// The record of a key and its value, where keys are no texts.
pub(super) const MAP_ENTRY: &str = "MapEntry";
pub(super) const KEY: &str = "key";
pub(super) const VALUE: &str = "value";

// Properties of Avro schemas.
pub(super) const CONNECT_NAME: &str = "connect.name";
pub(super) const CONNECT_DOC: &str = "connect.doc";
pub(super) const CONNECT_VERSION: &str = "connect.version";
pub(super) const CONNECT_DEFAULT: &str = "connect.default";
pub(super) const CONNECT_PARAMETERS: &str = "connect.parameters";
pub(super) const CONNECT_INTERNAL_TYPE: &str = "connect.internal.type";
pub(super) const CONNECT_TYPE: &str = "connect.type";
pub(super) const INT8: &str = "int8";
pub(super) const INT16: &str = "int16";
pub(super) const LOGICAL_TYPE: &str = "logicalType";
pub(super) const SCALE: &str = "scale";
pub(super) const PRECISION: &str = "precision";
/// Properties and parameters that begin so are kept as they are.
pub(super) const AVRO_PREFIX: &str = "avro";

// Parameters of Connect schemas.
pub(super) const RECORD_DOC: &str = "io.confluent.connect.avro.record.doc";
pub(super) const FIELD_DOC: &str = "io.confluent.connect.avro.field.doc.";
pub(super) const ENUM_DOC: &str = "io.confluent.connect.avro.enum.doc.";
pub(super) const ENUM_DEFAULT: &str = "io.confluent.connect.avro.enum.default.";
/// Says that a default was that of a field of Avro, and not one of Connect.
pub(super) const FIELD_DEFAULT: &str = "io.confluent.connect.avro.field.default";
pub(super) const OLD_RECORD_DOC: &str = "connect.record.doc";
pub(super) const OLD_ENUM_DOC: &str = "connect.enum.doc";
pub(super) const FIXED_SIZE: &str = "connect.fixed.size";
pub(super) const DECIMAL_PRECISION: &str = "connect.decimal.precision";
/// The precision where nobody says it.
pub(super) const PRECISION_DEFAULT: i32 = 64;

/// The name of a struct that stands for a union.
pub(super) const UNION: &str = "io.confluent.connect.avro.Union";
/// The parameter that makes a text an enum; those of symbols begin with it and a dot.
pub(super) const ENUM: &str = "io.confluent.connect.avro.Enum";
/// The parameter of unions in the form that all formats share.
pub(super) const GENERAL_UNION: &str = "org.apache.kafka.connect.data.Union";
pub(super) const GENERAL_ENUM: &str = "org.apache.kafka.connect.data.Enum";
pub(super) const GENERAL_UNION_NAME: &str = "connect_union_";
pub(super) const GENERAL_UNION_FIELD: &str = "connect_union_field_";

/// The name of the struct of a value of any type.
pub(super) const VARIANT: &str = "org.apache.kafka.connect.data.Variant";
pub(super) const VARIANT_SPACE: &str = "confluent.type";
pub(super) const VARIANT_SIMPLE: &str = "Variant";
pub(super) const VARIANT_FIELDS: [&str; 2] = ["metadata", VALUE];

/// A full name in two parts: namespace, if there is one, and simple name.
pub(super) fn split(full: &str, scrub_names: bool) -> (Option<String>, String) {
    // Java's split drops empty parts at the end.
    let parts = full.trim_end_matches('.');
    let part = |text: &str| scrub(text, scrub_names).into_owned();
    match parts.rsplit_once('.') {
        None => (None, part(parts)),
        Some((space, simple)) => {
            let space: Vec<String> = space.split('.').map(part).collect();
            (Some(space.join(".")), part(simple))
        }
    }
}

/// A full name as Avro allows it.
pub(super) fn scrub_full(full: &str, scrub_names: bool) -> Cow<'_, str> {
    if !scrub_names {
        return Cow::Borrowed(full);
    }
    Cow::Owned(match split(full, true) {
        (Some(space), simple) => format!("{space}.{simple}"),
        (None, simple) => simple,
    })
}

/// A name without dots as Avro allows it, if `scrub_names`.
pub(super) fn scrub(name: &str, scrub_names: bool) -> Cow<'_, str> {
    let is_allowed = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        && !name.starts_with(|c: char| c.is_ascii_digit());
    if !scrub_names || name.is_empty() || is_allowed {
        return Cow::Borrowed(name);
    }
    let mut out = String::with_capacity(name.len() + 4);
    if name.starts_with(|c: char| c.is_ascii_digit()) {
        out.push('x');
    }
    for b in name.bytes() {
        match b {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' => out.push(char::from(b)),
            // What a form of the web does not encode, or encodes as one character.
            b'_' | b'-' | b'.' | b'*' | b' ' => out.push('_'),
            // Writing to a String cannot fail.
            other => _ = write!(out, "_{other:02X}"),
        }
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_scrubbed_as_an_encoded_url() {
        for (name, expected) in [
            ("", ""),
            ("a_1", "a_1"),
            ("1st", "x1st"),
            ("fie-ld", "fie_ld"),
            ("na me", "na_me"),
            ("a$b", "a_24b"),
            ("é", "_C3_A9"),
            ("*.-_+", "_____2B"),
        ] {
            assert_eq!(scrub(name, true), expected);
            assert_eq!(scrub(name, false), name);
        }
        assert_eq!(scrub_full("my-bad.na me", true), "my_bad.na_me");
        assert_eq!(scrub_full("my-bad.na me", false), "my-bad.na me");
    }

    #[test]
    fn full_names_are_split_at_the_last_dot() {
        let parts = |name| split(name, false);
        assert_eq!(parts("R"), (None, "R".to_owned()));
        assert_eq!(parts("a.b.R"), (Some("a.b".to_owned()), "R".to_owned()));
        assert_eq!(parts("a."), (None, "a".to_owned()));
        assert_eq!(parts(".R"), (Some(String::new()), "R".to_owned()));
        assert_eq!(parts(""), (None, String::new()));
    }
}
