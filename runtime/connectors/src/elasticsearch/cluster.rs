//! The servers of a cluster: which one is asked, with what, and how often.

use std::fmt;
use std::io::Write;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use gantry_api::{CancellationToken, Error, Result};
use hyper::body::Bytes;
use hyper::header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderValue};
use hyper::{HeaderMap, Method};
use tokio::time::Instant;

use super::config::{Connection, Retry};
use crate::web::client::{Answer, Client, Keep};
use crate::web::connect::Opener;
use crate::web::keys::mask_url;
use crate::web::target::Target;

/// An answer is not longer: those to bulk requests name each document that failed.
const ANSWER_MAX: usize = 64 << 20;
/// What is sent in a second at least: so much longer than the time-out a request may take.
const BYTES_PER_SECOND: u64 = 256 * 1024;
/// How long a server that did not answer is passed over the first time; each time twice as long.
const DEAD_MIN: Duration = Duration::from_secs(1);
const DEAD_MAX: Duration = Duration::from_secs(60);
/// `Retry-After` is not waited for longer.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(60);
/// So much of an answer that is no JSON stands in a message.
const SHOWN_BYTES: usize = 300;

/// Why something was not done.
#[derive(Debug)]
pub(super) enum Halt {
    /// The task was stopped while it waited.
    Stopped,
    /// It failed for good.
    Failed(Error),
}

impl From<Error> for Halt {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

/// What a request carries.
#[derive(Clone, Debug)]
pub(super) enum Body {
    None,
    Json(Bytes),
    /// Lines of JSON.
    Lines(Bytes),
}

struct Node {
    url: String,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    failures: u32,
    dead_until: Option<Instant>,
}

impl Node {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
    fn is_fine(&self) {
        *self.lock() = State::default();
    }
    fn has_failed(&self) {
        let mut state = self.lock();
        let wait = DEAD_MIN.saturating_mul(1 << state.failures.min(10)).min(DEAD_MAX);
        state.failures += 1;
        state.dead_until = Some(Instant::now() + wait);
    }
}

/// A cluster, shared by all that a task asks it.
pub(super) struct Cluster {
    client: Client,
    nodes: Vec<Node>,
    next: AtomicUsize,
    authorization: Option<HeaderValue>,
    compresses: bool,
    timeout: Duration,
    pub(super) retry: Retry,
    pub(super) cancel: CancellationToken,
    pub(super) connector: String,
}

impl fmt::Debug for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Cluster")
    }
}

impl Cluster {
    /// `in_flight` requests are under way at once at most.
    pub(super) fn new(
        connection: &Connection,
        retry: Retry,
        in_flight: usize,
        cancel: CancellationToken,
        connector: &str,
    ) -> Result<Self> {
        let mut warnings = Vec::new();
        let tls = connection.client_tls(&mut warnings)?;
        for warning in warnings {
            tracing::warn!(connector, "{warning}");
        }
        let (timeout, proxy) = (connection.connect_timeout, connection.proxy.clone());
        let opener = Opener { tls, proxy, timeout };
        let timeout = connection.read_timeout + connection.connect_timeout;
        // One more for what is asked besides.
        let kept = in_flight.saturating_add(1).saturating_mul(connection.urls.len());
        let nodes = connection
            .urls
            .iter()
            .map(|url| Node { url: url.clone(), state: Mutex::default() })
            .collect();
        Ok(Self {
            client: Client::new(opener, timeout, kept, connection.idle),
            nodes,
            // Tasks begin with different servers.
            next: AtomicUsize::new(fastrand::usize(..1024)),
            authorization: connection.authorization.clone(),
            compresses: connection.compresses,
            timeout,
            retry,
            cancel,
            connector: connector.to_owned(),
        })
    }

    /// The servers in the order in which they are asked: those that answered last time in turn, then the
    /// others.
    fn order(&self) -> Vec<&Node> {
        let begin = self.next.fetch_add(1, Ordering::Relaxed) % self.nodes.len().max(1);
        let now = Instant::now();
        let turned = self.nodes.iter().skip(begin).chain(self.nodes.iter().take(begin));
        let mut nodes: Vec<(Option<Instant>, &Node)> = turned
            .map(|node| (node.lock().dead_until.filter(|until| *until > now), node))
            .collect();
        nodes.sort_by_key(|(dead_until, _)| *dead_until);
        nodes.into_iter().map(|(_, node)| node).collect()
    }

    /// Asks one server after the other until one answers. The error says why none did.
    pub(super) async fn ask(
        &self,
        method: &Method,
        path: &str,
        body: &Body,
    ) -> Result<Answer, String> {
        let (headers, bytes) = self.message(body).await?;
        let size = match body {
            Body::None => 0,
            Body::Json(bytes) | Body::Lines(bytes) => bytes.len() as u64,
        };
        let timeout = self.timeout + Duration::from_secs(size / BYTES_PER_SECOND);
        let mut last = Err("no server is configured".to_owned());
        for node in self.order() {
            last =
                self.ask_one(node, method, path, (headers.clone(), bytes.clone()), timeout).await;
            match &last {
                // What stands in front of a server answers for it.
                Ok(answer) if ![502, 503, 504].contains(&answer.status.as_u16()) => {
                    node.is_fine();
                    return last;
                }
                Ok(answer) => {
                    tracing::debug!(url = mask_url(&node.url), status = %answer.status, "a server is not there");
                }
                Err(why) => tracing::debug!("{why}"),
            }
            node.has_failed();
        }
        last
    }

