//! A state with the time of the last record in it.

use crate::aggregate::Aggregate;
use crate::data::Data;
use crate::error::DataError;

/// What an aggregate keeps, and the latest event time of what it took.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Stamped<S> {
    pub(crate) timestamp_ms: i64,
    pub(crate) state: S,
}

impl<S: Data> Data for Stamped<S> {
    fn encode(&self, to: &mut Vec<u8>) {
        self.timestamp_ms.encode(to);
        self.state.encode(to);
    }
    fn decode(bytes: &[u8]) -> Result<Self, DataError> {
        let parts = bytes.split_at_checked(8).ok_or_else(|| DataError::new("it ends too early"))?;
        Ok(Self { timestamp_ms: i64::decode(parts.0)?, state: S::decode(parts.1)? })
    }
}

/// Takes a value into what there is, or begins.
pub(crate) fn add<V, A: Aggregate<V>>(
    aggregate: &A,
    slot: &mut Option<Stamped<A::State>>,
    value: &V,
    timestamp_ms: i64,
) {
    let stamped = slot.get_or_insert_with(|| Stamped { timestamp_ms, state: aggregate.begin() });
    stamped.timestamp_ms = stamped.timestamp_ms.max(timestamp_ms);
    aggregate.add(&mut stamped.state, value);
}

/// Takes a state of later values into what there is, or begins with it.
pub(crate) fn merge<V, A: Aggregate<V>>(
    aggregate: &A,
    slot: &mut Option<Stamped<A::State>>,
    other: &Stamped<A::State>,
) {
    match slot {
        Some(stamped) => {
            stamped.timestamp_ms = stamped.timestamp_ms.max(other.timestamp_ms);
            aggregate.merge(&mut stamped.state, &other.state);
        }
        None => *slot = Some(other.clone()),
    }
}
