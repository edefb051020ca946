//! `gantry.tasks.auto`: how many tasks a sink has, between one and `tasks.max`, by its queues and
//! by how far it is behind.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use gantry_api::{ConnectorContext, Str};
use gantry_log::LogError;

use super::Herder;
use crate::connector_config::ConnectorConfig;

/// Looks in a row at which a sink must have nothing to catch up before it gets fewer tasks …
const CALM_LOOKS: u32 = 4;
/// … doubled up to this each time that it turned out to need them.
const CALM_LOOKS_MAX: u32 = 64;

/// How many tasks a sink shall have; its connector is asked for so many.
#[derive(Clone, Debug)]
pub(crate) struct TaskCount(Arc<AtomicU32>);

impl TaskCount {
    fn new(count: u32) -> Self {
        Self(Arc::new(AtomicU32::new(count)))
    }

    pub(super) fn get(&self) -> u32 {
        self.0.load(Ordering::Acquire)
    }

    fn set(&self, count: u32) {
        self.0.store(count, Ordering::Release);
    }
}

/// What was seen of a sink at one time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Seen {
    queues: u32,
    /// Records that it has not committed.
    lag: u64,
    /// The sum of its committed offsets.
    committed: u64,
}

/// Decides from what it sees.
#[derive(Debug)]
struct Scaling {
    tasks: u32,
    max: u32,
    last: Option<Seen>,
    calm: u32,
    calm_wanted: u32,
    shrank: bool,
}

impl Scaling {
    fn new(tasks: u32, max: u32) -> Self {
        Self { tasks, max, last: None, calm: 0, calm_wanted: CALM_LOOKS, shrank: false }
    }

    /// How many tasks there shall be from now on.
    fn look(&mut self, seen: Seen) -> u32 {
        let limit = self.max.min(seen.queues).max(1);
        let last = self.last.replace(seen);
        let done = last.map_or(0, |last| seen.committed.saturating_sub(last.committed));
        // At the pace of the last interval it would need more than another one. Who does nothing
        // at all would not do more with more tasks.
        let behind = done > 0 && seen.lag > done && last.is_some_and(|last| last.lag > 0);
        self.calm = if seen.lag <= done / 10 { self.calm + 1 } else { 0 };
        if behind && self.tasks < limit {
            if std::mem::take(&mut self.shrank) {
                self.calm_wanted = (self.calm_wanted * 2).min(CALM_LOOKS_MAX);
            }
            self.change(self.tasks.saturating_mul(2));
        } else if self.calm >= self.calm_wanted && self.tasks > 1 {
            self.shrank = true;
            self.change(self.tasks.div_ceil(2));
        }
        // Without a queue a task does nothing.
        self.tasks = self.tasks.min(limit);
        self.tasks
    }

    fn change(&mut self, tasks: u32) {
        self.tasks = tasks;
        self.calm = 0;
        // What is done while the tasks change says nothing of what they can do.
        self.last = None;
    }
}

impl Herder {
    /// Begins to look after the number of tasks of a sink that is starting: until its token
    /// fires. `None`: it has as many as it makes of `tasks.max`.
    pub(super) async fn scale(
        &self,
        name: &str,
        config: &Arc<ConnectorConfig>,
        max: u32,
        context: ConnectorContext,
    ) -> Option<TaskCount> {
        let interval = Duration::from_millis(config.tasks_auto_interval_ms?);
        let before = self.cluster.as_ref().and_then(|cluster| {
            cluster.connector(name, |connector| connector.tasks.as_ref().map(|t| t.configs.len()))
        });
        let before = before.flatten().and_then(|count| u32::try_from(count).ok());
        let tasks = match (before.filter(|count| *count > 0), self.seen(name, config).await) {
            (Some(count), _) => count.min(max),
            // What is there already is caught up with by all.
            (None, Ok(seen)) if seen.lag > 0 => max.min(seen.queues).max(1),
            _ => 1,
        };
        let count = TaskCount::new(tasks);
        let scaling = Scaling::new(tasks, max);
        let watcher = Watcher {
            herder: self.me.clone(),
            name: name.into(),
            config: Arc::clone(config),
            count: count.clone(),
            context,
        };
        tokio::spawn(watcher.run(scaling, interval));
        Some(count)
    }

