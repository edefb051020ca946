//! Sends a request until it succeeds or has failed for good.

use std::sync::Arc;
use std::time::Duration;

use gantry_api::{CancellationToken, Error, Result, SinkRecord, SinkTaskContext};
use hyper::body::Bytes;
use hyper::header::{AUTHORIZATION, HeaderValue};
use hyper::{HeaderMap, Method, StatusCode};

use super::Flavour;
use super::config::{Config, Retry};
use super::limit::Limiter;
use super::oauth2::Tokens;
use super::report::{Reports, Seen};
use super::request::Heads;
use super::sign::Signer;
use crate::web::client::{Answer, Client, Keep};
use crate::web::connect::Opener;
use crate::web::target::Target;

/// A wait that doubles is not longer.
const BACKOFF_MAX: Duration = Duration::from_secs(300);
/// So much of an answer stands in a message.
const SHOWN_BYTES: usize = 2048;

/// Why a request was not delivered.
#[derive(Debug)]
pub(super) enum Undelivered {
    /// The task was stopped while it waited.
    Stopped,
    /// It failed for good.
    Failed(Error),
}

impl From<Error> for Undelivered {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

/// What one attempt came to.
enum Attempt {
    Done,
    /// It may succeed without a wait: its token was no more valid. Else not before this wait.
    Renew(Error, Option<Duration>),
    /// Worth another attempt, not before this wait.
    Again(Error, Option<Duration>),
    Failed(Error),
}

/// All that the requests of a task share.
#[derive(Debug)]
pub(super) struct Courier {
    flavour: Flavour,
    retry: Retry,
    retry_after_max: Duration,
    method: Method,
    pub(super) heads: Heads,
    client: Client,
    tokens: Option<Tokens>,
    limiter: Limiter,
    signer: Option<Signer>,
    cancel: CancellationToken,
    connector: String,
    reports: Option<Reports>,
}

impl Courier {
    pub(super) fn new(config: &Config, context: &SinkTaskContext) -> Result<Self> {
        let connector = &*context.connector;
        let mut warnings = Vec::new();
        let tls = super::tls::client(config, &mut warnings)?;
        for warning in warnings {
            tracing::warn!(connector, "{warning}");
        }
        let proxy = config.proxy.clone();
        let opener = Opener { tls, proxy, timeout: config.connect_timeout };
        let tokens = match &config.oauth2 {
            Some(oauth2) => Some(Tokens::new(oauth2.clone(), config.proxy.as_ref())?),
            None => None,
        };
        let own = &config.own;
        Ok(Self {
            flavour: config.flavour,
            retry: config.retry.clone(),
            retry_after_max: own.retry_after_max,
            method: config.method.clone(),
            heads: Heads::new(config)?,
            // One more for tokens.
            client: Client::new(opener, config.request_timeout, own.in_flight + 1, own.idle),
            tokens,
            limiter: Limiter::new(own.requests_per_second, own.bytes_per_second),
            signer: own.signing.clone().map(Signer::new).transpose()?,
            cancel: context.cancel.clone(),
            connector: connector.to_owned(),
            reports: match (&config.reports, &context.log) {
                (Some(reports), Some(log)) => Some(Reports::new(reports.clone(), Arc::clone(log))),
                _ => None,
            },
        })
    }

    /// Sends a body that carries these records; none deletes.
    pub(super) async fn deliver(
        &self,
        records: &[&SinkRecord],
        body: Option<Bytes>,
    ) -> Result<(), Undelivered> {
        let Some(first) = records.first() else { return Ok(()) };
        let Some(reports) = &self.reports else {
            return self.try_all(records, body, &mut Seen::default()).await;
        };
        let (mut seen, payload) = (Seen::default(), body.clone().unwrap_or_default());
        let done = self.try_all(records, body, &mut seen).await;
        match &done {
            Ok(()) => reports.success(first, &seen),
            Err(Undelivered::Failed(error)) => reports.failure(first, &seen, &payload, error),
            Err(Undelivered::Stopped) => {}
        }
        done
    }

    /// Writes what is to be reported, if it is much or the last of a put.
    pub(super) async fn write_reports(&self, last: bool) -> Result<()> {
        match &self.reports {
            Some(reports) if last || reports.is_full() => reports.write().await,
            _ => Ok(()),
        }
    }

