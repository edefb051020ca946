//! Two streams whose records meet within a time of each other.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;

use gantry_log::Str;

use super::Joiner;
use super::side::{Kept, Side, SideStore};
use crate::context::{Context, SystemMessage};
use crate::data::{Data, Key};
use crate::error::StreamsError;
use crate::record::Record;
use crate::topology::assembly::{Children, Operator, Receive};
use crate::window::JoinWindows;

/// Of which sides records are told that found no partner.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tells {
    pub(crate) left: bool,
    pub(crate) right: bool,
}

/// A record that is alone: when it has to be told, its time, whether it is a right one, its key.
type Alone<K> = (i64, i64, bool, K);

/// Keeps what came on both sides, and gives on each pair when its second record comes.
pub(crate) struct StreamJoin<K, L, R, W> {
    left: Side<K, L>,
    right: Side<K, R>,
    joiner: Joiner<K, L, R, W>,
    common: Common<K, W>,
}

/// What both sides share.
struct Common<K, W> {
    node: Str,
    children: Children<K, W>,
    windows: JoinWindows,
    tells: Tells,
    /// In the order in which they are told.
    alone: BTreeSet<Alone<K>>,
}

impl<K: Key, W: Clone> Common<K, W> {
    /// How long behind itself a record may have partners.
    fn reach(&self, right: bool) -> i64 {
        if right { self.windows.before_ms } else { self.windows.after_ms }
    }

    /// Records whose last partner would be before this are closed.
    fn closed_before(&self, context: &Context) -> i64 {
        self.windows.clock.watermark_ms(context).saturating_sub(self.windows.grace_ms)
    }

    /// A record of one side meets those of the other one, and waits for more.
    fn meet<A: Data, B: Data>(
        &mut self,
        (own, other): (&Side<K, A>, &Side<K, B>),
        right: bool,
        record: Record<K, A>,
        join: impl Fn(&K, &A, &B) -> Option<W>,
        context: &mut Context,
    ) -> Result<(), StreamsError> {
        let (time, key) = (record.timestamp_ms, &record.key);
        let (ahead, back) = (self.reach(right), self.reach(!right));
        let close = time.saturating_add(ahead);
        if close < self.closed_before(context) {
            context.too_late(&self.node, &record, close);
            return Ok(());
        }
        let within = time.saturating_sub(back)..=close;
        let (alone, mut met) = (&mut self.alone, false);
        let pairs = other.find(
            key,
            &within,
            |kept| {
                met = true;
                join(key, &record.value, &kept.value)
            },
            |at| {
                alone.remove(&(at.saturating_add(back), at, !right, key.clone()));
            },
        )?;
        let tells = if right { self.tells.right } else { self.tells.left };
        let alone = tells && !met;
        if alone {
            self.alone.insert((close, time, right, key.clone()));
        }
        own.add(key, Kept { timestamp_ms: time, alone, value: record.value })?;
        for (at, value) in pairs {
            let (key, headers) = (record.key.clone(), record.headers.clone());
            let pair = Record { key, value, timestamp_ms: time.max(at), headers };
            self.children.forward(pair, context)?;
        }
        Ok(())
    }
}

impl<K: Key, L: Data, R: Data, W: Clone> StreamJoin<K, L, R, W> {
    pub(crate) fn new(
        node: Str,
        children: Children<K, W>,
        (left, right): (SideStore<K, L>, SideStore<K, R>),
        joiner: Joiner<K, L, R, W>,
        windows: JoinWindows,
        tells: Tells,
    ) -> Self {
        let span = windows.before_ms.saturating_add(windows.after_ms);
        Self {
            left: Side::new(left, span),
            right: Side::new(right, span),
            joiner,
            common: Common { node, children, windows, tells, alone: BTreeSet::new() },
        }
    }

