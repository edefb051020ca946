//! Who asks: the header Authorization.

use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use gantry_model::config::ParsedConfig;
use gantry_model::plugin::Props;
use gantry_model::{Error, Result};
use serde_json::Value as Json;
use ureq::Agent;

use crate::keys;

/// No token is kept for longer.
const TOKEN_MAX: Duration = Duration::from_secs(7 * 24 * 3600);
/// A token is small.
const TOKEN_BYTES_MAX: u64 = 1 << 20;

/// How requests say who asks.
pub(super) enum Authorization {
    /// By what stands in the address.
    Address,
    /// Always the same.
    Fixed(String),
    /// A token that is asked for, and asked for again before its end.
    OAuth(Box<OAuth>),
}

/// Where tokens come from.
pub(super) struct OAuth {
    issuer: String,
    client: String,
    scope: Option<String>,
    buffer: Duration,
    token: Option<(String, Instant)>,
}

fn basic(user: &str) -> String {
    format!("Basic {}", STANDARD.encode(user))
}

impl Authorization {
    pub(super) fn new(config: &ParsedConfig, props: &Props) -> Result<Self> {
        let set = |key: &str| config.string(key).filter(|text| !text.is_empty());
        let needed = |key: &str, by: &str| {
            set(key).ok_or_else(|| {
                let source = set(by).unwrap_or_default();
                Error::config(format!("{by} is {source}, which needs {key}, and that is not set"))
            })
        };
        let is_bearer =
            props.contains_key(keys::BEARER_SOURCE) || set(keys::BEARER_TOKEN).is_some();
        match set(keys::BEARER_SOURCE).filter(|_| is_bearer) {
            Some("STATIC_TOKEN") => {
                let token = needed(keys::BEARER_TOKEN, keys::BEARER_SOURCE)?;
                Ok(Self::Fixed(format!("Bearer {token}")))
            }
            Some(_) => {
                let id = needed(keys::BEARER_CLIENT_ID, keys::BEARER_SOURCE)?;
                let secret = needed(keys::BEARER_CLIENT_SECRET, keys::BEARER_SOURCE)?;
                let buffer = config.long(keys::BEARER_EXPIRY_BUFFER).unwrap_or_default();
                Ok(Self::OAuth(Box::new(OAuth {
                    issuer: needed(keys::BEARER_ISSUER, keys::BEARER_SOURCE)?.to_owned(),
                    client: basic(&format!("{id}:{secret}")),
                    scope: set(keys::BEARER_SCOPE).map(str::to_owned),
                    buffer: Duration::from_secs(buffer.unsigned_abs()),
                    token: None,
                })))
            }
            None if config.string(keys::BASIC_SOURCE) == Some("USER_INFO") => {
                let old = set(keys::OLD_USER_INFO).map(Ok);
                let user = old.unwrap_or_else(|| needed(keys::USER_INFO, keys::BASIC_SOURCE))?;
                Ok(Self::Fixed(basic(user)))
            }
            None => Ok(Self::Address),
        }
    }

    /// The header's value. The error says why there is no token.
    pub(super) fn header(
        &mut self,
        agent: &Agent,
        user: Option<&str>,
    ) -> Result<Option<String>, String> {
        match self {
            Self::Address => Ok(user.map(basic)),
            Self::Fixed(value) => Ok(Some(value.clone())),
            Self::OAuth(oauth) => oauth.token(agent).map(|token| Some(format!("Bearer {token}"))),
        }
    }
}

impl OAuth {
    fn token(&mut self, agent: &Agent) -> Result<String, String> {
        if let Some((token, until)) = &self.token
            && Instant::now() < *until
        {
            return Ok(token.clone());
        }
        let json = self.ask(agent).map_err(|why| {
            format!("{} ({}) gives no token: {why}", self.issuer, keys::BEARER_ISSUER)
        })?;
        let token = json.get("access_token").and_then(Json::as_str).unwrap_or_default().to_owned();
        let lasts = json.get("expires_in").and_then(Json::as_u64).unwrap_or_default();
        let lasts = Duration::from_secs(lasts).min(TOKEN_MAX);
        // Of a token that lasts no longer than the buffer nothing is taken off.
        let used = lasts.checked_sub(self.buffer).filter(|used| !used.is_zero()).unwrap_or(lasts);
        self.token = Some((token.clone(), Instant::now() + used));
        Ok(token)
    }

    fn ask(&self, agent: &Agent) -> Result<Json, String> {
        let mut form = vec![("grant_type", "client_credentials")];
        form.extend(self.scope.as_deref().map(|scope| ("scope", scope)));
        let mut answer = agent
            .post(&self.issuer)
            .header("authorization", &self.client)
            .send_form(form)
            .map_err(|error| error.to_string())?;
        if !answer.status().is_success() {
            return Err(format!("it answers {}", answer.status()));
        }
        let body = answer
            .body_mut()
            .with_config()
            .limit(TOKEN_BYTES_MAX)
            .read_to_vec()
            .map_err(|error| error.to_string())?;
        let json: Json = serde_json::from_slice(&body).map_err(|error| error.to_string())?;
        match json.get("access_token") {
            Some(Json::String(_)) => Ok(json),
            _ => Err("its answer has no access_token".to_owned()),
        }
    }
}
