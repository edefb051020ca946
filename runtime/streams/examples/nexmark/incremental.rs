//! A join without windows, as Nexmark's q3 and q20 want it: one record of a key meets all others of
//! the key, whichever comes first. It is a processor with two stores.

use gantry_streams::{
    Data, DataError, Processor, ProcessorContext, Record, Store, Stream, StreamsError,
};

/// A record of one of the two sides.
#[derive(Clone)]
pub(crate) enum Side<O, M> {
    /// The one of its key.
    One(O),
    /// One of those that meet it.
    Many(M),
}

impl<O: Data, M: Data> Data for Side<O, M> {
    fn encode(&self, to: &mut Vec<u8>) {
        match self {
            Self::One(one) => {
                to.push(0);
                one.encode(to);
            }
            Self::Many(many) => {
                to.push(1);
                many.encode(to);
            }
        }
    }
    fn decode(bytes: &[u8]) -> Result<Self, DataError> {
        match bytes.split_first() {
            Some((0, rest)) => O::decode(rest).map(Self::One),
            Some((1, rest)) => M::decode(rest).map(Self::Many),
            _ => Err(DataError::new("a side is 0 or 1")),
        }
    }
}

/// What comes out of each pair, if something does.
type Pair<O, M, W> = fn(&O, M) -> Option<W>;

/// Keeps the one of each key, and until it comes, those that wait for it.
struct Incremental<O, M, W>(Pair<O, M, W>);

const ONE: &str = "one";
const WAITING: &str = "waiting";

impl<O: Data, M: Data, W: Clone + 'static> Processor<u64, Side<O, M>> for Incremental<O, M, W> {
    type Key = u64;
    type Value = W;

    fn record(
        &mut self,
        record: Record<u64, Side<O, M>>,
        context: &mut ProcessorContext<'_, u64, W>,
    ) -> Result<(), StreamsError> {
        let Record { key, value, timestamp_ms, .. } = record;
        let mut found = Vec::new();
        {
            let mut ones = context.keyed::<u64, O>(ONE)?;
            let mut waiting = context.keyed::<u64, Vec<M>>(WAITING)?;
            match value {
                Side::One(one) => {
                    if waiting.get(&key)?.is_some() {
                        let all = waiting.change(&key)?.take().unwrap_or_default();
                        found.extend(all.into_iter().filter_map(|many| (self.0)(&one, many)));
                    }
                    ones.put(&key, Some(one))?;
                }
                Side::Many(many) => match ones.get(&key)? {
                    Some(one) => found.extend((self.0)(one, many)),
                    None => waiting.change(&key)?.get_or_insert_default().push(many),
                },
            }
        }
        for value in found {
            context.forward(Record::new(key, value, timestamp_ms))?;
        }
        Ok(())
    }
}

/// Joins two streams that have the key of the one on both sides.
pub(crate) fn join<O: Data, M: Data, W: Clone + 'static>(
    one: &Stream<u64, O>,
    many: &Stream<u64, M>,
    pair: Pair<O, M, W>,
) -> Stream<u64, W> {
    let one = one.map_values(|_, one| Side::One(one));
    let many = many.map_values(|_, many| Side::Many(many));
    let stores = [Store::keyed::<u64, O>(ONE), Store::keyed::<u64, Vec<M>>(WAITING)];
    one.merge(&many).repartition().process_values(stores, move || Incremental(pair))
}
