//! The files that every schema may import without a reference.

use std::sync::LazyLock;

use crate::element::ProtoFile;
use crate::scope::Types;
use crate::text;

macro_rules! files {
    ($($path:literal),* $(,)?) => {
        [$(($path, include_str!(concat!("known/", $path)))),*]
    };
}

/// Path and text of each.
const TEXTS: [(&str, &str); 30] = files![
    "confluent/meta.proto",
    "confluent/type/decimal.proto",
    "confluent/type/variant.proto",
    "google/protobuf/any.proto",
    "google/protobuf/api.proto",
    "google/protobuf/descriptor.proto",
    "google/protobuf/duration.proto",
    "google/protobuf/empty.proto",
    "google/protobuf/field_mask.proto",
    "google/protobuf/source_context.proto",
    "google/protobuf/struct.proto",
    "google/protobuf/timestamp.proto",
    "google/protobuf/type.proto",
    "google/protobuf/wrappers.proto",
    "google/type/calendar_period.proto",
    "google/type/color.proto",
    "google/type/date.proto",
    "google/type/datetime.proto",
    "google/type/dayofweek.proto",
    "google/type/decimal.proto",
    "google/type/expr.proto",
    "google/type/fraction.proto",
    "google/type/interval.proto",
    "google/type/latlng.proto",
    "google/type/money.proto",
    "google/type/month.proto",
    "google/type/phone_number.proto",
    "google/type/postal_address.proto",
    "google/type/quaternion.proto",
    "google/type/timeofday.proto",
];

static FILES: LazyLock<Vec<(&'static str, ProtoFile)>> = LazyLock::new(|| {
    let read = |(path, text): (&'static str, &str)| Some((path, text::parse(text).ok()?));
    TEXTS.into_iter().filter_map(read).collect()
});

static TYPES: LazyLock<Types<'static>> = LazyLock::new(|| Types::of_known(&FILES));

/// The file with this path.
pub(crate) fn file(path: &str) -> Option<&'static ProtoFile> {
    FILES.iter().find(|(known, _)| *known == path).map(|(_, file)| file)
}

/// The types and extensions in all of them.
pub(crate) fn types() -> &'static Types<'static> {
    &TYPES
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_files_can_be_read() {
        for (path, text) in TEXTS {
            let file = text::parse(text).unwrap_or_else(|error| panic!("{path}: {}", error.0));
            assert!(!file.types.is_empty(), "{path}");
        }
        assert_eq!(FILES.len(), TEXTS.len());
        assert!(types().get("google.protobuf.FieldOptions").is_some());
        assert_eq!(types().extension_is_list("confluent.message_meta"), Some(false));
    }
}