    async fn seen(&self, name: &str, config: &ConnectorConfig) -> Result<Seen, LogError> {
        let queues = self.queues_of(config).await?;
        let offsets = self.offsets.sink_offsets(name);
        let mut seen =
            Seen { queues: u32::try_from(queues.len()).unwrap_or(u32::MAX), ..Seen::default() };
        for queue in &queues {
            let range = self.log.range(queue).await?;
            let at = offsets.get(queue).map_or(range.earliest, |at| at.offset);
            let at = at.clamp(range.earliest, range.next);
            seen.lag += range.next - at;
            seen.committed += at;
        }
        Ok(seen)
    }
}

struct Watcher {
    herder: std::sync::Weak<Herder>,
    name: Str,
    config: Arc<ConnectorConfig>,
    count: TaskCount,
    context: ConnectorContext,
}

impl Watcher {
    async fn run(self, mut scaling: Scaling, interval: Duration) {
        loop {
            tokio::select! {
                () = self.context.cancel.cancelled() => return,
                () = tokio::time::sleep(interval) => {}
            }
            let Some(herder) = self.herder.upgrade() else { return };
            let seen = match herder.seen(&self.name, &self.config).await {
                Ok(seen) => seen,
                Err(error) => {
                    tracing::warn!(connector = %self.name, %error, "cannot see how far it is behind");
                    continue;
                }
            };
            let before = self.count.get();
            let tasks = scaling.look(seen);
            if tasks != before {
                tracing::info!(connector = %self.name, before, tasks, lag = seen.lag, queues = seen.queues, "the sink gets another number of tasks");
                self.count.set(tasks);
                self.context.request_task_reconfiguration();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(queues: u32, lag: u64, committed: u64) -> Seen {
        Seen { queues, lag, committed }
    }

    #[test]
    fn who_is_behind_gets_more_up_to_queues_and_maximum() {
        let mut scaling = Scaling::new(1, 6);
        assert_eq!(scaling.look(seen(8, 1_000, 0)), 1, "the first look says nothing of its pace");
        assert_eq!(scaling.look(seen(8, 1_000, 100)), 2);
        assert_eq!(scaling.look(seen(8, 1_000, 200)), 2, "it has only begun");
        assert_eq!(scaling.look(seen(8, 1_000, 300)), 4);
        for committed in 4..9 {
            scaling.look(seen(8, 1_000, committed * 100));
        }
        assert_eq!(scaling.tasks, 6, "tasks.max");
        let mut stuck = Scaling::new(1, 6);
        assert!((0..9).all(|_| stuck.look(seen(8, 1_000, 100)) == 1), "it does nothing at all");
        assert_eq!(scaling.look(seen(3, 1_000, 500)), 3, "its queues");
        assert_eq!(scaling.look(seen(0, 0, 500)), 1);
    }

    #[test]
    fn who_keeps_up_keeps_its_tasks_and_who_has_nothing_to_do_gets_fewer() {
        let mut scaling = Scaling::new(4, 8);
        for round in 1..20 {
            assert_eq!(scaling.look(seen(8, 80, round * 100)), 4, "catches up within an interval");
        }
        for _ in 1..CALM_LOOKS {
            assert_eq!(scaling.look(seen(8, 0, 1_900)), 4);
        }
        assert_eq!(scaling.look(seen(8, 0, 1_900)), 2);
        for _ in 0..CALM_LOOKS {
            scaling.look(seen(8, 0, 1_900));
        }
        assert_eq!(scaling.tasks, 1);
    }

    #[test]
    fn who_turned_out_to_need_them_keeps_them_longer() {
        let mut scaling = Scaling::new(2, 2);
        let shrink = |scaling: &mut Scaling| {
            let mut looks = 0;
            while scaling.tasks == 2 {
                scaling.look(seen(2, 0, 0));
                looks += 1;
            }
            scaling.look(seen(2, 100, 0));
            scaling.look(seen(2, 100, 1));
            assert_eq!(scaling.tasks, 2);
            looks
        };
        let looks: Vec<u32> = (0..6).map(|_| shrink(&mut scaling)).collect();
        assert_eq!(looks, [4, 8, 16, 32, 64, 64]);
    }
}
