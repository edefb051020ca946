//! Windows of time.

use std::time::Duration;

/// A time between two others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Window {
    /// The first millisecond in it.
    pub start_ms: i64,
    /// The first millisecond behind it; of session and sliding windows, the last one in it.
    pub end_ms: i64,
}

/// A key in a window.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Windowed<K> {
    /// The window.
    pub window: Window,
    /// The key.
    pub key: K,
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX / 4).min(i64::MAX / 4)
}

/// Windows of one size that follow each other; each record is in one. They begin at the epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tumbling {
    size_ms: i64,
}

impl Tumbling {
    /// Of that size; 1 ms at least.
    pub fn of(size: Duration) -> Self {
        Self { size_ms: millis(size).max(1) }
    }
}

/// Windows of one size, a new one at each advance; a record is in size / advance of them. They
/// begin at the epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hopping {
    size_ms: i64,
    advance_ms: i64,
}

impl Hopping {
    /// Of that size, with that advance: from 1 ms to the size, others are taken for these.
    pub fn of(size: Duration, advance: Duration) -> Self {
        let size_ms = millis(size).max(1);
        Self { size_ms, advance_ms: millis(advance).clamp(1, size_ms) }
    }
}

/// Windows around records: all that are no further apart than the difference, both ends included.
/// Each record ends one, and one begins right behind each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sliding {
    difference_ms: i64,
}

impl Sliding {
    /// With that difference.
    pub fn of(difference: Duration) -> Self {
        Self { difference_ms: millis(difference) }
    }
}

/// Windows of each key that end when nothing comes for a while. One that closes the gap between two
/// makes them one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Session {
    gap_ms: i64,
}

impl Session {
    /// With that gap; records that are just so far apart are in one window.
    pub fn of(gap: Duration) -> Self {
        Self { gap_ms: millis(gap) }
    }
}

/// Windows of any kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// [`Tumbling`] and [`Hopping`].
    Time {
        /// Their size.
        size_ms: i64,
        /// From the start of one to that of the next.
        advance_ms: i64,
    },
    /// [`Sliding`].
    Sliding {
        /// Between the first and the last record of one.
        difference_ms: i64,
    },
    /// [`Session`].
    Session {
        /// Between two records that are next to each other.
        gap_ms: i64,
    },
}

impl From<Tumbling> for Kind {
    fn from(windows: Tumbling) -> Self {
        Self::Time { size_ms: windows.size_ms, advance_ms: windows.size_ms }
    }
}

impl From<Hopping> for Kind {
    fn from(windows: Hopping) -> Self {
        Self::Time { size_ms: windows.size_ms, advance_ms: windows.advance_ms }
    }
}

impl From<Sliding> for Kind {
    fn from(windows: Sliding) -> Self {
        Self::Sliding { difference_ms: windows.difference_ms }
    }
}

impl From<Session> for Kind {
    fn from(windows: Session) -> Self {
        Self::Session { gap_ms: windows.gap_ms }
    }
}

/// By which time windows go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(crate) enum Clock {
    /// When a record happened.
    #[default]
    Event,
    /// When it is taken.
    Processing,
}

/// Windows, how long they wait for late records, and when they tell what they have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Windows {
    pub(crate) kind: Kind,
    pub(crate) grace_ms: i64,
    pub(crate) emit: Emit,
    pub(crate) clock: Clock,
}

/// When a window tells what it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Emit {
    /// What changed since the last checkpoint, at each checkpoint: Kafka Streams' way, with its
    /// cache.
    #[default]
    OnUpdate,
    /// Once, when it is closed: no record can get into it any more.
    OnClose,
}

impl<T: Into<Kind>> From<T> for Windows {
    fn from(kind: T) -> Self {
        Self { kind: kind.into(), grace_ms: 0, emit: Emit::OnUpdate, clock: Clock::Event }
    }
}

impl Windows {
    /// So long after its end a window takes late records; 0 unless told.
    #[must_use]
    pub fn grace(mut self, grace: Duration) -> Self {
        self.grace_ms = millis(grace);
        self
    }

    /// When they tell.
    #[must_use]
    pub fn emit(mut self, emit: Emit) -> Self {
        self.emit = emit;
        self
    }

