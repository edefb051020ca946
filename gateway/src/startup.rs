//! `gantry standalone` and `gantry distributed`: from files to a running worker, and to its
//! orderly end.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use gantry_api::PluginRegistry;
use gantry_engine::{Herder, PluginLoader};
use gantry_log::{EmbeddedConfig, EmbeddedLog, FullLog, LogError};
use gantry_model::plugin::KAFKA_VERSION;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::files::{ConnectorFile, is_connector, read_connector};
use crate::gantry::environment;
use crate::identity::{COMMIT, cluster_id};
use crate::metrics::Metrics;
use crate::rest::{AppState, Identity, Server, bind, listen, router};
use crate::rocketmq_connect;
use crate::shutdown::Signals;
use crate::worker_config::{Listener, Mode, Settings, host_port, load};

/// Blocking calls of plugins at a time (files, directories).
const BLOCKING_THREADS_MAX: usize = 128;

/// What the command line says.
#[derive(Debug)]
pub(crate) struct WorkerFiles {
    /// Whether connectors come from files or live in the log.
    pub(crate) mode: Mode,
    /// The worker file, if the first is one, and connector files.
    pub(crate) files: Vec<PathBuf>,
    /// Worker keys of the command line.
    pub(crate) overrides: Vec<(String, String)>,
}

/// Runs a worker until a signal ends it. The error is a sentence for the user.
pub(crate) fn run(given: &WorkerFiles, plugins: PluginLoader) -> Result<(), String> {
    let (worker_file, connector_files) = match given.mode {
        Mode::Standalone => split(&given.files)?,
        Mode::Distributed => (given.files.first().cloned(), Vec::new()),
    };
    let registry = plugins.load();
    let settings =
        load(given.mode, worker_file.as_deref(), &environment(), &given.overrides, &registry)
            .map_err(|error| error.to_string())?;
    let connectors = connector_files
        .iter()
        .map(|file| read_translated(file, &registry))
        .collect::<Result<Vec<_>, _>>()?;
    for warning in &settings.warnings {
        tracing::warn!("{warning}");
    }
    for notice in &settings.notices {
        tracing::info!("{notice}");
    }
    if worker_file.is_none() && given.mode == Mode::Standalone {
        tracing::info!("no worker file: embedded log, JSON converters without schemas");
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .max_blocking_threads(BLOCKING_THREADS_MAX)
        .thread_name("gantry-worker")
        .build()
        .map_err(|error| format!("cannot start threads: {error}"))?;
    runtime.block_on(serve(settings, connectors, plugins))
}

/// Reads a connector file, in RocketMQ Connect's keys or Kafka Connect's.
fn read_translated(file: &Path, plugins: &PluginRegistry) -> Result<ConnectorFile, String> {
    let mut connector = read_connector(file)?;
    let translated = rocketmq_connect::translate_file(&connector.config, plugins)
        .map_err(|why| format!("{}: {why}", file.display()))?;
    if let Some(translation) = translated {
        translation.log(&connector.name);
        connector.config = translation.config;
    }
    Ok(connector)
}

/// The first file is the worker's unless it configures a connector.
fn split(files: &[PathBuf]) -> Result<(Option<PathBuf>, Vec<PathBuf>), String> {
    match files.split_first() {
        Some((first, rest)) if !is_connector(first)? => Ok((Some(first.clone()), rest.to_vec())),
        _ => Ok((None, files.to_vec())),
    }
}

async fn serve(
    mut settings: Settings,
    connectors: Vec<ConnectorFile>,
    plugins: PluginLoader,
) -> Result<(), String> {
    let mut signals = Signals::watch()?;
    // The port comes first: a second worker started by mistake stops before it opens anything.
    let mut bound = Vec::new();
    for listener in &settings.listeners {
        bound.push(bind(listener).await?);
    }
    let addresses = addresses(&bound)?;
    let rocketmq_connect = bind_rocketmq_connect(settings.rocketmq_connect.as_ref()).await?;
    let rocketmq_connect_address = rocketmq_connect.as_ref().and_then(|l| l.local_addr().ok());
    settings.engine.worker_id = worker_id(&settings, &addresses);
    let data_dir = settings.log.dir.clone();
    let log = Arc::new(open_log(settings.log.clone()).await?);
    let bound = Bound { rest: bound, rocketmq_connect };
    let outcome = match Worker::start(settings, bound, plugins, Arc::clone(&log), data_dir).await {
        Ok(worker) => {
            for address in &addresses {
                tracing::info!("REST listening on http://{address}");
            }
            if let Some(address) = rocketmq_connect_address {
                tracing::info!("RocketMQ Connect's REST API listening on http://{address}");
            }
            let outcome = until_signal(&worker, connectors, &mut signals).await;
            if let Ok(signal) = &outcome {
                tracing::info!("{signal}: stopping");
            }
            signals.end_at_next();
            worker.stop().await;
            outcome
        }
        Err(error) => Err(error),
    };
    log.close().await;
    outcome.map(|_| tracing::info!("stopped"))
}

/// Creates the connectors of the files, then waits for a signal and names it.
async fn until_signal(
    worker: &Worker,
    connectors: Vec<ConnectorFile>,
    signals: &mut Signals,
) -> Result<&'static str, String> {
    tokio::select! {
        created = worker.create(connectors) => created?,
        signal = signals.next() => return Ok(signal),
    }
    Ok(signals.next().await)
}

