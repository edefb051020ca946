//! TLS of the connections.

use std::sync::Arc;

use gantry_tls::connection_config;
use tokio_rustls::rustls::ClientConfig;

use super::config::Config;
use super::keys::Fault;

/// What connections through TLS need; nothing where no URL is one of HTTPS. What a user should
/// know besides goes to `warnings`.
pub(super) fn client(
    config: &Config,
    warnings: &mut Vec<String>,
) -> Result<Option<Arc<ClientConfig>>, Fault> {
    let is_https = |url: &str| url.get(..6).is_some_and(|head| head.eq_ignore_ascii_case("https:"));
    let token = config.oauth2.as_ref().is_some_and(|oauth2| is_https(&oauth2.url));
    if !token && !is_https(&config.url.sample()) {
        return Ok(None);
    }
    match connection_config(&config.tls, config.proof, warnings) {
        Ok(client) => Ok(Some(client)),
        Err(text) => {
            // These texts begin with the key that is at fault.
            let key = text.split(['=', ':', ' ']).next().unwrap_or_default();
            let key = match key.contains(".ssl.") {
                true => key.to_owned(),
                false => format!("{}location", config.tls.trust_store.prefix),
            };
            Err(Fault::plain(&key, text))
        }
    }
}
