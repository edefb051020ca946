//! What Java asks of Rust: each connector and task that lives in Java has a number here, under
//! which its context answers.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, LazyLock, Mutex, PoisonError, RwLock};

use bytes::Bytes;
use gantry_api::{
    ConnectRecord, ConnectorContext, Datum, Error, OffsetReader, Result, SinkRecord,
    SinkTaskContext, SourcePartition, SourceTaskContext, TimestampType, TopicPartition,
};
use tokio::runtime::Handle;

use crate::sink_log;
use crate::wire::{Failure, Reader, Upcall, Writer, offset_map, write_offset_map};

/// Whom Java asks.
#[derive(Debug)]
pub(crate) enum Target {
    Connector(ConnectorContext),
    Source(SourceTaskContext),
    Sink {
        context: SinkTaskContext,
        /// Where what it asks of the log is done.
        runtime: Handle,
        /// Its queues now.
        assigned: Mutex<Vec<TopicPartition>>,
    },
}

impl Target {
    fn offsets(&self) -> Option<&Arc<dyn OffsetReader>> {
        match self {
            Self::Connector(context) => Some(&context.offsets),
            Self::Source(context) => Some(&context.offsets),
            Self::Sink { .. } => None,
        }
    }
    fn sink(&self) -> Result<&SinkTaskContext> {
        match self {
            Self::Sink { context, .. } => Ok(context),
            _ => Err(Error::connect("only a sink task has this context")),
        }
    }
    /// As logs name it: `NAME` or `NAME-0`.
    fn name(&self) -> String {
        match self {
            Self::Connector(context) => context.name.to_string(),
            Self::Source(context) => format!("{}-{}", context.connector, context.task),
            Self::Sink { context, .. } => format!("{}-{}", context.connector, context.task),
        }
    }
}

type Targets = RwLock<HashMap<i64, Arc<Target>>>;

/// One table for the process, as its JVM is one.
static TARGETS: LazyLock<Targets> = LazyLock::new(Targets::default);
static NEXT: AtomicI64 = AtomicI64::new(1);

/// A target's number; the target is gone when this is.
#[derive(Debug)]
pub(crate) struct Registered {
    pub(crate) number: i64,
    pub(crate) target: Arc<Target>,
}

impl Registered {
    pub(crate) fn new(target: Target) -> Self {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let target = Arc::new(target);
        let mut targets = TARGETS.write().unwrap_or_else(PoisonError::into_inner);
        targets.insert(number, Arc::clone(&target));
        Self { number, target }
    }
}

impl Drop for Registered {
    fn drop(&mut self) {
        TARGETS.write().unwrap_or_else(PoisonError::into_inner).remove(&self.number);
    }
}

fn target(number: i64) -> Option<Arc<Target>> {
    TARGETS.read().unwrap_or_else(PoisonError::into_inner).get(&number).cloned()
}

/// Answers an upcall.
pub(crate) fn answer(operation: i32, number: i64, request: Bytes) -> Result<Option<Vec<u8>>> {
    let upcall = Upcall::of(operation)
        .ok_or_else(|| Error::connect(format!("there is no upcall {operation}")))?;
    let from = &mut Reader::new(request);
    let found = target(number);
    match upcall {
        Upcall::Log => return log(found.as_deref(), from),
        Upcall::Exit => return exit(found.as_deref(), from),
        _ => {}
    }
    let target = found.ok_or_else(|| {
        Error::connect("the connector or task that this belongs to was stopped meanwhile")
    })?;
    match upcall {
        Upcall::Offsets => return offsets(&target, from).map(Some),
        Upcall::Assignment => return Ok(Some(assignment(&target)?)),
        Upcall::Reconfigure => connector(&target)?.request_task_reconfiguration(),
        Upcall::RaiseError => {
            connector(&target)?.raise_error(Failure::read_from(from)?.into_error());
        }
        Upcall::Errant => errant(&target, from)?,
        Upcall::Rewind => target.sink()?.rewind(from.offsets()?),
        Upcall::Pause => target.sink()?.pause(&from.queues()?),
        Upcall::Resume => target.sink()?.resume(&from.queues()?),
        Upcall::Timeout => target.sink()?.timeout(u64::try_from(from.i64()?).unwrap_or_default()),
        Upcall::RequestCommit => target.sink()?.request_commit(),
        Upcall::HistoryAppend | Upcall::HistoryRead | Upcall::HistoryExists => {
            return crate::history::answer(upcall, from);
        }
        Upcall::LogWrite
        | Upcall::LogRead
        | Upcall::LogQueues
        | Upcall::LogRange
        | Upcall::LogMembers
        | Upcall::LogCommitted
        | Upcall::LogCommit => return log_of_sink(&target, upcall, from),
        Upcall::Log | Upcall::Exit => {}
    }
    Ok(None)
}

