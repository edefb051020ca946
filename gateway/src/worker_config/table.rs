//! All worker keys together, the prefixes behind which any key may follow, and the nearest
//! known name of an unknown one.

use gantry_model::config::ConfigDef;

use super::registry::TLS_PREFIX as REGISTRY_TLS_PREFIX;
use super::row::Row;
use super::table_clients::{CLIENT, SSL};
use super::table_distributed::DISTRIBUTED;
use super::table_registry::REGISTRY;
use super::table_rocketmq::ROCKETMQ;
use super::table_sasl::SASL;
use super::table_worker::{GANTRY, REST, WORKER};
use super::tls;

/// A chapter of the table.
pub(crate) struct Section {
    /// Its heading on the reference page.
    pub(crate) title: &'static str,
    /// Its keys.
    pub(crate) rows: &'static [Row],
}

/// The whole table.
pub(crate) const SECTIONS: &[Section] = &[
    Section { title: "Keys of Gantry's own", rows: GANTRY },
    Section { title: "The schema registry", rows: REGISTRY },
    Section { title: "RocketMQ and RocketMQ Connect", rows: ROCKETMQ },
    Section { title: "The worker", rows: WORKER },
    Section { title: "The REST API", rows: REST },
    Section { title: "Distributed mode", rows: DISTRIBUTED },
    Section { title: "Connections to Kafka brokers", rows: CLIENT },
    Section { title: "TLS", rows: SSL },
    Section { title: "SASL", rows: SASL },
];

/// Prefixes behind which further keys follow that another component knows, with what they are.
pub(crate) const PREFIXES: &[(&str, &str)] = &[
    ("key.converter.", "settings of the key converter"),
    ("value.converter.", "settings of the value converter"),
    ("header.converter.", "settings of the header converter"),
    ("config.providers.", "class and parameters of each config provider"),
    ("producer.", "settings of Kafka producers; no effect"),
    ("consumer.", "settings of Kafka consumers; no effect"),
    ("admin.", "settings of Kafka admin clients; no effect"),
    (
        "listeners.https.",
        "the keys under *TLS* and `ssl.client.auth`, for the HTTPS listeners of `listeners`. If one key has the prefix, those without it do not count",
    ),
    ("admin.listeners.https.", "the same for the HTTPS listeners of `admin.listeners`"),
    (
        REGISTRY_TLS_PREFIX,
        "the same for the HTTPS listeners of `gantry.schema.registry.listeners`; without them those of `listeners` count",
    ),
    ("config.storage.", "settings of the configuration topic; no effect"),
    ("offset.storage.", "settings of the offset topic; no effect"),
    ("status.storage.", "settings of the status topic; no effect"),
    ("metrics.context.", "labels of Kafka's metrics; no effect"),
];

/// All keys in order.
pub(crate) fn rows() -> impl Iterator<Item = &'static Row> {
    SECTIONS.iter().flat_map(|section| section.rows)
}

/// One key.
pub(crate) fn row(name: &str) -> Option<&'static Row> {
    rows().find(|row| row.name == name)
}

/// The table as a definition.
pub(crate) fn definition() -> ConfigDef {
    rows().fold(ConfigDef::new(), |definition, row| definition.define(row.key()))
}

/// Prefixes of keys of TLS, so that a misspelt one behind them is seen.
const TLS_PREFIXES: [&str; 3] = ["listeners.https.", "admin.listeners.https.", REGISTRY_TLS_PREFIX];

/// Whether a key is in the table or behind a known prefix.
pub(crate) fn is_known(name: &str) -> bool {
    let tls = TLS_PREFIXES.iter().find_map(|prefix| name.strip_prefix(prefix));
    if let Some(key) = tls {
        return tls::is_key(key);
    }
    row(name).is_some()
        || PREFIXES.iter().any(|(prefix, _)| name.len() > prefix.len() && name.starts_with(prefix))
}

/// The known name that is most like an unknown one, if any is much like it.
pub(crate) fn nearest(unknown: &str) -> Option<String> {
    let prefix = TLS_PREFIXES.iter().find(|prefix| unknown.starts_with(**prefix));
    let prefix = prefix.copied().unwrap_or_default();
    let known = rows().filter(|row| prefix.is_empty() || tls::is_key(row.name));
    crate::nearest::nearest(&unknown[prefix.len()..], known.map(|row| row.name))
        .map(|name| format!("{prefix}{name}"))
}
