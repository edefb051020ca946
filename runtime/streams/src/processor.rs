//! Processors: what a program does with records itself, one by one, with state and timers of its
//! own.

use std::any::Any;
use std::cell::{RefCell, RefMut};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use gantry_log::Str;

use crate::context::{Context, SystemMessage};
use crate::data::{Data, Key};
use crate::error::StreamsError;
use crate::query::{StoreKind, Stored, Types};
use crate::record::Record;
use crate::settings::millis;
use crate::store::{KeyedStore, WindowStore};
use crate::topology::assembly::{Assembly, Children};

/// Takes the records of [`Stream::process`](crate::Stream::process). Each task has one of its own,
/// on one thread.
pub trait Processor<K, V>: 'static {
    /// Of the records that it gives on.
    type Key: Clone + 'static;
    /// Of the records that it gives on.
    type Value: Clone + 'static;

    /// Once, before anything else: the place to schedule punctuators. The operators behind it are
    /// not ready, so that it cannot forward records.
    fn init(
        &mut self,
        _context: &mut ProcessorContext<'_, Self::Key, Self::Value>,
    ) -> Result<(), StreamsError> {
        Ok(())
    }

    /// A record.
    fn record(
        &mut self,
        record: Record<K, V>,
        context: &mut ProcessorContext<'_, Self::Key, Self::Value>,
    ) -> Result<(), StreamsError>;

    /// The time of a punctuator came. `time_ms` is the time now, by the punctuator's clock: it may
    /// be later than the time that was due.
    fn punctuate(
        &mut self,
        _punctuator: Punctuator,
        _time_ms: i64,
        _context: &mut ProcessorContext<'_, Self::Key, Self::Value>,
    ) -> Result<(), StreamsError> {
        Ok(())
    }

    /// A system message passes. What is held back is to be given on at a
    /// [`CheckPoint`](SystemMessage::CheckPoint), or kept in a store.
    fn message(
        &mut self,
        _message: SystemMessage,
        _context: &mut ProcessorContext<'_, Self::Key, Self::Value>,
    ) -> Result<(), StreamsError> {
        Ok(())
    }
}

/// By which clock a punctuator goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PunctuationType {
    /// By the event time of the task's records. It is due first with the first record, and then at
    /// whole intervals since the epoch; it does not come while there are no records.
    StreamTime,
    /// By the wall clock. It is due first one interval from now.
    WallClockTime,
}

/// A punctuator that was scheduled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Punctuator(u32);

struct Schedule {
    punctuator: Punctuator,
    by: PunctuationType,
    interval_ms: i64,
    due_ms: i64,
}

/// The punctuators of one processor.
#[derive(Default)]
pub(crate) struct Schedules {
    all: Vec<Schedule>,
    next: u32,
}

impl Schedules {
    fn add(&mut self, by: PunctuationType, interval_ms: i64, due_ms: i64) -> Punctuator {
        let punctuator = Punctuator(self.next);
        self.next = self.next.wrapping_add(1);
        self.all.push(Schedule { punctuator, by, interval_ms, due_ms });
        punctuator
    }

    /// The one that is due for the longest time; it is due next at the first of its times that is
    /// still to come, so that a gap makes it come once and not once for each interval.
    pub(crate) fn take_due(&mut self, by: PunctuationType, now_ms: i64) -> Option<Punctuator> {
        let due = self.all.iter_mut().filter(|one| one.by == by && one.due_ms <= now_ms);
        let one = due.min_by_key(|one| (one.due_ms, one.punctuator))?;
        let passed = now_ms.saturating_sub(one.due_ms) / one.interval_ms;
        let next = passed.saturating_add(1).saturating_mul(one.interval_ms);
        one.due_ms = one.due_ms.saturating_add(next);
        Some(one.punctuator)
    }

    /// When the first one by event time is due.
    pub(crate) fn first_due_ms(&self) -> i64 {
        let event = self.all.iter().filter(|one| one.by == PunctuationType::StreamTime);
        event.map(|one| one.due_ms).min().unwrap_or(i64::MAX)
    }
}

type Open = dyn Fn(&mut Assembly<'_>, &Str) -> Result<Box<dyn Any>, StreamsError> + Send + Sync;

/// A store that a processor has. Processors that name the same store share it, and run in the same
/// tasks; their types of it must be the same.
#[derive(Clone)]
pub struct Store {
    name: Str,
    kind: StoreKind,
    types: Types,
    open: Arc<Open>,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Store({})", self.name)
    }
}

