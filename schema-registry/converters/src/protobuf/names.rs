//! Names: those that Confluent's converter gives a meaning to, and how some become others.

use gantry_model::{Kind, Schema};

/// The parameter with the number of a field.
pub(super) const TAG: &str = "io.confluent.connect.protobuf.Tag";
/// The parameter with the type of an integer, where it is not the usual one.
pub(super) const TYPE: &str = "io.confluent.connect.protobuf.Type";
/// The parameter with the name of an enum; behind it and a dot, the names of its values.
pub(super) const ENUM: &str = "io.confluent.connect.protobuf.Enum";
/// Names of structs that stand for oneofs begin so.
pub(super) const UNION: &str = "io.confluent.connect.protobuf.Union";
/// The parameter that tells a member of a oneof that was a message around a value from one that
/// was the value alone.
pub(super) const WRAPPER: &str = "io.confluent.connect.protobuf.Wrapper";
/// [`ENUM`] for the converters of all formats.
pub(super) const ANY_ENUM: &str = "org.apache.kafka.connect.data.Enum";
/// The parameter that marks unions for the converters of all formats.
pub(super) const ANY_UNION: &str = "org.apache.kafka.connect.data.Union";
/// The name of the struct for a value of Variant.
pub(super) const VARIANT_STRUCT: &str = "org.apache.kafka.connect.data.Variant";
/// The parameter with the precision of a decimal.
pub(super) const DECIMAL_PRECISION: &str = "connect.decimal.precision";

/// The annotation of a field, and its parameters.
pub(super) const FIELD_META: &str = "confluent.field_meta";
pub(super) const PRECISION: &str = "precision";
pub(super) const SCALE: &str = "scale";
pub(super) const CONNECT_TYPE: &str = "connect.type";
pub(super) const INT8: &str = "int8";
pub(super) const INT16: &str = "int16";

/// What names of messages begin with that have none in Connect.
pub(super) const DEFAULT_NAME: &str = "ConnectDefault";
/// What the names of the entries of maps end with.
pub(super) const ENTRY: &str = "Entry";
pub(super) const KEY: &str = "key";
pub(super) const VALUE: &str = "value";

/// Messages with a meaning of their own.
pub(super) const DECIMAL: &str = "confluent.type.Decimal";
pub(super) const VARIANT: &str = "confluent.type.Variant";
pub(super) const DATE: &str = "google.type.Date";
pub(super) const TIME: &str = "google.type.TimeOfDay";
pub(super) const TIMESTAMP: &str = "google.protobuf.Timestamp";

/// A message that does nothing but wrap a value: its name, and the kind of the value.
pub(super) const WRAPPERS: [(&str, Kind); 9] = [
    ("google.protobuf.DoubleValue", Kind::Float64),
    ("google.protobuf.FloatValue", Kind::Float32),
    ("google.protobuf.Int64Value", Kind::Int64),
    ("google.protobuf.UInt64Value", Kind::Int64),
    ("google.protobuf.Int32Value", Kind::Int32),
    ("google.protobuf.UInt32Value", Kind::Int64),
    ("google.protobuf.BoolValue", Kind::Boolean),
    ("google.protobuf.StringValue", Kind::String),
    ("google.protobuf.BytesValue", Kind::Bytes),
];

/// The kind of the value that a message wraps, if it does nothing else.
pub(super) fn wrapped_kind(full_name: &str) -> Option<Kind> {
    WRAPPERS.into_iter().find(|(name, _)| *name == full_name).map(|(_, kind)| kind)
}

/// The message that wraps a value of a kind, if the kind is without parts.
pub(super) fn wrapper_of(kind: &Kind) -> Option<&'static str> {
    Some(match kind {
        Kind::Int8 | Kind::Int16 | Kind::Int32 => "google.protobuf.Int32Value",
        Kind::Int64 => "google.protobuf.Int64Value",
        Kind::Float32 => "google.protobuf.FloatValue",
        Kind::Float64 => "google.protobuf.DoubleValue",
        Kind::Boolean => "google.protobuf.BoolValue",
        Kind::String => "google.protobuf.StringValue",
        Kind::Bytes => "google.protobuf.BytesValue",
        Kind::Array(_) | Kind::Map { .. } | Kind::Struct(_) => return None,
    })
}

