//! Many workers on one simulated broker, with simulated clocks and faults, from a seed.
//!
//! All that happens is decided by the seed: delays, crashes, pauses, outages, what users ask for.
//! After each step it is checked that no unit has two running owners and that no committed offset
//! goes back; at the end, when the faults have stopped, that all runs again, that nothing
//! acknowledged is lost and that all workers came to the same state.

mod broker;
mod faults;
mod worker;
mod world;

pub use faults::{Mutation, Plan};
pub use world::{Outcome, World, run, trace};

#[cfg(test)]
mod tests {
    use super::*;

    /// The first seed of some that a mistake spoils, and how.
    fn spoiled(mutation: Mutation) -> String {
        let violation = |seed| run(seed, mutation).violation;
        (1..200).find_map(violation).unwrap_or_default()
    }

    #[test]
    fn a_seed_gives_the_same_world_each_time() {
        for seed in 1..4 {
            assert_eq!(run(seed, Mutation::None), run(seed, Mutation::None));
        }
    }

    #[test]
    fn tasks_that_go_on_without_a_lease_are_found() {
        assert!(spoiled(Mutation::NoLease).contains(" worked in epoch "));
    }

    #[test]
    fn commits_of_former_owners_that_count_are_found() {
        let found = spoiled(Mutation::NoFence);
        assert!(found.contains("offset of "), "{found}");
    }

    #[test]
    fn appends_acknowledged_too_early_are_found() {
        assert_ne!(spoiled(Mutation::EarlyAcknowledgement), "");
    }

    #[test]
    fn a_log_that_is_read_in_two_orders_is_found() {
        assert_ne!(spoiled(Mutation::OtherOrder), "");
    }

    #[test]
    fn units_that_are_never_released_are_found() {
        assert!(spoiled(Mutation::NoRelease).contains(" at the end"));
    }
}
