//! The contract suite: what every implementation of the traits must do, sentence by sentence, as
//! functions that take a log and panic where it breaks its word.
//!
//! [`log_contract_tests!`](crate::log_contract_tests) makes a test of each. The functions create
//! topics with names of their own, so they may share a log, also one that lives on.

#![expect(clippy::expect_used, reason = "a suite for tests: to panic is how it tells")]

mod admin;
mod append;
mod groups;
mod read;
mod support;

pub use admin::{
    deleted_topic_is_gone, names_and_sizes_are_checked, queues_are_added_and_begin_where_asked,
    topic_changes_count_up, topics_are_created_and_listed,
    topics_created_by_several_are_there_for_all,
};
pub use append::too_large_records_are_refused;
pub use append::{
    appenders_at_once_keep_their_order, batches_get_offsets_in_the_order_given,
    dropping_the_durable_future_writes_all_the_same, durable_in_the_order_accepted,
    empty_batches_get_the_next_offset, one_bad_batch_refuses_the_append,
    unknown_queues_are_refused,
};
pub use groups::{
    commits_are_read_back, deleting_a_topic_removes_its_commits, groups_are_listed_and_deleted,
    unknown_queues_are_not_committed,
};
pub use read::{
    compacted_topic_keeps_the_last_of_each_key, each_record_comes_back_as_it_was, limits_are_kept,
    offset_for_time_finds_the_first, queues_get_their_turn, range_tells_what_is_there,
    read_beyond_the_end_fails, read_may_be_dropped, read_of_a_deleted_topic_fails,
    read_tells_position_and_end, read_waits_no_longer_than_asked, read_wakes_for_any_of_its_queues,
    readers_at_the_end_of_a_compacted_topic_miss_nothing, the_log_sets_the_time_where_asked,
};

/// Makes a test of each function of the [contract suite](crate::contract). Takes attributes for
/// each test, such as `#[ignore = "why"]`, and the name of a function that
/// gives a new `(Arc<dyn FullLog>, guard)`, where the guard lives as long as the test, for
/// example a temporary directory. Each test runs on a runtime of its own with two threads; the
/// calling crate needs tokio with `macros` and `rt-multi-thread`.
#[macro_export]
macro_rules! log_contract_tests {
    ($(#[$attribute:meta])* $make:ident) => {
        $crate::log_contract_tests!(@each [$(#[$attribute])*] $make;
            each_record_comes_back_as_it_was,
            durable_in_the_order_accepted,
            dropping_the_durable_future_writes_all_the_same,
            batches_get_offsets_in_the_order_given,
            empty_batches_get_the_next_offset,
            appenders_at_once_keep_their_order,
            unknown_queues_are_refused,
            one_bad_batch_refuses_the_append,
            read_tells_position_and_end,
            the_log_sets_the_time_where_asked,
            read_waits_no_longer_than_asked,
            read_wakes_for_any_of_its_queues,
            read_may_be_dropped,
            read_beyond_the_end_fails,
            read_of_a_deleted_topic_fails,
            limits_are_kept,
            queues_get_their_turn,
            range_tells_what_is_there,
            offset_for_time_finds_the_first,
            compacted_topic_keeps_the_last_of_each_key,
            readers_at_the_end_of_a_compacted_topic_miss_nothing,
            topics_created_by_several_are_there_for_all,
            topics_are_created_and_listed,
            names_and_sizes_are_checked,
            deleted_topic_is_gone,
            queues_are_added_and_begin_where_asked,
            topic_changes_count_up,
            commits_are_read_back,
            groups_are_listed_and_deleted,
            unknown_queues_are_not_committed,
            deleting_a_topic_removes_its_commits,
        );
    };
    (@each $attributes:tt $make:ident; $($name:ident,)*) => {
        $($crate::log_contract_tests!(@one $attributes $make $name);)*
    };
    (@one [$($attribute:tt)*] $make:ident $name:ident) => {
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        $($attribute)*
        async fn $name() {
            let (log, _guard) = $make();
            $crate::contract::$name(log).await;
        }
    };
}
