//! `gantry schema-registry`: a schema registry alone, from the command line to its orderly end.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use gantry_engine::PluginLoader;
use tokio_util::sync::CancellationToken;

use super::access::Access;
use super::confluent::{Translated, translate};
use super::service::Service;
use crate::files::read_properties;
use crate::gantry::environment;
use crate::logs::Logs;
use crate::rest::{Edge, Port, Server, registry_ports};
use crate::shutdown::Signals;
use crate::worker_config::{Given, Mode, REGISTRY_LISTENERS, RegistrySettings, Settings, load};

/// How long calls under way may take once all else has ended.
const STOP_LIMIT: Duration = Duration::from_secs(10);

/// What the command line says.
pub(crate) struct RegistryRun<'a> {
    /// A file of Confluent's registry.
    pub(crate) config: Option<&'a Path>,
    /// Where it listens.
    pub(crate) listen: Option<SocketAddr>,
    /// Where the embedded log is; a worker's default where nothing is said.
    pub(crate) data: Option<&'a Path>,
    /// Name servers of a RocketMQ cluster, instead of the embedded log.
    pub(crate) name_servers: Option<&'a str>,
    /// Worker keys, as those of the log are.
    pub(crate) keys: &'a [(String, String)],
}

/// Runs until a signal ends it. The error is a sentence for the user.
pub(crate) fn run(run: &RegistryRun<'_>, plugins: &PluginLoader) -> Result<(), String> {
    let mut settings = settings(run, &environment(), plugins)?;
    for warning in &settings.warnings {
        tracing::warn!("{warning}");
    }
    let Some(registry) = settings.registry.take() else {
        return Err("gantry.schema.registry.enable=false, and the registry is all there is to \
                    run: take the key out"
            .to_owned());
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_name("gantry-registry")
        .build()
        .map_err(|error| format!("cannot start threads: {error}"))?;
    // Somebody wants it: a port that is taken is an error.
    let registry = RegistrySettings { listeners_are_set: true, ..registry };
    let outcome = runtime.block_on(serve(settings, &registry));
    runtime.shutdown_timeout(STOP_LIMIT);
    outcome
}

/// The settings of the file, and those of the command line over them.
fn settings(
    run: &RegistryRun<'_>,
    environment: &BTreeMap<String, String>,
    plugins: &PluginLoader,
) -> Result<Settings, String> {
    let file = match run.config {
        Some(path) => {
            let named = |why: String| format!("{}: {why}", path.display());
            let mut props = read_properties(path)?;
            // The file is guarded also by what the command line names.
            props.extend(run.keys.iter().filter(|(key, _)| key.starts_with("gantry.")).cloned());
            translate(&props, environment).map_err(named)?
        }
        None => Translated::default(),
    };
    let mut keys: Vec<(String, String)> = file.keys.into_iter().collect();
    let mut set = |key: &str, value: String| keys.push((key.to_owned(), value));
    if let Some(address) = run.listen {
        set(REGISTRY_LISTENERS, format!("http://{address}"));
    }
    if let Some(dir) = run.data {
        set("gantry.log", "embedded".to_owned());
        set("gantry.data.dir", dir.display().to_string());
    }
    if let Some(addresses) = run.name_servers {
        set("gantry.log", "rocketmq".to_owned());
        set("gantry.rocketmq.namesrv.addr", addresses.to_owned());
    }
    keys.extend_from_slice(run.keys);
    let given = Given { mode: Mode::Standalone, file: None, environment, overrides: &keys };
    let mut settings = load(given, &plugins.load()).map_err(|error| match run.config {
        Some(path) => format!("{}: {error}", path.display()),
        None => error.to_string(),
    })?;
    settings.warnings.splice(0..0, file.warnings);
    if file.auth.is_some() {
        settings.rest.auth = file.auth;
    }
    Ok(settings)
}

async fn serve(mut settings: Settings, registry: &RegistrySettings) -> Result<(), String> {
    let mut signals = Signals::watch()?;
    let edge = Arc::new(Edge::open(&mut settings.rest)?);
    let access = Access::open(registry, edge.auth.as_ref())?;
    let ports = registry_ports(registry).await?;
    let logs = Logs::open(&settings).await?;
    let outcome = match logs.cluster_id() {
        Ok(id) => {
            let service = Service::start(Arc::clone(&logs.log), registry, id, access, edge, None);
            answer(&service, ports, &mut signals).await
        }
        Err(error) => Err(error),
    };
    if outcome.is_ok() {
        signals.end_at_next();
    }
    logs.close().await;
    outcome.map(|()| tracing::info!("stopped"))
}

async fn answer(service: &Service, ports: Vec<Port>, signals: &mut Signals) -> Result<(), String> {
    tokio::select! {
        opened = service.opened() => opened?,
        signal = signals.next() => {
            tracing::info!("{signal}: stopping");
            return Ok(());
        }
    }
    let mut endpoints = Vec::new();
    for port in ports {
        tracing::info!("schema registry listening on {}", port.url());
        endpoints.push(service.at(port));
    }
    let server = Server::start(endpoints, CancellationToken::new())
        .map_err(|error| format!("cannot start the thread of the REST server: {error}"))?;
    tracing::info!("{}: stopping", signals.next().await);
    server.stop().await;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Gantry;

    #[test]
    fn a_file_of_rights_may_be_named_on_the_command_line() {
        let dir = tempfile::tempdir().unwrap();
        let config = dir.path().join("schema-registry.properties");
        std::fs::write(&config, "resource.extension.class=com.acme.Guard\n").unwrap();
        let rights = ("gantry.schema.registry.rights.file".to_owned(), "/r.json".to_owned());
        let with = |keys: &[(String, String)]| {
            let config = Some(config.as_path());
            let run = RegistryRun { config, listen: None, data: None, name_servers: None, keys };
            settings(&run, &BTreeMap::new(), &PluginLoader::new(|| Gantry::new().plugins()))
        };
        let why = with(&[]).unwrap_err();
        assert!(why.contains("properties: resource.extension.class has com.acme.Guard"), "{why}");
        let registry = with(&[rights]).unwrap().registry.unwrap();
        assert_eq!(registry.rights_file.as_deref(), Some(Path::new("/r.json")));
    }
}
