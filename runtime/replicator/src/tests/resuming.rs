//! Workers that end at any moment: each record is there once, in order, and groups go on where
//! they were.

use std::sync::Arc;
use std::time::Duration;

use gantry_log::{EmbeddedConfig, EmbeddedLog, MemoryLog};

use super::{AnyLog, Worker, all, motley, put, topic, until, until_copied};
use crate::source::Syncs;

/// Ends a worker as a power cut does, for all that its tasks can tell: the log goes first.
fn on_disk(dir: &std::path::Path) -> AnyLog {
    Arc::new(EmbeddedLog::open(EmbeddedConfig::new(dir)).unwrap())
}

#[test]
fn what_was_copied_is_not_copied_again() {
    let dir = tempfile::tempdir().unwrap();
    let memory = Arc::new(MemoryLog::new());
    let source: AnyLog = memory.clone();
    let mut chance = fastrand::Rng::with_seed(1);
    let runtime = || {
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
    };
    runtime().block_on(async {
        topic(&source, "orders", 4).await;
        put(&source, "orders", 0, motley(1_000)).await;
        memory.expire("orders", 100);
    });
    for turn in 0..6 {
        let runtime = runtime();
        let target = on_disk(dir.path());
        runtime.block_on(async {
            let worker = Worker::start(&source, &target).await;
            worker.create("copy", "Source", &[("tasks.max", "3")]).await;
            for _ in 0..chance.usize(1..40) {
                put(&source, "orders", chance.u32(0..4), motley(chance.usize(1..100))).await;
                tokio::time::sleep(Duration::from_millis(chance.u64(0..6))).await;
            }
            if turn == 5 {
                until_copied(&worker, (&source, "orders"), (&target, "a.orders"), true).await;
                let mut syncs = Syncs::new("mm2-offset-syncs.a.internal".into());
                until(&worker, "all offsets are known", || async {
                    let mut syncs = Syncs::new("mm2-offset-syncs.a.internal".into());
                    syncs.catch_up(&*target).await.unwrap();
                    let mut known = 0;
                    for (queue, sync) in &syncs.of {
                        let end = source.range(queue).await.unwrap().next;
                        known += usize::from(sync.mapping.translate(end) == Some(end));
                    }
                    known == 4
                })
                .await;
                syncs.catch_up(&*target).await.unwrap();
                for (queue, sync) in &syncs.of {
                    for (offset, _) in all(&source, "orders", queue.partition).await {
                        assert_eq!(sync.mapping.translate(offset), Some(offset), "{queue}");
                    }
                }
                worker.herder.shutdown().await;
            }
        });
        // Tasks stop wherever they wait, and tell nobody.
        runtime.shutdown_background();
        until_alone(target);
    }
}

/// Waits until nobody has the log, and closes it.
fn until_alone(mut log: AnyLog) {
    for _ in 0..1_000 {
        match Arc::get_mut(&mut log) {
            Some(_) => return drop(log),
            None => std::thread::sleep(Duration::from_millis(10)),
        }
    }
    panic!("somebody still has the log");
}
