//! The statements, on a real server.
#![expect(clippy::disallowed_methods, reason = "the server's address comes from the environment")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use proptest::test_runner::{Config, TestRunner};

use super::Database;
use crate::remote::trial::{run, steps};
use crate::settings::MySqlStore;

#[test]
#[ignore = "tests/streams/mysql.py runs it"]
fn the_tables_do_as_the_model_of_them() {
    let url = std::env::var("GANTRY_TEST_MYSQL").expect("tests/streams/mysql.py sets it");
    let job = format!("trial-{}", fastrand::u32(..));
    let database = Arc::new(Database::open(&job, &MySqlStore::new(url)).unwrap());
    // Each case has a task of its own, and all of them a neighbour with rows.
    let queue = AtomicU32::new(0);
    let mut runner = TestRunner::new(Config::with_cases(200));
    let tried = runner.run(&steps(), |steps| {
        run(Arc::<Database>::clone(&database) as _, queue.fetch_add(1, Ordering::Relaxed), steps)
    });
    tried.unwrap();
}
