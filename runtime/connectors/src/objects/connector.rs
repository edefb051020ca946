//! The sink connectors.

use gantry_api::model::config::{ConfigValue, ParsedConfig};
use gantry_api::{ConfigDef, Connector, ConnectorContext, OffsetMap, Props, Result, async_trait};

use super::own::{self, Fault};
use super::{Flavour, aiven, confluent};

/// Writes records to files of a store.
#[derive(Debug)]
pub(super) struct ObjectSink {
    flavour: Flavour,
    props: Props,
}

impl ObjectSink {
    pub(super) fn new(flavour: Flavour) -> Self {
        Self { flavour, props: Props::new() }
    }

    fn definition(&self) -> ConfigDef {
        match self.flavour {
            Flavour::Confluent => confluent::definition(),
            Flavour::Aiven => aiven::definition(),
        }
    }

    fn check(&self, parsed: &ParsedConfig, props: &Props) -> Vec<Fault> {
        match self.flavour {
            Flavour::Confluent => confluent::check(parsed, props),
            Flavour::Aiven => aiven::check(parsed, props),
        }
    }
}

#[async_trait]
impl Connector for ObjectSink {
    fn validate(&self, props: &Props, findings: &mut Vec<ConfigValue>) -> Result<()> {
        let definition = self.definition();
        let faults = match definition.parse(props) {
            // What a single key says wrongly stands in the findings.
            Err(_) => own::unknown(&definition, props).collect(),
            Ok(parsed) => self.check(&parsed, props),
        };
        for Fault { key, text } in faults {
            if let Some(value) = findings.iter_mut().find(|value| value.name == key) {
                value.errors.push(text);
                continue;
            }
            let mut value = ConfigValue::new(&key);
            value.errors.push(text);
            findings.push(value);
        }
        Ok(())
    }

    async fn start(&mut self, _ctx: ConnectorContext, props: &Props) -> Result<()> {
        let parsed = self.definition().parse(props)?;
        if let Some(fault) = self.check(&parsed, props).into_iter().next() {
            return Err(fault.into());
        }
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
