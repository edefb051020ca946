//! A worker, over HTTP.

use std::io::Read;
use std::time::Duration;

use serde_json::Value as Json;
use ureq::http::{Request, Response};
use ureq::{Agent, AsSendBody, Body, SendBody};

use crate::rest::encode_segment;

/// A worker that does not take a connection in this time is not there.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Answers that are read as a whole, in bytes.
const ANSWER_BYTES_MAX: u64 = 256 << 20;

/// A running worker.
pub(super) struct Client {
    agent: Agent,
    base: String,
}

/// An answer that is no success.
#[derive(Debug)]
pub(super) struct Refusal {
    /// The HTTP status.
    pub(super) status: u16,
    /// What the worker says.
    pub(super) message: String,
}

/// What a request can come to.
#[derive(Debug)]
pub(super) enum Failure {
    /// The worker refuses.
    Refused(Refusal),
    /// There is no worker, or it broke off.
    Lost(String),
}

impl From<Failure> for String {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Refused(refusal) => refusal.message,
            Failure::Lost(why) => why,
        }
    }
}

impl Client {
    /// The worker at `url`, for example `http://127.0.0.1:8083`.
    pub(super) fn new(url: &str) -> Result<Self, String> {
        if !url.starts_with("http://") {
            return Err(format!("--url is {url}; write the worker's address as http://host:port"));
        }
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_connect(Some(CONNECT_TIMEOUT))
            .build();
        Ok(Self { agent: config.into(), base: url.trim_end_matches('/').to_owned() })
    }

    /// Sends a request; gives the answer's body if the status is a success.
    pub(super) fn send(
        &self,
        method: &str,
        path: &str,
        body: impl AsSendBody,
    ) -> Result<Body, Failure> {
        let request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.base))
            .header("content-type", "application/json")
            .body(body)
            .map_err(|error| Failure::Lost(format!("--url {}: {error}", self.base)))?;
        let answer: Response<Body> = self.agent.run(request).map_err(|error| {
            Failure::Lost(format!(
                "no worker answers at {}: {error}. Start one with `gantry standalone`, or name \
                 another with --url",
                self.base
            ))
        })?;
        let status = answer.status();
        let mut body = answer.into_body();
        if status.is_success() {
            return Ok(body);
        }
        let text = read_all(&mut body).unwrap_or_default();
        let message = serde_json::from_slice::<Json>(&text)
            .ok()
            .and_then(|json| json.get("message")?.as_str().map(str::to_owned))
            .unwrap_or_else(|| format!("the worker answers {status} to {method} {path}"));
        Err(Failure::Refused(Refusal { status: status.as_u16(), message }))
    }

    /// Sends a request; gives the whole body of an answer that is a success.
    pub(super) fn bytes(
        &self,
        method: &str,
        path: &str,
        body: impl AsSendBody,
    ) -> Result<Vec<u8>, Failure> {
        let mut answer = self.send(method, path, body)?;
        read_all(&mut answer)
            .map_err(|error| Failure::Lost(format!("the worker broke off: {error}")))
    }

    /// Sends JSON or nothing, gives JSON or null.
    pub(super) fn json(
        &self,
        method: &str,
        path: &str,
        body: Option<&Json>,
    ) -> Result<Json, Failure> {
        let text = match body {
            Some(body) => self.bytes(method, path, body.to_string())?,
            None => self.bytes(method, path, SendBody::none())?,
        };
        if text.is_empty() {
            return Ok(Json::Null);
        }
        serde_json::from_slice(&text)
            .map_err(|error| Failure::Lost(format!("the answer is not JSON: {error}")))
    }
}

fn read_all(body: &mut Body) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    body.as_reader().take(ANSWER_BYTES_MAX).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The path of a topic.
pub(super) fn topic_path(topic: &str) -> String {
    format!("/gantry/topics/{}", encode_segment(topic))
}

/// The path of a connector.
pub(super) fn connector_path(name: &str) -> String {
    format!("/connectors/{}", encode_segment(name))
}
