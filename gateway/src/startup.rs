//! `gantry standalone` and `gantry distributed`: from files to a running worker, and to its
//! orderly end.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use gantry_api::PluginRegistry;
use gantry_engine::{Herder, HerderErrorKind, PluginLoader};
use gantry_model::plugin::KAFKA_VERSION;
use tokio_util::sync::CancellationToken;

use crate::files::{ConnectorFile, is_connector, read_connector};
use crate::gantry::environment;
use crate::identity::COMMIT;
use crate::logging::Loggers;
use crate::logs::Logs;
use crate::metrics::{Metrics, MetricsReporter, TopicReporter, start_reporters};
use crate::presence;
use crate::rest::{
    AppState, BodyTimes, Edge, Endpoint, Identity, Ports, Server, admin_router, is_quick,
    none_is_quick, router,
};
use crate::rocketmq_connect;
use crate::schema_registry::{Access, Addresses, Connectors, Service};
use crate::shutdown::Signals;
use crate::worker_config::{Given, Mode, Scheme, Settings, load};

/// Blocking calls of plugins at a time (files, directories).
const BLOCKING_THREADS_MAX: usize = 128;

/// How long calls that block may go on once all else has ended. One that reads a file which never
/// answers (a pipe, a network share) has no other end than that of the process.
const BLOCKED_TIMEOUT: Duration = Duration::from_secs(5);

/// How long connectors may take to stop, beside what the worker's keys give their tasks to end and
/// to commit.
const STOP_SLACK: Duration = Duration::from_secs(10);

/// What the command line says.
pub(crate) struct WorkerFiles {
    /// Whether connectors come from files or live in the log.
    pub(crate) mode: Mode,
    /// The worker file, if the first is one, and connector files.
    pub(crate) files: Vec<PathBuf>,
    /// Worker keys of the command line.
    pub(crate) overrides: Vec<(String, String)>,
    /// The loggers of this process.
    pub(crate) loggers: Arc<Loggers>,
    /// Who is given metrics besides Prometheus.
    pub(crate) reporters: Vec<Arc<dyn MetricsReporter>>,
}