/// Binds the port of RocketMQ Connect's REST API, if there is one.
async fn bind_rocketmq_connect(listener: Option<&Listener>) -> Result<Option<TcpListener>, String> {
    let Some(listener) = listener else { return Ok(None) };
    let bound = listen(listener).await;
    bound.map(Some).map_err(|refused| {
        format!("{refused}, or set another port by gantry.rocketmq.connect.port (httpPort)")
    })
}

fn addresses(bound: &[TcpListener]) -> Result<Vec<SocketAddr>, String> {
    bound
        .iter()
        .map(|listener| listener.local_addr().map_err(|error| format!("no address: {error}")))
        .collect()
}

/// `host:port` under which this worker is known.
fn worker_id(settings: &Settings, addresses: &[SocketAddr]) -> String {
    let host = settings.advertised_host.clone();
    let host = host.or_else(|| settings.listeners.first().map(Listener::reachable_host));
    let port = settings.advertised_port;
    let port = port.or_else(|| addresses.first().map(SocketAddr::port));
    host_port(&host.unwrap_or_default(), port.unwrap_or_default())
}

/// Opens the embedded log. The error names the key and the remedy.
async fn open_log(config: EmbeddedConfig) -> Result<EmbeddedLog, String> {
    let dir = config.dir.display().to_string();
    let opened = tokio::task::spawn_blocking(move || EmbeddedLog::open(config)).await;
    let opened = opened.map_err(|error| format!("opening the log in {dir} failed: {error}"))?;
    opened.map_err(|error| {
        let remedy = match &error {
            LogError::Locked { .. } => {
                "stop that process, or set another gantry.data.dir for this one"
            }
            LogError::Corrupt(_) => {
                "restore the directory from a copy, or set another gantry.data.dir"
            }
            _ => "check the directory's permissions and free space, or set another gantry.data.dir",
        };
        format!("gantry.data.dir={dir}: {error}; {remedy}")
    })
}

/// Ports that are taken.
struct Bound {
    rest: Vec<TcpListener>,
    rocketmq_connect: Option<TcpListener>,
}

/// A herder with its REST APIs.
struct Worker {
    herder: Arc<Herder>,
    server: Server,
    rocketmq_connect: Option<Server>,
}

impl Worker {
    async fn start(
        settings: Settings,
        bound: Bound,
        plugins: PluginLoader,
        log: Arc<EmbeddedLog>,
        data_dir: PathBuf,
    ) -> Result<Self, String> {
        let log: Arc<dyn FullLog> = log;
        let cluster_id = cluster_id(&data_dir)?;
        let address = settings.engine.worker_id.clone();
        let herder = Herder::start(settings.engine, plugins, Arc::clone(&log))
            .await
            .map_err(|error| format!("the worker cannot start: {error}"))?;
        let stopping = CancellationToken::new();
        let state = Arc::new(AppState {
            metrics: Metrics::new(Arc::clone(&herder), Some(data_dir)),
            herder: Arc::clone(&herder),
            log,
            identity: Identity { version: KAFKA_VERSION, commit: COMMIT, cluster_id },
            address,
            headers: settings.headers,
            stopping: stopping.clone(),
        });
        let server = Server::start(bound.rest, &router(&state), stopping.clone());
        let rocketmq_connect = bound.rocketmq_connect.map(|listener| {
            Server::start(vec![listener], &rocketmq_connect::router(&state), stopping)
        });
        Ok(Self { herder, server, rocketmq_connect })
    }

    /// Creates connectors; the first that is refused ends the worker, as in Kafka Connect.
    async fn create(&self, connectors: Vec<ConnectorFile>) -> Result<(), String> {
        for ConnectorFile { name, config, initial_state } in connectors {
            let created = self.herder.put_connector(&name, config, initial_state, false).await;
            created.map_err(|error| format!("connector {name} cannot be created: {error}"))?;
            tracing::info!(connector = name, "connector created");
        }
        Ok(())
    }

    /// REST takes no more requests, then connectors stop and commit.
    async fn stop(&self) {
        self.server.stop().await;
        if let Some(server) = &self.rocketmq_connect {
            server.stop().await;
        }
        self.herder.shutdown().await;
    }
}
