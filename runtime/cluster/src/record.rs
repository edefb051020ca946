//! What stands in the cluster log.

use std::fmt;

use bytes::Bytes;
use gantry_model::Str;
use gantry_model::plugin::Props;
use serde::{Deserialize, Serialize};

/// The format that this version writes. A worker reads the one before and the one behind as well,
/// so that a cluster can be upgraded worker by worker.
pub const FORMAT: u32 = 1;

/// One life of one worker process: random, so that a worker that was started again is another.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Incarnation(pub u64);

impl fmt::Debug for Incarnation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// What is given to a worker to run.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Unit {
    /// The connector's name.
    pub connector: Str,
    /// The task's number; `None` is the connector itself.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub task: Option<u32>,
}

impl Unit {
    /// A connector itself.
    pub fn connector(name: &Str) -> Self {
        Self { connector: Str::clone(name), task: None }
    }
    /// One of its tasks.
    pub fn task(name: &Str, task: u32) -> Self {
        Self { connector: Str::clone(name), task: Some(task) }
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.task {
            None => write!(f, "{}", self.connector),
            Some(task) => write!(f, "{}-{task}", self.connector),
        }
    }
}

impl fmt::Debug for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What a connector shall do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum TargetState {
    /// Work.
    #[default]
    Started,
    /// Hold its tasks without working.
    Paused,
    /// Have no tasks.
    Stopped,
}

/// One record: who wrote it, and what it says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The format it was written in.
    #[serde(rename = "v")]
    pub format: u32,
    /// Who wrote it.
    pub by: Incarnation,
    /// Counts up with each record of one writer; an append that was tried again has its old one.
    pub seq: u64,
    /// What it says.
    #[serde(flatten)]
    pub body: Body,
}

/// What a record says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Body {
    /// A worker takes part from now on.
    Join {
        /// Its `host:port`, as status answers show it.
        name: Str,
        /// Where its REST listens.
        url: Str,
        /// Which cluster it means.
        #[serde(default)]
        group: Str,
        /// Without a heartbeat for so long it counts as gone.
        session_ms: u64,
        /// It sends one so often.
        heartbeat_ms: u64,
    },
    /// A worker is alive.
    Heartbeat {
        /// The last record that it folded …
        offset: u64,
        /// … and what came of all of them.
        hash: u32,
    },
    /// A worker has stopped all it ran and takes no part any more.
    Leave {},
    /// A connector is created or changed.
    Put {
        /// Its name.
        name: Str,
        /// Its configuration.
        config: Props,
        /// What it shall do; `None` leaves that as it is, and is STARTED for a new one.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        target: Option<TargetState>,
        /// Its version is above this one, which the offset log knows.
        #[serde(skip_serializing_if = "is_zero", default)]
        above: u64,
        /// Only if there is none of this name.
        #[serde(skip_serializing_if = "is_false", default)]
        create: bool,
        /// Only if it has this version.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        expected: Option<u64>,
    },
    /// A connector is deleted.
    Delete {
        /// Its name.
        name: Str,
    },
    /// A connector shall do something else.
    Target {
        /// Its name.
        name: Str,
        /// What it shall do.
        state: TargetState,
    },
    /// The tasks of a connector, worked out by whoever owns it.
    Tasks {
        /// Its name.
        name: Str,
        /// The version of the configuration they come from.
        version: u64,
        /// The epoch in which the writer owns the connector.
        epoch: u64,
        /// One configuration for each task.
        configs: Vec<Props>,
        /// Their generation is above this one, which the offset log knows.
        #[serde(skip_serializing_if = "is_zero", default)]
        above: u64,
    },
    /// A worker wants a unit that is free.
    Claim {
        /// Which.
        unit: Unit,
        /// The epoch that it saw.
        seen: u64,
        /// Its epoch is above this one, which the offset log knows.
        #[serde(skip_serializing_if = "is_zero", default)]
        above: u64,
    },
    /// A worker has stopped a unit.
    Release {
        /// Which.
        unit: Unit,
        /// The epoch in which it owned it.
        epoch: u64,
        /// It kept failing here and shall be tried elsewhere.
        #[serde(skip_serializing_if = "is_false", default)]
        failing: bool,
    },
    /// Units shall be started again by whoever owns them.
    Restart {
        /// The connector's name.
        name: Str,
        /// One task only.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        task: Option<u32>,
        /// All of its tasks, too.
        #[serde(skip_serializing_if = "is_false", default)]
        include_tasks: bool,
        /// Only what has failed.
        #[serde(skip_serializing_if = "is_false", default)]
        only_failed: bool,
    },
    /// A part of what came of all records up to an offset.
    Snapshot {
        /// The last record that counts.
        upto: u64,
        /// This part, from 0.
        part: u32,
        /// How many there are.
        parts: u32,
        /// A piece of JSON text.
        text: String,
    },
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_zero(n: &u64) -> bool {
    *n == 0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_false(flag: &bool) -> bool {
    !flag
}

/// Why a record cannot be read. Whoever folds passes over it and counts it.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// It is no record of a cluster at all.
    #[error("no record of the cluster protocol: {0}")]
    Foreign(#[from] serde_json::Error),
    /// A version too far from this one wrote it.
    #[error("written in format {0}; this version reads formats {min} to {max}", min = FORMAT - 1, max = FORMAT + 1)]
    Format(u32),
}

impl Record {
    /// As it is written.
    pub fn to_bytes(&self) -> Bytes {
        serde_json::to_vec(self).map(Bytes::from).unwrap_or_default()
    }
    /// As it was read.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ReadError> {
        #[derive(Deserialize)]
        struct Head {
            v: u32,
            #[serde(rename = "by")]
            _by: serde::de::IgnoredAny,
            #[serde(rename = "seq")]
            _seq: serde::de::IgnoredAny,
        }
        let Head { v, .. } = serde_json::from_slice(bytes)?;
        if v.abs_diff(FORMAT) > 1 {
            return Err(ReadError::Format(v));
        }
        Ok(serde_json::from_slice(bytes)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_read_as_they_were_written() {
        let name: Str = "c".into();
        let bodies = [
            Body::Leave {},
            Body::Heartbeat { offset: 7, hash: 9 },
            Body::Claim { unit: Unit::task(&name, 1), seen: 2, above: 0 },
            Body::Put {
                name: Str::clone(&name),
                config: Props::new(),
                target: None,
                above: 3,
                create: true,
                expected: None,
            },
            Body::Snapshot { upto: 1, part: 0, parts: 1, text: "{}".into() },
        ];
        for (seq, body) in (1..).zip(bodies) {
            let record = Record { format: FORMAT, by: Incarnation(u64::MAX), seq, body };
            assert_eq!(Record::from_bytes(&record.to_bytes()).unwrap(), record);
        }
    }

    #[test]
    fn what_is_foreign_or_too_far_away_is_told_apart() {
        assert!(matches!(Record::from_bytes(b"{\"properties\":{}}"), Err(ReadError::Foreign(_))));
        assert!(matches!(Record::from_bytes(b"\xff"), Err(ReadError::Foreign(_))));
        assert!(matches!(Record::from_bytes(b"{\"v\":99}"), Err(ReadError::Foreign(_))));
        let far = br#"{"v":3,"by":1,"seq":1,"leave":{}}"#;
        let error = Record::from_bytes(far).unwrap_err();
        assert_eq!(error.to_string(), "written in format 3; this version reads formats 0 to 2");
    }
}