    async fn ask_one(
        &self,
        node: &Node,
        method: &Method,
        path: &str,
        (headers, body): (HeaderMap, Bytes),
        timeout: Duration,
    ) -> Result<Answer, String> {
        let proxy = self.client.proxy();
        let target = Target::new(&format!("{}{path}", node.url), None, proxy)
            .map_err(|error| error.message().to_owned())?;
        let request = target.request(method.clone(), headers, body, proxy);
        let keep = Keep::Whole(ANSWER_MAX);
        let sent = self.client.send_within(timeout, &target.origin, request, keep).await;
        sent.map_err(|why| format!("{}: {why}", mask_url(&node.url)))
    }

    async fn message(&self, body: &Body) -> Result<(HeaderMap, Bytes), String> {
        let mut headers = HeaderMap::new();
        if let Some(value) = &self.authorization {
            headers.insert(AUTHORIZATION, value.clone());
        }
        let (kind, bytes) = match body {
            Body::None => {
                headers.insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
                return Ok((headers, Bytes::new()));
            }
            Body::Json(bytes) => ("application/json", bytes),
            Body::Lines(bytes) => ("application/x-ndjson", bytes),
        };
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        if !self.compresses {
            return Ok((headers, bytes.clone()));
        }
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        let plain = bytes.clone();
        // Some milliseconds for each MiB.
        let zipped = tokio::task::spawn_blocking(move || gzip(&plain)).await;
        let zipped = zipped.map_err(|error| format!("compression failed: {error}"))?;
        Ok((headers, zipped.map_err(|error| format!("compression failed: {error}"))?))
    }

    /// Asks until the answer is one that `fits`, as often as the keys say. What can never succeed is asked
    /// once.
    pub(super) async fn call(
        &self,
        what: &str,
        (method, path, body): (Method, &str, Body),
        fits: impl Fn(&Answer) -> bool,
    ) -> Result<Answer, Halt> {
        let mut attempts = 0;
        loop {
            let asked = tokio::select! {
                biased;
                () = self.cancel.cancelled() => return Err(Halt::Stopped),
                asked = self.ask(&method, path, &body) => asked,
            };
            let (why, retry_after) = match asked {
                Ok(answer) if fits(&answer) => return Ok(answer),
                Ok(answer) => {
                    let why = describe(&answer);
                    let status = answer.status.as_u16();
                    if (400..500).contains(&status) && status != 408 && status != 429 {
                        return Err(failed(what, &why, attempts).into());
                    }
                    (why, answer.retry_after)
                }
                Err(why) => (why, None),
            };
            if attempts >= self.retry.max {
                return Err(failed(what, &why, attempts).into());
            }
            self.back_off(what, &why, attempts, retry_after).await?;
            attempts += 1;
        }
    }

    /// Waits before the next attempt.
    pub(super) async fn back_off(
        &self,
        what: &str,
        why: &str,
        attempts: u32,
        retry_after: Option<Duration>,
    ) -> Result<(), Halt> {
        let wait = self.retry.wait(attempts);
        let wait = wait.max(retry_after.unwrap_or_default().min(RETRY_AFTER_MAX));
        tracing::warn!(
            connector = self.connector,
            wait_ms = wait.as_millis(),
            left = self.retry.max - attempts,
            "could not {what}, trying again: {why}"
        );
        tokio::select! {
            () = self.cancel.cancelled() => Err(Halt::Stopped),
            () = tokio::time::sleep(wait) => Ok(()),
        }
    }
}

/// The error of what has failed for good.
pub(super) fn failed(what: &str, why: &str, attempts: u32) -> Error {
    let count = attempts + 1;
    Error::connect(format!("Failed to {what} due to '{why}' after {count} attempt(s)"))
}

fn gzip(plain: &[u8]) -> std::io::Result<Bytes> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(plain.len() / 4), Compression::fast());
    encoder.write_all(plain)?;
    Ok(encoder.finish()?.into())
}

/// What an answer that is no success says.
pub(super) fn describe(answer: &Answer) -> String {
    let status = answer.status;
    let found = serde_json::from_slice::<serde_json::Value>(&answer.body).ok();
    if let Some(error) = found.as_ref().and_then(|json| json.get("error")) {
        return format!("{status}: {}", super::answer::reason(error));
    }
    let shown = answer.body.get(..SHOWN_BYTES.min(answer.body.len())).unwrap_or_default();
    format!("{status} {}", String::from_utf8_lossy(shown)).trim_end().to_owned()
}

impl Retry {
    /// The wait behind so many attempts besides the first: as long as chance says, below a limit that
    /// doubles.
    fn wait(&self, attempts: u32) -> Duration {
        let doublings = attempts.saturating_add(self.first_doubling);
        let limit = match doublings {
            0..=31 => self.backoff.saturating_mul(1 << doublings).min(self.backoff_max),
            _ => self.backoff_max,
        };
        if self.backoff.is_zero() { Duration::ZERO } else { limit.mul_f64(fastrand::f64()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_are_chosen_below_a_limit_that_doubles() {
        let retry = Retry {
            max: 5,
            backoff: Duration::from_millis(100),
            backoff_max: Duration::from_secs(86_400),
            first_doubling: 1,
        };
        for (attempts, limit_ms) in [(0, 200), (1, 400), (3, 1600), (40, 86_400_000)] {
            let longest = (0..200).map(|_| retry.wait(attempts)).max().unwrap_or_default();
            let limit = Duration::from_millis(limit_ms);
            assert!(longest <= limit && longest > limit / 2, "{attempts}: {longest:?}");
        }
        let none = Retry { backoff: Duration::ZERO, ..retry };
        assert_eq!(none.wait(40), Duration::ZERO);
    }
}
