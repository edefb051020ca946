//! The connectors: check their keys, make schemas, divide files among tasks.

use gantry_api::model::config::{ConfigValue, ParsedConfig};
use gantry_api::{
    Connector, ConnectorContext, Error, ExactlyOnceSupport, OffsetMap, Props, Result, async_trait,
};

use super::config::{self, Kind, Paths};
use super::local::Local;
use super::place::Place;
use super::value::schema_json;
use super::{generate, keys, offset};

/// Reads the files of a directory.
#[derive(Debug)]
pub(crate) struct SpoolDirSource {
    kind: Kind,
    props: Props,
}

impl SpoolDirSource {
    pub(crate) fn new(kind: Kind) -> Self {
        Self { kind, props: Props::new() }
    }
}

/// The properties of tasks, with schemas where they are to be made.
pub(crate) async fn with_schemas<P: Place + 'static>(
    kind: Kind,
    parsed: ParsedConfig,
    props: &Props,
    place: impl FnOnce() -> Result<P> + Send + 'static,
) -> Result<Props> {
    let mut props = props.clone();
    if !kind.has_schemas() {
        return Ok(props);
    }
    let known = config::schemas(&parsed)?;
    if known.is_none() {
        tracing::info!(
            "key.schema or value.schema is not set: both are made from the files that are there"
        );
        let made = tokio::task::spawn_blocking(move || {
            let schemas = generate::generate(kind, &parsed, &mut place()?)?;
            config::stamps(&parsed, Some(&schemas.value))?;
            Ok(schemas)
        });
        let failed = |error| Err(Error::connect(format!("making schemas failed: {error}")));
        let schemas = made.await.unwrap_or_else(failed)?;
        props.insert(keys::KEY_SCHEMA.to_owned(), schema_json::write(&schemas.key));
        props.insert(keys::VALUE_SCHEMA.to_owned(), schema_json::write(&schemas.value));
    }
    Ok(props)
}

/// One configuration for each task.
pub(crate) fn divide(props: &Props, tasks: u32) -> Vec<Props> {
    let tasks = tasks.max(1);
    let task = |index: u32| {
        let mut props = props.clone();
        props.insert(keys::TASK_INDEX.to_owned(), index.to_string());
        props.insert(keys::TASK_COUNT.to_owned(), tasks.to_string());
        props
    };
    (0..tasks).map(task).collect()
}

#[async_trait]
impl Connector for SpoolDirSource {
    fn validate(&self, props: &Props, findings: &mut Vec<ConfigValue>) -> Result<()> {
        self.validate_offline(props, findings)?;
        config::validate_paths(&self.kind.definition(), props, findings);
        Ok(())
    }

    fn validate_offline(&self, props: &Props, findings: &mut Vec<ConfigValue>) -> Result<()> {
        config::validate(self.kind, &self.kind.definition(), props, findings);
        Ok(())
    }

    async fn start(&mut self, ctx: ConnectorContext, props: &Props) -> Result<()> {
        let parsed = self.kind.definition().parse(props)?;
        let paths = Paths::new(&parsed)?;
        let name = ctx.name;
        let place = move || Ok(Local::new(paths, &name));
        self.props = with_schemas(self.kind, parsed, props, place).await?;
        Ok(())
    }

    async fn task_configs(&mut self, max_tasks: u32) -> Result<Vec<Props>> {
        Ok(divide(&self.props, max_tasks))
    }

    fn exactly_once_support(&self, _props: &Props) -> Result<ExactlyOnceSupport> {
        Ok(ExactlyOnceSupport::Supported)
    }

    async fn alter_offsets(
        &mut self,
        _props: &Props,
        changes: &[(OffsetMap, Option<OffsetMap>)],
    ) -> Result<bool> {
        offset::check(changes)
    }
}
