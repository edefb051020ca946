//! What the keys of the connectors say.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use gantry_api::model::config::{ConfigValue, ParsedConfig};
use gantry_api::{ConfigDef, Props, Result};
use gantry_tls::{ServerProof, TlsSettings, connection_config};
use hyper::header::HeaderValue;
use tokio_rustls::rustls::ClientConfig;

use super::{Flavour, aiven, confluent, opensearch};
use crate::web::connect::Proxy;
use crate::web::keys::{Fault, add_faults};

/// What becomes of a record without a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OnNull {
    Ignore,
    /// The document of its key is deleted.
    Delete,
    Fail,
}

/// What becomes of a record whose document the server refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OnMalformed {
    Ignore,
    Warn,
    /// It is reported, and the task goes on.
    Report,
    Fail,
}

/// What becomes of a record of which the server has a version that is not older.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OnConflict {
    Ignore,
    Warn,
    Report,
    Fail,
}

/// How documents are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Write {
    /// In place of the one that is there.
    Insert,
    /// Its fields into the one that is there.
    Upsert,
}

/// What a document's id is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Id {
    Key,
    /// `topic+queue+offset`
    Place,
    /// The server makes one.
    Generated,
}

/// Where `@timestamp` of a document comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Timestamp {
    /// The document has it or not.
    Document,
    /// The record's time.
    Record,
    /// The record's time, if the document has none.
    RecordIfMissing,
    /// The first of these fields that is there.
    Fields(Vec<String>),
}

/// By what the server chooses a document's shard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Routing {
    Id,
    Key,
    /// A JSON pointer into the document.
    Value(String),
}

/// How requests are filled.
#[derive(Clone, Debug)]
pub(super) struct Bulk {
    pub(super) records: usize,
    pub(super) bytes: usize,
    pub(super) in_flight: usize,
    pub(super) buffered: usize,
    pub(super) linger: Duration,
    pub(super) flush_timeout: Duration,
    /// Whether a commit waits until all is written.
    pub(super) synchronous: bool,
}

/// How often and when a request is sent again.
#[derive(Clone, Debug)]
pub(super) struct Retry {
    pub(super) max: u32,
    pub(super) backoff: Duration,
    /// No wait is longer.
    pub(super) backoff_max: Duration,
    /// How often the limit of the first wait is doubled.
    pub(super) first_doubling: u32,
}

/// How the index of a topic is called.
#[derive(Clone, Debug)]
pub(super) enum Naming {
    /// As the topic, in small letters and without what Confluent's takes away.
    Confluents,
    /// As the topic in small letters.
    Lower,
    /// As the topic, in small letters and without what Aiven's takes away; behind a prefix.
    Aivens(Option<String>),
    /// `type-dataset-namespace`, in which `${topic}` is the topic.
    Stream { kind: String, dataset: String, namespace: String },
}

/// Where documents go.
#[derive(Clone, Debug)]
pub(super) struct Targets {
    pub(super) naming: Naming,
    /// By topic, instead of the naming.
    pub(super) given: HashMap<String, String>,
    /// Whether only these are written to.
    pub(super) only_given: bool,
    pub(super) is_stream: bool,
    /// The index template that a data stream is made by.
    pub(super) template: Option<String>,
    /// The field of a data stream's time.
    pub(super) time_field: String,
    /// Whether a mapping is made with the index rather than when there is none.
    pub(super) maps_at_creation: bool,
}

/// What records become.
#[derive(Clone, Debug)]
pub(super) struct Documents {
    pub(super) write: Write,
    /// Whether no key counts.
    pub(super) ignores_keys: bool,
    /// Topics of which no key counts.
    pub(super) keyless: HashSet<String>,
    /// The id where the key does not count.
    pub(super) without_key: Id,
    pub(super) ignores_schemas: bool,
    pub(super) schemaless: HashSet<String>,
    pub(super) compact: bool,
    pub(super) timestamp: Timestamp,
    pub(super) routing: Routing,
    /// The header with the version, instead of the offset.
    pub(super) version_header: Option<String>,
    /// How often the server tries an update again that another came before.
    pub(super) retry_on_conflict: usize,
}

impl Documents {
    /// Whose id a document of this topic gets.
    pub(super) fn id(&self, topic: &str) -> Id {
        match self.ignores_keys || self.keyless.contains(topic) {
            true => self.without_key,
            false => Id::Key,
        }
    }
    /// Whether the schemas of a topic's records count.
    pub(super) fn uses_schema(&self, topic: &str) -> bool {
        !self.ignores_schemas && !self.schemaless.contains(topic)
    }
}

