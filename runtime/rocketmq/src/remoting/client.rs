//! Requests to addresses: connections are opened when they are needed and again when they are
//! lost.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use gantry_log::Str;
use rocketmq_protocol::RemotingCommand;
use rocketmq_protocol::code::request_code::RequestCode;
use rocketmq_protocol::code::response_code::ResponseCode;
use tokio::net::TcpStream;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::ClientConfig;
use tokio_rustls::rustls::pki_types::ServerName;

use super::acl::sign;
use super::connection::Connection;
use super::error::CallError;
use crate::config::Credentials;

/// The longest that opening a connection may take.
const CONNECT_LIMIT: Duration = Duration::from_secs(3);
/// After an address could not be reached, requests fail at once for so long; doubled each time …
const BACKOFF_MIN: Duration = Duration::from_millis(50);
/// … up to this.
const BACKOFF_MAX: Duration = Duration::from_millis(500);

/// Why a server may close a connection without a word.
const MAYBE_TLS: &str = "; it may want TLS: see gantry.rocketmq.tls.enable";

/// A request with its fields.
pub(crate) fn command<const N: usize>(
    code: RequestCode,
    fields: [(&'static str, String); N],
    body: Bytes,
) -> RemotingCommand {
    let mut command = RemotingCommand::create_remoting_command(code);
    command.ensure_ext_fields_initialized();
    for (name, value) in fields {
        command.add_ext_field(name, value);
    }
    if body.is_empty() { command } else { command.set_body(body) }
}

/// What is known of one address.
#[derive(Default)]
struct Peer {
    connection: Option<Arc<Connection>>,
    /// The last failure, until when it stands, and the wait that comes next.
    failed: Option<(CallError, Instant, Duration)>,
}

/// All connections of a client.
pub(crate) struct Remoting {
    peers: Mutex<HashMap<Str, Arc<tokio::sync::Mutex<Peer>>>>,
    credentials: Option<Credentials>,
    tls: Option<Arc<ClientConfig>>,
    /// Connections live here, whoever asked for them.
    runtime: Handle,
    /// Counts what brokers say unasked: that somebody came to a group or left.
    notices: watch::Sender<u64>,
}

impl Remoting {
    pub(crate) fn new(
        credentials: Option<Credentials>,
        tls: Option<Arc<ClientConfig>>,
        runtime: Handle,
    ) -> Self {
        let (peers, notices) = (Mutex::default(), watch::Sender::new(0));
        Self { peers, credentials, tls, runtime, notices }
    }

    /// Counts what brokers say unasked.
    pub(crate) fn notices(&self) -> watch::Receiver<u64> {
        self.notices.subscribe()
    }

    /// Sends a request and waits for its answer, whatever its code.
    pub(crate) async fn ask(
        &self,
        addr: &str,
        mut request: RemotingCommand,
        timeout: Duration,
    ) -> Result<RemotingCommand, CallError> {
        if let Some(credentials) = &self.credentials {
            sign(&mut request, credentials);
        }
        self.connection(addr).await?.call(request, timeout).await
    }

    /// The same, where any code but success is an error.
    pub(crate) async fn call(
        &self,
        addr: &str,
        request: RemotingCommand,
        timeout: Duration,
    ) -> Result<RemotingCommand, CallError> {
        let answer = self.ask(addr, request, timeout).await?;
        match answer.code() == i32::from(ResponseCode::Success) {
            true => Ok(answer),
            false => Err(refused(addr, &answer)),
        }
    }

    async fn connection(&self, addr: &str) -> Result<Arc<Connection>, CallError> {
        let peer = {
            let mut peers = self.peers.lock().unwrap_or_else(PoisonError::into_inner);
            match peers.get(addr) {
                Some(peer) => Arc::clone(peer),
                None => Arc::clone(peers.entry(addr.into()).or_default()),
            }
        };
        let mut peer = peer.lock().await;
        if let Some(connection) = &peer.connection
            && connection.is_open()
        {
            return Ok(Arc::clone(connection));
        }
        let mut backoff = BACKOFF_MIN;
        if let Some((error, until, next)) = &peer.failed {
            if Instant::now() < *until {
                return Err(error.clone());
            }
            backoff = *next;
        }
        let opening = connect(addr.into(), self.tls.clone(), self.notices.clone());
        let opened = tokio::time::timeout(2 * CONNECT_LIMIT, self.runtime.spawn(opening)).await;
        let stands = || Err("the async runtime that the log was opened on does not run".to_owned());
        match opened.map_or_else(|_| stands(), |opened| opened.unwrap_or_else(|_| stands())) {
            Ok(connection) => {
                let connection = Arc::new(connection);
                peer.failed = None;
                peer.connection = Some(Arc::clone(&connection));
                Ok(connection)
            }
            Err(reason) => {
                let error = CallError::Connect { addr: addr.into(), reason: reason.into() };
                let next = (backoff * 2).min(BACKOFF_MAX);
                peer.connection = None;
                peer.failed = Some((error.clone(), Instant::now() + backoff, next));
                Err(error)
            }
        }
    }
}

async fn connect(
    addr: Str,
    tls: Option<Arc<ClientConfig>>,
    notices: watch::Sender<u64>,
) -> Result<Connection, String> {
    let open = async {
        let stream = TcpStream::connect(&*addr).await.map_err(|error| error.to_string())?;
        stream.set_nodelay(true).map_err(|error| error.to_string())?;
        let Some(tls) = tls else {
            return Ok(Connection::new(Str::clone(&addr), stream, notices, MAYBE_TLS));
        };
        let host = addr.rsplit_once(':').map_or(&*addr, |(host, _)| host);
        let name = ServerName::try_from(host.to_owned()).map_err(|error| error.to_string())?;
        let stream = TlsConnector::from(tls).connect(name, stream).await;
        let stream =
            stream.map_err(|error| format!("TLS: {error}; see gantry.rocketmq.tls.ca.file"))?;
        Ok(Connection::new(Str::clone(&addr), stream, notices, ""))
    };
    match tokio::time::timeout(CONNECT_LIMIT, open).await {
        Ok(opened) => opened,
        Err(_) => Err(format!("no answer within {} s", CONNECT_LIMIT.as_secs())),
    }
}

/// An answer that is a refusal.
pub(crate) fn refused(addr: &str, answer: &RemotingCommand) -> CallError {
    let remark = answer.remark().map_or("no reason given", |remark| remark.as_str());
    // Brokers add the place in their own code, and sometimes a whole trace.
    let remark = remark.lines().next().unwrap_or_default();
    CallError::Refused { addr: addr.into(), code: answer.code(), remark: remark.into() }
}
