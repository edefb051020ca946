//! A Java connector.

use gantry_api::model::config::ConfigValue;
use gantry_api::{
    Connector, ConnectorContext, Error, ExactlyOnceSupport, OffsetMap, Props, Result, async_trait,
};
use serde_json::Value as Json;

use crate::caller::Caller;
use crate::plugins::PluginClass;
use crate::targets::{Registered, Target};
use crate::wire::{Operation, Reader, Writer, config_values, write_offset_map};

/// A connector that lives in a JVM, on a thread of its own once it is started.
#[derive(Debug)]
pub(crate) struct JavaConnector {
    class: PluginClass,
    is_source: bool,
    running: Option<Running>,
}

#[derive(Debug)]
struct Running {
    caller: Caller,
    handle: i64,
    /// Who answers its context.
    _target: Registered,
}

impl JavaConnector {
    pub(crate) fn new(class: PluginClass, is_source: bool) -> Self {
        Self { class, is_source, running: None }
    }

    fn running(&mut self) -> Result<&mut Running> {
        self.running.as_mut().ok_or_else(|| Error::connect("The connector is not started"))
    }

    /// Asks an instance that is made for this question alone, on this thread, which may block.
    fn ask(&self, operation: Operation, request: &Writer) -> Result<bytes::Bytes> {
        let home = self.class.home()?;
        let mut new = Writer::new();
        self.class.write(&mut new);
        new.i64(0).str("");
        let handle = Reader::new(home.call(Operation::NewConnector, 0, &new)?).i64()?;
        let reply = home.call(operation, handle, request);
        home.call(Operation::Release, handle, &Writer::new())?;
        reply
    }

    fn support(&self, operation: Operation, props: &Props) -> Result<ExactlyOnceSupport> {
        let mut out = Writer::new();
        out.props(props);
        let reply = self.ask(operation, &out)?;
        Ok(match Reader::new(reply).u8()? {
            1 => ExactlyOnceSupport::Supported,
            2 => ExactlyOnceSupport::Unsupported,
            _ => ExactlyOnceSupport::Unknown,
        })
    }
}

#[async_trait]
impl Connector for JavaConnector {
    /// What Java finds takes the place of what the definition alone tells.
    fn validate(&self, props: &Props, findings: &mut Vec<ConfigValue>) -> Result<()> {
        let mut out = Writer::new();
        self.class.write(&mut out);
        out.props(props);
        let reply = self.class.home()?.call(Operation::Validate, 0, &out)?;
        *findings = config_values(&mut Reader::new(reply))?;
        Ok(())
    }

    async fn start(&mut self, ctx: ConnectorContext, props: &Props) -> Result<()> {
        let (class, isolation) = (self.class.clone(), ctx.isolation.clone());
        let (name, connector) = (ctx.name.clone(), ctx.name.clone());
        let mut caller = Caller::start(&format!("connector-thread-{name}"), move || {
            class.home_of(&connector, &isolation)
        })?;
        let watched = ctx.clone();
        let target = Registered::new(Target::Connector(ctx));
        let mut out = Writer::new();
        self.class.write(&mut out);
        out.i64(target.number).str(&name);
        let reply = caller.call(Operation::NewConnector, 0, out).await?;
        let handle = Reader::new(reply).i64()?;
        // Its tasks start again by themselves where they may; it does when it is restarted.
        caller.ends_with(handle, Some(Operation::StopConnector));
        caller.home()?.on_end(move |error| watched.raise_error(error));
        let mut out = Writer::new();
        out.props(props);
        // Kept before it is started: what `start` has begun, `stop` ends.
        let running = self.running.insert(Running { caller, handle, _target: target });
        running.caller.call(Operation::StartConnector, handle, out).await?;
        Ok(())
    }

    async fn task_configs(&mut self, max_tasks: u32) -> Result<Vec<Props>> {
        let Running { caller, handle, .. } = self.running()?;
        let mut out = Writer::new();
        out.i32(i32::try_from(max_tasks).unwrap_or(i32::MAX));
        let from = &mut Reader::new(caller.call(Operation::TaskConfigs, *handle, out).await?);
        let count = from.count()?;
        (0..count).map(|_| Ok(from.props()?)).collect()
    }

    async fn stop(&mut self) -> Result<()> {
        let Some(Running { caller, handle, _target }) = self.running.take() else {
            return Ok(());
        };
        caller.stop(Operation::StopConnector, handle).await
    }

    fn exactly_once_support(&self, props: &Props) -> Result<ExactlyOnceSupport> {
        self.support(Operation::ExactlyOnceSupport, props)
    }

    fn defines_transactions(&self, props: &Props) -> Result<bool> {
        let support = self.support(Operation::TransactionBoundaries, props)?;
        Ok(support == ExactlyOnceSupport::Supported)
    }

    async fn alter_offsets(
        &mut self,
        props: &Props,
        changes: &[(OffsetMap, Option<OffsetMap>)],
    ) -> Result<bool> {
        let mut out = Writer::new();
        out.props(props).bool(!self.is_source).varint(changes.len());
        for (partition, offset) in changes {
            match self.is_source {
                true => {
                    write_offset_map(Some(partition), &mut out);
                    write_offset_map(offset.as_ref(), &mut out);
                }
                false => write_sink_offset(partition, offset.as_ref(), &mut out),
            }
        }
        let class = self.class.clone();
        let asked = JavaConnector::new(class, self.is_source);
        let reply = tokio::task::spawn_blocking(move || asked.ask(Operation::AlterOffsets, &out));
        let reply = reply.await.map_err(|error| Error::connect(error.to_string()))??;
        Ok(Reader::new(reply).bool()?)
    }
}

/// An offset of a sink as the REST API shows it.
fn write_sink_offset(partition: &OffsetMap, offset: Option<&OffsetMap>, out: &mut Writer) {
    let number = |map: &OffsetMap, key: &str| map.get(key).and_then(Json::as_i64);
    let topic = partition.get("kafka_topic").and_then(Json::as_str).unwrap_or_default();
    let queue = number(partition, "kafka_partition").and_then(|n| i32::try_from(n).ok());
    let offset = offset.and_then(|offset| number(offset, "kafka_offset"));
    out.str(topic).i32(queue.unwrap_or_default()).i64(offset.unwrap_or(-1));
}
