//! Streams and tables that are joined.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use gantry_log::Str;

use super::{Spec, Stream, Table};
use crate::data::{Data, Key};
use crate::operator::{
    IsThere, Joiner, LeftPort, LeftTable, RightPort, RightTable, StreamJoin, StreamTable,
    TableJoin, TablePort, Tells,
};
use crate::window::JoinWindows;

/// Two streams whose records meet within a time of each other. A pair is given on when its second
/// record comes, with the later time of both and the headers of the one that came second. A record
/// that comes when none of its partners could come any more, with the grace, is late: it is counted
/// and dropped. Keys that were changed are brought together through a topic of the job; topics that
/// are joined as they are must have the same number of queues.
impl<K: Key, L: Data> Stream<K, L> {
    /// Each pair of records of one key that are within the windows.
    ///
    /// ```
    /// use std::time::Duration;
    /// use gantry_streams::{JoinWindows, StreamBuilder, TestDriver, text};
    ///
    /// let builder = StreamBuilder::new("paid-orders");
    /// let orders = builder.keyed_source("orders", text(), text());
    /// let payments = builder.keyed_source("payments", text(), text());
    /// orders
    ///     .join(
    ///         &payments,
    ///         |_, order, payment| format!("{order} paid by {payment}"),
    ///         JoinWindows::of(Duration::from_secs(60)),
    ///     )
    ///     .sink("paid", text());
    /// let mut driver = TestDriver::new(builder.build()).unwrap();
    /// driver.send("orders", Some("o1"), "book", 0).unwrap();
    /// driver.send("payments", Some("o1"), "card", 40_000).unwrap();
    /// driver.send("payments", Some("o1"), "cash", 90_000).unwrap();
    /// assert_eq!(driver.texts("paid"), ["book paid by card"]);
    /// ```
    #[must_use]
    pub fn join<R: Data, W: Clone + 'static>(
        &self,
        other: &Stream<K, R>,
        joiner: impl Fn(&K, &L, &R) -> W + Send + Sync + 'static,
        windows: JoinWindows,
    ) -> Stream<K, W> {
        let tells = Tells { left: false, right: false };
        self.meet(other, windows, tells, move |key, left, right| Some(joiner(key, left?, right?)))
    }

    /// The same, and each record of this stream that has no partner: once, when none can come any
    /// more. As in Kafka Streams, one that comes later than the grace may still be joined to it then.
    #[must_use]
    pub fn left_join<R: Data, W: Clone + 'static>(
        &self,
        other: &Stream<K, R>,
        joiner: impl Fn(&K, &L, Option<&R>) -> W + Send + Sync + 'static,
        windows: JoinWindows,
    ) -> Stream<K, W> {
        let tells = Tells { left: true, right: false };
        self.meet(other, windows, tells, move |key, left, right| Some(joiner(key, left?, right)))
    }

    /// The same, and each record of either stream that has no partner. One side is always there.
    #[must_use]
    pub fn outer_join<R: Data, W: Clone + 'static>(
        &self,
        other: &Stream<K, R>,
        joiner: impl Fn(&K, Option<&L>, Option<&R>) -> W + Send + Sync + 'static,
        windows: JoinWindows,
    ) -> Stream<K, W> {
        let tells = Tells { left: true, right: true };
        self.meet(other, windows, tells, move |key, left, right| Some(joiner(key, left, right)))
    }

    fn meet<R: Data, W: Clone + 'static>(
        &self,
        other: &Stream<K, R>,
        windows: JoinWindows,
        tells: Tells,
        joiner: impl Fn(&K, Option<&L>, Option<&R>) -> Option<W> + Send + Sync + 'static,
    ) -> Stream<K, W> {
        let (left, right) = (self.shuffled(), other.shuffled());
        let name = self.building.name("join");
        let stores: [Str; 2] = [format!("{name}-left").into(), format!("{name}-right").into()];
        let joiner: Joiner<K, L, R, W> = Arc::new(joiner);
        let spec = Spec {
            parents: vec![left.node, right.node],
            stores: stores.to_vec(),
            joins: true,
            ..Spec::behind(left.node)
        };
        let node = self.building.add("join", spec, move |assembly| {
            let (node, children) = (Str::from(assembly.node_name()), assembly.children()?);
            let sides = (assembly.windowed(&stores[0])?, assembly.windowed(&stores[1])?);
            let join = StreamJoin::new(node, children, sides, Arc::clone(&joiner), windows, tells);
            let join = Rc::new(RefCell::new(join));
            assembly.input::<K, L>(0, Rc::new(RefCell::new(LeftPort(Rc::clone(&join)))));
            assembly.input::<K, R>(1, Rc::new(RefCell::new(RightPort(Rc::clone(&join)))));
            assembly.listener(join);
            Ok(())
        });
        Stream::new(&self.building, node)
    }
}

