//! The listeners of a worker: stores opened, ports bound.

use std::net::SocketAddr;

use axum::Router;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::server::{Endpoint, Quick, bind, listen};
use crate::worker_config::{
    Admin, Listener, REGISTRY_LISTENERS, RegistrySettings, RestSettings, Scheme, host_port,
};
use gantry_tls::{TlsSettings, server_config};

/// A bound port.
pub(crate) struct Port {
    scheme: Scheme,
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    /// Where it listens.
    pub(crate) address: SocketAddr,
}

/// All ports of a worker.
pub(crate) struct Ports {
    /// Of the REST API.
    pub(crate) main: Vec<Port>,
    /// Of the admin endpoints, where they have their own.
    pub(crate) admin: Vec<Port>,
    /// Of RocketMQ Connect's REST API, if there is one.
    pub(crate) rocketmq_connect: Option<Port>,
    /// Of the schema registry; none if there is none.
    pub(crate) registry: Vec<Port>,
    /// `host:port` by which the worker is known.
    pub(crate) worker_id: String,
}

impl Ports {
    /// Opens key and trust stores, then binds. The error names the key and the remedy.
    pub(crate) async fn open(
        settings: &RestSettings,
        registry: Option<&RegistrySettings>,
    ) -> Result<Self, String> {
        let (own, admin_tls) = match &settings.admin {
            Admin::Own(listeners, tls) => (listeners.as_slice(), tls.as_deref()),
            _ => (&[][..], None),
        };
        // A store that cannot be opened ends the start before any port is taken.
        let tls = acceptor(settings.tls.as_ref()).await?;
        let admin_tls = acceptor(admin_tls).await?;
        let main = bind_all("listeners", &settings.listeners, tls.as_ref()).await?;
        let admin = bind_all("admin.listeners", own, admin_tls.as_ref()).await?;
        let rocketmq_connect = match &settings.rocketmq_connect {
            Some(listener) => Some(bind_rocketmq_connect(listener).await?),
            None => None,
        };
        let registry = match registry {
            Some(settings) => registry_ports(settings).await?,
            None => Vec::new(),
        };
        let worker_id = worker_id(settings, &main);
        Ok(Self { main, admin, rocketmq_connect, registry, worker_id })
    }

    /// Whether the port by which the worker is known speaks plain HTTP.
    pub(crate) fn is_http(&self) -> bool {
        self.main.first().is_none_or(|port| port.url().starts_with("http:"))
    }
}

impl Port {
    fn new(
        scheme: Scheme,
        listener: TcpListener,
        tls: Option<TlsAcceptor>,
    ) -> Result<Self, String> {
        let address = listener.local_addr().map_err(|error| format!("no address: {error}"))?;
        Ok(Self { scheme, listener, tls, address })
    }

    /// As a client would call it.
    pub(crate) fn url(&self) -> String {
        format!("{}://{}", self.scheme.as_str(), self.address)
    }

    /// With what answers there.
    pub(crate) fn serving(self, router: impl Fn(Scheme) -> Router, quick: Quick) -> Endpoint {
        Endpoint { router: router(self.scheme), listener: self.listener, tls: self.tls, quick }
    }
}

/// Reads the stores away from the threads that serve.
async fn acceptor(settings: Option<&TlsSettings>) -> Result<Option<TlsAcceptor>, String> {
    let Some(settings) = settings.cloned() else { return Ok(None) };
    let opened = tokio::task::spawn_blocking(move || {
        let mut warnings = Vec::new();
        let config = server_config(&settings, &mut warnings);
        (config, warnings)
    });
    let (config, warnings) =
        opened.await.map_err(|error| format!("TLS could not be set up: {error}"))?;
    let config = config?;
    for warning in warnings {
        tracing::warn!("{warning}");
    }
    Ok(Some(TlsAcceptor::from(config)))
}

async fn bind_all(
    key: &str,
    listeners: &[Listener],
    tls: Option<&TlsAcceptor>,
) -> Result<Vec<Port>, String> {
    let mut ports = Vec::new();
    for listener in listeners {
        let bound = bind(key, listener).await?;
        let tls = tls.filter(|_| listener.scheme == Scheme::Https).cloned();
        ports.push(Port::new(listener.scheme, bound, tls)?);
    }
    Ok(ports)
}

/// The ports of the schema registry. Where nobody wrote where it listens, a port that cannot be had
/// is told, and there is none: another worker may have it.
pub(crate) async fn registry_ports(settings: &RegistrySettings) -> Result<Vec<Port>, String> {
    let tls = acceptor(settings.tls.as_ref()).await?;
    match bind_all(REGISTRY_LISTENERS, &settings.listeners, tls.as_ref()).await {
        Err(why) if !settings.listeners_are_set => {
            tracing::warn!(
                "this worker serves no schema registry, as {REGISTRY_LISTENERS} is not set and the \
                 default is not free: {why}; gantry.schema.registry.enable=false ends this warning"
            );
            Ok(Vec::new())
        }
        bound => bound,
    }
}

async fn bind_rocketmq_connect(listener: &Listener) -> Result<Port, String> {
    let bound = listen(listener).await.map_err(|refused| {
        format!("{refused}, or set another port by gantry.rocketmq.connect.port (httpPort)")
    })?;
    Port::new(listener.scheme, bound, None)
}

fn worker_id(settings: &RestSettings, ports: &[Port]) -> String {
    let advertised = &settings.advertised;
    let listener = settings.listeners.get(advertised.listener);
    let host = advertised.host.clone().or_else(|| listener.map(Listener::reachable_host));
    let port = ports.get(advertised.listener).map(|port| port.address.port());
    host_port(&host.unwrap_or_default(), advertised.port.or(port).unwrap_or_default())
}
