//! Requests: addresses, retries, limits.

use std::thread;
use std::time::Duration;

use gantry_model::config::ParsedConfig;
use gantry_model::plugin::Props;
use gantry_model::{Error, Result};
use serde::de::DeserializeOwned;
use serde_json::Value as Json;
use ureq::Agent;
use ureq::http::Request;

use super::auth::Authorization;
use super::{Answer, RegistryError, tls};
use crate::keys;

/// How long to wait where nothing but a look depends on it.
const DRY_MAX: Duration = Duration::from_secs(5);
/// A schema is at most so large, with what stands beside it.
const ANSWER_BYTES_MAX: u64 = 64 << 20;

/// The registry's addresses, and how it is spoken with.
pub(super) struct Http {
    agent: Agent,
    /// Of what is sent.
    media_type: &'static str,
    addresses: Vec<Address>,
    /// The one that answered last.
    current: usize,
    headers: Vec<(String, String)>,
    authorization: Authorization,
    retries: Retries,
}

struct Address {
    /// Without a slash at the end.
    url: String,
    /// User and password that stood in the address.
    user: Option<String>,
}

#[derive(Clone, Copy)]
struct Retries {
    count: u32,
    wait: Duration,
    wait_max: Duration,
}

impl Retries {
    /// Doubles from one retry to the next; by chance less, so that many do not come at once.
    fn before(self, attempt: u32) -> Duration {
        let most = self.wait.saturating_mul(1 << attempt.min(16)).min(self.wait_max);
        most.mul_f64(0.5 + fastrand::f64() / 2.0)
    }
}

impl Http {
    /// Sends bodies of that media type.
    pub(super) fn new(
        config: &ParsedConfig,
        props: &Props,
        media_type: &'static str,
        is_dry: bool,
    ) -> Result<Self> {
        let addresses =
            config.list(keys::URL).iter().map(|url| address(url)).collect::<Result<Vec<_>>>()?;
        if addresses.is_empty() {
            return Err(wrong_url("", "name at least one, such as http://127.0.0.1:8081"));
        }
        let ms = |key| {
            let ms = config.long(key).and_then(|ms| u64::try_from(ms).ok()).unwrap_or_default();
            Duration::from_millis(ms)
        };
        let limit = |key| match Some(ms(key)).filter(|limit| !limit.is_zero()) {
            limit if is_dry => Some(limit.unwrap_or(DRY_MAX).min(DRY_MAX)),
            limit => limit,
        };
        let mut agent = Agent::config_builder()
            .http_status_as_error(false)
            // One that leads elsewhere is told: nobody may have meant to trust what is there.
            .max_redirects(0)
            .timeout_connect(limit(keys::CONNECT_TIMEOUT))
            .timeout_recv_response(limit(keys::READ_TIMEOUT))
            .timeout_recv_body(limit(keys::READ_TIMEOUT))
            .proxy(proxy(config)?);
        let issuer = config.string(keys::BEARER_ISSUER).unwrap_or_default();
        let is_tls = |url: &str| url.starts_with("https://");
        if is_tls(issuer) || addresses.iter().any(|address| is_tls(&address.url)) {
            agent = agent.tls_config(tls::config(config)?);
        }
        let count = config.long(keys::MAX_RETRIES).and_then(|count| u32::try_from(count).ok());
        Ok(Self {
            agent: agent.build().into(),
            media_type,
            current: match config.boolean(keys::URL_RANDOMIZE) {
                true => fastrand::usize(..addresses.len()),
                false => 0,
            },
            addresses,
            headers: headers(config, props),
            authorization: Authorization::new(config, props)?,
            retries: Retries {
                count: if is_dry { 0 } else { count.unwrap_or_default() },
                wait: ms(keys::RETRIES_WAIT),
                wait_max: ms(keys::RETRIES_MAX_WAIT),
            },
        })
    }

    /// Asks each address in turn, and all of them again after a wait, until one answers.
    pub(super) fn json<T: DeserializeOwned>(
        &mut self,
        method: &str,
        path: &str,
        body: Option<&Json>,
    ) -> Answer<T> {
        let mut left = self.retries.count;
        loop {
            let mut outcome = self.once(method, path, body);
            for _ in 1..self.addresses.len() {
                if !outcome.as_ref().is_err_and(RegistryError::is_passing) {
                    break;
                }
                self.current = (self.current + 1) % self.addresses.len();
                outcome = self.once(method, path, body);
            }
            match outcome {
                Err(error) if error.is_passing() && left > 0 => {
                    let wait = self.retries.before(self.retries.count - left);
                    left -= 1;
                    tracing::warn!(
                        "the schema registry does not answer as it should: {error}; it is asked \
                         again in {} ms, and {left} times more",
                        wait.as_millis(),
                    );
                    thread::sleep(wait);
                }
                outcome => return outcome,
            }
        }
    }

