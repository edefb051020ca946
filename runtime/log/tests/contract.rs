//! Both logs keep the contract.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::sync::Arc;

use gantry_log::{EmbeddedConfig, EmbeddedLog, FullLog, MemoryLog, contract};

mod memory {
    use super::*;

    fn make() -> (Arc<dyn FullLog>, ()) {
        (Arc::new(MemoryLog::new()), ())
    }

    gantry_log::log_contract_tests!(make);

    #[tokio::test]
    async fn too_large_records_are_refused() {
        let log = Arc::new(MemoryLog::with_max_record_bytes(10_000));
        contract::too_large_records_are_refused(log, 10_000).await;
    }
}

mod embedded {
    use super::*;

    fn make() -> (Arc<dyn FullLog>, tempfile::TempDir) {
        let dir = tempfile::tempdir().unwrap();
        let log = EmbeddedLog::open(EmbeddedConfig::new(dir.path())).unwrap();
        (Arc::new(log), dir)
    }

    gantry_log::log_contract_tests!(make);

    #[tokio::test]
    async fn too_large_records_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let config = EmbeddedConfig { max_record_bytes: 10_000, ..EmbeddedConfig::new(dir.path()) };
        let log = Arc::new(EmbeddedLog::open(config).unwrap());
        contract::too_large_records_are_refused(log, 10_000).await;
    }
}

/// The same with segments so small that everything rolls, is indexed and compacted meanwhile, and
/// with so little in flight that appends wait for each other.
mod embedded_small {
    use super::*;

    fn make() -> (Arc<dyn FullLog>, tempfile::TempDir) {
        let dir = tempfile::tempdir().unwrap();
        let config = EmbeddedConfig {
            segment_bytes: 4096,
            retention_check_interval_ms: 1,
            sync_interval_ms: 1,
            max_in_flight_bytes: 2000,
            ..EmbeddedConfig::new(dir.path())
        };
        (Arc::new(EmbeddedLog::open(config).unwrap()), dir)
    }

    gantry_log::log_contract_tests!(make);
}
