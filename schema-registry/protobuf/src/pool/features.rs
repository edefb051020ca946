//! What depends on the syntax of a file and on the option `features`.

use crate::descriptor::{OptionField, Options, feature};
use crate::element::Label;

/// How fields and enums are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Features {
    /// Whether a scalar that is not set looks like one that is set to its default.
    pub(super) is_implicit: bool,
    /// Whether numbers without a name are no values of an enum.
    pub(super) is_closed: bool,
    /// Whether lists of numbers are packed.
    pub(super) is_packed: bool,
}

impl Features {
    pub(super) fn of_file(is_proto3: bool, options: &Options, number: u32) -> Self {
        let of_syntax =
            Self { is_implicit: is_proto3, is_closed: !is_proto3, is_packed: is_proto3 };
        of_syntax.changed_by(options, number)
    }

    /// As options change them; `number` is that of the option `features`.
    pub(super) fn changed_by(self, options: &Options, number: u32) -> Self {
        let mut features = self;
        let Some(OptionField::Message(fields)) = options.get(number) else { return features };
        for (number, field) in fields {
            let OptionField::Number(value) = field else { continue };
            match *number {
                feature::FIELD_PRESENCE => features.is_implicit = *value == 2,
                feature::ENUM_TYPE => features.is_closed = *value == 2,
                feature::REPEATED_FIELD_ENCODING => features.is_packed = *value == 1,
                _ => {}
            }
        }
        features
    }

    /// As the label and the options of a field change them.
    pub(super) fn of_field(self, label: Label, options: &Options, number: u32) -> Self {
        let mut features = self;
        if label == Label::Required {
            features.is_implicit = false;
        }
        if let Some(is_packed) = options.packed() {
            features.is_packed = is_packed;
        }
        features.changed_by(options, number)
    }
}
