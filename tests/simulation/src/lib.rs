//! Many workers on one simulated broker, with simulated clocks and faults, from a seed.
//!
//! All that happens is decided by the seed: delays, crashes, pauses, outages, what users ask for.
//! After each step it is checked that no unit has two running owners and that no committed offset
//! goes back, and that whoever reads what exactly-once tasks wrote is given each line once and in
//! order; at the end, when the faults have stopped, that all runs again, that nothing
//! acknowledged is lost and that all workers came to the same state.

mod broker;
mod faults;
mod worker;
mod world;

pub use faults::{Mutation, Plan};
pub use world::{Outcome, World, run, run_exactly_once, run_with_cuts, trace};

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether a mistake spoils one seed of some, and a check says so in these words.
    fn finds(mutation: Mutation, words: &str) -> bool {
        let found = |seed| run(seed, mutation).violation.is_some_and(|what| what.contains(words));
        (1..300).any(found)
    }

    #[test]
    fn a_seed_gives_the_same_world_each_time() {
        for seed in 1..4 {
            assert_eq!(run(seed, Mutation::None), run(seed, Mutation::None));
        }
    }

    #[test]
    fn a_unit_with_two_owners_is_found() {
        assert!(finds(Mutation::NoLease, " worked in epoch "));
        assert!(finds(Mutation::EarlyAcknowledgement, " runs on worker "));
    }

    #[test]
    fn commits_of_former_owners_that_count_are_found() {
        assert!(finds(Mutation::NoFence, "offset of "));
        assert!(finds(Mutation::NoBarrier, "offset of "));
    }

    #[test]
    fn an_acknowledged_configuration_that_is_lost_is_found() {
        assert!(finds(Mutation::Forgetful, " was acknowledged and is "));
    }

    #[test]
    fn a_log_that_is_read_in_two_orders_is_found() {
        assert!(finds(Mutation::OtherOrder, " came to another state "));
    }

    #[test]
    fn lines_that_come_twice_or_never_are_found() {
        assert!(finds(Mutation::Resend, " was given after line "));
        assert!(finds(Mutation::Hasty, " was given after line "));
        assert!(finds(Mutation::Orphans, " is held for ever"));
    }

    #[test]
    fn a_unit_that_does_not_run_is_found() {
        assert!(finds(Mutation::NoRelease, " runs on None at the end"));
    }

    #[test]
    fn a_unit_that_moves_without_need_is_found() {
        assert!(finds(Mutation::Restless, " moved "));
    }
}