/// A stream whose records meet the value that a table has of their key at that moment. What comes
/// out has the time and the headers of the record.
impl<K: Key, V: Data> Stream<K, V> {
    /// Each record whose key the table has.
    ///
    /// ```
    /// use gantry_streams::{StreamBuilder, TestDriver, text};
    ///
    /// let builder = StreamBuilder::new("greetings");
    /// let names = builder.table("names", text(), text());
    /// builder
    ///     .keyed_source("visits", text(), text())
    ///     .join_table(&names, |_, page, name| format!("{name} sees {page}"))
    ///     .sink("log", text());
    /// let mut driver = TestDriver::new(builder.build()).unwrap();
    /// driver.send("visits", Some("u1"), "home", 0).unwrap();
    /// driver.send("names", Some("u1"), "Ada", 1).unwrap();
    /// driver.send("visits", Some("u1"), "shop", 2).unwrap();
    /// assert_eq!(driver.texts("log"), ["Ada sees shop"]);
    /// ```
    #[must_use]
    pub fn join_table<T: Data, W: Clone + 'static>(
        &self,
        table: &Table<K, T>,
        joiner: impl Fn(&K, &V, &T) -> W + Send + Sync + 'static,
    ) -> Stream<K, W> {
        self.meet_table(table, move |key, value, found| Some(joiner(key, value?, found?)))
    }

    /// Each record, with what the table has of its key.
    #[must_use]
    pub fn left_join_table<T: Data, W: Clone + 'static>(
        &self,
        table: &Table<K, T>,
        joiner: impl Fn(&K, &V, Option<&T>) -> W + Send + Sync + 'static,
    ) -> Stream<K, W> {
        self.meet_table(table, move |key, value, found| Some(joiner(key, value?, found)))
    }

    fn meet_table<T: Data, W: Clone + 'static>(
        &self,
        table: &Table<K, T>,
        joiner: impl Fn(&K, Option<&V>, Option<&T>) -> Option<W> + Send + Sync + 'static,
    ) -> Stream<K, W> {
        let (stream, table) = (self.shuffled(), table.changes().shuffled());
        let store = self.building.name("join");
        let joiner: Joiner<K, V, T, W> = Arc::new(joiner);
        let spec = Spec {
            parents: vec![stream.node, table.node],
            stores: vec![Str::clone(&store)],
            joins: true,
            ..Spec::behind(stream.node)
        };
        let node = self.building.add("join-table", spec, move |assembly| {
            let (children, store) = (assembly.children()?, assembly.keyed(&store)?);
            let port = TablePort::<K, T>(Rc::clone(&store));
            let joiner = Arc::clone(&joiner);
            assembly.operator::<K, V, _>(StreamTable { children, store, joiner });
            assembly.input::<K, Option<T>>(1, Rc::new(RefCell::new(port)));
            Ok(())
        });
        Stream::new(&self.building, node)
    }
}

/// Two tables as one: a change of either side changes the result, which has the later time of both
/// sides. A key of which there is no result any more is taken away.
impl<K: Key, L: Data> Table<K, L> {
    /// Of the keys that both tables have.
    #[must_use]
    pub fn join<R: Data, W: Clone + 'static>(
        &self,
        other: &Table<K, R>,
        joiner: impl Fn(&K, &L, &R) -> W + Send + Sync + 'static,
    ) -> Table<K, W> {
        let join = move |key: &K, l: Option<&L>, r: Option<&R>| Some(joiner(key, l?, r?));
        self.with(other, |left, right| left && right, Arc::new(join))
    }

    /// Of the keys that this table has.
    #[must_use]
    pub fn left_join<R: Data, W: Clone + 'static>(
        &self,
        other: &Table<K, R>,
        joiner: impl Fn(&K, &L, Option<&R>) -> W + Send + Sync + 'static,
    ) -> Table<K, W> {
        let join = move |key: &K, l: Option<&L>, r: Option<&R>| Some(joiner(key, l?, r));
        self.with(other, |left, _| left, Arc::new(join))
    }

    /// Of the keys that either table has. One side is always there.
    #[must_use]
    pub fn outer_join<R: Data, W: Clone + 'static>(
        &self,
        other: &Table<K, R>,
        joiner: impl Fn(&K, Option<&L>, Option<&R>) -> W + Send + Sync + 'static,
    ) -> Table<K, W> {
        let join = move |key: &K, l: Option<&L>, r: Option<&R>| Some(joiner(key, l, r));
        self.with(other, |left, right| left || right, Arc::new(join))
    }

    fn with<R: Data, W: Clone + 'static>(
        &self,
        other: &Table<K, R>,
        is_there: IsThere,
        joiner: Joiner<K, L, R, W>,
    ) -> Table<K, W> {
        let (left, right) = (self.changes().shuffled(), other.changes().shuffled());
        let name = left.building.name("join");
        let stores: [Str; 2] = [format!("{name}-left").into(), format!("{name}-right").into()];
        let spec = Spec {
            parents: vec![left.node, right.node],
            stores: stores.to_vec(),
            joins: true,
            ..Spec::behind(left.node)
        };
        let node = left.building.add("table-join", spec, move |assembly| {
            let children = assembly.children()?;
            let (left, right) = (assembly.keyed(&stores[0])?, assembly.keyed(&stores[1])?);
            let joiner = Arc::clone(&joiner);
            let join = Rc::new(TableJoin { children, left, right, joiner, is_there });
            let left: LeftTable<K, L, R, W> = LeftTable(Rc::clone(&join));
            assembly.input::<K, Option<L>>(0, Rc::new(RefCell::new(left)));
            assembly.input::<K, Option<R>>(1, Rc::new(RefCell::new(RightTable(join))));
            Ok(())
        });
        Stream::new(&left.building, node).into()
    }
}
