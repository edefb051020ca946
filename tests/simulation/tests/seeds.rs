//! Seeds that once showed a mistake of the protocol, with what it was. A change of the simulator
//! makes other worlds of them; each mistake has a test of its own beside the protocol, too.

use gantry_simulation::{Mutation, run, run_exactly_once, run_with_cuts};

fn hold(seeds: &[u64]) {
    for &seed in seeds {
        assert_eq!(run(seed, Mutation::None).violation, None, "seed {seed}");
    }
}

fn hold_with_cuts(seeds: &[u64]) {
    for &seed in seeds {
        assert_eq!(run_with_cuts(seed).violation, None, "seed {seed} with cuts");
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
    hold_with_cuts(&[147, 195, 750, 1030, 1041, 1048]);
}

/// A version, a generation or an epoch was cut off and given again; a worker took the new one for
/// the old one that it ran.
#[test]
fn stamps_that_are_given_again_are_others() {
    hold(&[26825]);
    hold_with_cuts(&[1847, 3501]);
}

/// A unit was started from a state that was being read anew.
#[test]
fn nothing_starts_while_the_log_is_read_anew() {
    hold_with_cuts(&[1314, 3269, 8488]);
}

/// All workers had read the same lost records and not what took their place, until one came that
/// had not: all stopped what they ran (2941: and tasks of a past generation were claimed over and
/// over).
#[test]
fn a_cut_is_seen_before_somebody_comes_who_never_saw_what_was_lost() {
    hold_with_cuts(&[2941, 3044, 6072, 9002]);
}

/// The owner of an exactly-once task died, its connector was stopped or deleted, and nobody ended
/// its last session: readers waited for ever behind its last records.
#[test]
fn sessions_without_an_owner_end() {
    for seed in [6, 13, 19, 33] {
        assert_eq!(run_exactly_once(seed).violation, None, "seed {seed}, exactly once");
    }
}
