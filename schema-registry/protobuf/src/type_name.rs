//! What the type of a field is, as far as its name tells.

/// A type without parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scalar {
    /// `double`
    Double,
    /// `float`
    Float,
    /// `int64`
    Int64,
    /// `uint64`
    Uint64,
    /// `int32`
    Int32,
    /// `fixed64`
    Fixed64,
    /// `fixed32`
    Fixed32,
    /// `bool`
    Bool,
    /// `string`
    String,
    /// `bytes`
    Bytes,
    /// `uint32`
    Uint32,
    /// `sfixed32`
    Sfixed32,
    /// `sfixed64`
    Sfixed64,
    /// `sint32`
    Sint32,
    /// `sint64`
    Sint64,
}

/// All scalars: the name of each, and its number in a descriptor.
const SCALARS: [(Scalar, &str, i32); 15] = [
    (Scalar::Double, "double", 1),
    (Scalar::Float, "float", 2),
    (Scalar::Int64, "int64", 3),
    (Scalar::Uint64, "uint64", 4),
    (Scalar::Int32, "int32", 5),
    (Scalar::Fixed64, "fixed64", 6),
    (Scalar::Fixed32, "fixed32", 7),
    (Scalar::Bool, "bool", 8),
    (Scalar::String, "string", 9),
    (Scalar::Bytes, "bytes", 12),
    (Scalar::Uint32, "uint32", 13),
    (Scalar::Sfixed32, "sfixed32", 15),
    (Scalar::Sfixed64, "sfixed64", 16),
    (Scalar::Sint32, "sint32", 17),
    (Scalar::Sint64, "sint64", 18),
];

impl Scalar {
    /// Its name in a `.proto` file.
    pub fn name(self) -> &'static str {
        SCALARS.iter().find(|(scalar, ..)| *scalar == self).map_or("", |(_, name, _)| *name)
    }

    /// The one with this name.
    pub fn named(name: &str) -> Option<Self> {
        SCALARS.iter().find(|(_, known, _)| *known == name).map(|(scalar, ..)| *scalar)
    }

    /// The number of its type in a descriptor.
    pub(crate) fn number(self) -> i32 {
        SCALARS.iter().find(|(scalar, ..)| *scalar == self).map_or(0, |(_, _, number)| *number)
    }

    /// The one whose type has this number in a descriptor.
    pub(crate) fn numbered(number: i32) -> Option<Self> {
        SCALARS.iter().find(|(.., known)| *known == number).map(|(scalar, ..)| *scalar)
    }

    /// Whether several values may be written behind one tag.
    pub fn is_packable(self) -> bool {
        !matches!(self, Self::String | Self::Bytes)
    }
}

/// The type of a field, as its name tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TypeName<'a> {
    Scalar(Scalar),
    /// Key and value.
    Map(&'a str, &'a str),
    /// A message or an enum.
    Named(&'a str),
}

impl<'a> TypeName<'a> {
    pub(crate) fn of(text: &'a str) -> Self {
        if let Some(scalar) = Scalar::named(text) {
            return Self::Scalar(scalar);
        }
        let inner = text.strip_prefix("map<").and_then(|rest| rest.strip_suffix('>'));
        match inner.and_then(|inner| inner.split_once(',')) {
            Some((key, value)) => Self::Map(key.trim(), value.trim()),
            None => Self::Named(text),
        }
    }

    /// What is wrong with the keys of a map.
    pub(crate) fn check_keys(self) -> Result<(), String> {
        let mut name = self;
        while let Self::Map(key, value) = name {
            match Self::of(key) {
                Self::Scalar(Scalar::Bytes | Scalar::Double | Scalar::Float)
                | Self::Map(..)
                | Self::Named(_) => {
                    return Err(format!(
                        "map key must be non-byte, non-floating point scalar: {key}"
                    ));
                }
                Self::Scalar(_) => {}
            }
            name = Self::of(value);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_types() {
        assert_eq!(TypeName::of("sint64"), TypeName::Scalar(Scalar::Sint64));
        assert_eq!(TypeName::of("map<string, a.B>"), TypeName::Map("string", "a.B"));
        assert_eq!(
            TypeName::of("map<int32, map<bool, M>>"),
            TypeName::Map("int32", "map<bool, M>")
        );
        assert_eq!(TypeName::of(".a.B"), TypeName::Named(".a.B"));
        for (scalar, name, number) in SCALARS {
            assert_eq!((scalar.name(), Scalar::numbered(number)), (name, Some(scalar)));
        }
    }

    #[test]
    fn keys_of_maps() {
        assert!(TypeName::of("map<string, M>").check_keys().is_ok());
        assert_eq!(
            TypeName::of("map<string, map<float, M>>").check_keys().unwrap_err(),
            "map key must be non-byte, non-floating point scalar: float"
        );
        assert!(TypeName::of("map<M, M>").check_keys().is_err());
    }
}
