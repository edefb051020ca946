//! This worker's part in a cluster: carries out what the protocol of `gantry-cluster` decides.
//!
//! ```text
//! cluster topic ─▶ Driver ─▶ Member (the protocol) ─▶ Driver ─▶ cluster topic
//!                    │  ▲                               │
//!                REST requests                     start, stop ─▶ unit runners ─▶ status topic
//! ```

mod driver;
mod settings;
mod status;
mod unit_connector;
mod unit_task;
mod units;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use gantry_cluster::{Connector, Member, Refusal, Request, State, Unit, Verdict};
use gantry_coordination::{Asked, Copies, now_ms};
use gantry_log::FullLog;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use crate::error::HerderError;
pub(crate) use driver::drive;
pub use gantry_cluster::Allocation;
pub use settings::ClusterSettings;
pub(crate) use status::{Status, Statuses};
use units::LocalUnit;

/// Requests and reports that wait for the driver.
const ASKED_MAX: usize = 1024;
/// The longest that a request of a user waits for its answer, as in Kafka Connect.
pub(crate) const REQUEST_LIMIT: Duration = Duration::from_secs(90);
/// The key of a sink task's configuration in which its queues stand.
pub(crate) const QUEUES: &str = "gantry.assigned.queues";

/// What is known of the cluster, and how to ask it for something.
pub(crate) struct Cluster {
    settings: ClusterSettings,
    /// Of its topics, on this worker's disk.
    pub(crate) copies: Copies,
    member: Mutex<Member>,
    asked: mpsc::Sender<Asked>,
    pub(crate) statuses: Statuses,
    units: Mutex<BTreeMap<Unit, LocalUnit>>,
    /// Why the worker takes no part, if it does not.
    waiting_for: Mutex<Option<String>>,
    /// Whether it has taken part once.
    took_part: AtomicBool,
    stopping: CancellationToken,
    left: CancellationToken,
    /// Fires when the last copies of its topics are on disk.
    copied: CancellationToken,
}

/// A cluster that is not yet driven.
pub(crate) struct Undriven {
    pub(crate) cluster: Arc<Cluster>,
    asked: mpsc::Receiver<Asked>,
    control: Arc<dyn FullLog>,
}

impl Cluster {
    /// Takes part once it is driven. `control` is the log that its topics are read from and
    /// written to, each append tried once.
    pub(crate) fn undriven(
        settings: ClusterSettings,
        worker_id: &str,
        control: Arc<dyn FullLog>,
    ) -> Undriven {
        let member = Member::new(settings.member(worker_id), now_ms());
        let (asked, queue) = mpsc::channel(ASKED_MAX);
        let cluster = Arc::new(Self {
            statuses: Statuses::new(worker_id),
            copies: Copies::new(settings.copies.clone()),
            settings,
            member: Mutex::new(member),
            asked,
            units: Mutex::default(),
            waiting_for: Mutex::new(Some("it has not read its topics yet".to_owned())),
            took_part: AtomicBool::new(false),
            stopping: CancellationToken::new(),
            left: CancellationToken::new(),
            copied: CancellationToken::new(),
        });
        Undriven { cluster, asked: queue, control }
    }

    fn member(&self) -> MutexGuard<'_, Member> {
        self.member.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn units(&self) -> MutexGuard<'_, BTreeMap<Unit, LocalUnit>> {
        self.units.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks at what all workers agree on.
    pub(crate) fn read<T>(&self, look: impl FnOnce(&State) -> T) -> T {
        look(self.member().state())
    }

    /// Looks at one connector.
    pub(crate) fn connector<T>(&self, name: &str, look: impl FnOnce(&Connector) -> T) -> Option<T> {
        self.read(|state| state.connectors.get(name).map(look))
    }

    /// Why this worker does not take part, if it does not.
    pub(crate) fn waiting_for(&self) -> Option<String> {
        self.waiting_for.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether it has taken part once.
    pub(crate) fn took_part(&self) -> bool {
        self.took_part.load(Ordering::Acquire)
    }

    fn set_waiting_for(&self, reason: Option<String>) {
        let mut waiting = self.waiting_for.lock().unwrap_or_else(PoisonError::into_inner);
        if reason.is_none() {
            self.took_part.store(true, Ordering::Release);
        }
        if *waiting != reason {
            match &reason {
                Some(reason) => tracing::warn!("this worker waits: {reason}"),
                None => tracing::info!("this worker takes part in its cluster"),
            }
            *waiting = reason;
        }
    }

    /// Asks the cluster for something and waits until it is decided: the stamp of what was made.
    pub(crate) async fn request(&self, request: Request) -> Result<u64, HerderError> {
        if let Request::Put { name, config, .. } = &request {
            let what = format!("Connector {name}");
            let fits = self.settings.must_fit(&what, std::iter::once(config));
            fits.map_err(HerderError::bad_request)?;
        }
        let (answer, answered) = oneshot::channel();
        let asked = Asked::Request { request, answer };
        let stopped = || HerderError::conflict("The worker is stopping and takes no more changes");
        self.asked.send(asked).await.map_err(|_| stopped())?;
        match tokio::time::timeout(REQUEST_LIMIT, answered).await {
            Ok(Ok(Verdict::Applied(stamp))) => Ok(stamp),
            Ok(Ok(Verdict::Refused(refusal))) => Err(refused(refusal)),
            Ok(Ok(Verdict::Duplicate | Verdict::Unreadable)) => {
                Err(HerderError::internal("The request was lost in the cluster log; try again"))
            }
            Ok(Err(_)) => Err(stopped()),
            Err(_) => {
                let reason = self.waiting_for();
                let reason = reason.map(|reason| format!(": this worker waits: {reason}"));
                Err(HerderError::timeout(format!(
                    "Request timed out{}",
                    reason.unwrap_or_default()
                )))
            }
        }
    }

    /// Tells the protocol what happened.
    async fn tell(&self, input: gantry_cluster::Input) {
        // Once the driver is gone nobody wants to know.
        let _ = self.asked.send(Asked::Input(input)).await;
    }

    /// Stops all that runs here and leaves; returns when the others know, or after `limit`.
    pub(crate) async fn leave(&self, limit: Duration) {
        self.stopping.cancel();
        if tokio::time::timeout(limit, self.left.cancelled()).await.is_err() {
            tracing::warn!("left without a word: the others notice after session.timeout.ms");
            return;
        }
        if tokio::time::timeout(limit, self.copied.cancelled()).await.is_err() {
            tracing::warn!("left before the copies of the cluster's topics were on disk");
        }
    }
}

fn refused(refusal: Refusal) -> HerderError {
    match refusal {
        Refusal::NoConnector => HerderError::not_found("Connector not found"),
        Refusal::Exists => HerderError::already_exists("Connector already exists"),
        Refusal::Changed => HerderError::changed(
            "The connector was changed by another request at the same time; try again",
        ),
        refusal => HerderError::conflict(format!("The cluster refused the request: {refusal}")),
    }
}

impl std::fmt::Debug for Cluster {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Cluster({})", self.settings.group)
    }
}
