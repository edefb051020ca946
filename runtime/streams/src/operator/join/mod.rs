//! Records that meet others of their key.

mod side;
mod stream;
mod table;

use std::sync::Arc;

pub(crate) use stream::{LeftPort, RightPort, StreamJoin, Tells};
pub(crate) use table::{IsThere, LeftTable, RightTable, StreamTable, TableJoin, TablePort};

/// Makes one value of the two sides, of which one may be missing; or nothing.
pub(crate) type Joiner<K, L, R, W> =
    Arc<dyn Fn(&K, Option<&L>, Option<&R>) -> Option<W> + Send + Sync>;
