//! How a job runs.

mod mysql;
mod props;
mod refused;
#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::time::Duration;

use crate::error::StreamsError;
pub use mysql::MySqlStore;

/// What happens with a record that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub enum BadRecords {
    /// The job stops, with the record's place.
    #[default]
    Stop,
    /// It is passed over, with a warning in the log.
    Skip,
    /// It goes to a topic as it is, with its place and the reason in headers; the topic is made if it
    /// is not there.
    DeadLetter(String),
}

/// Where a job begins that has never run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Start {
    /// At the first record that is there.
    #[default]
    Earliest,
    /// Behind the last one.
    Latest,
}

/// What a job promises of each record, whatever is killed and started again. Where a log writes
/// several queues at once, as the embedded one, both come to exactly once, which costs nothing there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Guarantee {
    /// State is exact; what sinks get may come twice after a failure.
    AtLeastOnce,
    /// It counts once, in state and for readers that read what is committed:
    /// [`CommittedReader`](crate::CommittedReader), sinks of Gantry, other jobs.
    #[default]
    ExactlyOnce,
}

/// How many instances of a job share its queues.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Instances {
    /// Several, where the log is one that other processes may use; one on a log in this process.
    #[default]
    ByLog,
    /// As many as are started: they find each other in the log and share the queues.
    Several,
    /// Only this one, which the user sees to: it starts without asking for others.
    One,
}

/// Where state is kept besides this machine, so that another one goes on with it.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub enum StateStore {
    /// In a topic of the log for each store, with what changes in it.
    #[default]
    ChangeLog,
    /// In tables of a MySQL or MariaDB server. Needs the feature `mysql`.
    MySql(MySqlStore),
}

/// How a job runs. Start from [`Settings::new`] and change what shall differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Where state is kept; one process at a time has it.
    pub state_dir: PathBuf,
    /// How many threads the tasks are spread over; default: the number of cores.
    pub threads: usize,
    /// Time between two checkpoints: how old the output is at most. Default 100 ms.
    pub checkpoint_interval: Duration,
    /// What is promised of each record.
    pub guarantee: Guarantee,
    /// So much the watermark is behind the latest record. Default 0.
    pub allowed_lateness: Duration,
    /// Event time goes on with the wall clock where nothing came for so long. Default: it does not.
    pub idle_time: Option<Duration>,
    /// What happens with a record that cannot be read.
    pub bad_records: BadRecords,
    /// Where records go that come too late for their windows: as they were read, once for each operator
    /// that they are too late for, with its name, their place and the times in headers. The topic is
    /// made if it is not there. Default: they are dropped, and counted.
    pub late_records: Option<String>,
    /// Where a job begins that has never run.
    pub start: Start,
    /// State is kept on this machine only: no change log, so that it is lost with the directory.
    /// Default false.
    pub local_storage_only: bool,
    /// Where state is kept besides this machine. Default: in change logs.
    pub state_store: StateStore,
    /// How many entries of state each store of each task may hold in memory. Default 100,000.
    pub cache_entries: usize,
    /// Bytes of RocksDB's own cache. Default 16 MiB.
    pub block_cache_bytes: usize,
    /// Bytes that a thread reads at once. Default 1 MiB.
    pub read_bytes: usize,
    /// Whether other instances of the job share its queues. Default: by the log.
    pub instances: Instances,
    /// An instance that is silent for so long is taken for dead, and others take its queues; from
    /// 1 s to 1 h. Default 10 s.
    pub session_timeout: Duration,
    /// Where the instance says now and then how it is, for `gantry streams`; `None`: nowhere. The topic
    /// is made if it is not there. Default `gantry-streams-status`.
    pub status_topic: Option<String>,
    /// Where this instance is asked for its state by others, `host:port`: the other instances tell
    /// it to those who ask them. Default: where it listens, if that is one address.
    pub application_server: Option<String>,
    /// Where it answers over HTTP, `host:port`; port 0 is any that is free. Needs the feature `http`.
    /// Default: nowhere.
    pub listen: Option<String>,
    /// So many other instances keep the state of each task warm by following its change logs, so
    /// that one of them goes on with it at once when its instance is gone. Default 0.
    pub standby_replicas: u32,
}

const SESSION_TIMEOUTS: std::ops::RangeInclusive<Duration> =
    Duration::from_secs(1)..=Duration::from_secs(60 * 60);
/// Largest number of threads.
const THREADS_MAX: usize = 1024;

