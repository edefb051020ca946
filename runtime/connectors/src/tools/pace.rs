//! How many records are due, at so many a second on average since the start.

use tokio::time::{Duration, Instant, sleep_until};

/// Records at a time where there is no limit, or much to make up for.
const BATCH_RECORDS: i64 = 500;

/// The pace of one task: record `n` is due `n / throughput` seconds after the start.
#[derive(Debug)]
pub(super) struct Pace {
    /// Records a second; `None` is without limit.
    rate: Option<f64>,
    begun: Instant,
    given: i64,
}

impl Pace {
    /// Begins now. A negative throughput is no limit; with 0 the first record is the last.
    pub(super) fn new(throughput: i64) -> Self {
        let rate = (throughput >= 0).then_some(throughput as f64);
        Self { rate, begun: Instant::now(), given: 0 }
    }

    /// Waits until records are due; how many are: at least 1. Cancel safe.
    pub(super) async fn due(&self) -> i64 {
        let Some(rate) = self.rate else { return BATCH_RECORDS };
        if self.given > 0 && rate == 0.0 {
            return std::future::pending().await;
        }
        if self.given > 0 {
            sleep_until(self.begun + Duration::from_secs_f64(self.given as f64 / rate)).await;
        }
        let so_far = (self.begun.elapsed().as_secs_f64() * rate) as i64 + 1;
        (so_far - self.given).clamp(1, BATCH_RECORDS)
    }

    /// Counts records as given.
    pub(super) fn given(&mut self, count: i64) {
        self.given = self.given.saturating_add(count);
    }
}
