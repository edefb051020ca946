//! The keys of jaredpetersen's sink.

use std::sync::Arc;

use gantry_api::{ConfigDef, Props, Result};

use super::super::charset::Charset;
use super::super::keys::{self, Wrong};
use super::config::{Config, Shape};
use crate::keys::Keys;

/// All keys.
pub(in super::super) fn definition() -> ConfigDef {
    let mut keys = Keys::new("Redis");
    keys::petersen(&mut keys);
    keys.done()
}

pub(super) fn read(props: &Props) -> Result<Result<Config, Wrong>> {
    let config = definition().parse(props)?;
    Ok(keys::petersen_place(&config).map(|place| Config {
        place: Arc::new(place),
        charset: Charset::Utf8,
        shape: Shape::Command,
        offsets: None,
        is_exact: false,
        is_atomic: false,
        replicas: None,
        attempts: None,
    }))
}
