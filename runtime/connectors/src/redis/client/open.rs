//! Opening connections.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use gantry_tls::ServerProof;
use redis::aio::MultiplexedConnection;
use redis::cluster::ClusterClient;
use redis::{
    AsyncConnectionConfig, ConnectionAddr, ConnectionInfo, IntoConnectionInfo, RedisConnectionInfo,
    TlsMode,
};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpSocket, TcpStream, lookup_host};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::ClientConfig;
use tokio_rustls::rustls::pki_types::ServerName;

use super::address::{Mode, Place};
use super::fault::Fault;
use super::link::Link;

/// What a connection runs through.
pub(crate) trait Wire: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Wire for T {}

/// A cluster's own attempts at a command, after which it is up to the task.
const CLUSTER_RETRIES: u32 = 3;

/// Opens connections to one place.
#[derive(Clone)]
pub(crate) struct Opener {
    pub(crate) place: Arc<Place>,
    tls: Option<Arc<ClientConfig>>,
    /// Who looks at a command that waits at the server: an answer may take so much longer.
    patience: Duration,
}

impl std::fmt::Debug for Opener {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Opener({:?})", self.place)
    }
}

impl Opener {
    /// Reads key stores and certificates, on a thread that may be held up.
    pub(crate) async fn new(place: Arc<Place>, patience: Duration) -> Result<Self, Fault> {
        let Some(tls) = place.tls.clone() else { return Ok(Self { place, tls: None, patience }) };
        let made = tokio::task::spawn_blocking(move || tls.client()).await;
        let client = made.map_err(|error| Fault::Passing(error.to_string()))?;
        Ok(Self { place, tls: Some(client.map_err(Fault::Lasting)?), patience })
    }

    /// A connection that is ready: who asks is known, and the database is chosen.
    pub(crate) async fn open(&self) -> Result<Link, Fault> {
        if self.place.mode == Mode::Cluster {
            return self.cluster().await;
        }
        let wire = self.wire().await?;
        let login = self.login();
        let made = MultiplexedConnection::new_with_config(&login, wire, self.config());
        let made = tokio::time::timeout(self.place.connect_timeout, made).await;
        let made = made.map_err(|_| Fault::Passing("no answer while connecting".to_owned()))?;
        let (connection, driver) = made.map_err(|error| Fault::of_error(&error))?;
        Ok(Link::single(connection, tokio::spawn(driver)))
    }

    fn config(&self) -> AsyncConnectionConfig {
        AsyncConnectionConfig::new()
            .set_connection_timeout(Some(self.place.connect_timeout))
            .set_response_timeout(self.place.answer_timeout.map(|limit| limit + self.patience))
    }

    fn login(&self) -> RedisConnectionInfo {
        let Place { user, password, database, .. } = &*self.place;
        let mut login = RedisConnectionInfo::default().set_skip_set_lib_name();
        if self.place.mode != Mode::Cluster {
            login = login.set_db(*database);
        }
        if let Some(user) = user {
            login = login.set_username(user);
        }
        match password {
            Some(password) => login.set_password(&password.0),
            None => login,
        }
    }

    /// A connection on which nothing was said yet.
    pub(crate) async fn wire(&self) -> Result<Box<dyn Wire>, Fault> {
        match &self.place.mode {
            Mode::Sentinel(master) => self.by_sentinels(master).await,
            Mode::Single | Mode::Cluster => {
                let first = self.place.hosts.first();
                let (host, port) = first.ok_or_else(|| Fault::Lasting("no host".to_owned()))?;
                self.reach(host, *port).await
            }
        }
    }

    async fn reach(&self, host: &str, port: u16) -> Result<Box<dyn Wire>, Fault> {
        let at = |why: &dyn std::fmt::Display| Fault::Passing(format!("{host}:{port}: {why}"));
        let opened = tokio::time::timeout(self.place.connect_timeout, async {
            let stream = self.tcp(host, port).await.map_err(|error| at(&error))?;
            let Some(config) = &self.tls else { return Ok(Box::new(stream) as Box<dyn Wire>) };
            let name = ServerName::try_from(host.to_owned()).map_err(|error| at(&error))?;
            let stream = TlsConnector::from(Arc::clone(config)).connect(name, stream).await;
            Ok(Box::new(stream.map_err(|error| at(&error))?) as Box<dyn Wire>)
        });
        match opened.await {
            Ok(opened) => opened,
            Err(_) => {
                Err(at(&format_args!("no connection within {:?}", self.place.connect_timeout)))
            }
        }
    }

