//! Records by key and window, to be aggregated.

use std::collections::BTreeSet;
use std::ops::Add;
use std::sync::Arc;
use std::time::Duration;

use gantry_log::Str;

use super::grouped::usual_aggregates;
use super::table::Table;
use super::{Spec, Stream};
use crate::aggregate::{Aggregate, Avg, Count, Max, Min, Reduce, Sum};
use crate::data::{Data, Key};
use crate::error::StreamsError;
use crate::operator::{SessionAggregation, SlidingAggregation, WindowedAggregation};
use crate::query::StoreKind;
use crate::topology::assembly::Assembly;
use crate::window::{Emit, Kind, Panes, Windowed, Windows};

/// Records of which all of one key are in one task, in windows.
#[derive(Clone, Debug)]
pub struct WindowedStream<K, V> {
    pub(super) stream: Stream<K, V>,
    pub(super) windows: Windows,
}

impl<K: Key, V: Data> WindowedStream<K, V> {
    /// So long after its end a window takes late records; 0 unless told.
    #[must_use]
    pub fn grace(self, grace: Duration) -> Self {
        Self { windows: self.windows.grace(grace), ..self }
    }

    /// When a window tells what it has; [`Emit::OnUpdate`] unless told.
    #[must_use]
    pub fn emit(self, emit: Emit) -> Self {
        Self { windows: self.windows.emit(emit), ..self }
    }

    /// They go by the wall clock: a record is in the windows of the time when it is taken, and none
    /// is late; they close also when nothing comes. See [`Windows::processing_time`].
    #[must_use]
    pub fn processing_time(self) -> Self {
        Self { windows: self.windows.processing_time(), ..self }
    }

    /// An aggregate of a program's own.
    pub fn aggregate<A: Aggregate<V>>(&self, aggregate: A) -> Table<Windowed<K>, A::Output> {
        let building = &self.stream.building;
        let (store, aggregate) = (building.name("window"), Arc::new(aggregate));
        let mut stores = vec![Str::clone(&store)];
        if let Kind::Sliding { .. } = self.windows.kind {
            stores.push(records_of(&store));
        }
        let (windows, name) = (self.windows, Str::clone(&store));
        let spec = Spec { stores, ..Spec::behind(self.stream.node) };
        let node = building.add("window", spec, move |assembly| {
            make::<K, V, A>(assembly, windows, &name, &aggregate)
        });
        let kind = match windows.kind {
            Kind::Session { .. } => StoreKind::Sessions,
            Kind::Time { .. } | Kind::Sliding { .. } => StoreKind::Windowed,
        };
        building.can_be_asked::<K, A::Output>(node, store, kind);
        building.graph.borrow_mut().windows.insert(node, windows);
        Stream::new(building, node).into()
    }

    usual_aggregates!(Windowed<K>);
}

/// The second store of sliding windows: the records that windows are made of.
fn records_of(store: &Str) -> Str {
    format!("{store}-records").into()
}

fn make<K: Key, V: Data, A: Aggregate<V>>(
    assembly: &mut Assembly<'_>,
    windows: Windows,
    name: &Str,
    aggregate: &Arc<A>,
) -> Result<(), StreamsError> {
    let (children, aggregate) = (assembly.children()?, Arc::clone(aggregate));
    let node = Str::from(assembly.node_name());
    let Windows { kind, grace_ms, emit, clock } = windows;
    match kind {
        Kind::Time { size_ms, advance_ms } => {
            let (store, panes) = (assembly.windowed(name)?, Panes::new(size_ms, advance_ms));
            let operator =
                WindowedAggregation::new(node, children, store, aggregate, panes, windows);
            assembly.asked_operator::<K, V, _>(name, operator);
        }
        Kind::Session { gap_ms } => {
            let store = assembly.keyed(name)?;
            let operator =
                SessionAggregation::new(node, children, store, aggregate, gap_ms, windows);
            assembly.asked_operator::<K, V, _>(name, operator);
        }
        Kind::Sliding { difference_ms } => {
            let records = assembly.keyed(&records_of(name))?;
            let windows = assembly.windowed(name)?;
            let last = BTreeSet::new();
            let operator = SlidingAggregation {
                node,
                children,
                records,
                windows,
                aggregate,
                difference_ms,
                grace_ms,
                emit,
                clock,
                last,
            };
            assembly.asked_operator::<K, V, _>(name, operator);
        }
    }
    Ok(())
}
