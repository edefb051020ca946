//! Which log holds the topics, and whether its workers are a cluster.

use std::path::Path;
use std::sync::Arc;

use gantry_engine::{Allocation, ClusterSettings};
use gantry_log::Str;
use gantry_model::config::ParsedConfig;
use gantry_rocketmq::{Credentials, RocketmqConfig};
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use super::load::{Mode, unsigned};
#[cfg(feature = "replicator")]
use super::table::definition;
use crate::files::read_bounded;
use gantry_tls::parse_certificates;

pub(super) const NAMESRV: &str = "gantry.rocketmq.namesrv.addr";
/// Variables of the environment that name servers are told by.
pub(super) const NAMESRV_VARIABLES: [&str; 2] = ["ROCKETMQ_NAMESRV_ADDR", "NAMESRV_ADDR"];
const CA_FILE: &str = "gantry.rocketmq.tls.ca.file";
/// A larger file holds no certificates.
const FILE_BYTES_MAX: u64 = 16 << 20;
/// The port of a name server that is named without.
const NAMESRV_PORT: u16 = 9876;

/// Whether `gantry.log` chooses RocketMQ.
pub(super) fn is_rocketmq(parsed: &ParsedConfig) -> bool {
    parsed.string("gantry.log") == Some("rocketmq")
}

/// The log on RocketMQ, if it is chosen. The error is a sentence that names the key.
pub(super) fn rocketmq(parsed: &ParsedConfig) -> Result<Option<RocketmqConfig>, String> {
    if !is_rocketmq(parsed) {
        return Ok(None);
    }
    let addresses = parsed.string(NAMESRV).unwrap_or_default();
    let name_servers: Vec<Str> = addresses
        .split([';', ','])
        .map(str::trim)
        .filter(|addr| !addr.is_empty())
        .map(|addr| {
            // Java's clients take it with a scheme, too.
            let addr = addr.strip_prefix("http://").unwrap_or(addr);
            match addr.contains(':') {
                true => addr.into(),
                false => format!("{addr}:{NAMESRV_PORT}").into(),
            }
        })
        .collect();
    if name_servers.is_empty() {
        return Err(format!(
            "gantry.log=rocketmq needs {NAMESRV}, the name servers of the cluster, for example \
             {NAMESRV}=10.0.0.1:9876;10.0.0.2:9876; or set it by the environment variable \
             ROCKETMQ_NAMESRV_ADDR"
        ));
    }
    let limit = unsigned(parsed, "gantry.rocketmq.message.bytes.max");
    Ok(Some(RocketmqConfig {
        group: parsed.string("group.id").unwrap_or("gantry").to_owned(),
        credentials: credentials(parsed)?,
        tls: tls(parsed)?,
        request_timeout_ms: unsigned(parsed, "gantry.rocketmq.request.timeout.ms"),
        message_bytes_max: usize::try_from(limit).unwrap_or(usize::MAX),
        ..RocketmqConfig::new(name_servers)
    }))
}

/// Another cluster, by the same keys, to be read in the name of a consumer group. The error is a
/// sentence that names the key.
#[cfg(feature = "replicator")]
pub(crate) fn source_cluster(
    keys: &gantry_api::Props,
    group: &str,
) -> Result<RocketmqConfig, String> {
    let mut props = keys.clone();
    props.insert("gantry.log".to_owned(), "rocketmq".to_owned());
    props.insert("group.id".to_owned(), group.to_owned());
    let parsed = definition().parse(&props).map_err(|error| error.message().to_owned())?;
    rocketmq(&parsed)?.ok_or_else(|| format!("{NAMESRV} names no cluster"))
}

fn credentials(parsed: &ParsedConfig) -> Result<Option<Credentials>, String> {
    let [access, secret] = ["gantry.rocketmq.access.key", "gantry.rocketmq.secret.key"]
        .map(|key| parsed.string(key).filter(|text| !text.is_empty()));
    match (access, secret) {
        (Some(access), Some(secret)) => {
            Ok(Some(Credentials { access_key: access.to_owned(), secret_key: secret.to_owned() }))
        }
        (None, None) if !parsed.boolean("gantry.rocketmq.acl.enable") => Ok(None),
        _ => Err("gantry.rocketmq.access.key and gantry.rocketmq.secret.key belong together: set \
                  both, or neither and gantry.rocketmq.acl.enable=false"
            .to_owned()),
    }
}

fn tls(parsed: &ParsedConfig) -> Result<Option<Arc<ClientConfig>>, String> {
    if !parsed.boolean("gantry.rocketmq.tls.enable") {
        return Ok(None);
    }
    let trusted = match parsed.string(CA_FILE).filter(|file| !file.is_empty()) {
        Some(file) => {
            let wrong =
                |why: String| format!("Invalid value {file} for configuration {CA_FILE}: {why}");
            let bytes = read_bounded(Path::new(file), FILE_BYTES_MAX).map_err(wrong)?;
            let text =
                String::from_utf8(bytes).map_err(|_| wrong("it is no PEM file".to_owned()))?;
            parse_certificates(&text).map_err(wrong)?
        }
        None => rustls_native_certs::load_native_certs().certs,
    };
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(trusted);
    if roots.is_empty() {
        return Err(format!(
            "gantry.rocketmq.tls.enable=true, and there is no certificate to trust: name those of \
             the cluster with {CA_FILE}"
        ));
    }
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| format!("TLS: {error}"))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Some(Arc::new(config)))
}

/// The cluster that this worker takes part in: in distributed mode, on a log that others reach.
pub(super) fn cluster(
    mode: Mode,
    parsed: &ParsedConfig,
) -> Result<Option<ClusterSettings>, String> {
    if mode != Mode::Distributed || !is_rocketmq(parsed) {
        return Ok(None);
    }
    let text = |key: &str| parsed.string(key).unwrap_or_default().to_owned();
    let session_timeout_ms = unsigned(parsed, "session.timeout.ms");
    let heartbeat_interval_ms = unsigned(parsed, "heartbeat.interval.ms");
    if heartbeat_interval_ms == 0 || heartbeat_interval_ms * 3 > session_timeout_ms {
        return Err(format!(
            "Invalid value {heartbeat_interval_ms} for configuration heartbeat.interval.ms: it \
             must be at least 1 and no more than a third of session.timeout.ms, which is \
             {session_timeout_ms}: a worker that is heard late stops its tasks at half of it"
        ));
    }
    Ok(Some(ClusterSettings {
        group: text("group.id"),
        cluster_topic: text("config.storage.topic"),
        status_topic: text("status.storage.topic"),
        session_timeout_ms,
        heartbeat_interval_ms,
        allocation: match parsed.string("gantry.cluster.allocation") {
            Some("simple-hash") => Allocation::SimpleHash,
            _ => Allocation::ConsistentHash,
        },
        copies: parsed.string("gantry.data.dir").map(std::path::PathBuf::from),
        url: String::new(),
        record_bytes_max: usize::try_from(unsigned(parsed, "gantry.rocketmq.message.bytes.max"))
            .unwrap_or(usize::MAX),
    }))
}
