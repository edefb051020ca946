//! Logical types: what values mean beyond their type.

use gantry_schema_model::Node;

use crate::model::{Field, Primitive, Properties, Type, Types};

/// The property that names a logical type.
pub(crate) const PROPERTY: &str = "logicalType";

/// Properties for Java classes, beside which there can be no logical type.
const EXCLUDING: [&str; 4] =
    ["avro.java.string", "java-class", "java-key-class", "java-element-class"];

const UUID_BYTES: u32 = 16;
const DURATION_BYTES: u32 = 12;

/// What values mean beyond their type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Logical {
    /// A decimal number: two's complement, big-endian.
    Decimal {
        /// How many digits.
        precision: u32,
        /// How many of them behind the point.
        scale: u32,
    },
    /// A decimal number that brings its scale.
    BigDecimal,
    /// A UUID, as text or as 16 bytes.
    Uuid,
    /// Months, days and milliseconds.
    Duration,
    /// Days since 1970-01-01.
    Date,
    /// Milliseconds since midnight.
    TimeMillis,
    /// Microseconds since midnight.
    TimeMicros,
    /// Milliseconds since 1970-01-01T00:00Z.
    TimestampMillis,
    /// Microseconds since 1970-01-01T00:00Z.
    TimestampMicros,
    /// Nanoseconds since 1970-01-01T00:00Z.
    TimestampNanos,
    /// Milliseconds since 1970-01-01T00:00 in whatever time zone.
    LocalTimestampMillis,
    /// Microseconds since 1970-01-01T00:00 in whatever time zone.
    LocalTimestampMicros,
    /// Nanoseconds since 1970-01-01T00:00 in whatever time zone.
    LocalTimestampNanos,
    /// A map with keys that are no texts: a list of records of `key` and `value`.
    Map,
    /// A value of any type: a record of `metadata` and `value`.
    Variant,
}

impl Logical {
    /// As the property names it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Decimal { .. } => "decimal",
            Self::BigDecimal => "big-decimal",
            Self::Uuid => "uuid",
            Self::Duration => "duration",
            Self::Date => "date",
            Self::TimeMillis => "time-millis",
            Self::TimeMicros => "time-micros",
            Self::TimestampMillis => "timestamp-millis",
            Self::TimestampMicros => "timestamp-micros",
            Self::TimestampNanos => "timestamp-nanos",
            Self::LocalTimestampMillis => "local-timestamp-millis",
            Self::LocalTimestampMicros => "local-timestamp-micros",
            Self::LocalTimestampNanos => "local-timestamp-nanos",
            Self::Map => "map",
            Self::Variant => "variant",
        }
    }
}

