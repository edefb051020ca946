//! Sessions of exactly-once sources that nobody will end: the owner died, and the unit shall not
//! run any more. Readers would wait for ever for what becomes of their last records.

use std::collections::BTreeMap;

use crate::fold::State;
use crate::offsets::{Epoch, OffsetFold, OffsetRecord, Scope};
use crate::record::Unit;

/// The sessions that look like that, and since when.
#[derive(Debug, Default)]
pub struct Orphans(BTreeMap<(Scope, Unit, Epoch), u64>);

impl Orphans {
    /// Gives what ends those that have looked like that for a session time-out: the two logs are
    /// not read at the same pace. Ending one whose owner goes on is safe, but sets it back.
    pub fn look(
        &mut self,
        clock_ms: u64,
        session_ms: u64,
        state: &State,
        fold: &OffsetFold,
    ) -> Vec<OffsetRecord> {
        let sessions = fold.open_sessions();
        let orphans = sessions.filter(|(_, unit, _)| !state.is_wanted(unit) && state.is_free(unit));
        let known = std::mem::take(&mut self.0);
        self.0 = orphans
            .map(|session| {
                let since_ms = known.get(&session).copied().unwrap_or(clock_ms);
                (session, since_ms)
            })
            .collect();
        let ripe = self.0.iter().filter(|(_, since_ms)| clock_ms - **since_ms >= session_ms);
        ripe.map(|((scope, unit, epoch), _)| OffsetRecord::end(scope, unit, *epoch)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::TransactionId;

    #[test]
    fn a_session_that_nobody_will_end_is_ended_after_a_while() {
        let unit = Unit::task(&"gone".into(), 0);
        let scope = Scope { connector: "gone".into(), generation: 1 };
        let (epoch, id) = (Epoch { claim: 2, session: 1 }, TransactionId(7));
        let mut fold = OffsetFold::default();
        fold.apply(&OffsetRecord::Barrier { scope, unit, epoch, transaction: Some(id) });
        let (mut orphans, state) = (Orphans::default(), State::default());
        assert_eq!(orphans.look(1_000, 500, &state, &fold), []);
        assert_eq!(orphans.look(1_499, 500, &state, &fold), []);
        let ends = orphans.look(1_500, 500, &state, &fold);
        assert_eq!(ends.len(), 1);
        ends.iter().for_each(|end| {
            fold.apply(end);
        });
        assert_eq!(fold.fate(id, "t", 0), None, "nothing of it counts");
        assert_eq!(orphans.look(2_500, 500, &state, &fold), []);
    }
}