impl Settings {
    /// The defaults, with state in that directory.
    pub fn new(state_dir: impl Into<PathBuf>) -> Self {
        Self {
            state_dir: state_dir.into(),
            threads: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            checkpoint_interval: Duration::from_millis(100),
            guarantee: Guarantee::default(),
            allowed_lateness: Duration::ZERO,
            idle_time: None,
            bad_records: BadRecords::default(),
            late_records: None,
            start: Start::default(),
            local_storage_only: false,
            state_store: StateStore::default(),
            cache_entries: 100_000,
            block_cache_bytes: 16 << 20,
            read_bytes: 1 << 20,
            instances: Instances::default(),
            session_timeout: Duration::from_secs(10),
            status_topic: Some("gantry-streams-status".to_owned()),
            application_server: None,
            listen: None,
            standby_replicas: 0,
        }
    }

    pub(crate) fn check(&self) -> Result<(), StreamsError> {
        let fault = |key: &str, value: String, reason: &str| {
            Err(StreamsError::Setting { key: String::from(key), value, reason: reason.to_owned() })
        };
        if self.threads == 0 || self.threads > THREADS_MAX {
            return fault("threads", self.threads.to_string(), "must be from 1 to 1024");
        }
        if self.cache_entries == 0 {
            return fault("cache_entries", "0".to_owned(), "must be at least 1");
        }
        if self.checkpoint_interval.is_zero() {
            return fault("checkpoint_interval", "0".to_owned(), "must be longer than nothing");
        }
        for (key, value, port_min) in
            [("application_server", &self.application_server, 1), ("listen", &self.listen, 0)]
        {
            if let Some(value) = value.as_ref().filter(|value| !is_address(value, port_min)) {
                return fault(key, value.clone(), ADDRESS);
            }
        }
        if let (Some(value), false) = (&self.listen, cfg!(feature = "http")) {
            let reason = "this program is built without the feature http of gantry-streams";
            return fault("listen", value.clone(), reason);
        }
        if self.standby_replicas > 0 && self.local_storage_only {
            let reason =
                "must be 0 with local_storage_only, by which there are no change logs to follow";
            return fault("standby_replicas", self.standby_replicas.to_string(), reason);
        }
        self.check_state_store()?;
        if !SESSION_TIMEOUTS.contains(&self.session_timeout) {
            let value = format!("{} ms", self.session_timeout.as_millis());
            return fault("session_timeout", value, "must be from 1 s to 1 h");
        }
        Ok(())
    }

    fn check_state_store(&self) -> Result<(), StreamsError> {
        let StateStore::MySql(mysql) = &self.state_store else { return Ok(()) };
        let fault = |key: &str, value: String, reason: &str| {
            Err(StreamsError::Setting { key: String::from(key), value, reason: reason.to_owned() })
        };
        if !cfg!(feature = "mysql") {
            let reason = "this program is built without the feature mysql of gantry-streams";
            return fault("state_store", format!("{mysql}"), reason);
        }
        if self.standby_replicas > 0 {
            let reason = "must be 0 with state in MySQL: there are no change logs to follow, and a task goes on at once with what is in the database";
            return fault("standby_replicas", self.standby_replicas.to_string(), reason);
        }
        if self.local_storage_only {
            let reason = "must be false with state in MySQL: either state is on this machine only, or it is in the database too";
            return fault("local_storage_only", "true".to_owned(), reason);
        }
        mysql.check()
    }

    /// Where state is kept that is not in change logs.
    pub(crate) fn kept_in(&self) -> Option<gantry_log::Str> {
        match self.state_store {
            StateStore::ChangeLog => None,
            StateStore::MySql(_) => Some("MySQL".into()),
        }
    }

    /// Whether what changes in state goes to topics.
    pub(crate) fn has_change_logs(&self) -> bool {
        !self.local_storage_only && self.state_store == StateStore::ChangeLog
    }
}

/// What an address must be.
const ADDRESS: &str = "must be a host and a port, such as host1:8080";

/// Whether it is a host and a port, from that one on.
fn is_address(text: &str, port_min: u16) -> bool {
    let parts = text.rsplit_once(':');
    parts.is_some_and(|(host, port)| {
        let plain = |c: char| c.is_ascii_alphanumeric() || "-._[]:".contains(c);
        !host.is_empty()
            && host.chars().all(plain)
            && port.parse().is_ok_and(|port: u16| port >= port_min)
    })
}

/// Milliseconds, as event times are.
pub(crate) fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
