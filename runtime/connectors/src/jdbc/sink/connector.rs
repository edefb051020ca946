//! The sink connectors.

use gantry_api::model::config::ConfigValue;
use gantry_api::{Connector, ConnectorContext, Props, Result, async_trait};

use super::config::{Config, DELETE, PK_FIELDS, PK_MODE};
use crate::jdbc::{Flavour, keys};

/// Writes tables.
#[derive(Debug)]
pub(crate) struct JdbcSink {
    flavour: Flavour,
    props: Props,
}

impl JdbcSink {
    pub(in crate::jdbc) fn new(flavour: Flavour) -> Self {
        Self { flavour, props: Props::new() }
    }
}

#[async_trait]
impl Connector for JdbcSink {
    fn validate(&self, props: &Props, findings: &mut Vec<ConfigValue>) -> Result<()> {
        let text = |name: &str| props.get(name).map_or("", String::as_str).trim().to_lowercase();
        let mut add = |name: &str, error: String| {
            if let Some(value) = findings.iter_mut().find(|value| value.name == name) {
                value.errors.push(error);
            }
        };
        let (mode, fields) = (text(PK_MODE), text(PK_FIELDS));
        if text(DELETE) == "true" && mode != "record_key" {
            match self.flavour {
                Flavour::Confluent => {
                    for name in [DELETE, PK_MODE] {
                        add(name, "Deletes are only supported for pk.mode record_key".to_owned());
                    }
                }
                Flavour::Aiven => {
                    add(DELETE, "Delete support only works with pk.mode=record_key".to_owned())
                }
            }
        }
        if self.flavour == Flavour::Aiven {
            if (mode.is_empty() || mode == "none") && !fields.is_empty() {
                add(
                    PK_FIELDS,
                    "Primary key fields should not be set when pkMode is 'none'.".to_owned(),
                );
            }
            if mode == "kafka" && !fields.is_empty() && fields.split(',').count() != 3 {
                add(
                    PK_FIELDS,
                    "Primary key fields must be set with three fields (topic, partition, offset) when pkMode is 'kafka'."
                        .to_owned(),
                );
            }
        }
        if findings.iter().any(|value| !value.errors.is_empty()) {
            return Ok(());
        }
        let opened =
            Config::parse(self.flavour, props).map(|config| config.connecting.access.open());
        let error = match opened {
            Ok(Ok(_)) => return Ok(()),
            Ok(Err(error)) => format!("Could not connect to database. {error}"),
            Err(error) => error.message().to_owned(),
        };
        if let Some(value) = findings.iter_mut().find(|value| value.name == keys::URL) {
            value.errors.push(error);
        }
        Ok(())
    }

    async fn start(&mut self, _ctx: ConnectorContext, props: &Props) -> Result<()> {
        Config::parse(self.flavour, props)?;
        self.props = props.clone();
        Ok(())
    }

    async fn task_configs(&mut self, max_tasks: u32) -> Result<Vec<Props>> {
        Ok(vec![self.props.clone(); max_tasks as usize])
    }
}
