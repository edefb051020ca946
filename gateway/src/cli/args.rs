//! What may be written on the command line.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use super::schema::SchemaArgs;
use crate::logging::Level;

#[derive(Debug, Parser)]
#[command(
    name = "gantry",
    version,
    about = "Kafka Connect in one native program, with a durable log inside",
    after_help = "\
Examples:
  gantry standalone                                   a worker on http://127.0.0.1:8083
  gantry standalone worker.properties source.json sink.properties
  gantry connector create source.json
  gantry topic read lines --from-beginning
  gantry preview sink.json --topic lines              what its transformations make of records
  gantry lint source.json                             what is wrong with a file
  gantry schema check orders-value order.avsc         whether a schema could be registered

`gantry <command> --help` shows more, with examples."
)]
pub(super) struct CommandLine {
    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Run a worker: connectors, REST API and the embedded log in this process
    Standalone(StandaloneArgs),
    /// Run a worker whose connectors outlive it, configured over REST alone
    Distributed(DistributedArgs),
    /// Run a schema registry alone: Confluent's REST API and RocketMQ Schema Registry's
    SchemaRegistry(SchemaRegistryArgs),
    /// Look at, check, change and move schemas of any registry with Confluent's REST API
    Schema(SchemaArgs),
    /// Look at, fill and empty topics of a running worker
    Topic(TopicArgs),
    /// Look at the streams jobs that run on the log of a running worker
    Streams(StreamsArgs),
    /// Look at and change connectors of a running worker
    Connector(ConnectorArgs),
    /// Show what a connector's converters and transformations make of records, writing nothing
    Preview(PreviewArgs),
    /// Check connector and worker files without a worker
    Lint(LintArgs),
    /// Print the reference of all worker keys, as Markdown
    WorkerKeys,
    /// Print the reference of the keys of all native connectors, as Markdown
    ConnectorKeys,
}

#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("what").required(true).multiple(true).args(["topic", "records"]))]
#[command(after_help = "\
Examples:
  gantry preview sink.json --topic lines --max 5
      records of a topic, on the worker at http://127.0.0.1:8083
  gantry preview sink.json --topic lines --from latest --url http://worker:8083
  gantry preview source.json --records samples.jsonl
      samples, here: no worker is needed; --worker FILE has its defaults
  gantry topic dump lines --max 5 | gantry preview sink.json --records - --hex

