//! A worker or a schema registry, over HTTP.

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

/// Who does not take a connection in this time is not there.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// A registry that begins no answer in this time hangs; its own limit for a write is shorter.
const REGISTRY_TIMEOUT: Duration = Duration::from_secs(120);
/// So many connections are kept for further requests.
const CONNECTIONS_KEPT: usize = 16;
const UNAUTHORIZED: u16 = 401;
/// Answers that are read as a whole, in bytes.
const ANSWER_BYTES_MAX: u64 = 256 << 20;

/// The user's file is small.
const USER_BYTES_MAX: u64 = 64 << 10;

/// A running worker or schema registry.
pub(super) struct Client {
    agent: Agent,
    base: String,
    peer: Peer,
    /// The value of the header Authorization.
    authorization: Option<String>,
}

/// An answer that is no success.
#[derive(Debug)]
pub(super) struct Refusal {
    /// The HTTP status.
    pub(super) status: u16,
    /// The error code of the body, if it has one.
    pub(super) code: u64,
    /// What the other side says.
    pub(super) message: String,
}

/// What a request can come to.
#[derive(Debug)]
pub(super) enum Failure {
    /// The other side refuses.
    Refused(Refusal),
    /// There is nobody, or it broke off.
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

/// What the other side is, as messages name it.
#[derive(Clone, Copy, Debug)]
struct Peer {
    name: &'static str,
    /// Where it is if the command line does not say.
    url: &'static str,
    /// The option that names another.
    option: &'static str,
    /// What starts one.
    start: &'static str,
    /// The options that name a user.
    users: &'static str,
    /// How long it may take until it begins an answer.
    timeout: Option<Duration>,
}

const USERS: &str = "--user-file, --user or GANTRY_USER";

const WORKER: Peer = Peer {
    name: "worker",
    url: "http://127.0.0.1:8083",
    option: "--url",
    start: "gantry standalone",
    users: USERS,
    timeout: None,
};

const REGISTRY: Peer = Peer {
    name: "schema registry",
    url: "http://127.0.0.1:8081",
    option: "--url",
    start: "gantry schema-registry",
    users: USERS,
    timeout: Some(REGISTRY_TIMEOUT),
};

/// The registry that schemas are imported from.
const SOURCE: Peer = Peer {
    option: "--from",
    users: "--from-user-file, --from-user or GANTRY_FROM_USER",
    ..REGISTRY
};

impl Client {
    /// The worker that the command line names.
    pub(super) fn new(worker: &WorkerUrl) -> Result<Self, String> {
        Self::of(worker, WORKER)
    }

    /// The schema registry that the command line names.
    pub(super) fn of_registry(registry: &WorkerUrl) -> Result<Self, String> {
        Self::of(registry, REGISTRY)
    }

    /// The schema registry that the command line names as the one to import from.
    pub(super) fn of_source(registry: &WorkerUrl) -> Result<Self, String> {
        Self::of(registry, SOURCE)
    }

    fn of(worker: &WorkerUrl, peer: Peer) -> Result<Self, String> {
        let url = worker.url.as_deref().unwrap_or(peer.url);
        let is_https = url.starts_with("https://");
        if !is_https && !url.starts_with("http://") {
            return Err(format!(
                "{} is {url}; write the {}'s address as http://host:port or https://host:port",
                peer.option, peer.name
            ));
        }
        let mut config = Agent::config_builder()
            .http_status_as_error(false)
            .max_idle_connections(CONNECTIONS_KEPT)
            .max_idle_connections_per_host(CONNECTIONS_KEPT)
            .timeout_connect(Some(CONNECT_TIMEOUT))
            .timeout_recv_response(peer.timeout);
        if is_https {
            config = config.tls_config(client_tls::config(worker)?);
        }
        let authorization = user(worker)?.map(|user| format!("Basic {}", STANDARD.encode(user)));
        let base = url.trim_end_matches('/').to_owned();
        Ok(Self { agent: config.build().into(), base, peer, authorization })
    }

    /// The address without a slash at its end.
    pub(super) fn base(&self) -> &str {
        &self.base
    }

    /// Sends a request; gives the answer's body if the status is a success.
    pub(super) fn send(
        &self,
        method: &str,
        path: &str,
        body: impl AsSendBody,
    ) -> Result<Body, Failure> {
        let Peer { name, start, option, users, .. } = self.peer;
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.base))
            .header("content-type", "application/json");
        if let Some(authorization) = &self.authorization {
            request = request.header("authorization", authorization);
        }
        let request = request
            .body(body)
            .map_err(|error| Failure::Lost(format!("{option} {}: {error}", self.base)))?;
        let answer: Response<Body> = self.agent.run(request).map_err(|error| {
            let remedy = client_tls::remedy(&error).map_or_else(
                || format!("Start one with `{start}`, or name another with {option}"),
                str::to_owned,
            );
            Failure::Lost(format!("no {name} answers at {}: {error}. {remedy}", self.base))
        })?;
        let status = answer.status();
        let mut body = answer.into_body();
        if status.is_success() {
            return Ok(body);
        }
        let text = read_all(&mut body).unwrap_or_default();
        let json = serde_json::from_slice::<Json>(&text).unwrap_or_default();
        let code = json.get("error_code").and_then(Json::as_u64).unwrap_or_default();
        let message = json.get("message").and_then(Json::as_str);
        // That word alone does not say what to do.
        let message = message.filter(|text| !text.is_empty() && !text.ends_with("Unauthorized"));
        let message = message.map(str::to_owned).unwrap_or_else(|| match status.as_u16() {
            UNAUTHORIZED => format!(
                "the {name} at {} asks for a user and password that it knows: {users}",
                self.base
            ),
            _ => format!("the {name} answers {status} to {method} {path}"),
        });
        Err(Failure::Refused(Refusal { status: status.as_u16(), code, message }))
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
            .map_err(|error| Failure::Lost(format!("the {} broke off: {error}", self.peer.name)))
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
