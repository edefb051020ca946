//! What a registry is opened with.

use std::sync::Arc;
use std::time::Duration;

use crate::users::SubjectUsers;

/// How a registry behaves.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The topic that holds everything.
    pub topic: String,
    /// How long a write may take until it is answered with an error.
    pub write_timeout: Duration,
    /// The compatibility level where none is set.
    pub compatibility_level: String,
    /// Whether modes may be changed.
    pub mode_mutability: bool,
    /// Whether rule sets are kept. Confluent's community build leaves them out of what it is
    /// given.
    pub rule_sets: bool,
    /// What `/v1/metadata/id` names as the Kafka cluster.
    pub cluster_id: String,
    /// What `/v1/metadata/id` names as the schema registry cluster.
    pub group_id: String,
    /// The version of Confluent's registry that it behaves like: clients decide by it what they
    /// may ask.
    pub version: String,
    /// What `/v1/metadata/version` names as the commit.
    pub commit_id: String,
    /// Who knows the connectors that use subjects; none: answers tell nothing of them.
    pub users: Option<Arc<dyn SubjectUsers>>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            topic: "_schemas".to_owned(),
            write_timeout: Duration::from_secs(10),
            compatibility_level: "BACKWARD".to_owned(),
            mode_mutability: true,
            rule_sets: true,
            cluster_id: "gantry".to_owned(),
            group_id: "schema-registry".to_owned(),
            version: "8.3.1".to_owned(),
            commit_id: "unknown".to_owned(),
            users: None,
        }
    }
}
