//! Tables that tell less.

use std::time::Duration;

use gantry_log::Str;

use super::{Spec, Stream, Table};
use crate::data::{Data, Key};
use crate::error::StreamsError;
use crate::operator::{TimeSuppression, WindowSuppression};
use crate::settings::millis;
use crate::window::Windowed;

/// How long changes of a table are held back: [`UntilWindowCloses`] or [`UntilTimeLimit`].
pub trait Suppressed<K> {
    #[doc(hidden)]
    fn add<V: Data>(self, table: &Table<K, V>) -> Table<K, V>;
}

/// Until no record can get into the window any more: each window tells its result once. A window
/// closes when the watermark has passed its end and its grace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UntilWindowCloses;

/// Until event time went on for so long since the first change that is held back of the key; then
/// the last change is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UntilTimeLimit(i64);

impl UntilTimeLimit {
    /// With that limit.
    pub fn of(limit: Duration) -> Self {
        Self(millis(limit))
    }
}

impl<K: Key> Suppressed<Windowed<K>> for UntilWindowCloses {
    fn add<V: Data>(self, table: &Table<Windowed<K>, V>) -> Table<Windowed<K>, V> {
        let changes = table.changes();
        let building = &changes.building;
        let (store, job) = (building.name("suppress"), Str::clone(&building.job));
        let spec = Spec { stores: vec![Str::clone(&store)], ..Spec::behind(changes.node) };
        let node = building.add("suppress", spec, move |assembly| {
            let (children, node) = (assembly.children()?, assembly.node_name());
            let windows = assembly.windows().ok_or_else(|| StreamsError::Topology {
                job: job.to_string(),
                reason: format!(
                    "{node} cannot know when windows close: put it behind the windowed aggregate, with nothing but functions of tables between"
                ),
            })?;
            let store = assembly.windowed(&store)?;
            let operator = WindowSuppression::<K, V> { children, store, windows };
            assembly.operator::<Windowed<K>, Option<V>, _>(operator);
            Ok(())
        });
        Stream::new(building, node).into()
    }
}

impl<K: Key> Suppressed<K> for UntilTimeLimit {
    fn add<V: Data>(self, table: &Table<K, V>) -> Table<K, V> {
        let (changes, Self(limit_ms)) = (table.changes(), self);
        let building = &changes.building;
        let store = building.name("suppress");
        let spec = Spec { stores: vec![Str::clone(&store)], ..Spec::behind(changes.node) };
        let node = building.add("suppress", spec, move |assembly| {
            let (children, store) = (assembly.children()?, assembly.keyed(&store)?);
            let operator = TimeSuppression::<K, V>::new(children, store, limit_ms);
            assembly.operator::<K, Option<V>, _>(operator);
            Ok(())
        });
        Stream::new(building, node).into()
    }
}

impl<K: Key, V: Data> Table<K, V> {
    /// The same table, with its changes held back. What is held back is kept in a store.
    #[must_use]
    pub fn suppress(&self, until: impl Suppressed<K>) -> Self {
        until.add(self)
    }
}