/// What becomes of records that cannot be written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Errors {
    pub(super) on_null: OnNull,
    pub(super) on_malformed: OnMalformed,
    /// Where the version is the record's own.
    pub(super) on_conflict: OnConflict,
    /// Where it is not.
    pub(super) on_inner_conflict: OnConflict,
    pub(super) drops_invalid: bool,
    /// Whether all that fails is reported, whatever else becomes of it.
    pub(super) reports: bool,
}

/// How the cluster is reached.
#[derive(Clone, Debug)]
pub(super) struct Connection {
    pub(super) urls: Vec<String>,
    pub(super) authorization: Option<HeaderValue>,
    pub(super) proxy: Option<Proxy>,
    pub(super) tls: TlsSettings,
    pub(super) proof: ServerProof,
    pub(super) connect_timeout: Duration,
    pub(super) read_timeout: Duration,
    pub(super) idle: Duration,
    pub(super) compresses: bool,
}

/// What the keys say.
#[derive(Clone, Debug)]
pub(super) struct Config {
    pub(super) connection: Connection,
    pub(super) bulk: Bulk,
    pub(super) retry: Retry,
    pub(super) targets: Targets,
    pub(super) documents: Documents,
    pub(super) errors: Errors,
}

pub(super) fn definition(flavour: Flavour) -> ConfigDef {
    match flavour {
        Flavour::Confluent => confluent::definition(),
        Flavour::Aiven => aiven::definition(),
        Flavour::OpenSearch => opensearch::definition(),
    }
}

impl Connection {
    /// What connections through TLS need; nothing where no URL is one of HTTPS. What a user should know
    /// besides goes to `warnings`.
    pub(super) fn client_tls(
        &self,
        warnings: &mut Vec<String>,
    ) -> Result<Option<Arc<ClientConfig>>, Fault> {
        if !self.urls.iter().any(|url| url.starts_with("https:")) {
            return Ok(None);
        }
        match connection_config(&self.tls, self.proof, warnings) {
            Ok(client) => Ok(Some(client)),
            Err(text) => {
                // These texts begin with the key that is at fault.
                let key = text.split(['=', ':', ' ']).next().unwrap_or_default();
                let key = if key.contains("ssl.") { key } else { super::keys::URL };
                Err(Fault::plain(key, text.clone()))
            }
        }
    }
}

impl Config {
    /// Reads the keys; the first fault is the error. Opens key stores.
    pub(super) fn parse(flavour: Flavour, props: &Props) -> Result<Self> {
        let parsed = definition(flavour).parse(props)?;
        match check(flavour, &parsed, props).into_iter().next() {
            Some(fault) => Err(fault.into()),
            None => Ok(Self::read(flavour, &parsed, props)?),
        }
    }

    fn read(flavour: Flavour, parsed: &ParsedConfig, props: &Props) -> Result<Self, Fault> {
        let config = match flavour {
            Flavour::Confluent => confluent::read(parsed)?,
            Flavour::Aiven => aiven::read(parsed)?,
            Flavour::OpenSearch => opensearch::read(parsed, props)?,
        };
        // Found now rather than at the first record.
        config.connection.client_tls(&mut Vec::new())?;
        Ok(config)
    }
}

/// Faults across keys.
fn check(flavour: Flavour, parsed: &ParsedConfig, props: &Props) -> Vec<Fault> {
    let mut faults = Vec::new();
    super::keys::check(parsed, props, &mut faults);
    match flavour {
        Flavour::Confluent => confluent::check(parsed, props, &mut faults),
        Flavour::Aiven => aiven::check(parsed, &mut faults),
        Flavour::OpenSearch => opensearch::check(parsed, props, &mut faults),
    }
    faults
}

/// Adds what is wrong across keys to what was found for each. The configuration, if nothing is.
pub(super) fn validate(
    flavour: Flavour,
    props: &Props,
    findings: &mut Vec<ConfigValue>,
    opens_files: bool,
) -> Option<Config> {
    // What a single key says wrongly stands in the findings.
    let parsed = definition(flavour).parse(props).ok()?;
    let mut faults = check(flavour, &parsed, props);
    let mut found = None;
    if faults.is_empty() && opens_files {
        match Config::read(flavour, &parsed, props) {
            Ok(config) => found = Some(config),
            Err(fault) => faults.push(fault),
        }
    }
    add_faults(faults, findings);
    found
}
