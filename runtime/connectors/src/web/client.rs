//! Requests over connections that are kept.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::header::RETRY_AFTER;
use hyper::{HeaderMap, Request, Response, StatusCode};
use tokio::time::Instant;

use super::connect::{Opener, Origin, Proxy, Sender};

/// So much of an answer is kept, for messages and tokens.
const KEPT_BYTES: usize = 64 * 1024;
/// An answer that is longer costs more to read than a new connection.
const READ_BYTES_MAX: usize = 1024 * 1024;

/// What a server answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) retry_after: Option<Duration>,
    pub(crate) headers: HeaderMap,
    /// The beginning of the body; nothing if the answer is a success.
    pub(crate) body: Vec<u8>,
}

/// What of an answer's body is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Keep {
    /// The beginning of it.
    All,
    /// The beginning, if it is no success.
    Errors,
    /// All of it, up to so many bytes; a longer one is an error.
    Whole(usize),
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Unanswered {
    /// The answer has more than so many bytes, and would have them again.
    TooLong(usize),
    /// Anything else, which may pass.
    Other(String),
}

impl fmt::Display for Unanswered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong(most) => write!(f, "the answer has more than {most} bytes"),
            Self::Other(why) => f.write_str(why),
        }
    }
}

impl From<String> for Unanswered {
    fn from(why: String) -> Self {
        Self::Other(why)
    }
}

struct Idle {
    origin: Arc<Origin>,
    since: Instant,
    sender: Sender,
}

/// Sends requests; keeps connections.
pub(crate) struct Client {
    opener: Opener,
    /// Of a request from its first byte to the answer's last.
    timeout: Duration,
    idle_max: usize,
    idle_time: Duration,
    idle: Mutex<Vec<Idle>>,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Client")
    }
}

impl Client {
    pub(crate) fn new(
        opener: Opener,
        timeout: Duration,
        idle_max: usize,
        idle_time: Duration,
    ) -> Self {
        Self { opener, timeout, idle_max, idle_time, idle: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Idle>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Through which proxy requests go that are not HTTPS.
    pub(crate) fn proxy(&self) -> Option<&Proxy> {
        self.opener.proxy.as_ref()
    }

    /// Sends a request; the error says why there is no answer.
    pub(crate) async fn send(
        &self,
        origin: &Arc<Origin>,
        request: Request<Full<Bytes>>,
        keep: Keep,
    ) -> Result<Answer, Unanswered> {
        self.send_within(self.timeout, origin, request, keep).await
    }

    /// The same with a time-out of its own.
    pub(crate) async fn send_within(
        &self,
        timeout: Duration,
        origin: &Arc<Origin>,
        request: Request<Full<Bytes>>,
        keep: Keep,
    ) -> Result<Answer, Unanswered> {
        match tokio::time::timeout(timeout, self.send_slowly(origin, request, keep)).await {
            Ok(sent) => sent,
            Err(_) => Err(format!("no answer within {} ms", timeout.as_millis()).into()),
        }
    }

    async fn send_slowly(
        &self,
        origin: &Arc<Origin>,
        mut request: Request<Full<Bytes>>,
        keep: Keep,
    ) -> Result<Answer, Unanswered> {
        loop {
            let kept = self.take(origin);
            let is_kept = kept.is_some();
            let mut sender = match kept {
                Some(sender) => sender,
                None => self.opener.open(origin).await?,
            };
            if let Err(error) = sender.ready().await {
                if is_kept {
                    continue;
                }
                return Err(reason(&error).into());
            }
            let response = match sender.try_send_request(request).await {
                Ok(response) => response,
                Err(mut error) => match error.take_message() {
                    // The server had closed it before the request was on its way.
                    Some(unsent) if is_kept => {
                        request = unsent;
                        continue;
                    }
                    _ => return Err(reason(error.error()).into()),
                },
            };
            let (answer, is_read) = read(response, keep).await?;
            if is_read && !sender.is_closed() {
                self.keep(origin, sender);
            }
            return Ok(answer);
        }
    }

    /// The connection that was used last: those that are not needed grow old.
    fn take(&self, origin: &Origin) -> Option<Sender> {
        let mut idle = self.lock();
        let now = Instant::now();
        idle.retain(|one| !one.sender.is_closed() && now - one.since < self.idle_time);
        let place = idle.iter().rposition(|one| *one.origin == *origin)?;
        Some(idle.remove(place).sender)
    }

    fn keep(&self, origin: &Arc<Origin>, sender: Sender) {
        if self.idle_max == 0 {
            return;
        }
        let mut idle = self.lock();
        if idle.len() >= self.idle_max {
            idle.remove(0);
        }
        idle.push(Idle { origin: Arc::clone(origin), since: Instant::now(), sender });
    }
}

/// Why a request failed, with what is below it.
fn reason(error: &hyper::Error) -> String {
    match std::error::Error::source(error) {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}

/// Reads an answer; whether to its end.
async fn read(response: Response<Incoming>, keep: Keep) -> Result<(Answer, bool), Unanswered> {
    let (head, mut body) = response.into_parts();
    let keeps = keep != Keep::Errors || !head.status.is_success();
    let (kept_max, read_max) = match keep {
        Keep::Whole(most) => (most, most),
        Keep::All | Keep::Errors => (KEPT_BYTES, READ_BYTES_MAX),
    };
    let (mut kept, mut length) = (Vec::new(), 0);
    let mut is_read = true;
    while let Some(frame) = body.frame().await {
        let frame = match frame {
            Ok(frame) => frame,
            // What was asked for is done; only the rest of the answer is not known.
            Err(_) if head.status.is_success() && !matches!(keep, Keep::Whole(_)) => {
                is_read = false;
                break;
            }
            Err(error) => return Err(reason(&error).into()),
        };
        let Some(data) = frame.data_ref() else { continue };
        length += data.len();
        if keeps {
            let room = kept_max.saturating_sub(kept.len());
            kept.extend_from_slice(data.get(..room.min(data.len())).unwrap_or_default());
        }
        if length > read_max {
            if let Keep::Whole(most) = keep {
                return Err(Unanswered::TooLong(most));
            }
            is_read = false;
            break;
        }
    }
    let retry_after = retry_after(&head.headers, SystemTime::now());
    let (status, headers) = (head.status, head.headers);
    Ok((Answer { status, retry_after, headers, body: kept }, is_read))
}

/// How long the server asks to wait: seconds, or until a date.
fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = httpdate::parse_http_date(text).ok()?;
    Some(date.duration_since(now).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_700);
        let of = |text: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, text.parse().unwrap());
            retry_after(&headers, now)
        };
        assert_eq!(of("7"), Some(Duration::from_secs(7)));
        assert_eq!(of("Sun, 06 Nov 1994 08:49:37 GMT"), Some(Duration::from_secs(77)));
        assert_eq!(of("Sun, 06 Nov 1994 08:40:00 GMT"), Some(Duration::ZERO));
        assert_eq!(of("soon"), None);
    }
}
