//! Signs requests for brokers that check access keys.

use std::collections::BTreeMap;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use rocketmq_protocol::RemotingCommand;
use sha1::Sha1;

use crate::config::Credentials;

/// Adds the access key and a signature over all fields, in the order of their names, and the body.
pub(super) fn sign(request: &mut RemotingCommand, credentials: &Credentials) {
    request.ensure_ext_fields_initialized();
    request.add_ext_field("AccessKey", credentials.access_key.as_str());
    // HMAC takes keys of any length.
    let Ok(mut mac) = Hmac::<Sha1>::new_from_slice(credentials.secret_key.as_bytes()) else {
        return;
    };
    let fields: BTreeMap<&str, &str> = request
        .ext_fields()
        .into_iter()
        .flatten()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    fields.values().for_each(|value| mac.update(value.as_bytes()));
    if let Some(body) = request.body() {
        mac.update(body);
    }
    let signature = BASE64_STANDARD.encode(mac.finalize().into_bytes());
    request.add_ext_field("Signature", signature);
}
