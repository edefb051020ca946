//! The tables of a job. One has the entries of its state, the other one row for each task.
//!
//! Keys of state are a part of the primary key as they are, so that they are read in order; InnoDB
//! takes 3,072 bytes for that, so that a longer one cannot be kept, which is an error that says so.

use std::fmt;

use mysql::prelude::Queryable;

use super::client::{Client, Fault};
use crate::error::StreamsError;

/// Longest key of an entry.
pub(super) const KEY_BYTES_MAX: usize = 3_000;

/// Names of the tables.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Tables {
    pub(super) state: String,
    pub(super) progress: String,
}

/// So much of a job's name is in the names of its tables.
const NAME_MAX: usize = 36;

impl Tables {
    /// Those of a job. Where its name has more than small letters, digits and `_`, or is too long,
    /// these have a hash behind what can be said of it.
    pub(super) fn of(job: &str) -> Self {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        let mut name: String =
            job.chars().take(NAME_MAX).map(|c| if plain(c) { c } else { '_' }).collect();
        if name != job {
            name = format!("{name}_{:08x}", hash(job.as_bytes()));
        }
        Self { state: format!("gantry_{name}_state"), progress: format!("gantry_{name}_progress") }
    }

    /// Makes those that are not there. A user who may not make tables can have them made before.
    pub(super) fn make(&self, client: &Client) -> Result<(), StreamsError> {
        client.with(|connection| {
            for (table, statement) in
                [(&self.state, self.make_state()), (&self.progress, self.make_progress())]
            {
                match connection.conn.query_drop(format!("SELECT 1 FROM `{table}` LIMIT 0")) {
                    Ok(()) => {}
                    Err(mysql::Error::MySqlError(error)) if error.code == NO_SUCH_TABLE => {
                        connection.conn.query_drop(statement)?;
                    }
                    Err(error) => return Err(Fault::Server(error)),
                }
            }
            Ok(())
        })
    }

    fn make_state(&self) -> String {
        format!(
            "CREATE TABLE IF NOT EXISTS `{}` (
                sub_topology SMALLINT UNSIGNED NOT NULL,
                queue INT UNSIGNED NOT NULL,
                store SMALLINT UNSIGNED NOT NULL,
                entry_key VARBINARY({KEY_BYTES_MAX}) NOT NULL,
                entry_value LONGBLOB NULL,
                number BIGINT UNSIGNED NOT NULL,
                gone TINYINT UNSIGNED NOT NULL,
                former_value LONGBLOB NULL,
                former_number BIGINT UNSIGNED NULL,
                PRIMARY KEY (sub_topology, queue, store, entry_key),
                KEY by_number (sub_topology, queue, gone, number)
            ) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 ROW_FORMAT=DYNAMIC
              COMMENT='state of a Gantry Streams job, format 1'",
            self.state
        )
    }

    fn make_progress(&self) -> String {
        format!(
            "CREATE TABLE IF NOT EXISTS `{}` (
                sub_topology SMALLINT UNSIGNED NOT NULL,
                queue INT UNSIGNED NOT NULL,
                number BIGINT UNSIGNED NOT NULL,
                claim BIGINT UNSIGNED NOT NULL,
                session BIGINT UNSIGNED NOT NULL,
                forgotten BIGINT UNSIGNED NOT NULL,
                PRIMARY KEY (sub_topology, queue)
            ) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4
              COMMENT='tasks of a Gantry Streams job, format 1'",
            self.progress
        )
    }
}

const NO_SUCH_TABLE: u16 = 1146;

impl fmt::Display for Tables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "tables {} and {}", self.state, self.progress)
    }
}

/// FNV-1a: always the same for the same name.
fn hash(bytes: &[u8]) -> u32 {
    let step = |hash: u32, byte: &u8| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193);
    bytes.iter().fold(0x811c_9dc5, step)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_tables_are_safe_short_and_differ() {
        let names = ["orders", "orders-1", "orders_1", "Orders", "x`; DROP TABLE y", "größe", ""];
        let long = "long".repeat(60);
        let mut seen = std::collections::BTreeSet::new();
        for job in names.into_iter().chain([&*long]) {
            let tables = Tables::of(job);
            for table in [&tables.state, &tables.progress] {
                assert!(table.len() <= 64, "{table}");
                let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
                assert!(table.chars().all(plain), "{table}");
            }
            assert!(seen.insert(tables.state), "{job}");
        }
        assert_eq!(Tables::of("orders").state, "gantry_orders_state");
        assert_eq!(Tables::of("orders-1").progress, "gantry_orders_1_9f25e6c6_progress");
    }
}
