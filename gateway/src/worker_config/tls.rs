//! TLS settings of HTTPS listeners.

use gantry_api::{ConfigDef, Props};
use gantry_model::config::ParsedConfig;

use super::row::Row;
use super::table_clients::SSL;
use super::table_worker::CLIENT_AUTH;
use gantry_tls::{ClientAuth, Secret, StoreSettings, TlsSettings};

/// The keys of TLS, as they are called behind a prefix.
fn rows() -> impl Iterator<Item = &'static Row> {
    SSL.iter().chain([&CLIENT_AUTH])
}

/// Whether something is a key of TLS.
pub(super) fn is_key(name: &str) -> bool {
    rows().any(|row| row.name == name)
}

/// The settings behind `prefix`, Kafka's way: if one key begins with it, only those count that
/// do; else those without prefix.
pub(super) fn settings(props: &Props, prefix: &str) -> Result<TlsSettings, String> {
    let has_own = props.keys().any(|key| key.len() > prefix.len() && key.starts_with(prefix));
    let prefix = if has_own { prefix } else { "" };
    let define = |definition: ConfigDef, row: &Row| {
        definition.define(row.key_named(&format!("{prefix}{}", row.name)))
    };
    let parsed = rows()
        .fold(ConfigDef::new(), define)
        .parse(props)
        .map_err(|error| error.message().to_owned())?;
    let get = Get { parsed, prefix };
    let client_auth = match get.text("ssl.client.auth").as_deref() {
        Some("required") => ClientAuth::Required,
        Some("requested") => ClientAuth::Requested,
        _ => ClientAuth::None,
    };
    Ok(TlsSettings {
        prefix: prefix.to_owned(),
        key_store: StoreSettings {
            key_password: get.secret("ssl.key.password"),
            key_password_key: get.key("ssl.key.password"),
            key: get.secret("ssl.keystore.key"),
            certificates: get.secret("ssl.keystore.certificate.chain"),
            ..get.store("ssl.keystore.")
        },
        trust_store: StoreSettings {
            certificates: get.secret("ssl.truststore.certificates"),
            ..get.store("ssl.truststore.")
        },
        client_auth,
        protocol: get.text("ssl.protocol").unwrap_or_default(),
        protocols: get.list("ssl.enabled.protocols"),
        cipher_suites: get.list("ssl.cipher.suites"),
    })
}

/// Parsed values by their names without the prefix.
struct Get<'a> {
    parsed: ParsedConfig,
    prefix: &'a str,
}

impl Get<'_> {
    fn key(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }
    /// A text that is not blank.
    fn text(&self, name: &str) -> Option<String> {
        let text = self.parsed.string(&self.key(name))?;
        (!text.trim().is_empty()).then(|| text.to_owned())
    }
    fn secret(&self, name: &str) -> Option<Secret> {
        self.text(name).map(Secret::new)
    }
    fn list(&self, name: &str) -> Vec<String> {
        let list = self.parsed.list(&self.key(name)).iter();
        list.filter(|entry| !entry.is_empty()).cloned().collect()
    }
    fn store(&self, prefix: &str) -> StoreSettings {
        StoreSettings {
            prefix: self.key(prefix),
            kind: self.text(&format!("{prefix}type")).unwrap_or_default(),
            location: self.text(&format!("{prefix}location")),
            password: self.secret(&format!("{prefix}password")),
            ..StoreSettings::default()
        }
    }
}
