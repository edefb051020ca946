//! The command line.

mod args;
mod client;
mod client_tls;
mod connector;
mod lint;
mod output;
mod preview;
mod schema;
mod streams;
mod topic;
mod topic_io;

#[cfg(test)]
mod tests;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;
use clap::error::ErrorKind;
use gantry_engine::PluginLoader;

use self::args::{Command, CommandLine, RunArgs, SchemaRegistryArgs};
use self::output::{complain, say, say_bytes};
use crate::logging;
use crate::metrics::MetricsReporter;
use crate::schema_registry::{self, RegistryRun};
use crate::startup::{self, WorkerFiles};
use crate::worker_config::{Mode, markdown};

/// The exit status of a command line that is wrong.
const EXIT_USAGE: u8 = 2;

/// Runs a command line, program name first.
pub(crate) fn run(
    args: impl IntoIterator<Item = OsString>,
    plugins: PluginLoader,
    reporters: Vec<Arc<dyn MetricsReporter>>,
) -> ExitCode {
    let command_line = match CommandLine::try_parse_from(args) {
        Ok(command_line) => command_line,
        Err(error) => return usage(&error),
    };
    let outcome = match command_line.command {
        Command::Standalone(args) => {
            worker(Mode::Standalone, args.files, args.run, plugins, reporters)
        }
        Command::Distributed(args) => {
            worker(Mode::Distributed, args.file.into_iter().collect(), args.run, plugins, reporters)
        }
        Command::SchemaRegistry(args) => schema_registry(&args, &plugins),
        Command::Schema(args) => schema::run(args),
        Command::Topic(args) => topic::run(args).map(success),
        Command::Streams(args) => streams::run(args).map(success),
        Command::Connector(args) => connector::run(args, &plugins.load()).map(success),
        Command::Preview(args) => preview::run(args, plugins.load()),
        Command::Lint(args) => lint::run(&args, plugins.load()),
        Command::WorkerKeys => say_bytes(markdown().as_bytes()).map(success),
        Command::ConnectorKeys => {
            say_bytes(crate::connector_keys::markdown().as_bytes()).map(success)
        }
    };
    match outcome {
        Ok(status) => status,
        Err(error) => {
            complain(&error);
            ExitCode::FAILURE
        }
    }
}

/// Runs a worker; what ends it goes to the log.
fn worker(
    mode: Mode,
    files: Vec<PathBuf>,
    args: RunArgs,
    plugins: PluginLoader,
    reporters: Vec<Arc<dyn MetricsReporter>>,
) -> Result<ExitCode, String> {
    let some: Vec<_> = args.logger.into_iter().flatten().collect();
    let loggers = logging::start(args.log_level, &some);
    logged(startup::run(
        &WorkerFiles { mode, files, overrides: args.set, loggers, reporters },
        plugins,
    ))
}

/// Runs a schema registry; what ends it goes to the log.
fn schema_registry(args: &SchemaRegistryArgs, plugins: &PluginLoader) -> Result<ExitCode, String> {
    let some: Vec<_> = args.run.logger.iter().flatten().cloned().collect();
    let _loggers = logging::start(args.run.log_level, &some);
    let run = RegistryRun {
        config: args.config.as_deref(),
        listen: args.listen,
        data: args.data.as_deref(),
        name_servers: args.namesrv.as_deref(),
        keys: &args.run.set,
    };
    logged(schema_registry::run(&run, plugins))
}

fn logged(outcome: Result<(), String>) -> Result<ExitCode, String> {
    // Where nothing is logged the failure is told all the same.
    if let (Err(error), true) = (&outcome, tracing::enabled!(tracing::Level::ERROR)) {
        tracing::error!("{error}");
        return Ok(ExitCode::FAILURE);
    }
    outcome.map(success)
}

fn success(_done: ()) -> ExitCode {
    ExitCode::SUCCESS
}

fn usage(error: &clap::Error) -> ExitCode {
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            let _ = say(error.render().to_string().trim_end());
            ExitCode::SUCCESS
        }
        _ => {
            complain(error.render().to_string().trim_end());
            ExitCode::from(EXIT_USAGE)
        }
    }
}
