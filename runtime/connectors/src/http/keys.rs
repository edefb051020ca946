//! How keys are defined and read.

pub(super) use crate::keys::Keys;
pub(super) use crate::web::keys::*;
