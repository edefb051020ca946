//! Listening, and one bounded task for each connection.
//!
//! Connections are served on a thread of their own: a request that only looks into memory is
//! answered there, without a hand-over to another thread and however busy the tasks of connectors
//! are. All others are made on the worker's threads, where a plugin may take its time.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::IntoResponse;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{self, Handle};
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::{AbortOnDropHandle, TaskTracker};

use super::error::ApiError;
use crate::worker_config::Listener;

/// Connections at a time of one listener; more wait to be accepted. Each listener has its own, so
/// that the admin endpoints can be reached where the others are crowded.
const CONNECTIONS_MAX: usize = 1_024;
/// A client that takes longer to agree on TLS is cut off.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// A client that takes longer for the head of a request is cut off.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);
/// The largest head of a request, in bytes.
const HEAD_BYTES_MAX: usize = 64 << 10;
/// After a failed accept (too many open files, for one) the next is tried so much later.
const ACCEPT_RETRY: Duration = Duration::from_millis(100);
/// How long open requests may go on once the worker stops.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(5);

/// Where the server listens, and what answers there.
pub(crate) struct Endpoint {
    pub(super) listener: TcpListener,
    /// For https.
    pub(super) tls: Option<TlsAcceptor>,
    pub(super) router: Router,
    pub(super) quick: Quick,
}

/// Whether a request only looks into memory.
pub(crate) type Quick = fn(&Request) -> bool;

/// For endpoints whose requests may all take their time.
pub(crate) fn none_is_quick(_: &Request) -> bool {
    false
}

type Request = hyper::Request<hyper::body::Incoming>;

/// What is made of requests.
#[derive(Clone)]
struct Service {
    router: Router,
    quick: Quick,
    /// The worker's threads.
    worker: Handle,
}

/// Listens where `listener`, of the list `key`, says. The error is a sentence with key and
/// remedy.
pub(super) async fn bind(key: &str, listener: &Listener) -> Result<TcpListener, String> {
    listen(listener).await.map_err(|refused| {
        let next = listener.port.checked_add(1).unwrap_or(8083);
        let other = Listener { port: next, ..listener.clone() };
        format!("{refused}, or set another address, for example {key}={other}")
    })
}

/// Listens where `listener` says. The error is a sentence that the key and the remedy follow.
pub(super) async fn listen(listener: &Listener) -> Result<TcpListener, String> {
    let mut failure = None;
    for host in listener.bind_hosts() {
        match TcpListener::bind((host.as_str(), listener.port)).await {
            Ok(bound) => return Ok(bound),
            // Without IPv6 the next host, which is IPv4, is tried.
            Err(error) => {
                if failure.is_none() || error.kind() == io::ErrorKind::AddrInUse {
                    failure = Some(error);
                }
            }
        }
    }
    let error = failure.map_or_else(|| "no address".to_owned(), |error| error.to_string());
    Err(format!("cannot listen on {listener}: {error}. Stop what listens there"))
}

/// The running REST server.
pub(crate) struct Server {
    stopping: CancellationToken,
    tasks: TaskTracker,
}

impl Server {
    /// Serves on all endpoints until [`Server::stop`]. To be called on the worker's threads.
    pub(crate) fn start(endpoints: Vec<Endpoint>, stopping: CancellationToken) -> io::Result<Self> {
        Self::start_with(endpoints, CONNECTIONS_MAX, stopping)
    }

    /// Serves at most `connections_max` connections of each endpoint at a time.
    pub(super) fn start_with(
        endpoints: Vec<Endpoint>,
        connections_max: usize,
        stopping: CancellationToken,
    ) -> io::Result<Self> {
        let tasks = TaskTracker::new();
        let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
        for endpoint in endpoints {
            let connections = Arc::new(Semaphore::new(connections_max));
            let accepting =
                accept(endpoint, stopping.clone(), connections, tasks.clone(), Handle::current());
            tasks.spawn_on(accepting, runtime.handle());
        }
        let all = tasks.clone();
        let serve = move || runtime.block_on(all.wait());
        std::thread::Builder::new().name("gantry-rest".to_owned()).spawn(serve)?;
        Ok(Self { stopping, tasks })
    }

    /// Takes no more requests and waits a bounded time for those that are open.
    pub(crate) async fn stop(&self) {
        self.stopping.cancel();
        self.tasks.close();
        if tokio::time::timeout(DRAIN_TIMEOUT, self.tasks.wait()).await.is_err() {
            tracing::warn!("requests were still open when the REST server stopped");
        }
    }
}

async fn accept(
    endpoint: Endpoint,
    stopping: CancellationToken,
    connections: Arc<Semaphore>,
    tasks: TaskTracker,
    worker: Handle,
) {
    let Endpoint { listener, tls, router, quick } = endpoint;
    let service = Service { router, quick, worker };
    loop {
        let Ok(permit) = Arc::clone(&connections).acquire_owned().await else { return };
        let accepted = tokio::select! {
            () = stopping.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => {
                let connection =
                    connection(stream, tls.clone(), peer, service.clone(), stopping.clone());
                tasks.spawn(async move {
                    connection.await;
                    drop(permit);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_RETRY).await;
            }
        }
    }
}

async fn connection(
    stream: TcpStream,
    tls: Option<TlsAcceptor>,
    peer: SocketAddr,
    service: Service,
    stopping: CancellationToken,
) {
    let _ = stream.set_nodelay(true);
    let Some(tls) = tls else { return serve(stream, peer, service, stopping).await };
    let handshake = tokio::time::timeout(HANDSHAKE_TIMEOUT, tls.accept(stream));
    let handshake = tokio::select! {
        () = stopping.cancelled() => return,
        handshake = handshake => handshake,
    };
    match handshake {
        Ok(Ok(stream)) => serve(stream, peer, service, stopping).await,
        Ok(Err(error)) => tracing::debug!(%peer, %error, "a client and TLS did not agree"),
        Err(_) => tracing::debug!(%peer, "a client was too slow for TLS"),
    }
}

async fn serve(
    stream: impl AsyncRead + AsyncWrite + Unpin + 'static,
    peer: SocketAddr,
    service: Service,
    stopping: CancellationToken,
) {
    let service = TowerToHyperService::new(tower::service_fn(move |request| {
        let service = service.clone();
        async move { Ok::<_, Infallible>(service.call(request).await) }
    }));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(HEAD_BYTES_MAX)
        .serve_connection(TokioIo::new(stream), service);
    tokio::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stopping.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%peer, %error, "a connection broke off");
    }
}

impl Service {
    async fn call(self, request: Request) -> axum::response::Response {
        if (self.quick)(&request) {
            return call(self.router, request).await;
        }
        // A client that hangs up is served no further.
        let served = AbortOnDropHandle::new(self.worker.spawn(call(self.router, request)));
        served.await.unwrap_or_else(|broken| {
            ApiError::internal(format!("the request broke off: {broken}")).into_response()
        })
    }
}

async fn call(router: Router, request: Request) -> axum::response::Response {
    let request = request.map(axum::body::Body::new);
    let mut response = match tower::ServiceExt::oneshot(router, request).await {
        Ok(response) => response,
        Err(never) => match never {},
    };
    // The rest of a body that is too slow is not waited for.
    if response.status() == StatusCode::REQUEST_TIMEOUT {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}
