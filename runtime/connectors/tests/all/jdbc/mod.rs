//! JDBC source and sink on SQLite, and on MariaDB and PostgreSQL where tests/native/jdbc.py has
//! started them.

mod database;
pub(crate) mod harness;
mod sink;
mod source;
mod types;

use database::Database;

/// Runs a test on one database.
macro_rules! on_each_database {
    ($($name:ident => $test:path;)*) => {
        mod sqlite {
            $(#[test] fn $name() { $test(&super::Database::sqlite()); })*
        }
        mod mariadb {
            $(#[test]
            #[ignore = "needs a server: tests/native/jdbc.py"]
            fn $name() { $test(&super::Database::mariadb(stringify!($name))); })*
        }
        mod postgres {
            $(#[test]
            #[ignore = "needs a server: tests/native/jdbc.py"]
            fn $name() { $test(&super::Database::postgres(stringify!($name))); })*
        }
    };
}

on_each_database! {
    types_become_connects => crate::jdbc::types::types_become_connects;
    numbers_that_grow => crate::jdbc::source::numbers_that_grow;
    times_with_equal_ones => crate::jdbc::source::times_with_equal_ones;
    times_and_numbers => crate::jdbc::source::times_and_numbers;
    all_of_it_each_time => crate::jdbc::source::all_of_it_each_time;
    a_query => crate::jdbc::source::a_query;
    tables_are_chosen_and_new_ones_found => crate::jdbc::source::tables_are_chosen_and_new_ones_found;
    what_cannot_be_read_is_said => crate::jdbc::source::what_cannot_be_read_is_said;
    a_column_more => crate::jdbc::source::a_column_more;
    a_table_that_is_dropped => crate::jdbc::source::a_table_that_is_dropped;
    servers_prove_who_they_are => crate::jdbc::source::servers_prove_who_they_are;
    names_are_no_statements => crate::jdbc::sink::names_are_no_statements;
    schemas_that_alternate => crate::jdbc::sink::schemas_that_alternate;
    topics_made_anew => crate::jdbc::sink::topics_made_anew;
    refused_records_and_offsets => crate::jdbc::sink::refused_records_and_offsets;
    a_result_that_breaks_off => crate::jdbc::source::a_result_that_breaks_off;
    offsets_that_cannot_be_kept => crate::jdbc::sink::offsets_that_cannot_be_kept;
    large_rows => crate::jdbc::sink::large_rows;
    tables_are_made_and_grow => crate::jdbc::sink::tables_are_made_and_grow;
    rows_are_replaced_and_deleted => crate::jdbc::sink::rows_are_replaced_and_deleted;
    primary_keys_of_each_mode => crate::jdbc::sink::primary_keys_of_each_mode;
    rows_are_changed => crate::jdbc::sink::rows_are_changed;
    records_that_do_not_fit => crate::jdbc::sink::records_that_do_not_fit;
    what_the_database_refuses => crate::jdbc::sink::what_the_database_refuses;
    offsets_beside_the_rows => crate::jdbc::sink::offsets_beside_the_rows;
    what_is_written_is_read_again => crate::jdbc::sink::what_is_written_is_read_again;
}
