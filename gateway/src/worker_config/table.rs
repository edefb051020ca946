//! All worker keys together, the prefixes behind which any key may follow, and the nearest
//! known name of an unknown one.

use gantry_model::config::ConfigDef;

use super::row::Row;
use super::table_clients::{CLIENT, SSL};
use super::table_distributed::DISTRIBUTED;
use super::table_rocketmq::ROCKETMQ;
use super::table_sasl::SASL;
use super::table_worker::{GANTRY, REST, WORKER};

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
    ("listeners.https.", "TLS settings of HTTPS listeners; no effect"),
    ("admin.listeners.https.", "TLS settings of HTTPS admin listeners; no effect"),
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

/// Whether a key is in the table or behind a known prefix.
pub(crate) fn is_known(name: &str) -> bool {
    row(name).is_some()
        || PREFIXES.iter().any(|(prefix, _)| name.len() > prefix.len() && name.starts_with(prefix))
}

/// The known name that is most like an unknown one, if any is much like it.
pub(crate) fn nearest(unknown: &str) -> Option<&'static str> {
    crate::nearest::nearest(unknown, rows().map(|row| row.name))
}