fn connector(target: &Target) -> Result<&ConnectorContext> {
    match target {
        Target::Connector(context) => Ok(context),
        _ => Err(Error::connect("only a connector has this context")),
    }
}

fn offsets(target: &Target, from: &mut Reader) -> Result<Vec<u8>> {
    let reader = target.offsets().ok_or_else(|| Error::connect("a sink has no source offsets"))?;
    let count = from.count()?;
    let mut out = Writer::new();
    out.varint(count);
    for _ in 0..count {
        let partition = SourcePartition::new(offset_map(from)?.unwrap_or_default());
        write_offset_map(reader.offset(&partition).as_ref(), &mut out);
    }
    Ok(out.into_bytes())
}

fn log_of_sink(target: &Target, upcall: Upcall, from: &mut Reader) -> Result<Option<Vec<u8>>> {
    match target {
        Target::Sink { context, runtime, .. } => {
            let log = context.log.as_deref().ok_or_else(|| {
                Error::connect("There is no log here; start the connector in a worker")
            })?;
            runtime.block_on(sink_log::answer(log, upcall, from))
        }
        _ => Err(Error::connect("only a sink task reads and writes the log itself")),
    }
}

fn assignment(target: &Target) -> Result<Vec<u8>> {
    let Target::Sink { assigned, .. } = target else {
        return Err(Error::connect("only a sink task has queues"));
    };
    let assigned = assigned.lock().unwrap_or_else(PoisonError::into_inner);
    let mut out = Writer::new();
    out.queues(assigned.iter());
    Ok(out.into_bytes())
}

fn errant(target: &Target, from: &mut Reader) -> Result<()> {
    let origin = from.queue()?;
    let offset = u64::try_from(from.i64()?).unwrap_or_default();
    let error = Failure::read_from(from)?.into_error();
    // The runtime has the record itself; which one it is says its place in the log.
    let record = SinkRecord {
        record: ConnectRecord::new(origin.topic.clone(), Datum::NULL),
        origin,
        offset,
        timestamp_type: TimestampType::CreateTime,
    };
    target.sink()?.report(record, error);
    Ok(())
}

/// An event of a Java logger. Whether it is wanted was decided there.
fn log(target: Option<&Target>, from: &mut Reader) -> Result<Option<Vec<u8>>> {
    let level = from.u8()?;
    let (logger, thread, message) = (from.str()?, from.str()?, from.str()?);
    let trace = from.optional_str()?;
    let message = match trace {
        Some(trace) => format!("{message}\n{}", trace.trim_end()),
        None => message,
    };
    let task = target.map(Target::name).unwrap_or_default();
    macro_rules! event {
        ($level:expr) => {
            match task.is_empty() {
                true => tracing::event!(target: "java", $level, logger, thread, "{message}"),
                false => tracing::event!(target: "java", $level, task, logger, thread, "{message}"),
            }
        };
    }
    match level {
        1 => event!(tracing::Level::ERROR),
        2 => event!(tracing::Level::WARN),
        3 => event!(tracing::Level::INFO),
        4 => event!(tracing::Level::DEBUG),
        _ => event!(tracing::Level::TRACE),
    }
    Ok(None)
}

/// A plugin has called `System.exit`: its thread gets an error instead.
fn exit(target: Option<&Target>, from: &mut Reader) -> Result<Option<Vec<u8>>> {
    let (status, trace) = (from.i32()?, from.str()?);
    let task = target.map(Target::name).unwrap_or_default();
    tracing::error!(task, status, trace, "a Java plugin tried to end the process; it was not let");
    Ok(None)
}
