//! A worker, over HTTP.

use std::io::Read;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value as Json;
use ureq::http::{Request, Response};
use ureq::{Agent, AsSendBody, Body, SendBody};

use super::args::WorkerUrl;
use super::client_tls;
use crate::files::read_text_bounded;
use crate::rest::encode_segment;

/// A worker that does not take a connection in this time is not there.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const UNAUTHORIZED: u16 = 401;
/// Answers that are read as a whole, in bytes.
const ANSWER_BYTES_MAX: u64 = 256 << 20;

/// The user's file is small.
const USER_BYTES_MAX: u64 = 64 << 10;

/// A running worker.
pub(super) struct Client {
    agent: Agent,
    base: String,
    /// The value of the header Authorization.
    authorization: Option<String>,
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

/// Where a worker without a worker file listens.
const DEFAULT_URL: &str = "http://127.0.0.1:8083";

impl Client {
    /// The worker that the command line names.
    pub(super) fn new(worker: &WorkerUrl) -> Result<Self, String> {
        let url = worker.url.as_deref().unwrap_or(DEFAULT_URL);
        let is_https = url.starts_with("https://");
        if !is_https && !url.starts_with("http://") {
            return Err(format!(
                "--url is {url}; write the worker's address as http://host:port or \
                 https://host:port"
            ));
        }
        let mut config = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_connect(Some(CONNECT_TIMEOUT));
        if is_https {
            config = config.tls_config(client_tls::config(worker)?);
        }
        let authorization = user(worker)?.map(|user| format!("Basic {}", STANDARD.encode(user)));
        let base = url.trim_end_matches('/').to_owned();
        Ok(Self { agent: config.build().into(), base, authorization })
    }

    /// Sends a request; gives the answer's body if the status is a success.
    pub(super) fn send(
        &self,
        method: &str,
        path: &str,
        body: impl AsSendBody,
    ) -> Result<Body, Failure> {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.base))
            .header("content-type", "application/json");
        if let Some(authorization) = &self.authorization {
            request = request.header("authorization", authorization);
        }
        let request = request
            .body(body)
            .map_err(|error| Failure::Lost(format!("--url {}: {error}", self.base)))?;
        let answer: Response<Body> = self.agent.run(request).map_err(|error| {
            let remedy = client_tls::remedy(&error)
                .unwrap_or("Start one with `gantry standalone`, or name another with --url");
            Failure::Lost(format!("no worker answers at {}: {error}. {remedy}", self.base))
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
            .unwrap_or_else(|| match status.as_u16() {
                UNAUTHORIZED => format!(
                    "the worker at {} asks for a user and password that it knows: --user-file, \
                     --user or GANTRY_USER",
                    self.base
                ),
                _ => format!("the worker answers {status} to {method} {path}"),
            });
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

/// `name:password` of the file, the option or the environment.
fn user(worker: &WorkerUrl) -> Result<Option<String>, String> {
    let user = match &worker.user_file {
        Some(file) => {
            let text = read_text_bounded(file, USER_BYTES_MAX)
                .map_err(|why| format!("--user-file {}: {why}", file.display()))?;
            Some(text.lines().next().unwrap_or_default().to_owned())
        }
        None => worker.user.clone().filter(|user| !user.is_empty()),
    };
    match user {
        // The text may be a password: it is not shown.
        Some(user) if !user.contains(':') => Err("the user has no password: write \
            NAME:PASSWORD into the file of --user-file, or after --user"
            .to_owned()),
        user => Ok(user),
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