    /// They go by the wall clock: a record is in the windows of the time when it is taken, whatever
    /// its own time is, and none is late. They close with the wall clock, also when nothing comes;
    /// with a grace, so much later. What comes out has the time when its last record was taken.
    #[must_use]
    pub fn processing_time(mut self) -> Self {
        self.clock = Clock::Processing;
        self
    }
}

/// Which records of two streams are joined: those of one key that are not too far apart in time, both
/// ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JoinWindows {
    pub(crate) before_ms: i64,
    pub(crate) after_ms: i64,
    pub(crate) grace_ms: i64,
    pub(crate) clock: Clock,
}

impl JoinWindows {
    /// The right record may be so long before the left one, and so long after it.
    pub fn of(difference: Duration) -> Self {
        let difference = millis(difference);
        Self { before_ms: difference, after_ms: difference, grace_ms: 0, clock: Clock::Event }
    }

    /// The right record may be so long before the left one.
    #[must_use]
    pub fn before(mut self, before: Duration) -> Self {
        self.before_ms = millis(before);
        self
    }

    /// The right record may be so long after the left one.
    #[must_use]
    pub fn after(mut self, after: Duration) -> Self {
        self.after_ms = millis(after);
        self
    }

    /// They go by the wall clock: by the times when the records are taken. What is alone is told when
    /// the wall clock says so, also when nothing comes.
    #[must_use]
    pub fn processing_time(mut self) -> Self {
        self.clock = Clock::Processing;
        self
    }

    /// So long after its last partner could have come a record is taken that is late; 0 unless told.
    #[must_use]
    pub fn grace(mut self, grace: Duration) -> Self {
        self.grace_ms = millis(grace);
        self
    }
}

/// Panes: the pieces of which windows are made that overlap. All windows are whole numbers of panes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Panes {
    pub(crate) size_ms: i64,
    pub(crate) advance_ms: i64,
    /// Of one pane.
    pub(crate) pane_ms: i64,
}

impl Panes {
    pub(crate) fn new(size_ms: i64, advance_ms: i64) -> Self {
        let (mut a, mut b) = (size_ms, advance_ms);
        while b != 0 {
            (a, b) = (b, a % b);
        }
        Self { size_ms, advance_ms, pane_ms: a }
    }

    /// The start of the pane of a time.
    pub(crate) fn pane_of(&self, timestamp_ms: i64) -> i64 {
        timestamp_ms - timestamp_ms.rem_euclid(self.pane_ms)
    }

    /// The start of the last window that a time is in; that of its first one is less than a size
    /// before.
    pub(crate) fn last_start(&self, timestamp_ms: i64) -> i64 {
        timestamp_ms - timestamp_ms.rem_euclid(self.advance_ms)
    }

    /// The starts of the windows that a pane is in, from the first. As in Kafka Streams no window
    /// begins before the epoch.
    pub(crate) fn windows_of(&self, pane: i64) -> impl Iterator<Item = i64> + use<> {
        let (last, size, advance) = (self.last_start(pane), self.size_ms, self.advance_ms);
        let overlap = (size - (pane - last) - 1) / advance;
        let first = last - overlap * advance;
        let first = if pane >= 0 { first.max(first.rem_euclid(advance)) } else { first };
        (0..).map(move |n| first + n * advance).take_while(move |start| *start <= last)
    }

    pub(crate) fn window(&self, start_ms: i64) -> Window {
        Window { start_ms, end_ms: start_ms.saturating_add(self.size_ms) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_pane_is_in_each_window_that_has_its_time(size in 1i64..60, advance in 1i64..60, time in 0i64..500) {
            let panes = Panes::new(size, advance.min(size));
            let pane = panes.pane_of(time);
            let found: Vec<i64> = panes.windows_of(pane).collect();
            let wanted: Vec<i64> = (0..=time).filter(|start| start % panes.advance_ms == 0 && start + size > time).collect();
            prop_assert_eq!(&found, &wanted);
            prop_assert_eq!(panes.last_start(time), wanted.last().copied().unwrap_or(0));
        }
    }
}
