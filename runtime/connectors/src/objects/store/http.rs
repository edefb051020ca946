//! The HTTP client below the S3 client: connections of the HTTP sink, kept and given to one request at a time.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use gantry_api::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::header::{HOST, HeaderValue, PROXY_AUTHORIZATION};
use hyper::{Request, Response, Uri};
use object_store::ClientOptions;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpService,
};

use crate::web::connect::{Opener, Origin, Sender};

/// A request may take so long, and longer where it has a body, at no less than so many bytes a second.
const REQUEST_TIME: Duration = Duration::from_secs(30);
const BYTES_PER_SECOND_MIN: u64 = 128 * 1024;
/// Answers are short: errors, and lists of one page.
const ANSWER_BYTES_MAX: usize = 4 << 20;
const IDLE_MAX: usize = 64;
const IDLE_TIME: Duration = Duration::from_secs(20);

/// Opens connections, and keeps those that are not used.
#[derive(Clone)]
pub(super) struct Connections(Arc<Shared>);

struct Shared {
    opener: Opener,
    idle: Mutex<Vec<(Arc<Origin>, Instant, Sender)>>,
}

impl std::fmt::Debug for Connections {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Connections")
    }
}

/// A failure in words.
#[derive(Debug)]
struct Failure(String);

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Failure {}

fn failure(kind: HttpErrorKind, what: impl std::fmt::Display) -> HttpError {
    HttpError::new(kind, Failure(what.to_string()))
}

impl Connections {
    pub(super) fn new(opener: Opener) -> Self {
        Self(Arc::new(Shared { opener, idle: Mutex::default() }))
    }

    fn idle(&self) -> MutexGuard<'_, Vec<(Arc<Origin>, Instant, Sender)>> {
        self.0.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, origin: &Origin) -> Option<Sender> {
        let mut idle = self.idle();
        let now = Instant::now();
        idle.retain(|(_, since, sender)| !sender.is_closed() && now - *since < IDLE_TIME);
        let at = idle.iter().rposition(|(of, ..)| **of == *origin)?;
        Some(idle.remove(at).2)
    }

    fn keep(&self, origin: Arc<Origin>, sender: Sender) {
        let mut idle = self.idle();
        if idle.len() >= IDLE_MAX {
            idle.remove(0);
        }
        idle.push((origin, Instant::now(), sender));
    }

    /// Credentials of the machine come from itself, whatever proxy there is.
    fn opener(&self, origin: &Origin) -> Opener {
        let opener = self.0.opener.clone();
        match origin.host.starts_with("169.254.") {
            true => Opener { proxy: None, ..opener },
            false => opener,
        }
    }

    async fn request(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let (mut head, body) = request.into_parts();
        let body = body.collect().await?.to_bytes();
        let Some(origin) = Origin::of(&head.uri) else {
            return Err(failure(HttpErrorKind::Unknown, "the URL names no host"));
        };
        let origin = Arc::new(origin);
        let host = HeaderValue::from_str(head.uri.authority().map_or("", |part| part.as_str()));
        head.headers.insert(HOST, host.map_err(|error| failure(HttpErrorKind::Unknown, error))?);
        let opener = self.opener(&origin);
        if let (Some(proxy), false) = (&opener.proxy, origin.https)
            && let Some(authorization) = &proxy.authorization
        {
            head.headers.insert(PROXY_AUTHORIZATION, authorization.clone());
        }
        // A proxy for plain HTTP needs all of the URL, anyone else only the path.
        if opener.proxy.is_none() || origin.https {
            let path = head.uri.path_and_query().map_or("/", |part| part.as_str());
            head.uri =
                path.parse::<Uri>().map_err(|error| failure(HttpErrorKind::Unknown, error))?;
        }
        let mut request = Request::from_parts(head, Full::new(body));
        loop {
            let kept = self.take(&origin);
            let is_kept = kept.is_some();
            let mut sender = match kept {
                Some(sender) => sender,
                None => {
                    let opened = opener.open(&origin).await;
                    opened.map_err(|error| failure(HttpErrorKind::Connect, error))?
                }
            };
            if let Err(error) = sender.ready().await {
                if is_kept {
                    continue;
                }
                return Err(failure(HttpErrorKind::Connect, error));
            }
            match sender.try_send_request(request).await {
                Ok(response) => return self.read(response, origin, sender).await,
                Err(mut error) => match error.take_message() {
                    // The server had closed it before the request was on its way.
                    Some(unsent) if is_kept => request = unsent,
                    _ => return Err(failure(HttpErrorKind::Request, error.error())),
                },
            }
        }
    }

    async fn read(
        &self,
        response: Response<hyper::body::Incoming>,
        origin: Arc<Origin>,
        sender: Sender,
    ) -> Result<HttpResponse, HttpError> {
        let (head, body) = response.into_parts();
        let read = Limited::new(body, ANSWER_BYTES_MAX).collect().await;
        let bytes: Bytes = match read {
            Ok(body) => body.to_bytes(),
            Err(error) => return Err(failure(HttpErrorKind::Request, error)),
        };
        if !sender.is_closed() {
            self.keep(origin, sender);
        }
        Ok(Response::from_parts(head, bytes.into()))
    }
}

#[gantry_api::async_trait]
impl HttpService for Connections {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let length = request.body().content_length() as u64;
        let time = REQUEST_TIME + Duration::from_secs(length / BYTES_PER_SECOND_MIN);
        match tokio::time::timeout(time, self.request(request)).await {
            Ok(answered) => answered,
            Err(_) => {
                let what = format!("no answer within {} s", time.as_secs());
                Err(failure(HttpErrorKind::Timeout, what))
            }
        }
    }
}

impl HttpConnector for Connections {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(self.clone()))
    }
}
