//! A job that is asked over HTTP: how it is, and what state it has.

mod answers;
mod server;

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use tokio::runtime::Handle;

use crate::error::StreamsError;
use crate::runtime::Asker;

fn fault(address: &str, error: &std::io::Error) -> StreamsError {
    StreamsError::Listen {
        address: address.to_owned(),
        reason: format!("{error}. Set another address, or stop what listens there"),
    }
}

/// Takes an address, host and port.
pub(crate) fn bind(address: &str) -> Result<TcpListener, StreamsError> {
    let listener = TcpListener::bind(address).map_err(|error| fault(address, &error))?;
    listener.set_nonblocking(true).map_err(|error| fault(address, &error))?;
    Ok(listener)
}

/// Answers there until the job ends.
pub(crate) fn serve(
    runtime: &Handle,
    listener: TcpListener,
    asker: Arc<Asker>,
) -> Result<SocketAddr, StreamsError> {
    let _runtime = runtime.enter();
    let bound = listener.local_addr().map_err(|error| fault("its address", &error))?;
    let listener = tokio::net::TcpListener::from_std(listener)
        .map_err(|error| fault(&bound.to_string(), &error))?;
    let stopping = asker.job().shared.stopping.clone();
    tracing::info!(job = %asker.job().plan.job, address = %bound, "the job answers over HTTP");
    runtime.spawn(server::accept(listener, answers::router(asker), stopping));
    Ok(bound)
}