/// What a logical type stands on.
#[derive(Clone, Copy)]
pub(crate) enum Base<'a> {
    Primitive(Primitive),
    Fixed(u32),
    Array(&'a Type),
    Record(&'a [Field]),
    Other,
}

/// The logical type that the properties name, if it fits what it stands on.
pub(crate) fn of(base: Base<'_>, properties: &Properties, types: &Types) -> Option<Logical> {
    let logical = match properties.text(PROPERTY)? {
        "decimal" => decimal(base, properties)?,
        "big-decimal" => Logical::BigDecimal,
        "uuid" => Logical::Uuid,
        "duration" => Logical::Duration,
        "date" => Logical::Date,
        "time-millis" => Logical::TimeMillis,
        "time-micros" => Logical::TimeMicros,
        "timestamp-millis" => Logical::TimestampMillis,
        "timestamp-micros" => Logical::TimestampMicros,
        "timestamp-nanos" => Logical::TimestampNanos,
        "local-timestamp-millis" => Logical::LocalTimestampMillis,
        "local-timestamp-micros" => Logical::LocalTimestampMicros,
        "local-timestamp-nanos" => Logical::LocalTimestampNanos,
        "map" => Logical::Map,
        "variant" => Logical::Variant,
        _ => return None,
    };
    let is_excluded = EXCLUDING.iter().any(|name| properties.text(name).is_some());
    (!is_excluded && fits(logical, base, types)).then_some(logical)
}

fn fits(logical: Logical, base: Base<'_>, types: &Types) -> bool {
    use Base::{Array, Fixed, Primitive as Plain, Record};
    match logical {
        // Checked with its digits.
        Logical::Decimal { .. } => true,
        Logical::BigDecimal => matches!(base, Plain(Primitive::Bytes)),
        Logical::Uuid => matches!(base, Plain(Primitive::String) | Fixed(UUID_BYTES)),
        Logical::Duration => matches!(base, Fixed(DURATION_BYTES)),
        Logical::Date | Logical::TimeMillis => matches!(base, Plain(Primitive::Int)),
        Logical::TimeMicros
        | Logical::TimestampMillis
        | Logical::TimestampMicros
        | Logical::TimestampNanos
        | Logical::LocalTimestampMillis
        | Logical::LocalTimestampMicros
        | Logical::LocalTimestampNanos => matches!(base, Plain(Primitive::Long)),
        Logical::Map => match base {
            Array(items) => match types.fields(items) {
                Some([key, value]) => key.name == "key" && value.name == "value",
                _ => false,
            },
            _ => false,
        },
        Logical::Variant => match base {
            Record(fields @ [_, _]) => ["metadata", "value"].iter().all(|name| {
                fields.iter().any(|field| {
                    field.name == *name
                        && matches!(field.schema, Type::Primitive(Primitive::Bytes, _))
                })
            }),
            _ => false,
        },
    }
}

fn decimal(base: Base<'_>, properties: &Properties) -> Option<Logical> {
    let int = |node: &Node| match node {
        Node::Number(text) => text.parse::<i32>().ok(),
        _ => None,
    };
    let precision = int(properties.get("precision")?)?;
    let scale = match properties.get("scale") {
        Some(scale) => int(scale)?,
        None => 0,
    };
    let max = match base {
        Base::Primitive(Primitive::Bytes) => i64::from(i32::MAX),
        Base::Fixed(size) => max_precision(size),
        _ => return None,
    };
    if precision <= 0 || i64::from(precision) > max || scale > precision {
        return None;
    }
    Some(Logical::Decimal {
        precision: u32::try_from(precision).ok()?,
        scale: u32::try_from(scale).ok()?,
    })
}

/// How many digits fit into so many bytes.
fn max_precision(size: u32) -> i64 {
    let bits = i64::from(size) * 8 - 1;
    (std::f64::consts::LOG10_2 * bits as f64).floor() as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn properties(text: &str) -> Properties {
        match Node::parse(text).unwrap() {
            Node::Map(pairs) => Properties(pairs),
            other => panic!("no object: {other}"),
        }
    }

    fn of_text(base: Base<'_>, text: &str) -> Option<Logical> {
        of(base, &properties(text), &Types::default())
    }

    #[test]
    fn a_logical_type_needs_its_base() {
        let date = r#"{"logicalType":"date"}"#;
        assert_eq!(of_text(Base::Primitive(Primitive::Int), date), Some(Logical::Date));
        assert_eq!(of_text(Base::Primitive(Primitive::Long), date), None);
        assert_eq!(of_text(Base::Fixed(12), r#"{"logicalType":"duration"}"#), {
            Some(Logical::Duration)
        });
        assert_eq!(of_text(Base::Primitive(Primitive::Int), r#"{"logicalType":"mine"}"#), None);
        let with_class = r#"{"logicalType":"uuid","avro.java.string":"String"}"#;
        assert_eq!(of_text(Base::Primitive(Primitive::String), with_class), None);
    }

    #[test]
    fn a_decimal_needs_digits_that_fit() {
        let of_bytes = |text: &str| of_text(Base::Primitive(Primitive::Bytes), text);
        let decimal = |precision, scale| Some(Logical::Decimal { precision, scale });
        let text = r#"{"logicalType":"decimal","precision":4,"scale":2}"#;
        assert_eq!(of_bytes(text), decimal(4, 2));
        assert_eq!(of_bytes(r#"{"logicalType":"decimal","precision":4}"#), decimal(4, 0));
        assert_eq!(of_bytes(r#"{"logicalType":"decimal"}"#), None);
        assert_eq!(of_bytes(r#"{"logicalType":"decimal","precision":"4"}"#), None);
        assert_eq!(of_bytes(r#"{"logicalType":"decimal","precision":4,"scale":5}"#), None);
        assert_eq!(of_bytes(r#"{"logicalType":"decimal","precision":4,"scale":-1}"#), None);
        assert_eq!(of_text(Base::Fixed(2), text), decimal(4, 2));
        assert_eq!(of_text(Base::Fixed(1), text), None);
    }
}
