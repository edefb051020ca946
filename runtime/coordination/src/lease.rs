//! Until when a unit may work.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::clock::now_ms;

/// The lease of one unit; the driver extends it, the unit looks at it.
#[derive(Clone, Debug, Default)]
pub struct Lease(Arc<AtomicU64>);

impl Lease {
    /// Whether it may work now.
    pub fn is_valid(&self) -> bool {
        now_ms() < self.0.load(Ordering::Acquire)
    }

    /// Sets until when; `None`: not at all.
    pub fn set(&self, until_ms: Option<u64>) {
        self.0.store(until_ms.unwrap_or(0), Ordering::Release);
    }
}
