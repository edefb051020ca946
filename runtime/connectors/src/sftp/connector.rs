//! The connectors: check their keys, the server and its directories; make schemas; divide files among tasks.

use gantry_api::model::config::{ConfigDef, ConfigValue};
use gantry_api::{
    Connector, ConnectorContext, Error, ExactlyOnceSupport, OffsetMap, Props, Result, async_trait,
};

use super::config::{Server, as_directory, kind};
use super::keys;
use super::place::Remote;
use super::session::Refusal;
use crate::spooldir::config::{self as spool, Kind, Paths};
use crate::spooldir::connector::{divide, with_schemas};
use crate::spooldir::offset;

/// Reads the files of a server's directory.
#[derive(Debug)]
pub(super) struct SftpSource {
    /// What the files are; none if a key says it.
    kind: Option<Kind>,
    props: Props,
}

/// The error of a connector or a task that cannot run.
pub(super) fn error_of(refusal: &Refusal) -> Error {
    Error::connect(format!("{} (configuration {})", refusal.text, refusal.key))
}

pub(super) fn definition(kind: Option<Kind>) -> ConfigDef {
    kind.map_or_else(keys::generic, keys::of)
}

fn report(findings: &mut [ConfigValue], refusal: &Refusal) {
    if let Some(value) = findings.iter_mut().find(|value| value.name == refusal.key) {
        value.errors.push(error_of(refusal).message().to_owned());
    }
}

fn is_right(findings: &[ConfigValue]) -> bool {
    findings.iter().all(|value| value.errors.is_empty())
}

impl SftpSource {
    pub(super) fn new(kind: Option<Kind>) -> Self {
        Self { kind, props: Props::new() }
    }

    /// The keys for themselves and together.
    fn check(
        &self,
        props: &Props,
        findings: &mut [ConfigValue],
    ) -> Option<(Server, Paths<String>)> {
        if !is_right(findings) {
            return None;
        }
        let parsed = definition(self.kind).parse(props).ok()?;
        let kind = kind(self.kind, props);
        spool::validate(kind, &kind.definition(), &as_directory(&parsed, props), findings);
        match (Server::new(&parsed), Paths::new(&parsed)) {
            (Ok(server), Ok(paths)) => Some((server, paths)),
            (Err(refusal), _) => {
                report(findings, &refusal);
                None
            }
            _ => None,
        }
    }
}

#[async_trait]
impl Connector for SftpSource {
    fn validate(&self, props: &Props, findings: &mut Vec<ConfigValue>) -> Result<()> {
        let Some((server, paths)) = self.check(props, findings) else { return Ok(()) };
        if is_right(findings)
            && let Err(refusal) = Remote::new(server, paths, "validation", 0).check()
        {
            report(findings, &refusal);
        }
        Ok(())
    }

    fn validate_offline(&self, props: &Props, findings: &mut Vec<ConfigValue>) -> Result<()> {
        self.check(props, findings);
        Ok(())
    }

    async fn start(&mut self, ctx: ConnectorContext, props: &Props) -> Result<()> {
        let parsed = definition(self.kind).parse(props)?;
        let server = Server::new(&parsed).map_err(|refusal| error_of(&refusal))?;
        let paths = Paths::new(&parsed)?;
        let kind = kind(self.kind, props);
        let directory = kind.definition().parse(&as_directory(&parsed, props))?;
        let name = ctx.name;
        let place = move || Ok(Remote::new(server, paths, &name, 0));
        self.props = with_schemas(kind, directory, props, place).await?;
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
