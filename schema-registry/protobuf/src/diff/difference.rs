//! A difference and how Confluent's registry tells it.

/// A place where data of one schema cannot be read with another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// What it is.
    pub kind: DifferenceKind,
    /// Where: names of messages and oneofs and numbers of fields, as in `#/Message/1`.
    pub path: String,
}

/// What a difference is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DifferenceKind {
    /// The files have different packages.
    PackageChanged,
    /// A message is gone.
    MessageRemoved,
    /// A field was a scalar, a map or a message and is another of these.
    FieldKindChanged,
    /// A scalar has another encoding.
    FieldScalarKindChanged,
    /// A message has another name, or is another message.
    FieldNamedTypeChanged,
    /// A number has another label.
    FieldNumericLabelChanged,
    /// A required field is new.
    RequiredFieldAdded,
    /// A required field is gone.
    RequiredFieldRemoved,
    /// A field of a oneof is gone.
    OneofFieldRemoved,
    /// Several fields are now in one oneof.
    MultipleFieldsMovedToOneof,
    /// A field is now in a oneof that had others before.
    FieldMovedToExistingOneof,
}

impl DifferenceKind {
    /// Its name in answers.
    pub fn name(self) -> &'static str {
        match self {
            Self::PackageChanged => "PACKAGE_CHANGED",
            Self::MessageRemoved => "MESSAGE_REMOVED",
            Self::FieldKindChanged => "FIELD_KIND_CHANGED",
            Self::FieldScalarKindChanged => "FIELD_SCALAR_KIND_CHANGED",
            Self::FieldNamedTypeChanged => "FIELD_NAMED_TYPE_CHANGED",
            Self::FieldNumericLabelChanged => "FIELD_NUMERIC_LABEL_CHANGED",
            Self::RequiredFieldAdded => "REQUIRED_FIELD_ADDED",
            Self::RequiredFieldRemoved => "REQUIRED_FIELD_REMOVED",
            Self::OneofFieldRemoved => "ONEOF_FIELD_REMOVED",
            Self::MultipleFieldsMovedToOneof => "MULTIPLE_FIELDS_MOVED_TO_ONEOF",
            Self::FieldMovedToExistingOneof => "FIELD_MOVED_TO_EXISTING_ONEOF",
        }
    }
}

impl Difference {
    /// What an answer says about it. `reader` and `writer` are the words that tell the schemas
    /// apart, `new` and `old` or the other way round.
    pub fn sentence(&self, reader: &str, writer: &str) -> String {
        format!(
            "{{errorType:\"{}\", description:\"{}\"}}",
            self.kind.name(),
            self.description(reader, writer)
        )
    }

    fn description(&self, reader: &str, writer: &str) -> String {
        let path = &self.path;
        match self.kind {
            DifferenceKind::PackageChanged => format!(
                "The package at '{path}' in the {reader} schema does not match the package in \
                 the {writer} schema"
            ),
            DifferenceKind::MessageRemoved => format!(
                "The {reader} schema is missing a MESSAGE type at path '{path}' in the {writer} \
                 schema"
            ),
            DifferenceKind::FieldKindChanged => format!(
                "The type of a field at path '{path}' in the {reader} schema does not match the \
                 {writer} schema"
            ),
            DifferenceKind::FieldScalarKindChanged => format!(
                "The kind of a SCALAR field at path '{path}' in the {reader} schema does not \
                 match its kind in the {writer} schema"
            ),
            DifferenceKind::FieldNamedTypeChanged => format!(
                "The type of a MESSAGE field at path '{path}' in the {reader} schema does not \
                 match its type in the {writer} schema"
            ),
            DifferenceKind::FieldNumericLabelChanged => format!(
                "The label for a NUMERIC field at path '{path}' in the {reader} schema does not \
                 match its label in the {writer} schema"
            ),
            // The second space is in Confluent's sentence too.
            DifferenceKind::RequiredFieldAdded => format!(
                "A required field  at path '{path}' in the {reader} schema is missing in the \
                 {writer} schema"
            ),
            DifferenceKind::RequiredFieldRemoved => format!(
                "The {reader} schema is missing a required field at path: '{path}' in the \
                 {writer} schema"
            ),
            DifferenceKind::OneofFieldRemoved => format!(
                "The {reader} schema is missing a oneof field at path '{path}' in the {writer} \
                 schema"
            ),
            DifferenceKind::MultipleFieldsMovedToOneof => format!(
                "Multiple fields in the oneof at path '{path}' in the {reader} schema are \
                 outside a oneof in the {writer} schema"
            ),
            DifferenceKind::FieldMovedToExistingOneof => format!(
                "A field in the oneof at path '{path}' in the {reader} schema is outside an \
                 existing oneof in the {writer} schema"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_name_both_schemas() {
        let path = "#/P/1".to_owned();
        let difference = Difference { kind: DifferenceKind::FieldScalarKindChanged, path };
        assert_eq!(
            difference.sentence("new", "old"),
            "{errorType:\"FIELD_SCALAR_KIND_CHANGED\", description:\"The kind of a SCALAR field \
             at path '#/P/1' in the new schema does not match its kind in the old schema\"}"
        );
    }
}