/// Runs a worker until a signal ends it. The error is a sentence for the user.
pub(crate) fn run(files: &WorkerFiles, plugins: PluginLoader) -> Result<(), String> {
    let (worker_file, connector_files) = match files.mode {
        Mode::Standalone => split(&files.files)?,
        Mode::Distributed => (files.files.first().cloned(), Vec::new()),
    };
    let registry = plugins.load();
    let given = Given {
        mode: files.mode,
        file: worker_file.as_deref(),
        environment: &environment(),
        overrides: &files.overrides,
    };
    let settings = load(given, &registry).map_err(|error| error.to_string())?;
    let plugins = match settings.java.clone() {
        Some(java) => {
            let told = Arc::clone(&java.plugins);
            files.loggers.watch(move |levels| told.set_log_levels(levels));
            java.loader(plugins)
        }
        None => plugins,
    };
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
    if worker_file.is_none() && files.mode == Mode::Standalone {
        tracing::info!("no worker file: embedded log, JSON converters without schemas");
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .max_blocking_threads(BLOCKING_THREADS_MAX)
        .thread_name("gantry-worker")
        .build()
        .map_err(|error| format!("cannot start threads: {error}"))?;
    let loggers = Arc::clone(&files.loggers);
    let reporters = files.reporters.clone();
    let outcome = runtime.block_on(serve(settings, connectors, plugins, loggers, reporters));
    let since = Instant::now();
    runtime.shutdown_timeout(BLOCKED_TIMEOUT);
    if since.elapsed() >= BLOCKED_TIMEOUT {
        tracing::warn!("a call that blocks has not ended in {BLOCKED_TIMEOUT:?} and is left");
    }
    outcome
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
    loggers: Arc<Loggers>,
    reporters: Vec<Arc<dyn MetricsReporter>>,
) -> Result<(), String> {
    let mut signals = Signals::watch()?;
    let edge = Arc::new(Edge::open(&mut settings.rest)?);
    let registry = settings.registry.as_ref();
    let access = registry.map(|registry| Access::open(registry, edge.auth.as_ref())).transpose()?;
    // The ports come first: a second worker started by mistake stops before it opens anything.
    let ports = Ports::open(&settings.rest, registry).await?;
    settings.engine.worker_id.clone_from(&ports.worker_id);
    if let Some(cluster) = &mut settings.cluster {
        let scheme = if ports.is_http() { "http" } else { "https" };
        cluster.url = format!("{scheme}://{}", ports.worker_id);
    }
    let logs = Logs::open(&settings).await?;
    let rest = Rest { ports, edge, access: access.flatten(), loggers, reporters };
    let outcome = match Worker::start(settings, rest, plugins, &logs).await {
        Ok(worker) => {
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
    logs.close().await;
    outcome.map(|_| tracing::info!("stopped"))
}

/// Creates the connectors of the files, then waits for a signal and names it.
async fn until_signal(
    worker: &Worker,
    connectors: Vec<ConnectorFile>,
    signals: &mut Signals,
) -> Result<&'static str, String> {
    // A task of its own: what it calls may block, and signals must still be heard.
    let mut creating = tokio::spawn(create(Arc::clone(&worker.herder), connectors));
    tokio::select! {
        created = &mut creating => {
            created.map_err(|broken| format!("creating connectors broke off: {broken}"))??;
        }
        signal = signals.next() => {
            creating.abort();
            return Ok(signal);
        }
    }
    Ok(signals.next().await)
}

/// What the REST API is made of.
struct Rest {
    ports: Ports,
    edge: Arc<Edge>,
    /// Who may use the schema registry, if not everybody.
    access: Option<Access>,
    loggers: Arc<Loggers>,
    reporters: Vec<Arc<dyn MetricsReporter>>,
}

/// A herder with its REST API.
struct Worker {
    herder: Arc<Herder>,
    server: Server,
    /// The schema registry, if there is one.
    _registry: Option<Service>,
}

impl Worker {
    async fn start(
        settings: Settings,
        rest: Rest,
        plugins: PluginLoader,
        logs: &Logs,
    ) -> Result<Self, String> {
        let log = Arc::clone(&logs.log);
        gantry_jvm_bridge::keep_histories_in(Arc::clone(&log));
        #[cfg(feature = "replicator")]
        crate::replicator::write_to(Arc::clone(&log));
        let cluster_id = logs.cluster_id()?;
        let stopping = CancellationToken::new();
        let herder = match settings.cluster {
            Some(cluster) => {
                if let Some(rocketmq) = &logs.rocketmq {
                    presence::show(rocketmq, &rest.ports.worker_id, &cluster, stopping.clone());
                }
                let control = Arc::clone(&logs.control);
                Herder::join(settings.engine, cluster, plugins, Arc::clone(&log), control)
            }
            None => Herder::start(settings.engine, plugins, Arc::clone(&log))
                .await
                .map_err(|error| format!("the worker cannot start: {error}"))?,
        };
        let metrics = Arc::new(Metrics::new(Arc::clone(&herder), logs.data_dir.clone()));
        let interval = Duration::from_millis(settings.metrics_interval_ms);
        let topic = settings.metrics_topic.iter();
        let to_topic = topic.map(|topic| -> Arc<dyn MetricsReporter> {
            Arc::new(TopicReporter::new(Arc::clone(&log), topic))
        });
        let reporters = rest.reporters.into_iter().chain(to_topic).collect();
        start_reporters(&metrics, reporters, interval, &stopping);
        let registry =
            settings.registry.filter(|_| !rest.ports.registry.is_empty()).map(|registry| {
                let (log, edge) = (Arc::clone(&log), Arc::clone(&rest.edge));
                let is_shared = logs.rocketmq.is_some();
                let addresses = Addresses::new(&registry, &rest.ports.registry, is_shared);
                let users = Arc::new(Connectors { herder: Arc::clone(&herder), addresses });
                let id = cluster_id.clone();
                Service::start(log, &registry, id, rest.access, edge, Some(users))
            });
        let http = AppState {
            metrics,
            herder: Arc::clone(&herder),
            log,
            identity: Identity { version: KAFKA_VERSION, commit: COMMIT, cluster_id },
            address: rest.ports.worker_id.clone(),
            scheme: Scheme::Http,
            loggers: rest.loggers,
            body_times: BodyTimes::default(),
            stopping: stopping.clone(),
        };
        let endpoints = endpoints(rest.ports, http, &rest.edge, registry.as_ref());
        let server = Server::start(endpoints, stopping)
            .map_err(|error| format!("cannot start the thread of the REST server: {error}"))?;
        Ok(Self { herder, server, _registry: registry })
    }

    /// REST takes no more requests, then connectors stop and commit. A change that blocks holds
    /// them up, and so is waited for no longer than they may take.
    async fn stop(&self) {
        self.server.stop().await;
        let config = self.herder.worker_config();
        let limit = STOP_SLACK
            + Duration::from_millis(config.task_shutdown_graceful_timeout_ms)
            + Duration::from_millis(config.offset_flush_timeout_ms);
        if tokio::time::timeout(limit, self.herder.shutdown()).await.is_err() {
            tracing::warn!("connectors have not stopped in {limit:?} and are left as they are");
        }
    }
}

/// What answers at each port.
fn endpoints(
    ports: Ports,
    http: AppState,
    edge: &Arc<Edge>,
    registry: Option<&Service>,
) -> Vec<Endpoint> {
    let https = Arc::new(AppState { scheme: Scheme::Https, ..http.clone() });
    let http = Arc::new(http);
    let state = |scheme| match scheme {
        Scheme::Http => &http,
        Scheme::Https => &https,
    };
    let mut endpoints = Vec::new();
    for port in ports.main {
        tracing::info!("REST listening on {}", port.url());
        endpoints.push(port.serving(|scheme| router(state(scheme), edge), is_quick));
    }
    for port in ports.admin {
        tracing::info!("admin endpoints listening on {}", port.url());
        endpoints.push(port.serving(|scheme| admin_router(state(scheme)), none_is_quick));
    }
    if let Some(port) = ports.rocketmq_connect {
        tracing::info!("RocketMQ Connect's REST API listening on {}", port.url());
        let face = |scheme| rocketmq_connect::router(state(scheme), edge);
        endpoints.push(port.serving(face, none_is_quick));
    }
    if let Some(registry) = registry {
        for port in ports.registry {
            tracing::info!("schema registry listening on {}", port.url());
            endpoints.push(registry.at(port));
        }
    }
    endpoints
}

/// Creates connectors; the first that is refused ends the worker, as in Kafka Connect.
async fn create(herder: Arc<Herder>, connectors: Vec<ConnectorFile>) -> Result<(), String> {
    for ConnectorFile { name, config, initial_state } in connectors {
        let created = herder.put_connector(&name, config, initial_state, false).await;
        match created {
            Ok(_) => tracing::info!(connector = name, "connector created"),
            // Somebody was faster over REST: to delete it, or to stop the worker.
            Err(error) if error.kind == HerderErrorKind::Conflict => {
                tracing::warn!(connector = name, %error, "connector not created");
            }
            Err(error) => return Err(format!("connector {name} cannot be created: {error}")),
        }
    }
    Ok(())
}