    fn once<T: DeserializeOwned>(
        &mut self,
        method: &str,
        path: &str,
        body: Option<&Json>,
    ) -> Answer<T> {
        let address = &self.addresses[self.current];
        let lost = |why: String| {
            RegistryError::Lost(format!("no answer from {} to {method} {path}: {why}", address.url))
        };
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", address.url))
            .header("accept", format!("{}, application/json", self.media_type))
            .header("content-type", self.media_type);
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let shown =
            self.authorization.header(&self.agent, address.user.as_deref()).map_err(lost)?;
        if let Some(value) = shown {
            request = request.header("authorization", value);
        }
        let sent = match body {
            Some(body) => request.body(body.to_string()).map(|request| self.agent.run(request)),
            None => request.body(()).map(|request| self.agent.run(request)),
        };
        let answer = sent.map_err(|error| lost(error.to_string()))?.map_err(|error| match error
            .to_string()
        {
            // Time does not mend it.
            why if why.contains("certificate") => {
                RegistryError::Untrusted(format!("{} is not trusted: {why}", address.url))
            }
            why => lost(why),
        })?;
        let status = answer.status().as_u16();
        let text = answer
            .into_body()
            .with_config()
            .limit(ANSWER_BYTES_MAX)
            .read_to_vec()
            .map_err(|error| lost(error.to_string()))?;
        if status != 200 {
            return Err(refusal(status, &text));
        }
        serde_json::from_slice(&text)
            .map_err(|error| lost(format!("what answers there is no schema registry: {error}")))
    }
}

fn headers(config: &ParsedConfig, props: &Props) -> Vec<(String, String)> {
    let given = props.iter().filter_map(|(key, value)| {
        Some((key.strip_prefix(keys::REQUEST_HEADER_PREFIX)?.to_owned(), value.clone()))
    });
    let of_cloud = [
        (keys::BEARER_CLUSTER, "target-sr-cluster"),
        (keys::BEARER_POOL, "Confluent-Identity-Pool-Id"),
    ];
    let of_cloud = of_cloud
        .into_iter()
        .filter_map(|(key, header)| Some((header.to_owned(), config.string(key)?.to_owned())));
    given.chain(of_cloud).collect()
}

fn refusal(status: u16, body: &[u8]) -> RegistryError {
    let json: Json = serde_json::from_slice(body).unwrap_or_default();
    let message = json.get("message").and_then(Json::as_str);
    let message = message.map_or_else(|| format!("HTTP status {status}"), str::to_owned);
    let code = ["error_code", "status"].iter().find_map(|key| json.get(key)?.as_i64());
    RegistryError::Refused { status, code: code.unwrap_or_else(|| i64::from(status)), message }
}

fn wrong_url(url: &str, why: &str) -> Error {
    Error::config(format!("Invalid value {url} for configuration {}: {why}", keys::URL))
}

/// An address, and the user that stands in it.
fn address(text: &str) -> Result<Address> {
    let url = text.trim().trim_end_matches('/');
    let parts = url.split_once("://").filter(|(scheme, _)| ["http", "https"].contains(scheme));
    let (scheme, rest) = parts.ok_or_else(|| {
        wrong_url(&hidden(url), "write it as http://host:port or https://host:port")
    })?;
    // The last one: a password may have one, too.
    Ok(match rest.rsplit_once('@') {
        Some((user, rest)) => {
            Address { url: format!("{scheme}://{rest}"), user: Some(percent_decoded(user)) }
        }
        None => Address { url: url.to_owned(), user: None },
    })
}

/// Without what may be a password.
fn hidden(url: &str) -> String {
    url.rsplit_once('@').map_or_else(|| url.to_owned(), |(_, rest)| format!("***@{rest}"))
}

fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        let digits = tail.first_chunk::<2>().and_then(|pair| std::str::from_utf8(pair).ok());
        match digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(code) if byte == b'%' => {
                bytes.push(code);
                rest = &tail[2..];
            }
            _ => {
                bytes.push(byte);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn proxy(config: &ParsedConfig) -> Result<Option<ureq::Proxy>> {
    let host = config.string(keys::PROXY_HOST).filter(|host| !host.is_empty());
    let port = config.long(keys::PROXY_PORT).filter(|port| *port > 0);
    let (Some(host), Some(port)) = (host, port) else { return Ok(None) };
    ureq::Proxy::new(&format!("http://{host}:{port}")).map(Some).map_err(|error| {
        let key = keys::PROXY_HOST;
        Error::config(format!("Invalid value {host} for configuration {key}: {error}"))
    })
}

/// A name as part of a path.
pub(super) fn segment(name: &str) -> String {
    let mut encoded = String::with_capacity(name.len());
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_may_name_a_user() {
        let with = address("http://me:p%40ss@host:8081/").unwrap();
        assert_eq!(
            (with.url.as_str(), with.user.as_deref()),
            ("http://host:8081", Some("me:p@ss"))
        );
        let without = address(" https://host/path ").unwrap();
        assert_eq!((without.url.as_str(), without.user), ("https://host/path", None));
        let Err(error) = address("me:secret@host:8081") else { panic!("taken") };
        assert!(error.message().contains("schema.registry.url"), "{error}");
        assert!(!error.message().contains("secret"), "{error}");
    }

    #[test]
    fn waits_grow_and_have_an_end() {
        let wait = Duration::from_secs(1);
        let retries = Retries { count: 3, wait, wait_max: wait * 5 };
        for (attempt, most) in [(0, 1), (1, 2), (2, 4), (3, 5), (60, 5)] {
            let waits = retries.before(attempt);
            assert!(waits <= wait * most && waits >= wait * most / 2);
        }
    }
}