/// A parameter of a schema.
pub(super) fn parameter<'a>(schema: &'a Schema, name: &str) -> Option<&'a str> {
    schema.parameters()?.get(name).map(|value| &**value)
}

/// Whether a struct stands for a oneof: one of its fields has a value at most.
pub(super) fn is_union(schema: &Schema) -> bool {
    matches!(schema.kind(), Kind::Struct(_))
        && (schema.name().is_some_and(|name| name.starts_with(UNION))
            || parameter(schema, ANY_UNION).is_some())
}

/// The parameter that names a schema's enum, and the name; none if it is no enum.
pub(super) fn enum_of(schema: &Schema) -> Option<(&'static str, &str)> {
    let named = |key: &'static str| Some((key, parameter(schema, key)?));
    match schema.kind() {
        Kind::Int32 => named(ENUM),
        Kind::String => named(ANY_ENUM).or_else(|| named(ENUM)),
        _ => None,
    }
}

/// The values of a schema's enum: name and number. Numbers that are none are left out.
pub(super) fn enum_values<'a>(
    schema: &'a Schema,
    key: &str,
) -> impl Iterator<Item = (&'a str, i32)> {
    let parameters = schema.parameters().into_iter().flatten();
    parameters.filter_map(move |(name, number)| {
        let name = name.strip_prefix(key)?.strip_prefix('.')?;
        Some((name, number.parse().ok()?))
    })
}

/// Whether Protobuf takes it as the name of something.
pub(super) fn is_identifier(name: &str) -> bool {
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || c == '_';
    name.chars().all(is_allowed) && name.starts_with(|c: char| !c.is_ascii_digit())
}

/// A name that Protobuf allows, made of one that it may not allow: as in a URL, with `_` for what
/// is special.
pub(super) fn scrubbed(name: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if name.chars().all(is_plain) && name.starts_with(|c: char| c.is_ascii_alphabetic()) {
        return name.to_owned();
    }
    let mut out = String::with_capacity(name.len() + 1);
    if name.starts_with(|c: char| c.is_ascii_digit() || c == '_') {
        out.push('x');
    }
    for c in name.chars() {
        if is_plain(c) {
            out.push(c);
        } else if matches!(c, ' ' | '.' | '-' | '*') {
            // A URL has one character for each of them.
            out.push('_');
        } else {
            let mut buffer = [0; 4];
            for byte in c.encode_utf8(&mut buffer).bytes() {
                out.push_str(&format!("_{byte:02X}"));
            }
        }
    }
    out
}

/// Without packages and outer messages.
pub(super) fn simple(name: &str) -> &str {
    name.rsplit('.').next().unwrap_or(name)
}

/// The name of a map whose entry has this name: `a.b.ShipToEntry` is `a.b.ship_to`.
pub(super) fn map_name(entry: &str) -> String {
    let simple = simple(entry);
    let Some(name) = simple.strip_suffix(ENTRY) else { return entry.to_owned() };
    let around = &entry[..entry.len() - simple.len()];
    let mut out = around.to_owned();
    for (at, c) in name.char_indices() {
        if at > 0 && c.is_ascii_uppercase() {
            out.push('_');
        }
        out.push(c.to_ascii_lowercase());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_scrubbed_as_in_urls() {
        for (name, expected) in [
            ("plain_1", "plain_1"),
            ("fie-ld", "fie_ld"),
            ("na me", "na_me"),
            ("1st", "x1st"),
            ("_x", "x_x"),
            ("caf\u{e9}", "caf_C3_A9"),
            ("\u{e9}", "_C3_A9"),
            ("a+b", "a_2Bb"),
            ("", ""),
        ] {
            assert_eq!(scrubbed(name), expected, "{name}");
        }
        assert!(is_identifier("_a1") && !is_identifier("1a") && !is_identifier("a-b"));
        assert!(!is_identifier(""));
    }

    #[test]
    fn names_of_maps() {
        for (entry, expected) in [
            ("ConnectDefault1Entry", "connect_default1"),
            ("a.b.ShipToEntry", "a.b.ship_to"),
            ("a.ABCEntry", "a.a_b_c"),
            ("fooBarEntry", "foo_bar"),
            ("Other", "Other"),
        ] {
            assert_eq!(map_name(entry), expected);
        }
    }
}
