//! A connection through which commands run many at a time.

use std::collections::HashMap;

use futures_util::StreamExt;
use futures_util::stream;
use redis::aio::{ConnectionLike, MultiplexedConnection};
use redis::cluster_async::ClusterConnection;
use redis::cluster_routing::{Route, SingleNodeRoutingInfo, Slot, SlotAddr};
use redis::{Cmd, Pipeline, RedisError, Value};
use tokio::task::JoinHandle;

use super::fault::Fault;

/// Parts of a cluster that are written to at a time.
const SLOTS_AT_A_TIME: usize = 64;

/// A connection.
pub(crate) struct Link {
    to: To,
    /// Reads and writes; it ends with the connection.
    driver: Option<JoinHandle<()>>,
}

enum To {
    Single(MultiplexedConnection),
    Cluster(ClusterConnection),
}

impl Drop for Link {
    fn drop(&mut self) {
        if let Some(driver) = &self.driver {
            driver.abort();
        }
    }
}

impl std::fmt::Debug for Link {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Link")
    }
}

/// What became of commands in a transaction.
pub(crate) enum Executed {
    /// All were done, each with its answer.
    Done(Vec<Value>),
    /// A key that was watched has changed: none was done.
    Overtaken,
    /// None was done because of these, by their place.
    Refused(Vec<(usize, Fault)>),
}

impl Link {
    pub(crate) fn single(connection: MultiplexedConnection, driver: JoinHandle<()>) -> Self {
        Self { to: To::Single(connection), driver: Some(driver) }
    }

    pub(crate) fn cluster(connection: ClusterConnection) -> Self {
        Self { to: To::Cluster(connection), driver: None }
    }

    /// One command's answer.
    pub(crate) async fn one(&mut self, cmd: Cmd) -> Result<Value, Fault> {
        let answer = match &mut self.to {
            To::Single(connection) => connection.req_packed_command(&cmd).await,
            To::Cluster(connection) => connection.req_packed_command(&cmd).await,
        };
        match answer {
            Ok(Value::ServerError(error)) => Err(Fault::of_answer(&error)),
            Ok(value) => Ok(value),
            Err(error) => Err(Fault::of_error(&error)),
        }
    }

    /// Runs commands in one go, in order for each key. An answer may be an error of its command; the error of all
    /// says that it is not known what was done.
    pub(crate) async fn run(&mut self, commands: Vec<Cmd>) -> Result<Vec<Value>, Fault> {
        if commands.is_empty() {
            return Ok(Vec::new());
        }
        let done = match &mut self.to {
            To::Single(connection) => {
                let (pipeline, count) = piped(commands);
                connection.req_packed_commands(&pipeline, 0, count).await
            }
            To::Cluster(connection) => by_slots(connection, commands).await,
        };
        done.map_err(|error| Fault::of_error(&error))
    }

    /// Runs all of the commands or none, which a cluster cannot.
    pub(crate) async fn transaction(&mut self, commands: Vec<Cmd>) -> Result<Executed, Fault> {
        let To::Single(connection) = &mut self.to else {
            return Err(Fault::Lasting("a cluster has no transactions".to_owned()));
        };
        let (mut pipeline, count) = piped(commands);
        pipeline.atomic();
        match connection.req_packed_commands(&pipeline, count + 1, 1).await {
            Ok(mut answers) => match answers.pop() {
                Some(Value::Array(answers)) => Ok(Executed::Done(answers)),
                Some(Value::Nil) => Ok(Executed::Overtaken),
                Some(Value::ServerError(error)) => Err(Fault::of_answer(&error)),
                other => Err(Fault::Passing(format!("EXEC was answered by {other:?}"))),
            },
            Err(error) => aborted(error),
        }
    }
}

fn aborted(error: RedisError) -> Result<Executed, Fault> {
    let fault = Fault::of_error(&error);
    let Some(errors) = error.into_server_errors() else { return Err(fault) };
    let mut refused = Vec::with_capacity(errors.len());
    for (at, error) in errors.iter() {
        match Fault::of_answer(error) {
            // Of all commands, whichever was the first.
            fault @ Fault::Passing(_) => return Err(fault),
            fault => refused.push((*at, fault)),
        }
    }
    match refused.is_empty() {
        true => Err(fault),
        false => Ok(Executed::Refused(refused)),
    }
}

fn piped(commands: Vec<Cmd>) -> (Pipeline, usize) {
    let count = commands.len();
    let mut pipeline = Pipeline::with_capacity(count);
    for cmd in commands {
        pipeline.add_command(cmd);
    }
    (pipeline, count)
}

/// The part of a cluster that has a command's key, which is the first argument of all that is run here.
fn slot(cmd: &Cmd) -> Slot {
    match cmd.args_iter().nth(1) {
        Some(redis::Arg::Simple(key)) => Slot::for_key(key),
        _ => Slot::for_key(b""),
    }
}

async fn by_slots(
    connection: &ClusterConnection,
    commands: Vec<Cmd>,
) -> Result<Vec<Value>, RedisError> {
    let mut parts: HashMap<Slot, Vec<(usize, Cmd)>> = HashMap::new();
    let count = commands.len();
    for (at, cmd) in commands.into_iter().enumerate() {
        parts.entry(slot(&cmd)).or_default().push((at, cmd));
    }
    let mut answers = vec![Value::Nil; count];
    let done = parts.into_iter().map(|(slot, part)| of_slot(connection.clone(), slot, part));
    let mut done = stream::iter(done).buffer_unordered(SLOTS_AT_A_TIME);
    while let Some(part) = done.next().await {
        for (at, value) in part? {
            if let Some(answer) = answers.get_mut(at) {
                *answer = value;
            }
        }
    }
    Ok(answers)
}

/// Commands of one part of the cluster. One that has moved meanwhile, and those behind it, are run again one by one,
/// as then the library follows.
async fn of_slot(
    mut connection: ClusterConnection,
    slot: Slot,
    part: Vec<(usize, Cmd)>,
) -> Result<Vec<(usize, Value)>, RedisError> {
    let (places, commands): (Vec<usize>, Vec<Cmd>) = part.into_iter().unzip();
    let (pipeline, count) = piped(commands.clone());
    let to = SingleNodeRoutingInfo::SpecificNode(Route::with_slot(slot, SlotAddr::Master));
    let mut answers = connection.route_pipeline(pipeline, 0, count, to).await?;
    let is_moved = |value: &Value| match value {
        Value::ServerError(error) => matches!(error.code(), "MOVED" | "ASK" | "TRYAGAIN"),
        _ => false,
    };
    if let Some(first) = answers.iter().position(is_moved) {
        answers.truncate(first);
        for cmd in commands.iter().skip(first) {
            let answer = match connection.req_packed_command(cmd).await {
                Ok(value) => value,
                Err(error) => match error.into_server_errors().as_deref() {
                    Some([(_, error), ..]) => Value::ServerError(error.clone()),
                    _ => {
                        return Err(redis::RedisError::from(std::io::Error::other(
                            "a part of the cluster moved, and its new place does not answer",
                        )));
                    }
                },
            };
            answers.push(answer);
        }
    }
    Ok(places.into_iter().zip(answers).collect())
}
