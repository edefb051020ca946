//! The `$Key` and `$Value` forms of one transformation.

use gantry_model::{ConnectRecord, Datum};

/// Which part of a record a transformation works on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Key,
    Value,
}

impl Side {
    /// Both, with the suffix that their classes bear.
    pub(crate) const ALL: [(Self, &'static str); 2] =
        [(Self::Key, "$Key"), (Self::Value, "$Value")];

    pub(crate) fn datum(self, record: &ConnectRecord) -> &Datum {
        match self {
            Self::Key => &record.key,
            Self::Value => &record.value,
        }
    }

    pub(crate) fn datum_mut(self, record: &mut ConnectRecord) -> &mut Datum {
        match self {
            Self::Key => &mut record.key,
            Self::Value => &mut record.value,
        }
    }
}
