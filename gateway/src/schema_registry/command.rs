//! `gantry schema-registry`: a schema registry alone, from the command line to its orderly end.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use gantry_engine::PluginLoader;
use gantry_schema_registry::{Registry, Settings as RegistrySettings, rocketmq_router, router};
use tokio_util::sync::CancellationToken;

use crate::gantry::environment;
use crate::logs::Logs;
use crate::shutdown::Signals;
use crate::worker_config::{Given, Mode, Settings, load};

/// How long requests under way may take once a signal has come.
const STOP_LIMIT: Duration = Duration::from_secs(10);

/// What the command line says.
pub(crate) struct RegistryRun<'a> {
    /// Where it listens.
    pub(crate) listen: SocketAddr,
    /// Where the embedded log is; a worker's default where nothing is said.
    pub(crate) data: Option<&'a Path>,
    /// Name servers of a RocketMQ cluster, instead of the embedded log.
    pub(crate) name_servers: Option<&'a str>,
    /// Worker keys, as those of the log are.
    pub(crate) keys: &'a [(String, String)],
}

/// Runs until a signal ends it. The error is a sentence for the user.
pub(crate) fn run(run: &RegistryRun<'_>, plugins: &PluginLoader) -> Result<(), String> {
    let mut keys = Vec::new();
    if let Some(dir) = run.data {
        keys.push(("gantry.data.dir".to_owned(), dir.display().to_string()));
    }
    if let Some(addresses) = run.name_servers {
        keys.push(("gantry.log".to_owned(), "rocketmq".to_owned()));
        keys.push(("gantry.rocketmq.namesrv.addr".to_owned(), addresses.to_owned()));
    }
    keys.extend_from_slice(run.keys);
    let environment = environment();
    let given =
        Given { mode: Mode::Standalone, file: None, environment: &environment, overrides: &keys };
    let settings = load(given, &plugins.load()).map_err(|error| error.to_string())?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_name("gantry-registry")
        .build()
        .map_err(|error| format!("cannot start threads: {error}"))?;
    let outcome = runtime.block_on(serve(run.listen, &settings));
    runtime.shutdown_timeout(STOP_LIMIT);
    outcome
}

async fn serve(listen: SocketAddr, settings: &Settings) -> Result<(), String> {
    let mut signals = Signals::watch()?;
    let listener = tokio::net::TcpListener::bind(listen).await.map_err(|error| {
        format!("cannot listen on {listen}: {error}; set another address by --listen")
    })?;
    let logs = Logs::open(settings).await?;
    let outcome = answer(listener, &logs, &mut signals).await;
    if outcome.is_ok() {
        signals.end_at_next();
    }
    logs.close().await;
    outcome.map(|()| tracing::info!("stopped"))
}

async fn answer(
    listener: tokio::net::TcpListener,
    logs: &Logs,
    signals: &mut Signals,
) -> Result<(), String> {
    let registry_settings =
        RegistrySettings { cluster_id: logs.cluster_id()?, ..RegistrySettings::default() };
    let topic = registry_settings.topic.clone();
    let opening = Registry::open(Arc::clone(&logs.log), registry_settings);
    let registry = tokio::select! {
        opened = opening => {
            opened.map_err(|error| format!("the topic {topic} cannot be used: {}", error.message))?
        }
        signal = signals.next() => {
            tracing::info!("{signal}: stopping");
            return Ok(());
        }
    };
    let faces = rocketmq_router(Arc::clone(&registry)).fallback_service(router(registry));
    let address = listener.local_addr().map_err(|error| error.to_string())?;
    tracing::info!("schema registry listening on http://{address}");
    let stopping = CancellationToken::new();
    let stopped = stopping.clone();
    let serving = axum::serve(listener, faces)
        .with_graceful_shutdown(async move { stopped.cancelled().await });
    let mut serving = std::pin::pin!(serving.into_future());
    tokio::select! {
        ended = &mut serving => return ended.map_err(|error| format!("REST ended: {error}")),
        signal = signals.next() => tracing::info!("{signal}: stopping"),
    }
    stopping.cancel();
    if tokio::time::timeout(STOP_LIMIT, serving).await.is_err() {
        tracing::warn!("requests have not ended in {STOP_LIMIT:?} and are left");
    }
    Ok(())
}
