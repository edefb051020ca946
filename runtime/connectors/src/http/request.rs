//! Requests: where to, and with which headers.

use gantry_api::model::text::java_string;
use gantry_api::{Error, Result, SinkRecord, Value};
use gantry_tls::Secret;
use hyper::HeaderMap;
use hyper::header::{
    AUTHORIZATION, CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, HOST, HeaderName, HeaderValue,
    PROXY_AUTHORIZATION, TE, TRAILER, TRANSFER_ENCODING, UPGRADE,
};

use super::config::Config;
use super::template::{Form, Template};
use crate::web::connect::Proxy;
use crate::web::target::Target;

/// Most headers of a request: more no server takes.
const HEADERS_MAX: usize = 1000;

/// FNV-1a over the places of all records.
fn digest(records: &[&SinkRecord]) -> u64 {
    let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    records.iter().fold(0xcbf2_9ce4_8422_2325, |hash, record| {
        let hash = record.origin.topic.as_bytes().iter().fold(hash, step);
        let hash = record.origin.partition.to_le_bytes().iter().fold(hash, step);
        record.offset.to_le_bytes().iter().fold(hash, step)
    })
}

/// Headers that say how a message is sent, which is not for users to say.
pub(super) fn is_framing(name: &HeaderName) -> bool {
    [HOST, CONNECTION, CONTENT_LENGTH, TE, TRAILER, TRANSFER_ENCODING, UPGRADE].contains(name)
        || matches!(name.as_str(), "expect" | "keep-alive" | "proxy-connection")
}

/// Makes what stands in front of bodies.
#[derive(Debug)]
pub(super) struct Heads {
    url: Template,
    query: Option<Secret>,
    /// Where all requests go to, if it is the same for all.
    fixed: Option<Target>,
    headers: HeaderMap,
    templates: Vec<(HeaderName, Template)>,
    forwards: bool,
    idempotency: Option<HeaderName>,
    proxy: Option<Proxy>,
}

impl Heads {
    pub(super) fn new(config: &Config) -> Result<Self> {
        let (query, proxy) = (config.own.query.clone(), config.proxy.clone());
        let fixed = match config.url.fixed() {
            Some(url) => Some(Target::new(url, query.as_ref(), proxy.as_ref())?),
            None => None,
        };
        Ok(Self {
            url: config.url.clone(),
            query,
            fixed,
            headers: config.headers.clone(),
            templates: config.templates.clone(),
            forwards: config.forwards,
            idempotency: config.own.idempotency.clone(),
            proxy,
        })
    }

    /// Where a record goes to.
    pub(super) fn target(&self, record: &SinkRecord) -> Result<Target> {
        if let Some(target) = &self.fixed {
            return Ok(target.clone());
        }
        let mut url = String::new();
        self.url.render(record, Form::Url, &mut url)?;
        Target::new(&url, self.query.as_ref(), self.proxy.as_ref())
    }

    /// What tells the request of a record from those of others; empty if nothing does.
    pub(super) fn tell(&self, record: &SinkRecord, out: &mut String) -> Result<()> {
        if self.fixed.is_none() {
            self.url.render(record, Form::Url, out)?;
        }
        for (_, template) in &self.templates {
            out.push('\n');
            template.render(record, Form::Plain, out)?;
        }
        Ok(())
    }

    /// Whether two records can share a request by what their headers say.
    pub(super) fn same_headers(&self, one: &SinkRecord, other: &SinkRecord) -> bool {
        !self.forwards || one.record.headers == other.record.headers
    }

    /// The headers of a request that carries these records.
    pub(super) fn headers(&self, records: &[&SinkRecord]) -> Result<HeaderMap> {
        let mut headers = self.headers.clone();
        let Some(first) = records.first() else { return Ok(headers) };
        if self.forwards {
            self.forward(first, &mut headers);
        }
        for (name, template) in &self.templates {
            let mut text = String::new();
            template.render(first, Form::Plain, &mut text)?;
            let mut value = HeaderValue::try_from(text).map_err(|_| {
                Error::data(format!(
                    "The value of the header {name} of record {}@{} has characters that no \
                     header can hold",
                    first.origin, first.offset
                ))
            })?;
            value.set_sensitive(*name == AUTHORIZATION);
            headers.insert(name.clone(), value);
        }
        if let Some(name) = &self.idempotency {
            let mut text = format!("{}-{}", first.origin, first.offset);
            if records.len() > 1 {
                // Of all that it carries: the same first and last records may have others between them.
                text = format!("{text}+{}-{:016x}", records.len() - 1, digest(records));
            }
            // A topic's name may have characters that a header cannot hold.
            if let Ok(value) = HeaderValue::try_from(text) {
                headers.insert(name.clone(), value);
            }
        }
        Ok(headers)
    }

    /// The record's headers; those of the configuration stand over them. What HTTP cannot hold is
    /// left out.
    fn forward(&self, record: &SinkRecord, headers: &mut HeaderMap) {
        for header in &record.record.headers {
            let Ok(name) = HeaderName::from_bytes(header.key.as_bytes()) else { continue };
            // Who asks, and what the body is, is not for records to say.
            let is_ours = [AUTHORIZATION, PROXY_AUTHORIZATION, CONTENT_ENCODING].contains(&name);
            if is_ours || is_framing(&name) || self.headers.contains_key(&name) {
                continue;
            }
            let value = match &header.datum.value {
                Value::Null => continue,
                Value::String(text) => HeaderValue::from_bytes(text.as_bytes()),
                Value::Bytes(bytes) => HeaderValue::from_bytes(bytes),
                other => HeaderValue::from_bytes(java_string(other).as_bytes()),
            };
            if let Ok(value) = value
                && headers.len() < HEADERS_MAX
            {
                headers.append(name, value);
            }
        }
    }
}
