//! The bytes of a connection.

use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::{TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{BufMut, BytesMut};
use gantry_api::CancellationToken;
use postgres_protocol::message::frontend;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConfig, ClientConnection, StreamOwned};

use crate::jdbc::db::{SqlError, SqlResult};

/// After this time it is looked whether to go on.
const WAIT_PART: Duration = Duration::from_millis(100);
const CONNECT_LIMIT: Duration = Duration::from_secs(10);
/// How long the server may not take what it is sent.
const WRITE_LIMIT: Duration = Duration::from_secs(60);

/// Whether TLS is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cdc::postgres) enum SslMode {
    Disable,
    /// Where the server has it.
    Prefer,
    Require,
}

/// Where a server is, and who asks.
#[derive(Clone)]
pub(in crate::cdc::postgres) struct Access {
    pub(in crate::cdc::postgres) host: String,
    pub(in crate::cdc::postgres) port: u16,
    pub(in crate::cdc::postgres) database: String,
    pub(in crate::cdc::postgres) user: String,
    pub(in crate::cdc::postgres) password: Option<String>,
    pub(in crate::cdc::postgres) application: String,
    pub(in crate::cdc::postgres) ssl: SslMode,
    pub(in crate::cdc::postgres) tls: Option<Arc<ClientConfig>>,
    pub(in crate::cdc::postgres) keep_alive: bool,
    /// How long an answer may take.
    pub(in crate::cdc::postgres) limit: Option<Duration>,
}

impl std::fmt::Debug for Access {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Access({}:{} {})", self.host, self.port, self.database)
    }
}

impl Access {
    pub(super) fn password_bytes(&self) -> SqlResult<&[u8]> {
        self.password.as_deref().map(str::as_bytes).ok_or_else(|| {
            SqlError::Connection(
                "the server asks for a password, and database.password is not set".to_owned(),
            )
        })
    }
}

/// With or without TLS.
pub(super) enum Stream {
    Plain(TcpStream),
    Encrypted(Box<StreamOwned<ClientConnection, TcpStream>>),
}

/// What reading gave.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Read {
    Some,
    Nothing,
}

impl Stream {
    pub(super) fn open(access: &Access) -> SqlResult<Self> {
        let place = format!("{}:{}", access.host, access.port);
        let failed = |error: io::Error| {
            let text = format!(
                "Connection to {place} refused. Check that the hostname and port are correct and that the \
                 postmaster is accepting TCP/IP connections. ({error})"
            );
            SqlError::Connection(text)
        };
        let found = (access.host.as_str(), access.port).to_socket_addrs().map_err(failed)?;
        let mut last = io::Error::new(ErrorKind::NotFound, "the name has no address");
        for address in found {
            match TcpStream::connect_timeout(&address, CONNECT_LIMIT) {
                Ok(socket) => {
                    return Self::begin(socket, access).map_err(|error| match error {
                        SqlError::Connection(text) => {
                            SqlError::Connection(format!("{place}: {text}"))
                        }
                        other => other,
                    });
                }
                Err(error) => last = error,
            }
        }
        Err(failed(last))
    }

    fn begin(mut socket: TcpStream, access: &Access) -> SqlResult<Self> {
        let io = |error: io::Error| SqlError::Connection(error.to_string());
        socket.set_nodelay(true).map_err(io)?;
        if access.keep_alive {
            keep_alive(&socket).map_err(io)?;
        }
        socket.set_read_timeout(Some(CONNECT_LIMIT)).map_err(io)?;
        socket.set_write_timeout(Some(WAIT_PART)).map_err(io)?;
        if access.ssl == SslMode::Disable {
            socket.set_read_timeout(Some(WAIT_PART)).map_err(io)?;
            return Ok(Self::Plain(socket));
        }
        let mut request = BytesMut::new();
        frontend::ssl_request(&mut request);
        socket.write_all(&request).map_err(io)?;
        let mut answer = [0];
        socket.read_exact(&mut answer).map_err(io)?;
        socket.set_read_timeout(Some(WAIT_PART)).map_err(io)?;
        match (answer, access.ssl, &access.tls) {
            ([b'S'], _, Some(config)) => {
                let name = ServerName::try_from(access.host.clone()).map_err(|_| {
                    SqlError::Connection(format!("{} is no name of a host", access.host))
                })?;
                let client = ClientConnection::new(Arc::clone(config), name)
                    .map_err(|error| SqlError::Connection(format!("TLS: {error}")))?;
                Ok(Self::Encrypted(Box::new(StreamOwned::new(client, socket))))
            }
            ([b'N'], SslMode::Prefer, _) => Ok(Self::Plain(socket)),
            ([b'N'], ..) => Err(SqlError::Connection(
                "The server does not support SSL: database.sslmode asks for it".to_owned(),
            )),
            _ => Err(SqlError::Connection("the server is not PostgreSQL".to_owned())),
        }
    }

    /// Waits until there is something to read, it is too late, or it is cancelled, which is an error.
    pub(super) fn read(
        &mut self,
        into: &mut BytesMut,
        until: Option<Instant>,
        cancel: &CancellationToken,
    ) -> io::Result<Read> {
        loop {
            let room = into.spare_capacity_mut().len();
            let start = into.len();
            into.put_bytes(0, room);
            let got = match self {
                Self::Plain(socket) => socket.read(&mut into[start..]),
                Self::Encrypted(stream) => stream.read(&mut into[start..]),
            };
            into.truncate(start + *got.as_ref().unwrap_or(&0));
            match got {
                Ok(0) => {
                    return Err(io::Error::new(
                        ErrorKind::UnexpectedEof,
                        "the server has closed the connection",
                    ));
                }
                Ok(_) => return Ok(Read::Some),
                Err(error) if waits(&error) => {
                    if cancel.is_cancelled() {
                        return Err(io::Error::new(ErrorKind::Interrupted, "the task was stopped"));
                    }
                    if until.is_some_and(|until| Instant::now() >= until) {
                        return Ok(Read::Nothing);
                    }
                }
                Err(error) => return Err(error),
            }
        }
    }

    pub(super) fn write(&mut self, mut bytes: &[u8], cancel: &CancellationToken) -> io::Result<()> {
        let until = Instant::now() + WRITE_LIMIT;
        while !bytes.is_empty() {
            let sent = match self {
                Self::Plain(socket) => socket.write(bytes),
                Self::Encrypted(stream) => stream.write(bytes),
            };
            match sent {
                Ok(count) => bytes = bytes.get(count..).unwrap_or_default(),
                Err(error) if waits(&error) => {
                    if cancel.is_cancelled() || Instant::now() >= until {
                        return Err(io::Error::new(
                            ErrorKind::TimedOut,
                            "the server takes nothing",
                        ));
                    }
                }
                Err(error) => return Err(error),
            }
        }
        loop {
            let flushed = match self {
                Self::Plain(_) => Ok(()),
                Self::Encrypted(stream) => stream.flush(),
            };
            match flushed {
                Err(error) if waits(&error) && !cancel.is_cancelled() && Instant::now() < until => {
                }
                other => return other,
            }
        }
    }
}

/// Whether the time for one part of a wait is over.
fn waits(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted)
}

fn keep_alive(socket: &TcpStream) -> io::Result<()> {
    rustix::net::sockopt::set_socket_keepalive(socket, true)?;
    Ok(())
}
