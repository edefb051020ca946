//! Connections, of which there are only so many, each for a time.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

/// Connections at a time; more wait to be accepted.
const CONNECTIONS_MAX: usize = 128;
/// A client that takes longer for the head of a request, or asks nothing for so long, is cut off.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);
/// The largest head of a request, in bytes.
const HEAD_BYTES_MAX: usize = 64 << 10;
/// A connection ends after so long, also one whose client does not read: others may wait for it.
const CONNECTION_TIME_MAX: Duration = Duration::from_secs(10 * 60);
/// How long an open request may go on once its connection is to end.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(5);
/// After a failed accept (too many open files, for one) the next is tried so much later.
const ACCEPT_RETRY: Duration = Duration::from_millis(100);

/// Takes connections until the job ends.
pub(super) async fn accept(listener: TcpListener, router: Router, stopping: CancellationToken) {
    let connections = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let Ok(permit) = Arc::clone(&connections).acquire_owned().await else { return };
        let accepted = tokio::select! {
            () = stopping.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, _)) => {
                let served = serve(stream, router.clone(), stopping.clone());
                tokio::spawn(async move {
                    served.await;
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

async fn serve(stream: TcpStream, router: Router, stopping: CancellationToken) {
    let _ = stream.set_nodelay(true);
    let service = router.map_request(|request: hyper::Request<_>| request.map(Body::new));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(HEAD_BYTES_MAX)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(service));
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stopping.cancelled() => drain(connection).await,
        () = tokio::time::sleep(CONNECTION_TIME_MAX) => drain(connection).await,
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection broke off");
    }
}

type Connection<S> = http1::Connection<TokioIo<TcpStream>, S>;

async fn drain<S>(mut connection: std::pin::Pin<&mut Connection<S>>) -> hyper::Result<()>
where
    S: hyper::service::HttpService<hyper::body::Incoming, ResBody = Body>,
    S::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    connection.as_mut().graceful_shutdown();
    tokio::time::timeout(DRAIN_TIMEOUT, connection).await.unwrap_or(Ok(()))
}