    async fn tcp(&self, host: &str, port: u16) -> std::io::Result<TcpStream> {
        let mut failed = std::io::Error::other("the name of the host has no address");
        for address in lookup_host((host, port)).await? {
            match self.tcp_to(address).await {
                Ok(stream) => return Ok(stream),
                Err(error) => failed = error,
            }
        }
        Err(failed)
    }

    async fn tcp_to(&self, address: SocketAddr) -> std::io::Result<TcpStream> {
        let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        socket.set_keepalive(self.place.keep_alive)?;
        let stream = socket.connect(address).await?;
        stream.set_nodelay(self.place.no_delay)?;
        Ok(stream)
    }

    /// The master, as the first sentinel that answers knows it.
    async fn by_sentinels(&self, master: &str) -> Result<Box<dyn Wire>, Fault> {
        let mut failed = Fault::Passing("there are no sentinels".to_owned());
        for (host, port) in &self.place.hosts {
            match self.ask_sentinel(host, *port, master).await {
                Ok((host, port)) => return self.reach(&host, port).await,
                Err(fault) => failed = fault,
            }
        }
        Err(failed)
    }

    async fn ask_sentinel(
        &self,
        host: &str,
        port: u16,
        master: &str,
    ) -> Result<(String, u16), Fault> {
        let wire = self.reach(host, port).await?;
        // Sentinels have passwords of their own, which the URI has no place for.
        let login = RedisConnectionInfo::default().set_skip_set_lib_name();
        let made = MultiplexedConnection::new_with_config(&login, wire, self.config()).await;
        let (connection, driver) = made.map_err(|error| Fault::of_error(&error))?;
        let mut link = Link::single(connection, tokio::spawn(driver));
        let mut ask = redis::cmd("SENTINEL");
        ask.arg("get-master-addr-by-name").arg(master);
        let found = link.one(ask).await?;
        redis::from_redis_value::<Option<(String, u16)>>(found).ok().flatten().ok_or_else(|| {
            Fault::Passing(format!("sentinel {host}:{port} knows no master {master}"))
        })
    }

    async fn cluster(&self) -> Result<Link, Fault> {
        let place = &self.place;
        let lasting = |error: &dyn std::fmt::Display| Fault::Lasting(error.to_string());
        let mut nodes = Vec::with_capacity(place.hosts.len());
        for (host, port) in &place.hosts {
            let (host, port) = (host.clone(), *port);
            let addr = match &place.tls {
                None => ConnectionAddr::Tcp(host, port),
                Some(tls) => ConnectionAddr::TcpTls {
                    host,
                    port,
                    insecure: tls.proof == ServerProof::None,
                    tls_params: None,
                },
            };
            nodes.push(info(addr, self.login())?);
        }
        let answer = place.answer_timeout.unwrap_or(Duration::MAX);
        let mut builder = ClusterClient::builder(nodes)
            .retries(CLUSTER_RETRIES)
            .connection_timeout(place.connect_timeout)
            .response_timeout(answer.saturating_add(self.patience));
        if let Some(tls) = &place.tls {
            let read = tls.clone();
            let read = tokio::task::spawn_blocking(move || read.of_cluster()).await;
            let files = read.map_err(|error| lasting(&error))?.map_err(Fault::Lasting)?;
            let mode = match tls.proof {
                ServerProof::None => TlsMode::Insecure,
                _ => TlsMode::Secure,
            };
            builder = builder
                .tls(mode)
                .certs(files)
                .danger_accept_invalid_hostnames(tls.proof == ServerProof::Authority);
        }
        let client = builder.build().map_err(|error| Fault::of_error(&error))?;
        let opened = client.get_async_connection().await;
        opened.map(Link::cluster).map_err(|error| Fault::of_error(&error))
    }
}

fn info(addr: ConnectionAddr, login: RedisConnectionInfo) -> Result<ConnectionInfo, Fault> {
    let info = addr.into_connection_info().map_err(|error| Fault::of_error(&error))?;
    Ok(info.set_redis_settings(login))
}
