//! Records by key, to be aggregated.

use std::ops::Add;
use std::sync::Arc;

use gantry_log::Str;

use super::table::Table;
use super::windowed::WindowedStream;
use super::{Spec, Stream};
use crate::aggregate::{Aggregate, Avg, Count, Max, Min, Reduce, Sum};
use crate::data::{Data, Key};
use crate::operator::Aggregation;
use crate::query::StoreKind;
use crate::window::Windows;

/// The usual aggregates, of records by a key of that type: each is [`Aggregate`]'s by name.
macro_rules! usual_aggregates {
    ($key:ty) => {
        /// How many there are.
        pub fn count(&self) -> Table<$key, u64> {
            self.aggregate(Count)
        }

        /// The sum of a number of each.
        pub fn sum<T>(&self, field: impl Fn(&V) -> T + Send + Sync + 'static) -> Table<$key, T>
        where
            T: Data + Default + Copy + Add<Output = T>,
        {
            self.aggregate(Sum::of(field))
        }

        /// The least of something of each.
        pub fn min<T: Data + PartialOrd>(
            &self,
            field: impl Fn(&V) -> T + Send + Sync + 'static,
        ) -> Table<$key, T> {
            self.aggregate(Min::of(field))
        }

        /// The greatest of something of each.
        pub fn max<T: Data + PartialOrd>(
            &self,
            field: impl Fn(&V) -> T + Send + Sync + 'static,
        ) -> Table<$key, T> {
            self.aggregate(Max::of(field))
        }

        /// The mean of a number of each.
        pub fn avg(&self, field: impl Fn(&V) -> f64 + Send + Sync + 'static) -> Table<$key, f64> {
            self.aggregate(Avg::of(field))
        }

        /// One value of two, again and again.
        pub fn reduce(
            &self,
            function: impl Fn(&V, &V) -> V + Send + Sync + 'static,
        ) -> Table<$key, V> {
            self.aggregate(Reduce(function))
        }
    };
}
pub(super) use usual_aggregates;

/// Records of which all of one key are in one task.
#[derive(Clone, Debug)]
pub struct Grouped<K, V> {
    pub(super) stream: Stream<K, V>,
}

impl<K: Key, V: Data> Grouped<K, V> {
    /// In windows.
    pub fn window(&self, windows: impl Into<Windows>) -> WindowedStream<K, V> {
        WindowedStream { stream: self.stream.clone(), windows: windows.into() }
    }

    /// An aggregate of a program's own.
    pub fn aggregate<A: Aggregate<V>>(&self, aggregate: A) -> Table<K, A::Output> {
        let store: Str = self.stream.building.name("aggregate");
        let aggregate = Arc::new(aggregate);
        let (stores, name) = (vec![Str::clone(&store)], Str::clone(&store));
        let spec = Spec { stores, ..Spec::behind(self.stream.node) };
        let building = &self.stream.building;
        let node = building.add("aggregate", spec, move |assembly| {
            let (children, store) = (assembly.children()?, assembly.keyed(&name)?);
            let aggregate = Arc::clone(&aggregate);
            assembly.asked_operator::<K, V, _>(&name, Aggregation { children, store, aggregate });
            Ok(())
        });
        building.can_be_asked::<K, A::Output>(node, store, StoreKind::Keyed);
        Stream::new(&self.stream.building, node).into()
    }

    usual_aggregates!(K);
}
