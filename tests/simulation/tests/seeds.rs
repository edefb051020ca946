//! Seeds that once showed a mistake of the protocol, with what it was.

use gantry_simulation::{Mutation, run};

fn hold(seeds: &[u64]) {
    for &seed in seeds {
        assert_eq!(run(seed, Mutation::None).violation, None, "seed {seed}");
    }
}

/// Two workers wrote a snapshot each, the slower one counted less and came last; what only the
/// other one counts had expired.
#[test]
fn of_two_snapshots_the_one_that_counts_more_is_read() {
    hold(&[936, 2836, 6678]);
}

/// The log was cut; a worker found by a heartbeat that it had to read anew and took what was read
/// with that heartbeat for the log's beginning.
#[test]
fn what_was_read_before_reading_began_anew_does_not_count() {
    hold(&[4616, 7100, 8791, 9041]);
}

/// The log was cut so far that workers did not know each other any more, and did not compare what
/// they had folded.
#[test]
fn workers_that_do_not_know_each_other_compare_their_logs() {
    hold(&[1539, 1938, 9743]);
}

/// The log was cut, and lost claims, releases and (1863) tasks that their writer had not read yet:
/// it waited for them for ever, as later records of its own came.
#[test]
fn what_the_log_lost_is_said_again() {
    hold(&[1863, 2313, 3006, 4409, 9209, 9256]);
}
