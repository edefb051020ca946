//! A log, or a database with state, that cannot be reached: it is asked again and again, and told of now and then.

use std::time::{Duration, Instant};

/// The wait before it is asked again.
pub(crate) const RETRY: Duration = Duration::from_millis(200);
/// How often it is told that it still cannot be reached.
const TELL_INTERVAL: Duration = Duration::from_secs(30);

/// What was told of an outage.
#[derive(Debug, Default)]
pub(crate) struct Outage(Option<Instant>);

impl Outage {
    /// It is still so: whether it is time to tell.
    pub(crate) fn tells(&mut self) -> bool {
        let due = self.0.is_none_or(|told| told.elapsed() >= TELL_INTERVAL);
        if due {
            self.0 = Some(Instant::now());
        }
        due
    }

    /// It is over.
    pub(crate) fn over(&mut self) {
        self.0 = None;
    }
}