A line of samples is a JSON object with value, and perhaps key, headers, topic, timestamp,
partition, offset. For a source a value is JSON, or {\"schema\":…,\"payload\":…} as JsonConverter
writes it. For a sink it is the text that stands in the topic, {\"hex\":\"…\"}, or JSON as it is.

The exit status is 0, 1 when a record fails or nothing can be shown, 2 for a wrong command line.")]
pub(super) struct PreviewArgs {
    /// The connector's file: properties or JSON
    pub(super) file: PathBuf,
    /// Take records of this topic; with --records, the topic of samples that name none
    #[arg(long)]
    pub(super) topic: Option<String>,
    /// Only this queue of the topic
    #[arg(long, conflicts_with = "records")]
    pub(super) partition: Option<u32>,
    /// Where to begin in the topic: earliest, latest or an offset
    #[arg(long, conflicts_with = "records")]
    pub(super) from: Option<String>,
    /// Take so many records at most
    #[arg(long)]
    pub(super) max: Option<usize>,
    /// Take samples from this file, one JSON object a line; - is standard input
    #[arg(long, value_name = "FILE")]
    pub(super) records: Option<PathBuf>,
    /// Texts of samples are hexadecimal digits, as in a dump
    #[arg(long, requires = "records")]
    pub(super) hex: bool,
    /// The worker file with the defaults of converters, for samples without --url
    #[arg(long, value_name = "FILE", requires = "records", conflicts_with = "url")]
    pub(super) worker: Option<PathBuf>,
    /// Samples are shown here unless --url names a worker; topics are read on the worker
    #[command(flatten)]
    pub(super) connection: WorkerUrl,
    /// Print the answer as JSON
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  gantry lint source.json sink.properties
  gantry lint --worker worker.properties connectors/*.json
      with the worker's converters and config providers
  gantry lint worker.properties
      a properties file without connector.class is a worker file
  gantry lint --explain GL201

Levels are error, warning and info. The exit status is 0 when nothing is above info, 1 when there
is an error, 3 when there are warnings and no error, 2 for a wrong command line.")]
pub(super) struct LintArgs {
    /// Connector files (JSON or properties) and worker files (properties)
    #[arg(value_name = "FILE", required_unless_present = "explain")]
    pub(super) files: Vec<PathBuf>,
    /// The worker file whose defaults and config providers hold for the connectors
    #[arg(long, value_name = "FILE")]
    pub(super) worker: Option<PathBuf>,
    /// Print findings as JSON
    #[arg(long)]
    pub(super) json: bool,
    /// Explain one code, or all of them as Markdown
    #[arg(long, value_name = "CODE", num_args = 0..=1, conflicts_with_all = ["files", "worker", "json"])]
    pub(super) explain: Option<Option<String>>,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  gantry standalone
      embedded log in ./gantry-data, REST on http://127.0.0.1:8083, JSON without schemas
  gantry standalone worker.properties source.properties sink.json
      as Kafka's connect-standalone takes them
  gantry standalone source.json --set gantry.data.dir=/var/lib/gantry
      a connector without a worker file, and one worker key
  gantry standalone worker.properties --log-level WARN --logger gantry.engine.task=DEBUG
      few lines, and many of one part; PUT /admin/loggers/… changes it later

Connectors made over REST live as long as the process; topics and offsets stay (`gantry
distributed` keeps the connectors, too).
SIGTERM or Ctrl-C stops the worker in order, a second one at once.")]
pub(super) struct StandaloneArgs {
    /// A worker file (properties), then connector files (properties or JSON). A first file that
    /// configures a connector means that there is no worker file
    #[arg(value_name = "FILE")]
    pub(super) files: Vec<PathBuf>,
    #[command(flatten)]
    pub(super) run: RunArgs,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  gantry distributed worker.properties
      as Kafka's connect-distributed takes it: group.id, config.storage.topic,
      offset.storage.topic, status.storage.topic and the converters are required
  CONNECT_GROUP_ID=g CONNECT_CONFIG_STORAGE_TOPIC=c … gantry distributed
      every key from the environment, as in container images of Kafka Connect

SIGTERM or Ctrl-C stops the worker in order, a second one at once.")]
pub(super) struct DistributedArgs {
    /// The worker file (properties)
    #[arg(value_name = "FILE")]
    pub(super) file: Option<PathBuf>,
    #[command(flatten)]
    pub(super) run: RunArgs,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  gantry schema-registry
      schemas in ./gantry-data, REST on http://127.0.0.1:8081
  gantry schema-registry --listen 0.0.0.0:8081 --data /var/lib/gantry-schemas
  gantry schema-registry --namesrv 10.0.0.1:9876
      schemas in the topic _schemas of a RocketMQ cluster; any number of them share it
  gantry schema-registry --config schema-registry.properties --data /var/lib/gantry-schemas
      listeners, TLS, users and so on as Confluent's registry has them
  curl -s localhost:8081/subjects

One data directory belongs to one process, a worker's or a registry's.
SIGTERM or Ctrl-C stops it in order, a second one at once.")]
pub(super) struct SchemaRegistryArgs {
    /// A file of Confluent's registry (schema-registry.properties), which may have worker keys, too;
    /// what the command line says counts before it
    #[arg(long, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
    /// Where it listens, over http; 127.0.0.1:8081 if nothing says so
    #[arg(long, value_name = "HOST:PORT")]
    pub(super) listen: Option<SocketAddr>,
    /// Where the schemas are kept
    #[arg(long, value_name = "DIR", conflicts_with = "namesrv")]
    pub(super) data: Option<PathBuf>,
    /// Keep them on a RocketMQ cluster: its name servers, with ; between them
    #[arg(long, value_name = "ADDR")]
    pub(super) namesrv: Option<String>,
    #[command(flatten)]
    pub(super) run: RunArgs,
}

/// What both kinds of worker take.
#[derive(Debug, Args)]
pub(super) struct RunArgs {
    /// Sets a worker key, over what the worker file says; may be given more than once
    #[arg(long, value_name = "KEY=VALUE", value_parser = key_value)]
    pub(super) set: Vec<(String, String)>,
    /// What is logged to standard error: OFF, ERROR, WARN, INFO, DEBUG or TRACE
    #[arg(long, value_name = "LEVEL", env = "CONNECT_LOG4J_ROOT_LOGLEVEL", default_value = "INFO",
          value_parser = log_level)]
    pub(super) log_level: Level,
    /// The level of one logger and those below it, such as gantry.engine=DEBUG or
    /// org.apache.kafka.connect.runtime.WorkerSinkTask=DEBUG; may be given more than once
    #[arg(long, value_name = "NAME=LEVEL", env = "CONNECT_LOG4J_LOGGERS", value_delimiter = ',',
          value_parser = logger_level)]
    pub(super) logger: Vec<Option<(String, Level)>>,
}

/// An empty text, as an environment may have it, is the default.
fn log_level(text: &str) -> Result<Level, String> {
    if text.trim().is_empty() {
        return Ok(Level::Info);
    }
    let wrong =
        || "there is no such level; write OFF, ERROR, WARN, INFO, DEBUG or TRACE".to_owned();
    Level::parse(text).ok_or_else(wrong)
}

/// An empty entry is none.
fn logger_level(text: &str) -> Result<Option<(String, Level)>, String> {
    if text.trim().is_empty() {
        return Ok(None);
    }
    let (name, level) = key_value(text).map_err(|_| "write NAME=LEVEL".to_owned())?;
    Ok(Some((name, log_level(&level)?)))
}

/// Where the worker is, and how to speak to it.
#[derive(Clone, Debug, Args)]
pub(super) struct WorkerUrl {
    /// The worker's REST address
    #[arg(
        long,
        global = true,
        value_name = "URL",
        help = "The worker's REST address [default: http://127.0.0.1:8083]"
    )]
    pub(super) url: Option<String>,
    /// Trust the certificates of this PEM file instead of the system's
    #[arg(long, global = true, value_name = "FILE")]
    pub(super) cacert: Option<PathBuf>,
    /// A user and password, if the other side asks for them. Others can see a command line: better
    /// name a file, or set GANTRY_USER
    #[arg(
        long,
        global = true,
        value_name = "NAME:PASSWORD",
        env = "GANTRY_USER",
        hide_env_values = true
    )]
    pub(super) user: Option<String>,
    /// A file whose first line is NAME:PASSWORD
    #[arg(long, global = true, value_name = "FILE")]
    pub(super) user_file: Option<PathBuf>,
    /// A certificate to show to the other side, with those that issued it, as PEM
    #[arg(long, global = true, value_name = "FILE")]
    pub(super) cert: Option<PathBuf>,
    /// Its private key as PEM, if not in the same file
    #[arg(long, global = true, value_name = "FILE")]
    pub(super) cert_key: Option<PathBuf>,
    /// The password of an encrypted private key
    #[arg(
        long,
        global = true,
        value_name = "PASSWORD",
        env = "GANTRY_KEY_PASSWORD",
        hide_env_values = true
    )]
    pub(super) cert_key_password: Option<String>,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  gantry topic list
  gantry topic create lines --queues 4 --retention-ms 86400000
  gantry topic describe lines
  echo hello | gantry topic write lines --key greeting
  gantry topic read lines --from-beginning --max 10
  gantry topic dump lines --max 100 --timeout-ms 5000 > lines.jsonl
  gantry topic load copy < lines.jsonl
  gantry topic delete copy
  gantry topic list --url https://worker:8443 --cacert ca.pem --user-file ~/.gantry-user")]
pub(super) struct TopicArgs {
    #[command(flatten)]
    pub(super) worker: WorkerUrl,
    #[command(subcommand)]
    pub(super) command: TopicCommand,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  gantry streams list
  gantry streams show orders
  gantry streams list --url https://worker:8443 --cacert ca.pem --user-file ~/.gantry-user")]
pub(super) struct StreamsArgs {
    #[command(flatten)]
    pub(super) worker: WorkerUrl,
    /// Where the jobs say how they are (status_topic of their settings)
    #[arg(long, global = true, default_value = "gantry-streams-status")]
    pub(super) topic: String,
    #[command(subcommand)]
    pub(super) command: StreamsCommand,
}

#[derive(Debug, Subcommand)]
pub(super) enum StreamsCommand {
    /// List the jobs, with their instances, tasks and lag
    List,
    /// Show one job with its instances, tasks and topology
    Show {
        /// The job
        job: String,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum TopicCommand {
    /// List all topics
    List,
    /// Show one topic with the offsets of its queues
    Describe {
        /// The topic
        topic: String,
    },
    /// Create a topic
    Create {
        /// The topic
        topic: String,
        /// How many queues (Kafka: partitions); the worker's gantry.topic.queues if not given
        #[arg(long)]
        queues: Option<u32>,
        /// Keep the last record of each key for ever
        #[arg(long, conflicts_with_all = ["retention_ms", "retention_bytes"])]
        compact: bool,
        /// Milliseconds that records are kept
        #[arg(long)]
        retention_ms: Option<u64>,
        /// Bytes that the topic may keep
        #[arg(long)]
        retention_bytes: Option<u64>,
    },
    /// Delete a topic with its records
    Delete {
        /// The topic
        topic: String,
    },
    /// Print records as text: new ones as they come, or those that are there
    #[command(after_help = "\
Examples:
  gantry topic read lines                              new records, until Ctrl-C
  gantry topic read lines --from-beginning             what is there, then end
  gantry topic read lines --from-beginning --follow    what is there, then new records
  gantry topic read lines --from-beginning --verbose   with queue, offset, time, key, headers")]
    Read {
        /// The topic
        topic: String,
        /// Begin with the oldest record, and end with the newest unless --follow is given
        #[arg(long)]
        from_beginning: bool,
        /// Go on with new records
        #[arg(long)]
        follow: bool,
        /// Stop after so many records
        #[arg(long)]
        max: Option<u64>,
        /// Only this queue
        #[arg(long)]
        partition: Option<u32>,
        /// Print queue, offset, time, key and headers, too
        #[arg(long)]
        verbose: bool,
    },
    /// Write each line of standard input as a record; the topic is created if it is missing
    Write {
        /// The topic
        topic: String,
        /// The key of all records
        #[arg(long, conflicts_with = "key_separator")]
        key: Option<String>,
        /// What stands between key and value in a line, for example a tab
        #[arg(long)]
        key_separator: Option<String>,
        /// A header of all records; may be given more than once
        #[arg(long, value_name = "NAME=VALUE", value_parser = key_value)]
        header: Vec<(String, String)>,
    },
    /// Write records from JSON lines on standard input; the topic is created if it is missing
    #[command(after_help = "\
A line: {\"partition\":0,\"timestamp\":1700000000000,\"key\":null,\"value\":\"6869\",\"headers\":[[\"h\",\"61\"]]}
Keys, values and headers are hexadecimal or null; partition, timestamp and headers may be left out.")]
    Load {
        /// The topic
        topic: String,
    },
    /// Print records as JSON lines, after a line with the number of queues
    #[command(after_help = "\
The first line is {\"partitions\":N}, or {\"missing\":true} if there is no such topic within the
time; then one line for each record, keys, values and headers hexadecimal or null.")]
    Dump {
        /// The topic
        topic: String,
        /// Stop after so many records
        #[arg(long)]
        max: Option<u64>,
        /// Wait so long for the topic and its records; without it, print what is there
        #[arg(long)]
        timeout_ms: Option<u64>,
    },
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  gantry connector list
  gantry connector create source.json
  gantry connector status source
  gantry connector config source --set tasks.max=2
  gantry connector restart source --include-tasks --only-failed
  gantry connector delete source
  gantry connector list --url https://worker:8443 --cacert ca.pem --user-file ~/.gantry-user")]
pub(super) struct ConnectorArgs {
    #[command(flatten)]
    pub(super) worker: WorkerUrl,
    #[command(subcommand)]
    pub(super) command: ConnectorCommand,
}

#[derive(Debug, Subcommand)]
pub(super) enum ConnectorCommand {
    /// List all connectors with their states
    List,
    /// Show the state of a connector and its tasks
    Status {
        /// The connector
        name: String,
    },
    /// Create a connector from a properties or JSON file
    Create {
        /// The file
        file: PathBuf,
    },
    /// Print a connector's configuration, or change keys of it
    Config {
        /// The connector
        name: String,
        /// Sets a key; may be given more than once
        #[arg(long, value_name = "KEY=VALUE", value_parser = key_value)]
        set: Vec<(String, String)>,
        /// Removes a key; may be given more than once
        #[arg(long, value_name = "KEY")]
        unset: Vec<String>,
    },
    /// Create or replace a connector's configuration from a file
    Put {
        /// The file
        file: PathBuf,
    },
    /// Check a configuration without creating the connector
    Validate {
        /// The file
        file: PathBuf,
    },
    /// Pause a connector: its tasks stay and move nothing
    Pause {
        /// The connector
        name: String,
    },
    /// Go on after pause or stop
    Resume {
        /// The connector
        name: String,
    },
    /// Stop a connector: it has no tasks until it is resumed
    Stop {
        /// The connector
        name: String,
    },
    /// Restart a connector, its tasks, or one task
    Restart {
        /// The connector
        name: String,
        /// Restart this task only
        #[arg(long, conflicts_with_all = ["include_tasks", "only_failed"])]
        task: Option<u32>,
        /// Restart the tasks as well
        #[arg(long)]
        include_tasks: bool,
        /// Restart only what has failed
        #[arg(long)]
        only_failed: bool,
    },
    /// Delete a connector; its topics and offsets stay
    Delete {
        /// The connector
        name: String,
    },
    /// Print a connector's offsets
    Offsets {
        /// The connector
        name: String,
        /// Forget them; the connector must be stopped
        #[arg(long)]
        reset: bool,
    },
    /// List the topics that a connector has used
    Topics {
        /// The connector
        name: String,
    },
    /// List the plugins of the worker
    Plugins {
        /// Converters, transformations and predicates as well
        #[arg(long)]
        all: bool,
    },
}

fn key_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.trim().is_empty() => {
            Ok((key.trim().to_owned(), value.to_owned()))
        }
        _ => Err("write KEY=VALUE".to_owned()),
    }
}
