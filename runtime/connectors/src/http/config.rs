//! What the keys of either connector say.

use std::time::Duration;

use gantry_api::model::config::{ConfigValue, ParsedConfig};
use gantry_api::{ConfigDef, Props, Result};
use gantry_tls::{ServerProof, TlsSettings};
use hyper::header::HeaderName;
use hyper::{HeaderMap, Method};

use super::keys::Fault;
use super::oauth2::OAuth2Config;
use super::own::Own;
use super::report::ReportConfig;
use super::status::Statuses;
use super::template::Template;
use super::{Flavour, aiven, confluent, own};
use crate::web::connect::Proxy;
use gantry_api::model::regex::JavaPattern;

/// What a record's value becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    /// Text.
    Text,
    /// JSON.
    Json,
    /// Aiven's: text as it is, structs and maps as JSON, nothing else.
    TextOrJson,
}

/// What becomes of a record without a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OnNull {
    /// It is an error.
    Fail,
    /// It is an error that no dead letter queue takes.
    Refuse,
    /// It is left out.
    Ignore,
    /// It is left out, and named in the log.
    Log,
    /// DELETE is sent to its URL.
    Delete,
}

/// What becomes of a request that failed for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OnError {
    /// Its records go to the dead letter queue; without one the task fails.
    Report,
    /// The task fails.
    Fail,
    /// They are left out.
    Ignore,
    /// They are left out, and the log says so.
    Log,
}

/// How values become bodies.
#[derive(Clone, Debug)]
pub(super) struct Body {
    pub(super) format: Format,
    /// `decimal.format` of JSON.
    pub(super) decimals: String,
    /// Patterns and what stands for what they find.
    pub(super) regexes: Vec<(JavaPattern, String)>,
}

/// How records share requests.
#[derive(Clone, Debug)]
pub(super) struct Batching {
    /// One: each has its own.
    pub(super) max: usize,
    pub(super) prefix: String,
    pub(super) suffix: String,
    pub(super) separator: String,
    /// Records of one text share requests; of all, without.
    pub(super) group: Option<Template>,
    /// Whether prefix and suffix also stand around a record that is alone.
    pub(super) wraps: bool,
}

/// How often and when a request is tried again.
#[derive(Clone, Debug)]
pub(super) struct Retry {
    pub(super) max: u32,
    pub(super) backoff: Duration,
    /// Whether the wait doubles each time, with chance in it.
    pub(super) exponential: bool,
    pub(super) statuses: Statuses,
}

/// What the keys say.
#[derive(Clone, Debug)]
pub(super) struct Config {
    pub(super) flavour: Flavour,
    pub(super) url: Template,
    pub(super) method: Method,
    /// Headers that are the same in all requests, those that say who asks among them.
    pub(super) headers: HeaderMap,
    /// Headers with parts of the record.
    pub(super) templates: Vec<(HeaderName, Template)>,
    /// Whether the record's headers become the request's.
    pub(super) forwards: bool,
    pub(super) oauth2: Option<OAuth2Config>,
    pub(super) body: Body,
    pub(super) batching: Batching,
    pub(super) on_null: OnNull,
    pub(super) on_error: OnError,
    pub(super) retry: Retry,
    pub(super) connect_timeout: Duration,
    pub(super) request_timeout: Duration,
    pub(super) proxy: Option<Proxy>,
    pub(super) tls: TlsSettings,
    pub(super) proof: ServerProof,
    /// Wait before the first batch is put again.
    pub(super) put_timeout_ms: Option<u64>,
    pub(super) own: Own,
    /// Where it is told what came of requests.
    pub(super) reports: Option<ReportConfig>,
}

pub(super) fn definition(flavour: Flavour) -> ConfigDef {
    match flavour {
        Flavour::Confluent => confluent::definition(),
        Flavour::Aiven => aiven::definition(),
    }
}

impl Config {
    /// Reads the keys; the first fault is the error.
    pub(super) fn parse(flavour: Flavour, props: &Props) -> Result<Self> {
        let parsed = definition(flavour).parse(props)?;
        match check(flavour, &parsed, props).into_iter().next() {
            Some(fault) => Err(fault.into()),
            None => Ok(Self::read(flavour, &parsed, props)?),
        }
    }

    fn read(flavour: Flavour, parsed: &ParsedConfig, props: &Props) -> Result<Self, Fault> {
        let config = match flavour {
            Flavour::Confluent => confluent::read(parsed, props)?,
            Flavour::Aiven => aiven::read(parsed, props)?,
        };
        // Found now rather than at the first record.
        super::tls::client(&config, &mut Vec::new())?;
        Ok(config)
    }
}

/// Faults across keys.
fn check(flavour: Flavour, parsed: &ParsedConfig, props: &Props) -> Vec<Fault> {
    let mut faults = unknown(flavour, props);
    faults.append(&mut own::check(parsed));
    match flavour {
        Flavour::Confluent => confluent::check(parsed, &mut faults),
        Flavour::Aiven => aiven::check(parsed, &mut faults),
    }
    faults
}

/// Adds what is wrong across keys to what was found for each.
pub(super) fn validate(
    flavour: Flavour,
    props: &Props,
    findings: &mut Vec<ConfigValue>,
    opens_files: bool,
) {
    let faults = match definition(flavour).parse(props) {
        // What a single key says wrongly stands in the findings; these do not need the others.
        Err(_) => unknown(flavour, props),
        Ok(parsed) => {
            let mut faults = check(flavour, &parsed, props);
            if faults.is_empty()
                && opens_files
                && let Err(fault) = Config::read(flavour, &parsed, props)
            {
                faults.push(fault);
            }
            faults
        }
    };
    super::keys::add_faults(faults, findings);
}

fn unknown(flavour: Flavour, props: &Props) -> Vec<Fault> {
    let mut faults = own::unknown(&definition(flavour), props);
    if flavour == Flavour::Confluent {
        confluent::unsupported(props, &mut faults);
    }
    faults
}
