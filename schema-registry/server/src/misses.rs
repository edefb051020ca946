//! What is not found here may have been written by another node a moment ago.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::timeout;
use tokio_util::task::AbortOnDropHandle;

use crate::store::Reach;

/// One catch-up at a time, for all that was missed before it began: however many ask for what is
/// not there, the log is asked once after the other.
#[derive(Debug)]
pub(crate) struct Misses {
    counted: watch::Sender<u64>,
    /// How many of them a catch-up has been for.
    covered: watch::Receiver<u64>,
    limit: Duration,
    _task: AbortOnDropHandle<()>,
}

impl Misses {
    /// To be called on the threads that the log is to be asked on: not all requests are served
    /// on them.
    pub(crate) fn new(reach: Reach) -> Self {
        let (counted, misses) = watch::channel(0);
        let (sender, covered) = watch::channel(0);
        let limit = reach.limit;
        let task = AbortOnDropHandle::new(tokio::spawn(cover(reach, misses, sender)));
        Self { counted, covered, limit, _task: task }
    }

    /// Waits until all is folded that is in the topic now. After a while it is over all the same:
    /// what is known then has to do.
    pub(crate) async fn catch_up(&self) {
        let mut number = 0;
        self.counted.send_modify(|counted| {
            *counted += 1;
            number = *counted;
        });
        let mut covered = self.covered.clone();
        // What could not be had in time is not told: the follower of the topic warns.
        let _ = timeout(self.limit, covered.wait_for(|covered| *covered >= number)).await;
    }
}

async fn cover(reach: Reach, mut misses: watch::Receiver<u64>, covered: watch::Sender<u64>) {
    while misses.changed().await.is_ok() {
        let number = *misses.borrow_and_update();
        if let Ok(Err(error)) = timeout(reach.limit, reach.catch_up()).await {
            tracing::debug!(%error, "what was not found is not looked for in the log");
        }
        covered.send_replace(number);
    }
}
