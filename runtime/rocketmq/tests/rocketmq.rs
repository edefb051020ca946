//! The contract of the log, against a real cluster: `tests/rocketmq/run.sh` starts one.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::disallowed_methods,
    reason = "a test, told by its environment where the cluster is"
)]

use std::sync::Arc;

use gantry_log::{FullLog, Str, contract};
use gantry_rocketmq::{RocketmqConfig, RocketmqLog};

fn config() -> RocketmqConfig {
    let name_servers = std::env::var("GANTRY_TEST_NAMESRV").expect("tests/rocketmq/run.sh sets it");
    RocketmqConfig::new(name_servers.split(';').map(Str::from).collect())
}

fn make() -> (Arc<dyn FullLog>, ()) {
    (Arc::new(RocketmqLog::open(config())), ())
}

gantry_log::log_contract_tests!(
    #[ignore = "needs a cluster: tests/rocketmq/run.sh"]
    make
);

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a cluster: tests/rocketmq/run.sh"]
async fn too_large_records_are_refused() {
    let (log, ()) = make();
    contract::too_large_records_are_refused(log, gantry_rocketmq::MESSAGE_BYTES_MAX).await;
}