impl Store {
    /// Values by key.
    pub fn keyed<K: Key, V: Data>(name: &str) -> Self {
        let open = |assembly: &mut Assembly<'_>, full: &Str| -> Result<Box<dyn Any>, _> {
            let store = assembly.keyed::<K, V>(full)?;
            assembly.view(full, Rc::<RefCell<KeyedStore<K, V>>>::clone(&store));
            Ok(Box::new(store))
        };
        let (kind, types) = (StoreKind::Keyed, Types::of::<K, V>());
        Self { name: name.into(), kind, types, open: Arc::new(open) }
    }

    /// Values by time and key.
    pub fn windowed<K: Key, V: Data>(name: &str) -> Self {
        let open = |assembly: &mut Assembly<'_>, full: &Str| -> Result<Box<dyn Any>, _> {
            let store = assembly.windowed::<K, V>(full)?;
            assembly.view(full, Rc::<RefCell<WindowStore<K, V>>>::clone(&store));
            Ok(Box::new(store))
        };
        let (kind, types) = (StoreKind::Windowed, Types::of::<K, V>());
        Self { name: name.into(), kind, types, open: Arc::new(open) }
    }

    pub(crate) fn name(&self) -> &Str {
        &self.name
    }

    /// How it is asked, where it has that name in the job. Its keys are whatever the processor puts
    /// into it.
    pub(crate) fn stored(&self, full: &Str) -> Stored {
        let Self { kind, types, .. } = self;
        Stored { store: Str::clone(full), kind: *kind, types: *types, by_record_key: false }
    }

    /// The store in a task, where it has that name.
    pub(crate) fn open(
        &self,
        assembly: &mut Assembly<'_>,
        full: &Str,
    ) -> Result<Box<dyn Any>, StreamsError> {
        (self.open)(assembly, full)
    }
}

/// What a processor has besides itself: its node's name, and its stores by the names that the
/// program gave them.
pub(crate) struct Belongings {
    pub(crate) node: String,
    pub(crate) stores: BTreeMap<Str, Box<dyn Any>>,
}

impl Belongings {
    fn fault(&self, reason: String) -> StreamsError {
        StreamsError::Operator { operator: self.node.clone(), reason }
    }
}

/// What a processor works with.
pub struct ProcessorContext<'a, K, V> {
    pub(crate) children: &'a Children<K, V>,
    pub(crate) context: &'a mut Context,
    pub(crate) belongings: &'a Belongings,
    pub(crate) schedules: &'a mut Schedules,
    /// Those behind it can take records.
    pub(crate) ready: bool,
}

impl<K, V> std::fmt::Debug for ProcessorContext<'_, K, V> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ProcessorContext({})", self.belongings.node)
    }
}

impl<'a, K: Clone, V: Clone> ProcessorContext<'a, K, V> {
    /// Gives a record to all that is behind the processor; done when this returns.
    pub fn forward(&mut self, record: Record<K, V>) -> Result<(), StreamsError> {
        if !self.ready {
            let reason = "init forwards a record, but what is behind it is not ready then: forward it from record, punctuate or message".to_owned();
            return Err(self.belongings.fault(reason));
        }
        self.context.worked = true;
        self.children.forward(record, self.context)
    }

    /// A store of values by key. It must be let go before a record is forwarded to another processor
    /// that shares it.
    pub fn keyed<L: Key, W: Data>(
        &mut self,
        name: &str,
    ) -> Result<RefMut<'a, KeyedStore<L, W>>, StreamsError> {
        self.store(name)
    }

    /// A store of values by time and key. It must be let go before a record is forwarded to another
    /// processor that shares it.
    pub fn windowed<L: Key, W: Data>(
        &mut self,
        name: &str,
    ) -> Result<RefMut<'a, WindowStore<L, W>>, StreamsError> {
        self.store(name)
    }

    fn store<S: 'static>(&mut self, name: &str) -> Result<RefMut<'a, S>, StreamsError> {
        let belongings = self.belongings;
        let store = belongings.stores.get(name).ok_or_else(|| {
            belongings.fault(format!("it has no store {name}: declare it where process is called"))
        })?;
        let store = store.downcast_ref::<Rc<RefCell<S>>>().ok_or_else(|| {
            belongings.fault(format!(
                "store {name} is asked for with other types than those it was declared with"
            ))
        })?;
        self.context.worked = true;
        store.try_borrow_mut().map_err(|_| {
            belongings.fault(format!(
                "store {name} is in use: a processor must let go of it before it asks for it again or forwards to one that shares it"
            ))
        })
    }

    /// Calls [`Processor::punctuate`] again and again, by the interval (1 ms at least). Punctuators
    /// are not kept over restarts: schedule them in [`Processor::init`].
    pub fn schedule(&mut self, interval: Duration, by: PunctuationType) -> Punctuator {
        let interval_ms = millis(interval).max(1);
        match by {
            PunctuationType::StreamTime => {
                self.context.punctuate_at_ms = self.context.punctuate_at_ms.min(0);
                self.schedules.add(by, interval_ms, 0)
            }
            PunctuationType::WallClockTime => {
                let due_ms = self.context.wall_clock_ms.saturating_add(interval_ms);
                self.schedules.add(by, interval_ms, due_ms)
            }
        }
    }

    /// Ends a punctuator.
    pub fn cancel(&mut self, punctuator: Punctuator) {
        self.schedules.all.retain(|one| one.punctuator != punctuator);
    }

    /// The latest event time of any record of the task; none before the first one.
    pub fn stream_time_ms(&self) -> Option<i64> {
        Some(self.context.stream_time_ms).filter(|time| *time != i64::MIN)
    }

    /// No record before this time is waited for; none before the first record.
    pub fn watermark_ms(&self) -> Option<i64> {
        Some(self.context.watermark_ms).filter(|time| *time != i64::MIN)
    }

    /// The wall clock, milliseconds since the epoch.
    pub fn wall_clock_ms(&self) -> i64 {
        self.context.wall_clock_ms
    }

    /// The number of the queue that the task reads, in each of its topics.
    pub fn queue(&self) -> u32 {
        self.context.queue
    }
}