    fn take_left(
        &mut self,
        record: Record<K, L>,
        context: &mut Context,
    ) -> Result<(), StreamsError> {
        let record = self.common.windows.clock.stamp(record, context);
        context.aside(|context| self.close(context))?;
        let (sides, joiner) = ((&self.left, &self.right), &self.joiner);
        let join = |key: &K, left: &L, right: &R| joiner(key, Some(left), Some(right));
        self.common.meet(sides, false, record, join, context)
    }

    fn take_right(
        &mut self,
        record: Record<K, R>,
        context: &mut Context,
    ) -> Result<(), StreamsError> {
        let record = self.common.windows.clock.stamp(record, context);
        context.aside(|context| self.close(context))?;
        let (sides, joiner) = ((&self.right, &self.left), &self.joiner);
        let join = |key: &K, right: &R, left: &L| joiner(key, Some(left), Some(right));
        self.common.meet(sides, true, record, join, context)
    }

    /// Tells the records that are alone and stay so, and lets go of what finds no partner any more.
    fn close(&mut self, context: &mut Context) -> Result<(), StreamsError> {
        let before = self.common.closed_before(context);
        while self.common.alone.first().is_some_and(|(close, ..)| *close < before) {
            let Some((_, time, right, key)) = self.common.alone.pop_first() else { break };
            self.common.windows.clock.closed(context);
            let (at, joiner) = (time..=time, &self.joiner);
            let values = if right {
                let make =
                    |kept: &Kept<R>| kept.alone.then(|| joiner(&key, None, Some(&kept.value)));
                self.right.find(&key, &at, make, |_| ())?
            } else {
                let make =
                    |kept: &Kept<L>| kept.alone.then(|| joiner(&key, Some(&kept.value), None));
                self.left.find(&key, &at, make, |_| ())?
            };
            for value in values.into_iter().filter_map(|(_, value)| value) {
                self.common.children.forward(Record::new(key.clone(), value, time), context)?;
            }
        }
        let JoinWindows { before_ms, after_ms, .. } = self.common.windows;
        let needed = before.saturating_sub(before_ms).saturating_sub(after_ms);
        self.left.expire(needed);
        self.right.expire(needed);
        Ok(())
    }

    /// What is alone: of a split that came with its state.
    fn find_alone(&mut self) -> Result<(), StreamsError> {
        let (tells, common) = (self.common.tells, &mut self.common);
        if tells.left {
            let reach = common.reach(false);
            let found = self.left.all_alone()?.into_iter();
            common.alone.extend(found.map(|(t, key)| (t.saturating_add(reach), t, false, key)));
        }
        if tells.right {
            let reach = common.reach(true);
            let found = self.right.all_alone()?.into_iter();
            common.alone.extend(found.map(|(t, key)| (t.saturating_add(reach), t, true, key)));
        }
        Ok(())
    }
}

impl<K: Key, L: Data, R: Data, W: Clone> Operator for StreamJoin<K, L, R, W> {
    fn message(
        &mut self,
        message: SystemMessage,
        context: &mut Context,
    ) -> Result<(), StreamsError> {
        match message {
            SystemMessage::NewSplit(_) => self.find_alone(),
            message if self.common.windows.clock.went_on(message) => self.close(context),
            _ => Ok(()),
        }
    }
}

/// The left input.
pub(crate) struct LeftPort<K, L, R, W>(pub(crate) Rc<RefCell<StreamJoin<K, L, R, W>>>);

impl<K: Key, L: Data, R: Data, W: Clone> Receive<K, L> for LeftPort<K, L, R, W> {
    fn receive(&mut self, record: Record<K, L>, context: &mut Context) -> Result<(), StreamsError> {
        self.0.borrow_mut().take_left(record, context)
    }
}

/// The right input.
pub(crate) struct RightPort<K, L, R, W>(pub(crate) Rc<RefCell<StreamJoin<K, L, R, W>>>);

impl<K: Key, L: Data, R: Data, W: Clone> Receive<K, R> for RightPort<K, L, R, W> {
    fn receive(&mut self, record: Record<K, R>, context: &mut Context) -> Result<(), StreamsError> {
        self.0.borrow_mut().take_right(record, context)
    }
}
