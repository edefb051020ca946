//! Tokens of OAuth2: asked for once, kept until shortly before they end or are refused.

use std::fmt;
use std::time::Duration;

use gantry_api::{Error, Result};
use gantry_tls::Secret;
use hyper::body::Bytes;
use hyper::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use hyper::{HeaderMap, Method};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value as Json;
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::keys::{basic, mask_url, secret_value};
use super::status::Statuses;
use crate::web::client::{Client, Keep};
use crate::web::connect::Proxy;
use crate::web::target::Target;

/// A form's fields hold all but these as they are.
const FORM: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'*');
/// So long before its end a token is renewed, but not earlier than after half of its time.
const EARLY: Duration = Duration::from_secs(30);

/// How a token is asked for.
#[derive(Clone)]
pub(super) struct OAuth2Config {
    pub(super) url: String,
    pub(super) grant_property: String,
    pub(super) grant: String,
    pub(super) id_property: String,
    pub(super) id: String,
    pub(super) secret_property: String,
    pub(super) secret: Secret,
    /// Whether id and secret stand in a header, not in the form.
    pub(super) in_header: bool,
    pub(super) scope: Option<String>,
    pub(super) token_property: String,
    pub(super) headers: HeaderMap,
    /// Answers that say that a token is of no more use.
    pub(super) renew: Statuses,
}

/// The URL may hold a password.
impl fmt::Debug for OAuth2Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&mask_url(&self.url))
    }
}

#[derive(Clone, Debug)]
struct Token {
    header: HeaderValue,
    renew_at: Option<Instant>,
    number: u64,
}

/// The token of a task.
#[derive(Debug)]
pub(super) struct Tokens {
    config: OAuth2Config,
    target: Target,
    /// Held while a token is asked for, so that it is asked for once.
    held: Mutex<Held>,
}

#[derive(Debug, Default)]
struct Held {
    /// How many tokens were asked for.
    asked: u64,
    token: Option<Token>,
    /// When no token came the last time, and why.
    failed: Option<(Instant, String)>,
}

impl Tokens {
    pub(super) fn new(config: OAuth2Config, proxy: Option<&Proxy>) -> Result<Self> {
        let target = Target::new(&config.url, None, proxy)?;
        Ok(Self { config, target, held: Mutex::default() })
    }

    /// Whether an answer says that the token is of no more use.
    pub(super) fn is_refused(&self, status: u16) -> bool {
        self.config.renew.contains(status)
    }

    /// The header that says who asks, and the number of its token.
    pub(super) async fn header(&self, client: &Client) -> Result<(HeaderValue, u64)> {
        let begun = Instant::now();
        let mut held = self.held.lock().await;
        if let Some(token) = &held.token
            && token.renew_at.is_none_or(|at| Instant::now() < at)
        {
            return Ok((token.header.clone(), token.number));
        }
        // Who waited for one that did not come does not wait for another.
        if let Some((_, why)) = held.failed.as_ref().filter(|(at, _)| *at >= begun) {
            return Err(no_token(why.clone()));
        }
        held.asked += 1;
        match self.ask(client, held.asked).await {
            Ok(fresh) => {
                let found = (fresh.header.clone(), fresh.number);
                held.token = Some(fresh);
                Ok(found)
            }
            Err(why) => {
                held.failed = Some((Instant::now(), why.clone()));
                Err(no_token(why))
            }
        }
    }

    /// Forgets a token that was refused, unless it was already renewed.
    pub(super) async fn refuse(&self, number: u64) {
        let mut held = self.held.lock().await;
        if held.token.as_ref().is_some_and(|token| token.number == number) {
            held.token = None;
        }
    }

    async fn ask(&self, client: &Client, number: u64) -> Result<Token, String> {
        let config = &self.config;
        let mut headers = config.headers.clone();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        let mut form = Form::default();
        form.add(&config.grant_property, &config.grant);
        if let Some(scope) = &config.scope {
            form.add("scope", scope);
        }
        if config.in_header {
            let value = basic(&config.id, config.secret.expose())
                .ok_or_else(|| "the client's id or secret fits into no header".to_owned())?;
            headers.insert(AUTHORIZATION, value);
        } else {
            form.add(&config.id_property, &config.id);
            form.add(&config.secret_property, config.secret.expose());
        }
        let request =
            self.target.request(Method::POST, headers, Bytes::from(form.text), client.proxy());
        let asked_at = Instant::now();
        let answer = client
            .send(&self.target.origin, request, Keep::All)
            .await
            .map_err(|why| format!("{}: {why}", self.target.shown))?;
        if !answer.status.is_success() {
            let body = String::from_utf8_lossy(&answer.body);
            return Err(format!(
                "{} replied with status {}: {body}",
                self.target.shown, answer.status
            ));
        }
        self.read(&answer.body, asked_at, number)
    }

    fn read(&self, body: &[u8], asked_at: Instant, number: u64) -> Result<Token, String> {
        let fields: Json = serde_json::from_slice(body)
            .map_err(|error| format!("the answer of {} is no JSON: {error}", self.target.shown))?;
        let text = |name: &str| fields.get(name).and_then(Json::as_str);
        let name = self.config.token_property.as_str();
        let Some(token) = text(name) else {
            let names: Vec<&str> = fields
                .as_object()
                .map(|all| all.keys().map(String::as_str).collect())
                .unwrap_or_default();
            return Err(format!(
                "Couldn't find access token property {name} in response properties: [{}]",
                names.join(", ")
            ));
        };
        let kind = text("token_type").filter(|kind| !kind.is_empty()).unwrap_or("Bearer");
        let header = secret_value(&format!("{kind} {token}"))
            .ok_or_else(|| "the token has characters that no header can hold".to_owned())?;
        // Some write the number as text.
        let seconds = fields
            .get("expires_in")
            .and_then(|time| time.as_f64().or_else(|| time.as_str()?.parse().ok()));
        let lasts = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        let renew_at = lasts
            .and_then(|lasts| asked_at.checked_add(lasts.saturating_sub(EARLY).max(lasts / 2)));
        Ok(Token { header, renew_at, number })
    }
}

fn no_token(why: String) -> Error {
    Error::connect("Couldn't get OAuth2 access token").caused_by(Error::connect(why))
}

/// The body of a form.
#[derive(Default)]
struct Form {
    text: String,
}

impl Form {
    fn add(&mut self, name: &str, value: &str) {
        if !self.text.is_empty() {
            self.text.push('&');
        }
        self.text.extend(utf8_percent_encode(name, FORM));
        self.text.push('=');
        self.text.extend(utf8_percent_encode(value, FORM));
    }
}
