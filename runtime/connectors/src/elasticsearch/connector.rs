//! The sink connectors.

use gantry_api::model::config::ConfigValue;
use gantry_api::{
    CancellationToken, Connector, ConnectorContext, OffsetMap, Props, Result, async_trait,
};
use hyper::Method;

use super::cluster::{Body, Cluster, Halt, describe};
use super::config::{self, Config, Retry};
use super::keys::{PASSWORD, URL, USER};
use super::{Flavour, confluent};
use crate::web::keys::{Fault, add_faults};

/// Writes records as documents.
#[derive(Debug)]
pub struct ElasticsearchSink {
    flavour: Flavour,
    props: Props,
}

impl ElasticsearchSink {
    /// A connector with these keys.
    pub fn new(flavour: Flavour) -> Self {
        Self { flavour, props: Props::new() }
    }
}

#[async_trait]
impl Connector for ElasticsearchSink {
    fn validate(&self, props: &Props, findings: &mut Vec<ConfigValue>) -> Result<()> {
        let config = config::validate(self.flavour, props, findings, true);
        let is_fine = findings.iter().all(|value| value.errors.is_empty());
        // As in Java, only Confluent's looks whether the server is there.
        if self.flavour == Flavour::Confluent
            && is_fine
            && let Some(config) = config
        {
            add_faults(on_a_thread(&config, props)?, findings);
        }
        Ok(())
    }

    fn validate_offline(&self, props: &Props, findings: &mut Vec<ConfigValue>) -> Result<()> {
        config::validate(self.flavour, props, findings, false);
        Ok(())
    }

    async fn start(&mut self, _ctx: ConnectorContext, props: &Props) -> Result<()> {
        let (flavour, checked) = (self.flavour, props.clone());
        // Key stores are files, which may be slow.
        let parsed = tokio::task::spawn_blocking(move || Config::parse(flavour, &checked)).await;
        parsed.map_err(|error| gantry_api::Error::connect(error.to_string()))??;
        self.props = props.clone();
        Ok(())
    }

    async fn task_configs(&mut self, max_tasks: u32) -> Result<Vec<Props>> {
        Ok(vec![self.props.clone(); max_tasks as usize])
    }

    async fn alter_offsets(
        &mut self,
        _props: &Props,
        _changes: &[(OffsetMap, Option<OffsetMap>)],
    ) -> Result<bool> {
        // Where to read on is all that it keeps.
        Ok(true)
    }
}

/// Asks the server from a thread that may be held up.
fn on_a_thread(config: &Config, props: &Props) -> Result<Vec<Fault>> {
    let asked = std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.map(|runtime| runtime.block_on(ask(config, props)))
        });
        thread.join()
    });
    match asked {
        Ok(Ok(found)) => found,
        Ok(Err(error)) => Err(gantry_api::Error::io("no thread to ask the server", &error)),
        Err(_) => Err(gantry_api::Error::connect("asking the server ended without a word")),
    }
}

/// Whether the server is there, is of a version that is known, and has what is named.
async fn ask(config: &Config, props: &Props) -> Result<Vec<Fault>> {
    let connection = &config.connection;
    // Whoever waits for the answer is not kept waiting.
    let retry = Retry { max: 0, ..config.retry.clone() };
    let cluster = Cluster::new(connection, retry, 1, CancellationToken::new(), "")?;
    let answer = match cluster.ask(&Method::HEAD, "/", &Body::None).await {
        // It is there, and this is not for the user to know.
        Ok(answer) if answer.status.is_success() || answer.status.as_u16() == 403 => answer,
        Ok(answer) => return Ok(unreachable(connection, &describe(&answer))),
        Err(why) => return Ok(unreachable(connection, &why)),
    };
    if !answer.status.is_success() {
        return Ok(Vec::new());
    }
    let mut faults = Vec::new();
    let fault = |key: &str, text: String| Fault::plain(key, text);
    if let Ok(server) = cluster.server().await {
        let version = &server.version;
        if config.targets.is_stream && server.is_before(7, 9) {
            let text = format!(
                "Elasticsearch version {version} is not compatible with data streams. \
                 Elasticsearch version must be at least 7.9.0."
            );
            for key in [URL, "data.stream.type", "data.stream.dataset"] {
                faults.push(fault(key, text.clone()));
            }
        }
        if server.is_before(7, 0) {
            let text = format!(
                "The connector is not compatible with Elasticsearch version {version}. \
                 Elasticsearch version must be at least 7.0.0."
            );
            faults.push(fault(URL, text));
        }
    }
    if let Some((usage, names)) = confluent::given_resources(props) {
        for name in names {
            let found = match usage.starts_with("alias") {
                true => cluster.alias_exists(&name).await,
                false => cluster.exists(&name).await,
            };
            match found {
                Ok(true) => {}
                Ok(false) => {
                    let text = format!("{usage} '{name}' does not exist in Elasticsearch");
                    faults.push(fault(confluent::RESOURCES, text));
                }
                Err(Halt::Failed(error)) => {
                    let why = error.message();
                    let text = format!("Failed to check if {usage} '{name}' exists: {why}");
                    faults.push(fault(confluent::RESOURCES, text));
                }
                Err(Halt::Stopped) => {}
            }
        }
    }
    Ok(faults)
}

fn unreachable(connection: &config::Connection, why: &str) -> Vec<Fault> {
    let text = format!("Could not connect to Elasticsearch. Error message: {why}");
    let mut faults = vec![Fault::plain(URL, text)];
    if connection.authorization.is_some() {
        let text = format!(
            "Could not authenticate the user. Check the '{USER}' and '{PASSWORD}'. Error message: \
             {why}"
        );
        faults.extend([USER, PASSWORD].map(|key| Fault::plain(key, text.clone())));
    }
    faults
}
