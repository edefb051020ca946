//! Aggregates of a program's own (UDAF), and the usual ones.

use std::marker::PhantomData;
use std::ops::Add;

use crate::data::Data;

/// How values become one. What it keeps between two values is kept in state, so it is [`Data`].
pub trait Aggregate<V>: Send + Sync + 'static {
    /// What is kept.
    type State: Data;
    /// What comes out.
    type Output: Data;

    /// Of no value.
    fn begin(&self) -> Self::State;
    /// Takes a value.
    fn add(&self, state: &mut Self::State, value: &V);
    /// Takes what another state has: of windows that become one, and of the pieces of windows that
    /// overlap. `other` is of later values.
    fn merge(&self, state: &mut Self::State, other: &Self::State);
    /// What comes out; nothing, where there is nothing to tell.
    fn result(&self, state: &Self::State) -> Option<Self::Output>;
}

/// How many there are.
#[derive(Clone, Copy, Debug, Default)]
pub struct Count;

impl<V> Aggregate<V> for Count {
    type State = u64;
    type Output = u64;
    fn begin(&self) -> u64 {
        0
    }
    fn add(&self, state: &mut u64, _: &V) {
        *state += 1;
    }
    fn merge(&self, state: &mut u64, other: &u64) {
        *state += *other;
    }
    fn result(&self, state: &u64) -> Option<u64> {
        Some(*state)
    }
}

macro_rules! of_field {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        pub struct $name<F, T>(F, PhantomData<fn() -> T>);

        impl<F, T> $name<F, T> {
            /// Of what the function takes from each value.
            pub fn of(field: F) -> Self {
                Self(field, PhantomData)
            }
        }

        impl<F, T> std::fmt::Debug for $name<F, T> {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(stringify!($name))
            }
        }
    };
}

of_field! {
    /// The sum of a number of each value.
    Sum
}
of_field! {
    /// The least of something of each value.
    Min
}
of_field! {
    /// The greatest of something of each value.
    Max
}
of_field! {
    /// The mean of a number of each value.
    Avg
}

impl<V, T, F> Aggregate<V> for Sum<F, T>
where
    T: Data + Default + Copy + Add<Output = T>,
    F: Fn(&V) -> T + Send + Sync + 'static,
{
    type State = T;
    type Output = T;
    fn begin(&self) -> T {
        T::default()
    }
    fn add(&self, state: &mut T, value: &V) {
        *state = *state + (self.0)(value);
    }
    fn merge(&self, state: &mut T, other: &T) {
        *state = *state + *other;
    }
    fn result(&self, state: &T) -> Option<T> {
        Some(*state)
    }
}

fn keep<T: Clone>(state: &mut Option<T>, found: &T, better: impl Fn(&T, &T) -> bool) {
    if state.as_ref().is_none_or(|kept| better(found, kept)) {
        *state = Some(found.clone());
    }
}

macro_rules! extreme {
    ($name:ident, $better:expr) => {
        impl<V, T, F> Aggregate<V> for $name<F, T>
        where
            T: Data + PartialOrd,
            F: Fn(&V) -> T + Send + Sync + 'static,
        {
            type State = Option<T>;
            type Output = T;
            fn begin(&self) -> Option<T> {
                None
            }
            fn add(&self, state: &mut Option<T>, value: &V) {
                keep(state, &(self.0)(value), $better);
            }
            fn merge(&self, state: &mut Option<T>, other: &Option<T>) {
                if let Some(other) = other {
                    keep(state, other, $better);
                }
            }
            fn result(&self, state: &Option<T>) -> Option<T> {
                state.clone()
            }
        }
    };
}
extreme!(Min, |found: &T, kept: &T| found < kept);
extreme!(Max, |found: &T, kept: &T| found > kept);

impl<V, F> Aggregate<V> for Avg<F, f64>
where
    F: Fn(&V) -> f64 + Send + Sync + 'static,
{
    type State = (u64, f64);
    type Output = f64;
    fn begin(&self) -> (u64, f64) {
        (0, 0.0)
    }
    fn add(&self, state: &mut (u64, f64), value: &V) {
        state.0 += 1;
        state.1 += (self.0)(value);
    }
    fn merge(&self, state: &mut (u64, f64), other: &(u64, f64)) {
        state.0 += other.0;
        state.1 += other.1;
    }
    #[expect(clippy::cast_precision_loss, reason = "a mean of so many is no more exact")]
    fn result(&self, state: &(u64, f64)) -> Option<f64> {
        (state.0 > 0).then(|| state.1 / state.0 as f64)
    }
}

/// Two values become one of their kind: [`Grouped::reduce`](crate::Grouped::reduce).
pub struct Reduce<F>(pub F);

impl<F> std::fmt::Debug for Reduce<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Reduce")
    }
}

impl<V: Data, F: Fn(&V, &V) -> V + Send + Sync + 'static> Aggregate<V> for Reduce<F> {
    type State = Option<V>;
    type Output = V;
    fn begin(&self) -> Option<V> {
        None
    }
    fn add(&self, state: &mut Option<V>, value: &V) {
        *state = Some(match state.as_ref() {
            Some(kept) => (self.0)(kept, value),
            None => value.clone(),
        });
    }
    fn merge(&self, state: &mut Option<V>, other: &Option<V>) {
        if let Some(other) = other {
            self.add(state, other);
        }
    }
    fn result(&self, state: &Option<V>) -> Option<V> {
        state.clone()
    }
}

/// By functions: a beginning, how a value is taken, how two states become one.
pub struct Fold<B, A, M>(pub B, pub A, pub M);

impl<B, A, M> std::fmt::Debug for Fold<B, A, M> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Fold")
    }
}

impl<V, S, B, A, M> Aggregate<V> for Fold<B, A, M>
where
    S: Data,
    B: Fn() -> S + Send + Sync + 'static,
    A: Fn(&mut S, &V) + Send + Sync + 'static,
    M: Fn(&mut S, &S) + Send + Sync + 'static,
{
    type State = S;
    type Output = S;
    fn begin(&self) -> S {
        (self.0)()
    }
    fn add(&self, state: &mut S, value: &V) {
        (self.1)(state, value);
    }
    fn merge(&self, state: &mut S, other: &S) {
        (self.2)(state, other);
    }
    fn result(&self, state: &S) -> Option<S> {
        Some(state.clone())
    }
}