    async fn try_all(
        &self,
        records: &[&SinkRecord],
        body: Option<Bytes>,
        seen: &mut Seen,
    ) -> Result<(), Undelivered> {
        let Some(first) = records.first() else { return Ok(()) };
        let target = self.heads.target(first)?;
        seen.url = Some(Arc::clone(&target.shown));
        let (method, body) = match body {
            Some(body) => (self.method.clone(), body),
            None => (Method::DELETE, Bytes::new()),
        };
        let (mut attempts, mut renewed) = (0, false);
        loop {
            self.limiter.wait(body.len()).await;
            let headers = self.heads.headers(records)?;
            let request = (method.clone(), headers, body.clone());
            let attempt = self.attempt(&target, request, seen).await;
            let (error, wait) = match attempt {
                Attempt::Done => return Ok(()),
                Attempt::Failed(error) => return Err(error.into()),
                // No attempt of its own, or tokens that end would need max.retries.
                Attempt::Renew(..) if !renewed => {
                    renewed = true;
                    continue;
                }
                Attempt::Renew(error, wait) | Attempt::Again(error, wait) => (error, wait),
            };
            if attempts >= self.retry.max {
                return Err(self.given_up(error).into());
            }
            let wait =
                self.retry.wait(attempts).max(wait.unwrap_or_default().min(self.retry_after_max));
            attempts += 1;
            let left = self.retry.max - attempts;
            tracing::warn!(
                connector = self.connector,
                record = %format_args!("{}@{}", first.origin, first.offset),
                wait_ms = wait.as_millis(),
                left,
                "a request failed and is tried again: {}",
                error.message()
            );
            tokio::select! {
                () = self.cancel.cancelled() => return Err(Undelivered::Stopped),
                () = tokio::time::sleep(wait) => {}
            }
        }
    }

    async fn attempt(
        &self,
        target: &Target,
        (method, mut headers, body): (Method, HeaderMap, Bytes),
        seen: &mut Seen,
    ) -> Attempt {
        (seen.status, seen.body) = (None, String::new());
        let mut token = None;
        if let Some(tokens) = &self.tokens {
            match tokens.header(&self.client).await {
                Ok((value, number)) => {
                    headers.insert(AUTHORIZATION, value);
                    token = Some((tokens, number));
                }
                Err(error) => return Attempt::Again(error, None),
            }
        }
        if let Some(signer) = &self.signer {
            signer.sign(&body, &mut headers);
        }
        if body.is_empty() {
            // Some servers wait for a body that is not ruled out.
            headers.insert(hyper::header::CONTENT_LENGTH, HeaderValue::from_static("0"));
        }
        let request = target.request(method, headers, body, self.client.proxy());
        let keep = if self.reports.is_some() { Keep::All } else { Keep::Errors };
        let answer = match self.client.send(&target.origin, request, keep).await {
            Ok(answer) => answer,
            Err(why) => {
                return Attempt::Again(Error::connect(format!("{}: {why}", target.shown)), None);
            }
        };
        if self.reports.is_some() {
            seen.status = Some(answer.status);
            seen.body = String::from_utf8_lossy(&answer.body).into_owned();
        }
        if self.is_success(answer.status) {
            return Attempt::Done;
        }
        let error = self.refused(target, &answer);
        let status = answer.status.as_u16();
        if let Some((tokens, number)) = token
            && tokens.is_refused(status)
        {
            tokens.refuse(number).await;
            return Attempt::Renew(error, answer.retry_after);
        }
        match self.retry.statuses.contains(status) {
            true => Attempt::Again(error, answer.retry_after),
            false => Attempt::Failed(error),
        }
    }

    /// Aiven's takes redirections for successes, too.
    fn is_success(&self, status: StatusCode) -> bool {
        match self.flavour {
            Flavour::Confluent => status.is_success(),
            Flavour::Aiven => status.as_u16() < 400,
        }
    }

    fn refused(&self, target: &Target, answer: &Answer) -> Error {
        let shown = answer.body.get(..SHOWN_BYTES.min(answer.body.len())).unwrap_or_default();
        let body = String::from_utf8_lossy(shown);
        let code = answer.status.as_u16();
        let text = match self.flavour {
            Flavour::Aiven => format!("Server replied with status code {code} and body {body}"),
            Flavour::Confluent => format!(
                "Error while processing HTTP request with Url : {}, Status code : {code}, \
                 Reason Phrase : {}, Response Content : {body}, ",
                target.shown,
                answer.status.canonical_reason().unwrap_or_default()
            ),
        };
        Error::connect(text)
    }

    fn given_up(&self, error: Error) -> Error {
        match self.flavour {
            Flavour::Aiven => {
                Error::connect("Sending failed and no retries remain, stopping").caused_by(error)
            }
            Flavour::Confluent => error,
        }
    }
}

impl Retry {
    /// The wait behind so many attempts besides the first.
    fn wait(&self, attempts: u32) -> Duration {
        if !self.exponential {
            return self.backoff;
        }
        let doubled = self.backoff.saturating_mul(1 << attempts.min(16)).min(BACKOFF_MAX);
        doubled.mul_f64(1.0 - fastrand::f64() / 2.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::status::Statuses;

    #[test]
    fn waits_double_up_to_five_minutes() {
        let backoff = Duration::from_secs(3);
        let retry = Retry { max: 9, backoff, exponential: true, statuses: Statuses::of(500) };
        for (attempts, most) in [(0, 3), (1, 6), (4, 48), (7, 300), (99, 300)] {
            let wait = retry.wait(attempts).as_secs_f64();
            assert!((most as f64 / 2.0..=most as f64).contains(&wait), "{attempts}: {wait}");
        }
        let retry = Retry { exponential: false, ..retry };
        assert_eq!(retry.wait(7), backoff);
    }
}
